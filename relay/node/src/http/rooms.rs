//! `/v1/rooms`: definitions of rooms, for services. A change is on the disk, and running meetings know of it, when it is answered.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use room::{Settings, Template, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use worker::command::RoomId;
use worker::snapshot::RoomSnapshot;

use super::App;
use super::conditions::{condition, etag};
use super::error::ApiError;
use super::extract::{MAX_DEFINITION, Params, Room, bearer, json_up_to};
use super::live::RoomView;
use crate::audit::{Actor, Target};
use crate::clock::unix_millis;
use crate::room_id::parse_room;
use crate::rooms::{Defined, NewRoom, Patch, Pin, RoomDefinition, RoomPatch, TemplateId};

/// Rooms on one page, when the caller does not say, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// Which page of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
}

/// Whether to change anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DryQuery {
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// Body of `POST`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    id: Option<String>,
    template: Option<String>,
    #[serde(default, deserialize_with = "room::object")]
    settings: Template,
    host_pin: Option<Pin>,
    guest_pin: Option<Pin>,
}

/// Body of `PATCH`: a merge patch (RFC 7396).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchBody {
    #[serde(default)]
    template: Patch<String>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    host_pin: Patch<Pin>,
    #[serde(default)]
    guest_pin: Patch<Pin>,
}

/// A page of the list.
#[derive(Serialize)]
pub(super) struct Page {
    rooms: Vec<Row>,
    /// What to ask for as `after`; `null` on the last page.
    next: Option<String>,
}

#[derive(Serialize)]
struct Row {
    room: String,
    revision: u64,
    template: Option<TemplateId>,
    title: Option<String>,
    has_host_pin: bool,
    has_guest_pin: bool,
    created: Time,
    live: bool,
}

/// A definition, as its answers have it. A room that nobody defined has only defaults.
#[derive(Serialize)]
struct DefinitionView {
    revision: Option<u64>,
    template: Option<TemplateId>,
    settings: Template,
    effective: Settings,
    has_host_pin: bool,
    has_guest_pin: bool,
    /// Milliseconds since 1970.
    created: Option<Time>,
    /// When an instant room may be cleared away.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Time>,
}

/// Answer of `GET`.
#[derive(Serialize)]
struct FullView {
    #[serde(flatten)]
    meeting: RoomView,
    live: bool,
    #[serde(flatten)]
    definition: DefinitionView,
}

/// Answer of `POST` and `PATCH`.
#[derive(Serialize)]
struct ChangedView {
    id: String,
    room: String,
    etag: String,
    links: Links,
    #[serde(flatten)]
    definition: DefinitionView,
}

/// Where to go on; relative to this node.
#[derive(Serialize)]
struct Links {
    page: String,
    room: String,
    join: String,
    tokens: String,
    connect: String,
}

/// Answer of a dry `PATCH`.
#[derive(Serialize)]
struct DryView {
    dry_run: bool,
    room: String,
    live: bool,
    changes: Vec<&'static str>,
    effective: Settings,
}

/// Which rooms a service token is for.
pub(super) enum Scope {
    All,
    One(RoomId),
}

impl Scope {
    /// # Errors
    /// 401 without a service token.
    pub(super) fn of(app: &App, headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(app.keys.service_scope(bearer(headers)?)?.map_or(Self::All, Self::One))
    }

    /// # Errors
    /// 404 for a room that the token is not for, whether it exists or not.
    pub(super) fn check(&self, room: &RoomId) -> Result<(), ApiError> {
        match self {
            Self::One(own) if own != room => Err(ApiError::not_found()),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// 403 for a token of one room: templates, and rooms without an id of their own, are everybody's.
    pub(super) fn check_all(&self) -> Result<(), ApiError> {
        match self {
            Self::All => Ok(()),
            Self::One(_) => Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", "this token is for one room only")),
        }
    }
}

/// `GET /v1/rooms`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<PageQuery>,
    headers: HeaderMap,
) -> Result<Json<Page>, ApiError> {
    let scope = Scope::of(&app, &headers)?;
    let limit = query.limit.unwrap_or(PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return Err(ApiError::field("limit", format!("expected 1 to {MAX_PAGE}")));
    }
    let room_of = |text: String| parse_room(&text).ok_or_else(|| ApiError::field("after", "expected a room's id"));
    let after = query.after.map(room_of).transpose()?;
    let mut rooms = match scope {
        // One more, to know whether there is another page.
        Scope::All => app.rooms.rooms_after(after.as_ref(), limit + 1),
        Scope::One(own) => {
            let own = app.rooms.room(&own).map(|defined| (own, defined.definition));
            own.into_iter().filter(|(id, _)| after.as_ref().is_none_or(|after| id > after)).collect()
        }
    };
    let more = rooms.len() > limit;
    rooms.truncate(limit);
    let next = if more { rooms.last().map(|(id, _)| id.0.clone()) } else { None };
    let row = |(id, definition): (RoomId, Arc<RoomDefinition>)| Row {
        live: is_live(&app, &id),
        room: id.0,
        revision: definition.revision,
        template: definition.template.clone(),
        title: definition.settings.title.clone(),
        has_host_pin: definition.host_pin.is_some(),
        has_guest_pin: definition.guest_pin.is_some(),
        created: definition.created,
    };
    Ok(Json(Page { rooms: rooms.into_iter().map(row).collect(), next }))
}

/// `POST /v1/rooms`.
pub(super) async fn create(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    let scope = Scope::of(&app, &headers)?;
    let body: CreateBody = json_up_to(&headers, body, MAX_DEFINITION).await?;
    let id = body.id.map(|id| parse_room(&id).ok_or_else(|| ApiError::field("id", "expected 1 to 64 of a-z, 0-9, - and _"))).transpose()?;
    match (&scope, &id) {
        (Scope::One(own), Some(id)) if own == id && body.template.is_none() => {}
        _ => scope.check_all()?,
    }
    let template = body.template.as_deref().map(template_of).transpose()?;
    let new = NewRoom { id, template, settings: body.settings, host_pin: body.host_pin, guest_pin: body.guest_pin };
    // Carried to its end even when the caller hangs up: what is on the disk, running meetings have to know.
    to_the_end(async move {
        let live = Arc::clone(&app);
        let asked = new.id.clone();
        let outcome = app.rooms.create(new, Time(unix_millis()), move |room| is_live(&live, room)).await.map_err(ApiError::from);
        let id = outcome.as_ref().ok().map(|(id, _)| id.clone()).or(asked);
        if !matches!(&outcome, Ok((_, found)) if !found.new) {
            record(&app, "room_created", id.map(Target::Room).as_ref(), &outcome);
        }
        let (id, change) = outcome?;
        if change.new {
            tell(&app, vec![id.clone()]).await;
        }
        let status = if change.new { StatusCode::CREATED } else { StatusCode::OK };
        let location = [(header::LOCATION, format!("/v1/rooms/{}", id.0))];
        Ok((location, changed(status, id, change.now)).into_response())
    })
    .await
}

/// `GET /v1/rooms/{room}`: the definition, and who is there, without names.
pub(super) async fn show(State(app): State<Arc<App>>, Room(room): Room, headers: HeaderMap) -> Result<Response, ApiError> {
    Scope::of(&app, &headers)?.check(&room)?;
    let snapshot = app.control.inspect(&room).await;
    let defined = app.rooms.room(&room);
    if snapshot.is_none() && defined.is_none() {
        return Err(ApiError::not_found());
    }
    let tag = defined.as_ref().map(|defined| etag(defined.definition.revision));
    let live = snapshot.is_some();
    let meeting = RoomView::new(room.0, snapshot.unwrap_or(RoomSnapshot { people: Vec::new() }), &app.records.names);
    let view = FullView { meeting, live, definition: DefinitionView::new(defined) };
    Ok((tag.map(|tag| [(header::ETAG, tag)]), Json(view)).into_response())
}

/// `PATCH /v1/rooms/{room}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Room(room): Room,
    Params(query): Params<DryQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let scope = Scope::of(&app, &headers)?;
    scope.check(&room)?;
    let condition = condition(&headers)?;
    let body: PatchBody = json_up_to(&headers, body, MAX_DEFINITION).await?;
    if body.template != Patch::Keep {
        scope.check_all()?;
    }
    let template = match body.template {
        Patch::Set(id) => Patch::Set(template_of(&id)?),
        Patch::Clear => Patch::Clear,
        Patch::Keep => Patch::Keep,
    };
    let patch = RoomPatch { template, settings: body.settings, host_pin: body.host_pin, guest_pin: body.guest_pin };
    to_the_end(async move {
        let outcome = app.rooms.change(room.clone(), patch, condition, query.dry_run).await.map_err(ApiError::from);
        if !query.dry_run {
            record(&app, "room_changed", Some(&Target::Room(room.clone())), &outcome);
        }
        let change = outcome?;
        if query.dry_run {
            let live = is_live(&app, &room);
            let view = DryView { dry_run: true, room: room.0, live, changes: change.differences, effective: change.now.effective };
            return Ok(Json(view).into_response());
        }
        if !change.differences.is_empty() {
            tell(&app, vec![room.clone()]).await;
        }
        Ok(changed(StatusCode::OK, room, change.now))
    })
    .await
}

/// `DELETE /v1/rooms/{room}`: forgets the definition. A running meeting goes on with the settings it has; its PINs are gone at once.
pub(super) async fn delete(State(app): State<Arc<App>>, Room(room): Room, headers: HeaderMap) -> Result<Response, ApiError> {
    Scope::of(&app, &headers)?.check(&room)?;
    let condition = condition(&headers)?;
    to_the_end(async move {
        let outcome = app.rooms.delete(room.clone(), condition).await.map_err(ApiError::from);
        record(&app, "room_deleted", Some(&Target::Room(room)), &outcome);
        outcome.map(|()| StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Writes down who changed what, and how it went.
pub(super) fn record<T>(app: &App, action: &'static str, target: Option<&Target>, outcome: &Result<T, ApiError>) {
    app.records.audit.record(&Actor::Service, action, target, outcome.as_ref().map_or_else(ApiError::code, |_| "ok"));
}

/// Runs on when the caller hangs up.
pub(super) async fn to_the_end(work: impl Future<Output = Result<Response, ApiError>> + Send + 'static) -> Result<Response, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(ApiError::unavailable("busy", "this request was broken off")))
}

/// Tells running meetings of their settings as they are now.
pub(super) async fn tell(app: &App, rooms: Vec<RoomId>) {
    let _turn = app.rooms.telling().await;
    for room in rooms {
        if is_live(app, &room) {
            app.control.configure(&room, app.rooms.settings(&room)).await;
        }
    }
}

/// Whether a worker has the room, with people in it or remembering them.
pub(super) fn is_live(app: &App, room: &RoomId) -> bool {
    app.control.registry().worker_of(room).is_some()
}

/// A template's id in a body.
fn template_of(id: &str) -> Result<TemplateId, ApiError> {
    TemplateId::parse(id).ok_or_else(|| ApiError::field("template", "expected 1 to 64 of a-z, 0-9, - and _"))
}

fn changed(status: StatusCode, room: RoomId, defined: Defined) -> Response {
    let tag = etag(defined.definition.revision);
    let at = |rest: &str| format!("/v1/rooms/{}{rest}", room.0);
    let links =
        Links { page: format!("/?room={}", room.0), room: at(""), join: at("/join"), tokens: at("/tokens"), connect: at("/connect") };
    let view = ChangedView { id: room.0.clone(), room: room.0, etag: tag.clone(), links, definition: DefinitionView::new(Some(defined)) };
    (status, [(header::ETAG, tag)], Json(view)).into_response()
}

impl DefinitionView {
    fn new(defined: Option<Defined>) -> Self {
        let Some(Defined { definition, effective }) = defined else {
            return Self {
                revision: None,
                template: None,
                settings: Template::default(),
                effective: Settings::default(),
                has_host_pin: false,
                has_guest_pin: false,
                created: None,
                expires: None,
            };
        };
        Self {
            revision: Some(definition.revision),
            template: definition.template.clone(),
            settings: definition.settings.clone(),
            has_host_pin: definition.host_pin.is_some(),
            has_guest_pin: definition.guest_pin.is_some(),
            created: Some(definition.created),
            expires: definition.expires(&effective),
            effective,
        }
    }
}
