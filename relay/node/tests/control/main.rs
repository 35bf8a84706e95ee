//! Black-box tests of the control plane: the library's node on free ports, real HTTP and WebSockets, real media threads.
#![allow(clippy::unwrap_used)]

mod http;
mod process;
mod stop;
mod support;
mod websocket;
mod whip;
