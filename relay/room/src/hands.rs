//! Raised hands, in the order in which they went up.

use crate::effect::Change;
use crate::ids::ParticipantId;
use crate::log::Log;
use crate::refusal::Refusal;
use crate::room::Room;

impl Room {
    pub(crate) fn raise_hand(&mut self, log: &mut Log, me: ParticipantId) -> Result<(), Refusal> {
        if !self.settings.hands {
            return Err(Refusal::not_here("hands are not raised in this room"));
        }
        if self.people.get(me).is_none_or(|person| person.hand.is_some()) {
            return Ok(());
        }
        let number = self.next();
        if let Some(person) = self.people.get_mut(me) {
            person.hand = Some(number);
            log.event(Change::HandChanged { participant: me, raised: true });
        }
        Ok(())
    }

    pub(crate) fn lower_hand(&mut self, log: &mut Log, id: ParticipantId) {
        let Some(person) = self.people.get_mut(id) else { return };
        if person.hand.take().is_some() {
            log.event(Change::HandChanged { participant: id, raised: false });
        }
    }

    pub(crate) fn lower_hands(&mut self, log: &mut Log) {
        for id in self.people.ids(|person| person.hand.is_some()) {
            self.lower_hand(log, id);
        }
        for person in self.memory.people_mut() {
            person.hand = None;
        }
    }
}
