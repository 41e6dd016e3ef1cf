//! What can be typed. The words here are the help, the manual page and the completions at once.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueHint};

use super::{
    admin_args::{
        AuditCommand, DevicesCommand, GroupsCommand, LinksCommand, PeopleCommand, PolicyCommand, QuarantineCommand,
        SettingsCommand, UpstreamsCommand,
    },
    manage_args::{ClassArg, Files, Given, Limit, Move, OneOrAll, Queue, Rename, Schedule, Seeding, Set},
};

/// Hand files out across the room.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "handout",
    version,
    disable_help_subcommand = true,
    after_help = "With no arguments Handout opens its window; with paths it opens it as if they had been dropped on it.\n\
                  A path that is named like a command: ./share"
)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Files and folders to open the window with, as if they had been dropped on it
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
}

/// What goes for every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Print JSON: one document, or with --watch one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Print the result alone: no progress, no remarks
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more of what is done; twice for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Keep identity, settings, database and state under this folder
    #[arg(long, global = true, value_name = "DIR", env = "HANDOUT_HOME", value_hint = ValueHint::DirPath)]
    pub home: Option<PathBuf>,
    /// Answer others at this address; port 0 takes any that is free
    #[arg(long, global = true, value_name = "ADDR:PORT", value_parser = crate::platform::scope::address)]
    pub listen: Option<SocketAddr>,
    /// Neither look for other computers nor announce this one
    #[arg(long, global = true)]
    pub no_discovery: bool,
    /// Ask this computer too, although nobody announced it; can be given several times
    #[arg(long = "peer", global = true, value_name = "HOST:PORT", value_parser = host_and_port, value_hint = ValueHint::Hostname)]
    pub peers: Vec<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Share files and folders, and print the link
    Share(Share),
    /// Bring a share here; done when every file is complete and verified
    Get(Get),
    /// List the shares that are known
    Shares(List),
    /// List the other computers that are around
    Peers(List),
    /// List what is on its way here or given to others
    Transfers(List),
    /// Show this computer: id, name, address, folders
    Status(List),
    /// Find shares by words in their title or publisher
    Search(Search),
    /// Stop a transfer, or all, for now
    Pause(OneOrAll),
    /// Go on with a paused transfer, or with all
    Resume(OneOrAll),
    /// Try again at once what failed or waits to be tried again
    Retry(OneOrAll),
    /// Show the queue of downloads, move one in it, or choose how many are active at a time
    Queue(Queue),
    /// Change one transfer: priority, order, class, limits, seeding rule
    Set(Set),
    /// Limit all transfers together, or show what holds
    Limit(Limit),
    /// Show or change at which hours other limits hold
    Schedule(Schedule),
    /// Choose until when downloads are given to others, or show what holds
    Seeding(Seeding),
    /// List the files of a transfer, or choose which are wanted
    Files(Files),
    /// Put a transfer's files into another folder, also while it is on its way
    Move(Move),
    /// Give a transfer's file or folder another name, also while it is on its way
    Rename(Rename),
    /// Show what was given to whom
    Given(Given),
    /// Show why a transfer is as fast as it is, with its peers, pieces and speed
    Why(OneShare),
    /// Find out why others can't be seen: tests each step, names the cause, and says what to do now
    Doctor,
    /// Show every setting and rule, its value, and where it comes from
    Policy,
    /// Let a central server manage this computer: its administrator gives you a token
    Enrol(Enrol),
    /// Let no server manage this computer any more
    Leave,
    /// Give up a transfer and delete what is unfinished of it
    Cancel(OneShare),
    /// Stop giving a share out; its files stay where they are
    Unshare(OneShare),
    /// Read a share's files again and check every byte
    Verify(OneShare),
    /// Run without a window, in the foreground
    Daemon,
    /// Run as a central server that people reach with a browser, in the foreground
    Serve(Serve),
    /// Manage the central server of this home folder
    Admin(AdminArgs),
    /// Print the completions for a shell
    Completions(Completions),
    /// Print the manual page
    Man,
}

#[derive(Clone, Debug, Args)]
pub struct Share {
    /// Files and folders; together they are one share
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// What the share is called; otherwise the name of the first path, and how many more there are
    #[arg(long)]
    pub title: Option<String>,
    /// Who may have it: everyone, link (whoever has the link; it is not listed), or a computer by id, beginning of its
    /// id, or name; several computers can be given
    #[arg(long = "for", value_name = "everyone|link|PEER")]
    pub recipients: Vec<String>,
    /// Leave out files that can't be read; otherwise nothing is shared when there is one
    #[arg(long)]
    pub leave_out: bool,
    /// Whether reading it, and giving it out, gives way to other programs
    #[arg(long, value_enum)]
    pub class: Option<ClassArg>,
}

#[derive(Clone, Debug, Args)]
pub struct Enrol {
    /// Where the server answers, or its name where it is around
    #[arg(value_name = "HOST:PORT|NAME", value_hint = ValueHint::Hostname)]
    pub server: String,
    /// As the server showed it to its administrator
    pub token: String,
}

#[derive(Clone, Debug, Args)]
pub struct Get {
    /// A link, a share's id, at least 4 letters of one that is known, or its title
    #[arg(value_name = "LINK|SHARE_ID")]
    pub link: String,
    /// The folder to put it in; otherwise the downloads folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub into: Option<PathBuf>,
    /// Only these of its files: numbers (3), ranges (5-9) or patterns of a path (*.pdf); chosen before any of them comes
    #[arg(long, value_name = "FILES", conflicts_with = "choose")]
    pub only: Vec<String>,
    /// All of its files but these
    #[arg(long, value_name = "FILES", conflicts_with = "choose")]
    pub skip: Vec<String>,
    /// Show its files and ask which; where nobody can be asked, it waits for `handout files` and `handout resume`
    #[arg(long)]
    pub choose: bool,
    /// Go on giving it to others when it is complete, until Ctrl-C
    #[arg(long)]
    pub keep_seeding: bool,
    /// How many seconds to look for somebody who has it
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub timeout: u64,
}

#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// The server's configuration; without it everything has a default that works
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Only look whether the configuration is right
    #[arg(long)]
    pub check: bool,
    /// How messages are written to standard error: text for people, json for programs that gather logs
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How the server's messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Args)]
pub struct AdminArgs {
    /// The server's configuration, where it has one
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: AdminCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub enum AdminCommand {
    /// Accounts: list, add, import, change, remove
    People {
        #[command(subcommand)]
        command: Option<PeopleCommand>,
    },
    /// Groups: list, add, rename, remove, members
    Groups {
        #[command(subcommand)]
        command: Option<GroupsCommand>,
    },
    /// Computers of the room, and the tokens with which they are enrolled
    Devices {
        #[command(subcommand)]
        command: Option<DevicesCommand>,
    },
    /// What students may do; exams; forbidden contents; why somebody may not do something
    Policy {
        #[command(subcommand)]
        command: Option<PolicyCommand>,
    },
    /// Links through which people without an account get a share
    Links {
        #[command(subcommand)]
        command: Option<LinksCommand>,
    },
    /// The servers above, which are asked for what is not here
    Upstreams {
        #[command(subcommand)]
        command: Option<UpstreamsCommand>,
    },
    /// What is hidden from everybody but teachers
    Quarantine {
        #[command(subcommand)]
        command: Option<QuarantineCommand>,
    },
    /// What is kept, what is free, and who has how much
    Storage,
    /// The audit log: list, export, verify
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// What can be set while the server runs
    Settings {
        #[command(subcommand)]
        command: Option<SettingsCommand>,
    },
    /// Write all of the server (accounts, shares with their bytes, unfinished uploads, the log, keys) into a folder; it may
    /// run meanwhile. Done again into the same folder, only what is new is copied
    Backup {
        /// The folder; keep it as safe as the server's keys, which are in it
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        to: PathBuf,
    },
    /// Bring a backup into an empty home folder, database and storage; nothing that is there is written over
    Restore {
        /// What `backup` wrote
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        from: PathBuf,
    },
    /// Write the server into a folder in a form that suits any database and storage, for moving it
    Export {
        /// The folder; broken off, it goes on when the command is given again
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        to: PathBuf,
    },
    /// Bring what was exported into the empty server that --config describes, whichever database and storage it has
    Import {
        /// What `export` wrote
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        from: PathBuf,
    },
}

#[derive(Clone, Debug, Args)]
pub struct List {
    /// Stay, and show each change
    #[arg(long)]
    pub watch: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Search {
    /// All of them must be found
    #[arg(required = true, value_name = "WORD")]
    pub words: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub struct OneShare {
    /// A share's id, at least 4 letters of it, its link, or its title
    #[arg(value_name = "ID")]
    pub share: String,
}

#[derive(Clone, Debug, Args)]
pub struct Completions {
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `HOST:PORT` or `[IPV6]:PORT`, as text: the name is looked up by whoever connects.
fn host_and_port(text: &str) -> Result<String, String> {
    let problem = || format!("{text:?} is not HOST:PORT, for instance pc-07:47548 or [fe80::1]:47548");
    let (host, port) = text.rsplit_once(':').ok_or_else(problem)?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let host_is_one = !host.is_empty() && (bracketed || !host.contains(':'));
    let port_is_one = port.parse::<u16>().is_ok_and(|port| port != 0);
    let readable = text.len() <= 300 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if host_is_one && port_is_one && readable { Ok(text.to_owned()) } else { Err(problem()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_description_of_the_arguments_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_before_and_after_the_command() {
        let before = Cli::try_parse_from(["handout", "--json", "--home", "/h", "shares", "--watch"]).unwrap();
        let after = Cli::try_parse_from(["handout", "shares", "--watch", "--home", "/h", "--json"]).unwrap();

        for cli in [before, after] {
            assert!(cli.common.json && cli.common.home == Some("/h".into()));
            assert!(matches!(cli.command, Some(Command::Shares(List { watch: true }))));
        }
    }

    #[test]
    fn words_that_are_no_command_are_paths() {
        let cli = Cli::try_parse_from(["handout", "a.pdf", "b/", "share"]).unwrap();

        assert!(cli.command.is_none());
        assert_eq!(cli.paths, ["a.pdf", "b/", "share"].map(PathBuf::from));
    }

    #[test]
    fn a_peer_is_a_host_and_a_port() {
        for good in ["10.0.0.7:47548", "pc-07:1", "[fe80::1%eth0]:65535"] {
            assert_eq!(host_and_port(good), Ok(good.to_owned()));
        }
        for bad in ["", "pc-07", "pc-07:", ":1", "pc:0", "pc:70000", "fe80::1:99", "a b:1", "\u{1b}[31m:1", "[::1]"] {
            assert!(host_and_port(bad).is_err(), "{bad:?}");
        }
    }
}
