//! What may happen in a walk, one method each; the chances are in `step`.

use std::collections::BTreeSet;

use room::{BreakoutId, Command, Direction, GuestMicrophone, Layout, Place, Role, Source, Template};
use signal::message::ByeReason;

use super::super::relay::TokenRole;
use super::super::rules::Person;
use super::{BREAKOUTS, Expect, Walk, each, set_role};

const LAYOUTS: [Layout; 5] = [Layout::HostOnly, Layout::HostLarge, Layout::Equal, Layout::OneMainSevenPips, Layout::NineMainsZeroPips];

impl Walk<'_> {
    /// Something happens.
    pub(super) fn step(&mut self) {
        match self.below(30) {
            0..=3 => self.lock_source(),
            4..=5 => self.lock_all(),
            6..=9 => self.own_source(),
            10..=11 => self.layout(),
            12..=14 => self.direction(),
            15 => self.settings(),
            16..=19 => self.move_somebody(),
            20 => self.open_or_recall(),
            21 => self.visit(),
            22 => self.deputy(),
            23..=24 => self.door(),
            25 => self.remove(),
            26 => self.come_back(),
            _ => self.insolence(),
        }
    }

    /// Host or deputy.
    fn somebody_of_the_staff(&mut self) -> u32 {
        let staff = self.people(|person| person.admitted && person.role.is_staff());
        self.pick(&staff).unwrap_or(0)
    }

    fn some_guest(&mut self) -> Option<u32> {
        let guests = self.guests();
        self.pick(&guests)
    }

    fn lock_source(&mut self) {
        let (staff, guest) = (self.somebody_of_the_staff(), self.some_guest());
        let Some(guest) = guest else { return };
        // What opens is likelier than what closes, here and below: otherwise soon nobody would be heard.
        let (locked, camera, participant) = (self.below(3) == 0, self.coin(), self.id(guest));
        let (source, command) = match (camera, locked) {
            (false, true) => (Source::Microphone, Command::Mute { participant }),
            (false, false) => (Source::Microphone, Command::Unmute { participant }),
            (true, true) => (Source::Camera, Command::DenyCamera { participant }),
            (true, false) => (Source::Camera, Command::AllowCamera { participant }),
        };
        self.staff(staff, command, |rules| each(rules, &BTreeSet::from([guest]), |person| set(&mut person.locked, source, locked)));
    }

    fn lock_all(&mut self) {
        let (staff, guests) = (self.somebody_of_the_staff(), self.guests().into_iter().collect::<BTreeSet<_>>());
        let (locked, camera) = (self.below(4) == 0, self.coin());
        let (source, command) = match (camera, locked) {
            (false, true) => (Source::Microphone, Command::MuteAll {}),
            (false, false) => (Source::Microphone, Command::UnmuteAll {}),
            (true, true) => (Source::Camera, Command::DenyCameras {}),
            (true, false) => (Source::Camera, Command::AllowCameras {}),
        };
        self.staff(staff, command, |rules| each(rules, &guests, |person| set(&mut person.locked, source, locked)));
    }

    /// A guest switches something of their own; what the staff closed they cannot open.
    fn own_source(&mut self) {
        let (guest, source) = (self.some_guest(), [Source::Microphone, Source::Camera, Source::Screen]);
        let (Some(guest), Some(source)) = (guest, self.pick(&source)) else { return };
        let active = self.below(3) > 0;
        let shares = |person: &Person| person.on.contains(&Source::Screen);
        if source == Source::Screen && active && !self.people(shares).is_empty() {
            let sharer = self.people(shares)[0];
            let (staff, participant) = (self.somebody_of_the_staff(), self.id(sharer));
            let stop = |person: &mut Person| set(&mut person.on, Source::Screen, false);
            return self.staff(staff, Command::StopScreen { participant }, |rules| each(rules, &BTreeSet::from([sharer]), stop));
        }
        let person = &self.rules.people[&guest];
        let closed = person.locked.contains(&source);
        let expect = match active {
            false => Expect::Done,
            true if closed && !person.on.contains(&source) => Expect::Refused,
            true => Expect::Either,
        };
        self.ask(guest, Command::SetSource { source, active }, expect, |rules| {
            each(rules, &BTreeSet::from([guest]), |person| set(&mut person.on, source, active));
        });
    }

    fn layout(&mut self) {
        let (staff, layout) = (self.somebody_of_the_staff(), self.pick(&LAYOUTS).unwrap_or_default());
        self.staff(staff, Command::SetLayout { layout }, |rules| rules.layout = layout);
    }

    fn direction(&mut self) {
        let (staff, one_way) = (self.somebody_of_the_staff(), self.below(4) == 0);
        let direction = if one_way { Direction::OneWay } else { Direction::TwoWay };
        self.staff(staff, Command::SetDirection { direction }, |rules| rules.one_way = one_way);
    }

    fn settings(&mut self) {
        let (staff, which, on) = (self.somebody_of_the_staff(), self.below(3), self.below(4) > 0);
        let mut settings = Template::default();
        match which {
            0 => settings.guest_microphone = Some(if on { GuestMicrophone::On } else { GuestMicrophone::Off }),
            1 => settings.guest_camera = Some(on),
            _ => settings.guests_hear_guests = Some(on),
        }
        self.staff(staff, Command::Change { settings: Box::new(settings) }, |rules| match which {
            0 => rules.guest_microphones = on,
            1 => rules.guest_cameras = on,
            _ => rules.guests_hear_guests = on,
        });
    }

    /// One guest goes to another place at the staff's word.
    fn move_somebody(&mut self) {
        let (staff, guest) = (self.somebody_of_the_staff(), self.some_guest());
        let Some(guest) = guest.filter(|_| self.open) else { return self.open_or_recall() };
        let (to, participant) = (self.somewhere(), self.id(guest));
        let command = match to {
            None if self.coin() => Command::Recall { participant },
            _ => Command::Assign { participant, breakout: breakout(to) },
        };
        self.moves += u32::from(self.rules.people[&guest].place != to);
        self.staff(staff, command, |rules| each(rules, &BTreeSet::from([guest]), |person| person.place = to));
    }

    /// Everybody goes where they are assigned, or comes back.
    fn open_or_recall(&mut self) {
        let staff = self.somebody_of_the_staff();
        if self.open {
            self.open = false;
            let people = self.people(|person| person.place.is_some());
            self.moves += people.len() as u32;
            let all = people.into_iter().collect();
            return self.staff(staff, Command::RecallAll { seconds: 0 }, |rules| each(rules, &all, |person| person.place = None));
        }
        let mut plan = Vec::new();
        for person in self.people(|person| person.admitted) {
            let (to, participant) = (self.somewhere().filter(|_| person > 1), self.id(person));
            self.staff(staff, Command::Assign { participant, breakout: breakout(to) }, |_| {});
            plan.push((person, to));
        }
        self.open = true;
        self.moves += plan.iter().filter(|(_, to)| to.is_some()).count() as u32;
        self.staff(staff, Command::OpenBreakouts { self_choice: false, seconds: None }, |rules| {
            for (person, to) in plan {
                each(rules, &BTreeSet::from([person]), |person| person.place = to);
            }
        });
    }

    /// Somebody of the staff looks into a breakout.
    fn visit(&mut self) {
        if self.open {
            let (staff, to) = (self.somebody_of_the_staff(), self.somewhere());
            self.moves += 1;
            self.staff(staff, Command::Go { breakout: breakout(to) }, |rules| {
                each(rules, &BTreeSet::from([staff]), |person| person.place = to);
            });
        }
    }

    fn deputy(&mut self) {
        let Some(guest) = self.some_guest() else { return };
        if self.coin() {
            let participant = self.id(guest);
            self.staff(0, Command::Delegate { participant }, |rules| set_role(rules, guest, Role::Deputy));
        } else {
            self.staff(0, Command::Undelegate {}, |rules| set_role(rules, u32::MAX, Role::Participant));
        }
    }

    /// The door: locked, with somebody new in front of it, who is let in, sent away, or let in by the unlocking.
    fn door(&mut self) {
        let staff = self.somebody_of_the_staff();
        let waiting = self.people(|person| !person.admitted);
        let Some(guest) = self.pick(&waiting) else {
            if self.rules.locked && self.rules.people.len() < 16 {
                self.newcomer(TokenRole::Participant);
                return;
            }
            let locked = !self.rules.locked;
            let command = if locked { Command::Lock {} } else { Command::Unlock {} };
            return self.staff(staff, command, |rules| rules.locked = locked);
        };
        let participant = self.id(guest);
        match self.below(4) {
            0 => {
                self.staff(staff, Command::Deny { participant }, |_| {});
                self.gone(guest, ByeReason::Denied);
            }
            1 => self.staff(staff, Command::Unlock {}, |rules| {
                rules.locked = false;
                each(rules, &waiting.into_iter().collect(), |person| person.admitted = true);
            }),
            _ => self.staff(staff, Command::Admit { participant }, |rules| {
                each(rules, &BTreeSet::from([guest]), |person| person.admitted = true);
            }),
        }
    }

    /// Somebody is removed, goes on sending, and does not get in again.
    fn remove(&mut self) {
        let (staff, guests) = (self.somebody_of_the_staff(), self.guests());
        let Some(guest) = self.pick(&guests).filter(|_| guests.len() > 4) else { return };
        let (participant, identity) = (self.id(guest), self.crowd.members[guest as usize].identity.clone());
        self.staff(staff, Command::Remove { participant }, |rules| each(rules, &BTreeSet::from([guest]), |person| person.admitted = false));
        self.gone(guest, ByeReason::Removed);
        let again = self.crowd.enter(self.relay, &self.room, &identity, TokenRole::Participant, super::setup());
        let told = &self.crowd.members[again].told;
        assert!(told.welcomed.is_none(), "{identity} was removed and is back: {told:?}");
    }

    /// A guest goes and is back: in the same place, with the same bits, past the lock.
    fn come_back(&mut self) {
        let Some(guest) = self.some_guest() else { return };
        let before = self.rules.people[&guest].clone();
        let identity = self.crowd.members[guest as usize].identity.clone();
        let (sent, done) = self.crowd.leave(guest as usize);
        each(&mut self.rules, &BTreeSet::from([guest]), |person| person.admitted = false);
        self.record(sent, done);
        self.arrive(&identity, TokenRole::Participant, before);
    }

    /// A guest, or somebody who waits, tries the staff's commands.
    fn insolence(&mut self) {
        let nobodies = self.people(|person| !person.role.is_staff());
        let Some(who) = self.pick(&nobodies) else { return };
        let (host, own) = (self.id(0), self.id(who));
        let commands = [
            Command::Mute { participant: host },
            Command::Unmute { participant: own },
            Command::AllowCamera { participant: own },
            Command::SetDirection { direction: Direction::TwoWay },
            Command::SetLayout { layout: Layout::Equal },
            Command::UnmuteAll {},
            Command::Unlock {},
            Command::Admit { participant: own },
            Command::Delegate { participant: own },
            Command::Go { breakout: breakout(Some(0)) },
            Command::RecallAll { seconds: 0 },
            Command::EndMeeting {},
        ];
        if let Some(command) = self.pick(&commands) {
            self.ask(who, command, Expect::Refused, |_| {});
        }
    }

    fn gone(&mut self, who: u32, why: ByeReason) {
        self.crowd.run_until("goodbye", |crowd| !crowd.members[who as usize].is_alive());
        assert_eq!(self.crowd.members[who as usize].told.bye, Some(why));
    }

    fn somewhere(&mut self) -> Option<usize> {
        (self.below(u64::from(BREAKOUTS) + 1) as usize).checked_sub(1)
    }
}

/// Breakouts are numbered from 1 in order of creation.
fn breakout(place: Option<usize>) -> Place {
    place.map(|place| BreakoutId(place as u32 + 1))
}

fn set(bits: &mut BTreeSet<Source>, source: Source, on: bool) {
    if on {
        bits.insert(source);
    } else {
        bits.remove(&source);
    }
}
