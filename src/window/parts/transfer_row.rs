//! One transfer: a bar with what is checked and what is in flight, what remains, who it comes from, and why it stands still.

use egui::{Align, Color32, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{bar, kind, paint, push::Push, rows, share_row};
use crate::{
    engine::{
        command::Command,
        snapshot::{TransferRow, TransferState},
    },
    window::{
        figures,
        icons::{self, Icon},
        names,
        theme::{Palette, Type, Weight, size, space},
        view::View,
        words,
    },
};

/// The width of the buttons side by side; what is here can be opened, shown and taken off, the rest has two.
fn controls_width(state: TransferState) -> f32 {
    let count = if state == TransferState::Seeding { 3.0 } else { 2.0 };
    count * size::CONTROL + (count - 1.0) * space::XS
}

/// Draws a transfer; a click opens its details.
pub fn transfer_row_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow, rect: Rect) -> Response {
    let chosen = view.memory.selected == Some(row.share);
    let response = ui.interact(rect, rows::id("transfer", row.share), Sense::click());
    let spoken = spoken(row);
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, ui.is_enabled(), chosen, &spoken));
    rows::follow(ui, &response, rect);
    if response.clicked() {
        view.memory.selected = if chosen { None } else { Some(row.share) };
    }
    let palette = Palette::of(ui);
    share_row::background(ui, &response, rect, chosen, palette);
    let shortened = paint(ui, row, rect, palette);
    controls_ui(ui, view, row, rect);
    if shortened { response.on_hover_text(names::tame(&row.title)) } else { response }
}

fn spoken(row: &TransferRow) -> String {
    let percent = figures::percent(row.done_bytes, row.size);
    let mut parts = vec![names::tame(&row.title), words::state(row.state).to_owned(), percent];
    parts.extend(row.trouble.iter().map(|trouble| trouble.what.clone()));
    parts.join(", ")
}

fn paint(ui: &mut Ui, row: &TransferRow, rect: Rect, palette: &Palette) -> bool {
    let tile = Rect::from_center_size(
        pos2(rect.left() + space::M + size::TILE / 2.0, rect.center().y),
        vec2(size::TILE, size::TILE),
    );
    paint::tile(ui.painter(), tile, kind::icon(row.kind, &row.title), palette);
    let text = Rect::from_min_max(
        pos2(tile.right() + space::M, rect.top() + space::S),
        pos2(rect.right() - space::M - controls_width(row.state) - space::L, rect.bottom() - space::S),
    );
    let moving = !matches!(row.state, TransferState::Seeding);
    let third = text.height() / 3.0;
    let line_rect = |from: f32, to: f32| {
        Rect::from_min_max(pos2(text.left(), text.top() + from), pos2(text.right(), text.top() + to))
    };
    let (above, below) = if moving {
        (line_rect(0.0, third), line_rect(2.0 * third, 3.0 * third))
    } else {
        (line_rect(third * 0.5, third * 1.5), line_rect(third * 1.5, third * 2.5))
    };
    if moving {
        bar_ui(ui, row, line_rect(third, 2.0 * third), palette);
    }
    let speeds = speeds(row);
    let speeds_width = paint::width(ui.painter(), &speeds, Type::Small.weighing(Weight::Medium));
    let title = Rect::from_min_max(above.min, pos2(above.right() - speeds_width - space::L, above.bottom()));
    let font = Type::Body.weighing(Weight::Medium);
    let (shortened, _) = paint::line(ui.painter(), title, Align::Min, &names::tame(&row.title), font, palette.text);
    paint::line(ui.painter(), above, Align::Max, &speeds, Type::Small.weighing(Weight::Medium), palette.text);
    state_line(ui, row, below, palette);
    shortened
}

fn bar_ui(ui: &mut Ui, row: &TransferRow, slot: Rect, palette: &Palette) {
    let done = figures::part(row.done_bytes, row.size);
    let response = ui.interact(slot, rows::id("transfer-bar", row.share), Sense::hover());
    bar::announce(ui, &response, &names::tame(&row.title), done);
    let quiet = !matches!(row.state, TransferState::Fetching | TransferState::Finishing | TransferState::Verifying);
    bar::paint(ui.painter(), bar::slot(slot), done, bar::flying(&row.map), quiet, palette);
}

/// Speed and what is left of the time, at the right of the title.
fn speeds(row: &TransferRow) -> String {
    let mut parts = Vec::new();
    if row.rate_down > 0 {
        parts.push(figures::speed(row.rate_down));
    }
    if row.rate_up > 0 {
        parts.push(format!("↑ {}", figures::speed(row.rate_up)));
    }
    if let (TransferState::Fetching, Some(eta)) = (row.state, row.eta) {
        parts.push(words::left(&figures::time_left(eta)));
    }
    parts.join("   ")
}

/// What stands under the bar: how much, from whom; or why not.
fn state_line(ui: &Ui, row: &TransferRow, rect: Rect, palette: &Palette) {
    let painter = ui.painter();
    let (icon, word, ink) = sign(row, palette);
    let mut left = rect.left();
    if let Some(icon) = icon {
        paint::icon(painter, pos2(left + size::ICON / 2.0, rect.center().y), icon, size::ICON, ink);
        left += size::ICON + space::XS + 2.0;
    }
    let rect = Rect::from_min_max(pos2(left, rect.top()), rect.max);
    let (_, width) = paint::line(painter, rect, Align::Min, &word, Type::Small.weighing(Weight::Medium), ink);
    let rest = Rect::from_min_max(pos2(left + width + space::S, rect.top()), rect.max);
    paint::line(painter, rest, Align::Min, &facts(row), Type::Small.font(), palette.text_soft);
}

fn sign(row: &TransferRow, palette: &Palette) -> (Option<Icon>, String, Color32) {
    let word = words::state(row.state).to_owned();
    let trouble = || row.trouble.as_ref().map_or(word.clone(), |trouble| trouble.what.clone());
    match row.state {
        TransferState::Fetching => {
            (None, words::of(&figures::bytes(row.done_bytes), &figures::bytes(row.size)), palette.text)
        }
        TransferState::Seeding => (Some(icons::CHECK), words::CHECKED.to_owned(), palette.good),
        TransferState::Done => (Some(icons::CHECK), word, palette.good),
        TransferState::Queued | TransferState::Scheduled => (Some(icons::CLOCK), word, palette.text_soft),
        TransferState::Waiting => (Some(icons::CLOCK), trouble(), palette.attention),
        TransferState::Failed => (Some(icons::WARNING_CIRCLE), trouble(), palette.bad),
        TransferState::Paused => (Some(icons::PAUSE), word, palette.text_soft),
        TransferState::Looking => (Some(icons::MAGNIFYING_GLASS), word, palette.text_soft),
        TransferState::Finishing | TransferState::Verifying => (None, word, palette.text),
    }
}

fn facts(row: &TransferRow) -> String {
    let part = words::of(&figures::bytes(row.done_bytes), &figures::bytes(row.size));
    let mut parts = Vec::new();
    match row.state {
        TransferState::Fetching if row.sources > 0 => parts.push(words::from_people(row.sources)),
        TransferState::Fetching => {}
        TransferState::Waiting | TransferState::Failed => {
            parts.extend(row.trouble.iter().map(|trouble| trouble.hint.clone()).filter(|hint| !hint.is_empty()));
        }
        TransferState::Seeding | TransferState::Done => parts.push(figures::bytes(row.size)),
        _ => parts.push(part),
    }
    if row.reused_bytes > 0 {
        let files = row.facts.as_ref().map_or(row.reused_files, |facts| facts.files_total);
        parts.push(words::here_already(row.reused_files, files, row.reused_bytes));
    }
    if row.state == TransferState::Seeding && row.leeches > 0 {
        parts.push(words::to_people(row.leeches));
    }
    if row.given_bytes > 0 && row.state != TransferState::Waiting && row.state != TransferState::Failed {
        parts.push(words::given(&figures::bytes(row.given_bytes)));
    }
    let lead = if row.state == TransferState::Waiting || row.state == TransferState::Failed { "" } else { "·  " };
    if parts.is_empty() { String::new() } else { format!("{lead}{}", parts.join("  ·  ")) }
}

/// The buttons at the right end; which, depends on the state.
fn controls_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow, rect: Rect) {
    let title = names::tame(&row.title);
    let named = |verb: &str| words::about_action(verb, &title);
    let mut place = 0;
    let mut button = |ui: &mut Ui, icon: Icon, verb: &str| {
        let at =
            paint::at_right(rect, space::M + place as f32 * (size::CONTROL + space::XS), size::CONTROL, size::CONTROL);
        place += 1;
        ui.place(at, Push::icon_only(icon, named(verb))).clicked()
    };
    let share = row.share;
    match row.state {
        TransferState::Seeding | TransferState::Done => {
            if button(ui, icons::X, words::OFF_THE_LIST) {
                view.send(Command::Dismiss { share });
            }
            if button(ui, icons::FOLDER_OPEN, words::SHOW_IN_FOLDER) {
                view.reveal(&row.places);
            }
            if button(ui, icons::ARROW_SQUARE_OUT, words::OPEN) {
                view.open(&row.places);
            }
        }
        TransferState::Failed => {
            if button(ui, icons::X, words::OFF_THE_LIST) {
                view.send(Command::Dismiss { share });
            }
            if button(ui, icons::ARROWS_CLOCKWISE, words::TRY_AGAIN) {
                view.get(share, &row.title);
            }
        }
        _ => {
            if button(ui, icons::X, words::STOP_AND_DELETE) {
                view.cancel(row);
            }
            match row.state {
                TransferState::Paused if button(ui, icons::PLAY, words::RESUME) => view.send(Command::Resume { share }),
                TransferState::Paused | TransferState::Finishing | TransferState::Verifying => {}
                _ if button(ui, icons::PAUSE, words::PAUSE) => view.send(Command::Pause { share }),
                _ => {}
            }
        }
    }
}
