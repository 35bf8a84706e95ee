//! Fuzz bodies: feed any bytes to the parsers and check what must hold whatever they are. The targets that call them are three lines
//! each, and the ordinary tests replay their corpora. They panic only on a bug in this crate.

use std::collections::BTreeSet;

use crate::codec::allocation::{self, VideoLayersAllocation};
use crate::codec::dependency::{self, Descriptor, Structure};
use crate::codec::{self, Codec, frame_info, red, vp8, vp9};
use crate::demux::{Kind, demux};
use crate::ext::{Ext, ExtMap, ExtValues};
use crate::rtcp::{self, CcfbPacket, MAX_STATUSES, ReportBlock, Rtcp, RtcpWriter, SenderInfo, WriteError};
use crate::rtp::{RtpFields, RtpHeader, write_header};
use crate::stun::{self, BindingRequest, Key, Role, StunRequest, StunResponse};

/// One datagram of any kind, taken as the relay takes it.
pub fn datagram(data: &[u8]) {
    match demux(data) {
        Some(Kind::Stun) => stun(data),
        Some(Kind::Rtp) => rtp(data),
        Some(Kind::Rtcp) => rtcp(data),
        // Not this crate's to read.
        Some(Kind::Dtls) | None => {}
    }
}

/// STUN requests and responses: what is accepted can be written again and reads the same.
pub fn stun(data: &[u8]) {
    let key = Key::new("a password nobody has");
    if let Ok(response) = StunResponse::parse(data) {
        let _ = (response.outcome(), response.transaction(), response.verify(&key));
    }
    let Ok(request) = StunRequest::parse(data) else { return };
    assert!(!request.verify(&key), "signed with an unknown password");

    let (local, remote) = request.username();
    let role = request.role().unwrap_or(Role::Controlling(0));
    let again = BindingRequest {
        transaction: request.transaction(),
        remote_ufrag: local,
        local_ufrag: remote,
        priority: request.priority(),
        role,
        use_candidate: request.use_candidate(),
    };
    let mut buf = [0; stun::MAX_REQUEST];
    let len = stun::binding_request(&again, &key, &mut buf).expect("a username that was read can be written");
    let reread = StunRequest::parse(&buf[..len]).expect("our own request");
    assert!(reread.verify(&key));
    assert_eq!((reread.username(), reread.priority()), ((local, remote), request.priority()));
    assert_eq!((reread.role(), reread.use_candidate()), (Some(role), request.use_candidate()));
    assert_eq!(reread.transaction(), request.transaction());
}

/// RTP header, extensions and every codec's view of the payload.
pub fn rtp(data: &[u8]) {
    let Ok(header) = RtpHeader::parse(data) else { return };
    let exts: Vec<(u8, &[u8])> = header.extensions(data).collect();
    let total: usize = exts.iter().map(|(_, value)| value.len()).sum();
    assert!(total <= header.payload_start && header.payload_start <= data.len());
    read_values(&header, data, &exts);

    let fields = RtpFields {
        marker: header.marker,
        payload_type: header.payload_type,
        sequence: header.sequence,
        timestamp: header.timestamp,
        ssrc: header.ssrc,
    };
    // One-byte elements grow by a byte each if the two-byte form is needed.
    let mut buf = vec![0; 16 + 3 + 2 * header.payload_start];
    let len = write_header(&mut buf, &fields, &exts).expect("what was read can be written");
    let again = RtpHeader::parse(&buf[..len]).expect("our own header");
    assert_eq!(again.payload_start, len);
    assert_eq!((again.marker, again.payload_type, again.sequence), (fields.marker, fields.payload_type, fields.sequence));
    assert_eq!((again.timestamp, again.ssrc, again.padding), (fields.timestamp, fields.ssrc, false));
    assert!(again.extensions(&buf[..len]).eq(exts), "extensions survive");

    if let Ok(payload) = header.payload(data) {
        assert!(payload.len() <= data.len() - header.payload_start);
        read_payload(payload);
    }
}

/// Every known extension at ids 1 to 11.
fn read_values(header: &RtpHeader, data: &[u8], exts: &[(u8, &[u8])]) {
    let mut map = ExtMap::new();
    for (id, ext) in (1..).zip(Ext::ALL) {
        map.insert(id, ext).expect("ids are distinct");
    }
    let values = ExtValues::read(&map, header, data);
    for (id, ext) in (1..).zip(Ext::ALL) {
        let first = exts.iter().find(|(other, _)| *other == id).map(|(_, value)| *value);
        // Offsets are 16 bits: nothing beyond is found, and no UDP datagram goes there.
        assert!(values.get(ext) == first || data.len() > usize::from(u16::MAX), "{ext:?}");
    }
    let _ = (values.audio_level(), values.transport_seq(), values.mid(), values.rid(), values.repaired_rid());
    if let Some(value) = values.get(Ext::DependencyDescriptor) {
        descriptor(value, &mut None);
    }
    if let Some(value) = values.get(Ext::VideoLayersAllocation) {
        allocation(value);
    }
}

/// Dependency descriptors of one stream, each with its length in a byte in front: what one brings, the next ones refer to.
pub fn dependency(data: &[u8]) {
    let mut known = None;
    let mut rest = data;
    while let Some((&len, after)) = rest.split_first() {
        let (value, after) = after.split_at(after.len().min(len.into()));
        descriptor(value, &mut known);
        rest = after;
    }
}

fn descriptor(value: &[u8], known: &mut Option<Structure>) {
    let mut fresh = *known;
    let Some(read) = Descriptor::parse(value, known.as_ref(), &mut fresh) else {
        assert!(fresh.is_none(), "a structure out of a descriptor that is none");
        return;
    };
    assert_eq!(fresh.is_some(), read.brings_structure);
    *known = fresh.or(*known);
    let structure = known.as_ref().expect("without one there is no descriptor");
    let targets = structure.layers().len();
    assert!((1..=dependency::MAX_DECODE_TARGETS).contains(&targets) && read.chain_diffs().len() <= targets);
    assert!(read.spatial() <= 3 && read.temporal() <= dependency::MAX_TEMPORAL_ID);
    assert!(read.frame_diffs().iter().all(|diff| (1..=4096).contains(diff)));
    assert!((0..targets).all(|target| structure.chain(target).is_none_or(|chain| chain < read.chain_diffs().len())));

    // Another number and other targets change nothing else.
    let mut patched = value.to_vec();
    dependency::patch_frame_number(&mut patched, !read.frame_number);
    let active = 0x5a5a_5a5a & u32::MAX >> (32 - targets);
    let has_active = read.patch_active_targets(&mut patched, active);
    let mut expected = read;
    expected.frame_number = !read.frame_number;
    if has_active {
        expected.active_targets = Some(active);
    }
    assert_eq!(Descriptor::parse(&patched, Some(structure), &mut fresh), Some(expected));
}

/// A video layers allocation: entries in order, with rates that are possible.
pub fn allocation(data: &[u8]) {
    let Some(read) = VideoLayersAllocation::parse(data) else { return };
    let layers = read.layers();
    assert!(read.stream < read.streams && read.streams <= 4 && layers.len() <= allocation::MAX_LAYERS);
    assert!(layers.is_sorted_by(|one, next| (one.stream, one.spatial) < (next.stream, next.spatial)));
    for layer in layers {
        assert!(layer.stream < read.streams && layer.spatial < 4);
        assert!((1..=allocation::MAX_TEMPORAL_LAYERS).contains(&layer.bitrates().len()));
        assert!(layer.bitrates().iter().all(|&bitrate| bitrate <= 1000 * allocation::MAX_KBPS));
        assert_eq!(layer.picture.is_some(), layers[0].picture.is_some());
    }
}

fn read_payload(payload: &[u8]) {
    for codec in [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        if codec::starts_keyframe(codec, payload) {
            // H.264 alone may put parameter sets behind something else.
            assert!(codec == Codec::H264 || codec::frame_starts(codec, payload), "{codec:?}");
        }
    }
    for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        let frame = frame_info(codec, payload, false);
        assert!(frame.spatial < 8 && frame.temporal < 8 && (frame.switch_up || !frame.keyframe), "{codec:?}");
    }
    read_red(payload);
    rewrite_vp8(payload);
    rewrite_vp9(payload);
}

/// Blocks that were read are written to the same bytes.
fn read_red(payload: &[u8]) {
    let Some(blocks) = red::blocks(payload) else {
        assert!(red::primary(payload).is_none());
        return;
    };
    let mut redundant: Vec<red::Block<'_>> = blocks.collect();
    let primary = redundant.pop().expect("there is always a primary block");
    assert_eq!(red::primary(payload), Some((primary.payload_type, primary.data)));
    let mut again = vec![0; payload.len()];
    assert_eq!(red::write(&redundant, &primary, &mut again), Some(payload.len()));
    assert_eq!(again, payload);
}

const ID: u16 = 0x1234;
const TL0: u8 = 0x56;

fn rewrite_vp9(payload: &[u8]) {
    let Some(before) = vp9::Descriptor::parse(payload) else { return };
    let mut copy = vec![0; payload.len() + 1];
    let len = before.copy(payload, ID, TL0, &mut copy).expect("there is room");
    let after = vp9::Descriptor::parse(&copy[..len]).expect("still a descriptor");
    assert_eq!(after.picture_id.map(vp8::PictureId::value), before.picture_id.map(|_| ID));
    assert_eq!(after.tl0, before.tl0.map(|_| TL0));
    let named = |from: &vp9::Descriptor| (from.tid, from.sid, from.structure, from.starts_frame, from.ends_frame, from.inter_picture);
    assert_eq!((named(&after), after.references()), (named(&before), before.references()));
    assert_eq!(payload[before.len..], copy[after.len..len], "the frame is untouched");
}

fn rewrite_vp8(payload: &[u8]) {
    let Some(descriptor) = vp8::Descriptor::parse(payload) else { return };
    let mut patched = payload.to_vec();
    descriptor.patch(&mut patched, ID, TL0);
    check_vp8(&descriptor, payload, &patched, 0x7f);
    let mut copy = vec![0; payload.len() + 1];
    let len = descriptor.copy(payload, ID, TL0, &mut copy).expect("there is room");
    check_vp8(&descriptor, payload, &copy[..len], 0x7fff);

    fn check_vp8(before: &vp8::Descriptor, payload: &[u8], rewritten: &[u8], short_mask: u16) {
        let after = vp8::Descriptor::parse(rewritten).expect("still a descriptor");
        let mask = if matches!(before.picture_id, Some(vp8::PictureId::Long(_))) { 0x7fff } else { short_mask };
        assert_eq!(after.picture_id.map(vp8::PictureId::value), before.picture_id.map(|_| ID & mask));
        assert_eq!(after.tl0, before.tl0.map(|_| TL0));
        assert_eq!((after.tid, after.sync, after.keyidx, after.keyframe), (before.tid, before.sync, before.keyidx, before.keyframe));
        assert_eq!(payload[before.len..], rewritten[after.len..], "the frame is untouched");
    }
}

/// RTCP compounds: what is accepted can be written again and reads the same; iteration is bounded by the bytes.
pub fn rtcp(data: &[u8]) {
    let Ok(packets) = rtcp::parse(data) else { return };
    let mut messages = 0;
    for message in packets {
        messages += 1;
        rewrite(message, data.len());
    }
    assert!((1..=data.len() / 4).contains(&messages));
}

fn rewrite(message: Rtcp<'_>, len: usize) {
    match message {
        Rtcp::SenderReport { ssrc, ntp, rtp, packets, octets, blocks } => {
            let list: Vec<ReportBlock> = blocks.collect();
            for block in &list {
                let _ = block.round_trip(ntp);
            }
            let info = SenderInfo { ntp, rtp, packets, octets };
            reread(
                len,
                |writer| writer.sender_report(ssrc, &info, &list),
                |again| {
                    let Rtcp::SenderReport { ssrc: s, ntp: n, rtp: r, packets: p, octets: o, blocks: b } = again else { return false };
                    (s, n, r, p, o) == (ssrc, ntp, rtp, packets, octets) && b.eq(blocks)
                },
            );
        }
        Rtcp::ReceiverReport { ssrc, blocks } => {
            let list: Vec<ReportBlock> = blocks.collect();
            reread(
                len,
                |writer| writer.receiver_report(ssrc, &list),
                |again| matches!(again, Rtcp::ReceiverReport { ssrc: s, blocks: b } if s == ssrc && b.eq(blocks)),
            );
        }
        Rtcp::Nack { sender, media, lost } => {
            let lost: Vec<u16> = lost.take(1 + 17 * len / 4).collect();
            assert!(lost.len() <= 17 * len / 4);
            if !lost.is_empty() {
                reread(
                    len,
                    |writer| writer.nack(sender, media, &lost),
                    |again| {
                        let Rtcp::Nack { sender: s, media: m, lost: l } = again else { return false };
                        (s, m) == (sender, media) && BTreeSet::from_iter(l) == BTreeSet::from_iter(lost.iter().copied())
                    },
                );
            }
        }
        Rtcp::Pli { sender, media } => reread(
            len,
            |writer| writer.pli(sender, media),
            |again| matches!(again, Rtcp::Pli { sender: s, media: m } if (s, m) == (sender, media)),
        ),
        Rtcp::TransportCc(feedback) => {
            let statuses: Vec<Option<i16>> = feedback.packets().map(|(_, status)| status).collect();
            assert!(statuses.len() <= MAX_STATUSES);
            if !statuses.is_empty() {
                let write = |writer: &mut RtcpWriter<'_>| {
                    writer.transport_cc(feedback.sender, feedback.media, &feedback.info, statuses.iter().copied())
                };
                reread(
                    len,
                    write,
                    |again| matches!(again, Rtcp::TransportCc(a) if a.info == feedback.info && a.packets().eq(feedback.packets())),
                );
            }
        }
        Rtcp::Ccfb(feedback) => {
            let packets: Vec<CcfbPacket> = feedback.packets().take(len).collect();
            assert!(packets.len() <= len / 2);
            let runs: Vec<_> = packets
                .chunk_by(|a, b| a.ssrc == b.ssrc && a.sequence.wrapping_add(1) == b.sequence)
                .flat_map(|run| run.chunks(1 << 14))
                .map(|run| (run[0].ssrc, run[0].sequence, run.iter().map(|packet| packet.arrival).collect::<Vec<_>>()))
                .collect();
            let streams: Vec<_> = runs.iter().map(|(ssrc, begin, arrivals)| (*ssrc, *begin, &arrivals[..])).collect();
            reread(
                len,
                |writer| writer.ccfb(feedback.sender, feedback.timestamp, &streams),
                |again| matches!(again, Rtcp::Ccfb(a) if a.timestamp == feedback.timestamp && a.packets().eq(packets)),
            );
        }
        Rtcp::Remb { sender, bitrate } => {
            // A rate beyond 64 bits reads as the largest, and that is written as the largest there is below.
            let largest = bitrate == u64::MAX;
            reread(
                len,
                |writer| writer.remb(sender, bitrate, &[]),
                |again| matches!(again, Rtcp::Remb { sender: s, bitrate: b } if s == sender && (b == bitrate || largest)),
            );
        }
        Rtcp::Fir { media, .. } => assert!(media.count() <= len / 8),
        Rtcp::Bye { ssrcs } => assert!(ssrcs.count() <= 31),
        Rtcp::Other { .. } => {}
    }
}

/// Writes one message that came out of a datagram of `len` bytes, and reads it back.
fn reread(len: usize, write: impl FnOnce(&mut RtcpWriter<'_>) -> Result<(), WriteError>, same: impl FnOnce(Rtcp<'_>) -> bool) {
    // The original may pack better than we do: at worst a chunk of two bytes for seven statuses, an entry of four for one lost packet.
    let mut buf = vec![0; 64 + 18 * len + MAX_STATUSES / 3];
    let mut writer = RtcpWriter::new(&mut buf);
    write(&mut writer).expect("what was read can be written");
    let end = writer.finish();
    let mut packets = rtcp::parse(&buf[..end]).expect("our own message");
    assert!(packets.next().is_some_and(same) && packets.next().is_none());
}
