//! `handout admin links`, `quarantine` and `storage`.

use serde::Serialize;

use super::{done, failed, list, time_of};
use crate::{
    cli::{
        Column, Exit, Output, Shown,
        admin_args::{LinksCommand, QuarantineCommand},
        size,
    },
    server::Admin,
};

#[derive(Serialize)]
struct LinkLine {
    token: String,
    share: String,
    title: String,
    made: String,
    until: Option<String>,
    password: bool,
    downloads: u64,
    downloads_left: Option<u64>,
}

#[derive(Serialize)]
struct HiddenLine {
    share: String,
    title: String,
    owner: String,
    bytes: u64,
    note: String,
}

#[derive(Serialize)]
struct OwnerLine {
    owner: String,
    bytes: u64,
    files: u64,
    shares: u64,
}

pub(super) async fn links(admin: &Admin, command: Option<LinksCommand>, output: &Output) -> Result<(), Exit> {
    match command.unwrap_or(LinksCommand::List) {
        LinksCommand::List => {
            let links = admin.links().await.map_err(failed)?.into_iter().map(|line| LinkLine {
                token: line.link.token,
                share: line.share.id.to_string(),
                title: line.share.title,
                made: time_of(line.link.created_s),
                until: line.link.expires_s.map(time_of),
                password: line.link.password.is_some(),
                downloads: line.link.downloads,
                downloads_left: line.link.downloads_left,
            });
            let columns = [
                Column::left("LINK"),
                Column::flexible("SHARE"),
                Column::left("UNTIL"),
                Column::right("DOWNLOADS"),
                Column::left(""),
            ];
            list(output, &links.collect::<Vec<_>>(), &columns, |line| {
                let lock = if line.password { "password" } else { "" };
                let until = line.until.clone().unwrap_or_default();
                [line.token.clone(), line.title.clone(), until, line.downloads.to_string(), lock.to_owned()]
            })
        }
        LinksCommand::Revoke { token } => {
            admin.revoke_link(&token).await.map_err(failed)?;
            done(output, "The link was taken back.")
        }
    }
}

pub(super) async fn quarantine(admin: &Admin, command: Option<QuarantineCommand>, output: &Output) -> Result<(), Exit> {
    match command.unwrap_or(QuarantineCommand::List) {
        QuarantineCommand::List => {
            let hidden = admin.quarantined().await.map_err(failed)?.into_iter().map(|row| HiddenLine {
                share: row.id.to_string(),
                title: row.title,
                owner: row.owner_name,
                bytes: row.size,
                note: row.note,
            });
            let columns = [
                Column::left("SHARE"),
                Column::flexible("TITLE"),
                Column::flexible("WHOSE"),
                Column::right("BYTES"),
                Column::flexible("WHY"),
            ];
            list(output, &hidden.collect::<Vec<_>>(), &columns, |line| {
                let bytes = line.bytes.to_string();
                [line.share.clone(), line.title.clone(), line.owner.clone(), bytes, line.note.clone()]
            })
        }
        QuarantineCommand::Add { share, note } => {
            let row = admin.set_quarantined(&share, true, &note).await.map_err(failed)?;
            done(output, &format!("{} is hidden from everybody but teachers.", row.title))
        }
        QuarantineCommand::Release { share } => {
            let row = admin.set_quarantined(&share, false, "").await.map_err(failed)?;
            done(output, &format!("{} is shown again.", row.title))
        }
        QuarantineCommand::Delete { share } => {
            let row = admin.remove_share(&share).await.map_err(failed)?;
            done(output, &format!("{} was removed.", row.title))
        }
    }
}

pub(super) async fn storage(admin: &Admin, output: &Output) -> Result<(), Exit> {
    let storage = admin.storage().await.map_err(failed)?;
    let owners = storage.owners.iter().map(|owner| OwnerLine {
        owner: owner.name.clone(),
        bytes: owner.usage.bytes,
        files: owner.usage.files,
        shares: owner.usage.shares,
    });
    let owners: Vec<OwnerLine> = owners.collect();
    if output.shown == Shown::Json {
        return output.json(&serde_json::json!({
            "bytes": storage.usage.bytes, "files": storage.usage.files, "shares": storage.usage.shares,
            "free_bytes": storage.free_bytes, "reserve_bytes": storage.reserve_bytes,
            "unfinished_uploads": storage.unfinished, "owners": owners,
        }));
    }
    let columns = [Column::flexible("WHOSE"), Column::right("SIZE"), Column::right("FILES"), Column::right("SHARES")];
    list(output, &owners, &columns, |line| {
        [line.owner.clone(), size(line.bytes), line.files.to_string(), line.shares.to_string()]
    })?;
    output.remark(&format!(
        "Together: {}. Free: {}, of which {} stay so. Unfinished uploads: {}.",
        size(storage.usage.bytes),
        storage.free_bytes.map_or_else(|| "not known".to_owned(), size),
        size(storage.reserve_bytes),
        storage.unfinished
    ));
    Ok(())
}
