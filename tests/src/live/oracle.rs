//! Judges packets after the fact: what the rules allowed since when, held against what arrived when.
//!
//! Sockets have latency, so a rule's moments are taken as the relay's answer proves them. What a step forbids is forbidden from the
//! moment at which its `done` was read; what it allows is allowed from the moment at which its command was sent. Then
//! - content that was captured while it was forbidden must never arrive, also not later, by retransmission;
//! - content from before must not arrive later than [`QUEUES`] after it was forbidden, as long as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use room::Source;

use super::crowd::Packet;
use super::rules::Rules;

/// Time that a packet may spend in the kernel's queues after the relay sent it.
pub const QUEUES: Duration = Duration::from_millis(50);
/// Content captured so shortly before it was allowed may still have been in the relay's queue when the command overtook it.
const OVERTAKING: Duration = Duration::from_millis(150);
/// Violations kept word for word.
const MAX_REPORTED: usize = 4;

type Triple = (u32, u32, Source);

/// A stretch of time in which a source may not reach somebody.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Instant,
    /// `None`: to the end.
    to: Option<Instant>,
}

/// What the rules allowed over time.
#[derive(Debug)]
pub struct Oracle {
    start: Instant,
    allowed: BTreeSet<Triple>,
    /// For what was ever allowed; everything else is forbidden throughout.
    forbidden: BTreeMap<Triple, Vec<Span>>,
}

/// What came of judging.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Packets that were looked at.
    pub judged: u64,
    /// Those that must not have arrived.
    pub violations: u64,
    /// The first of them in words.
    pub reported: Vec<String>,
}

impl Oracle {
    /// Nothing is allowed yet.
    #[must_use]
    pub fn new(start: Instant) -> Self {
        Self { start, allowed: BTreeSet::new(), forbidden: BTreeMap::new() }
    }

    /// The rules after a step that was asked for at `sent` and known to be done at `done`.
    pub fn record(&mut self, sent: Instant, done: Instant, rules: &Rules) {
        let allowed = rules.allowed();
        for triple in allowed.difference(&self.allowed) {
            let spans = self.forbidden.entry(*triple).or_insert_with(|| vec![Span { from: self.start, to: None }]);
            if let Some(span) = spans.last_mut() {
                span.to = Some(sent);
            }
        }
        for triple in self.allowed.difference(&allowed) {
            self.forbidden.entry(*triple).or_default().push(Span { from: done, to: None });
        }
        self.allowed = allowed;
    }

    /// What is allowed now.
    #[must_use]
    pub fn allowed(&self) -> &BTreeSet<Triple> {
        &self.allowed
    }

    /// Judges everything that arrived.
    #[must_use]
    pub fn judge(&self, packets: &[Packet]) -> Verdict {
        let mut verdict = Verdict::default();
        for packet in packets {
            verdict.judged += 1;
            if let Some(crime) = self.crime(packet) {
                verdict.violations += 1;
                if verdict.reported.len() < MAX_REPORTED {
                    verdict.reported.push(self.describe(packet, &crime));
                }
            }
        }
        verdict
    }

    fn crime(&self, packet: &Packet) -> Option<String> {
        let triple = (packet.author.publisher, packet.receiver, packet.author.source);
        let Some(spans) = self.forbidden.get(&triple) else { return Some("was never allowed".to_owned()) };
        spans.iter().find_map(|span| {
            let captured_inside = packet.captured > span.from && span.to.is_none_or(|to| packet.captured + OVERTAKING < to);
            let late = packet.after > span.from + QUEUES && span.to.is_none_or(|to| packet.at < to);
            let from = (span.from - self.start).as_secs_f64();
            let how = if captured_inside { "was captured while it was forbidden" } else { "came too late" };
            (captured_inside || late).then(|| format!("{how}, from {from:.3} s on"))
        })
    }

    fn describe(&self, packet: &Packet, crime: &str) -> String {
        let since = |at: Instant| at.saturating_duration_since(self.start).as_secs_f64();
        let Packet { receiver, author, captured, at, .. } = packet;
        format!(
            "{:?} of {} reached {receiver} at {:.3} s (captured {:.3} s) and {crime}",
            author.source,
            author.publisher,
            since(*at),
            since(*captured)
        )
    }
}

#[cfg(test)]
mod tests {
    use loadgen::light::Author;
    use room::Role;

    use super::super::rules::Person;
    use super::*;

    #[test]
    fn a_mute_forbids_what_was_captured_after_it_for_ever_and_what_was_before_it_soon() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut oracle = Oracle::new(start);
        let mut rules = Rules::default();
        for number in [1, 2] {
            rules.people.insert(number, Person::new(Role::Participant, true, &[Source::Microphone]));
        }
        oracle.record(at(400), at(410), &rules);
        let set = |rules: &mut Rules, locked: bool| {
            let person = rules.people.get_mut(&1).expect("they are there");
            if locked { person.locked.insert(Source::Microphone) } else { person.locked.remove(&Source::Microphone) }
        };
        set(&mut rules, true);
        oracle.record(at(1_000), at(1_010), &rules);
        set(&mut rules, false);
        oracle.record(at(2_000), at(2_010), &rules);
        let rows = [
            ("before anybody was let in", 50, 50, true),
            ("heard", 500, 501, false),
            ("under way when the command was sent", 1_005, 1_011, false),
            ("in the kernel's queue", 1_009, 1_055, false),
            ("too late", 1_009, 1_070, true),
            ("captured after the answer", 1_011, 1_012, true),
            ("captured meanwhile, delivered later", 1_500, 2_500, true),
            ("overtaken by the command", 1_999, 2_001, false),
            ("heard again", 2_005, 2_006, false),
        ];
        for (name, captured, arrived, expected) in rows {
            let author = Author { publisher: 1, source: Source::Microphone, layer: 0 };
            let packet = Packet { receiver: 2, author, captured: at(captured), after: at(arrived), at: at(arrived) };
            assert_eq!(oracle.judge(&[packet]).violations == 1, expected, "{name}");
            assert_eq!(oracle.judge(&[Packet { receiver: 3, ..packet }]).violations, 1, "nobody unknown");
        }
    }
}
