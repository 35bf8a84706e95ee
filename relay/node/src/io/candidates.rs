//! Which addresses a client is told to send to: those of the interfaces, and those the operator knows better.

use std::net::{IpAddr, SocketAddr};

use super::IoError;

/// Most candidates in one answer; each costs a client connectivity checks. The most widely reachable are kept.
pub const MAX_CANDIDATES: usize = 16;

/// What the operator wants announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CandidateRules {
    /// Announce loopback addresses too (development mode, tests).
    pub loopback: bool,
    /// Addresses under which a NAT makes this node reachable, port for port (1:1 NAT). Announced first.
    pub public: Vec<IpAddr>,
    /// Announce nothing but `public`. Clients inside the NAT then need it to turn packets round.
    pub public_only: bool,
}

/// Addresses and ports under which `sockets` can be reached, most widely reachable first. Reads the list of interfaces.
///
/// # Errors
/// [`IoError::Interfaces`].
pub fn candidates(rules: &CandidateRules, sockets: &[SocketAddr]) -> Result<Vec<SocketAddr>, IoError> {
    let interfaces = if_addrs::get_if_addrs().map_err(IoError::Interfaces)?;
    let up: Vec<IpAddr> =
        interfaces.iter().filter(|interface| interface.is_oper_up() || interface.is_loopback()).map(if_addrs::Interface::ip).collect();
    Ok(choose(rules, sockets, &up))
}

/// The rules, applied to the interfaces' addresses.
fn choose(rules: &CandidateRules, sockets: &[SocketAddr], interfaces: &[IpAddr]) -> Vec<SocketAddr> {
    let mut found: Vec<(Reach, SocketAddr)> = Vec::new();
    for socket in sockets {
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == socket.is_ipv4();
        for ip in rules.public.iter().filter(same_family) {
            found.push((Reach::Public, SocketAddr::new(*ip, socket.port())));
        }
        if rules.public_only {
            continue;
        }
        let bound = [socket.ip()];
        let own = if socket.ip().is_unspecified() { interfaces } else { &bound };
        for ip in own.iter().filter(same_family) {
            if let Some(reach) = reach(*ip) {
                found.push((reach, SocketAddr::new(*ip, socket.port())));
            }
        }
    }
    if !rules.loopback {
        found.retain(|(reach, _)| *reach != Reach::Loopback);
    }
    if found.iter().any(|(reach, _)| *reach < Reach::LinkLocal) {
        found.retain(|(reach, _)| *reach != Reach::LinkLocal);
    }
    // Stable: the interfaces' own order is kept within one class.
    found.sort_by_key(|(reach, _)| *reach);
    let mut chosen = Vec::new();
    for (_, address) in found {
        if !chosen.contains(&address) && chosen.len() < MAX_CANDIDATES {
            chosen.push(address);
        }
    }
    chosen
}

/// From how far away an address can be reached, farthest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Reach {
    /// Told by the operator.
    Public,
    /// Neither of the following.
    Global,
    /// Private networks: RFC 1918, RFC 6598, RFC 4193.
    Private,
    /// This host only.
    Loopback,
    /// One cable only (RFC 3927, RFC 4291 section 2.5.6): used when there is nothing else.
    LinkLocal,
}

/// `None` for what is no host's address.
fn reach(ip: IpAddr) -> Option<Reach> {
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    if ip.is_loopback() {
        return Some(Reach::Loopback);
    }
    Some(match ip {
        IpAddr::V4(ip) if ip.is_link_local() => Reach::LinkLocal,
        IpAddr::V4(ip) if ip.is_private() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64) => Reach::Private,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Reach::LinkLocal,
        IpAddr::V6(ip) if ip.is_unique_local() => Reach::Private,
        _ => Reach::Global,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WILD: [&str; 2] = ["0.0.0.0:7882", "[::]:7882"];
    const HOST: [&str; 7] = ["127.0.0.1", "::1", "192.168.1.7", "fe80::1", "198.51.100.4", "2001:db8::4", "fd00::4"];

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn rules_table() {
        let plain = CandidateRules::default();
        let loopback = CandidateRules { loopback: true, ..plain.clone() };
        let nat = CandidateRules { public: ips(&["203.0.113.9"]), ..plain.clone() };
        let nat_only = CandidateRules { public_only: true, ..nat.clone() };
        /// Rules, sockets, interfaces, expected.
        type Row<'a> = (&'a CandidateRules, &'a [&'a str], &'a [&'a str], &'a [&'a str]);
        let rows: [Row<'_>; 9] = [
            (&plain, &WILD, &HOST, &["198.51.100.4:7882", "[2001:db8::4]:7882", "192.168.1.7:7882", "[fd00::4]:7882"]),
            (
                &loopback,
                &WILD,
                &HOST,
                &["198.51.100.4:7882", "[2001:db8::4]:7882", "192.168.1.7:7882", "[fd00::4]:7882", "127.0.0.1:7882", "[::1]:7882"],
            ),
            (&nat, &WILD, &["192.168.1.7"], &["203.0.113.9:7882", "192.168.1.7:7882"]),
            (&nat_only, &WILD, &HOST, &["203.0.113.9:7882"]),
            (&nat_only, &["[::]:7882"], &HOST, &[]),
            (&plain, &["192.168.1.7:9"], &HOST, &["192.168.1.7:9"]),
            (&plain, &["127.0.0.1:9"], &HOST, &[]),
            (&plain, &WILD, &["127.0.0.1", "fe80::1", "169.254.3.4"], &["169.254.3.4:7882", "[fe80::1]:7882"]),
            (&plain, &WILD, &["100.64.0.1", "198.51.100.4"], &["198.51.100.4:7882", "100.64.0.1:7882"]),
        ];
        for (rules, sockets, interfaces, expected) in rows {
            let got = choose(rules, &addresses(sockets), &ips(interfaces));
            assert_eq!(got, addresses(expected), "{rules:?} {sockets:?} {interfaces:?}");
        }
    }

    #[test]
    fn twins_are_named_once_and_the_list_ends() {
        let many: Vec<IpAddr> = (0..40).map(|host| IpAddr::from([198, 51, 100, host % 30])).collect();
        let got = choose(&CandidateRules::default(), &addresses(&WILD), &many);
        assert_eq!(got.len(), MAX_CANDIDATES);
        let mut unique = got.clone();
        unique.dedup();
        assert_eq!(unique, got);
    }

    #[test]
    fn this_host_has_a_loopback() {
        let rules = CandidateRules { loopback: true, ..CandidateRules::default() };
        let got = candidates(&rules, &addresses(&["0.0.0.0:7882"])).unwrap();
        assert!(got.contains(&"127.0.0.1:7882".parse().unwrap()), "{got:?}");
    }
}
