//! What is on its way, in both directions, and what came of it.

use egui::{Align, Rect, RichText, Ui, pos2, vec2};

use super::{heading, page_ui};
use crate::window::{
    figures, icons,
    memory::Zone,
    parts::{blank::blank_ui, chart, notices, paint, rows, transfer_row::transfer_row_ui},
    theme::{Palette, Type, Weight, radius, size, space},
    view::View,
    words,
};

/// Draws the transfers.
pub fn transfers_ui(ui: &mut Ui, view: &mut View<'_>) {
    page_ui(ui, "transfers", size::PAGE_MAX, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        notices::notices_ui(ui, view);
        if view.now.transfers.is_empty() {
            return blank_ui(ui, icons::ARROWS_DOWN_UP, words::NO_TRANSFERS_TITLE, words::NO_TRANSFERS_TEXT, |_| {});
        }
        speed_card_ui(ui, view);
        let sections = view.index.sections();
        section_ui(ui, view, words::SECTION_COMING, &sections.coming);
        section_ui(ui, view, words::SECTION_GIVING, &sections.giving);
        section_ui(ui, view, words::SECTION_DONE, &sections.done);
    });
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
    let list = rows::rows_ui(ui, places.len(), size::TRANSFER_ROW, |ui, at, rect| {
        let row = &*now.transfers[places[at]];
        let response = transfer_row_ui(ui, view, row, rect);
        if at > 0 {
            let across = rect.left() + 52.0..=rect.right() - space::M;
            ui.painter().hline(across, rect.top(), (size::HAIRLINE, palette.hairline));
        }
        if view.memory.focus_row == Some(row.share) {
            view.memory.focus_row = None;
            response.request_focus();
        }
        if view.memory.focus_zone == Some(Zone::Page) {
            view.memory.focus_zone = None;
            response.request_focus();
        }
        if let Some(step) = rows::step(ui, &response) {
            goal = Some(rows::stepped(at, step, places.len()));
        }
    });
    let stroke = egui::Stroke::new(size::HAIRLINE, palette.hairline);
    let sheet = egui::epaint::RectShape::new(list, radius::MEDIUM, palette.paper, stroke, egui::StrokeKind::Outside);
    ui.painter().set(ground, sheet);
    if let Some(goal) = goal {
        view.memory.focus_row = Some(now.transfers[places[goal]].share);
        ui.scroll_to_rect(rows::row_rect(list, goal, size::TRANSFER_ROW), None);
    }
}
