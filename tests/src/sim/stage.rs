//! The stage: moves virtual time from event to event and lets everybody act.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::light::Stamp;
use room::{Actor, Command, ParticipantId, Settings, Source, Time};
use signal::message::{ClientMessage, ServerMessage};
use wire::ntp::Ntp;
use worker::event::Who;
use worker::{ClientId, Event, Limits};

use super::network::{Arrival, Destination, Network, PersonIx};
use super::node::Node;
use super::oracle::{Oracle, Standing};
use super::person::Person;
use super::ticket::ROOM;

/// One way of a signalling message; WebSockets lose nothing and keep order.
const SIGNALLING_DELAY: Duration = Duration::from_millis(15);
/// Steps without any progress of time: beyond this somebody wants to be called for ever.
const MAX_STEPS_AT_ONCE: u32 = 100_000;

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
    /// Judges every packet and every message.
    pub oracle: Oracle,
    /// With what rooms are created.
    pub settings: Arc<Settings>,
    /// When the first packet of an author's source reached somebody in this window.
    pub first_packets: BTreeMap<(PersonIx, u32, Source), Instant>,
    /// How long the relay held each packet of an author's source before it sent it to somebody, in this window. Only where nothing is
    /// sent again and the way to the relay takes its fixed delay. Off until [`Self::watch_holds`].
    pub holds: BTreeMap<(PersonIx, Source), Vec<Duration>>,
    watches_holds: bool,
    /// Since when counts count.
    pub window: Instant,
    /// False for a test whose clients do what makes even a good relay's stream incomplete.
    pub expects_clean_streams: bool,
    to_node: VecDeque<(Instant, PersonIx, ClientMessage)>,
    to_people: VecDeque<(Instant, PersonIx, ServerMessage)>,
}

/// What made the worker say something.
pub(super) enum Cause {
    /// One command of the control plane; a room's command with its author (`None`: a service).
    Command(Option<(Option<PersonIx>, Command)>),
    /// Somebody came who is told nothing (WHIP, WHEP).
    Silent(PersonIx),
    /// A datagram or the time: several things may have happened one after the other.
    Other,
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
        Self::with(seed, limits, Settings::default())
    }

    /// An empty stage whose rooms are set like this.
    #[must_use]
    pub fn with_settings(seed: u64, settings: Settings) -> Self {
        Self::with(seed, Limits::default(), settings)
    }

    /// An empty stage; everything is said.
    #[must_use]
    pub fn with(seed: u64, limits: Limits, settings: Settings) -> Self {
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
            settings: Arc::new(settings),
            first_packets: BTreeMap::new(),
            holds: BTreeMap::new(),
            watches_holds: false,
            window: start,
            expects_clean_streams: true,
            to_node: VecDeque::new(),
            to_people: VecDeque::new(),
        }
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

    /// Virtual time as the relay's wall clock shows it.
    #[must_use]
    pub fn time(&self) -> Time {
        Time(self.true_time().since(Ntp::from_unix(Duration::ZERO)).unwrap_or_default().as_millis() as u64)
    }

    /// Everybody's counts begin anew.
    pub fn begin_window(&mut self) {
        self.first_packets.clear();
        self.holds.clear();
        self.window = self.now;
        self.network.begin_window();
        self.people.iter_mut().for_each(Person::begin_window);
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn true_time(&self) -> Ntp {
        self.ntp.plus(self.now - self.start)
    }

    pub(super) fn lose_messages(&mut self, who: PersonIx) {
        self.to_node.retain(|(_, person, _)| *person != who);
        self.to_people.retain(|(_, person, _)| *person != who);
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
                Destination::Person(who) => self.deliver_media(who, &mut arrival),
                Destination::Lost(who) => {
                    let person = &mut self.people[who];
                    if let Some(stamp) = person.client.inspect(&mut arrival.bytes) {
                        self.oracle.judge(arrival.number, person.publisher, stamp.as_ref());
                    }
                }
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
        let asked = match &message {
            ClientMessage::Command { command, .. } => Some((Some(who), command.clone())),
            ClientMessage::SetSource { source, active } => Some((Some(who), Command::SetSource { source: *source, active: *active })),
            _ => None,
        };
        let id = self.people[who].id;
        if let Some(reply) = self.node.handle_message(now, id, message) {
            self.to_people.push_back((now + SIGNALLING_DELAY, who, reply));
        }
        self.absorb(&Cause::Command(asked));
        self.settle();
    }

    fn deliver_media(&mut self, who: PersonIx, arrival: &mut Arrival) {
        let Arrival { number, sent, ref mut bytes, .. } = *arrival;
        let person = &mut self.people[who];
        if person.bye.is_some() {
            // Nobody handles it any more, but it must have been sent in time.
            if let Some(stamp) = person.client.inspect(bytes) {
                self.oracle.judge(number, person.publisher, stamp.as_ref());
            }
            return;
        }
        let before = person.client.counters().packets_received;
        let stamp = person.client.handle_datagram(self.now, self.node.address, bytes);
        if person.client.counters().packets_received > before {
            self.oracle.judge(number, person.publisher, stamp.as_ref());
        }
        if let Some(stamp) = stamp {
            if self.watches_holds {
                self.note_hold(who, sent, &stamp);
            }
            self.first_packets.entry((who, stamp.author.publisher, stamp.author.source)).or_insert(self.now);
        }
    }

    /// From now on [`Self::holds`] is filled.
    pub fn watch_holds(&mut self) {
        self.watches_holds = true;
    }

    fn note_hold(&mut self, who: PersonIx, sent: Instant, stamp: &Stamp) {
        let Some(author) = self.people.iter().position(|person| person.publisher == stamp.author.publisher) else { return };
        let came = self.people[author].client.epoch() + stamp.captured + self.network.access(author).up.spec.delay;
        self.holds.entry((who, stamp.author.source)).or_default().push(sent.saturating_duration_since(came));
    }

    /// Moves what everybody has to say into the network and the signalling queues.
    pub(super) fn settle(&mut self) {
        self.absorb(&Cause::Other);
        let Self { network, people, now, to_node, .. } = self;
        for (who, person) in people.iter_mut().enumerate() {
            person.client.drain(|_, bytes| network.send_up(*now, who, bytes));
            while let Some(message) = person.take_outgoing() {
                if person.attached {
                    to_node.push_back((*now + SIGNALLING_DELAY, who, message));
                }
            }
        }
    }

    /// Takes what the worker has to say and to send: the oracle first learns what changed, then judges messages, then sees the packets.
    pub(super) fn absorb(&mut self, cause: &Cause) {
        let news = self.node.news();
        let (when, now) = (self.network.launched(), self.time());
        if let Cause::Command(Some((who, command))) = cause
            && self.was_obeyed(*who, &news)
        {
            let room = who.map_or(ROOM, |who| &self.people[who].ticket.room).to_owned();
            let author = who.map(|who| self.people[who].publisher);
            self.oracle.command(when, now, &room, author, command);
        }
        if let Cause::Silent(who) = cause {
            // Whoever comes again takes the place of the session before, which ends first.
            news.iter().filter(|event| matches!(event, Event::Closed { .. })).for_each(|event| self.learn(when, now, event));
            self.enter_silently(when, *who);
        }
        for event in &news {
            self.learn(when, now, event);
        }
        for event in news {
            let Event::Message { client, message } = event else { continue };
            let Some(who) = self.person_of(client) else { continue };
            let before = matches!(cause, Cause::Other).then_some(when);
            self.oracle.judge_message(self.people[who].publisher, before, &message);
            if self.people[who].attached {
                self.to_people.push_back((self.now + SIGNALLING_DELAY, who, message));
            }
        }
        let Self { node, network, now, .. } = self;
        node.datagrams(|to, bytes| network.send_down(*now, to, bytes));
    }

    /// Whoever is refused is told so; a service gets an answer of its own.
    fn was_obeyed(&mut self, who: Option<PersonIx>, news: &[Event]) -> bool {
        let Some(who) = who else { return self.node.was_served() };
        let id = self.people[who].id;
        let refused = |event: &Event| matches!(event, Event::Message { client, message: ServerMessage::Refused { .. } } if *client == id);
        !self.people[who].ended && !news.iter().any(refused)
    }

    fn enter_silently(&mut self, when: u64, who: PersonIx) {
        let Person { ticket, .. } = &self.people[who];
        let (room, identity) = (ticket.room.clone(), ticket.identity.clone());
        let snapshot = self.node.inspect(self.now, &room);
        let known = self.oracle.now(&room).map(|meeting| meeting.people.values().map(|person| person.id.0).collect::<BTreeSet<u64>>());
        let is_new = |id: u64| known.as_ref().is_none_or(|known| !known.contains(&id));
        let people = snapshot.into_iter().flat_map(|room| room.people);
        let found =
            people.filter(|person| person.identity == identity && is_new(person.participant)).map(|person| person.participant).next_back();
        if let Some(id) = found {
            self.people[who].participant = Some(id);
            let newcomer = self.newcomer(who, id);
            self.oracle.enter(when, &room, &self.settings, newcomer);
        }
    }

    fn learn(&mut self, when: u64, now: Time, event: &Event) {
        match event {
            Event::Message { client, message: ServerMessage::Welcome { participant, resumed: false, room, .. } } => {
                if let Some(who) = self.person_of(*client) {
                    let newcomer = self.newcomer(who, *participant);
                    self.oracle.enter(when, room, &self.settings, newcomer);
                }
            }
            Event::Closed { client, .. } => {
                if let Some(who) = self.person_of(*client) {
                    self.oracle.leave(when, self.people[who].publisher);
                    self.people[who].ended = true;
                }
            }
            Event::Room(event) => {
                let actor = event.actor.as_ref().map(|who| match who {
                    Who::Service => Actor::Service,
                    Who::Person { participant, .. } => Actor::Person(ParticipantId(*participant)),
                });
                self.oracle.claim(when, now, &event.room.0, actor, &event.change);
            }
            Event::RoomClosed { room, .. } => self.oracle.forget(when, &room.0, &self.settings),
            _ => {}
        }
    }

    fn person_of(&self, client: ClientId) -> Option<PersonIx> {
        self.people.iter().position(|person| person.id == client)
    }

    /// What must hold at any time.
    fn check(&mut self) {
        self.settle();
        self.compare_rooms();
        let now = self.time();
        self.oracle.judge_time(now);
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

    /// The relay's picture of each room and the oracle's must be the same: roles, places, and what flows in.
    fn compare_rooms(&mut self) {
        let rooms: BTreeSet<String> = self.people.iter().map(|person| person.ticket.room.clone()).collect();
        for room in rooms {
            let Some(snapshot) = self.node.inspect(self.now, &room) else { continue };
            for person in &snapshot.people {
                let known = self.oracle.now(&room).and_then(|meeting| meeting.by_id(ParticipantId(person.participant))).cloned();
                let Some(known) = known else {
                    self.oracle.complain(format!("the relay has {person:?}, who is not here"));
                    continue;
                };
                let place = person.breakout.map(room::BreakoutId);
                let standing = if person.waiting { Standing::Waiting } else { Standing::In(place) };
                if (person.role, standing) != (known.role, known.standing) {
                    self.oracle.complain(format!("the relay has {:?} {standing:?}, the rules {known:?}", person.role));
                }
                for publication in &person.publications {
                    if self.oracle.lets_send(&room, known.author, publication.source) != publication.active {
                        self.oracle.complain(format!("{:?} flows: {}; the rules: {known:?}", publication.source, publication.active));
                    }
                }
            }
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
            person.client.slots().for_each(|slot| eprintln!("    slot {}: {}", slot.mid, slot.record));
        }
        eprintln!("  relay: {:?}", self.node.worker.counters());
        for person in self.node.glance(self.now, ROOM).into_iter().flat_map(|room| room.people) {
            eprintln!("  relay's view of {}: line {:?}", person.identity, person.line);
            person.publications.iter().for_each(|publication| eprintln!("    {publication:?}"));
            person.slots.iter().for_each(|slot| eprintln!("    {slot:?}"));
        }
    }
}
