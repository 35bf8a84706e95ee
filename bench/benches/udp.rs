//! Datagrams into the kernel and out of it over loopback, through the node's own sender and receiver: GSO runs x messages a call, and GRO
//! with batches against one `recv` a datagram. Figures are per datagram of 1,200 bytes. What is sent over loopback pays the receiver's
//! way through the kernel too.
#![allow(missing_docs)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use bench::meter::Meter;
use bench::quick;
use criterion::{Criterion, criterion_group, criterion_main};
use node::io::{IoCounters, MediaSocket, Receiver, Sender};
use transport::Path;
use worker::Outbox;

/// Bytes of a datagram.
const DATAGRAM: usize = 1_200;
/// The kernel's buffer of each socket, bytes.
const BUFFER: usize = 1 << 21;
/// Datagrams to one receiver that stand together, and receivers of one flush: one message each. 5 is a frame of 1.5 Mbit/s.
const RUNS: [usize; 4] = [1, 2, 5, 32];
const MESSAGES: [usize; 3] = [1, 8, 32];

/// Whether runs go as one message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offload {
    Gso,
    OneByOne,
}

/// Who takes the datagrams out again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// The node's receiver: GRO, up to 32 messages a call.
    Batches,
    /// One call a datagram.
    Single,
}

/// One sender and some receivers on loopback.
struct Link {
    sockets: [MediaSocket; 1],
    sender: Sender,
    outbox: Outbox,
    counters: IoCounters,
    receiver: Receiver,
    /// Receivers of either kind; the other list is empty.
    batched: Vec<MediaSocket>,
    plain: Vec<UdpSocket>,
    datagrams: u64,
}

impl Link {
    fn new(offload: Offload, run: usize, messages: usize, taking: Taking) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let open = || MediaSocket::open(loopback, false, BUFFER).expect("loopback has a port");
        let mut socket = open();
        if offload == Offload::OneByOne {
            socket.give_up_gso();
        }
        let (mut batched, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..messages {
            match taking {
                Taking::Batches => batched.push(open()),
                Taking::Single => plain.push(UdpSocket::bind(loopback).expect("loopback has a port")),
            }
        }
        plain.iter().for_each(|socket| socket.set_nonblocking(true).expect("a socket can be non-blocking"));
        let remotes: Vec<SocketAddr> = batched
            .iter()
            .map(MediaSocket::local)
            .chain(plain.iter().map(|socket| socket.local_addr().expect("a bound socket has an address")))
            .collect();
        let mut outbox = Outbox::default();
        for _ in 0..run {
            for remote in &remotes {
                outbox.push(Path { remote: *remote, local: IpAddr::V4(Ipv4Addr::LOCALHOST) }, |buf| {
                    buf[..DATAGRAM].fill(7);
                    Some(DATAGRAM)
                });
            }
        }
        let datagrams = (run * messages) as u64;
        let (sender, receiver, counters) = (Sender::new(), Receiver::new(), IoCounters::default());
        Self { sockets: [socket], sender, outbox, counters, receiver, batched, plain, datagrams }
    }

    fn send(&mut self) {
        self.sender.flush(&mut self.sockets, &self.outbox, &mut self.counters);
    }

    /// Takes out what was sent; gives how many came.
    fn take(&mut self) -> u64 {
        let mut taken = 0;
        for socket in &mut self.batched {
            socket.readable = true;
            while socket.readable {
                for mut message in self.receiver.receive(socket, &mut self.counters).expect("loopback") {
                    taken += message.datagrams().count() as u64;
                }
            }
        }
        let mut buf = [0; 2_048];
        for socket in &self.plain {
            while socket.recv(&mut buf).is_ok() {
                taken += 1;
            }
        }
        taken
    }
}

/// Times one of the two ends; criterion's iterations are datagrams.
fn bench(criterion: &mut Criterion, name: &str, make: impl Fn() -> Link, sending: bool) {
    let mut link: Option<Link> = None;
    criterion.benchmark_group("udp").bench_function(name, |bencher| {
        let link = link.get_or_insert_with(&make);
        bencher.iter_custom(|datagrams| {
            let rounds = datagrams.div_ceil(link.datagrams);
            let mut meter = Meter::default();
            for _ in 0..rounds {
                let taken = if sending {
                    meter.measure(|| link.send());
                    link.take()
                } else {
                    link.send();
                    meter.measure(|| link.take())
                };
                assert_eq!(taken, link.datagrams, "loopback loses nothing within its buffers");
            }
            meter.spent().mul_f64(datagrams as f64 / (rounds * link.datagrams) as f64)
        });
    });
}

fn sending(criterion: &mut Criterion) {
    for messages in MESSAGES {
        for run in RUNS {
            let name = format!("send, {messages} messages of {run} (GSO)");
            bench(criterion, &name, || Link::new(Offload::Gso, run, messages, Taking::Batches), true);
        }
        let name = format!("send, {messages} receivers, 5 datagrams each, one by one");
        bench(criterion, &name, || Link::new(Offload::OneByOne, 5, messages, Taking::Batches), true);
    }
}

fn receiving(criterion: &mut Criterion) {
    for run in RUNS {
        let name = format!("receive, runs of {run}, GRO and batches");
        bench(criterion, &name, || Link::new(Offload::Gso, run, 8, Taking::Batches), false);
    }
    bench(criterion, "receive, runs of 32, no GSO, batches", || Link::new(Offload::OneByOne, 32, 8, Taking::Batches), false);
    bench(criterion, "receive, runs of 32, no GRO, one by one", || Link::new(Offload::Gso, 32, 8, Taking::Single), false);
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(quick::WARM_UP).measurement_time(quick::MEASURING).sample_size(quick::SAMPLES);
    targets = sending, receiving
}
criterion_main!(benches);
