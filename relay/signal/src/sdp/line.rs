//! One m-line of an offer: whether the relay accepts it, and what the client wants to do on it.

use rtc_sdp::MediaDescription;
use rtc_sdp::description::common::Attribute;
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::{Mid, Ssrc};

use super::SdpError;
use super::codecs::{self, Accepted};
use super::extensions::Extension;
use super::layers::{self, Layers};
use crate::session::{CodecLine, MediaKind, SsrcLine};

/// An m-line in its place, accepted or not.
#[derive(Debug)]
pub(super) struct Line {
    /// Missing or unusable only on lines that are rejected.
    pub(super) mid: Option<Mid>,
    /// `<media>`, `<proto>` and the first `<fmt>`, for the answer.
    pub(super) media: String,
    pub(super) protocol: String,
    pub(super) format: String,
    /// `None`: rejected by the relay, or switched off by the client with port 0.
    pub(super) body: Option<Body>,
}

/// What an accepted m-line offers.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) mid: Mid,
    pub(super) kind: MediaKind,
    /// The client's direction.
    pub(super) direction: Direction,
    /// In the client's order, but RED first where the client sends; never RED alone.
    pub(super) codecs: Vec<Accepted>,
    pub(super) extensions: Vec<Extension>,
    pub(super) layers: Layers,
    /// Streams the client announces; empty unless it sends.
    pub(super) ssrcs: Vec<SsrcLine>,
    pub(super) rtcp_mux: bool,
    pub(super) reduced_size: bool,
    /// The line describes a transport of its own instead of leaving that to the first line.
    pub(super) own_transport: bool,
}

impl Line {
    /// `index` and `direction`: the line's place and the session's default direction.
    pub(super) fn read(index: usize, media: &MediaDescription, direction: Direction) -> Result<Self, SdpError> {
        let mid = media.attribute("mid").flatten().and_then(|mid| Mid::new(mid.trim()));
        let name = &media.media_name;
        let mut line = Self {
            mid,
            media: name.media.clone(),
            protocol: name.protos.join("/"),
            format: name.formats.first().cloned().unwrap_or_default(),
            body: None,
        };
        let Some(kind) = kind(media, &line.protocol) else { return Ok(line) };
        let mut codecs = codecs::accept(media, kind);
        if codecs.iter().all(|codec| codec.line.codec == Codec::Red) {
            return Ok(line);
        }
        let mid = mid.ok_or(SdpError::BadMid(index))?;
        let direction = Direction::of(&media.attributes).unwrap_or(direction);
        if direction.client_sends() {
            // Browsers send redundancy only when the answer prefers it, and the relay wants it: it repairs loss without a round trip.
            codecs.sort_by_key(|codec| codec.line.codec != Codec::Red);
        }
        let ssrcs = layers::ssrcs(media).ok_or(SdpError::BadSsrcs(mid))?;
        let layers = match kind {
            MediaKind::Audio => Layers::default(),
            MediaKind::Video => Layers::read(media).ok_or(SdpError::BadRids(mid))?,
        };
        line.body = Some(Body {
            mid,
            kind,
            direction,
            codecs,
            extensions: Vec::new(),
            layers,
            // Lines that only receive may name the SSRC of their receiver reports, which is no stream.
            ssrcs: if direction.client_sends() { ssrcs } else { Vec::new() },
            rtcp_mux: media.has_attribute("rtcp-mux"),
            reduced_size: media.has_attribute("rtcp-rsize"),
            own_transport: media.has_attribute("ice-ufrag"),
        });
        Ok(line)
    }
}

impl Body {
    /// All SSRCs the client announces here.
    pub(super) fn announced(&self) -> impl Iterator<Item = Ssrc> {
        self.ssrcs.iter().flat_map(|line| [Some(line.ssrc), line.rtx]).flatten()
    }

    /// Whether any accepted codec has retransmissions.
    pub(super) fn rtx(&self) -> bool {
        self.codecs.iter().any(|codec| codec.line.rtx.is_some())
    }

    /// Whether packets are numbered over the whole transport.
    pub(super) fn numbered(&self) -> bool {
        self.extensions.iter().any(|extension| extension.ext == Ext::TransportCc)
    }

    /// Extensions that the relay may write here. No numbers of which the client need not tell: Firefox offers none for
    /// sound.
    pub(super) fn written(&self) -> ExtMap {
        let told = self.codecs.iter().any(|codec| codec.feedback.tells_by_number(self.numbered()));
        let written = self.extensions.iter().filter(|extension| extension.is_written() && (told || extension.ext != Ext::TransportCc));
        let mut map = ExtMap::new();
        for extension in written {
            // Accepted ids are free of conflicts.
            let _ = map.insert(extension.id, extension.ext);
        }
        map
    }

    /// The accepted codecs as the worker knows them.
    pub(super) fn codec_lines(&self) -> Vec<CodecLine> {
        self.codecs.iter().map(|codec| codec.line).collect()
    }
}

/// Audio or video over DTLS-SRTP; `None` for all else and for lines that are switched off.
fn kind(media: &MediaDescription, protocol: &str) -> Option<MediaKind> {
    // RFC 8843 section 6: port 0 together with bundle-only is alive.
    if media.media_name.port.value == 0 && !media.has_attribute("bundle-only") {
        return None;
    }
    // RFC 8829 section 5.1.2: either is to be understood.
    if !matches!(protocol, "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP") {
        return None;
    }
    match media.media_name.media.as_str() {
        "audio" => Some(MediaKind::Audio),
        "video" => Some(MediaKind::Video),
        _ => None,
    }
}

/// Direction of an m-line or of an extension, from the side of whoever wrote it (RFC 8866 section 6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive].into_iter().find(|direction| direction.name() == name)
    }

    /// The first direction among the attributes of a section.
    pub(super) fn of(attributes: &[Attribute]) -> Option<Self> {
        attributes.iter().find_map(|attribute| Self::named(&attribute.key))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The same, from the other side.
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            other => other,
        }
    }

    /// For an offer's direction: the client publishes on this line.
    pub(super) fn client_sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }
}
