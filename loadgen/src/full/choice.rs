//! Which guests of a timetable come with the independent client.

use std::time::Duration;

use crate::scenario::{Meeting, Timetable};

/// Somebody who comes with it.
#[derive(Clone, PartialEq, Debug)]
pub struct Chosen {
    /// Number in the whole run.
    pub number: u32,
    /// Number of the meeting.
    pub meeting: u32,
    /// People in the meeting, this one included.
    pub people: usize,
    /// When they come, since the start.
    pub joins: Duration,
    /// When they go.
    pub leaves: Duration,
    /// Whether there is a camera.
    pub camera: bool,
    /// Whether there is a microphone.
    pub microphone: bool,
}

/// Picks guests (hosts lead their meetings, which only the light client does), those who are there longest in the measured time first,
/// spread over the meetings. Nobody of meetings with a waiting room or breakouts, where the host has to know who came.
///
/// # Errors
/// How many there are, when that is too few.
pub fn choose(timetable: &Timetable, people: u32) -> Result<Vec<Chosen>, usize> {
    let mut guests: Vec<(Duration, usize, Chosen)> = Vec::new();
    for meeting in timetable.meetings.iter().filter(|meeting| is_open(meeting)) {
        for (index, person) in meeting.people.iter().enumerate().skip(1) {
            let leaves = meeting.ends.min(timetable.measured_to);
            let chosen = Chosen {
                number: person.number,
                meeting: meeting.number,
                people: meeting.people.len(),
                joins: person.joins,
                leaves,
                camera: person.camera,
                microphone: person.microphone,
            };
            let there = leaves.saturating_sub(person.joins.max(timetable.measured_from));
            if !there.is_zero() {
                guests.push((there, index, chosen));
            }
        }
    }
    if guests.len() < people as usize {
        return Err(guests.len());
    }
    // Whole seconds: who comes a moment later is as good.
    guests.sort_by_key(|(there, index, chosen)| (std::cmp::Reverse(there.as_secs()), *index, chosen.meeting));
    Ok(guests.into_iter().take(people as usize).map(|(.., chosen)| chosen).collect())
}

fn is_open(meeting: &Meeting) -> bool {
    use crate::scenario::Act;
    !meeting.waiting && !meeting.acts.iter().any(|(_, act)| matches!(act, Act::MakeBreakouts(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Profile;

    #[test]
    fn guests_are_spread_over_meetings_and_never_hosts_or_people_who_wait() {
        let profile = Profile { meetings: 12, waiting_share: 0.5, ..Profile::built_in("visits").expect("a profile") };
        let timetable = Timetable::new(&profile, 3);
        let open = timetable.meetings.iter().filter(|meeting| is_open(meeting) && meeting.people.len() > 1).count();
        let chosen = choose(&timetable, 4).expect("enough guests");
        let meetings: std::collections::BTreeSet<u32> = chosen.iter().map(|chosen| chosen.meeting).collect();
        assert_eq!((chosen.len(), meetings.len()), (4, 4.min(open)), "one from each of {open}: {chosen:?}");
        for chosen in &chosen {
            let meeting = timetable.meetings.iter().find(|meeting| meeting.number == chosen.meeting).expect("its meeting");
            assert!(meeting.people[0].number != chosen.number && !meeting.waiting);
            assert!(chosen.joins < chosen.leaves && chosen.leaves <= timetable.measured_to);
        }
        let all = choose(&timetable, 100_000).expect_err("so many there are not");
        assert_eq!(choose(&timetable, all as u32).map(|chosen| chosen.len()), Ok(all));
    }
}
