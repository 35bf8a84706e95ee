//! The document against the routes, the types it describes, and the codes that the source gives. Real answers are held against it by the
//! tests of the control plane.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use room::{Command, MAX_BREAKOUT_NAME, MAX_BREAKOUTS, MAX_TEXT, Reason, Settings, Template};
use serde_json::json;

use super::*;
use crate::events::TYPES;
use crate::room_id::MAX_ROOM;
use crate::tokens::{MAX_IDENTITY, MAX_LIFE_SECONDS, MAX_NAME};

/// The code of the operators' listener alone, which this document does not describe.
const OPERATORS_ONLY: &str = "wrong_host";

fn whole() -> Value {
    Value::Object(document())
}

fn schema(name: &str) -> Value {
    whole()["components"]["schemas"][name].clone()
}

fn strings(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// Calls `see` with every object of the document.
fn walk(value: &Value, see: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            see(object);
            object.values().for_each(|value| walk(value, see));
        }
        Value::Array(array) => array.iter().for_each(|value| walk(value, see)),
        _ => {}
    }
}

#[test]
fn the_parts_are_json_and_none_overwrites_another() {
    let leaves = |value: &Value| {
        let mut count = 0;
        walk(value, &mut |object| count += object.values().filter(|value| !value.is_object()).count());
        count
    };
    let parts: Vec<Value> = PARTS.iter().map(|part| serde_json::from_str(part).unwrap()).collect();
    assert_eq!(parts.iter().map(leaves).sum::<usize>(), leaves(&whole()));
    assert_eq!(whole()["openapi"], "3.1.0");
}

#[test]
fn every_route_is_described_and_everything_described_is_a_route() {
    let table = super::super::api().into_iter().chain(super::super::cross_origin_api());
    let routes: BTreeSet<(String, String)> = table.map(|(method, path, _)| (path.to_owned(), method.to_owned())).collect();
    let mut described = BTreeSet::new();
    for (path, methods) in whole()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            described.insert((path.clone(), method.clone()));
        }
    }
    assert_eq!(described, routes);
}

#[test]
fn every_operation_says_what_it_takes_and_gives() {
    let mut ids = BTreeSet::new();
    for (path, methods) in whole()["paths"].as_object().unwrap() {
        let shared = methods.get("parameters").cloned().unwrap_or(json!([]));
        let named: BTreeSet<String> =
            shared.as_array().unwrap().iter().map(|reference| resolved(reference)["name"].as_str().unwrap().into()).collect();
        let placeholders = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(named, words(placeholders), "{path}");
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            assert!(operation["security"].is_array() && operation["tags"].is_array(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with(['1', '2'])), "{method} {path}");
            let open = operation["security"] == json!([]);
            assert_eq!(responses.contains_key("401"), !open, "{method} {path}");
            let body = operation.get("requestBody").is_some();
            assert!(!body || ["400", "413", "415"].iter().all(|status| responses.contains_key(*status)), "{method} {path}");
            assert!(path.contains("{room}") <= responses.contains_key("404") || method == "options", "{method} {path}");
        }
    }
}

fn resolved(value: &Value) -> Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let found = whole().pointer(reference.strip_prefix('#').unwrap()).cloned();
            found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => value.clone(),
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let whole = whole();
    let mut used = BTreeSet::new();
    walk(&whole, &mut |object| {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            assert!(whole.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference} leads nowhere");
            used.insert(reference.to_owned());
        }
    });
    let mut unused = Vec::new();
    for kind in ["parameters", "headers", "schemas", "responses"] {
        let names = whole["components"][kind].as_object().unwrap().keys().map(|name| format!("#/components/{kind}/{name}"));
        unused.extend(names.filter(|name| !used.contains(name)));
    }
    // It may come from any address, for any other method.
    assert_eq!(unused, ["#/components/responses/MethodNotAllowed"]);
}

/// The commands' names, from the type's source: a command that is added there is missed here.
fn command_names() -> BTreeSet<String> {
    let source = include_str!("../../../../room/src/command.rs");
    let body = source.split_once("pub enum Command {").unwrap().1.split_once("\n}").unwrap().0;
    let variants =
        body.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    variants.map(|line| snake(line.split([' ', '{', ',']).next().unwrap())).collect()
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for (at, char) in name.char_indices() {
        if char.is_ascii_uppercase() && at > 0 {
            text.push('_');
        }
        text.push(char.to_ascii_lowercase());
    }
    text
}

/// A value that a schema takes.
fn example(schema: &Value) -> Value {
    let schema = resolved(schema);
    let first = |key: &str| schema.get(key).and_then(|list| list.get(0)).cloned();
    if let Some(value) = schema.get("const").cloned().or_else(|| first("enum")) {
        return value;
    }
    if let Some(one) = first("oneOf") {
        return example(&one);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_else(|| panic!("no type: {schema}"));
    match kind {
        "object" => {
            let properties = schema["properties"].as_object().unwrap();
            Value::Object(properties.iter().map(|(name, schema)| (name.clone(), example(schema))).collect())
        }
        "array" => json!([]),
        "string" => json!("a"),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        kind => panic!("{kind}"),
    }
}

#[test]
fn every_command_is_described_as_the_room_reads_it() {
    let commands = schema("Command")["oneOf"].as_array().unwrap().clone();
    let names: BTreeSet<String> = commands.iter().map(|command| command["title"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, command_names());
    for command in commands {
        assert_eq!(command["properties"]["type"]["const"], command["title"]);
        let whole = example(&command);
        serde_json::from_value::<Command>(whole.clone()).unwrap_or_else(|error| panic!("{whole}: {error}"));
        // Each required field is one, and no other is.
        let required = strings(&command["required"]);
        for field in command["properties"].as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(field);
            assert_eq!(serde_json::from_value::<Command>(less).is_err(), required.contains(field), "{} without {field}", command["title"]);
        }
    }
}

#[test]
fn settings_have_their_names_and_defaults() {
    let properties = schema("Settings")["properties"].as_object().unwrap().clone();
    assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), words(Template::NAMES.iter().copied()));
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    for (name, property) in &properties {
        assert_eq!(property.get("default").unwrap_or(&Value::Null), &defaults[name], "{name}");
        let template: Result<Template, _> = serde_json::from_value(json!({ (name.clone()): example(property) }));
        template.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(strings(&schema("EffectiveSettings")["required"]), words(Template::NAMES.iter().copied()));
}

#[test]
fn limits_and_lists_are_those_of_the_code() {
    let at = |pointer: &str| whole().pointer(&format!("/components/schemas/{pointer}")).cloned().unwrap();
    assert_eq!(at("Text/maxLength"), json!(MAX_TEXT));
    assert_eq!(at("BreakoutName/maxLength"), json!(MAX_BREAKOUT_NAME));
    assert_eq!(at("DisplayName/maxLength"), json!(MAX_NAME));
    assert_eq!(at("Identity/maxLength"), json!(MAX_IDENTITY));
    assert_eq!(at("TokenRequest/properties/ttl_seconds/maximum"), json!(MAX_LIFE_SECONDS));
    assert!(at("RoomId/pattern").as_str().unwrap().ends_with(&format!("{{1,{MAX_ROOM}}}$")));
    let creates =
        schema("Command")["oneOf"].as_array().unwrap().iter().find(|command| command["title"] == "create_breakouts").unwrap().clone();
    assert!(creates["description"].as_str().unwrap().contains(&format!("beyond {MAX_BREAKOUTS}")));
    assert_eq!(strings(&at("EventType/enum")), words(TYPES));
    for reason in strings(&at("Reason/enum")) {
        serde_json::from_value::<Reason>(json!(reason)).unwrap();
    }
    for layout in strings(&at("Layout/enum")) {
        serde_json::from_value::<room::Layout>(json!(layout)).unwrap();
    }
}

/// Codes that the HTTP sources give, tests left out: the literal after a status, or after a function that brings one.
fn codes_in_source() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("openapi/tests.rs") {
                let source = fs::read_to_string(&path).unwrap();
                let source = source.split("#[cfg(test)]\nmod ").next().unwrap();
                let line: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
                for before in ["StatusCode::", "unavailable(", "too_many(", "ApiError::new(status", "JoinError::"] {
                    codes.extend(line.match_indices(before).filter_map(|(at, _)| literal(&line[at + before.len()..])));
                }
            }
        }
    }
    codes
}

/// The next thing, where it is a code: `NAME, "code"`, `"code"` or `Name => "code"`.
fn literal(rest: &str) -> Option<String> {
    let rest = rest.trim_start_matches(|char: char| char.is_alphanumeric() || char == '_');
    let rest = rest.trim_start_matches([',', ' ', '=', '>']).strip_prefix('"')?;
    let code = rest.split('"').next()?;
    (!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).then(|| code.to_owned())
}

#[test]
fn the_codes_are_those_of_the_source() {
    let documented = strings(&schema("ErrorCode")["enum"]);
    let mut source = codes_in_source();
    assert!(source.remove(OPERATORS_ONLY));
    assert_eq!(documented, source);
    let mut in_responses = BTreeSet::new();
    for (name, response) in whole()["components"]["responses"].as_object().unwrap() {
        let Some(codes) = response.get("x-codes") else { continue };
        let description = response["description"].as_str().unwrap();
        for code in strings(codes) {
            assert!(description.contains(&format!("`{code}`")), "{name} does not explain {code}");
            in_responses.insert(code);
        }
    }
    assert_eq!(documented, in_responses);
}
