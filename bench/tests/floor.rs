//! The floor and the echo as somebody uses them: real processes, real sockets, the load generator's clients by WHIP and WHEP.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::light::{Client, Layer, Setup, SourceSetup};
use transport::Certificate;
use wire::ntp::Ntp;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pictures of a publisher that each viewer must have decoded.
const ENOUGH: u64 = 20;

/// A program of this crate, ended with the test.
struct Program {
    child: Child,
    /// The first line it printed.
    says: String,
}

impl Program {
    fn start(path: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(path).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut says = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut says).unwrap();
        Self { child, says }
    }

    /// The address behind a word of the first line.
    fn address(&self, before: &str) -> SocketAddr {
        let rest = &self.says[self.says.find(before).unwrap() + before.len()..];
        rest.split(['/', ' ']).next().unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status, `Location` and body of one request.
fn request(http: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(http).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: floor\r\nconnection: close\r\ncontent-type: application/sdp\r\n").unwrap();
    write!(stream, "content-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let location = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default().to_owned();
    (status, location, body.to_owned())
}

/// A light client and its socket.
struct Person {
    client: Client,
    socket: UdpSocket,
    resource: String,
}

impl Person {
    fn come(http: SocketAddr, endpoint: &str, setup: Setup) -> Self {
        let now = Instant::now();
        let certificate = Arc::new(Certificate::generate().unwrap());
        let mut client = Client::new(now, Ntp::from_unix(Duration::from_secs(1_800_000_000)), setup, certificate);
        let (status, resource, answer) = request(http, "POST", &format!("/v1/rooms/probe/{endpoint}"), &client.offer());
        assert_eq!(status, 201, "{answer}");
        client.handle_answer(now, &answer).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { client, socket, resource }
    }

    fn turn(&mut self) {
        let mut buf = [0; 2_048];
        while let Ok((len, from)) = self.socket.recv_from(&mut buf) {
            self.client.handle_datagram(Instant::now(), from, &mut buf[..len]);
        }
        self.client.handle_timeout(Instant::now());
        let socket = &self.socket;
        self.client.drain(|to, bytes| drop(socket.send_to(bytes, to)));
    }

    fn decoded(&self, publisher: u32) -> u64 {
        self.client.slots().filter(|slot| !slot.audio).map(|slot| slot.record.decoded_of(publisher)).sum()
    }
}

/// Lets everybody go on until it is so.
fn until(people: &mut [Person], so: impl Fn(&[Person]) -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        people.iter_mut().for_each(Person::turn);
        if so(people) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

#[test]
fn everybody_sees_who_publishes_and_simulcast_sends_its_first_layer() {
    let floor = Program::start(env!("CARGO_BIN_EXE_floor"), &["--http", "127.0.0.1:0", "--media", "127.0.0.1:0"]);
    let http = floor.address("http://");
    let publisher =
        |number, layers| Setup { sources: vec![SourceSetup::microphone(), SourceSetup::camera(layers)], ..Setup::viewer(number, 0, 0) };
    let mut people = vec![
        Person::come(http, "whip", publisher(1, vec![Layer::single()])),
        Person::come(http, "whep", Setup::viewer(10, 2, 2)),
        Person::come(http, "whip", publisher(2, Layer::simulcast())),
        Person::come(http, "whep", Setup::viewer(11, 2, 2)),
    ];
    let sees = |people: &[Person]| [1, 3].iter().all(|viewer| [1, 2].iter().all(|publisher| people[*viewer].decoded(*publisher) >= ENOUGH));
    assert!(until(&mut people, sees), "decoded: {:?}", [1, 3].map(|viewer| [1, 2].map(|publisher| people[viewer].decoded(publisher))));
    for viewer in [1, 3] {
        assert_eq!(people[viewer].client.counters().strangers, 0, "everything comes on the slots' SSRCs");
        assert_eq!(people[viewer].client.counters().refused, 0, "everything opens");
    }

    // Whoever comes late begins with a keyframe; who goes frees the slot for another.
    let first = people.remove(0);
    assert_eq!(request(http, "DELETE", &first.resource, "").0, 200);
    people.push(Person::come(http, "whip", publisher(3, vec![Layer::single()])));
    people.push(Person::come(http, "whep", Setup::viewer(12, 2, 2)));
    let sees = |people: &[Person]| people[0].decoded(3) >= ENOUGH && people[4].decoded(3) >= ENOUGH && people[4].decoded(2) >= ENOUGH;
    assert!(
        until(&mut people, sees),
        "decoded: {:?}",
        people.iter().map(|person| [2, 3].map(|publisher| person.decoded(publisher))).collect::<Vec<_>>()
    );

    let (_, _, counters) = request(http, "GET", "/counters", "");
    let counters: serde_json::Value = serde_json::from_str(&counters).unwrap();
    assert_eq!((counters["people"].as_u64(), counters["joins"].as_u64()), (Some(5), Some(6)), "{counters}");
    assert!(counters["packets_forwarded"].as_u64() > counters["packets_opened"].as_u64(), "{counters}");
}

#[test]
fn nonsense_is_refused() {
    let floor = Program::start(env!("CARGO_BIN_EXE_floor"), &["--http", "127.0.0.1:0", "--media", "127.0.0.1:0"]);
    let http = floor.address("http://");
    assert_eq!(request(http, "POST", "/v1/rooms/probe/whip", "v=0 nonsense").0, 422);
    let media = floor.address("media ");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for junk in [&[][..], &[0x80; 3], &[0x80; 40], &[0; 20], &[22; 90]] {
        socket.send_to(junk, media).unwrap();
    }
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(socket.recv(&mut [0; 2_048]).is_err(), "nobody is answered without credentials");
    assert_eq!(request(http, "GET", "/counters", "").0, 200, "and it goes on");
}

#[test]
fn the_echo_answers_and_the_probe_says_how_fast() {
    let echo = Program::start(env!("CARGO_BIN_EXE_echo"), &["--media", "127.0.0.1:0"]);
    let address = echo.address("echo: ").to_string();
    let probe = Program::start(env!("CARGO_BIN_EXE_echo"), &["--probe", &address, "--seconds", "1", "--rate", "500"]);
    let seen: serde_json::Value = serde_json::from_str(&probe.says).unwrap();
    assert_eq!((seen["sent"].as_u64(), seen["lost"].as_u64()), (Some(500), Some(0)), "{seen}");
    let [p50, p999] = ["p50", "p999"].map(|quantile| seen["round_trip_us"][quantile].as_f64().unwrap());
    assert!(0.0 < p50 && p50 <= p999, "{seen}");
    let calm = seen["calm_share"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&calm) && (calm == 0.0 || seen["calm_round_trip_us"]["p50"].as_f64() > Some(0.0)), "{seen}");
}
