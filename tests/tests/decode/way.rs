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

use super::feed::{self, Feed, Packet, Picture};
use super::lane::{MID, MID_ID, RID_ID};
use super::viewer::{self, Line, Mark, Sent, Viewer, Watched};

/// Pictures a second.
const RATE: u64 = 30;
/// Mean number of pictures from one change of the target to the next, and where it is the layers of one encoding that change.
const STAY: u32 = 4;
const SHORT_STAY: u32 = 2;
/// One change in so many is a pause.
const PAUSES: usize = 20;
/// A keyframe that is asked for comes at one of so many pictures.
const ROUND_TRIP: u32 = 3;
/// The relay's clock when it all begins.
const NTP_BASE: Ntp = Ntp(0xea00_0000_0000_0000);

/// When a run is over.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After so many switches from one encoding to another.
    Encodings(u64),
    /// After so many changes of the layers within one encoding.
    Layers(u64),
}

/// What changed in the slot.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Changes {
    /// Of the target.
    pub(crate) targets: u64,
    /// Another encoding flows than flowed last.
    pub(crate) encodings: u64,
    /// The highest layer within an encoding.
    pub(crate) spatial: u64,
    pub(crate) temporal: u64,
}

/// What a run was like.
pub(crate) struct Run {
    /// Everything that came to the viewer.
    pub(crate) all: Vec<Sent>,
    pub(crate) changes: Changes,
    /// Times an encoding began to flow, after pauses too.
    pub(crate) starts: u64,
    pub(crate) asked: u64,
    pub(crate) left_out: usize,
    pub(crate) behind: usize,
    pub(crate) lost: usize,
    pub(crate) late: usize,
    pub(crate) resent: u64,
}

pub(crate) struct Way {
    rng: ChaCha8Rng,
    base: Instant,
    feeds: Vec<Box<dyn Feed>>,
    /// When the keyframe comes that an encoding was asked for.
    due: Vec<Option<usize>>,
    receiver: Receiver,
    slot: Slot,
    viewer: Viewer,
    changes: Changes,
    flowed: Option<LayerId>,
    asked: u64,
    twcc: u16,
    /// What arrived, by encoding and sequence number.
    arrived: BTreeMap<(usize, u64), Mark>,
}

impl Way {
    /// The encodings of one publication, lowest first.
    pub(crate) fn new(codec: Codec, feeds: Vec<Box<dyn Feed>>, line: Line, seed: u64) -> Self {
        let base = Instant::now();
        let exts = ext_map(&[(MID_ID, Ext::Mid), (RID_ID, Ext::Rid), (feed::DESCRIPTOR_ID, Ext::DependencyDescriptor)]);
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
            due: vec![None; feeds.len()],
            feeds,
            receiver,
            slot,
            viewer: Viewer::new(line, seed),
            changes: Changes::default(),
            flowed: None,
            asked: 0,
            twcc: 0,
            arrived: BTreeMap::new(),
        }
    }

    pub(crate) fn run(mut self, until: Until) -> Run {
        let stay = if matches!(until, Until::Layers(_)) { SHORT_STAY } else { STAY };
        let mut nth = 0;
        while match until {
            Until::Encodings(count) => self.changes.encodings < count,
            Until::Layers(count) => self.changes.spatial + self.changes.temporal < count,
        } {
            let now = self.base + Duration::from_millis(1_000 * nth as u64 / RATE);
            if self.rng.next_u32().is_multiple_of(stay) {
                self.aim();
            }
            self.ask(now, nth);
            self.pictures(now, nth);
            nth += 1;
        }
        let counters = *self.slot.counters();
        let (lost, late) = (self.viewer.lost, self.viewer.late);
        let Watched { pictures: all, left_out, behind } = self.viewer.watched();
        let (changes, asked) = (self.changes, self.asked);
        Run { all, changes, starts: counters.starts, asked, left_out, behind, lost, late, resent: counters.resent }
    }

    /// Any layer there is; now and then nothing at all, until the next change.
    fn aim(&mut self) {
        let (spatial, temporal) = self.feeds[0].layers();
        let mut below = |limit: usize| (self.rng.next_u32() as usize % limit) as u8;
        let target = LayerId { encoding: below(self.feeds.len()), spatial: below(spatial), temporal: below(temporal) };
        self.slot.set_target((below(PAUSES) > 0).then_some(target));
        self.changes.targets += 1;
    }

    /// The keyframe that the slot needs is made a little later, whether it is still needed then or not.
    fn ask(&mut self, now: Instant, nth: usize) {
        let publication = &self.receiver.publications()[0];
        let active: Vec<_> = (0..publication.layers().len()).map(|layer| publication.active(layer, now)).collect();
        if let Some((encoding, _)) = self.slot.want(now, &active)
            && self.due[encoding].is_none()
        {
            self.due[encoding] = Some(nth + (self.rng.next_u32() % ROUND_TRIP) as usize);
            self.asked += 1;
        }
        for (feed, due) in self.feeds.iter_mut().zip(&mut self.due) {
            if due.take_if(|due| *due <= nth).is_some() {
                feed.ask();
            }
        }
    }

    /// One picture of each encoding, one encoding after the other. Its packets arrive in a somewhat wrong order.
    fn pictures(&mut self, now: Instant, nth: usize) {
        for index in 0..self.feeds.len() {
            let (_, ssrc, timestamp) = self.feeds[index].stream();
            if nth.is_multiple_of(RATE as usize) {
                let sent = NTP_BASE.plus(now.duration_since(self.base));
                self.receiver.handle_sender_report(now, ssrc, sent, timestamp.wrapping_add(3_000 * nth as u32));
            }
            let Picture { at, key, mut packets } = self.feeds[index].picture(nth);
            for at in 1..packets.len() {
                if self.rng.next_u32().is_multiple_of(8) {
                    packets.swap(at - 1, at);
                }
            }
            for Packet { bytes, spatial, first } in packets {
                self.arrive(now, &bytes, Mark { from: (index, nth), at, key, first, spatial });
            }
            // Before another encoding begins: nobody misses what a keyframe has made useless.
            self.repair(now, nth);
            self.count();
        }
    }

    /// A packet reaches the relay.
    fn arrive(&mut self, now: Instant, packet: &[u8], mark: Mark) {
        let Some(inbound) = self.receiver.handle_rtp(now, packet) else { panic!("{:?} is not taken", mark.from) };
        self.arrived.insert((mark.from.0, inbound.ext_seq), mark);
        let mut buf = [0; 1_500];
        if let Some(len) = self.slot.forward(now, &inbound, &viewer_exts(), &mut self.twcc, &mut buf) {
            self.viewer.take(mark, self.slot.counters().starts, &buf[..len]);
        }
    }

    /// What the viewer asks for again: what was lost, and packets that came before the first one of their keyframe.
    fn repair(&mut self, now: Instant, nth: usize) {
        for seq in self.viewer.asks(nth) {
            let Some(origin) = self.slot.resolve(seq as u16) else { continue };
            let Some(stored) = self.receiver.publications()[0].stored(origin.layer, origin.ext_seq) else { continue };
            if !self.slot.may_resend(now, seq as u16, Duration::from_millis(1)) || !self.slot.affords(&stored) {
                continue;
            }
            let mut buf = [0; 1_500];
            let Some(len) = self.slot.resend(now, seq as u16, &stored, &viewer_exts(), &mut self.twcc, &mut buf) else { continue };
            self.slot.tried(now, seq as u16);
            self.viewer.take(self.arrived[&(origin.layer, origin.ext_seq)], self.slot.counters().starts, &buf[..len]);
        }
    }

    /// Compares what flows with what flowed.
    fn count(&mut self) {
        let Some(now) = self.slot.current() else { return };
        if let Some(before) = self.flowed.replace(now) {
            let same = before.encoding == now.encoding;
            self.changes.encodings += u64::from(!same);
            self.changes.spatial += u64::from(same && before.spatial != now.spatial);
            // Of one layer there is always all, whatever is aimed at.
            let layered = self.feeds[0].layers().1 > 1;
            self.changes.temporal += u64::from(same && layered && before.temporal != now.temporal);
        }
    }
}

/// Header extensions of the viewer's leg.
fn viewer_exts() -> ExtMap {
    ext_map(&[(4, Ext::Mid), (viewer::DESCRIPTOR_ID, Ext::DependencyDescriptor)])
}

fn ext_map(ids: &[(u8, Ext)]) -> ExtMap {
    let mut exts = ExtMap::new();
    for &(id, ext) in ids {
        exts.insert(id, ext).expect("ids of one byte");
    }
    exts
}
