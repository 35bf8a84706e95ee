//! Servers behind TLS: everything works with the right authority, and certificates that are not good are refused with what to do.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use loadgen::measure::Metrics;
use loadgen::summary::Verdict;
use loadgen::target::{Janus, Relay as Target, TargetError, Trust};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, accept_hdr};

use crate::relay::{Relay, alone};
use crate::whip;

const HERE: &str = "127.0.0.1";

/// An authority of the tests' own, its certificates and keys in a folder that is removed when dropped.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("loadgen-tls-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder in the temporary directory");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        fs::write(folder.join("ca.pem"), issuer.pem()).expect("written");
        Self { issuer, folder }
    }

    fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn trust(&self) -> Trust {
        Trust::new(Some(&self.ca())).expect("certificates")
    }

    /// A certificate for this name until this year, and its key.
    fn issue(&self, name: &str, until: i32) -> [PathBuf; 2] {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let files = ["pem", "key"].map(|end| self.folder.join(format!("{name}-{until}.{end}")));
        fs::write(&files[0], certificate.pem()).expect("written");
        fs::write(&files[1], key.serialize_pem()).expect("written");
        files
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

type Connection = StreamOwned<ServerConnection, TcpStream>;

/// Serves on a free port of this machine, one connection after the other, until the tests end.
fn serve([certificate, key]: &[PathBuf; 2], answer: fn(Connection)) -> String {
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = Arc::new(builder.with_single_cert(chain, key).expect("they fit"));
    let listener = TcpListener::bind((HERE, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(StreamOwned::new(ServerConnection::new(config.clone()).expect("a session"), stream));
        }
    });
    address
}

/// Any request gets a server's metrics.
fn metrics(mut connection: Connection) {
    let _ = connection.read(&mut [0; 4_096]);
    let text = "process_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 4096\n";
    let _ = write!(connection, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}", text.len());
}

/// Says what it is, as Janus does.
#[expect(clippy::result_large_err, reason = "the library's own answer")]
fn janus(connection: Connection) {
    let agree = |_: &Request, mut response: Response| {
        response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("janus-protocol"));
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr(connection, agree) else { return };
    let _ = socket.read();
    let info = r#"{"janus":"server_info","version_string":"1.9.9","plugins":{"janus.plugin.videoroom":{}}}"#;
    let _ = socket.send(Message::text(info));
}

#[test]
fn runs_through_tls_deliver_everything_where_the_authority_is_named() {
    let _alone = alone();
    let authority = Authority::new("runs");
    let [certificate, key] = authority.issue(HERE, 2_999);
    let relay = Relay::start_behind_tls(&certificate, &key);
    let ca = authority.ca();
    let ca = ca.to_str().expect("a path in UTF-8");
    let slo = "failed<=0%,loss<=0.1%,full_failed<=0%";
    let (output, summary) = relay.run(&[&whip::STEADY[..], &["--ca", ca, "--full", "1", "--slo", slo]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), summary.verdict), (Some(0), Verdict::Pass), "{said}");
    assert!(summary.target.url.starts_with("https://") && summary.target.version.is_some(), "{:?}", summary.target);
    assert!(summary.media["audio"].expected > 500 && summary.media["audio"].lost == 0, "{:?}", summary.media["audio"]);
    let independent = summary.independent.expect("one came");
    assert!(independent.clients.joined == 1 && independent.media["audio"].expected > 200, "{independent:?}");

    let (summary, said) = whip::play(&relay, &["--ca", ca]);
    whip::assert_everybody_received(&summary, 9.0, &said);

    let output = relay.load(&[]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("not trusted") && said.contains("--ca"), "{said}");
}

#[test]
fn each_kind_of_bad_certificate_is_told_from_the_others() {
    let (authority, other) = (Authority::new("bad"), Authority::new("other"));
    let greet = |address: &str, trust: &Trust| {
        let error = Target::new(&format!("https://{address}"), None, trust).expect("an address").greet().expect_err("it is not good");
        assert!(error.to_string().contains(address), "{error}");
        error
    };
    let good = serve(&authority.issue(HERE, 2_999), metrics);
    for stranger in [Trust::new(None).expect("the public ones"), other.trust()] {
        let untrusted = greet(&good, &stranger);
        assert!(matches!(untrusted, TargetError::Untrusted { .. }), "{untrusted}");
    }
    let expired = greet(&serve(&authority.issue(HERE, 2_001), metrics), &authority.trust());
    assert!(matches!(expired, TargetError::Expired { .. }), "{expired}");
    let misnamed = greet(&serve(&authority.issue("relay.example", 2_999), metrics), &authority.trust());
    assert!(matches!(&misnamed, TargetError::OtherName { why, .. } if why.contains("relay.example")), "{misnamed}");
    let plain = TcpListener::bind((HERE, 0)).expect("a free port");
    let address = plain.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let plain = greet(&address, &authority.trust());
    assert!(matches!(plain, TargetError::NoTls { .. }), "{plain}");
}

#[test]
fn janus_and_metrics_are_reached_through_tls_too() {
    let authority = Authority::new("others");
    let (trust, files, stranger) = (authority.trust(), authority.issue(HERE, 2_999), Trust::new(None).expect("the public ones"));
    let url = format!("wss://{}", serve(&files, janus));
    let greet = |trust: &Trust| Janus::new(&url, None, trust).expect("an address").greet();
    assert_eq!(greet(&trust), Ok(Some("Janus 1.9.9".to_owned())));
    assert!(matches!(greet(&stranger), Err(TargetError::Untrusted { .. })));

    let url = format!("https://{}/metrics", serve(&files, metrics));
    assert_eq!(Metrics::new(&url, &trust).expect("metrics").taken().expect("an answer").memory, 4_096);
    let error = Metrics::new(&url, &stranger).expect_err("not trusted");
    assert!(error.contains("--metrics") && error.contains("--ca"), "{error}");
}
