//! One receiving m-line: everything that comes in on the relay's SSRC for it.

use std::time::{Duration, Instant};

use wire::codec::Codec;
use wire::ids::Ssrc;
use wire::ntp::Ntp;
use wire::rtp::RtpHeader;
use wire::seq::SeqUnwrapper;

use super::decoder::Decoder;
use super::listener::{self, Listener};
use super::losses::{self, Losses};
use super::pattern::{self, Stamp};
use super::reassembly::Packet;
use super::reception::{Reception, Reported};
use super::record::SlotRecord;
use super::seen::{Seen, Verdict};
use super::setup::Setup;

/// Requests for one packet of sound; later it would be of no use.
const SOUND_TRIES: u32 = 3;

/// One slot.
pub(super) struct InSlot {
    pub(super) mid: String,
    pub(super) audio: bool,
    pub(super) ssrc: Ssrc,
    pub(super) rtx: Option<Ssrc>,
    pub(super) record: SlotRecord,
    seqs: SeqUnwrapper,
    highest: Option<u64>,
    seen: Seen,
    losses: Losses,
    reception: Reception,
    decoder: Decoder,
    last_sound: Option<(u64, u32)>,
    sender_report: Option<(Ntp, u32)>,
    newest: Option<(u32, Stamp)>,
    listener: Listener,
    /// Payload type of redundant sound, and when the client began.
    red: u8,
    epoch: Instant,
    /// Payload types of pictures in VP9; all others are in VP8.
    vp9: Option<[u8; 2]>,
}

impl InSlot {
    pub(super) fn new(epoch: Instant, setup: &Setup, mid: String, audio: bool, ssrc: Ssrc, rtx: Option<Ssrc>) -> Self {
        let tries = match (rtx, audio && setup.sound_nack) {
            (Some(_), _) if setup.asks_again => losses::MAX_TRIES,
            (None, true) => SOUND_TRIES,
            _ => 0,
        };
        let mut record = SlotRecord::default();
        record.heard = (audio && setup.keeps_sounds).then(Vec::new);
        record.gaps = setup.keeps_gaps.then(Vec::new);
        record.takes_foreign = setup.takes_foreign;
        Self {
            mid,
            audio,
            ssrc,
            rtx,
            record,
            seqs: SeqUnwrapper::new(),
            highest: None,
            seen: Seen::default(),
            losses: Losses::new(tries),
            reception: Reception::new(clock_rate(audio)),
            decoder: Decoder::default(),
            last_sound: None,
            sender_report: None,
            newest: None,
            listener: Listener::default(),
            red: setup.numbering.red,
            epoch,
            vp9: (setup.reads == Codec::Vp9).then_some([setup.numbering.vp9, setup.numbering.vp9_rtx]),
        }
    }

    /// A decrypted packet on this slot's media SSRC or, with its original number in front of the payload, on its RTX SSRC.
    /// Gives the author if the packet names one.
    pub(super) fn handle_packet(&mut self, now: Instant, header: &RtpHeader, payload: &[u8]) -> Option<Stamp> {
        let recovered = Some(header.ssrc) == self.rtx;
        let (sequence, payload) = match payload.split_first_chunk::<2>() {
            Some((original, rest)) if recovered => (u16::from_be_bytes(*original), rest),
            // Padding alone on the retransmission stream, sent to probe the path.
            _ if recovered => return None,
            _ => (header.sequence, payload),
        };
        let seq = self.seqs.unwrap(sequence);
        let stamp = pattern::find(payload);
        match self.seen.judge(seq, header.timestamp, payload) {
            Verdict::New => {}
            Verdict::Copy => {
                self.record.duplicates += 1;
                return stamp;
            }
            Verdict::Conflict => {
                self.record.complain(|| format!("two packets share the number {sequence}"));
                return stamp;
            }
        }
        self.record.packets += 1;
        self.record.recovered += u64::from(recovered);
        self.losses.arrived(now, seq, recovered);
        self.record.expected += seq.saturating_sub(self.highest.unwrap_or(seq.saturating_sub(1)));
        self.highest = self.highest.max(Some(seq));
        let newest = self.reception.arrived(now, seq, header.timestamp);
        self.record.reordered += u64::from(!newest && !recovered);
        match &stamp {
            Some(stamp) => self.record.note_packet(now, stamp.author, payload.len(), newest),
            None => self.record.foreign += u64::from(!payload.is_empty() && self.record.is_foreign(payload)),
        }
        if payload.is_empty() {
            self.record.fillers += 1;
            self.decoder.frames.insert_filler(seq);
        } else if self.audio {
            self.hear(now, seq, header, payload);
        } else {
            let codec = if self.vp9.is_some_and(|types| types.contains(&header.payload_type)) { Codec::Vp9 } else { Codec::Vp8 };
            let packet = Packet { seq, timestamp: header.timestamp, marker: header.marker, codec, payload };
            self.decoder.insert(now, &packet, &mut self.record);
        }
        if !self.audio {
            self.advance(now);
        }
        stamp
    }

    pub(super) fn handle_sender_report(&mut self, now: Instant, ntp: Ntp, rtp: u32) {
        self.reception.sender_report(now, ntp);
        self.sender_report = Some((ntp, rtp));
    }

    /// Time has passed: gaps may be given up.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if !self.audio {
            self.advance(now);
        }
        self.record.missing += self.losses.take_given_up();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let picture = if self.audio { None } else { self.decoder.deadline() };
        picture.into_iter().chain(self.losses.deadline()).min()
    }

    /// Number of the newest packet.
    pub(super) fn newest(&self) -> Option<u16> {
        self.reception.newest()
    }

    /// Numbers to ask for again.
    pub(super) fn due_nacks(&mut self, now: Instant, rtt: Duration) -> Vec<u16> {
        self.losses.due(now, rtt)
    }

    pub(super) fn needs_keyframe(&mut self, now: Instant) -> bool {
        !self.audio && self.decoder.needs_keyframe(now)
    }

    pub(super) fn report(&mut self, now: Instant) -> Option<Reported> {
        self.reception.report(now)
    }

    /// The relay's time at which the newest picture or sound was captured, by the last sender report, beside the true time.
    pub(super) fn playout(&self) -> Option<(Ntp, Duration)> {
        let (ntp, rtp) = self.sender_report?;
        let (timestamp, stamp) = self.newest?;
        let ticks = timestamp.wrapping_sub(rtp).cast_signed();
        let span = Duration::from_secs_f64(f64::from(ticks.unsigned_abs()) / f64::from(clock_rate(self.audio)));
        Some((if ticks < 0 { ntp.minus(span) } else { ntp.plus(span) }, stamp.captured))
    }

    fn advance(&mut self, now: Instant) {
        if let Some(newest) = self.decoder.advance(now, &mut self.record) {
            self.newest = Some(newest);
        }
        if let Some(next) = self.decoder.next_seq() {
            self.losses.forget_before(next);
        }
    }

    fn hear(&mut self, now: Instant, seq: u64, header: &RtpHeader, payload: &[u8]) {
        let timestamp = header.timestamp;
        let packet = listener::Packet { redundant: header.payload_type == self.red, begins: header.marker, payload };
        let age = now.saturating_duration_since(self.epoch);
        let Some(stamp) = self.listener.hear(now, age, &packet, &mut self.record) else {
            if self.record.is_foreign(payload) {
                // How long since the last sound of the pattern says nothing: another one came.
                self.record.expect_nothing();
                return;
            }
            self.record.complain(|| format!("packet {seq} holds a damaged sound"));
            return;
        };
        self.record.note_decoded(now, &stamp, None);
        if let Some((last, before)) = self.last_sound
            && (timestamp.wrapping_sub(before).cast_signed() > 0) != (seq > last)
        {
            self.record.complain(|| format!("timestamps {before}, {timestamp} contradict the numbers {last}, {seq}"));
        }
        if self.last_sound.is_none_or(|(last, _)| seq > last) {
            self.last_sound = Some((seq, timestamp));
            self.newest = Some((timestamp, stamp));
        }
    }
}

fn clock_rate(audio: bool) -> u32 {
    if audio { 48_000 } else { 90_000 }
}
