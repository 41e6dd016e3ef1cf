//! Shares with made-up content, for tests of this crate.

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::{
    Audience, Entry, EntryKind, FileHashes, Manifest, Modified, PieceHashes, PieceLen, PublicKey, Root, Share,
    SharePath, Signature, SignedManifest,
};

/// A share of files with these names (at the top) and sizes in bytes, and each file's content, in order of the manifest.
pub fn share_of(files: &[(&str, usize)]) -> (Arc<Share>, Vec<Vec<u8>>) {
    let mut files = files.to_vec();
    files.sort_unstable();
    let contents: Vec<Vec<u8>> = files.iter().enumerate().map(|(seed, (_, size))| content(seed, *size)).collect();
    let piece_len = PieceLen::MIN;
    let mut entries = vec![];
    let mut hashes = BTreeMap::new();
    for (index, ((name, size), content)) in files.iter().zip(&contents).enumerate() {
        let root = Root(*blake3::hash(content).as_bytes());
        entries.push(Entry {
            path: SharePath::new(vec![(*name).to_owned()]).expect("a good name"),
            modified: Modified { s: 1_700_000_000, ns: 0 },
            kind: EntryKind::File { size: *size as u64, root, executable: false },
        });
        if FileHashes::pieces_of(*size as u64, piece_len) > 0 {
            let pieces = (0..).zip(content.chunks(piece_len.bytes() as usize));
            let values = pieces.map(|(number, piece)| FileHashes::value_of(number, piece_len, piece)).collect();
            hashes.insert(index, FileHashes::of_values(values).expect("two pieces or more"));
        }
    }
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed of 32 bytes");
    let publisher = PublicKey(key.public_key().as_ref().try_into().expect("32 bytes"));
    let manifest = Manifest {
        title: "made up".to_owned(),
        publisher,
        created_s: 0,
        audience: Audience::Everyone,
        piece_len,
        entries,
    };
    let hashes = PieceHashes::new(&manifest, hashes).expect("hashes of this content");
    let sign = |message: &[u8]| Signature(key.sign(message).as_ref().try_into().expect("64 bytes"));
    let signed = SignedManifest::sign(manifest, sign).expect("a good manifest");
    (Arc::new(Share::new(signed, hashes).expect("all hashes")), contents)
}

fn content(seed: usize, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761 + seed) >> 7) as u8).collect()
}
