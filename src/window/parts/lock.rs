//! What an administrator fixed: it is shown as it is, with a padlock and who manages it.

use egui::{RichText, Sense, Ui, vec2};

use super::paint;
use crate::window::{
    icons,
    theme::{Palette, Type, size, space},
    words,
};

/// A padlock and a sentence.
pub fn locked_ui(ui: &mut Ui, sentence: &str) {
    let palette = Palette::of(ui);
    // A long one goes on in the next line instead of making its card wider.
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let (at, _) = ui.allocate_exact_size(vec2(size::ICON, size::ICON), Sense::hover());
        paint::icon(ui.painter(), at.center(), icons::LOCK_KEY, size::ICON - 2.0, palette.text_soft);
        ui.label(RichText::new(sentence).font(Type::Small.font()).color(palette.text_soft));
    });
}

/// Who manages it, where nothing more is to be said; draws nothing for what is free.
pub fn managed_ui(ui: &mut Ui, fixed: bool) {
    if fixed {
        locked_ui(ui, words::control::MANAGED);
    }
}
