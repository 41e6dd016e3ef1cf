//! What other peers may ask of us. Each answer checks the caller's key against the share; all bodies are bounded.
//!
//! The bytes of pieces go from disk to socket here and never through the engine.

mod follow;
mod pieces;
mod problem;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};

use futures_util::stream;

use super::{
    command::ForGroups,
    event::Event,
    served::ServedShare,
    shell::Shell,
    snapshot::{PeerRow, ShareKind, Via},
};
use crate::{
    nearby,
    net::{listen::Caller, piece_stream::Serving},
    share::{EntryKind, HashPlace, PeerId, PieceIndex, ShareId, probe},
    wire::{
        paths::{self, patterns},
        peer::{Around, Catalogue, Device, Listed, Neighbour, VERSION},
    },
};
use problem::Refused;

/// So many piece hashes are copied at a time.
const HASHES_STEP: usize = 1_024;
/// Others are told of peers that proved their key no longer ago than this.
const PROVED_LATELY: Duration = Duration::from_secs(180);

/// What the routes need.
#[derive(Clone)]
pub struct Routes {
    pub shell: Shell,
    pub serving: Serving,
}

/// Every path that peers may ask for.
pub fn router(routes: Routes) -> Router {
    Router::new()
        .route(paths::DEVICE, get(device))
        .route(paths::SHARES, get(catalogue))
        .route(paths::PEERS, get(peers))
        .route(patterns::MANIFEST, get(manifest))
        .route(patterns::HASHES, get(hashes))
        .route(patterns::FILE_HASHES, get(file_hashes))
        .route(patterns::KNOWN, get(known))
        .route(patterns::SHARE_PEERS, get(share_peers))
        .route(patterns::HAVE, get(follow::have))
        .route(patterns::PIECE, get(pieces::piece))
        .route(patterns::STREAM, get(pieces::stream))
        .fallback(async || Refused::no_such_path())
        .layer(from_fn_with_state(routes.clone(), vouched))
        .with_state(routes)
}

/// Whoever asks may show what a server vouches for.
async fn vouched(State(routes): State<Routes>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(paths::MEMBERSHIP_HEADER).and_then(|shown| shown.to_str().ok());
    if let (Some(shown), Some(caller)) = (shown, request.extensions().get::<Caller>()) {
        routes.shell.served.vouching.show(caller.peer, shown);
    }
    next.run(request).await
}

impl Routes {
    /// The share, if the caller may have it.
    fn share(&self, id: &str, caller: Caller) -> Result<Arc<ServedShare>, Refused> {
        let id: ShareId = id.parse().map_err(|_| Refused::no_such_share())?;
        self.shell.served.get(id, caller.peer).ok_or_else(Refused::no_such_share)
    }
}

fn index(served: &ServedShare, number: u32) -> Result<PieceIndex, Refused> {
    served.share.pieces().index(number).ok_or_else(Refused::no_such_piece)
}

async fn device(State(routes): State<Routes>, caller: Extension<Caller>, headers: HeaderMap) -> Json<Device> {
    routes.note_caller(*caller, &headers);
    let me = routes.shell.snapshots.borrow().me.clone();
    Json(Device {
        id: me.id.to_string(),
        name: me.name.clone(),
        role: if routes.shell.server { "server" } else { "peer" }.to_owned(),
        version: VERSION,
        program: me.version.to_owned(),
        features: vec![crate::net::piece_stream::PROTOCOL.to_owned()],
    })
}

/// The catalogue that the caller may see; with `If-None-Match` and `Prefer: wait=…` it answers when there is another.
async fn catalogue(State(routes): State<Routes>, caller: Extension<Caller>, headers: HeaderMap) -> Response {
    routes.note_caller(*caller, &headers);
    let mut revision = routes.shell.served.revision();
    let tag = |revision: u64| format!("\"{revision}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or("").to_owned();
    if tag(*revision.borrow_and_update()) == known {
        // When the sender is gone or the time is over, it is still the same.
        let cancelled = routes.shell.cancel.cancelled();
        tokio::select! {
            _ = tokio::time::timeout(follow::wait_of(&headers), revision.changed()) => {}
            () = cancelled => {}
        }
    }
    let now = *revision.borrow();
    let etag = [(header::ETAG, HeaderValue::try_from(tag(now)).unwrap_or(HeaderValue::from_static("\"0\"")))];
    if tag(now) == known {
        return (StatusCode::NOT_MODIFIED, etag).into_response();
    }
    let shares = routes.shell.served.listed(caller.peer).iter().map(|served| listed(served)).collect();
    (etag, Json(Catalogue { revision: now, shares })).into_response()
}

fn listed(served: &ServedShare) -> Listed {
    let manifest = served.share.manifest();
    let kind = match super::state::kind_of(manifest) {
        ShareKind::File => "file",
        ShareKind::Folder => "folder",
        ShareKind::Several => "several",
    };
    Listed {
        id: served.share.id().to_string(),
        title: manifest.title.clone(),
        size: manifest.size(),
        files: manifest.files(),
        kind: kind.to_owned(),
        publisher: manifest.publisher.peer_id().to_string(),
        created_s: manifest.created_s,
        complete: served.is_complete(),
        everyone: served.is_for_everyone(),
    }
}

/// Who else is around.
async fn peers(State(routes): State<Routes>, caller: Extension<Caller>) -> Json<Around> {
    let rules = routes.shell.served.admission();
    // A server tells those of whom it knows nothing no more than they may see.
    let may = rules.borrow().as_ref().is_none_or(|rules| rules.may_look_around(caller.peer));
    Json(others(&routes, *caller, |_| may))
}

/// Who else has some of a share: whoever may have it may also know who gives it.
async fn share_peers(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Around>, Refused> {
    let company = routes.share(&id, *caller)?.company();
    Ok(Json(others(&routes, *caller, |peer| company.contains(&peer))))
}

/// Whether a share is here, told to those alone who know its id already.
async fn known(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path(question): Path<String>,
) -> Result<Response, Refused> {
    let question: ShareId = question.parse().map_err(|_| Refused::no_such_share())?;
    let served = routes.shell.served.probed(question, caller.peer).ok_or_else(Refused::no_such_share)?;
    Ok(binary(probe::answer(served.share.id(), caller.peer).to_vec()))
}

/// Of those who proved their key to us lately, at the address where they did. Who only was told to us, or announces itself,
/// is nobody to tell of: a made-up address would go from computer to computer for ever. Addresses of this very computer are
/// told only to callers on it.
fn others(routes: &Routes, caller: Caller, told_of: impl Fn(PeerId) -> bool) -> Around {
    let local = caller.address.ip().is_loopback();
    let snapshot = routes.shell.snapshots.borrow().clone();
    let others = snapshot.peers.iter().filter(|peer| peer.id != caller.peer && told_of(peer.id));
    let now = SystemTime::now();
    let told = others.filter_map(|peer| {
        let at = reached_lately(peer, now).filter(|at| useful_to_others(at, local))?;
        Some(Neighbour { id: peer.id.to_string(), name: peer.name.clone(), addresses: vec![at] })
    });
    Around { peers: told.take(crate::wire::peer::AROUND_MAX).collect() }
}

/// Where a peer proved its key to us, if it did so lately or has announced itself ever since.
fn reached_lately(peer: &PeerRow, now: SystemTime) -> Option<SocketAddr> {
    let (at, when) = peer.reached?;
    let lately = now.duration_since(when).is_ok_and(|since| since < PROVED_LATELY);
    (lately || peer.via == Via::Mdns).then_some(at)
}

fn useful_to_others(address: &SocketAddr, local: bool) -> bool {
    match address.ip() {
        // A link-local address needs the number of an interface, which is another on every computer.
        std::net::IpAddr::V6(ip) if ip.is_unicast_link_local() => false,
        ip => local || !ip.is_loopback(),
    }
}

async fn manifest(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let served = routes.share(&id, *caller)?;
    let mut response = binary(served.share.signed().shared_wire());
    let header = served.groups().and_then(|of| HeaderValue::try_from(groups_header(of)).ok());
    response.headers_mut().extend(header.map(|of| (HeaderName::from_static(paths::GROUPS_HEADER), of)));
    Ok(response)
}

/// For whom a share is, so that whoever may have it gives it on to those, and to nobody else.
fn groups_header(of: &ForGroups) -> String {
    of.groups.iter().fold(of.server.to_string(), |text, group| format!("{text} {}", group.0))
}

async fn hashes(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let served = routes.share(&id, *caller)?;
    let length = 32 * served.share.hashes().count();
    // Copied bit by bit: who reads slowly, or many at a time, costs no memory.
    let steps = stream::unfold((served, HashPlace::default()), async |(served, at)| {
        let (bytes, next) = served.share.hashes().some(at, HASHES_STEP)?;
        Some((Ok::<_, Infallible>(Bytes::from(bytes)), (served, next)))
    });
    let head = [(header::CONTENT_LENGTH, length.to_string())];
    Ok((head, binary(Body::from_stream(steps))).into_response())
}

async fn file_hashes(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path((id, entry)): Path<(String, usize)>,
) -> Result<Response, Refused> {
    let served = routes.share(&id, *caller)?;
    let is_file = |entry: usize| {
        let entry = served.share.manifest().entries.get(entry);
        entry.is_some_and(|entry| entry.kind != EntryKind::Folder)
    };
    match served.share.hashes().of_entry(entry) {
        Some(hashes) => Ok(binary(hashes.to_bytes())),
        // A small file is checked whole, so there is nothing to list.
        None if is_file(entry) => Ok(binary(vec![])),
        None => Err(Refused::no_such_file()),
    }
}

fn binary(bytes: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

impl Routes {
    /// Who calls us and says where it answers is somebody who is around.
    fn note_caller(&self, caller: Caller, headers: &HeaderMap) {
        let port = headers.get(paths::LISTEN_HEADER).and_then(|port| port.to_str().ok()?.parse::<u16>().ok());
        let Some(port) = port.filter(|port| *port > 0) else { return };
        let mut address = caller.address;
        address.set_port(port);
        if self
            .shell
            .snapshots
            .borrow()
            .peers
            .iter()
            .any(|peer| peer.id == caller.peer && peer.addresses.contains(&address))
        {
            return;
        }
        let seen = nearby::Sighting {
            peer: caller.peer,
            instance: None,
            name: None,
            role: nearby::Role::Peer,
            addresses: vec![address],
            source: nearby::Source::Inbound,
            catalogue: None,
        };
        // When the inbox is full, the next call tells it.
        self.shell.events.try_send(Event::Around(nearby::Input::Seen(seen))).ok();
    }
}
