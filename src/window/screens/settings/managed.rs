//! The server that manages this computer: who, whether it is there, and its rules, each with a padlock where it takes
//! something away.

use egui::{Align, Layout, RichText, Sense, Ui, vec2};

use crate::{
    access::device,
    engine::snapshot::ManagedPicture,
    window::{
        icons,
        memory::Dialog,
        names,
        parts::{
            lock, paint,
            push::{Look, Push},
        },
        screens::soft,
        theme::{Palette, Type, Weight, size, space},
        view::View,
        words::managed as words,
    },
};

/// Draws what stands in the card.
pub fn managed_ui(ui: &mut Ui, view: &mut View<'_>) {
    let Some(managed) = view.now.managed.clone() else { return enrol_ui(ui, view) };
    let palette = Palette::of(ui);
    line_ui(ui, |ui| {
        let (at, _) = ui.allocate_exact_size(vec2(size::ICON_LARGE, size::ICON_LARGE), Sense::hover());
        paint::icon(ui.painter(), at.center(), icons::HARD_DRIVES, size::ICON_LARGE, palette.text_soft);
        let by = words::managed_by(&names::shortened(&names::tame(&managed.by), 40));
        ui.label(RichText::new(by).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
        let free = !managed.by_machine && managed.server.is_some();
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if free && ui.add(Push::new(words::LEAVE, Look::Outlined)).clicked() {
                view.memory.dialog = Some(Dialog::Leave { name: managed.name.clone() });
            }
        });
    });
    soft(ui, standing(&managed));
    if managed.by_machine {
        lock::locked_ui(ui, words::BY_MACHINE);
    }
    rules_ui(ui, view, &managed);
    if managed.server.is_none() && !managed.by_machine {
        enrol_ui(ui, view);
    }
}

fn standing(managed: &ManagedPicture) -> String {
    if let Some(removed) = &managed.removed {
        return names::tame(removed);
    }
    if let Some(missing) = &managed.missing {
        return format!("{}: {}.", words::NO_RULES_TITLE, names::tame(missing));
    }
    match (&managed.lost, managed.reachable) {
        (Some((why, _)), _) => {
            format!("{}: {}. {}", words::server_lost(&names::tame(&managed.name)), names::tame(why), words::GOES_ON)
        }
        (None, true) => words::REACHABLE.to_owned(),
        (None, false) => words::NOT_ASKED.to_owned(),
    }
}

fn rules_ui(ui: &mut Ui, view: &View<'_>, managed: &ManagedPicture) {
    let (Some(policy), Some(role)) = (&managed.policy, managed.role) else { return };
    let palette = Palette::of(ui);
    ui.label(
        RichText::new(words::rules_of(&names::tame(&managed.name), policy.version))
            .font(Type::Small.font())
            .color(palette.text_soft),
    );
    let groups = managed.groups.iter().map(|(id, _)| *id).collect();
    let device = device(view.now.me.id, role, groups);
    // The exam stands above every page, with its end.
    let told = policy.told(&device, i64::MAX, |_| String::new());
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        for rule in told.iter().filter(|rule| rule.limits) {
            lock::locked_ui(ui, &words::rule(rule.title, &names::tame(&rule.value)));
        }
    });
}

fn enrol_ui(ui: &mut Ui, view: &mut View<'_>) {
    soft(ui, words::TEXT_NONE);
    if ui.add(Push::new(words::ENROL, Look::Outlined).icon(icons::HARD_DRIVES)).clicked() {
        let around = view.now.peers.iter().find(|row| row.role == crate::engine::snapshot::Role::Server);
        let server = around.and_then(|row| row.addresses.first()).map(ToString::to_string).unwrap_or_default();
        view.memory.dialog = Some(Dialog::Enrol { server, token: String::new() });
    }
}

fn line_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let line = vec2(ui.available_width(), size::CONTROL);
    ui.allocate_ui_with_layout(line, Layout::left_to_right(Align::Center), content);
}
