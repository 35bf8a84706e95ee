//! One viewer's line: how much it carries, what waits to be sent over it, and how it is shared out.

use std::time::{Duration, Instant};

use media::Ticket;
use media::allocator::{Budget, Steady, Total};
use media::audio::Protection;
use media::bandwidth::Estimator;
use media::pacer::Pacer;
use wire::ids::Ssrc;

use crate::strain::Strain;

/// Share of the pictures' budget kept for retransmissions at most, whatever the loss: what a slot may resend at most.
const MAX_RESEND_SHARE: f64 = 0.2;

/// A target that fell by more than a tenth is acted upon at once, one that moved by more than a seventh as well.
const FELL: u64 = 10;
const MOVED: u64 = 7;

/// Questions to the line that are taken up at one time; the estimator asks one after the other.
const MAX_PROBES: usize = 8;

/// The soonest that a line wants to be looked at again: finer steps would cost more than they spread.
const LEAST_WAKE: Duration = Duration::from_micros(200);

/// One viewer's line.
#[derive(Debug)]
pub(crate) struct Downlink {
    pub(crate) estimator: Estimator,
    pub(crate) pacer: Pacer<Waiting>,
    /// What protects the sound.
    pub(crate) protection: Protection,
    steady: Steady,
    /// What the last sharing gave away, and would have.
    pub(crate) total: Total,
    /// The target that was shared out last.
    shared: u64,
    pub(crate) shared_at: Option<Instant>,
    pub(crate) strain: Strain,
}

/// A packet that waits: not its bytes, which are in the publication's store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiting {
    /// Never sent before.
    First {
        /// The slot's SSRC: slots keep it when m-lines come and go.
        stream: Ssrc,
        ticket: Ticket,
    },
    /// The viewer missed it.
    Again { stream: Ssrc, sequence: u16 },
}

impl Waiting {
    pub(crate) fn stream(&self) -> Ssrc {
        match self {
            Self::First { stream, .. } | Self::Again { stream, .. } => *stream,
        }
    }
}

impl Downlink {
    /// A line of which nothing is known.
    pub(crate) fn new(now: Instant) -> Self {
        let estimator = Estimator::new(now);
        let target = estimator.target();
        let mut pacer = Pacer::new(now);
        pacer.set_rate(now, target);
        Self {
            estimator,
            pacer,
            protection: Protection::default(),
            steady: Steady::new(now, target),
            total: Total::default(),
            shared: target,
            shared_at: None,
            strain: Strain::default(),
        }
    }

    /// When the line wants to be looked at.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let soonest = [self.pacer.poll_timeout(), self.estimator.poll_timeout()].into_iter().flatten().min()?;
        Some(soonest.max(now + LEAST_WAKE))
    }

    /// Takes up what the estimator has learned; gives the number of questions it asks the line.
    pub(crate) fn attend(&mut self, now: Instant) -> u64 {
        if self.estimator.poll_timeout().is_some_and(|at| at <= now) {
            self.estimator.handle_timeout(now);
        }
        let mut probes = 0;
        for _ in 0..MAX_PROBES {
            let Some(probe) = self.estimator.poll_probe(now) else { break };
            self.pacer.start_probe(now, probe);
            probes += 1;
        }
        self.pacer.set_rate(now, self.estimator.target());
        probes
    }

    /// Whether the line has become another since it was shared out.
    pub(crate) fn moved(&self) -> bool {
        let target = self.estimator.target();
        target < self.shared - self.shared / FELL || target.abs_diff(self.shared) > self.shared / MOVED
    }

    /// What pictures may take now, `sound` bit/s being kept for voices.
    pub(crate) fn budget(&mut self, now: Instant, sound: u64) -> Budget {
        let target = self.estimator.target();
        (self.shared, self.shared_at) = (target, Some(now));
        let pictures = target.saturating_sub(sound);
        let resend = f64::from(self.estimator.loss()).clamp(0.0, MAX_RESEND_SHARE);
        self.steady.budget(now, (pictures as f64 * (1.0 - resend)) as u64)
    }

    /// Nothing that waits for this slot is sent any more.
    pub(crate) fn forget(&mut self, stream: Ssrc) {
        self.pacer.retain(|waiting| waiting.stream() != stream);
    }
}
