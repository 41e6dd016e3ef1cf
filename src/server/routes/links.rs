//! Links for people without an account.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, Method, header},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{
    Answer, Caller, OurServer,
    files::{self, Wish},
    row_for, see, see_done,
    share::{form_again, named, share_page},
};
use crate::{
    access::{About, Action, Permit, ShareFacts},
    server::{
        Server,
        caller::{Visit, cookie},
        now_s,
        pages::{self, Frame, LinkPage, Typed},
        passwords::Checked,
        problem::Problem,
        throttle::{Counter, Kind, place},
        tokens,
    },
    store::central::{LinkRow, NewLink, ShareRow},
};

const DAY_S: i64 = 86_400;
const DOWNLOADS_MAX: u64 = 1_000_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Made {
    days: String,
    downloads: String,
    password: String,
}

pub(in crate::server) async fn make(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
    Form(form): Form<Made>,
) -> Answer {
    let (row, permit) = row_for(&server, &visit, &share, Action::MakeLink).await?;
    // Only who may change a share opens it to people outside.
    drop(server.allow(&visit, Action::ChangeShare, About::Share(&row.facts()), &named(&row)).await?);
    match add(&server, &visit, permit, &row, &form).await {
        Ok(()) => Ok(see_done(&format!("/s/{}", row.id), "link")),
        Err(problem) if problem.is_of_form() => {
            let typed = Typed::Link { days: form.days, downloads: form.downloads };
            form_again(&server, &visit, &row, problem, typed).await
        }
        Err(problem) => Err(problem),
    }
}

async fn add(server: &Server, visit: &Visit, permit: Permit, row: &ShareRow, form: &Made) -> Result<(), Problem> {
    let rules = server.policy().links.clone();
    let days = match form.days.trim() {
        "" | "0" => None,
        days => Some(days.parse::<u32>().map_err(|_| Problem::invalid("The days must be a number."))?),
    };
    let days = match (days, rules.days_max) {
        (Some(days), Some(max)) => Some(days.min(max)),
        (None, max) => max,
        (days, None) => days,
    };
    let downloads = match form.downloads.trim() {
        "" => None,
        count => match count.parse() {
            Ok(count @ 1..=DOWNLOADS_MAX) => Some(count),
            _ => return Err(Problem::invalid("The number of downloads must be a number from 1 to 1000000.")),
        },
    };
    let password = match form.password.trim() {
        "" if rules.password_needed => return Err(Problem::invalid("Links need a password on this server.")),
        "" => None,
        password => Some(server.hashing.hash(password).await?),
    };
    let token = tokens::short_token();
    let now = now_s();
    let new = NewLink {
        token: &token,
        share: row.number,
        made_by: visit.actor.person(),
        created_s: now,
        expires_s: days.map(|days| now + i64::from(days) * DAY_S),
        password: password.as_deref(),
        downloads,
    };
    let (address, about) = (visit.address.to_string(), named(row));
    let detail = format!(
        "for {}, {}, {}",
        days.map_or_else(|| "ever".to_owned(), |days| format!("{days} days")),
        downloads.map_or_else(|| "any number of downloads".to_owned(), |most| format!("{most} downloads")),
        if password.is_some() { "with a password" } else { "without a password" }
    );
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    change.add_link(&new).await?;
    Ok(change.commit().await?)
}

pub(in crate::server) async fn remove(
    State(server): OurServer,
    Extension(visit): Caller,
    Path((share, token)): Path<(String, String)>,
) -> Answer {
    let (row, permit) = row_for(&server, &visit, &share, Action::RemoveLink).await?;
    let links = server.central.links_of(row.number).await?;
    if !links.iter().any(|link| link.token == token) {
        return Err(Problem::no_such("link"));
    }
    let (address, about) = (visit.address.to_string(), named(&row));
    let mut change = server.central.change(permit, &visit.note(&address, &about, "")).await?;
    change.remove_link(&token).await?;
    change.commit().await?;
    Ok(see_done(&format!("/s/{}", row.id), "removed"))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Asked {
    folder: String,
    wrong: Option<String>,
}

/// What somebody sees who comes with a link.
pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Answer {
    let (link, row) = found(&server, &token).await?;
    let frame = Frame::of(&server, &visit);
    if !is_open(&server, &link, &headers) {
        return Ok(pages::link_password(&frame, &token, asked.wrong.is_some()).into_response());
    }
    let visit = held(&server, &visit, &link, &row).await?;
    let facts = facts(&row);
    drop(server.allow(&visit, Action::SeeShare, About::Share(&facts), &named(&row)).await?);
    let share = share_page(&server, &visit, row, &format!("/l/{token}"), &asked.folder, false).await?;
    Ok(pages::link(&frame, &LinkPage { share }).into_response())
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Password {
    password: String,
}

pub(in crate::server) async fn open(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(token): Path<String>,
    Form(form): Form<Password>,
) -> Answer {
    let (link, _) = found(&server, &token).await?;
    let counters = vec![
        Counter { who: format!("link:{token}@{}", place(visit.address)), kind: Kind::Account },
        Counter { who: format!("link:{token}"), kind: Kind::Everywhere },
    ];
    let attempt = server.attempt(counters).await?;
    if server.hashing.check(&form.password, link.password.as_deref()).await? == Checked::Wrong {
        return Ok(see(&format!("/l/{token}?wrong=yes")));
    }
    attempt.was_right(&server).await?;
    let proof = tokens::proof(&server.secret, &about(&link));
    let cookie = format!("{}={proof}; Path=/; Secure; HttpOnly; SameSite=Strict", server.cookies.link);
    let mut response = see(&format!("/l/{token}"));
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(in crate::server) async fn download(
    State(server): OurServer,
    Extension(visit): Caller,
    Path((token, entry, _)): Path<(String, usize, String)>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let (link, row) = opened(&server, &token, &headers).await?;
    let visit = held(&server, &visit, &link, &row).await?;
    let wish = Wish { entry, inline: false, method: &method, headers: &headers, link: Some(&link) };
    files::file(&server, &visit, &row, facts(&row), wish).await
}

pub(in crate::server) async fn zip(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let (link, row) = opened(&server, &token, &headers).await?;
    let visit = held(&server, &visit, &link, &row).await?;
    let wish = Wish { entry: 0, inline: false, method: &method, headers: &headers, link: Some(&link) };
    files::archive(&server, &visit, &row, facts(&row), wish, "").await
}

async fn opened(server: &Server, token: &str, headers: &HeaderMap) -> Result<(LinkRow, ShareRow), Problem> {
    let (link, row) = found(server, token).await?;
    if is_open(server, &link, headers) { Ok((link, row)) } else { Err(Problem::no_such("link")) }
}

async fn found(server: &Server, token: &str) -> Result<(LinkRow, ShareRow), Problem> {
    let (link, row) = server.central.link(token, now_s()).await?.ok_or_else(|| Problem::no_such("link"))?;
    server.take_up(&row).await?;
    Ok((link, row))
}

/// Whoever sits an exam can't get at their own files through links that they made before, under whichever name.
async fn held(server: &Server, visit: &Visit, link: &LinkRow, row: &ShareRow) -> Result<Visit, Problem> {
    Ok(server.held_to_makers(visit, link.made_by.into_iter().chain(row.owner)).await?)
}

/// Whether the password was given, if there is one.
fn is_open(server: &Server, link: &LinkRow, headers: &HeaderMap) -> bool {
    let proves = |proof| tokens::proves(&server.secret, &about(link), proof);
    link.password.is_none() || cookie(headers, &server.cookies.link).is_some_and(proves)
}

/// The proof ends with the password.
fn about(link: &LinkRow) -> String {
    format!("link:{}:{}", link.token, link.password.as_deref().unwrap_or(""))
}

fn facts(row: &ShareRow) -> ShareFacts {
    ShareFacts { by_link: true, ..row.facts() }
}
