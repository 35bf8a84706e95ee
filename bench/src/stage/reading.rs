//! What every datagram goes through before anybody knows what it is good for.

use std::hint::black_box;

use wire::codec::{Codec, frame_info};
use wire::demux::{Kind, demux};
use wire::ext::ExtValues;
use wire::rtcp::{Rtcp, parse};
use wire::rtp::RtpHeader;
use wire::stun::{BindingRequest, Key, MAX_REQUEST, Role, StunRequest, TransactionId, binding_request};

use super::traffic::Traffic;
use super::{BATCH, Round, estimating};

/// First byte to payload descriptor, of VP8 as a browser sends it.
pub(super) fn rtp() -> Round {
    let mut traffic = Traffic::new(Codec::Vp8);
    let packets: Vec<Vec<u8>> = (0..BATCH).map(|_| traffic.packet()).collect();
    let exts = Traffic::exts();
    Box::new(move |meter| {
        meter.measure(|| {
            for packet in black_box(&packets) {
                assert_eq!(demux(packet), Some(Kind::Rtp));
                let header = RtpHeader::parse(packet).expect("our own packet");
                black_box(ExtValues::read(&exts, &header, packet));
                let payload = header.payload(packet).expect("our own packet");
                black_box(frame_info(Codec::Vp8, payload, header.marker));
            }
        });
    })
}

/// A report on 100 packets, every number looked at.
pub(super) fn report() -> Round {
    let mut buf = vec![0; 1_500];
    let len = estimating::write_report(&mut buf, 0, 1_000, true);
    buf.truncate(len);
    Box::new(move |meter| {
        meter.measure(|| {
            for message in parse(black_box(&buf)).expect("our own report") {
                let Rtcp::TransportCc(feedback) = message else { continue };
                for packet in feedback.packets() {
                    black_box(packet);
                }
            }
        });
    })
}

/// What anybody can send without a key: it must cost little.
pub(super) fn check() -> Round {
    let key = Key::new("a-password-of-24-letters");
    let request = BindingRequest {
        transaction: TransactionId([7; 12]),
        remote_ufrag: "AA000001",
        local_ufrag: "BB000001",
        priority: 1,
        role: Role::Controlling(1),
        use_candidate: true,
    };
    let mut buf = vec![0; MAX_REQUEST];
    let len = binding_request(&request, &key, &mut buf).expect("fits");
    buf.truncate(len);
    Box::new(move |meter| {
        meter.measure(|| {
            for _ in 0..BATCH {
                let request = StunRequest::parse(black_box(&buf)).expect("our own check");
                assert!(request.verify(&key), "signed with this key");
            }
        });
    })
}
