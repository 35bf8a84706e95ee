//! Real encoders, the relay's own way from receiver to slot, and real decoders: whatever layer a viewer is given, and however often it
//! changes, his decoder never stumbles, and shows exactly the pictures that the publisher's own stream shows.

#![allow(clippy::unwrap_used)]

mod clip;
mod decoder;
mod feed;
mod lane;
mod recording;
mod way;

use clip::{SIZES, encode};
use decoder::{Shown, assemble, decode};
use feed::{Feed, Packet};
use lane::Lane;
use recording::{Recording, SPATIAL};
use way::{Run, Sent, Way};
use wire::codec::Codec;
use wire::rtp::RtpHeader;

/// Changes of the target for each codec.
const CHANGES: u32 = 10_000;
/// Large pictures take their time.
const SCALABLE_CHANGES: u32 = 1_000;
/// The twins need no more.
const FEW: u32 = 200;

#[test]
fn vp8_is_decoded_across_ten_thousand_random_switches() {
    switches(Codec::Vp8);
}

#[test]
fn vp9_is_decoded_across_ten_thousand_random_switches() {
    switches(Codec::Vp9);
}

#[test]
fn h264_is_decoded_across_ten_thousand_random_switches() {
    switches(Codec::H264);
}

#[test]
fn av1_is_decoded_across_ten_thousand_random_switches() {
    switches(Codec::Av1);
}

#[test]
fn scalable_streams_are_decoded_across_a_thousand_random_switches() {
    for (codec, name) in [(Codec::Vp9, "vp9-l3t3"), (Codec::Vp9, "vp9-l3t3-key"), (Codec::Av1, "av1-l3t3"), (Codec::Av1, "av1-l3t3-key")] {
        let recording = Recording::open(codec, name);
        let truth = (0..SPATIAL).map(|spatial| {
            let pictures = (0..recording.len()).map(|nth| assemble(codec, &recording.payloads(nth, spatial)).unwrap());
            truth(codec, &pictures.collect::<Vec<_>>())
        });
        let truth: Vec<_> = truth.collect();
        check(codec, vec![Box::new(recording)], &truth, SCALABLE_CHANGES);
    }
}

/// The twin: what the comparison is worth. One packet less, or one switch that does not wait for a keyframe, and the decoder shows it.
#[test]
fn a_lost_packet_and_a_hasty_switch_are_seen() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let (lanes, truth) = publisher(codec);
        let mut run = Way::new(codec, feeds(lanes), 2).run(FEW);
        assert_eq!(errors(codec, &run.sent, &truth), 0, "{codec:?}");

        // The second packet of a keyframe in the middle.
        let middle = run.sent.len() / 2;
        let broken =
            run.sent.iter().skip(middle).position(|picture| picture.from.1 % clip::GROUP == 0 && picture.payloads.len() > 2).unwrap();
        run.sent[middle + broken].payloads.remove(1);
        assert!(errors(codec, &run.sent, &truth) > 0, "{codec:?}: a lost packet goes unnoticed");

        let (mut lanes, truth) = publisher(codec);
        let hasty = |nth: usize| {
            // From the lowest to the highest in the middle of a group, twice.
            let from = if nth % clip::GROUP < 4 { 0 } else { 2 };
            let payloads: Vec<_> = lanes.iter_mut().map(|lane| lane.packets(nth)).nth(from).unwrap();
            let payload = |packet: &Packet| RtpHeader::parse(&packet.bytes).unwrap().payload(&packet.bytes).unwrap().to_vec();
            Sent { from: (from, nth), spatial: 0, ended: true, payloads: payloads.iter().map(payload).collect() }
        };
        let sent: Vec<_> = (0..2 * clip::GROUP).map(hasty).collect();
        assert!(errors(codec, &sent, &truth) > 0, "{codec:?}: a switch without a keyframe goes unnoticed");
    }
}

fn switches(codec: Codec) {
    let (lanes, truth) = publisher(codec);
    let run = check(codec, feeds(lanes), &truth, CHANGES);
    assert!(run.switches > u64::from(CHANGES) / 10, "{} switches between encodings", run.switches);
}

fn check(codec: Codec, feeds: Vec<Box<dyn Feed>>, truth: &[Vec<String>], changes: u32) -> Run {
    let seed = 1;
    let run = Way::new(codec, feeds, seed).run(changes);
    let wrong = errors(codec, &run.sent, truth);
    let Run { sent, targets, switches, left_out, cut, behind } = &run;
    println!(
        "{codec:?}: {targets} targets, {switches} starts, {} pictures, {left_out} left out, {cut} cut, {behind} behind a marker, {wrong} wrong",
        sent.len()
    );
    assert_eq!(wrong, 0, "{codec:?}, seed {seed}");
    // A scalable stream may grow within a picture: behind the marker of what had been its highest layer.
    let scalable = changes == SCALABLE_CHANGES;
    assert!(*behind == 0 || (scalable && behind * 50 < sent.len()), "{behind} packets behind a marker, seed {seed}");
    assert!(cut * 100 < sent.len(), "{cut} pictures without their end, seed {seed}");
    assert!(sent.len() > changes as usize, "{} pictures, seed {seed}", sent.len());
    run
}

/// Three encodings, and what each of their pictures looks like: [encoding][picture of the clip].
fn publisher(codec: Codec) -> (Vec<Lane>, Vec<Vec<String>>) {
    let clips: Vec<_> = SIZES.iter().map(|&size| encode(codec, size)).collect();
    let truth = clips.iter().map(|clip| truth(codec, &clip.iter().map(|picture| picture.data.clone()).collect::<Vec<_>>()));
    let truth = truth.collect();
    (clips.into_iter().enumerate().map(|(index, clip)| Lane::new(codec, clip, index)).collect(), truth)
}

fn feeds(lanes: Vec<Lane>) -> Vec<Box<dyn Feed>> {
    lanes.into_iter().map(|lane| -> Box<dyn Feed> { Box::new(lane) }).collect()
}

/// What the publisher's own stream shows.
fn truth(codec: Codec, pictures: &[Vec<u8>]) -> Vec<String> {
    let Shown { pictures: shown, complaints } = decode(codec, pictures);
    assert_eq!((shown.len(), &*complaints), (pictures.len(), ""), "{codec:?}: the publisher's own stream can be decoded");
    shown
}

/// Pictures that are not shown, or not as they are, and everything a decoder complained about.
fn errors(codec: Codec, sent: &[Sent], truth: &[Vec<String>]) -> usize {
    let assembled: Vec<_> = sent.iter().map(|picture| assemble(codec, &picture.payloads)).collect();
    let whole: Vec<_> = assembled.into_iter().flatten().collect();
    let broken = sent.len() - whole.len();
    let Shown { pictures, complaints } = decode(codec, &whole);
    let right = |(picture, shown): &(&Sent, &String)| {
        let looks = &truth[picture.from.0 + picture.spatial];
        looks[picture.from.1 % looks.len()] == **shown
    };
    let wrong = sent.len() - sent.iter().zip(&pictures).filter(right).count();
    if let Some((picture, _)) = sent.iter().zip(&pictures).find(|pair| !right(pair)) {
        println!("{codec:?}: the first wrong picture is {:?} up to {}", picture.from, picture.spatial);
    }
    if !complaints.is_empty() {
        println!("{codec:?}: {}", complaints.lines().next().unwrap_or_default());
    }
    wrong.max(broken) + pictures.len().saturating_sub(sent.len()) + complaints.lines().count()
}
