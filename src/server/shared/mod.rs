//! One server of several processes: what they share beside the database is an object store with all bytes.
//!
//! Each process takes up the shares that are in the database (`following.rs`), so that any of them can be asked for any;
//! uploads come in as runs of bytes that every process can go on with (`receiving.rs`), and become shares at whichever
//! process holds the lease for it (`making.rs`). Bytes go into the store before the row goes into the database. A process
//! can be killed at any time: its leases end, and another goes on.
//!
//! Without `storage.url` none of this is used: the bytes lie on the disk, and there is one process.

mod following;
mod lease;
mod making;
mod receiving;

use std::time::Duration;

use tokio::sync::watch;

pub(super) use following::{follow, sweep};
pub(super) use lease::Lease;
pub(super) use making::{make, resume};
pub(super) use receiving::{Broken, forget_parts, receive};

use super::{Config, ServerError, problem::Problem, storage_config::ObjectStorage};
use crate::{
    net::object_http::ObjectHttp,
    share::{PieceHashes, Share, ShareId, SignedManifest},
    store::objects::{Cache, ObjectError, Objects},
};

const PING_EVERY: Duration = Duration::from_secs(10);

/// The storage that all processes of a server use, and this one's cache of it.
pub(crate) struct Shared {
    pub objects: Objects,
    pub cache: Cache,
    /// How long an object that no row names is kept.
    pub grace: Duration,
    /// Why the store can't be used at this moment.
    fault: watch::Sender<Option<String>>,
}

/// Opens the store, and asks nobody yet.
pub(super) fn objects_of(storage: &ObjectStorage) -> Result<Objects, ServerError> {
    let http =
        ObjectHttp::new(storage.authority.as_deref()).map_err(|error| ServerError::Storage(error.to_string()))?;
    Objects::open(&storage.bucket, http).map_err(|error| ServerError::Storage(error.to_string()))
}

/// Tries the store out and makes an empty cache; `None` where the bytes lie on the disk.
pub(super) async fn open(config: &Config) -> Result<Option<Shared>, ServerError> {
    let Some(storage) = &config.objects else { return Ok(None) };
    let objects = objects_of(storage)?;
    let fault = match objects.try_out().await {
        Ok(()) => None,
        // A store that is down comes back; what it refuses is the administrator's to mend, and shown until then.
        Err(error) => Some(error.to_string()),
    };
    if let Some(fault) = &fault {
        tracing::error!(error = %fault, "the storage can't be used; the server goes on trying");
    }
    let (folder, runtime) = (config.home.join("cache"), tokio::runtime::Handle::current());
    let cache = Cache::open(objects.clone(), &folder, storage.cache_bytes, runtime)
        .map_err(|error| ServerError::Folder { path: folder, reason: error.to_string() })?;
    Ok(Some(Shared { objects, cache, grace: storage.grace, fault: watch::Sender::new(fault) }))
}

impl Shared {
    /// Why the store can't be used at this moment, if it can't.
    pub fn fault(&self) -> Option<String> {
        self.fault.borrow().clone()
    }

    /// Looks at the store again and again, until it is told to end.
    pub async fn watch(&self, cancel: &tokio_util::sync::CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PING_EVERY) => {}
                () = cancel.cancelled() => return,
            }
            let now = self.objects.ping().await.err().map(|error| error.to_string());
            self.fault.send_if_modified(|before| {
                match (&before, &now) {
                    (None, Some(fault)) => tracing::error!(error = %fault, "the storage can't be used"),
                    (Some(_), None) => tracing::info!("the storage can be used again"),
                    _ => {}
                }
                let changed = *before != now;
                *before = now;
                changed
            });
        }
    }

    /// A share's signed manifest with its hashes, read as carefully as what comes from a stranger.
    async fn read_share(&self, id: ShareId) -> Result<Share, ObjectError> {
        let bytes = self.objects.share(id).await?;
        let wrong = || ObjectError::Wrong { store: self.objects.shown().to_owned(), key: id.to_string() };
        let signed = SignedManifest::parse_expected(&bytes.signed, id).map_err(|_| wrong())?;
        let hashes = PieceHashes::parse(signed.manifest(), &bytes.hashes).map_err(|_| wrong())?;
        Share::new(signed, hashes).map_err(|_| wrong())
    }
}

impl Problem {
    /// The store does not give or take bytes.
    pub fn storage(error: &dyn std::fmt::Display) -> Problem {
        tracing::warn!(%error, "the storage does not do what is asked");
        let detail = "The server's storage does not answer at this moment. Nothing that was confirmed is lost; try again \
                      in a moment.";
        let problem = Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "storage", detail);
        Problem { retry_after_s: Some(10), ..problem }
    }
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Problem {
        Problem::storage(&error)
    }
}
