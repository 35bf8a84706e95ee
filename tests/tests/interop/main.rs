//! The relay's real binary against WebRTC software that is not ours (webrtc-rs), over real sockets: what a stranger's client can do, good and bad.
//! Each test has a relay of its own and the machine to itself.
#![allow(clippy::unwrap_used)]

mod answer;
mod conversation;
mod hostile;
mod http;
mod keyed;
mod media;
mod meeting;
mod person;
mod resource;
mod signalling;
mod stack;
mod whip;

use std::time::Duration;

/// Longer than anything takes on a busy machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen; panics with `what` when it does not within [`PATIENCE`].
async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}
