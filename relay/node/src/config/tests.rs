//! The configuration as a whole: documented file equals defaults, strictness, precedence, places of errors.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use toml::{Table, Value};

use super::*;

const DOCUMENTED: &str = include_str!("../../../../config/relay.toml");

/// Every key set. No `..`, so that a new key does not compile until it is here, and then not pass until it is documented.
fn every_key() -> Config {
    let key = Key {
        id: "k".into(),
        algorithm: Algorithm::EdDSA,
        secret_file: Some("s".into()),
        public_key_file: Some("p".into()),
        private_key_file: Some("p".into()),
    };
    let webhook = Webhook {
        url: "https://x".into(),
        secret_file: "s".into(),
        ca_file: Some("c".into()),
        rooms: Some("a".into()),
        events: vec!["left".into()],
    };
    Config {
        http: Http {
            listen: any_address(1),
            tls_cert: Some("c".into()),
            tls_key: Some("k".into()),
            trusted_proxies: vec![],
            logos: Some("l".into()),
        },
        admin: Admin { listen: any_address(1)[0] },
        media: Media { bind: vec![], port: 1, port_last: Some(2), public_addresses: vec![], workers: 1 },
        rooms: Rooms { open_rooms: vec![] },
        limits: Limits { rooms: 1, people_per_room: 1, people_per_worker: 1, websockets: 1, connections: 1 },
        timeouts: Timeouts { reconnect_seconds: 1, remember_seconds: 1, drain_seconds: 1 },
        log: Log { format: LogFormat::Json, level: "info".into() },
        store: Store { dir: Some("d".into()) },
        events: Events { keep_days: 1 },
        audit: Audit { file: Some("a".into()) },
        keys: vec![key],
        webhooks: vec![webhook],
    }
}

fn paths(prefix: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| paths(&format!("{prefix}.{key}"), value, into)),
        Value::Array(array) if array.iter().any(Value::is_table) => array.iter().for_each(|value| paths(prefix, value, into)),
        _ => {
            into.insert(prefix.to_owned());
        }
    }
}

fn paths_of(table: Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    paths("", &Value::Table(table), &mut found);
    found
}

fn no_environment() -> Vec<(String, String)> {
    Vec::new()
}

fn variable(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

/// A file of its own, removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("relay-config-{name}-{}.toml", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn load_text(name: &str, text: &str) -> Result<Config, ConfigError> {
    let file = File::new(name, text);
    load(&Config::default(), Some(&file.0), no_environment(), &Overrides::default())
}

#[test]
fn the_documented_file_is_the_defaults() {
    assert_eq!(load_text("documented", DOCUMENTED), Ok(Config::default()));
}

#[test]
fn the_documented_file_has_every_key_and_no_other() {
    // A commented-out assignment is `# key = value`; prose never looks like that.
    let uncommented: String = DOCUMENTED
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with("[[")
                    || rest.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')) =>
            {
                rest
            }
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let strict: Config = toml::from_str(&uncommented).unwrap();
    assert_eq!((strict.keys.len(), strict.webhooks.len()), (2, 1));
    let documented = paths_of(toml::from_str(&uncommented).unwrap());
    let known = paths_of(Table::try_from(every_key()).unwrap());
    assert_eq!(documented, known);
}

#[test]
fn what_is_printed_is_read_back() {
    let config = every_key();
    assert_eq!(toml::from_str::<Config>(&print(&config).unwrap()).unwrap(), config);
}

#[test]
fn errors_say_where_what_and_what_was_meant() {
    type Row = (&'static str, &'static str, Option<(usize, usize)>, Option<&'static str>, &'static str);
    let rows: [Row; 14] = [
        ("key", "[http]\nlisten = []\nlisten_on = 1\n", Some((3, 1)), Some("listen"), "expected one of"),
        ("section", "\n[htpp]\n", Some((2, 2)), Some("http"), "unknown key `htpp`"),
        ("stranger", "[media]\n  colour = 1\n", Some((2, 3)), None, "unknown key `colour`"),
        ("type", "[media]\nport = \"x\"\n", Some((2, 8)), None, "expected u16"),
        ("range", "[media]\nport = 70000\n", Some((2, 8)), None, "expected u16"),
        ("syntax", "[media\n", Some((1, 7)), None, "expected"),
        ("twice", "[log]\nlevel = \"info\"\nlevel = \"warn\"\n", Some((3, 1)), None, "duplicate"),
        ("variant", "[log]\nformat = \"prety\"\n", Some((2, 10)), Some("pretty"), "unknown variant"),
        ("address", "[admin]\nlisten = \"localhost\"\n", Some((2, 10)), None, "socket address"),
        ("empty", "[http]\nlisten = []\n", Some((2, 10)), None, "at least one address"),
        ("half", "[http]\ntls_cert = \"c.pem\"\n", Some((2, 12)), None, "both or neither"),
        ("level", "[log]\nlevel = \"in=fo=x\"\n", Some((2, 9)), None, "not understood"),
        ("room", "[rooms]\nopen_rooms = [\"Demo\"]\n", Some((2, 14)), None, "a-z"),
        ("secret", "[[keys]]\nid = \"a\"\nalgorithm = \"HS256\"\n", Some((3, 13)), None, "secret_file"),
    ];
    for (name, text, position, meant, part) in rows {
        let error = load_text(name, text).unwrap_err();
        assert_eq!((error.position, error.did_you_mean.as_deref()), (position, meant), "{name}: {error}");
        assert!(error.to_string().contains(part), "{name}: {error}");
        assert!(matches!(error.origin, Origin::File(_)), "{name}");
    }
}

#[test]
fn keys_are_checked() {
    let asymmetric = "[[keys]]\nid = \"a\"\nalgorithm = \"ES256\"\n";
    let rows = [
        ("[[keys]]\nid = \"a\"\nalgorithm = \"none\"\nsecret_file = \"s\"\n".to_owned(), "unknown variant"),
        ("[[keys]]\nid = \"a\"\nalgorithm = \"RS256\"\npublic_key_file = \"s\"\n".to_owned(), "unknown variant"),
        ("[[keys]]\nalgorithm = \"HS256\"\nsecret_file = \"s\"\n".to_owned(), "missing field `id`"),
        ("[[keys]]\nid = \"\"\nalgorithm = \"HS256\"\nsecret_file = \"s\"\n".to_owned(), "visible"),
        ("[[keys]]\nid = \"a\"\nalgorithm = \"HS256\"\nsecret_file = \"s\"\npublic_key_file = \"p\"\n".to_owned(), "expected no"),
        (asymmetric.to_owned(), "public_key_file"),
        (format!("{asymmetric}secret_file = \"s\"\npublic_key_file = \"p\"\n"), "only for HS256"),
        (format!("{asymmetric}public_key_file = \"p\"\n{asymmetric}public_key_file = \"p\"\n"), "used twice"),
    ];
    for (row, (text, part)) in rows.iter().enumerate() {
        let error = load_text(&format!("keys{row}"), text).unwrap_err();
        assert!(error.to_string().contains(part), "row {row}: {error}");
        assert!(error.position.is_some(), "row {row}: {error}");
    }
}

#[test]
fn webhooks_are_checked() {
    let hook = |url: &str, rest: &str| format!("[[webhooks]]\nurl = \"{url}\"\nsecret_file = \"s\"\n{rest}");
    let good = hook("https://booking.example/hook?x=1", "rooms = \"ward-\"\nevents = [\"joined\", \"left\"]\n");
    assert_eq!(load_text("webhook", &good).unwrap().webhooks.len(), 1);
    let rows = [
        (hook("ftp://a/", ""), "https"),
        (hook("booking.example", ""), "https"),
        (hook("https://", ""), "https"),
        (hook("/hook", ""), "https"),
        (hook("http://a b/", ""), "https"),
        (hook(&format!("https://a/{}", "x".repeat(3000)), ""), "https"),
        (hook("https://a/", "") + &hook("https://a/", ""), "used twice"),
        (hook("https://a/", "rooms = \"Ward\"\n"), "a-z"),
        (hook("https://a/", "events = [\"join\"]\n"), "expected of: meeting_started"),
        (hook("https://a/", "secret = \"x\"\n"), "unknown key `secret`"),
        ("[[webhooks]]\nurl = \"https://a/\"\n".to_owned(), "missing field `secret_file`"),
        ("[events]\nkeep_days = 0\n".to_owned(), "1 to 3650"),
    ];
    for (row, (text, part)) in rows.iter().enumerate() {
        let error = load_text(&format!("webhooks{row}"), text).unwrap_err();
        assert!(error.to_string().contains(part), "row {row}: {error}");
        assert!(error.position.is_some(), "row {row}: {error}");
    }
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let file = File::new("precedence", "[media]\nport = 1001\nworkers = 1\n[log]\nlevel = \"warn\"\n");
    let environment = || [variable("RELAY_MEDIA__PORT", "1002"), variable("RELAY_MEDIA__WORKERS", "2")].concat();
    let flags = Overrides { media_port: Some(1003), ..Overrides::default() };
    let load = |file, environment, flags: &Overrides| load(&Config::default(), file, environment, flags).unwrap();
    let path = Some(file.0.as_path());
    let none = Overrides::default();
    assert_eq!(load(None, no_environment(), &none).media.port, MEDIA_PORT);
    assert_eq!(load(path, no_environment(), &none).media.port, 1001);
    assert_eq!(load(path, environment(), &none).media.port, 1002);
    let all = load(path, environment(), &flags);
    assert_eq!((all.media.port, all.media.workers, all.log.level.as_str()), (1003, 2, "warn"));
    assert_eq!(all.media.bind, Config::default().media.bind, "keys that nobody set keep their defaults");
}

#[test]
fn every_flag_reaches_its_key() {
    let flags = Overrides {
        http_listen: vec!["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()],
        admin_listen: Some("127.0.0.1:3".parse().unwrap()),
        media_port: Some(4),
        workers: Some(5),
        log_format: Some(LogFormat::Json),
        log_level: Some("debug".into()),
    };
    let config = load(&Config::default(), None, no_environment(), &flags).unwrap();
    assert_eq!((config.http.listen, config.admin.listen), (flags.http_listen, flags.admin_listen.unwrap()));
    assert_eq!((config.media.port, config.media.workers), (4, 5));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Json, "debug"));
}

#[test]
fn environment_values_are_read_by_the_type_of_their_key() {
    let config = |name, value| load(&Config::default(), None, variable(name, value), &Overrides::default());
    assert_eq!(config("RELAY_LOG__LEVEL", "debug").unwrap().log.level, "debug");
    assert_eq!(config("RELAY_LOG__FORMAT", "json").unwrap().log.format, LogFormat::Json);
    assert_eq!(config("RELAY_ADMIN__LISTEN", "127.0.0.1:1").unwrap().admin.listen.port(), 1);
    assert_eq!(config("RELAY_MEDIA__BIND", r#"["::1"]"#).unwrap().media.bind, ["::1".parse::<IpAddr>().unwrap()]);
    assert_eq!(
        config("RELAY_HTTP__TLS_CERT", "12").err().map(|e| e.message),
        Some("`http.tls_cert` is set without `http.tls_key`, expected both or neither".into()),
        "a file name made of digits is text"
    );
    assert_eq!(config("RELAY_CONFIG", "x").unwrap(), Config::default(), "not of the form");
    let error = config("RELAY_MEDIA__PROT", "1").unwrap_err();
    assert_eq!((error.did_you_mean.as_deref(), &error.origin), (Some("port"), &Origin::Environment("RELAY_MEDIA__PROT".into())));
    let error = config("RELAY_MEDIA__PORT", "many").unwrap_err();
    assert!(error.message.contains("expected u16"), "{error}");
    let error = config("RELAY_MEDIA__WORKERS", "65").unwrap_err();
    assert_eq!(error.origin, Origin::Result);
}

#[test]
fn development_reaches_this_machine_only_unless_told() {
    let here = development(false);
    assert!(here.http.listen.iter().all(|address| address.ip().is_loopback()));
    assert!(here.media.bind.iter().all(IpAddr::is_loopback));
    assert!(here.admin.listen.ip().is_loopback());
    let lan = development(true);
    assert!(lan.http.listen.iter().all(|address| address.ip().is_unspecified()));
    assert!(lan.admin.listen.ip().is_loopback(), "operators' listener never leaves the machine by itself");
    assert_eq!(load(&here, None, no_environment(), &Overrides::default()), Ok(here));
}
