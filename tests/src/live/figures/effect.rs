//! Mute, one-way, kick: how long after the command something still arrives that it forbids.

use std::time::{Duration, Instant};

use loadgen::light::{Setup, SourceSetup};
use room::{Command, Direction, Layout, Source, Template};

use super::super::crowd::{Crowd, Outcome, Packet};
use super::super::relay::{LiveRelay, TokenRole};
use super::{Figure, after};

const TARGET: Option<(u32, Duration)> = Some((99, Duration::from_millis(20)));
/// How long after a command stray packets are waited for.
const WATCH: Duration = Duration::from_millis(120);
/// A thread that did not look at its sockets for longer, although something was due each 2 ms, was kept from it: no measurement.
const MAX_STALL: Duration = Duration::from_millis(8);
/// Microphones, 50 packets a second each, at moments of their own.
const GUESTS: usize = 10;

const METHOD: &str =
    "from sending the command on the WebSocket to reading the last packet that it forbids; 0 when none came after it was sent";
const ANSWER: &str =
    "from sending the command to reading `done`, which the relay says after the change is in force: includes both ways of signalling";

/// A host and [`GUESTS`] guests with microphones.
struct Stage<'a> {
    relay: &'a LiveRelay,
    room: String,
    crowd: Crowd,
    host: usize,
    guests: Vec<usize>,
}

impl<'a> Stage<'a> {
    fn new(relay: &'a LiveRelay, seed: u64) -> Self {
        let mut crowd = Crowd::new(seed);
        let room = relay.fresh_room();
        let host = crowd.join(relay, &room, "host", TokenRole::Host, setup());
        let guests =
            (0..GUESTS).map(|number| crowd.join(relay, &room, &format!("guest-{number}"), TokenRole::Participant, setup())).collect();
        Self { relay, room, crowd, host, guests }
    }

    /// Everybody of `senders` reaches everybody of `receivers`.
    fn settle(&mut self, senders: &[usize], receivers: &[usize]) {
        self.crowd.begin_window();
        self.crowd.run_until("everybody is heard", |crowd| {
            let pairs = receivers.iter().flat_map(|receiver| senders.iter().map(move |sender| (*receiver, *sender)));
            let mut pairs = pairs.filter(|(receiver, sender)| receiver != sender);
            pairs.all(|(receiver, sender)| crowd.members[receiver].packets(sender as u32, Source::Microphone) > 0)
        });
        // Not in step with the twenty milliseconds of the microphones.
        self.crowd.run_for(Duration::from_millis(20 + self.crowd.log.len() as u64 % 20));
        self.crowd.log.clear();
    }

    /// The host commands; when the last packet came that `is_forbidden`, and what came too late by any measure.
    fn measure(&mut self, command: Command, is_forbidden: impl Fn(&Packet) -> bool) -> (Outcome, Option<Instant>) {
        self.crowd.recording = true;
        self.crowd.stall = Duration::ZERO;
        let outcome = self.crowd.order(self.host, command);
        let answered = self.crowd.stall;
        self.crowd.run_for(WATCH);
        self.crowd.stall = answered;
        self.crowd.recording = false;
        let forbidden = || self.crowd.log.iter().filter(|packet| is_forbidden(packet));
        let after_answer = forbidden().filter(|packet| packet.captured > outcome.answered).count();
        assert_eq!(after_answer, 0, "captured after `done` and delivered all the same");
        (outcome, forbidden().map(|packet| packet.at).max())
    }
}

/// Muting: all guests at once (the finest clock: the host hears ten microphones), and one guest.
#[must_use]
pub fn mute(relay: &LiveRelay, repetitions: usize) -> [Figure; 4] {
    let mut stage = Stage::new(relay, 1);
    let mut figures = [
        Figure::new("mute all: last packet", METHOD, TARGET),
        Figure::new("mute all: answer", ANSWER, TARGET),
        Figure::new("mute one: last packet", METHOD, TARGET),
        Figure::new("mute one: answer", ANSWER, TARGET),
    ];
    let (host, guests) = (stage.host, stage.guests.clone());
    // Only the host hears the guests: eleven streams through this machine rather than a hundred.
    let quiet = Template { guests_hear_guests: Some(false), ..Template::default() };
    stage.crowd.order(host, Command::Change { settings: Box::new(quiet) });
    stage.crowd.order(host, Command::SetLayout { layout: Layout::HostOnly });
    for repetition in 0..repetitions {
        stage.settle(&guests, &[host]);
        let (outcome, last) = stage.measure(Command::MuteAll {}, |packet| packet.receiver == host as u32);
        note(&mut figures[..2], stage.crowd.stall, outcome, last);
        stage.crowd.order(host, Command::UnmuteAll {});

        let guest = guests[repetition % guests.len()];
        let participant = stage.crowd.members[guest].id();
        stage.settle(&guests, &[host]);
        let (outcome, last) = stage.measure(Command::Mute { participant }, |packet| packet.author.publisher == guest as u32);
        note(&mut figures[2..], stage.crowd.stall, outcome, last);
        stage.crowd.order(host, Command::Unmute { participant });
    }
    figures
}

/// One-way: guests hear nobody any more.
#[must_use]
pub fn one_way(relay: &LiveRelay, repetitions: usize) -> [Figure; 2] {
    let mut stage = Stage::new(relay, 2);
    let mut figures = [Figure::new("one-way: last packet to any guest", METHOD, TARGET), Figure::new("one-way: answer", ANSWER, TARGET)];
    let host = stage.host;
    let everybody: Vec<usize> = [host].into_iter().chain(stage.guests.clone()).collect();
    for _ in 0..repetitions {
        stage.settle(&everybody, &everybody);
        let (outcome, last) =
            stage.measure(Command::SetDirection { direction: Direction::OneWay }, |packet| packet.receiver != host as u32);
        note(&mut figures[..2], stage.crowd.stall, outcome, last);
        stage.crowd.order(host, Command::SetDirection { direction: Direction::TwoWay });
    }
    figures
}

/// Removing somebody who hears eleven others.
#[must_use]
pub fn kick(relay: &LiveRelay, repetitions: usize) -> [Figure; 2] {
    let mut stage = Stage::new(relay, 3);
    let mut figures = [Figure::new("kick: last packet to or from the person", METHOD, TARGET), Figure::new("kick: answer", ANSWER, TARGET)];
    let (host, relay, room) = (stage.host, stage.relay, stage.room.clone());
    let others: Vec<usize> = [host].into_iter().chain(stage.guests.clone()).collect();
    for repetition in 0..repetitions {
        let victim = stage.crowd.join(relay, &room, &format!("victim-{repetition}"), TokenRole::Participant, setup());
        stage.settle(&others, &[victim]);
        let participant = stage.crowd.members[victim].id();
        // The removed client goes on sending.
        stage.crowd.insistent = true;
        let number = victim as u32;
        let (outcome, last) =
            stage.measure(Command::Remove { participant }, |packet| packet.receiver == number || packet.author.publisher == number);
        stage.crowd.insistent = false;
        note(&mut figures[..2], stage.crowd.stall, outcome, last);
    }
    figures
}

/// Adds what was measured to the figures of last packet and answer, or counts it as disturbed.
fn note(figures: &mut [Figure], stall: Duration, outcome: Outcome, last: Option<Instant>) {
    let samples = [last.map_or(Duration::ZERO, |last| after(outcome.sent, last)), after(outcome.sent, outcome.answered)];
    for (figure, sample) in figures.iter_mut().zip(samples) {
        figure.add_if(stall <= MAX_STALL, sample);
    }
}

/// Sound only: what is measured is when packets come, and sound comes most evenly.
fn setup() -> Setup {
    Setup { sources: vec![SourceSetup::microphone()], audio_slots: GUESTS + 2, video_slots: 0, ..Setup::meeting(0) }
}
