//! The client itself: what it offers, what it hears back, and when it wants to be called again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::message::{Slot, Source};
use transport::Certificate;
use wire::demux::{Kind, demux};
use wire::ext::ExtMap;
use wire::ids::{Fingerprint, Mid, Rid, Ssrc};
use wire::ntp::Ntp;
use wire::rtcp::RtcpWriter;

use super::answer::{Answer, AnswerError};
use super::arrivals::Arrivals;
use super::entropy::Entropy;
use super::ice::Ice;
use super::offer::{self, Direction, OfferHead, OfferLine};
use super::outbox::Outbox;
use super::own_estimate::OwnEstimate;
use super::pattern::Stamp;
use super::publication::Publication;
use super::record::{Gap, SlotRecord};
use super::secure::Secure;
use super::setup::{Feedback, Setup};
use super::slot::InSlot;
use super::stream_arrivals::StreamArrivals;
use super::unbound::Unbound;

/// What a client counts beside its slots' records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// RTP packets sent, retransmissions included.
    pub packets_sent: u64,
    /// Retransmissions among them.
    pub resent: u64,
    /// RTP packets that could be opened.
    pub packets_received: u64,
    /// Bytes of the datagrams they came in.
    pub bytes_received: u64,
    /// Of these, padding alone, sent to probe the path.
    pub padding_received: u64,
    /// Of these, retransmissions.
    pub resent_received: u64,
    /// Packets that could not be opened.
    pub refused: u64,
    /// RTP packets on an SSRC that the answer did not announce.
    pub strangers: u64,
    /// Malformed RTP, RTCP or unknown datagrams.
    pub malformed: u64,
    /// Keyframe requests received.
    pub keyframes_asked: u64,
    /// Sequence numbers the relay asked for again.
    pub nacked: u64,
    /// Congestion control feedback messages received.
    pub feedback: u64,
    /// Sequence numbers this client asked for again.
    pub nacks_sent: u64,
    /// Keyframe requests sent.
    pub plis_sent: u64,
}

/// One slot as the outside may see it.
#[derive(Debug)]
pub struct SlotView<'a> {
    /// The m-line.
    pub mid: &'a str,
    /// Sound rather than pictures.
    pub audio: bool,
    /// Number of the newest packet; `None` before the first.
    pub newest: Option<u16>,
    /// The relay's SSRC for it.
    pub ssrc: Ssrc,
    /// What was seen or heard.
    pub record: &'a SlotRecord,
    /// The relay's time for the newest picture or sound, by sender reports, beside its true capture time.
    pub playout: Option<(Ntp, Duration)>,
}

/// An efficient WebRTC client without sockets.
///
/// Contract: after any call that may change something (`handle_*`, `set_*`, `send_rtcp`), call [`drain`](Self::drain) and come back with
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
pub struct Client {
    pub(super) setup: Setup,
    pub(super) epoch: Instant,
    ntp_epoch: Ntp,
    entropy: Entropy,
    pub(super) extensions: ExtMap,
    pub(super) fingerprint: Fingerprint,
    pub(super) relay: Option<Fingerprint>,
    pub(super) candidate: Option<SocketAddr>,
    pub(super) session: u64,
    pub(super) version: u32,
    lines: Vec<Line>,
    pub(super) ice: Ice,
    pub(super) secure: Secure,
    pub(super) publications: Vec<Publication>,
    pub(super) slots: Vec<InSlot>,
    /// Accepted m-lines whose SSRC is not known yet.
    pub(super) unbound: Unbound,
    pub(super) feedback: Congestion,
    pub(super) report_at: Option<Instant>,
    /// Whether a report has to stand in front of feedback.
    pub(super) compound: bool,
    pub(super) feedback_ssrc: Ssrc,
    pub(super) transport_seq: u16,
    pub(super) outbox: Outbox,
    pub(super) counters: Counters,
    /// When the oldest media since [`Client::take_scheduled`] should have been sent.
    pub(super) scheduled: Option<Instant>,
}

/// The material of congestion feedback, in the one form the client speaks.
pub(super) enum Congestion {
    TransportCc(Arrivals),
    Ccfb(StreamArrivals),
    Remb(OwnEstimate),
    Nothing,
}

impl Congestion {
    fn new(now: Instant, setup: &Setup) -> Self {
        match setup.feedback {
            Feedback::TransportCc | Feedback::OfPictures => Self::TransportCc(Arrivals::new(now, setup.feedback_every)),
            Feedback::Ccfb => Self::Ccfb(StreamArrivals::new(setup.feedback_every)),
            Feedback::Remb => Self::Remb(OwnEstimate::new()),
            Feedback::Reports | Feedback::Mute => Self::Nothing,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::TransportCc(arrivals) => arrivals.deadline(),
            Self::Ccfb(arrivals) => arrivals.deadline(),
            Self::Remb(estimate) => estimate.deadline(),
            Self::Nothing => None,
        }
    }
}

/// What an m-line of our offer is for; publications come first, in their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Publish(usize),
    Slot { audio: bool },
}

impl Client {
    /// A client that has not offered anything. `ntp` is the true wall time at `now`.
    #[must_use]
    pub fn new(now: Instant, ntp: Ntp, setup: Setup, certificate: Arc<Certificate>) -> Self {
        let mut entropy = Entropy::new(setup.seed);
        let mut publications = Vec::new();
        for source in &setup.sources {
            // A line number is one to three digits, always a valid mid.
            let Some(mid) = Mid::new(publications.len().to_string()) else { continue };
            publications.push(Publication::new(source.clone(), mid, setup.publisher, &setup.numbering, &mut entropy));
        }
        let mut lines: Vec<Line> = (0..publications.len()).map(Line::Publish).collect();
        lines.extend(std::iter::repeat_n(Line::Slot { audio: true }, setup.audio_slots));
        lines.extend(std::iter::repeat_n(Line::Slot { audio: false }, setup.video_slots));
        Self {
            ntp_epoch: ntp.plus(setup.clock_offset),
            extensions: setup.numbering.map(),
            fingerprint: certificate.fingerprint(),
            relay: None,
            candidate: None,
            session: entropy.next() >> 2,
            version: 0,
            lines,
            ice: Ice::new(&mut entropy),
            secure: Secure::new(certificate),
            publications,
            slots: Vec::new(),
            unbound: Unbound::default(),
            feedback: Congestion::new(now, &setup),
            report_at: None,
            compound: false,
            feedback_ssrc: entropy.ssrc(),
            transport_seq: entropy.next() as u16,
            outbox: Outbox::default(),
            counters: Counters::default(),
            scheduled: None,
            epoch: now,
            entropy,
            setup,
        }
    }

    /// The SDP offer for everything wanted at present.
    pub fn offer(&mut self) -> String {
        self.version += 1;
        let head = OfferHead {
            session: self.session,
            version: self.version,
            ice: self.ice.local(),
            candidate: self.candidate,
            fingerprint: self.fingerprint,
            numbering: &self.setup.numbering,
            red: self.setup.takes_red || self.setup.sources.iter().any(|source| source.voice.copies > 0),
            sound_nack: self.setup.sound_nack || self.setup.sources.iter().any(|source| source.voice.again),
            feedback: self.setup.feedback,
        };
        let lines: Vec<OfferLine> = (0..self.lines.len()).map(|index| self.offer_line(index)).collect();
        offer::write(&head, &lines)
    }

    /// What each publishing m-line carries, by mid, as the signalling `offer` message wants it.
    #[must_use]
    pub fn sources(&self) -> BTreeMap<String, Source> {
        self.publications.iter().map(|publication| (publication.mid.as_str().to_owned(), publication.setup.source)).collect()
    }

    /// Adds m-lines until there are this many slots; the next offer shows them.
    pub fn want_slots(&mut self, audio: usize, video: usize) {
        for (audio, wanted) in [(true, audio), (false, video)] {
            let have = self.lines.iter().filter(|line| **line == Line::Slot { audio }).count();
            self.lines.extend(std::iter::repeat_n(Line::Slot { audio }, wanted.saturating_sub(have)));
        }
    }

    /// Where the client's socket is, for servers that check paths themselves; the next offer or answer shows it.
    pub fn set_candidate(&mut self, address: SocketAddr) {
        self.candidate = Some(address);
        self.ice.expect_full_agent();
    }

    /// New ICE credentials; the next offer shows them.
    pub fn restart_ice(&mut self) {
        self.ice.restart(&mut self.entropy);
    }

    /// The relay's answer to the last offer.
    ///
    /// # Errors
    /// [`AnswerError`]; nothing was changed.
    pub fn handle_answer(&mut self, now: Instant, sdp: &str) -> Result<(), AnswerError> {
        let answer = Answer::parse(sdp, self.lines.len())?;
        if self.secure.is_other(answer.fingerprint) {
            return Err(AnswerError::Malformed("another fingerprint than in the first answer".to_owned()));
        }
        for (line, answered) in self.lines.iter().zip(&answer.lines) {
            match line {
                Line::Publish(index) => self.publications[*index].accepted = answered.accepted,
                Line::Slot { audio } => {
                    let known = self.slots.iter().any(|slot| slot.mid == answered.mid);
                    match answered.ssrc {
                        Some(ssrc) if answered.accepted && !known => {
                            self.slots.push(InSlot::new(self.epoch, &self.setup, answered.mid.clone(), *audio, ssrc, answered.rtx));
                        }
                        None if answered.accepted && !known => self.unbound.add(&answered.mid, *audio),
                        _ => {}
                    }
                }
            }
        }
        (self.relay, self.compound) = (Some(answer.fingerprint), !answer.reduced_size);
        self.ice.set_remote(now, &answer.ice, &answer.candidates);
        self.handle_timeout(now);
        Ok(())
    }

    /// A datagram came from `from`; it is decrypted in place. Gives what the payload says of its author, where it is media.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) -> Option<Stamp> {
        let stamp = self.receive(now, from, datagram);
        self.handle_timeout(now);
        stamp
    }

    /// [`Client::handle_datagram`] without doing what is due: for whoever has more datagrams at hand and calls
    /// [`Client::handle_timeout`] behind the last of them.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) -> Option<Stamp> {
        match demux(datagram) {
            Some(Kind::Stun) => {
                let mut reply = [0; wire::stun::MAX_REPLY];
                match self.ice.respond(from, datagram, &mut reply) {
                    Some(len) => self.send_bytes(from, &reply[..len]),
                    None => self.ice.handle_datagram(now, from, datagram),
                }
                None
            }
            Some(Kind::Dtls) => {
                self.secure.handle_datagram(now, datagram);
                None
            }
            Some(Kind::Rtp) => self.handle_rtp(now, datagram),
            Some(Kind::Rtcp) => {
                self.handle_rtcp(now, datagram);
                None
            }
            None => {
                self.counters.malformed += 1;
                None
            }
        }
    }

    /// Does everything that is due by now.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut buf = [0; wire::stun::MAX_REQUEST];
        while let Some((to, len)) = self.ice.poll_check(now, &mut self.entropy, &mut buf) {
            self.send_bytes(to, &buf[..len]);
        }
        if let Some(relay) = self.relay.filter(|_| self.ice.is_nominated()) {
            self.secure.start(now, relay);
        }
        self.secure.handle_timeout(now);
        self.flush_dtls();
        if self.secure.is_ready() {
            self.send_media(now);
            self.send_feedback(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let connecting = [self.ice.poll_timeout(), self.secure.poll_timeout()];
        let media = self.publications.iter().map(|publication| publication.due(now));
        let slots = self.slots.iter().map(InSlot::poll_timeout);
        let running = media.chain(slots).chain([self.report_at, self.feedback.deadline()]);
        connecting.into_iter().chain(running.filter(|_| self.secure.is_ready())).flatten().min()
    }

    /// Hands out the datagrams to send, oldest first.
    pub fn drain(&mut self, send: impl FnMut(SocketAddr, &[u8])) {
        self.outbox.drain(send);
    }

    /// When the oldest media made since the last call should have left; whoever sends it knows by this how late it is.
    pub fn take_scheduled(&mut self) -> Option<Instant> {
        self.scheduled.take()
    }

    /// Hands out the gaps between pictures or sounds that each slot noted, and forgets them. See [`Setup::keeps_gaps`].
    pub fn take_gaps(&mut self, mut take: impl FnMut(Gap)) {
        let noted = self.slots.iter_mut().filter_map(|slot| slot.record.gaps.as_mut());
        noted.flat_map(|gaps| gaps.drain(..)).for_each(&mut take);
    }

    /// Media may flow.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure.is_ready()
    }

    /// Why the client can never become secure, if that is so.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.secure.failure()
    }

    /// The relay ended the DTLS association.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.secure.is_closed()
    }

    /// The moment at which capture times are zero.
    #[must_use]
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Where the client sends to.
    #[must_use]
    pub fn path(&self) -> Option<SocketAddr> {
        self.ice.path()
    }

    /// When the relay last answered a connectivity check.
    #[must_use]
    pub fn last_answer(&self) -> Option<Instant> {
        self.ice.last_answer()
    }

    /// Starts or stops capturing a source. This does not tell the relay: a rude client need not.
    pub fn set_active(&mut self, source: Source, active: bool) {
        self.publications.iter_mut().filter(|own| own.setup.source == source).for_each(|own| own.set_active(active));
    }

    /// Starts or stops one simulcast layer; 0 is the lowest.
    pub fn set_layer_active(&mut self, source: Source, layer: usize, active: bool) {
        self.publications.iter_mut().filter(|own| own.setup.source == source).for_each(|own| own.set_layer_active(layer, active));
    }

    /// Does what the relay asks of a source: which encodings to send, and how much all together, bit/s. A rude client need not.
    pub fn obey(&mut self, source: Source, layers: &[(Option<Rid>, bool)], limit: Option<u64>) {
        self.publications.iter_mut().filter(|own| own.setup.source == source).for_each(|own| own.obey(layers, limit));
    }

    /// Which encodings of a source the relay wants, lowest first.
    #[must_use]
    pub fn wanted(&self, source: Source) -> Vec<bool> {
        self.publications.iter().filter(|own| own.setup.source == source).flat_map(Publication::wanted).collect()
    }

    /// Whether the microphone's packets claim to hold a voice.
    pub fn set_speaking(&mut self, speaking: bool) {
        self.publications.iter_mut().filter(|own| own.setup.is_audio()).for_each(|own| own.speaking = speaking);
    }

    /// Sends an RTCP packet of the caller's making; for tests of what a hostile client may do.
    pub fn send_rtcp(&mut self, write: impl FnOnce(&mut RtcpWriter<'_>)) {
        self.push_rtcp(write);
    }

    /// Says goodbye to the relay in DTLS.
    pub fn close(&mut self) {
        self.secure.close();
        self.flush_dtls();
    }

    /// All slots in the order they were answered.
    pub fn slots(&self) -> impl Iterator<Item = SlotView<'_>> {
        self.slots.iter().map(|slot| SlotView {
            mid: &slot.mid,
            audio: slot.audio,
            newest: slot.newest(),
            ssrc: slot.ssrc,
            record: &slot.record,
            playout: slot.playout(),
        })
    }

    /// Forgets what the slots' records count and begins anew.
    pub fn begin_window(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.record.begin_window());
    }

    /// The relay tells who is in which slot now: what comes after a slot changed hands is no freeze of what was before.
    pub fn slots_told(&mut self, before: &[Slot], now: &[Slot]) {
        for told in now {
            let known = before.iter().find(|known| known.mid == told.mid);
            if known.is_none_or(|known| (known.participant, known.source) != (told.participant, told.source)) {
                self.slots.iter_mut().filter(|slot| slot.mid == told.mid.as_str()).for_each(|slot| slot.record.expect_nothing());
            }
        }
    }

    /// Totals.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Keyframe requests received for each layer of a source, lowest first.
    #[must_use]
    pub fn keyframes_asked(&self, source: Source) -> Vec<u64> {
        let own = self.publications.iter().filter(|own| own.setup.source == source);
        own.flat_map(|own| own.tracks().iter().rev().map(|track| track.asked)).collect()
    }

    /// Checks that the relay answered with an error.
    #[must_use]
    pub fn checks_refused(&self) -> u64 {
        self.ice.refused()
    }

    /// The client's own clock.
    pub(super) fn ntp(&self, now: Instant) -> Ntp {
        self.ntp_epoch.plus(now.saturating_duration_since(self.epoch))
    }

    fn send_bytes(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.outbox.push(to, |out| {
            out.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(bytes.len())
        });
    }

    fn flush_dtls(&mut self) {
        let Some(to) = self.ice.path() else { return };
        let Self { secure, outbox, .. } = self;
        while outbox.push(to, |out| secure.poll_datagram(out)) {}
    }

    fn offer_line(&self, index: usize) -> OfferLine {
        let Line::Publish(publication) = self.lines[index] else {
            let audio = self.lines[index] == Line::Slot { audio: true };
            let (mid, direction) = (index.to_string(), Direction::Receive);
            return OfferLine { mid, audio, codec: self.setup.reads, direction, rids: Vec::new(), ssrc: None };
        };
        self.publications[publication].offer_line()
    }
}
