//! The face: draws one snapshot and gives back what a person wished for. It holds no engine, opens no file and waits for
//! nothing, so that a test can be its engine and its person.

use egui::{Align, Area, CentralPanel, Id, Layout, Order, Panel, Rect, Ui, UiBuilder, pos2, vec2};

use super::{
    details::details_ui,
    index::{Index, Question},
    keys,
    memory::{Dialog, Memory, Screen},
    names, outcomes,
    parts::{
        dialogs::dialogs_ui,
        drop_zone::drop_zone_ui,
        rail::rail_ui,
        toasts::{Mood, Offer, toasts_ui},
        top_bar::top_bar_ui,
    },
    screens::{mine::mine_ui, room::room_ui, settings::settings_ui, transfers::transfers_ui},
    theme::{Palette, size},
    view::View,
    wishes::{Choice, Chosen, ThemeChoice, Wish},
    words,
};
use crate::{
    engine::{
        command::{Command, Recipients, Token},
        snapshot::Snapshot,
    },
    share::ShareId,
};

/// Everything that is drawn once the engine runs.
pub struct Face {
    memory: Memory,
    index: Index,
    /// Wishes that came from outside a frame: a chooser's answer, a second start.
    waiting: Vec<Wish>,
}

impl Face {
    /// `first_token`: chosen by chance; see [`Memory::new`].
    pub fn new(first_token: Token, theme: ThemeChoice) -> Face {
        Face { memory: Memory::new(first_token, theme), index: Index::default(), waiting: Vec::new() }
    }

    /// The window's memory, to look at and to arrange.
    pub fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Shows the card of the first start, with the name that the computer has so far.
    pub fn welcome(&mut self, name: &str) {
        self.memory.welcome = Some(name.to_owned());
    }

    /// Shares files that came by another way than the window's own, with everyone.
    pub fn share(&mut self, now: &Snapshot, paths: Vec<std::path::PathBuf>) {
        self.outside_a_frame(now, |view| view.share(paths, Recipients::Everyone));
    }

    /// Takes what came of a chooser. Where none could be put up, one can type instead.
    pub fn chosen(&mut self, now: &Snapshot, chosen: Chosen) {
        let audience = std::mem::take(&mut self.memory.choosing_for);
        match (chosen.choice, chosen.paths.as_slice()) {
            (Choice::Downloads, [folder]) => {
                let folder = folder.clone();
                self.outside_a_frame(now, |view| view.send(Command::SetDownloads { folder }));
            }
            (Choice::Move, [folder]) => {
                if let Some(Dialog::Move { into, .. }) = &mut self.memory.dialog {
                    *into = folder.display().to_string();
                }
            }
            (_, []) => {}
            (Choice::Downloads | Choice::Move, _) => {}
            (Choice::Files | Choice::Folder, _) => {
                self.outside_a_frame(now, |view| view.share(chosen.paths, audience));
            }
        }
    }

    /// No chooser could be put up: one can type instead.
    pub fn no_chooser(&mut self, choice: Choice) {
        let audience = std::mem::take(&mut self.memory.choosing_for);
        self.memory.dialog = Some(match choice {
            Choice::Downloads => Dialog::Downloads { text: String::new(), problem: None },
            Choice::Files | Choice::Folder => Dialog::Path { text: String::new(), audience, problem: None },
            // Its dialog has a field to type in.
            Choice::Move => return,
        });
    }

    /// Something that was wished for did not work, outside the engine.
    pub fn complain(&mut self, time: f64, sentence: String) {
        self.memory.toasts.say(time, Mood::Bad, sentence, Offer::Nothing);
    }

    /// Draws a frame over all of `ui`; returns what was wished for.
    pub fn ui(&mut self, ui: &mut Ui, now: &Snapshot) -> Vec<Wish> {
        let time = ui.input(|input| input.time);
        outcomes::take(&mut self.memory, now, time);
        let mut wishes = std::mem::take(&mut self.waiting);
        self.index.read(now);
        self.forget_what_is_gone(now);
        let search = if self.memory.search.starts_with("handout://") { "" } else { self.memory.search.as_str() };
        self.index.answer(now, Question { search, person: self.memory.person, sort: self.memory.sort });
        let mut view = View { now, memory: &mut self.memory, index: &self.index, wishes: &mut wishes, time };
        keys::keys(ui, &mut view);
        view.memory.faces.clear();
        frame_ui(ui, &mut view);
        drop_zone_ui(ui, &mut view);
        dialogs_ui(ui, &mut view);
        toasts_ui(ui, &mut view);
        wishes
    }

    fn outside_a_frame(&mut self, now: &Snapshot, act: impl FnOnce(&mut View<'_>)) {
        self.index.read(now);
        act(&mut View { now, memory: &mut self.memory, index: &self.index, wishes: &mut self.waiting, time: 0.0 });
    }

    /// A selection does not outlive what was selected.
    fn forget_what_is_gone(&mut self, now: &Snapshot) {
        let index = &self.index;
        if self.memory.person.is_some_and(|id| index.peer(now, &id).is_none()) {
            self.memory.person = None;
        }
        let known = |id: ShareId| index.share(now, &id).is_some() || index.transfer(now, &id).is_some();
        if self.memory.selected.is_some_and(|id| !known(id)) {
            self.memory.selected = None;
        }
    }
}

/// Rail, bar, page, and the details beside or over the page.
fn frame_ui(ui: &mut Ui, view: &mut View<'_>) {
    let palette = Palette::of(ui);
    let bare = egui::Frame::new().fill(palette.desk);
    Panel::left("rail").exact_size(size::RAIL).resizable(false).show_separator_line(false).frame(bare).show(ui, |ui| {
        rail_ui(ui, view);
    });
    let beside = ui.ctx().content_rect().width() >= size::DETAILS_BESIDE;
    let open = ui.ctx().animate_bool_with_time(Id::unique("details open"), view.memory.selected.is_some(), motion(ui));
    if let Some(selected) = view.memory.selected.filter(|_| beside) {
        let width = (size::DETAILS * open).round().max(1.0);
        let panel = Panel::right("details").exact_size(width).resizable(false).show_separator_line(false).frame(bare);
        panel.show(ui, |ui| sliding_ui(ui, |ui| details_ui(ui, view, selected)));
    }
    CentralPanel::default().frame(bare).show(ui, |ui| {
        let whole = ui.max_rect();
        let bar = Rect::from_min_size(whole.min, vec2(whole.width(), size::TOP_BAR));
        ui.scope_builder(UiBuilder::new().max_rect(bar), |ui| top_bar_ui(ui, view));
        let page = Rect::from_min_max(pos2(whole.left(), bar.bottom()), whole.max);
        let layout = Layout::top_down(Align::Min);
        ui.scope_builder(UiBuilder::new().max_rect(page).layout(layout), |ui| {
            ui.shrink_clip_rect(page);
            match view.memory.screen {
                Screen::Room => room_ui(ui, view),
                Screen::Transfers => transfers_ui(ui, view),
                Screen::Mine => mine_ui(ui, view),
                Screen::Settings => settings_ui(ui, view),
            }
        });
    });
    if let Some(selected) = view.memory.selected.filter(|_| !beside) {
        over_the_page_ui(ui, view, selected, open);
    }
}

fn motion(ui: &Ui) -> f32 {
    ui.style().animation_time
}

/// Lays content out at its full width while its panel is still growing.
fn sliding_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let rect = Rect::from_min_size(ui.max_rect().min, vec2(size::DETAILS, ui.max_rect().height()));
    ui.shrink_clip_rect(ui.max_rect());
    ui.scope_builder(UiBuilder::new().max_rect(rect), content);
}

/// In a narrow window the details lie over the page.
fn over_the_page_ui(ui: &Ui, view: &mut View<'_>, selected: ShareId, open: f32) {
    let whole = ui.ctx().content_rect();
    let rect = Rect::from_min_max(pos2(whole.right() - (size::DETAILS * open).round(), whole.top()), whole.max);
    let area =
        Area::new(Id::unique("details over")).order(Order::Middle).fixed_pos(rect.min).constrain(false).fade_in(false);
    area.show(ui.ctx(), |ui| {
        let palette = Palette::of(ui);
        ui.painter().add(palette.floating().as_shape(rect, 0.0));
        let rect = Rect::from_min_size(rect.min, vec2(size::DETAILS, rect.height()));
        ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
            ui.set_min_size(rect.size());
            details_ui(ui, view, selected);
        });
    });
}

/// Tells of a place that could not be opened.
pub fn cannot_open(place: &std::path::Path, why: &str) -> String {
    words::cannot_open(&names::tame(&place.display().to_string()), why)
}
