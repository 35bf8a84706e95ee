//! Recorded media: pictures and sounds out of small files, played over and over.
//!
//! A folder holds `camera.ivf` (VP8) or `camera.h264` (Annex B), and `microphone.ogg` (Opus); either may be missing. IVF and Ogg say how long
//! everything lasts; Annex B has no times, so its pictures follow each other at the rate that the profile names.

mod ogg;
mod pictures;
mod reel;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

pub use reel::Reel;

/// Larger files are not read: a recording is held in memory as a whole, bytes.
const LARGEST: u64 = 64 << 20;

/// Why a recording cannot be played.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{}: {why}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what was expected.
        why: String,
    },
    /// There is nothing to play.
    #[error("{}: no camera.ivf, camera.h264 or microphone.ogg in it; the README says how to make them", folder.display())]
    Empty {
        /// Where.
        folder: PathBuf,
    },
}

/// How pictures are coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    /// VP8.
    Vp8,
    /// H.264, start codes between the units of a picture.
    H264,
}

/// A picture or a sound of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// As the encoder wrote it: a VP8 frame, an H.264 access unit, an Opus packet.
    pub data: Bytes,
    /// It needs nothing before it. True for every sound.
    pub keyframe: bool,
    /// Until the next one.
    pub lasts: Duration,
}

/// A file's content: at least one piece, the first of them a keyframe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Track {
    pieces: Vec<Piece>,
}

impl Track {
    /// From what a file holds.
    pub(crate) fn new(pieces: Vec<Piece>) -> Result<Self, String> {
        let first = pieces.first().ok_or("nothing is in it")?;
        if !first.keyframe {
            return Err("its first picture is no keyframe: nobody could decode it; record it from a keyframe on".to_owned());
        }
        if pieces.iter().any(|piece| piece.lasts.is_zero()) {
            return Err("two of its pictures or sounds have the same time".to_owned());
        }
        Ok(Self { pieces })
    }

    /// All of it, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

/// Somebody's recorded camera and microphone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recording {
    /// Pictures.
    pub camera: Option<(Codec, Track)>,
    /// Sound.
    pub microphone: Option<Track>,
}

impl Recording {
    /// Size and keyframe flag of each picture; nothing without a camera.
    #[must_use]
    pub fn sizes(&self) -> Vec<(usize, bool)> {
        let pieces = self.camera.iter().flat_map(|(_, track)| track.pieces());
        pieces.map(|piece| (piece.data.len(), piece.keyframe)).collect()
    }

    /// Names of what is played; `built-in` where nothing was recorded.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        let camera = match &self.camera {
            Some((Codec::Vp8, _)) => "camera.ivf",
            Some((Codec::H264, _)) => "camera.h264",
            None => "built-in",
        };
        let microphone = if self.microphone.is_some() { "microphone.ogg" } else { "built-in" };
        let mut sources = vec![camera.to_owned(), microphone.to_owned()];
        sources.dedup();
        sources
    }

    /// Reads a folder; Annex B pictures follow each other at `fps`.
    ///
    /// # Errors
    /// [`RecordingError`]: a file cannot be read or is something else, or there is none.
    pub fn open(folder: &Path, fps: u32) -> Result<Self, RecordingError> {
        let track = |name: &str, parse: &dyn Fn(&[u8]) -> Result<Track, String>| {
            let path = folder.join(name);
            let Some(bytes) = read(&path)? else { return Ok(None) };
            parse(&bytes).map(Some).map_err(|why| RecordingError::Content { path, why })
        };
        let vp8 = track("camera.ivf", &|bytes| pictures::ivf(bytes).and_then(Track::new))?.map(|track| (Codec::Vp8, track));
        let camera = match vp8 {
            Some(vp8) => Some(vp8),
            None => track("camera.h264", &|bytes| Track::new(pictures::annex_b(bytes, fps)))?.map(|track| (Codec::H264, track)),
        };
        let microphone = track("microphone.ogg", &|bytes| ogg::opus(bytes).and_then(Track::new))?;
        if camera.is_none() && microphone.is_none() {
            return Err(RecordingError::Empty { folder: folder.to_owned() });
        }
        Ok(Self { camera, microphone })
    }
}

/// The whole file; `None` where there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, RecordingError> {
    let file = |source| RecordingError::File { path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Ok(data) if data.len() > LARGEST => {
            let why = format!("{} MB, at most {} are held in memory; a minute of it will do", data.len() >> 20, LARGEST >> 20);
            Err(RecordingError::Content { path: path.to_owned(), why })
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file(error)),
    }
}
