//! Entity tags of definitions, and the conditions that name them (RFC 9110 sections 8.8.3, 13.1.1, 13.1.2).

use axum::http::{HeaderMap, HeaderName, header};

use super::error::ApiError;
use crate::rooms::Condition;

/// Most tags in one condition.
const MAX_TAGS: usize = 16;

/// The tag of a revision.
pub(super) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// What the request expects to find. Tags that are not ours match nothing.
///
/// # Errors
/// 400 for two conditions at once, or what is no list of tags.
pub(super) fn condition(headers: &HeaderMap) -> Result<Condition, ApiError> {
    let (matches, none) = (value(headers, &header::IF_MATCH)?, value(headers, &header::IF_NONE_MATCH)?);
    match (matches, none) {
        (None, None) => Ok(Condition::None),
        (None, Some("*")) => Ok(Condition::Absent),
        (Some("*"), None) => Ok(Condition::Exists),
        (Some(tags), None) => Ok(Condition::Revision(revisions(tags)?)),
        (None, Some(_)) => Err(ApiError::bad_request("expected if-none-match to be *")),
        (Some(_), Some(_)) => Err(ApiError::bad_request("expected if-match or if-none-match, not both")),
    }
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(ApiError::bad_request(format!("expected one {name}")));
    }
    value.map(|value| value.to_str().map(str::trim).map_err(|_| ApiError::bad_request(format!("{name} is not readable")))).transpose()
}

fn revisions(tags: &str) -> Result<Vec<u64>, ApiError> {
    let mut revisions = Vec::new();
    for (index, tag) in tags.split(',').enumerate() {
        // RFC 9110 section 13.1.1: "An origin server MUST use the strong comparison function", for which a weak tag never matches.
        let tag = tag.trim();
        let quoted = tag.strip_prefix("W/").unwrap_or(tag);
        let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = inner.filter(|_| index < MAX_TAGS) else {
            return Err(ApiError::bad_request(format!("expected if-match to be * or at most {MAX_TAGS} quoted tags")));
        };
        if !tag.starts_with("W/") {
            revisions.extend(inner.parse::<u64>().ok().filter(|revision| etag(*revision) == tag));
        }
    }
    Ok(revisions)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(rows: &[(HeaderName, &'static str)]) -> Option<Condition> {
        condition(&rows.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()).ok()
    }

    #[test]
    fn tags_and_stars() {
        let only = |value| read(&[(header::IF_MATCH, value)]);
        assert_eq!(read(&[]), Some(Condition::None));
        assert_eq!(only("*"), Some(Condition::Exists));
        assert_eq!(only(" \"7\" , \"12\""), Some(Condition::Revision(vec![7, 12])));
        assert_eq!(only("W/\"7\", \"x\", \"07\", \"+7\""), Some(Condition::Revision(vec![])), "nothing that could match");
        assert_eq!(read(&[(header::IF_NONE_MATCH, "*")]), Some(Condition::Absent));
        let many = "\"1\",".repeat(MAX_TAGS) + "\"1\"";
        for bad in ["", "7", "\"7", "*, \"7\"", many.leak()] {
            assert_eq!(only(bad), None, "{bad}");
        }
        assert_eq!(read(&[(header::IF_NONE_MATCH, "\"7\"")]), None);
        assert_eq!(read(&[(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "*")]), None);
    }
}
