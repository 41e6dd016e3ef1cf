//! Does one command over a connection.

use std::io;

use clap::CommandFactory;
use tokio_util::sync::CancellationToken;

use super::{
    Exit, Output, Shown,
    args::{Cli, Command, List, OneShare},
    figures::{count, plain},
    get, lists,
    manage::{self, Manager},
    manage_args::OneOrAll,
    managed, paths,
    progress::Progress,
    share,
};
use crate::{
    control::{Answers, Connection},
    wire::{
        control::{Answer, Envelope, Failure, FailureKind, Request},
        manage::Manage,
    },
};

/// Does `command`, asking `connection`. `peers`: what `--peer` named. `interrupt` is cancelled when the person wants to
/// end it.
pub async fn run(
    command: Command,
    peers: Vec<String>,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let with_peers = |request| Envelope { peers: peers.clone(), ..Envelope::new(request) };
    let change = |request| change(with_peers(request), connection, output, interrupt);
    let list = |List { watch }: List, request| lists::list(with_peers(request), watch, connection, output, interrupt);
    let manager = Manager { peers: peers.clone(), connection, output, interrupt };
    match command {
        Command::Share(args) => share::share(args, peers, connection, output, interrupt).await,
        Command::Get(args) => get::get(args, peers, connection, output, interrupt).await,
        Command::Shares(args) => list(args.clone(), Request::Shares { watch: args.watch }).await,
        Command::Peers(args) => list(args.clone(), Request::Peers { watch: args.watch }).await,
        Command::Transfers(args) => list(args.clone(), Request::Transfers { watch: args.watch }).await,
        Command::Status(args) => list(args.clone(), Request::Status { watch: args.watch }).await,
        Command::Search(args) => list(List { watch: false }, Request::Search { words: args.words }).await,
        Command::Pause(OneOrAll { share: Some(share), .. }) => change(Request::Pause { share }).await,
        Command::Pause(OneOrAll { share: None, .. }) => manager.manage(Manage::PauseAll).await,
        Command::Resume(OneOrAll { share: Some(share), .. }) => change(Request::Resume { share }).await,
        Command::Resume(OneOrAll { share: None, .. }) => manager.manage(Manage::ResumeAll).await,
        Command::Retry(OneOrAll { share: Some(share), .. }) => manager.manage(Manage::Retry { share }).await,
        Command::Retry(OneOrAll { share: None, .. }) => manager.manage(Manage::RetryAll).await,
        Command::Queue(args) => manager.queue(args).await,
        Command::Set(args) => manager.manage(manage::set(args)).await,
        Command::Limit(args) => manager.manage(manage::limit_all(&args)).await,
        Command::Schedule(args) => manager.manage(manage::schedule(args.change)).await,
        Command::Seeding(args) => manager.manage(manage::seeding(args)).await,
        Command::Files(args) => manager.files(args).await,
        Command::Move(args) => {
            let into = Some(paths::one(args.into, paths::Must::BeText)?);
            manager.manage(Manage::Relocate { share: args.share, into, name: None }).await
        }
        Command::Rename(args) => {
            manager.manage(Manage::Relocate { share: args.share, into: None, name: Some(args.name) }).await
        }
        Command::Given(args) => manager.given(args.by).await,
        Command::Why(OneShare { share }) => manager.manage(Manage::Why { share }).await,
        Command::Cancel(OneShare { share }) => change(Request::Cancel { share }).await,
        Command::Unshare(OneShare { share }) => change(Request::Unshare { share }).await,
        Command::Verify(OneShare { share }) => change(Request::Verify { share }).await,
        Command::Enrol(args) => managed::enrol(args, with_peers, connection, output, interrupt).await,
        Command::Leave => managed::leave(with_peers, connection, output, interrupt).await,
        // These need nobody to ask; whoever starts the program does them.
        Command::Daemon
        | Command::Serve(_)
        | Command::Admin(_)
        | Command::Completions(_)
        | Command::Man
        | Command::Policy
        | Command::Doctor => Ok(()),
    }
}

/// Completions for a shell, as its own script.
pub fn write_completions(shell: clap_complete::Shell, out: &mut impl io::Write) -> io::Result<()> {
    // Into memory first: the generator panics when it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "handout", &mut script);
    out.write_all(&script)
}

/// Asks, unless the person ends it before anybody answers.
pub(super) async fn answers(
    connection: &Connection,
    envelope: Envelope,
    interrupt: &CancellationToken,
) -> Result<Answers, Exit> {
    tokio::select! {
        answers = connection.ask(envelope) => Ok(answers?),
        () = interrupt.cancelled() => Err(Exit::Interrupted),
    }
}

/// The next answer; a failure becomes this command's end.
pub(super) async fn next(answers: &mut Answers, interrupt: &CancellationToken) -> Result<Answer, Exit> {
    let answer = tokio::select! {
        answer = answers.next() => answer,
        () = interrupt.cancelled() => return Err(Exit::Interrupted),
    };
    match answer {
        Some(Ok(Answer::Failure(failure))) => Err(failure.into()),
        Some(answer) => Ok(answer?),
        None => Err(Exit::failed("The running Handout ended", "", "Start it again.")),
    }
}

pub(super) fn unexpected(answer: &Answer) -> Exit {
    let about = format!("{answer:?}").chars().take(80).collect::<String>();
    Exit::failed("The running Handout answered another question", about, "End it and start it again.")
}

/// One change to one share.
async fn change(
    envelope: Envelope,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let progress = Progress::new(output);
    let mut answers = answers(connection, envelope, interrupt).await?;
    loop {
        match next(&mut answers, interrupt).await? {
            Answer::Progress(row) => progress.transfer(&row),
            Answer::Changed(changed) if output.shown == Shown::Json => return output.json(&changed),
            Answer::Changed(changed) => {
                let sentence = match changed.change.as_str() {
                    "paused" => "is paused.",
                    "resumed" => "goes on.",
                    "cancelled" => "was given up; what was unfinished of it is deleted.",
                    _ => "is not given out any more; its files stay.",
                };
                output.remark(&format!("{} {sentence}", plain(&changed.title)));
                return Ok(());
            }
            Answer::Verified(verified) => {
                if output.shown == Shown::Json {
                    output.json(&verified)?;
                }
                let (title, wrong) = (plain(&verified.title), verified.wrong);
                if wrong > 0 {
                    let of = count(verified.pieces.into(), "piece", "pieces");
                    let hint = "Get it again: what is wrong is fetched from others, what is right is kept.";
                    let about = format!("{title}, {wrong} of {of}");
                    return Err(Failure::new(
                        FailureKind::WrongContent,
                        "The content is not what was shared",
                        about,
                        hint,
                    )
                    .into());
                }
                output.remark(&format!("{title}: every byte is right."));
                return Ok(());
            }
            other => return Err(unexpected(&other)),
        }
    }
}
