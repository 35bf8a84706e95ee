//! Sound: copies towards a viewer, the same again for whoever misses it, repair out of a publisher's copies, beginnings of speech.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::viewer::{SSRC, viewer_exts};
use common::{NTP_BASE, Rng, Time};
use media::audio::{ONSET, Plan, Protection, onset, replay};
use media::{CodecIn, CodecOut, Inbound, MediaKind, Packet, PublishConfig, Receiver, Route, Slot, SlotConfig};
use proptest::prelude::*;
use wire::codec::{Codec, red};
use wire::ext::{Ext, ExtMap};
use wire::ids::{Mid, Ssrc};
use wire::rtp::{RtpFields, RtpHeader, write_header};

const OPUS: CodecIn = CodecIn { pt: 111, codec: Codec::Opus, clock_rate: 48_000, rtx: None };
const RED: CodecIn = CodecIn { pt: 63, codec: Codec::Red, clock_rate: 48_000, rtx: None };
const OPUS_OUT: u8 = 96;
const RED_OUT: u8 = 97;
/// 20 ms.
const FRAME: u32 = 960;

/// A publisher, a slot, and what was sent, by number.
struct Leg {
    time: Time,
    receiver: Receiver,
    slot: Slot,
    twcc: u16,
    sent: BTreeMap<u16, Vec<u8>>,
}

fn exts_in() -> ExtMap {
    let mut exts = ExtMap::new();
    exts.insert(1, Ext::AudioLevel).unwrap();
    exts
}

fn route(red: bool) -> Route {
    let out = |pt, codec| CodecOut { pt, codec, clock_rate: 48_000, rtx: None };
    let to = [out(OPUS_OUT, Codec::Opus), out(RED_OUT, Codec::Red)];
    Route::new(&[OPUS, RED], &to[..if red { 2 } else { 1 }], |from, to| from.codec == to.codec)
}

/// A line that loses so much, which chooses the plan.
fn plan(loss: f32) -> Plan {
    let mut protection = Protection::default();
    protection.fit(usize::MAX);
    let time = Time::new();
    // By the second time it is known that no queue overflows.
    for ms in [0, 300] {
        protection.update(time.at(ms), loss);
    }
    protection.plan()
}

/// The payload of the packet `seq`: its number, then as many bytes as it likes.
fn payload(seq: u16, len: usize) -> Vec<u8> {
    let mut payload = seq.to_be_bytes().to_vec();
    payload.resize(len.max(2), seq as u8);
    payload
}

/// A packet with an audio level: voice in the top bit.
fn packet(pt: u8, seq: u16, timestamp: u32, level: u8, payload: &[u8]) -> Vec<u8> {
    let fields = RtpFields { marker: false, payload_type: pt, sequence: seq, timestamp, ssrc: Ssrc(7) };
    let mut packet = vec![0; 40 + payload.len()];
    let head = write_header(&mut packet, &fields, &[(1, &[level])]).unwrap();
    packet.truncate(head);
    packet.extend(payload);
    packet
}

/// RED that carries `seq` and copies of those `distances` before it, 20 ms apart.
fn redundant(seq: u16, distances: &[u16]) -> Vec<u8> {
    let copies: Vec<Vec<u8>> = distances.iter().map(|distance| payload(seq - distance, 40)).collect();
    let block = |(distance, data): (&u16, _)| red::Block { payload_type: OPUS.pt, offset: FRAME * u32::from(*distance), data };
    let blocks: Vec<_> = distances.iter().zip(copies.iter().map(Vec::as_slice)).map(block).collect();
    let mut out = [0; 1200];
    let len = red::write(&blocks, &red::Block { payload_type: OPUS.pt, offset: 0, data: &payload(seq, 40) }, &mut out).unwrap();
    packet(RED.pt, seq, FRAME * u32::from(seq), 30, &out[..len])
}

impl Leg {
    fn new(red: bool) -> Self {
        let time = Time::new();
        let mut receiver = Receiver::new(time.at(0), NTP_BASE, exts_in(), Ssrc(1));
        let (mid, ssrcs) = (Mid::new("0").unwrap(), vec![(Ssrc(7), None)]);
        let line = PublishConfig { mid, kind: MediaKind::Audio, codecs: vec![OPUS, RED], nack: false, rids: vec![], ssrcs, label: 0 };
        receiver.configure(time.at(0), exts_in(), vec![line]);
        let mut slot = Slot::new(SlotConfig { mid, kind: MediaKind::Audio, ssrc: SSRC, rtx: None, epoch: time.at(0), entropy: 5 });
        slot.attach(time.at(0), route(red));
        Self { time, receiver, slot, twcc: 0, sent: BTreeMap::new() }
    }

    /// A packet arrives `ms` after the start; what it repairs is passed on first. Gives the numbers that were passed on.
    fn arrive(&mut self, ms: u64, packet: &[u8], plan: Plan) -> Vec<u16> {
        let Some(inbound) = self.receiver.handle_rtp(self.time.at(ms), packet) else { return Vec::new() };
        let mut passed = Vec::new();
        while let Some(lost) = self.receiver.recover(self.time.at(ms), &inbound) {
            passed.push(lost.ext_seq as u16);
            self.pass(ms, &lost, plan);
        }
        passed.push(inbound.ext_seq as u16);
        self.pass(ms, &inbound, plan);
        passed
    }

    fn pass(&mut self, ms: u64, inbound: &Inbound<'_>, plan: Plan) -> Option<u16> {
        let ticket = self.slot.admit(self.time.at(ms), inbound, &Packet::from(inbound))?;
        let (packet, publication) = (Packet::from(inbound), &self.receiver.publications()[0]);
        let mut out = [0; 1500];
        let exts = viewer_exts();
        let len = self.slot.write_sound(self.time.at(ms), &ticket, &packet, publication, plan, &exts, &mut self.twcc, &mut out)?;
        let seq = u16::from_be_bytes([out[2], out[3]]);
        assert!(self.sent.insert(seq, out[..len].to_vec()).is_none(), "a number used twice");
        Some(seq)
    }

    fn resend(&mut self, ms: u64, seq: u16) -> Option<Vec<u8>> {
        let mut out = [0; 1500];
        let publication = &self.receiver.publications()[0];
        let len = self.slot.resend_sound(self.time.at(ms), seq, publication, &viewer_exts(), &mut self.twcc, &mut out)?;
        Some(out[..len].to_vec())
    }

    /// Of the newest packet: the publisher's number in it, and those of its copies with how much older they are, oldest first.
    fn newest(&self) -> (u16, Vec<(u16, u32)>) {
        read(self.sent.values().next_back().unwrap())
    }
}

fn number(data: &[u8]) -> u16 {
    u16::from_be_bytes([data[0], data[1]])
}

fn read(sent: &[u8]) -> (u16, Vec<(u16, u32)>) {
    let header = RtpHeader::parse(sent).unwrap();
    let body = header.payload(sent).unwrap();
    if header.payload_type == OPUS_OUT {
        return (number(body), Vec::new());
    }
    assert_eq!(header.payload_type, RED_OUT);
    let mut blocks: Vec<_> = red::blocks(body).unwrap().collect();
    assert!(blocks.iter().all(|block| block.payload_type == OPUS_OUT), "the viewer's payload types");
    let newest = blocks.pop().unwrap();
    (number(newest.data), blocks.iter().map(|block| (number(block.data), block.offset)).collect())
}

fn plain(seq: u16) -> Vec<u8> {
    packet(OPUS.pt, seq, FRAME * u32::from(seq), 30, &payload(seq, 40))
}

#[test]
fn copies_go_along_where_the_line_loses_and_the_viewer_takes_them() {
    for (red, loss, expected) in [
        (true, 0.05, vec![(8, 2 * FRAME), (9, FRAME)]),
        (true, 0.25, vec![(6, 4 * FRAME), (8, 2 * FRAME), (9, FRAME)]),
        (true, 0.0, vec![]),
        (false, 0.25, vec![]),
    ] {
        let mut leg = Leg::new(red);
        (1..=10u16).for_each(|seq| drop(leg.arrive(u64::from(seq) * 20, &plain(seq), plan(loss))));
        assert_eq!(leg.newest(), (10, expected), "{red} {loss}");
        assert_eq!(leg.slot.counters().redundant > 0, red && loss > 0.0);
    }
}

#[test]
fn nothing_from_before_the_viewer_came_goes_along() {
    let mut leg = Leg::new(true);
    (1..=5u16).for_each(|seq| drop(leg.arrive(u64::from(seq) * 20, &plain(seq), plan(0.25))));
    leg.slot.attach(leg.time.at(100), route(true));
    for (seq, copies) in [(6, vec![]), (7, vec![(6, FRAME)]), (8, vec![(6, 2 * FRAME), (7, FRAME)])] {
        leg.arrive(u64::from(seq) * 20, &plain(seq), plan(0.25));
        assert_eq!(leg.newest(), (seq, copies));
    }
}

#[test]
fn nothing_is_repeated_across_a_gap_that_cannot_be_said_and_nothing_that_is_too_long() {
    let mut leg = Leg::new(true);
    leg.arrive(0, &plain(1), plan(0.25));
    leg.arrive(500, &packet(OPUS.pt, 2, FRAME + 16_384, 30, &payload(2, 40)), plan(0.25));
    assert_eq!(leg.newest(), (2, vec![]));
    leg.arrive(520, &packet(OPUS.pt, 3, FRAME + 16_383, 30, &payload(3, 40)), plan(0.25));
    assert_eq!(leg.newest().1[0], (1, 16_383));
    // Three of 400 bytes have no room in 1,000.
    let mut leg = Leg::new(true);
    for seq in 1..=5u16 {
        let packet = packet(OPUS.pt, seq, FRAME * u32::from(seq), 30, &payload(seq, 400));
        leg.arrive(u64::from(seq) * 20, &packet, plan(0.25));
    }
    assert_eq!(leg.newest(), (5, vec![(4, FRAME)]));
}

#[test]
fn a_publishers_copies_repair_its_own_line_and_go_no_further() {
    for distances in [&[1][..], &[2, 1]] {
        let mut leg = Leg::new(true);
        let mut passed = Vec::new();
        for seq in (10..60u16).filter(|seq| seq % 5 != 3) {
            passed.extend(leg.arrive(u64::from(seq) * 20, &redundant(seq, distances), Plan::NONE));
            assert_eq!(leg.newest().1, []);
        }
        assert_eq!(passed, (10..60).collect::<Vec<_>>(), "each in its place");
        assert_eq!(leg.receiver.counters().rebuilt, 10);
        // The packet itself, late: it came already.
        let before = leg.receiver.counters().duplicate;
        assert!(leg.arrive(1_300, &redundant(53, distances), Plan::NONE).is_empty());
        assert_eq!(leg.receiver.counters().duplicate, before + 1);
        assert_eq!(leg.sent.values().map(|sent| read(sent).0).collect::<Vec<_>>(), (10..60).collect::<Vec<_>>());
    }
    // Two in a row are lost: one copy brings the second alone.
    let mut leg = Leg::new(true);
    leg.arrive(0, &redundant(20, &[1]), Plan::NONE);
    assert_eq!(leg.arrive(60, &redundant(23, &[1]), Plan::NONE), [22, 23]);
}

/// With silence between two packets a copy may be of any of those that are missing: it is only taken where there is no choice.
#[test]
fn a_copy_of_uncertain_number_is_not_taken() {
    let mut out = [0; 200];
    let copy = payload(99, 40);
    let blocks = [red::Block { payload_type: OPUS.pt, offset: FRAME, data: &copy }];
    let len = red::write(&blocks, &red::Block { payload_type: OPUS.pt, offset: 0, data: &payload(50, 40) }, &mut out).unwrap();
    for (missing, rebuilt) in [(1, true), (2, false)] {
        let mut leg = Leg::new(true);
        leg.arrive(0, &packet(RED.pt, 10, 0, 30, &redundant(10, &[])[16..]), Plan::NONE);
        let seq = 11 + missing;
        // 31 packets later: no even spacing that Opus knows.
        let passed = leg.arrive(600, &packet(RED.pt, seq, FRAME * 31, 30, &out[..len]), Plan::NONE);
        assert_eq!(passed.len() == 2, rebuilt, "{missing} missing: {passed:?}");
    }
}

#[test]
fn what_may_not_flow_is_not_kept() {
    let mut leg = Leg::new(true);
    (1..=5u16).for_each(|seq| drop(leg.arrive(u64::from(seq) * 20, &plain(seq), Plan::NONE)));
    let stored = |leg: &Leg| (1..=15u64).filter(|seq| leg.receiver.publications()[0].stored(0, (1 << 16) + seq).is_some()).count();
    assert_eq!(stored(&leg), 5);
    leg.receiver.set_open(0, false);
    assert_eq!(stored(&leg), 0, "what was kept is gone");
    (6..=10u16).for_each(|seq| drop(leg.arrive(u64::from(seq) * 20, &plain(seq), Plan::NONE)));
    assert_eq!(stored(&leg), 0, "and nothing comes to it");
    leg.receiver.set_open(0, true);
    leg.arrive(220, &plain(11), Plan::NONE);
    assert_eq!(stored(&leg), 1);
}

/// Levels of packets 20 ms apart, the last being the one that is noticed; the first that is worth hearing.
fn beginning(levels: &[u8], since: u64) -> u64 {
    let mut leg = Leg::new(true);
    let packets: Vec<_> =
        (0..).zip(levels).map(|(seq, level)| packet(OPUS.pt, seq, FRAME * u32::from(seq), *level, &payload(seq, 40))).collect();
    let (last, before) = packets.split_last().unwrap();
    (0..).zip(before).for_each(|(seq, packet)| drop(leg.arrive(20 * seq, packet, Plan::NONE)));
    let newest = leg.receiver.handle_rtp(leg.time.at(20 * before.len() as u64), last).unwrap();
    let publication = &leg.receiver.publications()[0];
    let first = onset(publication, &newest, leg.time.at(since), ONSET);
    for ext_seq in first..newest.ext_seq {
        let again = replay(publication, &newest, ext_seq).unwrap();
        assert_eq!(
            (again.payload, again.timestamp, again.late),
            (&payload(ext_seq as u16, 40)[..], FRAME * (ext_seq as u32 & 0xffff), false)
        );
    }
    first & 0xffff
}

#[test]
fn a_beginning_is_found_behind_what_is_noticed() {
    const SILENT: u8 = 127;
    const SOFT: u8 = 0x80 | 58;
    const LOUD: u8 = 0x80 | 30;
    let silence = [SILENT; 10];
    assert_eq!(beginning(&[&silence[..], &[SOFT, SOFT, SOFT, LOUD]].concat(), 0), 8, "the beginning and a breath before");
    assert_eq!(beginning(&[&silence[..], &[LOUD]].concat(), 0), 8);
    assert_eq!(beginning(&[&silence[..], &[SOFT, SILENT, SILENT, SOFT, LOUD]].concat(), 0), 8, "a plosive is no end");
    assert_eq!(beginning(&[&[LOUD; 3], &silence[..], &[LOUD]].concat(), 0), 11, "the sentence before is another's");
    assert_eq!(beginning(&[LOUD; 40], 0), 24, "at most 300 ms");
    assert_eq!(beginning(&[LOUD; 40], 700), 35, "nothing from before the listener came");
    assert_eq!(beginning(&[LOUD], 0), 0);
}

#[derive(Default, Debug)]
struct Seen {
    copies: usize,
    again: usize,
    changed: usize,
}

/// A minute of everything at once: packets lost and late on the way in, plans that change, viewers who ask again.
fn anything(seed: u64, red_in: bool) -> Seen {
    let (mut rng, mut leg, mut seen) = (Rng(seed | 1), Leg::new(true), Seen::default());
    let mut arrived = Vec::new();
    let mut late: Option<Vec<u8>> = None;
    let plans = [plan(0.0), plan(0.05), plan(0.25)];
    let mut chosen = plans[1];
    for seq in 100..3_100u16 {
        let ms = u64::from(seq) * 20;
        let packet = if red_in { redundant(seq, &[2, 1]) } else { plain(seq) };
        if let Some(packet) = late.take() {
            arrived.extend(leg.arrive(ms, &packet, chosen));
        }
        match rng.below(20) {
            0 | 1 => continue,
            2 => late = Some(packet),
            _ => arrived.extend(leg.arrive(ms, &packet, chosen)),
        }
        if rng.percent(2) {
            chosen = plans[rng.below(3) as usize];
        }
        let asked = leg.sent.keys().next_back().map(|newest| newest.wrapping_sub(rng.below(12) as u16));
        if let Some(first) = asked.and_then(|asked| leg.sent.get(&asked).cloned())
            && let Some(again) = leg.resend(ms + 5, asked.unwrap())
        {
            seen.again += 1;
            seen.changed += usize::from(again != first);
        }
    }
    for sent in leg.sent.values() {
        let (newest, copies) = read(sent);
        assert!(arrived.contains(&newest), "seed {seed}: {newest} was invented");
        for (copy, offset) in copies {
            assert!(arrived.contains(&copy), "seed {seed}: a copy of {copy}, which never came");
            assert_eq!(u32::from(newest - copy) * FRAME, offset, "seed {seed}");
            seen.copies += 1;
        }
    }
    assert_eq!(leg.sent.len(), leg.slot.counters().packets as usize);
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Copies are of packets that came, with their true age; what is sent again is the same to the last byte, whatever the plan is by then.
    #[test]
    fn whatever_happens(seed: u64, red_in: bool) {
        let seen = anything(seed, red_in);
        prop_assert_eq!(seen.changed, 0, "{:?}", &seen);
        prop_assert!(seen.copies > 500 && seen.again > 200, "{:?}", &seen);
    }
}

#[test]
fn a_warm_stream_takes_no_memory() {
    let (mut leg, plan) = (Leg::new(true), plan(0.25));
    let packets: Vec<_> = (100..1_100u16).map(|seq| redundant(seq, &[1])).collect();
    let mut out = [0; 1500];
    let exts = viewer_exts();
    let mut step = |nth: usize, packet: &[u8]| {
        let now = leg.time.at(nth as u64 * 20);
        let Some(inbound) = leg.receiver.handle_rtp(now, packet) else { return };
        let mut pass = |receiver: &Receiver, inbound: &Inbound<'_>| {
            let (packet, publication) = (Packet::from(inbound), &receiver.publications()[0]);
            let ticket = leg.slot.admit(now, inbound, &packet).unwrap();
            leg.slot.write_sound(now, &ticket, &packet, publication, plan, &exts, &mut leg.twcc, &mut out).unwrap();
            let seq = u16::from_be_bytes([out[2], out[3]]).wrapping_sub(4);
            if leg.slot.may_resend(now, seq, Duration::from_millis(30)) {
                let _ = leg.slot.resend_sound(now, seq, publication, &exts, &mut leg.twcc, &mut out);
            }
        };
        while let Some(lost) = leg.receiver.recover(now, &inbound) {
            pass(&leg.receiver, &lost);
        }
        pass(&leg.receiver, &inbound);
    };
    let mut play = |range: std::ops::Range<usize>| range.filter(|nth| nth % 7 != 3).for_each(|nth| step(nth, &packets[nth]));
    play(0..500);
    let counted = allocation_counter::measure(|| play(500..1000)).count_total;
    assert_eq!(counted, 0);
    let (rebuilt, counters) = (leg.receiver.counters().rebuilt, leg.slot.counters());
    assert!(rebuilt > 100 && counters.redundant > 900 && counters.resent > 100, "{rebuilt} {counters:?}");
}
