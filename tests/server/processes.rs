//! Two processes behind one address are one server: one PostgreSQL, one object store, and a client who comes to either.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Browser, PASSWORD};
use crate::s3::{BUCKET, KEY, S3, SECRET};

/// The storage and the database, and a folder for all processes' homes.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub s3: S3,
    pub database: String,
}

/// One process of the server.
pub struct Process {
    program: Child,
    pub address: String,
    pub code: Option<String>,
}

impl Site {
    pub fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "one secret that all processes of the server have\n").unwrap();
        Site { folder, s3: S3::start(), database: crate::postgres::new_database() }
    }

    pub fn config(&self) -> String {
        format!(
            "[database]\nurl = '{}'\n[storage]\nurl = 's3://{BUCKET}/lab'\nendpoint = '{}'\ncache_mib = 64\n\
             reserve_mib = 16\n[cluster]\nsecret_file = '{}'\n",
            self.database,
            self.s3.endpoint(),
            self.folder.path().join("secret").display()
        )
    }

    pub fn start(&self, home: &str) -> Process {
        let config = self.folder.path().join(format!("{home}.toml"));
        std::fs::write(&config, self.config()).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_handout"))
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--no-discovery", "--config"])
            .arg(config)
            .arg("--home")
            .arg(self.folder.path().join(home))
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.folder.path().join(format!("{home}.log"))).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error}: {line:?}\n{}", log(self.folder.path(), home)));
        let address = said["addresses"][0].as_str().unwrap().to_owned();
        Process { program, address, code: said["setup_code"].as_str().map(str::to_owned) }
    }

    pub fn browser(&self, process: &Process, name: &str) -> Browser {
        let jar = self.folder.path().join(format!("{name}.cookies"));
        Browser::with_jar(&process.address, jar)
    }
}

pub fn log(folder: &Path, home: &str) -> String {
    std::fs::read_to_string(folder.join(format!("{home}.log"))).unwrap_or_default()
}

impl Process {
    /// Ends it without a warning.
    pub fn kill(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.program.kill().ok();
        self.program.wait().ok();
    }
}

/// The same person at the other process: the jar of cookies comes along, as behind one address.
fn at(browser: &Browser, process: &Process) -> Browser {
    browser.at(&process.address, 1_000)
}

fn owner(site: &Site, process: &Process) -> Browser {
    let owner = site.browser(process, "owner");
    let code = process.code.clone().expect("a new server shows a code");
    let fields = [("code", code.as_str()), ("shown", "Grace Hopper"), ("name", "grace"), ("password", PASSWORD)];
    let answer = owner.post("/setup", &fields);
    assert_eq!(answer.status, 303, "{}", answer.text());
    owner
}

fn bytes(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// Asks until it is so.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_client_who_comes_to_either_process_meets_one_server() {
    let site = Site::new();
    let (one, two) = (site.start("one"), site.start("two"));
    // The code that was shown last is good, as after a new start.
    let here = owner(&site, &two);
    let there = at(&here, &one);

    assert_eq!(there.get("/api/v1/me").value()["name"], "Grace Hopper", "signed in at one is signed in at the other");
    let certificate = |browser: &Browser| browser.get("/authority.pem");
    assert_eq!(certificate(&here).text(), certificate(&there).text());
    assert!(certificate(&here).text().contains("BEGIN CERTIFICATE"));
    let ids: Vec<Vec<u8>> =
        ["one", "two"].map(|home| std::fs::read(site.folder.path().join(home).join("identity.key")).unwrap()).into();
    assert_eq!(ids[0], ids[1], "one key on one machine");

    // An upload that goes from one to the other and back, with short and long steps.
    let content = bytes(1, 11_000_000);
    let batch = here.begin("Lesson of both", "room");
    let place = there.announce(&batch, "lesson.bin", content.len()).header("location").to_owned();
    let mut end = 0;
    for (turn, step) in [5_000_000, 10, 1_000_000, 4_500_000, 1, 499_989].into_iter().enumerate() {
        let browser = if turn % 2 == 0 { &here } else { &there };
        let told = browser.ask("HEAD", &place, &["-H", "Tus-Resumable: 1.0.0"]);
        assert_eq!(told.header("upload-offset"), end.to_string(), "both know how far it is");
        let answer = browser.patch(&place, end, &content[end..end + step]);
        assert_eq!(answer.status, 204, "{}", answer.text());
        end += step;
    }
    assert_eq!(end, content.len());
    let share = there.finish(&batch);

    for browser in [&here, &there] {
        let found = browser.get("/api/v1/search?q=lesson").value();
        assert!(found.to_string().contains(&share), "{found}");
        let file = browser.get(&format!("/api/v1/shares/{share}/files/0"));
        assert_eq!((file.status, file.body == content), (200, true));
        let part =
            browser.ask("GET", &format!("/api/v1/shares/{share}/files/0"), &["-H", "Range: bytes=4000000-4999999"]);
        assert_eq!((part.status, part.body == content[4_000_000..5_000_000]), (206, true));
    }

    // What is changed at one holds at the other.
    let form = [("title", "Hidden lesson"), ("audience", "owner")];
    assert_eq!(here.post(&format!("/s/{share}/change"), &form).status, 303);
    let guest = site.browser(&one, "guest");
    assert_ne!(guest.get(&format!("/api/v1/shares/{share}/files/0")).status, 200);
    assert_eq!(here.post(&format!("/s/{share}/remove"), &[("sure", "yes")]).status, 303);
    assert_eq!(there.get(&format!("/s/{share}")).status, 404);
    assert_eq!(here.post("/sign-out", &[]).status, 303);
    assert_eq!(there.get("/api/v1/me").value()["name"], "Guest", "signed out of both");
}

#[test]
fn a_process_that_is_killed_in_the_middle_leaves_everything_to_the_other() {
    let site = Site::new();
    let mut one = site.start("one");
    let here = owner(&site, &one);
    let two = site.start("two");
    let there = at(&here, &two);
    let first = bytes(3, 2_000_000);
    let shared = here.upload("Given before", "room", "before.bin", &first);
    let content = bytes(2, 9_000_000);
    let batch = here.begin("Half and half", "room");
    let place = here.announce(&batch, "half.bin", content.len()).header("location").to_owned();
    assert_eq!(here.patch(&place, 0, &content[..4_400_000]).status, 204);

    // It is killed while more is coming.
    let origin = format!("Origin: {}", one.address);
    let rest = site.folder.path().join("rest");
    std::fs::write(&rest, &content[4_400_000..]).unwrap();
    let mut sending = Command::new("curl")
        .args(["-sk", "--limit-rate", "1M", "-X", "PATCH", "-H", &origin, "-H", "Tus-Resumable: 1.0.0"])
        .args(["-H", "Upload-Offset: 4400000", "-H", "Content-Type: application/offset+octet-stream", "-H", "Expect:"])
        .arg("-b")
        .arg(&here.jar)
        .arg("--data-binary")
        .arg(format!("@{}", rest.display()))
        .arg(format!("{}{place}", one.address))
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    one.kill();
    sending.wait().unwrap();

    let offset = || there.ask("HEAD", &place, &["-H", "Tus-Resumable: 1.0.0"]).header("upload-offset").parse::<usize>();
    let mut end = offset().unwrap();
    assert!((4_400_000..content.len()).contains(&end), "what was confirmed is there: {end}");
    soon("writing on at the other process", || {
        let answer = there.patch(&place, end, &content[end..]);
        if answer.status != 204 {
            // The lease of the one that was killed has to end first.
            assert_eq!(answer.status, 423, "{}", answer.text());
            end = offset().unwrap();
        }
        answer.status == 204
    });
    let share = there.finish(&batch);
    assert!(there.get(&format!("/api/v1/shares/{share}/files/0")).body == content);
    assert!(there.get(&format!("/api/v1/shares/{shared}/files/0")).body == first, "given by the one that is gone");

    // A third with an empty home is the same server at once.
    let three = site.start("three");
    let again = at(&here, &three);
    assert!(again.get(&format!("/api/v1/shares/{share}/files/0")).body == content);
    let verified = Command::new(env!("CARGO_BIN_EXE_handout"))
        .args(["admin", "audit", "verify", "--json", "--config"])
        .arg(site.folder.path().join("two.toml"))
        .arg("--home")
        .arg(site.folder.path().join("two"))
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .output()
        .unwrap();
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified["whole"], json!(true));
}

#[test]
fn failed_sign_ins_and_policy_count_for_all_processes() {
    let site = Site::new();
    let one = site.start("one");
    let here = owner(&site, &one);
    let two = site.start("two");
    let there = at(&here, &two);
    let (a, b) = (site.browser(&one, "a"), site.browser(&two, "b"));
    // Each process sees every second try. Three are free and the waits after that are 1, 2, 4 seconds, so four seconds are
    // asked for after six in all, and after three at one of them there would be no wait yet.
    let mut refused = 0;
    let waited = loop {
        for browser in [&a, &b] {
            let answer = browser.sign_in("nobody", "wrong horse");
            refused += u32::from(answer.status == 401);
            if answer.status == 429 {
                std::thread::sleep(Duration::from_secs(answer.header("retry-after").parse().unwrap()));
            }
        }
        if refused >= 6 {
            let told = a.sign_in("nobody", "wrong horse");
            break (told.status, told.header("retry-after").parse::<u32>().unwrap_or(0));
        }
    };
    assert!(waited.0 == 429 && waited.1 >= 2, "{waited:?} after {refused} failures");

    let versions = || [&here, &there].map(|browser| browser.get("/api/v1/policy").value()["version"].as_u64());
    let before = versions();
    assert_eq!(before[0], before[1]);
    let exam = here.post("/admin/policy/exam", &[("minutes", "60"), ("note", "Physics"), ("on", "yes")]);
    assert_eq!(exam.status, 303, "{}", exam.text());
    soon("the policy of the other process", || versions()[1] > before[1] && versions()[0] == versions()[1]);
}

#[test]
fn a_storage_that_is_down_is_told_clearly_and_the_server_comes_back_by_itself() {
    let site = Site::new();
    let one = site.start("one");
    let here = owner(&site, &one);
    let content = bytes(5, 3_000_000);
    let share = here.upload("Far away", "room", "far.bin", &content);
    let batch = here.begin("Not now", "room");
    let place = here.announce(&batch, "later.bin", 10).header("location").to_owned();
    assert_eq!(here.get("/readyz").status, 200);

    site.s3.set_down(true);
    let answer = here.get(&format!("/api/v1/shares/{share}/files/0"));
    assert_eq!((answer.status, answer.value()["code"].as_str()), (503, Some("storage")), "{}", answer.text());
    assert!(!answer.header("retry-after").is_empty());
    let answer = here.patch(&place, 0, b"0123456789");
    assert_eq!((answer.status, answer.value()["code"].as_str()), (503, Some("storage")), "{}", answer.text());
    soon("readyz says so", || here.get("/readyz").status == 503);
    assert_eq!(here.get("/healthz").status, 200);
    assert_eq!(here.get("/").status, 200, "what needs no bytes goes on");

    site.s3.set_down(false);
    soon("readyz", || here.get("/readyz").status == 200);
    assert!(here.get(&format!("/api/v1/shares/{share}/files/0")).body == content);
    assert_eq!(here.patch(&place, 0, b"0123456789").status, 204);
    let share = here.finish(&batch);
    assert_eq!(here.get(&format!("/api/v1/shares/{share}/files/0")).body, b"0123456789");
}

#[test]
fn a_configuration_is_tried_out_before_it_is_used() {
    let site = Site::new();
    let check = |config: &str, secret: &str| {
        let path = site.folder.path().join("checked.toml");
        std::fs::write(&path, config).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_handout"))
            .args(["serve", "--check", "--config"])
            .arg(&path)
            .arg("--home")
            .arg(site.folder.path().join("checked"))
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (right, said) = check(&site.config(), SECRET);
    assert!(right, "{said}");
    let (right, said) = check(&site.config(), "not the secret");
    assert!(!right && said.contains("storage") && !said.contains("not the secret"), "{said}");
    let (right, said) = check(&site.config().replace("cache_mib", "cash_mib"), SECRET);
    assert!(!right && said.contains("line 6"), "{said}");
    assert!(site.s3.objects("").is_empty(), "nothing is left of the trial");
}
