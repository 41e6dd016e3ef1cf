//! `handout get`: done when every file that is wanted is complete and verified under its final name.
//!
//! Who wants some of the files only has them chosen before any of them comes: the transfer is held when its list of files is
//! known, the choice is made, and then it is asked for once more.

use tokio_util::sync::CancellationToken;

use super::{
    Exit, Output, Shown,
    args::Get,
    choosing,
    figures::{count, plain, size},
    paths::{self, Must},
    progress::Progress,
    run::{answers, next, unexpected},
};
use crate::{
    control::Connection,
    wire::{
        control::{Answer, Envelope, Fetched, Held, Request},
        manage::Manage,
    },
};

/// Asks the engine of one `get`.
struct Asker<'a> {
    peers: Vec<String>,
    connection: &'a Connection,
    output: &'a Output,
    interrupt: &'a CancellationToken,
}

/// Prints where the files are. With `--keep-seeding`, and an engine of our own, it then goes on until Ctrl-C.
pub(super) async fn get(
    args: Get,
    peers: Vec<String>,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let asker = Asker { peers, connection, output, interrupt };
    let into = args.into.map(|path| paths::one(path, Must::BeText)).transpose()?;
    let hold = args.choose || !args.only.is_empty() || !args.skip.is_empty();
    let mut request = Request::Get { link: args.link, into, timeout_s: args.timeout, hold };
    if hold {
        let held = match asker.ask(request).await? {
            Answer::Held(held) => held,
            // A share of one's own.
            Answer::Fetched(fetched) => return tell(&fetched, output),
            other => return Err(unexpected(&other)),
        };
        let by = choosing::By { only: &args.only, skip: &args.skip };
        let Some(files) = choosing::choose(&held, &by, output, interrupt).await? else { return Ok(()) };
        let link = asker.select(&held, files).await?;
        request = Request::Get { link, into: None, timeout_s: args.timeout, hold: false };
    }
    let fetched = asker.fetch(request).await?;
    tell(&fetched, output)?;
    if args.keep_seeding && connection.is_here() {
        output.remark("Others can get it from here as long as this runs; Ctrl-C ends it.");
        interrupt.cancelled().await;
    }
    Ok(())
}

fn tell(fetched: &Fetched, output: &Output) -> Result<(), Exit> {
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
        Shown::Json => output.json(fetched),
        // Paths are for scripts too, so they are printed as they are.
        Shown::ForPeople => {
            let places: String = fetched.places.iter().map(|place| format!("{place}\n")).collect();
            output.result(&places)
        }
    }
}

impl Asker<'_> {
    async fn fetch(&self, request: Request) -> Result<Fetched, Exit> {
        match self.ask(request).await? {
            Answer::Fetched(fetched) => Ok(fetched),
            other => Err(unexpected(&other)),
        }
    }

    /// Wants these files of it, unless they are here; returns what to ask for next.
    async fn select(&self, held: &Held, files: Vec<u32>) -> Result<String, Exit> {
        let share = held.transfer.share.clone();
        let lacks = |number: &u32| held.files.iter().any(|file| file.number == *number && file.done_bytes < file.size);
        if matches!(held.transfer.state.as_str(), "seeding" | "done") && !files.iter().any(lacks) {
            return Ok(share);
        }
        let wish = Manage::Select { share: share.clone(), files: Some(files) };
        let envelope = Envelope { peers: self.peers.clone(), ..Envelope::new(Request::Manage { wish }) };
        let mut answers = answers(self.connection, envelope, self.interrupt).await?;
        match next(&mut answers, self.interrupt).await? {
            Answer::Progress(_) => Ok(share),
            other => Err(unexpected(&other)),
        }
    }

    /// The answer that is no progress.
    async fn ask(&self, request: Request) -> Result<Answer, Exit> {
        let progress = Progress::new(self.output);
        progress.waiting("Looking for somebody who has it");
        let envelope = Envelope { peers: self.peers.clone(), ..Envelope::new(request) };
        let mut answers = answers(self.connection, envelope, self.interrupt).await?;
        loop {
            match next(&mut answers, self.interrupt).await {
                Ok(Answer::Progress(row)) => progress.transfer(&row),
                Ok(other) => return Ok(other),
                Err(Exit::Interrupted) => {
                    drop(progress);
                    self.output.remark(if self.connection.is_here() {
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
}
