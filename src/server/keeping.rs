//! What lies on this server's disk, and what of it makes room.
//!
//! Copies of what other servers and computers have fill the disk in the end. When it would fall under its reserve, those go
//! that nobody asked for for the longest time (least recently used), and no more than is needed. What people uploaded,
//! published or shared never goes. What went stays in the database, is found as before, and comes again when it is wanted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Body;
use tokio::sync::watch;

use super::{now_s, problem::Problem, settings::Settings};
use crate::{
    engine::{Handle, Shelf, command::Command},
    net::held::holding,
    share::ShareId,
    store::central::{Central, CentralError},
};

/// So many shares are remembered by when they were asked for; the others count from when they came.
const USES_MAX: usize = 10_000;
/// File systems give deleted files' room back a little later.
const FREED_LOOK: Duration = Duration::from_millis(100);
const FREED_LOOKS: u32 = 30;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Keeping {
    pub central: Central,
    pub shelf: Shelf,
    pub engine: Handle,
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Its disk is the one that fills.
    pub home: PathBuf,
    /// What was uploaded and brought.
    pub folder: PathBuf,
    /// In a common storage of several processes nothing is a copy: what lies here is on its way there.
    pub has_common_storage: bool,
    pub uses: Arc<Mutex<Uses>>,
    /// Room is made for one after the other, or two would both count on the same.
    pub one_by_one: Arc<tokio::sync::Mutex<()>>,
}

/// When shares were last asked for here, and how many are getting them now.
#[derive(Default)]
pub(crate) struct Uses(BTreeMap<ShareId, Use>);

#[derive(Clone, Copy, Default)]
struct Use {
    last_s: i64,
    open: usize,
}

/// A share that somebody is getting, until this is dropped.
struct InUse {
    share: ShareId,
    uses: Arc<Mutex<Uses>>,
}

/// A copy that nobody is getting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Copied {
    asked_s: i64,
    share: ShareId,
    size: u64,
}

impl Uses {
    fn asked(&mut self, share: ShareId, now_s: i64, opened: usize) {
        let known = self.0.entry(share).or_default();
        known.last_s = known.last_s.max(now_s);
        known.open += opened;
        if self.0.len() > USES_MAX {
            let rests = self.0.iter().filter(|(id, known)| known.open == 0 && **id != share);
            if let Some(oldest) = rests.min_by_key(|(_, known)| known.last_s).map(|(id, _)| *id) {
                self.0.remove(&oldest);
            }
        }
    }

    fn closed(&mut self, share: ShareId, now_s: i64) {
        if let Some(known) = self.0.get_mut(&share) {
            known.open = known.open.saturating_sub(1);
            known.last_s = known.last_s.max(now_s);
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).closed(self.share, now_s());
    }
}

impl Keeping {
    /// Somebody wants a share.
    pub fn asked(&self, share: ShareId) {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).asked(share, now_s(), 0);
    }

    /// A body of a share's bytes: it stays until they were sent.
    pub fn while_sent(&self, share: ShareId, body: Body) -> Body {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).asked(share, now_s(), 1);
        holding(body, InUse { share, uses: self.uses.clone() })
    }

    /// What is free on the disk, if the system tells.
    pub fn free_bytes(&self) -> Option<u64> {
        fs4::available_space(&self.home).ok()
    }

    /// How much more room is needed so that `size` bytes can come; `None`: there is enough.
    fn missing(&self, size: u64) -> Option<u64> {
        let needed = self.settings.borrow().reserve_bytes.saturating_add(size);
        let free = self.free_bytes()?;
        needed.checked_sub(free).filter(|missing| *missing > 0)
    }

    /// Whether there is room for `size` bytes, if need be by deleting copies.
    pub async fn make_room(&self, size: u64) -> Result<bool, CentralError> {
        if self.missing(size).is_none() {
            return Ok(true);
        }
        let _one_by_one = self.one_by_one.lock().await;
        let Some(missing) = self.missing(size) else { return Ok(true) };
        let Some(going) = to_evict(self.copies().await?, missing) else { return Ok(false) };
        for copy in going {
            tracing::info!(share = %copy.share, "a copy of what others have made room");
            self.central.set_here(copy.share, false).await?;
            self.take_off(copy.share).await;
        }
        for _ in 0..FREED_LOOKS {
            if self.missing(size).is_none() {
                return Ok(true);
            }
            tokio::time::sleep(FREED_LOOK).await;
        }
        Ok(false)
    }

    /// Whether there is room for a share that is to be brought; of one that nothing is known of, for anything at all.
    pub async fn make_room_for(&self, share: ShareId) -> Result<bool, CentralError> {
        if self.shelf.get(share).is_some() {
            return Ok(true);
        }
        let size = self.central.share(share).await?.map_or(0, |row| row.size);
        self.make_room(size).await
    }

    async fn copies(&self) -> Result<Vec<Copied>, CentralError> {
        if self.has_common_storage {
            return Ok(vec![]);
        }
        let picture = self.engine.snapshot();
        let wanted: BTreeSet<_> = picture.shares.iter().filter(|row| row.leeches > 0).map(|row| row.id).collect();
        let rows = self.central.copies().await?;
        let lies_here = |share| {
            self.shelf.get(share).is_some_and(|on_shelf| on_shelf.is_complete() && on_shelf.lies_under(&self.folder))
        };
        let uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.into_iter().filter(|row| !wanted.contains(&row.id) && lies_here(row.id));
        let copies = rows.filter_map(|row| {
            let known = uses.0.get(&row.id).copied().unwrap_or_default();
            let asked_s = known.last_s.max(row.added_s);
            (known.open == 0).then_some(Copied { asked_s, share: row.id, size: row.size })
        });
        Ok(copies.collect())
    }

    /// Stops giving a share out, and deletes files that were uploaded or brought; those of the app's own stay where they are.
    pub async fn take_off(&self, share: ShareId) {
        let places = self.shelf.get(share).map(|on_shelf| on_shelf.places()).unwrap_or_default();
        if let Err(error) = self.engine.send(Command::Unshare { share }) {
            tracing::error!(%share, %error, "a share could not be taken off the shelf");
        }
        let folder = self.folder.clone();
        let deleted = tokio::task::spawn_blocking(move || delete_tops(&folder, &places)).await;
        for (path, error) in deleted.unwrap_or_default() {
            tracing::warn!(%share, path = %path.display(), %error, "files of a share could not be deleted");
        }
    }
}

impl super::Server {
    /// [`Keeping::make_room`], or the answer for whoever wanted it.
    pub(in crate::server) async fn make_room(&self, size: u64) -> Result<(), Problem> {
        match self.keeping.make_room(size).await? {
            true => Ok(()),
            false => Err(Problem::disk_full()),
        }
    }
}

/// Which copies go so that so many bytes become free, those that rest longest first; `None`: all together are not enough.
fn to_evict(mut copies: Vec<Copied>, missing: u64) -> Option<Vec<Copied>> {
    copies.sort_by_key(|copy| (copy.asked_s, copy.share));
    let mut freed = 0_u64;
    let mut going = vec![];
    for copy in copies {
        if freed >= missing {
            break;
        }
        freed = freed.saturating_add(copy.size);
        going.push(copy);
    }
    (freed >= missing).then_some(going)
}

/// Deletes what holds these places at the top of a folder: the one folder of an upload, or each file and folder that was
/// brought. Returns what could not be deleted.
fn delete_tops(folder: &Path, places: &[PathBuf]) -> Vec<(PathBuf, io::Error)> {
    let inside = places.iter().filter_map(|place| place.strip_prefix(folder).ok());
    let tops: BTreeSet<PathBuf> = inside.filter_map(|place| Some(folder.join(place.components().next()?))).collect();
    let mut failed = vec![];
    for top in tops {
        let is_folder = top.symlink_metadata().is_ok_and(|found| found.is_dir());
        let deleted = if is_folder { fs::remove_dir_all(&top) } else { fs::remove_file(&top) };
        match deleted {
            Err(error) if error.kind() != io::ErrorKind::NotFound => failed.push((top, error)),
            _ => {}
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(number: u8, asked_s: i64, size: u64) -> Copied {
        Copied { asked_s, share: ShareId([number; 32]), size }
    }

    #[test]
    fn those_that_rest_longest_go_and_no_more_than_are_needed() {
        let copies = vec![copy(1, 30, 5), copy(2, 10, 5), copy(3, 20, 5)];
        assert_eq!(to_evict(copies.clone(), 5), Some(vec![copy(2, 10, 5)]));
        assert_eq!(to_evict(copies.clone(), 6), Some(vec![copy(2, 10, 5), copy(3, 20, 5)]));
        assert_eq!(to_evict(copies, 15).map(|going| going.len()), Some(3));
    }

    #[test]
    fn none_goes_when_all_are_not_enough() {
        assert_eq!(to_evict(vec![copy(1, 1, 5), copy(2, 2, u64::MAX)], u64::MAX).map(|going| going.len()), Some(2));
        assert_eq!(to_evict(vec![copy(1, 1, 5), copy(2, 2, 4)], 10), None);
        assert_eq!(to_evict(vec![], 1), None);
    }

    #[test]
    fn uses_are_counted_and_bounded() {
        let uses = Arc::new(Mutex::new(Uses::default()));
        let share = ShareId([9; 32]);
        uses.lock().unwrap().asked(share, 5, 1);
        uses.lock().unwrap().asked(share, 3, 1);
        drop(InUse { share, uses: uses.clone() });
        let known = uses.lock().unwrap().0[&share];
        assert_eq!((known.open, known.last_s > 5), (1, true), "one is still getting it, and the other did until now");
        for number in 0..=USES_MAX as u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            uses.lock().unwrap().asked(ShareId(id), i64::from(number), 0);
        }
        let uses = uses.lock().unwrap();
        assert_eq!(uses.0.len(), USES_MAX);
        assert!(uses.0.contains_key(&share), "what somebody is getting is not forgotten");
    }
}
