//! The first administrator signs up, with the code from the console.

use axum::{
    Extension, Form,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, people, see, see_done, sign_in};
use crate::{
    access::{About, Action, Actor, Decision, Role, decide},
    server::{
        now_s,
        pages::{self, Frame, TypedForm},
        passwords,
        problem::Problem,
        setup_code,
        throttle::place,
    },
    store::central::NewPerson,
};

#[derive(Debug, Deserialize)]
pub(in crate::server) struct SignUp {
    code: String,
    shown: String,
    name: String,
    password: String,
}

pub(in crate::server) async fn page(State(server): OurServer, Extension(visit): Caller) -> Answer {
    if !setup_code::is_open(&server).await? {
        return Ok(see("/sign-in"));
    }
    Ok(pages::setup(&Frame::of(&server, &visit), &TypedForm::default()).into_response())
}

pub(in crate::server) async fn sign_up(
    State(server): OurServer,
    Extension(visit): Caller,
    headers: HeaderMap,
    Form(form): Form<SignUp>,
) -> Answer {
    // 50 bits can't be guessed at this rate from however many places, and no place holds up another.
    let attempt = server.attempt_at(format!("setup@{}", place(visit.address))).await?;
    let again = |problem: Problem| {
        // The code is typed again only where it is the fault.
        let code = if problem.field == Some("code") { "" } else { form.code.as_str() };
        let fields = [("code", code), ("shown", &form.shown), ("name", &form.name)];
        let page = pages::setup(&Frame::of(&server, &visit), &TypedForm::new(problem, &fields));
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    if !setup_code::is_right(&server, &form.code).await? {
        let wrong = Problem::invalid("That is not the setup code that the terminal of this server shows.");
        return again(wrong.at("code"));
    }
    attempt.was_right(&server).await?;
    let name = match name_of(&form.name) {
        Ok(name) => name,
        Err(problem) => return again(problem.at("name")),
    };
    if let Err(problem) = passwords::acceptable(&form.password, &name) {
        return again(problem.at("password"));
    }
    let shown = match people::shown_of(&form.shown) {
        Ok(shown) => shown,
        Err(problem) => return again(problem),
    };
    let password = server.hashing.hash(&form.password).await?;
    // Whoever has the code is trusted like somebody at the console.
    let permit = match decide(&server.policy(), &Actor::console(), Action::AddPerson, About::Nothing, now_s()) {
        Decision::Allow(permit) => permit,
        Decision::Deny(reason) => return Err(Problem::refused(&reason)),
    };
    if !setup_code::use_up(&server).await? {
        return again(Problem::conflict("Somebody else was faster with this code."));
    }
    let address = visit.address.to_string();
    let about = format!("name:{name}");
    let mut change = server.central.change(permit, &visit.note(&address, &about, "the first owner")).await?;
    let new = NewPerson {
        name: &name,
        shown: if shown.is_empty() { &name } else { &shown },
        role: Role::Owner,
        password: Some(&password),
        must_change: false,
        created_s: now_s(),
    };
    let id = change.add_person(&new).await?;
    change.commit().await?;
    let person = server.central.person(id).await?.ok_or_else(|| Problem::no_such("account"))?;
    sign_in::begin(&server, &visit, &headers, &person, false, see_done("/", "welcome")).await
}

/// The name that somebody signs in with.
pub(super) fn name_of(typed: &str) -> Result<String, Problem> {
    let name = typed.trim().to_lowercase();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-@".contains(letter);
    if (1..=60).contains(&name.len()) && name.chars().all(fits) {
        Ok(name)
    } else {
        Err(Problem::invalid(
            "The name to sign in with has letters a–z, digits, dots, hyphens and underscores, at most 60.",
        ))
    }
}
