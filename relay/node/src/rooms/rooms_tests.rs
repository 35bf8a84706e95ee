//! Definitions in memory and on disk: inheritance, conditions, the same request twice, clearing away, PINs, a store that fails.
#![allow(clippy::unwrap_used)]

use room::{Chat, Layout, Template, WaitingRoom};
use serde_json::json;

use super::*;

const NOW: Time = Time(1_800_000_000_000);
const HOUR: u64 = 3600 * 1000;

fn rooms() -> Arc<Rooms> {
    Arc::new(Rooms::open(None).unwrap())
}

fn id(text: &str) -> RoomId {
    RoomId(text.into())
}

fn new_room(name: Option<&str>) -> NewRoom {
    NewRoom { id: name.map(id), template: None, settings: Template::default(), host_pin: None, guest_pin: None }
}

fn titled(title: &str) -> Template {
    Template { title: Some(title.into()), ..Template::default() }
}

fn patch(settings: serde_json::Value) -> RoomPatch {
    let serde_json::Value::Object(settings) = settings else { panic!("expected an object") };
    RoomPatch { settings, ..RoomPatch::default() }
}

fn nobody(_: &RoomId) -> bool {
    false
}

async fn template(
    rooms: &Arc<Rooms>,
    name: &str,
    parent: Option<&str>,
    settings: Template,
) -> Result<Vec<(String, Vec<&'static str>)>, ChangeError> {
    let new = NewTemplate { parent: parent.map(|parent| TemplateId(parent.into())), settings };
    let change = rooms.put_template(TemplateId(name.into()), new, Condition::None, false).await?;
    Ok(change.touched.into_iter().map(|touched| (touched.room.0, touched.differences)).collect())
}

fn field(error: Option<ChangeError>) -> String {
    match error {
        Some(ChangeError::Field { field, .. }) => field.into_owned(),
        other => panic!("expected a field, got {other:?}"),
    }
}

#[tokio::test]
async fn a_room_takes_from_unit_and_organisation_what_it_leaves_open() {
    let rooms = rooms();
    let organisation = Template { chat: Some(Chat::Off), waiting_room: Some(WaitingRoom::Admit), ..titled("region") };
    template(&rooms, "org", None, organisation).await.unwrap();
    template(&rooms, "unit", Some("org"), Template { layout: Some(Layout::HostOnly), ..titled("ward") }).await.unwrap();
    let new = NewRoom { template: Some(TemplateId("unit".into())), settings: titled("bed 3"), ..new_room(Some("a")) };
    let (_, change) = rooms.create(new, NOW, nobody).await.unwrap();
    let expected = Settings {
        title: "bed 3".into(),
        layout: Layout::HostOnly,
        chat: Chat::Off,
        waiting_room: WaitingRoom::Admit,
        ..Settings::default()
    };
    assert_eq!(change.now.effective, expected);
    assert_eq!(*rooms.settings(&id("a")), expected);
    assert_eq!(*rooms.settings(&id("nobody-defined")), Settings::default());

    let touched = template(&rooms, "org", None, Template { hands: Some(false), ..titled("other") }).await.unwrap();
    assert_eq!(touched, [("a".into(), vec!["chat", "hands", "waiting_room"])], "the title is the room's own");
    let change = rooms.change(id("a"), patch(json!({"title": null})), Condition::None, false).await.unwrap();
    assert_eq!((change.now.effective.title.as_str(), change.differences), ("ward", vec!["title"]));
    assert_eq!(template(&rooms, "unit", Some("org"), Template::default()).await.unwrap(), [("a".into(), vec!["title", "layout"])]);
    assert_eq!(rooms.settings(&id("a")).title, "other");
}

#[tokio::test]
async fn inheritance_has_three_levels_and_no_circles() {
    let rooms = rooms();
    template(&rooms, "org", None, Template::default()).await.unwrap();
    template(&rooms, "unit", Some("org"), Template::default()).await.unwrap();
    for (name, parent) in [("org", "org"), ("org", "unit"), ("third", "unit"), ("unit", "nothing")] {
        let refused = template(&rooms, name, Some(parent), Template::default()).await;
        assert_eq!(field(refused.err()), "parent", "{name} under {parent}");
    }
    let unknown = NewRoom { template: Some(TemplateId("nothing".into())), ..new_room(Some("a")) };
    assert_eq!(field(rooms.create(unknown, NOW, nobody).await.err()), "template");
    let used = NewRoom { template: Some(TemplateId("unit".into())), ..new_room(Some("a")) };
    rooms.create(used, NOW, nobody).await.unwrap();
    for name in ["org", "unit"] {
        let refused = rooms.delete_template(TemplateId(name.into()), Condition::None).await;
        assert_eq!(refused, Err(ChangeError::InUse));
    }
    rooms.change(id("a"), RoomPatch { template: Patch::Clear, ..RoomPatch::default() }, Condition::None, false).await.unwrap();
    for name in ["unit", "org"] {
        rooms.delete_template(TemplateId(name.into()), Condition::None).await.unwrap();
    }
    assert_eq!(rooms.delete_template(TemplateId("org".into()), Condition::None).await, Err(ChangeError::NotFound));
}

#[tokio::test]
async fn the_same_request_finds_its_room_and_another_does_not_take_it() {
    let rooms = rooms();
    let new = || NewRoom { settings: titled("one"), host_pin: Pin::new(12_345_678), ..new_room(Some("a")) };
    let (_, first) = rooms.create(new(), NOW, nobody).await.unwrap();
    assert!(first.new);
    rooms.change(id("a"), patch(json!({"title": "two"})), Condition::None, false).await.unwrap();
    let (_, again) = rooms.create(new(), Time(NOW.0 + 5), nobody).await.unwrap();
    assert!(!again.new);
    assert_eq!((again.now.effective.title.as_str(), again.now.definition.created), ("two", NOW), "found as it is now");
    let others = [
        NewRoom { settings: titled("two"), ..new() },
        NewRoom { host_pin: Pin::new(12_345_679), ..new() },
        NewRoom { host_pin: None, guest_pin: new().host_pin, ..new() },
    ];
    for other in others {
        assert_eq!(rooms.create(other, NOW, nobody).await.err(), Some(ChangeError::Exists));
    }
    rooms.delete(id("a"), Condition::None).await.unwrap();
    let (_, anew) = rooms.create(new(), NOW, nobody).await.unwrap();
    assert!(anew.new && anew.now.definition.revision > again.now.definition.revision, "no revision comes twice");
}

#[tokio::test]
async fn a_condition_that_does_not_hold_and_a_dry_run_change_nothing() {
    let rooms = rooms();
    let (_, made) = rooms.create(new_room(Some("a")), NOW, nobody).await.unwrap();
    let revision = made.now.definition.revision;
    let to = || patch(json!({"hands": false}));
    let wrong = Condition::Revision(vec![revision + 1]);
    assert_eq!(rooms.change(id("a"), to(), wrong.clone(), false).await.err(), Some(ChangeError::Changed));
    assert_eq!(rooms.delete(id("a"), wrong).await, Err(ChangeError::Changed));
    let dry = rooms.change(id("a"), to(), Condition::Revision(vec![revision]), true).await.unwrap();
    assert_eq!((dry.differences, dry.now.effective.hands), (vec!["hands"], false));
    assert_eq!(rooms.room(&id("a")).unwrap().definition.revision, revision);
    assert!(rooms.settings(&id("a")).hands);
    let nothing = rooms.change(id("a"), patch(json!({"hands": null})), Condition::None, false).await.unwrap();
    assert_eq!(nothing.now.definition.revision, revision, "no change, no revision");
    let changed = rooms.change(id("a"), to(), Condition::Revision(vec![revision]), false).await.unwrap();
    assert!(changed.now.definition.revision > revision);
    assert_eq!(rooms.change(id("a"), to(), Condition::Revision(vec![revision]), false).await.err(), Some(ChangeError::Changed));
    assert_eq!(rooms.change(id("b"), to(), Condition::None, false).await.err(), Some(ChangeError::NotFound));
}

#[tokio::test]
async fn settings_out_of_range_are_refused_by_name() {
    let rooms = rooms();
    let bad = NewRoom { settings: titled(&"x".repeat(121)), ..new_room(Some("a")) };
    assert_eq!(field(rooms.create(bad, NOW, nobody).await.err()), "settings.title");
    rooms.create(new_room(Some("a")), NOW, nobody).await.unwrap();
    let refused = rooms.change(id("a"), patch(json!({"max_participants": 0})), Condition::None, false).await;
    assert_eq!(field(refused.err()), "settings.max_participants");
    assert_eq!(field(template(&rooms, "t", None, Template { screens: Some(0), ..Template::default() }).await.err()), "settings.screens");
}

#[tokio::test]
async fn instant_rooms_are_cleared_away_a_day_after_everything_and_others_never() {
    let rooms = rooms();
    let (plain, _) = rooms.create(new_room(None), NOW, nobody).await.unwrap();
    assert!(plain.0.len() == 10 && crate::room_id::parse_room(&plain.0).as_ref() == Some(&plain), "{plain:?}");
    let late = Template { ends_at: Some(Some(NOW.plus_millis(48 * HOUR))), ..Template::default() };
    let (later, _) = rooms.create(NewRoom { settings: late, ..new_room(None) }, NOW, nobody).await.unwrap();
    let (busy, _) = rooms.create(new_room(None), NOW, nobody).await.unwrap();
    rooms.create(new_room(Some("fixed")), NOW, nobody).await.unwrap();
    let is_busy = |busy: &RoomId| {
        let busy = busy.clone();
        move |room: &RoomId| *room == busy
    };
    let there = async |after: u64, name: &str| {
        rooms.create(new_room(Some(name)), NOW.plus_millis(after), is_busy(&busy)).await.unwrap();
        [&plain, &later, &busy, &id("fixed")].map(|room| rooms.room(room).is_some())
    };
    assert_eq!(there(24 * HOUR, "x1").await, [true; 4]);
    assert_eq!(there(25 * HOUR + 1, "x2").await, [false, true, true, true]);
    assert_eq!(there(72 * HOUR, "x3").await, [false, true, true, true]);
    assert_eq!(there(73 * HOUR + 1, "x4").await, [false, false, true, true]);
}

#[tokio::test]
async fn pins_open_their_role_and_one_pin_is_never_both() {
    let rooms = rooms();
    let (host, guest, other) = (Pin::new(12_345_678).unwrap(), Pin::new(1234).unwrap(), Pin::new(4321).unwrap());
    let both = NewRoom { host_pin: Some(guest), guest_pin: Some(guest), ..new_room(Some("a")) };
    assert_eq!(field(rooms.create(both, NOW, nobody).await.err()), "host_pin");
    rooms.create(NewRoom { host_pin: Some(host), guest_pin: Some(guest), ..new_room(Some("a")) }, NOW, nobody).await.unwrap();
    let pins = |host_pin, guest_pin| RoomPatch { host_pin, guest_pin, ..RoomPatch::default() };
    let change = async |patch| rooms.change(id("a"), patch, Condition::None, false).await.err();
    assert_eq!(field(change(pins(Patch::Set(guest), Patch::Keep)).await), "host_pin");
    assert_eq!(field(change(pins(Patch::Keep, Patch::Set(host))).await), "guest_pin");

    let address = Who::Address([192, 0, 2, 1].into());
    let tried = |room: &str, pin| rooms.try_pin(&id(room), address, pin);
    assert_eq!([tried("a", host), tried("a", guest), tried("a", other)], [Verdict::Host, Verdict::Guest, Verdict::Wrong]);
    assert_eq!([tried("b", host), tried("b", guest), tried("b", other)], [Verdict::Wrong; 3], "a room that nobody defined");
    assert!(matches!(tried("b", other), Verdict::TooMany { .. }));
    assert!(!rooms.is_free(&id("a")) && rooms.is_free(&id("b")));

    assert_eq!(change(pins(Patch::Set(guest), Patch::Set(host))).await, None, "swapped at once");
    assert_eq!([tried("a", host), tried("a", guest)], [Verdict::Guest, Verdict::Host]);
    assert_eq!(change(pins(Patch::Keep, Patch::Clear)).await, None);
    assert_eq!([tried("a", host), tried("a", guest)], [Verdict::Wrong, Verdict::Host]);
    assert!(rooms.is_free(&id("a")));
}

#[tokio::test]
async fn a_store_that_fails_refuses_writes_and_nothing_else_until_it_is_back() {
    let dir = std::env::temp_dir().join(format!("relay-rooms-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let rooms = Arc::new(Rooms::open(Some(&dir)).unwrap());
    rooms.create(NewRoom { settings: titled("kept"), guest_pin: Pin::new(1234), ..new_room(Some("a")) }, NOW, nobody).await.unwrap();
    let file = dir.join("rooms.redb");
    let aside = dir.join("aside");
    rooms.store.fail();
    std::fs::rename(&file, &aside).unwrap();
    for _ in 0..2 {
        assert_eq!(rooms.create(new_room(Some("b")), NOW, nobody).await.err(), Some(ChangeError::Store));
    }
    assert_eq!(rooms.settings(&id("a")).title, "kept");
    assert_eq!(rooms.try_pin(&id("a"), Who::Address([192, 0, 2, 1].into()), Pin::new(1234).unwrap()), Verdict::Guest);
    std::fs::rename(&aside, &file).unwrap();
    rooms.create(new_room(Some("b")), NOW, nobody).await.unwrap();
    drop(rooms);
    let rooms = Rooms::open(Some(&dir)).unwrap();
    assert_eq!(rooms.rooms_after(None, 10).iter().map(|(id, _)| id.0.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        rooms.try_pin(&id("a"), Who::Address([192, 0, 2, 1].into()), Pin::new(1234).unwrap()),
        Verdict::Guest,
        "the key is kept too"
    );
    drop(rooms);
    std::fs::remove_dir_all(&dir).unwrap();
}
