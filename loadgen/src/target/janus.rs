//! Janus (multistream, 1.x): the videoroom plugin over Janus's WebSocket API. One session a person, one handle to publish, one to receive.
//!
//! ```text
//!  create ─► attach ─► create a room ─► joinandconfigure + offer ─► joined + answer
//!                        publishers ─► attach ─► join as subscriber ─► attached + offer ─► start + answer
//!                   more publishers ─► update ─► updated + offer ─► start + answer
//! ```

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use mio::{Registry, Token};
use serde_json::{Value, json};
use signal::message::{Slot, Source};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, client};

use super::address::{Address, WEBSOCKET};
use super::error::TargetError;
use super::socket::Socket;
use super::trust::Trust;

/// The subprotocol of Janus's API.
const PROTOCOL: &str = "janus-protocol";
/// A Janus that takes longer to say what it is will not be any use.
const PATIENCE: Duration = Duration::from_secs(5);
/// Janus drops a session of which it has heard nothing for 60 s.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(25);
/// Room numbers are JSON numbers, of which 53 bits are exact.
const ROOM_BITS: u64 = (1 << 53) - 1;
/// Failed subscriptions in a row after which those who were asked for are given up.
const MAX_FAILURES: u32 = 5;

/// One Janus.
#[derive(Clone, Debug)]
pub struct Janus {
    at: Address,
    /// The room of all meetings, one after the other; `None`: one for each.
    room: Option<String>,
}

impl Janus {
    /// A Janus whose WebSocket transport is at a `ws://` or `wss://` address.
    ///
    /// # Errors
    /// [`TargetError::Janus`] when it is none, or its name is unknown.
    pub fn new(url: &str, room: Option<String>, trust: &Trust) -> Result<Self, TargetError> {
        let refuse = |why: String| TargetError::Janus { url: url.to_owned(), why };
        let at = Address::parse(url, WEBSOCKET, trust).map_err(refuse)?;
        Ok(Self { at, room })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at.socket
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.at.base.as_str()
    }

    /// Asks whether it is there and has the videoroom; gives its version.
    ///
    /// # Errors
    /// [`TargetError::Janus`], or what TLS has against it.
    pub fn greet(&self) -> Result<Option<String>, TargetError> {
        let refuse = |why: String| TargetError::Janus { url: self.url().to_owned(), why };
        let said = self.info().map_err(|error| TargetError::of_tls(self.url(), &error).unwrap_or_else(|| refuse(error.to_string())))?;
        let info: Value = serde_json::from_str(&said).map_err(|error| refuse(error.to_string()))?;
        if info["plugins"]["janus.plugin.videoroom"].is_null() {
            return Err(refuse("it has no videoroom plugin".to_owned()));
        }
        Ok(info["version_string"].as_str().map(|version| format!("Janus {version}")))
    }

    fn info(&self) -> Result<String, Error> {
        let stream = TcpStream::connect_timeout(&self.at.socket, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = self.url().into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        let (mut socket, _) = client(request, self.at.wrap(stream)?).map_err(|error| match error {
            HandshakeError::Failure(error) => error,
            HandshakeError::Interrupted(_) => io::Error::from(io::ErrorKind::TimedOut).into(),
        })?;
        let ask = json!({ "janus": "info", "transaction": "info" });
        socket.send(Message::text(ask.to_string()))?;
        Ok(socket.read()?.to_text()?.to_owned())
    }

    /// Whether each meeting has a room of its own.
    pub(crate) fn has_rooms(&self) -> bool {
        self.room.is_none()
    }

    /// Begins somebody's visit: joins a room and publishes what the offer holds.
    pub(crate) fn visit(&self, registry: &Registry, token: Token, room: &str, name: &str, offer: String) -> io::Result<Visit> {
        let mut socket = Socket::connect(registry, token, &self.at, self.url().to_owned(), Some(PROTOCOL))?;
        socket.say(json!({ "janus": "create", "transaction": "create" }).to_string());
        Ok(Visit {
            socket,
            room: number(room),
            name: name.to_owned(),
            offer,
            session: None,
            publisher: None,
            subscriber: None,
            wanted: Vec::new(),
            asked: Vec::new(),
            failures: 0,
            subscribed: false,
            under_way: false,
            said: VecDeque::new(),
            made_room: false,
            left: false,
        })
    }
}

/// A room's number: its name, if that is one, or one that is drawn from it.
fn number(room: &str) -> u64 {
    room.parse().unwrap_or_else(|_| {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        hasher.finish() & ROOM_BITS
    })
}

/// What a visitor has to know of what Janus said.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Told {
    /// The answer to what they publish, and whether somebody else is there already.
    Answer { sdp: String, company: bool },
    /// An offer of what they are to receive, answered with [`Visit::accept`], and whose it is.
    Offer { sdp: String, slots: Vec<Slot> },
    /// Something was refused that they can do without.
    Complaint(String),
    /// Janus has let them go.
    Gone,
}

/// Somebody's visit.
pub(crate) struct Visit {
    socket: Socket,
    room: u64,
    name: String,
    offer: String,
    session: Option<u64>,
    publisher: Option<u64>,
    subscriber: Option<u64>,
    /// Publishers that are there and not subscribed to.
    wanted: Vec<u64>,
    /// Publishers that were asked for last, and how often in a row that failed.
    asked: Vec<u64>,
    failures: u32,
    /// The subscriber has streams.
    subscribed: bool,
    /// A handle or an offer is awaited, or an answer has not taken effect.
    under_way: bool,
    said: VecDeque<Told>,
    made_room: bool,
    left: bool,
}

impl Visit {
    /// What was said next; `Ok(None)` when there is nothing yet.
    ///
    /// # Errors
    /// Why the visit is over.
    pub(crate) fn hear(&mut self) -> Result<Option<Told>, String> {
        loop {
            if let Some(told) = self.said.pop_front() {
                return Ok(Some(told));
            }
            let Some(text) = self.socket.hear().map_err(|why| format!("the connection to Janus ended: {why}"))? else { return Ok(None) };
            let message: Value = serde_json::from_str(&text).map_err(|error| format!("Janus said something that is no JSON: {error}"))?;
            self.take(&message)?;
        }
    }

    /// The answer to the last [`Told::Offer`].
    pub(crate) fn accept(&mut self, sdp: &str) {
        let jsep = json!({ "type": "answer", "sdp": sdp });
        self.request(self.subscriber, "start", &json!({ "request": "start" }), Some(&jsep));
    }

    /// Says that somebody is still there.
    pub(crate) fn keep_alive(&mut self) {
        if let Some(session) = self.session {
            self.socket.say(json!({ "janus": "keepalive", "session_id": session, "transaction": "keepalive" }).to_string());
        }
    }

    /// Goes; the room too, where this visit made it and the meeting is over. [`Told::Gone`] follows, if Janus knows of the visit yet.
    pub(crate) fn leave(&mut self, room_ends: bool) -> bool {
        self.left = true;
        if room_ends && self.publisher.is_some() {
            self.request(self.publisher, "end-room", &json!({ "request": "destroy", "room": self.room }), None);
        } else {
            self.end_session();
        }
        self.session.is_some()
    }

    fn end_session(&mut self) {
        if let Some(session) = self.session {
            self.socket.say(json!({ "janus": "destroy", "session_id": session, "transaction": "goodbye" }).to_string());
        }
    }

    /// Whether the room was made for this visit.
    pub(crate) fn made_room(&self) -> bool {
        self.made_room
    }

    fn take(&mut self, message: &Value) -> Result<(), String> {
        let transaction = message["transaction"].as_str().unwrap_or_default();
        match message["janus"].as_str().unwrap_or_default() {
            "success" | "error" if transaction == "goodbye" => self.said.push_back(Told::Gone),
            // Janus works on messages and on the end of sessions side by side: one after the other is for us to see to.
            "success" | "error" if transaction == "end-room" => self.end_session(),
            _ if self.left => {}
            "success" => self.succeeded(transaction, message),
            "event" => self.event(message)?,
            "error" => return Err(self.refused("Janus", transaction, &message["error"]["reason"])),
            "timeout" => return Err("Janus ended the session for want of a sign of life".to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn succeeded(&mut self, transaction: &str, message: &Value) {
        let id = message["data"]["id"].as_u64();
        match transaction {
            "create" => {
                self.session = id;
                self.attach("attach");
            }
            "attach" => {
                self.publisher = id;
                self.make_room();
            }
            "attach-subscriber" => {
                (self.subscriber, self.under_way) = (id, false);
                self.subscribe();
            }
            "make-room" => {
                // Whoever was quicker made it for all. Where it may not be made and is not there, publishing says so.
                self.made_room = message["plugindata"]["data"]["videoroom"] == "created";
                self.publish();
            }
            _ => {}
        }
    }

    fn event(&mut self, message: &Value) -> Result<(), String> {
        let (data, sdp) = (&message["plugindata"]["data"], message["jsep"]["sdp"].as_str());
        if !data["error_code"].is_null() {
            return self.plugin_error(message["sender"].as_u64(), &data["error"]);
        }
        let publishers = data["publishers"].as_array().into_iter().flatten().filter_map(|publisher| publisher["id"].as_u64());
        let before = self.wanted.len();
        for publisher in publishers {
            if !self.wanted.contains(&publisher) {
                self.wanted.push(publisher);
            }
        }
        if self.publisher == message["sender"].as_u64() {
            if let Some(sdp) = sdp {
                self.said.push_back(Told::Answer { sdp: sdp.to_owned(), company: self.wanted.len() > before });
            }
            for gone in ["unpublished", "leaving", "kicked"].iter().filter_map(|what| data[*what].as_u64()) {
                self.wanted.retain(|publisher| *publisher != gone);
            }
        } else if let Some(sdp) = sdp {
            (self.under_way, self.subscribed, self.failures) = (true, true, 0);
            self.said.push_back(Told::Offer { sdp: sdp.to_owned(), slots: slots(&data["streams"]) });
        } else if data["started"] == "ok" || data["videoroom"] == "updated" {
            self.under_way = false;
        }
        self.subscribe();
        Ok(())
    }

    fn plugin_error(&mut self, sender: Option<u64>, error: &Value) -> Result<(), String> {
        if sender == self.publisher {
            return Err(self.refused("the videoroom", "joinandconfigure", error));
        }
        // Somebody who was to be received has gone meanwhile, which Janus tells as well: the others are asked for again.
        self.under_way = false;
        self.failures += 1;
        if self.failures <= MAX_FAILURES {
            self.wanted.append(&mut self.asked);
        }
        let why = self.refused("the videoroom", "subscription", error);
        self.said.push_back(Told::Complaint(why));
        self.subscribe();
        Ok(())
    }

    fn refused(&self, who: &str, what: &str, why: &Value) -> String {
        format!("{who} refused {what} in room {}: {}", self.room, why.as_str().unwrap_or("without a reason"))
    }

    fn attach(&mut self, transaction: &str) {
        let Some(session) = self.session else { return };
        let message = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom", "session_id": session, "transaction": transaction });
        self.socket.say(message.to_string());
    }

    /// An offer that failed for want of a room could not be repeated on the same handle, so the room comes first.
    fn make_room(&mut self) {
        let room = json!({
            "request": "create", "room": self.room, "permanent": false, "publishers": 1_000, "bitrate": 0, "fir_freq": 0,
            "notify_joining": false, "audiocodec": "opus", "videocodec": "vp8,vp9,h264,av1"
        });
        self.request(self.publisher, "make-room", &room, None);
    }

    fn publish(&mut self) {
        let jsep = json!({ "type": "offer", "sdp": self.offer });
        let body = json!({ "request": "joinandconfigure", "ptype": "publisher", "room": self.room, "display": self.name });
        self.request(self.publisher, "publish", &body, Some(&jsep));
    }

    /// Asks for all who are there and not received yet, unless something is under way.
    fn subscribe(&mut self) {
        if self.wanted.is_empty() || self.under_way || self.session.is_none() {
            return;
        }
        self.under_way = true;
        if self.subscriber.is_none() {
            return self.attach("attach-subscriber");
        }
        self.asked = std::mem::take(&mut self.wanted);
        let streams: Value = self.asked.iter().map(|feed| json!({ "feed": feed })).collect();
        let body = if self.subscribed {
            json!({ "request": "update", "subscribe": streams })
        } else {
            json!({ "request": "join", "ptype": "subscriber", "room": self.room, "streams": streams })
        };
        self.request(self.subscriber, "subscribe", &body, None);
    }

    fn request(&mut self, handle: Option<u64>, transaction: &str, body: &Value, jsep: Option<&Value>) {
        let (Some(session), Some(handle)) = (self.session, handle) else { return };
        let mut message =
            json!({ "janus": "message", "session_id": session, "handle_id": handle, "transaction": transaction, "body": body });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep.clone();
        }
        self.socket.say(message.to_string());
    }
}

/// Who is in which m-line, as the relay's own protocol says it.
fn slots(streams: &Value) -> Vec<Slot> {
    let streams = streams.as_array().into_iter().flatten();
    streams
        .filter_map(|stream| {
            let mid = stream["mid"].as_str()?.parse().ok()?;
            let source = if stream["type"] == "audio" { Source::Microphone } else { Source::Camera };
            let participant = stream["feed_id"].as_u64().filter(|_| stream["active"] != false);
            Some(Slot { mid, participant, source: Some(source), layer: None, limited: None })
        })
        .collect()
}
