//! Real threads and sockets on loopback, with the real worker.
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::message::{ByeReason, ServerMessage};
use signal::sdp::ufrag_prefix;
use signal::session::Session;
use transport::Certificate;
use wire::ext::ExtMap;
use wire::ids::{Fingerprint, IceCredentials};
use wire::stun::{BindingRequest, Key, Role as IceRole, StunResponse, TransactionId, binding_request};
use worker::{ClientId, ClientKind, Command, Event, Join, Limits, Role, RoomId};

use super::*;

const PWD: &str = "the relay's own password";
/// Nothing here takes long; a test that waits for this has failed.
const PATIENCE: Duration = Duration::from_secs(10);

fn start_on_loopback(threads: usize, ports: Ports) -> (MediaThreads, Events) {
    let config = MediaConfig { threads, ports, bind: vec!["127.0.0.1".parse().unwrap()], socket_buffer: 1 << 18 };
    let settings = WorkerSettings { certificate: Arc::new(Certificate::generate().unwrap()), limits: Limits::default() };
    start(&config, &settings).unwrap()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn next(events: &mut Events) -> (usize, Event) {
    let mut got = None;
    until("an event", || {
        got = events.try_recv().ok();
        got.is_some()
    });
    got.unwrap()
}

fn inspect(request: u64) -> Command {
    Command::Inspect { room: RoomId("none".to_owned()), request }
}

/// Waits until the worker has carried out everything sent before.
fn settle(threads: &MediaThreads, worker: usize, events: &mut Events) {
    threads.handle(worker).send(inspect(4711)).unwrap();
    while !matches!(next(events), (from, Event::Snapshot { request: 4711, .. }) if from == worker) {}
}

fn ufrag(worker: usize) -> String {
    ufrag_prefix(worker) + "ours"
}

/// Brings a client into a room of `worker`, ready for connectivity checks.
fn join(threads: &MediaThreads, worker: usize, client: u64, events: &mut Events) {
    let client = ClientId(client);
    let session = Session {
        local_ice: IceCredentials { ufrag: ufrag(worker), pwd: PWD.to_owned() },
        remote_ice: IceCredentials { ufrag: "them".to_owned(), pwd: "the client's own password".to_owned() },
        remote_fingerprint: Fingerprint([7; 32]),
        extensions: ExtMap::default(),
        tells_by_number: false,
        publishing: Vec::new(),
        slots: Vec::new(),
    };
    let join = Join {
        client,
        room: RoomId("room".to_owned()),
        identity: "somebody".to_owned(),
        name: "Somebody".to_owned(),
        role: Role::Participant,
        kind: ClientKind::Interactive,
        device: room::Device::Desktop,
        settings: Arc::default(),
        resume: String::new(),
    };
    let handle = threads.handle(worker);
    handle.send(Command::Join(join)).unwrap();
    handle.send(Command::Negotiate { client, session: Box::new(session) }).unwrap();
    settle(threads, worker, events);
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn send_check(client: &UdpSocket, worker: usize, to: SocketAddr) {
    let mut buf = [0; 512];
    let request = BindingRequest {
        transaction: TransactionId(*b"transaction!"),
        remote_ufrag: &ufrag(worker),
        local_ufrag: "them",
        priority: 1,
        role: IceRole::Controlling(1),
        use_candidate: true,
    };
    let len = binding_request(&request, &Key::new(PWD), &mut buf).unwrap();
    client.send_to(&buf[..len], to).unwrap();
}

/// The authentic answer to a check.
fn expect_answer(client: &UdpSocket) {
    let mut buf = [0; 1500];
    let (len, _) = client.recv_from(&mut buf).expect("an answer to the check");
    let response = StunResponse::parse(&buf[..len]).unwrap();
    assert!(response.verify(&Key::new(PWD)));
}

fn counter(threads: &MediaThreads, worker: usize, name: &str) -> u64 {
    let counters = threads.counters(worker);
    counters.worker().chain(counters.io()).find(|(known, _)| *known == name).unwrap().1
}

/// The kernel spreads 64 clients of one worker over both threads; checks and everything after reach their worker all the same.
#[test]
fn whatever_arrives_at_the_wrong_thread_reaches_its_worker() {
    let (threads, mut events) = start_on_loopback(2, Ports::Shared(0));
    let server = threads.local_addresses(1)[0];
    assert_eq!(threads.local_addresses(0), [server]);
    join(&threads, 1, 1, &mut events);
    const CLIENTS: u64 = 64;
    for _ in 0..CLIENTS {
        let client = client();
        send_check(&client, 1, server);
        expect_answer(&client);
        // The answer came, so the address is known to every thread; of a stranger this would be dropped as such.
        client.send_to(&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9], server).unwrap();
    }
    until("RTP of known peers", || counter(&threads, 1, "dropped_srtp") == CLIENTS);
    until("totals of thread 0", || counter(&threads, 0, "handed_over") == counter(&threads, 1, "handover_received"));
    let strangers = counter(&threads, 0, "dropped_stranger") + counter(&threads, 1, "dropped_stranger");
    let handed_over = counter(&threads, 0, "handed_over");
    assert_eq!(strangers, 0);
    assert!(handed_over > 0 && handed_over < 2 * CLIENTS, "both threads got some: {handed_over}");
    assert_eq!(counter(&threads, 0, "datagrams"), 0, "worker 0 saw none of them");
    assert_eq!(counter(&threads, 1, "datagrams"), 2 * CLIENTS);

    // And when the peer is gone, its last address is nobody's.
    let last = client();
    send_check(&last, 1, server);
    expect_answer(&last);
    threads.handle(1).send(Command::Leave { client: ClientId(1), reason: ByeReason::Left }).unwrap();
    settle(&threads, 1, &mut events);
    settle(&threads, 0, &mut events);
    last.send_to(&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9], server).unwrap();
    until("a stranger at whichever thread it came to", || {
        counter(&threads, 0, "dropped_stranger") + counter(&threads, 1, "dropped_stranger") == 1
    });
    threads.stop();
}

#[test]
fn threads_with_ports_of_their_own_hand_nothing_over() {
    let (threads, mut events) = start_on_loopback(2, Ports::Range(47_000, 47_999));
    let (zero, one) = (threads.local_addresses(0)[0], threads.local_addresses(1)[0]);
    assert_ne!(zero.port(), one.port());
    assert_eq!(threads.local_ports(1), [one.port()]);
    join(&threads, 1, 1, &mut events);
    let client = client();
    send_check(&client, 1, zero);
    until("the check at the wrong port", || counter(&threads, 0, "dropped_stun") == 1);
    send_check(&client, 1, one);
    expect_answer(&client);
    until("totals", || counter(&threads, 1, "datagrams") == 1);
    assert_eq!(counter(&threads, 0, "handed_over"), 0);
}

#[test]
fn commands_given_before_stop_are_obeyed_and_idle_threads_show_that_they_live() {
    let (threads, mut events) = start_on_loopback(1, Ports::Shared(0));
    let counters = threads.counters(0);
    until("some heartbeats", || counter(&threads, 0, "turns") >= 3);
    assert!(counters.last_turn(Instant::now()) < PATIENCE);
    assert!(counter(&threads, 0, "turns") < 100, "an idle thread sleeps");
    let handle = threads.handle(0);
    for request in 0..1000 {
        handle.send(inspect(request)).unwrap();
    }
    threads.stop();
    for expected in 0..1000 {
        let (worker, event) = events.try_recv().unwrap();
        assert!(worker == 0 && matches!(event, Event::Snapshot { request, room: None } if request == expected), "{event:?}");
    }
    assert!(events.try_recv().is_err());
    assert_eq!(handle.send(inspect(0)), Err(QueueFull), "nobody there");
}

/// The control plane stops reading: reports wait, the client that misses a message leaves, the thread goes on.
#[test]
fn a_slow_control_plane_costs_the_client_its_session_and_nobody_their_events() {
    let (threads, mut events) = start_on_loopback(1, Ports::Shared(0));
    join(&threads, 0, 5, &mut events);
    let handle = threads.handle(0);
    let patiently = |command: Command| until("room for a command", || handle.send(command.clone()).is_ok());
    let reports = EVENT_QUEUE as u64 + 500;
    for request in 0..reports {
        patiently(inspect(request));
    }
    // Answered by a `Welcome`, for which there is no room.
    patiently(Command::Attach { client: ClientId(5) });
    patiently(inspect(reports));
    until("the client to be made to leave", || counter(&threads, 0, "clients_overrun") == 1);
    assert!(counter(&threads, 0, "dropped_messages") >= 1);
    let mut expected = 0;
    let mut closed = None;
    while expected <= reports {
        match next(&mut events).1 {
            Event::Snapshot { request, .. } => {
                assert_eq!(request, expected);
                expected += 1;
            }
            Event::Closed { client, reason } => closed = Some((client, reason)),
            Event::RoomClosed { .. } => {}
            Event::Message { message, .. } => assert!(matches!(message, ServerMessage::Slots { .. }), "{message:?}"),
            other => panic!("{other:?}"),
        }
    }
    until("the end of the session", || {
        if let Ok((_, Event::Closed { client, reason })) = events.try_recv() {
            closed = Some((client, reason));
        }
        closed.is_some()
    });
    assert_eq!(closed, Some((ClientId(5), ByeReason::ProtocolError)));
    assert_eq!(counter(&threads, 0, "dropped_events"), 0);
}

#[test]
fn impossible_settings_are_refused() {
    let settings = WorkerSettings { certificate: Arc::new(Certificate::generate().unwrap()), limits: Limits::default() };
    for threads in [0, MAX_THREADS + 1] {
        let config = MediaConfig { threads, ports: Ports::Shared(0), ..MediaConfig::default() };
        assert!(matches!(start(&config, &settings), Err(IoError::Config(_))));
    }
}
