//! All definitions in memory, and what of a change follows from them: inheritance, who is touched, what is refused. Pure.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use room::Settings;
use worker::command::RoomId;

use super::definition::{RoomDefinition, TemplateDefinition, TemplateId};
use super::error::ChangeError;
use crate::store::{Batch, Contents};

/// Most rooms that may be defined.
pub(super) const MAX_ROOMS: usize = 100_000;
/// Most templates.
pub(super) const MAX_TEMPLATES: usize = 1_000;

/// All definitions.
#[derive(Clone, Default)]
pub(super) struct State {
    rooms: BTreeMap<RoomId, Arc<RoomDefinition>>,
    templates: BTreeMap<TemplateId, Arc<TemplateDefinition>>,
    /// The highest revision given out.
    revision: u64,
}

/// A change that was checked and is to be written; `None` removes.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) rooms: Vec<(RoomId, Option<RoomDefinition>)>,
    pub(super) templates: Vec<(TemplateId, Option<TemplateDefinition>)>,
    pub(super) revision: u64,
}

impl State {
    /// Reads what the store holds.
    ///
    /// # Errors
    /// The id of what cannot be read, and why.
    pub(super) fn read(contents: &Contents) -> Result<Self, String> {
        let mut state = Self { revision: contents.revision, ..Self::default() };
        for (id, bytes) in &contents.rooms {
            let definition = serde_json::from_slice(bytes).map_err(|error| format!("room {id}: {error}"))?;
            state.rooms.insert(RoomId(id.clone()), Arc::new(definition));
        }
        for (id, bytes) in &contents.templates {
            let definition = serde_json::from_slice(bytes).map_err(|error| format!("template {id}: {error}"))?;
            state.templates.insert(TemplateId(id.clone()), Arc::new(definition));
        }
        Ok(state)
    }

    pub(super) fn room(&self, id: &RoomId) -> Option<&Arc<RoomDefinition>> {
        self.rooms.get(id)
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = (&RoomId, &Arc<RoomDefinition>)> {
        self.rooms.iter()
    }

    /// Rooms behind an id, in the order of ids.
    pub(super) fn rooms_after(&self, after: Option<&RoomId>) -> impl Iterator<Item = (&RoomId, &Arc<RoomDefinition>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.rooms.range::<RoomId, _>((from, Bound::Unbounded))
    }

    pub(super) fn template(&self, id: &TemplateId) -> Option<&Arc<TemplateDefinition>> {
        self.templates.get(id)
    }

    pub(super) fn templates(&self) -> impl Iterator<Item = (&TemplateId, &Arc<TemplateDefinition>)> {
        self.templates.iter()
    }

    pub(super) fn rooms_are_full(&self) -> bool {
        self.rooms.len() >= MAX_ROOMS
    }

    pub(super) fn next_revision(&self) -> u64 {
        self.revision + 1
    }

    /// What a room's meeting has: the defaults, then the organisation's, the unit's, the room's own.
    pub(super) fn effective(&self, room: &RoomDefinition) -> Settings {
        self.inherited(room.template.as_ref()).with(&room.settings)
    }

    /// What a template gives to the rooms below it. Never deeper than [`State::check_template`] lets it be.
    fn inherited(&self, template: Option<&TemplateId>) -> Settings {
        let Some(unit) = template.and_then(|id| self.templates.get(id)) else { return Settings::default() };
        let organisation = unit.parent.as_ref().and_then(|id| self.templates.get(id));
        let above = organisation.map_or_else(Settings::default, |organisation| Settings::default().with(&organisation.settings));
        above.with(&unit.settings)
    }

    /// Rooms that have settings from a template, directly or through a unit.
    pub(super) fn rooms_below(&self, template: &TemplateId) -> impl Iterator<Item = (&RoomId, &Arc<RoomDefinition>)> {
        self.rooms.iter().filter(move |(_, room)| {
            let unit = room.template.as_ref();
            let organisation = unit.and_then(|unit| self.templates.get(unit)).and_then(|unit| unit.parent.as_ref());
            unit == Some(template) || organisation == Some(template)
        })
    }

    /// Whether a template may be as it is to be. Three levels (organisation, unit, room) leave no way to build a circle.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub(super) fn check_template(&self, id: &TemplateId, parent: Option<&TemplateId>) -> Result<(), ChangeError> {
        if !self.templates.contains_key(id) && self.templates.len() >= MAX_TEMPLATES {
            return Err(ChangeError::Full);
        }
        let Some(parent) = parent else { return Ok(()) };
        let refuse = |message: &str| Err(ChangeError::field("parent", message));
        match self.templates.get(parent) {
            _ if parent == id => refuse("is the template itself"),
            None => refuse("there is no such template"),
            Some(parent) if parent.parent.is_some() => refuse("has a parent itself, expected at most organisation, unit, room"),
            Some(_) if self.has_children(id) => refuse("not possible while other templates have this one as their parent"),
            Some(_) => Ok(()),
        }
    }

    fn has_children(&self, id: &TemplateId) -> bool {
        self.templates.values().any(|template| template.parent.as_ref() == Some(id))
    }

    /// Whether anything inherits from a template.
    pub(super) fn is_used(&self, id: &TemplateId) -> bool {
        self.has_children(id) || self.rooms.values().any(|room| room.template.as_ref() == Some(id))
    }

    /// Carries a plan out.
    pub(super) fn apply(&mut self, plan: Plan) {
        self.revision = plan.revision;
        for (id, definition) in plan.rooms {
            match definition {
                Some(definition) => self.rooms.insert(id, Arc::new(definition)),
                None => self.rooms.remove(&id),
            };
        }
        for (id, definition) in plan.templates {
            match definition {
                Some(definition) => self.templates.insert(id, Arc::new(definition)),
                None => self.templates.remove(&id),
            };
        }
    }
}

impl Plan {
    /// The plan as the store takes it.
    ///
    /// # Errors
    /// Never for our own types.
    pub(super) fn batch(&self) -> Result<Batch, serde_json::Error> {
        let mut batch = Batch { revision: self.revision, ..Batch::default() };
        for (id, definition) in &self.rooms {
            batch.rooms.push((id.0.clone(), definition.as_ref().map(serde_json::to_vec).transpose()?));
        }
        for (id, definition) in &self.templates {
            batch.templates.push((id.0.clone(), definition.as_ref().map(serde_json::to_vec).transpose()?));
        }
        Ok(batch)
    }
}
