//! What a run found out, for people: a folder with a page, a table and logs, and the comparison of two runs.
//!
//! ```text
//!  Summary ──► table (terminal)
//!     │
//!     ├──► DIR/summary.json ──► read ──► Summary
//!     ├──► DIR/seconds.csv      one row a second
//!     ├──► DIR/latency.hdr      for the tools of HdrHistogram
//!     └──► DIR/report.html      one page, no other file needed
//!
//!  Summary A, Summary B ──► compare ──► better, worse, unclear, or why nothing can be said
//! ```
//! Only [`read`] and [`write`] touch files; all else is values in, values out.

mod bootstrap;
mod charts;
mod compare;
mod csv;
mod histogram;
mod html;
mod log;
pub(crate) mod page;
mod series;
mod table;
mod words;

use std::path::{Path, PathBuf};

pub use compare::{CompareError, Comparison, Judged, Row, Unit, compare};
pub use histogram::Unread;
pub(crate) use histogram::of as histogram;
pub use page::Undrawn;
pub(crate) use table::columns;
pub use table::{comparison_table, table};

use crate::summary::{SCHEMA, Summary};

/// Name of the summary in a report's folder.
pub const SUMMARY: &str = "summary.json";

/// The files of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paths {
    /// The run itself: all other files can be made from it again.
    pub summary: PathBuf,
    /// One row a second, for spreadsheets.
    pub seconds: PathBuf,
    /// HDR interval log.
    pub latency: PathBuf,
    /// The page for people.
    pub page: PathBuf,
}

impl Paths {
    fn of(folder: &Path) -> Self {
        Self {
            summary: folder.join(SUMMARY),
            seconds: folder.join("seconds.csv"),
            latency: folder.join("latency.hdr"),
            page: folder.join("report.html"),
        }
    }
}

/// Why a report could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what a run writes.
    #[error("{}: not a run's summary ({source}); give the folder that a run wrote, or run again", path.display())]
    NotASummary {
        /// Which.
        path: PathBuf,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// Another version of the format.
    #[error(
        "{}: the format has version {found}, this loadgen reads version {SCHEMA}; use the loadgen that wrote it, or run again with this one",
        path.display()
    )]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A histogram in the summary is broken.
    #[error("{0}; the summary was changed after the run, or by another tool: run again")]
    Histogram(#[from] Unread),
    /// The page could not be drawn.
    #[error(transparent)]
    Page(#[from] Undrawn),
}

/// Writes the folder of a run, which is made if it is not there; files of an earlier report in it are replaced.
///
/// # Errors
/// [`ReportError::Histogram`] and [`ReportError::Page`] before anything but the summary is written, [`ReportError::File`] if the folder
/// cannot be written to. The summary comes first: whatever fails later can be made from it again.
pub fn write(folder: &Path, summary: &Summary) -> Result<Paths, ReportError> {
    let paths = Paths::of(folder);
    std::fs::create_dir_all(folder).map_err(|source| ReportError::File { path: folder.to_owned(), source })?;
    let json = serde_json::to_string_pretty(summary).map_err(|source| ReportError::NotASummary { path: paths.summary.clone(), source })?;
    put(&paths.summary, &(json + "\n"))?;
    let (log, page) = (log::interval_log(summary)?, html::html(summary)?);
    put(&paths.seconds, &csv::seconds(&summary.series))?;
    put(&paths.latency, &log)?;
    put(&paths.page, &page)?;
    Ok(paths)
}

/// Reads a run: its folder, or its summary itself.
///
/// # Errors
/// [`ReportError::File`], [`ReportError::NotASummary`], or [`ReportError::OtherVersion`].
pub fn read(path: &Path) -> Result<Summary, ReportError> {
    let path = if path.is_dir() { path.join(SUMMARY) } else { path.to_owned() };
    let text = std::fs::read_to_string(&path).map_err(|source| ReportError::File { path: path.clone(), source })?;
    let wrong = |source| ReportError::NotASummary { path: path.clone(), source };
    // The version first: another one would only be told as an unknown or a missing field.
    let found = serde_json::from_str::<Version>(&text).map_err(wrong)?.schema;
    if found != u64::from(SCHEMA) {
        return Err(ReportError::OtherVersion { path, found });
    }
    serde_json::from_str(&text).map_err(wrong)
}

/// The one field that every version has.
#[derive(serde::Deserialize)]
struct Version {
    schema: u64,
}

fn put(path: &Path, text: &str) -> Result<(), ReportError> {
    std::fs::write(path, text).map_err(|source| ReportError::File { path: path.to_owned(), source })
}
