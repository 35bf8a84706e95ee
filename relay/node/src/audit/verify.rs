//! Walks a chain from its first line to its last.

use std::io::{self, BufRead, Read as _};

use super::chain::{Flaw, Link, MAX_LINE, follow};

/// A chain without a flaw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Verified {
    /// Lines.
    pub entries: u64,
    /// The hash of the last one; noted elsewhere, it shows later whether the end was cut off.
    pub last: String,
}

/// Where a chain breaks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The first line that is wrong, from 1.
    #[error("line {line} {flaw}")]
    Line {
        /// Which.
        line: u64,
        /// What.
        flaw: Flaw,
    },
    /// No line has the hash that was expected of the last, or of one before it.
    #[error("no line has the hash {0}: the end was cut off, or this is another log")]
    Missing(String),
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// Reads a whole log. `expected`: the hash of a line that must be there, for example the last one of the day before.
///
/// # Errors
/// The first line that breaks the chain.
pub(crate) fn verify(mut log: impl BufRead, expected: Option<&str>) -> Result<Verified, Broken> {
    let mut link = Link::start();
    let mut found = expected.is_none_or(|hash| hash == link.hash);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let length = log.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut buffer)?;
        if length == 0 {
            break;
        }
        let broken = |flaw| Broken::Line { line: link.seq + 1, flaw };
        let line = buffer.strip_suffix(b"\n").ok_or_else(|| broken(Flaw::CutOff))?;
        let line = std::str::from_utf8(line).map_err(|_| broken(Flaw::Malformed))?;
        link = follow(line, &link).map_err(broken)?;
        found |= expected == Some(link.hash.as_str());
    }
    match expected {
        Some(hash) if !found => Err(Broken::Missing(hash.to_owned())),
        _ => Ok(Verified { entries: link.seq, last: link.hash }),
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
