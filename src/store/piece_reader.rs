//! Reads one piece's bytes in order, whichever files they lie in.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    disk_error::drive_is_gone,
    locked,
    objects::CachedFile,
    stamp::{is_link_error, read_at},
    walk::reason,
};
use crate::share::Span;

/// Why bytes of a share can't be read. [`ReadError::may_heal`] tells whether that says anything of the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("{} was changed after it was shared", path.display())]
    Changed { path: PathBuf },
    #[error("{} is not where it was", path.display())]
    Gone { path: PathBuf },
    /// Nothing of the folder is there: its drive is not plugged in, or the folder was moved.
    #[error("The drive or folder {} is not here", folder.display())]
    NoDrive { folder: PathBuf },
    #[error("{} can't be read: {reason}", path.display())]
    Unread { path: PathBuf, reason: String },
    #[error("the piece is not here yet")]
    Missing,
    /// It lies in an object store, and could not be brought.
    #[error("the server's storage can't give it: {reason}")]
    Away { reason: String },
}

impl ReadError {
    pub(super) fn of(path: PathBuf, error: &io::Error) -> ReadError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => absent(path),
            io::ErrorKind::InvalidInput => ReadError::Changed { path },
            _ if is_link_error(error) => ReadError::Changed { path },
            _ if drive_is_gone(error) => ReadError::NoDrive { folder: path.parent().unwrap_or(&path).to_owned() },
            _ => ReadError::Unread { path, reason: reason(error) },
        }
    }

    /// Whether the same may be read later with nothing done in Handout. Only [`ReadError::Changed`] says something of the
    /// content, and reading all of it decides.
    pub fn may_heal(&self) -> bool {
        match self {
            ReadError::Changed { .. } => false,
            ReadError::Gone { .. }
            | ReadError::NoDrive { .. }
            | ReadError::Unread { .. }
            | ReadError::Missing
            | ReadError::Away { .. } => true,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            ReadError::Changed { .. } => "Share it again to give out what it holds by now.",
            ReadError::Gone { .. } => {
                "Plug its drive in or bring it back, and sharing resumes by itself; or share it again from where it is."
            }
            ReadError::NoDrive { .. } => "Plug the drive in or bring the folder back; sharing resumes by itself then.",
            ReadError::Unread { .. } => {
                "Check the disk and the file's permissions; sharing resumes by itself when it can be read."
            }
            ReadError::Missing => "It is on its way.",
            ReadError::Away { .. } => "Try again when the storage answers.",
        }
    }
}

/// Why a file is not there: where its folder is not there either, that is what a person looks for.
fn absent(path: PathBuf) -> ReadError {
    let is_there = |folder: &&Path| folder.symlink_metadata().is_ok();
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return ReadError::Gone { path };
    };
    if is_there(&folder) {
        return ReadError::Gone { path };
    }
    // The topmost folder that is missing.
    let missing = folder.ancestors().take_while(|folder| !is_there(folder)).last().unwrap_or(folder).to_owned();
    ReadError::NoDrive { folder: missing }
}

/// Where a reader gets a share's files from.
pub(super) trait Open: Send + Sync {
    /// An entry's file, in the state that its content is known in.
    fn open(&self, entry: usize) -> Result<OpenFile, ReadError>;
    /// Whether a file that was read from is still in that state.
    fn check(&self, entry: usize, file: &OpenFile) -> Result<(), ReadError>;
    fn path(&self, entry: usize) -> PathBuf;
}

/// A file that is open for reading.
#[derive(Clone)]
pub(super) enum OpenFile {
    Disk(Arc<File>),
    /// In an object store; what is read of it is brought first.
    Stored(Arc<CachedFile>),
}

impl OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64, path: impl Fn() -> PathBuf) -> Result<usize, ReadError> {
        match self {
            OpenFile::Disk(file) => read_at(file, buffer, offset).map_err(|error| ReadError::of(path(), &error)),
            OpenFile::Stored(file) => file.read_at(buffer, offset),
        }
    }
}

/// The bytes of one piece, in order. Holds one open file at a time.
pub struct PieceReader {
    files: Arc<dyn Open>,
    spans: std::vec::IntoIter<Span>,
    /// The run being read, and what is left of it.
    current: Option<(Span, OpenFile)>,
}

impl PieceReader {
    pub(super) fn new(files: Arc<dyn Open>, spans: Vec<Span>) -> PieceReader {
        PieceReader { files, spans: spans.into_iter(), current: None }
    }

    /// Reads the next bytes into `buffer`, as many as fit or fewer; 0 at the piece's end. After an error nothing that was
    /// read of the piece is sure to be right.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < buffer.len() {
            let (span, file) = match self.current.take() {
                Some(current) => current,
                None => match self.spans.next() {
                    Some(span) => (span, self.files.open(span.entry)?),
                    None => break,
                },
            };
            let part = (span.len as usize).min(buffer.len() - filled);
            let path = || self.files.path(span.entry);
            let read = file.read_at(&mut buffer[filled..filled + part], span.offset, path)?;
            if read == 0 {
                return Err(ReadError::Changed { path: self.files.path(span.entry) });
            }
            filled += read;
            let left = Span { offset: span.offset + read as u64, len: span.len - read as u32, ..span };
            if left.len == 0 {
                self.files.check(span.entry, &file)?;
            } else {
                self.current = Some((left, file));
            }
        }
        Ok(filled)
    }
}

/// A few files that stay open, so that a large one is not opened again for each of its pieces.
pub(super) struct OpenFiles {
    /// The one used last is at the end.
    files: Mutex<Vec<(usize, Arc<File>)>>,
}

/// Enough for the large files of all transfers that run at once, far below what a process may have open.
const OPEN_FILES_MAX: usize = 16;

impl OpenFiles {
    pub fn new() -> OpenFiles {
        OpenFiles { files: Mutex::new(vec![]) }
    }

    /// An entry's file, if it is open.
    pub fn get(&self, entry: usize) -> Option<Arc<File>> {
        let mut files = locked(&self.files);
        let at = files.iter().position(|(open, _)| *open == entry)?;
        let found = files.remove(at);
        let file = found.1.clone();
        files.push(found);
        Some(file)
    }

    /// Keeps a file open; the one that was not used for longest is let go.
    pub fn keep(&self, entry: usize, file: &Arc<File>) {
        let mut files = locked(&self.files);
        files.retain(|(open, _)| *open != entry);
        if files.len() >= OPEN_FILES_MAX {
            files.remove(0);
        }
        files.push((entry, file.clone()));
    }

    /// Lets go of one file.
    pub fn forget(&self, entry: usize) {
        locked(&self.files).retain(|(open, _)| *open != entry);
    }

    /// Lets go of all files.
    pub fn clear(&self) {
        locked(&self.files).clear();
    }
}
