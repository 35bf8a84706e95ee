//! Black-box tests of the control plane: the library's node on free ports, real HTTP and WebSockets, real media threads.
#![allow(clippy::unwrap_used)]

mod audit;
mod commands;
mod events;
mod http;
mod process;
mod reading;
mod stop;
mod support;
mod webhooks;
mod websocket;
mod whip;
