//! Room ids as they stand in URLs and tokens: short, URL-safe, the same in any case.

use worker::command::RoomId;

/// Longest room id.
pub(crate) const MAX_ROOM: usize = 64;

/// Reads a room id: 1 to [`MAX_ROOM`] of letters, digits, `-` and `_`. Upper case is folded, so that a link read out over the phone works.
#[must_use]
pub(crate) fn parse_room(text: &str) -> Option<RoomId> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = !text.is_empty() && text.len() <= MAX_ROOM;
    (fits && text.bytes().all(allowed)).then(|| RoomId(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_case_and_refuses_what_is_not_a_plain_id() {
        assert_eq!(parse_room("Demo-1_x"), Some(RoomId("demo-1_x".into())));
        let longest = "a".repeat(MAX_ROOM);
        assert!(parse_room(&longest).is_some());
        let too_long = "a".repeat(MAX_ROOM + 1);
        for bad in ["", "*", "a b", "a/b", "..", "a.b", "ø", "a\0", "a\n", "%61", too_long.as_str()] {
            assert_eq!(parse_room(bad), None, "{bad:?}");
        }
    }
}
