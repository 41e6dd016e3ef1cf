//! What travels of a share (its signed manifest and its hashes), kept as one file a share: `<id>.share`.
//!
//! Files and not rows, because they are up to 64 MiB long and never change: in the database each would be written twice
//! (journal and table) and would make the check of the whole database at every start slow; as files they also outlive a
//! damaged database. The file is written before the row and removed after it, so a row never points to nothing.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::{disk_error::DiskError, have_map::TEMPORARY, lasting::sync_folder};
use crate::share::{MANIFEST_BYTES_MAX, ShareId};

/// A share's bytes as they travel; whoever reads them checks them as a stranger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareBytes {
    /// [`SignedManifest::to_wire`](crate::share::SignedManifest::to_wire).
    pub signed: Vec<u8>,
    /// [`PieceHashes::to_bytes`](crate::share::PieceHashes::to_bytes).
    pub hashes: Vec<u8>,
}

const EXTENSION: &str = ".share";
/// A signature and a manifest, and 32 bytes for each of a million pieces and some.
const BYTES_MAX: u64 = MANIFEST_BYTES_MAX as u64 + (64 << 20);

fn path(folder: &Path, share: ShareId) -> PathBuf {
    folder.join(format!("{share}{EXTENSION}"))
}

/// Layout: the length of the first part as 8 bytes (little-endian), the parts, BLAKE3 of all that.
pub fn to_bytes(bytes: &ShareBytes) -> Vec<u8> {
    let length = (bytes.signed.len() as u64).to_le_bytes();
    let mut all = [&length[..], &bytes.signed, &bytes.hashes].concat();
    let hash = blake3::hash(&all);
    all.extend_from_slice(hash.as_bytes());
    all
}

/// Reads back what [`to_bytes`] made; an error of kind `InvalidData` where it is damaged.
pub fn of_bytes(bytes: &[u8]) -> io::Result<ShareBytes> {
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let content = bytes.len().checked_sub(32).filter(|_| bytes.len() as u64 <= BYTES_MAX).ok_or_else(damaged)?;
    let (content, hash) = bytes.split_at(content);
    if blake3::hash(content).as_bytes() != hash {
        return Err(damaged());
    }
    let (length, parts) = content.split_first_chunk().ok_or_else(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
    let (signed, hashes) = parts.split_at_checked(length).ok_or_else(damaged)?;
    Ok(ShareBytes { signed: signed.to_vec(), hashes: hashes.to_vec() })
}

/// Writes a share's file, unless it is there.
pub(super) fn write(folder: &Path, share: ShareId, bytes: &ShareBytes) -> Result<(), DiskError> {
    let path = path(folder, share);
    if read(folder, share).is_ok_and(|there| there == *bytes) {
        return Ok(());
    }
    let temporary = folder.join(format!("{share}{EXTENSION}{TEMPORARY}"));
    let written = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&to_bytes(bytes))?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_folder(folder)
    })();
    written.map_err(|error: io::Error| DiskError::of(&path, "written", &error))
}

/// Reads a share's file back; an error of kind `InvalidData` where it is damaged.
pub(super) fn read(folder: &Path, share: ShareId) -> io::Result<ShareBytes> {
    let mut bytes = vec![];
    fs::File::open(path(folder, share))?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    of_bytes(&bytes)
}

/// Removes a share's file.
pub(super) fn remove(folder: &Path, share: ShareId) -> io::Result<()> {
    match fs::remove_file(path(folder, share)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Which share a file in the state folder belongs to, if it is one of these.
pub(super) fn share_of(name: &str) -> Option<ShareId> {
    name.strip_suffix(EXTENSION)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_back_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let share = ShareId([3; 32]);
        let bytes = ShareBytes { signed: vec![1; 100], hashes: vec![2; 64] };
        write(folder.path(), share, &bytes).unwrap();
        assert_eq!(read(folder.path(), share).unwrap(), bytes);
        assert_eq!(share_of(path(folder.path(), share).file_name().unwrap().to_str().unwrap()), Some(share));

        let right = fs::read(path(folder.path(), share)).unwrap();
        for at in 0..right.len() {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            fs::write(path(folder.path(), share), &wrong).unwrap();
            assert_eq!(read(folder.path(), share).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        write(folder.path(), share, &bytes).unwrap();
        assert_eq!(read(folder.path(), share).unwrap(), bytes);
        remove(folder.path(), share).unwrap();
        remove(folder.path(), share).unwrap();
        assert_eq!(read(folder.path(), share).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
