//! `handout admin devices`.

use serde::Serialize;

use super::{done, failed, list, time_of};
use crate::{
    access::{GroupId, Role},
    cli::{Column, Exit, Output, Shown, admin_args::DevicesCommand},
    server::Admin,
};

#[derive(Serialize)]
struct DeviceLine {
    id: String,
    name: String,
    role: &'static str,
    group: Option<String>,
    enrolled: String,
    seen: String,
    seen_at: String,
}

#[derive(Serialize)]
struct TokenLine {
    id: i64,
    note: String,
    group: Option<String>,
    uses_left: u64,
    until: String,
}

pub(super) async fn act(admin: &Admin, command: Option<DevicesCommand>, output: &Output) -> Result<(), Exit> {
    match command.unwrap_or(DevicesCommand::List) {
        DevicesCommand::List => devices(admin, output).await,
        DevicesCommand::Tokens => tokens(admin, output).await,
        DevicesCommand::Revoke { device } => {
            let device = admin.revoke_device(&device).await.map_err(failed)?;
            done(output, &format!("{} is not enrolled any more.", device.name))
        }
        DevicesCommand::AddToken { note, group, teachers, uses, days } => {
            let role = if teachers { Role::Teacher } else { Role::Student };
            let token = admin.make_enrolment_token(&note, group.as_deref(), role, uses, days).await.map_err(failed)?;
            if output.shown == Shown::Json {
                return output.json(&serde_json::json!({ "token": token }));
            }
            output.remark("The token is shown this once. On each computer: handout enrol ADDRESS TOKEN");
            output.result(&format!("{token}\n"))
        }
        DevicesCommand::RevokeToken { token } => {
            admin.revoke_enrolment_token(token).await.map_err(failed)?;
            done(output, "The token was taken back.")
        }
    }
}

async fn devices(admin: &Admin, output: &Output) -> Result<(), Exit> {
    let groups = names(admin).await?;
    let devices = admin.devices().await.map_err(failed)?.into_iter().map(|device| DeviceLine {
        id: device.peer.to_string(),
        name: device.name,
        role: device.role.name(),
        group: device.group.and_then(&groups),
        enrolled: time_of(device.enrolled_s),
        seen: time_of(device.seen_s),
        seen_at: device.seen_at,
    });
    let columns = [
        Column::flexible("COMPUTER"),
        Column::left("ID"),
        Column::flexible("GROUP"),
        Column::left("LAST SEEN"),
        Column::left("AT"),
    ];
    list(output, &devices.collect::<Vec<_>>(), &columns, |line| {
        let id = line.id.chars().take(8).collect();
        [line.name.clone(), id, line.group.clone().unwrap_or_default(), line.seen.clone(), line.seen_at.clone()]
    })
}

async fn tokens(admin: &Admin, output: &Output) -> Result<(), Exit> {
    let groups = names(admin).await?;
    let tokens = admin.enrolment_tokens().await.map_err(failed)?.into_iter().map(|token| TokenLine {
        id: token.id,
        note: token.note,
        group: token.group.and_then(&groups),
        uses_left: token.uses_left,
        until: time_of(token.expires_s),
    });
    let columns = [
        Column::left("TOKEN"),
        Column::flexible("FOR"),
        Column::flexible("GROUP"),
        Column::right("USES LEFT"),
        Column::left("UNTIL"),
    ];
    list(output, &tokens.collect::<Vec<_>>(), &columns, |line| {
        let group = line.group.clone().unwrap_or_default();
        [line.id.to_string(), line.note.clone(), group, line.uses_left.to_string(), line.until.clone()]
    })
}

/// The names of groups by their ids.
async fn names(admin: &Admin) -> Result<impl Fn(GroupId) -> Option<String>, Exit> {
    let groups = admin.groups().await.map_err(failed)?;
    Ok(move |id| groups.iter().find(|group| group.id == id).map(|group| group.name.clone()))
}
