//! Which SSRC belongs to which layer: the table, and the rules by which a new SSRC enters it.

use std::time::{Duration, Instant};

use wire::ext::ExtValues;
use wire::ids::{Rid, Ssrc};
use wire::rtp::RtpHeader;

use crate::publication::Publication;

/// A layer does not take another SSRC sooner than this: two sources that fight for it must not restart it with every packet, and
/// overtaken packets of the old SSRC must not win it back.
const MIN_REBIND: Duration = Duration::from_millis(500);

/// Place of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stream {
    ssrc: Ssrc,
    pub(crate) publication: usize,
    pub(crate) layer: usize,
    /// Retransmissions (RFC 4588) instead of originals.
    pub(crate) rtx: bool,
}

/// All streams of one peer: at most one for originals and one for retransmissions per layer.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    table: Vec<Stream>,
}

impl Streams {
    /// The stream with this SSRC.
    #[inline]
    pub(crate) fn find(&self, ssrc: Ssrc) -> Option<Stream> {
        self.table.iter().copied().find(|stream| stream.ssrc == ssrc)
    }

    /// Finds a place for an SSRC that is not in the table and enters it, in the place of the layer's earlier SSRC if there was one.
    #[cold]
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        publications: &mut [Publication],
        header: &RtpHeader,
        exts: &ExtValues<'_>,
    ) -> Option<Stream> {
        let (publication, layer, rtx) = locate(publications, header, exts)?;
        let place = publications.get_mut(publication)?.layers.get_mut(layer)?;
        let stream = Stream { ssrc: header.ssrc, publication, layer, rtx };
        if rtx {
            place.rtx = Some(header.ssrc);
        } else {
            if place.bound.is_some_and(|bound| now.saturating_duration_since(bound) < MIN_REBIND) {
                return None;
            }
            if place.bound.replace(now).is_some() {
                place.end_stream();
            }
            place.ssrc = Some(header.ssrc);
        }
        self.table.retain(|other| (other.publication, other.layer, other.rtx) != (publication, layer, rtx));
        self.table.push(stream);
        Some(stream)
    }

    /// The publisher has ended a stream, which stays known: browsers say goodbye to each layer that they pause, and go on with the same SSRC
    /// without naming its line and layer again.
    pub(crate) fn ended(&self, publications: &mut [Publication], ssrc: Ssrc) {
        let Some(stream) = self.find(ssrc).filter(|stream| !stream.rtx) else { return };
        if let Some(layer) = publications.get_mut(stream.publication).and_then(|publication| publication.layers.get_mut(stream.layer)) {
            layer.end_stream();
        }
    }

    /// Builds the table anew after the lines have changed.
    pub(crate) fn rebuild(&mut self, publications: &[Publication]) {
        self.table.clear();
        for (publication, line) in publications.iter().enumerate() {
            for (layer, place) in line.layers.iter().enumerate() {
                let media = place.ssrc.map(|ssrc| Stream { ssrc, publication, layer, rtx: false });
                let rtx = place.rtx.map(|ssrc| Stream { ssrc, publication, layer, rtx: true });
                self.table.extend(media.into_iter().chain(rtx));
            }
        }
    }
}

/// Line, layer and role by the mid and rid extensions, else by the announced SSRC, else by the only line with this payload type
/// (RFC 9143 section 9.2 in the order that suits WebRTC). The payload type must fit in each case.
fn locate(publications: &[Publication], header: &RtpHeader, exts: &ExtValues<'_>) -> Option<(usize, usize, bool)> {
    let pt = header.payload_type;
    let role = |line: &Publication| match (line.codec(pt), line.codec_of_rtx(pt)) {
        (Some(_), _) => Some(false),
        (None, Some(_)) => Some(true),
        (None, None) => None,
    };
    let rid = exts.repaired_rid().or(exts.rid());
    let index = match exts.mid() {
        Some(mid) => Some(publications.iter().position(|line| line.mid() == mid)?),
        None => rid.and_then(|rid| only(publications, |line| has_rid(line, rid))),
    };
    if let Some(index) = index {
        let line = publications.get(index)?;
        let layer = match rid {
            Some(rid) if line.layers.len() > 1 || has_rid(line, rid) => line.layers.iter().position(|layer| layer.rid == Some(rid))?,
            _ if line.layers.len() == 1 => 0,
            _ => line.announced(header.ssrc)?.0,
        };
        return Some((index, layer, role(line)?));
    }
    let announced = publications.iter().enumerate().find_map(|(index, line)| line.announced(header.ssrc).map(|found| (index, found)));
    if let Some((index, (layer, rtx))) = announced {
        return (role(publications.get(index)?) == Some(rtx)).then_some((index, layer, rtx));
    }
    let index = only(publications, |line| role(line).is_some())?;
    let line = publications.get(index)?;
    (line.layers.len() == 1).then_some((index, 0, role(line)?))
}

fn has_rid(line: &Publication, rid: Rid) -> bool {
    line.layers.iter().any(|layer| layer.rid == Some(rid))
}

/// Index of the only line for which `fits` holds.
fn only(publications: &[Publication], fits: impl Fn(&Publication) -> bool) -> Option<usize> {
    let mut fitting = publications.iter().enumerate().filter(|(_, line)| fits(line)).map(|(index, _)| index);
    fitting.next().filter(|_| fitting.next().is_none())
}
