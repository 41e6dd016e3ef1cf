//! Lays the policy over arguments, arguments over the file, and the file over the defaults.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::PathBuf,
};

use super::{Bad, Resolved, Setting, Source, Written};
use crate::traffic::{Limits, Rate, Schedule, SeedUntil};

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

/// What holds, and where each value came from. What the policy says holds whatever anybody else says; of limits, the
/// tighter one does.
pub fn resolve(given: Given, policy: Written, written: Written, bad: Vec<Bad>, defaults: Defaults) -> Resolved {
    let fixed_limits = Limits { down: policy.limit_down, up: policy.limit_up };
    let listen = |port: Option<u16>| port.map(|port| Some(everywhere(port)));
    Resolved {
        name: fixed(policy.name, over(None, written.name, defaults.name)),
        downloads: fixed(policy.downloads, over(None, written.downloads, defaults.downloads)),
        listen: fixed(listen(policy.listen_port), over(given.listen.map(Some), listen(written.listen_port), None)),
        discovery: fixed(policy.discovery, over(given.no_discovery.then_some(false), written.discovery, true)),
        limit_down: within(policy.limit_down, written.limit_down),
        limit_up: within(policy.limit_up, written.limit_up),
        fixed_limits,
        schedule: fixed(policy.schedule, over(None, written.schedule, Schedule::default())),
        active_downloads: fixed(policy.active_downloads, over(None, written.active_downloads, super::ACTIVE_DOWNLOADS)),
        seed_until: fixed(policy.seed_until, over(None, written.seed_until, SeedUntil::default())),
        stop_seeding_when_closed: fixed(
            policy.stop_seeding_when_closed,
            over(None, written.stop_seeding_when_closed, false),
        ),
        theme: over(None, written.theme, super::Theme::default()),
        window_size: written.window_size,
        welcomed: written.welcomed.unwrap_or(false),
        bad,
    }
}

fn fixed<T>(policy: Option<T>, chosen: Setting<T>) -> Setting<T> {
    policy.map_or(chosen, |value| Setting { value, source: Source::Policy })
}

fn within(most: Option<Rate>, chosen: Option<Rate>) -> Setting<Option<Rate>> {
    match most {
        Some(most) if chosen.is_none_or(|chosen| chosen > most) => {
            Setting { value: Some(most), source: Source::Policy }
        }
        _ => over(None, chosen.map(Some), None),
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
