//! Attackers: strangers, forgers with the victim's own address, and participants who abuse feedback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use loadgen::light::{Author, Stamp, pattern};
use signal::message::Source::{Camera, Microphone};
use signal::message::{ClientMessage, Limited};
use tests::sim::{LinkSpec, PersonIx, Setup, Sim};
use transport::Certificate;
use transport::dtls::Dtls;
use wire::ids::{Fingerprint, Ssrc};
use wire::rtcp::TransportCcInfo;

use crate::video::{bitrate_of, camera_of, freezes, join, plain_camera, record};
use crate::{JOIN, SECOND, assert_flows, assert_meeting, longest_freeze, meeting_of_two};

/// First bytes of every class of RFC 7983 section 7, both ends of each range, and of RTCP (RFC 5761: second byte 192 to 223).
const FIRST_BYTES: [&[u8]; 13] =
    [&[0], &[3], &[4], &[15], &[16], &[20], &[22, 254, 253], &[63], &[64], &[79], &[128, 96], &[128, 200], &[191, 223]];

fn sweep(sim: &mut Sim, source: SocketAddr, lengths: impl Iterator<Item = usize>) {
    for len in lengths {
        for first in FIRST_BYTES {
            let mut datagram = vec![0xa5; len];
            let head = first.len().min(len);
            datagram[..head].copy_from_slice(&first[..head]);
            sim.inject(source, &datagram);
        }
        sim.run(Duration::from_millis(5));
    }
}

#[test]
fn datagrams_of_every_length_and_class_harm_nobody() {
    let (mut sim, anna, bo) = meeting_of_two(60);
    let stranger = SocketAddr::from(([203, 0, 113, 7], 5_000));
    let victim = sim.network.access(anna).public;
    let before = *sim.node.worker.counters();
    for source in [stranger, victim] {
        sim.begin_window();
        sweep(&mut sim, source, 0..=1_600);
        assert_undisturbed(&sim, &[anna, bo], 1_601 / 200);
    }
    let after = sim.node.worker.counters();
    let dropped = |counters: &worker::Counters| {
        counters.dropped_unknown_kind
            + counters.dropped_oversize
            + counters.dropped_stun
            + counters.dropped_stranger
            + counters.dropped_srtp
            + counters.dtls_after_keys
    };
    let forged = 2 * 1_601 * FIRST_BYTES.len() as u64;
    let gone = dropped(after) - dropped(&before);
    assert!(gone >= forged, "every drop is counted: {gone} of {forged}");
    assert_eq!(sim.network.to_nobody, Vec::<SocketAddr>::new(), "not one byte for a stranger");
}

#[test]
fn forged_media_from_the_victims_own_address_changes_nothing() {
    let (mut sim, anna, bo) = meeting_of_two(61);
    let victim = sim.network.access(anna).public;
    for number in 0..20_000_u32 {
        let mut packet = vec![0x90, 111];
        packet.extend_from_slice(&(number as u16).to_be_bytes());
        packet.extend_from_slice(&number.to_be_bytes());
        packet.extend_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        // A one-byte extension block with a mid.
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x40, b'0' + (number % 10) as u8, 0, 0]);
        packet.extend_from_slice(&[0x5a; 60]);
        sim.inject(victim, &packet);
        if number % 100 == 99 {
            sim.run(Duration::from_millis(20));
        }
    }
    assert!(sim.node.worker.counters().dropped_srtp >= 20_000, "the fault happened");
    assert_undisturbed(&sim, &[anna, bo], 4);
    assert_meeting(&mut sim, &[anna, bo], 1);
}

/// RTP bleed (EnableSecurity ES2025-01): whoever can overhear a call must not be able to pull its media towards themselves.
#[test]
fn overheard_packets_from_another_address_move_nothing() {
    let (mut sim, anna, bo) = meeting_of_two(65);
    let stranger = SocketAddr::from(([203, 0, 113, 7], 5_000));
    let victim = sim.network.access(anna).public;
    let before = *sim.node.worker.counters();
    for _ in 0..50 {
        // Connectivity checks excepted: ICE takes a replayed check for a new path of the same client, by design.
        let overheard = sim.network.access(anna).overheard.clone();
        let media: Vec<Vec<u8>> = overheard.into_iter().filter(|bytes| bytes.first().is_some_and(|first| *first >= 20)).collect();
        assert!(media.len() > 100, "the fault happened: {} packets overheard", media.len());
        for packet in &media {
            sim.inject(stranger, packet);
            sim.inject(victim, packet);
        }
        sim.run(Duration::from_millis(100));
    }
    let after = *sim.node.worker.counters();
    assert!(after.dropped_stranger - before.dropped_stranger > 5_000, "dropped for their address");
    assert!(after.dropped_srtp - before.dropped_srtp > 5_000, "dropped because they came before");
    assert_eq!(sim.network.to_nobody, Vec::<SocketAddr>::new(), "not one byte for a stranger");
    assert_undisturbed(&sim, &[anna, bo], 5);
}

/// EnableSecurity ES2023: whoever sends a ClientHello first used to win.
#[test]
fn a_spray_of_client_hellos_keeps_nobody_out() {
    let mut sim = Sim::new(62);
    let certificate = Arc::new(Certificate::generate().expect("the crypto library makes certificates"));
    let mut attacker = Dtls::new_client(sim.now, &certificate, Fingerprint([0; 32])).expect("a client can be made");
    let mut hello = [0; 1_500];
    let len = attacker.poll_datagram(&mut hello).expect("a client speaks first");
    let mut people: Vec<PersonIx> = Vec::new();
    for round in 0..10_u8 {
        people.push(sim.join(&format!("guest {round}"), Setup { video_slots: 0, ..Setup::meeting(u32::from(round) + 1) }));
        for step in 0..50_u8 {
            for port in 0..4 {
                sim.inject(SocketAddr::from(([203, 0, 113, step], 6_000 + port)), &hello[..len]);
            }
            // Not while a handshake is under way: whoever can forge the very address and port of a person could spoil theirs (not join
            // in their place), as with any DTLS server.
            let secure: Vec<PersonIx> = people.iter().copied().filter(|who| sim.people[*who].client.is_secure()).collect();
            let victims: Vec<_> = secure.into_iter().map(|who| sim.network.access(who).public).collect();
            victims.into_iter().for_each(|victim| sim.inject(victim, &hello[..len]));
            sim.run(Duration::from_millis(10));
        }
        let joined = sim.people.last().expect("somebody joined");
        assert!(joined.client.is_secure(), "{} is not connected after half a second", joined.name);
    }
    assert!(sim.node.worker.counters().dropped_stranger >= 2_000, "the fault happened");
    assert_eq!(sim.network.to_nobody, Vec::<SocketAddr>::new(), "a stranger's hello is not answered");
    let secure = sim.people.iter().filter(|person| person.client.is_secure()).count();
    assert_eq!(secure, 10);
}

#[test]
fn a_storm_of_keyframe_requests_costs_the_publisher_little_and_the_others_nothing() {
    let (mut sim, anna, bo) = meeting_of_two(63);
    let cleo = sim.join("cleo", Setup::meeting(3));
    sim.run(JOIN);
    sim.begin_window();
    let before = sim.people[anna].client.counters().keyframes_asked;
    let asked = sim.node.worker.counters().keyframes_asked;
    let media = slot_ssrcs(&sim, bo);
    for _ in 0..500 {
        for ssrc in &media {
            sim.with_client(bo, |client, _| {
                client.send_rtcp(|writer| (0..10).for_each(|_| writer.pli(Ssrc(1), *ssrc).expect("it fits")));
            });
        }
        sim.run(Duration::from_millis(10));
    }
    let asked = sim.node.worker.counters().keyframes_asked - asked;
    assert!(asked > 5_000, "the fault happened: {asked}");
    let reached = sim.people[anna].client.counters().keyframes_asked - before;
    assert!(reached <= 5 * 4, "{reached} requests reached the publisher in 5 s");
    assert_undisturbed(&sim, &[anna, cleo], 5);
}

/// One encoding that does not fit into a line of 50 kbit/s: its picture ends and begins with each word of the viewer about his line.
#[test]
fn a_viewer_whose_line_goes_to_and_fro_costs_the_publisher_no_more_than_the_share_of_keyframes() {
    let mut sim = Sim::new(66);
    let camera = join(&mut sim, camera_of(1, plain_camera()), LinkSpec::default(), LinkSpec::default());
    let viewer = join(&mut sim, Setup::viewer(2, 0, 1), LinkSpec::default(), LinkSpec::default());
    let fickle = join(&mut sim, Setup::viewer(3, 0, 1), LinkSpec::default(), LinkSpec::default());
    sim.run(5 * SECOND);
    sim.begin_window();
    let (asked, mut pauses) = (sim.people[camera].client.counters().keyframes_asked, 0);
    for round in 0..200 {
        let bitrate = if round % 2 == 0 { 50_000 } else { 5_000_000 };
        let before = sim.people[fickle].packets(1, Camera);
        sim.with_client(fickle, |client, _| client.send_rtcp(|writer| writer.remb(Ssrc(1), bitrate, &[]).expect("it fits")));
        sim.run(SECOND / 10);
        pauses += u64::from(sim.people[fickle].packets(1, Camera) == before);
    }
    let asked = sim.people[camera].client.counters().keyframes_asked - asked;
    eprintln!("{asked} keyframes in 20 s, {pauses} pauses");
    assert!(pauses > 50, "the fault happened: {pauses}");
    // One each 300 ms would be 67. A keyframe takes the share of half a second here.
    assert!(asked <= 40, "{asked}");
    let record = record(&sim, viewer, camera);
    assert_eq!((record.freezes.len(), record.changes), (0, 0), "the other viewer sees nothing of it: {record}");
    // Somebody who comes meanwhile is served at once.
    let newcomer = join(&mut sim, Setup::viewer(4, 0, 1), LinkSpec::default(), LinkSpec::default());
    let took = sim.run_until("a picture", SECOND, |sim| sim.people[newcomer].decoded(1, Camera) > 0);
    assert!(took < Duration::from_millis(700), "{took:?}");
}

#[test]
fn a_storm_of_nacks_is_answered_within_a_budget() {
    let (mut sim, anna, bo) = meeting_of_two(64);
    let cleo = sim.join("cleo", Setup::meeting(3));
    sim.run(JOIN);
    sim.begin_window();
    let before = *sim.node.worker.counters();
    let media = slot_ssrcs(&sim, bo);
    for step in 0..500_u32 {
        for ssrc in &media {
            // Whatever number the stream is at, a sweep over all of them finds the last thousand again and again.
            let lost: Vec<u16> = (0..250).map(|offset| (step * 250 + offset) as u16).collect();
            sim.with_client(bo, |client, _| client.send_rtcp(|writer| writer.nack(Ssrc(1), *ssrc, &lost).expect("it fits")));
        }
        sim.run(Duration::from_millis(10));
    }
    let after = *sim.node.worker.counters();
    let (asked, resent) = (after.nacks_received - before.nacks_received, after.rtp_resent - before.rtp_resent);
    let forwarded = after.rtp_forwarded - before.rtp_forwarded;
    assert!(asked > 100_000, "the fault happened: {asked}");
    assert!(resent > 0, "some of the numbers were real");
    assert!(resent * 100 <= forwarded * 25, "{resent} resent for {forwarded} forwarded");
    assert_undisturbed(&sim, &[anna, cleo], 5);
}

/// A second of one microphone that somebody has in his hands: packets of so many cells each `every`, whatever its encoder would make.
fn shout(sim: &mut Sim, who: PersonIx, number: &mut u32, (every, cells): (Duration, u16)) {
    let author = Author { publisher: sim.people[who].publisher, source: Microphone, layer: 0 };
    let end = sim.now + SECOND;
    while sim.now < end {
        sim.with_client(who, |client, now| {
            // The first byte of a packet of Opus.
            let mut payload = vec![0xf8];
            pattern::write(&mut payload, &Stamp::alone(author, *number, now - client.epoch()), cells);
            client.send_rtp(now, Microphone, None, &payload);
        });
        *number += 1;
        sim.run(every);
    }
}

/// Sound waits for nobody, so it has a bound of its own.
#[test]
fn a_microphone_that_sends_more_than_any_sound_takes_nobodys_line() {
    for (seed, every, cells) in [(67, Duration::from_micros(440), 34), (68, Duration::from_micros(100), 1)] {
        let mut sim = Sim::new(seed);
        let people = [1, 2, 3].map(|author| join(&mut sim, Setup::meeting(author), LinkSpec::default(), LinkSpec::narrow(2_000)));
        let [rude, anna, bo] = people;
        sim.run(5 * SECOND);
        sim.with_client(rude, |client, _| client.set_active(Microphone, false));
        sim.begin_window();
        let (before, mut number) = (*sim.node.worker.counters(), 1_000_000);
        let sent = sim.people[rude].client.counters().packets_sent;
        (0..8).for_each(|_| shout(&mut sim, rude, &mut number, (every, cells)));
        let sent = sim.people[rude].client.counters().packets_sent - sent;
        let dropped = sim.node.worker.counters().dropped_rtp_excess - before.dropped_rtp_excess;
        for (viewer, other) in [(anna, bo), (bo, anna)] {
            let [heard, seen] = [Microphone, Camera].map(|source| sim.people[viewer].decoded(sim.people[other].publisher, source));
            let (noise, (_, longest)) = (bitrate_of(&sim, viewer, rude, Microphone), freezes(&sim, viewer));
            eprintln!(
                "{sent} packets, {dropped} dropped, {heard} of 400 sounds, {seen} of 200 pictures, {noise:.0} bit/s of noise, longest {longest:?}"
            );
            assert!(heard >= 396 && seen >= 190 && longest < Duration::from_millis(200), "{heard}, {longest:?}");
            assert!(noise > 50_000.0, "and he is heard: {noise}");
        }
        assert!(sent > 15_000 && dropped > sent * 8 / 10, "the fault happened: {dropped} of {sent}");
    }
}

/// A datagram holds nineteen requests for 250 packets each, or speaks of 4,096 that were never sent: it costs as much as one of a browser's.
#[test]
fn feedback_that_claims_thousands_of_packets_is_read_no_further_than_it_can_be_true() {
    let (mut sim, anna, bo) = meeting_of_two(69);
    let cleo = sim.join("cleo", Setup::meeting(3));
    sim.run(JOIN);
    sim.begin_window();
    let media = slot_ssrcs(&sim, bo)[0];
    let counts = |sim: &Sim| (sim.node.worker.counters().nacks_received, sim.node.worker.counters().feedback_cut);
    let before = counts(&sim);
    for step in 0..500_u16 {
        let request = |nth: u16| (0..250).map(move |offset| (step.wrapping_mul(19) + nth).wrapping_mul(250).wrapping_add(offset));
        sim.with_client(bo, |client, _| {
            client.send_rtcp(|writer| {
                (0..19).for_each(|nth| writer.nack(Ssrc(1), media, &request(nth).collect::<Vec<_>>()).expect("it fits"));
            });
            let info = TransportCcInfo { base: step.wrapping_mul(131), reference_time: 0, feedback_count: 0 };
            client.send_rtcp(|writer| writer.transport_cc(Ssrc(1), Ssrc(1), &info, [None; 4_096]).expect("it fits"));
        });
        sim.run(Duration::from_millis(10));
    }
    let after = counts(&sim);
    let (asked, cut) = (after.0 - before.0, after.1 - before.1);
    eprintln!("{asked} numbers looked at in 500 datagrams, {cut} messages cut");
    assert!((500 * 250..=500 * 256 + 100).contains(&asked), "{asked}");
    assert!(cut >= 500 * 18 + 500, "the rest was left out, of requests and of statuses: {cut}");
    assert_undisturbed(&sim, &[anna, cleo], 5);
}

/// Somebody's camera is VP8 and H.264 by turns, ten times a second: what that makes of it is told once a second, and truly in the end.
#[test]
fn a_camera_that_changes_its_codec_all_the_time_is_not_told_of_each_time() {
    let mut sim = Sim::new(70);
    let rude = join(&mut sim, camera_of(1, plain_camera()), LinkSpec::default(), LinkSpec::default());
    let viewer = join(&mut sim, Setup::viewer(2, 0, 1), LinkSpec::default(), LinkSpec::default());
    sim.run(JOIN);
    let person = &mut sim.people[rude];
    person.offers += 1;
    let more = "a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n";
    let sdp = person.client.offer().replace("SAVPF 96 97\r\n", "SAVPF 96 97 102\r\n") + more;
    let (id, sources) = (person.offers, person.client.sources());
    person.say(ClientMessage::Offer { id, sdp, sources });
    sim.run(2 * SECOND);
    sim.begin_window();
    let (told, mut unreadable) = (sim.people[viewer].told_slots, 0);
    for step in 0..100 {
        let payload_type = if step % 2 == 0 { 102 } else { 96 };
        sim.with_client(rude, |client, now| client.send_rtp(now, Camera, Some(payload_type), &[]));
        sim.run(SECOND / 10);
        unreadable += u32::from(sim.people[viewer].slots.iter().any(|slot| slot.limited == Some(Limited::Codec)));
    }
    let told = sim.people[viewer].told_slots - told;
    let packets = sim.people[viewer].packets(1, Camera);
    eprintln!("told {told} times in 10 s, {unreadable} of 100 looks unreadable, {packets} packets came");
    assert!(unreadable > 5 && packets > 50, "the fault happened: {unreadable}, {packets}");
    assert!(told <= 12, "{told}");
    sim.run(2 * SECOND);
    assert!(sim.people[viewer].slots.iter().all(|slot| slot.limited != Some(Limited::Codec)), "it ended with VP8");
}

fn slot_ssrcs(sim: &Sim, who: PersonIx) -> Vec<Ssrc> {
    sim.people[who].client.slots().filter(|slot| !slot.audio).map(|slot| slot.ssrc).collect()
}

/// Everybody saw and heard everybody else in this window of so many seconds, without a pause.
fn assert_undisturbed(sim: &Sim, people: &[PersonIx], seconds: u64) {
    for viewer in people {
        assert!(longest_freeze(sim, *viewer) < Duration::from_millis(150), "{:?}", longest_freeze(sim, *viewer));
        for publisher in people.iter().filter(|publisher| *publisher != viewer) {
            assert_flows(sim, *viewer, *publisher, Camera, seconds * 24);
            assert_flows(sim, *viewer, *publisher, Microphone, seconds * 49);
        }
    }
}
