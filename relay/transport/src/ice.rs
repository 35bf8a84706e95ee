//! ICE-lite (RFC 8445 section 2.5): answers the peer's connectivity checks, learns its addresses from them, sends none itself.
//!
//! | check arrives                         | answer  | what changes                                                        |
//! |---------------------------------------|---------|---------------------------------------------------------------------|
//! | malformed, other ufrag, bad integrity | none    | nothing                                                             |
//! | peer claims to be controlled          | 487     | nothing                                                             |
//! | good                                  | success | path known, its consent fresh                                       |
//! | good, USE-CANDIDATE                   | success | as above, and we send on this path                                  |
//! | good, first with new credentials      | success | as above, and the credentials of before the ICE restart are invalid |

use std::time::{Duration, Instant};

use wire::ids::IceCredentials;
use wire::stun::{Key, Role, StunRequest, binding_error, binding_success};

use crate::path::Path;

/// "Consent expires after 30 seconds" without an authenticated check (RFC 7675 section 5.1).
pub(crate) const CONSENT: Duration = Duration::from_secs(30);
/// Paths that are remembered: the few interfaces of a device, before and after a change of network.
pub(crate) const MAX_PATHS: usize = 8;
/// "Role Conflict" (RFC 8445 section 7.3.1.1).
const ROLE_CONFLICT: u16 = 487;

/// What a STUN datagram turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Check {
    /// To be dropped without an answer.
    Rejected,
    /// Signed by the peer, which takes itself for the controlled side.
    RoleConflict { reply_len: usize },
    /// Good.
    Accepted(Accepted),
}

/// What a good check led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Accepted {
    pub(crate) reply_len: usize,
    /// The path was not known before.
    pub(crate) learned: bool,
    /// Had to be forgotten for it.
    pub(crate) forgotten: Option<Path>,
    /// We send on another path than before: this one.
    pub(crate) selected: bool,
}

/// The ICE state of one peer.
pub(crate) struct Ice {
    current: Credentials,
    /// Those of before an ICE restart, until the current ones are used.
    previous: Option<Credentials>,
    paths: Vec<Known>,
    /// The nominated path, on which we send. Beside the list, because it is asked for with each packet.
    selected: Option<Known>,
    heard: Option<Instant>,
}

/// What a check must show: "local ufrag : remote ufrag", signed with the local password (RFC 8445 section 7.2.2).
struct Credentials {
    local_ufrag: String,
    remote_ufrag: String,
    key: Key,
}

#[derive(Clone, Copy)]
struct Known {
    path: Path,
    /// When the last authenticated check arrived on it.
    checked: Instant,
}

impl Ice {
    pub(crate) fn new(local: IceCredentials, remote: IceCredentials) -> Self {
        Self { current: Credentials::new(local, remote), previous: None, paths: Vec::with_capacity(MAX_PATHS), selected: None, heard: None }
    }

    /// "An ICE agent MUST accept checks with the previous credentials" until the restarted session works (RFC 8445 section 9).
    pub(crate) fn restart(&mut self, local: IceCredentials, remote: IceCredentials) {
        let before = std::mem::replace(&mut self.current, Credentials::new(local, remote));
        // After two restarts in a row nobody has used the ones in between; the peer still lives on the oldest.
        self.previous.get_or_insert(before);
    }

    pub(crate) fn handle(&mut self, now: Instant, path: Path, datagram: &[u8], reply: &mut [u8]) -> Check {
        let Ok(request) = StunRequest::parse(datagram) else { return Check::Rejected };
        let signed_by = |credentials: &&Credentials| credentials.are_shown_by(&request);
        let current = Some(&self.current).filter(signed_by);
        let Some(credentials) = current.or_else(|| self.previous.as_ref().filter(signed_by)) else {
            return Check::Rejected;
        };
        let key = &credentials.key;
        if let Some(Role::Controlled(_)) = request.role() {
            // A lite agent is always the controlled one when its peer is not (RFC 8445 section 6.1.1).
            let reply_len = binding_error(request.transaction(), ROLE_CONFLICT, key, reply).unwrap_or(0);
            return Check::RoleConflict { reply_len };
        }
        let Some(reply_len) = binding_success(request.transaction(), path.remote, key, reply) else {
            return Check::Rejected;
        };
        if current.is_some() {
            self.previous = None;
        }
        self.heard = Some(now);
        let (learned, forgotten) = self.learn(now, path);
        let selected = request.use_candidate() && !self.is_selected(path);
        if selected || self.is_selected(path) {
            self.selected = Some(Known { path, checked: now });
        }
        Check::Accepted(Accepted { reply_len, learned, forgotten, selected })
    }

    /// Notes an authenticated check. When there are too many paths, the one that was silent longest goes, but not the one we use.
    fn learn(&mut self, now: Instant, path: Path) -> (bool, Option<Path>) {
        if let Some(known) = self.paths.iter_mut().find(|known| known.path == path) {
            known.checked = now;
            return (false, None);
        }
        let mut forgotten = None;
        if self.paths.len() >= MAX_PATHS {
            let others = self.paths.iter().enumerate().filter(|(_, known)| !self.is_selected(known.path));
            let oldest = others.min_by_key(|(_, known)| known.checked).map(|(position, _)| position);
            forgotten = oldest.map(|position| self.paths.swap_remove(position).path);
        }
        self.paths.push(Known { path, checked: now });
        (true, forgotten)
    }

    /// Where to send: the nominated path while the peer consents.
    pub(crate) fn send_path(&self, now: Instant) -> Option<Path> {
        self.selected.filter(|known| now < known.checked + CONSENT).map(|known| known.path)
    }

    /// When consent for the nominated path ends, if no check renews it.
    pub(crate) fn consent_until(&self) -> Option<Instant> {
        self.selected.map(|known| known.checked + CONSENT)
    }

    fn is_selected(&self, path: Path) -> bool {
        self.selected.is_some_and(|known| known.path == path)
    }

    pub(crate) fn is_nominated(&self) -> bool {
        self.selected.is_some()
    }

    pub(crate) fn knows(&self, path: Path) -> bool {
        self.paths.iter().any(|known| known.path == path)
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = Path> {
        self.paths.iter().map(|known| known.path)
    }

    pub(crate) fn heard(&self) -> Option<Instant> {
        self.heard
    }
}

impl Credentials {
    fn new(local: IceCredentials, remote: IceCredentials) -> Self {
        Self { key: Key::new(&local.pwd), local_ufrag: local.ufrag, remote_ufrag: remote.ufrag }
    }

    fn are_shown_by(&self, request: &StunRequest<'_>) -> bool {
        request.username() == (self.local_ufrag.as_str(), self.remote_ufrag.as_str()) && request.verify(&self.key)
    }
}

#[cfg(test)]
mod tests;
