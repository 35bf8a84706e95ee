//! Everybody's links, the address translation in front of everybody, and the datagrams in flight, in virtual time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use super::bottleneck::{Bottleneck, Rate};
use super::link::{Link, LinkSpec};

/// Index of a person in a simulation.
pub type PersonIx = usize;

/// Who a datagram is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// The relay's media socket; it sees this source address.
    Relay(SocketAddr),
    /// A person's socket.
    Person(PersonIx),
    /// Nobody: it was lost on the way to this person. The oracle looks at it all the same, because the relay sent it.
    Lost(PersonIx),
}

/// A datagram that has arrived.
#[derive(Debug)]
pub struct Arrival {
    /// Where.
    pub to: Destination,
    /// Number of the send, counted over the whole simulation: a change of the rules lies between two of them.
    pub number: u64,
    /// When it was sent.
    pub sent: Instant,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One person's connection.
#[derive(Debug)]
pub struct Access {
    /// Towards the relay.
    pub up: Link,
    /// From the relay.
    pub down: Link,
    /// The bottleneck that this person shares with others on the way from the relay.
    shared: Option<usize>,
    /// The address the relay sees. Assigning another one is what a NAT does that lost its table.
    pub public: SocketAddr,
    /// Datagrams from the relay to an address that is not this person's any more.
    pub misdirected: u64,
    /// The last datagrams the person sent, as somebody on the way would see them.
    pub overheard: VecDeque<Vec<u8>>,
}

/// Datagrams of [`Access::overheard`].
const MAX_OVERHEARD: usize = 200;

/// All connections and everything in flight.
#[derive(Debug, Default)]
pub struct Network {
    people: Vec<Access>,
    shared: Vec<(Bottleneck, Rate)>,
    flights: BinaryHeap<Reverse<Flight>>,
    launched: u64,
    /// Datagrams from the relay to addresses that were never anybody's.
    pub to_nobody: Vec<SocketAddr>,
}

impl Network {
    /// Connects a person; their links draw their chances from `seed`.
    pub fn connect(&mut self, seed: u64, up: LinkSpec, down: LinkSpec) -> PersonIx {
        let person = self.people.len();
        let public = SocketAddr::from(([192, 0, 2, 10 + person as u8], 40_000));
        let (up, down) = (Link::new(up, seed * 2), Link::new(down, seed * 2 + 1));
        self.people.push(Access { up, down, shared: None, public, misdirected: 0, overheard: VecDeque::new() });
        person
    }

    /// A person's connection.
    pub fn access(&mut self, person: PersonIx) -> &mut Access {
        &mut self.people[person]
    }

    /// Puts these people's way from the relay behind one bottleneck; gives its number.
    pub fn share_down(&mut self, people: &[PersonIx], rate: Rate) -> usize {
        self.shared.push((Bottleneck::default(), rate));
        let index = self.shared.len() - 1;
        people.iter().for_each(|person| self.people[*person].shared = Some(index));
        index
    }

    /// A shared bottleneck, and its rate, which may be changed at any moment.
    pub fn shared(&mut self, index: usize) -> &mut (Bottleneck, Rate) {
        &mut self.shared[index]
    }

    /// What all bottlenecks remember begins anew.
    pub fn begin_window(&mut self) {
        let own = self.people.iter_mut().flat_map(|access| [&mut access.up.bottleneck, &mut access.down.bottleneck]);
        own.chain(self.shared.iter_mut().map(|(bottleneck, _)| bottleneck)).for_each(|bottleneck| bottleneck.passed = Default::default());
    }

    /// Both directions of a person's access are like this from now on.
    pub fn set_both_ways(&mut self, person: PersonIx, spec: LinkSpec) {
        let access = &mut self.people[person];
        (access.up.spec, access.down.spec) = (spec.clone(), spec);
    }

    /// Gives the person another public port, as a NAT does after it forgot the old one.
    pub fn rebind(&mut self, person: PersonIx) {
        let public = &mut self.people[person].public;
        public.set_port(public.port() + 1);
    }

    /// A person sends to the relay.
    pub fn send_up(&mut self, now: Instant, person: PersonIx, bytes: &[u8]) {
        let access = &mut self.people[person];
        let (arrivals, from) = (access.up.send(now, bytes.len(), None), access.public);
        if access.overheard.len() == MAX_OVERHEARD {
            access.overheard.pop_front();
        }
        access.overheard.push_back(bytes.to_vec());
        self.launch(now, arrivals, Destination::Relay(from), bytes);
    }

    /// The relay sends to an address.
    pub fn send_down(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) {
        let Some(person) = self.people.iter().position(|access| access.public.ip() == to.ip()) else {
            self.to_nobody.push(to);
            return;
        };
        let access = &mut self.people[person];
        let delay = access.down.spec.delay;
        let shared = access.shared.map(|index| &mut self.shared[index]).map(|(bottleneck, rate)| (bottleneck, *rate));
        let arrivals = if access.public == to { access.down.send(now, bytes.len(), shared) } else { [None; 2] };
        access.misdirected += u64::from(access.public != to);
        match arrivals {
            [None, None] => self.launch(now, [Some(now + delay), None], Destination::Lost(person), bytes),
            arrivals => self.launch(now, arrivals, Destination::Person(person), bytes),
        }
    }

    /// Puts a datagram on the relay's doorstep as if it came from `source`, at once and unharmed.
    pub fn forge(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) {
        self.launch(now, [Some(now), None], Destination::Relay(source), bytes);
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.flights.peek().map(|Reverse(flight)| flight.at)
    }

    /// The next datagram that has arrived by now.
    pub fn poll(&mut self, now: Instant) -> Option<Arrival> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse(flight) = self.flights.pop()?;
        Some(flight.arrival)
    }

    /// How many datagrams were sent so far.
    #[must_use]
    pub fn launched(&self) -> u64 {
        self.launched
    }

    fn launch(&mut self, sent: Instant, arrivals: [Option<Instant>; 2], to: Destination, bytes: &[u8]) {
        for at in arrivals.into_iter().flatten() {
            self.launched += 1;
            let arrival = Arrival { to, number: self.launched, sent, bytes: bytes.to_vec() };
            self.flights.push(Reverse(Flight { at, arrival }));
        }
    }
}

/// Ordered by arrival, then by departure.
#[derive(Debug)]
struct Flight {
    at: Instant,
    arrival: Arrival,
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.arrival.number).cmp(&(other.at, other.arrival.number))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.arrival.number == other.arrival.number
    }
}

impl Eq for Flight {}
