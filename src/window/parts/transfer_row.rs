//! One transfer: a bar with what is checked and what is in flight, what remains, who it comes from, and why it is no faster.

use egui::{Align, Color32, Key, Modifiers, Painter, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{bar, kind, paint, push::Push, rows, share_row, transfer_menu};
use crate::{
    engine::{
        command::{Command, QueuePlace},
        snapshot::{TransferRow, TransferState},
    },
    traffic::{Class, Order, Priority, Reason},
    window::{
        figures,
        icons::{self, Icon},
        index, names,
        theme::{Palette, Type, Weight, size, space},
        view::View,
        words,
    },
};

/// Three buttons side by side, whatever the state, so that they line up down the list.
const CONTROLS: f32 = 3.0 * size::CONTROL + 2.0 * space::XS;
/// Where a row of the queue is held to be dragged.
const HANDLE: f32 = 20.0;
/// A row of what is coming stands so far from the edge.
pub const LEFT: f32 = HANDLE + space::XS;

/// Where the words of a row begin; lines between rows begin there too.
pub fn words_from(row: &TransferRow) -> f32 {
    let left = if row.is_here() { space::M } else { LEFT };
    left + size::TILE + space::M
}

/// What a frame did with a row.
pub struct Touched {
    pub response: Response,
    /// The handle, for a row of the queue.
    pub handle: Option<Response>,
}

/// Draws a transfer; a click opens its details.
pub fn transfer_row_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow, rect: Rect) -> Touched {
    let chosen = view.memory.selected == Some(row.share);
    let response = ui.interact(rect, rows::id("transfer", row.share), Sense::click());
    let why = why(view, row);
    let spoken = spoken(row, why.as_deref());
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, ui.is_enabled(), chosen, &spoken));
    rows::follow(ui, &response, rect);
    if response.clicked() {
        view.memory.selected = if chosen { None } else { Some(row.share) };
    }
    move_by_keys(ui, view, row, &response);
    let palette = Palette::of(ui);
    share_row::background(ui, &response, rect, chosen, palette);
    let handle = row.queue.map(|_| handle_ui(ui, row, rect, palette));
    let shortened = paint(ui, row, why.as_deref(), rect, palette);
    controls_ui(ui, view, row, rect);
    let response = if shortened { response.on_hover_text(names::tame(&row.title)) } else { response };
    Touched { response, handle }
}

fn spoken(row: &TransferRow, why: Option<&str>) -> String {
    let percent = figures::percent(row.done_bytes, row.size);
    let mut parts = vec![names::tame(&row.title), words::state(row.state).to_owned(), percent];
    parts.extend(row.queue.map(words::control::spoken_place));
    parts.extend(chips(row).into_iter().map(|(_, word)| word.to_owned()));
    parts.extend(row.trouble.iter().map(|trouble| trouble.what.clone()));
    parts.extend(why.map(str::to_owned));
    parts.join(", ")
}

/// Why it is no faster, where its state does not say so already.
pub fn why(view: &View<'_>, row: &TransferRow) -> Option<String> {
    let silent = match row.state {
        TransferState::Fetching => matches!(row.reason, Reason::FullSpeed | Reason::Starting | Reason::Trouble),
        TransferState::Queued | TransferState::Scheduled | TransferState::Looking => row.reason == Reason::Trouble,
        TransferState::Seeding => !matches!(row.reason, Reason::Limit { .. } | Reason::Disk { .. }),
        TransferState::Done => row.reason != Reason::SeedingEnded,
        _ => true,
    };
    (!silent).then(|| words::reasons::reason(&row.reason, reason_name(view, &row.reason).as_deref()))
}

/// The name of the one whom a reason is about.
pub fn reason_name(view: &View<'_>, reason: &Reason) -> Option<String> {
    match reason {
        Reason::TheirSide { peer: Some(peer), .. } => view.name_of(peer).map(names::isolated),
        _ => None,
    }
}

/// Alt and an arrow move a row up or down the queue.
fn move_by_keys(ui: &Ui, view: &mut View<'_>, row: &TransferRow, response: &Response) {
    // A row that was clicked is as good as one that has the keyboard, while nothing else has it.
    let meant = view.memory.selected == Some(row.share) && ui.memory(|memory| memory.focused().is_none());
    if !(response.has_focus() || meant) || row.queue.is_none() {
        return;
    }
    let places = [
        (Key::ArrowUp, QueuePlace::Up),
        (Key::ArrowDown, QueuePlace::Down),
        (Key::Home, QueuePlace::Top),
        (Key::End, QueuePlace::Bottom),
    ];
    let pressed = ui.input_mut(|input| places.into_iter().find(|(key, _)| input.consume_key(Modifiers::ALT, *key)));
    if let Some((_, to)) = pressed {
        // Wherever it goes, the keyboard goes with it.
        view.memory.focus_row = Some(row.share);
        view.send(Command::Move { share: row.share, to });
    }
}

/// What can be taken hold of; the keyboard has its own way.
fn handle_ui(ui: &Ui, row: &TransferRow, rect: Rect, palette: &Palette) -> Response {
    let spot = Rect::from_min_size(rect.min, vec2(LEFT, rect.height()));
    let handle = ui.interact(spot, rows::id("handle", row.share), Sense::DRAG);
    let ink = if handle.hovered() || handle.dragged() { palette.text } else { palette.text_faint };
    let center = pos2(rect.left() + LEFT / 2.0, rect.center().y);
    paint::icon(ui.painter(), center, icons::DOTS_SIX_VERTICAL, size::ICON, ink);
    let held = if handle.dragged() { egui::CursorIcon::Grabbing } else { egui::CursorIcon::Grab };
    handle.on_hover_cursor(held).on_hover_text(words::control::DRAG_HINT)
}

fn paint(ui: &mut Ui, row: &TransferRow, why: Option<&str>, rect: Rect, palette: &Palette) -> bool {
    let text_left = rect.left() + words_from(row);
    let left = text_left - space::M - size::TILE;
    let tile = Rect::from_center_size(pos2(left + size::TILE / 2.0, rect.center().y), vec2(size::TILE, size::TILE));
    paint::tile(ui.painter(), tile, kind::icon(row.kind, &row.title), palette);
    let text = Rect::from_min_max(
        pos2(text_left, rect.top() + space::S),
        pos2(rect.right() - space::M - CONTROLS - space::L, rect.bottom() - space::S),
    );
    let moving = !row.is_here();
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
    let shortened = title_line(ui, row, above, palette);
    state_line(ui, row, why, below, palette);
    shortened
}

/// The title, what was chosen for it, and at the right how fast it goes.
fn title_line(ui: &Ui, row: &TransferRow, line: Rect, palette: &Palette) -> bool {
    let painter = ui.painter();
    let speeds = speeds(row);
    let speeds_width = paint::width(painter, &speeds, Type::Small.weighing(Weight::Medium));
    let mut chips = chips(row);
    let right = line.right() - speeds_width - space::L;
    let font = Type::Body.weighing(Weight::Medium);
    let whole = paint::width(painter, &names::tame(&row.title), font.clone());
    if line.left() + whole + space::S + chips_width(painter, &chips) > right {
        // The title matters more than words that its details say too.
        chips.iter_mut().for_each(|(_, word)| *word = "");
    }
    let chips_width = chips_width(painter, &chips);
    let title = Rect::from_min_max(line.min, pos2(right - chips_width, line.bottom()));
    let (shortened, wide) = paint::line(painter, title, Align::Min, &names::tame(&row.title), font, palette.text);
    let mut at = line.left() + wide + space::S;
    for (icon, word) in chips {
        at += paint::chip(painter, pos2(at, line.center().y), icon, word, palette) + space::S;
    }
    paint::line(painter, line, Align::Max, &speeds, Type::Small.weighing(Weight::Medium), palette.text);
    shortened
}

fn chips_width(painter: &Painter, chips: &[(Icon, &str)]) -> f32 {
    chips.iter().map(|(_, word)| paint::chip_width(painter, word) + space::S).sum()
}

/// What a person chose for it, where that is not the usual.
fn chips(row: &TransferRow) -> Vec<(Icon, &'static str)> {
    let mut chips = Vec::new();
    match row.priority {
        Priority::High => chips.push((icons::ARROW_LINE_UP, words::control::priority(Priority::High))),
        Priority::Low => chips.push((icons::ARROW_LINE_DOWN, words::control::priority(Priority::Low))),
        Priority::Normal => {}
    }
    if row.class == Class::Background {
        chips.push((icons::LEAF, words::control::BACKGROUND));
    }
    if row.order == Order::InOrder && row.queue.is_some() {
        chips.push((icons::PLAY, words::control::IN_ORDER_CHIP));
    }
    chips
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
fn state_line(ui: &Ui, row: &TransferRow, why: Option<&str>, rect: Rect, palette: &Palette) {
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
    paint::line(painter, rest, Align::Min, &facts(row, why), Type::Small.font(), palette.text_soft);
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
        TransferState::Queued => (Some(icons::HOURGLASS), word, palette.text_soft),
        TransferState::Scheduled => (Some(icons::CALENDAR_DOTS), word, palette.text_soft),
        TransferState::Waiting => (Some(icons::CLOCK), trouble(), palette.attention),
        TransferState::Failed => (Some(icons::WARNING_CIRCLE), trouble(), palette.bad),
        TransferState::Paused => (Some(icons::PAUSE), word, palette.text_soft),
        TransferState::Looking => (Some(icons::MAGNIFYING_GLASS), word, palette.text_soft),
        TransferState::Finishing | TransferState::Verifying => (None, word, palette.text),
    }
}

fn facts(row: &TransferRow, why: Option<&str>) -> String {
    let part = || words::of(&figures::bytes(row.done_bytes), &figures::bytes(row.size));
    let stuck = matches!(row.state, TransferState::Waiting | TransferState::Failed);
    let mut parts = Vec::new();
    match row.state {
        TransferState::Fetching if row.sources > 0 => parts.push(words::from_people(row.sources)),
        TransferState::Fetching => {}
        TransferState::Waiting | TransferState::Failed => {
            parts.extend(row.trouble.iter().map(|trouble| trouble.hint.clone()).filter(|hint| !hint.is_empty()));
        }
        _ if row.is_here() => parts.push(figures::bytes(row.size)),
        _ => parts.push(part()),
    }
    parts.extend(why.map(str::to_owned));
    if row.files_wanted < row.files && !stuck {
        parts.push(words::files::wanted(row.files_wanted, row.files));
    }
    if row.reused_bytes > 0 {
        let files = row.facts.as_ref().map_or(row.reused_files, |facts| facts.files_total);
        parts.push(words::here_already(row.reused_files, files, row.reused_bytes));
    }
    if row.state == TransferState::Seeding && row.leeches > 0 {
        parts.push(words::to_people(row.leeches));
    }
    if row.given_bytes > 0 && !stuck {
        parts.push(words::given(&figures::bytes(row.given_bytes)));
    }
    let lead = if stuck { "" } else { "·  " };
    if parts.is_empty() { String::new() } else { format!("{lead}{}", parts.join("  ·  ")) }
}

/// The buttons at the right end; which, depends on the state.
fn controls_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow, rect: Rect) {
    let title = names::tame(&row.title);
    let named = |verb: &str| words::about_action(verb, &title);
    let slot = |place: usize| {
        let from_right = space::M + place as f32 * (size::CONTROL + space::XS);
        paint::at_right(rect, from_right, size::CONTROL, size::CONTROL)
    };
    let more = ui.place(slot(0), Push::icon_only(icons::DOTS_THREE, named(words::control::MORE)));
    transfer_menu::under(&more, view, row);
    let mut button =
        |place: usize, icon: Icon, verb: &str| ui.place(slot(place), Push::icon_only(icon, named(verb))).clicked();
    let share = row.share;
    match row.state {
        _ if row.is_here() => {
            if button(1, icons::FOLDER_OPEN, words::SHOW_IN_FOLDER) {
                view.reveal(&row.places);
            }
            if row.state == TransferState::Paused {
                if button(2, icons::PLAY, words::RESUME) {
                    view.send(Command::Resume { share });
                }
            } else if button(2, icons::ARROW_SQUARE_OUT, words::OPEN) {
                view.open(&row.places);
            }
        }
        TransferState::Failed => {
            if button(1, icons::X, words::OFF_THE_LIST) {
                view.send(Command::Dismiss { share });
            }
            if button(2, icons::ARROWS_CLOCKWISE, words::TRY_AGAIN) {
                view.get(share, &row.title);
            }
        }
        state => {
            if button(1, icons::X, words::STOP_AND_DELETE) {
                view.cancel(row);
            }
            if state == TransferState::Paused && button(2, icons::PLAY, words::RESUME) {
                view.send(Command::Resume { share });
            }
            if index::can_pause(state) && button(2, icons::PAUSE, words::PAUSE) {
                view.send(Command::Pause { share });
            }
        }
    }
}
