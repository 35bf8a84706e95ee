//! A service's connection: events of the room, and commands with the host's powers. No `welcome`, no media, nobody sees it.

use room::Refusal;
use signal::message::{ByeReason, ClientMessage, ErrorCode, ProtocolError, ServerMessage};
use tokio::time::Instant;
use worker::command::By;

use super::{Connection, End, Feed, IDLE_TIMEOUT, Message, pings};

impl Connection {
    /// Carries messages both ways until one side ends it.
    pub(super) async fn serve(&mut self, mut feed: Feed) -> End {
        let app = std::sync::Arc::clone(&self.app);
        let mut ping = pings();
        let mut heard = Instant::now();
        loop {
            let outcome = tokio::select! {
                message = feed.next() => self.send(&message).await,
                frame = self.socket.recv() => {
                    heard = Instant::now();
                    self.service_frame(frame).await
                }
                _ = ping.tick() => {
                    if heard.elapsed() > IDLE_TIMEOUT { Err(End::Gone) } else { self.write(Message::Ping(Default::default())).await }
                }
                () = app.control.closing() => Err(End::ShuttingDown),
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn service_frame(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let Some(message) = self.parse(frame)? else { return Ok(()) };
        let reply = match message {
            Ok(ClientMessage::Leave) => {
                self.send(&ServerMessage::Bye { reason: ByeReason::Left }).await?;
                return Err(End::Finished);
            }
            Ok(message) => self.answer(message).await?,
            Err(ProtocolError { code, message, field }) => ServerMessage::Error { code, message, field, id: None },
        };
        self.send(&reply).await
    }

    async fn answer(&mut self, message: ClientMessage) -> Result<ServerMessage, End> {
        let error = |code, message: String, id| ServerMessage::Error { code, message, field: None, id };
        Ok(match message {
            ClientMessage::Ping { id } => ServerMessage::Pong { id },
            ClientMessage::Command { id, command } => match self.app.control.act_for(&self.room, By::Service, command).await {
                Ok(Ok(())) => ServerMessage::Done { id },
                Ok(Err(Refusal { code, message, field })) => {
                    ServerMessage::Refused { id: Some(id), code, message, field: field.map(Into::into) }
                }
                Err(busy) => error(ErrorCode::Full, busy.to_string(), Some(id)),
            },
            ClientMessage::Hello { .. } => return Err(super::refuse(ErrorCode::OutOfOrder, "hello came twice")),
            ClientMessage::Offer { id, .. } => error(ErrorCode::Forbidden, "a service has no media".into(), Some(id)),
            _ => error(ErrorCode::Forbidden, "a service is nobody in the room".into(), None),
        })
    }
}
