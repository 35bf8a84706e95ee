//! How large each picture of an encoding is.

use std::sync::Arc;
use std::time::Duration;

use super::entropy::Entropy;
use super::setup::Motion;

/// A keyframe weighs this many usual frames where nobody cares for sizes.
const EVEN_KEYFRAME: f64 = 4.0;
/// libwebrtc lets one weigh up to 7.5 at 25 pictures a second.
const NATURAL_KEYFRAME: f64 = 6.0;
/// Of a picture's size, what goes into paying back the last keyframe at most.
const PAY_BACK: f64 = 0.3;
/// What is owed at most, in usual frames: encoders forget the rest.
const MAX_DEBT: f64 = 12.0;
/// A new slide comes so often.
const SLIDE_EVERY: Duration = Duration::from_secs(5);
/// It takes so long until it is sharp.
const SLIDE_TAKES: Duration = Duration::from_secs(1);
/// What a still screen costs, of the full rate.
const STILL: f64 = 0.04;

/// Sizes of recorded pictures, relative to their mean, and where its keyframes are: an encoder's real rhythm, at any rate.
#[derive(Clone, PartialEq, Debug)]
pub struct SizeTrace {
    pictures: Vec<(f64, bool)>,
}

impl SizeTrace {
    /// Of these sizes in bytes, each with whether it is a keyframe's. `None` without bytes.
    #[must_use]
    pub fn new(pictures: &[(usize, bool)]) -> Option<Self> {
        let total: usize = pictures.iter().map(|(size, _)| size).sum();
        let mean = total as f64 / pictures.len() as f64;
        (total > 0).then(|| Self { pictures: pictures.iter().map(|(size, keyframe)| (*size as f64 / mean, *keyframe)).collect() })
    }
}

/// Where in a trace an encoding is.
#[derive(Debug)]
struct Place {
    trace: Arc<SizeTrace>,
    next: usize,
}

/// The sizes of one encoding.
#[derive(Debug)]
pub(super) struct Sizes {
    motion: Motion,
    recorded: Option<Place>,
    entropy: Entropy,
    /// Bytes sent beyond the rate that are still to be saved.
    debt: f64,
}

impl Sizes {
    pub(super) fn new(motion: Motion, trace: Option<Arc<SizeTrace>>, seed: u64) -> Self {
        let recorded = trace.map(|trace| Place { trace, next: 0 });
        Self { motion, recorded, entropy: Entropy::new(seed), debt: 0.0 }
    }

    /// Whether the next picture is a keyframe: as it is wished, or where the recording has one. A wish jumps to the recording's next.
    pub(super) fn keyframe(&mut self, wished: bool) -> bool {
        let Some(Place { trace, next }) = &mut self.recorded else { return wished };
        let ahead = (*next..trace.pictures.len()).find(|index| trace.pictures[*index].1);
        if wished {
            *next = ahead.unwrap_or(0);
        }
        wished || ahead == Some(*next)
    }

    /// Bytes of the next picture, where `usual` is the rate divided by the pictures, and `weight` the picture's part of it.
    pub(super) fn next(&mut self, captured: Duration, keyframe: bool, usual: f64, weight: f64) -> usize {
        if let Some(Place { trace, next }) = &mut self.recorded {
            let (size, _) = trace.pictures[*next];
            *next = (*next + 1) % trace.pictures.len();
            return (size * usual) as usize;
        }
        let size = match (self.motion, keyframe) {
            (Motion::Even, true) => usual * EVEN_KEYFRAME,
            (Motion::Even, false) => usual,
            (_, true) => {
                self.debt = (self.debt + (NATURAL_KEYFRAME - 1.0) * usual).min(MAX_DEBT * usual);
                usual * NATURAL_KEYFRAME
            }
            (Motion::Natural, false) => {
                let size = usual * weight * (0.75 + 0.5 * self.chance());
                let saved = self.debt.min(size * PAY_BACK);
                self.debt -= saved;
                size - saved
            }
            (Motion::Slides, false) => {
                let into = Duration::from_nanos((captured.as_nanos() % SLIDE_EVERY.as_nanos()) as u64);
                usual * weight * if into < SLIDE_TAKES { 1.0 } else { STILL }
            }
        };
        size as usize
    }

    /// Uniform in [0, 1).
    fn chance(&mut self) -> f64 {
        (self.entropy.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(motion: Motion, pictures: u64, keyframe_every: u64) -> usize {
        let mut sizes = Sizes::new(motion, None, 1);
        (0..pictures).map(|number| sizes.next(Duration::from_millis(40 * number), number % keyframe_every == 0, 1_000.0, 1.0)).sum()
    }

    #[test]
    fn natural_sizes_keep_the_rate_over_time_in_spite_of_keyframes() {
        let total = total(Motion::Natural, 5_000, 100);
        assert!((4_900_000..5_100_000).contains(&total), "{total}");
    }

    #[test]
    fn a_recording_gives_its_rhythm_at_the_layers_rate_and_a_wish_jumps_to_its_keyframe() {
        let trace = SizeTrace::new(&[(600, true), (100, false), (100, false), (400, true), (0, false)]).expect("sizes");
        let mut sizes = Sizes::new(Motion::Natural, Some(Arc::new(trace)), 1);
        let mut next = |wished| {
            let keyframe = sizes.keyframe(wished);
            (keyframe, sizes.next(Duration::ZERO, keyframe, 1_200.0, 1.6))
        };
        let round: Vec<(bool, usize)> = (0..6).map(|_| next(false)).collect();
        assert_eq!(round, [(true, 3_000), (false, 500), (false, 500), (true, 2_000), (false, 0), (true, 3_000)]);
        assert_eq!((next(true), next(false), next(true)), ((true, 2_000), (false, 0), (true, 3_000)));
        assert_eq!(SizeTrace::new(&[]), None);
    }

    #[test]
    fn a_still_screen_costs_little_and_a_new_slide_the_full_rate() {
        let total = total(Motion::Slides, 125 * 10, 10_000);
        let expected = 10.0 * (25.0 + 100.0 * STILL) * 1_000.0;
        assert!((total as f64 / expected - 1.0).abs() < 0.05, "{total} of {expected}");
    }
}
