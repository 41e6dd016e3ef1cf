//! `policy`: every setting, its value, where it comes from, and what is wrong with what was written.

use serde::Serialize;

use super::{
    Exit, Output, Shown,
    table::{Column, lay_out},
};
use crate::{
    settings::{Resolved, Setting, Source},
    traffic::Rate,
};

/// The whole answer.
#[derive(Debug, Serialize)]
struct Policy {
    settings: Vec<Row>,
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

/// Prints what holds.
pub fn write_policy(settings: &Resolved, output: &Output) -> Result<(), Exit> {
    let policy = Policy { settings: rows(settings), errors: settings.bad.iter().map(ToString::to_string).collect() };
    if output.shown == Shown::Json {
        return output.json(&policy);
    }
    let columns = [Column::left("SETTING"), Column::flexible("VALUE"), Column::left("FROM")];
    let cells = |row: &Row| [row.name.to_owned(), row.value.clone(), shown(row).to_owned()];
    let mut text = lay_out(&columns, &policy.settings.iter().map(cells).collect::<Vec<_>>(), output.width());
    for error in &policy.errors {
        text.push_str(&format!("\n{}\n", super::figures::plain(error)));
    }
    output.result(&text)
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
