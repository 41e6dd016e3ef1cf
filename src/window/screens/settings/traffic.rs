//! How fast, when, how many at a time and how long: what holds for all transfers together.

use egui::{Align, Layout, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::{
    engine::command::Command,
    traffic::{LocalTime, Rule, Schedule, Then},
    window::{
        figures, icons,
        memory::{Dialog, RuleText},
        parts::{
            choice, dialogs, lock, paint,
            push::{Look, Push},
        },
        screens::soft,
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
        words,
    },
};

/// More at a time only makes all of them slow.
const AT_A_TIME_MAX: u32 = 100;
const LINE: f32 = 36.0;
const WEEK_DAY: f32 = 14.0;
const WEEK_NAME: f32 = 36.0;
/// Minutes that a square of the week stands for.
const STEP: u16 = 30;

/// Both directions, and the way to change them.
pub fn speed_ui(ui: &mut Ui, view: &mut View<'_>) {
    let traffic = &view.now.traffic;
    let limits = traffic.limits;
    let palette = Palette::of(ui);
    line_ui(ui, |ui| {
        for (name, rate) in [(words::limits::DOWN, limits.down), (words::limits::UP, limits.up)] {
            ui.label(RichText::new(name).font(Type::Body.font()).color(palette.text_soft));
            let rate = words::limits::rate(rate);
            ui.label(RichText::new(rate).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
            ui.add_space(space::M);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.add(Push::new(words::limits::CHANGE, Look::Outlined)).clicked() {
                view.ask_total_limits();
            }
        });
    });
    for (name, most) in [(words::limits::DOWN, traffic.fixed.limits.down), (words::limits::UP, traffic.fixed.limits.up)]
    {
        if let Some(most) = most {
            let at_most = words::limits::at_most(&figures::speed(most.get()));
            lock::locked_ui(ui, &format!("{name}: {at_most}"));
        }
    }
    if traffic.limits_now != limits {
        soft(ui, words::limits::now(traffic.limits_now));
    }
}

/// How many come at a time: fewer, more.
pub fn at_a_time_ui(ui: &mut Ui, view: &mut View<'_>) {
    let (count, fixed) = (view.now.traffic.active_downloads, view.now.traffic.fixed.active_downloads);
    let palette = Palette::of(ui);
    line_ui(ui, |ui| {
        let fewer = Push::icon_only(icons::MINUS, words::control::FEWER).enabled(!fixed && count > 1);
        if ui.add(fewer).clicked() {
            view.send(Command::SetActiveDownloads { count: count - 1 });
        }
        let text = words::control::downloads_at_a_time(count);
        ui.label(RichText::new(text).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
        let more = Push::icon_only(icons::PLUS, words::control::MORE_AT_A_TIME);
        if ui.add(more.enabled(!fixed && count < AT_A_TIME_MAX)).clicked() {
            view.send(Command::SetActiveDownloads { count: count + 1 });
        }
    });
    lock::managed_ui(ui, fixed);
}

/// Until when what came is given on.
pub fn giving_ui(ui: &mut Ui, view: &mut View<'_>) {
    let traffic = &view.now.traffic;
    let (until, fixed) = (traffic.seed_until, traffic.fixed);
    let stop = traffic.stop_seeding_when_closed;
    let palette = Palette::of(ui);
    line_ui(ui, |ui| {
        let text = words::seeding::until(until);
        ui.label(RichText::new(text).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let push = Push::new(words::seeding::CHANGE, Look::Outlined).enabled(!fixed.seed_until);
            if ui.add(push).clicked() {
                view.ask_seeding_of_all();
            }
        });
    });
    lock::managed_ui(ui, fixed.seed_until);
    let (text, more) = (words::seeding::STOP_WHEN_CLOSED, words::seeding::STOP_WHEN_CLOSED_TEXT);
    if choice::switch_ui(ui, stop, text, more, !fixed.stop_seeding_when_closed).clicked() {
        view.send(Command::SetStopSeedingWhenClosed { stop: !stop });
    }
    lock::managed_ui(ui, fixed.stop_seeding_when_closed);
}

/// The lines of the timetable, and the week that they make.
pub fn schedule_ui(ui: &mut Ui, view: &mut View<'_>) {
    let (now, fixed) = (view.now, view.now.traffic.fixed.schedule);
    let schedule = &now.traffic.schedule;
    if !schedule.0.is_empty() {
        week_ui(ui, schedule);
    }
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (at, rule) in schedule.0.iter().enumerate() {
            let holds = now.traffic.rule_now.is_some_and(|(place, _)| place == at);
            rule_ui(ui, view, at, rule, holds, fixed);
        }
    });
    if !fixed && ui.add(Push::new(words::schedule::ADD, Look::Outlined).icon(icons::PLUS)).clicked() {
        view.memory.dialog = Some(Dialog::Rule { at: None, rule: RuleText::usual() });
    }
    lock::managed_ui(ui, fixed);
}

fn rule_ui(ui: &mut Ui, view: &mut View<'_>, at: usize, rule: &Rule, holds: bool, fixed: bool) {
    let palette = Palette::of(ui);
    let hours = words::schedule::hours(rule);
    let then = words::schedule::then(&rule.then);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, format!("{hours}, {then}")));
    if holds {
        ui.painter().rect_filled(rect, radius::SMALL, palette.info_soft);
    }
    let buttons = if fixed { 0.0 } else { 3.0 * (size::CONTROL + space::XS) };
    let text =
        Rect::from_min_max(pos2(rect.left() + space::S, rect.top()), pos2(rect.right() - buttons, rect.bottom()));
    let font = Type::Body.weighing(Weight::Medium);
    paint::line(ui.painter(), text, Align::Min, &hours, font, palette.text);
    let then_at = Rect::from_min_max(pos2(text.left() + 200.0, text.top()), text.max);
    paint::line(ui.painter(), then_at, Align::Min, &then, Type::Body.font(), palette.text_soft);
    if fixed {
        return;
    }
    let schedule = &view.now.traffic.schedule;
    let mut button = |place: usize, icon, verb: &str, possible: bool| {
        let from_right = place as f32 * (size::CONTROL + space::XS);
        let spot = paint::at_right(rect, from_right, size::CONTROL, size::CONTROL);
        ui.place(spot, Push::icon_only(icon, words::about_action(verb, &hours)).enabled(possible)).clicked()
    };
    if button(0, icons::TRASH, words::schedule::REMOVE, true) {
        view.send(Command::SetSchedule { schedule: dialogs::rule::without(schedule, at) });
    }
    if button(1, icons::PENCIL_SIMPLE, words::schedule::EDIT, true) {
        view.memory.dialog = Some(Dialog::Rule { at: Some(at), rule: RuleText::of(rule) });
    }
    if button(2, icons::ARROW_UP, words::schedule::EARLIER, at > 0) {
        view.send(Command::SetSchedule { schedule: dialogs::rule::earlier(schedule, at) });
    }
}

/// Seven days of 24 hours: what holds when, at a glance.
fn week_ui(ui: &mut Ui, schedule: &Schedule) {
    let palette = Palette::of(ui);
    let height = 8.0 * WEEK_DAY + space::S;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words::schedule::WEEK));
    let left = rect.left() + WEEK_NAME;
    let wide = rect.right() - left;
    let x = |minute: u16| left + wide * f32::from(minute) / 1440.0;
    for (weekday, name) in (0..).zip(words::schedule::DAYS) {
        let top = rect.top() + WEEK_DAY * f32::from(weekday);
        let line = Rect::from_min_size(pos2(rect.left(), top), vec2(WEEK_NAME, WEEK_DAY));
        paint::line(ui.painter(), line, Align::Min, name, Type::Small.font(), palette.text_soft);
        let strip = Rect::from_min_max(pos2(left, top + 1.0), pos2(rect.right(), top + WEEK_DAY - 1.0));
        ui.painter().rect_filled(strip, 2.0, palette.track);
        // Neighbours that are alike are one stroke.
        let mut from = 0;
        while from < 1440 {
            let then = holding(schedule, weekday, from);
            let mut to = from + STEP;
            while to < 1440 && holding(schedule, weekday, to) == then {
                to += STEP;
            }
            let ink = match then {
                None => None,
                Some(Then::Pause) => Some(palette.text_faint),
                Some(Then::Limit(_)) => Some(palette.accent),
            };
            if let Some(ink) = ink {
                let part = Rect::from_min_max(pos2(x(from), strip.top()), pos2(x(to), strip.bottom()));
                ui.painter().rect_filled(part, 2.0, ink);
            }
            from = to;
        }
    }
    let hours = Rect::from_min_max(pos2(left, rect.top() + 7.0 * WEEK_DAY + 2.0), rect.max);
    for (hour, align) in
        [(0, Align::Min), (6, Align::Center), (12, Align::Center), (18, Align::Center), (24, Align::Max)]
    {
        let at = x(hour * 60);
        let spot = match align {
            Align::Min => Rect::from_min_max(pos2(at, hours.top()), pos2(at + 40.0, hours.bottom())),
            Align::Center => Rect::from_min_max(pos2(at - 20.0, hours.top()), pos2(at + 20.0, hours.bottom())),
            Align::Max => Rect::from_min_max(pos2(at - 40.0, hours.top()), pos2(at, hours.bottom())),
        };
        let text = format!("{hour}:00");
        paint::line(ui.painter(), spot, align, &text, Type::Small.font(), palette.text_faint);
    }
    legend_ui(ui);
}

fn holding(schedule: &Schedule, weekday: u8, minute: u16) -> Option<Then> {
    schedule.now(LocalTime { weekday, minute }).map(|(_, rule, _)| rule.then)
}

fn legend_ui(ui: &mut Ui) {
    let palette = Palette::of(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        ui.add_space(WEEK_NAME);
        let inks = [
            (palette.track, words::schedule::FULL),
            (palette.accent, words::schedule::SLOW),
            (palette.text_faint, words::schedule::PAUSED),
        ];
        for (ink, word) in inks {
            let (dot, _) = ui.allocate_exact_size(vec2(space::S, space::L), Sense::hover());
            ui.painter().rect_filled(Rect::from_center_size(dot.center(), vec2(space::S, space::S)), 2.0, ink);
            ui.label(RichText::new(word).font(Type::Small.font()).color(palette.text_soft));
            ui.add_space(space::S);
        }
    });
}

fn line_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let line = vec2(ui.available_width(), size::CONTROL);
    ui.allocate_ui_with_layout(line, Layout::left_to_right(Align::Center), content);
}
