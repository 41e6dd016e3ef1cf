//! The addresses at which this computer can be reached, and the networks that it is in.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
    path::Path,
};

/// Where others reach a socket that is bound to `bound`, best first: IPv4, then IPv6, then addresses of the link. Without
/// loopback, unless there is nothing else or the socket is bound to it.
pub fn reachable_at(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the system does not tell this computer's addresses");
        Vec::new()
    });
    let addresses = interfaces
        .iter()
        .filter(|interface| bound.is_ipv6() || interface.ip().is_ipv4())
        .map(|interface| scoped(interface.ip(), bound.port(), interface.index.unwrap_or(0)))
        .collect();
    best_first(addresses)
}

/// The names of the interfaces that lead to others.
pub fn in_use() -> Vec<String> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut names: Vec<String> =
        interfaces.into_iter().filter(|interface| !interface.is_loopback()).map(|interface| interface.name).collect();
    names.sort();
    names.dedup();
    names
}

/// A network that this computer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Our own address in it.
    pub address: IpAddr,
    /// How many bits at the beginning all its addresses have in common.
    pub prefix: u8,
    /// Whether we are in it by air.
    pub wireless: bool,
}

impl Subnet {
    pub fn contains(&self, ip: IpAddr) -> bool {
        let same = |ours: u128, theirs: u128, bits: u32| {
            let differing = bits.saturating_sub(u32::from(self.prefix));
            (ours ^ theirs).checked_shr(differing).unwrap_or(0) == 0
        };
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => same(ours.to_bits().into(), theirs.to_bits().into(), 32),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => same(ours.to_bits(), theirs.to_bits(), 128),
            _ => false,
        }
    }
}

/// The networks that this computer is in, loopback too.
pub fn subnets() -> Vec<Subnet> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let subnet = |interface: &if_addrs::Interface| {
        let prefix = match &interface.addr {
            if_addrs::IfAddr::V4(addr) => addr.prefixlen,
            if_addrs::IfAddr::V6(addr) => addr.prefixlen,
        };
        Subnet { address: interface.ip(), prefix, wireless: is_wireless(&interface.name) }
    };
    let mut subnets: Vec<Subnet> = interfaces.iter().map(subnet).collect();
    subnets.sort_by_key(|subnet| (subnet.address, subnet.prefix));
    subnets
}

/// Linux tells; elsewhere there is only the name, and what does not look like a wireless one counts as a wire.
pub(super) fn is_wireless(interface: &str) -> bool {
    let told = cfg!(target_os = "linux")
        && !interface.contains('/')
        && ["wireless", "phy80211"].iter().any(|mark| Path::new("/sys/class/net").join(interface).join(mark).exists());
    let name = interface.to_lowercase();
    told || ["wl", "wi-fi", "wifi"].iter().any(|beginning| name.starts_with(beginning))
}

/// An address with the number of the interface that a link-local one needs.
pub(super) fn scoped(ip: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match ip {
        IpAddr::V6(ip) if is_link_local(ip) => SocketAddrV6::new(ip, port, 0, interface).into(),
        _ => SocketAddr::new(ip, port),
    }
}

fn best_first(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    addresses.sort_by_key(|address| (rank(address.ip()), *address));
    addresses.dedup();
    let elsewhere: Vec<_> = addresses.iter().copied().filter(|address| !address.ip().is_loopback()).collect();
    if elsewhere.is_empty() { addresses } else { elsewhere }
}

/// IPv4 first: in a room's network it is the one that everything between is set up for.
pub(super) fn rank(ip: IpAddr) -> u8 {
    match ip {
        ip if ip.is_loopback() => 0,
        IpAddr::V4(ip) if !ip.is_link_local() => 1,
        IpAddr::V6(ip) if !is_link_local(ip) => 2,
        _ => 3,
    }
}

pub(super) fn is_link_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_best_first_and_loopback_only_when_alone() {
        let all = ["[fe80::1%3]:1", "127.0.0.1:1", "[2001:db8::1]:1", "192.0.2.1:1", "169.254.0.1:1", "192.0.2.1:1"];
        let best = ["192.0.2.1:1", "[2001:db8::1]:1", "169.254.0.1:1", "[fe80::1%3]:1"];
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        assert_eq!(best_first(parse(&all)), parse(&best));
        assert_eq!(best_first(parse(&["127.0.0.1:1"])), parse(&["127.0.0.1:1"]));
    }

    #[test]
    fn a_subnet_contains_the_addresses_that_begin_as_ours_does() {
        let check = |address: &str, prefix, ip: &str, expected| {
            let subnet = Subnet { address: address.parse().unwrap(), prefix, wireless: false };
            assert_eq!(subnet.contains(ip.parse().unwrap()), expected, "{address}/{prefix} and {ip}");
        };
        check("192.0.2.7", 24, "192.0.2.200", true);
        check("192.0.2.7", 24, "192.0.3.200", false);
        check("192.0.2.7", 22, "192.0.3.200", true);
        check("192.0.2.7", 24, "::ffff:192.0.2.9", true);
        check("192.0.2.7", 0, "203.0.113.1", true);
        check("192.0.2.7", 32, "192.0.2.7", true);
        check("2001:db8::1", 64, "2001:db8::2:3:4:5", true);
        check("2001:db8::1", 64, "2001:db8:0:1::2", false);
        check("2001:db8::1", 64, "192.0.2.7", false);
    }

    #[test]
    fn what_is_called_like_a_wireless_interface_is_one() {
        assert!(["wlan0", "wlp3s0", "Wi-Fi"].iter().all(|name| is_wireless(name)));
        assert!(!["eth0", "enp3s0", "Ethernet", "../../tmp"].iter().any(|name| is_wireless(name)));
    }

    #[test]
    fn a_socket_bound_to_one_address_is_reached_there() {
        let bound = "192.0.2.7:99".parse().unwrap();
        assert_eq!(reachable_at(bound), [bound]);
    }

    #[test]
    fn a_socket_of_ipv4_is_not_reached_by_ipv6() {
        assert!(reachable_at("0.0.0.0:99".parse().unwrap()).iter().all(SocketAddr::is_ipv4));
    }
}
