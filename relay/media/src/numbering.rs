//! Places sequence numbers of one incoming stream: new, late, repeated, or the first of a restarted stream.

use wire::seq::distance;

use crate::window::{WINDOW, Window};

/// Largest step forward that still counts as loss (RFC 3550 appendix A.1, `MAX_DROPOUT`).
const MAX_DROPOUT: i16 = 3000;

/// Sequence numbers of one stream, extended to 64 bits whose low 16 bits are the original.
#[derive(Clone, Debug)]
pub(crate) struct Numbering {
    seen: Window,
    generation: u32,
    /// The number that would confirm the last wild jump as a restart.
    confirms_restart: Option<u16>,
    /// The next packet begins a new generation whatever its number.
    restart: bool,
}

/// Where a packet belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Newest so far; `missing` numbers before it have not been seen.
    Newest { ext: u64, missing: u64 },
    /// Older than the newest and not seen before.
    Late { ext: u64 },
    /// First packet of a new generation.
    Restart { ext: u64 },
    /// Seen before.
    Duplicate,
    /// Behind the window, or a jump not yet confirmed as a restart.
    OutOfRange,
}

impl Numbering {
    pub(crate) const fn new() -> Self {
        Self { seen: Window::new(), generation: 0, confirms_restart: None, restart: false }
    }

    /// Counts up with every restart; 0 before the first packet, 1 from then on.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// The newest extended number.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.seen.highest()
    }

    /// The stream's source was replaced: the next number starts a generation of its own.
    pub(crate) fn expect_restart(&mut self) {
        self.restart = true;
    }

    /// Places a number that came as an original.
    ///
    /// "the sequence number is considered valid if it is no more than MAX_DROPOUT ahead of maxseq nor more than MAX_MISORDER behind.
    /// [...] two sequential packets [...] the other side restarted" (RFC 3550 appendix A.1). MAX_MISORDER is our window here, because
    /// retransmissions come late by design.
    #[inline]
    pub(crate) fn place(&mut self, seq: u16) -> Place {
        let Some(highest) = self.seen.highest().filter(|_| !self.restart) else {
            return self.begin(seq);
        };
        let step = distance(seq, highest as u16);
        if step > 0 && step <= MAX_DROPOUT {
            let ext = highest + step as u64;
            self.seen.insert(ext);
            self.confirms_restart = None;
            return Place::Newest { ext, missing: step as u64 - 1 };
        }
        if step <= 0 && u64::from(step.unsigned_abs()) < WINDOW {
            return self.place_late(highest - u64::from(step.unsigned_abs()));
        }
        if self.confirms_restart == Some(seq) {
            return self.begin(seq);
        }
        self.confirms_restart = Some(seq.wrapping_add(1));
        Place::OutOfRange
    }

    /// Places the original number of a retransmission. It cannot restart a stream.
    pub(crate) fn place_recovered(&mut self, seq: u16) -> Place {
        let Some(highest) = self.seen.highest().filter(|_| !self.restart) else { return Place::OutOfRange };
        match distance(seq, highest as u16) {
            1..=MAX_DROPOUT => self.place(seq),
            step @ i16::MIN..=0 if u64::from(step.unsigned_abs()) < WINDOW => self.place_late(highest - u64::from(step.unsigned_abs())),
            _ => Place::OutOfRange,
        }
    }

    fn place_late(&mut self, ext: u64) -> Place {
        if self.seen.insert(ext) { Place::Late { ext } } else { Place::Duplicate }
    }

    /// A gap of at least one cycle keeps numbers of two generations apart for ever.
    fn begin(&mut self, seq: u16) -> Place {
        let cycle = self.seen.highest().map_or(1, |highest| (highest >> 16) + 2);
        let ext = cycle << 16 | u64::from(seq);
        let first = self.seen.highest().is_none();
        self.seen = Window::new();
        self.seen.insert(ext);
        self.confirms_restart = None;
        self.restart = false;
        self.generation = self.generation.wrapping_add(1);
        if first { Place::Newest { ext, missing: 0 } } else { Place::Restart { ext } }
    }
}

#[cfg(test)]
mod tests {
    use super::{Numbering, Place};

    const FIRST: u64 = 1 << 16;

    #[test]
    fn order_loss_reordering_repetition() {
        let mut numbering = Numbering::new();
        assert_eq!(numbering.place(65_534), Place::Newest { ext: FIRST + 65_534, missing: 0 });
        assert_eq!(numbering.place(1), Place::Newest { ext: FIRST + 65_537, missing: 2 });
        assert_eq!(numbering.place(65_535), Place::Late { ext: FIRST + 65_535 });
        assert_eq!(numbering.place(65_535), Place::Duplicate);
        assert_eq!(numbering.place_recovered(0), Place::Late { ext: FIRST + 65_536 });
        assert_eq!(numbering.place(0), Place::Duplicate, "the original after its retransmission");
        assert_eq!(numbering.generation(), 1);
    }

    #[test]
    fn a_jump_needs_a_second_packet_to_become_a_restart() {
        let mut numbering = Numbering::new();
        numbering.place(100);
        assert_eq!(numbering.place(30_000), Place::OutOfRange);
        assert_eq!(numbering.place(101), Place::Newest { ext: FIRST + 101, missing: 0 }, "a stray packet changes nothing");
        assert_eq!(numbering.place(30_001), Place::OutOfRange, "nor does a second one after good packets");
        assert_eq!(numbering.place(30_000), Place::OutOfRange);
        assert_eq!(numbering.place(30_001), Place::Restart { ext: 3 * FIRST + 30_001 });
        assert_eq!(numbering.generation(), 2);
        assert_eq!(numbering.place(30_000), Place::Late { ext: 3 * FIRST + 30_000 });
    }

    #[test]
    fn a_retransmission_never_restarts() {
        let mut numbering = Numbering::new();
        assert_eq!(numbering.place_recovered(5), Place::OutOfRange);
        numbering.place(100);
        assert_eq!(numbering.place_recovered(30_000), Place::OutOfRange);
        assert_eq!(numbering.place_recovered(30_001), Place::OutOfRange);
        assert_eq!(numbering.generation(), 1);
    }

    #[test]
    fn a_replaced_source_restarts_at_once() {
        let mut numbering = Numbering::new();
        numbering.place(100);
        numbering.expect_restart();
        assert_eq!(numbering.place(101), Place::Restart { ext: 3 * FIRST + 101 });
        assert_eq!(numbering.place(102), Place::Newest { ext: 3 * FIRST + 102, missing: 0 });
    }
}
