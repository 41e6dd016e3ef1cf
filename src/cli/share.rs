//! `handout share`: the link on standard output, and then, where the engine is ours, giving it out until Ctrl-C.

use tokio_util::sync::CancellationToken;

use super::{
    Exit, Output, Shown,
    args::Share,
    figures::{count, plain, size},
    manage_args::ClassArg,
    paths,
    progress::Progress,
    run::{answers, next, unexpected},
};
use crate::{
    control::Connection,
    wire::control::{Answer, Envelope, Request, Shared},
};

/// Ends when the share is live in a Handout that goes on running, or when the person ends this one.
pub(super) async fn share(
    args: Share,
    peers: Vec<String>,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let request = Request::Share {
        paths: paths::absolute(&args.paths)?,
        title: args.title,
        recipients: args.recipients,
        leave_out: args.leave_out,
        class: args.class.map(ClassArg::name),
    };
    let shared = read(Envelope { peers, ..Envelope::new(request) }, connection, output, interrupt).await?;
    for file in &shared.left_out {
        output.remark(&format!("Left out: {}: {}", plain(&file.path), plain(&file.reason)));
    }
    let (title, bytes) = (plain(&shared.title), size(shared.size));
    output.remark(&format!(
        "{title} ({}, {bytes}) can be had with this link:",
        count(shared.files.into(), "file", "files")
    ));
    match output.shown {
        Shown::Json => output.json(&shared)?,
        Shown::ForPeople => output.result(&format!("{}\n", shared.link))?,
    }
    if connection.is_here() {
        output.remark("It can be had as long as this runs; Ctrl-C ends it.");
        give(&shared, connection, output, interrupt).await
    } else {
        output.remark("The Handout that is already running gives it out.");
        Ok(())
    }
}

async fn read(
    envelope: Envelope,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<Shared, Exit> {
    let progress = Progress::new(output);
    let mut answers = answers(connection, envelope, interrupt).await?;
    loop {
        match next(&mut answers, interrupt).await? {
            Answer::Reading { done_bytes, size, files } => progress.reading(done_bytes, size, files),
            Answer::Shared(shared) => return Ok(shared),
            other => return Err(unexpected(&other)),
        }
    }
}

/// Shows who fetches it, until Ctrl-C.
async fn give(
    shared: &Shared,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let progress = Progress::new(output);
    let mut answers = answers(connection, Envelope::new(Request::Transfers { watch: true }), interrupt).await?;
    loop {
        match next(&mut answers, interrupt).await {
            Ok(Answer::Transfers { transfers }) => {
                if let Some(row) = transfers.iter().find(|row| row.share == shared.id) {
                    progress.giving(row);
                }
            }
            Ok(other) => return Err(unexpected(&other)),
            // That is how it is meant to end.
            Err(Exit::Interrupted) => return Ok(()),
            Err(exit) => return Err(exit),
        }
    }
}
