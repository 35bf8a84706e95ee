//! What one person is told: roster, scene, reasons.

use room::{
    Breakout, Breakouts, Chat, Direction, Kind, Layout, Meeting, Names, Reason, Role, RosterEntry, Scene, Source, StaffView, Tile,
    WaitingPage, You,
};

use super::{Model, Person, bit};

impl Model {
    /// Whether a viewer may know that somebody is here.
    pub(crate) fn knows(&self, viewer: &Person, person: &Person) -> bool {
        if viewer.number == person.number {
            return !viewer.viewer;
        }
        if !viewer.inside || !person.here() || person.viewer {
            return false;
        }
        if viewer.staff() {
            return true;
        }
        if !person.inside || person.place != viewer.place {
            return false;
        }
        let listed = self.settings.name_list && self.settings.names != Names::Hidden;
        let reached = [Kind::Audio, Kind::Camera, Kind::Screen, Kind::Chat].iter().any(|kind| self.allow(person, viewer, *kind));
        person.staff() || listed || reached
    }

    /// The name as a viewer may see it.
    pub(crate) fn name_for(&self, viewer: &Person, person: &Person) -> String {
        let full = viewer.number == person.number || viewer.staff() || person.staff();
        match self.settings.names {
            _ if full => person.name.into(),
            Names::Full => person.name.into(),
            Names::First => person.first_name(),
            Names::Hidden => String::new(),
        }
    }

    pub(crate) fn roster(&self, viewer: &Person) -> Vec<RosterEntry> {
        let known = self.people.iter().filter(|person| self.knows(viewer, person));
        let gets = |person: &Person, source| person.number == viewer.number || self.allow(person, viewer, Kind::of(source));
        let mut roster: Vec<_> = known
            .map(|person| RosterEntry {
                id: person.id.unwrap_or(room::ParticipantId(0)),
                name: self.name_for(viewer, person).into(),
                role: if person.inside { person.seat } else { Role::Participant },
                sources: Source::ALL.into_iter().filter(|source| self.flows(person, *source) && gets(person, *source)).collect(),
                locked: Source::ALL.into_iter().filter(|source| person.locked[bit(*source)]).collect(),
                waiting: person.waits(),
                breakout: person.place.filter(|_| person.inside),
            })
            .collect();
        roster.sort_by_key(|entry| entry.id);
        roster
    }

    pub(crate) fn scene(&self, viewer: &Person, tiles: Vec<Tile>) -> Scene {
        if !viewer.inside {
            return Scene::Waiting(self.waiting_page(viewer));
        }
        let mut hands: Vec<_> = self.people.iter().filter(|person| person.inside && person.hand.is_some()).collect();
        hands.sort_by_key(|person| person.hand);
        let seen =
            |person: &&Person| self.knows(viewer, person) && (person.number == viewer.number || self.allow(person, viewer, Kind::Hand));
        let spotlight = self.spotlight.and_then(|id| self.find(id)).filter(|index| self.knows(viewer, &self.people[*index]));
        Scene::Present(Box::new(Meeting {
            title: self.settings.title.clone(),
            you: self.you(viewer),
            layout: self.layout(viewer.place),
            direction: self.settings.direction,
            locked: self.locked,
            tiles,
            spotlight: spotlight.and_then(|index| self.people[index].id),
            hands: hands.into_iter().filter(seen).filter_map(|person| person.id).collect(),
            chat: self.settings.chat,
            absent: self.absent(viewer),
            breakouts: self.breakouts_for(viewer),
            ends_at: self.settings.ends_at,
            abandoned_until: self.abandoned_until,
            staff: viewer.staff().then(|| self.for_staff()),
        }))
    }

    pub(crate) fn waiting_page(&self, viewer: &Person) -> WaitingPage {
        let before = |other: &&Person| other.waits() && other.queue < viewer.queue;
        let position = self.people.iter().filter(before).count() + 1;
        WaitingPage {
            text: self.settings.waiting_text.clone(),
            logo: self.settings.waiting_logo.clone(),
            position: self.settings.waiting_queue.then_some(u32::try_from(position).unwrap_or(u32::MAX)),
            opens_at: self.settings.opens_at.filter(|at| *at > self.now),
            languages: self.settings.languages.clone(),
        }
    }

    fn you(&self, viewer: &Person) -> You {
        let closed = |source: &Source| viewer.locked[bit(*source)] || viewer.viewer || !self.may_send(viewer, *source);
        let chat = match self.settings.chat {
            _ if viewer.viewer => Chat::Off,
            Chat::ToStaff if viewer.staff() || viewer.invited_as_staff(&self.settings) => Chat::Everyone,
            other => other,
        };
        You {
            role: viewer.seat,
            on: Source::ALL.into_iter().filter(|source| viewer.on[bit(*source)]).collect(),
            locked: Source::ALL.into_iter().filter(closed).collect(),
            hand: viewer.hand.is_some(),
            pin: viewer.pin.filter(|id| self.find(*id).is_some_and(|index| self.knows(viewer, &self.people[index]))),
            breakout: viewer.place,
            chat,
        }
    }

    /// Invited people who are not inside. That an invited person waits is no guest's business.
    fn absent(&self, viewer: &Person) -> Vec<String> {
        let staff = viewer.staff();
        if !staff && (!self.settings.name_list || self.settings.names == Names::Hidden) {
            return Vec::new();
        }
        let inside = |identity: &str| self.people.iter().any(|person| person.identity == identity && person.visible());
        let here = |identity: &str| self.people.iter().any(|person| person.identity == identity && person.here());
        let missing = self.settings.invitees.iter().filter(|invitee| if staff { !here(&invitee.id) } else { !inside(&invitee.id) });
        let first = !staff && self.settings.names == Names::First;
        let name = |full: &str| if first { full.split_whitespace().next().unwrap_or_default().into() } else { full.into() };
        missing.map(|invitee| name(&invitee.name)).collect()
    }

    fn breakouts_for(&self, viewer: &Person) -> Option<Breakouts> {
        let chooses = self.open && self.self_choice;
        let visible = |id: room::BreakoutId| viewer.staff() || chooses || viewer.place == Some(id);
        let rooms: Vec<_> =
            self.breakouts.iter().filter(|(id, _)| visible(*id)).map(|(id, name)| self.breakout(viewer, *id, name)).collect();
        let none_for_staff = !viewer.staff() || self.breakouts.is_empty();
        if rooms.is_empty() && none_for_staff {
            return None;
        }
        Some(Breakouts { open: self.open, self_choice: self.self_choice, closes_at: self.closes_at, rooms })
    }

    fn breakout(&self, viewer: &Person, id: room::BreakoutId, name: &str) -> Breakout {
        let assigned = self.people.iter().filter(|person| viewer.staff() && person.visible() && person.assigned == Some(id));
        let asks = |person: &&Person| person.visible() && person.help && person.place == Some(id);
        let help = self.people.iter().filter(asks).filter(|person| viewer.staff() || person.number == viewer.number);
        let ids = |people: Vec<&Person>| {
            let mut ids: Vec<_> = people.into_iter().filter_map(|person| person.id).collect();
            ids.sort();
            ids
        };
        Breakout { id, name: name.into(), assigned: ids(assigned.collect()), help: ids(help.collect()) }
    }

    fn for_staff(&self) -> StaffView {
        let mut waiting: Vec<_> = self.people.iter().filter(|person| person.waits() && !person.viewer).collect();
        waiting.sort_by_key(|person| person.queue);
        let removed = self.people.iter().filter(|person| person.removed);
        let mut removed: Vec<_> = removed.filter_map(|person| Some((*person.ids.last()?, person.name.to_owned()))).collect();
        removed.sort();
        StaffView {
            waiting: waiting.into_iter().filter_map(|person| person.id).collect(),
            removed,
            always_heard: self.always_heard(),
            full: self.full(),
            settings: room::Template::default(),
        }
    }

    /// Members who are here and keep a place among the sounds.
    fn always_heard(&self) -> Vec<room::ParticipantId> {
        let heard = self.present().into_iter().filter(|person| !person.viewer && person.is_always_heard(&self.settings));
        heard.filter_map(|person| person.id).collect()
    }

    /// The first rule that stands in the way of a source that has a tile or not.
    pub(crate) fn reason(&self, viewer: &Person, person: &Person, source: Source, in_view: bool) -> Reason {
        let bit = bit(source);
        let one_way = self.settings.direction == Direction::OneWay
            && !self.allow(person, viewer, Kind::of(source))
            && !(person.staff() && viewer.staff());
        match () {
            () if person.number == viewer.number => Reason::Oneself,
            () if !viewer.inside => Reason::ViewerWaits,
            () if !person.inside => Reason::SenderWaits,
            () if viewer.place != person.place => Reason::OtherPlace,
            () if !person.published[bit] => Reason::NotPublished,
            () if person.locked[bit] => Reason::LockedByHost,
            () if !self.may_send(person, source) => Reason::NotAllowedHere,
            () if !person.on[bit] || (source == Source::ScreenAudio && !person.on[super::bit(Source::Screen)]) => Reason::SwitchedOff,
            () if one_way => Reason::OneWay,
            () if !self.allow(person, viewer, Kind::of(source)) && self.layout(person.place) == Layout::HostOnly => Reason::HostOnly,
            () if !in_view => Reason::NoTile,
            () => Reason::Shown,
        }
    }
}
