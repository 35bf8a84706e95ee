//! RTP headers against rtc-rtp, both ways.

use proptest::collection::vec;
use proptest::prelude::*;
use rtc_shared::marshal::{Marshal, Unmarshal};
use rtp::header::{EXTENSION_PROFILE_ONE_BYTE, EXTENSION_PROFILE_TWO_BYTE, Extension, Header};
use wire::ids::Ssrc;
use wire::rtp::{RtpFields, RtpHeader, write_header};

/// Elements that fit the one-byte form, or need the two-byte form.
fn extensions() -> impl Strategy<Value = (u16, Vec<(u8, Vec<u8>)>)> {
    prop_oneof![
        vec((1..=14u8, vec(any::<u8>(), 1..=16)), 1..8).prop_map(|list| (EXTENSION_PROFILE_ONE_BYTE, list)),
        (vec((1..=255u8, vec(any::<u8>(), 1..=255)), 0..4), vec(any::<u8>(), 17..=255)).prop_map(|(mut list, long)| {
            list.push((1, long));
            (EXTENSION_PROFILE_TWO_BYTE, list)
        }),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let fields = (any::<bool>(), 0..128u8, any::<u16>(), any::<u32>(), any::<u32>(), vec(any::<u32>(), 0..=15));
    (fields, proptest::option::of(extensions())).prop_map(|((marker, payload_type, sequence_number, timestamp, ssrc, csrc), extensions)| {
        let extension = extensions.is_some();
        let (extension_profile, list) = extensions.unwrap_or_default();
        let extensions = list.into_iter().map(|(id, payload)| Extension { id, payload: payload.into() }).collect();
        Header {
            version: 2,
            extension,
            marker,
            payload_type,
            sequence_number,
            timestamp,
            ssrc,
            csrc,
            extension_profile,
            extensions,
            ..Header::default()
        }
    })
}

fn elements(header: &Header) -> Vec<(u8, &[u8])> {
    header.extensions.iter().map(|extension| (extension.id, &extension.payload[..])).collect()
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn we_read_what_they_write(theirs in header(), payload: Vec<u8>) {
        let mut packet = theirs.marshal().unwrap().to_vec();
        let len = packet.len();
        packet.extend(&payload);
        let ours = RtpHeader::parse(&packet).unwrap();
        prop_assert_eq!((ours.marker, ours.payload_type, ours.sequence), (theirs.marker, theirs.payload_type, theirs.sequence_number));
        prop_assert_eq!((ours.timestamp, ours.ssrc, ours.padding), (theirs.timestamp, Ssrc(theirs.ssrc), false));
        prop_assert_eq!(ours.payload_start, len);
        prop_assert_eq!(ours.payload(&packet), Ok(&payload[..]));
        prop_assert_eq!(ours.extensions(&packet).collect::<Vec<_>>(), elements(&theirs));
    }

    #[test]
    fn they_read_what_we_write(theirs in header()) {
        let fields = RtpFields {
            marker: theirs.marker,
            payload_type: theirs.payload_type,
            sequence: theirs.sequence_number,
            timestamp: theirs.timestamp,
            ssrc: Ssrc(theirs.ssrc),
        };
        let mut buf = vec![0xaa; 2048];
        let len = write_header(&mut buf, &fields, &elements(&theirs)).unwrap();
        let read = Header::unmarshal(&mut &buf[..len]).unwrap();
        let expected = Header { csrc: vec![], extensions_padding: read.extensions_padding, ..theirs };
        prop_assert_eq!(read, expected);
    }
}
