//! Finds out who sends a request: a session, a key, or an enrolled computer; else a guest.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use super::{Server, now_s, problem::Problem, tokens};
use crate::{
    access::{Actor, Who},
    net::listen::{Caller, Visitor},
    store::central::{CentralError, PersonRow},
    wire::trace::TraceId,
};

/// The cookies; `__Host-` keeps other hosts and plain HTTP from setting them.
pub(super) const SESSION_COOKIE: &str = "__Host-handout";
pub(super) const KNOWN_COOKIE: &str = "__Host-handout-known";
/// A session's last use is written down this often at most.
const TOUCH_EVERY_S: i64 = 60;

/// Who sends a request, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub actor: Actor,
    pub person: Option<Arc<PersonRow>>,
    /// The hash of the session's token, where the caller has a session.
    pub session: Option<[u8; 32]>,
    /// The right password was given, and a one-time code is still missing.
    pub code_missing: bool,
    pub address: IpAddr,
    /// The request's id, in the log and in the answer.
    pub request: String,
}

impl Visit {
    /// The name that others see.
    pub fn shown(&self) -> &str {
        self.person.as_ref().map_or("Guest", |person| &person.shown)
    }

    pub fn is_signed_in(&self) -> bool {
        self.person.is_some() && !self.code_missing
    }
}

/// The step that finds out who it is. Everything behind it reads the [`Visit`] from the request's extensions.
pub(super) async fn identify(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let id = request.extensions().get::<TraceId>().map_or_else(String::new, TraceId::to_string);
    let peer = request.extensions().get::<Caller>().copied();
    let visitor = request.extensions().get::<Visitor>().copied();
    let headers = request.headers().clone();
    let visit = Arc::new(visit(&server, &headers, peer, visitor, id).await?);
    request.extensions_mut().insert(visit.clone());
    let mut response = next.run(request).await;
    // For the page that tells of a problem, which is made further out.
    response.extensions_mut().insert(visit);
    Ok(response)
}

async fn visit(
    server: &Server,
    headers: &HeaderMap,
    peer: Option<Caller>,
    visitor: Option<Visitor>,
    id: String,
) -> Result<Visit, Problem> {
    let address = peer.map(|caller| caller.address).or(visitor.map(|visitor| visitor.address));
    let address = address.map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
    let mut visit =
        Visit { actor: Actor::guest(), person: None, session: None, code_missing: false, address, request: id };
    if let Some(key) = bearer(headers) {
        by_key(server, &mut visit, key).await?;
    } else if let Some(token) = cookie(headers, SESSION_COOKIE) {
        by_session(server, &mut visit, token).await?;
    } else if let Some(caller) = peer {
        by_device(server, &mut visit, caller).await?;
    }
    Ok(visit)
}

async fn by_session(server: &Server, visit: &mut Visit, token: &str) -> Result<(), CentralError> {
    let now = now_s();
    let lifetimes = server.settings().lifetimes;
    let hash = tokens::hash_of(token);
    let found = server.central.session(&hash, now - lifetimes.session_s, now - lifetimes.idle_s).await?;
    let Some((session, person)) = found else { return Ok(()) };
    if now - session.seen_s >= TOUCH_EVERY_S {
        server.central.touch_session(&hash, now).await?;
    }
    visit.session = Some(hash);
    visit.code_missing = person.totp.is_some() && !session.second_factor;
    if !visit.code_missing {
        let groups = server.central.groups_of(person.id).await?;
        visit.actor = Actor::of(Who::Person(person.id), person.role, groups);
        visit.actor.second_factor = session.second_factor;
    }
    visit.person = Some(Arc::new(person));
    Ok(())
}

/// A key was made by somebody who had given a one-time code, if one was asked for.
async fn by_key(server: &Server, visit: &mut Visit, key: &str) -> Result<(), Problem> {
    let Some(owner) = server.central.key_owner(&tokens::hash_of(key), now_s()).await? else {
        let detail = "The key is not known here, or it is over. Make a new one on your account page.";
        return Err(Problem::new(axum::http::StatusCode::UNAUTHORIZED, "key", detail));
    };
    let groups = server.central.groups_of(owner.person.id).await?;
    visit.actor = Actor::of(Who::Person(owner.person.id), owner.person.role, groups);
    visit.actor.scopes = owner.scopes;
    visit.person = Some(Arc::new(owner.person));
    Ok(())
}

async fn by_device(server: &Server, visit: &mut Visit, caller: Caller) -> Result<(), CentralError> {
    let Some(device) = server.central.device(caller.peer).await? else { return Ok(()) };
    let now = now_s();
    if now - device.seen_s >= TOUCH_EVERY_S {
        server.central.touch_device(caller.peer, now, &caller.address.ip().to_string()).await?;
    }
    visit.actor = device.actor();
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

/// A cookie by its name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}
