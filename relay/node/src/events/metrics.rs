//! `/metrics` of the event log and the webhooks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::hub::Hub;
use super::webhooks::Delivered;
use crate::clock::unix_millis;

/// Reads the hub's counters at scrape time. Webhooks are known by their place in the configuration, from 0.
pub(crate) struct EventMetrics(pub(crate) Arc<Hub>);

impl fmt::Debug for EventMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventMetrics({} webhooks)", self.0.webhooks.len())
    }
}

impl Collector for EventMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (shared, counters) = (&self.0.shared, &self.0.shared.counters);
        let totals: [(&str, &str, &AtomicU64); 5] = [
            ("events", "Events kept", &counters.written),
            ("events_transactions", "Transactions that kept them", &counters.transactions),
            ("events_failures", "Transactions that failed and were tried again", &counters.failures),
            ("events_lost", "Events that did not fit into the queue; their room's sequence says so", &counters.lost),
            ("events_readers_cut_off", "Readers of events cut off because they read too slowly", &counters.cut_off),
        ];
        for (name, help, value) in totals {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<[(&str, &str); 0], u64, u64>(&value.load(Ordering::Relaxed), None)?;
        }
        let readers = i64::try_from(shared.doors.readers()).unwrap_or(i64::MAX);
        encoder.encode_descriptor("events_readers", "Readers of events now", None, MetricType::Gauge)?.encode_gauge(&readers)?;
        self.webhooks(&mut encoder)
    }
}

/// One number of a webhook.
type Read = fn(&Delivered) -> &AtomicU64;

impl EventMetrics {
    fn webhooks(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if self.0.webhooks.is_empty() {
            return Ok(());
        }
        let totals: [(&str, &str, Read); 4] = [
            ("webhook_deliveries", "Requests that were taken", |webhook| &webhook.batches),
            ("webhook_events", "Events in them", |webhook| &webhook.events),
            ("webhook_failures", "Requests that were not taken", |webhook| &webhook.failures),
            ("webhook_skipped", "Events that were given up", |webhook| &webhook.skipped),
        ];
        for (name, help, value) in totals {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (index, webhook) in self.0.webhooks.iter().enumerate() {
                let label = [("webhook", index.to_string())];
                let value = value(webhook).load(Ordering::Relaxed);
                metric.encode_family(&label)?.encode_counter::<[(&str, &str); 0], u64, u64>(&value, None)?;
            }
        }
        let help = "Age of the oldest event that was not taken yet";
        let mut metric = encoder.encode_descriptor("webhook_lag", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for (index, webhook) in self.0.webhooks.iter().enumerate() {
            let since = webhook.waiting_since.load(Ordering::Relaxed);
            let lag = if since == 0 { 0.0 } else { unix_millis().saturating_sub(since) as f64 / 1000.0 };
            metric.encode_family(&[("webhook", index.to_string())])?.encode_gauge(&lag)?;
        }
        Ok(())
    }
}
