//! People and groups, for teachers and administrators.

use std::collections::BTreeSet;

use axum::{
    Extension, Form,
    extract::{Path, Query, RawForm, State},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, files, home, see_done, setup::name_of};
use crate::{
    access::{About, Action, GroupId, PersonFacts, PersonId, Role},
    server::{
        Server,
        caller::Visit,
        class_list, now_s,
        pages::{self, Frame, OnePerson, PeoplePage},
        problem::Problem,
        tokens,
    },
    store::central::{NewPerson, PersonChange, PersonRow},
};

/// A class, or a whole year; more at once would keep the hashing busy for minutes.
const IMPORT_MAX: usize = 500;

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

async fn page_of(server: &Server, visit: &Visit) -> Result<PeoplePage, Problem> {
    Ok(PeoplePage {
        people: server.central.people().await?,
        memberships: server.central.memberships().await?,
        groups: server.central.groups().await?,
        roles: roles_for(server, visit),
        made: vec![],
        wrong: vec![],
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
    let role: Role =
        form.role.parse().map_err(|error: crate::access::RoleError| Problem::invalid(error.to_string()))?;
    let group = match form.group.as_str() {
        "" => None,
        id => Some(GroupId(id.parse().map_err(|_| Problem::no_such("group"))?)),
    };
    let mut page_made = vec![];
    let made = make(&server, &visit, &form.shown, &form.name, role, group, None).await?;
    page_made.push(made);
    let mut page = page_of(&server, &visit).await?;
    page.made = page_made;
    Ok(pages::people(&Frame::of(&server, &visit), &page).into_response())
}

/// Makes an account with a first password. Returns what is shown once: name, name to sign in with, password.
async fn make(
    server: &Server,
    visit: &Visit,
    shown: &str,
    name: &str,
    role: Role,
    group: Option<GroupId>,
    group_name: Option<&str>,
) -> Result<(String, String, String), Problem> {
    let facts = PersonFacts { id: PersonId(0), role: Role::Guest, new_role: role };
    let name = name_of(name)?;
    let about = format!("name:{name}");
    let permit = server.allow(visit, Action::AddPerson, About::Person(&facts), &about).await?;
    let shown = super::title_of(shown)?;
    let shown = if shown.is_empty() { name.clone() } else { shown };
    let password = tokens::typed_code().to_lowercase();
    let hash = server.hashing.hash(&password).await?;
    let address = visit.address.to_string();
    let detail = format!("{role} {shown}");
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    let new =
        NewPerson { name: &name, shown: &shown, role, password: Some(&hash), must_change: true, created_s: now_s() };
    let id = change.add_person(&new).await?;
    let group = match group_name {
        Some(name) if !name.is_empty() => Some(change.group_named(name).await?),
        _ => group,
    };
    if let Some(group) = group {
        change.join_group(group, id).await?;
    }
    change.commit().await?;
    Ok((shown, name, password))
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct List {
    list: String,
}

/// A class as CSV. Lines that can't be taken are told with their numbers; the others are.
pub(in crate::server) async fn import(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<List>,
) -> Answer {
    drop(server.allow(&visit, Action::AddPerson, About::Nothing, "import").await?);
    drop(server.allow(&visit, Action::ChangeGroups, About::Nothing, "import").await?);
    let (lines, mut wrong) = class_list::parse(&form.list);
    if lines.len() > IMPORT_MAX {
        return Err(Problem::invalid("A list has at most 500 people. Import them in parts."));
    }
    let mut made = vec![];
    for line in lines {
        let group = Some(line.group.as_str());
        match make(&server, &visit, &line.shown, &line.name, Role::Student, None, group).await {
            Ok(person) => made.push(person),
            Err(problem) => wrong.push(format!("Line {}: {} ({})", line.number, problem.detail, line.shown)),
        }
    }
    let mut page = page_of(&server, &visit).await?;
    (page.made, page.wrong) = (made, wrong);
    Ok(pages::people(&Frame::of(&server, &visit), &page).into_response())
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
    let one = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let person = found(&server, id).await?;
    let role = match one("role") {
        Some(role) => role.parse().map_err(|error: crate::access::RoleError| Problem::invalid(error.to_string()))?,
        None => person.role,
    };
    let facts = PersonFacts { id: person.id, role: person.role, new_role: role };
    let about = format!("person:{id}");
    let permit = server.allow(&visit, Action::ChangePerson, About::Person(&facts), &about).await?;
    let address = visit.address.to_string();
    let at = format!("/admin/people/{id}");
    match one("do") {
        Some("password") => {
            let password = tokens::typed_code().to_lowercase();
            let hash = server.hashing.hash(&password).await?;
            let detail = "new password, two-factor sign-in off";
            let mut change = server.central.change(permit, &visit.note(&address, &about, detail)).await?;
            // Whoever stole the account may have set up codes of their own, which would lock its owner out.
            let new = PersonChange { password: Some((&hash, true)), totp: Some(None), ..PersonChange::default() };
            change.change_person(person.id, &new).await?;
            change.commit().await?;
            let page = one_of(&server, &visit, found(&server, id).await?).await?;
            Ok(pages::person_with_password(&Frame::of(&server, &visit), page, password).into_response())
        }
        Some("codes") => {
            let mut change = server.central.change(permit, &visit.note(&address, &about, "one-time codes off")).await?;
            change.change_person(person.id, &PersonChange { totp: Some(None), ..PersonChange::default() }).await?;
            change.commit().await?;
            Ok(see_done(&at, "codes-off"))
        }
        _ => {
            let groups = fields.iter().filter(|(key, _)| key == "group").map(|(_, id)| id.parse().map(GroupId));
            let groups: BTreeSet<GroupId> = groups.collect::<Result<_, _>>().map_err(|_| Problem::no_such("group"))?;
            let shown = super::title_of(one("shown").unwrap_or(&person.shown))?;
            let active = one("active") == Some("yes");
            let may = if active { "may sign in" } else { "switched off" };
            let known = server.central.groups().await?;
            let names = known.iter().filter(|known| groups.contains(&known.id)).map(|known| known.name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            let of = if names.is_empty() { "in no group".to_owned() } else { format!("in {names}") };
            let detail = format!("{role} {shown}, {may}, {of}");
            let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
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

pub(in crate::server) async fn remove(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
    Form(form): Form<super::Sure>,
) -> Answer {
    form.must_be_ticked("the account")?;
    let person = found(&server, id).await?;
    let facts = PersonFacts { id: person.id, role: person.role, new_role: person.role };
    let about = format!("person:{id}");
    let permit = server.allow(&visit, Action::RemovePerson, About::Person(&facts), &about).await?;
    let address = visit.address.to_string();
    let detail = format!("{} {}", person.name, person.shown);
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    change.remove_person(person.id).await?;
    change.commit().await?;
    Ok(see_done("/admin/people", "removed"))
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Group {
    name: String,
    #[serde(default, rename = "do")]
    what: String,
}

pub(in crate::server) async fn add_group(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<Group>,
) -> Answer {
    let name = group_name(&form.name)?;
    let about = format!("group:{name}");
    let permit = server.allow(&visit, Action::ChangeGroups, About::Nothing, &about).await?;
    let address = visit.address.to_string();
    let mut change = server.central.change(permit, &visit.note(&address, &about, "new")).await?;
    change.add_group(&name).await?;
    change.commit().await?;
    Ok(see_done("/admin/people", "added"))
}

pub(in crate::server) async fn change_group(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
    Form(form): Form<Group>,
) -> Answer {
    let name = group_name(&form.name)?;
    let about = format!("group:{id}");
    let permit = server.allow(&visit, Action::ChangeGroups, About::Nothing, &about).await?;
    let address = visit.address.to_string();
    let removes = form.what == "remove";
    let detail = if removes { format!("removed {name}") } else { format!("renamed {name}") };
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    match removes {
        true => change.remove_group(GroupId(id)).await?,
        false => change.rename_group(GroupId(id), &name).await?,
    }
    change.commit().await?;
    Ok(see_done("/admin/people", if removes { "removed" } else { "changed" }))
}

fn group_name(typed: &str) -> Result<String, Problem> {
    let name = super::title_of(typed)?;
    if name.is_empty() || name.len() > 60 {
        return Err(Problem::invalid("A group needs a name of at most 60 letters."));
    }
    Ok(name)
}
