//! Whole calls: check, handshake, media; and what must not work.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Call, credentials, path, rtcp, rtp};
use transport::dtls::DtlsError;
use transport::srtp::MAX_RTCP_OVERHEAD;
use transport::{Certificate, SrtpError, State, StunOutcome, TransportError};
use wire::stun::Role;

#[test]
fn check_handshake_media() {
    let mut call = Call::new();
    assert_eq!(call.relay.state(), State::New);
    assert_eq!((call.relay.send_path(call.now), call.relay.last_heard()), (None, None));
    assert_eq!(call.relay.open_rtp(&mut rtp(1, 1, &[0; 40])), Err(SrtpError::NotReady));
    assert_eq!(call.relay.seal_rtp(&mut [0x80; 60], 40), Err(SrtpError::NotReady));

    let outcome = call.check(path(1), false);
    assert_eq!((outcome.newly_bound, outcome.selected), (Some(path(1)), None));
    assert_eq!(call.relay.state(), State::Checking);
    assert_eq!(call.relay.send_path(call.now), None);

    let outcome = call.check(path(1), true);
    assert_eq!((outcome.newly_bound, outcome.selected), (None, Some(path(1))));
    assert_eq!(call.relay.state(), State::Connected);
    assert_eq!(call.relay.send_path(call.now), Some(path(1)));

    call.handshake(path(1)).unwrap();
    assert_eq!(call.relay.state(), State::Secure);
    for sequence in [1, 2, 3, 30_000, 60_000, 65_535, 0] {
        call.assert_media(sequence);
    }

    let report = rtcp(0x22);
    let mut buf = report.clone();
    buf.resize(report.len() + MAX_RTCP_OVERHEAD, 0);
    let len = call.relay.seal_rtcp(&mut buf, report.len()).unwrap();
    let len = call.client.srtp.as_mut().unwrap().open_rtcp(&mut buf[..len]).unwrap();
    assert_eq!(buf[..len], report);
    let mut sealed = call.client.sealed_rtcp(&report);
    let len = call.relay.open_rtcp(&mut sealed).unwrap();
    assert_eq!(sealed[..len], report);

    let counters = call.relay.counters();
    assert_eq!((counters.srtp_rejected, counters.stun_rejected, counters.dtls_unauthenticated), (1, 0, 0), "{counters:?}");
}

/// A client may start DTLS on a valid path before it nominates one; the answer waits for the nomination.
#[test]
fn handshake_before_nomination() {
    let mut call = Call::new();
    call.authenticate(path(1), false);
    call.handshake(path(1)).unwrap();
    assert_eq!(call.relay.state(), State::Checking);
    assert!(call.relay_drain().is_empty(), "nothing is sent before a path is nominated");
    assert!(call.client.srtp.is_none());
    call.authenticate(path(1), true);
    call.handshake(path(1)).unwrap();
    assert_eq!(call.relay.state(), State::Secure);
    call.assert_media(1);
}

/// SECURITY.md row 1: a ClientHello counts only from an address that passed an authenticated check.
#[test]
fn client_hello_from_strangers_is_ignored() {
    let mut call = Call::new();
    let hello = call.client.drain();
    let mut stranger = Call::new();
    let bogus = stranger.client.drain();
    for round in 0..3 {
        for port in 2_000..3_000 {
            for datagram in &bogus {
                call.relay.handle_dtls(call.now, path(port), datagram).unwrap();
            }
            call.relay.handle_dtls(call.now, path(port), &[22, 254, 253]).unwrap();
        }
        assert!(call.relay_drain().is_empty(), "nothing is said to a stranger");
        match round {
            // Not even the client's own hello from an address that is not authenticated.
            0 => {
                call.relay.handle_dtls(call.now, path(1), &hello[0]).unwrap();
                assert_eq!(call.relay.state(), State::New);
                call.authenticate(path(1), true);
                assert!(call.relay_drain().is_empty(), "it was not kept");
            }
            1 => {
                for datagram in &hello {
                    call.relay.handle_dtls(call.now, path(1), datagram).unwrap();
                }
                call.handshake(path(1)).unwrap();
            }
            _ => {}
        }
    }
    assert_eq!(call.relay.state(), State::Secure);
    assert_eq!(call.relay.counters().dtls_unauthenticated, 3 * 1_000 * (bogus.len() as u64 + 1) + 1);
    call.assert_media(1);
}

#[test]
fn a_foreign_certificate_is_refused() {
    let announced = Certificate::generate().unwrap().fingerprint();
    let mut call = Call::with(&Arc::new(Certificate::generate().unwrap()), announced);
    call.authenticate(path(1), true);
    let error = call.handshake(path(1)).unwrap_err();
    assert!(matches!(error, TransportError::Dtls(DtlsError::FingerprintMismatch)), "{error}");
    assert_eq!(call.relay.state(), State::Failed);
    assert_eq!(call.relay.open_rtp(&mut rtp(1, 1, &[0; 40])), Err(SrtpError::NotReady));
    assert!(call.relay_drain().is_empty());
    assert!(call.client.srtp.is_none() || call.relay.seal_rtp(&mut [0x80; 60], 40).is_err(), "no media either way");
    // It is final, and quiet.
    call.relay.handle_dtls(call.now, path(1), &[22; 40]).unwrap();
    call.relay.handle_timeout(call.now + Duration::from_secs(60)).unwrap();
    assert_eq!((call.relay.state(), call.relay.counters().dtls_ignored), (State::Failed, 1));
}

#[test]
fn two_calls_have_different_keys() {
    let (mut one, mut other) = (Call::established(), Call::established());
    let packet = rtp(0x11, 1, b"for one");
    let mut sealed = one.client.sealed(&packet);
    assert_ne!(sealed, other.client.sealed(&packet));
    assert_eq!(other.relay.open_rtp(&mut sealed.clone()), Err(SrtpError::Authentication));
    one.relay.open_rtp(&mut sealed).unwrap();
}

#[test]
fn change_of_address() {
    let mut call = Call::established();
    call.assert_media(1);
    // Only a check that nominates moves the address; a packet, a plain check or a forged one does not.
    let hello = rtp(0x11, 2, b"from elsewhere");
    let mut sealed = call.client.sealed(&hello);
    call.relay.open_rtp(&mut sealed).unwrap();
    let outcome = call.check(path(2), false);
    assert_eq!((outcome.newly_bound, outcome.selected), (Some(path(2)), None));
    assert_eq!(call.relay.send_path(call.now), Some(path(1)));

    call.sleep(1);
    let outcome = call.check(path(3), true);
    assert_eq!((outcome.newly_bound, outcome.selected), (Some(path(3)), Some(path(3))));
    assert_eq!(call.relay.send_path(call.now), Some(path(3)));
    assert_eq!(call.relay.state(), State::Secure);
    call.assert_media(3);

    // A new interface on the relay's side is another path, too.
    let other_local = transport::Path { local: "203.0.113.2".parse().unwrap(), ..path(3) };
    assert_eq!(call.check(other_local, true).selected, Some(other_local));
    assert_eq!(call.relay.paths().count(), 4);
    assert_eq!(call.relay.paths().filter(|path| call.relay.knows(*path)).count(), 4);
    assert_eq!(call.relay.last_heard(), Some(call.now));
}

/// SECURITY.md row 3: nothing unauthenticated moves the address.
#[test]
fn a_guesser_moves_nothing() {
    let mut call = Call::established();
    let mut guesser = Call::new();
    guesser.client.relay.pwd = "wrong-password-wrong-password".to_owned();
    for _ in 0..1_000 {
        let datagram = guesser.client.check(true);
        let (outcome, _) = call.stun(path(666), &datagram);
        assert_eq!(outcome, StunOutcome::default(), "no answer, no change");
        let mut unsigned = datagram[..datagram.len() - 32].to_vec();
        let body = (unsigned.len() - 20) as u16;
        unsigned[2..4].copy_from_slice(&body.to_be_bytes());
        assert_eq!(call.stun(path(666), &unsigned).0, StunOutcome::default());
    }
    assert_eq!(call.relay.send_path(call.now), Some(path(1)));
    assert!(!call.relay.knows(path(666)));
    assert_eq!(call.relay.counters().stun_rejected, 2_000);
}

#[test]
fn role_conflict_is_told() {
    let mut call = Call::new();
    let datagram = call.client.check_with(true, Role::Controlled(99));
    let (outcome, reply) = call.stun(path(1), &datagram);
    assert_eq!(call.client.read_reply(&reply), Err(487));
    assert_eq!((outcome.newly_bound, outcome.selected, call.relay.state()), (None, None, State::New));
    assert_eq!(call.relay.counters().stun_role_conflicts, 1);
    // The client takes the other role then (RFC 8445 section 7.2.5.1).
    call.authenticate(path(1), true);
    assert_eq!(call.relay.state(), State::Connected);
}

#[test]
fn consent_expires_and_returns() {
    let mut call = Call::established();
    assert_eq!(call.relay.poll_timeout(call.now), Some(call.now + Duration::from_secs(30)), "when consent ends");
    call.sleep(29);
    assert_eq!(call.relay.send_path(call.now), Some(path(1)));
    call.sleep(1);
    call.relay.handle_timeout(call.now).unwrap();
    assert_eq!((call.relay.send_path(call.now), call.relay.state()), (None, State::Secure));
    assert_eq!(call.relay.poll_timeout(call.now), None);
    // Media proves who sent it, but it is no consent to be sent to.
    call.assert_media(1);
    assert_eq!(call.relay.send_path(call.now), None);
    call.sleep(3_600);
    call.authenticate(path(1), false);
    assert_eq!(call.relay.send_path(call.now), Some(path(1)));
    call.assert_media(2);
}

#[test]
fn ice_restart_keeps_dtls_and_srtp() {
    let mut call = Call::established();
    call.assert_media(1);
    let (old_own, old_relay) = (call.client.own.clone(), call.client.relay.clone());
    call.relay.restart_ice(credentials("relay-two"), credentials("client-two"));
    assert_eq!(call.relay.send_path(call.now), Some(path(1)), "media goes on meanwhile");

    // The client has not seen the answer yet.
    call.sleep(1);
    call.authenticate(path(1), true);
    call.client.own = credentials("client-two");
    call.client.relay = credentials("relay-two");
    let outcome = call.check(path(2), false);
    assert_eq!((outcome.newly_bound, outcome.selected), (Some(path(2)), None));
    call.assert_media(2);
    let outcome = call.check(path(2), true);
    assert_eq!(outcome.selected, Some(path(2)));
    assert_eq!(call.relay.state(), State::Secure);
    assert!(call.client.drain().is_empty() && call.relay_drain().is_empty(), "no new handshake");
    call.assert_media(3);

    (call.client.own, call.client.relay) = (old_own, old_relay);
    let datagram = call.client.check(true);
    assert_eq!(call.stun(path(1), &datagram).0, StunOutcome::default(), "the old credentials are out");
}

#[test]
fn goodbye_both_ways() {
    let mut call = Call::established();
    call.client.dtls.close();
    call.handshake(path(1)).unwrap();
    assert_eq!(call.relay.state(), State::Closed);
    for datagram in [&[21u8; 30][..], &[22; 30]] {
        call.relay.handle_dtls(call.now, path(1), datagram).unwrap();
    }
    assert_eq!(call.relay.counters().dtls_ignored, 2);

    let mut call = Call::established();
    call.relay.close();
    call.handshake(path(1)).unwrap();
    assert!(call.client.dtls.is_closed());
}

#[test]
fn a_handshake_that_nobody_answers_fails() {
    let mut call = Call::new();
    call.authenticate(path(1), true);
    for datagram in call.client.drain() {
        call.relay.handle_dtls(call.now, path(1), &datagram).unwrap();
    }
    let begin = call.now;
    let error = loop {
        call.now = call.relay.poll_timeout(call.now).expect("a timer runs");
        assert!(call.now - begin <= Duration::from_secs(30));
        if let Err(error) = call.relay.handle_timeout(call.now) {
            break error;
        }
    };
    assert!(matches!(error, TransportError::Dtls(DtlsError::Engine(_))), "{error}");
    assert_eq!(call.relay.state(), State::Failed);
}

/// SECURITY.md rows 2 and 4: forged packets from the peer's own address, any number of them.
#[test]
fn forged_media_changes_nothing() {
    let mut call = Call::established();
    call.assert_media(60_000);
    for number in 0..100_000u32 {
        let mut forged = rtp(if number % 2 == 0 { 0x11 } else { number }, (number * 13) as u16, &[0x55; 60]);
        call.relay.open_rtp(&mut forged).unwrap_err();
    }
    assert_eq!(call.relay.counters().srtp_rejected, 100_000);
    assert_eq!(call.relay.state(), State::Secure);
    call.assert_media(60_001);
}

/// SECURITY.md row 5: every length with every first byte, to every entrance, in every state.
#[test]
fn length_sweep() {
    let mut calls = [Call::new(), Call::new(), Call::established()];
    calls[1].authenticate(path(1), true);
    let mut datagram = [0u8; 1_601];
    for len in 0..=1_600 {
        for first in [0x00, 0x01, 0x14, 0x15, 0x16, 0x17, 0x2f, 0x3f, 0x40, 0x80, 0x8f, 0x90, 0x9f, 0xbf, 0xff] {
            for call in &mut calls {
                datagram.fill((len as u8).wrapping_mul(31) ^ first);
                datagram[0] = first;
                let (outcome, _) = call.stun(path(1), &datagram[..len]);
                assert_eq!(outcome, StunOutcome::default());
                call.relay.open_rtp(&mut datagram[..len]).unwrap_err();
                call.relay.open_rtcp(&mut datagram[..len]).unwrap_err();
                let failed = call.relay.handle_dtls(call.now, path(1), &datagram[..len]).is_err();
                assert!(!failed || call.relay.state() == State::Failed);
                if failed {
                    *call = Call::new();
                    call.authenticate(path(1), true);
                }
            }
        }
    }
    assert_eq!((calls[0].relay.state(), calls[2].relay.state()), (State::New, State::Secure));
    calls[2].assert_media(1);
}
