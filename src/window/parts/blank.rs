//! A page with nothing on it says what belongs there and how it gets there.

use egui::{Align, RichText, Ui, vec2};

use super::paint;
use crate::window::{
    icons::Icon,
    theme::{Palette, Type, Weight, size, space},
};

/// Icon, title and a sentence or two, in the middle of what is left of the page; `more` adds what can be done.
pub fn blank_ui(ui: &mut Ui, icon: Icon, title: &str, text: &str, more: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    ui.vertical_centered(|ui| {
        ui.add_space(space::HUGE);
        let (disc, _) = ui.allocate_exact_size(vec2(72.0, 72.0), egui::Sense::hover());
        ui.painter().circle_filled(disc.center(), 36.0, palette.track);
        paint::icon(ui.painter(), disc.center(), icon, space::XXL, palette.text_soft);
        ui.add_space(space::S);
        ui.label(RichText::new(title).font(Type::Title.weighing(Weight::SemiBold)).color(palette.text));
        ui.scope(|ui| {
            ui.set_max_width(size::DIALOG.min(ui.available_width()));
            ui.with_layout(egui::Layout::top_down(Align::Center), |ui| {
                ui.label(RichText::new(text).font(Type::Body.font()).color(palette.text_soft));
            });
        });
        ui.add_space(space::S);
        more(ui);
        ui.add_space(space::XL);
    });
}
