//! One outgoing stream with one SSRC for its whole life, whoever is in it.

use std::time::{Duration, Instant};

use wire::ext::ExtMap;
use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;

use crate::{Inbound, MediaKind, Route, SourceClock, Stored};

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

/// What the selector must know of one layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LayerState {
    /// See [`crate::Publication::active`].
    pub active: bool,
    /// bit/s.
    pub bitrate: u64,
}

/// Where a sent packet came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Layer of the attached publication.
    pub layer: usize,
    /// See [`Inbound::ext_seq`].
    pub ext_seq: u64,
}

/// Content of a sender report for a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderReport {
    /// The relay's clock.
    pub ntp: Ntp,
    /// RTP timestamp of the slot at that time.
    pub rtp: u32,
    /// Packets sent, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent, modulo 2^32.
    pub octets: u32,
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
    /// Times the slot went to another layer or publication and started there.
    pub switches: u64,
}

/// One outgoing stream.
pub struct Slot {
    config: SlotConfig,
    attached: bool,
    counters: SlotCounters,
}

impl Slot {
    /// An empty slot.
    #[must_use]
    pub fn new(config: SlotConfig) -> Self {
        Self { config, attached: false, counters: SlotCounters::default() }
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

    /// Puts another publication into the slot (or the same again, for a changed route). Only continuity of the numbers remains.
    pub fn attach(&mut self, _now: Instant, _route: Route) {
        self.attached = true;
    }

    /// Empties the slot.
    pub fn detach(&mut self) {
        self.attached = false;
    }

    /// Whether something is in it.
    #[must_use]
    pub fn attached(&self) -> bool {
        self.attached
    }

    /// Chooses the target layer: the highest that is active. Returns the layer of which a keyframe is needed now; call it again (each
    /// 50 to 200 ms, or when a layer starts or stalls) while it returns one.
    pub fn want(&mut self, _now: Instant, _layers: &[LayerState]) -> Option<usize> {
        None
    }

    /// Writes the complete outgoing packet for this viewer to `out` and returns its length; `None` if the packet is not for him.
    /// `twcc` is the leg's transport-wide counter: the number of the next packet, advanced when a number was used.
    pub fn forward(
        &mut self,
        _now: Instant,
        _inbound: &Inbound<'_>,
        _exts: &ExtMap,
        _twcc: &mut u16,
        _out: &mut [u8],
    ) -> Option<usize> {
        None
    }

    /// Which stored packet a sequence number of this slot stands for; `None` if it was not sent or belongs to what was before a switch.
    #[must_use]
    pub fn resolve(&self, _out_seq: u16) -> Option<Origin> {
        None
    }

    /// Whether a retransmission is allowed now: at most one per RTT and three in all per packet, and at most 20 % of what was sent.
    /// Counts a refusal.
    #[must_use]
    pub fn may_resend(&mut self, _now: Instant, _out_seq: u16, _rtt: Duration) -> bool {
        false
    }

    /// Writes the retransmission of a packet: on the RTX SSRC (RFC 4588), else byte for byte the same packet again.
    pub fn resend(
        &mut self,
        _now: Instant,
        _out_seq: u16,
        _stored: &Stored<'_>,
        _exts: &ExtMap,
        _twcc: &mut u16,
        _out: &mut [u8],
    ) -> Option<usize> {
        None
    }

    // Coming with `wire::rtcp`:
    // pub fn handle_receiver_block(&mut self, now: Instant, block: &ReportBlock)

    /// The sender report that is due to the viewer, `clock` being that of the current layer. `None` while nothing flows.
    pub fn sender_report(&mut self, _now: Instant, _ntp_now: Ntp, _clock: &SourceClock) -> Option<SenderReport> {
        None
    }

    /// The layer that is being forwarded.
    #[must_use]
    pub fn current_layer(&self) -> Option<usize> {
        None
    }

    /// Round-trip time to the viewer from report blocks.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        None
    }

    /// What the slot did.
    #[must_use]
    pub fn counters(&self) -> &SlotCounters {
        &self.counters
    }
}
