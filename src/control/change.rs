//! Pauses, resumes, gives up, takes back and checks a share, and says whether that came true.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Service,
    failure::stopped,
    named::{self, Waited, until},
    rows::state,
    service::{Sink, token},
};
use crate::{
    engine::{
        command::Command,
        snapshot::{Done, Here, Snapshot, TransferState},
    },
    share::ShareId,
    wire::control::{Answer, Changed, Failure, FailureKind, Transfer, Verified},
};

/// How long a share that is not known may take to turn up.
const FIND_WAIT: Duration = Duration::from_secs(3);
/// How long the engine may take to show a change.
const CHANGE_WAIT: Duration = Duration::from_secs(10);
/// How often progress is reported.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// What to do with a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Pause,
    Resume,
    Cancel,
    Unshare,
}

impl Change {
    fn done(self) -> &'static str {
        match self {
            Change::Pause => "paused",
            Change::Resume => "resumed",
            Change::Cancel => "cancelled",
            Change::Unshare => "unshared",
        }
    }

    fn command(self, share: ShareId) -> Command {
        match self {
            Change::Pause => Command::Pause { share },
            Change::Resume => Command::Resume { share },
            Change::Cancel => Command::Cancel { share },
            Change::Unshare => Command::Unshare { share },
        }
    }

    /// Whether the snapshot shows it.
    fn is_true(self, seen: &Seen) -> bool {
        match self {
            Change::Pause => seen.state == Some(TransferState::Paused),
            Change::Resume => seen.state.is_some_and(|state| state != TransferState::Paused),
            Change::Cancel => seen.state.is_none() || seen.state == Some(TransferState::Failed),
            Change::Unshare => !seen.given,
        }
    }

    /// Why it makes no sense for a share, if it does not.
    fn objection(self, seen: &Seen) -> Option<(&'static str, &'static str)> {
        match (self, seen.state) {
            (Change::Unshare, _) if !seen.given => {
                Some(("It is not given out by this computer", "Nothing is to be done."))
            }
            (Change::Unshare, _) => None,
            (_, None) => Some(("It is not on its way here", "`handout transfers` lists what is.")),
            (Change::Cancel, Some(TransferState::Seeding)) => {
                Some(("It is complete already", "`handout unshare` stops giving it out; the files stay."))
            }
            _ => None,
        }
    }
}

/// A share as the snapshot shows it.
struct Seen {
    title: String,
    state: Option<TransferState>,
    /// Whether others can get it from this computer.
    given: bool,
}

fn seen(snapshot: &Snapshot, share: ShareId) -> Option<Seen> {
    let transfer = snapshot.transfers.iter().find(|row| row.share == share);
    let row = snapshot.shares.iter().find(|row| row.id == share);
    let title = row.map(|row| &row.title).or(transfer.map(|row| &row.title))?.clone();
    let state = transfer.map(|row| row.state);
    let mine = row.is_some_and(|row| row.mine && matches!(row.here, Here::Complete { .. }));
    Some(Seen { title, state, given: mine || state == Some(TransferState::Seeding) })
}

/// Answers when it is so.
pub(super) async fn change(service: &Service, change: Change, text: &str, answers: &Sink) -> Result<(), Failure> {
    let mut snapshots = service.handle().watch();
    let share = named::share(&mut snapshots, text, FIND_WAIT).await?;
    let known = known(&mut snapshots, share, text).await?;
    if let Some((what, hint)) = change.objection(&known) {
        return Err(Failure::new(FailureKind::Failed, what, known.title, hint));
    }
    service.handle().send(change.command(share))?;
    let end = Instant::now() + CHANGE_WAIT;
    let is_true = |snapshot: &Snapshot| seen(snapshot, share).is_none_or(|seen| change.is_true(&seen)).then_some(());
    match until(&mut snapshots, end, is_true).await {
        Waited::Found(()) => {
            service.lasts(&known.title).await?;
            let changed = Changed { id: share.to_string(), title: known.title, change: change.done().to_owned() };
            let _ = answers.send(Answer::Changed(changed)).await;
            Ok(())
        }
        Waited::TimedOut => Err(unchanged(change, &snapshots.borrow().clone(), share, known.title)),
        Waited::Stopped => Err(stopped()),
    }
}

/// Answers when every byte was read again.
pub(super) async fn verify(service: &Service, text: &str, answers: &Sink) -> Result<(), Failure> {
    let mut snapshots = service.handle().watch();
    let share = named::share(&mut snapshots, text, FIND_WAIT).await?;
    let title = known(&mut snapshots, share, text).await?.title;
    let token = token();
    service.handle().send(Command::Verify { token, share })?;
    let mut last: Option<Transfer> = None;
    let mut next = Instant::now();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        if let Some(outcome) = snapshot.outcomes.iter().find(|outcome| outcome.token == token) {
            let done = outcome.result.as_ref().map_err(|trouble| Failure::from(trouble.as_ref()))?;
            let Done::Verified { wrong, pieces, .. } = *done else {
                return Err(Failure::new(
                    FailureKind::Failed,
                    "The engine answered another question",
                    title,
                    "Try again.",
                ));
            };
            let verified = Verified { id: share.to_string(), title, wrong, pieces };
            let _ = answers.send(Answer::Verified(verified)).await;
            return Ok(());
        }
        let row = snapshot.transfers.iter().find(|row| row.share == share);
        let mut pending =
            row.map(|row| Transfer::from(row.as_ref())).filter(|progress| last.as_ref() != Some(progress));
        if let Some(progress) = pending.take_if(|_| Instant::now() >= next) {
            let _ = answers.send(Answer::Progress(Box::new(progress.clone()))).await;
            (last, next) = (Some(progress), Instant::now() + PROGRESS_EVERY);
        }
        named::next_picture(&mut snapshots, pending.map(|_| next)).await?;
    }
}

/// An id or a link can be of a share that nobody here has heard of.
async fn known(snapshots: &mut named::Snapshots, share: ShareId, text: &str) -> Result<Seen, Failure> {
    match until(snapshots, Instant::now() + FIND_WAIT, |snapshot| seen(snapshot, share)).await {
        Waited::Found(seen) => Ok(seen),
        Waited::TimedOut => {
            let hint = "`handout shares` lists what is known.";
            Err(Failure::new(FailureKind::NotFound, "No such share is known", text, hint))
        }
        Waited::Stopped => Err(stopped()),
    }
}

fn unchanged(change: Change, snapshot: &Snapshot, share: ShareId, title: String) -> Failure {
    let now = seen(snapshot, share).and_then(|seen| seen.state).map_or("not on its way", state);
    let what = format!("It was not {}; it is {now}", change.done());
    Failure::new(FailureKind::Failed, what, title, "Look with `handout transfers` and try again.")
}
