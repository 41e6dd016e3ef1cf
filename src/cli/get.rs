//! `handout get`: done when every file is complete and verified under its final name.

use tokio_util::sync::CancellationToken;

use super::{
    Exit, Output, Shown,
    args::Get,
    figures::{count, plain, size},
    paths::{self, Must},
    progress::Progress,
    run::{answers, next, unexpected},
};
use crate::{
    control::Connection,
    wire::control::{Answer, Envelope, Fetched, Request},
};

/// Prints where the files are. With `--keep-seeding`, and an engine of our own, it then goes on until Ctrl-C.
pub(super) async fn get(
    args: Get,
    peers: Vec<String>,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let into = args.into.map(|path| paths::one(path, Must::BeText)).transpose()?;
    let request = Request::Get { link: args.link, into, timeout_s: args.timeout };
    let fetched = fetch(Envelope { peers, ..Envelope::new(request) }, connection, output, interrupt).await?;
    if fetched.reused_bytes > 0 {
        let files = if fetched.reused_files > 0 {
            format!(" ({})", count(fetched.reused_files.into(), "whole file", "whole files"))
        } else {
            String::new()
        };
        output.remark(&format!("{} of it{files} was here already and was not fetched.", size(fetched.reused_bytes)));
    }
    output.remark(&format!("{} ({}) is here, complete and checked:", plain(&fetched.title), size(fetched.size)));
    match output.shown {
        Shown::Json => output.json(&fetched)?,
        // Paths are for scripts too, so they are printed as they are.
        Shown::ForPeople => {
            let places: String = fetched.places.iter().map(|place| format!("{place}\n")).collect();
            output.result(&places)?;
        }
    }
    if args.keep_seeding && connection.is_here() {
        output.remark("Others can get it from here as long as this runs; Ctrl-C ends it.");
        interrupt.cancelled().await;
    }
    Ok(())
}

async fn fetch(
    envelope: Envelope,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<Fetched, Exit> {
    let progress = Progress::new(output);
    progress.waiting("Looking for somebody who has it");
    let mut answers = answers(connection, envelope, interrupt).await?;
    loop {
        match next(&mut answers, interrupt).await {
            Ok(Answer::Progress(row)) => progress.transfer(&row),
            Ok(Answer::Fetched(fetched)) => return Ok(fetched),
            Ok(other) => return Err(unexpected(&other)),
            Err(Exit::Interrupted) => {
                drop(progress);
                output.remark(if connection.is_here() {
                    "Stopped; what is here is kept. The same command goes on where it was."
                } else {
                    "The Handout that is already running goes on with it; `handout cancel` gives it up."
                });
                return Err(Exit::Interrupted);
            }
            Err(exit) => return Err(exit),
        }
    }
}
