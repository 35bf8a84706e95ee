//! `latency.hdr`: histograms as an interval log, format 1.3, which HistogramLogProcessor and its kin read.
//!
//! Lines without a tag are the latency of all media, second by second where the run kept that, else once for the whole run. Tagged lines
//! are whole-run distributions: `audio`, `video`, `screen`, `audio.calm`, `join.offer_to_answer`, `control.mute`, `send_lateness` and so on. Values are
//! µs, the column of the greatest is ms.

use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::histogram::{self, Unread};
use crate::summary::{Distribution, Summary};

/// One line: how long after the start, for how long, under which tag.
struct Entry {
    at: Duration,
    lasts: Duration,
    tag: Option<String>,
    histogram: Histogram<u64>,
}

pub(super) fn interval_log(summary: &Summary) -> Result<String, Unread> {
    let unread = |why: String| Unread { of: "all latencies".to_owned(), why };
    let start = UNIX_EPOCH.checked_add(Duration::from_secs(summary.started)).unwrap_or(UNIX_EPOCH);
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("Values in \u{b5}s, the greatest in ms. Without tag: latency of all media. With tag: the whole run.")
        .with_start_time(start)
        .with_base_time(start)
        .with_max_value_divisor(1_000.0)
        .begin_log_with(&mut text, &mut serializer)
        .map_err(|error| unread(error.to_string()))?;
    for entry in entries(summary)? {
        let tag = entry.tag.as_deref().and_then(Tag::new);
        log.write_histogram(&entry.histogram, entry.at, entry.lasts, tag).map_err(|error| unread(error.to_string()))?;
    }
    String::from_utf8(text).map_err(|error| unread(error.to_string()))
}

/// Sorted by start: readers may rely on it.
fn entries(summary: &Summary) -> Result<Vec<Entry>, Unread> {
    let whole = Duration::try_from_secs_f64(summary.seconds).unwrap_or_default();
    let mut entries = Vec::new();
    let mut all: Option<Histogram<u64>> = None;
    for (tag, distribution) in distributions(summary) {
        let Some(histogram) = histogram::read(&tag, &distribution.hdr)? else { continue };
        if summary.media.contains_key(&tag) {
            match &mut all {
                Some(all) => all.add(&histogram).map_err(|error| Unread { of: tag.clone(), why: error.to_string() })?,
                None => all = Some(histogram.clone()),
            }
        }
        entries.push(Entry { at: Duration::ZERO, lasts: whole, tag: Some(tag), histogram });
    }
    let seconds = histogram::seconds(summary)?;
    if seconds.is_empty() {
        entries.extend(all.map(|histogram| Entry { at: Duration::ZERO, lasts: whole, tag: None, histogram }));
    }
    for (second, histogram) in summary.series.iter().zip(seconds) {
        let at = Duration::from_secs(second.at.into());
        entries.extend(histogram.map(|histogram| Entry { at, lasts: Duration::from_secs(1), tag: None, histogram }));
    }
    Ok(entries)
}

fn distributions(summary: &Summary) -> impl Iterator<Item = (String, &Distribution)> {
    let media = summary.media.iter().map(|(kind, media)| (kind.clone(), &media.latency));
    let joins = summary.joins.iter().map(|(name, joins)| (format!("join.{name}"), joins));
    let control = summary.control.iter().map(|(name, control)| (format!("control.{name}"), control));
    let calm = summary.media.iter().filter_map(|(kind, media)| Some((format!("{kind}.calm"), media.calm.as_ref()?)));
    media.chain(calm).chain(joins).chain(control).chain([("send_lateness".to_owned(), &summary.generator.send_lateness)])
}
