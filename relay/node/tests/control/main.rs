//! Black-box tests of the control plane: the library's node on free ports, real HTTP and WebSockets, real media threads.
#![allow(clippy::unwrap_used)]

mod audit;
mod commands;
mod contract;
mod durability;
mod events;
mod hostile;
mod http;
mod matrix;
mod operator;
mod pins;
mod process;
mod reading;
mod rooms;
mod stop;
mod support;
mod webhooks;
mod websocket;
mod whip;
