//! The served API document as a judge of real answers: is the status documented for the operation, the code for the status, and does the
//! body fit its schema. Knows the part of JSON Schema that the document uses, and panics at anything else.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::support::{Answer, Server, server};

/// The document.
pub(crate) struct Contract(Value);

/// One documented operation.
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) value: Value,
}

impl Contract {
    /// What this server says of itself.
    pub(crate) async fn of(server: &Server) -> Self {
        let answer = server.get("/openapi.json").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        Self(answer.json())
    }

    /// All operations, with the parameters of their paths.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, methods) in self.0["paths"].as_object().unwrap() {
            for (method, value) in methods.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
                all.push(Operation { method: method.to_uppercase(), path: path.clone(), value: value.clone() });
            }
        }
        all
    }

    /// Follows a reference.
    pub(crate) fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.resolved(self.0.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference}"))),
            None => value,
        }
    }

    /// Panics unless the answer is one that the document allows for this operation (path as documented).
    pub(crate) fn judge(&self, method: &str, path: &str, answer: &Answer) {
        let what = || format!("{method} {path} answered {}: {}", answer.status, answer.body);
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "not documented: {}", what());
        let response = operation["responses"].get(answer.status.to_string());
        let response = self.resolved(response.unwrap_or_else(|| panic!("status not documented: {}", what())));
        let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let Some(content) = response.get("content") else {
            assert_eq!(answer.body, "", "a body is not documented: {}", what());
            return;
        };
        let media = content.get(kind).unwrap_or_else(|| panic!("{kind} is not documented: {}", what()));
        if kind == "application/json" {
            let body = answer.json();
            self.check(&media["schema"], &body).unwrap_or_else(|error| panic!("{error}: {}", what()));
            if let Some(codes) = response.get("x-codes") {
                let code = &body["error"]["code"];
                assert!(codes.as_array().unwrap().contains(code), "code not documented: {}", what());
            }
        }
    }

    /// Whether a value fits a schema; else where it does not.
    pub(crate) fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolved(schema).as_object().expect("a schema is an object");
        let wrong = |what: &str| Err(format!("{what}: {value} is not {}", Value::Object(schema.clone())));
        for (keyword, rule) in schema {
            let holds = match keyword.as_str() {
                "type" => is_of_type(rule, value),
                "enum" => rule.as_array().unwrap().contains(value),
                "const" => rule == value,
                "minimum" => value.as_number().is_none_or(|number| number.as_f64() >= rule.as_f64()),
                "maximum" => value.as_number().is_none_or(|number| number.as_f64() <= rule.as_f64()),
                "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
                "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
                "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
                "pattern" => value.as_str().is_none_or(|text| fits_pattern(rule.as_str().unwrap(), text)),
                "oneOf" => rule.as_array().unwrap().iter().filter(|one| self.check(one, value).is_ok()).count() == 1,
                "allOf" => {
                    rule.as_array().unwrap().iter().try_for_each(|one| self.check(one, value))?;
                    true
                }
                "items" => {
                    value.as_array().into_iter().flatten().try_for_each(|item| self.check(rule, item))?;
                    true
                }
                "properties" => {
                    let given = |(name, schema)| value.get(name).map_or(Ok(()), |value| self.check(schema, value));
                    rule.as_object().unwrap().iter().try_for_each(given)?;
                    true
                }
                "required" => !value.is_object() || rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
                "additionalProperties" => *rule != json!(false) || has_only(value, &schema["properties"]),
                "description" | "title" | "format" | "default" => true,
                other => panic!("this check does not know {other}"),
            };
            if !holds {
                return wrong(keyword);
            }
        }
        Ok(())
    }

    /// A value that fits a schema; with everything that may be given.
    pub(crate) fn example(&self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        let first = |key: &str| schema.get(key).and_then(|list| list.get(0)).cloned();
        if let Some(value) = schema.get("const").cloned().or_else(|| first("enum")) {
            return value;
        }
        if let Some(one) = first("oneOf").or_else(|| first("allOf")) {
            return self.example(&one);
        }
        match schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap() {
            "object" => {
                let properties = schema["properties"].as_object().unwrap();
                Value::Object(properties.iter().map(|(name, schema)| (name.clone(), self.example(schema))).collect())
            }
            "array" => json!([]),
            "string" => json!("a"),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(true),
            kind => panic!("{kind}"),
        }
    }
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    let one = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        kind => panic!("{kind}"),
    };
    match rule {
        Value::Array(kinds) => kinds.iter().any(one),
        kind => one(kind),
    }
}

fn has_only(value: &Value, properties: &Value) -> bool {
    let known: BTreeSet<&String> = properties.as_object().map(Map::keys).into_iter().flatten().collect();
    value.as_object().is_none_or(|object| object.keys().all(|key| known.contains(key)))
}

/// The document's patterns are all `^[class]{least,most}$`.
fn fits_pattern(pattern: &str, text: &str) -> bool {
    let (class, count) = pattern.strip_prefix("^[").unwrap().strip_suffix("}$").unwrap().split_once("]{").unwrap();
    let (least, most) = count.split_once(',').unwrap_or((count, count));
    let class: Vec<char> = class.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < class.len() {
        let range = class.get(at + 1) == Some(&'-') && at + 2 < class.len();
        ranges.push((class[at], if range { class[at + 2] } else { class[at] }));
        at += if range { 3 } else { 1 };
    }
    let length = text.chars().count();
    let fits = (least.parse::<usize>().unwrap()..=most.parse::<usize>().unwrap()).contains(&length);
    fits && text.chars().all(|char| ranges.iter().any(|(first, last)| (*first..=*last).contains(&char)))
}

#[tokio::test]
async fn every_documented_operation_is_there() {
    let server = server().await;
    let contract = Contract::of(&server).await;
    let operations = contract.operations();
    for Operation { method, path, .. } in &operations {
        let real = path.replace("{room}", "demo").replace("{template}", "a").replace("{resource}", "1-x");
        let answer = server.request(method, &real, &[], "").await;
        assert!(!matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.status);
        contract.judge(method, path, &answer);
    }
    assert!(operations.len() >= 28, "{}", operations.len());
    // What is not documented is refused as the document says.
    let answer = server.request("PUT", "/v1/rooms", &[], "").await;
    answer.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn the_judge_sees_what_does_not_fit() {
    let server = server().await;
    let contract = Contract::of(&server).await;
    let fits = |name: &str, value: Value| contract.check(&json!({"$ref": format!("#/components/schemas/{name}")}), &value).is_ok();
    let good = json!({"token": "a", "room": "demo", "identity": "a", "role": "host", "expires": 1});
    assert!(fits("Token", good.clone()));
    for (field, value) in
        [("role", json!("king")), ("expires", json!("1")), ("expires", json!(-1)), ("room", json!("a b")), ("more", json!(1))]
    {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(!fits("Token", bad.clone()), "{bad}");
    }
    assert!(!fits("Token", json!({"token": "a"})) && !fits("Token", json!([])));
    assert!(fits("Pin", json!(1000)) && fits("Pin", json!("1000")) && !fits("Pin", json!("10a0")) && !fits("Pin", json!(999)));
    assert!(fits("Command", json!({"type": "lock"})) && !fits("Command", json!({"type": "lock", "x": 1})) && !fits("Command", json!({})));
    assert!(!fits("DisplayName", json!("x".repeat(81))) && !fits("MaybeParticipant", json!(-1)) && fits("MaybeParticipant", json!(null)));
}
