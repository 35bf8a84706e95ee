//! What comes of one call, while it is carried out.

use crate::command::Actor;
use crate::effect::{Change, Effect, Event};
use crate::ids::Time;

/// Effects in order, stamped with the moment and with who asked.
pub(crate) struct Log {
    pub(crate) at: Time,
    pub(crate) actor: Option<Actor>,
    pub(crate) effects: Vec<Effect>,
}

impl Log {
    pub(crate) fn new(at: Time, actor: Option<Actor>) -> Self {
        Self { at, actor, effects: Vec::new() }
    }

    /// Something that was asked for.
    pub(crate) fn event(&mut self, change: Change) {
        self.effects.push(Effect::Event(Event { at: self.at, actor: self.actor, change }));
    }

    /// Something that follows from a rule, or from time.
    pub(crate) fn follows(&mut self, change: Change) {
        self.effects.push(Effect::Event(Event { at: self.at, actor: None, change }));
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}
