//! A line of the timetable: on which days, at which hours, and what holds then.

use egui::{Align, Layout, Response, RichText, Ui, vec2};

use super::{answers_ui, heading, limits, problem_ui};
use crate::{
    engine::command::Command,
    traffic::{Days, Limits, Rule, Schedule, Then, schedule::RULES_MAX, schedule::show_minute},
    window::{
        icons,
        memory::RuleText,
        parts::{
            choice::radio_ui,
            field::field_ui,
            push::{Look, Push},
        },
        theme::{Palette, Type, size, space},
        typed,
        view::View,
        words,
    },
};

const TIME: f32 = 96.0;

/// Draws the question; whether it stays open.
pub fn rule_ui(ui: &mut Ui, view: &mut View<'_>, at: Option<usize>, rule: &mut RuleText) -> bool {
    heading(ui, words::schedule::NEW);
    days_ui(ui, &mut rule.days);
    times_ui(ui, rule);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        if radio_ui(ui, !rule.pause, icons::GAUGE, words::schedule::SLOWER).clicked() {
            rule.pause = false;
        }
        if radio_ui(ui, rule.pause, icons::PAUSE, words::schedule::PAUSE).clicked() {
            rule.pause = true;
        }
    });
    if !rule.pause {
        ui.columns(2, |columns| {
            let sides = [(words::limits::DOWN, &mut rule.down), (words::limits::UP, &mut rule.up)];
            for (ui, (name, text)) in columns.iter_mut().zip(sides) {
                ui.spacing_mut().item_spacing.y = space::XS;
                limits::speed_ui(ui, name, text);
                limits::means_ui(ui, text);
            }
        });
    }
    let mut schedule = view.now.traffic.schedule.clone();
    let read = read(rule);
    let full = at.is_none() && schedule.0.len() >= RULES_MAX;
    problem_ui(ui, read.err().or(full.then_some(words::schedule::TOO_MANY)).filter(|why| !why.is_empty()));
    let (yes, no) = answers_ui(ui, words::SAVE, Look::Filled, words::CANCEL, read.is_ok() && !full);
    let (Ok(rule), true) = (read, yes) else { return !no };
    match at.and_then(|at| schedule.0.get_mut(at)) {
        Some(old) => *old = rule,
        None => schedule.0.push(rule),
    }
    view.send(Command::SetSchedule { schedule });
    false
}

/// Seven days to press.
fn days_ui(ui: &mut Ui, days: &mut [bool; 7]) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let each = ((ui.available_width() - 6.0 * space::XS) / 7.0).floor();
        for (at, day) in days.iter_mut().enumerate() {
            let look = if *day { Look::Filled } else { Look::Outlined };
            let push = Push::new(words::schedule::DAYS[at], look).named(words::schedule::LONG_DAYS[at]).wide(each);
            let response: Response = ui.add(push);
            response.widget_info(|| {
                egui::WidgetInfo::selected(egui::Role::CheckBox, true, *day, words::schedule::LONG_DAYS[at])
            });
            if response.clicked() {
                *day = !*day;
            }
        }
    });
}

fn times_ui(ui: &mut Ui, rule: &mut RuleText) {
    let palette = Palette::of(ui);
    let word = |ui: &mut Ui, word: &str| {
        ui.label(RichText::new(word).font(Type::Body.font()).color(palette.text_soft));
    };
    ui.allocate_ui_with_layout(vec2(ui.available_width(), size::FIELD), Layout::left_to_right(Align::Center), |ui| {
        word(ui, words::schedule::FROM);
        field_ui(ui, &mut rule.from, words::schedule::BEGINS, "8:00", TIME);
        word(ui, words::schedule::TO);
        field_ui(ui, &mut rule.to, words::schedule::ENDS, "15:30", TIME);
    });
}

/// The rule that is typed; the error is a sentence, or nothing where the field of a speed says it.
fn read(rule: &RuleText) -> Result<Rule, &'static str> {
    let chosen = (0..).zip(rule.days).filter(|(_, chosen)| *chosen).map(|(day, _)| day);
    let days = Days::new(chosen).ok_or(words::schedule::NO_DAY)?;
    let time = |text: &str| typed::minute(text).ok_or(words::schedule::NO_TIME);
    let (from, to) = (time(&rule.from)?, time(&rule.to)?);
    let then = if rule.pause { Then::Pause } else { Then::Limit(limits::read(&rule.down, &rule.up).ok_or("")?) };
    Ok(Rule { days, from, to, then })
}

impl RuleText {
    /// Lessons, which is what most want.
    pub fn usual() -> RuleText {
        let (from, to) = ("8:00".to_owned(), "15:30".to_owned());
        let days = [true, true, true, true, true, false, false];
        RuleText { days, from, to, pause: false, down: "2 MB/s".to_owned(), up: "1 MB/s".to_owned() }
    }

    pub fn of(rule: &Rule) -> RuleText {
        let limits = match rule.then {
            Then::Pause => Limits::NONE,
            Then::Limit(limits) => limits,
        };
        let mut days = [false; 7];
        for (day, chosen) in (0..).zip(&mut days) {
            *chosen = rule.days.contains(day);
        }
        let to = if rule.to == 0 { "24:00".to_owned() } else { show_minute(rule.to) };
        RuleText {
            days,
            from: show_minute(rule.from),
            to,
            pause: rule.then == Then::Pause,
            down: typed::rate_text(limits.down),
            up: typed::rate_text(limits.up),
        }
    }
}

/// A schedule without one of its lines, or with one of them a place earlier.
pub fn without(schedule: &Schedule, at: usize) -> Schedule {
    let rules = schedule.0.iter().enumerate().filter(|(place, _)| *place != at);
    Schedule(rules.map(|(_, rule)| *rule).collect())
}

pub fn earlier(schedule: &Schedule, at: usize) -> Schedule {
    let mut schedule = schedule.clone();
    if at > 0 && at < schedule.0.len() {
        schedule.0.swap(at - 1, at);
    }
    schedule
}
