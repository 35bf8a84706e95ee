//! How many people meetings have: small ones of 2 to 4, and a few of 6 to 33.

use super::profile::{Profile, Refused};

const SMALL: std::ops::RangeInclusive<u32> = 2..=4;
const LARGE: std::ops::RangeInclusive<u32> = 6..=33;

/// Sizes with their shares of all meetings, which sum up to 1.
#[derive(Clone, PartialEq, Debug)]
pub struct Sizes(Vec<(u32, f64)>);

impl Sizes {
    /// Within each kind, shares fall (or rise) by a constant factor from one size to the next, such that the means are those asked for.
    ///
    /// # Errors
    /// [`Refused`] when no mix has that mean.
    pub fn new(profile: &Profile) -> Result<Self, Refused> {
        let Profile { people, large_share, large_people, .. } = *profile;
        let small_mean = (people - large_share * large_people) / (1.0 - large_share);
        let (least, most) = (f64::from(*SMALL.start()), f64::from(*SMALL.end()));
        if !(least..=most).contains(&small_mean) {
            let at = |mean: f64| (1.0 - large_share) * mean + large_share * large_people;
            return Err(Refused(format!(
                "people: {people} does not fit with large-share {large_share} and large-people {large_people}; from {:.2} to {:.2} would",
                at(least),
                at(most)
            )));
        }
        let mut shares = Vec::new();
        for (range, mean, share) in [(SMALL, small_mean, 1.0 - large_share), (LARGE, large_people, large_share)] {
            shares.extend(geometric(range, mean).into_iter().map(|(size, part)| (size, part * share)));
        }
        Ok(Self(shares))
    }

    /// Each size with its share.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        self.0.iter().copied()
    }
}

/// Shares over a range that change by a constant factor and have this mean.
fn geometric(range: std::ops::RangeInclusive<u32>, mean: f64) -> Vec<(u32, f64)> {
    let shares = |log: f64| -> Vec<(u32, f64)> {
        // Counted from the likelier end, so that no power overflows.
        let start = if log > 0.0 { *range.end() } else { *range.start() };
        let raw: Vec<_> = range.clone().map(|size| (size, (log * (f64::from(size) - f64::from(start))).exp())).collect();
        let sum: f64 = raw.iter().map(|(_, share)| share).sum();
        raw.into_iter().map(|(size, share)| (size, share / sum)).collect()
    };
    let (mut low, mut high) = (-40.0, 40.0);
    while high - low > 1e-9 {
        let middle = (low + high) / 2.0;
        let found: f64 = shares(middle).iter().map(|(size, share)| f64::from(*size) * share).sum();
        if found < mean {
            low = middle;
        } else {
            high = middle;
        }
    }
    shares((low + high) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_has_the_means_that_were_asked_for() {
        for (people, large_share, large_people) in
            [(2.5, 0.01, 12.0), (2.3, 0.0, 12.0), (2.81, 0.03, 16.0), (4.0, 0.0, 8.0), (2.0, 0.0, 9.0)]
        {
            let profile = Profile { people, large_share, large_people, ..Profile::default() };
            let sizes = Sizes::new(&profile).expect("possible");
            let sum: f64 = sizes.iter().map(|(_, share)| share).sum();
            let mean: f64 = sizes.iter().map(|(size, share)| f64::from(size) * share).sum();
            let large: f64 = sizes.iter().filter(|(size, _)| *size > 5).map(|(_, share)| share).sum();
            assert!((sum - 1.0).abs() < 1e-9 && (mean - people).abs() < 1e-6 && (large - large_share).abs() < 1e-9, "{people}: {mean}");
            assert!(sizes.iter().all(|(_, share)| share >= 0.0));
        }
    }

    #[test]
    fn an_impossible_mix_is_refused_with_what_would_be_possible() {
        let profile = Profile { people: 2.1, large_share: 0.05, ..Profile::default() };
        let refused = Sizes::new(&profile).expect_err("1/20 with 12 people alone adds half a person");
        assert!(refused.0.contains("from 2.50 to 4.40"), "{refused}");
    }
}
