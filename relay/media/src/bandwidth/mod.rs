//! How much the line to one viewer carries.
//!
//! ```text
//! Estimator::sent -> History ------.        .-> Groups -> Trend -> Rate (delay) --.
//!                                  |        |-> Acked (what arrives) -^  ^        |
//! TWCC ----> Clock -> arrivals --- fate --- |-> Queue (standing) -> drain         |-> lowest -> target
//! RFC 8888 -> Index -^                      |-> Cluster -> Prober --------'       |
//!                                           '-> Loss (own losses or full?) -------|
//! receiver reports -> Fallback (only without the above) --------------------------|
//! REMB -> cap --------------------------------------------------------------------'
//! ```
//! It is of the GoogCC family (draft-ietf-rmcat-gcc-02, and what became of it in libwebrtc), with three things of its own: the queue that
//! stands is measured and drained after a decrease, a line's own losses are told from those of a full line by trying, and packets whose
//! report was lost count as arrived. `tests/bandwidth` has the lines it was decided on.

mod acked;
mod arrival;
mod cluster;
mod estimator;
mod fallback;
mod groups;
mod index;
mod loss;
mod probe;
mod queue;
mod rate;
mod sent;
mod trend;

pub use estimator::Estimator;
use wire::ids::Ssrc;

/// Assumed until the line has spoken, bit/s. The first probe asks for three times this, so that a good line has 3 Mbit/s after a round
/// trip and a report, and a bad one is not flooded for longer than that.
const START: f64 = 1_000_000.0;

/// The least that is ever assumed, bit/s: sound passes.
const MIN_BITRATE: f64 = 50_000.0;

/// The most, bit/s: more than 33 tiles need.
const MAX_BITRATE: f64 = 30_000_000.0;

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
