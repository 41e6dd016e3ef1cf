//! A person, or the computer they sit at, as a round face: initials on a colour that comes from the key, so that it is the
//! same on every screen in the room and a stranger who takes a name does not get its colour.

use egui::{Align, Color32, Painter, Pos2, Rect, Response, Role, Sense, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::paint;
use crate::{
    share::PeerId,
    window::{
        figures,
        icons::{self, Icon},
        names,
        theme::{Palette, Type, Weight, radius, size, space},
    },
};

/// How far marks at the corners of a face are from its middle, so that they cover no letters.
const MARK: Vec2 = vec2(size::FACE * 0.42, size::FACE * 0.38);

/// The colour of a key.
pub fn color(id: &PeerId, palette: &Palette) -> Color32 {
    palette.faces[usize::from(id.0[0]) % palette.faces.len()]
}

/// Paints a face.
pub fn paint(painter: &Painter, center: Pos2, diameter: f32, id: &PeerId, name: &str, palette: &Palette) {
    painter.circle_filled(center, diameter / 2.0, color(id, palette));
    let letters = names::initials(name);
    let font = egui::FontId::new((diameter * 0.38).round(), Weight::SemiBold.family());
    let rect = Rect::from_center_size(center, vec2(diameter, diameter));
    paint::line(painter, rect, Align::Center, &letters, font, palette.on_face);
}

/// What a face in the row of faces shows.
pub struct Face<'a> {
    /// Nobody: all of them together.
    pub id: Option<PeerId>,
    pub name: &'a str,
    /// Shares, or people.
    pub count: u32,
    pub chosen: bool,
    /// Why it can't be asked, if so.
    pub trouble: bool,
    /// It is a central server and no person's computer.
    pub server: bool,
    /// What a screen reader says.
    pub spoken: &'a str,
}

/// How high a cell is, with the name under the face.
pub const CELL_HEIGHT: f32 = size::FACE + space::XL + space::S;

/// One face that can be chosen, in a cell.
pub fn face_ui(ui: &mut Ui, rect: Rect, face: &Face<'_>) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(("face", face.id.map(|id| id.0))), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), face.chosen, face.spoken));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let palette = Palette::of(ui);
    let painter = ui.painter();
    if face.chosen {
        painter.rect_filled(rect, radius::MEDIUM, palette.accent_soft);
    } else if response.hovered() {
        painter.rect_filled(rect, radius::MEDIUM, palette.pressed);
    }
    paint::focus_ring(ui, &response, rect, radius::MEDIUM);
    let center = pos2(rect.center().x, rect.top() + space::XS + size::FACE / 2.0);
    match &face.id {
        Some(id) => paint(painter, center, size::FACE, id, face.name, palette),
        None => everyone(painter, center, palette),
    }
    if face.server {
        let at = center - MARK;
        painter.circle_filled(at, space::S + 3.0, palette.desk);
        paint::icon(painter, at, icons::HARD_DRIVES, size::ICON, palette.text_soft);
    }
    if face.count > 0 {
        badge(painter, center + MARK, face, palette);
    }
    if face.trouble {
        let at = center + vec2(-MARK.x, MARK.y);
        painter.circle_filled(at, space::S + 1.0, palette.desk);
        paint::icon_filled(painter, at, icons::WARNING, size::ICON, palette.attention);
    }
    let name = Rect::from_min_max(pos2(rect.left() + space::XS, center.y + size::FACE / 2.0 + space::XS), rect.max);
    let weight = if face.chosen { Weight::SemiBold } else { Weight::Regular };
    let ink = if face.chosen { palette.accent_text } else { palette.text };
    let name = Rect::from_min_max(name.min, pos2(rect.right() - space::XS, name.top() + space::XL - space::XS));
    let (shortened, _) =
        paint::line(painter, name, Align::Center, &names::tame(face.name), Type::Small.weighing(weight), ink);
    if shortened { response.on_hover_text(names::tame(face.name)) } else { response }
}

/// The face of all of them together.
pub fn everyone(painter: &Painter, center: Pos2, palette: &Palette) {
    painter.circle_filled(center, size::FACE / 2.0, palette.paper);
    painter.circle_stroke(center, size::FACE / 2.0 - 0.5, Stroke::new(size::HAIRLINE, palette.edge));
    let icon: Icon = icons::USERS_THREE;
    paint::icon(painter, center, icon, space::XL, palette.text_soft);
}

/// How many shares, at the lower right of a face.
fn badge(painter: &Painter, center: Pos2, face: &Face<'_>, palette: &Palette) {
    let text = if face.count > 999 { "999+".to_owned() } else { figures::count(u64::from(face.count)) };
    let font = Type::Small.weighing(Weight::SemiBold);
    let width = (paint::width(painter, &text, font.clone()) + space::S).max(18.0);
    let rect = Rect::from_center_size(center, vec2(width, 18.0));
    let ring = if face.chosen { palette.accent_soft } else { palette.desk };
    painter.rect_filled(rect.expand(2.0), 11.0, ring);
    painter.rect(rect, 9.0, palette.paper, Stroke::new(size::HAIRLINE, palette.edge), egui::StrokeKind::Inside);
    paint::line(painter, rect, Align::Center, &text, font, palette.text);
}
