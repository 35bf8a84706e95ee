//! The real binary as the crowd uses it: rooms of its own for each test, tokens for anybody, the API as a service.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::e2e::relay::RelayProcess;

/// What a person's token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenRole {
    /// Leads the meeting.
    Host,
    /// Takes part.
    Participant,
}

/// A running relay; stopped when dropped.
pub struct LiveRelay {
    process: RelayProcess,
    rooms: AtomicU32,
}

impl LiveRelay {
    /// Starts one on free ports of 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        Self { process: RelayProcess::start_keyed(), rooms: AtomicU32::new(0) }
    }

    /// The name of a room that nobody used before.
    #[must_use]
    pub fn fresh_room(&self) -> String {
        format!("live-{}", self.rooms.fetch_add(1, Ordering::Relaxed))
    }

    /// A token for somebody.
    #[must_use]
    pub fn token(&self, room: &str, identity: &str, role: TokenRole) -> String {
        let role = if role == TokenRole::Host { "host" } else { "participant" };
        self.process.signed(room, identity, identity, role)
    }

    /// Address of the WebSocket of a room.
    #[must_use]
    pub fn socket_url(&self, room: &str) -> String {
        self.process.ws_url(&format!("v1/rooms/{room}/connect"))
    }

    /// `POST` with a service token and a JSON body; gives the status and the answer.
    #[must_use]
    pub fn post(&self, room: &str, path: &str, body: &Value) -> (u16, Value) {
        let token = self.process.signed(room, "live-tests", "live-tests", "service");
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(self.process.http_url(path)).header("authorization", format!("Bearer {token}"));
        let mut response = request.send_json(body).expect("the relay answers");
        (response.status().as_u16(), response.body_mut().read_json().unwrap_or(Value::Null))
    }

    /// Asks a room for a WHEP session; gives the answer's SDP.
    #[must_use]
    pub fn whep(&self, room: &str, token: &str, offer: &str) -> String {
        let request = ureq::post(self.process.http_url(&format!("v1/rooms/{room}/whep")));
        let request = request.header("authorization", format!("Bearer {token}")).header("content-type", "application/sdp");
        let mut response = request.send(offer).expect("WHEP is taken");
        response.body_mut().read_to_string().expect("the answer is text")
    }

    /// What the workers counted under this name, added up.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        self.process.counted(name)
    }
}
