//! RTP and RTCP of the client, both ways: scheduled media, recovery, reports, feedback.

use std::time::{Duration, Instant};

use signal::message::Source;
use wire::demux::{Kind, demux};
use wire::ext::{Ext, ExtValues};
use wire::ids::Ssrc;
use wire::rtcp::{self, ReportBlock, Rtcp, RtcpWriter};
use wire::rtp::RtpHeader;

use super::client::{Client, Congestion};
use super::outbox::MAX_DATAGRAM;
use super::outgoing::Packet;
use super::pattern::{self, Stamp};
use super::reception::Reported;

/// Pace of sender and receiver reports.
const REPORT_PACE: Duration = Duration::from_secs(1);
/// Report blocks in one message (RFC 3550 section 6.4.1: the count has five bits).
const MAX_BLOCKS: usize = 31;
/// Room that sealing needs behind an RTCP packet.
const TAIL: usize = transport::srtp::MAX_RTCP_OVERHEAD;

impl Client {
    /// What protects this client's media, once there are keys.
    #[must_use]
    pub fn profile(&self) -> Option<transport::srtp::Profile> {
        self.secure.profile()
    }

    pub(super) fn handle_rtp(&mut self, now: Instant, datagram: &mut [u8]) -> Option<Stamp> {
        let whole = datagram.len() as u64;
        let len = self.open(datagram, true)?;
        let packet = &datagram[..len];
        let Ok(header) = RtpHeader::parse(packet) else {
            self.counters.malformed += 1;
            return None;
        };
        self.counters.packets_received += 1;
        self.counters.bytes_received += whole;
        let values = ExtValues::read(&self.extensions, &header, packet);
        match &mut self.feedback {
            Congestion::TransportCc(arrivals) => {
                let told = self.setup.tells_of(header.payload_type);
                values.transport_seq().filter(|_| told).into_iter().for_each(|seq| arrivals.arrived(now, seq));
            }
            Congestion::Ccfb(arrivals) => arrivals.arrived(now, header.ssrc, header.sequence),
            Congestion::Nothing => {}
            Congestion::Remb(estimate) => {
                let sent = values.get(Ext::AbsSendTime).and_then(|value| value.try_into().ok());
                estimate.arrived(now, packet.len(), sent.map(|sent| transit(now.saturating_duration_since(self.epoch), sent)));
            }
        }
        let known = |slot: &super::slot::InSlot| slot.ssrc == header.ssrc || slot.rtx == Some(header.ssrc);
        if !self.unbound.is_empty()
            && !self.slots.iter().any(known)
            && let Some((mid, audio)) = self.unbound.claim(values.mid(), header.payload_type, &self.setup.numbering)
        {
            self.slots.push(super::slot::InSlot::new(self.epoch, &self.setup, mid, audio, header.ssrc, None));
        }
        let Some(slot) = self.slots.iter_mut().find(|slot| known(slot)) else {
            self.counters.strangers += 1;
            return None;
        };
        if let Some(mid) = values.mid().filter(|mid| mid.as_str() != slot.mid) {
            slot.record.complain(|| format!("mid {mid:?} on the SSRC of slot {}", slot.mid));
        }
        let Ok(payload) = header.payload(packet) else {
            self.counters.malformed += 1;
            return None;
        };
        if slot.rtx == Some(header.ssrc) {
            let counter = if payload.is_empty() { &mut self.counters.padding_received } else { &mut self.counters.resent_received };
            *counter += whole;
        }
        slot.handle_packet(now, &header, payload)
    }

    /// Opens a datagram as somebody with this client's keys could who overhears it: nothing is counted, shown or answered. `None`: it is
    /// no authentic media packet; within, what the payload says of its author. Each datagram once, and not one that is handled as well.
    pub fn inspect(&mut self, datagram: &mut [u8]) -> Option<Option<Stamp>> {
        if demux(datagram) != Some(Kind::Rtp) {
            return None;
        }
        let len = self.secure.overhearer()?.open_rtp(datagram).ok()?;
        let header = RtpHeader::parse(&datagram[..len]).ok()?;
        Some(pattern::find(header.payload(&datagram[..len]).ok()?))
    }

    pub(super) fn handle_rtcp(&mut self, now: Instant, datagram: &mut [u8]) {
        let Some(len) = self.open(datagram, false) else { return };
        let Ok(messages) = rtcp::parse(&datagram[..len]) else {
            self.counters.malformed += 1;
            return;
        };
        for message in messages {
            match message {
                Rtcp::SenderReport { ssrc, ntp, rtp, .. } => {
                    if let Some(slot) = self.slots.iter_mut().find(|slot| slot.ssrc == ssrc) {
                        slot.handle_sender_report(now, ntp, rtp);
                    }
                }
                Rtcp::Nack { media, lost, .. } => lost.for_each(|sequence| self.resend(media, sequence)),
                Rtcp::Pli { media, .. } => self.make_keyframe(media),
                Rtcp::Fir { media, .. } => media.for_each(|ssrc| self.make_keyframe(ssrc)),
                Rtcp::TransportCc(_) => self.counters.feedback += 1,
                _ => {}
            }
        }
    }

    /// Sends one more packet of a source's first stream, its payload and perhaps its type being of the caller's making; for tests of what a
    /// hostile client may do.
    pub fn send_rtp(&mut self, now: Instant, source: Source, payload_type: Option<u8>, payload: &[u8]) {
        let Some(to) = self.ice.path() else { return };
        let Self { publications, secure, outbox, setup, transport_seq, counters, epoch, .. } = self;
        let Some(session) = secure.session() else { return };
        let Some(publication) = publications.iter_mut().find(|own| own.setup.source == source) else { return };
        let packet = Packet { captured: now.saturating_duration_since(*epoch), marker: false, audio_level: None, payload };
        let Some(stream) = publication.first_stream(payload_type) else { return };
        let sent = outbox.push(to, |out| {
            let len = stream.write(&setup.numbering, transport_seq, &packet, out)?;
            session.seal_rtp(out, len).ok()
        });
        counters.packets_sent += u64::from(sent);
    }

    pub(super) fn send_media(&mut self, now: Instant) {
        let Some(to) = self.ice.path() else { return };
        let Self { publications, secure, outbox, setup, transport_seq, counters, epoch, scheduled, .. } = self;
        let Some(session) = secure.session() else { return };
        for publication in publications {
            let Some(due) = publication.due(now).filter(|due| *due <= now) else { continue };
            *scheduled = Some(scheduled.map_or(due, |before| before.min(due)));
            publication.produce(now, *epoch, |stream, packet| {
                let sent = outbox.push(to, |out| {
                    let len = stream.write(&setup.numbering, transport_seq, packet, out)?;
                    session.seal_rtp(out, len).ok()
                });
                counters.packets_sent += u64::from(sent);
            });
        }
    }

    /// Reports once a second; negative acknowledgements, keyframe requests and congestion feedback when they are due.
    pub(super) fn send_feedback(&mut self, now: Instant) {
        if *self.report_at.get_or_insert(now) <= now {
            self.report_at = Some(now + REPORT_PACE);
            self.send_reports(now);
        }
        let (own, rtt, compound) = (self.feedback_ssrc, self.ice.rtt(), self.compound);
        let mut asks: Vec<(Ssrc, Vec<u16>, bool, Option<ReportBlock>)> = Vec::new();
        for slot in &mut self.slots {
            slot.handle_timeout(now);
            let (lost, keyframe) = (slot.due_nacks(now, rtt), slot.needs_keyframe(now));
            if keyframe || !lost.is_empty() {
                let report = if compound { slot.report(now).map(|report| block(slot.ssrc, &report)) } else { None };
                asks.push((slot.ssrc, lost, keyframe, report));
            }
        }
        for (media, lost, keyframe, report) in asks {
            self.counters.nacks_sent += lost.len() as u64;
            self.counters.plis_sent += u64::from(keyframe);
            self.push_rtcp(|writer| {
                // Some servers find the stream by the report alone (RFC 3550 section 6.1).
                if compound {
                    let _ = writer.receiver_report(own, report.as_slice());
                }
                // Whatever does not fit is asked for again a round trip later.
                let _ = writer.nack(own, media, &lost);
                if keyframe {
                    let _ = writer.pli(own, media);
                }
            });
        }
        self.send_congestion(now);
    }

    /// What does not fit or is lost is not told again: the relay has to live with that.
    fn send_congestion(&mut self, now: Instant) {
        let (own, timestamp, compound) = (self.feedback_ssrc, self.ntp(now).middle32(), self.compound);
        match &mut self.feedback {
            Congestion::TransportCc(arrivals) => {
                let due: Vec<_> = std::iter::from_fn(|| arrivals.take_due(now)).collect();
                for (info, statuses) in due {
                    self.push_rtcp(|writer| {
                        begin(writer, own, compound);
                        let _ = writer.transport_cc(own, own, &info, statuses.iter().copied());
                    });
                }
            }
            Congestion::Ccfb(arrivals) => {
                let Some(reports) = arrivals.take_due(now) else { return };
                let streams: Vec<_> = reports.iter().map(|(ssrc, begin, arrivals)| (*ssrc, *begin, arrivals.as_slice())).collect();
                self.push_rtcp(|writer| {
                    begin(writer, own, compound);
                    let _ = writer.ccfb(own, timestamp, &streams);
                });
            }
            Congestion::Remb(estimate) => {
                let Some(bitrate) = estimate.take_due(now) else { return };
                let streams: Vec<Ssrc> = self.slots.iter().map(|slot| slot.ssrc).take(255).collect();
                self.push_rtcp(|writer| {
                    begin(writer, own, compound);
                    let _ = writer.remb(own, bitrate, &streams);
                });
            }
            Congestion::Nothing => {}
        }
    }

    /// Writes, seals and queues one RTCP packet; an empty one is not sent.
    pub(super) fn push_rtcp(&mut self, write: impl FnOnce(&mut RtcpWriter<'_>)) {
        let Some(to) = self.ice.path() else { return };
        let Some(session) = self.secure.session() else { return };
        self.outbox.push(to, |out| {
            let mut writer = RtcpWriter::new(&mut out[..MAX_DATAGRAM - TAIL]);
            write(&mut writer);
            let len = writer.finish();
            if len == 0 { None } else { session.seal_rtcp(out, len).ok() }
        });
    }

    fn send_reports(&mut self, now: Instant) {
        let (own, ntp, elapsed) = (self.feedback_ssrc, self.ntp(now), now.saturating_duration_since(self.epoch));
        let blocks: Vec<ReportBlock> = self.slots.iter_mut().filter_map(|slot| Some(block(slot.ssrc, &slot.report(now)?))).collect();
        let tracks = self.publications.iter().flat_map(super::publication::Publication::tracks);
        let senders: Vec<_> =
            tracks.filter_map(|track| Some((track.stream.setup.ssrc, track.stream.sender_report(elapsed, ntp)?))).collect();
        self.push_rtcp(|writer| {
            // A report that does not fit is left out; the next one comes in a second.
            let _ = writer.receiver_report(own, &blocks[..blocks.len().min(MAX_BLOCKS)]);
            let _ = writer.cname(own, "light");
            for (ssrc, info) in &senders {
                let _ = writer.sender_report(*ssrc, info, &[]);
            }
        });
    }

    fn resend(&mut self, media: Ssrc, sequence: u16) {
        self.counters.nacked += 1;
        let Some(to) = self.ice.path() else { return };
        let Self { publications, secure, outbox, setup, transport_seq, counters, .. } = self;
        let Some(session) = secure.session() else { return };
        let Some(track) = publications.iter_mut().find_map(|publication| publication.track_mut(media)) else { return };
        let sent = outbox.push(to, |out| {
            let len = track.stream.resend(&setup.numbering, transport_seq, sequence, out)?;
            session.seal_rtp(out, len).ok()
        });
        counters.resent += u64::from(sent);
        counters.packets_sent += u64::from(sent);
    }

    fn make_keyframe(&mut self, media: Ssrc) {
        self.counters.keyframes_asked += 1;
        for publication in &mut self.publications {
            if let Some(track) = publication.track_mut(media) {
                track.asked += 1;
                publication.want_keyframe(media);
            }
        }
    }

    fn open(&mut self, datagram: &mut [u8], rtp: bool) -> Option<usize> {
        let opened = self.secure.session().and_then(|session| {
            let plain = if rtp { session.open_rtp(datagram) } else { session.open_rtcp(datagram) };
            plain.ok()
        });
        self.counters.refused += u64::from(opened.is_none());
        opened
    }
}

/// What stands in front of feedback that may not stand alone.
fn begin(writer: &mut RtcpWriter<'_>, own: Ssrc, compound: bool) {
    if compound {
        // There is room for eight bytes at the beginning.
        let _ = writer.receiver_report(own, &[]);
    }
}

/// Arrival less sending time, seconds against the sender's clock: both in 6.18 fixed point, modulo 64 s.
fn transit(arrived: Duration, [a, b, c]: [u8; 3]) -> f64 {
    let arrived = ((arrived.as_micros() as u64) << 18) / 1_000_000;
    let difference = (arrived as u32).wrapping_sub(u32::from_be_bytes([0, a, b, c]));
    // A signed difference of 24 bits: shifted to the top of a word and back.
    f64::from((difference << 8).cast_signed() >> 8) / f64::from(1 << 18)
}

fn block(ssrc: Ssrc, report: &Reported) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: report.fraction,
        cumulative_lost: report.lost,
        highest_sequence: report.highest,
        jitter: report.jitter,
        last_sr: report.last_sr,
        delay_since_last_sr: report.delay_since_sr,
    }
}
