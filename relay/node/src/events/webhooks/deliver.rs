//! One webhook's loop: read a batch, send it until it is taken or too old, go on after it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::post::post;
use super::{Delivered, Endpoint};
use crate::clock::unix_millis;
use crate::events::hub::Shared;
use crate::events::log::{Batch, LogError};
use crate::pseudonym::hex;

/// Gaps and events in one request.
const BATCH: usize = 100;
/// Positions without anything for the webhook after which its place is kept anyway.
const KEEP_AFTER: u64 = 10_000;

/// How patient a webhook is.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// First pause after a request that was not taken; doubles with each further one.
    first: Duration,
    /// Longest pause.
    longest: Duration,
    /// Events that are older, and were not taken, are given up.
    give_up: Duration,
}

pub(super) const PACE: Pace =
    Pace { first: Duration::from_secs(1), longest: Duration::from_secs(600), give_up: Duration::from_secs(86_400) };

/// One webhook at work.
pub(super) struct Sender {
    endpoint: Arc<Endpoint>,
    shared: Arc<Shared>,
    delivered: Arc<Delivered>,
    pace: Pace,
    /// Requests in a row that were not taken.
    failures: u32,
}

impl Sender {
    pub(super) fn new(endpoint: Endpoint, shared: Arc<Shared>, delivered: Arc<Delivered>, pace: Pace) -> Self {
        Self { endpoint: Arc::new(endpoint), shared, delivered, pace, failures: 0 }
    }

    /// Runs until the log is closed.
    pub(super) async fn run(mut self) {
        let mut grown = self.shared.grown.subscribe();
        // Up to here nothing is for this webhook.
        let mut seen = 0;
        loop {
            grown.borrow_and_update();
            let batch = match self.read(seen).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(%error, webhook = self.endpoint.index, "events cannot be read");
                    sleep(self.pace.longest).await;
                    continue;
                }
            };
            seen = batch.upto;
            if !batch.rows.is_empty() || !batch.gaps.is_empty() {
                self.deliver(batch).await;
                continue;
            }
            if batch.upto - batch.after > KEEP_AFTER {
                self.keep(batch.clone(), |batch, shared, url| shared.log.delivered(url, batch)).await;
            }
            self.delivered.waiting_since.store(0, Ordering::Relaxed);
            if !batch.more && grown.changed().await.is_err() {
                return;
            }
        }
    }

    async fn read(&self, seen: u64) -> Result<Batch, LogError> {
        let endpoint = Arc::clone(&self.endpoint);
        self.shared.blocking(move |shared| shared.log.batch(&endpoint.filter, seen, BATCH)).await
    }

    /// Sends a batch until it is taken, or all of it is too old.
    async fn deliver(&mut self, batch: Batch) {
        let oldest = batch.rows.first().map_or(0, |row| row.at);
        self.delivered.waiting_since.store(oldest, Ordering::Relaxed);
        let body: Arc<str> = body(&batch).into();
        let delivery: Arc<str> = delivery_id().into();
        loop {
            let (endpoint, delivery, body) = (Arc::clone(&self.endpoint), Arc::clone(&delivery), Arc::clone(&body));
            let Ok(sent) = tokio::task::spawn_blocking(move || post(&endpoint, &delivery, &body)).await else { return };
            let Err(error) = sent else {
                self.failures = 0;
                self.delivered.batches.fetch_add(1, Ordering::Relaxed);
                self.delivered.events.fetch_add(batch.rows.len() as u64, Ordering::Relaxed);
                self.keep(batch, |batch, shared, url| shared.log.delivered(url, batch)).await;
                return;
            };
            self.delivered.failures.fetch_add(1, Ordering::Relaxed);
            self.failures = self.failures.saturating_add(1);
            let pause = self.pause();
            // No address: it may hold a secret.
            tracing::warn!(webhook = self.endpoint.index, %error, again_in_seconds = pause.as_secs(), "events were not taken");
            sleep(pause).await;
            if self.is_too_old(&batch) {
                return self.give_up(batch).await;
            }
        }
    }

    /// Skips this batch and those after it that are as old.
    async fn give_up(&self, first: Batch) {
        let mut batch = first;
        let mut skipped = 0;
        while self.is_too_old(&batch) {
            skipped += batch.rows.len() as u64;
            let upto = batch.upto;
            self.keep(batch, |batch, shared, url| shared.log.skipped(url, batch)).await;
            match self.read(upto).await {
                // The gaps are told with the next batch; here they would only hide the events.
                Ok(next) => batch = Batch { gaps: Vec::new(), ..next },
                Err(_) => break,
            }
        }
        self.delivered.skipped.fetch_add(skipped, Ordering::Relaxed);
        tracing::error!(webhook = self.endpoint.index, events = skipped, "events were given up; the webhook will be told of the gap");
    }

    fn is_too_old(&self, batch: &Batch) -> bool {
        let limit = u64::try_from(self.pace.give_up.as_millis()).unwrap_or(u64::MAX);
        batch.rows.last().is_some_and(|row| row.at.saturating_add(limit) < unix_millis())
    }

    /// Keeps what became of a batch. When the disk refuses, the batch is sent again: at least once, never not at all.
    async fn keep(&self, batch: Batch, change: impl FnOnce(&Batch, &Shared, &str) -> Result<(), LogError> + Send + 'static) {
        let endpoint = Arc::clone(&self.endpoint);
        let kept = self.shared.blocking(move |shared| change(&batch, shared, &endpoint.filter.url)).await;
        if let Err(error) = kept {
            tracing::warn!(%error, webhook = self.endpoint.index, "the webhook's place cannot be kept");
            sleep(self.pace.first).await;
        }
    }

    /// Doubles from the first to the longest, and between half and all of that by chance, so that webhooks do not come back in step.
    fn pause(&self) -> Duration {
        let doubled = self.pace.first.saturating_mul(1 << self.failures.saturating_sub(1).min(20));
        let full = doubled.min(self.pace.longest);
        let mut chance = [0];
        // Without entropy all wait the longest; nothing depends on it.
        let chance = getrandom::fill(&mut chance).map_or(255, |()| chance[0]);
        full / 2 + full.mul_f64(f64::from(chance) / 510.0)
    }
}

fn body(batch: &Batch) -> String {
    let gaps = batch.gaps.iter().map(super::cursor::Gap::line);
    let lines: Vec<String> = gaps.chain(batch.rows.iter().map(|row| row.line.clone())).collect();
    format!("{{\"events\":[{}]}}", lines.join(","))
}

fn delivery_id() -> String {
    let mut bytes = [0; 16];
    // An id that is not unique is a nuisance, not a fault: events are told apart by room and number.
    let _ = getrandom::fill(&mut bytes);
    hex(&bytes)
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;
