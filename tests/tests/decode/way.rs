//! The way through the relay: encodings into a receiver, one slot with a target that changes at random, and what the viewer gets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use media::{CodecOut, LayerId, MediaKind, PublishConfig, Receiver, Route, Slot, SlotConfig};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;
use wire::rtp::RtpHeader;

use super::feed::{Feed, Packet};
use super::lane::{MID, MID_ID, RID_ID};
use super::recording::{DESCRIPTOR_ID, SPATIAL};

/// Pictures a second.
const RATE: u64 = 30;
/// Mean number of pictures from one change of the target to the next.
const STAY: u32 = 5;
/// Temporal layers of most streams.
const TEMPORAL: usize = 3;
/// One change in so many is a pause.
const PAUSES: usize = 20;
/// Pictures for which the viewer asks for what he misses.
const PATIENCE: usize = 30;
/// The relay's clock when it all begins.
const NTP_BASE: Ntp = Ntp(0xea00_0000_0000_0000);

/// A picture as it left for the viewer.
pub(crate) struct Sent {
    /// Which encoding's, and the number of the picture.
    pub(crate) from: (usize, usize),
    /// The highest spatial layer of it that left.
    pub(crate) spatial: usize,
    pub(crate) payloads: Vec<Vec<u8>>,
    /// Its last packet left.
    pub(crate) ended: bool,
}

/// What a run was like.
pub(crate) struct Run {
    pub(crate) sent: Vec<Sent>,
    /// Times the target changed.
    pub(crate) targets: u32,
    /// Times another encoding began to flow.
    pub(crate) switches: u64,
    /// Pictures left out of an encoding that flowed.
    pub(crate) left_out: usize,
    /// Pictures whose end never left: another one, or a pause, came in between.
    pub(crate) cut: usize,
    /// Packets of a picture that came after its marker.
    pub(crate) behind: usize,
}

/// A packet that left, with where it came from.
struct Out {
    seq: u64,
    timestamp: u32,
    from: (usize, usize),
    spatial: usize,
    marker: bool,
    payload: Vec<u8>,
}

pub(crate) struct Way {
    rng: ChaCha8Rng,
    base: Instant,
    feeds: Vec<Box<dyn Feed>>,
    receiver: Receiver,
    slot: Slot,
    targets: u32,
    twcc: u16,
    out: Vec<Out>,
    /// Number of the picture and spatial layer of what arrived, by encoding and sequence number.
    arrived: BTreeMap<(usize, u64), (usize, usize)>,
    /// What the viewer misses, and since which picture.
    missing: BTreeMap<u64, usize>,
    /// The viewer's highest number.
    newest: Option<u64>,
}

impl Way {
    /// The encodings of one publication, lowest first.
    pub(crate) fn new(codec: Codec, feeds: Vec<Box<dyn Feed>>, seed: u64) -> Self {
        let base = Instant::now();
        let exts = ext_map(&[(MID_ID, Ext::Mid), (RID_ID, Ext::Rid), (DESCRIPTOR_ID, Ext::DependencyDescriptor)]);
        let mid = Mid::new(MID).expect("a digit is a mid");
        let mut receiver = Receiver::new(base, NTP_BASE, exts, Ssrc(0xffff));
        let rids: Vec<_> = feeds.iter().rev().filter_map(|feed| feed.stream().0).collect();
        let ssrcs = if rids.is_empty() { vec![(feeds[0].stream().1, None)] } else { vec![] };
        let codecs = vec![feeds[0].codec_in()];
        receiver.configure(base, exts, vec![PublishConfig { mid, kind: MediaKind::Video, codecs, nack: true, rids, ssrcs, label: 0 }]);
        let mut slot =
            Slot::new(SlotConfig { mid, kind: MediaKind::Video, ssrc: Ssrc(0xaaaa), rtx: None, epoch: base, entropy: seed << 20 | 0x7ff0 });
        let to = CodecOut { pt: 100, codec, clock_rate: 90_000, rtx: None };
        slot.attach(base, Route::new(&[feeds[0].codec_in()], &[to], |from, to| from.codec == to.codec));
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            base,
            feeds,
            receiver,
            slot,
            targets: 0,
            twcc: 0,
            out: Vec::new(),
            arrived: BTreeMap::new(),
            missing: BTreeMap::new(),
            newest: None,
        }
    }

    /// So many changes of the target.
    pub(crate) fn run(mut self, changes: u32) -> Run {
        let mut nth = 0;
        while self.targets < changes {
            let now = self.base + Duration::from_millis(1_000 * nth as u64 / RATE);
            if self.rng.next_u32().is_multiple_of(STAY) {
                self.aim();
            }
            let publication = &self.receiver.publications()[0];
            let active: Vec<_> = (0..publication.layers().len()).map(|layer| publication.active(layer, now)).collect();
            // The keyframe that may be needed comes by itself.
            let _ = self.slot.want(now, &active);
            self.pictures(now, nth);
            nth += 1;
        }
        let switches = self.slot.counters().starts;
        let (mut sent, left_out, behind) = pictures(self.out);
        // A viewer does not show what has no end; what comes next must do without it.
        let all = sent.len();
        sent.retain(|picture| picture.ended);
        let cut = all - sent.len();
        Run { sent, targets: self.targets, switches, left_out, cut, behind }
    }

    /// Any layer there is; now and then nothing at all, until the next change.
    fn aim(&mut self) {
        let mut below = |limit: usize| (self.rng.next_u32() as usize % limit) as u8;
        let spatial = if self.feeds.len() == 1 { below(SPATIAL) } else { 0 };
        let target = LayerId { encoding: below(self.feeds.len()), spatial, temporal: below(TEMPORAL) };
        self.slot.set_target((below(PAUSES) > 0).then_some(target));
        self.targets += 1;
    }

    /// One picture of each encoding, one encoding after the other. Its packets arrive in a somewhat wrong order.
    fn pictures(&mut self, now: Instant, nth: usize) {
        for index in 0..self.feeds.len() {
            let (_, ssrc, timestamp) = self.feeds[index].stream();
            if nth.is_multiple_of(RATE as usize) {
                let sent = NTP_BASE.plus(now.duration_since(self.base));
                self.receiver.handle_sender_report(now, ssrc, sent, timestamp.wrapping_add(3_000 * nth as u32));
            }
            let mut packets = self.feeds[index].packets(nth);
            for at in 1..packets.len() {
                if self.rng.next_u32().is_multiple_of(8) {
                    packets.swap(at - 1, at);
                }
            }
            for Packet { bytes, spatial } in packets {
                self.arrive(now, &bytes, (index, nth), spatial);
            }
            // Before another encoding begins: nobody misses what a keyframe has made useless.
            self.repair(now, nth);
        }
    }

    /// A packet reaches the relay.
    fn arrive(&mut self, now: Instant, packet: &[u8], from: (usize, usize), spatial: usize) {
        let Some(inbound) = self.receiver.handle_rtp(now, packet) else { panic!("{from:?} is not taken") };
        self.arrived.insert((from.0, inbound.ext_seq), (from.1, spatial));
        let mut buf = [0; 1_500];
        if let Some(len) = self.slot.forward(now, &inbound, &viewer_exts(), &mut self.twcc, &mut buf) {
            self.take(from, spatial, &buf[..len]);
        }
    }

    /// What the viewer asks for again: packets that came before the first one of their keyframe.
    fn repair(&mut self, now: Instant, nth: usize) {
        self.missing.retain(|_, since| nth - *since < PATIENCE);
        for seq in self.missing.keys().copied().collect::<Vec<_>>() {
            let Some(origin) = self.slot.resolve(seq as u16) else { continue };
            let Some(stored) = self.receiver.publications()[0].stored(origin.layer, origin.ext_seq) else { continue };
            if !self.slot.may_resend(now, seq as u16, Duration::from_millis(1)) {
                continue;
            }
            let mut buf = [0; 1_500];
            let Some(len) = self.slot.resend(now, seq as u16, &stored, &viewer_exts(), &mut self.twcc, &mut buf) else { continue };
            let (nth, spatial) = self.arrived[&(origin.layer, origin.ext_seq)];
            self.take((origin.layer, nth), spatial, &buf[..len]);
        }
    }

    /// A packet reaches the viewer.
    fn take(&mut self, from: (usize, usize), spatial: usize, packet: &[u8]) {
        let header = RtpHeader::parse(packet).expect("the slot writes RTP");
        let payload = header.payload(packet).expect("with a payload").to_vec();
        let newest = self.newest.unwrap_or(65_535 + u64::from(header.sequence));
        let seq = newest.wrapping_add_signed(i64::from(header.sequence.wrapping_sub(newest as u16).cast_signed()));
        self.missing.remove(&seq);
        self.missing.extend((newest + 1..seq).map(|missing| (missing, from.1)));
        self.newest = Some(newest.max(seq));
        let (timestamp, marker) = (header.timestamp, header.marker);
        self.out.push(Out { seq, timestamp, from, spatial, marker, payload });
    }
}

/// Header extensions of the viewer's leg.
fn viewer_exts() -> ExtMap {
    ext_map(&[(4, Ext::Mid), (5, Ext::DependencyDescriptor)])
}

fn ext_map(ids: &[(u8, Ext)]) -> ExtMap {
    let mut exts = ExtMap::new();
    for &(id, ext) in ids {
        exts.insert(id, ext).expect("ids of one byte");
    }
    exts
}

/// In the order of their numbers, without a hole; one picture has one time. Also how many were left out, and packets behind a marker.
fn pictures(mut out: Vec<Out>) -> (Vec<Sent>, usize, usize) {
    out.sort_by_key(|packet| packet.seq);
    let mut sent: Vec<Sent> = Vec::new();
    let mut before: Option<(u64, u32, bool)> = None;
    let (mut left_out, mut behind) = (0, 0);
    for packet in out {
        let Out { seq, timestamp, from, spatial, marker, payload } = packet;
        if let Some((last, time, ended)) = before {
            assert_eq!(seq, last + 1, "no number is left out, none is used twice: {from:?}");
            // It only fills the place of something that was left out.
            if payload.is_empty() {
                before = Some((seq, time, ended));
                continue;
            }
            let same = sent.last().is_some_and(|picture| picture.from == from);
            let step = timestamp.wrapping_sub(time).cast_signed();
            assert!(if same { step == 0 } else { step > 0 }, "a picture has one time, and time runs on: {from:?}");
            behind += usize::from(ended && same);
        }
        before = Some((seq, timestamp, marker));
        match sent.last_mut().filter(|picture| picture.from == from) {
            Some(picture) => {
                picture.spatial = picture.spatial.max(spatial);
                picture.payloads.push(payload);
                picture.ended |= marker;
            }
            None => {
                left_out += sent.last().filter(|last| last.from.0 == from.0).map_or(0, |last| from.1 - last.from.1 - 1);
                sent.push(Sent { from, spatial, payloads: vec![payload], ended: marker });
            }
        }
    }
    (sent, left_out, behind)
}
