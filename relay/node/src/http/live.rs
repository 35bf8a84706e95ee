//! A room as it is now, as JSON, for services and operators: people by participant id and pseudonym, never by name or identity.

use room::Role;
use serde::Serialize;
use signal::message::Source;
use worker::snapshot::{LayerSnapshot, PersonSnapshot, PublicationSnapshot, RoomSnapshot, SlotSnapshot};

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
}

#[derive(Serialize)]
struct PublicationView {
    source: Source,
    active: bool,
    layers: Vec<LayerView>,
}

#[derive(Serialize)]
struct LayerView {
    rid: Option<String>,
    packets: u64,
    lost: u64,
    bits_per_second: u64,
    keyframe_requests: u64,
}

#[derive(Serialize)]
struct SlotView {
    mid: String,
    participant: Option<u64>,
    source: Option<Source>,
    layer: Option<String>,
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
        let PersonSnapshot { participant, identity, role, viewer, waiting, breakout, connected, publications, slots } = person;
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
        }
    }
}

impl PublicationView {
    fn new(publication: PublicationSnapshot) -> Self {
        let layers = publication.layers.into_iter().map(LayerView::new).collect();
        Self { source: publication.source, active: publication.active, layers }
    }
}

impl LayerView {
    fn new(layer: LayerSnapshot) -> Self {
        let LayerSnapshot { rid, packets, lost, bitrate, keyframe_requests } = layer;
        Self { rid, packets, lost, bits_per_second: bitrate, keyframe_requests }
    }
}

impl SlotView {
    fn new(slot: SlotSnapshot) -> Self {
        let SlotSnapshot { mid, participant, source, layer, packets, resent } = slot;
        Self { mid, participant, source, layer, packets, resent }
    }
}
