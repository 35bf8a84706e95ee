//! One person: comes, sends, receives all others, goes, and tells what there was to count.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use signal::message::{ByeReason, ClientMessage, Device, Limited, ServerMessage, Slot, Source, VERSION};
use tokio::sync::watch;
use tokio::task::JoinSet;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::RTCPeerConnectionState;

use super::answer::{self, Line};
use super::connection::{Arrived, Connection, Setup, ask_for_keyframe};
use super::figures::{Figures, Kind};
use super::outgoing::{self, Pictures, Sending, Turns};
use super::reception::Reception;
use super::signalling::Signalling;
use super::stack;
use crate::measure::Histogram;
use crate::recording::{Codec, Reel};
use crate::summary::JOIN_TIMES;
use crate::target::{Relay, Role};

/// How long a join may take before it counts as failed.
const JOIN_PATIENCE: Duration = Duration::from_secs(10);
/// Pace at which receivers are looked at.
const TICK: Duration = Duration::from_millis(20);
/// Whoever is sent away this shortly before the end of the meeting was just slower than the host.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Somebody as they are planned.
pub(super) struct Guest {
    pub(super) relay: Relay,
    pub(super) room: String,
    pub(super) name: String,
    pub(super) joins: Instant,
    pub(super) leaves: Instant,
    pub(super) window: Range<Instant>,
    pub(super) slots: (usize, usize),
    pub(super) tile: [u16; 2],
    pub(super) local: IpAddr,
    pub(super) turns: Turns,
    /// Whether there is a microphone, and what was recorded for it.
    pub(super) microphone: Option<Option<Reel>>,
    pub(super) camera: Option<Pictures>,
}

/// Somebody who is in.
struct Present {
    signalling: Signalling,
    connection: Connection,
    room: Room,
    sending: Arc<Sending>,
    asked: Instant,
    /// From the offer to the answer, and to keys in place.
    times: [Duration; 2],
    tasks: JoinSet<()>,
}

/// The whole visit; ends early when `stop` says so.
pub(super) async fn visit(guest: Guest, mut stop: watch::Receiver<bool>) -> Figures {
    let mut figures = Figures::default();
    figures.clients.planned = 1;
    let stopped = async |stop: &mut watch::Receiver<bool>| drop(stop.wait_for(|stop| *stop).await);
    tokio::select! {
        () = tokio::time::sleep_until(guest.joins.into()) => {}
        () = stopped(&mut stop) => return figures,
    }
    let entered = tokio::time::timeout(JOIN_PATIENCE, enter(&guest)).await;
    let entered = entered.unwrap_or_else(|_| Err(format!("not in after {} s", JOIN_PATIENCE.as_secs())));
    let mut present = match entered {
        Ok(present) => present,
        Err(why) => {
            figures.clients.failed = 1;
            figures.complaints.push(format!("independent client {}: {why}", guest.name));
            return figures;
        }
    };
    figures.clients.joined = 1;
    let stayed = tokio::select! {
        stayed = present.stay(guest.leaves) => stayed,
        () = stopped(&mut stop) => Ok(()),
    };
    if let Err(why) = stayed {
        figures.complaints.push(format!("independent client {}: {why}", guest.name));
    }
    present.leave(&mut figures).await;
    figures
}

/// Everything from the token to keys in place.
async fn enter(guest: &Guest) -> Result<Present, String> {
    let (relay, room, name) = (guest.relay.clone(), guest.room.clone(), guest.name.clone());
    let life = guest.leaves.saturating_duration_since(Instant::now());
    let token = tokio::task::spawn_blocking(move || relay.token(&room, &name, Role::Participant, life));
    let token = token.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let mut signalling = Signalling::connect(&guest.relay, &guest.room).await?;
    signalling.say(&ClientMessage::Hello { version: VERSION, token, resume: None, device: Device::Desktop, events_after: None }).await?;
    let sending = Arc::new(Sending::new(guest.window.clone()));
    let mut room = Room::new(guest.window.clone(), sending.clone());
    while room.own.is_none() {
        room.take(signalling.hear().await?)?;
    }
    let setup = Setup {
        microphone: guest.microphone.is_some(),
        camera: guest.camera.as_ref().map(Pictures::codec),
        slots: guest.slots,
        local: guest.local,
    };
    let mut connection = Connection::new(&setup).await.map_err(|error| error.to_string())?;
    let sdp = connection.offer().await.map_err(|error| error.to_string())?;
    let source = |picture| if picture { Source::Camera } else { Source::Microphone };
    let sources = answer::publishing(&sdp).into_iter().map(|(mid, picture)| (mid, source(picture))).collect();
    let asked = Instant::now();
    signalling.say(&ClientMessage::Offer { id: 1, sdp, sources }).await?;
    let answer = loop {
        if let Some(answer) = room.answer.take() {
            break answer;
        }
        room.take(signalling.hear().await?)?;
    };
    let answered = asked.elapsed();
    room.lines = answer::streams(&answer);
    connection.accept(&answer).await.map_err(|error| error.to_string())?;
    let tiles = room.lines.values().filter(|line| line.picture).map(|line| (line.mid.clone(), guest.tile)).collect();
    signalling.say(&ClientMessage::Tiles { tiles }).await?;
    connected(&mut connection).await?;
    let (times, tasks) = ([answered, asked.elapsed()], send(guest, &connection, &sending));
    Ok(Present { signalling, connection, room, sending, asked, times, tasks })
}

async fn connected(connection: &mut Connection) -> Result<(), String> {
    let over = [RTCPeerConnectionState::Connected, RTCPeerConnectionState::Failed, RTCPeerConnectionState::Closed];
    let state = connection.states.wait_for(|state| over.contains(state)).await.map(|state| *state);
    match state {
        Ok(RTCPeerConnectionState::Connected) => Ok(()),
        _ => Err("ICE or DTLS failed".to_owned()),
    }
}

fn send(guest: &Guest, connection: &Connection, sending: &Arc<Sending>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if let (Some(outlet), Some(recorded)) = (connection.microphone.clone(), guest.microphone.clone()) {
        tasks.spawn(outgoing::speak(outlet, recorded, guest.turns, sending.clone()));
    }
    if let (Some(outlet), Some(pictures)) = (connection.camera.clone(), guest.camera.clone()) {
        tasks.spawn(outgoing::listen(outlet.clone(), sending.clone()));
        tasks.spawn(outgoing::show(outlet, pictures, sending.clone()));
    }
    tasks
}

impl Present {
    /// Until it is time to go; an error when the relay ended it.
    async fn stay(&mut self, leaves: Instant) -> Result<(), String> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let Self { signalling, connection, room, .. } = self;
            tokio::select! {
                Some(arrived) = connection.arriving.recv() => room.packet(arrived),
                told = signalling.hear() => {
                    let told = told.and_then(|message| room.take(message));
                    if leaves.saturating_duration_since(Instant::now()) < LAST_MOMENT && told.is_err() {
                        return Ok(());
                    }
                    told?;
                }
                _ = tick.tick() => {
                    for (ssrc, track) in room.keyframes_wanted(Instant::now()) {
                        ask_for_keyframe(&track, ssrc).await;
                    }
                }
                () = tokio::time::sleep_until(leaves.into()) => return Ok(()),
            }
        }
    }

    async fn leave(mut self, figures: &mut Figures) {
        let now = Instant::now();
        self.tasks.shutdown().await;
        // Whether it is heard does not matter any more.
        let _ = self.signalling.say(&ClientMessage::Leave).await;
        self.connection.close().await;
        let first = |kind: usize, video: bool| {
            let incoming = self.room.streams.values().filter(|incoming| !video || incoming.kind == Kind::Video);
            incoming.filter_map(|incoming| incoming.reception.first[kind]).min().filter(|_| self.room.company)
        };
        let since = |at: Instant| at.saturating_duration_since(self.asked);
        let [answered, secure] = self.times;
        let times: [Option<Duration>; JOIN_TIMES.len()] =
            [Some(answered), Some(secure), first(0, false).map(since), first(1, true).map(since)];
        figures.joins.iter_mut().zip(times).for_each(|(histogram, time)| time.into_iter().for_each(|time| histogram.record(time)));
        for Incoming { kind, reception, .. } in self.room.streams.values_mut() {
            reception.end(now);
            figures.received[*kind as usize].add(&reception.received);
        }
        figures.keyframe_requests = self.room.keyframe_requests;
        let (sent, lateness): (u64, Histogram) = self.sending.counts();
        (figures.sent, figures.lateness) = (sent, lateness);
    }
}

/// What the relay says, and what comes of it.
struct Room {
    window: Range<Instant>,
    sending: Arc<Sending>,
    own: Option<u64>,
    /// Whether somebody else was there, sending, when this one came.
    company: bool,
    answer: Option<String>,
    lines: BTreeMap<u32, Line>,
    slots: BTreeMap<String, Slot>,
    streams: BTreeMap<u32, Incoming>,
    keyframe_requests: u64,
}

struct Incoming {
    kind: Kind,
    mid: String,
    track: Arc<dyn TrackRemote>,
    reception: Reception,
}

impl Room {
    fn new(window: Range<Instant>, sending: Arc<Sending>) -> Self {
        Self {
            window,
            sending,
            own: None,
            company: false,
            answer: None,
            lines: BTreeMap::new(),
            slots: BTreeMap::new(),
            streams: BTreeMap::new(),
            keyframe_requests: 0,
        }
    }

    /// A message; an error when nothing can come of it any more.
    fn take(&mut self, message: ServerMessage) -> Result<(), String> {
        match message {
            ServerMessage::Welcome { participant, roster, .. } => {
                self.own = Some(participant);
                self.company = roster.iter().any(|entry| entry.id.0 != participant && !entry.sources.is_empty());
            }
            ServerMessage::Answer { sdp, .. } => self.answer = Some(sdp),
            ServerMessage::Slots { slots } => self.slots(slots),
            ServerMessage::Send { sources } => {
                let camera = sources.iter().find(|needed| needed.source == Source::Camera);
                camera.into_iter().for_each(|needed| self.sending.camera_needed.store(needed.height > 0, Ordering::Relaxed));
            }
            ServerMessage::Error { code, message, .. } => return Err(format!("{code:?}: {message}")),
            ServerMessage::Bye { reason } if reason != ByeReason::Left => return Err(format!("the relay said goodbye: {reason:?}")),
            _ => {}
        }
        Ok(())
    }

    /// Who is in which slot now; where that changed, a standstill is no freeze.
    fn slots(&mut self, slots: Vec<Slot>) {
        let now = Instant::now();
        let dark = |slot: &Slot| matches!(slot.limited, Some(Limited::NoMedia | Limited::Hidden | Limited::NoRoom | Limited::Codec));
        for slot in slots {
            let before = self.slots.insert(slot.mid.to_string(), slot.clone());
            let same = before.is_some_and(|before| {
                (before.participant, before.source) == (slot.participant, slot.source) && !dark(&before) && !dark(&slot)
            });
            let here = self.streams.values_mut().filter(|incoming| !same && incoming.mid == slot.mid.as_str());
            here.for_each(|incoming| incoming.reception.expect_nothing(now));
        }
    }

    fn packet(&mut self, arrived: Arrived) {
        let Arrived { at, packet, track } = arrived;
        let (header, payload) = (packet.header, packet.payload);
        let Self { lines, streams, window, .. } = self;
        // A stream that the answer does not name is none of the relay's; the stack makes no such.
        let Some(line) = lines.get(&header.ssrc) else { return };
        let kind = if line.picture { Kind::Video } else { Kind::Audio };
        let incoming = streams.entry(header.ssrc).or_insert_with(|| {
            let reception = Reception::new(at, kind, window.clone());
            Incoming { kind, mid: line.mid.clone(), track, reception }
        });
        let codec = stack::codec_of(header.payload_type).unwrap_or(Codec::Vp8);
        incoming.reception.packet(at, &header, &payload, codec);
    }

    /// Streams of which a keyframe is needed now.
    fn keyframes_wanted(&mut self, now: Instant) -> Vec<(u32, Arc<dyn TrackRemote>)> {
        let mut wanted = Vec::new();
        for (ssrc, incoming) in &mut self.streams {
            incoming.reception.advance(now);
            if incoming.reception.wants_keyframe(now) {
                wanted.push((*ssrc, incoming.track.clone()));
            }
        }
        self.keyframe_requests += wanted.len() as u64;
        wanted
    }
}
