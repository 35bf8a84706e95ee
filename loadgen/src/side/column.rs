//! One server's figures over its slots, each with the interval that chance leaves it.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Figures, SideBySide, Slot};
use crate::dice;

/// Draws for each interval.
const RESAMPLES: usize = 2_000;
/// Share of chance that an interval covers.
pub(super) const CONFIDENCE: f64 = 0.95;

/// A mean over slots and its interval; not a number where no slot counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Within these it lies, by whole slots drawn again.
    pub interval: (f64, f64),
}

/// A server in the table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub server: String,
    /// Slots that count, and those set aside.
    pub slots: (usize, usize),
    /// Whole-core time a packet, µs.
    pub cpu_per_packet: Estimate,
    /// The same, against the floor's; not a number where the floor has no slot that counts. None for the floor itself.
    pub against_floor: Option<Estimate>,
    /// Latency less the echo's round trip at 50, 99 and 99.9 of 100, µs.
    pub added: [Estimate; 3],
    /// Latency as it was at 50, 99 and 99.9 of 100, µs.
    pub latency: [Estimate; 3],
    /// Latency of sound alone less the echo's round trip at 50 and 99 of 100, µs.
    pub sound: [Estimate; 2],
    /// How much later 99 of 100 packets came while others joined and left, µs, over the slots in which that is known: of all media, of sound.
    pub moved: [Estimate; 2],
    /// Share of the time in which the machine ran at its own speed.
    pub calm: Estimate,
    /// Share lost.
    pub loss: Estimate,
    /// Memory a participant, bytes.
    pub memory: Estimate,
    /// Processor time a join, µs.
    pub cpu_per_join: Estimate,
    /// Offer to first whole picture in the storm of joins, 95 of 100, µs.
    pub first_picture: Estimate,
    /// SRTP profiles that protected media.
    pub srtp: BTreeSet<String>,
}

impl Column {
    /// Joins a second that one core has time for, and nothing else.
    #[must_use]
    pub fn joins_per_second(&self) -> Estimate {
        let Estimate { mean, interval: (low, high) } = self.cpu_per_join;
        Estimate { mean: 1e6 / mean, interval: (1e6 / high, 1e6 / low) }
    }
}

/// A column for each server, in the order of the comparison.
#[must_use]
pub fn columns(sides: &SideBySide) -> Vec<Column> {
    sides.servers.iter().map(|server| column(sides, &server.name)).collect()
}

fn column(sides: &SideBySide, server: &str) -> Column {
    let all = sides.slots.iter().filter(|slot| slot.server == server).count();
    let kept: Vec<(&Slot, &Figures)> = sides.kept(server).collect();
    let floor: Vec<(&Slot, &Figures)> = sides.kept("floor").collect();
    let over =
        |value: &dyn Fn(&Slot, &Figures) -> f64| estimate(&kept.iter().map(|(slot, figures)| value(slot, figures)).collect::<Vec<_>>());
    let known =
        |value: &dyn Fn(&Figures) -> Option<f64>| estimate(&kept.iter().filter_map(|(_, figures)| value(figures)).collect::<Vec<_>>());
    Column {
        server: server.to_owned(),
        slots: (kept.len(), all - kept.len()),
        cpu_per_packet: over(&|_, figures| figures.cpu_per_packet),
        against_floor: (server != "floor").then(|| {
            let cost = |slots: &[(&Slot, &Figures)]| slots.iter().map(|(_, figures)| figures.cpu_per_packet).collect::<Vec<_>>();
            ratio(&cost(&kept), &cost(&floor))
        }),
        added: [0, 1, 2].map(|at| over(&|slot, figures| figures.latency[at] - slot.way()[at])),
        latency: [0, 1, 2].map(|at| over(&|_, figures| figures.latency[at])),
        sound: [0, 1].map(|at| over(&|slot, figures| figures.sound[at] - slot.way()[at])),
        moved: [0, 1].map(|at| known(&|figures| figures.moved().map(|moved| moved[at]))),
        calm: known(&|figures| figures.calm),
        loss: over(&|_, figures| figures.loss),
        memory: over(&|_, figures| figures.memory),
        cpu_per_join: over(&|_, figures| figures.cpu_per_join),
        first_picture: known(&|figures| figures.first_picture),
        srtp: kept.iter().flat_map(|(_, figures)| figures.srtp.iter().cloned()).collect(),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The same seed each time: the same slots give the same table.
fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0x51de)
}

fn again(random: &mut ChaCha8Rng, values: &[f64]) -> f64 {
    values.iter().map(|_| values[dice::index(random, values.len())]).sum::<f64>() / values.len() as f64
}

fn estimate(values: &[f64]) -> Estimate {
    let mut random = random();
    if values.is_empty() {
        return Estimate { mean: f64::NAN, interval: (f64::NAN, f64::NAN) };
    }
    let draws = (0..RESAMPLES).map(|_| again(&mut random, values)).collect();
    Estimate { mean: mean(values), interval: middle(draws) }
}

fn ratio(above: &[f64], below: &[f64]) -> Estimate {
    if above.is_empty() || below.is_empty() {
        return estimate(&[]);
    }
    let mut random = random();
    let draws = (0..RESAMPLES).map(|_| again(&mut random, above) / again(&mut random, below)).collect();
    Estimate { mean: mean(above) / mean(below), interval: middle(draws) }
}

fn middle(mut draws: Vec<f64>) -> (f64, f64) {
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[((draws.len() - 1) as f64 * share).round() as usize];
    (at((1.0 - CONFIDENCE) / 2.0), at((1.0 + CONFIDENCE) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sides, slot};
    use super::*;

    #[test]
    fn a_server_is_held_against_the_floor_and_the_echo() {
        let slots = (1..=8).flat_map(|round| {
            let noise = 0.1 * f64::from(round % 3);
            [slot("relay", round, 3.0 + noise, 40.0), slot("floor", round, 2.0 + noise, 40.0)]
        });
        let found = columns(&sides(slots.collect()));
        let relay = &found[0];
        assert_eq!((relay.server.as_str(), relay.slots), ("relay", (8, 0)));
        let ratio = relay.against_floor.expect("there is a floor");
        assert!((ratio.mean - 1.48).abs() < 0.02, "{ratio:?}");
        assert!(ratio.interval.0 < ratio.mean && ratio.mean < ratio.interval.1 && ratio.interval.1 < 1.6, "{ratio:?}");
        assert_eq!(relay.added.map(|added| added.mean), [60.0, 220.0, 780.0]);
        assert_eq!(relay.sound.map(|added| added.mean), [50.0, 120.0]);
        assert_eq!(relay.joins_per_second().mean, 2_000.0);
        assert!(found[1].against_floor.is_none());
    }

    #[test]
    fn joins_that_make_media_later_move_them_upwards_and_slots_without_joins_count_for_the_rest() {
        let mut slots = vec![slot("relay", 1, 3.0, 40.0), slot("relay", 2, 3.0, 40.0), slot("floor", 1, 2.0, 40.0)];
        for slot in &mut slots[1..] {
            let figures = slot.figures.as_mut().expect("figures");
            figures.with_joins = None;
            figures.without_joins = Some(super::super::Aside::Failed("too slow".to_owned()));
        }
        let found = columns(&sides(slots));
        assert_eq!((found[0].moved[0].mean, found[0].slots), (70.0, (2, 0)), "370 µs with joins, 300 without");
        assert_eq!(found[0].moved[1].mean, 20.0, "of sound alone");
        assert!(found[1].moved[0].mean.is_nan() && found[1].cpu_per_packet.mean.is_finite());
    }

    #[test]
    fn whoever_has_no_slot_that_counts_has_no_figures() {
        let mut slots = vec![slot("relay", 1, 3.0, 40.0), slot("floor", 1, 2.0, 40.0)];
        slots[0].set_aside = Some(super::super::Aside::Failed("nobody got in".to_owned()));
        let found = columns(&sides(slots));
        assert_eq!(found[0].slots, (0, 1));
        assert!(found[0].cpu_per_packet.mean.is_nan() && found[0].against_floor.is_some_and(|ratio| ratio.mean.is_nan()));
        let found = columns(&sides(vec![slot("relay", 1, 3.0, 40.0)]));
        assert!(found[0].against_floor.is_some_and(|ratio| ratio.mean.is_nan()), "without a floor nothing is as cheap as it");
    }
}
