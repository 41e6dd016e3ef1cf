//! Lays arguments over the file and the file over the defaults.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::PathBuf,
};

use super::{Bad, Resolved, Setting, Source, Written};

/// What holds when nobody says anything.
#[derive(Clone, Debug)]
pub struct Defaults {
    pub name: String,
    pub downloads: PathBuf,
}

/// What was said on the command line.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub listen: Option<SocketAddr>,
    pub no_discovery: bool,
}

/// What holds, and where each value came from.
pub fn resolve(given: Given, written: Written, bad: Vec<Bad>, defaults: Defaults) -> Resolved {
    Resolved {
        name: over(None, written.name, defaults.name),
        downloads: over(None, written.downloads, defaults.downloads),
        listen: over(given.listen.map(Some), written.listen_port.map(|port| Some(everywhere(port))), None),
        discovery: over(given.no_discovery.then_some(false), written.discovery, true),
        limit_down: over(None, written.limit_down.map(Some), None),
        limit_up: over(None, written.limit_up.map(Some), None),
        schedule: over(None, written.schedule, Default::default()),
        active_downloads: over(None, written.active_downloads, super::ACTIVE_DOWNLOADS),
        seed_until: over(None, written.seed_until, Default::default()),
        stop_seeding_when_closed: over(None, written.stop_seeding_when_closed, false),
        theme: over(None, written.theme, super::Theme::default()),
        window_size: written.window_size,
        welcomed: written.welcomed.unwrap_or(false),
        bad,
    }
}

fn over<T>(argument: Option<T>, file: Option<T>, default: T) -> Setting<T> {
    match (argument, file) {
        (Some(value), _) => Setting { value, source: Source::Argument },
        (None, Some(value)) => Setting { value, source: Source::File },
        (None, None) => Setting { value: default, source: Source::Default },
    }
}

/// The unspecified IPv6 address answers IPv4 as well; a system without IPv6 has only the other.
fn everywhere(port: u16) -> SocketAddr {
    match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        Ok(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        Err(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
    }
}
