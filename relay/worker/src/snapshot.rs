//! A room as it is now, in plain values, for operators and tests.

use std::time::Duration;

pub use media::bandwidth::Limit;
use signal::message::{Limited, Source};

/// One room.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomSnapshot {
    /// Everyone with a session, roster members and viewers alike.
    pub people: Vec<PersonSnapshot>,
}

/// One person, without name.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonSnapshot {
    /// Participant id.
    pub participant: u64,
    /// The token's subject; not to be shown as it is.
    pub identity: String,
    /// Role now.
    pub role: room::Role,
    /// Receives only (WHEP).
    pub viewer: bool,
    /// Waits to be let in.
    pub waiting: bool,
    /// Which breakout room they are in; `None`: the main room.
    pub breakout: Option<u32>,
    /// ICE and DTLS are up and consent is fresh.
    pub connected: bool,
    /// Published sources.
    pub publications: Vec<PublicationSnapshot>,
    /// Receiving slots.
    pub slots: Vec<SlotSnapshot>,
    /// The line to this person; `None` before the first offer was answered.
    pub line: Option<LineSnapshot>,
}

/// What is known of the line to one person.
#[derive(Clone, Debug, PartialEq)]
pub struct LineSnapshot {
    /// What it carries by estimate, bit/s.
    pub estimate: u64,
    /// What holds the estimate where it is.
    pub limit: Limit,
    /// Share of packets lost lately before retransmission, 0 to 1.
    pub loss: f32,
    /// Round-trip time by feedback.
    pub rtt: Option<Duration>,
    /// How long what is offered now would wait in the relay.
    pub queue: Duration,
    /// What was given to pictures in the last sharing, bit/s.
    pub granted: u64,
    /// What they would take if the line carried everything, bit/s.
    pub wished: u64,
    /// What was kept for sound in the last sharing, bit/s.
    pub sound: u64,
    /// Earlier packets of sound that go along with each where the viewer takes them (RFC 2198): none on a line that does not lose.
    pub copies: usize,
}

/// One published source.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicationSnapshot {
    /// Which.
    pub source: Source,
    /// Whether the person lets it flow.
    pub active: bool,
    /// Lines of the largest picture that the person was told anybody shows, 0: nobody gets it; `None`: nothing was told.
    pub wanted_height: Option<u16>,
    /// The bound that the person was told, bit/s.
    pub max_bitrate: Option<u64>,
    /// Its layers, lowest first.
    pub layers: Vec<LayerSnapshot>,
}

/// One layer of a publication.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSnapshot {
    /// Its rid, where it has one.
    pub rid: Option<String>,
    /// Packets received since the start.
    pub packets: u64,
    /// Packets lost for good, so far as known.
    pub lost: u64,
    /// Measured over the last second or so, bit/s.
    pub bitrate: u64,
    /// Lines of its picture; `None` for sound, and where nobody said.
    pub height: Option<u16>,
    /// Whether it is wanted, so far as the person was told.
    pub wanted: bool,
    /// Keyframe requests sent.
    pub keyframe_requests: u64,
    /// Wishes for keyframes heard: because somebody began to watch, changed the layer, or lost the picture.
    pub keyframe_wishes: [u64; 3],
}

/// What one viewer is given of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantSnapshot {
    /// Lines; 0: nobody said.
    pub height: u16,
    /// Pictures a second; 0: nobody knows yet.
    pub fps: u8,
    /// Layers within the encoding, the lowest 0.
    pub spatial: u8,
    /// The same in time.
    pub temporal: u8,
    /// What that takes, bit/s.
    pub bitrate: u64,
}

/// One receiving slot.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotSnapshot {
    /// Its mid.
    pub mid: String,
    /// Whose media is in it.
    pub participant: Option<u64>,
    /// Which source.
    pub source: Option<Source>,
    /// The forwarded layer's rid.
    pub layer: Option<String>,
    /// What of it the sharing of the line gave; `None` for sound, and where it gave nothing.
    pub granted: Option<GrantSnapshot>,
    /// Lines at which it is shown, 0: it is not visible; `None` for sound and empty slots.
    pub shown: Option<u16>,
    /// Why the picture is not as good as it is shown large.
    pub limited: Option<Limited>,
    /// Packets sent since the start.
    pub packets: u64,
    /// Retransmissions sent.
    pub resent: u64,
}

/// For each source of a room: whether a viewer gets it, and which rule decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhySnapshot {
    /// The viewer's participant id.
    pub viewer: u64,
    /// One row for each source of each person.
    pub rows: Vec<WhyRow>,
}

/// One source, as one viewer gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyRow {
    /// Whose.
    pub participant: u64,
    /// Which.
    pub source: Source,
    /// Whether it reaches the viewer: the rules let it, it is in one of the viewer's slots, and nothing else holds it up altogether.
    pub shown: bool,
    /// The rule that decided.
    pub reason: room::Reason,
    /// The slot it is in.
    pub slot: Option<String>,
    /// The layer that is forwarded.
    pub layer: Option<String>,
    /// What of it the sharing of the line gave; `None` for sound, and where it gave nothing.
    pub granted: Option<GrantSnapshot>,
    /// Why the picture is not as good as it is shown large.
    pub limited: Option<Limited>,
}
