//! `handout admin groups`.

use serde::Serialize;

use super::{done, failed, list};
use crate::{
    cli::{Column, Exit, Output, admin_args::GroupsCommand},
    server::Admin,
};

#[derive(Serialize)]
struct GroupLine {
    name: String,
    members: u64,
}

pub(super) async fn act(admin: &Admin, command: Option<GroupsCommand>, output: &Output) -> Result<(), Exit> {
    match command.unwrap_or(GroupsCommand::List) {
        GroupsCommand::List => {
            let groups = admin.groups().await.map_err(failed)?.into_iter();
            let lines: Vec<_> = groups.map(|group| GroupLine { name: group.name, members: group.members }).collect();
            let columns = [Column::flexible("GROUP"), Column::right("MEMBERS")];
            list(output, &lines, &columns, |line| [line.name.clone(), line.members.to_string()])
        }
        GroupsCommand::Add { group } => {
            admin.add_group(&group).await.map_err(failed)?;
            done(output, &format!("The group {group} was made."))
        }
        GroupsCommand::Rename { group, new } => {
            admin.rename_group(&group, &new).await.map_err(failed)?;
            done(output, &format!("{group} is called {new} now."))
        }
        GroupsCommand::Remove { group } => {
            admin.remove_group(&group).await.map_err(failed)?;
            done(output, &format!("The group {group} was removed; its people stay."))
        }
        GroupsCommand::AddMember { group, name } => {
            admin.set_member(&group, &name, true).await.map_err(failed)?;
            done(output, &format!("{name} is in {group}."))
        }
        GroupsCommand::RemoveMember { group, name } => {
            admin.set_member(&group, &name, false).await.map_err(failed)?;
            done(output, &format!("{name} is not in {group} any more."))
        }
    }
}
