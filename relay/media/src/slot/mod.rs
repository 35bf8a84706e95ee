//! One outgoing stream with one SSRC for its whole life, whoever is in it.

mod admit;
mod resend;
mod sound;
mod write;

pub(crate) use admit::MAX_BEHIND;

use std::time::{Duration, Instant};

use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;
use wire::rtcp::{ReportBlock, SenderInfo};

use crate::history::{ResendLimit, SameAgain};
use crate::reports::Reports;
use crate::segment::{Newest, Segment};
use crate::selector::Selector;
use crate::thinning::{Limits, Thinning};
use crate::window::Window;
use crate::{KeyframeCause, LayerId, MediaKind, Route, SourceClock};

/// Between two packets of a keyframe on a slow line, and before anybody says that he cannot use one, there is so much time at least.
const MIN_ANSWER: Duration = Duration::from_millis(50);
/// Nobody is taken to be further away when he asks: what he says of his queue may be over.
const MAX_ANSWER: Duration = Duration::from_millis(500);

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
    /// Zero of the times of sending that the viewer is told, the same for all his slots.
    pub epoch: Instant,
    /// 64 random bits: first sequence numbers, timestamp and picture ids.
    pub entropy: u64,
}

/// Where a sent packet came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Encoding of the attached publication.
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
    /// Those of them with copies of earlier ones (RFC 2198).
    pub redundant: u64,
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
/// Call order: [`Slot::attach`], then [`Slot::set_target`] as often as it changes, [`Slot::want`] whenever layers change and while it
/// returns a layer, and for every packet of the attached publication [`Slot::admit`] at once and [`Slot::write`] when its time has come ([`Slot::forward`] is both), or
/// [`Slot::forgo`] if it does not. [`Slot::resolve`], [`Slot::may_resend`], [`Slot::resend`] in this order for each NACK.
#[derive(Debug)]
pub struct Slot {
    config: SlotConfig,
    attached: Option<Attached>,
    newest: Newest,
    /// Counts what makes tickets of before worth nothing: [`Slot::attach`], [`Slot::detach`], [`Slot::break_off`].
    attach: u32,
    /// Viewer's numbers that were sent.
    sent: Window,
    /// Those of tickets that were given up; nothing before the first.
    forgone: Option<Box<Window>>,
    /// Those that were sent empty, to fill a place; nothing before the first.
    filled: Option<Box<Window>>,
    /// Which layers go on within the encoding; of audio, everything.
    thinning: Thinning,
    limit: ResendLimit,
    /// How long the last packet had waited before it was written.
    waited: Duration,
    /// Number of the newest keyframe's first packet that was sent.
    keyframe: u64,
    /// Its timestamp for the viewer, and when a packet of it left last.
    key_picture: Option<(u32, Instant)>,
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
    /// The viewer cannot read the codec in which the last packet came.
    unreadable: bool,
}

impl Slot {
    /// An empty slot.
    #[must_use]
    pub fn new(config: SlotConfig) -> Self {
        Self {
            config,
            attached: None,
            newest: Newest::new(config.entropy, config.ssrc),
            attach: 0,
            sent: Window::new(),
            forgone: None,
            filled: None,
            thinning: Thinning::new(),
            limit: ResendLimit::new(config.kind),
            waited: Duration::ZERO,
            keyframe: 0,
            key_picture: None,
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

    /// Whether what comes is in a codec that the viewer cannot read.
    #[must_use]
    pub fn unreadable(&self) -> bool {
        self.attached.as_ref().is_some_and(|attached| attached.unreadable)
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

    /// What of the publication is being forwarded.
    #[must_use]
    pub fn current(&self) -> Option<LayerId> {
        let encoding = self.current_layer()? as u8;
        let Limits { spatial, temporal } = self.thinning.limits();
        Some(LayerId { encoding, spatial, temporal })
    }

    /// Puts another publication into the slot (or the same again, for a changed route). Only continuity of the numbers remains.
    pub fn attach(&mut self, now: Instant, route: Route) {
        self.turn_over();
        self.attached = Some(Attached { since: now, route, selector: Selector::ALL, segment: None, unreadable: route.is_empty() });
    }

    /// Empties the slot.
    pub fn detach(&mut self) {
        self.turn_over();
        self.attached = None;
    }

    /// What still waits with a ticket will never be written, so its numbers are given away again: the viewer would count a gap as lost, and
    /// report so. What was written keeps its number for good, which is a nonce.
    fn turn_over(&mut self) {
        self.attach = self.attach.wrapping_add(1);
        self.newest.take_back(self.sent.highest(), self.config.entropy);
        self.forgone = None;
    }

    /// What of the publication this viewer is to get, until something else is said; after [`Slot::attach`] everything there is. Less begins
    /// at once where the codec allows, more and another encoding when a frame comes from which it can be decoded. `None` pauses the slot
    /// at once; it begins again with a keyframe.
    pub fn set_target(&mut self, target: Option<LayerId>) {
        let Some(attached) = &mut self.attached else { return };
        attached.selector.set_target(target);
        if target.is_none() {
            attached.segment = None;
        }
    }

    /// Nothing more of what is being forwarded, nor of what waits: the target begins with a keyframe.
    pub fn break_off(&mut self) {
        self.turn_over();
        if let Some(attached) = &mut self.attached {
            attached.segment = None;
        }
    }

    /// The same, because the line cannot carry what is being forwarded: for a moment nothing above the target will do.
    pub fn give_up(&mut self, now: Instant) {
        self.break_off();
        if let Some(attached) = &mut self.attached {
            attached.selector.give_up(now);
        }
    }

    /// What was set last.
    #[must_use]
    pub fn target(&self) -> Option<LayerId> {
        self.attached.as_ref()?.selector.target()
    }

    /// Whether a lower encoding is aimed at than is being forwarded: what is missed of the present one is of no use for long.
    #[must_use]
    pub fn goes_down(&self) -> bool {
        let (Some(current), Some(target)) = (self.current_layer(), self.target()) else { return false };
        usize::from(target.encoding) < current
    }

    /// Chooses an encoding: that of the target, or the next that arrives; `active` says which do (see [`crate::Publication::active`]).
    /// Returns the encoding of which a keyframe is needed now, and why; call it again (each 50 to 200 ms, or when an encoding starts or
    /// stalls) while it returns one. Audio never needs one, and nobody one that he cannot read.
    pub fn want(&mut self, now: Instant, active: &[bool]) -> Option<(usize, KeyframeCause)> {
        let attached = self.attached.as_mut().filter(|attached| self.config.kind == MediaKind::Video && !attached.unreadable)?;
        let current = attached.segment.map(|segment| segment.layer);
        if let Some(encoding) = attached.selector.choose(now, current, active) {
            return Some((encoding, if current.is_some() { KeyframeCause::Switch } else { KeyframeCause::Start }));
        }
        // A higher spatial layer within the encoding can, as a rule, only be entered at a keyframe.
        let encoding = current.filter(|&encoding| active.get(encoding) == Some(&true))?;
        let goal = attached.selector.limits(encoding).spatial.min(self.thinning.top_spatial());
        (self.thinning.limits().spatial < goal).then_some((encoding, KeyframeCause::Switch))
    }

    /// Whether a keyframe is on its way to the viewer, whose packets take `rtt` there and back: packets of it are still leaving, or he cannot
    /// have said anything since the last of them arrived. Who is impatient must not have another in its place, which takes as long.
    #[must_use]
    pub fn keyframe_underway(&self, now: Instant, rtt: Duration) -> bool {
        let underway = self.key_picture.filter(|_| self.attached.is_some_and(|attached| attached.segment.is_some()));
        underway.is_some_and(|(_, left)| now.saturating_duration_since(left) < rtt.min(MAX_ANSWER) + MIN_ANSWER)
    }

    /// A report block of the viewer; of another SSRC it is ignored. Gives the round trip of this block, if it answers a report of ours.
    pub fn handle_receiver_block(&mut self, now: Instant, block: &ReportBlock) -> Option<Duration> {
        if block.ssrc == self.config.ssrc { self.reports.handle(now, block) } else { None }
    }

    /// The sender report for now, `clock` being that of the current layer. `None` while nothing flows.
    pub fn sender_report(&mut self, now: Instant, ntp_now: Ntp, clock: &SourceClock) -> Option<SenderInfo> {
        let segment = self.attached?.segment?;
        self.reports.sent(now, ntp_now);
        Some(SenderInfo {
            ntp: ntp_now,
            rtp: segment.shift.timestamp(clock.rtp_at(ntp_now)),
            packets: self.counters.packets as u32,
            octets: self.counters.bytes as u32,
        })
    }
}
