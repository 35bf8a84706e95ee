//! What one server cost and how late its packets were, out of two runs: one of steady media, one in which everybody joins at once.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::report;
use crate::summary::{Second, Summary};

/// Longest time told apart, µs.
const LONGEST: u64 = 120_000_000;

/// One slot's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Time of the server's whole core, interrupts included, for each packet that reached somebody, µs.
    pub cpu_per_packet: f64,
    /// One-way latency of all media at 50, 99 and 99.9 of 100, µs.
    pub latency: [f64; 3],
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
    /// Nothing came.
    #[error("no media came")]
    Silent,
    /// A histogram cannot be read.
    #[error("{0}")]
    Unread(String),
}

impl Figures {
    /// Out of a run of steady media and a run of joins.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn of(media: &Summary, joins: &Summary) -> Result<Self, Unusable> {
        for run in [media, joins] {
            if let Some(why) = &run.generator.invalid {
                return Err(Unusable::Invalid(why.clone()));
            }
            if run.clients.failed > 0 || run.clients.joined == 0 {
                return Err(Unusable::Failed { failed: run.clients.failed, planned: run.clients.planned });
            }
        }
        let server = media.server.as_ref().ok_or(Unusable::Unwatched)?;
        let core = server.core_seconds.ok_or(Unusable::Unwatched)?;
        let (expected, lost) = media.media.values().fold((0, 0), |(all, lost), kind| (all + kind.expected, lost + kind.lost));
        if server.forwarded == 0 || expected == 0 {
            return Err(Unusable::Silent);
        }
        Ok(Self {
            cpu_per_packet: core * 1e6 / server.forwarded as f64,
            latency: latency(media)?,
            loss: lost as f64 / expected as f64,
            memory: server.memory_peak.saturating_sub(server.memory_idle) as f64 / media.clients.peak.max(1) as f64,
            cpu_per_join: cpu_per_join(&joins.series).ok_or(Unusable::Silent)?,
            first_picture: joins.joins.get("offer_to_first_frame").filter(|times| times.count > 0).map(|times| times.p95),
            packets_per_second: server.forwarded as f64 / media.seconds.max(1e-9),
        })
    }
}

fn unread(error: impl std::fmt::Display) -> Unusable {
    Unusable::Unread(error.to_string())
}

fn latency(run: &Summary) -> Result<[f64; 3], Unusable> {
    let mut all = Histogram::<u64>::new_with_bounds(1, LONGEST, 3).map_err(unread)?;
    for (name, kind) in &run.media {
        let one = report::histogram(name, &kind.latency).map_err(unread)?;
        if let Some(one) = one {
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
    use super::*;

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
