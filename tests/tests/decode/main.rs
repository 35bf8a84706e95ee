//! Real encoders, the relay's own way from receiver to slot, and real decoders: whatever layer a viewer is given, and however often it
//! changes, his decoder never stumbles, and shows exactly the pictures that the publisher's own stream shows.

#![allow(clippy::unwrap_used)]

mod clip;
mod decoder;
mod descriptor;
mod feed;
mod lane;
mod numbers;
mod recording;
mod viewer;
mod way;

use clip::{GROUP, SIZES, encode};
use decoder::{Shown, assemble, decode};
use feed::{Feed, Packet};
use lane::Lane;
use recording::{Recording, SPATIAL};
use viewer::{Line, Sent, decodable};
use way::{Run, Until, Way};
use wire::codec::Codec;
use wire::rtp::RtpHeader;

/// Switches from one encoding to another for each codec; of a scalable stream, changes of its layers.
const SWITCHES: u64 = 10_000;
/// The same where other proofs of the kind have shown most of it.
const FEWER: u64 = 2_000;
/// The twins need no more.
const FEW: u64 = 100;
/// What is asked for again comes two or three pictures later, which is a round trip of 70 to 100 ms.
const LOSSY: Line = Line::Lossy { after: 2 };

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
fn scalable_vp9_is_decoded_across_ten_thousand_changes_of_layers() {
    scalable(Codec::Vp9, "vp9-l3t3", Line::Clean, SWITCHES);
}

#[test]
fn scalable_av1_is_decoded_across_ten_thousand_changes_of_layers() {
    scalable(Codec::Av1, "av1-l3t3", Line::Clean, SWITCHES);
}

#[test]
fn layers_that_rest_on_each_other_at_keyframes_only_are_decoded() {
    scalable(Codec::Vp9, "vp9-l3t3-key", Line::Clean, FEWER);
    scalable(Codec::Av1, "av1-l3t3-key", Line::Clean, FEWER);
}

#[test]
fn what_is_lost_and_comes_late_is_decoded() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let (lanes, truth) = publisher(codec);
        let run = check(codec, feeds(lanes), &truth, LOSSY, Until::Encodings(FEWER));
        assert!(run.changes.encodings >= FEWER);
    }
}

#[test]
fn what_is_lost_of_a_scalable_stream_and_comes_late_is_decoded() {
    scalable(Codec::Vp9, "vp9-l3t3", LOSSY, FEWER);
    scalable(Codec::Av1, "av1-l3t3", LOSSY, FEWER);
}

/// The twin: without the relay's repairs the same losses leave a viewer with far fewer pictures.
#[test]
fn a_viewer_who_does_not_ask_waits_for_keyframes() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let shown = |line| {
            let run = Way::new(codec, feeds(publisher(codec).0), line, 1).run(Until::Encodings(FEW));
            100 * decodable(&run.all).len() / run.all.len()
        };
        let (asks, mute) = (shown(LOSSY), shown(Line::Mute));
        println!("{codec:?}: of a hundred pictures {asks} can be shown, and {mute} of a viewer who does not ask");
        assert!(asks >= 90 && mute + 10 <= asks, "{codec:?}: {asks} and {mute}");
    }
}

/// The twin: what the comparison is worth. One packet less, one switch that does not wait for a keyframe, or one picture without a trace,
/// and the decoder or the numbers show it.
#[test]
fn a_lost_packet_a_hasty_switch_and_a_lost_picture_are_seen() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let (lanes, truth) = publisher(codec);
        let run = Way::new(codec, feeds(lanes), Line::Clean, 2).run(Until::Encodings(FEW));
        let mut sent = decodable(&run.all);
        assert_eq!(errors(codec, &sent, &truth), 0, "{codec:?}");

        // The second packet of a keyframe in the middle.
        let middle = sent.len() / 2;
        let broken = sent.iter().skip(middle).position(|picture| picture.key && picture.payloads.len() > 2).unwrap();
        sent[middle + broken].payloads.remove(1);
        assert!(errors(codec, &sent, &truth) > 0, "{codec:?}: a lost packet goes unnoticed");

        // The first picture after a switch: within an encoding VP9 may have left one out.
        let mut all = run.all;
        let first = all.windows(2).skip(middle / 2).position(|pair| pair[0].start != pair[1].start).unwrap();
        all.remove(middle / 2 + first + 1);
        assert_eq!(numbers::check(codec, &all).1.is_empty(), codec == Codec::H264, "{codec:?}: a lost picture goes unnoticed");

        let (mut lanes, truth) = publisher(codec);
        // From the lowest to the highest in the middle of a group, twice.
        let sent: Vec<_> = (0..2 * GROUP).map(|nth| hasty(&mut lanes, nth)).collect();
        assert!(errors(codec, &sent, &truth) > 0, "{codec:?}: a switch without a keyframe goes unnoticed");
    }
}

fn hasty(lanes: &mut [Lane], nth: usize) -> Sent {
    let from = if nth % GROUP < 4 { 0 } else { 2 };
    let picture = lanes.iter_mut().map(|lane| lane.picture(nth)).nth(from).unwrap();
    let payload = |packet: &Packet| RtpHeader::parse(&packet.bytes).unwrap().payload(&packet.bytes).unwrap().to_vec();
    Sent {
        from: (from, nth),
        at: picture.at,
        key: picture.key,
        start: 0,
        spatial: 0,
        payloads: picture.packets.iter().map(payload).collect(),
        descriptors: Vec::new(),
        begun: true,
        ended: true,
        hole_before: false,
        broken: false,
    }
}

fn switches(codec: Codec) {
    let (lanes, truth) = publisher(codec);
    // The last one may not be seen any more.
    let run = check(codec, feeds(lanes), &truth, Line::Clean, Until::Encodings(SWITCHES + 50));
    let shown = decodable(&run.all);
    let seen = shown.windows(2).filter(|pair| pair[0].from.0 != pair[1].from.0).count() as u64;
    assert!(seen >= SWITCHES && run.starts >= SWITCHES, "{seen} switches between encodings, {} starts", run.starts);
}

fn scalable(codec: Codec, name: &str, line: Line, changes: u64) {
    let recording = Recording::open(codec, name);
    let truth = (0..SPATIAL).map(|spatial| {
        let pictures = (0..recording.len()).map(|nth| assemble(codec, &recording.payloads(nth, spatial)).unwrap());
        truth(codec, &pictures.collect::<Vec<_>>())
    });
    let truth: Vec<_> = truth.collect();
    let run = check(codec, vec![Box::new(recording)], &truth, line, Until::Layers(changes));
    let shown = decodable(&run.all);
    let seen = shown.windows(2).filter(|pair| pair[0].spatial != pair[1].spatial).count() as u64;
    println!("{codec:?}, {name}: {seen} changes of size");
    assert!(seen >= changes / 4, "{name}: {seen} changes of size");
}

fn check(codec: Codec, feeds: Vec<Box<dyn Feed>>, truth: &[Vec<String>], line: Line, until: Until) -> Run {
    let seed = 1;
    let run = Way::new(codec, feeds, line, seed).run(until);
    let shown = decodable(&run.all);
    let (wrong, (read, jumps)) = (errors(codec, &shown, truth), numbers::check(codec, &run.all));
    let Run { all, changes, starts, asked, left_out, behind, lost, late, resent } = &run;
    let (came, given_up) = (all.len(), all.len() - shown.len());
    println!(
        "{codec:?}: {changes:?}, {starts} starts, {asked} keyframes asked for, {came} pictures, {left_out} left out or lost, {given_up} given up, \
         {behind} behind a marker; {lost} packets lost, {resent} sent again, {late} late; {wrong} wrong, {} of {read} numbers",
        jumps.len()
    );
    assert_eq!(wrong, 0, "{codec:?}, seed {seed}");
    assert!(jumps.is_empty(), "{codec:?}, seed {seed}: {:?}", &jumps[..jumps.len().min(3)]);
    assert!(read == if codec == Codec::H264 { 0 } else { came }, "{read} of {came} pictures have numbers");
    // A scalable stream may grow within a picture: behind the marker of what had been its highest layer.
    let scalable = matches!(until, Until::Layers(_));
    assert!(*behind == 0 || (scalable && behind * 10 < came), "{behind} packets behind a marker, seed {seed}");
    if line == Line::Clean {
        assert!(given_up * 500 < came && *lost == 0, "{given_up} pictures given up, {lost} packets lost, seed {seed}");
    } else {
        assert!(given_up * 10 < came, "{given_up} pictures given up, seed {seed}");
        assert!(*lost > came / 50 && *late * 2 > *lost, "{lost} packets lost, {late} late, seed {seed}");
    }
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
    let right = |(picture, shown): &(&Sent, &String)| truth[picture.from.0 + picture.spatial][picture.at] == **shown;
    let wrong = sent.len() - sent.iter().zip(&pictures).filter(right).count();
    if let Some((picture, _)) = sent.iter().zip(&pictures).find(|pair| !right(pair)) {
        println!("{codec:?}: the first wrong picture is {:?} up to {}", picture.from, picture.spatial);
    }
    if !complaints.is_empty() {
        println!("{codec:?}: {}", complaints.lines().next().unwrap_or_default());
    }
    wrong.max(broken) + pictures.len().saturating_sub(sent.len()) + complaints.lines().count()
}
