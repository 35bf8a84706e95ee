//! Writes one outgoing packet: the publisher's payload under the viewer's header, with the slot's numbers.

use wire::ext::{Ext, ExtMap};
use wire::ids::Mid;
use wire::rtp::{RtpFields, write_header};

use crate::route::{Hop, Route};
use crate::ticket::Shift;
use crate::{CodecOut, Packet};

/// The viewer's codec and the part of the payload that is sent.
#[inline]
pub(crate) fn translate<'a>(route: &Route, packet: &Packet<'a>) -> Option<(CodecOut, &'a [u8])> {
    match route.find(packet.in_pt)? {
        Hop::Same { to, .. } => Some((to, packet.payload)),
        Hop::Unwrap { .. } if packet.payload.is_empty() => None,
        Hop::Unwrap { .. } => {
            let (pt, payload) = wire::codec::red::primary(packet.payload)?;
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
    /// When it is sent (abs-send-time), for viewers who are not told that number.
    pub(crate) sent: Option<[u8; 3]>,
}

/// Writes the header with its extensions and returns its length.
///
/// Layers, bandwidth and levels that the publisher says of his own leg stay there; what describes the frame itself goes on.
#[inline]
pub(crate) fn write_head(fields: &RtpFields, packet: &Packet<'_>, shift: &Shift, stamps: &Stamps<'_>, out: &mut [u8]) -> Option<usize> {
    let transport = stamps.transport.to_be_bytes();
    let capture = packet.abs_capture.map(|at| at.0.to_be_bytes());
    // A packet that carries nothing is part of no frame.
    let frame = packet.frame_number().filter(|_| !packet.payload.is_empty());
    // The descriptor goes first, so that its place is known when its frame number is put in.
    let values = [
        (Ext::DependencyDescriptor, frame.and(packet.exts.get(Ext::DependencyDescriptor))),
        (Ext::TransportCc, Some(&transport[..])),
        (Ext::Mid, Some(stamps.mid.as_bytes())),
        (Ext::AudioLevel, packet.exts.get(Ext::AudioLevel)),
        (Ext::AbsCaptureTime, capture.as_ref().map(<[u8; 8]>::as_slice)),
        (Ext::AbsSendTime, stamps.sent.as_ref().map(<[u8; 3]>::as_slice)),
    ];
    let mut elements: [(u8, &[u8]); 6] = [(0, &[]); 6];
    let count = stamps.exts.elements(values, &mut elements);
    let len = write_header(out, fields, &elements[..count])?;
    if let Some(frame) = frame
        && stamps.exts.id(Ext::DependencyDescriptor).is_some()
    {
        // Fixed header, profile and length, then the element's head of one or two bytes.
        let head = if out.get(12..14)? == [0xbe, 0xde] { 1 } else { 2 };
        let at = 12 + 4 + head + 1;
        out.get_mut(at..at + 2)?.copy_from_slice(&frame.wrapping_add(shift.frame).to_be_bytes());
    }
    Some(len)
}

/// Writes the payload and returns its length.
#[inline]
pub(crate) fn write_payload(packet: &Packet<'_>, payload: &[u8], shift: &Shift, out: &mut [u8]) -> Option<usize> {
    let picture_id = || shift.picture_id(packet.picture_id.unwrap_or(0));
    if let Some(descriptor) = &packet.vp8 {
        return descriptor.copy(payload, picture_id(), descriptor.tl0.unwrap_or(0).wrapping_add(shift.tl0), out);
    }
    if let Some(descriptor) = &packet.vp9 {
        return descriptor.copy(payload, picture_id(), descriptor.tl0.unwrap_or(0).wrapping_add(shift.tl0), out);
    }
    let copy = out.get_mut(..payload.len())?;
    copy.copy_from_slice(payload);
    Some(payload.len())
}
