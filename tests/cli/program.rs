//! Runs the real program, with a home of its own and an end to its patience.

use std::{
    ffi::OsStr,
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Far longer than any of these takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The program, with nothing of this machine's in its surroundings.
pub fn handout() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
    for variable in ["HANDOUT_HOME", "HANDOUT_LOG", "DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `handout ARGS` to its end.
pub fn run(args: &[&str]) -> Ran {
    finish(handout().args(args).spawn().unwrap())
}

/// Runs `handout --home HOME ARGS` to its end.
pub fn run_at(home: &Path, args: &[impl AsRef<OsStr>]) -> Ran {
    finish(handout().arg("--home").arg(home).args(args).spawn().unwrap())
}

/// Waits for the end of a program that was started, and for what it printed.
pub fn finish(mut child: Child) -> Ran {
    let stdout = child.stdout.take().map(|mut pipe| thread::spawn(move || read(&mut pipe)));
    let stderr = child.stderr.take().map(|mut pipe| thread::spawn(move || read(&mut pipe)));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the program did not end: {:?}", stderr.map(|thread| thread.join()));
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text =
        |thread: Option<thread::JoinHandle<String>>| thread.map(|thread| thread.join().unwrap()).unwrap_or_default();
    Ran { status, stdout: text(stdout), stderr: text(stderr) }
}

fn read(pipe: &mut impl Read) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).unwrap();
    text
}
