//! Another folder or name for a transfer, also while it is on its way.

use std::path::PathBuf;

use egui::{Align, Layout, RichText, Ui, vec2};

use super::{answers_ui, heading, problem_ui, text};
use crate::{
    engine::command::Command,
    share::ShareId,
    window::{
        memory::{Sent, pasted_paths},
        names,
        parts::{
            field::field_ui,
            push::{Look, Push},
        },
        theme::{Palette, Type, Weight, size, space},
        view::View,
        wishes::{Choice, Wish},
        words,
    },
};

const CHOOSE: f32 = 104.0;

/// Draws the question; whether it stays open. `before`: folder and name as they are.
pub fn place_ui(
    ui: &mut Ui,
    view: &mut View<'_>,
    (share, title): (ShareId, &str),
    before: &(PathBuf, String),
    into: &mut String,
    name: &mut Option<String>,
) -> bool {
    heading(ui, &words::control::move_title(&names::quoted(title)));
    text(ui, words::control::MOVE_TEXT);
    named_ui(ui, words::control::MOVE_FOLDER, |ui| folder_ui(ui, view, into));
    if let Some(name) = name {
        named_ui(ui, words::control::MOVE_NAME, |ui| {
            field_ui(ui, name, words::control::MOVE_NAME_FIELD, "", f32::INFINITY);
        });
    }
    let folder = match pasted_paths(into).as_deref() {
        Some([folder]) => Some(folder.clone()),
        _ => None,
    };
    let good_name = name.as_deref().is_none_or(|name| !name.trim().is_empty() && !name.contains(['/', '\\']));
    let problem =
        if folder.is_none() { Some(words::NOT_A_PATH) } else { (!good_name).then_some(words::control::NO_NAME) };
    problem_ui(ui, problem);
    let other_folder = folder.filter(|folder| *folder != before.0);
    let other_name = name.as_deref().map(str::trim).filter(|name| *name != before.1).map(str::to_owned);
    let ready = problem.is_none() && (other_folder.is_some() || other_name.is_some());
    let (yes, no) = answers_ui(ui, words::SAVE, Look::Filled, words::CANCEL, ready);
    if yes {
        let token = view.memory.wish(Sent::Move { title: title.to_owned() });
        view.send(Command::Relocate { token, share, into: other_folder, name: other_name });
    }
    !(yes || no)
}

/// A field with its name above.
fn named_ui(ui: &mut Ui, name: &str, field: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.label(RichText::new(name).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
        field(ui);
    });
}

fn folder_ui(ui: &mut Ui, view: &mut View<'_>, into: &mut String) {
    ui.allocate_ui_with_layout(vec2(ui.available_width(), size::FIELD), Layout::left_to_right(Align::Center), |ui| {
        let room = ui.available_width() - CHOOSE - space::S;
        field_ui(ui, into, words::control::MOVE_FOLDER_FIELD, "", room);
        if ui.add(Push::new(words::CHOOSE, Look::Outlined).wide(CHOOSE).high(size::FIELD)).clicked() {
            view.wishes.push(Wish::Choose(Choice::Move));
        }
    });
}
