//! The relay process: sockets, threads, clock, HTTP, configuration. Everything that is decided about packets is decided below, in `worker`.
//!
//! Start reading at [`node::Node::start`], which puts the parts together.

mod audit;
mod banner;
pub mod cli;
mod clock;
pub mod config;
mod events;
mod http;
mod inbox;
pub mod io;
mod log;
pub mod media_thread;
mod metrics;
pub mod node;
mod process;
mod pseudonym;
mod records;
mod room_id;
mod rooms;
mod run;
mod session;
mod store;
mod tls;
pub mod tokens;
