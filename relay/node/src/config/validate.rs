//! Rules that span keys or that a type cannot express; each error points at the offending key.

use std::collections::BTreeSet;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use tracing_subscriber::EnvFilter;

use super::error::{ConfigError, Origin, position};
use super::{Algorithm, Config, Key, Webhook};
use crate::events::TYPES;
use crate::media_thread::MAX_THREADS;
use crate::room_id::parse_room;

/// Longest key id.
const MAX_KEY_ID: usize = 64;
/// Most token keys: each is tried only when a token names it, so this bounds nothing but mistakes.
const MAX_KEYS: usize = 32;
/// Longest grace or drain period: a day.
const MAX_SECONDS: u64 = 86_400;
/// Longest time that events are kept, days.
const MAX_KEEP_DAYS: u64 = 3650;
/// Most webhooks: each has a thread while it sends.
const MAX_WEBHOOKS: usize = 16;
/// Longest address of a webhook, bytes.
const MAX_URL: usize = 2048;
/// A room's sessions all live on one core; beyond this the cascade is needed.
const MAX_PEOPLE: usize = 1_000;

/// A rule that was broken: dotted path of the key, and what was expected.
struct Broken(String, String);

pub(super) fn validate(config: &Config, file: Option<(&Path, &str)>) -> Result<(), ConfigError> {
    let Err(Broken(path, message)) = check(config) else { return Ok(()) };
    let message = format!("`{path}` {message}");
    // The offending value may come from the environment or the command line; then the file has no place to show.
    if let Some((file, text)) = file
        && let Some(place) = locate(text, &path)
    {
        return Err(ConfigError { position: Some(place), ..ConfigError::new(Origin::File(file.to_owned()), message) });
    }
    Err(ConfigError::new(Origin::Result, message))
}

fn check(config: &Config) -> Result<(), Broken> {
    let http = &config.http;
    rule(!http.listen.is_empty(), "http.listen", "is empty, expected at least one address")?;
    rule(http.tls_cert.is_none() || http.tls_key.is_some(), "http.tls_cert", "is set without `http.tls_key`, expected both or neither")?;
    rule(http.tls_key.is_none() || http.tls_cert.is_some(), "http.tls_key", "is set without `http.tls_cert`, expected both or neither")?;
    let media = &config.media;
    rule(!media.bind.is_empty(), "media.bind", "is empty, expected at least one address")?;
    rule(media.workers <= MAX_THREADS, "media.workers", &format!("is {}, expected 0 to {MAX_THREADS}", media.workers))?;
    if let Some(last) = media.port_last {
        rule(last >= media.port && media.port > 0, "media.port_last", &format!("is {last}, expected `media.port` or more"))?;
        let ports = usize::from(last - media.port) + 1;
        rule(media.workers == 0 || ports >= media.workers, "media.port_last", "leaves fewer ports than `media.workers`")?;
    }
    let limits = &config.limits;
    let counts = [
        ("rooms", limits.rooms),
        ("people_per_room", limits.people_per_room),
        ("people_per_worker", limits.people_per_worker),
        ("websockets", limits.websockets),
        ("connections", limits.connections),
    ];
    for (key, value) in counts {
        rule(value > 0, &format!("limits.{key}"), "is 0, expected at least 1")?;
    }
    rule(limits.people_per_room <= MAX_PEOPLE, "limits.people_per_room", &format!("is too large, expected at most {MAX_PEOPLE}"))?;
    let timeouts = &config.timeouts;
    let seconds = [
        ("reconnect_seconds", timeouts.reconnect_seconds),
        ("remember_seconds", timeouts.remember_seconds),
        ("drain_seconds", timeouts.drain_seconds),
    ];
    for (key, value) in seconds {
        rule(value <= MAX_SECONDS, &format!("timeouts.{key}"), &format!("is {value}, expected 0 to {MAX_SECONDS}"))?;
    }
    for room in &config.rooms.open_rooms {
        let same = parse_room(room).is_some_and(|id| id.0 == *room);
        rule(same, "rooms.open_rooms", &format!("holds `{room}`, expected 1 to 64 of a-z, 0-9, - and _"))?;
    }
    rule(
        EnvFilter::try_new(&config.log.level).is_ok(),
        "log.level",
        "is not understood, expected for example `info` or `info,worker=debug`",
    )?;
    let days = config.events.keep_days;
    rule((1..=MAX_KEEP_DAYS).contains(&days), "events.keep_days", &format!("is {days}, expected 1 to {MAX_KEEP_DAYS}"))?;
    check_webhooks(&config.webhooks)?;
    check_keys(&config.keys)
}

fn check_webhooks(webhooks: &[Webhook]) -> Result<(), Broken> {
    rule(webhooks.len() <= MAX_WEBHOOKS, "webhooks", &format!("has {} entries, expected at most {MAX_WEBHOOKS}", webhooks.len()))?;
    let mut seen = BTreeSet::new();
    for (index, webhook) in webhooks.iter().enumerate() {
        let at = |field: &str| format!("webhooks.{index}.{field}");
        let url = webhook.url.parse::<axum::http::Uri>().ok().filter(|_| webhook.url.len() <= MAX_URL);
        let usable =
            url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty()));
        rule(usable, &at("url"), "is not an address, expected `https://…` or `http://…`")?;
        rule(seen.insert(webhook.url.as_str()), &at("url"), "is used twice, expected one webhook per address")?;
        let prefix = webhook.rooms.as_deref();
        let fits = prefix.is_none_or(|prefix| parse_room(prefix).is_some_and(|id| id.0 == prefix));
        rule(fits, &at("rooms"), "is not the beginning of a room id, expected 1 to 64 of a-z, 0-9, - and _")?;
        for kind in &webhook.events {
            rule(TYPES.contains(&kind.as_str()), &at("events"), &format!("holds `{kind}`, expected of: {}", TYPES.join(", ")))?;
        }
    }
    Ok(())
}

fn check_keys(keys: &[Key]) -> Result<(), Broken> {
    rule(keys.len() <= MAX_KEYS, "keys", &format!("has {} entries, expected at most {MAX_KEYS}", keys.len()))?;
    let mut seen = BTreeSet::new();
    for (index, key) in keys.iter().enumerate() {
        let at = |field: &str| format!("keys.{index}.{field}");
        let visible = key.id.bytes().all(|byte| byte.is_ascii_graphic());
        rule(!key.id.is_empty() && key.id.len() <= MAX_KEY_ID && visible, &at("id"), "is not 1 to 64 visible ASCII characters")?;
        rule(seen.insert(key.id.as_str()), &at("id"), "is used twice, expected one key per id")?;
        let secret = key.secret_file.is_some();
        let pair = key.public_key_file.is_some() || key.private_key_file.is_some();
        match key.algorithm {
            Algorithm::HS256 => {
                rule(secret, &at("algorithm"), "is HS256, expected `secret_file`")?;
                rule(!pair, &at("algorithm"), "is HS256, expected no `public_key_file` or `private_key_file`")?;
            }
            Algorithm::ES256 | Algorithm::EdDSA => {
                rule(key.public_key_file.is_some(), &at("algorithm"), "is asymmetric, expected `public_key_file`")?;
                rule(!secret, &at("secret_file"), "is only for HS256")?;
            }
        }
    }
    Ok(())
}

fn rule(holds: bool, path: &str, message: &str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(path.to_owned(), message.to_owned())) }
}

/// Where `path` is set in `text`.
fn locate(text: &str, path: &str) -> Option<(usize, usize)> {
    let root = DeTable::parse(text).ok()?;
    let mut value = DeValue::Table(root.into_inner());
    let mut span = None;
    for key in path.split('.') {
        let next = match value {
            DeValue::Table(mut table) => table.remove(key)?,
            DeValue::Array(array) => array.into_iter().nth(key.parse().ok()?)?,
            _ => return None,
        };
        span = Some(next.span());
        value = next.into_inner();
    }
    span.map(|span| position(text, &span))
}
