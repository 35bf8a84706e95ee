//! Everything one peer sends: finds each packet's stream, keeps statistics, recovers losses, asks for keyframes.

use std::time::{Duration, Instant};

use wire::ext::ExtMap;
use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;

use crate::{Inbound, Publication, PublishConfig};

/// Everything one peer sends.
pub struct Receiver {
    publications: Vec<Publication>,
    counters: ReceiverCounters,
}

/// Why somebody wants a keyframe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyframeCause {
    /// A slot was put on this publication: a join, a move, an admission, a layout change.
    Start,
    /// A slot goes to another layer of the same publication.
    Switch,
    /// A viewer's decoder lost the picture (PLI or FIR).
    Loss,
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
    /// Retransmissions that filled a gap; also in `accepted`.
    pub recovered: u64,
}

impl Receiver {
    /// A receiver without lines. `ntp_now` is the relay's clock at `now`; `local_ssrc` is the sender of our RTCP.
    #[must_use]
    pub fn new(_now: Instant, _ntp_now: Ntp, _exts: ExtMap, _local_ssrc: Ssrc) -> Self {
        Self { publications: Vec::new(), counters: ReceiverCounters::default() }
    }

    /// Takes over a negotiation. Lines whose mid, kind and layers stay keep their state; indexes follow the new order.
    pub fn configure(&mut self, _now: Instant, _exts: ExtMap, _lines: Vec<PublishConfig>) {}

    /// Places one authenticated, decrypted packet. `None` is a counted drop.
    pub fn handle_rtp<'p>(&mut self, _now: Instant, _plain: &'p [u8]) -> Option<Inbound<'p>> {
        None
    }

    /// A sender report of the publisher; of an SSRC that is not his it is ignored.
    pub fn handle_sender_report(&mut self, _now: Instant, _ssrc: Ssrc, _ntp: Ntp, _rtp: u32) {}

    /// The publisher ends a stream; an SSRC that is not his is ignored.
    pub fn handle_bye(&mut self, _ssrc: Ssrc) {}

    /// Round-trip time to the publisher where the caller knows it (STUN, a report block on the same transport); 70 ms until then.
    pub fn set_rtt(&mut self, _rtt: Duration) {}

    /// Wishes for a keyframe of one layer. Wishes are merged and limited per layer; repeat the wish while it lasts.
    pub fn request_keyframe(&mut self, _now: Instant, _publication: usize, _layer: usize, _cause: KeyframeCause) {}

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

    /// When `write_feedback` has something to say next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    // Coming with `wire::rtcp`:
    // pub fn write_feedback(&mut self, now: Instant, writer: &mut RtcpWriter<'_>) -> bool
    //     true: something was written, finish and send this datagram, then call again with a new one; false: nothing (more) is due.

    /// What was received and what was dropped.
    #[must_use]
    pub fn counters(&self) -> &ReceiverCounters {
        &self.counters
    }
}
