//! Reads clients' messages strictly, and says what is wrong without repeating what the client sent: it may hold tokens and credentials.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use room::Command;

use crate::message::{ClientMessage, ErrorCode, MAX_MESSAGE};
use crate::sdp::MAX_LINES;

/// A client's message is refused. It becomes [`crate::message::ServerMessage::Error`]; the caller decides whether the connection lives on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ProtocolError {
    /// Stable code.
    pub code: ErrorCode,
    /// For a developer's eyes.
    pub message: String,
    /// The offending field, where there is one, cut to 64 characters.
    pub field: Option<String>,
}

/// Longest field name that is told back, characters.
const MAX_FIELD: usize = 64;

/// Reads one text message of a client.
///
/// # Errors
/// [`ErrorCode::TooLarge`] above [`MAX_MESSAGE`] bytes (not parsed); [`ErrorCode::BadMessage`] when it is not JSON, not an object of a known
/// `type`, has a missing, unknown, repeated or ill-typed field, or more tiles than there may be m-lines.
pub fn parse_client(text: &str) -> Result<ClientMessage, ProtocolError> {
    if text.len() > MAX_MESSAGE {
        let message = format!("a message has at most {MAX_MESSAGE} bytes");
        return Err(ProtocolError { code: ErrorCode::TooLarge, message, field: None });
    }
    // serde would also read the fields in their order from an array.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(bad("a message is a JSON object", None));
    }
    let message = serde_json::from_str(text).map_err(|error| explain(text, &error))?;
    // serde reads a variant without fields from any object of that type, whatever else is in it.
    if message == ClientMessage::Leave
        && let Err(error) = serde_json::from_str::<TypeAlone>(text)
    {
        return Err(explain(text, &error));
    }
    // Each is looked for among the client's m-lines.
    if let ClientMessage::Tiles { tiles } = &message
        && tiles.len() > MAX_LINES
    {
        return Err(bad(&format!("more than {MAX_LINES} tiles"), Some("tiles")));
    }
    Ok(message)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeAlone {
    #[serde(rename = "type")]
    _type: IgnoredAny,
}

/// Finds the field to blame. Costs a second parse, of refused messages only.
fn explain(text: &str, error: &serde_json::Error) -> ProtocolError {
    let object: Map<String, Value> = match serde_json::from_str(text) {
        Ok(object) => object,
        Err(error) => return bad(&format!("not JSON: line {}, column {}", error.line(), error.column()), None),
    };
    let Some(name) = object.get("type").and_then(Value::as_str).filter(|name| known(name)) else {
        return bad("no `type`, or one that this relay does not know", Some("type"));
    };
    if name == "command"
        && let Some(command) = object.get("command")
        && serde_json::from_value::<Command>(command.clone()).is_err()
    {
        return explain_command(command);
    }
    if let Some(field) = object.keys().filter(|&field| field != "type").find(|field| !fits(name, field, &object)) {
        return bad("unknown field, or one of another type or value than expected", Some(field));
    }
    // What remains are fields that are missing or stand there twice; serde names them in backticks.
    let text = error.to_string();
    let what = if text.starts_with("duplicate") { "field is repeated" } else { "field is missing" };
    bad(what, text.split('`').nth(1))
}

/// Finds the field of a command to blame.
fn explain_command(command: &Value) -> ProtocolError {
    let Some(object) = command.as_object() else { return bad("a command is a JSON object", Some("command")) };
    let alone = |fields: Map<String, Value>| match serde_json::from_value::<Command>(Value::Object(fields)) {
        Ok(_) => None,
        Err(error) => Some(error.to_string()).filter(|text| !text.starts_with("missing field")),
    };
    let known = |name: &Value| alone(Map::from_iter([("type".to_owned(), name.clone())])).is_none();
    let Some(name) = object.get("type").filter(|name| known(name)) else {
        return bad("no command `type`, or one that this relay does not know", Some("command.type"));
    };
    let fits = |field: &str, value: &Value| {
        alone(Map::from_iter([("type".to_owned(), name.clone()), (field.to_owned(), value.clone())])).is_none()
    };
    let wrong = object.iter().find(|(field, value)| *field != "type" && !fits(field, value));
    match wrong {
        Some((field, _)) => bad("unknown field, or one of another type or value than expected", Some(&format!("command.{field}"))),
        None => {
            let error = serde_json::from_value::<Command>(command.clone()).err().map(|error| error.to_string()).unwrap_or_default();
            let field = error.split('`').nth(1).map(|field| format!("command.{field}"));
            bad("field is missing", field.as_deref())
        }
    }
}

/// Whether `{"type": name}` is a message or lacks nothing but fields.
fn known(name: &str) -> bool {
    alone(name, Map::new())
}

/// Whether the field is one of this message and its value is of the right type.
fn fits(name: &str, field: &str, object: &Map<String, Value>) -> bool {
    let value = object.get(field).cloned().unwrap_or_default();
    name != "leave" && alone(name, Map::from_iter([(field.to_owned(), value)]))
}

/// Whether a message of this type could have these fields.
fn alone(name: &str, mut fields: Map<String, Value>) -> bool {
    fields.insert("type".to_owned(), name.into());
    match serde_json::from_value::<ClientMessage>(Value::Object(fields)) {
        Ok(_) => true,
        Err(error) => error.to_string().starts_with("missing field"),
    }
}

fn bad(message: &str, field: Option<&str>) -> ProtocolError {
    let field = field.map(|field| field.chars().take(MAX_FIELD).collect());
    ProtocolError { code: ErrorCode::BadMessage, message: message.to_owned(), field }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_field_to_blame_is_named() {
        for (text, field) in [
            ("", None),
            ("[]", None),
            (r#"["leave"]"#, None),
            (r#"["ping",1]"#, None),
            ("\"leave\"", None),
            ("{\"type\":\"leave\"", None),
            (r#"{"id":1}"#, Some("type")),
            (r#"{"type":7}"#, Some("type")),
            (r#"{"type":"offers"}"#, Some("type")),
            (r#"{"type":"welcome"}"#, Some("type")),
            (r#"{"type":"leave","why":"home"}"#, Some("why")),
            (r#"{"type":"ping"}"#, Some("id")),
            (r#"{"type":"ping","id":"1"}"#, Some("id")),
            (r#"{"type":"ping","id":-1}"#, Some("id")),
            (r#"{"type":"ping","id":4294967296}"#, Some("id")),
            (r#"{"type":"ping","id":1,"id":2}"#, Some("id")),
            (r#"{"type":"ping","id":1,"idd":2}"#, Some("idd")),
            (r#"{"type":"ping","type":"ping","id":1}"#, Some("type")),
            (r#"{"type":"hello","version":1}"#, Some("token")),
            (r#"{"type":"hello","version":1,"token":null}"#, Some("token")),
            (r#"{"type":"offer","id":1,"sdp":"v=0","sources":{"0":"webcam"}}"#, Some("sources")),
            (r#"{"type":"set_source","source":"camera","active":"yes"}"#, Some("active")),
            (r#"{"type":"command","id":1}"#, Some("command")),
            (r#"{"type":"command","command":{"type":"lock"}}"#, Some("id")),
            (r#"{"type":"command","id":1,"command":7}"#, Some("command")),
            (r#"{"type":"command","id":1,"command":{}}"#, Some("command.type")),
            (r#"{"type":"command","id":1,"command":{"type":"fly"}}"#, Some("command.type")),
            (r#"{"type":"command","id":1,"command":{"type":"lock","now":true}}"#, Some("command.now")),
            (r#"{"type":"command","id":1,"command":{"type":"mute"}}"#, Some("command.participant")),
            (r#"{"type":"command","id":1,"command":{"type":"mute","participant":"7"}}"#, Some("command.participant")),
            (r#"{"type":"command","id":1,"command":{"type":"change","settings":{"wings":2}}}"#, Some("command.settings")),
            (r#"{"type":"tiles","tiles":{"0":[1]}}"#, Some("tiles")),
        ] {
            let error = parse_client(text).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), (ErrorCode::BadMessage, field), "{text}: {error}");
        }
    }

    #[test]
    fn errors_do_not_repeat_values() {
        let secret = "eyJhbGciOiJFUzI1NiJ9";
        for text in [
            format!(r#"{{"type":"hello","version":"{secret}","token":"x"}}"#),
            format!(r#"{{"type":"{secret}"}}"#),
            format!(r#"{{"type":"hello","version":1,"token":"{secret}","resume":1}}"#),
            format!("{{{secret}"),
        ] {
            let error = parse_client(&text).unwrap_err();
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }

    #[test]
    fn there_are_no_more_tiles_than_lines() {
        let tiles = |count: usize| {
            let tiles: Vec<String> = (0..count).map(|mid| format!(r#""{mid}":[320,180]"#)).collect();
            parse_client(&format!(r#"{{"type":"tiles","tiles":{{{}}}}}"#, tiles.join(",")))
        };
        assert!(tiles(MAX_LINES).is_ok());
        let error = tiles(MAX_LINES + 1).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::BadMessage, Some("tiles")), "{error}");
    }

    #[test]
    fn size_is_checked_first_and_deep_nesting_is_an_error() {
        let long = format!(r#"{{"type":"hello","version":1,"token":"{}"}}"#, "x".repeat(MAX_MESSAGE));
        assert_eq!(parse_client(&long).unwrap_err().code, ErrorCode::TooLarge);
        let deep = format!(r#"{{"type":"leave","x":{}}}"#, "[".repeat(50_000));
        assert_eq!(parse_client(&deep).unwrap_err().code, ErrorCode::BadMessage);
        let field = format!(r#"{{"type":"leave","{}":1}}"#, "x".repeat(100_000));
        assert_eq!(parse_client(&field).unwrap_err().field.map(|field| field.len()), Some(MAX_FIELD));
    }
}
