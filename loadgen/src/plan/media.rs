//! What one meeting of a given size asks of a node: packets, bits and people, from who sends what and who looks at what.

use std::ops::{Add, Mul};

use serde::Serialize;

use super::chance::Weight;
use super::costs::{Costs, Interval, Prices};
use super::profile::Profile;
use super::sizes::Sizes;

/// Bytes of a feedback packet without its headers, mean: TWCC of 100 ms, reports and checks.
const FEEDBACK_BYTES: f64 = 60.0;

/// Load of a node, each second.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Load {
    /// People.
    pub people: f64,
    /// Packets that come in.
    pub packets_in: f64,
    /// Packets that go out.
    pub packets_out: f64,
    /// Bits in, headers included.
    pub bits_in: f64,
    /// Bits out, headers included.
    pub bits_out: f64,
}

impl Load {
    /// Of a meeting with this many people. Each publisher sends the layers that somebody looks at, and the low one to fall back to.
    #[must_use]
    pub fn of_meeting(profile: &Profile, people: u32) -> Self {
        let present = f64::from(people);
        let others = present - 1.0;
        let cameras = present * profile.camera_share;
        let seen = present * others.min(profile.tiles) * profile.camera_share;
        let (low, mid, high) = (profile.low_kbps, profile.mid_kbps, profile.high_kbps);
        let (camera_in, camera_out) = if present <= profile.high_people {
            (cameras * (low + high), seen * high)
        } else if present <= profile.mid_people {
            (cameras * (low + mid), seen * mid)
        } else {
            // One speaker, larger; nobody looks at himself.
            let speaker = profile.camera_share;
            (cameras * low + speaker * mid, seen * low + others * speaker * (mid - low).max(0.0))
        };
        let screen = profile.screen_share * profile.screen_kbps;
        let voice = profile.sound_share * profile.audio_pps;
        let voice_bytes = profile.audio_kbps * 1000.0 / 8.0 / profile.audio_pps;
        let repaired = 1.0 + profile.repair_share;
        let feedback = packets(present * profile.feedback_pps, FEEDBACK_BYTES, profile);
        let speaking = if present <= profile.mid_people { 1.0 } else { 1.0 - profile.large_muted };
        let coming = packets(present * speaking * voice, voice_bytes, profile) + video(camera_in + screen, profile) + feedback;
        let heard = present * (others * speaking).min(profile.voices);
        let going = packets(heard * voice, voice_bytes, profile) + video((camera_out + screen * others) * repaired, profile) + feedback;
        Self { people: present, packets_in: coming.0, packets_out: going.0, bits_in: coming.1, bits_out: going.1 }
    }

    /// Every quantity by its own measure.
    #[must_use]
    pub fn map(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            people: combine(self.people, other.people),
            packets_in: combine(self.packets_in, other.packets_in),
            packets_out: combine(self.packets_out, other.packets_out),
            bits_in: combine(self.bits_in, other.bits_in),
            bits_out: combine(self.bits_out, other.bits_out),
        }
    }
}

impl Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.map(other, |a, b| a + b)
    }
}

impl Mul<f64> for Load {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        self.map(self, |a, _| a * factor)
    }
}

/// Packets and bits a second.
#[derive(Clone, Copy)]
struct Flow(f64, f64);

impl Add for Flow {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }
}

fn packets(count: f64, payload: f64, profile: &Profile) -> Flow {
    Flow(count, count * (payload + profile.header_bytes) * 8.0)
}

fn video(kbps: f64, profile: &Profile) -> Flow {
    packets(kbps * 1000.0 / 8.0 / profile.video_bytes, profile.video_bytes, profile)
}

/// What meetings of all sizes ask, with how it scatters from one to the next.
#[derive(Clone, PartialEq, Debug)]
pub struct Mix(Vec<(f64, Load)>);

impl Mix {
    /// Of a profile's sizes.
    #[must_use]
    pub fn of(profile: &Profile, sizes: &Sizes) -> Self {
        Self(sizes.iter().map(|(people, share)| (share, Load::of_meeting(profile, people))).collect())
    }

    /// Mean load of a meeting.
    #[must_use]
    pub fn mean(&self) -> Load {
        self.0.iter().fold(Load::default(), |sum, (share, load)| sum + *load * *share)
    }

    /// Cores for so many meetings in the mean, at a quantile, and what `besides` adds at given prices. How costs scatter between
    /// meetings hardly depends on prices: it is computed for the best guess, and other prices move the mean.
    #[must_use]
    pub fn cores(&self, costs: &Costs, meetings: f64, quantile: f64, besides: impl Fn(&Prices) -> f64) -> Interval {
        let level = self.weight(|load| costs.prices.meeting(load, costs.ingress_weight)).level(meetings, quantile);
        let above = if level.mean > 0.0 { level.high / level.mean } else { 1.0 };
        let mean = self.mean() * meetings;
        costs.cores(|prices| prices.meeting(&mean, costs.ingress_weight) * above + besides(prices))
    }

    /// How one quantity, or a cost made of several, scatters between meetings.
    #[must_use]
    pub fn weight(&self, of: impl Fn(&Load) -> f64) -> Weight {
        Weight::of(self.0.iter().map(|(share, load)| (*share, of(load))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound and picture only, in whole numbers: 50 packets of sound and 100 of each layer's 100 kbit/s.
    fn plain() -> Profile {
        Profile {
            camera_share: 1.0,
            low_kbps: 100.0,
            mid_kbps: 200.0,
            high_kbps: 400.0,
            video_bytes: 125.0,
            screen_share: 0.0,
            large_muted: 0.0,
            feedback_pps: 0.0,
            repair_share: 0.0,
            ..Profile::default()
        }
    }

    #[test]
    fn packets_are_those_counted_by_hand() {
        let rows = [
            // people, in (sound + layers), out (sound + what each sees)
            (2, 2.0 * 50.0 + 2.0 * 500.0, 2.0 * 50.0 + 2.0 * 400.0),
            (4, 4.0 * 50.0 + 4.0 * 300.0, 12.0 * 50.0 + 12.0 * 200.0),
            (10, 10.0 * 50.0 + 10.0 * 100.0 + 200.0, 90.0 * 50.0 + 90.0 * 100.0 + 9.0 * 100.0),
        ];
        for (people, coming, going) in rows {
            let load = Load::of_meeting(&plain(), people);
            assert!((load.packets_in - coming).abs() < 1e-6, "{people}: {} in", load.packets_in);
            assert!((load.packets_out - going).abs() < 1e-6, "{people}: {} out", load.packets_out);
        }
        let header = Load::of_meeting(&Profile { header_bytes: 80.0, ..plain() }, 2).bits_out - Load::of_meeting(&plain(), 2).bits_out;
        assert!((header - 900.0 * 80.0).abs() < 1e-6, "ten bytes more on each of 900 packets: {header}");
    }

    #[test]
    fn limits_of_page_and_listening_bind_in_large_meetings_only() {
        let limited = Profile { tiles: 9.0, voices: 3.0, ..plain() };
        assert_eq!(Load::of_meeting(&limited, 4), Load::of_meeting(&plain(), 4));
        let load = Load::of_meeting(&limited, 33);
        assert!((load.packets_out - (33.0 * 3.0 * 50.0 + 33.0 * 9.0 * 100.0 + 32.0 * 100.0)).abs() < 1e-6, "{}", load.packets_out);
    }
}
