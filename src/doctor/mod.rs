//! Why can't I see the others? What was measured on this computer, and what follows from it.
//!
//! [`examine`] goes through the steps that must all go well until two computers see each other, in the order in which one
//! needs the other, and says of each whether it is right, and what to do where it is not. The first problem is the cause:
//! what comes after it often fails because of it. Pure; how the facts are gathered is `start::doctor`, how they are shown
//! `cli::doctor`. Deliberately not here: mending anything. A program that changes a firewall by itself is not to be trusted.

mod network;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// What was found out about this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub engine: Engine,
    /// Home, downloads.
    pub folders: Vec<Folder>,
    /// Seconds since 1970: by the clock, and the latest moment that certainly has passed.
    pub now_s: i64,
    pub passed_s: i64,
    /// What clocks elsewhere say.
    pub clocks: Vec<ClockThere>,
    /// Those that are no loopback.
    pub interfaces: Vec<Interface>,
    /// Whether this program looks for others, and lets itself be found.
    pub discovery: bool,
    /// The port that others, and firewalls, expect.
    pub usual_port: u16,
    /// Own addresses and whether something answers there.
    pub listening: Vec<(SocketAddr, Result<(), String>)>,
    /// Whether the port of mDNS can be shared with others, such as avahi.
    pub mdns_port: Result<(), String>,
    /// What went out and came back, network by network.
    pub multicast: Vec<Multicast>,
    /// Firewalls that are switched on, as far as the system tells without asking for rights.
    pub firewalls: Vec<String>,
    pub gateway: Option<Gateway>,
    /// Names of computers that the running engine knows, and of those that can't be asked.
    pub known: Vec<String>,
    pub unreachable: Vec<String>,
}

/// Whether the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// It ran already.
    Running,
    /// It was started for this examination alone.
    Started,
    /// It can't be started, and why.
    Failed(String),
}

/// Another computer's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockThere {
    pub name: String,
    /// A central server, whose clock somebody looks after.
    pub server: bool,
    /// By so many seconds the clock here is ahead of it.
    pub ahead_s: i64,
}

/// A folder that must be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// What it is for, as a person calls it.
    pub purpose: &'static str,
    pub path: String,
    pub writable: Result<(), String>,
    pub free_bytes: Option<u64>,
}

/// A network card, or what stands for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    pub up: bool,
    /// Whether the system lets multicast through it; `None`: it does not tell.
    pub multicast: Option<bool>,
    pub wireless: bool,
}

/// What a question to everybody came to on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multicast {
    pub interface: String,
    pub address: IpAddr,
    pub sent: Result<(), String>,
    /// Our own question came back, as everybody on the network gets it.
    pub question_seen: bool,
    /// What this program announces was seen.
    pub announcement_seen: bool,
    /// Other computers that answered.
    pub others: u32,
}

/// The way out of the network, and whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    pub address: IpAddr,
    pub answers: bool,
}

/// What is said of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable: `engine`, `folders`, `clock`, `interfaces`, `discovery`, `listening`, `mdns_port`, `multicast`,
    /// `announcement`, `firewall` or `others`.
    pub step: &'static str,
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// What to do about it now; empty where nothing is to be done.
    pub now: String,
}

/// Whether a step is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// Good to know; it need not be a fault.
    Note,
    Problem,
}

/// Every step, in the order in which one needs the other.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![engine(&facts.engine)];
    findings.extend(facts.folders.iter().map(folder));
    findings.push(clock(facts));
    findings.extend(network::examine(facts));
    findings
}

/// The first problem: those after it may come of it.
pub fn cause(findings: &[Finding]) -> Option<&Finding> {
    findings.iter().find(|finding| finding.verdict == Verdict::Problem)
}

impl Finding {
    fn ok(step: &'static str, what: impl Into<String>) -> Finding {
        Finding { step, verdict: Verdict::Ok, what: what.into(), now: String::new() }
    }

    fn note(step: &'static str, what: impl Into<String>, now: impl Into<String>) -> Finding {
        Finding { step, verdict: Verdict::Note, what: what.into(), now: now.into() }
    }

    fn problem(step: &'static str, what: impl Into<String>, now: impl Into<String>) -> Finding {
        Finding { step, verdict: Verdict::Problem, what: what.into(), now: now.into() }
    }
}

fn engine(engine: &Engine) -> Finding {
    match engine {
        Engine::Running => Finding::ok("engine", "Handout is running."),
        Engine::Started => Finding::note(
            "engine",
            "Handout was not running; it was started for this examination.",
            "Others see this computer only while Handout runs: open its window, or start `handout daemon`.",
        ),
        // The engine's own sentence says what to do.
        Engine::Failed(why) => Finding::problem("engine", format!("Handout can't start: {why}"), ""),
    }
}

/// With less than this, a download of any size ends at once.
const LITTLE: u64 = 100_000_000;

fn folder(folder: &Folder) -> Finding {
    let Folder { purpose, path, writable, free_bytes } = folder;
    if let Err(why) = writable {
        let now = "Make it writable for the user who runs Handout, or choose another folder in the settings.";
        return Finding::problem("folders", format!("The folder for {purpose} can't be written: {path} ({why})."), now);
    }
    match free_bytes {
        Some(free) if *free < LITTLE => {
            let what = format!("The disk of the folder for {purpose} is nearly full: {} MB free.", free / 1_000_000);
            Finding::problem("folders", what, "Make room on it, or choose a folder on another disk.")
        }
        Some(free) => {
            Finding::ok("folders", format!("The folder for {purpose} can be written, {} MB free.", free / 1_000_000))
        }
        None => Finding::ok("folders", format!("The folder for {purpose} can be written.")),
    }
}

/// Clocks that are a day off only look wrong; one that stands at its factory's day makes everything look new.
const CLOCK_SLACK_S: i64 = 86_400;

/// Clocks of a room that differ by no more are right.
const ROOM_SLACK_S: i64 = 300;

fn clock(facts: &Facts) -> Finding {
    let set = "Set date and time, or let the system set them by itself.";
    if facts.now_s + CLOCK_SLACK_S < facts.passed_s {
        let days = (facts.passed_s - facts.now_s) / 86_400;
        let what = format!("This computer's clock is at least {days} days behind.");
        return Finding::problem("clock", what, set);
    }
    let differs = |there: &&ClockThere| there.ahead_s.abs() > ROOM_SLACK_S;
    let (others, agreeing): (Vec<&ClockThere>, Vec<&ClockThere>) = facts.clocks.iter().partition(differs);
    let Some(first) = others.iter().find(|there| there.server).or(others.first()) else {
        let what = match agreeing.len() {
            0 => "The clock is not behind what was written here; no other computer said what time it is there."
                .to_owned(),
            count => format!("The clock goes with {}.", names(&agreeing[..count.min(NAMED_MAX)])),
        };
        return Finding::ok("clock", what);
    };
    let away = off(first.ahead_s);
    let alike: Vec<&ClockThere> = others.iter().copied().filter(|there| alike(there, first)).collect();
    let named = names(&alike[..alike.len().min(NAMED_MAX)]);
    if first.server || alike.len() > 1 && alike.len() > agreeing.len() {
        return Finding::problem("clock", format!("This computer's clock is {away} by the clock of {named}."), set);
    }
    let now = format!("Look which one is right: {set}");
    Finding::note("clock", format!("By the clock of {named}, this computer's is {away}; one of them is wrong."), now)
}

/// So many are named.
const NAMED_MAX: usize = 3;

fn names(clocks: &[&ClockThere]) -> String {
    clocks.iter().map(|there| there.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether two clocks elsewhere say the same.
fn alike(one: &ClockThere, other: &ClockThere) -> bool {
    one.ahead_s.abs_diff(other.ahead_s) <= ROOM_SLACK_S.unsigned_abs()
}

/// How much a clock is off, as people say it: `2 years ahead`, `40 minutes behind`.
pub fn off(ahead_s: i64) -> String {
    let (amount, way) = (ahead_s.unsigned_abs(), if ahead_s > 0 { "ahead" } else { "behind" });
    let (length, unit) = match amount {
        0..7_200 => (60, "minutes"),
        7_200..172_800 => (3_600, "hours"),
        172_800..63_072_000 => (86_400, "days"),
        _ => (31_536_000, "years"),
    };
    format!("{} {unit} {way}", amount / length)
}
