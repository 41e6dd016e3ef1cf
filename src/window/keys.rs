//! What the keyboard does wherever it is: find, add, paste, walk between the parts of the window, close what floats.

use egui::{Event, Id, Key, Modifiers, Ui};

use super::{
    memory::{Memory, Zone, pasted_paths},
    parts::top_bar,
    view::View,
    wishes::Choice,
};

/// Reads the keys that belong to the window as a whole; before the parts are drawn, so that they can take the keyboard.
pub fn keys(ui: &Ui, view: &mut View<'_>) {
    let typing = ui.ctx().text_edit_focused();
    if !typing {
        paste(ui, view);
    }
    if view.memory.dialog.is_some() || !view.now.questions.is_empty() {
        return;
    }
    let pressed = |modifiers: Modifiers, key: Key| ui.input_mut(|input| input.consume_key(modifiers, key));
    if pressed(Modifiers::COMMAND, Key::F) {
        view.memory.focus_zone = Some(Zone::TopBar);
    }
    if pressed(Modifiers::COMMAND, Key::O) {
        top_bar::choose(view, Choice::Files);
    }
    if pressed(Modifiers::SHIFT, Key::F6) {
        walk(view.memory, -1);
    } else if pressed(Modifiers::NONE, Key::F6) {
        walk(view.memory, 1);
    }
    if !typing && pressed(Modifiers::NONE, Key::Delete) {
        let focused = ui.memory(egui::Memory::focused);
        if let Some(share) = view.memory.selected.or_else(|| focused_share(view, focused)) {
            view.give_up(share);
        }
    }
    let popup = egui::Popup::is_any_open(ui.ctx());
    if !popup && pressed(Modifiers::NONE, Key::Escape) {
        close_one(view.memory);
    }
}

/// Pasted files are shared, as if they had been dropped.
fn paste(ui: &Ui, view: &mut View<'_>) {
    if view.memory.dialog.is_some() || !view.now.questions.is_empty() {
        return;
    }
    let pasted = ui.input(|input| {
        input.events.iter().find_map(|event| match event {
            Event::Paste(text) => Some(text.clone()),
            _ => None,
        })
    });
    let Some(text) = pasted else { return };
    if let Some(paths) = pasted_paths(&text) {
        let audience = view.memory.audience();
        view.share(paths, audience);
    } else if text.trim().starts_with("handout://") {
        view.memory.screen = super::memory::Screen::Room;
        view.memory.search = text.trim().to_owned();
    }
}

/// The next or the last part of the window takes the keyboard.
fn walk(memory: &mut Memory, by: i32) {
    let mut zones = vec![Zone::Rail, Zone::TopBar, Zone::Page];
    if memory.selected.is_some() {
        zones.push(Zone::Details);
    }
    let at = zones.iter().position(|zone| *zone == memory.zone).unwrap_or(0) as i32;
    let next = (at + by).rem_euclid(zones.len() as i32) as usize;
    memory.zone = zones[next];
    memory.focus_zone = Some(memory.zone);
}

/// Escape closes the uppermost: a toast, the details, the search, the choice of a person.
fn close_one(memory: &mut Memory) {
    if memory.toasts.dismiss() {
        return;
    }
    if memory.selected.take().is_some() {
        return;
    }
    if !memory.search.is_empty() {
        memory.search.clear();
        return;
    }
    memory.person = None;
}

/// The share whose row has the keyboard.
fn focused_share(view: &View<'_>, focused: Option<Id>) -> Option<crate::share::ShareId> {
    let focused = focused?;
    let of = |list: &'static str, id: crate::share::ShareId| super::parts::rows::id(list, id) == focused;
    let in_lists = |id: &crate::share::ShareId| of("share", *id) || of("mine", *id) || of("transfer", *id);
    let shares = view.now.shares.iter().map(|row| row.id);
    shares.chain(view.now.transfers.iter().map(|row| row.share)).find(in_lists)
}
