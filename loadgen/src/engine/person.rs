//! What a person of the timetable is as a client: sources, places for others, how large they see them.

use signal::message::Source;
use wire::ids::Rid;

use crate::light::{Layer, Motion, Setup, SourceSetup, Voice};
use crate::scenario::{Act, Meeting, Profile};

/// Lines of a camera's encodings, lowest first.
const LINES: [u16; 3] = [180, 360, 720];
/// Lines of a shared screen's encodings, lowest first.
const SCREEN_LINES: [u16; 2] = [540, 1080];
/// What the small encoding of a screen takes of the large one's rate.
const SMALL_SCREEN: f64 = 0.27;

/// Which of the encodings fits a meeting of this size, 0 is the lowest.
fn fitting(profile: &Profile, people: usize) -> usize {
    let people = u32::try_from(people).unwrap_or(u32::MAX);
    if people <= profile.high_people {
        2
    } else if people <= profile.mid_people {
        1
    } else {
        0
    }
}

/// Lines of a picture of somebody in a meeting of this size; `None` for sound.
pub(super) fn height(profile: &Profile, people: usize, source: Source, layer: u8) -> Option<u16> {
    match source {
        Source::Microphone | Source::ScreenAudio => None,
        Source::Camera if profile.simulcast => LINES.get(usize::from(layer)).copied(),
        Source::Camera => LINES.get(fitting(profile, people)).copied(),
        Source::Screen => SCREEN_LINES.get(usize::from(layer)).copied(),
    }
}

/// Width and height at which others are shown, pixels.
pub(super) fn tile(profile: &Profile, people: usize) -> [u16; 2] {
    let lines = LINES[fitting(profile, people)];
    [lines / 9 * 16, lines]
}

/// The client of the `index`th person of a meeting.
pub(super) fn setup(profile: &Profile, meeting: &Meeting, index: usize, seed: u64) -> Setup {
    let (person, people) = (&meeting.people[index], meeting.people.len());
    let others = people.saturating_sub(1);
    let voice = Voice { copies: profile.red_copies, dtx: profile.dtx, ..Voice::default() };
    let mut sources = vec![SourceSetup { voice, active: person.microphone, ..SourceSetup::microphone() }];
    if person.camera {
        let layers = if profile.simulcast { simulcast(profile) } else { vec![single(profile, people)] };
        let (fps, temporal) = (profile.fps, profile.temporal_layers);
        sources.push(SourceSetup { fps, temporal, motion: Motion::Natural, ..SourceSetup::camera(layers) });
    }
    if meeting.acts.iter().any(|(_, act)| matches!(act, Act::Screen(who, _) if *who == index)) {
        sources.push(screen(profile));
    }
    let shared = usize::from(meeting.acts.iter().any(|(_, act)| matches!(act, Act::Screen(..))));
    Setup {
        seed: seed.wrapping_mul(1_000_003).wrapping_add(u64::from(person.number)),
        sources,
        audio_slots: others.min(profile.audio_slots as usize),
        video_slots: (others + shared).min(profile.video_slots as usize),
        takes_red: profile.red_copies > 0,
        keeps_gaps: true,
        ..Setup::meeting(person.number)
    }
}

fn bits(kbps: f64) -> u32 {
    (kbps * 1_000.0) as u32
}

fn simulcast(profile: &Profile) -> Vec<Layer> {
    let rates = [profile.high_kbps, profile.mid_kbps, profile.low_kbps];
    Layer::webcam().into_iter().zip(rates).map(|(layer, kbps)| Layer { bitrate: bits(kbps), ..layer }).collect()
}

fn single(profile: &Profile, people: usize) -> Layer {
    let fitting = fitting(profile, people);
    let [width, height] = tile(profile, people);
    let kbps = [profile.low_kbps, profile.mid_kbps, profile.high_kbps][fitting];
    Layer { rid: None::<Rid>, width, height, bitrate: bits(kbps) }
}

fn screen(profile: &Profile) -> SourceSetup {
    let slides = SourceSetup::slides();
    let rates = [profile.screen_kbps, profile.screen_kbps * SMALL_SCREEN];
    let layers = slides.layers.iter().zip(rates).map(|(layer, kbps)| Layer { bitrate: bits(kbps), ..*layer }).collect();
    SourceSetup { layers, ..slides }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Timetable;

    #[test]
    fn whoever_passes_through_has_nothing_to_send_and_others_have() {
        let profile = Profile { passers_per_second: 10.0, ..Profile::default() };
        let timetable = Timetable::new(&profile, 1);
        let sends = |meeting: &Meeting, index| setup(&profile, meeting, index, 1).sources.iter().any(|source| source.active);
        for meeting in &timetable.meetings {
            let passes = meeting.place >= profile.meetings;
            assert!((0..2).all(|index| sends(meeting, index) != passes), "{meeting:?}");
        }
        assert!(timetable.meetings.iter().any(|meeting| meeting.place >= profile.meetings));
    }
}
