//! The whole window takes what is dropped. While files hover, everything else steps back and it says what letting go does.
//!
//! The windowing library tells no pointer position while files hover, so whom it goes to does not depend on where they are
//! let go: it is everyone, or the one person whose shares are being looked at, and it is written large before it happens.

use std::path::PathBuf;

use egui::{Align, Area, Id, Order, Rect, Ui, pos2, vec2};

use super::{paint, person};
use crate::{
    engine::command::Recipients,
    window::{
        icons, names,
        theme::{Palette, Type, Weight, space},
        view::View,
        words,
    },
};

/// Takes what was dropped, and draws what dropping would do.
pub fn drop_zone_ui(ui: &mut Ui, view: &mut View<'_>) {
    let dropped: Vec<PathBuf> =
        ui.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
    let dropped: Vec<PathBuf> = dropped.into_iter().filter(|path| path.is_absolute()).collect();
    if !dropped.is_empty() {
        let audience = view.memory.audience();
        view.share(dropped, audience);
    }
    let hovering = ui.input(|input| input.raw.hovered_files.len());
    if hovering > 0 {
        overlay_ui(ui, view, hovering);
    }
}

fn overlay_ui(ui: &Ui, view: &View<'_>, count: usize) {
    let palette = Palette::of(ui);
    let whole = ui.ctx().content_rect();
    let area = Area::new(Id::unique("drop zone")).order(Order::Tooltip).fixed_pos(whole.min).interactable(false);
    area.fade_in(false).show(ui.ctx(), |ui| {
        let painter = ui.painter().with_clip_rect(whole);
        painter.rect_filled(whole, 0.0, palette.accent_soft.gamma_multiply(0.95));
        let zone = whole.shrink(space::L);
        paint::dashed(&painter, zone, palette.accent_text);
        let person = match view.memory.audience() {
            Recipients::Peers(people) => people.first().copied(),
            _ => None,
        };
        let name = person.and_then(|id| view.name_of(&id)).map(names::tame);
        let center = zone.center() - vec2(0.0, space::XXL);
        match (&person, &name) {
            (Some(id), Some(name)) => person::paint(&painter, center, 72.0, id, name, palette),
            _ => {
                painter.circle_filled(center, 36.0, palette.accent);
                paint::icon(&painter, center, icons::PAPER_PLANE_TILT, space::XXL, palette.on_accent);
            }
        }
        let line = |top: f32, height: f32| {
            Rect::from_min_size(
                pos2(zone.left() + space::L, center.y + top),
                vec2(zone.width() - 2.0 * space::L, height),
            )
        };
        let title = words::drop_title(count, name.as_deref());
        let font = Type::Display.weighing(Weight::SemiBold);
        paint::line(&painter, line(52.0, 36.0), Align::Center, &title, font, palette.text);
        let quiet = Type::Lead.font();
        paint::line(&painter, line(92.0, 24.0), Align::Center, words::DROP_LET_GO, quiet, palette.text_soft);
        ui.allocate_rect(whole, egui::Sense::hover())
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &title));
    });
}
