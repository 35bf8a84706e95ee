//! The media oracle: who may get whose media and be told what, kept apart from the relay. Every packet that leaves and every message is
//! held against the oracle's picture of the meeting at the moment it was sent.
//!
//! ```text
//!  accepted commands ─┐                          ┌─► packets: sender × receiver × source, at the number of their send
//!  arrivals ──────────┼─► meeting.rs, changes.rs ┤
//!  the relay's claims ┘        (rules.rs)        └─► messages: rosters, names, scenes, slots, chat, speaker
//! ```

mod changes;
mod meeting;
mod messages;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use loadgen::light::Stamp;
use room::{Actor, Change, Command, ParticipantId, Settings, Source, Time};
use signal::message::ServerMessage;

pub use changes::Newcomer;
pub use meeting::{Meeting, Resident, Standing};

/// Violations kept word for word.
const MAX_REPORTED: usize = 8;

/// The rules as they changed over time. "When" is the number of a send: a rule holds for what the relay sends after it changed.
#[derive(Debug, Default)]
pub struct Oracle {
    rooms: BTreeMap<String, Vec<(u64, Arc<Meeting>)>>,
    home: BTreeMap<u32, String>,
    /// Packets that were judged.
    pub judged: u64,
    /// Packets too short to name their author; nobody may get even these who waits or is gone.
    pub anonymous: u64,
    /// Messages that were judged.
    pub told: u64,
    /// Packets and messages that reached somebody who may not get them, and changes without a reason.
    pub violations: u64,
    reported: Vec<String>,
    /// By receiver, publisher and source: number of the last send that was judged.
    last: BTreeMap<(u32, u32, Source), u64>,
}

impl Oracle {
    /// A person is in a room from now on, waiting or not; the room is created with these settings when there is none.
    pub fn enter(&mut self, when: u64, room: &str, settings: &Settings, new: Newcomer) {
        self.home.insert(new.author, room.to_owned());
        if !self.rooms.contains_key(room) {
            self.rooms.insert(room.to_owned(), vec![(when, Arc::new(Meeting::new(settings.clone())))]);
        }
        self.revise(when, room, |meeting| changes::enter(meeting, new));
    }

    /// A person is gone: nothing to them, nothing of theirs.
    pub fn leave(&mut self, when: u64, author: u32) {
        if let Some(room) = self.home.get(&author).cloned() {
            self.revise(when, &room, |meeting| {
                meeting.take_out(author);
                Ok(())
            });
        }
    }

    /// The relay carried out a command of a person, or of a service where `author` is `None`.
    pub fn command(&mut self, when: u64, now: Time, room: &str, author: Option<u32>, command: &Command) {
        self.revise(when, room, |meeting| changes::command(meeting, now, author, command));
    }

    /// The relay says that something happened.
    pub fn claim(&mut self, when: u64, now: Time, room: &str, actor: Option<Actor>, change: &Change) {
        self.revise(when, room, |meeting| changes::claim(meeting, now, actor, change));
        match change {
            Change::Removed { participant } => self.remember(when, room, *participant, true),
            Change::AllowedBack { participant } => self.remember(when, room, *participant, false),
            _ => {}
        }
    }

    /// Changes the picture of a room from now on. A test that has to fail makes the oracle stricter than the relay with it.
    pub fn revise(&mut self, when: u64, room: &str, change: impl FnOnce(&mut Meeting) -> Result<(), String>) {
        let Some(history) = self.rooms.get_mut(room) else { return };
        let Some((_, last)) = history.last() else { return };
        let mut next = Meeting::clone(last);
        let result = change(&mut next);
        if **last != next {
            history.push((when, Arc::new(next)));
        }
        if let Err(what) = result {
            self.violated(|| what);
        }
    }

    /// A packet of the `number`th send was for `receiver`; `stamp` is what it says of itself.
    pub fn judge(&mut self, number: u64, receiver: u32, stamp: Option<&Stamp>) {
        let allowed = match stamp {
            None => {
                self.anonymous += 1;
                self.at(receiver, number).and_then(|meeting| Some(meeting.people.get(&receiver)?.is_in())).unwrap_or(false)
            }
            Some(stamp) => {
                self.judged += 1;
                let last = self.last.entry((receiver, stamp.author.publisher, stamp.author.source)).or_default();
                *last = number.max(*last);
                self.allows(number, receiver, stamp)
            }
        };
        if !allowed {
            self.violated(|| format!("packet {number} reached {receiver}: {stamp:?}"));
        }
    }

    /// The relay said something to `receiver`. `before`: the number of a send at which it would also have been in order, for messages of
    /// which it is unknown on which side of a change they were made.
    pub fn judge_message(&mut self, receiver: u32, before: Option<u64>, message: &ServerMessage) {
        let Some(meeting) = self.at(receiver, u64::MAX) else { return };
        self.told += 1;
        let Err(what) = messages::judge(&meeting, receiver, message) else { return };
        let earlier = before.and_then(|before| self.at(receiver, before));
        if earlier.is_none_or(|meeting| messages::judge(&meeting, receiver, message).is_err()) {
            self.violated(|| what);
        }
    }

    /// What time alone should have changed is a violation when it is overdue.
    pub fn judge_time(&mut self, now: Time) {
        let late: Vec<String> = self.rooms.values().filter_map(|history| changes::overdue(&history.last()?.1, now).err()).collect();
        for what in late {
            self.violated(|| what);
        }
    }

    /// The relay forgot a room: the next one of that name begins anew.
    pub fn forget(&mut self, when: u64, room: &str, settings: &Settings) {
        self.revise(when, room, |meeting| {
            *meeting = Meeting::new(settings.clone());
            Ok(())
        });
    }

    /// Whether a source of somebody flows into the relay now, by the rules.
    #[must_use]
    pub fn lets_send(&self, room: &str, author: u32, source: Source) -> bool {
        self.now(room).is_some_and(|meeting| meeting.people.get(&author).is_some_and(|from| rules::may_send(meeting, from, source)))
    }

    /// Something was seen that must not be.
    pub fn complain(&mut self, what: String) {
        self.violated(|| what);
    }

    /// A room as it is now.
    #[must_use]
    pub fn now(&self, room: &str) -> Option<&Meeting> {
        self.rooms.get(room)?.last().map(|(_, meeting)| &**meeting)
    }

    /// Panics when anything was not in order.
    pub fn assert_clean(&self) {
        assert_eq!(self.violations, 0, "media oracle: {:#?}", self.reported);
    }

    /// Number of the last send in which a receiver got something of a publisher's source.
    #[must_use]
    pub fn last_of(&self, receiver: u32, publisher: u32, source: Source) -> Option<u64> {
        self.last.get(&(receiver, publisher, source)).copied()
    }

    /// What was not in order, the first few.
    #[must_use]
    pub fn reported(&self) -> &[String] {
        &self.reported
    }

    fn allows(&self, number: u64, receiver: u32, stamp: &Stamp) -> bool {
        let Some(meeting) = self.at(receiver, number) else { return false };
        let source = stamp.author.source;
        let (Some(from), Some(to)) = (meeting.people.get(&stamp.author.publisher), meeting.people.get(&receiver)) else { return false };
        rules::may_get(&meeting, from, to, source) && rules::may_send(&meeting, from, source)
    }

    /// The picture that held when `number` was sent.
    fn at(&self, author: u32, number: u64) -> Option<Arc<Meeting>> {
        let history = self.rooms.get(self.home.get(&author)?)?;
        let after = history.partition_point(|(from, _)| *from < number);
        history.get(after.checked_sub(1)?).map(|(_, meeting)| meeting.clone())
    }

    /// Somebody who is not here was removed, or may come back as if they had never been here. Their id leads to an identity only in the past.
    fn remember(&mut self, when: u64, room: &str, participant: ParticipantId, removed: bool) {
        let past = self.rooms.get(room).into_iter().flatten().rev();
        let identity = past.filter_map(|(_, meeting)| meeting.by_id(participant)).map(|person| person.identity.clone()).next();
        let Some(identity) = identity else { return };
        self.revise(when, room, |meeting| {
            meeting.assigned.remove(&identity);
            meeting.known.insert(identity, meeting::Memory { removed, ..meeting::Memory::default() });
            Ok(())
        });
    }

    fn violated(&mut self, what: impl FnOnce() -> String) {
        self.violations += 1;
        if self.reported.len() < MAX_REPORTED {
            self.reported.push(what());
        }
    }
}

#[cfg(test)]
mod tests;
