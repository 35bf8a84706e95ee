//! The real generator against the real relay: what it counts, how it ends, and the faults that others make.

mod faults;
mod full;
mod janus;
mod neighbours;
mod network;
mod relay;
mod run;
mod tls;
mod whip;
