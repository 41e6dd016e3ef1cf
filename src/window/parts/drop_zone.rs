//! The whole window takes what is dropped. While files hover, everything else steps back and it says what letting go does.
//!
//! Where the platform tells where the pointer is, the faces of the room stay in front, and letting go on one gives the files
//! to that person. Elsewhere whom it goes to does not depend on the place: it is everyone, or the one person whose shares
//! are being looked at. Either way it is written large before it happens.

use std::path::PathBuf;

use egui::{Align, Area, Id, Order, Painter, Pos2, Rect, Ui, pos2, vec2};

use super::{paint, person};
use crate::{
    engine::command::Recipients,
    share::PeerId,
    window::{
        icons, names,
        theme::{Palette, Type, Weight, radius, size, space},
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
        let audience = view.memory.drop_audience();
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
        let aimed = view.memory.drop_at.is_some() && !view.memory.faces.is_empty();
        if aimed {
            faces(&painter, view, palette);
        }
        let person = match view.memory.drop_audience() {
            Recipients::Peers(people) => people.first().copied(),
            _ => None,
        };
        let name = person.and_then(|id| view.name_of(&id)).map(names::tame);
        let refused = view.now.managed.as_deref().and_then(|managed| managed.no_room.as_deref());
        let (title, to_a_face) = match (&name, refused) {
            (None, Some(why)) => (names::tame(why), true),
            (name, _) => (words::drop_title(count, name.as_deref()), aimed),
        };
        let hint = if to_a_face { words::DROP_ON_A_FACE } else { words::DROP_LET_GO };
        let center = zone.center() + vec2(0.0, if aimed { space::HUGE } else { -space::XXL });
        said(&painter, zone, center, (person.as_ref(), name.as_deref()), (&title, hint), palette);
        ui.allocate_rect(whole, egui::Sense::hover())
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &title));
    });
}

/// What letting go does, with the face it goes to.
fn said(
    painter: &Painter,
    zone: Rect,
    center: Pos2,
    to: (Option<&PeerId>, Option<&str>),
    (title, hint): (&str, &str),
    palette: &Palette,
) {
    match to {
        (Some(id), Some(name)) => person::paint(painter, center, 72.0, id, name, palette),
        _ => {
            painter.circle_filled(center, 36.0, palette.accent);
            paint::icon(painter, center, icons::PAPER_PLANE_TILT, space::XXL, palette.on_accent);
        }
    }
    let line = |top: f32, height: f32| {
        let width = zone.width() - 2.0 * space::L;
        Rect::from_min_size(pos2(zone.left() + space::L, center.y + top), vec2(width, height))
    };
    let font = Type::Display.weighing(Weight::SemiBold);
    paint::line(painter, line(52.0, 36.0), Align::Center, title, font, palette.text);
    paint::line(painter, line(92.0, 24.0), Align::Center, hint, Type::Lead.font(), palette.text_soft);
}

/// The faces of the room, in front of what stepped back; the one under the pointer is lifted.
fn faces(painter: &Painter, view: &View<'_>, palette: &Palette) {
    let at = view.memory.drop_at;
    for (cell, person) in view.memory.faces.iter().filter(|(cell, _)| cell.is_positive()) {
        let under = at.is_some_and(|at| cell.contains(at));
        let (ground, edge) = if under { (palette.raised, palette.accent) } else { (palette.paper, palette.hairline) };
        let card = cell.shrink(2.0);
        if under {
            painter.add(palette.floating().as_shape(card, radius::MEDIUM));
        }
        let thick = if under { size::FOCUS } else { size::HAIRLINE };
        painter.rect(card, radius::MEDIUM, ground, (thick, edge), egui::StrokeKind::Inside);
        let center = pos2(cell.center().x, cell.top() + space::XS + size::FACE / 2.0);
        let name = match person {
            Some(id) => {
                let name = view.name_of(id).map(names::tame).unwrap_or_default();
                person::paint(painter, center, size::FACE, id, &name, palette);
                name
            }
            None => {
                person::everyone(painter, center, palette);
                words::EVERYONE_SHORT.to_owned()
            }
        };
        let top = center.y + size::FACE / 2.0 + space::XS;
        let text = Rect::from_min_max(pos2(card.left() + space::XS, top), pos2(card.right() - space::XS, top + 20.0));
        let weight = if under { Weight::SemiBold } else { Weight::Regular };
        paint::line(painter, text, Align::Center, &name, Type::Small.weighing(weight), palette.text);
    }
}
