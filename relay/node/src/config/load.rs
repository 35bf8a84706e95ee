//! Lays file, environment and command line over the defaults, strictly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use toml::{Table, Value};

use super::error::{ConfigError, Origin};
use super::validate::validate;
use super::{Admin, Config, DEVELOPMENT_ROOM, HTTP_PORT, Http, LogFormat, Media, Rooms, Timeouts, any_address, loopback_address};

/// Environment variables of this form are configuration: `RELAY_SECTION__KEY`.
const PREFIX: &str = "RELAY_";
const SEPARATOR: &str = "__";
/// Largest configuration file that is read, bytes.
const MAX_FILE: u64 = 1 << 20;

/// Values from the command line; they win over everything.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `http.listen`
    pub http_listen: Vec<SocketAddr>,
    /// `admin.listen`
    pub admin_listen: Option<SocketAddr>,
    /// `media.port`
    pub media_port: Option<u16>,
    /// `media.workers`
    pub workers: Option<usize>,
    /// `log.format`
    pub log_format: Option<LogFormat>,
    /// `log.level`
    pub log_level: Option<String>,
}

/// What development mode starts from: this machine only, or with `lan` everybody who can reach it; one open room; no time to drain.
#[must_use]
pub fn development(lan: bool) -> Config {
    let loopback: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    Config {
        http: Http { listen: if lan { any_address(HTTP_PORT) } else { loopback_address(HTTP_PORT) }, ..Http::default() },
        admin: Admin::default(),
        media: if lan { Media::default() } else { Media { bind: loopback, ..Media::default() } },
        rooms: Rooms { open_rooms: vec![DEVELOPMENT_ROOM.into()] },
        timeouts: Timeouts { drain_seconds: 0, ..Timeouts::default() },
        ..Config::default()
    }
}

/// Precedence: `flags`, then `environment`, then `file`, then `base`.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn load(
    base: &Config,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
) -> Result<Config, ConfigError> {
    let mut merged = to_table(base)?;
    let mut text = None;
    if let Some(path) = file {
        let read = read_file(path)?;
        overlay(&mut merged, parse_file(path, &read)?);
        text = Some((path, read));
    }
    let mut environment: Vec<_> = environment.into_iter().filter_map(key_of_variable).collect();
    environment.sort();
    for (name, path, value) in environment {
        overlay(&mut merged, parse_variable(&name, &path, &value)?);
    }
    overlay(&mut merged, flags.to_table());
    let config: Config = merged.try_into().map_err(|error: toml::de::Error| ConfigError::new(Origin::Result, error.message()))?;
    validate(&config, text.as_ref().map(|(path, text)| (*path, text.as_str())))?;
    Ok(config)
}

/// The effective configuration as TOML. It holds no secrets: those are only named by file.
///
/// # Errors
/// Never for a configuration that [`load`] returned.
pub fn print(config: &Config) -> Result<String, ConfigError> {
    toml::to_string_pretty(config).map_err(|error| ConfigError::new(Origin::Result, error.to_string()))
}

impl Overrides {
    fn to_table(&self) -> Table {
        let mut table = Table::new();
        let mut set = |section: &str, key: &str, value: Option<Value>| {
            if let Some(value) = value {
                overlay(&mut table, nest(&[section, key], value));
            }
        };
        let listen = self.http_listen.iter().map(|address| Value::from(address.to_string())).collect();
        set("http", "listen", (!self.http_listen.is_empty()).then_some(Value::Array(listen)));
        set("admin", "listen", self.admin_listen.map(|address| address.to_string().into()));
        set("media", "port", self.media_port.map(|port| i64::from(port).into()));
        set("media", "workers", self.workers.map(|workers| i64::try_from(workers).unwrap_or(i64::MAX).into()));
        set("log", "format", self.log_format.and_then(|format| Value::try_from(format).ok()));
        set("log", "level", self.log_level.clone().map(Value::from));
        table
    }
}

fn to_table(config: &Config) -> Result<Table, ConfigError> {
    Table::try_from(config).map_err(|error| ConfigError::new(Origin::Result, error.to_string()))
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let fail = |message: String| ConfigError::new(Origin::File(path.to_owned()), message);
    let length = std::fs::metadata(path).map_err(|error| fail(format!("cannot be read: {error}")))?.len();
    if length > MAX_FILE {
        return Err(fail(format!("is {length} bytes long, expected at most {MAX_FILE}")));
    }
    std::fs::read_to_string(path).map_err(|error| fail(format!("cannot be read: {error}")))
}

/// The file alone must already be a correct configuration; that way errors carry the place in the file.
fn parse_file(path: &Path, text: &str) -> Result<Table, ConfigError> {
    let fail = |error: toml::de::Error| ConfigError::from_toml(Origin::File(path.to_owned()), text, &error);
    let _: Config = toml::from_str(text).map_err(fail)?;
    toml::from_str(text).map_err(fail)
}

/// `RELAY_HTTP__LISTEN` -> `["http", "listen"]`. Other variables, such as `RELAY_CONFIG`, are none of ours.
fn key_of_variable((name, value): (String, String)) -> Option<(String, Vec<String>, String)> {
    let key = name.strip_prefix(PREFIX)?;
    if !key.contains(SEPARATOR) {
        return None;
    }
    let path = key.split(SEPARATOR).map(str::to_ascii_lowercase).collect();
    Some((name, path, value))
}

/// The value is read as TOML where it is TOML of the right type (`7882`, `["::1"]`), else as text.
fn parse_variable(name: &str, path: &[String], value: &str) -> Result<Table, ConfigError> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let origin = Origin::Environment(name.to_owned());
    let typed = toml::from_str::<Table>(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
    let mut wrong = None;
    for candidate in typed.into_iter().chain([Value::from(value)]) {
        let table = nest(&path, candidate);
        match table.clone().try_into::<Config>() {
            Ok(_) => return Ok(table),
            Err(error) => wrong = wrong.or(Some(ConfigError::from_toml(origin.clone(), "", &error))),
        }
    }
    // At least the plain-text candidate was tried, so there is an error to show; it has no place in a file.
    Err(wrong.map_or_else(|| ConfigError::new(origin, "has no value"), |error| ConfigError { position: None, ..error }))
}

fn nest(path: &[&str], value: Value) -> Table {
    let mut value = value;
    for key in path.iter().rev() {
        value = Value::Table(Table::from_iter([((*key).to_owned(), value)]));
    }
    match value {
        Value::Table(table) => table,
        _ => Table::new(),
    }
}

/// Tables are merged, everything else (arrays too) is replaced.
fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}
