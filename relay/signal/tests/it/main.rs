//! The crate's promises to its callers: real offers and their answers, later offers, hostile input, the documented protocol.

mod hostile;
mod offers;
mod protocol;
mod reoffers;
mod support;
