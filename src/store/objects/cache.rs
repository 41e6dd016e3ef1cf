//! What this process keeps on its own disk of the objects it read: bounded, emptied at each start, and never a truth.
//!
//! A file's bytes come in runs of pieces. Each piece is checked against the publisher's hashes before it is written, and
//! only pieces that are here are read, so nothing unverified is ever given out. What was not used for longest goes first;
//! a reader of something that went meanwhile has it brought again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::{ObjectError, Objects};
use crate::{
    share::{EntryKind, PieceVerifier, Root, Share},
    store::{
        locked,
        piece_reader::ReadError,
        stamp::{read_at, write_at},
    },
};

/// One request brings pieces of so many bytes together, where they are smaller.
const RUN: u64 = 4 << 20;
/// Whoever waits for another reader's request gives up after this long.
const PATIENCE: Duration = Duration::from_secs(90);
/// A piece that goes as soon as it comes: the disk is too small for those who read at once.
const TRIES: u32 = 16;
/// More files are not kept, however small they are.
const FILES_MAX: usize = 100_000;

/// The cache of one process. Cheap to clone.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    objects: Objects,
    folder: PathBuf,
    limit: u64,
    runtime: Handle,
    kept: Mutex<Kept>,
    clock: AtomicU64,
}

#[derive(Default)]
struct Kept {
    files: BTreeMap<Key, Arc<Cached>>,
    bytes: u64,
}

/// A content, cut into pieces of a length.
type Key = (Root, u64);

/// How full it is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheUse {
    pub bytes: u64,
    pub limit: u64,
}

/// One content, as far as it is here.
struct Cached {
    path: PathBuf,
    size: u64,
    /// Bytes of a piece; the last one may be shorter.
    piece: u64,
    pieces: Mutex<Vec<Piece>>,
    changed: Condvar,
    /// Held while bytes are read or written, and alone while they are thrown away.
    bytes: RwLock<()>,
    used: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Absent,
    Coming,
    Here,
}

/// A cached content that is open for a reader who knows its hashes.
pub(in crate::store) struct CachedFile {
    cache: Cache,
    cached: Arc<Cached>,
    file: File,
    share: Arc<Share>,
    entry: usize,
    root: Root,
}

impl Cache {
    /// Begins empty: what a former process left in `folder` is deleted. `limit`: bytes.
    pub fn open(objects: Objects, folder: &Path, limit: u64, runtime: Handle) -> io::Result<Cache> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(folder)?,
        }
        let (kept, clock) = (Mutex::default(), AtomicU64::new(0));
        Ok(Cache { inner: Arc::new(Inner { objects, folder: folder.to_owned(), limit, runtime, kept, clock }) })
    }

    pub fn usage(&self) -> CacheUse {
        CacheUse { bytes: locked(&self.inner.kept).bytes, limit: self.inner.limit }
    }

    pub fn objects(&self) -> &Objects {
        &self.inner.objects
    }

    /// Opens a file of a share. `entry`: its index in the manifest.
    pub(super) fn open_file(&self, share: &Arc<Share>, entry: usize) -> Result<CachedFile, ReadError> {
        let kind = share.manifest().entries.get(entry).map(|entry| entry.kind);
        let Some(EntryKind::File { size, root, .. }) = kind else {
            return Err(ReadError::Gone { path: PathBuf::from(entry.to_string()) });
        };
        let piece_len = u64::from(share.manifest().piece_len.bytes());
        // A file of one piece is whole or not here, whatever the length of the share's pieces.
        let piece = if size > piece_len { piece_len } else { size.max(1) };
        let cached = self.cached((root, piece), size);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&cached.path);
        let file = file.map_err(|error| ReadError::of(cached.path.clone(), &error))?;
        Ok(CachedFile { cache: self.clone(), cached, file, share: share.clone(), entry, root })
    }

    fn cached(&self, key: Key, size: u64) -> Arc<Cached> {
        let mut kept = locked(&self.inner.kept);
        let new = || {
            let count = usize::try_from(size.div_ceil(key.1)).unwrap_or(0);
            Arc::new(Cached {
                path: self.inner.folder.join(format!("{}-{}", key.0, key.1)),
                size,
                piece: key.1,
                pieces: Mutex::new(vec![Piece::Absent; count]),
                changed: Condvar::new(),
                bytes: RwLock::default(),
                used: AtomicU64::new(0),
            })
        };
        let cached = kept.files.entry(key).or_insert_with(new).clone();
        cached.used.store(self.inner.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        cached
    }

    /// So many bytes more are here. What was not used for longest goes when there are too many.
    fn came(&self, bytes: u64) {
        let mut kept = locked(&self.inner.kept);
        kept.bytes += bytes;
        if kept.bytes <= self.inner.limit && kept.files.len() <= FILES_MAX {
            return;
        }
        let mut oldest: Vec<(u64, Key)> =
            kept.files.iter().map(|(key, cached)| (cached.used.load(Ordering::Relaxed), *key)).collect();
        oldest.sort_unstable();
        // A tenth more than is needed, so that this is not done for each piece.
        let (bytes_aim, files_aim) = (self.inner.limit - self.inner.limit / 10, FILES_MAX - FILES_MAX / 10);
        for (_, key) in oldest {
            if kept.bytes <= bytes_aim && kept.files.len() <= files_aim {
                break;
            }
            let Some(cached) = kept.files.get(&key).cloned() else { continue };
            kept.bytes = kept.bytes.saturating_sub(cached.throw_away());
            // Ours and the map's: nobody reads it. Opening takes the lock that is held here.
            if Arc::strong_count(&cached) == 2 && fs::remove_file(&cached.path).is_ok() {
                kept.files.remove(&key);
            }
        }
    }
}

impl Cached {
    /// Throws away all that is here. Returns how many bytes that were.
    fn throw_away(&self) -> u64 {
        let _alone = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        let mut pieces = locked(&self.pieces);
        let mut bytes = 0;
        for (index, piece) in pieces.iter_mut().enumerate() {
            if *piece == Piece::Here {
                bytes += self.length(index);
                *piece = Piece::Absent;
            }
        }
        if let Err(error) = File::options().write(true).open(&self.path).and_then(|file| file.set_len(0)) {
            tracing::warn!(path = %self.path.display(), %error, "a cached file could not be emptied");
        }
        bytes
    }

    fn length(&self, piece: usize) -> u64 {
        (self.size - (piece as u64 * self.piece).min(self.size)).min(self.piece)
    }

    /// Takes the pieces from `first` on that nobody brings yet, up to one request's worth.
    fn claim(self: &Arc<Self>, first: usize, pieces: &mut [Piece]) -> Option<Claim> {
        let most = usize::try_from((RUN / self.piece).max(1)).unwrap_or(1);
        let wanted = pieces.get_mut(first..)?.iter_mut().take(most).take_while(|piece| **piece == Piece::Absent);
        let count = wanted.map(|piece| *piece = Piece::Coming).count();
        (count > 0).then(|| Claim { cached: self.clone(), first, count, done: 0 })
    }
}

/// Pieces that are being brought; those that did not come are free for others again.
struct Claim {
    cached: Arc<Cached>,
    first: usize,
    count: usize,
    done: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut pieces = locked(&self.cached.pieces);
        for piece in pieces.iter_mut().skip(self.first + self.done).take(self.count - self.done) {
            *piece = Piece::Absent;
        }
        drop(pieces);
        self.cached.changed.notify_all();
    }
}

impl CachedFile {
    /// Reads bytes at an offset, as many as one piece has of them. Blocks until they are here; not for threads that may
    /// not block.
    pub fn read_at(self: &Arc<Self>, buffer: &mut [u8], offset: u64) -> Result<usize, ReadError> {
        let cached = &self.cached;
        if offset >= cached.size || buffer.is_empty() {
            return Ok(0);
        }
        let index = usize::try_from(offset / cached.piece).unwrap_or(usize::MAX);
        let length = (index as u64 * cached.piece + cached.length(index) - offset).min(buffer.len() as u64);
        let part = buffer.get_mut(..usize::try_from(length).unwrap_or(0)).unwrap_or_default();
        for _ in 0..TRIES {
            self.bring(index)?;
            let _held = cached.bytes.read().unwrap_or_else(PoisonError::into_inner);
            if locked(&cached.pieces).get(index) == Some(&Piece::Here) {
                let read = read_at(&self.file, part, offset);
                return read.map_err(|error| ReadError::of(cached.path.clone(), &error));
            }
        }
        Err(ReadError::Away { reason: "the cache of this server is too small for all who read at once".to_owned() })
    }

    /// Waits until a piece is here, and has it brought if nobody does.
    fn bring(self: &Arc<Self>, index: usize) -> Result<(), ReadError> {
        let mut pieces = locked(&self.cached.pieces);
        loop {
            match pieces.get(index) {
                Some(Piece::Here) => return Ok(()),
                Some(Piece::Absent) => break,
                Some(Piece::Coming) => {
                    let waited = self.cached.changed.wait_timeout(pieces, PATIENCE);
                    let (after, late) = waited.unwrap_or_else(PoisonError::into_inner);
                    if late.timed_out() {
                        return Err(ReadError::Away { reason: "it did not answer in time".to_owned() });
                    }
                    pieces = after;
                }
                None => return Err(ReadError::Gone { path: self.cached.path.clone() }),
            }
        }
        let Some(claim) = self.cached.claim(index, &mut pieces) else { return Ok(()) };
        drop(pieces);
        let next = index + claim.count;
        let runtime = self.cache.inner.runtime.clone();
        let result = runtime.block_on(self.clone().fetch(claim));
        if result.is_ok() {
            self.read_ahead(next);
        }
        result.map_err(|error| ReadError::Away { reason: error.to_string() })
    }

    /// What comes next is wanted next, most of the time.
    fn read_ahead(self: &Arc<Self>, next: usize) {
        let claim = self.cached.claim(next, &mut locked(&self.cached.pieces));
        if let Some(claim) = claim {
            let this = self.clone();
            self.cache.inner.runtime.spawn(async move {
                if let Err(error) = this.fetch(claim).await {
                    tracing::debug!(%error, "reading ahead did not succeed");
                }
            });
        }
    }

    /// Brings the claimed pieces with one request, checks each, and writes it.
    async fn fetch(self: Arc<Self>, mut claim: Claim) -> Result<(), ObjectError> {
        let begin = claim.first as u64 * self.cached.piece;
        let end = (begin + claim.count as u64 * self.cached.piece).min(self.cached.size);
        let bytes = self.cache.inner.objects.content(self.root, begin..end).await?;
        let written = tokio::task::spawn_blocking(move || {
            let mut rest = bytes;
            for index in claim.first..claim.first + claim.count {
                let piece = rest.split_to(usize::try_from(self.cached.length(index)).unwrap_or(0).min(rest.len()));
                self.keep(index, &piece)?;
                claim.done += 1;
            }
            drop(claim);
            Ok(())
        });
        let failed = |error: tokio::task::JoinError| ObjectError::Failed {
            store: "cache".to_owned(),
            reason: error.to_string(),
        };
        written.await.map_err(failed)?
    }

    fn keep(&self, index: usize, bytes: &Bytes) -> Result<(), ObjectError> {
        if !self.is_right(index, bytes) {
            let (store, key) = (self.cache.inner.objects.shown().to_owned(), self.root.to_string());
            tracing::error!(%store, content = %key, "the storage gave bytes that are not what was published");
            return Err(ObjectError::Wrong { store, key });
        }
        {
            let _held = self.cached.bytes.read().unwrap_or_else(PoisonError::into_inner);
            write_at(&self.file, bytes, index as u64 * self.cached.piece).map_err(|error| ObjectError::Failed {
                store: "cache".to_owned(),
                reason: format!("{} can't be written: {error}", self.cached.path.display()),
            })?;
            if let Some(piece) = locked(&self.cached.pieces).get_mut(index) {
                *piece = Piece::Here;
            }
        }
        self.cached.changed.notify_all();
        self.cache.came(bytes.len() as u64);
        Ok(())
    }

    fn is_right(&self, index: usize, bytes: &[u8]) -> bool {
        if bytes.len() as u64 != self.cached.length(index) {
            return false;
        }
        let pieces = self.share.pieces();
        let numbers = pieces.of_entry(self.entry);
        let large = numbers.start.checked_add(u32::try_from(index).unwrap_or(u32::MAX)).and_then(|at| pieces.index(at));
        match large.filter(|piece| pieces.index_in_file(*piece).is_some()) {
            Some(piece) => {
                let mut verifier = PieceVerifier::new(&self.share, piece);
                verifier.update(bytes);
                verifier.finish().is_ok()
            }
            // A file in a bundle is one piece here, and its root is the hash of all of it.
            None => *blake3::hash(bytes).as_bytes() == self.root.0,
        }
    }
}
