//! The receiver from outside: which packet belongs where, what is recovered, and what is said to the publisher.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::time::Duration;

use common::{Lane, NTP_BASE, Rng, Style, Time, publish_config, publisher_exts};
use media::{KeyframeCause, MediaKind, PublishConfig, Receiver};
use wire::ext::ExtMap;
use wire::ids::{Mid, Rid, Ssrc};
use wire::ntp::Ntp;
use wire::rtcp::{Rtcp, RtcpWriter, parse};

const LOCAL: Ssrc = Ssrc(0xfeed);

fn receiver(time: &Time, lines: Vec<PublishConfig>) -> Receiver {
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), LOCAL);
    receiver.configure(time.at(0), publisher_exts(), lines);
    receiver
}

/// One frame of one packet.
fn packet(lane: &mut Lane, ms: u64, rng: &mut Rng, twcc: &mut u16) -> Vec<u8> {
    lane.size = 500;
    lane.frame(ms, rng, twcc).remove(0)
}

/// All that is due, as one text line per message.
fn said(receiver: &mut Receiver, now: std::time::Instant) -> Vec<String> {
    let mut lines = Vec::new();
    let mut buf = [0; 1200];
    loop {
        let mut writer = RtcpWriter::new(&mut buf);
        if !receiver.write_feedback(now, &mut writer) {
            return lines;
        }
        let len = writer.finish();
        for message in parse(&buf[..len]).unwrap() {
            lines.push(match message {
                Rtcp::ReceiverReport { ssrc, blocks } => {
                    assert_eq!(ssrc, LOCAL);
                    let blocks: Vec<_> = blocks.map(|block| format!("{:?} lost {}", block.ssrc, block.cumulative_lost)).collect();
                    format!("report {}", blocks.join(", "))
                }
                Rtcp::Nack { media, lost, .. } => format!("nack {media:?} {:?}", lost.collect::<Vec<_>>()),
                Rtcp::Pli { media, .. } => format!("pli {media:?}"),
                Rtcp::TransportCc(feedback) => format!("twcc {}", feedback.packets().count()),
                other => panic!("{other:?}"),
            });
        }
    }
}

#[test]
fn simulcast_layers_are_found_by_mid_and_rid_and_then_by_ssrc() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(3), 0);
    let mut lanes: Vec<_> = ["q", "h", "f"]
        .iter()
        .zip([0x100, 0x200, 0x300])
        .map(|(rid, ssrc)| Lane::new(Style::Vp8 { long_id: true }, ssrc, 96, "2", Some(rid), &mut rng))
        .collect();
    let mut receiver = receiver(&time, vec![publish_config(&lanes, 42)]);
    for (layer, lane) in lanes.iter_mut().enumerate() {
        let first = packet(lane, 0, &mut rng, &mut twcc);
        let inbound = receiver.handle_rtp(time.at(1), &first).unwrap();
        assert_eq!((inbound.label, inbound.publication, inbound.layer, inbound.keyframe), (42, 0, layer, true));
        // Browsers stop sending the rid once a report has come.
        lane.rid = None;
        let second = packet(lane, 40, &mut rng, &mut twcc);
        assert_eq!(receiver.handle_rtp(time.at(41), &second).map(|inbound| (inbound.layer, inbound.keyframe)), Some((layer, false)));
    }
    let publication = receiver.publication(receiver.index_of(Mid::new("2").unwrap()).unwrap()).unwrap();
    assert_eq!(publication.layers()[0].rid(), Rid::new("q"));
    assert_eq!(publication.layers()[2].ssrc(), Some(Ssrc(0x300)));
    assert!((0..3).all(|layer| publication.active(layer, time.at(50))));
}

/// Browsers end a layer that they pause with a BYE, and go on with the same SSRC: without a rid, for a report on it came long ago.
#[test]
fn a_layer_that_said_goodbye_goes_on_under_its_ssrc() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(4), 0);
    let mut lanes =
        ["q", "f"].map(|rid| Lane::new(Style::Vp8 { long_id: true }, u32::from(rid.as_bytes()[0]) << 8, 96, "2", Some(rid), &mut rng));
    let mut receiver = receiver(&time, vec![publish_config(&lanes, 0)]);
    for lane in &mut lanes {
        assert!(receiver.handle_rtp(time.at(0), &packet(lane, 0, &mut rng, &mut twcc)).is_some());
        lane.rid = None;
    }
    receiver.handle_bye(lanes[1].ssrc);
    assert_eq!([0, 1].map(|layer| receiver.publications()[0].active(layer, time.at(1_000))), [true, false]);
    let next = packet(&mut lanes[1], 3_000, &mut rng, &mut twcc);
    let inbound = receiver.handle_rtp(time.at(3_000), &next).unwrap();
    assert_eq!((inbound.layer, inbound.generation), (1, 2), "and begins anew");
}

/// What no asking brings back soon is worth a keyframe, before any viewer notices that he is stuck.
#[test]
fn a_hole_at_the_end_of_a_silence_asks_for_a_keyframe() {
    for (missed, silence, asks) in [(60, 1_500, true), (60, 40, false), (20, 1_500, false), (600, 40, true)] {
        let (time, mut rng, mut twcc) = (Time::new(), Rng(6), 0);
        let mut lane = Lane::new(Style::Vp8 { long_id: true }, 0x100, 96, "0", None, &mut rng);
        let mut receiver = receiver(&time, vec![publish_config(std::slice::from_ref(&lane), 0)]);
        for ms in [0, 40] {
            receiver.handle_rtp(time.at(ms), &packet(&mut lane, ms, &mut rng, &mut twcc)).unwrap();
        }
        for _ in 0..missed {
            packet(&mut lane, 80, &mut rng, &mut twcc);
        }
        let back = 40 + silence;
        receiver.handle_rtp(time.at(back), &packet(&mut lane, back, &mut rng, &mut twcc)).unwrap();
        let said = said(&mut receiver, time.at(back + 12));
        assert_eq!(said.iter().any(|message| message.starts_with("pli")), asks, "{missed} missed in {silence} ms: {said:?}");
    }
}

#[test]
fn announced_ssrc_and_payload_type_place_what_has_no_extensions() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(5), 0);
    let mut camera = Lane::new(Style::Vp8 { long_id: true }, 0x100, 96, "0", None, &mut rng);
    let mut screen = Lane::new(Style::Vp8 { long_id: true }, 0x200, 96, "1", None, &mut rng);
    let mut audio = Lane::new(Style::Opus, 0x300, 111, "2", None, &mut rng);
    let lines = [&camera, &screen, &audio].map(|lane| publish_config(std::slice::from_ref(lane), 0));
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, ExtMap::new(), LOCAL);
    receiver.configure(time.at(0), ExtMap::new(), lines.to_vec());
    let mut place =
        |lane: &mut Lane| receiver.handle_rtp(time.at(0), &packet(lane, 0, &mut rng, &mut twcc)).map(|inbound| inbound.publication);
    assert_eq!(place(&mut camera), Some(0));
    assert_eq!(place(&mut screen), Some(1));
    // An SSRC that nobody announced: the only line with Opus, but which of two with VP8?
    audio.ssrc = Ssrc(0x999);
    assert_eq!(place(&mut audio), Some(2));
    screen.ssrc = Ssrc(0x998);
    assert_eq!(place(&mut screen), None);
    // An announced SSRC with a payload type of another line.
    camera.pt = 77;
    assert_eq!(place(&mut camera), None);
    assert_eq!(receiver.counters().unknown, 2);
}

#[test]
fn foreign_mids_rids_and_codecs_bind_nothing() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(5), 0);
    let lane = |ssrc, mid, rid| Lane::new(Style::Vp8 { long_id: true }, ssrc, 96, mid, Some(rid), &mut Rng(9));
    let mut receiver = receiver(&time, vec![publish_config(&[lane(1, "0", "q"), lane(2, "0", "h")], 0)]);
    for mut stranger in [lane(10, "1", "q"), lane(11, "0", "x")] {
        assert!(receiver.handle_rtp(time.at(0), &packet(&mut stranger, 0, &mut rng, &mut twcc)).is_none());
    }
    for ssrc in 0..10_000 {
        let mut stranger = lane(1000 + ssrc, "0", "q");
        let _ = receiver.handle_rtp(time.at(0), &packet(&mut stranger, 0, &mut rng, &mut twcc));
    }
    assert_eq!(receiver.counters().accepted, 1, "one SSRC holds the layer, the others must wait");
    let mut next = lane(77, "0", "q");
    let next = packet(&mut next, 600, &mut rng, &mut twcc);
    let inbound = receiver.handle_rtp(time.at(600), &next);
    let (generation, ext_seq) = inbound.map(|inbound| (inbound.generation, inbound.ext_seq)).unwrap();
    assert!(generation == 2 && ext_seq > 3 << 16, "a new source begins a new numbering");
}

#[test]
fn a_lost_packet_is_asked_for_and_comes_back_on_the_rtx_stream() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(11), 0);
    let mut lane = Lane::new(Style::Vp8 { long_id: true }, 0x100, 96, "0", None, &mut rng);
    lane.seq = 65_534;
    let mut receiver = receiver(&time, vec![publish_config(std::slice::from_ref(&lane), 0)]);
    let packets: Vec<_> = (0..4).map(|nth| packet(&mut lane, nth, &mut rng, &mut twcc)).collect();
    let first = receiver.handle_rtp(time.at(0), &packets[0]).unwrap().ext_seq;
    receiver.handle_rtp(time.at(3), &packets[3]).unwrap();
    assert_eq!(receiver.poll_timeout(), Some(time.at(13)));
    assert_eq!(said(&mut receiver, time.at(13)), ["nack 00000100 [65535, 0]"]);

    let rtx = lane.retransmission(65_535, &mut twcc).unwrap();
    let recovered = receiver.handle_rtp(time.at(80), &rtx).unwrap();
    let original = wire::rtp::RtpHeader::parse(&packets[1]).unwrap();
    assert_eq!((recovered.ext_seq, recovered.late, recovered.in_pt, recovered.timestamp), (first + 1, true, 96, original.timestamp));
    assert_eq!(recovered.payload, original.payload(&packets[1]).unwrap());
    assert!(receiver.handle_rtp(time.at(81), &rtx).is_none(), "once is enough");
    assert!(receiver.handle_rtp(time.at(81), &packets[1]).is_none(), "the original after its retransmission");
    assert_eq!((receiver.counters().recovered, receiver.counters().duplicate), (1, 2));
    let stored = receiver.publications()[0].stored(0, first + 1).unwrap();
    assert_eq!(stored.payload, original.payload(&packets[1]).unwrap());
    assert_eq!(said(&mut receiver, time.at(83)), ["twcc 5", "nack 00000100 [0]"]);

    // One was lost for good, one came back: as packets of the original stream both are lost.
    assert!(said(&mut receiver, time.at(1000)).contains(&"report 00000100 lost 2".to_owned()));

    // A probe of padding only, and a retransmission payload of one byte.
    let mut probe = rtx[..original.payload_start].to_vec();
    probe[0] |= 0x20;
    probe.extend([0, 0, 3]);
    assert!(receiver.handle_rtp(time.at(90), &probe).is_none());
    assert!(receiver.handle_rtp(time.at(90), &rtx[..original.payload_start + 1]).is_none());
    assert_eq!((receiver.counters().probes, receiver.counters().malformed), (1, 1));
}

#[test]
fn what_the_old_source_owed_is_forgotten_with_it() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(29), 0);
    let mut lane = Lane::new(Style::Vp9, 0x100, 96, "0", None, &mut rng);
    let mut receiver = receiver(&time, vec![publish_config(std::slice::from_ref(&lane), 0)]);
    for nth in [0, 5] {
        let packet = packet(&mut lane, nth, &mut rng, &mut twcc);
        receiver.handle_rtp(time.at(nth), &packet).unwrap();
        lane.seq = lane.seq.wrapping_add(4);
    }
    lane.ssrc = Ssrc(0x700);
    lane.seq = 9;
    receiver.handle_rtp(time.at(600), &packet(&mut lane, 600, &mut rng, &mut twcc)).unwrap();
    assert_eq!(receiver.publications()[0].layers()[0].lost(), 4);
    assert_eq!(said(&mut receiver, time.at(1000)), ["report 00000700 lost 0", "twcc 3"]);
}

#[test]
fn reports_come_once_a_second_and_keyframes_when_wanted() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(13), 0);
    let mut lane = Lane::new(Style::Vp9, 0x100, 96, "0", None, &mut rng);
    let mut receiver = receiver(&time, vec![publish_config(std::slice::from_ref(&lane), 0)]);
    receiver.request_keyframe(time.at(0), 0, 0, KeyframeCause::Start);
    receiver.request_keyframe(time.at(0), 7, 7, KeyframeCause::Start);
    assert_eq!(said(&mut receiver, time.at(10)), [""; 0], "the SSRC is not known yet");
    assert_eq!(receiver.poll_timeout(), None, "and nobody is woken for it");
    receiver.handle_rtp(time.at(20), &packet(&mut lane, 0, &mut rng, &mut twcc)).unwrap();
    receiver.request_keyframe(time.at(30), 0, 0, KeyframeCause::Loss);
    assert_eq!(said(&mut receiver, time.at(40)), ["pli 00000100"]);
    assert_eq!(said(&mut receiver, time.at(90)), ["twcc 1"]);
    let lines = said(&mut receiver, time.at(1020));
    assert_eq!(lines, ["report 00000100 lost 0", "pli 00000100"]);
    assert_eq!(receiver.publications()[0].layers()[0].keyframe_requests(), 2);
    assert_eq!(receiver.publications()[0].layers()[0].keyframe_wishes(), [1, 0, 1]);
}

/// What the publisher cannot afford is asked for, but not kept room for; what he does not send because nobody wants it is there at once.
#[test]
fn an_encoding_that_is_asked_for_in_vain_leaves_the_ladder_after_some_seconds() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(21), 0);
    let mut lanes: Vec<_> =
        [("q", 0x100), ("f", 0x200)].map(|(rid, ssrc)| Lane::new(Style::Vp8 { long_id: true }, ssrc, 96, "2", Some(rid), &mut rng)).into();
    let mut receiver = receiver(&time, vec![publish_config(&lanes, 0)]);
    let mut ms = 0;
    // So many seconds, in which these encodings come; then the encodings on the ladder, and whether the best flows.
    let mut run = |receiver: &mut Receiver, seconds: u64, comes: [bool; 2]| {
        for _ in 0..25 * seconds {
            ms += 40;
            for (lane, _) in lanes.iter_mut().zip(comes).filter(|(_, comes)| *comes) {
                receiver.handle_rtp(time.at(ms), &packet(lane, ms, &mut rng, &mut twcc)).unwrap();
            }
        }
        let ladder = receiver.publications()[0].ladder(time.at(ms));
        let flows = ladder.iter().any(|rung| rung.layer.encoding == 1 && rung.flows);
        (ladder.iter().map(|rung| rung.layer.encoding).max(), flows)
    };
    assert_eq!(run(&mut receiver, 4, [true, true]), (Some(1), true));
    assert_eq!(run(&mut receiver, 4, [true, false]), (Some(1), false), "it may come again in a moment");
    assert_eq!(run(&mut receiver, 2, [true, false]), (Some(0), false), "it does not");
    assert_eq!(run(&mut receiver, 1, [true, true]), (Some(1), true), "it does");
    assert_eq!(run(&mut receiver, 60, [false, false]), (Some(1), true), "a still screen");
    run(&mut receiver, 1, [true, true]);
    receiver.set_wanted(time.at(72_000), 0, &[true, false]);
    assert_eq!(run(&mut receiver, 60, [true, false]), (Some(1), false), "nobody wants it, so it can be had");
    receiver.set_wanted(time.at(132_000), 0, &[true, true]);
    assert_eq!(run(&mut receiver, 4, [true, false]), (Some(1), false));
    assert_eq!(run(&mut receiver, 3, [true, false]), (Some(0), false), "asked for in vain");
    assert_eq!(run(&mut receiver, 1, [true, true]), (Some(1), true));
}

/// The first packet of the answer is lost, and repaired when the others have come: viewers begin with it, so no second one is asked for.
#[test]
fn a_keyframe_whose_first_packet_is_repaired_is_the_answer() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(15), 0);
    let mut lane = Lane::new(Style::Vp8 { long_id: true }, 0x100, 96, "0", None, &mut rng);
    let mut receiver = receiver(&time, vec![publish_config(std::slice::from_ref(&lane), 0)]);
    receiver.handle_rtp(time.at(0), &packet(&mut lane, 0, &mut rng, &mut twcc)).unwrap();
    receiver.request_keyframe(time.at(5), 0, 0, KeyframeCause::Start);
    assert_eq!(said(&mut receiver, time.at(6)), ["pli 00000100"]);
    (lane.wants_key, lane.size) = (true, 3000);
    let key = lane.frame(40, &mut rng, &mut twcc);
    assert!(key[1..].iter().all(|packet| receiver.handle_rtp(time.at(50), packet).is_some()));
    receiver.request_keyframe(time.at(80), 0, 0, KeyframeCause::Start);
    let again = lane.retransmission(common::leg::header(&key[0]).sequence, &mut twcc).unwrap();
    assert!(receiver.handle_rtp(time.at(130), &again).unwrap().keyframe);
    let later = said(&mut receiver, time.at(900));
    assert!(!later.contains(&"pli 00000100".to_owned()), "{later:?}");
}

#[test]
fn audio_and_video_of_one_person_share_one_clock() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(17), 0);
    let mut audio = Lane::new(Style::Opus, 0x100, 111, "0", None, &mut rng);
    let mut video = Lane::new(Style::H264, 0x200, 96, "1", None, &mut rng);
    let lines = [&audio, &video].map(|lane| publish_config(std::slice::from_ref(lane), 0));
    let mut receiver = receiver(&time, lines.to_vec());
    // Captured at 1000, the sound arrives after 20 ms, the picture after 90.
    receiver.handle_rtp(time.at(1020), &packet(&mut audio, 1000, &mut rng, &mut twcc)).unwrap();
    receiver.handle_rtp(time.at(1090), &packet(&mut video, 1000, &mut rng, &mut twcc)).unwrap();
    let day = Duration::from_secs(86_400);
    receiver.handle_sender_report(time.at(1120), audio.ssrc, time.ntp(1100).minus(day), audio.rtp_time(1100));
    receiver.handle_sender_report(time.at(1190), video.ssrc, time.ntp(1100).minus(day), video.rtp_time(1100));
    let captured = |receiver: &mut Receiver, lane: &mut Lane, rng: &mut Rng, twcc: &mut u16| {
        let packet = packet(lane, 2000, rng, twcc);
        receiver.handle_rtp(time.at(2100), &packet).unwrap().captured
    };
    let (sound, picture) =
        (captured(&mut receiver, &mut audio, &mut rng, &mut twcc), captured(&mut receiver, &mut video, &mut rng, &mut twcc));
    let apart = sound.0.abs_diff(picture.0);
    assert!(apart < 1 << 22, "within a millisecond: {apart}");
    assert!(sound.0.abs_diff(time.ntp(2020).0) < 1 << 23, "the relay's clock, by the quickest report");
    // Neither a stranger's SSRC nor a clock that is ten years off changes anything.
    receiver.handle_sender_report(time.at(2200), Ssrc(0x999), Ntp(1), 1);
    receiver.handle_sender_report(time.at(2200), audio.ssrc, time.ntp(2200).plus(day * 3650), audio.rtp_time(2200));
    assert_eq!(receiver.publications()[0].clock(0).time_of(audio.rtp_time(2000)), sound);
}

#[test]
fn a_layer_that_falls_silent_alone_is_inactive_a_pause_of_all_is_not() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(19), 0);
    let mut lanes = ["q", "f"].map(|rid| Lane::new(Style::H264, u32::from(rid.as_bytes()[0]) << 8, 96, "0", Some(rid), &mut rng));
    let mut receiver = receiver(&time, vec![publish_config(&lanes, 0)]);
    let active = |receiver: &Receiver, ms| [0, 1].map(|layer| receiver.publications()[0].active(layer, time.at(ms)));
    assert_eq!(active(&receiver, 0), [false, false]);
    for ms in (0..2000).step_by(40) {
        for lane in &mut lanes {
            receiver.handle_rtp(time.at(ms), &packet(lane, ms, &mut rng, &mut twcc)).unwrap();
        }
    }
    assert_eq!(active(&receiver, 2000), [true, true]);
    assert_eq!(active(&receiver, 60_000), [true, true], "a still picture");
    for ms in (2000..2600).step_by(40) {
        receiver.handle_rtp(time.at(ms), &packet(&mut lanes[0], ms, &mut rng, &mut twcc)).unwrap();
    }
    assert_eq!(active(&receiver, 2400), [true, true]);
    assert_eq!(active(&receiver, 2600), [true, false]);
    receiver.handle_bye(lanes[0].ssrc);
    receiver.handle_bye(Ssrc(0x999));
    assert!(!active(&receiver, 2600)[0]);
}

#[test]
fn a_renegotiation_keeps_lines_that_stay() {
    let (time, mut rng, mut twcc) = (Time::new(), Rng(23), 0);
    let mut audio = Lane::new(Style::Opus, 0x100, 111, "0", None, &mut rng);
    let mut video = Lane::new(Style::Vp9, 0x200, 96, "1", None, &mut rng);
    let [first, second] = [&audio, &video].map(|lane| publish_config(std::slice::from_ref(lane), 0));
    let mut receiver = receiver(&time, vec![first.clone(), second.clone()]);
    let kept = receiver.handle_rtp(time.at(0), &packet(&mut video, 0, &mut rng, &mut twcc)).unwrap().ext_seq;
    receiver.handle_rtp(time.at(0), &packet(&mut audio, 0, &mut rng, &mut twcc)).unwrap();
    // The order turns, the audio line becomes another source.
    let other = PublishConfig { mid: Mid::new("5").unwrap(), ssrcs: vec![], ..first };
    receiver.configure(time.at(10), publisher_exts(), vec![second, other]);
    assert_eq!(receiver.publications()[0].kind(), MediaKind::Video);
    assert!(receiver.publications()[0].stored(0, kept).is_some());
    let next = packet(&mut video, 40, &mut rng, &mut twcc);
    let inbound = receiver.handle_rtp(time.at(40), &next).unwrap();
    assert_eq!((inbound.publication, inbound.ext_seq, inbound.generation), (0, kept + 1, 1));
    assert!(receiver.handle_rtp(time.at(40), &packet(&mut audio, 40, &mut rng, &mut twcc)).is_none(), "its mid is gone");
    // Other layers are another source, even under the same mid.
    let rids = ["f", "q"].map(|rid| Rid::new(rid).unwrap()).to_vec();
    let simulcast = PublishConfig { rids, ssrcs: vec![], ..publish_config(std::slice::from_ref(&video), 0) };
    receiver.configure(time.at(50), publisher_exts(), vec![simulcast]);
    assert_eq!(receiver.publications()[0].layers().len(), 2);
    assert!(receiver.publications()[0].stored(0, kept).is_none());
}

/// A scalable stream says with its keyframe which layers follow: each is there to choose from the first packet, and what does not come is
/// soon not reckoned with any more.
#[test]
fn layers_that_a_keyframe_promises_are_rungs_before_they_come() {
    use common::layered::{Form, Publisher};
    let each =
        |spatial: u8, temporal: u8| (0..spatial).flat_map(|spatial| (0..temporal).map(move |temporal| (spatial, temporal))).collect();
    let rows: [(Form, Vec<(u8, u8)>); 4] = [
        (Form::Vp9 { inter_layer: true }, each(3, 1)),
        (Form::Av1 { inter_layer: true }, each(3, 3)),
        (Form::Vp9 { inter_layer: false }, each(1, 1)),
        (Form::Vp8, each(1, 1)),
    ];
    for (form, expected) in rows {
        let (time, mut rng) = (Time::new(), Rng(6));
        let mut publisher = Publisher::new(form, 1, &mut rng);
        let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
        receiver.configure(time.at(0), publisher_exts(), vec![publisher.config()]);
        let picture = publisher.picture(0, 0, &mut rng);
        receiver.handle_rtp(time.at(0), &picture[0].1).unwrap();
        let rungs = |receiver: &Receiver, ms| -> Vec<((u8, u8), bool)> {
            let ladder = receiver.publications()[0].ladder(time.at(ms));
            ladder.iter().map(|rung| ((rung.layer.spatial, rung.layer.temporal), rung.flows)).collect()
        };
        assert_eq!(rungs(&receiver, 0), expected.into_iter().map(|layer| (layer, true)).collect::<Vec<_>>(), "{form:?}");
        // Of all that follows only the lowest spatial layer comes.
        for ms in (33..9_000).step_by(33) {
            for (frame, packet) in publisher.picture(0, ms, &mut rng) {
                if publisher.frames[frame].spatial == 0 {
                    receiver.handle_rtp(time.at(ms), &packet).unwrap();
                }
            }
        }
        assert!(rungs(&receiver, 9_000).iter().all(|((spatial, _), _)| *spatial == 0), "{form:?}: {:?}", rungs(&receiver, 9_000));
    }
}

/// What there is to choose from: heights and rates as measured, and what the publisher was not asked for keeps its place.
#[test]
fn the_ladder_knows_what_flows_and_remembers_what_does_not() {
    let time = Time::new();
    let mut rng = Rng(5);
    let mut publisher = common::layered::Publisher::new(common::layered::Form::Vp8, 3, &mut rng);
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
    receiver.configure(time.at(0), publisher_exts(), vec![publisher.config()]);
    assert!(receiver.publications()[0].ladder(time.at(0)).is_empty(), "nothing was ever heard");
    let mut send = |receiver: &mut Receiver, span: std::ops::Range<u64>, encodings: &[usize]| {
        for ms in span.step_by(33) {
            for &encoding in encodings {
                for (_, packet) in publisher.picture(encoding, ms, &mut rng) {
                    receiver.handle_rtp(time.at(ms), &packet).unwrap();
                }
            }
        }
    };
    send(&mut receiver, 0..5000, &[0, 1, 2]);
    let ladder = |receiver: &Receiver, ms| receiver.publications()[0].ladder(time.at(ms));
    let before = ladder(&receiver, 5000);
    let layers: Vec<_> = before.iter().map(|rung| (rung.layer.encoding, rung.layer.temporal, rung.height, rung.flows)).collect();
    let expected = (0..9).map(|nth| (nth / 3, nth % 3, 180 << (nth / 3), true)).collect::<Vec<_>>();
    assert_eq!(layers, expected);
    assert!(before.chunks(3).all(|own| own[0].bitrate < own[1].bitrate && own[1].bitrate < own[2].bitrate), "{before:?}");
    assert!(before.chunks(3).all(|own| (7..=8).contains(&own[0].fps) && (29..=31).contains(&own[2].fps)), "{before:?}");
    // Two encodings fall silent; one of them was not wanted any more. A still picture of the third would not tell.
    receiver.set_wanted(time.at(5000), 0, &[true, true, false]);
    send(&mut receiver, 5000..9000, &[0]);
    let after = ladder(&receiver, 9000);
    assert_eq!(after.iter().map(|rung| rung.flows).collect::<Vec<_>>(), [true, true, true, false, false, false, false, false, false]);
    assert!(after[8].bitrate == before[8].bitrate && after[8].height == 720, "{:?} {:?}", before[8], after[8]);
    assert!(!ladder(&receiver, 60_000)[8].flows && ladder(&receiver, 60_000)[0].flows, "all silent: only what was asked for is still");
    // Asked for again it does not flow before it comes.
    receiver.set_wanted(time.at(60_000), 0, &[true; 3]);
    assert!(!ladder(&receiver, 60_010)[8].flows);
    send(&mut receiver, 60_020..60_400, &[0, 2]);
    assert!(ladder(&receiver, 60_400)[8].flows && !ladder(&receiver, 60_400)[5].flows);
}
