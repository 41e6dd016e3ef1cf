//! Strokes that all parts are drawn with: a line of text that shortens in its middle, an icon, a tile, a focus ring.

use std::sync::Arc;

use egui::{
    Align, Color32, CornerRadius, FontId, Galley, Painter, Pos2, Rect, Response, Stroke, StrokeKind, Ui, pos2, vec2,
};

use crate::window::{
    icons::{self, Icon},
    names,
    theme::{Palette, Type, radius, size, space},
};

/// Paints one line into `rect`, centred upright; what does not fit loses its middle. Returns whether it was shortened,
/// and how wide it came out.
pub fn line(painter: &Painter, rect: Rect, align: Align, text: &str, font: FontId, color: Color32) -> (bool, f32) {
    let (galley, shortened) = fitting(painter, text, font, color, rect.width());
    let width = galley.size().x;
    let x = match align {
        Align::Min => rect.left(),
        Align::Center => rect.center().x - width / 2.0,
        Align::Max => rect.right() - width,
    };
    let y = rect.center().y - galley.size().y / 2.0;
    painter.galley(snapped(painter, pos2(x, y)), galley, color);
    (shortened, width)
}

/// The text laid out in one line of at most `width`.
fn fitting(painter: &Painter, text: &str, font: FontId, color: Color32, width: f32) -> (Arc<Galley>, bool) {
    let whole = painter.layout_no_wrap(text.to_owned(), font.clone(), color);
    if whole.size().x <= width + 0.5 {
        return (whole, false);
    }
    // The largest number of characters that fits; widths differ, so it is searched for.
    let (mut fits, mut too_many) = (1, text.chars().count());
    while fits + 1 < too_many {
        let middle = usize::midpoint(fits, too_many);
        let galley = painter.layout_no_wrap(names::shortened(text, middle), font.clone(), color);
        if galley.size().x <= width { fits = middle } else { too_many = middle }
    }
    (painter.layout_no_wrap(names::shortened(text, fits), font, color), true)
}

/// The width that a text takes.
pub fn width(painter: &Painter, text: &str, font: FontId) -> f32 {
    painter.layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER).size().x
}

/// Text looks crisp only from a whole pixel on.
fn snapped(painter: &Painter, at: Pos2) -> Pos2 {
    let scale = painter.pixels_per_point();
    pos2((at.x * scale).round() / scale, (at.y * scale).round() / scale)
}

/// Paints an icon around a point.
pub fn icon(painter: &Painter, center: Pos2, icon: Icon, px: f32, color: Color32) {
    glyph(painter, center, icon, icons::outlined(px), color);
}

/// The filled form, for the few icons that have one.
pub fn icon_filled(painter: &Painter, center: Pos2, icon: Icon, px: f32, color: Color32) {
    glyph(painter, center, icon, icons::filled(px), color);
}

fn glyph(painter: &Painter, center: Pos2, icon: Icon, font: FontId, color: Color32) {
    let galley = painter.layout_no_wrap(icon.0.to_string(), font, color);
    let at = center - galley.size() / 2.0;
    painter.galley(snapped(painter, at), galley, color);
}

/// A square with an icon in it: what kind of thing a row is.
pub fn tile(painter: &Painter, rect: Rect, of: Icon, palette: &Palette) {
    painter.rect_filled(rect, radius::SMALL, palette.track);
    icon(painter, rect.center(), of, rect.width() * 0.6, palette.text_soft);
}

/// A word with an icon on a quiet ground, its left edge at `left`; without a word, the icon alone. Returns how wide it came
/// out.
pub fn chip(painter: &Painter, left: Pos2, of: Icon, word: &str, palette: &Palette) -> f32 {
    let wide = chip_width(painter, word);
    let rect = Rect::from_min_size(left - vec2(0.0, CHIP / 2.0), vec2(wide, CHIP));
    painter.rect_filled(rect, CHIP / 2.0, palette.track);
    icon(painter, pos2(rect.left() + CHIP / 2.0, left.y), of, CHIP_ICON, palette.text_soft);
    let text = Rect::from_min_max(pos2(rect.left() + CHIP + 1.0, rect.top()), rect.max);
    line(painter, text, Align::Min, word, Type::Small.font(), palette.text_soft);
    wide
}

/// How wide a chip with this word is.
pub fn chip_width(painter: &Painter, word: &str) -> f32 {
    if word.is_empty() { CHIP } else { CHIP + width(painter, word, Type::Small.font()) + space::S + 1.0 }
}

const CHIP: f32 = 20.0;
const CHIP_ICON: f32 = 12.0;

/// Shows where the keyboard is.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, corner: f32) {
    if response.has_focus() {
        let stroke = Stroke::new(size::FOCUS, Palette::of(ui).accent_text);
        ui.painter().rect_stroke(rect, CornerRadius::same(corner as u8), stroke, StrokeKind::Outside);
    }
}

/// A focus ring for what is cut off at its edges, such as a row.
pub fn focus_ring_inside(ui: &Ui, response: &Response, rect: Rect, corner: f32) {
    if response.has_focus() {
        let stroke = Stroke::new(size::FOCUS, Palette::of(ui).accent_text);
        ui.painter().rect_stroke(rect, CornerRadius::same(corner as u8), stroke, StrokeKind::Inside);
    }
}

/// A dashed line along a rounded rect: here something can be put down.
pub fn dashed(painter: &Painter, rect: Rect, color: Color32) {
    let corner = radius::MEDIUM;
    let centers = [
        (rect.right_top() + vec2(-corner, corner), -0.25),
        (rect.right_bottom() + vec2(-corner, -corner), 0.0),
        (rect.left_bottom() + vec2(corner, -corner), 0.25),
        (rect.left_top() + vec2(corner, corner), 0.5),
    ];
    let steps = 8;
    let mut path: Vec<Pos2> = Vec::new();
    for (center, turn) in centers {
        path.extend((0..=steps).map(|step| {
            let angle = (turn + 0.25 * step as f32 / steps as f32) * std::f32::consts::TAU;
            center + corner * egui::Vec2::angled(angle)
        }));
    }
    path.extend(path.first().copied());
    painter.extend(egui::Shape::dashed_line(&path, Stroke::new(1.5, color), space::S, space::S));
}

/// A sheet of paper on the desk.
pub fn sheet(painter: &Painter, rect: Rect, palette: &Palette) {
    let stroke = Stroke::new(size::HAIRLINE, palette.hairline);
    painter.rect(rect, radius::MEDIUM, palette.paper, stroke, StrokeKind::Inside);
}

/// A rect of `size` standing `from_right` from the right edge of `row`, centred upright.
pub fn at_right(row: Rect, from_right: f32, width: f32, height: f32) -> Rect {
    let center = pos2(row.right() - from_right - width / 2.0, row.center().y);
    Rect::from_center_size(center, vec2(width, height))
}
