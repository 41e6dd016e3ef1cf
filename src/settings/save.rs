//! Writes changed values into `settings.toml`, whole or not at all, and keeps what it does not know.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use toml::{Table, Value};

use super::{
    Theme,
    file::{FILE_NAME, parse, read_text},
    traffic,
};

use crate::traffic::{Limits, Rate, Schedule, SeedUntil};

/// One value that a person changed; `None` goes back to the default.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Name(Option<String>),
    Downloads(Option<PathBuf>),
    ListenPort(Option<u16>),
    Discovery(Option<bool>),
    /// For all transfers together.
    Limits(Limits),
    /// Without a rule it goes away.
    Schedule(Schedule),
    ActiveDownloads(Option<u32>),
    SeedUntil(Option<SeedUntil>),
    StopSeedingWhenClosed(Option<bool>),
    Theme(Option<Theme>),
    WindowSize(Option<[f32; 2]>),
    Welcomed(Option<bool>),
}

/// Why settings were not saved; the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("The settings can't be saved in {path}: {cause}")]
    Io { path: PathBuf, cause: io::Error },
    #[error("{path} is not in TOML, so nothing is changed in it: correct it or take it away. {cause}")]
    NotToml { path: PathBuf, cause: toml::de::Error },
    #[error("the path {0} has letters that a settings file can't hold; choose another folder")]
    NotText(PathBuf),
    #[error("{0}")]
    Bad(super::Bad),
}

/// The window and the engine save at the same moment (the first start does), and each writes what it read before. Another
/// process can't: a home folder has one owner.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Changes values in the file in `home`. Values and tables that this version does not know stay (comments do not).
pub fn save(home: &Path, changes: &[Change]) -> Result<(), SaveError> {
    // Nothing that a panic could leave half-done is behind it: the file is replaced as a whole.
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = home.join(FILE_NAME);
    let io_error = |cause| SaveError::Io { path: path.clone(), cause };
    let text = read_text(&path).map_err(io_error)?.unwrap_or_default();
    let mut table: Table = text.parse().map_err(|cause| SaveError::NotToml { path: path.clone(), cause })?;
    for change in changes {
        for (key, value) in written(change)? {
            match value {
                Some(value) => table.insert(key.to_owned(), value),
                None => table.remove(key),
            };
            check(&table, key)?;
        }
    }
    replace(home, &path, table.to_string().as_bytes()).map_err(io_error)
}

/// What is saved must be what is read again: the reader's own checks decide.
fn check(table: &Table, key: &str) -> Result<(), SaveError> {
    let (_, bad) = parse(&table.to_string());
    bad.into_iter().find(|bad| bad.key == key).map_or(Ok(()), |bad| Err(SaveError::Bad(bad)))
}

fn written(change: &Change) -> Result<Vec<(&'static str, Option<Value>)>, SaveError> {
    let text = |text: &str| Value::String(text.to_owned());
    Ok(vec![match change {
        Change::Limits(limits) => {
            let value = |rate: Option<Rate>| rate.map(traffic::rate_value);
            return Ok(vec![("limit_down", value(limits.down)), ("limit_up", value(limits.up))]);
        }
        Change::Schedule(schedule) => ("schedule", (!schedule.0.is_empty()).then(|| traffic::schedule_value(schedule))),
        Change::ActiveDownloads(count) => ("active_downloads", count.map(|count| Value::Integer(count.into()))),
        Change::SeedUntil(until) => ("seed_until", until.map(|until| text(&until.to_string()))),
        Change::StopSeedingWhenClosed(stop) => ("stop_seeding_when_closed", stop.map(Value::Boolean)),
        Change::Name(name) => ("name", name.as_deref().map(text)),
        Change::Downloads(folder) => {
            let path = folder.as_ref().map(|path| path.to_str().ok_or_else(|| SaveError::NotText(path.clone())));
            ("downloads", path.transpose()?.map(text))
        }
        Change::ListenPort(port) => ("listen_port", port.map(|port| Value::Integer(port.into()))),
        Change::Discovery(on) => ("discovery", on.map(Value::Boolean)),
        Change::Theme(theme) => ("theme", theme.map(|theme| text(theme.as_str()))),
        Change::WindowSize(size) => {
            let side = |side: f32| Value::Float(f64::from(side));
            ("window_size", size.map(|size| Value::Array(size.map(side).to_vec())))
        }
        Change::Welcomed(read) => ("welcomed", read.map(Value::Boolean)),
    }])
}

/// A name lasts when the folder was synced that it stands in; Windows does so by itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A power cut leaves the old file or the new one, never half of one.
fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".{FILE_NAME}.{}", std::process::id()));
    let written = (|| {
        let mut file = fs::File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        sync_folder(folder)
    })();
    if written.is_err() {
        // The draft is of no use; that it may stay behind is less than what is being reported.
        let _ = fs::remove_file(&draft);
    }
    written
}
