//! `handout admin people`.

use std::io::Read as _;

use serde::Serialize;

use super::{done, failed, list};
use crate::{
    access::Role,
    cli::{Column, Exit, Output, Shown, admin_args::PeopleCommand},
    server::{Admin, ImportedAs},
};

/// A list is never longer than a school.
const LIST_BYTES_MAX: u64 = 4 << 20;

#[derive(Serialize)]
struct PersonLine {
    name: String,
    shown: String,
    role: &'static str,
    groups: Vec<String>,
    active: bool,
    one_time_codes: bool,
}

#[derive(Serialize)]
struct Password<'a> {
    name: &'a str,
    password: String,
}

#[derive(Serialize)]
struct Imported {
    line: u64,
    name: String,
    shown: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// What became of somebody who had an account already.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) async fn act(admin: &Admin, command: Option<PeopleCommand>, output: &Output) -> Result<(), Exit> {
    match command.unwrap_or(PeopleCommand::List) {
        PeopleCommand::List => people(admin, output).await,
        PeopleCommand::Add(new) => {
            let (role, shown) = (role_of(&new.role)?, new.shown.as_deref().unwrap_or(""));
            let password = admin.add_person(&new.name, shown, role, new.group.as_deref()).await;
            tell_password(&new.name, password.map_err(failed)?, output)
        }
        PeopleCommand::Import { file } => import(admin, &file, output).await,
        PeopleCommand::ResetPassword { name } => {
            let password = admin.reset_password(&name).await.map_err(failed)?;
            tell_password(&name, password, output)
        }
        PeopleCommand::SetRole { name, role } => {
            let role = role_of(&role)?;
            admin.change_person(&name, Some(role), None).await.map_err(failed)?;
            done(output, &format!("{name} has the role {role}, and is signed out everywhere."))
        }
        PeopleCommand::SetShown { name, shown } => {
            admin.show_person_as(&name, &shown).await.map_err(failed)?;
            done(output, &format!("Others see {name} as {shown}."))
        }
        PeopleCommand::SwitchOff { name } => {
            admin.change_person(&name, None, Some(false)).await.map_err(failed)?;
            done(output, &format!("{name} can't sign in any more."))
        }
        PeopleCommand::SwitchOn { name } => {
            admin.change_person(&name, None, Some(true)).await.map_err(failed)?;
            done(output, &format!("{name} can sign in again."))
        }
        PeopleCommand::Remove { name } => {
            admin.remove_person(&name).await.map_err(failed)?;
            done(output, &format!("The account {name} was removed; its shares stay."))
        }
    }
}

async fn people(admin: &Admin, output: &Output) -> Result<(), Exit> {
    let people = admin.people().await.map_err(failed)?.into_iter().map(|person| PersonLine {
        name: person.name,
        shown: person.shown,
        role: person.role.name(),
        groups: person.groups,
        active: person.active,
        one_time_codes: person.codes,
    });
    let columns = [
        Column::left("SIGNS IN AS"),
        Column::left("ROLE"),
        Column::flexible("NAME"),
        Column::flexible("GROUPS"),
        Column::left(""),
    ];
    list(output, &people.collect::<Vec<_>>(), &columns, |line| {
        let off = if line.active { "" } else { "switched off" };
        [line.name.clone(), line.role.to_owned(), line.shown.clone(), line.groups.join(", "), off.to_owned()]
    })
}

async fn import(admin: &Admin, file: &std::path::Path, output: &Output) -> Result<(), Exit> {
    let text = read(file)
        .map_err(|error| Exit::failed("The list can't be read", format!("{}: {error}", file.display()), ""))?;
    let imported = admin.import_people(&text).await.map_err(failed)?;
    let lines: Vec<Imported> = imported
        .into_iter()
        .map(|person| {
            let (password, moved, problem) = match person.done {
                Ok(ImportedAs::Made { password }) => (Some(password), None, None),
                Ok(ImportedAs::Here(what)) => (None, Some(what), None),
                Err(problem) => (None, None, Some(problem)),
            };
            Imported { line: person.line, name: person.name, shown: person.shown, password, moved, problem }
        })
        .collect();
    let columns = [Column::left("SIGNS IN AS"), Column::flexible("NAME"), Column::flexible("FIRST PASSWORD")];
    list(output, &lines, &columns, |line| {
        let made = [&line.password, &line.moved, &line.problem].into_iter().flatten().next();
        [line.name.clone(), line.shown.clone(), made.cloned().unwrap_or_default()]
    })?;
    let wrong = lines.iter().filter(|line| line.problem.is_some()).count();
    if wrong > 0 {
        let what = format!("{wrong} of {} lines could not be taken", lines.len());
        return Err(Exit::failed(
            what,
            "",
            "The accounts of the others were made; mend these lines and import them again.",
        ));
    }
    Ok(())
}

fn read(file: &std::path::Path) -> std::io::Result<Vec<u8>> {
    let mut text = vec![];
    match file.to_str() {
        Some("-") => std::io::stdin().take(LIST_BYTES_MAX).read_to_end(&mut text)?,
        _ => std::fs::File::open(file)?.take(LIST_BYTES_MAX).read_to_end(&mut text)?,
    };
    Ok(text)
}

fn tell_password(name: &str, password: String, output: &Output) -> Result<(), Exit> {
    if output.shown == Shown::Json {
        return output.json(&Password { name, password });
    }
    output.remark(&format!("{name} signs in with this password, and changes it then:"));
    output.result(&format!("{password}\n"))
}

fn role_of(text: &str) -> Result<Role, Exit> {
    text.parse().map_err(|error: crate::access::RoleError| Exit::usage(error.to_string(), "", ""))
}
