//! The oracle's own picture of one meeting: who is where and as what, and which bits are set. No rules here.

use std::collections::{BTreeMap, BTreeSet};

use room::{BreakoutId, Device, ParticipantId, Place, Role, Settings, Source, Time};

/// Where somebody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// In the waiting room.
    Waiting,
    /// In the main room or a breakout.
    In(Place),
}

/// Somebody with a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resident {
    /// Author number in every payload.
    pub author: u32,
    /// The id the relay gave.
    pub id: ParticipantId,
    /// The token's subject.
    pub identity: String,
    /// The token's name.
    pub name: String,
    /// The token's role was host.
    pub host_token: bool,
    /// Receives only.
    pub viewer: bool,
    /// What the person holds.
    pub device: Device,
    /// Role now.
    pub role: Role,
    /// Where.
    pub standing: Standing,
    /// Per source: switched on by its owner.
    pub own: [bool; 4],
    /// Per source: closed by the staff.
    pub closed: [bool; 4],
    /// The hand is up.
    pub hand: bool,
}

/// What is kept of an identity between two of its sessions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// Was let in once, so comes back past lock and waiting room.
    pub admitted: bool,
    /// Was removed.
    pub removed: bool,
    /// Bits and hand of the last session: own, closed, hand.
    pub bits: Option<([bool; 4], [bool; 4], bool)>,
    /// Where the person was while the present breakouts were open.
    pub place: Option<Place>,
}

/// A meeting at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Meeting {
    /// As they were given when the room was created.
    pub definition: Settings,
    /// As they hold now: commands change them.
    pub settings: Settings,
    /// Locked by the staff.
    pub locked: bool,
    /// Fell back to waiting because the staff did not return.
    pub fallen: bool,
    /// Everybody with a session, by author.
    pub people: BTreeMap<u32, Resident>,
    /// By identity.
    pub known: BTreeMap<String, Memory>,
    /// The identities that hold, or last held, the two seats.
    pub seats: [Option<String>; 2],
    /// Breakouts that exist.
    pub breakouts: BTreeSet<BreakoutId>,
    /// By identity: where somebody goes when the breakouts open.
    pub assigned: BTreeMap<String, BreakoutId>,
    /// People are in the breakouts.
    pub open: bool,
    /// Guests choose by themselves.
    pub self_choice: bool,
    /// When the breakouts close by themselves.
    pub closes_at: Option<Time>,
}

impl Meeting {
    /// An empty one.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            definition: settings.clone(),
            settings,
            locked: false,
            fallen: false,
            people: BTreeMap::new(),
            known: BTreeMap::new(),
            seats: [None, None],
            breakouts: BTreeSet::new(),
            assigned: BTreeMap::new(),
            open: false,
            self_choice: false,
            closes_at: None,
        }
    }

    /// Somebody, by the id that the relay gave.
    #[must_use]
    pub fn by_id(&self, id: ParticipantId) -> Option<&Resident> {
        self.people.values().find(|person| person.id == id)
    }

    /// The same, to change.
    pub fn by_id_mut(&mut self, id: ParticipantId) -> Option<&mut Resident> {
        self.people.values_mut().find(|person| person.id == id)
    }

    /// How many were let in. Viewers take no chair.
    #[must_use]
    pub fn admitted(&self) -> usize {
        self.people.values().filter(|person| !person.viewer && person.is_in()).count()
    }

    /// Host or deputy is here.
    #[must_use]
    pub fn has_staff(&self) -> bool {
        self.people.values().any(|person| person.role.is_staff())
    }

    /// Somebody holds this role now.
    #[must_use]
    pub fn holds(&self, role: Role) -> bool {
        self.people.values().any(|person| person.role == role)
    }

    /// Takes a person out and keeps what has to be kept.
    pub fn take_out(&mut self, author: u32) {
        let Some(person) = self.people.remove(&author) else { return };
        let memory = self.known.entry(person.identity).or_default();
        // A screen share ends with the session.
        let [microphone, camera, ..] = person.own;
        memory.bits = Some(([microphone, camera, false, false], person.closed, person.hand));
        if let Standing::In(place) = person.standing {
            memory.admitted = !memory.removed;
            memory.place = self.open.then_some(place);
        }
    }

    /// Everybody is in the main room, and nobody has a place in a breakout any more.
    pub fn close_breakouts(&mut self) {
        (self.open, self.closes_at) = (false, None);
        for person in self.people.values_mut().filter(|person| person.is_in()) {
            person.standing = Standing::In(None);
        }
        self.known.values_mut().for_each(|memory| memory.place = None);
    }

    /// Where somebody of this identity stands who is let in now.
    #[must_use]
    pub fn place_for(&self, identity: &str) -> Place {
        if !self.open {
            return None;
        }
        let before = self.known.get(identity).and_then(|memory| memory.place);
        let place = before.unwrap_or_else(|| self.assigned.get(identity).copied());
        place.filter(|breakout| self.breakouts.contains(breakout))
    }
}

impl Resident {
    /// Was let in.
    #[must_use]
    pub fn is_in(&self) -> bool {
        matches!(self.standing, Standing::In(_))
    }

    /// Takes part without a role in leading the meeting. Viewers always are guests.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.viewer || !self.role.is_staff()
    }

    /// Sets the owner's bit of a source.
    pub fn set_own(&mut self, source: Source, on: bool) {
        self.own[source as usize] = on;
    }

    /// Sets the staff's bit of a source.
    pub fn set_closed(&mut self, source: Source, closed: bool) {
        self.closed[source as usize] = closed;
    }
}
