//! What one server cost and how late its packets were, out of three runs: steady media, the same while others come and go, and one in
//! which everybody joins at once.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Aside;
use crate::scenario::{Profile, Timetable};
use crate::summary::{Second, Summary};
use crate::{report, verdict};

/// Longest time told apart, µs.
const LONGEST: u64 = 120_000_000;
/// Share of the time in which the machine must have run at its own speed for that time alone to be looked at, by runs and by the echo.
pub const CALM: f64 = 0.3;

/// One slot's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Time of the server's whole core, interrupts included, for each packet that reached somebody, µs.
    pub cpu_per_packet: f64,
    /// One-way latency of all media at 50, 99 and 99.9 of 100, µs: while the machine ran at its own speed, where the generator looked.
    pub latency: [f64; 3],
    /// The same of sound alone, which no server spreads in time on purpose.
    pub sound: [f64; 3],
    /// Share of the time in which the machine ran at its own speed, 0 to 1, where the generator looked.
    pub calm: Option<f64>,
    /// The same media while others join and leave beside them.
    pub with_joins: Option<Beside>,
    /// Why that is not known.
    pub without_joins: Option<Aside>,
    /// Share of packets that never came.
    pub loss: f64,
    /// Memory that the server took for each participant, bytes.
    pub memory: f64,
    /// The server's processor time for each join, µs; media of those who are in already is taken off.
    pub cpu_per_join: f64,
    /// From the offer to the first whole picture while all join at once, 95 of 100 are not above, µs; of those who found somebody there.
    /// None where nobody did: a server that takes long to let people in lets all of them into empty rooms.
    pub first_picture: Option<f64>,
    /// Packets a second that reached somebody, while media were measured.
    pub packets_per_second: f64,
    /// SRTP profiles that protected media, as IANA names them: a longer key costs more.
    #[serde(default)]
    pub srtp: Vec<String>,
}

/// One-way latency of media while others join and leave, as in [`Figures`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Of all media.
    pub latency: [f64; 3],
    /// Of sound alone.
    pub sound: [f64; 3],
}

/// Why a slot's runs say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unusable {
    /// The generator says so.
    #[error("{0}")]
    Invalid(String),
    /// Somebody did not get in.
    #[error("{failed} of {planned} people did not get in")]
    Failed {
        /// So many.
        failed: u64,
        /// Of so many.
        planned: u64,
    },
    /// The server's process was not watched, or not pinned to cores of its own.
    #[error("the server's cores were not watched: pin it, and run on the same machine")]
    Unwatched,
    /// Packets left late although the machine was calm, or it never was.
    #[error("1 of 100 packets left more than {late} µs late (allowed: {allowed})")]
    Late {
        /// So late, µs.
        late: u64,
        /// It may be so much.
        allowed: u64,
    },
    /// Nothing came.
    #[error("no media came")]
    Silent,
    /// A histogram cannot be read.
    #[error("{0}")]
    Unread(String),
}

impl Figures {
    /// Out of a run of steady media and a run of joins; what [`with_joins`] says of two more is the caller's to put in.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn of(media: &Summary, joins: &Summary) -> Result<Self, Unusable> {
        [media, joins].into_iter().try_for_each(usable)?;
        let server = media.server.as_ref().ok_or(Unusable::Unwatched)?;
        let core = server.core_seconds.ok_or(Unusable::Unwatched)?;
        let (expected, lost) = media.media.values().fold((0, 0), |(all, lost), kind| (all + kind.expected, lost + kind.lost));
        if server.forwarded == 0 || expected == 0 {
            return Err(Unusable::Silent);
        }
        Ok(Self {
            cpu_per_packet: core * 1e6 / server.forwarded as f64,
            latency: latency(media, |_| true)?,
            sound: latency(media, |kind| kind == "audio")?,
            calm: media.generator.calm_share,
            with_joins: None,
            without_joins: None,
            loss: lost as f64 / expected as f64,
            memory: server.memory_peak.saturating_sub(server.memory_idle) as f64 / media.clients.peak.max(1) as f64,
            cpu_per_join: cpu_per_join(&joins.series).ok_or(Unusable::Silent)?,
            first_picture: joins.joins.get("offer_to_first_frame").filter(|times| times.count > 0).map(|times| times.p95),
            packets_per_second: server.forwarded as f64 / media.seconds.max(1e-9),
            srtp: media.generator.srtp.keys().cloned().collect(),
        })
    }

    /// How much later 99 of 100 packets came while others joined and left, µs: of all media, and of sound alone. Below 0 where they came
    /// sooner.
    #[must_use]
    pub fn moved(&self) -> Option<[f64; 2]> {
        self.with_joins.map(|with| [with.latency[1] - self.latency[1], with.sound[1] - self.sound[1]])
    }
}

/// Latency in a run of steady media while the people of another run, begun with it and a little longer, pass through.
///
/// # Errors
/// [`Unusable`], also where somebody who passed through was not in before the two seconds were over: so many joins a second are then more
/// than the server carries, and what it would have taken for them is not known.
pub fn with_joins(media: &Summary, passers: &Summary) -> Result<Beside, Unusable> {
    [media, passers].into_iter().try_for_each(usable)?;
    let profile = Profile::parse(&passers.scenario.profile).map_err(unread)?;
    let planned = Timetable::new(&profile, passers.scenario.seed).people() as u64;
    if passers.clients.joined < planned {
        return Err(Unusable::Failed { failed: planned - passers.clients.joined, planned });
    }
    Ok(Beside { latency: latency(media, |_| true)?, sound: latency(media, |kind| kind == "audio")? })
}

/// Whether a run says anything.
fn usable(run: &Summary) -> Result<(), Unusable> {
    if let Some(why) = &run.generator.invalid {
        return Err(Unusable::Invalid(why.clone()));
    }
    if run.clients.failed > 0 || run.clients.joined == 0 {
        return Err(Unusable::Failed { failed: run.clients.failed, planned: run.clients.planned });
    }
    Ok(())
}

fn unread(error: impl std::fmt::Display) -> Unusable {
    Unusable::Unread(error.to_string())
}

/// Whether packets left when they should: at the times that latencies are taken of. A run by itself is judged by all of its time.
fn timely(run: &Summary) -> Result<(), Unusable> {
    let lateness = run.generator.calm_lateness.as_ref().filter(|_| calm(run)).unwrap_or(&run.generator.send_lateness);
    let (late, allowed) = (lateness.p99.ceil() as u64, verdict::LATEST as u64);
    if late > allowed { Err(Unusable::Late { late, allowed }) } else { Ok(()) }
}

/// Whether the machine ran at its own speed for long enough to leave out the rest.
fn calm(run: &Summary) -> bool {
    run.generator.calm_share.is_some_and(|share| share >= CALM)
}

/// Of these kinds of media together, while the machine was calm where that is known and was so for long enough.
fn latency(run: &Summary, counts: impl Fn(&str) -> bool) -> Result<[f64; 3], Unusable> {
    timely(run)?;
    let calm = calm(run);
    let mut all = Histogram::<u64>::new_with_bounds(1, LONGEST, 3).map_err(unread)?;
    for (name, kind) in run.media.iter().filter(|(name, _)| counts(name)) {
        let times = kind.calm.as_ref().filter(|_| calm).unwrap_or(&kind.latency);
        if let Some(one) = report::histogram(name, times).map_err(unread)? {
            all.add(&one).map_err(unread)?;
        }
    }
    if all.is_empty() {
        return Err(Unusable::Silent);
    }
    Ok([0.5, 0.99, 0.999].map(|share| all.value_at_quantile(share) as f64))
}

/// The seconds in which people joined, less what the media of those present cost by the quiet seconds after.
fn cpu_per_join(series: &[Second]) -> Option<f64> {
    let last = series.iter().rposition(|second| second.joins > 0)?;
    let (storm, quiet) = series.split_at(last + 1);
    // The second after the last join still has its keyframes, the last one of all may be cut short.
    let quiet = quiet.get(1..quiet.len().checked_sub(1)?)?;
    let people_seconds: u64 = quiet.iter().map(|second| second.clients).sum();
    let each = quiet.iter().map(|second| second.server_cpu).sum::<f64>() / people_seconds.max(1) as f64;
    let joins: u64 = storm.iter().map(|second| second.joins).sum();
    let present: u64 = storm.iter().map(|second| second.clients).sum();
    let spent = storm.iter().map(|second| second.server_cpu).sum::<f64>() - each * present as f64;
    (people_seconds > 0 && joins > 0).then(|| spent.max(0.0) * 1e6 / joins as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure;
    use crate::summary::{Clients, Distribution, Generator, Machine, Media, SCHEMA, Scenario, Target, Verdict};

    /// A run of which 30 people should pass through; its packets came after this many µs, and in calm after that many.
    fn passing(latency: u64, calm: u64) -> Summary {
        let profile = Profile { passers_per_second: 10.0, seconds: 6.0, meetings: 0, ..Profile::default() };
        let late = |latency| {
            let mut histogram = measure::Histogram::default();
            (0..100).for_each(|_| histogram.record(Duration::from_micros(latency)));
            histogram.distribution()
        };
        let audio = Media { latency: late(latency), calm: Some(late(calm)), ..Media::default() };
        Summary {
            schema: SCHEMA,
            generator_version: "test".to_owned(),
            started: 0,
            seconds: 6.0,
            target: Target { kind: "relay".to_owned(), url: "http://localhost".to_owned(), version: None },
            machine: Machine { cpu: "test".to_owned(), cores: 2, memory: 1 << 34, kernel: "test".to_owned() },
            scenario: Scenario { name: "meeting".to_owned(), seed: 1, profile: profile.to_toml() },
            generator: Generator { threads: 1, packets_sent: 1, packets_received: 1, calm_share: Some(0.8), ..Generator::default() },
            clients: Clients { planned: 30, joined: 30, failed: 0, peak: 20 },
            meetings_peak: 1,
            media: [("audio".to_owned(), audio)].into(),
            joins: Default::default(),
            control: Default::default(),
            server: None,
            series: Vec::new(),
            thresholds: Vec::new(),
            verdict: Verdict::Pass,
            command: None,
            latencies: Vec::new(),
            left_out: Default::default(),
            independent: None,
        }
    }

    #[test]
    fn what_the_machine_made_late_is_left_out_where_it_was_itself_for_long_enough() {
        let mut run = passing(9_000, 400);
        let p99 = |run: &Summary| with_joins(run, &passing(1, 1)).expect("all came").latency[1].round();
        assert!((p99(&run) - 400.0).abs() <= 1.0, "{}", p99(&run));
        run.generator.calm_share = Some(0.1);
        assert!(p99(&run) > 8_900.0, "a tenth of the time is too little to leave out the rest");
    }

    #[test]
    fn a_generator_that_was_late_while_the_machine_was_calm_says_nothing() {
        let late = |p99| Distribution { p99, ..Distribution::default() };
        let mut run = passing(400, 400);
        (run.generator.send_lateness, run.generator.calm_lateness) = (late(3_000.0), Some(late(200.0)));
        assert!(
            with_joins(&run, &passing(1, 1)).is_ok(),
            "what the machine did to all is left out, and so is what it did to the generator"
        );
        run.generator.calm_lateness = Some(late(1_200.5));
        assert_eq!(with_joins(&run, &passing(1, 1)), Err(Unusable::Late { late: 1_201, allowed: 1_000 }));
        (run.generator.calm_share, run.generator.calm_lateness) = (Some(0.1), Some(late(200.0)));
        assert_eq!(with_joins(&run, &passing(1, 1)), Err(Unusable::Late { late: 3_000, allowed: 1_000 }));
    }

    #[test]
    fn a_server_that_lets_somebody_pass_by_outside_has_not_carried_so_many_joins() {
        let mut run = passing(400, 400);
        // The engine counts nobody as failed whose meeting was over first, and plans them no longer.
        run.clients = Clients { planned: 29, joined: 29, failed: 0, peak: 20 };
        let mut media = run.clone();
        assert_eq!(with_joins(&media, &run), Err(Unusable::Failed { failed: 1, planned: 30 }));
        run.clients.joined = 30;
        assert!(with_joins(&media, &run).is_ok());
        media.generator.invalid = Some("late".to_owned());
        assert_eq!(with_joins(&media, &run), Err(Unusable::Invalid("late".to_owned())));
    }

    #[test]
    fn what_media_cost_is_no_part_of_a_join() {
        let second = |clients, joins, server_cpu| Second { clients, joins, server_cpu, ..Second::default() };
        // 100 people join in two seconds at 1 ms each; each one's media takes 2 ms a second.
        let series = [
            second(50, 50, 0.05 + 0.1),
            second(100, 50, 0.05 + 0.2),
            second(100, 0, 0.9),
            second(100, 0, 0.2),
            second(100, 0, 0.2),
            second(100, 0, 0.0),
        ];
        let found = cpu_per_join(&series).expect("joins were seen");
        assert!((found - 1_000.0).abs() < 1.0, "{found}");
        assert_eq!(cpu_per_join(&series[..3]), None, "without quiet seconds nothing is known");
    }
}
