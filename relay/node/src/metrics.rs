//! `/metrics` (OpenMetrics text): read from the threads' own counters at scrape time, so nothing is counted twice and no packet pays for it.
//!
//! Base units: seconds, bytes. Labels name workers, never people or rooms.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Semaphore;

use crate::media_thread::SharedCounters;
use crate::process::ProcessMetrics;
use crate::session::Control;

/// All metrics of the node.
pub(crate) struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Metrics read from these.
    #[must_use]
    pub(crate) fn new(source: Source) -> Self {
        let mut metrics = Self { registry: Registry::default() };
        metrics.add(Box::new(source));
        // Under names that are the same for every program.
        metrics.registry.register_collector(Box::new(ProcessMetrics));
        metrics
    }

    /// Adds what counts for itself.
    pub(crate) fn add(&mut self, collector: Box<dyn Collector>) {
        self.registry.sub_registry_with_prefix("relay").register_collector(collector);
    }

    /// The text of one scrape.
    #[must_use]
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail, and our names are valid.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Where the numbers are.
pub(crate) struct Source {
    /// Sessions and rooms.
    pub control: Arc<Control>,
    /// One per worker.
    pub threads: Vec<Arc<SharedCounters>>,
    /// Permits that are left.
    pub websockets: Arc<Semaphore>,
    /// Permits that there are.
    pub max_websockets: usize,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({} threads)", self.threads.len())
    }
}

/// A value per worker.
type PerWorker<'a, T> = &'a dyn Fn(usize, &SharedCounters) -> T;

impl Collector for Source {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let websockets = self.max_websockets.saturating_sub(self.websockets.available_permits());
        gauge(&mut encoder, "sessions", "Sessions, those waiting for a reconnect included", self.control.sessions())?;
        gauge(&mut encoder, "rooms", "Rooms", self.control.registry().len())?;
        gauge(&mut encoder, "websockets", "Open WebSockets", websockets)?;
        gauge(&mut encoder, "draining", "1 while the node takes no new rooms", usize::from(self.control.is_draining()))?;
        let mut slow =
            encoder.encode_descriptor("slow_readers", "Connections cut off because they read too slowly", None, MetricType::Counter)?;
        slow.encode_counter::<[(&str, &str); 0], u64, u64>(&self.control.cut_off(), None)?;
        self.gauges(&mut encoder, "worker_sessions", "Sessions placed on the worker", None, &|worker, _| {
            self.control.registry().load(worker) as f64
        })?;
        self.gauges(&mut encoder, "worker_rooms", "Rooms on the worker", None, &|_, thread| thread.rooms() as f64)?;
        self.gauges(&mut encoder, "worker_peers", "Peers on the worker", None, &|_, thread| thread.peers() as f64)?;
        let now = Instant::now();
        let silence = "Time since the media thread last ended a turn of its loop";
        self.gauges(&mut encoder, "media_silence", silence, Some(&Unit::Seconds), &|_, thread| thread.last_turn(now).as_secs_f64())?;
        let turn = "Longest turn of the media thread's loop since the last scrape";
        self.gauges(&mut encoder, "media_longest_turn", turn, Some(&Unit::Seconds), &|_, thread| thread.take_longest_turn().as_secs_f64())?;
        let Some(first) = self.threads.first() else { return Ok(()) };
        for (index, (name, _)) in first.worker().enumerate() {
            let value = |_: usize, thread: &SharedCounters| thread.worker().nth(index).map_or(0, |(_, value)| value);
            self.counters(&mut encoder, "worker", name, &value)?;
        }
        for (index, (name, _)) in first.io().enumerate() {
            let value = |_: usize, thread: &SharedCounters| thread.io().nth(index).map_or(0, |(_, value)| value);
            self.counters(&mut encoder, "media", name, &value)?;
        }
        Ok(())
    }
}

impl Source {
    fn gauges(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: PerWorker<'_, f64>,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (worker, thread) in self.threads.iter().enumerate() {
            metric.encode_family(&[("worker", worker.to_string())])?.encode_gauge(&value(worker, thread))?;
        }
        Ok(())
    }

    fn counters(&self, encoder: &mut DescriptorEncoder<'_>, group: &str, name: &str, value: PerWorker<'_, u64>) -> fmt::Result {
        let help = format!("{} since the start", name.replace('_', " "));
        let (name, unit) = match name.strip_prefix("bytes_") {
            Some(what) => (format!("{group}_{what}"), Some(&Unit::Bytes)),
            None => (format!("{group}_{name}"), None),
        };
        let mut metric = encoder.encode_descriptor(&name, &help, unit, MetricType::Counter)?;
        for (worker, thread) in self.threads.iter().enumerate() {
            let label = [("worker", worker.to_string())];
            metric.encode_family(&label)?.encode_counter::<[(&str, &str); 0], u64, u64>(&value(worker, thread), None)?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: usize) -> fmt::Result {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}
