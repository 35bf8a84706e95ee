//! The whole forward path with everything on: ten people in 720 lines, simulcast, sound, reports, estimation, pacing, allocation; sent for
//! real over loopback. Beside it the floor: every packet opened once, every datagram copied and sealed, and the same datagrams in the
//! same turns through the same sender. Goal: at most 1.5 times the floor.
#![allow(missing_docs, clippy::print_stdout)]

use std::time::{Duration, Instant};

use bench::call::{Call, Stretch};
use bench::median::median;
use node::io::{IoCounters, MediaSocket, Sender};
use transport::Path;
use transport::srtp::{KeyingMaterial, Profile, Role, SrtpSession};
use wire::ids::Ssrc;
use wire::rtp::{RtpFields, write_header};
use worker::Outbox;

/// The relay's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PEOPLE: u16 = 10;
/// Until everybody's line is known to carry everything.
const SETTLING: Duration = Duration::from_secs(30);
const ROUNDS: usize = 40;
const ROUND: Duration = Duration::from_millis(250);
/// Everybody's line to the relay, bit/s: a slow one spreads the packets of a frame, a fast one leaves them together.
const UPLINKS: [u64; 3] = [5_000_000, 20_000_000, 100_000_000];
/// Bytes of the SRTP tag.
const TAG: usize = 16;

/// What a perfect relay would still have to do.
struct Floor {
    sealer: SrtpSession,
    opener: SrtpSession,
    legs: Vec<SrtpSession>,
    sequence: u16,
    plain: Vec<u8>,
    outbox: Outbox,
    sender: Sender,
    counters: IoCounters,
}

impl Floor {
    fn new() -> Self {
        Self {
            sealer: session(0, Role::Client),
            opener: session(0, Role::Server),
            legs: (0..PEOPLE).map(|leg| session(leg as u8 + 1, Role::Server)).collect(),
            sequence: 0,
            plain: vec![0; 1_500],
            outbox: Outbox::default(),
            sender: Sender::new(),
            counters: IoCounters::default(),
        }
    }

    /// Does the same again; gives the time for crypto and copies, and for sending.
    fn repeat(&mut self, stretch: &Stretch, paths: &[Path], sockets: &mut [MediaSocket], drain: impl Fn()) -> (Duration, Duration) {
        let (mut crypto, mut sending) = (Duration::ZERO, Duration::ZERO);
        for turn in &stretch.turns {
            let mut arrived: Vec<Vec<u8>> = turn.opened.iter().map(|len| self.sealed(*len)).collect();
            let start = Instant::now();
            for packet in &mut arrived {
                self.opener.open_rtp(packet).expect("the sender's own packet opens");
            }
            for (leg, len) in &turn.sealed {
                self.sequence = self.sequence.wrapping_add(1);
                self.plain[2..4].copy_from_slice(&self.sequence.to_be_bytes());
                let plain = &self.plain[..len.saturating_sub(TAG).max(12)];
                let session = &mut self.legs[*leg];
                self.outbox.push(paths[*leg], |buf| {
                    buf[..plain.len()].copy_from_slice(plain);
                    session.seal_rtp(buf, plain.len()).ok()
                });
            }
            crypto += start.elapsed();
            let start = Instant::now();
            self.sender.flush(sockets, &self.outbox, &mut self.counters);
            sending += start.elapsed();
            self.outbox.clear();
            drain();
        }
        (crypto, sending)
    }

    /// A packet as a publisher sends it, `len` bytes in all.
    fn sealed(&mut self, len: usize) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let fields = RtpFields { marker: false, payload_type: 96, sequence: self.sequence, timestamp: 0, ssrc: Ssrc(1) };
        let mut packet = vec![0; 1_500];
        write_header(&mut packet, &fields, &[]).expect("fits");
        self.plain[..12].copy_from_slice(&packet[..12]);
        let sealed = self.sealer.seal_rtp(&mut packet, len.saturating_sub(TAG).max(12)).expect("sealing works");
        packet.truncate(sealed);
        packet
    }
}

fn session(number: u8, role: Role) -> SrtpSession {
    let bytes = vec![number; Profile::AeadAes128Gcm.keying_material_len()];
    let keys = KeyingMaterial::from_exporter(Profile::AeadAes128Gcm, &bytes).expect("the length fits");
    SrtpSession::new(&keys, role).expect("keys fit")
}

/// Messages by the number of their datagrams: 1, 2-3, 4-7, 8 and more.
fn messages(counters: &IoCounters) -> [u64; 4] {
    let long = counters.runs_of_8_to_15 + counters.runs_of_16_to_31 + counters.runs_of_32_to_64;
    [counters.runs_of_1, counters.runs_of_2_to_3, counters.runs_of_4_to_7, long]
}

fn measure(uplink: u64, quick: bool) {
    let mut call = Call::new(Instant::now(), PEOPLE, uplink);
    let mut floor = Floor::new();
    call.run(SETTLING);
    let before = call.counters;
    let [mut worker, mut sending, mut crypto, mut floor_sending, mut ratio]: [Vec<f64>; 5] = Default::default();
    let (mut datagrams, mut bytes) = (0, 0);
    for _ in 0..ROUNDS {
        let stretch = call.run(ROUND);
        let count = stretch.datagrams();
        let per_datagram = |span: Duration| span.as_nanos() as f64 / count as f64;
        let (paths, sockets, receivers) = call.network();
        let (opened, sent) = floor.repeat(&stretch, &paths, sockets, || bench::call::drain(receivers));
        ratio.push((stretch.worker + stretch.sending).as_secs_f64() / (opened + sent).as_secs_f64());
        for (values, span) in
            [(&mut worker, stretch.worker), (&mut sending, stretch.sending), (&mut crypto, opened), (&mut floor_sending, sent)]
        {
            values.push(per_datagram(span));
        }
        datagrams += count;
        bytes += stretch.bytes();
    }
    if !quick {
        let name = format!("call/whole path against the floor, {} Mbit/s uplinks", uplink / 1_000_000);
        bench::figures::record(&name, median(&mut ratio)).expect("the target folder can be written to");
    }
    let seconds = ROUND.as_secs_f64() * ROUNDS as f64 * f64::from(PEOPLE);
    let (first, last) = (messages(&before), messages(&call.counters));
    let runs: [u64; 4] = std::array::from_fn(|index| last[index] - first[index]);
    let all = runs.iter().sum::<u64>().max(1);
    println!(
        "{:>7} {:>8.0} {:>8.0} {:>8.0} {:>8.0} {:>7.2} {:>9.2} {:>6.2}  {:>3?}",
        uplink / 1_000_000,
        median(&mut worker),
        median(&mut sending),
        median(&mut crypto),
        median(&mut floor_sending),
        median(&mut ratio),
        bytes as f64 * 8.0 / seconds / 1e6,
        datagrams as f64 / all as f64,
        runs.map(|count| count * 100 / all),
    );
    assert!(datagrams > 0);
}

fn main() {
    println!(
        "\nns per datagram, medians of {ROUNDS} interleaved rounds of {} ms; ten people, three encodings, real sockets",
        ROUND.as_millis()
    );
    println!(
        "{:>7} {:>8} {:>8} {:>8} {:>8} {:>7} {:>9} {:>6}  % of messages that are runs of 1, 2-3, 4-7, 8 and more",
        "uplink", "worker", "sending", "crypto", "sending", "ratio", "Mbit/s", "run"
    );
    println!("{:>7} {:>17} {:>17} {:>7} {:>9}", "Mbit/s", "relay", "floor", "", "a viewer");
    // `cargo test` runs this binary with --test: then once through is enough.
    let quick = std::env::args().any(|argument| argument == "--test");
    for uplink in UPLINKS.into_iter().take(if quick { 1 } else { UPLINKS.len() }) {
        measure(uplink, quick);
    }
}
