//! One encoding of a publication on its way in: numbering, statistics, clock, store, wishes.

use std::time::{Duration, Instant};

use wire::codec::{Codec, h264};
use wire::ext::{ExtMap, ExtValues};
use wire::ids::{Rid, Ssrc};
use wire::ntp::Ntp;
use wire::rtp::RtpHeader;

use crate::MediaKind;
use crate::clock::SourceClock;
use crate::keyframe::{KeyframeCause, Keyframes};
use crate::meter::Meter;
use crate::nack::{MAX_HOLE, NackList};
use crate::numbering::{Numbering, Place};
use crate::rates::Rates;
use crate::reading::{Lore, Reading};
use crate::reception::Reception;
use crate::slot::MAX_BEHIND;
use crate::store::Store;

/// So many packets missing at the end of so long a silence are worth a keyframe: the publisher's line was away.
const LARGE_HOLE: u64 = 50;
const SILENCE: Duration = Duration::from_millis(700);

/// One encoding of a publication.
#[derive(Debug)]
pub struct Layer {
    /// Its index in the order of the offer, which counts until its pictures say otherwise.
    pub(crate) place: usize,
    pub(crate) rid: Option<Rid>,
    pub(crate) ssrc: Option<Ssrc>,
    pub(crate) rtx: Option<Ssrc>,
    /// When `ssrc` was last set; it may not change often.
    pub(crate) bound: Option<Instant>,
    pub(crate) numbering: Numbering,
    pub(crate) reception: Reception,
    pub(crate) nacks: NackList,
    pub(crate) keyframes: Keyframes,
    pub(crate) store: Store,
    meter: Meter,
    clock: SourceClock,
    anchor: Anchor,
    pace: Pace,
    packets: u64,
    pub(crate) lore: Lore,
    /// Since the first packet of video.
    rates: Option<Box<Rates>>,
    wish: Wish,
}

/// Whether the publisher was asked for the layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Wanted,
    /// Not any more: when it falls silent, that is as it should be.
    Unwanted,
    /// It was silent when it was asked for again, then, and nothing has come since.
    Returns(Instant),
}

/// What there is of a layer at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    Flows,
    /// It does not, but may when it is asked for.
    Paused,
    /// It has been asked for in vain.
    Missed,
}

/// What the layer's clock rests on.
#[derive(Clone, Copy, Debug)]
enum Anchor {
    Nothing,
    /// The first packet's arrival.
    Arrival,
    /// The publisher's report: its clock, and the RTP timestamp at that time.
    Report(Ntp, u32),
}

/// When frames come, to tell a slow stream from a stalled one.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Last packet, and the first frame after the last long pause.
    heard: Option<Instant>,
    resumed: Option<Instant>,
    /// First packet of the last frame, and its timestamp.
    frame: Option<(Instant, u32)>,
    /// Mean time between frames.
    interval: Duration,
}

/// A layer whose siblings go on is stalled after this long, or after five times its frame interval if that is longer ...
const MIN_STALL: Duration = Duration::from_millis(500);

/// ... up to this.
const MAX_STALL: Duration = Duration::from_secs(2);

/// A layer that is asked for and does not come for so long, while its siblings do, is not reckoned with any more: the publisher cannot afford
/// it, and what is kept for it other pictures would have.
const IN_VAIN: Duration = Duration::from_secs(5);

/// A packet as the layer counts it.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) now: Instant,
    pub(crate) now_ntp: Ntp,
    pub(crate) timestamp: u32,
    pub(crate) rate: u32,
    pub(crate) bytes: usize,
    pub(crate) recovered: bool,
    pub(crate) rtt: Duration,
}

impl Layer {
    pub(crate) fn new(now: Instant, kind: MediaKind, rid: Option<Rid>, index: usize, layers: usize) -> Self {
        Self {
            place: index,
            rid,
            ssrc: None,
            rtx: None,
            bound: None,
            numbering: Numbering::new(),
            reception: Reception::new(now),
            nacks: NackList::new(kind),
            keyframes: Keyframes::default(),
            store: Store::new(kind, index, layers),
            meter: Meter::new(now),
            clock: SourceClock::UNKNOWN,
            anchor: Anchor::Nothing,
            pace: Pace { heard: None, resumed: None, frame: None, interval: Duration::ZERO },
            packets: 0,
            lore: Lore::default(),
            rates: None,
            wish: Wish::Wanted,
        }
    }

    /// Its rid, where it has one.
    #[must_use]
    pub fn rid(&self) -> Option<Rid> {
        self.rid
    }

    /// The SSRC in use, once known.
    #[must_use]
    pub fn ssrc(&self) -> Option<Ssrc> {
        self.ssrc
    }

    /// Rate over about the last second, bit/s, RTP headers included, a publisher's own copies of earlier sound not.
    #[must_use]
    pub fn bitrate(&self, now: Instant) -> u64 {
        self.meter.rate(now)
    }

    /// The same, or what is usual for it if that is more: a picture that stands still must not look as if it had no rate.
    pub(crate) fn usual_bitrate(&self, now: Instant) -> u64 {
        let usual = self.rates().map_or(0, Rates::highest);
        self.bitrate(now).max(usual)
    }

    /// Packets received, retransmissions that filled a gap included.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets given up.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.nacks.lost()
    }

    /// Keyframe requests sent.
    #[must_use]
    pub fn keyframe_requests(&self) -> u64 {
        self.keyframes.requests().iter().sum()
    }

    /// The same by what they were sent for, in the order of [`crate::KeyframeCause`].
    #[must_use]
    pub fn keyframe_requests_by_cause(&self) -> [u64; 3] {
        self.keyframes.requests()
    }

    /// Wishes for a keyframe heard from viewers, in the order of [`crate::KeyframeCause`].
    #[must_use]
    pub fn keyframe_wishes(&self) -> [u64; 3] {
        self.keyframes.wishes()
    }

    /// The relation between RTP timestamps and the relay's clock; without meaning before the first packet.
    #[must_use]
    pub fn clock(&self) -> &SourceClock {
        &self.clock
    }

    /// When the last packet came; `None` before the first and after the stream's end.
    pub(crate) fn heard(&self) -> Option<Instant> {
        self.pace.heard
    }

    /// Reads what a packet says of itself, and of the stream.
    #[inline]
    pub(crate) fn read(
        &mut self,
        kind: MediaKind,
        codec: Codec,
        payload: &[u8],
        header: &RtpHeader,
        exts: &ExtValues<'_>,
        ext_seq: u64,
    ) -> Reading {
        let mut reading = self.lore.read(kind, codec, payload, header.marker, exts, ext_seq);
        if reading.frame.keyframe && codec == Codec::H264 && !h264::has_parameters(payload) {
            // The parameter sets in front of the picture are the beginning; nothing can be decoded without them.
            let before = self.store.timestamp(ext_seq.wrapping_sub(1));
            reading.frame.keyframe = self.packets == 1 || before.is_some_and(|before| before != header.timestamp);
        }
        reading
    }

    /// A structure came late: what came before it and goes by it can be read now, for whoever misses it.
    #[cold]
    pub(crate) fn read_again(&mut self, exts: &ExtMap) {
        let lore = &self.lore;
        self.store.read_again(exts, |ext_seq, exts, frame| lore.read_again(ext_seq, exts, frame));
    }

    /// Places an arrival in the numbering and counts it. `None` refuses it: `place` says why.
    #[inline]
    pub(crate) fn accept(&mut self, place: Place, arrival: &Arrival) -> Option<(u64, bool)> {
        let (ext, late) = match place {
            Place::Newest { ext, missing } => {
                if missing > 0 {
                    self.jumped(arrival, ext, missing);
                }
                (ext, false)
            }
            Place::Late { ext } => {
                self.nacks.filled(ext);
                (ext, true)
            }
            Place::Restart { ext } => {
                self.restart();
                (ext, false)
            }
            Place::Duplicate | Place::OutOfRange => return None,
        };
        self.packets += 1;
        self.meter.add(arrival.now, arrival.bytes);
        self.pace.heard = Some(arrival.now);
        if matches!(self.wish, Wish::Returns(_)) {
            self.wish = Wish::Wanted;
            if let Some(rates) = &mut self.rates {
                rates.resume(arrival.now);
            }
        }
        if !arrival.recovered {
            self.reception.arrived(arrival.now, ext, arrival.timestamp, arrival.rate);
        }
        if !late {
            self.pace.frame(arrival.now, arrival.timestamp);
            if matches!(self.anchor, Anchor::Nothing) || self.clock.rate() != arrival.rate.max(1) {
                self.clock = SourceClock::new(arrival.rate, arrival.timestamp, arrival.now_ntp);
                self.anchor = Anchor::Arrival;
            }
        }
        Some((ext, late))
    }

    /// Numbers in front of `ext` are missing. A hole that asking cannot fill soon is worth a keyframe at once: decoders of viewers say that
    /// they are stuck only after seconds.
    #[cold]
    fn jumped(&mut self, arrival: &Arrival, ext: u64, missing: u64) {
        let &Arrival { now, rtt, .. } = arrival;
        self.nacks.jumped(now, ext, missing, rtt);
        let silent = self.pace.heard.is_some_and(|heard| now.saturating_duration_since(heard) > SILENCE);
        if self.rates.is_some() && (missing > MAX_HOLE || missing > LARGE_HOLE && silent) {
            let rate = self.usual_bitrate(now);
            self.keyframes.wish(now, KeyframeCause::Loss, rtt, rate);
        }
    }

    /// Counts what a packet of video costs, by the layers it belongs to, and looks whether it is a keyframe that somebody wished for. `behind`:
    /// it is late, and lies so far behind the newest.
    #[inline]
    pub(crate) fn count(&mut self, arrival: &Arrival, reading: &Reading, behind: Option<u64>) {
        let (frame, &Arrival { now, timestamp, bytes, .. }) = (&reading.frame, arrival);
        if !reading.unread {
            let rates = self.rates.get_or_insert_with(|| Box::new(Rates::new(now)));
            rates.add(now, frame.spatial, frame.temporal, bytes, frame.start);
            if let Some((spatial, temporal)) = reading.promises() {
                rates.promise(spatial, temporal);
            }
        }
        match behind {
            Some(behind) => self.keyframes.arrived_late(timestamp, bytes, frame.keyframe && behind <= MAX_BEHIND),
            None => self.keyframes.arrived(now, timestamp, bytes, frame.keyframe),
        }
    }

    /// What its layers cost, since the first packet of video.
    pub(crate) fn rates(&self) -> Option<&Rates> {
        self.rates.as_deref()
    }

    /// Whether the publisher is asked to send it.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.wish != Wish::Unwanted
    }

    /// The publisher is asked to send it, or no longer.
    pub(crate) fn set_wanted(&mut self, now: Instant, wanted: bool) {
        self.wish = match (self.wish, wanted) {
            (_, false) => Wish::Unwanted,
            (Wish::Unwanted, true) if self.silent(now) => Wish::Returns(now),
            (Wish::Unwanted, true) => Wish::Wanted,
            (wish, true) => wish,
        };
    }

    /// Takes a sender report over; `on_relay` is its time on the relay's clock.
    pub(crate) fn reported(&mut self, sent: Ntp, rtp: u32, on_relay: Ntp) {
        // Before the first packet the rate is not known, and a report without media is worth nothing.
        if !matches!(self.anchor, Anchor::Nothing) {
            self.anchor = Anchor::Report(sent, rtp);
            self.clock = SourceClock::new(self.clock.rate(), rtp, on_relay);
        }
    }

    /// The peer's clock offset has changed.
    pub(crate) fn realign(&mut self, to_relay: impl Fn(Ntp) -> Option<Ntp>) {
        if let Anchor::Report(sent, rtp) = self.anchor
            && let Some(on_relay) = to_relay(sent)
        {
            self.clock = SourceClock::new(self.clock.rate(), rtp, on_relay);
        }
    }

    /// The media stream ended or was replaced: the next packet begins a new generation.
    pub(crate) fn end_stream(&mut self) {
        self.numbering.expect_restart();
        self.pace.heard = None;
    }

    /// Whether packets are overdue at `now`, given when any layer of the publication was heard last. If all are silent, none is, unless
    /// it was paused at our wish.
    pub(crate) fn stalled(&self, now: Instant, publication_heard: Instant) -> bool {
        let Some(heard) = self.pace.heard else { return true };
        let alone = self.wish == Wish::Unwanted || publication_heard.saturating_duration_since(heard) > self.patience() / 2;
        matches!(self.wish, Wish::Returns(_)) || (self.silent(now) && alone)
    }

    /// Since when it has come without a long pause; `None` if it does not come now.
    pub(crate) fn comes_since(&self, now: Instant) -> Option<Instant> {
        self.pace.resumed.filter(|_| !self.silent(now))
    }

    /// What there is of it, given when any layer was heard last, and since when any has come without a pause: where none comes none is missed.
    pub(crate) fn flow(&self, now: Instant, publication_heard: Instant, others: Option<Instant>) -> Flow {
        let since = match self.wish {
            _ if !self.stalled(now, publication_heard) => return Flow::Flows,
            Wish::Unwanted => return Flow::Paused,
            Wish::Wanted => self.pace.heard,
            Wish::Returns(at) => Some(at),
        };
        let in_vain = others.is_some_and(|others| now.saturating_duration_since(others.max(since.unwrap_or(others))) > IN_VAIN);
        if in_vain { Flow::Missed } else { Flow::Paused }
    }

    fn silent(&self, now: Instant) -> bool {
        self.pace.heard.is_none_or(|heard| now.saturating_duration_since(heard) > self.patience())
    }

    fn patience(&self) -> Duration {
        (self.pace.interval * 5).clamp(MIN_STALL, MAX_STALL)
    }

    fn restart(&mut self) {
        self.nacks.restart();
        self.reception.restart();
        // Another encoder numbers its templates and pictures anew.
        self.lore = Lore::default();
        self.keyframes.restart();
        self.anchor = Anchor::Nothing;
        self.pace.frame = None;
        if let Some(rates) = &mut self.rates {
            rates.restart();
        }
    }
}

impl Pace {
    #[inline]
    fn frame(&mut self, now: Instant, timestamp: u32) {
        if let Some((began, last)) = self.frame {
            if last == timestamp {
                return;
            }
            let interval = now.saturating_duration_since(began);
            if interval > MAX_STALL {
                self.resumed = Some(now);
            }
            self.interval = (self.interval * 7 + interval.min(MAX_STALL)) / 8;
        } else {
            self.resumed = Some(now);
        }
        self.frame = Some((now, timestamp));
    }
}
