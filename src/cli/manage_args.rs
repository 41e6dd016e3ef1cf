//! What can be typed to manage transfers.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};

use super::rates::rate;

/// A share, or everything.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["share", "all"]))]
pub struct OneOrAll {
    /// A share's id, at least 4 letters of it, its link, or its title
    #[arg(value_name = "ID")]
    pub share: Option<String>,
    /// Everything that is on its way or given
    #[arg(long)]
    pub all: bool,
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("place").args(["top", "up", "down", "bottom", "before", "after"]).requires("share"))]
pub struct Queue {
    /// The download to move; without one the queue is shown
    #[arg(value_name = "ID", requires = "place")]
    pub share: Option<String>,
    /// To the beginning of the queue
    #[arg(long)]
    pub top: bool,
    /// One place up
    #[arg(long)]
    pub up: bool,
    /// One place down
    #[arg(long)]
    pub down: bool,
    /// To the end of the queue
    #[arg(long)]
    pub bottom: bool,
    /// Before another download
    #[arg(long, value_name = "ID")]
    pub before: Option<String>,
    /// After another download
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
    /// How many downloads may be active at a time
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub active: Option<u32>,
}

/// Speeds, each a second: 500k, 2M, 64KiB, 100mbit, or none.
#[derive(Clone, Debug, Args)]
pub struct Limit {
    /// How fast all downloads together may be, each second: 500k, 2M, 64KiB, 100mbit, or none
    #[arg(long, value_name = "SPEED", value_parser = rate, allow_negative_numbers = true)]
    pub down: Option<u64>,
    /// How fast everything together may be given, each second
    #[arg(long, value_name = "SPEED", value_parser = rate, allow_negative_numbers = true)]
    pub up: Option<u64>,
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true)
    .args(["priority", "order", "class", "down", "up", "seed_until"]))]
pub struct Set {
    /// A share's id, at least 4 letters of it, its link, or its title
    #[arg(value_name = "ID")]
    pub share: String,
    /// Who goes first in the queue, at upload slots and under a limit
    #[arg(long, value_enum)]
    pub priority: Option<PriorityArg>,
    /// Which pieces come first: rarest is fastest for all, in-order lets it be looked at while it comes
    #[arg(long, value_enum)]
    pub order: Option<OrderArg>,
    /// Whether its work gives way to other programs
    #[arg(long, value_enum)]
    pub class: Option<ClassArg>,
    /// How fast it may come, each second: 500k, 2M, 64KiB, 100mbit, or none
    #[arg(long, value_name = "SPEED", value_parser = rate, allow_negative_numbers = true)]
    pub down: Option<u64>,
    /// How fast it may be given, each second
    #[arg(long, value_name = "SPEED", value_parser = rate, allow_negative_numbers = true)]
    pub up: Option<u64>,
    /// Until when it is given to others: forever, ratio:2, time:2h, copies:30, or default for what holds for all
    #[arg(long, value_name = "RULE", value_parser = seed_until_or_default)]
    pub seed_until: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PriorityArg {
    High,
    Normal,
    Low,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OrderArg {
    Rarest,
    InOrder,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ClassArg {
    Foreground,
    Background,
}

impl ClassArg {
    /// As it travels.
    pub(super) fn name(self) -> String {
        match self {
            ClassArg::Foreground => "foreground".to_owned(),
            ClassArg::Background => "background".to_owned(),
        }
    }
}

#[derive(Clone, Debug, Args)]
pub struct Schedule {
    #[command(subcommand)]
    pub change: Option<ScheduleChange>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ScheduleChange {
    /// Add a rule; the first rule that applies wins
    Add(ScheduleRule),
    /// Take a rule away, by its number in the list
    Remove {
        #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
        number: u32,
    },
    /// Take all rules away
    Clear,
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("then").required(true).multiple(true).args(["pause", "down", "up"]))]
pub struct ScheduleRule {
    /// On which days: mon-fri, sat,sun, daily
    #[arg(long, default_value = "daily", value_parser = days)]
    pub days: String,
    /// From when on, HH:MM
    #[arg(long, value_name = "HH:MM", value_parser = time)]
    pub from: String,
    /// Until when, HH:MM; a time before --from is on the next day
    #[arg(long, value_name = "HH:MM", value_parser = time)]
    pub to: String,
    /// Nothing is fetched or given
    #[arg(long, conflicts_with_all = ["down", "up"])]
    pub pause: bool,
    /// How fast all downloads together may be then, each second; left out, there is no limit then
    #[arg(long, value_name = "SPEED", value_parser = rate, allow_negative_numbers = true)]
    pub down: Option<u64>,
    /// How fast everything together may be given then, each second; left out, there is no limit then
    #[arg(long, value_name = "SPEED", value_parser = rate, allow_negative_numbers = true)]
    pub up: Option<u64>,
}

#[derive(Clone, Debug, Args)]
pub struct Seeding {
    /// Until when downloads are given to others: forever, ratio:2 (twice their size), time:2h (s, m, h, d), copies:30
    #[arg(long, value_name = "RULE", value_parser = seed_until)]
    pub until: Option<String>,
    /// Downloads that are complete are not given any more after the program was closed
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub stop_when_closed: Option<bool>,
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("choice").multiple(true).args(["only", "skip", "all"]))]
pub struct Files {
    /// A share's id, at least 4 letters of it, its link, or its title
    #[arg(value_name = "ID")]
    pub share: String,
    /// Want only these: numbers (3, 5-9) or patterns of paths (*.pdf); can be given several times
    #[arg(long, value_name = "FILES")]
    pub only: Vec<String>,
    /// Want all but these: numbers or patterns of paths; can be given several times
    #[arg(long, value_name = "FILES")]
    pub skip: Vec<String>,
    /// Want all files
    #[arg(long, conflicts_with_all = ["only", "skip"])]
    pub all: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Move {
    /// A share's id, at least 4 letters of it, its link, or its title
    #[arg(value_name = "ID")]
    pub share: String,
    /// The folder its files go into
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub into: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub struct Rename {
    /// A share's id, at least 4 letters of it, its link, or its title
    #[arg(value_name = "ID")]
    pub share: String,
    /// What its file or folder is called from now on
    #[arg(value_name = "NAME")]
    pub name: String,
}

#[derive(Clone, Debug, Args)]
pub struct Given {
    /// Add up what each computer or each share got
    #[arg(long, value_enum)]
    pub by: Option<GivenBy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GivenBy {
    Peer,
    Share,
}

fn seed_until(text: &str) -> Result<String, String> {
    let problem = || format!("{text:?} is no rule; use forever, ratio:2, time:2h (s, m, h, d) or copies:30");
    crate::traffic::SeedUntil::parse(text).map(|_| text.to_owned()).ok_or_else(problem)
}

fn seed_until_or_default(text: &str) -> Result<String, String> {
    if text == "default" { Ok(text.to_owned()) } else { seed_until(text) }
}

fn days(text: &str) -> Result<String, String> {
    let problem = || format!("{text:?} are no days; use for instance mon-fri, sat,sun or daily");
    crate::traffic::Days::parse(text).map(|days| days.to_string()).ok_or_else(problem)
}

fn time(text: &str) -> Result<String, String> {
    let problem = || format!("{text:?} is no time of a day; use HH:MM, for instance 08:00");
    crate::traffic::schedule::parse_minute(text).map(|_| text.to_owned()).ok_or_else(problem)
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" | "on" => Ok(true),
        "no" | "false" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither yes nor no")),
    }
}
