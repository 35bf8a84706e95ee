//! The protocol as the README documents it: each example is read and written back unchanged, and each message has one.

use std::collections::BTreeSet;

use room::{Code, Command, Device};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signal::message::{ByeReason, ClientMessage, ErrorCode, Limited, ServerMessage, Source, parse_client};

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
    let names = [known::<ErrorCode>("?".into()), known::<ByeReason>("?".into()), known::<Source>("?".into()), known::<Limited>("?".into())];
    assert_eq!(names.each_ref().map(BTreeSet::len), [9, 10, 4, 7]);
    for name in names.iter().flatten() {
        assert!(README.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_command_and_refusal_is_documented() {
    const COMMANDS: &str = include_str!("../../COMMANDS.md");
    let examples: Vec<&str> = COMMANDS.lines().filter_map(|line| line.strip_prefix("| `{")?.split('`').next()).collect();
    let examples: Vec<String> = examples.iter().map(|example| format!("{{{example}")).collect();
    for example in &examples {
        let _: Command = round_trip(example);
        let message = format!(r#"{{"type":"command","id":1,"command":{example}}}"#);
        assert!(matches!(parse_client(&message), Ok(ClientMessage::Command { .. })), "{message}");
    }
    let examples: Vec<&str> = examples.iter().map(String::as_str).collect();
    assert_eq!(types(&examples), known::<Command>(serde_json::json!({"type": "?"})));
    for code in known::<Code>("?".into()) {
        assert!(COMMANDS.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn optional_fields_may_be_missing() {
    let hello = parse_client(r#"{"type":"hello","version":1,"token":"t"}"#).unwrap();
    let token = "t".to_owned();
    assert_eq!(hello, ClientMessage::Hello { version: 1, token, resume: None, device: Device::Desktop, events_after: None });
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
