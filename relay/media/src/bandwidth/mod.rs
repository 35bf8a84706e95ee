//! How much the line to one viewer carries.

use std::time::{Duration, Instant};

use wire::ids::Ssrc;
use wire::rtcp::TransportCc;

/// Assumed until the line has spoken, bit/s.
const START: u64 = 2_500_000;

/// A datagram that was sent to the viewer.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Transport-wide number; without meaning where the viewer did not negotiate the extension.
    pub number: u16,
    /// Stream.
    pub ssrc: Ssrc,
    /// RTP sequence number, for feedback by stream (RFC 8888).
    pub sequence: u16,
    /// Bytes of the datagram.
    pub bytes: usize,
    /// Why it was sent.
    pub purpose: Purpose,
}

/// Why something was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Media, for the first time.
    Media,
    /// Again, because the viewer missed it.
    Resend,
    /// To find out whether the line carries more; the number is [`Probe::cluster`].
    Probe(u32),
}

/// A question to the line: send so much, so fast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Its number, for [`Purpose::Probe`].
    pub cluster: u32,
    /// How fast, bit/s, media included.
    pub bitrate: u64,
    /// How much, bytes, media included.
    pub bytes: usize,
}

/// What holds the estimate where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Nothing: it grows, or is as large as anybody wishes.
    Nothing,
    /// Queues grow on the way.
    Delay,
    /// Packets are lost.
    Loss,
    /// The viewer's own estimate (REMB).
    Viewer,
}

/// Bandwidth of one viewer's line.
///
/// Tell it of every datagram by [`Estimator::sent`] and of all feedback; call [`Estimator::handle_timeout`] at
/// [`Estimator::poll_timeout`]; after each of these take [`Estimator::poll_probe`] until it is empty.
#[derive(Debug)]
pub struct Estimator {
    target: u64,
}

impl Estimator {
    /// A line of which nothing is known.
    #[must_use]
    pub fn new(_now: Instant) -> Self {
        Self { target: START }
    }

    /// A datagram goes out now.
    #[inline]
    pub fn sent(&mut self, _now: Instant, _sent: &Sent) {}

    /// Transport-wide feedback of the viewer.
    pub fn handle_transport_cc(&mut self, _now: Instant, _feedback: &TransportCc<'_>) {}

    /// The viewer's own estimate (draft-alvestrand-rmcat-remb), bit/s.
    pub fn handle_remb(&mut self, _now: Instant, _bitrate: u64) {}

    /// Fraction lost (of 256) by a report block, for viewers who give nothing better.
    pub fn handle_loss(&mut self, _now: Instant, _fraction: u8) {}

    /// The most that could be used: the best layer for every tile, bit/s. Probes go no further.
    pub fn set_wish(&mut self, _now: Instant, _bitrate: u64) {}

    /// A question that should be asked now.
    pub fn poll_probe(&mut self, _now: Instant) -> Option<Probe> {
        None
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// When [`Estimator::handle_timeout`] wants to be called; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// What may be sent in all, bit/s.
    #[must_use]
    pub fn target(&self) -> u64 {
        self.target
    }

    /// What holds it where it is.
    #[must_use]
    pub fn limit(&self) -> Limit {
        Limit::Nothing
    }

    /// Round-trip time by feedback.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        None
    }

    /// Share of packets lost lately, 0 to 1, as seen before retransmission.
    #[must_use]
    pub fn loss(&self) -> f32 {
        0.0
    }
}
