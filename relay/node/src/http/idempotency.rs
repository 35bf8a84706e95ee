//! `Idempotency-Key`: the same request with the same key is carried out once and answered twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use axum::http::{HeaderMap, StatusCode};
use room::Refusal;

use super::error::ApiError;

/// The header.
const HEADER: &str = "idempotency-key";
/// Longest key, bytes.
const MAX_KEY: usize = 128;
/// Requests that are remembered; beyond, the oldest are forgotten. Retries come within seconds.
const MAX_REMEMBERED: usize = 4096;

type Hash = [u8; 32];

/// Requests that were answered, or are being answered now.
#[derive(Default)]
pub(crate) struct Idempotency {
    requests: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    known: HashMap<Hash, Request>,
    order: VecDeque<Hash>,
}

struct Request {
    body: Hash,
    /// `None` while it is under way.
    answer: Option<Result<(), Refusal>>,
}

/// What to do with a request.
pub(super) enum Turn<'a> {
    /// Carry it out.
    Do(Option<Ticket<'a>>),
    /// It was answered before.
    Repeat(Result<(), Refusal>),
}

/// A request that is carried out now; forgotten when dropped without an answer.
pub(super) struct Ticket<'a> {
    requests: &'a Mutex<Requests>,
    key: Hash,
}

impl Idempotency {
    /// Looks a request up. `caller` names who asks and where, so that nobody meets another's keys.
    ///
    /// # Errors
    /// 400 for a key that is none, 409 while the same request is under way, 422 when the key came with another body.
    pub(super) fn turn(&self, headers: &HeaderMap, caller: &str, body: &str) -> Result<Turn<'_>, ApiError> {
        let Some(key) = headers.get(HEADER) else { return Ok(Turn::Do(None)) };
        let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
        let key = key.ok_or_else(|| ApiError::bad_request(format!("expected 1 to {MAX_KEY} visible characters in {HEADER}")))?;
        // Room ids and keys hold no line break, so no two pairs give the same text.
        let (key, body) = (hash(&format!("{key}\n{caller}")), hash(body));
        let mut requests = lock(&self.requests);
        match requests.known.get(&key) {
            Some(known) if known.body != body => {
                let message = "this idempotency key came with another body before";
                Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", message))
            }
            Some(Request { answer: Some(answer), .. }) => Ok(Turn::Repeat(answer.clone())),
            Some(Request { answer: None, .. }) => {
                Err(ApiError::new(StatusCode::CONFLICT, "in_progress", "the same request is being carried out"))
            }
            None => {
                requests.remember(key, body);
                Ok(Turn::Do(Some(Ticket { requests: &self.requests, key })))
            }
        }
    }
}

impl Requests {
    fn remember(&mut self, key: Hash, body: Hash) {
        if self.order.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(key, Request { body, answer: None });
        self.order.push_back(key);
    }
}

impl Ticket<'_> {
    /// Keeps the answer for those who ask again.
    pub(super) fn answered(self, answer: &Result<(), Refusal>) {
        if let Some(request) = lock(self.requests).known.get_mut(&self.key) {
            request.answer = Some(answer.clone());
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut requests = lock(self.requests);
        if requests.known.get(&self.key).is_some_and(|request| request.answer.is_none()) {
            requests.known.remove(&self.key);
            requests.order.retain(|key| *key != self.key);
        }
    }
}

fn hash(text: &str) -> Hash {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    // SHA-256 has 32 bytes.
    digest.as_ref().try_into().unwrap_or_default()
}

fn lock(requests: &Mutex<Requests>) -> MutexGuard<'_, Requests> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::response::IntoResponse as _;

    fn headers(key: &str) -> HeaderMap {
        HeaderMap::from_iter([(HEADER.parse().unwrap(), key.parse().unwrap())])
    }

    fn ticket<'a>(idempotency: &'a Idempotency, key: &str, caller: &str, body: &str) -> Option<Ticket<'a>> {
        match idempotency.turn(&headers(key), caller, body) {
            Ok(Turn::Do(ticket)) => ticket,
            _ => None,
        }
    }

    fn status(idempotency: &Idempotency, key: &str, body: &str) -> Option<u16> {
        idempotency.turn(&headers(key), "a", body).err().map(|error| error.into_response().status().as_u16())
    }

    #[test]
    fn once_carried_out_twice_answered_and_never_mixed_up() {
        let idempotency = Idempotency::default();
        let first = ticket(&idempotency, "k", "a", "body").unwrap();
        assert_eq!(status(&idempotency, "k", "body"), Some(409));
        assert_eq!(status(&idempotency, "k", "other"), Some(422));
        assert!(ticket(&idempotency, "k", "b", "body").is_some(), "another caller's key is another key");
        first.answered(&Ok(()));
        assert!(matches!(idempotency.turn(&headers("k"), "a", "body"), Ok(Turn::Repeat(Ok(())))));
        assert_eq!(status(&idempotency, "k", "other"), Some(422));
        assert_eq!(status(&idempotency, &"x".repeat(129), "body"), Some(400));
        // One that came to nothing may be tried again.
        drop(ticket(&idempotency, "n", "a", "body").unwrap());
        assert!(ticket(&idempotency, "n", "a", "body").is_some());
        assert!(matches!(idempotency.turn(&HeaderMap::new(), "a", "body"), Ok(Turn::Do(None))));
    }

    #[test]
    fn memory_is_bounded() {
        let idempotency = Idempotency::default();
        for number in 0..2 * MAX_REMEMBERED {
            ticket(&idempotency, &number.to_string(), "a", "").unwrap().answered(&Ok(()));
        }
        let requests = lock(&idempotency.requests);
        assert_eq!((requests.known.len(), requests.order.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    }
}
