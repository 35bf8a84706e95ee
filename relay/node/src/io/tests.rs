//! Real datagrams over loopback: every byte arrives once, in order, from the right address, in as few calls as promised.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use transport::Path;
use worker::Outbox;

use super::{IoCounters, MediaSocket, Receiver, Sender, sys};

const BUFFER: usize = 1 << 20;

fn media_socket(address: &str) -> MediaSocket {
    MediaSocket::open(address.parse().unwrap(), false, BUFFER).unwrap()
}

/// A client's socket: an ordinary one, which gets every datagram by itself.
fn client(ip: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket2::SockRef::from(&socket).set_recv_buffer_size(BUFFER).unwrap();
    // Loopback delivers before `sendmmsg` returns, so nobody ever waits this long for what was sent.
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket
}

fn path_to(client: &UdpSocket, local: &str) -> Path {
    Path { remote: client.local_addr().unwrap(), local: local.parse().unwrap() }
}

/// Everything that has arrived, with its sender.
fn drain(client: &UdpSocket) -> Vec<(Vec<u8>, SocketAddr)> {
    let mut buf = [0; 4096];
    client.set_nonblocking(true).unwrap();
    let got = std::iter::from_fn(|| client.recv_from(&mut buf).ok().map(|(len, from)| (buf[..len].to_vec(), from))).collect();
    client.set_nonblocking(false).unwrap();
    got
}

fn payloads(client: &UdpSocket) -> Vec<Vec<u8>> {
    drain(client).into_iter().map(|(bytes, _)| bytes).collect()
}

/// A datagram whose every byte depends on its number.
fn payload(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number * 31 + at * 7) as u8).collect()
}

fn push(outbox: &mut Outbox, path: Path, bytes: &[u8]) {
    assert!(outbox.push(path, |buf| {
        buf[..bytes.len()].copy_from_slice(bytes);
        Some(bytes.len())
    }));
}

/// Three receivers, 150 datagrams each, with lengths as of video frames; checks that each gets its own, and gives the counters.
fn fan_out(local: &str) -> IoCounters {
    let ip: IpAddr = local.parse().unwrap();
    let mut sockets = [media_socket(&SocketAddr::new(ip, 0).to_string())];
    let clients: Vec<_> = (0..3).map(|_| client(ip)).collect();
    let mut outbox = Outbox::default();
    let mut expected = vec![Vec::new(); clients.len()];
    for number in 0..150 {
        let len = if number % 10 == 9 { 333 } else { 1200 };
        for (receiver, client) in clients.iter().enumerate() {
            let bytes = payload(number * 10 + receiver, len);
            push(&mut outbox, path_to(client, local), &bytes);
            expected[receiver].push(bytes);
        }
    }
    let mut counters = IoCounters::default();
    Sender::new().flush(&mut sockets, &outbox, &mut counters);
    for (client, expected) in clients.iter().zip(&expected) {
        assert!(payloads(client) == *expected, "exactly what was sent, in order");
    }
    assert_eq!(counters.datagrams_sent, 450);
    assert_eq!(counters.bytes_sent, 3 * (135 * 1200 + 15 * 333));
    counters
}

#[test]
fn a_fan_out_arrives_byte_for_byte_over_ipv4() {
    let counters = fan_out("127.0.0.1");
    // 15 runs of ten for each of three, all in one call.
    assert_eq!((counters.runs_of_8_to_15, counters.send_calls), (45, 1), "{counters:?}");
}

#[test]
fn a_fan_out_arrives_byte_for_byte_over_ipv6() {
    let counters = fan_out("::1");
    assert_eq!((counters.runs_of_8_to_15, counters.send_calls), (45, 1), "{counters:?}");
}

#[test]
fn one_call_takes_64_messages() {
    let mut sockets = [media_socket("127.0.0.1:0")];
    let clients: Vec<_> = (0..150).map(|_| client("127.0.0.1".parse().unwrap())).collect();
    let mut outbox = Outbox::default();
    for client in &clients {
        push(&mut outbox, path_to(client, "127.0.0.1"), b"hello");
    }
    let mut counters = IoCounters::default();
    Sender::new().flush(&mut sockets, &outbox, &mut counters);
    assert_eq!((counters.send_calls, counters.runs_of_1), (3, 150));
    assert!(clients.iter().all(|client| payloads(client) == [b"hello"]));
}

#[test]
fn each_datagram_leaves_through_the_socket_of_its_family() {
    let mut sockets = [media_socket("127.0.0.1:0"), media_socket("[::1]:0")];
    let (four, six) = (client("127.0.0.1".parse().unwrap()), client("::1".parse().unwrap()));
    let mut outbox = Outbox::default();
    push(&mut outbox, path_to(&four, "127.0.0.1"), b"four");
    push(&mut outbox, path_to(&six, "::1"), b"six");
    push(&mut outbox, path_to(&four, "127.0.0.1"), b"4444");
    let mut counters = IoCounters::default();
    Sender::new().flush(&mut sockets, &outbox, &mut counters);
    assert_eq!(payloads(&four), [b"four", b"4444"]);
    assert_eq!(drain(&six), [(b"six".to_vec(), sockets[1].local())]);
    // And without a socket for it, it is dropped and counted.
    let mut counters = IoCounters::default();
    Sender::new().flush(&mut sockets[..1], &outbox, &mut counters);
    assert_eq!((counters.dropped_no_socket, counters.datagrams_sent), (1, 2));
}

#[test]
fn replies_leave_from_the_address_that_was_spoken_to() {
    let mut sockets = [media_socket("0.0.0.0:0")];
    let port = sockets[0].local().port();
    let client = client("127.0.0.1".parse().unwrap());
    client.send_to(b"question", ("127.0.0.77", port)).unwrap();
    let mut receiver = Receiver::new();
    let mut counters = IoCounters::default();
    let paths: Vec<_> = receiver.receive(&mut sockets[0], &mut counters).unwrap().map(|message| message.path).collect();
    assert_eq!(paths, [path_to(&client, "127.0.0.77")]);
    let mut outbox = Outbox::default();
    push(&mut outbox, paths[0], b"answer");
    push(&mut outbox, paths[0], b"answer");
    Sender::new().flush(&mut sockets, &outbox, &mut counters);
    let from: SocketAddr = format!("127.0.0.77:{port}").parse().unwrap();
    assert_eq!(drain(&client), [(b"answer".to_vec(), from), (b"answer".to_vec(), from)]);
    assert_eq!(counters.runs_of_2_to_3, 1, "in one GSO message");
}

/// A network without GSO: everything arrives all the same, and no more GSO is tried on that socket.
#[test]
fn without_gso_datagrams_go_one_by_one_for_good() {
    let mut sockets = [media_socket("127.0.0.1:0")];
    sys::refuse_gso(sockets[0].descriptor());
    let clients: Vec<_> = (0..2).map(|_| client("127.0.0.1".parse().unwrap())).collect();
    let mut sender = Sender::new();
    let mut counters = IoCounters::default();
    for round in 1..=2 {
        let mut outbox = Outbox::default();
        let expected: Vec<_> = (0..5).map(|number| payload(number + round, 1000)).collect();
        for client in &clients {
            for bytes in &expected {
                push(&mut outbox, path_to(client, "127.0.0.1"), bytes);
            }
        }
        sender.flush(&mut sockets, &outbox, &mut counters);
        assert!(clients.iter().all(|client| payloads(client) == expected), "round {round}");
        assert_eq!((counters.gso_given_up, sockets[0].max_segments()), (1, 1), "round {round}");
        assert_eq!(counters.runs_of_1, 10 * round as u64);
    }
    assert_eq!(counters.send_calls, 10 + 1, "the second round is one call of ten messages");
    assert_eq!(counters.dropped_send_refused, 0);
}

/// What the kernel refuses for one destination costs that destination only, and never GSO.
#[test]
fn a_refused_destination_costs_nobody_else_anything() {
    let mut sockets = [media_socket("0.0.0.0:0")];
    let clients: Vec<_> = (0..3).map(|_| client("127.0.0.1".parse().unwrap())).collect();
    let good = |client| path_to(client, "127.0.0.1");
    // A broadcast address without permission; a source address that is not ours.
    let broadcast = Path { remote: "127.255.255.255:9".parse().unwrap(), local: "127.0.0.1".parse().unwrap() };
    let not_ours = path_to(&clients[2], "192.0.2.77");
    let mut outbox = Outbox::default();
    for number in 0..4 {
        for path in [broadcast, good(&clients[0]), not_ours, good(&clients[1])] {
            push(&mut outbox, path, &payload(number, 900));
        }
    }
    let mut counters = IoCounters::default();
    Sender::new().flush(&mut sockets, &outbox, &mut counters);
    let expected: Vec<_> = (0..4).map(|number| payload(number, 900)).collect();
    assert!(payloads(&clients[0]) == expected && payloads(&clients[1]) == expected);
    assert!(payloads(&clients[2]).is_empty());
    assert_eq!((counters.dropped_send_refused, counters.datagrams_sent), (8, 8));
    assert_eq!((counters.gso_given_up, counters.runs_of_4_to_7), (0, 2));
}

/// IPv6 answers a source address that is not ours with EINVAL, as it might answer GSO: the single datagrams tell them apart.
#[test]
fn gso_is_not_blamed_for_what_single_datagrams_suffer_too() {
    let mut sockets = [media_socket("[::]:0")];
    let clients: Vec<_> = (0..2).map(|_| client("::1".parse().unwrap())).collect();
    let mut outbox = Outbox::default();
    for number in 0..4 {
        push(&mut outbox, path_to(&clients[0], "2001:db8::77"), &payload(number, 900));
        push(&mut outbox, path_to(&clients[1], "::1"), &payload(number, 900));
    }
    let mut counters = IoCounters::default();
    Sender::new().flush(&mut sockets, &outbox, &mut counters);
    assert!(payloads(&clients[0]).is_empty());
    assert_eq!(payloads(&clients[1]).len(), 4);
    assert_eq!((counters.dropped_send_refused, counters.gso_given_up, counters.runs_of_4_to_7), (4, 0, 1));
    assert!(sockets[0].max_segments() > 1);
}

/// Sender to receiver, both ours: GSO in one end, GRO out of the other.
fn through_both(local: &str) {
    let ip: IpAddr = local.parse().unwrap();
    let mut sending = [media_socket(&SocketAddr::new(ip, 0).to_string())];
    let mut receiving = media_socket(&SocketAddr::new(ip, 0).to_string());
    let path = Path { remote: receiving.local(), local: ip };
    let expected: Vec<_> = (0..200).map(|number| payload(number, if number % 7 == 6 { 1 + number } else { 1100 })).collect();
    let mut outbox = Outbox::default();
    for bytes in &expected {
        push(&mut outbox, path, bytes);
    }
    let mut counters = IoCounters::default();
    Sender::new().flush(&mut sending, &outbox, &mut counters);
    let mut receiver = Receiver::new();
    let mut got = Vec::new();
    while receiving.readable {
        for mut message in receiver.receive(&mut receiving, &mut counters).unwrap() {
            assert_eq!(message.path, Path { remote: sending[0].local(), local: ip });
            got.extend(message.datagrams().map(|datagram| datagram.to_vec()));
        }
    }
    assert!(got == expected, "exactly what was sent, in order");
    assert_eq!((counters.datagrams_received, counters.bytes_received), (200, counters.bytes_sent));
    assert_eq!(counters.receive_calls, 1, "29 messages in one call");
}

#[test]
fn kept_together_over_ipv4() {
    through_both("127.0.0.1");
}

#[test]
fn kept_together_over_ipv6() {
    through_both("::1");
}

/// Sizes no peer should send: nothing is lost between the kernel and the worker, which judges them.
#[test]
fn empty_and_huge_datagrams_come_through_the_receiver() {
    let mut socket = media_socket("127.0.0.1:0");
    let client = client("127.0.0.1".parse().unwrap());
    let lengths = [0, 1, 1500, 1501, 9000, 65_507, 0];
    for len in lengths {
        client.send_to(&payload(len, len), socket.local()).unwrap();
    }
    let mut counters = IoCounters::default();
    let mut receiver = Receiver::new();
    let mut got = Vec::new();
    for mut message in receiver.receive(&mut socket, &mut counters).unwrap() {
        got.extend(message.datagrams().map(|datagram| datagram.to_vec()));
    }
    let expected: Vec<_> = lengths.iter().filter(|len| **len > 0).map(|len| payload(*len, *len)).collect();
    assert!(got == expected, "an empty one gives nothing");
    assert_eq!(counters.datagrams_received, lengths.len() as u64);
}

#[test]
fn a_receive_call_ends_at_32_messages() {
    let mut socket = media_socket("127.0.0.1:0");
    let client = client("127.0.0.1".parse().unwrap());
    // Sent one by one: a plain socket's datagrams are not put together on loopback.
    for number in 0..40 {
        client.send_to(&payload(number, 50), socket.local()).unwrap();
    }
    let mut counters = IoCounters::default();
    let mut receiver = Receiver::new();
    assert_eq!(receiver.receive(&mut socket, &mut counters).unwrap().count(), 32);
    assert!(socket.readable, "more wait");
    assert_eq!(receiver.receive(&mut socket, &mut counters).unwrap().count(), 8);
    assert!(!socket.readable);
    assert_eq!(receiver.receive(&mut socket, &mut counters).unwrap().count(), 0);
    assert_eq!((counters.receive_calls, counters.receive_errors), (2, 0));
}
