//! ICE in SDP: local credentials that name their worker, what well-formed credentials are, host candidates (RFC 8839).

use std::net::SocketAddr;

use wire::ids::IceCredentials;

/// Workers that two base-32 characters can name.
pub const MAX_WORKERS: usize = 1024;

/// The alphabet of a ufrag's first two characters (RFC 4648 section 6, lower case; all are ice-chars).
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// All ice-chars (RFC 8839 section 5.4): 6 bits each.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Random characters of a ufrag after the worker's two: 60 bits, so that ufrags of one worker do not meet.
const UFRAG_RANDOM: usize = 10;
/// Characters of a password: 144 bits; RFC 8839 section 5.4 wants 128 at least.
const PWD_LENGTH: usize = 24;

/// A host candidate of the relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Where clients can reach the media socket.
    pub address: SocketAddr,
}

impl Candidate {
    /// The value of `a=candidate` (RFC 8839 section 5.1). `index` is the candidate's place in the operator's order.
    pub(super) fn attribute(self, index: usize) -> String {
        // RFC 8445 section 5.1.2.1 for a host candidate (type preference 126) of component 1.
        let local_preference = 65_535 - index.min(65_535) as u32;
        let priority = (126 << 24) + (local_preference << 8) + 255;
        format!("{} 1 udp {priority} {} {} typ host", index + 1, self.address.ip(), self.address.port())
    }
}

/// The first two characters of every local ufrag that belongs to the worker with this index.
///
/// # Panics
/// When `worker` is not below [`MAX_WORKERS`]; the number of workers is the operator's choice, never a client's.
#[must_use]
pub fn ufrag_prefix(worker: usize) -> String {
    assert!(worker < MAX_WORKERS, "a ufrag can name {MAX_WORKERS} workers");
    [BASE32[worker / 32], BASE32[worker % 32]].map(char::from).iter().collect()
}

/// Which worker a local ufrag belongs to; `None` when it is none of ours.
#[must_use]
pub fn ufrag_worker(ufrag: &str) -> Option<usize> {
    let digit = |byte: u8| BASE32.iter().position(|&letter| letter == byte);
    match ufrag.as_bytes() {
        [high, low, ..] => Some(digit(*high)? * 32 + digit(*low)?),
        _ => None,
    }
}

/// New credentials of the relay.
pub(super) fn fresh(prefix: &str, entropy: &mut dyn FnMut(&mut [u8])) -> IceCredentials {
    let mut random = [0; UFRAG_RANDOM + PWD_LENGTH];
    entropy(&mut random);
    let text = random.map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)]));
    let mut ufrag = prefix.to_owned();
    ufrag.extend(&text[..UFRAG_RANDOM]);
    IceCredentials { ufrag, pwd: text[UFRAG_RANDOM..].iter().collect() }
}

/// A client's credentials, if they are well-formed (RFC 8839 section 5.4).
pub(super) fn credentials(ufrag: &str, pwd: &str) -> Option<IceCredentials> {
    let well_formed = |text: &str| text.bytes().all(|byte| ICE_CHARS.contains(&byte));
    let lengths = (4..=256).contains(&ufrag.len()) && (22..=256).contains(&pwd.len());
    (lengths && well_formed(ufrag) && well_formed(pwd)).then(|| IceCredentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_worker_is_found_again_by_its_ufrag() {
        for worker in 0..MAX_WORKERS {
            let ufrag = fresh(&ufrag_prefix(worker), &mut |buffer| buffer.fill(worker as u8)).ufrag;
            assert_eq!(ufrag_worker(&ufrag), Some(worker));
        }
        assert_eq!(["", "a", "A2", "a1", "\u{e9}b"].map(ufrag_worker), [None; 5]);
    }

    #[test]
    #[should_panic(expected = "1024 workers")]
    fn more_workers_than_ufrags_can_name_are_refused() {
        let _ = ufrag_prefix(MAX_WORKERS);
    }

    #[test]
    fn own_credentials_are_well_formed_and_follow_the_entropy() {
        let one = fresh("ab", &mut |buffer| buffer.iter_mut().zip(0..).for_each(|(byte, value)| *byte = value));
        let two = fresh("ab", &mut |buffer| buffer.fill(255));
        assert_eq!(one.ufrag, "abABCDEFGHIJ");
        assert_ne!(one.pwd, two.pwd);
        assert_eq!(credentials(&one.ufrag, &one.pwd), Some(one));
    }

    #[test]
    fn malformed_credentials_are_refused() {
        let pwd = "p".repeat(22);
        assert!(credentials("abcd", &pwd).is_some());
        for (ufrag, pwd) in [("abc", pwd.as_str()), ("abcd", &pwd[1..]), ("ab:d", &pwd), ("ab d", &pwd), (&"a".repeat(257), &pwd)] {
            assert_eq!(credentials(ufrag, pwd), None, "{ufrag}");
        }
    }

    #[test]
    fn candidates_are_in_the_operators_order() {
        let [v4, v6] = ["192.0.2.1:7882", "[2001:db8::1]:7882"].map(|address| Candidate { address: address.parse().unwrap() });
        assert_eq!(v4.attribute(0), "1 1 udp 2130706431 192.0.2.1 7882 typ host");
        assert_eq!(v6.attribute(1), "2 1 udp 2130706175 2001:db8::1 7882 typ host");
    }
}
