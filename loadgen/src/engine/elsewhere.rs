//! People on servers that are not ours: sessions over HTTP (WHIP, WHEP), visits to Janus, and the connections that they need beside the
//! one they publish on.

use std::time::{Duration, Instant};

use mio::Events;
use signal::message::ClientMessage;

use super::agenda::Task;
use super::attendee::{Attendee, Door, JOIN_PATIENCE, WayIn};
use super::person;
use super::run::Against;
use super::stage::{identity, no_socket};
use super::thread::{Thread, WAKER};
use crate::light::Setup;
use crate::scenario::Act;
use crate::target::{Answered, Janus, KEEP_ALIVE, TargetError, Told, Whip};

/// A peer who publishes already may not be known to the server yet: they are asked for again after this.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long last words are waited for when the run is over.
const SEE_OFF: Duration = Duration::from_secs(3);

impl Thread {
    /// Opens the session in which somebody publishes, and the one in which they receive a whole room.
    pub(super) fn publish(&mut self, now: Instant, seat: usize, attendee: &mut Attendee, whip: &Whip, room: &str) -> Result<(), String> {
        let name = identity(self.number(seat));
        let (meeting, life) = (self.seats[seat].meeting, self.shared.measured_to);
        let url = whip.publish_url(room, &name).map_err(|error| error.to_string())?;
        let token = whip.token(&url, room, &name, life).map_err(|error| error.to_string())?;
        attendee.company = self.stages[meeting].seats.clone().any(|other| self.is_in(other));
        self.post(now, seat, attendee, url, token);
        if !whip.plays_one_person() {
            self.seats[seat].others.clone().for_each(|other| self.agenda.add(now, Task::Open(other)));
        }
        Ok(())
    }

    fn post(&mut self, now: Instant, seat: usize, attendee: &mut Attendee, url: url::Url, token: Option<String>) {
        let shared = self.shared.clone();
        attendee.asked = Some(now);
        attendee.door = Door::Http { resource: None, token: token.clone() };
        if let Some(courier) = &shared.courier {
            self.under_way += 1;
            courier.open(seat, url, token, attendee.client.offer(), self.back.clone());
        }
    }

    /// Whose media comes over this connection, where it is one person's.
    fn peer_of(&self, seat: usize) -> usize {
        let (main, stage) = (self.seats[seat].main, &self.stages[self.seats[seat].meeting]);
        let place = seat - self.seats[main].others.start;
        stage.seats.start + if place < self.seats[main].index { place } else { place + 1 }
    }

    fn is_in(&self, seat: usize) -> bool {
        self.seats[seat].attendee.as_ref().is_some_and(|attendee| attendee.way_in == WayIn::In)
    }

    /// Somebody publishes: whoever is there already is received by them, and receives them, where that takes a session each.
    pub(super) fn open_peers(&mut self, now: Instant, seat: usize) {
        let Against::Whip(whip) = &self.shared.clone().against else { return };
        if !whip.plays_one_person() {
            return;
        }
        for other in self.stages[self.seats[seat].meeting].seats.clone().filter(|other| *other != seat) {
            if self.is_in(other) {
                let sessions = self.seats[seat].others.clone().chain(self.seats[other].others.clone());
                for session in sessions.filter(|session| [seat, other].contains(&self.peer_of(*session))).collect::<Vec<_>>() {
                    self.agenda.add(now, Task::Open(session));
                }
            }
        }
    }

    /// Opens a session in which somebody receives.
    pub(super) fn open_beside(&mut self, now: Instant, seat: usize) {
        let Against::Whip(whip) = &self.shared.clone().against else { return };
        let main = self.seats[seat].main;
        if self.seats[main].attendee.is_none() || self.seats[seat].attendee.is_some() {
            return;
        }
        if let Err(why) = self.play_beside(now, seat, whip) {
            self.lose(now, seat, &why);
        }
    }

    fn play_beside(&mut self, now: Instant, seat: usize, whip: &Whip) -> Result<(), String> {
        let plan = &self.stages[self.seats[seat].meeting].plan;
        let room = self.shared.room(plan.number);
        let own = identity(self.number(seat));
        let mut setup = self.receiving(seat);
        let (name, peer) = if whip.plays_one_person() {
            let peer = self.peer_of(seat);
            let index = self.seats[peer].index;
            let shares = plan.acts.iter().any(|(_, act)| matches!(act, Act::Screen(who, _) if *who == index));
            (setup.audio_slots, setup.video_slots) = (1, usize::from(plan.people[index].camera) + usize::from(shares));
            (format!("{own}-of-{}", self.number(peer)), identity(self.number(peer)))
        } else {
            // Whoever receives a room is another person to the server than who publishes in it, and gets their own media as well.
            (setup.audio_slots, setup.video_slots) = (setup.audio_slots + 1, setup.video_slots + 1);
            (format!("{own}-receives"), String::new())
        };
        let url = whip.play_url(&room, &own, &peer).map_err(|error| error.to_string())?;
        let token = whip.token(&url, &room, &name, self.shared.measured_to).map_err(|error| error.to_string())?;
        let mut attendee = self.open_client(seat, setup)?.beside();
        self.post(now, seat, &mut attendee, url, token);
        self.seats[seat].attendee = Some(Box::new(attendee));
        self.agenda.add(now + JOIN_PATIENCE, Task::GiveUp(seat));
        Ok(())
    }

    /// The client of a connection that only receives: slots as its person wants them, and names of its own.
    fn receiving(&self, seat: usize) -> Setup {
        let (plan, index) = (&self.stages[self.seats[seat].meeting].plan, self.seats[seat].index);
        let setup = person::setup(&self.shared.profile, plan, index, self.shared.seed);
        let beside = (seat - self.seats[seat].main) as u64;
        Setup { sources: Vec::new(), seed: setup.seed.wrapping_add(beside << 40), ..setup }
    }

    /// What the courier has brought.
    pub(super) fn take_answers(&mut self) {
        while let Ok(answered) = self.answers.try_recv() {
            self.under_way -= 1;
            self.take_answer(Instant::now(), answered);
        }
    }

    fn take_answer(&mut self, now: Instant, answered: Answered) {
        let Answered { seat, result } = answered;
        let Some(attendee) = self.seats[seat].attendee.as_mut() else {
            // They left before they were let in.
            if let (Ok(opened), Some(courier)) = (result, &self.shared.courier)
                && let Some(resource) = opened.resource
            {
                courier.close(resource, opened.token);
            }
            return;
        };
        match result {
            Ok(opened) => {
                if let Door::Http { resource, .. } = &mut attendee.door {
                    *resource = opened.resource;
                }
                attendee.answered(now, &opened.sdp);
                match attendee.way_in.clone() {
                    WayIn::Failed(why) => self.lose(now, seat, &why),
                    _ => self.settle(now, seat),
                }
            }
            Err(TargetError::Session { status: Some(404 | 409 | 425), .. }) if self.waits_for_peer(now, seat) => {
                self.agenda.add(now + ASK_AGAIN, Task::Open(seat));
                self.seats[seat].attendee = None;
            }
            Err(error) => self.lose(now, seat, &error.to_string()),
        }
    }

    /// Whether this is a connection to somebody who has come a moment ago.
    fn waits_for_peer(&self, now: Instant, seat: usize) -> bool {
        let Against::Whip(whip) = &self.shared.against else { return false };
        if self.seats[seat].main == seat || !whip.plays_one_person() {
            return false;
        }
        let peer = self.seats[self.peer_of(seat)].attendee.as_ref();
        peer.is_none_or(|peer| peer.asked.is_none_or(|asked| now < asked + JOIN_PATIENCE))
    }

    /// Goes to a Janus.
    pub(super) fn visit(&mut self, now: Instant, seat: usize, attendee: &mut Attendee, janus: &Janus, room: &str) -> Result<(), String> {
        let (name, offer) = (identity(self.number(seat)), attendee.client.offer());
        let token = mio::Token(2 * seat + 1);
        let visit = janus.visit(self.sleep.poll.registry(), token, room, &name, offer).map_err(|error| no_socket(&error))?;
        attendee.asked = Some(now);
        attendee.door = Door::Janus(Box::new(visit));
        self.agenda.add(now + KEEP_ALIVE, Task::KeepAlive(seat));
        Ok(())
    }

    pub(super) fn keep_alive(&mut self, now: Instant, seat: usize) {
        if let Some(attendee) = self.seats[seat].attendee.as_mut()
            && let Door::Janus(visit) = &mut attendee.door
        {
            visit.keep_alive();
            self.agenda.add(now + KEEP_ALIVE, Task::KeepAlive(seat));
        }
    }

    /// Reads what Janus said to somebody.
    pub(super) fn hear_janus(&mut self, now: Instant, seat: usize) {
        let meeting = self.seats[seat].meeting;
        loop {
            let Some(attendee) = self.seats[seat].attendee.as_mut() else { return };
            let Door::Janus(visit) = &mut attendee.door else { return };
            let heard = visit.hear();
            self.stages[meeting].made_room |= visit.made_room();
            match heard {
                Ok(None) => break,
                Ok(Some(Told::Answer { sdp, company })) => {
                    attendee.company = company;
                    attendee.answered(now, &sdp);
                    if let WayIn::Failed(why) = attendee.way_in.clone() {
                        return self.lose(now, seat, &why);
                    }
                }
                Ok(Some(Told::Offer { sdp, slots })) => {
                    let answer = self.accept(now, seat, &sdp, slots);
                    let Some(attendee) = self.seats[seat].attendee.as_mut() else { return };
                    match (answer, &mut attendee.door) {
                        (Ok(answer), Door::Janus(visit)) => visit.accept(&answer),
                        (Err(why), _) => return self.lose(now, seat, &why),
                        _ => return,
                    }
                }
                Ok(Some(Told::Complaint(why))) => attendee.complaints.push(why),
                Ok(Some(Told::Gone)) => return self.lose(now, seat, "Janus ended the session"),
                Err(why) => return self.lose(now, seat, &why),
            }
        }
        self.settle(now, seat);
    }

    /// Janus offers what somebody is to receive, the first time or anew.
    fn accept(&mut self, now: Instant, main: usize, sdp: &str, slots: Vec<signal::message::Slot>) -> Result<String, String> {
        let seat = self.seats[main].others.start;
        if self.seats[seat].attendee.is_none() {
            let mut setup = self.receiving(seat);
            (setup.audio_slots, setup.video_slots) = (0, 0);
            let mut attendee = self.open_client(seat, setup)?.beside();
            attendee.asked = Some(now);
            self.seats[seat].attendee = Some(Box::new(attendee));
            self.agenda.add(now + JOIN_PATIENCE, Task::GiveUp(seat));
        }
        let attendee = self.seats[seat].attendee.as_mut().ok_or("nobody is there to receive")?;
        let answer = attendee.client.accept(now, sdp).map_err(|error| error.to_string())?;
        attendee.told_slots(slots);
        self.settle(now, seat);
        Ok(answer)
    }

    /// Says goodbye in every way there is. `last`: nobody else is left in the meeting.
    pub(super) fn farewell(&mut self, now: Instant, seat: usize, mut attendee: Attendee, last: bool) {
        attendee.signalling.say(&ClientMessage::Leave);
        attendee.client.close();
        let Attendee { client, udp, .. } = &mut attendee;
        client.drain(|to, datagram| {
            udp.send(to, datagram);
        });
        match attendee.door {
            Door::Http { resource: Some(resource), token } => {
                if let Some(courier) = &self.shared.courier {
                    courier.close(resource, token);
                }
            }
            Door::Janus(mut visit) => {
                let stage = &mut self.stages[self.seats[seat].meeting];
                stage.made_room |= visit.made_room();
                if visit.leave(last && stage.made_room) {
                    self.partings.insert(seat, (now, visit));
                }
            }
            Door::Http { .. } | Door::Plain => {}
        }
    }

    /// Janus's last words to somebody who has left.
    pub(super) fn hear_parting(&mut self, seat: usize) {
        let Some((_, visit)) = self.partings.get_mut(&seat) else { return };
        loop {
            match visit.hear() {
                Ok(None) => return,
                Ok(Some(Told::Gone)) | Err(_) => break,
                Ok(Some(_)) => {}
            }
        }
        self.partings.remove(&seat);
    }

    /// The run is over: waits for what is still under way, so that the server keeps nothing.
    pub(super) fn see_off(&mut self, events: &mut Events) -> std::io::Result<()> {
        let until = Instant::now() + SEE_OFF;
        while (self.under_way > 0 || !self.partings.is_empty()) && Instant::now() < until {
            self.sleep.wait(Some(until), events)?;
            for event in events.iter() {
                let mio::Token(token) = event.token();
                if event.token() == WAKER {
                    self.take_answers();
                } else if !token.is_multiple_of(2) && token / 2 < self.seats.len() {
                    self.hear(token / 2);
                }
            }
        }
        let left = self.partings.len() + self.under_way;
        if left > 0 {
            self.ended.complaints.push(format!("{left} goodbyes were not answered within {} s", SEE_OFF.as_secs()));
        }
        Ok(())
    }
}
