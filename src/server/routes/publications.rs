//! A computer of the room hands a share over: this server fetches it like anybody, keeps it, and gives it on.
//!
//! Nothing is pushed. The computer names a share of its own; its list of files is fetched from it and judged by the policy
//! before any byte of a file is, and a refusal goes back with its reason. What is kept stands in the list of shares like an
//! upload, with the computer as its origin.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
};

use super::{Answer, Caller, OurServer, share::own_groups_only};
use crate::{
    access::{About, Action, Audience, GroupId, Reason, Role, UploadFacts},
    engine::{
        command::{Command, Recipients},
        snapshot::{Done, Snapshot},
    },
    net::{
        call::{Client, Connection, Timeouts},
        listen,
        tls::Expect,
    },
    server::{Server, caller::Visit, now_s, problem::Problem, tokens},
    share::{EntryKind, Manifest, ShareId, SignedManifest},
    store::central::{NewShare, ShareRow},
    wire::{
        enrolled::{Publication, Publish},
        paths,
    },
};

/// More that come at the same time are told to wait.
const COMING_MAX: usize = 256;
/// A fetch that takes longer hangs.
const FETCH_WITHIN: Duration = Duration::from_secs(12 * 3_600);

/// What is being fetched, and what failed a while ago.
#[derive(Default)]
pub(crate) struct Publications {
    entries: Mutex<Vec<(ShareId, Coming)>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Coming {
    Fetching { size: u64 },
    Failed { why: String },
}

impl Publications {
    fn get(&self, share: ShareId) -> Option<Coming> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|(id, _)| *id == share).map(|(_, state)| state.clone())
    }

    /// Takes a place; false where there is none.
    fn begin(&self, share: ShareId, size: u64) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(id, _)| *id != share);
        if entries.len() >= COMING_MAX {
            // What failed longest ago is told no more.
            let failed = entries.iter().position(|(_, state)| matches!(state, Coming::Failed { .. }));
            let Some(failed) = failed else { return false };
            entries.remove(failed);
        }
        entries.push((share, Coming::Fetching { size }));
        true
    }

    fn end(&self, share: ShareId, failed: Option<String>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(id, _)| *id != share);
        entries.extend(failed.map(|why| (share, Coming::Failed { why })));
    }
}

/// Who hands something over, and how it shall be kept.
struct Handed {
    id: ShareId,
    signed: SignedManifest,
    audience: Audience,
    name: String,
    origin: String,
    at: std::net::SocketAddr,
}

pub(in crate::server) async fn publish(
    State(server): OurServer,
    Extension(visit): Caller,
    Extension(caller): Extension<listen::Caller>,
    headers: HeaderMap,
    Json(wish): Json<Publish>,
) -> Answer {
    let id: ShareId = wish.share.parse().map_err(|_| Problem::no_such("share"))?;
    drop(server.allow(&visit, Action::Upload, About::Nothing, &id.to_string()).await?);
    let device = server.central.device(caller.peer).await?.ok_or_else(super::enrolment::not_enrolled)?;
    let origin = origin_of(caller.peer);
    let known = server.central.share(id).await?;
    if let Some(row) = known.as_ref().filter(|row| row.origin == origin) {
        return Ok(Json(publication(&server, row)).into_response());
    }
    if let Some(Coming::Fetching { size }) = server.publications.get(id) {
        return Ok(Json(coming(&server, id, size)).into_response());
    }
    let port = headers.get(paths::LISTEN_HEADER).and_then(|port| port.to_str().ok()?.parse::<u16>().ok());
    let Some(port) = port.filter(|port| *port > 0) else {
        return Err(Problem::invalid("The computer does not say at which port it can be asked for it."));
    };
    let mut at = caller.address;
    at.set_port(port);
    let signed = manifest_of(&server, caller, at, id).await?;
    // Told to nobody but who made it: whether it is here is not for everybody.
    if known.is_some() {
        return Err(Problem::conflict("This server has it already, from somebody else."));
    }
    let groups: BTreeSet<GroupId> = wish.groups.iter().map(|group| GroupId(*group)).collect();
    let exam = visit.actor.role <= Role::Student && server.policy().exam_of(&visit.actor.groups, now_s()).is_some();
    let audience = match groups.is_empty() {
        // What is handed in during an exam is for those who judge it.
        _ if exam => Audience::Owner,
        true => Audience::Room,
        false => Audience::Groups(groups),
    };
    judge(&server, &visit, signed.manifest(), &audience, &origin).await?;
    let size = signed.manifest().size();
    if !server.publications.begin(id, size) {
        return Err(Problem::busy(5));
    }
    let handed = Handed { id, signed, audience, name: device.name, origin, at };
    let (fetching, tracker) = (server.clone(), server.tracker.clone());
    tracker.spawn(async move {
        let failed = keep(&fetching, &visit, &handed).await.err();
        if let Some(why) = &failed {
            tracing::warn!(share = %handed.id.short(), reason = %why, "a share that was handed over could not be kept");
        }
        fetching.publications.end(handed.id, failed);
    });
    Ok(Json(coming(&server, id, size)).into_response())
}

/// How far it is.
pub(in crate::server) async fn one(
    State(server): OurServer,
    Extension(visit): Caller,
    Extension(caller): Extension<listen::Caller>,
    Path(share): Path<String>,
) -> Answer {
    let id: ShareId = share.parse().map_err(|_| Problem::no_such("share"))?;
    drop(server.allow(&visit, Action::Upload, About::Nothing, &id.to_string()).await?);
    if let Some(row) = server.central.share(id).await?.filter(|row| row.origin == origin_of(caller.peer)) {
        return Ok(Json(publication(&server, &row)).into_response());
    }
    match server.publications.get(id) {
        Some(Coming::Fetching { size }) => Ok(Json(coming(&server, id, size)).into_response()),
        Some(Coming::Failed { why }) => Ok(Json(Publication {
            share: id.to_string(),
            state: "failed".to_owned(),
            done_bytes: 0,
            size: 0,
            why: Some(why),
        })
        .into_response()),
        None => Err(Problem::no_such("share")),
    }
}

/// How a computer stands in the table of shares as the one a share came from.
fn origin_of(peer: crate::share::PeerId) -> String {
    format!("device:{peer}")
}

/// The list of files, from the computer itself and no other.
async fn manifest_of(
    server: &Server,
    caller: listen::Caller,
    at: std::net::SocketAddr,
    id: ShareId,
) -> Result<SignedManifest, Problem> {
    let client = Client::new((*server.identity).clone());
    let mut connection = connect(&client, caller, at).await?;
    let failed = |error: crate::net::call::CallError| {
        let detail = format!("This server could not get the list of files from the computer at {at}: {error}.");
        Problem::new(StatusCode::BAD_GATEWAY, "computer", detail)
    };
    let wire = connection.get(&paths::manifest(id), SignedManifest::BYTES_MAX).await.map_err(failed)?;
    let signed = SignedManifest::parse_expected(&wire, id).map_err(|error| Problem::invalid(error.to_string()))?;
    if signed.manifest().publisher.peer_id() != caller.peer {
        return Err(Problem::invalid("A computer can hand over only what it shares itself."));
    }
    Ok(signed)
}

/// Reaches the computer at the port that it names. Where its key is not there, the same is said after the same time,
/// whatever is: nobody finds out by this server which ports of an address answer, and how.
async fn connect(client: &Client, caller: listen::Caller, at: std::net::SocketAddr) -> Result<Connection, Problem> {
    let (begun, timeouts) = (tokio::time::Instant::now(), Timeouts::default());
    match client.connect(&[at], Expect::Peer(caller.peer), timeouts).await {
        Ok(connection) => Ok(connection),
        Err(error) => {
            tracing::debug!(address = %at, %error, "a computer that hands over can't be asked");
            tokio::time::sleep_until(begun + timeouts.connect).await;
            let detail =
                format!("This server could not reach the computer at {at} to ask it. A firewall on it may be why.");
            Err(Problem::new(StatusCode::BAD_GATEWAY, "computer", detail))
        }
    }
}

/// Everything that the policy says about it.
async fn judge(
    server: &Server,
    visit: &Visit,
    manifest: &Manifest,
    audience: &Audience,
    origin: &str,
) -> Result<(), Problem> {
    let files = || {
        manifest.entries.iter().filter_map(|entry| match entry.kind {
            EntryKind::File { size, root, .. } => {
                Some((entry.path.components().last().map_or("", String::as_str), size, root))
            }
            EntryKind::Folder => None,
        })
    };
    let names: Vec<&str> = files().map(|(name, ..)| name).collect();
    let used = server.central.usage_from(origin).await?;
    let facts = UploadFacts {
        names: &names,
        largest_bytes: files().map(|(_, size, _)| size).max().unwrap_or(0),
        size_bytes: manifest.size(),
        files: manifest.files(),
        used_bytes: used.bytes,
        used_files: u32::try_from(used.files).unwrap_or(u32::MAX),
    };
    let named = manifest.title.as_str();
    drop(server.allow(visit, Action::Upload, About::Upload(&facts), named).await?);
    if *audience == Audience::Room {
        drop(server.allow(visit, Action::ShareWithRoom, About::Nothing, named).await?);
    }
    own_groups_only(visit, audience)?;
    let policy = server.policy();
    if let Some(note) = files().find_map(|(.., root)| policy.blocked.get(&root)) {
        return Err(Problem::refused(&Reason::Blocked { note: note.clone() }));
    }
    server.make_room(manifest.size()).await
}

/// Fetches it, and writes it down when all of it is here.
async fn keep(server: &Arc<Server>, visit: &Visit, handed: &Handed) -> Result<(), String> {
    let into = server.config.shared().join(handed.id.to_string());
    crate::server::make_private(&into).map_err(|error| format!("the folder for it can't be made: {error}"))?;
    // Tokens of ours have the highest bit, so they meet none of the command line's.
    let token = u64::from_le_bytes(tokens::random::<8>()) | 1 << 63;
    let mut pictures = server.engine.watch();
    let wish = Command::Fetch { token, share: handed.id, into: Some(into), hints: vec![handed.at], hold: false };
    server.engine.send(wish).map_err(|error| error.to_string())?;
    if handed.audience == Audience::Owner {
        let audience = Recipients::Peers(BTreeSet::new());
        let closed = Command::SetRecipients { share: handed.id, audience };
        server.engine.send(closed).map_err(|error| error.to_string())?;
    }
    let outcome = async {
        loop {
            let picture = pictures.borrow_and_update().clone();
            if let Some(outcome) = picture.outcomes.iter().find(|outcome| outcome.token == token) {
                return outcome.result.clone().map_err(|trouble| format!("{}. {}", trouble.what, trouble.hint));
            }
            pictures.changed().await.map_err(|_| "the server is ending".to_owned())?;
        }
    };
    let outcome = tokio::select! {
        outcome = tokio::time::timeout(FETCH_WITHIN, outcome) => outcome,
        () = server.cancel.cancelled() => return Err("the server is ending".to_owned()),
    };
    match outcome {
        Ok(Ok(Done::Fetched { .. })) => {}
        Ok(Ok(_)) => return Err("another wish was answered".to_owned()),
        Ok(Err(why)) => return Err(why),
        Err(_) => return Err("fetching it took too long".to_owned()),
    }
    let new = NewShare {
        id: handed.id,
        manifest: handed.signed.manifest(),
        owner: None,
        owner_name: &handed.name,
        audience: handed.audience.clone(),
        added_s: now_s(),
        origin: &handed.origin,
        here: true,
    };
    server.central.add_share(&new).await.map_err(|error| error.to_string())?;
    let about = format!("share:{}", handed.id.short());
    let address = visit.address.to_string();
    let note = visit.note(&address, &about, &handed.signed.manifest().title);
    let logged = server.central.log(&visit.actor.who.to_string(), Action::Upload.name(), "done", &note).await;
    logged.map_err(|error| error.to_string())
}

fn publication(server: &Server, row: &ShareRow) -> Publication {
    let here = server.shelf.get(row.id).is_some_and(|share| share.is_complete());
    Publication {
        share: row.id.to_string(),
        state: if here { "kept" } else { "fetching" }.to_owned(),
        done_bytes: if here { row.size } else { done_bytes(&server.engine.snapshot(), row.id) },
        size: row.size,
        why: None,
    }
}

fn coming(server: &Server, id: ShareId, size: u64) -> Publication {
    Publication {
        share: id.to_string(),
        state: "fetching".to_owned(),
        done_bytes: done_bytes(&server.engine.snapshot(), id),
        size,
        why: None,
    }
}

fn done_bytes(picture: &Snapshot, id: ShareId) -> u64 {
    picture.transfers.iter().find(|row| row.share == id).map_or(0, |row| row.done_bytes)
}
