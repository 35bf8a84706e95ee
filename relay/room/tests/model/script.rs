//! What happens to a room: operations, and a seeded generator that looks at the model to reach every corner.

use room::{
    BreakoutId, Chat, Command, Direction, GuestMicrophone, HostUnmute, Invitee, Layout, LayoutRule, Names, ParticipantId, Place,
    ScreenShare, Settings, Source, Template, Time, WaitingRoom, WhenAbandoned,
};

use super::{Model, Person};

/// 2026-01-01, so that moments have as many digits as in life.
pub(crate) const START: Time = Time(1_767_225_600_000);

/// Somebody by their place in the cast. In commands, an id below 100 is the latest of that person, 100 more the first they had.
pub(crate) type Whom = u64;
/// An id that nobody ever had.
pub(crate) const NOBODY: Whom = 999;

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Op {
    Join(usize),
    Leave(Whom),
    Publish(Whom, u8),
    Spoke(Whom),
    /// `None`: a service.
    Act(Option<Whom>, Command),
    Configure(Box<Template>),
    /// Milliseconds pass; timers fire.
    Pass(u64),
    /// Time jumps to the next timer.
    Due,
}

/// A room before anything happened.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) limit: usize,
    pub(crate) salt: u64,
}

const NAMES: [(&str, &str); 12] = [
    ("subject-q8vd", "Astrid Overgaard"),
    ("subject-w2kf", "Birger Quistgaard"),
    ("subject-z7mh", "Cecilie Tranberg"),
    ("subject-r4tb", "Dagmar Vestergren"),
    ("subject-p9xc", "Ejnar Wibholm"),
    ("subject-n3jg", "Frode Xanthopoulos"),
    ("subject-b6sl", "Gudrun Ydegaard"),
    ("subject-k1yw", "Holger Zieglersen"),
    ("subject-h5dz", "Inger Kjeldbjerg"),
    ("subject-t0cr", "Jeppe Langhoff"),
    ("subject-m8fp", "Kirsten Munkholm"),
    ("subject-v2gn", "Laurits Nymark"),
];

/// The cast: three with a host's token, seven guests (one on a phone), two who only watch.
pub(crate) fn cast() -> Vec<Person> {
    NAMES.iter().enumerate().map(|(number, (identity, name))| Person::new(number, identity, name)).collect()
}

/// SplitMix64: small, and the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True in `percent` of a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

const LAYOUTS: [Layout; 13] = [
    Layout::HostOnly,
    Layout::HostLarge,
    Layout::Equal,
    Layout::OneMainZeroPips,
    Layout::OneMainSevenPips,
    Layout::OneMainTwentyonePips,
    Layout::TwoMainsTwentyonePips,
    Layout::OneMainThirtythreePips,
    Layout::FourMainsZeroPips,
    Layout::NineMainsZeroPips,
    Layout::SixteenMainsZeroPips,
    Layout::TwentyfiveMainsZeroPips,
    Layout::FiveMainsSevenPips,
];

fn layout(rng: &mut Rng) -> Layout {
    if rng.chance(50) {
        rng.pick(&[Layout::HostOnly, Layout::HostOnly, Layout::Equal, Layout::OneMainZeroPips, Layout::FourMainsZeroPips])
    } else {
        rng.pick(&LAYOUTS)
    }
}

pub(crate) fn setup(rng: &mut Rng) -> Setup {
    let mut settings = Settings {
        title: "Ward round".into(),
        waiting_text: "Somebody is on the way".into(),
        languages: vec!["da".into()],
        ..Settings::default()
    };
    settings = settings.with(&rules(rng, 40)).with(&frame(rng));
    Setup { settings, limit: if rng.chance(10) { 3 + rng.below(4) as usize } else { 50 }, salt: rng.next() }
}

/// Settings that may change in the meeting; each is set in so many of a hundred.
pub(crate) fn rules(rng: &mut Rng, percent: u64) -> Template {
    macro_rules! maybe {
        ($value:expr) => {
            rng.chance(percent).then(|| $value)
        };
    }
    let layout_rules = rng.chance(percent / 2).then(|| {
        (0..rng.below(3)).map(|index| LayoutRule { from: 1 + 3 * index as u32 + rng.below(3) as u32, layout: layout(rng) }).collect()
    });
    Template {
        layout: rng.chance(percent).then(|| layout(rng)),
        layout_rules,
        direction: maybe!(rng.pick(&[Direction::OneWay, Direction::TwoWay])),
        guest_microphone: maybe!(rng.pick(&[GuestMicrophone::Off, GuestMicrophone::On, GuestMicrophone::Muted])),
        guest_camera: maybe!(rng.chance(50)),
        guests_hear_guests: maybe!(rng.chance(50)),
        host_unmute: maybe!(rng.pick(&[HostUnmute::Ask, HostUnmute::Open])),
        screen_share: maybe!(rng.pick(&[ScreenShare::Off, ScreenShare::Staff, ScreenShare::Everyone, ScreenShare::Everyone])),
        chat: maybe!(rng.pick(&[Chat::Off, Chat::ToStaff, Chat::Everyone])),
        hands: maybe!(rng.chance(60)),
        waiting_room: maybe!(rng.pick(&[WaitingRoom::Off, WaitingRoom::UntilHost, WaitingRoom::Admit])),
        waiting_queue: maybe!(rng.chance(50)),
        names: maybe!(rng.pick(&[Names::First, Names::Full, Names::Hidden])),
        name_list: maybe!(rng.chance(50)),
        max_participants: rng.chance(percent / 2).then(|| 2 + rng.below(6) as u32),
        ..Template::default()
    }
}

/// Settings that are set before the meeting.
fn frame(rng: &mut Rng) -> Template {
    let people = cast();
    let invitee = |person: &Person, as_staff| Invitee {
        id: person.identity.into(),
        name: person.name.into(),
        chat_as_staff: as_staff,
        always_heard: !as_staff,
    };
    let opens_at = rng.chance(15).then(|| START.plus_seconds(rng.below(2000)));
    let ends_at = rng.chance(25).then(|| START.plus_seconds(600 + rng.below(4000)));
    Template {
        screens: rng.chance(30).then(|| 1 + rng.below(3) as u32),
        chat_history: Some(rng.chance(30)),
        breakouts: Some(!rng.chance(10)),
        opens_at: opens_at.map(Some),
        early_seconds: Some(rng.pick(&[0, 60, 900])),
        ends_at: ends_at.map(Some),
        hard_end: Some(rng.chance(60)),
        grace_seconds: Some(rng.pick(&[0, 10, 300])),
        when_abandoned: Some(rng.pick(&[WhenAbandoned::End, WhenAbandoned::Wait])),
        invitees: rng.chance(50).then(|| people.iter().step_by(2).map(|person| invitee(person, rng.chance(30))).collect()),
        ..Template::default()
    }
}

pub(crate) struct Generator {
    rng: Rng,
    /// Who wrote last, and goes on now and then.
    talker: Option<Whom>,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng(seed), talker: None }
    }

    pub(crate) fn next(&mut self, model: &Model) -> Op {
        let silent: Vec<u64> = (0..model.people.len())
            .filter(|index| model.people[*index].visible() && model.people[*index].published == [false; 4])
            .map(|index| index as u64)
            .collect();
        if !silent.is_empty() && self.rng.chance(20) {
            return Op::Publish(self.rng.pick(&silent), self.rng.pick(&[15, 15, 7, 3]));
        }
        let rng = &mut self.rng;
        let here = model.people.iter().filter(|person| person.here()).count() as u64;
        let arrivals = if here < 5 {
            30
        } else if here < 9 {
            8
        } else {
            2
        };
        match rng.below(100) {
            roll if roll < arrivals => self.arrival(model),
            roll if roll < arrivals + 5 => Op::Leave(self.whom(model)),
            roll if roll < arrivals + 10 => Op::Publish(self.whom(model), self.rng.pick(&[15, 15, 7, 3, 3, 1, 2, 0])),
            roll if roll < arrivals + 13 => Op::Spoke(self.whom(model)),
            roll if roll < arrivals + 18 => Op::Pass(self.rng.pick(&[1, 100, 400, 1000, 1000, 5000, 20_000, 90_000])),
            roll if roll < arrivals + 20 => {
                if self.rng.chance(30) {
                    Op::Due
                } else {
                    Op::Pass(self.rng.below(2500))
                }
            }
            roll if roll == arrivals + 20 && self.rng.chance(50) => Op::Configure(Box::new(rules(&mut self.rng, 10))),
            _ if self.talker.is_some() && self.rng.chance(12) => {
                if self.rng.chance(10) {
                    self.talker = None;
                }
                Op::Act(self.talker, Command::Say { text: "and more".into(), to: None })
            }
            _ => self.act(model),
        }
    }

    fn arrival(&mut self, model: &Model) -> Op {
        let away: Vec<usize> = (0..model.people.len()).filter(|index| !model.people[*index].here()).collect();
        if away.is_empty() {
            return Op::Pass(10);
        }
        Op::Join(self.rng.pick(&away))
    }

    /// Mostly somebody who is here; now and then somebody who left, an old id, or nobody at all.
    fn whom(&mut self, model: &Model) -> Whom {
        let here: Vec<u64> = (0..model.people.len()).filter(|index| model.people[*index].here()).map(|index| index as u64).collect();
        match self.rng.below(100) {
            roll if roll < 88 && !here.is_empty() => self.rng.pick(&here),
            roll if roll < 95 => self.rng.below(model.people.len() as u64),
            roll if roll < 98 => 100 + self.rng.below(model.people.len() as u64),
            _ => NOBODY,
        }
    }

    fn waiting(&mut self, model: &Model) -> Whom {
        let waiting: Vec<u64> = (0..model.people.len()).filter(|index| model.people[*index].waits()).map(|index| index as u64).collect();
        if waiting.is_empty() || self.rng.chance(25) { self.whom(model) } else { self.rng.pick(&waiting) }
    }

    fn staff(&mut self, model: &Model) -> Option<Whom> {
        let staff: Vec<u64> = (0..model.people.len()).filter(|index| model.people[*index].staff()).map(|index| index as u64).collect();
        match self.rng.below(100) {
            roll if roll < 70 && !staff.is_empty() => Some(self.rng.pick(&staff)),
            roll if roll < 85 => None,
            _ => Some(self.whom(model)),
        }
    }

    fn act(&mut self, model: &Model) -> Op {
        match self.rng.below(100) {
            roll if roll < 40 => {
                let who = if self.rng.chance(2) { None } else { Some(self.whom(model)) };
                let (who, command) = (who, self.own(model));
                if matches!(command, Command::Say { .. }) {
                    self.talker = who;
                }
                Op::Act(who, command)
            }
            roll if roll < 75 => Op::Act(self.staff(model), self.hosts(model)),
            _ => Op::Act(self.staff(model), self.breakouts(model)),
        }
    }

    fn own(&mut self, model: &Model) -> Command {
        match self.rng.below(20) {
            0..=7 => Command::SetSource {
                source: self.rng.pick(&[Source::Microphone, Source::Camera, Source::Screen, Source::Screen, Source::ScreenAudio]),
                active: self.rng.chance(65),
            },
            8 | 9 => Command::RaiseHand {},
            10 => Command::LowerHand { participant: None },
            11 => Command::LowerHand { participant: Some(ParticipantId(self.whom(model))) },
            12..=14 => Command::Say { text: self.text(), to: self.rng.chance(35).then(|| ParticipantId(self.whom(model))) },
            15 => Command::Pin { participant: self.rng.chance(75).then(|| ParticipantId(self.whom(model))) },
            16 | 17 => Command::AskHelp { wanted: self.rng.chance(70) },
            _ => Command::Go { breakout: self.place(model) },
        }
    }

    fn text(&mut self) -> String {
        match self.rng.below(20) {
            0 => String::new(),
            1 => "x".repeat(1001),
            2 => "ø".repeat(1000),
            _ => format!("text {}", self.rng.below(1000)),
        }
    }

    fn place(&mut self, model: &Model) -> Place {
        let ever = u64::from(model.breakouts_ever);
        match self.rng.below(100) {
            roll if roll < 25 => None,
            roll if roll < 92 && !model.breakouts.is_empty() => {
                Some(model.breakouts[self.rng.below(model.breakouts.len() as u64) as usize].0)
            }
            _ => Some(BreakoutId(self.rng.below(ever + 2) as u32)),
        }
    }

    fn breakout(&mut self, model: &Model) -> BreakoutId {
        self.place(model).unwrap_or(BreakoutId(1))
    }

    fn hosts(&mut self, model: &Model) -> Command {
        let participant = ParticipantId(self.whom(model));
        match self.rng.below(50) {
            0..=2 => Command::Mute { participant },
            3 | 4 => Command::Unmute { participant },
            5 => Command::MuteAll {},
            6 => Command::UnmuteAll {},
            7 | 8 => Command::DenyCamera { participant },
            9 => Command::AllowCamera { participant },
            10 => Command::DenyCameras {},
            11 => Command::AllowCameras {},
            12 | 13 => Command::StopScreen { participant },
            14 | 15 => Command::SetLayout { layout: layout(&mut self.rng) },
            16 | 17 => Command::SetDirection { direction: self.rng.pick(&[Direction::OneWay, Direction::TwoWay]) },
            18..=20 => Command::Change { settings: Box::new(rules(&mut self.rng, 6)) },
            21 => Command::Lock {},
            22 | 23 => Command::Unlock {},
            24..=28 => Command::Admit { participant: ParticipantId(self.waiting(model)) },
            29 => Command::AdmitAll {},
            30 | 31 => Command::Deny { participant: ParticipantId(self.waiting(model)) },
            32 | 33 => Command::Remove { participant },
            34..=36 => Command::AllowBack { participant },
            37 if self.rng.chance(20) => Command::EndMeeting {},
            38 | 39 => Command::Spotlight { participant: self.rng.chance(75).then_some(participant) },
            40..=42 => Command::Delegate { participant },
            43 => Command::Undelegate {},
            44 => Command::LowerHands {},
            45 => Command::LowerHand { participant: Some(participant) },
            46 | 47 => Command::SetAlwaysHeard { participant, on: self.rng.chance(60) },
            _ => Command::Broadcast { text: self.text() },
        }
    }

    fn breakouts(&mut self, model: &Model) -> Command {
        let participant = ParticipantId(self.whom(model));
        let few = model.breakouts.len() < 2;
        match self.rng.below(20) {
            roll if roll < 2 || (few && roll < 8) => self.create(),
            2 => Command::RenameBreakout { breakout: self.breakout(model), name: self.breakout_name() },
            3 if self.rng.chance(40) => Command::DeleteBreakout { breakout: self.breakout(model) },
            4..=8 => Command::Assign { participant, breakout: self.place(model) },
            9 => Command::AssignRandom {},
            10..=13 => Command::OpenBreakouts { self_choice: self.rng.chance(50), seconds: self.rng.chance(40).then(|| self.seconds()) },
            14 => Command::SetTimer { seconds: self.rng.chance(70).then(|| self.seconds()) },
            15 | 16 => Command::Recall { participant },
            17 if self.rng.chance(70) => Command::RecallAll { seconds: self.rng.pick(&[0, 0, 1, 30, 300, 301]) },
            _ => Command::Assign { participant, breakout: self.place(model) },
        }
    }

    fn seconds(&mut self) -> u32 {
        self.rng.pick(&[0, 1, 10, 60, 600, 86_400, 86_401])
    }

    fn breakout_name(&mut self) -> String {
        match self.rng.below(12) {
            0 => String::new(),
            1 => "n".repeat(41),
            roll => format!("Group {roll}"),
        }
    }

    fn create(&mut self) -> Command {
        let count = if self.rng.chance(3) { 51 } else { 1 + self.rng.below(3) };
        let names = if count == 51 {
            (0..51).map(|index| format!("Many {index}")).collect()
        } else {
            (0..count).map(|_| self.breakout_name()).collect()
        };
        Command::CreateBreakouts { names }
    }
}

/// The command with the ids that people have now.
pub(crate) fn resolve(command: &Command, mut id: impl FnMut(Whom) -> ParticipantId) -> Command {
    let mut command = command.clone();
    match &mut command {
        Command::LowerHand { participant: Some(whom) }
        | Command::Say { to: Some(whom), .. }
        | Command::Pin { participant: Some(whom) }
        | Command::Spotlight { participant: Some(whom) }
        | Command::Mute { participant: whom }
        | Command::Unmute { participant: whom }
        | Command::DenyCamera { participant: whom }
        | Command::AllowCamera { participant: whom }
        | Command::StopScreen { participant: whom }
        | Command::SetAlwaysHeard { participant: whom, .. }
        | Command::Admit { participant: whom }
        | Command::Deny { participant: whom }
        | Command::Remove { participant: whom }
        | Command::AllowBack { participant: whom }
        | Command::Delegate { participant: whom }
        | Command::Assign { participant: whom, .. }
        | Command::Recall { participant: whom } => *whom = id(whom.0),
        _ => {}
    }
    command
}
