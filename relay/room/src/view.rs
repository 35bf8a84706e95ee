//! What one viewer should receive, most important first, and the same in the order in which eyes like to find it.

use std::cmp::Reverse;

use crate::ids::ParticipantId;
use crate::layout::Layout;
use crate::matrix::Kind;
use crate::participant::{Participant, Role, Source};
use crate::room::Room;
use crate::scene::Tile;
use crate::stage;

/// Ordered wishes of one viewer; whoever has slots for `n` of a kind takes the first `n`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Sound: those who may be heard now, then the muted ones, so that an unmute finds its slot ready.
    pub audio: Vec<(ParticipantId, Source)>,
    /// Pictures that flow, as many as the layout has tiles.
    pub video: Vec<Tile>,
}

/// Why a picture comes before another, most important first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Screen,
    Spotlight,
    Pin,
    Staff,
    Speaker,
    /// Where there is one large tile and nobody spoke: the staff.
    QuietStaff,
    Other,
}

/// A picture that a viewer may have, with its place in the order of importance, and for the eyes.
struct Candidate {
    participant: ParticipantId,
    source: Source,
    important: (Rank, Reverse<u64>, u64),
    eyes: (Rank, u64),
}

impl Room {
    /// What `receiver` should get.
    #[must_use]
    pub fn view(&self, receiver: ParticipantId) -> View {
        let Some(to) = self.people.get(receiver).filter(|person| person.admitted) else { return View::default() };
        View { audio: self.sounds(to), video: self.stage(to).into_iter().map(|(_, tile)| tile).collect() }
    }

    /// The viewer's tiles in an order that does not follow the voices.
    pub(crate) fn tiles_for_eyes(&self, to: &Participant) -> Vec<Tile> {
        let mut tiles = self.stage(to);
        tiles.sort_by_key(|(eyes, _)| *eyes);
        tiles.into_iter().map(|(_, tile)| tile).collect()
    }

    /// Screens, then whoever spoke last, then order of arrival; the muted behind all of them.
    fn sounds(&self, to: &Participant) -> Vec<(ParticipantId, Source)> {
        let mut sounds = Vec::new();
        for from in self.people.iter().filter(|from| from.place == to.place && from.id != to.id) {
            for source in [Source::ScreenAudio, Source::Microphone] {
                if !from.sources.get(source).published || self.rule(from, to, Kind::of(source)).is_err() {
                    continue;
                }
                let silent = !self.lets_in(from, source);
                // A muted microphone may open at any time; the sound of a screen that is not shared needs no place.
                if !silent || (source == Source::Microphone && self.may_send(from, source)) {
                    sounds.push((silent, source != Source::ScreenAudio, Reverse(from.spoke), from.came, from.id, source));
                }
            }
        }
        sounds.sort_unstable();
        sounds.into_iter().map(|(.., id, source)| (id, source)).collect()
    }

    /// Tiles, most important first, each with its place for the eyes.
    fn stage(&self, to: &Participant) -> Vec<((impl Ord + Copy + use<>, u64), Tile)> {
        let layout = self.layout(to.place);
        let mut candidates = Vec::new();
        for from in self.people.iter().filter(|from| from.place == to.place && from.id != to.id) {
            for source in [Source::Screen, Source::Camera] {
                if self.lets_in(from, source) && self.rule(from, to, Kind::of(source)).is_ok() {
                    candidates.push(self.candidate(layout, from, to, source));
                }
            }
        }
        candidates.sort_unstable_by_key(|candidate| candidate.important);
        let guest = !to.is_staff();
        let stands_out = |candidate: &&Candidate| match candidate.important.0 {
            Rank::Screen | Rank::Spotlight | Rank::Pin => true,
            Rank::Staff => guest,
            Rank::Speaker | Rank::QuietStaff | Rank::Other => false,
        };
        let featured = candidates.iter().take_while(stands_out).count();
        let plan = stage::plan(layout, candidates.len(), featured);
        let [main, pip] = plan.sizes();
        let tile = |(index, candidate): (usize, &Candidate)| {
            let is_main = index < plan.mains;
            let (width, height) = if is_main { main } else { pip };
            let (participant, source) = (candidate.participant, candidate.source);
            (candidate.eyes, Tile { participant, source, main: is_main, width, height })
        };
        candidates.iter().take(plan.mains + plan.pips).enumerate().map(tile).collect()
    }

    fn candidate(&self, layout: Layout, from: &Participant, to: &Participant, source: Source) -> Candidate {
        let hosts_first = matches!(layout, Layout::HostOnly | Layout::HostLarge);
        let one_main = matches!(
            layout,
            Layout::OneMainZeroPips | Layout::OneMainSevenPips | Layout::OneMainTwentyonePips | Layout::OneMainThirtythreePips
        );
        let seat = if from.role == Role::Host { from.came } else { from.came + (1 << 32) };
        let fixed = match () {
            () if source == Source::Screen => Some((Rank::Screen, from.shared)),
            () if self.course.spotlight == Some(from.id) => Some((Rank::Spotlight, 0)),
            () if to.pin == Some(from.id) => Some((Rank::Pin, 0)),
            () => None,
        };
        let important = match fixed {
            Some((rank, number)) => (rank, Reverse(0), number),
            None if hosts_first && from.is_staff() => (Rank::Staff, Reverse(0), seat),
            None if from.spoke > 0 => (Rank::Speaker, Reverse(from.spoke), 0),
            None if one_main && from.is_staff() => (Rank::QuietStaff, Reverse(0), seat),
            None => (Rank::Other, Reverse(0), from.came),
        };
        let eyes = match fixed {
            Some(eyes) => eyes,
            None if from.is_staff() => (Rank::Staff, seat),
            None => (Rank::Other, from.came),
        };
        Candidate { participant: from.id, source, important, eyes }
    }
}
