//! Where a share's entries are on this disk, and how each file looked when its content was known to be right.

use std::path::{Path, PathBuf};

use minicbor::{Decoder, Encoder, data::Type};

use super::stamp::FileStamp;
use crate::share::ENTRIES_MAX;

/// For each entry of a manifest, in its order, the path on disk and (for files) a stamp.
///
/// Kept as one blob for a whole share: paths share their beginnings with the one before, so 20,000 files take some
/// 900 KB, and writing them is one statement.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sources {
    /// Folders that the others lie in.
    roots: Vec<PathBuf>,
    entries: Vec<Source>,
}

/// One entry's place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    root: u32,
    /// From the root on.
    path: Box<Path>,
    /// `None` for folders.
    stamp: Option<FileStamp>,
}

/// Bytes that are not what [`Sources::to_bytes`] wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list of where files are is damaged")]
pub struct BadSources;

const VERSION: u8 = 1;

impl Sources {
    pub fn new() -> Sources {
        Sources::default()
    }

    /// Names a folder that entries lie in; its number is for [`Sources::push`].
    pub(super) fn add_root(&mut self, folder: &Path) -> u32 {
        // Neighbours mostly lie in the same one.
        if let Some(known) = self.roots.iter().rposition(|root| root == folder) {
            return known as u32;
        }
        self.roots.push(folder.to_owned());
        self.roots.len() as u32 - 1
    }

    /// Adds the next entry.
    pub(super) fn push(&mut self, root: u32, path: &Path, stamp: Option<FileStamp>) {
        self.entries.push(Source { root, path: path.into(), stamp });
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where an entry is; `None` for one that is not in the list.
    pub fn path(&self, entry: usize) -> Option<PathBuf> {
        let source = self.entries.get(entry)?;
        Some(self.roots.get(source.root as usize)?.join(&source.path))
    }

    /// How a file looked when its content was known; `None` for folders.
    pub fn stamp(&self, entry: usize) -> Option<FileStamp> {
        self.entries.get(entry)?.stamp
    }

    pub(super) fn set_stamp(&mut self, entry: usize, stamp: FileStamp) {
        if let Some(source) = self.entries.get_mut(entry) {
            source.stamp = Some(stamp);
        }
    }

    /// The paths of the entries at the top of a share.
    pub fn places(&self) -> Vec<PathBuf> {
        let tops = self.entries.iter().filter(|source| source.path.components().count() == 1);
        tops.filter_map(|source| Some(self.roots.get(source.root as usize)?.join(&source.path))).collect()
    }

    /// CBOR: version, roots, and for each entry its root, how many bytes of the path before it begins with, the rest, and
    /// its stamp.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![];
        let mut encoder = Encoder::new(&mut bytes);
        let mut previous: Vec<u8> = vec![];
        let written = (|| {
            encoder.array(3)?.u8(VERSION)?.array(self.roots.len() as u64)?;
            for root in &self.roots {
                encoder.bytes(&path_bytes(root))?;
            }
            encoder.array(self.entries.len() as u64)?;
            for source in &self.entries {
                let path = path_bytes(&source.path);
                let common = previous.iter().zip(&path).take_while(|(a, b)| a == b).count();
                encoder.array(4)?.u32(source.root)?.u32(common as u32)?.bytes(&path[common..])?;
                encoder.encode(source.stamp)?;
                previous = path;
            }
            Ok::<(), minicbor::encode::Error<std::convert::Infallible>>(())
        })();
        debug_assert!(written.is_ok(), "a vector takes everything");
        bytes
    }

    /// Reads what [`Sources::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Sources, BadSources> {
        let mut decoder = Decoder::new(bytes);
        let sources = parse_parts(&mut decoder).ok_or(BadSources)?;
        if decoder.datatype().is_ok_and(|more| more != Type::Undefined) {
            return Err(BadSources);
        }
        Ok(sources)
    }
}

fn parse_parts(decoder: &mut Decoder<'_>) -> Option<Sources> {
    if decoder.array().ok()?? != 3 || decoder.u8().ok()? != VERSION {
        return None;
    }
    let mut sources = Sources::new();
    let roots = decoder.array().ok()??;
    for _ in 0..roots {
        sources.roots.push(path_of(decoder.bytes().ok()?.to_vec())?);
    }
    let entries = decoder.array().ok()??;
    if entries > ENTRIES_MAX as u64 {
        return None;
    }
    let mut previous: Vec<u8> = vec![];
    for _ in 0..entries {
        if decoder.array().ok()?? != 4 {
            return None;
        }
        let root = decoder.u32().ok()?;
        let common = decoder.u32().ok()? as usize;
        let mut path = previous.get(..common)?.to_vec();
        path.extend_from_slice(decoder.bytes().ok()?);
        let stamp = decoder.decode().ok()?;
        if root as usize >= sources.roots.len() {
            return None;
        }
        sources.entries.push(Source { root, path: path_of(path.clone())?.into(), stamp });
        previous = path;
    }
    Some(sources)
}

/// A path as bytes that [`path_of`] reads back on the same system.
pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    #[cfg(unix)]
    {
        std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
    }
    #[cfg(windows)]
    {
        let units = std::os::windows::ffi::OsStrExt::encode_wide(path.as_os_str());
        units.flat_map(u16::to_le_bytes).collect()
    }
}

pub(super) fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    #[cfg(unix)]
    {
        let text: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
        Some(PathBuf::from(text))
    }
    #[cfg(windows)]
    {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        let text: std::ffi::OsString = std::os::windows::ffi::OsStringExt::from_wide(&units);
        rest.is_empty().then(|| PathBuf::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_from_its_bytes() {
        let sources = made_up();
        assert_eq!(Sources::parse(&sources.to_bytes()), Ok(sources.clone()));
        assert_eq!(sources.places(), [PathBuf::from("/home/ann/docs"), PathBuf::from("/tmp/Ω.txt")]);
    }

    #[test]
    fn damaged_bytes_are_refused_at_every_length() {
        let bytes = made_up().to_bytes();
        for len in 0..bytes.len() {
            assert_eq!(Sources::parse(&bytes[..len]), Err(BadSources), "{len} bytes");
        }
        assert_eq!(Sources::parse(&[&bytes[..], &[0]].concat()), Err(BadSources));
    }

    fn made_up() -> Sources {
        let stamp = FileStamp::of(&std::fs::metadata(".").expect("the folder that tests run in"));
        let mut sources = Sources::new();
        let home = sources.add_root(Path::new("/home/ann"));
        let tmp = sources.add_root(Path::new("/tmp"));
        assert_eq!(sources.add_root(Path::new("/home/ann")), home);
        sources.push(home, Path::new("docs"), None);
        sources.push(home, Path::new("docs/a.txt"), Some(stamp));
        sources.push(home, Path::new("docs/ab.txt"), Some(stamp));
        sources.push(tmp, Path::new("Ω.txt"), Some(stamp));
        sources
    }
}
