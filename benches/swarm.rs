//! One computer has a file, eight want it at once; every line gives so many Mbit/s up and down. Until when does the last one
//! have it, in parts of the ideal (the file's size through one line), and how often does the first one send the file?
//!
//! `cargo bench --bench swarm -- [MIB] [ROUNDS] [MBIT] [HOSTS] [PEERS]` (100, 5, 100, 9, `handout,nginx,qbittorrent`), as
//! root: each computer is a network namespace with a shaped line. Nobody is told of anybody beyond what people would do: with
//! Handout, eight people open one link.
//!
//! The clock runs from the start of the first receiver's program until the last one has said that its file is complete and
//! checked: starting eight programs at once on this machine's cores is in it, for the others as for us. What goes over the
//! lines is counted at the interface, with the heads of every packet; see `docs/SPEED.md` for what they cost.

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{Found, MISSING, Process, Reach, Result, Row, find, handout, hosts::Hosts, run, wait_for};

/// Nobody waits longer than this for a round.
const LIMIT: Duration = Duration::from_secs(180);

struct Room {
    hosts: Hosts,
    folder: tempfile::TempDir,
    file: PathBuf,
    bytes: u64,
    leeches: u8,
    ideal: f64,
}

/// What a round came to.
struct Round {
    /// Seconds until each had it, in order.
    done: Vec<f64>,
    /// Copies of the file that the first one's line carried, heads of packets included.
    copies: f64,
}

fn main() -> Result<()> {
    let arguments = common::arguments();
    let number = |at, default| common::number(&arguments, at, default);
    let (mib, rounds, mbit, count) = (number(0, 100)?, number(1, 5)?, number(2, 100)?, number(3, 9)?);
    let peers = arguments.get(4).map_or("handout,nginx,qbittorrent", String::as_str);
    let work = format!("1 → {}, {mib} MiB, {mbit} Mbit/s", count - 1);
    let missing =
        |why: &str| Row { work: &work, measure: "last done", against: "ideal", found: Found::Missing(why) }.tell();
    let hosts = match Hosts::up(u8::try_from(count)?, u32::try_from(mbit)?) {
        Ok(hosts) => hosts,
        Err(error) => {
            missing(&format!("network namespaces need root and iproute2 ({error})"));
            return Ok(());
        }
    };
    let folder = common::folder(None)?;
    let file = folder.path().join("file.bin");
    common::write_random(&file, mib)?;
    let ideal = (mib << 20) as f64 * 8.0 / (mbit as f64 * 1e6);
    let room = Room { hosts, folder, file, bytes: mib << 20, leeches: u8::try_from(count - 1)?, ideal };
    let mut ours = vec![];
    for round in 0..rounds {
        ours.push(room.tell("handout", room.handout(round)?));
    }
    report(&room, &work, &ours);
    // The others take long and vary little.
    if peers.contains("nginx") {
        compare(&work, "nginx", &ours, room.nginx().map(|round| room.tell("nginx", round)));
    }
    if peers.contains("qbittorrent") {
        compare(&work, "qBittorrent", &ours, room.qbittorrent().map(|round| room.tell("qBittorrent", round)));
    }
    Ok(())
}

/// Ours against the ideal.
fn report(room: &Room, work: &str, rounds: &[Round]) {
    let lasts: Vec<f64> = rounds.iter().map(Round::last).collect();
    let found = Found::Ratio { ours: &lasts, theirs: &vec![room.ideal; lasts.len()], reach: Reach::AtMost(1.15) };
    Row { work, measure: "last done", against: "ideal (size ÷ rate)", found }.tell();
    let sent: Vec<f64> = rounds.iter().map(|round| round.copies).collect();
    let found = Found::Ratio { ours: &sent, theirs: &vec![1.0; sent.len()], reach: Reach::AtMost(1.1) };
    Row { work, measure: "first one's upload", against: "one copy", found }.tell();
}

/// Ours against one round of theirs.
fn compare(work: &str, against: &str, ours: &[Round], theirs: Result<Round>) {
    let theirs = match theirs {
        Ok(theirs) => theirs,
        Err(why) => {
            let why = why.to_string();
            return Row { work, measure: "last done", against, found: Found::Missing(&why) }.tell();
        }
    };
    let row = |measure: &str, ours: Vec<f64>, theirs: f64| {
        let found = Found::Ratio { ours: &ours, theirs: &vec![theirs; ours.len()], reach: Reach::Told };
        Row { work, measure, against, found }.tell();
    };
    row("last done", ours.iter().map(Round::last).collect(), theirs.last());
    row("first one's upload", ours.iter().map(|round| round.copies).collect(), theirs.copies);
}

impl Round {
    fn last(&self) -> f64 {
        self.done.last().copied().unwrap_or(f64::NAN)
    }
}

/// How a leech shows that it has the file.
#[derive(Clone)]
enum Sign {
    /// It says a line.
    Line,
    /// A file is there.
    File(PathBuf),
}

impl Sign {
    /// Waits for it; `false` where it can't come any more.
    fn appears(&self, output: Option<&mut BufReader<ChildStdout>>) -> bool {
        match (self, output) {
            (Sign::Line, Some(output)) => output.read_line(&mut String::new()).is_ok_and(|read| read > 0),
            (Sign::Line, None) => false,
            (Sign::File(path), _) => wait_for("it is done", LIMIT, || path.exists()).is_ok(),
        }
    }
}

/// One that wants the file.
struct Leech {
    command: Command,
    file: PathBuf,
    sign: Sign,
}

impl Room {
    /// For people who look on.
    fn tell(&self, name: &str, round: Round) -> Round {
        let parts: Vec<String> = round.done.iter().map(|time| format!("{:.2}", time / self.ideal)).collect();
        println!("  {name}: done after {} × ideal; {:.2} copies sent", parts.join(" "), round.copies);
        round
    }

    /// Bytes that the first one has sent so far, with the heads of every packet.
    fn sent(&self) -> Result<u64> {
        let mut cat = Command::new("cat");
        let output = self.hosts.on(0, cat.arg("/sys/class/net/eth0/statistics/tx_bytes")).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn handout(&self, round: u64) -> Result<Round> {
        let home = |host: u8| self.place(&format!("home-{round}-{host}"));
        let mut share = handout(&home(0));
        let (_seed, link) = Process::with_line(&mut self.hosts.on(0, share.arg("share").arg(&self.file)))?;
        thread::sleep(Duration::from_secs(2));
        let leech = |host: u8| {
            let into = self.place(&format!("into-{host}"));
            fs::create_dir_all(&into)?;
            let mut get = handout(&home(host));
            get.args(["get", &link, "--keep-seeding", "--into"]).arg(&into);
            let mut command = self.hosts.on(host, &get);
            if let Some(logs) = std::env::var_os("HANDOUT_BENCH_LOG") {
                let log = fs::File::create(Path::new(&logs).join(format!("leech-{host}.log")))?;
                command.env("HANDOUT_LOG", "handout=trace").stderr(log);
            }
            Ok(Leech { command, file: into.join("file.bin"), sign: Sign::Line })
        };
        let round = self.race(leech);
        for host in 0..=self.leeches {
            let _ = fs::remove_dir_all(home(host));
        }
        round
    }

    /// Eight downloads from one web server.
    fn nginx(&self) -> Result<Round> {
        let (nginx, curl) = (find("nginx").ok_or(MISSING)?, find("curl").ok_or(MISSING)?);
        let root = self.folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/nginx.log;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; sendfile on; server {{ listen 80; root {root}; }} }}\n"
        );
        fs::write(self.place("nginx.conf"), config)?;
        let mut server = Command::new(nginx);
        server.arg("-p").arg(self.folder.path()).arg("-c").arg(self.place("nginx.conf"));
        let _server = Process::start(self.hosts.on(0, &server).stderr(Stdio::null()))?;
        thread::sleep(Duration::from_secs(1));
        self.race(|host| {
            let file = self.place(&format!("curl-{host}"));
            let mut command = Command::new(&curl);
            command.args(["-sf", "-w", "done\n", "-o"]).arg(&file);
            command.arg(format!("http://{}/file.bin", self.hosts.address(0)));
            Ok(Leech { command: self.hosts.on(host, &command), file, sign: Sign::Line })
        })
    }

    /// Everything on by which it finds others: the first one's own tracker, peer exchange and local discovery.
    fn qbittorrent(&self) -> Result<Round> {
        let program = find("qbittorrent-nox").ok_or(MISSING)?;
        let maker = find("transmission-create").ok_or(MISSING)?;
        let torrent = self.place("file.torrent");
        let tracker = format!("http://{}:9000/announce", self.hosts.address(0));
        run(Command::new(maker).args(["-s", "256", "-t", &tracker, "-o"]).arg(&torrent).arg(&self.file))?;
        let command = |host: u8, into: &Path, sign: &Path| {
            let profile = self.place(&format!("qb-{host}"));
            let config = profile.join("qBittorrent/config");
            fs::create_dir_all(&config)?;
            let text = format!(
                "[AutoRun]\nenabled=true\nprogram=touch {}\n[LegalNotice]\nAccepted=true\n[Preferences]\n\
                 WebUI\\Enabled=false\n[BitTorrent]\nSession\\DHTEnabled=false\nSession\\Port=6881\n\
                 Session\\LSDEnabled=true\nSession\\PeXEnabled=true\nTrackerEnabled={}\n",
                sign.display(),
                host == 0
            );
            fs::write(config.join("qBittorrent.conf"), text)?;
            let mut command = Command::new(&program);
            command.arg(format!("--profile={}", profile.display())).arg(format!("--save-path={}", into.display()));
            command.args(["--skip-dialog=true", "--add-paused=false"]).arg(&torrent);
            let mut there = self.hosts.on(host, &command);
            there.stdout(Stdio::null()).stderr(Stdio::null());
            Ok::<Command, Box<dyn std::error::Error>>(there)
        };
        let _seed = Process::start(&mut command(0, self.folder.path(), &self.place("qb-seeds"))?)?;
        thread::sleep(Duration::from_secs(8));
        self.race(|host| {
            let into = self.place(&format!("qb-into-{host}"));
            fs::create_dir_all(&into)?;
            let sign = self.place(&format!("qb-done-{host}"));
            let command = command(host, &into, &sign)?;
            Ok(Leech { command, file: into.join("file.bin"), sign: Sign::File(sign) })
        })
    }

    /// Starts all leeches at once, and lets them run until the last one has the file.
    fn race(&self, leech: impl Fn(u8) -> Result<Leech>) -> Result<Round> {
        let mut leeches = (1..=self.leeches).map(leech).collect::<Result<Vec<_>>>()?;
        let before = self.sent()?;
        let begun = Instant::now();
        let (mut running, mut waiting) = (vec![], vec![]);
        for leech in &mut leeches {
            let sign = leech.sign.clone();
            let output = if matches!(sign, Sign::Line) { Stdio::piped() } else { Stdio::null() };
            let mut process = Process::start(leech.command.stdin(Stdio::null()).stdout(output))?;
            let mut output = process.output();
            waiting.push(thread::spawn(move || {
                let appeared = sign.appears(output.as_mut());
                (appeared.then(|| begun.elapsed().as_secs_f64()), output)
            }));
            running.push(process);
        }
        wait_for("every leech has the file", LIMIT, || waiting.iter().all(|leech| leech.is_finished()))?;
        let copies = (self.sent()? - before) as f64 / self.bytes as f64;
        let mut done = vec![];
        for leech in waiting {
            let (time, _output) = leech.join().map_err(|_| "a waiting thread panicked")?;
            done.push(time.ok_or("a leech ended without the file")?);
        }
        done.sort_by(f64::total_cmp);
        drop(running);
        for leech in &leeches {
            if !common::same(&self.file, &leech.file) {
                return Err(format!("{} is not the file that was shared", leech.file.display()).into());
            }
            fs::remove_file(&leech.file)?;
        }
        Ok(Round { done, copies })
    }
}
