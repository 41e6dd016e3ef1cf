//! Signing in and out.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, see, setup};
use crate::{
    access::PersonId,
    server::{
        Server,
        caller::{Visit, cookie},
        guard::told_by,
        now_ms, now_s, one_time_codes,
        pages::{self, Frame},
        passwords::Checked,
        problem::Problem,
        throttle::{Counter, Kind, place},
        tokens,
    },
    store::central::{NewSession, PersonRow},
};

const KNOWN_FOR_S: i64 = 180 * 86_400;
/// So many wrong codes end the session that they were typed in: the password has to be given again.
const CODES_MAX: u32 = 5;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Asked {
    to: String,
    wrong: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Form1 {
    name: String,
    password: String,
    #[serde(default)]
    to: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Form2 {
    code: String,
    #[serde(default)]
    to: String,
}

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    if visit.is_signed_in() {
        return Ok(see(&target(&asked.to)));
    }
    if crate::server::setup_code::is_open(&server).await? {
        return Ok(see("/setup"));
    }
    Ok(pages::sign_in(&Frame::of(&server, &visit), &asked.to, "", None).into_response())
}

pub(in crate::server) async fn sign_in(
    State(server): OurServer,
    Extension(visit): Caller,
    headers: HeaderMap,
    Form(form): Form<Form1>,
) -> Answer {
    let name = form.name.trim().to_lowercase();
    let typed = Typed { name: &form.name, to: &form.to };
    if setup::name_of(&name).is_err() {
        // No account has such a name, so nothing of it needs to be written down.
        return Ok(again(&server, &visit, typed, StatusCode::UNAUTHORIZED, WRONG));
    }
    let person = server.central.person_named(&name).await?;
    let attempt = match server.attempt(counters(&server, &visit, &headers, &name, person.as_ref())).await {
        Ok(attempt) => attempt,
        Err(problem) => {
            let mut response = again(&server, &visit, typed, problem.status, &problem.detail);
            if let Some(seconds) = problem.retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            return Ok(response);
        }
    };
    let known = person.as_ref().map(|person| person.id);
    let hash = person.as_ref().filter(|person| person.active).and_then(|person| person.password.as_deref());
    let checked = server.hashing.check(&form.password, hash).await?;
    let Some(person) = person.filter(|_| checked != Checked::Wrong) else {
        log_wrong(&server, &visit, &name, known.is_some()).await?;
        return Ok(again(&server, &visit, typed, StatusCode::UNAUTHORIZED, WRONG));
    };
    if let (Checked::RightButWeak, Some(old)) = (checked, person.password.as_deref()) {
        server.central.rehash(person.id, old, &server.hashing.hash(&form.password).await?).await?;
    }
    attempt.was_right(&server).await?;
    log(&server, &visit, person.id, "done").await?;
    let needs_code = person.totp.is_some();
    let to = if needs_code { format!("/sign-in/code?to={}", form.to) } else { target(&form.to) };
    let to = if person.must_change && !needs_code { "/account".to_owned() } else { to };
    begin(&server, &visit, &headers, &person, false, see(&to)).await
}

/// What a try counts for.
fn counters(
    server: &Server,
    visit: &Visit,
    headers: &HeaderMap,
    name: &str,
    person: Option<&PersonRow>,
) -> Vec<Counter> {
    let counter = |who: String, kind| Counter { who, kind };
    match person.filter(|person| is_known(server, headers, person)) {
        Some(person) => vec![counter(format!("known:{}", person.id), Kind::Account)],
        None => vec![
            counter(format!("account:{name}@{}", place(visit.address)), Kind::Account),
            counter(format!("account:{name}"), Kind::Everywhere),
            counter(format!("address:{}", place(visit.address)), Kind::Place),
        ],
    }
}

/// So many people are known at a browser that several use, those who signed in last.
const KNOWN_MAX: usize = 6;

/// The proofs that a browser has of people who signed in with it.
fn proofs<'a>(server: &Server, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    cookie(headers, &server.cookies.known).into_iter().flat_map(|proofs| proofs.split('.')).take(KNOWN_MAX)
}

/// Whether somebody signed in with this browser before, with the password of today.
fn is_known(server: &Server, headers: &HeaderMap, person: &PersonRow) -> bool {
    let about = known_about(person);
    proofs(server, headers).any(|proof| tokens::proves(&server.secret, &about, proof))
}

fn known_about(person: &PersonRow) -> String {
    let password = tokens::hash_of(person.password.as_deref().unwrap_or(""));
    format!("known:{}:{}", person.id, data_encoding::HEXLOWER.encode(&password))
}

const WRONG: &str = "Wrong name or password.";

/// What somebody typed who has to try again.
#[derive(Clone, Copy)]
struct Typed<'a> {
    name: &'a str,
    to: &'a str,
}

fn again(server: &Arc<Server>, visit: &Visit, typed: Typed<'_>, status: StatusCode, sentence: &str) -> Response {
    let name: String = typed.name.chars().take(60).collect();
    let page = pages::sign_in(&Frame::of(server, visit), typed.to, &name, Some(sentence));
    (status, page).into_response()
}

/// Failures of one account from one place are told once in a while, and so are those of names that nobody has: strangers
/// don't fill the disk.
async fn log_wrong(server: &Server, visit: &Visit, name: &str, is_somebody: bool) -> Result<(), Problem> {
    let same = format!("sign-in {} {}", place(visit.address), if is_somebody { name } else { "" });
    if !server.refusals.is_new(told_by(visit), same, now_ms()) {
        return Ok(());
    }
    let (address, about) = (visit.address.to_string(), format!("name:{name}"));
    let note = visit.note(&address, &about, "");
    Ok(server.central.log("guest", "sign-in", "refused: wrong name or password", &note).await?)
}

async fn log(server: &Server, visit: &Visit, person: PersonId, outcome: &str) -> Result<(), Problem> {
    let address = visit.address.to_string();
    let who = format!("person:{person}");
    Ok(server.central.log(&who, "sign-in", outcome, &visit.note(&address, &who, "")).await?)
}

/// Begins a session, and tells the browser. The one it had before ends: nobody goes on in somebody else's.
pub(super) async fn begin(
    server: &Server,
    visit: &Visit,
    headers: &HeaderMap,
    person: &PersonRow,
    second_factor: bool,
    mut response: Response,
) -> Answer {
    if let Some(before) = visit.session {
        server.central.end_session(&before).await?;
    }
    let token = tokens::token();
    let browser = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
    let new = NewSession {
        token: &tokens::hash_of(&token),
        person: person.id,
        now_s: now_s(),
        address: &visit.address.to_string(),
        browser,
        second_factor,
    };
    server.central.add_session(&new).await?;
    let life = server.settings().lifetimes.session_s;
    // Who follows a link from elsewhere to a page here is signed in there; what changes something is checked otherwise.
    let name = &server.cookies.session;
    set_cookie(&mut response, &format!("{name}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={life}"));
    remember(server, headers, person, &mut response);
    Ok(response)
}

/// Tells the browser that this person is known there from now on, beside those who are.
pub(super) fn remember(server: &Server, headers: &HeaderMap, person: &PersonRow, response: &mut Response) {
    let mine = tokens::proof(&server.secret, &known_about(person));
    let known = std::iter::once(mine.as_str()).chain(proofs(server, headers).filter(|proof| *proof != mine));
    let (name, known) = (&server.cookies.known, known.take(KNOWN_MAX).collect::<Vec<_>>().join("."));
    let fence = format!("Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={KNOWN_FOR_S}");
    set_cookie(response, &format!("{name}={known}; {fence}"));
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

pub(in crate::server) async fn code_page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    if !visit.code_missing {
        return Ok(see(&target(&asked.to)));
    }
    Ok(pages::code(&Frame::of(&server, &visit), &asked.to, asked.wrong.is_some().then(now_s)).into_response())
}

pub(in crate::server) async fn code(
    State(server): OurServer,
    Extension(visit): Caller,
    headers: HeaderMap,
    Form(form): Form<Form2>,
) -> Answer {
    let (Some(person), true) = (&visit.person, visit.code_missing) else { return Ok(see("/sign-in")) };
    // A million codes are few, and whoever is here knows the password: a try too many ends the session.
    let place = if is_known(&server, &headers, person) { "known" } else { "elsewhere" };
    let attempt =
        server.attempt(vec![Counter { who: format!("code:{}@{place}", person.id), kind: Kind::Code }]).await?;
    let step = person.totp.as_ref().and_then(|secret| one_time_codes::step_of(secret, &form.code, now_s()));
    let fresh = match step {
        Some(step) => server.central.use_totp_step(person.id, step).await?,
        None => false,
    };
    if !fresh {
        log(&server, &visit, person.id, "refused: wrong code").await?;
        if let Some(session) = visit.session.filter(|_| attempt.count >= CODES_MAX) {
            server.central.end_session(&session).await?;
            return Ok(see("/sign-in"));
        }
        return Ok(see(&format!("/sign-in/code?wrong=yes&to={}", form.to)));
    }
    attempt.was_right(&server).await?;
    log(&server, &visit, person.id, "done").await?;
    let to = if person.must_change { "/account".to_owned() } else { target(&form.to) };
    begin(&server, &visit, &headers, person, true, see(&to)).await
}

pub(in crate::server) async fn sign_out(State(server): OurServer, Extension(visit): Caller) -> Answer {
    if let Some(session) = visit.session {
        server.central.end_session(&session).await?;
    }
    let mut response = see("/");
    let gone = format!("{}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0", server.cookies.session);
    if let Ok(gone) = HeaderValue::from_str(&gone) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

/// Where somebody wanted to go: a path of ours, and never another server's.
fn target(to: &str) -> String {
    let path = data_encoding::BASE64URL_NOPAD.decode(to.as_bytes()).ok().and_then(|path| String::from_utf8(path).ok());
    let ours = |path: &String| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\')
    };
    path.filter(ours).unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_signs_in_stays_on_this_server() {
        let to = |path: &str| target(&data_encoding::BASE64URL_NOPAD.encode(path.as_bytes()));
        assert_eq!(to("/s/abc?folder=x"), "/s/abc?folder=x");
        for elsewhere in ["https://evil/", "//evil/", "/\\evil", "evil", "/a b", "/\r\nX: y"] {
            assert_eq!(to(elsewhere), "/", "{elsewhere}");
        }
        assert_eq!(target("%%%"), "/");
    }
}
