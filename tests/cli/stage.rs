//! Plays a Handout that is running: a real lock and control socket on a home of its own, and an engine that is a script.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use handout::{
    control::{self, Claim, Instance, Listener, Service, ShowWindow},
    engine::{
        Handle,
        command::{Command, Recipients},
        snapshot::{
            Done, Here, Me, Outcome, PeerRow, PieceMap, Role, ShareKind, ShareRow, Snapshot, TransferRow,
            TransferState, Via,
        },
        trouble::{Trouble, TroubleKind},
    },
    share::{PeerId, ShareId},
    traffic::{Class, Limits, Order, Priority, Reason},
};
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::{mpsc, watch},
};

use super::program::{Ran, run_at};

/// A Handout that is running; it ends when dropped.
pub struct Stage {
    pub home: TempDir,
    /// What the engine was asked, in order.
    pub asked: Arc<Mutex<Vec<Command>>>,
    pub snapshots: Arc<watch::Sender<Arc<Snapshot>>>,
    listener: Option<Listener>,
    runtime: Runtime,
}

impl Stage {
    /// `react` is what the engine does: it changes the picture after each command.
    pub fn new(snapshot: Snapshot, react: impl FnMut(&Command, &mut Snapshot) + Send + 'static) -> Stage {
        Stage::with_window(snapshot, None, react)
    }

    pub fn with_window(
        snapshot: Snapshot,
        window: Option<ShowWindow>,
        react: impl FnMut(&Command, &mut Snapshot) + Send + 'static,
    ) -> Stage {
        Stage::at(tempfile::tempdir().unwrap(), snapshot, window, react)
    }

    /// On a home that may have something in it already.
    pub fn at(
        home: TempDir,
        snapshot: Snapshot,
        window: Option<ShowWindow>,
        mut react: impl FnMut(&Command, &mut Snapshot) + Send + 'static,
    ) -> Stage {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (commands, mut inbox) = mpsc::channel::<Command>(16);
        let (snapshots, picture) = watch::channel(Arc::new(snapshot));
        let (snapshots, asked) = (Arc::new(snapshots), Arc::new(Mutex::new(Vec::new())));
        let (publish, note) = (snapshots.clone(), asked.clone());
        runtime.spawn(async move {
            while let Some(command) = inbox.recv().await {
                note.lock().unwrap().push(command.clone());
                publish.send_modify(|snapshot| react(&command, Arc::make_mut(snapshot)));
            }
        });
        let handle = Handle::new(commands, picture, runtime.handle().clone());
        let Claim::First(instance) = Instance::claim(home.path()).unwrap() else { panic!("the home is new") };
        let listener = control::listen(instance, Arc::new(Service::staying(handle, window))).unwrap();
        Stage { home, asked, snapshots, listener: Some(listener), runtime }
    }

    /// Ends, and leaves the home to look at.
    pub fn stop(&mut self) {
        if let Some(listener) = self.listener.take() {
            self.runtime.block_on(listener.stop());
        }
    }

    /// Runs `handout ARGS` against this one.
    pub fn run(&self, args: &[&str]) -> Ran {
        run_at(self.home.path(), args)
    }

    pub fn asked(&self) -> Vec<Command> {
        self.asked.lock().unwrap().clone()
    }

    /// The socket's path.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("control.sock")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
    }
}

/// 2026-01-02 03:04:05 UTC.
pub fn moment() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
}

pub fn peer_id(byte: u8) -> PeerId {
    PeerId([byte; 32])
}

pub fn share_id(byte: u8) -> ShareId {
    ShareId([byte; 32])
}

/// A computer with nothing on it and nobody around.
pub fn empty() -> Snapshot {
    let me = Me {
        id: peer_id(1),
        name: "Lab 1".into(),
        listen: vec!["127.0.0.1:4455".parse().unwrap()],
        version: "9.9.9",
        home: "/home/of/handout".into(),
        downloads: "/downloads".into(),
        discovery: true,
    };
    Snapshot {
        revision: 1,
        me: Arc::new(me),
        peers: Vec::new(),
        silent: vec![],
        shares: Vec::new(),
        transfers: Vec::new(),
        imports: Vec::new(),
        questions: Vec::new(),
        troubles: Vec::new(),
        outcomes: Vec::new(),
        rate_down: 0,
        rate_up: 0,
        traffic: Arc::default(),
        given: [].into(),
        history: [].into(),
        managed: None,
    }
}

pub fn peer(byte: u8, name: &str) -> Arc<PeerRow> {
    Arc::new(PeerRow {
        id: peer_id(byte),
        name: name.into(),
        role: Role::Peer,
        addresses: vec!["10.0.0.7:4455".parse().unwrap(), "[fe80::7]:4455".parse().unwrap()],
        via: Via::Mdns,
        reached: None,
        last_seen: moment(),
        shares: 2,
        clock_ahead_s: None,
        trouble: None,
    })
}

pub fn share(byte: u8, title: &str) -> Arc<ShareRow> {
    Arc::new(ShareRow {
        id: share_id(byte),
        title: title.into(),
        kind: ShareKind::File,
        size: 1_234_567,
        files: 1,
        publisher: Some(peer_id(7)),
        publisher_name: Some("Ms Kaya".into()),
        mine: false,
        created: moment(),
        seeds: 3,
        leeches: 2,
        here: Here::No,
        recipients: None,
        givers: vec![],
        keeping: None,
        link: format!("handout://{}", share_id(byte)),
        trouble: None,
    })
}

/// A share that this computer made.
pub fn my_share(byte: u8, title: &str) -> Arc<ShareRow> {
    let mut row = share(byte, title);
    let mine = Arc::make_mut(&mut row);
    mine.mine = true;
    mine.here = Here::Complete { places: vec!["/files/it".into()] };
    mine.recipients = Some(Recipients::Everyone);
    row
}

pub fn transfer(byte: u8, title: &str, state: TransferState) -> Arc<TransferRow> {
    Arc::new(TransferRow {
        share: share_id(byte),
        title: title.into(),
        kind: ShareKind::File,
        mine: false,
        state,
        done_bytes: 640,
        size: 1_000,
        full_size: 1_000,
        files: 1,
        files_wanted: 1,
        listing: None,
        queue: None,
        priority: Priority::Normal,
        order: Order::Rarest,
        class: Class::Foreground,
        limits: Limits::NONE,
        seed_until: None,
        reason: Reason::FullSpeed,
        given_in_all: 99,
        reused_files: 2,
        reused_bytes: 300,
        pieces_done: 6,
        rate_down: 2_500_000,
        rate_up: 1_000,
        given_bytes: 77,
        eta: Some(Duration::from_millis(12_900)),
        sources: 3,
        seeds: 2,
        leeches: 1,
        into: "/downloads".into(),
        places: Vec::new(),
        trouble: None,
        map: Arc::new(PieceMap::default()),
        peers: Vec::new(),
        history: [].into(),
        banned: vec![],
        facts: None,
    })
}

pub fn trouble(kind: TroubleKind) -> Arc<Trouble> {
    Arc::new(Trouble {
        serial: 1,
        kind,
        what: "It broke".into(),
        about: "Video".into(),
        hint: "Mend it.".into(),
        since: moment(),
    })
}

pub fn done(snapshot: &mut Snapshot, token: u64, done: Done) {
    snapshot.outcomes.push(Arc::new(Outcome { token, result: Ok(done) }));
}

pub fn failed(snapshot: &mut Snapshot, token: u64, kind: TroubleKind) {
    snapshot.outcomes.push(Arc::new(Outcome { token, result: Err(trouble(kind)) }));
}

/// Puts a transfer in the picture, in place of the one before.
pub fn show(snapshot: &mut Snapshot, row: Arc<TransferRow>) {
    snapshot.transfers.retain(|other| other.share != row.share);
    snapshot.transfers.push(row);
}
