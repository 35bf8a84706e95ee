//! Tests of the log: numbers, restarts, bounds, and what webhooks are told of what went.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use redb::StorageBackend;
use room::{Change, ParticipantId, Time};
use worker::event::RoomEvent;

use super::*;
use crate::events::webhooks::cursor::Gap;
use crate::pseudonym::Pseudonyms;

const BOUNDS: Bounds = Bounds { per_room: 1000, total: 1000, age: 1_000_000, rooms: 100 };

struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("relay-events-{name}-{}.redb", std::process::id())))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn draft(room: &str, at: u64) -> Draft {
    let change = Change::HandChanged { participant: ParticipantId(1), raised: true };
    let event = RoomEvent { room: RoomId(room.into()), at: Time(at), actor: None, subject: None, change };
    Draft::new(&event, &Pseudonyms::load(None).unwrap())
}

fn hook(url: &str, rooms: &str) -> Filter {
    Filter { url: url.into(), rooms: rooms.into(), ..Filter::default() }
}

fn numbers(log: &Log, room: &str, after: u64) -> Vec<u64> {
    log.page(room, after, 1000).unwrap().events.iter().map(|event| event.seq).collect()
}

fn of_batch(batch: &Batch) -> Vec<(&str, u64)> {
    batch.rows.iter().map(|row| (row.room.as_str(), row.seq)).collect()
}

#[test]
fn each_room_counts_from_one_and_goes_on_after_a_restart() {
    let file = File::new("restart");
    for start in 0..3 {
        let log = Log::open(Some(&file.0), BOUNDS, Vec::new()).unwrap();
        let added = log.append(&[draft("a", 1), draft("b", 1), draft("a", 1)], 2).unwrap();
        assert_eq!(added.rooms, BTreeMap::from([(RoomId("a".into()), 2 * start + 2), (RoomId("b".into()), start + 1)]));
    }
    let log = Log::open(Some(&file.0), BOUNDS, Vec::new()).unwrap();
    assert_eq!(numbers(&log, "a", 0), [1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers(&log, "a", 4), [5, 6]);
    assert_eq!(numbers(&log, "b", 0), [1, 2, 3]);
    let page = log.page("a", 1, 2).unwrap();
    assert_eq!((page.events.len(), page.first, page.last), (2, 1, 6));
    assert!(page.events[0].line.contains(r#""room":"a","seq":2"#), "{}", page.events[0].line);
    assert_eq!(log.page("never", 0, 10).unwrap(), Page { events: Vec::new(), first: 1, last: 0 });
}

#[test]
fn bounds_take_the_oldest_and_no_number_comes_twice() {
    let bounds = Bounds { per_room: 3, total: 5, ..BOUNDS };
    let log = Log::open(None, bounds, Vec::new()).unwrap();
    log.append(&[draft("a", 1), draft("a", 1), draft("a", 1), draft("a", 1)], 2).unwrap();
    assert_eq!(numbers(&log, "a", 0), [2, 3, 4], "four of one room are one too many");
    log.append(&[draft("b", 3), draft("b", 3), draft("c", 3)], 3).unwrap();
    assert_eq!((numbers(&log, "a", 0), numbers(&log, "b", 0), numbers(&log, "c", 0)), (vec![3, 4], vec![1, 2], vec![1]));
    let page = log.page("a", 1, 10).unwrap();
    assert_eq!((page.first, page.last), (3, 4));
    // Too old: everything of `a` (kept at 1) but nothing of the others (kept at 3).
    log.append(&[], 2 + bounds.age).unwrap();
    let page = log.page("a", 0, 10).unwrap();
    assert_eq!((page.events.len(), page.first, page.last), (0, 5, 4));
    assert_eq!(log.len().unwrap(), 3);
    log.append(&[draft("a", 4)], 4).unwrap();
    assert_eq!(numbers(&log, "a", 0), [5], "the sequence goes on although nothing of it was kept");
}

#[test]
fn rooms_are_forgotten_only_when_there_are_too_many_and_nothing_of_theirs_is_kept() {
    let bounds = Bounds { total: 1, rooms: 2, age: 1000, ..BOUNDS };
    let log = Log::open(None, bounds, Vec::new()).unwrap();
    for (room, at) in [("a", 0), ("b", 10_000), ("c", 10_000)] {
        log.append(&[draft(room, at)], at).unwrap();
    }
    log.forget_rooms(12_000).unwrap();
    assert_eq!(log.page("a", 0, 1).unwrap().last, 0, "its year was cut short");
    assert_eq!((log.page("b", 0, 1).unwrap().last, log.page("c", 0, 1).unwrap().last), (1, 1));
}

#[test]
fn webhooks_read_what_is_theirs_from_where_they_were() {
    let file = File::new("webhooks");
    let (all, ward) = (hook("http://all", ""), hook("http://ward", "ward-"));
    {
        let log = Log::open(Some(&file.0), BOUNDS, vec![all.clone()]).unwrap();
        log.append(&[draft("ward-1", 1), draft("other", 1), draft("ward-1", 1)], 2).unwrap();
        let batch = log.batch(&all, 0, 2).unwrap();
        assert_eq!((of_batch(&batch), batch.more), (vec![("ward-1", 1), ("other", 1)], true));
        assert_eq!(log.batch(&all, 0, 2).unwrap(), batch, "what was not taken comes again");
        log.delivered("http://all", &batch).unwrap();
    }
    // One is new: it begins now.
    let log = Log::open(Some(&file.0), BOUNDS, vec![all.clone(), ward.clone()]).unwrap();
    assert_eq!(of_batch(&log.batch(&all, 0, 9).unwrap()), [("ward-1", 2)]);
    assert_eq!(log.batch(&ward, 0, 9).unwrap().rows, []);
    log.append(&[draft("other", 1), draft("ward-2", 1)], 2).unwrap();
    assert_eq!(of_batch(&log.batch(&ward, 0, 9).unwrap()), [("ward-2", 1)]);
    assert_eq!(of_batch(&log.batch(&all, 0, 9).unwrap()), [("ward-1", 2), ("other", 2), ("ward-2", 1)]);
    let typed = Filter { events: ["joined".to_owned()].into(), ..all };
    assert_eq!(log.batch(&typed, 0, 9).unwrap().rows, []);
}

#[test]
fn what_goes_before_a_webhook_had_it_is_told_as_a_gap() {
    let bounds = Bounds { per_room: 2, ..BOUNDS };
    let (all, ward) = (hook("http://all", ""), hook("http://ward", "ward-"));
    let log = Log::open(None, bounds, vec![all.clone(), ward.clone()]).unwrap();
    log.append(&[draft("a", 1)], 2).unwrap();
    log.delivered("http://all", &log.batch(&all, 0, 9).unwrap()).unwrap();
    log.append(&[draft("a", 1), draft("a", 1), draft("a", 1), draft("a", 1)], 2).unwrap();
    let batch = log.batch(&all, 0, 9).unwrap();
    assert_eq!(batch.gaps, [Gap { room: Some("a".into()), from: Some(2), to: Some(3) }], "1 was taken");
    assert_eq!(of_batch(&batch), [("a", 4), ("a", 5)]);
    assert_eq!(log.batch(&ward, 0, 9).unwrap().gaps, [], "it hears nothing of rooms that are not its own");
    log.delivered("http://all", &batch).unwrap();
    assert_eq!(log.batch(&all, 0, 9).unwrap().gaps, []);
}

#[test]
fn positions_go_on_when_the_log_was_emptied() {
    let all = hook("http://all", "");
    let log = Log::open(None, BOUNDS, vec![all.clone()]).unwrap();
    log.append(&[draft("a", 1), draft("a", 1)], 2).unwrap();
    let seen = log.batch(&all, 0, 9).unwrap().upto;
    log.append(&[], BOUNDS.age + 10).unwrap();
    assert_eq!(log.len().unwrap(), 0);
    log.append(&[draft("a", BOUNDS.age)], BOUNDS.age).unwrap();
    assert_eq!(of_batch(&log.batch(&all, seen, 9).unwrap()), [("a", 3)]);
}

#[test]
fn a_second_process_cannot_open_it() {
    let file = File::new("twice");
    let _log = Log::open(Some(&file.0), BOUNDS, Vec::new()).unwrap();
    assert!(Log::open(Some(&file.0), BOUNDS, Vec::new()).is_err());
}

/// Memory that fails to sync after so many times, as a full disk does.
#[derive(Clone, Debug)]
struct Flaky {
    memory: Arc<InMemoryBackend>,
    syncs_left: Arc<AtomicUsize>,
}

impl Flaky {
    fn sync(&self) -> io::Result<()> {
        let one_less = |left: usize| left.checked_sub(1);
        match self.syncs_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("full")),
        }
    }
}

impl StorageBackend for Flaky {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write(offset, data)
    }
}

#[test]
fn a_disk_that_fails_at_any_sync_loses_nothing_and_doubles_nothing() {
    let mut failures = 0;
    for syncs in 0..8 {
        let flaky = Flaky { memory: Arc::new(InMemoryBackend::new()), syncs_left: Arc::new(AtomicUsize::new(1000)) };
        let backend = flaky.clone();
        let opener = move || Builder::new().create_with_backend(backend.clone());
        let log = Log::with(Box::new(opener), BOUNDS, Vec::new()).unwrap();
        log.append(&[draft("a", 1)], 2).unwrap();
        flaky.syncs_left.store(syncs, Ordering::Relaxed);
        let group = [draft("a", 1), draft("b", 1), draft("a", 1)];
        if log.append(&group, 2).is_err() {
            failures += 1;
            assert!(log.append(&group, 2).is_err(), "it takes nothing until it is opened again");
            flaky.syncs_left.store(1000, Ordering::Relaxed);
            log.reopen().unwrap();
            let added = log.append(&group, 2).unwrap();
            assert_eq!(added.rooms, BTreeMap::from([(RoomId("a".into()), 3), (RoomId("b".into()), 1)]));
        }
        flaky.syncs_left.store(1000, Ordering::Relaxed);
        log.append(&[draft("b", 1)], 2).unwrap();
        assert_eq!((numbers(&log, "a", 0), numbers(&log, "b", 0)), (vec![1, 2, 3], vec![1, 2]), "{syncs} syncs");
    }
    assert!((2..8).contains(&failures), "{failures}");
}
