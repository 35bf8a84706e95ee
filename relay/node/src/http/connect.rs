//! `GET /v1/rooms/{room}/connect`: the signalling protocol over one WebSocket, with every limit that keeps a bad client from costing much.

mod feed;
mod service;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::SinkExt as _;
use signal::message::{ByeReason, ClientMessage, ErrorCode, MAX_MESSAGE, ProtocolError, ServerMessage, VERSION, parse_client};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use worker::command::{ClientKind, Role, RoomId};

use super::App;
use super::error::ApiError;
use super::extract::Room;
use super::limits::Allowance;
use crate::media_thread::QueueFull;
use crate::session::{Attachment, Client, OfferError};
use crate::tokens::{Access, Grant, Unauthorized};
use feed::Feed;

/// The first message must come so soon.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// The relay pings this often; a browser answers by itself.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A connection on which nothing arrived for so long is dead.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);
/// One message must be taken by the kernel within this time.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long, and for how many frames, the relay waits for the client to hang up too.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_FRAMES: usize = 1000;
/// An offer costs as much as this many other messages: it is parsed and answered.
const OFFER_COST: f64 = 10.0;
/// Switching a source costs as much: everybody's slots are filled anew, and everybody is told.
const SWITCH_COST: f64 = 10.0;
/// Read buffer of one connection, bytes. It grows to twice the largest message that came and stays so: a larger one to begin with would
/// only be idle memory.
const READ_BUFFER: usize = 2 * 1024;
/// What waits for a person goes out in one write, up to so many messages and bytes.
const AT_ONCE: usize = 16;
const WRITE_BUFFER: usize = 4 * 1024;

/// Upgrades to a WebSocket when there is room for one more.
pub(super) async fn connect(
    State(app): State<Arc<App>>,
    room: Room,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| {
        let status = rejection.into_response().status();
        let status = if status == StatusCode::UPGRADE_REQUIRED { status } else { StatusCode::BAD_REQUEST };
        ApiError::new(status, "websocket_required", "expected a WebSocket handshake")
    })?;
    let permit = Arc::clone(&app.websockets).try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::unavailable("full", "this node takes no more connections now"))?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).read_buffer_size(READ_BUFFER);
    let upgrade = upgrade.write_buffer_size(WRITE_BUFFER);
    Ok(upgrade.on_upgrade(async move |socket| {
        Connection::new(app, room.0, socket).run().await;
        drop(permit);
    }))
}

/// One WebSocket from hello to the end.
struct Connection {
    app: Arc<App>,
    room: RoomId,
    socket: WebSocket,
    allowance: Allowance,
}

/// Who came.
enum Entered {
    /// Somebody who takes part.
    Person(Arc<Client>, Attachment, Feed),
    /// A system: events and commands, no media.
    Service(Feed),
}

/// The connection is over.
enum End {
    /// The client hung up, fell silent, or could not be reached; nobody hears a last word.
    Gone,
    /// The relay hangs up, after saying why.
    Refused(ProtocolError),
    /// The relay hangs up because it stops.
    ShuttingDown,
    /// The relay hangs up; everything was said.
    Finished,
}

impl From<ProtocolError> for End {
    fn from(error: ProtocolError) -> Self {
        Self::Refused(error)
    }
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> End {
    End::Refused(ProtocolError { code, message: message.into(), field: None })
}

impl Connection {
    fn new(app: Arc<App>, room: RoomId, socket: WebSocket) -> Self {
        Self { app, room, socket, allowance: Allowance::new(Instant::now().into_std()) }
    }

    async fn run(mut self) {
        let end = match self.enter().await {
            Ok(Entered::Person(client, attachment, feed)) => {
                let generation = attachment.generation;
                let end = self.talk(&client, attachment, feed).await;
                self.app.control.detach(&client, generation).await;
                end
            }
            Ok(Entered::Service(feed)) => self.serve(feed).await,
            Err(end) => end,
        };
        match end {
            End::Gone => {}
            End::Finished => self.close(close_code::NORMAL).await,
            End::ShuttingDown => {
                if self.send(&ServerMessage::Bye { reason: ByeReason::ShuttingDown }).await.is_ok() {
                    self.close(close_code::AWAY).await;
                }
            }
            End::Refused(ProtocolError { code, message, field }) => {
                let said = self.send(&ServerMessage::Error { code, message, field, id: None }).await;
                if said.is_ok() && self.send(&ServerMessage::Bye { reason: ByeReason::ProtocolError }).await.is_ok() {
                    self.close(close_code::POLICY).await;
                }
            }
        }
    }

    /// Waits for `hello`, checks it, and joins or resumes.
    async fn enter(&mut self) -> Result<Entered, End> {
        let app = Arc::clone(&self.app);
        let first = tokio::select! {
            first = timeout(HELLO_TIMEOUT, self.receive()) => first.map_err(|_| refuse(ErrorCode::OutOfOrder, "expected hello within 5 s"))??,
            () = app.control.closing() => return Err(End::ShuttingDown),
        };
        let ClientMessage::Hello { version, token, resume, device, events_after } = first else {
            return Err(refuse(ErrorCode::OutOfOrder, "expected hello first"));
        };
        if version != VERSION {
            return Err(refuse(ErrorCode::UnsupportedVersion, format!("expected version {VERSION}")));
        }
        let grant: Grant = match self.app.keys.verify(&token) {
            Ok(Access::Room(grant)) if grant.room == self.room => grant,
            Ok(Access::Service(scope)) if scope.as_ref().is_none_or(|scope| *scope == self.room) => {
                let mut feed = Feed::new(&self.app, &self.room, events_after);
                feed.open().map_err(|error| refuse(ErrorCode::Full, error.to_string()))?;
                return Ok(Entered::Service(feed));
            }
            _ => return Err(refuse(ErrorCode::Unauthorized, Unauthorized.to_string())),
        };
        if events_after.is_some() && grant.role != Role::Host {
            return Err(refuse(ErrorCode::Forbidden, "only hosts and services may ask for events"));
        }
        let feed = Feed::new(&self.app, &self.room, events_after);
        let control = &self.app.control;
        if let Some(resumed) = resume.and_then(|handle| control.resume(&handle, &grant)) {
            tracing::info!(client = resumed.0.id.0, "session resumed");
            return Ok(Entered::Person(resumed.0, resumed.1, feed));
        }
        let entered = self.app.enter(grant, ClientKind::Interactive, device).await;
        let (client, attachment) = entered.map_err(|error| refuse(ErrorCode::Full, error.to_string()))?;
        tracing::info!(client = client.id.0, worker = client.worker, "session opened");
        Ok(Entered::Person(client, attachment, feed))
    }

    /// Carries messages both ways until one side ends it.
    async fn talk(&mut self, client: &Client, mut attachment: Attachment, mut feed: Feed) -> End {
        let mut ping = pings();
        let mut heard = Instant::now();
        loop {
            let outcome = tokio::select! {
                message = attachment.messages.recv() => match message {
                    Some(message) => self.pass_on(message, &mut attachment, &mut feed).await,
                    None => Err(End::Finished),
                },
                message = feed.next() => self.send(&message).await,
                frame = self.socket.recv() => {
                    heard = Instant::now();
                    self.frame(client, frame).await
                }
                _ = ping.tick() => {
                    if heard.elapsed() > IDLE_TIMEOUT { Err(End::Gone) } else { self.write(Message::Ping(Default::default())).await }
                }
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn frame(&mut self, client: &Client, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let Some(message) = self.parse(frame)? else { return Ok(()) };
        let error = match message {
            Ok(message) => match self.handle(client, message).await? {
                Some(reply) => reply,
                None => return Ok(()),
            },
            // A newer client may say things we do not know; telling it is enough.
            Err(ProtocolError { code, message, field }) => ServerMessage::Error { code, message, field, id: None },
        };
        self.send(&error).await
    }

    /// The reply, where there is one.
    async fn handle(&mut self, client: &Client, message: ClientMessage) -> Result<Option<ServerMessage>, End> {
        let control = &self.app.control;
        match message {
            ClientMessage::Hello { .. } => Err(refuse(ErrorCode::OutOfOrder, "hello came twice")),
            ClientMessage::Offer { id, sdp, sources } => {
                if !self.allowance.take(Instant::now().into_std(), OFFER_COST - 1.0) {
                    return Err(too_many());
                }
                Ok(Some(match control.offer(client, &sdp, &sources) {
                    Ok(sdp) => ServerMessage::Answer { id, sdp },
                    Err(error) => {
                        let code = if error == OfferError::Busy { ErrorCode::Full } else { ErrorCode::BadOffer };
                        ServerMessage::Error { code, message: error.to_string(), field: Some("sdp".into()), id: Some(id) }
                    }
                }))
            }
            ClientMessage::Command { id, command } => Ok(control.act(client, Some(id), command).err().map(busy)),
            ClientMessage::SetSource { source, active } => {
                if !self.allowance.take(Instant::now().into_std(), SWITCH_COST - 1.0) {
                    return Err(too_many());
                }
                Ok(control.act(client, None, room::Command::SetSource { source, active }).err().map(busy))
            }
            ClientMessage::Tiles { tiles } => Ok(control.tiles(client, tiles).err().map(busy)),
            ClientMessage::Leave => {
                // The worker says `bye` and closes the session; that ends the connection.
                control.leave(client, ByeReason::Left).await;
                Ok(None)
            }
            ClientMessage::Ping { id } => Ok(Some(ServerMessage::Pong { id })),
        }
    }

    async fn receive(&mut self) -> Result<ClientMessage, End> {
        loop {
            let frame = self.socket.recv().await;
            if let Some(message) = self.parse(frame)? {
                return message.map_err(End::from);
            }
        }
    }

    /// `None`: a control frame. The inner error is one the connection survives.
    fn parse(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<Option<Result<ClientMessage, ProtocolError>>, End> {
        if !self.allowance.take(Instant::now().into_std(), 1.0) {
            return Err(too_many());
        }
        match frame {
            None | Some(Ok(Message::Close(_))) => Err(End::Gone),
            Some(Err(error)) if is_too_large(&error) => Err(refuse(ErrorCode::TooLarge, format!("expected at most {MAX_MESSAGE} bytes"))),
            Some(Err(_)) => Err(End::Gone),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Binary(_))) => {
                let message = "expected a text message".into();
                Ok(Some(Err(ProtocolError { code: ErrorCode::BadMessage, message, field: None })))
            }
            Some(Ok(Message::Text(text))) => Ok(Some(parse_client(&text))),
        }
    }

    async fn send(&mut self, message: &ServerMessage) -> Result<(), End> {
        self.write(text(message)?).await
    }

    /// Sends a message of the room, and those that wait behind it: what one change means for a person is several messages.
    async fn pass_on(&mut self, first: ServerMessage, attachment: &mut Attachment, feed: &mut Feed) -> Result<(), End> {
        let waiting = std::iter::from_fn(|| attachment.messages.try_recv().ok());
        let sent = timeout(SEND_TIMEOUT, async {
            for message in std::iter::once(first).chain(waiting).take(AT_ONCE) {
                feed.follow(&message);
                self.socket.feed(text(&message)?).await.map_err(|_| End::Gone)?;
            }
            self.socket.flush().await.map_err(|_| End::Gone)
        });
        sent.await.unwrap_or(Err(End::Gone))
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }

    async fn close(&mut self, code: u16) {
        let frame = Message::Close(Some(CloseFrame { code, reason: Default::default() }));
        if self.write(frame).await.is_err() {
            return;
        }
        // Hanging up on data that was not read resets the connection, and a reset may overtake our last words. So the client gets a moment
        // to answer the close frame; what it sends until then is thrown away.
        let linger = async {
            for _ in 0..LINGER_FRAMES {
                if !matches!(self.socket.recv().await, Some(Ok(_))) {
                    return;
                }
            }
        };
        let _ = timeout(LINGER, linger).await;
    }
}

/// When to ping. Whoever just came has been heard: a ping at once would be two more turns for each who joins.
fn pings() -> Interval {
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

fn text(message: &ServerMessage) -> Result<Message, End> {
    // Our own types always serialise.
    serde_json::to_string(message).map(|text| Message::Text(text.into())).map_err(|_| End::Gone)
}

fn busy(error: QueueFull) -> ServerMessage {
    ServerMessage::Error { code: ErrorCode::Full, message: error.to_string(), field: None, id: None }
}

fn too_many() -> End {
    refuse(ErrorCode::RateLimited, "too many messages in a short time")
}

/// Whether the WebSocket layer stopped reading because of a size limit.
fn is_too_large(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(tokio_tungstenite::tungstenite::Error::Capacity(_)) = error.downcast_ref() {
            return true;
        }
        source = error.source();
    }
    false
}
