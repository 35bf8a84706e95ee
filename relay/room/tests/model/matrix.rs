//! Who may get what of whom, and what flows.

use room::{Chat, Direction, GuestMicrophone, Kind, Layout, Names, Place, ScreenShare, Source};

use super::{Model, Person, bit};

pub(crate) const KINDS: [Kind; 6] = [Kind::Audio, Kind::Camera, Kind::Screen, Kind::Chat, Kind::Hand, Kind::Name];

impl Model {
    /// The layout of a place: what the staff chose, else the rule with the highest number that is reached, else the room's own.
    pub(crate) fn layout(&self, place: Place) -> Layout {
        if let Some(layout) = self.chosen_layout {
            return layout;
        }
        let people = self.people.iter().filter(|person| person.visible() && person.place == place).count();
        let mut best: Option<room::LayoutRule> = None;
        for rule in &self.settings.layout_rules {
            if rule.from as usize <= people && best.is_none_or(|other| rule.from > other.from) {
                best = Some(*rule);
            }
        }
        best.map_or(self.settings.layout, |rule| rule.layout)
    }

    /// The visibility matrix.
    pub(crate) fn allow(&self, from: &Person, to: &Person, kind: Kind) -> bool {
        if from.number == to.number || !from.visible() || !to.inside {
            return false;
        }
        let together = from.place == to.place;
        match kind {
            Kind::Audio | Kind::Camera | Kind::Screen => together && self.media(from, to, kind),
            Kind::Chat => self.may_write(from, to),
            Kind::Hand => together || to.staff(),
            Kind::Name => {
                let known = together || to.staff();
                known && (from.staff() || to.staff() || self.settings.names != Names::Hidden)
            }
        }
    }

    fn media(&self, from: &Person, to: &Person, kind: Kind) -> bool {
        let one_way = self.settings.direction == Direction::OneWay;
        let host_only = self.layout(from.place) == Layout::HostOnly;
        match (from.staff(), to.staff()) {
            (true, true) => true,
            (true, false) => kind == Kind::Screen || !one_way,
            (false, true) => true,
            (false, false) if one_way => false,
            (false, false) if host_only => kind == Kind::Audio && self.settings.guests_hear_guests,
            (false, false) => true,
        }
    }

    /// May this person write so that the other reads it?
    pub(crate) fn may_write(&self, from: &Person, to: &Person) -> bool {
        let together = from.place == to.place;
        let as_staff = from.staff() || from.invited_as_staff(&self.settings);
        match self.settings.chat {
            Chat::Off => false,
            _ if from.staff() => true,
            _ if as_staff => together,
            Chat::ToStaff => together && to.staff(),
            Chat::Everyone => together,
        }
    }

    /// Whether the room's settings let this person send this source at all.
    pub(crate) fn may_send(&self, person: &Person, source: Source) -> bool {
        match source {
            Source::Microphone => person.staff() || self.settings.guest_microphone != GuestMicrophone::Off,
            Source::Camera => person.staff() || self.settings.guest_camera,
            Source::Screen | Source::ScreenAudio => match self.settings.screen_share {
                _ if person.mobile => false,
                ScreenShare::Off => false,
                ScreenShare::Staff => person.staff(),
                ScreenShare::Everyone => true,
            },
        }
    }

    /// What is let in on arrival.
    pub(crate) fn flows(&self, person: &Person, source: Source) -> bool {
        let bit = bit(source);
        let shares = source != Source::ScreenAudio || person.on[super::bit(Source::Screen)];
        person.visible() && shares && person.published[bit] && person.on[bit] && !person.locked[bit] && self.may_send(person, source)
    }

    pub(crate) fn allow_source(&self, from: &Person, to: &Person, source: Source) -> bool {
        from.published[bit(source)] && self.allow(from, to, Kind::of(source))
    }

    /// Those whose pictures a viewer may have now, before the number of tiles counts.
    pub(crate) fn pictures(&self, to: &Person) -> Vec<(room::ParticipantId, Source)> {
        self.wishes(to, [Source::Camera, Source::Screen])
    }

    /// Those who may be heard now.
    pub(crate) fn voices(&self, to: &Person) -> Vec<(room::ParticipantId, Source)> {
        self.wishes(to, [Source::Microphone, Source::ScreenAudio])
    }

    /// Of these, those who keep their places whoever else speaks.
    pub(crate) fn kept(&self, to: &Person) -> Vec<(room::ParticipantId, Source)> {
        let keeps = |id| self.find(id).is_some_and(|index| self.people[index].is_always_heard(&self.settings));
        self.voices(to).into_iter().filter(|(id, source)| *source == Source::ScreenAudio || keeps(*id)).collect()
    }

    fn wishes(&self, to: &Person, sources: [Source; 2]) -> Vec<(room::ParticipantId, Source)> {
        let mut all = Vec::new();
        for from in &self.people {
            for source in sources {
                if let Some(id) = from.id
                    && self.allow_source(from, to, source)
                    && self.flows(from, source)
                {
                    all.push((id, source));
                }
            }
        }
        all.sort();
        all
    }
}

/// Most tiles of a layout, large and small ones.
pub(crate) fn tiles(layout: Layout) -> (usize, usize) {
    match layout {
        Layout::HostOnly | Layout::HostLarge | Layout::Equal => (33, 33),
        Layout::OneMainZeroPips => (1, 0),
        Layout::OneMainSevenPips => (1, 7),
        Layout::OneMainTwentyonePips => (1, 21),
        Layout::TwoMainsTwentyonePips => (2, 21),
        Layout::OneMainThirtythreePips => (1, 33),
        Layout::FourMainsZeroPips => (4, 0),
        Layout::NineMainsZeroPips => (9, 0),
        Layout::SixteenMainsZeroPips => (16, 0),
        Layout::TwentyfiveMainsZeroPips => (25, 0),
        Layout::FiveMainsSevenPips => (5, 7),
    }
}
