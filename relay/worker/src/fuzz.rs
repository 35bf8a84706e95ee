//! Fuzz body for whole datagrams against a worker with one negotiated person; also replayed by the ordinary tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal::session::Session;
use transport::{Certificate, Path};
use wire::ext::ExtMap;
use wire::ids::{Fingerprint, IceCredentials};
use wire::ntp::Ntp;

use crate::{ClientId, ClientKind, Command, Join, Limits, Role, RoomId, Worker, WorkerConfig};

/// Feeds `data`, cut into datagrams by its own two-byte lengths, to a worker. Asserts that strangers get nothing larger than what they sent,
/// that nobody is let in, and that nothing panics.
pub fn datagrams(epoch: Instant, data: &[u8]) {
    let mut worker = worker(epoch);
    let stranger = Path { remote: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)), local: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    let mut rest = data;
    let mut now = epoch;
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*head)).min(tail.len());
        let (datagram, after) = tail.split_at(len);
        rest = after;
        now += Duration::from_millis(7);
        let mut datagram = datagram.to_vec();
        worker.handle_datagram(now, stranger, &mut datagram);
        worker.handle_timeout(now);
        let replied: usize = worker.outbox().iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(replied <= len.max(1), "a stranger's {len} bytes were answered with {replied}");
        worker.outbox().clear();
    }
    assert_eq!(worker.counters().secured, 0);
}

fn worker(epoch: Instant) -> Worker {
    static CERTIFICATE: OnceLock<Option<Arc<Certificate>>> = OnceLock::new();
    let certificate = CERTIFICATE.get_or_init(|| Certificate::generate().ok().map(Arc::new));
    let certificate = certificate.clone().unwrap_or_else(|| unreachable!("the crypto library can make a key"));
    let config = WorkerConfig { certificate, epoch: (epoch, Ntp(1 << 40)), seed: [7; 32], limits: Limits::default() };
    let mut worker = Worker::new(config);
    let client = ClientId(1);
    let join = Join {
        client,
        room: RoomId("fuzz".into()),
        identity: "one".into(),
        name: "One".into(),
        role: Role::Participant,
        kind: ClientKind::Interactive,
        resume: String::new(),
    };
    worker.handle_command(epoch, Command::Join(join));
    let session = Session {
        local_ice: IceCredentials { ufrag: "AAAA".into(), pwd: "local-password-of-24-chars".into() },
        remote_ice: IceCredentials { ufrag: "BBBB".into(), pwd: "remote-password-of-24-char".into() },
        remote_fingerprint: Fingerprint([1; 32]),
        extensions: ExtMap::default(),
        publishing: Vec::new(),
        slots: Vec::new(),
    };
    worker.handle_command(epoch, Command::Negotiate { client, session: Box::new(session) });
    worker
}
