//! Watches a server on another machine by its Prometheus metrics: processor time and memory under the names that all client libraries use.

use std::time::Duration;

use super::process::{Process, Taken};
use crate::target::{TargetError, Trust};

/// A scrape that takes longer is given up; the second before counts on.
const PATIENCE: Duration = Duration::from_millis(800);
const CPU: &str = "process_cpu_seconds_total";
const MEMORY: &str = "process_resident_memory_bytes";

/// Metrics of a server.
#[derive(Clone, Debug)]
pub struct Metrics {
    url: String,
    http: ureq::Agent,
}

impl Metrics {
    /// At this address; scraped once to see that they are there.
    ///
    /// # Errors
    /// What is missing, and what was expected.
    pub fn new(url: &str, trust: &Trust) -> Result<Self, String> {
        let metrics = Self { url: url.to_owned(), http: trust.http(PATIENCE) };
        let text = metrics.scrape().map_err(|why| format!("--metrics {url}: {why}; expected for example http://10.0.0.1:7890/metrics"))?;
        match read(&text) {
            Some(_) => Ok(metrics),
            None => Err(format!("--metrics {url}: {CPU} and {MEMORY} are not among them; name the metrics of the server's process")),
        }
    }

    /// What the server's process has taken by now; `None` when it does not answer in time.
    #[must_use]
    pub fn taken(&self) -> Option<Taken> {
        read(&self.scrape().ok()?)
    }

    fn scrape(&self) -> Result<String, String> {
        let why = |error: &ureq::Error| TargetError::of_tls(&self.url, error).map_or_else(|| error.to_string(), |error| error.to_string());
        let mut answer = self.http.get(&self.url).call().map_err(|error| why(&error))?;
        if !answer.status().is_success() {
            return Err(answer.status().to_string());
        }
        answer.body_mut().read_to_string().map_err(|error| error.to_string())
    }
}

/// Both values out of the text format.
fn read(text: &str) -> Option<Taken> {
    let value = |name: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.split(' ').next()?.parse::<f64>().ok());
        values.next().filter(|value| value.is_finite() && *value >= 0.0)
    };
    Some(Taken { cpu: Duration::try_from_secs_f64(value(CPU)?).ok()?, cores: Duration::ZERO, memory: value(MEMORY)? as u64 })
}

/// A server's process, watched from where that can be done.
#[derive(Clone, Debug)]
pub enum Watched {
    /// On this machine.
    Process(Process),
    /// Anywhere.
    Metrics(Metrics),
}

impl Watched {
    /// What it has taken by now; `None` when it is gone or does not answer.
    #[must_use]
    pub fn taken(&self) -> Option<Taken> {
        match self {
            Self::Process(process) => process.taken(),
            Self::Metrics(metrics) => metrics.taken(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_values_are_read_as_every_exporter_writes_them() {
        let text = "# HELP process_cpu_seconds_total CPU\n# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total 12.5\n\
            process_resident_memory_bytes 5.4321e+07 1795902607\nprocess_resident_memory_bytes_max 1\n# EOF\n";
        let taken = read(text).expect("both are there");
        assert_eq!((taken.cpu, taken.memory), (Duration::from_millis(12_500), 54_321_000));
        assert!(read("process_cpu_seconds_total 1\n").is_none());
        assert!(read("process_cpu_seconds_total NaN\nprocess_resident_memory_bytes 1\n").is_none());
    }

    #[test]
    fn nobody_there_is_said_with_what_was_expected() {
        let trust = Trust::new(None).expect("the public ones");
        let error = Metrics::new("http://127.0.0.1:1/metrics", &trust).expect_err("nobody is there");
        assert!(error.contains("http://127.0.0.1:1/metrics") && error.contains(":7890/metrics"), "{error}");
    }
}
