//! What somebody costs who comes: the answer to the offer, and the handshakes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use signal::sdp::{Answerer, Candidate, Local, MAX_TEXT_LINES, SdpError, ufrag_prefix};
use transport::dtls::Dtls;
use transport::{Certificate, Path, State, Transport, TransportConfig};
use wire::ids::{Fingerprint, IceCredentials};
use wire::stun::{BindingRequest, Key, MAX_REQUEST, Role, TransactionId, binding_request};

use super::Round;
use crate::meter::Meter;

/// Recorded from Chromium: microphone, camera, screen, and slots for a few others.
const MEETING: &str = include_str!("../../../relay/signal/tests/fixtures/chromium_meeting.sdp");
/// Pairs of slots in a room of the largest size.
const CROWD: usize = 34;

pub(super) fn meeting() -> Round {
    answering(MEETING.to_owned())
}

/// Slots for everybody in the largest room, with one video codec and its RTX.
pub(super) fn crowd() -> Round {
    let mids: Vec<String> = (0..2 * CROWD).map(|mid| mid.to_string()).collect();
    let mut offer =
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=extmap-allow-mixed\r\n", mids.join(" "));
    for (index, mid) in mids.iter().enumerate() {
        let (kind, types, maps) = if index < CROWD {
            ("audio", "111", "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n")
        } else {
            let maps = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
                a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";
            ("video", "96 97", maps)
        };
        // Writing to a String cannot fail.
        let _ = write!(
            offer,
            "m={kind} 9 UDP/TLS/RTP/SAVPF {types}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901234\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:{mid}\r\na=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n{maps}",
            Fingerprint([0x5a; 32])
        );
    }
    answering(offer)
}

/// As many lines as are read at all, of the kind that costs most, and a mistake that is seen last.
pub(super) fn bomb() -> Round {
    let head =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=mid:0\r\n";
    let offer = format!("{head}{}", "a=ssrc:1 x\r\n".repeat(MAX_TEXT_LINES - head.lines().count()));
    let answerer = Answerer::new(local());
    let sources = BTreeMap::new();
    Box::new(move |meter| {
        let mut answerer = answerer.clone();
        let refused = meter.measure(|| answerer.answer(black_box(&offer), &sources, &mut |_| ()));
        assert!(matches!(refused, Err(SdpError::NotBundled(_))), "it is read to its end");
    })
}

fn local() -> Local {
    Local {
        ufrag_prefix: ufrag_prefix(3),
        fingerprint: Fingerprint([0x5a; 32]),
        candidates: vec![Candidate { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 7882)) }],
        session_id: 4711,
    }
}

fn answering(offer: String) -> Round {
    let local = local();
    let sources = BTreeMap::new();
    Box::new(move |meter| {
        let mut answerer = Answerer::new(local.clone());
        // Bytes that look random and are the same each time, so that two runs count the same instructions.
        let mut counter: u32 = 1;
        let mut entropy = |buf: &mut [u8]| {
            for byte in buf {
                counter = counter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (counter >> 24) as u8;
            }
        };
        let answered = meter.measure(|| answerer.answer(black_box(&offer), &sources, &mut entropy));
        black_box(answered.expect("a browser's offer is answered").sdp);
    })
}

/// From the first connectivity check to media keys; only the relay's end counts.
pub(super) fn join() -> Round {
    let [relay, client] = [(); 2].map(|()| Arc::new(Certificate::generate().expect("the crypto library makes a key")));
    Box::new(move |meter| {
        let now = Instant::now();
        let [local_ice, remote_ice] = ["relay", "client"].map(|name| IceCredentials { ufrag: name.into(), pwd: format!("{name:-^24}") });
        let mut dtls = Dtls::new_client(now, &client, relay.fingerprint()).expect("the crypto library works");
        let check = check(&local_ice, &remote_ice);
        let config = TransportConfig { local_ice, remote_ice, remote_fingerprint: client.fingerprint(), certificate: Arc::clone(&relay) };
        let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 10_000));
        let path = Path { remote, local: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let mut reply = [0; Transport::MAX_STUN_REPLY];
        let mut transport = meter.measure(|| {
            let mut transport = Transport::new(now, &config);
            assert_eq!(transport.handle_stun(now, path, &check, &mut reply).selected, Some(path));
            transport
        });
        shake_hands(meter, now, path, &mut transport, &mut dtls);
    })
}

fn shake_hands(meter: &mut Meter, now: Instant, path: Path, transport: &mut Transport, client: &mut Dtls) {
    let mut buf = [0; 2_048];
    while transport.state() != State::Secure {
        let mut up: Vec<Vec<u8>> = Vec::new();
        while let Some(len) = client.poll_datagram(&mut buf) {
            up.push(buf[..len].to_vec());
        }
        assert!(!up.is_empty(), "the client has something to say until both have keys");
        let down = meter.measure(|| {
            up.iter().for_each(|datagram| transport.handle_dtls(now, path, datagram).expect("the handshake goes on"));
            let mut down: Vec<Vec<u8>> = Vec::new();
            while let Some(len) = transport.poll_dtls(&mut buf) {
                down.push(buf[..len].to_vec());
            }
            down
        });
        down.iter().for_each(|datagram| client.handle_datagram(now, datagram).expect("the handshake goes on"));
    }
}

fn check(relay: &IceCredentials, client: &IceCredentials) -> Vec<u8> {
    let request = BindingRequest {
        transaction: TransactionId([1; 12]),
        remote_ufrag: &relay.ufrag,
        local_ufrag: &client.ufrag,
        priority: 1,
        role: Role::Controlling(1),
        use_candidate: true,
    };
    let mut buf = vec![0; MAX_REQUEST];
    let len = binding_request(&request, &Key::new(&relay.pwd), &mut buf).expect("fits");
    buf.truncate(len);
    buf
}
