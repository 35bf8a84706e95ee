//! A publisher's packet after the receiver has placed it, and the same packet out of the store.

use std::time::Instant;

use wire::codec::{Codec, FrameInfo, vp8, vp9};
use wire::ext::{AudioLevel, ExtValues};
use wire::ntp::Ntp;

use crate::dependency::Dependency;

/// One packet, ready to be offered to slots. Borrows only the datagram.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'p> {
    /// [`crate::PublishConfig::label`] of its line.
    pub label: u32,
    /// Index of its line in the last configuration.
    pub publication: usize,
    /// Layer within the publication, 0 is the lowest quality.
    pub layer: usize,
    /// Counts up when the layer's numbering starts anew (another SSRC, a restarted encoder): nothing may be assumed to continue.
    pub generation: u32,
    /// Sequence number extended to 64 bits; its low 16 bits are the original. Unique within a layer, across generations too.
    pub ext_seq: u64,
    /// RTP timestamp of the publisher.
    pub timestamp: u32,
    /// Marker bit of the publisher.
    pub marker: bool,
    /// Codec by the payload type.
    pub codec: Codec,
    /// Payload type on the publisher's leg.
    pub in_pt: u8,
    /// This packet starts a keyframe.
    pub keyframe: bool,
    /// Its part in its frame, by dependency descriptor or payload.
    pub frame: FrameInfo,
    /// Reordered or recovered: newer packets came before it.
    pub late: bool,
    /// Payload without padding. May be empty: then it only fills a place in the numbering.
    pub payload: &'p [u8],
    /// Header extension values on the publisher's leg.
    pub exts: ExtValues<'p>,
    /// When it arrived.
    pub arrival: Instant,
    /// When it was captured, on the relay's clock, as well as the publisher's reports tell.
    pub captured: Ntp,
    /// The absolute capture time extension, moved to the relay's clock.
    pub abs_capture: Option<Ntp>,
    /// Loudness as the sender claims.
    pub audio_level: Option<AudioLevel>,
    /// VP8 or VP9 picture id, made 15 bits wide.
    pub picture_id: Option<u16>,
    /// VP8 payload descriptor.
    pub(crate) vp8: Option<vp8::Descriptor>,
    /// VP9 payload descriptor.
    pub(crate) vp9: Option<vp9::Descriptor>,
    /// Dependency descriptor.
    pub(crate) dependency: Option<Dependency>,
    /// How far it lies behind the newest packet of its layer.
    pub(crate) behind: u64,
    /// Its layers cannot be told, because the packet that says so is missing: no viewer gets it before that has come.
    pub(crate) unread: bool,
}

/// A stored packet of one publication layer, for retransmission.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'s> {
    /// See [`Inbound::ext_seq`].
    pub ext_seq: u64,
    /// See [`Inbound::timestamp`].
    pub timestamp: u32,
    /// See [`Inbound::marker`].
    pub marker: bool,
    /// See [`Inbound::codec`].
    pub codec: Codec,
    /// See [`Inbound::in_pt`].
    pub in_pt: u8,
    /// See [`Inbound::payload`].
    pub payload: &'s [u8],
    /// See [`Inbound::exts`].
    pub exts: ExtValues<'s>,
    /// See [`Inbound::abs_capture`].
    pub abs_capture: Option<Ntp>,
    /// See [`Inbound::picture_id`].
    pub picture_id: Option<u16>,
    /// See [`Inbound::frame`].
    pub frame: FrameInfo,
    /// See [`Inbound::arrival`].
    pub arrival: Instant,
    /// See [`Inbound::unread`]; until it could be read after all.
    pub(crate) unread: bool,
}
