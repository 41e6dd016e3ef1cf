//! The policy: seen by those who run the server, changed by administrators.

use std::collections::BTreeSet;

use axum::{
    Extension, Form,
    extract::{Query, RawForm, State},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, files, home, see_done};
use crate::{
    access::{About, Action, Actor, Exam, GroupId, PersonId, Who, explain as explain_rules},
    server::{
        Server,
        caller::Visit,
        now_s,
        pages::{self, Frame, PolicyPage},
        policy_fields::{difference, read},
        problem::Problem,
    },
    share::{Root, ShareId},
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
        groups: server.central.groups().await?,
        people: server.central.people().await?,
        shares: server.central.shares_before(i64::MAX, 100).await?,
        may_change: server.would_allow(visit, Action::ChangePolicy, About::Nothing),
        may_block: server.would_allow(visit, Action::BlockContent, About::Nothing),
        explained: None,
        now_s: now_s(),
    })
}

pub(in crate::server) async fn change(
    State(server): OurServer,
    Extension(visit): Caller,
    RawForm(form): RawForm,
) -> Answer {
    let permit = server.allow(&visit, Action::ChangePolicy, About::Nothing, "policy").await?;
    let fields = files::fields(&form);
    let policy = read(&fields, &server.policy()).map_err(Problem::invalid)?;
    let address = visit.address.to_string();
    let detail = difference(&server.policy(), &policy);
    server.change_policy(permit, &visit.note(&address, "policy", &detail), policy).await?;
    Ok(see_done("/admin/policy", "changed"))
}

pub(in crate::server) async fn exam(
    State(server): OurServer,
    Extension(visit): Caller,
    RawForm(form): RawForm,
) -> Answer {
    let permit = server.allow(&visit, Action::Exam, About::Nothing, "exam").await?;
    let fields = files::fields(&form);
    let all =
        |name: &str| fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect::<Vec<_>>();
    let address = visit.address.to_string();
    let mut policy = (*server.policy()).clone();
    if all("do").first().is_some_and(|what| what == "end") {
        policy.exam = None;
        server.change_policy(permit, &visit.note(&address, "exam", "ended"), policy).await?;
        return Ok(see_done("/admin/policy", "exam-over"));
    }
    let minutes =
        all("minutes").first().and_then(|text| text.parse::<i64>().ok()).filter(|minutes| (1..=1440).contains(minutes));
    let minutes = minutes.ok_or_else(|| Problem::invalid("An exam lasts 1 to 1440 minutes."))?;
    let groups = all("group").iter().map(|id| id.parse().map(GroupId)).collect::<Result<BTreeSet<_>, _>>();
    let handouts = all("share").iter().map(|id| id.parse::<ShareId>()).collect::<Result<BTreeSet<_>, _>>();
    let exam = Exam {
        until_s: now_s() + minutes * 60,
        groups: groups.map_err(|_| Problem::no_such("group"))?,
        handouts: handouts.map_err(|_| Problem::no_such("share"))?,
        hand_in: all("hand_in").first().is_some_and(|value| value == "yes"),
    };
    let detail = format!("{minutes} minutes, {} groups, {} shares", exam.groups.len(), exam.handouts.len());
    policy.exam = Some(exam);
    server.change_policy(permit, &visit.note(&address, "exam", &detail), policy).await?;
    Ok(see_done("/admin/policy", "exam"))
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
        share => Some(super::row_of(&server, share).await?.facts()),
    };
    let about = facts.as_ref().map_or(About::Nothing, About::Share);
    let steps = explain_rules(&server.policy(), &actor, action, about, now_s());
    let mut page = page_of(&server, &visit).await?;
    page.explained = Some((who, action, steps));
    Ok(pages::policy(&Frame::of(&server, &visit), &page).into_response())
}
