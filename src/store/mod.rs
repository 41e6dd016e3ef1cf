//! Disk and database.
//!
//! - `import`: files and folders become what a manifest says of them (with `walk` and `hashing`).
//! - [`Complete`]: the bytes of a share that is whole; it notices when a file was changed.
//! - [`Partial`]: a share being filled, from the first byte to its final names (with `filling`, `staging`, `have_map`,
//!   `piece_writer`, `resume`), or from what other shares have already (`reuse`). It can be put into another folder at any
//!   time (`relocate`, and `moving` when it is whole), and can end with some of its files (`selection`).
//! - [`objects`]: the bytes of a server in an object store, with a cache on this disk.
//! - [`placing`]: a share's files from their contents, for a server that moved.
//! - [`Store`]: the facts that must last (with `database`, `tables` and `share_files`).
//!
//! The user's own files stay where they are; the state folder holds what only this program reads. Everything here blocks,
//! except the database. Deliberately not here: which piece comes when, who may have what, and what is shown.

mod audit_heads;
pub mod central;
mod complete;
pub mod database;
pub mod disk;
mod disk_error;
mod enrolment;
mod filling;
mod hashing;
mod have_map;
mod home;
pub mod import;
pub mod lasting;
mod moving;
mod names;
pub mod objects;
mod openat;
mod parallel;
mod partial;
mod piece_reader;
mod piece_writer;
pub mod placing;
mod relocate;
mod resume;
mod reuse;
mod selection;
mod share_files;
mod shared_files;
mod sources;
mod staging;
mod stamp;
mod tables;
mod walk;

use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64},
};

pub use audit_heads::{append_heads, heads_path, read_heads};
pub use complete::{Complete, Look, Verdict};
pub use database::{Database, DatabaseError};
pub use disk_error::DiskError;
pub use enrolment::{EnrolmentRecord, enrolment_path, read_enrolment, remove_enrolment, write_enrolment};
pub use home::{Repair, Store, StoredShare};
pub use moving::{finish_move, forget_move, move_complete};
pub use parallel::Effort;
pub use partial::{Opened, Partial, forget};
pub use piece_reader::{PieceReader, ReadError};
pub use piece_writer::{PieceError, PieceWriter};
pub use relocate::{go_on_moving, move_unfinished, usable_name};
pub use reuse::Reused;
pub use selection::{part_of, take_up_again};
pub use share_files::{ShareBytes, of_bytes as share_bytes_of, to_bytes as share_bytes_to};
pub use sources::{BadSources, Sources};
pub use stamp::{FileStamp, Likeness};
pub use tables::{
    given::GivenRecord,
    peers::RememberedPeer,
    shares::{Recipients, ShareRecord, ShareState},
};

/// How much of what is on the disk was read to check it, and how hard that is to work. Another thread may look, and end it.
#[derive(Debug, Default)]
pub struct Checking {
    pub bytes: AtomicU64,
    pub cancel: AtomicBool,
    pub effort: Effort,
}

/// A lock that stays usable after a thread panicked with it: what it guards is changed in single steps.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
