//! What happens in meetings: people come and go, speak, are muted, let in, sent to breakouts and called back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use signal::message::{BreakoutId, ClientMessage, Command, Device, Direction, Source, VERSION};
use wire::ntp::Ntp;

use super::agenda::Task;
use super::attendee::{Attendee, Door, JOIN_PATIENCE, Line, News, WayIn};
use super::line::Way;
use super::person;
use super::run::Against;
use super::thread::Thread;
use super::udp::Udp;
use super::watch::{Effect, Watch};
use crate::light::{Client, Setup};
use crate::scenario::{Act, LAST_CALL};
use crate::target::{Role, Signalling};

/// How often watches are looked at.
const WATCH_PACE: Duration = Duration::from_millis(100);

impl Thread {
    /// Puts the timetable on the agenda.
    pub(super) fn plan(&mut self) {
        let shared = self.shared.clone();
        let at = |offset: Duration| shared.epoch + offset;
        for (meeting, stage) in self.stages.iter().enumerate() {
            let light = |number: &u32| !shared.full.contains(number);
            for (index, person) in stage.plan.people.iter().enumerate().filter(|(_, person)| light(&person.number)) {
                if person.joins + LAST_CALL < shared.measured_to && person.joins < stage.plan.ends {
                    self.agenda.add(at(person.joins), Task::Join(stage.seats.start + index));
                    self.ended.clients.planned += 1;
                }
            }
            for (when, act) in stage.plan.acts.iter().filter(|(when, _)| *when < shared.measured_to) {
                self.agenda.add(at(*when), Task::Act(meeting, *act));
            }
            self.agenda.add(at(stage.plan.ends), Task::End(meeting));
        }
        self.agenda.add(at(shared.measured_from), Task::Begin);
        self.agenda.add(at(Duration::from_secs(1)), Task::Second(0));
        self.agenda.add(at(shared.measured_to), Task::Stop);
        self.agenda.add(at(WATCH_PACE), Task::Watches);
    }

    pub(super) fn perform(&mut self, now: Instant, at: Instant, task: Task) {
        match task {
            Task::Join(seat) => self.join(now, seat),
            Task::Open(seat) => self.open_beside(now, seat),
            Task::KeepAlive(seat) => self.keep_alive(now, seat),
            Task::GiveUp(seat) => self.give_up(now, seat),
            Task::Turn(seat) => self.turn_of_speech(now, seat),
            Task::Admit(seat) => self.admit(now, seat),
            Task::Act(meeting, act) => self.act(now, meeting, act),
            Task::End(meeting) => self.end(now, meeting),
            Task::Watches => {
                self.look_at_watches(now);
                self.agenda.add(at + WATCH_PACE, Task::Watches);
            }
            Task::Second(number) => {
                self.end_second(number);
                self.agenda.add(at + Duration::from_secs(1), Task::Second(number + 1));
            }
            Task::Begin => self.begin_measuring(now),
            Task::Stop => {
                self.stop_measuring(now);
                self.over = true;
            }
        }
    }

    fn join(&mut self, now: Instant, seat: usize) {
        match self.enter(now, seat) {
            Ok(attendee) => {
                self.seats[seat].attendee = Some(Box::new(attendee));
                self.agenda.add(now + JOIN_PATIENCE, Task::GiveUp(seat));
                self.hear(seat);
            }
            Err(why) => self.failed(&why),
        }
    }

    fn enter(&mut self, now: Instant, seat: usize) -> Result<Attendee, String> {
        let shared = self.shared.clone();
        let (meeting, index) = (self.seats[seat].meeting, self.seats[seat].index);
        let plan = &self.stages[meeting].plan;
        let person = &plan.people[index];
        let mut setup = person::setup(&shared.profile, plan, index, shared.seed);
        let cameras = setup.sources.iter_mut().filter(|source| source.source == Source::Camera);
        cameras.for_each(|camera| camera.trace = shared.trace.clone());
        setup.takes_foreign = !shared.full.is_empty();
        if let Against::Mirror(_) = shared.against {
            // One's own sound and picture come back.
            (setup.audio_slots, setup.video_slots) = (1, usize::from(person.camera));
        }
        if !self.seats[seat].others.is_empty() {
            // Others come over connections of their own.
            (setup.audio_slots, setup.video_slots) = (0, 0);
        }
        let speaking = self.seats[seat].turns.happens(0.5);
        let mut attendee = self.open_client(seat, setup)?;
        attendee.client.set_speaking(speaking);
        self.connect(now, seat, &mut attendee)?;
        self.seats[seat].speaking = speaking;
        self.agenda.add(now, Task::Turn(seat));
        Ok(attendee)
    }

    /// A client with its socket and line, that has talked with nobody yet.
    pub(super) fn open_client(&self, seat: usize, setup: Setup) -> Result<Attendee, String> {
        let shared = &self.shared;
        let plan = &self.stages[self.seats[seat].meeting].plan;
        let person = &plan.people[self.seats[seat].index];
        let udp = Udp::open(self.sleep.poll.registry(), mio::Token(2 * seat), shared.local).map_err(|error| no_socket(&error))?;
        shared.note_port(udp.port());
        let mut client = Client::new(shared.epoch, Ntp::from_unix(shared.wall), setup, shared.certificate.clone());
        if let Some(address) = shared.candidate {
            client.set_candidate(SocketAddr::new(address, udp.port()));
        }
        let bad = person.impairment.and_then(|index| shared.profile.impairments.get(index)).copied();
        let beside = (seat - self.seats[seat].main) as u64;
        let seed = shared.seed.wrapping_mul(77).wrapping_add(2 * u64::from(person.number)).wrapping_add(beside << 32);
        let line = bad.map(|kind| Line { up: Way::new(kind, seed), down: Way::new(kind, seed + 1) });
        Ok(Attendee::new(client, udp, line, person::tile(&shared.profile, plan.people.len())))
    }

    /// Says hello to the server, or agrees with the mirror on everything.
    fn connect(&mut self, now: Instant, seat: usize, attendee: &mut Attendee) -> Result<(), String> {
        let shared = self.shared.clone();
        let (number, index) = (self.number(seat), self.seats[seat].index);
        let room = shared.room(self.stages[self.seats[seat].meeting].plan.number);
        let relay = match &shared.against {
            Against::Relay(relay) => relay,
            Against::Whip(whip) => return self.publish(now, seat, attendee, whip, &room),
            Against::Janus(janus) => return self.visit(now, seat, attendee, janus, &room),
            Against::Mirror(mirror) => {
                let answer = mirror.answer(number as usize, &attendee.client.offer()).ok_or("the mirror does not understand the offer")?;
                attendee.client.handle_answer(now, &answer).map_err(|error| error.to_string())?;
                attendee.asked = Some(now);
                return Ok(());
            }
        };
        let role = if index == 0 { Role::Host } else { Role::Participant };
        let token = match self.tokens.pop_front() {
            Some(token) => token,
            None => relay.token(&room, &identity(number), role, shared.measured_to).map_err(|error| error.to_string())?,
        };
        let (registry, token_of) = (self.sleep.poll.registry(), mio::Token(2 * seat + 1));
        attendee.signalling = Signalling::connect(registry, token_of, relay, &room).map_err(|error| no_socket(&error))?;
        attendee.signalling.say(&ClientMessage::Hello {
            version: VERSION,
            token,
            resume: None,
            device: Device::Desktop,
            events_after: None,
        });
        Ok(())
    }

    /// Reads what the server said to somebody.
    pub(super) fn hear(&mut self, seat: usize) {
        let now = Instant::now();
        let Some(attendee) = self.seats[seat].attendee.as_mut() else { return self.hear_parting(seat) };
        if let Door::Janus(_) = attendee.door {
            return self.hear_janus(now, seat);
        }
        let before = attendee.way_in.clone();
        let news = attendee.hear(now);
        let after = attendee.way_in.clone();
        if let (WayIn::Outside, WayIn::Failed(why)) = (before, after) {
            self.lose(now, seat, &why);
            return;
        }
        match news {
            News::None => {}
            News::Waits => {
                attendee.forget_company();
                let pause = Duration::from_secs_f64(self.shared.profile.admit_seconds);
                self.agenda.add(now + pause, Task::Admit(seat));
            }
            News::Present => {}
        }
        self.settle(now, seat);
    }

    /// Somebody's media may flow.
    pub(super) fn secured(&mut self, now: Instant, seat: usize) {
        if self.seats[seat].main != seat {
            return;
        }
        self.second.joins += 1;
        self.ended.clients.joined += 1;
        let (meeting, index) = (self.seats[seat].meeting, self.seats[seat].index);
        let stage = &mut self.stages[meeting];
        stage.open = true;
        let (waiting, microphone) = (stage.plan.waiting, stage.plan.people[index].microphone);
        let leads = self.shared.against.leads();
        self.open_peers(now, seat);
        let Some(attendee) = self.seats[seat].attendee.as_mut() else { return };
        attendee.client.profile().into_iter().for_each(|profile| *self.ended.srtp.entry(profile.name()).or_default() += 1);
        if index == 0 && waiting && leads {
            attendee.order(Command::Lock {});
        }
        if !microphone {
            attendee.signalling.say(&ClientMessage::SetSource { source: Source::Microphone, active: false });
        }
    }

    fn give_up(&mut self, now: Instant, seat: usize) {
        let patient = |attendee: &Attendee| attendee.asked.is_some_and(|asked| now < asked + JOIN_PATIENCE);
        let late = |attendee: &Attendee| attendee.way_in == WayIn::Outside && !patient(attendee);
        if self.seats[seat].attendee.as_deref().is_some_and(late) {
            let what = if self.seats[seat].main == seat { "in" } else { "able to receive" };
            self.lose(now, seat, &format!("not {what} after {} s", JOIN_PATIENCE.as_secs()));
        }
    }

    /// Somebody's join has failed, with all their connections.
    pub(super) fn lose(&mut self, now: Instant, seat: usize, why: &str) {
        let main = self.seats[seat].main;
        let was_in = self.seats[main].attendee.as_ref().is_some_and(|attendee| attendee.way_in == WayIn::In);
        self.ended.clients.joined -= u64::from(was_in);
        self.failed(why);
        for one in self.seats[main].others.clone().chain([main]) {
            if let Some(attendee) = self.seats[one].attendee.take() {
                self.farewell(now, one, *attendee, false);
            }
        }
    }

    pub(super) fn failed(&mut self, why: &str) {
        self.ended.clients.failed += 1;
        if self.ended.complaints.len() < 20 && !self.ended.complaints.iter().any(|known| known == why) {
            self.ended.complaints.push(why.to_owned());
        }
    }

    /// Turns of speech: exponential, the silence longer the more there are who share the floor.
    fn turn_of_speech(&mut self, now: Instant, seat: usize) {
        let people = self.stages[self.seats[seat].meeting].plan.people.len();
        let profile = &self.shared.profile;
        let silence = profile.silence_seconds * people.saturating_sub(1).max(1) as f64;
        let speaking = !self.seats[seat].speaking;
        let Some(attendee) = self.seats[seat].attendee.as_mut() else { return };
        attendee.client.set_speaking(speaking);
        self.seats[seat].speaking = speaking;
        let span = self.seats[seat].turns.exponential(if speaking { profile.talk_seconds } else { silence });
        self.agenda.add(now + Duration::from_secs_f64(span.clamp(0.1, 3_600.0)), Task::Turn(seat));
    }

    fn admit(&mut self, now: Instant, seat: usize) {
        let meeting = self.seats[seat].meeting;
        let Some(guest) = self.seats[seat].attendee.as_ref().filter(|guest| guest.waits) else { return };
        let Some(participant) = guest.id else { return };
        if guest.way_in != WayIn::In {
            self.agenda.add(now + WATCH_PACE, Task::Admit(seat));
            return;
        }
        let effect = Effect::First(self.number(seat));
        self.order(now, meeting, Command::Admit { participant }, Some(("admit", effect)));
    }

    /// The host asks for something; what it brings about is watched.
    fn order(&mut self, now: Instant, meeting: usize, command: Command, watched: Option<(&'static str, Effect)>) {
        let host = self.stages[meeting].seats.start;
        let Some(attendee) = self.seats[host].attendee.as_mut().filter(|host| host.way_in == WayIn::In) else { return };
        attendee.order(command);
        if let Some((name, effect)) = watched.filter(|_| self.measuring) {
            self.watches.push(Watch::new(name, meeting, effect, now));
        }
    }

    fn act(&mut self, now: Instant, meeting: usize, act: Act) {
        let (first, host_number) = (self.stages[meeting].seats.start, self.number(self.stages[meeting].seats.start));
        let id = |thread: &Self, index: usize| {
            let guest = thread.seats[first + index].attendee.as_ref().filter(|guest| guest.way_in == WayIn::In && !guest.waits);
            guest.and_then(|guest| guest.id)
        };
        if let Act::Screen(index, on) = act {
            self.share(now, first + index, on);
            return;
        }
        if !self.shared.against.leads() {
            *self.ended.left_out.entry(act.name().to_owned()).or_default() += u64::from(self.measuring);
            return;
        }
        match act {
            Act::Mute(index) => {
                let Some(participant) = id(self, index) else { return };
                let speaks = self.stages[meeting].plan.people[index].microphone;
                let effect = Effect::Silence(self.number(first + index));
                self.order(now, meeting, Command::Mute { participant }, speaks.then_some(("mute", effect)));
            }
            Act::Unmute(index) => {
                let Some(participant) = id(self, index) else { return };
                self.order(now, meeting, Command::Unmute { participant }, None);
                let speaks = self.stages[meeting].plan.people[index].microphone;
                if let Some(attendee) = self.seats[first + index].attendee.as_mut().filter(|_| speaks) {
                    attendee.client.set_active(Source::Microphone, true);
                }
                self.settle(now, first + index);
            }
            Act::OneWay(true) => {
                let effect = Effect::OnlyHost(host_number);
                self.order(now, meeting, Command::SetDirection { direction: Direction::OneWay }, Some(("one_way", effect)));
            }
            Act::OneWay(false) => self.order(now, meeting, Command::SetDirection { direction: Direction::TwoWay }, None),
            Act::MakeBreakouts(count) => self.make_breakouts(now, meeting, count),
            Act::OpenBreakouts => self.order(now, meeting, Command::OpenBreakouts { self_choice: false, seconds: None }, None),
            Act::Recall => self.recall(now, meeting),
            Act::Screen(..) => {}
        }
    }

    fn share(&mut self, now: Instant, seat: usize, on: bool) {
        let Some(attendee) = self.seats[seat].attendee.as_mut().filter(|attendee| attendee.way_in == WayIn::In && !attendee.waits) else {
            return;
        };
        attendee.signalling.say(&ClientMessage::SetSource { source: Source::Screen, active: on });
        attendee.client.set_active(Source::Screen, on);
        self.settle(now, seat);
    }

    fn make_breakouts(&mut self, now: Instant, meeting: usize, count: u32) {
        let names = (1..=count).map(|number| format!("Room {number}")).collect();
        self.order(now, meeting, Command::CreateBreakouts { names }, None);
        // Breakouts are numbered from 1 in the order of their making. A hundred messages may come at once.
        for index in 1..self.stages[meeting].seats.len() {
            let seat = self.stages[meeting].seats.start + index;
            let breakout = Some(BreakoutId(breakout_of(index, count)));
            if let Some(participant) = self.seats[seat].attendee.as_ref().and_then(|guest| guest.id) {
                self.order(now, meeting, Command::Assign { participant, breakout }, None);
            }
        }
    }

    /// Each guest hears somebody again who was elsewhere.
    fn recall(&mut self, now: Instant, meeting: usize) {
        let seats = self.stages[meeting].seats.clone();
        let count = self.shared.profile.breakouts;
        for index in (1..seats.len()).filter(|_| self.measuring) {
            let together = (1..seats.len()).filter(|other| breakout_of(*other, count) == breakout_of(index, count));
            let known: Vec<u32> = together.map(|other| self.number(seats.start + other)).collect();
            if self.seats[seats.start + index].attendee.as_ref().is_some_and(|guest| guest.way_in == WayIn::In) {
                let person = self.number(seats.start + index);
                self.watches.push(Watch::new("move", meeting, Effect::FirstOf(person, known), now));
            }
        }
        self.order(now, meeting, Command::RecallAll { seconds: 0 }, None);
    }

    fn look_at_watches(&mut self, now: Instant) {
        let Self { watches, tally, .. } = self;
        let mut muted = Vec::new();
        watches.retain(|watch| match watch.outcome(now) {
            Some(took) => {
                tally.control(watch.command, took);
                muted.extend(watch.muted());
                false
            }
            None => true,
        });
        // What was sent on in spite of the mute has shown that it is in force; now the client does as clients do.
        for number in muted {
            let seat = (0..self.seats.len()).find(|seat| self.number(*seat) == number);
            if let Some(attendee) = seat.and_then(|seat| self.seats[seat].attendee.as_mut()) {
                attendee.client.set_active(Source::Microphone, false);
            }
        }
    }

    /// Everybody leaves.
    fn end(&mut self, now: Instant, meeting: usize) {
        let seats = self.stages[meeting].seats.clone();
        let last = seats.clone().rfind(|seat| self.seats[*seat].attendee.is_some());
        for seat in seats {
            self.let_go(now, seat, Some(seat) == last);
        }
        self.stages[meeting].open = false;
        self.watches.retain(|watch| watch.meeting != meeting);
    }

    fn let_go(&mut self, now: Instant, seat: usize, last: bool) {
        self.count_times(seat, true);
        for one in self.seats[seat].others.clone().chain([seat]) {
            let Some(mut attendee) = self.seats[one].attendee.take() else { continue };
            if one == seat && attendee.way_in == WayIn::Outside {
                // The meeting ended before they were in: neither came nor failed.
                self.ended.clients.planned = self.ended.clients.planned.saturating_sub(1);
            }
            self.count(one, &mut attendee);
            let (sent, received, bytes, lost) = attendee.take_second();
            self.second.sent += sent;
            self.second.received += received;
            self.second.bytes += bytes;
            self.second.lost += lost;
            self.farewell(now, one, *attendee, last);
        }
    }

    /// The run is over.
    pub(super) fn leave(&mut self) {
        let now = Instant::now();
        (0..self.stages.len()).for_each(|meeting| self.end(now, meeting));
    }
}

/// Who somebody is to a server.
pub(super) fn identity(number: u32) -> String {
    format!("person-{number}")
}

/// Guests are dealt out in turn.
fn breakout_of(index: usize, count: u32) -> u32 {
    (index as u32 - 1) % count.max(1) + 1
}

pub(super) fn no_socket(error: &std::io::Error) -> String {
    format!("no socket ({error}); allow more open files (ulimit -n) or play fewer people")
}
