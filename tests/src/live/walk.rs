//! A meeting at random: staff and guests do whatever the rules know, also what is forbidden to them, over a lossy network, and nobody's
//! client keeps to anything it is told. Every answer of the relay and every packet is held against the rules.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use loadgen::light::{Layer, Setup, SourceSetup};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use room::{Code, Command, ParticipantId, Role, Source};

use super::crowd::{Crowd, Outcome};
use super::oracle::{Oracle, Verdict};
use super::relay::{LiveRelay, TokenRole};
use super::rules::{Person, Rules};

mod act;

/// Share of the RTP packets that the harness throws away, each direction.
const LOSS: f64 = 0.03;
/// Breakouts that the host creates.
const BREAKOUTS: u32 = 2;
/// Pictures a second of every camera: enough packets to judge, little work for a busy machine.
const FPS: u32 = 15;
/// Everybody sends these all the time, whatever the relay says.
const SENDS: [Source; 3] = [Source::Microphone, Source::Camera, Source::Screen];

/// Falsifies the rules.
type Lie = fn(&mut Rules);

/// Oracles that are wrong on purpose: what each of them is told instead of the truth. Every one must find violations.
const TWINS: [(&str, Lie); 3] = [
    ("one-way all the time", |rules| rules.one_way = true),
    ("guests never hear or see guests", |rules| {
        rules.layout = room::Layout::HostOnly;
        rules.guests_hear_guests = false;
    }),
    ("guests' cameras denied all the time", |rules| rules.guest_cameras = false),
];
/// A fourth one believes that everything happened so much earlier than it did.
const EARLY: Duration = Duration::from_millis(300);

/// What came of a walk.
#[derive(Debug)]
pub struct Report {
    /// Of the true oracle.
    pub verdict: Verdict,
    /// Of those that are wrong on purpose.
    pub twins: Vec<(&'static str, Verdict)>,
    /// Commands by what they are, and how often.
    pub commands: u32,
    /// Those that were refused, as they had to be.
    pub refused: u32,
    /// People who were moved from one place to another.
    pub moves: u32,
    /// RTP packets that the harness threw away.
    pub dropped: u64,
    /// Sequence numbers that receivers asked for again.
    pub nacks: u64,
    /// Packets that receivers got by retransmission.
    pub recovered: u64,
    /// Packets that publishers sent again because the relay asked.
    pub resent: u64,
    /// Sounds that were allowed at the end and that nobody heard.
    pub silent: Vec<(u32, u32)>,
    /// What no receiver may ever see in a stream.
    pub stream_errors: Vec<String>,
    /// What the relay complained of.
    pub complaints: Vec<String>,
}

/// A walk under way.
struct Walk<'a> {
    relay: &'a LiveRelay,
    room: String,
    crowd: Crowd,
    rules: Rules,
    oracle: Oracle,
    twins: Vec<Oracle>,
    rng: ChaCha8Rng,
    open: bool,
    came: u32,
    commands: u32,
    refused: u32,
    moves: u32,
}

/// How a command must go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    Done,
    Refused,
    Either,
}

/// Walks for this long. `SIM_SEED` overrides the seed.
///
/// # Panics
/// When the relay answers a command otherwise than the rules want.
#[must_use]
pub fn walk(relay: &LiveRelay, seed: u64, span: Duration) -> Report {
    let seed = std::env::var("SIM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed);
    eprintln!("walk with SIM_SEED={seed}");
    let mut walk = Walk::begin(relay, seed);
    let end = Instant::now() + span;
    while Instant::now() < end {
        walk.step();
        let pause = Duration::from_millis(40 + walk.below(200));
        walk.crowd.run_for(pause);
    }
    walk.finish()
}

impl<'a> Walk<'a> {
    /// A host, a deputy, four guests and a viewer; two breakouts exist.
    fn begin(relay: &'a LiveRelay, seed: u64) -> Self {
        let start = Instant::now();
        let mut crowd = Crowd::new(seed);
        (crowd.recording, crowd.loss, crowd.insistent) = (true, LOSS, true);
        let mut walk = Self {
            relay,
            room: relay.fresh_room(),
            crowd,
            rules: Rules::default(),
            oracle: Oracle::new(start),
            twins: (0..=TWINS.len()).map(|_| Oracle::new(start)).collect(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            open: false,
            came: 0,
            commands: 0,
            refused: 0,
            moves: 0,
        };
        walk.newcomer(TokenRole::Host);
        for _ in 0..5 {
            walk.newcomer(TokenRole::Participant);
        }
        let deputy = walk.id(1);
        walk.staff(0, Command::Delegate { participant: deputy }, |rules| set_role(rules, 1, Role::Deputy));
        let names = (1..=BREAKOUTS).map(|number| format!("room {number}")).collect();
        walk.staff(0, Command::CreateBreakouts { names }, |_| {});
        walk.viewer();
        walk
    }

    /// Somebody nobody knows comes, past the lock or not.
    fn newcomer(&mut self, role: TokenRole) -> u32 {
        self.came += 1;
        let identity = format!("person-{}", self.came);
        let role_now = if role == TokenRole::Host { Role::Host } else { Role::Participant };
        let person = Person::new(role_now, !self.rules.locked, &SENDS);
        self.arrive(&identity, role, person)
    }

    fn arrive(&mut self, identity: &str, role: TokenRole, person: Person) -> u32 {
        let sent = Instant::now();
        let admitted = person.admitted;
        let ix = self.crowd.enter(self.relay, &self.room, identity, role, setup());
        let told = &self.crowd.members[ix].told;
        assert_eq!((told.is_in(), told.waits()), (admitted, !admitted), "{identity} comes: {told:?}");
        self.rules.people.insert(ix as u32, person);
        self.record(sent, Instant::now());
        self.crowd.connect(ix);
        ix as u32
    }

    fn viewer(&mut self) {
        let sent = Instant::now();
        // Before it is there: it may get media before the harness knows its number.
        let number = self.crowd.members.len() as u32;
        self.rules.people.insert(number, Person::viewer());
        self.record(sent, sent);
        let ix = self.crowd.watch(self.relay, &self.room, "viewer", 10, 8);
        assert_eq!(ix as u32, number);
    }

    /// A command of the staff that the rules allow.
    fn staff(&mut self, who: u32, command: Command, change: impl FnOnce(&mut Rules)) {
        self.ask(who, command, Expect::Done, change);
    }

    /// Asks, holds the answer against the rules, and writes down what is allowed from now on.
    fn ask(&mut self, who: u32, command: Command, expect: Expect, change: impl FnOnce(&mut Rules)) -> Outcome {
        let what = format!("{command:?} by {who}");
        let outcome = self.crowd.command(who as usize, command);
        self.commands += 1;
        self.refused += u32::from(outcome.result.is_err());
        let expected = match expect {
            Expect::Done => outcome.result.is_ok(),
            Expect::Refused => outcome.result.is_err_and(|code| code != Code::Invalid && code != Code::NotFound),
            Expect::Either => true,
        };
        assert!(expected, "{what}: {:?}, expected {expect:?}; {:#?}", outcome.result, self.rules);
        if outcome.result.is_ok() && expect != Expect::Refused {
            change(&mut self.rules);
            self.record(outcome.sent, outcome.answered);
        }
        outcome
    }

    fn record(&mut self, sent: Instant, done: Instant) {
        self.oracle.record(sent, done, &self.rules);
        for ((_, lie), twin) in TWINS.iter().zip(&mut self.twins) {
            let mut rules = self.rules.clone();
            lie(&mut rules);
            twin.record(sent, done, &rules);
        }
        if let Some(hasty) = self.twins.last_mut() {
            hasty.record(sent - EARLY, done - EARLY, &self.rules);
        }
    }

    fn finish(mut self) -> Report {
        self.crowd.begin_window();
        self.crowd.run_for(Duration::from_secs(1));
        let heard = |(sender, receiver, source): &(u32, u32, Source)| {
            *source != Source::Microphone || self.crowd.members[*receiver as usize].packets(*sender, *source) > 0
        };
        let silent = self.oracle.allowed().iter().filter(|triple| !heard(triple));
        let silent = silent.map(|(sender, receiver, _)| (*sender, *receiver)).collect();
        let members = &self.crowd.members;
        let records = || members.iter().flat_map(|member| member.client.slots().map(|slot| slot.record.clone()));
        let names = TWINS.iter().map(|(name, _)| *name).chain(["everything 300 ms earlier"]);
        Report {
            verdict: self.oracle.judge(&self.crowd.log),
            twins: names.zip(&self.twins).map(|(name, twin)| (name, twin.judge(&self.crowd.log))).collect(),
            commands: self.commands,
            refused: self.refused,
            moves: self.moves,
            dropped: members.iter().map(|member| member.traffic.dropped).sum(),
            nacks: members.iter().map(|member| member.client.counters().nacks_sent).sum(),
            recovered: self.crowd.recovered + records().map(|record| record.recovered).sum::<u64>(),
            resent: members.iter().map(|member| member.client.counters().resent).sum(),
            silent,
            stream_errors: records().flat_map(|record| record.errors).collect(),
            complaints: members.iter().flat_map(|member| member.told.errors.clone()).collect(),
        }
    }

    fn id(&self, number: u32) -> ParticipantId {
        self.crowd.members[number as usize].id()
    }

    /// Uniform below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound.max(1)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let ix = self.below(from.len() as u64) as usize;
        from.get(ix).cloned()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Members of the meeting, viewers not, for whom this holds.
    fn people(&self, is_so: impl Fn(&Person) -> bool) -> Vec<u32> {
        let people = self
            .rules
            .people
            .iter()
            .filter(|(number, person)| !person.viewer && self.crowd.members[**number as usize].is_alive() && is_so(person));
        people.map(|(number, _)| *number).collect()
    }

    fn guests(&self) -> Vec<u32> {
        self.people(|person| person.admitted && !person.role.is_staff())
    }
}

/// Gives a role; nobody else keeps the deputy's.
fn set_role(rules: &mut Rules, who: u32, role: Role) {
    for person in rules.people.values_mut().filter(|person| person.role == Role::Deputy) {
        person.role = Role::Participant;
    }
    if let Some(person) = rules.people.get_mut(&who) {
        person.role = role;
    }
}

/// The people about whom `is_so`, changed.
fn each(rules: &mut Rules, whom: &BTreeSet<u32>, change: impl Fn(&mut Person)) {
    rules.people.iter_mut().filter(|(number, _)| whom.contains(number)).for_each(|(_, person)| change(person));
}

/// Sends everything all the time: voice, picture and screen.
fn setup() -> Setup {
    let camera = SourceSetup { fps: FPS, ..SourceSetup::camera(vec![Layer::single()]) };
    let screen = SourceSetup { active: true, ..SourceSetup::screen() };
    let sources = vec![SourceSetup::microphone(), camera, screen];
    Setup { sources, audio_slots: 10, video_slots: 8, ..Setup::meeting(0) }
}
