//! What services ask for: new rooms, merge patches (RFC 7396), templates, and under which condition.

use room::Template;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use worker::command::RoomId;

use super::definition::TemplateId;
use super::error::ChangeError;
use super::pins::Pin;

/// A room to be made.
pub(crate) struct NewRoom {
    /// `None`: one is made up, and the room is cleared away some time after its meeting.
    pub id: Option<RoomId>,
    pub template: Option<TemplateId>,
    pub settings: Template,
    pub host_pin: Option<Pin>,
    pub guest_pin: Option<Pin>,
}

/// What is to be different in a room.
#[derive(Default)]
pub(crate) struct RoomPatch {
    pub template: Patch<TemplateId>,
    /// `null` leaves a setting to the template.
    pub settings: Map<String, Value>,
    pub host_pin: Patch<Pin>,
    pub guest_pin: Patch<Pin>,
}

/// A template as it is to be.
pub(crate) struct NewTemplate {
    pub parent: Option<TemplateId>,
    pub settings: Template,
}

/// One member of a merge patch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Patch<T> {
    /// Not mentioned.
    #[default]
    Keep,
    /// `null`.
    Clear,
    /// A value.
    Set(T),
}

impl<T> Patch<T> {
    pub(crate) fn map<U>(self, with: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(with(value)),
        }
    }

    pub(super) fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }
}

impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// What a caller expects to find (RFC 9110 section 13.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Condition {
    /// Anything.
    #[default]
    None,
    /// `If-Match: *`.
    Exists,
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match`: one of these revisions.
    Revision(Vec<u64>),
}

impl Condition {
    /// # Errors
    /// [`ChangeError::Changed`] when what there is (its revision) is not what was expected.
    pub(super) fn check(&self, revision: Option<u64>) -> Result<(), ChangeError> {
        let holds = match self {
            Self::None => true,
            Self::Exists => revision.is_some(),
            Self::Absent => revision.is_none(),
            Self::Revision(expected) => revision.is_some_and(|revision| expected.contains(&revision)),
        };
        if holds { Ok(()) } else { Err(ChangeError::Changed) }
    }
}

/// Lays a merge patch over settings.
///
/// # Errors
/// [`ChangeError::Field`] with the path of what is unknown or of another type.
pub(super) fn patched(settings: &Template, patch: Map<String, Value>) -> Result<Template, ChangeError> {
    let failed = |error: serde_json::Error| ChangeError::field("settings", error.to_string());
    let Value::Object(mut merged) = serde_json::to_value(settings).map_err(failed)? else { return Err(ChangeError::NotFound) };
    for (name, value) in patch {
        if !Template::NAMES.contains(&name.as_str()) {
            return Err(ChangeError::field(format!("settings.{name}"), "there is no such setting"));
        }
        // No setting is an object, so members are replaced whole.
        match value {
            Value::Null => merged.remove(&name),
            value => merged.insert(name, value),
        };
    }
    serde_path_to_error::deserialize(Value::Object(merged))
        .map_err(|error| ChangeError::field(format!("settings.{}", error.path()), error.inner().to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use room::{Chat, Settings};
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("expected an object") };
        object
    }

    #[test]
    fn null_leaves_a_setting_to_the_template_and_what_is_not_mentioned_stays() {
        let before = Template { title: Some("a".into()), chat: Some(Chat::Off), hands: Some(false), ..Template::default() };
        let after = patched(&before, object(json!({"title": null, "chat": "everyone", "screens": 2}))).unwrap();
        let expected = Template { chat: Some(Chat::Everyone), hands: Some(false), screens: Some(2), ..Template::default() };
        assert_eq!(after, expected);
        assert_eq!(patched(&before, Map::new()).unwrap(), before);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let rows = [
            (json!({"colour": 1}), "settings.colour"),
            (json!({"colour": null}), "settings.colour"),
            (json!({"chat": "loud"}), "settings.chat"),
            (json!({"screens": -1}), "settings.screens"),
            (json!({"layout_rules": [{"from": 2, "layout": "equal"}, {"from": "x", "layout": "equal"}]}), "settings.layout_rules[1].from"),
            (json!({"title": {"a": 1}}), "settings.title"),
        ];
        for (patch, expected) in rows {
            let Err(ChangeError::Field { field, .. }) = patched(&Template::default(), object(patch)) else { panic!("{expected}") };
            assert_eq!(field, expected);
        }
    }

    #[test]
    fn every_setting_survives_being_written_down_and_patched() {
        let mut all = serde_json::to_value(Settings::default()).unwrap();
        all["opens_at"] = json!(1);
        all["ends_at"] = json!(2);
        let template = patched(&Template::default(), object(all.clone())).unwrap();
        assert_eq!(serde_json::to_value(&template).unwrap(), all);
        assert_eq!(template.given().len(), Template::NAMES.len());
    }

    #[test]
    fn conditions() {
        let rows = [
            (Condition::None, None, true),
            (Condition::None, Some(1), true),
            (Condition::Exists, None, false),
            (Condition::Exists, Some(1), true),
            (Condition::Absent, None, true),
            (Condition::Absent, Some(1), false),
            (Condition::Revision(vec![1, 2]), Some(2), true),
            (Condition::Revision(vec![1, 2]), Some(3), false),
            (Condition::Revision(vec![1]), None, false),
        ];
        for (condition, revision, holds) in rows {
            assert_eq!(condition.check(revision).is_ok(), holds, "{condition:?} {revision:?}");
        }
    }
}
