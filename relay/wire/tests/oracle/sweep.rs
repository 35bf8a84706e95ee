//! The fuzz bodies over every length, every first byte, and mutations of valid datagrams.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::fuzz;
use wire::ids::Ssrc;
use wire::ntp::Ntp;
use wire::rtcp::{ReportBlock, RtcpWriter, SenderInfo, TransportCcInfo};
use wire::rtp::{RtpFields, write_header};
use wire::stun::{BindingRequest, Key, Role, TransactionId, binding_request, binding_success};

fn all_bodies(data: &[u8]) {
    fuzz::datagram(data);
    fuzz::stun(data);
    fuzz::rtp(data);
    fuzz::rtcp(data);
    fuzz::dependency(data);
    fuzz::allocation(data);
}

/// SplitMix64: a fixed sequence of bytes that look random.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    (1..).flat_map(move |step: u64| {
        let mut word = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31).to_le_bytes()
    })
}

/// Length sweep 0 to 1600 for each class of first byte, filled with noise, zeros and ones.
#[test]
fn every_length_of_every_class() {
    let noise: Vec<u8> = noise(7).take(1600).collect();
    for fill in [&noise[..], &[0; 1600], &[0xff; 1600]] {
        for (first, second) in
            [(0, 1), (1, 1), (22, 254), (64, 0), (0x80, 96), (0x9f, 96), (0xbf, 0xff), (0x80, 200), (0x81, 205), (0xbf, 206)]
        {
            let mut data = fill.to_vec();
            data[..2].copy_from_slice(&[first, second]);
            for len in 0..=data.len() {
                all_bodies(&data[..len]);
                // The same with a length field that is true, as far as there is one.
                if len >= 20 {
                    let words = if first >= 0x80 { len / 4 - 1 } else { (len - 20) & !3 };
                    let mut honest = data[..len].to_vec();
                    honest[2..4].copy_from_slice(&(words as u16).to_be_bytes());
                    all_bodies(&honest);
                }
            }
        }
    }
}

#[test]
fn every_pair_of_first_bytes() {
    let mut data: Vec<u8> = noise(8).take(64).collect();
    for pair in 0..=u16::MAX {
        data[..2].copy_from_slice(&pair.to_be_bytes());
        data[2..4].copy_from_slice(&[0, 15]);
        all_bodies(&data);
    }
}

/// Datagrams that are right, of each kind.
fn seeds() -> Vec<Vec<u8>> {
    let key = Key::new("a password for these seeds");
    let transaction = TransactionId([7; 12]);
    let mut buf = vec![0; 1500];
    let mut seeds = vec![];
    let mut keep = |buf: &[u8], len: usize| seeds.push(buf[..len].to_vec());

    let role = Role::Controlling(3);
    let check = BindingRequest { transaction, remote_ufrag: "abcd", local_ufrag: "efgh", priority: 1, role, use_candidate: true };
    let len = binding_request(&check, &key, &mut buf).unwrap();
    keep(&buf, len);
    let len = binding_success(transaction, "[2001:db8::1]:9".parse().unwrap(), &key, &mut buf).unwrap();
    keep(&buf, len);

    let fields = RtpFields { marker: true, payload_type: 96, sequence: 65_535, timestamp: u32::MAX, ssrc: Ssrc(1) };
    let one_byte: &[(u8, &[u8])] = &[(1, &[0x85]), (3, &[1, 2]), (4, b"mid"), (5, b"hi")];
    let two_byte: &[(u8, &[u8])] = &[(1, &[]), (200, &[1; 40])];
    let vp8: &[u8] = &[0x90, 0xf0, 0x92, 0x34, 0x56, 0x47, 0x10, 1, 2, 3];
    let stap_a: &[u8] = &[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68];
    let av1: &[u8] = &[0x08, 1, 0x10, 3, 0x08, 1, 2, 2, 0x30, 1];
    let red: &[u8] = &[0xef, 0, 0x40, 2, 0x6f, 1, 2, 3];
    for (exts, payload) in [(one_byte, vp8), (two_byte, stap_a), (&[], av1), (one_byte, red)] {
        let len = write_header(&mut buf, &fields, exts).unwrap();
        buf[len..len + payload.len()].copy_from_slice(payload);
        keep(&buf, len + payload.len());
    }

    let block = ReportBlock {
        ssrc: Ssrc(5),
        fraction_lost: 1,
        cumulative_lost: -1,
        highest_sequence: 2,
        jitter: 3,
        last_sr: 4,
        delay_since_last_sr: 5,
    };
    let mut writer = RtcpWriter::new(&mut buf);
    let info = SenderInfo { ntp: Ntp(1 << 40), rtp: 1, packets: 2, octets: 3 };
    writer.sender_report(Ssrc(1), &info, &[block, block]).unwrap();
    writer.cname(Ssrc(1), "seed").unwrap();
    writer.nack(Ssrc(1), Ssrc(2), &[1, 2, 17, 18, 65_535]).unwrap();
    writer.pli(Ssrc(1), Ssrc(2)).unwrap();
    let info = TransportCcInfo { base: 65_530, reference_time: 1, feedback_count: 2 };
    let statuses = [Some(1), None, Some(300), Some(-4)].repeat(9);
    writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses).unwrap();
    writer.receiver_report(Ssrc(1), &[block]).unwrap();
    writer.bye(Ssrc(1)).unwrap();
    let len = writer.finish();
    keep(&buf, len);
    seeds
}

/// The seeds reach what they are for; otherwise the mutations below would test little.
#[test]
fn seeds_are_accepted() {
    let seeds = seeds();
    assert!(wire::stun::StunRequest::parse(&seeds[0]).is_ok());
    assert!(wire::stun::StunResponse::parse(&seeds[1]).is_ok());
    for packet in &seeds[2..6] {
        assert!(wire::rtp::RtpHeader::parse(packet).unwrap().payload(packet).is_ok());
    }
    assert_eq!(wire::rtcp::parse(&seeds[6]).unwrap().count(), 7);
    seeds.iter().for_each(|seed| all_bodies(seed));
}

#[test]
fn every_byte_of_the_seeds_set_to_everything() {
    for seed in seeds() {
        for at in 0..seed.len() {
            let mut data = seed.clone();
            for value in 0..=255 {
                data[at] = value;
                all_bodies(&data);
            }
            all_bodies(&seed[..at]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..crate::seeded() })]

    /// Several bytes changed, then cut, or continued with another seed.
    #[test]
    fn mutated_seeds(which in 0..7usize, other in 0..7usize, changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut: prop::sample::Index, splice: bool) {
        let seeds = seeds();
        let mut data = seeds[which].clone();
        for (at, value) in changes {
            let at = at.index(data.len());
            data[at] = value;
        }
        if splice {
            data.truncate(cut.index(data.len() + 1));
            data.extend(&seeds[other]);
        }
        all_bodies(&data);
    }

    #[test]
    fn noise_of_any_length(data in vec(any::<u8>(), 0..300)) {
        all_bodies(&data);
    }
}
