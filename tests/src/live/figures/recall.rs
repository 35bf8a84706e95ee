//! Everybody comes back from the breakouts: when each hears somebody new, and what it takes beside media.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use loadgen::light::{Setup, SourceSetup};
use room::{BreakoutId, Command};

use super::super::crowd::Crowd;
use super::super::member::Traffic;
use super::super::relay::{LiveRelay, TokenRole};
use super::{Figure, after};

/// Sounds that one person can hear at a time; all thirty-two others would only measure this machine.
const SLOTS: usize = 8;
/// How long connections are watched for signs of being set up anew.
const WATCH: Duration = Duration::from_secs(1);
/// Bounds the assignments of one burst; the relay takes 50 messages a second, 100 at once.
const PACE: Duration = Duration::from_millis(25);

const METHOD: &str =
    "from sending `recall_all` to each person's first sound of somebody who was not in their breakout; microphones send every 20 ms";
const ANSWERED: &str = "the same from reading `done`; 0 when the sound came first";

/// What a recall took.
#[derive(Clone, Debug)]
pub struct Recall {
    /// Time to first sound, from the command on and from its answer on.
    pub figures: [Figure; 2],
    /// Offers and answers in the second after the recalls, all people together.
    pub sdp: u64,
    /// DTLS datagrams.
    pub dtls: u64,
    /// Checks beyond the consent checks that each client makes anyway (one each 2.5 s).
    pub extra_checks: u64,
    /// STUN of the relay beyond answers to checks.
    pub extra_stun: u64,
}

/// `people` (host included) in `breakouts`, recalled so often.
#[must_use]
pub fn recall(relay: &LiveRelay, people: usize, breakouts: usize, repetitions: usize) -> Recall {
    let mut crowd = Crowd::new(5);
    let room = relay.fresh_room();
    let host = crowd.join(relay, &room, "host", TokenRole::Host, setup());
    let guests: Vec<usize> =
        (1..people).map(|number| crowd.join(relay, &room, &format!("guest-{number}"), TokenRole::Participant, setup())).collect();
    crowd.order(host, Command::CreateBreakouts { names: (1..=breakouts).map(|number| format!("room {number}")).collect() });
    let mut outcome = Recall {
        figures: [
            Figure::new("recall: first sound, from the command", METHOD, Some((99, Duration::from_millis(40)))),
            Figure::new("recall: first sound, from `done`", ANSWERED, None),
        ],
        sdp: 0,
        dtls: 0,
        extra_checks: 0,
        extra_stun: 0,
    };
    for _ in 0..repetitions {
        for (number, guest) in guests.iter().enumerate() {
            let (participant, breakout) = (crowd.members[*guest].id(), BreakoutId((number % breakouts) as u32 + 1));
            crowd.order(host, Command::Assign { participant, breakout: Some(breakout) });
            crowd.run_for(PACE);
        }
        crowd.order(host, Command::OpenBreakouts { self_choice: false, seconds: None });
        crowd.run_for(Duration::from_millis(500));
        once(&mut crowd, host, &guests, breakouts, &mut outcome);
    }
    outcome
}

fn once(crowd: &mut Crowd, host: usize, guests: &[usize], breakouts: usize, outcome: &mut Recall) {
    let mates = |guest: usize| -> BTreeSet<u32> {
        let Some(place) = guests.iter().position(|other| *other == guest) else { return BTreeSet::from([guest as u32]) };
        guests.iter().skip(place % breakouts).step_by(breakouts).map(|mate| *mate as u32).collect()
    };
    crowd.begin_window();
    crowd.run_for(Duration::from_millis(100));
    for member in crowd.members.iter().filter(|member| member.publisher != host as u32) {
        let strangers = member.heard.keys().filter(|(author, _)| !mates(member.publisher as usize).contains(author)).count();
        assert_eq!(strangers, 0, "{} hears another breakout", member.identity);
    }
    crowd.begin_window();
    let (before, began) = (total(crowd), Instant::now());
    let recalled = crowd.order(host, Command::RecallAll { seconds: 0 });
    let first = |crowd: &Crowd, member: usize| {
        let (heard, mates) = (&crowd.members[member].heard, mates(member));
        heard.iter().filter(|((author, _), _)| !mates.contains(author)).map(|(_, heard)| heard.first).min()
    };
    crowd.run_until("everybody hears somebody new", |crowd| guests.iter().all(|guest| first(crowd, *guest).is_some()));
    for at in guests.iter().filter_map(|guest| first(crowd, *guest)) {
        outcome.figures[0].add(after(recalled.sent, at));
        outcome.figures[1].add(after(recalled.answered, at));
    }
    crowd.run_for(WATCH);
    let now = total(crowd);
    // One check each 2.5 s and person, rounded up; lost ones are repeated, but nothing is lost here.
    let usual = crowd.members.len() as u64 * began.elapsed().as_millis().div_ceil(2_500) as u64;
    outcome.sdp += now.sdp - before.sdp;
    outcome.dtls += now.dtls - before.dtls;
    outcome.extra_checks += (now.checks - before.checks).saturating_sub(usual);
    // An answer may come in the window to a check of before.
    outcome.extra_stun += (now.stun_received - before.stun_received).saturating_sub(now.checks - before.checks + 1);
}

fn total(crowd: &Crowd) -> Traffic {
    crowd.members.iter().fold(Traffic::default(), |sum, member| {
        let own = member.traffic;
        Traffic {
            checks: sum.checks + own.checks,
            stun_received: sum.stun_received + own.stun_received,
            dtls: sum.dtls + own.dtls,
            sdp: sum.sdp + own.sdp,
            dropped: sum.dropped + own.dropped,
        }
    })
}

fn setup() -> Setup {
    Setup { sources: vec![SourceSetup::microphone()], audio_slots: SLOTS, video_slots: 0, ..Setup::meeting(0) }
}
