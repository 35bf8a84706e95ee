//! What a media thread counts itself; everything about the datagrams' contents is counted by the worker.

/// Declares the counters once, with their names for the metrics page.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Totals since the thread's start. They only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct IoCounters { $($(#[$doc])* pub $name: u64,)* }

        impl IoCounters {
            /// Names in the order of [`IoCounters::values`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];
            /// How many there are.
            pub const COUNT: usize = Self::NAMES.len();

            /// All values, in the order of [`IoCounters::NAMES`].
            #[must_use]
            pub fn values(&self) -> [u64; Self::COUNT] {
                [$(self.$name,)*]
            }
        }
    };
}

counters! {
    /// Datagrams received, those for other workers included.
    datagrams_received,
    /// Their bytes, without UDP and IP headers.
    bytes_received,
    /// `recvmmsg` calls that brought something.
    receive_calls,
    /// `recvmmsg` calls that failed (not counting "nothing there").
    receive_errors,
    /// Datagrams given to the kernel.
    datagrams_sent,
    /// Their bytes, without UDP and IP headers.
    bytes_sent,
    /// `sendmmsg` calls that took something.
    send_calls,
    /// Messages of one datagram.
    runs_of_1,
    /// GSO messages of 2 or 3 datagrams.
    runs_of_2_to_3,
    /// GSO messages of 4 to 7 datagrams.
    runs_of_4_to_7,
    /// GSO messages of 8 to 15 datagrams.
    runs_of_8_to_15,
    /// GSO messages of 16 to 31 datagrams.
    runs_of_16_to_31,
    /// GSO messages of 32 to 64 datagrams.
    runs_of_32_to_64,
    /// Times a socket gave up GSO.
    gso_given_up,
    /// Datagrams dropped because the socket's send buffer was full.
    dropped_send_full,
    /// Datagrams dropped because the kernel refused their destination.
    dropped_send_refused,
    /// Datagrams dropped because no socket fits their path.
    dropped_no_socket,
    /// Datagrams of other workers' peers handed over.
    handed_over,
    /// Datagrams got from other workers.
    handover_received,
    /// Datagrams not handed over because the ring was full.
    dropped_handover_full,
    /// Datagrams not handed over because they are larger than any legitimate packet.
    dropped_handover_oversize,
    /// Addresses of other workers' peers not remembered because too many are.
    dropped_foreign_full,
    /// Announcements to other workers lost because too many wait.
    dropped_notices,
    /// Messages for clients dropped because the control plane's queue was full.
    dropped_messages,
    /// Clients that left because of that.
    clients_overrun,
    /// Other events lost because too many wait.
    dropped_events,
    /// Panics caught while a datagram, a command or a timer was handled. Anything but 0 is a bug.
    panics,
    /// Turns of the loop.
    turns,
}

impl IoCounters {
    /// Counts a message of `segments` datagrams that the kernel took.
    pub(crate) fn sent(&mut self, segments: usize, bytes: usize) {
        self.datagrams_sent += segments as u64;
        self.bytes_sent += bytes as u64;
        let bucket = match segments {
            0..=1 => &mut self.runs_of_1,
            2..=3 => &mut self.runs_of_2_to_3,
            4..=7 => &mut self.runs_of_4_to_7,
            8..=15 => &mut self.runs_of_8_to_15,
            16..=31 => &mut self.runs_of_16_to_31,
            _ => &mut self.runs_of_32_to_64,
        };
        *bucket += 1;
    }
}
