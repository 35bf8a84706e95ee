//! The load that all servers of a comparison get.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::report::page::Language;

/// So many times more meetings open in the storm: processes are watched in ticks of 10 ms, and a join costs one or two.
const STORM_MEETINGS: u32 = 3;

/// People who join a second in the run of media beside joins, each of them gone again after two.
const PASSERS_PER_SECOND: u32 = 100;

/// The same for everybody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Meetings at one time.
    pub meetings: u32,
    /// People in each.
    pub people: u32,
    /// Length of the measured part, seconds.
    pub seconds: u32,
}

impl Load {
    /// Meetings that open at once in the storm.
    #[must_use]
    pub fn storm_meetings(&self) -> u32 {
        STORM_MEETINGS * self.meetings
    }

    /// People who join a second beside the media.
    #[must_use]
    pub fn passers_per_second(&self) -> u32 {
        PASSERS_PER_SECOND
    }

    pub(super) fn words(&self, language: Language) -> String {
        let (Self { meetings, people, seconds }, joins) = (self, self.storm_meetings() * self.people);
        let passers = self.passers_per_second();
        match language {
            Language::English => format!(
                "{meetings} meetings of {people}, each with camera (360 lines, 500 kbit/s, one encoding) and microphone, everybody receives \
                 everybody, {seconds} s; the same while {passers} others a second join, say nothing, and leave; then a storm of {joins} joins in 2 s"
            ),
            Language::Danish => format!(
                "{meetings} møder med {people} deltagere, hver med kamera (360 linjer, 500 kbit/s, én kodning) og mikrofon, alle modtager \
                 alle, {seconds} s; det samme, mens {passers} andre i sekundet kommer, tier og går; derefter en storm af {joins} tilslutninger på 2 s"
            ),
        }
    }
}

/// For a terminal, which gets English.
impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}
