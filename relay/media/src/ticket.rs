//! The numbers of one packet in one slot, fixed when it arrives and good until it is written.

use crate::Origin;

/// A packet's place in a slot's stream. Between [`crate::Slot::admit`] and [`crate::Slot::write`] it may wait, while other packets,
/// layers and persons go their way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// Which packet of the attached publication.
    pub origin: Origin,
    /// Bytes of its payload; headers and tag come to it.
    pub bytes: u16,
    pub(crate) out_seq: u64,
    pub(crate) shift: Shift,
    /// Which [`crate::Slot::attach`] it belongs to: with the next, its time is over.
    pub(crate) attach: u32,
    /// The first that the slot sends of a layer or publication.
    pub(crate) starts: bool,
    /// It begins a keyframe.
    pub(crate) keyframe: bool,
    /// The marker is set, whatever the publisher says.
    pub(crate) marked: bool,
    /// It only fills a place: what it carries is of a layer that this viewer does not get, or it follows a picture.
    pub(crate) fills: bool,
}

/// What is added to a publisher's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Shift {
    pub(crate) timestamp: u32,
    /// Of the picture id of VP8 and VP9, 15 bits.
    pub(crate) picture_id: u16,
    /// Of the frame number of the dependency descriptor.
    pub(crate) frame: u16,
    pub(crate) tl0: u8,
}

impl Shift {
    /// The viewer's timestamp of a publisher's.
    #[inline]
    pub(crate) fn timestamp(&self, timestamp: u32) -> u32 {
        timestamp.wrapping_add(self.timestamp)
    }

    /// The viewer's picture id of a publisher's.
    #[inline]
    pub(crate) fn picture_id(&self, id: u16) -> u16 {
        id.wrapping_add(self.picture_id) & PICTURE_ID_MASK
    }
}

pub(crate) const PICTURE_ID_MASK: u16 = 0x7fff;

impl Ticket {
    /// Whether it carries nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fills
    }

    /// Sequence number that the packet has for the viewer.
    #[must_use]
    pub fn sequence(&self) -> u16 {
        self.out_seq as u16
    }
}
