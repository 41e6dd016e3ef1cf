//! Looking for words at servers: all at once, and none is waited for longer than for the slowest that still makes sense.

use std::time::Duration;

use futures_util::future::join_all;

use super::server::connect;
use crate::{
    engine::{event::Event, shell::Shell, snapshot::FoundRow, task::Candidate},
    share::PeerId,
    wire::{
        enrolled::{ANSWER_BYTES_MAX, SearchAnswer},
        paths,
        peer::presentable,
    },
};

/// A server that asks further needs its time; whoever searches does not wait for more.
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn search(shell: Shell, token: u64, words: String, servers: Vec<Candidate>) -> Event {
    let answers = join_all(servers.into_iter().map(|server| one(&shell, server, &words)));
    let answers = tokio::select! {
        answers = answers => answers,
        () = shell.cancel.cancelled() => vec![],
    };
    let (mut found, mut silent) = (Vec::<FoundRow>::new(), vec![]);
    for (name, answer) in answers {
        match answer {
            Ok((rows, missing)) => {
                for row in rows {
                    if found.iter().all(|known| known.share != row.share) {
                        found.push(row);
                    }
                }
                silent.extend(missing);
            }
            Err(why) => silent.push((name, why)),
        }
    }
    Event::Searched { token, words, found, silent }
}

type Answered = Result<(Vec<FoundRow>, Vec<(String, String)>), String>;

async fn one(shell: &Shell, server: Candidate, words: &str) -> (String, Answered) {
    let name = server.name.clone();
    let Some(peer) = server.peer else { return (name, Ok((vec![], vec![]))) };
    let answer = tokio::time::timeout(PATIENCE, ask(shell, peer, server, words)).await;
    (name, answer.unwrap_or_else(|_| Err("did not answer in time".to_owned())))
}

async fn ask(shell: &Shell, peer: PeerId, server: Candidate, words: &str) -> Answered {
    let Candidate { name, addresses, .. } = server;
    let mut connection = connect(shell, peer, addresses, "").await.map_err(|fault| fault.what)?;
    let answer = connection.get(&paths::search(words), ANSWER_BYTES_MAX).await.map_err(|error| error.to_string())?;
    let answer: SearchAnswer = serde_json::from_slice(&answer).map_err(|_| "answered nonsense".to_owned())?;
    let silent = answer
        .missing
        .iter()
        .take(16)
        .filter_map(|silent| Some((presentable(&silent.server)?, presentable(&silent.why)?)));
    let silent = silent.collect();
    let row = |found: crate::wire::enrolled::Found| FoundRow {
        share: found.id,
        title: found.title,
        owner: found.owner,
        size: found.size,
        files: found.files,
        created: std::time::UNIX_EPOCH + Duration::from_secs(u64::try_from(found.created_s).unwrap_or(0).min(1 << 40)),
        file: found.file,
        server: peer,
        server_name: name.clone(),
        route: found.route,
    };
    Ok((answer.found().into_iter().map(row).collect(), silent))
}
