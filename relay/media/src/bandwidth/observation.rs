//! What became of the packets of a moment.

/// Length of an observation, us, and the least packets in it.
const LENGTH: u64 = 250_000;
pub(super) const MIN_PACKETS: u32 = 12;

/// An observation with fewer packets ends after this, us.
const MAX_LENGTH: u64 = 1_000_000;

/// The observation that is under way.
#[derive(Debug)]
pub(super) struct Observation {
    /// When it began, us.
    since: u64,
    lost: u32,
    packets: u32,
    /// Bytes of all packets, and of those that arrived.
    sent: u64,
    arrived: u64,
}

/// One that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed {
    /// us.
    pub(super) age: u64,
    pub(super) lost: u32,
    pub(super) packets: u32,
    /// What was sent, bit/s.
    pub(super) sent: f64,
    /// What arrived, bits.
    pub(super) arrived: f64,
}

impl Observation {
    pub(super) fn new(now: u64) -> Self {
        Self { since: now, lost: 0, packets: 0, sent: 0, arrived: 0 }
    }

    /// A packet arrived; `was_lost` if it was called lost before.
    #[inline]
    pub(super) fn arrived(&mut self, bytes: u64, was_lost: bool) {
        if was_lost {
            self.lost = self.lost.saturating_sub(1);
        } else {
            self.packets += 1;
            self.sent += bytes;
        }
        self.arrived += bytes;
    }

    /// A packet is lost; `counts` if that tells anything.
    #[inline]
    pub(super) fn lost(&mut self, bytes: u64, counts: bool) {
        self.lost += u32::from(counts);
        self.packets += u32::from(counts);
        self.sent += bytes;
    }

    /// Ends it, if it is long enough; the next one begins.
    pub(super) fn take(&mut self, now: u64) -> Option<Observed> {
        let age = now.saturating_sub(self.since);
        if age < LENGTH || self.packets == 0 || (self.packets < MIN_PACKETS && age < MAX_LENGTH) {
            return None;
        }
        let Self { lost, packets, sent, arrived, .. } = std::mem::replace(self, Self::new(now));
        let bits_per_second = sent as f64 * 8e6 / age as f64;
        Some(Observed { age, lost: lost.min(packets), packets, sent: bits_per_second, arrived: 8.0 * arrived as f64 })
    }
}
