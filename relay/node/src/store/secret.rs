//! The secret beside the database: 256 random bits in a file that only the owner reads.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::StoreError;

/// Bytes of the secret.
pub(crate) const SECRET: usize = 32;

/// Reads the secret; where there is none and `may_make`, makes one, which is on the disk when this returns.
///
/// # Errors
/// [`StoreError`].
pub(super) fn read_or_make(file: &Path, may_make: bool) -> Result<[u8; SECRET], StoreError> {
    let fail = |source| StoreError::File { path: file.to_owned(), source };
    match fs::read(file) {
        Ok(bytes) => {
            // Somebody may have copied it with a wider mask.
            fs::set_permissions(file, Permissions::from_mode(0o600)).map_err(fail)?;
            let what = || format!("it has {} bytes, expected {SECRET}", bytes.len());
            bytes.as_slice().try_into().map_err(|_| StoreError::Damaged { path: file.to_owned(), what: what() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => make(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NoSecret { path: file.to_owned() }),
        Err(error) => Err(fail(error)),
    }
}

fn make(file: &Path) -> Result<[u8; SECRET], StoreError> {
    let fail = |source| StoreError::File { path: file.to_owned(), source };
    let mut secret = [0; SECRET];
    getrandom::fill(&mut secret)?;
    // Under its name only once it is whole: a crash half-way leaves no short secret behind.
    let draft = file.with_extension("new");
    let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(fail)?;
    open.write_all(&secret).and_then(|()| open.sync_all()).and_then(|()| fs::rename(&draft, file)).map_err(fail)?;
    Ok(secret)
}
