//! For each source: is it shown to a viewer, and if not, which rule stands in the way.

use serde::{Deserialize, Serialize};

use crate::ids::ParticipantId;
use crate::matrix::{Kind, is_on};
use crate::participant::{Participant, Source};
use crate::room::Room;

/// The first rule that decides, in the order in which they are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing stands in the way, and it is among the viewer's tiles (or sounds).
    Shown,
    /// It is the viewer's own.
    Oneself,
    /// The viewer waits to be let in.
    ViewerWaits,
    /// The sender waits to be let in.
    SenderWaits,
    /// They are in different places (main room, breakouts).
    OtherPlace,
    /// The sender's client has no m-line for it.
    NotPublished,
    /// The staff closed it.
    LockedByHost,
    /// The room's settings keep guests from sending it.
    NotAllowedHere,
    /// Its owner switched it off.
    SwitchedOff,
    /// One-way video.
    OneWay,
    /// Layout `host_only`: guests do not see (or, where set so, hear) guests.
    HostOnly,
    /// The layout has no tile left for it.
    NoTile,
    /// The viewer's client has no slot left for it.
    NoSlot,
    /// No media reaches the viewer's client: it has not connected yet, or its network no longer lets it through.
    ViewerUnreachable,
    /// The same of the sender's client, from which nothing comes.
    SenderUnreachable,
}

/// One row of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Why {
    /// Whose.
    pub participant: ParticipantId,
    /// Which source.
    pub source: Source,
    /// What decided.
    pub reason: Reason,
}

impl Room {
    /// Each source of each member, and the rule that decides whether `viewer` gets it. Whether there is a slot is not known here.
    #[must_use]
    pub fn why(&self, viewer: ParticipantId) -> Vec<Why> {
        let Some(to) = self.people.get(viewer) else { return Vec::new() };
        let view = self.view(viewer);
        let mut rows = Vec::new();
        for from in self.people.iter().filter(|person| person.is_member()) {
            for source in Source::ALL {
                let seen = view.video.iter().any(|tile| (tile.participant, tile.source) == (from.id, source));
                let reason = match self.obstacle(from, to, source) {
                    Some(reason) => reason,
                    None if source.is_audio() || seen => Reason::Shown,
                    None => Reason::NoTile,
                };
                rows.push(Why { participant: from.id, source, reason });
            }
        }
        rows
    }

    fn obstacle(&self, from: &Participant, to: &Participant, source: Source) -> Option<Reason> {
        let (bits, rule) = (from.sources.get(source), self.rule(from, to, Kind::of(source)).err());
        match rule {
            Some(Reason::Oneself | Reason::ViewerWaits | Reason::SenderWaits | Reason::OtherPlace) => rule,
            _ if !bits.published => Some(Reason::NotPublished),
            _ if bits.locked => Some(Reason::LockedByHost),
            _ if !self.may_send(from, source) => Some(Reason::NotAllowedHere),
            _ if !is_on(from, source) => Some(Reason::SwitchedOff),
            _ => rule,
        }
    }
}
