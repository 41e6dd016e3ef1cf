//! Tries the network, for whoever asks why nobody is seen: which cards there are, whether our own addresses answer, and
//! whether what is sent to everybody comes back. Small questions on threads of their own; nothing is left open.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::interfaces::is_wireless;
use crate::doctor::{Gateway, Interface, Multicast};

/// Where mDNS is spoken (RFC 6762 §3).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;
/// How long answers are waited for, and when the question is asked again: who answered a moment ago may stay silent for a
/// second (RFC 6762 §6).
const LISTEN: Duration = Duration::from_millis(3_000);
const ASK_AGAIN: Duration = Duration::from_millis(1_300);
/// How long our own address may take to answer.
const REACH: Duration = Duration::from_secs(2);
/// How long a router on the same network may take to tell its hardware address.
const GATEWAY: Duration = Duration::from_millis(1_500);

/// Every card but loopback, with its addresses.
pub fn interfaces() -> Vec<Interface> {
    let mut all: Vec<Interface> = vec![];
    for found in if_addrs::get_if_addrs().unwrap_or_default() {
        if found.is_loopback() {
            continue;
        }
        match all.iter_mut().find(|known| known.name == found.name) {
            Some(known) => known.addresses.push(found.ip()),
            None => all.push(interface(&found.name, vec![found.ip()])),
        }
    }
    for name in without_address() {
        if !all.iter().any(|known| known.name == name) {
            all.push(interface(&name, vec![]));
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

fn interface(name: &str, addresses: Vec<IpAddr>) -> Interface {
    let told = flags(name);
    Interface {
        name: name.to_owned(),
        addresses,
        up: told.is_none_or(|(up, _)| up),
        multicast: told.map(|(_, multicast)| multicast),
        wireless: is_wireless(name),
    }
}

/// Whether it is up and lets multicast through; Linux tells (`IFF_UP`, `IFF_MULTICAST` of netdevice(7), and the carrier).
fn flags(name: &str) -> Option<(bool, bool)> {
    let device = std::path::Path::new("/sys/class/net").join(name);
    let text = std::fs::read_to_string(device.join("flags")).ok()?;
    let flags = u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()?;
    let carrier = std::fs::read_to_string(device.join("carrier")).map_or(true, |carrier| carrier.trim() != "0");
    Some((flags & 0x1 != 0 && carrier, flags & 0x1000 != 0))
}

/// Real cards that have no address; what has no device behind it (a bridge, a tunnel) is not missed.
fn without_address() -> Vec<String> {
    let entries = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let real = entries.filter(|entry| entry.path().join("device").exists());
    real.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Whether something answers at each of these, which are our own.
pub fn reach(addresses: &[SocketAddr]) -> Vec<(SocketAddr, Result<(), String>)> {
    let tried =
        |at: &SocketAddr| (*at, TcpStream::connect_timeout(at, REACH).map(drop).map_err(|error| error.to_string()));
    thread::scope(|scope| {
        let tries: Vec<_> = addresses.iter().map(|at| scope.spawn(move || tried(at))).collect();
        tries.into_iter().filter_map(|one| one.join().ok()).collect()
    })
}

/// Whether the port of mDNS can be opened beside others that have it.
pub fn mdns_port() -> Result<(), String> {
    mdns_socket().map(drop).map_err(|error| error.to_string())
}

fn mdns_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT).into())?;
    Ok(socket)
}

/// Asks everybody on each IPv4 network who speaks our protocol, and tells what came back within three seconds. `mark` is a
/// number by which our own question is known.
pub fn multicast(interfaces: &[Interface], mark: u16) -> Vec<Multicast> {
    let own: Vec<IpAddr> = interfaces.iter().flat_map(|interface| interface.addresses.iter().copied()).collect();
    let usable = interfaces.iter().filter(|interface| interface.up && interface.multicast != Some(false));
    let places = usable.flat_map(|interface| interface.addresses.iter().map(move |address| (interface, *address)));
    thread::scope(|scope| {
        let asked: Vec<_> = places
            .filter_map(|(interface, address)| match address {
                IpAddr::V4(address) => Some((interface, address)),
                IpAddr::V6(_) => None,
            })
            .map(|(interface, address)| {
                let own = &own;
                scope.spawn(move || ask(&interface.name, address, own, mark))
            })
            .collect();
        asked.into_iter().filter_map(|one| one.join().ok()).collect()
    })
}

fn ask(interface: &str, address: Ipv4Addr, own: &[IpAddr], mark: u16) -> Multicast {
    let mut seen = Multicast {
        interface: interface.to_owned(),
        address: address.into(),
        sent: Ok(()),
        question_seen: false,
        announcement_seen: false,
        others: 0,
    };
    if let Err(error) = listen(&mut seen, address, own, mark) {
        seen.sent = Err(error.to_string());
    }
    seen
}

fn listen(seen: &mut Multicast, address: Ipv4Addr, own: &[IpAddr], mark: u16) -> io::Result<()> {
    let socket = mdns_socket()?;
    socket.join_multicast_v4(&GROUP, &address)?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_multicast_loop_v4(true)?;
    let socket = UdpSocket::from(socket);
    let question = question(mark);
    let begun = Instant::now();
    socket.send_to(&question, (GROUP, PORT))?;
    let (mut asked_again, mut others) = (false, std::collections::BTreeSet::new());
    let mut buffer = [0; 9_000];
    while let Some(left) = LISTEN.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        if !asked_again && begun.elapsed() >= ASK_AGAIN {
            asked_again = true;
            socket.send_to(&question, (GROUP, PORT))?;
        }
        socket.set_read_timeout(Some(left.min(Duration::from_millis(200))))?;
        // Nothing within the time is no error, and neither is what a stranger's packet does to the socket.
        let Ok((size, from)) = socket.recv_from(&mut buffer) else { continue };
        let packet = buffer.get(..size).unwrap_or_default();
        // Our own announcements go over loopback too.
        let from_us = from.ip().is_loopback() || own.contains(&from.ip());
        if packet == question {
            seen.question_seen |= from.ip() == IpAddr::V4(address);
        } else if is_answer(packet) && from_us {
            seen.announcement_seen = true;
        } else if is_answer(packet) {
            others.insert(from.ip());
        }
    }
    seen.others = others.len() as u32;
    Ok(())
}

/// The labels of `_handout._tcp` (RFC 1035 §3.1).
const SERVICE: &[u8] = b"\x08_handout\x04_tcp";

/// A question for who offers our service (RFC 1035 §4.1, RFC 6763 §4.1).
fn question(mark: u16) -> Vec<u8> {
    let mut packet = mark.to_be_bytes().to_vec();
    // No flags; one question, no records.
    packet.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    packet.extend(SERVICE);
    packet.extend(b"\x05local\x00");
    // PTR, class IN.
    packet.extend([0, 12, 0, 1]);
    packet
}

/// Whether a packet tells of somebody who offers our service.
fn is_answer(packet: &[u8]) -> bool {
    let answers = packet.get(2).is_some_and(|flags| flags & 0x80 != 0);
    answers && packet.windows(SERVICE.len()).any(|window| window == SERVICE)
}

/// The router that leads out of the network, and whether it is there. Linux tells.
pub fn gateway() -> Option<Gateway> {
    let routes = std::fs::read_to_string("/proc/net/route").ok()?;
    let address = routes.lines().find_map(default_gateway)?;
    // Whatever is sent there, its hardware address has to be asked for first (RFC 826), and only that counts.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    let _ = socket.send_to(&[0], (address, 9));
    let begun = Instant::now();
    let is_there = || std::fs::read_to_string("/proc/net/arp").is_ok_and(|table| has_hardware(&table, address));
    let mut answers = is_there();
    while !answers && begun.elapsed() < GATEWAY {
        thread::sleep(Duration::from_millis(100));
        answers = is_there();
    }
    Some(Gateway { address: address.into(), answers })
}

/// Of a line of `/proc/net/route`: interface, destination and gateway, the last two as bytes in the order of the network
/// that were read as one number of this computer.
fn default_gateway(line: &str) -> Option<Ipv4Addr> {
    let mut fields = line.split_whitespace().skip(1);
    let destination = fields.next()?;
    let gateway = u32::from_str_radix(fields.next()?, 16).ok()?;
    (destination == "00000000" && gateway != 0).then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
}

/// Whether `/proc/net/arp` has a complete entry for it (`ATF_COM`).
fn has_hardware(table: &str, address: Ipv4Addr) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_whitespace();
        let at = fields.next().and_then(|at| at.parse::<Ipv4Addr>().ok());
        let flags = fields.nth(1).and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
        at == Some(address) && flags.is_some_and(|flags| flags & 0x2 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_no_answer_and_an_answer_names_the_service() {
        let mut packet = question(7);
        assert!(!is_answer(&packet));
        packet[2] = 0x84;
        assert!(is_answer(&packet));
        assert!(!is_answer(&packet[..20]) && !is_answer(&[]));
    }

    #[test]
    fn the_router_is_read_from_the_systems_tables() {
        let hex = format!("{:08X}", u32::from_ne_bytes([10, 0, 0, 1]));
        assert_eq!(default_gateway(&format!("eth0\t00000000\t{hex}\t0003\t0\t0\t0")), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(default_gateway(&format!("eth0\t0000000A\t{hex}\t0003")), None);
        assert_eq!(default_gateway("Iface\tDestination\tGateway"), None);
        let table = "IP address HW type Flags HW address Mask Device\n10.0.0.1 0x1 0x2 aa:bb:cc:dd:ee:ff * eth0\n\
                     10.0.0.2 0x1 0x0 00:00:00:00:00:00 * eth0\n";
        assert!(has_hardware(table, Ipv4Addr::new(10, 0, 0, 1)));
        assert!(!has_hardware(table, Ipv4Addr::new(10, 0, 0, 2)));
    }
}
