//! One signed request.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::Endpoint;
use crate::clock::unix_seconds;
use crate::pseudonym::hex;

/// From looking up the name to the head of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// The answer was not 2xx. Redirects are not followed: the address is the operator's word.
    #[error("status {0}")]
    Status(u16),
    /// No answer.
    #[error("{0}")]
    Failed(Box<ureq::Error>),
}

/// A client that trusts `authorities`, or where there are none the public ones.
pub(super) fn agent(authorities: Option<Vec<Certificate<'static>>>) -> Agent {
    let roots = authorities.map_or(RootCerts::WebPki, |certificates| RootCerts::Specific(Arc::new(certificates)));
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(roots)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // Where events go is decided by relay.toml alone, not by an environment variable.
        .proxy(None)
        .user_agent(concat!("relay/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

/// Sends a body; `delivery` stays the same when the same body is sent again. Blocks.
pub(super) fn post(endpoint: &Endpoint, delivery: &str, body: &str) -> Result<(), PostError> {
    let request = endpoint
        .agent
        .post(endpoint.filter.url.as_str())
        .header("content-type", "application/json")
        .header("relay-delivery", delivery)
        .header("relay-signature", signature(&endpoint.secret, unix_seconds(), body));
    match request.send(body) {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(PostError::Status(answer.status().as_u16())),
        Err(error) => Err(PostError::Failed(Box::new(error))),
    }
}

/// `t=<unix seconds>,v1=<HMAC-SHA-256 of "<t>.<body>">`: the time is signed, so that a request cannot be played again much later.
fn signature(secret: &hmac::Key, at: u64, body: &str) -> String {
    let mut context = hmac::Context::with_key(secret);
    context.update(format!("{at}.").as_bytes());
    context.update(body.as_bytes());
    format!("t={at},v1={}", hex(context.sign().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_the_hmac_of_time_and_body() {
        // From `printf '1700000000.{"events":[]}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`.
        let secret = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef0123456789abcdef");
        assert_eq!(
            signature(&secret, 1_700_000_000, r#"{"events":[]}"#),
            "t=1700000000,v1=df29826f9365a4c39eb569c867ae31fb39108dee0a0b3e4bcf09f11a0ba43081"
        );
    }
}
