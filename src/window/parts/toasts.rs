//! What just happened, at the lower edge: said once, with the way back, and gone by itself.

use egui::{Align, Align2, Area, Id, Layout, Order, Ui, vec2};

use super::{
    paint,
    push::{Look, Push},
};
use crate::{
    engine::{command::Command, snapshot::Snapshot},
    share::ShareId,
    window::{
        icons::{self, Icon},
        memory::{AudienceKind, Dialog},
        theme::{self, Palette, Type, radius, size, space},
        view::View,
        words,
    },
};

/// More than this would hide the page.
const SHOWN_MAX: usize = 3;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    Plain,
    Bad,
}

/// What can be done about it at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Offer {
    /// Stop sharing what was just shared, or say who may have it.
    Shared {
        share: ShareId,
        title: String,
        link: String,
    },
    /// Open what just came.
    Came {
        places: Vec<std::path::PathBuf>,
    },
    Nothing,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    pub mood: Mood,
    pub text: String,
    /// A second, quieter sentence.
    pub more: Option<String>,
    pub offer: Offer,
    /// When it goes, on egui's clock; moved on while the pointer is on it.
    until: f64,
    serial: u64,
}

/// The messages that are shown, oldest first.
#[derive(Debug, Default)]
pub struct Toasts {
    shown: Vec<Toast>,
    serial: u64,
}

impl Toasts {
    pub fn say(&mut self, time: f64, mood: Mood, text: impl Into<String>, offer: Offer) {
        self.say_more(time, mood, text, None, offer);
    }

    pub fn say_more(&mut self, time: f64, mood: Mood, text: impl Into<String>, more: Option<String>, offer: Offer) {
        let text = text.into();
        // Pressing Copy twice says it once.
        self.shown.retain(|toast| toast.text != text);
        self.serial += 1;
        let stay = if mood == Mood::Bad { 2.0 * theme::TOAST_S } else { theme::TOAST_S };
        self.shown.push(Toast { mood, text, more, offer, until: time + stay, serial: self.serial });
        if self.shown.len() > SHOWN_MAX {
            self.shown.remove(0);
        }
    }

    /// The newest goes; whether there was one.
    pub fn dismiss(&mut self) -> bool {
        self.shown.pop().is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}

/// Draws the messages over everything, and lets those go whose time is over.
pub fn toasts_ui(ui: &mut Ui, view: &mut View<'_>) {
    let time = view.time;
    view.memory.toasts.shown.retain(|toast| toast.until > time);
    let shown = view.memory.toasts.shown.clone();
    let Some(next) = shown.iter().map(|toast| toast.until).reduce(f64::min) else { return };
    // Not a moment sooner: a message that waits must not keep the window busy.
    ui.ctx().request_repaint_after_secs((next - time).max(0.0) as f32 + 0.01);
    // In the middle of the page, so that they hide nothing of the details beside it.
    let beside = view.memory.selected.is_some() && ui.ctx().content_rect().width() >= size::DETAILS_BESIDE;
    let middle = (size::RAIL - if beside { size::DETAILS } else { 0.0 }) / 2.0;
    let area = Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, vec2(middle, -space::XL))
        .fade_in(false);
    let area = area.show(ui.ctx(), |ui| {
        ui.spacing_mut().item_spacing.y = space::S;
        for toast in &shown {
            toast_ui(ui, view, toast);
        }
    });
    if area.response.contains_pointer() {
        for toast in &mut view.memory.toasts.shown {
            toast.until = toast.until.max(time + 2.0);
        }
    }
}

fn toast_ui(ui: &mut Ui, view: &mut View<'_>, toast: &Toast) {
    let palette = Palette::of(ui);
    let frame = egui::Frame::new()
        .fill(palette.raised)
        .stroke((size::HAIRLINE, palette.hairline))
        .corner_radius(radius::LARGE)
        .shadow(palette.floating())
        .inner_margin(egui::Margin::symmetric(space::L as i8, space::M as i8));
    frame.show(ui, |ui| {
        let width = size::TOAST.min(ui.ctx().content_rect().width() - space::HUGE * 2.0);
        ui.set_width(width);
        ui.horizontal_top(|ui| {
            let (icon, ink) = sign(toast.mood, palette);
            let (rect, _) = ui.allocate_exact_size(vec2(size::ICON_LARGE, size::ICON_LARGE), egui::Sense::hover());
            paint::icon_filled(ui.painter(), rect.center(), icon, size::ICON_LARGE, ink);
            ui.vertical(|ui| {
                ui.set_width(width - size::CONTROL - size::ICON_LARGE - 2.0 * space::S);
                ui.spacing_mut().item_spacing.y = space::XS;
                ui.label(egui::RichText::new(&toast.text).font(Type::Body.font()).color(palette.text));
                if let Some(more) = &toast.more {
                    ui.label(egui::RichText::new(more).font(Type::Small.font()).color(palette.text_soft));
                }
                offers_ui(ui, view, toast);
            });
            ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
                if ui.add(Push::icon_only(icons::X, words::DISMISS)).clicked() {
                    close(view, toast);
                }
            });
        });
    });
}

fn offers_ui(ui: &mut Ui, view: &mut View<'_>, toast: &Toast) {
    match &toast.offer {
        Offer::Nothing => {}
        Offer::Shared { share, title, link } => {
            ui.horizontal(|ui| {
                if ui.add(Push::new(words::UNDO, Look::Soft)).clicked() {
                    view.send(Command::Unshare { share: *share });
                    close(view, toast);
                }
                if ui.add(Push::new(words::CHANGE_WHO, Look::Quiet)).clicked() {
                    view.memory.dialog = Some(audience_dialog(view.now, *share, title));
                    close(view, toast);
                }
                if ui.add(Push::new(words::COPY_LINK, Look::Quiet)).clicked() {
                    ui.ctx().copy_text(link.clone());
                    close(view, toast);
                    view.memory.toasts.say(view.time, Mood::Plain, words::LINK_COPIED, Offer::Nothing);
                }
            });
        }
        Offer::Came { places } => {
            ui.horizontal(|ui| {
                if ui.add(Push::new(words::OPEN, Look::Soft)).clicked() {
                    view.open(places);
                    close(view, toast);
                }
                if ui.add(Push::new(words::SHOW_IN_FOLDER, Look::Quiet)).clicked() {
                    view.reveal(places);
                    close(view, toast);
                }
            });
        }
    }
}

/// The question who may have a share, with the present answer filled in.
pub fn audience_dialog(now: &Snapshot, share: ShareId, title: &str) -> Dialog {
    use crate::engine::command::Recipients;
    let recipients = now.shares.iter().find(|row| row.id == share).and_then(|row| row.recipients.clone());
    let server = now.managed.as_deref().and_then(|managed| managed.server);
    let (kind, people, groups) = match recipients {
        Some(Recipients::Peers(people)) if people.iter().eq(&server) => {
            (AudienceKind::Server, Default::default(), Default::default())
        }
        Some(Recipients::Peers(people)) => (AudienceKind::People, people, Default::default()),
        Some(Recipients::Groups(of)) => (AudienceKind::Groups, Default::default(), of.groups),
        Some(Recipients::Link) => (AudienceKind::Link, Default::default(), Default::default()),
        Some(Recipients::Everyone) | None => (AudienceKind::Everyone, Default::default(), Default::default()),
    };
    Dialog::Audience { share, title: title.to_owned(), kind, people, groups }
}

fn close(view: &mut View<'_>, toast: &Toast) {
    view.memory.toasts.shown.retain(|other| other.serial != toast.serial);
}

fn sign(mood: Mood, palette: &Palette) -> (Icon, egui::Color32) {
    match mood {
        Mood::Good => (icons::CHECK_CIRCLE, palette.good),
        Mood::Plain => (icons::INFO, palette.info),
        Mood::Bad => (icons::WARNING_CIRCLE, palette.bad),
    }
}
