//! The central server as people meet it: the real program, asked over TLS by curl.

mod accounts;
pub mod apps;
mod enrolled;
mod guarding;
mod handing_over;
mod sharing;

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
    /// The code for the first administrator, if nobody owns the server yet.
    pub code: Option<String>,
}

/// Somebody's browser: a jar of cookies. `key`: acts by a key instead.
pub struct Browser {
    address: String,
    jar: PathBuf,
    key: Option<String>,
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
        let owner = server.browser("owner");
        let code = server.code.clone().expect("a new server shows a code");
        let fields = [("code", code.as_str()), ("shown", "Grace Hopper"), ("name", "grace"), ("password", PASSWORD)];
        let answer = owner.post("/setup", &fields);
        assert_eq!(answer.status, 303, "{}", answer.text());
        (server, owner)
    }

    fn start_in(folder: tempfile::TempDir) -> Server {
        let (program, address, code) = launch(folder.path());
        Server { folder, program, address, code }
    }

    /// Ends the program without a warning, and starts it again.
    pub fn kill_and_start(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
        (self.program, self.address, self.code) = launch(self.folder.path());
    }

    pub fn browser(&self, name: &str) -> Browser {
        let jar = self.folder.path().join(format!("{name}.cookies"));
        Browser { address: self.address.clone(), jar, key: None, count: std::cell::Cell::new(0) }
    }

    /// Runs `handout admin` on this server.
    pub fn admin(&self, words: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
        command.arg("admin").args(words).arg("--home").arg(self.folder.path().join("home"));
        command.output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.program.kill().ok();
        self.program.wait().ok();
    }
}

fn launch(folder: &Path) -> (Child, String, Option<String>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_handout"))
        .args(["serve", "--json", "--listen", "127.0.0.1:0", "--no-discovery", "--home"])
        .arg(folder.join("home"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    let address = said["addresses"][0].as_str().unwrap().to_owned();
    (program, address, said["setup_code"].as_str().map(str::to_owned))
}

impl Browser {
    /// The same server, asked with a key.
    pub fn with_key(&self, key: &str) -> Browser {
        let jar = self.jar.with_extension("none");
        Browser { address: self.address.clone(), jar, key: Some(key.to_owned()), count: std::cell::Cell::new(0) }
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
        let args = [
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
    let made = server.admin(&["add-person", name, "--role", role, "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("an account is made");
    let first = made["password"].as_str().unwrap().to_owned();
    let browser = server.browser(name);
    assert_eq!(browser.sign_in(name, &first).header("location"), "/account");
    let changed = browser.post("/account/password", &[("old", &first), ("new", PASSWORD)]);
    assert_eq!(changed.status, 303, "{}", changed.text());
    browser
}
