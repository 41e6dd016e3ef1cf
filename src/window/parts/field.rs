//! A line to type in.

use egui::{Color32, Margin, Response, RichText, Stroke, StrokeKind, TextEdit, Ui};

use crate::window::theme::{Palette, Type, radius, size, space};

/// A field with a hint, called `name` by screen readers; `width` takes all there is when it is infinite.
pub fn field_ui(ui: &mut Ui, text: &mut String, name: &str, hint: &str, width: f32) -> Response {
    framed(ui, TextEdit::singleline(text), name, hint, width, 0.0)
}

/// The same with room for several lines.
pub fn lines_ui(ui: &mut Ui, text: &mut String, name: &str, hint: &str, rows: usize) -> Response {
    framed(ui, TextEdit::multiline(text).desired_rows(rows), name, hint, f32::INFINITY, 0.0)
}

/// A field that leaves room at its left, for an icon.
pub fn field_with_icon_ui(ui: &mut Ui, text: &mut String, name: &str, hint: &str, width: f32) -> Response {
    framed(ui, TextEdit::singleline(text), name, hint, width, size::ICON + space::S)
}

fn framed(ui: &mut Ui, edit: TextEdit<'_>, name: &str, hint: &str, width: f32, left: f32) -> Response {
    let palette = Palette::of(ui);
    let pad = ((size::FIELD - 17.0) / 2.0).floor();
    let margin = Margin { left: (space::M + left) as i8, right: space::M as i8, top: pad as i8, bottom: pad as i8 };
    let response = ui.add(
        edit.hint_text(RichText::new(hint).color(palette.text_faint))
            .font(Type::Body.font())
            .text_color(palette.text)
            .frame(egui::Frame::new().inner_margin(margin).fill(palette.paper).corner_radius(radius::SMALL))
            .desired_width(if width.is_finite() { width - space::M * 2.0 - left } else { width }),
    );
    let response = response.accessible_name(name);
    let (thick, edge): (f32, Color32) = if response.has_focus() {
        (size::FOCUS, palette.accent_text)
    } else if response.hovered() {
        (size::HAIRLINE, palette.text_faint)
    } else {
        (size::HAIRLINE, palette.edge)
    };
    ui.painter().rect_stroke(response.rect, radius::SMALL, Stroke::new(thick, edge), StrokeKind::Inside);
    response
}
