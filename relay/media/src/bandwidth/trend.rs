//! Whether queues on the way grow: the slope of the one-way delay, against a threshold that follows the line's own noise.

use super::groups::Delta;

/// What the line does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signal {
    /// Queues are steady.
    Normal,
    /// Queues grow.
    Over,
    /// Queues drain.
    Under,
}

/// Groups that the slope is taken over.
const WINDOW: usize = 20;

/// Groups from which on there is a slope; it is the less credible the fewer they are.
const MIN_GROUPS: usize = 6;

/// Share of the old value when the delay is smoothed.
const SMOOTHING: f64 = 0.9;

/// Makes a slope comparable with a threshold in ms.
const GAIN: f64 = 4.0;

/// Groups beyond which more of them do not make the slope more credible.
const MAX_CREDIT: u32 = 60;

/// The threshold at first and its range, ms.
const FIRST_THRESHOLD: f64 = 12.5;
const MIN_THRESHOLD: f64 = 6.0;
const MAX_THRESHOLD: f64 = 600.0;

/// How fast the threshold follows the slope upwards and downwards, per ms.
const UP: f64 = 0.0087;
const DOWN: f64 = 0.039;

/// A slope beyond the threshold by more than this, ms, is an event and no noise to adapt to.
const MAX_ADAPTATION: f64 = 15.0;

/// The slope must be beyond the threshold for so long, ms, and in more than one group.
const OVERUSE_TIME: f64 = 10.0;

/// Longest time that the threshold adapts for at once, ms.
const MAX_STEP: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Trend {
    /// Arrival, ms since the first group, and smoothed delay, ms; a ring.
    points: [(f64, f64); WINDOW],
    next: usize,
    groups: u32,
    first: i64,
    delay: f64,
    smoothed: f64,
    threshold: f64,
    slope: f64,
    /// How long the slope has been beyond the threshold, ms, and in how many groups.
    over: Option<(f64, u32)>,
    signal: Signal,
}

impl Trend {
    pub(super) fn new() -> Self {
        Self {
            points: [(0.0, 0.0); WINDOW],
            next: 0,
            groups: 0,
            first: 0,
            delay: 0.0,
            smoothed: 0.0,
            threshold: FIRST_THRESHOLD,
            slope: 0.0,
            over: None,
            signal: Signal::Normal,
        }
    }

    pub(super) fn signal(&self) -> Signal {
        self.signal
    }

    pub(super) fn add(&mut self, delta: Delta) {
        if self.groups == 0 {
            self.first = delta.at;
        }
        self.groups = self.groups.saturating_add(1);
        self.delay += (delta.arrived - delta.sent) as f64 / 1000.0;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        self.points[self.next] = (delta.at.saturating_sub(self.first) as f64 / 1000.0, self.smoothed);
        self.next = (self.next + 1) % WINDOW;
        let known = WINDOW.min(self.groups as usize);
        let slope = if known >= MIN_GROUPS { slope(&self.points[..known]).unwrap_or(self.slope) } else { 0.0 };
        self.judge(slope, delta);
    }

    fn judge(&mut self, slope: f64, delta: Delta) {
        let size = f64::from(self.groups.min(MAX_CREDIT)) * slope * GAIN;
        let span = delta.sent as f64 / 1000.0;
        if size > self.threshold {
            let (time, groups) = self.over.map_or((span / 2.0, 1), |(time, groups)| (time + span, groups + 1));
            self.over = Some((time, groups));
            if time > OVERUSE_TIME && groups > 1 && slope >= self.slope {
                self.over = Some((0.0, 0));
                self.signal = Signal::Over;
            }
        } else {
            self.over = None;
            self.signal = if size < -self.threshold { Signal::Under } else { Signal::Normal };
        }
        self.slope = slope;
        self.adapt(size.abs(), delta.arrived.max(0) as f64 / 1000.0);
    }

    fn adapt(&mut self, size: f64, elapsed: f64) {
        if size > self.threshold + MAX_ADAPTATION {
            return;
        }
        let speed = if size < self.threshold { DOWN } else { UP };
        let change = speed * (size - self.threshold) * elapsed.min(MAX_STEP);
        self.threshold = (self.threshold + change).clamp(MIN_THRESHOLD, MAX_THRESHOLD);
    }
}

/// Least squares; `None` if all points lie at one time.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), &(x, y)| {
        let dx = x - mean_x;
        (over + dx * (y - mean_y), under + dx * dx)
    });
    (under > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds groups 20 ms apart whose delay grows by what `growth` gives in us; tells after how many the signal came.
    fn groups_until(wanted: Signal, growth: impl Fn(i64) -> i64) -> Option<i64> {
        let mut trend = Trend::new();
        let mut at = 0;
        (0..500).find(|&nth| {
            let arrived = 20_000 + growth(nth);
            at += arrived;
            trend.add(Delta { sent: 20_000, arrived, at });
            trend.signal() == wanted
        })
    }

    #[test]
    fn steady_growing_and_draining() {
        assert_eq!(groups_until(Signal::Over, |_| 0), None);
        assert_eq!(groups_until(Signal::Over, |nth| if nth % 2 == 0 { 8000 } else { -8000 }), None, "noise is no trend");
        let over = groups_until(Signal::Over, |nth| if nth < 60 { 0 } else { 2000 });
        assert!(over.is_some_and(|nth| (62..75).contains(&nth)), "{over:?}");
        let under = groups_until(Signal::Under, |nth| if nth < 60 { 0 } else { -2000 });
        assert!(under.is_some_and(|nth| (62..75).contains(&nth)), "{under:?}");
    }
}
