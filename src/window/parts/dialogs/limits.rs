//! How fast something may go, both ways.

use egui::{Response, RichText, Ui};

use super::{answers_ui, focus_at_first, heading, problem_ui};
use crate::{
    engine::command::Command,
    traffic::{Limits, Rate},
    window::{
        figures,
        memory::LimitsOf,
        names,
        parts::{
            field::field_ui,
            lock,
            push::{Look, Push},
        },
        theme::{Palette, Type, Weight, space},
        typed,
        view::View,
        words,
    },
};

/// Draws the question; whether it stays open.
pub fn limits_ui(ui: &mut Ui, view: &mut View<'_>, of: &LimitsOf, down: &mut String, up: &mut String) -> bool {
    let title = match of {
        LimitsOf::Everything => words::limits::ALL_TITLE.to_owned(),
        LimitsOf::Transfer { title, .. } => words::limits::title_of(&names::quoted(title)),
    };
    heading(ui, &title);
    let most = view.now.traffic.fixed.limits;
    direction_ui(ui, words::limits::DOWN, down, most.down, true);
    direction_ui(ui, words::limits::UP, up, most.up, false);
    let limits = read(down, up);
    let entered = ui.input(|input| input.key_pressed(egui::Key::Enter)) && ui.ctx().text_edit_focused();
    let (yes, no) = answers_ui(ui, words::SAVE, Look::Filled, words::CANCEL, limits.is_some());
    let Some(limits) = limits.filter(|_| yes || entered) else { return !no };
    view.send(match of {
        LimitsOf::Everything => Command::SetTotalLimits { limits },
        LimitsOf::Transfer { share, .. } => Command::SetLimits { share: *share, limits },
    });
    false
}

/// What both fields say; `None` when one of them says nothing that can be.
pub fn read(down: &str, up: &str) -> Option<Limits> {
    Some(Limits { down: typed::rate(down).ok()?, up: typed::rate(up).ok()? })
}

/// One direction: a field, what is usual, and what it means; and what an administrator allows.
fn direction_ui(ui: &mut Ui, name: &str, text: &mut String, most: Option<Rate>, first: bool) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        let field = speed_ui(ui, name, text);
        if first {
            focus_at_first(ui, &field);
        }
        usual_ui(ui, name, text);
        means_ui(ui, text);
        if let Some(most) = most {
            lock::locked_ui(ui, &words::limits::at_most(&figures::speed(most.get())));
        }
    });
}

/// A field for a speed, with its name above.
pub fn speed_ui(ui: &mut Ui, name: &str, text: &mut String) -> Response {
    let palette = Palette::of(ui);
    ui.label(RichText::new(name).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
    field_ui(ui, text, &words::limits::field(name), words::limits::NONE, f32::INFINITY)
}

/// What the speed in a field means, or why it is none.
pub fn means_ui(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui);
    match typed::rate(text) {
        Err(why) => problem_ui(ui, Some(why)),
        Ok(rate) => {
            let means = rate.map_or(words::limits::NONE.to_owned(), |rate| words::limits::means(rate.get()));
            ui.label(RichText::new(means).font(Type::Small.font()).color(palette.text_soft));
        }
    }
}

/// Speeds that can be chosen without typing.
fn usual_ui(ui: &mut Ui, name: &str, text: &mut String) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let none =
            Push::new(words::limits::NO_LIMIT, Look::Outlined).named(format!("{name}: {}", words::limits::NO_LIMIT));
        if ui.add(none.high(CHOICE)).clicked() {
            text.clear();
        }
        for rate in words::limits::USUAL.into_iter().filter_map(Rate::new) {
            let shown = typed::rate_text(Some(rate));
            let push = Push::new(&shown, Look::Outlined).named(format!("{name}: {shown}"));
            if ui.add(push.high(CHOICE)).clicked() {
                text.clone_from(&shown);
            }
        }
    });
}

const CHOICE: f32 = 28.0;
