//! `handout admin`: what an administrator does at the server's own command line. One file for each thing that is dealt with.

mod audit;
mod devices;
mod groups;
mod people;
mod policy;
mod shares;
mod upstreams;

use serde::Serialize;

use super::{logging, runtime, serve, setup};
use crate::{
    cli::{
        Column, Exit, Output, Shown,
        admin_args::SettingsCommand,
        args::{AdminArgs, AdminCommand, Common},
        lay_out,
    },
    net::identity::Identity,
    platform::machine_id::machine_id,
    server::{Admin, AdminError},
    wire::control::{Failure, FailureKind},
};

/// Does one command.
pub(super) fn run(args: AdminArgs, common: &Common, output: &Output) -> Result<(), Exit> {
    logging::to_stderr(common, logging::Default::Warnings);
    let setup = setup::setup(common)?;
    let config = serve::config(args.config.as_deref(), &setup.home)?;
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
        AdminCommand::People { command } => people::act(admin, command, output).await,
        AdminCommand::Groups { command } => groups::act(admin, command, output).await,
        AdminCommand::Devices { command } => devices::act(admin, command, output).await,
        AdminCommand::Policy { command } => policy::act(admin, command, output).await,
        AdminCommand::Links { command } => shares::links(admin, command, output).await,
        AdminCommand::Quarantine { command } => shares::quarantine(admin, command, output).await,
        AdminCommand::Storage => shares::storage(admin, output).await,
        AdminCommand::Upstreams { command } => upstreams::act(admin, command, output).await,
        AdminCommand::Audit { command } => audit::act(admin, command, output).await,
        AdminCommand::Settings { command } => settings(admin, command, output).await,
        AdminCommand::Backup { to } => {
            admin.backup(&to).await.map_err(failed)?;
            output.remark(&format!("The database was copied to {}. Copy the folder `shared` too.", to.display()));
            Ok(())
        }
    }
}

async fn settings(admin: &Admin, command: Option<SettingsCommand>, output: &Output) -> Result<(), Exit> {
    match command.unwrap_or(SettingsCommand::Show) {
        SettingsCommand::Show => {
            let settings = admin.settings_shown().await.map_err(failed)?;
            let columns = [Column::left("SETTING"), Column::flexible("VALUE"), Column::left("FROM")];
            let row = |shown: &crate::server::Shown| [shown.key.to_owned(), shown.value.clone(), shown.from.to_owned()];
            list(output, &settings, &columns, row)
        }
        SettingsCommand::Set { key, value } => {
            admin.set(&key, &value).await.map_err(failed)?;
            done(output, &format!("{key} was changed; a server that runs takes it in within seconds."))
        }
    }
}

/// Rows as a table, or as one JSON array.
fn list<T: Serialize, const N: usize>(
    output: &Output,
    lines: &[T],
    columns: &[Column; N],
    row: impl Fn(&T) -> [String; N],
) -> Result<(), Exit> {
    if output.shown == Shown::Json {
        return output.json(&lines);
    }
    let rows: Vec<[String; N]> = lines.iter().map(row).collect();
    output.result(&lay_out(columns, &rows, output.width()))
}

/// Says that something was done: a remark for people, a document for programs.
fn done(output: &Output, said: &str) -> Result<(), Exit> {
    if output.shown == Shown::Json {
        return output.json(&serde_json::json!({ "done": true }));
    }
    output.remark(said);
    Ok(())
}

/// Seconds since 1970 as RFC 3339.
fn time_of(at_s: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(at_s).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

fn failed(error: AdminError) -> Exit {
    let kind = match &error {
        AdminError::Refused(_) => FailureKind::Refused,
        AdminError::NoSuchPerson(_) | AdminError::NoSuch { .. } => FailureKind::NotFound,
        AdminError::Central(crate::store::central::CentralError::Missing { .. }) => FailureKind::NotFound,
        AdminError::Invalid(_) => FailureKind::Usage,
        _ => FailureKind::Failed,
    };
    Exit::from(Failure::new(kind, error.to_string(), "", ""))
}
