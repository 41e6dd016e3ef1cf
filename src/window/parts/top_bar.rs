//! The bar on top: find, add, and how fast everything goes together.

use egui::{Align, Layout, Rect, Response, Ui, pos2, vec2};

use super::{
    field::field_with_icon_ui,
    menu, paint,
    push::{Look, Push},
};
use crate::window::{
    figures, icons,
    memory::{Dialog, Zone},
    names, screens,
    theme::{Palette, Type, Weight, size, space},
    view::View,
    wishes::{Choice, Wish},
    words,
};

const SEARCH_MAX: f32 = 460.0;

/// Draws the bar into all of `ui`, over the column of the page.
pub fn top_bar_ui(ui: &mut Ui, view: &mut View<'_>) {
    let column = screens::column(ui.max_rect(), size::PAGE_MAX);
    let right = Rect::from_min_max(pos2(column.center().x, column.top()), column.max);
    let mut taken = 0.0;
    let layout = Layout::right_to_left(Align::Center);
    ui.scope_builder(egui::UiBuilder::new().max_rect(right).layout(layout), |ui| {
        add_ui(ui, view);
        ui.add_space(space::S);
        speeds_ui(ui, view);
        taken = right.right() - ui.min_rect().left();
    });
    let room = (column.width() - taken - space::L).min(SEARCH_MAX);
    let top = column.center().y - size::FIELD / 2.0;
    let search = Rect::from_min_size(pos2(column.left(), top), vec2(room, size::FIELD));
    ui.scope_builder(egui::UiBuilder::new().max_rect(search).layout(Layout::left_to_right(Align::Center)), |ui| {
        search_ui(ui, view, search);
    });
}

fn search_ui(ui: &mut Ui, view: &mut View<'_>, rect: Rect) {
    let palette = Palette::of(ui);
    let response = field_with_icon_ui(ui, &mut view.memory.search, words::FIND, words::FIND_HINT, rect.width());
    let center = pos2(response.rect.left() + space::M + size::ICON / 2.0, response.rect.center().y);
    paint::icon(ui.painter(), center, icons::MAGNIFYING_GLASS, size::ICON, palette.text_soft);
    if view.memory.focus_zone == Some(Zone::TopBar) {
        view.memory.focus_zone = None;
        response.request_focus();
    }
    if response.changed() && !view.memory.search.is_empty() {
        view.memory.screen = crate::window::memory::Screen::Room;
    }
    if !view.memory.search.is_empty() {
        let at = Rect::from_center_size(
            pos2(response.rect.right() - space::L, response.rect.center().y),
            vec2(size::CONTROL - space::S, size::CONTROL - space::S),
        );
        if ui.place(at, Push::icon_only(icons::X, words::FIND_CLEAR).high(size::CONTROL - space::S)).clicked() {
            view.memory.search.clear();
            response.request_focus();
        }
    }
}

fn speeds_ui(ui: &mut Ui, view: &View<'_>) {
    let now = view.now;
    let palette = Palette::of(ui);
    if now.rate_up > 0 {
        speed_ui(ui, icons::ARROW_UP, now.rate_up, words::SPEED_UP, palette.text_soft);
    }
    if now.rate_down > 0 {
        speed_ui(ui, icons::ARROW_DOWN, now.rate_down, words::SPEED_DOWN, palette.accent_text);
    }
}

fn speed_ui(ui: &mut Ui, icon: icons::Icon, rate: u64, name: &str, ink: egui::Color32) {
    let palette = Palette::of(ui);
    let font = Type::Body.weighing(Weight::Medium);
    let text = figures::speed(rate);
    // As wide as the widest speed, so that the bar does not dance.
    let width = size::ICON + space::XS + paint::width(ui.painter(), "888 MB/s", font.clone());
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::CONTROL), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name}: {text}")));
    let wide = paint::line(ui.painter(), rect, Align::Max, &text, font, palette.text).1;
    paint::icon(
        ui.painter(),
        pos2(rect.right() - wide - space::XS - size::ICON / 2.0, rect.center().y),
        icon,
        size::ICON,
        ink,
    );
    response.on_hover_text(name);
}

fn add_ui(ui: &mut Ui, view: &mut View<'_>) {
    let button = ui.add(Push::new(words::ADD, Look::Filled).icon(icons::PLUS).high(size::FIELD));
    add_menu(view, &button);
}

/// What Add can add.
fn add_menu(view: &mut View<'_>, button: &Response) {
    menu::under(button, 208.0, |ui| {
        caption_ui(ui, view);
        if menu::item_ui(ui, icons::FILE, words::ADD_FILES, Some("Ctrl+O")) {
            choose(view, Choice::Files);
        }
        if menu::item_ui(ui, icons::FOLDER, words::ADD_FOLDER, None) {
            choose(view, Choice::Folder);
        }
        if menu::item_ui(ui, icons::CLIPBOARD_TEXT, words::ADD_PATH, None) {
            let audience = view.memory.audience();
            view.memory.dialog = Some(Dialog::Path { text: String::new(), audience, problem: None });
        }
    });
}

/// Whom it will be shared with, said before it happens.
fn caption_ui(ui: &mut Ui, view: &View<'_>) {
    let person = match view.memory.audience() {
        crate::engine::command::Recipients::Peers(people) => people.first().copied(),
        _ => None,
    };
    let name = person.and_then(|id| view.name_of(&id)).map(names::isolated);
    let text = name.map_or_else(|| words::WITH_EVERYONE.to_owned(), |name| words::with_only(&name));
    menu::caption_ui(ui, &text);
}

/// Puts up the chooser for what is to be shared, and keeps in mind with whom.
pub fn choose(view: &mut View<'_>, choice: Choice) {
    view.memory.choosing_for = view.memory.audience();
    view.wishes.push(Wish::Choose(choice));
}
