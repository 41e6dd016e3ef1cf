//! What a program costs that has one finished file to give and nobody who wants it: CPU, memory and wake-ups.
//!
//! `cargo bench --bench idle -- [MIB] [SECONDS] [PEERS]` (2048, 60, `qbittorrent`). Handout runs as `handout daemon` with
//! discovery, as it does after login; the others as their daemons. The file was shared before the program is started again,
//! so that what is measured is a computer in the corner, not one that has just hashed.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use common::{Found, MISSING, Process, Reach, Result, Row, find, handout, run};

/// After its start, a program has this long to come to rest.
const REST: Duration = Duration::from_secs(15);

struct Idle {
    cpu: f64,
    memory: f64,
    /// A second.
    switches: f64,
}

fn main() -> Result<()> {
    let arguments = common::arguments();
    let (mib, seconds) = (common::number(&arguments, 0, 2_048)?, common::number(&arguments, 1, 60)?);
    let peers = arguments.get(2).map_or("qbittorrent", String::as_str);
    let folder = common::folder(None)?;
    let file = folder.path().join("file.bin");
    common::write_random(&file, mib)?;
    let work = format!("idle for {seconds} s with one {mib} MiB share");
    let ours = ours(folder.path(), &file, seconds)?;
    let limits = [
        ("CPU", ours.cpu, "s", 0.03),
        ("memory", ours.memory, "MiB", 25.0),
        ("wake-ups", ours.switches, "a second", 5.0),
    ];
    for (measure, value, unit, most) in limits {
        let found = Found::Amount { value, unit, reach: Reach::AtMost(most) };
        Row { work: &work, measure, against: "–", found }.tell();
    }
    if peers.contains("qbittorrent") {
        compare(&work, "qBittorrent", &ours, qbittorrent(folder.path(), &file, seconds));
    }
    Ok(())
}

fn compare(work: &str, against: &str, ours: &Idle, theirs: Result<Idle>) {
    let theirs = match theirs {
        Ok(theirs) => theirs,
        Err(why) => {
            let why = why.to_string();
            return Row { work, measure: "CPU", against, found: Found::Missing(&why) }.tell();
        }
    };
    let pairs = [
        ("CPU", ours.cpu, theirs.cpu),
        ("memory", ours.memory, theirs.memory),
        ("wake-ups", ours.switches, theirs.switches),
    ];
    for (measure, ours, theirs) in pairs {
        // A clock tick is the least that can be told apart.
        let found = Found::Ratio { ours: &[ours], theirs: &[theirs.max(0.01)], reach: Reach::Told };
        Row { work, measure, against, found }.tell();
    }
}

fn rest(process: &Process, seconds: u64) -> Idle {
    thread::sleep(REST);
    let (cpu, switches) = (process.cpu(), process.switches());
    thread::sleep(Duration::from_secs(seconds));
    Idle {
        cpu: process.cpu() - cpu,
        memory: process.resident(),
        switches: (process.switches() - switches) / seconds as f64,
    }
}

fn ours(folder: &Path, file: &Path, seconds: u64) -> Result<Idle> {
    let home = folder.join("home");
    let (shared, _) = Process::with_line(handout(&home).arg("share").arg(file))?;
    // It is killed, and what it remembers is written a moment later than it is told.
    thread::sleep(Duration::from_secs(3));
    drop(shared);
    let daemon = Process::start(handout(&home).arg("daemon").stdin(Stdio::null()).stdout(Stdio::null()))?;
    let idle = rest(&daemon, seconds);
    let listed = handout(&home).args(["--json", "shares"]).output()?;
    if !String::from_utf8_lossy(&listed.stdout).contains("file.bin") {
        return Err("the daemon does not give the share".into());
    }
    Ok(idle)
}

/// With a tracker that is never asked, no DHT and no other way to find anybody: the least that it can do.
fn qbittorrent(folder: &Path, file: &Path, seconds: u64) -> Result<Idle> {
    let program = find("qbittorrent-nox").ok_or(MISSING)?;
    let maker = find("transmission-create").ok_or(MISSING)?;
    let torrent = folder.join("file.torrent");
    run(Command::new(maker).arg("-o").arg(&torrent).arg(file))?;
    let profile = folder.join("qb");
    let config = profile.join("qBittorrent/config");
    fs::create_dir_all(&config)?;
    let text = "[LegalNotice]\nAccepted=true\n[BitTorrent]\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false\n\
                Session\\PeXEnabled=false\n[Preferences]\nWebUI\\Port=18098\nWebUI\\LocalHostAuth=false\n";
    fs::write(config.join("qBittorrent.conf"), text)?;
    let mut command = Command::new(program);
    command.arg(format!("--profile={}", profile.display())).arg(format!("--save-path={}", folder.display()));
    command.args(["--skip-dialog=true", "--add-paused=false"]).arg(&torrent);
    let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
    Ok(rest(&process, seconds))
}
