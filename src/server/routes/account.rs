//! One's own account.

use std::collections::BTreeSet;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, see_done, sign_in};
use crate::{
    access::{About, Action, Scope},
    server::{
        Server,
        caller::Visit,
        now_s, one_time_codes,
        pages::{self, AccountPage, Frame, TypedForm},
        passwords::{self, Checked},
        problem::Problem,
        throttle::{Counter, Kind},
        tokens,
    },
    store::central::{ApiKeyRow, PersonChange, PersonRow},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Asked {
    codes: Option<String>,
    done: Option<String>,
}

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    let person = myself(&server, &visit).await?;
    let mut page = page_of(&server, &visit, person).await?;
    if asked.codes.is_some() {
        offer_codes(&server, &mut page, &one_time_codes::new_secret());
    }
    let frame = Frame::of(&server, &visit).done(asked.done.as_deref());
    Ok(pages::account(&frame, &page).into_response())
}

async fn myself(server: &Server, visit: &Visit) -> Result<PersonRow, Problem> {
    drop(server.allow(visit, Action::ChangeOwnAccount, About::Nothing, "").await?);
    visit.person.as_deref().cloned().ok_or_else(|| Problem::no_such("account"))
}

async fn page_of(server: &Server, visit: &Visit, person: PersonRow) -> Result<AccountPage, Problem> {
    let groups = server.central.groups().await?;
    let mine = groups.into_iter().filter(|group| visit.actor.groups.contains(&group.id));
    let from = server.policy().second_factor_from;
    Ok(AccountPage {
        groups: mine.map(|group| group.name).collect(),
        sessions: server.central.sessions_of(person.id).await?,
        current: visit.session,
        keys: server.central.keys_of(person.id).await?,
        new_key: None,
        new_codes: None,
        codes_wanted: person.totp.is_none() && from.is_some_and(|from| person.role >= from),
        wrong_password: TypedForm::default(),
        wrong_codes: TypedForm::default(),
        wrong_key: TypedForm::default(),
        now_s: now_s(),
        person,
    })
}

fn offer_codes(server: &Server, page: &mut AccountPage, secret: &[u8]) {
    let address = one_time_codes::address(secret, &page.person.name, &server.name());
    page.new_codes = Some((address, one_time_codes::typed(secret)));
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct NewPassword {
    old: String,
    new: String,
}

pub(in crate::server) async fn password(
    State(server): OurServer,
    Extension(visit): Caller,
    headers: HeaderMap,
    Form(form): Form<NewPassword>,
) -> Answer {
    let person = myself(&server, &visit).await?;
    let right = right_password(&server, &person, &form.old).await.map_err(|problem| problem.at("old"));
    let right =
        right.and_then(|()| passwords::acceptable(&form.new, &person.name).map_err(|problem| problem.at("new")));
    if let Err(problem) = right {
        return again(&server, &visit, person, problem, |page, problem| {
            page.wrong_password = TypedForm::new(problem, &[]);
        })
        .await;
    }
    let hash = server.hashing.hash(&form.new).await?;
    let permit = server.allow(&visit, Action::ChangeOwnAccount, About::Nothing, "").await?;
    let (address, about) = (visit.address.to_string(), visit.actor.who.to_string());
    let mut change = server.central.change(permit, &visit.note(&address, &about, "password")).await?;
    // The browser at hand stays signed in; every other is signed out.
    let kept = PersonChange { password: Some((&hash, false)), ..PersonChange::default() };
    change.end_sessions_of(person.id, visit.session.as_ref()).await?;
    change.end_keys_of(person.id).await?;
    change.change_own_person(person.id, &kept).await?;
    change.commit().await?;
    let person = found(&server, &person).await?;
    let mut response = see_done("/account", "password");
    // What the browser had as a proof was good for the old password.
    sign_in::remember(&server, &headers, &person, &mut response);
    Ok(response)
}

/// The password at hand; failures count, so that an open browser is no way to guess it.
async fn right_password(server: &Server, person: &PersonRow, typed: &str) -> Result<(), Problem> {
    let attempt = server.attempt_at(format!("account:{}@own", person.id)).await?;
    if server.hashing.check(typed, person.password.as_deref()).await? == Checked::Wrong {
        return Err(Problem::invalid("That's not your current password."));
    }
    Ok(attempt.was_right(server).await?)
}

/// The password, and a code where the account has them: an open browser is not enough for what outlives it.
async fn proves_to_be(server: &Server, person: &PersonRow, proof: &Proof) -> Result<(), Problem> {
    right_password(server, person, &proof.password).await.map_err(|problem| problem.at("password"))?;
    let Some(secret) = &person.totp else { return Ok(()) };
    let who = format!("code:{}@own", person.id);
    let attempt = server.attempt(vec![Counter { who, kind: Kind::Code }]).await;
    let attempt = attempt.map_err(|problem| problem.at("current_code"))?;
    let fresh = match one_time_codes::step_of(secret, &proof.current_code, now_s()) {
        Some(step) => server.central.use_totp_step(person.id, step).await?,
        None => false,
    };
    if !fresh {
        let wrong = Problem::invalid("Type the code that your phone shows, too. Each code works once.");
        return Err(wrong.at("current_code"));
    }
    Ok(attempt.was_right(server).await?)
}

async fn found(server: &Server, person: &PersonRow) -> Result<PersonRow, Problem> {
    server.central.person(person.id).await?.ok_or_else(|| Problem::no_such("account"))
}

/// Whoever is at the browser shows with it that the account is theirs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Proof {
    password: String,
    current_code: String,
}

/// The page with a form that could not be taken; `put` says which.
async fn again(
    server: &Server,
    visit: &Visit,
    person: PersonRow,
    problem: Problem,
    put: impl FnOnce(&mut AccountPage, Problem),
) -> Answer {
    if !problem.is_of_form() {
        return Err(problem);
    }
    let (status, wait_s) = (problem.status, problem.retry_after_s);
    let mut page = page_of(server, visit, person).await?;
    put(&mut page, problem);
    let mut response = (status, pages::account(&Frame::of(server, visit), &page)).into_response();
    if let Some(seconds) = wait_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct NewCodes {
    secret: String,
    code: String,
    #[serde(flatten)]
    proof: Proof,
}

pub(in crate::server) async fn codes(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<NewCodes>,
) -> Answer {
    let person = myself(&server, &visit).await?;
    let secret = data_encoding::BASE32_NOPAD.decode(form.secret.as_bytes()).unwrap_or_default();
    let proven = proves_to_be(&server, &person, &form.proof).await;
    let step = one_time_codes::step_of(&secret, &form.code, now_s()).filter(|_| secret.len() == 20);
    let step = proven.and_then(|()| {
        step.ok_or_else(|| {
            let said = format!(
                "That code is wrong. Codes depend on the clock: this server's says {}. Compare it with your phone's.",
                pages::figures::moment(now_s())
            );
            Problem::invalid(said).at("code")
        })
    });
    let step = match step {
        Ok(step) => step,
        Err(problem) => {
            return again(&server, &visit, person, problem, |page, problem| {
                offer_codes(&server, page, &secret);
                page.wrong_codes = TypedForm::new(problem, &[]);
            })
            .await;
        }
    };
    let permit = server.allow(&visit, Action::ChangeOwnAccount, About::Nothing, "").await?;
    let (address, about) = (visit.address.to_string(), visit.actor.who.to_string());
    let mut change = server.central.change(permit, &visit.note(&address, &about, "one-time codes on")).await?;
    let totp = PersonChange { totp: Some(Some(&secret)), ..PersonChange::default() };
    change.change_own_person(person.id, &totp).await?;
    change.commit().await?;
    server.central.use_totp_step(person.id, step).await?;
    if let Some(session) = visit.session {
        server.central.raise_session(&session).await?;
    }
    Ok(see_done("/account", "codes"))
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct CodesOff {
    #[serde(flatten)]
    proof: Proof,
}

pub(in crate::server) async fn codes_off(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<CodesOff>,
) -> Answer {
    let person = myself(&server, &visit).await?;
    if let Err(problem) = proves_to_be(&server, &person, &form.proof).await {
        return again(&server, &visit, person, problem, |page, problem| {
            page.wrong_codes = TypedForm::new(problem, &[]);
        })
        .await;
    }
    let permit = server.allow(&visit, Action::ChangeOwnAccount, About::Nothing, "").await?;
    let (address, about) = (visit.address.to_string(), visit.actor.who.to_string());
    let mut change = server.central.change(permit, &visit.note(&address, &about, "one-time codes off")).await?;
    change.change_own_person(person.id, &PersonChange { totp: Some(None), ..PersonChange::default() }).await?;
    change.commit().await?;
    Ok(see_done("/account", "codes-off"))
}

pub(in crate::server) async fn end_sessions(State(server): OurServer, Extension(visit): Caller) -> Answer {
    let person = myself(&server, &visit).await?;
    let permit = server.allow(&visit, Action::ChangeOwnAccount, About::Nothing, "").await?;
    let (address, about) = (visit.address.to_string(), visit.actor.who.to_string());
    let mut change = server.central.change(permit, &visit.note(&address, &about, "signed out everywhere else")).await?;
    change.end_sessions_of(person.id, visit.session.as_ref()).await?;
    change.commit().await?;
    Ok(see_done("/account", "sessions"))
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct NewKey {
    name: String,
    scopes: String,
    #[serde(default)]
    days: String,
    #[serde(flatten)]
    proof: Proof,
}

pub(in crate::server) async fn make_key(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<NewKey>,
) -> Answer {
    let permit = server.allow(&visit, Action::MakeKey, About::Nothing, "").await?;
    let person = myself(&server, &visit).await?;
    let key = match key_of(&visit, &form) {
        Ok(key) => proves_to_be(&server, &person, &form.proof).await.map(|()| key),
        Err(problem) => Err(problem),
    };
    let key = match key {
        Ok(key) => key,
        Err(problem) => {
            drop(permit);
            let fields = [("name", form.name.as_str()), ("scopes", &form.scopes), ("days", &form.days)];
            let put = |page: &mut AccountPage, problem| page.wrong_key = TypedForm::new(problem, &fields);
            return again(&server, &visit, person, problem, put).await;
        }
    };
    let token = format!("hk_{}", tokens::token());
    let (address, about) = (visit.address.to_string(), visit.actor.who.to_string());
    let detail = format!("{} for {}", key.name, form.scopes);
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    change.add_key(person.id, &tokens::hash_of(&token), &key).await?;
    change.commit().await?;
    let mut page = page_of(&server, &visit, person).await?;
    page.new_key = Some(token);
    Ok(pages::account(&Frame::of(&server, &visit), &page).into_response())
}

/// What a form asks for.
fn key_of(visit: &Visit, form: &NewKey) -> Result<ApiKeyRow, Problem> {
    let scopes: BTreeSet<Scope> = form.scopes.split(' ').filter_map(Scope::of_name).collect();
    // A key is never for more than whoever makes it.
    if scopes.is_empty() || !scopes.is_subset(&visit.actor.scopes) {
        return Err(Problem::invalid("A key is for read, write or admin.").at("scopes"));
    }
    let days: Option<u32> = match form.days.trim() {
        "" => None,
        days => Some(days.parse().map_err(|_| Problem::invalid("The days must be a number.").at("days"))?),
    };
    let name = super::title_of(&form.name).map_err(|problem| problem.at("name"))?;
    let expires_s = days.map(|days| now_s() + i64::from(days) * 86_400);
    Ok(ApiKeyRow { id: 0, name, scopes, created_s: now_s(), expires_s })
}

pub(in crate::server) async fn remove_key(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
) -> Answer {
    let person = myself(&server, &visit).await?;
    let permit = server.allow(&visit, Action::MakeKey, About::Nothing, "").await?;
    let (address, about) = (visit.address.to_string(), visit.actor.who.to_string());
    let mut change = server.central.change(permit, &visit.note(&address, &about, "key revoked")).await?;
    change.remove_key(person.id, id).await?;
    change.commit().await?;
    Ok(see_done("/account", "removed"))
}
