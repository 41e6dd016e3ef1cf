//! Who got what from me: a line for each person, and below the one that is open, what it was.

use egui::{Align, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::soft;
use crate::window::{
    figures,
    given::{Given, Line, Person},
    icons,
    memory::Zone,
    names,
    parts::{blank::blank_ui, paint, person, rows, share_row},
    theme::{Palette, Type, Weight, radius, size, space},
    view::View,
    words,
};

const FACE: f32 = 28.0;
const CARET: f32 = 24.0;

/// Draws the people.
pub fn given_ui(ui: &mut Ui, view: &mut View<'_>) {
    let mut given = std::mem::take(&mut view.memory.given);
    given.read(&view.now.given);
    if given.people().is_empty() {
        blank_ui(ui, icons::USERS_THREE, words::given::NOBODY_TITLE, words::given::NOBODY_TEXT, |_| {});
    } else {
        soft(ui, words::given::summary(given.people().len(), &figures::bytes(given.bytes())));
        list_ui(ui, view, &given);
    }
    view.memory.given = given;
}

fn list_ui(ui: &mut Ui, view: &mut View<'_>, given: &Given) {
    let palette = Palette::of(ui);
    let now = view.now;
    let lines = given.lines(view.memory.mine_person);
    let ground = ui.painter().add(egui::Shape::Noop);
    let mut goal = None;
    let list = rows::rows_ui(ui, lines.len(), size::ROW, |ui, at, rect| {
        if at > 0 {
            let across = rect.left() + 52.0..=rect.right() - space::M;
            ui.painter().hline(across, rect.top(), (size::HAIRLINE, palette.hairline));
        }
        let response = match lines.get(at) {
            Some(Line::Person(place)) => given.people().get(*place).map(|person| person_ui(ui, view, person, rect)),
            Some(Line::Thing(row)) => now.given.get(*row).map(|row| thing_ui(ui, row, rect)),
            None => None,
        };
        let Some(response) = response else { return };
        rows::follow(ui, &response, rect);
        if view.memory.focus_line == Some(at) || at == 0 && view.memory.focus_zone == Some(Zone::Page) {
            (view.memory.focus_line, view.memory.focus_zone) = (None, None);
            response.request_focus();
        }
        if let Some(step) = rows::step(ui, &response) {
            goal = Some(rows::stepped(at, step, lines.len()));
        }
    });
    let stroke = egui::Stroke::new(size::HAIRLINE, palette.hairline);
    let sheet = egui::epaint::RectShape::new(list, radius::MEDIUM, palette.paper, stroke, egui::StrokeKind::Outside);
    ui.painter().set(ground, sheet);
    if let Some(goal) = goal {
        view.memory.focus_line = Some(goal);
        ui.scroll_to_rect(rows::row_rect(list, goal, size::ROW), None);
    }
}

fn person_ui(ui: &mut Ui, view: &mut View<'_>, of: &Person, rect: Rect) -> Response {
    let palette = Palette::of(ui);
    let open = view.memory.mine_person == Some(of.id);
    let name = names::tame(&of.name);
    let (things, bytes) = (words::given::things(of.rows.len()), figures::bytes(of.bytes));
    let response = ui.interact(rect, rows::id("given", of.id), Sense::click());
    let spoken = words::given::spoken(&name, &things, &bytes);
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, ui.is_enabled(), &spoken));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(open));
    if response.clicked() {
        view.memory.mine_person = if open { None } else { Some(of.id) };
    }
    share_row::background(ui, &response, rect, false, palette);
    let caret = if open { icons::CARET_DOWN } else { icons::CARET_RIGHT };
    let center = pos2(rect.left() + space::M + CARET / 2.0 - space::XS, rect.center().y);
    paint::icon(ui.painter(), center, caret, size::ICON, palette.text_soft);
    let face = pos2(rect.left() + space::S + CARET + FACE / 2.0, rect.center().y);
    person::paint(ui.painter(), face, FACE, &of.id, &of.name, palette);
    let text = Rect::from_min_max(
        pos2(face.x + FACE / 2.0 + space::M, rect.top()),
        pos2(rect.right() - space::L, rect.bottom()),
    );
    columns_ui(ui, text, (&name, Weight::Medium), &things, of.rate, &bytes);
    response
}

fn thing_ui(ui: &mut Ui, row: &crate::engine::snapshot::GivenRow, rect: Rect) -> Response {
    let palette = Palette::of(ui);
    let title = names::tame(&row.title);
    let (bytes, last) = (figures::bytes(row.bytes), figures::moment(row.last));
    let response = ui.interact(rect, rows::id("given-thing", (row.peer, row.share)), Sense::click());
    response.widget_info(|| {
        WidgetInfo::labeled(Role::ListItem, ui.is_enabled(), words::given::spoken_thing(&title, &bytes, &last))
    });
    share_row::background(ui, &response, rect, false, palette);
    let left = rect.left() + space::S + CARET + FACE + space::M;
    let text = Rect::from_min_max(pos2(left, rect.top()), pos2(rect.right() - space::L, rect.bottom()));
    columns_ui(ui, text, (&title, Weight::Regular), &last, row.rate, &bytes);
    response
}

/// Name, how many things or when, speed and bytes, each in its column.
fn columns_ui(ui: &Ui, text: Rect, (name, weight): (&str, Weight), things: &str, rate: u64, bytes: &str) {
    let palette = Palette::of(ui);
    let column = |from_right: f32, wide: f32| {
        Rect::from_min_size(pos2(text.right() - from_right - wide, text.top()), vec2(wide, text.height()))
    };
    let (at_bytes, at_rate, at_things) = (column(0.0, 80.0), column(88.0, 104.0), column(200.0, 88.0));
    let title = Rect::from_min_max(text.min, pos2(at_things.left() - space::M, text.bottom()));
    paint::line(ui.painter(), title, Align::Min, name, Type::Body.weighing(weight), palette.text);
    paint::line(ui.painter(), at_things, Align::Max, things, Type::Small.font(), palette.text_soft);
    if rate > 0 {
        let speed = format!("↑ {}", figures::speed(rate));
        let font = Type::Small.weighing(Weight::Medium);
        paint::line(ui.painter(), at_rate, Align::Max, &speed, font, palette.accent_text);
    }
    paint::line(ui.painter(), at_bytes, Align::Max, bytes, Type::Body.font(), palette.text_soft);
}
