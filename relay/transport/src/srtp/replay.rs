//! Which of the last 128 packet indices of a stream have been used (RFC 3711 section 3.3.2).

/// How far behind the highest index a packet may be. At 300 packets a second this is 0.4 s of reordering.
pub(super) const WINDOW: u64 = u128::BITS as u64;

/// What a window knows about an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Not used so far.
    Fresh,
    /// Used.
    Used,
    /// Too far behind to tell.
    Old,
}

/// A sliding window over packet indices.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct ReplayWindow {
    /// One more than the highest index used; 0 while none was.
    next: u64,
    /// Bit n: the index `next - 1 - n` was used.
    used: u128,
}

impl ReplayWindow {
    /// The highest index used.
    pub(super) fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// Judges an index without changing anything.
    pub(super) fn judge(&self, index: u64) -> Verdict {
        if index >= self.next {
            return Verdict::Fresh;
        }
        let behind = self.next - 1 - index;
        if behind >= WINDOW {
            Verdict::Old
        } else if self.used >> behind & 1 == 1 {
            Verdict::Used
        } else {
            Verdict::Fresh
        }
    }

    /// Marks an index as used. To be called only for an authenticated packet whose index is fresh.
    pub(super) fn mark(&mut self, index: u64) {
        if index >= self.next {
            let ahead = index + 1 - self.next;
            self.used = if ahead < WINDOW { self.used << ahead } else { 0 };
            self.next = index + 1;
        }
        let behind = self.next - 1 - index;
        if behind < WINDOW {
            self.used |= 1 << behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn edges() {
        let mut window = ReplayWindow::default();
        assert_eq!(window.highest(), None);
        assert_eq!(window.judge(0), Verdict::Fresh);
        window.mark(0);
        assert_eq!(window.judge(0), Verdict::Used);
        window.mark(127);
        assert_eq!((window.judge(0), window.judge(1), window.judge(127)), (Verdict::Used, Verdict::Fresh, Verdict::Used));
        window.mark(128);
        assert_eq!((window.judge(0), window.judge(1)), (Verdict::Old, Verdict::Fresh));
        window.mark(1);
        assert_eq!(window.judge(1), Verdict::Used);
        window.mark(1 << 47);
        assert_eq!((window.judge((1 << 47) - 127), window.judge((1 << 47) - 128)), (Verdict::Fresh, Verdict::Old));
        assert_eq!(window.highest(), Some(1 << 47));
    }

    /// Against a set that remembers everything.
    #[test]
    fn agrees_with_a_set() {
        let (mut window, mut all, mut random) = (ReplayWindow::default(), BTreeSet::new(), 1u64);
        let mut highest = 1_000i64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let index = (highest + (random >> 33) as i64 % 300 - 200).max(0) as u64;
            let expected = match all.contains(&index) {
                _ if index + WINDOW < all.last().map_or(0, |last| last + 1) => Verdict::Old,
                true => Verdict::Used,
                false => Verdict::Fresh,
            };
            assert_eq!(window.judge(index), expected, "{index} with highest {highest}");
            if expected == Verdict::Fresh {
                window.mark(index);
                all.insert(index);
                highest = highest.max(index as i64);
            }
        }
        assert!(all.len() > 5_000, "the walk moved");
    }
}
