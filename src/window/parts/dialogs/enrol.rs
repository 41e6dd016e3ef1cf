//! Becoming known to a server, and leaving it.

use egui::{Key, RichText, Ui};

use super::{answers_ui, focus_at_first, heading, text};
use crate::{
    engine::{command::Command, managed::Ticket},
    window::{
        memory::Sent,
        names,
        parts::{field::field_ui, push::Look},
        theme::{Palette, Type, Weight},
        view::View,
        words::{CANCEL, managed as words},
    },
};

/// Draws the question for a server and its token; whether it stays open.
pub fn enrol_ui(ui: &mut Ui, view: &mut View<'_>, server: &mut String, token: &mut String) -> bool {
    heading(ui, words::ENROL_TITLE);
    text(ui, words::ENROL_TEXT);
    named(ui, words::SERVER_FIELD);
    let first = field_ui(ui, server, words::SERVER_FIELD, words::SERVER_HINT, f32::INFINITY);
    named(ui, words::TOKEN_FIELD);
    let second = field_ui(ui, token, words::TOKEN_FIELD, words::TOKEN_HINT, f32::INFINITY);
    let entered = second.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    focus_at_first(ui, if server.is_empty() { &first } else { &second });
    let ready = !server.trim().is_empty() && !token.trim().is_empty();
    let (yes, no) = answers_ui(ui, words::ENROL_IT, Look::Filled, CANCEL, ready);
    let yes = yes || entered && ready;
    if yes {
        let wish = view.memory.wish(Sent::Enrol);
        view.send(Command::Enrol { token: wish, ticket: Ticket::new(server, token) });
    }
    !(yes || no)
}

/// Asks before a server's rules are put away; whether it stays open.
pub fn leave_ui(ui: &mut Ui, view: &mut View<'_>, name: &str) -> bool {
    heading(ui, &words::leave_question(&names::quoted(name)));
    text(ui, words::LEAVE_TEXT);
    let (yes, no) = answers_ui(ui, words::LEAVE_IT, Look::Danger, words::STAY, true);
    if yes {
        let token = view.memory.wish(Sent::Enrol);
        view.send(Command::LeaveServer { token });
    }
    !(yes || no)
}

fn named(ui: &mut Ui, name: &str) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(name).font(Type::Small.weighing(Weight::Medium)).color(palette.text));
}
