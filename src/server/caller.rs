//! Finds out who sends a request: a session, a key, or an enrolled computer; else a guest.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};

use super::{Server, fence, now_s, problem::Problem, tokens};
use crate::{
    access::{Actor, Who},
    net::listen::{Caller, Visitor},
    share::PeerId,
    store::central::{CentralError, PersonRow},
    wire::trace::TraceId,
};

/// The names of a server's cookies. `__Host-` keeps other hosts and plain HTTP from setting them. Cookies know no ports, so
/// two servers on one host are told apart by what their names have of the server's id.
pub(crate) struct Cookies {
    pub session: String,
    pub known: String,
    pub link: String,
    pub visitor: String,
}

impl Cookies {
    pub fn of(server: PeerId) -> Cookies {
        let id: String = server.to_string().chars().take(10).collect();
        let name = |what: &str| format!("__Host-handout-{id}-{what}");
        Cookies { session: name("session"), known: name("known"), link: name("link"), visitor: name("visitor") }
    }
}

/// A session's last use is written down this often at most.
const TOUCH_EVERY_S: i64 = 60;
/// A computer that comes from two addresses in turn is written down this often at most.
const MOVED_EVERY_S: i64 = 2;

/// While a request runs, sooner than the shortest time after which a session ends unused.
const TOUCH_EVERY_RUNNING: Duration = Duration::from_secs(20);

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
    if must_choose_password(&visit)
        && let Some(answer) = own_password_first(request.method(), request.uri().path())
    {
        return answer;
    }
    request.extensions_mut().insert(visit.clone());
    let (of, by) = (&server, &visit);
    let mut response = in_use(next.run(request), TOUCH_EVERY_RUNNING, || touch(of, by)).await;
    // For the page that tells of a problem, which is made further out.
    response.extensions_mut().insert(visit);
    Ok(response)
}

/// Does `work`, and tells each time that it took so long again: an upload that runs is use of its session.
async fn in_use<T, F: Future<Output = ()>>(work: impl Future<Output = T>, every: Duration, used: impl Fn() -> F) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(every, &mut work).await {
            Ok(done) => return done,
            Err(_) => used().await,
        }
    }
}

async fn touch(server: &Server, visit: &Visit) {
    let Some(session) = &visit.session else { return };
    if let Err(error) = server.central.touch_session(session, now_s()).await {
        tracing::warn!(%error, "a session's use could not be written down");
    }
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
    } else if let Some(token) = cookie(headers, &server.cookies.session) {
        by_session(server, &mut visit, token).await?;
    } else if let Some(caller) = peer {
        by_device(server, &mut visit, caller).await?;
    }
    server.hold_to_place(&mut visit).await?;
    Ok(visit)
}

/// A first password was printed or told, so it is good for nothing but choosing another.
fn must_choose_password(visit: &Visit) -> bool {
    visit.is_signed_in() && visit.person.as_ref().is_some_and(|person| person.must_change)
}

/// What somebody is answered who has to choose a password first; `None` where that is what they do.
fn own_password_first(method: &Method, path: &str) -> Option<Result<Response, Problem>> {
    let is_page = method == Method::GET && !path.starts_with("/api/") && !path.starts_with("/tus");
    let detail = "Choose a password of your own first, on your account page.";
    match path {
        "/account" | "/account/password" | "/sign-out" => None,
        _ if is_page => Some(Ok(Redirect::to("/account").into_response())),
        _ => Some(Err(Problem::new(StatusCode::FORBIDDEN, "password", detail))),
    }
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

async fn by_key(server: &Server, visit: &mut Visit, key: &str) -> Result<(), Problem> {
    let Some(owner) = server.central.key_owner(&tokens::hash_of(key), now_s()).await? else {
        let detail = "The key is not known here, or it is over. Make a new one on your account page.";
        return Err(Problem::new(axum::http::StatusCode::UNAUTHORIZED, "key", detail));
    };
    let groups = server.central.groups_of(owner.person.id).await?;
    visit.actor = Actor::of(Who::Person(owner.person.id), owner.person.role, groups);
    visit.actor.scopes = owner.scopes;
    visit.actor.by_key = true;
    // A key was made with a one-time code where its owner has one; who has none is asked like in a browser.
    visit.actor.second_factor = owner.person.totp.is_some();
    visit.person = Some(Arc::new(owner.person));
    Ok(())
}

async fn by_device(server: &Server, visit: &mut Visit, caller: Caller) -> Result<(), CentralError> {
    let Some(device) = server.central.device(caller.peer).await? else { return Ok(()) };
    let now = now_s();
    let address = fence::shown(caller.address.ip());
    // Browsers from its address sit its exams, so another address is written down sooner.
    let every_s = if device.seen_at == address { TOUCH_EVERY_S } else { MOVED_EVERY_S };
    if now - device.seen_s >= every_s {
        server.central.touch_device(caller.peer, now, &address).await?;
    }
    visit.actor = device.actor();
    Ok(())
}

/// The key that a program shows.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn what_runs_for_long_is_use_of_its_session_all_the_time() {
        let times = Cell::new(0);
        let upload = async {
            while times.get() < 4 {
                tokio::task::yield_now().await;
            }
            "sent"
        };
        let every = Duration::from_millis(1);
        assert_eq!(in_use(upload, every, || async { times.set(times.get() + 1) }).await, "sent");
        let short = in_use(async { 1 }, Duration::from_secs(20), || async { times.set(0) });
        assert_eq!((short.await, times.get()), (1, 4), "a short one is use by its beginning alone");
    }
}
