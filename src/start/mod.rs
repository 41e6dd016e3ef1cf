//! Puts the program together: reads arguments and settings, finds out who runs already, starts the engine and a face.
//!
//! Every way in ends in the same order: the face, the control socket, the engine (which says goodbye to the others and
//! saves what is had), the lock. Deliberately not here: what commands do (`cli`), what is asked of a running program
//! (`control`), what the window shows (`window`).

mod admin;
mod console;
mod daemon;
mod doctor;
mod logging;
mod serve;
mod setup;
mod shutdown;
mod window;

use std::{io, process::ExitCode};

use clap::Parser;

use crate::cli::{
    self, Exit, Output, Shown,
    args::{Cli, Command, Common},
    exit_code,
};

/// The whole program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell when this can't be printed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let shown = if cli.common.json { Shown::Json } else { Shown::ForPeople };
    let output = Output::new(shown, cli.common.quiet);
    let result = dispatch(cli, &output);
    if let Err(exit) = &result {
        output.failure(exit);
    }
    exit_code(&result)
}

fn dispatch(cli: Cli, output: &Output) -> Result<(), Exit> {
    let Cli { common, command, paths } = cli;
    match command {
        Some(Command::Completions(args)) => Ok(cli::write_completions(args.shell, &mut io::stdout().lock())?),
        Some(Command::Man) => Ok(cli::write_man(&mut io::stdout().lock())?),
        Some(Command::Policy) => {
            logging::to_stderr(&common, logging::Default::Warnings);
            let setup = setup::setup(&common)?;
            cli::write_policy(&setup.settings, setup::server_rules(&setup), output)
        }
        Some(Command::Daemon) => daemon::run(&common),
        Some(Command::Doctor) => doctor::run(&common, output),
        Some(Command::Serve(args)) => serve::run(&args, &common, output),
        Some(Command::Admin(args)) => admin::run(args, &common, output),
        Some(command) => console::run(command, &common, output),
        None => window::open(&common, &paths, output),
    }
}

/// A runtime for what a face itself waits for; the engine has its own.
fn runtime() -> Result<tokio::runtime::Runtime, Exit> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Exit::failed("Handout can't start", error.to_string(), "Close other programs and try again."))
}

/// Arguments that only a program which starts an engine can follow.
fn remark_unused(common: &Common, output: &Output) {
    if common.listen.is_some() || common.no_discovery {
        output.remark("Handout is already running, so --listen and --no-discovery change nothing.");
    }
}
