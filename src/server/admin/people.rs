//! Accounts at the console: a whole class at once, groups of one person, removal.

use super::{Admin, AdminError, note, permit};
use crate::{
    access::{Action, Role},
    server::class_list,
    store::central::PersonChange,
};

/// One line of a list that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedPerson {
    /// In the list.
    pub line: u64,
    pub name: String,
    pub shown: String,
    /// The first password, or why there is no account.
    pub made: Result<String, String>,
}

impl Admin {
    /// Makes an account for each line of a list (`name, signs in as, group`). A line that can't be taken keeps nobody else
    /// from getting theirs. `Err`: the list can't be read from a line on; what came before is not taken either.
    pub async fn import_people(&self, list: &str) -> Result<Vec<ImportedPerson>, AdminError> {
        let (lines, wrong) = class_list::parse(list);
        if let Some(wrong) = wrong.into_iter().next() {
            return Err(AdminError::Invalid(wrong));
        }
        let mut imported = vec![];
        for line in lines {
            let group = Some(line.group.as_str()).filter(|group| !group.is_empty());
            let made = self.add_person(&line.name, &line.shown, Role::Student, group).await;
            imported.push(ImportedPerson {
                line: line.number,
                name: line.name,
                shown: line.shown,
                made: made.map_err(|error| error.to_string()),
            });
        }
        Ok(imported)
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
        let about = format!("person:{}", person.id);
        let mut change = self.central.change(permit(Action::ChangePerson)?, &note(&about, shown)).await?;
        change.change_person(person.id, &PersonChange { shown: Some(shown), ..PersonChange::default() }).await?;
        Ok(change.commit().await?)
    }
}
