//! When somebody begins to speak, and from which packet on it is worth hearing.

use std::time::{Duration, Instant};

use wire::ext::AudioLevel;

use crate::{Inbound, Publication, Stored};

/// Sound from here up in which the sender hears a voice is speech, -dBov.
const SPEECH: u8 = 55;

/// So loud it counts without the sender's word: not every client has a detector.
const LOUD: u8 = 35;

/// Below this lies the noise of a room, -dBov.
const NOISE: u8 = 60;

/// How far back a beginning is looked for: longer than a detector takes to notice it, and short enough to be caught up with.
const PREROLL: Duration = Duration::from_millis(300);

/// Packets before the beginning that go along: the breath of a consonant is as quiet as the room.
const LEAD: u64 = 2;

/// Packets looked through; 300 ms in packets of 10 ms.
const MAX_PACKETS: u64 = 30;

/// What Opus makes of silence that it need not send is no longer, bytes (RFC 6716 section 2.1.9).
const SILENCE: usize = 10;

/// Whether somebody speaks in a packet. Of whom nobody says how loud he is (WHIP encoders do not), whatever is not silence counts: better
/// that he has a place for nothing than that he is never heard.
#[must_use]
pub fn speaks(level: Option<AudioLevel>, payload: &[u8]) -> bool {
    match level {
        Some(level) => level.level <= if level.voice { SPEECH } else { LOUD },
        None => payload.len() > SILENCE,
    }
}

/// Where the speech that `newest` belongs to began: the first stored packet of an unbroken row up to it in which something is to be heard,
/// and a little before. Nothing from before `since`, and at most 300 ms. `newest` itself if there is nothing.
#[must_use]
pub fn onset(publication: &Publication, newest: &Inbound<'_>, since: Instant) -> u64 {
    let mut first = newest.ext_seq;
    let mut quiet = 0;
    let mut after = newest.timestamp;
    for ext_seq in (newest.ext_seq.saturating_sub(MAX_PACKETS)..newest.ext_seq).rev() {
        let Some(stored) = publication.stored(newest.layer, ext_seq) else { break };
        let old = newest.arrival.saturating_duration_since(stored.arrival) > PREROLL;
        let span = after.wrapping_sub(stored.timestamp);
        if old || stored.arrival < since || span > MAX_SPAN {
            break;
        }
        quiet = if is_heard(&stored) { 0 } else { quiet + 1 };
        if quiet > LEAD {
            break;
        }
        (first, after) = (ext_seq, stored.timestamp);
    }
    first
}

/// A stored packet once more as it arrived, `newest` being a packet of the same stream; for whoever was not there. Sound only.
#[must_use]
pub fn replay<'s>(publication: &'s Publication, newest: &Inbound<'s>, ext_seq: u64) -> Option<Inbound<'s>> {
    let stored = publication.stored(newest.layer, ext_seq)?;
    Some(Inbound {
        ext_seq,
        timestamp: stored.timestamp,
        marker: stored.marker,
        codec: stored.codec,
        in_pt: stored.in_pt,
        late: false,
        payload: stored.payload,
        exts: stored.exts,
        arrival: stored.arrival,
        captured: publication.clock(newest.layer).time_of(stored.timestamp),
        abs_capture: stored.abs_capture,
        audio_level: stored.exts.audio_level(),
        behind: newest.behind + (newest.ext_seq - ext_seq),
        ..*newest
    })
}

fn is_heard(stored: &Stored<'_>) -> bool {
    stored.exts.audio_level().map_or(stored.payload.len() > SILENCE, |level| level.voice || level.level < NOISE)
}

/// Longest packet of Opus, 120 ms at 48 kHz: what lies further apart has silence in between (RFC 7587 section 4.2).
const MAX_SPAN: u32 = 5760;
