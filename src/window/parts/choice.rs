//! One of several, or some of several: round and square ticks with a whole row to press, and a bar of segments.

use egui::{Align, Painter, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::paint;
use crate::window::{
    files::Tick,
    icons::{self, Icon},
    theme::{Palette, Type, Weight, radius, size, space},
};

/// The side of a square tick.
pub const TICK: f32 = 18.0;
const ROW: f32 = 36.0;

/// One of several; `chosen` tells whether it is this one.
pub fn radio_ui(ui: &mut Ui, chosen: bool, icon: Icon, text: &str) -> Response {
    let (rect, response) = row(ui, Role::RadioButton, chosen, text);
    let palette = Palette::of(ui);
    let painter = ui.painter();
    let center = pos2(rect.left() + space::S + TICK / 2.0, rect.center().y);
    if chosen {
        painter.circle_filled(center, TICK / 2.0, palette.accent);
        painter.circle_filled(center, TICK / 5.0, palette.on_accent);
    } else {
        painter.circle_stroke(center, TICK / 2.0 - 0.5, Stroke::new(size::HAIRLINE, palette.text_faint));
    }
    let at = pos2(center.x + TICK / 2.0 + space::M + size::ICON / 2.0, center.y);
    paint::icon(painter, at, icon, size::ICON, palette.text_soft);
    label(ui, rect, at.x + size::ICON / 2.0 + space::S, text);
    response
}

/// Some of several; `face` is painted between the tick and the text, around the point it is given.
pub fn tick_ui(ui: &mut Ui, chosen: bool, text: &str, face: impl FnOnce(&Ui, egui::Pos2)) -> Response {
    let (rect, response) = row(ui, Role::CheckBox, chosen, text);
    let palette = Palette::of(ui);
    let painter = ui.painter();
    let center = pos2(rect.left() + space::S + TICK / 2.0, rect.center().y);
    paint_tick(painter, center, if chosen { Tick::All } else { Tick::None }, palette);
    let at = pos2(center.x + TICK / 2.0 + space::XL, center.y);
    face(ui, at);
    label(ui, rect, at.x + space::XL, text);
    response
}

/// A yes or no with a sentence under it; an administrator's answer stands there, and can't be changed.
pub fn switch_ui(ui: &mut Ui, on: bool, text: &str, more: &str, changeable: bool) -> Response {
    let sense = if changeable { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 2.0 * space::L + space::S), sense);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, changeable && ui.is_enabled(), on, text));
    let palette = Palette::of(ui);
    if changeable && response.hovered() {
        ui.painter().rect_filled(rect, radius::SMALL, palette.hover);
    }
    paint::focus_ring_inside(ui, &response, rect, radius::SMALL);
    let center = pos2(rect.left() + space::S + TICK / 2.0, rect.top() + space::S + TICK / 2.0);
    paint_tick(ui.painter(), center, if on { Tick::All } else { Tick::None }, palette);
    let left = center.x + TICK / 2.0 + space::M;
    let above = Rect::from_min_max(pos2(left, rect.top() + 2.0), pos2(rect.right(), rect.center().y + 2.0));
    let below = Rect::from_min_max(pos2(left, rect.center().y), pos2(rect.right(), rect.bottom()));
    paint::line(ui.painter(), above, Align::Min, text, Type::Body.font(), palette.text);
    paint::line(ui.painter(), below, Align::Min, more, Type::Small.font(), palette.text_soft);
    response
}

/// A square tick around a point; a bar for what is ticked in part.
pub fn paint_tick(painter: &Painter, center: Pos2, tick: Tick, palette: &Palette) {
    let square = Rect::from_center_size(center, vec2(TICK, TICK));
    let icon = match tick {
        Tick::None => {
            let edge = Stroke::new(size::HAIRLINE, palette.text_faint);
            painter.rect(square, space::XS, palette.paper, edge, StrokeKind::Inside);
            return;
        }
        Tick::Some => icons::MINUS,
        Tick::All => icons::CHECK,
    };
    painter.rect_filled(square, space::XS, palette.accent);
    paint::icon(painter, center, icon, TICK * 0.7, palette.on_accent);
}

fn row(ui: &mut Ui, role: Role, chosen: bool, text: &str) -> (Rect, Response) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    response.widget_info(|| WidgetInfo::selected(role, ui.is_enabled(), chosen, text));
    let palette = Palette::of(ui);
    if response.hovered() {
        ui.painter().rect_filled(rect, radius::SMALL, palette.hover);
    }
    paint::focus_ring_inside(ui, &response, rect, radius::SMALL);
    (rect, response)
}

fn label(ui: &Ui, row: Rect, left: f32, text: &str) {
    let palette = Palette::of(ui);
    let rect = Rect::from_min_max(pos2(left, row.top()), pos2(row.right() - space::S, row.bottom()));
    paint::line(ui.painter(), rect, Align::Min, text, Type::Body.font(), palette.text);
}

/// A bar of segments of one width; returns the one that was pressed.
pub fn segments_ui(ui: &mut Ui, segments: &[(Icon, &str)], chosen: usize) -> Option<usize> {
    let palette = Palette::of(ui);
    let count = segments.len().max(1) as f32;
    let each = (ui.available_width() / count).min(176.0);
    let (bar, _) = ui.allocate_exact_size(vec2(each * count, size::FIELD), Sense::hover());
    ui.painter().rect_filled(bar, radius::SMALL + 2.0, palette.track);
    let mut pressed = None;
    for (at, (icon, text)) in segments.iter().enumerate() {
        let rect = Rect::from_min_size(pos2(bar.left() + each * at as f32, bar.top()), vec2(each, size::FIELD));
        let response = ui.interact(rect, ui.scope_id().with(text), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), at == chosen, text));
        if response.clicked() {
            pressed = Some(at);
        }
        let inner = rect.shrink(2.0);
        let ink = if at == chosen {
            ui.painter().rect(
                inner,
                radius::SMALL,
                palette.raised,
                Stroke::new(size::HAIRLINE, palette.edge),
                StrokeKind::Inside,
            );
            palette.text
        } else if response.hovered() {
            palette.text
        } else {
            palette.text_soft
        };
        paint::focus_ring(ui, &response, inner, radius::SMALL);
        let font = Type::Body.weighing(Weight::Medium);
        let whole = paint::width(ui.painter(), text, font.clone()) + size::ICON + space::S;
        let left = inner.center().x - whole / 2.0;
        paint::icon(ui.painter(), pos2(left + size::ICON / 2.0, inner.center().y), *icon, size::ICON, ink);
        let words = Rect::from_min_max(pos2(left + size::ICON + space::S, inner.top()), inner.max);
        paint::line(ui.painter(), words, Align::Min, text, font, ink);
    }
    pressed
}
