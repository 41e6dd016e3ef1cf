//! One large file from one computer to another over TLS 1.3, both sides on this machine: Handout (every piece verified, synced
//! to disk), nginx and curl over HTTPS with AES-128 (nothing verified), rsync's daemon and rqbit (neither encrypted), taking
//! turns.
//!
//! `cargo bench --bench one_file -- [MIB] [ROUNDS] [FOLDER] [PEERS]` (2048, 5, the temporary folder,
//! `nginx,rsync,rqbit`). Handout's time begins with the start of `handout get` and ends with its exit, when the file stands
//! under its final name; theirs likewise. CPU is of both sides together, memory of each.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::servers::{self, answers, free_port, rsync_daemon};
use common::{Found, MISSING, Process, Reach, Result, Row, Used, find, handout, measured, run, wait_for};

/// A round of one way.
#[derive(Clone, Copy, Default)]
struct Round {
    receiver: Used,
    sender_cpu: f64,
    sender_memory: f64,
}

/// Makes the receiver's command; the file's original is given.
type Fetch = Box<dyn Fn(&Path) -> Result<Command>>;

/// One way to bring the file over; its sender runs as long as the value lives.
struct Way {
    name: &'static str,
    sender: Process,
    fetch: Fetch,
    /// Where the file is after it.
    file: PathBuf,
    /// What else is to be removed after a round.
    homes: Vec<PathBuf>,
    rounds: Vec<Round>,
}

fn main() -> Result<()> {
    let arguments = common::arguments();
    let (mib, rounds) = (common::number(&arguments, 0, 2_048)?, common::number(&arguments, 1, 5)?);
    let folder = common::folder(arguments.get(2).map(String::as_str))?;
    let peers = arguments.get(3).map_or("nginx,rsync,rqbit", String::as_str);
    let work = format!("{mib} MiB file, 1:1");
    let file = folder.path().join("file.bin");
    common::write_random(&file, mib)?;
    let mut ways = vec![ours(folder.path(), &file)?];
    for (name, start) in [("nginx", nginx as Start), ("rsync", rsync), ("rqbit", rqbit)] {
        match start(folder.path(), &file) {
            _ if !peers.contains(name) => {}
            Ok(way) => ways.push(way),
            Err(error) => {
                let why = error.to_string();
                Row { work: &work, measure: "time", against: name, found: Found::Missing(&why) }.tell();
            }
        }
    }
    for round in 0..rounds as usize {
        for at in 0..ways.len() {
            let at = (at + round) % ways.len();
            let way = &mut ways[at];
            let result = way.round(&file)?;
            println!(
                "  {}: {:.2} s, CPU {:.2} + {:.2} s, {:.0} + {:.0} MiB",
                way.name,
                result.receiver.wall.as_secs_f64(),
                result.sender_cpu,
                result.receiver.cpu,
                result.sender_memory,
                result.receiver.memory
            );
            way.rounds.push(result);
        }
    }
    report(&work, mib, &ways);
    Ok(())
}

type Start = fn(&Path, &Path) -> Result<Way>;

impl Way {
    fn round(&self, original: &Path) -> Result<Round> {
        common::settle();
        let cpu = self.sender.cpu();
        let receiver = measured(&mut (self.fetch)(original)?)?;
        let round = Round { receiver, sender_cpu: self.sender.cpu() - cpu, sender_memory: self.sender.memory() };
        if !common::same(original, &self.file) {
            return Err(format!("{}: what came is not what was sent", self.name).into());
        }
        fs::remove_file(&self.file)?;
        for home in &self.homes {
            let _ = fs::remove_dir_all(home);
        }
        Ok(round)
    }

    fn walls(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.receiver.wall.as_secs_f64()).collect()
    }

    fn cpus(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.receiver.cpu + round.sender_cpu).collect()
    }
}

fn report(work: &str, mib: u64, ways: &[Way]) {
    let Some((ours, others)) = ways.split_first() else { return };
    for other in others {
        let nginx = other.name.starts_with("nginx");
        let reach = if nginx { Reach::AtMost(0.833) } else { Reach::Told };
        let found = Found::Ratio { ours: &ours.walls(), theirs: &other.walls(), reach };
        Row { work, measure: "time", against: other.name, found }.tell();
        if nginx {
            let hash = blake3_cpu(mib);
            let with_hash: Vec<f64> = other.cpus().iter().map(|cpu| cpu + hash).collect();
            let found = Found::Ratio { ours: &ours.cpus(), theirs: &with_hash, reach: Reach::AtMost(1.0) };
            let against = format!("{} + BLAKE3", other.name);
            Row { work, measure: "CPU of both sides", against: &against, found }.tell();
        } else {
            let found = Found::Ratio { ours: &ours.cpus(), theirs: &other.cpus(), reach: Reach::Told };
            Row { work, measure: "CPU of both sides", against: other.name, found }.tell();
        }
    }
    for way in ways {
        let most = |of: fn(&Round) -> f64| way.rounds.iter().map(of).fold(0.0, f64::max);
        let reach = if way.name == ours.name { Reach::AtMost(64.0) } else { Reach::Told };
        let sides = [
            ("memory of the sender", most(|round| round.sender_memory)),
            ("memory of the receiver", most(|round| round.receiver.memory)),
        ];
        for (measure, value) in sides {
            Row { work, measure, against: way.name, found: Found::Amount { value, unit: "MiB", reach } }.tell();
        }
    }
}

/// CPU seconds that hashing so many MiB takes here, in pieces in the processor's cache.
fn blake3_cpu(mib: u64) -> f64 {
    let block = vec![7; 64 << 10];
    let begun = Instant::now();
    for _ in 0..mib {
        let mut hasher = blake3::Hasher::new();
        for _ in 0..16 {
            hasher.update(&block);
        }
        std::hint::black_box(hasher.finalize());
    }
    begun.elapsed().as_secs_f64()
}

fn ours(folder: &Path, file: &Path) -> Result<Way> {
    let alone = ["--no-discovery", "--listen", "127.0.0.1:0"];
    let mut share = handout(&folder.join("seed"));
    share.args(alone).arg("share").arg(file);
    let (sender, link) = Process::with_line(&mut share)?;
    let (home, into) = (folder.join("leech"), folder.join("into"));
    fs::create_dir_all(&into)?;
    let fetch = {
        let (home, into) = (home.clone(), into.clone());
        move |_: &Path| {
            let mut get = handout(&home);
            get.args(alone).args(["get", &link, "--into"]).arg(&into);
            Ok(get)
        }
    };
    let file = into.join("file.bin");
    Ok(Way {
        name: "handout (TLS, verified, synced)",
        sender,
        fetch: Box::new(fetch),
        file,
        homes: vec![home],
        rounds: vec![],
    })
}

fn nginx(folder: &Path, _: &Path) -> Result<Way> {
    let (nginx, curl) = (find("nginx").ok_or(MISSING)?, find("curl").ok_or(MISSING)?);
    let (sender, port) = servers::nginx(&nginx, folder)?;
    let target = folder.join("curl.bin");
    let fetch = {
        let target = target.clone();
        move |original: &Path| {
            let name = original.file_name().unwrap_or_default().to_string_lossy();
            let mut command = Command::new(&curl);
            command.args(["-sfk", "--http1.1", "-o"]).arg(&target).arg(format!("https://127.0.0.1:{port}/{name}"));
            Ok(command)
        }
    };
    Ok(Way { name: "nginx + curl (TLS)", sender, fetch: Box::new(fetch), file: target, homes: vec![], rounds: vec![] })
}

fn rsync(folder: &Path, _: &Path) -> Result<Way> {
    let rsync = find("rsync").ok_or(MISSING)?;
    let (sender, port) = rsync_daemon(&rsync, folder)?;
    let into = folder.join("rsync");
    fs::create_dir_all(&into)?;
    let fetch = {
        let into = into.clone();
        move |original: &Path| {
            let name = original.file_name().unwrap_or_default().to_string_lossy();
            let mut command = Command::new(&rsync);
            command.args(["-a", "--whole-file", &format!("rsync://127.0.0.1:{port}/m/{name}")]).arg(&into);
            Ok(command)
        }
    };
    let file = into.join("file.bin");
    Ok(Way {
        name: "rsync daemon (not encrypted)",
        sender,
        fetch: Box::new(fetch),
        file,
        homes: vec![],
        rounds: vec![],
    })
}

/// Both sides are told of each other, so no tracker and no DHT take part.
fn rqbit(folder: &Path, file: &Path) -> Result<Way> {
    let rqbit = find("rqbit").ok_or(MISSING)?;
    let maker = find("transmission-create").ok_or("transmission-create is not installed (benches/setup)")?;
    let torrent = folder.join("file.torrent");
    run(Command::new(maker).arg("-o").arg(&torrent).arg(file))?;
    let port = free_port()?;
    let alone = ["-v", "error", "--disable-dht", "--disable-lsd", "--disable-trackers", "--disable-upnp-port-forward"];
    let mut seed = Command::new(&rqbit);
    seed.args(alone).args(["--listen-port", &port.to_string(), "download", "--disable-http-api", "--overwrite", "-o"]);
    seed.arg(folder).arg(&torrent).env("HOME", folder);
    let sender = Process::start(seed.stdout(Stdio::null()).stderr(Stdio::null()))?;
    wait_for("rqbit answers", Duration::from_secs(20), || answers(port))?;
    thread::sleep(Duration::from_secs(5));
    let into = folder.join("rqbit");
    let fetch = {
        let (into, folder) = (into.clone(), folder.to_owned());
        move |_: &Path| {
            fs::create_dir_all(&into)?;
            let mut command = Command::new(&rqbit);
            command.args(alone).args(["--disable-tcp-listen", "download", "--disable-http-api", "--exit-on-finish"]);
            command.args(["--initial-peers", &format!("127.0.0.1:{port}"), "-o"]).arg(&into).arg(&torrent);
            command.env("HOME", &folder);
            Ok(command)
        }
    };
    let file = into.join("file.bin");
    Ok(Way { name: "rqbit (not encrypted)", sender, fetch: Box::new(fetch), file, homes: vec![], rounds: vec![] })
}
