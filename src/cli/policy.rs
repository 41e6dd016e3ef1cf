//! `policy`: every setting, its value, where it comes from, and what is wrong with what was written.

use serde::Serialize;

use super::{
    Exit, Output, Shown,
    table::{Column, lay_out},
};
use crate::{
    access::Told,
    settings::{Resolved, Setting, Source},
    traffic::Rate,
};

/// The whole answer.
#[derive(Debug, Serialize)]
struct Policy {
    settings: Vec<Row>,
    /// What the server that manages this computer allows; null where none does.
    server: Option<Server>,
    /// Values that stand in a file and are not used, each with its reason.
    errors: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    value: String,
    /// `default`, `file`, `argument` or `policy`.
    source: &'static str,
    /// An administrator chose it, and nobody else can change it.
    fixed: bool,
}

/// What the server that manages this computer said.
#[derive(Clone, Debug, Default)]
pub struct ServerRules {
    pub name: String,
    pub managed_by: String,
    pub version: u64,
    pub role: String,
    pub rules: Vec<Told>,
    /// Why there are none to go by, or why they can't be believed.
    pub error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Server {
    name: String,
    managed_by: String,
    version: u64,
    role: String,
    rules: Vec<RuleRow>,
}

#[derive(Debug, Serialize)]
struct RuleRow {
    name: &'static str,
    title: &'static str,
    value: String,
    /// Always `server`.
    source: &'static str,
    /// It takes something away from whoever uses this computer.
    limits: bool,
}

impl From<ServerRules> for Server {
    fn from(rules: ServerRules) -> Server {
        let row = |told: Told| RuleRow {
            name: told.name,
            title: told.title,
            value: told.value,
            source: "server",
            limits: told.limits,
        };
        Server {
            name: rules.name,
            managed_by: rules.managed_by,
            version: rules.version,
            role: rules.role,
            rules: rules.rules.into_iter().map(row).collect(),
        }
    }
}

/// Prints what holds.
pub fn write_policy(settings: &Resolved, server: Option<ServerRules>, output: &Output) -> Result<(), Exit> {
    let mut errors: Vec<String> = settings.bad.iter().map(ToString::to_string).collect();
    errors.extend(server.as_ref().and_then(|server| server.error.clone()));
    let policy = Policy { settings: rows(settings), server: server.map(Server::from), errors };
    if output.shown == Shown::Json {
        return output.json(&policy);
    }
    let columns = [Column::left("SETTING"), Column::flexible("VALUE"), Column::left("FROM")];
    let cells = |row: &Row| [row.name.to_owned(), row.value.clone(), shown(row).to_owned()];
    let mut text = lay_out(&columns, &policy.settings.iter().map(cells).collect::<Vec<_>>(), output.width());
    if let Some(server) = &policy.server {
        text.push_str(&server_text(server, output.width()));
    }
    for error in &policy.errors {
        text.push_str(&format!("\n{}\n", super::figures::plain(error)));
    }
    output.result(&text)
}

fn server_text(server: &Server, width: Option<usize>) -> String {
    let plain = super::figures::plain;
    let (by, name) = (plain(&server.managed_by), plain(&server.name));
    if server.rules.is_empty() {
        return format!("\nManaged by {by}\n");
    }
    let head =
        format!("\nManaged by {by}: version {} of the rules of {name}, for {}s\n\n", server.version, server.role);
    let columns = [Column::left("RULE"), Column::flexible("VALUE"), Column::left("FROM")];
    let cells = |row: &RuleRow| [row.title.to_owned(), row.value.clone(), "the server".to_owned()];
    let table = lay_out(&columns, &server.rules.iter().map(cells).collect::<Vec<_>>(), width);
    format!("{head}{table}")
}

fn shown(row: &Row) -> &'static str {
    match row.source {
        "policy" => "the administrator",
        "file" => "settings.toml",
        "argument" => "the command line",
        _ => "default",
    }
}

fn rows(settings: &Resolved) -> Vec<Row> {
    let rate = |rate: &Option<Rate>| rate.map_or_else(|| "none".to_owned(), |rate| format!("{} bytes/s", rate.get()));
    let yes = |yes: &bool| if *yes { "yes" } else { "no" }.to_owned();
    vec![
        row("name", &settings.name, Clone::clone),
        row("downloads", &settings.downloads, |folder| folder.display().to_string()),
        row("listen", &settings.listen, |listen| listen.map_or_else(|| "any".to_owned(), |at| at.to_string())),
        row("discovery", &settings.discovery, yes),
        row("limit_down", &settings.limit_down, rate),
        row("limit_up", &settings.limit_up, rate),
        row("active_downloads", &settings.active_downloads, ToString::to_string),
        row("schedule", &settings.schedule, |schedule| match schedule.0.len() {
            0 => "none".to_owned(),
            rules => super::figures::count(rules as u64, "rule", "rules"),
        }),
        row("seed_until", &settings.seed_until, ToString::to_string),
        row("stop_seeding_when_closed", &settings.stop_seeding_when_closed, yes),
        row("theme", &settings.theme, |theme| theme.as_str().to_owned()),
    ]
}

fn row<T>(name: &'static str, setting: &Setting<T>, show: impl Fn(&T) -> String) -> Row {
    let source = match setting.source {
        Source::Default => "default",
        Source::File => "file",
        Source::Argument => "argument",
        Source::Policy => "policy",
    };
    Row { name, value: show(&setting.value), source, fixed: setting.source == Source::Policy }
}
