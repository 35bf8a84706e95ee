//! Whether a run is good enough: thresholds in a small language, held against what was measured; and whether it may be believed at all.

mod metric;
mod slo;

pub use metric::{Metric, Unit};
pub use slo::{Operator, Slo, SloError, parse};

use crate::summary::{Summary, Threshold, Verdict};

/// Share of its time that the busiest thread may be busy; beyond it the generator is saturated.
pub const BUSIEST: f64 = 0.9;
/// Latest departure of 99 of 100 packets against their schedule, µs, unless another is asked for.
pub const LATEST: f64 = 1_000.0;

/// Why a run proves nothing: the generator itself was late, saturated or deaf. `latest` is the allowed lateness, µs.
#[must_use]
pub fn invalid(summary: &Summary, latest: f64) -> Option<String> {
    let generator = &summary.generator;
    let mut why = Vec::new();
    if generator.send_lateness.p99 > latest {
        why.push(format!(
            "1 of 100 packets left more than {:.1} ms late (allowed: {:.1})",
            generator.send_lateness.p99 / 1e3,
            latest / 1e3
        ));
    }
    if generator.busiest_thread > BUSIEST {
        why.push(format!("a thread was busy {:.0} % of the time (allowed: {:.0})", generator.busiest_thread * 100.0, BUSIEST * 100.0));
    }
    if generator.socket_drops > 0 {
        why.push(format!("its sockets lost {} datagrams", generator.socket_drops));
    }
    (!why.is_empty()).then(|| format!("{}; use fewer people, more --threads, or another machine", why.join("; ")))
}

/// Holds thresholds against a summary. Those of the profile (`false`) count only where something was measured.
#[must_use]
pub fn judge(summary: &Summary, slos: &[(Slo, bool)]) -> Vec<Threshold> {
    slos.iter()
        .filter_map(|(slo, asked)| match slo.metric.read(summary) {
            Some(value) => Some(Threshold { text: slo.text.clone(), measured: value / slo.unit.factor(), met: slo.holds(value) }),
            None => asked.then(|| Threshold { text: format!("{} (nothing measured)", slo.text), measured: 0.0, met: false }),
        })
        .collect()
}

/// All in all. Where nobody came at all there is nothing good about the run.
#[must_use]
pub fn verdict(summary: &Summary, interrupted: bool) -> Verdict {
    if interrupted {
        Verdict::Interrupted
    } else if summary.generator.invalid.is_some() {
        Verdict::Invalid
    } else if summary.thresholds.iter().all(|threshold| threshold.met) && summary.clients.joined > 0 {
        Verdict::Pass
    } else {
        Verdict::Missed
    }
}
