//! From asking for a room to being in it.

use std::time::{Duration, Instant};

use loadgen::light::Setup;
use serde_json::json;

use super::super::crowd::Crowd;
use super::super::relay::{LiveRelay, TokenRole};
use super::{Figure, after};

const TARGET: Option<(u32, Duration)> = Some((95, Duration::from_millis(100)));
const METHOD: &str = "from sending `POST /v1/rooms` on a new connection to reading the host's `welcome` on a new WebSocket";
const STORED: &str = "from sending `POST /v1/rooms` to its answer, 201: the room is stored";

/// Rooms, one after the other, each entered once.
///
/// # Panics
/// When the relay does not create a room or does not let its host in.
#[must_use]
pub fn create(relay: &LiveRelay, repetitions: usize) -> [Figure; 2] {
    let mut figures = [Figure::new("room creation: joinable", METHOD, TARGET), Figure::new("room creation: stored", STORED, None)];
    let mut crowd = Crowd::new(6);
    for _ in 0..repetitions {
        let room = relay.fresh_room();
        let sent = Instant::now();
        let (status, answer) = relay.post(&room, "v1/rooms", &json!({ "id": room, "settings": { "layout": "host_large" } }));
        let stored = Instant::now();
        assert_eq!(status, 201, "{answer}");
        let host = crowd.enter(relay, &room, "host", TokenRole::Host, Setup::meeting(0));
        let told = &crowd.members[host].told;
        assert!(told.is_in(), "{told:?}");
        figures[0].add(told.welcomed.map_or(Duration::MAX, |at| after(sent, at)));
        figures[1].add(after(sent, stored));
        crowd.leave(host);
    }
    figures
}
