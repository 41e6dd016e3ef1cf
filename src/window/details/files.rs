//! The files of a share as a tree: which are wanted, how far each is, and its BLAKE3, which `b3sum` prints on any machine.

use egui::{Align, Layout, Rect, Response, RichText, Role, Sense, Ui, WidgetInfo, accesskit::Toggled, pos2, vec2};

use super::part;
use crate::{
    engine::{
        command::Command,
        snapshot::{Facts, TransferRow, TransferState},
    },
    traffic::Reason,
    window::{
        figures,
        files::{Files, Tick},
        icons, names,
        parts::{
            choice, kind, paint,
            push::{Look, Push},
            rows,
        },
        screens::soft,
        theme::{Palette, Type, Weight, size, space},
        view::View,
        words,
    },
};

const ROW: f32 = 32.0;
const INDENT: f32 = 16.0;
const CARET: f32 = 20.0;
const COPY: f32 = 28.0;
/// As wide as the widest size and a tick.
const SIZE: f32 = 72.0;

/// What a person did to the tree in this frame.
enum Act {
    Toggle(usize),
    Open(usize, bool),
    /// The keyboard goes to this row.
    Go(usize),
}

/// Draws the tree; only what can be seen of it.
pub fn files_ui(ui: &mut Ui, view: &mut View<'_>, transfer: Option<&TransferRow>) {
    let Some((row, listing)) = transfer.and_then(|row| Some((row, row.listing.as_ref()?))) else {
        part(ui, words::FILES, "");
        return soft(ui, if transfer.is_some() { words::files::WAIT } else { words::FILES_LATER });
    };
    let known = view.memory.files.take().filter(|files| files.share == row.share);
    let mut files = known.unwrap_or_else(|| Files::of(row.share, listing));
    files.read(view.now.revision, row, listing);
    let act = tree_ui(ui, view, row, &mut files);
    let selection = match act {
        Some(Act::Toggle(place)) => files.toggle(place),
        Some(Act::Open(place, open)) => {
            files.set_open(place, open);
            None
        }
        Some(Act::Go(at)) => {
            view.memory.focus_file = files.row(at);
            None
        }
        None => None,
    };
    view.memory.files = Some(files);
    if let Some(selection) = selection {
        view.select_files(row.share, selection);
    }
}

fn tree_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow, files: &mut Files) -> Option<Act> {
    head_ui(ui, view, row, files);
    let tickable = !row.mine;
    let (mut act, mut goal) = (None, None);
    let list = rows::rows_ui(ui, files.count(), ROW, |ui, at, rect| {
        let Some(place) = files.row(at) else { return };
        let (response, pressed) = node_ui(ui, row, files, place, rect, tickable);
        if view.memory.focus_file == Some(place) {
            view.memory.focus_file = None;
            response.request_focus();
        }
        act = act.take().or(pressed);
        if let Some(step) = rows::step(ui, &response) {
            goal = Some(rows::stepped(at, step, files.count()));
        }
        match rows::fold(ui, &response) {
            Some(true) if !files.is_open(place) => act = Some(Act::Open(place, true)),
            Some(false) if files.is_open(place) => act = Some(Act::Open(place, false)),
            Some(false) => goal = files.row_of_parent(place),
            Some(true) | None => {}
        }
    });
    if let Some(goal) = goal {
        ui.scroll_to_rect(rows::row_rect(list, goal, ROW), None);
        act = Some(Act::Go(goal));
    }
    act
}

/// How many are wanted, and the way back to all of them; before it comes, the button that gets what is chosen.
fn head_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow, files: &mut Files) {
    part(ui, words::FILES, &words::files::count(files.wanted(), files.tree.files()));
    if std::mem::take(&mut view.memory.to_files) {
        ui.scroll_to_cursor(Some(Align::Min));
    }
    let choosing = row.reason == Reason::Choosing;
    if !choosing && files.is_everything_wanted() {
        return;
    }
    let line = vec2(ui.available_width(), size::CONTROL);
    ui.allocate_ui_with_layout(line, Layout::left_to_right(Align::Center), |ui| {
        if choosing {
            let text = words::files::get(files.wanted(), &figures::bytes(row.size));
            if ui.add(Push::new(&text, Look::Filled)).clicked() {
                view.send(Command::Resume { share: row.share });
            }
        }
        let all = Push::new(words::files::ALL, Look::Outlined)
            .named(words::about_action(words::files::ALL, words::FILES))
            .enabled(!files.is_everything_wanted());
        if ui.add(all).clicked()
            && let Some(selection) = files.want_all()
        {
            view.select_files(row.share, selection);
        }
    });
    if files.wanted() == 1 && files.tree.files() > 1 {
        let palette = Palette::of(ui);
        ui.label(RichText::new(words::files::ONE_AT_LEAST).font(Type::Small.font()).color(palette.text_soft));
    }
}

fn node_ui(
    ui: &mut Ui,
    row: &TransferRow,
    files: &Files,
    place: usize,
    rect: Rect,
    tickable: bool,
) -> (Response, Option<Act>) {
    let palette = Palette::of(ui);
    let id = rows::id("file", (row.share, place));
    let response = ui.interact(rect, id, Sense::click());
    let Some(node) = files.tree.node(place) else { return (response, None) };
    let name = names::tame(&node.name);
    let bytes = figures::bytes(node.size);
    let spoken = match node.file {
        Some(_) => format!("{name}, {bytes}"),
        None => format!("{}, {bytes}", words::files::folder(&name, node.files)),
    };
    let tick = files.ticked(place);
    response.widget_info(|| WidgetInfo::labeled(Role::TreeItem, ui.is_enabled(), &spoken));
    speak_state(ui, &response, node.file.is_none().then(|| files.is_open(place)), tickable.then_some(tick), node.depth);
    rows::follow(ui, &response, rect);
    if response.hovered() {
        ui.painter().rect_filled(rect, 4.0, palette.hover);
    }
    paint::focus_ring_inside(ui, &response, rect, 4.0);

    let mut left = rect.left() + INDENT * node.depth as f32;
    let mut act = None;
    if node.file.is_none() {
        let open = files.is_open(place);
        let spot = Rect::from_min_size(pos2(left, rect.top()), vec2(CARET, rect.height()));
        let icon = if open { icons::CARET_DOWN } else { icons::CARET_RIGHT };
        paint::icon(ui.painter(), spot.center(), icon, size::ICON - 2.0, palette.text_soft);
        // The row already has its place in the order of Tab; this is for the pointer.
        let caret = ui.interact(spot, id.with("caret"), Sense::CLICK);
        if caret.clicked() || response.clicked() && !tickable {
            act = Some(Act::Open(place, !open));
        }
    }
    left += CARET;
    if tickable {
        choice::paint_tick(ui.painter(), pos2(left + choice::TICK / 2.0, rect.center().y), tick, palette);
        left += choice::TICK + space::S;
        if response.clicked() {
            act = act.or(Some(Act::Toggle(place)));
        }
    }
    let sign = if node.file.is_some() { kind::of_file(&name) } else { icons::FOLDER };
    paint::icon(ui.painter(), pos2(left + size::ICON / 2.0, rect.center().y), sign, size::ICON, palette.text_soft);
    left += size::ICON + space::S;
    copy_ui(ui, row.facts.as_deref(), node.file, &name, rect);
    let right = rect.right() - COPY - SIZE;
    let ink = if tickable && tick == Tick::None { palette.text_faint } else { palette.text };
    let text = Rect::from_min_max(pos2(left, rect.top()), pos2(right - space::S, rect.bottom()));
    let (shortened, _) = paint::line(ui.painter(), text, Align::Min, &name, Type::Body.font(), ink);
    let slot = Rect::from_min_max(pos2(right, rect.top()), pos2(right + SIZE - space::XS, rect.bottom()));
    size_ui(ui, row, files.done(place), node.size, tick != Tick::None || !tickable, slot);
    let response = if shortened { response.on_hover_text(name) } else { response };
    (response, act)
}

/// What a screen reader says beside the name: open or closed, ticked, partly ticked or not, how deep.
fn speak_state(ui: &Ui, response: &Response, open: Option<bool>, tick: Option<Tick>, depth: usize) {
    ui.ctx().accesskit_node_builder(response.id, |node| {
        if let Some(open) = open {
            node.set_expanded(open);
        }
        if let Some(tick) = tick {
            node.set_toggled(match tick {
                Tick::None => Toggled::False,
                Tick::Some => Toggled::Mixed,
                Tick::All => Toggled::True,
            });
        }
        node.set_level(depth + 1);
    });
}

/// The size; of what is coming, how far it is; of what is here, that it is.
fn size_ui(ui: &Ui, row: &TransferRow, done: u64, whole: u64, wanted: bool, slot: Rect) {
    let palette = Palette::of(ui);
    let complete = matches!(row.state, TransferState::Seeding | TransferState::Done);
    let moving = wanted && !complete && done > 0;
    let (text, ink) = if moving && done < whole {
        (figures::percent(done, whole), palette.accent_text)
    } else {
        (figures::bytes(whole), if wanted { palette.text_soft } else { palette.text_faint })
    };
    let (_, wide) = paint::line(ui.painter(), slot, Align::Max, &text, Type::Small.weighing(Weight::Regular), ink);
    if moving && done >= whole {
        let at = pos2(slot.right() - wide - space::XS - size::ICON / 2.0, slot.center().y);
        paint::icon(ui.painter(), at, icons::CHECK, size::ICON - 2.0, palette.good);
    }
}

/// The BLAKE3 of a file, for those that the facts name.
fn copy_ui(ui: &mut Ui, facts: Option<&Facts>, number: Option<u32>, name: &str, rect: Rect) {
    let Some((.., root)) = facts.zip(number).and_then(|(facts, number)| facts.files.get(number as usize)) else {
        return;
    };
    let spot = paint::at_right(rect, 0.0, COPY, COPY);
    let push = Push::icon_only(icons::COPY, format!("{} BLAKE3, {name}", words::COPY)).high(COPY);
    if ui.place(spot, push).clicked() {
        ui.ctx().copy_text(root.to_string());
    }
}
