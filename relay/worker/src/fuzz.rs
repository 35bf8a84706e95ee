//! Fuzz body for whole datagrams against a worker with one negotiated person; also replayed by the ordinary tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal::session::Session;
use transport::{Certificate, Path};
use wire::ext::ExtMap;
use wire::ids::{Fingerprint, IceCredentials};
use wire::ntp::Ntp;
use wire::stun::{self, BindingRequest, TransactionId};

use crate::{ClientId, ClientKind, Command, Join, Limits, Role, RoomId, Worker, WorkerConfig};

/// The remote address of whoever knows no password.
const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
/// The remote address of the person who was negotiated: its connectivity check is genuine, and what follows is not.
const GUEST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10);
/// Set in a datagram's length when it comes from [`GUEST`].
const FROM_GUEST: u16 = 0x8000;

/// Feeds `data`, cut into datagrams by its own two-byte lengths, to a worker. The guest's first datagram follows a signed check from
/// the same address, and so gets as far as the handshake.
///
/// # Panics
/// When strangers get more than what they sent, when the guest gets anything without having been heard, or when either is let in:
/// neither has the key that was announced.
pub fn datagrams(epoch: Instant, data: &[u8]) {
    let mut worker = worker(epoch);
    let mut rest = data;
    let mut now = epoch;
    let mut guest_was_heard = false;
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let head = u16::from_be_bytes(*head);
        let len = usize::from(head & !FROM_GUEST).min(tail.len());
        let (datagram, after) = tail.split_at(len);
        rest = after;
        now += Duration::from_millis(7);
        let remote = if head & FROM_GUEST == 0 { STRANGER } else { GUEST };
        if remote == GUEST && !guest_was_heard {
            guest_was_heard = true;
            worker.handle_datagram(now, path(GUEST), &mut check());
            assert_eq!(worker.outbox().iter().map(|(to, _)| *to).collect::<Vec<_>>(), [path(GUEST)], "the check is answered");
            worker.outbox().clear();
        }
        worker.handle_datagram(now, path(remote), &mut datagram.to_vec());
        worker.handle_timeout(now);
        let sent = if remote == STRANGER { len } else { 0 };
        let replied: usize = worker.outbox().iter().filter(|(to, _)| to.remote == STRANGER).map(|(_, bytes)| bytes.len()).sum();
        assert!(replied <= sent, "a stranger's {sent} bytes were answered with {replied}");
        assert!(worker.outbox().iter().all(|(to, _)| to.remote == STRANGER || guest_was_heard), "sent to an address that was not heard");
        worker.outbox().clear();
    }
    assert_eq!(worker.counters().secured, 0);
}

fn path(remote: SocketAddr) -> Path {
    Path { remote, local: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

/// The guest's connectivity check, which nominates its path.
fn check() -> Vec<u8> {
    let (local, remote) = (local_ice(), remote_ice());
    let request = BindingRequest {
        transaction: TransactionId([1; 12]),
        remote_ufrag: &local.ufrag,
        local_ufrag: &remote.ufrag,
        priority: 1,
        role: stun::Role::Controlling(1),
        use_candidate: true,
    };
    let mut datagram = vec![0; stun::MAX_REQUEST];
    let len = stun::binding_request(&request, &stun::Key::new(&local.pwd), &mut datagram).unwrap_or(0);
    datagram.truncate(len);
    datagram
}

fn local_ice() -> IceCredentials {
    IceCredentials { ufrag: "AAAA".into(), pwd: "local-password-of-24-chars".into() }
}

fn remote_ice() -> IceCredentials {
    IceCredentials { ufrag: "BBBB".into(), pwd: "remote-password-of-24-char".into() }
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
        device: room::Device::Desktop,
        settings: Arc::default(),
        resume: String::new(),
    };
    worker.handle_command(epoch, Command::Join(join));
    let session = Session {
        local_ice: local_ice(),
        remote_ice: remote_ice(),
        remote_fingerprint: Fingerprint([1; 32]),
        extensions: ExtMap::default(),
        tells_by_number: false,
        publishing: Vec::new(),
        slots: Vec::new(),
    };
    worker.handle_command(epoch, Command::Negotiate { client, session: Box::new(session) });
    worker
}
