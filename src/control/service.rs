//! Does what is asked, through the engine's handle, and says what came of it.

use std::{
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{change, failure::stopped, get, list, manage, managed, share};
use crate::{
    engine::{Handle, SendError, command::Command, command::Token},
    wire::control::{Answer, Envelope, Failure, FailureKind, MAX_PEERS, Request, VERSION},
};

/// Shows the window and hands it paths as if they had been dropped; `false` when it takes no more just then.
pub type ShowWindow = Arc<dyn Fn(Vec<PathBuf>) -> bool + Send + Sync>;

/// Whoever asks, in this program or over the socket, is answered by this.
pub struct Service {
    handle: Handle,
    /// `None` where there is no window.
    window: Option<ShowWindow>,
    /// Whether the engine goes on when the request is answered.
    stays: bool,
    /// Until then an engine that was just started is still finding out who is around.
    looked_around: Instant,
    /// How many requests are being fulfilled that would be lost if the program ended.
    busy: watch::Sender<usize>,
}

/// Where answers go. That nobody hears them any more ends the work, so a failed sending needs no care.
pub(super) type Sink = mpsc::Sender<Answer>;

impl Service {
    /// For a program that runs until somebody ends it. `window`: how to show its window, if it has one.
    pub fn staying(handle: Handle, window: Option<ShowWindow>) -> Service {
        Service { handle, window, stays: true, looked_around: Instant::now(), busy: watch::Sender::new(0) }
    }

    /// For an engine that was started for one request. Lists wait for `look_around` after this, so that computers that
    /// are there have the time to answer.
    pub fn passing(handle: Handle, look_around: Duration) -> Service {
        Service {
            handle,
            window: None,
            stays: false,
            looked_around: Instant::now() + look_around,
            busy: watch::Sender::new(0),
        }
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn stays(&self) -> bool {
        self.stays
    }

    pub(super) fn has_window(&self) -> bool {
        self.window.is_some()
    }

    /// Says to `answers` what there is to say, the last of it when this ends.
    pub async fn answer(&self, envelope: Envelope, answers: Sink) {
        let answered = match check(&envelope).and_then(|()| self.add_peers(&envelope)) {
            Ok(()) => self.fulfil(envelope, &answers).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = answered {
            let _ = answers.send(Answer::Failure(failure)).await;
        }
    }

    /// Waits until what was done is on the disk; a failure when that can't be at the moment. `about`: to what it was done.
    pub(super) async fn lasts(&self, about: &str) -> Result<(), Failure> {
        match self.handle.lasts().await {
            Ok(()) => Ok(()),
            Err(unkept) => Err(Failure::new(FailureKind::Failed, unkept.what, about, unkept.hint)),
        }
    }

    /// Counts a conversation that [`Service::idle`] waits for, as long as the value lives.
    pub(super) fn busy(&self) -> Busy<'_> {
        Busy::new(&self.busy)
    }

    /// Waits until no request is being fulfilled that would be lost if the program ended.
    pub async fn idle(&self) {
        // The sender is ours, so this can't fail before we are gone.
        let _ = self.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }

    async fn fulfil(&self, envelope: Envelope, answers: &Sink) -> Result<(), Failure> {
        use change::Change;
        match envelope.request {
            Request::Share { paths, title, recipients, leave_out, class } => {
                let wish = share::Wish { paths, title, recipients, leave_out, class };
                share::share(self, wish, answers).await
            }
            Request::Get { link, into, timeout_s, hold } => {
                let timeout = Duration::from_secs(timeout_s);
                let wish = get::Wish { link, into, timeout, peers: envelope.peers, hold };
                get::get(self, wish, answers).await
            }
            Request::Shares { watch } => list::list(self, list::shares, watch, answers).await,
            Request::Peers { watch } => list::list(self, list::peers, watch, answers).await,
            Request::Transfers { watch } => list::list_at_once(self, list::transfers, watch, answers).await,
            Request::Status { watch } => list::status_list(self, watch, answers).await,
            Request::Search { words } => list::search(self, &words, answers).await,
            Request::Pause { share } => change::change(self, Change::Pause, &share, answers).await,
            Request::Resume { share } => change::change(self, Change::Resume, &share, answers).await,
            Request::Cancel { share } => change::change(self, Change::Cancel, &share, answers).await,
            Request::Unshare { share } => change::change(self, Change::Unshare, &share, answers).await,
            Request::Verify { share } => change::verify(self, &share, answers).await,
            Request::Manage { wish } => manage::manage(self, wish, answers).await,
            Request::Server { wish } => managed::server(self, wish, answers).await,
            Request::Open { paths } => self.open(paths, answers).await,
        }
    }

    async fn open(&self, paths: Vec<String>, answers: &Sink) -> Result<(), Failure> {
        let Some(show) = &self.window else {
            let _ = answers.send(Answer::NoWindow { pid: std::process::id() }).await;
            return Ok(());
        };
        if !show(paths.into_iter().map(PathBuf::from).collect()) {
            return Err(SendError::Busy.into());
        }
        let _ = answers.send(Answer::Opened).await;
        Ok(())
    }

    /// A `get` asks the given addresses itself; for everything else they become known computers.
    fn add_peers(&self, envelope: &Envelope) -> Result<(), Failure> {
        if matches!(envelope.request, Request::Get { .. }) {
            return Ok(());
        }
        for address in &envelope.peers {
            self.handle.send(Command::AddPeer { address: address.clone() })?;
        }
        Ok(())
    }

    /// Waits until an engine that was just started had time to find others, if it looks for them at all.
    pub(super) async fn look_around(&self) -> Result<(), Failure> {
        let mut snapshots = self.handle.watch();
        let wait = async { while snapshots.changed().await.is_ok() {} };
        match tokio::time::timeout_at(self.looked_around, wait).await {
            Ok(()) => Err(stopped()),
            Err(_) => Ok(()),
        }
    }
}

/// Counts one request as long as it lives.
pub(super) struct Busy<'a>(&'a watch::Sender<usize>);

impl<'a> Busy<'a> {
    fn new(busy: &'a watch::Sender<usize>) -> Busy<'a> {
        busy.send_modify(|busy| *busy += 1);
        Busy(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}

/// A number that no other wish has: 64 bits from the system's randomness.
pub(super) fn token() -> Token {
    RandomState::new().hash_one(0)
}

fn check(envelope: &Envelope) -> Result<(), Failure> {
    if envelope.version != VERSION {
        let about = format!("version {} of the control protocol; this Handout speaks {VERSION}", envelope.version);
        let hint = "Both programs must be of one version: end the running Handout and start it again.";
        return Err(Failure::new(FailureKind::Failed, "The request was not understood", about, hint));
    }
    if envelope.peers.len() > MAX_PEERS {
        let about = format!("{} of them; at most {MAX_PEERS}", envelope.peers.len());
        return Err(Failure::new(
            FailureKind::Usage,
            "Too many addresses were given",
            about,
            "Name fewer with --peer.",
        ));
    }
    Ok(())
}
