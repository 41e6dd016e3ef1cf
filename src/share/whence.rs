//! Where somebody calls from, for counting. Keys cost nothing, so what strangers may take is counted by address as well; and
//! one computer has as many IPv6 addresses as it likes, so those of one network (/64, RFC 4291 §2.5.4) are counted together.

use std::net::{IpAddr, Ipv6Addr};

/// An address, and the network that it is counted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whence {
    pub address: IpAddr,
    /// An IPv4 address itself; of an IPv6 address the first 64 bits.
    pub net: IpAddr,
}

impl Whence {
    pub fn of(address: IpAddr) -> Whence {
        let address = address.to_canonical();
        let net = match address {
            IpAddr::V6(ip) if !ip.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
            whole => whole,
        };
        Whence { address, net }
    }

    /// Programs of this very computer: several people's, and tests. They are not strangers.
    pub fn is_here(&self) -> bool {
        self.address.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_counted_together_and_forms_of_one_address_are_the_same() {
        let of = |text: &str| Whence::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6").net, of("2001:db8:1:2::9").net);
        assert_ne!(of("2001:db8:1:2::1").net, of("2001:db8:1:3::1").net);
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1").net, of("192.0.2.2").net);
        assert!(of("::1").is_here() && of("127.0.0.9").is_here() && !of("192.0.2.1").is_here());
        assert_ne!(of("::1").net, of("::2").net);
    }
}
