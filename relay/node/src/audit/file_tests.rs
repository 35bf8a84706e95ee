//! Tests of the file: restarts, torn ends, foreign content, two processes.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use room::{Code, Role, Time};
use worker::command::RoomId;
use worker::event::{Action, Who};

use super::*;
use crate::audit::{Actor, Audit, Target, verify};
use crate::pseudonym::Pseudonyms;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("relay-audit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn log(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    fn beside(&self, why: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().contains(why)).collect()
    }

    fn entries(&self) -> u64 {
        verify(BufReader::new(File::open(self.log()).unwrap()), None).unwrap().entries
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names() -> Arc<Pseudonyms> {
    Arc::new(Pseudonyms::load(None).unwrap())
}

/// Writes a few entries, as one run of the process does.
async fn run(log: &Path, names: &Arc<Pseudonyms>) {
    let audit = Audit::open(Some(log), Arc::clone(names)).unwrap();
    let host = Who::Person { participant: 1, identity: "anna@region.example".into(), role: Role::Host };
    let guest = Who::Person { participant: 2, identity: "010190-1234".into(), role: Role::Participant };
    let room = RoomId("ward-3".into());
    audit.action(&Action { room: room.clone(), at: Time(0), actor: host, action: "mute", target: Some(guest.clone()), result: Ok(()) });
    audit.action(&Action { room: room.clone(), at: Time(0), actor: guest, action: "remove", target: None, result: Err(Code::Forbidden) });
    audit.record(&Actor::Service, "room_deleted", Some(&Target::Room(room)), "ok");
    audit.close().await;
}

#[tokio::test]
async fn a_chain_goes_on_over_restarts_and_names_nobody() {
    let folder = Folder::new("restart");
    let names = names();
    for runs in 1..=3 {
        run(&folder.log(), &names).await;
        assert_eq!(folder.entries(), 3 * runs);
    }
    let text = fs::read_to_string(folder.log()).unwrap();
    // The whole number: four of its digits stand in a hash by chance.
    assert!(!text.contains("anna") && !text.contains("010190-1234"), "{text}");
    assert!(text.contains(&names.of("anna@region.example")) && text.contains(r#""result":"forbidden""#), "{text}");
    assert!(text.contains(r#""room":"ward-3","actor":{"type":"service"},"action":"room_deleted""#), "{text}");
    assert_eq!(fs::metadata(folder.log()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_torn_end_is_moved_aside_and_noted() {
    let folder = Folder::new("torn");
    let names = names();
    run(&folder.log(), &names).await;
    let whole = fs::read(folder.log()).unwrap();
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for torn in [last_line + 1, (last_line + whole.len()) / 2, whole.len() - 1] {
        fs::write(folder.log(), &whole[..torn]).unwrap();
        run(&folder.log(), &names).await;
        let aside = folder.beside("torn");
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert_eq!(fs::read(&aside[0]).unwrap(), whole[last_line..torn]);
        assert_eq!(folder.entries(), 2 + 1 + 3, "two whole lines, the note, and a new run");
        assert!(fs::read_to_string(folder.log()).unwrap().contains("audit_mended"));
        fs::remove_file(&aside[0]).unwrap();
    }
    // A crash of the machine can leave a hole of zeros, larger than any window.
    let mut hole = whole.clone();
    hole.resize(hole.len() + 5 * MAX_LINE, 0);
    fs::write(folder.log(), &hole).unwrap();
    run(&folder.log(), &names).await;
    assert_eq!(folder.entries(), 3 + 1 + 3);
    fs::write(folder.log(), "half a li").unwrap();
    run(&folder.log(), &names).await;
    assert_eq!(folder.entries(), 1 + 3);
}

#[tokio::test]
async fn a_foreign_end_moves_the_log_aside() {
    let folder = Folder::new("foreign");
    fs::write(folder.log(), "something else\n").unwrap();
    run(&folder.log(), &names()).await;
    let aside = folder.beside("broken");
    assert_eq!(fs::read_to_string(&aside[0]).unwrap(), "something else\n");
    assert_eq!(folder.entries(), 1 + 3);
    assert!(fs::read_to_string(folder.log()).unwrap().contains("audit_began_anew"));
}

#[tokio::test]
async fn only_one_process_writes_it() {
    let folder = Folder::new("lock");
    let _first = Audit::open(Some(&folder.log()), names()).unwrap();
    assert!(Audit::open(Some(&folder.log()), names()).is_err());
}

#[tokio::test]
async fn without_a_file_nothing_is_written() {
    let audit = Audit::open(None, names()).unwrap();
    audit.record(&Actor::Service, "room_created", None, "ok");
    audit.close().await;
}
