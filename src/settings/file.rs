//! `settings.toml` as it was written: read value by value, so that one that makes no sense costs only itself.

use std::{fmt, io, io::Read, path::Path, path::PathBuf};

use toml::{Table, Value};

use super::traffic;
use crate::traffic::{Rate, Schedule, SeedUntil};

/// The file's name, in Handout's home.
pub const FILE_NAME: &str = "settings.toml";
/// A larger file is not read: it is not one of ours.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// How long a device's name may be, in bytes: it travels in a DNS record.
pub const MAX_NAME_BYTES: usize = 63;

/// What stands in the file; `None` where nothing does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// `name`: what others see.
    pub name: Option<String>,
    /// `downloads`: an absolute path.
    pub downloads: Option<PathBuf>,
    /// `listen_port`: 1 to 65535.
    pub listen_port: Option<u16>,
    /// `discovery`: find others, and be found.
    pub discovery: Option<bool>,
    /// `limit_down`, `limit_up`: bytes a second for all transfers together.
    pub limit_down: Option<Rate>,
    pub limit_up: Option<Rate>,
    /// `schedule`: tables with `days`, `from`, `to`, and `pause = true` or limits.
    pub schedule: Option<Schedule>,
    /// `active_downloads`: 1 to 1000.
    pub active_downloads: Option<u32>,
    /// `seed_until`: `forever`, `ratio:2`, `time:2h` or `copies:30`.
    pub seed_until: Option<SeedUntil>,
    /// `stop_seeding_when_closed`: true or false.
    pub stop_seeding_when_closed: Option<bool>,
    /// `theme`: `system`, `light` or `dark`.
    pub theme: Option<Theme>,
    /// `window_size`: width and height in points, as it was closed last.
    pub window_size: Option<[f32; 2]>,
    /// `welcomed`: the card of the first start was read.
    pub welcomed: Option<bool>,
}

/// What the window looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the desktop says.
    #[default]
    System,
    Light,
    Dark,
}

/// A value that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Which file: [`FILE_NAME`], or the path of the policy.
    pub file: String,
    /// Which value; empty when it is the whole file.
    pub key: String,
    pub reason: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bad { file, key, reason } = self;
        if key.is_empty() {
            write!(f, "{file} is not used: {reason}")
        } else {
            write!(f, "\"{key}\" in {file} is not used: {reason}")
        }
    }
}

impl Theme {
    pub fn as_str(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

/// Reads the file in `home`. A file that is not there is an empty one; everything that can't be used is named.
pub fn read(home: &Path) -> (Written, Vec<Bad>) {
    read_file(&home.join(FILE_NAME), FILE_NAME)
}

/// Reads the file in which an administrator says what holds; it has the form of the settings file.
pub fn read_policy(path: &Path) -> (Written, Vec<Bad>) {
    let name = path.display().to_string();
    let (written, bad) = read_file(path, &name);
    (written, bad.into_iter().map(|bad| Bad { file: name.clone(), ..bad }).collect())
}

/// What an administrator says about the server that manages this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// `server`: `HOST:PORT`.
    pub server: String,
    /// `token`: as the server showed it.
    pub token: String,
}

/// Reads that file. One that is there and can't be used still says that the computer is managed: it names nobody then.
pub fn read_enrolment(path: &Path) -> (Option<Enrolment>, Vec<Bad>) {
    let name = path.display().to_string();
    let bad = |key: &str, reason: String| Bad { file: name.clone(), key: key.to_owned(), reason };
    let nobody = || Some(Enrolment { server: "nobody".to_owned(), token: String::new() });
    let table: Table = match read_text(path).map(|text| text.map(|text| text.parse())) {
        Ok(None) => return (None, Vec::new()),
        Ok(Some(Ok(table))) => table,
        Ok(Some(Err(error))) => {
            let error: toml::de::Error = error;
            return (nobody(), vec![bad("", error.to_string().trim_end().to_owned())]);
        }
        Err(error) => return (nobody(), vec![bad("", error.to_string())]),
    };
    let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let missing = |key: &str| bad(key, "it must be a text in quotes".to_owned());
    match (text("server"), text("token")) {
        (Some(server), Some(token)) => {
            (Some(Enrolment { server: server.to_owned(), token: token.to_owned() }), Vec::new())
        }
        (None, _) => (nobody(), vec![missing("server")]),
        (Some(_), None) => (nobody(), vec![missing("token")]),
    }
}

fn read_file(path: &Path, name: &str) -> (Written, Vec<Bad>) {
    let whole = |reason: String| (Written::default(), vec![Bad { file: name.to_owned(), key: String::new(), reason }]);
    match read_text(path) {
        Ok(None) => (Written::default(), Vec::new()),
        Ok(Some(text)) => parse(&text),
        Err(error) => whole(error.to_string()),
    }
}

/// The file's text; `None` where there is none.
pub(super) fn read_text(path: &Path) -> io::Result<Option<String>> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    // One byte more than allowed tells a file that is too long from one that just fits.
    let length = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if length as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {MAX_FILE_BYTES} bytes")));
    }
    Ok(Some(text))
}

/// Reads the text of a settings file.
pub(super) fn parse(text: &str) -> (Written, Vec<Bad>) {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let error: toml::de::Error = error;
            let reason = error.to_string().trim_end().to_owned();
            return (Written::default(), vec![Bad { file: FILE_NAME.to_owned(), key: String::new(), reason }]);
        }
    };
    let mut bad = Vec::new();
    let mut take = Take { table: &table, bad: &mut bad };
    let written = Written {
        name: take.value("name", name),
        downloads: take.value("downloads", folder),
        listen_port: take.value("listen_port", port),
        discovery: take.value("discovery", truth),
        limit_down: take.value("limit_down", traffic::rate),
        limit_up: take.value("limit_up", traffic::rate),
        schedule: take.value("schedule", traffic::schedule),
        active_downloads: take.value("active_downloads", traffic::active_downloads),
        seed_until: take.value("seed_until", traffic::seed_until),
        stop_seeding_when_closed: take.value("stop_seeding_when_closed", truth),
        theme: take.value("theme", theme),
        window_size: take.value("window_size", window_size),
        welcomed: take.value("welcomed", truth),
    };
    (written, bad)
}

/// Takes values out of a table and notes those that make no sense. Keys of later versions are nobody's fault.
struct Take<'a> {
    table: &'a Table,
    bad: &'a mut Vec<Bad>,
}

impl Take<'_> {
    fn value<T>(&mut self, key: &str, read: impl FnOnce(&Value) -> Result<T, &'static str>) -> Option<T> {
        match read(self.table.get(key)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                let (file, key, reason) = (FILE_NAME.to_owned(), key.to_owned(), reason.to_owned());
                self.bad.push(Bad { file, key, reason });
                None
            }
        }
    }
}

fn truth(value: &Value) -> Result<bool, &'static str> {
    value.as_bool().ok_or("it must be true or false")
}

fn name(value: &Value) -> Result<String, &'static str> {
    let name = value.as_str().ok_or("it must be a text in quotes")?.trim();
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > MAX_NAME_BYTES {
        return Err("it is longer than 63 bytes");
    }
    if name.chars().any(char::is_control) {
        return Err("it has characters that can't be shown");
    }
    Ok(name.to_owned())
}

fn folder(value: &Value) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(value.as_str().ok_or("it must be a path in quotes")?);
    if path.is_absolute() { Ok(path) } else { Err("it must be an absolute path") }
}

fn port(value: &Value) -> Result<u16, &'static str> {
    let port = value.as_integer().and_then(|number| u16::try_from(number).ok());
    port.filter(|port| *port != 0).ok_or("it must be a number from 1 to 65535")
}

/// A window smaller than this can't be found again, and one larger is on no screen.
fn window_size(value: &Value) -> Result<[f32; 2], &'static str> {
    let reason = "it must be two numbers from 200 to 20000";
    let side = |value: &Value| {
        let side = value.as_float().or_else(|| value.as_integer().map(|side| side as f64))?;
        (200.0..=20_000.0).contains(&side).then_some(side as f32)
    };
    match value.as_array().map(Vec::as_slice) {
        Some([width, height]) => Ok([side(width).ok_or(reason)?, side(height).ok_or(reason)?]),
        _ => Err(reason),
    }
}

fn theme(value: &Value) -> Result<Theme, &'static str> {
    [Theme::System, Theme::Light, Theme::Dark]
        .into_iter()
        .find(|theme| value.as_str() == Some(theme.as_str()))
        .ok_or("it must be \"system\", \"light\" or \"dark\"")
}
