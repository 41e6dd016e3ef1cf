//! Bringing back what was kept: shares are given out again, and what was unfinished goes on.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::blocking;
use crate::{
    engine::{
        event::{Event, Restored, RestoredState},
        shell::Shell,
    },
    share::{PeerId, PieceHashes, Share, ShareId, SignedManifest},
    store::{self, Complete, FileStamp, GivenRecord, ShareRecord, ShareState, Sources, StoredShare},
    traffic::Options,
};

/// Reads everything that was kept and tells the engine.
pub async fn restore(shell: Shell) {
    let names = names(&shell).await;
    let mut options = options(&shell).await;
    let given = given(&shell).await;
    let shares = match shell.store.all_shares().await {
        Ok((stored, damaged)) => {
            report_damaged(&shell, &damaged).await;
            let one = move |stored: StoredShare| {
                let options = options.remove(&stored.record.id).unwrap_or_default();
                restored(stored, options)
            };
            blocking(move || stored.into_iter().filter_map(one).collect()).await.unwrap_or_default()
        }
        Err(error) => {
            let (what, hint) = (error.to_string(), error.hint().to_owned());
            shell.tell(Event::Failed { what, about: "The list of shares".to_owned(), hint }).await;
            vec![]
        }
    };
    shell.tell(Event::Restored { shares, names, given }).await;
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

/// What was chosen for transfers; where it can't be read, it is as if nothing was.
async fn options(shell: &Shell) -> BTreeMap<ShareId, Options> {
    shell.store.database.all_options().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what was chosen for transfers can't be read");
        BTreeMap::new()
    })
}

async fn given(shell: &Shell) -> Vec<GivenRecord> {
    shell.store.database.given().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what was given to others can't be read");
        vec![]
    })
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
fn restored(stored: StoredShare, options: Options) -> Option<Restored> {
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
        options,
        into: record.into.unwrap_or_default(),
        state,
    })
}

fn complete(share: &Arc<Share>, sources: Sources) -> RestoredState {
    let changed = changed_file(share, &sources);
    let (places, part) = (super::staging::places_of(&sources), store::part_of(share, &sources));
    RestoredState::Complete { content: Arc::new(Complete::open(share.clone(), sources)), places, changed, part }
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
