//! Many small files from one computer to another over TLS 1.3, both sides on this machine: Handout (every file verified,
//! synced to disk), rsync's daemon (neither encrypted nor synced) and tar over TLS (verified by nothing), taking turns.
//!
//! `cargo bench --bench small_files -- [FILES] [FOLDERS] [ROUNDS] [FOLDER] [PEERS]` (20000, 200, 5, the temporary folder,
//! `rsync,tar`); each file has 4 KiB. Handout's time begins with the start of `handout get` and ends with its exit, when all
//! files stand under their final names; theirs likewise.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use common::servers::{certificate, free_port, rsync_daemon};
use common::{Found, MISSING, Process, Reach, Result, Row, Used, find, handout, measured, run, wait_for};

const FILE_BYTES: usize = 4 << 10;

/// Makes the receiver's command, and what sends to it if that is not there all the time.
type Fetch = Box<dyn Fn() -> Result<(Command, Option<Process>)>>;

/// One way to bring the files over; what it keeps runs as long as the value lives.
struct Way {
    name: &'static str,
    _sender: Option<Process>,
    fetch: Fetch,
    /// The folder they are in after it, and what else is to be moved away after a round.
    into: PathBuf,
    homes: Vec<PathBuf>,
    rounds: Vec<Used>,
}

fn main() -> Result<()> {
    let arguments = common::arguments();
    let (files, folders) = (common::number(&arguments, 0, 20_000)?, common::number(&arguments, 1, 200)?.max(1));
    let rounds = common::number(&arguments, 2, 5)? as usize;
    let folder = common::folder(arguments.get(3).map(String::as_str))?;
    let peers = arguments.get(4).map_or("rsync,tar", String::as_str);
    let work = format!("{files} files of 4 KiB in {folders} folders, 1:1");
    let tree = folder.path().join("tree");
    write_tree(&tree, files, folders)?;
    let mut ways = vec![ours(folder.path(), &tree)?];
    for (name, start) in [("rsync", rsync as fn(&Path) -> Result<Way>), ("tar", tar)] {
        match start(folder.path()) {
            _ if !peers.contains(name) => {}
            Ok(way) => ways.push(way),
            Err(error) => {
                let why = error.to_string();
                Row { work: &work, measure: "time", against: name, found: Found::Missing(&why) }.tell();
            }
        }
    }
    for round in 0..rounds {
        for at in 0..ways.len() {
            let at = (at + round) % ways.len();
            let used = ways[at].round(&tree)?;
            let (name, wall) = (ways[at].name, used.wall.as_secs_f64());
            println!("  {name}: {wall:.2} s, CPU of the receiver {:.2} s, {:.0} MiB", used.cpu, used.memory);
            ways[at].rounds.push(used);
        }
    }
    report(&work, &ways);
    Ok(())
}

fn report(work: &str, ways: &[Way]) {
    let Some((ours, others)) = ways.split_first() else { return };
    let of = |way: &Way, part: fn(&Used) -> f64| way.rounds.iter().map(part).collect::<Vec<_>>();
    for other in others {
        let reach = if other.name.starts_with("rsync") { Reach::AtMost(1.0) } else { Reach::Told };
        let wall = |used: &Used| used.wall.as_secs_f64();
        let found = Found::Ratio { ours: &of(ours, wall), theirs: &of(other, wall), reach };
        Row { work, measure: "time", against: other.name, found }.tell();
        let found = Found::Ratio { ours: &of(ours, |u| u.cpu), theirs: &of(other, |u| u.cpu), reach: Reach::Told };
        Row { work, measure: "CPU of the receiver", against: other.name, found }.tell();
    }
    let memory = of(ours, |used| used.memory).into_iter().fold(0.0, f64::max);
    let found = Found::Amount { value: memory, unit: "MiB", reach: Reach::AtMost(64.0) };
    Row { work, measure: "memory of the receiver", against: "–", found }.tell();
}

impl Way {
    fn round(&self, tree: &Path) -> Result<Used> {
        fs::create_dir_all(&self.into)?;
        common::settle();
        let (mut command, sender) = (self.fetch)()?;
        let used = measured(&mut command)?;
        drop(sender);
        run(Command::new("diff").args(["-rq"]).arg(tree).arg(self.into.join("tree")))
            .map_err(|error| format!("{}: what came is not what was sent: {error}", self.name))?;
        // Moved, not removed: for minutes ext4 looks past the numbers of files that were deleted just now, one by one, which
        // makes every new file some five times as dear.
        for done in self.homes.iter().chain([&self.into]) {
            let away = done.with_extension(format!("done-{}", self.rounds.len()));
            fs::rename(done, away)?;
        }
        Ok(used)
    }
}

fn write_tree(tree: &Path, files: u64, folders: u64) -> Result<()> {
    let mut random = blake3::Hasher::new().update(b"small files").finalize_xof();
    let mut content = vec![0; FILE_BYTES];
    for folder in 0..folders {
        let path = tree.join(format!("folder {folder:03}"));
        fs::create_dir_all(&path)?;
        for file in 0..files / folders {
            random.fill(&mut content);
            fs::write(path.join(format!("file {file:05}.bin")), &content)?;
        }
    }
    Ok(())
}

fn ours(folder: &Path, tree: &Path) -> Result<Way> {
    let alone = ["--no-discovery", "--listen", "127.0.0.1:0"];
    let mut share = handout(&folder.join("seed"));
    share.args(alone).arg("share").arg(tree);
    let (sender, link) = Process::with_line(&mut share)?;
    let (home, into) = (folder.join("leech"), folder.join("into"));
    let fetch = {
        let (home, into) = (home.clone(), into.clone());
        move || {
            let mut get = handout(&home);
            get.args(alone).args(["get", &link, "--into"]).arg(&into);
            Ok((get, None))
        }
    };
    Ok(Way {
        name: "handout (TLS, verified, synced)",
        _sender: Some(sender),
        fetch: Box::new(fetch),
        into,
        homes: vec![home],
        rounds: vec![],
    })
}

fn rsync(folder: &Path) -> Result<Way> {
    let rsync = find("rsync").ok_or(MISSING)?;
    let (sender, port) = rsync_daemon(&rsync, folder)?;
    let into = folder.join("rsync");
    let fetch = {
        let into = into.clone();
        move || {
            let mut command = Command::new(&rsync);
            command.args(["-a", &format!("rsync://127.0.0.1:{port}/m/tree")]).arg(&into);
            Ok((command, None))
        }
    };
    let name = "rsync daemon (not encrypted, not synced)";
    Ok(Way { name, _sender: Some(sender), fetch: Box::new(fetch), into, homes: vec![], rounds: vec![] })
}

/// socat ends where the stream ends, which openssl's own server does not.
fn tar(folder: &Path) -> Result<Way> {
    let socat = find("socat").ok_or(MISSING)?.display().to_string();
    certificate(&find("openssl").ok_or(MISSING)?, folder)?;
    let into = folder.join("tar");
    let fetch = {
        let (into, folder) = (into.display().to_string(), folder.display().to_string());
        move || {
            let port = free_port()?;
            let tls = "openssl-min-proto-version=TLS1.3";
            let serve = format!(
                "cd '{folder}' && tar -cf - tree | exec '{socat}' -u -b 65536 - \
                 OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,cert=cert.pem,key=key.pem,verify=0,{tls}"
            );
            let sender = Process::start(Command::new("sh").args(["-c", &serve]).stderr(Stdio::null()))?;
            // A trial connection would be the one that is served.
            let listens = || {
                let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
                table.lines().any(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A")))
            };
            wait_for("socat listens", Duration::from_secs(10), listens)?;
            let get = format!(
                "'{socat}' -u -b 65536 OPENSSL:127.0.0.1:{port},verify=0,{tls} - 2>/dev/null | tar -xf - -C '{into}'"
            );
            let mut command = Command::new("sh");
            command.args(["-c", &get]);
            Ok((command, Some(sender)))
        }
    };
    Ok(Way { name: "tar over TLS", _sender: None, fetch: Box::new(fetch), into, homes: vec![], rounds: vec![] })
}
