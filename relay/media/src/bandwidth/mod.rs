//! How much the line to one viewer carries.
//!
//! ```text
//! Estimator::sent -> History ------.        .-> Groups -> Trend -> Rate (delay) --.
//!                                  |        |-> Acked (what arrives) -^  ^        |
//! TWCC ----> Clock -> arrivals --- fate --- |-> Queue (standing) -> drain         |-> lowest -> target
//! RFC 8888 -> Index -^                      |-> Cluster -> Prober --------'       |      and Ceiling: where the line was full
//!                                           '-> Loss (own losses or full?) -------|
//! receiver reports -> Fallback (only without the above) --------------------------|
//! REMB -> cap --------------------------------------------------------------------'
//! ```
//! It is of the GoogCC family (draft-ietf-rmcat-gcc-02, and what became of it in libwebrtc), with some things of its own: the queue that
//! stands is measured and drained after a decrease, and without one growing delays are jitter; a line's own losses are told from those of a
//! full line by trying, where evidence gathered over as many packets as it takes says that they matter; where a line ends is remembered; and
//! packets whose report was lost count as arrived. `tests/bandwidth` has the lines it was decided on.

mod acked;
mod arrival;
mod carried;
mod ceiling;
mod cluster;
mod estimator;
mod fallback;
mod groups;
mod index;
mod loss;
mod observation;
mod probe;
mod queue;
mod rate;
mod readings;
mod reports;
mod sent;
mod trend;
mod trial;
mod verdict;

pub use estimator::Estimator;
use wire::ids::Ssrc;

/// Assumed until the line has spoken, bit/s. With two probes a good line then reaches 2.5 Mbit/s in 230 ms; beginning there saves those,
/// but on a line of 1 Mbit/s the queue grows to 370 ms instead of 65 ms, and on one of 0.3 Mbit/s to over 2 s instead of 0.9 s.
const START: f64 = 800_000.0;

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
