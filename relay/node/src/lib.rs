//! The relay process as a library: sockets, threads, clock, HTTP, configuration. The binary `relay` is a few lines around it.

pub mod io;
pub mod media_thread;
