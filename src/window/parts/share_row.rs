//! One share in the room: what, who gives it, how large, who has it, and what can be done about it.

use egui::{Align, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{
    bar, kind, paint,
    push::{Look, Push},
    rows,
};
use crate::{
    engine::snapshot::{Here, ShareRow, TransferRow, TransferState},
    window::{
        figures, icons,
        index::Found,
        names,
        theme::{Palette, Type, Weight, size, space},
        view::View,
        words,
    },
};

/// Widths of the columns at the right, so that they line up down the list; a narrow window has fewer.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    action: f32,
    size: Option<f32>,
    have: Option<f32>,
}

impl Columns {
    pub fn of(width: f32) -> Columns {
        let have = if width >= 900.0 {
            Some(200.0)
        } else if width >= 600.0 {
            Some(148.0)
        } else {
            None
        };
        Columns { action: 164.0, size: (width >= 420.0).then_some(80.0), have }
    }

    fn right(&self) -> f32 {
        self.action + self.size.unwrap_or(0.0) + self.have.unwrap_or(0.0)
    }
}

/// Draws a row; a click opens its details.
pub fn share_row_ui(ui: &mut Ui, view: &mut View<'_>, found: &Found, rect: Rect, columns: Columns) -> Response {
    let now = view.now;
    let row = &*now.shares[found.at];
    let transfer = view.index.transfer(now, &row.id);
    let chosen = view.memory.selected == Some(row.id);
    let response = ui.interact(rect, rows::id("share", row.id), Sense::click());
    let spoken = spoken(row);
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, ui.is_enabled(), chosen, &spoken));
    rows::follow(ui, &response, rect);
    if response.clicked() {
        view.memory.selected = if chosen { None } else { Some(row.id) };
    }
    if ui.is_rect_visible(rect) {
        let palette = Palette::of(ui);
        background(ui, &response, rect, chosen, palette);
        let shortened = texts(ui, row, found, rect, columns, palette);
        paint_columns(ui, row, transfer, rect, columns, palette);
        action_ui(ui, view, row, transfer, rect, columns);
        if shortened {
            return response.on_hover_text(names::tame(&row.title));
        }
    } else {
        action_ui(ui, view, row, transfer, rect, columns);
    }
    response
}

/// The ground of a row, shared by all lists.
pub fn background(ui: &Ui, response: &Response, rect: Rect, chosen: bool, palette: &Palette) {
    let inner = rect.shrink2(vec2(size::HAIRLINE, 0.0));
    if chosen {
        ui.painter().rect_filled(inner, 0.0, palette.selected);
    } else if response.hovered() {
        ui.painter().rect_filled(inner, 0.0, palette.hover);
    }
    paint::focus_ring_inside(ui, response, inner, 4.0);
}

fn spoken(row: &ShareRow) -> String {
    let mut parts = vec![names::tame(&row.title), giver(row), figures::bytes(row.size)];
    parts.push(words::have_it(row.seeds));
    match &row.here {
        Here::Complete { .. } => parts.push(words::HERE.to_owned()),
        Here::OnItsWay => parts.push(words::state(TransferState::Fetching).to_owned()),
        Here::No => {}
    }
    parts.join(", ")
}

/// Who gives a share, as it stands under its title.
pub fn giver(row: &ShareRow) -> String {
    if row.mine {
        return words::YOU.to_owned();
    }
    row.publisher_name.as_deref().map_or_else(|| words::SOMEBODY.to_owned(), names::tame)
}

/// Icon, title and what stands under it; returns whether the title was shortened.
fn texts(ui: &Ui, row: &ShareRow, found: &Found, rect: Rect, columns: Columns, palette: &Palette) -> bool {
    let painter = ui.painter();
    let tile = Rect::from_center_size(
        pos2(rect.left() + space::M + size::TILE / 2.0, rect.center().y),
        vec2(size::TILE, size::TILE),
    );
    paint::tile(painter, tile, kind::icon(row.kind, &row.title), palette);
    let left = tile.right() + space::M;
    let right = rect.right() - columns.right() - space::L;
    let above = Rect::from_min_max(pos2(left, rect.top() + space::XS), pos2(right, rect.center().y + 2.0));
    let below = Rect::from_min_max(pos2(left, rect.center().y + 2.0), pos2(right, rect.bottom() - space::XS));
    let title = names::tame(&row.title);
    let (shortened, _) =
        paint::line(painter, above, Align::Min, &title, Type::Body.weighing(Weight::Medium), palette.text);
    let mut parts = vec![giver(row)];
    match &found.file {
        Some(file) => parts.push(words::in_it(&names::tame(file))),
        None => parts.extend(words::kind_of(row.kind, row.files)),
    }
    if columns.size.is_none() {
        parts.push(figures::bytes(row.size));
    }
    paint::line(painter, below, Align::Min, &parts.join("  ·  "), Type::Small.font(), palette.text_soft);
    shortened
}

fn paint_columns(
    ui: &Ui,
    row: &ShareRow,
    transfer: Option<&TransferRow>,
    rect: Rect,
    columns: Columns,
    palette: &Palette,
) {
    let painter = ui.painter();
    let mut from_right = columns.action;
    if let Some(width) = columns.have {
        let column = paint::at_right(rect, from_right + space::L, width - space::L, rect.height());
        paint_have(ui, row, transfer, column, palette);
        from_right += width;
    }
    if let Some(width) = columns.size {
        let column = paint::at_right(rect, from_right + space::L, width - space::L, rect.height());
        paint::line(painter, column, Align::Max, &figures::bytes(row.size), Type::Body.font(), palette.text_soft);
    }
}

fn paint_have(ui: &Ui, row: &ShareRow, transfer: Option<&TransferRow>, column: Rect, palette: &Palette) {
    let painter = ui.painter();
    let nobody = row.seeds == 0 && !row.mine && !matches!(row.here, Here::Complete { .. });
    let around = transfer.map_or(0, |transfer| (bar::around(&transfer.map) * 100.0) as u32);
    if nobody && around < 100 {
        let center = pos2(column.left() + size::ICON / 2.0, column.center().y);
        paint::icon(painter, center, icons::WARNING, size::ICON, palette.attention);
        let text = Rect::from_min_max(pos2(column.left() + size::ICON + space::XS, column.top()), column.max);
        let words = if around > 0 { words::part_around(around) } else { words::have_it(0) };
        paint::line(painter, text, Align::Min, &words, Type::Small.font(), palette.attention);
        return;
    }
    let mut parts = Vec::new();
    if nobody {
        parts.push(words::part_around(around));
    } else if row.seeds > 0 {
        parts.push(words::have_it(row.seeds));
    } else if row.leeches == 0 {
        parts.push(words::NOBODY_YET.to_owned());
    }
    if row.leeches > 0 {
        parts.push(words::getting_it(row.leeches));
    }
    let half = column.height() / 2.0;
    match parts.as_slice() {
        [] => {}
        [one] => {
            paint::line(painter, column, Align::Min, one, Type::Small.font(), palette.text_soft);
        }
        [first, rest @ ..] => {
            let above = Rect::from_min_max(
                pos2(column.left(), column.top() + space::XS),
                pos2(column.right(), column.top() + half + 2.0),
            );
            let below = Rect::from_min_max(
                pos2(column.left(), column.top() + half),
                pos2(column.right(), column.bottom() - space::XS),
            );
            paint::line(painter, above, Align::Min, first, Type::Small.font(), palette.text_soft);
            paint::line(painter, below, Align::Min, &rest.join(", "), Type::Small.font(), palette.text_faint);
        }
    }
}

/// The button, the progress, or the word at the right end.
fn action_ui(
    ui: &mut Ui,
    view: &mut View<'_>,
    row: &ShareRow,
    transfer: Option<&TransferRow>,
    rect: Rect,
    columns: Columns,
) {
    let slot = paint::at_right(rect, space::M, columns.action - space::M, size::CONTROL);
    let title = names::tame(&row.title);
    match (&row.here, transfer) {
        (Here::OnItsWay, Some(transfer)) => progress_ui(ui, transfer, slot, &title),
        (Here::OnItsWay, None) | (Here::No, _) if !row.mine => {
            let spot = paint::at_right(rect, space::M, 72.0, size::CONTROL);
            let push = Push::new(words::GET, Look::Soft).named(words::about_action(words::GET, &title)).wide(72.0);
            if ui.place(spot, push).clicked() {
                view.get(row.id, &row.title);
            }
        }
        (Here::Complete { places }, _) => {
            let spot = paint::at_right(rect, space::M, 72.0, size::CONTROL);
            let push =
                Push::new(words::OPEN, Look::Outlined).named(words::about_action(words::OPEN, &title)).wide(72.0);
            if ui.place(spot, push).clicked() {
                view.open(places);
            }
            let palette = Palette::of(ui);
            let (icon, word, ink) = if row.mine {
                (icons::PAPER_PLANE_TILT, words::YOURS, palette.text_soft)
            } else {
                (icons::CHECK, words::HERE, palette.good)
            };
            let word_slot = Rect::from_min_max(slot.min, pos2(spot.left() - space::M, slot.bottom()));
            let (_, wide) = paint::line(ui.painter(), word_slot, Align::Max, word, Type::Small.font(), ink);
            paint::icon(
                ui.painter(),
                pos2(word_slot.right() - wide - space::M, slot.center().y),
                icon,
                size::ICON,
                ink,
            );
        }
        _ => {}
    }
}

/// How far it is, in the width of a button.
fn progress_ui(ui: &mut Ui, transfer: &TransferRow, slot: Rect, title: &str) {
    let palette = Palette::of(ui);
    let done = figures::part(transfer.done_bytes, transfer.size);
    let response = ui.interact(slot, rows::id("progress", transfer.share), Sense::hover());
    bar::announce(ui, &response, title, done);
    let painter = ui.painter();
    let above = Rect::from_min_max(slot.min, pos2(slot.right(), slot.center().y + space::XS));
    let percent = figures::percent(transfer.done_bytes, transfer.size);
    paint::line(painter, above, Align::Min, &percent, Type::Small.weighing(Weight::Medium), palette.text);
    let (word, ink) = match (transfer.state, transfer.eta) {
        (TransferState::Fetching, Some(eta)) => (figures::time_left(eta), palette.text_soft),
        (TransferState::Waiting | TransferState::Failed, _) => {
            (words::state(transfer.state).to_owned(), palette.attention)
        }
        (TransferState::Paused, _) => (words::state(transfer.state).to_owned(), palette.text_soft),
        _ => (String::new(), palette.text_soft),
    };
    paint::line(painter, above, Align::Max, &word, Type::Small.font(), ink);
    let track =
        Rect::from_min_size(pos2(slot.left(), slot.bottom() - size::BAR - space::XS), vec2(slot.width(), size::BAR));
    let quiet = transfer.state != TransferState::Fetching && transfer.state != TransferState::Finishing;
    bar::paint(painter, track, done, bar::flying(&transfer.map), quiet, palette);
}
