//! Writes one outgoing packet: the publisher's payload under the viewer's header, with the segment's numbers.

use wire::codec::{Codec, vp8};
use wire::ext::{Ext, ExtMap, ExtValues};
use wire::ids::Mid;
use wire::ntp::Ntp;
use wire::rtp::{RtpFields, write_header};

use crate::route::{Hop, Route};
use crate::segment::{Pictures, Segment};
use crate::{CodecOut, Inbound, Stored};

/// What a packet says, whether it has just arrived or comes out of the store.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    pub(crate) in_pt: u8,
    pub(crate) payload: &'a [u8],
    pub(crate) exts: &'a ExtValues<'a>,
    pub(crate) abs_capture: Option<Ntp>,
    pub(crate) vp8: Option<vp8::Descriptor>,
    pub(crate) picture_id: Option<u16>,
}

impl<'a> Content<'a> {
    pub(crate) fn of_inbound(inbound: &'a Inbound<'_>) -> Self {
        Self {
            in_pt: inbound.in_pt,
            payload: inbound.payload,
            exts: &inbound.exts,
            abs_capture: inbound.abs_capture,
            vp8: inbound.vp8,
            picture_id: inbound.picture_id,
        }
    }

    pub(crate) fn of_stored(stored: &'a Stored<'_>) -> Self {
        let vp8 = if stored.codec == Codec::Vp8 { vp8::Descriptor::parse(stored.payload) } else { None };
        Self {
            in_pt: stored.in_pt,
            payload: stored.payload,
            exts: &stored.exts,
            abs_capture: stored.abs_capture,
            vp8,
            picture_id: stored.picture_id,
        }
    }

    /// The numbers of this packet that a segment shifts.
    #[inline]
    pub(crate) fn pictures(&self) -> Pictures {
        Pictures { picture_id: self.picture_id, tl0: self.vp8.and_then(|descriptor| descriptor.tl0), frame: self.frame() }
    }

    /// Frame number of the dependency descriptor: the second and third byte of its mandatory fields (AV1 RTP specification A.8.2).
    fn frame(&self) -> Option<u16> {
        let value = self.exts.get(Ext::DependencyDescriptor)?;
        Some(u16::from_be_bytes([*value.get(1)?, *value.get(2)?]))
    }
}

/// The viewer's codec and the part of the payload that is sent.
#[inline]
pub(crate) fn translate<'a>(route: &Route, content: &Content<'a>) -> Option<(CodecOut, &'a [u8])> {
    match route.find(content.in_pt)? {
        Hop::Same { to, .. } | Hop::Red { to, .. } => Some((to, content.payload)),
        Hop::Unwrap { .. } if content.payload.is_empty() => None,
        Hop::Unwrap { .. } => {
            let (pt, payload) = wire::codec::red::primary(content.payload)?;
            Some((route.plain(pt)?, payload))
        }
    }
}

/// Header extensions of a viewer's leg.
#[derive(Clone, Copy)]
pub(crate) struct Stamps<'a> {
    pub(crate) exts: &'a ExtMap,
    pub(crate) mid: Mid,
    /// Transport-wide number of this packet.
    pub(crate) transport: u16,
}

/// Writes the header with its extensions and returns its length.
///
/// Layers, bandwidth and levels that the publisher says of his own leg stay there; what describes the frame itself goes on.
#[inline]
pub(crate) fn write_head(
    fields: &RtpFields,
    content: &Content<'_>,
    segment: &Segment,
    stamps: &Stamps<'_>,
    out: &mut [u8],
) -> Option<usize> {
    let transport = stamps.transport.to_be_bytes();
    let capture = content.abs_capture.map(|at| at.0.to_be_bytes());
    let frame = content.frame();
    // The descriptor goes first, so that its place is known when its frame number is put in.
    let values: [(Ext, Option<&[u8]>); 7] = [
        (Ext::DependencyDescriptor, frame.and(content.exts.get(Ext::DependencyDescriptor))),
        (Ext::TransportCc, Some(&transport)),
        (Ext::Mid, Some(stamps.mid.as_str().as_bytes())),
        (Ext::AudioLevel, content.exts.get(Ext::AudioLevel)),
        (Ext::VideoOrientation, content.exts.get(Ext::VideoOrientation)),
        (Ext::PlayoutDelay, content.exts.get(Ext::PlayoutDelay)),
        (Ext::AbsCaptureTime, capture.as_ref().map(<[u8; 8]>::as_slice)),
    ];
    let mut elements: [(u8, &[u8]); 7] = [(0, &[]); 7];
    let mut count = 0;
    for (ext, value) in values {
        if let (Some(value), Some(id)) = (value, stamps.exts.id(ext)) {
            elements[count] = (id, value);
            count += 1;
        }
    }
    let len = write_header(out, fields, &elements[..count])?;
    if let Some(frame) = frame
        && stamps.exts.id(Ext::DependencyDescriptor).is_some()
    {
        // Fixed header, profile and length, then the element's head of one or two bytes.
        let head = if out.get(12..14)? == [0xbe, 0xde] { 1 } else { 2 };
        let at = 12 + 4 + head + 1;
        out.get_mut(at..at + 2)?.copy_from_slice(&frame.wrapping_add(segment.frame).to_be_bytes());
    }
    Some(len)
}

/// Writes the payload and returns its length.
#[inline]
pub(crate) fn write_payload(route: &Route, content: &Content<'_>, payload: &[u8], segment: &Segment, out: &mut [u8]) -> Option<usize> {
    if let Some(descriptor) = &content.vp8 {
        let picture_id = content.picture_id.unwrap_or(0).wrapping_add(segment.picture_id) & 0x7fff;
        return descriptor.copy(payload, picture_id, descriptor.tl0.unwrap_or(0).wrapping_add(segment.tl0), out);
    }
    let copy = out.get_mut(..payload.len())?;
    copy.copy_from_slice(payload);
    if let Some(Hop::Red { .. }) = route.find(content.in_pt) {
        translate_blocks(route, copy)?;
    }
    Some(payload.len())
}

/// Puts the viewer's payload types into the block headers of a RED payload (RFC 2198 section 3): all but the last have four bytes and
/// the top bit set.
fn translate_blocks(route: &Route, payload: &mut [u8]) -> Option<()> {
    let mut at = 0;
    for _ in 0..=wire::codec::red::MAX_REDUNDANT {
        // An empty payload only fills a place in the numbering.
        let Some(head) = payload.get_mut(at) else { return (at == 0).then_some(()) };
        *head = *head & 0x80 | route.plain(*head & 0x7f)?.pt;
        if *head & 0x80 == 0 {
            return Some(());
        }
        at += 4;
    }
    None
}
