//! Who speaks: loudness per participant, the dominant speaker with hysteresis, and an order of interest.

use std::time::{Duration, Instant};

/// Participants remembered; more are not ranked.
const MAX_PARTICIPANTS: usize = 1024;

/// Loudness counts from here up, -dBov. Room noise of a good microphone lies below.
const FLOOR: u8 = 60;

/// Time constant of the loudness, seconds: about a syllable or two.
const SMOOTHING: f32 = 0.15;

/// Loudness above which somebody speaks, dB over the floor.
const SPEAKING: f32 = 10.0;

/// A challenger must be louder than the dominant speaker by so many dB ...
const MARGIN: f32 = 6.0;

/// ... for so long; a cough is shorter.
const CHALLENGE: Duration = Duration::from_millis(300);

/// A new dominant speaker stays at least so long.
const HOLD: Duration = Duration::from_millis(500);

/// People who speak are silent between words: what is heard without a pause for so long, and at most twice that, is no voice (a fan, music,
/// a client that lies), and does not count when it is asked who is loudest.
const BREATH: Duration = Duration::from_secs(10);
/// So many dB over the quietest of that is more than a fan varies by.
const STANDS_OUT: u8 = 6;
/// It takes so long to draw one: a single silent packet is none, nor are two that were lost. Looked at in halves.
const HALF_BREATH: Duration = Duration::from_millis(100);

/// Pauses between words do not end a turn.
const TURN_PAUSE: Duration = Duration::from_millis(1000);

/// Whoever has not ended a turn for so long counts as no louder than this, dB over the floor: no level that a client claims keeps the floor for
/// ever, nor wins it back. A loud voice is at 35.
const ENDLESS: Duration = Duration::from_secs(20);
const MOST_ENDLESS: f32 = 25.0;

/// Loudness of everybody in a room. Call [`Speakers::update`] with each audio level and [`Speakers::dominant`] a few times a second.
#[derive(Default, Debug)]
pub struct Speakers {
    voices: Vec<Voice>,
    dominant: Option<(u32, Instant)>,
    /// Who is louder than the dominant speaker, and since when.
    challenge: Option<(u32, Instant)>,
    order: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Voice {
    label: u32,
    /// dB over the floor, smoothed, at `updated`.
    loudness: f32,
    updated: Instant,
    /// The quietest level since the moment beside it, and in the [`BREATH`] before that, -dBov.
    quietest: [u8; 2],
    since: Instant,
    /// The loudest level since the moment beside it, and in the [`HALF_BREATH`] before that, -dBov.
    loudest: [u8; 2],
    half_since: Instant,
    /// Present or last turn: when it began and when it was last heard.
    turn: Option<(Instant, Instant)>,
}

impl Voice {
    /// Packets stop when somebody is muted or silent, so loudness fades by itself.
    fn loudness(&self, now: Instant) -> f32 {
        self.loudness * (1.0 - weight(now.saturating_duration_since(self.updated)))
    }

    /// The same over the quietest that was heard lately, bounded where it never ends.
    fn contrast(&self, now: Instant) -> f32 {
        let always = self.quietest.iter().max().map_or(0, |quietest| FLOOR.saturating_sub(*quietest));
        let most = if self.is_endless(now) { MOST_ENDLESS } else { f32::MAX };
        (self.loudness(now) - f32::from(always)).min(most)
    }

    fn listen(&mut self, now: Instant, level: u8) {
        if now.saturating_duration_since(self.since) >= BREATH {
            (self.quietest, self.since) = ([0, self.quietest[0]], now);
        }
        // Silence may not be sent at all.
        let quiet = if now.saturating_duration_since(self.updated) >= 2 * HALF_BREATH { u8::MAX } else { self.breath(now) };
        self.quietest[0] = self.quietest[0].max(quiet);
        self.loudest[0] = self.loudest[0].min(level);
    }

    /// The loudest of the last two halves of a breath when the second is over; nothing quiet until then.
    fn breath(&mut self, now: Instant) -> u8 {
        if now.saturating_duration_since(self.half_since) < HALF_BREATH {
            return 0;
        }
        let breath = self.loudest[0].min(self.loudest[1]);
        (self.loudest, self.half_since) = ([u8::MAX, self.loudest[0]], now);
        breath
    }

    fn is_endless(&self, now: Instant) -> bool {
        self.in_turn(now) && self.turn.is_some_and(|(began, _)| now.saturating_duration_since(began) > ENDLESS)
    }

    fn in_turn(&self, now: Instant) -> bool {
        self.turn.is_some_and(|(_, heard)| now.saturating_duration_since(heard) <= TURN_PAUSE)
    }
}

impl Speakers {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An audio level of a participant: `level` in -dBov (0 is loudest, 127 silence), `voice` as the client's detector says. Beyond 1024
    /// participants it is ignored. Whether it stands out of what is always heard of that participant: detectors take a fan or music for a
    /// voice.
    pub fn update(&mut self, now: Instant, label: u32, level: u8, voice: bool) -> bool {
        let index = match self.voices.iter().position(|voice| voice.label == label) {
            Some(index) => index,
            None if self.voices.len() < MAX_PARTICIPANTS => {
                self.voices.push(Voice {
                    label,
                    loudness: 0.0,
                    updated: now,
                    quietest: [0, u8::MAX],
                    since: now,
                    loudest: [u8::MAX, 0],
                    half_since: now,
                    turn: None,
                });
                self.voices.len() - 1
            }
            None => return true,
        };
        let heard = &mut self.voices[index];
        heard.listen(now, level);
        let stands_out = heard.quietest.iter().max().is_none_or(|quietest| level.saturating_add(STANDS_OUT) <= *quietest);
        // Noise without voice counts half: not every client has a detector.
        let over = f32::from(FLOOR.saturating_sub(level)) * if voice { 1.0 } else { 0.5 };
        let weight = weight(now.saturating_duration_since(heard.updated));
        heard.loudness += (over - heard.loudness) * weight;
        heard.updated = now;
        if heard.loudness >= SPEAKING {
            let began = heard.turn.filter(|_| heard.in_turn(now)).map_or(now, |(began, _)| began);
            heard.turn = Some((began, now));
        }
        stands_out
    }

    /// A participant has left or was muted by the server.
    pub fn remove(&mut self, label: u32) {
        self.voices.retain(|voice| voice.label != label);
        self.dominant = self.dominant.filter(|&(dominant, _)| dominant != label);
        self.challenge = self.challenge.filter(|&(challenger, _)| challenger != label);
    }

    /// The dominant speaker. Remains in silence until somebody else speaks.
    pub fn dominant(&mut self, now: Instant) -> Option<u32> {
        let Some((present, since)) = self.dominant else {
            self.dominant = self.loudest(now, |_| true).filter(|&(_, loudness)| loudness >= SPEAKING).map(|(label, _)| (label, now));
            return self.dominant.map(|(label, _)| label);
        };
        let to_beat = self.voices.iter().find(|voice| voice.label == present).map_or(0.0, |voice| voice.contrast(now)).max(0.0) + MARGIN;
        let rival = self.loudest(now, |label| label != present).filter(|&(_, loudness)| loudness >= to_beat.max(SPEAKING));
        let Some((rival, _)) = rival else {
            self.challenge = None;
            return Some(present);
        };
        // Whoever leads among the rivals takes over the time the one before stood up: the floor changes hands, by whomever.
        let began = self.challenge.map_or(now, |(_, began)| began);
        self.challenge = Some((rival, began));
        if now.saturating_duration_since(began) >= CHALLENGE && now.saturating_duration_since(since) >= HOLD {
            self.dominant = Some((rival, now));
            self.challenge = None;
            return Some(rival);
        }
        Some(present)
    }

    /// Labels in the order of interest: dominant first, then who speaks (longest turn first), then who spoke last, then the rest. Stable
    /// while nobody begins or ends a turn.
    pub fn ranking(&mut self, now: Instant) -> &[u32] {
        let dominant = self.dominant.map(|(label, _)| label);
        self.voices.sort_by_key(|voice| {
            let speaks = voice.in_turn(now);
            let began = voice.turn.filter(|_| speaks).map(|(began, _)| began);
            let heard = voice.turn.filter(|_| !speaks).map(|(_, heard)| std::cmp::Reverse(heard));
            (Some(voice.label) != dominant, !speaks, began, heard.is_none(), heard, voice.label)
        });
        self.order.clear();
        self.order.extend(self.voices.iter().map(|voice| voice.label));
        &self.order
    }

    fn loudest(&self, now: Instant, may: impl Fn(u32) -> bool) -> Option<(u32, f32)> {
        let able = self.voices.iter().filter(|voice| may(voice.label));
        able.map(|voice| (voice.label, voice.contrast(now))).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Share of a new value after `span`, 0 to 1: the rational stand-in for 1 - exp(-t).
fn weight(span: Duration) -> f32 {
    let seconds = span.as_secs_f32();
    seconds / (SMOOTHING + seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::{MAX_PARTICIPANTS, Speakers};
    use std::time::{Duration, Instant};

    /// Plays 20 ms packets: `script` gives the level of each participant at a time in ms, 127 without voice. Returns the changes of the
    /// dominant speaker.
    fn play(script: impl Fn(u64) -> Vec<u8>, span: u64) -> (Speakers, Instant, Vec<(u64, u32)>) {
        let start = Instant::now();
        let mut speakers = Speakers::new();
        let mut changes = Vec::new();
        let mut last = None;
        for at in (0..span).step_by(20) {
            let now = start + Duration::from_millis(at);
            for (label, level) in (0..).zip(script(at)) {
                speakers.update(now, label, level, level < 60);
            }
            let dominant = speakers.dominant(now);
            if dominant != last {
                last = dominant;
                changes.extend(dominant.map(|label| (at, label)));
            }
        }
        (speakers, start + Duration::from_millis(span), changes)
    }

    #[test]
    fn turns_are_followed_within_half_a_second() {
        let (_, _, changes) = play(|at| if at < 3000 { vec![25, 127] } else { vec![127, 25] }, 6000);
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert!(changes[0].0 <= 60 && changes[0].1 == 0);
        assert!((3300..=3600).contains(&changes[1].0) && changes[1].1 == 1, "{changes:?}");
    }

    #[test]
    fn a_cough_and_a_pause_change_nothing() {
        let (_, _, changes) = play(
            |at| match at {
                1000..1800 => vec![127, 127],
                3000..3200 => vec![30, 10],
                _ => vec![30, 127],
            },
            6000,
        );
        assert_eq!(changes, [(80, 0)]);
    }

    #[test]
    fn two_at_once_do_not_flap() {
        // Words of 300 ms, alternating in loudness by 10 dB.
        let (_, _, changes) = play(|at| if at / 300 % 2 == 0 { vec![25, 35] } else { vec![35, 25] }, 20_000);
        assert!(changes.len() <= 3, "{changes:?}");
    }

    #[test]
    fn a_little_louder_is_not_enough() {
        let (_, _, changes) = play(|at| vec![32, if at < 2000 { 127 } else { 28 }], 8000);
        assert_eq!(changes.len(), 1, "4 dB: {changes:?}");
        let (_, _, changes) = play(|at| vec![32, if at < 2000 { 127 } else { 20 }], 8000);
        assert_eq!(changes.len(), 2, "12 dB: {changes:?}");
    }

    #[test]
    fn whoever_takes_the_floor_keeps_it_for_half_a_second() {
        let (_, _, changes) = play(|at| if (3000..3400).contains(&at) { vec![127, 15] } else { vec![20, 127] }, 6000);
        assert_eq!(changes.len(), 3, "{changes:?}");
        assert!(changes[2].0 - changes[1].0 >= 500, "{changes:?}");
    }

    #[test]
    fn a_voice_counts_more_than_a_noise() {
        let start = Instant::now();
        let mut speakers = Speakers::new();
        for nth in 0..50 {
            let now = start + Duration::from_millis(20 * nth);
            speakers.update(now, 1, 30, false);
            speakers.update(now, 2, 40, true);
        }
        assert_eq!(speakers.dominant(start + Duration::from_millis(1000)), Some(2));
    }

    #[test]
    fn a_voice_that_never_pauses_gives_way_to_one_that_does() {
        // At full level and called a voice all the time; after 15 s somebody else speaks in words of 300 ms.
        let word = |at: u64| if at >= 15_000 && at % 400 < 300 { 30 } else { 127 };
        let (_, _, changes) = play(|at| vec![0, word(at)], 40_000);
        assert_eq!(changes.iter().map(|change| change.1).collect::<Vec<_>>(), [0, 1], "{changes:?}");
        assert!(changes[1].0 < 16_000, "{changes:?}");
        // Twin: who breathes keeps the floor against somebody far off.
        let (_, _, changes) = play(|at| vec![if at % 3000 < 2700 { 20 } else { 127 }, word(at)], 40_000);
        assert_eq!(changes.len(), 1, "{changes:?}");
    }

    #[test]
    fn nobody_claims_the_floor_for_ever() {
        // At full level always; after 30 s somebody speaks loud.
        let loud = |at: u64| if at >= 30_000 { 25 } else { 127 };
        type Claims = fn(u64) -> u8;
        let rows: [(&str, Claims); 2] = [
            ("one silent packet each nine seconds", |at| if at % 9_000 == 8_000 { 127 } else { 0 }),
            ("half a second each nine", |at| if at % 9_000 >= 8_500 { 127 } else { 0 }),
        ];
        for (name, liar) in rows {
            let (_, _, changes) = play(|at| vec![liar(at), loud(at)], 40_000);
            assert_eq!(changes.iter().map(|change| change.1).collect::<Vec<_>>(), [0, 1], "{name}: {changes:?}");
            assert!(changes[1].0 <= 31_000, "{name}: {changes:?}");
        }
        // Twin: whoever ends a turn now and then keeps it against somebody who is not louder.
        let (_, _, changes) =
            play(|at| vec![if at % 9_000 >= 7_500 { 127 } else { 0 }, if at % 9_000 < 7_000 { loud(at) } else { 127 }], 40_000);
        assert_eq!(changes.len(), 1, "{changes:?}");
    }

    #[test]
    fn the_order_is_dominant_then_speaking_then_latest() {
        let (mut speakers, end, _) = play(
            |at| match at {
                0..1000 => vec![127, 127, 30, 127],
                1000..2000 => vec![127, 30, 127, 127],
                _ => vec![127, 127, 127, 25],
            },
            6000,
        );
        assert_eq!(speakers.ranking(end), [3, 1, 2, 0]);
        speakers.remove(3);
        assert_eq!(speakers.dominant(end), None);
        assert_eq!(speakers.ranking(end), [1, 2, 0]);
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut speakers = Speakers::new();
        for label in 0..5000 {
            speakers.update(start, label, 30, true);
        }
        assert_eq!(speakers.ranking(start).len(), MAX_PARTICIPANTS);
    }
}
