//! Two strangers' clients in one room: each gets what the other sends, and no more than it should.

use signal::message::{ByeReason, ClientMessage, Source};
use tests::e2e::relay::RelayProcess;
use tests::e2e::stage;
use webrtc::peer_connection::SrtpProtectionProfile;

use crate::media::{assert_opus, assert_stream, assert_vp8};
use crate::person::Person;
use crate::stack::{Formats, Options};

/// Audio and video packets that a test looks at: about two seconds.
const AUDIO: usize = 100;
const VIDEO: usize = 100;

/// Ben offers other payload types than Anna.
async fn anna_and_ben(relay: &RelayProcess) -> (Person, Person) {
    let anna = Person::join(relay, "anna", &Options::MEETING).await;
    let ben = Person::join(relay, "ben", &Options { formats: Formats::SECOND, ..Options::MEETING }).await;
    (anna, ben)
}

/// `listener` gets `speaker`'s audio and video: what was sent, gapless, under the SSRC and payload type of the answer.
async fn assert_hears_and_sees(listener: &mut Person, speaker: u64, who: u8) {
    let audio = listener.slot(speaker, Source::Microphone).await;
    let video = listener.slot(speaker, Source::Camera).await;
    assert_eq!((audio.kind.as_str(), audio.direction.as_str()), ("audio", "sendonly"));
    assert_eq!((video.kind.as_str(), video.direction.as_str()), ("video", "sendonly"));

    let packets = listener.stack.hear(audio.ssrc.unwrap(), AUDIO).await;
    assert_stream(&packets, audio.ssrc.unwrap(), audio.payload_type("opus"));
    assert_opus(&packets, who);

    let packets = listener.stack.hear(video.ssrc.unwrap(), VIDEO).await;
    assert_stream(&packets, video.ssrc.unwrap(), video.payload_type("vp8"));
    assert_vp8(&packets, who);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_get_each_others_audio_and_video_unchanged() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (mut anna, mut ben) = anna_and_ben(&relay).await;
    let _talks = [anna.stack.talk(1), ben.stack.talk(2)];
    assert_eq!(anna.sees("ben").await, ben.id);
    assert_eq!(ben.sees("anna").await, anna.id);
    assert_hears_and_sees(&mut anna, ben.id, 2).await;
    assert_hears_and_sees(&mut ben, anna.id, 1).await;
    assert_eq!(anna.answer.line("0").payload_type("opus"), 111);
    assert_eq!(ben.answer.line("0").payload_type("opus"), 109);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_srtp_profile_carries_media() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let profiles = [
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    ];
    for profile in profiles {
        let options = Options { profile: Some(profile), ..Options::MEETING };
        let mut anna = Person::join(&relay, "anna", &options).await;
        let mut ben = Person::join(&relay, "ben", &options).await;
        let _talk = anna.stack.talk(1);
        assert_hears_and_sees(&mut ben, anna.id, 1).await;
        for person in [&mut anna, &mut ben] {
            person.signalling.send(&ClientMessage::Leave).await;
            person.signalling.until_the_end().await;
            person.stack.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_microphone_is_silent_while_the_camera_goes_on() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (anna, mut ben) = anna_and_ben(&relay).await;
    let mut anna = anna;
    let _talk = anna.stack.talk(1);
    let audio = ben.slot(anna.id, Source::Microphone).await.ssrc.unwrap();
    let video = ben.slot(anna.id, Source::Camera).await.ssrc.unwrap();
    ben.stack.hear(audio, AUDIO).await;

    anna.signalling.send(&ClientMessage::SetSource { source: Source::Microphone, active: false }).await;
    let id = anna.id;
    let muted = ben.signalling.until("anna without microphone", |state| {
        state.roster.get(&id).map(|anna| anna.sources.clone()).filter(|sources| !sources.contains(&Source::Microphone))
    });
    assert_eq!(*muted.await, [Source::Camera]);
    // What was on its way has arrived when the next pictures are there; from then on: pictures only.
    ben.stack.hear_more(video, 10).await;
    let before = ben.stack.heard_now(audio).len();
    ben.stack.hear_more(video, VIDEO).await;
    assert_eq!(ben.stack.heard_now(audio).len(), before, "a muted microphone is heard");
    assert_opus(&ben.stack.heard_now(audio), 1);
    assert_vp8(&ben.stack.heard_now(video), 1);

    // Anna's client never stopped sending; switched on again, she is heard from now, in the same numbering.
    anna.signalling.send(&ClientMessage::SetSource { source: Source::Microphone, active: true }).await;
    let line = ben.slot(id, Source::Microphone).await;
    let later = ben.stack.hear_more(line.ssrc.unwrap(), AUDIO).await;
    assert_opus(&later, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_gone_at_once() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (mut anna, mut ben) = anna_and_ben(&relay).await;
    let mut talk = anna.stack.talk(1);
    let audio = ben.slot(anna.id, Source::Microphone).await.ssrc.unwrap();
    let video = ben.slot(anna.id, Source::Camera).await.ssrc.unwrap();
    ben.stack.hear(audio, AUDIO).await;

    anna.signalling.send(&ClientMessage::Leave).await;
    anna.signalling.until_the_end().await;
    assert_eq!(anna.signalling.state.bye, Some(ByeReason::Left));
    let id = anna.id;
    ben.signalling.until("anna has left", |state| state.left.contains(&id).then_some(())).await;
    let empty = ben.signalling.until("empty slots", |state| {
        let nobody = state.slots.iter().all(|slot| slot.participant.is_none() && slot.source.is_none());
        nobody.then_some(state.slots.len())
    });
    assert_eq!(empty.await, 2);
    assert_eq!(ben.signalling.state.named("anna"), None);

    // Her client goes on sending; nobody gets it.
    talk.pass(10).await;
    let before = [audio, video].map(|ssrc| ben.stack.heard_now(ssrc).len());
    talk.pass(50).await;
    assert_eq!([audio, video].map(|ssrc| ben.stack.heard_now(ssrc).len()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ice_restart_by_offer_keeps_the_call() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (mut anna, mut ben) = anna_and_ben(&relay).await;
    let _talks = [anna.stack.talk(1), ben.stack.talk(2)];
    let from_ben = anna.slot(ben.id, Source::Microphone).await;
    let from_anna = ben.slot(anna.id, Source::Microphone).await;
    anna.stack.hear(from_ben.ssrc.unwrap(), AUDIO).await;
    ben.stack.hear(from_anna.ssrc.unwrap(), AUDIO).await;

    let before = anna.answer.clone();
    anna.restart_ice().await;
    assert_ne!(anna.answer.credentials(), before.credentials());
    assert_eq!(anna.answer.lines, before.lines, "slots and payload types stay");
    let later = anna.stack.hear_more(from_ben.ssrc.unwrap(), 3 * AUDIO).await;
    assert_opus(&later[later.len() - AUDIO..], 2);
    let later = ben.stack.hear_more(from_anna.ssrc.unwrap(), 3 * AUDIO).await;
    assert_opus(&later[later.len() - AUDIO..], 1);
}
