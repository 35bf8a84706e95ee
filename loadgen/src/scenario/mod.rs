//! What is played: a [`Profile`] in numbers, and the seeded [`Timetable`] of meetings, people and what hosts do, made from it.

mod chance;
mod profile;
mod timetable;

pub use chance::Chance;
pub use profile::{Impairment, Profile, ProfileError, Size};
pub use timetable::{Act, LAST_CALL, Meeting, Person, Timetable};
