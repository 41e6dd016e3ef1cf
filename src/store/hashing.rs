//! BLAKE3 of many files at once: each is read once, in steps that stay in the processor's cache, on all cores.
//!
//! Large files are cut at their pieces, so that the values which others check single pieces with fall out on the way, and
//! several threads share one file. Small files are taken by the dozen. A file that is not what it was when the walk saw it,
//! before or after it was read, ends everything: a share must not be published with a hash of half-written content.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use blake3::hazmat::{ChainingValue, HasherExt as _};

use super::{
    import::ImportError,
    locked,
    parallel::{self, Effort},
    sources::Sources,
    stamp::{FileStamp, Likeness, is_link_error, open_for_reading, read_at},
    walk::reason,
};
use crate::share::{FileHashes, PieceLen, Root};

/// One read and one hashing step. It stays in a core's second-level cache, and is large enough for BLAKE3 to use all of
/// the processor's width.
const STEP: usize = 128 << 10;
/// A thread takes about so many bytes of a large file at once.
const LARGE_UNIT: u64 = 4 << 20;
/// A thread takes at most so many small files, or so many bytes of them, at once.
const SMALL_UNIT_FILES: usize = 32;
const SMALL_UNIT_BYTES: u64 = 4 << 20;

/// What the files' content hashes to, by index into the sources.
pub(super) struct Hashed {
    pub roots: BTreeMap<usize, Root>,
    pub large: BTreeMap<usize, FileHashes>,
}

/// What a thread takes at once.
enum Unit {
    /// Small files, by index into the list of files.
    Small(std::ops::Range<usize>),
    /// Some pieces of a large file, which is at this index in the list of large files.
    Large { at: usize, pieces: std::ops::Range<u64> },
}

/// A large file that several threads read.
struct Large {
    entry: usize,
    stamp: FileStamp,
    /// Open from the first unit to the last.
    file: Mutex<Option<Arc<File>>>,
    units_left: AtomicUsize,
    values: Mutex<Vec<ChainingValue>>,
}

/// Hashes every file of `sources` (each entry with a stamp), which must be as its stamp says.
pub(super) fn hash_all(
    sources: &Sources,
    piece_len: PieceLen,
    done: &AtomicU64,
    cancel: &AtomicBool,
) -> Result<Hashed, ImportError> {
    let files = (0..sources.len()).filter_map(|entry| Some((entry, sources.stamp(entry)?))).collect();
    hash_some(sources, files, piece_len, done, cancel)
}

/// Hashes certain files of `sources`, each of which must be as its stamp says.
pub(super) fn hash_some(
    sources: &Sources,
    files: Vec<(usize, FileStamp)>,
    piece_len: PieceLen,
    done: &AtomicU64,
    cancel: &AtomicBool,
) -> Result<Hashed, ImportError> {
    let (units, large) = cut(&files, piece_len);
    let work = Work { sources, piece_len, done, cancel, roots: Mutex::new(BTreeMap::new()) };
    parallel::for_each(
        Effort::Foreground,
        units.len(),
        cancel,
        || vec![0; STEP],
        |unit, buffer| match &units[unit] {
            Unit::Small(range) => work.small_files(&files[range.clone()], buffer),
            Unit::Large { at, pieces } => work.pieces(&large[*at], pieces.clone(), buffer),
        },
    )?;
    if cancel.load(Ordering::Relaxed) {
        return Err(ImportError::Cancelled);
    }
    let mut roots = work.roots.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut hashes = BTreeMap::new();
    for file in large {
        let values = file.values.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(values) = FileHashes::of_values(values) {
            roots.insert(file.entry, values.root());
            hashes.insert(file.entry, values);
        }
    }
    Ok(Hashed { roots, large: hashes })
}

/// Cuts the work into units, in the order of the files.
fn cut(files: &[(usize, FileStamp)], piece_len: PieceLen) -> (Vec<Unit>, Vec<Large>) {
    let (mut units, mut large) = (vec![], vec![]);
    let per_unit = (LARGE_UNIT / u64::from(piece_len.bytes())).max(1);
    let (mut first, mut bytes) = (0, 0);
    for (at, (entry, stamp)) in files.iter().enumerate() {
        let pieces = FileHashes::pieces_of(stamp.size, piece_len);
        if pieces > 0 || at - first >= SMALL_UNIT_FILES || bytes >= SMALL_UNIT_BYTES {
            units.push(Unit::Small(first..at));
            (first, bytes) = (at, 0);
        }
        if pieces == 0 {
            bytes += stamp.size;
            continue;
        }
        first = at + 1;
        let starts: Vec<u64> = (0..pieces).step_by(per_unit as usize).collect();
        large.push(Large {
            entry: *entry,
            stamp: *stamp,
            file: Mutex::new(None),
            units_left: AtomicUsize::new(starts.len()),
            values: Mutex::new(vec![[0; 32]; pieces as usize]),
        });
        let at = large.len() - 1;
        units.extend(starts.into_iter().map(|start| Unit::Large { at, pieces: start..(start + per_unit).min(pieces) }));
    }
    units.push(Unit::Small(first..files.len()));
    (units, large)
}

struct Work<'a> {
    sources: &'a Sources,
    piece_len: PieceLen,
    done: &'a AtomicU64,
    cancel: &'a AtomicBool,
    roots: Mutex<BTreeMap<usize, Root>>,
}

impl Work<'_> {
    fn small_files(&self, files: &[(usize, FileStamp)], buffer: &mut [u8]) -> Result<(), ImportError> {
        let mut roots = Vec::with_capacity(files.len());
        for (entry, stamp) in files {
            let file = self.open(*entry, *stamp)?;
            let mut hasher = blake3::Hasher::new();
            self.read(*entry, &file, 0, stamp.size, buffer, &mut hasher)?;
            self.must_be(*entry, &file, *stamp)?;
            roots.push((*entry, Root(*hasher.finalize().as_bytes())));
        }
        locked(&self.roots).extend(roots);
        Ok(())
    }

    fn pieces(&self, large: &Large, pieces: std::ops::Range<u64>, buffer: &mut [u8]) -> Result<(), ImportError> {
        let file = {
            let mut open = locked(&large.file);
            match &*open {
                Some(file) => file.clone(),
                None => open.insert(Arc::new(self.open(large.entry, large.stamp)?)).clone(),
            }
        };
        let piece_len = u64::from(self.piece_len.bytes());
        let mut values = Vec::with_capacity((pieces.end - pieces.start) as usize);
        for piece in pieces.clone() {
            let offset = piece * piece_len;
            let mut hasher = blake3::Hasher::new();
            hasher.set_input_offset(offset);
            let len = piece_len.min(large.stamp.size - offset);
            self.read(large.entry, &file, offset, len, buffer, &mut hasher)?;
            values.push(hasher.finalize_non_root());
        }
        locked(&large.values)[pieces.start as usize..pieces.end as usize].copy_from_slice(&values);
        if large.units_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            locked(&large.file).take();
            self.must_be(large.entry, &file, large.stamp)?;
        }
        Ok(())
    }

    /// Feeds `len` bytes from `offset` on to the hasher.
    fn read(
        &self,
        entry: usize,
        file: &File,
        offset: u64,
        len: u64,
        buffer: &mut [u8],
        hasher: &mut blake3::Hasher,
    ) -> Result<(), ImportError> {
        let mut done = 0;
        while done < len {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(ImportError::Cancelled);
            }
            let step = buffer.len().min(usize::try_from(len - done).unwrap_or(usize::MAX));
            let read = read_at(file, &mut buffer[..step], offset + done);
            let read = read.map_err(|error| self.error(entry, &error))?;
            if read == 0 {
                return Err(ImportError::Changed { path: self.path(entry) });
            }
            hasher.update(&buffer[..read]);
            done += read as u64;
            self.done.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn open(&self, entry: usize, stamp: FileStamp) -> Result<File, ImportError> {
        let file = open_for_reading(&self.path(entry)).map_err(|error| self.error(entry, &error))?;
        self.must_be(entry, &file, stamp)?;
        Ok(file)
    }

    fn must_be(&self, entry: usize, file: &File, stamp: FileStamp) -> Result<(), ImportError> {
        let metadata = file.metadata().map_err(|error| self.error(entry, &error))?;
        let same = metadata.is_file() && stamp.likeness(&FileStamp::of(&metadata)) != Likeness::Other;
        if same { Ok(()) } else { Err(changed_or_gone(&self.path(entry))) }
    }

    fn error(&self, entry: usize, error: &io::Error) -> ImportError {
        let path = self.path(entry);
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ImportError::Vanished { path },
            _ if is_link_error(error) => ImportError::Changed { path },
            _ => ImportError::Unread { path, reason: reason(error) },
        }
    }

    fn path(&self, entry: usize) -> std::path::PathBuf {
        self.sources.path(entry).unwrap_or_default()
    }
}

/// A file that is open but has no name any more was deleted, not written to.
fn changed_or_gone(path: &Path) -> ImportError {
    let path = path.to_owned();
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => ImportError::Vanished { path },
        _ => ImportError::Changed { path },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_changed_between_the_look_and_the_reading_is_named() {
        for size in [6, 1 << 20] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, vec![1; size]).unwrap();
            let mut sources = Sources::new();
            let root = sources.add_root(folder.path());
            let stamp = FileStamp::of(&fs::metadata(&path).unwrap());
            sources.push(root, Path::new("file"), Some(stamp));
            assert!(hash(&sources).is_ok());

            let elsewhere = folder.path().join("elsewhere");
            fs::rename(&path, &elsewhere).unwrap();
            assert_eq!(hash(&sources).err(), Some(ImportError::Vanished { path: path.clone() }));
            #[cfg(unix)]
            {
                std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
                assert_eq!(hash(&sources).err(), Some(ImportError::Changed { path: path.clone() }));
                fs::remove_file(&path).unwrap();
            }
            fs::write(&path, vec![2; size]).unwrap();
            assert_eq!(hash(&sources).err(), Some(ImportError::Changed { path }));
        }
    }

    #[test]
    fn every_file_falls_into_one_unit_and_every_piece_too() {
        let piece = u64::from(PieceLen::MIN.bytes());
        let mut stamp = FileStamp::of(&fs::metadata(".").unwrap());
        let sizes = [1, 100 * piece, 2, 3, piece, piece + 1, 16 << 20, 1].repeat(20);
        let files: Vec<(usize, FileStamp)> = (0..)
            .zip(sizes)
            .map(|(entry, size)| {
                stamp.size = size;
                (entry, stamp)
            })
            .collect();

        let (units, large) = cut(&files, PieceLen::MIN);

        let mut pieces = vec![vec![]; large.len()];
        let mut small = vec![];
        for unit in units {
            match unit {
                Unit::Small(range) => small.extend(files[range].iter().map(|(entry, _)| *entry)),
                Unit::Large { at, pieces: range } => pieces[at].extend(range),
            }
        }
        for (file, pieces) in large.iter().zip(pieces) {
            assert_eq!(pieces, (0..FileHashes::pieces_of(file.stamp.size, PieceLen::MIN)).collect::<Vec<_>>());
        }
        let mut all: Vec<usize> = large.iter().map(|file| file.entry).chain(small).collect();
        all.sort_unstable();
        assert_eq!(all, (0..files.len()).collect::<Vec<_>>());
    }

    fn hash(sources: &Sources) -> Result<Hashed, ImportError> {
        hash_all(sources, PieceLen::MIN, &AtomicU64::new(0), &AtomicBool::new(false))
    }
}
