//! What is played, as numbers: read from TOML, every key with a default, an unknown key refused.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Profiles that come with the binary, the default first.
const BUILT_IN: [(&str, &str); 7] = [
    ("visits", include_str!("../../../config/loadgen/visits.toml")),
    ("meeting", include_str!("../../../config/loadgen/meeting.toml")),
    ("lecture", include_str!("../../../config/loadgen/lecture.toml")),
    ("join-storm", include_str!("../../../config/loadgen/join-storm.toml")),
    ("breakout-recall", include_str!("../../../config/loadgen/breakout-recall.toml")),
    ("churn", include_str!("../../../config/loadgen/churn.toml")),
    ("soak", include_str!("../../../config/loadgen/soak.toml")),
];
/// People in one meeting at most.
const MOST_PEOPLE: u32 = 1_000;
/// Meetings at one time at most.
const MOST_MEETINGS: u32 = 100_000;
/// People who pass through in one run at most: each has a place in memory from the beginning.
const MOST_PASSERS: f64 = 1_000_000.0;
/// Seconds of any phase at most: a week.
const MOST_SECONDS: f64 = 604_800.0;

/// Why a profile cannot be played.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ProfileError {
    /// No such scenario.
    #[error("there is no scenario `{0}`; there are {names}, or name a file that ends in .toml", names = names())]
    Unknown(String),
    /// Not what a profile looks like.
    #[error("{0}")]
    Malformed(String),
    /// A value that cannot be played.
    #[error("`{key}` is {value}; expected {expected}")]
    Range {
        /// Which.
        key: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

/// A size of meetings and how many have it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// People in each meeting.
    pub people: u32,
    /// Weight against the other sizes.
    pub share: f64,
}

/// A bad line, and how many people have it. Both directions suffer alike.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Impairment {
    /// Share of the people, 0 to 1.
    pub share: f64,
    /// Share of datagrams that get lost, 0 to 1, each direction.
    pub loss: f64,
    /// Mean length of a run of losses, datagrams; 1: each for itself.
    pub burst: f64,
    /// Added one-way delay, ms.
    pub delay_ms: f64,
    /// Greatest further delay, ms, uniform; order is kept.
    pub jitter_ms: f64,
    /// What the line carries, kbit/s; 0: everything. It queues 250 ms and then drops.
    pub rate_kbps: f64,
}

impl Default for Impairment {
    fn default() -> Self {
        Self { share: 1.0, loss: 0.0, burst: 1.0, delay_ms: 0.0, jitter_ms: 0.0, rate_kbps: 0.0 }
    }
}

/// Everything that decides a run, but the seed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Over how long the first meetings open, s.
    pub ramp_seconds: f64,
    /// How long the load settles before it is measured, s.
    pub settle_seconds: f64,
    /// Whether coming in is measured too: then there is no settling.
    pub measure_ramp: bool,
    /// How long is measured, s.
    pub seconds: f64,
    /// Meetings open at any time: each that ends is followed by one of the same size.
    pub meetings: u32,
    /// Mean length of a meeting, minutes of the world that is played.
    pub minutes: f64,
    /// Standard deviation of the length against its mean (log-normal).
    pub minutes_spread: f64,
    /// How many times faster than the clock meetings begin and end.
    pub compress: f64,
    /// Share of meetings that change on the quarter hour (of the world that is played), 0 to 1.
    pub quarter_burst: f64,
    /// How far from the quarter hour at most, minutes (a triangle).
    pub pulse_minutes: f64,
    /// Within how long after the first person the others come, s.
    pub arrive_seconds: f64,
    /// Share of meetings with a waiting room: the host lets people in one by one.
    pub waiting_share: f64,
    /// How long the host lets somebody wait, s.
    pub admit_seconds: f64,
    /// Times a minute that the host mutes somebody for two seconds, each meeting.
    pub mutes_per_minute: f64,
    /// Share of meetings in which the host makes video one-way now and then.
    pub one_way_share: f64,
    /// For how long, s.
    pub one_way_seconds: f64,
    /// Share of the time in which a meeting has a shared screen.
    pub screen_share: f64,
    /// Breakout rooms that each meeting opens again and again; 0: none.
    pub breakouts: u32,
    /// How long people are in breakouts, and how long in the main room between, s.
    pub breakout_seconds: f64,
    /// People a second who pass through while the run is measured, in meetings of two of their own beside `meetings`: no camera, the
    /// microphone off, gone after two seconds. What others get is then of people who come and go, not of more media. With them there
    /// may be no meetings: a generator of its own for those who pass keeps the work of their joins from another one's media.
    pub passers_per_second: f64,
    /// Share of guests with a camera on; hosts have one.
    pub camera_share: f64,
    /// Share of guests whose microphone is off.
    pub muted_share: f64,
    /// The same in meetings larger than `mid_people`.
    pub large_muted_share: f64,
    /// Whether silence is left out (DTX).
    pub dtx: bool,
    /// Copies of earlier sounds in each packet (RED), 0 to 2.
    pub red_copies: u8,
    /// Mean length of a turn of speech, s.
    pub talk_seconds: f64,
    /// Mean silence between a person's turns in a meeting of two, s; longer where more share the floor.
    pub silence_seconds: f64,
    /// Places for others' sounds at most.
    pub audio_slots: u32,
    /// Places for others' pictures at most, a shared screen included.
    pub video_slots: u32,
    /// Whether a camera sends three encodings; otherwise the one that fits the meeting's size.
    pub simulcast: bool,
    /// Pictures a second.
    pub fps: u32,
    /// Temporal layers of each encoding, 1 to 3.
    pub temporal_layers: u8,
    /// Rate of the low layer (180 lines), kbit/s.
    pub low_kbps: f64,
    /// Rate of the middle layer (360 lines), kbit/s.
    pub mid_kbps: f64,
    /// Rate of the high layer (720 lines), kbit/s.
    pub high_kbps: f64,
    /// Rate of a shared screen while a new slide is drawn, kbit/s.
    pub screen_kbps: f64,
    /// Meetings up to this size show 720 lines in each tile.
    pub high_people: u32,
    /// Meetings up to this size show 360 lines; larger ones 180.
    pub mid_people: u32,
    /// Thresholds, as `--slo` takes them.
    pub slo: Vec<String>,
    /// Sizes of meetings.
    pub sizes: Vec<Size>,
    /// Bad lines.
    pub impairments: Vec<Impairment>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: "unnamed".to_owned(),
            ramp_seconds: 5.0,
            settle_seconds: 3.0,
            measure_ramp: false,
            seconds: 20.0,
            meetings: 10,
            minutes: 18.0,
            minutes_spread: 0.8,
            compress: 1.0,
            quarter_burst: 0.0,
            pulse_minutes: 2.0,
            arrive_seconds: 2.0,
            waiting_share: 0.0,
            admit_seconds: 1.0,
            mutes_per_minute: 0.0,
            one_way_share: 0.0,
            one_way_seconds: 3.0,
            screen_share: 0.0,
            breakouts: 0,
            breakout_seconds: 5.0,
            passers_per_second: 0.0,
            camera_share: 1.0,
            muted_share: 0.0,
            large_muted_share: 0.0,
            dtx: true,
            red_copies: 0,
            talk_seconds: 4.0,
            silence_seconds: 5.0,
            audio_slots: 8,
            video_slots: 9,
            simulcast: true,
            fps: 30,
            temporal_layers: 3,
            low_kbps: 150.0,
            mid_kbps: 500.0,
            high_kbps: 1500.0,
            screen_kbps: 1500.0,
            high_people: 2,
            mid_people: 4,
            slo: Vec::new(),
            sizes: vec![Size { people: 2, share: 1.0 }],
            impairments: Vec::new(),
        }
    }
}

impl Profile {
    /// One that comes with the binary.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`], which lists those there are.
    pub fn built_in(name: &str) -> Result<Self, ProfileError> {
        let known = BUILT_IN.iter().find(|(known, _)| *known == name);
        Self::parse(known.ok_or_else(|| ProfileError::Unknown(name.to_owned()))?.1)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// [`ProfileError`] names the line, or the key and what was expected.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| ProfileError::Malformed(error.to_string()))?;
        profile.check().map(|()| profile)
    }

    /// The profile with everything filled in.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Every value in it has a form in TOML, tables last.
        toml::to_string(self).unwrap_or_default()
    }

    /// Whether it can be played.
    ///
    /// # Errors
    /// [`ProfileError::Range`] for the first value that cannot.
    pub fn check(&self) -> Result<(), ProfileError> {
        let range = |key, value: f64, (least, most): (f64, f64), expected| {
            if (least..=most).contains(&value) { Ok(()) } else { Err(ProfileError::Range { key, value: value.to_string(), expected }) }
        };
        let share = |key, value| range(key, value, (0.0, 1.0), "a share from 0 to 1");
        let seconds = |key, value| range(key, value, (0.0, MOST_SECONDS), "seconds, 0 to 604800");
        let rate = |key, value| range(key, value, (10.0, 50_000.0), "kbit/s, 10 to 50000");
        for (key, value) in [
            ("waiting_share", self.waiting_share),
            ("one_way_share", self.one_way_share),
            ("screen_share", self.screen_share),
            ("camera_share", self.camera_share),
            ("muted_share", self.muted_share),
            ("large_muted_share", self.large_muted_share),
            ("quarter_burst", self.quarter_burst),
        ] {
            share(key, value)?;
        }
        for (key, value) in [
            ("ramp_seconds", self.ramp_seconds),
            ("settle_seconds", self.settle_seconds),
            ("arrive_seconds", self.arrive_seconds),
            ("admit_seconds", self.admit_seconds),
        ] {
            seconds(key, value)?;
        }
        range("seconds", self.seconds, (1.0, MOST_SECONDS), "seconds, 1 to 604800")?;
        range("one_way_seconds", self.one_way_seconds, (0.5, 3600.0), "seconds, 0.5 to 3600")?;
        range("breakout_seconds", self.breakout_seconds, (1.0, 3600.0), "seconds, 1 to 3600")?;
        range("talk_seconds", self.talk_seconds, (0.1, 3600.0), "seconds, 0.1 to 3600")?;
        range("silence_seconds", self.silence_seconds, (0.1, 3600.0), "seconds, 0.1 to 3600")?;
        range("minutes", self.minutes, (0.01, 10_080.0), "minutes, 0.01 to 10080")?;
        range("minutes_spread", self.minutes_spread, (0.0, 3.0), "0 to 3")?;
        range("pulse_minutes", self.pulse_minutes, (0.0, 7.5), "minutes, 0 to 7.5")?;
        range("compress", self.compress, (0.01, 10_000.0), "0.01 to 10000")?;
        range("mutes_per_minute", self.mutes_per_minute, (0.0, 20.0), "0 to 20")?;
        range("passers_per_second", self.passers_per_second, (0.0, 1_000.0), "0 to 1000")?;
        let least = if self.passers_per_second > 0.0 { 0.0 } else { 1.0 };
        range("meetings", f64::from(self.meetings), (least, f64::from(MOST_MEETINGS)), "1 to 100000, or 0 where others pass through")?;
        range("breakouts", f64::from(self.breakouts), (0.0, 20.0), "0 to 20")?;
        range("fps", f64::from(self.fps), (10.0, 120.0), "10 to 120")?;
        range("temporal_layers", f64::from(self.temporal_layers), (1.0, 3.0), "1 to 3")?;
        range("red_copies", f64::from(self.red_copies), (0.0, 2.0), "0 to 2")?;
        range("audio_slots", f64::from(self.audio_slots), (0.0, 64.0), "0 to 64")?;
        range("video_slots", f64::from(self.video_slots), (0.0, 64.0), "0 to 64")?;
        for (key, value) in
            [("low_kbps", self.low_kbps), ("mid_kbps", self.mid_kbps), ("high_kbps", self.high_kbps), ("screen_kbps", self.screen_kbps)]
        {
            rate(key, value)?;
        }
        self.check_tables()
    }

    fn check_tables(&self) -> Result<(), ProfileError> {
        let refuse = |key, value: String, expected| Err(ProfileError::Range { key, value, expected });
        if self.sizes.is_empty() || self.sizes.iter().map(|size| size.share).sum::<f64>() <= 0.0 {
            return refuse("sizes", format!("{:?}", self.sizes), "at least one size with a share above 0");
        }
        for size in &self.sizes {
            if size.people == 0 || size.people > MOST_PEOPLE || size.share.is_nan() || size.share < 0.0 {
                return refuse("sizes", format!("{size:?}"), "1 to 1000 people and a share of 0 or more");
            }
        }
        if self.passers_per_second * self.seconds > MOST_PASSERS {
            return refuse("passers_per_second", self.passers_per_second.to_string(), "1000000 people in the whole run at most");
        }
        for bad in &self.impairments {
            let shares = [bad.share, bad.loss].iter().all(|value| (0.0..=1.0).contains(value));
            let times = [bad.delay_ms, bad.jitter_ms].iter().all(|value| (0.0..=10_000.0).contains(value));
            if !shares || !times || !(1.0..=1_000.0).contains(&bad.burst) || !(0.0..=1e7).contains(&bad.rate_kbps) {
                return refuse(
                    "impairments",
                    format!("{bad:?}"),
                    "shares 0 to 1, delays 0 to 10000 ms, burst 1 to 1000, rate 0 to 1e7 kbit/s",
                );
            }
        }
        Ok(())
    }
}

fn names() -> String {
    BUILT_IN.iter().fold(String::new(), |mut names, (name, _)| {
        let comma = if names.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(names, "{comma}{name}");
        names
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_that_comes_with_the_binary_can_be_played_and_written() {
        for (name, _) in BUILT_IN {
            let profile = Profile::built_in(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(profile.name, name);
            assert_eq!(Profile::parse(&profile.to_toml()), Ok(profile), "{name} reads back as it was written");
        }
        let unknown = Profile::built_in("visit").expect_err("no such scenario").to_string();
        assert!(unknown.contains("visits, meeting"), "{unknown}");
    }

    #[test]
    fn a_wrong_key_and_a_wrong_value_are_named() {
        let error = Profile::parse("meeting = 3\n").expect_err("unknown").to_string();
        assert!(error.contains("meeting") && error.contains("line 1"), "{error}");
        let error = Profile::parse("camera_share = 1.5\n").expect_err("beyond").to_string();
        assert_eq!(error, "`camera_share` is 1.5; expected a share from 0 to 1");
        assert!(Profile::parse("camera_share = nan\n").is_err());
        assert!(Profile::parse("sizes = []\n").is_err());
        assert!(Profile::parse("meetings = 0\n").is_err() && Profile::parse("meetings = 0\npassers_per_second = 1\n").is_ok());
        assert!(Profile::parse("passers_per_second = 1001\n").is_err());
        assert!(Profile::parse("passers_per_second = 1000\nseconds = 999\n").is_ok());
        assert!(Profile::parse("passers_per_second = 1000\nseconds = 1001\n").is_err(), "a million is enough");
        assert!(Profile::parse("[[impairments]]\nloss = 2.0\n").is_err());
    }
}
