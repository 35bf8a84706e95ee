//! Lost packets of sound out of the redundancy of a later one (RFC 2198): a repair that costs no round trip.

use std::time::Instant;

use wire::codec::{Codec, red};
use wire::ext::{ExtMap, ExtValues};
use wire::rtp::{RtpFields, write_header};

use crate::layer::{Arrival, Layer};
use crate::numbering::Place;
use crate::{Inbound, MediaKind, Receiver};

/// How far behind a packet its redundancy is looked for.
const REACH: u64 = red::MAX_REDUNDANT as u64;

/// A header without extensions, bytes.
const HEADER: usize = 12;

impl Receiver {
    /// What a packet of redundant sound brings of those that did not come: the oldest of them as the packet it was, under its own number.
    /// To be called with what [`Receiver::handle_rtp`] gave until it says `None`, and each to be passed on like any other.
    pub fn recover<'p>(&mut self, now: Instant, inbound: &Inbound<'p>) -> Option<Inbound<'p>> {
        if inbound.codec != Codec::Red {
            return None;
        }
        let (now_ntp, rtt) = (self.ntp(now), self.rtt());
        let publication = self.publication_mut(inbound.publication)?;
        let (kind, exts) = (publication.kind(), publication.exts());
        let layer = publication.layers.get(inbound.layer).filter(|_| kind == MediaKind::Audio)?;
        let missing = layer.nacks.missing(inbound.ext_seq.saturating_sub(REACH)..inbound.ext_seq);
        let (ext_seq, block) = missing.filter_map(|ext_seq| Some((ext_seq, find(layer, &exts, inbound, ext_seq)?))).next()?;
        let codec = publication.codec(block.payload_type).filter(|codec| codec.codec == Codec::Opus)?;
        let timestamp = inbound.timestamp.wrapping_sub(block.offset);
        let arrival = Arrival { now, now_ntp, timestamp, rate: codec.clock_rate, bytes: block.data.len(), recovered: true, rtt };
        let open = publication.is_open();
        let layer = publication.layers.get_mut(inbound.layer)?;
        let place = layer.numbering.place_recovered(ext_seq as u16);
        if place != (Place::Late { ext: ext_seq }) {
            return None;
        }
        layer.accept(place, &arrival)?;
        let recovered = Inbound {
            ext_seq,
            timestamp,
            marker: false,
            codec: codec.codec,
            in_pt: codec.pt,
            late: true,
            payload: block.data,
            exts: ExtValues::NONE,
            captured: layer.clock().time_of(timestamp),
            abs_capture: None,
            audio_level: None,
            behind: inbound.behind + (inbound.ext_seq - ext_seq),
            ..*inbound
        };
        let fields = RtpFields { marker: false, payload_type: codec.pt, sequence: ext_seq as u16, timestamp, ssrc: layer.ssrc? };
        let mut header = [0; HEADER];
        if open && write_header(&mut header, &fields, &[]).is_some() {
            layer.store.insert(&recovered, &header);
        }
        self.count_rebuilt();
        Some(recovered)
    }
}

/// The block that a missing packet was. A block says when it was captured, not which number it had; the packet before tells.
fn find<'p>(layer: &Layer, exts: &ExtMap, inbound: &Inbound<'p>, ext_seq: u64) -> Option<red::Block<'p>> {
    let before = (ext_seq.saturating_sub(REACH)..ext_seq).rev().find_map(|number| layer.store.get(number, exts))?;
    let (steps, span) = (inbound.ext_seq - before.ext_seq, u64::from(inbound.timestamp.wrapping_sub(before.timestamp)));
    let blocks = || red::blocks(inbound.payload).into_iter().flatten().filter(|block| !block.data.is_empty() && block.offset > 0);
    // As many packets as fit evenly between the two, of a length that Opus knows.
    let even = Some(span / steps).filter(|step| span.is_multiple_of(steps) && STEPS.contains(step));
    let found = even.and_then(|step| blocks().find(|block| u64::from(block.offset) == step * (inbound.ext_seq - ext_seq)));
    // With silence in between: only if there is one packet missing and one block it can be.
    found.or_else(|| {
        let mut between = blocks().filter(|block| u64::from(block.offset) < span);
        let block = between.next().filter(|_| steps == 2)?;
        between.next().is_none().then_some(block)
    })
}

/// Lengths of packets of speech, RTP ticks: 10, 20, 40 and 60 ms.
const STEPS: [u64; 4] = [480, 960, 1920, 2880];
