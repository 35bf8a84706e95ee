//! The vectors of RFC 5769, round trips, and crafted messages that must not be believed.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: TransactionId = TransactionId([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);

/// RFC 5769 section 2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff\
     80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// RFC 5769 section 2.2.
const RESPONSE_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643\
     000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// RFC 5769 section 2.3.
const RESPONSE_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9fa\
     a5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter_map(|digit| char::from(digit).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key() -> Key {
    Key::new(PASSWORD)
}

#[test]
fn rfc_5769_request() {
    let datagram = bytes(REQUEST);
    let request = StunRequest::parse(&datagram).unwrap();
    assert_eq!(request.username(), ("evtj", "h6vY"));
    assert_eq!(request.priority(), 0x6e00_01ff);
    assert_eq!(request.role(), Some(Role::Controlled(0x932f_f9b1_5126_3b36)));
    assert_eq!(request.transaction(), TRANSACTION);
    assert!(!request.use_candidate());
    assert!(request.verify(&key()));
    assert!(!request.verify(&Key::new("VOkJxbRl1RmTxUk/WvJxBu")));
}

#[test]
fn rfc_5769_responses() {
    for (hex, address) in [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")] {
        let datagram = bytes(hex);
        let response = StunResponse::parse(&datagram).unwrap();
        assert_eq!(response.outcome(), Ok(address.parse().unwrap()));
        assert_eq!(response.transaction(), TRANSACTION);
        assert!(response.verify(&key()));
        assert!(!response.verify(&Key::new("")));
    }
}

/// The samples carry SOFTWARE, which we never send; the address attribute is the same bytes.
#[test]
fn writes_what_the_vectors_say() {
    let mut buf = [0; MAX_REPLY];
    let len = binding_success(TRANSACTION, "192.0.2.1:32853".parse().unwrap(), &key(), &mut buf).unwrap();
    assert_eq!(len, 64);
    assert_eq!(buf[20..32], bytes("002000080001a147e112a643"));
    let len = binding_success(TRANSACTION, "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap(), &key(), &mut buf).unwrap();
    assert_eq!(len, MAX_REPLY);
    assert_eq!(buf[20..44], bytes("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"));
}

/// Flips each bit of a signed message: it is refused, or no longer verifies. Only the two bytes that name the last attribute FINGERPRINT
/// may change: it is an unknown attribute behind the signature then.
#[test]
fn every_flipped_bit_is_noticed() {
    for hex in [REQUEST, RESPONSE_V4] {
        let original = bytes(hex);
        for bit in 0..original.len() * 8 {
            if (original.len() - 8..original.len() - 6).contains(&(bit / 8)) {
                continue;
            }
            let mut datagram = original.clone();
            datagram[bit / 8] ^= 0x80 >> (bit % 8);
            let accepted = StunRequest::parse(&datagram).is_ok_and(|request| request.verify(&key()))
                || StunResponse::parse(&datagram).is_ok_and(|response| response.verify(&key()));
            assert!(!accepted, "bit {bit}");
        }
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let datagram = bytes(REQUEST);
    for len in 0..datagram.len() {
        assert_eq!(StunRequest::parse(&datagram[..len]).unwrap_err(), StunError::Length, "{len} bytes");
    }
    for more in 1..8 {
        assert_eq!(StunRequest::parse(&[&datagram[..], &vec![0; more]].concat()).unwrap_err(), StunError::Length);
    }
}

/// A message of raw attributes whose length field is right; nothing is signed.
fn raw(message_type: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut message = [&message_type.to_be_bytes()[..], &[0, 0], &MAGIC_COOKIE, &TRANSACTION.0].concat();
    for (kind, value) in attributes {
        message.extend(kind.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(*value);
        message.resize(message.len().next_multiple_of(4), 0);
    }
    set_length(&mut message);
    message
}

fn set_length(message: &mut [u8]) {
    let len = (message.len() - HEADER_LEN) as u16;
    message[2..4].copy_from_slice(&len.to_be_bytes());
}

/// Appends MESSAGE-INTEGRITY as the owner of the password would.
fn sign(mut message: Vec<u8>) -> Vec<u8> {
    let mut covered = message.clone();
    covered.extend([0; 4 + TAG_LEN]);
    set_length(&mut covered);
    let tag = key().sign(&[&covered[..message.len()]]);
    message.extend([0, 8, 0, 20]);
    message.extend(tag);
    set_length(&mut message);
    message
}

fn append(mut message: Vec<u8>, kind: u16, value: &[u8]) -> Vec<u8> {
    message.extend(raw(0, &[(kind, value)]).split_off(HEADER_LEN));
    set_length(&mut message);
    message
}

const CHECK: &[(u16, &[u8])] = &[(attribute::USERNAME, b"loc:rem"), (attribute::PRIORITY, &[0, 0, 0, 1])];

/// SECURITY.md 1.7: what follows MESSAGE-INTEGRITY is not signed and must not count.
#[test]
fn attributes_behind_the_signature_do_not_count() {
    let signed = sign(raw(message_type::REQUEST, CHECK));
    let before = StunRequest::parse(&signed).unwrap();
    assert!(before.verify(&key()) && !before.use_candidate() && before.role().is_none());

    let mut forged = signed.clone();
    for (kind, value) in [
        (attribute::USE_CANDIDATE, &[][..]),
        (attribute::ICE_CONTROLLED, &[0; 8]),
        (attribute::USERNAME, b"evil:evil"),
        (attribute::PRIORITY, &[0xff; 4]),
        (attribute::MESSAGE_INTEGRITY, &[0; TAG_LEN]),
        // Not even as a reason to refuse: this one has a wrong size.
        (attribute::ICE_CONTROLLING, &[0; 3]),
    ] {
        forged = append(forged, kind, value);
        let request = StunRequest::parse(&forged).unwrap();
        assert!(request.verify(&key()));
        assert_eq!((request.use_candidate(), request.role()), (false, None));
        assert_eq!((request.username(), request.priority()), (("loc", "rem"), 1));
    }

    let mut response = sign(raw(message_type::SUCCESS, &[]));
    response = append(response, attribute::XOR_MAPPED_ADDRESS, &[0, 1, 0, 0, 1, 2, 3, 4]);
    assert_eq!(StunResponse::parse(&response).unwrap_err(), StunError::Missing(attribute::XOR_MAPPED_ADDRESS));
}

/// Twin of the above: the same attribute in front of the signature does count.
#[test]
fn attributes_before_the_signature_count() {
    let request = sign(append(raw(message_type::REQUEST, CHECK), attribute::USE_CANDIDATE, &[]));
    let request = StunRequest::parse(&request).unwrap();
    assert!(request.verify(&key()) && request.use_candidate());
}

#[test]
fn first_of_repeated_attributes_counts() {
    let mut message = raw(message_type::REQUEST, CHECK);
    for (kind, value) in [(attribute::USERNAME, &b"evil:evil"[..]), (attribute::PRIORITY, &[9; 4])] {
        message = append(message, kind, value);
    }
    message = append(append(message, attribute::ICE_CONTROLLING, &[1; 8]), attribute::ICE_CONTROLLING, &[2; 8]);
    let message = sign(message);
    let request = StunRequest::parse(&message).unwrap();
    assert_eq!((request.username(), request.priority()), (("loc", "rem"), 1));
    assert_eq!(request.role(), Some(Role::Controlling(0x0101_0101_0101_0101)));
}

#[test]
fn both_roles_are_a_contradiction() {
    let message = append(raw(message_type::REQUEST, CHECK), attribute::ICE_CONTROLLING, &[1; 8]);
    let message = sign(append(message, attribute::ICE_CONTROLLED, &[1; 8]));
    assert_eq!(StunRequest::parse(&message).unwrap_err(), StunError::Attribute(attribute::ICE_CONTROLLED));
}

#[test]
fn fingerprint_must_be_right_and_last() {
    let signed = sign(raw(message_type::REQUEST, CHECK));
    let with = |value: u32| append(signed.clone(), attribute::FINGERPRINT, &value.to_be_bytes());
    let mut longer = with(0);
    longer.truncate(signed.len());
    // The checksum covers the length field as it is sent, with FINGERPRINT in it.
    let right = key::fingerprint(&longer);
    assert!(StunRequest::parse(&with(right)).unwrap().verify(&key()));
    assert_eq!(StunRequest::parse(&with(right ^ 1)).unwrap_err(), StunError::Fingerprint);
    assert!(StunRequest::parse(&signed).is_ok(), "may be absent");
    // Right for the length that is sent, and yet not the last.
    let mut followed = append(with(0), attribute::USE_CANDIDATE, &[]);
    let right = key::fingerprint(&followed[..signed.len()]).to_be_bytes();
    followed[signed.len() + 4..signed.len() + 8].copy_from_slice(&right);
    assert_eq!(StunRequest::parse(&followed).unwrap_err(), StunError::Fingerprint);
    assert_eq!(StunRequest::parse(&append(signed, attribute::FINGERPRINT, &[0; 3])).unwrap_err(), StunError::Fingerprint);
}

#[test]
fn what_a_check_must_have() {
    let parse = |attributes: &[(u16, &[u8])]| StunRequest::parse(&sign(raw(message_type::REQUEST, attributes))).map(|_| ()).unwrap_err();
    assert_eq!(parse(&CHECK[1..]), StunError::Missing(attribute::USERNAME));
    assert_eq!(parse(&CHECK[..1]), StunError::Missing(attribute::PRIORITY));
    assert_eq!(parse(&[(attribute::USERNAME, b"nocolon"), CHECK[1]]), StunError::Attribute(attribute::USERNAME));
    assert_eq!(parse(&[(attribute::USERNAME, b"a:\xff"), CHECK[1]]), StunError::Attribute(attribute::USERNAME));
    assert_eq!(parse(&[(attribute::USERNAME, &[b':'; 509]), CHECK[1]]), StunError::Attribute(attribute::USERNAME));
    let unsigned = raw(message_type::REQUEST, CHECK);
    assert_eq!(StunRequest::parse(&unsigned).unwrap_err(), StunError::Missing(attribute::MESSAGE_INTEGRITY));
    // An indication, a TURN allocation, a response.
    for message_type in [0x0011, 0x0003, message_type::SUCCESS] {
        assert_eq!(StunRequest::parse(&sign(raw(message_type, CHECK))).unwrap_err(), StunError::MessageType(message_type));
    }
    assert_eq!(StunResponse::parse(&unsigned).unwrap_err(), StunError::MessageType(message_type::REQUEST));
}

#[test]
fn attributes_of_a_wrong_size() {
    for (kind, len) in [
        (attribute::PRIORITY, 3),
        (attribute::PRIORITY, 5),
        (attribute::USE_CANDIDATE, 1),
        (attribute::ICE_CONTROLLING, 7),
        (attribute::ICE_CONTROLLED, 9),
        (attribute::MESSAGE_INTEGRITY, 19),
        (attribute::MESSAGE_INTEGRITY, 32),
        (attribute::XOR_MAPPED_ADDRESS, 0),
        (attribute::XOR_MAPPED_ADDRESS, 7),
        (attribute::XOR_MAPPED_ADDRESS, 20),
        (attribute::ERROR_CODE, 3),
    ] {
        let value = [&[0, 1][..], &[0; 40]].concat();
        let message = raw(message_type::REQUEST, &[(kind, &value[..len])]);
        assert_eq!(StunRequest::parse(&message).unwrap_err(), StunError::Attribute(kind), "{kind:#x} of {len} bytes");
    }
}

/// An address may not be read out of what follows the attribute.
#[test]
fn address_ends_with_its_attribute() {
    let short = raw(message_type::SUCCESS, &[(attribute::XOR_MAPPED_ADDRESS, &[0, 1, 0, 0]), (0x8022, b"software")]);
    assert_eq!(StunResponse::parse(&short).unwrap_err(), StunError::Attribute(attribute::XOR_MAPPED_ADDRESS));
    let unknown_family = raw(message_type::SUCCESS, &[(attribute::XOR_MAPPED_ADDRESS, &[0, 3, 0, 0, 1, 2, 3, 4])]);
    assert_eq!(StunResponse::parse(&unknown_family).unwrap_err(), StunError::Attribute(attribute::XOR_MAPPED_ADDRESS));
}

/// SECURITY.md 1.7: lengths near the end of 16 bits must not wrap.
#[test]
fn huge_lengths() {
    for len in 65_500..=u16::MAX {
        let mut message = sign(raw(message_type::REQUEST, CHECK));
        message[2..4].copy_from_slice(&len.to_be_bytes());
        assert_eq!(StunRequest::parse(&message).unwrap_err(), StunError::Length);
        message.resize(HEADER_LEN + usize::from(len), 0);
        assert_eq!(StunRequest::parse(&message).unwrap_err(), StunError::Length, "true, and too long");

        let mut message = raw(message_type::REQUEST, &[(attribute::USERNAME, b"loc:rem")]);
        message[22..24].copy_from_slice(&len.to_be_bytes());
        assert_eq!(StunRequest::parse(&message).unwrap_err(), StunError::Attribute(attribute::USERNAME));
    }
}

#[test]
fn attributes_are_counted() {
    let padded = |count| raw(message_type::SUCCESS, &vec![(0x8022, &[][..]); count]);
    assert_eq!(StunResponse::parse(&padded(MAX_ATTRIBUTES)).unwrap_err(), StunError::Missing(attribute::XOR_MAPPED_ADDRESS));
    assert_eq!(StunResponse::parse(&padded(MAX_ATTRIBUTES + 1)).unwrap_err(), StunError::TooManyAttributes);
}

#[test]
fn error_responses() {
    let mut buf = [0; MAX_REPLY];
    let len = binding_error(TRANSACTION, 487, &key(), &mut buf).unwrap();
    assert_eq!(len, 60);
    let response = StunResponse::parse(&buf[..len]).unwrap();
    assert!(response.verify(&key()));
    assert_eq!(response.outcome(), Err(487));
    for code in [0, 299, 700] {
        assert_eq!(binding_error(TRANSACTION, code, &key(), &mut buf), None);
    }
    for (value, outcome) in [([0, 0, 2, 99], None), ([0, 0, 7, 0], None), ([0, 0, 4, 100], None), ([0, 0, 6, 99], Some(699))] {
        let message = raw(message_type::ERROR, &[(attribute::ERROR_CODE, &value)]);
        assert_eq!(StunResponse::parse(&message).ok().map(|response| response.outcome()), outcome.map(Err));
    }
    let unsigned = raw(message_type::ERROR, &[(attribute::ERROR_CODE, &[0, 0, 4, 1])]);
    assert!(!StunResponse::parse(&unsigned).unwrap().verify(&key()), "no signature never verifies");
}

/// SECURITY.md, first table, 8: replies are never larger than the request that caused them.
#[test]
fn the_smallest_check_is_longer_than_any_reply() {
    let check = BindingRequest {
        transaction: TRANSACTION,
        remote_ufrag: "abcd",
        local_ufrag: "efgh",
        priority: 1,
        role: Role::Controlling(1),
        use_candidate: false,
    };
    let len = binding_request(&check, &key(), &mut [0; MAX_REQUEST]).unwrap();
    assert_eq!(len, 88);
    const { assert!(MAX_REPLY <= 88) };
}

#[test]
fn writing_needs_exactly_its_length() {
    let ufrag = "x".repeat(253);
    let check = BindingRequest {
        transaction: TRANSACTION,
        remote_ufrag: &ufrag,
        local_ufrag: &ufrag,
        priority: 1,
        role: Role::Controlled(1),
        use_candidate: true,
    };
    let len = binding_request(&check, &key(), &mut [0; MAX_REQUEST]).unwrap();
    for short in 0..len {
        assert_eq!(binding_request(&check, &key(), &mut vec![0; short]), None);
    }
    assert!(
        StunRequest::parse(&{
            let mut exact = vec![0; len];
            binding_request(&check, &key(), &mut exact).unwrap();
            exact
        })
        .is_ok()
    );
    let longer = "x".repeat(256);
    assert_eq!(binding_request(&BindingRequest { local_ufrag: &longer, ..check }, &key(), &mut [0; 2000]), None);
    for short in 0..MAX_REPLY {
        assert_eq!(binding_success(TRANSACTION, "[::1]:1".parse().unwrap(), &key(), &mut vec![0; short]), None);
    }
}

#[test]
fn mapped_ipv4_is_written_as_ipv4() {
    let mut buf = [0; MAX_REPLY];
    let len = binding_success(TRANSACTION, "[::ffff:192.0.2.1]:32853".parse().unwrap(), &key(), &mut buf).unwrap();
    assert_eq!(StunResponse::parse(&buf[..len]).unwrap().outcome(), Ok("192.0.2.1:32853".parse().unwrap()));
}

#[test]
fn keys_stay_secret() {
    assert_eq!(format!("{:?}", key()), "Key(..)");
}

proptest! {
    #![proptest_config(crate::testing::seeded())]

    #[test]
    fn requests_survive(transaction: [u8; 12], remote in "[a-z+/]{1,253}", local in "[a-z+/]{1,253}", priority: u32, tie: u64, controlling: bool, use_candidate: bool) {
        let role = if controlling { Role::Controlling(tie) } else { Role::Controlled(tie) };
        let check = BindingRequest { transaction: TransactionId(transaction), remote_ufrag: &remote, local_ufrag: &local, priority, role, use_candidate };
        let mut buf = [0xaa; MAX_REQUEST];
        let len = binding_request(&check, &key(), &mut buf).unwrap();
        let request = StunRequest::parse(&buf[..len]).unwrap();
        prop_assert!(request.verify(&key()));
        prop_assert_eq!((request.transaction(), request.username()), (TransactionId(transaction), (&*remote, &*local)));
        prop_assert_eq!((request.priority(), request.role(), request.use_candidate()), (priority, Some(role), use_candidate));
    }

    #[test]
    fn responses_survive(transaction: [u8; 12], address: SocketAddr) {
        let mut buf = [0xaa; MAX_REPLY];
        let len = binding_success(TransactionId(transaction), address, &key(), &mut buf).unwrap();
        let response = StunResponse::parse(&buf[..len]).unwrap();
        prop_assert!(response.verify(&key()));
        prop_assert_eq!(response.transaction(), TransactionId(transaction));
        prop_assert_eq!(response.outcome(), Ok(SocketAddr::new(address.ip().to_canonical(), address.port())));
    }
}
