//! Everybody's sockets in one loop: media goes out on schedule, whatever comes in is read at once and put on record.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use loadgen::light::{Author, Client, Setup};
use mio::{Events, Poll};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use room::{Code, Command};
use signal::message::{ClientMessage, VERSION};
use transport::Certificate;
use wire::demux::{Kind, demux};
use wire::ntp::Ntp;

use super::link::{End, Link, Port, port};
use super::member::Member;
use super::relay::{LiveRelay, TokenRole};

/// Longer than anything takes on a busy machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events of one wake-up.
const EVENTS: usize = 256;

/// A media packet that reached somebody.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Whom.
    pub receiver: u32,
    /// Whose it is.
    pub author: Author,
    /// When its content was captured, which is not after it was sent.
    pub captured: Instant,
    /// Its socket was known to be empty at this moment, so it arrived after it, however busy this machine was since.
    pub after: Instant,
    /// When it was read.
    pub at: Instant,
}

/// How a command went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// When it was sent.
    pub sent: Instant,
    /// When its answer was read.
    pub answered: Instant,
    /// The answer.
    pub result: Result<(), Code>,
}

/// Everybody.
pub struct Crowd {
    /// In the order in which they came; those who left stay, silent.
    pub members: Vec<Member>,
    /// Packets that arrived, while [`Crowd::recording`].
    pub log: Vec<Packet>,
    /// Whether packets are logged.
    pub recording: bool,
    /// Share of RTP packets to throw away, each direction.
    pub loss: f64,
    /// Whoever was sent away goes on sending.
    pub insistent: bool,
    /// The longest time between two looks at the sockets since somebody set this to zero: how far this thread's clock readings are to be
    /// trusted on a machine that has other things to do.
    pub stall: Duration,
    /// Packets that came by retransmission before the window began.
    pub recovered: u64,
    certificate: Arc<Certificate>,
    epochs: Vec<Instant>,
    poll: Poll,
    events: Events,
    /// When the poll before this one returned; every socket was read to its end after that.
    polled: Instant,
    rng: ChaCha8Rng,
    seed: u64,
}

impl Crowd {
    /// Nobody yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            members: Vec::new(),
            log: Vec::new(),
            recording: false,
            loss: 0.0,
            insistent: false,
            stall: Duration::ZERO,
            recovered: 0,
            certificate: Arc::new(Certificate::generate().expect("the crypto library makes certificates")),
            epochs: Vec::new(),
            poll: Poll::new().expect("the system lets sockets be watched"),
            events: Events::with_capacity(EVENTS),
            polled: Instant::now(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            seed,
        }
    }

    /// Somebody says hello; returns when the relay answered with `welcome` or ended the connection. `setup.publisher` is replaced by the
    /// member's number, which is returned.
    pub fn enter(&mut self, relay: &LiveRelay, room: &str, identity: &str, role: TokenRole, setup: Setup) -> usize {
        let url = relay.socket_url(room);
        let ix = self.add(identity, setup, Some(&url));
        let token = relay.token(room, identity, role);
        let device = room::Device::Desktop;
        self.members[ix].link.say(&ClientMessage::Hello { version: VERSION, token, resume: None, device, events_after: None });
        self.run_until("welcome", |crowd| {
            let told = &crowd.members[ix].told;
            told.welcomed.is_some() || told.bye.is_some() || told.ended.is_some()
        });
        ix
    }

    /// [`Crowd::enter`], then an offer; returns when media may flow.
    pub fn join(&mut self, relay: &LiveRelay, room: &str, identity: &str, role: TokenRole, setup: Setup) -> usize {
        let ix = self.enter(relay, room, identity, role, setup);
        self.connect(ix);
        ix
    }

    /// Offers, and returns when media may flow.
    pub fn connect(&mut self, ix: usize) {
        self.members[ix].offer();
        self.run_until("media may flow", |crowd| {
            let member = &crowd.members[ix];
            assert_eq!((&member.told.errors, member.told.bye), (&Vec::new(), None), "{} does not get in", member.identity);
            member.client.is_secure()
        });
    }

    /// Somebody watches by WHEP.
    pub fn watch(&mut self, relay: &LiveRelay, room: &str, identity: &str, audio_slots: usize, video_slots: usize) -> usize {
        let ix = self.add(identity, Setup::viewer(0, audio_slots, video_slots), None);
        let token = relay.token(room, identity, TokenRole::Participant);
        let offer = self.members[ix].client.offer();
        let answer = relay.whep(room, &token, &offer);
        self.members[ix].client.handle_answer(Instant::now(), &answer).expect("the relay's answer can be used");
        self.run_until("the viewer's media may flow", |crowd| crowd.members[ix].client.is_secure());
        ix
    }

    /// Somebody goes, politely; returns when the relay said goodbye.
    pub fn leave(&mut self, ix: usize) -> (Instant, Instant) {
        let sent = Instant::now();
        self.members[ix].link.say(&ClientMessage::Leave);
        self.run_until("goodbye", |crowd| !crowd.members[ix].is_alive());
        (sent, Instant::now())
    }

    /// Asks something of the room and waits for the answer. All media that was due before is sent before.
    pub fn command(&mut self, ix: usize, command: Command) -> Outcome {
        let (sent, id) = self.ask(ix, command);
        self.run_until("an answer to a command", |crowd| crowd.members[ix].replies.contains_key(&id));
        let (answered, result) = self.members[ix].replies.remove(&id).expect("it was there a moment ago");
        Outcome { sent, answered, result }
    }

    /// [`Crowd::command`] that must not be refused.
    pub fn order(&mut self, ix: usize, command: Command) -> Outcome {
        let what = format!("{command:?}");
        let outcome = self.command(ix, command);
        assert_eq!(outcome.result, Ok(()), "{what} by {}", self.members[ix].identity);
        outcome
    }

    /// Lets this much time pass.
    pub fn run_for(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while Instant::now() < end {
            self.turn(end);
        }
    }

    /// Runs until `is_so`; panics with `what` when that takes longer than anything may.
    pub fn run_until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) -> Duration {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            self.turn(Instant::now() + Duration::from_millis(20));
        }
        begin.elapsed()
    }

    /// Everybody's counts begin anew.
    pub fn begin_window(&mut self) {
        for member in &mut self.members {
            self.recovered += member.client.slots().map(|slot| slot.record.recovered).sum::<u64>();
            member.begin_window();
        }
    }

    fn ask(&mut self, ix: usize, command: Command) -> (Instant, u32) {
        self.send_due();
        let sent = Instant::now();
        (sent, self.members[ix].ask(command))
    }

    fn add(&mut self, identity: &str, setup: Setup, url: Option<&str>) -> usize {
        let ix = self.members.len();
        let link = Link::open(self.poll.registry(), ix, url);
        let now = Instant::now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let publisher = ix as u32;
        let seed = self.seed.wrapping_mul(1_000).wrapping_add(u64::from(publisher));
        let client = Client::new(now, Ntp::from_unix(wall), Setup { publisher, seed, ..setup }, self.certificate.clone());
        self.epochs.push(now);
        self.members.push(Member::new(identity, publisher, client, link));
        ix
    }

    /// One wake-up: reads whatever came, sends whatever is due. Returns at `until` at the latest.
    fn turn(&mut self, until: Instant) {
        let now = Instant::now();
        let active = self.members.iter().filter(|member| member.is_alive() || self.insistent);
        let due = active.filter_map(|member| member.client.poll_timeout(now)).min();
        let wait = due.map_or(until, |due| due.min(until)).saturating_duration_since(now);
        let empty_at = self.polled;
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        // Interrupted by a signal: the next turn polls again.
        let _ = self.poll.poll(&mut events, Some(wait));
        self.polled = Instant::now();
        self.stall = self.stall.max(self.polled - empty_at);
        for event in &events {
            match port(event.token()) {
                (ix, Port::Media) => self.read_media(ix, empty_at),
                (ix, Port::Signalling) => self.read_signalling(ix),
            }
        }
        self.events = events;
        self.send_due();
    }

    fn send_due(&mut self) {
        for ix in 0..self.members.len() {
            let now = Instant::now();
            let (insistent, member) = (self.insistent, &mut self.members[ix]);
            if (member.is_alive() || insistent) && member.client.poll_timeout(now).is_some_and(|due| due <= now) {
                member.client.handle_timeout(now);
            }
            self.send(ix);
        }
    }

    fn send(&mut self, ix: usize) {
        let Self { members, rng, loss, .. } = self;
        let Member { client, link, traffic, .. } = &mut members[ix];
        client.drain(|to, bytes| {
            match demux(bytes) {
                Some(Kind::Stun) => traffic.checks += 1,
                Some(Kind::Dtls) => traffic.dtls += 1,
                Some(Kind::Rtp) if happens(rng, *loss) => {
                    traffic.dropped += 1;
                    return;
                }
                _ => {}
            }
            link.send_media(to, bytes);
        });
        link.flush();
    }

    fn read_media(&mut self, ix: usize, after: Instant) {
        let mut buffer = [0; 2_048];
        while let Some((len, from)) = self.members[ix].link.receive_media(&mut buffer) {
            let now = Instant::now();
            let (datagram, member) = (&mut buffer[..len], &mut self.members[ix]);
            match demux(datagram) {
                Some(Kind::Stun) => member.traffic.stun_received += 1,
                Some(Kind::Dtls) => member.traffic.dtls += 1,
                Some(Kind::Rtp) if happens(&mut self.rng, self.loss) => {
                    member.traffic.dropped += 1;
                    continue;
                }
                _ => {}
            }
            let Some(stamp) = member.client.handle_datagram(now, from, datagram) else { continue };
            member.note(now, &stamp);
            if self.recording {
                let captured = self.epochs[stamp.author.publisher as usize] + stamp.captured;
                self.log.push(Packet { receiver: member.publisher, author: stamp.author, captured, after, at: now });
            }
        }
    }

    fn read_signalling(&mut self, ix: usize) {
        loop {
            match self.members[ix].link.hear() {
                Ok(Some(message)) => self.members[ix].take(Instant::now(), message),
                Ok(None) => return,
                Err(End::Closed) => {
                    self.members[ix].told.ended.get_or_insert_with(Instant::now);
                    return;
                }
                Err(End::Unreadable(error)) => self.members[ix].told.errors.push(error),
            }
        }
    }
}

fn happens(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    probability > 0.0 && ((rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64) < probability
}
