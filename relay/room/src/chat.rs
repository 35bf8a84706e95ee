//! The chat: stamped by the room, limited, for those whom the matrix names; and the staff's word to everyone.

use std::collections::VecDeque;

use crate::command::MAX_TEXT;
use crate::effect::{Announcement, Change, ChatMessage, Effect};
use crate::ids::ParticipantId;
use crate::log::Log;
use crate::matrix::Kind;
use crate::refusal::{Code, Refusal};
use crate::room::Room;
use crate::settings::Chat;

/// Messages of one place that those who come later see.
const MAX_HISTORY: usize = 100;
/// Messages of all places that are kept.
const MAX_KEPT: usize = 500;
/// What one message costs, milliseconds: one a second in the long run.
const COST: u64 = 1000;
/// What may be owed when a message is written: five messages at once.
const CREDIT: u64 = 4 * COST;

/// What was written in this meeting, as far as the room keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Chronicle {
    last: u64,
    kept: VecDeque<ChatMessage>,
}

impl Chronicle {
    fn keep(&mut self, message: ChatMessage) {
        let here = self.kept.iter().filter(|kept| kept.place == message.place).count();
        let oldest = if here >= MAX_HISTORY { self.kept.iter().position(|kept| kept.place == message.place) } else { Some(0) };
        if here >= MAX_HISTORY || self.kept.len() >= MAX_KEPT {
            oldest.and_then(|index| self.kept.remove(index));
        }
        self.kept.push_back(message);
    }
}

impl Room {
    /// What was written before in the viewer's place to all who are there, oldest first; empty unless the room keeps it. Messages to
    /// one person are not kept.
    #[must_use]
    pub fn history(&self, viewer: ParticipantId) -> Vec<ChatMessage> {
        let Some(to) = self.people.get(viewer).filter(|person| person.admitted && self.settings.chat_history) else { return Vec::new() };
        let readable = |message: &&ChatMessage| message.place == to.place && (!message.to_staff || to.is_staff() || message.from == viewer);
        self.course.chat.kept.iter().filter(readable).cloned().collect()
    }

    pub(crate) fn say(&mut self, log: &mut Log, me: ParticipantId, text: String, to: Option<ParticipantId>) -> Result<(), Refusal> {
        let Some(from) = self.people.get(me) else { return Ok(()) };
        if self.settings.chat == Chat::Off {
            return Err(Refusal::not_here("the chat is closed"));
        }
        check_text("text", &text, MAX_TEXT)?;
        if let Some(id) = to {
            let reader = self.people.get(id).filter(|person| self.knows(from, person)).ok_or_else(|| Refusal::nobody("to"))?;
            if self.rule(from, reader, Kind::Chat).is_err() {
                return Err(Refusal::field("to", Code::NotAllowedHere, "messages to this person are not allowed"));
            }
        }
        let owed = from.words_paid.max(log.at);
        if owed.0 - log.at.0 > CREDIT {
            return Err(Refusal::new(Code::RateLimited, "too many messages in a short time"));
        }
        let readers = self.people.ids(|person| match to {
            _ if person.id == me => true,
            Some(id) => person.id == id,
            None => person.place == from.place && self.rule(from, person, Kind::Chat).is_ok(),
        });
        let to_staff = to.is_none() && self.settings.chat == Chat::ToStaff && !self.writes_as_staff(from);
        let place = from.place;
        self.course.chat.last += 1;
        let message = ChatMessage { id: self.course.chat.last, from: me, to, to_staff, place, at: log.at, text };
        if self.settings.chat_history && to.is_none() {
            self.course.chat.keep(message.clone());
        }
        if let Some(from) = self.people.get_mut(me) {
            from.words_paid = owed.plus_millis(COST);
        }
        log.event(Change::ChatWritten { participant: me, to, breakout: place });
        log.effect(Effect::Chat(message, readers));
        Ok(())
    }

    /// The staff's word to everyone who is in, wherever they are.
    pub(crate) fn broadcast(&mut self, log: &mut Log, text: String) -> Result<(), Refusal> {
        check_text("text", &text, MAX_TEXT)?;
        let from = match log.actor {
            Some(crate::Actor::Person(id)) => Some(id),
            _ => None,
        };
        log.event(Change::Broadcast);
        log.effect(Effect::Announce(Announcement { from, at: log.at, text }, self.people.ids(crate::Participant::is_visible)));
        Ok(())
    }
}

/// A text has something in it, and not too much.
pub(crate) fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid(field, "must not be empty"));
    }
    // A character has at most four bytes: no need to count a megabyte.
    if text.len() > most * 4 || text.chars().count() > most {
        return Err(Refusal::invalid(field, format!("must have at most {most} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BreakoutId, Time};

    fn message(id: u64, place: crate::Place) -> ChatMessage {
        ChatMessage { id, from: ParticipantId(1), to: None, to_staff: false, place, at: Time(0), text: String::new() }
    }

    #[test]
    fn history_is_bounded_by_place_and_in_all() {
        let mut chronicle = Chronicle::default();
        for id in 1..=150 {
            chronicle.keep(message(id, None));
        }
        assert_eq!(chronicle.kept.len(), MAX_HISTORY);
        assert_eq!(chronicle.kept.front().map(|message| message.id), Some(51), "the oldest went first");
        for id in 0..1000u32 {
            chronicle.keep(message(u64::from(id) + 1000, Some(BreakoutId(id % 20))));
        }
        assert_eq!(chronicle.kept.len(), MAX_KEPT);
    }

    #[test]
    fn texts_have_something_in_them_and_not_too_much() {
        for (text, good) in [("", false), (" \n", false), ("a", true), ("æøå🙂", true), ("12345", false), (&"🙂".repeat(5), false)] {
            assert_eq!(check_text("text", text, 4).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn five_at_once_then_one_a_second() {
        let mut room = crate::testing::room(crate::Settings::default());
        let bo = crate::testing::guest(&mut room, "Bo");
        let mut say = |millis| {
            let command = crate::Command::Say { text: "hello".into(), to: None };
            let result = room.apply(crate::testing::NOW.plus_millis(millis), crate::Actor::Person(bo), command);
            result.map(|_| ()).map_err(|refusal| refusal.code)
        };
        let rows =
            [(0, true), (0, true), (0, true), (0, true), (0, true), (0, false), (999, false), (1000, true), (1000, false), (60_000, true)];
        for (millis, written) in rows {
            assert_eq!(say(millis), if written { Ok(()) } else { Err(Code::RateLimited) }, "at {millis}");
        }
    }
}
