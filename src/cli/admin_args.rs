//! What can be typed behind `handout admin`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Clone, Debug, Subcommand)]
pub enum PeopleCommand {
    /// List the accounts
    List,
    /// Make an account, and print its first password
    Add(AddPerson),
    /// Make an account for each line of a list (CSV: name, signs in as, group), and print the first passwords
    Import {
        /// The list; - reads it from standard input
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Give an account another role, and sign it out
    SetRole {
        /// The name they sign in with
        name: String,
        /// student, teacher, admin or owner
        role: String,
    },
    /// Give an account another name to be seen with
    SetShown {
        /// The name they sign in with
        name: String,
        /// The name that others see
        shown: String,
    },
    /// Give an account a new password, and take its one-time codes off
    ResetPassword {
        /// The name they sign in with
        name: String,
    },
    /// Keep somebody from signing in
    SwitchOff {
        /// The name they sign in with
        name: String,
    },
    /// Let somebody sign in again
    SwitchOn {
        /// The name they sign in with
        name: String,
    },
    /// Remove an account; its shares stay
    Remove {
        /// The name they sign in with
        name: String,
    },
}

#[derive(Clone, Debug, Args)]
pub struct AddPerson {
    /// The name they sign in with
    pub name: String,
    /// The name that others see
    #[arg(long, value_name = "NAME")]
    pub shown: Option<String>,
    /// student, teacher, admin or owner
    #[arg(long, default_value = "student")]
    pub role: String,
    /// A group to be in; made if there is none of that name
    #[arg(long)]
    pub group: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum GroupsCommand {
    /// List the groups
    List,
    /// Make a group
    Add {
        /// Its name
        group: String,
    },
    /// Give a group another name
    Rename {
        /// Its name
        group: String,
        /// The new one
        new: String,
    },
    /// Remove a group; the people in it stay
    Remove {
        /// Its name
        group: String,
    },
    /// Put somebody into a group
    AddMember {
        /// The group's name
        group: String,
        /// The name they sign in with
        name: String,
    },
    /// Take somebody out of a group
    RemoveMember {
        /// The group's name
        group: String,
        /// The name they sign in with
        name: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum DevicesCommand {
    /// List the computers that are enrolled
    List,
    /// Take a computer's enrolment back
    Revoke {
        /// Its id, at least 4 letters of it, or its name
        device: String,
    },
    /// List the tokens with which computers can be enrolled
    Tokens,
    /// Make such a token, and print it
    AddToken {
        /// What it is for, for whoever reads the list
        note: String,
        /// The group that the computers belong to
        #[arg(long)]
        group: Option<String>,
        /// Teachers use them: rules for students do not bind them
        #[arg(long)]
        teachers: bool,
        /// How many computers
        #[arg(long, value_name = "COUNT", default_value_t = 30)]
        uses: u64,
        /// How many days it is good
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        days: i64,
    },
    /// Take a token back
    RevokeToken {
        /// Its number in the list
        token: i64,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum PolicyCommand {
    /// Show the rules that hold
    Show,
    /// Change rules: upload=no quota_mib=2048 file_mib=none
    Set {
        /// Names as `policy show` has them; none takes a limit away
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = name_and_value)]
        changes: Vec<(String, String)>,
    },
    /// Begin an exam: until it ends, students get what is handed out for it and nothing else
    BeginExam {
        /// How long
        #[arg(long)]
        minutes: i64,
        /// For this group only; can be given several times
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// A share that is handed out, by its id; can be given several times
        #[arg(long = "share", value_name = "SHARE_ID")]
        shares: Vec<String>,
        /// Students may upload what they made
        #[arg(long)]
        hand_in: bool,
    },
    /// End an exam
    EndExam {
        /// Which one, as `policy show` names it; needed where several go on
        #[arg(long, value_name = "EXAM")]
        exam: Option<String>,
    },
    /// Could somebody do something? Why not?
    Explain {
        /// What: share.download, share.upload, link.make …
        action: String,
        /// The name they sign in with; otherwise somebody who did not sign in
        #[arg(long, value_name = "NAME")]
        person: Option<String>,
        /// The share that it is about, by its id
        #[arg(long, value_name = "SHARE_ID")]
        share: Option<String>,
    },
    /// Forbid a content, wherever it is
    Block {
        /// The file's BLAKE3 hash, as b3sum prints it
        hash: String,
        /// Why, for whoever asks
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Allow a content again
    Unblock {
        /// The file's BLAKE3 hash
        hash: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum LinksCommand {
    /// List the links through which people without an account get a share
    List,
    /// Take a link back
    Revoke {
        /// The word at its end
        token: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum UpstreamsCommand {
    /// List the servers above, and whether they answer
    List,
    /// Ask one more server for what is not here
    Add {
        /// Where it is
        #[arg(value_name = "HOST:PORT")]
        address: String,
        /// Its id, as it shows it under "Servers above"
        id: String,
        /// How people here call it
        #[arg(long)]
        name: Option<String>,
    },
    /// Ask a server no more
    Remove {
        /// Its id
        id: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List what is hidden
    List,
    /// Hide a share from everybody but teachers
    Add {
        /// The share's id
        share: String,
        /// Why
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Show a share to everybody again
    Release {
        /// The share's id
        share: String,
    },
    /// Remove a share, and the files that were uploaded for it
    Delete {
        /// The share's id
        share: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// List entries, newest first
    List(AuditWanted),
    /// Print all entries, oldest last, as CSV; with --json one object a line
    Export(AuditWanted),
    /// Read the whole log, and tell whether anything in it was changed, removed, moved or cut off
    Verify {
        /// Heads that were kept elsewhere: what `audit heads --json` printed, or /api/v1/audit/heads
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        heads: Vec<PathBuf>,
        /// Also ask the servers above for the heads that they kept
        #[arg(long)]
        upstreams: bool,
    },
    /// Sign where the log stands, and print the signed heads, to be kept elsewhere
    Heads,
}

#[derive(Clone, Debug, Args)]
pub struct AuditWanted {
    /// Only what this one did: console, or as the list has it
    #[arg(long, default_value = "")]
    pub actor: String,
    /// Only actions that begin so: share.
    #[arg(long, default_value = "")]
    pub action: String,
    /// Only entries with this in what they are about, or in the detail
    #[arg(long, default_value = "")]
    pub text: String,
    /// Only what was refused
    #[arg(long)]
    pub refused: bool,
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u32>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum SettingsCommand {
    /// Show every setting, its value, and where it comes from
    Show,
    /// Change a setting; the running server takes it in within seconds
    Set {
        /// As `settings show` has it
        key: String,
        /// Nothing goes back to what holds by itself
        #[arg(default_value = "")]
        value: String,
    },
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE, like upload=no"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
