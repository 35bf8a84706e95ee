//! WHIP and WHEP with an independent stack: an encoder publishes, a person in the room and a viewer get it.

use signal::message::Source;
use tests::e2e::relay::RelayProcess;
use tests::e2e::stage;

use crate::http::{self, request};
use crate::media::{assert_opus, assert_stream, assert_vp8, in_order, speaker};
use crate::person::{Person, ROOM};
use crate::resource::{FRAGMENT, Resource, SDP, patch, post};
use crate::soon;
use crate::stack::{Formats, LOUD, Options, QUIET, Stack};

const AUDIO: usize = 100;
const VIDEO: usize = 100;
const ENCODER: Options = Options { slots: 0, ..Options::MEETING };
const VIEWER: Options = Options { publish: false, formats: Formats::SECOND, ..Options::MEETING };

/// The viewer's slots get `who`'s audio and video from here on, under SSRC and payload type of the answer.
async fn assert_viewed(viewer: &mut Resource, who: u8) {
    for line in viewer.answer.lines.clone() {
        let ssrc = line.ssrc.unwrap();
        if line.kind == "audio" {
            let packets = viewer.stack.hear(ssrc, AUDIO).await;
            assert_stream(&packets, ssrc, line.payload_type("opus"));
            assert_opus(&packets, who);
        } else {
            let packets = viewer.stack.hear(ssrc, VIDEO).await;
            assert_stream(&packets, ssrc, line.payload_type("vp8"));
            assert_vp8(&packets, who);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_reaches_people_and_viewers_until_it_is_deleted() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut anna = Person::join(&relay, "anna", &Options::MEETING).await;
    let mut viewer = Resource::open(&relay, "whep", "viewer", &VIEWER).await;
    let encoder = Resource::open(&relay, "whip", "encoder", &ENCODER).await;
    let mut talk = encoder.stack.talk(7);

    let id = anna.sees("encoder").await;
    let audio = anna.slot(id, Source::Microphone).await;
    let video = anna.slot(id, Source::Camera).await;
    assert_opus(&anna.stack.hear(audio.ssrc.unwrap(), AUDIO).await, 7);
    assert_vp8(&anna.stack.hear(video.ssrc.unwrap(), VIDEO).await, 7);
    assert_viewed(&mut viewer, 7).await;
    assert_eq!(anna.signalling.state.named("viewer"), None, "a viewer is not in the roster");

    assert_eq!(encoder.delete(&relay).await.status, 200);
    anna.signalling.until("the encoder has left", |state| state.left.contains(&id).then_some(())).await;
    assert_eq!(anna.signalling.state.named("encoder"), None);
    // It goes on sending; nobody gets it. (Anna has a microphone and a camera, but her client sends nothing.)
    let slots: Vec<u32> = viewer.answer.lines.iter().filter_map(|line| line.ssrc).collect();
    talk.pass(10).await;
    let before: Vec<usize> = slots.iter().map(|&ssrc| viewer.stack.heard_now(ssrc).len()).collect();
    talk.pass(50).await;
    let after: Vec<usize> = slots.iter().map(|&ssrc| viewer.stack.heard_now(ssrc).len()).collect();
    assert_eq!(after, before, "the viewer gets media of an encoder that was deleted");
    encoder.delete(&relay).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewers_slots_follow_who_speaks() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let first = Resource::open(&relay, "whip", "first", &ENCODER).await;
    let second = Resource::open(&relay, "whip", "second", &ENCODER).await;
    let talks = [first.stack.talk(1), second.stack.talk(2)];
    talks[1].set_level(QUIET);
    let mut viewer = Resource::open(&relay, "whep", "viewer", &VIEWER).await;
    let audio = viewer.answer.lines.iter().find(|line| line.kind == "audio").and_then(|line| line.ssrc).unwrap();
    let packets = viewer.stack.hear(audio, AUDIO).await;
    assert_eq!(speaker(packets.last().unwrap()), 1);

    talks[0].set_level(QUIET);
    talks[1].set_level(LOUD);
    let changed = async {
        while viewer.stack.heard_now(audio).last().map(speaker) != Some(2) {
            viewer.stack.hear_more(audio, 1).await;
        }
    };
    soon("the second encoder in the slot", changed).await;
    viewer.stack.hear_more(audio, AUDIO).await;
    let packets = viewer.stack.heard_now(audio);
    let change = packets.iter().position(|packet| speaker(packet) == 2).unwrap();
    assert_opus(&packets[..change], 1);
    assert_opus(&packets[change..], 2);
    in_order(&packets);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_restarts_ice_by_patch_and_goes_on() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut anna = Person::join(&relay, "anna", &Options::MEETING).await;
    let mut encoder = Resource::open(&relay, "whip", "encoder", &ENCODER).await;
    let _talk = encoder.stack.talk(7);
    let id = anna.sees("encoder").await;
    let audio = anna.slot(id, Source::Microphone).await.ssrc.unwrap();
    anna.stack.hear(audio, AUDIO).await;

    let (answer, etag) = (encoder.answer.clone(), encoder.etag.clone());
    let stale = patch(&relay, &encoder.location, &encoder.token, "\"another\"", "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n");
    stale.await.refused(412, "precondition_failed");
    let restarted = encoder.restart_ice(&relay).await;
    assert!(restarted.body.contains("a=candidate:"), "{}", restarted.body);
    assert_ne!(encoder.etag, etag);
    let ((ufrag, pwd), (old_ufrag, old_pwd)) = (encoder.answer.credentials(), answer.credentials());
    assert!(ufrag != old_ufrag && pwd != old_pwd, "new credentials");

    let later = anna.stack.hear_more(audio, 3 * AUDIO).await;
    assert_opus(&later[later.len() - AUDIO..], 7);
    assert_eq!(encoder.delete(&relay).await.status, 200);
    anna.signalling.until("the encoder has left", |state| state.left.contains(&id).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_typed() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let offer = Stack::new(&ENCODER).await.offer().await;
    let viewer = Resource::open(&relay, "whep", "viewer", &VIEWER).await;
    let bearer = format!("Bearer {}", viewer.token);
    // Somebody else: an offer in the viewer's name would replace the viewer.
    let token = http::join(&relay, ROOM, "encoder").await;
    for endpoint in ["whip", "whep"] {
        post(&relay, endpoint, "not.a.token", SDP, &offer).await.refused(401, "unauthorized");
        post(&relay, endpoint, &token, "text/plain", &offer).await.refused(415, "unsupported_media_type");
        post(&relay, endpoint, &token, SDP, "v=0\r\nnot an offer\r\n").await.refused(422, "bad_offer");
        let unknown = format!("/v1/rooms/demo/{endpoint}/never-was-here");
        request(&relay, "DELETE", &unknown, &[("authorization", &bearer)], "").await.refused(404, "not_found");
        patch(&relay, &unknown, &viewer.token, "*", "a=ice-ufrag:abcd\r\n").await.refused(404, "not_found");
        request(&relay, "DELETE", &unknown, &[], "").await.refused(401, "unauthorized");
    }
    let headers = [("authorization", bearer.as_str()), ("content-type", SDP), ("if-match", "*")];
    request(&relay, "PATCH", &viewer.location, &headers, &offer).await.refused(415, "unsupported_media_type");
    let headers = [("authorization", bearer.as_str()), ("content-type", FRAGMENT)];
    request(&relay, "PATCH", &viewer.location, &headers, &offer).await.refused(428, "precondition_required");
    assert_eq!(viewer.delete(&relay).await.status, 200);
}
