//! Groups waiting datagrams by receiver into runs that one GSO message can carry. Pure: it sees paths and lengths, not bytes.

use rustc_hash::FxHashMap;
use transport::Path;

/// Most segments of one GSO message. Kernels before 6.9 refuse more.
pub(crate) const MAX_SEGMENTS: usize = 64;
/// Most bytes of one GSO message: a UDP payload ends at 65,507 over IPv4 (65,535 less headers), rounded down.
pub(crate) const MAX_RUN_BYTES: usize = 65_000;

/// End of a chain of [`Item`]s, and "not known" for [`Group::follower`].
const NONE: u32 = u32::MAX;

/// Datagrams for one path that go out in one message: all of `size` bytes, but the last may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// To whom, and from which address.
    pub(crate) path: Path,
    /// Bytes of each datagram but the last.
    pub(crate) size: usize,
    /// Bytes of all together.
    pub(crate) bytes: usize,
    /// Where its members begin in the planner's order.
    first: usize,
    /// How many there are, 1 to [`MAX_SEGMENTS`].
    pub(crate) count: usize,
}

/// Plans runs; buffers are kept from one plan to the next, so that nothing is allocated once they have grown.
///
/// Contract: [`RunPlanner::begin`], [`RunPlanner::add`] for each datagram in the order of sending, [`RunPlanner::finish`]; then read.
#[derive(Default)]
pub(crate) struct RunPlanner {
    items: Vec<Item>,
    groups: Vec<Group>,
    /// Paths are our own peers', so the hash may be a fast one.
    by_path: FxHashMap<Path, u32>,
    order: Vec<u32>,
    runs: Vec<Run>,
    /// Group of the datagram added last.
    last: u32,
}

/// A datagram: its length, and the next one of the same path.
struct Item {
    len: usize,
    next: u32,
}

/// All datagrams of one path, as a chain through the items.
struct Group {
    path: Path,
    head: u32,
    tail: u32,
    /// The group that followed this one last time. A fan-out visits its receivers again and again in one order, so this guess spares
    /// nearly every look-up but those of the first round.
    follower: u32,
}

impl RunPlanner {
    /// Forgets the last plan.
    pub(crate) fn begin(&mut self) {
        self.items.clear();
        self.groups.clear();
        self.by_path.clear();
        self.order.clear();
        self.runs.clear();
        self.last = NONE;
    }

    /// Adds the next datagram; it gets the next index, from 0.
    pub(crate) fn add(&mut self, path: &Path, len: usize) {
        let item = self.items.len() as u32;
        self.items.push(Item { len, next: NONE });
        let group = self.group_of(path, item);
        let tail = std::mem::replace(&mut self.groups[group as usize].tail, item);
        if tail != item {
            self.items[tail as usize].next = item;
        }
        if self.last != NONE {
            self.groups[self.last as usize].follower = group;
        }
        self.last = group;
    }

    /// Makes the runs: receivers in the order of their first datagram, each one's datagrams in the order added. `max_segments` says
    /// how many datagrams a message on this path may hold.
    pub(crate) fn finish(&mut self, max_segments: impl Fn(&Path) -> usize) {
        for group in &self.groups {
            let most = max_segments(&group.path).clamp(1, MAX_SEGMENTS);
            let mut run: Option<Run> = None;
            let mut next = group.head;
            while next != NONE {
                let item = &self.items[next as usize];
                match &mut run {
                    Some(run) if run.takes(item.len, most) => {
                        run.count += 1;
                        run.bytes += item.len;
                    }
                    _ => {
                        let first = self.order.len();
                        let fresh = Run { path: group.path, size: item.len, bytes: item.len, first, count: 1 };
                        self.runs.extend(run.replace(fresh));
                    }
                }
                self.order.push(next);
                next = item.next;
            }
            self.runs.extend(run);
        }
    }

    /// The finished runs.
    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Indices of a run's datagrams, oldest first.
    pub(crate) fn members(&self, run: &Run) -> &[u32] {
        &self.order[run.first..run.first + run.count]
    }

    /// The group of a path; made with `item` as its only member when there is none.
    fn group_of(&mut self, path: &Path, item: u32) -> u32 {
        if let Some(last) = self.groups.get(self.last as usize) {
            if last.path == *path {
                return self.last;
            }
            let guess = last.follower;
            if self.groups.get(guess as usize).is_some_and(|group| group.path == *path) {
                return guess;
            }
        }
        let fresh = self.groups.len() as u32;
        let group = *self.by_path.entry(*path).or_insert(fresh);
        if group == fresh {
            self.groups.push(Group { path: *path, head: item, tail: item, follower: NONE });
        }
        group
    }
}

impl Run {
    /// Whether a datagram of `len` bytes may follow. A shorter one was the last.
    fn takes(&self, len: usize, most: usize) -> bool {
        let ended = self.bytes != self.size * self.count;
        !ended && len <= self.size && self.count < most && self.bytes + len <= MAX_RUN_BYTES
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn path(receiver: u16) -> Path {
        Path { remote: format!("127.0.0.1:{}", 5000 + receiver).parse().unwrap(), local: "127.0.0.1".parse().unwrap() }
    }

    /// Plans (receiver, length) pairs; gives (receiver, size, members) rows.
    fn plan(datagrams: &[(u16, usize)], most: usize) -> Vec<(u16, usize, Vec<u32>)> {
        let mut planner = RunPlanner::default();
        // Twice: the second plan must not see the first.
        for _ in 0..2 {
            planner.begin();
            for (receiver, len) in datagrams {
                planner.add(&path(*receiver), *len);
            }
            planner.finish(|_| most);
        }
        let rows = planner.runs().iter();
        rows.map(|run| {
            let members = planner.members(run).to_vec();
            let bytes: usize = members.iter().map(|index| datagrams[*index as usize].1).sum();
            assert_eq!((run.count, run.bytes), (members.len(), bytes));
            (run.path.remote.port() - 5000, run.size, members)
        })
        .collect()
    }

    #[test]
    fn a_fan_out_becomes_one_run_per_receiver() {
        let datagrams = [(1, 1200), (2, 1200), (3, 1200), (1, 1200), (2, 1200), (3, 1200), (1, 700), (2, 700), (3, 700)];
        let expected = vec![(1, 1200, vec![0, 3, 6]), (2, 1200, vec![1, 4, 7]), (3, 1200, vec![2, 5, 8])];
        assert_eq!(plan(&datagrams, 64), expected);
    }

    #[test]
    fn only_the_last_of_a_run_may_be_shorter() {
        let cases: [(&[usize], &[&[u32]]); 6] = [
            (&[100], &[&[0]]),
            (&[100, 100, 99], &[&[0, 1, 2]]),
            (&[100, 99, 100], &[&[0, 1], &[2]]),
            (&[100, 99, 99], &[&[0, 1], &[2]]),
            (&[99, 100, 100], &[&[0], &[1, 2]]),
            (&[100, 50, 60, 60], &[&[0, 1], &[2, 3]]),
        ];
        for (lengths, expected) in cases {
            let datagrams: Vec<_> = lengths.iter().map(|len| (1, *len)).collect();
            let runs: Vec<_> = plan(&datagrams, 64).into_iter().map(|(_, _, members)| members).collect();
            assert_eq!(runs, expected, "{lengths:?}");
        }
    }

    #[test]
    fn a_run_ends_at_64_segments_and_at_65000_bytes() {
        let counts = |len: usize, datagrams: usize, most| -> Vec<usize> {
            plan(&vec![(1, len); datagrams], most).into_iter().map(|(_, _, members)| members.len()).collect()
        };
        assert_eq!(counts(100, 130, 64), [64, 64, 2]);
        assert_eq!(counts(100, 130, 1000), [64, 64, 2], "a larger wish changes nothing");
        assert_eq!(counts(1300, 60, 64), [50, 10], "50 x 1300 = 65000");
        assert_eq!(counts(1500, 50, 64), [43, 7]);
        assert_eq!(counts(100, 3, 1), [1, 1, 1], "without GSO");
        assert_eq!(counts(100, 3, 0), [1, 1, 1]);
    }

    #[test]
    fn local_address_is_part_of_the_path() {
        let mut planner = RunPlanner::default();
        planner.begin();
        let other = Path { local: "127.0.0.2".parse().unwrap(), ..path(1) };
        planner.add(&path(1), 10);
        planner.add(&other, 10);
        planner.finish(|_| 64);
        assert_eq!(planner.runs().len(), 2);
    }

    /// Whatever the order of receivers, nothing is lost, doubled or overtaken.
    #[test]
    fn any_order_keeps_every_datagram_and_its_place() {
        let mut state = 0x9e37_79b9_u64;
        for round in 0..300 {
            let mut draw = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let receivers = 1 + draw(6);
            let datagrams: Vec<_> = (0..draw(200)).map(|_| (draw(receivers) as u16, 1 + draw(3) as usize * 500)).collect();
            let rows = plan(&datagrams, 64);
            let mut seen = vec![0; datagrams.len()];
            for receiver in 0..receivers as u16 {
                let got: Vec<u32> = rows.iter().filter(|row| row.0 == receiver).flat_map(|row| row.2.clone()).collect();
                assert!(got.is_sorted(), "round {round}: overtaken");
                for index in got {
                    assert_eq!(datagrams[index as usize].0, receiver, "round {round}: wrong receiver");
                    seen[index as usize] += 1;
                }
            }
            assert!(seen.iter().all(|count| *count == 1), "round {round}: lost or doubled");
            for (_, size, members) in rows {
                let lengths: Vec<_> = members.iter().map(|index| datagrams[*index as usize].1).collect();
                let (last, others) = lengths.split_last().unwrap();
                assert!(others.iter().all(|len| *len == size) && *last <= size, "round {round}: {lengths:?}");
            }
        }
    }
}
