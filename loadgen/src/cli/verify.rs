//! Plays the piece of a plan that this machine carries.

use loadgen::plan::VerifyLoad;
use loadgen::scenario::{Profile, Size};
use loadgen::summary::{Summary, Verdict};

use super::run::{Media, TargetArgs, play};

/// The seed of verifications.
const SEED: u64 = 1;
/// People who come in a second while the meetings open.
const JOINS_PER_SECOND: f64 = 20.0;
/// Of a screen's full rate, what slides cost in the mean: a fifth of the time at the full rate, and next to nothing in between.
const SLIDES_MEAN: f64 = 0.25;

/// Plays it against the target.
pub(super) fn play_load(load: &VerifyLoad, target: &TargetArgs) -> Result<Summary, String> {
    if !target.has_rooms() {
        return Err("a plan is verified in many rooms: give --key-id and --secret-file of a key in the relay's configuration, or --measured with a run's summary".to_owned());
    }
    let profile = profile(load);
    profile.check().map_err(|error| error.to_string())?;
    let summary = play(target, &profile, SEED, &[], true, &Media::default())?;
    if summary.verdict == Verdict::Interrupted { Err("interrupted: nothing was verified".to_owned()) } else { Ok(summary) }
}

/// The planner's assumptions as a profile: meetings of the same sizes, replaced as they end, with the same media.
fn profile(load: &VerifyLoad) -> Profile {
    let assumed = &load.profile;
    let length = f64::from(load.meetings) / load.openings_per_second.max(1e-6);
    let speech = 4.0;
    Profile {
        name: "verify".to_owned(),
        ramp_seconds: 2.0 + (f64::from(load.people) / JOINS_PER_SECOND).ceil(),
        settle_seconds: 5.0,
        seconds: f64::from(load.seconds),
        meetings: load.meetings,
        minutes: length / 60.0,
        minutes_spread: assumed.minutes_spread,
        screen_share: assumed.screen_share,
        camera_share: assumed.camera_share,
        large_muted_share: assumed.large_muted,
        dtx: assumed.sound_share < 1.0,
        talk_seconds: speech,
        silence_seconds: (speech / assumed.sound_share - speech).max(0.1),
        audio_slots: assumed.voices as u32,
        video_slots: assumed.tiles as u32 + 1,
        low_kbps: assumed.low_kbps,
        mid_kbps: assumed.mid_kbps,
        high_kbps: assumed.high_kbps,
        screen_kbps: (assumed.screen_kbps / SLIDES_MEAN).min(50_000.0),
        high_people: assumed.high_people as u32,
        mid_people: assumed.mid_people as u32,
        sizes: load.sizes.iter().map(|size| Size { people: size.people, share: f64::from(size.meetings) }).collect(),
        ..Profile::default()
    }
}

#[cfg(test)]
mod tests {
    use loadgen::plan::{Costs, Plan, verify_load};
    use loadgen::scenario::Timetable;

    use super::*;

    #[test]
    fn the_meetings_of_the_plan_are_played_size_by_size() {
        let assumed = loadgen::plan::Profile::default();
        let plan = Plan::of(&assumed, &Costs::guessed(&assumed)).expect("it can be planned");
        let load = verify_load(&plan, 4);
        let played = profile(&load);
        assert_eq!(played.check(), Ok(()));
        let timetable = Timetable::new(&played, SEED);
        for size in &load.sizes {
            let places = timetable.meetings.iter().filter(|meeting| meeting.people.len() == size.people as usize);
            let places: std::collections::BTreeSet<u32> = places.map(|meeting| meeting.place).collect();
            assert_eq!(places.len(), size.meetings as usize, "meetings of {}", size.people);
        }
        assert_eq!(timetable.peak().0, u64::from(load.meetings));
    }
}
