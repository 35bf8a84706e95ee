//! Everything one peer sends: finds each packet's layer, keeps statistics, recovers losses.

use std::time::{Duration, Instant};

use wire::codec::{Codec, red};
use wire::ext::{Ext, ExtMap, ExtValues};
use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;
use wire::rtp::RtpHeader;

use crate::clock::PeerOffset;
use crate::feedback::Feedback;
use crate::intake::Intake;
use crate::layer::Arrival;
use crate::numbering::Place;
use crate::streams::{Stream, Streams};
use crate::{CodecIn, Inbound, KeyframeCause, MediaKind, Publication, PublishConfig};

/// Round trip assumed until it is measured.
const FIRST_RTT: Duration = Duration::from_millis(70);

/// Nobody is nearer: what is sent again waits in pacers. Nobody who can be talked to is further away; whoever says he is must not wait longer
/// for what he lost.
const LEAST_RTT: Duration = Duration::from_millis(20);
const MAX_RTT: Duration = Duration::from_secs(1);

/// Everything one peer sends.
///
/// Call [`Receiver::handle_rtp`] for each packet and [`Receiver::write_feedback`] when [`Receiver::poll_timeout`] has passed.
#[derive(Debug)]
pub struct Receiver {
    /// One instant on both clocks.
    epoch: (Instant, Ntp),
    exts: ExtMap,
    publications: Vec<Publication>,
    streams: Streams,
    offset: PeerOffset,
    rtt: Duration,
    pub(crate) feedback: Feedback,
    /// What may still come of pictures.
    pictures: Intake,
    counters: ReceiverCounters,
}

/// What was received and what was dropped, and why.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct ReceiverCounters {
    /// Packets passed on.
    pub accepted: u64,
    /// Not RTP, or a broken header, padding or retransmission payload.
    pub malformed: u64,
    /// No line for the SSRC, or no codec for the payload type.
    pub unknown: u64,
    /// Seen before, or a retransmission of something not missing.
    pub duplicate: u64,
    /// Too old, or a jump that has not proved to be a restart.
    pub out_of_range: u64,
    /// More than a microphone or the cameras of one peer ever send.
    pub excess: u64,
    /// Retransmissions that filled a gap; also in `accepted`.
    pub recovered: u64,
    /// Lost packets of sound that a later one carried (RFC 2198); also in `accepted`.
    pub rebuilt: u64,
    /// Padding on a retransmission stream: bandwidth probes.
    pub probes: u64,
}

impl ReceiverCounters {
    fn accept(&mut self, recovered: bool) {
        self.accepted += 1;
        self.recovered += u64::from(recovered);
    }

    fn refuse(&mut self, place: Place) {
        let counter = if place == Place::Duplicate { &mut self.duplicate } else { &mut self.out_of_range };
        *counter += 1;
    }
}

impl Receiver {
    /// A receiver without lines. `ntp_now` is the relay's clock at `now`; `local_ssrc` is the sender of our RTCP.
    #[must_use]
    pub fn new(now: Instant, ntp_now: Ntp, exts: ExtMap, local_ssrc: Ssrc) -> Self {
        Self {
            epoch: (now, ntp_now),
            exts,
            publications: Vec::new(),
            streams: Streams::default(),
            offset: PeerOffset::default(),
            rtt: FIRST_RTT,
            feedback: Feedback::new(now, local_ssrc),
            pictures: Intake::new(now),
            counters: ReceiverCounters::default(),
        }
    }

    /// Takes over a negotiation. Lines whose mid, kind and layers stay keep their state; indexes follow the new order.
    pub fn configure(&mut self, now: Instant, exts: ExtMap, lines: Vec<PublishConfig>) {
        self.exts = exts;
        let mut old = std::mem::take(&mut self.publications);
        for line in lines {
            let kept = old.iter_mut().position(|publication| publication.reconfigure(exts, &line));
            let publication = kept.map_or_else(|| Publication::new(now, exts, line), |index| old.swap_remove(index));
            self.publications.push(publication);
        }
        self.streams.rebuild(&self.publications);
    }

    /// Places one authenticated, decrypted packet. `None` is a counted drop.
    #[inline]
    pub fn handle_rtp<'p>(&mut self, now: Instant, plain: &'p [u8]) -> Option<Inbound<'p>> {
        let parsed = RtpHeader::parse(plain).and_then(|header| Ok((header, header.payload(plain)?)));
        let Ok((header, payload)) = parsed else {
            self.counters.malformed += 1;
            return None;
        };
        let exts = ExtValues::read(&self.exts, &header, plain);
        self.feedback.arrived(now, header.ssrc, exts.transport_seq());
        let known = self.streams.find(header.ssrc);
        let Some(stream) = known.or_else(|| self.streams.bind(now, &mut self.publications, &header, &exts)) else {
            self.counters.unknown += 1;
            return None;
        };
        let packet = self.unwrap(stream, &header, payload)?;
        self.take_in(now, stream, plain.len())?;
        self.place(now, stream, &header, packet, exts, plain)
    }

    /// Finds the codec; on a retransmission stream also the original number, which stands before the payload (RFC 4588 section 4).
    #[inline]
    fn unwrap<'p>(&mut self, stream: Stream, header: &RtpHeader, payload: &'p [u8]) -> Option<(CodecIn, u16, &'p [u8])> {
        let publication = self.publications.get(stream.publication)?;
        if !stream.rtx {
            let Some(codec) = publication.codec(header.payload_type) else {
                self.counters.unknown += 1;
                return None;
            };
            return Some((codec, header.sequence, payload));
        }
        let Some(codec) = publication.codec_of_rtx(header.payload_type) else {
            self.counters.unknown += 1;
            return None;
        };
        match payload.split_first_chunk::<2>() {
            Some((original, payload)) => Some((codec, u16::from_be_bytes(*original), payload)),
            None if payload.is_empty() => {
                self.counters.probes += 1;
                None
            }
            None => {
                self.counters.malformed += 1;
                None
            }
        }
    }

    /// Refuses what is more than people send.
    #[inline]
    fn take_in(&mut self, now: Instant, stream: Stream, bytes: usize) -> Option<()> {
        let publication = self.publications.get_mut(stream.publication)?;
        let kind = publication.kind();
        let intake = if kind == MediaKind::Audio { &mut publication.intake } else { &mut self.pictures };
        let taken = intake.admit(now, kind, bytes);
        self.counters.excess += u64::from(!taken);
        taken.then_some(())
    }

    #[inline]
    fn place<'p>(
        &mut self,
        now: Instant,
        stream: Stream,
        header: &RtpHeader,
        (codec, sequence, payload): (CodecIn, u16, &'p [u8]),
        exts: ExtValues<'p>,
        plain: &'p [u8],
    ) -> Option<Inbound<'p>> {
        let arrival = Arrival {
            now,
            now_ntp: self.ntp(now),
            timestamp: header.timestamp,
            rate: codec.clock_rate,
            bytes: plain.len().saturating_sub(copied(codec.codec, payload)),
            recovered: stream.rtx,
            rtt: self.rtt,
        };
        let abs_capture = self.abs_capture(&exts);
        let publication = self.publications.get_mut(stream.publication)?;
        let (label, kind, open) = (publication.label(), publication.kind(), publication.is_open());
        if let (MediaKind::Video, Some(value)) = (kind, exts.get(Ext::VideoLayersAllocation)) {
            publication.announce(stream.layer, value);
        }
        let layer = publication.layers.get_mut(stream.layer)?;
        let place = if stream.rtx { layer.numbering.place_recovered(sequence) } else { layer.numbering.place(sequence) };
        let Some((ext_seq, late)) = layer.accept(place, &arrival) else {
            self.counters.refuse(place);
            return None;
        };
        let reading = layer.read(kind, codec.codec, payload, header, &exts, ext_seq);
        let behind = layer.numbering.highest().map_or(0, |highest| highest.saturating_sub(ext_seq));
        if kind == MediaKind::Video {
            layer.count(&arrival, &reading, late.then_some(behind));
        }
        let inbound = Inbound {
            label,
            publication: stream.publication,
            layer: stream.layer,
            generation: layer.numbering.generation(),
            ext_seq,
            timestamp: header.timestamp,
            marker: header.marker,
            codec: codec.codec,
            in_pt: codec.pt,
            keyframe: kind == MediaKind::Video && reading.frame.keyframe,
            frame: reading.frame,
            late,
            payload,
            exts,
            arrival: now,
            captured: layer.clock().time_of(header.timestamp),
            abs_capture,
            audio_level: exts.audio_level(),
            picture_id: layer.lore.picture_id(&reading),
            vp8: reading.vp8,
            vp9: reading.vp9,
            dependency: reading.dependency,
            behind,
            unread: reading.unread,
        };
        if late && reading.structured {
            layer.read_again(&self.exts);
        }
        if open {
            layer.store.insert(&inbound, plain.get(..header.payload_start)?);
        }
        self.counters.accept(stream.rtx);
        Some(inbound)
    }

    /// A sender report of the publisher; of an SSRC that is not his it is ignored.
    pub fn handle_sender_report(&mut self, now: Instant, ssrc: Ssrc, ntp: Ntp, rtp: u32) {
        let Some(stream) = self.streams.find(ssrc).filter(|stream| !stream.rtx) else { return };
        let arrived = self.ntp(now);
        let Some(layer) = self.publications.get_mut(stream.publication).and_then(|line| line.layers.get_mut(stream.layer)) else {
            return;
        };
        layer.reception.reported(now, ntp);
        if !self.offset.observe(ntp, arrived) {
            return;
        }
        let offset = self.offset;
        layer.reported(ntp, rtp, offset.to_relay(ntp).unwrap_or(arrived));
        for layer in self.publications.iter_mut().flat_map(|publication| &mut publication.layers) {
            layer.realign(|at| offset.to_relay(at));
        }
    }

    /// The publisher ends a stream; an SSRC that is not his is ignored.
    pub fn handle_bye(&mut self, ssrc: Ssrc) {
        self.streams.ended(&mut self.publications, ssrc);
    }

    /// Round-trip time to the publisher where the caller knows it (a report block on the same transport); 70 ms until then, and at least.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt.clamp(LEAST_RTT, MAX_RTT);
    }

    /// Wishes for a keyframe of one layer. Wishes are merged and limited per layer; repeat the wish while it lasts (a wish that nobody
    /// repeats ends after 3 s). Indexes that do not exist are ignored.
    pub fn request_keyframe(&mut self, now: Instant, publication: usize, layer: usize, cause: KeyframeCause) {
        let Some(publication) = self.publications.get_mut(publication).filter(|line| line.kind() == MediaKind::Video) else { return };
        let Some(layer) = publication.layers.get_mut(layer) else { return };
        let rate = layer.usual_bitrate(now);
        layer.keyframes.wish(now, cause, self.rtt, rate);
    }

    /// Which encodings of a line the publisher is asked to send, lowest quality first; those that are not named are. What he stops sending
    /// at this wish has not stalled. Indexes that do not exist are ignored.
    pub fn set_wanted(&mut self, now: Instant, publication: usize, encodings: &[bool]) {
        let layers = self.publications.get_mut(publication).map_or(&mut [][..], |publication| &mut publication.layers);
        let wanted = encodings.iter().copied().chain(std::iter::repeat(true));
        layers.iter_mut().zip(wanted).for_each(|(layer, wanted)| layer.set_wanted(now, wanted));
    }

    /// Puts the layers of a line in the order of their pictures, where the offer named them otherwise. The line's label, if indexes of its
    /// layers mean others from now on: whoever has any of them begins anew. Call it again until it returns `None`.
    pub fn reorder(&mut self, now: Instant) -> Option<u32> {
        let mut pictures = self.publications.iter_mut().filter(|line| line.kind() == MediaKind::Video);
        let label = pictures.find_map(|line| line.reorder(now).then_some(line.label()))?;
        self.streams.rebuild(&self.publications);
        Some(label)
    }

    /// The lines in the order of the last configuration.
    #[must_use]
    pub fn publications(&self) -> &[Publication] {
        &self.publications
    }

    /// One line by its index.
    #[must_use]
    pub fn publication(&self, index: usize) -> Option<&Publication> {
        self.publications.get(index)
    }

    /// Index of the line with this mid.
    #[must_use]
    pub fn index_of(&self, mid: Mid) -> Option<usize> {
        self.publications.iter().position(|publication| publication.mid() == mid)
    }

    /// What was received and what was dropped.
    #[must_use]
    pub fn counters(&self) -> &ReceiverCounters {
        &self.counters
    }

    /// When [`Receiver::write_feedback`] has something to say next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.feedback.poll_timeout(&self.publications)
    }

    /// The earliest of what a packet of this layer can have brought forward; all else is due when it was before the packet.
    #[must_use]
    #[inline]
    pub fn poll_timeout_of(&self, publication: usize, layer: usize) -> Option<Instant> {
        self.publications.get(publication).and_then(|line| line.layers.get(layer)).and_then(|layer| self.feedback.poll_timeout_of(layer))
    }

    /// Writes what is due to the publisher: reports, transport-wide feedback, keyframe requests, NACKs. True if anything was written:
    /// send it and call again with an empty writer, until it says false. Give the writer at least 1,000 bytes.
    pub fn write_feedback(&mut self, now: Instant, writer: &mut wire::rtcp::RtcpWriter<'_>) -> bool {
        self.feedback.write(now, &mut self.publications, self.rtt, writer)
    }

    /// Whether the line with this label may flow; true from the start. What comes while it may not is placed and counted, but not kept
    /// for retransmission, and what was kept before is forgotten.
    pub fn set_open(&mut self, label: u32, open: bool) {
        self.publications.iter_mut().filter(|line| line.label() == label).for_each(|line| line.set_open(open));
    }

    pub(crate) fn publication_mut(&mut self, index: usize) -> Option<&mut Publication> {
        self.publications.get_mut(index)
    }

    pub(crate) fn rtt(&self) -> Duration {
        self.rtt
    }

    pub(crate) fn count_rebuilt(&mut self) {
        self.counters.accepted += 1;
        self.counters.rebuilt += 1;
    }

    /// The relay's clock at `now`.
    pub(crate) fn ntp(&self, now: Instant) -> Ntp {
        self.epoch.1.plus(now.saturating_duration_since(self.epoch.0))
    }

    /// The absolute capture time (8 bytes of NTP time on the capturer's clock, then perhaps 8 bytes of offset to the sender's) on the
    /// relay's clock; not passed on before the sender's clock is known.
    #[inline]
    fn abs_capture(&self, exts: &ExtValues<'_>) -> Option<Ntp> {
        let (time, rest) = exts.get(Ext::AbsCaptureTime)?.split_first_chunk::<8>()?;
        let to_sender = rest.first_chunk::<8>().map_or(0, |offset| i64::from_be_bytes(*offset));
        self.offset.to_relay(Ntp(u64::from_be_bytes(*time).wrapping_add_signed(to_sender)))
    }
}

/// Bytes of a payload that repeat earlier sound (RFC 2198): they are for this leg alone.
fn copied(codec: Codec, payload: &[u8]) -> usize {
    if codec != Codec::Red {
        return 0;
    }
    red::primary(payload).map_or(0, |(_, primary)| payload.len() - primary.len())
}
