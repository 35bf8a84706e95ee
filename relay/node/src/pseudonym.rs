//! What people are called where they must not be known: a keyed hash of their identity, the same in events, audit log and snapshots.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::hmac;

/// Length of the key, bytes.
const KEY: usize = 32;
/// Bytes of the hash that are shown; 64 bits, so that even a million people hardly ever share one.
const SHOWN: usize = 8;

/// Makes pseudonyms: 16 hexadecimal digits, HMAC-SHA-256 of the identity. Without the key nobody can try identities against them.
pub(crate) struct Pseudonyms {
    key: hmac::Key,
}

impl Pseudonyms {
    /// With the key in `file`, which is made (readable by its owner only) where it is not there; without a file, with a key that ends
    /// with the process.
    ///
    /// # Errors
    /// The file cannot be read or made, or is no key of ours; or the system gives no entropy.
    pub(crate) fn load(file: Option<&Path>) -> io::Result<Self> {
        let key = match file {
            Some(file) if file.exists() => read(file)?,
            Some(file) => make(file)?,
            None => fresh()?,
        };
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// The pseudonym of an identity.
    #[must_use]
    pub(crate) fn of(&self, identity: &str) -> String {
        hex(&hmac::sign(&self.key, identity.as_bytes()).as_ref()[..SHOWN])
    }
}

/// Lower-case hexadecimal digits.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn fresh() -> io::Result<[u8; KEY]> {
    let mut key = [0; KEY];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(key)
}

fn read(file: &Path) -> io::Result<[u8; KEY]> {
    let bytes = fs::read(file)?;
    bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("expected a key of {KEY} bytes")))
}

/// Written aside and then renamed, so that a crash leaves no half of a key.
fn make(file: &Path) -> io::Result<[u8; KEY]> {
    let key = fresh()?;
    let aside = file.with_extension("new");
    let mut written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    written.write_all(&key)?;
    written.sync_all()?;
    fs::rename(&aside, file)?;
    if let Some(folder) = file.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_same_with_the_same_key_and_unrelated_without() {
        let folder = std::env::temp_dir().join(format!("relay-pseudonym-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("pseudonym.key");
        let first = Pseudonyms::load(Some(&file)).unwrap();
        let again = Pseudonyms::load(Some(&file)).unwrap();
        assert_eq!(first.of("anna"), again.of("anna"));
        assert_ne!(first.of("anna"), first.of("bent"));
        assert_ne!(first.of("anna"), Pseudonyms::load(None).unwrap().of("anna"));
        assert!(first.of("anna").len() == 16 && first.of("").bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "short").unwrap();
        assert!(Pseudonyms::load(Some(&file)).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
