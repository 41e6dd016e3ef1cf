//! The chaining values of large files' pieces: how each piece is checked alone, with trust in the file's root only.
//!
//! The values merge up to the root as BLAKE3's own tree does (BLAKE3 paper, §2.1 and §5.1.2), so a list that merges to the
//! root that the publisher signed needs no signature of its own.

use std::collections::BTreeMap;

use blake3::{
    CHUNK_LEN,
    hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root},
};

use super::{EntryKind, Manifest, PieceLen, Root};

/// The BLAKE3 chaining values of one file's subtree pieces, in order; at least two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHashes(Vec<ChainingValue>);

/// The [`FileHashes`] of all files of a share that are cut into subtree pieces.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PieceHashes {
    /// By index into [`Manifest::entries`].
    files: BTreeMap<usize, FileHashes>,
}

/// A place in all lists of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HashPlace {
    entry: usize,
    value: usize,
}

/// Why some bytes are not a file's list of chaining values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHashes {
    #[error("the list of piece hashes has the wrong length")]
    Length,
    #[error("the piece hashes do not belong to the file")]
    WrongRoot,
    #[error("piece hashes of a file are missing")]
    Missing,
}

/// Hashes one subtree piece; `index` counts the pieces of its file.
pub(super) fn subtree_hasher(index: u32, piece_len: PieceLen) -> blake3::Hasher {
    debug_assert!(piece_len.bytes() as usize >= CHUNK_LEN);
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(u64::from(index) * u64::from(piece_len.bytes()));
    hasher
}

impl FileHashes {
    /// The chaining value of a file's piece with this content. `data` has a full piece's length, except for the last piece,
    /// which is shorter but not empty.
    pub fn value_of(index: u32, piece_len: PieceLen, data: &[u8]) -> ChainingValue {
        subtree_hasher(index, piece_len).update(data).finalize_non_root()
    }

    /// How many subtree pieces a file of this size has; 0 for one that is checked whole.
    pub fn pieces_of(size: u64, piece_len: PieceLen) -> u64 {
        let piece = u64::from(piece_len.bytes());
        if size > piece { size.div_ceil(piece) } else { 0 }
    }

    /// From the values in order; `None` for fewer than two, which have no such tree.
    pub fn of_values(values: Vec<ChainingValue>) -> Option<FileHashes> {
        (values.len() >= 2).then_some(FileHashes(values))
    }

    /// Reads a list from outside: 32 bytes a piece. It is right if it merges to `root`.
    pub fn parse(bytes: &[u8], size: u64, piece_len: PieceLen, root: Root) -> Result<FileHashes, BadHashes> {
        let pieces = Self::pieces_of(size, piece_len);
        if pieces == 0 || bytes.len() as u64 != pieces * 32 {
            return Err(BadHashes::Length);
        }
        let values = bytes.as_chunks::<32>().0.to_vec();
        let hashes = FileHashes(values);
        if hashes.root() == root { Ok(hashes) } else { Err(BadHashes::WrongRoot) }
    }

    /// 32 bytes a piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    pub fn values(&self) -> &[ChainingValue] {
        &self.0
    }

    /// The values of the same file cut into longer pieces, `None` where these are not longer or the file is one of them.
    pub fn for_longer_pieces(&self, own: PieceLen, longer: PieceLen) -> Option<Vec<ChainingValue>> {
        let many = 1usize.checked_shl(u32::from(longer.log2().checked_sub(own.log2())?))?;
        (self.0.len() > many).then(|| self.0.chunks(many).map(merged).collect())
    }

    /// The BLAKE3 hash of the whole file.
    pub fn root(&self) -> Root {
        let (left, right) = split(&self.0);
        Root(*merge_subtrees_root(&merged(left), &merged(right), Mode::Hash).as_bytes())
    }
}

/// BLAKE3's left subtree holds the largest power of two of pieces that leaves something to the right.
fn split(values: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    values.split_at(values.len().next_power_of_two() / 2)
}

fn merged(values: &[ChainingValue]) -> ChainingValue {
    if let [only] = values {
        return *only;
    }
    let (left, right) = split(values);
    merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
}

impl PieceHashes {
    /// From each large file's list, by index into [`Manifest::entries`]; every one of them must be there and right.
    pub fn new(manifest: &Manifest, files: BTreeMap<usize, FileHashes>) -> Result<PieceHashes, BadHashes> {
        let mut wanted = 0;
        for (entry, size, root) in manifest.large_files() {
            let hashes = files.get(&entry).ok_or(BadHashes::Missing)?;
            if hashes.0.len() as u64 != FileHashes::pieces_of(size, manifest.piece_len) {
                return Err(BadHashes::Length);
            }
            if hashes.root() != root {
                return Err(BadHashes::WrongRoot);
            }
            wanted += 1;
        }
        if wanted == files.len() { Ok(PieceHashes { files }) } else { Err(BadHashes::Length) }
    }

    /// The list of one large file.
    pub fn of_entry(&self, entry: usize) -> Option<&FileHashes> {
        self.files.get(&entry)
    }

    /// All lists, one behind the other in manifest order, 32 bytes a piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.files.values().flat_map(|hashes| hashes.to_bytes()).collect()
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.files.values().map(|hashes| hashes.0.len()).sum()
    }

    /// At most `most` values from `at` on as [`PieceHashes::to_bytes`] has them, and where the next ones are; `None` at the
    /// end. Begin at the default place.
    pub fn some(&self, at: HashPlace, most: usize) -> Option<(Vec<u8>, HashPlace)> {
        let (entry, hashes) = self.files.range(at.entry..).next()?;
        let from = if *entry == at.entry { at.value } else { 0 };
        let some = hashes.0.get(from..)?.get(..most).or(hashes.0.get(from..))?;
        let value = from + some.len();
        let more = value < hashes.0.len();
        let next = if more { HashPlace { entry: *entry, value } } else { HashPlace { entry: entry + 1, value: 0 } };
        Some((some.concat(), next))
    }

    /// Reads what [`PieceHashes::to_bytes`] wrote, and checks each list against its file's root.
    pub fn parse(manifest: &Manifest, mut bytes: &[u8]) -> Result<PieceHashes, BadHashes> {
        let mut files = BTreeMap::new();
        for (entry, size, root) in manifest.large_files() {
            let len = usize::try_from(FileHashes::pieces_of(size, manifest.piece_len) * 32);
            let len = len.map_err(|_| BadHashes::Length)?;
            let (list, rest) = bytes.split_at_checked(len).ok_or(BadHashes::Length)?;
            files.insert(entry, FileHashes::parse(list, size, manifest.piece_len, root)?);
            bytes = rest;
        }
        if bytes.is_empty() { Ok(PieceHashes { files }) } else { Err(BadHashes::Length) }
    }
}

impl Manifest {
    /// The files that are cut into subtree pieces: entry, size in bytes, root.
    pub fn large_files(&self) -> impl Iterator<Item = (usize, u64, Root)> + '_ {
        self.entries.iter().enumerate().filter_map(|(index, entry)| match entry.kind {
            EntryKind::File { size, root, .. } if FileHashes::pieces_of(size, self.piece_len) > 0 => {
                Some((index, size, root))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_files_pieces_merge_to_the_hash_of_the_whole_file() {
        let piece = 1usize << PieceLen::MIN.log2();
        for size in
            [piece + 1, 2 * piece - 1, 2 * piece, 3 * piece, 5 * piece + 1025, 7 * piece, 8 * piece, 9 * piece + 7]
        {
            let data: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
            let hashes = hashes_of(&data);
            assert_eq!(hashes.root(), Root(*blake3::hash(&data).as_bytes()), "{size} bytes");
        }
    }

    #[test]
    fn a_list_with_one_wrong_bit_is_refused() {
        let data = vec![5; (1 << PieceLen::MIN.log2()) * 3 + 9];
        let (hashes, size) = (hashes_of(&data), data.len() as u64);
        let mut bytes = hashes.to_bytes();
        assert_eq!(FileHashes::parse(&bytes, size, PieceLen::MIN, hashes.root()), Ok(hashes.clone()));
        bytes[40] ^= 1;
        assert_eq!(FileHashes::parse(&bytes, size, PieceLen::MIN, hashes.root()), Err(BadHashes::WrongRoot));
        assert_eq!(FileHashes::parse(&bytes[1..], size, PieceLen::MIN, hashes.root()), Err(BadHashes::Length));
        assert_eq!(FileHashes::parse(&[], 0, PieceLen::MIN, hashes.root()), Err(BadHashes::Length));
    }

    #[test]
    fn values_of_short_pieces_merge_to_those_of_longer_ones() {
        let data: Vec<u8> = (0..9 * (1usize << 18) + 77).map(|at| (at * 37 % 251) as u8).collect();
        let short = hashes_of(&data);
        for log2 in [18, 19, 20, 21] {
            let longer = PieceLen::from_log2(log2).unwrap();
            let expected = hashes_of_length(&data, longer).to_bytes();
            assert_eq!(short.for_longer_pieces(PieceLen::MIN, longer).map(|values| values.concat()), Some(expected));
        }
        let whole = PieceLen::from_log2(22).unwrap();
        assert_eq!(short.for_longer_pieces(PieceLen::MIN, whole), None, "one piece has no value of its own");
        assert_eq!(short.for_longer_pieces(whole, PieceLen::MIN), None, "values can't be taken apart");
    }

    #[test]
    fn lists_come_bit_by_bit_as_they_come_at_once() {
        let piece = 1usize << PieceLen::MIN.log2();
        let files =
            [(0, 2), (3, 5), (4, 4)].map(|(entry, pieces)| (entry, hashes_of(&vec![entry as u8; pieces * piece])));
        let hashes = PieceHashes { files: BTreeMap::from(files) };
        assert_eq!(hashes.count(), 11);
        for most in 1..12 {
            let (mut at, mut all) = (HashPlace::default(), vec![]);
            while let Some((bytes, next)) = hashes.some(at, most) {
                assert!((1..=32 * most).contains(&bytes.len()));
                all.extend(bytes);
                at = next;
            }
            assert_eq!(all, hashes.to_bytes());
        }
        assert_eq!(PieceHashes::default().some(HashPlace::default(), 1), None);
    }

    fn hashes_of(data: &[u8]) -> FileHashes {
        hashes_of_length(data, PieceLen::MIN)
    }

    fn hashes_of_length(data: &[u8], length: PieceLen) -> FileHashes {
        let pieces = data.chunks(length.bytes() as usize).enumerate();
        let values = pieces.map(|(index, piece)| FileHashes::value_of(index as u32, length, piece)).collect();
        FileHashes::of_values(values).unwrap()
    }
}
