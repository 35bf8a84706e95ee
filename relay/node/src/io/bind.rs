//! Opens the media ports: one shared by all threads, or one for each out of a range.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::IoError;
use super::socket::MediaSocket;

/// Tries to find a port that is free on all addresses when the kernel may choose it.
const MAX_TRIES: usize = 32;

/// Which UDP ports the media threads use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ports {
    /// One port for all (SO_REUSEPORT); datagrams that the kernel gives to the wrong thread are handed over. 0: any free port.
    Shared(u16),
    /// A port for each thread, the first free ones from the first to the last number, both included.
    Range(u16, u16),
}

/// Kernel buffer for each direction of a socket, bytes.
#[derive(Clone, Copy)]
pub(crate) struct Buffers(pub(crate) usize);

/// Opens the sockets of every thread: one for each address in `bind`, all of a thread's with one port number.
pub(crate) fn open_sockets(ports: Ports, threads: usize, bind: &[IpAddr], buffers: Buffers) -> Result<Vec<Vec<MediaSocket>>, IoError> {
    let bind = usable(bind)?;
    match ports {
        Ports::Shared(port) => open_shared(port, threads, &bind, buffers),
        Ports::Range(first, last) => open_range(first, last, threads, &bind, buffers),
    }
}

/// The addresses that this host has. Only the IPv6 wildcard may be missing, and only if it is not the sole address.
fn usable(bind: &[IpAddr]) -> Result<Vec<IpAddr>, IoError> {
    let mut found = Vec::new();
    for ip in bind {
        let address = SocketAddr::new(*ip, 0);
        match MediaSocket::open(address, false, MIN_BUFFER) {
            Ok(_) if found.contains(ip) => return Err(IoError::Config(format!("{ip} is listed twice"))),
            Ok(_) => found.push(*ip),
            Err(error) if ip.is_ipv6() && ip.is_unspecified() && bind.len() > 1 => {
                tracing::warn!(%error, "this host has no IPv6; media goes over IPv4 only");
            }
            Err(source) => return Err(IoError::Bind { address, source }),
        }
    }
    if found.is_empty() {
        return Err(IoError::Config("there is no address to bind to".to_owned()));
    }
    Ok(found)
}

/// Buffer of sockets that are only opened to see whether they can be, bytes.
const MIN_BUFFER: usize = 4096;

fn open_shared(port: u16, threads: usize, bind: &[IpAddr], buffers: Buffers) -> Result<Vec<Vec<MediaSocket>>, IoError> {
    if threads == 1 {
        return Ok(vec![open_one_port(port, bind, false, buffers)?]);
    }
    // Sockets that share a port are also shared with another process of this user that asks for the same. It would silently take a
    // part of our datagrams, so the port is first opened for us alone.
    let alone = open_one_port(port, bind, false, Buffers(MIN_BUFFER))?;
    let port = alone.first().map_or(port, |socket| socket.local().port());
    drop(alone);
    (0..threads).map(|_| open_one_port(port, bind, true, buffers)).collect()
}

fn open_range(first: u16, last: u16, threads: usize, bind: &[IpAddr], buffers: Buffers) -> Result<Vec<Vec<MediaSocket>>, IoError> {
    if first == 0 || first > last || usize::from(last - first) + 1 < threads {
        return Err(IoError::Config(format!("the port range {first}-{last} has no {threads} ports for {threads} threads")));
    }
    let mut opened = Vec::new();
    for port in first..=last {
        if opened.len() == threads {
            break;
        }
        match open_one_port(port, bind, false, buffers) {
            Ok(sockets) => opened.push(sockets),
            Err(IoError::Bind { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    if opened.len() < threads {
        return Err(IoError::NoFreePort { found: opened.len(), wanted: threads, first, last });
    }
    Ok(opened)
}

/// A socket for each address, all with the same port number; if that is 0, with one that the kernel chooses.
fn open_one_port(port: u16, bind: &[IpAddr], shared: bool, buffers: Buffers) -> Result<Vec<MediaSocket>, IoError> {
    let mut tries = 0;
    'port: loop {
        tries += 1;
        let mut number = port;
        let mut sockets = Vec::with_capacity(bind.len());
        for ip in bind {
            let address = SocketAddr::new(*ip, number);
            match MediaSocket::open(address, shared, buffers.0) {
                Ok(socket) => {
                    number = socket.local().port();
                    sockets.push(socket);
                }
                Err(source) if port == 0 && tries < MAX_TRIES && source.kind() == io::ErrorKind::AddrInUse => continue 'port,
                Err(source) => return Err(IoError::Bind { address, source }),
            }
        }
        return Ok(sockets);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BUFFERS: Buffers = Buffers(1 << 16);

    fn both() -> Vec<IpAddr> {
        vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]
    }

    fn ports(threads: &[Vec<MediaSocket>]) -> Vec<Vec<u16>> {
        threads.iter().map(|sockets| sockets.iter().map(|socket| socket.local().port()).collect()).collect()
    }

    #[test]
    fn all_threads_share_one_port_on_every_address() {
        let opened = open_sockets(Ports::Shared(0), 3, &both(), BUFFERS).unwrap();
        let ports = ports(&opened);
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().flatten().all(|port| *port == ports[0][0] && *port != 0), "{ports:?}");
    }

    #[test]
    fn a_port_that_another_process_shares_is_refused() {
        let theirs = MediaSocket::open("127.0.0.1:0".parse().unwrap(), true, 4096).unwrap();
        for threads in [1, 2] {
            let refused = open_sockets(Ports::Shared(theirs.local().port()), threads, &both(), BUFFERS);
            assert!(
                matches!(&refused, Err(IoError::Bind { source, .. }) if source.kind() == io::ErrorKind::AddrInUse),
                "{threads} threads"
            );
        }
    }

    #[test]
    fn a_range_skips_ports_that_are_taken() {
        // Any free port, and whatever lies above it.
        let taken = MediaSocket::open("127.0.0.1:0".parse().unwrap(), false, 4096).unwrap();
        let first = taken.local().port().min(65_000);
        let opened = ports(&open_sockets(Ports::Range(first, first + 500), 2, &both(), BUFFERS).unwrap());
        assert_eq!(opened.len(), 2);
        assert_ne!(opened[0][0], opened[1][0]);
        for sockets in opened {
            assert_eq!(sockets[0], sockets[1], "IPv4 and IPv6 have one number");
            assert_ne!(sockets[0], taken.local().port());
        }
    }

    #[test]
    fn bad_ranges_and_addresses_are_told_apart() {
        assert!(matches!(open_sockets(Ports::Range(7000, 7001), 3, &both(), BUFFERS), Err(IoError::Config(_))));
        assert!(matches!(open_sockets(Ports::Range(7001, 7000), 1, &both(), BUFFERS), Err(IoError::Config(_))));
        assert!(matches!(open_sockets(Ports::Shared(0), 1, &[], BUFFERS), Err(IoError::Config(_))));
        let twice = ["127.0.0.1".parse().unwrap(); 2];
        assert!(matches!(open_sockets(Ports::Shared(0), 1, &twice, BUFFERS), Err(IoError::Config(_))));
        // TEST-NET-1 belongs to nobody's loopback.
        let not_ours = ["192.0.2.77".parse().unwrap()];
        assert!(matches!(open_sockets(Ports::Shared(0), 1, &not_ours, BUFFERS), Err(IoError::Bind { .. })));
        let taken = MediaSocket::open("127.0.0.1:0".parse().unwrap(), false, 4096).unwrap();
        let port = taken.local().port();
        let none = open_sockets(Ports::Range(port, port), 1, &both(), BUFFERS);
        assert!(matches!(none, Err(IoError::NoFreePort { found: 0, wanted: 1, .. })));
    }
}
