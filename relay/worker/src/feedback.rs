//! RTCP that goes out: reports, NACKs, keyframe requests and transport feedback of one peer, when they are due.

use std::time::{Duration, Instant};

use media::{Publication, Receiver, SourceClock};
use signal::session::MediaKind;
use transport::Path;
use wire::ids::Ssrc;
use wire::rtcp::{ReportBlock, RtcpWriter, SenderInfo, WriteError};

use crate::keys::PeerKey;
use crate::peer::Link;
use crate::worker::Worker;

/// How often sender reports go out.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Room for one compound packet, bytes: below every common MTU with IPv6, UDP and SRTCP around it.
const MAX_COMPOUND: usize = 1150;
/// Most RTCP datagrams for one peer at one time; what is left comes at the next timeout.
const MAX_COMPOUNDS: usize = 16;

impl Worker {
    /// Does what a peer's link wanted to be woken for.
    pub(crate) fn peer_timeout(&mut self, now: Instant, key: PeerKey) {
        self.pace(now, key);
        // A queue is looked at every few milliseconds, the rest is not due as often.
        if self.link(key).is_none_or(|link| link.upkeep(now) > now) {
            return;
        }
        self.transport_timeout(now, key);
        self.sender_reports(now, key);
        self.receiver_feedback(now, key);
    }

    /// TWCC, NACK, PLI and receiver reports towards a publisher.
    fn receiver_feedback(&mut self, now: Instant, key: PeerKey) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        let Some(path) = link.path(now) else { return };
        let before = keyframe_requests(&link.receiver);
        for _ in 0..MAX_COMPOUNDS {
            let Link { receiver, transport, .. } = &mut *link;
            let sent = self.outbox.push(path, |buf| {
                let mut writer = RtcpWriter::new(&mut buf[..MAX_COMPOUND]);
                if !receiver.write_feedback(now, &mut writer) {
                    return None;
                }
                let len = writer.finish();
                transport.seal_rtcp(buf, len).ok()
            });
            if !sent {
                break;
            }
            self.counters.rtcp_sent += 1;
        }
        self.counters.keyframe_requests(before, keyframe_requests(&link.receiver));
    }

    /// One sender report for each slot that carries something, so that sound and picture can be aligned.
    fn sender_reports(&mut self, now: Instant, key: PeerKey) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        if now < link.report_at {
            return;
        }
        link.report_at = now + REPORT_INTERVAL;
        let Some(path) = link.path(now) else { return };
        let mut reports = std::mem::take(&mut self.reports);
        self.collect_reports(now, key, &mut reports);
        self.write_reports(key, path, &reports);
        self.reports = reports;
    }

    fn write_reports(&mut self, key: PeerKey, path: Path, reports: &[(Ssrc, SenderInfo)]) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        let mut rest = reports;
        while !rest.is_empty() {
            let sent = self.outbox.push(path, |buf| {
                let mut writer = RtcpWriter::new(&mut buf[..MAX_COMPOUND]);
                while let Some(((ssrc, report), after)) = rest.split_first() {
                    if write_report(&mut writer, *ssrc, report).is_err() {
                        break;
                    }
                    rest = after;
                }
                let len = writer.finish();
                link.transport.seal_rtcp(buf, len).ok()
            });
            if !sent {
                break;
            }
            self.counters.rtcp_sent += 1;
        }
    }

    fn collect_reports(&mut self, now: Instant, key: PeerKey, reports: &mut Vec<(Ssrc, SenderInfo)>) {
        reports.clear();
        let ntp = self.ntp(now);
        for index in 0..self.link(key).map_or(0, |link| link.slots.len()) {
            let Some(clock) = self.clock_in(key, index) else { continue };
            let Some(slot) = self.link_mut(key).and_then(|link| link.slots.get_mut(index)) else { continue };
            reports.extend(slot.media.sender_report(now, ntp, &clock).map(|report| (slot.line.ssrc, report)));
        }
    }

    /// The clock of what is in a slot.
    fn clock_in(&self, key: PeerKey, index: usize) -> Option<SourceClock> {
        let slot = self.link(key)?.slots.get(index)?;
        let occupant = slot.occupant?;
        let (_, publication) = self.link(occupant.publisher)?.publication(occupant.wish.1)?;
        Some(publication.clock(slot.media.current_layer()?))
    }
}

/// Requests sent to a publisher since the start, by cause.
fn keyframe_requests(receiver: &Receiver) -> [u64; 3] {
    let layers = receiver.publications().iter().flat_map(Publication::layers);
    layers.fold([0; 3], |mut sums, layer| {
        sums.iter_mut().zip(layer.keyframe_requests_by_cause()).for_each(|(sum, requests)| *sum += requests);
        sums
    })
}

fn write_report(writer: &mut RtcpWriter<'_>, ssrc: Ssrc, report: &SenderInfo) -> Result<(), WriteError> {
    writer.sender_report(ssrc, report, &[])?;
    writer.cname(ssrc, signal::sdp::CNAME)
}

impl Link {
    /// Receiver report blocks from this peer about our slots. The way to him is also that to what he publishes; of whoever receives nothing
    /// it is not known.
    pub(crate) fn report_blocks(&mut self, now: Instant, blocks: impl Iterator<Item = ReportBlock>) {
        for block in blocks {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.line.ssrc == block.ssrc) {
                let round_trip = slot.media.handle_receiver_block(now, &block);
                if let Some(rtt) = slot.media.rtt() {
                    self.receiver.set_rtt(rtt);
                }
                // Also of whoever agreed to tell of each packet and does not.
                let nothing_better = !slot.line.is_numbered() || self.downlink.estimator.is_mute(now);
                if nothing_better && slot.line.kind == MediaKind::Video {
                    self.downlink.estimator.handle_report(now, block.fraction_lost, round_trip);
                }
            }
        }
    }
}
