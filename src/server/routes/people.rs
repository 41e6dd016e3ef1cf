//! People, for teachers and administrators.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension, Form,
    extract::{Path, Query, RawForm, State},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, files, groups, home, see_done, setup::name_of};
use crate::{
    access::{About, Action, GroupId, PersonFacts, PersonId, Role},
    server::{
        Server,
        caller::Visit,
        now_s,
        pages::{self, Frame, OnePerson, PeoplePage, TypedForm},
        problem::Problem,
        tokens,
    },
    store::central::{NewPerson, PersonChange, PersonRow},
};

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeePeople, About::Nothing, "").await?);
    let page = page_of(&server, &visit).await?;
    let frame = Frame::of(&server, &visit).done(asked.done.as_deref());
    Ok(pages::people(&frame, &page).into_response())
}

pub(super) async fn page_of(server: &Server, visit: &Visit) -> Result<PeoplePage, Problem> {
    Ok(PeoplePage {
        people: server.central.people().await?,
        memberships: server.central.memberships().await?,
        groups: server.central.groups().await?,
        roles: roles_for(server, visit),
        ..PeoplePage::default()
    })
}

/// The roles that whoever looks may give.
fn roles_for(server: &Server, visit: &Visit) -> Vec<Role> {
    let may = |role: &Role| {
        let person = PersonFacts { id: PersonId(0), role: Role::Guest, new_role: *role };
        server.would_allow(visit, Action::AddPerson, About::Person(&person))
    };
    Role::ALL.into_iter().filter(|role| *role > Role::Guest).filter(may).collect()
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Added {
    shown: String,
    name: String,
    role: String,
    #[serde(default)]
    group: String,
}

pub(in crate::server) async fn add(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<Added>,
) -> Answer {
    let made = add_one(&server, &visit, &form).await;
    let mut page = page_of(&server, &visit).await?;
    match made {
        Ok(made) => page.made = vec![made],
        Err(problem) if problem.is_of_form() => {
            let refused = problem.clone();
            let fields = [("shown", &form.shown), ("name", &form.name), ("role", &form.role), ("group", &form.group)];
            page.add = TypedForm::new(problem, &fields.map(|(field, value)| (field, value.as_str())));
            return Ok(refused.with_form(pages::people(&Frame::of(&server, &visit), &page)));
        }
        Err(problem) => return Err(problem),
    }
    Ok(pages::people(&Frame::of(&server, &visit), &page).into_response())
}

async fn add_one(server: &Server, visit: &Visit, form: &Added) -> Result<FirstPassword, Problem> {
    let role: Role =
        form.role.parse().map_err(|error: crate::access::RoleError| Problem::invalid(error.to_string()).at("role"))?;
    let group = match form.group.as_str() {
        "" => None,
        id => Some(GroupId(id.parse().map_err(|_| Problem::no_such("group"))?)),
    };
    make(server, visit, &form.shown, &form.name, role, InGroup::Known(group)).await
}

/// The group that somebody comes into.
pub(super) enum InGroup<'a> {
    Known(Option<GroupId>),
    /// Made where there is none.
    Named(&'a str),
}

/// A name as it is shown: one that came in letters that could not be read is none.
pub(in crate::server) fn shown_of(typed: &str) -> Result<String, Problem> {
    if typed.contains('\u{FFFD}') {
        return Err(Problem::invalid("A letter of this name could not be read (�). Type it again.").at("shown"));
    }
    super::title_of(typed).map_err(|problem| problem.at("shown"))
}

/// What is shown once of a new account: name, name to sign in with, password.
type FirstPassword = (String, String, String);

/// Makes an account with a first password.
pub(super) async fn make(
    server: &Server,
    visit: &Visit,
    shown: &str,
    name: &str,
    role: Role,
    group: InGroup<'_>,
) -> Result<FirstPassword, Problem> {
    let facts = PersonFacts { id: PersonId(0), role: Role::Guest, new_role: role };
    let name = name_of(name).map_err(|problem| problem.at("name"))?;
    let about = format!("name:{name}");
    let permit = server.allow(visit, Action::AddPerson, About::Person(&facts), &about).await?;
    let shown = shown_of(shown)?;
    let shown = if shown.is_empty() { name.clone() } else { shown };
    let password = tokens::typed_code().to_lowercase();
    let hash = server.hashing.hash(&password).await?;
    let address = visit.address.to_string();
    let detail = format!("{role} {shown}");
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    let new =
        NewPerson { name: &name, shown: &shown, role, password: Some(&hash), must_change: true, created_s: now_s() };
    let id = change.add_person(&new).await.map_err(|error| Problem::from(error).at("name"))?;
    let group = match group {
        InGroup::Named(name) if !name.is_empty() => Some(change.group_named(&groups::name_of(name)?).await?),
        InGroup::Named(_) => None,
        InGroup::Known(group) => group,
    };
    if let Some(group) = group {
        change.join_group(group, id).await?;
    }
    change.commit().await?;
    Ok((shown, name, password))
}

pub(in crate::server) async fn one(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeePeople, About::Nothing, "").await?);
    let person = found(&server, id).await?;
    let page = one_of(&server, &visit, person).await?;
    Ok(pages::person(&Frame::of(&server, &visit).done(asked.done.as_deref()), &page).into_response())
}

async fn found(server: &Server, id: i64) -> Result<PersonRow, Problem> {
    server.central.person(PersonId(id)).await?.ok_or_else(|| Problem::no_such("account"))
}

async fn one_of(server: &Server, visit: &Visit, person: PersonRow) -> Result<OnePerson, Problem> {
    let facts = PersonFacts { id: person.id, role: person.role, new_role: person.role };
    let mut roles = roles_for(server, visit);
    if !roles.contains(&person.role) {
        roles = vec![person.role];
    }
    Ok(OnePerson {
        groups: server.central.groups_of(person.id).await?,
        all_groups: server.central.groups().await?,
        roles,
        usage: server.central.usage(person.id).await?,
        may_remove: server.would_allow(visit, Action::RemovePerson, About::Person(&facts)),
        new_password: None,
        typed: TypedForm::default(),
        person,
    })
}

/// Name, role, groups and whether they may sign in; a new password; one-time codes off.
pub(in crate::server) async fn change(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
    RawForm(form): RawForm,
) -> Answer {
    let fields = files::fields(&form);
    let person = found(&server, id).await?;
    match change_one(&server, &visit, &person, &fields).await {
        Err(problem) if problem.is_of_form() => {
            let refused = problem.clone();
            let mut page = one_of(&server, &visit, found(&server, id).await?).await?;
            // What somebody else changed meanwhile is shown as it stands, so that saving again does not undo it.
            let typed: Vec<(&str, &str)> = match problem.code {
                "changed" => vec![],
                _ => fields.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect(),
            };
            page.typed = TypedForm::new(problem, &typed);
            Ok(refused.with_form(pages::person(&Frame::of(&server, &visit), &page)))
        }
        answer => answer,
    }
}

async fn change_one(server: &Arc<Server>, visit: &Visit, person: &PersonRow, fields: &[(String, String)]) -> Answer {
    let one = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let role = match one("role") {
        Some(role) => {
            role.parse().map_err(|error: crate::access::RoleError| Problem::invalid(error.to_string()).at("role"))?
        }
        None => person.role,
    };
    let facts = PersonFacts { id: person.id, role: person.role, new_role: role };
    let about = format!("person:{}", person.id);
    let permit = server.allow(visit, Action::ChangePerson, About::Person(&facts), &about).await?;
    let address = visit.address.to_string();
    let at = format!("/admin/people/{}", person.id);
    let version = one("version").unwrap_or("");
    match one("do") {
        Some("password") => {
            let password = tokens::typed_code().to_lowercase();
            let hash = server.hashing.hash(&password).await?;
            let detail = "new password, two-factor sign-in off";
            let mut change = server.central.change(permit, &visit.note(&address, &about, detail)).await?;
            change.expect_person(person.id, version).await?;
            // Whoever stole the account may have set up codes of their own, which would lock its owner out.
            let new = PersonChange { password: Some((&hash, true)), totp: Some(None), ..PersonChange::default() };
            change.change_person(person.id, &new).await?;
            change.commit().await?;
            let page = one_of(server, visit, found(server, person.id.0).await?).await?;
            Ok(pages::person_with_password(&Frame::of(server, visit), page, password).into_response())
        }
        Some("codes") => {
            let mut change = server.central.change(permit, &visit.note(&address, &about, "one-time codes off")).await?;
            change.expect_person(person.id, version).await?;
            change.change_person(person.id, &PersonChange { totp: Some(None), ..PersonChange::default() }).await?;
            change.commit().await?;
            Ok(see_done(&at, "codes-off"))
        }
        _ => {
            let groups = fields.iter().filter(|(key, _)| key == "group").map(|(_, id)| id.parse().map(GroupId));
            let groups: BTreeSet<GroupId> = groups.collect::<Result<_, _>>().map_err(|_| Problem::no_such("group"))?;
            let shown = shown_of(one("shown").unwrap_or(&person.shown))?;
            let active = one("active") == Some("yes");
            let detail = format!("{role} {shown}, {}", said_of(server, active, &groups).await?);
            let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
            change.expect_person(person.id, version).await?;
            let new = PersonChange {
                shown: Some(&shown).filter(|shown| !shown.is_empty()).map(String::as_str),
                role: Some(role),
                active: Some(active),
                ..PersonChange::default()
            };
            change.change_person(person.id, &new).await?;
            change.set_groups(person.id, &groups).await?;
            change.commit().await?;
            Ok(see_done(&at, "changed"))
        }
    }
}

/// For the audit log.
async fn said_of(server: &Server, active: bool, groups: &BTreeSet<GroupId>) -> Result<String, Problem> {
    let may = if active { "may sign in" } else { "switched off" };
    let known = server.central.groups().await?;
    let names = known.iter().filter(|known| groups.contains(&known.id)).map(|known| known.name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    Ok(if names.is_empty() { format!("{may}, in no group") } else { format!("{may}, in {names}") })
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Removed {
    #[serde(flatten)]
    sure: super::Sure,
    #[serde(default)]
    version: String,
}

pub(in crate::server) async fn remove(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
    Form(form): Form<Removed>,
) -> Answer {
    form.sure.must_be_ticked("the account")?;
    let person = found(&server, id).await?;
    let facts = PersonFacts { id: person.id, role: person.role, new_role: person.role };
    let about = format!("person:{id}");
    let permit = server.allow(&visit, Action::RemovePerson, About::Person(&facts), &about).await?;
    let address = visit.address.to_string();
    let detail = format!("{} {}", person.name, person.shown);
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    change.expect_person(person.id, &form.version).await?;
    change.remove_person(person.id).await?;
    change.commit().await?;
    Ok(see_done("/admin/people", "removed"))
}
