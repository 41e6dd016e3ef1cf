//! What floats over everything and wants an answer: before something is lost, who may have a share, a path, an address.

mod audience;
mod enrol;
mod limits;
mod place;
pub mod rule;
mod seeding;

use egui::{Align, Id, Key, Layout, Modal, Modifiers, RichText, ScrollArea, Ui};

use super::{
    field::{field_ui, lines_ui},
    push::{Look, Push},
};
use crate::{
    engine::{
        command::Command,
        question::{Answer, Ask, Question},
    },
    window::{
        figures,
        memory::{AudienceKind, Dialog, pasted_paths},
        names,
        theme::{Palette, Type, Weight, radius, size, space},
        view::View,
        words,
    },
};

/// A list inside a dialog is at most this high.
const LIST_MAX: f32 = 220.0;

/// How a dialog goes on after a frame.
enum Next {
    Stay(Dialog),
    Close,
}

/// Draws the open dialog, or the oldest question of the engine.
pub fn dialogs_ui(ui: &mut Ui, view: &mut View<'_>) {
    if let Some(dialog) = view.memory.dialog.take() {
        let next = dialog_ui(ui, view, dialog);
        // A dialog may have put up another one in its place.
        if let Next::Stay(dialog) = next {
            view.memory.dialog.get_or_insert(dialog);
        }
        return;
    }
    let now = view.now;
    if let Some(question) = now.questions.first() {
        question_ui(ui, view, question);
    }
}

fn dialog_ui(ui: &mut Ui, view: &mut View<'_>, mut dialog: Dialog) -> Next {
    let mut open = true;
    let modal = framed(ui, "dialog", |ui| match &mut dialog {
        Dialog::Cancel { share, title, done_bytes } => {
            heading(ui, &words::cancel_question(&names::quoted(title)));
            text(ui, &words::cancel_text(&figures::bytes(*done_bytes)));
            let (yes, no) = answers_ui(ui, words::STOP_AND_DELETE, Look::Danger, words::KEEP_GOING, true);
            if yes {
                view.send(Command::Cancel { share: *share });
            }
            open = !(yes || no);
        }
        Dialog::Unshare { share, title, leeches } => {
            heading(ui, &words::unshare_question(&names::quoted(title)));
            text(ui, &words::unshare_text(*leeches));
            let (yes, no) = answers_ui(ui, words::STOP_SHARING, Look::Danger, words::KEEP_SHARING, true);
            if yes {
                view.send(Command::Unshare { share: *share });
            }
            open = !(yes || no);
        }
        Dialog::Audience { share, title, kind, people, groups } => {
            heading(ui, words::WHO_MAY_HAVE_IT);
            text(ui, &names::tame(title));
            audience::audience_ui(ui, view, kind, people, groups);
            let ready = match kind {
                AudienceKind::People => !people.is_empty(),
                AudienceKind::Groups => !groups.is_empty(),
                _ => true,
            };
            let (yes, no) = answers_ui(ui, words::SAVE, Look::Filled, words::CANCEL, ready);
            if yes {
                let audience = audience::chosen(view, *kind, people, groups);
                view.send(Command::SetRecipients { share: *share, audience });
            }
            open = !(yes || no);
        }
        Dialog::Path { text: typed, audience, problem } => {
            heading(ui, words::PATH_TITLE);
            text(ui, words::PATH_TEXT);
            let field = lines_ui(ui, typed, words::PATH_FIELD, "", 3);
            focus_at_first(ui, &field);
            problem_ui(ui, problem.as_deref());
            let (yes, no) = answers_ui(ui, words::SHARE, Look::Filled, words::CANCEL, !typed.trim().is_empty());
            if yes {
                match pasted_paths(typed) {
                    Some(paths) => view.share(paths, audience.clone()),
                    None => *problem = Some(words::NOT_A_PATH.to_owned()),
                }
            }
            open = !(no || yes && problem.is_none());
        }
        Dialog::Downloads { text: typed, problem } => {
            heading(ui, words::DOWNLOADS_TITLE);
            let field = field_ui(ui, typed, words::PATH_FIELD, "", f32::INFINITY);
            focus_at_first(ui, &field);
            problem_ui(ui, problem.as_deref());
            let (yes, no) = answers_ui(ui, words::SAVE, Look::Filled, words::CANCEL, !typed.trim().is_empty());
            if yes {
                match pasted_paths(typed).as_deref() {
                    Some([folder]) => view.send(Command::SetDownloads { folder: folder.clone() }),
                    _ => *problem = Some(words::NOT_A_PATH.to_owned()),
                }
            }
            open = !(no || yes && problem.is_none());
        }
        Dialog::Address { text: typed } => {
            heading(ui, words::ADDRESS_TITLE);
            text(ui, words::ADDRESS_TEXT);
            let field = field_ui(ui, typed, words::ADDRESS_FIELD, words::ADDRESS_HINT, f32::INFINITY);
            // Asked before the field takes the keyboard back.
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            focus_at_first(ui, &field);
            let ready = !typed.trim().is_empty();
            let (yes, no) = answers_ui(ui, words::ADD_IT, Look::Filled, words::CANCEL, ready);
            let yes = yes || entered && ready;
            if yes {
                view.send(Command::AddPeer { address: typed.trim().to_owned() });
            }
            open = !(yes || no);
        }
        Dialog::Limits { of, down, up } => open = limits::limits_ui(ui, view, of, down, up),
        Dialog::Seeding { share, kind, number } => {
            open = seeding::seeding_ui(ui, view, share.as_ref(), kind, number);
        }
        Dialog::Rule { at, rule } => open = rule::rule_ui(ui, view, *at, rule),
        Dialog::Enrol { server, token } => open = enrol::enrol_ui(ui, view, server, token),
        Dialog::Leave { name } => open = enrol::leave_ui(ui, view, name),
        Dialog::Move { share, title, before, into, name } => {
            open = place::place_ui(ui, view, (*share, title), before, into, name);
        }
    });
    if open && !modal.should_close() { Next::Stay(dialog) } else { Next::Close }
}

fn question_ui(ui: &mut Ui, view: &mut View<'_>, question: &Question) {
    let Ask::LeaveOut { title, files, more, .. } = &question.ask;
    framed(ui, "question", |ui| {
        heading(ui, &words::leave_out_question(&names::quoted(title)));
        text(ui, &words::leave_out_text(files.len() + more));
        let palette = Palette::of(ui);
        let list = egui::Frame::new().fill(palette.desk).corner_radius(radius::SMALL).inner_margin(space::M);
        list.show(ui, |ui| {
            scrolling(LIST_MAX.min(44.0 * (files.len() + 1) as f32)).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                for (path, why) in files {
                    let name = names::tame(&path.display().to_string());
                    ui.label(RichText::new(name).font(Type::Small.weighing(Weight::Medium)).color(palette.text));
                    ui.label(RichText::new(why).font(Type::Small.font()).color(palette.text_soft));
                    ui.add_space(space::XS);
                }
                if *more > 0 {
                    ui.label(RichText::new(words::and_more(*more)).font(Type::Small.font()).color(palette.text_soft));
                }
            });
        });
        let (yes, no) = answers_ui(ui, words::SHARE_REST, Look::Filled, words::SHARE_NOTHING, true);
        let escaped = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        if yes || no || escaped {
            let answer = if yes { Answer::Yes } else { Answer::No };
            view.send(Command::Answer { question: question.serial, answer });
        }
    });
}

fn framed<R>(ui: &mut Ui, id: &str, content: impl FnOnce(&mut Ui) -> R) -> egui::ModalResponse<R> {
    let palette = Palette::of(ui);
    let frame = egui::Frame::new()
        .fill(palette.raised)
        .stroke((size::HAIRLINE, palette.hairline))
        .corner_radius(radius::LARGE)
        .shadow(palette.floating())
        .inner_margin(space::XL);
    let room = ui.ctx().content_rect().width() - 2.0 * space::HUGE;
    let id = Id::unique(id);
    let modal = Modal::new(id).frame(frame).backdrop_color(palette.scrim).show(ui.ctx(), |ui| {
        ui.set_width(size::DIALOG.min(room));
        ui.spacing_mut().item_spacing.y = space::M;
        content(ui)
    });
    settle(ui, id, modal.response.rect.size());
    modal
}

/// A list of a height that is known beforehand: one that looks for its height grows for many frames.
fn scrolling(height: f32) -> ScrollArea {
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink([false, true])
}

/// A dialog is placed by the size it had a frame ago; when that changed, it is placed once more.
fn settle(ui: &Ui, id: Id, size: egui::Vec2) {
    let size = size.round();
    let before = ui.data(|data| data.get_temp::<egui::Vec2>(id));
    if before != Some(size) {
        ui.data_mut(|data| data.insert_temp(id, size));
        ui.ctx().request_repaint();
    }
}

fn heading(ui: &mut Ui, title: &str) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(title).font(Type::Title.weighing(Weight::SemiBold)).color(palette.text));
}

fn text(ui: &mut Ui, sentence: &str) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(sentence).font(Type::Body.font()).color(palette.text_soft));
}

fn problem_ui(ui: &mut Ui, problem: Option<&str>) {
    if let Some(problem) = problem {
        let palette = Palette::of(ui);
        ui.label(RichText::new(problem).font(Type::Small.font()).color(palette.bad));
    }
}

/// A field takes the keyboard when its dialog opens, not again after a person left it.
fn focus_at_first(ui: &Ui, field: &egui::Response) {
    let nobody = ui.memory(|memory| memory.focused().is_none());
    if nobody {
        field.request_focus();
    }
}

/// The two answers at the lower right; returns whether the first and whether the second was given.
fn answers_ui(ui: &mut Ui, yes: &str, look: Look, no: &str, ready: bool) -> (bool, bool) {
    ui.add_space(space::S);
    let answers = ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let yes = ui.add(Push::new(yes, look).enabled(ready)).clicked();
        let no = ui.add(Push::new(no, Look::Outlined)).clicked();
        (yes, no)
    });
    answers.inner
}
