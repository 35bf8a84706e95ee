//! Totals since the start, as plain numbers; the node publishes them.

/// Declares the counters once, with their names for the metrics page.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Totals since the worker's start. They only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// Names in the order of [`Counters::values`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];
            /// How many there are.
            pub const COUNT: usize = Self::NAMES.len();

            /// All values, in the order of [`Counters::NAMES`].
            #[must_use]
            pub fn values(&self) -> [u64; Self::COUNT] {
                [$(self.$name,)*]
            }
        }
    };
}

counters! {
    /// Datagrams handed in.
    datagrams,
    /// Datagrams that are none of STUN, DTLS, RTP, RTCP by their first bytes (RFC 7983), or empty.
    dropped_unknown_kind,
    /// Datagrams larger than any legitimate packet.
    dropped_oversize,
    /// STUN for nobody here, malformed, or not authentic.
    dropped_stun,
    /// DTLS, RTP or RTCP from an address without an authenticated check.
    dropped_stranger,
    /// DTLS from a peer whose keys are in place: a retransmission, a goodbye, or a forgery. The engine drops what is not authentic.
    dtls_after_keys,
    /// RTP or RTCP that failed authentication, was replayed, or came before the keys.
    dropped_srtp,
    /// Authentic RTP that is malformed, duplicate, or of no negotiated stream.
    dropped_rtp,
    /// Authentic RTCP that is malformed.
    dropped_rtcp,
    /// RTP of a source that is muted or switched off: dropped on arrival.
    dropped_muted,
    /// Media that would have crossed a zero bit of the visibility matrix. Anything but 0 is a bug.
    crossed_zero_bit,
    /// Media packets received and let in.
    rtp_received,
    /// Media packets sent, first sends only.
    rtp_forwarded,
    /// Retransmissions sent.
    rtp_resent,
    /// Sequence numbers that viewers asked for again.
    nacks_received,
    /// Of those, refused: unknown, too old, too often, or over the budget.
    nacks_refused,
    /// Keyframe requests from viewers.
    keyframes_asked,
    /// RTCP datagrams sent.
    rtcp_sent,
    /// Peers that joined.
    joins,
    /// Peers that left or were closed.
    closes,
    /// Transports that became secure.
    secured,
    /// Transports that failed for good.
    transports_failed,
}
