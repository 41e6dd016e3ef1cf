//! One observation of a computer: who, where, and how we know.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::share::{PeerId, is_unseen};

/// Something was seen of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub peer: PeerId,
    /// The random number of that program's start, where it was told: one identity on two machines shows by it.
    pub instance: Option<u64>,
    pub name: Option<String>,
    pub role: Role,
    pub addresses: Vec<SocketAddr>,
    pub source: Source,
    /// Changes with the list of what it gives.
    pub catalogue: Option<u64>,
}

/// How we know of a peer. In order of trust: by the first three we spoke with the holder of its key, the others anybody
/// can make up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Its address was given by hand, and it answered.
    Typed,
    /// Its address stood in a link, and it answered.
    Link,
    /// It connected to us.
    Inbound,
    /// It announced itself by mDNS.
    Mdns,
    /// Another peer told us.
    Peer,
}

/// What a computer is in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    Peer,
    Server,
}

/// A name has at most this many characters; the rest is cut off.
const NAME_CHARS_MAX: usize = 64;

impl Source {
    /// Whether the peer proved its key when it was seen so.
    pub fn is_proven(self) -> bool {
        self <= Source::Inbound
    }
}

/// A name as it may be shown: no control characters, none that turn the direction of writing, not empty, not long.
pub(super) fn shown_name(name: &str) -> Option<String> {
    let shown: String = name.chars().filter(|letter| !is_unseen(*letter)).take(NAME_CHARS_MAX).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// How soon an address is tried; `None` for one that can't be dialled. IPv4 comes first since it is what school
/// networks filter least, link-local IPv6 after routable, and this very computer last.
pub(super) fn rank(address: &SocketAddr) -> Option<u8> {
    if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
        return None;
    }
    match address {
        _ if address.ip().is_loopback() => Some(3),
        SocketAddr::V4(v4) if v4.ip().is_broadcast() => None,
        SocketAddr::V4(_) => Some(0),
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => (v6.scope_id() != 0).then_some(2),
        SocketAddr::V6(_) => Some(1),
    }
}

/// An IPv4 address that came written as IPv6 (`::ffff:10.0.0.1`), as a socket for both gives it, is IPv4.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V6(ip) if is_mapped(ip) => SocketAddr::new(ip.to_canonical(), address.port()),
        _ => address,
    }
}

fn is_mapped(ip: Ipv6Addr) -> bool {
    ip.to_ipv4_mapped().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_fit_to_be_shown() {
        assert_eq!(shown_name(" Lab 3\n\u{202e}gpj "), Some("Lab 3gpj".to_owned()));
        assert_eq!(shown_name("\u{7}\t"), None);
        assert_eq!(shown_name(&"ä".repeat(500)).map(|name| name.chars().count()), Some(64));
    }

    #[test]
    fn addresses_that_cannot_be_dialled_have_no_rank() {
        let check = |address: &str, expected| assert_eq!(rank(&address.parse().unwrap()), expected, "{address}");

        check("10.0.0.1:7000", Some(0));
        check("[2001:db8::1]:7000", Some(1));
        check("[fe80::1%2]:7000", Some(2));
        check("127.0.0.1:7000", Some(3));
        check("[fe80::1]:7000", None);
        check("10.0.0.1:0", None);
        check("0.0.0.0:7000", None);
        check("224.0.0.251:5353", None);
        check("255.255.255.255:7000", None);
    }

    #[test]
    fn ipv4_in_ipv6_is_one_address() {
        assert_eq!(plain("[::ffff:10.0.0.1]:7".parse().unwrap()), "10.0.0.1:7".parse().unwrap());
        assert_eq!(plain("[fe80::1%2]:7".parse().unwrap()), "[fe80::1%2]:7".parse().unwrap());
    }
}
