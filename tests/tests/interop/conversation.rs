//! Two people who talk while somebody else misbehaves, and must not notice.

use std::time::Duration;

use signal::message::Source;
use tests::e2e::relay::RelayProcess;

use crate::answer::AnswerLine;
use crate::media::{assert_opus, assert_vp8, longest_gap};
use crate::person::Person;
use crate::stack::{Formats, Options, Talk};

/// No silence may be longer than this.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// Anna and Ben, in the open room.
pub(crate) struct Conversation {
    people: [Listener; 2],
    talks: [Talk; 2],
}

/// One of them, and where the other is heard and seen.
struct Listener {
    person: Person,
    other: u8,
    audio: AnswerLine,
    video: AnswerLine,
}

impl Conversation {
    /// Both talk and get each other.
    pub(crate) async fn start(relay: &RelayProcess) -> Self {
        let anna = Person::join(relay, "anna", &Options::MEETING).await;
        let ben = Person::join(relay, "ben", &Options { formats: Formats::SECOND, ..Options::MEETING }).await;
        let talks = [anna.stack.talk(1), ben.stack.talk(2)];
        let (anna_id, ben_id) = (anna.id, ben.id);
        let people = [Listener::new(anna, ben_id, 2).await, Listener::new(ben, anna_id, 1).await];
        let mut conversation = Self { people, talks };
        conversation.assert_undisturbed().await;
        conversation
    }

    /// Both go on getting everything the other sends; from the beginning to now nothing is missing and there was no long silence.
    pub(crate) async fn assert_undisturbed(&mut self) {
        // What the machine takes from the sender, it may well take from the relay; the relay answers for the rest.
        let stall = self.talks.iter().map(Talk::longest_stall).max().unwrap_or_default();
        for Listener { person, other, audio, video } in &mut self.people {
            person.signalling.assert_alive().await;
            let (audio, video) = (audio.ssrc.unwrap(), video.ssrc.unwrap());
            person.stack.hear_more(audio, 50).await;
            person.stack.hear_more(video, 50).await;
            let (audio, video) = (person.stack.heard_now(audio), person.stack.heard_now(video));
            assert_opus(&audio, *other);
            assert_vp8(&video, *other);
            for (what, packets) in [("audio", audio), ("video", video)] {
                let gap = longest_gap(&packets);
                assert!(gap < LONGEST_GAP + stall, "{what} was silent for {gap:?}, the sender itself for {stall:?}");
            }
        }
    }

    /// Nobody but these two is in a slot.
    pub(crate) fn assert_alone_in_slots(&self) {
        let ids: Vec<u64> = self.people.iter().map(|listener| listener.person.id).collect();
        for listener in &self.people {
            let slots = &listener.person.signalling.state.slots;
            assert!(slots.iter().filter_map(|slot| slot.participant).all(|participant| ids.contains(&participant)), "{slots:?}");
        }
    }

    /// The first of the two.
    pub(crate) fn anna(&mut self) -> &mut Person {
        &mut self.people[0].person
    }
}

impl Listener {
    async fn new(mut person: Person, speaker: u64, other: u8) -> Self {
        let audio = person.slot(speaker, Source::Microphone).await;
        let video = person.slot(speaker, Source::Camera).await;
        Self { person, other, audio, video }
    }
}
