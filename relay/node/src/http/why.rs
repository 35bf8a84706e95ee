//! `GET /v1/rooms/{room}/why?viewer=…`: for each source in a room, whether one viewer gets it, at which layer, and which rule decides.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use room::Reason;
use serde::{Deserialize, Serialize};
use signal::message::{Limited, Source};
use worker::command::RoomId;
use worker::snapshot::{WhyRow, WhySnapshot};

use super::App;
use super::error::ApiError;
use super::extract::{Params, Room, bearer};
use super::live::GrantView;

/// Whose view is asked about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhyQuery {
    /// Participant id.
    viewer: u64,
}

/// The answer.
#[derive(Serialize)]
pub(super) struct WhyView {
    room: String,
    viewer: u64,
    rows: Vec<RowView>,
}

#[derive(Serialize)]
struct RowView {
    participant: u64,
    source: Source,
    shown: bool,
    reason: Reason,
    sentence: String,
    slot: Option<String>,
    layer: Option<String>,
    granted: Option<GrantView>,
    limited: Option<Limited>,
}

/// With a service token.
pub(super) async fn for_services(
    State(app): State<Arc<App>>,
    Room(room): Room,
    headers: HeaderMap,
    query: Result<Params<WhyQuery>, ApiError>,
) -> Result<Json<WhyView>, ApiError> {
    app.keys.service(bearer(&headers)?, &room)?;
    answer(&app, room, query?.0.viewer).await
}

/// On the operators' listener, which needs no token.
pub(super) async fn for_operators(
    State(app): State<Arc<App>>,
    Room(room): Room,
    Params(query): Params<WhyQuery>,
) -> Result<Json<WhyView>, ApiError> {
    answer(&app, room, query.viewer).await
}

async fn answer(app: &App, room: RoomId, viewer: u64) -> Result<Json<WhyView>, ApiError> {
    let WhySnapshot { viewer, rows } = app.control.why(&room, viewer).await.ok_or_else(ApiError::not_found)?;
    Ok(Json(WhyView { room: room.0, viewer, rows: rows.into_iter().map(RowView::new).collect() }))
}

impl RowView {
    fn new(row: WhyRow) -> Self {
        let WhyRow { participant, source, shown, reason, slot, layer, granted, limited } = row;
        let sentence = match limited.filter(|_| reason == Reason::Shown) {
            Some(limited) => format!("{} {}", sentence(reason), limit(limited)),
            None => sentence(reason).to_owned(),
        };
        Self { participant, source, shown, reason, sentence, slot, layer, granted: granted.map(GrantView::new), limited }
    }
}

/// What keeps the picture from being as good as it is shown large, for operators.
fn limit(limited: Limited) -> &'static str {
    match limited {
        Limited::Source => "The sender sends nothing better, or has not begun to.",
        Limited::Hidden => "The viewer's client says that it is not visible, so the lowest layer is sent at most.",
        Limited::Bandwidth => "The viewer's line does not carry a better layer.",
        Limited::Waits => "The viewer's line may carry a better layer; that it stays good is waited for.",
        Limited::NoRoom => "The viewer's line does not even carry the lowest layer.",
        Limited::NoMedia => "Nothing arrives from the sender.",
        Limited::Codec => "The sender sends in a codec that the viewer's client did not offer to read; VP8 is read by all.",
    }
}

/// The rule in words, for operators.
fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Shown => "The rules let it through, and it is in one of the viewer's slots.",
        Reason::Oneself => "It is the viewer's own; nobody gets their own media back.",
        Reason::ViewerWaits => "The viewer waits to be let in, and gets nothing until then.",
        Reason::SenderWaits => "Whoever sends it waits to be let in.",
        Reason::OtherPlace => "Viewer and sender are in different places: the main room or a breakout.",
        Reason::NotPublished => "The sender's client does not offer this source.",
        Reason::LockedByHost => "Host or deputy closed it.",
        Reason::NotAllowedHere => "The room's settings, or the kind of device, keep the sender from sending it.",
        Reason::SwitchedOff => "Its owner switched it off.",
        Reason::OneWay => "One-way video: participants get nothing of others but the staff's screen.",
        Reason::HostOnly => "Layout A (host only): participants do not get other participants.",
        Reason::NoTile => "The layout has no tile left for it.",
        Reason::NoSlot => "The viewer's client has no slot left for it.",
        Reason::ViewerUnreachable => {
            "No media reaches the viewer: the client has not connected yet, or its network does not let it through."
        }
        Reason::SenderUnreachable => {
            "No media comes from the sender: the client has not connected yet, or its network does not let it through."
        }
    }
}
