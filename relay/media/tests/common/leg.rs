//! One publisher's leg and one slot, fed packet by packet.

use std::time::Duration;

use media::{CodecOut, Receiver, Route, Slot, SlotConfig};
use wire::ext::ExtMap;
use wire::ids::{Mid, Ssrc};
use wire::rtp::RtpHeader;

use super::viewer::{RTX, SSRC, viewer_exts};
use super::{Lane, NTP_BASE, Rng, Style, Time, VP8_OUT, publish_config, publisher_exts};

pub const VP8: Style = Style::Vp8 { long_id: true };

pub struct Leg {
    pub time: Time,
    pub rng: Rng,
    pub receiver: Receiver,
    pub slot: Slot,
    pub twcc_in: u16,
    pub twcc: u16,
    pub exts: ExtMap,
}

/// A receiver with one line per lane, and a slot for the first.
pub fn leg(lanes: &[Lane], rtx: bool) -> Leg {
    let time = Time::new();
    let mut receiver = Receiver::new(time.at(0), NTP_BASE, publisher_exts(), Ssrc(1));
    let lines = (0..).zip(lanes).map(|(label, lane)| publish_config(std::slice::from_ref(lane), label));
    receiver.configure(time.at(0), publisher_exts(), lines.collect());
    let slot = slot(&lanes[0], rtx, &time);
    let mut leg = Leg { time, rng: Rng(7), receiver, slot, twcc_in: 0, twcc: 100, exts: viewer_exts() };
    leg.put(&lanes[0], 0);
    leg
}

pub fn slot(lane: &Lane, rtx: bool, time: &Time) -> Slot {
    let (mid, kind) = (Mid::new("v").unwrap(), lane.style.kind());
    Slot::new(SlotConfig { mid, kind, ssrc: SSRC, rtx: rtx.then_some(RTX), epoch: time.at(0), entropy: 77 << 32 })
}

pub fn route(lane: &Lane) -> Route {
    let to = CodecOut { pt: VP8_OUT, codec: lane.style.codec(), clock_rate: lane.style.rate(), rtx: Some(VP8_OUT + 1) };
    Route::new(&[lane.codec_in()], &[to], |from, to| from.codec == to.codec)
}

impl Leg {
    pub fn put(&mut self, lane: &Lane, ms: u64) {
        self.slot.attach(self.time.at(ms), route(lane));
    }

    /// One packet captured at `ms`, `delay` ms on its way; what the slot made of it.
    pub fn send(&mut self, lane: &mut Lane, ms: u64, delay: u64) -> Option<Vec<u8>> {
        lane.size = 300;
        let packet = lane.frame(ms, &mut self.rng, &mut self.twcc_in).remove(0);
        self.forward(&packet, ms + delay)
    }

    pub fn forward(&mut self, packet: &[u8], ms: u64) -> Option<Vec<u8>> {
        let inbound = self.receiver.handle_rtp(self.time.at(ms), packet)?;
        let mut out = [0; 1500];
        let len = self.slot.forward(self.time.at(ms), &inbound, &self.exts, &mut self.twcc, &mut out)?;
        Some(out[..len].to_vec())
    }

    pub fn resend(&mut self, seq: u16, ms: u64) -> Option<Vec<u8>> {
        let origin = self.slot.resolve(seq)?;
        let stored = self.receiver.publications()[0].stored(origin.layer, origin.ext_seq).unwrap();
        let mut out = [0; 1500];
        let len = self.slot.resend(self.time.at(ms), seq, &stored, &self.exts, &mut self.twcc, &mut out)?;
        Some(out[..len].to_vec())
    }

    pub fn report(&mut self, lane: &Lane, ms: u64, delay: u64) {
        let sent = self.time.ntp(ms).minus(Duration::from_secs(86_400));
        self.receiver.handle_sender_report(self.time.at(ms + delay), lane.ssrc, sent, lane.rtp_time(ms));
    }
}

pub fn header(packet: &[u8]) -> RtpHeader {
    RtpHeader::parse(packet).unwrap()
}

pub fn lane(style: Style, ssrc: u32, mid: &str) -> Lane {
    Lane::new(style, ssrc, 96, mid, None, &mut Rng(u64::from(ssrc)))
}
