//! What a person typed about limits, priorities and rules, as commands to the engine; and whether they came true.

use crate::{
    engine::{
        command::Command,
        snapshot::{Traffic, TransferRow},
    },
    share::ShareId,
    traffic::{
        Class, Days, Limits, Order, Priority, Rate, Rule, SeedUntil, Then,
        limits::{RATE_MAX, RATE_MIN},
        schedule::parse_minute,
    },
    wire::{
        control::{Failure, FailureKind},
        manage::{Chosen, ChosenForAll, ScheduleRule},
    },
};

const ACTIVE_MAX: u32 = 1_000;

/// What is to be changed of one transfer. `now`: its own limits.
pub(super) fn of_one(chosen: &Chosen, share: ShareId, now: Limits) -> Result<Vec<Command>, Failure> {
    let mut commands = vec![];
    if let Some(text) = &chosen.priority {
        let priority = Priority::parse(text).ok_or_else(|| wrong("priority", text, "Use high, normal or low."))?;
        commands.push(Command::SetPriority { share, priority });
    }
    if let Some(text) = &chosen.order {
        let order = Order::parse(text).ok_or_else(|| wrong("order", text, "Use rarest or in-order."))?;
        commands.push(Command::SetOrder { share, order });
    }
    if let Some(text) = &chosen.class {
        commands.push(Command::SetClass { share, class: class(text)? });
    }
    if chosen.limit_down.is_some() || chosen.limit_up.is_some() {
        commands.push(Command::SetLimits { share, limits: changed(now, chosen.limit_down, chosen.limit_up)? });
    }
    if let Some(text) = &chosen.seed_until {
        let until = if text == "default" { None } else { Some(seed_until(text)?) };
        commands.push(Command::SetSeeding { share, until });
    }
    Ok(commands)
}

/// What is to be changed for all transfers together.
pub(super) fn of_all(chosen: &ChosenForAll, now: &Traffic) -> Result<Vec<Command>, Failure> {
    let mut commands = vec![];
    if chosen.limit_down.is_some() || chosen.limit_up.is_some() {
        let limits = changed(now.limits, chosen.limit_down, chosen.limit_up)?;
        within(limits.down, now.fixed.limits.down, chosen.limit_down)?;
        within(limits.up, now.fixed.limits.up, chosen.limit_up)?;
        commands.push(Command::SetTotalLimits { limits });
    }
    if let Some(count) = chosen.active_downloads {
        if !(1..=ACTIVE_MAX).contains(&count) {
            return Err(wrong("number of active downloads", &count.to_string(), "Use a number from 1 to 1000."));
        }
        if now.fixed.active_downloads {
            return Err(is_fixed("The number of active downloads"));
        }
        commands.push(Command::SetActiveDownloads { count });
    }
    if let Some(text) = &chosen.seed_until {
        let until = seed_until(text)?;
        if now.fixed.seed_until {
            return Err(is_fixed("The seeding rule"));
        }
        commands.push(Command::SetSeedingOfAll { until });
    }
    if let Some(stop) = chosen.stop_seeding_when_closed {
        if now.fixed.stop_seeding_when_closed {
            return Err(is_fixed("Whether seeding stops"));
        }
        commands.push(Command::SetStopSeedingWhenClosed { stop });
    }
    Ok(commands)
}

/// Whether a transfer shows what a command of [`of_one`] wished.
pub(super) fn shows_one(command: &Command, row: &TransferRow) -> bool {
    match command {
        Command::SetPriority { priority, .. } => row.priority == *priority,
        Command::SetOrder { order, .. } => row.order == *order,
        Command::SetClass { class, .. } => row.class == *class,
        Command::SetLimits { limits, .. } => row.limits == *limits,
        Command::SetSeeding { until, .. } => row.seed_until == *until,
        _ => true,
    }
}

/// Whether it shows what a command of [`of_all`] wished.
pub(super) fn shows_all(command: &Command, now: &Traffic) -> bool {
    match command {
        Command::SetTotalLimits { limits } => now.limits == *limits,
        Command::SetActiveDownloads { count } => now.active_downloads == *count,
        Command::SetSeedingOfAll { until } => now.seed_until == *until,
        Command::SetStopSeedingWhenClosed { stop } => now.stop_seeding_when_closed == *stop,
        _ => true,
    }
}

/// A rule of the schedule.
pub(super) fn rule(rule: &ScheduleRule) -> Result<Rule, Failure> {
    let days = Days::parse(&rule.days).ok_or_else(|| wrong("days", &rule.days, "Use mon-fri, sat,sun or daily."))?;
    let minute = |text: &str| parse_minute(text).ok_or_else(|| wrong("time", text, "Use HH:MM, for instance 08:00."));
    let limits = changed(Limits::NONE, rule.limit_down, rule.limit_up)?;
    let then = if rule.pause { Then::Pause } else { Then::Limit(limits) };
    Ok(Rule { days, from: minute(&rule.from)?, to: minute(&rule.to)?, then })
}

/// Limits with those that were given in place of those that hold; 0 takes a limit away.
fn changed(now: Limits, down: Option<u64>, up: Option<u64>) -> Result<Limits, Failure> {
    let change = |now: Option<Rate>, wished: Option<u64>| match wished {
        None => Ok(now),
        Some(0) => Ok(None),
        Some(rate) => Rate::new(rate).map(Some).ok_or_else(|| {
            let hint = format!("Use {RATE_MIN} to {RATE_MAX} bytes a second, or none; to stop it, pause it.");
            wrong("limit", &format!("{rate} bytes a second"), &hint)
        }),
    };
    Ok(Limits { down: change(now.down, down)?, up: change(now.up, up)? })
}

/// Nobody goes beyond what an administrator allows; only who just wished to is told.
fn within(limit: Option<Rate>, most: Option<Rate>, wished: Option<u64>) -> Result<(), Failure> {
    match most.filter(|most| wished.is_some() && limit.is_some_and(|limit| limit > *most)) {
        Some(most) => {
            let hint = "`handout policy` shows what is fixed; ask the administrator of this computer.";
            let about = format!("at most {} bytes a second are allowed", most.get());
            Err(Failure::new(FailureKind::Refused, "The limit is higher than an administrator allows", about, hint))
        }
        None => Ok(()),
    }
}

pub(super) fn class(text: &str) -> Result<Class, Failure> {
    Class::parse(text).ok_or_else(|| wrong("class", text, "Use foreground or background."))
}

fn seed_until(text: &str) -> Result<SeedUntil, Failure> {
    let hint = "Use forever, ratio:2 (twice its size), time:2h (s, m, h, d) or copies:30 (others that have it).";
    SeedUntil::parse(text).ok_or_else(|| wrong("seeding rule", text, hint))
}

pub(super) fn is_fixed(what: &str) -> Failure {
    let hint = "`handout policy` shows what is fixed; ask the administrator of this computer.";
    Failure::new(FailureKind::Refused, format!("{what} is fixed by an administrator"), "", hint)
}

fn wrong(thing: &str, text: &str, hint: &str) -> Failure {
    Failure::new(FailureKind::Usage, format!("This is no {thing}"), text, hint)
}
