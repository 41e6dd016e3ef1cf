//! The files of a share, each with its BLAKE3, which `b3sum` prints on any machine.

use egui::{Align, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::part;
use crate::{
    engine::snapshot::TransferRow,
    share::Root,
    window::{
        figures, icons, names,
        parts::{kind, paint, push::Push, rows},
        screens::soft,
        theme::{Palette, Type, Weight, size, space},
        words,
    },
};

const ROW: f32 = 40.0;

/// Draws the list; only what can be seen of it.
pub fn files_ui(ui: &mut Ui, transfer: Option<&TransferRow>) {
    let Some((transfer, facts)) = transfer.and_then(|transfer| Some((transfer, transfer.facts.as_ref()?))) else {
        part(ui, words::FILES, "");
        soft(ui, words::FILES_LATER);
        return;
    };
    part(ui, words::FILES, &figures::count(facts.files_total.into()));
    rows::rows_ui(ui, facts.files.len(), ROW, |ui, at, rect| {
        let (path, bytes, root) = &facts.files[at];
        // Inside a folder its own name tells nothing.
        let path = path.strip_prefix(&transfer.title).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
        file_ui(ui, path, *bytes, root, rect);
    });
    let more = u64::from(facts.files_total).saturating_sub(facts.files.len() as u64);
    if more > 0 {
        soft(ui, words::more_files(more));
    }
}

fn file_ui(ui: &mut Ui, path: &str, bytes: u64, root: &Root, rect: Rect) {
    let palette = Palette::of(ui);
    let path = names::tame(path);
    let hash = root.to_string();
    let response = ui.interact(rect, rows::id("file", &path), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, format!("{path}, {}", figures::bytes(bytes))));
    let name = format!("{} BLAKE3, {path}", words::COPY);
    if ui.place(paint::at_right(rect, 0.0, size::CONTROL, size::CONTROL), Push::icon_only(icons::COPY, name)).clicked()
    {
        ui.ctx().copy_text(hash.clone());
    }
    let painter = ui.painter();
    let center = pos2(rect.left() + size::ICON / 2.0, rect.center().y);
    paint::icon(painter, center, kind::of_file(&path), size::ICON_LARGE - 2.0, palette.text_soft);
    let left = rect.left() + size::ICON + space::M;
    let right = rect.right() - size::CONTROL - space::S;
    let above = Rect::from_min_max(pos2(left, rect.top() + 2.0), pos2(right, rect.center().y + 2.0));
    let below = Rect::from_min_max(pos2(left, rect.center().y + 2.0), pos2(right, rect.bottom() - 2.0));
    let size = figures::bytes(bytes);
    let taken = paint::width(painter, &size, Type::Small.font()) + space::M;
    let title = Rect::from_min_size(above.min, vec2(above.width() - taken, above.height()));
    let (shortened, _) = paint::line(painter, title, Align::Min, &path, Type::Body.font(), palette.text);
    paint::line(painter, above, Align::Max, &size, Type::Small.font(), palette.text_soft);
    let short = format!("BLAKE3 {}…", hash.get(..16).unwrap_or(&hash));
    paint::line(painter, below, Align::Min, &short, Type::Small.weighing(Weight::Regular), palette.text_faint);
    if shortened {
        response.on_hover_text(path);
    }
}
