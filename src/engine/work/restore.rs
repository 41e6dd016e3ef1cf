//! Bringing back what was kept: shares are given out again, and what was unfinished goes on.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{blocking, remember::remember};
use crate::{
    engine::{
        command::Recipients,
        event::{Event, Restored, RestoredState},
        shell::Shell,
        task::Keep,
    },
    share::{PeerId, PieceHashes, Share, ShareId, SignedManifest},
    store::{self, Complete, GivenRecord, ShareRecord, ShareState, Sources, StoredShare},
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
            let state = shell.store.state_folder().to_owned();
            let one = move |stored: StoredShare| {
                let options = options.remove(&stored.record.id).unwrap_or_default();
                restored(stored, options, &state)
            };
            let all = blocking(move || stored.into_iter().filter_map(one).unzip()).await;
            let (shares, moved): (Vec<Restored>, Vec<Vec<Keep>>) = all.unwrap_or_default();
            moved.into_iter().flatten().for_each(|keep| remember(&shell, keep));
            shares
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
            unread(&error, "the names of computers met before can't be read");
            vec![]
        }
    }
}

/// What was chosen for transfers; where it can't be read, it is as if nothing was.
async fn options(shell: &Shell) -> BTreeMap<ShareId, Options> {
    shell.store.database.all_options().await.unwrap_or_else(|error| {
        unread(&error, "what was chosen for transfers can't be read");
        BTreeMap::new()
    })
}

async fn given(shell: &Shell) -> Vec<GivenRecord> {
    shell.store.database.given().await.unwrap_or_else(|error| {
        unread(&error, "what was given to others can't be read");
        vec![]
    })
}

/// A command that is done at once ends before all was read, which is no fault.
fn unread(error: &store::DatabaseError, what: &str) {
    if !error.is_closing() {
        tracing::warn!(%error, "{what}");
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
fn restored(stored: StoredShare, options: Options, notes: &Path) -> Option<(Restored, Vec<Keep>)> {
    let StoredShare { record, bytes } = stored;
    let signed = SignedManifest::parse_expected(&bytes.signed, record.id).ok()?;
    let hashes = PieceHashes::parse(signed.manifest(), &bytes.hashes).ok()?;
    let share = Arc::new(Share::new(signed, hashes).ok()?);
    let (paused, recipients) = (record.state == ShareState::Paused, Recipients::from(record.recipients));
    let (mut into, mut keeps) = (record.into.unwrap_or_default(), vec![]);
    let state = match record.sources {
        Some(mut sources) => {
            if let Some(moved) = moved(&share, &sources, notes) {
                into = moved.places().first().and_then(|place| place.parent()).map_or(into, Path::to_owned);
                sources = moved;
                let kept = Some(Arc::new(sources.clone()));
                let (share, recipients, into) = (share.clone(), recipients.clone(), into.clone());
                let id = share.id();
                keeps.push(Keep::Share { share, mine: record.mine, recipients, into, sources: kept });
                keeps.extend(paused.then_some(Keep::Paused { share: id, paused, complete: true }));
            }
            complete(&share, sources)
        }
        None => RestoredState::Unfinished,
    };
    Some((Restored { share, mine: record.mine, recipients, paused, options, into, state }, keeps))
}

/// Where the files are after a move that the end of the program broke off; what can't be moved on stays as it was.
fn moved(share: &Share, before: &Sources, notes: &Path) -> Option<Sources> {
    store::finish_move(share, before, notes).unwrap_or_else(|error| {
        tracing::warn!(%error, share = %share.id().short(), "a move that was broken off can't be carried out");
        None
    })
}

/// Looks at each file without reading it.
fn complete(share: &Arc<Share>, sources: Sources) -> RestoredState {
    let (places, part) = (super::staging::places_of(&sources), store::part_of(share, &sources));
    let content = Complete::open(share.clone(), sources);
    let look = content.look(None);
    RestoredState::Complete { content: Arc::new(content), places, look, part }
}
