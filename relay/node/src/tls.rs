//! TLS for HTTPS: the operator's certificate from files, or a throw-away one for trying things out on a local network.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM of the expected kind.
    #[error("{path}: expected {expected} in PEM: {error}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected in it.
        expected: &'static str,
        /// What the reader said.
        error: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit each other, or are of an unknown kind.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The throw-away certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Generate(#[from] rcgen::Error),
}

/// From the operator's files.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn from_files(cert: &Path, key: &Path) -> Result<RustlsConfig, TlsError> {
    let wrong = |path: &Path, expected| {
        let path = path.to_owned();
        move |error| TlsError::File { path, expected, error }
    };
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(wrong(cert, "a certificate chain"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(wrong(key, "a private key"))?;
    config(chain, key)
}

/// A self-signed certificate that lives as long as this process, for `localhost` and the given addresses.
///
/// # Errors
/// [`TlsError::Generate`].
pub(crate) fn throw_away(addresses: &[IpAddr]) -> Result<RustlsConfig, TlsError> {
    let (chain, key) = generate(addresses)?;
    config(chain, key)
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn generate(addresses: &[IpAddr]) -> Result<Pair, TlsError> {
    let names = std::iter::once("localhost".to_owned()).chain(addresses.iter().map(IpAddr::to_string));
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>())?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    Ok((vec![made.cert.der().clone()], key))
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<RustlsConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut config = builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?;
    // WebSockets need HTTP/1.1, and the page is too small for HTTP/2 to gain anything.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read as _, Write as _};

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    use super::*;

    /// Shakes hands in memory as a client that trusts only `root`, asks for `name`, and says hello.
    fn visit(config: &RustlsConfig, root: CertificateDer<'static>, name: &str) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(root)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let client = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = ServerConnection::new(config.get_inner())?;
        client.writer().write_all(b"hello").unwrap();
        while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        let mut heard = [0; 5];
        server.reader().read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
        Ok(())
    }

    #[test]
    fn a_throw_away_certificate_is_good_for_its_names_only() {
        let (chain, key) = generate(&["192.0.2.7".parse().unwrap()]).unwrap();
        let root = chain[0].clone();
        let config = config(chain, key).unwrap();
        for name in ["localhost", "192.0.2.7"] {
            assert_eq!(visit(&config, root.clone(), name), Ok(()), "{name}");
        }
        assert!(visit(&config, root, "192.0.2.8").is_err());
        let other = generate(&[]).unwrap().0[0].clone();
        assert!(visit(&config, other, "localhost").is_err(), "a client that trusts another certificate");
    }

    #[test]
    fn files_are_read_and_mistakes_told() {
        let folder = std::env::temp_dir().join(format!("relay-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, content: String| {
            let path = folder.join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let made = rcgen::generate_simple_self_signed(["relay.example".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["relay.example".to_owned()]).unwrap();
        let cert = write("cert.pem", made.cert.pem());
        let key = write("key.pem", made.signing_key.serialize_pem());
        let other_key = write("other.pem", other.signing_key.serialize_pem());
        let config = from_files(&cert, &key).unwrap();
        assert_eq!(visit(&config, made.cert.der().clone(), "relay.example"), Ok(()));
        assert!(matches!(from_files(&cert, &other_key).err(), Some(TlsError::Unusable(_))));
        assert!(matches!(from_files(&folder.join("none"), &key).err(), Some(TlsError::File { expected: "a certificate chain", .. })));
        assert!(matches!(from_files(&cert, &cert).err(), Some(TlsError::File { expected: "a private key", .. })));
        assert!(from_files(&key, &key).is_err(), "a file without certificates");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
