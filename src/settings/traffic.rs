//! How limits, schedule and seeding rules stand in the settings file.

use toml::{Table, Value};

use crate::traffic::{
    Days, Limits, Rate, Rule, Schedule, SeedUntil, Then,
    schedule::{RULES_MAX, parse_minute, show_minute},
};

/// How many downloads are active at a time when nothing is said.
pub const ACTIVE_DOWNLOADS: u32 = 5;
const ACTIVE_DOWNLOADS_MAX: u32 = 1_000;
const NOT_A_RATE: &str = "it must be a number of bytes a second, at least 4096";

pub(super) fn rate(value: &Value) -> Result<Rate, &'static str> {
    let rate = value.as_integer().and_then(|rate| u64::try_from(rate).ok());
    rate.and_then(Rate::new).ok_or(NOT_A_RATE)
}

pub(super) fn active_downloads(value: &Value) -> Result<u32, &'static str> {
    let count = value.as_integer().and_then(|count| u32::try_from(count).ok());
    count.filter(|count| (1..=ACTIVE_DOWNLOADS_MAX).contains(count)).ok_or("it must be a number from 1 to 1000")
}

pub(super) fn seed_until(value: &Value) -> Result<SeedUntil, &'static str> {
    let reason = "it must be \"forever\", \"ratio:2\", \"time:2h\" or \"copies:30\"";
    value.as_str().and_then(SeedUntil::parse).ok_or(reason)
}

/// All rules or none: a schedule with a hole in it is not what was meant.
pub(super) fn schedule(value: &Value) -> Result<Schedule, &'static str> {
    let rules = value.as_array().ok_or("it must be a list of tables: [[schedule]]")?;
    if rules.len() > RULES_MAX {
        return Err("it has more than 64 rules");
    }
    rules.iter().map(rule).collect::<Result<Vec<_>, _>>().map(Schedule)
}

fn rule(value: &Value) -> Result<Rule, &'static str> {
    let table = value.as_table().ok_or("each rule must be a table: [[schedule]]")?;
    let text = |key: &str| table.get(key).and_then(Value::as_str);
    let limit = |key: &str| table.get(key).map(rate).transpose();
    let days = match table.get("days") {
        None => Days::ALL,
        Some(days) => days.as_str().and_then(Days::parse).ok_or("\"days\" must be like \"mon-fri\"")?,
    };
    let minute = |key: &str| text(key).and_then(parse_minute).ok_or("\"from\" and \"to\" must be like \"08:00\"");
    let limits = Limits { down: limit("limit_down")?, up: limit("limit_up")? };
    let pause = match table.get("pause") {
        None => false,
        Some(pause) => pause.as_bool().ok_or("\"pause\" must be true or false")?,
    };
    let then = if pause { Then::Pause } else { Then::Limit(limits) };
    Ok(Rule { days, from: minute("from")?, to: minute("to")?, then })
}

pub(super) fn rate_value(rate: Rate) -> Value {
    Value::Integer(i64::try_from(rate.get()).unwrap_or(i64::MAX))
}

pub(super) fn schedule_value(schedule: &Schedule) -> Value {
    let rules = schedule.0.iter().map(|rule| {
        let mut table = Table::new();
        table.insert("days".to_owned(), Value::String(rule.days.to_string()));
        table.insert("from".to_owned(), Value::String(show_minute(rule.from)));
        table.insert("to".to_owned(), Value::String(show_minute(rule.to)));
        match rule.then {
            Then::Pause => drop(table.insert("pause".to_owned(), Value::Boolean(true))),
            Then::Limit(limits) => {
                let mut put = |key: &str, rate: Option<Rate>| {
                    rate.map(|rate| table.insert(key.to_owned(), rate_value(rate)));
                };
                put("limit_down", limits.down);
                put("limit_up", limits.up);
            }
        }
        Value::Table(table)
    });
    Value::Array(rules.collect())
}
