//! What the client says about its end of the transport: ICE credentials and certificate, the same on all bundled m-lines.

use rtc_sdp::description::common::Attribute;
use rtc_sdp::{MediaDescription, SessionDescription};
use wire::ids::{Fingerprint, IceCredentials};

use super::SdpError;
use super::ice;

/// The client's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) ice: IceCredentials,
    pub(super) fingerprint: Fingerprint,
}

impl Remote {
    /// They may stand in the session or in m-lines (RFC 8839 section 5.4, RFC 8122 section 5), of which some may leave them to the first
    /// (RFC 8843 section 7.1.3); wherever they stand they must be the same.
    pub(super) fn read<'a>(
        description: &'a SessionDescription,
        bundled: impl Iterator<Item = &'a MediaDescription>,
    ) -> Result<Self, SdpError> {
        let mut sections: Vec<&[Attribute]> = bundled.map(|media| media.attributes.as_slice()).collect();
        sections.push(&description.attributes);
        let ufrag = agreed(&sections, "ice-ufrag").ok_or(SdpError::BadCredentials)?;
        let pwd = agreed(&sections, "ice-pwd").ok_or(SdpError::BadCredentials)?;
        let ice = ice::credentials(ufrag, pwd).ok_or(SdpError::BadCredentials)?;
        let fingerprint = fingerprint(&sections).ok_or(SdpError::BadFingerprint)?;
        // The relay is passive and must not be asked to be anything else (RFC 8842 section 5.3).
        let mut setups = sections.iter().flat_map(|section| values(section, "setup")).peekable();
        if setups.peek().is_none() || !setups.all(|setup| matches!(setup, "actpass" | "active")) {
            return Err(SdpError::BadSetup);
        }
        Ok(Self { ice, fingerprint })
    }
}

fn values<'a>(section: &'a [Attribute], key: &'static str) -> impl Iterator<Item = &'a str> {
    section.iter().filter(move |attribute| attribute.key == key).filter_map(|attribute| attribute.value.as_deref()).map(str::trim)
}

/// The value of an attribute that occurs at least once and is the same wherever it does.
fn agreed<'a>(sections: &[&'a [Attribute]], key: &'static str) -> Option<&'a str> {
    let mut found = sections.iter().flat_map(|section| values(section, key));
    let first = found.next()?;
    found.all(|value| value == first).then_some(first)
}

/// The one SHA-256 fingerprint. Others beside it (RFC 8122 section 5 allows several) are not needed: whoever holds the certificate has them all.
fn fingerprint(sections: &[&[Attribute]]) -> Option<Fingerprint> {
    let all = sections.iter().flat_map(|section| values(section, "fingerprint"));
    let mut sha256 = all.filter_map(|value| value.split_once(' ').filter(|(hash, _)| hash.eq_ignore_ascii_case("sha-256")));
    let first = Fingerprint::parse(sha256.next()?.1)?;
    sha256.all(|(_, value)| Fingerprint::parse(value) == Some(first)).then_some(first)
}
