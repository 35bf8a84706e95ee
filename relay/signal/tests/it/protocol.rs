//! The protocol as the README documents it: each example is read and written back unchanged, and each message has one.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signal::message::{ByeReason, ClientMessage, ErrorCode, ServerMessage, Source, parse_client};

const README: &str = include_str!("../../README.md");

/// The JSON blocks under a heading.
fn examples(heading: &str) -> Vec<&'static str> {
    let section = README.split_once(heading).unwrap().1;
    let section = section.split("\n#").next().unwrap();
    section.split("```json\n").skip(1).map(|block| block.split("\n```").next().unwrap()).collect()
}

/// Reads an example and checks that it is exactly what would be written.
fn round_trip<T: Serialize + DeserializeOwned>(example: &str) -> T {
    let value: Value = serde_json::from_str(example).unwrap();
    let message: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {example}"));
    assert_eq!(serde_json::to_value(&message).unwrap(), value, "{example}");
    message
}

/// The names serde knows for an enum, from its complaint about one that it does not know.
fn known<T: DeserializeOwned>(unknown: Value) -> BTreeSet<String> {
    let Err(error) = serde_json::from_value::<T>(unknown) else { panic!("a name that nothing has") };
    error.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

fn types(examples: &[&str]) -> BTreeSet<String> {
    let name = |example: &&str| serde_json::from_str::<Value>(example).unwrap()["type"].as_str().unwrap().to_owned();
    examples.iter().map(name).collect()
}

#[test]
fn every_client_message_has_an_example_that_is_read() {
    let examples = examples("### From the client");
    for example in &examples {
        let message: ClientMessage = round_trip(example);
        assert_eq!(parse_client(example), Ok(message));
    }
    assert_eq!(types(&examples), known::<ClientMessage>(serde_json::json!({"type": "?"})));
}

#[test]
fn every_relay_message_has_an_example_that_is_read() {
    let examples = examples("### From the relay");
    for example in &examples {
        let _: ServerMessage = round_trip(example);
    }
    assert_eq!(types(&examples), known::<ServerMessage>(serde_json::json!({"type": "?"})));
}

#[test]
fn every_name_in_a_message_is_documented() {
    let names = [known::<ErrorCode>("?".into()), known::<ByeReason>("?".into()), known::<Source>("?".into())];
    assert_eq!(names.each_ref().map(BTreeSet::len), [9, 6, 4]);
    for name in names.iter().flatten() {
        assert!(README.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn optional_fields_may_be_missing() {
    let hello = parse_client(r#"{"type":"hello","version":1,"token":"t"}"#).unwrap();
    assert_eq!(hello, ClientMessage::Hello { version: 1, token: "t".to_owned(), resume: None });
    assert_eq!(serde_json::to_string(&hello).unwrap(), r#"{"type":"hello","version":1,"token":"t"}"#);
    let offer = parse_client(r#"{"id":1,"sdp":"v=0","type":"offer"}"#).unwrap();
    assert!(matches!(offer, ClientMessage::Offer { sources, .. } if sources.is_empty()), "`type` may stand anywhere");
}

#[test]
fn hostile_messages_never_break_a_promise() {
    for example in examples("### From the client") {
        for end in 0..=example.len() {
            signal::fuzz::signalling(&example.as_bytes()[..end]);
        }
        for at in 0..example.len() {
            for byte in [b'"', b'{', b'}', b'0', b'-', b'\\', 0x7f] {
                let mut damaged = example.as_bytes().to_vec();
                damaged[at] = byte;
                signal::fuzz::signalling(&damaged);
            }
        }
    }
}
