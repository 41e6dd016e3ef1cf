//! A small room of real engines, each with a home and a downloads folder of its own, that are told of each other.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use handout::{
    engine::{
        Config, Engine,
        command::{Command, Recipients, Unreadable},
        managed::Ticket,
        snapshot::{Done, Outcome, Snapshot, TransferRow},
        trouble::Trouble,
    },
    share::ShareId,
};

/// Nothing here takes long; a wait that does not end is a failure with words.
const PATIENCE: Duration = Duration::from_secs(60);

/// One computer.
pub struct Computer {
    pub folder: tempfile::TempDir,
    pub name: String,
    engine: Option<Engine>,
    peers: Vec<String>,
    next_token: u64,
    /// What a file of the machine says about the server that manages it.
    pub managed: Option<Ticket>,
}

impl Computer {
    /// Starts one that knows these others.
    pub fn start(name: &str, others: &[&Computer]) -> Computer {
        let folder = tempfile::tempdir().unwrap();
        let peers = others.iter().map(|other| other.address().to_string()).collect();
        let mut computer =
            Computer { folder, name: name.to_owned(), engine: None, peers, next_token: 1, managed: None };
        computer.restart();
        computer
    }

    /// Starts it (again) on what is on its disk.
    pub fn restart(&mut self) {
        self.stop();
        let config = Config {
            home: self.folder.path().join("home"),
            downloads: self.downloads(),
            name: self.name.clone(),
            listen: Some("127.0.0.1:0".parse().unwrap()),
            discovery: false,
            peers: self.peers.clone(),
            traffic: Default::default(),
            managed: self.managed.clone(),
            machine_id: Some("a machine".to_owned()),
        };
        self.engine = Some(Engine::start(config, Arc::new(|| {})).unwrap());
    }

    pub fn stop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown();
        }
    }

    pub fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    pub fn address(&self) -> SocketAddr {
        let snapshot = self.wait("it listens", |snapshot| !snapshot.me.listen.is_empty());
        snapshot.me.listen[0]
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.engine.as_ref().expect("it runs").handle().snapshot()
    }

    pub fn send(&self, command: Command) {
        self.engine.as_ref().expect("it runs").handle().send(command).unwrap();
    }

    /// Waits until a snapshot is as wanted.
    pub fn wait(&self, what: &str, as_wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let begun = Instant::now();
        loop {
            let snapshot = self.snapshot();
            if as_wanted(&snapshot) {
                return snapshot;
            }
            assert!(begun.elapsed() < PATIENCE, "{} waited in vain until {what}: {snapshot:#?}", self.name);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn share(&mut self, paths: &[PathBuf]) -> ShareId {
        match self.try_share(paths, Recipients::Everyone, Unreadable::Refuse).unwrap() {
            Done::Shared { share, .. } => share,
            other => panic!("sharing ended with {other:?}"),
        }
    }

    pub fn try_share(
        &mut self,
        paths: &[PathBuf],
        audience: Recipients,
        unreadable: Unreadable,
    ) -> Result<Done, Arc<Trouble>> {
        let token = self.token();
        let (paths, class) = (paths.to_vec(), Default::default());
        self.send(Command::Share { token, paths, title: None, audience, unreadable, class });
        self.outcome(token)
    }

    /// Begins to fetch; [`Computer::outcome`] tells how it ended.
    pub fn begin_fetch(&mut self, share: ShareId) -> u64 {
        let token = self.token();
        self.send(Command::Fetch { token, share, into: None, hints: vec![], hold: false });
        token
    }

    /// Fetches it whole.
    pub fn fetch(&mut self, share: ShareId) -> Vec<PathBuf> {
        let token = self.begin_fetch(share);
        match self.outcome(token).unwrap() {
            Done::Fetched { places, .. } => places,
            other => panic!("fetching ended with {other:?}"),
        }
    }

    pub fn outcome(&self, token: u64) -> Result<Done, Arc<Trouble>> {
        let find = |snapshot: &Snapshot| -> Option<Arc<Outcome>> {
            snapshot.outcomes.iter().find(|outcome| outcome.token == token).cloned()
        };
        let snapshot = self.wait("the wish is done", |snapshot| find(snapshot).is_some());
        find(&snapshot).unwrap().result.clone()
    }

    pub fn transfer(&self, share: ShareId) -> Option<Arc<TransferRow>> {
        self.snapshot().transfers.iter().find(|row| row.share == share).cloned()
    }

    pub fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    /// A file in a folder of its own that is not the downloads.
    pub fn file(&self, name: &str, bytes: usize) -> PathBuf {
        let path = self.folder.path().join("own").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content(name, bytes)).unwrap();
        path
    }
}

/// Bytes that differ from file to file and from piece to piece.
pub fn content(seed: &str, bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut content);
    content
}

/// What of a downloads folder is unfinished.
pub fn unfinished(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let entries: Vec<PathBuf> = entries.unwrap_or_default();
    entries.into_iter().filter(|path| path.to_string_lossy().contains(".part")).collect()
}
