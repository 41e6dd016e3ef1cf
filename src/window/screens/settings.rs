//! Name, downloads folder, what holds for all transfers, look, network, and what this program is.

mod managed;
mod traffic;

use egui::{Align, Layout, RichText, Ui};

use super::{heading, page_ui, soft};
use crate::{
    engine::command::Command,
    window::{
        icons,
        memory::Dialog,
        names,
        parts::{
            card::card,
            choice::segments_ui,
            field::field_ui,
            person,
            push::{Look, Push},
            toasts::{Mood, Offer},
        },
        theme::{Palette, Type, Weight, size, space},
        view::View,
        wishes::{Choice, ThemeChoice, Wish},
        words,
    },
};

/// Draws the settings.
pub fn settings_ui(ui: &mut Ui, view: &mut View<'_>) {
    page_ui(ui, "settings", size::FORM_MAX, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        heading(ui, words::SETTINGS);
        card_ui(ui, words::SETTINGS_NAME, words::SETTINGS_NAME_TEXT, |ui| name_ui(ui, view));
        card_ui(ui, words::SETTINGS_DOWNLOADS, words::SETTINGS_DOWNLOADS_TEXT, |ui| downloads_ui(ui, view));
        card_ui(ui, words::managed::TITLE, "", |ui| managed::managed_ui(ui, view));
        card_ui(ui, words::SETTINGS_LOOK, "", |ui| look_ui(ui, view));
        card_ui(ui, words::limits::TITLE, words::limits::TEXT, |ui| traffic::speed_ui(ui, view));
        card_ui(ui, words::schedule::TITLE, words::schedule::TEXT, |ui| traffic::schedule_ui(ui, view));
        let (title, text) = (words::control::AT_A_TIME_TITLE, words::control::AT_A_TIME_TEXT);
        card_ui(ui, title, text, |ui| traffic::at_a_time_ui(ui, view));
        card_ui(ui, words::seeding::TITLE, words::seeding::TEXT, |ui| traffic::giving_ui(ui, view));
        let network = if view.now.me.discovery { words::SETTINGS_NETWORK_TEXT } else { words::SETTINGS_NETWORK_OFF };
        card_ui(ui, words::SETTINGS_NETWORK, network, |ui| network_ui(ui, view));
        card_ui(ui, words::ABOUT, "", |ui| about_ui(ui, view));
    });
}

fn card_ui(ui: &mut Ui, title: &str, text: &str, content: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    card(ui, |ui| {
        ui.label(RichText::new(title).font(Type::Lead.weighing(Weight::SemiBold)).color(palette.text));
        if !text.is_empty() {
            soft(ui, text);
        }
        content(ui);
    });
}

fn name_ui(ui: &mut Ui, view: &mut View<'_>) {
    let palette = Palette::of(ui);
    let mut name = view.memory.name.clone().unwrap_or_else(|| view.now.me.name.clone());
    ui.horizontal(|ui| {
        let (disc, _) = ui.allocate_exact_size(egui::Vec2::splat(size::FIELD), egui::Sense::hover());
        person::paint(ui.painter(), disc.center(), size::FIELD, &view.now.me.id, &name, palette);
        let field = field_ui(ui, &mut name, words::YOUR_NAME, "", 280.0);
        if field.changed() {
            view.memory.name = Some(name.clone());
        }
        let changed = name.trim() != view.now.me.name && !name.trim().is_empty();
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let save = changed && ui.add(Push::new(words::SAVE, Look::Filled).high(size::FIELD)).clicked();
        if changed && (save || entered) {
            view.send(Command::Rename { name: name.trim().to_owned() });
            view.memory.name = None;
        }
    });
}

fn downloads_ui(ui: &mut Ui, view: &mut View<'_>) {
    let line = egui::vec2(ui.available_width(), size::CONTROL);
    ui.allocate_ui_with_layout(line, Layout::left_to_right(Align::Center), |ui| {
        let folder = view.now.me.downloads.display().to_string();
        let shown = names::shortened(&names::tame(&folder), 52);
        let palette = Palette::of(ui);
        ui.label(RichText::new(shown).font(Type::Body.weighing(Weight::Medium)).color(palette.text))
            .on_hover_text(&folder);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui
                .add(
                    Push::new(words::CHOOSE, Look::Outlined)
                        .named(words::about_action(words::CHOOSE, words::SETTINGS_DOWNLOADS)),
                )
                .clicked()
            {
                view.wishes.push(Wish::Choose(Choice::Downloads));
            }
        });
    });
}

fn look_ui(ui: &mut Ui, view: &mut View<'_>) {
    let looks = [
        (ThemeChoice::System, words::LOOK_SYSTEM, icons::MONITOR),
        (ThemeChoice::Light, words::LOOK_LIGHT, icons::SUN),
        (ThemeChoice::Dark, words::LOOK_DARK, icons::MOON),
    ];
    let segments = looks.map(|(_, name, icon)| (icon, name));
    let chosen = looks.iter().position(|(choice, ..)| *choice == view.memory.theme).unwrap_or(0);
    if let Some((choice, ..)) = segments_ui(ui, &segments, chosen).and_then(|at| looks.get(at)) {
        view.memory.theme = *choice;
        view.wishes.push(Wish::Theme(*choice));
    }
}

fn network_ui(ui: &mut Ui, view: &mut View<'_>) {
    let listen: Vec<String> = view.now.me.listen.iter().map(ToString::to_string).collect();
    for address in &listen {
        fact_ui(ui, view, words::ADDRESSES, address);
    }
    if ui.add(Push::new(words::ADD_COMPUTER, Look::Outlined).icon(icons::DESKTOP)).clicked() {
        view.memory.dialog = Some(Dialog::Address { text: String::new() });
    }
}

fn about_ui(ui: &mut Ui, view: &mut View<'_>) {
    let me = &view.now.me;
    fact_ui(ui, view, words::VERSION, me.version);
    fact_ui(ui, view, words::THIS_COMPUTER, &me.id.to_string());
    fact_ui(ui, view, words::HOME, &me.home.display().to_string());
}

/// A name, a value, and a button that copies it.
pub fn fact_ui(ui: &mut Ui, view: &mut View<'_>, name: &str, value: &str) {
    let palette = Palette::of(ui);
    let height = size::CONTROL;
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), height), egui::Sense::hover());
    let copy = super::super::parts::paint::at_right(rect, 0.0, size::CONTROL, size::CONTROL);
    let split = rect.left() + 128.0_f32.min(rect.width() * 0.36);
    let left = egui::Rect::from_min_max(rect.min, egui::pos2(split - space::S, rect.bottom()));
    let right =
        egui::Rect::from_min_max(egui::pos2(split, rect.top()), egui::pos2(copy.left() - space::S, rect.bottom()));
    let painter = ui.painter();
    super::super::parts::paint::line(painter, left, Align::Min, name, Type::Small.font(), palette.text_soft);
    let value = names::tame(value);
    let (shortened, _) = super::super::parts::paint::line(
        painter,
        right,
        Align::Min,
        &value,
        Type::Small.weighing(Weight::Medium),
        palette.text,
    );
    let response = ui.interact(right, ui.scope_id().with(("fact", name, &value)), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name}: {value}")));
    if shortened {
        response.on_hover_text(&value);
    }
    if ui.place(copy, Push::icon_only(icons::COPY, words::about_action(words::COPY, name))).clicked() {
        ui.ctx().copy_text(value);
        view.memory.toasts.say(view.time, Mood::Plain, words::COPIED, Offer::Nothing);
    }
}
