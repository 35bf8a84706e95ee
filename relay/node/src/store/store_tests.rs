//! The store on a real disk: what was committed is there, what is damaged is refused, who comes second is told.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// A directory of its own, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("relay-store-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn room(id: &str, bytes: &[u8], revision: u64) -> Batch {
    Batch { rooms: vec![(id.into(), Some(bytes.to_vec()))], templates: Vec::new(), revision }
}

#[test]
fn what_was_committed_is_there_when_it_is_opened_again() {
    let dir = Dir::new("again");
    let Opened { store, contents, secret } = Store::open(&dir.0).unwrap();
    assert_eq!(contents, Contents::default());
    store.commit(&room("a", b"one", 1)).unwrap();
    store.commit(&Batch { templates: vec![("t".into(), Some(b"two".to_vec()))], ..room("b", b"three", 2) }).unwrap();
    store.commit(&Batch { rooms: vec![("a".into(), None)], revision: 3, ..Batch::default() }).unwrap();
    drop(store);
    let opened = Store::open(&dir.0).unwrap();
    let expected = Contents { rooms: vec![("b".into(), b"three".to_vec())], templates: vec![("t".into(), b"two".to_vec())], revision: 3 };
    assert_eq!((opened.contents, opened.secret), (expected, secret));
    let modes = [("pins.key", 0o600), ("rooms.redb", 0o600), (".", 0o700)];
    for (name, mode) in modes {
        assert_eq!(fs::metadata(dir.file(name)).unwrap().permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn whoever_comes_second_and_whoever_lost_the_key_is_told() {
    let dir = Dir::new("second");
    let opened = Store::open(&dir.0).unwrap();
    assert!(matches!(Store::open(&dir.0).err().unwrap(), StoreError::Taken { .. }));
    drop(opened);
    fs::write(dir.file("pins.key"), b"short").unwrap();
    assert!(matches!(Store::open(&dir.0).err().unwrap(), StoreError::Damaged { path, .. } if path.ends_with("pins.key")));
    fs::remove_file(dir.file("pins.key")).unwrap();
    assert!(matches!(Store::open(&dir.0).err().unwrap(), StoreError::NoSecret { .. }));
    assert!(!dir.file("pins.key").exists(), "no new key is made over old PINs");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = Dir::new("file");
    fs::write(&dir.0, b"a file").unwrap();
    let error = Store::open(&dir.0).err().unwrap();
    assert!(matches!(&error, StoreError::File { path, .. } if *path == dir.0), "{error}");
    fs::remove_file(&dir.0).unwrap();
}

#[test]
fn damage_is_refused_wherever_it_is_and_never_a_panic() {
    let dir = Dir::new("damage");
    let Opened { store, .. } = Store::open(&dir.0).unwrap();
    for number in 0..200 {
        store.commit(&room(&format!("room-{number}"), &[number; 500], number.into())).unwrap();
    }
    drop(store);
    let file = dir.file("rooms.redb");
    let whole = fs::read(&file).unwrap();
    let expected = Store::open(&dir.0).unwrap().contents;
    let (mut refused, mut unharmed) = (0, 0);
    // One flipped byte per page, header included; pages that hold nothing may change.
    for at in (0..whole.len()).step_by(4096).map(|page| page + 100).chain([0, 9, 64, 128]) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&file, &damaged).unwrap();
        match Store::open(&dir.0) {
            Ok(opened) => {
                assert_eq!(opened.contents, expected, "byte {at}: other contents are worse than none");
                unharmed += 1;
            }
            Err(StoreError::Damaged { .. }) => refused += 1,
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    assert!(refused > 10, "{refused} refused, {unharmed} unharmed");
    for bad in [&whole[..whole.len() / 2], &whole[..100], b"not a database", &[0; 8192]] {
        fs::write(&file, bad).unwrap();
        let error = Store::open(&dir.0).err().unwrap();
        assert!(matches!(error, StoreError::Damaged { .. }), "{} bytes: {error}", bad.len());
    }
}

#[test]
fn after_a_failed_write_the_file_is_read_again_and_never_made_anew() {
    let dir = Dir::new("failed");
    let Opened { store, .. } = Store::open(&dir.0).unwrap();
    store.commit(&room("a", b"one", 1)).unwrap();
    store.fail();
    assert!(store.is_closed() && matches!(store.commit(&room("a", b"two", 2)), Err(StoreError::Write(_))));
    let aside = dir.file("aside");
    fs::rename(dir.file("rooms.redb"), &aside).unwrap();
    assert!(matches!(store.reopen(), Err(StoreError::File { .. })));
    assert!(store.is_closed() && !dir.file("rooms.redb").exists());
    fs::rename(&aside, dir.file("rooms.redb")).unwrap();
    assert_eq!(store.reopen().unwrap().rooms, [("a".to_owned(), b"one".to_vec())]);
    store.commit(&room("a", b"two", 2)).unwrap();
}

#[test]
fn memory_takes_the_same() {
    let Opened { store, contents, .. } = Store::in_memory().unwrap();
    assert_eq!(contents, Contents::default());
    store.commit(&room("a", b"one", 1)).unwrap();
}
