//! A bad network in user space: a UDP proxy between browsers and the relay that loses a seeded share of the datagrams, and whose way
//! towards the browsers can be made narrow.

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

/// The proxy; stops when dropped.
pub struct LossyProxy {
    shared: Arc<Shared>,
    port: u16,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    /// Share to lose, in 1/1000.
    permille: AtomicU32,
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
            permille: AtomicU32::new(0),
            width: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, relay_port));
        let (rng, shared_here) = (ChaCha8Rng::seed_from_u64(seed), shared.clone());
        let mut run = Run { front, relay, back: HashMap::new(), rng, waiting: VecDeque::new(), free: Instant::now(), shared: shared_here };
        let thread = std::thread::spawn(move || run.serve());
        Self { shared, port, thread: Some(thread) }
    }

    /// Where browsers must send to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on loses this share of the datagrams, each direction.
    pub fn lose(&self, share: f64) {
        self.shared.permille.store((share * 1_000.0) as u32, Ordering::Relaxed);
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
            if self.is_lost() || (self.back.len() == MAX_CLIENTS && !self.back.contains_key(&from)) {
                continue;
            }
            let relay = self.relay;
            let socket = self.back.entry(from).or_insert_with(|| towards(relay));
            let _ = socket.send(&buf[..len]);
        }
        moved
    }

    fn towards_browsers(&mut self, buf: &mut [u8]) -> bool {
        let mut moved = false;
        let browsers: Vec<SocketAddr> = self.back.keys().copied().collect();
        for browser in browsers {
            while let Some((len, _)) = received(self.back[&browser].recv_from(buf)) {
                moved = true;
                if !self.is_lost() {
                    self.squeeze(browser, &buf[..len]);
                }
            }
        }
        let now = Instant::now();
        while self.waiting.front().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, browser, datagram)) = self.waiting.pop_front() else { break };
            let _ = self.front.send_to(&datagram, browser);
        }
        moved
    }

    /// Sends at once, or when the narrow way has carried what came before.
    fn squeeze(&mut self, browser: SocketAddr, datagram: &[u8]) {
        let width = self.shared.width.load(Ordering::Relaxed);
        if width == 0 && self.waiting.is_empty() {
            let _ = self.front.send_to(datagram, browser);
            return;
        }
        let now = Instant::now();
        let begins = self.free.max(now);
        if begins - now > MAX_WAIT {
            self.shared.passed.fetch_sub(1, Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let takes = (8_000_000_000 * datagram.len() as u64).checked_div(width).unwrap_or(0);
        self.free = begins + Duration::from_nanos(takes);
        self.waiting.push_back((self.free, browser, datagram.to_vec()));
    }

    fn is_lost(&mut self) -> bool {
        let lost = self.rng.next_u32() % 1_000 < self.shared.permille.load(Ordering::Relaxed);
        let count = if lost { &self.shared.lost } else { &self.shared.passed };
        count.fetch_add(1, Ordering::Relaxed);
        lost
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
