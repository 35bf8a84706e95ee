//! One line of the chain: how it is made and how it is checked. Pure.

use aws_lc_rs::digest;
use room::Role;
use serde::{Deserialize, Serialize};

use crate::pseudonym::hex;

/// Hash that the first line names as the one before it.
pub(super) const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Longest line, bytes; ours have a few hundred.
pub(super) const MAX_LINE: usize = 64 * 1024;
/// What stands between a line's content and its hash.
const SEAM: &str = ",\"hash\":\"";
/// What stands after the hash.
const END: &str = "\"}";

/// Who acts, or what is acted on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Named {
    /// The API's caller.
    Service,
    /// The relay itself.
    Relay,
    /// A person.
    Person { pseudonym: String, role: Role },
    /// A room.
    Room { id: String },
    /// A template.
    Template { id: String },
}

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Content<'a> {
    pub(super) seq: u64,
    /// RFC 3339.
    pub(super) time: String,
    pub(super) room: Option<&'a str>,
    pub(super) actor: &'a Named,
    pub(super) action: &'a str,
    pub(super) target: Option<&'a Named>,
    /// `ok` or the code of a refusal.
    pub(super) result: &'a str,
    /// The hash of the line before.
    pub(super) prev: &'a str,
}

/// What the next line needs of this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: String,
}

impl Link {
    /// Before the first line.
    pub(super) fn start() -> Self {
        Self { seq: 0, hash: START.to_owned() }
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Flaw {
    /// Not a line of ours.
    #[error("is not a line of an audit log")]
    Malformed,
    /// Its hash does not fit.
    #[error("was changed: its hash does not fit its content")]
    Changed,
    /// It does not follow the line before.
    #[error("does not follow the line before: something was removed, inserted or reordered")]
    OutOfChain,
    /// It has no end.
    #[error("is cut off")]
    CutOff,
}

#[derive(Deserialize)]
struct Chained<'a> {
    seq: u64,
    prev: &'a str,
}

/// A line without its line break, and the link for the next.
pub(super) fn seal(content: &Content<'_>) -> (String, Link) {
    // Strings and numbers always serialise.
    let open = serde_json::to_string(content).unwrap_or_default();
    let hash = hash(&open);
    let body = open.strip_suffix('}').unwrap_or(&open);
    (format!("{body}{SEAM}{hash}{END}"), Link { seq: content.seq, hash })
}

/// The link of a line that stands alone.
pub(super) fn open(line: &str) -> Result<Link, Flaw> {
    read(line).map(|(link, _)| link)
}

/// The link of a line that follows `before`.
pub(super) fn follow(line: &str, before: &Link) -> Result<Link, Flaw> {
    let (link, prev) = read(line)?;
    if link.seq == before.seq + 1 && prev == before.hash { Ok(link) } else { Err(Flaw::OutOfChain) }
}

fn read(line: &str) -> Result<(Link, &str), Flaw> {
    let (body, rest) = line.rsplit_once(SEAM).ok_or(Flaw::Malformed)?;
    let given = rest.strip_suffix(END).ok_or(Flaw::Malformed)?;
    if given != hash(&format!("{body}}}")) {
        return Err(Flaw::Changed);
    }
    // The whole line: what was hashed must also be what a reader sees.
    let Chained { seq, prev } = serde_json::from_str(line).map_err(|_| Flaw::Malformed)?;
    Ok((Link { seq, hash: given.to_owned() }, prev))
}

fn hash(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}
