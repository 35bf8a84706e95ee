//! One peer of the plain SFU: its transport, the streams it sends, the slots it receives on.

use std::time::{Duration, Instant};

use signal::session::{CodecLine, MediaKind, PublishLine, Session, SlotLine};
use transport::{Path, State, Transport, TransportConfig};
use wire::ext::ExtValues;
use wire::ids::Ssrc;
use wire::rtp::RtpHeader;

/// SSRCs remembered for one peer; what comes beyond is dropped.
const MAX_STREAMS: usize = 64;
/// Keyframes of one stream are asked for no more often: everybody who comes at once is served by one.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(200);

/// One connection.
pub(super) struct Peer {
    pub(super) room: String,
    pub(super) transport: Transport,
    session: Session,
    /// Where to send; `None` before the handshakes and after consent ended.
    pub(super) path: Option<Path>,
    pub(super) streams: Vec<Stream>,
    pub(super) slots: Vec<Slot>,
}

/// One SSRC that a peer sends.
pub(super) struct Stream {
    pub(super) ssrc: Ssrc,
    /// What it is forwarded as; `None` for what is opened and dropped.
    pub(super) kind: Option<MediaKind>,
    /// The publisher's payload types.
    codecs: Vec<CodecLine>,
    /// Who gets it: peer and slot.
    pub(super) receivers: Vec<(usize, usize)>,
    asked: Option<Instant>,
}

/// One m-line on which a peer receives.
pub(super) struct Slot {
    pub(super) ssrc: Ssrc,
    pub(super) kind: MediaKind,
    codecs: Vec<CodecLine>,
    /// Peer and SSRC of what is in it.
    pub(super) holds: Option<(usize, Ssrc)>,
    /// Payload types of the publisher and what they are here.
    types: Vec<(u8, u8)>,
    /// What is added to the publisher's sequence numbers; `None` before the first packet.
    shift: Option<u16>,
    next: u16,
}

impl Peer {
    pub(super) fn new(now: Instant, room: String, session: Session, config: &TransportConfig) -> Self {
        let slots = session.slots.iter().map(Slot::new).collect();
        Self { room, transport: Transport::new(now, config), session, path: None, streams: Vec::new(), slots }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.transport.state() == State::Secure
    }

    /// The stream of a packet: known, or found by what its header says. True beside it if it is new.
    pub(super) fn stream(&mut self, header: &RtpHeader, packet: &[u8]) -> Option<(usize, bool)> {
        if let Some(known) = self.streams.iter().position(|stream| stream.ssrc == header.ssrc) {
            return Some((known, false));
        }
        if self.streams.len() >= MAX_STREAMS {
            return None;
        }
        let line = self.line(header, packet);
        let (kind, codecs) = line.map_or((None, Vec::new()), |line| (Some(line.kind), line.codecs.clone()));
        self.streams.push(Stream { ssrc: header.ssrc, kind, codecs, receivers: Vec::new(), asked: None });
        Some((self.streams.len() - 1, true))
    }

    /// The line whose packet this is, if it is one that is forwarded: not a retransmission, not another layer than the first.
    fn line(&self, header: &RtpHeader, packet: &[u8]) -> Option<&PublishLine> {
        let carries = |line: &&PublishLine| line.codecs.iter().any(|codec| codec.pt == header.payload_type);
        let announced = |line: &&PublishLine| line.ssrcs.iter().any(|known| known.ssrc == header.ssrc);
        let exts = ExtValues::read(&self.session.extensions, header, packet);
        let lines = || self.session.publishing.iter().filter(carries);
        let named = |line: &&PublishLine| exts.mid() == Some(line.mid);
        let line = lines().find(announced).or_else(|| lines().find(named)).or_else(|| lines().next())?;
        let first = line.rids.first().is_none_or(|rid| exts.rid() == Some(*rid));
        first.then_some(line)
    }
}

impl Stream {
    /// Whether a keyframe may be asked for now; remembers that it was.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        let due = self.kind == Some(MediaKind::Video) && self.asked.is_none_or(|asked| now >= asked + KEYFRAME_PAUSE);
        if due {
            self.asked = Some(now);
        }
        due
    }
}

impl Slot {
    fn new(line: &SlotLine) -> Self {
        let (holds, types, shift) = (None, Vec::new(), None);
        Self { ssrc: line.ssrc, kind: line.kind, codecs: line.codecs.clone(), holds, types, shift, next: 1 }
    }

    /// Takes a stream if it is free and the receiver can decode it.
    pub(super) fn take(&mut self, publisher: usize, stream: &Stream) -> bool {
        if self.holds.is_some() || stream.kind != Some(self.kind) {
            return false;
        }
        let pairs = stream.codecs.iter().filter_map(|sent| Some((sent.pt, self.codecs.iter().find(|codec| codec.decodes(sent))?.pt)));
        self.types = pairs.collect();
        if self.types.is_empty() {
            return false;
        }
        (self.holds, self.shift) = (Some((publisher, stream.ssrc)), None);
        true
    }

    /// What the packet's header must say here: payload type, sequence number. `None` for a payload type the receiver does not know.
    pub(super) fn numbers(&mut self, header: &RtpHeader) -> Option<(u8, u16)> {
        let pt = self.types.iter().find(|(from, _)| *from == header.payload_type)?.1;
        let next = self.next;
        let shift = *self.shift.get_or_insert_with(|| next.wrapping_sub(header.sequence));
        let sequence = header.sequence.wrapping_add(shift);
        // A late packet does not set the count back.
        if sequence.wrapping_sub(self.next) < 1 << 15 {
            self.next = sequence.wrapping_add(1);
        }
        Some((pt, sequence))
    }
}
