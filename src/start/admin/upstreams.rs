//! `handout admin upstreams`.

use serde::Serialize;

use super::{done, failed, list};
use crate::{
    cli::{Column, Exit, Output, admin_args::UpstreamsCommand},
    server::{Above, Admin},
};

#[derive(Serialize)]
struct UpstreamLine {
    id: String,
    name: Option<String>,
    address: String,
    /// `file` where it stands in server.toml.
    from: &'static str,
    answers: bool,
    /// The id of another server that has its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    another: Option<String>,
}

pub(super) async fn act(admin: &Admin, command: Option<UpstreamsCommand>, output: &Output) -> Result<(), Exit> {
    match command.unwrap_or(UpstreamsCommand::List) {
        UpstreamsCommand::List => {
            let upstreams = admin.upstreams().await.map_err(failed)?.into_iter().map(|reach| UpstreamLine {
                id: reach.upstream.id.to_string(),
                name: reach.upstream.name,
                address: reach.upstream.address,
                from: if reach.fixed { "file" } else { "chosen" },
                answers: reach.reached,
                another: reach.another.map(|found| found.to_string()),
            });
            let columns = [
                Column::flexible("SERVER"),
                Column::flexible("ADDRESS"),
                Column::left("ID"),
                Column::left("FROM"),
                Column::left("HEALTH"),
            ];
            list(output, &upstreams.collect::<Vec<_>>(), &columns, |line| {
                let health = match (line.answers, &line.another) {
                    (true, _) => "answers",
                    (false, Some(_)) => "another server answers",
                    (false, None) => "does not answer",
                };
                let name = line.name.clone().unwrap_or_default();
                [name, line.address.clone(), line.id.clone(), line.from.to_owned(), health.to_owned()]
            })
        }
        UpstreamsCommand::Add { address, id, name } => {
            let above = Above { address: address.clone(), id: id.to_lowercase(), name };
            let answers = admin.add_upstream(above).await.map_err(failed)?;
            let away = if answers { "" } else { " It can't be reached at this moment; it is tried again by itself." };
            done(
                output,
                &format!("{address} is asked for what is not here, within seconds where the server runs.{away}"),
            )
        }
        UpstreamsCommand::Remove { id } => {
            admin.remove_upstream(&id.to_lowercase()).await.map_err(failed)?;
            done(output, "It is not asked any more.")
        }
    }
}
