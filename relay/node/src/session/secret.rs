//! Unguessable handles of sessions: what `welcome.resume` and the URL of a WHIP or WHEP resource carry.

use std::fmt::Write as _;

use subtle::ConstantTimeEq as _;
use worker::command::ClientId;

/// 128 random bits.
const BYTES: usize = 16;

/// The secret of one session.
pub(crate) struct Secret([u8; BYTES]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no entropy to give.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// `{client}-{secret}`, safe in a URL path.
    #[must_use]
    pub(crate) fn handle(&self, client: ClientId) -> String {
        let mut text = format!("{}-", client.0);
        for byte in self.0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Whether `handle` is this client's handle, in time that does not depend on where it differs.
    #[must_use]
    pub(crate) fn opens(&self, client: ClientId, handle: &str) -> bool {
        self.handle(client).as_bytes().ct_eq(handle.as_bytes()).into()
    }

    /// The client a handle claims to belong to.
    #[must_use]
    pub(crate) fn claimed(handle: &str) -> Option<ClientId> {
        let (client, _) = handle.split_once('-')?;
        client.parse().ok().map(ClientId)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_whole_handle_opens() {
        let secret = Secret::generate().unwrap();
        let handle = secret.handle(ClientId(7));
        assert_eq!(handle.len(), "7-".len() + 2 * BYTES);
        assert_eq!(Secret::claimed(&handle), Some(ClientId(7)));
        assert!(secret.opens(ClientId(7), &handle));
        assert!(!secret.opens(ClientId(8), &handle));
        assert!(!secret.opens(ClientId(7), &handle[..handle.len() - 1]));
        assert!(!secret.opens(ClientId(7), &format!("{handle}0")));
        assert!(!secret.opens(ClientId(7), "7-"));
        assert!(!Secret::generate().unwrap().opens(ClientId(7), &handle));
        for bad in ["", "7", "-", "x-00", "99999999999999999999999-00"] {
            assert_eq!(Secret::claimed(bad), None, "{bad}");
        }
    }
}
