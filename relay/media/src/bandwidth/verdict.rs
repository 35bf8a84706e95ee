//! What is concluded of losses.

use super::trial::Trial;

/// What an observation means for the estimate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Finding {
    /// Nothing that was not known.
    None,
    /// The line is full: the estimate is no more than this, bit/s, too.
    Full(f64),
    /// The losses are the line's own: this is the rate from before the trial, bit/s.
    Restore(f64),
    /// The trial has shown nothing: likewise.
    Resume(f64),
}

/// The line was found full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) trial: Trial,
    /// Because losses went away; else because there were too many of them, whatever they came from.
    pub(super) by_evidence: bool,
}
