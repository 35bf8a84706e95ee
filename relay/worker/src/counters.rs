//! Totals since the start, as plain numbers; the node publishes them.

use media::ReceiverCounters;

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

impl Counters {
    /// Counts the cause for which a receiver refused a packet, from its totals before and after.
    pub(crate) fn refused(&mut self, before: &ReceiverCounters, after: &ReceiverCounters) {
        self.dropped_rtp_malformed += after.malformed - before.malformed;
        self.dropped_rtp_unknown += after.unknown - before.unknown;
        self.dropped_rtp_duplicate += after.duplicate - before.duplicate;
        self.dropped_rtp_out_of_range += after.out_of_range - before.out_of_range;
        self.dropped_rtp_excess += after.excess - before.excess;
        self.dropped_rtp_probe += after.probes - before.probes;
    }

    /// Counts packets of sound that were sent although they came before their listener had a slot for them.
    pub(crate) fn preroll(&mut self, packets: u64) {
        self.rtp_forwarded += packets;
        self.prerolled += packets;
    }

    /// Counts keyframe requests to a publisher by cause, from the totals before and after. A line that was replaced begins anew.
    pub(crate) fn keyframe_requests(&mut self, before: [u64; 3], after: [u64; 3]) {
        let [start, switch, loss] = std::array::from_fn(|cause| after[cause].saturating_sub(before[cause]));
        self.keyframes_start += start;
        self.keyframes_switch += switch;
        self.keyframes_loss += loss;
    }
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
    /// Authentic RTP with a broken header, padding or retransmission payload.
    dropped_rtp_malformed,
    /// Authentic RTP of no negotiated stream or payload type.
    dropped_rtp_unknown,
    /// Authentic RTP that came before, or a retransmission of something that was not missing. Browsers also probe for bandwidth this way.
    dropped_rtp_duplicate,
    /// Authentic RTP that is too old, or a jump in the numbering that has not proved to be a restart.
    dropped_rtp_out_of_range,
    /// Authentic RTP beyond what a microphone or the cameras of one peer ever send.
    dropped_rtp_excess,
    /// Padding on a retransmission stream: a browser probes for bandwidth.
    dropped_rtp_probe,
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
    /// Of these, sound that carried copies of earlier packets.
    rtp_redundant,
    /// Of these, the beginning of what somebody says who had no slot, sent as soon as there was one.
    prerolled,
    /// Empty packets sent behind pictures over lines that lose, so that viewers see at once what they miss.
    rtp_empty,
    /// Lost packets of sound that a later packet carried.
    rtp_rebuilt,
    /// Media packets that waited in a viewer's queue before they were sent.
    paced,
    /// Media packets for which a viewer's queue had no room.
    pacer_full,
    /// Media packets that waited and could not be sent when their time came: too old, or not permitted any more.
    waited_in_vain,
    /// Questions to viewers' lines: how much do you carry?
    probes,
    /// Packets of padding sent for these.
    padding_sent,
    /// Times a viewer's line was shared out among his pictures.
    allocations,
    /// Messages to publishers about what anybody needs of their pictures.
    publishers_asked,
    /// Retransmissions sent.
    rtp_resent,
    /// Sequence numbers that viewers asked for again.
    nacks_received,
    /// Of those, refused: unknown, too old, too often, or over the budget.
    nacks_refused,
    /// Messages of feedback of which a part was not looked at: more than one datagram may tell, or about what was never sent.
    feedback_cut,
    /// Keyframe requests from viewers.
    keyframes_asked,
    /// Of these, while one was on its way.
    keyframes_underway,
    /// Keyframe requests to publishers because somebody began to watch.
    keyframes_start,
    /// Keyframe requests to publishers because somebody's layer changed.
    keyframes_switch,
    /// Keyframe requests to publishers because somebody lost the picture.
    keyframes_loss,
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
