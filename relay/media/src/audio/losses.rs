//! How a viewer's line loses sound, by the transport-wide feedback: how much, and how many packets of one stream in a row.

use wire::rtcp::TransportCc;

use crate::by_number::ByNumber;

/// Transport-wide numbers remembered, a power of two: a second of 8 Mbit/s, and feedback comes several times a second.
const REMEMBERED: usize = 1024;

/// Weight of a packet in the mean loss, one in so many: two seconds of one voice.
const WINDOW: f32 = 100.0;

/// Weight of a row of lost packets in the mean length of rows, one in so many.
const ROWS: f32 = 50.0;

/// Below so many packets nothing is said: half a second of one voice.
const LEAST: f32 = 25.0;

/// Streams told apart, more are not counted. A session has at most 80 lines.
const MAX_STREAMS: u8 = 128;

/// Losses of sound towards one viewer.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoundLosses {
    /// Streams of the packets of sound that nobody has spoken of yet.
    sent: ByNumber<u8, REMEMBERED>,
    /// Streams whose last packet was lost, one bit each.
    losing: u128,
    /// Fading counts: packets and lost ones.
    packets: f32,
    lost: f32,
    /// Fading counts by rows: lost packets, and rows of them.
    in_rows: f32,
    rows: f32,
}

impl SoundLosses {
    /// A packet of sound went out on a stream under this transport-wide number.
    #[inline]
    pub(crate) fn sent(&mut self, number: u16, stream: u8) {
        if stream < MAX_STREAMS {
            self.sent.insert(number, stream);
        }
    }

    /// Transport-wide feedback of the viewer. What is first said of a packet counts, but for losses that are `excused`.
    pub(crate) fn handle(&mut self, feedback: &TransportCc<'_>, excused: bool) {
        if self.sent.is_empty() {
            return;
        }
        if excused {
            // What came before it was known that a queue overflows is of the same kind.
            (self.packets, self.lost, self.in_rows, self.rows) = (0.0, 0.0, 0.0, 0.0);
        }
        for (number, arrival) in feedback.packets() {
            if let Some(stream) = self.sent.take(number)
                && (arrival.is_some() || !excused)
            {
                self.count(stream, arrival.is_none());
            }
        }
    }

    fn count(&mut self, stream: u8, lost: bool) {
        let bit = 1u128 << stream;
        let begins = lost && self.losing & bit == 0;
        self.losing = if lost { self.losing | bit } else { self.losing & !bit };
        self.packets += 1.0 - self.packets / WINDOW;
        self.lost += f32::from(u8::from(lost)) - self.lost / WINDOW;
        if begins {
            self.rows += 1.0 - self.rows / ROWS;
            self.in_rows -= self.in_rows / ROWS;
        }
        self.in_rows += f32::from(u8::from(lost));
    }

    /// Share of the sound that is lost and mean length of a row of lost packets, once enough is known.
    pub(crate) fn measured(&self) -> Option<(f32, f32)> {
        let burst = if self.rows > 0.0 { (self.in_rows / self.rows).max(1.0) } else { 1.0 };
        (self.packets >= LEAST).then(|| (self.lost / self.packets, burst))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::SoundLosses;
    use wire::ids::Ssrc;
    use wire::rtcp::{Rtcp, RtcpWriter, TransportCcInfo, parse};

    /// Tells `losses` what became of the packets from `base` on.
    fn feedback(losses: &mut SoundLosses, base: u16, arrived: &[bool], excused: bool) {
        let mut buf = [0; 1000];
        let mut writer = RtcpWriter::new(&mut buf);
        let info = TransportCcInfo { base, reference_time: 0, feedback_count: 0 };
        let statuses = arrived.iter().map(|arrived| arrived.then_some(4));
        writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses).unwrap();
        let len = writer.finish();
        let Rtcp::TransportCc(feedback) = parse(&buf[..len]).unwrap().next().unwrap() else { panic!() };
        losses.handle(&feedback, excused);
    }

    /// 1,000 numbers, each third of which is sound of stream 4; `lost` says by the sound's count what is lost.
    fn play(excused: bool, lost: impl Fn(u16) -> bool) -> Option<(f32, f32)> {
        let mut losses = SoundLosses::default();
        for base in (65_000..65_000 + 3_000u32).step_by(30) {
            let numbers: Vec<u16> = (base..base + 30).map(|number| number as u16).collect();
            let sound = |number: u32| number.is_multiple_of(3);
            (base..base + 30).filter(|number| sound(*number)).for_each(|number| losses.sent(number as u16, 4));
            let arrived: Vec<bool> = (base..base + 30).map(|number| !sound(number) || !lost((number / 3) as u16)).collect();
            feedback(&mut losses, numbers[0], &arrived, excused);
            feedback(&mut losses, numbers[0], &[true; 30], false);
        }
        losses.measured()
    }

    #[test]
    fn share_and_rows() {
        let near = |value: f32, expected: f32| (value - expected).abs() < 0.03 * expected.max(1.0);
        let (loss, burst) = play(false, |count| count.is_multiple_of(5)).unwrap();
        assert!(near(loss, 0.2) && near(burst, 1.0), "{loss} {burst}");
        let (loss, burst) = play(false, |count| count % 16 < 4).unwrap();
        assert!(near(loss, 0.25) && near(burst, 4.0), "{loss} {burst}");
        assert_eq!(play(false, |_| false), Some((0.0, 1.0)), "lost pictures are no lost sound");
        assert_eq!(play(true, |count| count.is_multiple_of(5)), None, "a full queue is not the line");
    }

    #[test]
    fn nothing_is_said_of_too_little() {
        let mut losses = SoundLosses::default();
        feedback(&mut losses, 0, &[false; 40], false);
        (0..20).for_each(|number| losses.sent(number, 0));
        feedback(&mut losses, 0, &[false; 40], false);
        assert_eq!(losses.measured(), None);
        losses.sent(7, 200);
    }
}
