//! A person in a meeting: signalling over the WebSocket, media over webrtc-rs.

use std::collections::BTreeMap;

use signal::message::{ClientMessage, Source};
use tests::e2e::relay::RelayProcess;

use crate::answer::{Answer, AnswerLine};
use crate::http;
use crate::signalling::Signalling;
use crate::stack::{Options, Stack};

/// The open room of development mode.
pub(crate) const ROOM: &str = "demo";

/// Somebody who has joined and is connected.
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) signalling: Signalling,
    pub(crate) stack: Stack,
    pub(crate) answer: Answer,
    offers: u32,
}

impl Person {
    /// Joins the open room the public way and connects.
    pub(crate) async fn join(relay: &RelayProcess, name: &str, options: &Options) -> Self {
        let token = http::join(relay, ROOM, name).await;
        let mut signalling = Signalling::enter(relay, ROOM, &token).await;
        let mut stack = Stack::new(options).await;
        let offer = stack.offer().await;
        let answer = negotiate(&mut signalling, 0, &offer).await;
        stack.accept(&answer.text).await;
        stack.connected().await;
        let id = signalling.state.own.unwrap();
        Self { id, signalling, stack, answer, offers: 1 }
    }

    /// Offers again with new ICE credentials.
    pub(crate) async fn restart_ice(&mut self) {
        let offer = self.stack.restart_offer().await;
        self.answer = negotiate(&mut self.signalling, self.offers, &offer).await;
        self.offers += 1;
        self.stack.accept(&self.answer.text).await;
    }

    /// Waits until somebody's source is in a slot; gives the line of that slot.
    pub(crate) async fn slot(&mut self, of: u64, source: Source) -> AnswerLine {
        let what = format!("a slot with the {source:?} of {of}");
        let mid = self.signalling.until(&what, |state| state.slot_of(of, source).map(str::to_owned)).await;
        self.answer.line(&mid).clone()
    }

    /// Waits until somebody of this name is there.
    pub(crate) async fn sees(&mut self, name: &str) -> u64 {
        self.signalling.until(name, |state| state.named(name)).await
    }
}

/// Sends an offer and waits for its answer.
pub(crate) async fn negotiate(signalling: &mut Signalling, id: u32, offer: &str) -> Answer {
    let sources = sources(offer);
    signalling.send(&ClientMessage::Offer { id, sdp: offer.to_owned(), sources }).await;
    let answer = signalling.until("an answer", |state| {
        assert_eq!(state.errors, [], "the offer was refused:\n{offer}");
        state.answers.get(&id).cloned()
    });
    Answer::read(&answer.await)
}

/// Microphone and camera, by the mids of the lines that send.
fn sources(offer: &str) -> BTreeMap<String, Source> {
    let lines = Answer::read(offer).lines.into_iter().filter(|line| line.direction == "sendonly");
    lines.map(|line| (line.mid, if line.kind == "audio" { Source::Microphone } else { Source::Camera })).collect()
}
