//! RTCP against the builders and the parser of rtcp-types.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use rtcp_types::prelude::*;
use rtcp_types::{Compound, Fir, Nack, Packet, PayloadFeedback, Pli, TransportFeedback, Twcc, TwccPacketStatus};
use wire::ids::Ssrc;
use wire::ntp::Ntp;
use wire::rtcp::{ReportBlock, Rtcp, RtcpWriter, SenderInfo, TransportCcInfo, parse};

fn written(packet: &impl RtcpPacketWriter) -> Vec<u8> {
    let mut buf = vec![0; 1 << 16];
    let len = packet.write_into(&mut buf).unwrap();
    buf.truncate(len);
    buf
}

fn ours(write: impl FnOnce(&mut RtcpWriter<'_>)) -> Vec<u8> {
    let mut buf = vec![0xee; 1 << 16];
    let mut writer = RtcpWriter::new(&mut buf);
    write(&mut writer);
    let len = writer.finish();
    buf.truncate(len);
    buf
}

fn first(datagram: &[u8]) -> Rtcp<'_> {
    parse(datagram).unwrap().next().unwrap()
}

/// Their reading of one message of ours.
fn theirs(datagram: &[u8]) -> Packet<'_> {
    let mut compound = Compound::parse(datagram).unwrap();
    let packet = compound.next().unwrap().unwrap();
    assert!(compound.next().is_none());
    packet
}

fn block() -> impl Strategy<Value = ReportBlock> {
    (any::<u32>(), any::<u8>(), -(1 << 23)..1 << 23i32, any::<[u32; 4]>()).prop_map(|(ssrc, fraction_lost, cumulative_lost, rest)| {
        ReportBlock {
            ssrc: Ssrc(ssrc),
            fraction_lost,
            cumulative_lost,
            highest_sequence: rest[0],
            jitter: rest[1],
            last_sr: rest[2],
            delay_since_last_sr: rest[3],
        }
    })
}

fn their_block(block: &ReportBlock) -> rtcp_types::ReportBlockBuilder {
    rtcp_types::ReportBlock::builder(block.ssrc.0)
        .fraction_lost(block.fraction_lost)
        .cumulative_lost(block.cumulative_lost.cast_unsigned() & 0xff_ffff)
        .extended_sequence_number(block.highest_sequence)
        .interarrival_jitter(block.jitter)
        .last_sender_report_timestamp(block.last_sr)
        .delay_since_last_sender_report_timestamp(block.delay_since_last_sr)
}

fn status() -> impl Strategy<Value = Option<i16>> {
    prop_oneof![3 => Just(None), 6 => (0..256i16).prop_map(Some), 1 => any::<i16>().prop_map(Some)]
}

/// Statuses in runs, as real traffic has them.
fn statuses() -> impl Strategy<Value = Vec<Option<i16>>> {
    vec((status(), 1..40usize), 1..60)
        .prop_map(|runs| runs.into_iter().flat_map(|(status, run)| std::iter::repeat_n(status, run)).collect())
}

fn their_status(status: &Option<i16>) -> TwccPacketStatus {
    status.map_or(TwccPacketStatus::NotReceived, |delta| TwccPacketStatus::Received { delta })
}

proptest! {
    #![proptest_config(crate::seeded())]

    /// Byte for byte the same reports, and we read them.
    #[test]
    fn reports(ssrc: u32, ntp: u64, [rtp, packets, octets]: [u32; 3], blocks in vec(block(), 0..=31)) {
        let info = SenderInfo { ntp: Ntp(ntp), rtp, packets, octets };
        let mut sender = rtcp_types::SenderReport::builder(ssrc).ntp_timestamp(ntp).rtp_timestamp(rtp).packet_count(packets).octet_count(octets);
        let mut receiver = rtcp_types::ReceiverReport::builder(ssrc);
        for block in &blocks {
            sender = sender.add_report_block(their_block(block));
            receiver = receiver.add_report_block(their_block(block));
        }
        let (sender, receiver) = (written(&sender), written(&receiver));
        prop_assert_eq!(&sender, &ours(|writer| writer.sender_report(Ssrc(ssrc), &info, &blocks).unwrap()));
        prop_assert_eq!(&receiver, &ours(|writer| writer.receiver_report(Ssrc(ssrc), &blocks).unwrap()));
        let Rtcp::SenderReport { blocks: read, .. } = first(&sender) else { panic!() };
        prop_assert_eq!(read.collect::<Vec<_>>(), blocks.clone());
        let Rtcp::ReceiverReport { blocks: read, .. } = first(&receiver) else { panic!() };
        prop_assert_eq!(read.collect::<Vec<_>>(), blocks);
    }

    #[test]
    fn nacks(sender: u32, media: u32, lost in btree_set(any::<u16>(), 1..200), near in btree_set(0..100u16, 1..60)) {
        for lost in [lost, near] {
            let list: Vec<u16> = lost.iter().copied().collect();
            let builder = list.iter().fold(Nack::builder(), |builder, &seq| builder.add_rtp_sequence(seq));
            let datagram = written(&TransportFeedback::builder(&builder).sender_ssrc(sender).media_ssrc(media));
            let Rtcp::Nack { sender: s, media: m, lost: read } = first(&datagram) else { panic!() };
            prop_assert_eq!((s, m), (Ssrc(sender), Ssrc(media)));
            prop_assert_eq!(read.collect::<Vec<_>>(), list.clone());
            prop_assert_eq!(datagram, ours(|writer| writer.nack(Ssrc(sender), Ssrc(media), &list).unwrap()));
        }
    }

    /// The chunks may differ, what they say must not.
    #[test]
    fn transport_cc(base: u16, reference_time in 0..1u32 << 24, feedback_count: u8, list in statuses()) {
        let info = TransportCcInfo { base, reference_time, feedback_count };
        let expected: Vec<TwccPacketStatus> = list.iter().map(their_status).collect();

        let datagram = ours(|writer| writer.transport_cc(Ssrc(1), Ssrc(2), &info, list.iter().copied()).unwrap());
        let Packet::TransportFeedback(feedback) = theirs(&datagram) else { panic!() };
        let read = feedback.parse_fci::<Twcc<'_>>().unwrap();
        prop_assert_eq!((feedback.sender_ssrc(), feedback.media_ssrc()), (1, 2));
        prop_assert_eq!((read.base_sequence_number(), read.reference_time(), read.feedback_packet_count()), (base, reference_time, feedback_count));
        let packets: Vec<_> = read.packets().map(Result::unwrap).collect();
        prop_assert!(packets.iter().map(|(seq, _)| *seq).eq((0..).map(|nth: u16| base.wrapping_add(nth)).take(list.len())));
        prop_assert!(packets.iter().map(|(_, status)| *status).eq(expected.iter().copied()));

        let builder = Twcc::builder(base, reference_time, feedback_count, &expected, None);
        let their_datagram = written(&TransportFeedback::builder(&builder).sender_ssrc(1).media_ssrc(2));
        let Rtcp::TransportCc(feedback) = first(&their_datagram) else { panic!() };
        prop_assert_eq!(feedback.info, info);
        prop_assert!(feedback.packets().map(|(_, status)| status).eq(list.iter().copied()));
        prop_assert!(datagram.len() <= their_datagram.len() + 8, "ours {} bytes, theirs {}", datagram.len(), their_datagram.len());
    }
}

#[test]
fn keyframe_requests_and_goodbyes() {
    let pli = Pli::builder();
    let datagram = written(&PayloadFeedback::builder(&pli).sender_ssrc(1).media_ssrc(2));
    assert_eq!(datagram, ours(|writer| writer.pli(Ssrc(1), Ssrc(2)).unwrap()));
    assert!(matches!(first(&datagram), Rtcp::Pli { sender: Ssrc(1), media: Ssrc(2) }));

    let fir = Fir::builder().add_ssrc(7, 1).add_ssrc(8, 255);
    let datagram = written(&PayloadFeedback::builder(&fir).sender_ssrc(1));
    let Rtcp::Fir { sender: Ssrc(1), media } = first(&datagram) else { panic!() };
    let mut targets: Vec<Ssrc> = media.collect();
    targets.sort_unstable();
    assert_eq!(targets, [Ssrc(7), Ssrc(8)]);

    let bye = || rtcp_types::Bye::builder().add_source(3).add_source(4);
    // Not both at once: their builder puts the padding where it pads the reason.
    for datagram in [written(&bye().reason("shutting down")), written(&bye().padding(4))] {
        let Rtcp::Bye { ssrcs } = first(&datagram) else { panic!() };
        assert_eq!(ssrcs.collect::<Vec<_>>(), [Ssrc(3), Ssrc(4)]);
    }
    assert_eq!(written(&rtcp_types::Bye::builder().add_source(3)), ours(|writer| writer.bye(Ssrc(3)).unwrap()));
}

#[test]
fn canonical_name() {
    for name in ["a", "ab", "abc", "abcd", "a rather long name @ example.org"] {
        let datagram = ours(|writer| writer.cname(Ssrc(9), name).unwrap());
        let Packet::Sdes(sdes) = theirs(&datagram) else { panic!() };
        let chunk = sdes.chunks().next().unwrap();
        let item = chunk.items().next().unwrap();
        assert_eq!((chunk.ssrc(), item.type_(), item.value()), (9, 1, name.as_bytes()));
        assert_eq!((sdes.chunks().count(), chunk.items().count()), (1, 1));
    }
}
