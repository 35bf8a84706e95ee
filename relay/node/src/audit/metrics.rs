//! `/metrics` of the audit log.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::log::Audit;

/// Reads the log's counters at scrape time.
pub(crate) struct AuditMetrics(pub(crate) Arc<Audit>);

impl fmt::Debug for AuditMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditMetrics")
    }
}

impl Collector for AuditMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = &self.0.counters;
        let rows = [
            ("audit_entries", "Entries written to the audit log", &counters.written),
            ("audit_failures", "Writes to the audit log that failed and were tried again", &counters.failures),
            ("audit_lost", "Entries that did not fit into the queue; the log says so", &counters.lost),
        ];
        for (name, help, value) in rows {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<[(&str, &str); 0], u64, u64>(&value.load(Ordering::Relaxed), None)?;
        }
        Ok(())
    }
}
