//! The same notions in the words of `signal` and `media`, which do not know each other.

use media::{CodecIn, CodecOut, MediaKind, PublishConfig, Route};
use signal::session::{CodecLine, PublishLine, SlotLine};

pub(crate) fn kind(kind: signal::session::MediaKind) -> MediaKind {
    match kind {
        signal::session::MediaKind::Audio => MediaKind::Audio,
        signal::session::MediaKind::Video => MediaKind::Video,
    }
}

/// A publishing line as the media crate wants it; the label is the source.
pub(crate) fn publish_config(line: &PublishLine) -> PublishConfig {
    PublishConfig {
        mid: line.mid,
        kind: kind(line.kind),
        codecs: line.codecs.iter().map(codec_in).collect(),
        nack: line.codecs.iter().any(|codec| codec.nack),
        rids: line.rids.clone(),
        ssrcs: line.ssrcs.iter().map(|line| (line.ssrc, line.rtx)).collect(),
        label: line.source as u32,
    }
}

/// Makes routes. Most lines of a room agree on the same codecs, and one act may fill two thousand slots: the last route is kept.
#[derive(Default)]
pub(crate) struct Router {
    last: Option<(Vec<CodecLine>, Vec<CodecLine>, Route)>,
}

impl Router {
    pub(crate) fn route(&mut self, from: &PublishLine, to: &SlotLine) -> Route {
        if let Some((incoming, outgoing, route)) = &self.last
            && (incoming, outgoing) == (&from.codecs, &to.codecs)
        {
            return *route;
        }
        let route = route(from, to);
        self.last = Some((from.codecs.clone(), to.codecs.clone(), route));
        route
    }
}

/// The payload types of a publication, each with the slot's payload type that can decode it.
fn route(from: &PublishLine, to: &SlotLine) -> Route {
    let incoming: Vec<CodecIn> = from.codecs.iter().map(codec_in).collect();
    let outgoing: Vec<CodecOut> = to.codecs.iter().map(codec_out).collect();
    let line = |codecs: &[CodecLine], pt: u8| codecs.iter().find(|line| line.pt == pt).copied();
    Route::new(&incoming, &outgoing, |incoming, outgoing| match (line(&from.codecs, incoming.pt), line(&to.codecs, outgoing.pt)) {
        (Some(sent), Some(wanted)) => wanted.decodes(&sent),
        _ => false,
    })
}

fn codec_in(line: &CodecLine) -> CodecIn {
    CodecIn { pt: line.pt, codec: line.codec, clock_rate: line.clock_rate, rtx: line.rtx }
}

fn codec_out(line: &CodecLine) -> CodecOut {
    CodecOut { pt: line.pt, codec: line.codec, clock_rate: line.clock_rate, rtx: line.rtx }
}
