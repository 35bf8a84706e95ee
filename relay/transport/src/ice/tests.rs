//! The transition table of ICE-lite, row by row, and the rules that need more than one row.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use wire::stun::{BindingRequest, MAX_REPLY, MAX_REQUEST, StunResponse, TransactionId, binding_request};

use super::*;

fn credentials(name: &str) -> IceCredentials {
    IceCredentials { ufrag: name.to_owned(), pwd: format!("password-of-{name}-long-enough") }
}

fn path(port: u16) -> Path {
    Path { remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port), local: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)) }
}

const A: u16 = 1_000;
const B: u16 = 2_000;

/// A check of `client` on `relay`, signed with `pwd`.
fn check_as(relay: &str, client: &str, pwd: &str, role: Role, use_candidate: bool) -> Vec<u8> {
    let request = BindingRequest {
        transaction: TransactionId(*b"transaction!"),
        remote_ufrag: relay,
        local_ufrag: client,
        priority: 7,
        role,
        use_candidate,
    };
    let mut buf = vec![0; MAX_REQUEST];
    let len = binding_request(&request, &Key::new(pwd), &mut buf).unwrap();
    buf.truncate(len);
    buf
}

fn check(relay: &str, client: &str, use_candidate: bool) -> Vec<u8> {
    check_as(relay, client, &credentials(relay).pwd, Role::Controlling(1), use_candidate)
}

fn relay() -> Ice {
    Ice::new(credentials("relay"), credentials("client"))
}

struct Clock(Instant);

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "an arbitrary origin; nothing waits for it")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn at(&self, seconds: u64) -> Instant {
        self.0 + Duration::from_secs(seconds)
    }
}

fn send(ice: &mut Ice, now: Instant, path: Path, datagram: &[u8]) -> Check {
    let mut reply = [0; MAX_REPLY];
    let outcome = ice.handle(now, path, datagram, &mut reply);
    let len = match outcome {
        Check::Rejected => 0,
        Check::RoleConflict { reply_len } => reply_len,
        Check::Accepted(accepted) => accepted.reply_len,
    };
    assert!(len <= datagram.len(), "a reply of {len} bytes to {} bytes", datagram.len());
    outcome
}

/// Puts a fresh ICE into one of the states of the table.
fn state(name: &str, now: Instant) -> Ice {
    let mut ice = relay();
    match name {
        "new" => {}
        "checked A" => _ = send(&mut ice, now, path(A), &check("relay", "client", false)),
        "nominated A" => _ = send(&mut ice, now, path(A), &check("relay", "client", true)),
        "restarting" => {
            send(&mut ice, now, path(A), &check("relay", "client", true));
            ice.restart(credentials("relay2"), credentials("client2"));
        }
        "restarted" => {
            send(&mut ice, now, path(A), &check("relay", "client", true));
            ice.restart(credentials("relay2"), credentials("client2"));
            send(&mut ice, now, path(A), &check("relay2", "client2", false));
        }
        other => panic!("no state {other}"),
    }
    ice
}

fn event(name: &str) -> (Path, Vec<u8>) {
    let pwd = credentials("relay").pwd;
    match name {
        "check A" => (path(A), check("relay", "client", false)),
        "nominate A" => (path(A), check("relay", "client", true)),
        "check B" => (path(B), check("relay", "client", false)),
        "nominate B" => (path(B), check("relay", "client", true)),
        "nominate B, new" => (path(B), check("relay2", "client2", true)),
        "controlled" => (path(B), check_as("relay", "client", &pwd, Role::Controlled(1), true)),
        "forged B" => (path(B), check_as("relay", "client", "a-guess-at-the-password", Role::Controlling(1), true)),
        "stranger B" => (path(B), check_as("relay", "someone", &pwd, Role::Controlling(1), true)),
        "other relay" => (path(B), check_as("other", "client", &pwd, Role::Controlling(1), true)),
        "garbage" => (path(B), vec![0; 40]),
        other => panic!("no event {other}"),
    }
}

fn port(path: Option<Path>) -> String {
    match path.map(|path| path.remote.port()) {
        None => "-".to_owned(),
        Some(A) => "A".to_owned(),
        Some(B) => "B".to_owned(),
        Some(other) => other.to_string(),
    }
}

#[test]
fn transition_table() {
    let clock = Clock::start();
    let mut table = String::new();
    for from in ["new", "checked A", "nominated A", "restarting", "restarted"] {
        for event_name in [
            "check A",
            "nominate A",
            "check B",
            "nominate B",
            "nominate B, new",
            "controlled",
            "forged B",
            "stranger B",
            "other relay",
            "garbage",
        ] {
            let mut ice = state(from, clock.at(0));
            let (at, datagram) = event(event_name);
            let outcome = match send(&mut ice, clock.at(1), at, &datagram) {
                Check::Rejected => "drop".to_owned(),
                Check::RoleConflict { .. } => "487".to_owned(),
                Check::Accepted(accepted) => {
                    let learned = if accepted.learned { " learn" } else { "" };
                    let selected = if accepted.selected { " select" } else { "" };
                    format!("ok{learned}{selected}")
                }
            };
            let mut known: Vec<_> = ice.paths().map(|path| port(Some(path))).collect();
            known.sort();
            let (known, send_to) = (known.join("+"), port(ice.send_path(clock.at(1))));
            writeln!(table, "{from:11} | {event_name:15} | {outcome:15} | {known:3} -> {send_to}").unwrap();
        }
    }
    assert_eq!(table, TABLE, "the table is now:\n{table}");
}

/// state | event | answer and change | known paths -> where we send
const TABLE: &str = "\
new         | check A         | ok learn        | A   -> -
new         | nominate A      | ok learn select | A   -> A
new         | check B         | ok learn        | B   -> -
new         | nominate B      | ok learn select | B   -> B
new         | nominate B, new | drop            |     -> -
new         | controlled      | 487             |     -> -
new         | forged B        | drop            |     -> -
new         | stranger B      | drop            |     -> -
new         | other relay     | drop            |     -> -
new         | garbage         | drop            |     -> -
checked A   | check A         | ok              | A   -> -
checked A   | nominate A      | ok select       | A   -> A
checked A   | check B         | ok learn        | A+B -> -
checked A   | nominate B      | ok learn select | A+B -> B
checked A   | nominate B, new | drop            | A   -> -
checked A   | controlled      | 487             | A   -> -
checked A   | forged B        | drop            | A   -> -
checked A   | stranger B      | drop            | A   -> -
checked A   | other relay     | drop            | A   -> -
checked A   | garbage         | drop            | A   -> -
nominated A | check A         | ok              | A   -> A
nominated A | nominate A      | ok              | A   -> A
nominated A | check B         | ok learn        | A+B -> A
nominated A | nominate B      | ok learn select | A+B -> B
nominated A | nominate B, new | drop            | A   -> A
nominated A | controlled      | 487             | A   -> A
nominated A | forged B        | drop            | A   -> A
nominated A | stranger B      | drop            | A   -> A
nominated A | other relay     | drop            | A   -> A
nominated A | garbage         | drop            | A   -> A
restarting  | check A         | ok              | A   -> A
restarting  | nominate A      | ok              | A   -> A
restarting  | check B         | ok learn        | A+B -> A
restarting  | nominate B      | ok learn select | A+B -> B
restarting  | nominate B, new | ok learn select | A+B -> B
restarting  | controlled      | 487             | A   -> A
restarting  | forged B        | drop            | A   -> A
restarting  | stranger B      | drop            | A   -> A
restarting  | other relay     | drop            | A   -> A
restarting  | garbage         | drop            | A   -> A
restarted   | check A         | drop            | A   -> A
restarted   | nominate A      | drop            | A   -> A
restarted   | check B         | drop            | A   -> A
restarted   | nominate B      | drop            | A   -> A
restarted   | nominate B, new | ok learn select | A+B -> B
restarted   | controlled      | drop            | A   -> A
restarted   | forged B        | drop            | A   -> A
restarted   | stranger B      | drop            | A   -> A
restarted   | other relay     | drop            | A   -> A
restarted   | garbage         | drop            | A   -> A
";

#[test]
fn the_reply_is_signed_and_names_the_address() {
    let (clock, key) = (Clock::start(), Key::new(&credentials("relay").pwd));
    let mut ice = relay();
    for (datagram, outcome) in [(event("nominate A").1, Ok(path(A).remote)), (event("controlled").1, Err(487))] {
        let mut buf = [0; MAX_REPLY];
        let len = match ice.handle(clock.at(0), path(A), &datagram, &mut buf) {
            Check::RoleConflict { reply_len } => reply_len,
            Check::Accepted(accepted) => accepted.reply_len,
            Check::Rejected => panic!("rejected"),
        };
        let response = StunResponse::parse(&buf[..len]).unwrap();
        assert!(response.verify(&key));
        assert_eq!(response.transaction(), TransactionId(*b"transaction!"));
        assert_eq!(response.outcome(), outcome);
    }
}

/// SECURITY.md row 7: what follows MESSAGE-INTEGRITY was signed by nobody.
#[test]
fn use_candidate_behind_the_signature_nominates_nothing() {
    let (clock, mut ice) = (Clock::start(), relay());
    let signed = check("relay", "client", false);
    let mut datagram = signed[..signed.len() - 8].to_vec(); // without FINGERPRINT
    datagram.extend([0x00, 0x25, 0, 0]);
    let body = (datagram.len() - 20) as u16;
    datagram[2..4].copy_from_slice(&body.to_be_bytes());
    let Check::Accepted(accepted) = send(&mut ice, clock.at(0), path(A), &datagram) else { panic!("still a good check") };
    assert!(accepted.learned && !accepted.selected);
    assert_eq!(ice.send_path(clock.at(0)), None);
}

#[test]
fn every_tampered_byte_is_noticed() {
    let (clock, mut ice) = (Clock::start(), relay());
    let good = check("relay", "client", true);
    // The last eight bytes are FINGERPRINT: not signed, but then nothing in them is acted upon.
    for position in 0..good.len() - 8 {
        let mut forged = good.clone();
        forged[position] ^= 0x01;
        assert_eq!(send(&mut ice, clock.at(0), path(A), &forged), Check::Rejected, "byte {position}");
    }
    for len in 0..good.len() {
        assert_eq!(send(&mut ice, clock.at(0), path(A), &good[..len]), Check::Rejected, "length {len}");
    }
    assert_eq!((ice.paths().count(), ice.heard()), (0, None));
    assert!(matches!(send(&mut ice, clock.at(0), path(A), &good), Check::Accepted(_)));
}

#[test]
fn consent_ends_and_comes_back() {
    let (clock, mut ice) = (Clock::start(), relay());
    send(&mut ice, clock.at(0), path(A), &check("relay", "client", true));
    assert_eq!(ice.send_path(clock.at(29)), Some(path(A)));
    assert_eq!(ice.send_path(clock.at(30)), None);
    // Checks on another path keep that one fresh, not the one we send on.
    send(&mut ice, clock.at(31), path(B), &check("relay", "client", false));
    assert_eq!((ice.send_path(clock.at(31)), ice.heard()), (None, Some(clock.at(31))));
    // Neither a forged check nor one that is answered with an error is consent.
    send(&mut ice, clock.at(32), path(A), &event("forged B").1);
    send(&mut ice, clock.at(32), path(A), &event("controlled").1);
    assert_eq!(ice.send_path(clock.at(32)), None);
    send(&mut ice, clock.at(33), path(A), &check("relay", "client", false));
    assert_eq!(ice.send_path(clock.at(33)), Some(path(A)), "an ordinary check suffices");
    assert_eq!(ice.consent_until(), Some(clock.at(63)));
}

#[test]
fn paths_are_bounded_and_the_one_in_use_stays() {
    let (clock, mut ice) = (Clock::start(), relay());
    send(&mut ice, clock.at(0), path(1), &check("relay", "client", true));
    for number in 2..=8 {
        send(&mut ice, clock.at(number), path(number as u16), &check("relay", "client", false));
    }
    assert_eq!(ice.paths().count(), MAX_PATHS);
    for number in 9..=1_000 {
        let outcome = send(&mut ice, clock.at(number), path(number as u16), &check("relay", "client", false));
        let Check::Accepted(accepted) = outcome else { panic!("a good check") };
        assert_eq!(accepted.forgotten, Some(path(number as u16 - 7)), "the one silent longest, never the selected one");
        assert_eq!(ice.paths().count(), MAX_PATHS);
    }
    assert!(ice.knows(path(1)) && !ice.knows(path(2)));
}

#[test]
fn two_restarts_in_a_row_keep_the_credentials_in_use() {
    let (clock, mut ice) = (Clock::start(), relay());
    send(&mut ice, clock.at(0), path(A), &check("relay", "client", true));
    ice.restart(credentials("relay2"), credentials("client2"));
    ice.restart(credentials("relay3"), credentials("client3"));
    assert!(matches!(send(&mut ice, clock.at(1), path(A), &check("relay", "client", true)), Check::Accepted(_)));
    assert_eq!(send(&mut ice, clock.at(1), path(A), &check("relay2", "client2", true)), Check::Rejected);
    assert!(matches!(send(&mut ice, clock.at(1), path(A), &check("relay3", "client3", true)), Check::Accepted(_)));
    assert_eq!(send(&mut ice, clock.at(1), path(A), &check("relay", "client", true)), Check::Rejected, "old ones are out");
}

#[test]
fn no_room_for_the_reply_is_no_check() {
    let (clock, mut ice) = (Clock::start(), relay());
    let outcome = ice.handle(clock.at(0), path(A), &check("relay", "client", true), &mut [0; 10]);
    assert_eq!((outcome, ice.paths().count()), (Check::Rejected, 0));
}
