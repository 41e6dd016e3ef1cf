//! Dragging a transfer to another place in the queue: a line shows where it would go, and letting go sends it there.

use egui::{Align, LayerId, Order, Rect, Response, Ui, Vec2, pos2, vec2};

use crate::{
    engine::{
        command::{Command, QueuePlace},
        snapshot::{Snapshot, TransferRow},
    },
    share::ShareId,
    window::{
        names,
        parts::{kind, paint, rows, transfer_row},
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
    },
};

/// So near to the edge of what can be seen, the list moves along.
const EDGE: f32 = 48.0;
/// Points a frame.
const ALONG: f32 = 9.0;

/// Follows a row that is being dragged. `places`: where in `Snapshot::transfers` the rows of `list` are, in order.
pub fn drag_ui(ui: &Ui, view: &mut View<'_>, list: Rect, places: &[usize], handles: &[(ShareId, Response)]) {
    for (share, handle) in handles {
        if handle.drag_started() {
            view.memory.dragged = Some(*share);
        }
    }
    let now = view.now;
    let queue: Vec<&TransferRow> = queued(now, places);
    let Some(from) = view.memory.dragged.and_then(|share| queue.iter().position(|row| row.share == share)) else {
        return;
    };
    let (Some(pointer), true) = (ui.input(|input| input.pointer.interact_pos()), holding(ui)) else {
        // Let go outside of the window, or the row is gone.
        let released = ui.input(|input| input.pointer.any_released().then(|| input.pointer.interact_pos()).flatten());
        view.memory.dragged = None;
        if let Some((share, to)) = released.and_then(|at| moved(&queue, from, gap(list, queue.len(), at.y))) {
            view.send(Command::Move { share, to });
        }
        return;
    };
    follow_edges(ui, pointer.y);
    let gap = gap(list, queue.len(), pointer.y);
    line_ui(ui, list, gap, moved(&queue, from, gap).is_some());
    if let Some(row) = queue.get(from) {
        ghost_ui(ui, row, list, pointer.y);
    }
}

/// The rows that have a place in the queue; they stand first.
fn queued<'a>(now: &'a Snapshot, places: &[usize]) -> Vec<&'a TransferRow> {
    let rows = places.iter().filter_map(|place| now.transfers.get(*place));
    rows.map(|row| &**row).filter(|row| row.queue.is_some()).collect()
}

fn holding(ui: &Ui) -> bool {
    ui.input(|input| input.pointer.primary_down())
}

/// The gap between rows that is nearest to a height: 0 is above the first.
fn gap(list: Rect, count: usize, y: f32) -> usize {
    let at = ((y - list.top()) / size::TRANSFER_ROW).round().max(0.0) as usize;
    at.min(count)
}

/// What dropping row `from` into a gap means; nothing when it stays where it is.
fn moved(queue: &[&TransferRow], from: usize, gap: usize) -> Option<(ShareId, QueuePlace)> {
    let share = queue.get(from)?.share;
    if gap == from || gap == from + 1 {
        return None;
    }
    let to = match queue.get(gap) {
        Some(below) => QueuePlace::Before(below.share),
        None => QueuePlace::After(queue.last()?.share),
    };
    Some((share, to))
}

/// Near an edge the list moves, so that a row can be dragged further than can be seen.
fn follow_edges(ui: &Ui, y: f32) {
    let seen = ui.clip_rect();
    let along = if y < seen.top() + EDGE {
        ALONG
    } else if y > seen.bottom() - EDGE {
        -ALONG
    } else {
        return;
    };
    ui.scroll_with_delta(Vec2::new(0.0, along));
    ui.ctx().request_repaint();
}

fn line_ui(ui: &Ui, list: Rect, gap: usize, moves: bool) {
    let palette = Palette::of(ui);
    let y = rows::row_rect(list, gap, size::TRANSFER_ROW).top();
    let ink = if moves { palette.accent } else { palette.edge };
    let across = list.left() + space::S..=list.right() - space::S;
    ui.painter().hline(across, y, (size::FOCUS, ink));
    ui.painter().circle_filled(pos2(list.left() + space::S, y), space::XS, ink);
}

/// The row under the pointer, as a slip of paper.
fn ghost_ui(ui: &Ui, row: &TransferRow, list: Rect, y: f32) {
    let palette = Palette::of(ui);
    let painter = ui.ctx().layer_painter(LayerId::new(Order::Tooltip, rows::id("dragged", row.share)));
    let rect = Rect::from_center_size(pos2(list.left() + 176.0, y), vec2(320.0, size::ROW));
    painter.add(palette.floating().as_shape(rect, radius::MEDIUM));
    painter.rect(rect, radius::MEDIUM, palette.raised, (size::HAIRLINE, palette.accent), egui::StrokeKind::Inside);
    let center = pos2(rect.left() + transfer_row::LEFT + size::TILE / 2.0, rect.center().y);
    let tile = Rect::from_center_size(center, vec2(size::TILE, size::TILE));
    paint::tile(&painter, tile, kind::icon(row.kind, &row.title), palette);
    let text =
        Rect::from_min_max(pos2(tile.right() + space::M, rect.top()), pos2(rect.right() - space::M, rect.bottom()));
    let font = Type::Body.weighing(Weight::Medium);
    paint::line(&painter, text, Align::Min, &names::tame(&row.title), font, palette.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_gap_takes_a_row() {
        let list = Rect::from_min_size(pos2(0.0, 100.0), vec2(500.0, 3.0 * size::TRANSFER_ROW));
        for (y, expected) in [(0.0, 0), (100.0, 0), (130.0, 0), (150.0, 1), (300.0, 3), (9999.0, 3)] {
            assert_eq!(gap(list, 3, y), expected, "{y}");
        }
    }
}
