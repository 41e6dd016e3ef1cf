//! Groups at the console: classes, rooms, clubs.

use super::{Admin, AdminError, note, permit};
use crate::{access::Action, store::central::GroupRow};

impl Admin {
    pub async fn groups(&self) -> Result<Vec<GroupRow>, AdminError> {
        Ok(self.central.groups().await?)
    }

    pub async fn add_group(&self, name: &str) -> Result<(), AdminError> {
        let about = format!("group:{name}");
        let mut change = self.central.change(permit(Action::ChangeGroups)?, &note(&about, "new")).await?;
        change.add_group(&checked(name)?).await?;
        Ok(change.commit().await?)
    }

    pub async fn rename_group(&self, name: &str, new: &str) -> Result<(), AdminError> {
        let group = self.group(name).await?;
        let about = format!("group:{}", group.id);
        let detail = format!("renamed {new}");
        let mut change = self.central.change(permit(Action::ChangeGroups)?, &note(&about, &detail)).await?;
        change.rename_group(group.id, &checked(new)?).await?;
        Ok(change.commit().await?)
    }

    /// The people in it stay; shares for it are for nobody but their owners.
    pub async fn remove_group(&self, name: &str) -> Result<(), AdminError> {
        let group = self.group(name).await?;
        let about = format!("group:{}", group.id);
        let detail = format!("removed {name}");
        let mut change = self.central.change(permit(Action::ChangeGroups)?, &note(&about, &detail)).await?;
        change.remove_group(group.id).await?;
        Ok(change.commit().await?)
    }

    /// Puts somebody into a group, or takes them out.
    pub async fn set_member(&self, group: &str, person: &str, member: bool) -> Result<(), AdminError> {
        let (group, person) = (self.group(group).await?, self.named(person).await?);
        if self.central.groups_of(person.id).await?.contains(&group.id) == member {
            return Ok(());
        }
        let about = format!("person:{}", person.id);
        let detail = format!("{} group {}", if member { "into" } else { "out of" }, group.name);
        let mut change = self.central.change(permit(Action::ChangeGroups)?, &note(&about, &detail)).await?;
        match member {
            true => change.join_group(group.id, person.id).await?,
            false => change.leave_group(group.id, person.id).await?,
        }
        Ok(change.commit().await?)
    }

    pub(super) async fn group(&self, name: &str) -> Result<GroupRow, AdminError> {
        let found = self.central.groups().await?.into_iter().find(|group| group.name == name.trim());
        found.ok_or_else(|| AdminError::NoSuch { what: "group", named: name.to_owned() })
    }
}

pub(super) fn checked(name: &str) -> Result<String, AdminError> {
    crate::server::routes::groups::name_of(name).map_err(|problem| AdminError::Invalid(problem.detail))
}
