//! Tests of the chain: every change of every line is found, at that line.
#![allow(clippy::unwrap_used)]

use super::super::chain::{Content, Named, START, seal};
use super::*;

const LINES: u64 = 12;

fn log() -> Vec<String> {
    let actor = Named::Person { pseudonym: "0123456789abcdef".into(), role: room::Role::Host };
    let mut link = Link::start();
    let mut lines = Vec::new();
    for seq in 1..=LINES {
        let target = Named::Person { pseudonym: format!("{seq:016x}"), role: room::Role::Participant };
        let content = Content {
            seq,
            time: format!("2026-11-23T06:30:{seq:02}.000Z"),
            room: Some("ward-3"),
            actor: &actor,
            action: "mute",
            target: (seq % 3 > 0).then_some(&target),
            result: if seq % 5 == 0 { "forbidden" } else { "ok" },
            prev: &link.hash,
        };
        let (line, next) = seal(&content);
        lines.push(line + "\n");
        link = next;
    }
    lines
}

fn broken_line(lines: &[String]) -> Option<u64> {
    broken_bytes(lines.concat().as_bytes())
}

fn broken_bytes(log: &[u8]) -> Option<u64> {
    match verify(log, None) {
        Ok(_) => None,
        Err(Broken::Line { line, .. }) => Some(line),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_log_as_it_was_written_is_whole() {
    let lines = log();
    let verified = verify(lines.concat().as_bytes(), None).unwrap();
    assert_eq!(verified.entries, LINES);
    assert!(lines.last().unwrap().contains(&verified.last));
    assert_eq!(verify(&b""[..], None).unwrap(), Verified { entries: 0, last: START.into() });
}

#[test]
fn every_changed_byte_is_found_at_its_line() {
    let lines = log();
    let whole = lines.concat().into_bytes();
    let mut at = 0;
    for (number, line) in (1..).zip(&lines) {
        for _ in 0..line.len() {
            for change in [1, 0x20, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                assert_eq!(broken_bytes(&changed), Some(number), "byte {at} ^ {change}");
            }
            at += 1;
        }
    }
}

#[test]
fn every_removed_repeated_or_exchanged_line_is_found() {
    let lines = log();
    for index in 0..lines.len() {
        let number = index as u64 + 1;
        let mut removed = lines.clone();
        removed.remove(index);
        // The end that was cut off leaves a shorter chain that is whole.
        assert_eq!(broken_line(&removed), (number < LINES).then_some(number), "without {number}");
        let mut repeated = lines.clone();
        repeated.insert(index, lines[index].clone());
        assert_eq!(broken_line(&repeated), Some(number + 1), "{number} twice");
        for other in index + 1..lines.len() {
            let mut exchanged = lines.clone();
            exchanged.swap(index, other);
            assert_eq!(broken_line(&exchanged), Some(number), "{number} and {}", other + 1);
        }
    }
}

#[test]
fn a_forged_line_with_a_hash_of_its_own_breaks_the_next() {
    let mut lines = log();
    let actor = Named::Service;
    let before = super::super::chain::open(lines[3].trim_end()).unwrap();
    let content = Content {
        seq: 5,
        time: "2026-11-23T06:30:05.000Z".into(),
        room: Some("ward-3"),
        actor: &actor,
        action: "mute",
        target: None,
        result: "ok",
        prev: &before.hash,
    };
    lines[4] = seal(&content).0 + "\n";
    assert_eq!(broken_line(&lines), Some(6));
}

#[test]
fn a_cut_off_end_is_found_by_the_hash_that_was_noted() {
    let lines = log();
    let noted = verify(lines.concat().as_bytes(), None).unwrap().last;
    assert!(verify(lines.concat().as_bytes(), Some(&noted)).is_ok());
    let earlier = verify(lines[..7].concat().as_bytes(), None).unwrap().last;
    assert!(verify(lines.concat().as_bytes(), Some(&earlier)).is_ok(), "the log has grown since");
    for kept in 0..lines.len() {
        assert!(matches!(verify(lines[..kept].concat().as_bytes(), Some(&noted)), Err(Broken::Missing(_))), "{kept}");
    }
}

#[test]
fn garbage_is_found_without_harm() {
    let long = "x".repeat(3 * MAX_LINE);
    for bad in ["\n", "x", "{}\n", "\0\0\0\n", ",\"hash\":\"\"}\n", "\u{feff}", long.as_str()] {
        assert_eq!(broken_bytes(bad.as_bytes()), Some(1), "{:?}", &bad[..bad.len().min(20)]);
    }
    assert_eq!(broken_bytes(&[0xff, b'\n']), Some(1));
}
