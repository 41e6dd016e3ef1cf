//! A card: a framed part of a screen, as wide as there is room.

use egui::{Frame, Ui};

use crate::window::theme::{Palette, radius, size, space};

/// The frame alone, without room inside.
pub fn frame(palette: &Palette) -> Frame {
    Frame::new().fill(palette.paper).stroke((size::HAIRLINE, palette.hairline)).corner_radius(radius::MEDIUM)
}

/// Draws a card around what belongs together.
pub fn card(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    frame(Palette::of(ui)).inner_margin(space::L).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::S;
        content(ui);
    });
}
