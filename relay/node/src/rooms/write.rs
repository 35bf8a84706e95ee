//! Changing definitions: check, write, then remember, one after the other. Waiting for the disk happens on threads made for it.

use std::sync::{Arc, PoisonError};

use room::{Settings, Template, Time};
use worker::command::RoomId;

use super::change::patched;
use super::pins::{Pin, PinKey, PinKind, SealedPin, Tag};
use super::state::{Plan, State};
use super::{
    ChangeError, Condition, Defined, NewRoom, NewTemplate, Patch, RoomDefinition, RoomPatch, Rooms, TemplateDefinition, TemplateId,
};

/// How often instant rooms are cleared away, milliseconds, and how many at once.
const CLEAR_EVERY: u64 = 3600 * 1000;
const CLEAR_AT_ONCE: usize = 1000;
/// Ids that are tried for an instant room. With 2^50 of them even the second is never needed.
const MAX_IDS: usize = 4;
/// Crockford's base 32 in lower case: no letter that is read for another.
const ID_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ID_LENGTH: usize = 10;

/// What became, or would become, of a room.
pub(crate) struct RoomChange {
    /// As it is now, or would be.
    pub now: Defined,
    /// Settings of its meetings that differ.
    pub differences: Vec<&'static str>,
    /// Whether it was not there before.
    pub new: bool,
}

/// A room whose meetings change, or would change, with a template.
pub(crate) struct Touched {
    /// Which.
    pub room: RoomId,
    /// The settings that differ.
    pub differences: Vec<&'static str>,
}

impl Rooms {
    /// Makes a room; the same request again finds it. `is_live`: rooms that must not be cleared away now.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub(crate) async fn create(
        self: &Arc<Self>,
        new: NewRoom,
        now: Time,
        is_live: impl Fn(&RoomId) -> bool + Send + 'static,
    ) -> Result<(RoomId, RoomChange), ChangeError> {
        let rooms = Arc::clone(self);
        self.write(now, move |state, last_cleared| rooms.plan_create(state, new, now, last_cleared, is_live)).await
    }

    /// Lays a merge patch over a room; with `dry` only says what would differ.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub(crate) async fn change(
        self: &Arc<Self>,
        room: RoomId,
        patch: RoomPatch,
        condition: Condition,
        dry: bool,
    ) -> Result<RoomChange, ChangeError> {
        let rooms = Arc::clone(self);
        let plan = move |state: &State| rooms.plan_change(state, room, patch, &condition);
        if dry { plan(&self.state()).map(|(_, change)| change) } else { self.write(Time(0), move |state, _| plan(state)).await }
    }

    /// Forgets a room. A running meeting goes on.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub(crate) async fn delete(self: &Arc<Self>, room: RoomId, condition: Condition) -> Result<(), ChangeError> {
        let plan = move |state: &State| {
            let definition = state.room(&room).ok_or(ChangeError::NotFound)?;
            condition.check(Some(definition.revision))?;
            Ok((Some(Plan { rooms: vec![(room, None)], revision: state.next_revision(), ..Plan::default() }), ()))
        };
        self.write(Time(0), move |state, _| plan(state)).await
    }

    /// Makes or replaces a template; with `dry` only says what would differ.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub(crate) async fn put_template(
        self: &Arc<Self>,
        id: TemplateId,
        new: NewTemplate,
        condition: Condition,
        dry: bool,
    ) -> Result<TemplateChange, ChangeError> {
        let plan = move |state: &State| plan_template(state, &id, new, &condition);
        if dry { plan(&self.state()).map(|(_, change)| change) } else { self.write(Time(0), move |state, _| plan(state)).await }
    }

    /// Forgets a template that nothing inherits from.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub(crate) async fn delete_template(self: &Arc<Self>, id: TemplateId, condition: Condition) -> Result<(), ChangeError> {
        let plan = move |state: &State| {
            let template = state.template(&id).ok_or(ChangeError::NotFound)?;
            condition.check(Some(template.revision))?;
            if state.is_used(&id) {
                return Err(ChangeError::InUse);
            }
            Ok((Some(Plan { templates: vec![(id, None)], revision: state.next_revision(), ..Plan::default() }), ()))
        };
        self.write(Time(0), move |state, _| plan(state)).await
    }

    /// Runs `plan` with nobody else writing, and what it planned. `now` counts as the last clearing when it is later.
    async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        now: Time,
        plan: impl FnOnce(&State, Time) -> Result<(Option<Plan>, T), ChangeError> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let _place = self.writes.try_acquire().map_err(|_| ChangeError::Busy)?;
        let rooms = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || rooms.write_now(now, plan)).await;
        // The task is never cancelled; only a panic in it ends here.
        written.unwrap_or(Err(ChangeError::Store))
    }

    fn write_now<T>(&self, now: Time, plan: impl FnOnce(&State, Time) -> Result<(Option<Plan>, T), ChangeError>) -> Result<T, ChangeError> {
        let mut last_cleared = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.recover()?;
        let (plan, answer) = plan(&self.state(), *last_cleared)?;
        let Some(plan) = plan else { return Ok(answer) };
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a definition was not written");
            ChangeError::Store
        };
        let batch = plan.batch().map_err(|error| failed(&error))?;
        self.store.commit(&batch).map_err(|error| failed(&error))?;
        if now.0 >= last_cleared.0.saturating_add(CLEAR_EVERY) {
            *last_cleared = now;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        self.forget_tries(&state, &plan);
        state.apply(plan);
        Ok(answer)
    }

    /// After a failed write: what is on the disk is what counts.
    fn recover(&self) -> Result<(), ChangeError> {
        if !self.store.is_closed() {
            return Ok(());
        }
        let state = self.store.reopen().map_err(|error| error.to_string()).and_then(|contents| State::read(&contents));
        let state = state.map_err(|error| {
            tracing::error!(%error, "the store is still not usable");
            ChangeError::Store
        })?;
        tracing::info!("the store is back");
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }

    /// Who guesses at a new PIN begins at nothing.
    fn forget_tries(&self, before: &State, plan: &Plan) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, definition) in &plan.rooms {
            let pins = |room: &RoomDefinition| (room.host_pin.clone(), room.guest_pin.clone());
            if before.room(id).map(|room| pins(room)) != definition.as_ref().map(pins) {
                tries.forget(id);
            }
        }
    }

    fn plan_create(
        &self,
        state: &State,
        new: NewRoom,
        now: Time,
        last_cleared: Time,
        is_live: impl Fn(&RoomId) -> bool,
    ) -> Result<(Option<Plan>, (RoomId, RoomChange)), ChangeError> {
        let made_from = made_from(&self.key, &new)?;
        if let Some(id) = &new.id
            && let Some(there) = state.room(id)
        {
            if !bool::from(there.made_from.same(&made_from)) {
                return Err(ChangeError::Exists);
            }
            let now = Defined { definition: Arc::clone(there), effective: state.effective(there) };
            return Ok((None, (id.clone(), RoomChange { now, differences: Vec::new(), new: false })));
        }
        let mut plan = Plan { revision: state.next_revision(), ..Plan::default() };
        if now.0 >= last_cleared.0.saturating_add(CLEAR_EVERY) {
            plan.rooms.extend(outlived(state, now, &is_live).map(|id| (id, None)));
        }
        if state.rooms_are_full() && plan.rooms.is_empty() {
            return Err(ChangeError::Full);
        }
        check_above(state, new.template.as_ref())?;
        check_settings(&new.settings)?;
        let instant = new.id.is_none();
        let id = match new.id {
            Some(id) => id,
            None => unused_id(|id| state.room(id).is_some() || is_live(id))?,
        };
        let mut definition = RoomDefinition {
            revision: plan.revision,
            created: now,
            template: new.template,
            settings: new.settings,
            host_pin: None,
            guest_pin: None,
            instant,
            made_from,
        };
        self.set_pins(&id, &mut definition, Patch::from(new.host_pin), Patch::from(new.guest_pin))?;
        let effective = state.effective(&definition);
        let differences = Settings::default().differences(&effective);
        plan.rooms.push((id.clone(), Some(definition.clone())));
        let now = Defined { definition: Arc::new(definition), effective };
        Ok((Some(plan), (id, RoomChange { now, differences, new: true })))
    }

    fn plan_change(
        &self,
        state: &State,
        room: RoomId,
        patch: RoomPatch,
        condition: &Condition,
    ) -> Result<(Option<Plan>, RoomChange), ChangeError> {
        let there = state.room(&room).ok_or(ChangeError::NotFound)?;
        condition.check(Some(there.revision))?;
        let mut definition = RoomDefinition::clone(there);
        patch.template.apply(&mut definition.template);
        check_above(state, definition.template.as_ref())?;
        definition.settings = patched(&definition.settings, patch.settings)?;
        check_settings(&definition.settings)?;
        self.set_pins(&room, &mut definition, patch.host_pin, patch.guest_pin)?;
        let effective = state.effective(&definition);
        let differences = state.effective(there).differences(&effective);
        let plan = if definition == **there {
            None
        } else {
            definition.revision = state.next_revision();
            Some(Plan { rooms: vec![(room, Some(definition.clone()))], revision: definition.revision, ..Plan::default() })
        };
        Ok((plan, RoomChange { now: Defined { definition: Arc::new(definition), effective }, differences, new: false }))
    }

    /// Seals new PINs. One PIN for both roles would make a host of every guest.
    fn set_pins(&self, room: &RoomId, definition: &mut RoomDefinition, host: Patch<Pin>, guest: Patch<Pin>) -> Result<(), ChangeError> {
        let seal = |kind| move |pin| self.key.seal(room, kind, pin);
        host.map(seal(PinKind::Host)).apply(&mut definition.host_pin);
        guest.map(seal(PinKind::Guest)).apply(&mut definition.guest_pin);
        let same = |kind, sealed: &Option<SealedPin>, pin| sealed.is_some() && self.key.opens(room, kind, sealed.as_ref(), pin).into();
        let taken = |field| Err(ChangeError::field(field, "is the other role's PIN too, expected another"));
        match (host, guest) {
            (Patch::Set(pin), _) if same(PinKind::Guest, &definition.guest_pin, pin) => taken("host_pin"),
            (_, Patch::Set(pin)) if same(PinKind::Host, &definition.host_pin, pin) => taken("guest_pin"),
            _ => Ok(()),
        }
    }
}

/// What became, or would become, of a template.
pub(crate) struct TemplateChange {
    /// As it is now, or would be.
    pub now: Arc<TemplateDefinition>,
    /// Rooms whose meetings change with it.
    pub touched: Vec<Touched>,
    /// Whether it was not there before.
    pub new: bool,
}

fn plan_template(
    state: &State,
    id: &TemplateId,
    new: NewTemplate,
    condition: &Condition,
) -> Result<(Option<Plan>, TemplateChange), ChangeError> {
    let there = state.template(id);
    condition.check(there.map(|template| template.revision))?;
    state.check_template(id, new.parent.as_ref())?;
    check_settings(&new.settings)?;
    let mut definition =
        TemplateDefinition { revision: there.map_or(0, |there| there.revision), parent: new.parent, settings: new.settings };
    if let Some(there) = there
        && **there == definition
    {
        return Ok((None, TemplateChange { now: Arc::clone(there), touched: Vec::new(), new: false }));
    }
    definition.revision = state.next_revision();
    let is_new = there.is_none();
    let plan = |definition| Plan { templates: vec![(id.clone(), Some(definition))], revision: state.next_revision(), ..Plan::default() };
    let mut after = state.clone();
    after.apply(plan(definition.clone()));
    let touched = after.rooms_below(id).filter_map(|(room, definition)| {
        let differences = state.effective(definition).differences(&after.effective(definition));
        (!differences.is_empty()).then(|| Touched { room: room.clone(), differences })
    });
    let touched = touched.collect();
    Ok((Some(plan(definition.clone())), TemplateChange { now: Arc::new(definition), touched, new: is_new }))
}

fn check_above(state: &State, template: Option<&TemplateId>) -> Result<(), ChangeError> {
    if template.is_none_or(|id| state.template(id).is_some()) {
        return Ok(());
    }
    Err(ChangeError::field("template", "there is no such template"))
}

fn check_settings(settings: &Template) -> Result<(), ChangeError> {
    settings.check().map_err(|refusal| {
        let field = refusal.field.map_or_else(|| "settings".to_owned(), |name| format!("settings.{name}"));
        ChangeError::field(field, refusal.message)
    })
}

/// Instant rooms whose time is over and where nobody is.
fn outlived(state: &State, now: Time, is_live: &impl Fn(&RoomId) -> bool) -> impl Iterator<Item = RoomId> {
    let over = state.rooms().filter(move |(id, room)| {
        // Cheap first: settings are only put together for rooms that are old enough.
        room.instant && room.expires(&Settings::default()) < Some(now) && room.expires(&state.effective(room)) < Some(now) && !is_live(id)
    });
    over.map(|(id, _)| id.clone()).take(CLEAR_AT_ONCE)
}

fn made_from(key: &PinKey, new: &NewRoom) -> Result<Tag, ChangeError> {
    let number = |pin: Option<Pin>| pin.map(Pin::number);
    let from = (&new.template, &new.settings, number(new.host_pin), number(new.guest_pin));
    let text = serde_json::to_vec(&from).map_err(|error| ChangeError::field("settings", error.to_string()))?;
    Ok(key.digest(&text))
}

/// A short id that nobody has.
fn unused_id(is_used: impl Fn(&RoomId) -> bool) -> Result<RoomId, ChangeError> {
    for _ in 0..MAX_IDS {
        let mut bytes = [0; ID_LENGTH];
        getrandom::fill(&mut bytes).map_err(|_| ChangeError::Busy)?;
        let id = RoomId(bytes.iter().map(|byte| char::from(ID_ALPHABET[usize::from(byte % 32)])).collect());
        if !is_used(&id) {
            return Ok(id);
        }
    }
    Err(ChangeError::Busy)
}
