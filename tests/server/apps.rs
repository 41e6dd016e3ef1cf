//! Computers of the room that were enrolled: the real program as a server, and the real program without a window, asked by
//! its own command line.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Browser, Server};
use crate::cli::program::{Ran, handout, run_at};

const PATIENCE: Duration = Duration::from_secs(60);

/// A computer with a Handout that runs without a window.
pub struct App {
    pub folder: tempfile::TempDir,
    program: Option<Child>,
    /// A folder whose copy is the `/etc` of its machine; without one it is this machine's.
    etc: Option<PathBuf>,
}

impl App {
    /// Starts one.
    pub fn start() -> App {
        App::start_with(None)
    }

    /// Starts one on a machine of its own, which has this `/etc` and nothing else there. Needs root.
    pub fn on_machine(etc: &Path) -> App {
        App::start_with(Some(etc.to_owned()))
    }

    fn start_with(etc: Option<PathBuf>) -> App {
        let mut app = App { folder: tempfile::tempdir().unwrap(), program: None, etc };
        std::fs::create_dir(app.home()).unwrap();
        std::fs::write(app.home().join("settings.toml"), format!("downloads = {:?}\n", app.downloads())).unwrap();
        app.restart();
        app
    }

    /// Starts one that is enrolled.
    pub fn enrolled(server: &Server, token: &str) -> App {
        let app = App::start();
        let ran = app.run(&["enrol", &server.at(), token]);
        assert_eq!(ran.code(), Some(0), "{ran:?}");
        app
    }

    pub fn restart(&mut self) {
        self.stop();
        let mut command = self.etc.as_deref().map_or_else(handout, handout_with);
        command.args(["daemon", "--listen", "127.0.0.1:0", "--no-discovery", "--home"]).arg(self.home());
        self.program = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        self.status("it runs", |status| status["running"] == true && status["listen"].is_string());
    }

    pub fn stop(&mut self) {
        let Some(mut program) = self.program.take() else { return };
        // As a person's session ends it, so that everything is saved.
        let told = Command::new("kill").arg(program.id().to_string()).status().unwrap();
        assert!(told.success());
        program.wait().unwrap();
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        run_at(&self.home(), args)
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let ran = self.run(&args);
        assert_eq!(ran.code(), Some(0), "{args:?}: {ran:?}");
        ran.json()
    }

    /// A file that is not among the downloads.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join("own").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `handout share` of one file.
    pub fn share(&self, file: &Path, args: &[&str]) -> Ran {
        let all: Vec<&str> =
            ["share", file.to_str().unwrap(), "--json"].into_iter().chain(args.iter().copied()).collect();
        self.run(&all)
    }

    /// Waits until the status is as wanted.
    pub fn status(&self, what: &str, as_wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(what, &["status", "--json"], as_wanted)
    }

    /// Waits until what a command prints is as wanted.
    pub fn wait(&self, what: &str, args: &[&str], as_wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let ran = self.run(args);
            let value = serde_json::from_str(&ran.stdout).unwrap_or(Value::Null);
            if as_wanted(&value) {
                return value;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}: {ran:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The program in a mount namespace of its own, where `/etc` is a copy of this folder.
fn handout_with(etc: &Path) -> Command {
    let program = handout();
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs tmpfs /etc && cp -r \"$0\"/. /etc/ && exec \"$@\"";
    command.args(["--mount", "--", "sh", "-c", script]).arg(etc).arg(program.get_program());
    for (variable, _) in program.get_envs() {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

impl Drop for App {
    fn drop(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.kill().ok();
            program.wait().ok();
        }
    }
}

impl Server {
    /// `HOST:PORT`.
    pub fn at(&self) -> String {
        self.address.trim_start_matches("https://").to_owned()
    }
}

/// Makes a token on the page for it.
pub fn token(owner: &Browser, fields: &[(&str, &str)]) -> String {
    let mut all = vec![("note", "Lab"), ("uses", "10"), ("days", "7")];
    all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
    all.extend_from_slice(fields);
    let page = owner.post("/admin/devices/tokens", &all);
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let token = text.split("id=\"token\">").nth(1).and_then(|rest| rest.split('<').next());
    token.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// Changes the policy by its form; what is not named is as it is for a new server.
pub fn policy(owner: &Browser, fields: &[(&str, &str)]) {
    let mut all = vec![
        ("managed_by", "Hill School"),
        ("guests", "download"),
        ("upload", "yes"),
        ("share_with_room", "yes"),
        ("make_links", ""),
        ("file_mib", ""),
        ("quota_mib", ""),
        ("quota_files", ""),
        ("up_kib", ""),
        ("down_kib", ""),
        ("refused_types", "exe"),
        ("second_factor", ""),
        ("link_days", ""),
        ("link_password", ""),
        ("retention_days", ""),
    ];
    all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
    all.extend_from_slice(fields);
    let changed = owner.post("/admin/policy", &all);
    assert_eq!(changed.status, 303, "{}", changed.text());
}
