//! One outgoing stream with one SSRC for its whole life, whoever is in it.

use std::time::{Duration, Instant};

use wire::ext::ExtMap;
use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;
use wire::rtcp::{ReportBlock, SenderInfo};
use wire::rtp::RtpFields;
use wire::seq::distance;

use crate::history::{ResendLimit, SameAgain};
use crate::reports::Reports;
use crate::rewrite::{Content, Stamps, translate, write_head, write_payload};
use crate::segment::{Newest, Segment};
use crate::selector::Selector;
use crate::window::Window;
use crate::{CodecOut, Inbound, MediaKind, Route, SourceClock, Stored};

/// What a slot is made of.
#[derive(Clone, Copy, Debug)]
pub struct SlotConfig {
    /// Stamped on every packet where the viewer negotiated the extension.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// The relay's SSRC.
    pub ssrc: Ssrc,
    /// The relay's retransmission SSRC; used with codecs that have an RTX payload type.
    pub rtx: Option<Ssrc>,
    /// 64 random bits: first sequence numbers, timestamp and picture ids.
    pub entropy: u64,
}

/// Where a sent packet came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Layer of the attached publication.
    pub layer: usize,
    /// See [`Inbound::ext_seq`].
    pub ext_seq: u64,
}

/// What a slot did.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct SlotCounters {
    /// Packets sent, retransmissions not included.
    pub packets: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Retransmissions sent.
    pub resent: u64,
    /// Retransmissions refused: too soon, too often or over the budget.
    pub refused: u64,
    /// Times a layer or publication began to flow.
    pub starts: u64,
    /// From the last [`Slot::attach`] to the first packet.
    pub last_start: Duration,
}

/// One outgoing stream.
///
/// Call order: [`Slot::attach`], then [`Slot::want`] whenever layers change and while it returns a layer, and [`Slot::forward`] for every
/// packet of the attached publication. [`Slot::resolve`], [`Slot::may_resend`], [`Slot::resend`] in this order for each NACK.
#[derive(Debug)]
pub struct Slot {
    config: SlotConfig,
    attached: Option<Attached>,
    newest: Newest,
    /// Viewer's numbers that were sent.
    sent: Window,
    limit: ResendLimit,
    /// Next number on the retransmission stream.
    rtx_seq: u16,
    same_again: Option<Box<SameAgain>>,
    reports: Reports,
    counters: SlotCounters,
}

/// What is in the slot.
#[derive(Clone, Copy, Debug)]
struct Attached {
    since: Instant,
    route: Route,
    selector: Selector,
    /// None until a packet has been forwarded, and after the source has broken off.
    segment: Option<Segment>,
}

/// A recovered first packet of a keyframe is only good as a start if the viewer can still ask for the packets that followed it.
const MAX_BEHIND: u64 = 50;

impl Slot {
    /// An empty slot.
    #[must_use]
    pub fn new(config: SlotConfig) -> Self {
        Self {
            config,
            attached: None,
            newest: Newest::new(config.entropy, config.ssrc),
            sent: Window::new(),
            limit: ResendLimit::new(),
            rtx_seq: (config.entropy >> 15) as u16 & 0x7fff,
            same_again: None,
            reports: Reports::default(),
            counters: SlotCounters::default(),
        }
    }

    /// Its m-line.
    #[must_use]
    pub fn mid(&self) -> Mid {
        self.config.mid
    }

    /// Its SSRC.
    #[must_use]
    pub fn ssrc(&self) -> Ssrc {
        self.config.ssrc
    }

    /// Whether something is in it.
    #[must_use]
    pub fn attached(&self) -> bool {
        self.attached.is_some()
    }

    /// The layer that is being forwarded.
    #[must_use]
    pub fn current_layer(&self) -> Option<usize> {
        self.attached?.segment.map(|segment| segment.layer)
    }

    /// Round-trip time to the viewer from report blocks.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.reports.rtt()
    }

    /// How the viewer receives this slot, as he said last.
    #[must_use]
    pub fn reported(&self) -> Option<&ReportBlock> {
        self.reports.last()
    }

    /// What the slot did.
    #[must_use]
    pub fn counters(&self) -> &SlotCounters {
        &self.counters
    }

    /// Puts another publication into the slot (or the same again, for a changed route). Only continuity of the numbers remains.
    pub fn attach(&mut self, now: Instant, route: Route) {
        self.attached = Some(Attached { since: now, route, selector: Selector::default(), segment: None });
    }

    /// Empties the slot.
    pub fn detach(&mut self) {
        self.attached = None;
    }

    /// Chooses the target layer: the highest that is active (see [`crate::Publication::active`]), and not above `cap` if that can be.
    /// Returns the layer of which a keyframe is needed now; call it again (each 50 to 200 ms, or when a layer starts or stalls) while it
    /// returns one. Audio never needs one.
    pub fn want(&mut self, now: Instant, active: &[bool], cap: usize) -> Option<usize> {
        let attached = self.attached.as_mut().filter(|_| self.config.kind == MediaKind::Video)?;
        attached.selector.choose(now, attached.segment.map(|segment| segment.layer), active, cap)
    }

    /// Writes the complete outgoing packet for this viewer to `out` and returns its length; `None` if the packet is not for him, or if
    /// it does not fit. `twcc` is the leg's transport-wide counter: the number of the next packet, advanced when it was used.
    #[inline]
    pub fn forward(&mut self, now: Instant, inbound: &Inbound<'_>, exts: &ExtMap, twcc: &mut u16, out: &mut [u8]) -> Option<usize> {
        let attached = self.attached.as_mut()?;
        let content = Content::of_inbound(inbound);
        let (codec, payload) = translate(&attached.route, &content)?;
        let pictures = content.pictures();
        let (segment, starts) = match attached.admit(inbound, self.config.kind) {
            Admission::Flows(segment) => (segment, false),
            Admission::Starts => (self.newest.begin(now, inbound, self.config.kind, codec.clock_rate, pictures), true),
            Admission::Refused => return None,
        };
        let out_seq = segment.out_seq(inbound.ext_seq)?;
        if !self.sent.is_fresh(out_seq) {
            return None;
        }
        let fields = self.config.fields(&segment, codec, inbound.ext_seq, out_seq, inbound.timestamp, inbound.marker);
        let stamps = Stamps { exts, mid: self.config.mid, transport: *twcc };
        let head = write_head(&fields, &content, &segment, &stamps, out)?;
        let body = write_payload(&attached.route, &content, payload, &segment, &mut out[head..])?;
        if starts {
            attached.segment = Some(segment);
            self.counters.starts += 1;
            self.counters.last_start = now.saturating_duration_since(attached.since);
        }
        self.newest.advance(now, &segment, out_seq, inbound, codec.clock_rate, pictures);
        self.count_first(out_seq, body, head + body);
        self.remember(codec, exts, out_seq, twcc);
        Some(head + body)
    }

    /// Which stored packet a sequence number of this slot stands for. `None` for what was before the last switch, because who shows a
    /// newer keyframe needs nothing from before; and for what was never offered to this slot: the store may hold what the viewer
    /// must not have.
    #[must_use]
    pub fn resolve(&self, out_seq: u16) -> Option<Origin> {
        let segment = self.attached?.segment?;
        let full = self.extend(out_seq)?;
        let ext_seq = segment.ext_seq(full)?;
        let offered = !self.sent.is_fresh(full) || segment.passed_before(ext_seq);
        offered.then_some(Origin { layer: segment.layer, ext_seq })
    }

    /// Whether a retransmission is allowed now: at most one per `rtt` and three in all per packet, and at most 20 % of what was sent.
    /// Counts a refusal.
    #[must_use]
    pub fn may_resend(&mut self, now: Instant, out_seq: u16, rtt: Duration) -> bool {
        let allowed = self.limit.allows(now, out_seq, rtt);
        self.counters.refused += u64::from(!allowed);
        allowed
    }

    /// Writes the retransmission of the packet that [`Slot::resolve`] named: on the RTX SSRC (RFC 4588), else byte for byte the same packet
    /// again. `None` if `stored` is another packet, if it cannot be the same again, or if it does not fit.
    pub fn resend(
        &mut self,
        now: Instant,
        out_seq: u16,
        stored: &Stored<'_>,
        exts: &ExtMap,
        twcc: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        let attached = self.attached?;
        let segment = attached.segment?;
        let full = self.extend(out_seq)?;
        if self.resolve(out_seq)?.ext_seq != stored.ext_seq {
            return None;
        }
        let content = Content::of_stored(stored);
        let (codec, payload) = translate(&attached.route, &content)?;
        let mut fields = self.config.fields(&segment, codec, stored.ext_seq, full, stored.timestamp, stored.marker);
        // What came while the slot waited for the first packet of its keyframe is sent for the first time.
        let first = self.sent.is_fresh(full);
        if first && stored.arrival < attached.since {
            return None;
        }
        let rtx = self.config.rtx.zip(codec.rtx).filter(|_| !first);
        let transport = match (rtx, &self.same_again) {
            _ if first => *twcc,
            (Some((ssrc, pt)), _) => {
                fields = RtpFields { payload_type: pt, ssrc, sequence: self.rtx_seq, ..fields };
                *twcc
            }
            (None, Some(same_again)) => same_again.transport(exts, full, self.sent.highest()?)?,
            (None, None) => return None,
        };
        let head = write_head(&fields, &content, &segment, &Stamps { exts, mid: self.config.mid, transport }, out)?;
        let original = if rtx.is_some() { 2 } else { 0 };
        // "OSN (Original Sequence Number)" stands before the payload (RFC 4588 section 4).
        out.get_mut(head..head + original)?.copy_from_slice(&out_seq.to_be_bytes()[..original]);
        let body = write_payload(&attached.route, &content, payload, &segment, &mut out[head + original..])?;
        let len = head + original + body;
        if first {
            self.count_first(full, body, 0);
            self.remember(codec, exts, full, twcc);
        } else if rtx.is_some() {
            self.rtx_seq = self.rtx_seq.wrapping_add(1);
            *twcc = twcc.wrapping_add(u16::from(exts.id(wire::ext::Ext::TransportCc).is_some()));
        }
        self.limit.spend(now, out_seq, len);
        self.counters.resent += 1;
        Some(len)
    }

    /// A report block of the viewer; of another SSRC it is ignored.
    pub fn handle_receiver_block(&mut self, now: Instant, block: &ReportBlock) {
        if block.ssrc == self.config.ssrc {
            self.reports.handle(now, block);
        }
    }

    /// The sender report for now, `clock` being that of the current layer. `None` while nothing flows.
    pub fn sender_report(&mut self, now: Instant, ntp_now: Ntp, clock: &SourceClock) -> Option<SenderInfo> {
        let segment = self.attached?.segment?;
        self.reports.sent(now, ntp_now);
        Some(SenderInfo {
            ntp: ntp_now,
            rtp: segment.timestamp(clock.rtp_at(ntp_now)),
            packets: self.counters.packets as u32,
            octets: self.counters.bytes as u32,
        })
    }

    /// The extended form of a number that was sent or jumped over.
    fn extend(&self, out_seq: u16) -> Option<u64> {
        let highest = self.sent.highest()?;
        let step = distance(out_seq, highest as u16);
        (step <= 0).then(|| highest - u64::from(step.unsigned_abs()))
    }

    #[inline]
    fn count_first(&mut self, out_seq: u64, payload: usize, earned: usize) {
        self.sent.insert(out_seq);
        self.counters.packets += 1;
        self.counters.bytes += payload as u64;
        self.limit.earn(earned);
    }

    /// Uses up the transport-wide number, and keeps it where the packet may have to be sent the same again.
    #[inline]
    fn remember(&mut self, codec: CodecOut, exts: &ExtMap, out_seq: u64, twcc: &mut u16) {
        if self.config.rtx.is_none() || codec.rtx.is_none() {
            self.same_again.get_or_insert_with(|| Box::new(SameAgain::new(*exts, out_seq))).sent(exts, out_seq, *twcc);
        }
        if exts.id(wire::ext::Ext::TransportCc).is_some() {
            *twcc = twcc.wrapping_add(1);
        }
    }
}

impl SlotConfig {
    #[inline]
    fn fields(&self, segment: &Segment, codec: CodecOut, ext_seq: u64, out_seq: u64, timestamp: u32, marker: bool) -> RtpFields {
        // For audio the marker means the start of a talk spurt: here a jump in the sound is no error (RFC 3551 section 4.1).
        let begins = self.kind == MediaKind::Audio && ext_seq == segment.first_in;
        RtpFields {
            marker: marker || begins,
            payload_type: codec.pt,
            sequence: out_seq as u16,
            timestamp: segment.timestamp(timestamp),
            ssrc: self.ssrc,
        }
    }
}

/// What becomes of a packet.
enum Admission {
    Flows(Segment),
    Starts,
    Refused,
}

impl Attached {
    #[inline]
    fn admit(&mut self, inbound: &Inbound<'_>, kind: MediaKind) -> Admission {
        if let Some(segment) = self.segment
            && segment.layer == inbound.layer
        {
            let older = inbound.ext_seq < segment.first_in;
            if older || (segment.generation == inbound.generation && (kind == MediaKind::Audio || segment.in_pt == inbound.in_pt)) {
                return if older { Admission::Refused } else { Admission::Flows(segment) };
            }
            // The source began anew or changed its codec: this slot shows nothing until the next start.
            self.segment = None;
        }
        let may_start = match kind {
            MediaKind::Audio => !inbound.late && self.segment.is_none(),
            MediaKind::Video => {
                inbound.keyframe
                    && inbound.behind <= MAX_BEHIND
                    && (self.segment.is_none() || self.selector.target() == Some(inbound.layer))
            }
        };
        if may_start { Admission::Starts } else { Admission::Refused }
    }
}
