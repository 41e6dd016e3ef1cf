//! What stands above a page: troubles that concern no single transfer, and files that are being read before they are shared.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::{
    bar, card, paint,
    push::{Look, Push},
};
use crate::{
    engine::{
        command::Command,
        snapshot::ImportRow,
        trouble::{Trouble, TroubleKind},
    },
    window::{
        figures,
        icons::{self, Icon},
        names,
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
        words,
    },
};

/// More would push the page away.
const SHOWN_MAX: usize = 3;

/// Draws what there is; nothing when all is well.
pub fn notices_ui(ui: &mut Ui, view: &mut View<'_>) {
    let now = view.now;
    managed_ui(ui, view);
    for trouble in now.troubles.iter().take(SHOWN_MAX) {
        trouble_ui(ui, view, trouble);
    }
    for import in &now.imports {
        import_ui(ui, view, import);
    }
}

/// What the server that manages this computer has to do with everything: an exam, no rules, or that it is not there.
fn managed_ui(ui: &mut Ui, view: &View<'_>) {
    let Some(managed) = view.now.managed.as_deref() else { return };
    let palette = Palette::of(ui);
    let by = words::managed::managed_by(&names::tame(&managed.by));
    if let Some((hour, minute)) = managed.exam_clock {
        let text = format!("{} {by}.", words::managed::EXAM_TEXT);
        let look = (icons::LOCK_KEY, palette.accent_text, palette.accent_soft);
        return said_ui(ui, look, &words::managed::exam(hour, minute), &text);
    }
    let quiet = (icons::WIFI_SLASH, palette.text_soft, palette.track);
    match (&managed.missing, &managed.lost) {
        (Some(why), _) => {
            let look = (icons::LOCK_KEY, palette.attention, palette.attention_soft);
            let text = format!("{}. {by}.", first_large(&names::tame(why)));
            said_ui(ui, look, words::managed::NO_RULES_TITLE, &text);
        }
        (None, Some(_)) if managed.server.is_some() => {
            let name = names::tame(&managed.name);
            said_ui(ui, quiet, &words::managed::server_lost(&name), words::managed::GOES_ON);
        }
        _ => {}
    }
}

fn first_large(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A sentence that nobody can put away, because it says how things are.
fn said_ui(ui: &mut Ui, (icon, ink, ground): (Icon, egui::Color32, egui::Color32), title: &str, text: &str) {
    let palette = Palette::of(ui);
    let frame = egui::Frame::new().fill(ground).corner_radius(radius::MEDIUM).inner_margin(space::M);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            let (at, _) = ui.allocate_exact_size(vec2(size::ICON_LARGE, size::ICON_LARGE), egui::Sense::hover());
            paint::icon(ui.painter(), at.center(), icon, size::ICON_LARGE, ink);
            ui.vertical(|ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::XS / 2.0;
                ui.label(RichText::new(title).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
                ui.label(RichText::new(text).font(Type::Body.font()).color(palette.text_soft));
            });
        });
    });
}

fn trouble_ui(ui: &mut Ui, view: &mut View<'_>, trouble: &Trouble) {
    let palette = Palette::of(ui);
    let (icon, ink, ground) = sign(trouble.kind, palette);
    let frame = egui::Frame::new().fill(ground).corner_radius(radius::MEDIUM).inner_margin(space::M);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            let (at, _) = ui.allocate_exact_size(vec2(size::ICON_LARGE, size::ICON_LARGE), egui::Sense::hover());
            paint::icon_filled(ui.painter(), at.center(), icon, size::ICON_LARGE, ink);
            ui.vertical(|ui| {
                ui.set_width(ui.available_width() - size::CONTROL - space::S);
                ui.spacing_mut().item_spacing.y = space::XS / 2.0;
                let title = sentence(trouble);
                ui.label(RichText::new(title).font(Type::Body.weighing(Weight::Medium)).color(palette.text));
                if !trouble.hint.is_empty() {
                    ui.label(RichText::new(&trouble.hint).font(Type::Body.font()).color(palette.text_soft));
                }
            });
            ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
                let name = words::about_action(words::DISMISS, &trouble.what);
                if ui.add(Push::icon_only(icons::X, name)).clicked() {
                    view.send(Command::DismissTrouble { serial: trouble.serial });
                }
            });
        });
    });
}

/// What happened, and to what.
pub fn sentence(trouble: &Trouble) -> String {
    if trouble.about.is_empty() {
        return trouble.what.clone();
    }
    format!("{}: {}", trouble.what, names::tame(&trouble.about))
}

/// How a kind of trouble looks: some things need attention, some are bad.
pub fn sign(kind: TroubleKind, palette: &Palette) -> (Icon, egui::Color32, egui::Color32) {
    match kind {
        TroubleKind::WrongContent | TroubleKind::Local => (icons::WARNING_CIRCLE, palette.bad, palette.bad_soft),
        _ => (icons::WARNING, palette.attention, palette.attention_soft),
    }
}

fn import_ui(ui: &mut Ui, view: &mut View<'_>, import: &ImportRow) {
    let palette = Palette::of(ui);
    let frame = card::frame(palette).inner_margin(space::M);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.vertical(|ui| {
                ui.set_width((ui.available_width() - 96.0).max(96.0));
                ui.spacing_mut().item_spacing.y = space::S;
                let title = words::reading(&names::tame(&import.title));
                let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), egui::Sense::hover());
                let how_far = how_far(import);
                let small = Type::Small.font();
                let taken = paint::width(ui.painter(), &how_far, small.clone()) + space::L;
                let left = egui::Rect::from_min_max(line.min, egui::pos2(line.right() - taken, line.bottom()));
                paint::line(ui.painter(), left, Align::Min, &title, Type::Body.weighing(Weight::Medium), palette.text);
                paint::line(ui.painter(), line, Align::Max, &how_far, small, palette.text_soft);
                let (track, response) =
                    ui.allocate_exact_size(vec2(ui.available_width(), size::BAR), egui::Sense::hover());
                let done = if import.size == 0 { 0.0 } else { figures::part(import.done_bytes, import.size) };
                bar::announce(ui, &response, &title, done);
                bar::paint(ui.painter(), track, done, 0.0, false, palette);
            });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let name = words::about_action(words::CANCEL, &words::reading(&names::tame(&import.title)));
                if ui.add(Push::new(words::CANCEL, Look::Quiet).named(name)).clicked() {
                    view.send(Command::CancelImport { token: import.token });
                }
            });
        });
    });
}

fn how_far(import: &ImportRow) -> String {
    if import.size == 0 {
        return format!("{}  {}", words::COUNTING, words::files(import.files.into()));
    }
    let bytes = words::of(&figures::bytes(import.done_bytes), &figures::bytes(import.size));
    format!("{bytes}  ·  {}", words::files(import.files.into()))
}
