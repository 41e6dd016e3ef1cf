//! A whole class at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Extension, Form, body::Bytes, extract::State, response::IntoResponse as _};
use serde::Deserialize;

use super::{
    Answer, Caller, OurServer, groups,
    people::{InGroup, make, page_of},
};
use crate::{
    access::{About, Action, GroupId, PersonFacts, PersonId, Role},
    server::{
        Server,
        caller::Visit,
        class_list::{self, Known, List, Step},
        pages::{self, Frame, TypedForm},
        problem::Problem,
    },
    store::central::{Central, CentralError, Change},
};

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Sent {
    list: String,
}

/// The text of a file in whatever encoding it has, for the field that is imported from.
pub(in crate::server) async fn text(State(server): OurServer, Extension(visit): Caller, file: Bytes) -> Answer {
    drop(server.allow(&visit, Action::AddPerson, About::Nothing, "import").await?);
    Ok(class_list::text_of(&file).map_err(Problem::invalid)?.into_response())
}

/// Lines that can't be taken are told with their numbers; the others are. People who are here already come into the group
/// of their line.
pub(in crate::server) async fn import(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<Sent>,
) -> Answer {
    drop(server.allow(&visit, Action::AddPerson, About::Nothing, "import").await?);
    drop(server.allow(&visit, Action::ChangeGroups, About::Nothing, "import").await?);
    let list = match class_list::parse(&form.list) {
        Ok(list) => list,
        Err(reason) => return again(&server, &visit, &form.list, reason).await,
    };
    let (mut made, mut moved, mut wrong) = (vec![], vec![], vec![]);
    let List { people, wrong: unread } = list;
    for line in unread {
        wrong.push((line.number, format!("Line {}: {} ({})", line.number, line.reason, line.text)));
    }
    let known = known(&server.central).await?;
    let names = server.central.groups().await?.into_iter().map(|group| (group.id, group.name)).collect();
    for (line, step) in people.iter().zip(class_list::plan(&people, &known)) {
        let refused = match step {
            Step::Make { login } => {
                let done = make(&server, &visit, &line.shown, &login, Role::Student, InGroup::Named(&line.group));
                done.await.map(|person| made.push(person)).err().map(|problem| problem.detail)
            }
            Step::Join { person, login, leaves } => {
                let said = class_list::moved(&names, &leaves, &line.group);
                let done = join(&server, &visit, person, &leaves, (&line.group, &said)).await;
                done.map(|()| moved.push((line.shown.clone(), login, said))).err().map(|problem| problem.detail)
            }
            Step::Stays { login } => {
                moved.push((line.shown.clone(), login, "is here already".to_owned()));
                None
            }
            Step::Refused { reason, .. } => Some(reason),
        };
        if let Some(reason) = refused {
            wrong.push((line.number, format!("Line {}: {reason} ({})", line.number, line.shown)));
        }
    }
    wrong.sort();
    let mut page = page_of(&server, &visit).await?;
    (page.made, page.moved, page.wrong) = (made, moved, wrong.into_iter().map(|(_, said)| said).collect());
    Ok(pages::people(&Frame::of(&server, &visit), &page).into_response())
}

async fn again(server: &Arc<Server>, visit: &Visit, list: &str, reason: String) -> Answer {
    let problem = Problem::invalid(reason).at("list");
    let mut page = page_of(server, visit).await?;
    let refused = problem.clone();
    page.import = TypedForm::new(problem, &[("list", list)]);
    Ok(refused.with_form(pages::people(&Frame::of(server, visit), &page)))
}

/// Puts somebody who is here into the group of a line.
async fn join(
    server: &Server,
    visit: &Visit,
    person: PersonId,
    leaves: &BTreeSet<GroupId>,
    (group, said): (&str, &str),
) -> Result<(), Problem> {
    let facts = PersonFacts { id: person, role: Role::Student, new_role: Role::Student };
    let about = format!("person:{person}");
    let permit = server.allow(visit, Action::ChangePerson, About::Person(&facts), &about).await?;
    let group = groups::name_of(group)?;
    let address = visit.address.to_string();
    let mut change = server.central.change(permit, &visit.note(&address, &about, said)).await?;
    move_person(&mut change, person, leaves, &group).await?;
    Ok(change.commit().await?)
}

/// Into the group of that name, which is made where there is none.
pub(in crate::server) async fn move_person(
    change: &mut Change,
    person: PersonId,
    leaves: &BTreeSet<GroupId>,
    group: &str,
) -> Result<(), CentralError> {
    for left in leaves {
        change.leave_group(*left, person).await?;
    }
    let group = change.group_named(group).await?;
    change.join_group(group, person).await
}

/// Everybody with an account, for [`class_list::plan`].
pub(in crate::server) async fn known(central: &Central) -> Result<Vec<Known>, CentralError> {
    let names: BTreeMap<GroupId, String> =
        central.groups().await?.into_iter().map(|group| (group.id, group.name)).collect();
    let memberships = central.memberships().await?;
    let groups_of = |person: PersonId| {
        let ids = memberships.get(&person).into_iter().flatten();
        ids.filter_map(|id| names.get(id).map(|name| (*id, name.clone()))).collect()
    };
    let people = central.people().await?.into_iter();
    Ok(people
        .map(|person| Known {
            groups: groups_of(person.id),
            id: person.id,
            login: person.name,
            shown: person.shown,
            role: person.role,
        })
        .collect())
}
