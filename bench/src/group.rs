//! A group of people in one room of a real worker, all connected, with media under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use room::Command;
use transport::Certificate;
use wire::rtp::{RtpFields, write_header};
use worker::{By, ClientId, Event, RoomId, Worker};

use crate::person::{OPUS, Part, Person, ROOM, empty_worker, microphone};
use crate::world::picture_packet;

/// The time between two rounds of media: a picture every 20 ms from everybody, and a sound.
const ROUND: Duration = Duration::from_millis(20);
/// Rounds before a measurement: layers are seen and keyframe requests of the time before are through.
const ROUNDS: u32 = 25;

/// Host and guests.
pub struct Group {
    /// The real thing.
    pub worker: Worker,
    people: Vec<Person>,
    certificate: Arc<Certificate>,
    now: Instant,
    rounds: u64,
    clients: u64,
}

/// What one operation cost and made.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Time inside the worker's calls.
    pub spent: Duration,
    /// Messages for clients.
    pub messages: usize,
}

impl Group {
    /// Connects so many people; the first is host, and everybody has a slot for everybody.
    ///
    /// # Panics
    /// When the handshakes fail.
    #[must_use]
    pub fn new(now: Instant, people: u16) -> Self {
        let (worker, certificate) = empty_worker(now);
        let mut group = Self { worker, people: Vec::new(), certificate, now, rounds: 0, clients: u64::from(people) };
        for number in 0..people {
            let part = Part::member(number == 0, people - 1);
            group.people.push(Person::connect(&mut group.worker, now, number, part, &group.certificate));
        }
        group.settle();
        group
    }

    /// Everybody sends for a while; nothing of it is measured.
    pub fn settle(&mut self) {
        for _ in 0..ROUNDS {
            self.now += ROUND;
            for person in &mut self.people {
                let picture = person.seal(picture_packet(person.number, self.rounds));
                let sound = person.seal(sound_packet(person.number, self.rounds));
                for mut packet in [picture, sound] {
                    self.worker.handle_datagram(self.now, person.path, &mut packet);
                }
                self.worker.outbox().clear();
            }
            self.rounds += 1;
            self.worker.handle_timeout(self.now);
            self.worker.outbox().clear();
            while self.worker.poll_event().is_some() {}
        }
        for person in &self.people {
            person.consent(&mut self.worker, self.now);
        }
    }

    /// Carries out a command of a service.
    ///
    /// # Panics
    /// When the room refuses: the bench has no meaning then.
    pub fn serve(&mut self, command: Command) -> Cost {
        let command = worker::Command::ActFor { room: RoomId(ROOM.into()), by: By::Service, command, request: 1 };
        let start = Instant::now();
        self.worker.handle_command(self.now, command);
        let spent = start.elapsed();
        let mut messages = 0;
        while let Some(event) = self.worker.poll_event() {
            match event {
                Event::Message { .. } => messages += 1,
                Event::Acted { result, .. } => result.expect("the command is carried out"),
                _ => {}
            }
        }
        self.worker.outbox().clear();
        Cost { spent, messages }
    }

    /// One more person joins and negotiates; the handshake comes after the measurement. Gives the participant's id.
    ///
    /// # Panics
    /// When the person is not let into the tables.
    pub fn join(&mut self) -> (Cost, room::ParticipantId) {
        self.clients += 1;
        let number = self.people.len() as u16;
        let others = number.max(1);
        let mut person = Person::offline(number, ClientId(self.clients), Part::member(false, others));
        let start = Instant::now();
        person.join(&mut self.worker, self.now);
        let spent = start.elapsed();
        let (mut messages, mut id) = (0, None);
        while let Some(event) = self.worker.poll_event() {
            let Event::Message { client, message } = event else { continue };
            messages += 1;
            if let (true, signal::message::ServerMessage::Welcome { participant, .. }) = (client == person.client, message) {
                id = Some(room::ParticipantId(participant));
            }
        }
        person.handshake(&mut self.worker, self.now, &self.certificate);
        self.people.push(person);
        (Cost { spent, messages }, id.expect("the newcomer is welcomed"))
    }

    /// The last one who came goes again.
    ///
    /// # Panics
    /// When nobody is there.
    pub fn part(&mut self) {
        let person = self.people.pop().expect("somebody is there");
        let reason = signal::message::ByeReason::Left;
        self.worker.handle_command(self.now, worker::Command::Leave { client: person.client, reason });
        while self.worker.poll_event().is_some() {}
        self.worker.outbox().clear();
    }
}

/// A sound of person `number`, in clear: as loud as anybody's, so that nobody in particular speaks.
fn sound_packet(number: u16, index: u64) -> Vec<u8> {
    let fields = RtpFields {
        marker: index == 0,
        payload_type: OPUS,
        sequence: index as u16,
        timestamp: (index * 960) as u32,
        ssrc: microphone(number),
    };
    let mut packet = vec![0; 200];
    let header = write_header(&mut packet, &fields, &[(1, &[0x80 | 30]), (4, b"1")]).expect("fits");
    packet.truncate(header + 80);
    packet
}
