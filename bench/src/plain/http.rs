//! WHIP and WHEP in front of the plain SFU, with the relay's paths: a session is a POST, ended by DELETE. Nobody is asked for a token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use signal::sdp::{Answerer, Candidate, Local, MAX_SDP, ufrag_prefix};
use transport::Certificate;

use super::sfu::{Join, MAX_PEERS};
use super::thread::{Command, Shared};

/// What the endpoints need.
pub struct Http {
    shared: Arc<Shared>,
    certificate: Arc<Certificate>,
    next: AtomicU64,
}

impl Http {
    /// Answers with this certificate and the media thread's address.
    #[must_use]
    pub fn new(shared: Arc<Shared>, certificate: Arc<Certificate>) -> Self {
        Self { shared, certificate, next: AtomicU64::new(1) }
    }
}

/// The endpoints.
pub fn router(http: Http) -> Router {
    let (whip, whep) = ("/v1/rooms/{room}/whip", "/v1/rooms/{room}/whep");
    Router::new()
        .route(whip, post(open))
        .route(whep, post(open))
        .route("/v1/rooms/{room}/whip/{id}", delete(end))
        .route("/v1/rooms/{room}/whep/{id}", delete(end))
        .route("/counters", get(counters))
        .layer(DefaultBodyLimit::max(MAX_SDP))
        .with_state(Arc::new(http))
}

/// The offer says by its directions who publishes and who receives; both endpoints take both.
async fn open(State(http): State<Arc<Http>>, Path(room): Path<String>, uri: axum::http::Uri, offer: String) -> Response {
    if http.shared.counters().0 >= MAX_PEERS {
        return (StatusCode::SERVICE_UNAVAILABLE, "no more people: DELETE a session first").into_response();
    }
    let id = http.next.fetch_add(1, Ordering::Relaxed);
    let local = Local {
        ufrag_prefix: ufrag_prefix(0),
        fingerprint: http.certificate.fingerprint(),
        candidates: vec![Candidate { address: http.shared.media }],
        session_id: id,
    };
    let mut starved = false;
    let answered = Answerer::new(local).answer(&offer, &BTreeMap::new(), &mut |buf| starved |= getrandom::fill(buf).is_err());
    if starved {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the system has no entropy").into_response();
    }
    let answered = match answered {
        Ok(answered) => answered,
        Err(error) => return (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    };
    let join = Command::Join(Box::new(Join { id, room, session: answered.session }));
    if let Err(error) = http.shared.tell(join) {
        return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response();
    }
    let headers = [(header::CONTENT_TYPE, "application/sdp".to_owned()), (header::LOCATION, format!("{}/{id}", uri.path()))];
    (StatusCode::CREATED, headers, answered.sdp).into_response()
}

async fn end(State(http): State<Arc<Http>>, Path((_, id)): Path<(String, u64)>) -> StatusCode {
    match http.shared.tell(Command::Leave(id)) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What a side-by-side run divides CPU time by.
async fn counters(State(http): State<Arc<Http>>) -> axum::Json<serde_json::Value> {
    let (people, counters) = http.shared.counters();
    axum::Json(serde_json::json!({
        "people": people,
        "packets_opened": counters.opened,
        "packets_forwarded": counters.forwarded,
        "datagrams_dropped": counters.dropped,
        "joins": counters.joined,
    }))
}
