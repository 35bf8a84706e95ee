//! The budget verdict: what each figure may be, what it is, what it was, and how much it moves by itself.

mod config;
mod judgement;
mod memory;
mod table;

pub use config::{Budget, Budgets, ConfigError, Instructions, Unit, path, read};
pub use judgement::{Judgement, Row, judge};
pub use memory::{Memory, spread};
pub use table::{counts, figures};
