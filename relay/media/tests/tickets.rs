//! Tickets: numbers are fixed at arrival, packets are written later, or never.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use common::Style;
use common::leg::{Leg, VP8, header, lane, leg};
use common::viewer::{RTX, SSRC};
use media::{Packet, Slot, Ticket};
use wire::codec::vp8::Descriptor;
use wire::ext::{Ext, ExtMap, ExtValues};
use wire::ids::Ssrc;

/// Lets the relay see a packet of the lane and gives its ticket.
fn admit(leg: &mut Leg, lane: &mut common::Lane, ms: u64) -> Option<Ticket> {
    lane.size = 300;
    let packet = lane.frame(ms, &mut leg.rng, &mut leg.twcc_in).remove(0);
    let inbound = leg.receiver.handle_rtp(leg.time.at(ms), &packet)?;
    leg.slot.admit(leg.time.at(ms), &inbound, &Packet::from(&inbound))
}

/// Writes from the store what waited.
fn write(leg: &mut Leg, ticket: &Ticket, ms: u64) -> Option<Vec<u8>> {
    let stored = leg.receiver.publications()[0].stored(ticket.origin.layer, ticket.origin.ext_seq)?;
    let mut out = [0; 1500];
    let len = leg.slot.write(leg.time.at(ms), ticket, &Packet::from(&stored), &leg.exts, &mut leg.twcc, &mut out)?;
    Some(out[..len].to_vec())
}

#[test]
fn what_waited_is_what_would_have_gone_at_once() {
    for style in [VP8, Style::Vp9, Style::H264, Style::Av1, Style::Opus] {
        let (mut at_once, mut later) = (lane(style, 0x100, "0"), lane(style, 0x100, "0"));
        let mut legs = [leg(std::slice::from_ref(&at_once), true), leg(std::slice::from_ref(&later), true)];
        let sent: Vec<_> = (0..8).map(|nth| legs[0].send(&mut at_once, 40 * nth, 0).unwrap()).collect();
        let tickets: Vec<_> = (0..8).map(|nth| admit(&mut legs[1], &mut later, 40 * nth).unwrap()).collect();
        let written: Vec<_> = tickets.iter().map(|ticket| write(&mut legs[1], ticket, 400).unwrap()).collect();
        assert_eq!(sent, written, "{style:?}");
        assert_eq!(write(&mut legs[1], &tickets[3], 410), None, "once only: the number is a nonce");
    }
}

/// A run that waits is not disturbed by the next: each packet keeps the numbers of its own.
#[test]
fn another_run_may_begin_meanwhile() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    let old: Vec<_> = (0..3).map(|nth| admit(&mut leg, &mut camera, 40 * nth).unwrap()).collect();
    (camera.ssrc, camera.seq, camera.wants_key) = (Ssrc(0x900), 77, true);
    let new = admit(&mut leg, &mut camera, 1000).unwrap();
    let numbers = old.iter().chain([&new]).map(|ticket| header(&write(&mut leg, ticket, 1010).unwrap()).sequence);
    let numbers: Vec<_> = numbers.collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
}

/// Mute, kick and move put something else, or nothing, into the slot: what waited is worth nothing then.
#[test]
fn nothing_is_written_after_the_slot_was_filled_anew() {
    let mut camera = lane(VP8, 0x100, "0");
    let acts: [fn(&mut Leg, &common::Lane); 2] = [|leg, lane| leg.put(lane, 50), |leg, _| leg.slot.detach()];
    for act in acts {
        let mut leg = leg(std::slice::from_ref(&camera), true);
        camera.wants_key = true;
        let ticket = admit(&mut leg, &mut camera, 0).unwrap();
        act(&mut leg, &camera);
        assert_eq!(write(&mut leg, &ticket, 60), None);
    }
}

fn picture_id(packet: &[u8]) -> u16 {
    Descriptor::parse(header(packet).payload(packet).unwrap()).unwrap().picture_id.unwrap().value()
}

/// The viewer would take the numbers of what waited in vain for lost, ask for them and report them.
#[test]
fn numbers_of_what_waited_in_vain_are_given_away_again() {
    let mut camera = lane(VP8, 0x100, "0");
    let acts: [fn(&mut Leg, &common::Lane); 3] = [
        |leg, _| leg.slot.break_off(),
        |leg, lane| leg.put(lane, 150),
        |leg, lane| {
            leg.slot.detach();
            leg.put(lane, 150);
        },
    ];
    for (act, written) in acts.into_iter().zip([2, 1, 0]) {
        let mut leg = leg(std::slice::from_ref(&camera), true);
        camera.wants_key = true;
        let tickets: Vec<_> = (0..4).map(|nth| admit(&mut leg, &mut camera, 40 * nth).unwrap()).collect();
        let newest = tickets.iter().take(written).map(|ticket| write(&mut leg, ticket, 140).unwrap()).last();
        let last = newest.as_ref().map_or(tickets[0].sequence().wrapping_sub(1), |packet| header(packet).sequence);
        leg.slot.forgo(&tickets[3]);
        act(&mut leg, &camera);
        camera.wants_key = true;
        let next = leg.send(&mut camera, 200, 0).unwrap();
        assert_eq!(header(&next).sequence, last.wrapping_add(1), "{written} written");
        if let Some(newest) = newest {
            assert_eq!(picture_id(&next), (picture_id(&newest) + 1) & 0x7fff, "browsers wait for a picture whose id was skipped");
        }
        assert_eq!(header(&leg.send(&mut camera, 240, 0).unwrap()).sequence, last.wrapping_add(2));
        assert_eq!(leg.resend(last.wrapping_add(3), 250), None, "what was forgone went with the rest");
    }
}

#[test]
fn what_was_forgone_can_be_asked_for() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    let tickets: Vec<_> = (0..3).map(|nth| admit(&mut leg, &mut camera, 40 * nth).unwrap()).collect();
    let first = header(&write(&mut leg, &tickets[0], 100).unwrap()).sequence;
    let missing = first.wrapping_add(1);
    let _ = write(&mut leg, &tickets[2], 100).unwrap();
    assert_eq!(leg.resend(missing, 110), None, "it waits: written now, it would be written twice");
    leg.slot.forgo(&tickets[1]);
    let late = leg.resend(missing, 120).unwrap();
    assert_eq!((header(&late).ssrc, header(&late).sequence), (SSRC, missing), "for the first time");
    assert_eq!(header(&leg.resend(missing, 200).unwrap()).ssrc, RTX);
    assert_eq!(write(&mut leg, &tickets[1], 210), None);
}

/// A picture that is too old, or that a newer keyframe makes needless, is not sent again.
#[test]
fn useless_packets_are_not_sent_again() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    let first = header(&leg.send(&mut camera, 0, 0).unwrap()).sequence;
    let second = header(&leg.send(&mut camera, 40, 0).unwrap()).sequence;
    assert!(leg.resend(first, 490).is_some());
    assert_eq!((leg.resend(first, 510), leg.slot.counters().refused), (None, 1), "too old");
    assert!(leg.resend(second, 510).is_some());
    camera.wants_key = true;
    let key = header(&leg.send(&mut camera, 520, 0).unwrap()).sequence;
    assert_eq!(leg.resend(second, 530), None, "before a keyframe");
    assert!(leg.resend(key, 530).is_some());
    let mut voice = lane(Style::Opus, 0x100, "0");
    let mut leg = common::leg::leg(std::slice::from_ref(&voice), false);
    let first = header(&leg.send(&mut voice, 0, 0).unwrap()).sequence;
    assert!(leg.resend(first, 200).is_some() && leg.resend(first, 201).is_none());
}

#[test]
fn padding_goes_where_nobody_looks() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    let mut out = [0; 1500];
    let sent = leg.send(&mut camera, 0, 0).unwrap();
    let mut pad =
        |slot: &mut Slot, len| slot.write_padding(leg.time.at(0), len, &leg.exts, &mut leg.twcc, &mut out).map(|len| out[..len].to_vec());
    let first = pad(&mut leg.slot, 100).unwrap();
    let long = pad(&mut leg.slot, 5000).unwrap();
    for (packet, len) in [(&first, 100), (&long, 224)] {
        let head = header(packet);
        assert_eq!((head.ssrc, head.padding, head.payload(packet).unwrap()), (RTX, true, &[][..]));
        assert_eq!((packet.len() - head.payload_start, head.timestamp), (len, header(&sent).timestamp));
    }
    assert_eq!(header(&long).sequence, header(&first).sequence.wrapping_add(1));
    assert_eq!(leg.twcc, 103, "all count for the estimate");
    let mut bare = common::leg::leg(std::slice::from_ref(&camera), false);
    assert_eq!(bare.slot.write_padding(bare.time.at(0), 100, &bare.exts, &mut bare.twcc, &mut [0; 1500]), None);
}

/// Whoever is not told transport-wide numbers is told when each packet of a picture was sent, padding and what is sent again included.
#[test]
fn without_numbers_there_are_times_of_sending() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    leg.exts = ExtMap::new();
    leg.exts.insert(2, Ext::AbsSendTime).unwrap();
    let sent = |packet: &[u8], leg: &Leg| {
        let values = ExtValues::read(&leg.exts, &header(packet), packet);
        let [a, b, c] = values.get(Ext::AbsSendTime)?.try_into().unwrap();
        Some((u64::from(u32::from_be_bytes([0, a, b, c])) * 1000) >> 18)
    };
    let ticket = admit(&mut leg, &mut camera, 40).unwrap();
    let first = write(&mut leg, &ticket, 1_250).unwrap();
    assert_eq!(sent(&first, &leg), Some(1_250), "not when it came");
    let again = leg.resend(header(&first).sequence, 1_500).unwrap();
    assert_eq!((header(&again).ssrc, sent(&again, &leg)), (RTX, Some(1_500)));
    let mut out = [0; 1500];
    let len = leg.slot.write_padding(leg.time.at(64_125), 100, &leg.exts, &mut leg.twcc, &mut out).unwrap();
    assert_eq!((sent(&out[..len], &leg), leg.twcc), (Some(125), 100), "a clock of 64 s, and no number was used");
    leg.exts.insert(3, Ext::TransportCc).unwrap();
    let second = leg.send(&mut camera, 80, 0).unwrap();
    assert_eq!(sent(&second, &leg), None, "numbers are better");
    let mut camera = lane(VP8, 0x200, "0");
    let mut bare = common::leg::leg(std::slice::from_ref(&camera), false);
    bare.exts = ExtMap::new();
    bare.exts.insert(2, Ext::AbsSendTime).unwrap();
    let first = bare.send(&mut camera, 0, 0).unwrap();
    assert_eq!(sent(&first, &bare), None, "what is sent the same again has no time");
    assert_eq!(bare.resend(header(&first).sequence, 400).unwrap(), first);
}
