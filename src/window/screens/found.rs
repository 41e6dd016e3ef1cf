//! What servers found by the words in the search field, under what the room has: each with where it is, and how to get it.

use std::collections::BTreeSet;

use egui::{Align, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{heading, soft};
use crate::{
    engine::snapshot::{FoundRow, ShareKind},
    share::ShareId,
    window::{
        figures,
        memory::Screen,
        names,
        parts::{
            kind, paint,
            push::{Look, Push},
        },
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
        words::{self, managed},
    },
};

/// More are not shown; more words find fewer.
const SHOWN_MAX: usize = 100;
const ACTION: f32 = 96.0;

/// Draws nothing where no server was asked.
pub fn found_ui(ui: &mut Ui, view: &mut View<'_>) {
    if view.memory.at_servers.asked.is_empty() {
        return;
    }
    let (found, silent) = (view.memory.at_servers.found.clone(), view.memory.at_servers.silent.clone());
    // What the room's list shows is not shown twice.
    let shown: BTreeSet<ShareId> = view.index.shown().iter().map(|found| view.now.shares[found.at].id).collect();
    let rows: Vec<&FoundRow> = found.iter().filter(|row| !shown.contains(&row.share)).take(SHOWN_MAX).collect();
    if view.memory.at_servers.waiting {
        return soft(ui, managed::ASKING);
    }
    if !rows.is_empty() {
        heading(ui, managed::AT_SERVERS);
        rows_ui(ui, view, &rows);
    }
    for (name, why) in silent.iter() {
        soft(ui, managed::silent(name, why));
    }
}

fn rows_ui(ui: &mut Ui, view: &mut View<'_>, rows: &[&FoundRow]) {
    let palette = Palette::of(ui);
    let ground = ui.painter().add(egui::Shape::Noop);
    let width = ui.available_width();
    let (_, list) = ui.allocate_space(vec2(width, size::ROW * rows.len() as f32));
    for (at, row) in rows.iter().enumerate() {
        let top = list.top() + size::ROW * at as f32;
        let rect = Rect::from_min_size(pos2(list.left(), top), vec2(width, size::ROW));
        if at > 0 {
            ui.painter().hline(rect.left() + 52.0..=rect.right() - space::M, top, (size::HAIRLINE, palette.hairline));
        }
        row_ui(ui, view, row, rect);
    }
    let stroke = egui::Stroke::new(size::HAIRLINE, palette.hairline);
    let sheet = egui::epaint::RectShape::new(list, radius::MEDIUM, palette.paper, stroke, egui::StrokeKind::Outside);
    ui.painter().set(ground, sheet);
}

fn row_ui(ui: &mut Ui, view: &mut View<'_>, row: &FoundRow, rect: Rect) {
    let palette = Palette::of(ui);
    let (title, place) = (names::tame(&row.title), managed::route(row));
    let response = ui.interact(rect, ui.scope_id().with(("found", row.share.0)), Sense::hover());
    let size_text = figures::bytes(row.size);
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, format!("{title}, {place}, {size_text}")));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let painter = ui.painter();
    let at = pos2(rect.left() + space::M + size::TILE / 2.0, rect.center().y);
    let tile = Rect::from_center_size(at, vec2(size::TILE, size::TILE));
    let of = if row.files == 1 { ShareKind::File } else { ShareKind::Several };
    paint::tile(painter, tile, kind::icon(of, &row.title), palette);
    let left = tile.right() + space::M;
    let right = rect.right() - ACTION - 80.0 - space::L;
    let above = Rect::from_min_max(pos2(left, rect.top() + space::XS), pos2(right, rect.center().y + 2.0));
    let below = Rect::from_min_max(pos2(left, rect.center().y + 2.0), pos2(right, rect.bottom() - space::XS));
    paint::line(painter, above, Align::Min, &title, Type::Body.weighing(Weight::Medium), palette.text);
    let file = row.file.as_ref().map_or(String::new(), |file| format!("  ·  {}", names::tame(file)));
    paint::line(painter, below, Align::Min, &format!("{place}{file}"), Type::Small.font(), palette.text_soft);
    let bytes = paint::at_right(rect, ACTION + space::M, 80.0, size::CONTROL);
    paint::line(painter, bytes, Align::Max, &size_text, Type::Small.font(), palette.text_soft);
    let known = view.index.transfer(view.now, &row.share).is_some();
    let push = Push::new(words::GET, Look::Outlined).enabled(!known).named(words::about_action(words::GET, &title));
    if ui.place(paint::at_right(rect, space::M, 72.0, size::CONTROL), push).clicked() {
        view.get(row.share, &row.title);
        view.memory.screen = Screen::Transfers;
    }
}
