//! One viewer's line: how much it carries, what waits to be sent over it, and how it is shared out.

use std::time::{Duration, Instant};

use media::allocator::{Budget, SPARE, Steady, Total};
use media::audio::Protection;
use media::bandwidth::{Estimator, Limit};
use media::pacer::Pacer;
use media::{Flights, Ticket};
use wire::ids::Ssrc;

use crate::encore::Encores;
use crate::follow::Followers;
use crate::sound::Voices;
use crate::strain::Strain;

/// Share of the pictures' budget kept for retransmissions at most, whatever the loss: what a slot may resend at most.
const MAX_RESEND_SHARE: f64 = 0.2;

/// A target that fell by more than a tenth is acted upon at once, one that moved by more than a seventh as well.
const FELL: u64 = 10;
const MOVED: u64 = 7;

/// Pictures that are shown keep their lowest layers although a line that loses packets is not believed to carry them: the estimator finds
/// out by sending less whether the losses are its own doing, and errs, and a picture that stands meanwhile is worse than what is lost. As
/// long as it likes, if no more is lost than retransmissions make good; else for so long.
const PATIENCE: Duration = Duration::from_secs(3);
const MENDED: f32 = 0.2;

/// A line is asked for so much more than all pictures would take now, as a divisor, and for as much as one large picture takes.
const AHEAD: u64 = 2;
const LEAST_WISH: u64 = 2_500_000;

/// Everybody's least picture is sent over a line that has shown no end yet, up to this, bit/s: what it was asked and answered is a guess,
/// and media prove more than padding does. A line that cannot carry it says so within a few reports.
const UNTRIED: u64 = LEAST_WISH;

/// A picture that is sent over a line of which nothing is known, bit/s.
const MODEST: u64 = 400_000;
/// How long the first questions to a line take; viewers without retransmissions cannot be asked any.
const ASKING: Duration = Duration::from_secs(1);

/// Pictures get better only if so much of the line stays free, as a divisor: frames differ in size, and a new layer begins with a keyframe.
const APART: u64 = 16;

/// A dip of the estimate that is no deeper (as a divisor) and lasts no longer takes no layer away: queues are drained by sending a tenth
/// less for a moment.
const SHALLOW: u64 = 6;
const DIP: Duration = Duration::from_secs(3);
/// What headers take of a picture's rate, as a divisor.
const HEADERS: u64 = 25;
/// What measured rates differ by from one sharing to the next, as a divisor.
const NOISE: u64 = 20;

/// Below this, bit/s, the first picture of a new layer fills a line for so long that it is not sent faster than the line carries it, but
/// for a half: the pacer goes two and a half times as fast as it is told.
const NARROW: u64 = 1_000_000;
const UNHASTY: (u64, u64) = (3, 5);
/// What waits and takes a line whose end is known longer than this is a picture that is large for it: in haste it would only wait on the way,
/// where its queue looks like a full line.
const LARGE: Duration = Duration::from_millis(100);

/// What was too much for the line is not tried again for so long, nor what is less by only so much, as a divisor.
const TIGHT: Duration = Duration::from_secs(40);
const TIGHTER: u64 = 32;

/// A target that is so many times what it was, or the other way round, at once: the line has become another.
const ANOTHER: u64 = 2;
/// How long that takes until the end of it is known.
const COLLAPSING: Duration = Duration::from_secs(1);
/// The estimate of a line that has just begun is another all the time.
const FIRST: Duration = Duration::from_secs(5);
/// Pictures of an encoding that is given up are not sent if they would wait longer: they come too late, and in the way of the next.
const STALE: Duration = Duration::from_millis(200);

/// On a line that loses this share, silence is taken for loss (on any other it is far more often a stall of a radio channel), and empty
/// packets follow pictures.
const LOSSY: f32 = 0.03;

/// Questions to the line that are taken up at one time; the estimator asks one after the other.
const MAX_PROBES: usize = 8;

/// The soonest that a line wants to be looked at again: finer steps would cost more than they spread.
const LEAST_WAKE: Duration = Duration::from_micros(200);

/// One viewer's line.
#[derive(Debug)]
pub(crate) struct Downlink {
    pub(crate) began: Instant,
    pub(crate) estimator: Estimator,
    pub(crate) pacer: Pacer<Waiting>,
    /// What of the queue was missed: a viewer who asks again meanwhile is not queued again.
    pub(crate) again: Vec<(Ssrc, u16)>,
    /// What is sent again in more copies than one.
    pub(crate) encores: Encores,
    /// What empty packets follow.
    pub(crate) followers: Followers,
    /// What is on its way.
    pub(crate) flights: Flights,
    /// What protects the sound.
    pub(crate) protection: Protection,
    steady: Steady,
    /// What the last sharing gave away, and would have.
    pub(crate) total: Total,
    /// What the last sharing had to give.
    given: Budget,
    /// Kept for what is heard, as of the last sharing, bit/s.
    pub(crate) sound: u64,
    /// The target that was shared out last.
    shared: u64,
    /// What is sent all the same takes so much, with retransmissions, bit/s: it must not wait here for what the line is not believed to
    /// carry.
    promised: u64,
    /// Since when losses alone leave too little for the lowest layers.
    short_since: Option<Instant>,
    /// Since when the estimate is a little less than what pictures take.
    dip_since: Option<Instant>,
    /// When the line became another, and much less, last.
    collapsed_at: Option<Instant>,
    /// It became much more with the last sharing, or is again what it was before a question.
    surged: bool,
    pub(crate) strain: Strain,
    /// What pictures took when queues grew last, bit/s.
    tight: Option<(u64, Instant)>,
}

/// What pictures take at their lowest layers, bit/s.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Least {
    /// Those that are sent now.
    pub(crate) shown: u64,
    /// All that are visible, and the room that the allocator wants to have beside them.
    pub(crate) all: u64,
    /// The most important one and the room that the allocator wants to have beside it.
    pub(crate) first: u64,
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
        pacer.set_rate(now, pace(target));
        Self {
            began: now,
            estimator,
            pacer,
            again: Vec::new(),
            encores: Encores::default(),
            followers: Followers::default(),
            flights: Flights::default(),
            protection: Protection::default(),
            steady: Steady::new(now, target),
            total: Total::default(),
            given: Budget::default(),
            sound: 0,
            shared: target,
            promised: 0,
            short_since: None,
            dip_since: None,
            collapsed_at: None,
            surged: false,
            strain: Strain::default(),
            tight: None,
        }
    }

    /// When the line wants to be looked at.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let timers = [self.pacer.poll_timeout(), self.estimator.poll_timeout(), self.encores.poll_timeout(), self.followers.poll_timeout()];
        let soonest = timers.into_iter().flatten().min()?;
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
        let target = self.estimator.target().max(self.promised);
        let large = self.estimator.found_wanting() && self.pacer.waiting() * 8_000 > target * LARGE.as_millis() as u64;
        self.pacer.set_rate(now, if large { unhasty(target) } else { pace(target) });
        probes
    }

    /// Whether the line has become another since it was shared out.
    pub(crate) fn moved(&self) -> bool {
        let target = self.estimator.target();
        target < self.shared - self.shared / FELL || target.abs_diff(self.shared) > self.shared / MOVED
    }

    /// What pictures may take now, `sound` bit/s being kept for voices.
    pub(crate) fn budget(&mut self, now: Instant, sound: u64, least: Least) -> Budget {
        let target = self.estimator.target();
        let restored = self.estimator.take_restored();
        // At first everybody is free to climb anyway.
        self.surged = restored || target / ANOTHER > self.shared && now.saturating_duration_since(self.began) > FIRST;
        // Losses alone may be the air's: then the line is what it was.
        if target < self.shared / ANOTHER && matches!(self.estimator.limit(), Limit::Delay | Limit::Viewer) {
            self.collapsed_at = Some(now);
        }
        let fell = target < self.shared - self.shared / NOISE && self.estimator.limit() == Limit::Delay;
        let all = least.shown > 0 && least.all <= least.shown + least.shown / SPARE + least.shown / NOISE;
        if fell && all {
            self.tight = Some((self.total.granted, now));
        }
        self.shared = target;
        let pictures = target.saturating_sub(sound);
        let resend = f64::from(self.estimator.loss()).clamp(0.0, MAX_RESEND_SHARE);
        let pictures = (pictures as f64 * (1.0 - resend)) as u64;
        if restored || self.collapses(now) {
            self.steady.begin_anew(now, pictures);
        }
        let mut budget = self.steady.budget(now, pictures);
        let end = self.estimator.ceiling().map(|ceiling| (ceiling.saturating_sub(sound) as f64 * (1.0 - resend)) as u64);
        budget.steady = budget.steady.min(end.unwrap_or(u64::MAX));
        budget.steady -= budget.steady / APART;
        budget.steady = budget.steady.min(self.most(now, end).unwrap_or(u64::MAX));
        budget.now = self.ride_out(now, budget.now);
        let believed = budget.now;
        self.bear_with(now, &mut budget, least);
        let beyond = budget.now > believed && self.estimator.limit() == Limit::Loss;
        self.promised = if beyond { ((least.shown + sound) as f64 / (1.0 - resend)) as u64 } else { 0 };
        self.given = budget;
        budget
    }

    /// How much an encoder may make of a picture that takes `rate` now, bit/s: with headers, and what must stay free to be given all of it,
    /// that is what the line has for it.
    pub(crate) fn room_for(&self, rate: u64) -> u64 {
        let others = self.total.granted.saturating_sub(rate);
        let room = self.given.now.min(self.given.steady).saturating_sub(others);
        let room = room - room / (SPARE + 1);
        room - room / HEADERS
    }

    /// What the line must keep for what is heard, bit/s: earlier packets go along where it loses, the viewer takes them and there is room.
    pub(crate) fn keep_for(&mut self, Voices { plain, copied }: Voices) -> u64 {
        let room = self.estimator.target().saturating_sub(plain).checked_div(copied);
        self.protection.fit(room.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX));
        plain + copied * self.protection.plan().distances().len() as u64
    }

    /// Another line than before.
    pub(crate) fn line_changed(&mut self, now: Instant) {
        self.estimator.line_changed(now);
        self.tight = None;
    }

    /// Less than pictures took when they were last too much for the line, while that is not long ago and its end, `end`, is where it was.
    fn most(&mut self, now: Instant, end: Option<u64>) -> Option<u64> {
        let near = |taken: u64| end.is_some_and(|end| end < taken + taken / 4);
        self.tight = self.tight.filter(|&(taken, at)| near(taken) && now.saturating_duration_since(at) < TIGHT);
        self.tight.map(|(taken, _)| taken - taken / TIGHTER)
    }

    /// The least that a line is given although it is not believed to carry it.
    fn bear_with(&mut self, now: Instant, budget: &mut Budget, least: Least) {
        if !self.estimator.found_wanting() {
            budget.now = budget.now.max(least.all.min(UNTRIED));
        }
        match self.estimator.limit() {
            Limit::Loss if budget.now < least.shown => {
                let since = if self.estimator.lasting_loss() < MENDED { now } else { self.short_since.unwrap_or(now) };
                self.short_since = Some(since);
                if now.saturating_duration_since(since) < PATIENCE {
                    budget.now = least.shown;
                }
                return;
            }
            // A line that is not found wanting carries a picture, and shows by it what it carries. A large one only if asking did not help.
            Limit::Nothing if least.first <= MODEST || now.saturating_duration_since(self.began) > ASKING => {
                budget.now = budget.now.max(least.first);
                budget.steady = budget.steady.max(least.first);
            }
            Limit::Nothing | Limit::Delay | Limit::Loss | Limit::Viewer => {}
        }
        self.short_since = None;
    }

    /// Whether the line is becoming another: what was granted before says nothing about what can be granted now.
    pub(crate) fn is_another(&self, now: Instant) -> bool {
        self.surged || self.collapses(now)
    }

    fn collapses(&self, now: Instant) -> bool {
        self.collapsed_at.is_some_and(|at| now.saturating_duration_since(at) < COLLAPSING)
    }

    /// Whether so much is lost, and not by a queue that is full, that it is worth packets to find out sooner what was.
    pub(crate) fn is_lossy(&self, now: Instant) -> bool {
        self.estimator.loss() >= LOSSY && !self.estimator.overflows(now)
    }

    /// Whether it is being found out if losses go away when less is sent, on a line that is not known to lose much.
    pub(crate) fn is_tried(&self) -> bool {
        self.estimator.looks_into(f64::from(LOSSY))
    }

    /// Whether what is offered now would wait for so long that nobody wants to see it any more.
    pub(crate) fn is_jammed(&self) -> bool {
        self.pacer.delay() > STALE
    }

    /// The same, or what pictures took at the last sharing if that is a little more and the dip is young. Not while it is found out what
    /// sending less would do: it would not be less.
    fn ride_out(&mut self, now: Instant, pictures: u64) -> u64 {
        let most = pictures + pictures / SHALLOW;
        let kept = (self.total.granted + self.total.granted / NOISE).min(most);
        if kept <= pictures || self.total.granted > most || self.estimator.tries() {
            self.dip_since = None;
            return pictures;
        }
        let young = now.saturating_duration_since(*self.dip_since.get_or_insert(now)) < DIP;
        if young { kept } else { pictures }
    }

    /// What could be used soon is proven in advance, so that nobody who comes has to wait for it: `wished` by the pictures and `sound`,
    /// bit/s.
    pub(crate) fn wish(&mut self, now: Instant, wished: u64, sound: u64) {
        let wish = if wished == 0 { 0 } else { (wished + wished / AHEAD).max(LEAST_WISH) };
        self.estimator.set_wish(now, wish + sound);
    }

    /// Nothing that waits for this slot is sent any more.
    pub(crate) fn forget(&mut self, stream: Ssrc) {
        self.retain(|waiting| waiting.stream() != stream);
    }

    /// Forgets what waits and must not be sent any more.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Waiting) -> bool) {
        self.again.retain(|(stream, sequence)| keep(&Waiting::Again { stream: *stream, sequence: *sequence }));
        self.encores.retain(|stream, sequence| keep(&Waiting::Again { stream, sequence }));
        self.followers.retain(|stream, ticket| keep(&Waiting::First { stream, ticket }));
        self.pacer.retain(keep);
    }
}

/// What the pacer is told of a line that carries `target` bit/s.
fn pace(target: u64) -> u64 {
    if target < NARROW { unhasty(target) } else { target }
}

fn unhasty(target: u64) -> u64 {
    target * UNHASTY.0 / UNHASTY.1
}
