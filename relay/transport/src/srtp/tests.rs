//! Behaviour of a whole session: round trips, rollover, reordering, replay, forgery, limits.
#![allow(clippy::unwrap_used)]

use super::testing::*;
use super::*;

const SSRC: u32 = 0xcafe_babe;

#[test]
fn round_trip_both_ways() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        for (sequence, len) in [(1u16, 0usize), (2, 1), (3, 15), (4, 16), (5, 17), (6, 1_180)] {
            let plain = rtp(SSRC, sequence, &vec![sequence as u8; len]);
            let sealed = sealed_rtp(&mut client, &plain).unwrap();
            assert_eq!(sealed[..12], plain[..12], "the header stays in clear");
            assert!(len < 15 || sealed[12..12 + len] != plain[12..], "the payload does not");
            assert_eq!(opened_rtp(&mut server, &sealed).unwrap(), plain, "{profile:?}");
            let back = sealed_rtp(&mut server, &plain).unwrap();
            assert_ne!(back, sealed, "each direction has its own key");
            assert_eq!(opened_rtp(&mut client, &back).unwrap(), plain);
            let report = rtcp(SSRC, &vec![7; 4 * len]);
            let sealed = sealed_rtcp(&mut client, &report).unwrap();
            assert_eq!(opened_rtcp(&mut server, &sealed).unwrap(), report);
            let sealed = sealed_rtcp(&mut server, &report).unwrap();
            assert_eq!(opened_rtcp(&mut client, &sealed).unwrap(), report);
        }
    }
}

/// The packet of libsrtp's own self-test: master key and salt of RFC 3711 appendix B.3, key derivation included.
#[test]
fn known_packet_counter_mode() {
    let exported = "E1F97A0D3E018BE0D64FA32C06DE4139 E1F97A0D3E018BE0D64FA32C06DE4139
                    0EC675AD498AFEEBB6960B3AABE6 0EC675AD498AFEEBB6960B3AABE6";
    let keys = KeyingMaterial::from_exporter(Profile::AesCm128HmacSha1_80, &hex(exported)).unwrap();
    let mut session = SrtpSession::new(&keys, Role::Server).unwrap();
    let plain = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let expected = hex("800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb");
    assert_eq!(sealed_rtp(&mut session, &plain).unwrap(), expected);
    assert_eq!(opened_rtp(&mut session, &expected).unwrap(), plain);
}

#[test]
fn rollover_in_order() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        // Three times around, in steps that a lossy network makes.
        for position in (65_000u64..4 * 65_536).step_by(1_999) {
            let plain = rtp(SSRC, position as u16, &position.to_be_bytes());
            let sealed = sealed_rtp(&mut client, &plain).unwrap();
            assert_eq!(opened_rtp(&mut server, &sealed).unwrap(), plain, "{profile:?} at {position}");
        }
        assert_eq!(server.inbound.highest(Ssrc(SSRC)).unwrap() >> 16, 3);
    }
}

#[test]
fn reordering_across_the_rollover() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        // Sealed out of order as well: a retransmission from before the rollover after packets from behind it.
        let order = [65_500u16, 65_534, 0, 65_535, 3, 65_533, 1, 2];
        let sealed: Vec<_> = order.iter().map(|&sequence| sealed_rtp(&mut client, &rtp(SSRC, sequence, b"x")).unwrap()).collect();
        for arrival in [0, 2, 1, 4, 3, 7, 6, 5] {
            let plain = opened_rtp(&mut server, &sealed[arrival]).unwrap();
            assert_eq!(plain, rtp(SSRC, order[arrival], b"x"), "{profile:?}");
        }
        assert_eq!(server.inbound.highest(Ssrc(SSRC)), Some(0x1_0003));
    }
}

#[test]
fn replay_is_refused() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        let packets: Vec<_> = (0..300u16).map(|n| sealed_rtp(&mut client, &rtp(SSRC, n, b"x")).unwrap()).collect();
        for (sequence, packet) in packets.iter().enumerate() {
            if sequence != 250 && sequence != 100 {
                opened_rtp(&mut server, packet).unwrap();
            }
            assert_eq!(opened_rtp(&mut server, &packets[0]), Err(SrtpError::Replay));
        }
        assert_eq!(opened_rtp(&mut server, &packets[299]), Err(SrtpError::Replay));
        opened_rtp(&mut server, &packets[250]).expect("late but new");
        assert_eq!(opened_rtp(&mut server, &packets[250]), Err(SrtpError::Replay), "and only once");
        assert_eq!(opened_rtp(&mut server, &packets[100]), Err(SrtpError::Replay), "too old to tell");

        let reports: Vec<_> = (0..300).map(|_| sealed_rtcp(&mut client, &rtcp(SSRC, b"abcd")).unwrap()).collect();
        opened_rtcp(&mut server, &reports[1]).unwrap();
        opened_rtcp(&mut server, &reports[0]).unwrap();
        assert_eq!(opened_rtcp(&mut server, &reports[0]), Err(SrtpError::Replay));
        opened_rtcp(&mut server, &reports[299]).unwrap();
        assert_eq!(opened_rtcp(&mut server, &reports[171]), Err(SrtpError::Replay), "128 behind");
        opened_rtcp(&mut server, &reports[172]).unwrap();
    }
}

#[test]
fn every_tampered_byte_is_noticed() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        let plain = rtp(SSRC, 1_000, b"some payload");
        let packet = sealed_rtp(&mut client, &plain).unwrap();
        let report = sealed_rtcp(&mut client, &rtcp(SSRC, b"some report!")).unwrap();
        for bit in [0x01, 0x10, 0x80] {
            for position in 0..packet.len() {
                let mut forged = packet.clone();
                forged[position] ^= bit;
                opened_rtp(&mut server, &forged).unwrap_err();
            }
            for position in 0..report.len() {
                let mut forged = report.clone();
                forged[position] ^= bit;
                opened_rtcp(&mut server, &forged).unwrap_err();
            }
        }
        assert_eq!(server.known_ssrcs(), (0, 0), "no forged packet left anything behind");
        assert_eq!(opened_rtp(&mut server, &packet).unwrap(), plain, "and the real ones still open");
        opened_rtcp(&mut server, &report).unwrap();
        assert_eq!(server.known_ssrcs(), (1, 1));
    }
}

/// SECURITY.md row 2: forged packets from the peer's own address.
#[test]
fn forged_packets_leave_no_state() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        let first = sealed_rtp(&mut client, &rtp(SSRC, 65_530, b"first")).unwrap();
        opened_rtp(&mut server, &first).unwrap();
        for number in 0..20_000u32 {
            // Random SSRCs, and the victim's SSRC with sequence numbers that would move the rollover counter.
            let ssrc = if number % 2 == 0 { SSRC } else { number.wrapping_mul(2_654_435_761) };
            let forged = rtp(ssrc, (number * 7) as u16, &[0x55; 60]);
            opened_rtp(&mut server, &forged).unwrap_err();
            let mut forged = rtcp(ssrc, &[0x55; 60]);
            let len = forged.len();
            forged[len - 4 - if profile.aead().is_some() { 0 } else { 10 }] |= 0x80;
            assert_eq!(opened_rtcp(&mut server, &forged), Err(SrtpError::Authentication));
        }
        assert_eq!(server.known_ssrcs(), (1, 0));
        assert_eq!(server.inbound.highest(Ssrc(SSRC)), Some(65_530));
        let next = sealed_rtp(&mut client, &rtp(SSRC, 65_531, b"next")).unwrap();
        opened_rtp(&mut server, &next).expect("the window did not move");
    }
}

#[test]
fn unencrypted_rtcp_is_refused() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        let mut report = sealed_rtcp(&mut client, &rtcp(SSRC, b"abcd")).unwrap();
        let word = report.len() - if profile.aead().is_some() { 4 } else { 14 };
        assert_eq!(report[word] & 0x80, 0x80);
        report[word] &= 0x7f;
        assert_eq!(opened_rtcp(&mut server, &report), Err(SrtpError::Unencrypted));
    }
    // RFC 7714 section 17.3: rightly tagged, not encrypted. Even then.
    let tagged = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
                  deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4";
    let (_, mut server) = pair(Profile::AeadAes128Gcm);
    assert_eq!(opened_rtcp(&mut server, &hex(tagged)), Err(SrtpError::Unencrypted));
}

#[test]
fn truncated_input() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        let sealed = sealed_rtp(&mut client, &rtp(SSRC, 1, &[9; 60])).unwrap();
        let report = sealed_rtcp(&mut client, &rtcp(SSRC, &[9; 60])).unwrap();
        for len in 0..=64 {
            opened_rtp(&mut server, &sealed[..len]).unwrap_err();
            opened_rtcp(&mut server, &report[..len]).unwrap_err();
            // The same lengths with every first byte, so that CSRC counts and extension blocks run past the end.
            for first in 0..=255 {
                for fill in [0x00, 0xff] {
                    let mut packet = vec![fill; len];
                    packet.iter_mut().take(1).for_each(|byte| *byte = first);
                    server.open_rtp(&mut packet).unwrap_err();
                    server.open_rtcp(&mut packet).unwrap_err();
                    client.seal_rtp(&mut packet, len).unwrap_err();
                    client.seal_rtp(&mut packet, len + 1).unwrap_err();
                    client.seal_rtcp(&mut packet, len).unwrap_err();
                }
            }
        }
        assert_eq!(server.known_ssrcs(), (0, 0));
    }
}

#[test]
fn a_nonce_serves_one_packet_only() {
    for profile in Profile::ALL {
        let (mut client, mut server) = pair(profile);
        let first = sealed_rtp(&mut client, &rtp(SSRC, 10, b"payload")).unwrap();
        let again = sealed_rtp(&mut client, &rtp(SSRC, 10, b"payload")).unwrap();
        assert_eq!(first, again, "a plain retransmission");
        opened_rtp(&mut server, &again).unwrap();

        let mut other = rtp(SSRC, 10, b"Payload");
        let len = other.len();
        other.resize(len + MAX_RTP_OVERHEAD, 0);
        assert_eq!(client.seal_rtp(&mut other, len), Err(SrtpError::Reused));
        assert!(other[..len].iter().all(|&byte| byte == 0), "what must not be sent is gone: {profile:?}");
        let mut other_header = rtp(SSRC, 10, b"payload");
        other_header[1] |= 0x80;
        assert_eq!(sealed_rtp(&mut client, &other_header), Err(SrtpError::Reused), "authenticated bytes count too");

        sealed_rtp(&mut client, &rtp(SSRC, 137, b"x")).unwrap();
        sealed_rtp(&mut client, &rtp(SSRC, 10, b"payload")).expect("127 behind");
        sealed_rtp(&mut client, &rtp(SSRC, 138, b"x")).unwrap();
        assert_eq!(sealed_rtp(&mut client, &rtp(SSRC, 10, b"payload")), Err(SrtpError::Reused), "too old to tell");
        assert_eq!(sealed_rtp(&mut client, &rtp(SSRC, 65_000, b"x")), Err(SrtpError::Reused), "before the beginning");
        sealed_rtp(&mut client, &rtp(SSRC + 1, 65_000, b"x")).expect("other streams are not concerned");
    }
}

#[test]
fn limits() {
    let (mut client, mut server) = pair(Profile::AeadAes128Gcm);
    for number in 0..MAX_SSRCS as u32 {
        let sealed = sealed_rtp(&mut client, &rtp(number, 1, b"x")).unwrap();
        opened_rtp(&mut server, &sealed).unwrap();
    }
    assert_eq!(sealed_rtp(&mut client, &rtp(SSRC, 1, b"x")), Err(SrtpError::TooManySsrcs));
    let (mut another, _) = pair(Profile::AeadAes128Gcm);
    let sealed = sealed_rtp(&mut another, &rtp(SSRC, 1, b"x")).unwrap();
    assert_eq!(opened_rtp(&mut server, &sealed), Err(SrtpError::TooManySsrcs));
    let sealed = sealed_rtp(&mut client, &rtp(7, 2, b"x")).unwrap();
    opened_rtp(&mut server, &sealed).expect("known ones go on");

    client.outbound.set_rtcp_index(0x7fff_fffe);
    let last = sealed_rtcp(&mut client, &rtcp(1, b"abcd")).unwrap();
    assert_eq!(last[last.len() - 4..], [0xff; 4], "E flag and the last index");
    opened_rtcp(&mut server, &last).unwrap();
    assert_eq!(sealed_rtcp(&mut client, &rtcp(1, b"abcd")), Err(SrtpError::Exhausted));

    let mut tight = rtp(1, 9, b"x");
    let len = tight.len();
    tight.resize(len + MAX_RTP_OVERHEAD - 1, 0);
    assert_eq!(client.seal_rtp(&mut tight, len), Err(SrtpError::NoRoom));
    tight.push(0);
    client.seal_rtp(&mut tight, len).expect("a refusal uses nothing up");
    let short = KeyingMaterial::from_exporter(Profile::AeadAes256Gcm, &[0; 56]);
    assert_eq!(short.map(|_| ()), Err(SrtpError::KeyLength));
}
