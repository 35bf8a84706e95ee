//! What an estimator knows of its line, for those who share the line out.

use std::time::{Duration, Instant};

use super::Limit;
use super::estimator::Estimator;
use super::reports::Reports;

/// A decrease is the reason for the estimate for so long, us.
const REASON_TIME: u64 = 10_000_000;

/// Losses in receiver reports that hold nothing back.
const FEW_LOSSES: f64 = 0.02;

impl Estimator {
    /// What may be sent in all, bit/s.
    #[must_use]
    pub fn target(&self) -> u64 {
        self.target as u64
    }

    /// What holds it where it is.
    #[must_use]
    pub fn limit(&self) -> Limit {
        let own = self.own_estimate();
        if self.remb.is_some_and(|(remb, _)| remb < own) {
            return Limit::Viewer;
        }
        if matches!(self.reports, Reports::None) {
            return match self.fallback.waits() {
                _ if self.fallback.loss() > FEW_LOSSES => Limit::Loss,
                true => Limit::Delay,
                false => Limit::Nothing,
            };
        }
        if self.loss.limit().is_some_and(|limit| limit < self.rate.estimate()) {
            return Limit::Loss;
        }
        let fell_at = self.rate.decreased();
        let lately = fell_at.is_some_and(|at| self.rate.updated().saturating_sub(at) < REASON_TIME);
        if lately && self.target < self.wish { Limit::Delay } else { Limit::Nothing }
    }

    /// Whether the line has ever shown an end. Until then [`Estimator::target`] is a guess, or what was asked and sent so far: less than the
    /// line carries as likely as more. Losses that are being looked into show nothing yet.
    #[must_use]
    pub fn found_wanting(&self) -> bool {
        let by_reports = || matches!(self.reports, Reports::None) && (self.fallback.loss() > FEW_LOSSES || self.fallback.waits());
        self.found_wanting || self.remb.is_some() || by_reports()
    }

    /// What the line carried when it was last full, if that is not long ago and it has not shown to carry more since, bit/s. The target goes
    /// beyond it from time to time to find out; what cannot be taken back soon should not.
    #[must_use]
    pub fn ceiling(&self) -> Option<u64> {
        self.ceiling.rate(self.rate.updated().max(self.ticked)).map(|rate| rate as u64)
    }

    /// Whether the target is again what it was before losses were looked into, since this was last asked: the less in between was a
    /// question, and tells nothing of the line.
    pub fn take_restored(&mut self) -> bool {
        std::mem::take(&mut self.restored)
    }

    /// Round-trip time by feedback.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt.map(Duration::from_micros)
    }

    /// Whether what the last feedback called lost was lost by a queue that is full: it tells nothing of the line when it is empty.
    #[must_use]
    pub fn overflows(&self, now: Instant) -> bool {
        self.loss.excuses(self.micros(now))
    }

    /// Share of packets lost lately, 0 to 1, as seen before retransmission, but for what full queues lost.
    #[must_use]
    pub fn loss(&self) -> f32 {
        match self.reports {
            Reports::None => self.fallback.loss() as f32,
            Reports::ByNumber { .. } | Reports::ByStream { .. } => self.loss.smoothed() as f32,
        }
    }

    /// Share of packets lost in the mean of some seconds: rows of losses do not lift it, and losses that have just begun hardly do.
    #[must_use]
    pub fn lasting_loss(&self) -> f32 {
        match self.reports {
            Reports::None => self.fallback.loss() as f32,
            Reports::ByNumber { .. } | Reports::ByStream { .. } => self.loss.level() as f32,
        }
    }

    /// Whether it is being found out if losses go away when less is sent.
    #[must_use]
    pub fn tries(&self) -> bool {
        self.loss.tries()
    }

    /// The same, on a line that is not known to lose this share whatever is sent.
    #[must_use]
    pub fn looks_into(&self, share: f64) -> bool {
        self.tries() && self.loss.inherent() < share
    }
}
