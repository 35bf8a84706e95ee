//! Writes answers and answering fragments (RFC 8866, RFC 8829 section 5.3, RFC 8840).

use std::fmt::{Display, Write};

use wire::ext::Ext;
use wire::ids::{Fingerprint, IceCredentials, Mid, Rid};

use super::codecs::{self, Accepted};
use super::line::{Body, Direction, Line};
use super::{CNAME, Candidate};
use crate::session::{MediaKind, SlotLine};

/// The relay's end of the transport, as every section states it.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) ice: &'a IceCredentials,
    pub(super) fingerprint: Fingerprint,
    pub(super) candidates: &'a [Candidate],
}

/// A description that grows line by line. Nothing of the client's text reaches it but tokens that the parser has split at white space.
pub(super) struct Text(String);

impl Text {
    /// Begins an answer.
    pub(super) fn answer(session_id: u64, version: u64, bundle: &[Mid], mixed_extensions: bool) -> Self {
        let mut text = Self(String::new());
        text.line("v=0");
        text.line(format_args!("o=- {session_id} {version} IN IP4 0.0.0.0"));
        text.line("s=-");
        text.line("t=0 0");
        text.shared(bundle);
        if mixed_extensions {
            text.line("a=extmap-allow-mixed");
        }
        text
    }

    /// An answering fragment (RFC 8840 section 4.4): the transport of the bundle, at the line that carries it.
    pub(super) fn fragment(bundle: &[Mid], tagged: &str, end: End<'_>) -> String {
        let mut text = Self(String::new());
        text.shared(bundle);
        text.line(tagged);
        if let Some(mid) = bundle.first() {
            text.line(format_args!("a=mid:{}", mid.as_str()));
        }
        text.credentials(end.ice);
        text.candidates(end.candidates);
        text.0
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    /// A rejected m-line keeps its place (RFC 3264 section 6).
    pub(super) fn rejected(&mut self, line: &Line) {
        self.line(format_args!("m={} 0 {} {}", line.media, line.protocol, line.format));
        self.line("c=IN IP4 0.0.0.0");
        if let Some(mid) = line.mid {
            self.line(format_args!("a=mid:{}", mid.as_str()));
        }
        self.line("a=inactive");
    }

    /// An accepted m-line. `slot` is there when the relay sends on it; `tagged` for the first one, which carries the candidates of the
    /// bundle (RFC 8843 section 7.3).
    pub(super) fn accepted(&mut self, line: &Line, body: &Body, slot: Option<&SlotLine>, end: End<'_>, tagged: bool) {
        self.line(media_line(line, body));
        self.line("c=IN IP4 0.0.0.0");
        self.line(format_args!("a=mid:{}", body.mid.as_str()));
        self.credentials(end.ice);
        self.line(format_args!("a=fingerprint:sha-256 {}", end.fingerprint));
        self.line("a=setup:passive");
        self.line(format_args!("a={}", direction(body.direction).name()));
        self.line("a=rtcp-mux");
        if body.reduced_size {
            self.line("a=rtcp-rsize");
        }
        self.extensions(body);
        let numbered = body.numbered();
        for codec in &body.codecs {
            self.codec(codec, numbered, body.direction.client_sends());
        }
        if body.direction.client_sends() {
            self.layers(body);
        }
        if let Some(slot) = slot {
            self.stream(slot);
        }
        if tagged {
            self.candidates(end.candidates);
        }
    }

    fn line(&mut self, content: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{content}\r\n");
    }

    fn shared(&mut self, bundle: &[Mid]) {
        let mut group = String::from("a=group:BUNDLE");
        for mid in bundle {
            group.push(' ');
            group.push_str(mid.as_str());
        }
        self.line("a=ice-lite");
        self.line("a=ice-options:ice2 trickle");
        self.line(group);
    }

    fn credentials(&mut self, ice: &IceCredentials) {
        self.line(format_args!("a=ice-ufrag:{}", ice.ufrag));
        self.line(format_args!("a=ice-pwd:{}", ice.pwd));
    }

    fn candidates(&mut self, candidates: &[Candidate]) {
        for (index, candidate) in candidates.iter().enumerate() {
            self.line(format_args!("a=candidate:{}", candidate.attribute(index)));
        }
        self.line("a=end-of-candidates");
    }

    fn extensions(&mut self, body: &Body) {
        for extension in &body.extensions {
            // The relay sends one layer per slot, which needs no rid.
            if matches!(extension.ext, Ext::Rid | Ext::RepairedRid) && !body.direction.client_sends() {
                continue;
            }
            let direction = extension.direction.map(|direction| format!("/{}", direction.name())).unwrap_or_default();
            self.line(format_args!("a=extmap:{}{direction} {}", extension.id, extension.ext.uri()));
        }
    }

    fn codec(&mut self, codec: &Accepted, numbered: bool, sends: bool) {
        let pt = codec.line.pt;
        self.line(format_args!("a=rtpmap:{pt} {}", codecs::rtpmap(codec.line.codec)));
        for feedback in codec.feedback.names(numbered, sends) {
            self.line(format_args!("a=rtcp-fb:{pt} {feedback}"));
        }
        if !codec.fmtp.is_empty() {
            self.line(format_args!("a=fmtp:{pt} {}", codec.fmtp));
        }
        if let Some(rtx) = codec.line.rtx {
            self.line(format_args!("a=rtpmap:{rtx} rtx/{}", codec.line.clock_rate));
            self.line(format_args!("a=fmtp:{rtx} apt={pt}"));
        }
    }

    fn layers(&mut self, body: &Body) {
        let layers = &body.layers;
        for rid in &layers.rids {
            self.line(format_args!("a=rid:{} recv", rid.as_str()));
        }
        if layers.simulcast {
            let mark = |rid: &Rid| if layers.paused.contains(rid) { "~" } else { "" };
            let list: Vec<String> = layers.rids.iter().map(|rid| format!("{}{}", mark(rid), rid.as_str())).collect();
            self.line(format_args!("a=simulcast:recv {}", list.join(";")));
        }
    }

    /// Audio slot i and video slot i name the same stream, so that the client plays them in sync.
    fn stream(&mut self, slot: &SlotLine) {
        let kind = match slot.kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        };
        let msid = format!("msid:slot-{index} {kind}-{index}", index = slot.index);
        self.line(format_args!("a={msid}"));
        if let Some(rtx) = slot.rtx {
            self.line(format_args!("a=ssrc-group:FID {} {}", slot.ssrc.0, rtx.0));
        }
        for ssrc in [Some(slot.ssrc), slot.rtx].into_iter().flatten() {
            self.line(format_args!("a=ssrc:{} cname:{CNAME}", ssrc.0));
            self.line(format_args!("a=ssrc:{} {msid}", ssrc.0));
        }
    }
}

/// The m-line of an accepted section. Port 9 and address 0.0.0.0 say that only candidates count (RFC 8840 section 4.1.1).
pub(super) fn media_line(line: &Line, body: &Body) -> String {
    let mut text = format!("m={} 9 {}", line.media, line.protocol);
    for codec in body.codecs.iter().map(|codec| codec.line) {
        for pt in [Some(codec.pt), codec.rtx].into_iter().flatten() {
            let _ = write!(text, " {pt}");
        }
    }
    text
}

/// The relay's direction for the client's. It receives where the client sends, even if the client would receive too: what it sends goes
/// into slots.
fn direction(client: Direction) -> Direction {
    if client.client_sends() { Direction::RecvOnly } else { client.reversed() }
}
