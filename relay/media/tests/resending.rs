//! What a slot sends again, and what it keeps to itself.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use common::leg::{VP8, header, lane, leg};
use common::viewer::{RTX, SSRC};
use common::{Style, ext_map};
use media::Packet;
use wire::ext::Ext;

/// What was withheld from a slot does not come out of the store when the viewer reports it missing.
#[test]
fn what_was_not_offered_is_not_resent() {
    let mut audio = lane(Style::Opus, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&audio), true);
    let before = header(&leg.send(&mut audio, 0, 20).unwrap()).sequence;
    for nth in 1..8 {
        // The caller does not show these to the slot: the person is muted.
        let packet = audio.frame(20 * nth, &mut leg.rng, &mut leg.twcc_in).remove(0);
        leg.receiver.handle_rtp(leg.time.at(20 * nth), &packet).unwrap();
    }
    let after = header(&leg.send(&mut audio, 160, 20).unwrap()).sequence;
    assert_eq!(after, before.wrapping_add(8));
    assert!(leg.resend(before, 200).is_some() && leg.resend(after, 200).is_some());
    assert!((1..8).all(|nth| leg.slot.resolve(before.wrapping_add(nth)).is_none()));
    // Put in anew, the slot knows nothing of before.
    leg.put(&audio, 300);
    assert!(leg.slot.resolve(after).is_none());
}

/// The first packet of a keyframe comes last: what passed by in the meantime can be asked for, but not what passed before the slot
/// was filled.
#[test]
fn a_keyframe_whose_first_packet_is_late_is_completed_on_request() {
    for (filled, expected) in [(0, true), (45, false)] {
        let mut camera = lane(VP8, 0x100, "0");
        let mut leg = leg(std::slice::from_ref(&camera), true);
        let _ = leg.send(&mut camera, 0, 1);
        leg.put(&camera, filled);
        camera.wants_key = true;
        camera.size = 3000;
        let frame = camera.frame(40, &mut leg.rng, &mut leg.twcc_in);
        assert!(leg.forward(&frame[1], 41).is_none() && leg.forward(&frame[2], 42).is_none());
        let first = header(&leg.forward(&frame[0], 60).unwrap()).sequence;
        let following = header(&leg.send(&mut camera, 80, 10).unwrap()).sequence;
        assert_eq!(following, first.wrapping_add(3));
        let next = leg.resend(first.wrapping_add(1), 100);
        assert_eq!(next.is_some(), expected, "filled at {filled}");
        if let Some(next) = next {
            assert_eq!((header(&next).ssrc, header(&next).sequence), (SSRC, first.wrapping_add(1)), "sent for the first time");
            let again = leg.resend(first.wrapping_add(1), 200).unwrap();
            assert_eq!(header(&again).ssrc, RTX);
        }
    }
}

/// Without a retransmission stream the same number must mean the same bytes, whatever was renegotiated in between.
#[test]
fn no_second_packet_under_one_number() {
    let mut audio = lane(Style::Opus, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&audio), false);
    let first = leg.send(&mut audio, 0, 20).unwrap();
    assert_eq!(leg.resend(header(&first).sequence, 50), Some(first.clone()));
    leg.exts = ext_map(&[(Ext::Mid, 2), (Ext::TransportCc, 9)]);
    assert_eq!(leg.resend(header(&first).sequence, 100), None);
    let second = leg.send(&mut audio, 20, 100).unwrap();
    assert_eq!(leg.resend(header(&second).sequence, 150), Some(second));
    assert_eq!(leg.resend(header(&first).sequence, 200), None);
}

/// What follows a picture has a number of its own, and is sent again as what it is: empty, on the retransmission stream or the same again.
#[test]
fn an_empty_packet_behind_a_picture_is_sent_again_as_such() {
    for rtx in [true, false] {
        let mut camera = lane(VP8, 0x100, "0");
        let mut leg = leg(std::slice::from_ref(&camera), rtx);
        camera.size = 300;
        let packet = camera.frame(0, &mut leg.rng, &mut leg.twcc_in).remove(0);
        let now = leg.time.at(1);
        let inbound = leg.receiver.handle_rtp(now, &packet).unwrap();
        assert!(inbound.marker, "one packet, one picture");
        let view = Packet::from(&inbound);
        let ticket = leg.slot.admit(now, &inbound, &view).unwrap();
        let one = leg.slot.follow(&ticket).unwrap();
        let other = leg.slot.follow(&one).unwrap();
        assert_eq!(leg.slot.follow(&one), None, "only the newest is followed");
        let sent = [ticket, one, other].map(|ticket| {
            let mut out = [0; 1500];
            let len = leg.slot.write(now, &ticket, &view, &leg.exts, &mut leg.twcc, &mut out).unwrap();
            out[..len].to_vec()
        });
        let first = header(&sent[0]).sequence;
        assert_eq!([1, 2].map(|nth| header(&sent[nth]).sequence), [1, 2].map(|nth| first.wrapping_add(nth)));
        assert_eq!([0, 1, 2].map(|nth: usize| header(&sent[nth]).payload(&sent[nth]).unwrap().is_empty()), [false, true, true]);
        assert_eq!([0, 1, 2].map(|nth| leg.slot.was_empty(first.wrapping_add(nth))), [false, true, true]);
        let again = leg.resend(first.wrapping_add(2), 100).unwrap();
        let osn = first.wrapping_add(2).to_be_bytes();
        assert!(if rtx { header(&again).payload(&again).unwrap() == osn } else { again == sent[2] }, "{rtx}");
        let next = leg.send(&mut camera, 40, 1).unwrap();
        assert_eq!(leg.slot.follow(&other), None, "the next picture has begun");
        assert_eq!(header(&next).sequence, first.wrapping_add(3), "what comes next moves on");
        assert_eq!(header(&leg.resend(first, 150).unwrap()).timestamp, header(&sent[0]).timestamp);
    }
}

/// Behind a number of H.264 that is missing browsers decode nothing: what need not be there would be one more to lose.
#[test]
fn nothing_follows_pictures_that_do_not_name_what_they_need() {
    for (style, followed) in [(VP8, true), (Style::H264, false), (Style::Opus, false)] {
        let mut source = lane(style, 0x100, "0");
        let mut leg = leg(std::slice::from_ref(&source), true);
        let frame = source.frame(0, &mut leg.rng, &mut leg.twcc_in);
        let now = leg.time.at(1);
        let follows = frame.iter().filter(|packet| {
            let inbound = leg.receiver.handle_rtp(now, packet).unwrap();
            let ticket = leg.slot.admit(now, &inbound, &Packet::from(&inbound)).unwrap();
            leg.slot.may_follow(&inbound, &ticket)
        });
        assert_eq!(follows.count(), usize::from(followed), "{style:?}");
    }
}

/// The caller may be wrong, the numbers never: they are nonces.
#[test]
fn nothing_is_forwarded_twice() {
    let mut audio = lane(Style::Opus, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&audio), true);
    let packet = audio.frame(0, &mut leg.rng, &mut leg.twcc_in).remove(0);
    let inbound = leg.receiver.handle_rtp(leg.time.at(0), &packet).unwrap();
    let mut out = [0; 1500];
    let mut twice = || leg.slot.forward(leg.time.at(0), &inbound, &leg.exts, &mut leg.twcc, &mut out).is_some();
    assert_eq!((twice(), twice()), (true, false));
    assert_eq!((leg.slot.counters().packets, leg.twcc), (1, 101));
}
