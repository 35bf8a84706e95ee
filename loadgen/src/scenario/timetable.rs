//! Who meets whom, from when to when, and what hosts do meanwhile: drawn once from a profile and a seed, before anything runs.

use std::time::Duration;

use super::chance::Chance;
use super::profile::Profile;

/// Nobody comes in the last seconds of a run, who could not be judged.
pub const LAST_CALL: Duration = Duration::from_secs(3);
/// How long somebody stays who only passes through, s: less than [`LAST_CALL`], so that all of them have left before the end.
const PASSING: f64 = 2.0;
/// A meeting is at least this long, s: shorter ones would end before all are in.
const SHORTEST: f64 = 4.0;
/// From the end of a meeting to the next one in its place, s.
const BETWEEN: f64 = 0.2;
/// Nobody is muted before this long after the opening, s.
const CALM: f64 = 2.0;
/// For how long somebody is muted, s.
const MUTED: f64 = 2.0;
/// A stretch with a shared screen, s, mean.
const SHARED: f64 = 6.0;
/// Acts in one meeting at most; a soak of a week stays below it.
const MOST_ACTS: usize = 100_000;

/// Something that happens in a meeting beside people coming and going.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// The host mutes this guest (index in the meeting).
    Mute(usize),
    /// And takes it back.
    Unmute(usize),
    /// Video becomes one-way, or two-way again.
    OneWay(bool),
    /// Somebody shares a screen, or stops.
    Screen(usize, bool),
    /// The host makes breakout rooms and says who belongs where.
    MakeBreakouts(u32),
    /// Everybody goes there.
    OpenBreakouts,
    /// Everybody is called back.
    Recall,
}

impl Act {
    /// What it is called in a summary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mute(_) => "mute",
            Self::Unmute(_) => "unmute",
            Self::OneWay(_) => "one_way",
            Self::Screen(..) => "screen",
            Self::MakeBreakouts(_) | Self::OpenBreakouts => "breakouts",
            Self::Recall => "recall",
        }
    }
}

/// Somebody.
#[derive(Clone, PartialEq, Debug)]
pub struct Person {
    /// Number in the whole run; the author of this person's media.
    pub number: u32,
    /// When they come, since the start.
    pub joins: Duration,
    /// Whether a camera is on.
    pub camera: bool,
    /// Whether the microphone is on.
    pub microphone: bool,
    /// Which of the profile's bad lines is theirs.
    pub impairment: Option<usize>,
}

/// A meeting; the first person is the host.
#[derive(Clone, PartialEq, Debug)]
pub struct Meeting {
    /// Number in the whole run.
    pub number: u32,
    /// Its place among those that are open at one time.
    pub place: u32,
    /// When it opens.
    pub opens: Duration,
    /// When everybody leaves.
    pub ends: Duration,
    /// Whether guests wait to be let in.
    pub waiting: bool,
    /// Who takes part.
    pub people: Vec<Person>,
    /// What happens, in order of time.
    pub acts: Vec<(Duration, Act)>,
}

/// A whole run.
#[derive(Clone, PartialEq, Debug)]
pub struct Timetable {
    /// Meetings by the time of their opening.
    pub meetings: Vec<Meeting>,
    /// From when on is measured.
    pub measured_from: Duration,
    /// Until when.
    pub measured_to: Duration,
}

impl Timetable {
    /// Draws one.
    #[must_use]
    pub fn new(profile: &Profile, seed: u64) -> Self {
        let (ramp, settle) = (profile.ramp_seconds, profile.settle_seconds);
        let (measured_from, before) = if profile.measure_ramp { (0.0, ramp) } else { (ramp + settle, ramp + settle) };
        let end = before + profile.seconds;
        let mut meetings = Vec::new();
        let sizes = shared_out(profile);
        for place in 0..profile.meetings {
            let mut draw = Draw { profile, chance: Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(place))), place, end };
            let people = sizes.get(place as usize).copied().unwrap_or(2);
            draw.chain(people, &mut meetings);
        }
        meetings.sort_by_key(|meeting| (meeting.opens, meeting.place));
        // They have the last numbers: everybody else is who they are without them.
        meetings.extend(passers(profile, measured_from, end));
        let mut number = 0;
        for (index, meeting) in meetings.iter_mut().enumerate() {
            meeting.number = index as u32;
            for person in &mut meeting.people {
                person.number = number;
                number += 1;
            }
        }
        meetings.sort_by_key(|meeting| (meeting.opens, meeting.place));
        Self { meetings, measured_from: seconds(measured_from), measured_to: seconds(end) }
    }

    /// Everybody who should come.
    #[must_use]
    pub fn people(&self) -> usize {
        self.meetings.iter().map(|meeting| meeting.people.len()).sum()
    }

    /// The greatest number of meetings, and of people, at one time.
    #[must_use]
    pub fn peak(&self) -> (u64, u64) {
        let mut changes: Vec<(Duration, i64, i64)> = Vec::new();
        for meeting in &self.meetings {
            let people = meeting.people.len() as i64;
            changes.push((meeting.opens, 1, people));
            changes.push((meeting.ends, -1, -people));
        }
        changes.sort_unstable();
        let (mut now, mut peak) = ((0, 0), (0, 0));
        for (_, meetings, people) in changes {
            now = (now.0 + meetings, now.1 + people);
            peak = (peak.0.max(now.0), peak.1.max(now.1));
        }
        (peak.0.unsigned_abs(), peak.1.unsigned_abs())
    }
}

/// The sizes of the places: whole meetings of each size by the largest remainders, so that a small run has the mix as well.
fn shared_out(profile: &Profile) -> Vec<u32> {
    let total: f64 = profile.sizes.iter().map(|size| size.share).sum();
    let exact = |share: f64| share / total * f64::from(profile.meetings);
    let mut parts: Vec<(u32, usize, f64)> =
        profile.sizes.iter().map(|size| (size.people, exact(size.share) as usize, exact(size.share).fract())).collect();
    let given: usize = parts.iter().map(|(_, count, _)| count).sum();
    parts.sort_by(|a, b| b.2.total_cmp(&a.2));
    let left = (profile.meetings as usize).saturating_sub(given);
    parts.iter_mut().take(left).for_each(|(_, count, _)| *count += 1);
    parts.sort_by_key(|(people, ..)| std::cmp::Reverse(*people));
    parts.into_iter().flat_map(|(people, count, _)| std::iter::repeat_n(people, count)).collect()
}

/// Meetings of two who only pass through, one after the other evenly from the beginning of the measured time on. Nothing is left to
/// chance. The host waits for the guest, and both leave [`PASSING`] after that one came.
fn passers(profile: &Profile, from: f64, end: f64) -> impl Iterator<Item = Meeting> {
    let (rate, places) = (profile.passers_per_second, profile.meetings);
    let pairs = ((end - LAST_CALL.as_secs_f64() - from).max(0.0) * rate / 2.0) as u32;
    (0..pairs).map(move |pair| {
        let [host, guest] = [0.0, 1.0].map(|index| from + (2.0 * f64::from(pair) + index) / rate);
        let person = |joins| Person { number: 0, joins: seconds(joins), camera: false, microphone: false, impairment: None };
        Meeting {
            number: 0,
            place: places + pair,
            opens: seconds(host),
            ends: seconds(guest + PASSING),
            waiting: false,
            people: vec![person(host), person(guest)],
            acts: Vec::new(),
        }
    })
}

struct Draw<'a> {
    profile: &'a Profile,
    chance: Chance,
    place: u32,
    end: f64,
}

impl Draw<'_> {
    /// One place's meetings, one after the other, until the run ends.
    fn chain(&mut self, people: u32, meetings: &mut Vec<Meeting>) {
        let profile = self.profile;
        let slowest = profile.ramp_seconds.max(0.01);
        let mut opens = slowest * (f64::from(self.place) + self.chance.unit()) / f64::from(profile.meetings) * 0.9;
        // The first one was under way when the run began.
        let mut rest = self.chance.unit();
        while opens < self.end {
            let length = self.chance.log_normal(profile.minutes * 60.0 / profile.compress, profile.minutes_spread) * rest;
            let ends = self.on_the_quarter(opens, opens + length.max(SHORTEST));
            // Nobody joins to leave at once.
            let ends = if self.end - ends < SHORTEST { self.end + 1.0 } else { ends };
            meetings.push(self.meeting(opens, ends, people));
            opens = ends + BETWEEN;
            rest = 1.0;
        }
    }

    /// By appointment: the quarter hour nearest to it.
    fn on_the_quarter(&mut self, opens: f64, ends: f64) -> f64 {
        if !self.chance.happens(self.profile.quarter_burst) {
            return ends;
        }
        let quarter = 900.0 / self.profile.compress;
        let pulse = self.chance.triangle() * self.profile.pulse_minutes * 60.0 / self.profile.compress;
        ((ends / quarter).round() * quarter + pulse).max(opens + SHORTEST)
    }

    fn meeting(&mut self, opens: f64, ends: f64, people: u32) -> Meeting {
        let profile = self.profile;
        let muted = if people > profile.mid_people { profile.large_muted_share.max(profile.muted_share) } else { profile.muted_share };
        let person = |draw: &mut Self, index: u32| Person {
            number: 0,
            joins: seconds(if index == 0 { opens } else { opens + 0.02 + draw.chance.unit() * profile.arrive_seconds }),
            camera: index == 0 || draw.chance.happens(profile.camera_share),
            microphone: index == 0 || !draw.chance.happens(muted),
            impairment: draw.impairment(),
        };
        let persons: Vec<Person> = (0..people).map(|index| person(self, index)).collect();
        let waiting = self.chance.happens(profile.waiting_share);
        let mut meeting = Meeting {
            number: 0,
            place: self.place,
            opens: seconds(opens),
            ends: seconds(ends),
            waiting,
            people: persons,
            acts: Vec::new(),
        };
        let from = opens + profile.arrive_seconds + CALM + if waiting { profile.admit_seconds } else { 0.0 };
        let to = ends.min(self.end);
        self.add_mutes(&mut meeting, from, to);
        self.add_one_way(&mut meeting, from, to);
        self.add_screens(&mut meeting, from, to);
        self.add_breakouts(&mut meeting, from, to);
        meeting.acts.sort_by_key(|(at, _)| *at);
        meeting
    }

    fn impairment(&mut self) -> Option<usize> {
        let mut left = self.chance.unit();
        self.profile.impairments.iter().position(|bad| {
            left -= bad.share;
            left < 0.0
        })
    }

    fn add_mutes(&mut self, meeting: &mut Meeting, from: f64, to: f64) {
        if self.profile.mutes_per_minute <= 0.0 || meeting.people.len() < 2 {
            return;
        }
        let mean = 60.0 / self.profile.mutes_per_minute;
        let mut at = from + self.chance.exponential(mean);
        while at + MUTED < to && meeting.acts.len() < MOST_ACTS {
            let guest = 1 + self.chance.below(meeting.people.len() - 1);
            meeting.acts.extend([(seconds(at), Act::Mute(guest)), (seconds(at + MUTED), Act::Unmute(guest))]);
            at += MUTED + 0.5 + self.chance.exponential(mean);
        }
    }

    fn add_one_way(&mut self, meeting: &mut Meeting, from: f64, to: f64) {
        if !self.chance.happens(self.profile.one_way_share) || meeting.people.len() < 2 {
            return;
        }
        let length = self.profile.one_way_seconds;
        let mut at = from + self.chance.unit() * 2.0;
        while at + length + 1.0 < to && meeting.acts.len() < MOST_ACTS {
            meeting.acts.extend([(seconds(at), Act::OneWay(true)), (seconds(at + length), Act::OneWay(false))]);
            at += length * 4.0 + self.chance.exponential(length * 2.0);
        }
    }

    fn add_screens(&mut self, meeting: &mut Meeting, from: f64, to: f64) {
        let share = self.profile.screen_share;
        if share <= 0.0 {
            return;
        }
        // Stretches alternate; where the run is shorter than that, it begins within one by the share.
        let pause = SHARED * (1.0 - share) / share;
        let mut at = if self.chance.happens(share) { from } else { from + self.chance.exponential(pause.max(0.1)) };
        while at + 1.0 < to && meeting.acts.len() < MOST_ACTS {
            let who = if self.chance.happens(0.7) { 0 } else { self.chance.below(meeting.people.len()) };
            let until = at + 1.0 + self.chance.exponential(SHARED);
            meeting.acts.extend([(seconds(at), Act::Screen(who, true)), (seconds(until), Act::Screen(who, false))]);
            at = until + 0.5 + self.chance.exponential(pause.max(0.1));
        }
    }

    fn add_breakouts(&mut self, meeting: &mut Meeting, from: f64, to: f64) {
        let (count, span) = (self.profile.breakouts, self.profile.breakout_seconds);
        if count == 0 || meeting.people.len() < 3 {
            return;
        }
        meeting.acts.push((seconds(from), Act::MakeBreakouts(count)));
        // Assignments take their time: one message each.
        let mut at = from + 0.5 + meeting.people.len() as f64 * 0.03;
        while at + span + 1.0 < to && meeting.acts.len() < MOST_ACTS {
            meeting.acts.extend([(seconds(at), Act::OpenBreakouts), (seconds(at + span), Act::Recall)]);
            at += 2.0 * span;
        }
    }
}

fn seconds(value: f64) -> Duration {
    Duration::from_secs_f64(value.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(meetings: u32) -> Profile {
        Profile { meetings, ..Profile::built_in("visits").expect("it is built in") }
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_something_else() {
        let profile = visits(20);
        assert_eq!(Timetable::new(&profile, 7), Timetable::new(&profile, 7));
        assert_ne!(Timetable::new(&profile, 7), Timetable::new(&profile, 8));
    }

    #[test]
    fn as_many_meetings_are_open_as_asked_for_and_people_are_numbered_once() {
        let (profile, seed) = (visits(50), 3);
        let timetable = Timetable::new(&profile, seed);
        assert_eq!(timetable.peak().0, 50, "seed {seed}");
        let middle = (timetable.measured_from + timetable.measured_to) / 2;
        let open = timetable.meetings.iter().filter(|meeting| (meeting.opens..meeting.ends).contains(&middle)).count();
        assert!((45..=50).contains(&open), "{open} of 50 open, seed {seed}");
        let numbers: Vec<u32> = timetable.meetings.iter().flat_map(|meeting| &meeting.people).map(|person| person.number).collect();
        assert_eq!(numbers, (0..timetable.people() as u32).collect::<Vec<_>>());
        let two = timetable.meetings.iter().filter(|meeting| meeting.people.len() == 2).count() as f64;
        assert!((two / timetable.meetings.len() as f64 - 0.7).abs() < 0.12, "the mix, seed {seed}");
    }

    #[test]
    fn coming_in_is_measured_where_that_is_the_point() {
        let storm = Timetable::new(&Profile::built_in("join-storm").expect("it is built in"), 1);
        assert!(storm.measured_from.is_zero() && storm.measured_to > Duration::from_secs(13));
        assert_eq!(Timetable::new(&visits(5), 1).measured_from, Duration::from_secs(8));
    }

    #[test]
    fn passers_come_evenly_while_it_is_measured_say_nothing_and_leave_the_others_as_they_are() {
        let (without, seed) = (visits(20), 5);
        let profile = Profile { passers_per_second: 40.0, ..without.clone() };
        let timetable = Timetable::new(&profile, seed);
        let passes = |meeting: &&Meeting| meeting.place >= profile.meetings;
        let others: Vec<Meeting> = timetable.meetings.iter().filter(|meeting| !passes(meeting)).cloned().collect();
        assert_eq!(others, Timetable::new(&without, seed).meetings, "the same people, numbers included, seed {seed}");

        let passing: Vec<&Meeting> = timetable.meetings.iter().filter(passes).collect();
        assert!(passing.iter().all(|meeting| meeting.people.len() == 2 && meeting.acts.is_empty() && !meeting.waiting));
        let people: Vec<&Person> = passing.iter().flat_map(|meeting| &meeting.people).collect();
        assert!(people.iter().all(|person| !person.camera && !person.microphone && person.impairment.is_none()));
        assert_eq!(people.len() as f64, 40.0 * (profile.seconds - LAST_CALL.as_secs_f64()));
        assert_eq!(people[0].joins, timetable.measured_from);
        let gaps = people.windows(2).map(|two| (two[1].joins - two[0].joins).as_secs_f64());
        assert!(gaps.into_iter().all(|gap| (gap - 0.025).abs() < 1e-6));
        let longest = passing.iter().map(|meeting| meeting.ends - meeting.opens).max();
        assert_eq!(longest, Some(Duration::from_millis(2_025)));
        let last = people.last().map(|person| person.joins + LAST_CALL).zip(passing.last().map(|meeting| meeting.ends));
        assert!(last.is_some_and(|(called, left)| called < timetable.measured_to && left < timetable.measured_to), "{last:?}");

        let numbers: std::collections::BTreeSet<u32> =
            timetable.meetings.iter().flat_map(|meeting| &meeting.people).map(|person| person.number).collect();
        assert_eq!(numbers.len(), timetable.people(), "everybody is numbered once");
        let alone = Timetable::new(&Profile { meetings: 0, ..profile.clone() }, seed);
        assert_eq!(alone.people(), people.len(), "nobody else where there are no meetings");
        assert_eq!(timetable.peak().0, 20 + 40 + 1, "two seconds of 20 pairs, and the one whose guest is about to come");
    }

    #[test]
    fn with_appointments_meetings_end_around_the_quarter_and_without_anywhere() {
        let near = |burst: f64| {
            let profile = Profile { quarter_burst: burst, seconds: 600.0, ..visits(60) };
            let quarter = 900.0 / profile.compress;
            let timetable = Timetable::new(&profile, 1);
            let ends: Vec<f64> = timetable.meetings.iter().map(|meeting| meeting.ends.as_secs_f64()).filter(|ends| *ends < 590.0).collect();
            let phase = |end: &&f64| ((**end / quarter).fract() - 0.5).abs() > 0.5 - 2.0 / 15.0;
            ends.iter().filter(phase).count() as f64 / ends.len() as f64
        };
        assert!(near(1.0) > 0.7, "{}", near(1.0));
        assert!(near(0.0) < 0.4, "{}", near(0.0));
    }

    #[test]
    fn what_hosts_do_falls_within_the_meeting_and_in_order() {
        let timetable = Timetable::new(&Profile { waiting_share: 0.0, ..visits(40) }, 2);
        let mut acts = 0;
        for meeting in &timetable.meetings {
            assert!(meeting.acts.is_sorted_by_key(|(at, _)| *at));
            assert!(meeting.acts.iter().all(|(at, _)| *at > meeting.opens));
            acts += meeting.acts.len();
        }
        assert!(acts > 20, "{acts}");
    }
}
