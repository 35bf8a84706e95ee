//! What the acts of a host cost the relay in its largest group: worker time inside the one call that carries out the command.
//!
//! Everything the call does is in it: the policy, slots and routes of everybody, and rosters, scenes and slot tables made anew for each
//! person and compared with what they know. Serialising the messages and sending the next packets is not.
//! And the longest join while a worker fills up.
#![allow(missing_docs, clippy::print_stdout)]

use std::time::{Duration, Instant};

use bench::crowd::{CROWD, Crowd};
use bench::group::{Cost, Group};
use bench::median::median;
use criterion::{Criterion, criterion_group};
use room::{Command, Layout, Template, WaitingRoom};

/// The relay's own allocator: an act makes thousands of small values, and what they cost is part of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The largest group.
const PEOPLE: u16 = 33;
/// Breakout rooms.
const BREAKOUTS: usize = 8;
/// Measurements of the table.
const ROUNDS: usize = 101;
/// Times that a worker is filled.
const FILLED: usize = 5;

/// One act: how a group gets ready for it, and the act.
struct Act {
    name: &'static str,
    /// Budget of ROOMS.md, where it names one.
    budget: Option<Duration>,
    people: u16,
    prepare: fn(&mut Group, usize),
    act: fn(&mut Group, usize) -> Cost,
}

const ACTS: [Act; 6] = [
    Act {
        name: "recall 33 from 8 breakouts",
        budget: Some(Duration::from_millis(1)),
        people: PEOPLE,
        prepare: |group, round| {
            if round == 0 {
                group.serve(Command::CreateBreakouts { names: (1..=BREAKOUTS).map(|number| format!("Room {number}")).collect() });
            }
            group.serve(Command::AssignRandom {});
            group.serve(Command::OpenBreakouts { self_choice: false, seconds: None });
            group.settle();
        },
        act: |group, _| group.serve(Command::RecallAll { seconds: 0 }),
    },
    Act {
        name: "open 8 breakouts for 33",
        budget: Some(Duration::from_millis(1)),
        people: PEOPLE,
        prepare: |group, round| {
            if round == 0 {
                group.serve(Command::CreateBreakouts { names: (1..=BREAKOUTS).map(|number| format!("Room {number}")).collect() });
            } else {
                group.serve(Command::RecallAll { seconds: 0 });
            }
            group.serve(Command::AssignRandom {});
            group.settle();
        },
        act: |group, _| group.serve(Command::OpenBreakouts { self_choice: false, seconds: None }),
    },
    Act {
        name: "layout for 33 (A and C in turn)",
        budget: None,
        people: PEOPLE,
        prepare: |group, _| group.settle(),
        act: |group, round| {
            let layout = if round.is_multiple_of(2) { Layout::HostOnly } else { Layout::Equal };
            group.serve(Command::SetLayout { layout })
        },
    },
    Act {
        name: "mute all of 33",
        budget: None,
        people: PEOPLE,
        prepare: |group, _| {
            group.serve(Command::UnmuteAll {});
            group.settle();
        },
        act: |group, _| group.serve(Command::MuteAll {}),
    },
    Act {
        name: "admit the 33rd",
        budget: None,
        people: PEOPLE - 1,
        prepare: |group, round| {
            if round == 0 {
                let guarded = Template { waiting_room: Some(WaitingRoom::Admit), ..Template::default() };
                group.serve(Command::Change { settings: Box::new(guarded) });
            } else {
                group.part();
            }
            group.join();
            group.settle();
        },
        act: |group, _| group.serve(Command::AdmitAll {}),
    },
    Act {
        name: "join of the 33rd, with its lines",
        budget: None,
        people: PEOPLE - 1,
        prepare: |group, round| {
            if round > 0 {
                group.part();
            }
            group.settle();
        },
        act: |group, _| group.join().0,
    },
];

fn rooms(c: &mut Criterion) {
    let mut criterion = c.benchmark_group("rooms");
    criterion.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
    for act in &ACTS {
        // Set up once, and only if the filter lets it run: criterion calls the closure for every sample.
        let (mut group, mut round) = (None::<Group>, 0);
        criterion.bench_function(act.name, |b| {
            let group = group.get_or_insert_with(|| Group::new(Instant::now(), act.people));
            b.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    (act.prepare)(group, round);
                    spent += (act.act)(group, round).spent;
                    round += 1;
                }
                spent
            });
        });
    }
    criterion.finish();
}

fn table() {
    println!(
        "\nworker time of one act, µs; {ROUNDS} rounds, half a second of everybody's media between them; everybody has slots for everybody"
    );
    println!("{:>34} {:>8} {:>8} {:>8} {:>9} {:>8}  verdict", "act", "median", "p95", "worst", "messages", "budget");
    for act in &ACTS {
        let mut group = Group::new(Instant::now(), act.people);
        let mut messages = 0;
        let mut spent: Vec<f64> = Vec::new();
        for round in 0..ROUNDS {
            (act.prepare)(&mut group, round);
            let cost = (act.act)(&mut group, round);
            messages = messages.max(cost.messages);
            spent.push(cost.spent.as_nanos() as f64 / 1_000.0);
        }
        let middle = median(&mut spent);
        let (p95, worst) = (spent[ROUNDS * 95 / 100], spent[ROUNDS - 1]);
        let budget = act.budget.map(|budget| budget.as_micros());
        let verdict = match budget {
            Some(budget) if middle > budget as f64 => "over",
            Some(_) => "within",
            None => "",
        };
        let budget = budget.map(|budget| budget.to_string()).unwrap_or_default();
        println!("{:>34} {middle:>8.0} {p95:>8.0} {worst:>8.0} {messages:>9} {budget:>8}  {verdict}", act.name);
    }
}

/// A worker fills up. What counts is the longest join: for so long nobody's media moves. Each join's time is the median over several
/// times of filling, for tables grow at the same one each time and the machine's pauses do not come back.
fn filling() {
    let crowd = Crowd::new();
    let times: Vec<Vec<Duration>> = (0..FILLED).map(|_| crowd.come()).collect();
    let of_one = |at: usize| median(&mut times.iter().map(|spent| spent[at].as_nanos() as f64 / 1_000.0).collect::<Vec<_>>());
    let mut spent: Vec<f64> = (0..usize::from(CROWD)).map(of_one).collect();
    let (middle, longest) = (median(&mut spent), spent[spent.len() - 1]);
    println!("\na worker fills up: worker time of {CROWD} joins with lines, two to a room, medians of {FILLED} times, µs");
    println!("median {middle:.0}, longest {longest:.0}");
    bench::figures::record("rooms/longest join while a worker fills up", longest * 1_000.0).expect("the target folder can be written to");
}

criterion_group!(benches, rooms);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test` runs this binary with --test: then once through is enough.
    if !std::env::args().any(|argument| argument == "--test") {
        table();
        filling();
    }
}
