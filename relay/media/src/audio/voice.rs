//! When somebody begins to speak, and from which packet on it is worth hearing.

use std::time::{Duration, Instant};

use wire::codec::{Codec, red};
use wire::ext::AudioLevel;

use crate::{Inbound, Publication, Stored};

/// Sound from here up in which the sender hears a voice is speech, -dBov.
const SPEECH: u8 = 55;

/// So loud it counts without the sender's word.
const LOUD: u8 = 35;

/// Below this lies the noise of a room, -dBov.
const NOISE: u8 = 60;

/// How far back a beginning is looked for at the first packet in which a voice is heard: longer than a detector takes to notice it.
pub const ONSET: Duration = Duration::from_millis(300);

/// The same for a voice that got a slot only when it had become the loudest: what comes late is caught up with within a sentence.
pub const MISSED: Duration = Duration::from_millis(700);

/// Packets before the beginning that go along: the breath of a consonant is as quiet as the room.
const LEAD: u64 = 2;

/// Shortest packets looked through.
const SHORTEST: Duration = Duration::from_millis(10);

/// What Opus makes of silence that it need not send is no longer, bytes (RFC 6716 section 2.1.9).
const SILENCE: usize = 10;

/// Whether somebody speaks in a packet. `detects`: the sender has said at some time that there is a voice; of who never has, what is as loud
/// as speech is speech. Of whom nobody says how loud he is (WHIP encoders do not), whatever is not silence counts: better
/// that he has a place for nothing than that he is never heard.
#[must_use]
pub fn speaks(level: Option<AudioLevel>, detects: bool, codec: Codec, payload: &[u8]) -> bool {
    match level {
        Some(level) => level.level <= if level.voice || !detects { SPEECH } else { LOUD },
        None => is_sound(codec, payload),
    }
}

/// Copies of earlier packets say nothing of this one.
fn is_sound(codec: Codec, payload: &[u8]) -> bool {
    let own = if codec == Codec::Red { red::primary(payload).map_or(payload, |(_, own)| own) } else { payload };
    own.len() > SILENCE
}

/// Where the speech that `newest` belongs to began: the first stored packet of a row up to it, unbroken but for what was lost, in which
/// something is to be heard, and a little before. Nothing from before `since`, and at most `back`. `newest` itself if there is nothing.
#[must_use]
pub fn onset(publication: &Publication, newest: &Inbound<'_>, since: Instant, back: Duration) -> u64 {
    let packets = (back.as_millis() / SHORTEST.as_millis()) as u64;
    let mut first = newest.ext_seq;
    let mut quiet = 0;
    let mut after = newest.timestamp;
    for ext_seq in (newest.ext_seq.saturating_sub(packets)..newest.ext_seq).rev() {
        // Of what was lost on the way in the rest is worth hearing.
        let Some(stored) = publication.stored(newest.layer, ext_seq) else { continue };
        let old = newest.arrival.saturating_duration_since(stored.arrival) > back;
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
    stored.exts.audio_level().map_or_else(|| is_sound(stored.codec, stored.payload), |level| level.voice || level.level < NOISE)
}

/// Longest packet of Opus, 120 ms at 48 kHz: what lies further apart has silence in between (RFC 7587 section 4.2).
const MAX_SPAN: u32 = 5760;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_what_the_sender_says_or_what_is_loud() {
        let level = |voice, level| Some(AudioLevel { voice, level });
        let opus = |level, detects| speaks(level, detects, Codec::Opus, &[0; 80]);
        for (told, detects, expected) in [
            (level(true, 55), true, true),
            (level(true, 56), true, false),
            (level(false, 35), true, true),
            (level(false, 40), true, false),
            // Of a client without a detector.
            (level(false, 40), false, true),
            (level(false, 56), false, false),
            (None, false, true),
        ] {
            assert_eq!(opus(told, detects), expected, "{told:?} {detects}");
        }
    }

    /// Of who says nothing of loudness, the copies of silence around a silence are no sound.
    #[test]
    fn copies_of_silence_are_no_sound() {
        let silence = [0xf8, 0xff, 0xfe];
        let headers = [[0x80 | 111, 0x0f, 0x00, 0x03].repeat(2), vec![111]].concat();
        let red = [headers, silence.repeat(3)].concat();
        assert!(red.len() > SILENCE && !speaks(None, false, Codec::Red, &red));
        assert!(speaks(None, false, Codec::Red, &[red, vec![1; 40]].concat()));
    }
}
