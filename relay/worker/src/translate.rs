//! The same notions in the words of `room`, `signal` and `media`, which do not know each other.

use media::{CodecIn, CodecOut, MediaKind, PublishConfig, Route};
use signal::session::{CodecLine, PublishLine, SlotLine};

pub(crate) fn source_to_room(source: signal::message::Source) -> room::Source {
    match source {
        signal::message::Source::Microphone => room::Source::Microphone,
        signal::message::Source::Camera => room::Source::Camera,
        signal::message::Source::Screen => room::Source::Screen,
        signal::message::Source::ScreenAudio => room::Source::ScreenAudio,
    }
}

pub(crate) fn source_to_signal(source: room::Source) -> signal::message::Source {
    match source {
        room::Source::Microphone => signal::message::Source::Microphone,
        room::Source::Camera => signal::message::Source::Camera,
        room::Source::Screen => signal::message::Source::Screen,
        room::Source::ScreenAudio => signal::message::Source::ScreenAudio,
    }
}

pub(crate) fn kind(kind: signal::session::MediaKind) -> MediaKind {
    match kind {
        signal::session::MediaKind::Audio => MediaKind::Audio,
        signal::session::MediaKind::Video => MediaKind::Video,
    }
}

/// A participant as the roster shows it.
pub(crate) fn participant(person: &room::Participant) -> signal::message::Participant {
    signal::message::Participant {
        id: person.id.0,
        name: person.name.clone(),
        role: match person.role {
            room::Role::Host => "host".into(),
            room::Role::Participant => "participant".into(),
        },
        sources: person.sources.flowing().map(source_to_signal).collect(),
    }
}

/// A publishing line as the media crate wants it; the label is the source.
pub(crate) fn publish_config(line: &PublishLine) -> PublishConfig {
    PublishConfig {
        mid: line.mid,
        kind: kind(line.kind),
        codecs: line.codecs.iter().map(codec_in).collect(),
        rids: line.rids.clone(),
        ssrcs: line.ssrcs.iter().map(|line| (line.ssrc, line.rtx)).collect(),
        label: source_to_room(line.source) as u32,
    }
}

/// The payload types of a publication, each with the slot's payload type that can decode it.
pub(crate) fn route(from: &PublishLine, to: &SlotLine) -> Route {
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
