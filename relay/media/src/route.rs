//! Which payload type of a publisher becomes which of a viewer.

use wire::codec::Codec;

use crate::{CodecIn, CodecOut};

/// Payload types of one publication that a viewer can take; more are not routed.
const MAX_HOPS: usize = 12;

/// Payload types of one publication as one viewer must see them. Small, inline, copied into the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    hops: [Option<Hop>; MAX_HOPS],
    /// The viewer's payload type for sound with copies (RFC 2198).
    red: Option<CodecOut>,
}

/// One payload type on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hop {
    /// The payload goes as it is.
    Same { from: u8, to: CodecOut },
    /// RED: its newest block goes alone. Which copies a viewer needs depends on the viewer's line, not on the publisher's.
    Unwrap { from: u8 },
}

impl Hop {
    fn from(&self) -> u8 {
        match *self {
            Self::Same { from, .. } | Self::Unwrap { from } => from,
        }
    }
}

impl Route {
    /// Pairs every codec of the publisher with the viewer's first for which `matches` says yes (the caller compares codec, clock rate
    /// and format parameters). RED from the publisher goes as plain Opus.
    #[must_use]
    pub fn new(from: &[CodecIn], to: &[CodecOut], matches: impl Fn(&CodecIn, &CodecOut) -> bool) -> Self {
        let pairs = from.iter().filter_map(|codec| {
            let to = to.iter().copied().find(|out| matches(codec, out));
            match (codec.codec, to) {
                (Codec::Red, _) => Some(Hop::Unwrap { from: codec.pt }),
                (_, Some(to)) => Some(Hop::Same { from: codec.pt, to }),
                (_, None) => None,
            }
        });
        let mut hops = [None; MAX_HOPS];
        for (place, hop) in hops.iter_mut().zip(pairs) {
            *place = Some(hop);
        }
        Self { hops, red: to.iter().copied().find(|codec| codec.codec == Codec::Red) }
    }

    /// The viewer's payload type for sound with copies, where he takes such.
    #[inline]
    pub(crate) fn red(&self) -> Option<CodecOut> {
        self.red
    }

    /// True when the viewer can decode nothing of this publication.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.hops.iter().flatten().any(|hop| matches!(hop, Hop::Same { .. }))
    }

    /// The way of a payload type of the publisher.
    #[inline]
    pub(crate) fn find(&self, from: u8) -> Option<Hop> {
        self.hops.iter().map_while(|hop| *hop).find(|hop| hop.from() == from)
    }

    /// The viewer's payload type of retransmissions, of the first codec that has one.
    pub(crate) fn rtx(&self) -> Option<u8> {
        self.hops.iter().map_while(|hop| *hop).find_map(|hop| match hop {
            Hop::Same { to, .. } => to.rtx,
            Hop::Unwrap { .. } => None,
        })
    }

    /// The viewer's codec for a payload type that goes as it is.
    #[inline]
    pub(crate) fn plain(&self, from: u8) -> Option<CodecOut> {
        match self.find(from)? {
            Hop::Same { to, .. } => Some(to),
            Hop::Unwrap { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hop, Route};
    use crate::{CodecIn, CodecOut};
    use wire::codec::Codec;

    const fn codec_in(pt: u8, codec: Codec) -> CodecIn {
        CodecIn { pt, codec, clock_rate: 48_000, rtx: None }
    }

    const fn codec_out(pt: u8, codec: Codec) -> CodecOut {
        CodecOut { pt, codec, clock_rate: 48_000, rtx: None }
    }

    fn same_codec(from: &CodecIn, to: &CodecOut) -> bool {
        from.codec == to.codec
    }

    #[test]
    fn red_is_unwrapped_and_the_viewers_is_known() {
        let from = [codec_in(63, Codec::Red), codec_in(111, Codec::Opus)];
        let (opus, red) = (codec_out(96, Codec::Opus), codec_out(97, Codec::Red));
        for (to, viewers) in [(&[opus, red][..], Some(red)), (&[opus], None)] {
            let route = Route::new(&from, to, same_codec);
            assert_eq!((route.find(63), route.plain(111), route.red()), (Some(Hop::Unwrap { from: 63 }), Some(opus), viewers));
            assert_eq!((route.is_empty(), route.find(7), route.plain(63)), (false, None, None));
        }
    }

    #[test]
    fn nothing_in_common() {
        let route = Route::new(&[codec_in(63, Codec::Red)], &[codec_out(96, Codec::H264)], same_codec);
        assert!(route.is_empty());
        let many: Vec<_> = (0..100).map(|pt| codec_in(pt, Codec::Vp8)).collect();
        let route = Route::new(&many, &[codec_out(96, Codec::Vp8)], same_codec);
        assert!(route.plain(11).is_some() && route.plain(12).is_none(), "bounded");
    }
}
