//! Whose pictures began for a viewer a short while ago: whoever is new is served at once, whoever lets the same picture end and begin again and
//! again waits like all others until the share that keyframes may take has paid for it.

use std::time::{Duration, Instant};

use media::KeyframeCause;

use crate::assign::Wish;

/// A picture that is to begin again within this time after it last was to is no newcomer's. Long enough that one who begins as often as this
/// allows takes a small part of the share.
const LATELY: Duration = Duration::from_secs(5);

/// Most that are remembered: more than a session has slots.
const MOST: usize = 128;

/// What was to begin lately, oldest first.
#[derive(Default, Debug)]
pub(crate) struct Starts {
    lately: Vec<(Wish, Instant)>,
}

impl Starts {
    /// This picture is to begin: as what the wish for its keyframe counts.
    pub(crate) fn begin(&mut self, now: Instant, wish: Wish) -> KeyframeCause {
        self.lately.retain(|(_, at)| now.saturating_duration_since(*at) < LATELY);
        let before = self.lately.iter().position(|(other, _)| *other == wish);
        // The oldest makes room where there is none.
        if let Some(place) = before.or((self.lately.len() == MOST).then_some(0)) {
            self.lately.remove(place);
        }
        self.lately.push((wish, now));
        if before.is_some() { KeyframeCause::Switch } else { KeyframeCause::Start }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;
    use room::{ParticipantId, Source};

    const fn camera(id: u64) -> Wish {
        (ParticipantId(id), Source::Camera)
    }

    #[test]
    fn who_begins_again_and_again_is_new_only_once() {
        let (start, mut starts) = (Instant::now(), Starts::default());
        let mut begin = |ms, id| starts.begin(start + Duration::from_millis(ms), camera(id));
        assert_eq!([begin(0, 1), begin(0, 2)], [KeyframeCause::Start; 2]);
        for at in (400..60_000).step_by(400) {
            assert_eq!(begin(at, 1), KeyframeCause::Switch, "at {at} ms");
        }
        assert_eq!(begin(60_000, 2), KeyframeCause::Start, "that was long ago");
        assert_eq!(begin(64_900, 1), KeyframeCause::Start, "and so is this now");
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let (now, mut starts) = (Instant::now(), Starts::default());
        (0..1_000).for_each(|id| assert_eq!(starts.begin(now, camera(id)), KeyframeCause::Start));
        assert_eq!(starts.lately.len(), MOST);
        assert_eq!(starts.begin(now, camera(999)), KeyframeCause::Switch);
        assert_eq!(starts.begin(now, camera(0)), KeyframeCause::Start);
    }
}
