//! Where the program's own messages go: to standard error from a terminal, to a bounded file from the window, which has
//! no terminal. They are for whoever looks for a fault; what a person must know is shown as a trouble instead.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{
    cli::args::{Common, LogFormat},
    platform::private::make_private_folder,
};

/// The variable that says which messages are wanted; wins over arguments.
const FILTER_VARIABLE: &str = "HANDOUT_LOG";
/// The log and the one before it may each be so long.
const MAX_LOG_BYTES: u64 = 4 << 20;

/// How much is said when nobody asks for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Default {
    /// A command: what goes wrong.
    Warnings,
    /// A program that runs on: also what it does.
    Doings,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for programs that gather logs.
    Json,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Format {
        match format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        }
    }
}

/// Logs to standard error, for people.
pub(super) fn to_stderr(common: &Common, default: Default) {
    to_stderr_as(common, default, Format::Text);
}

/// Logs to standard error in a format.
pub(super) fn to_stderr_as(common: &Common, default: Default, format: Format) {
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter(common, default)).with_writer(io::stderr);
    // A second logger in one program would be a mistake of ours; the first goes on.
    let _ = match format {
        Format::Text => subscriber.with_ansi(console::colors_enabled_stderr()).try_init(),
        Format::Json => subscriber.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

/// Logs to `<home>/log/handout.log`. Where that can't be written, nothing is logged: no reason not to start.
pub(super) fn to_file(home: &Path, common: &Common) {
    if let Ok(log) = BoundedLog::open(&home.join("log"), MAX_LOG_BYTES) {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(common, Default::Doings))
            .with_writer(log)
            .with_ansi(false);
        let _ = subscriber.try_init();
    }
}

fn filter(common: &Common, default: Default) -> EnvFilter {
    let level = match (common.quiet, common.verbose, default) {
        (true, _, _) => "error",
        (false, 0, Default::Warnings) => "warn",
        (false, 0, Default::Doings) => "warn,handout=info",
        (false, 1, _) => "warn,handout=info",
        (false, 2, _) => "info,handout=debug",
        (false, _, _) => "debug,handout=trace",
    };
    EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level))
}

/// A file that is put aside, and started anew, when it is full.
struct BoundedLog {
    path: PathBuf,
    max_bytes: u64,
    open: Mutex<OpenLog>,
}

struct OpenLog {
    file: File,
    length: u64,
}

impl BoundedLog {
    fn open(folder: &Path, max_bytes: u64) -> io::Result<BoundedLog> {
        make_private_folder(folder)?;
        let path = folder.join("handout.log");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(BoundedLog { path, max_bytes, open: Mutex::new(OpenLog { file, length }) })
    }
}

impl<'a> MakeWriter<'a> for BoundedLog {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        // A thread that panicked while it logged left at worst half a line.
        LogWriter { log: self, open: self.open.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// Writes one message.
struct LogWriter<'a> {
    log: &'a BoundedLog,
    open: MutexGuard<'a, OpenLog>,
}

impl Write for LogWriter<'_> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        if self.open.length > 0 && self.open.length + message.len() as u64 > self.log.max_bytes {
            fs::rename(&self.log.path, self.log.path.with_extension("log.1"))?;
            let file = OpenOptions::new().create(true).append(true).open(&self.log.path)?;
            *self.open = OpenLog { file, length: 0 };
        }
        let written = self.open.file.write(message)?;
        self.open.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_put_aside_and_only_one_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("log");
        let log = BoundedLog::open(&folder, 10).unwrap();

        for line in ["one one\n", "two two\n", "three\n", "4\n"] {
            log.make_writer().write_all(line.as_bytes()).unwrap();
        }

        assert_eq!(fs::read_to_string(folder.join("handout.log")).unwrap(), "three\n4\n");
        assert_eq!(fs::read_to_string(folder.join("handout.log.1")).unwrap(), "two two\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn a_log_that_is_there_is_gone_on_with() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("handout.log"), "12345678").unwrap();

        let log = BoundedLog::open(temp.path(), 10).unwrap();
        log.make_writer().write_all(b"abc").unwrap();

        assert_eq!(fs::read_to_string(temp.path().join("handout.log")).unwrap(), "abc");
    }
}
