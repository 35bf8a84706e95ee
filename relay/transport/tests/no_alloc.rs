//! The packet path allocates nothing once warm: counted by a global allocator.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Call, path, rtcp, rtp};
use transport::Transport;
use transport::srtp::{KeyingMaterial, Profile, Role, SrtpSession};

/// Allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(7)))), 1);
    assert_eq!(allocations(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(1_000)))), 1);
}

#[test]
fn srtp() {
    for profile in Profile::ALL {
        let keys = KeyingMaterial::from_exporter(profile, &vec![7; profile.keying_material_len()]).unwrap();
        let (mut client, mut server) = (SrtpSession::new(&keys, Role::Client).unwrap(), SrtpSession::new(&keys, Role::Server).unwrap());
        let (media, report) = (rtp(1, 0, &[5; 1_100]), rtcp(1));
        let mut buf = [0; 1_500];
        let mut exchange = |sequence: u16| {
            buf[..media.len()].copy_from_slice(&media);
            buf[2..4].copy_from_slice(&sequence.to_be_bytes());
            let len = client.seal_rtp(&mut buf, media.len()).unwrap();
            assert_eq!(server.open_rtp(&mut buf[..len]), Ok(media.len()));
            buf[..report.len()].copy_from_slice(&report);
            let len = client.seal_rtcp(&mut buf, report.len()).unwrap();
            assert_eq!(server.open_rtcp(&mut buf[..len]), Ok(report.len()));
        };
        exchange(0); // warm: the SSRC's entries
        let count = allocations(|| (1..2_000).for_each(&mut exchange));
        assert_eq!(count, 0, "{profile:?}");
    }
}

#[test]
fn refused_packets() {
    let mut call = Call::established();
    call.assert_media(1);
    let mut forged = rtp(9, 1, &[5; 1_100]);
    let mut short = [0x80; 20];
    let count = allocations(|| {
        for number in 0..2_000u32 {
            forged[8..12].copy_from_slice(&number.to_be_bytes());
            assert!(call.relay.open_rtp(&mut forged).is_err());
            assert!(call.relay.open_rtcp(&mut forged).is_err());
            assert!(call.relay.open_rtp(&mut short).is_err());
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn stun() {
    let mut call = Call::established();
    let check = call.client.check(true);
    let mut forged = check.clone();
    let last = forged.len() - 20;
    forged[last] ^= 1;
    let mut reply = [0; Transport::MAX_STUN_REPLY];
    let count = allocations(|| {
        for number in 0..2_000u16 {
            // Known path, new paths that push old ones out, and forgeries.
            assert!(call.relay.handle_stun(call.now, path(1), &check, &mut reply).reply_len > 0);
            assert!(call.relay.handle_stun(call.now, path(10 + number), &check, &mut reply).reply_len > 0);
            assert_eq!(call.relay.handle_stun(call.now, path(2), &forged, &mut reply).reply_len, 0);
            assert!(call.relay.send_path(call.now).is_some());
            assert!(call.relay.poll_timeout(call.now).is_some());
        }
    });
    assert_eq!(count, 0);
}
