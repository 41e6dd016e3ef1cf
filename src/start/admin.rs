//! `handout admin`: what an administrator does at the server's own command line.

use super::{logging, runtime, serve, setup};
use crate::{
    access::Role,
    cli::{
        Exit, Output, Shown,
        args::{AdminArgs, AdminCommand, Common},
    },
    net::identity::Identity,
    platform::machine_id::machine_id,
    server::{Admin, AdminError},
};

#[derive(serde::Serialize)]
struct PersonLine {
    name: String,
    shown: String,
    role: &'static str,
    groups: Vec<String>,
    active: bool,
    one_time_codes: bool,
}

#[derive(serde::Serialize)]
struct Password<'a> {
    name: &'a str,
    password: String,
}

#[derive(serde::Serialize)]
struct Verified {
    entries: i64,
    heads: usize,
    whole: bool,
    fault: Option<String>,
}

/// Does one command.
pub(super) fn run(args: AdminArgs, common: &Common, output: &Output) -> Result<(), Exit> {
    logging::to_stderr(common, logging::Default::Warnings);
    let setup = setup::setup(common)?;
    let config = serve::config(&crate::cli::args::Serve { config: args.config, check: false }, &setup.home)?;
    let (identity, _) = Identity::load_or_create(&setup.home, machine_id().as_deref())
        .map_err(|error| Exit::failed("The server's key can't be read", error.to_string(), ""))?;
    runtime()?.block_on(async {
        let admin = Admin::open(&config, identity).await.map_err(failed)?;
        let done = act(&admin, args.command, output).await;
        admin.close().await;
        done
    })
}

async fn act(admin: &Admin, command: AdminCommand, output: &Output) -> Result<(), Exit> {
    match command {
        AdminCommand::People => people(admin, output).await,
        AdminCommand::AddPerson { name, shown, role, group } => {
            let role = role_of(&role)?;
            let password = admin.add_person(&name, shown.as_deref().unwrap_or(""), role, group.as_deref()).await;
            tell_password(&name, password.map_err(failed)?, output)
        }
        AdminCommand::ResetPassword { name } => {
            let password = admin.reset_password(&name).await.map_err(failed)?;
            tell_password(&name, password, output)
        }
        AdminCommand::SetRole { name, role } => {
            let role = role_of(&role)?;
            admin.change_person(&name, Some(role), None).await.map_err(failed)?;
            output.remark(&format!("{name} has the role {role}, and is signed out everywhere."));
            Ok(())
        }
        AdminCommand::SwitchOff { name } => {
            admin.change_person(&name, None, Some(false)).await.map_err(failed)?;
            output.remark(&format!("{name} can't sign in any more."));
            Ok(())
        }
        AdminCommand::SwitchOn { name } => {
            admin.change_person(&name, None, Some(true)).await.map_err(failed)?;
            output.remark(&format!("{name} can sign in again."));
            Ok(())
        }
        AdminCommand::AuditVerify => verify(admin, output).await,
        AdminCommand::Backup { to } => {
            admin.backup(&to).await.map_err(failed)?;
            output.remark(&format!("The database was copied to {}. Copy the folder `shared` too.", to.display()));
            Ok(())
        }
    }
}

async fn people(admin: &Admin, output: &Output) -> Result<(), Exit> {
    for person in admin.people().await.map_err(failed)? {
        let line = PersonLine {
            name: person.name,
            shown: person.shown,
            role: person.role.name(),
            groups: person.groups,
            active: person.active,
            one_time_codes: person.codes,
        };
        if output.shown == Shown::Json {
            output.json(&line)?;
        } else {
            let off = if line.active { "" } else { " (switched off)" };
            let groups = line.groups.join(", ");
            output.result(&format!("{}\t{}\t{}\t{groups}{off}\n", line.name, line.role, line.shown))?;
        }
    }
    Ok(())
}

fn tell_password(name: &str, password: String, output: &Output) -> Result<(), Exit> {
    if output.shown == Shown::Json {
        return output.json(&Password { name, password });
    }
    output.remark(&format!("{name} signs in with this password, and changes it then:"));
    output.result(&format!("{password}\n"))
}

async fn verify(admin: &Admin, output: &Output) -> Result<(), Exit> {
    let report = admin.verify_audit().await.map_err(failed)?;
    let fault = report.fault.as_ref().map(ToString::to_string);
    if output.shown == Shown::Json {
        let whole = fault.is_none();
        output.json(&Verified { entries: report.entries, heads: report.heads, whole, fault: fault.clone() })?;
    }
    match fault {
        None => {
            output.remark(&format!("The log is whole: {} entries, {} signed heads.", report.entries, report.heads));
            Ok(())
        }
        Some(fault) => {
            let hint = "Compare with a backup, and with the heads that others kept.";
            Err(Exit::failed("The audit log was tampered with", fault, hint))
        }
    }
}

fn role_of(text: &str) -> Result<Role, Exit> {
    text.parse().map_err(|error: crate::access::RoleError| Exit::usage(error.to_string(), "", ""))
}

fn failed(error: AdminError) -> Exit {
    Exit::failed(error.to_string(), "", "")
}
