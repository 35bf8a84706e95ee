//! Reads an offer: limits first, then the text, then each m-line and what the lines must agree on within one BUNDLE (RFC 8843).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use rtc_sdp::SessionDescription;
use wire::codec::Codec;
use wire::ext::ExtMap;
use wire::ids::Mid;

use super::extensions::Extensions;
use super::line::{Body, Direction, Line};
use super::remote::Remote;
use super::{MAX_LINES, MAX_SDP, MAX_TEXT_LINES, SdpError};
use crate::session::Format;

/// An offer that obeys every rule which does not depend on earlier offers.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) remote: Remote,
    /// All m-lines in order, rejected ones too; at least one is accepted.
    pub(super) lines: Vec<Line>,
    pub(super) extensions: ExtMap,
    /// The client can read packets that mix one-byte and two-byte extension headers (RFC 8285 section 4.1.2).
    pub(super) mixed_extensions: bool,
}

impl Offer {
    pub(super) fn parse(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_SDP {
            return Err(SdpError::TooLarge(text.len()));
        }
        // Counted before parsing: the parser has no limit of its own.
        let (mut lines, mut media_lines) = (0, 0);
        for line in text.as_bytes().split(|byte| matches!(byte, b'\r' | b'\n')) {
            lines += usize::from(!line.is_empty());
            media_lines += usize::from(line.starts_with(b"m="));
        }
        if media_lines > MAX_LINES {
            return Err(SdpError::TooManyLines);
        }
        if lines > MAX_TEXT_LINES {
            return Err(SdpError::TooLong);
        }
        // The parser's errors quote the offer, which may hold addresses and credentials; they are not passed on.
        let description = SessionDescription::unmarshal(&mut Cursor::new(text)).map_err(|_| SdpError::Syntax)?;
        Self::read(&description)
    }

    fn read(description: &SessionDescription) -> Result<Self, SdpError> {
        // RFC 8445 section 2.5: two lite agents would never check each other.
        if description.has_attribute("ice-lite") {
            return Err(SdpError::BothLite);
        }
        let direction = Direction::of(&description.attributes).unwrap_or(Direction::SendRecv);
        let mixed_extensions = description.has_attribute("extmap-allow-mixed");
        let mut extensions = Extensions::new(mixed_extensions);
        let mut lines = Vec::with_capacity(description.media_descriptions.len());
        for (index, media) in description.media_descriptions.iter().enumerate() {
            let mut line = Line::read(index, media, direction)?;
            if let Some(body) = &mut line.body {
                body.extensions = extensions.add(media)?;
            }
            lines.push(line);
        }
        let bundle = bundle(description);
        check(&lines, &bundle)?;
        // Rejected lines of the bundle count too: the first one carries the transport for all, whatever it is (RFC 8843 section 7.1).
        let in_bundle = |line: &Line| line.mid.is_some_and(|mid| bundle.contains(&mid));
        let bundled = lines.iter().zip(&description.media_descriptions).filter(|(line, _)| in_bundle(line)).map(|(_, media)| media);
        let remote = Remote::read(description, bundled)?;
        Ok(Self { remote, lines, extensions: extensions.map, mixed_extensions })
    }
}

/// The mids of the first BUNDLE group. The relay has one transport per client and takes part in one group.
fn bundle(description: &SessionDescription) -> BTreeSet<Mid> {
    let groups = description.attributes.iter().filter(|attribute| attribute.key == "group");
    let mut values = groups.filter_map(|attribute| attribute.value.as_deref()?.strip_prefix("BUNDLE "));
    values.next().unwrap_or_default().split_whitespace().filter_map(Mid::new).collect()
}

/// What the lines owe each other.
fn check(lines: &[Line], bundle: &BTreeSet<Mid>) -> Result<(), SdpError> {
    let mut mids = BTreeSet::new();
    if let Some(mid) = lines.iter().filter_map(|line| line.mid).find(|&mid| !mids.insert(mid)) {
        return Err(SdpError::DuplicateMid(mid));
    }
    let accepted = || lines.iter().filter_map(|line| line.body.as_ref());
    if accepted().next().is_none() {
        return Err(SdpError::NoMedia);
    }
    if let Some(body) = accepted().find(|body| !bundle.contains(&body.mid)) {
        return Err(SdpError::NotBundled(body.mid));
    }
    let mut ssrcs = BTreeSet::new();
    let mut types = BTreeMap::new();
    for (index, body) in accepted().enumerate() {
        // Lines that leave the transport's description to the first line may leave this to it, too (RFC 8843 section 7.1.3).
        if !body.rtcp_mux && (body.own_transport || index == 0) {
            return Err(SdpError::NoRtcpMux(body.mid));
        }
        if !body.announced().all(|ssrc| ssrcs.insert(ssrc)) {
            return Err(SdpError::BadSsrcs(body.mid));
        }
        payload_types(body, &mut types)?;
    }
    Ok(())
}

/// What a payload type stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Media(Codec, Format),
    Rtx(u8),
}

/// RFC 8843 section 9.1: within a bundle a payload type has one meaning.
fn payload_types(body: &Body, types: &mut BTreeMap<u8, Meaning>) -> Result<(), SdpError> {
    for line in body.codecs.iter().map(|codec| codec.line) {
        let media = (line.pt, Meaning::Media(line.codec, line.format));
        let rtx = line.rtx.map(|pt| (pt, Meaning::Rtx(line.pt)));
        for (pt, meaning) in [Some(media), rtx].into_iter().flatten() {
            if *types.entry(pt).or_insert(meaning) != meaning {
                return Err(SdpError::PayloadTypeConflict(pt));
            }
        }
    }
    Ok(())
}
