//! The rail at the left: the mark, and where one can go.

use egui::{Align, Color32, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::paint;
use crate::window::{
    icons::{self, Icon},
    mark,
    memory::{Screen, Zone},
    theme::{Palette, Type, Weight, radius, size, space},
    view::View,
    words,
};

const MARK: f32 = 36.0;
const PLACE: f32 = 60.0;

/// Draws the rail into all of `ui`.
pub fn rail_ui(ui: &mut Ui, view: &mut View<'_>) {
    let palette = Palette::of(ui);
    let whole = ui.max_rect();
    ui.painter().rect_filled(whole, 0.0, palette.rail);
    ui.painter().vline(whole.right() - 0.5, whole.y_range(), (size::HAIRLINE, palette.hairline));
    let mark = Rect::from_center_size(pos2(whole.center().x, whole.top() + size::TOP_BAR / 2.0), vec2(MARK, MARK));
    mark::paint(ui, mark);
    let mut top = whole.top() + size::TOP_BAR + space::S;
    let moving = view.index.sections().moving;
    let places = [
        (Screen::Room, icons::USERS_THREE, words::ROOM, 0),
        (Screen::Transfers, icons::ARROWS_DOWN_UP, words::TRANSFERS, moving),
        (Screen::Mine, icons::PAPER_PLANE_TILT, words::MINE, 0),
    ];
    for (screen, icon, name, count) in places {
        place_ui(ui, view, top, (screen, icon, name, count));
        top += PLACE + space::XS;
    }
    place_ui(ui, view, whole.bottom() - PLACE - space::S, (Screen::Settings, icons::GEAR_SIX, words::SETTINGS, 0));
}

fn place_ui(ui: &mut Ui, view: &mut View<'_>, top: f32, (screen, icon, name, count): (Screen, Icon, &str, usize)) {
    let whole = ui.max_rect();
    let rect = Rect::from_min_size(pos2(whole.left() + space::S, top), vec2(whole.width() - 2.0 * space::S, PLACE));
    let chosen = view.memory.screen == screen;
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click());
    let spoken = if count > 0 { format!("{name}, {count}") } else { name.to_owned() };
    response.widget_info(|| WidgetInfo::selected(Role::Tab, ui.is_enabled(), chosen, &spoken));
    if chosen && view.memory.focus_zone == Some(Zone::Rail) {
        view.memory.focus_zone = None;
        response.request_focus();
    }
    if response.clicked() {
        view.memory.screen = screen;
        view.memory.selected = None;
    }
    paint_place(ui, &response, rect, (icon, name, count), chosen);
}

fn paint_place(ui: &Ui, response: &Response, rect: Rect, (icon, name, count): (Icon, &str, usize), chosen: bool) {
    let palette = Palette::of(ui);
    let ground = match (chosen, response.hovered()) {
        (true, _) => palette.accent_soft,
        (false, true) => palette.pressed,
        (false, false) => Color32::TRANSPARENT,
    };
    let ink = if chosen { palette.accent_text } else { palette.text_soft };
    ui.painter().rect_filled(rect, radius::MEDIUM, ground);
    paint::focus_ring(ui, response, rect, radius::MEDIUM);
    let center = pos2(rect.center().x, rect.top() + 22.0);
    if chosen {
        paint::icon_filled(ui.painter(), center, icon, 22.0, ink);
    } else {
        paint::icon(ui.painter(), center, icon, 22.0, ink);
    }
    let label = Rect::from_min_max(pos2(rect.left(), rect.top() + 36.0), pos2(rect.right(), rect.top() + 54.0));
    let weight = if chosen { Weight::SemiBold } else { Weight::Medium };
    paint::line(ui.painter(), label, Align::Center, name, Type::Small.weighing(weight), ink);
    if count > 0 {
        let text = count.to_string();
        let font = Type::Small.weighing(Weight::SemiBold);
        let width = (paint::width(ui.painter(), &text, font.clone()) + space::S).max(18.0);
        let badge = Rect::from_center_size(center + vec2(14.0, -8.0), vec2(width, 18.0));
        ui.painter().rect_filled(badge, 9.0, palette.accent);
        paint::line(ui.painter(), badge, Align::Center, &text, font, palette.on_accent);
    }
}
