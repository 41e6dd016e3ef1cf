//! `handout`: no arguments or paths open the window, anything else is the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    handout::start::main()
}
