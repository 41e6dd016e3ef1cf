//! The disk, with real folders: shares are made from files, filled piece by piece, broken on purpose, and resumed.

mod database;
mod faults;
mod filling;
mod hostile;
mod importing;
mod objects;
mod reusing;
mod serving;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use handout::{
    share::{Audience, Manifest, PieceHashes, PieceIndex, PublicKey, Share, Signature, SignedManifest},
    store::{
        Complete, Opened, Partial, PieceReader,
        import::{ImportProgress, ImportRequest, Imported, import},
    },
};

/// Imports paths and signs what comes of it.
fn share_of(paths: &[PathBuf]) -> (Arc<Share>, Imported) {
    let request = ImportRequest { paths: paths.to_vec(), ..ImportRequest::default() };
    let imported = import(&request, &ImportProgress::default(), &AtomicBool::new(false)).unwrap();
    (sign(&imported), imported)
}

fn sign(imported: &Imported) -> Arc<Share> {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let manifest = Manifest {
        title: imported.title.clone(),
        publisher: PublicKey(key.public_key().as_ref().try_into().unwrap()),
        created_s: 0,
        audience: Audience::Everyone,
        piece_len: imported.piece_len,
        entries: imported.entries.clone(),
    };
    let hashes = PieceHashes::new(&manifest, imported.hashes.clone()).unwrap();
    let sign = |message: &[u8]| Signature(key.sign(message).as_ref().try_into().unwrap());
    Arc::new(Share::new(SignedManifest::sign(manifest, sign).unwrap(), hashes).unwrap())
}

/// Made-up bytes; each seed gives others.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Writes a file, and the folders it lies in.
fn put(path: impl AsRef<Path>, content: &[u8]) -> PathBuf {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path.as_ref().to_owned()
}

/// Two folders for one test: where downloads go, and where notes are kept; and a third with what is shared.
struct World {
    _folder: tempfile::TempDir,
    from: PathBuf,
    into: PathBuf,
    state: PathBuf,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let sub = |name: &str| {
            let path = folder.path().canonicalize().unwrap().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        World { from: sub("from"), into: sub("into"), state: sub("state"), _folder: folder }
    }

    fn create(&self, share: &Arc<Share>) -> Partial {
        filling(Partial::create(share.clone(), &self.into, &self.state).unwrap())
    }

    fn resume(&self, share: &Arc<Share>) -> Partial {
        filling(Partial::resume(share.clone(), &self.state).unwrap().unwrap())
    }
}

fn filling(opened: Opened) -> Partial {
    match opened {
        Opened::Filling(partial) => partial,
        Opened::Complete(_) => panic!("it is complete"),
    }
}

/// One piece's bytes from whoever has it.
fn read_all(mut reader: PieceReader) -> Vec<u8> {
    let (mut all, mut buffer) = (vec![], vec![0; 10_000]);
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => return all,
            read => all.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Brings one piece over, in parts as a socket would give them.
fn fetch(from: &Complete, to: &Partial, piece: PieceIndex) {
    let mut writer = to.writer(piece);
    for part in read_all(from.reader(piece).unwrap()).chunks(65_536) {
        writer.write(part).unwrap();
    }
    writer.finish().unwrap();
}

/// Brings all missing pieces over.
fn fetch_all(share: &Arc<Share>, from: &Complete, to: &Partial) {
    for piece in share.pieces().iter().filter(|piece| !to.had().contains(*piece)) {
        fetch(from, to, piece);
    }
}

/// Every file below a folder with its content, and every folder with `None`; paths with `/`.
fn tree(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if entry.file_type().unwrap().is_dir() {
                found.insert(name, None);
                open.push(entry.path());
            } else {
                found.insert(name, Some(fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    found
}
