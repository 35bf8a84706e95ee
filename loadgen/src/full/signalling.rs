//! The room's WebSocket, one message at a time.

use futures_util::{SinkExt, StreamExt};
use signal::message::{ClientMessage, ServerMessage};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::target::{AsyncStream, Relay};

/// One connection to a room.
pub(super) struct Signalling(WebSocketStream<Box<dyn AsyncStream>>);

impl Signalling {
    pub(super) async fn connect(relay: &Relay, room: &str) -> Result<Self, String> {
        let stream = relay.connect().await.map_err(|error| error.to_string())?;
        let (socket, _) = client_async(relay.socket_url(room), stream).await.map_err(|error| error.to_string())?;
        Ok(Self(socket))
    }

    pub(super) async fn say(&mut self, message: &ClientMessage) -> Result<(), String> {
        let text = serde_json::to_string(message).map_err(|error| error.to_string())?;
        self.0.send(Message::text(text)).await.map_err(|error| error.to_string())
    }

    /// The next message; an error when there will be none. Safe to give up on and to call again.
    pub(super) async fn hear(&mut self) -> Result<ServerMessage, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("the relay hung up".to_owned()),
            }
        }
    }
}
