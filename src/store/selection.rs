//! A share of which only some files are wanted: those get their final names without the others, and when more is wanted they
//! are taken up again where they are.
//!
//! What stands under a final name is complete, so files that are not whole are removed first. Taking up again looks at every
//! file's stamp: what its owner changed meanwhile stays as it is, and the download begins anew beside it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    Complete, DiskError, Sources,
    disk::{self, Disk},
    have_map::{HaveFile, HaveMap, Top},
    names::unfinished,
    partial::Partial,
    relocate::{folder_id, free_name, inode},
    stamp::{FileStamp, Likeness},
};
use crate::share::{Bitmap, EntryKind, Share};

/// The pieces that lie in files that are here, by where the entries are; `None` where all files are.
pub fn part_of(share: &Share, sources: &Sources) -> Option<Bitmap> {
    let is_file = |entry: usize| share.manifest().entries.get(entry).is_some_and(|of| of.kind != EntryKind::Folder);
    let gone = (0..share.manifest().entries.len()).any(|entry| is_file(entry) && sources.stamp(entry).is_none());
    gone.then(|| {
        let (pieces, mut part) = (share.pieces(), Bitmap::empty(share.pieces()));
        for piece in pieces.iter() {
            if pieces.spans(piece).all(|span| sources.stamp(span.entry).is_some()) {
                part.insert(piece);
            }
        }
        part
    })
}

impl Partial {
    /// When every piece of the wanted entries is had: gives them, and what else is whole, their final names. The download is
    /// over then; [`take_up_again`] begins where it ended.
    pub fn finish_selected(&self, wanted: &BTreeSet<usize>) -> Result<Sources, DiskError> {
        let (filling, staging) = (self.filling(), &self.filling().staging);
        let (share, had) = (&staging.share, self.had());
        let pieces = share.pieces();
        let whole = |entry: usize| pieces.of_entry(entry).all(|at| pieces.index(at).is_some_and(|at| had.contains(at)));
        let mut kept = BTreeSet::new();
        for (entry, of) in share.manifest().entries.iter().enumerate() {
            let EntryKind::File { size, .. } = of.kind else { continue };
            if !(whole(entry) && (size > 0 || wanted.contains(&entry))) {
                continue;
            }
            let file = match size {
                0 => staging.fresh_file(entry)?,
                _ => staging
                    .open_file(entry, true)
                    .map_err(|error| staging.error(&staging.path(entry), "opened", &error))?,
            };
            disk::set_file_time(&file, of.modified);
            kept.insert(entry);
        }
        let missing = wanted.iter().filter(|entry| !kept.contains(entry)).count() as u32;
        if missing > 0 {
            return Err(DiskError::Incomplete { folder: staging.into.clone(), missing });
        }
        filling.settle()?;
        let top_has_some = |top: usize| kept.iter().any(|entry| staging.names.top(*entry) == top);
        staging.remove_where(|entry| !kept.contains(&entry))?;
        staging.set_folder_times();
        staging.place_some(top_has_some, || filling.write_note())?;
        staging.sync_top()?;
        let mut sources = Sources::new();
        let root = sources.add_root(&staging.into);
        for entry in 0..share.manifest().entries.len() {
            let path = staging.path(entry);
            let stamp = match kept.contains(&entry) {
                false => None,
                true => {
                    let found = staging.into.join(&path).symlink_metadata();
                    Some(FileStamp::of(&found.map_err(|error| staging.error(&path, "opened", &error))?))
                }
            };
            sources.push(root, &path, stamp);
        }
        Ok(sources)
    }
}

/// Takes up a download that [`Partial::finish_selected`] ended, so that opening it in `into` goes on with what is here.
/// Where a file was changed since, nothing is done.
pub fn take_up_again(share: &Share, content: &Complete, into: &Path, state: &Path) -> Result<(), DiskError> {
    let sources = content.sources();
    let entries = 0..share.manifest().entries.len();
    let path_of = |entry: usize| sources.path(entry).unwrap_or_default();
    let same = |(entry, stamp): (usize, FileStamp)| {
        let found = path_of(entry).symlink_metadata();
        found.is_ok_and(|found| found.is_file() && stamp.likeness(&FileStamp::of(&found)) != Likeness::Other)
    };
    let Some(part) = part_of(share, &sources) else { return Ok(()) };
    let stamped = entries.filter_map(|entry| Some((entry, sources.stamp(entry)?)));
    if !stamped.collect::<Vec<_>>().into_iter().all(same) {
        return Ok(());
    }
    let (mut tops, mut renames): (Vec<Top>, Vec<(PathBuf, PathBuf)>) = (vec![], vec![]);
    for (entry, top) in share.manifest().tops() {
        let place = path_of(entry);
        let found = place.symlink_metadata().ok().filter(|_| place.parent() == Some(into));
        let staged = free_name(into, |number| unfinished(top.path.top(), number))?;
        let goal = place.file_name().map(|name| name.to_string_lossy().into_owned()).filter(|_| found.is_some());
        if found.is_some() {
            renames.push((place, into.join(&staged)));
        }
        let (made, inode) = (found.is_some(), found.map_or(0, |found| inode(&found)));
        tops.push(Top { staged, made, inode, goal, placed: false });
    }
    let mut map = HaveMap::new(share.id(), into, folder_id(into)?, true, tops);
    map.had = part.as_bytes().to_vec();
    // The note first: without it, files under unfinished names would be nobody's.
    HaveFile::new(Disk::default(), state, share.id()).save(&map)?;
    for (from, to) in renames {
        std::fs::rename(&from, &to).map_err(|error| DiskError::of(&from, "taken up again", &error))?;
    }
    Ok(())
}
