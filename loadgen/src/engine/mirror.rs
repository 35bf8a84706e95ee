//! A peer that sends everything straight back, in a thread of its own: what the generator costs without any server.
//!
//! Each client gets a socket, ICE-lite, DTLS and SRTP as from a server; what it sends is opened, renamed to its own slots and sealed again.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Registry, Token};
use transport::{Certificate, Path, State, Transport, TransportConfig};
use wire::demux::{Kind, demux};
use wire::ids::{Fingerprint, IceCredentials, Ssrc};
use wire::rtcp::{self, Rtcp, RtcpWriter};
use wire::rtp::RtpHeader;

use super::udp::{Inbox, Run, Udp};

/// How often handshakes are looked after, and newcomers taken in.
const PACE: Duration = Duration::from_millis(5);
/// Largest datagram, bytes.
const MAX_DATAGRAM: usize = 1_500;
/// Id of the MID header extension in the clients' numbering.
const MID: u8 = 4;
/// What slots' SSRCs are above those of their sources.
const BEHIND: u32 = 1;

/// The peer; ends when dropped.
pub struct Mirror {
    newcomers: Sender<Peer>,
    registry: Registry,
    certificate: Arc<Certificate>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A stream of a client and the slot it comes back in.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: Ssrc,
    slot: Ssrc,
    /// The slot's mid, one digit.
    mid: u8,
}

struct Peer {
    token: Token,
    udp: Udp,
    transport: Transport,
    streams: Vec<Stream>,
}

impl Mirror {
    /// Starts it.
    ///
    /// # Errors
    /// When the system gives no poll, or the library no certificate.
    pub fn start() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let certificate = Arc::new(Certificate::generate().map_err(io::Error::other)?);
        let (newcomers, receiver) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("mirror".to_owned()).spawn(move || serve(poll, &receiver, &stopped))?;
        Ok(Self { newcomers, registry, certificate, stop, thread: Some(thread) })
    }

    /// The answer to a client's offer; `number` is the client's own. `None` when the offer is none of the light client's.
    pub(super) fn answer(&self, number: usize, offer: &str) -> Option<String> {
        let line = |name: &str| offer.lines().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)).map(str::trim);
        let remote_ice = IceCredentials { ufrag: line("ice-ufrag:")?.to_owned(), pwd: line("ice-pwd:")?.to_owned() };
        let remote_fingerprint = Fingerprint::parse(line("fingerprint:sha-256 ")?)?;
        let local_ice = IceCredentials { ufrag: format!("mirror{number}"), pwd: format!("{number:024}") };
        let token = Token(number);
        let udp = Udp::open(&self.registry, token, IpAddr::V4(Ipv4Addr::LOCALHOST)).ok()?;
        let (lines, streams) = lines(offer, udp.port());
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:passive\r\n{lines}",
            local_ice.ufrag,
            local_ice.pwd,
            self.certificate.fingerprint()
        );
        let config = TransportConfig { local_ice, remote_ice, remote_fingerprint, certificate: self.certificate.clone() };
        let transport = Transport::new(Instant::now(), &config);
        self.newcomers.send(Peer { token, udp, transport, streams }).ok()?;
        Some(sdp)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The answer's m-lines: each source comes back in the first free slot of its kind.
fn lines(offer: &str, port: u16) -> (String, Vec<Stream>) {
    let mut sources: Vec<(bool, Ssrc)> = Vec::new();
    let mut streams = Vec::new();
    let mut sdp = String::new();
    for section in offer.split("\r\nm=").skip(1) {
        let audio = section.starts_with("audio");
        let value = |name: &str| section.lines().find_map(|line| line.strip_prefix(name));
        let mid = value("a=mid:").unwrap_or_default();
        let ssrc = value("a=ssrc:").and_then(|line| line.split(' ').next()?.parse().ok()).map(Ssrc);
        let kind = if audio { "audio" } else { "video" };
        sdp.push_str(&format!(
            "m={kind} {port} UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na=rtcp-rsize\r\na=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\n"
        ));
        if let Some(ssrc) = ssrc {
            sources.push((audio, ssrc));
        } else if let Some(index) = sources.iter().position(|(kind, _)| *kind == audio) {
            let (_, ssrc) = sources.remove(index);
            let slot = Ssrc(ssrc.0.wrapping_add(BEHIND));
            streams.push(Stream { ssrc, slot, mid: mid.bytes().next().unwrap_or(b'0') });
            sdp.push_str(&format!("a=sendonly\r\na=ssrc:{} cname:mirror\r\n", slot.0));
        }
    }
    (sdp, streams)
}

fn serve(mut poll: Poll, newcomers: &Receiver<Peer>, stop: &AtomicBool) {
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let (mut events, mut inbox, mut run) = (Events::with_capacity(256), Inbox::new(), Run::default());
    let mut looked = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        // Interrupted by a signal: the next turn polls again.
        let _ = poll.poll(&mut events, Some(PACE));
        for peer in newcomers.try_iter() {
            let Token(index) = peer.token;
            peers.resize_with(peers.len().max(index + 1), || None);
            peers[index] = Some(peer);
        }
        for event in &events {
            if let Some(peer) = peers.get_mut(event.token().0).and_then(Option::as_mut) {
                peer.read(&mut inbox, &mut run);
            }
        }
        if looked.elapsed() >= PACE {
            looked = Instant::now();
            peers
                .iter_mut()
                .flatten()
                .filter(|peer| peer.transport.state() != State::Secure)
                .for_each(|peer| peer.look_after(&mut run, &mut inbox));
        }
    }
}

impl Peer {
    /// Whatever came before the peer was known, and handshakes that have to be repeated.
    fn look_after(&mut self, run: &mut Run, inbox: &mut Inbox) {
        self.read(inbox, run);
        // A handshake that fails shows as a client that never gets in.
        let _ = self.transport.handle_timeout(Instant::now());
        self.shake_hands();
    }

    fn read(&mut self, inbox: &mut Inbox, run: &mut Run) {
        while let Some(more) = self.udp.receive(inbox) {
            let now = Instant::now();
            inbox.datagrams(|from, datagram| self.take(now, from, datagram, run));
            run.flush(&self.udp);
            if !more {
                break;
            }
        }
    }

    fn take(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8], run: &mut Run) {
        let path = Path { remote: from, local: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        match demux(datagram) {
            Some(Kind::Stun) => {
                let mut reply = [0; Transport::MAX_STUN_REPLY];
                let outcome = self.transport.handle_stun(now, path, datagram, &mut reply);
                self.udp.send(from, &reply[..outcome.reply_len]);
                self.shake_hands();
            }
            Some(Kind::Dtls) => {
                let _ = self.transport.handle_dtls(now, path, datagram);
                self.shake_hands();
            }
            Some(Kind::Rtp) => self.reflect(from, datagram, run),
            Some(Kind::Rtcp) => self.answer_keyframes(from, datagram),
            None => {}
        }
    }

    fn shake_hands(&mut self) {
        let Some(path) = self.transport.send_path(Instant::now()) else { return };
        let mut buffer = [0; MAX_DATAGRAM];
        while let Some(len) = self.transport.poll_dtls(&mut buffer) {
            self.udp.send(path.remote, &buffer[..len]);
        }
    }

    fn reflect(&mut self, from: SocketAddr, datagram: &mut [u8], run: &mut Run) {
        let Ok(len) = self.transport.open_rtp(datagram) else { return };
        let Ok(header) = RtpHeader::parse(&datagram[..len]) else { return };
        let Some(stream) = self.streams.iter().find(|stream| stream.ssrc == header.ssrc) else { return };
        let mut packet = [0; MAX_DATAGRAM];
        packet[..len].copy_from_slice(&datagram[..len]);
        packet[8..12].copy_from_slice(&stream.slot.0.to_be_bytes());
        rename(&mut packet[..len], stream.mid);
        if let Ok(len) = self.transport.seal_rtp(&mut packet, len) {
            run.push(&self.udp, from, &packet[..len]);
        }
    }

    /// A keyframe that is asked of a slot is asked of its source.
    fn answer_keyframes(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        let Ok(len) = self.transport.open_rtcp(datagram) else { return };
        let Ok(messages) = rtcp::parse(&datagram[..len]) else { return };
        let asked = messages.into_iter().filter_map(|message| match message {
            Rtcp::Pli { media, .. } => self.streams.iter().find(|stream| stream.slot == media).copied(),
            _ => None,
        });
        let asked: Vec<Stream> = asked.collect();
        for stream in asked {
            let mut packet = [0; MAX_DATAGRAM];
            let mut writer = RtcpWriter::new(&mut packet[..MAX_DATAGRAM - transport::srtp::MAX_RTCP_OVERHEAD]);
            let _ = writer.pli(stream.slot, stream.ssrc);
            let len = writer.finish();
            if let Ok(len) = self.transport.seal_rtcp(&mut packet, len) {
                self.udp.send(from, &packet[..len]);
            }
        }
    }
}

/// Puts the slot's mid in the place of the source's: one digit for another, in one-byte header extensions (RFC 8285 section 4.2).
fn rename(packet: &mut [u8], mid: u8) {
    if packet[0] & 0x10 == 0 || packet.len() < 16 {
        return;
    }
    let words = usize::from(u16::from_be_bytes([packet[14], packet[15]]));
    let end = (16 + 4 * words).min(packet.len());
    let mut at = 16;
    while at + 1 < end {
        let (id, len) = (packet[at] >> 4, usize::from(packet[at] & 0xf) + 1);
        if id == MID && len == 1 {
            packet[at + 1] = mid;
        }
        at += if packet[at] == 0 { 1 } else { 1 + len };
    }
}
