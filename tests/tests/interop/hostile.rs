//! What a stranger may throw at the process. Each is refused with a typed error or dropped; two people who talk meanwhile notice nothing.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use signal::message::{ByeReason, ClientMessage, ErrorCode};
use tests::e2e::keys::signed_with;
use tests::e2e::relay::RelayProcess;
use tests::e2e::{eventually, stage};

use crate::PATIENCE;
use crate::conversation::Conversation;
use crate::http::{self, assert_alive};
use crate::keyed::{claims, signed, unsigned};
use crate::person::{ROOM, negotiate};
use crate::resource::{SDP, post};
use crate::signalling::{Refusal, Signalling};
use crate::stack::{Options, Stack};

/// Seed of the garbage.
const SEED: u64 = 7_882;
/// Datagrams of garbage.
const GARBAGE: usize = 100_000;
/// Longest of them, bytes.
const LONGEST: usize = 1_600;

/// A stranger with a token of the open room.
async fn stranger(relay: &RelayProcess) -> (Signalling, String) {
    let token = http::join(relay, ROOM, "stranger").await;
    (Signalling::enter(relay, ROOM, &token).await, token)
}

async fn offer(signalling: &mut Signalling, id: u32, sdp: &str) {
    signalling.send(&ClientMessage::Offer { id, sdp: sdp.to_owned(), sources: BTreeMap::new() }).await;
}

fn bad_offer(id: u32) -> Refusal {
    Refusal { code: ErrorCode::BadOffer, field: Some("sdp".to_owned()), id: Some(id) }
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_offers_are_refused_and_a_good_one_is_still_taken() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut conversation = Conversation::start(&relay).await;
    let (mut signalling, _) = stranger(&relay).await;
    // Somebody else: whoever enters twice in one name replaces himself.
    let token = http::join(&relay, ROOM, "encoder").await;
    let mut stack = Stack::new(&Options::MEETING).await;
    let good = stack.offer().await;

    let many = format!("{good}{}", "m=audio 9 X 0\r\n".repeat(5_000));
    let twice = good.replace("a=mid:1\r\n", "a=mid:0\r\n");
    let cut = &good[..good.find("a=fingerprint:").unwrap() + 40];
    let no_fingerprint = good.replace("a=fingerprint", "a=footprint");
    let offers = [many.as_str(), &twice, cut, &no_fingerprint, "", "v=0", "\u{0}\u{ffff}"];
    assert!(offers.iter().all(|&bad| bad != good), "each is really changed");
    for (id, bad) in (1..).zip(offers) {
        offer(&mut signalling, id, bad).await;
        let errors = signalling.until("a refusal", |state| (state.errors.len() == id as usize).then(|| state.errors.clone()));
        assert_eq!(errors.await.last(), Some(&bad_offer(id)));
        post(&relay, "whip", &token, SDP, bad).await.refused(422, "bad_offer");
    }
    signalling.state.errors.clear();
    let answer = negotiate(&mut signalling, 100, &good).await;
    stack.accept(&answer.text).await;
    stack.connected().await;
    conversation.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mebibytes_are_not_read() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut conversation = Conversation::start(&relay).await;
    let (mut signalling, token) = stranger(&relay).await;
    let huge = format!("{}{}", Stack::new(&Options::MEETING).await.offer().await, "a=x\r\n".repeat((2 << 20) / 5));
    assert!(huge.len() >= 2 << 20);

    offer(&mut signalling, 1, &huge).await;
    signalling.until_the_end().await;
    assert_eq!(signalling.state.answers.len(), 0);
    // The relay says why, but hangs up on what it did not read, and that may overtake what it said.
    if let Some(refusal) = signalling.state.errors.first() {
        assert_eq!(*refusal, Refusal { code: ErrorCode::TooLarge, field: None, id: None });
    }
    post(&relay, "whip", &token, SDP, &huge).await.refused(413, "too_large");
    post(&relay, "whep", &token, SDP, &huge).await.refused(413, "too_large");
    conversation.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_the_relay_does_not_know_are_refused_one_by_one() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut conversation = Conversation::start(&relay).await;
    let (mut signalling, _) = stranger(&relay).await;
    let deep = "[".repeat(100_000);
    for (count, (text, field)) in (1..).zip([
        (r#"{"type":"become_host"}"#, Some("type")),
        (r#"{"type":"leave","now":true}"#, Some("now")),
        (r#"{"type":"offer","id":-1,"sdp":""}"#, Some("id")),
        (r#"{"type":"set_source","source":"xray","active":true}"#, Some("source")),
        (r#"{"kind":"ping"}"#, Some("type")),
        ("[]", None),
        ("ping", None),
        ("", None),
        (deep.as_str(), None),
    ]) {
        signalling.raw(text.to_owned()).await;
        let errors = signalling.until("a refusal", |state| (state.errors.len() == count).then(|| state.errors.clone()));
        let expected = Refusal { code: ErrorCode::BadMessage, field: field.map(str::to_owned), id: None };
        assert_eq!(errors.await.last(), Some(&expected), "{}", &text[..text.len().min(80)]);
    }
    signalling.assert_alive().await;

    // Before hello there is no such patience.
    let mut early = Signalling::connect(&relay, ROOM).await;
    early.raw(r#"{"type":"become_host"}"#.to_owned()).await;
    early.until_the_end().await;
    assert_eq!(early.state.errors.first().map(|refusal| refusal.code), Some(ErrorCode::BadMessage));
    assert_eq!(early.state.bye, Some(ByeReason::ProtocolError));
    conversation.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_open_nothing() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    let offer = Stack::new(&Options { slots: 0, ..Options::MEETING }).await.offer().await;
    let good = claims(ROOM, 600);
    let mut service = good.clone();
    service["role"] = "service".into();
    let (head, signature) = signed(&good).rsplit_once('.').map(|(head, tail)| (head.to_owned(), tail.to_owned())).unwrap();
    for (what, token) in [
        ("nothing", String::new()),
        ("no token", "open sesame".to_owned()),
        ("alg none", unsigned(&good)),
        ("alg none with a signature", format!("{}{signature}", unsigned(&good))),
        ("another secret", signed_with(&good, "a guess that is as long as the real secret")),
        ("no signature", format!("{head}.")),
        ("expired", signed(&claims(ROOM, -60))),
        ("another room", signed(&claims("ward-7", 600))),
        ("megabytes", "x.".repeat(50_000)),
    ] {
        println!("{what}");
        let mut signalling = Signalling::connect(&relay, ROOM).await;
        signalling.hello(&token).await;
        signalling.until_the_end().await;
        assert_eq!(signalling.state.errors.first().map(|refusal| refusal.code), Some(ErrorCode::Unauthorized), "{what}");
        assert_eq!((signalling.state.bye, signalling.state.own), (Some(ByeReason::ProtocolError), None), "{what}");
        if what != "megabytes" {
            post(&relay, "whip", &token, SDP, &offer).await.refused(401, "unauthorized");
            post(&relay, "whep", &token, SDP, &offer).await.refused(401, "unauthorized");
        }
    }
    // A service may look on and give commands, but it never takes part.
    let service = signed(&service);
    let mut signalling = Signalling::connect(&relay, ROOM).await;
    signalling.hello(&service).await;
    signalling.send(&ClientMessage::Offer { id: 1, sdp: offer.clone(), sources: BTreeMap::new() }).await;
    let refused = signalling.until("a refusal", |state| state.errors.first().cloned()).await;
    assert_eq!((refused.code, signalling.state.own), (ErrorCode::Forbidden, None));
    post(&relay, "whip", &service, SDP, &offer).await.refused(401, "unauthorized");
    post(&relay, "whep", &service, SDP, &offer).await.refused(401, "unauthorized");
    // The same claims with the right signature open the door: it was the tokens, not the door.
    let entered = Signalling::enter(&relay, ROOM, &signed(&good)).await;
    assert_eq!(entered.state.roster.len(), 1, "nobody else got in");
    assert_eq!(post(&relay, "whip", &signed(&good), SDP, &offer).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_another_certificate_than_it_announced_never_connects() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut conversation = Conversation::start(&relay).await;
    let (mut signalling, _) = stranger(&relay).await;
    let id = signalling.state.own.unwrap();
    let stack = Stack::new(&Options::MEETING).await;
    let answer = negotiate(&mut signalling, 1, &with_wrong_fingerprint(&stack.offer().await)).await;
    stack.accept(&answer.text).await;
    let _talk = stack.talk(9);

    signalling.until_the_end().await;
    assert_eq!(signalling.state.bye, Some(ByeReason::TransportFailed));
    let anna = conversation.anna();
    anna.signalling.until("the stranger is gone", |state| state.left.contains(&id).then_some(())).await;
    assert!(!stack.was_connected(), "the stranger was connected");
    conversation.assert_undisturbed().await;
    conversation.assert_alone_in_slots();
}

/// Changes one digit of every fingerprint.
fn with_wrong_fingerprint(offer: &str) -> String {
    let mut text = String::new();
    for line in offer.split_inclusive("\r\n") {
        match line.strip_prefix("a=fingerprint:sha-256 ") {
            Some(digits) => {
                let first = if digits.starts_with('0') { "1" } else { "0" };
                text.push_str(&format!("a=fingerprint:sha-256 {first}{}", &digits[1..]));
            }
            None => text.push_str(line),
        }
    }
    assert_ne!(text, offer);
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_media_port_disturbs_nobody() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut conversation = Conversation::start(&relay).await;
    let port = relay.media_port();
    tokio::task::spawn_blocking(move || throw_garbage(port)).await.unwrap();
    assert_alive(&relay).await;
    conversation.assert_undisturbed().await;
    // It did arrive, and was dropped and counted; a kernel under pressure may have lost a little.
    let drops = ["dropped_unknown_kind", "dropped_oversize", "dropped_stun", "dropped_stranger"];
    let enough = GARBAGE as u64 * 9 / 10;
    eventually("the garbage is counted", PATIENCE, async || drops.iter().map(|name| relay.counted(name)).sum::<u64>() >= enough).await;
    for name in ["crossed_zero_bit", "transports_failed"] {
        assert_eq!(relay.counted(name), 0, "{name}");
    }
}

/// All lengths in turn, all bytes at random, from a few addresses, about 20 000 a second.
fn throw_garbage(port: u16) {
    const AT_ONCE: usize = 100;
    const PAUSE: Duration = Duration::from_millis(5);
    let sockets: Vec<UdpSocket> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut datagram = [0; LONGEST];
    for count in 0..GARBAGE {
        let datagram = &mut datagram[..count % (LONGEST + 1)];
        random.fill_bytes(datagram);
        // A full socket buffer loses a datagram; there are plenty.
        let _ = sockets[count % sockets.len()].send_to(datagram, ("127.0.0.1", port));
        if count % AT_ONCE == 0 {
            std::thread::sleep(PAUSE);
        }
    }
}
