//! Draws the scene: the room as one viewer may know it.

use crate::ids::ParticipantId;
use crate::live::LIVE;
use crate::matrix::Kind;
use crate::name::spell;
use crate::participant::{Participant, Source};
use crate::room::Room;
use crate::scene::{Breakout, Breakouts, Meeting, Scene, StaffView, Tile, WaitingPage, You};
use crate::settings::{Chat, Names};

impl Room {
    /// What `viewer` is told beside the roster. Nobody here: an empty waiting page.
    #[must_use]
    pub fn scene(&self, viewer: ParticipantId) -> Scene {
        match self.people.get(viewer) {
            Some(to) if to.admitted => Scene::Present(Box::new(self.meeting(to, self.tiles_for_eyes(to)))),
            Some(to) => Scene::Waiting(self.waiting_page(to)),
            None => Scene::Waiting(WaitingPage::default()),
        }
    }

    fn waiting_page(&self, to: &Participant) -> WaitingPage {
        let settings = &self.settings;
        let before = self.people.iter().filter(|other| !other.admitted && other.turn < to.turn).count();
        WaitingPage {
            text: settings.waiting_text.clone(),
            logo: settings.waiting_logo.clone(),
            position: settings.waiting_queue.then(|| u32::try_from(before + 1).unwrap_or(u32::MAX)),
            opens_at: settings.opens_at.filter(|at| self.opened != Some(*at)),
            languages: settings.languages.clone(),
        }
    }

    pub(crate) fn meeting(&self, to: &Participant, tiles: Vec<Tile>) -> Meeting {
        let settings = &self.settings;
        let known = |id: ParticipantId| self.people.get(id).is_some_and(|person| self.knows(to, person));
        Meeting {
            title: settings.title.clone(),
            you: self.you(to),
            layout: self.layout(to.place),
            direction: settings.direction,
            locked: self.course.locked,
            tiles,
            spotlight: self.course.spotlight.filter(|id| known(*id)),
            hands: self.hands_for(to),
            chat: settings.chat,
            absent: self.absent(to),
            breakouts: self.breakouts_for(to),
            ends_at: settings.ends_at,
            abandoned_until: self.course.abandoned_until,
            staff: to.is_staff().then(|| self.staff_view()),
        }
    }

    fn you(&self, to: &Participant) -> You {
        let closed = |source: &Source| to.sources.get(*source).locked || !self.may_send(to, *source);
        let known = |id: &ParticipantId| self.people.get(*id).is_some_and(|person| self.knows(to, person));
        You {
            role: to.role,
            on: Source::ALL.into_iter().filter(|source| to.sources.get(*source).active).collect(),
            locked: Source::ALL.into_iter().filter(closed).collect(),
            hand: to.hand.is_some(),
            pin: to.pin.filter(known),
            breakout: to.place,
            chat: match self.settings.chat {
                _ if !to.is_member() => Chat::Off,
                Chat::ToStaff if self.writes_as_staff(to) => Chat::Everyone,
                chat => chat,
            },
        }
    }

    fn hands_for(&self, to: &Participant) -> Vec<ParticipantId> {
        let seen = |from: &&Participant| from.id == to.id || (self.rule(from, to, Kind::Hand).is_ok() && self.knows(to, from));
        let raised = self.people.iter().filter(|from| from.admitted && from.hand.is_some()).filter(seen);
        let mut hands: Vec<_> = raised.map(|from| (from.hand, from.id)).collect();
        hands.sort_unstable();
        hands.into_iter().map(|(_, id)| id).collect()
    }

    /// Invited people who are not here. That one of them waits is no guest's business.
    fn absent(&self, to: &Participant) -> Vec<String> {
        let (settings, staff) = (&self.settings, to.is_staff());
        if settings.invitees.is_empty() || !staff && (!settings.name_list || settings.names == Names::Hidden) {
            return Vec::new();
        }
        let present = self.people.iter().filter(|person| staff || person.is_visible());
        let mut present: Vec<&str> = present.map(|person| person.identity.as_str()).collect();
        present.sort_unstable();
        let rule = if staff { Names::Full } else { settings.names };
        let missing = settings.invitees.iter().filter(|invitee| present.binary_search(&invitee.id.as_str()).is_err());
        missing.map(|invitee| spell(&invitee.name, rule).to_owned()).collect()
    }

    /// All rooms for the staff and where guests may choose; else one's own.
    fn breakouts_for(&self, to: &Participant) -> Option<Breakouts> {
        let state = &self.course.breakouts;
        let all = to.is_staff() || (state.open && state.self_choice);
        let visible = state.rooms.iter().filter(|room| all || to.place == Some(room.id));
        let ids = |holds: &dyn Fn(&Participant) -> bool| self.people.ids(|person| person.is_visible() && holds(person));
        let rooms: Vec<Breakout> = visible
            .map(|room| Breakout {
                id: room.id,
                name: room.name.clone(),
                assigned: ids(&|person| to.is_staff() && person.assigned == Some(room.id)),
                help: ids(&|person| person.help && person.place == Some(room.id) && (to.is_staff() || to.id == person.id)),
            })
            .collect();
        let (open, self_choice, closes_at) = (state.open, state.self_choice, state.closes_at);
        (!rooms.is_empty()).then_some(Breakouts { open, self_choice, closes_at, rooms })
    }

    fn staff_view(&self) -> StaffView {
        let known = |id: &ParticipantId| self.people.get(*id).is_some_and(Participant::is_member);
        StaffView {
            waiting: self.queue().into_iter().filter(known).collect(),
            removed: self.memory.removed().map(|person| (person.id, person.name.full().to_owned())).collect(),
            always_heard: self.people.ids(|person| person.is_member() && self.is_always_heard(person)),
            full: self.is_full(),
            settings: self.settings.excerpt(LIVE),
        }
    }
}
