//! The file under the chain: opened to append, locked, mended after a crash, never rewritten.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::chain::{self, Link, MAX_LINE};
use crate::clock::unix_millis;

/// An open log, and the end of its chain.
pub(super) struct LogFile {
    file: File,
    /// Bytes up to the end of the last whole line.
    length: u64,
    /// The last line's link.
    pub(super) link: Link,
}

/// What was found at the end of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// Nothing, or whole lines.
    Whole,
    /// Half a line, as a crash leaves it; so many bytes were moved to a file of their own.
    Torn(u64),
    /// A last line that is none of ours; the whole log was moved aside, and a new chain begins.
    Foreign,
}

impl LogFile {
    /// Opens or makes a log.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Found)> {
        let file = append(path)?;
        let mut log = Self { length: file.metadata()?.len(), file, link: Link::start() };
        let tail = log.tail()?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = &tail[whole..];
        let mut found = Found::Whole;
        if !torn.is_empty() {
            keep(&aside(path, "torn"), torn)?;
            log.length -= torn.len() as u64;
            log.cut()?;
            found = Found::Torn(torn.len() as u64);
        }
        if log.length == 0 {
            return Ok((log, found));
        }
        let last = tail[..whole].strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
        match last.and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| chain::open(line).ok()) {
            Some(link) => log.link = link,
            None => {
                // Evidence is moved, not removed; and a meeting does not wait for somebody to look at it.
                std::fs::rename(path, aside(path, "broken"))?;
                let file = append(path)?;
                return Ok((Self { file, length: 0, link: Link::start() }, Found::Foreign));
            }
        }
        Ok((log, found))
    }

    /// Adds whole lines and waits until the disk has them. After an error the file is as it was before.
    pub(super) fn write(&mut self, lines: &str, link: Link) -> io::Result<()> {
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        if written.is_ok() {
            self.length += lines.len() as u64;
            self.link = link;
        } else {
            self.cut()?;
        }
        written
    }

    fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_all()
    }

    /// The end of the file: so much that the last whole line is in it, or everything.
    fn tail(&self) -> io::Result<Vec<u8>> {
        let mut file = &self.file;
        let mut window = 2 * MAX_LINE as u64;
        loop {
            let mut tail = Vec::new();
            file.seek(SeekFrom::Start(self.length.saturating_sub(window)))?;
            file.read_to_end(&mut tail)?;
            if window >= self.length || tail.iter().filter(|byte| **byte == b'\n').nth(1).is_some() {
                return Ok(tail);
            }
            window *= 2;
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process writes it")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// `audit.log.torn-1700000000000`, beside the log.
fn aside(path: &Path, why: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{why}-{}", unix_millis()));
    path.with_file_name(name)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
