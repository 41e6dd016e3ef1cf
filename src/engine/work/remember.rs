//! Writing down what must last, in the order in which it happened.

use std::{
    collections::VecDeque,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use tokio::sync::mpsc;

use crate::{
    engine::{
        command::{ForGroups, Recipients},
        event::Event,
        lasting::Unkept,
        shell::Shell,
        task::Keep,
    },
    settings::{self, SaveError},
    share::Share,
    store::{self, DatabaseError, RememberedPeer, ShareBytes, ShareRecord, ShareState},
};

/// Facts that wait to be written; the engine makes few.
pub const QUEUE: usize = 4_096;

/// What could not be written is tried again after this, and when there is more to write.
const AGAIN: Duration = Duration::from_secs(2);

/// Hands a fact to the one who writes.
pub fn remember(shell: &Shell, keep: Keep) {
    if shell.facts.try_send(keep).is_ok() {
        shell.lasting.noted();
    } else {
        // The disk has not taken a fact for thousands of others: a person is told by the first that failed.
        tracing::error!("what should be remembered does not fit into the queue any more");
    }
}

/// Writes until nobody has anything to say any more. Facts are written one after the other, so that what happened last
/// holds. One that can't be written at the moment is tried again, and those after it wait; at the end each has one more
/// try.
pub async fn write(shell: Shell, mut facts: mpsc::Receiver<Keep>) {
    let (mut waiting, mut told) = (VecDeque::new(), None);
    loop {
        let ending = shell.last_fact.is_cancelled();
        if told.is_some() || waiting.is_empty() {
            waiting.extend(next(&shell, &mut facts, told.is_some()).await);
        }
        while let Ok(more) = facts.try_recv() {
            waiting.push_back(more);
        }
        let Some(keep) = waiting.front() else {
            if ending {
                break;
            }
            continue;
        };
        match write_one(&shell, keep).await {
            Err(error) if error.may_heal() && !ending => {
                wait_for_room(&shell, &error, &mut waiting, &mut told);
                continue;
            }
            Err(error) => tell(&shell, error.to_string(), error.hint()),
            Ok(()) => {}
        }
        if let Some(what) = told.take() {
            shell.events.try_send(Event::Healed { what }).ok();
        }
        waiting.pop_front();
        shell.lasting.written(1);
    }
    shell.store.database.close().await;
}

/// The next fact; `None` when it is time to try again, or the end.
async fn next(shell: &Shell, facts: &mut mpsc::Receiver<Keep>, failing: bool) -> Option<Keep> {
    tokio::select! {
        biased;
        keep = facts.recv() => keep,
        () = tokio::time::sleep(AGAIN), if failing => None,
        () = shell.last_fact.cancelled() => None,
    }
}

/// The first fact can't be written at the moment: whoever waits for one of them is told, and people are, once.
fn wait_for_room(shell: &Shell, error: &KeepError, waiting: &mut VecDeque<Keep>, told: &mut Option<String>) {
    let (what, hint) = unkept(error);
    shell.lasting.failed(waiting.len() as u64, Unkept { what: what.clone(), hint: hint.clone() });
    thin_out(shell, waiting);
    if told.is_none() {
        tell(shell, what.clone(), &hint);
        *told = Some(what);
    }
}

fn tell(shell: &Shell, what: String, hint: &str) {
    let failed = Event::Failed { what, about: "What should be remembered".to_owned(), hint: hint.to_owned() };
    shell.events.try_send(failed).ok();
}

/// Why a fact was not written.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("{0}")]
    Database(#[from] DatabaseError),
    #[error("{0}")]
    Setting(#[from] SaveError),
}

impl From<store::DiskError> for KeepError {
    fn from(error: store::DiskError) -> KeepError {
        KeepError::Database(error.into())
    }
}

impl KeepError {
    fn may_heal(&self) -> bool {
        match self {
            KeepError::Database(error) => error.may_heal(),
            KeepError::Setting(SaveError::Io { .. }) => true,
            KeepError::Setting(_) => false,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            KeepError::Database(error) => error.hint(),
            KeepError::Setting(SaveError::Io { .. }) => "Check that the disk has room.",
            KeepError::Setting(_) => "It holds only until Handout is closed.",
        }
    }
}

/// What a person is told while nothing can be written down.
fn unkept(error: &KeepError) -> (String, String) {
    let what = format!("It holds only until Handout is closed: {}", lower(&error.to_string()));
    (what, format!("{} It is saved by itself then.", error.hint()))
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// While nothing can be written, only the last of those facts waits that replace one another.
fn thin_out(shell: &Shell, waiting: &mut VecDeque<Keep>) {
    let mut given = waiting.iter().filter(|keep| matches!(keep, Keep::Given(_))).count();
    let before = waiting.len();
    waiting.retain(|keep| {
        let is_given = matches!(keep, Keep::Given(_));
        given -= usize::from(is_given);
        !is_given || given == 0
    });
    let gone = (before - waiting.len()) as u64;
    if gone > 0 {
        shell.lasting.replaced(gone);
    }
}

async fn write_one(shell: &Shell, keep: &Keep) -> Result<(), KeepError> {
    let (store, database) = (&shell.store, &shell.store.database);
    match keep {
        Keep::Share { share, mine, recipients, into, sources } => {
            let state = if sources.is_some() { ShareState::Complete } else { ShareState::Partial };
            let record = ShareRecord {
                id: share.id(),
                mine: *mine,
                state,
                recipients: recipients.clone().into(),
                into: Some(into.clone()).filter(|into| *into != PathBuf::new()),
                added: SystemTime::now(),
                sources: sources.as_deref().cloned(),
            };
            store.remember_share(&record, bytes_of(share)).await?;
            let (folder, id) = (store.state_folder().to_owned(), share.id());
            // The files are where they were to be moved to.
            super::blocking(move || store::forget_move(&folder, id)).await.unwrap_or(Ok(()))?;
        }
        Keep::Complete { share, sources } => {
            database.set_sources(*share, sources).await?;
            let (state, share) = (store.state_folder().to_owned(), *share);
            super::blocking(move || store::forget(&state, share)).await.unwrap_or(Ok(()))?;
        }
        Keep::Paused { share, paused, complete } => {
            let state = match (paused, complete) {
                (true, _) => ShareState::Paused,
                (false, true) => ShareState::Complete,
                (false, false) => ShareState::Partial,
            };
            database.set_state(*share, state).await?;
        }
        Keep::Recipients { share, recipients } => {
            database.set_recipients(*share, &recipients.clone().into()).await?;
        }
        Keep::Options { share, options } => database.set_options(*share, options).await?,
        Keep::Reopened { share } => _ = database.reopen(*share).await?,
        Keep::Given(given) => database.set_given(given).await?,
        Keep::Forget { share } => store.forget_share(*share).await?,
        Keep::Enrolment(record) => {
            let (home, record) = (shell.snapshots.borrow().me.home.clone(), record.clone());
            let kept = super::blocking(move || match record {
                Some(record) => store::write_enrolment(&home, &record),
                None => store::remove_enrolment(&home),
            });
            kept.await.unwrap_or(Ok(()))?;
        }
        Keep::Peer { peer, name, addresses } => {
            let (name, addresses) = (name.clone(), addresses.clone());
            database
                .remember_peer(&RememberedPeer { id: *peer, name, addresses, last_seen: SystemTime::now() })
                .await?;
        }
        Keep::Setting(change) => {
            let (home, change) = (shell.snapshots.borrow().me.home.clone(), change.clone());
            super::blocking(move || settings::save(&home, &[change])).await.unwrap_or(Ok(()))?;
        }
    }
    Ok(())
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
