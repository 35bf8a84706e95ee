//! The audit log: who did what to whom and how it went, append-only, each line chained to the one before it by a hash.
//!
//! A line: `{"seq","time","room","actor","action","target","result","prev","hash"}`. `hash` is the SHA-256 of the line as it would stand without
//! it, and `prev`, which is part of that, the hash of the line before. Whoever changes, removes or reorders lines breaks the chain at that
//! line; whoever cuts off its end does not, so the last hash has to be noted elsewhere (`relay audit verify --expect-last`).

mod chain;
mod file;
mod log;
mod metrics;
mod verify;

pub(crate) use log::{Actor, Audit, AuditError, Target};
pub(crate) use metrics::AuditMetrics;
pub(crate) use verify::verify;
