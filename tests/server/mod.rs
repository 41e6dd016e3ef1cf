//! The central server as people meet it: the real program, asked over TLS by curl.

mod accounts;
mod admission;
pub mod apps;
mod certificates;
mod chained;
mod console;
mod enrolled;
mod exams;
mod guarding;
mod handing_over;
mod hardening;
mod healing;
mod killed;
mod link_counts;
mod machine;
mod moving;
pub mod processes;
mod protocols;
mod roles;
mod sharing;
mod uploads;
mod watching;
mod witness;

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

pub const PASSWORD: &str = "four tall pines";

/// A running server, with a folder of its own.
pub struct Server {
    pub folder: tempfile::TempDir,
    program: Child,
    pub address: String,
    /// Where `/metrics` is answered.
    pub metrics: Option<String>,
    /// The code for the first administrator, if nobody owns the server yet.
    pub code: Option<String>,
}

struct Launched {
    program: Child,
    address: String,
    metrics: Option<String>,
    code: Option<String>,
}

/// Somebody's browser: a jar of cookies. `key`: acts by a key instead.
pub struct Browser {
    address: String,
    jar: PathBuf,
    key: Option<String>,
    /// The file of a computer's key, with its certificate beside it: it comes by no browser.
    computer: Option<PathBuf>,
    count: std::cell::Cell<u32>,
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Server {
    pub fn start() -> Server {
        Server::start_in(tempfile::tempdir().unwrap())
    }

    /// A server that has an owner, who is signed in.
    pub fn owned() -> (Server, Browser) {
        let server = Server::start();
        let owner = server.own();
        (server, owner)
    }

    /// Makes the first administrator of a new server, who is signed in then.
    pub fn own(&self) -> Browser {
        let owner = self.browser("owner");
        let code = self.code.clone().expect("a new server shows a code");
        let fields = [("code", code.as_str()), ("shown", "Grace Hopper"), ("name", "grace"), ("password", PASSWORD)];
        let answer = owner.post("/setup", &fields);
        assert_eq!(answer.status, 303, "{}", answer.text());
        owner
    }

    /// `folder` may have a `server.toml`; its home folder is `home`.
    pub fn start_in(folder: tempfile::TempDir) -> Server {
        let Launched { program, address, metrics, code } = launch(folder.path(), ANY_PORT);
        Server { folder, program, address, metrics, code }
    }

    /// Runs `handout admin` on this server, with a folder to read or write.
    pub fn admin_at(&self, words: &[&str], folder: &Path) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
        command.arg("admin").args(words).arg(folder).arg("--json");
        command.arg("--home").arg(self.folder.path().join("home")).output().unwrap()
    }

    /// Ends the program without a warning, and starts it again.
    pub fn kill_and_start(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
        self.start_again();
    }

    /// Ends the program as a service manager does.
    pub fn stop(&mut self) {
        let ended = Command::new("kill").arg(self.program.id().to_string()).status().unwrap();
        assert!(ended.success() && self.program.wait().unwrap().success(), "the server ends in order");
    }

    /// [`Server::stop`], and starts it again.
    pub fn end_and_start(&mut self) {
        self.stop();
        self.start_again();
    }

    pub fn start_again(&mut self) {
        Launched { program: self.program, address: self.address, metrics: self.metrics, code: self.code } =
            launch(self.folder.path(), ANY_PORT);
    }

    /// Ends the program without a warning.
    pub fn kill(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }

    /// Starts it again at the same address.
    pub fn start_at_the_same_address(&mut self) {
        let at = self.address.trim_start_matches("https://").to_owned();
        Launched { program: self.program, address: self.address, metrics: self.metrics, code: self.code } =
            launch(self.folder.path(), &at);
    }

    /// What it logged so far, one object a line.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    pub fn pid(&self) -> u32 {
        self.program.id()
    }

    pub fn browser(&self, name: &str) -> Browser {
        let jar = self.folder.path().join(format!("{name}.cookies"));
        Browser::with_jar(&self.address, jar)
    }

    /// Runs `handout admin` on this server.
    pub fn admin(&self, words: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
        command.arg("admin").arg("--config").arg(self.folder.path().join("server.toml")).args(words);
        command.arg("--home").arg(self.folder.path().join("home"));
        command.output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.program.kill().ok();
        self.program.wait().ok();
    }
}

/// Any port that is free.
const ANY_PORT: &str = "127.0.0.1:0";

fn launch(folder: &Path, listen: &str) -> Launched {
    let config = folder.join("server.toml");
    if !config.exists() {
        std::fs::write(&config, "[metrics]\nlisten = '127.0.0.1:0'\n").unwrap();
    }
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut program = on_disk(folder)
        .args(["serve", "--json", "--log-format", "json", "--listen", listen, "--no-discovery", "--home"])
        .arg(folder.join("home"))
        .arg("--config")
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    Launched {
        program,
        address: said["addresses"][0].as_str().unwrap().to_owned(),
        metrics: said["metrics"].as_str().map(str::to_owned),
        code: said["setup_code"].as_str().map(str::to_owned),
    }
}

/// The program; on a disk of its own where the folder has a file `disk-mib` that says how large it is, which needs root.
fn on_disk(folder: &Path) -> Command {
    let Ok(mib) = std::fs::read_to_string(folder.join("disk-mib")) else {
        return Command::new(env!("CARGO_BIN_EXE_handout"));
    };
    let disk = folder.join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec"]);
    // What is at home already comes along.
    command
        .arg("mount -t tmpfs -o size=$1m,mode=0700 tmpfs $2; cp -a $3/. $2; mount --bind $2 $3; shift 3; exec \"$@\"");
    command.args(["sh", &mib]).arg(disk).arg(folder.join("home")).arg(env!("CARGO_BIN_EXE_handout"));
    command
}

impl Browser {
    /// A browser that keeps its cookies in this file.
    pub fn with_jar(address: &str, jar: PathBuf) -> Browser {
        Browser { address: address.to_owned(), jar, key: None, computer: None, count: std::cell::Cell::new(0) }
    }

    /// The same person at another address: the cookies come along. `ahead`: answers of both are not written over each other.
    pub fn at(&self, address: &str, ahead: u32) -> Browser {
        let count = std::cell::Cell::new(self.count.get() + ahead);
        Browser { count, ..Browser::with_jar(address, self.jar.clone()) }
    }

    /// The same server, asked with a key.
    pub fn with_key(&self, key: &str) -> Browser {
        let jar = self.jar.with_extension("none");
        Browser {
            address: self.address.clone(),
            jar,
            key: Some(key.to_owned()),
            computer: None,
            count: std::cell::Cell::new(0),
        }
    }

    /// The same server, asked by a computer that proves its key.
    pub fn with_computer_key(self, key: &Path) -> Browser {
        Browser { computer: Some(key.to_owned()), ..self }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Sends a form, as one of the server's own pages does.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut args = vec!["-H".to_owned(), format!("Origin: {}", self.address)];
        for (name, value) in fields {
            args.extend(["--data-urlencode".to_owned(), format!("{name}={value}")]);
        }
        if fields.is_empty() {
            args.extend(["--data".to_owned(), String::new()]);
        }
        self.ask("POST", path, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let origin = format!("Origin: {}", self.address);
        self.ask(method, path, &["-H", &origin, "-H", "Content-Type: application/json", "--data", &body.to_string()])
    }

    /// curl with further arguments.
    pub fn ask(&self, method: &str, path: &str, args: &[&str]) -> Answer {
        self.count.set(self.count.get() + 1);
        let head = self.jar.with_extension(format!("head{}", self.count.get()));
        let mut command = Command::new("curl");
        command.args(["-sk", "--max-time", "60", "--path-as-is", "-X", method]).arg("-D").arg(&head);
        if method == "HEAD" {
            command.arg("--head");
        }
        match &self.key {
            Some(key) => command.arg("-H").arg(format!("Authorization: Bearer {key}")),
            None => command.arg("-b").arg(&self.jar).arg("-c").arg(&self.jar),
        };
        if let Some(key) = &self.computer {
            let mut certificate = key.clone().into_os_string();
            certificate.push(".pem");
            command.arg("--no-alpn").arg("--key").arg(key).arg("--cert").arg(certificate);
        }
        let output = command.args(args).arg(format!("{}{path}", self.address)).output().unwrap();
        let head = std::fs::read_to_string(&head).unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        Answer { status, headers, body: output.stdout }
    }

    pub fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("name", name), ("password", password)])
    }

    /// Uploads one file by tus in the parts that are given, and waits for the share. Returns its id.
    pub fn upload(&self, title: &str, audience: &str, path: &str, content: &[u8]) -> String {
        let batch = self.begin(title, audience);
        let place = self.announce(&batch, path, content.len()).header("location").to_owned();
        self.patch(&place, 0, content);
        self.finish(&batch)
    }

    pub fn begin(&self, title: &str, audience: &str) -> String {
        let begun = self.json("POST", "/api/v1/uploads", &serde_json::json!({ "title": title, "audience": audience }));
        assert_eq!(begun.status, 201, "{}", begun.text());
        begun.value()["id"].as_str().unwrap().to_owned()
    }

    pub fn announce(&self, batch: &str, path: &str, size: usize) -> Answer {
        let base64 = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
        let told = format!("Upload-Metadata: batch {},relativePath {}", base64(batch), base64(path));
        let origin = format!("Origin: {}", self.address);
        let length = format!("Upload-Length: {size}");
        self.ask("POST", "/tus", &["-H", &origin, "-H", "Tus-Resumable: 1.0.0", "-H", &length, "-H", &told])
    }

    pub fn patch(&self, place: &str, offset: usize, content: &[u8]) -> Answer {
        let file = self.jar.with_extension("part");
        std::fs::write(&file, content).unwrap();
        let (origin, offset) = (format!("Origin: {}", self.address), format!("Upload-Offset: {offset}"));
        let kind = "Content-Type: application/offset+octet-stream";
        let data = format!("@{}", file.display());
        // By HTTP/1.1: over HTTP/2 curl before 8.0 loses an answer that comes while it is still sending.
        let args = [
            "--http1.1",
            "-H",
            &origin,
            "-H",
            "Tus-Resumable: 1.0.0",
            "-H",
            &offset,
            "-H",
            kind,
            "-H",
            "Expect:",
            "--data-binary",
            &data,
        ];
        self.ask("PATCH", place, &args)
    }

    pub fn finish(&self, batch: &str) -> String {
        let mut told = self.json("POST", &format!("/api/v1/uploads/{batch}/finish"), &Value::Null);
        let begun = Instant::now();
        loop {
            let value = told.value();
            match value["state"].as_str() {
                Some("done") => return value["share"].as_str().unwrap().to_owned(),
                Some("open" | "sealing") if begun.elapsed() < Duration::from_secs(60) => {}
                _ => panic!("{value}"),
            }
            std::thread::sleep(Duration::from_millis(100));
            told = self.get(&format!("/api/v1/uploads/{batch}"));
        }
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Makes an account and signs in, with the first password changed. Returns the browser.
pub fn person(server: &Server, name: &str, role: &str) -> Browser {
    let made = server.admin(&["people", "add", name, "--role", role, "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("an account is made");
    let first = made["password"].as_str().unwrap().to_owned();
    let browser = server.browser(name);
    assert_eq!(browser.sign_in(name, &first).header("location"), "/account");
    let changed = browser.post("/account/password", &[("old", &first), ("new", PASSWORD)]);
    assert_eq!(changed.status, 303, "{}", changed.text());
    browser
}

/// A key for programs; `scopes` with blanks between them.
pub fn make_key(browser: &Browser, scopes: &str) -> String {
    let page = browser
        .post("/account/keys", &[("name", "script"), ("scopes", scopes), ("days", "1"), ("password", PASSWORD)])
        .text();
    page.split("id=\"key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a key is shown").to_owned()
}

/// A key with its certificate beside it, as openssl makes them, and the id that belongs to it.
pub fn computer_key(folder: &Path, name: &str) -> (PathBuf, String) {
    let key = folder.join(format!("{name}.key"));
    let script = r#"set -e; umask 077
        openssl genpkey -algorithm ed25519 -out "$1"
        openssl req -x509 -new -subj /CN=pc -key "$1" -out "$1.pem"
        openssl pkey -in "$1" -pubout -outform DER | openssl dgst -sha256 -binary | base32 -w0 | tr -d = | tr A-Z a-z"#;
    let made = Command::new("bash").args(["-c", script, "bash"]).arg(&key).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (key, String::from_utf8(made.stdout).unwrap().trim().to_owned())
}
