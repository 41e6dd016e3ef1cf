//! Brings a share here, and says when it is complete.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    Service,
    manage_rows::file_row,
    named,
    rows::paths,
    service::{Sink, token},
};
use crate::{
    engine::{
        command::{Command, Token},
        snapshot::{Done, Outcome, Snapshot, TransferRow, TransferState},
        trouble::TroubleKind,
    },
    share::{Link, ShareId},
    wire::control::{Answer, Failure, FailureKind, Fetched, Held, Transfer},
};

/// How often progress is reported.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// How long a name may take to become an address.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// A longer search for somebody who has it is not a search any more.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
/// How many of those who were asked are named.
const MAX_NAMED: usize = 8;

/// What to bring, and where to.
pub(super) struct Wish {
    pub link: String,
    pub into: Option<String>,
    /// How long to look for somebody who has it.
    pub timeout: Duration,
    /// `HOST:PORT`.
    pub peers: Vec<String>,
    /// Answers when the list of its files is known, and nothing comes before it is resumed.
    pub hold: bool,
}

/// Answers when every file is complete and verified under its final name, or when its files can be chosen. Once somebody who has it was found, this takes
/// as long as it takes; the transfer goes on when nobody listens any more.
pub(super) async fn get(service: &Service, wish: Wish, answers: &Sink) -> Result<(), Failure> {
    let end = Instant::now() + wish.timeout.min(MAX_TIMEOUT);
    let into = wish.into.as_ref().map(PathBuf::from);
    if let Some(relative) = into.as_deref().filter(|path| !path.is_absolute()) {
        let about = relative.display().to_string();
        return Err(Failure::new(FailureKind::Usage, "The path is not absolute", about, "Give an absolute path."));
    }
    let mut hints = resolve(&wish.peers).await?;
    let mut snapshots = service.handle().watch();
    let share = match wish.link.parse::<Link>() {
        Ok(link) => {
            hints.extend(link.at);
            link.share
        }
        Err(_) => named::share(&mut snapshots, &wish.link, wish.timeout.min(MAX_TIMEOUT)).await?,
    };
    let token = token();
    let was_there = transfer(&service.handle().snapshot(), share).is_some();
    service.handle().send(Command::Fetch { token, share, into, hints: hints.clone(), hold: wish.hold })?;
    let mut last: Option<Transfer> = None;
    let mut next = Instant::now();
    let mut found = false;
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let row = transfer(&snapshot, share);
        if let Some(held) = row.filter(|_| wish.hold).and_then(held) {
            let _ = answers.send(Answer::Held(Box::new(held))).await;
            return Ok(());
        }
        let outcome = snapshot.outcomes.iter().find(|outcome| outcome.token == token);
        if let Some(outcome) = outcome {
            let fetched = fetched(outcome, &snapshot, share)?;
            let _ = answers.send(Answer::Fetched(fetched)).await;
            return Ok(());
        }
        found |= row.is_some_and(somebody_has_it);
        if !found && Instant::now() >= end {
            if !was_there {
                give_up(service, token, share);
            }
            return Err(nobody(&snapshot, &wish.link, &hints));
        }
        let mut pending = row.map(Transfer::from).filter(|progress| last.as_ref() != Some(progress));
        if let Some(progress) = pending.take_if(|_| Instant::now() >= next) {
            let _ = answers.send(Answer::Progress(Box::new(progress.clone()))).await;
            (last, next) = (Some(progress), Instant::now() + PROGRESS_EVERY);
        }
        let search_ends = (!found).then_some(end);
        named::next_picture(&mut snapshots, pending.map(|_| next).into_iter().chain(search_ends).min()).await?;
    }
}

/// What was begun for this search alone is taken back; a transfer that was there before goes on looking.
fn give_up(service: &Service, token: Token, share: ShareId) {
    if let Err(error) = service.handle().send(Command::Cancel { share }) {
        tracing::warn!(%error, token, "a search that found nobody could not be taken back");
    }
}

fn transfer(snapshot: &Snapshot, share: ShareId) -> Option<&TransferRow> {
    snapshot.transfers.iter().find(|row| row.share == share).map(AsRef::as_ref)
}

/// Its files, once they are known and can be chosen or are here.
fn held(row: &TransferRow) -> Option<Held> {
    let files = row.listing.as_ref()?.files().into_iter().map(file_row).collect();
    (!matches!(row.state, TransferState::Verifying | TransferState::Finishing))
        .then(|| Held { transfer: row.into(), files })
}

/// Whether the search is over, because somebody was found or because what hinders it is something else.
fn somebody_has_it(row: &TransferRow) -> bool {
    match row.state {
        TransferState::Looking | TransferState::Failed => row.sources > 0,
        TransferState::Waiting => row.trouble.as_ref().is_none_or(|trouble| trouble.kind != TroubleKind::Nobody),
        TransferState::Fetching
        | TransferState::Paused
        | TransferState::Queued
        | TransferState::Scheduled
        | TransferState::Done
        | TransferState::Finishing
        | TransferState::Verifying
        | TransferState::Seeding => true,
    }
}

fn fetched(outcome: &Outcome, snapshot: &Snapshot, share: ShareId) -> Result<Fetched, Failure> {
    let done = outcome.result.as_ref().map_err(|trouble| Failure::from(trouble.as_ref()))?;
    let Done::Fetched { places, .. } = done else {
        return Err(Failure::new(FailureKind::Failed, "The engine answered another question", "get", "Try again."));
    };
    let known = snapshot.shares.iter().find(|row| row.id == share).map(|row| (row.title.clone(), row.size));
    let known = known.or_else(|| transfer(snapshot, share).map(|row| (row.title.clone(), row.size)));
    let name = || places.first().and_then(|place| Path::new(place).file_name()).unwrap_or_default();
    let (title, size) = known.unwrap_or_else(|| (name().to_string_lossy().into_owned(), 0));
    let reused = transfer(snapshot, share).map(|row| (row.reused_files, row.reused_bytes));
    let (reused_files, reused_bytes) = reused.unwrap_or_default();
    Ok(Fetched { id: share.to_string(), title, size, places: paths(places), reused_files, reused_bytes })
}

/// Who was asked: everybody who is around, and the addresses that were given.
fn nobody(snapshot: &Snapshot, link: &str, hints: &[SocketAddr]) -> Failure {
    let mut asked: Vec<_> = snapshot.peers.iter().map(|peer| peer.name.clone()).collect();
    let is_known = |hint: &&SocketAddr| snapshot.peers.iter().any(|peer| peer.addresses.contains(*hint));
    asked.extend(hints.iter().filter(|hint| !is_known(hint)).map(|hint| format!("{hint} (no answer)")));
    let more = asked.len().saturating_sub(MAX_NAMED);
    asked.truncate(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let hint = if asked.is_empty() {
        "No other computer was found. Start Handout on one that has it, in this network, or name its address with \
         --peer HOST:PORT."
            .to_owned()
    } else {
        format!(
            "Asked: {}{more}. Start Handout on a computer that has it, or look longer with --timeout.",
            asked.join(", ")
        )
    };
    Failure::new(FailureKind::NotFound, "Nobody who has it was found", link, hint)
}

/// Addresses to ask first. A name may have several.
async fn resolve(peers: &[String]) -> Result<Vec<SocketAddr>, Failure> {
    let mut addresses = Vec::new();
    for peer in peers {
        let hint = "Give HOST:PORT, for instance 10.0.0.7:47548.";
        let failure = |reason: &str| {
            Failure::new(FailureKind::Failed, "The address was not found", format!("{peer}: {reason}"), hint)
        };
        let found = timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host(crate::platform::scope::with_numbers(peer))).await;
        addresses.extend(
            found.map_err(|_| failure("no name server answers"))?.map_err(|error| failure(&error.to_string()))?,
        );
    }
    Ok(addresses)
}
