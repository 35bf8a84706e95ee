//! One host at most, at most one deputy, always: who takes a seat and who loses it.

use crate::effect::Change;
use crate::ids::ParticipantId;
use crate::log::Log;
use crate::participant::{Presence, Role};
use crate::refusal::Refusal;
use crate::room::Room;

impl Room {
    /// The seat of somebody who comes. A free seat goes to whoever has a host's token or had the seat before; the host of then may
    /// have to make do with the deputy's. A second client of somebody who is here takes no second seat.
    pub(crate) fn seat_for(&self, identity: &str, may_lead: bool, before: Role, presence: Presence) -> Role {
        let taken = |role| self.people.iter().any(|person| person.role == role);
        let here = self.people.iter().any(|person| person.identity == identity && person.is_member());
        if presence == Presence::Viewer || here {
            Role::Participant
        } else if (may_lead || before == Role::Host) && !taken(Role::Host) {
            Role::Host
        } else if (may_lead || before.is_staff()) && !taken(Role::Deputy) {
            Role::Deputy
        } else {
            Role::Participant
        }
    }

    pub(crate) fn has_staff(&self) -> bool {
        self.people.iter().any(crate::Participant::is_staff)
    }

    /// Makes an admitted member the deputy. The former one has no claim any more, here or away.
    pub(crate) fn delegate(&mut self, log: &mut Log, id: ParticipantId) -> Result<(), Refusal> {
        let role = self.people.get(id).filter(|person| person.admitted).map(|person| person.role);
        match role {
            None => return Err(Refusal::invalid("participant", "whoever waits cannot be the deputy")),
            Some(Role::Host) => return Err(Refusal::invalid("participant", "the host cannot be the deputy as well")),
            // Asked again, for whoever is away with a claim from before.
            Some(Role::Deputy) => {
                self.memory.forget_deputies();
                return Ok(());
            }
            Some(Role::Participant) => {}
        }
        self.undelegate(log);
        self.set_role(log, id, Role::Deputy);
        Ok(())
    }

    pub(crate) fn undelegate(&mut self, log: &mut Log) {
        self.memory.forget_deputies();
        for id in self.people.ids(|person| person.role == Role::Deputy) {
            self.set_role(log, id, Role::Participant);
        }
    }

    fn set_role(&mut self, log: &mut Log, id: ParticipantId, role: Role) {
        if let Some(person) = self.people.get_mut(id) {
            person.role = role;
            log.event(Change::RoleChanged { participant: id, role });
        }
    }
}
