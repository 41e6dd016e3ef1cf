//! A share on its way here: the engine is told from whom, and its picture tells how it goes.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::mpsc;

use super::{Upstream, random, resolve, task::Event};
use crate::{
    engine::{
        Handle, Shelf,
        command::Command,
        snapshot::{Here, Snapshot, TransferRow, TransferState},
        trouble::TroubleKind,
    },
    lookup::{Reason, transfers::Input},
    share::{PeerId, ShareId},
    traffic::Order,
};

/// What is fetched, and from whom now.
pub struct Fetch {
    pub share: ShareId,
    pub upstream: PeerId,
    pub at: Upstream,
    pub into: PathBuf,
    /// Whether nobody was asked for it before.
    pub first: bool,
}

/// How far a share is, as far as others need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing can be given on yet.
    Nothing,
    /// The manifest and so many pieces.
    Pieces(u32),
    Complete,
    Failed(Reason),
}

/// Fetches, and tells what happens until it is complete or has failed.
pub async fn fetch(engine: Handle, shelf: Shelf, fetch: Fetch, inbox: mpsc::Sender<Event>) {
    let share = fetch.share;
    let fail = async |reason: Reason| {
        inbox.send(Event::Transfers(Input::Failed { share, reason })).await.ok();
    };
    if begin(&engine, &fetch).await.is_err() {
        return fail(Reason::Overloaded).await;
    }
    let mut snapshots = engine.watch();
    let mut before = Progress::Nothing;
    loop {
        let picture = snapshots.borrow_and_update().clone();
        if falsified(&picture, &fetch) {
            let input = Input::Falsified { share, upstream: fetch.upstream };
            inbox.send(Event::Transfers(input)).await.ok();
        }
        // It can be given on from when it is on the shelf, which is a little later than when it has a transfer.
        let progress = match progress(&picture, share) {
            Progress::Pieces(_) if shelf.get(share).is_none() => Progress::Nothing,
            progress => progress,
        };
        if progress != before {
            let input = match progress {
                Progress::Nothing => None,
                Progress::Pieces(_) if before == Progress::Nothing => Some(Input::Started { share }),
                Progress::Pieces(_) => Some(Input::Gained { share }),
                Progress::Complete => Some(Input::Complete { share }),
                Progress::Failed(reason) => return fail(reason).await,
            };
            before = progress;
            if let Some(input) = input {
                inbox.send(Event::Transfers(input)).await.ok();
            }
            if progress == Progress::Complete {
                return;
            }
        }
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

async fn begin(engine: &Handle, fetch: &Fetch) -> Result<(), crate::engine::SendError> {
    let hints = resolve::addresses(&fetch.at.address).await;
    if !fetch.first {
        // A transfer that runs takes its sources from those who are around.
        engine.send(Command::AddPeer { address: fetch.at.address.clone() })?;
    }
    let (token, into) = (u64::from_be_bytes(random()) >> 1, Some(fetch.into.clone()));
    engine.send(Command::Fetch { token, share: fetch.share, into, hints, hold: false })?;
    // Whoever waits reads from the beginning on.
    engine.send(Command::SetOrder { share: fetch.share, order: Order::InOrder })
}

/// How far a share is in a picture.
pub fn progress(picture: &Snapshot, share: ShareId) -> Progress {
    let row = picture.transfers.iter().find(|row| row.share == share);
    match row {
        Some(row) => progress_of(row),
        None => match picture.shares.iter().find(|row| row.id == share).map(|row| &row.here) {
            Some(Here::Complete { .. }) => Progress::Complete,
            _ => Progress::Nothing,
        },
    }
}

fn progress_of(row: &Arc<TransferRow>) -> Progress {
    match row.state {
        TransferState::Seeding | TransferState::Done => Progress::Complete,
        TransferState::Failed => Progress::Failed(match row.trouble.as_ref().map(|trouble| trouble.kind) {
            Some(TroubleKind::BadPeer | TroubleKind::WrongContent) => Reason::Corrupt,
            _ => Reason::Unreachable,
        }),
        TransferState::Fetching | TransferState::Finishing => Progress::Pieces(row.pieces_done),
        _ => {
            if row.pieces_done > 0 {
                Progress::Pieces(row.pieces_done)
            } else {
                Progress::Nothing
            }
        }
    }
}

/// Whether the engine threw away what the source sent for this share.
fn falsified(picture: &Snapshot, fetch: &Fetch) -> bool {
    let row = picture.transfers.iter().find(|row| row.share == fetch.share);
    row.is_some_and(|row| row.banned.contains(&fetch.upstream))
}
