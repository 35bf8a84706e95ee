//! A WHIP or WHEP client: one POST makes a session, PATCH changes it, DELETE ends it.

use tests::e2e::relay::RelayProcess;

use crate::answer::{Answer, attribute};
use crate::http::{self, Reply, request};
use crate::person::ROOM;
use crate::stack::{Options, Stack};

pub(crate) const SDP: &str = "application/sdp";
pub(crate) const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// A connected session.
pub(crate) struct Resource {
    pub(crate) stack: Stack,
    pub(crate) answer: Answer,
    pub(crate) token: String,
    /// The path of the resource.
    pub(crate) location: String,
    pub(crate) etag: String,
}

impl Resource {
    /// `endpoint` is `whip` or `whep`.
    pub(crate) async fn open(relay: &RelayProcess, endpoint: &str, name: &str, options: &Options) -> Self {
        let token = http::join(relay, ROOM, name).await;
        let mut stack = Stack::new(options).await;
        let created = post(relay, endpoint, &token, SDP, &stack.offer().await).await;
        assert_eq!((created.status, created.header("content-type")), (201, Some(SDP)), "{created:?}");
        let location = created.header("location").unwrap().to_owned();
        let etag = created.header("etag").unwrap().to_owned();
        assert!(location.starts_with(&format!("/v1/rooms/{ROOM}/{endpoint}/")), "{location}");
        assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "a strong entity tag: {etag}");
        let answer = Answer::read(&created.body);
        stack.accept(&answer.text).await;
        stack.connected().await;
        Self { stack, answer, token, location, etag }
    }

    /// Restarts ICE by PATCH, from the offer to the new answer.
    pub(crate) async fn restart_ice(&mut self, relay: &RelayProcess) -> Reply {
        let offer = self.stack.restart_offer().await;
        let reply = patch(relay, &self.location, &self.token, "*", &fragment(&offer)).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(FRAGMENT)), "{reply:?}");
        self.etag = reply.header("etag").unwrap().to_owned();
        // The new answer is the old one with the new transport.
        let (ufrag, pwd) = self.answer.credentials();
        let new = |name: &str| attribute(&reply.body, name).unwrap();
        let text = self.answer.text.replace(ufrag, new("ice-ufrag:")).replace(pwd, new("ice-pwd:"));
        self.answer = Answer::read(&text);
        self.stack.accept(&self.answer.text).await;
        reply
    }

    pub(crate) async fn delete(&self, relay: &RelayProcess) -> Reply {
        request(relay, "DELETE", &self.location, &[("authorization", &format!("Bearer {}", self.token))], "").await
    }
}

pub(crate) async fn post(relay: &RelayProcess, endpoint: &str, token: &str, content_type: &str, offer: &str) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", content_type)];
    request(relay, "POST", &format!("/v1/rooms/{ROOM}/{endpoint}"), &headers, offer).await
}

pub(crate) async fn patch(relay: &RelayProcess, location: &str, token: &str, condition: &str, fragment: &str) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", FRAGMENT), ("if-match", condition)];
    request(relay, "PATCH", location, &headers, fragment).await
}

/// The trickle fragment (RFC 8840) with an offer's credentials.
fn fragment(offer: &str) -> String {
    let value = |name: &str| attribute(offer, name).unwrap();
    format!(
        "a=ice-options:trickle ice2\r\na=group:{}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{}\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
        value("group:"),
        value("mid:"),
        value("ice-ufrag:"),
        value("ice-pwd:")
    )
}
