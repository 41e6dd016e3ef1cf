//! What callers are held to.

use std::time::Duration;

use super::Rate;
use crate::net::LeastSpeed;

/// What callers are held to; one value for the whole program.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub handshake: Duration,
    /// For the head of a request, and also how long a connection may rest between two requests.
    pub header: Duration,
    pub least_speed: LeastSpeed,
    pub per_address: usize,
    /// For a network of IPv6 (/64), in which one computer has any number of addresses.
    pub per_net: usize,
    /// For callers on this computer: several programs, and whoever tests them, share its address.
    pub per_loopback: usize,
    pub in_all: usize,
    /// How often one network may connect, since a handshake costs some tenths of a millisecond; and this computer.
    pub connects: Rate,
    pub connects_here: Rate,
    /// How often peers of one network may ask for something, and a peer on this computer.
    pub requests: Rate,
    pub requests_here: Rate,
    /// How long requests may go on after the end was asked for.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(10),
            least_speed: LeastSpeed::default(),
            per_address: 16,
            per_net: 256,
            per_loopback: 256,
            in_all: 1024,
            connects: Rate { at_once: 512, per_s: 100 },
            connects_here: Rate { at_once: 2_048, per_s: 300 },
            requests: Rate { at_once: 1_024, per_s: 400 },
            requests_here: Rate { at_once: 4_096, per_s: 1_000 },
            drain: Duration::from_secs(3),
        }
    }
}

impl Limits {
    /// What a central server holds its callers to: a whole school can stand behind one address.
    pub fn server() -> Limits {
        let connects = Rate { at_once: 2_048, per_s: 300 };
        Limits { per_address: 256, per_net: 1024, in_all: 4096, connects, ..Limits::default() }
    }
}
