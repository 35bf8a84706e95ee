//! The visibility matrix: who may get what of whom, and what is let in on arrival. Everything else in the relay asks here.

use crate::ids::ParticipantId;
use crate::layout::Layout;
use crate::participant::{Device, Participant, Source};
use crate::room::Room;
use crate::settings::{Chat, Direction, GuestMicrophone, Names, ScreenShare};
use crate::why::Reason;

/// What the matrix knows one bit each for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Voice.
    Audio,
    /// Picture.
    Camera,
    /// Screen, and the sound that goes with it.
    Screen,
    /// Chat messages: to all where both are in one place; the staff also reaches one person elsewhere.
    Chat,
    /// That the hand is up.
    Hand,
    /// The name, in whatever form.
    Name,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Audio, Self::Camera, Self::Screen, Self::Chat, Self::Hand, Self::Name];

    /// Which kind a source is.
    #[must_use]
    pub fn of(source: Source) -> Self {
        match source {
            Source::Microphone => Self::Audio,
            Source::Camera => Self::Camera,
            Source::Screen | Source::ScreenAudio => Self::Screen,
        }
    }
}

impl Room {
    /// May `receiver` get this of `sender`? Nobody is their own sender, and nobody who waits is either.
    #[must_use]
    pub fn allow(&self, sender: ParticipantId, receiver: ParticipantId, kind: Kind) -> bool {
        let (Some(from), Some(to)) = (self.people.get(sender), self.people.get(receiver)) else { return false };
        self.rule(from, to, kind).is_ok()
    }

    /// [`Room::allow`] for the kind of a source that the sender's client has a line for.
    #[must_use]
    pub fn allow_source(&self, sender: ParticipantId, receiver: ParticipantId, source: Source) -> bool {
        let published = self.people.get(sender).is_some_and(|from| from.sources.get(source).published);
        published && self.allow(sender, receiver, Kind::of(source))
    }

    /// The one rule of the ingress: media of this source is dropped on arrival unless this holds.
    #[must_use]
    pub fn flows(&self, sender: ParticipantId, source: Source) -> bool {
        self.people.get(sender).is_some_and(|from| self.lets_in(from, source))
    }

    pub(crate) fn lets_in(&self, from: &Participant, source: Source) -> bool {
        let bits = from.sources.get(source);
        from.admitted && bits.published && !bits.locked && is_on(from, source) && self.may_send(from, source)
    }

    /// Whether the room's settings let this person send this source at all.
    pub(crate) fn may_send(&self, from: &Participant, source: Source) -> bool {
        let settings = &self.settings;
        let by_setting = match source {
            Source::Microphone => from.is_staff() || settings.guest_microphone != GuestMicrophone::Off,
            Source::Camera => from.is_staff() || settings.guest_camera,
            Source::Screen | Source::ScreenAudio => match settings.screen_share {
                ScreenShare::Off => false,
                ScreenShare::Staff => from.is_staff() && from.device != Device::Mobile,
                ScreenShare::Everyone => from.device != Device::Mobile,
            },
        };
        from.is_member() && by_setting
    }

    /// The matrix itself; where it says no, the rule that does.
    pub(crate) fn rule(&self, from: &Participant, to: &Participant, kind: Kind) -> Result<(), Reason> {
        if from.id == to.id {
            return Err(Reason::Oneself);
        }
        if !to.admitted {
            return Err(Reason::ViewerWaits);
        }
        if !from.admitted {
            return Err(Reason::SenderWaits);
        }
        if !from.is_member() {
            return Err(Reason::NotPublished);
        }
        let together = from.place == to.place;
        match kind {
            Kind::Audio | Kind::Camera | Kind::Screen if together => self.media_rule(from, to, kind),
            Kind::Audio | Kind::Camera | Kind::Screen => Err(Reason::OtherPlace),
            Kind::Chat if self.settings.chat == Chat::Off => Err(Reason::NotAllowedHere),
            Kind::Chat if from.is_staff() => Ok(()),
            Kind::Chat if !together => Err(Reason::OtherPlace),
            Kind::Chat => match self.settings.chat {
                Chat::ToStaff if !to.is_staff() && !self.writes_as_staff(from) => Err(Reason::NotAllowedHere),
                _ => Ok(()),
            },
            Kind::Hand | Kind::Name if !together && !to.is_staff() => Err(Reason::OtherPlace),
            Kind::Name if self.settings.names == Names::Hidden && !from.is_staff() && !to.is_staff() => Err(Reason::NotAllowedHere),
            Kind::Hand | Kind::Name => Ok(()),
        }
    }

    /// The rows of sound and picture, for two people in one place.
    fn media_rule(&self, from: &Participant, to: &Participant, kind: Kind) -> Result<(), Reason> {
        let one_way = self.settings.direction == Direction::OneWay;
        let host_only = || self.layout(from.place) == Layout::HostOnly;
        match (from.is_staff(), to.is_staff()) {
            (_, true) => Ok(()),
            (true, false) if one_way && kind != Kind::Screen => Err(Reason::OneWay),
            (true, false) => Ok(()),
            (false, false) if one_way => Err(Reason::OneWay),
            (false, false) if host_only() && !(kind == Kind::Audio && self.settings.guests_hear_guests) => Err(Reason::HostOnly),
            (false, false) => Ok(()),
        }
    }

    /// Whether somebody keeps a place among the sounds: as the staff said last, else as they were invited.
    pub(crate) fn is_always_heard(&self, person: &Participant) -> bool {
        let invited = || self.settings.invitees.iter().any(|guest| guest.always_heard && guest.id == person.identity);
        person.always_heard.unwrap_or_else(invited)
    }

    /// Invited people may have the staff's rights in the chat.
    pub(crate) fn writes_as_staff(&self, person: &Participant) -> bool {
        let invited = |person: &Participant| self.settings.invitees.iter().any(|guest| guest.chat_as_staff && guest.id == person.identity);
        person.is_staff() || invited(person)
    }
}

/// The owner's own bit. The sound of a screen is on only while the screen is.
pub(crate) fn is_on(person: &Participant, source: Source) -> bool {
    let with = source != Source::ScreenAudio || person.sources.get(Source::Screen).active;
    with && person.sources.get(source).active
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participant::Presence;
    use crate::settings::{Invitee, Settings};
    use crate::testing::{arrive, ask, guest, host, room};
    use crate::{Command, Place};

    /// Bits in the order of [`Kind::ALL`], for host -> guest, guest -> host, guest -> guest, guest -> wall screen, host -> deputy,
    /// guest in a breakout -> host in the main room, and the other way round.
    fn rows(settings: Settings) -> [String; 7] {
        let mut room = room(Settings { breakouts: true, ..settings });
        let (anna, dora) = (host(&mut room, "Anna"), host(&mut room, "Dora"));
        let (bo, cleo, far) = (guest(&mut room, "Bo"), guest(&mut room, "Cleo"), guest(&mut room, "Far"));
        let wall = arrive(&mut room, "Wall", false, Presence::Viewer);
        ask(&mut room, Command::CreateBreakouts { names: vec!["one".into()] }).unwrap();
        let breakout: Place = room.course.breakouts.rooms.first().map(|room| room.id);
        ask(&mut room, Command::Assign { participant: far, breakout }).unwrap();
        ask(&mut room, Command::OpenBreakouts { self_choice: false, seconds: None }).unwrap();
        let pairs = [(anna, bo), (bo, anna), (bo, cleo), (bo, wall), (anna, dora), (far, anna), (anna, far)];
        pairs.map(|(from, to)| Kind::ALL.map(|kind| if room.allow(from, to, kind) { '1' } else { '0' }).iter().collect())
    }

    #[test]
    fn rows_of_the_matrix() {
        let base = Settings::default;
        let invitees = vec![Invitee { id: "Bo".into(), name: "Bo".into(), chat_as_staff: true, always_heard: false }];
        /// What is set; audio, camera, screen, chat, hand, name for each pair of `rows`.
        type Row = (&'static str, Settings, [&'static str; 7]);
        let table: [Row; 9] = [
            ("defaults", base(), ["111111", "111111", "111111", "111111", "111111", "000011", "000100"]),
            (
                "one-way",
                Settings { direction: Direction::OneWay, ..base() },
                ["001111", "111111", "000111", "000111", "111111", "000011", "000100"],
            ),
            (
                "host only",
                Settings { layout: Layout::HostOnly, ..base() },
                ["111111", "111111", "100111", "100111", "111111", "000011", "000100"],
            ),
            (
                "host only, guests do not hear each other",
                Settings { layout: Layout::HostOnly, guests_hear_guests: false, ..base() },
                ["111111", "111111", "000111", "000111", "111111", "000011", "000100"],
            ),
            (
                "one-way and host only",
                Settings { layout: Layout::HostOnly, direction: Direction::OneWay, ..base() },
                ["001111", "111111", "000111", "000111", "111111", "000011", "000100"],
            ),
            (
                "chat to the staff",
                Settings { chat: Chat::ToStaff, ..base() },
                ["111111", "111111", "111011", "111011", "111111", "000011", "000100"],
            ),
            (
                "chat to the staff, but Bo writes as the staff does",
                Settings { chat: Chat::ToStaff, invitees, ..base() },
                ["111111", "111111", "111111", "111111", "111111", "000011", "000100"],
            ),
            ("no chat", Settings { chat: Chat::Off, ..base() }, ["111011", "111011", "111011", "111011", "111011", "000011", "000000"]),
            (
                "no names",
                Settings { names: Names::Hidden, ..base() },
                ["111111", "111111", "111110", "111110", "111111", "000011", "000100"],
            ),
        ];
        for (name, settings, expected) in table {
            assert_eq!(rows(settings), expected, "{name}");
        }
    }

    #[test]
    fn whoever_waits_has_a_row_and_a_column_of_zeros() {
        let mut room = room(Settings { waiting_room: crate::WaitingRoom::Admit, ..Settings::default() });
        let (anna, bo) = (host(&mut room, "Anna"), guest(&mut room, "Bo"));
        for (from, to) in [(anna, bo), (bo, anna), (bo, bo)] {
            assert!(Kind::ALL.into_iter().all(|kind| !room.allow(from, to, kind)));
        }
        assert!(!room.flows(bo, Source::Microphone));
        ask(&mut room, Command::Admit { participant: bo }).unwrap();
        assert!(room.flows(bo, Source::Microphone) && room.allow(bo, anna, Kind::Audio));
    }

    #[test]
    fn what_settings_keep_guests_from_sending() {
        let base = Settings::default;
        /// What is set; microphone, camera, screen of the host, then of a guest.
        type Row = (Settings, [bool; 3], [bool; 3]);
        let table: [Row; 5] = [
            (base(), [true; 3], [true; 3]),
            (Settings { guest_microphone: GuestMicrophone::Off, ..base() }, [true; 3], [false, true, true]),
            (Settings { guest_camera: false, ..base() }, [true; 3], [true, false, true]),
            (Settings { screen_share: ScreenShare::Staff, ..base() }, [true; 3], [true, true, false]),
            (Settings { screen_share: ScreenShare::Off, ..base() }, [true, true, false], [true, true, false]),
        ];
        for (settings, of_host, of_guest) in table {
            let mut room = room(settings);
            let (anna, bo) = (host(&mut room, "Anna"), guest(&mut room, "Bo"));
            let sends =
                |id| [Source::Microphone, Source::Camera, Source::Screen].map(|source| room.may_send(room.people.get(id).unwrap(), source));
            assert_eq!((sends(anna), sends(bo)), (of_host, of_guest), "{:?}", room.settings);
        }
    }
}
