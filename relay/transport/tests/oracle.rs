//! Our SRTP against an independent one, `rtc-srtp`: the same bytes out of both, and each opens what the other sealed.
//!
//! Left out on purpose, because the other side is known to be wrong there: SRTCP without encryption (it skips the tag in counter
//! mode) and header extensions with the stop element 15 or four bytes of padding (it takes them for payload).
#![allow(clippy::unwrap_used)]

use rtc_crypto::RTCCryptoProvider;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;
use transport::srtp::{KeyingMaterial, Profile, Role, SrtpSession};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    fn below(&mut self, end: u32) -> u32 {
        self.next() % end
    }

    fn bytes(&mut self, len: u32) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Marker, payload type, timestamp, CSRCs, extensions and payload at random.
    fn rtp(&mut self, ssrc: u32, sequence: u16) -> Vec<u8> {
        let csrcs = self.below(4);
        let extension = self.below(4);
        let mut packet = vec![0x80 | csrcs as u8 | if extension > 0 { 0x10 } else { 0 }, self.next() as u8];
        packet.extend(sequence.to_be_bytes());
        packet.extend(self.next().to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(self.bytes(4 * csrcs));
        if extension > 0 {
            let (profile, block) = self.extension_block(extension);
            packet.extend(u16::to_be_bytes(profile));
            packet.extend(((block.len() / 4) as u16).to_be_bytes());
            packet.extend(block);
        }
        let len = self.below(1_200);
        packet.extend(self.bytes(len));
        packet
    }

    fn extension_block(&mut self, kind: u32) -> (u16, Vec<u8>) {
        let len = 1 + self.below(16);
        let (profile, mut block) = match kind {
            1 => (0xbede, vec![(1 + self.below(14)) as u8 * 16 + (len - 1) as u8]),
            2 => (0x1000, vec![1 + self.below(255) as u8, len as u8]),
            _ => return (0xabac, self.bytes(4 * len)),
        };
        block.extend(self.bytes(len));
        block.resize(block.len().next_multiple_of(4), 0);
        (profile, block)
    }
}

const PROFILES: [(Profile, ProtectionProfile); 3] = [
    (Profile::AeadAes128Gcm, ProtectionProfile::AeadAes128Gcm),
    (Profile::AeadAes256Gcm, ProtectionProfile::AeadAes256Gcm),
    (Profile::AesCm128HmacSha1_80, ProtectionProfile::Aes128CmHmacSha1_80),
];

struct Both {
    ours: SrtpSession,
    /// Seals with the keys we open with.
    sealing: Context,
    /// Seals with the keys we seal with.
    twin: Context,
    /// Opens what we seal.
    opening: Context,
}

fn both(random: &mut Random, profile: Profile, theirs: ProtectionProfile) -> Both {
    let bytes = random.bytes(profile.keying_material_len() as u32);
    let (key, salt) = (profile.key_len(), profile.salt_len());
    let (keys, salts) = bytes.split_at(2 * key);
    let context = |role: Role| {
        let at = usize::from(role == Role::Server);
        let (key, salt) = (&keys[at * key..][..key], &salts[at * salt..][..salt]);
        let options = (Some(srtp_replay_protection(128)), Some(srtcp_replay_protection(128)));
        Context::new(key, salt, theirs, options.0, options.1, AwsLcRsProvider::new().crypto()).unwrap()
    };
    let material = KeyingMaterial::from_exporter(profile, &bytes).unwrap();
    Both {
        ours: SrtpSession::new(&material, Role::Server).unwrap(),
        sealing: context(Role::Client),
        twin: context(Role::Server),
        opening: context(Role::Server),
    }
}

#[test]
fn rtp_both_ways() {
    for (seed, (profile, theirs)) in PROFILES.into_iter().enumerate() {
        let random = &mut Random(seed as u64);
        let mut both = both(random, profile, theirs);
        // Four streams, around the rollover counter several times, with gaps.
        let mut positions = [0u64, 5, 30_000, 32_767];
        for step in 0..6_000 {
            let stream = step % 4;
            positions[stream] += 1 + u64::from(random.below(200));
            let sequence = positions[stream] as u16;
            let plain = random.rtp(stream as u32 * 7_919, sequence);

            let mut buf = plain.clone();
            buf.resize(plain.len() + 16, 0);
            let len = both.ours.seal_rtp(&mut buf, plain.len()).unwrap();
            let expected = both.twin.encrypt_rtp(&plain).unwrap();
            assert_eq!(buf[..len], expected[..], "{profile:?} seals {plain:02x?}");
            assert_eq!(both.opening.decrypt_rtp(&buf[..len]).unwrap()[..], plain[..]);

            let mut sealed = both.sealing.encrypt_rtp(&plain).unwrap();
            let len = both.ours.open_rtp(&mut sealed).unwrap();
            assert_eq!(sealed[..len], plain[..], "{profile:?} opens {plain:02x?}");
        }
        assert!(positions.iter().all(|position| position >> 16 >= 2), "the counters rolled over: {positions:?}");
    }
}

#[test]
fn rtcp_both_ways() {
    for (seed, (profile, theirs)) in PROFILES.into_iter().enumerate() {
        let random = &mut Random(100 + seed as u64);
        let mut both = both(random, profile, theirs);
        for _ in 0..1_000 {
            let words = 1 + random.below(100);
            let mut plain = vec![0x80, 200 + random.below(2) as u8];
            plain.extend((words as u16).to_be_bytes());
            // The other side counts per SSRC, we per key: one SSRC makes both counts the same.
            plain.extend(0xcafe_babe_u32.to_be_bytes());
            plain.extend(random.bytes(4 * (words - 1)));

            let mut buf = plain.clone();
            buf.resize(plain.len() + 20, 0);
            let len = both.ours.seal_rtcp(&mut buf, plain.len()).unwrap();
            let expected = both.twin.encrypt_rtcp(&plain).unwrap();
            assert_eq!(buf[..len], expected[..], "{profile:?} seals {plain:02x?}");
            assert_eq!(both.opening.decrypt_rtcp(&buf[..len]).unwrap()[..], plain[..]);

            let mut sealed = both.sealing.encrypt_rtcp(&plain).unwrap();
            let len = both.ours.open_rtcp(&mut sealed).unwrap();
            assert_eq!(sealed[..len], plain[..], "{profile:?} opens {plain:02x?}");
        }
    }
}

/// The two must agree on what to refuse as well.
#[test]
fn both_refuse_tampered_packets() {
    for (seed, (profile, theirs)) in PROFILES.into_iter().enumerate() {
        let random = &mut Random(200 + seed as u64);
        let mut both = both(random, profile, theirs);
        for sequence in 0..300 {
            let plain = random.rtp(1, sequence);
            let mut sealed = both.sealing.encrypt_rtp(&plain).unwrap().to_vec();
            let good = sealed.clone();
            let position = 12 + random.below(sealed.len() as u32 - 12) as usize;
            sealed[position] ^= 1 << random.below(8);
            both.ours.open_rtp(&mut sealed.clone()).unwrap_err();
            assert!(both.opening.decrypt_rtp(&sealed).is_err());
            let mut good = good;
            both.ours.open_rtp(&mut good).unwrap();
        }
    }
}
