//! The streams a client announces on an m-line: simulcast layers by rid (RFC 8851, RFC 8853) and SSRCs (RFC 5576).

use rtc_sdp::MediaDescription;
use wire::ids::{Rid, Ssrc};

use super::{MAX_RIDS, MAX_SSRCS};
use crate::session::SsrcLine;

/// Simulcast layers of an m-line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layers {
    /// In the client's order, paused ones too.
    pub(super) rids: Vec<Rid>,
    /// Those that the client has switched off for now. They are accepted, so that it may start them without a new offer, and stay paused
    /// in the answer: Chromium starts every layer that an answer lists without the mark.
    pub(super) paused: Vec<Rid>,
    /// The offer has `a=simulcast:send`; without it a rid is only a name.
    pub(super) simulcast: bool,
}

impl Layers {
    /// `None` when a rid is malformed or there are too many.
    pub(super) fn read(media: &MediaDescription) -> Option<Self> {
        let values = |key: &'static str| media.attributes.iter().filter(move |a| a.key == key).filter_map(|a| a.value.as_deref());
        let mut declared: Vec<Rid> = Vec::new();
        for value in values("rid") {
            let mut words = value.split_whitespace();
            let rid = Rid::new(words.next()?)?;
            if words.next() == Some("send") && !declared.contains(&rid) {
                if declared.len() == MAX_RIDS {
                    return None;
                }
                declared.push(rid);
            }
        }
        let Some(list) = values("simulcast").find_map(send_list) else { return Some(Self { rids: declared, ..Self::default() }) };
        let mut layers = Self::default();
        // `h;~m,m2;l`: layers in order of preference, each with alternatives of which the first is taken.
        for layer in list.split(';').filter_map(|alternatives| alternatives.split(',').next()) {
            let (paused, rid) = layer.strip_prefix('~').map_or((false, layer), |rid| (true, rid));
            // RFC 8853 section 5.2: an id without its own `a=rid` is ignored.
            let Some(rid) = Rid::new(rid).filter(|rid| declared.contains(rid) && !layers.rids.contains(rid)) else { continue };
            layers.rids.push(rid);
            if paused {
                layers.paused.push(rid);
            }
        }
        layers.simulcast = !layers.rids.is_empty();
        Some(layers)
    }
}

/// The list after `send` in `send h;m;l recv x` or `recv x send h;m;l`.
fn send_list(value: &str) -> Option<&str> {
    let mut words = value.split_whitespace();
    words.find(|&word| word == "send")?;
    words.next()
}

/// The SSRCs that `a=ssrc` announces, each with the RTX stream that `a=ssrc-group:FID` gives it; FEC streams are left out.
/// `None` when one is malformed or there are too many.
pub(super) fn ssrcs(media: &MediaDescription) -> Option<Vec<SsrcLine>> {
    let mut announced: Vec<Ssrc> = Vec::new();
    for attribute in media.attributes.iter().filter(|attribute| attribute.key == "ssrc") {
        let ssrc = parse(attribute.value.as_deref()?.split_whitespace().next()?)?;
        if announced.contains(&ssrc) {
            continue;
        }
        if announced.len() == MAX_SSRCS {
            return None;
        }
        announced.push(ssrc);
    }
    let mut lines: Vec<SsrcLine> = announced.into_iter().map(|ssrc| SsrcLine { ssrc, rtx: None }).collect();
    for attribute in media.attributes.iter().filter(|attribute| attribute.key == "ssrc-group") {
        let mut words = attribute.value.as_deref()?.split_whitespace();
        let (semantics, media, repair) = (words.next()?, words.next().and_then(parse), words.next().and_then(parse));
        let (Some(media), Some(repair)) = (media, repair) else { continue };
        if !matches!(semantics, "FID" | "FEC-FR") || media == repair {
            continue;
        }
        lines.retain(|line| line.ssrc != repair);
        if let Some(line) = lines.iter_mut().find(|line| line.ssrc == media).filter(|_| semantics == "FID") {
            line.rtx.get_or_insert(repair);
        }
    }
    Some(lines)
}

fn parse(text: &str) -> Option<Ssrc> {
    text.parse().ok().map(Ssrc)
}
