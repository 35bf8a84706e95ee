//! Payload descriptors against the depacketisers of rtc-rtp, and detection on what its payloaders produce.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use rtp::codec::av1::Av1Payloader;
use rtp::codec::h264::H264Payloader;
use rtp::codec::vp8::{Vp8Packet, Vp8Payloader};
use rtp::codec::vp9::Vp9Packet;
use rtp::packetizer::{Depacketizer, Payloader};
use wire::codec::vp8::{Descriptor, PictureId};
use wire::codec::{Codec, frame_starts, starts_keyframe, vp9};

/// For each packet: does it start a keyframe, does it start a frame.
fn starts(codec: Codec, packets: &[Bytes]) -> Vec<(bool, bool)> {
    packets.iter().map(|packet| (starts_keyframe(codec, packet), frame_starts(codec, packet))).collect()
}

/// `count` packets of which the first says `first`.
fn only_first(first: (bool, bool), count: usize) -> Vec<(bool, bool)> {
    (0..count).map(|nth| if nth == 0 { first } else { (false, false) }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..crate::seeded() })]

    #[test]
    fn vp8_descriptors(payload in vec(any::<u8>(), 4..16)) {
        let payload = Bytes::from(payload);
        let mut theirs = Vp8Packet::default();
        let data = theirs.depacketize(&payload);
        let ours = Descriptor::parse(&payload);
        prop_assert_eq!(ours.is_some(), data.is_ok());
        let (Some(ours), Ok(data)) = (ours, data) else { return Ok(()) };
        prop_assert_eq!(&payload[ours.len..], &data[..]);
        prop_assert_eq!((ours.non_reference, ours.start_of_partition, ours.partition), (theirs.n == 1, theirs.s == 1, theirs.pid));
        prop_assert_eq!(ours.picture_id.map(PictureId::value), (theirs.i == 1).then_some(theirs.picture_id));
        prop_assert_eq!(ours.tl0, (theirs.l == 1).then_some(theirs.tl0_pic_idx));
        prop_assert_eq!(ours.tid, (theirs.t == 1).then_some(theirs.tid));
        prop_assert_eq!((ours.sync, ours.keyidx), (theirs.t == 1 && theirs.y == 1, (theirs.k == 1).then_some(theirs.key_idx)));
        prop_assert_eq!(ours.keyframe, theirs.s == 1 && theirs.pid == 0 && data[0] & 1 == 0);
    }

    #[test]
    fn vp9_descriptors(required: u8, fields: [u8; 7], structure in vp9_structure(), data: u8) {
        let payload = Bytes::from(vp9_payload(required, &fields, &structure, data));
        let mut theirs = Vp9Packet::default();
        // They take fewer references and spatial layers than there may be.
        let Ok(rest) = theirs.depacketize(&payload) else { return Ok(()) };
        let ours = vp9::Descriptor::parse(&payload).unwrap();
        prop_assert_eq!((&payload[ours.len..], &rest[..]), (&[data][..], &[data][..]));
        prop_assert_eq!(ours.picture_id.map(PictureId::value), theirs.i.then_some(theirs.picture_id));
        prop_assert_eq!((ours.inter_picture, ours.flexible, ours.non_ref_upper), (theirs.p, theirs.f, theirs.z));
        prop_assert_eq!((ours.starts_frame, ours.ends_frame), (theirs.b, theirs.e));
        prop_assert_eq!((ours.tid, ours.switch_up, ours.sid, ours.inter_layer), (theirs.tid, theirs.u, theirs.sid, theirs.d));
        prop_assert_eq!(ours.tl0, (theirs.l && !theirs.f).then_some(theirs.tl0picidx));
        prop_assert_eq!(ours.references(), &theirs.pdiff[..]);
        prop_assert_eq!(ours.structure.map(|structure| structure.spatial_layers), theirs.v.then_some(theirs.ns + 1));
        let sizes: Vec<(u16, u16)> = theirs.width.iter().copied().zip(theirs.height.iter().copied()).collect();
        prop_assert_eq!(ours.structure.map_or(vec![], |structure| structure.sizes().to_vec()), sizes);
        let start = theirs.b && theirs.sid == 0;
        prop_assert_eq!((frame_starts(Codec::Vp9, &payload), starts_keyframe(Codec::Vp9, &payload)), (start, start && !theirs.p));
    }
}

/// A descriptor of the fields that `required` announces, with one byte of data behind it.
fn vp9_payload(required: u8, fields: &[u8; 7], structure: &[u8], data: u8) -> Vec<u8> {
    let has = |bit: u8| required & bit != 0;
    let [id, id_low, layers, tl0, first, second, third] = *fields;
    let mut payload = vec![required];
    if has(0x80) {
        payload.push(id);
        payload.extend((id & 0x80 != 0).then_some(id_low));
    }
    if has(0x20) {
        payload.push(layers);
        payload.extend((!has(0x10)).then_some(tl0));
    }
    if has(0x40) && has(0x10) {
        payload.push(first);
        payload.extend((first & 1 != 0).then_some(second));
        // The third is the last there may be.
        payload.extend((first & second & 1 != 0).then_some(third & !1));
    }
    if has(0x02) {
        payload.extend(structure);
    }
    payload.push(data);
    payload
}

/// A scalability structure with and without sizes and a picture group. The reserved bits are 0: the oracle takes them for fields.
fn vp9_structure() -> impl Strategy<Value = Vec<u8>> {
    let picture = (any::<u8>(), [any::<u8>(); 3]).prop_map(|(first, diffs)| {
        let references = usize::from(first >> 2 & 3);
        [&[first & 0xfc], &diffs[..references]].concat()
    });
    let sizes = vec(any::<u8>(), 32);
    (0..8_u8, sizes, any::<bool>(), proptest::option::of(vec(picture, 0..20))).prop_map(|(layers, sizes, has_sizes, group)| {
        let mut bytes = vec![layers << 5 | u8::from(has_sizes) << 4 | u8::from(group.is_some()) << 3];
        if has_sizes {
            bytes.extend(&sizes[..4 * (usize::from(layers) + 1)]);
        }
        if let Some(group) = group {
            bytes.push(group.len() as u8);
            bytes.extend(group.concat());
        }
        bytes
    })
}

#[test]
fn vp8_frames() {
    let mut payloader = Vp8Payloader::default();
    payloader.enable_picture_id = true;
    let mut packet = Vp8Packet::default();
    for frame in 0..300u16 {
        let keyframe = frame % 100 == 0;
        let mut data = vec![0xab; 5000];
        data[0] = if keyframe { 0x10 } else { 0x11 };
        let packets = payloader.payload(1200, &Bytes::from(data.clone())).unwrap();
        assert_eq!(starts(Codec::Vp8, &packets), only_first((keyframe, true), 5));
        // Rewritten, in place and widened, the frame is still whole and has the new number.
        for widen in [false, true] {
            let mut frame_data = vec![];
            for payload in &packets {
                let descriptor = Descriptor::parse(payload).unwrap();
                assert_eq!(descriptor.picture_id.unwrap().value(), frame);
                let mut copy = vec![0; payload.len() + 1];
                if widen {
                    let len = descriptor.copy(payload, frame + 1000, 0, &mut copy).unwrap();
                    copy.truncate(len);
                } else {
                    copy.truncate(payload.len());
                    copy.copy_from_slice(payload);
                    descriptor.patch(&mut copy, frame + 1000, 0);
                }
                frame_data.extend(packet.depacketize(&copy.into()).unwrap());
                let mask = if widen || frame >= 128 { 0x7fff } else { 0x7f };
                assert_eq!(packet.picture_id, (frame + 1000) & mask);
            }
            assert_eq!(frame_data, data);
        }
    }
}

#[test]
fn h264_frames() {
    let unit = |head: &[u8], len: usize| [&[0, 0, 0, 1], head, &vec![0xab; len]].concat();
    let parameters = [unit(&[0x67, 0x42], 20), unit(&[0x68, 0xce], 4)].concat();
    let mut payloader = H264Payloader::default();
    let mut payload = |data: Vec<u8>| payloader.payload(1200, &data.into()).unwrap();

    let keyframe = payload([parameters.clone(), unit(&[0x65, 0x88], 3000)].concat());
    let mut expected = only_first((true, true), 4);
    // The aggregated parameter sets, then the first fragment of the IDR slice: a decoder that has the former can begin there.
    expected[1] = (true, true);
    assert_eq!(starts(Codec::H264, &keyframe), expected);
    assert_eq!(starts(Codec::H264, &payload([parameters, unit(&[0x65, 0x88], 500)].concat())), [(true, true); 2]);

    assert_eq!(starts(Codec::H264, &payload(unit(&[0x61, 0x9a], 3000))), only_first((false, true), 3));
    assert_eq!(starts(Codec::H264, &payload(unit(&[0x41, 0x9a], 300))), [(false, true)]);
    assert_eq!(starts(Codec::H264, &payload(unit(&[0x41, 0x1a], 300))), [(false, false)], "a slice from the middle of a picture");
}

#[test]
fn av1_frames() {
    let obu = |kind: u8, len: usize| {
        // With a size field, as encoders write it.
        let size = [(len & 0x7f) as u8 | 0x80, (len >> 7) as u8];
        [&[kind << 3 | 2][..], &size, &vec![0xab; len]].concat()
    };
    let (delimiter, sequence, frame) = (2, 1, 6);
    let mut payloader = Av1Payloader::default();
    let mut payload = |obus: Vec<Vec<u8>>| payloader.payload(1200, &obus.concat().into()).unwrap();

    let keyframe = payload(vec![obu(delimiter, 0), obu(sequence, 10), obu(frame, 3000)]);
    assert_eq!(starts(Codec::Av1, &keyframe), only_first((true, true), 3));
    let interframe = payload(vec![obu(delimiter, 0), obu(frame, 3000)]);
    assert_eq!(starts(Codec::Av1, &interframe), only_first((false, true), 3));
    let small = payload(vec![obu(delimiter, 0), obu(sequence, 10), obu(frame, 30), obu(frame, 30), obu(frame, 30)]);
    assert_eq!(starts(Codec::Av1, &small), [(true, true)], "four elements: each has a length");
}
