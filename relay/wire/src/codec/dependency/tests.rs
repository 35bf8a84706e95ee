//! The dependency descriptor against what a browser sent (L3T3), against the structure of L1T3, and against broken values. What an
//! independent writer makes of every field is read in `tests/oracle`.
#![allow(clippy::unwrap_used)]

use super::{Descriptor, Dti, Structure, patch_frame_number};
use crate::codec::FrameInfo;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Chrome, AV1, L3T3: first packet of a keyframe. The capture is in LiveKit's tests.
const L3T3_KEY_PACKET: &str = "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e082b0\
                               4a0941b820ac1282503157f974000ca864330e222222eca8655304224230eca877530077004200ef008601df010d";

/// Bytes from bits as the specification lists them, padded with zeros. Spaces count for nothing.
fn bits(text: &str) -> Vec<u8> {
    let bits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| byte - b'0').collect();
    bits.chunks(8).map(|chunk| chunk.iter().zip((0..8).rev()).fold(0, |byte, (bit, shift)| byte | bit << shift)).collect()
}

/// First packet of a keyframe with libwebrtc's L1T3 structure: one chain, no sizes. Templates T0 (keyframe), T0, T1, T2, T2.
fn l1t3_key_packet() -> Vec<u8> {
    bits(concat!(
        "1 1 000000 0000000000000111 10000",
        // Offset 0, three targets, the layers, then the DTIs SSS SSS -DS --D --D.
        "000000 00010  00 01 01 00 11  101010 101010 000110 000001 000001",
        // Diffs 4, 2, 1, 1; one chain (ns(4)) for all targets (ns(1), no bits); its diffs 0, 4, 2, 1, 3; no sizes.
        "0 100110 100010 100000 100000  01  0000 0100 0010 0001 0011  0",
    ))
}

fn structure(packet: &[u8]) -> Structure {
    let mut fresh = None;
    assert!(Descriptor::parse(packet, None, &mut fresh).unwrap().brings_structure);
    fresh.unwrap()
}

fn read(packet: &[u8], known: &Structure) -> Option<Descriptor> {
    Descriptor::parse(packet, Some(known), &mut None)
}

/// The DTIs in the letters of libwebrtc's tests.
fn letters(descriptor: &Descriptor, targets: usize) -> String {
    let letter = |target| match descriptor.dti(target) {
        Dti::NotPresent => '-',
        Dti::Discardable => 'D',
        Dti::Switch => 'S',
        Dti::Required => 'R',
    };
    (0..targets).map(letter).collect()
}

#[test]
fn l3t3_structure() {
    let packet = bytes(L3T3_KEY_PACKET);
    let structure = structure(&packet);
    let layers: Vec<(u8, u8)> = (0..3).flat_map(|spatial| (0..3).map(move |temporal| (spatial, temporal))).collect();
    assert_eq!(structure.layers(), layers);
    assert_eq!((structure.decode_target(1, 2), structure.decode_target(2, 2), structure.decode_target(3, 0)), (Some(5), Some(8), None));
    let chains: Vec<_> = (0..10).map_while(|target| structure.chain(target)).collect();
    assert_eq!(chains, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    assert_eq!(structure.resolutions(), [(120, 67), (240, 135), (480, 270)]);

    let descriptor = Descriptor::parse(&packet, None, &mut None).unwrap();
    assert!(descriptor.start_of_frame && descriptor.end_of_frame && descriptor.starts_keyframe());
    assert_eq!((descriptor.frame_number, descriptor.active_targets), (0x172, Some(0x1ff)), "all are active");
    assert_eq!((descriptor.resolution, letters(&descriptor, 9)), (Some((120, 67)), "SSSSSSSSS".to_owned()));
    assert_eq!((descriptor.frame_diffs(), descriptor.chain_diffs()), (&[][..], &[0, 0, 0][..]));
}

/// All templates of L3T3 as libwebrtc defines them (`scalability_structure_full_svc`), one byte each.
#[test]
fn l3t3_templates() {
    let known = structure(&bytes(L3T3_KEY_PACKET));
    for (template, (layers, dtis, diffs, chains)) in (0_u8..).zip([
        ((0, 0), "SSSRRRRRR", &[12][..], [12, 11, 10]),
        ((0, 0), "SSSSSSSSS", &[], [0, 0, 0]),
        ((0, 1), "-DS-RR-RR", &[6], [6, 5, 4]),
        ((0, 2), "--D--R--R", &[3], [3, 2, 1]),
        ((0, 2), "--D--R--R", &[3], [9, 8, 7]),
        ((1, 0), "---SSSRRR", &[12, 1], [1, 1, 1]),
        ((1, 0), "---SSSSSS", &[1], [1, 1, 1]),
        ((1, 1), "----DS-RR", &[6, 1], [7, 6, 5]),
        ((1, 2), "-----D--R", &[3, 1], [4, 3, 2]),
        ((1, 2), "-----D--R", &[3, 1], [10, 9, 8]),
        ((2, 0), "------SSS", &[12, 1], [2, 1, 1]),
        ((2, 0), "------SSS", &[1], [2, 1, 1]),
        ((2, 1), "-------DS", &[6, 1], [8, 7, 6]),
        ((2, 2), "--------D", &[3, 1], [5, 4, 3]),
        ((2, 2), "--------D", &[3, 1], [11, 10, 9]),
    ]) {
        let descriptor = read(&[template, 0x12, 0x34], &known).unwrap();
        assert_eq!((descriptor.spatial(), descriptor.temporal()), layers, "template {template}");
        assert_eq!((letters(&descriptor, 9).as_str(), descriptor.frame_diffs()), (dtis, diffs), "template {template}");
        assert_eq!((descriptor.chain_diffs(), descriptor.dti(9)), (&chains[..], Dti::NotPresent), "template {template}");
        assert_eq!((descriptor.start_of_frame, descriptor.end_of_frame, descriptor.frame_number), (false, false, 0x1234));
        assert_eq!((descriptor.active_targets, descriptor.brings_structure), (None, false));
    }
    assert_eq!(read(&[15, 0, 0], &known), None, "no such template");
}

/// The packets behind the keyframe in the capture: the sender turned the highest spatial layer off.
#[test]
fn l3t3_active_targets() {
    let known = structure(&bytes(L3T3_KEY_PACKET));
    for (packet, start, end, number, layers) in [
        ("86017340fc", true, false, 0x173, (1, 0)),
        ("46017340fc", false, true, 0x173, (1, 0)),
        ("c3017540fc", true, true, 0x175, (0, 2)),
        ("88017640fc", true, false, 0x176, (1, 2)),
        ("c2017840fc", true, true, 0x178, (0, 1)),
    ] {
        let mut value = bytes(packet);
        let descriptor = read(&value, &known).unwrap();
        assert_eq!((descriptor.start_of_frame, descriptor.end_of_frame, descriptor.frame_number), (start, end, number), "{packet}");
        assert_eq!((descriptor.spatial(), descriptor.temporal(), descriptor.active_targets), (layers.0, layers.1, Some(0x3f)), "{packet}");

        assert!(descriptor.patch_active_targets(&mut value, 0b1_0000_0101));
        let patched = Descriptor { active_targets: Some(0b1_0000_0101), ..descriptor };
        assert_eq!(read(&value, &known), Some(patched), "{packet}");
        assert!(descriptor.patch_active_targets(&mut value, 0x3f));
        assert_eq!(value, bytes(packet), "nothing but the mask was touched");
        assert!(!descriptor.patch_active_targets(&mut value[..4], 0), "cut off");
    }
    let mut plain = bytes("860173");
    assert!(!read(&plain, &known).unwrap().patch_active_targets(&mut plain, 0), "there is no mask");
    assert_eq!(plain, bytes("860173"));
}

#[test]
fn l1t3() {
    let known = structure(&l1t3_key_packet());
    assert_eq!((known.layers(), known.resolutions(), known.chain(2)), (&[(0, 0), (0, 1), (0, 2)][..], &[][..], Some(0)));
    let base = read(&[0x81, 0, 8], &known).unwrap();
    assert_eq!((letters(&base, 3).as_str(), base.frame_diffs(), base.chain_diffs()), ("SSS", &[4][..], &[4][..]));
    let middle = read(&[0xc2, 0, 9], &known).unwrap();
    assert_eq!((letters(&middle, 3).as_str(), middle.frame_diffs(), middle.chain_diffs()), ("-DS", &[2][..], &[2][..]));
    assert_eq!(read(&[0xc4, 0, 9], &known).unwrap().chain_diffs(), [3]);

    // For viewers of all layers the middle one is a switch; those who go no further may lose it.
    let seen = |target| FrameInfo::from_dependency(&middle, target);
    let frame = FrameInfo { temporal: 1, start: true, end: true, ..FrameInfo::default() };
    assert_eq!(seen(2), FrameInfo { switch_up: true, ..frame });
    assert_eq!(seen(1), FrameInfo { discardable: true, ..frame });
    assert_eq!(seen(0), frame);
    let key = Descriptor::parse(&l1t3_key_packet(), None, &mut None).unwrap();
    let expected = FrameInfo { start: true, end: true, keyframe: true, switch_up: true, ..FrameInfo::default() };
    assert_eq!(FrameInfo::from_dependency(&key, 2), expected);
}

/// DTIs `R-D`, the diffs 1 (of four bits), 300 (of twelve) and 17 (of eight), and a chain diff of 200 instead of the template's.
#[test]
fn custom_fields() {
    let known = structure(&l1t3_key_packet());
    let value = bits("00 000100 0000000000001001 00111  11 00 01  01 0000  11 000100101011  10 00010000  00  11001000");
    let descriptor = read(&value, &known).unwrap();
    assert_eq!(
        (letters(&descriptor, 3).as_str(), descriptor.frame_diffs(), descriptor.chain_diffs()),
        ("R-D", &[1, 300, 17][..], &[200][..])
    );
    assert_eq!((descriptor.temporal(), descriptor.starts_keyframe()), (2, false));
    for len in 0..value.len() {
        // Three bytes are a whole descriptor without extended fields.
        assert_eq!(read(&value[..len], &known).is_some(), len == 3, "{len} bytes");
    }
}

#[test]
fn frame_numbers() {
    let known = structure(&l1t3_key_packet());
    let mut value = l1t3_key_packet();
    patch_frame_number(&mut value, 0xfffe);
    let before = read(&l1t3_key_packet(), &known).unwrap();
    assert_eq!(read(&value, &known), Some(Descriptor { frame_number: 0xfffe, ..before }));
    let mut short = [1, 2];
    patch_frame_number(&mut short, 0xfffe);
    assert_eq!(short, [1, 2]);
}

/// A value that ends early brings no structure either.
#[test]
fn every_truncation_is_none() {
    let known = structure(&l1t3_key_packet());
    for packet in [bytes(L3T3_KEY_PACKET), l1t3_key_packet()] {
        for len in (0..packet.len()).filter(|&len| len != 3) {
            let mut fresh = Some(known);
            assert_eq!(Descriptor::parse(&packet[..len], Some(&known), &mut fresh), None, "{len} bytes");
            assert_eq!(fresh, None);
        }
    }
}

/// Without the keyframe's first packet, and after another structure came, packets cannot be read.
#[test]
fn structures_are_told_apart() {
    assert_eq!(Descriptor::parse(&[0x80, 0, 8], None, &mut None), None);
    let mut moved = l1t3_key_packet();
    // Template ids 62, 63, 0, 1, 2 instead of 0 to 4; the keyframe's template is the second.
    moved[0] = 0b11_111110;
    moved[3] |= 0b0000_0111;
    moved[4] |= 0b1100_0000;
    let known = structure(&moved);
    let layers = |id: u8| read(&[id, 0, 8], &known).map(|descriptor| descriptor.temporal());
    assert_eq!([62, 63, 0, 1, 2, 3, 61].map(layers), [Some(0), Some(0), Some(1), Some(2), Some(2), None, None]);
}

/// More templates, layers or diffs than there may be.
#[test]
fn limits() {
    let parse = |tail: &[u8]| Descriptor::parse(&[&[0xc0, 0, 1][..], tail].concat(), None, &mut None);
    // One target, and no end of templates: all of one layer, ever higher temporal layers, ever higher spatial layers.
    for layers in [0x00, 0x55, 0xaa] {
        assert_eq!(parse(&[&[0x80, 0x00][..], &[layers; 200]].concat()), None);
    }
    let known = structure(&l1t3_key_packet());
    let diffs = |count: usize| {
        let value = bits(&["00 000000 0000000000001001 00010", &"01 0000".repeat(count), "00"].concat());
        read(&value, &known).map(|descriptor| descriptor.frame_diffs().len())
    };
    assert_eq!((diffs(0), diffs(super::MAX_FRAME_DIFFS), diffs(super::MAX_FRAME_DIFFS + 1)), (Some(0), Some(8), None));
    // In a template too: one target, one template (11), DTI 00.
    let template = |count: usize| parse(&bits(&["10000 000000 00000 11 00", &"1 0000".repeat(count), "0 0 0"].concat())).is_some();
    assert_eq!((template(super::MAX_FRAME_DIFFS), template(super::MAX_FRAME_DIFFS + 1)), (true, false));
}
