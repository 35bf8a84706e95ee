//! Structures of dependency descriptors that change while a stream goes on, and come late: the newest counts, and what nobody can read yet
//! is nobody's.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use common::bits::Bits;
use common::viewer::{RTX, SSRC, viewer_exts};
use common::{NTP_BASE, Time, publisher_exts};
use media::{CodecIn, CodecOut, Inbound, KeyframeCause, LayerId, MediaKind, PublishConfig, Receiver, Route, Slot, SlotConfig};
use wire::codec::Codec;
use wire::ids::{Mid, Ssrc};
use wire::rtp::{RtpFields, RtpHeader, write_header};

const PT: u8 = 96;

/// A structure of so many spatial layers, one template each, numbered from `offset` on. Browsers number a structure that differs from the
/// one before with what comes behind that one's templates.
#[derive(Clone, Copy, Debug)]
struct Structure {
    offset: u8,
    layers: u8,
}

const THREE: Structure = Structure { offset: 0, layers: 3 };
const TWO: Structure = Structure { offset: 3, layers: 2 };
const ONE: Structure = Structure { offset: 5, layers: 1 };

impl Structure {
    fn put(self, bits: &mut Bits) {
        bits.put(self.offset.into(), 6);
        bits.put(u64::from(self.layers) - 1, 5);
        (1..self.layers).for_each(|_| bits.put(2, 2));
        bits.put(3, 2);
        for template in 0..self.layers {
            (0..self.layers).for_each(|target| bits.put(if target >= template { 2 } else { 0 }, 2));
        }
        (0..self.layers).for_each(|_| bits.put(0, 1));
        // No chains: of so many as there are targets and one more, 0 takes one bit less than they have, or as many.
        bits.put(0, [1, 1, 2][usize::from(self.layers) - 1]);
        bits.put(0, 1);
    }
}

/// A publisher of one packet a frame, the relay's receiver, and a viewer's slot.
struct Scene {
    time: Time,
    ssrc: Ssrc,
    seq: u16,
    number: u16,
    ms: u64,
    receiver: Receiver,
    slot: Slot,
    twcc: u16,
}

impl Scene {
    fn new() -> Self {
        let time = Time::new();
        let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
        let codec = CodecIn { pt: PT, codec: Codec::Av1, clock_rate: 90_000, rtx: None };
        let config = PublishConfig {
            mid: Mid::new("0").unwrap(),
            kind: MediaKind::Video,
            codecs: vec![codec],
            rids: vec![],
            ssrcs: vec![],
            nack: true,
            label: 0,
        };
        receiver.configure(time.at(0), publisher_exts(), vec![config]);
        let mid = Mid::new("v").unwrap();
        let mut slot = Slot::new(SlotConfig { mid, kind: MediaKind::Video, ssrc: SSRC, rtx: Some(RTX), epoch: time.at(0), entropy: 99 });
        let to = CodecOut { pt: 100, codec: Codec::Av1, clock_rate: 90_000, rtx: Some(101) };
        slot.attach(time.at(0), Route::new(&[codec], &[to], |from, _| from.pt == PT));
        Self { time, ssrc: Ssrc(7), seq: 65_500, number: 9, ms: 0, receiver, slot, twcc: 0 }
    }

    /// One picture of all layers, a packet each. The first packet of a keyframe brings the structure.
    fn picture(&mut self, structure: Structure, key: bool) -> Vec<Vec<u8>> {
        self.ms += 40;
        (0..structure.layers).map(|spatial| self.packet(structure, spatial, key)).collect()
    }

    fn packet(&mut self, structure: Structure, spatial: u8, key: bool) -> Vec<u8> {
        let value = self.descriptor(structure, spatial, key);
        self.wrap(&value, spatial, key)
    }

    fn descriptor(&self, structure: Structure, spatial: u8, key: bool) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(0b11, 2);
        bits.put(u64::from(structure.offset + spatial), 6);
        bits.put(self.number.into(), 16);
        let brings = key && spatial == 0;
        // Its own frame diffs.
        bits.put(u64::from(brings) << 4 | 0b00010, 5);
        if brings {
            structure.put(&mut bits);
        }
        // A layer rests on the one below, the lowest on that of the picture before.
        if !brings {
            bits.put(1, 2);
            bits.put(if spatial > 0 { 0 } else { u64::from(structure.layers) - 1 }, 4);
        }
        bits.put(0, 2);
        bits.done()
    }

    fn wrap(&mut self, descriptor: &[u8], spatial: u8, key: bool) -> Vec<u8> {
        let timestamp = 90 * self.ms as u32;
        let fields = RtpFields { marker: false, payload_type: PT, sequence: self.seq, timestamp, ssrc: self.ssrc };
        let mut packet = vec![0; 200];
        let len = write_header(&mut packet, &fields, &[(1, b"0"), (6, descriptor)]).unwrap();
        packet.truncate(len);
        packet.extend_from_slice(if key && spatial == 0 { &[0x18, 1 << 3] } else { &[0x10, 6 << 3] });
        packet.push(spatial);
        self.seq = self.seq.wrapping_add(1);
        self.number = self.number.wrapping_add(1);
        packet
    }

    /// A packet arrives: its layer, whether it begins a keyframe, and what the viewer gets of it.
    fn arrive(&mut self, packet: &[u8]) -> (u8, bool, Option<Vec<u8>>) {
        let now = self.time.at(self.ms);
        let inbound: Inbound<'_> = self.receiver.handle_rtp(now, packet).unwrap();
        let mut out = [0; 500];
        let len = self.slot.forward(now, &inbound, &viewer_exts(), &mut self.twcc, &mut out);
        (inbound.frame.spatial, inbound.keyframe, len.map(|len| out[..len].to_vec()))
    }

    /// The same for all of them: the layers of those that the viewer gets.
    fn arrive_all(&mut self, packets: &[Vec<u8>]) -> Vec<u8> {
        let sent: Vec<_> = packets.iter().filter_map(|packet| self.arrive(packet).2).collect();
        sent.iter().map(|packet| *packet.last().unwrap()).collect()
    }

    /// What the viewer gets who misses this number.
    fn miss(&mut self, sequence: u16) -> Option<Vec<u8>> {
        let now = self.time.at(self.ms);
        let origin = self.slot.resolve(sequence)?;
        let stored = self.receiver.publications()[0].stored(origin.layer, origin.ext_seq)?;
        let mut out = [0; 500];
        let len = self.slot.resend(now, sequence, &stored, &viewer_exts(), &mut self.twcc, &mut out)?;
        Some(out[..len].to_vec())
    }
}

fn sequence(packet: &[u8]) -> u16 {
    RtpHeader::parse(packet).unwrap().sequence
}

fn payload(packet: &[u8]) -> &[u8] {
    RtpHeader::parse(packet).unwrap().payload(packet).unwrap()
}

fn only(spatial: u8) -> Option<LayerId> {
    Some(LayerId { encoding: 0, spatial, temporal: 0 })
}

#[test]
fn a_structure_whose_packet_is_repaired_holds_from_its_keyframe_on() {
    let mut scene = Scene::new();
    scene.slot.set_target(only(0));
    let key = scene.picture(THREE, true);
    assert_eq!(scene.arrive_all(&key), [0]);
    let next = scene.picture(THREE, false);
    assert_eq!(scene.arrive_all(&next), [0]);
    for (before, after) in [(THREE, TWO), (TWO, ONE)] {
        let last = scene.picture(before, false);
        assert_eq!(scene.arrive_all(&last), [0], "{before:?}");
        let key = scene.picture(after, true);
        let meanwhile = scene.picture(after, false);
        let held: Vec<_> = key[1..].iter().chain(&meanwhile).map(|packet| scene.arrive(packet)).collect();
        assert!(held.iter().all(|(.., sent)| sent.is_none()), "nobody knows whose they are: {after:?}");
        let (spatial, starts, first) = scene.arrive(&key[0]);
        assert_eq!((spatial, starts), (0, true));
        let first = sequence(&first.unwrap());
        let next = scene.picture(after, false);
        assert_eq!(scene.arrive_all(&next), [0], "the upper layers of {after:?} are known again");
        // The viewer asks for what he has not seen: of the lowest layer he gets it, of the others only their places.
        for (place, packet) in key[1..].iter().chain(&meanwhile).enumerate() {
            let missed = scene.miss(first.wrapping_add(1 + place as u16)).unwrap();
            let spatial = *packet.last().unwrap();
            assert_eq!(payload(&missed).last().copied(), (spatial == 0).then_some(0), "{place}");
        }
    }
}

/// What was given for a stream of temporal layers must not keep a viewer of one without at the smallest picture.
#[test]
fn a_target_beyond_what_the_stream_has_is_all_that_it_has() {
    let mut scene = Scene::new();
    scene.slot.set_target(Some(LayerId { encoding: 0, spatial: 2, temporal: 2 }));
    let key = scene.picture(THREE, true);
    assert_eq!(scene.arrive_all(&key), [0, 1, 2]);
    let next = scene.picture(THREE, false);
    assert_eq!(scene.arrive_all(&next), [0, 1, 2]);
    assert_eq!(scene.slot.want(scene.time.at(scene.ms), &[true]), None);
}

#[test]
fn a_layer_that_does_not_come_any_more_is_not_wished_for_with_keyframes() {
    let mut scene = Scene::new();
    scene.slot.set_target(only(2));
    let key = scene.picture(THREE, true);
    assert_eq!(scene.arrive_all(&key), [0, 1, 2]);
    scene.slot.set_target(only(1));
    let next = scene.picture(THREE, false);
    assert_eq!(scene.arrive_all(&next), [0, 1]);
    scene.slot.set_target(only(2));
    let wish = Some((0, KeyframeCause::Switch));
    assert_eq!(scene.slot.want(scene.time.at(scene.ms), &[true]), wish, "the best one comes: a keyframe leads to it");
    let key = scene.picture(TWO, true);
    assert_eq!(scene.arrive_all(&key), [0, 1], "but not any more");
    assert_eq!(scene.slot.want(scene.time.at(scene.ms), &[true]), None);
    let key = scene.picture(THREE, true);
    assert_eq!(scene.arrive_all(&key), [0, 1, 2], "and when it comes again, with the keyframe that brings it");
}

#[test]
fn what_cannot_be_read_is_not_given_out_however_often_it_is_missed() {
    let mut scene = Scene::new();
    scene.slot.set_target(only(2));
    let key = scene.picture(THREE, true);
    assert_eq!(scene.arrive_all(&key), [0, 1, 2]);
    let lost = scene.picture(TWO, true);
    let meanwhile = scene.picture(TWO, false);
    assert_eq!(scene.arrive_all(&lost[1..]), [0; 0]);
    assert_eq!(scene.arrive_all(&meanwhile), [0; 0]);
    let again = scene.picture(TWO, true);
    let (.., first) = scene.arrive(&again[0]);
    let first = sequence(&first.unwrap());
    assert!((1..=3).all(|back| scene.miss(first.wrapping_sub(back)).is_none()), "the structure came with the next keyframe only");
    let ladder: Vec<u8> = scene.receiver.publications()[0].ladder(scene.time.at(scene.ms)).iter().map(|rung| rung.layer.spatial).collect();
    assert_eq!(ladder, [0, 1, 2], "and it made no layer that there is not");
}

#[test]
fn an_older_structure_that_comes_late_changes_nothing() {
    let mut scene = Scene::new();
    scene.slot.set_target(only(0));
    let key = scene.picture(THREE, true);
    assert_eq!(scene.arrive_all(&key), [0]);
    // Of whose ids one is also among the newest's.
    let overtaken = scene.picture(Structure { offset: 4, layers: 2 }, true);
    let newest = scene.picture(ONE, true);
    assert_eq!(scene.arrive_all(&newest), [0]);
    assert_eq!(scene.arrive(&overtaken[0]).0, 0, "it goes by what it brings");
    assert!(scene.arrive(&overtaken[1]).2.is_none(), "and what lies behind it not by the newest");
    let next = scene.picture(ONE, false);
    assert_eq!(scene.arrive_all(&next), [0]);
}

#[test]
fn a_stream_that_begins_anew_is_not_read_by_what_the_one_before_said() {
    let mut scene = Scene::new();
    let key = scene.picture(THREE, true);
    scene.arrive_all(&key);
    let next = scene.picture(THREE, false);
    assert_eq!(next.iter().map(|packet| scene.arrive(packet).0).collect::<Vec<_>>(), [0, 1, 2]);
    (scene.ssrc, scene.seq, scene.ms) = (Ssrc(8), 100, scene.ms + 1_000);
    // Another encoder's templates have the same ids; the first packet, which says what they are, is missing.
    let key = scene.picture(THREE, true);
    assert_eq!(scene.arrive(&key[2]).0, 0, "of this stream nothing is known yet");
    assert!(scene.arrive(&key[0]).1);
    assert_eq!(scene.arrive(&key[1]).0, 1, "and now it is");
}

#[test]
fn a_stream_whose_structure_is_not_understood_has_one_layer() {
    for understood_before in [false, true] {
        let mut scene = Scene::new();
        scene.slot.set_target(only(1));
        if understood_before {
            let key = scene.picture(TWO, true);
            assert_eq!(scene.arrive_all(&key), [0, 1]);
        }
        let descriptor = scene.descriptor(THREE, 0, true);
        let cut = scene.wrap(&descriptor[..5], 0, true);
        assert!(scene.arrive(&cut).2.is_some());
        let next = scene.picture(THREE, false);
        assert_eq!(scene.arrive_all(&next), [0, 1, 2], "everybody gets everything");
    }
}
