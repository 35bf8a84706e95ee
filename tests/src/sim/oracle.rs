//! The media oracle: who may get whose media when, kept apart from the relay, and every delivered packet held against it.

use std::collections::BTreeMap;

use loadgen::light::Stamp;
use signal::message::Source;

/// Violations kept word for word.
const MAX_REPORTED: usize = 8;

/// The rules as they changed over time. "When" is the number of a send: a rule holds for what the relay sends after it changed.
#[derive(Debug, Default)]
pub struct Oracle {
    people: BTreeMap<u32, Rules>,
    /// Packets that were judged.
    pub judged: u64,
    /// Packets too short to name their author.
    pub anonymous: u64,
    /// Packets that reached somebody who may not get them.
    pub violations: u64,
    reported: Vec<String>,
}

#[derive(Debug, Default)]
struct Rules {
    /// In which room, from when on; `None` after leaving.
    room: Vec<(u64, Option<String>)>,
    /// What of theirs flows.
    sources: BTreeMap<Source, Vec<(u64, bool)>>,
}

impl Oracle {
    /// A person is in a room from now on. Voice and camera flow unless switched off; screens flow only once they are switched on.
    pub fn enter(&mut self, when: u64, publisher: u32, room: &str) {
        let rules = self.people.entry(publisher).or_default();
        rules.room.push((when, Some(room.to_owned())));
        for source in [Source::Microphone, Source::Camera] {
            rules.sources.entry(source).or_insert_with(|| vec![(when, true)]);
        }
    }

    /// A person is gone: nothing to them, nothing of theirs.
    pub fn leave(&mut self, when: u64, publisher: u32) {
        self.people.entry(publisher).or_default().room.push((when, None));
    }

    /// A person switched a source on or off.
    pub fn set_source(&mut self, when: u64, publisher: u32, source: Source, active: bool) {
        self.people.entry(publisher).or_default().sources.entry(source).or_default().push((when, active));
    }

    /// A packet of the `number`th send reached `receiver`; `stamp` is what it says of itself.
    pub fn judge(&mut self, number: u64, receiver: u32, stamp: Option<&Stamp>) {
        let Some(stamp) = stamp else {
            self.anonymous += 1;
            return;
        };
        self.judged += 1;
        if !self.allows(number, receiver, stamp) {
            self.violations += 1;
            if self.reported.len() < MAX_REPORTED {
                self.reported.push(format!("packet {number} reached {receiver}: {stamp:?}"));
            }
        }
    }

    /// Panics when any packet reached somebody it must not reach.
    pub fn assert_clean(&self) {
        assert_eq!(self.violations, 0, "media oracle: {:#?}", self.reported);
    }

    fn allows(&self, number: u64, receiver: u32, stamp: &Stamp) -> bool {
        let publisher = stamp.author.publisher;
        let room_of = |who: u32| self.people.get(&who).and_then(|rules| at(&rules.room, number)).flatten();
        let flows = self.people.get(&publisher).and_then(|rules| at(rules.sources.get(&stamp.author.source)?, number));
        let same_room = room_of(publisher).is_some() && room_of(publisher) == room_of(receiver);
        publisher != receiver && same_room && flows == Some(true)
    }
}

/// The value that held when `number` was sent.
fn at<T: Clone>(changes: &[(u64, T)], number: u64) -> Option<T> {
    changes.iter().rev().find(|(from, _)| number > *from).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadgen::light::Author;

    use super::*;

    fn stamp(publisher: u32, source: Source) -> Stamp {
        Stamp { author: Author { publisher, source, layer: 0 }, frame: 0, captured: Duration::ZERO }
    }

    #[test]
    fn rows() {
        let mut oracle = Oracle::default();
        oracle.enter(0, 1, "a");
        oracle.enter(0, 2, "a");
        oracle.enter(0, 3, "b");
        oracle.set_source(100, 1, Source::Microphone, false);
        oracle.set_source(200, 1, Source::Microphone, true);
        oracle.leave(300, 2);
        let rows = [
            ("a neighbour hears", 50, 2, Source::Microphone, true),
            ("not oneself", 50, 1, Source::Microphone, false),
            ("not another room", 50, 3, Source::Microphone, false),
            ("not somebody unknown", 50, 9, Source::Microphone, false),
            ("sent before the mute", 100, 2, Source::Microphone, true),
            ("sent after the mute", 101, 2, Source::Microphone, false),
            ("unmuted", 201, 2, Source::Microphone, true),
            ("the camera was never off", 150, 2, Source::Camera, true),
            ("a screen nobody shares", 50, 2, Source::Screen, false),
            ("whoever left gets nothing", 301, 2, Source::Camera, false),
        ];
        for (name, number, receiver, source, allowed) in rows {
            assert_eq!(oracle.allows(number, receiver, &stamp(1, source)), allowed, "{name}");
        }
    }
}
