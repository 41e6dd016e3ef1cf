//! The note beside a download: where it is staged, under which names, and which of its pieces are safely on the disk.
//!
//! One small file a share, `<share id>.have` in the state folder, replaced as a whole (written aside, synced, renamed), so
//! that it is always either the old one or the new one. It may lag behind the disk and never leads: whoever saves it has
//! synced the data before. Its own hash stands at its end, so that a damaged one is told from a short one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
use minicbor::{Decode, Encode};

use super::{
    disk::Disk,
    disk_error::DiskError,
    openat::open_existing,
    sources::{path_bytes, path_of},
};
use crate::share::ShareId;

/// What is known of a download.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct HaveMap {
    #[n(0)]
    version: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    share: [u8; 32],
    /// The folder it goes into.
    #[cbor(n(2), with = "minicbor::bytes")]
    into: Vec<u8>,
    /// Tells the folder from another that took its path, such as the empty place where a drive was mounted.
    #[n(3)]
    pub folder: FolderId,
    /// Whether the disk tells `A` from `a`.
    #[n(4)]
    pub case_counts: bool,
    /// The share's top entries, in order.
    #[n(5)]
    pub tops: Vec<Top>,
    /// A [`Bitmap`](crate::share::Bitmap)'s bytes.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub had: Vec<u8>,
}

/// Which folder it is, as the system numbers them; zeros where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct FolderId {
    #[n(0)]
    pub device: u64,
    #[n(1)]
    pub inode: u64,
}

/// One file or folder at the top of a share.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Top {
    /// What it is called while it is being filled.
    #[n(0)]
    pub staged: String,
    /// Whether the staged thing was made by us; before that, something under its name is somebody else's.
    #[n(1)]
    pub made: bool,
    /// The staged thing's number; 0 where the system has none.
    #[n(2)]
    pub inode: u64,
    /// The final name, from the moment it is about to get it.
    #[n(3)]
    pub goal: Option<String>,
    /// Whether it has its final name. Set when the disk was looked at; what stands in the file may lag.
    #[n(4)]
    pub placed: bool,
}

impl Top {
    /// What it is called on the disk.
    pub fn name(&self) -> &str {
        match &self.goal {
            Some(goal) if self.placed => goal,
            _ => &self.staged,
        }
    }
}

const VERSION: u8 = 1;
/// A name for each of a million files, and a bitmap.
const BYTES_MAX: u64 = 512 << 20;
const HASH_LEN: usize = 32;
/// Files that were being written when the program ended; swept at the next start.
pub(super) const TEMPORARY: &str = ".new";
const EXTENSION: &str = ".have";

impl HaveMap {
    pub fn new(share: ShareId, into: &Path, folder: FolderId, case_counts: bool, tops: Vec<Top>) -> HaveMap {
        HaveMap { version: VERSION, share: share.0, into: path_bytes(into), folder, case_counts, tops, had: vec![] }
    }

    /// The folder it goes into.
    pub fn goes_into(&self) -> Option<PathBuf> {
        path_of(self.into.clone())
    }
}

/// One share's note on the disk.
#[derive(Clone)]
pub(super) struct HaveFile {
    disk: Disk,
    folder: PathBuf,
    name: String,
    share: ShareId,
}

impl HaveFile {
    /// The note of a share in the state folder `folder`.
    pub fn new(disk: Disk, folder: &Path, share: ShareId) -> HaveFile {
        HaveFile { disk, folder: folder.to_owned(), name: format!("{share}{EXTENSION}"), share }
    }

    /// What the note will be when a move to another folder is over (see `relocate`).
    pub fn planned(disk: Disk, folder: &Path, share: ShareId) -> HaveFile {
        HaveFile { disk, folder: folder.to_owned(), name: format!("{share}.plan"), share }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// What was saved last; `None` where nothing was, or where it is damaged: then nothing is known to be had.
    pub fn load(&self) -> Result<Option<HaveMap>, DiskError> {
        let bytes = match fs::metadata(self.path()) {
            Ok(metadata) if metadata.len() <= BYTES_MAX => fs::read(self.path()),
            Ok(_) => return Ok(None),
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) => Ok(parse(&bytes).filter(|map| map.version == VERSION && map.share == self.share.0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DiskError::of(&self.path(), "read", &error)),
        }
    }

    /// Replaces the note. After a power cut it is the old one or this one.
    pub fn save(&self, map: &HaveMap) -> Result<(), DiskError> {
        let saved = (|| {
            let mut bytes = minicbor::to_vec(map).map_err(io::Error::other)?;
            bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
            let dir = Dir::open_ambient_dir(&self.folder, ambient_authority())?;
            let temporary = format!("{}{TEMPORARY}", self.name);
            let path = Path::new(&temporary);
            let file = match self.disk.create_file(&dir, &temporary, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let left_over = open_existing(&dir, &temporary, true)?;
                    left_over.set_len(0)?;
                    left_over
                }
                created => created?,
            };
            self.disk.write_at(&file, path, &bytes, 0)?;
            self.disk.sync_file(&file, path)?;
            drop(file);
            self.disk.rename_over(&dir, &temporary, &self.name)?;
            self.disk.sync_dir(&dir, Path::new(""))
        })();
        saved.map_err(|error: io::Error| DiskError::of(&self.path(), "written", &error))
    }

    /// Forgets the download; whatever it made stays.
    pub fn remove(&self) -> Result<(), DiskError> {
        let removed = Dir::open_ambient_dir(&self.folder, ambient_authority())
            .and_then(|dir| self.disk.remove_file(&dir, &self.name, Path::new(&self.name)));
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(DiskError::of(&self.path(), "removed", &error))
            }
            _ => Ok(()),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<HaveMap> {
    let (content, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH_LEN)?)?;
    if blake3::hash(content).as_bytes() != hash {
        return None;
    }
    minicbor::decode(content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_a_damaged_one_counts_as_none() {
        let state = tempfile::tempdir().unwrap();
        let share = ShareId([5; 32]);
        let file = HaveFile::new(Disk::default(), state.path(), share);
        assert_eq!(file.load(), Ok(None));

        let map = made_up(share);
        file.save(&map).unwrap();
        assert_eq!(file.load(), Ok(Some(map.clone())));
        assert_eq!(map.goes_into(), Some(PathBuf::from("/home/ann/Downloads")));

        let right = fs::read(file.path()).unwrap();
        for at in 0..right.len() {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            fs::write(file.path(), wrong).unwrap();
            assert_eq!(file.load(), Ok(None), "byte {at}");
        }
        file.remove().unwrap();
        file.remove().unwrap();
    }

    #[test]
    fn another_shares_note_is_not_taken() {
        let state = tempfile::tempdir().unwrap();
        let file = HaveFile::new(Disk::default(), state.path(), ShareId([5; 32]));
        file.save(&made_up(ShareId([6; 32]))).unwrap();
        assert_eq!(file.load(), Ok(None));
    }

    fn made_up(share: ShareId) -> HaveMap {
        let top = Top { staged: "a.part".into(), made: true, inode: 7, goal: Some("a".into()), placed: false };
        let folder = FolderId { device: 1, inode: 2 };
        let mut map = HaveMap::new(share, Path::new("/home/ann/Downloads"), folder, true, vec![top]);
        map.had = vec![0x80, 0];
        map
    }
}
