//! What is on its way, in both directions, and what came of it; and what can be said to all of it at once.

use egui::{Align, Layout, Rect, RichText, Ui, pos2, vec2};

use super::{heading, page_ui, queue};
use crate::{
    engine::command::Command,
    window::{
        figures,
        icons::{self, Icon},
        memory::Zone,
        parts::{
            blank::blank_ui,
            chart, menu, notices, paint,
            push::{Look, Push},
            rows,
            transfer_row::{transfer_row_ui, words_from},
        },
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
        words,
    },
};

/// A narrower page has buttons without words.
const WORDS_FROM: f32 = 720.0;

/// Draws the transfers.
pub fn transfers_ui(ui: &mut Ui, view: &mut View<'_>) {
    page_ui(ui, "transfers", size::PAGE_MAX, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        notices::notices_ui(ui, view);
        if view.now.transfers.is_empty() {
            return blank_ui(ui, icons::ARROWS_DOWN_UP, words::NO_TRANSFERS_TITLE, words::NO_TRANSFERS_TEXT, |_| {});
        }
        speed_card_ui(ui, view);
        all_ui(ui, view);
        schedule_ui(ui, view);
        let sections = view.index.sections();
        section_ui(ui, view, words::SECTION_COMING, &sections.coming);
        section_ui(ui, view, words::SECTION_GIVING, &sections.giving);
        section_ui(ui, view, words::SECTION_DONE, &sections.done);
    });
}

/// What can be done with all of them, and what holds for all of them.
fn all_ui(ui: &mut Ui, view: &mut View<'_>) {
    let sections = view.index.sections();
    let wordy = ui.available_width() >= WORDS_FROM;
    let acts: [(usize, Icon, &str, Command); 3] = [
        (sections.pausable, icons::PAUSE, words::control::PAUSE_ALL, Command::PauseAll),
        (sections.paused, icons::PLAY, words::control::RESUME_ALL, Command::ResumeAll),
        (sections.retryable, icons::ARROWS_CLOCKWISE, words::control::RETRY_ALL, Command::RetryAll),
    ];
    let line = vec2(ui.available_width(), size::CONTROL);
    ui.allocate_ui_with_layout(line, Layout::left_to_right(Align::Center), |ui| {
        for (count, icon, text, command) in acts {
            let push = if wordy { Push::new(text, Look::Outlined).icon(icon) } else { Push::icon_only(icon, text) };
            if ui.add(push.enabled(count > 0)).clicked() {
                view.send(command);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            at_a_time_ui(ui, view);
            limits_ui(ui, view);
        });
    });
}

fn limits_ui(ui: &mut Ui, view: &mut View<'_>) {
    let limits = view.now.traffic.limits;
    let text = words::limits::both(limits);
    let name = format!("{}. {}", words::limits::CHANGE, words::limits::spoken(limits));
    if ui
        .add(Push::new(&text, Look::Quiet).icon(icons::GAUGE).named(name))
        .on_hover_text(words::limits::TITLE)
        .clicked()
    {
        view.ask_total_limits();
    }
}

/// How many come at a time; an administrator's number is shown and stays.
fn at_a_time_ui(ui: &mut Ui, view: &mut View<'_>) {
    let traffic = &view.now.traffic;
    let text = words::control::downloads_at_a_time(traffic.active_downloads);
    let name = format!("{}: {text}", words::control::AT_A_TIME_TITLE);
    if traffic.fixed.active_downloads {
        let push = Push::new(&text, Look::Quiet).icon(icons::LOCK_KEY).named(name).enabled(false);
        ui.add(push).on_hover_text(words::control::MANAGED);
        return;
    }
    let button = ui.add(Push::new(&text, Look::Quiet).icon(icons::LIST_CHECKS).named(name));
    let button = button.on_hover_text(words::control::AT_A_TIME_TITLE);
    menu::under(&button, 176.0, |ui| {
        menu::caption_ui(ui, words::control::AT_A_TIME_TITLE);
        for count in [1, 2, 3, 5, 10, 20] {
            let chosen = view.now.traffic.active_downloads == count;
            if menu::one_of_ui(ui, chosen, &words::control::downloads_at_a_time(count)) {
                view.send(Command::SetActiveDownloads { count });
            }
        }
    });
}

/// While the timetable holds, it says so: nobody should wonder why everything is slow.
fn schedule_ui(ui: &mut Ui, view: &View<'_>) {
    let traffic = &view.now.traffic;
    let Some((place, minutes)) = traffic.rule_now else { return };
    let Some(rule) = traffic.schedule.0.get(place) else { return };
    let palette = Palette::of(ui);
    let text = words::schedule::now(&rule.then, minutes);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), size::FIELD), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
    ui.painter().rect_filled(rect, radius::SMALL, palette.info_soft);
    let center = pos2(rect.left() + space::M + size::ICON / 2.0, rect.center().y);
    paint::icon(ui.painter(), center, icons::CALENDAR_DOTS, size::ICON, palette.info);
    let line =
        Rect::from_min_max(pos2(center.x + size::ICON, rect.top()), pos2(rect.right() - space::M, rect.bottom()));
    paint::line(ui.painter(), line, Align::Min, &text, Type::Body.font(), palette.text);
}

/// Total speed: as figures, and as a line over the last minutes.
fn speed_card_ui(ui: &mut Ui, view: &View<'_>) {
    let palette = Palette::of(ui);
    let height = size::CHART + 2.0 * space::L;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), egui::Sense::hover());
    paint::sheet(ui.painter(), rect, palette);
    let inner = rect.shrink(space::L);
    let figures_width = 176.0;
    let half = inner.height() / 2.0;
    let now = view.now;
    let lines = [
        (icons::ARROW_DOWN, now.rate_down, Type::Display, palette.accent_text, words::SPEED_DOWN),
        (icons::ARROW_UP, now.rate_up, Type::Lead, palette.text_soft, words::SPEED_UP),
    ];
    for (at, (icon, rate, size, ink, name)) in lines.into_iter().enumerate() {
        let top = inner.top() + half * at as f32 * 1.1;
        let line = Rect::from_min_size(pos2(inner.left(), top), vec2(figures_width, half));
        paint::icon(ui.painter(), pos2(line.left() + 10.0, line.center().y), icon, size::ICON_LARGE, ink);
        let text = Rect::from_min_max(pos2(line.left() + space::XXL - space::XS, line.top()), line.max);
        let figure = figures::speed(rate);
        let font = size.weighing(Weight::SemiBold);
        paint::line(ui.painter(), text, Align::Min, &figure, font, palette.text);
        let response = ui.interact(line, ui.scope_id().with(name), egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name}: {figure}")));
    }
    let right = Rect::from_min_max(pos2(inner.left() + figures_width + space::L, inner.top()), inner.max);
    let caption = Rect::from_min_size(right.min, vec2(right.width(), space::L));
    let plot = Rect::from_min_max(pos2(right.left(), caption.bottom()), right.max);
    chart::paint(ui.painter(), plot, &now.history, palette);
    paint::line(ui.painter(), caption, Align::Max, words::LAST_MINUTES, Type::Small.font(), palette.text_faint);
}

fn section_ui(ui: &mut Ui, view: &mut View<'_>, title: &str, places: &[usize]) {
    if places.is_empty() {
        return;
    }
    let now = view.now;
    let palette = Palette::of(ui);
    ui.add_space(space::XS);
    ui.horizontal(|ui| {
        heading(ui, title);
        let count = figures::count(places.len() as u64);
        ui.label(RichText::new(count).font(Type::Body.font()).color(palette.text_faint));
    });
    let ground = ui.painter().add(egui::Shape::Noop);
    let mut goal = None;
    let mut handles = Vec::new();
    let list = rows::rows_ui(ui, places.len(), size::TRANSFER_ROW, |ui, at, rect| {
        let Some(row) = places.get(at).and_then(|place| now.transfers.get(*place)) else { return };
        let touched = transfer_row_ui(ui, view, row, rect);
        if at > 0 {
            let across = rect.left() + words_from(row)..=rect.right() - space::M;
            ui.painter().hline(across, rect.top(), (size::HAIRLINE, palette.hairline));
        }
        if view.memory.focus_row == Some(row.share) {
            view.memory.focus_row = None;
            touched.response.request_focus();
        }
        if view.memory.focus_zone == Some(Zone::Page) {
            view.memory.focus_zone = None;
            touched.response.request_focus();
        }
        if let Some(step) = rows::step(ui, &touched.response) {
            goal = Some(rows::stepped(at, step, places.len()));
        }
        handles.extend(touched.handle.map(|handle| (row.share, handle)));
    });
    let stroke = egui::Stroke::new(size::HAIRLINE, palette.hairline);
    let sheet = egui::epaint::RectShape::new(list, radius::MEDIUM, palette.paper, stroke, egui::StrokeKind::Outside);
    ui.painter().set(ground, sheet);
    if let Some(goal) = goal {
        view.memory.focus_row = places.get(goal).and_then(|place| now.transfers.get(*place)).map(|row| row.share);
        ui.scroll_to_rect(rows::row_rect(list, goal, size::TRANSFER_ROW), None);
    }
    queue::drag_ui(ui, view, list, places, &handles);
}
