//! The manual page: one, with all commands.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};

use super::args::Cli;

/// The exit codes, as the page lists them.
const EXIT_CODES: [(&str, &str); 6] = [
    ("0", "Done."),
    ("1", "It failed; standard error says what, to what, and what to do now."),
    ("2", "The command was used wrongly."),
    ("3", "Nothing, or nobody who has it, was found."),
    ("4", "The other side or a policy refused."),
    ("5", "Content failed its check."),
];

const EXAMPLES: [(&str, &str); 4] = [
    ("handout share worksheet.pdf photos/ --title \"Lesson 4\"", "Share a file and a folder as one share."),
    ("handout get handout://… --into ~/Lesson4", "Bring it here."),
    ("handout shares --json | jq -r '.[].title'", "The titles of everything that is shared in the room."),
    ("handout transfers --watch", "See transfers as they go on."),
];

/// Writes the page in roff.
pub fn write_man(out: &mut impl Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let man = Man::new(command.clone()).manual("Handout");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    commands(&command, &mut page)?;
    man.render_options_section(&mut page)?;
    rest(&mut page)?;
    out.write_all(&page)
}

fn commands(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for sub in command.get_subcommands() {
        roff.control("SS", [format!("handout {}", sub.get_name()).as_str()]);
        roff.text([roman(format!("{}.", styled(sub.get_about())))]);
        roff.control("PP", []);
        roff.text([roman(usage(sub))]);
        for argument in sub.get_arguments().filter(|argument| !argument.is_global_set() && !argument.is_hide_set()) {
            if matches!(argument.get_id().as_str(), "help" | "version") {
                continue;
            }
            roff.control("TP", []);
            roff.text([bold(name(argument))]);
            roff.text([roman(format!("{}.", styled(argument.get_help())))]);
        }
    }
    roff.to_writer(page)
}

fn usage(sub: &clap::Command) -> String {
    sub.clone().render_usage().to_string().trim_start_matches("Usage: ").to_owned()
}

fn styled(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn name(argument: &clap::Arg) -> String {
    let value =
        argument.get_value_names().map(|names| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "));
    match (argument.get_long(), value) {
        (Some(long), Some(value)) if argument.get_action().takes_values() => format!("--{long} {value}"),
        (Some(long), _) => format!("--{long}"),
        (None, value) => value.unwrap_or_else(|| argument.get_id().as_str().to_uppercase()),
    }
}

fn rest(page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["JSON"]);
    roff.text([roman(
        "With --json a command prints one JSON document; with --watch one object a line, whose field \"change\" says \
         whether a row was added, changed or removed. Sizes are in bytes, speeds in bytes a second, times in RFC 3339. \
         Fields are added in later versions, never taken away.",
    )]);
    roff.control("SH", ["ENVIRONMENT"]);
    roff.control("TP", []);
    roff.text([bold("HANDOUT_HOME")]);
    roff.text([roman("Stands for --home.")]);
    roff.control("TP", []);
    roff.text([bold("HANDOUT_LOG")]);
    roff.text([roman("Which messages are logged, for instance handout=debug.")]);
    roff.control("SH", ["FILES"]);
    for (file, meaning) in [
        ("settings.toml", "In the home folder: name, downloads, listen_port, discovery, theme."),
        ("log/handout.log", "In the home folder: what the program with the window has to say."),
    ] {
        roff.control("TP", []);
        roff.text([italic(file)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (example, meaning) in EXAMPLES {
        roff.control("TP", []);
        roff.text([bold(example)]);
        roff.text([roman(meaning)]);
    }
    roff.to_writer(page)
}
