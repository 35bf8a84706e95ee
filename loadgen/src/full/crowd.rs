//! All people of a run who come with the independent client, on a runtime of their own.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::choice::Chosen;
use super::figures::Figures;
use super::outgoing::{Pictures, Turns};
use super::person::{self, Guest};
use super::{Wanted, built_in};
use crate::measure::machine;
use crate::recording::Reel;
use crate::scenario::Profile;
use crate::target::Relay;

/// How often somebody looks whether the run was stopped.
const PACE: Duration = Duration::from_millis(100);
/// People for one thread: webrtc-rs takes some 5 µs a packet and some 200 a second come to each in a meeting of three.
const PEOPLE_A_THREAD: usize = 8;

/// What they have to know of the run.
pub struct Plan<'a> {
    /// Where they go.
    pub relay: &'a Relay,
    /// What is played.
    pub profile: &'a Profile,
    /// What they send.
    pub wanted: &'a Wanted,
    /// Who comes.
    pub chosen: &'a [Chosen],
    /// The beginning of the run, and what of it is measured.
    pub epoch: Instant,
    /// From when to when.
    pub measured: (Duration, Duration),
    /// Own address.
    pub local: IpAddr,
    /// Set by whoever wants to stop early.
    pub stop: Arc<AtomicBool>,
}

/// People under way.
pub struct Crowd(JoinHandle<Figures>);

impl Crowd {
    /// They come as planned from now on. `room` names a meeting's room, `tile` the size at which others are shown in a meeting of so many.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(plan: &Plan<'_>, room: impl Fn(u32) -> String, tile: impl Fn(usize) -> [u16; 2]) -> io::Result<Self> {
        let threads = (plan.chosen.len() / PEOPLE_A_THREAD + 1).min((machine::cores() as usize / 2).max(1));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_name("full").enable_all().build()?;
        let guests: Vec<Guest> = plan.chosen.iter().map(|chosen| guest(plan, chosen, room(chosen.meeting), tile(chosen.people))).collect();
        let stop = plan.stop.clone();
        let thread = std::thread::Builder::new().name("full-crowd".to_owned());
        thread.spawn(move || runtime.block_on(all(guests, stop))).map(Self)
    }

    /// Waits until all have gone; `None` if something broke that never should.
    #[must_use]
    pub fn finish(self) -> Option<Figures> {
        self.0.join().ok()
    }
}

fn guest(plan: &Plan<'_>, chosen: &Chosen, room: String, tile: [u16; 2]) -> Guest {
    let (profile, recording) = (plan.profile, &plan.wanted.recording);
    let others = chosen.people.saturating_sub(1);
    let at = |offset: Duration| plan.epoch + offset;
    let span = |seconds: f64| Duration::from_secs_f64(seconds.clamp(0.1, 3_600.0));
    let turns = Turns { talks: span(profile.talk_seconds), listens: span(profile.silence_seconds * others.max(1) as f64) };
    let recorded = recording.camera.clone().map(|(codec, track)| Pictures::Recorded(codec, Reel::new(Arc::new(track))));
    let camera = || recorded.unwrap_or_else(|| Pictures::BuiltIn(built_in::Camera::default()));
    Guest {
        relay: plan.relay.clone(),
        room,
        name: format!("person-{}", chosen.number),
        joins: at(chosen.joins),
        leaves: at(chosen.leaves),
        window: at(plan.measured.0)..at(plan.measured.1),
        // One more picture than people: somebody may share a screen.
        slots: (others.min(profile.audio_slots as usize), (others + 1).min(profile.video_slots as usize)),
        tile,
        local: plan.local,
        turns,
        microphone: chosen.microphone.then(|| recording.microphone.clone().map(|track| Reel::new(Arc::new(track)))),
        camera: chosen.camera.then(camera),
    }
}

async fn all(guests: Vec<Guest>, stop: Arc<AtomicBool>) -> Figures {
    let (stopper, stopped) = watch::channel(false);
    let mut visits: JoinSet<Figures> = guests.into_iter().map(|guest| person::visit(guest, stopped.clone())).collect();
    let mut sum = Figures::default();
    while !visits.is_empty() {
        match tokio::time::timeout(PACE, visits.join_next()).await {
            Ok(Some(Ok(figures))) => sum.add(&figures),
            Ok(Some(Err(broken))) => {
                sum.clients.planned += 1;
                sum.clients.failed += 1;
                sum.complaints.push(format!("an independent client broke: {broken}"));
            }
            Ok(None) => break,
            Err(_) => drop(stopper.send_replace(stop.load(Ordering::Relaxed))),
        }
    }
    sum
}
