//! One view of a packet, whether it has just arrived or comes out of the store.

use std::time::Instant;

use wire::codec::{Codec, vp8, vp9};
use wire::ext::{Ext, ExtValues};
use wire::ntp::Ntp;

use crate::segment::Pictures;
use crate::{Inbound, Stored};

/// What a slot needs of a packet to write it. Made from an [`Inbound`] or a [`Stored`].
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    pub(crate) ext_seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) arrival: Instant,
    pub(crate) in_pt: u8,
    pub(crate) payload: &'a [u8],
    pub(crate) exts: &'a ExtValues<'a>,
    pub(crate) abs_capture: Option<Ntp>,
    pub(crate) vp8: Option<vp8::Descriptor>,
    pub(crate) vp9: Option<vp9::Descriptor>,
    pub(crate) picture_id: Option<u16>,
}

impl<'a> From<&'a Inbound<'a>> for Packet<'a> {
    #[inline]
    fn from(inbound: &'a Inbound<'a>) -> Self {
        Self {
            ext_seq: inbound.ext_seq,
            timestamp: inbound.timestamp,
            marker: inbound.marker,
            arrival: inbound.arrival,
            in_pt: inbound.in_pt,
            payload: inbound.payload,
            exts: &inbound.exts,
            abs_capture: inbound.abs_capture,
            vp8: inbound.vp8,
            vp9: inbound.vp9,
            picture_id: inbound.picture_id,
        }
    }
}

impl<'a> From<&'a Stored<'a>> for Packet<'a> {
    fn from(stored: &'a Stored<'a>) -> Self {
        let vp8 = if stored.codec == Codec::Vp8 { vp8::Descriptor::parse(stored.payload) } else { None };
        let vp9 = if stored.codec == Codec::Vp9 { vp9::Descriptor::parse(stored.payload) } else { None };
        Self {
            ext_seq: stored.ext_seq,
            timestamp: stored.timestamp,
            marker: stored.marker,
            arrival: stored.arrival,
            in_pt: stored.in_pt,
            payload: stored.payload,
            exts: &stored.exts,
            abs_capture: stored.abs_capture,
            vp8,
            vp9,
            picture_id: stored.picture_id,
        }
    }
}

impl Packet<'_> {
    /// The same packet without what it carries: it only fills a place in the numbering.
    pub(crate) fn emptied(&self) -> Self {
        Self { payload: &[], vp8: None, vp9: None, picture_id: None, ..*self }
    }

    /// The numbers of this packet that a segment shifts.
    #[inline]
    pub(crate) fn pictures(&self) -> Pictures {
        let of_vp8 = self.vp8.and_then(|descriptor| descriptor.tl0);
        let tl0 = of_vp8.or_else(|| self.vp9.and_then(|descriptor| descriptor.tl0));
        Pictures { picture_id: self.picture_id, tl0, frame: self.frame_number() }
    }

    /// Frame number of the dependency descriptor: the second and third byte of its mandatory fields (AV1 RTP specification A.8.2).
    pub(crate) fn frame_number(&self) -> Option<u16> {
        let value = self.exts.get(Ext::DependencyDescriptor)?;
        Some(u16::from_be_bytes([*value.get(1)?, *value.get(2)?]))
    }
}
