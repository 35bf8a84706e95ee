//! A network in user space between people and the relay: towards people it delays and loses, seeded, and knows nothing of the generator.

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use loadgen::scenario::Chance;

/// The address in front of the relay, whose media is on 127.0.0.1.
pub(crate) const FRONT: &str = "127.0.0.2";

/// The network; ends when dropped.
pub(crate) struct Network {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Microseconds of delay towards people.
    delay: AtomicU64,
    /// Lost towards people, in 1/1000.
    permille: AtomicU64,
}

impl Network {
    /// In front of this port; does nothing bad yet.
    pub(crate) fn start(port: u16, seed: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let front = UdpSocket::bind((FRONT, port)).expect("the port on another loopback address");
        front.set_nonblocking(true).expect("a socket can be non-blocking");
        let (here, relay) = (shared.clone(), SocketAddr::from(([127, 0, 0, 1], port)));
        let thread = std::thread::spawn(move || serve(&here, &front, relay, Chance::new(seed)));
        Self { shared, thread: Some(thread) }
    }

    pub(crate) fn set(&self, delay: Duration, loss: f64) {
        self.shared.delay.store(delay.as_micros() as u64, Ordering::Relaxed);
        self.shared.permille.store((loss * 1e3) as u64, Ordering::Relaxed);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(shared: &Shared, front: &UdpSocket, relay: SocketAddr, mut chance: Chance) {
    let mut people: HashMap<SocketAddr, UdpSocket> = HashMap::new();
    let mut waiting: VecDeque<(Instant, SocketAddr, Vec<u8>)> = VecDeque::new();
    let mut buffer = [0; 2_048];
    while !shared.stop.load(Ordering::Relaxed) {
        let mut idle = true;
        while let Ok((len, from)) = front.recv_from(&mut buffer) {
            let socket = people.entry(from).or_insert_with(|| {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
                socket.connect(relay).expect("the relay's address");
                socket.set_nonblocking(true).expect("a socket can be non-blocking");
                socket
            });
            let _ = socket.send(&buffer[..len]);
            idle = false;
        }
        let delay = Duration::from_micros(shared.delay.load(Ordering::Relaxed));
        let loss = shared.permille.load(Ordering::Relaxed) as f64 / 1e3;
        for (person, socket) in &people {
            while let Ok(len) = socket.recv(&mut buffer) {
                // Media only: whoever loses checks of ICE would take the way around this network.
                let media = buffer[0] & 0xc0 == 0x80;
                if !(media && chance.happens(loss)) {
                    waiting.push_back((Instant::now() + delay, *person, buffer[..len].to_vec()));
                }
                idle = false;
            }
        }
        while let Some((_, person, bytes)) = waiting.pop_front_if(|first| first.0 <= Instant::now()) {
            let _ = front.send_to(&bytes, person);
        }
        if idle {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}
