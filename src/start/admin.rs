//! `handout admin`: what an administrator does at the server's own command line. One file for each thing that is dealt with.

mod audit;
mod devices;
mod groups;
mod people;
mod policy;
mod shares;
mod upstreams;

use serde::Serialize;

use std::path::Path;

use super::{logging, runtime, serve, setup};
use crate::{
    cli::{
        Column, Exit, Output, Shown,
        admin_args::SettingsCommand,
        args::{AdminArgs, AdminCommand, Common},
        lay_out,
    },
    control::{self, Found},
    net::identity::Identity,
    platform::{machine_id::machine_id, private},
    server::{self, Admin, AdminError, Config, CopyIndex, MoveError},
    wire::control::{Failure, FailureKind},
};

/// Does one command.
pub(super) fn run(args: AdminArgs, common: &Common, output: &Output) -> Result<(), Exit> {
    logging::to_stderr(common, logging::Default::Warnings);
    private::keep_from_others();
    let setup = setup::setup(common)?;
    let config = serve::config(args.config.as_deref(), &setup.home)?;
    let machine = machine_id();
    match &args.command {
        AdminCommand::Backup { to } | AdminCommand::Export { to } => {
            return runtime()?.block_on(write_copy(&config, machine.as_deref(), to, output));
        }
        AdminCommand::Restore { from } | AdminCommand::Import { from } => {
            return bring_copy(&setup.home, &config, machine.as_deref(), from, output);
        }
        _ => {}
    }
    runtime()?
        .block_on(crate::server::share_keys(&config, machine.as_deref()))
        .map_err(|error| Exit::failed(error.to_string(), "", ""))?;
    let (identity, _) = Identity::load_or_create(&setup.home, machine.as_deref())
        .map_err(|error| Exit::failed("The server's key can't be read", error.to_string(), ""))?;
    runtime()?.block_on(async {
        let admin = Admin::open(&config, identity).await.map_err(failed)?;
        let done = act(&admin, args.command, output).await;
        admin.close().await;
        done
    })
}

/// A copy as it is told of.
#[derive(serde::Serialize)]
struct Copied<'a> {
    folder: String,
    server: &'a str,
    rows: u64,
    shares: u64,
    contents: u64,
    content_bytes: u64,
    uploads: usize,
    without_bytes: &'a [String],
}

async fn write_copy(config: &Config, machine: Option<&str>, to: &Path, output: &Output) -> Result<(), Exit> {
    crate::server::share_keys(config, machine).await.map_err(|error| Exit::failed(error.to_string(), "", ""))?;
    let index = server::export(config, machine, to).await.map_err(copy_failed)?;
    tell_copy("was written to", to, &index, output)?;
    if !index.without_bytes.is_empty() {
        let count = index.without_bytes.len();
        output.remark(&format!("{count} shares were not here in full; only what is known of them was written."));
    }
    Ok(())
}

/// Only where no server runs: it would go on with what it has in memory.
fn bring_copy(home: &Path, config: &Config, machine: Option<&str>, from: &Path, output: &Output) -> Result<(), Exit> {
    let runtime = runtime()?;
    let _instance = match runtime.block_on(control::find(home)) {
        Ok(Found::Nobody(instance)) => instance,
        Ok(Found::Running(_)) => {
            let hint = "End it first, or choose another --home DIR.";
            return Err(Exit::failed("Handout is running with this home folder", home.display().to_string(), hint));
        }
        Err(error) => return Err(Exit::failed(error.to_string(), "", "")),
    };
    let index = runtime.block_on(server::import(config, machine, from)).map_err(copy_failed)?;
    tell_copy("was brought in from", from, &index, output)
}

fn tell_copy(did: &str, folder: &Path, index: &CopyIndex, output: &Output) -> Result<(), Exit> {
    let rows = index.tables.iter().map(|table| table.table.rows).sum();
    let (server, shares, contents) = (index.server.as_str(), index.shares, index.contents);
    let (content_bytes, uploads) = (index.content_bytes, index.uploads.len());
    if output.shown == Shown::Json {
        let folder = folder.display().to_string();
        let without_bytes = &index.without_bytes;
        return output.json(&Copied { folder, server, rows, shares, contents, content_bytes, uploads, without_bytes });
    }
    output.remark(&format!(
        "The server {did} {}, and checked: {rows} rows, {shares} shares, {contents} files with {content_bytes} bytes, \
         {uploads} unfinished uploads.",
        folder.display()
    ));
    Ok(())
}

fn copy_failed(error: MoveError) -> Exit {
    Exit::failed(error.to_string(), "", "Put that right and give the command again: it goes on where it was.")
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
        // They need no open server, and are done before one is opened.
        AdminCommand::Backup { .. }
        | AdminCommand::Restore { .. }
        | AdminCommand::Export { .. }
        | AdminCommand::Import { .. } => Ok(()),
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
