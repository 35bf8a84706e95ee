//! Whose certificates are believed, and the clients for HTTP and TLS that believe them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::error::TargetError;

/// Requests that one client has under way at once, each on a connection that it keeps.
pub(super) const CONNECTIONS: usize = 16;

/// Certificates that servers' own must be signed by.
#[derive(Clone, Debug)]
pub struct Trust {
    tls: Arc<ClientConfig>,
    http: TlsConfig,
}

impl Trust {
    /// The certificates in a file (PEM) and no others, so that a run cannot reach another server than its own; `None`: the public ones.
    ///
    /// # Errors
    /// [`TargetError::Ca`].
    pub fn new(file: Option<&Path>) -> Result<Self, TargetError> {
        let Some(path) = file else {
            return Self::of(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }, RootCerts::WebPki).map_err(TargetError::Tls);
        };
        let refuse = |why: String| TargetError::Ca { path: path.to_owned(), why };
        let text = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| refuse(error.to_string()))?;
        if certificates.is_empty() {
            return Err(refuse("it holds no certificate".to_owned()));
        }
        let (mut roots, mut same) = (RootCertStore::empty(), Vec::new());
        for certificate in certificates {
            same.push(Certificate::from_der(&certificate).to_owned());
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        }
        Self::of(roots, RootCerts::Specific(Arc::new(same))).map_err(TargetError::Tls)
    }

    fn of(roots: RootCertStore, same: RootCerts) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
        // Each person is a browser of their own: none has a session that another could resume.
        tls.resumption = Resumption::disabled();
        let http = TlsConfig::builder().provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider).root_certs(same).build();
        Ok(Self { tls: Arc::new(tls), http })
    }

    pub(super) fn tls(&self) -> Arc<ClientConfig> {
        self.tls.clone()
    }

    /// A client for HTTP that gives up after a while and leaves it to the caller what a status means.
    pub(crate) fn http(&self, patience: Duration) -> ureq::Agent {
        let config = ureq::Agent::config_builder()
            .tls_config(self.http.clone())
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            // Neither WebSockets nor media would go through one.
            .proxy(None);
        config.build().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_certificates_is_named_with_what_is_wrong() {
        let folder = std::env::temp_dir().join(format!("loadgen-ca-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder in the temporary directory");
        let said = |name: &str, content: Option<&str>| {
            let path = folder.join(name);
            content.iter().for_each(|content| std::fs::write(&path, content).expect("written"));
            let error = Trust::new(Some(&path)).expect_err("no certificates").to_string();
            assert!(error.contains("--ca") && error.contains(&path.display().to_string()) && error.contains("PEM"), "{error}");
            error
        };
        assert!(said("none", None).contains("No such file"));
        assert!(said("empty", Some("")).contains("holds no certificate"));
        said("broken", Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"));
        said("nonsense", Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
