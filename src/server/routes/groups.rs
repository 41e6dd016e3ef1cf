//! Groups, for teachers and administrators.

use axum::{
    Extension, Form,
    extract::{Path, State},
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, people, see_done};
use crate::{
    access::{About, Action, GroupId},
    server::{
        Server,
        caller::Visit,
        pages::{self, Frame, TypedForm},
        problem::Problem,
    },
};

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Group {
    name: String,
    #[serde(default, rename = "do")]
    what: String,
    #[serde(default)]
    version: String,
}

pub(in crate::server) async fn add(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<Group>,
) -> Answer {
    match add_one(&server, &visit, &form.name).await {
        Ok(()) => Ok(see_done("/admin/people", "added")),
        Err(problem) => again(&server, &visit, None, &form, problem).await,
    }
}

async fn add_one(server: &Server, visit: &Visit, typed: &str) -> Result<(), Problem> {
    let name = name_of(typed)?;
    let about = format!("group:{name}");
    let permit = server.allow(visit, Action::ChangeGroups, About::Nothing, &about).await?;
    let address = visit.address.to_string();
    let mut change = server.central.change(permit, &visit.note(&address, &about, "new")).await?;
    change.add_group(&name).await?;
    Ok(change.commit().await?)
}

pub(in crate::server) async fn change(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
    Form(form): Form<Group>,
) -> Answer {
    match change_one(&server, &visit, GroupId(id), &form).await {
        Ok(done) => Ok(see_done("/admin/people", done)),
        Err(problem) => again(&server, &visit, Some(GroupId(id)), &form, problem).await,
    }
}

async fn change_one(server: &Server, visit: &Visit, id: GroupId, form: &Group) -> Result<&'static str, Problem> {
    let name = name_of(&form.name)?;
    let about = format!("group:{id}");
    let permit = server.allow(visit, Action::ChangeGroups, About::Nothing, &about).await?;
    let address = visit.address.to_string();
    let removes = form.what == "remove";
    let detail = if removes { format!("removed {name}") } else { format!("renamed {name}") };
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    change.expect_group(id, &form.version).await?;
    match removes {
        true => change.remove_group(id).await?,
        false => change.rename_group(id, &name).await?,
    }
    change.commit().await?;
    Ok(if removes { "removed" } else { "changed" })
}

/// The page with the form as it was filled in. A group that somebody else changed is shown as it stands.
async fn again(
    server: &std::sync::Arc<Server>,
    visit: &Visit,
    group: Option<GroupId>,
    form: &Group,
    problem: Problem,
) -> Answer {
    if !problem.is_of_form() {
        return Err(problem);
    }
    let mut page = people::page_of(server, visit).await?;
    let refused = problem.clone();
    let fields = [("name", form.name.as_str())];
    let fields = if problem.code == "changed" { &[][..] } else { &fields[..] };
    page.group = Some((group, TypedForm::new(problem.at("name"), fields)));
    Ok(refused.with_form(pages::people(&Frame::of(server, visit), &page)))
}

pub(in crate::server) fn name_of(typed: &str) -> Result<String, Problem> {
    let name = super::title_of(typed)?;
    if name.contains('\u{FFFD}') {
        return Err(Problem::invalid("A letter of this name could not be read (�). Type it again."));
    }
    if name.is_empty() || name.len() > 60 {
        return Err(Problem::invalid("A group needs a name of at most 60 letters."));
    }
    Ok(name)
}
