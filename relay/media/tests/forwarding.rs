//! Packetised streams through receiver and slot over a bad network, with switches of layers and publishers; the viewer is the oracle.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::viewer::{Offer, RTX, SSRC, Viewer, viewer_exts};
use common::{Lane, NTP_BASE, Rng, Style, Time, VP8_OUT, publish_config, publisher_exts};
use media::{CodecOut, Receiver, Route, Slot, SlotConfig};
use proptest::prelude::*;
use wire::codec::Codec;
use wire::ids::{Mid, Ssrc};
use wire::rtcp::{Rtcp, RtcpWriter, parse};

/// What happens in a run, all drawn from one seed.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    seed: u64,
    styles: [Style; 2],
    layers: usize,
    /// Percent on the publishers' way to the relay and on the relay's way to the viewer.
    loss: u64,
    duplicates: u64,
    /// Up to so many ms of extra delay for every fifth packet.
    jitter: u64,
    rtx: bool,
    /// Mean ms between changes of what is in the slot, and between layers that come and go.
    switch: u64,
}

struct Publisher {
    receiver: Receiver,
    lanes: Vec<Lane>,
    twcc: u16,
    /// Packets on their way, by arrival time and order.
    flight: BTreeMap<(u64, u64), Vec<u8>>,
    paused: Vec<bool>,
}

struct World {
    scenario: Scenario,
    rng: Rng,
    time: Time,
    publishers: Vec<Publisher>,
    slot: Slot,
    attached: usize,
    attach: u32,
    twcc: u16,
    viewer: Viewer,
    /// The viewer's NACKs on their way.
    nacks: BTreeMap<(u64, u64), u16>,
    order: u64,
    faults: Faults,
}

#[derive(Default, Debug)]
struct Faults {
    lost: u32,
    recovered: u32,
    duplicated: u32,
    attached: u32,
    paused: u32,
}

const DURATION: u64 = 12_000;
const FRAME: u64 = 40;
const ONE_WAY: u64 = 20;

impl World {
    fn new(scenario: Scenario) -> Self {
        let mut rng = Rng(scenario.seed | 1);
        let time = Time::new();
        let publishers = (0..2).map(|index| publisher(&scenario, index, &time, &mut rng)).collect();
        let slot = Slot::new(SlotConfig {
            mid: Mid::new("7").unwrap(),
            kind: scenario.styles[0].kind(),
            ssrc: SSRC,
            rtx: scenario.rtx.then_some(RTX),
            epoch: time.at(0),
            entropy: rng.next() << 32 | 0x7ff0,
        });
        Self {
            scenario,
            rng,
            time,
            publishers,
            slot,
            attached: 0,
            attach: 0,
            twcc: 65_500,
            viewer: Viewer::default(),
            nacks: BTreeMap::new(),
            order: 0,
            faults: Faults::default(),
        }
    }

    fn run(mut self) -> (Viewer, Faults, Slot) {
        self.put(0, 0);
        for ms in 0..DURATION {
            for publisher in 0..2 {
                self.produce(ms, publisher);
                self.deliver(ms, publisher);
                self.feedback(ms, publisher);
            }
            self.viewer_feedback(ms);
            if ms % 50 == 0 {
                self.choose(ms);
            }
            self.upset(ms);
        }
        let accepted: u64 = self.publishers.iter().map(|publisher| publisher.receiver.counters().recovered).sum();
        self.faults.recovered = accepted as u32;
        (self.viewer, self.faults, self.slot)
    }

    fn put(&mut self, ms: u64, publisher: usize) {
        let lane = &self.publishers[publisher].lanes[0];
        let (codec, pt) = (lane.style.codec(), out_pt(lane.style));
        let rtx = self.scenario.rtx.then_some(pt + 1);
        let to = CodecOut { pt, codec, clock_rate: lane.style.rate(), rtx };
        self.slot.attach(self.time.at(ms), Route::new(&[lane.codec_in()], &[to], |from, to| from.codec == to.codec));
        self.attached = publisher;
        self.attach += 1;
    }

    fn produce(&mut self, ms: u64, publisher: usize) {
        let Publisher { lanes, twcc, flight, paused, .. } = &mut self.publishers[publisher];
        for (index, lane) in lanes.iter_mut().enumerate() {
            if !(ms + 7 * index as u64).is_multiple_of(FRAME) || paused[index] {
                continue;
            }
            for packet in lane.frame(ms, &mut self.rng, twcc) {
                self.order += 1;
                if self.rng.percent(self.scenario.loss) {
                    self.faults.lost += 1;
                    continue;
                }
                let late = if self.rng.percent(20) { self.rng.below(self.scenario.jitter + 1) } else { 0 };
                if self.rng.percent(self.scenario.duplicates) {
                    self.faults.duplicated += 1;
                    flight.insert((ms + ONE_WAY + late + 3, u64::MAX - self.order), packet.clone());
                }
                flight.insert((ms + ONE_WAY + late, self.order), packet);
            }
        }
    }

    fn deliver(&mut self, ms: u64, publisher: usize) {
        let now = self.time.at(ms);
        let Publisher { receiver, flight, lanes, .. } = &mut self.publishers[publisher];
        let later = flight.split_off(&(ms + 1, 0));
        for packet in std::mem::replace(flight, later).into_values() {
            let Some(inbound) = receiver.handle_rtp(now, &packet) else { continue };
            assert_eq!(inbound.label, publisher as u32);
            if publisher != self.attached {
                continue;
            }
            let mut out = [0; 1500];
            let Some(len) = self.slot.forward(now, &inbound, &viewer_exts(), &mut self.twcc, &mut out) else { continue };
            let lane = &lanes[inbound.layer];
            let picture = lane.pictures[&inbound.timestamp];
            let before = self.viewer.highest();
            let (attach, mid, style) = (self.attach, self.slot.mid(), lane.style);
            self.viewer.take(&Offer { ms, attach, mid, inbound: &inbound, picture, style }, &out[..len]);
            // What the viewer misses, and what is lost on the way to him, he asks for.
            let highest = self.viewer.highest().unwrap();
            let missed = before.map_or(highest..highest, |before| before + 1..highest);
            let lost = self.rng.percent(self.scenario.loss).then_some(highest);
            for seq in missed.chain(lost) {
                self.order += 1;
                self.nacks.insert((ms + 2 * ONE_WAY, self.order), seq as u16);
            }
        }
    }

    /// The publisher reads what the receiver says to him, and obeys.
    fn feedback(&mut self, ms: u64, publisher: usize) {
        let now = self.time.at(ms);
        let Publisher { receiver, lanes, twcc, flight, .. } = &mut self.publishers[publisher];
        if ms % 1000 == 500 {
            for lane in lanes.iter() {
                // The publisher's clock is a day behind.
                let sent = self.time.ntp(ms).minus(Duration::from_secs(86_400));
                receiver.handle_sender_report(now, lane.ssrc, sent, lane.rtp_time(ms));
            }
        }
        let mut buf = [0; 1200];
        loop {
            let mut writer = RtcpWriter::new(&mut buf);
            if !receiver.write_feedback(now, &mut writer) {
                assert!(receiver.poll_timeout().is_none_or(|due| due > now), "something was left undone");
                break;
            }
            let len = writer.finish();
            for message in parse(&buf[..len]).unwrap() {
                match message {
                    Rtcp::Pli { media, .. } => lanes.iter_mut().find(|lane| lane.ssrc == media).unwrap().wants_key = true,
                    Rtcp::Nack { media, lost, .. } => {
                        let lane = lanes.iter_mut().find(|lane| lane.ssrc == media).unwrap();
                        for seq in lost {
                            self.order += 1;
                            let packet = lane.retransmission(seq, twcc).expect("only what was sent is asked for");
                            if !self.rng.percent(self.scenario.loss) {
                                flight.insert((ms + 2 * ONE_WAY, self.order), packet);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn viewer_feedback(&mut self, ms: u64) {
        let later = self.nacks.split_off(&(ms + 1, 0));
        for seq in std::mem::replace(&mut self.nacks, later).into_values() {
            self.resend(ms, seq);
        }
    }

    fn resend(&mut self, ms: u64, seq: u16) {
        let now = self.time.at(ms);
        let Some(origin) = self.slot.resolve(seq) else { return };
        let highest = self.viewer.highest().unwrap();
        let full = highest.wrapping_add_signed(i64::from(seq.wrapping_sub(highest as u16).cast_signed()));
        if let Some(sent) = self.viewer.sent.get(&full) {
            assert_eq!((sent.origin, sent.attach), ((origin.layer, origin.ext_seq), self.attach));
        }
        let Some(stored) = self.publishers[self.attached].receiver.publications()[0].stored(origin.layer, origin.ext_seq) else { return };
        if !self.slot.may_resend(now, seq, Duration::from_millis(2 * ONE_WAY)) {
            return;
        }
        let mut out = [0; 1500];
        let before = self.twcc;
        let Some(len) = self.slot.resend(now, seq, &stored, &viewer_exts(), &mut self.twcc, &mut out) else { return };
        match self.viewer.sent.get(&full) {
            Some(_) if self.scenario.rtx => {
                let style = self.publishers[self.attached].lanes[0].style;
                self.viewer.take_rtx(full, out_pt(style) + 1, &out[..len]);
            }
            Some(sent) => {
                assert_eq!(sent.bytes, &out[..len], "the same sequence number, the same bytes");
                assert_eq!(before, self.twcc);
                self.viewer.resent += 1;
            }
            // It never came to this slot in time: sent now for the first time. Undo the number so that the oracle stays simple.
            None => self.twcc = before,
        }
    }

    fn choose(&mut self, ms: u64) {
        let now = self.time.at(ms);
        let receiver = &mut self.publishers[self.attached].receiver;
        let publication = &receiver.publications()[0];
        let layers: Vec<_> = (0..publication.layers().len()).map(|layer| publication.active(layer, now)).collect();
        if let Some((layer, cause)) = self.slot.want(now, &layers) {
            receiver.request_keyframe(now, 0, layer, cause);
        }
    }

    /// Things change.
    fn upset(&mut self, ms: u64) {
        if self.rng.below(self.scenario.switch) == 0 {
            self.faults.attached += 1;
            let other = self.rng.below(2) as usize;
            self.put(ms, other);
        }
        if self.rng.below(self.scenario.switch) == 0 && self.scenario.layers > 1 {
            self.faults.paused += 1;
            let lane = self.rng.below(self.scenario.layers as u64) as usize;
            let paused = &mut self.publishers[self.attached].paused[lane];
            *paused = !*paused;
        }
    }
}

/// Payload type on the viewer's leg.
fn out_pt(style: Style) -> u8 {
    if style.codec() == Codec::Vp8 { VP8_OUT } else { 110 }
}

fn publisher(scenario: &Scenario, index: usize, time: &Time, rng: &mut Rng) -> Publisher {
    let style = scenario.styles[index];
    let rids = ["q", "h", "f"];
    let lanes: Vec<_> = (0..scenario.layers)
        .map(|layer| {
            let rid = (scenario.layers > 1).then_some(rids[layer]);
            let mut lane = Lane::new(style, 0x1000 * (index as u32 + 1) + 16 * layer as u32, 96, "3", rid, rng);
            lane.size = 1800 << layer;
            lane
        })
        .collect();
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(0xffff));
    receiver.configure(time.at(0), publisher_exts(), vec![publish_config(&lanes, index as u32)]);
    Publisher { receiver, paused: vec![false; lanes.len()], lanes, twcc: 65_000, flight: BTreeMap::new() }
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![
        3 => Just(Style::Vp8 { long_id: true }),
        1 => Just(Style::Vp8 { long_id: false }),
        1 => Just(Style::Vp8Mixed),
        1 => Just(Style::H264),
        1 => Just(Style::Vp9),
        1 => Just(Style::Av1),
    ]
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let styles = prop_oneof![4 => [style(), style()], 1 => Just([Style::Opus, Style::Opus])];
    (any::<u64>(), styles, 1..=3usize, 0..20u64, 0..10u64, 0..60u64, any::<bool>(), 300..3000u64).prop_map(
        |(seed, styles, layers, loss, duplicates, jitter, rtx, switch)| {
            let layers = if styles[0] == Style::Opus { 1 } else { layers };
            Scenario { seed, styles, layers, loss, duplicates, jitter, rtx, switch }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_stream_is_one_continuous_stream(scenario in scenario()) {
        let (viewer, _, slot) = World::new(scenario).run();
        prop_assert!(viewer.runs > 0 && viewer.sent.len() > 100, "{} runs, {} packets", viewer.runs, viewer.sent.len());
        prop_assert_eq!(u64::from(viewer.runs), slot.counters().starts);
    }
}

/// The faults of the property really happen, and are repaired.
#[test]
fn faults_happen_and_are_repaired() {
    let scenario = Scenario {
        seed: 7,
        styles: [Style::Vp8 { long_id: true }, Style::Vp8Mixed],
        layers: 3,
        loss: 10,
        duplicates: 5,
        jitter: 40,
        rtx: true,
        switch: 800,
    };
    let (viewer, faults, slot) = World::new(scenario).run();
    assert!(faults.lost > 300 && faults.duplicated > 100 && faults.attached > 5 && faults.paused > 5, "{faults:?}");
    assert!(faults.recovered * 10 > faults.lost * 9, "{faults:?}");
    assert!(viewer.runs > 10 && viewer.keyframes > 10 && viewer.resent > 100, "{} {} {}", viewer.runs, viewer.keyframes, viewer.resent);
    assert!(slot.counters().resent >= u64::from(viewer.resent));
}
