//! Events as signed POSTs: in order, without gaps that are not told, tried again for a day, from the log and never from a queue.

pub(super) mod cursor;
mod deliver;
pub(super) mod filter;
mod post;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use aws_lc_rs::hmac;
use tokio::task::JoinHandle;

use super::hub::Shared;
use crate::config::Webhook;
use filter::Filter;

/// Shortest secret, bytes.
const MIN_SECRET: usize = 32;
/// Largest secret or certificate file, bytes.
const MAX_FILE: usize = 1 << 20;

/// What a webhook names cannot be used; names files, never their content.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// A file cannot be read.
    #[error("webhook {index}: {path} cannot be read: {error}", path = path.display())]
    Unreadable {
        /// Which, from 0.
        index: usize,
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("webhook {index}: {path} is not usable, expected {expected}", path = path.display())]
    Unusable {
        /// Which, from 0.
        index: usize,
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
}

/// One webhook, ready to send.
pub(crate) struct Endpoint {
    index: usize,
    filter: Filter,
    secret: hmac::Key,
    agent: ureq::Agent,
}

impl Endpoint {
    /// Reads the files that the configuration names. `index`: which of the webhooks, from 0.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub(crate) fn load(index: usize, webhook: &Webhook) -> Result<Self, WebhookError> {
        let mut secret = read(index, &webhook.secret_file)?;
        while matches!(secret.last(), Some(b'\n' | b'\r')) {
            secret.pop();
        }
        if secret.len() < MIN_SECRET {
            let path = webhook.secret_file.clone();
            return Err(WebhookError::Unusable { index, path, expected: "at least 32 bytes" });
        }
        let authorities = match &webhook.ca_file {
            Some(path) => Some(certificates(index, path)?),
            None => None,
        };
        let filter = Filter {
            url: webhook.url.clone(),
            rooms: webhook.rooms.clone().unwrap_or_default(),
            events: webhook.events.iter().cloned().collect(),
        };
        Ok(Self { index, filter, secret: hmac::Key::new(hmac::HMAC_SHA256, &secret), agent: post::agent(authorities) })
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }
}

fn read(index: usize, path: &Path) -> Result<Vec<u8>, WebhookError> {
    let bytes = std::fs::read(path).map_err(|error| WebhookError::Unreadable { index, path: path.to_owned(), error })?;
    if bytes.len() > MAX_FILE {
        return Err(WebhookError::Unusable { index, path: path.to_owned(), expected: "at most 1 MiB" });
    }
    Ok(bytes)
}

fn certificates(index: usize, path: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>, WebhookError> {
    let text = read(index, path)?;
    let certificates: Vec<_> = ureq::tls::parse_pem(&text)
        .filter_map(|item| match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(WebhookError::Unusable { index, path: path.to_owned(), expected: "certificates in PEM" });
    }
    Ok(certificates)
}

/// What became of a webhook's deliveries since the start.
#[derive(Default)]
pub(super) struct Delivered {
    /// Batches that were taken.
    pub(super) batches: AtomicU64,
    /// Events in them.
    pub(super) events: AtomicU64,
    /// Requests that were not taken.
    pub(super) failures: AtomicU64,
    /// Events that were given up.
    pub(super) skipped: AtomicU64,
    /// Time of the oldest event that waits, Unix milliseconds; 0 when none does.
    pub(super) waiting_since: AtomicU64,
}

/// Starts one task per webhook, so that a slow one holds up no other.
pub(super) fn start(endpoints: Vec<Endpoint>, shared: &Arc<Shared>) -> (Vec<Arc<Delivered>>, Vec<JoinHandle<()>>) {
    let start = |endpoint: Endpoint| {
        let delivered = Arc::new(Delivered::default());
        let sender = deliver::Sender::new(endpoint, Arc::clone(shared), Arc::clone(&delivered), deliver::PACE);
        (delivered, tokio::spawn(sender.run()))
    };
    endpoints.into_iter().map(start).unzip()
}
