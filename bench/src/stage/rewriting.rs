//! A publisher's packets into the store and out of viewers' slots: the way in, the rewriting of each codec, and sending again.

use std::hint::black_box;
use std::time::{Duration, Instant};

use media::{CodecIn, CodecOut, MediaKind, PublishConfig, Receiver, Route, Slot, SlotConfig};
use wire::codec::Codec;
use wire::ext::ExtMap;
use wire::ids::{Mid, Ssrc};
use wire::ntp::Ntp;
use wire::rtp::RtpHeader;

use super::traffic::{PT, SSRC, Traffic};
use super::{BATCH, Round};

/// Viewers of one publisher: the way in is shared out among so many.
pub(super) const VIEWERS: u64 = 16;
/// Packets before anything counts, and between two batches of retransmissions: a fifth may be sent again.
const WARM: u64 = 400;
const BETWEEN: u64 = 6 * BATCH;
/// Payload type of the viewers' leg, another than the publisher's.
const PT_OUT: u8 = 100;
/// Round trip to every viewer.
const RTT: Duration = Duration::from_millis(20);

pub(super) fn receive() -> Round {
    let mut leg = Leg::new(Codec::Vp8, 0);
    Box::new(move |meter| {
        let packets = leg.packets(BATCH);
        let (receiver, now) = (&mut leg.receiver, leg.now);
        meter.measure(|| {
            for packet in black_box(&packets) {
                assert!(receiver.handle_rtp(now, packet).is_some(), "the publisher's own packet");
            }
        });
        leg.rest();
    })
}

pub(super) fn opus() -> Round {
    forward(Codec::Opus)
}

pub(super) fn vp8() -> Round {
    forward(Codec::Vp8)
}

pub(super) fn vp9() -> Round {
    forward(Codec::Vp9)
}

pub(super) fn h264() -> Round {
    forward(Codec::H264)
}

pub(super) fn av1() -> Round {
    forward(Codec::Av1)
}

fn forward(codec: Codec) -> Round {
    let mut leg = Leg::new(codec, VIEWERS);
    leg.warm();
    Box::new(move |meter| {
        let packets = leg.packets(BATCH);
        let sent = meter.measure(|| packets.iter().map(|packet| leg.forward(packet)).sum::<u64>());
        assert_eq!(sent, BATCH * VIEWERS, "everyone gets everything");
        leg.rest();
    })
}

/// Asked for with NACK: found by the viewer's number, taken from the store, written on the RTX stream.
pub(super) fn resend() -> Round {
    let mut leg = Leg::new(Codec::Vp8, 1);
    leg.warm();
    Box::new(move |meter| {
        for packet in leg.packets(BETWEEN) {
            leg.forward(&packet);
        }
        leg.rest();
        let newest = RtpHeader::parse(&leg.out).expect("what a slot wrote").sequence;
        let again = meter.measure(|| (0..BATCH).filter(|back| leg.resend(newest.wrapping_sub(*back as u16))).count());
        assert_eq!(again as u64, BATCH, "all are sent again");
    })
}

/// One publisher's leg and its viewers' slots.
struct Leg {
    traffic: Traffic,
    receiver: Receiver,
    slots: Vec<Slot>,
    now: Instant,
    exts: ExtMap,
    transport: u16,
    out: Vec<u8>,
}

impl Leg {
    fn new(codec: Codec, viewers: u64) -> Self {
        let (now, traffic) = (Instant::now(), Traffic::new(codec));
        let kind = if traffic.is_audio() { MediaKind::Audio } else { MediaKind::Video };
        let from = CodecIn { pt: PT, codec, clock_rate: traffic.clock_rate(), rtx: Some(PT + 1) };
        let to = CodecOut { pt: PT_OUT, codec, clock_rate: traffic.clock_rate(), rtx: Some(PT_OUT + 1) };
        let mut receiver = Receiver::new(now, Ntp(1 << 40), Traffic::exts(), Ssrc(1));
        let line =
            PublishConfig { mid: mid(), kind, codecs: vec![from], nack: true, rids: Vec::new(), ssrcs: vec![(SSRC, None)], label: 0 };
        receiver.configure(now, Traffic::exts(), vec![line]);
        let slots = (0..viewers as u32).map(|viewer| {
            let ssrc = Ssrc(1_000 + 2 * viewer);
            let mut slot =
                Slot::new(SlotConfig { mid: mid(), kind, ssrc, rtx: Some(Ssrc(ssrc.0 + 1)), epoch: now, entropy: u64::from(viewer) << 32 });
            slot.attach(now, Route::new(&[from], &[to], |from, to| from.codec == to.codec));
            slot
        });
        Self { traffic, receiver, slots: slots.collect(), now, exts: Traffic::exts(), transport: 0, out: vec![0; 1_500] }
    }

    /// The streams are known, the store is full.
    fn warm(&mut self) {
        for packet in self.packets(WARM) {
            self.forward(&packet);
        }
        self.rest();
    }

    fn packets(&mut self, count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.traffic.packet()).collect()
    }

    /// To everyone; gives how many got it.
    fn forward(&mut self, packet: &[u8]) -> u64 {
        self.now += self.traffic.spacing();
        let Some(inbound) = self.receiver.handle_rtp(self.now, packet) else { return 0 };
        let mut sent = 0;
        for slot in &mut self.slots {
            sent += u64::from(slot.forward(self.now, &inbound, &self.exts, &mut self.transport, &mut self.out).is_some());
        }
        sent
    }

    fn resend(&mut self, number: u16) -> bool {
        let slot = &mut self.slots[0];
        let Some(origin) = slot.resolve(number).filter(|_| slot.may_resend(self.now, number, RTT)) else { return false };
        let Some(stored) = self.receiver.publications()[0].stored(origin.layer, origin.ext_seq) else { return false };
        slot.affords(&stored)
            && slot.resend(self.now, number, &stored, &self.exts, &mut self.transport, &mut self.out).is_some_and(|len| len > 1_000)
    }

    /// What is due between two batches, unmeasured: reports to the publisher.
    fn rest(&mut self) {
        let mut buf = [0; 1_500];
        let mut writer = wire::rtcp::RtcpWriter::new(&mut buf);
        self.receiver.write_feedback(self.now, &mut writer);
    }
}

fn mid() -> Mid {
    Mid::new("0").expect("a mid")
}
