//! Accounts at the console: a whole class at once, groups of one person, removal.

use std::collections::BTreeSet;

use super::{Admin, AdminError, note, permit};
use crate::{
    access::{Action, GroupId, PersonId, Role},
    server::{
        class_list::{self, Line, Step},
        routes::class_import,
    },
    store::central::PersonChange,
};

/// One line of a list that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedPerson {
    /// In the list.
    pub line: u64,
    pub name: String,
    pub shown: String,
    /// `Err`: why nothing was done.
    pub done: Result<Imported, String>,
}

/// What was done for somebody of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// There is a new account with this first password.
    Made { password: String },
    /// There was an account already. What changed of it: `moved from 7b to 8b`.
    Here(String),
}

impl Admin {
    /// Makes an account for each line of a list (`name, signs in as, group`), and moves those who have one into the group of
    /// their line. A line that can't be taken keeps nobody else from getting theirs. `Err`: the list as a whole can't be
    /// understood, and nothing was done.
    pub async fn import_people(&self, list: &[u8]) -> Result<Vec<ImportedPerson>, AdminError> {
        let list = class_list::text_of(list).and_then(|text| class_list::parse(&text)).map_err(AdminError::Invalid)?;
        let unread = |wrong: class_list::Wrong| ImportedPerson {
            line: wrong.number,
            name: String::new(),
            shown: wrong.text,
            done: Err(wrong.reason),
        };
        let mut imported: Vec<ImportedPerson> = list.wrong.into_iter().map(unread).collect();
        let known = class_import::known(&self.central).await?;
        for (line, step) in list.people.iter().zip(class_list::plan(&list.people, &known)) {
            let (name, done) = self.import(line, step).await;
            imported.push(ImportedPerson { line: line.number, name, shown: line.shown.clone(), done });
        }
        imported.sort_by_key(|person| person.line);
        Ok(imported)
    }

    async fn import(&self, line: &Line, step: Step) -> (String, Result<Imported, String>) {
        match step {
            Step::Make { login } => {
                let group = Some(line.group.as_str()).filter(|group| !group.is_empty());
                let made = self.add_person(&login, &line.shown, Role::Student, group).await;
                (login, made.map(|password| Imported::Made { password }).map_err(|error| error.to_string()))
            }
            Step::Join { person, login, leaves } => {
                let moved = self.move_person(person, &leaves, &line.group).await;
                (login, moved.map(Imported::Here).map_err(|error| error.to_string()))
            }
            Step::Stays { login } => (login, Ok(Imported::Here("is here already".to_owned()))),
            Step::Refused { login, reason } => (login, Err(reason)),
        }
    }

    async fn move_person(
        &self,
        person: PersonId,
        leaves: &BTreeSet<GroupId>,
        group: &str,
    ) -> Result<String, AdminError> {
        let group = super::groups::checked(group)?;
        let names = self.central.groups().await?.into_iter().map(|group| (group.id, group.name)).collect();
        let said = class_list::moved(&names, leaves, &group);
        let about = format!("person:{person}");
        let mut change = self.central.change(permit(Action::ChangePerson)?, &note(&about, &said)).await?;
        class_import::move_person(&mut change, person, leaves, &group).await?;
        change.commit().await?;
        Ok(said)
    }

    /// Removes an account. Its shares stay.
    pub async fn remove_person(&self, name: &str) -> Result<(), AdminError> {
        let person = self.named(name).await?;
        let about = format!("person:{}", person.id);
        let detail = format!("{} {}", person.name, person.shown);
        let mut change = self.central.change(permit(Action::RemovePerson)?, &note(&about, &detail)).await?;
        change.remove_person(person.id).await?;
        Ok(change.commit().await?)
    }

    /// Gives somebody another name to be seen with.
    pub async fn show_person_as(&self, name: &str, shown: &str) -> Result<(), AdminError> {
        let person = self.named(name).await?;
        let shown = &super::shown_of(shown)?;
        let about = format!("person:{}", person.id);
        let mut change = self.central.change(permit(Action::ChangePerson)?, &note(&about, shown)).await?;
        change.change_person(person.id, &PersonChange { shown: Some(shown), ..PersonChange::default() }).await?;
        Ok(change.commit().await?)
    }
}
