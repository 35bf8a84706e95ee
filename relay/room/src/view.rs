//! What one viewer should receive, most important first, and the same in the order in which eyes like to find it.

use std::cmp::Reverse;

use crate::ids::ParticipantId;
use crate::layout::Layout;
use crate::matrix::Kind;
use crate::participant::{Participant, Role, Source};
use crate::room::Room;
use crate::scene::{Scene, Tile};
use crate::stage;

/// Ordered wishes of one viewer; whoever has slots for `n` of a kind takes the first `n`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Sound: those who may be heard now, then the muted ones, so that an unmute finds its slot ready.
    pub audio: Vec<(ParticipantId, Source)>,
    /// So many of the first sounds keep their slots whoever else speaks: the sound of screens, and people who are always heard.
    pub kept: usize,
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

fn for_eyes(mut stage: Vec<(impl Ord + Copy, Tile)>) -> Vec<Tile> {
    stage.sort_by_key(|(eyes, _)| *eyes);
    stage.into_iter().map(|(_, tile)| tile).collect()
}

impl Room {
    /// What `receiver` should get.
    #[must_use]
    pub fn view(&self, receiver: ParticipantId) -> View {
        let Some(to) = self.people.get(receiver).filter(|person| person.admitted) else { return View::default() };
        self.view_of(to, self.stage(to).into_iter().map(|(_, tile)| tile).collect())
    }

    /// [`Room::view`] and [`Room::scene`] in one, for whoever wants both: they share the stage.
    #[must_use]
    pub fn view_and_scene(&self, viewer: ParticipantId) -> (View, Scene) {
        let Some(to) = self.people.get(viewer).filter(|person| person.admitted) else { return (View::default(), self.scene(viewer)) };
        let stage = self.stage(to);
        let view = self.view_of(to, stage.iter().map(|(_, tile)| *tile).collect());
        (view, Scene::Present(Box::new(self.meeting(to, for_eyes(stage)))))
    }

    /// The viewer's tiles in an order that does not follow the voices.
    pub(crate) fn tiles_for_eyes(&self, to: &Participant) -> Vec<Tile> {
        for_eyes(self.stage(to))
    }

    fn view_of(&self, to: &Participant, video: Vec<Tile>) -> View {
        let (audio, kept) = self.sounds(to);
        View { audio, kept, video }
    }

    /// Screens, then who is always heard, then whoever spoke last, then order of arrival; the muted behind all of them. Beside it, how
    /// many of the first keep their places.
    fn sounds(&self, to: &Participant) -> (Vec<(ParticipantId, Source)>, usize) {
        let mut sounds = Vec::with_capacity(self.people.len());
        for from in self.people.iter().filter(|from| from.place == to.place && from.id != to.id) {
            for source in [Source::ScreenAudio, Source::Microphone] {
                if !from.sources.get(source).published || self.rule(from, to, Kind::of(source)).is_err() {
                    continue;
                }
                let silent = !self.lets_in(from, source);
                // A muted microphone may open at any time; the sound of a screen that is not shared needs no place.
                if !silent || (source == Source::Microphone && self.may_send(from, source)) {
                    let yields = source != Source::ScreenAudio && !self.is_always_heard(from);
                    let rank = (silent, source != Source::ScreenAudio, yields);
                    sounds.push((rank, Reverse(from.spoke), from.came, from.id, source));
                }
            }
        }
        sounds.sort_unstable();
        let kept = sounds.iter().take_while(|((silent, _, yields), ..)| !silent && !yields).count();
        (sounds.into_iter().map(|(.., id, source)| (id, source)).collect(), kept)
    }

    /// Tiles, most important first, each with its place for the eyes.
    fn stage(&self, to: &Participant) -> Vec<((impl Ord + Copy + use<>, u64), Tile)> {
        let layout = self.layout(to.place);
        let mut candidates = Vec::with_capacity(self.people.len());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Invitee, Settings};
    use crate::testing::{NOW, ask, guest, host, room};
    use crate::{Actor, Command};

    const PEOPLE: [&str; 6] = ["Guy", "Anna", "Dora", "Bo", "Cleo", "Eva"];

    /// Guy watches; Anna is the host, Dora the deputy. What `view` gives him, and the order for his eyes; capitals are large tiles, a
    /// screen is the owner's initial with `*`.
    fn seen(layout: Layout, prepare: impl Fn(&mut Room, &dyn Fn(&str) -> ParticipantId)) -> (String, String) {
        let mut room = room(Settings { layout, ..Settings::default() });
        let ids = PEOPLE.map(|name| if matches!(name, "Anna" | "Dora") { host(&mut room, name) } else { guest(&mut room, name) });
        let id = |name: &str| ids[PEOPLE.iter().position(|other| *other == name).unwrap()];
        prepare(&mut room, &id);
        let initial = |tile: &Tile| {
            let name = PEOPLE[ids.iter().position(|id| *id == tile.participant).unwrap()];
            let name = if tile.main { name[..1].to_owned() } else { name[..1].to_lowercase() };
            if tile.source == Source::Screen { format!("{name}*") } else { name }
        };
        let viewer = room.people.get(id("Guy")).unwrap();
        let eyes: String = room.tiles_for_eyes(viewer).iter().map(initial).collect();
        (room.view(id("Guy")).video.iter().map(initial).collect(), eyes)
    }

    #[test]
    fn what_is_most_important_comes_first_and_eyes_are_not_led_around() {
        type Prepare = fn(&mut Room, &dyn Fn(&str) -> ParticipantId);
        let nothing: Prepare = |_, _| {};
        let eva_then_cleo_speak: Prepare = |room, id| {
            room.spoke(id("Eva"));
            room.spoke(id("Cleo"));
        };
        let all: Prepare = |room, id| {
            room.spoke(id("Eva"));
            ask(room, Command::Spotlight { participant: Some(id("Cleo")) }).unwrap();
            let me = Actor::Person(id("Guy"));
            room.apply(NOW, me, Command::Pin { participant: Some(id("Bo")) }).unwrap();
            let share = Command::SetSource { source: Source::Screen, active: true };
            room.apply(NOW, Actor::Person(id("Dora")), share).unwrap();
        };
        let rows: &[(&str, Layout, Prepare, &str, &str)] = &[
            ("equal: arrival", Layout::Equal, nothing, "ADBCE", "ADBCE"),
            ("equal: speakers first, tiles stay", Layout::Equal, eva_then_cleo_speak, "CEADB", "ADBCE"),
            ("equal: whoever stands out is large", Layout::Equal, all, "D*CBead", "D*CBade"),
            ("host large: the staff is large", Layout::HostLarge, eva_then_cleo_speak, "ADceb", "ADbce"),
            ("host large: the staff after what stands out", Layout::HostLarge, all, "D*CBAde", "D*CBAde"),
            ("host only: guests see the staff", Layout::HostOnly, eva_then_cleo_speak, "AD", "AD"),
            ("one main: the host while nobody spoke", Layout::OneMainSevenPips, nothing, "Adbce", "Adbce"),
            ("one main: the latest speaker", Layout::OneMainSevenPips, eva_then_cleo_speak, "Ceadb", "adbCe"),
            ("one main: the screen", Layout::OneMainSevenPips, all, "D*cbead", "D*cbade"),
            ("one main alone", Layout::OneMainZeroPips, eva_then_cleo_speak, "C", "C"),
            ("four: the set follows the voices", Layout::FourMainsZeroPips, eva_then_cleo_speak, "CEAD", "ADCE"),
            ("five and seven", Layout::FiveMainsSevenPips, all, "D*CBEAd", "D*CBAdE"),
        ];
        for (name, layout, prepare, view, eyes) in rows {
            assert_eq!(seen(*layout, prepare), ((*view).to_owned(), (*eyes).to_owned()), "{name}");
        }
    }

    #[test]
    fn a_muted_microphone_stands_last_and_keeps_its_place() {
        let mut room = room(Settings::default());
        let (anna, bo, cleo) = (host(&mut room, "Anna"), guest(&mut room, "Bo"), guest(&mut room, "Cleo"));
        ask(&mut room, Command::Mute { participant: bo }).unwrap();
        assert_eq!(room.view(anna).audio, [(cleo, Source::Microphone), (bo, Source::Microphone)]);
        assert!(!room.spoke(bo), "nobody hears the muted");
        assert!(room.spoke(cleo) && !room.spoke(cleo));
        assert_eq!((room.speaker(anna), room.speaker(cleo)), (Some(cleo), Some(cleo)));
    }

    #[test]
    fn whoever_is_always_heard_comes_before_all_who_speak() {
        let invitees = vec![Invitee { id: "Dora".into(), name: "Dora".into(), chat_as_staff: false, always_heard: true }];
        let mut room = room(Settings { invitees, ..Settings::default() });
        let (anna, bo) = (host(&mut room, "Anna"), guest(&mut room, "Bo"));
        let (cleo, dora) = (guest(&mut room, "Cleo"), guest(&mut room, "Dora"));
        let heard = |room: &Room| {
            let view = room.view(anna);
            (view.audio.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), view.kept)
        };
        room.spoke(cleo);
        assert_eq!(heard(&room), (vec![dora, cleo, bo], 1), "invited to be heard");
        let always = |participant, on| Command::SetAlwaysHeard { participant, on };
        ask(&mut room, always(bo, true)).unwrap();
        assert_eq!(heard(&room), (vec![bo, dora, cleo], 2));
        assert!(ask(&mut room, always(bo, true)).unwrap().is_empty(), "asked twice, told once");
        ask(&mut room, Command::Mute { participant: bo }).unwrap();
        assert_eq!(heard(&room), (vec![dora, cleo, bo], 1), "silence keeps no place");
        ask(&mut room, always(dora, false)).unwrap();
        assert_eq!(heard(&room), (vec![cleo, dora, bo], 0), "the staff has the last word");
        room.configure(NOW, Settings::default());
        ask(&mut room, Command::Unmute { participant: bo }).unwrap();
        assert_eq!(heard(&room), (vec![bo, cleo, dora], 1));
    }
}
