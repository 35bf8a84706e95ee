//! Verifying a token: strict header first, then the one algorithm of the named key, then the claims.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm as JwtAlgorithm, Validation};
use serde::Deserialize;

use super::claims::{Access, Grant, WireClaims};
use super::keys::KeyRing;
use super::{EARLIER_SECONDS, LEEWAY_SECONDS, MAX_TOKEN};
use worker::command::RoomId;

/// The token does not open this door. Says nothing more on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the token is missing, malformed, expired, not ours, or not for this room")]
pub struct Unauthorized;

/// Why a token was refused: for tests and our own debugging, never for the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Too long, not three parts, or a header that is not exactly `alg`, `kid` and perhaps `typ`.
    Malformed,
    /// `kid` names no key of ours.
    UnknownKey,
    /// `alg` is not the key's algorithm.
    Algorithm,
    /// The signature is wrong.
    Signature,
    /// `exp` is past.
    Expired,
    /// `nbf` is to come.
    NotYet,
    /// A claim is missing or has a value that is not allowed.
    Claims,
}

/// Everything a header may hold. `crit` (RFC 7515 section 4.1.11: "MUST be understood"), `jku`, `jwk`, `x5u` and the like are unknown
/// fields here and make the token unusable, which is what those who do not support them owe.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    kid: String,
    #[serde(default)]
    typ: Option<String>,
}

impl KeyRing {
    /// Verifies a token of any role.
    ///
    /// # Errors
    /// Why not; see [`Refused`].
    pub fn verify(&self, token: &str) -> Result<Access, Refused> {
        let claims = self.claims(token, true)?;
        Access::from_claims(&claims).ok_or(Refused::Claims)
    }

    /// The claims of a token with a good signature; whether it expired only matters where `fresh`.
    fn claims(&self, token: &str, fresh: bool) -> Result<WireClaims, Refused> {
        if token.len() > MAX_TOKEN || !token.is_ascii() || token.split('.').count() != 3 {
            return Err(Refused::Malformed);
        }
        let header = strict_header(token).ok_or(Refused::Malformed)?;
        let key = self.find(&header.kid).ok_or(Refused::UnknownKey)?;
        if header.alg != algorithm_name(key.algorithm) {
            return Err(Refused::Algorithm);
        }
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.validate_exp = fresh;
        let decoded = jsonwebtoken::decode::<WireClaims>(token, &key.verify, &validation).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Refused::Signature,
            ErrorKind::ExpiredSignature => Refused::Expired,
            ErrorKind::ImmatureSignature => Refused::NotYet,
            ErrorKind::InvalidAlgorithm => Refused::Algorithm,
            _ => Refused::Claims,
        })?;
        Ok(decoded.claims)
    }

    /// Verifies a token that is to open `room` for a person.
    ///
    /// # Errors
    /// One error for everything, a service token and another room included.
    pub fn grant(&self, token: &str, room: &RoomId) -> Result<Grant, Unauthorized> {
        match self.verify(token) {
            Ok(Access::Room(grant)) if grant.room == *room => Ok(grant),
            _ => Err(Unauthorized),
        }
    }

    /// Whose token for `room` this is, or was up to [`EARLIER_SECONDS`] ago; `now` in seconds. It opens nothing.
    #[must_use]
    pub fn earlier(&self, token: &str, room: &RoomId, now: u64) -> Option<Grant> {
        let claims = self.claims(token, false).ok()?;
        let recent = claims.exp.saturating_add(EARLIER_SECONDS) >= now;
        match Access::from_claims(&claims) {
            Some(Access::Room(grant)) if recent && grant.room == *room => Some(grant),
            _ => None,
        }
    }

    /// Verifies a token that speaks for a service; for one room, or for all (`None`).
    ///
    /// # Errors
    /// One error for everything, a person's token included.
    pub fn service_scope(&self, token: &str) -> Result<Option<RoomId>, Unauthorized> {
        match self.verify(token) {
            Ok(Access::Service(scope)) => Ok(scope),
            _ => Err(Unauthorized),
        }
    }

    /// Verifies a token that is to speak for `room` as a service.
    ///
    /// # Errors
    /// One error for everything, a person's token and another room included.
    pub fn service(&self, token: &str, room: &RoomId) -> Result<(), Unauthorized> {
        let scope = self.service_scope(token)?;
        if scope.is_none_or(|scope| scope == *room) { Ok(()) } else { Err(Unauthorized) }
    }
}

fn strict_header(token: &str) -> Option<StrictHeader> {
    let (header, _) = token.split_once('.')?;
    let header: StrictHeader = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")).then_some(header)
}

/// The names of RFC 7518 section 3.1 and RFC 8037 section 3.1, of what a [`KeyRing`] can hold.
fn algorithm_name(algorithm: JwtAlgorithm) -> &'static str {
    match algorithm {
        JwtAlgorithm::HS256 => "HS256",
        JwtAlgorithm::ES256 => "ES256",
        JwtAlgorithm::EdDSA => "EdDSA",
        _ => "",
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
