//! The crate's promises to its callers: real offers and their answers, later offers, hostile input, the documented protocol.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod hostile;
mod offers;
mod protocol;
mod reoffers;
mod support;
