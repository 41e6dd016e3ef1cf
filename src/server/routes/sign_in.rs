//! Signing in and out.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, see};
use crate::{
    access::PersonId,
    server::{
        Server,
        caller::{KNOWN_COOKIE, SESSION_COOKIE, Visit, cookie},
        now_ms, now_s, one_time_codes,
        pages::{self, Frame},
        passwords::Checked,
        problem::Problem,
        throttle::{self, Kind},
        tokens,
    },
    store::central::{NewSession, PersonRow},
};

const KNOWN_FOR_S: i64 = 180 * 86_400;

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
    Ok(pages::sign_in(&Frame::of(&server, &visit), &asked.to, None).into_response())
}

pub(in crate::server) async fn sign_in(
    State(server): OurServer,
    Extension(visit): Caller,
    headers: HeaderMap,
    Form(form): Form<Form1>,
) -> Answer {
    let name = form.name.trim().to_lowercase();
    let person = server.central.person_named(&name).await?;
    let counters = counters(&server, &visit, &headers, &name, person.as_ref());
    for (who, _) in &counters {
        if let Some(seconds) = throttle::left_s(server.central.failures(who).await?, now_ms()) {
            let sentence = Problem::wait(seconds).detail;
            let page = pages::sign_in(&Frame::of(&server, &visit), &form.to, Some(&sentence));
            let mut response = (StatusCode::TOO_MANY_REQUESTS, page).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
    }
    let hash = person.as_ref().filter(|person| person.active).and_then(|person| person.password.as_deref());
    let checked = server.hashing.check(&form.password, hash).await?;
    let Some(person) = person.filter(|_| checked != Checked::Wrong) else {
        return failed(&server, &visit, &counters, &name, &form.to).await;
    };
    if let (Checked::RightButWeak, Some(old)) = (checked, person.password.as_deref()) {
        server.central.rehash(person.id, old, &server.hashing.hash(&form.password).await?).await?;
    }
    for (who, kind) in &counters {
        if *kind == Kind::Account {
            server.central.forgive(who).await?;
        }
    }
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
) -> Vec<(String, Kind)> {
    let known = cookie(headers, KNOWN_COOKIE)
        .zip(person)
        .filter(|(proof, person)| tokens::proves(&server.secret, &known_about(person.id), proof));
    match known {
        Some((_, person)) => vec![(format!("known:{}", person.id), Kind::Account)],
        None => vec![
            (format!("account:{name}@{}", visit.address), Kind::Account),
            (format!("address:{}", visit.address), Kind::Address),
        ],
    }
}

fn known_about(person: PersonId) -> String {
    format!("known:{person}")
}

async fn failed(server: &Arc<Server>, visit: &Visit, counters: &[(String, Kind)], name: &str, to: &str) -> Answer {
    for (who, kind) in counters {
        server.count_failure(who, *kind).await?;
    }
    let address = visit.address.to_string();
    let about = format!("name:{name}");
    server
        .central
        .log("guest", "sign-in", "refused: wrong name or password", &visit.note(&address, &about, ""))
        .await?;
    let page = pages::sign_in(&Frame::of(server, visit), to, Some("The name or the password is wrong."));
    Ok((StatusCode::UNAUTHORIZED, page).into_response())
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
    let known = tokens::proof(&server.secret, &known_about(person.id));
    for (name, value, age) in [(SESSION_COOKIE, &token, life), (KNOWN_COOKIE, &known, KNOWN_FOR_S)] {
        let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={age}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

pub(in crate::server) async fn code_page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    if !visit.code_missing {
        return Ok(see(&target(&asked.to)));
    }
    Ok(pages::code(&Frame::of(&server, &visit), &asked.to, asked.wrong.is_some()).into_response())
}

pub(in crate::server) async fn code(
    State(server): OurServer,
    Extension(visit): Caller,
    headers: HeaderMap,
    Form(form): Form<Form2>,
) -> Answer {
    let (Some(person), true) = (&visit.person, visit.code_missing) else { return Ok(see("/sign-in")) };
    // A million codes are few, and whoever is here knows the password: a try too many ends the session.
    let who = format!("code:{}", person.id);
    let failures = server.central.failures(&who).await?;
    if let Some(seconds) = throttle::left_s(failures, now_ms()) {
        return Err(Problem::wait(seconds));
    }
    let step = person.totp.as_ref().and_then(|secret| one_time_codes::step_of(secret, &form.code, now_s()));
    let fresh = match step {
        Some(step) => server.central.use_totp_step(person.id, step).await?,
        None => false,
    };
    if !fresh {
        server.count_failure(&who, Kind::Account).await?;
        log(&server, &visit, person.id, "refused: wrong code").await?;
        return Ok(see(&format!("/sign-in/code?wrong=yes&to={}", form.to)));
    }
    server.central.forgive(&who).await?;
    log(&server, &visit, person.id, "done").await?;
    let to = if person.must_change { "/account".to_owned() } else { target(&form.to) };
    begin(&server, &visit, &headers, person, true, see(&to)).await
}

pub(in crate::server) async fn sign_out(State(server): OurServer, Extension(visit): Caller) -> Answer {
    if let Some(session) = visit.session {
        server.central.end_session(&session).await?;
    }
    let mut response = see("/");
    let gone = format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
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
