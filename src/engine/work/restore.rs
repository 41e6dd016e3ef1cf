//! Bringing back what was kept: shares are given out again, and what was unfinished goes on.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::blocking;
use crate::{
    engine::{
        event::{Event, Restored, RestoredState},
        shell::Shell,
    },
    share::{PeerId, PieceHashes, Share, SignedManifest},
    store::{Complete, FileStamp, ShareRecord, ShareState, Sources, StoredShare},
};

/// Reads everything that was kept and tells the engine.
pub async fn restore(shell: Shell) {
    let names = names(&shell).await;
    let shares = match shell.store.all_shares().await {
        Ok((stored, damaged)) => {
            report_damaged(&shell, &damaged).await;
            blocking(move || stored.into_iter().filter_map(restored).collect()).await.unwrap_or_default()
        }
        Err(error) => {
            let (what, hint) = (error.to_string(), error.hint().to_owned());
            shell.tell(Event::Failed { what, about: "The list of shares".to_owned(), hint }).await;
            vec![]
        }
    };
    shell.tell(Event::Restored { shares, names }).await;
}

async fn names(shell: &Shell) -> Vec<(PeerId, String)> {
    match shell.store.database.peers().await {
        Ok(peers) => peers.into_iter().map(|peer| (peer.id, peer.name)).collect(),
        Err(error) => {
            tracing::warn!(%error, "the names of computers met before can't be read");
            vec![]
        }
    }
}

async fn report_damaged(shell: &Shell, damaged: &[ShareRecord]) {
    if damaged.is_empty() {
        return;
    }
    let (what, hint) = ("What was known of some shares is damaged", "Share or get them again.");
    let about = damaged.iter().take(5).map(|record| record.id.short()).collect::<Vec<_>>().join(", ");
    shell.tell(Event::Failed { what: what.to_owned(), about, hint: hint.to_owned() }).await;
}

/// What was kept is read as carefully as what comes from a stranger.
fn restored(stored: StoredShare) -> Option<Restored> {
    let StoredShare { record, bytes } = stored;
    let signed = SignedManifest::parse_expected(&bytes.signed, record.id).ok()?;
    let hashes = PieceHashes::parse(signed.manifest(), &bytes.hashes).ok()?;
    let share = Arc::new(Share::new(signed, hashes).ok()?);
    let state = match record.sources {
        Some(sources) => complete(&share, sources),
        None => RestoredState::Unfinished,
    };
    Some(Restored {
        share,
        mine: record.mine,
        recipients: record.recipients.into(),
        paused: record.state == ShareState::Paused,
        into: record.into.unwrap_or_default(),
        state,
    })
}

fn complete(share: &Arc<Share>, sources: Sources) -> RestoredState {
    let changed = changed_file(share, &sources);
    let places = sources.places();
    RestoredState::Complete { content: Arc::new(Complete::open(share.clone(), sources)), places, changed }
}

/// The first file that is not as it was, by its stamp; a look at each, no reading.
fn changed_file(share: &Share, sources: &Sources) -> Option<PathBuf> {
    let files =
        (0..share.manifest().entries.len()).filter_map(|entry| Some((sources.path(entry)?, sources.stamp(entry)?)));
    let same = |path: &Path, stamp: FileStamp| {
        std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && FileStamp::of(&found) == stamp)
    };
    files.into_iter().find(|(path, stamp)| !same(path, *stamp)).map(|(path, _)| path)
}
