//! The plain SFU itself, sans-IO: datagrams in, datagrams in an outbox.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::session::Session;
use transport::{Certificate, Path, State, Transport, TransportConfig};
use wire::demux::{Kind, demux};
use wire::ids::Ssrc;
use wire::rtcp::{Rtcp, RtcpWriter, parse};
use wire::rtp::RtpHeader;
use wire::stun::StunRequest;
use worker::Outbox;

use super::peer::Peer;

/// Peers at the same time.
pub(super) const MAX_PEERS: usize = 8_192;
/// Who has not shown itself for so long is forgotten: consent ends after 30 s (RFC 7675).
const SILENCE: Duration = Duration::from_secs(40);
/// Room for the longest RTCP packet of ours, bytes.
const RTCP: usize = 64;

/// Somebody comes.
pub struct Join {
    /// Number of the resource, never used before.
    pub id: u64,
    /// Who is in one is forwarded to everybody else in it.
    pub room: String,
    /// As answered.
    pub session: Session,
}

/// What was done so far.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counters {
    /// RTP packets opened.
    pub opened: u64,
    /// Copies sealed and handed to the sender.
    pub forwarded: u64,
    /// Datagrams dropped: of nobody, refused by the transport, or of a stream that is not forwarded.
    pub dropped: u64,
    /// Handshakes completed.
    pub joined: u64,
}

/// Everybody.
pub(super) struct Sfu {
    certificate: Arc<Certificate>,
    peers: Vec<Option<Peer>>,
    ids: HashMap<u64, usize>,
    by_remote: HashMap<std::net::SocketAddr, usize>,
    by_ufrag: HashMap<String, usize>,
    pub(super) outbox: Outbox,
    pub(super) counters: Counters,
}

impl Sfu {
    pub(super) fn new(certificate: Arc<Certificate>) -> Self {
        Self {
            certificate,
            peers: Vec::new(),
            ids: HashMap::new(),
            by_remote: HashMap::new(),
            by_ufrag: HashMap::new(),
            outbox: Outbox::default(),
            counters: Counters::default(),
        }
    }

    pub(super) fn population(&self) -> usize {
        self.ids.len()
    }

    /// Somebody comes; beyond [`MAX_PEERS`] nothing happens.
    pub(super) fn join(&mut self, now: Instant, join: Join) {
        if self.ids.len() >= MAX_PEERS {
            return;
        }
        let config = TransportConfig {
            local_ice: join.session.local_ice.clone(),
            remote_ice: join.session.remote_ice.clone(),
            remote_fingerprint: join.session.remote_fingerprint,
            certificate: Arc::clone(&self.certificate),
        };
        let ufrag = join.session.local_ice.ufrag.clone();
        let peer = Peer::new(now, join.room, join.session, &config);
        let free = self.peers.iter().position(Option::is_none).unwrap_or(self.peers.len());
        if free == self.peers.len() {
            self.peers.push(None);
        }
        self.peers[free] = Some(peer);
        self.ids.insert(join.id, free);
        self.by_ufrag.insert(ufrag, free);
        // What is there goes into the newcomer's slots, before anybody newer.
        for publisher in 0..self.peers.len() {
            let streams = self.peers[publisher].as_ref().map_or(0, |peer| peer.streams.len());
            (0..streams).for_each(|stream| self.offer(publisher, stream, free));
        }
    }

    /// Somebody goes.
    pub(super) fn leave(&mut self, id: u64) {
        let Some(index) = self.ids.remove(&id) else { return };
        self.by_remote.retain(|_, peer| *peer != index);
        self.by_ufrag.retain(|_, peer| *peer != index);
        self.peers[index] = None;
        for peer in self.peers.iter_mut().flatten() {
            peer.streams.iter_mut().for_each(|stream| stream.receivers.retain(|(peer, _)| *peer != index));
            peer.slots.iter_mut().filter(|slot| slot.holds.is_some_and(|(peer, _)| peer == index)).for_each(|slot| slot.holds = None);
        }
    }

    /// Puts a stream into the first slot of a receiver that takes it.
    fn offer(&mut self, publisher: usize, stream: usize, receiver: usize) {
        if publisher == receiver {
            return;
        }
        let Ok([Some(from), Some(to)]) = self.peers.get_disjoint_mut([publisher, receiver]) else { return };
        if from.room != to.room {
            return;
        }
        let Some(stream) = from.streams.get_mut(stream) else { return };
        if let Some(slot) = to.slots.iter_mut().position(|slot| slot.take(publisher, stream)) {
            stream.receivers.push((receiver, slot));
        }
    }

    /// A datagram arrived.
    pub(super) fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        let kind = demux(datagram);
        let known = self.by_remote.get(&path.remote).copied();
        let done = match (kind, known) {
            (Some(Kind::Rtp), Some(peer)) => self.handle_rtp(now, peer, datagram),
            (Some(Kind::Rtcp), Some(peer)) => self.handle_rtcp(now, peer, datagram),
            (Some(Kind::Stun), _) => self.handle_stun(now, path, datagram),
            (Some(Kind::Dtls), Some(peer)) => self.handle_dtls(now, peer, path, datagram),
            _ => None,
        };
        self.counters.dropped += u64::from(done.is_none());
    }

    /// The floor: open once; for each receiver copy, three fields, seal.
    fn handle_rtp(&mut self, now: Instant, publisher: usize, datagram: &mut [u8]) -> Option<()> {
        let peer = self.peers[publisher].as_mut()?;
        let len = peer.transport.open_rtp(datagram).ok()?;
        self.counters.opened += 1;
        let packet = &mut datagram[..len];
        let header = RtpHeader::parse(packet).ok()?;
        let (stream, new) = peer.stream(&header, packet)?;
        blank_extensions(packet, &header);
        if new {
            (0..self.peers.len()).for_each(|receiver| self.offer(publisher, stream, receiver));
            self.ask_keyframe(now, publisher, header.ssrc);
        }
        let receivers = std::mem::take(&mut self.peers[publisher].as_mut()?.streams[stream].receivers);
        for (receiver, slot) in &receivers {
            let Some(to) = self.peers[*receiver].as_mut() else { continue };
            let Some(path) = to.path else { continue };
            let (slot, transport) = (&mut to.slots[*slot], &mut to.transport);
            let Some((pt, sequence)) = slot.numbers(&header) else { continue };
            let ssrc = slot.ssrc;
            let pushed = self.outbox.push(path, |buf| {
                buf.get_mut(..len)?.copy_from_slice(packet);
                buf[1] = buf[1] & 0x80 | pt;
                buf[2..4].copy_from_slice(&sequence.to_be_bytes());
                buf[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
                transport.seal_rtp(buf, len).ok()
            });
            self.counters.forwarded += u64::from(pushed);
        }
        self.peers[publisher].as_mut()?.streams[stream].receivers = receivers;
        Some(())
    }

    /// Keyframe requests go through to whoever is in the slot; everything else is opened and forgotten.
    fn handle_rtcp(&mut self, now: Instant, receiver: usize, datagram: &mut [u8]) -> Option<()> {
        let peer = self.peers[receiver].as_mut()?;
        let len = peer.transport.open_rtcp(datagram).ok()?;
        for message in parse(&datagram[..len]).ok()? {
            let wanted: Vec<Ssrc> = match message {
                Rtcp::Pli { media, .. } => vec![media],
                Rtcp::Fir { media, .. } => media.collect(),
                _ => Vec::new(),
            };
            for media in wanted {
                let holds = self.peers[receiver].as_ref()?.slots.iter().find(|slot| slot.ssrc == media).and_then(|slot| slot.holds);
                if let Some((publisher, ssrc)) = holds {
                    self.ask_keyframe(now, publisher, ssrc);
                }
            }
        }
        Some(())
    }

    fn ask_keyframe(&mut self, now: Instant, publisher: usize, ssrc: Ssrc) {
        let Some(peer) = self.peers[publisher].as_mut() else { return };
        let Some(path) = peer.path else { return };
        if !peer.streams.iter_mut().any(|stream| stream.ssrc == ssrc && stream.ask(now)) {
            return;
        }
        let transport = &mut peer.transport;
        self.outbox.push(path, |buf| {
            let mut writer = RtcpWriter::new(&mut buf[..RTCP]);
            writer.pli(Ssrc(1), ssrc).ok()?;
            let len = writer.finish();
            transport.seal_rtcp(buf, len).ok()
        });
    }

    fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Option<()> {
        let (ours, _) = StunRequest::parse(datagram).ok()?.username();
        let index = *self.by_ufrag.get(ours)?;
        let peer = self.peers[index].as_mut()?;
        let mut reply = [0; Transport::MAX_STUN_REPLY];
        let outcome = peer.transport.handle_stun(now, path, datagram, &mut reply);
        if outcome.newly_bound.is_some() {
            self.by_remote.insert(path.remote, index);
        }
        if let Some(unbound) = outcome.unbound {
            self.by_remote.remove(&unbound.remote);
        }
        if peer.is_secure() {
            peer.path = peer.transport.send_path(now);
        }
        self.outbox.push(path, |buf| {
            buf[..outcome.reply_len].copy_from_slice(&reply[..outcome.reply_len]);
            Some(outcome.reply_len)
        });
        self.drain_dtls(now, index);
        (outcome.reply_len > 0).then_some(())
    }

    fn handle_dtls(&mut self, now: Instant, index: usize, path: Path, datagram: &[u8]) -> Option<()> {
        let peer = self.peers[index].as_mut()?;
        let before = peer.is_secure();
        let handled = peer.transport.handle_dtls(now, path, datagram);
        let joined = peer.is_secure() && !before;
        if joined {
            peer.path = peer.transport.send_path(now);
            self.counters.joined += 1;
        }
        self.drain_dtls(now, index);
        if joined {
            // Pictures that flow already begin for a newcomer with a keyframe.
            let holds: Vec<_> = self.peers[index].as_ref()?.slots.iter().filter_map(|slot| slot.holds).collect();
            holds.into_iter().for_each(|(publisher, ssrc)| self.ask_keyframe(now, publisher, ssrc));
        }
        handled.ok()
    }

    fn drain_dtls(&mut self, now: Instant, index: usize) {
        let Some(peer) = self.peers[index].as_mut() else { return };
        let Some(path) = peer.transport.send_path(now) else { return };
        while self.outbox.push(path, |buf| peer.transport.poll_dtls(buf)) {}
    }

    /// DTLS timers, and who has gone without a word. To be called about each 50 ms.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let mut gone = Vec::new();
        for (id, index) in self.ids.clone() {
            let Some(peer) = self.peers[index].as_mut() else { continue };
            let failed = peer.transport.handle_timeout(now).is_err();
            let silent = peer.transport.last_heard().is_some_and(|heard| now > heard + SILENCE);
            if peer.is_secure() {
                peer.path = peer.transport.send_path(now);
            }
            if failed || silent || peer.transport.state() == State::Closed {
                gone.push(id);
            }
            self.drain_dtls(now, index);
        }
        gone.into_iter().for_each(|id| self.leave(id));
    }
}

/// Extension numbers are each leg's own. Zeros are padding (RFC 8285 section 4.1.1), and nothing has to be moved.
fn blank_extensions(packet: &mut [u8], header: &RtpHeader) {
    const EXTENSION: u8 = 0x10;
    const FIXED: usize = 12;
    const BLOCK_HEAD: usize = 4;
    if packet[0] & EXTENSION != 0 {
        let elements = FIXED + 4 * usize::from(packet[0] & 0x0f) + BLOCK_HEAD;
        packet[elements..header.payload_start].fill(0);
    }
}
