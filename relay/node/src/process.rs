//! What this process takes of the machine, under the names that every Prometheus client library uses.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// Ticks of `/proc/self/stat` in a second on Linux (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Reads `/proc/self` at scrape time.
#[derive(Debug)]
pub(crate) struct ProcessMetrics;

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat)) {
            let help = "Processor time, user and system";
            let mut metric = encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), MetricType::Counter)?;
            metric.encode_counter::<[(&str, &str); 0], f64, u64>(&seconds, None)?;
        }
        if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|status| resident_bytes(&status)) {
            let help = "Resident memory";
            let mut metric = encoder.encode_descriptor("process_resident_memory", help, Some(&Unit::Bytes), MetricType::Gauge)?;
            metric.encode_gauge(&bytes)?;
        }
        Ok(())
    }
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name in brackets may hold anything; fields are counted behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS)
}

fn resident_bytes(status: &str) -> Option<i64> {
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().split(' ').next()?;
    kilobytes.parse::<i64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_read_whatever_the_process_is_called() {
        assert_eq!(cpu_seconds("7 (a) b (c)) S 1 7 7 0 -1 4194560 1000 0 0 0 250 50 0 0 20 0 4"), Some(3.0));
        assert_eq!(resident_bytes("Name:\trelay\nVmRSS:\t    2048 kB\nThreads:\t4\n"), Some(2_097_152));
        assert_eq!((cpu_seconds(""), resident_bytes("")), (None, None));
    }
}
