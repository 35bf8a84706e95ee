//! What a slot makes of single packets: payload types, header extensions, capture times, reports, starts.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::time::Duration;

use common::leg::{Leg, VP8, header, lane, leg, route, slot};
use common::viewer::viewer_exts;
use common::{Lane, NTP_BASE, Rng, Style, Time, ext_map, publish_config, publisher_exts};
use media::{CodecIn, CodecOut, KeyframeCause, MediaKind, PublishConfig, Receiver, Route, Slot};
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap, ExtValues};
use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;
use wire::rtp::{RtpFields, write_header};

#[test]
fn red_is_unwrapped_whatever_the_viewer_takes() {
    let time = Time::new();
    let red = CodecIn { pt: 63, codec: Codec::Red, clock_rate: 48_000, rtx: None };
    let opus = CodecIn { pt: 111, codec: Codec::Opus, clock_rate: 48_000, rtx: None };
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, ExtMap::new(), Ssrc(1));
    let line = PublishConfig {
        mid: Mid::new("0").unwrap(),
        kind: MediaKind::Audio,
        codecs: vec![red, opus],
        nack: true,
        rids: vec![],
        ssrcs: vec![],
        label: 0,
    };
    receiver.configure(time.at(0), ExtMap::new(), vec![line]);
    let out = |pt, codec| CodecOut { pt, codec, clock_rate: 48_000, rtx: None };
    let same = |from: &CodecIn, to: &CodecOut| from.codec == to.codec;
    let routes = [
        Route::new(&[red, opus], &[out(96, Codec::Opus), out(97, Codec::Red)], same),
        Route::new(&[red, opus], &[out(96, Codec::Opus)], same),
    ];
    // Two redundant blocks of two and one bytes, then the new one.
    let payload = [0x80 | 111, 0x0f, 0, 2, 0x80 | 111, 0x07, 0x80, 1, 111, 1, 2, 3, 4, 5, 6];
    let fields = RtpFields { marker: false, payload_type: 63, sequence: 5, timestamp: 9, ssrc: Ssrc(3) };
    let mut packet = [0; 64];
    let len = write_header(&mut packet, &fields, &[]).unwrap();
    packet[len..len + payload.len()].copy_from_slice(&payload);
    let inbound = receiver.handle_rtp(time.at(0), &packet[..len + payload.len()]).unwrap();
    let sent = routes.map(|route| {
        let mut slot = slot(&lane(Style::Opus, 1, "0"), false, &Time::new());
        slot.attach(time.at(0), route);
        let mut buf = [0; 100];
        let len = slot.forward(time.at(0), &inbound, &ExtMap::new(), &mut 0, &mut buf).unwrap();
        buf[..len].to_vec()
    });
    for sent in &sent {
        assert_eq!((header(sent).payload_type, header(sent).payload(sent).unwrap()), (96, &[4, 5, 6][..]));
    }
    assert!(header(&sent[0]).marker, "the start of a talk spurt for this viewer");
}

#[test]
fn frame_numbers_are_found_behind_either_form_of_extension_head() {
    for id in [10, 20] {
        let mut camera = lane(VP8, 0x100, "0");
        let mut leg = leg(std::slice::from_ref(&camera), true);
        leg.exts = ext_map(&[(Ext::DependencyDescriptor, id), (Ext::Mid, 4)]);
        let numbers = [0, 40].map(|ms| {
            let packet = leg.send(&mut camera, ms, 20).unwrap();
            let exts = ExtValues::read(&leg.exts, &header(&packet), &packet);
            assert_eq!(exts.mid(), Mid::new("v"));
            let value = exts.get(Ext::DependencyDescriptor).unwrap();
            assert_eq!((value.len(), value[0]), (3, 0x80));
            u16::from_be_bytes([value[1], value[2]])
        });
        assert_eq!(numbers[1], numbers[0].wrapping_add(1));
    }
}

#[test]
fn capture_times_move_to_the_relays_clock() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    let captured = |leg: &Leg, packet: &[u8]| {
        let exts = ExtValues::read(&leg.exts, &header(packet), packet);
        exts.get(Ext::AbsCaptureTime).map(|value| Ntp(u64::from_be_bytes(value.try_into().unwrap())))
    };
    let day = Duration::from_secs(86_400);
    let mut packet = |leg: &mut Leg, ms: u64, value: &[u8]| {
        camera.size = 300;
        let plain = camera.frame(ms, &mut leg.rng, &mut leg.twcc_in).remove(0);
        let head = header(&plain);
        let fields =
            RtpFields { marker: head.marker, payload_type: 96, sequence: head.sequence, timestamp: head.timestamp, ssrc: head.ssrc };
        let mut packet = vec![0; 1500];
        let len = write_header(&mut packet, &fields, &[(9, value)]).unwrap();
        packet.truncate(len);
        packet.extend_from_slice(head.payload(&plain).unwrap());
        leg.forward(&packet, ms + 20).unwrap()
    };
    let at = leg.time.ntp(0).minus(day).0.to_be_bytes();
    let first = packet(&mut leg, 0, &at);
    assert_eq!(captured(&leg, &first), None, "nobody knows the publisher's clock yet");
    let (sent, rtp) = (leg.time.ntp(30).minus(day), 0);
    leg.receiver.handle_sender_report(leg.time.at(50), Ssrc(0x100), sent, rtp);
    let at = leg.time.ntp(40).minus(day).0.to_be_bytes();
    let second = packet(&mut leg, 40, &at);
    // The least delay known is part of the clock: 20 ms.
    assert_eq!(captured(&leg, &second), Some(leg.time.ntp(60)));
    // A capturer whose clock is another five seconds behind the sender's.
    let five = Duration::from_secs(5);
    let value = [leg.time.ntp(80).minus(day).minus(five).0.to_be_bytes(), (5u64 << 32).to_be_bytes()].concat();
    let third = packet(&mut leg, 80, &value);
    assert_eq!(captured(&leg, &third), Some(leg.time.ntp(100)));
    let again = leg.resend(header(&third).sequence, 200).unwrap();
    assert_eq!(captured(&leg, &again), captured(&leg, &third));
}

/// Two persons, sound and picture with different delays, in one pair of slots one after the other.
#[test]
fn reports_keep_sound_and_picture_together_across_switches() {
    let mut audio = [lane(Style::Opus, 0x100, "0"), lane(Style::Opus, 0x200, "0")];
    let mut video = [lane(VP8, 0x300, "1"), lane(VP8, 0x400, "1")];
    let mut legs = [0, 1].map(|person: usize| {
        let lanes = [lane(Style::Opus, 0x100 * (person as u32 + 1), "0"), lane(VP8, 0x100 * (person as u32 + 3), "1")];
        leg(&lanes, true)
    });
    let time = legs[0].time;
    legs[1].time = time;
    let time = Time::new();
    let mut slots = [slot(&audio[0], false, &time), slot(&video[0], true, &time)];
    let (mut twcc, mut out) = (0, [0; 1500]);
    for person in [0, 1, 0] {
        let begin = 10_000 * (1 + u64::from(slots[0].counters().packets > 0) + u64::from(person == 0 && slots[0].counters().starts > 1));
        slots[0].attach(time.at(begin), route(&audio[person]));
        slots[1].attach(time.at(begin), route(&video[person]));
        video[person].wants_key = true;
        for ms in (begin..begin + 3000).step_by(20) {
            for (slot, (lane, delay)) in slots.iter_mut().zip([(&mut audio[person], 15), (&mut video[person], 80)]) {
                lane.size = 300;
                let packet = lane.frame(ms, &mut Rng(ms + 1), &mut twcc).remove(0);
                let inbound = legs[person].receiver.handle_rtp(time.at(ms + delay), &packet).unwrap();
                slot.forward(time.at(ms + delay), &inbound, &viewer_exts(), &mut twcc, &mut out).unwrap();
                if ms % 1000 == 0 {
                    let ssrc = lane.ssrc;
                    let rtp = lane.rtp_time(ms);
                    let sent = time.ntp(ms).minus(Duration::from_secs(86_400 * (1 + person as u64)));
                    legs[person].receiver.handle_sender_report(time.at(ms + delay), ssrc, sent, rtp);
                }
            }
        }
        // The viewer's view: when was what is captured now captured, by either report?
        let end = begin + 3000;
        let clock = |line: usize| legs[person].receiver.publications()[line].clock(0);
        let reports = [0, 1].map(|line| slots[line].sender_report(time.at(end), time.ntp(end), &clock(line)).unwrap());
        let mut apart = [0i64; 2];
        for (line, lane) in [&mut audio[person], &mut video[person]].into_iter().enumerate() {
            lane.size = 300;
            let packet = lane.frame(end, &mut Rng(end), &mut twcc).remove(0);
            let inbound = legs[person].receiver.handle_rtp(time.at(end + 100), &packet).unwrap();
            let len = slots[line].forward(time.at(end + 100), &inbound, &viewer_exts(), &mut twcc, &mut out).unwrap();
            let step = header(&out[..len]).timestamp.wrapping_sub(reports[line].rtp).cast_signed();
            apart[line] = i64::from(step) * 1_000_000 / i64::from(lane.style.rate());
        }
        assert!((apart[0] - apart[1]).abs() < 2000, "sound and picture are {apart:?} us from their reports");
        assert!(apart[0].abs() < 30_000, "{apart:?}");
    }
    assert_eq!(slots[1].counters().starts, 3);
}

/// A new person's first frame comes on the time line of the one before: a second later is a second later.
#[test]
fn the_time_line_goes_on_from_person_to_person() {
    let mut lanes = [lane(VP8, 0x100, "0"), lane(VP8, 0x200, "1")];
    let mut leg = leg(&lanes, true);
    let first = leg.send(&mut lanes[0], 0, 30).unwrap();
    for lane in &mut lanes {
        let _ = leg.send(lane, 40, 30);
        leg.report(lane, 50, 30);
    }
    let old = leg.send(&mut lanes[0], 1000, 30).unwrap();
    leg.put(&lanes[1], 1040);
    lanes[1].wants_key = true;
    // This frame is large and comes late; its time is that of its capture.
    let new = leg.send(&mut lanes[1], 1100, 130).unwrap();
    assert_eq!(header(&new).sequence, header(&old).sequence.wrapping_add(1));
    let since = |packet: &[u8]| i64::from(header(packet).timestamp.wrapping_sub(header(&first).timestamp)) / 90;
    assert!((995..=1005).contains(&since(&old)) && (1095..=1105).contains(&since(&new)), "{} {}", since(&old), since(&new));
    // Fifty changes of person within one frame push the next frames ahead by a little; later ones are on time again.
    for nth in 0..50 {
        leg.put(&lanes[nth % 2], 1100);
        lanes[nth % 2].wants_key = true;
        assert!(leg.send(&mut lanes[nth % 2], 1100, 130).is_some());
    }
    leg.put(&lanes[0], 1250);
    lanes[0].wants_key = true;
    let later = leg.send(&mut lanes[0], 1250, 30).unwrap();
    assert!((1245..=1255).contains(&since(&later)), "{}", since(&later));
    // Timestamps that jump by hours at a switch are not believed.
    lanes[0].timestamp = lanes[0].timestamp.wrapping_add(90_000 * 3600 * 5);
    leg.put(&lanes[0], 1300);
    lanes[0].wants_key = true;
    let liar = leg.send(&mut lanes[0], 1300, 30).unwrap();
    assert!((1150..=1350).contains(&since(&liar)), "{}", since(&liar));
}

#[test]
fn a_restarted_source_or_a_new_codec_waits_for_its_keyframe() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    let layers = [true];
    assert!(leg.send(&mut camera, 0, 20).is_some() && leg.send(&mut camera, 40, 20).is_some());
    assert_eq!(leg.slot.want(leg.time.at(50), &layers), None);
    camera.ssrc = Ssrc(0x900);
    camera.seq = 77;
    assert!(leg.send(&mut camera, 1000, 20).is_none());
    assert_eq!((leg.slot.current_layer(), leg.slot.want(leg.time.at(1050), &layers)), (None, Some((0, KeyframeCause::Start))));
    camera.wants_key = true;
    assert!(leg.send(&mut camera, 1040, 20).is_some());
    assert_eq!(leg.slot.current_layer(), Some(0));
}

/// Keyframes cost the publisher, and this viewer could read none of them.
#[test]
fn nobody_asks_for_a_keyframe_that_he_cannot_read() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    let out = |codec| CodecOut { pt: 120, codec, clock_rate: 90_000, rtx: None };
    let into = |codec, pt| CodecIn { pt, codec, clock_rate: 90_000, rtx: None };
    let same = |from: &CodecIn, to: &CodecOut| from.codec == to.codec;
    // Nothing in common; then a codec in common, but the publisher sends the other one.
    leg.slot.attach(leg.time.at(0), Route::new(&[camera.codec_in()], &[out(Codec::Vp9)], same));
    assert_eq!((leg.slot.unreadable(), leg.slot.want(leg.time.at(0), &[true])), (true, None));
    leg.slot.attach(leg.time.at(10), Route::new(&[camera.codec_in(), into(Codec::Vp9, 98)], &[out(Codec::Vp9)], same));
    assert_eq!((leg.slot.unreadable(), leg.slot.want(leg.time.at(10), &[true])), (false, Some((0, KeyframeCause::Start))));
    assert!(leg.send(&mut camera, 40, 20).is_none());
    assert_eq!((leg.slot.unreadable(), leg.slot.want(leg.time.at(60), &[true])), (true, None));
    // As soon as it sends what he reads, he asks again.
    leg.put(&camera, 100);
    assert_eq!((leg.slot.unreadable(), leg.slot.want(leg.time.at(100), &[true])), (false, Some((0, KeyframeCause::Start))));
}

#[test]
fn keyframes_of_other_layers_do_not_take_over() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(3), 0);
    let mut lanes = ["q", "f"].map(|rid| Lane::new(VP8, u32::from(rid.as_bytes()[0]) << 8, 96, "0", Some(rid), &mut rng));
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
    receiver.configure(time.at(0), publisher_exts(), vec![publish_config(&lanes, 0)]);
    let mut slot = slot(&lanes[0], true, &Time::new());
    slot.attach(time.at(0), route(&lanes[0]));
    let layers = [true; 2];
    assert_eq!(slot.want(time.at(0), &layers), Some((1, KeyframeCause::Start)));
    let mut forwarded = |slot: &mut Slot, layer: usize, ms, key| {
        let lane = &mut lanes[layer];
        (lane.wants_key, lane.size) = (key, 300);
        let packet = lane.frame(ms, &mut rng, &mut twcc).remove(0);
        let inbound = receiver.handle_rtp(time.at(ms), &packet).unwrap();
        slot.forward(time.at(ms), &inbound, &viewer_exts(), &mut 0, &mut [0; 1500]).is_some()
    };
    assert!(!forwarded(&mut slot, 0, 0, false), "not a keyframe");
    assert!(forwarded(&mut slot, 0, 40, true), "better the low layer than nothing");
    assert!(forwarded(&mut slot, 0, 80, false) && !forwarded(&mut slot, 1, 80, false));
    assert!(forwarded(&mut slot, 1, 120, true), "the wanted layer");
    assert!(!forwarded(&mut slot, 0, 160, true) && forwarded(&mut slot, 1, 160, false));
    assert_eq!((slot.current_layer(), slot.want(time.at(200), &layers)), (Some(1), None));
}

/// A start that is so late that the viewer could not ask for all that followed is no start.
#[test]
fn a_keyframe_from_long_ago_is_no_start() {
    let mut camera = lane(VP8, 0x100, "0");
    let mut leg = leg(std::slice::from_ref(&camera), true);
    camera.size = 300;
    let first = camera.frame(0, &mut leg.rng, &mut leg.twcc_in).remove(0);
    for nth in 1..=51 {
        assert!(leg.send(&mut camera, nth * 10, 10).is_none());
    }
    assert!(leg.forward(&first, 600).is_none());
}

/// Packets of the codec before, overtaken by the keyframe of the new one, do not disturb it.
#[test]
fn late_packets_of_the_codec_before_are_dropped() {
    let mut old = lane(VP8, 0x100, "0");
    let mut new = Lane::new(Style::Vp9, 0x100, 98, "0", None, &mut Rng(1));
    let mut leg = leg(std::slice::from_ref(&old), true);
    let mut line = publish_config(std::slice::from_ref(&old), 0);
    line.codecs.push(new.codec_in());
    leg.receiver.configure(leg.time.at(0), publisher_exts(), vec![line]);
    let to = [Codec::Vp8, Codec::Vp9].map(|codec| CodecOut { pt: 50 + codec as u8, codec, clock_rate: 90_000, rtx: None });
    leg.slot.attach(leg.time.at(0), Route::new(&[old.codec_in(), new.codec_in()], &to, |from, to| from.codec == to.codec));
    let vp8 = leg.send(&mut old, 0, 20).unwrap();
    old.size = 300;
    let late = old.frame(40, &mut leg.rng, &mut leg.twcc_in).remove(0);
    (new.seq, new.timestamp) = (old.seq, old.timestamp);
    let vp9 = leg.send(&mut new, 80, 20).unwrap();
    assert_eq!(header(&vp9).sequence, header(&vp8).sequence.wrapping_add(1));
    assert!(leg.forward(&late, 110).is_none());
    assert!(leg.send(&mut new, 120, 20).is_some(), "goes on without a keyframe");
}
