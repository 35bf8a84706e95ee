//! Reading and writing allocate nothing: a counting allocator around everything the packet path calls.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use wire::codec::allocation::VideoLayersAllocation;
use wire::codec::dependency::{Descriptor, patch_frame_number};
use wire::codec::{Codec, FrameInfo, frame_info, frame_starts, red, starts_keyframe, vp8, vp9};
use wire::demux::demux;
use wire::ext::{Ext, ExtMap, ExtValues};
use wire::ids::Ssrc;
use wire::ntp::Ntp;
use wire::rtcp::{self, CcfbArrival, ReportBlock, Rtcp, RtcpWriter, SenderInfo, TransportCcInfo};
use wire::rtp::{RtpFields, RtpHeader, write_header};
use wire::stun::{BindingRequest, Key, Role, StunRequest, StunResponse, TransactionId, binding_request, binding_success};

/// Allocations made by this thread in `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(vec![1]))), 1);
}

#[test]
fn rtp() {
    let mut map = ExtMap::new();
    for (id, ext) in (1..).zip(Ext::ALL) {
        map.insert(id, ext).unwrap();
    }
    let fields = RtpFields { marker: true, payload_type: 96, sequence: 1, timestamp: 2, ssrc: Ssrc(3) };
    let mut buf = [0; 1200];
    let count = allocations(|| {
        let len = write_header(&mut buf, &fields, &[(1, &[0x85]), (3, &[1, 2]), (4, b"mid"), (5, b"hi")]).unwrap();
        buf[len..len + 7].copy_from_slice(&[0x90, 0xc0, 0x92, 0x34, 0x56, 0x10, 1]);
        let _ = black_box(demux(&buf));
        let header = RtpHeader::parse(&buf).unwrap();
        let values = ExtValues::read(&map, &header, &buf);
        assert!(values.audio_level().is_some() && values.transport_seq().is_some() && values.mid().is_some() && values.rid().is_some());
        let payload = header.payload(&buf).unwrap();
        for codec in [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
            black_box((starts_keyframe(codec, payload), frame_starts(codec, payload), frame_info(codec, payload, true)));
        }
        let _ = black_box(red::primary(payload));
        let descriptor = vp8::Descriptor::parse(payload).unwrap();
        descriptor.patch(&mut buf[len..], 7, 8);
    });
    assert_eq!(count, 0);
}

/// What tells of layers: a structure of one template and two targets, then a packet that refers to it; VP9 with sizes; RED.
#[test]
fn layers() {
    let mut with_structure = [0xc0, 0, 1, 0x80, 0x01, 0x36, 0x80, 0x00];
    let mut out = [0; 100];
    let count = allocations(|| {
        let (mut known, mut fresh) = (None, None);
        let key = Descriptor::parse(&with_structure, None, &mut known).unwrap();
        patch_frame_number(&mut with_structure, 9);
        black_box(FrameInfo::from_dependency(&key, 1));
        let _ = black_box(Descriptor::parse(&[0x80, 0, 2], known.as_ref(), &mut fresh).unwrap());
        assert_eq!(VideoLayersAllocation::parse(&[0x01, 0, 9]).unwrap().layers().len(), 1);
        let payload = [0x8a, 0x12, 0x10, 1, 2, 3, 4, 0xaa];
        assert!(vp9::Descriptor::parse(&payload).unwrap().copy(&payload, 7, 8, &mut out).is_some());
        let block = red::Block { payload_type: 111, offset: 960, data: &payload };
        let len = red::write(&[block, block], &block, &mut out).unwrap();
        assert_eq!(red::blocks(&out[..len]).unwrap().count(), 3);
    });
    assert_eq!(count, 0);
}

#[test]
fn rtcp_of_every_kind() {
    let block = ReportBlock {
        ssrc: Ssrc(5),
        fraction_lost: 1,
        cumulative_lost: -1,
        highest_sequence: 2,
        jitter: 3,
        last_sr: 4,
        delay_since_last_sr: 5,
    };
    let mut buf = [0; 1200];
    let count = allocations(|| {
        let mut writer = RtcpWriter::new(&mut buf);
        let info = SenderInfo { ntp: Ntp(1 << 40), rtp: 1, packets: 2, octets: 3 };
        writer.sender_report(Ssrc(1), &info, &[block]).unwrap();
        writer.receiver_report(Ssrc(1), &[block]).unwrap();
        writer.cname(Ssrc(1), "name").unwrap();
        writer.nack(Ssrc(1), Ssrc(2), &[1, 2, 17, 18, 65_535]).unwrap();
        writer.pli(Ssrc(1), Ssrc(2)).unwrap();
        let info = TransportCcInfo { base: 65_530, reference_time: 1, feedback_count: 2 };
        writer.transport_cc(Ssrc(1), Ssrc(2), &info, (0..200).map(|nth| (nth % 3 != 0).then_some(nth * 2))).unwrap();
        writer.ccfb(Ssrc(1), 9, &[(Ssrc(2), 65_530, &[Some(CcfbArrival { offset: Some(5), ecn: 1 }), None])]).unwrap();
        writer.remb(Ssrc(1), 1_000_000, &[Ssrc(2)]).unwrap();
        writer.bye(Ssrc(1)).unwrap();
        let len = writer.finish();
        let mut items = 0;
        for message in rtcp::parse(&buf[..len]).unwrap() {
            items += match message {
                Rtcp::SenderReport { blocks, .. } | Rtcp::ReceiverReport { blocks, .. } => blocks.count(),
                Rtcp::Nack { lost, .. } => lost.count(),
                Rtcp::TransportCc(feedback) => feedback.packets().count(),
                Rtcp::Ccfb(feedback) => feedback.packets().count(),
                Rtcp::Bye { ssrcs } => ssrcs.count(),
                Rtcp::Fir { media, .. } => media.count(),
                Rtcp::Pli { .. } | Rtcp::Remb { .. } | Rtcp::Other { .. } => 1,
            };
        }
        assert_eq!(items, 1 + 1 + 1 + 5 + 1 + 200 + 2 + 1 + 1);
    });
    assert_eq!(count, 0);
}

/// Also for what is refused: that costs an attacker nothing to send.
#[test]
fn stun() {
    let key = Key::new("a password of some length");
    let check = BindingRequest {
        transaction: TransactionId([7; 12]),
        remote_ufrag: "abcd",
        local_ufrag: "efgh",
        priority: 1,
        role: Role::Controlling(3),
        use_candidate: true,
    };
    let (mut request, mut reply) = ([0; 1500], [0; 100]);
    let count = allocations(|| {
        let len = binding_request(&check, &key, &mut request).unwrap();
        let parsed = StunRequest::parse(&request[..len]).unwrap();
        assert!(parsed.verify(&key));
        let reply_len = binding_success(parsed.transaction(), "192.0.2.1:9".parse().unwrap(), &key, &mut reply).unwrap();
        assert!(StunResponse::parse(&reply[..reply_len]).unwrap().verify(&key));
        for at in 0..len {
            request[at] ^= 0x55;
            let _ = black_box(StunRequest::parse(&request[..len]));
            request[at] ^= 0x55;
        }
    });
    assert_eq!(count, 0);
}
