//! The room: who is here, and what they share.

use egui::{Align, Layout, Rect, RichText, Ui, pos2, vec2};

use super::{found, heading, page_ui, soft};
use crate::{
    engine::{
        command::Command,
        snapshot::{PeerRow, Role},
    },
    share::Link,
    window::{
        at_servers, figures, icons,
        memory::{Dialog, Screen, Sent, Sort, Zone},
        names,
        parts::{
            blank::blank_ui,
            card::card,
            field::field_ui,
            menu, notices, paint,
            person::{self, Face},
            push::{Look, Push},
            rows,
            share_row::{Columns, share_row_ui},
            top_bar,
        },
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
        wishes::{Choice, Wish},
        words,
    },
};

/// Draws the room.
pub fn room_ui(ui: &mut Ui, view: &mut View<'_>) {
    page_ui(ui, "room", size::PAGE_MAX, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        notices::notices_ui(ui, view);
        welcome_ui(ui, view);
        link_ui(ui, view);
        people_ui(ui, view);
        at_servers::ask(ui, view);
        shares_ui(ui, view);
        found::found_ui(ui, view);
    });
}

/// The quiet card of the first start: a name, and what others see.
fn welcome_ui(ui: &mut Ui, view: &mut View<'_>) {
    let Some(mut name) = view.memory.welcome.take() else { return };
    let mut done = false;
    card(ui, |ui| {
        let palette = Palette::of(ui);
        ui.label(RichText::new(words::WELCOME).font(Type::Title.weighing(Weight::SemiBold)).color(palette.text));
        soft(ui, words::WELCOME_TEXT);
        ui.horizontal(|ui| {
            let (disc, _) = ui.allocate_exact_size(vec2(size::FIELD, size::FIELD), egui::Sense::hover());
            person::paint(ui.painter(), disc.center(), size::FIELD, &view.now.me.id, &name, palette);
            let field = field_ui(ui, &mut name, words::YOUR_NAME, words::YOUR_NAME, 240.0);
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let ready = !name.trim().is_empty();
            let start = Push::new(words::WELCOME_DONE, Look::Filled).high(size::FIELD).enabled(ready);
            done = ui.add(start).clicked() || entered && ready;
        });
        ui.horizontal(|ui| {
            let folder = view.now.me.downloads.display().to_string();
            let (at, _) = ui.allocate_exact_size(vec2(size::ICON, size::CONTROL), egui::Sense::hover());
            paint::icon(ui.painter(), at.center(), icons::FOLDER, size::ICON, palette.text_soft);
            soft(ui, words::put_into(&names::shortened(&names::tame(&folder), 48)));
            if ui.add(Push::new(words::CHOOSE, Look::Quiet)).clicked() {
                view.wishes.push(Wish::Choose(Choice::Downloads));
            }
        });
    });
    if !done {
        view.memory.welcome = Some(name);
        return;
    }
    if name.trim() != view.now.me.name {
        view.send(Command::Rename { name: name.trim().to_owned() });
    }
    view.wishes.push(Wish::Welcomed);
}

/// A link in the search field is not searched for; it is offered to be got.
fn link_ui(ui: &mut Ui, view: &mut View<'_>) {
    let typed = view.memory.search.trim();
    if !typed.starts_with("handout://") {
        return;
    }
    let link: Result<Link, _> = typed.parse();
    card(ui, |ui| match link {
        Ok(link) => {
            ui.horizontal(|ui| {
                soft(ui, words::link_found(&link.share.short()));
                if ui.add(Push::new(words::GET, Look::Filled)).clicked() {
                    let token = view.memory.wish(Sent::Fetch { title: link.share.short() });
                    let (share, hints) = (link.share, link.at.clone());
                    view.send(Command::Fetch { token, share, into: None, hints, hold: false });
                    view.memory.search.clear();
                    view.memory.screen = Screen::Transfers;
                }
            });
        }
        Err(error) => soft(ui, error.to_string()),
    });
}

/// The faces: everyone together, then each; as many rows as leave room for the list, unless all were asked for.
fn people_ui(ui: &mut Ui, view: &mut View<'_>) {
    let now = view.now;
    let people = view.index.people(now);
    if people.len() == 0 {
        return;
    }
    let per_row = (((ui.available_width() + 2.0 * INDENT) / size::FACE_CELL) as usize).max(3);
    let lines = match ui.ctx().content_rect().height() {
        height if height < 760.0 => 1,
        height if height < 1100.0 => 2,
        _ => 3,
    };
    let room = per_row * lines;
    let fits = people.len() < room;
    let shown = if fits || view.memory.all_people { people.len() } else { room - 2 };
    let hidden = people.len() - shown;
    let cells = 1 + shown + usize::from(!fits);
    let height = cells.div_ceil(per_row) as f32 * person::CELL_HEIGHT;
    let (_, grid) = ui.allocate_space(vec2(ui.available_width(), height));
    let cell = |at: usize| {
        let (column, line) = ((at % per_row) as f32, (at / per_row) as f32);
        let min = pos2(grid.left() - INDENT + column * size::FACE_CELL, grid.top() + line * person::CELL_HEIGHT);
        Rect::from_min_size(min, vec2(size::FACE_CELL, person::CELL_HEIGHT))
    };
    everyone_ui(ui, view, cell(0), now.peers.len());
    let seen = ui.clip_rect();
    view.memory.faces.push((cell(0).intersect(seen), None));
    for (at, row) in people.take(shown).enumerate() {
        view.memory.faces.push((cell(at + 1).intersect(seen), Some(row.id)));
        person_ui(ui, view, cell(at + 1), row);
    }
    if !fits {
        more_ui(ui, view, cell(shown + 1), hidden);
    }
}

/// The first face stands above the left edge of everything else, although its cell is wider.
const INDENT: f32 = (size::FACE_CELL - size::FACE) / 2.0 - space::XS;

fn everyone_ui(ui: &mut Ui, view: &mut View<'_>, cell: Rect, count: usize) {
    let spoken = words::everyone_count(count);
    let chosen = view.memory.person.is_none();
    let count = count as u32;
    let face = Face {
        id: None,
        name: words::EVERYONE_SHORT,
        count,
        chosen: false,
        trouble: false,
        server: false,
        spoken: &spoken,
    };
    let response = person::face_ui(ui, cell, &face);
    if response.clicked() && !chosen {
        view.memory.person = None;
    }
}

fn person_ui(ui: &mut Ui, view: &mut View<'_>, cell: Rect, row: &PeerRow) {
    let name = names::tame(&row.name);
    let spoken = words::person_shares(&name, row.shares);
    let chosen = view.memory.person == Some(row.id);
    let face = Face {
        id: Some(row.id),
        name: &name,
        count: row.shares,
        chosen,
        trouble: row.trouble.is_some(),
        server: row.role == Role::Server,
        spoken: &spoken,
    };
    let response = person::face_ui(ui, cell, &face);
    if response.clicked() {
        view.memory.person = if chosen { None } else { Some(row.id) };
    }
    response.on_hover_ui(|ui| {
        let palette = Palette::of(ui);
        ui.label(RichText::new(&name).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
        if row.role == Role::Server {
            ui.label(RichText::new(words::managed::A_SERVER).font(Type::Small.font()).color(palette.text_soft));
        }
        ui.label(RichText::new(row.id.short()).font(Type::Small.font()).color(palette.text_soft));
        let how = words::via(row.via);
        ui.label(RichText::new(how).font(Type::Small.font()).color(palette.text_soft));
        if let Some(trouble) = &row.trouble {
            let said = format!("{}. {}", notices::sentence(trouble), trouble.hint);
            ui.label(RichText::new(said).font(Type::Small.font()).color(palette.attention));
        }
    });
}

/// Shows the faces that did not fit, or puts them away again.
fn more_ui(ui: &mut Ui, view: &mut View<'_>, cell: Rect, hidden: usize) {
    let label = if hidden > 0 { words::show_more_people(hidden) } else { words::SHOW_FEWER_PEOPLE.to_owned() };
    let name = if hidden > 0 { words::SHOW_ALL_PEOPLE } else { words::SHOW_FEWER_PEOPLE };
    let push = Push::new(&label, Look::Outlined).named(name);
    let wide = push.natural_width(ui);
    let right = ui.max_rect().right() - wide / 2.0;
    let center = pos2(cell.center().x.min(right), cell.top() + space::XS + size::FACE / 2.0);
    if ui.place(Rect::from_center_size(center, vec2(wide, size::CONTROL)), push).clicked() {
        view.memory.all_people = hidden > 0;
    }
}

fn shares_ui(ui: &mut Ui, view: &mut View<'_>) {
    let shown = view.index.shown().len();
    let nothing_at_all = view.now.shares.is_empty() && view.memory.search.is_empty() && view.memory.person.is_none();
    if nothing_at_all {
        return empty_room_ui(ui, view);
    }
    list_head_ui(ui, view, shown);
    if shown == 0 {
        return nothing_ui(ui, view);
    }
    let index = view.index;
    let palette = Palette::of(ui);
    let ground = ui.painter().add(egui::Shape::Noop);
    let columns = Columns::of(ui.available_width());
    let mut goal = None;
    let list = rows::rows_ui(ui, shown, size::ROW, |ui, at, rect| {
        let found = &index.shown()[at];
        let id = view.now.shares[found.at].id;
        let response = share_row_ui(ui, view, found, rect, columns);
        if at > 0 {
            let y = rect.top();
            ui.painter().hline(rect.left() + 52.0..=rect.right() - space::M, y, (size::HAIRLINE, palette.hairline));
        }
        take_focus(view, &response, at, id);
        if let Some(step) = rows::step(ui, &response) {
            goal = Some(rows::stepped(at, step, shown));
        }
    });
    let stroke = egui::Stroke::new(size::HAIRLINE, palette.hairline);
    let sheet = egui::epaint::RectShape::new(list, radius::MEDIUM, palette.paper, stroke, egui::StrokeKind::Outside);
    ui.painter().set(ground, sheet);
    if let Some(goal) = goal {
        view.memory.focus_row = Some(view.now.shares[index.shown()[goal].at].id);
        ui.scroll_to_rect(rows::row_rect(list, goal, size::ROW), None);
    }
}

/// The keyboard goes to the row it was led to, as soon as that is drawn.
fn take_focus(view: &mut View<'_>, response: &egui::Response, at: usize, id: crate::share::ShareId) {
    if view.memory.focus_row == Some(id) {
        view.memory.focus_row = None;
        response.request_focus();
    }
    if at == 0 && view.memory.focus_zone == Some(Zone::Page) {
        view.memory.focus_zone = None;
        response.request_focus();
    }
}

fn list_head_ui(ui: &mut Ui, view: &mut View<'_>, shown: usize) {
    let palette = Palette::of(ui);
    let title = match view.memory.person.and_then(|id| view.name_of(&id)) {
        Some(name) => words::someones_shares(&names::isolated(name)),
        None => words::SHARED.to_owned(),
    };
    let line = vec2(ui.available_width(), size::CONTROL);
    ui.allocate_ui_with_layout(line, Layout::left_to_right(Align::Center), |ui| {
        heading(ui, &title);
        let count = figures::count(shown as u64);
        ui.label(RichText::new(count).font(Type::Body.font()).color(palette.text_faint));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            sort_ui(ui, view);
            give_to_person_ui(ui, view);
        });
    });
}

/// While one person's shares are looked at, what is added is for that person alone; a button says so.
fn give_to_person_ui(ui: &mut Ui, view: &mut View<'_>) {
    let Some(name) = view.memory.person.and_then(|id| view.name_of(&id)) else { return };
    let text = words::share_with_only(&names::shortened(&names::tame(name), 24));
    if ui.add(Push::new(&text, Look::Outlined).icon(icons::PAPER_PLANE_TILT)).clicked() {
        top_bar::choose(view, Choice::Files);
    }
}

fn sort_ui(ui: &mut Ui, view: &mut View<'_>) {
    let orders = [
        (Sort::Newest, words::SORT_NEWEST),
        (Sort::Name, words::SORT_NAME),
        (Sort::Largest, words::SORT_LARGEST),
        (Sort::Person, words::SORT_PERSON),
    ];
    let present =
        orders.iter().find(|(order, _)| *order == view.memory.sort).map_or(words::SORT_NEWEST, |(_, name)| name);
    let button = ui.add(Push::new(present, Look::Quiet).icon(icons::SORT_ASCENDING));
    menu::under(&button, 176.0, |ui| {
        for (order, name) in orders {
            if menu::one_of_ui(ui, view.memory.sort == order, name) {
                view.memory.sort = order;
            }
        }
    });
}

/// Nothing was found, or a person shares nothing.
fn nothing_ui(ui: &mut Ui, view: &View<'_>) {
    if view.memory.search.starts_with("handout://") {
        return;
    }
    match view.memory.person.and_then(|id| view.name_of(&id)) {
        Some(name) if view.memory.search.is_empty() => {
            let text = words::nothing_from(&names::isolated(name));
            blank_ui(ui, icons::TRAY, words::NOTHING_FROM_PERSON, &text, |_| {});
        }
        // Servers are still asked, or stand below with what they found.
        _ if view.memory.at_servers.waiting || !view.memory.at_servers.found.is_empty() => {}
        _ => blank_ui(ui, icons::MAGNIFYING_GLASS, words::NOTHING_FOUND, words::NOTHING_FOUND_TEXT, |_| {}),
    }
}

/// A room in which nothing is shared: how to begin, and what to look at when nobody is there.
fn empty_room_ui(ui: &mut Ui, view: &mut View<'_>) {
    let palette = Palette::of(ui);
    let ground = ui.painter().add(egui::Shape::Noop);
    let text = match view.now.managed.as_deref() {
        Some(managed) => match &managed.no_room {
            Some(why) => words::managed::empty_room(&names::tame(why), &names::tame(&managed.by)),
            None => words::EMPTY_TEXT_MANAGED.to_owned(),
        },
        None => words::EMPTY_TEXT.to_owned(),
    };
    let inner = ui.vertical(|ui| {
        ui.set_width(ui.available_width());
        blank_ui(ui, icons::PAPER_PLANE_TILT, words::EMPTY_TITLE, &text, |ui| {
            let push = Push::new(words::CHOOSE_FILES, Look::Filled).icon(icons::PLUS).high(size::FIELD);
            if ui.add(push).clicked() {
                top_bar::choose(view, Choice::Files);
            }
        });
    });
    let zone = inner.response.rect;
    ui.painter().set(ground, egui::epaint::RectShape::filled(zone, radius::MEDIUM, palette.paper));
    paint::dashed(ui.painter(), zone.shrink(0.75), palette.text_faint);
    if view.now.peers.is_empty() {
        alone_ui(ui, view);
    }
}

/// Nobody is around: what to check, in the order in which it usually is the reason.
fn alone_ui(ui: &mut Ui, view: &mut View<'_>) {
    card(ui, |ui| {
        let palette = Palette::of(ui);
        ui.label(RichText::new(words::ALONE_TITLE).font(Type::Lead.weighing(Weight::SemiBold)).color(palette.text));
        let off = [(icons::WIFI_SLASH, words::ALONE_OFF)];
        let signs = [icons::DESKTOP, icons::WIFI_HIGH, icons::WIFI_SLASH];
        let checks: Vec<_> = signs.into_iter().zip(words::ALONE_CHECKS).collect();
        let checks = if view.now.me.discovery { checks.as_slice() } else { &off };
        for (icon, check) in checks {
            ui.horizontal(|ui| {
                let (at, _) = ui.allocate_exact_size(vec2(size::ICON_LARGE, size::ICON_LARGE), egui::Sense::hover());
                paint::icon(ui.painter(), at.center(), *icon, size::ICON_LARGE, palette.text_soft);
                soft(ui, *check);
            });
        }
        ui.add_space(space::XS);
        if ui.add(Push::new(words::ADD_COMPUTER, Look::Outlined).icon(icons::PLUS)).clicked() {
            view.memory.dialog = Some(Dialog::Address { text: String::new() });
        }
    });
}
