//! The policy: seen by those who run the server, changed by administrators.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::{Query, RawForm, State},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, files, home, see_done};
use crate::{
    access::{About, Action, Actor, PersonId, Policy, Who, explain as explain_rules},
    server::{
        Server,
        caller::Visit,
        now_s,
        pages::{self, Frame, PolicyPage},
        policy_fields::{difference, read, read_what_fits},
        problem::Problem,
    },
    share::Root,
};

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::Explain, About::Nothing, "").await?);
    let page = page_of(&server, &visit).await?;
    Ok(pages::policy(&Frame::of(&server, &visit).done(asked.done.as_deref()), &page).into_response())
}

async fn page_of(server: &Server, visit: &Visit) -> Result<PolicyPage, Problem> {
    Ok(PolicyPage {
        policy: server.policy(),
        people: server.central.people().await?,
        shares: super::home::look(server, visit, "", None, 100).await?.0.into_iter().map(|hit| hit.share).collect(),
        may_change: server.would_allow(visit, Action::ChangePolicy, About::Nothing),
        may_block: server.would_allow(visit, Action::BlockContent, About::Nothing),
        wrong: None,
        explained: None,
    })
}

/// The page once more, with what was typed and what is wrong.
async fn again(server: &Server, visit: &Visit, typed: Option<Policy>, problem: Problem) -> Answer {
    let mut page = page_of(server, visit).await?;
    if let Some(typed) = typed {
        page.policy = Arc::new(typed);
    }
    page.wrong = Some(problem.detail);
    Ok((problem.status, pages::policy(&Frame::of(server, visit), &page)).into_response())
}

pub(in crate::server) async fn change(
    State(server): OurServer,
    Extension(visit): Caller,
    RawForm(form): RawForm,
) -> Answer {
    let permit = server.allow(&visit, Action::ChangePolicy, About::Nothing, "policy").await?;
    let fields = files::fields(&form);
    let (version, fields): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name == "version");
    let newer = version.first().is_some_and(|(_, version)| *version != server.policy().version.to_string());
    if newer {
        drop(permit);
        let detail = "Somebody else changed the policy while you were editing it, so yours was not saved. \
            Check the current rules below and make your changes again.";
        return again(&server, &visit, None, Problem::conflict(detail)).await;
    }
    let policy = match read(&fields, &server.policy()) {
        Ok(policy) => policy,
        Err(wrong) => {
            drop(permit);
            let typed = read_what_fits(&fields, &server.policy());
            return again(&server, &visit, Some(typed), Problem::invalid(wrong)).await;
        }
    };
    let address = visit.address.to_string();
    let detail = difference(&server.policy(), &policy);
    server.change_policy(permit, &visit.note(&address, "policy", &detail), policy).await?;
    Ok(see_done("/admin/policy", "changed"))
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Block {
    root: String,
    #[serde(default)]
    note: String,
    #[serde(rename = "do")]
    what: String,
}

pub(in crate::server) async fn block(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<Block>,
) -> Answer {
    let root = form.root.trim().to_lowercase();
    let bytes = data_encoding::HEXLOWER.decode(root.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let content = Root(bytes.ok_or_else(|| Problem::invalid("A hash has 64 hexadecimal digits."))?);
    let permit = server.allow(&visit, Action::BlockContent, About::Nothing, &root).await?;
    let mut policy = (*server.policy()).clone();
    let note = super::title_of(&form.note)?;
    let (detail, done) = match form.what.as_str() {
        "allow" => {
            policy.blocked.remove(&content);
            ("allowed again".to_owned(), "changed")
        }
        _ => {
            policy.blocked.insert(content, note.clone());
            (format!("forbidden: {note}"), "blocked")
        }
    };
    let address = visit.address.to_string();
    server.change_policy(permit, &visit.note(&address, &root, &detail), policy).await?;
    Ok(see_done("/admin/policy", done))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Question {
    person: String,
    action: String,
    share: String,
}

/// Could somebody do something? Why not?
pub(in crate::server) async fn explain(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Question>,
) -> Answer {
    drop(server.allow(&visit, Action::Explain, About::Nothing, "").await?);
    let action = Action::ALL.iter().copied().find(|action| action.name() == asked.action);
    let action = action.ok_or_else(|| Problem::no_such("action"))?;
    let (who, actor) = match asked.person.as_str() {
        "" => ("a guest".to_owned(), Actor::guest()),
        id => {
            let id = PersonId(id.parse().map_err(|_| Problem::no_such("account"))?);
            let person = server.central.person(id).await?.ok_or_else(|| Problem::no_such("account"))?;
            let groups = server.central.groups_of(id).await?;
            let mut actor = Actor::of(Who::Person(id), person.role, groups);
            actor.second_factor = person.totp.is_some();
            (person.shown, actor)
        }
    };
    let facts = match asked.share.as_str() {
        "" => None,
        share => Some(super::row_for(&server, &visit, share, Action::SeeShare).await?.0.facts()),
    };
    let about = facts.as_ref().map_or(About::Nothing, About::Share);
    let steps = explain_rules(&server.policy(), &actor, action, about, now_s());
    let mut page = page_of(&server, &visit).await?;
    page.explained = Some((who, action, steps));
    Ok(pages::policy(&Frame::of(&server, &visit), &page).into_response())
}
