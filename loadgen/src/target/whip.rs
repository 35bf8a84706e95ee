//! Any server that speaks WHIP (RFC 9725) and WHEP: where sessions are opened, and with what token.
//!
//! Each server has its own scheme of addresses, so they are templates: `{room}`, `{person}` and, for those where one receives one person
//! a session, `{peer}`.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use super::address::{Address, HTTP};
use super::error::TargetError;
use super::relay::{Key, Relay, Role};
use super::trust::Trust;

/// A server that takes longer is not usable for a call.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// How sessions are opened.
#[derive(Clone)]
pub struct WhipSettings {
    /// Template of where one publishes, relative to the server's address or whole.
    pub publish: String,
    /// Template of where one receives: everybody of a room in one session, or with `{peer}` one person. `None`: what one receives is in
    /// the publisher's own offer, for servers that take both at once.
    pub play: Option<String>,
    /// Bearer token for every request.
    pub token: Option<String>,
    /// Key of our relay, with which each session's token is signed instead.
    pub key: Option<Key>,
    /// The room of all meetings, one after the other; `None`: one for each, with names made here.
    pub room: Option<String>,
}

/// One server.
#[derive(Clone)]
pub struct Whip {
    at: Address,
    trust: Trust,
    settings: WhipSettings,
    signer: Option<Relay>,
}

impl Whip {
    /// A server at an `http://` or `https://` address.
    ///
    /// # Errors
    /// [`TargetError::Address`], [`TargetError::Template`].
    pub fn new(url: &str, settings: WhipSettings, trust: &Trust) -> Result<Self, TargetError> {
        let refuse = |why: String| TargetError::Address { url: url.to_owned(), why };
        let at = Address::parse(url, HTTP, trust).map_err(refuse)?;
        let signer = settings.key.clone().map(|key| Relay::new(url, Some(key), trust)).transpose()?;
        let whip = Self { at, trust: trust.clone(), settings, signer };
        whip.check()?;
        Ok(whip)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at.socket
    }

    /// Its address without secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        self.at.base.as_str()
    }

    /// Asks whether it is there; gives what it says of itself: our relay's version, or the `Server` header of others.
    ///
    /// # Errors
    /// [`TargetError::Silent`], or what TLS has against it.
    pub fn greet(&self) -> Result<Option<String>, TargetError> {
        if let Ok(relay) = Relay::new(self.url(), None, &self.trust)
            && let Ok(Some(version)) = relay.greet()
        {
            return Ok(Some(version));
        }
        let silent = |error: &ureq::Error| TargetError::Silent { url: self.url().to_owned(), why: error.to_string() };
        let answer = self.trust.http(PATIENCE).get(self.url()).call();
        let answer = answer.map_err(|error| TargetError::of_tls(self.url(), &error).unwrap_or_else(|| silent(&error)))?;
        Ok(answer.headers().get("server").and_then(|value| value.to_str().ok()).map(str::to_owned))
    }

    /// Whose certificates are believed, here and where the templates lead.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether each meeting has a room of its own.
    pub(crate) fn has_rooms(&self) -> bool {
        self.settings.room.is_none()
    }

    /// What one receives is in the publisher's offer.
    pub(crate) fn is_one_connection(&self) -> bool {
        self.settings.play.is_none()
    }

    /// One session a person that one receives.
    pub(crate) fn plays_one_person(&self) -> bool {
        self.settings.play.as_ref().is_some_and(|play| play.contains("{peer}"))
    }

    /// Where a person publishes.
    pub(crate) fn publish_url(&self, room: &str, person: &str) -> Result<Url, TargetError> {
        self.fill(&self.settings.publish, room, person, "")
    }

    /// Where a person receives.
    pub(crate) fn play_url(&self, room: &str, person: &str, peer: &str) -> Result<Url, TargetError> {
        self.fill(self.settings.play.as_deref().unwrap_or_default(), room, person, peer)
    }

    /// The token of somebody's session. A signed one is for the room that the relay's own addresses name, or for `room`.
    pub(crate) fn token(&self, url: &Url, room: &str, identity: &str, life: Duration) -> Result<Option<String>, TargetError> {
        let Some(relay) = &self.signer else { return Ok(self.settings.token.clone()) };
        let named = url.path_segments().and_then(|segments| segments.skip_while(|segment| *segment != "rooms").nth(1));
        relay.token(named.unwrap_or(room), identity, Role::Participant, life).map(Some)
    }

    fn check(&self) -> Result<(), TargetError> {
        self.publish_url("room", "person")?;
        if self.settings.play.is_some() {
            self.play_url("room", "person", "peer")?;
        }
        let refuse = |template: &str, why: &str| TargetError::Template { template: template.to_owned(), why: why.to_owned() };
        let publish = &self.settings.publish;
        if publish.contains("{peer}") {
            return Err(refuse(publish, "{peer} is for receiving"));
        }
        let all = [Some(publish), self.settings.play.as_ref()];
        for template in all.into_iter().flatten() {
            if self.has_rooms() && !["{room}", "{person}", "{peer}"].iter().any(|place| template.contains(place)) {
                return Err(refuse(
                    template,
                    "every meeting would be the same; put {room} or {person} into it, or name one room with --room",
                ));
            }
        }
        Ok(())
    }

    fn fill(&self, template: &str, room: &str, person: &str, peer: &str) -> Result<Url, TargetError> {
        let refuse = |why: String| TargetError::Template { template: template.to_owned(), why };
        let filled = template.replace("{room}", room).replace("{person}", person).replace("{peer}", peer);
        if filled.contains(['{', '}']) {
            return Err(refuse("placeholders are {room}, {person} and {peer}".to_owned()));
        }
        let url = self.at.base.join(&filled).map_err(|error| refuse(error.to_string()))?;
        if HTTP.contains(&url.scheme()) { Ok(url) } else { Err(refuse("only http and https are spoken".to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whip(publish: &str, play: Option<&str>) -> Result<Whip, TargetError> {
        let play = play.map(str::to_owned);
        let settings = WhipSettings { publish: publish.to_owned(), play, token: None, key: None, room: None };
        Whip::new("http://127.0.0.1:7880", settings, &Trust::new(None)?)
    }

    #[test]
    fn any_scheme_of_addresses_fits() {
        let ours = whip("/v1/rooms/{room}/whip", Some("/v1/rooms/{room}/whep")).expect("our scheme");
        assert_eq!(ours.publish_url("a", "p1").expect("filled").as_str(), "http://127.0.0.1:7880/v1/rooms/a/whip");
        assert!(!ours.plays_one_person() && !ours.is_one_connection());
        let paths =
            whip("http://127.0.0.1:8889/{room}-{person}/whip", Some("http://127.0.0.1:8889/{room}-{peer}/whep")).expect("a path each");
        assert_eq!(paths.play_url("a", "p1", "p2").expect("filled").as_str(), "http://127.0.0.1:8889/a-p2/whep");
        assert!(paths.plays_one_person());
    }

    #[test]
    fn templates_that_cannot_work_say_so() {
        for (publish, play) in [("/whip", None), ("/{romm}/whip", None), ("/{peer}/whip", None), ("/{room}/whip", Some("wss://x/{room}"))] {
            let error = whip(publish, play).err().expect("no scheme").to_string();
            assert!(error.contains("/v1/rooms/{room}/whip"), "{error}");
        }
    }
}
