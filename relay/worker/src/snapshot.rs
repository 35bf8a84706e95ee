//! A room as it is now, in plain values, for operators and tests.

use signal::message::Source;

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
}

/// One published source.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicationSnapshot {
    /// Which.
    pub source: Source,
    /// Whether the person lets it flow.
    pub active: bool,
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
    /// Keyframe requests sent.
    pub keyframe_requests: u64,
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
    /// Whether it is in one of the viewer's slots.
    pub shown: bool,
    /// The rule that decided.
    pub reason: room::Reason,
    /// The slot it is in.
    pub slot: Option<String>,
    /// The layer that is forwarded.
    pub layer: Option<String>,
}
