//! What can be chosen for one transfer, under its three dots.

use egui::{Response, Ui};

use super::menu;
use crate::{
    engine::{
        command::{Command, QueuePlace},
        snapshot::{TransferRow, TransferState},
    },
    traffic::{Class, Order, Priority},
    window::{icons, view::View, words},
};

const WIDTH: f32 = 248.0;

/// Opens under `button` when it is pressed.
pub fn under(button: &Response, view: &mut View<'_>, row: &TransferRow) {
    menu::under(button, WIDTH, |ui| {
        if row.queue.is_some() {
            queue_ui(ui, view, row);
            menu::rule_ui(ui);
        }
        choices_ui(ui, view, row);
        menu::rule_ui(ui);
        rest_ui(ui, view, row);
    });
}

/// Its place among the others.
fn queue_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow) {
    let share = row.share;
    menu::caption_ui(ui, words::control::PRIORITY);
    for priority in [Priority::High, Priority::Normal, Priority::Low] {
        if menu::one_of_ui(ui, row.priority == priority, words::control::priority(priority)) {
            view.send(Command::SetPriority { share, priority });
        }
    }
    menu::rule_ui(ui);
    let places = [
        (QueuePlace::Top, icons::ARROW_LINE_UP, words::control::TOP, "Alt+Home"),
        (QueuePlace::Up, icons::ARROW_UP, words::control::UP, "Alt+↑"),
        (QueuePlace::Down, icons::ARROW_DOWN, words::control::DOWN, "Alt+↓"),
        (QueuePlace::Bottom, icons::ARROW_LINE_DOWN, words::control::BOTTOM, "Alt+End"),
    ];
    for (to, icon, text, keys) in places {
        if menu::item_ui(ui, icon, text, Some(keys)) {
            view.send(Command::Move { share, to });
        }
    }
}

fn choices_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow) {
    let share = row.share;
    if row.queue.is_some() {
        let in_order = row.order == Order::InOrder;
        if menu::switch_ui(ui, in_order, words::control::IN_ORDER) {
            view.send(Command::SetOrder { share, order: if in_order { Order::Rarest } else { Order::InOrder } });
        }
    }
    let quiet = row.class == Class::Background;
    if menu::switch_ui(ui, quiet, words::control::BACKGROUND) {
        view.send(Command::SetClass { share, class: if quiet { Class::Foreground } else { Class::Background } });
    }
    if menu::item_ui(ui, icons::GAUGE, words::limits::LIMIT, None) {
        view.ask_limits(row);
    }
    if !row.mine && menu::item_ui(ui, icons::PAPER_PLANE_TILT, words::seeding::UNTIL, None) {
        view.ask_seeding(row);
    }
}

fn rest_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow) {
    let share = row.share;
    let ended = row.is_here();
    if row.files > 1
        && row.listing.is_some()
        && !row.mine
        && menu::item_ui(ui, icons::LIST_CHECKS, words::control::CHOOSE_FILES, None)
    {
        view.choose_files(share);
    }
    if !row.mine && menu::item_ui(ui, icons::FOLDER, words::control::MOVE, None) {
        view.ask_move(row);
    }
    if row.listing.is_some() && menu::item_ui(ui, icons::SEAL_CHECK, words::CHECK_AGAIN, None) {
        view.verify(share, &row.title);
    }
    if row.state == TransferState::Waiting && menu::item_ui(ui, icons::ARROWS_CLOCKWISE, words::control::RETRY, None) {
        view.send(Command::Retry { share });
    }
    if row.state == TransferState::Done && menu::item_ui(ui, icons::PLAY, words::control::GIVE_AGAIN, None) {
        view.send(Command::Resume { share });
    }
    if ended && menu::item_ui(ui, icons::X, words::OFF_THE_LIST, None) {
        view.send(Command::Dismiss { share });
    }
}
