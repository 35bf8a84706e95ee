//! A warm stream takes no memory: receiving, forwarding, feedback and retransmission, with losses.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::time::Duration;

use common::viewer::{RTX, SSRC, viewer_exts};
use common::{Lane, NTP_BASE, Rng, Style, Time, publish_config, publisher_exts};
use media::{CodecOut, Receiver, Route, Slot, SlotConfig};
use wire::ids::{Mid, Ssrc};
use wire::rtcp::RtcpWriter;

/// Runs a stream with 5 % loss to four slots and returns the allocations of its second half.
fn run(style: Style, rtx: bool) -> u64 {
    let mut rng = Rng(99);
    let time = Time::new();
    let mut lane = Lane::new(style, 0x1000, 96, "0", None, &mut rng);
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
    receiver.configure(time.at(0), publisher_exts(), vec![publish_config(std::slice::from_ref(&lane), 0)]);
    let to = CodecOut { pt: 100, codec: style.codec(), clock_rate: style.rate(), rtx: rtx.then_some(101) };
    let route = Route::new(&[lane.codec_in()], &[to], |from, to| from.codec == to.codec);
    let mut slots: Vec<_> = (0..4)
        .map(|_| {
            let config = SlotConfig {
                mid: Mid::new("1").unwrap(),
                kind: style.kind(),
                ssrc: SSRC,
                rtx: rtx.then_some(RTX),
                epoch: time.at(0),
                entropy: 5,
            };
            let mut slot = Slot::new(config);
            slot.attach(time.at(0), route);
            slot
        })
        .collect();
    // All traffic is made in advance, so that only the crate under test works while we count.
    let mut twcc = 0;
    let frames: Vec<_> = (0..500).map(|nth| lane.frame(nth * 20, &mut rng, &mut twcc)).collect();
    let exts = viewer_exts();
    let (mut out, mut buf, mut sent, mut resent, mut feedback) = ([0; 1500], [0; 1200], 0, 0, 0);
    let mut step = |nth: u64, frame: &[Vec<u8>]| {
        let now = time.at(nth * 20);
        for packet in frame.iter().filter(|_| nth == 0 || !rng.percent(5)) {
            let inbound = receiver.handle_rtp(now, packet).unwrap();
            for slot in &mut slots {
                let len = slot.forward(now, &inbound, &exts, &mut twcc, &mut out).unwrap();
                sent += 1;
                let seq = u16::from_be_bytes([out[2], out[3]]).wrapping_sub(3);
                let Some(origin) = slot.resolve(seq).filter(|_| len % 3 == 0 || style == Style::Opus) else { continue };
                let stored = receiver.publications()[0].stored(origin.layer, origin.ext_seq);
                if let Some(stored) = stored.filter(|_| slot.may_resend(now, seq, Duration::from_millis(30))) {
                    resent += u32::from(slot.resend(now, seq, &stored, &exts, &mut twcc, &mut out).is_some());
                }
            }
        }
        while receiver.write_feedback(now, &mut RtcpWriter::new(&mut buf)) {
            feedback += 1;
        }
    };
    let (cold, warm) = frames.split_at(250);
    (0..).zip(cold).for_each(|(nth, frame)| step(nth, frame));
    let counted = allocation_counter::measure(|| (250..).zip(warm).for_each(|(nth, frame)| step(nth, frame))).count_total;
    assert!(sent > 1000 && resent > 100 && feedback > 100, "{style:?} {rtx}: {sent} {resent} {feedback}");
    counted
}

#[test]
fn a_warm_stream_allocates_nothing() {
    for style in [Style::Opus, Style::Vp8 { long_id: true }, Style::Vp8Mixed, Style::H264, Style::Vp9, Style::Av1] {
        for rtx in [true, false] {
            assert_eq!(run(style, rtx), 0, "{style:?}, RTX {rtx}");
        }
    }
}

#[test]
fn an_allocation_is_seen() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
}
