//! The series, short enough for a picture and a table: what several seconds come to.

use crate::summary::Second;

/// Points in a picture and rows in its table.
const POINTS: usize = 120;

/// Several seconds as one. In `sum`, counts are sums, the median is the median of the seconds, other percentiles, memory and people are
/// those of the worst or fullest second: percentiles are never averaged. Processors are means.
pub(super) struct Bin {
    pub(super) sum: Second,
    /// How many.
    pub(super) seconds: f64,
}

impl Bin {
    /// Packets that never came, of those that should have.
    pub(super) fn loss(&self) -> f64 {
        self.sum.lost as f64 / (self.sum.lost + self.sum.received).max(1) as f64
    }

    fn of(seconds: &[Second]) -> Option<Self> {
        let first = seconds.first()?;
        let count = seconds.len() as f64;
        let total = |of: fn(&Second) -> u64| seconds.iter().map(of).sum();
        let most = |of: fn(&Second) -> u64| seconds.iter().map(of).max().unwrap_or_default();
        let worst = |of: fn(&Second) -> f64| seconds.iter().map(of).fold(0.0, f64::max);
        let mut medians: Vec<f64> = seconds.iter().map(|second| second.p50).filter(|p50| *p50 > 0.0).collect();
        medians.sort_by(f64::total_cmp);
        let sum = Second {
            at: first.at,
            clients: most(|second| second.clients),
            meetings: most(|second| second.meetings),
            joins: total(|second| second.joins),
            sent: total(|second| second.sent),
            received: total(|second| second.received),
            bytes: total(|second| second.bytes),
            lost: total(|second| second.lost),
            p50: medians.get(medians.len() / 2).copied().unwrap_or_default(),
            p99: worst(|second| second.p99),
            max: worst(|second| second.max),
            lateness_p99: worst(|second| second.lateness_p99),
            server_cpu: seconds.iter().map(|second| second.server_cpu).sum::<f64>() / count,
            server_memory: most(|second| second.server_memory),
            generator_cpu: first.generator_cpu.map(|_| seconds.iter().filter_map(|second| second.generator_cpu).sum::<f64>() / count),
            generator_memory: seconds.iter().filter_map(|second| second.generator_memory).max(),
        };
        Some(Self { sum, seconds: count })
    }
}

/// The series as at most [`POINTS`] bins of equal length, and that length, seconds.
pub(super) fn bins(series: &[Second]) -> (usize, Vec<Bin>) {
    let width = series.len().div_ceil(POINTS).max(1);
    (width, series.chunks(width).filter_map(Bin::of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_second_stays_visible_and_counts_stay_whole() {
        let mut series: Vec<Second> = (0..1_000)
            .map(|at| Second { at, received: 99, lost: 1, p50: 100.0, p99: 200.0, max: 300.0, server_cpu: 0.5, ..Second::default() })
            .collect();
        (series[501].p99, series[501].max, series[501].p50) = (9e6, 9.5e6, 8e6);
        let (width, bins) = bins(&series);
        assert_eq!((width, bins.len()), (9, 112));
        assert_eq!(bins.iter().map(|bin| bin.sum.received).sum::<u64>(), 99_000);
        let bad = &bins[501 / 9];
        assert_eq!((bad.sum.p50, bad.sum.p99, bad.sum.max), (100.0, 9e6, 9.5e6));
        assert!((bad.loss() - 0.01).abs() < 1e-12 && (bad.sum.server_cpu - 0.5).abs() < 1e-12);
        assert_eq!(bins.last().map(|bin| bin.seconds), Some(1.0), "the last is shorter");
    }
}
