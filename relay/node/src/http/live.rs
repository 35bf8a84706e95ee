//! A room as it is now, as JSON, for services and operators: people by participant id and pseudonym, never by name or identity.

use room::Role;
use serde::Serialize;
use signal::message::{Limited, Source};
use worker::snapshot::{
    GrantSnapshot, LayerSnapshot, Limit, LineSnapshot, PersonSnapshot, PublicationSnapshot, RoomSnapshot, SlotSnapshot,
};

use crate::pseudonym::Pseudonyms;

/// A room.
#[derive(Serialize)]
pub(super) struct RoomView {
    room: String,
    people: Vec<PersonView>,
}

#[derive(Serialize)]
struct PersonView {
    participant: u64,
    pseudonym: String,
    role: Role,
    viewer: bool,
    waiting: bool,
    breakout: Option<u32>,
    connected: bool,
    publications: Vec<PublicationView>,
    slots: Vec<SlotView>,
    line: Option<LineView>,
}

#[derive(Serialize)]
struct LineView {
    estimate_bits_per_second: u64,
    limit: &'static str,
    loss: f32,
    rtt_ms: Option<u64>,
    queue_ms: u64,
    granted_bits_per_second: u64,
    wished_bits_per_second: u64,
    sound_bits_per_second: u64,
    sound_copies: usize,
}

#[derive(Serialize)]
struct PublicationView {
    source: Source,
    active: bool,
    wanted_height: Option<u16>,
    max_bits_per_second: Option<u64>,
    layers: Vec<LayerView>,
}

#[derive(Serialize)]
struct LayerView {
    rid: Option<String>,
    packets: u64,
    lost: u64,
    bits_per_second: u64,
    height: Option<u16>,
    wanted: bool,
    keyframe_requests: u64,
    keyframe_wishes: WishesView,
}

/// Wishes for keyframes by what caused them.
#[derive(Serialize)]
struct WishesView {
    start: u64,
    switch: u64,
    loss: u64,
}

/// What one viewer is given of a picture.
#[derive(Serialize)]
pub(super) struct GrantView {
    height: u16,
    pictures_per_second: u8,
    spatial: u8,
    temporal: u8,
    bits_per_second: u64,
}

#[derive(Serialize)]
struct SlotView {
    mid: String,
    participant: Option<u64>,
    source: Option<Source>,
    layer: Option<String>,
    granted: Option<GrantView>,
    shown: Option<u16>,
    limited: Option<Limited>,
    packets: u64,
    resent: u64,
}

impl RoomView {
    /// The snapshot, told with pseudonyms.
    pub(super) fn new(room: String, snapshot: RoomSnapshot, names: &Pseudonyms) -> Self {
        Self { room, people: snapshot.people.into_iter().map(|person| PersonView::new(person, names)).collect() }
    }
}

impl PersonView {
    fn new(person: PersonSnapshot, names: &Pseudonyms) -> Self {
        let PersonSnapshot { participant, identity, role, viewer, waiting, breakout, connected, publications, slots, line } = person;
        Self {
            participant,
            pseudonym: names.of(&identity),
            role,
            viewer,
            waiting,
            breakout,
            connected,
            publications: publications.into_iter().map(PublicationView::new).collect(),
            slots: slots.into_iter().map(SlotView::new).collect(),
            line: line.map(|line| LineView::new(&line)),
        }
    }
}

impl LineView {
    fn new(line: &LineSnapshot) -> Self {
        let limit = match line.limit {
            Limit::Nothing => "nothing",
            Limit::Delay => "delay",
            Limit::Loss => "loss",
            Limit::Viewer => "viewer",
        };
        let ms = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            estimate_bits_per_second: line.estimate,
            limit,
            loss: line.loss,
            rtt_ms: line.rtt.map(ms),
            queue_ms: ms(line.queue),
            granted_bits_per_second: line.granted,
            wished_bits_per_second: line.wished,
            sound_bits_per_second: line.sound,
            sound_copies: line.copies,
        }
    }
}

impl PublicationView {
    fn new(publication: PublicationSnapshot) -> Self {
        let PublicationSnapshot { source, active, wanted_height, max_bitrate, layers } = publication;
        let layers = layers.into_iter().map(LayerView::new).collect();
        Self { source, active, wanted_height, max_bits_per_second: max_bitrate, layers }
    }
}

impl LayerView {
    fn new(layer: LayerSnapshot) -> Self {
        let LayerSnapshot { rid, packets, lost, bitrate, height, wanted, keyframe_requests, keyframe_wishes } = layer;
        let [start, switch, loss] = keyframe_wishes;
        let keyframe_wishes = WishesView { start, switch, loss };
        Self { rid, packets, lost, bits_per_second: bitrate, height, wanted, keyframe_requests, keyframe_wishes }
    }
}

impl GrantView {
    pub(super) fn new(granted: GrantSnapshot) -> Self {
        let GrantSnapshot { height, fps, spatial, temporal, bitrate } = granted;
        Self { height, pictures_per_second: fps, spatial, temporal, bits_per_second: bitrate }
    }
}

impl SlotView {
    fn new(slot: SlotSnapshot) -> Self {
        let SlotSnapshot { mid, participant, source, layer, granted, shown, limited, packets, resent } = slot;
        Self { mid, participant, source, layer, granted: granted.map(GrantView::new), shown, limited, packets, resent }
    }
}
