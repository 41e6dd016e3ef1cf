//! Writing down what must last, in the order in which it happened.

use std::{path::PathBuf, time::SystemTime};

use tokio::sync::mpsc;

use crate::{
    engine::{
        command::{ForGroups, Recipients},
        event::Event,
        shell::Shell,
        task::Keep,
    },
    settings::{self, Change},
    share::Share,
    store::{self, DatabaseError, RememberedPeer, ShareBytes, ShareRecord, ShareState},
};

/// Facts that wait to be written; the engine makes few.
pub const QUEUE: usize = 4_096;

/// Hands a fact to the one who writes.
pub fn remember(shell: &Shell, keep: Keep) {
    if shell.facts.try_send(keep).is_err() {
        // The disk has not taken a fact for thousands of others: a person is told by the first that failed.
        tracing::error!("what should be remembered does not fit into the queue any more");
    }
}

/// Writes until nobody has anything to say any more. Facts are written one after the other, so that what happened last
/// holds.
pub async fn write(shell: Shell, mut facts: mpsc::Receiver<Keep>) {
    let mut failing = false;
    loop {
        let keep = tokio::select! {
            biased;
            keep = facts.recv() => keep,
            () = shell.last_fact.cancelled() => facts.try_recv().ok(),
        };
        let Some(keep) = keep else { break };
        let result = write_one(&shell, keep).await;
        if let Err(error) = &result
            && !failing
        {
            let (what, hint) = (error.to_string(), error.hint().to_owned());
            shell.events.try_send(Event::Failed { what, about: "What should be remembered".to_owned(), hint }).ok();
        }
        failing = result.is_err();
    }
    shell.store.database.close().await;
}

async fn write_one(shell: &Shell, keep: Keep) -> Result<(), DatabaseError> {
    let (store, database) = (&shell.store, &shell.store.database);
    match keep {
        Keep::Share { share, mine, recipients, into, sources } => {
            let state = if sources.is_some() { ShareState::Complete } else { ShareState::Partial };
            let record = ShareRecord {
                id: share.id(),
                mine,
                state,
                recipients: recipients.into(),
                into: Some(into).filter(|into| *into != PathBuf::new()),
                added: SystemTime::now(),
                sources: sources.map(|sources| (*sources).clone()),
            };
            store.remember_share(&record, bytes_of(&share)).await?;
            let (folder, id) = (store.state_folder().to_owned(), share.id());
            // The files are where they were to be moved to.
            Ok(super::blocking(move || store::forget_move(&folder, id)).await.unwrap_or(Ok(()))?)
        }
        Keep::Complete { share, sources } => {
            database.set_sources(share, &sources).await?;
            let state = store.state_folder().to_owned();
            let forgotten = super::blocking(move || store::forget(&state, share)).await;
            Ok(forgotten.unwrap_or(Ok(()))?)
        }
        Keep::Paused { share, paused, complete } => {
            let state = match (paused, complete) {
                (true, _) => ShareState::Paused,
                (false, true) => ShareState::Complete,
                (false, false) => ShareState::Partial,
            };
            database.set_state(share, state).await.map(drop)
        }
        Keep::Recipients { share, recipients } => database.set_recipients(share, &recipients.into()).await.map(drop),
        Keep::Options { share, options } => database.set_options(share, &options).await,
        Keep::Reopened { share } => database.reopen(share).await.map(drop),
        Keep::Given(given) => database.set_given(&given).await,
        Keep::Forget { share } => store.forget_share(share).await,
        Keep::Enrolment(record) => {
            let home = shell.snapshots.borrow().me.home.clone();
            let kept = super::blocking(move || match record {
                Some(record) => store::write_enrolment(&home, &record),
                None => store::remove_enrolment(&home),
            });
            Ok(kept.await.unwrap_or(Ok(()))?)
        }
        Keep::Peer { peer, name, addresses } => {
            let peer = RememberedPeer { id: peer, name, addresses, last_seen: SystemTime::now() };
            database.remember_peer(&peer).await
        }
    }
}

fn bytes_of(share: &Share) -> ShareBytes {
    ShareBytes { signed: share.signed().to_wire().to_vec(), hashes: share.hashes().to_bytes() }
}

impl From<Recipients> for store::Recipients {
    fn from(recipients: Recipients) -> store::Recipients {
        match recipients {
            Recipients::Everyone => store::Recipients::Everyone,
            Recipients::Peers(peers) => store::Recipients::Peers(peers),
            Recipients::Groups(ForGroups { server, groups, keep }) => {
                store::Recipients::Groups { server, groups, keep }
            }
            Recipients::Link => store::Recipients::Link,
        }
    }
}

impl From<store::Recipients> for Recipients {
    fn from(recipients: store::Recipients) -> Recipients {
        match recipients {
            store::Recipients::Everyone => Recipients::Everyone,
            store::Recipients::Peers(peers) => Recipients::Peers(peers),
            store::Recipients::Groups { server, groups, keep } => {
                Recipients::Groups(ForGroups { server, groups, keep })
            }
            store::Recipients::Link => Recipients::Link,
        }
    }
}

/// Writes a setting that a person changed. It holds until the end also when it can't be written; then they are told.
pub async fn save_setting(shell: Shell, change: Change) {
    let home = shell.snapshots.borrow().me.home.clone();
    let saved = super::blocking(move || settings::save(&home, &[change])).await;
    if let Some(Err(error)) = saved {
        let what = "What you changed holds only until Handout is closed".to_owned();
        shell.tell(Event::Failed { what, about: String::new(), hint: format!("{error}.") }).await;
    }
}
