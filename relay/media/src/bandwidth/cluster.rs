//! What came back of a probe: how fast its packets left and how fast they arrived.

/// Share of a probe that must have arrived to believe it.
const MIN_SHARE: f64 = 0.8;

/// Share of a probe that must have been sent: a sender may stop a little short.
const MIN_SENT: f64 = 0.9;

/// Least packets.
const MIN_PACKETS: u32 = 3;

/// Longest time a probe may take on either side, us.
const MAX_SPAN: u64 = 1_000_000;

/// Arriving faster than it was sent by more than this is an accident of the way: a radio that slept.
const MAX_RATIO: f64 = 2.0;

/// Below this share of the sending rate the line was full, so that its capacity was measured ...
const FULL: f64 = 0.9;
/// ... of which so much is used.
const UTILISATION: f64 = 0.95;

/// A probe on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    pub(super) number: u32,
    /// When it was asked for, us.
    pub(super) asked: u64,
    /// bit/s.
    pub(super) bitrate: f64,
    pub(super) bytes: u64,
    sent_bytes: u64,
    packets: u32,
    arrived_bytes: u64,
    sent: Option<Edges<u64>>,
    arrived: Option<Edges<i64>>,
}

/// First and last time, and the bytes of the packets there.
#[derive(Clone, Copy, Debug)]
struct Edges<T> {
    first: T,
    first_bytes: u64,
    last: T,
    last_bytes: u64,
}

impl<T: Copy + PartialOrd> Edges<T> {
    fn with(known: Option<Self>, time: T, bytes: u64) -> Option<Self> {
        let mut edges = known.unwrap_or(Self { first: time, first_bytes: bytes, last: time, last_bytes: bytes });
        if time < edges.first {
            (edges.first, edges.first_bytes) = (time, bytes);
        }
        if time >= edges.last {
            (edges.last, edges.last_bytes) = (time, bytes);
        }
        Some(edges)
    }
}

impl Cluster {
    pub(super) fn new(number: u32, asked: u64, bitrate: f64, bytes: u64) -> Self {
        Self { number, asked, bitrate, bytes, sent_bytes: 0, packets: 0, arrived_bytes: 0, sent: None, arrived: None }
    }

    #[inline]
    pub(super) fn sent(&mut self, bytes: u64) {
        self.sent_bytes += bytes;
    }

    #[inline]
    pub(super) fn arrived(&mut self, sent: u64, arrival: i64, bytes: u64) {
        self.packets += 1;
        self.arrived_bytes += bytes;
        self.sent = Edges::with(self.sent, sent, bytes);
        self.arrived = Edges::with(self.arrived, arrival, bytes);
    }

    /// Whether enough came back to judge it. `loss`: what this line loses anyway.
    pub(super) fn is_complete(&self, loss: f64) -> bool {
        let expected = self.bytes as f64 * MIN_SHARE * (1.0 - loss);
        self.packets >= MIN_PACKETS && self.sent_bytes as f64 >= MIN_SENT * self.bytes as f64 && self.arrived_bytes as f64 >= expected
    }

    /// bit/s that the line has shown to carry.
    pub(super) fn result(&self) -> Option<f64> {
        let (sent, arrived) = (self.sent?, self.arrived?);
        let sent_span = sent.last.saturating_sub(sent.first);
        let arrived_span = u64::try_from(arrived.last.saturating_sub(arrived.first)).ok()?;
        if sent_span == 0 || arrived_span == 0 || sent_span > MAX_SPAN || arrived_span > MAX_SPAN {
            return None;
        }
        // The last packet sent, and the first that arrived, took no part in the time measured.
        let sent_rate = self.arrived_bytes.saturating_sub(sent.last_bytes) as f64 * 8e6 / sent_span as f64;
        let arrived_rate = self.arrived_bytes.saturating_sub(arrived.first_bytes) as f64 * 8e6 / arrived_span as f64;
        if arrived_rate > MAX_RATIO * sent_rate {
            return None;
        }
        let full = arrived_rate < FULL * sent_rate;
        Some(if full { UTILISATION * arrived_rate } else { sent_rate.min(arrived_rate) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Ten packets of 1,000 bytes sent 4 ms apart (2 Mbit/s) that arrive `gap` us apart; every `lost`th does not.
    fn probe(gap: i64, lost: u64) -> Cluster {
        let mut cluster = Cluster::new(1, 0, 2e6, 10_000);
        for nth in 0..10u64 {
            cluster.sent(1000);
            if nth % lost != lost - 1 {
                cluster.arrived(nth * 4000, nth as i64 * gap - 1_000_000, 1000);
            }
        }
        cluster
    }

    #[test]
    fn free_full_and_absurd() {
        assert_eq!(probe(4000, 99).result(), Some(2e6));
        assert_eq!(probe(8000, 99).result(), Some(0.95e6), "the line carries 1 Mbit/s");
        assert_eq!(probe(1000, 99).result(), None, "arrives faster than it was sent");
        assert_eq!(probe(0, 99).result(), None);
        assert_eq!(probe(200_000, 99).result(), None, "takes too long");
    }

    #[test]
    fn losses_count_unless_the_line_is_lossy_anyway() {
        assert!(probe(4000, 99).is_complete(0.0) && probe(4000, 5).is_complete(0.0));
        assert!(!probe(4000, 3).is_complete(0.0), "a third is lost");
        assert!(probe(4000, 3).is_complete(0.3));
        assert!(!Cluster::new(1, 0, 2e6, 10_000).is_complete(0.0));
    }
}
