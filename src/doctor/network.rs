//! From the network card to the other computer.

use std::net::IpAddr;

use super::{Engine, Facts, Finding, Interface, Multicast, Verdict};

/// Where the mDNS of a room is.
const MDNS: &str = "UDP port 5353 to and from 224.0.0.251";

pub(super) fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![interfaces(&facts.interfaces), discovery(facts)];
    findings.extend(listening(facts));
    if facts.discovery {
        findings.push(mdns_port(facts));
        findings.extend(facts.multicast.iter().map(|seen| multicast(seen, facts)));
        findings.extend(announcement(facts));
    }
    findings.extend(firewall(facts, &findings));
    findings.push(others(facts));
    findings
}

fn is_usable(interface: &Interface) -> bool {
    interface.up && interface.addresses.iter().any(|address| !is_makeshift(*address))
}

/// An address that a computer gave itself because nobody gave it one.
fn is_makeshift(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn interfaces(all: &[Interface]) -> Finding {
    let usable: Vec<&Interface> = all.iter().filter(|interface| is_usable(interface)).collect();
    let with_address = |interface: &&Interface| interface.up && !interface.addresses.is_empty();
    let names = |some: &[&Interface]| some.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
    if usable.is_empty() {
        let makeshift: Vec<&Interface> = all.iter().filter(with_address).collect();
        if !makeshift.is_empty() {
            let what = format!("{} got no address from the network, only one of its own making.", names(&makeshift));
            let now = "Look whether the cable leads to the room's switch, or join the Wi-Fi again.";
            return Finding::note("interfaces", what, now);
        }
        let now = "Plug in the cable, or join the room's Wi-Fi.";
        return Finding::problem("interfaces", "This computer is in no network.", now);
    }
    let blocked: Vec<&Interface> = usable.iter().copied().filter(|one| one.multicast == Some(false)).collect();
    if blocked.len() == usable.len() {
        let what = format!("Multicast is switched off on {}, and others are found by it.", names(&blocked));
        let now = format!(
            "Switch it on (as root: ip link set {} multicast on).",
            blocked.first().map_or("", |one| &one.name)
        );
        return Finding::problem("interfaces", what, now);
    }
    let lines = usable.iter().map(|one| {
        let addresses = one.addresses.iter().filter(|address| !is_makeshift(**address)).map(ToString::to_string);
        let air = if one.wireless { " (Wi-Fi)" } else { "" };
        format!("{}{air} {}", one.name, addresses.collect::<Vec<_>>().join(", "))
    });
    Finding::ok("interfaces", format!("In the network by {}.", lines.collect::<Vec<_>>().join("; ")))
}

fn discovery(facts: &Facts) -> Finding {
    if facts.discovery {
        return Finding::ok("discovery", "Handout looks for others and lets itself be found.");
    }
    Finding::problem(
        "discovery",
        "Looking for others is switched off.",
        "Start Handout without --no-discovery; `handout policy` shows where it was switched off.",
    )
}

fn listening(facts: &Facts) -> Vec<Finding> {
    if let Engine::Failed(_) = facts.engine {
        return vec![];
    }
    if facts.listening.is_empty() {
        let now = "End other programs that use Handout's port, or start it with --listen 0.0.0.0:0.";
        return vec![Finding::problem("listening", "Handout answers at no address.", now)];
    }
    let silent = facts.listening.iter().filter_map(|(at, reached)| reached.as_ref().err().map(|why| (at, why)));
    let mut findings: Vec<Finding> = silent
        .map(|(at, why)| {
            let now = "Let Handout through this computer's firewall: incoming TCP for the program or for this port.";
            Finding::problem("listening", format!("Nothing answers at this computer's own address {at} ({why})."), now)
        })
        .collect();
    if facts.listening.iter().all(|(at, _)| at.ip().is_loopback()) && !facts.interfaces.is_empty() {
        let now = "Start it without --listen, or with --listen 0.0.0.0:0.";
        findings.push(Finding::problem("listening", "Handout answers only this computer itself.", now));
    }
    if findings.is_empty() {
        let all = facts.listening.iter().map(|(at, _)| at.to_string()).collect::<Vec<_>>().join(", ");
        findings.push(Finding::ok("listening", format!("Handout answers at {all}.")));
    }
    let ports = facts.listening.iter().map(|(at, _)| at.port());
    if let Some(port) = ports.into_iter().find(|port| *port != facts.usual_port) {
        let what = format!("Handout answers at port {port}, not at the usual one, {}.", facts.usual_port);
        let now = "If another account's Handout or a server here has that one, let this port through the firewall, too, or \
                   choose one with --listen 0.0.0.0:PORT.";
        findings.push(Finding::note("listening", what, now));
    }
    findings
}

fn mdns_port(facts: &Facts) -> Finding {
    match &facts.mdns_port {
        Ok(()) => Finding::ok("mdns_port", "UDP port 5353 (mDNS) can be shared with other programs."),
        Err(why) => Finding::problem(
            "mdns_port",
            format!("UDP port 5353 (mDNS) can't be opened ({why})."),
            "Another program keeps it for itself: find it (as root: ss -ulpn 'sport = :5353') and end it.",
        ),
    }
}

fn multicast(seen: &Multicast, facts: &Facts) -> Finding {
    let at = format!("{} ({})", seen.interface, seen.address);
    if let Err(why) = &seen.sent {
        let what = format!("Nothing can be sent to everybody on {at}: {why}.");
        return Finding::problem("multicast", what, let_through(facts));
    }
    if !seen.question_seen {
        let what = format!("What is sent to everybody on {at} does not come back, so nothing from others comes in.");
        return Finding::problem("multicast", what, let_through(facts));
    }
    Finding::ok("multicast", format!("What is sent to everybody on {at} arrives."))
}

fn let_through(facts: &Facts) -> String {
    let name =
        facts.firewalls.first().map_or("this computer's firewall".to_owned(), |name| format!("the firewall {name}"));
    format!("Let mDNS through {name}: {MDNS}.")
}

/// Somebody is announced on each network, or on none.
fn announcement(facts: &Facts) -> Option<Finding> {
    let open: Vec<&Multicast> = facts.multicast.iter().filter(|seen| seen.question_seen).collect();
    if open.is_empty() || matches!(facts.engine, Engine::Failed(_)) {
        return None;
    }
    if open.iter().any(|seen| seen.announcement_seen) {
        return Some(Finding::ok("announcement", "What this Handout announces is heard."));
    }
    Some(Finding::problem(
        "announcement",
        "This Handout does not answer when it is looked for.",
        "End it and start it again; if that does not help, its log says why (HANDOUT_LOG=handout=debug handout daemon).",
    ))
}

/// A firewall is no fault. It is named where something does not get through, and where nobody is seen.
fn firewall(facts: &Facts, so_far: &[Finding]) -> Option<Finding> {
    let name = facts.firewalls.first()?;
    let quiet = so_far.iter().all(|finding| finding.verdict != Verdict::Problem) && sees_somebody(facts);
    if quiet {
        return Some(Finding::ok("firewall", format!("The firewall {name} is on, and others are seen.")));
    }
    let now = format!("It must let through {MDNS}, and incoming TCP for Handout.");
    Some(Finding::note("firewall", format!("The firewall {name} is on."), now))
}

fn sees_somebody(facts: &Facts) -> bool {
    !facts.known.is_empty() || facts.multicast.iter().any(|seen| seen.others > 0)
}

fn others(facts: &Facts) -> Finding {
    if !facts.unreachable.is_empty() {
        let what = format!("Seen, but it can't be reached: {}.", facts.unreachable.join(", "));
        let now = "Let Handout through the firewall there (incoming TCP), and run `handout doctor` on that computer.";
        return Finding::problem("others", what, now);
    }
    if !facts.known.is_empty() {
        let (some, more) = facts.known.split_at(facts.known.len().min(8));
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        return Finding::ok("others", format!("Others are seen: {}{more}.", some.join(", ")));
    }
    let heard: u32 = facts.multicast.iter().map(|seen| seen.others).sum();
    if heard > 0 {
        let now = "Wait a few seconds and look again.";
        return Finding::note("others", format!("Somebody answers ({heard}), and is not known yet."), now);
    }
    nobody(facts)
}

/// Everything here is right, and still nobody is there: what lies between, or at the others.
fn nobody(facts: &Facts) -> Finding {
    let wireless = facts.interfaces.iter().any(|interface| is_usable(interface) && interface.wireless);
    let there = facts.gateway.as_ref().is_some_and(|gateway| gateway.answers);
    let name_it = "until then, name another computer's address: --peer HOST:PORT, or in the window's settings.";
    if wireless && there {
        let what = "The Wi-Fi's router answers and no other computer does: it may keep its computers apart (client isolation).";
        return Finding::problem(
            "others",
            what,
            format!("Ask whoever runs the Wi-Fi to let them see each other; {name_it}"),
        );
    }
    let gateway = match &facts.gateway {
        Some(gateway) if !gateway.answers => format!(" Not even the network's router {} answers.", gateway.address),
        _ => String::new(),
    };
    let now = format!(
        "Look whether Handout runs on the other computer and both are in the same network (the same Wi-Fi, no guest network), \
         and run `handout doctor` there; {name_it}"
    );
    Finding::problem("others", format!("Nobody else was heard.{gateway}"), now)
}
