//! What somebody sends: sound and pictures on schedule, through the packetisers of `rtp`.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtp::codec::h264::H264Payloader;
use rtp::codec::opus::OpusPayloader;
use rtp::codec::vp8::Vp8Payloader;
use rtp::extension::HeaderExtension;
use rtp::extension::audio_level_extension::AudioLevelExtension;
use rtp::packetizer::{Packetizer, Payloader, new_packetizer};
use rtp::sequence::new_random_sequencer;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};

use super::connection::Outlet;
use super::requests::is_keyframe_request;
use super::{built_in, stack};
use crate::measure::Histogram;
use crate::recording::{Codec, Piece, Reel};

/// Longest RTP packet before header extensions, bytes; with them and SRTP's tag it stays below 1,232.
const MTU: usize = 1_150;
/// Loudness of somebody who talks, and of a quiet room, -dBov.
const LOUD: u8 = 25;
const QUIET: u8 = 127;
/// Behind schedule by more than this, what was missed is left out, as a microphone's driver does.
const TOO_LATE: Duration = Duration::from_secs(1);

/// Where pictures come from.
#[derive(Clone, Debug)]
pub(super) enum Pictures {
    Recorded(Codec, Reel),
    BuiltIn(built_in::Camera),
}

impl Pictures {
    pub(super) fn codec(&self) -> Codec {
        if let Self::Recorded(codec, _) = self { *codec } else { Codec::Vp8 }
    }

    fn next(&mut self) -> Piece {
        match self {
            Self::Recorded(_, reel) => reel.turn(),
            Self::BuiltIn(camera) => camera.picture(),
        }
    }

    fn want_keyframe(&mut self) {
        match self {
            Self::Recorded(_, reel) => reel.skip_to_keyframe(),
            Self::BuiltIn(camera) => camera.want_keyframe(),
        }
    }
}

/// Turns of speech: so long loud, so long silent, over and over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    pub(super) talks: Duration,
    pub(super) listens: Duration,
}

impl Turns {
    fn is_loud(self, since_start: Duration) -> bool {
        let whole = (self.talks + self.listens).as_micros().max(1);
        since_start.as_micros() % whole < self.talks.as_micros()
    }
}

/// What the tasks of one person share.
#[derive(Debug)]
pub(super) struct Sending {
    window: Range<Instant>,
    counts: Mutex<(u64, Histogram)>,
    /// Somebody sees the camera.
    pub(super) camera_needed: AtomicBool,
    keyframe_wanted: AtomicBool,
}

impl Sending {
    pub(super) fn new(window: Range<Instant>) -> Self {
        let (camera_needed, keyframe_wanted) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { window, counts: Mutex::default(), camera_needed, keyframe_wanted }
    }

    /// Packets that left in the measured time, and how late they did.
    pub(super) fn counts(&self) -> (u64, Histogram) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, due: Instant, packets: u64) {
        let now = Instant::now();
        if self.window.contains(&now) {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.0 += packets;
            counts.1.record(now.saturating_duration_since(due));
        }
    }
}

/// Sends sound until it is given up.
pub(super) async fn speak(outlet: Outlet, mut recorded: Option<Reel>, turns: Turns, sending: Arc<Sending>) {
    let mut packetizer = packetizer(&outlet, stack::OPUS, Box::new(OpusPayloader), 48_000);
    let mut schedule = Schedule::new(48_000);
    for number in 0.. {
        let piece = recorded.as_mut().map_or_else(|| built_in::sound(number), Reel::turn);
        let due = schedule.wait().await;
        let level = if turns.is_loud(due - schedule.start) { LOUD } else { QUIET };
        let extension = HeaderExtension::AudioLevel(AudioLevelExtension { level, voice: level == LOUD });
        let mut sent = 0;
        for packet in packetizer.packetize(due, &piece.data, schedule.pass(piece.lasts)).unwrap_or_default() {
            // Fails once the connection is closed.
            sent += u64::from(outlet.track.write_rtp_with_extensions(packet, std::slice::from_ref(&extension)).await.is_ok());
        }
        sending.note(due, sent);
    }
}

/// Sends pictures until it is given up.
pub(super) async fn show(outlet: Outlet, mut pictures: Pictures, sending: Arc<Sending>) {
    let payloader: Box<dyn Payloader> = match pictures.codec() {
        Codec::Vp8 => {
            let mut payloader = Vp8Payloader::default();
            payloader.enable_picture_id = true;
            Box::new(payloader)
        }
        Codec::H264 => Box::new(H264Payloader::default()),
    };
    let mut packetizer = packetizer(&outlet, stack::payload_type(pictures.codec()), payloader, 90_000);
    let mut schedule = Schedule::new(90_000);
    let mut shown = true;
    loop {
        let needed = sending.camera_needed.load(Ordering::Relaxed);
        if sending.keyframe_wanted.swap(false, Ordering::Relaxed) || needed && !shown {
            pictures.want_keyframe();
        }
        shown = needed;
        let piece = pictures.next();
        let due = schedule.wait().await;
        let ticks = schedule.pass(piece.lasts);
        if !needed {
            // The camera goes on, as its clock does.
            packetizer.skip_samples(ticks);
            continue;
        }
        let mut sent = 0;
        for packet in packetizer.packetize(due, &piece.data, ticks).unwrap_or_default() {
            sent += u64::from(outlet.track.write_rtp(packet).await.is_ok());
        }
        sending.note(due, sent);
    }
}

/// Notes keyframe requests until the track is closed.
pub(super) async fn listen(outlet: Outlet, sending: Arc<Sending>) {
    while let Some(event) = outlet.track.poll().await {
        if let TrackLocalEvent::OnRtcpPacket(messages) = event
            && messages.iter().any(|message| is_keyframe_request(message.as_ref()))
        {
            sending.keyframe_wanted.store(true, Ordering::Relaxed);
        }
    }
}

/// When what is due, by what lasted before; ticks of the media clock add up without rounding errors.
struct Schedule {
    start: Instant,
    passed: Duration,
    rate: u32,
    ticks: u64,
}

impl Schedule {
    fn new(rate: u32) -> Self {
        Self { start: Instant::now(), passed: Duration::ZERO, rate, ticks: 0 }
    }

    /// Waits until the next piece is due; gives that moment, also when it is long over.
    async fn wait(&mut self) -> Instant {
        let due = self.start + self.passed;
        tokio::time::sleep_until(due.into()).await;
        let late = due.elapsed();
        if late > TOO_LATE {
            self.start += late;
        }
        due
    }

    /// A piece of this length was due; gives its length in ticks.
    fn pass(&mut self, lasts: Duration) -> u32 {
        self.passed += lasts;
        let ticks = (self.passed.as_nanos() * u128::from(self.rate) / 1_000_000_000) as u64;
        (ticks - std::mem::replace(&mut self.ticks, ticks)) as u32
    }
}

fn packetizer(outlet: &Outlet, payload_type: u8, payloader: Box<dyn Payloader>, rate: u32) -> impl Packetizer + use<> {
    new_packetizer(Instant::now(), MTU, payload_type, outlet.ssrc, payloader, Box::new(new_random_sequencer()), rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_pictures_a_second_are_90000_ticks_whatever_the_rounding() {
        let mut schedule = Schedule::new(90_000);
        let lasts = Duration::from_secs_f64(1.0 / 30.0);
        let ticks: Vec<u32> = (0..3_000).map(|_| schedule.pass(lasts)).collect();
        assert!(ticks.iter().all(|ticks| (2_999..=3_000).contains(ticks)));
        assert!((8_999_990..=9_000_000).contains(&ticks.iter().sum::<u32>()));
    }

    #[test]
    fn people_take_turns() {
        let turns = Turns { talks: Duration::from_secs(2), listens: Duration::from_secs(6) };
        let loud = (0..80).filter(|second| turns.is_loud(Duration::from_millis(1_000 * second + 500))).count();
        assert_eq!(loud, 20);
    }
}
