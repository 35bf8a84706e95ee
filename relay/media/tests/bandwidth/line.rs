//! A line in virtual time: a bottleneck with a queue or a policer, delay, losses, and a radio that sleeps.

use std::collections::VecDeque;

use crate::Rng;

/// One step of the simulation, us.
pub const STEP: u64 = 1_000;

/// Whose packet it is if it belongs to none of the viewers.
pub const CROSS: usize = usize::MAX;

/// How packets are lost behind the bottleneck.
#[derive(Clone, Copy, Debug)]
pub enum Losses {
    None,
    /// Each for itself, per mille.
    Random(u64),
    /// Gilbert-Elliott: share lost, per mille, in bursts of so many packets on average.
    Bursts(u64, u64),
}

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// From when, ms, it carries how much, bit/s.
    pub rates: Vec<(u64, u64)>,
    /// Drop-tail queue, ms at the present rate. 0: a policer with a bucket of 50 ms, that never delays.
    pub queue: u64,
    /// One way, ms; the way back is as long.
    pub delay: u64,
    pub losses: Losses,
    /// The radio sleeps up to so long, ms, every 100 to 300 ms.
    pub sleep: u64,
    /// Feedback every so often, ms.
    pub report: u64,
    /// Reports lost, percent.
    pub reports_lost: u64,
    /// Traffic of others: from, to, ms, and bit/s.
    pub cross: Option<(u64, u64, u64)>,
}

impl Line {
    /// A clean line with 25 ms each way and a queue of 300 ms, reports every 100 ms.
    pub fn of(bitrate: u64) -> Self {
        Self { rates: vec![(0, bitrate)], queue: 300, delay: 25, losses: Losses::None, sleep: 0, report: 100, reports_lost: 0, cross: None }
    }
}

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
pub struct Parcel {
    pub viewer: usize,
    pub number: u16,
    pub bytes: u64,
    /// us.
    pub sent: u64,
}

/// The bottleneck at work.
pub struct Bottleneck {
    line: Line,
    queue: VecDeque<(Parcel, f64)>,
    /// Bits in the queue; the policer's tokens.
    bits: f64,
    awake_at: u64,
    sleeps_at: u64,
    in_burst: bool,
    cross_owed: f64,
}

impl Bottleneck {
    pub fn new(line: Line) -> Self {
        Self { line, queue: VecDeque::new(), bits: 0.0, awake_at: 0, sleeps_at: 0, in_burst: false, cross_owed: 0.0 }
    }

    pub fn rate(&self, now: u64) -> f64 {
        self.line.rates.iter().rfind(|(from, _)| from * 1000 <= now).map_or(0.0, |&(_, rate)| rate as f64)
    }

    /// How long a packet that enters now waits, ms.
    pub fn waits(&self, now: u64) -> f64 {
        if self.line.queue == 0 { 0.0 } else { self.bits * 1000.0 / self.rate(now) }
    }

    /// Takes a packet, or loses it where there is no room; with the policer it comes out at once.
    pub fn enter(&mut self, now: u64, parcel: Parcel, out: &mut Vec<(u64, Parcel)>, rng: &mut Rng) {
        let bits = parcel.bytes as f64 * 8.0;
        if self.line.queue == 0 {
            if self.bits >= bits {
                self.bits -= bits;
                self.leave(now as f64, parcel, out, rng);
            }
        } else if self.bits + bits <= self.rate(now) * self.line.queue as f64 / 1000.0 {
            self.bits += bits;
            self.queue.push_back((parcel, bits));
        }
    }

    /// One step: what leaves the queue until its end comes out with the time of its arrival, us.
    pub fn step(&mut self, now: u64, out: &mut Vec<(u64, Parcel)>, rng: &mut Rng) {
        let mut budget = self.rate(now) * STEP as f64 / 1e6;
        if self.line.queue == 0 {
            self.bits = (self.bits + budget).min(self.rate(now) * 0.05);
            return;
        }
        self.cross(now);
        let rate = self.rate(now);
        let mut at = now as f64;
        while let Some((parcel, left)) = self.queue.front_mut() {
            let taken = left.min(budget);
            (budget, *left, self.bits, at) = (budget - taken, *left - taken, self.bits - taken, at + taken * 1e6 / rate);
            if *left > 0.0 {
                break;
            }
            let parcel = *parcel;
            self.queue.pop_front();
            self.leave(at, parcel, out, rng);
        }
    }

    fn cross(&mut self, now: u64) {
        let Some((from, to, rate)) = self.line.cross else { return };
        if !(from * 1000..to * 1000).contains(&now) {
            return;
        }
        self.cross_owed += rate as f64 * STEP as f64 / 1e6;
        while self.cross_owed >= 9600.0 {
            self.cross_owed -= 9600.0;
            let parcel = Parcel { viewer: CROSS, number: 0, bytes: 1200, sent: now };
            self.enter(now, parcel, &mut Vec::new(), &mut Rng(1));
        }
    }

    fn leave(&mut self, at: f64, parcel: Parcel, out: &mut Vec<(u64, Parcel)>, rng: &mut Rng) {
        if parcel.viewer == CROSS || self.loses(rng) {
            return;
        }
        let at = at as u64;
        if self.line.sleep > 0 && at >= self.sleeps_at {
            self.awake_at = at + rng.below(self.line.sleep * 1000 + 1);
            self.sleeps_at = self.awake_at + (100 + rng.below(200)) * 1000;
        }
        out.push((at.max(self.awake_at) + self.line.delay * 1000, parcel));
    }

    fn loses(&mut self, rng: &mut Rng) -> bool {
        match self.line.losses {
            Losses::None => false,
            Losses::Random(share) => rng.below(1000) < share,
            Losses::Bursts(share, length) => {
                // Leaves a burst with 1 / length; enters one so often that the share comes out.
                let enter = 1000 * share / (length * (1000 - share));
                let chance = if self.in_burst { 1000 - 1000 / length } else { enter };
                self.in_burst = rng.below(1000) < chance;
                self.in_burst
            }
        }
    }
}
