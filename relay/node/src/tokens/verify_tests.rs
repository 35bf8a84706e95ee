//! The matrix of bad tokens: every row is refused, and for the reason it was made for.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::clock::unix_seconds;
use crate::tokens::{Issue, MAX_IDENTITY, MAX_NAME, TokenRole};
use worker::command::Role;

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn ring() -> KeyRing {
    let mut ring = KeyRing::default();
    ring.add_throw_away("ours", SECRET);
    ring.add_throw_away("second", b"another-secret-of-32-bytes-here!");
    ring
}

fn demo() -> RoomId {
    RoomId("demo".into())
}

fn encode(part: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// Signs any header and payload text with our secret, well-formed or not.
fn signed(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, JwtAlgorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT","kid":"ours"}"#;

fn good_claims() -> Value {
    json!({"room": "demo", "sub": "anna", "name": "Anna", "role": "host", "exp": unix_seconds() + 60})
}

fn with(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> String {
    let mut claims = good_claims();
    change(claims.as_object_mut().unwrap());
    signed(HEADER, &claims.to_string())
}

#[test]
fn a_good_token_opens_its_room_and_only_that() {
    let token = signed(HEADER, &good_claims().to_string());
    let grant = ring().grant(&token, &demo()).unwrap_or_else(|_| panic!("refused: {:?}", ring().verify(&token).err()));
    assert_eq!((grant.identity.as_str(), grant.name.as_str(), grant.role), ("anna", "Anna", Role::Host));
    assert_eq!(ring().grant(&token, &RoomId("demo2".into())).err(), Some(Unauthorized));
    assert_eq!(ring().service(&token, &demo()), Err(Unauthorized));
}

#[test]
fn harmless_variations_are_accepted() {
    let now = unix_seconds();
    let rows = [
        signed(r#"{"alg":"HS256","kid":"ours"}"#, &good_claims().to_string()),
        with(|claims| {
            claims.insert("room".into(), json!("DEMO"));
        }),
        with(|claims| {
            claims.remove("name");
        }),
        with(|claims| {
            claims.insert("iss".into(), json!("booking"));
        }),
        with(|claims| {
            claims.insert("jti".into(), json!("1"));
        }),
        with(|claims| {
            claims.insert("nbf".into(), json!(now - 10));
        }),
        with(|claims| {
            claims.insert("sub".into(), json!("a".repeat(MAX_IDENTITY)));
        }),
        with(|claims| {
            claims.insert("name".into(), json!("å".repeat(MAX_NAME)));
        }),
    ];
    for (row, token) in rows.iter().enumerate() {
        let grant = ring().grant(token, &demo());
        assert!(grant.is_ok(), "row {row}: {:?}", ring().verify(token).err());
    }
}

#[test]
fn bad_headers() {
    let claims = good_claims().to_string();
    let rows = [
        (r#"{"alg":"none","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"None","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"hs256","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"HS384","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"HS512","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"RS256","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"ES256","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"EdDSA","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"alg":"","kid":"ours"}"#, Refused::Algorithm),
        (r#"{"kid":"ours"}"#, Refused::Malformed),
        (r#"{"alg":"HS256"}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":null}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","crit":["exp"]}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","crit":[]}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","b64":false}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","jku":"https://elsewhere.example/keys"}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","jwk":{"kty":"oct","k":"AA"}}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","x5c":["AA"]}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","zip":"DEF"}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","typ":"at+jwt"}"#, Refused::Malformed),
        (r#"{"alg":"HS256","alg":"none","kid":"ours"}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"ours","kid":"second"}"#, Refused::Malformed),
        (r#"{"alg":"HS256","kid":"theirs"}"#, Refused::UnknownKey),
        (r#"{"alg":"HS256","kid":""}"#, Refused::UnknownKey),
        (r#"{"alg":"HS256","kid":"../../../../dev/null"}"#, Refused::UnknownKey),
        (r#"{"alg":"HS256","kid":"ours' OR '1'='1"}"#, Refused::UnknownKey),
        (r#"{"alg":"HS256","kid":"OURS"}"#, Refused::UnknownKey),
        // Signed with the first key's secret, says it was the second.
        (r#"{"alg":"HS256","kid":"second"}"#, Refused::Signature),
        ("[]", Refused::Malformed),
        ("", Refused::Malformed),
        ("{", Refused::Malformed),
    ];
    for (header, reason) in rows {
        assert_eq!(ring().verify(&signed(header, &claims)).err(), Some(reason), "{header}");
    }
}

#[test]
fn bad_claims() {
    let now = unix_seconds();
    let long_room = "a".repeat(65);
    let set = |key: &'static str, value: Value| {
        with(move |claims| {
            claims.insert(key.into(), value);
        })
    };
    let unset = |key: &'static str| {
        with(move |claims| {
            claims.remove(key);
        })
    };
    let rows = [
        (set("exp", json!(now - 60)), Refused::Expired),
        (set("exp", json!(0)), Refused::Expired),
        (unset("exp"), Refused::Claims),
        (set("exp", json!(-1)), Refused::Claims),
        (set("exp", json!("9999999999")), Refused::Claims),
        (set("exp", json!(1e300)), Refused::Claims),
        (set("exp", Value::Null), Refused::Claims),
        (set("nbf", json!(now + 60)), Refused::NotYet),
        (set("nbf", json!("soon")), Refused::Claims),
        (set("aud", json!("somebody-else")), Refused::Claims),
        (unset("room"), Refused::Claims),
        (set("room", json!("")), Refused::Claims),
        (set("room", json!("*")), Refused::Claims),
        (set("room", json!("demo*")), Refused::Claims),
        (set("room", json!(".*")), Refused::Claims),
        (set("room", json!("demo/../admin")), Refused::Claims),
        (set("room", json!(long_room)), Refused::Claims),
        (set("room", json!(["demo"])), Refused::Claims),
        (set("room", Value::Null), Refused::Claims),
        (unset("sub"), Refused::Claims),
        (set("sub", json!("")), Refused::Claims),
        (set("sub", json!(" anna")), Refused::Claims),
        (set("sub", json!("an\nna")), Refused::Claims),
        (set("sub", json!("a".repeat(MAX_IDENTITY + 1))), Refused::Claims),
        (set("name", json!("")), Refused::Claims),
        (set("name", json!(" \t ")), Refused::Claims),
        (set("name", json!("An\u{0}na")), Refused::Claims),
        (set("name", json!("Anna\u{202e}tsoH")), Refused::Claims),
        (set("name", json!("å".repeat(MAX_NAME + 1))), Refused::Claims),
        (unset("role"), Refused::Claims),
        (set("role", json!("admin")), Refused::Claims),
        (set("role", json!("Host")), Refused::Claims),
        (set("role", json!(["host"])), Refused::Claims),
    ];
    for (row, (token, reason)) in rows.iter().enumerate() {
        assert_eq!(ring().verify(token).err(), Some(*reason), "row {row}");
    }
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    let exp = unix_seconds() + 60;
    let rest = format!(r#""sub":"anna","role":"host","exp":{exp}"#);
    for twice in [
        format!(r#"{{"room":"other","room":"demo",{rest}}}"#),
        format!(r#"{{"room":"demo",{rest},"role":"participant"}}"#),
        format!(r#"{{"room":"demo",{rest},"exp":{exp}}}"#),
        format!(r#"{{"room":"demo",{rest},"sub":"bent"}}"#),
    ] {
        assert_eq!(ring().verify(&signed(HEADER, &twice)).err(), Some(Refused::Claims), "{twice}");
    }
}

#[test]
fn bad_shapes_and_signatures() {
    let good = signed(HEADER, &good_claims().to_string());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let other = encode(good_claims().to_string().replace("anna", "bent").as_bytes());
    let flipped = format!("{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    let rows = [
        (String::new(), Refused::Malformed),
        ("..".into(), Refused::Malformed),
        (message.to_owned(), Refused::Malformed),
        (format!("{good}.x"), Refused::Malformed),
        (format!("{good}{}", "a".repeat(MAX_TOKEN)), Refused::Malformed),
        (format!("{header}=.{payload}.{signature}"), Refused::Malformed),
        (format!("æ{good}"), Refused::Malformed),
        (format!("{message}."), Refused::Signature),
        (format!("{message}.{flipped}"), Refused::Signature),
        (format!("{message}.{}", &signature[..signature.len() - 3]), Refused::Signature),
        (format!("{header}.{other}.{signature}"), Refused::Signature),
    ];
    for (row, (token, reason)) in rows.iter().enumerate() {
        assert_eq!(ring().verify(token).err(), Some(*reason), "row {row}");
    }
}

#[test]
fn service_tokens_open_no_room_and_keep_to_their_scope() {
    let service = |room: Value| {
        with(|claims| {
            claims.insert("role".into(), json!("service"));
            claims.insert("room".into(), room);
        })
    };
    let for_all = with(|claims| {
        claims.insert("role".into(), json!("service"));
        claims.remove("room");
    });
    assert_eq!(ring().service(&for_all, &demo()), Ok(()));
    assert_eq!(ring().service(&service(json!("demo")), &demo()), Ok(()));
    assert_eq!(ring().service(&service(json!("other")), &demo()), Err(Unauthorized));
    assert_eq!(ring().verify(&service(json!("*"))).err(), Some(Refused::Claims));
    assert_eq!(ring().grant(&for_all, &demo()).err(), Some(Unauthorized));
    assert_eq!(ring().grant(&service(json!("demo")), &demo()).err(), Some(Unauthorized));
}

#[test]
fn what_we_issue_we_accept_and_no_longer_than_a_day() {
    let ring = ring();
    let now = unix_seconds();
    let issue = Issue { room: Some("demo"), identity: "anna", name: Some("Anna"), role: TokenRole::Participant, life: u64::MAX };
    let issued = ring.issue(&issue, now).unwrap();
    assert_eq!(issued.expires, now + crate::tokens::MAX_LIFE_SECONDS);
    let grant = ring.grant(&issued.token, &demo());
    assert!(grant.is_ok_and(|grant| grant.role == Role::Participant && grant.name == "Anna"));
    assert!(KeyRing::default().issue(&issue, now).is_err(), "no key, no token");
}
