//! `POST /v1/rooms/{room}/commands`: everything that may be asked of a room, for systems and people without a media session of their own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use room::{Code, Command, Refusal};
use worker::command::{By, RoomId};

use super::App;
use super::error::ApiError;
use super::extract::{Room, bearer, parsed, text};
use super::idempotency::Turn;
use crate::tokens::{Access, Unauthorized};

/// Largest body, bytes: settings with a hundred invitees.
const MAX_COMMAND: usize = 64 * 1024;

/// Carries a command out: with a service token as a service, with a person's token as that person, who must be in the room. 204, or the
/// room's refusal; nothing changed then.
pub(super) async fn act(State(app): State<Arc<App>>, Room(room): Room, headers: HeaderMap, body: Body) -> Result<StatusCode, ApiError> {
    let by = caller(&app, &headers, &room)?;
    let body = text(&headers, body, "application/json", MAX_COMMAND).await?;
    let command: Command = parsed(&body)?;
    let name = match &by {
        By::Service => format!("service\n{}", room.0),
        By::Identity(identity) => format!("person\n{}\n{identity}", room.0),
    };
    let answer = match app.idempotency.turn(&headers, &name, &body)? {
        Turn::Repeat(answer) => answer,
        Turn::Do(ticket) => {
            let answer = app.control.act_for(&room, by, command).await;
            let answer = answer.map_err(|busy| ApiError::unavailable("busy", busy.to_string()))?;
            let lasting = !matches!(&answer, Err(refusal) if refusal.code == Code::RateLimited);
            // Whoever was too fast is to try again with the same key.
            if let Some(ticket) = ticket.filter(|_| lasting) {
                ticket.answered(&answer);
            }
            answer
        }
    };
    answer.map(|()| StatusCode::NO_CONTENT).map_err(refused)
}

fn caller(app: &App, headers: &HeaderMap, room: &RoomId) -> Result<By, ApiError> {
    match app.keys.verify(bearer(headers)?) {
        Ok(Access::Service(scope)) if scope.as_ref().is_none_or(|scope| scope == room) => Ok(By::Service),
        Ok(Access::Room(grant)) if grant.room == *room => Ok(By::Identity(grant.identity)),
        _ => Err(Unauthorized.into()),
    }
}

fn refused(refusal: Refusal) -> ApiError {
    let Refusal { code, message, field } = refusal;
    let (status, code) = match code {
        Code::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        Code::NotAllowedHere => (StatusCode::FORBIDDEN, "not_allowed_here"),
        Code::LockedByHost => (StatusCode::FORBIDDEN, "locked_by_host"),
        Code::Removed => (StatusCode::FORBIDDEN, "removed"),
        Code::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Code::Full => (StatusCode::CONFLICT, "full"),
        Code::NotOpen => (StatusCode::CONFLICT, "not_open"),
        Code::Ended => (StatusCode::CONFLICT, "ended"),
        Code::Taken => (StatusCode::CONFLICT, "taken"),
        Code::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        Code::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
    };
    ApiError::new(status, code, message).blaming(field)
}
