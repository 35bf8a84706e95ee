//! The identities of a client's slots: each keeps its place and its SSRCs by mid for as long as the m-line lives.

use std::collections::{BTreeMap, BTreeSet};

use wire::ids::{Mid, Ssrc};

use super::line::{Body, Direction, Line};
use crate::session::{MediaKind, SlotLine};

/// What never changes about a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity {
    kind: MediaKind,
    index: usize,
    ssrc: Ssrc,
    /// Given out from the start, used when the client accepts RTX.
    rtx: Ssrc,
}

/// All slots of a client, by mid.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    known: BTreeMap<Mid, Identity>,
}

impl Slots {
    /// The slots after this offer: those whose m-line is gone or rejected are forgotten, new receiving lines get the lowest free place of
    /// their kind and SSRCs that nobody else in the session uses. A paused line keeps its identity.
    pub(super) fn after(&self, lines: &[Line], entropy: &mut dyn FnMut(&mut [u8])) -> Self {
        let bodies = || lines.iter().filter_map(|line| line.body.as_ref());
        let mut known: BTreeMap<Mid, Identity> = BTreeMap::new();
        for body in bodies() {
            if let Some(&identity) = self.known.get(&body.mid).filter(|identity| identity.kind == body.kind) {
                known.insert(body.mid, identity);
            }
        }
        let mut used: BTreeSet<Ssrc> = bodies().flat_map(Body::announced).collect();
        used.extend(known.values().flat_map(|identity| [identity.ssrc, identity.rtx]));
        for body in bodies().filter(|body| body.direction == Direction::RecvOnly) {
            if !known.contains_key(&body.mid) {
                let taken: BTreeSet<usize> =
                    known.values().filter(|identity| identity.kind == body.kind).map(|identity| identity.index).collect();
                let index = (0..).find(|index| !taken.contains(index)).unwrap_or(taken.len());
                let [ssrc, rtx] = [(); 2].map(|()| fresh(&mut used, entropy));
                known.insert(body.mid, Identity { kind: body.kind, index, ssrc, rtx });
            }
        }
        Self { known }
    }

    /// The slot of an m-line; `None` unless the client receives on it.
    pub(super) fn line(&self, body: &Body) -> Option<SlotLine> {
        let identity = self.known.get(&body.mid).filter(|_| body.direction == Direction::RecvOnly)?;
        Some(SlotLine {
            mid: body.mid,
            kind: body.kind,
            index: identity.index,
            ssrc: identity.ssrc,
            rtx: body.rtx().then_some(identity.rtx),
            codecs: body.codec_lines(),
            extensions: body.written(),
        })
    }
}

/// An unused SSRC. `used` holds a few hundred values at most, so the walk from a taken one ends at once.
fn fresh(used: &mut BTreeSet<Ssrc>, entropy: &mut dyn FnMut(&mut [u8])) -> Ssrc {
    let mut random = [0; 4];
    entropy(&mut random);
    let mut ssrc = Ssrc(u32::from_ne_bytes(random));
    // 0 is left out: some implementations take it for "none".
    while ssrc.0 == 0 || !used.insert(ssrc) {
        ssrc.0 = ssrc.0.wrapping_add(1);
    }
    ssrc
}
