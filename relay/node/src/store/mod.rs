//! The store: definitions of rooms and templates as bytes by id, in one file, or in memory. What the bytes mean is `rooms`' business.
//!
//! A write is on the disk when [`Store::commit`] returns: whoever was told of it finds it again after `kill -9` or a power cut. A write
//! that failed may or may not be there; the file is closed then, and opened and read again before the next write, so that memory and
//! disk agree. Nobody but writers ever waits for the disk: everything read comes from memory.

mod secret;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};

pub(crate) use secret::SECRET;

const ROOMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rooms");
const TEMPLATES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("templates");
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// How the bytes are to be read; a later version that writes other ones counts up.
const FORMAT: &str = "format";
const FORMAT_NOW: u64 = 1;
/// The highest revision given out.
const REVISION: &str = "revision";

const DATABASE_FILE: &str = "rooms.redb";
const SECRET_FILE: &str = "pins.key";
/// The database's own cache, bytes; reading happens once, at the start.
const CACHE: usize = 8 << 20;

/// What is wrong with the store. Names files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or the directory.
    #[error("store: {path} cannot be used: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it.
    #[error("store: {path} is used by another process", path = path.display())]
    Taken {
        /// Which.
        path: PathBuf,
    },
    /// It cannot be read, or holds what this version does not know.
    #[error("store: {path} is damaged or not a store: {what}; restore a copy, or start with an empty directory", path = path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// In the database's words.
        what: String,
    },
    /// The key of the PINs is gone.
    #[error("store: {path} is missing beside a database: without it no PIN that was set can be checked", path = path.display())]
    NoSecret {
        /// Which.
        path: PathBuf,
    },
    /// No entropy for a new key.
    #[error("store: the system gives no entropy: {0}")]
    Entropy(#[from] getrandom::Error),
    /// A write that is not known to have happened.
    #[error("store: cannot be written: {0}")]
    Write(String),
}

/// Everything that is in the store.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// By id.
    pub rooms: Vec<(String, Vec<u8>)>,
    /// By id.
    pub templates: Vec<(String, Vec<u8>)>,
    /// The highest revision given out.
    pub revision: u64,
}

/// What changes at once, or not at all: `None` removes.
#[derive(Default, Debug)]
pub(crate) struct Batch {
    /// By id.
    pub rooms: Vec<(String, Option<Vec<u8>>)>,
    /// By id.
    pub templates: Vec<(String, Option<Vec<u8>>)>,
    /// The highest revision given out.
    pub revision: u64,
}

/// An open store. All methods may wait for the disk.
pub(crate) struct Store {
    /// `None` after a failed write.
    database: Mutex<Option<Database>>,
    /// `None`: in memory.
    file: Option<PathBuf>,
}

/// A store that was opened, what is in it, and the secret that lies beside it.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) contents: Contents,
    pub(crate) secret: [u8; SECRET],
}

impl Store {
    /// Opens the store in `directory`, and makes what is missing.
    ///
    /// # Errors
    /// [`StoreError`]; says which file and what to do.
    pub(crate) fn open(directory: &Path) -> Result<Opened, StoreError> {
        // Only the owner: the secret and the definitions are nobody else's business.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(using(directory))?;
        let file = directory.join(DATABASE_FILE);
        let exists = file.try_exists().map_err(using(&file))?;
        let secret = secret::read_or_make(&directory.join(SECRET_FILE), !exists)?;
        if !exists {
            make_file(&file)?;
        }
        let (database, contents) = open_file(&file)?;
        // The names of both files are on the disk too.
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(using(directory))?;
        Ok(Opened { store: Self { database: Mutex::new(Some(database)), file: Some(file) }, contents, secret })
    }

    /// A store that ends with the process.
    ///
    /// # Errors
    /// No entropy or no memory.
    pub(crate) fn in_memory() -> Result<Opened, StoreError> {
        let unnamed = Path::new("(in memory)");
        let database = Builder::new().set_cache_size(CACHE).create_with_backend(InMemoryBackend::new());
        let database = database.map_err(|error| opening(unnamed, error))?;
        let mut secret = [0; SECRET];
        getrandom::fill(&mut secret)?;
        Ok(Opened { store: Self { database: Mutex::new(Some(database)), file: None }, contents: Contents::default(), secret })
    }

    /// Writes; returns when it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Write`]: it is not known whether it is on the disk. Call [`Store::reopen`] before anything else.
    pub(crate) fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = slot.as_ref().ok_or_else(|| StoreError::Write("it is closed after an earlier failure".into()))?;
        let written = write(database, batch);
        if written.is_err() && self.file.is_some() {
            *slot = None;
        }
        written.map_err(|error| StoreError::Write(error.to_string()))
    }

    /// As after a failed write.
    #[cfg(test)]
    pub(crate) fn fail(&self) {
        *self.database.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a write failed since the store was opened.
    #[must_use]
    pub(crate) fn is_closed(&self) -> bool {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Opens the file again after a failed write and says what is in it. A file that is gone is not made anew.
    ///
    /// # Errors
    /// [`StoreError`]; still closed.
    pub(crate) fn reopen(&self) -> Result<Contents, StoreError> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &self.file else { return Err(StoreError::Write("it is in memory".into())) };
        let (database, contents) = open_file(file)?;
        *slot = Some(database);
        Ok(contents)
    }
}

/// An empty database. Under its name only once it is whole: a crash half-way leaves nothing that looks damaged.
fn make_file(file: &Path) -> Result<(), StoreError> {
    let draft = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(using(&draft))?;
    let database = Builder::new().set_cache_size(CACHE).create(&draft).map_err(|error| opening(&draft, error))?;
    database.close().map_err(|error| opening(&draft, error))?;
    fs::rename(&draft, file).map_err(using(file))
}

fn open_file(file: &Path) -> Result<(Database, Contents), StoreError> {
    let mut builder = Builder::new();
    // Checksums of the whole file: a damaged one is refused instead of trusted.
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    let database = builder.open(file).map_err(|error| opening(file, error))?;
    let contents = read(&database).map_err(|what| StoreError::Damaged { path: file.to_owned(), what })?;
    Ok((database, contents))
}

fn using(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::File { path: path.to_owned(), source }
}

fn opening(file: &Path, error: DatabaseError) -> StoreError {
    let path = file.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Taken { path },
        DatabaseError::Storage(redb::StorageError::Io(source)) if !is_about_content(&source) => StoreError::File { path, source },
        error => StoreError::Damaged { path, what: error.to_string() },
    }
}

/// What a file that is no database, or only a part of one, comes back as.
fn is_about_content(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

fn read(database: &Database) -> Result<Contents, String> {
    let transaction = database.begin_read().map_err(|error| error.to_string())?;
    let numbers = match transaction.open_table(NUMBERS) {
        // Nothing was ever written.
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Contents::default()),
        numbers => numbers.map_err(|error| error.to_string())?,
    };
    let number = |name| Ok::<_, String>(numbers.get(name).map_err(|error| error.to_string())?.map(|number| number.value()));
    match number(FORMAT)? {
        Some(FORMAT_NOW) => {}
        format => return Err(format!("its format is {format:?}, expected {FORMAT_NOW}")),
    }
    let revision = number(REVISION)?.ok_or("it has no revision")?;
    let table = |definition| {
        let table = transaction.open_table(definition).map_err(|error| error.to_string())?;
        let entry = |entry: Result<(redb::AccessGuard<'_, &str>, redb::AccessGuard<'_, &[u8]>), redb::StorageError>| {
            entry.map(|(id, bytes)| (id.value().to_owned(), bytes.value().to_vec())).map_err(|error| error.to_string())
        };
        table.iter().map_err(|error| error.to_string())?.map(entry).collect::<Result<Vec<_>, String>>()
    };
    Ok(Contents { rooms: table(ROOMS)?, templates: table(TEMPLATES)?, revision })
}

fn write(database: &Database, batch: &Batch) -> Result<(), redb::Error> {
    // Durable by default: `commit` returns when the disk has it.
    let transaction = database.begin_write()?;
    for (definition, changes) in [(ROOMS, &batch.rooms), (TEMPLATES, &batch.templates)] {
        let mut table = transaction.open_table(definition)?;
        for (id, bytes) in changes {
            match bytes {
                Some(bytes) => table.insert(id.as_str(), bytes.as_slice())?,
                None => table.remove(id.as_str())?,
            };
        }
    }
    let mut numbers = transaction.open_table(NUMBERS)?;
    numbers.insert(FORMAT, FORMAT_NOW)?;
    numbers.insert(REVISION, batch.revision)?;
    drop(numbers);
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
