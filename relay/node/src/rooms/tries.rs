//! How often PINs may be guessed. Pure: time and what matched come in, a verdict goes out.
//!
//! Two things are wanted. A PIN of six digits or more must not fall to a thousand addresses that guess a million times: less than one
//! chance in ten thousand per day. And whoever knows the host PIN gets in, however much others guess.
//!
//! The two exclude each other for short PINs, whatever the scheme: if the right host PIN always opens from an address that did not guess
//! yet, then n such addresses test n PINs; a thousand of them would open a host PIN of six digits with p > 0.001. So:
//!
//! - Each **source** (address and room) has three wrong tries, then waits, twice as long each time, up to an hour, for a day.
//!   IPv6 counts by /64 and again, eight times as much, by /48. Over all rooms an address has 200, so that nobody tries one PIN on
//!   every room.
//! - Each **room** has 25 wrong tries and gets one back per hour, whoever tries: at most 49 in a day. The same for every room id,
//!   defined or not, so that counting tells nothing. When they are used up the guest PIN is closed to strangers.
//! - The **host PIN** stays open then, to sources with less than three wrong tries, out of a reserve of its own. The reserve is what
//!   is left of one chance in ten thousand per day: with nine digits 14,991 addresses would have to use up their three tries at once
//!   to close it, with eight 1,491, with seven 141, with six 6. So a host PIN of eight digits keeps both promises against a thousand
//!   addresses; with fewer, secrecy wins over entry (there is a floor of ten tries for four and five digits, which cannot be kept
//!   secret this way at all).
//! - Whoever shows an **earlier token** of the room is counted by its identity and not by address: a guest may try the guest PIN, a host
//!   both, when they are closed to strangers. Guests' identities cost nothing but the guest PIN, hence never the host PIN.
//! - A token needs no PIN. Changing a PIN starts the room's count anew.
//!
//! A closed PIN answers alike, right or wrong. Counts live in memory, per node; tables are bounded, and the oldest entries go first.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use worker::command::RoomId;

/// Milliseconds, like all times here.
const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;

/// Wrong tries of a source in one room before it has to wait.
const FREE: u32 = 3;
/// The same for an IPv6 /48, which is what one customer may have.
const FREE_SITE: u32 = 8 * FREE;
/// Wrong tries of a source in all rooms together: a whole hospital may be behind one address.
const FREE_ANYWHERE: u32 = 200;
/// The first wait; each further one is twice as long.
const FIRST_WAIT: u64 = 15 * SECOND;
const LONGEST_WAIT: u64 = HOUR;
/// The longest wait of a source for what it did in all rooms together.
const LONGEST_WAIT_ANYWHERE: u64 = 60 * SECOND;
/// Wrong tries in a room at once, and how soon there is one more.
const ROOM_TRIES: u64 = 25;
const ROOM_INTERVAL: u64 = HOUR;
/// Most wrong tries in a room in a day, so about.
const ROOM_TRIES_PER_DAY: u64 = 50;
/// PINs per tried one that a day's guessing may come to.
const SECRECY: u64 = 10_000;
/// Host tries out of the reserve, per day, however short the PIN.
const RESERVE_FLOOR: u64 = 20;
/// Sources that are remembered.
const MAX_SOURCES: usize = 100_000;
/// Rooms that do not exist and are remembered. Those that do are bounded by their number.
const MAX_UNDEFINED: usize = 10_000;

/// Who tries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// A stranger from this address.
    Address(IpAddr),
    /// Somebody with an earlier token of the room.
    Holder {
        /// The token's subject.
        identity: &'a str,
        /// Whether the token was a host's.
        host: bool,
    },
}

/// One try, already compared with both PINs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try<'a> {
    /// Where.
    pub room: &'a RoomId,
    /// Whether there is such a room.
    pub defined: bool,
    /// Digits of its host PIN; any number where it has none.
    pub host_digits: u8,
    /// By whom.
    pub who: Who<'a>,
    /// Whether it is the host PIN.
    pub is_host: bool,
    /// Whether it is the guest PIN.
    pub is_guest: bool,
}

/// What comes of a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The host PIN.
    Host,
    /// The guest PIN.
    Guest,
    /// Neither.
    Wrong,
    /// Not looked at, or not told.
    TooMany {
        /// When to try again, milliseconds.
        wait: u64,
    },
}

/// Which PINs a try is compared with, and what it costs when it is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lane {
    /// The source has to wait first.
    Waits(u64),
    /// Both PINs; a wrong try is the room's.
    Open,
    /// The room's tries are used up; the host PIN out of its reserve.
    Reserve,
    /// The room's tries are used up; an earlier token stands for these PINs.
    Holder { host: bool },
    /// The room's tries are used up.
    Closed,
}

/// Everybody's wrong tries.
pub(crate) struct Tries {
    defined: HashMap<RoomId, RoomTries>,
    undefined: HashMap<RoomId, RoomTries>,
    /// By a keyed hash of who and where: strangers choose neither their place in the table nor its size.
    sources: HashMap<u64, SourceTries>,
    hasher: RandomState,
}

/// Two buckets, each by the moment at which it will be full again.
#[derive(Clone, Copy, Default)]
struct RoomTries {
    room: u64,
    reserve: u64,
}

#[derive(Clone, Copy)]
struct SourceTries {
    wrong: u32,
    /// The first wrong try of this day.
    since: u64,
    last: u64,
}

/// One count that a try belongs to.
struct Source {
    key: u64,
    free: u32,
    longest: u64,
    /// Whether it says how much of a stranger this is in the room.
    here: bool,
}

impl Tries {
    pub(crate) fn new() -> Self {
        Self { defined: HashMap::new(), undefined: HashMap::new(), sources: HashMap::new(), hasher: RandomState::new() }
    }

    /// Judges a try at `now` (milliseconds of any clock that does not go back) and remembers it where it was wrong.
    pub(crate) fn judge(&mut self, now: u64, attempt: &Try<'_>) -> Verdict {
        let sources = self.sources_of(attempt);
        let lane = self.lane(now, attempt, &sources);
        let (host, guest) = match lane {
            Lane::Waits(wait) => return Verdict::TooMany { wait },
            Lane::Open => (true, true),
            Lane::Reserve => (true, false),
            Lane::Holder { host } => (host, true),
            Lane::Closed => (false, false),
        };
        if host && attempt.is_host {
            // Who knows the host PIN is no guesser.
            for source in sources.iter().filter(|source| source.here) {
                self.sources.remove(&source.key);
            }
            return Verdict::Host;
        }
        if guest && attempt.is_guest {
            return Verdict::Guest;
        }
        self.blame(now, &sources);
        let room = self.room_mut(now, attempt);
        match lane {
            Lane::Open => {
                room.room = room.room.max(now) + ROOM_INTERVAL;
                Verdict::Wrong
            }
            Lane::Holder { .. } => Verdict::Wrong,
            Lane::Reserve => {
                room.reserve = room.reserve.max(now) + DAY / reserve_burst(attempt.host_digits);
                Verdict::TooMany { wait: room.closed_for(now) }
            }
            Lane::Closed | Lane::Waits(_) => Verdict::TooMany { wait: room.closed_for(now) },
        }
    }

    /// The room's PINs changed, or it is no more.
    pub(crate) fn forget(&mut self, room: &RoomId) {
        self.defined.remove(room);
    }

    fn lane(&self, now: u64, attempt: &Try<'_>, sources: &[Source]) -> Lane {
        let known = |source: &Source| self.sources.get(&source.key).filter(|tries| !tries.is_over(now));
        let wait = sources.iter().filter_map(|source| known(source).map(|tries| tries.wait(now, source))).max().unwrap_or(0);
        if wait > 0 {
            return Lane::Waits(wait);
        }
        let table = if attempt.defined { &self.defined } else { &self.undefined };
        let room = table.get(attempt.room).copied().unwrap_or_default();
        if room.closed_for(now) == 0 {
            return Lane::Open;
        }
        match attempt.who {
            Who::Holder { host, .. } => Lane::Holder { host },
            Who::Address(_) => {
                let stranger = sources.iter().all(|source| !source.here || known(source).is_none_or(|tries| tries.wrong < source.free));
                let interval = DAY / reserve_burst(attempt.host_digits);
                let left = room.reserve.saturating_sub(now) + interval <= DAY;
                if stranger && left { Lane::Reserve } else { Lane::Closed }
            }
        }
    }

    fn blame(&mut self, now: u64, sources: &[Source]) {
        if self.sources.len() + sources.len() > MAX_SOURCES {
            self.sources.retain(|_, tries| !tries.is_over(now));
            keep_latest(&mut self.sources, MAX_SOURCES, |tries| tries.last);
        }
        for source in sources {
            let tries = self.sources.entry(source.key).or_insert(SourceTries { wrong: 0, since: now, last: now });
            if tries.is_over(now) {
                *tries = SourceTries { wrong: 0, since: now, last: now };
            }
            tries.wrong = tries.wrong.saturating_add(1);
            tries.last = now;
        }
    }

    fn room_mut(&mut self, now: u64, attempt: &Try<'_>) -> &mut RoomTries {
        if !attempt.defined && self.undefined.len() >= MAX_UNDEFINED && !self.undefined.contains_key(attempt.room) {
            self.undefined.retain(|_, tries| tries.room.max(tries.reserve) > now);
            keep_latest(&mut self.undefined, MAX_UNDEFINED, |tries| tries.room);
        }
        let table = if attempt.defined { &mut self.defined } else { &mut self.undefined };
        table.entry(attempt.room.clone()).or_default()
    }

    fn sources_of(&self, attempt: &Try<'_>) -> Vec<Source> {
        let here = |key, free| Source { key, free, longest: LONGEST_WAIT, here: true };
        let room = &attempt.room.0;
        match attempt.who {
            Who::Holder { identity, .. } => vec![here(self.hash(("identity", room, identity)), FREE)],
            Who::Address(address) => {
                let (network, site) = networks(address);
                let anywhere = self.hash(("anywhere", network));
                let mut sources = vec![
                    here(self.hash(("network", room, network)), FREE),
                    Source { key: anywhere, free: FREE_ANYWHERE, longest: LONGEST_WAIT_ANYWHERE, here: false },
                ];
                sources.extend(site.map(|site| here(self.hash(("site", room, site)), FREE_SITE)));
                sources
            }
        }
    }

    fn hash(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }
}

impl RoomTries {
    /// Until there is a try again, milliseconds; 0: there is one.
    fn closed_for(self, now: u64) -> u64 {
        (self.room.saturating_sub(now) + ROOM_INTERVAL).saturating_sub(ROOM_TRIES * ROOM_INTERVAL)
    }
}

impl SourceTries {
    fn is_over(self, now: u64) -> bool {
        now >= self.since + DAY
    }

    fn wait(self, now: u64, source: &Source) -> u64 {
        let Some(beyond) = self.wrong.checked_sub(source.free) else { return 0 };
        let wait = FIRST_WAIT.saturating_mul(1 << beyond.min(32)).min(source.longest);
        (self.last + wait).saturating_sub(now)
    }
}

/// Tries out of the reserve at once; as many come back in a day, so a day sees at most twice that.
fn reserve_burst(digits: u8) -> u64 {
    let space = 9 * 10u64.pow(u32::from(digits.clamp(4, 9)) - 1);
    (space / SECRECY).saturating_sub(ROOM_TRIES_PER_DAY).max(RESERVE_FLOOR) / 2
}

/// What counts as one source, and the larger network around it.
fn networks(address: IpAddr) -> (u64, Option<u64>) {
    match address.to_canonical() {
        // Beyond what the upper half of an IPv6 address in use can be (RFC 4291 section 2.4 reserves ff00::/8 for multicast).
        IpAddr::V4(address) => (0xff00_0000_0000_0000 | u64::from(address.to_bits()), None),
        IpAddr::V6(address) => {
            let upper = upper_half(address);
            (upper, Some(upper >> 16))
        }
    }
}

fn upper_half(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}

/// Drops the older half when the table is still nearly full: one walk per many insertions.
fn keep_latest<K: Hash + Eq, V>(table: &mut HashMap<K, V>, limit: usize, age: impl Fn(&V) -> u64) {
    if table.len() < limit / 4 * 3 {
        return;
    }
    let mut ages: Vec<u64> = table.values().map(&age).collect();
    let middle = ages.len() / 2;
    let (_, median, _) = ages.select_nth_unstable(middle);
    let median = *median;
    table.retain(|_, value| age(value) > median);
}

#[cfg(test)]
#[path = "tries_tests.rs"]
mod tests;
