//! Handshakes between our two ends in virtual time: versions, fragments, loss, wrong certificates, hostile input.
#![allow(clippy::unwrap_used)]

use dimpl::crypto::Dtls12CipherSuite;

use super::*;

#[allow(clippy::disallowed_methods, reason = "an arbitrary origin; nothing waits for it")]
fn start() -> Instant {
    Instant::now()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    V12,
    V13,
}

const VERSIONS: [Version; 2] = [Version::V12, Version::V13];

/// A certificate whose client speaks one version, in datagrams of at most `mtu` bytes.
fn client_certificate(version: Version, mtu: usize) -> Certificate {
    let mut certificate = Certificate::generate().unwrap();
    let builder = dimpl::Config::builder().mtu(mtu).max_queue_tx(200).max_queue_rx(200).flight_retries(8);
    let builder = match version {
        Version::V12 => builder.dtls13_cipher_suites(&[]),
        Version::V13 => builder.dtls12_cipher_suites(&[] as &[Dtls12CipherSuite]),
    };
    certificate.config = Arc::new(builder.build().unwrap());
    certificate
}

struct Pair {
    now: Instant,
    client: Dtls,
    server: Dtls,
}

impl Pair {
    fn new(client: Certificate) -> Self {
        let server = Certificate::generate().unwrap();
        let (to_client, to_server) = (client.fingerprint(), server.fingerprint());
        Self::expecting(client, server, to_client, to_server)
    }

    /// `shown` are the fingerprints that server and client were told of each other.
    fn expecting(client: Certificate, server: Certificate, of_client: Fingerprint, of_server: Fingerprint) -> Self {
        let now = start();
        let dtls12_only = client.config.dtls13_cipher_suites().next().is_none();
        let client = Arc::new(client);
        let mut active = Dtls::new_server(now, &client, of_server);
        // The hybrid ClientHello of `new_client` would offer both versions.
        active.engine = if dtls12_only {
            dimpl::Dtls::new_12(Arc::clone(&client.config), client.key_pair.clone(), now)
        } else {
            dimpl::Dtls::new_13(Arc::clone(&client.config), client.key_pair.clone(), now)
        };
        active.engine.set_active(true);
        active.role = Role::Client;
        active.handle_timeout(now).unwrap();
        Self { now, client: active, server: Dtls::new_server(now, &Arc::new(server), of_client) }
    }

    fn drain(dtls: &mut Dtls) -> Vec<Vec<u8>> {
        let mut buf = [0; 1_500];
        std::iter::from_fn(|| dtls.poll_datagram(&mut buf).map(|len| buf[..len].to_vec())).collect()
    }

    /// Carries datagrams both ways until there are none; `false` from `keep` loses one.
    fn run(&mut self, mut keep: impl FnMut() -> bool) -> Result<(), DtlsError> {
        loop {
            let (up, down) = (Self::drain(&mut self.client), Self::drain(&mut self.server));
            if up.is_empty() && down.is_empty() {
                return Ok(());
            }
            for datagram in up {
                if keep() {
                    self.server.handle_datagram(self.now, &datagram)?;
                }
            }
            for datagram in down {
                if keep() {
                    self.client.handle_datagram(self.now, &datagram)?;
                }
            }
        }
    }

    fn sleep(&mut self) -> Result<(), DtlsError> {
        let next = [self.client.poll_timeout(), self.server.poll_timeout()].into_iter().flatten().min();
        self.now = next.expect("somebody waits for an answer");
        self.client.handle_timeout(self.now)?;
        self.server.handle_timeout(self.now)
    }

    /// Both ends have keys, and they fit: checked with a packet each way.
    fn assert_keys(&mut self) {
        let (client, server) = (self.client.take_keys().unwrap(), self.server.take_keys().unwrap());
        assert_eq!(client.profile(), server.profile());
        let mut client = crate::srtp::SrtpSession::new(&client, self.client.role()).unwrap();
        let mut server = crate::srtp::SrtpSession::new(&server, self.server.role()).unwrap();
        let mut buf = [0x80; 60];
        let len = client.seal_rtp(&mut buf, 40).unwrap();
        assert_eq!(server.open_rtp(&mut buf[..len]), Ok(40));
        let len = server.seal_rtp(&mut buf, 40).unwrap();
        assert_eq!(client.open_rtp(&mut buf[..len]), Ok(40));
        assert!(self.client.take_keys().is_none(), "keys are given out once");
    }
}

#[test]
fn handshakes() {
    for version in VERSIONS {
        let mut pair = Pair::new(client_certificate(version, 1_150));
        pair.run(|| true).unwrap();
        pair.assert_keys();
        assert_eq!(pair.server.poll_timeout(), None, "{version:?}: nothing left to do");
    }
}

/// The client that load generators use: one ClientHello for both versions.
#[test]
fn hybrid_client() {
    let (now, client, server) = (start(), Certificate::generate().unwrap(), Certificate::generate().unwrap());
    let server_end = Dtls::new_server(now, &Arc::new(Certificate::generate().unwrap()), client.fingerprint());
    let mut pair = Pair { now, client: Dtls::new_client(now, &Arc::new(client), server.fingerprint()).unwrap(), server: server_end };
    pair.server = Dtls::new_server(now, &Arc::new(server), pair.server.expected);
    pair.run(|| true).unwrap();
    assert_eq!(pair.server.engine.protocol_version(), Some(dimpl::ProtocolVersion::DTLS1_3));
    pair.assert_keys();
}

#[test]
fn fragmented_client_hello() {
    for version in VERSIONS {
        // In order, last first, and all fragments as records of one datagram.
        for arrangement in 0..3 {
            let mut pair = Pair::new(client_certificate(version, 100));
            let mut hello = Pair::drain(&mut pair.client);
            assert!(hello.len() > 1, "{version:?}: one datagram is no fragmented ClientHello");
            for datagram in &hello {
                assert_eq!((datagram[0], datagram[13]), (22, 1), "a handshake record with a piece of a ClientHello");
            }
            match arrangement {
                0 => {}
                1 => hello.reverse(),
                _ => hello = vec![hello.concat()],
            }
            for datagram in hello {
                assert!(pair.server.outgoing.is_empty(), "an answer before the whole ClientHello was there");
                pair.server.handle_datagram(pair.now, &datagram).unwrap();
            }
            pair.run(|| true).unwrap();
            pair.assert_keys();
        }
    }
}

#[test]
fn lost_datagrams_are_sent_again() {
    let mut total_lost = 0;
    for (version, seed) in VERSIONS.into_iter().flat_map(|version| (0..20u64).map(move |seed| (version, seed))) {
        let mut pair = Pair::new(client_certificate(version, 300));
        let (mut random, mut lost) = (seed, 0);
        while (pair.client.phase, pair.server.phase) != (Phase::Established, Phase::Established) {
            let outcome = pair.run(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let keep = random >> 62 != 0; // a quarter is lost
                lost += u32::from(!keep);
                keep
            });
            let done = pair.client.keys.is_some() && pair.server.keys.is_some();
            outcome.and_then(|()| if done { Ok(()) } else { pair.sleep() }).unwrap_or_else(|error| {
                panic!("{version:?}, seed {seed}: {error} after {lost} losses");
            });
        }
        total_lost += lost;
        pair.assert_keys();
    }
    assert!(total_lost > 50, "the network was bad: {total_lost}");
}

#[test]
fn silence_ends_the_handshake() {
    let mut pair = Pair::new(client_certificate(Version::V13, 1_150));
    let begin = pair.now;
    for datagram in Pair::drain(&mut pair.client) {
        pair.server.handle_datagram(pair.now, &datagram).unwrap();
    }
    let error = loop {
        pair.now = pair.server.poll_timeout().expect("a time limit");
        if let Err(error) = pair.server.handle_timeout(pair.now) {
            break error;
        }
    };
    assert!(matches!(error, DtlsError::Engine(dimpl::Error::Timeout(_))), "{error}");
    assert_eq!(pair.now - begin, Duration::from_secs(30));
    assert!(matches!(pair.server.handle_timeout(pair.now), Err(DtlsError::Over)));
    assert!(matches!(pair.server.handle_datagram(pair.now, &[]), Err(DtlsError::Over)));
    assert_eq!((pair.server.poll_timeout(), pair.server.outgoing.len()), (None, 0));
}

#[test]
fn a_foreign_certificate_gets_no_keys() {
    for version in VERSIONS {
        let foreign = Certificate::generate().unwrap().fingerprint();
        // The server was told of another client certificate.
        let (client, server) = (client_certificate(version, 1_150), Certificate::generate().unwrap());
        let server_fingerprint = server.fingerprint();
        let mut pair = Pair::expecting(client, server, foreign, server_fingerprint);
        assert!(matches!(pair.run(|| true), Err(DtlsError::FingerprintMismatch)), "{version:?}");
        assert!(pair.server.take_keys().is_none() && Pair::drain(&mut pair.server).is_empty());
        assert!(matches!(pair.server.handle_timeout(pair.now), Err(DtlsError::Over)));
        // The client was told of another server certificate.
        let (client, server) = (client_certificate(version, 1_150), Certificate::generate().unwrap());
        let client_fingerprint = client.fingerprint();
        let mut pair = Pair::expecting(client, server, client_fingerprint, foreign);
        assert!(matches!(pair.run(|| true), Err(DtlsError::FingerprintMismatch)), "{version:?}");
        assert!(pair.client.take_keys().is_none());
        assert!(pair.server.take_keys().is_none(), "nor did the server get that far");
    }
}

/// A certificate of many kilobytes: the engine panics when it has no room for one, so there must be room.
#[test]
fn a_huge_certificate_is_only_a_certificate() {
    for (version, kilobytes) in [(Version::V12, 3), (Version::V12, 10), (Version::V13, 3), (Version::V13, 10)] {
        let mut client = client_certificate(version, 1_150);
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999], vec![4; kilobytes << 10])];
        let huge = params.self_signed(&key).unwrap();
        client.key_pair = dimpl::DtlsCertificate { certificate: huge.der().to_vec(), private_key: key.serialize_der() };
        let fingerprint = certificate::fingerprint(huge.der());
        let server = Certificate::generate().unwrap();
        let of_server = server.fingerprint();
        let mut pair = Pair::expecting(client, server, fingerprint, of_server);
        let mut outcome = Ok(());
        for _ in 0..40 {
            outcome = pair.run(|| true).and_then(|()| if pair.server.keys.is_some() { Ok(()) } else { pair.sleep() });
            if outcome.is_err() || pair.server.keys.is_some() {
                break;
            }
        }
        outcome.unwrap();
        pair.assert_keys();
    }
}

#[test]
fn goodbye() {
    for version in VERSIONS {
        let mut pair = Pair::new(client_certificate(version, 1_150));
        pair.run(|| true).unwrap();
        assert!(!pair.server.is_closed());
        pair.client.close();
        pair.run(|| true).unwrap();
        assert!(pair.server.is_closed(), "{version:?}");
        pair.assert_keys();

        let mut pair = Pair::new(client_certificate(version, 1_150));
        pair.run(|| true).unwrap();
        pair.server.close();
        pair.server.close();
        pair.run(|| true).unwrap();
        assert!(pair.client.is_closed(), "{version:?}");
    }
}

/// SECURITY.md row 4: nothing unauthenticated ends what was established.
#[test]
fn established_associations_survive_garbage() {
    for version in VERSIONS {
        let mut pair = Pair::new(client_certificate(version, 1_150));
        pair.run(|| true).unwrap();
        let hello = Pair::drain(&mut Pair::new(client_certificate(version, 100)).client);
        let fatal_alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
        let close_notify = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 10, 0, 2, 1, 0];
        for round in 0..200usize {
            for datagram in &hello {
                pair.server.handle_datagram(pair.now, datagram).unwrap();
            }
            pair.server.handle_datagram(pair.now, &fatal_alert).unwrap();
            pair.server.handle_datagram(pair.now, &close_notify).unwrap();
            for first in 20..64 {
                let mut garbage = vec![round as u8; round * 8];
                garbage.iter_mut().take(1).for_each(|byte| *byte = first);
                pair.server.handle_datagram(pair.now, &garbage).unwrap();
                // A record of epoch 1 that nobody encrypted.
                let mut record = vec![first, 254, 253, 0, 1, 0, 0, 0, 0, 0, round as u8, 0, 32];
                record.extend([0x77; 32]);
                pair.server.handle_datagram(pair.now, &record).unwrap();
            }
            assert!(Pair::drain(&mut pair.server).len() <= MAX_OUTGOING);
        }
        assert!(!pair.server.is_closed(), "{version:?}");
        pair.client.close();
        pair.run(|| true).unwrap();
        assert!(pair.server.is_closed(), "{version:?}: the real goodbye is still heard");
    }
}

#[test]
fn oversized_datagrams_are_not_looked_at() {
    let mut pair = Pair::new(client_certificate(Version::V13, 1_150));
    let mut datagram = Pair::drain(&mut pair.client).concat();
    datagram.resize(MAX_DATAGRAM + 1, 0);
    pair.server.handle_datagram(pair.now, &datagram).unwrap();
    assert!(pair.server.outgoing.is_empty());
    datagram.truncate(MAX_DATAGRAM);
    pair.server.handle_datagram(pair.now, &datagram).unwrap();
}

/// A library error after the keys are out must not end the call; a goodbye by authenticated alert does.
#[test]
fn what_happens_after_the_keys_is_no_failure() {
    use dimpl::{Error, SecurityError};
    for (error, closed) in [(Error::ReceiveQueueFull, false), (Error::SecurityError(SecurityError::FatalAlert { description: 80 }), true)] {
        let mut pair = Pair::new(client_certificate(Version::V13, 1_150));
        let begin = pair.now;
        assert!(matches!(pair.server.advance(begin, |_| Err(error.clone())), Err(DtlsError::Engine(_))), "before: fatal");
        assert_eq!(pair.server.phase, Phase::Failed);

        let mut pair = Pair::new(client_certificate(Version::V13, 1_150));
        pair.run(|| true).unwrap();
        pair.server.advance(begin, |_| Err(error)).unwrap();
        assert_eq!((pair.server.is_closed(), pair.server.is_listening(), pair.server.poll_timeout()), (closed, false, None));
        pair.server.handle_datagram(begin, &[22; 40]).unwrap();
        pair.assert_keys();
    }
}

/// The answer to a ClientHello is a ServerHello and no request to say hello again: ICE has shown already where the client is.
#[test]
fn no_round_trip_for_a_cookie() {
    let retry_random = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11]; // RFC 8446 section 4.1.3
    for version in VERSIONS {
        let mut pair = Pair::new(client_certificate(version, 1_150));
        let [hello] = &Pair::drain(&mut pair.client)[..] else { panic!("one datagram") };
        pair.server.handle_datagram(pair.now, hello).unwrap();
        let answer = Pair::drain(&mut pair.server);
        // Record header 13, handshake header 12, version 2, then the random.
        assert_eq!((answer[0][0], answer[0][13]), (22, 2), "{version:?}: ServerHello");
        assert_ne!(answer[0][27..35], retry_random, "{version:?}");
    }
}
