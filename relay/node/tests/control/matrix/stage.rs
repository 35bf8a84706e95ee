//! A room with everybody in it, in one of the states, and the way in for each caller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use node::tokens::TokenRole;
use serde_json::{Value, json};

use super::table::{Caller, Ids, Place, State};
use crate::contract::Contract;
use crate::support::{Answer, PATIENCE, Server, Socket};

const VIEWER: &str = include_str!("../../../../signal/tests/fixtures/chromium_viewer.sdp");

/// A room and those in it.
pub(crate) struct Stage {
    server: Arc<Server>,
    contract: Arc<Contract>,
    pub(crate) room: String,
    pub(crate) ids: Ids,
    tokens: BTreeMap<Caller, String>,
    /// Those who are in; they stay until the stage is dropped.
    sockets: BTreeMap<Caller, Socket>,
    _audience: Vec<Socket>,
}

impl Stage {
    /// Builds the room over the API, as a booking system and people would.
    pub(crate) async fn new(server: &Arc<Server>, contract: &Arc<Contract>, number: usize, state: State) -> Self {
        let room = format!("m{number}");
        let mut stage = Self {
            server: Arc::clone(server),
            contract: Arc::clone(contract),
            tokens: tokens(server, &room),
            room,
            ids: Ids::default(),
            sockets: BTreeMap::new(),
            _audience: Vec::new(),
        };
        let created = stage
            .rest(Caller::Service, "POST", "/v1/rooms", "", Some(("application/json", &format!("{{\"id\":\"{}\"}}", stage.room))))
            .await;
        assert_eq!(created.status, 201, "{}", created.body);
        let template = stage.rest(Caller::Service, "PUT", "/v1/templates/{template}", "", Some(("application/json", "{}"))).await;
        assert_eq!(template.status, 201, "{}", template.body);
        stage.ids.host = stage.enter(Caller::Host).await;
        let deputy = stage.enter(Caller::Deputy).await;
        let guest = stage.enter(Caller::Guest).await;
        stage.ids.removed = stage.enter(Caller::Removed).await;
        let other = server.token(Some(&stage.room), "other", TokenRole::Participant);
        let (socket, welcome) = stage.hello(&other).await;
        stage.ids.other = welcome["participant"].as_u64().unwrap();
        stage._audience.push(socket);
        for command in [
            json!({"type": "delegate", "participant": deputy}),
            json!({"type": "remove", "participant": stage.ids.removed}),
            json!({"type": "create_breakouts", "names": ["A", "B"]}),
            json!({"type": "assign", "participant": guest, "breakout": 1}),
            json!({"type": "assign", "participant": stage.ids.other, "breakout": 1}),
            json!({"type": "change", "settings": {"waiting_room": "admit"}}),
        ] {
            stage.lead(&command).await;
        }
        stage.sockets.remove(&Caller::Removed);
        stage.ids.waiting = stage.enter(Caller::Waiting).await;
        match state {
            State::Open => {}
            State::Locked => stage.lead(&json!({"type": "lock"})).await,
            State::OneWay => stage.lead(&json!({"type": "set_direction", "direction": "one_way"})).await,
            State::Breakouts => stage.lead(&json!({"type": "open_breakouts"})).await,
        }
        stage
    }

    /// Somebody who receives only comes in as well.
    pub(crate) async fn with_viewer(self) -> Self {
        let answer = self.rest(Caller::Viewer, "POST", "/v1/rooms/{room}/whep", "", Some(("application/sdp", VIEWER))).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        self
    }

    async fn lead(&self, command: &Value) {
        let code = self.over_rest(Caller::Service, command).await;
        assert_eq!(code, None, "{command}");
    }

    async fn enter(&mut self, caller: Caller) -> u64 {
        let (socket, welcome) = self.hello(&self.tokens[&caller]).await;
        let waits = welcome["scene"]["state"] == "waiting";
        assert_eq!(waits, caller == Caller::Waiting, "{caller:?}: {welcome}");
        self.sockets.insert(caller, socket);
        welcome["participant"].as_u64().unwrap()
    }

    async fn hello(&self, token: &str) -> (Socket, Value) {
        let mut socket = self.server.socket(&self.room).await;
        socket.send(&json!({"type": "hello", "version": 1, "token": token})).await;
        let welcome = socket.next().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (socket, welcome)
    }

    /// Asks a command; the code of the refusal.
    pub(crate) async fn ask(&mut self, caller: Caller, place: Place, command: &Value) -> Option<String> {
        match place {
            Place::Commands => self.over_rest(caller, command).await,
            Place::Socket if self.sockets.contains_key(&caller) => self.over_socket(caller, command).await,
            Place::Socket => self.as_outsider(caller, command).await,
        }
    }

    async fn over_rest(&self, caller: Caller, command: &Value) -> Option<String> {
        let body = command.to_string();
        let answer = self.rest(caller, "POST", "/v1/rooms/{room}/commands", "", Some(("application/json", &body))).await;
        code(&answer)
    }

    async fn over_socket(&mut self, caller: Caller, command: &Value) -> Option<String> {
        let socket = self.sockets.get_mut(&caller).unwrap();
        socket.send(&json!({"type": "command", "id": 7, "command": command})).await;
        reply(socket).await
    }

    /// On a connection of its own: a service, or somebody whom the door keeps out, who sends the command all the same.
    async fn as_outsider(&self, caller: Caller, command: &Value) -> Option<String> {
        let mut socket = self.server.socket(&self.room).await;
        let token = self.tokens.get(&caller).map_or("", String::as_str);
        let hello = json!({"type": "hello", "version": 1, "token": token}).to_string();
        let command = json!({"type": "command", "id": 7, "command": command}).to_string();
        for text in [hello, command] {
            // The relay may have hung up already.
            let _ = futures_util::SinkExt::send(&mut socket.0, tokio_tungstenite::tungstenite::Message::Text(text.into())).await;
        }
        reply(&mut socket).await
    }

    /// One request; its answer is one that the document allows.
    pub(crate) async fn rest(&self, caller: Caller, method: &str, path: &str, query: &str, body: Option<(&str, &str)>) -> Answer {
        let fill = |text: &str| {
            let text = text.replace("{room}", &self.room).replace("{template}", &self.room);
            text.replace("{resource}", "1-AAAAAAAAAAAAAAAAAAAAAA").replace("{host}", &self.ids.host.to_string())
        };
        let authorization = self.tokens.get(&caller).map(|token| format!("Bearer {token}"));
        let mut headers = vec![("accept", "application/json"), ("if-match", "*")];
        if method == "POST" {
            headers.pop();
        }
        headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
        headers.extend(body.map(|(kind, _)| ("content-type", kind)));
        // A template that is put for the first time does not exist yet.
        headers.retain(|(name, _)| *name != "if-match" || method == "PATCH");
        let text = body.map_or(String::new(), |(_, text)| fill(text));
        let answer = self.server.request(method, &fill(&format!("{path}{query}")), &headers, &text).await;
        self.contract.judge(method, path, &answer);
        answer
    }

    /// Everything that the API shows of the room.
    pub(crate) async fn look(&self) -> Value {
        let room = self.rest(Caller::Service, "GET", "/v1/rooms/{room}", "", None).await.json();
        let template = self.rest(Caller::Service, "GET", "/v1/templates/{template}", "", None).await.json();
        json!([room, template])
    }

    /// Makes an event of our own, and tells its number: the sequence has no gaps, so whatever happened in between shows.
    /// `after` is the number of the mark before.
    pub(crate) async fn mark(&self, after: u64) -> u64 {
        self.lead(&json!({"type": "broadcast", "text": "mark"})).await;
        let marked = async {
            loop {
                let page = self.rest(Caller::Service, "GET", "/v1/rooms/{room}/events", "?limit=500", None).await.json();
                let events = page["events"].as_array().unwrap();
                let number = |event: &Value| event["seq"].as_u64().unwrap();
                if let Some(event) = events.iter().find(|event| event["type"] == "broadcast" && number(event) > after) {
                    return number(event);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, marked).await.expect("the event is kept")
    }
}

/// The code of a refusal.
pub(crate) fn code(answer: &Answer) -> Option<String> {
    (answer.status >= 400).then(|| answer.json()["error"]["code"].as_str().unwrap().to_owned())
}

/// Waits for the answer to command 7, or for the refusal at the door.
async fn reply(socket: &mut Socket) -> Option<String> {
    loop {
        let Some(message) = socket.next_or_end().await else { return Some("hung up".into()) };
        let ours = message["id"] == 7;
        match message["type"].as_str().unwrap() {
            "done" if ours => return None,
            "refused" if ours || message.get("id").is_none() => return Some(message["code"].as_str().unwrap().to_owned()),
            "error" => return Some(message["code"].as_str().unwrap().to_owned()),
            // Whoever ends the meeting is out of it like everybody else; that is their answer.
            "bye" if message["reason"] == "ended" => return None,
            _ => {}
        }
    }
}

fn tokens(server: &Server, room: &str) -> BTreeMap<Caller, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let person = |identity| server.token(Some(room), identity, TokenRole::Participant);
    BTreeMap::from([
        (Caller::Service, server.token(None, "booking", TokenRole::Service)),
        (Caller::ServiceHere, server.token(Some(room), "booking", TokenRole::Service)),
        (Caller::ServiceElsewhere, server.token(Some("elsewhere"), "booking", TokenRole::Service)),
        (Caller::Host, server.token(Some(room), "host", TokenRole::Host)),
        (Caller::Deputy, person("deputy")),
        (Caller::Guest, person("guest")),
        (Caller::Waiting, person("waiting")),
        (Caller::Removed, person("removed")),
        (Caller::Viewer, person("viewer")),
        (Caller::Expired, server.token_issued(Some(room), "host", TokenRole::Host, now - 10_000)),
        (Caller::Elsewhere, server.token(Some("elsewhere"), "host", TokenRole::Host)),
    ])
}
