//! From the host's click to the first picture of whoever waited, on a warm transport.

use std::time::Duration;

use loadgen::light::{Layer, Setup, SourceSetup};
use room::{Command, Source};

use super::super::crowd::Crowd;
use super::super::relay::{LiveRelay, TokenRole};
use super::{Figure, after};

const TARGET: Option<(u32, Duration)> = Some((95, Duration::from_millis(150)));
const METHOD: &str = "the guest waits with ICE and DTLS done; from sending `admit` to the first whole decoded picture of the host (keyframe asked for and made \
                      on the host's next frame, 25 fps)";
/// The relay asks a publisher for a keyframe at most every 300 ms, so that a crowd that comes in costs no more than one person.
const QUIET: Duration = Duration::from_millis(350);
const SOUND: &str = "the same, to the first sound";

/// Admissions, one person after the other; each leaves again.
///
/// # Panics
/// When anything reaches somebody who waits.
#[must_use]
pub fn admit(relay: &LiveRelay, repetitions: usize) -> [Figure; 2] {
    let mut figures = [Figure::new("admit: first decoded picture", METHOD, TARGET), Figure::new("admit: first sound", SOUND, None)];
    let mut crowd = Crowd::new(4);
    let room = relay.fresh_room();
    let host = crowd.join(relay, &room, "host", TokenRole::Host, setup());
    crowd.order(host, Command::Lock {});
    for repetition in 0..repetitions {
        let guest = crowd.join(relay, &room, &format!("guest-{repetition}"), TokenRole::Participant, setup());
        // At another moment of the host's frames each time, and so long after the last keyframe that the next may be asked for at once.
        crowd.run_for(QUIET + Duration::from_millis(7 * (repetition as u64 % 40)));
        let member = &crowd.members[guest];
        assert!(member.told.waits() && member.heard.is_empty(), "{} waits and hears {:?}", member.identity, member.heard);
        let participant = member.id();
        let admitted = crowd.order(host, Command::Admit { participant });
        let pictures = move |crowd: &Crowd| {
            let mut slots = crowd.members[guest].client.slots().filter(|slot| !slot.audio);
            slots.find_map(|slot| slot.record.first_decoded)
        };
        crowd.run_until("the first picture", |crowd| {
            pictures(crowd).is_some() && crowd.members[guest].heard.contains_key(&(host as u32, Source::Microphone))
        });
        if let Some(first) = pictures(&crowd) {
            figures[0].add(after(admitted.sent, first));
        }
        if let Some(heard) = crowd.members[guest].heard.get(&(host as u32, Source::Microphone)) {
            figures[1].add(after(admitted.sent, heard.first));
        }
        crowd.leave(guest);
    }
    figures
}

fn setup() -> Setup {
    let sources = vec![SourceSetup::microphone(), SourceSetup::camera(vec![Layer::single()])];
    Setup { sources, ..Setup::meeting(0) }
}
