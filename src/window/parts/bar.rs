//! How far something is: a bar with what is checked and what is on its way, and the finer map of pieces under Details.

use egui::{Painter, Rect, Response, Role, Ui, WidgetInfo, pos2};

use crate::{
    engine::snapshot::{PieceMap, Tile},
    window::theme::{Palette, radius, size, space},
};

/// Paints a bar: `done` and `flying` are parts of 1.
pub fn paint(painter: &Painter, rect: Rect, done: f32, flying: f32, quiet: bool, palette: &Palette) {
    let corner = rect.height() / 2.0;
    painter.rect_filled(rect, corner, palette.track);
    let upto = |part: f32| {
        Rect::from_min_max(rect.min, pos2(rect.left() + rect.width() * part.clamp(0.0, 1.0), rect.bottom()))
    };
    // A sliver rounder than it is wide would stick out of the track.
    let least = (corner * 2.0 / rect.width().max(1.0)).min(1.0);
    if flying > 0.0 {
        painter.rect_filled(upto((done + flying).max(least)), corner, palette.accent_half);
    }
    if done > 0.0 {
        let fill = if quiet { palette.text_faint } else { palette.accent };
        painter.rect_filled(upto(done.max(least)), corner, fill);
    }
}

/// The part of a share that is being fetched right now.
pub fn flying(map: &PieceMap) -> f32 {
    if map.tiles.is_empty() {
        return 0.0;
    }
    let parts: u32 = map.tiles.iter().map(|tile| u32::from(tile.in_flight)).sum();
    parts as f32 / (255.0 * map.tiles.len() as f32)
}

/// The least of a share's pieces that are around, as a part of 1: what could be had if nobody left.
pub fn around(map: &PieceMap) -> f32 {
    if map.tiles.is_empty() {
        return 0.0;
    }
    let parts: f32 = map.tiles.iter().map(|t| if t.copies > 0 { 1.0 } else { f32::from(t.had) / 255.0 }).sum();
    parts / map.tiles.len() as f32
}

/// Tells a screen reader how far it is, in quarters, so that it speaks five times and not five hundred.
pub fn announce(ui: &Ui, response: &Response, name: &str, done: f32) {
    let quarter = (f64::from(done) * 4.0).floor() * 25.0;
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, ui.is_enabled(), name);
        info.value = Some(quarter);
        info
    });
}

/// Paints the map of pieces: above, what is here and on its way; below, a line that is darker where more copies are around.
pub fn map(painter: &Painter, rect: Rect, map: &PieceMap, palette: &Palette) {
    let above = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - space::S));
    let below = Rect::from_min_max(pos2(rect.left(), rect.bottom() - space::XS), rect.max);
    painter.rect_filled(above, radius::SMALL, palette.track);
    painter.rect_filled(below, space::XS / 2.0, palette.track);
    if map.tiles.is_empty() {
        return;
    }
    let columns = (rect.width().floor() as usize).clamp(1, map.tiles.len());
    for column in 0..columns {
        let from = column * map.tiles.len() / columns;
        let to = ((column + 1) * map.tiles.len() / columns).max(from + 1);
        let tile = merged(&map.tiles[from..to]);
        let x = |at: usize| rect.left() + rect.width() * at as f32 / columns as f32;
        let span = x(column)..=x(column + 1);
        paint_column(painter, (*span.start(), *span.end()), (above, below), tile, palette);
    }
}

fn paint_column(
    painter: &Painter,
    (left, right): (f32, f32),
    (above, below): (Rect, Rect),
    tile: Tile,
    palette: &Palette,
) {
    let part = |share: u8| above.height() * f32::from(share) / 255.0;
    let had_top = above.bottom() - part(tile.had);
    if tile.had > 0 {
        painter.rect_filled(Rect::from_min_max(pos2(left, had_top), pos2(right, above.bottom())), 0.0, palette.accent);
    }
    if tile.in_flight > 0 {
        let top = (had_top - part(tile.in_flight)).max(above.top());
        painter.rect_filled(Rect::from_min_max(pos2(left, top), pos2(right, had_top)), 0.0, palette.accent_half);
    }
    if tile.copies > 0 {
        let shade = palette.track.lerp_to_gamma(palette.text_soft, (f32::from(tile.copies) / 8.0).clamp(0.2, 1.0));
        painter.rect_filled(Rect::from_min_max(pos2(left, below.top()), pos2(right, below.bottom())), 0.0, shade);
    }
}

/// Neighbours as one: parts are averaged, of copies the fewest counts.
fn merged(tiles: &[Tile]) -> Tile {
    let count = tiles.len().max(1) as u32;
    let mean = |of: fn(&Tile) -> u8| (tiles.iter().map(|t| u32::from(of(t))).sum::<u32>() / count) as u8;
    Tile {
        had: mean(|t| t.had),
        in_flight: mean(|t| t.in_flight),
        copies: tiles.iter().map(|t| t.copies).min().unwrap_or(0),
    }
}

/// A bar of the usual height standing in the middle of `rect`.
pub fn slot(rect: Rect) -> Rect {
    Rect::from_center_size(rect.center(), egui::vec2(rect.width(), size::BAR))
}
