//! The estimate for viewers who report neither arrival times nor single packets: by the losses in their receiver reports, and by how long
//! those take.

use super::{MAX_BITRATE, MIN_BITRATE};

/// Below this share lost it grows, above the second it shrinks.
const LOW: f64 = 0.02;
const HIGH: f64 = 0.10;

/// Growth per second.
const GROWTH: f64 = 1.08;

/// It grows no further than what was sent times this: more was not proven.
const PROVEN: f64 = 1.5;

/// Least time between two decreases, us: reports come about once a second and tell of the time before.
const PAUSE: u64 = 900_000;

/// Longest time that growth is caught up for, us.
const MAX_STEP: u64 = 1_500_000;

/// Weights of a report in the smoothed share, upwards and downwards.
const UP: f64 = 0.5;
const DOWN: f64 = 0.25;

/// A round trip that is so much longer than the shortest means that packets wait, us ...
const WAITS: u64 = 100_000;
/// ... until no more than this share of what was sent is sent.
const DRAIN: f64 = 0.85;
/// The shortest round trip is believed for so long, us.
const SHORTEST_AGE: u64 = 60_000_000;

/// After losses or waits it is asked no more for so long, us; twice as long each time, up to the longest.
const REST: u64 = 4_000_000;
const MAX_REST: u64 = 16_000_000;

#[derive(Debug)]
pub(super) struct Fallback {
    estimate: f64,
    share: f64,
    updated: u64,
    decreased: u64,
    /// Bytes sent since the last look.
    sent: u64,
    /// What it would have grown to, had enough been sent to prove it, bit/s.
    unproven: Option<f64>,
    /// What was sent until the last report proves so much, bit/s.
    proven: f64,
    /// Nothing is to be proven before this, us, and how long the next rest will be.
    rests: u64,
    rest: u64,
    /// The shortest round trip lately and when it was seen, us.
    shortest: Option<(u64, u64)>,
    /// By the last report packets waited.
    waits: bool,
}

/// What would prove more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    /// bit/s.
    pub(super) bitrate: f64,
    /// What there is to send included.
    pub(super) bytes: f64,
}

impl Fallback {
    pub(super) fn new(now: u64, start: f64) -> Self {
        Self {
            estimate: start,
            share: 0.0,
            updated: now,
            decreased: now,
            sent: 0,
            unproven: None,
            proven: MAX_BITRATE,
            rests: now,
            rest: REST,
            shortest: None,
            waits: false,
        }
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    /// bit/s.
    pub(super) fn estimate(&self) -> f64 {
        self.estimate
    }

    /// Share lost lately.
    pub(super) fn loss(&self) -> f64 {
        self.share
    }

    /// The viewer himself believes that the line carries this, bit/s: he sees delays, so he is believed while few packets are lost, as far as
    /// what was sent proves it. While nothing waits he believes in more and more.
    pub(super) fn suggest(&mut self, bitrate: f64) {
        if self.share < LOW {
            self.estimate = self.estimate.max(bitrate.min(self.proven));
        }
    }

    /// Whether packets waited, by the last report.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// What to send until the next report so that more is proven than by what there is to send; `wish` is the most of use, and `own` what the
    /// viewer himself believes the line carries. Where he says that, he needs no more than is just enough for him to believe in more, for
    /// what waits because of it he would take for a full line.
    pub(super) fn take_proof(&mut self, wish: f64, own: Option<f64>) -> Option<Proof> {
        let grown = self.unproven.take().filter(|_| self.estimate < wish)?.min(GROWTH * wish);
        let enough = own.map_or(grown, |own| grown.min(GROWTH * own)) / PROVEN;
        Some(Proof { bitrate: if own.is_some() { enough } else { grown }, bytes: enough / 8.0 * (PAUSE as f64 / 1e6) })
    }

    /// A report says that this share was lost, and took `rtt` us for its round trip. A report on several streams is several reports; true if
    /// the estimate was decreased.
    pub(super) fn report(&mut self, now: u64, share: f64, rtt: Option<u64>) -> bool {
        self.share += if share > self.share { UP } else { DOWN } * (share - self.share);
        if let Some(rtt) = rtt {
            let shortest = self.shortest.filter(|&(shortest, at)| shortest < rtt && now.saturating_sub(at) < SHORTEST_AGE);
            let (shortest, _) = *self.shortest.insert(shortest.unwrap_or((rtt, now)));
            self.waits = rtt - shortest > WAITS;
        }
        let elapsed = now.saturating_sub(self.updated);
        let sent = self.sent as f64 * 8e6 / elapsed.max(1) as f64;
        if (share > LOW || self.waits) && now >= self.rests {
            self.rests = now + self.rest;
            self.rest = (2 * self.rest).min(MAX_REST);
        }
        if (self.share > HIGH || self.waits) && now.saturating_sub(self.decreased) >= PAUSE {
            let lost = if self.share > HIGH { 1.0 - 0.5 * self.share } else { 1.0 };
            let most = if self.waits && elapsed >= PAUSE / 2 { DRAIN * sent } else { self.estimate };
            self.decreased = now;
            self.begin(now);
            self.estimate = (lost * self.estimate).min(most).max(MIN_BITRATE);
            return true;
        }
        // Too short a time says nothing about what was sent in it.
        if elapsed < PAUSE / 2 {
            return false;
        }
        self.proven = PROVEN * sent;
        if self.share < LOW && !self.waits {
            let grown = (self.estimate * GROWTH.powf(elapsed.min(MAX_STEP) as f64 / 1e6)).min(MAX_BITRATE);
            self.unproven = (grown > PROVEN * sent && now >= self.rests).then_some(grown);
            self.estimate = grown.min((PROVEN * sent).max(self.estimate));
        }
        self.begin(now);
        false
    }

    fn begin(&mut self, now: u64) {
        (self.updated, self.sent) = (now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Fallback;

    fn after(seconds: u64, share: f64, sent: impl Fn(f64) -> f64) -> f64 {
        let mut fallback = Fallback::new(0, 1e6);
        for second in 1..=seconds {
            fallback.sent((sent(fallback.estimate) / 8.0) as u64);
            // Two streams in each report.
            fallback.report(second * 1_000_000, share, None);
            fallback.report(second * 1_000_000, share, None);
        }
        fallback.estimate
    }

    #[test]
    fn grows_holds_and_shrinks() {
        assert!((2.0e6..2.3e6).contains(&after(10, 0.0, |estimate| estimate)));
        assert!((0.99e6..1.01e6).contains(&after(10, 0.0, |_| 100e3)), "nothing is proven");
        assert!((0.99e6..1.2e6).contains(&after(10, 0.05, |estimate| estimate)));
        assert!(after(10, 0.4, |estimate| estimate) < 0.3e6);
        assert!(after(1000, 1.0, |estimate| estimate) >= 50e3, "a floor");
        assert!(after(1000, 0.0, |estimate| estimate) <= 30e6, "a ceiling");
    }

    #[test]
    fn round_trips_that_grow_are_a_queue() {
        let mut fallback = Fallback::new(0, 1e6);
        let mut second = |number: u64, rtt: u64| {
            fallback.sent(100_000);
            (fallback.report(number * 1_000_000, 0.0, Some(1000 * rtt)), fallback.estimate() as u64 / 1000)
        };
        assert_eq!([second(1, 40).0, second(2, 90).0, second(3, 120).0], [false; 3], "as air and schedulers have it");
        assert_eq!(second(4, 160), (true, 680), "most of what was sent");
        assert_eq!(second(5, 150), (true, 680), "no less than that, but not more either");
        assert!(!second(6, 60).0);
        assert!(second(7, 60).1 > 680, "and then it grows again");
    }

    #[test]
    fn what_is_missing_to_prove_more_is_sent_and_not_while_the_line_is_full() {
        let mut fallback = Fallback::new(0, 1e6);
        let mut second = |number: u64, share: f64, wish: f64, own: Option<f64>| {
            fallback.sent(50_000);
            fallback.report(number * 1_000_000, share, None);
            fallback.take_proof(wish, own).map(|proof| (proof.bitrate as u64 / 1000, proof.bytes as u64 / 1000))
        };
        assert_eq!(second(1, 0.0, 3e6, None), Some((1080, 81)), "of 113 that such a rate sends in a second");
        assert_eq!(second(2, 0.0, 9e5, None), None, "nobody wants more");
        assert_eq!(second(3, 0.0, 3e6, Some(6e5)), Some((432, 48)), "no queue for whoever looks at delays");
        assert_eq!(second(4, 0.03, 3e6, None), None, "losses");
        assert_eq!([second(5, 0.0, 3e6, None), second(7, 0.0, 3e6, None)], [None; 2]);
        assert!(second(9, 0.0, 3e6, None).is_some(), "it has rested");
        assert_eq!(second(10, 0.03, 3e6, None), None);
        assert_eq!([12, 14, 16].map(|number| second(number, 0.0, 3e6, None)), [None; 3], "twice as long");
    }
}
