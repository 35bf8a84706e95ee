//! What is said to a publisher and when: reports, transport-wide feedback, keyframe requests, NACKs.

use std::time::{Duration, Instant};

use wire::ids::Ssrc;
use wire::rtcp::{ReportBlock, RtcpWriter};

use crate::layer::Layer;
use crate::publication::Publication;
use crate::twcc::Arrivals;

/// Receiver reports; the publisher learns loss and round trip from them.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Blocks in one report (RFC 3550 section 6.4.1: the count has five bits).
const MAX_BLOCKS: usize = 31;

/// Numbers in one NACK message.
const MAX_NACKS: usize = 64;

/// The largest NACK message: header, two SSRCs, an entry of four bytes for each number.
const NACK_ROOM: usize = 12 + 4 * MAX_NACKS;

/// A PLI message, bytes.
const PLI_ROOM: usize = 12;

/// Feedback on one peer's leg.
#[derive(Debug)]
pub(crate) struct Feedback {
    local: Ssrc,
    arrivals: Arrivals,
    /// Any stream of the peer: transport-wide feedback must name one.
    media: Ssrc,
    /// None before the first packet.
    report_due: Option<Instant>,
}

impl Feedback {
    pub(crate) fn new(now: Instant, local: Ssrc) -> Self {
        Self { local, arrivals: Arrivals::new(now), media: Ssrc(0), report_due: None }
    }

    /// Any packet of the peer arrived.
    #[inline]
    pub(crate) fn arrived(&mut self, now: Instant, ssrc: Ssrc, transport_seq: Option<u16>) {
        if let Some(seq) = transport_seq {
            self.arrivals.record(now, seq);
            self.media = ssrc;
        }
        self.report_due.get_or_insert(now + REPORT_INTERVAL);
    }

    pub(crate) fn poll_timeout(&self, publications: &[Publication]) -> Option<Instant> {
        // A layer without SSRC cannot be spoken about: its wishes wait for one, and wake nobody.
        let layers = publications.iter().flat_map(|publication| &publication.layers).filter(|layer| layer.ssrc.is_some());
        layers.flat_map(of_layer).chain(self.of_peer()).flatten().min()
    }

    /// The same for what one packet of `layer` can have changed.
    #[inline]
    pub(crate) fn poll_timeout_of(&self, layer: &Layer) -> Option<Instant> {
        of_layer(layer).into_iter().chain(self.of_peer()).flatten().min()
    }

    /// When what concerns all of the peer's packets is due.
    fn of_peer(&self) -> [Option<Instant>; 2] {
        [self.arrivals.poll_timeout(), self.report_due]
    }

    /// Writes what is due and fits; true if that was anything.
    pub(crate) fn write(&mut self, now: Instant, publications: &mut [Publication], rtt: Duration, writer: &mut RtcpWriter<'_>) -> bool {
        if self.poll_timeout(publications).is_none_or(|due| due > now) {
            return false;
        }
        let before = writer.len();
        self.write_report(now, publications, writer);
        while self.arrivals.write(now, self.local, self.media, writer) {}
        let layers = publications.iter_mut().flat_map(|publication| {
            let asks = publication.asks_again();
            publication.layers.iter_mut().map(move |layer| (layer, asks))
        });
        for (layer, asks) in layers {
            let Some(ssrc) = layer.ssrc else { continue };
            // What does not fit stays due for the next datagram. The writes cannot fail: there is room.
            if writer.remaining() >= PLI_ROOM && layer.keyframes.take_due(now, rtt) {
                let _ = writer.pli(self.local, ssrc);
            }
            let mut lost = [0; MAX_NACKS];
            while writer.remaining() >= NACK_ROOM {
                let count = layer.nacks.take_due(now, rtt, &mut lost);
                if asks {
                    let _ = writer.nack(self.local, ssrc, &lost[..count]);
                }
                if count < MAX_NACKS {
                    break;
                }
            }
        }
        writer.len() > before
    }

    /// One block for each layer that was heard. A writer without room loses the report of this second, not more.
    fn write_report(&mut self, now: Instant, publications: &mut [Publication], writer: &mut RtcpWriter<'_>) {
        if self.report_due.is_none_or(|due| due > now) {
            return;
        }
        self.report_due = Some(now + REPORT_INTERVAL);
        let layers = publications.iter_mut().flat_map(|publication| &mut publication.layers);
        let mut reports = layers.filter_map(|layer| layer.reception.block(now, layer.ssrc?));
        loop {
            let mut blocks: [Option<ReportBlock>; MAX_BLOCKS] = [None; MAX_BLOCKS];
            let mut count = 0;
            for (block, report) in blocks.iter_mut().zip(reports.by_ref()) {
                *block = Some(report);
                count += 1;
            }
            let Some(first) = blocks[0] else { return };
            let full = blocks.map(|block| block.unwrap_or(first));
            if writer.receiver_report(self.local, &full[..count]).is_err() || count < MAX_BLOCKS {
                return;
            }
        }
    }
}

/// When what is to be said of one layer is due.
fn of_layer(layer: &Layer) -> [Option<Instant>; 2] {
    [layer.nacks.poll_timeout(), layer.keyframes.poll_timeout()]
}
