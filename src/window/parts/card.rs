//! A card: a framed part of a screen, as wide as there is room.

use egui::Ui;

use crate::window::theme::{Palette, radius, size, space};

/// Draws a card around what belongs together.
pub fn card(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    let frame = egui::Frame::new()
        .fill(palette.paper)
        .stroke((size::HAIRLINE, palette.hairline))
        .corner_radius(radius::MEDIUM)
        .inner_margin(space::L);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::S;
        content(ui);
    });
}
