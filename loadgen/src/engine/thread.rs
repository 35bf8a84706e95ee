//! One thread of the generator: its meetings, everybody in them, and the loop that keeps to the schedule.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use mio::{Events, Token, Waker};

use super::agenda::{Agenda, Delayed, Task};
use super::attendee::{Attendee, WayIn};
use super::run::{Ended, Report, Shared};
use super::sleep::Sleep;
use super::udp::{Inbox, Run};
use super::watch::Watch;
use crate::light::Stamp;
use crate::measure::process::thread_cpu;
use crate::measure::{Kind, Pulse, SecondTally, Tally};
use crate::scenario::{Chance, Meeting};
use crate::target::{Answered, ReturnAddress, Visit};

/// Sockets read between two looks at what is due: a burst that comes in does not hold up what must go out.
const READS_BETWEEN: usize = 8;
/// Answers have come that others carry.
pub(super) const WAKER: Token = Token(usize::MAX - 1);
/// Complaints of servers that are kept, word for word.
const MAX_COMPLAINTS: usize = 20;

/// A meeting of this thread.
pub(super) struct Stage {
    pub(super) plan: Meeting,
    /// Its people among the thread's seats, the host first.
    pub(super) seats: Range<usize>,
    pub(super) open: bool,
    /// Somebody made a room for it that somebody has to end.
    pub(super) made_room: bool,
}

/// Somebody of the timetable, there or not; or another connection of theirs, where a server wants several.
pub(super) struct Seat {
    pub(super) meeting: usize,
    pub(super) index: usize,
    /// The seat of the person: this one, unless it is another connection.
    pub(super) main: usize,
    /// The seats of their other connections.
    pub(super) others: Range<usize>,
    pub(super) speaking: bool,
    /// Draws their turns of speech: of their own, so that whoever else comes, and when, changes nothing in them.
    pub(super) turns: Chance,
    pub(super) attendee: Option<Box<Attendee>>,
}

/// One thread.
pub(super) struct Thread {
    pub(super) shared: Arc<Shared>,
    pub(super) stages: Vec<Stage>,
    pub(super) seats: Vec<Seat>,
    pub(super) agenda: Agenda<Task>,
    pub(super) watches: Vec<Watch>,
    pub(super) sleep: Sleep,
    pulse: Pulse,
    pub(super) second: SecondTally,
    pub(super) tally: Tally,
    pub(super) ended: Ended,
    pub(super) measuring: bool,
    pub(super) over: bool,
    pub(super) tokens: VecDeque<String>,
    /// The way back for whoever carries requests, what came back, and how much is still under way.
    pub(super) back: ReturnAddress,
    pub(super) answers: Receiver<Answered>,
    pub(super) under_way: usize,
    /// Who has said goodbye to Janus and waits for its last word, and since when.
    pub(super) partings: BTreeMap<usize, (Instant, Box<Visit>)>,
    wakes: Agenda<usize>,
    delayed: Agenda<Delayed>,
    inbox: Inbox,
    run: Run,
    reports: Sender<Report>,
    busy: Duration,
    began: (Instant, Duration, Duration),
}

impl Thread {
    pub(super) fn new(
        shared: Arc<Shared>,
        meetings: Vec<Meeting>,
        tokens: VecDeque<String>,
        reports: Sender<Report>,
    ) -> std::io::Result<Self> {
        let sleep = Sleep::new(shared.poll)?;
        let (answers, receiver) = mpsc::channel();
        let back = ReturnAddress { answers, waker: Arc::new(Waker::new(sleep.poll.registry(), WAKER)?) };
        let (mut stages, mut seats) = (Vec::new(), Vec::new());
        for plan in meetings {
            let people = plan.people.len();
            let (first, meeting, beside) = (seats.len(), stages.len(), shared.against.connections_beside(people));
            let others = |index: usize| first + people + index * beside..first + people + (index + 1) * beside;
            let turns = |index: usize| Chance::new(shared.seed.wrapping_mul(31).wrapping_add(u64::from(plan.people[index].number)));
            let seat = |index, main, others| Seat { meeting, index, main, others, speaking: true, turns: turns(index), attendee: None };
            seats.extend((0..people).map(|index| seat(index, first + index, others(index))));
            for index in 0..people {
                seats.extend(others(index).map(|_| seat(index, first + index, 0..0)));
            }
            stages.push(Stage { seats: first..first + people, plan, open: false, made_room: false });
        }
        let mut thread = Self {
            shared,
            stages,
            seats,
            agenda: Agenda::default(),
            watches: Vec::new(),
            sleep,
            pulse: Pulse::new(Instant::now()),
            second: SecondTally::default(),
            tally: Tally::default(),
            ended: Ended::default(),
            measuring: false,
            over: false,
            tokens,
            back,
            answers: receiver,
            under_way: 0,
            partings: BTreeMap::new(),
            wakes: Agenda::default(),
            delayed: Agenda::default(),
            inbox: Inbox::new(),
            run: Run::default(),
            reports,
            busy: Duration::ZERO,
            began: (Instant::now(), Duration::ZERO, Duration::ZERO),
        };
        thread.plan();
        Ok(thread)
    }

    /// Plays all of it. Gives what was measured by the last report.
    pub(super) fn play(mut self) -> std::io::Result<()> {
        let mut events = Sleep::events();
        while !self.over && !self.shared.stop.load(Ordering::Relaxed) {
            self.turn(&mut events)?;
        }
        if self.measuring {
            self.stop_measuring(Instant::now());
        }
        self.leave();
        self.see_off(&mut events)?;
        let Self { tally, ended, reports, .. } = self;
        // Nobody listens any more: the run was given up.
        let _ = reports.send(Report::Ended(Box::new((tally, ended))));
        Ok(())
    }

    fn turn(&mut self, events: &mut Events) -> std::io::Result<()> {
        let start = Instant::now();
        let mut worked = self.do_due();
        let until = [self.agenda.next(), self.wakes.next(), self.delayed.next()].into_iter().flatten().min();
        let before = Instant::now();
        self.sleep.wait(until, events)?;
        let after = Instant::now();
        if let Some(calm) = self.pulse.feel(after)
            && self.measuring
        {
            self.tally.judge(calm);
        }
        let mut reads = 0;
        for event in events.iter().filter(|event| !Sleep::is_timer(event.token())) {
            let Token(token) = event.token();
            if event.token() == WAKER {
                self.take_answers();
            } else if token.is_multiple_of(2) {
                self.read(token / 2);
            } else {
                self.hear(token / 2);
            }
            worked = true;
            reads += 1;
            if reads % READS_BETWEEN == 0 {
                self.do_due();
            }
        }
        if worked {
            self.busy += before.saturating_duration_since(start) + after.elapsed();
        }
        Ok(())
    }

    /// Everything that is due by now; whether there was anything.
    fn do_due(&mut self) -> bool {
        let mut worked = false;
        loop {
            let now = Instant::now();
            if let Some((_, seat)) = self.wakes.take_due(now) {
                self.wake(now, seat);
            } else if let Some((_, delayed)) = self.delayed.take_due(now) {
                self.arrive(now, delayed);
            } else if let Some((at, task)) = self.agenda.take_due(now) {
                self.perform(now, at, task);
            } else {
                return worked;
            }
            worked = true;
        }
    }

    /// A client wants to be called; an entry that it has thought better of is passed over.
    fn wake(&mut self, now: Instant, seat: usize) {
        let Some(attendee) = self.seats[seat].attendee.as_mut() else { return };
        if attendee.wake.is_some_and(|wake| wake <= now) {
            attendee.wake = None;
            attendee.client.handle_timeout(now);
            self.settle(now, seat);
        }
    }

    /// Sends what a client made, and asks when it wants to be called.
    pub(super) fn settle(&mut self, now: Instant, seat: usize) {
        let Self { seats, run, delayed, wakes, tally, second, measuring, .. } = self;
        let Some(attendee) = seats[seat].attendee.as_mut() else { return };
        attendee.drain(run, |at, peer, bytes| delayed.add(at, Delayed { seat, up: true, peer, bytes: bytes.to_vec() }), now);
        if let Some(due) = attendee.client.take_scheduled() {
            let lateness = due.elapsed();
            second.lateness.record(lateness);
            if *measuring {
                tally.left(lateness);
            }
        }
        tally.unsent += if *measuring { std::mem::take(&mut run.unsent) } else { 0 };
        if let Some(wake) = attendee.client.poll_timeout(now)
            && attendee.wake.is_none_or(|known| wake < known)
        {
            attendee.wake = Some(wake);
            wakes.add(wake, seat);
        }
        if attendee.way_in == WayIn::Outside && attendee.progress(now) {
            self.secured(now, seat);
        }
    }

    /// Reads somebody's UDP socket until it is empty.
    fn read(&mut self, seat: usize) {
        let mut inbox = std::mem::replace(&mut self.inbox, Inbox::empty());
        let receive =
            |thread: &Self, inbox: &mut Inbox| thread.seats[seat].attendee.as_ref().and_then(|attendee| attendee.udp.receive(inbox));
        while let Some(more) = receive(self, &mut inbox) {
            let now = Instant::now();
            inbox.datagrams(|peer, datagram| {
                let Some(attendee) = self.seats[seat].attendee.as_mut() else { return };
                if let Some(line) = &mut attendee.line {
                    if let Some(at) = line.down.pass(now, datagram.len()) {
                        self.delayed.add(at, Delayed { seat, up: false, peer, bytes: datagram.to_vec() });
                    }
                } else if let Some(stamp) = attendee.client.receive(now, peer, datagram) {
                    self.note(now, seat, &stamp);
                }
            });
            if let Some(attendee) = self.seats[seat].attendee.as_mut().filter(|attendee| attendee.line.is_none()) {
                attendee.client.handle_timeout(now);
            }
            self.settle(now, seat);
            if !more {
                break;
            }
        }
        self.inbox = inbox;
    }

    /// A datagram comes out at the end of a slow line.
    fn arrive(&mut self, now: Instant, delayed: Delayed) {
        let Delayed { seat, up, peer, mut bytes } = delayed;
        let Some(attendee) = self.seats[seat].attendee.as_mut() else { return };
        if up {
            let sent = attendee.udp.send(peer, &bytes);
            self.tally.unsent += u64::from(self.measuring && !sent);
            return;
        }
        if let Some(stamp) = attendee.client.handle_datagram(now, peer, &mut bytes) {
            self.note(now, seat, &stamp);
        }
        self.settle(now, seat);
    }

    fn note(&mut self, now: Instant, seat: usize, stamp: &Stamp) {
        let (main, own) = (self.seats[seat].main, self.number(seat));
        if let Some(attendee) = self.seats[main].attendee.as_mut().filter(|_| stamp.author.publisher != own) {
            attendee.note_packet(now);
        }
        let latency = now.saturating_duration_since(self.shared.epoch + stamp.captured);
        self.second.latency.record(latency);
        if self.measuring {
            self.tally.packet(Kind::of(stamp.author.source), latency);
        }
        if !self.watches.is_empty() {
            let (meeting, receiver) = (self.seats[seat].meeting, self.number(seat));
            self.watches.iter_mut().filter(|watch| watch.meeting == meeting).for_each(|watch| watch.packet(now, receiver, stamp.author));
        }
    }

    /// Number of somebody in the whole run.
    pub(super) fn number(&self, seat: usize) -> u32 {
        let seat = &self.seats[seat];
        self.stages[seat.meeting].plan.people[seat.index].number
    }

    pub(super) fn end_second(&mut self, at: u32) {
        let mut row = std::mem::take(&mut self.second);
        row.meetings = self.stages.iter().filter(|stage| stage.open).count() as u64;
        let (tally, measuring) = (&mut self.tally, self.measuring);
        for (seat, main, attendee) in
            self.seats.iter_mut().enumerate().filter_map(|(at, seat)| Some((at, seat.main, seat.attendee.as_mut()?)))
        {
            row.clients += u64::from(attendee.way_in == WayIn::In && seat == main);
            let (sent, received, bytes, lost) = attendee.take_second();
            row.sent += sent;
            row.received += received;
            row.bytes += bytes;
            row.lost += lost;
            attendee.client.take_gaps(|gap| {
                if measuring {
                    tally.gap(gap);
                }
            });
        }
        (0..self.seats.len()).for_each(|seat| self.count_times(seat, false));
        let _ = self.reports.send(Report::Second(at, Box::new(row)));
    }

    pub(super) fn begin_measuring(&mut self, now: Instant) {
        self.measuring = true;
        self.began = (now, thread_cpu(), self.busy);
        (0..self.seats.len()).for_each(|seat| self.count_times(seat, true));
        for attendee in self.seats.iter_mut().filter_map(|seat| seat.attendee.as_mut()) {
            attendee.client.take_gaps(|_| {});
            attendee.begin_window();
        }
    }

    pub(super) fn stop_measuring(&mut self, now: Instant) {
        let (began, cpu, busy) = self.began;
        (self.tally.span, self.tally.cpu) = (now.saturating_duration_since(began), thread_cpu().saturating_sub(cpu));
        self.tally.busy = self.busy.saturating_sub(busy);
        for seat in 0..self.seats.len() {
            self.count_times(seat, true);
            if let Some(mut attendee) = self.seats[seat].attendee.take() {
                self.count(seat, &mut attendee);
                self.seats[seat].attendee = Some(attendee);
            }
        }
        self.measuring = false;
    }

    /// Adds the times of somebody's join, once, when there is nothing more to wait for or at the end.
    pub(super) fn count_times(&mut self, seat: usize, at_the_end: bool) {
        let Self { seats, tally, .. } = self;
        if !seats[seat].attendee.as_ref().is_some_and(|attendee| attendee.is_unsettled()) {
            return;
        }
        let all = seats[seat].others.clone().chain([seat]);
        let first = all.filter_map(|one| seats[one].attendee.as_ref()?.first_frame()).min();
        if let Some(times) = seats[seat].attendee.as_mut().and_then(|attendee| attendee.take_times(at_the_end, first)) {
            tally.join(&times);
        }
    }

    /// Adds what somebody got in the measured time, at its end or when they leave.
    pub(super) fn count(&mut self, seat: usize, attendee: &mut Attendee) {
        let people = self.stages[self.seats[seat].meeting].plan.people.len();
        let shared = self.shared.clone();
        let tally = &mut self.tally;
        if self.measuring {
            attendee.client.take_gaps(|gap| tally.gap(gap));
            attendee.end_window(tally, |source, layer| super::person::height(&shared.profile, people, source, layer));
        }
        let left = MAX_COMPLAINTS.saturating_sub(self.ended.complaints.len());
        self.ended.complaints.extend(attendee.complaints.drain(..).take(left));
        let errors = attendee.client.slots().flat_map(|slot| slot.record.errors.clone());
        self.ended.complaints.extend(errors.take(MAX_COMPLAINTS.saturating_sub(self.ended.complaints.len())));
    }
}
