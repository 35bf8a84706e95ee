//! From a worker's event to the line that is kept: pseudonyms for identities, no names, no texts.

use room::{Change, Role};
use serde::Serialize;
use serde_json::{Map, Value};
use worker::command::RoomId;
use worker::event::{RoomEvent, Who};

use crate::clock::rfc3339;
use crate::pseudonym::Pseudonyms;

/// The log's own line: so many events of the room, around this place, could not be kept.
pub(super) const LOST: &str = "events_lost";

/// Types of events.
pub(crate) const TYPES: [&str; 31] = [
    "meeting_started",
    "meeting_ended",
    "abandoned",
    "joined",
    "admitted",
    "denied",
    "waiting",
    "left",
    "removed",
    "allowed_back",
    "role_changed",
    "source_set",
    "source_locked",
    "layout_changed",
    "direction_changed",
    "settings_changed",
    "lock_changed",
    "hand_changed",
    "chat_written",
    "spotlight_changed",
    "line_changed",
    "always_heard_changed",
    "breakouts_changed",
    "breakouts_opened",
    "timer_changed",
    "breakouts_closed",
    "moved",
    "assigned",
    "help_changed",
    "broadcast",
    LOST,
];

/// Who did something, or to whom it was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Party {
    /// The API's caller.
    Service,
    /// Somebody in the room.
    Person {
        /// The id in the room.
        participant: u64,
        /// The role at that moment.
        role: Role,
        /// Who they are across rooms and meetings, without saying who.
        pseudonym: String,
    },
}

impl Party {
    /// The party without the identity.
    #[must_use]
    pub(crate) fn new(who: &Who, names: &Pseudonyms) -> Self {
        match who {
            Who::Service => Self::Service,
            Who::Person { participant, identity, role } => {
                Self::Person { participant: *participant, role: *role, pseudonym: names.of(identity) }
            }
        }
    }
}

/// An event that has no number yet.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) room: RoomId,
    /// Unix milliseconds.
    pub(super) at: u64,
    actor: Option<Party>,
    subject: Option<Party>,
    /// `type` and its fields.
    change: Map<String, Value>,
}

#[derive(Serialize)]
struct Line<'a> {
    room: &'a str,
    seq: u64,
    at: String,
    actor: &'a Option<Party>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: &'a Option<Party>,
    #[serde(flatten)]
    change: &'a Map<String, Value>,
}

impl Draft {
    /// What is kept of a worker's event.
    pub(super) fn new(event: &RoomEvent, names: &Pseudonyms) -> Self {
        let party = |who: &Option<Who>| who.as_ref().map(|who| Party::new(who, names));
        let RoomEvent { room, at, actor, subject, change } = event;
        Self { room: room.clone(), at: at.0, actor: party(actor), subject: party(subject), change: fields(change) }
    }

    /// The line that says that events were lost.
    pub(super) fn lost(room: RoomId, at: u64, count: u64) -> Self {
        let change = Map::from_iter([("type".to_owned(), LOST.into()), ("count".to_owned(), count.into())]);
        Self { room, at, actor: None, subject: None, change }
    }

    /// The event's type.
    pub(super) fn kind(&self) -> &str {
        self.change.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// The line as it is kept and told.
    pub(super) fn render(&self, seq: u64) -> String {
        let Self { room, at, actor, subject, change } = self;
        let line = Line { room: &room.0, seq, at: rfc3339(*at), actor, subject, change };
        // Strings, numbers and maps with string keys always serialise.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

/// A change is an internally tagged enum, so its JSON is always an object.
fn fields(change: &Change) -> Map<String, Value> {
    match serde_json::to_value(change) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// What readers are told who ask for events that are not kept any more: `{"type":"gap","room","from","to"}`, both ends included.
#[must_use]
pub(super) fn gap(room: &str, from: u64, to: u64) -> String {
    serde_json::json!({"type": "gap", "room": room, "from": from, "to": to}).to_string()
}

/// What readers are told whose number was never reached: the sequence began anew, because the store was emptied.
#[must_use]
pub(super) fn reset(room: &str, last: u64) -> String {
    serde_json::json!({"type": "reset", "room": room, "last": last}).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use room::{Direction, Layout, ParticipantId, Source, Time};

    #[test]
    fn a_line_holds_pseudonyms_and_no_identity() {
        let names = Pseudonyms::load(None).unwrap();
        let host = Who::Person { participant: 7, identity: "anna@region.example".into(), role: Role::Host };
        let guest = Who::Person { participant: 9, identity: "010190-1234".into(), role: Role::Participant };
        let event = RoomEvent {
            room: RoomId("ward-3".into()),
            at: Time(1_798_761_599_007),
            actor: Some(host),
            subject: Some(guest),
            change: Change::Removed { participant: ParticipantId(9) },
        };
        let text = Draft::new(&event, &names).render(4);
        let line: Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "room": "ward-3", "seq": 4, "at": "2026-12-31T23:59:59.007Z", "type": "removed", "participant": 9,
            "actor": {"type": "person", "participant": 7, "role": "host", "pseudonym": names.of("anna@region.example")},
            "subject": {"type": "person", "participant": 9, "role": "participant", "pseudonym": names.of("010190-1234")},
        });
        assert_eq!(line, expected);
        // The whole number: four of its digits stand in a pseudonym by chance.
        assert!(!text.contains("anna") && !text.contains("010190-1234"));
        let nobody = RoomEvent { actor: None, subject: None, change: Change::MeetingStarted, ..event };
        let line: Value = serde_json::from_str(&Draft::new(&nobody, &names).render(1)).unwrap();
        assert!(line["actor"].is_null() && line.get("subject").is_none(), "{line}");
    }

    /// Every change, so that a new one does not compile until it is here, and then not pass until it is listed.
    fn kind(change: &Change) -> &'static str {
        match change {
            Change::MeetingStarted => "meeting_started",
            Change::MeetingEnded => "meeting_ended",
            Change::Abandoned { .. } => "abandoned",
            Change::Joined { .. } => "joined",
            Change::Admitted { .. } => "admitted",
            Change::Denied { .. } => "denied",
            Change::Waiting { .. } => "waiting",
            Change::Left { .. } => "left",
            Change::Removed { .. } => "removed",
            Change::AllowedBack { .. } => "allowed_back",
            Change::RoleChanged { .. } => "role_changed",
            Change::SourceSet { .. } => "source_set",
            Change::SourceLocked { .. } => "source_locked",
            Change::LayoutChanged { .. } => "layout_changed",
            Change::DirectionChanged { .. } => "direction_changed",
            Change::SettingsChanged { .. } => "settings_changed",
            Change::LockChanged { .. } => "lock_changed",
            Change::HandChanged { .. } => "hand_changed",
            Change::ChatWritten { .. } => "chat_written",
            Change::SpotlightChanged { .. } => "spotlight_changed",
            Change::AlwaysHeardChanged { .. } => "always_heard_changed",
            Change::BreakoutsChanged { .. } => "breakouts_changed",
            Change::BreakoutsOpened { .. } => "breakouts_opened",
            Change::TimerChanged { .. } => "timer_changed",
            Change::BreakoutsClosed => "breakouts_closed",
            Change::Moved { .. } => "moved",
            Change::Assigned { .. } => "assigned",
            Change::LineChanged { .. } => "line_changed",
            Change::HelpChanged { .. } => "help_changed",
            Change::Broadcast => "broadcast",
        }
    }

    fn every_change() -> Vec<Change> {
        let participant = ParticipantId(1);
        vec![
            Change::MeetingStarted,
            Change::MeetingEnded,
            Change::Abandoned { until: Time(1) },
            Change::Joined { participant, role: Role::Host, waiting: false },
            Change::Admitted { participant },
            Change::Denied { participant },
            Change::Waiting { participant },
            Change::Left { participant },
            Change::Removed { participant },
            Change::AllowedBack { participant },
            Change::RoleChanged { participant, role: Role::Deputy },
            Change::SourceSet { participant, source: Source::Camera, active: true },
            Change::SourceLocked { participant, source: Source::Camera, locked: true },
            Change::LayoutChanged { layout: Layout::Equal },
            Change::DirectionChanged { direction: Direction::OneWay },
            Change::SettingsChanged { settings: vec!["chat"] },
            Change::LockChanged { locked: true },
            Change::HandChanged { participant, raised: true },
            Change::ChatWritten { participant, to: None, breakout: None },
            Change::SpotlightChanged { participant: None },
            Change::AlwaysHeardChanged { participant, on: true },
            Change::BreakoutsChanged { breakouts: Vec::new() },
            Change::BreakoutsOpened { closes_at: None },
            Change::TimerChanged { closes_at: None },
            Change::BreakoutsClosed,
            Change::Moved { participant, breakout: None },
            Change::Assigned { participant, breakout: None },
            Change::HelpChanged { participant, wanted: true },
            Change::LineChanged { participant, limited: true },
            Change::Broadcast,
        ]
    }

    #[test]
    fn the_listed_types_are_those_of_the_changes() {
        let changes = every_change();
        assert_eq!(changes.len(), TYPES.len() - 1, "all but the log's own");
        for change in &changes {
            let Some(Value::String(tag)) = fields(change).remove("type") else { panic!("{change:?} has no type") };
            assert_eq!(tag, kind(change));
            assert!(TYPES.contains(&kind(change)));
        }
    }
}
