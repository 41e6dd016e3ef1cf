//! The places of the rail. A screen draws into the page and holds nothing of its own.

mod found;
mod given;
pub mod mine;
mod queue;
pub mod room;
pub mod settings;
pub mod transfers;

use egui::{Layout, Rect, RichText, ScrollArea, Ui, UiBuilder, pos2};

use super::theme::{Palette, Type, Weight, space};

/// The column of a page that lies in `whole`; the bar on top keeps to the same.
pub fn column(whole: Rect, width_max: f32) -> Rect {
    let width = (whole.width() - 2.0 * space::XL).min(width_max);
    let left = whole.left() + ((whole.width() - width) / 2.0).floor().max(space::XL);
    Rect::from_min_max(pos2(left, whole.top()), pos2(left + width, whole.bottom()))
}

/// A page that scrolls: one column, as wide as can be read across, in the middle of wide windows.
pub fn page_ui(ui: &mut Ui, id: &str, width_max: f32, content: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical().id_salt(id).auto_shrink([false, false]).show(ui, |ui| {
        let column =
            column(Rect::from_min_size(ui.cursor().min, egui::vec2(ui.available_width(), f32::INFINITY)), width_max);
        let width = column.width();
        let builder = UiBuilder::new().id_salt(id).max_rect(column).layout(Layout::top_down(egui::Align::Min));
        let inner = ui.scope_builder(builder, |ui| {
            ui.set_width(width);
            ui.add_space(space::XS);
            content(ui);
            ui.add_space(space::HUGE);
        });
        ui.expand_to_include_rect(inner.response.rect);
    });
}

/// The heading of a part of a page.
pub fn heading(ui: &mut Ui, title: &str) {
    let palette = Palette::of(ui);
    // Large type wants its letters a little closer.
    let text = RichText::new(title).font(Type::Title.weighing(Weight::SemiBold)).color(palette.text);
    ui.label(text.extra_letter_spacing(-0.25));
}

/// A sentence under or beside something.
pub fn soft(ui: &mut Ui, sentence: impl Into<String>) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(sentence.into()).font(Type::Body.font()).color(palette.text_soft));
}
