//! When to ask the line whether it carries more, and what the answers say.

use super::cluster::Cluster;
use super::sent::CLUSTER_MASK;
use super::{MAX_BITRATE, Probe};

/// How long a probe takes, us, and the least bytes in it: enough packets to measure their spacing.
const LENGTH: u64 = 20_000;
const MIN_BYTES: u64 = 3_000;

/// The first question is this many times the start; those that follow a good answer this many times the estimate.
const FIRST: f64 = 3.0;
const STEP: f64 = 2.0;

/// An answer of this share of what was asked for asks for the next.
const GOOD: f64 = 0.7;

/// A probe goes this far beyond what is wished for, so that the wish itself is proven.
const MARGIN: f64 = 1.1;

/// Pause between probes, us; grows by half with each that brought nothing, up to the longest.
const PAUSE: u64 = 3_000_000;
const MAX_PAUSE: u64 = 60_000_000;

/// The longest while less is sent than the estimate: nothing else would show that the line has become better, us.
const MAX_IDLE_PAUSE: u64 = 8_000_000;

/// Pause at the beginning, us: one answer may have met a radio that slept.
const FIRST_PAUSE: u64 = 500_000;

/// Least pause, whatever happens, us.
const MIN_PAUSE: u64 = 400_000;

/// An answer that adds less than this brought nothing.
const GAIN: f64 = 1.05;

/// Queues that grow so soon after an answer show that it promised too much, us.
const REFUTED: u64 = 2_000_000;

/// A fall to less than this share of the rate before is a drop, after which it is asked soon whether it was only a passing one ...
const DROP: f64 = 0.66;
/// ... for this share of the rate before.
const RECOVERY: f64 = 0.85;

/// No answer for so long, us: there will be none.
const TIMEOUT: u64 = 1_500_000;

/// Answers in succession that say nothing and are asked for again soon: a radio slept just then.
const MAX_UNANSWERED: u32 = 3;

/// Probes under way.
const MAX_CLUSTERS: usize = 4;

#[derive(Debug)]
pub(super) struct Prober {
    clusters: [Option<Cluster>; MAX_CLUSTERS],
    next_number: u32,
    /// To be asked now, bit/s.
    due: Option<f64>,
    /// Something was sent, so that there is somebody to ask.
    begun: bool,
    asked: u64,
    pause: u64,
    /// Less is sent than the estimate.
    idle: bool,
    /// When to ask again, us, at which bit/s, as the answer said nothing; how often that was so.
    again: Option<(u64, f64)>,
    unanswered: u32,
    /// An answer that waits for another to agree, bit/s.
    unconfirmed: Option<f64>,
    /// When an answer was believed, us, and the pause before.
    believed: Option<(u64, u64)>,
    /// The rate before a drop that nothing was asked about yet.
    before_drop: Option<f64>,
}

/// What a probe has shown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Answer {
    /// bit/s.
    pub(super) bitrate: f64,
    /// The line was not full.
    pub(super) good: bool,
}

impl Prober {
    pub(super) fn new() -> Self {
        Self {
            clusters: [None; MAX_CLUSTERS],
            next_number: 1,
            due: None,
            begun: false,
            asked: 0,
            pause: FIRST_PAUSE,
            idle: false,
            again: None,
            unanswered: 0,
            unconfirmed: None,
            believed: None,
            before_drop: None,
        }
    }

    /// Something goes out for the first time: the line is asked at once.
    pub(super) fn begin(&mut self, estimate: f64, wish: f64) {
        if !self.begun {
            self.begun = true;
            self.want(FIRST * estimate, estimate, wish);
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    #[inline]
    pub(super) fn sent(&mut self, number: u32, bytes: u64) {
        if let Some(cluster) = self.clusters.iter_mut().flatten().find(|cluster| cluster.number == number) {
            cluster.sent(bytes);
        }
    }

    #[inline]
    pub(super) fn arrived(&mut self, tag: u16, sent: u64, arrival: i64, bytes: u64) {
        let mut known = self.clusters.iter_mut().flatten();
        if let Some(cluster) = known.find(|cluster| cluster.number & CLUSTER_MASK == u32::from(tag)) {
            cluster.arrived(sent, arrival, bytes);
        }
    }

    /// The best answer that has come in; `loss` is what the line loses anyway.
    pub(super) fn take_answer(&mut self, now: u64, loss: f64) -> Option<Answer> {
        let (mut best, mut nothing): (Option<Answer>, bool) = (None, false);
        for place in &mut self.clusters {
            let Some(cluster) = place else { continue };
            if cluster.is_complete(loss) {
                match cluster.result() {
                    Some(bitrate) if best.is_none_or(|best| bitrate > best.bitrate) => {
                        best = Some(Answer { bitrate, good: bitrate >= GOOD * cluster.bitrate });
                    }
                    Some(_) => {}
                    None if self.unanswered < MAX_UNANSWERED => {
                        self.unanswered += 1;
                        self.again = Some((cluster.asked + MIN_PAUSE, cluster.bitrate));
                    }
                    None => nothing = true,
                }
                *place = None;
            } else if now.saturating_sub(cluster.asked) > TIMEOUT {
                *place = None;
                nothing = true;
            }
        }
        if nothing {
            self.bring_nothing();
        }
        if best.is_some() {
            (self.unanswered, self.again) = (0, None);
        }
        best
    }

    /// For a line that was full before: the answer if the one before agrees, else it is asked once more. Between the frames of others
    /// a shared line seems free.
    pub(super) fn confirmed(&mut self, now: u64, answer: Answer) -> Option<Answer> {
        let Some(before) = self.unconfirmed.take() else {
            self.unconfirmed = Some(answer.bitrate);
            self.again = Some((now + MIN_PAUSE, answer.bitrate));
            return None;
        };
        Some(Answer { bitrate: answer.bitrate.min(before), ..answer })
    }

    /// An answer was taken for the estimate, which was `before` and is `estimate` now.
    pub(super) fn answered(&mut self, now: u64, answer: Answer, before: f64, estimate: f64, wish: f64) {
        if estimate > GAIN * before {
            self.believed = Some((now, self.pause));
            self.pause = PAUSE;
        } else {
            self.bring_nothing();
        }
        if answer.good {
            self.want(STEP * estimate, estimate, wish);
        }
    }

    /// The estimate fell.
    pub(super) fn fell(&mut self, now: u64, before: f64, estimate: f64) {
        (self.due, self.again, self.unconfirmed) = (None, None, None);
        if let Some((_, pause)) = self.believed.take().filter(|(at, _)| now.saturating_sub(*at) < REFUTED) {
            // The last answer promised too much.
            self.pause = pause;
            self.bring_nothing();
        }
        let before = self.before_drop.map_or(before, |known| known.max(before));
        self.before_drop = Some(before);
        if estimate < DROP * before {
            self.pause = PAUSE;
        }
    }

    /// The line has shown that it carries more than it did when queues grew.
    pub(super) fn line_is_better(&mut self) {
        self.pause = PAUSE;
    }

    /// The line is another, of which nothing is known.
    pub(super) fn line_is_another(&mut self) {
        (self.again, self.unconfirmed, self.believed, self.before_drop) = (None, None, None, None);
        self.pause = FIRST_PAUSE;
    }

    /// The queue is gone after a fall.
    pub(super) fn recovered(&mut self, estimate: f64, wish: f64) {
        let Some(before) = self.before_drop.take() else { return };
        if estimate < DROP * before {
            self.want(RECOVERY * before, estimate, wish);
        }
    }

    /// Much more is wished for than before.
    pub(super) fn wish_jumped(&mut self, now: u64, estimate: f64, wish: f64) {
        if self.begun && now.saturating_sub(self.asked) >= MIN_PAUSE {
            self.want(wish * MARGIN, estimate, wish);
        }
    }

    /// Time has passed on a line that seems free.
    pub(super) fn tick(&mut self, now: u64, estimate: f64, wish: f64) {
        if self.begun && self.due.is_none() && now >= self.next_tick() {
            let bitrate = self.again.take().map_or(STEP * estimate, |(_, bitrate)| bitrate);
            self.want(bitrate, estimate, wish);
        }
    }

    /// Whether less is sent than the estimate.
    pub(super) fn set_idle(&mut self, idle: bool) {
        self.idle = idle;
    }

    /// When something was asked last, us.
    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// When [`Prober::tick`] may ask something, us.
    pub(super) fn next_tick(&self) -> u64 {
        let pause = self.asked + if self.idle { self.pause.min(MAX_IDLE_PAUSE) } else { self.pause };
        self.again.map_or(pause, |(again, _)| again.min(pause))
    }

    pub(super) fn take_due(&mut self, now: u64) -> Option<Probe> {
        let bitrate = self.due.take()?;
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        self.asked = now;
        let bytes = ((bitrate * LENGTH as f64 / 8e6) as u64).max(MIN_BYTES);
        let oldest = self.clusters.iter_mut().min_by_key(|cluster| cluster.map_or(0, |cluster| cluster.asked))?;
        *oldest = Some(Cluster::new(number, now, bitrate, bytes));
        Some(Probe { cluster: number, bitrate: bitrate as u64, bytes: bytes as usize })
    }

    fn bring_nothing(&mut self) {
        self.pause = (self.pause + self.pause / 2).min(MAX_PAUSE);
    }

    fn want(&mut self, bitrate: f64, estimate: f64, wish: f64) {
        let bitrate = bitrate.min(wish * MARGIN).min(MAX_BITRATE);
        if bitrate > GAIN * estimate {
            self.due = Some(self.due.map_or(bitrate, |due| due.max(bitrate)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(prober: &mut Prober, now: u64) -> Option<u64> {
        prober.take_due(now).map(|probe| probe.bitrate)
    }

    #[test]
    fn goes_no_further_than_the_wish() {
        let mut prober = Prober::new();
        prober.begin(1e6, 2e6);
        assert_eq!(asked(&mut prober, 0), Some(2_200_000));
        prober.answered(0, Answer { bitrate: 2.2e6, good: true }, 1e6, 2.2e6, 2e6);
        assert_eq!(asked(&mut prober, 1), None, "enough");
        prober.begin(1e6, 9e6);
        assert_eq!(asked(&mut prober, 2), None, "begins once");
    }

    #[test]
    fn asks_less_and_less_often_and_at_once_after_a_drop() {
        let mut prober = Prober::new();
        prober.begin(1e6, 9e6);
        asked(&mut prober, 0).unwrap();
        let mut times = Vec::new();
        for now in (0..60_000_000).step_by(100_000) {
            prober.tick(now, 1e6, 9e6);
            if asked(&mut prober, now).is_some() {
                times.push(now / 100_000);
                prober.answered(now, Answer { bitrate: 1e6, good: false }, 1e6, 1e6, 9e6);
            }
        }
        assert_eq!(times, [5, 13, 25, 42, 68, 106, 163, 249, 378, 571]);
        prober.fell(60_000_000, 1e6, 0.4e6);
        prober.fell(60_000_000, 0.4e6, 0.3e6);
        prober.recovered(0.3e6, 9e6);
        assert_eq!(asked(&mut prober, 60_000_000), Some(850_000));
        prober.recovered(0.3e6, 9e6);
        assert_eq!(asked(&mut prober, 60_000_000), None);
    }

    #[test]
    fn what_nobody_sends_is_forgotten() {
        let mut prober = Prober::new();
        prober.begin(1e6, 9e6);
        let probe = prober.take_due(0).unwrap();
        prober.sent(probe.cluster, 1000);
        prober.sent(99, 1000);
        prober.arrived(1, 5, 5, 1000);
        prober.arrived(7, 5, 5, 1000);
        assert_eq!(prober.take_answer(TIMEOUT + 1, 0.0), None);
        assert!(prober.clusters.iter().all(Option::is_none));
    }
}
