//! Meetings through a day: arrivals with bursts on the quarter hour, convolved with how long rooms stay open.
//!
//! Arrivals are a Poisson process whose rate follows the clock, lengths are independent of it: the number of open rooms at any
//! moment is then exactly Poisson (an infinite-server queue), and its mean is the convolution of arrivals and survival.

use super::chance::normal_below;
use super::profile::Profile;

/// Resolution, minutes. A burst is at least a minute wide.
const STEP: f64 = 0.25;
const STEPS_PER_HOUR: usize = 240;
const STEPS: usize = 24 * STEPS_PER_HOUR;
/// A room open longer than this does not count on: less than one in 100,000 with the longest mean that is allowed.
const LONGEST: usize = 24 * STEPS_PER_HOUR;
/// Survival below this is nothing.
const NOTHING: f64 = 1e-7;
/// First hour of the working day.
const FIRST_HOUR: usize = 7;
/// Meetings that begin in each hour from 7 to 17, against the busiest: two humps around lunch, as clinics work. Only the
/// picture of the day and what is still open from the hour before depend on it.
const SHAPE: [f64; 11] = [0.25, 0.85, 1.0, 0.95, 0.75, 0.45, 0.85, 0.7, 0.4, 0.2, 0.1];
/// Place of the busiest hour in [`SHAPE`].
const BUSIEST: usize = 2;

/// A peak day.
#[derive(Clone, PartialEq, Debug)]
pub struct Day {
    /// Meetings that begin in the busiest hour.
    pub busy_hour_meetings: f64,
    /// Open on average in the busiest hour if nothing came in bursts and the hour went on for ever.
    pub steady: f64,
    /// Open on average over the busiest hour.
    pub busy_hour: f64,
    /// Open on average at the busiest moment.
    pub peak: f64,
    /// When that is, minutes since midnight.
    pub peak_at: f64,
    /// Meetings that open each second at the busiest moment for openings.
    pub openings_per_second: f64,
    /// Open on average at each minute of the day.
    pub minutes: Vec<f64>,
}

impl Day {
    /// The assumptions that a day depends on.
    #[must_use]
    pub(super) fn inputs(profile: &Profile) -> [f64; 9] {
        [
            profile.meetings_per_month,
            profile.working_days,
            profile.peak_day,
            profile.busy_hour_share,
            profile.quarter_burst,
            profile.pulse_minutes,
            profile.early_minutes,
            profile.minutes,
            profile.minutes_spread,
        ]
    }

    /// The peak day of a profile.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        let meetings = profile.meetings_per_month / profile.working_days * profile.peak_day;
        let arrivals = arrivals(profile, meetings);
        let survival = survival(profile);
        let open: Vec<f64> = (0..STEPS).map(|at| open_at(&arrivals, &survival, at)).collect();
        let (peak_step, peak) = open.iter().copied().enumerate().fold((0, 0.0), |best, now| if now.1 > best.1 { now } else { best });
        let hour = (FIRST_HOUR + BUSIEST) * STEPS_PER_HOUR;
        let busy_hour_meetings = meetings * profile.busy_hour_share;
        Self {
            busy_hour_meetings,
            steady: busy_hour_meetings * (profile.minutes + profile.early_minutes) / 60.0,
            busy_hour: open[hour..hour + STEPS_PER_HOUR].iter().sum::<f64>() / STEPS_PER_HOUR as f64,
            peak,
            peak_at: (peak_step + 1) as f64 * STEP,
            openings_per_second: arrivals.iter().copied().fold(0.0, f64::max) / (STEP * 60.0),
            minutes: open.chunks((1.0 / STEP) as usize).map(|minute| minute.iter().sum::<f64>() / minute.len() as f64).collect(),
        }
    }
}

/// Meetings that open in each step.
fn arrivals(profile: &Profile, meetings: f64) -> Vec<f64> {
    let others: f64 = SHAPE.iter().sum::<f64>() - SHAPE[BUSIEST];
    let mut arrivals = vec![0.0; STEPS];
    for (index, shape) in SHAPE.iter().enumerate() {
        let share = if index == BUSIEST { profile.busy_hour_share } else { shape * (1.0 - profile.busy_hour_share) / others };
        let hour = (FIRST_HOUR + index) * STEPS_PER_HOUR;
        let any_moment = meetings * share * (1.0 - profile.quarter_burst) / STEPS_PER_HOUR as f64;
        arrivals[hour..hour + STEPS_PER_HOUR].iter_mut().for_each(|step| *step += any_moment);
        for quarter in 0..4 {
            let centre = (hour + quarter * STEPS_PER_HOUR / 4) as f64 * STEP - profile.early_minutes;
            pulse(&mut arrivals, centre, profile.pulse_minutes, meetings * share * profile.quarter_burst / 4.0);
        }
    }
    arrivals
}

/// Adds a triangle of `weight` around `centre`, `half` minutes to each side.
fn pulse(arrivals: &mut [f64], centre: f64, half: f64, weight: f64) {
    let below = |at: f64| {
        let x = ((at - centre) / half).clamp(-1.0, 1.0);
        if x < 0.0 { (1.0 + x).powi(2) / 2.0 } else { 1.0 - (1.0 - x).powi(2) / 2.0 }
    };
    let first = ((centre - half) / STEP).floor().max(0.0) as usize;
    let last = ((centre + half) / STEP).ceil() as usize;
    for (index, step) in arrivals.iter_mut().enumerate().take(last.saturating_add(1)).skip(first) {
        *step += weight * (below((index + 1) as f64 * STEP) - below(index as f64 * STEP));
    }
}

/// Probability that a room is still open in the middle of each step after it opened: the time before the appointment, then a
/// log-normal length.
fn survival(profile: &Profile) -> Vec<f64> {
    let (mu, sigma) = log_normal(profile);
    let still = |index: usize| {
        let after = (index as f64 + 0.5) * STEP - profile.early_minutes;
        if after <= 0.0 { 1.0 } else { normal_below((mu - after.ln()) / sigma) }
    };
    (0..LONGEST).map(still).take_while(|share| *share > NOTHING).collect()
}

/// Parameters of the log-normal length in minutes.
fn log_normal(profile: &Profile) -> (f64, f64) {
    let variance = (1.0 + profile.minutes_spread.powi(2)).ln();
    (profile.minutes.ln() - variance / 2.0, variance.sqrt())
}

fn open_at(arrivals: &[f64], survival: &[f64], at: usize) -> f64 {
    arrivals[..=at].iter().rev().zip(survival).map(|(arrived, still)| arrived * still).sum()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::chance::poisson_quantile;
    use super::*;
    use crate::dice;

    #[test]
    fn without_bursts_a_long_busy_hour_is_the_textbook_queue() {
        let profile = Profile { quarter_burst: 0.0, early_minutes: 0.0, minutes: 5.0, minutes_spread: 0.4, ..Profile::default() };
        let day = Day::of(&profile);
        assert!((day.peak / day.steady - 1.0).abs() < 0.01, "Little: {} against {}", day.peak, day.steady);
        let total = arrivals(&profile, 4000.0).iter().sum::<f64>();
        assert!((total - 4000.0).abs() < 1e-6, "every meeting begins once: {total}");
    }

    #[test]
    fn bursts_raise_the_peak_the_more_the_shorter_meetings_are() {
        let rise = |minutes: f64| {
            let day = |quarter_burst: f64| Day::of(&Profile { minutes, quarter_burst, early_minutes: 0.0, ..Profile::default() }).peak;
            day(0.6) / day(0.0)
        };
        let (short, usual, long) = (rise(8.0), rise(18.0), rise(30.0));
        assert!(short > 1.3 && short > usual && usual > long && long > 1.02, "{short} {usual} {long}");
        let wide = Day::of(&Profile { pulse_minutes: 7.0, ..Profile::default() });
        let narrow = Day::of(&Profile { pulse_minutes: 1.0, ..Profile::default() });
        assert!(narrow.peak > wide.peak && narrow.openings_per_second > 3.0 * wide.openings_per_second);
    }

    /// Plays the day's opening hours through, meeting by meeting, without the grid and without the convolution.
    fn throw(random: &mut ChaCha8Rng, profile: &Profile, moment: f64) -> u64 {
        let meetings = profile.meetings_per_month / profile.working_days * profile.peak_day;
        let (mu, sigma) = log_normal(profile);
        let others: f64 = SHAPE.iter().sum::<f64>() - 1.0;
        let mut open = 0;
        for (index, shape) in SHAPE.iter().enumerate() {
            let share = if index == BUSIEST { profile.busy_hour_share } else { shape * (1.0 - profile.busy_hour_share) / others };
            for _ in 0..dice::poisson(random, meetings * share) {
                let hour = (FIRST_HOUR + index) as f64 * 60.0;
                let start = if dice::unit(random) < profile.quarter_burst {
                    let spread = profile.pulse_minutes * (dice::unit(random) + dice::unit(random) - 1.0);
                    hour + 15.0 * dice::index(random, 4) as f64 - profile.early_minutes + spread
                } else {
                    hour + 60.0 * dice::unit(random)
                };
                let end = start + profile.early_minutes + (mu + sigma * dice::normal(random)).exp();
                open += u64::from(start <= moment && moment < end);
            }
        }
        open
    }

    #[test]
    fn the_closed_form_is_what_dice_find_mean_and_tail() {
        const SEED: u64 = 11;
        const DAYS: usize = 4000;
        let profile = Profile::default();
        let day = Day::of(&profile);
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut open: Vec<u64> = (0..DAYS).map(|_| throw(&mut random, &profile, day.peak_at)).collect();
        open.sort_unstable();
        let mean = open.iter().sum::<u64>() as f64 / DAYS as f64;
        // Five standard errors of the mean of a Poisson variable, plus the grid.
        assert!(
            (mean - day.peak).abs() < 5.0 * (day.peak / DAYS as f64).sqrt() + 0.005 * day.peak,
            "seed {SEED}: {mean} against {}",
            day.peak
        );
        let tail = open[DAYS * 99 / 100] as f64;
        let closed = poisson_quantile(day.peak, 0.99) as f64;
        assert!((tail / closed - 1.0).abs() < 0.015, "seed {SEED}: {tail} against {closed}");
        // The twin: a queue without bursts, as textbooks have it, is refuted by the same dice.
        let textbook = poisson_quantile(day.steady, 0.99) as f64;
        assert!(tail > textbook * 1.08, "seed {SEED}: {tail} against {textbook}");
    }
}
