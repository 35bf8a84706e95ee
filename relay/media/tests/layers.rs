//! Layers left out and taken in again at random: whatever the slot is told, what the viewer gets can be decoded and shows no trace of what
//! was left out. Frames know what they refer to; the viewer is the oracle.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use common::layered::{Form, PT, Publisher};
use common::viewer::{RTX, SSRC, viewer_exts};
use common::{NTP_BASE, Rng, Time, publisher_exts};
use media::{CodecOut, LayerId, Packet, Receiver, Route, Slot, SlotConfig, Ticket};
use wire::ext::{Ext, ExtValues};
use wire::ids::{Mid, Ssrc};
use wire::rtp::RtpHeader;

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    form: Form,
    seed: u64,
    /// Percent lost for ever, and percent delayed, on the publisher's way.
    lost: u64,
    delayed: u64,
    /// Mean ms between targets.
    switch: u64,
    /// Longest wait in the queue, ms, and percent of what waits that is given up.
    queue: u64,
    forgone: u64,
    /// Chance in each ms that an empty packet follows the last picture, percent.
    followed: u64,
}

/// A packet as the viewer got it.
struct Got {
    /// Frame and place in it; `None` if it was empty.
    part: Option<(usize, usize)>,
    timestamp: u32,
    marker: bool,
    picture: Option<u16>,
    tl0: Option<u8>,
    number: Option<u16>,
    payload: Vec<u8>,
}

struct World {
    scenario: Scenario,
    rng: Rng,
    time: Time,
    publisher: Publisher,
    receiver: Receiver,
    slot: Slot,
    twcc: u16,
    flight: BTreeMap<(u64, u64), Vec<u8>>,
    queue: VecDeque<(u64, Ticket)>,
    got: BTreeMap<u64, Got>,
    order: u64,
    targets: u32,
    empty: u32,
    followers: u32,
    /// The newest packet of the last picture or behind it.
    followed: Option<Ticket>,
    late: u64,
    forgone: u64,
    resent: u64,
}

const DURATION: u64 = 40_000;
const FRAME: u64 = 33;

impl World {
    fn new(scenario: Scenario) -> Self {
        let mut rng = Rng(scenario.seed * 2 + 1);
        let time = Time::new();
        let encodings = if scenario.form.spatial_layers() == 1 { 3 } else { 2 };
        let publisher = Publisher::new(scenario.form, encodings, &mut rng);
        let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
        receiver.configure(time.at(0), publisher_exts(), vec![publisher.config()]);
        let config = SlotConfig {
            mid: Mid::new("v").unwrap(),
            kind: media::MediaKind::Video,
            ssrc: SSRC,
            rtx: Some(RTX),
            epoch: time.at(0),
            entropy: rng.next() << 32 | rng.next() & 0xffff,
        };
        let mut slot = Slot::new(config);
        let to = CodecOut { pt: 100, codec: scenario.form.codec(), clock_rate: 90_000, rtx: Some(101) };
        slot.attach(time.at(0), Route::new(&publisher.config().codecs, &[to], |from, _| from.pt == PT));
        Self {
            scenario,
            rng,
            time,
            publisher,
            receiver,
            slot,
            twcc: 0,
            flight: BTreeMap::new(),
            queue: VecDeque::new(),
            got: BTreeMap::new(),
            order: 0,
            targets: 0,
            empty: 0,
            followers: 0,
            followed: None,
            late: 0,
            forgone: 0,
            resent: 0,
        }
    }

    fn run(mut self) -> Self {
        for ms in 0..DURATION {
            self.produce(ms);
            self.arrive(ms);
            self.write(ms);
            if self.rng.below(self.scenario.switch) == 0 {
                self.retarget();
            }
            if ms % 50 == 0
                && let Some((encoding, _)) = self.slot.want(self.time.at(ms), &[true; 3][..self.publisher.encodings.len()])
            {
                self.publisher.encodings[encoding].wants_key = true;
            }
            if ms % 20 == 0 {
                self.ask_again(ms);
            }
        }
        self
    }

    fn produce(&mut self, ms: u64) {
        for encoding in 0..self.publisher.encodings.len() {
            if !(ms + 7 * encoding as u64).is_multiple_of(FRAME) {
                continue;
            }
            for (frame, packet) in self.publisher.picture(encoding, ms, &mut self.rng) {
                self.order += 1;
                let lost = self.rng.percent(self.scenario.lost);
                let delay = if self.rng.percent(self.scenario.delayed) { 1 + self.rng.below(150) } else { 0 };
                self.publisher.frames[frame].damaged |= lost || delay > 0;
                self.late += u64::from(lost || delay > 0);
                if !lost {
                    self.flight.insert((ms + delay, self.order), packet);
                }
            }
        }
    }

    fn arrive(&mut self, ms: u64) {
        let later = self.flight.split_off(&(ms + 1, 0));
        for packet in std::mem::replace(&mut self.flight, later).into_values() {
            let Some(inbound) = self.receiver.handle_rtp(self.time.at(ms), &packet) else { continue };
            let Some(ticket) = self.slot.admit(self.time.at(ms), &inbound, &Packet::from(&inbound)) else { continue };
            if inbound.keyframe && inbound.late {
                // What passed by while it was missing has to be asked for.
                let key = part(inbound.payload).unwrap().0;
                self.publisher.frames[key..].iter_mut().for_each(|frame| (frame.damaged, frame.passed_by) = (true, true));
            }
            let before = self.queue.back().map_or(0, |(due, _)| *due);
            let due = ms + self.rng.below(self.scenario.queue + 1);
            self.queue.push_back((due.max(before), ticket));
            self.followed = if self.slot.may_follow(&inbound, &ticket) { Some(ticket) } else { self.followed };
        }
        self.follow(ms);
    }

    /// An empty packet behind the last picture, unless the next has begun.
    fn follow(&mut self, ms: u64) {
        if self.scenario.followed > 0
            && self.rng.percent(self.scenario.followed)
            && let Some(ticket) = self.followed.and_then(|last| self.slot.follow(&last))
        {
            let before = self.queue.back().map_or(0, |(due, _)| *due);
            self.queue.push_back((ms.max(before), ticket));
            self.followed = Some(ticket);
            self.followers += 1;
        }
    }

    fn write(&mut self, ms: u64) {
        while let Some((_, ticket)) = self.queue.pop_front_if(|(due, _)| *due <= ms) {
            let stored = self.receiver.publications()[0].stored(ticket.origin.layer, ticket.origin.ext_seq).unwrap();
            if self.rng.percent(self.scenario.forgone) {
                self.slot.forgo(&ticket);
                self.forgone += 1;
                self.publisher.frames[part(stored.payload).unwrap().0].damaged |= !ticket.is_empty();
                continue;
            }
            let mut out = [0; 1500];
            let now = self.time.at(ms);
            let written = self.slot.write(now, &ticket, &Packet::from(&stored), &viewer_exts(), &mut self.twcc, &mut out);
            let Some(len) = written else {
                // A packet from before a keyframe that began late was asked for while it waited.
                assert!(self.got.contains_key(&self.extend(ticket.sequence())), "{ticket:?}");
                continue;
            };
            self.take(&out[..len]);
        }
    }

    fn extend(&self, seq: u16) -> u64 {
        let highest = self.got.last_key_value().map_or(65_536 + u64::from(seq), |(&highest, _)| highest);
        highest.wrapping_add_signed(i64::from(seq.wrapping_sub(highest as u16).cast_signed()))
    }

    fn take(&mut self, out: &[u8]) {
        let header = RtpHeader::parse(out).unwrap();
        assert_eq!((header.ssrc, header.payload_type), (SSRC, 100));
        let exts = ExtValues::read(&viewer_exts(), &header, out);
        let payload = header.payload(out).unwrap();
        let part = part(payload);
        self.empty += u32::from(part.is_none());
        let (picture, tl0) = match self.scenario.form {
            _ if part.is_none() => (None, None),
            Form::Vp8 => (Some((2, 3)), Some(4)),
            Form::Vp9 { .. } => (Some((1, 2)), Some(4)),
            Form::H264 | Form::Av1 { .. } => (None, None),
        };
        let number = exts.get(Ext::DependencyDescriptor).map(|value| u16::from_be_bytes([value[1], value[2]]));
        let got = Got {
            part,
            timestamp: header.timestamp,
            marker: header.marker,
            picture: picture.map(|(high, low)| u16::from_be_bytes([payload[high], payload[low]]) & 0x7fff),
            tl0: tl0.map(|at: usize| payload[at]),
            number,
            payload: payload.to_vec(),
        };
        let seq = self.extend(header.sequence);
        assert!(self.got.insert(seq, got).is_none(), "number {seq} used twice");
    }

    fn retarget(&mut self) {
        self.targets += 1;
        let layer = LayerId {
            encoding: self.rng.below(self.publisher.encodings.len() as u64) as u8,
            spatial: self.rng.below(self.scenario.form.spatial_layers().into()) as u8,
            temporal: self.rng.below(self.scenario.form.temporal_layers().into()) as u8,
        };
        let paused = self.rng.percent(5);
        self.slot.set_target((!paused).then_some(layer));
    }

    /// The viewer misses one of the last numbers, or has lost it on the way.
    fn ask_again(&mut self, ms: u64) {
        let Some((&highest, _)) = self.got.last_key_value() else { return };
        let full = highest - self.rng.below(60);
        let Some(origin) = self.slot.resolve(full as u16) else { return };
        let Some(stored) = self.receiver.publications()[0].stored(origin.layer, origin.ext_seq) else { return };
        let (now, mut out) = (self.time.at(ms), [0; 1500]);
        let Some(len) = self.slot.resend(now, full as u16, &stored, &viewer_exts(), &mut self.twcc, &mut out) else { return };
        let header = RtpHeader::parse(&out[..len]).unwrap();
        if header.ssrc == SSRC {
            assert!(!self.got.contains_key(&full), "the first time is the first time");
            return self.take(&out[..len]);
        }
        let (payload, first) = (header.payload(&out[..len]).unwrap(), &self.got[&full]);
        assert_eq!((&payload[..2], &payload[2..]), (&(full as u16).to_be_bytes()[..], &first.payload[..]));
        assert_eq!((header.marker, header.timestamp), (first.marker, first.timestamp));
        self.resent += 1;
    }

    /// All that the viewer got, in the order of its numbers.
    fn judge(&self) -> Judgement {
        let mut judgement = Judgement::default();
        let (first, last) = (*self.got.first_key_value().unwrap().0, *self.got.last_key_value().unwrap().0);
        judgement.holes = last + 1 - first - self.got.len() as u64;
        let mut delivered: BTreeMap<usize, u64> = BTreeMap::new();
        let mut order: Vec<(usize, &Got)> = Vec::new();
        for (&seq, got) in &self.got {
            let Some((index, nth)) = got.part else { continue };
            let begin = seq - nth as u64;
            // A keyframe that came late may let begin anew with what had gone before.
            let again = self.publisher.frames[index].passed_by;
            assert!(again || *delivered.entry(index).or_insert(begin) == begin, "the packets of frame {index} stand together");
            delivered.entry(index).or_insert(begin);
            if order.last().is_none_or(|(before, _)| *before != index) {
                let apart = order.iter().rev().take(8).any(|(before, _)| *before == index);
                assert!(again || !apart, "frame {index} is torn apart");
                order.push((index, got));
            }
        }
        for (index, _) in &order {
            for earlier in &self.publisher.frames[*index].refs {
                let there = delivered.contains_key(earlier) || self.publisher.frames[*earlier].damaged;
                assert!(there, "frame {index} {:?} without {earlier}, {:?}", self.publisher.frames[*index], self.scenario);
            }
        }
        order.windows(2).for_each(|pair| self.judge_pair(pair[0], pair[1], &mut judgement));
        judgement.frames = order.len();
        let mut ends: BTreeMap<(usize, u32), usize> = BTreeMap::new();
        let marked = self.got.values().filter(|got| got.marker).filter_map(|got| Some((got.timestamp, got.part?.0)));
        let keys = marked.map(|(timestamp, index)| (timestamp, &self.publisher.frames[index])).filter(|(_, frame)| frame.key);
        keys.for_each(|(timestamp, frame)| *ends.entry((frame.encoding, timestamp)).or_default() += 1);
        judgement.ends_twice = ends.into_values().filter(|ends| *ends > 1).count();
        judgement.layers = order
            .iter()
            .map(|(index, _)| &self.publisher.frames[*index])
            .map(|frame| (frame.encoding, frame.spatial, frame.temporal))
            .collect();
        judgement
    }

    /// Two frames, one behind the other.
    fn judge_pair(&self, (old, before): (usize, &Got), (new, after): (usize, &Got), judgement: &mut Judgement) {
        let (from, to) = (&self.publisher.frames[old], &self.publisher.frames[new]);
        let clean = self.scenario.lost + self.scenario.delayed + self.scenario.forgone == 0;
        let same_picture = from.encoding == to.encoding && from.picture == to.picture && old < new && to.spatial > from.spatial;
        let step = after.timestamp.wrapping_sub(before.timestamp).cast_signed();
        assert!(if same_picture { step == 0 } else { step > 0 }, "timestamps: {step} from {from:?} to {to:?}");
        let switched = from.encoding != to.encoding;
        judgement.switches += u32::from(switched);
        // Its keyframe may have been given up.
        let begins = to.key && to.spatial == 0 || to.refs.iter().any(|&earlier| self.publisher.frames[earlier].damaged);
        assert!(!switched || begins, "an encoding begins with its keyframe: {to:?}");
        assert!(switched || old < new || to.passed_by, "frames keep their order");
        if let (Some(a), Some(b)) = (before.picture, after.picture) {
            let step = b.wrapping_sub(a) & 0x7fff;
            match self.scenario.form {
                Form::Vp8 if clean => assert_eq!(step, 1, "picture ids: {from:?} {to:?}"),
                Form::Vp8 => assert!((1..100).contains(&step), "picture ids: {step} {from:?} {to:?}"),
                _ if same_picture => assert_eq!(step, 0),
                _ if switched && clean => assert_eq!(step, 1),
                _ => assert!((1..0x4000).contains(&step), "picture ids: {step} {from:?} {to:?}"),
            }
            let tl0 = after.tl0.unwrap().wrapping_sub(before.tl0.unwrap());
            let expected = u8::from(to.temporal == 0 && !same_picture);
            assert!(!clean || tl0 == expected || to.key, "TL0PICIDX: {tl0} {from:?} {to:?}");
        }
        if let (Some(a), Some(b)) = (before.number, after.number) {
            let step = b.wrapping_sub(a);
            let upstream = if switched { 1 } else { to.number.wrapping_sub(from.number) };
            assert!(step == upstream || to.key || !clean && step < 1000, "frame numbers: {step} {from:?} {to:?}");
        }
        if clean && !same_picture && !switched {
            judgement.pictures += 1;
            let end = self.got.iter().rev().find(|(_, got)| got.part.is_some_and(|(index, _)| index == old)).unwrap().1;
            let whole = end.part.unwrap().1 + 1 == from.packets;
            // What the switch or the pause cut off has no end.
            let parts = self.got.values().filter(|got| got.part.is_some_and(|(index, _)| index == old)).count();
            assert!(parts == from.packets || to.key, "{parts} packets of {from:?}");
            judgement.unmarked += u32::from(whole && !end.marker && !to.key);
        }
    }
}

/// Index of the frame and place in it.
fn part(payload: &[u8]) -> Option<(usize, usize)> {
    payload.split_last_chunk::<5>().map(|(_, &[a, b, c, d, nth])| (u32::from_be_bytes([a, b, c, d]) as usize, usize::from(nth)))
}

#[derive(Default, Debug)]
struct Judgement {
    holes: u64,
    frames: usize,
    pictures: u32,
    switches: u32,
    unmarked: u32,
    /// Keyframes of which more than one packet is called the last.
    ends_twice: usize,
    layers: BTreeSet<(usize, u8, u8)>,
}

const FORMS: [Form; 6] = [
    Form::Vp8,
    Form::H264,
    Form::Vp9 { inter_layer: true },
    Form::Vp9 { inter_layer: false },
    Form::Av1 { inter_layer: true },
    Form::Av1 { inter_layer: false },
];

/// On a line without faults everything is exact: not one number is left out.
#[test]
fn nothing_shows_of_what_is_left_out() {
    let mut targets = 0;
    for form in FORMS {
        for seed in 1..=6 {
            let scenario = Scenario { form, seed, lost: 0, delayed: 0, switch: 100, queue: 60, forgone: 0, followed: 0 };
            let world = World::new(scenario).run();
            let judgement = world.judge();
            assert_eq!((judgement.holes, world.empty, judgement.unmarked), (0, 0, 0), "{scenario:?} {judgement:?}");
            // Who does not say how many layers follow cannot be foreseen.
            assert!(form == Form::Vp9 { inter_layer: false } || judgement.ends_twice == 0, "{scenario:?} {judgement:?}");
            let choices = world.publisher.encodings.len() * usize::from(form.spatial_layers() * form.temporal_layers());
            assert!(judgement.switches > 20 && judgement.frames > 600, "{scenario:?} {judgement:?}");
            assert_eq!(judgement.layers.len(), choices, "{scenario:?} {judgement:?}");
            assert!(world.resent > 100, "{scenario:?}: {} resent", world.resent);
            targets += world.targets;
        }
    }
    assert!(targets > 10_000, "{targets}");
}

/// With losses, delays and a queue that gives up, holes are what was lost, and places of what was left out are filled.
#[test]
fn faults_leave_no_more_holes_than_they_are() {
    let mut empty = 0;
    for form in FORMS {
        for seed in 1..=6 {
            let scenario = Scenario { form, seed, lost: 2, delayed: 8, switch: 150, queue: 200, forgone: 1, followed: 0 };
            let world = World::new(scenario).run();
            let judgement = world.judge();
            assert!(judgement.holes <= world.late + world.forgone, "{scenario:?} {judgement:?} {} {}", world.late, world.forgone);
            assert!(judgement.switches > 20 && world.forgone > 3 && world.resent > 50, "{scenario:?} {judgement:?}");
            empty += world.empty;
        }
    }
    assert!(empty > 100, "{empty}: packets that came late and belong to a layer that was left out");
}

/// What stands before the slices of an H.264 picture and comes late does not tell its layer: it does not go on without them.
#[test]
fn no_message_goes_on_without_its_picture() {
    let (mut late, mut alone) = (0, 0);
    for seed in 1..=6 {
        let scenario = Scenario { form: Form::H264, seed, lost: 0, delayed: 20, switch: 300, queue: 0, forgone: 0, followed: 0 };
        let world = World::new(scenario).run();
        let mut parts: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        world.got.values().filter_map(|got| got.part).for_each(|(index, nth)| _ = parts.entry(index).or_default().insert(nth));
        for (index, parts) in &parts {
            let frame = &world.publisher.frames[*index];
            let message = frame.temporal == 1 && frame.packets > 1 && index.is_multiple_of(3);
            late += u32::from(message && frame.damaged);
            alone += u32::from(message && parts.len() == 1);
        }
    }
    // What a switch cut off is all that is left.
    assert!(late > 50 && alone < 40, "{alone} of {late}");
}

/// Empty packets behind pictures have numbers of their own: every number is used, none twice, and of the pictures nothing changes.
#[test]
fn empty_packets_follow_pictures_and_take_nothing_from_them() {
    for form in FORMS.into_iter().filter(|form| *form != Form::H264) {
        for seed in 1..=6 {
            let scenario = Scenario { form, seed, lost: 0, delayed: 0, switch: 100, queue: 60, forgone: 0, followed: 10 };
            let world = World::new(scenario).run();
            let judgement = world.judge();
            let waiting = world.queue.iter().filter(|(_, ticket)| ticket.is_empty()).count() as u32;
            assert_eq!((judgement.holes, world.empty + waiting, judgement.unmarked), (0, world.followers, 0), "{scenario:?} {judgement:?}");
            assert!(world.followers > 500 && judgement.switches > 20, "{scenario:?} {judgement:?} {}", world.followers);
            let scenario = Scenario { lost: 2, delayed: 8, switch: 150, queue: 200, forgone: 1, ..scenario };
            let world = World::new(scenario).run();
            let judgement = world.judge();
            assert!(judgement.holes <= world.late + world.forgone, "{scenario:?} {judgement:?} {} {}", world.late, world.forgone);
            assert!(world.followers > 300 && world.empty > 300, "{scenario:?} {} {}", world.followers, world.empty);
        }
    }
}
