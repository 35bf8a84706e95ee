//! From a host's command to its effect: the last packet that it forbids, or the first that it allows.

use std::time::{Duration, Instant};

use signal::message::Source;

use crate::light::Author;

/// For how long after a command packets are watched.
const SPAN: Duration = Duration::from_millis(500);
/// An effect that takes longer is not waited for: it counts as this.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Nothing more of this person's microphone.
    Silence(u32),
    /// Nothing more to anybody in the meeting but the host; the host's shared screen goes on.
    OnlyHost(u32),
    /// Something comes to this person.
    First(u32),
    /// Something comes to this person from somebody who is none of these.
    FirstOf(u32, Vec<u32>),
}

/// One command under way.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// Name in the summary.
    pub(super) command: &'static str,
    pub(super) meeting: usize,
    effect: Effect,
    sent: Instant,
    seen: Option<Instant>,
}

impl Watch {
    pub(super) fn new(command: &'static str, meeting: usize, effect: Effect, sent: Instant) -> Self {
        Self { command, meeting, effect, sent, seen: None }
    }

    /// A packet reached somebody of the meeting.
    pub(super) fn packet(&mut self, now: Instant, receiver: u32, author: Author) {
        match &self.effect {
            Effect::Silence(publisher) => {
                if author.publisher == *publisher && author.source == Source::Microphone {
                    self.seen = Some(now);
                }
            }
            Effect::OnlyHost(host) => {
                let allowed = author.publisher == *host && matches!(author.source, Source::Screen | Source::ScreenAudio);
                if receiver != *host && !allowed {
                    self.seen = Some(now);
                }
            }
            Effect::First(person) => {
                if receiver == *person {
                    self.seen.get_or_insert(now);
                }
            }
            Effect::FirstOf(person, known) => {
                if receiver == *person && !known.contains(&author.publisher) {
                    self.seen.get_or_insert(now);
                }
            }
        }
    }

    /// Who was muted, where that is what was watched.
    pub(super) fn muted(&self) -> Option<u32> {
        if let Effect::Silence(publisher) = self.effect { Some(publisher) } else { None }
    }

    /// When it is over, how long it took; `None` while it goes on.
    pub(super) fn outcome(&self, now: Instant) -> Option<Duration> {
        let age = now.saturating_duration_since(self.sent);
        let took = self.seen.map(|seen| seen.saturating_duration_since(self.sent));
        match self.effect {
            Effect::Silence(_) | Effect::OnlyHost(_) => (age >= SPAN).then(|| took.unwrap_or_default()),
            Effect::First(_) | Effect::FirstOf(..) => took.or((age >= PATIENCE).then_some(PATIENCE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(publisher: u32) -> Author {
        Author { publisher, source: Source::Microphone, layer: 0 }
    }

    #[test]
    fn a_mute_takes_until_the_last_sound_and_an_admission_until_the_first() {
        let sent = Instant::now();
        let after = |ms| sent + Duration::from_millis(ms);
        let mut mute = Watch::new("mute", 0, Effect::Silence(7), sent);
        mute.packet(after(3), 1, voice(7));
        mute.packet(after(9), 1, voice(7));
        mute.packet(after(20), 1, voice(8));
        assert_eq!(mute.outcome(after(100)), None, "something may still come");
        assert_eq!(mute.outcome(after(500)), Some(Duration::from_millis(9)));
        let mut admit = Watch::new("admit", 0, Effect::First(4), sent);
        admit.packet(after(5), 3, voice(7));
        assert_eq!(admit.outcome(after(10)), None, "that was for somebody else");
        admit.packet(after(12), 4, voice(7));
        admit.packet(after(15), 4, voice(7));
        assert_eq!(admit.outcome(after(16)), Some(Duration::from_millis(12)));
        let mut one_way = Watch::new("one_way", 0, Effect::OnlyHost(1), sent);
        one_way.packet(after(4), 4, voice(1));
        one_way.packet(after(6), 1, voice(7));
        one_way.packet(after(8), 4, Author { source: Source::Screen, ..voice(1) });
        assert_eq!(one_way.outcome(after(500)), Some(Duration::from_millis(4)), "the host's screen may go on");
        let lost = Watch::new("move", 0, Effect::FirstOf(4, vec![7]), sent);
        assert_eq!(lost.outcome(after(5_000)), Some(PATIENCE), "an effect that never comes is not forgotten");
    }
}
