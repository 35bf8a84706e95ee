//! Trickle fragments, `application/trickle-ice-sdpfrag` (RFC 8840), as WHIP and WHEP clients send them with PATCH (RFC 9725).

use std::fmt;

use super::{MAX_SDP, SdpError, ice};

/// What the relay reads of a fragment. The client's candidates are not among it: an ICE-lite agent learns addresses from checks alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The client's `ice-ufrag`.
    pub ufrag: String,
    /// The client's `ice-pwd`.
    pub pwd: String,
}

impl fmt::Debug for Fragment {
    /// Shows neither part: both are secrets of a person's connection.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fragment(..)")
    }
}

/// Reads a fragment.
///
/// # Errors
/// [`SdpError::TooLarge`], or [`SdpError::BadCredentials`] when it has none that are well-formed, or different ones: RFC 8840 section 4.4 wants
/// them in every fragment.
pub fn parse_fragment(text: &str) -> Result<Fragment, SdpError> {
    if text.len() > MAX_SDP {
        return Err(SdpError::TooLarge(text.len()));
    }
    let ufrag = agreed(text, "a=ice-ufrag:").ok_or(SdpError::BadCredentials)?;
    let pwd = agreed(text, "a=ice-pwd:").ok_or(SdpError::BadCredentials)?;
    let ice = ice::credentials(ufrag, pwd).ok_or(SdpError::BadCredentials)?;
    Ok(Fragment { ufrag: ice.ufrag, pwd: ice.pwd })
}

/// The value behind a prefix that occurs at least once and with the same value each time.
fn agreed<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let mut values = text.lines().filter_map(|line| line.trim().strip_prefix(prefix));
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGMENT: &str = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n\
        a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";

    #[test]
    fn credentials_are_read_and_candidates_are_not() {
        let expected = Fragment { ufrag: "EsAw".to_owned(), pwd: "P2uYro0UCOQ4zxjKXaWCBui1".to_owned() };
        assert_eq!(parse_fragment(FRAGMENT), Ok(expected));
        assert_eq!(format!("{:?}", parse_fragment(FRAGMENT)), "Ok(Fragment(..))");
    }

    #[test]
    fn fragments_without_one_pair_of_credentials_are_refused() {
        for bad in [
            FRAGMENT.replace("EsAw", "Es:w"),
            FRAGMENT.replace("a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", ""),
            format!("{FRAGMENT}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:othr\r\n"),
            String::new(),
        ] {
            assert_eq!(parse_fragment(&bad), Err(SdpError::BadCredentials), "{bad}");
        }
        assert_eq!(parse_fragment(&" ".repeat(MAX_SDP + 1)), Err(SdpError::TooLarge(MAX_SDP + 1)));
    }
}
