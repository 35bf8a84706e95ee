//! Finding the knee: double the load until a threshold breaks, bisect to 5 %, confirm three times, and say what broke first.
//!
//! ```text
//!            holds                         breaks twice                      within precision            2 of 3 hold
//!  Doubling ───────► Doubling (load * 2)   ───────────► Bisecting(held, broke) ──────────► Confirming ─────────────► Knee
//!            at the limit ► Unbroken                     the middle, best of three            else ► a step down, again
//! ```
//! A step at which the generator itself was late or saturated proves nothing about the server. It bounds the search from above
//! like a break, and if the search ends against that bound the answer is INVALID, never a knee.

use serde::Serialize;

use crate::summary::{Summary, Verdict};

/// Steps after which a search is given up: doubling over 60 powers of two, bisecting and confirming fit in.
const MOST_STEPS: usize = 200;

/// What breaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The generator itself: proves nothing about the server.
    Generator,
    /// The server's processor.
    Cpu,
    /// Latency of media or of commands.
    Latency,
    /// Packets lost, pictures frozen, sound missing.
    Loss,
    /// People who came late or not at all.
    Joins,
    /// The server's memory.
    Memory,
}

/// How to search.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Search {
    /// First load, in the unit of the scenario (people, meetings): at least 1.
    pub start: u64,
    /// Greatest load to try.
    pub limit: u64,
    /// The knee is bracketed to this share of it.
    pub precision: f64,
    /// Runs at the knee; most of them must hold.
    pub confirmations: u32,
}

impl Default for Search {
    fn default() -> Self {
        Self { start: 10, limit: 100_000, precision: 0.05, confirmations: 3 }
    }
}

/// One step, measured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Measurement {
    /// Load that was run.
    pub load: u64,
    /// Thresholds that broke; with [`Limit::Generator`] among them the others mean nothing.
    pub broken: Vec<Limit>,
}

impl Measurement {
    /// Of a run.
    #[must_use]
    pub fn of(load: u64, run: &Summary) -> Self {
        let mut broken: Vec<Limit> = run.thresholds.iter().filter(|row| !row.met).map(|row| limit_of(&row.text)).collect();
        if run.clients.failed > 0 {
            broken.push(Limit::Joins);
        }
        if run.generator.invalid.is_some() || run.verdict == Verdict::Invalid {
            broken = vec![Limit::Generator];
        }
        broken.sort_unstable();
        broken.dedup();
        Self { load, broken }
    }

    fn held(&self) -> bool {
        self.broken.is_empty()
    }
}

/// What a threshold is about, by its text: `e2e_p99<=20ms`, `loss<=0.1%`.
fn limit_of(threshold: &str) -> Limit {
    let says = |words: &[&str]| words.iter().any(|word| threshold.contains(word));
    if says(&["cpu", "core"]) {
        Limit::Cpu
    } else if says(&["memory", "rss"]) {
        Limit::Memory
    } else if says(&["join", "failed", "first", "secure", "answer"]) {
        Limit::Joins
    } else if says(&["loss", "lost", "freeze", "frozen", "gap", "recovered"]) {
        Limit::Loss
    } else {
        Limit::Latency
    }
}

/// What to do next.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub enum Next {
    /// Run this load.
    Try(u64),
    /// The search is over.
    Done(Outcome),
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The knee.
    Knee {
        /// Greatest load that held, confirmed: what may be counted on.
        load: u64,
        /// Where the knee lies most likely: the middle of what held and what broke.
        estimate: u64,
        /// Least load that broke.
        broke_at: u64,
        /// What broke first.
        first: Limit,
        /// What else broke near it.
        also: Vec<Limit>,
    },
    /// The generator gave up before the server did: exit code 98.
    Invalid {
        /// Greatest load that held.
        carried: u64,
        /// Where the generator saturated.
        saturated_at: u64,
    },
    /// Even the limit of the search held.
    Unbroken {
        /// That limit.
        load: u64,
    },
    /// Even the first load broke.
    TooMuch {
        /// The least load that was tried.
        load: u64,
        /// What broke.
        first: Limit,
    },
    /// Measurements contradict each other so much that no load could be confirmed.
    Unsteady,
}

/// A search under way: give it each measurement, do what it says.
#[derive(Clone, Debug)]
pub struct Ramp {
    search: Search,
    state: State,
    /// Everything measured, in order.
    seen: Vec<Measurement>,
}

#[derive(Clone, Debug)]
enum State {
    /// `broke` holds the same step's first failure: a single disturbance does not end the doubling.
    Doubling { load: u64, held: u64, broke: bool },
    /// The knee lies between; `votes` are those for the middle so far: held, broke.
    Bisecting { held: u64, broke: u64, votes: (u32, u32) },
    /// Counts at the candidate: held, broke.
    Confirming { candidate: u64, broke: u64, votes: (u32, u32) },
}

impl Ramp {
    /// A new search and its first load.
    #[must_use]
    pub fn new(search: Search) -> (Self, u64) {
        let start = search.start.clamp(1, search.limit.max(1));
        (Self { search, state: State::Doubling { load: start, held: 0, broke: false }, seen: Vec::new() }, start)
    }

    /// All measurements so far.
    #[must_use]
    pub fn seen(&self) -> &[Measurement] {
        &self.seen
    }

    /// Takes the measurement of the load that was asked for.
    #[must_use]
    pub fn handle(&mut self, measurement: Measurement) -> Next {
        let held = measurement.held();
        self.seen.push(measurement);
        if self.seen.len() >= MOST_STEPS {
            return Next::Done(Outcome::Unsteady);
        }
        match self.state.clone() {
            State::Doubling { load, held: last, broke } => self.doubled(load, last, broke, held),
            State::Bisecting { held: low, broke: high, votes } => self.halved(low, high, vote(votes, held)),
            State::Confirming { candidate, broke, votes } => self.confirmed(candidate, broke, vote(votes, held)),
        }
    }

    fn doubled(&mut self, load: u64, last: u64, broke: bool, held: bool) -> Next {
        if held && load >= self.search.limit {
            return self.confirm(load, u64::MAX);
        }
        if held {
            let next = load.saturating_mul(2).min(self.search.limit);
            self.state = State::Doubling { load: next, held: load, broke: false };
            return Next::Try(next);
        }
        if !broke {
            self.state = State::Doubling { load, held: last, broke: true };
            return Next::Try(load);
        }
        if last == 0 {
            let first = self.first(load);
            return Next::Done(if first == Limit::Generator {
                Outcome::Invalid { carried: 0, saturated_at: load }
            } else {
                Outcome::TooMuch { load, first }
            });
        }
        self.bisect(last, load)
    }

    fn bisect(&mut self, held: u64, broke: u64) -> Next {
        let width = broke.saturating_sub(held);
        if width <= 1 || width as f64 <= self.search.precision * held as f64 {
            return self.confirm(held, broke);
        }
        self.state = State::Bisecting { held, broke, votes: (0, 0) };
        Next::Try(held + width / 2)
    }

    /// Best of three: near the knee a single run is a coin.
    fn halved(&mut self, held: u64, broke: u64, votes: (u32, u32)) -> Next {
        let middle = held + (broke - held) / 2;
        match votes {
            (2.., _) => self.bisect(middle, broke),
            (_, 2..) => self.bisect(held, middle),
            _ => {
                self.state = State::Bisecting { held, broke, votes };
                Next::Try(middle)
            }
        }
    }

    fn confirm(&mut self, candidate: u64, broke: u64) -> Next {
        self.state = State::Confirming { candidate, broke, votes: (0, 0) };
        Next::Try(candidate)
    }

    fn confirmed(&mut self, candidate: u64, broke: u64, votes: (u32, u32)) -> Next {
        let wanted = self.search.confirmations.max(1);
        let most = wanted / 2 + 1;
        if votes.1 >= most {
            let step = ((candidate as f64 * self.search.precision / 2.0).round() as u64).max(1);
            return match candidate.saturating_sub(step) {
                0 => Next::Done(Outcome::TooMuch { load: candidate, first: self.first(candidate) }),
                lower => self.confirm(lower, candidate),
            };
        }
        if votes.0 + votes.1 < wanted {
            self.state = State::Confirming { candidate, broke, votes };
            return Next::Try(candidate);
        }
        Next::Done(match (broke, self.first(broke)) {
            (u64::MAX, _) => Outcome::Unbroken { load: candidate },
            (_, Limit::Generator) => Outcome::Invalid { carried: candidate, saturated_at: broke },
            (_, first) => Outcome::Knee {
                load: candidate,
                estimate: candidate + (broke - candidate) / 2,
                broke_at: broke,
                first,
                also: self.also(broke, first),
            },
        })
    }

    /// What broke most often at the least load that broke.
    fn first(&self, load: u64) -> Limit {
        self.count(|measurement| measurement.load == load).first().map_or(Limit::Latency, |(limit, _)| *limit)
    }

    /// What else broke at it and up to a half above.
    fn also(&self, load: u64, first: Limit) -> Vec<Limit> {
        let near = |measurement: &Measurement| (load..=load.saturating_add(load / 2)).contains(&measurement.load);
        self.count(near).into_iter().map(|(limit, _)| limit).filter(|limit| *limit != first && *limit != Limit::Generator).collect()
    }

    fn count(&self, which: impl Fn(&Measurement) -> bool) -> Vec<(Limit, usize)> {
        let mut counts: Vec<(Limit, usize)> = Vec::new();
        for limit in self.seen.iter().filter(|measurement| which(measurement)).flat_map(|measurement| &measurement.broken) {
            match counts.iter_mut().find(|(known, _)| known == limit) {
                Some((_, count)) => *count += 1,
                None => counts.push((*limit, 1)),
            }
        }
        // Of equals the one that explains the other: a full processor delays, delay loses.
        counts.sort_by_key(|(limit, count)| (std::cmp::Reverse(*count), *limit));
        counts
    }
}

fn vote(votes: (u32, u32), held: bool) -> (u32, u32) {
    if held { (votes.0 + 1, votes.1) } else { (votes.0, votes.1 + 1) }
}

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;
