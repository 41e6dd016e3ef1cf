//! A server as a folder of files that any Handout can read: for moving it to another database or storage, and for backups.
//!
//! | file | what |
//! |---|---|
//! | `index.json` | written last: the tables with their rows and hashes, and how much else there is |
//! | `tables/<name>.jsonl` | the rows, all as they were at one moment |
//! | `shares/<id>` | a share's signed manifest with its hashes |
//! | `contents/ab/<hash>` | a file's bytes under their BLAKE3 hash, each content once |
//! | `uploads/<id>` | what came so far of uploads that are not done |
//! | `keys.json` | the server's key and that of its authority: whoever has them is the server |
//!
//! Contents never change, so writing a copy again into the same folder adds what is new and takes away what is gone. A copy
//! that was broken off goes on where it was: what has its name is whole. At the end every file is read again and compared
//! with what was written down.

mod export;
mod import;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
pub use export::export;
pub use import::import;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ServerError;
use crate::{
    access::GroupId,
    share::{PeerId, Root, ShareId},
    store::{
        DatabaseError, Recipients,
        central::{CentralError, DumpError, DumpedTable},
        objects::ObjectError,
    },
};

/// What a copy holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub format: u32,
    pub made_s: i64,
    /// The id of the server whose copy it is.
    pub server: String,
    pub tables: Vec<IndexedTable>,
    pub shares: u64,
    pub contents: u64,
    pub content_bytes: u64,
    pub uploads: Vec<IndexedUpload>,
    /// Shares whose bytes were not there to be copied; their rows are.
    pub without_bytes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedTable {
    #[serde(flatten)]
    pub table: DumpedTable,
    /// BLAKE3 of its file, as hexadecimal digits.
    pub blake3: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedUpload {
    pub id: String,
    /// Bytes that were there.
    pub bytes: u64,
    pub blake3: String,
}

/// Why a copy could not be made or brought in. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("{0}")]
    Server(#[from] ServerError),
    #[error("{0}")]
    Central(#[from] CentralError),
    #[error("{0}")]
    Dump(#[from] DumpError),
    #[error("{0}")]
    Shares(#[from] DatabaseError),
    #[error("{0}")]
    Objects(#[from] ObjectError),
    #[error("{} can't be read or written: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{} is no copy of a server: {reason}", path.display())]
    NoCopy { path: PathBuf, reason: String },
    #[error("{} is damaged: {reason}. Make another copy, or bring back an older one", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the audit log of the copy is not whole: {0}")]
    Audit(String),
}

const FORMAT: u32 = 1;
const INDEX: &str = "index.json";
const KEYS: &str = "keys.json";

fn failed(path: &Path) -> impl Fn(std::io::Error) -> MoveError + '_ {
    move |error| MoveError::File { path: path.to_owned(), reason: error.to_string() }
}

fn table_file(folder: &Path, table: &str) -> PathBuf {
    folder.join("tables").join(format!("{table}.jsonl"))
}

fn content_file(folder: &Path, root: Root) -> PathBuf {
    let hash = root.to_string();
    folder.join("contents").join(hash.get(..2).unwrap_or_default()).join(hash)
}

fn share_file(folder: &Path, id: ShareId) -> PathBuf {
    folder.join("shares").join(id.to_string())
}

fn upload_file(folder: &Path, upload: &str) -> PathBuf {
    folder.join("uploads").join(upload)
}

/// The shares in the rows of a copy, and who of the peers may have them: everyone what is for the room, a group's computers
/// what is for it, and nobody what is hidden. `me`: the server.
fn shares_in(folder: &Path, tables: &[IndexedTable], me: PeerId) -> Result<Vec<(ShareId, Recipients)>, MoveError> {
    let path = table_file(folder, "shares");
    let table = tables.iter().find(|table| table.table.name == "shares");
    let columns: Vec<&str> =
        table.iter().flat_map(|table| table.table.columns.iter().map(|column| column.name.as_str())).collect();
    let damaged = |reason: &str| MoveError::Damaged { path: path.clone(), reason: reason.to_owned() };
    let mut found = vec![];
    for line in std::fs::read_to_string(&path).map_err(failed(&path))?.lines() {
        let values: Vec<Value> = serde_json::from_str(line).map_err(|error| damaged(&error.to_string()))?;
        let value = |name: &str| columns.iter().position(|column| *column == name).and_then(|at| values.get(at));
        let text = |name: &str| value(name).and_then(Value::as_str).unwrap_or_default();
        let id = HEXLOWER.decode(text("id").as_bytes()).ok().and_then(|id| id.try_into().ok());
        let id = ShareId(id.ok_or_else(|| damaged("a share has no id"))?);
        let shown = value("quarantined").and_then(Value::as_i64) == Some(0);
        let groups = text("groups").split('|').filter_map(|group| group.parse().ok()).map(GroupId).collect();
        let recipients = match text("audience") {
            "room" if shown => Recipients::Everyone,
            "groups" if shown => Recipients::Groups { server: me, groups, keep: false },
            _ => Recipients::Peers(BTreeSet::new()),
        };
        found.push((id, recipients));
    }
    Ok(found)
}

fn hash_of_file(path: &Path) -> Result<Root, MoveError> {
    let mut file = std::fs::File::open(path).map_err(failed(path))?;
    crate::store::placing::hash_of(&mut file, &mut std::io::sink()).map_err(failed(path))
}

/// Work that blocks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MoveError> + Send + 'static,
) -> Result<T, MoveError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| MoveError::File { path: PathBuf::new(), reason: error.to_string() })?
}
