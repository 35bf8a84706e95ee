//! Which payload type of a publisher becomes which of a viewer.

use wire::codec::Codec;

use crate::{CodecIn, CodecOut};

/// Payload types of one publication that a viewer can take; more are not routed.
const MAX_HOPS: usize = 12;

/// Payload types of one publication as one viewer must see them. Small, inline, copied into the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    hops: [Option<Hop>; MAX_HOPS],
}

/// One payload type on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hop {
    /// The payload goes as it is.
    Same { from: u8, to: CodecOut },
    /// RED whose blocks carry payload types of their own, to be translated by the other hops.
    Red { from: u8, to: CodecOut },
    /// RED for a viewer who has none: its newest block goes alone.
    Unwrap { from: u8 },
}

impl Hop {
    fn from(&self) -> u8 {
        match *self {
            Self::Same { from, .. } | Self::Red { from, .. } | Self::Unwrap { from } => from,
        }
    }
}

impl Route {
    /// Pairs every codec of the publisher with the viewer's first for which `matches` says yes (the caller compares codec, clock rate
    /// and format parameters). RED from the publisher goes as plain Opus to a viewer who has no RED.
    #[must_use]
    pub fn new(from: &[CodecIn], to: &[CodecOut], matches: impl Fn(&CodecIn, &CodecOut) -> bool) -> Self {
        let pairs = from.iter().filter_map(|codec| {
            let to = to.iter().copied().find(|out| matches(codec, out));
            match (codec.codec, to) {
                (Codec::Red, Some(to)) => Some(Hop::Red { from: codec.pt, to }),
                (Codec::Red, None) => Some(Hop::Unwrap { from: codec.pt }),
                (_, Some(to)) => Some(Hop::Same { from: codec.pt, to }),
                (_, None) => None,
            }
        });
        let mut hops = [None; MAX_HOPS];
        for (place, hop) in hops.iter_mut().zip(pairs) {
            *place = Some(hop);
        }
        Self { hops }
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
            Hop::Red { .. } | Hop::Unwrap { .. } => None,
        })
    }

    /// The viewer's codec for a payload type that goes as it is.
    #[inline]
    pub(crate) fn plain(&self, from: u8) -> Option<CodecOut> {
        match self.find(from)? {
            Hop::Same { to, .. } => Some(to),
            Hop::Red { .. } | Hop::Unwrap { .. } => None,
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
    fn red_is_kept_or_unwrapped() {
        let from = [codec_in(63, Codec::Red), codec_in(111, Codec::Opus)];
        let opus = codec_out(96, Codec::Opus);
        let kept = Route::new(&from, &[opus, codec_out(97, Codec::Red)], same_codec);
        assert_eq!(kept.find(63), Some(Hop::Red { from: 63, to: codec_out(97, Codec::Red) }));
        assert_eq!(kept.plain(111), Some(opus));
        let unwrapped = Route::new(&from, &[opus], same_codec);
        assert_eq!(unwrapped.find(63), Some(Hop::Unwrap { from: 63 }));
        assert!(!unwrapped.is_empty());
        assert_eq!((unwrapped.find(7), unwrapped.plain(63)), (None, None));
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
