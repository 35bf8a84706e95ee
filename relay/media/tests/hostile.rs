//! Input made to hurt: nothing panics, nothing grows, nothing takes long. Packets here are authenticated but their sender is not a friend.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::time::{Duration, Instant};

use common::viewer::{RTX, SSRC, viewer_exts};
use common::{Lane, NTP_BASE, Rng, Style, Time, publish_config, publisher_exts};
use media::{CodecIn, CodecOut, KeyframeCause, MediaKind, PublishConfig, Receiver, Route, Slot, SlotConfig};
use wire::codec::Codec;
use wire::ids::{Mid, Rid, Ssrc};
use wire::rtcp::{ReportBlock, Rtcp, RtcpWriter, parse};

struct Bench {
    time: Time,
    receiver: Receiver,
    slot: Slot,
    twcc: u16,
    forwarded: u64,
}

/// A receiver with every codec on one line, and a slot that takes everything.
fn bench(kind: MediaKind) -> Bench {
    let time = Time::new();
    let codecs = [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];
    let from: Vec<_> =
        (96..).step_by(2).zip(codecs).map(|(pt, codec)| CodecIn { pt, codec, clock_rate: 90_000, rtx: Some(pt + 1) }).collect();
    let to: Vec<_> =
        from.iter().map(|codec| CodecOut { pt: codec.pt - 40, codec: codec.codec, clock_rate: 90_000, rtx: Some(20) }).collect();
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
    let line = PublishConfig { mid: Mid::new("0").unwrap(), kind, codecs: from.clone(), nack: true, rids: vec![], ssrcs: vec![], label: 0 };
    receiver.configure(time.at(0), publisher_exts(), vec![line]);
    let mut slot = Slot::new(SlotConfig { mid: Mid::new("0").unwrap(), kind, ssrc: SSRC, rtx: Some(RTX), epoch: time.at(0), entropy: 1 });
    slot.attach(time.at(0), Route::new(&from, &to, |from, to| from.codec == to.codec));
    Bench { time, receiver, slot, twcc: 0, forwarded: 0 }
}

impl Bench {
    fn feed(&mut self, ms: u64, packet: &[u8]) {
        let now = self.time.at(ms);
        let Some(inbound) = self.receiver.handle_rtp(now, packet) else { return };
        let mut out = [0; 1500];
        while let Some(lost) = self.receiver.recover(now, &inbound) {
            let _ = self.slot.forward(now, &lost, &viewer_exts(), &mut self.twcc, &mut out);
        }
        let _ = media::audio::onset(&self.receiver.publications()[0], &inbound, self.time.at(0), media::audio::MISSED);
        if self.slot.forward(now, &inbound, &viewer_exts(), &mut self.twcc, &mut out).is_some() {
            self.forwarded += 1;
        }
        let stored = self.receiver.publications()[0].stored(0, inbound.ext_seq);
        let seq = u16::from_be_bytes([out[2], out[3]]);
        if let Some(stored) = stored {
            let _ = self.slot.resend(now, seq, &stored, &viewer_exts(), &mut self.twcc, &mut out);
        }
    }

    fn feedback(&mut self, ms: u64) -> usize {
        let mut buf = [0; 1200];
        let mut bytes = 0;
        loop {
            let mut writer = RtcpWriter::new(&mut buf);
            if !self.receiver.write_feedback(self.time.at(ms), &mut writer) {
                assert!(self.receiver.poll_timeout().is_none_or(|due| due > self.time.at(ms)), "would be called again at once");
                return bytes;
            }
            bytes += writer.finish();
        }
    }
}

/// Every length, every first byte class, random content behind it.
#[test]
fn any_bytes_of_any_length() {
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let mut bench = bench(kind);
        let mut rng = Rng(1);
        let mut ms = 0;
        for len in 0..=1600usize {
            for first in [0x00, 0x16, 0x80, 0x90, 0xa0, 0xb0, 0x8f, 0x9f, 0xbf, 0xc0, 0xff] {
                let mut packet: Vec<u8> = (0..len).map(|_| rng.next() as u8).collect();
                let (pt, [high, low]) = (96 + rng.below(12) as u8, (ms as u16).to_be_bytes());
                // Retransmissions have SSRCs and payload types that are odd.
                for (place, byte) in packet.iter_mut().zip([first, pt, high, low, 0, 0, 0, 0, 0, 0, 1, pt & 1]) {
                    *place = byte;
                }
                if let Some(profile) = packet.get_mut(12..16) {
                    profile.copy_from_slice(&[0xbe, 0xde, 0, rng.below(20) as u8]);
                }
                bench.feed(ms, &packet);
                ms += 1;
            }
            bench.feedback(ms);
        }
        assert!(bench.receiver.counters().malformed > 1000 && bench.forwarded > 100, "{:?} {}", bench.receiver.counters(), bench.forwarded);
    }
}

/// Good packets with a few bytes changed.
#[test]
fn damaged_packets() {
    let mut rng = Rng(3);
    for style in [Style::Opus, Style::Vp8 { long_id: true }, Style::H264, Style::Vp9, Style::Av1] {
        let mut bench = bench(style.kind());
        let mut twcc = 0;
        let pt = 96
            + 2 * [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264, Codec::Vp9]
                .iter()
                .position(|&codec| codec == style.codec())
                .unwrap_or(5) as u8;
        let mut lane = Lane::new(style, 0x100, pt, "0", None, &mut rng);
        for ms in 0..2000 {
            lane.wants_key = rng.percent(20);
            for mut packet in lane.frame(ms, &mut rng, &mut twcc) {
                for _ in 0..rng.below(4) {
                    let at = rng.below(packet.len() as u64) as usize;
                    packet[at] = rng.next() as u8;
                }
                packet.truncate(packet.len() - rng.below(3) as usize);
                bench.feed(ms, &packet);
            }
            bench.feedback(ms);
        }
        assert!(bench.forwarded > 300, "{style:?}: {}", bench.forwarded);
    }
}

/// Row 13 of the design's list of attacks: jumps of the sequence numbers cost at most 50 us each.
#[test]
fn wild_sequence_numbers_cost_little() {
    let mut bench = bench(MediaKind::Video);
    let (mut rng, mut twcc) = (Rng(5), 0);
    let mut lane = Lane::new(Style::Vp8 { long_id: true }, 0x100, 100, "0", None, &mut rng);
    lane.size = 50;
    lane.wants_key = true;
    let packet = lane.frame(0, &mut rng, &mut twcc).remove(0);
    let jumps = [32_767u16, 32_768, 32_769, 1, 499, 500, 501, 2047, 2048, 3000, 3001, 65_000, 65_535];
    let mut seq = 0u16;
    let begin = Instant::now();
    const PACKETS: u32 = 100_000;
    for nth in 0..PACKETS {
        let mut packet = packet.clone();
        // Two in a row are a restart.
        seq = seq.wrapping_add(if nth % 3 == 0 { 1 } else { jumps[rng.below(13) as usize] });
        packet[2..4].copy_from_slice(&seq.to_be_bytes());
        // The transport-wide number is the second extension element: five bytes behind the first.
        packet[19..21].copy_from_slice(&seq.to_be_bytes());
        bench.feed(u64::from(nth) / 5, &packet);
        if nth % 10 == 0 {
            bench.feedback(u64::from(nth) / 5);
        }
    }
    let each = begin.elapsed() / PACKETS;
    assert!(each < Duration::from_micros(50), "{each:?} per packet");
    assert!(bench.receiver.counters().out_of_range > 1000);
}

/// Row 11: a thousand PLI a second from each of ten viewers; the publisher hears two a second.
#[test]
fn keyframe_requests_are_limited() {
    let mut bench = bench(MediaKind::Video);
    let (mut rng, mut twcc) = (Rng(5), 0);
    let mut lane = Lane::new(Style::H264, 0x100, 102, "0", None, &mut rng);
    let mut requests = 0;
    for ms in 0..10_000 {
        if ms % 40 == 0 {
            for packet in lane.frame(ms, &mut rng, &mut twcc) {
                bench.feed(ms, &packet);
            }
        }
        for _ in 0..10 {
            bench.receiver.request_keyframe(bench.time.at(ms), 0, 0, KeyframeCause::Loss);
        }
        let mut buf = [0; 1200];
        let mut writer = RtcpWriter::new(&mut buf);
        bench.receiver.write_feedback(bench.time.at(ms), &mut writer);
        let len = writer.finish();
        if len > 0 && parse(&buf[..len]).unwrap().any(|message| matches!(message, Rtcp::Pli { .. })) {
            requests += 1;
            lane.wants_key = true;
        }
    }
    assert!((10..=21).contains(&requests), "{requests}");
}

/// Row 12: NACKs for the last 1,000 packets, 200 times a second; the viewer gets a fifth of his stream again, and each packet at most three
/// times.
#[test]
fn retransmissions_are_limited() {
    let mut bench = bench(MediaKind::Video);
    let (mut rng, mut twcc) = (Rng(5), 0);
    let mut lane = Lane::new(Style::H264, 0x100, 102, "0", None, &mut rng);
    let (mut first, mut again) = (0, 0);
    let mut out = [0; 1500];
    for ms in 0..5000 {
        let now = bench.time.at(ms);
        if ms % 10 == 0 {
            for packet in lane.frame(ms, &mut rng, &mut twcc) {
                let inbound = bench.receiver.handle_rtp(now, &packet).unwrap();
                first += bench.slot.forward(now, &inbound, &viewer_exts(), &mut bench.twcc, &mut out).unwrap();
            }
        }
        let newest = u16::from_be_bytes([out[2], out[3]]);
        for back in (0..1000u16).filter(|_| ms % 5 == 0 && first > 0) {
            let seq = newest.wrapping_sub(back);
            let Some(origin) = bench.slot.resolve(seq) else { continue };
            if !bench.slot.may_resend(now, seq, Duration::from_millis(20)) {
                continue;
            }
            let Some(stored) = bench.receiver.publications()[0].stored(0, origin.ext_seq) else { continue };
            let mut resent = [0; 1500];
            again += bench.slot.resend(now, seq, &stored, &viewer_exts(), &mut bench.twcc, &mut resent).unwrap_or(0);
        }
    }
    // 64 KB are there from the beginning.
    assert!(again <= first / 5 + 66 * 1024 && again > first / 8, "{again} of {first}");
    assert!(bench.slot.counters().refused > 100_000);
}

/// Feedback about what was never sent, and reports full of nonsense.
#[test]
fn nonsense_from_the_viewer() {
    let mut bench = bench(MediaKind::Audio);
    let mut rng = Rng(9);
    assert!((0..=u16::MAX).all(|seq| bench.slot.resolve(seq).is_none()));
    let (mut twcc, mut lane) = (0, Lane::new(Style::Opus, 0x100, 96, "0", None, &mut rng));
    for packet in lane.frame(0, &mut rng, &mut twcc) {
        bench.feed(0, &packet);
    }
    assert_eq!(bench.forwarded, 1);
    assert_eq!((0..=u16::MAX).filter(|&seq| bench.slot.resolve(seq).is_some()).count(), 1);
    for ms in 0..1000 {
        let mut word = || rng.next() as u32;
        let block = ReportBlock {
            ssrc: SSRC,
            fraction_lost: word() as u8,
            cumulative_lost: word().cast_signed(),
            highest_sequence: word(),
            jitter: word(),
            last_sr: word(),
            delay_since_last_sr: word(),
        };
        bench.slot.handle_receiver_block(bench.time.at(ms), &block);
        let (ntp, clock) = (bench.time.ntp(ms), bench.receiver.publications()[0].clock(0));
        assert!(bench.slot.sender_report(bench.time.at(ms), ntp, &clock).is_some());
    }
    assert_eq!(bench.slot.rtt(), None);
}

/// Row 15: many rids and SSRCs in the negotiation.
#[test]
fn layers_are_bounded() {
    let time = Time::new();
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
    let line = PublishConfig {
        mid: Mid::new("0").unwrap(),
        kind: MediaKind::Video,
        codecs: vec![],
        nack: true,
        rids: (0..1000).map(|rid| Rid::new(rid.to_string()).unwrap()).collect(),
        ssrcs: (0..10_000).map(|ssrc| (Ssrc(ssrc), None)).collect(),
        label: 0,
    };
    let bare = PublishConfig { mid: Mid::new("1").unwrap(), rids: vec![], ..line.clone() };
    receiver.configure(time.at(0), publisher_exts(), vec![line, bare]);
    assert!(receiver.publications().iter().all(|publication| publication.layers().len() == 4));
    let lane = Lane::new(Style::H264, 1, 96, "0", None, &mut Rng(1));
    assert_eq!(publish_config(&[lane], 0).ssrcs.len(), 1);
}
