//! Going on with a download: what of its note is still true, and what stands here already.
//!
//! The note's pieces are trusted as far as the files look untouched: there, ours, and of the right length. What was swapped
//! or has a second name is read again and checked; what is gone is wanted again. Only where a drive seems to be unplugged
//! nothing is concluded at all.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use super::{
    Checking,
    complete::{Judged, Verdict, judge},
    disk::Disk,
    disk_error::DiskError,
    filling::Filling,
    hashing,
    have_map::{HaveFile, HaveMap},
    locked,
    names::numbered,
    parallel,
    partial::{Opened, Partial},
    piece_reader::{PieceReader, ReadError},
    sources::Sources,
    staging::{Staging, TopLook},
    stamp::{FileStamp, is_link_error},
};
use crate::share::{Bitmap, EntryKind, PieceIndex, Share};

/// How many numbered names are looked at for an identical file.
const NUMBERS_MAX: u32 = 20;
const STEP: usize = 128 << 10;
/// So many bytes of a piece tell whether it was begun. Little, since a huge download has tens of thousands of pieces.
const PROBE: usize = 16 << 10;

/// Goes on from a note.
pub(super) fn resume(
    disk: Disk,
    share: Arc<Share>,
    note: HaveFile,
    map: HaveMap,
    watch: &Checking,
) -> Result<Opened, DiskError> {
    let into = map.goes_into().unwrap_or_default();
    let staging = open_noted(disk, share.clone(), &into, &map)?;
    let mut had = Bitmap::from_bytes(share.pieces(), &map.had).unwrap_or_else(|_| Bitmap::empty(share.pieces()));
    let looks = look_at_tops(&staging)?;
    if looks.contains(&TopLook::Lost) && is_another_folder(&staging, &map) {
        return Err(DiskError::FolderGone { folder: into });
    }
    for (top, look) in looks.iter().enumerate() {
        if *look == TopLook::Lost {
            lose_top(&staging, top, &mut had);
            staging.start_top_again(top)?;
        }
    }
    lose_missing(&staging, &mut had)?;
    let filling = Arc::new(Filling::new(staging, note, had.clone()));
    let doubtful = |top: usize| looks.get(top).is_some_and(|look| matches!(look, TopLook::Doubtful | TopLook::Placed));
    let wrong = wrong_pieces(&filling, &had, doubtful, watch)?;
    for piece in &wrong {
        had.remove(*piece);
    }
    // A file that got its final name and was changed since is its owner's: what is missing begins anew beside it.
    let placed_wrong: BTreeSet<usize> = missing_tops(&filling.staging, &had)
        .into_iter()
        .filter(|top| looks.get(*top) == Some(&TopLook::Placed))
        .collect();
    for top in placed_wrong {
        lose_top(&filling.staging, top, &mut had);
        filling.staging.start_top_again(top)?;
    }
    filling.set_had(had);
    filling.make_all()?;
    let placed = filling.staging.tops().iter().all(|top| top.placed);
    let partial = Partial::of(filling);
    if placed { Ok(Opened::Complete(partial.finish()?)) } else { Ok(Opened::Filling(partial)) }
}

fn open_noted(disk: Disk, share: Arc<Share>, into: &Path, map: &HaveMap) -> Result<Staging, DiskError> {
    let mut staging = Staging::open(share, disk, into)?;
    staging.set_case(map.case_counts);
    staging.set_tops(map.tops.clone());
    Ok(staging)
}

fn look_at_tops(staging: &Staging) -> Result<Vec<TopLook>, DiskError> {
    (0..staging.top_entries.len()).map(|top| staging.look_at_top(top)).collect()
}

/// Where a drive was mounted stands an empty folder of the root disk: neither its disk nor its number is what it was. A
/// drive that only got another number by being plugged in again still has its own root.
fn is_another_folder(staging: &Staging, map: &HaveMap) -> bool {
    let folder = staging.folder_id();
    folder.device != map.folder.device && folder.inode != map.folder.inode
}

/// The pieces with bytes of a top are wanted again.
fn lose_top(staging: &Staging, top: usize, had: &mut Bitmap) {
    for entry in entries_of(staging, top) {
        lose_entry(&staging.share, entry, 0, had);
    }
}

fn entries_of(staging: &Staging, top: usize) -> std::ops::Range<usize> {
    let first = staging.top_entries.get(top).copied().unwrap_or(0);
    let end = staging.top_entries.get(top + 1).copied().unwrap_or(staging.share.manifest().entries.len());
    first..end
}

/// The pieces with bytes of a file from `length` on are wanted again.
fn lose_entry(share: &Share, entry: usize, length: u64, had: &mut Bitmap) {
    let pieces = share.pieces();
    for piece in pieces.of_entry(entry).filter_map(|number| pieces.index(number)) {
        let mut spans = pieces.spans(piece).filter(|span| span.entry == entry);
        if spans.any(|span| span.offset + u64::from(span.len) > length) {
            had.remove(piece);
        }
    }
}

/// Looks whether files that had pieces lie in are there and long enough.
fn lose_missing(staging: &Staging, had: &mut Bitmap) -> Result<(), DiskError> {
    if had.is_empty() {
        return Ok(());
    }
    for (entry, of) in staging.share.manifest().entries.iter().enumerate() {
        let EntryKind::File { size: 1.., .. } = of.kind else { continue };
        let length = match staging.look(entry) {
            Ok(found) if found.stamp.size <= of.kind.size() => found.stamp.size,
            Err(error) if may_be_there(&error) => return Err(staging.error(&staging.path(entry), "opened", &error)),
            _ => 0,
        };
        if length < of.kind.size() {
            lose_entry(&staging.share, entry, length, had);
        }
    }
    Ok(())
}

/// Whether the disk gave no answer about a file, instead of saying that it is not there or is no file of ours.
fn may_be_there(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    !matches!(error.kind(), NotFound | NotADirectory | InvalidInput) && !is_link_error(error)
}

/// Reads the had pieces that lie in certain tops, and tells which are wrong.
fn wrong_pieces(
    filling: &Arc<Filling>,
    had: &Bitmap,
    doubtful: impl Fn(usize) -> bool,
    watch: &Checking,
) -> Result<Vec<PieceIndex>, DiskError> {
    let staging = &filling.staging;
    let pieces = staging.share.pieces();
    let in_doubt = |piece: &PieceIndex| pieces.spans(*piece).any(|span| doubtful(staging.names.top(span.entry)));
    let suspects: Vec<PieceIndex> = had.iter(pieces).filter(in_doubt).collect();
    // Never called off: half a look would lose what is right, or keep what is wrong.
    let sorted = sort_out(filling, &suspects, watch, &AtomicBool::new(false));
    match sorted.unread {
        Some(error) => {
            let (path, reason) = (staging.into.clone(), error.to_string());
            Err(DiskError::Other { path, action: "read", reason })
        }
        None => Ok(sorted.wrong),
    }
}

/// Finds pieces that are on the disk and right although the note does not have them: it lags behind by what came since it
/// was saved last, and a program that is killed saves nothing.
pub(super) fn find_unnoted(filling: &Arc<Filling>, watch: &Checking) {
    let (pieces, had) = (filling.staging.share.pieces(), filling.had());
    let missing: Vec<PieceIndex> = pieces.iter().filter(|piece| !had.contains(*piece)).collect();
    for piece in right_pieces(filling, missing, Zeros::AreNothing, watch) {
        filling.has(piece);
    }
}

/// Reads all pieces that are had; those that are wrong are wanted again. What a cancelled reading did not come to, and what
/// can't be read at the moment, stays.
pub(super) fn verify_all(filling: &Arc<Filling>, watch: &Checking) -> Verdict {
    let pieces: Vec<PieceIndex> = filling.had().iter(filling.staging.share.pieces()).collect();
    let Sorted { wrong, unread, .. } = sort_out(filling, &pieces, watch, &watch.cancel);
    for piece in wrong {
        filling.lose(piece);
    }
    Verdict { right: filling.had(), unread }
}

/// Pieces, by what reading them told; those that were not come to are in neither list.
#[derive(Default)]
struct Sorted {
    right: Vec<PieceIndex>,
    wrong: Vec<PieceIndex>,
    unread: Option<ReadError>,
}

/// What zeros at a piece's beginning mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zeros {
    /// It counts as not written yet, without reading on: that is what room that was only reserved holds.
    AreNothing,
    AreContent,
}

/// Reads pieces that may be right, and tells which are. Ended early, it tells of those it came to.
pub(super) fn right_pieces(
    filling: &Arc<Filling>,
    candidates: Vec<PieceIndex>,
    zeros: Zeros,
    watch: &Checking,
) -> Vec<PieceIndex> {
    let mut candidates = candidates;
    if zeros == Zeros::AreNothing {
        let mut probe = vec![0; PROBE];
        candidates.retain(|piece| begins_with_content(filling, *piece, &mut probe));
    }
    sort_out(filling, &candidates, watch, &watch.cancel).right
}

fn begins_with_content(filling: &Arc<Filling>, piece: PieceIndex, probe: &mut [u8]) -> bool {
    let spans = filling.staging.share.pieces().spans(piece).collect();
    let read = PieceReader::new(filling.clone(), spans).read(probe);
    read.is_ok_and(|read| probe.iter().take(read).any(|byte| *byte != 0))
}

/// Reads pieces, on all cores, and tells the right ones from the wrong ones.
fn sort_out(filling: &Arc<Filling>, pieces: &[PieceIndex], watch: &Checking, cancel: &AtomicBool) -> Sorted {
    let share = &filling.staging.share;
    let sorted = Mutex::new(Sorted::default());
    let checked = parallel::for_each(
        watch.effort,
        pieces.len(),
        cancel,
        || vec![0; STEP],
        |job, buffer| {
            let piece = pieces[job];
            let reader = PieceReader::new(filling.clone(), share.pieces().spans(piece).collect());
            let judged = judge(share, piece, reader, buffer, (&watch.bytes, cancel));
            let mut sorted = locked(&sorted);
            match judged {
                Judged::Right => sorted.right.push(piece),
                // A file that is not there any more holds nothing of a download.
                Judged::Wrong | Judged::Unread(ReadError::Gone { .. }) => sorted.wrong.push(piece),
                Judged::Unread(error) => _ = sorted.unread.get_or_insert(error),
                Judged::Cancelled => {}
            }
            Ok::<(), std::convert::Infallible>(())
        },
    );
    debug_assert!(checked.is_ok());
    sorted.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The tops that bytes are missing of.
fn missing_tops(staging: &Staging, had: &Bitmap) -> BTreeSet<usize> {
    let pieces = staging.share.pieces();
    let missing = pieces.iter().filter(|piece| !had.contains(*piece));
    missing.flat_map(|piece| pieces.spans(piece).map(|span| staging.names.top(span.entry))).collect()
}

/// Removes what a download into another folder made. That is tidiness: what can't be reached is left.
pub(super) fn discard_noted(disk: Disk, share: Arc<Share>, note: &HaveFile, map: HaveMap) {
    let into = map.goes_into().unwrap_or_default();
    if let Ok(staging) = open_noted(disk, share, &into, &map)
        && look_at_tops(&staging).is_ok_and(|looks| !looks.contains(&TopLook::Lost))
    {
        let _ = staging.remove_all();
    }
    let _ = note.remove();
}

/// Where the whole share stands in the folder already, under its own or numbered names, every byte checked. Times may
/// differ, and other files may lie beside those of the share.
pub(super) fn find_here(staging: &Staging, watch: &Checking) -> Option<Sources> {
    let tops = 0..staging.top_entries.len();
    let names: Vec<String> = tops.map(|top| find_top_here(staging, top, watch)).collect::<Option<_>>()?;
    let all = 0..staging.share.manifest().entries.len();
    sources_under(staging, all, |top| names.get(top).cloned().unwrap_or_default())
}

fn find_top_here(staging: &Staging, top: usize, watch: &Checking) -> Option<String> {
    let entry = staging.top_entries[top];
    let own = staging.names.name(staging.share.manifest(), entry);
    let numbers = (1..=NUMBERS_MAX).map(|number| numbered(own, number, staging.is_folder(entry)));
    numbers.take_while(|name| staging.into.join(name).symlink_metadata().is_ok()).find(|name| {
        sources_under(staging, entries_of(staging, top), |_| name.clone())
            .is_some_and(|sources| has_content_of(staging, top, &sources, watch))
    })
}

/// Some entries as they stand under certain top names; `None` unless all are there, with the right kind and size.
fn sources_under(
    staging: &Staging,
    entries: std::ops::Range<usize>,
    name: impl Fn(usize) -> String,
) -> Option<Sources> {
    let mut sources = Sources::new();
    let root = sources.add_root(&staging.into);
    for entry in entries {
        let path: PathBuf = staging.path_under(entry, &name(staging.names.top(entry)));
        let found = staging.into.join(&path).symlink_metadata().ok()?;
        let stamp = match staging.share.manifest().entries[entry].kind {
            EntryKind::Folder if found.is_dir() => None,
            EntryKind::File { size, .. } if found.is_file() && found.len() == size => Some(FileStamp::of(&found)),
            _ => return None,
        };
        sources.push(root, &path, stamp);
    }
    Some(sources)
}

/// Reads a top's files and compares their hashes with the publisher's.
fn has_content_of(staging: &Staging, top: usize, sources: &Sources, watch: &Checking) -> bool {
    let manifest = staging.share.manifest();
    let Ok(hashed) = hashing::hash_all(sources, manifest.piece_len, &watch.bytes, &watch.cancel) else { return false };
    entries_of(staging, top).enumerate().all(|(at, entry)| match manifest.entries[entry].kind {
        EntryKind::Folder => true,
        EntryKind::File { root, .. } => hashed.roots.get(&at) == Some(&root),
    })
}
