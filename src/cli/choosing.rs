//! Which files of a share somebody wants before any of them comes: by what was typed with the command, or by asking.

use std::io::{self, BufRead as _, IsTerminal as _};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Exit, Output, Shown, figures::plain, manage::files_table, selection};
use crate::wire::control::Held;

/// What was typed with the command.
pub(super) struct By<'a> {
    pub only: &'a [String],
    pub skip: &'a [String],
}

/// The numbers of the files that are wanted. Where nothing was typed the person is asked; `None`: nobody can be asked, so the
/// files were shown and it waits.
pub(super) async fn choose(
    held: &Held,
    by: &By<'_>,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<Option<Vec<u32>>, Exit> {
    if !by.only.is_empty() || !by.skip.is_empty() {
        let chosen = selection::choose(&held.files, by.only, by.skip);
        return chosen.inspect_err(|_| tell_how(held, output)).map(Some);
    }
    if output.shown == Shown::Json {
        output.json(held)?;
        return Ok(None);
    }
    output.result(&files_table(&held.files, output.width()))?;
    if !io::stdin().is_terminal() {
        tell_how(held, output);
        return Ok(None);
    }
    ask(held, output, interrupt).await.map(Some)
}

fn tell_how(held: &Held, output: &Output) {
    let (title, id) = (plain(&held.transfer.title), held.transfer.share.get(..8).unwrap_or(&held.transfer.share));
    output.remark(&format!(
        "{title} waits for your choice: handout get {id} --only FILES; `handout cancel {id}` gives it up"
    ));
}

/// Asks until the answer means some of the files; nothing typed means all.
async fn ask(held: &Held, output: &Output, interrupt: &CancellationToken) -> Result<Vec<u32>, Exit> {
    loop {
        output.question("Which files? Numbers, ranges (5-9) or patterns (*.pdf), with commas between; Enter for all: ");
        let line = tokio::select! {
            line = line() => line?,
            () = interrupt.cancelled() => return Err(Exit::Interrupted),
        };
        let only: Vec<String> =
            line.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect();
        match selection::choose(&held.files, &only, &[]) {
            Ok(files) => return Ok(files),
            Err(exit) => output.failure(&exit),
        }
    }
}

/// What the person types next. On a thread of its own, because reading it can't be ended, and nobody shall wait for that.
async fn line() -> Result<String, Exit> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        // Nobody waits for it any more when the command was interrupted.
        let _ = sender.send(read.map(|bytes| (bytes > 0).then_some(line)));
    });
    match receiver.await {
        Ok(Ok(Some(line))) => Ok(line),
        Ok(Err(error)) => Err(Exit::failed("Your answer could not be read", error.to_string(), "Use --only FILES.")),
        Ok(Ok(None)) | Err(_) => Err(Exit::Interrupted),
    }
}
