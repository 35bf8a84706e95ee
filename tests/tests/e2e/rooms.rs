//! What hosts and participants can do, as people see it: one-way video, groups, breakouts, the lock, the waiting room, and what the host
//! closes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::e2e::browser::Browser;
use tests::e2e::page::Page;
use tests::e2e::relay::RelayProcess;
use tests::e2e::{eventually, stage};
use tokio::time::sleep;

use crate::{LIMIT, SOME_FRAMES, meet, rises};

/// A person of these tests: a name and the role of the token.
type Somebody<'a> = (&'a str, &'a str);

#[tokio::test]
async fn a_patient_sees_the_doctor_only_after_the_switch_to_two_way() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    let (_browser, [doctor, patient]) =
        room(&relay, &json!({ "direction": "one_way" }), [("Dr. Holm", "host"), ("Bo Madsen", "participant")]).await;
    let (host, guest) = (doctor.participant().await, patient.participant().await);
    doctor.sees(guest, "camera", SOME_FRAMES).await;
    doctor.hears(guest).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(patient.decoded().await.0, 0, "the patient decoded pictures of the doctor");
    assert!(patient.inbound().await.iter().all(|inbound| inbound.packets == 0), "not a packet of the doctor reached the patient");
    doctor.screenshot("one-way-doctor").await;
    patient.screenshot("one-way-patient").await;

    let credentials = patient.eval(UFRAG).await;
    let switched = Instant::now();
    doctor.command(&json!({ "type": "set_direction", "direction": "two_way" })).await;
    eventually("the doctor's first picture", Duration::from_secs(5), async || {
        patient.from(host, "camera").await.is_some_and(|inbound| inbound.frames > 0)
    })
    .await;
    println!("one-way to two-way: first picture seen after at most {:?}", switched.elapsed());
    patient.hears(host).await;
    assert_eq!(patient.eval(UFRAG).await, credentials, "the same connection");

    doctor.command(&json!({ "type": "set_direction", "direction": "one_way" })).await;
    eventually("the doctor is gone again", LIMIT, async || patient.from(host, "camera").await.is_none()).await;
    // What had left before the switch may still be on its way, or in the browser.
    sleep(Duration::from_millis(300)).await;
    let before = patient.inbound().await.iter().map(|inbound| inbound.packets).sum::<u64>();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(patient.inbound().await.iter().map(|inbound| inbound.packets).sum::<u64>(), before);
}

#[tokio::test]
async fn in_a_group_with_two_hosts_no_participant_sees_another() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    let people = [
        ("Anne Host", "host"),
        ("Dan Deputy", "host"),
        ("Eva Ek", "participant"),
        ("Finn Friis", "participant"),
        ("Gro Gram", "participant"),
        ("Hans Hald", "participant"),
    ];
    let settings = json!({ "layout": "host_only", "guests_hear_guests": false });
    let (_browser, pages) = room(&relay, &settings, people).await;
    let mut ids = Vec::new();
    for page in &pages {
        ids.push(page.participant().await);
    }
    for (who, page) in pages.iter().enumerate() {
        for (other, id) in ids.iter().enumerate().filter(|(other, _)| *other != who) {
            if who < 2 || other < 2 {
                page.sees(*id, "camera", 3).await;
            }
        }
    }
    for (who, page) in pages.iter().enumerate().skip(2) {
        for (other, id) in ids.iter().enumerate().skip(2).filter(|(other, _)| *other != who) {
            for source in ["camera", "microphone"] {
                assert!(page.from(*id, source).await.is_none(), "{} gets {source} of {}", people[who].0, people[other].0);
            }
        }
    }
    pages[0].screenshot("host-only-host").await;
    pages[2].screenshot("host-only-participant").await;
}

#[tokio::test]
async fn breakouts_open_and_recall_without_a_new_connection() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    let people = [("Anne Host", "host"), ("Eva Ek", "participant"), ("Finn Friis", "participant")];
    let (_browser, [host, eva, finn]) = room(&relay, &json!({}), people).await;
    meet(&[&host, &eva, &finn]).await;
    let (eva_id, finn_id) = (eva.participant().await, finn.participant().await);
    let credentials = (eva.eval(UFRAG).await, finn.eval(UFRAG).await);

    host.command(&json!({ "type": "create_breakouts", "names": ["Samtale A", "Samtale B"] })).await;
    host.command(&json!({ "type": "assign", "participant": eva_id, "breakout": 1 })).await;
    host.command(&json!({ "type": "assign", "participant": finn_id, "breakout": 2 })).await;
    host.command(&json!({ "type": "open_breakouts" })).await;
    eventually("everyone is alone", LIMIT, async || {
        eva.from(finn_id, "camera").await.is_none() && finn.from(eva_id, "camera").await.is_none()
    })
    .await;
    assert_eq!((eva.roster().await, finn.roster().await), (1, 1), "nobody knows who is in the other rooms");
    host.screenshot("breakouts-host").await;
    eva.screenshot("breakouts-guest").await;

    host.command(&json!({ "type": "go", "breakout": 1 })).await;
    meet(&[&host, &eva]).await;
    assert!(finn.from(host.participant().await, "camera").await.is_none(), "the host is with Eva");

    host.command(&json!({ "type": "recall_all" })).await;
    meet(&[&host, &eva, &finn]).await;
    assert_eq!((eva.eval(UFRAG).await, finn.eval(UFRAG).await), credentials, "the same connections");
}

#[tokio::test]
async fn a_locked_room_lets_nobody_new_in_until_they_are_admitted() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    let (mut browser, [host, eva]) = room(&relay, &json!({}), [("Anne Host", "host"), ("Eva Ek", "participant")]).await;
    meet(&[&host, &eva]).await;
    host.command(&json!({ "type": "lock" })).await;

    let late = browser.open(&relay.page_url_as(ROOM, "Lasse Lund", "participant", "")).await;
    eventually("the newcomer waits", LIMIT, async || late.waits().await).await;
    // Whoever was here before comes back past the lock.
    eva.eval("location.reload()").await;
    eva.joined().await;
    meet(&[&host, &eva]).await;
    assert_eq!(late.decoded().await, (0, 0.0));

    let id = late.participant().await;
    host.command(&json!({ "type": "admit", "participant": id })).await;
    meet(&[&host, &late]).await;
}

#[tokio::test]
async fn whoever_waits_gets_nothing_and_is_in_at_once_when_admitted() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    let settings = json!({ "waiting_room": "admit", "waiting_text": "En medarbejder er på vej.", "waiting_queue": true });
    relay.create_room(ROOM, &settings);
    let mut browser = Browser::start().await;
    let patient = browser.open(&relay.page_url_as(ROOM, "Bo Madsen", "participant", "")).await;
    eventually("the patient waits", LIMIT, async || patient.waits().await).await;
    let doctor = browser.open(&relay.page_url_as(ROOM, "Dr. Holm", "host", "")).await;
    doctor.joined().await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(patient.decoded().await, (0, 0.0), "media before admission");
    assert_eq!(patient.roster().await, 1, "only oneself");
    let text = patient.eval("return document.body.innerText").await;
    let text = text.as_str().unwrap_or_default();
    assert!(text.contains("En medarbejder er på vej."), "{text}");
    assert!(!text.contains("Holm"), "{text}");
    patient.screenshot("waiting-patient").await;
    doctor.screenshot("waiting-doctor").await;

    let id = patient.participant().await;
    let admitted = Instant::now();
    doctor.command(&json!({ "type": "admit", "participant": id })).await;
    let host = doctor.participant().await;
    eventually("the first picture", LIMIT, async || patient.from(host, "camera").await.is_some_and(|inbound| inbound.frames > 0)).await;
    println!("admission: first picture seen after at most {:?}", admitted.elapsed());
    meet(&[&doctor, &patient]).await;
}

/// Off is always possible, and nobody speaks without knowing it.
#[tokio::test]
async fn a_microphone_turned_off_while_the_host_holds_it_closed_stays_off_when_the_host_lets_go() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    let people = [("Anne Host", "host"), ("Bo Madsen", "participant")];
    let (_browser, [host, bo]) = room(&relay, &json!({}), people).await;
    let guest = bo.participant().await;
    host.hears(guest).await;

    host.command(&json!({ "type": "mute", "participant": guest })).await;
    eventually("the page knows that the host closed it", LIMIT, async || microphone_is(&bo, "locked").await).await;
    assert!(microphone_is(&bo, "on").await, "its owner has it on");
    bo.press('m').await;
    eventually("its owner turned it off as well", LIMIT, async || !microphone_is(&bo, "on").await).await;
    assert!(microphone_is(&bo, "locked").await, "the host still holds it closed");

    host.command(&json!({ "type": "unmute", "participant": guest })).await;
    eventually("the host lets go", LIMIT, async || !microphone_is(&bo, "locked").await).await;
    let asked = "return document.querySelector('dialog.question') !== null";
    eventually("its owner is asked", LIMIT, async || bo.eval(asked).await == Value::Bool(true)).await;
    let packets = rises(&host, guest, "microphone", |heard| heard.packets as f64).await;
    assert!(packets == 0.0, "the host gets {packets} packets of a microphone that its owner turned off");
    assert!(!speaks(&host, guest).await, "the host's page shows it on");
    assert!(!microphone_is(&bo, "on").await, "it is on at the relay");
    bo.screenshot("asked-to-unmute").await;

    bo.eval("document.querySelector('dialog.question .primary').click()").await;
    eventually("its owner turned it on", LIMIT, async || speaks(&host, guest).await).await;
    host.hears(guest).await;
}

/// A browser takes its time with a track; what the host closes and opens meanwhile is open in the end.
#[tokio::test]
async fn a_camera_and_a_microphone_closed_and_opened_in_one_burst_are_seen_and_heard_again() {
    let _stage = stage().await;
    let relay = RelayProcess::start_keyed();
    relay.create_room(ROOM, &json!({}));
    let mut browser = Browser::start().await;
    let host = browser.open(&relay.page_url_as(ROOM, "Anne Host", "host", "&video=0")).await;
    host.joined().await;
    let bo = browser.open_prepared(&relay.page_url_as(ROOM, "Bo Madsen", "participant", ""), LATE).await;
    bo.joined().await;
    let guest = bo.participant().await;
    host.sees(guest, "camera", SOME_FRAMES).await;
    host.hears(guest).await;

    for (close, open, kind) in [("deny_camera", "allow_camera", "video"), ("mute", "unmute", "audio")] {
        bo.eval("window.late.most = 0").await;
        let commands = json!([{ "type": close, "participant": guest }, { "type": open, "participant": guest }]);
        let answers = host.eval_async(&format!("Promise.all({commands}.map((command) => window.relayMeeting.command(command)))")).await;
        let done = answers.as_array().is_some_and(|all| all.iter().all(|answer| answer["type"] == "done"));
        assert!(done, "{close}, {open}: {answers}");
        eventually(&format!("{close}, {open}: the page sends it again"), LIMIT, async || sends_again(&bo, kind).await).await;
        let most = bo.eval("return window.late.most").await;
        assert_eq!(most, 2, "{close}, {open}: the second came before the browser was done with the first");
        host.sees(guest, "camera", SOME_FRAMES).await;
        host.hears(guest).await;
    }
}

const ROOM: &str = "clinic";
const UFRAG: &str = "return window.relayMeeting.peerConnection.remoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]";

/// Everybody in a stored room with these settings.
async fn room<const N: usize>(relay: &RelayProcess, settings: &Value, people: [Somebody<'_>; N]) -> (Browser, [Page; N]) {
    relay.create_room(ROOM, settings);
    let mut browser = Browser::start().await;
    let mut pages = Vec::new();
    for (name, role) in people {
        let page = browser.open(&relay.page_url_as(ROOM, name, role, "")).await;
        page.joined().await;
        pages.push(page);
    }
    (browser, pages.try_into().unwrap_or_else(|_| unreachable!("one page for each name")))
}

/// Whether somebody's own microphone is `on` or `locked`, as the relay tells them.
async fn microphone_is(page: &Page, what: &str) -> bool {
    page.eval(&format!("return window.relayMeeting.scene.you.{what}.includes('microphone')")).await == Value::Bool(true)
}

/// Whether somebody else's microphone flows, as the relay tells the viewer.
async fn speaks(viewer: &Page, who: u64) -> bool {
    let sources = format!("window.relayMeeting.roster.find(({{ id }}) => id === {who})?.sources");
    viewer.eval(&format!("return {sources}?.includes('microphone') ?? false")).await == Value::Bool(true)
}

/// Whether the browser was asked for another track since `late.most` was 0, has done everything it was asked for, and sends this kind.
async fn sends_again(page: &Page, kind: &str) -> bool {
    let script = format!(
        "const {{ most, waiting }} = window.late;
         const senders = window.relayMeeting.peerConnection.getSenders();
         return most > 0 && waiting === 0 && senders.some(({{ track }}) => track?.kind === '{kind}');"
    );
    page.eval(&script).await == Value::Bool(true)
}

/// A browser that is done with each new track 300 ms later, one after the other, and counts how many wait.
const LATE: &str = "
    window.late = { waiting: 0, most: 0 };
    const replace = RTCRtpSender.prototype.replaceTrack;
    let last = Promise.resolve();
    RTCRtpSender.prototype.replaceTrack = function (track) {
        window.late.waiting += 1;
        window.late.most = Math.max(window.late.most, window.late.waiting);
        last = last.then(() => new Promise((done) => setTimeout(done, 300))).then(() => replace.call(this, track));
        return last.finally(() => { window.late.waiting -= 1; });
    };";
