//! The rules of a meeting as ROOMS.md has them, written from that text and from nothing of the relay's: who may get whose media.

use std::collections::{BTreeMap, BTreeSet};

use room::{Layout, Role, Source};

/// One person (or viewer) as the rules see them.
#[derive(Clone, Debug)]
pub struct Person {
    /// What they may do.
    pub role: Role,
    /// In the meeting; everybody else gets and gives nothing.
    pub admitted: bool,
    /// The main room, or the number of a breakout.
    pub place: Option<usize>,
    /// Receives only.
    pub viewer: bool,
    /// Sources that the client sends, whatever it says.
    pub sends: BTreeSet<Source>,
    /// Sources that their owner switched on.
    pub on: BTreeSet<Source>,
    /// Sources that the staff closed.
    pub locked: BTreeSet<Source>,
}

impl Person {
    /// Somebody who comes in with microphone and camera on.
    #[must_use]
    pub fn new(role: Role, admitted: bool, sends: &[Source]) -> Self {
        Self {
            role,
            admitted,
            place: None,
            viewer: false,
            sends: sends.iter().copied().collect(),
            on: BTreeSet::from([Source::Microphone, Source::Camera]),
            locked: BTreeSet::new(),
        }
    }

    /// Somebody who watches.
    #[must_use]
    pub fn viewer() -> Self {
        Self { viewer: true, ..Self::new(Role::Participant, true, &[]) }
    }

    fn is_staff(&self) -> bool {
        self.role.is_staff() && !self.viewer
    }
}

/// A meeting: the people by their author numbers, and the settings that decide about media.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Everybody who ever came.
    pub people: BTreeMap<u32, Person>,
    /// How tiles are arranged.
    pub layout: Layout,
    /// Envejsvideo.
    pub one_way: bool,
    /// `guest_microphone` is not `off`.
    pub guest_microphones: bool,
    /// `guest_camera`.
    pub guest_cameras: bool,
    /// `guests_hear_guests`.
    pub guests_hear_guests: bool,
    /// Nobody new gets in.
    pub locked: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            people: BTreeMap::new(),
            layout: Layout::Equal,
            one_way: false,
            guest_microphones: true,
            guest_cameras: true,
            guests_hear_guests: true,
            locked: false,
        }
    }
}

impl Rules {
    /// May this source of `sender` reach `receiver`?
    #[must_use]
    pub fn allows(&self, sender: u32, receiver: u32, source: Source) -> bool {
        let (Some(from), Some(to)) = (self.people.get(&sender), self.people.get(&receiver)) else { return false };
        let together = sender != receiver && from.admitted && to.admitted && from.place == to.place && !from.viewer;
        let flows = from.sends.contains(&source) && from.on.contains(&source) && !from.locked.contains(&source);
        together
            && flows
            && self.guest_may_send(from, source)
            && self.direction_allows(from, to, source)
            && self.layout_allows(from, to, source)
    }

    /// Everything that is allowed: sender, receiver, source.
    #[must_use]
    pub fn allowed(&self) -> BTreeSet<(u32, u32, Source)> {
        let pairs = self.people.keys().flat_map(|sender| self.people.keys().map(move |receiver| (*sender, *receiver)));
        let triples = pairs.flat_map(|(sender, receiver)| Source::ALL.map(|source| (sender, receiver, source)));
        triples.filter(|(sender, receiver, source)| self.allows(*sender, *receiver, *source)).collect()
    }

    fn guest_may_send(&self, from: &Person, source: Source) -> bool {
        from.is_staff()
            || match source {
                Source::Microphone => self.guest_microphones,
                Source::Camera => self.guest_cameras,
                Source::Screen | Source::ScreenAudio => true,
            }
    }

    /// One-way: guests see and hear nobody, except what the staff shares of its screen.
    fn direction_allows(&self, from: &Person, to: &Person, source: Source) -> bool {
        !self.one_way || to.is_staff() || (from.is_staff() && matches!(source, Source::Screen | Source::ScreenAudio))
    }

    /// Layout A: guests see no guests, and hear them by setting.
    fn layout_allows(&self, from: &Person, to: &Person, source: Source) -> bool {
        let between_guests = !from.is_staff() && !to.is_staff();
        match source {
            _ if self.layout != Layout::HostOnly || !between_guests => true,
            Source::Microphone => self.guests_hear_guests,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Source; 3] = [Source::Microphone, Source::Camera, Source::Screen];

    /// Host 1, guests 2 and 3, somebody who waits (4), a viewer (5).
    fn meeting() -> Rules {
        let mut rules = Rules::default();
        for (number, role, admitted) in
            [(1, Role::Host, true), (2, Role::Participant, true), (3, Role::Participant, true), (4, Role::Participant, false)]
        {
            rules.people.insert(number, Person::new(role, admitted, &ALL));
        }
        rules.people.insert(5, Person::viewer());
        rules
    }

    #[test]
    fn rows() {
        type Change = fn(&mut Rules);
        let screen: Change = |rules| {
            rules.people.values_mut().for_each(|person| {
                person.on.insert(Source::Screen);
            });
        };
        let one_way: Change = |rules| {
            rules.one_way = true;
            rules.people.values_mut().for_each(|person| {
                person.on.insert(Source::Screen);
            });
        };
        let rows: [(&str, Change, u32, u32, Source, bool); 20] = [
            ("everybody", |_| {}, 2, 3, Source::Camera, true),
            ("not oneself", |_| {}, 2, 2, Source::Camera, false),
            ("a screen nobody shares", |_| {}, 1, 2, Source::Screen, false),
            ("a screen", screen, 2, 3, Source::Screen, true),
            ("who waits gets nothing", |_| {}, 1, 4, Source::Microphone, false),
            ("who waits gives nothing", |_| {}, 4, 1, Source::Microphone, false),
            ("a viewer gets", |_| {}, 2, 5, Source::Camera, true),
            ("a viewer gives nothing", |_| {}, 5, 1, Source::Camera, false),
            (
                "locked",
                |rules| {
                    rules.people.get_mut(&2).map(|person| person.locked.insert(Source::Microphone));
                },
                2,
                1,
                Source::Microphone,
                false,
            ),
            ("one-way: guest to host", one_way, 2, 1, Source::Camera, true),
            ("one-way: host to guest", one_way, 1, 2, Source::Camera, false),
            ("one-way: host's voice", one_way, 1, 2, Source::Microphone, false),
            ("one-way: host's screen", one_way, 1, 2, Source::Screen, true),
            ("one-way: guest's screen to guest", one_way, 3, 2, Source::Screen, false),
            ("one-way: viewer", one_way, 2, 5, Source::Microphone, false),
            ("A: guest sees host", |rules| rules.layout = Layout::HostOnly, 1, 2, Source::Camera, true),
            ("A: guest sees no guest", |rules| rules.layout = Layout::HostOnly, 3, 2, Source::Camera, false),
            ("A: guest hears guest", |rules| rules.layout = Layout::HostOnly, 3, 2, Source::Microphone, true),
            ("microphones off", |rules| rules.guest_microphones = false, 2, 1, Source::Microphone, false),
            (
                "elsewhere",
                |rules| rules.people.values_mut().skip(1).take(1).for_each(|person| person.place = Some(0)),
                2,
                1,
                Source::Microphone,
                false,
            ),
        ];
        for (name, change, sender, receiver, source, expected) in rows {
            let mut rules = meeting();
            change(&mut rules);
            assert_eq!(rules.allows(sender, receiver, source), expected, "{name}");
        }
    }
}
