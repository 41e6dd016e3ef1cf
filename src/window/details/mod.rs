//! The panel at the right: everything about the one share that is selected, for engineers and the curious. Here, and only
//! here, the words are seed, leech and piece.

mod control;
mod files;
mod peers;

use egui::{Align, Layout, Rect, RichText, ScrollArea, Ui, pos2, vec2};

use super::{
    figures, icons,
    index::can_pause,
    memory::Zone,
    names,
    parts::{
        bar, kind, notices, paint,
        push::{Look, Push},
        share_row,
    },
    screens::settings::fact_ui,
    theme::{Palette, Type, Weight, radius, size, space},
    view::{View, places},
    words,
};
use crate::{
    engine::{
        command::Command,
        snapshot::{Here, ShareRow, TransferRow, TransferState},
    },
    share::ShareId,
};

const MAP: f32 = 40.0;

/// Draws the panel into all of `ui`.
pub fn details_ui(ui: &mut Ui, view: &mut View<'_>, id: ShareId) {
    let palette = Palette::of(ui);
    let whole = ui.max_rect();
    ui.painter().rect_filled(whole, 0.0, palette.paper);
    ui.painter().vline(whole.left() + 0.5, whole.y_range(), (size::HAIRLINE, palette.hairline));
    let now = view.now;
    let share = view.index.share(now, &id);
    let transfer = view.index.transfer(now, &id);
    head_ui(ui, view);
    let body = Rect::from_min_max(pos2(whole.left(), whole.top() + size::TOP_BAR), whole.max);
    ui.scope_builder(egui::UiBuilder::new().max_rect(body), |ui| {
        ScrollArea::vertical().id_salt(("details", id)).auto_shrink([false, false]).show(ui, |ui| {
            let frame = egui::Frame::new().inner_margin(egui::Margin::symmetric(space::L as i8, 0));
            frame.show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                ui.set_width(size::DETAILS - 2.0 * space::L);
                title_ui(ui, share, transfer);
                actions_ui(ui, view, share, transfer);
                if let Some(transfer) = transfer {
                    trouble_ui(ui, transfer);
                    control::reason_ui(ui, view, transfer);
                    control::choices_ui(ui, view, transfer);
                    control::speed_ui(ui, transfer);
                    pieces_ui(ui, transfer);
                    peers::peers_ui(ui, transfer);
                }
                files::files_ui(ui, view, transfer);
                facts_ui(ui, view, share, transfer, id);
                ui.add_space(space::XL);
            });
        });
    });
}

fn head_ui(ui: &mut Ui, view: &mut View<'_>) {
    let palette = Palette::of(ui);
    let whole = ui.max_rect();
    let bar = Rect::from_min_size(whole.min, vec2(whole.width(), size::TOP_BAR)).shrink2(vec2(space::L, 0.0));
    let font = Type::Lead.weighing(Weight::SemiBold);
    paint::line(ui.painter(), bar, Align::Min, words::DETAILS, font, palette.text);
    let close = paint::at_right(bar, 0.0, size::CONTROL, size::CONTROL);
    let response = ui.place(close, Push::icon_only(icons::X, words::about_action(words::CLOSE, words::DETAILS)));
    if view.memory.focus_zone == Some(Zone::Details) {
        view.memory.focus_zone = None;
        response.request_focus();
    }
    if response.clicked() {
        view.memory.selected = None;
    }
}

fn title_ui(ui: &mut Ui, share: Option<&ShareRow>, transfer: Option<&TransferRow>) {
    let palette = Palette::of(ui);
    let (title, of_kind, bytes) = match (share, transfer) {
        (Some(row), _) => (&row.title, row.kind, row.size),
        (None, Some(row)) => (&row.title, row.kind, row.size),
        (None, None) => return,
    };
    ui.horizontal(|ui| {
        let (tile, _) = ui.allocate_exact_size(vec2(40.0, 40.0), egui::Sense::hover());
        paint::tile(ui.painter(), tile, kind::icon(of_kind, title), palette);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let title = names::tame(title);
            ui.label(RichText::new(title).font(Type::Lead.weighing(Weight::SemiBold)).color(palette.text));
            let mut parts = Vec::new();
            parts.extend(share.map(share_row::giver));
            parts.push(figures::bytes(bytes));
            parts.extend(share.map(|row| words::files(row.files.into())));
            ui.label(RichText::new(parts.join("  ·  ")).font(Type::Small.font()).color(palette.text_soft));
        });
    });
}

/// The two or three things that can be done with it now.
fn actions_ui(ui: &mut Ui, view: &mut View<'_>, share: Option<&ShareRow>, transfer: Option<&TransferRow>) {
    ui.horizontal_wrapped(|ui| {
        if let Some(places) = share.and_then(places) {
            if ui.add(Push::new(words::OPEN, Look::Soft)).clicked() {
                view.open(places);
            }
            if ui.add(Push::new(words::SHOW_IN_FOLDER, Look::Outlined)).clicked() {
                view.reveal(places);
            }
        }
        let (Some(row), Some(_)) = (share, transfer) else {
            if let Some(row) = share.filter(|row| row.here == Here::No && !row.mine) {
                if ui.add(Push::new(words::GET, Look::Filled)).clicked() {
                    view.get(row.id, &row.title);
                }
                if row.files > 1 && ui.add(Push::new(words::files::CHOOSE, Look::Outlined)).clicked() {
                    view.get_some(row.id, &row.title);
                }
            }
            return;
        };
        if transfer.is_some_and(|transfer| transfer.state == TransferState::Failed)
            && ui.add(Push::new(words::TRY_AGAIN, Look::Soft)).clicked()
        {
            view.get(row.id, &row.title);
        }
        let Some((word, look, command)) = transfer.and_then(|transfer| pause_or_resume(transfer.state, row.id)) else {
            return;
        };
        if ui.add(Push::new(word, look)).clicked() {
            view.send(command);
        }
    });
}

/// What holds a transfer up or lets it go on.
fn pause_or_resume(state: TransferState, share: ShareId) -> Option<(&'static str, Look, Command)> {
    match state {
        TransferState::Paused => Some((words::RESUME, Look::Soft, Command::Resume { share })),
        TransferState::Done => Some((words::control::GIVE_AGAIN, Look::Outlined, Command::Resume { share })),
        state => can_pause(state).then_some((words::PAUSE, Look::Outlined, Command::Pause { share })),
    }
}

fn trouble_ui(ui: &mut Ui, transfer: &TransferRow) {
    let Some(trouble) = &transfer.trouble else { return };
    let palette = Palette::of(ui);
    let (icon, ink, ground) = notices::sign(trouble.kind, palette);
    let frame = egui::Frame::new().fill(ground).corner_radius(radius::SMALL).inner_margin(space::M);
    frame.show(ui, |ui| {
        let width = size::DETAILS - 2.0 * space::L - 2.0 * space::M;
        ui.set_width(width);
        ui.horizontal_top(|ui| {
            let (at, _) = ui.allocate_exact_size(vec2(size::ICON, size::ICON), egui::Sense::hover());
            paint::icon_filled(ui.painter(), at.center(), icon, size::ICON, ink);
            ui.vertical(|ui| {
                ui.set_width(width - size::ICON - space::S);
                let said = format!("{}. {}", notices::sentence(trouble), trouble.hint);
                ui.label(RichText::new(said).font(Type::Small.font()).color(palette.text));
            });
        });
    });
}

/// A heading inside the panel, with a figure at its right.
fn part(ui: &mut Ui, title: &str, figure: &str) {
    let palette = Palette::of(ui);
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).font(Type::Body.weighing(Weight::SemiBold)).color(palette.text));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(figure).font(Type::Small.font()).color(palette.text_soft));
        });
    });
}

fn pieces_ui(ui: &mut Ui, transfer: &TransferRow) {
    let palette = Palette::of(ui);
    let pieces = transfer.facts.as_ref().map_or(0, |facts| facts.pieces);
    part(ui, words::PIECES, &words::pieces_done(transfer.pieces_done, pieces));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), MAP), egui::Sense::hover());
    let done = figures::part(u64::from(transfer.pieces_done), u64::from(pieces));
    bar::announce(ui, &response, words::MAP_NAME, done);
    bar::map(ui.painter(), rect, &transfer.map, palette);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let inks = [
            (palette.accent, words::LEGEND_HERE),
            (palette.accent_half, words::LEGEND_FLYING),
            (palette.text_soft, words::LEGEND_COPIES),
        ];
        for (ink, word) in inks {
            let (dot, _) = ui.allocate_exact_size(vec2(space::S, space::L), egui::Sense::hover());
            ui.painter().rect_filled(Rect::from_center_size(dot.center(), vec2(space::S, space::S)), 2.0, ink);
            ui.label(RichText::new(word).font(Type::Small.font()).color(palette.text_soft));
            ui.add_space(space::S);
        }
    });
    let none_complete = transfer.seeds == 0 && transfer.state != TransferState::Seeding && !transfer.mine;
    if none_complete {
        let percent = (bar::around(&transfer.map) * 100.0) as u32;
        let said = words::is_around(percent);
        ui.label(RichText::new(said).font(Type::Small.font()).color(palette.attention));
    }
}

fn facts_ui(ui: &mut Ui, view: &mut View<'_>, share: Option<&ShareRow>, transfer: Option<&TransferRow>, id: ShareId) {
    let facts = transfer.and_then(|row| row.facts.as_ref());
    part(ui, words::FOR_CHECKING, "");
    ui.spacing_mut().item_spacing.y = 0.0;
    if let Some(publisher) = share.and_then(|row| row.publisher).or(facts.map(|facts| facts.publisher)) {
        fact_ui(ui, view, words::PUBLISHER, &publisher.to_string());
    }
    fact_ui(ui, view, words::SHARE_ID, &id.to_string());
    if let Some(row) = share {
        fact_ui(ui, view, words::LINK, &row.link);
    }
    if let Some(row) = transfer {
        if let Some(facts) = facts {
            fact_ui(ui, view, words::PIECE_SIZE, &binary_size(facts.piece_bytes));
        }
        if row.mine {
            fact_ui(ui, view, words::FOLDER, &row.into.display().to_string());
        }
        if matches!(row.state, TransferState::Seeding | TransferState::Done) {
            ui.add_space(space::S);
            if ui.add(Push::new(words::CHECK_AGAIN, Look::Outlined).icon(icons::SEAL_CHECK)).clicked() {
                view.verify(row.share, &row.title);
            }
        }
    }
}

/// Piece sizes are powers of two, and engineers read them as such.
fn binary_size(bytes: u32) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}
