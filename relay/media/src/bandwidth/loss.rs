//! The limit that losses set: tells losses that come from sending too much from those that the line has anyway, by trying.
//!
//! When surely more is lost than this line is known to lose, and the line is busy, the rate goes down to what arrives. If the losses go
//! away, they came from a full line (a policer, a short queue) and the limit stays; if they stay, they are the line's own (radio): the rate
//! is restored and the line is known to lose that much. How sure one can be depends on how long the rows of losses are, and on what the line
//! carried in the last half minute: losses that end by themselves look like a full line, but one that was full would not have carried that.

use super::carried::Carried;
use super::observation::{MIN_PACKETS, Observation, Observed};
use super::trial::{EVIDENCE, Rows, Trial, gathered, ratio};
use super::verdict::{Finding, Verdict};

/// Observations that are taken together.
const MAX_RECENT: usize = 4;

/// Losses this far above what is known of the line are a doubt, and the rate grows no further; if chance cannot explain them either, they
/// start a trial.
const DOUBT: f64 = 0.025;

/// Standard deviations of chance that are allowed for.
const DEVIATIONS: f64 = 3.0;

/// Share of what arrives that is sent during a trial: what does not fit goes, and a queue drains.
const TRIAL: f64 = 0.9;

/// A line over which less than this share of what may be sent is sent is not full of it: its losses are not looked into ...
const BUSY: f64 = 0.7;
/// ... unless so much is lost that it may carry far less than is thought.
const ALARMING: f64 = 0.2;

/// A trial in which less than this share of its limit was sent has shown nothing. The next layer down is less than the limit, too.
const TESTING: f64 = 0.5;
/// Nor has an observation in which so many times the limit was still sent: layers and queues take a moment to go down.
const OBEYED: f64 = 1.15;

/// A trial goes no lower than this, bit/s: sound and the smallest picture.
const DEEPEST: f64 = 200_000.0;

/// Observations of a trial that count, at the least and at most, after one that belongs to the time before.
const MIN_TRIAL: u32 = 2;
const MAX_TRIAL: u32 = 24;

/// Losses have ended if there are none in so many observations.
const CALM: usize = 2;

/// A trial ends early when one reason is so much likelier than the other, as a natural logarithm: one verdict in twenty may be wrong
/// (A. Wald, Sequential Tests of Statistical Hypotheses, 1945).
pub(super) const SURE: f64 = 3.0;

/// Below this a trial says nothing.
const HINT: f64 = 1.0;

/// Of what was lost before a trial so much is the line's own at the least, if any of it is: losses begin a trial when they are high by
/// chance, too. A line that has lost something for long is expected to go on with that.
const OWN: f64 = 0.75;

/// Losses that went down to less than this share of what was expected of the line's own, and did not go away, came in part from sending
/// too much: the trial did not go down far enough. A policer lets more through at first than it does for long.
const RELIEVED: f64 = 0.7;
/// So much is not believed to be the line's own after one trial, unless it carried more lately: a mistake would last, and cost much.
const SERIOUS: f64 = 0.15;

/// A line with more losses than this is full, whatever a trial says.
const MAX_INHERENT: f64 = 0.4;

/// Pause after a trial that found the line's own losses, us; doubled each time up to the longest.
const PAUSE: u64 = 2_000_000;
const MAX_PAUSE: u64 = 30_000_000;

/// After queues grew, losses are put down to that for so long, us: they are reported late, and what waits is still too much.
const EXCUSED: u64 = 800_000;

/// Share of what was known that is kept when a trial finds less.
const LUCK: f64 = 0.25;

/// The estimate is at most so many times the limit that a trial found, from where on it grows by itself.
const ROOM: f64 = 1.2;

/// Losses so far above twice what a trial found start another at once.
const WORSE: f64 = 0.1;

/// Growth of the limit per second, at first and when it has held for [`QUIET`] us.
const CAREFUL_GROWTH: f64 = 1.03;
const GROWTH: f64 = 1.12;
const QUIET: u64 = 3_000_000;

/// What the known loss of a line goes towards an observation by: over some 4 s.
const FOLLOW: f64 = 0.06;
/// Without a trial it goes no higher than so far above what the last one found, and only if that found anything: else a line that is
/// filled slowly would be believed.
const MAX_DRIFT: f64 = 0.05;

/// Weights with which [`Loss::smoothed`] follows an observation upwards and downwards: at once, and within about 2 s.
const SMOOTH_UP: f64 = 0.6;
const SMOOTH_DOWN: f64 = 0.12;

#[derive(Debug)]
pub(super) struct Loss {
    present: Observation,
    /// What tells lines that count bytes from others.
    carried: Carried,
    /// Lost and all packets of the last observations, the latest first.
    recent: [(u32, u32); MAX_RECENT],
    rows: Rows,
    /// Share that this line loses whatever is sent.
    inherent: f64,
    /// The same as the last trial had it.
    tried: f64,
    smoothed: f64,
    /// See [`Loss::level`].
    level: f64,
    limit: Option<f64>,
    /// More is lost than is known of the line.
    doubt: bool,
    /// Lost and all packets since the line has been busy.
    evidence: (u32, u32),
    /// Lost and all packets lately, whether it was busy or not, but for trials and full queues.
    usual: (u32, u32),
    phase: Phase,
    pause: u64,
    verdict: Option<Verdict>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Since when losses have been as expected, us.
    Quiet {
        since: u64,
    },
    /// The same, and losses before `until` have another reason.
    Excused {
        since: u64,
        until: u64,
    },
    Trial(Trial),
    /// The line's own losses were found; until then, us, there is no other trial.
    Settled {
        until: u64,
    },
}

impl Loss {
    pub(super) fn new(now: u64) -> Self {
        Self {
            present: Observation::new(now),
            carried: Carried::new(),
            recent: [(0, 0); MAX_RECENT],
            rows: Rows::default(),
            inherent: 0.0,
            tried: 0.0,
            smoothed: 0.0,
            level: 0.0,
            limit: None,
            doubt: false,
            evidence: (0, 0),
            usual: (0, 0),
            phase: Phase::Quiet { since: now },
            pause: PAUSE,
            verdict: None,
        }
    }

    #[inline]
    pub(super) fn arrived(&mut self, bytes: u64, was_lost: bool) {
        self.present.arrived(bytes, was_lost);
        self.rows.arrived();
    }

    #[inline]
    pub(super) fn lost(&mut self, bytes: u64) {
        let counts = self.rows.lost();
        self.present.lost(bytes, counts);
    }

    /// Share lost lately, but for what full queues lost.
    pub(super) fn smoothed(&self) -> f64 {
        self.smoothed
    }

    /// The same in the mean of some seconds: rows of losses do not lift it.
    pub(super) fn level(&self) -> f64 {
        self.level
    }

    /// Share that the line loses whatever is sent.
    pub(super) fn inherent(&self) -> f64 {
        self.inherent
    }

    /// The most that may be sent, bit/s.
    pub(super) fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// Whether losses are being looked into.
    pub(super) fn tries(&self) -> bool {
        matches!(self.phase, Phase::Trial(_))
    }

    /// Whether more is lost than is known of the line.
    pub(super) fn doubts(&self) -> bool {
        self.doubt
    }

    /// Whether growing must wait, unless the line is asked: losses are being looked into, or are more than is known of it.
    pub(super) fn holds(&self) -> bool {
        self.doubt || self.tries()
    }

    /// Queues grow: what is lost now is lost because they are full, and dealt with.
    pub(super) fn excuse(&mut self, now: u64) {
        if let Phase::Quiet { since } | Phase::Excused { since, .. } = self.phase {
            self.phase = Phase::Excused { since, until: now + EXCUSED };
            self.verdict = None;
        }
    }

    /// Whether what is lost now is lost by a queue that is full.
    pub(super) fn excuses(&self, now: u64) -> bool {
        matches!(self.phase, Phase::Excused { until, .. } if now < until)
    }

    /// New feedback has come: `rate` is what would be sent but for this limit, `arrives` what arrives, bit/s.
    pub(super) fn update(&mut self, now: u64, rate: f64, arrives: Option<f64>) -> Finding {
        let Some(seen) = self.present.take(now) else { return Finding::None };
        let (lost, packets) = (seen.lost, seen.packets);
        self.carried.add(&seen);
        let share = ratio(lost, packets);
        // What a queue lost tells nothing of the line that is left when it is empty.
        let told = if self.excuses(now) { 0.0 } else { 1.0 };
        // An observation of few packets says little.
        let says = f64::from(packets.min(MIN_PACKETS)) / f64::from(MIN_PACKETS);
        let follow = |known: f64, up: f64| says * if share > known { up } else { SMOOTH_DOWN } * (share - known);
        self.smoothed += follow(self.smoothed, told * SMOOTH_UP);
        self.level += follow(self.level, told * SMOOTH_DOWN);
        self.recent.rotate_right(1);
        self.recent[0] = (lost, packets);
        let finding = self.observe(now, rate, arrives, &seen);
        self.grow(now, seen.age, rate);
        finding
    }

    fn observe(&mut self, now: u64, rate: f64, arrives: Option<f64>, seen: &Observed) -> Finding {
        let (lost, packets) = (seen.lost, seen.packets);
        // On a line that is known to lose something it takes longer to be sure; but a busy one may have lost for long because it is full.
        let fills = uses(BUSY, self.most(rate), ratio(lost, packets), arrives);
        let count = match self.usual() {
            _ if self.tried > DOUBT => MAX_RECENT,
            Some(usual) if usual > DOUBT => MAX_RECENT - usize::from(fills),
            _ => 2,
        };
        let all = self.recent[..count].iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        let share = ratio(all.0, all.1);
        // While there is a limit more losses mean that it is too high.
        let quiet = self.limit.is_none() && matches!(self.phase, Phase::Quiet { .. } | Phase::Settled { .. });
        self.doubt = self.exceeds(share, all.1);
        let busy = uses(BUSY, self.most(rate), share, arrives);
        let alarming = share > self.alarming();
        // A line of which little is used is let alone when a few rows of losses can explain it, be its losses known or not.
        let surprising = alarming && self.surely_above(self.usual().unwrap_or(0.0), all);
        self.gather(busy || alarming);
        let alarms = [all, self.evidence].into_iter().any(|seen| self.surely_above(self.inherent, seen));
        if let Some(trial) = self.hear(seen) {
            return self.acquit(now, &trial);
        }
        if let Some(trial) = self.refuted() {
            return self.lift(now, &trial);
        }
        // What is lost while the line is nearly full may be lost because of that.
        if share < self.inherent || (quiet && !busy && !alarms) {
            self.inherent = (self.inherent + FOLLOW * (share - self.inherent)).min(self.highest());
        }
        match self.phase {
            Phase::Trial(trial) if !alarming && !self.tests(share, arrives) && self.says_nothing(&trial) => self.call_off(now, &trial),
            Phase::Trial(trial) => self.continue_trial(now, trial, seen, arrives),
            Phase::Excused { until, .. } if now < until => Finding::None,
            // Unless it has become much worse.
            Phase::Settled { until } if now < until && share < 2.0 * self.inherent + WORSE => Finding::None,
            Phase::Excused { since, .. } => {
                self.phase = Phase::Quiet { since };
                Finding::None
            }
            Phase::Quiet { .. } | Phase::Settled { .. } => {
                if (busy || surprising) && alarms && ratio(lost, packets) > self.inherent + DOUBT {
                    self.begin_trial(rate, share, arrives);
                } else if matches!(self.phase, Phase::Settled { .. }) {
                    self.phase = Phase::Quiet { since: now };
                }
                Finding::None
            }
        }
    }

    /// Keeps the newest observation in mind, if the line was busy in it.
    fn gather(&mut self, busy: bool) {
        self.evidence = if busy { gathered(self.evidence, self.recent[0]) } else { (0, 0) };
        if matches!(self.phase, Phase::Quiet { .. } | Phase::Settled { .. }) {
            self.usual = gathered(self.usual, self.recent[0]);
        }
    }

    /// Too little is sent to learn anything: all is as it was before the trial.
    fn call_off(&mut self, now: u64, trial: &Trial) -> Finding {
        self.limit = None;
        self.phase = Phase::Quiet { since: now };
        Finding::Resume(trial.rate)
    }

    /// Whether enough is sent under the limit of a trial.
    fn tests(&self, share: f64, arrives: Option<f64>) -> bool {
        self.limit.is_some_and(|limit| uses(TESTING, limit, share, arrives))
    }

    fn says_nothing(&self, trial: &Trial) -> bool {
        trial.own_not_full(self.rows.dispersion()).abs() < HINT
    }

    /// What may be sent, bit/s, `rate` being the limit that delay sets.
    fn most(&self, rate: f64) -> f64 {
        self.limit.map_or(rate, |limit| limit.min(rate))
    }

    fn begin_trial(&mut self, rate: f64, share: f64, arrives: Option<f64>) {
        let rate = self.most(rate);
        let arrives = arrives.unwrap_or(rate * (1.0 - share));
        // What the line loses anyway has passed the place where it may be full.
        let limit = (TRIAL * arrives / (1.0 - self.inherent)).max(DEEPEST).min(rate);
        // A limit under which no less is sent would show nothing.
        if limit >= arrives / (1.0 - share) {
            return;
        }
        let remains = 1.0 - arrives / limit;
        let usual = self.usual().filter(|usual| *usual > DOUBT);
        // Nor would one under which a full line still lost about what this one loses anyway.
        if usual.is_some_and(|usual| usual < 2.0 * remains) {
            return;
        }
        let if_full = remains.clamp(self.inherent.min(share), share);
        let if_own = usual.map_or(OWN * share, |usual| usual.min(OWN * share));
        self.evidence = (0, 0);
        self.limit = Some(limit);
        let began = Trial { rate, limit, before: share, if_own, if_full, arrived: arrives, ..Trial::default() };
        self.phase = Phase::Trial(began);
    }

    fn continue_trial(&mut self, now: u64, mut trial: Trial, seen: &Observed, arrives: Option<f64>) -> Finding {
        // The first observation still holds what was sent before.
        let obeyed = seen.sent <= OBEYED * trial.limit;
        trial = if trial.seen > 0 && obeyed { trial.with(seen.lost, seen.packets) } else { trial };
        trial.seen += 1;
        if trial.is_over(self.rows.dispersion()) && self.carried.exceeds(trial.arrived) {
            return self.call_off(now, &trial);
        }
        let sure = trial.own_not_full(self.rows.dispersion()).abs() >= SURE && trial.seen > MIN_TRIAL;
        if trial.seen > MAX_TRIAL || (sure && !self.may_be_less(&trial)) {
            return self.conclude(now, &trial, arrives);
        }
        self.phase = Phase::Trial(trial);
        Finding::None
    }

    /// Whether more is lost than is believed to be any line's own, but by chance, and nothing that counts bytes can be the reason.
    fn may_be_less(&self, trial: &Trial) -> bool {
        let share = ratio(trial.lost, trial.packets);
        let chance = self.chance(share, trial.packets) / DEVIATIONS;
        share > MAX_INHERENT && share - chance <= MAX_INHERENT && self.carried.exceeds(trial.arrived)
    }

    fn conclude(&mut self, now: u64, trial: &Trial, arrives: Option<f64>) -> Finding {
        let after = ratio(trial.lost, trial.packets);
        let is_full = trial.own_not_full(self.rows.dispersion()) < 0.0;
        if is_full || after > MAX_INHERENT {
            // Full. If it still is, the next trial goes down further.
            self.phase = Phase::Quiet { since: now };
            self.pause = PAUSE;
            // The smaller loss may be luck, too: not all of the way.
            self.inherent = self.inherent.min(LUCK * self.inherent + (1.0 - LUCK) * after);
            self.tried = self.inherent;
            self.verdict = Some(Verdict { trial: *trial, by_evidence: is_full });
            return self.limit.map_or(Finding::None, |limit| Finding::Full(ROOM * limit));
        }
        let relieved = after < RELIEVED * trial.if_own;
        let serious = after > SERIOUS && !trial.again && !self.carried.exceeds(trial.arrived);
        // Where layers left less than was allowed, less shows nothing new.
        let busy = uses(BUSY, trial.limit, after, arrives);
        if (relieved || serious) && busy && self.try_deeper(now, trial, after, arrives) {
            return Finding::None;
        }
        // What goes away may go away altogether.
        if relieved && !busy && trial.seen <= MAX_TRIAL {
            self.phase = Phase::Trial(*trial);
            return Finding::None;
        }
        self.acquit(now, trial)
    }

    /// Another trial, from what arrives now. False if that would not be less than what is sent already.
    fn try_deeper(&mut self, now: u64, trial: &Trial, share: f64, arrives: Option<f64>) -> bool {
        (self.limit, self.phase) = (None, Phase::Quiet { since: now });
        self.begin_trial(trial.rate, share, arrives);
        let Phase::Trial(deeper) = &mut self.phase else { return false };
        (deeper.again, deeper.arrived) = (true, trial.arrived);
        true
    }

    /// Goes on with the trial that found the line full, as long as no more is sent than it allowed; gives it once it says that it was wrong.
    fn hear(&mut self, seen: &Observed) -> Option<Trial> {
        // What spoke for its own losses, though they were too many, must not be heard again when they are a little fewer.
        let Verdict { trial, .. } = self.verdict.as_mut().filter(|verdict| verdict.by_evidence)?;
        if seen.sent > trial.limit {
            return None;
        }
        *trial = trial.with(seen.lost, seen.packets);
        let is_own = trial.own_not_full(self.rows.dispersion()) >= SURE && ratio(trial.lost, trial.packets) <= MAX_INHERENT;
        is_own.then_some(*trial)
    }

    /// The trial that found the line full although it had carried far more a moment before, and now loses nothing at all: losses that end by
    /// themselves while less is sent look like that.
    fn refuted(&self) -> Option<Trial> {
        let Verdict { trial, .. } = self.verdict.filter(|_| self.limit.is_some() && !self.tries())?;
        let ended = self.recent.iter().take(CALM).all(|(lost, _)| *lost == 0);
        (ended && self.carried.exceeds(trial.arrived)).then_some(trial)
    }

    /// All is as it was before the trial. If losses come back, what the line had carried before says nothing for it any more.
    fn lift(&mut self, now: u64, trial: &Trial) -> Finding {
        (self.verdict, self.carried) = (None, Carried::new());
        self.call_off(now, trial);
        Finding::Restore(trial.rate)
    }

    /// The losses are the line's own.
    fn acquit(&mut self, now: u64, trial: &Trial) -> Finding {
        let after = ratio(trial.lost, trial.packets);
        self.verdict = None;
        // Some of what was lost before may have been too much; what was lost while less was sent is all that is known to be its own.
        self.inherent = self.inherent.max(f64::midpoint(trial.before, after).min(after + DOUBT)).min(MAX_INHERENT);
        self.tried = self.inherent;
        self.limit = None;
        self.phase = Phase::Settled { until: now + self.pause };
        self.pause = (2 * self.pause).min(MAX_PAUSE);
        Finding::Restore(trial.rate)
    }

    /// Share lost for long, once it can be told.
    fn usual(&self) -> Option<f64> {
        let (lost, packets) = self.usual;
        (packets >= EVIDENCE / 2).then(|| ratio(lost, packets))
    }

    /// A share above this is looked into on a line that is not busy, too: one that has lost much for long loses twice as much at times.
    fn alarming(&self) -> f64 {
        (2.0 * self.usual().unwrap_or(0.0) + WORSE).clamp(ALARMING, MAX_INHERENT)
    }

    /// What is known of the line, and chance, do not explain that this share is lost.
    fn exceeds(&self, share: f64, packets: u32) -> bool {
        share > self.inherent + DOUBT + self.chance(self.inherent, packets)
    }

    /// The same of this share, and chance is what it would be at the share that was seen: it is surely more.
    fn surely_above(&self, share: f64, (lost, packets): (u32, u32)) -> bool {
        let seen = ratio(lost, packets);
        seen > share + DOUBT + self.chance(seen, packets)
    }

    /// How much a share seen in so many packets may differ from the true one.
    fn chance(&self, share: f64, packets: u32) -> f64 {
        DEVIATIONS * (self.rows.dispersion() * share * (1.0 - share) / f64::from(packets.max(1))).sqrt()
    }

    /// The most that the line is believed to lose without another trial.
    fn highest(&self) -> f64 {
        self.tried + MAX_DRIFT
    }

    fn grow(&mut self, now: u64, elapsed: u64, rate: f64) {
        let (Phase::Quiet { since } | Phase::Excused { since, .. }, Some(limit), false) = (self.phase, self.limit, self.doubt) else {
            return;
        };
        let speed = if now.saturating_sub(since) < QUIET { CAREFUL_GROWTH } else { GROWTH };
        let limit = limit * speed.powf(elapsed as f64 / 1e6);
        self.limit = (limit < rate).then_some(limit);
    }
}

/// Whether what is sent, of which `share` is lost and the rest arrives, is at least this portion of what may be sent.
fn uses(portion: f64, most: f64, share: f64, arrives: Option<f64>) -> bool {
    arrives.is_none_or(|arrives| arrives >= portion * most * (1.0 - share))
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
