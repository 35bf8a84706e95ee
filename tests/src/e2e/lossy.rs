//! A bad network in user space: a UDP proxy between browsers and the relay that loses a seeded share of the datagrams, singly or in rows,
//! takes its time, and whose way towards the browsers can be made narrow.

use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Browsers served at a time; each has a socket of its own towards the relay, so that the relay can tell them apart.
const MAX_CLIENTS: usize = 64;

/// What waits longer than this before a narrow way is lost: the queue of a home router.
const MAX_WAIT: Duration = Duration::from_millis(250);

/// Chances are counted in millionths.
const CERTAIN: f64 = 1_000_000.0;

/// Directions, where each has its own.
const TO_RELAY: usize = 0;
const TO_BROWSERS: usize = 1;

/// The proxy; stops when dropped.
pub struct LossyProxy {
    shared: Arc<Shared>,
    port: u16,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    /// The chance that a datagram begins a row of losses, and that one ends before a datagram, in 1/1,000,000 (Gilbert's model).
    begins: AtomicU32,
    ends: AtomicU32,
    /// Each direction takes so long, µs.
    delay: AtomicU64,
    /// What the way towards the browsers carries, bit/s; 0: everything.
    width: AtomicU64,
    passed: AtomicU64,
    lost: AtomicU64,
}

impl LossyProxy {
    /// Stands in front of the relay's media port on 127.0.0.1. Loses nothing yet.
    #[must_use]
    pub fn start(relay_port: u16, seed: u64) -> Self {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the proxy");
        let port = front.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            begins: AtomicU32::new(0),
            ends: AtomicU32::new(CERTAIN as u32),
            delay: AtomicU64::new(0),
            width: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, relay_port));
        let (rng, shared_here) = (ChaCha8Rng::seed_from_u64(seed), shared.clone());
        let mut run = Run {
            front,
            relay,
            back: HashMap::new(),
            rng,
            in_row: [false; 2],
            onward: VecDeque::new(),
            waiting: VecDeque::new(),
            free: Instant::now(),
            shared: shared_here,
        };
        let thread = std::thread::spawn(move || run.serve());
        Self { shared, port, thread: Some(thread) }
    }

    /// Where browsers must send to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on loses this share of the datagrams, each direction, each by itself.
    pub fn lose(&self, share: f64) {
        self.lose_in_rows(share, 1.0 / (1.0 - share));
    }

    /// The same in rows of so many in the mean.
    pub fn lose_in_rows(&self, share: f64, row: f64) {
        let ends = CERTAIN / row;
        self.shared.begins.store((ends * share / (1.0 - share)) as u32, Ordering::Relaxed);
        self.shared.ends.store(ends as u32, Ordering::Relaxed);
    }

    /// From now on each direction takes so long.
    pub fn delay(&self, delay: Duration) {
        self.shared.delay.store(delay.as_micros() as u64, Ordering::Relaxed);
    }

    /// From now on the way towards the browsers carries so many bit/s, all of them together; `None`: as much as there is.
    pub fn narrow(&self, bits_per_second: Option<u64>) {
        self.shared.width.store(bits_per_second.unwrap_or(0), Ordering::Relaxed);
    }

    /// Datagrams that got through and that were lost.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.passed.load(Ordering::Relaxed), self.shared.lost.load(Ordering::Relaxed))
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Run {
    front: UdpSocket,
    relay: SocketAddr,
    back: HashMap<SocketAddr, UdpSocket>,
    rng: ChaCha8Rng,
    /// Whether a row of losses is under way, by direction.
    in_row: [bool; 2],
    /// What is on its way to the relay: when it is there, from whom, and what.
    onward: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    /// What waits before the narrow way: when it is through, to whom, and what.
    waiting: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    /// When everything that waits is through.
    free: Instant,
    shared: Arc<Shared>,
}

impl Run {
    fn serve(&mut self) {
        self.front.set_nonblocking(true).expect("a UDP socket can be non-blocking");
        let mut buf = [0; 2_048];
        while !self.shared.stop.load(Ordering::Relaxed) {
            let moved = self.towards_relay(&mut buf) | self.towards_browsers(&mut buf);
            if !moved {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn towards_relay(&mut self, buf: &mut [u8]) -> bool {
        let mut moved = false;
        while let Some((len, from)) = received(self.front.recv_from(buf)) {
            moved = true;
            if !self.is_lost(TO_RELAY) {
                self.onward.push_back((Instant::now() + self.shared.delay(), from, buf[..len].to_vec()));
            }
        }
        let now = Instant::now();
        while let Some((_, from, datagram)) = self.onward.pop_front_if(|(due, ..)| *due <= now) {
            if self.back.len() == MAX_CLIENTS && !self.back.contains_key(&from) {
                continue;
            }
            let relay = self.relay;
            let socket = self.back.entry(from).or_insert_with(|| towards(relay));
            let _ = socket.send(&datagram);
        }
        moved
    }

    fn towards_browsers(&mut self, buf: &mut [u8]) -> bool {
        let mut moved = false;
        let browsers: Vec<SocketAddr> = self.back.keys().copied().collect();
        for browser in browsers {
            while let Some((len, _)) = received(self.back[&browser].recv_from(buf)) {
                moved = true;
                if !self.is_lost(TO_BROWSERS) {
                    self.squeeze(browser, &buf[..len]);
                }
            }
        }
        let now = Instant::now();
        while let Some((_, browser, datagram)) = self.waiting.pop_front_if(|(due, ..)| *due <= now) {
            let _ = self.front.send_to(&datagram, browser);
        }
        moved
    }

    /// Sends when the narrow way has carried what came before, and its delay is over.
    fn squeeze(&mut self, browser: SocketAddr, datagram: &[u8]) {
        let width = self.shared.width.load(Ordering::Relaxed);
        let now = Instant::now();
        let begins = self.free.max(now);
        if begins - now > MAX_WAIT {
            self.shared.passed.fetch_sub(1, Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let takes = (8_000_000_000 * datagram.len() as u64).checked_div(width).unwrap_or(0);
        self.free = begins + Duration::from_nanos(takes);
        self.waiting.push_back((self.free + self.shared.delay(), browser, datagram.to_vec()));
    }

    fn is_lost(&mut self, direction: usize) -> bool {
        let chance = self.rng.next_u32() % CERTAIN as u32;
        let in_row = &mut self.in_row[direction];
        *in_row =
            if *in_row { chance >= self.shared.ends.load(Ordering::Relaxed) } else { chance < self.shared.begins.load(Ordering::Relaxed) };
        let count = if *in_row { &self.shared.lost } else { &self.shared.passed };
        count.fetch_add(1, Ordering::Relaxed);
        *in_row
    }
}

impl Shared {
    fn delay(&self) -> Duration {
        Duration::from_micros(self.delay.load(Ordering::Relaxed))
    }
}

fn towards(relay: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port towards the relay");
    socket.connect(relay).expect("a UDP socket can be connected");
    socket.set_nonblocking(true).expect("a UDP socket can be non-blocking");
    socket
}

/// Nothing there, and an ICMP refusal from an earlier send, both mean: go on.
fn received(result: std::io::Result<(usize, SocketAddr)>) -> Option<(usize, SocketAddr)> {
    match result {
        Ok(datagram) => Some(datagram),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(_) => None,
    }
}
