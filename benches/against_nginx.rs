//! One large file from one computer to another over TLS 1.3: Handout (both sides, every piece verified, synced to disk)
//! against nginx and curl (nothing verified), both sides on this machine, taking turns in one run.
//!
//! `cargo bench --bench against_nginx -- [MIB] [ROUNDS] [FOLDER]` (2048, 5, the temporary folder). It needs `nginx`, `curl`
//! and `openssl` (Debian: nginx-light, curl, openssl) and says so where they are missing. The ratio is what counts: above 1,
//! Handout is faster. Handout's time begins with the start of `handout get` and ends with its exit, when the file stands
//! under its final name; curl's likewise.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (mib, rounds) = (number(0, 2_048)?, number(1, 5)?);
    let parent = arguments.get(2).map_or_else(std::env::temp_dir, PathBuf::from);
    for tool in ["nginx", "curl", "openssl"] {
        if !is_there(tool) {
            println!("not measured: {tool} is missing (Debian: apt-get install nginx-light curl openssl)");
            return Ok(());
        }
    }
    let folder = tempfile::Builder::new().prefix("handout-bench-").tempdir_in(parent)?;
    let file = folder.path().join("file.bin");
    write_random(&file, mib)?;
    let nginx = Nginx::start(folder.path())?;
    let seed = Seed::start(folder.path(), &file)?;
    let (mut ours, mut theirs) = (vec![], vec![]);
    for round in 0..rounds {
        theirs.push(nginx.fetch(folder.path())?);
        ours.push(seed.fetch(folder.path(), round)?);
    }
    report(mib, &ours, &theirs);
    Ok(())
}

fn report(mib: u64, ours: &[Duration], theirs: &[Duration]) {
    let speed = |time: Duration| mib as f64 / time.as_secs_f64();
    let (mine, other) = (median(ours), median(theirs));
    println!(
        "{mib} MiB, TLS 1.3, one source, both sides on this machine; medians of {} alternating rounds",
        ours.len()
    );
    println!("| | s | min | max | MiB/s |\n|---|---|---|---|---|");
    for (name, times) in [("nginx + curl (not verified)", theirs), ("handout (verified, synced)", ours)] {
        let (min, max) =
            (times.iter().min().copied().unwrap_or_default(), times.iter().max().copied().unwrap_or_default());
        let middle = median(times);
        let seconds = [middle, min, max].map(|time| format!("{:.2}", time.as_secs_f64())).join(" | ");
        println!("| {name} | {seconds} | {:.0} |", speed(middle));
    }
    println!("ratio of speeds, handout : nginx + curl = {:.2}", other.as_secs_f64() / mine.as_secs_f64());
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn is_there(tool: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Random bytes, so that nothing on the way can make them fewer.
fn write_random(path: &Path, mib: u64) -> Result<()> {
    let mut file = fs::File::create(path)?;
    let mut random = blake3::Hasher::new().update(&std::process::id().to_le_bytes()).finalize_xof();
    let mut block = vec![0; 1 << 20];
    for _ in 0..mib {
        random.fill(&mut block);
        file.write_all(&block)?;
    }
    Ok(file.sync_all()?)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdout(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Ends with the value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Nginx {
    _process: Process,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path) -> Result<Nginx> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let path = |name: &str| folder.join(name).display().to_string();
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=bench", "-keyout"])
            .args([&path("key.pem"), "-out", &path("cert.pem")]))?;
        let root = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/nginx.log;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port} ssl; root {root};\n\
             ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.3;\n\
             ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; }} }}\n"
        );
        fs::write(folder.join("nginx.conf"), config)?;
        // Its worker runs as nobody where we are root, and has to find the file.
        run(Command::new("chmod").args(["a+rx", &folder.display().to_string()]))?;
        let process = Command::new("nginx").args(["-p", &root.to_string(), "-c", &path("nginx.conf")]).spawn()?;
        let nginx = Nginx { _process: Process(process), port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("nginx does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    fn fetch(&self, folder: &Path) -> Result<Duration> {
        let target = folder.join("curl.bin");
        let url = format!("https://127.0.0.1:{}/file.bin", self.port);
        let begun = Instant::now();
        run(Command::new("curl").args(["-sfk", "--http1.1", "-o"]).arg(&target).arg(url))?;
        let took = begun.elapsed();
        fs::remove_file(target)?;
        Ok(took)
    }
}

/// A running `handout share`.
struct Seed {
    _process: Process,
    link: String,
}

impl Seed {
    fn start(folder: &Path, file: &Path) -> Result<Seed> {
        let mut process = handout(&folder.join("seed"))
            .args(["share", "--listen", "127.0.0.1:0"])
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let process = Process(process);
        let mut link = String::new();
        BufReader::new(output).read_line(&mut link)?;
        Ok(Seed { _process: process, link: link.trim().to_owned() })
    }

    fn fetch(&self, folder: &Path, round: u64) -> Result<Duration> {
        let home = folder.join(format!("leech-{round}"));
        let into = folder.join(format!("into-{round}"));
        fs::create_dir_all(&into)?;
        let begun = Instant::now();
        run(handout(&home).args(["get", &self.link, "--listen", "127.0.0.1:0", "--into"]).arg(&into))?;
        let took = begun.elapsed();
        fs::remove_dir_all(into)?;
        Ok(took)
    }
}

fn handout(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
    command.arg("--home").arg(home).args(["--no-discovery", "--quiet"]);
    command
}
