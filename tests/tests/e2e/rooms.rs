//! What hosts and participants can do, as people see it: one-way video, groups, breakouts, the lock and the waiting room.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::e2e::browser::Browser;
use tests::e2e::page::Page;
use tests::e2e::relay::RelayProcess;
use tests::e2e::{eventually, stage};
use tokio::time::sleep;

use crate::{LIMIT, SOME_FRAMES, meet};

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

const ROOM: &str = "clinic";
const UFRAG: &str = "return window.relayMeeting.peerConnection.remoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]";

/// Everybody in a stored room with these settings.
async fn room<const N: usize>(relay: &RelayProcess, settings: &serde_json::Value, people: [Somebody<'_>; N]) -> (Browser, [Page; N]) {
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
