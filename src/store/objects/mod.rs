//! The bytes of a server in an object store (S3), for servers that are larger than one machine.
//!
//! The store is the durable truth for bytes; the disk of each process is a [`Cache`] that can be thrown away. Three kinds of
//! objects, none of which is ever changed once it is there:
//! - `content/ab/abcd…`: a file's bytes, under their BLAKE3 hash. The same file in two shares is one object.
//! - `shares/<id>`: a share's signed manifest with its hashes; the id is the hash of what was signed.
//! - `uploads/<upload>/<start>-<chance>`: a run of bytes of an upload that is still coming.
//!
//! Bytes go first and the row in the database after, so what can be found can be read, and a half-written object is seen by
//! nobody (S3 shows an object when it is whole). An object that no row names is garbage: [`garbage`] finds what is older
//! than a grace time. What comes back is never trusted: [`Cache`] checks every piece against the publisher's hashes.

mod cache;
mod garbage;
mod keys;
mod stored;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig, WriteMultipart, aws::AmazonS3Builder,
    client::HttpConnector, path::Path as Key,
};
use tokio::io::AsyncReadExt as _;

pub(super) use cache::CachedFile;
pub use cache::{Cache, CacheUse};
pub use garbage::{GRACE_MIN, Garbage, SweepError};
pub use keys::upload_part;
pub use stored::StoredFiles;

use super::ShareBytes;
use crate::share::{Root, ShareId};

/// Where a server's objects are. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    shown: String,
}

/// Which store, and with which keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Bucket {
    pub name: String,
    /// Goes before each key, without a `/` at its ends; may be empty.
    pub prefix: String,
    /// `https://host:port`; `None`: Amazon's.
    pub endpoint: Option<String>,
    pub region: String,
    /// The bucket's name stands in the host name, and not in the path.
    pub virtual_hosted: bool,
    pub keys: AccessKeys,
}

/// Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeys {
    pub id: String,
    pub secret: String,
    pub session: Option<String>,
}

/// Why the store did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// There is no such object.
    #[error("the storage {store} has no {key}")]
    Missing { store: String, key: String },
    #[error("the storage {store} does not do what is asked: {reason}")]
    Failed { store: String, reason: String },
    /// What came back is not what was stored.
    #[error("the storage {store} gave wrong bytes for {key}")]
    Wrong { store: String, key: String },
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Without the prefix.
    pub key: String,
    pub size: u64,
    pub modified: SystemTime,
}

/// Larger files go up in parts.
const WHOLE_MAX: u64 = 8 << 20;
const PART: usize = 8 << 20;
/// Parts of one file on their way at once.
const PARTS_AT_ONCE: usize = 4;
/// An object that is there already is not sent again while it is so young that nobody takes it for garbage meanwhile.
const YOUNG: Duration = Duration::from_secs(6 * 3600);

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeys")
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Bucket {
    /// What people are shown of it.
    pub fn shown(&self) -> String {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        let at = self.endpoint.as_deref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
        format!("s3://{}{slash}{}{at}", self.name, self.prefix)
    }
}

impl Objects {
    /// Asks nobody yet.
    pub fn open(bucket: &Bucket, http: impl HttpConnector) -> Result<Objects, ObjectError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_access_key_id(&bucket.keys.id)
            .with_secret_access_key(&bucket.keys.secret)
            .with_virtual_hosted_style_request(bucket.virtual_hosted)
            .with_http_connector(http)
            .with_retry(retries());
        if let Some(token) = &bucket.keys.session {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let shown = bucket.shown();
        let failed =
            |error: object_store::Error| ObjectError::Failed { store: shown.clone(), reason: error.to_string() };
        let store = builder.build().map_err(failed)?;
        Ok(Objects { store: Arc::new(store), prefix: bucket.prefix.clone(), shown: bucket.shown() })
    }

    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub async fn get(&self, key: &str) -> Result<Bytes, ObjectError> {
        let got = async { self.store.get(&self.at(key)).await?.bytes().await };
        got.await.map_err(|error| self.fault(key, error))
    }

    /// A part of an object.
    pub async fn get_range(&self, key: &str, range: std::ops::Range<u64>) -> Result<Bytes, ObjectError> {
        let length = range.end - range.start;
        let bytes = self.store.get_range(&self.at(key), range).await.map_err(|error| self.fault(key, error))?;
        if bytes.len() as u64 != length {
            return Err(ObjectError::Wrong { store: self.shown.clone(), key: key.to_owned() });
        }
        Ok(bytes)
    }

    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError> {
        let put = self.store.put(&self.at(key), PutPayload::from_bytes(bytes)).await;
        put.map(drop).map_err(|error| self.fault(key, error))
    }

    /// Removes an object; one that is gone is no fault.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        match self.store.delete(&self.at(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.fault(key, error)),
        }
    }

    /// How large an object is and when it was written, if it is there.
    pub async fn look(&self, key: &str) -> Result<Option<Listed>, ObjectError> {
        match self.store.head(&self.at(key)).await {
            Ok(found) => {
                Ok(Some(Listed { key: key.to_owned(), size: found.size, modified: found.last_modified.into() }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fault(key, error)),
        }
    }

    /// All objects whose keys begin so (up to a `/`).
    pub fn list(&self, folder: &str) -> BoxStream<'_, Result<Listed, ObjectError>> {
        let (at, cut) = (self.at(folder), self.prefix.len() + usize::from(!self.prefix.is_empty()));
        let listed = self.store.list(Some(&at)).map(move |found| match found {
            Ok(found) => Ok(Listed {
                key: found.location.as_ref().get(cut..).unwrap_or_default().to_owned(),
                size: found.size,
                modified: found.last_modified.into(),
            }),
            Err(error) => Err(self.fault("list", error)),
        });
        listed.boxed()
    }

    /// Stores a file's bytes under their hash, unless they are there and young. The bytes are hashed again on the way: what
    /// was changed on the disk meanwhile is not stored.
    pub async fn put_content(&self, root: Root, size: u64, path: &std::path::Path) -> Result<(), ObjectError> {
        let key = keys::content(root);
        if self.look(&key).await?.is_some_and(|there| there.size == size && is_young(there.modified)) {
            return Ok(());
        }
        let changed = |reason: String| ObjectError::Failed {
            store: self.shown.clone(),
            reason: format!("{} can't be stored: {reason}", path.display()),
        };
        let mut file = tokio::fs::File::open(path).await.map_err(|error| changed(error.to_string()))?;
        let mut hasher = blake3::Hasher::new();
        if size <= WHOLE_MAX {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            file.take(WHOLE_MAX + 1).read_to_end(&mut bytes).await.map_err(|error| changed(error.to_string()))?;
            if *hasher.update(&bytes).finalize().as_bytes() != root.0 {
                return Err(changed("it was changed after it was read".to_owned()));
            }
            return self.put(&key, bytes.into()).await;
        }
        let upload = self.store.put_multipart(&self.at(&key)).await.map_err(|error| self.fault(&key, error))?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer).await.map_err(|error| changed(error.to_string()))?;
            let Some(step) = buffer.get(..read).filter(|step| !step.is_empty()) else { break };
            hasher.update(step);
            parts.wait_for_capacity(PARTS_AT_ONCE).await.map_err(|error| self.fault(&key, error))?;
            parts.write(step);
        }
        if *hasher.finalize().as_bytes() != root.0 {
            parts.abort().await.ok();
            return Err(changed("it was changed after it was read".to_owned()));
        }
        parts.finish().await.map(drop).map_err(|error| self.fault(&key, error))
    }

    /// A part of a file, by the file's hash; checked by whoever asks.
    pub async fn content(&self, root: Root, range: std::ops::Range<u64>) -> Result<Bytes, ObjectError> {
        self.get_range(&keys::content(root), range).await
    }

    /// A whole file's bytes as they come, by its hash; checked by whoever asks.
    pub async fn whole_content(
        &self,
        root: Root,
    ) -> Result<BoxStream<'static, Result<Bytes, ObjectError>>, ObjectError> {
        let key = keys::content(root);
        let found = self.store.get(&self.at(&key)).await.map_err(|error| self.fault(&key, error))?;
        let this = self.clone();
        Ok(found.into_stream().map_err(move |error| this.fault(&key, error)).boxed())
    }

    pub async fn put_share(&self, id: ShareId, bytes: &ShareBytes) -> Result<(), ObjectError> {
        self.put(&keys::share(id), super::share_files::to_bytes(bytes).into()).await
    }

    /// What was stored of a share; whoever reads it checks it as a stranger's.
    pub async fn share(&self, id: ShareId) -> Result<ShareBytes, ObjectError> {
        let key = keys::share(id);
        let bytes = self.get(&key).await?;
        let wrong = || ObjectError::Wrong { store: self.shown.clone(), key: key.clone() };
        super::share_files::of_bytes(&bytes).map_err(|_| wrong())
    }

    /// Writes, reads back, lists and deletes an object: whether the store and the keys are good for a server.
    pub async fn try_out(&self) -> Result<(), ObjectError> {
        let mut chance = [0; 16];
        aws_lc_rs::rand::fill(&mut chance).ok();
        let key = format!("trial/{}", data_encoding::HEXLOWER.encode(&chance));
        self.put(&key, Bytes::copy_from_slice(&chance)).await?;
        let read = self.get_range(&key, 4..12).await;
        let listed = self.list("trial").try_any(async |found| found.key == key).await;
        self.delete(&key).await?;
        let wrong = || ObjectError::Wrong { store: self.shown.clone(), key: key.clone() };
        if read?[..] != chance[4..12] || !listed? { Err(wrong()) } else { Ok(()) }
    }

    /// Whether the store answers at all.
    pub async fn ping(&self) -> Result<(), ObjectError> {
        self.look("trial/ping").await.map(drop)
    }

    fn at(&self, key: &str) -> Key {
        match self.prefix.as_str() {
            "" => Key::from(key),
            prefix => Key::from(format!("{prefix}/{key}")),
        }
    }

    fn fault(&self, key: &str, error: object_store::Error) -> ObjectError {
        match error {
            object_store::Error::NotFound { .. } => {
                ObjectError::Missing { store: self.shown.clone(), key: key.to_owned() }
            }
            error => ObjectError::Failed { store: self.shown.clone(), reason: reason(&error) },
        }
    }
}

/// People wait: a store that does not answer is told of after some seconds.
fn retries() -> RetryConfig {
    let mut retries = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(8), ..RetryConfig::default() };
    retries.backoff.max_backoff = Duration::from_secs(1);
    retries
}

fn is_young(modified: SystemTime) -> bool {
    SystemTime::now().duration_since(modified).map_or(true, |age| age < YOUNG)
}

/// The innermost reason: what wraps it repeats addresses and says nothing more.
fn reason(error: &object_store::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let (whole, inner) = (error.to_string(), inner.to_string());
    if whole.contains(&inner) || inner.is_empty() { whole } else { format!("{whole}: {inner}") }
}
