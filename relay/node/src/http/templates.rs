//! `/v1/templates`: what rooms inherit, for services that speak for all rooms.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use room::Template;
use serde::{Deserialize, Serialize};
use worker::command::RoomId;

use super::App;
use super::conditions::{condition, etag};
use super::error::ApiError;
use super::extract::{MAX_DEFINITION, Params, TemplatePath, json_up_to};
use super::rooms::{DryQuery, Scope, is_live, record, tell, to_the_end};
use crate::audit::Target;
use crate::rooms::{NewTemplate, TemplateDefinition, TemplateId, Touched};

/// Rooms that a dry run lists; it counts all.
const MAX_LISTED: usize = 1000;

/// Body of `PUT`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateBody {
    parent: Option<String>,
    #[serde(default, deserialize_with = "room::object")]
    settings: Template,
}

/// The list.
#[derive(Serialize)]
pub(super) struct List {
    templates: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    template: TemplateId,
    parent: Option<TemplateId>,
    revision: u64,
}

/// One template.
#[derive(Serialize)]
struct View {
    template: TemplateId,
    parent: Option<TemplateId>,
    settings: Template,
    revision: u64,
    etag: String,
    /// After a change: rooms whose settings changed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms_changed: Option<usize>,
}

/// What a change would do.
#[derive(Serialize)]
struct DryView {
    dry_run: bool,
    template: TemplateId,
    /// Rooms that would change, all of them.
    total: usize,
    /// The first of them.
    rooms: Vec<TouchedView>,
}

#[derive(Serialize)]
struct TouchedView {
    room: String,
    live: bool,
    changes: Vec<&'static str>,
}

/// `GET /v1/templates`.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<List>, ApiError> {
    Scope::of(&app, &headers)?.check_all()?;
    let row = |(template, definition): (TemplateId, Arc<TemplateDefinition>)| Row {
        template,
        parent: definition.parent.clone(),
        revision: definition.revision,
    };
    Ok(Json(List { templates: app.rooms.templates().into_iter().map(row).collect() }))
}

/// `GET /v1/templates/{template}`.
pub(super) async fn show(State(app): State<Arc<App>>, TemplatePath(id): TemplatePath, headers: HeaderMap) -> Result<Response, ApiError> {
    Scope::of(&app, &headers)?.check_all()?;
    let definition = app.rooms.template(&id).ok_or_else(ApiError::not_found)?;
    Ok(View::response(StatusCode::OK, id, &definition, None))
}

/// `PUT /v1/templates/{template}`.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    TemplatePath(id): TemplatePath,
    Params(query): Params<DryQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    Scope::of(&app, &headers)?.check_all()?;
    let condition = condition(&headers)?;
    let body: TemplateBody = json_up_to(&headers, body, MAX_DEFINITION).await?;
    let parent_of = |id: &str| TemplateId::parse(id).ok_or_else(|| ApiError::field("parent", "expected 1 to 64 of a-z, 0-9, - and _"));
    let parent = body.parent.as_deref().map(parent_of).transpose()?;
    let new = NewTemplate { parent, settings: body.settings };
    to_the_end(async move {
        let outcome = app.rooms.put_template(id.clone(), new, condition, query.dry_run).await.map_err(ApiError::from);
        if !query.dry_run {
            record(&app, "template_changed", Some(&Target::Template(id.0.clone())), &outcome);
        }
        let change = outcome?;
        if query.dry_run {
            return Ok(Json(DryView::new(&app, id, change.touched)).into_response());
        }
        let rooms: Vec<RoomId> = change.touched.into_iter().map(|touched| touched.room).collect();
        let total = rooms.len();
        tell(&app, rooms).await;
        let status = if change.new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(View::response(status, id, &change.now, Some(total)))
    })
    .await
}

/// `DELETE /v1/templates/{template}`.
pub(super) async fn delete(State(app): State<Arc<App>>, TemplatePath(id): TemplatePath, headers: HeaderMap) -> Result<Response, ApiError> {
    Scope::of(&app, &headers)?.check_all()?;
    let condition = condition(&headers)?;
    to_the_end(async move {
        let outcome = app.rooms.delete_template(id.clone(), condition).await.map_err(ApiError::from);
        record(&app, "template_deleted", Some(&Target::Template(id.0)), &outcome);
        outcome.map(|()| StatusCode::NO_CONTENT.into_response())
    })
    .await
}

impl View {
    fn response(status: StatusCode, template: TemplateId, definition: &TemplateDefinition, rooms_changed: Option<usize>) -> Response {
        let tag = etag(definition.revision);
        let view = Self {
            template,
            parent: definition.parent.clone(),
            settings: definition.settings.clone(),
            revision: definition.revision,
            etag: tag.clone(),
            rooms_changed,
        };
        (status, [(header::ETAG, tag)], Json(view)).into_response()
    }
}

impl DryView {
    fn new(app: &App, template: TemplateId, touched: Vec<Touched>) -> Self {
        let total = touched.len();
        let view = |touched: Touched| TouchedView { live: is_live(app, &touched.room), room: touched.room.0, changes: touched.differences };
        Self { dry_run: true, template, total, rooms: touched.into_iter().take(MAX_LISTED).map(view).collect() }
    }
}
