//! The stage: moves virtual time from event to event and lets everybody act.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::light::{Client, Setup};
use signal::message::{ClientMessage, ServerMessage, Source};
use transport::Certificate;
use wire::ntp::Ntp;
use worker::{ClientKind, Limits};

use super::link::LinkSpec;
use super::network::{Destination, Network, PersonIx};
use super::node::Node;
use super::oracle::Oracle;
use super::person::Person;

/// One way of a signalling message; WebSockets lose nothing and keep order.
const SIGNALLING_DELAY: Duration = Duration::from_millis(15);
/// Steps without any progress of time: beyond this somebody wants to be called for ever.
const MAX_STEPS_AT_ONCE: u32 = 100_000;
/// The room of [`Sim::join`].
const ROOM: &str = "meeting";

/// A simulated meeting.
pub struct Sim {
    seed: u64,
    start: Instant,
    /// Virtual time.
    pub now: Instant,
    ntp: Ntp,
    /// Links and datagrams in flight.
    pub network: Network,
    /// The relay.
    pub node: Node,
    /// Everybody who ever joined.
    pub people: Vec<Person>,
    /// Judges every packet.
    pub oracle: Oracle,
    /// False for a test whose clients do what makes even a good relay's stream incomplete.
    pub expects_clean_streams: bool,
    to_node: VecDeque<(Instant, PersonIx, ClientMessage)>,
    to_people: VecDeque<(Instant, PersonIx, ServerMessage)>,
}

impl Sim {
    /// An empty stage. The environment variable `SIM_SEED` overrides the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    /// An empty stage whose worker has other limits than usual.
    #[must_use]
    pub fn with_limits(seed: u64, limits: Limits) -> Self {
        let seed = std::env::var("SIM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed);
        let start = Instant::now();
        // Friday the 13th of February 2009, 23:31:30 UTC; any time will do.
        let ntp = Ntp::from_unix(Duration::from_secs(1_234_567_890));
        Self {
            seed,
            start,
            now: start,
            ntp,
            network: Network::default(),
            node: Node::new(start, ntp, seed, limits),
            people: Vec::new(),
            oracle: Oracle::default(),
            expects_clean_streams: true,
            to_node: VecDeque::new(),
            to_people: VecDeque::new(),
        }
    }

    /// Somebody comes into the usual room over a good network, and offers.
    pub fn join(&mut self, name: &str, setup: Setup) -> PersonIx {
        self.join_over(name, setup, LinkSpec::default(), LinkSpec::default())
    }

    /// Somebody comes into the usual room over these links.
    pub fn join_over(&mut self, name: &str, setup: Setup, up: LinkSpec, down: LinkSpec) -> PersonIx {
        self.join_room(ROOM, name, setup, up, down, ClientKind::Interactive)
    }

    /// Somebody comes into a room; everything is said.
    pub fn join_room(&mut self, room: &str, name: &str, setup: Setup, up: LinkSpec, down: LinkSpec, kind: ClientKind) -> PersonIx {
        let ix = self.network.connect(self.seed.wrapping_mul(1_000) + self.people.len() as u64, up, down);
        let publisher = setup.publisher;
        assert!(self.people.iter().all(|person| person.publisher != publisher), "author {publisher} is taken");
        let certificate = Arc::new(Certificate::generate().expect("the crypto library makes certificates"));
        let ntp = self.ntp.plus(self.now - self.start);
        let client = Client::new(self.now, ntp, Setup { seed: setup.seed ^ self.seed, ..setup }, certificate);
        let id = self.node.join(self.now, room, name, kind);
        self.oracle.enter(self.network.launched(), publisher, room);
        let mut person = Person::new(name, publisher, client, kind, id);
        person.offer();
        self.people.push(person);
        self.settle();
        ix
    }

    /// Lets the meeting go on for this long. Panics when a check fails.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        let mut steps = 0;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            steps = if at > self.now { 0 } else { steps + 1 };
            assert!(steps < MAX_STEPS_AT_ONCE, "time stands still at {:?}", self.elapsed());
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
        self.check();
    }

    /// Runs until `is_so`, at most `limit`; panics with `what` when the limit is reached.
    pub fn run_until(&mut self, what: &str, limit: Duration, mut is_so: impl FnMut(&mut Self) -> bool) -> Duration {
        let begin = self.now;
        while !is_so(self) {
            assert!(self.now - begin < limit, "{what}: not within {limit:?}");
            self.run(Duration::from_millis(10));
        }
        self.now - begin
    }

    /// Virtual time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Everybody's counts begin anew.
    pub fn begin_window(&mut self) {
        self.people.iter_mut().for_each(|person| person.client.begin_window());
    }

    /// Somebody switches a source of their own, politely: the client stops or starts and the relay is told.
    pub fn set_source(&mut self, who: PersonIx, source: Source, active: bool) {
        self.people[who].client.set_active(source, active);
        self.people[who].say(ClientMessage::SetSource { source, active });
        self.settle();
    }

    /// Somebody tells the relay that a source is off, and goes on sending.
    pub fn pretend_muted(&mut self, who: PersonIx, source: Source) {
        self.people[who].say(ClientMessage::SetSource { source, active: false });
        self.settle();
    }

    /// Somebody leaves.
    pub fn leave(&mut self, who: PersonIx) {
        self.people[who].say(ClientMessage::Leave);
        self.settle();
    }

    /// The WebSocket breaks, or is back. Messages under way in either direction are lost when it breaks.
    pub fn set_attached(&mut self, who: PersonIx, attached: bool) {
        self.people[who].attached = attached;
        if !attached {
            self.to_node.retain(|(_, person, _)| *person != who);
            self.to_people.retain(|(_, person, _)| *person != who);
        }
        let id = self.people[who].id;
        self.node.set_attached(self.now, id, attached);
        self.settle();
    }

    /// The person offers again, for example after `restart_ice` or `want_slots` of the client.
    pub fn offer_again(&mut self, who: PersonIx) {
        self.people[who].offer();
        self.settle();
    }

    /// Does something with a person's client, and sends what comes of it.
    pub fn with_client<T>(&mut self, who: PersonIx, act: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let result = act(&mut self.people[who].client, self.now);
        self.settle();
        result
    }

    /// A datagram from anywhere in the world reaches the relay's media port.
    pub fn inject(&mut self, source: SocketAddr, bytes: &[u8]) {
        self.network.forge(self.now, source, bytes);
    }

    fn next_event(&self) -> Option<Instant> {
        let clients = self.people.iter().filter(|person| person.bye.is_none()).map(|person| person.client.poll_timeout(self.now));
        let signalling = [self.to_node.front().map(|(at, ..)| *at), self.to_people.front().map(|(at, ..)| *at)];
        let rest = [self.network.next_arrival(), self.node.worker.poll_timeout()];
        clients.chain(signalling).chain(rest).flatten().min()
    }

    fn step(&mut self) {
        while let Some((at, who, message)) = self.to_node.pop_front_if(|(at, ..)| *at <= self.now) {
            self.deliver_to_node(at, who, message);
        }
        while let Some((at, who, message)) = self.to_people.pop_front_if(|(at, ..)| *at <= self.now) {
            self.people[who].handle_message(at, message);
        }
        while let Some(mut arrival) = self.network.poll(self.now) {
            match arrival.to {
                Destination::Relay(from) => {
                    self.node.handle_datagram(self.now, from, &mut arrival.bytes);
                    self.settle();
                }
                Destination::Person(who) => self.deliver_media(who, arrival.number, &mut arrival.bytes),
            }
        }
        for person in self.people.iter_mut().filter(|person| person.bye.is_none()) {
            if person.client.poll_timeout(self.now).is_some_and(|at| at <= self.now) {
                person.client.handle_timeout(self.now);
            }
        }
        if self.node.worker.poll_timeout().is_some_and(|at| at <= self.now) {
            self.node.worker.handle_timeout(self.now);
        }
        self.settle();
    }

    /// The oracle learns of a change at the moment the worker does: between two sends.
    fn deliver_to_node(&mut self, now: Instant, who: PersonIx, message: ClientMessage) {
        self.settle();
        let (when, publisher) = (self.network.launched(), self.people[who].publisher);
        match &message {
            ClientMessage::SetSource { source, active } => self.oracle.set_source(when, publisher, *source, *active),
            ClientMessage::Leave => self.oracle.leave(when, publisher),
            _ => {}
        }
        let id = self.people[who].id;
        if let Some(reply) = self.node.handle_message(now, id, message) {
            self.to_people.push_back((now + SIGNALLING_DELAY, who, reply));
        }
        self.settle();
    }

    fn deliver_media(&mut self, who: PersonIx, number: u64, bytes: &mut [u8]) {
        let person = &mut self.people[who];
        if person.bye.is_some() {
            return;
        }
        let before = person.client.counters().packets_received;
        let stamp = person.client.handle_datagram(self.now, self.node.address, bytes);
        if person.client.counters().packets_received > before {
            self.oracle.judge(number, person.publisher, stamp.as_ref());
        }
    }

    /// Moves what everybody has to say into the network and the signalling queues.
    fn settle(&mut self) {
        let Self { node, network, people, now, oracle, to_people, to_node, .. } = self;
        node.datagrams(|to, bytes| network.send_down(*now, to, bytes));
        for (client, message) in node.messages() {
            if let Some(who) = people.iter().position(|person| person.id == client && person.attached) {
                to_people.push_back((*now + SIGNALLING_DELAY, who, message));
            }
        }
        for (client, _) in node.take_closed() {
            if let Some(person) = people.iter_mut().find(|person| person.id == client) {
                oracle.leave(network.launched(), person.publisher);
                person.ended = true;
            }
        }
        for (who, person) in people.iter_mut().enumerate() {
            person.client.drain(|_, bytes| network.send_up(*now, who, bytes));
            while let Some(message) = person.take_outgoing() {
                if person.attached {
                    to_node.push_back((*now + SIGNALLING_DELAY, who, message));
                }
            }
        }
    }

    /// What must hold at any time.
    fn check(&mut self) {
        self.oracle.assert_clean();
        assert_eq!(self.node.worker.counters().crossed_zero_bit, 0, "media would have crossed a zero bit");
        for person in &self.people {
            let (name, counters) = (&person.name, person.client.counters());
            assert_eq!(person.client.failure(), None, "{name}'s transport failed");
            assert_eq!(person.errors, Vec::<String>::new(), "{name} was refused");
            assert_eq!((counters.strangers, counters.malformed), (0, 0), "{name} got packets that no answer announced");
            let errors: Vec<_> = person.client.slots().flat_map(|slot| slot.record.errors.clone()).collect();
            assert!(!self.expects_clean_streams || errors.is_empty(), "{name} saw what no receiver may see: {errors:#?}");
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        eprintln!("simulation failed at {:?} of virtual time; repeat it with SIM_SEED={}", self.elapsed(), self.seed);
        for (who, person) in self.people.iter().enumerate() {
            let counters = person.client.counters();
            eprintln!("  {} (author {}): {counters:?}, bye {:?}", person.name, person.publisher, person.bye);
            let access = self.network.access(who);
            eprintln!("    up {:?}\n    down {:?}", access.up.stats, access.down.stats);
            person.client.slots().for_each(|slot| eprintln!("    slot {}: {:?}", slot.mid, slot.record));
        }
        eprintln!("  relay: {:?}", self.node.worker.counters());
    }
}
