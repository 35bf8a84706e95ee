//! Histograms out of a summary, and what a curve of percentiles needs of them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::summary::{Distribution, Summary};

/// Shares of values not exceeded that curves and tables show.
pub(super) const SHARES: [f64; 17] =
    [0.0, 0.1, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999];

/// A histogram that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the histogram of {of} cannot be read: {why}")]
pub struct Unread {
    /// Of what.
    pub of: String,
    /// What is wrong with it.
    pub why: String,
}

/// A histogram from its text; none if the text is empty, as of something that never came.
pub(super) fn read(of: &str, text: &str) -> Result<Option<Histogram<u64>>, Unread> {
    if text.is_empty() {
        return Ok(None);
    }
    let unread = |why: String| Unread { of: of.to_owned(), why };
    let bytes = BASE64_STANDARD.decode(text).map_err(|error| unread(error.to_string()))?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).map(Some).map_err(|error| unread(error.to_string()))
}

/// The whole histogram of a distribution; none if it kept none.
pub(crate) fn of(name: &str, distribution: &Distribution) -> Result<Option<Histogram<u64>>, Unread> {
    read(name, &distribution.hdr)
}

/// Latency of each second, or nothing if the run kept none.
pub(super) fn seconds(summary: &Summary) -> Result<Vec<Option<Histogram<u64>>>, Unread> {
    let (kept, rows) = (summary.latencies.len(), summary.series.len());
    if kept != 0 && kept != rows {
        return Err(Unread { of: "latency by second".to_owned(), why: format!("{kept} histograms for {rows} seconds") });
    }
    summary.latencies.iter().zip(&summary.series).map(|(text, second)| read(&format!("latency in second {}", second.at), text)).collect()
}

/// Share of values and what they do not exceed, µs: from the histogram, or from the few percentiles beside it.
pub(super) fn curve(of: &str, distribution: &Distribution) -> Result<Vec<(f64, f64)>, Unread> {
    let Distribution { count, min, p50, p95, p99, p999, max, .. } = *distribution;
    if count == 0 {
        return Ok(Vec::new());
    }
    let Some(histogram) = read(of, &distribution.hdr)? else {
        return Ok(vec![(0.0, min), (0.5, p50), (0.95, p95), (0.99, p99), (0.999, p999), (1.0, max)]);
    };
    // Where less than one value is left, the greatest is all there is.
    let seen = SHARES.into_iter().take_while(|share| (1.0 - share) * count as f64 >= 1.0);
    let mut curve: Vec<_> = seen.map(|share| (share, histogram.value_at_quantile(share) as f64)).collect();
    curve.push((1.0, max));
    Ok(curve)
}
