//! What arrives on the media port: told apart, authenticated, and only then acted upon.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::KeyframeCause;
use signal::message::ByeReason;
use transport::{Path, Transport};
use wire::demux::{Kind, demux};
use wire::ids::Ssrc;
use wire::rtcp::{self, Rtcp, TransportCc};
use wire::stun::StunRequest;

use crate::event::Event;
use crate::hall::speaker_label;
use crate::keys::PeerKey;
use crate::outbox::MAX_DATAGRAM;
use crate::worker::Worker;

/// Most missing numbers of one datagram that are looked at: more than a second of 1.5 Mbit/s, which is all the store holds anyway.
const MAX_NACKS: usize = 256;

/// Round trip to a viewer of whom it is not known.
const USUAL_RTT: Duration = Duration::from_millis(100);

/// What a datagram of feedback may still tell: it is small, and may speak of thousands of packets.
struct Allowance {
    missing: usize,
    statuses: usize,
}

impl Worker {
    /// A datagram arrived from `path.remote` at `path.local`. It is decrypted in place.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.counters.datagrams += 1;
        if datagram.len() > MAX_DATAGRAM {
            self.counters.dropped_oversize += 1;
            return;
        }
        match demux(datagram) {
            Some(Kind::Rtp) => self.rtp(now, path, datagram),
            Some(Kind::Rtcp) => self.rtcp(now, path, datagram),
            Some(Kind::Stun) => self.stun(now, path, datagram),
            Some(Kind::Dtls) => self.dtls(now, path, datagram),
            None => self.counters.dropped_unknown_kind += 1,
        }
    }

    fn stun(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let peer = StunRequest::parse(datagram).ok().and_then(|request| {
            let (ours, _) = request.username();
            self.by_ufrag.get(ours).copied()
        });
        let Some((key, link)) = peer.and_then(|key| Some((key, self.peers.get_mut(key)?.link.as_deref_mut()?))) else {
            self.counters.dropped_stun += 1;
            return;
        };
        let mut reply = [0; Transport::MAX_STUN_REPLY];
        let outcome = link.transport.handle_stun(now, path, datagram, &mut reply);
        if outcome.reply_len == 0 {
            self.counters.dropped_stun += 1;
            return;
        }
        self.outbox.push(path, |buf| {
            buf[..outcome.reply_len].copy_from_slice(&reply[..outcome.reply_len]);
            Some(outcome.reply_len)
        });
        if let Some(old) = outcome.unbound {
            self.unbind(key, old.remote);
        }
        if let Some(new) = outcome.newly_bound {
            self.bind(key, new.remote);
        }
        self.flush_dtls(now, key);
        self.schedule(now, key);
    }

    fn dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let Some(key) = self.known(path) else { return };
        let Some(link) = self.peers[key].link.as_deref_mut() else { return };
        self.counters.dtls_after_keys += u64::from(link.secure);
        if link.transport.handle_dtls(now, path, datagram).is_err() {
            self.counters.transports_failed += 1;
            return self.close(now, key, ByeReason::TransportFailed);
        }
        self.flush_dtls(now, key);
        self.after_dtls(now, key);
    }

    /// DTLS moved on: media may begin, or the peer said goodbye.
    fn after_dtls(&mut self, now: Instant, key: PeerKey) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        if link.transport.state() == transport::State::Closed {
            return self.close(now, key, ByeReason::Left);
        }
        if link.became_secure() {
            link.report_at = now;
            self.counters.secured += 1;
            self.share(now, key);
            self.want_keyframes(now, key);
        }
        self.schedule(now, key);
    }

    fn rtp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        let Some(key) = self.known(path) else { return };
        let peer = &mut self.peers[key];
        let Some(link) = peer.link.as_deref_mut() else { return };
        let Ok(len) = link.transport.open_rtp(datagram) else {
            self.counters.dropped_srtp += 1;
            return;
        };
        let before = *link.receiver.counters();
        let Some(inbound) = link.receiver.handle_rtp(now, &datagram[..len]) else {
            self.counters.refused(&before, link.receiver.counters());
            return self.schedule(now, key);
        };
        let layer = (inbound.publication, inbound.layer);
        let source = inbound.label as usize;
        if !link.flows.get(source).copied().unwrap_or(false) {
            self.counters.dropped_muted += 1;
            return self.schedule_feedback(now, key, layer);
        }
        self.counters.rtp_received += 1;
        let mut stands_out = true;
        if let (room::Source::Microphone, Some(level)) = (room::Source::ALL[source], inbound.audio_level)
            && let Some(speakers) = self.halls.get_mut(peer.hall).and_then(|hall| hall.speakers.get_mut(&peer.place))
        {
            stands_out = speakers.update(now, speaker_label(peer.participant), level.level, level.voice);
        }
        let appears = inbound.keyframe
            && link.uplink.picture_mut(room::Source::ALL[source]).is_some_and(|picture| picture.appears(now, inbound.layer));
        if appears {
            self.encoding_appears(now, key, source);
        }
        if room::Source::ALL[source].is_audio() {
            self.handle_sound(now, key, source, &inbound, stands_out);
        } else {
            self.forward(now, key, source, &inbound);
        }
        self.schedule_feedback(now, key, layer);
    }

    fn rtcp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        let Some(key) = self.known(path) else { return };
        let Some(link) = self.peers[key].link.as_deref_mut() else { return };
        let Ok(len) = link.transport.open_rtcp(datagram) else {
            self.counters.dropped_srtp += 1;
            return;
        };
        let Ok(packets) = rtcp::parse(&datagram[..len]) else {
            self.counters.dropped_rtcp += 1;
            return;
        };
        let mut allowance = Allowance { missing: MAX_NACKS, statuses: link.downlink.estimator.remembered() };
        for packet in packets {
            self.rtcp_packet(now, key, packet, &mut allowance);
        }
        self.attend(now, key);
        self.schedule(now, key);
    }

    fn rtcp_packet(&mut self, now: Instant, key: PeerKey, packet: Rtcp<'_>, allowance: &mut Allowance) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        match packet {
            Rtcp::SenderReport { ssrc, ntp: sent, rtp, blocks, .. } => {
                link.receiver.handle_sender_report(now, ssrc, sent, rtp);
                link.report_blocks(now, blocks);
            }
            Rtcp::ReceiverReport { blocks, .. } => link.report_blocks(now, blocks),
            Rtcp::Nack { media, mut lost, .. } => {
                allowance.missing -= self.resend(now, key, media, lost.by_ref().take(allowance.missing));
                self.counters.feedback_cut += u64::from(lost.next().is_some());
            }
            Rtcp::Pli { media, .. } => self.keyframe_asked(now, key, media),
            Rtcp::Fir { media, .. } => {
                for ssrc in media {
                    self.keyframe_asked(now, key, ssrc);
                }
            }
            Rtcp::TransportCc(feedback) => self.transport_cc(now, key, feedback, allowance),
            Rtcp::Ccfb(feedback) => link.downlink.estimator.handle_ccfb(now, &feedback),
            Rtcp::Remb { bitrate, .. } => link.downlink.estimator.handle_remb(now, bitrate),
            Rtcp::Bye { ssrcs } => {
                for ssrc in ssrcs {
                    link.receiver.handle_bye(ssrc);
                }
            }
            _ => {}
        }
    }

    /// A viewer tells which packets came and when. It is read several times, and no further than anything was sent.
    fn transport_cc(&mut self, now: Instant, key: PeerKey, mut feedback: TransportCc<'_>, allowance: &mut Allowance) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        let claimed = feedback.limit_to(usize::MAX);
        let told = feedback.limit_to(allowance.statuses.min(link.downlink.estimator.reach(&feedback)));
        allowance.statuses -= told;
        self.counters.feedback_cut += u64::from(told < claimed);
        link.downlink.estimator.handle_transport_cc(now, &feedback);
        let overflows = link.downlink.estimator.overflows(now);
        link.downlink.protection.handle_transport_cc(&feedback, overflows);
        let mut lost = std::mem::take(&mut self.lost);
        let overdue = link.overdue(now);
        link.downlink.flights.take_lost(&feedback, overdue, &mut lost);
        for flight in lost.drain(..) {
            self.repair(now, key, &flight);
        }
        self.lost = lost;
    }

    /// A viewer's decoder is stuck: ask whoever is in that slot, within the limits of the keyframe requester.
    fn keyframe_asked(&mut self, now: Instant, viewer: PeerKey, media: Ssrc) {
        self.counters.keyframes_asked += 1;
        let Some(link) = self.peers.get(viewer).and_then(|peer| peer.link.as_deref()) else { return };
        let Some(slot) = link.slots.iter().find(|slot| slot.line.ssrc == media) else { return };
        if slot.media.keyframe_underway(now, link.downlink.estimator.rtt().unwrap_or(USUAL_RTT)) {
            self.counters.keyframes_underway += 1;
            return;
        }
        if let (Some(occupant), Some(layer)) = (slot.occupant, slot.media.current_layer()) {
            self.request_keyframe(now, occupant, layer, KeyframeCause::Loss);
        }
    }

    /// The peer an address belongs to, or a counted drop.
    fn known(&mut self, path: Path) -> Option<PeerKey> {
        let key = self.by_address.get(&path.remote).copied();
        if key.is_none() {
            self.counters.dropped_stranger += 1;
        }
        key
    }

    fn bind(&mut self, key: PeerKey, address: SocketAddr) {
        // The last to authenticate from an address owns it: a NAT may have given the port to somebody else.
        self.by_address.insert(address, key);
        self.events.push_back(Event::Bound { address });
    }

    pub(crate) fn unbind(&mut self, key: PeerKey, address: SocketAddr) {
        if self.by_address.get(&address) == Some(&key) {
            self.by_address.remove(&address);
            self.events.push_back(Event::Unbound { address });
        }
    }

    /// Sends what DTLS has to say.
    pub(crate) fn flush_dtls(&mut self, now: Instant, key: PeerKey) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        let Some(path) = link.transport.send_path(now) else { return };
        while self.outbox.push(path, |buf| link.transport.poll_dtls(buf)) {}
    }

    /// The transport's own timers: DTLS retransmissions and time limits.
    pub(crate) fn transport_timeout(&mut self, now: Instant, key: PeerKey) {
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) else { return };
        if link.transport.handle_timeout(now).is_err() {
            self.counters.transports_failed += 1;
            return self.close(now, key, ByeReason::TransportFailed);
        }
        self.flush_dtls(now, key);
        self.after_dtls(now, key);
    }
}
