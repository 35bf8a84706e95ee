//! A bare UDP echo, and the probe that measures it: what the path and the machine cost before any server does anything.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;
use loadgen::measure::Pulse;

/// Bytes of a probe: a packet of video.
const PROBE: usize = 1_200;
/// How long the last answers are waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// Longest round trip that is told from longer ones, ns.
const LONGEST: u64 = 10_000_000_000;

/// A bare UDP echo: every datagram goes back to where it came from.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7984", conflicts_with = "probe")]
    media: SocketAddr,
    /// Poll in place of sleeping until something comes; takes a whole core.
    #[arg(long)]
    poll: bool,
    /// Measure the echo at this address instead, polling, and print its round trips.
    #[arg(long, value_name = "ADDRESS")]
    probe: Option<SocketAddr>,
    /// Datagrams a second of the probe.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How long to probe, seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.probe {
        Some(address) => probe(address, arguments.rate, arguments.seconds).map(|round_trips| println!("{}", round_trips.line())),
        None => echo(arguments.media, arguments.poll),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn echo(address: SocketAddr, poll: bool) -> io::Result<()> {
    let socket = UdpSocket::bind(address).map_err(|error| io::Error::other(format!("cannot listen on {address}: {error}; try --media")))?;
    socket.set_nonblocking(poll)?;
    println!("echo: {}/udp", socket.local_addr()?);
    let mut buf = [0; 2_048];
    loop {
        match socket.recv_from(&mut buf) {
            // What cannot be sent back is lost, as in any network.
            Ok((len, from)) => drop(socket.send_to(&buf[..len], from)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused) => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
}

/// What the probe saw.
struct RoundTrips {
    sent: u64,
    /// ns from when a datagram was due.
    times: Histogram<u64>,
    /// The same while the machine ran at its own speed.
    calm: Histogram<u64>,
}

impl RoundTrips {
    fn line(&self) -> String {
        let told = |times: &Histogram<u64>| {
            let micros = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1_000.0;
            serde_json::json!({ "p50": micros(0.5), "p99": micros(0.99), "p999": micros(0.999), "max": times.max() as f64 / 1_000.0 })
        };
        let lost = self.sent - self.times.len();
        serde_json::json!({
            "sent": self.sent,
            "lost": lost,
            "round_trip_us": told(&self.times),
            "calm_share": self.calm.len() as f64 / self.times.len().max(1) as f64,
            "calm_round_trip_us": told(&self.calm),
        })
        .to_string()
    }
}

/// Sends on schedule and measures from the time each datagram was due, so that a late one counts in full.
fn probe(address: SocketAddr, rate: u32, seconds: u32) -> io::Result<RoundTrips> {
    let any = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    let times = Histogram::new_with_bounds(1, LONGEST, 3).map_err(io::Error::other)?;
    let mut seen = RoundTrips { sent: 0, calm: times.clone(), times };
    let (mut pulse, mut unjudged) = (Pulse::new(Instant::now()), Vec::new());
    let (total, interval) = (u64::from(rate) * u64::from(seconds), Duration::from_secs(1) / rate);
    let begun = Instant::now();
    let due = |number: u64| begun + interval.mul_f64(number as f64);
    let mut buf = [0; PROBE];
    while seen.sent < total || (seen.times.len() < total && Instant::now() < due(total) + PATIENCE) {
        if seen.sent < total && Instant::now() >= due(seen.sent) {
            buf[..8].copy_from_slice(&seen.sent.to_be_bytes());
            socket.send(&buf)?;
            seen.sent += 1;
        }
        match socket.recv(&mut buf) {
            Ok(len) if len == PROBE => {
                let number = buf.first_chunk().map_or(0, |number| u64::from_be_bytes(*number));
                let late = Instant::now().saturating_duration_since(due(number));
                seen.times.saturating_record(late.as_nanos() as u64);
                unjudged.push(late.as_nanos() as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Err(io::Error::other(format!("nobody listens on {address}/udp: start `echo --media {address}` first")));
            }
            _ => {}
        }
        if let Some(calm) = pulse.feel(Instant::now()) {
            unjudged.drain(..).filter(|_| calm).for_each(|late| seen.calm.saturating_record(late));
        }
    }
    Ok(seen)
}
