//! A disk that fails after any number of operations, and forgets what was not synced when the power goes.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use handout::{
    share::Share,
    store::{
        Checking, Complete, DiskError, Opened, Partial, Sources,
        disk::{Disk, DiskOp, Gate},
    },
};

use super::{World, bytes, put, read_all, share_of, tree};

#[test]
fn whatever_operation_fails_nothing_wrong_is_had_or_named_and_it_completes_afterwards() {
    let run = |after: usize| {
        let scene = Scene::new();
        let gate = scene.gate(Some(after), io::ErrorKind::Other);
        let outcome = scene.download(&gate);
        scene.check_disk();
        let failed = gate.failed();
        // The program is started again, with the disk well.
        let gate = scene.gate(None, io::ErrorKind::Other);
        scene.download(&gate).unwrap_or_else(|error| panic!("after a fault at {after}: {error}"));
        assert_eq!(tree(&scene.world.into), tree(&scene.world.from), "after a fault at {after}");
        assert_eq!(outcome.is_err(), failed, "a fault at {after} is told");
        failed
    };
    let faults = (0..10_000).take_while(|after| run(*after)).count();
    assert!(faults > 25, "only {faults} operations were made to fail");
}

#[test]
fn whenever_the_power_goes_no_piece_is_noted_whose_bytes_were_not_synced() {
    let run = |after: usize| {
        let scene = Scene::new();
        let gate = scene.gate(Some(after), io::ErrorKind::Other);
        let _ = scene.download(&gate);
        let failed = gate.failed();
        gate.lose_unsynced(&scene.world.into);
        scene.check_disk();
        let gate = scene.gate(None, io::ErrorKind::Other);
        scene.download(&gate).unwrap_or_else(|error| panic!("after a power cut at {after}: {error}"));
        assert_eq!(tree(&scene.world.into), tree(&scene.world.from), "after a power cut at {after}");
        failed
    };
    let cuts = (0..10_000).take_while(|after| run(*after)).count();
    assert!(cuts > 25, "only {cuts} power cuts were tried");
}

#[test]
fn a_full_disk_at_any_operation_is_called_that() {
    for after in 0..12 {
        let scene = Scene::new();
        let gate = scene.gate(Some(after), io::ErrorKind::StorageFull);
        let error = scene.download(&gate).unwrap_err();
        assert!(matches!(error, DiskError::NoSpace { .. }), "{after}: {error}");
        assert!(error.may_heal() && error.to_string().starts_with("The disk is full: "));
    }
}

#[test]
fn after_a_failed_sync_nothing_is_noted_until_the_download_is_opened_again() {
    let scene = Scene::new();
    let gate = scene.gate(None, io::ErrorKind::Other);
    let disk = Disk::with_gate(gate.clone());
    let Opened::Filling(partial) =
        Partial::create_on(disk, scene.share.clone(), &scene.world.into, &scene.world.state, &Checking::default())
            .unwrap()
    else {
        panic!("nothing is here")
    };
    super::fetch_all(&scene.share, &scene.complete, &partial);
    gate.fail_next_sync();
    assert!(matches!(partial.save_have(), Err(DiskError::Unsure { .. })));
    assert!(matches!(partial.save_have(), Err(DiskError::Unsure { .. })), "the system would call the second sync good");
    assert!(matches!(partial.finish(), Err(DiskError::Unsure { .. })));
    drop(partial);
    assert!(scene.world.resume(&scene.share).had().is_empty());
}

#[test]
fn whatever_operation_fails_while_another_share_is_copied_nothing_wrong_is_had_and_it_completes_afterwards() {
    let run = |after: usize| {
        let scene = Scene::new();
        let others = [Arc::new(scene.complete.clone())];
        let gate = scene.gate(Some(after), io::ErrorKind::Other);
        let outcome = scene.copy(&gate, &others);
        scene.check_disk();
        let failed = gate.failed();
        gate.lose_unsynced(&scene.world.into);
        scene.check_disk();
        let gate = scene.gate(None, io::ErrorKind::Other);
        scene.copy(&gate, &others).unwrap_or_else(|error| panic!("after a fault at {after}: {error}"));
        assert_eq!(tree(&scene.world.into), tree(&scene.world.from), "after a fault at {after}");
        // A clone that is refused is told to nobody: then it is copied, and that tells.
        assert_eq!(outcome.is_err(), failed, "a fault at {after} is told");
        failed
    };
    let faults = (0..10_000).take_while(|after| run(*after)).count();
    assert!(faults > 25, "only {faults} operations were made to fail");
}

/// A folder with small files and one of three pieces, and where it is downloaded to.
struct Scene {
    world: World,
    share: Arc<Share>,
    complete: Complete,
}

impl Scene {
    fn new() -> Scene {
        let world = World::new();
        let folder = world.from.join("f");
        put(folder.join("a"), &bytes(1, 1_000));
        put(folder.join("sub/b"), &bytes(2, 2_000));
        put(folder.join("sub/c"), &bytes(3, 3_000));
        put(folder.join("large"), &bytes(4, 600_000));
        put(world.from.join("top.txt"), &bytes(5, 50));
        put(world.from.join("zero.txt"), b"");
        let (share, imported) = share_of(&[folder, world.from.join("top.txt"), world.from.join("zero.txt")]);
        let complete = Complete::open(share.clone(), imported.sources);
        Scene { world, share, complete }
    }

    fn gate(&self, fail_after: Option<usize>, kind: io::ErrorKind) -> Arc<Failing> {
        let state = State { left: fail_after, ..State::default() };
        Arc::new(Failing { into: self.world.into.clone(), kind, state: Mutex::new(state) })
    }

    /// A download from begin to end, or on from where it stopped; the note is saved after every other piece,
    /// so that the last one is synced by nothing but the end.
    fn download(&self, gate: &Arc<Failing>) -> Result<Sources, DiskError> {
        let disk = Disk::with_gate(gate.clone());
        let opened = match Partial::resume_on(disk.clone(), self.share.clone(), &self.world.state)? {
            Some(opened) => opened,
            None => {
                Partial::create_on(disk, self.share.clone(), &self.world.into, &self.world.state, &Checking::default())?
            }
        };
        let partial = match opened {
            Opened::Filling(partial) => partial,
            Opened::Complete(sources) => return Ok(sources),
        };
        for piece in self.share.pieces().iter().filter(|piece| !partial.had().contains(*piece)) {
            let mut writer = partial.writer(piece);
            for part in read_all(self.complete.reader(piece).unwrap()).chunks(100_000) {
                writer.write(part)?;
            }
            writer.finish().map_err(|error| match error {
                handout::store::PieceError::Disk(error) => error,
                handout::store::PieceError::Wrong(wrong) => panic!("{wrong}"),
            })?;
            if piece.get() % 2 == 0 {
                partial.save_have()?;
            }
        }
        partial.finish()
    }

    /// The same where all of it is in another share on this disk.
    fn copy(&self, gate: &Arc<Failing>, others: &[Arc<Complete>]) -> Result<Sources, DiskError> {
        let disk = Disk::with_gate(gate.clone());
        let checking = Checking::default();
        match Partial::create_on(disk, self.share.clone(), &self.world.into, &self.world.state, &checking)? {
            Opened::Filling(partial) => {
                partial.take_from(others, &checking)?;
                assert!(partial.had().is_full());
                partial.finish()
            }
            Opened::Complete(sources) => Ok(sources),
        }
    }

    /// What a fresh start would believe is true, and what has a final name is whole.
    fn check_disk(&self) {
        let expected = tree(&self.world.from);
        for (name, content) in tree(&self.world.into) {
            let staged = name.split('/').next().unwrap().ends_with(".part");
            if !staged && !name.ends_with("-A") {
                assert_eq!(expected.get(&name), Some(&content), "{name} has its final name");
            }
        }
        let opened = Partial::resume(self.share.clone(), &self.world.state).unwrap();
        if let Some(Opened::Filling(partial)) = opened {
            for piece in partial.had().iter(self.share.pieces()) {
                let right = read_all(self.complete.reader(piece).unwrap());
                assert_eq!(read_all(partial.reader(piece).unwrap()), right, "piece {}", piece.get());
            }
        }
    }
}

/// Lets some operations pass and fails from then on, as a dead disk does. Notes what was written since the last sync.
struct Failing {
    into: PathBuf,
    kind: io::ErrorKind,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    left: Option<usize>,
    failed: bool,
    fail_sync: bool,
    /// By path at the time of writing.
    unsynced: BTreeMap<PathBuf, Vec<(u64, usize)>>,
}

impl Gate for Failing {
    fn pass(&self, op: DiskOp<'_>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let sync = matches!(op, DiskOp::Sync { .. } | DiskOp::SyncAll);
        if state.left == Some(0) || (sync && std::mem::take(&mut state.fail_sync)) {
            state.failed = true;
            return Err(self.kind.into());
        }
        state.left = state.left.map(|left| left - 1);
        match op {
            DiskOp::Write { path, offset, len } if self.into.join(path).exists() => {
                state.unsynced.entry(path.to_owned()).or_default().push((offset, len));
            }
            DiskOp::Clone { path, len } => {
                state.unsynced.entry(path.to_owned()).or_default().push((0, len as usize));
            }
            DiskOp::Sync { path } => drop(state.unsynced.remove(path)),
            DiskOp::SyncAll => state.unsynced.clear(),
            DiskOp::Rename { from, .. } if from.extension().is_some_and(|part| part == "part") => {
                let under: Vec<&PathBuf> = state.unsynced.keys().filter(|path| path.starts_with(from)).collect();
                assert!(under.is_empty(), "{from:?} gets its final name while {under:?} are not synced");
            }
            _ => {}
        }
        Ok(())
    }
}

impl Failing {
    fn failed(&self) -> bool {
        self.state.lock().unwrap().failed
    }

    fn fail_next_sync(&self) {
        self.state.lock().unwrap().fail_sync = true;
    }

    /// What a power cut leaves: zeros where bytes were written and not synced.
    fn lose_unsynced(&self, into: &Path) {
        for (path, ranges) in &self.state.lock().unwrap().unsynced {
            let Ok(file) = fs::File::options().write(true).open(into.join(path)) else { continue };
            for (offset, len) in ranges {
                file.write_all_at(&vec![0; *len], *offset).unwrap();
            }
        }
    }
}
