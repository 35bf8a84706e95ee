//! A node that fills up: thousands of people come, two to a room, to a worker whose tables grow with them.

use std::time::{Duration, Instant};

use worker::ClientId;

use crate::person::{Part, Person, empty_worker};

/// The most that one worker takes.
pub const CROWD: u16 = 4_000;

/// Everybody who will come. Made once: their keys take longer than their joins.
pub struct Crowd(Vec<Person>);

impl Crowd {
    /// So many people as a worker takes, each with camera, microphone and lines for one other.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes thousands of keys")]
    pub fn new() -> Self {
        Self(
            (0..CROWD)
                .map(|number| Person::offline(number, ClientId(u64::from(number)), Part::member(number.is_multiple_of(2), 1)))
                .collect(),
        )
    }

    /// How long each of them keeps a worker, empty at first, from everybody's media: joins and negotiates.
    ///
    /// # Panics
    /// When somebody is not let in.
    #[must_use]
    pub fn come(&self) -> Vec<Duration> {
        let now = Instant::now();
        let (mut worker, _) = empty_worker(now);
        let spent = self.0.iter().map(|person| {
            let room = format!("room {}", person.number / 2);
            let start = Instant::now();
            person.join_room(&room, &mut worker, now);
            let spent = start.elapsed();
            while worker.poll_event().is_some() {}
            spent
        });
        let spent = spent.collect();
        assert_eq!(worker.population(), (usize::from(CROWD) / 2, usize::from(CROWD)), "all are in");
        spent
    }
}
