//! Until when something that came is given on.

use egui::Ui;

use super::{answers_ui, heading, problem_ui};
use crate::{
    engine::command::Command,
    share::ShareId,
    window::{
        icons,
        memory::SeedKind,
        names,
        parts::{choice::radio_ui, field::field_ui, push::Look},
        screens::soft,
        typed,
        view::View,
        words,
    },
};

/// Draws the question; whether it stays open.
pub fn seeding_ui(
    ui: &mut Ui,
    view: &mut View<'_>,
    share: Option<&(ShareId, String)>,
    kind: &mut SeedKind,
    number: &mut String,
) -> bool {
    let title = share
        .map_or(words::seeding::ALL_TITLE.to_owned(), |(_, title)| words::seeding::title_of(&names::quoted(title)));
    heading(ui, &title);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let kinds = [
            (SeedKind::AsAll, icons::USERS_THREE, words::seeding::AS_ALL),
            (SeedKind::Forever, icons::HARD_DRIVES, words::seeding::FOREVER),
            (SeedKind::Times, icons::ARROWS_CLOCKWISE, words::seeding::TIMES),
            (SeedKind::Copies, icons::USER, words::seeding::COPIES),
            (SeedKind::Hours, icons::CLOCK, words::seeding::HOURS),
            (SeedKind::Days, icons::CALENDAR_DOTS, words::seeding::DAYS),
        ];
        for (of, icon, text) in kinds.into_iter().skip(usize::from(share.is_none())) {
            if radio_ui(ui, *kind == of, icon, text).clicked() && *kind != of {
                *kind = of;
                *number = usual(of).to_owned();
            }
        }
    });
    let with_number = !matches!(kind, SeedKind::AsAll | SeedKind::Forever);
    let mut entered = false;
    if with_number {
        ui.horizontal(|ui| {
            let field = field_ui(ui, number, words::seeding::HOW_MANY, "", 96.0);
            entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            soft(ui, words::seeding::unit(*kind));
        });
    }
    let until = typed::seeding(*kind, number);
    problem_ui(ui, until.is_none().then_some(words::seeding::NOT_A_NUMBER));
    let (yes, no) = answers_ui(ui, words::SAVE, Look::Filled, words::CANCEL, until.is_some());
    let Some(until) = until.filter(|_| yes || entered) else { return !no };
    view.send(match share {
        Some((share, _)) => Command::SetSeeding { share: *share, until: (*kind != SeedKind::AsAll).then_some(until) },
        None => Command::SetSeedingOfAll { until },
    });
    false
}

/// What stands in the field at first.
fn usual(kind: SeedKind) -> &'static str {
    match kind {
        SeedKind::AsAll | SeedKind::Forever => "",
        SeedKind::Times => "2",
        SeedKind::Copies => "30",
        SeedKind::Hours => "2",
        SeedKind::Days => "7",
    }
}
