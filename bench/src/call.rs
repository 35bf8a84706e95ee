//! A call of ten people over a real worker and real sockets: simulcast cameras and microphones on a virtual clock, reports from everybody.
//!
//! What the relay sends is sent for real, to sockets on loopback that nobody reads in the meantime; it is remembered too, so that the
//! floor can send exactly the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use node::io::{IoCounters, MediaSocket, Sender};
use transport::Path;
use worker::{Command, Event, Worker};

use crate::person::{Part, Person, empty_worker};
use crate::simulcast::{Camera, FRAME, Microphone, SOUND};

/// How often a viewer reports, and everybody renews consent.
const REPORT: Duration = Duration::from_millis(50);
const CONSENT: Duration = Duration::from_secs(5);
/// From the relay to a viewer and back.
const TRIP: Duration = Duration::from_millis(20);
/// What arrives within this time is handled in one turn, as by a thread that was busy or slept a little.
const TURN: Duration = Duration::from_micros(50);
/// The kernel's buffer of the sending socket, bytes.
const BUFFER: usize = 1 << 21;

/// Everybody, the worker, and the network between them.
pub struct Call {
    worker: Worker,
    people: Vec<Person>,
    cameras: Vec<Camera>,
    microphones: Vec<Microphone>,
    sockets: [MediaSocket; 1],
    receivers: Vec<UdpSocket>,
    sender: Sender,
    /// What was sent so far.
    pub counters: IoCounters,
    now: Instant,
    /// What happens next: when, to whom, what.
    agenda: BinaryHeap<Reverse<(Instant, u16, Act)>>,
    arriving: BinaryHeap<Reverse<(Instant, u16, Vec<u8>)>>,
    uplink: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Act {
    Frame,
    Sound,
    Report,
    Consent,
}

/// One turn of the relay, for the floor to repeat.
#[derive(Default)]
pub struct Turn {
    /// Packets that arrived, RTP only: their lengths.
    pub opened: Vec<usize>,
    /// Datagrams that left, in order: to whom and how long.
    pub sealed: Vec<(usize, usize)>,
}

/// What a stretch of the call cost.
#[derive(Default)]
pub struct Stretch {
    /// The turns.
    pub turns: Vec<Turn>,
    /// Time inside the worker.
    pub worker: Duration,
    /// Time inside the sender.
    pub sending: Duration,
}

impl Stretch {
    /// Datagrams that left.
    #[must_use]
    pub fn datagrams(&self) -> usize {
        self.turns.iter().map(|turn| turn.sealed.len()).sum()
    }

    /// Their bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.turns.iter().flat_map(|turn| &turn.sealed).map(|(_, bytes)| bytes).sum()
    }
}

impl Call {
    /// Connects so many people; everybody sees everybody else in full. `uplink`: bit/s of everybody's line to the relay, which spreads
    /// the packets of a frame.
    ///
    /// # Panics
    /// When the handshakes fail or an address is taken.
    #[must_use]
    pub fn new(now: Instant, people: u16, uplink: u64) -> Self {
        let (mut worker, certificate) = empty_worker(now);
        let part = |number| Part { simulcast: true, ..Part::member(number == 0, people - 1) };
        let people: Vec<Person> = (0..people).map(|number| Person::connect(&mut worker, now, number, part(number), &certificate)).collect();
        for person in &people {
            let tiles: BTreeMap<String, [u16; 2]> = person.video_mids().map(|mid| (mid, [1_280, 720])).collect();
            worker.handle_command(now, Command::Tiles { client: person.client, tiles });
        }
        let receivers = people.iter().map(|person| UdpSocket::bind(person.path.remote).expect("the address is free"));
        let receivers: Vec<UdpSocket> = receivers.collect();
        receivers.iter().for_each(|receiver| receiver.set_nonblocking(true).expect("a socket can be non-blocking"));
        let socket = MediaSocket::open("127.0.0.1:0".parse().expect("an address"), false, BUFFER).expect("loopback has a port");
        let mut agenda = BinaryHeap::new();
        for number in 0..people.len() as u16 {
            // Nobody's encoder runs in step with another's.
            let phase = Duration::from_micros(u64::from(number) * 7_919 % 33_333);
            for (act, period) in [(Act::Frame, FRAME), (Act::Sound, SOUND), (Act::Report, REPORT), (Act::Consent, CONSENT)] {
                agenda.push(Reverse((now + phase.min(period), number, act)));
            }
        }
        Self {
            cameras: (0..people.len() as u16).map(Camera::new).collect(),
            microphones: (0..people.len() as u16).map(Microphone::new).collect(),
            worker,
            people,
            sockets: [socket],
            receivers,
            sender: Sender::new(),
            counters: IoCounters::default(),
            now,
            agenda,
            arriving: BinaryHeap::new(),
            uplink,
        }
    }

    /// The paths to everybody, the socket, and everybody's sockets.
    pub fn network(&mut self) -> (Vec<Path>, &mut [MediaSocket], &[UdpSocket]) {
        (self.people.iter().map(|person| person.path).collect(), &mut self.sockets, &self.receivers)
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) -> Stretch {
        let end = self.now + span;
        let mut stretch = Stretch::default();
        while let Some(at) = self.next().filter(|at| *at < end) {
            self.now = self.now.max(at);
            self.act();
            if self.arriving.peek().is_some_and(|Reverse((at, ..))| *at <= self.now)
                || self.worker.poll_timeout().is_some_and(|at| at <= self.now)
            {
                self.turn(&mut stretch);
            }
        }
        self.now = end;
        stretch
    }

    fn next(&self) -> Option<Instant> {
        let agenda = self.agenda.peek().map(|Reverse((at, ..))| *at);
        let arriving = self.arriving.peek().map(|Reverse((at, ..))| *at + TURN);
        [agenda, arriving, self.worker.poll_timeout()].into_iter().flatten().min()
    }

    /// Everybody does what is due.
    fn act(&mut self) {
        while let Some(Reverse((at, number, act))) = self.agenda.peek().copied().filter(|Reverse((at, ..))| *at <= self.now) {
            self.agenda.pop();
            let person = &mut self.people[usize::from(number)];
            let mut arrives = at + TRIP / 2;
            let period = match act {
                Act::Frame => {
                    for packet in self.cameras[usize::from(number)].frame() {
                        arrives += Duration::from_nanos(packet.len() as u64 * 8_000_000_000 / self.uplink);
                        self.arriving.push(Reverse((arrives, number, person.seal(packet))));
                    }
                    FRAME
                }
                Act::Sound => {
                    self.arriving.push(Reverse((arrives, number, person.seal(self.microphones[usize::from(number)].sound()))));
                    SOUND
                }
                Act::Report => {
                    self.arriving.extend(person.report().map(|report| Reverse((arrives, number, report))));
                    REPORT
                }
                Act::Consent => {
                    person.consent(&mut self.worker, self.now);
                    CONSENT
                }
            };
            self.agenda.push(Reverse((at + period, number, act)));
        }
    }

    /// One turn of the relay's thread: what has arrived, timers, sending.
    fn turn(&mut self, stretch: &mut Stretch) {
        let mut turn = Turn::default();
        let mut datagrams = Vec::new();
        while self.arriving.peek().is_some_and(|Reverse((at, ..))| *at <= self.now)
            && let Some(Reverse((_, number, datagram))) = self.arriving.pop()
        {
            if matches!(datagram.get(1), Some(kind) if !(192..=223).contains(kind)) {
                turn.opened.push(datagram.len());
            }
            datagrams.push((self.people[usize::from(number)].path, datagram));
        }
        let start = Instant::now();
        for (path, datagram) in &mut datagrams {
            self.worker.handle_datagram(self.now, *path, datagram);
        }
        self.worker.handle_timeout(self.now);
        stretch.worker += start.elapsed();
        let arrived = self.now + TRIP / 2;
        for (path, bytes) in self.worker.outbox().iter() {
            let number = usize::from(path.remote.port() - self.people[0].path.remote.port());
            self.people[number].hear(arrived, bytes);
            turn.sealed.push((number, bytes.len()));
        }
        let start = Instant::now();
        self.sender.flush(&mut self.sockets, self.worker.outbox(), &mut self.counters);
        stretch.sending += start.elapsed();
        self.worker.outbox().clear();
        while let Some(event) = self.worker.poll_event() {
            assert!(!matches!(event, Event::Message { message: signal::message::ServerMessage::Bye { .. }, .. }), "nobody leaves");
        }
        if !turn.sealed.is_empty() {
            stretch.turns.push(turn);
        }
        drain(&self.receivers);
    }
}

/// Takes what the receivers have got, so that their buffers never fill.
pub fn drain(receivers: &[UdpSocket]) {
    let mut buf = [0; 2_048];
    for receiver in receivers {
        while receiver.recv(&mut buf).is_ok() {}
    }
}
