//! Random walks: anybody asks for anything, people come and go, and everything that leaves the relay is judged.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use room::{
    BreakoutId, Chat, Code, Command, Direction, GuestMicrophone, Layout, Names, ParticipantId, ScreenShare, Settings, Source, Template,
    WaitingRoom,
};
use tests::sim::{PersonIx, Setup, Sim, SourceSetup, Ticket};

use crate::{JOIN, SECOND, assert_rough, roughen, setup};

/// Seconds of media of one walk.
const SECONDS: u32 = 60;
/// People who take part in it, by name; not all at once.
const NAMES: [&str; 7] = ["Hanna Host", "Dora Deputy", "Gert Guest", "Gitte Guest", "Georg Guest", "Grete Guest", "Wanda Wall"];

struct Walk {
    sim: Sim,
    rng: ChaCha8Rng,
    /// By name: the session, if there is one.
    here: BTreeMap<&'static str, PersonIx>,
    authors: u32,
    /// Commands that were carried out, and those that were refused.
    counts: [u32; 2],
    /// Every id that ever was somebody's.
    ids: Vec<ParticipantId>,
}

impl Walk {
    fn new(seed: u64, settings: Settings) -> Self {
        let sim = Sim::with_settings(seed, settings);
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { sim, rng, here: BTreeMap::new(), authors: 0, counts: [0; 2], ids: Vec::new() }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.rng.next_u64() % bound as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn join(&mut self, name: &'static str) {
        self.authors += 1;
        let device = if name.starts_with("Gitte") { room::Device::Mobile } else { room::Device::Desktop };
        let wall = name.starts_with("Wanda");
        let kind = if wall { worker::ClientKind::Whep } else { worker::ClientKind::Interactive };
        let ticket = Ticket { device, kind, host: name.starts_with("Hanna"), ..Ticket::guest(name) };
        let mut media = if wall { Setup::viewer(self.authors, 2, 2) } else { setup(self.authors, 6) };
        if !wall {
            media.sources.push(SourceSetup { active: true, ..SourceSetup::screen() });
        }
        let who = self.sim.enter(ticket, media);
        self.sim.run(SECOND / 20);
        self.here.insert(name, who);
        self.ids.extend(self.sim.people[who].participant.map(ParticipantId));
    }

    /// Sessions that ended leave their place.
    fn sweep(&mut self) {
        let Self { sim, here, .. } = self;
        here.retain(|_, who| !sim.people[*who].ended);
    }

    fn step(&mut self) {
        self.sweep();
        let name = NAMES[self.below(NAMES.len())];
        match (self.here.get(name).copied(), self.below(20)) {
            (None, 0..10) => self.join(name),
            (None, _) => self.serve(),
            // The second session of the same identity takes the place of the first.
            (Some(_), 0) => self.join(name),
            (Some(who), 1) => self.sim.leave(who),
            (Some(who), 2) if !name.starts_with("Wanda") => {
                let attached = !self.sim.people[who].attached;
                self.sim.set_attached(who, attached);
            }
            (Some(who), _) if self.sim.people[who].attached && !name.starts_with("Wanda") => self.ask(who),
            (Some(_), _) => self.serve(),
        }
        let pause = self.below(200) as u32;
        self.sim.run(SECOND * pause / 1_000);
    }

    fn ask(&mut self, who: PersonIx) {
        let command = self.anything();
        let (audited, before) = (command.is_host_action(), self.sim.node.actions.len());
        let number = self.sim.ask(who, command);
        self.sim.run(SECOND / 25);
        if let Some(reply) = self.sim.people[who].replies.get(&number).copied() {
            self.counts[usize::from(reply.is_err())] += 1;
            self.audit(audited, before, reply);
        }
    }

    /// Every use of a host's function is in the audit log once, with how it went; nothing else is.
    fn audit(&self, audited: bool, before: usize, reply: Result<(), Code>) {
        let lines: Vec<Result<(), Code>> = self.sim.node.actions[before..].iter().map(|action| action.result).collect();
        assert_eq!(lines, if audited { vec![reply] } else { Vec::new() });
    }

    fn serve(&mut self) {
        let command = self.anything();
        let (audited, before) = (command.is_host_action(), self.sim.node.actions.len());
        let reply = self.sim.serve(command);
        self.counts[usize::from(reply.is_err())] += 1;
        // A room where nobody is has no log.
        if !self.here.is_empty() {
            self.audit(audited, before, reply);
        }
    }

    fn somebody(&mut self) -> ParticipantId {
        if self.ids.is_empty() || self.below(20) == 0 {
            return ParticipantId(self.rng.next_u64() >> 33);
        }
        // Mostly of those who came last, because they are here.
        let recent = self.ids.len().min(9);
        let index = self.ids.len() - 1 - self.below(recent);
        self.ids[index]
    }

    fn place(&mut self) -> Option<BreakoutId> {
        if self.coin() { None } else { Some(BreakoutId(self.below(8) as u32 + 1)) }
    }

    fn anything(&mut self) -> Command {
        let participant = self.somebody();
        match self.below(4) {
            0 => self.own(),
            1 => self.bits(participant),
            2 => self.door(participant),
            _ => self.breakout(participant),
        }
    }

    fn own(&mut self) -> Command {
        let (source, active) = (Source::ALL[self.below(4)], self.below(3) > 0);
        let participant = self.coin().then(|| self.somebody());
        match self.below(9) {
            0..=3 => Command::SetSource { source, active },
            4 => Command::RaiseHand {},
            5 => Command::LowerHand { participant },
            6 => Command::Say { text: "hello".into(), to: participant },
            7 => Command::Pin { participant },
            _ => Command::Go { breakout: self.place() },
        }
    }

    fn bits(&mut self, participant: ParticipantId) -> Command {
        const LAYOUTS: [Layout; 5] =
            [Layout::HostOnly, Layout::HostLarge, Layout::Equal, Layout::OneMainZeroPips, Layout::OneMainSevenPips];
        match self.below(16) {
            0 | 1 => Command::Mute { participant },
            2 | 3 => Command::Unmute { participant },
            4 => Command::MuteAll {},
            5 => Command::UnmuteAll {},
            6 => Command::DenyCamera { participant },
            7 => Command::AllowCamera { participant },
            8 => Command::DenyCameras {},
            9 => Command::AllowCameras {},
            10 => Command::StopScreen { participant },
            11 | 12 => Command::SetLayout { layout: LAYOUTS[self.below(LAYOUTS.len())] },
            13 => Command::SetDirection { direction: if self.coin() { Direction::OneWay } else { Direction::TwoWay } },
            14 => Command::Spotlight { participant: self.coin().then_some(participant) },
            _ => Command::Change { settings: Box::new(self.template()) },
        }
    }

    fn template(&mut self) -> Template {
        let (coin, chat) = (self.coin(), [Chat::Off, Chat::ToStaff, Chat::Everyone][self.below(3)]);
        let microphone = if coin { GuestMicrophone::Off } else { GuestMicrophone::On };
        let names = [Names::First, Names::Full, Names::Hidden][self.below(3)];
        let share = [ScreenShare::Off, ScreenShare::Staff, ScreenShare::Everyone][self.below(3)];
        match self.below(6) {
            0 => Template { guest_microphone: Some(microphone), ..Template::default() },
            1 => Template { guest_camera: Some(coin), ..Template::default() },
            2 => Template { guests_hear_guests: Some(coin), ..Template::default() },
            3 => Template { chat: Some(chat), ..Template::default() },
            4 => Template { names: Some(names), name_list: Some(coin), ..Template::default() },
            _ => Template { screen_share: Some(share), ..Template::default() },
        }
    }

    fn door(&mut self, participant: ParticipantId) -> Command {
        match self.below(14) {
            0 => Command::Lock {},
            1 | 2 => Command::Unlock {},
            3 | 4 => Command::Admit { participant },
            5 | 6 => Command::AdmitAll {},
            7 => Command::Deny { participant },
            8 => Command::Remove { participant },
            9 | 10 => Command::AllowBack { participant },
            11 => Command::Undelegate {},
            12 => Command::LowerHands {},
            _ => Command::Delegate { participant },
        }
    }

    fn breakout(&mut self, participant: ParticipantId) -> Command {
        let breakout = self.place();
        match self.below(12) {
            0 => Command::CreateBreakouts { names: vec!["Room".into(); 2] },
            1 => breakout.map_or(Command::AssignRandom {}, |breakout| Command::DeleteBreakout { breakout }),
            2..=4 => Command::Assign { participant, breakout },
            5 => Command::AssignRandom {},
            6 | 7 => Command::OpenBreakouts { self_choice: self.coin(), seconds: self.coin().then_some(3) },
            8 => Command::Recall { participant },
            9 => Command::RecallAll { seconds: if self.coin() { 0 } else { 1 } },
            10 => Command::Broadcast { text: "attention".into() },
            _ => Command::AskHelp { wanted: self.coin() },
        }
    }
}

fn walk(seed: u64, settings: Settings) {
    let mut walk = Walk::new(seed, settings);
    for name in ["Hanna Host", "Gert Guest", "Gitte Guest", "Wanda Wall"] {
        walk.join(name);
    }
    walk.sim.run(JOIN);
    let first: Vec<PersonIx> = walk.here.values().copied().collect();
    let end = walk.sim.elapsed() + SECONDS * SECOND;
    while walk.sim.elapsed() < end {
        roughen(&mut walk.sim, 0.07);
        walk.step();
    }
    let [done, refused] = walk.counts;
    let (judged, told) = (walk.sim.oracle.judged, walk.sim.oracle.told);
    println!("seed {seed}: {done} commands carried out, {refused} refused, {judged} packets and {told} messages judged");
    assert!(done > 60 && refused > 20 && judged > 5_000 && told > 500, "the walk went somewhere");
    let long = |sim: &mut Sim, who: PersonIx| {
        let access = sim.network.access(who);
        access.up.stats.offered.min(access.down.stats.offered) > 500
    };
    let long: Vec<PersonIx> = first.into_iter().filter(|who| long(&mut walk.sim, *who)).collect();
    assert_rough(&mut walk.sim, &long);
}

#[test]
fn walk_of_an_open_room() {
    (200..203).for_each(|seed| walk(seed, Settings::default()));
}

#[test]
fn walk_of_a_guarded_room() {
    let settings = Settings { waiting_room: WaitingRoom::Admit, max_participants: 5, grace_seconds: 5, ..Settings::default() };
    (210..213).for_each(|seed| walk(seed, settings.clone()));
}

#[test]
fn walk_of_a_room_that_waits_without_its_host() {
    let when_abandoned = room::WhenAbandoned::Wait;
    let settings =
        Settings { waiting_room: WaitingRoom::UntilHost, when_abandoned, grace_seconds: 2, chat_history: true, ..Settings::default() };
    (220..223).for_each(|seed| walk(seed, settings.clone()));
}
