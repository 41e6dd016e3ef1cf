//! What is there: shares, computers, transfers, this computer; once, or each time that it changes.

use std::{ops::ControlFlow, time::Duration};

use tokio::time::Instant;

use super::{
    Service,
    failure::stopped,
    named::{Waited, until},
    rows::path,
    service::{Sink, token},
};
use crate::{
    engine::{
        command::Command,
        snapshot::{Done, FoundRow, ShareRow, Snapshot},
    },
    share::{
        ShareId,
        words::{folded, words_of},
    },
    wire::control::{Answer, Failure, FailureKind, Share, Status},
};

/// Who watches sees a change after this at the latest, and is not told more often.
const WATCH_EVERY: Duration = Duration::from_millis(500);
/// How long the first address may take to show.
const ADDRESS_WAIT: Duration = Duration::from_secs(2);
/// Servers have so long to say what they have; each has less.
const SERVERS_WAIT: Duration = Duration::from_secs(8);
/// A search longer than this is not one.
const MAX_WORDS: usize = 32;

/// Makes an answer of a snapshot.
type Row = fn(&Service, &Snapshot) -> Answer;

/// A list of what others have: an engine that was just started looks around first.
pub(super) async fn list(service: &Service, row: Row, watch: bool, answers: &Sink) -> Result<(), Failure> {
    if !watch {
        service.look_around().await?;
    }
    list_at_once(service, row, watch, answers).await
}

/// A list of what is known without asking anybody.
pub(super) async fn list_at_once(service: &Service, row: Row, watch: bool, answers: &Sink) -> Result<(), Failure> {
    let mut snapshots = service.handle().watch();
    let mut last = None;
    loop {
        let answer = row(service, &snapshots.borrow_and_update().clone());
        if last.as_ref() != Some(&answer) && tell(answers, answer.clone()).await.is_break() {
            return Ok(());
        }
        if !watch {
            return Ok(());
        }
        last = Some(answer);
        tokio::time::sleep(WATCH_EVERY).await;
        snapshots.changed().await.map_err(|_| stopped())?;
    }
}

/// An engine has its address a moment after it was started, and who asks for it wants to use it.
pub(super) async fn status_list(service: &Service, watch: bool, answers: &Sink) -> Result<(), Failure> {
    let has_address = |snapshot: &Snapshot| (!snapshot.me.listen.is_empty()).then_some(());
    if service.stays() && !watch {
        // An engine without an address is shown as it is.
        until(&mut service.handle().watch(), Instant::now() + ADDRESS_WAIT, has_address).await;
    }
    list_at_once(service, status, watch, answers).await
}

/// Shares whose title, publisher or id has every word.
pub(super) async fn search(service: &Service, words: &[String], answers: &Sink) -> Result<(), Failure> {
    if words.len() > MAX_WORDS {
        let about = format!("{} of them; at most {MAX_WORDS}", words.len());
        return Err(Failure::new(FailureKind::Usage, "Too many words were given", about, "Search for fewer."));
    }
    service.look_around().await?;
    let words: Vec<_> = words.iter().map(|word| folded(word)).collect();
    let (found, silent) = at_servers(service, &words).await?;
    let snapshot = service.handle().snapshot();
    let known = |share: &ShareId| snapshot.shares.iter().find(|row| row.id == *share);
    let mut shares: Vec<Share> =
        snapshot.shares.iter().filter(|row| has_words(row, &words)).map(|row| row.as_ref().into()).collect();
    for row in found.iter() {
        let id = row.share.to_string();
        if shares.iter().any(|share| share.id == id) {
            continue;
        }
        // What is known here is told as it is here, with the file that the server found in it.
        let here = known(&row.share).map(|here| Share { file: row.file.clone(), ..here.as_ref().into() });
        shares.push(here.unwrap_or_else(|| row.into()));
    }
    let _ = answers.send(Answer::Shares { shares, silent }).await;
    Ok(())
}

pub(super) fn shares(_: &Service, snapshot: &Snapshot) -> Answer {
    Answer::Shares { shares: snapshot.shares.iter().map(|row| row.as_ref().into()).collect(), silent: vec![] }
}

pub(super) fn peers(_: &Service, snapshot: &Snapshot) -> Answer {
    Answer::Peers { peers: snapshot.peers.iter().map(|row| row.as_ref().into()).collect() }
}

pub(super) fn transfers(_: &Service, snapshot: &Snapshot) -> Answer {
    Answer::Transfers { transfers: snapshot.transfers.iter().map(|row| row.as_ref().into()).collect() }
}

fn status(service: &Service, snapshot: &Snapshot) -> Answer {
    let me = &snapshot.me;
    // An engine that ends with this answer answers nobody afterwards, so it has no address to show.
    let listen: &[_] = if service.stays() { &me.listen } else { &[] };
    Answer::Status(Status {
        id: me.id.to_string(),
        name: me.name.clone(),
        listen: listen.first().map(ToString::to_string),
        addresses: listen.iter().map(ToString::to_string).collect(),
        port: listen.first().map(std::net::SocketAddr::port),
        version: me.version.to_owned(),
        home: path(&me.home),
        downloads: path(&me.downloads),
        discovery: me.discovery,
        running: service.stays(),
        window: service.has_window(),
        pid: service.stays().then(std::process::id),
        peers: snapshot.peers.len(),
        shares: snapshot.shares.len(),
        transfers: snapshot.transfers.len(),
        rate: snapshot.rate_down,
        rate_up: snapshot.rate_up,
        managed: snapshot.managed.as_deref().map(|managed| Box::new(super::managed::row(managed))),
        troubles: snapshot.troubles.iter().map(|trouble| trouble.as_ref().into()).collect(),
    })
}

/// What the servers that are around have by these words; nothing where there is none.
async fn at_servers(service: &Service, words: &[String]) -> Result<(std::sync::Arc<[FoundRow]>, Vec<String>), Failure> {
    let snapshot = service.handle().snapshot();
    let managed = snapshot.managed.as_deref().is_some_and(|managed| managed.server.is_some());
    if !managed && !snapshot.peers.iter().any(|row| row.is_asked_server()) {
        return Ok((std::sync::Arc::from([]), vec![]));
    }
    let token = token();
    service.handle().send(Command::SearchServers { token, words: words.join(" ") })?;
    let find = |snapshot: &Snapshot| snapshot.outcomes.iter().find(|outcome| outcome.token == token).cloned();
    match until(&mut service.handle().watch(), Instant::now() + SERVERS_WAIT, find).await {
        Waited::Found(outcome) => match &outcome.result {
            Ok(Done::Searched { found, silent, .. }) => {
                Ok((found.clone(), silent.iter().map(|(name, why)| format!("{name}: {why}")).collect()))
            }
            Ok(_) => Ok((std::sync::Arc::from([]), vec![])),
            Err(trouble) => Err(Failure::from(trouble.as_ref())),
        },
        Waited::TimedOut => Ok((std::sync::Arc::from([]), vec!["the servers did not answer in time".to_owned()])),
        Waited::Stopped => Err(stopped()),
    }
}

fn has_words(row: &ShareRow, words: &[String]) -> bool {
    let publisher = folded(row.publisher_name.as_deref().unwrap_or_default());
    let (title, id) = (folded(&row.title), row.id.to_string());
    let stands = |word: &String| title.contains(word) || publisher.contains(word);
    // A word with signs in it stands there as its parts do, like at a server.
    let parts = |word: &String| Some(words_of(word)).filter(|parts| !parts.is_empty() && parts.iter().all(stands));
    words.iter().all(|word| stands(word) || parts(word).is_some() || (word.len() >= 4 && id.starts_with(word)))
}

async fn tell(answers: &Sink, answer: Answer) -> ControlFlow<()> {
    match answers.send(answer).await {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}
