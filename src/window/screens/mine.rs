//! What this computer gives: to whom, how many have it, and how to stop.

use egui::{Align, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{given, page_ui, soft};
use crate::{
    engine::{command::Recipients, snapshot::ShareRow},
    window::{
        figures, icons,
        memory::Zone,
        names,
        parts::{
            blank::blank_ui,
            choice::segments_ui,
            kind, notices, paint,
            push::{Look, Push},
            rows, share_row,
            toasts::{Mood, Offer, audience_dialog},
        },
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
        words,
    },
};

/// Draws what is mine.
pub fn mine_ui(ui: &mut Ui, view: &mut View<'_>) {
    page_ui(ui, "mine", size::PAGE_MAX, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        notices::notices_ui(ui, view);
        which_ui(ui, view);
        if view.memory.mine_people {
            return given::given_ui(ui, view);
        }
        let count = view.index.mine_count();
        if count == 0 {
            return blank_ui(ui, icons::PAPER_PLANE_TILT, words::NOTHING_MINE_TITLE, words::NOTHING_MINE_TEXT, |_| {});
        }
        soft(ui, words::mine_summary(count, &figures::bytes(view.index.sections().given_of_mine)));
        list_ui(ui, view, count);
    });
}

/// What I share, or who got it.
fn which_ui(ui: &mut Ui, view: &mut View<'_>) {
    let segments = [(icons::PAPER_PLANE_TILT, words::given::SHARES), (icons::USERS_THREE, words::given::PEOPLE)];
    ui.add_space(space::XS);
    if let Some(chosen) = segments_ui(ui, &segments, usize::from(view.memory.mine_people)) {
        view.memory.mine_people = chosen == 1;
    }
}

fn given_of(view: &View<'_>, row: &ShareRow) -> u64 {
    view.index.transfer(view.now, &row.id).map_or(0, |transfer| transfer.given_bytes)
}

fn list_ui(ui: &mut Ui, view: &mut View<'_>, count: usize) {
    let (now, index) = (view.now, view.index);
    let palette = Palette::of(ui);
    let ground = ui.painter().add(egui::Shape::Noop);
    let mut goal = None;
    let list = rows::rows_ui(ui, count, size::ROW, |ui, at, rect| {
        let Some(row) = index.mine(now, at) else { return };
        let response = row_ui(ui, view, row, rect);
        if at > 0 {
            let across = rect.left() + 52.0..=rect.right() - space::M;
            ui.painter().hline(across, rect.top(), (size::HAIRLINE, palette.hairline));
        }
        if view.memory.focus_row == Some(row.id) {
            view.memory.focus_row = None;
            response.request_focus();
        }
        if at == 0 && view.memory.focus_zone == Some(Zone::Page) {
            view.memory.focus_zone = None;
            response.request_focus();
        }
        if let Some(step) = rows::step(ui, &response) {
            goal = Some(rows::stepped(at, step, count));
        }
    });
    let stroke = egui::Stroke::new(size::HAIRLINE, palette.hairline);
    let sheet = egui::epaint::RectShape::new(list, radius::MEDIUM, palette.paper, stroke, egui::StrokeKind::Outside);
    ui.painter().set(ground, sheet);
    if let Some(goal) = goal {
        view.memory.focus_row = index.mine(now, goal).map(|row| row.id);
        ui.scroll_to_rect(rows::row_rect(list, goal, size::ROW), None);
    }
}

fn row_ui(ui: &mut Ui, view: &mut View<'_>, row: &ShareRow, rect: Rect) -> Response {
    let palette = Palette::of(ui);
    let chosen = view.memory.selected == Some(row.id);
    let title = names::tame(&row.title);
    let response = ui.interact(rect, rows::id("mine", row.id), Sense::click());
    let spoken = format!("{title}, {}, {}", audience_words(view, row), words::have_it(row.seeds));
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, ui.is_enabled(), chosen, &spoken));
    rows::follow(ui, &response, rect);
    if response.clicked() {
        view.memory.selected = if chosen { None } else { Some(row.id) };
    }
    share_row::background(ui, &response, rect, chosen, palette);

    let mut from_right = space::M;
    let mut slot = |width: f32, gap: f32| {
        let at = paint::at_right(rect, from_right, width, size::CONTROL);
        from_right += width + gap;
        at
    };
    let stop = slot(size::CONTROL, space::XS);
    let copy = slot(size::CONTROL, space::L);
    let audience = slot(184.0, space::L);
    let wide = rect.width() >= 640.0;
    let counts = wide.then(|| slot(168.0, space::L));
    let size = slot(if wide { 72.0 } else { 0.0 }, space::M);
    if ui.place(stop, Push::icon_only(icons::X, words::about_action(words::STOP_SHARING, &title))).clicked() {
        view.unshare(row);
    }
    if ui.place(copy, Push::icon_only(icons::LINK_SIMPLE, words::about_action(words::COPY_LINK, &title))).clicked() {
        ui.ctx().copy_text(row.link.clone());
        view.memory.toasts.say(view.time, Mood::Plain, words::LINK_COPIED, Offer::Nothing);
    }
    audience_ui(ui, view, row, audience);
    if let Some(counts) = counts {
        counts_ui(ui, view, row, counts, rect);
        paint::line(ui.painter(), size, Align::Max, &figures::bytes(row.size), Type::Body.font(), palette.text_soft);
    }
    if title_ui(ui, row, rect, size.left() - space::M) { response.on_hover_text(title) } else { response }
}

/// Icon and title; whether it was shortened.
fn title_ui(ui: &Ui, row: &ShareRow, rect: Rect, right: f32) -> bool {
    let palette = Palette::of(ui);
    let at = pos2(rect.left() + space::M + size::TILE / 2.0, rect.center().y);
    let tile = Rect::from_center_size(at, vec2(size::TILE, size::TILE));
    paint::tile(ui.painter(), tile, kind::icon(row.kind, &row.title), palette);
    let text = Rect::from_min_max(pos2(tile.right() + space::M, rect.top()), pos2(right, rect.bottom()));
    let font = Type::Body.weighing(Weight::Medium);
    paint::line(ui.painter(), text, Align::Min, &names::tame(&row.title), font, palette.text).0
}

fn counts_ui(ui: &Ui, view: &View<'_>, row: &ShareRow, slot: Rect, rect: Rect) {
    let palette = Palette::of(ui);
    let mut have = vec![words::have_it(row.seeds)];
    if row.seeds == 0 {
        have.clear();
    }
    if row.leeches > 0 {
        have.push(words::getting_it(row.leeches));
    }
    if have.is_empty() {
        have.push(words::NOBODY_YET.to_owned());
    }
    let given = given_of(view, row);
    let slot = Rect::from_min_max(pos2(slot.left(), rect.top()), pos2(slot.right(), rect.bottom()));
    have.extend(row.keeping.as_ref().map(words::managed::keeping));
    let (font, have) = (Type::Small.font(), have.join(", "));
    if given == 0 {
        paint::line(ui.painter(), slot, Align::Min, &have, font, palette.text_soft);
        return;
    }
    let above =
        Rect::from_min_max(pos2(slot.left(), slot.top() + space::XS), pos2(slot.right(), slot.center().y + 2.0));
    let below = Rect::from_min_max(pos2(slot.left(), slot.center().y), pos2(slot.right(), slot.bottom() - space::XS));
    paint::line(ui.painter(), above, Align::Min, &have, font.clone(), palette.text_soft);
    let given = words::given(&figures::bytes(given));
    paint::line(ui.painter(), below, Align::Min, &given, font, palette.text_faint);
}

fn audience_words(view: &View<'_>, row: &ShareRow) -> String {
    match &row.recipients {
        Some(Recipients::Link) => words::FOR_LINK.to_owned(),
        Some(Recipients::Groups(of)) => words::managed::groups(view.now, of),
        Some(Recipients::Peers(people)) => match people.iter().collect::<Vec<_>>().as_slice() {
            [one] => view.name_of(one).map_or_else(|| one.short(), names::tame),
            many => words::people(many.len() as u64),
        },
        Some(Recipients::Everyone) | None => words::FOR_EVERYONE.to_owned(),
    }
}

/// Whom it is for, as a button that changes it.
fn audience_ui(ui: &mut Ui, view: &mut View<'_>, row: &ShareRow, slot: Rect) {
    let icon = match &row.recipients {
        Some(Recipients::Link) => icons::LINK_SIMPLE,
        Some(Recipients::Peers(_)) if row.keeping.is_some() => icons::HARD_DRIVES,
        Some(Recipients::Peers(_)) => icons::USER,
        Some(Recipients::Groups(_)) => icons::USERS_THREE,
        Some(Recipients::Everyone) | None => icons::USERS_THREE,
    };
    let text = audience_words(view, row);
    let text = names::shortened(&text, 22);
    let name = format!("{}: {text}, {}", names::tame(&row.title), words::CHANGE_WHO);
    if ui.place(slot, Push::new(&text, Look::Outlined).icon(icon).wide(slot.width()).named(name)).clicked() {
        view.memory.dialog = Some(audience_dialog(view.now, row.id, &row.title));
    }
}
