//! The window while there is no engine: it is being made, could not be made, or has stopped.

use egui::{Align, CentralPanel, Layout, Rect, RichText, ScrollArea, Ui, UiBuilder, vec2};

use super::{
    icons, mark,
    parts::{
        card, paint,
        push::{Look, Push},
    },
    theme::{Palette, Type, Weight, size, space},
    words,
};

const MARK: f32 = 72.0;

/// Nothing is said before this many seconds: most starts are faster, and a flash of words is unrest.
const SAY_AFTER_S: f64 = 0.4;

/// The engine is being made, since `waited_s`.
pub fn starting_ui(ui: &mut Ui, waited_s: f64) {
    let palette = Palette::of(ui);
    CentralPanel::default().frame(egui::Frame::new().fill(palette.desk)).show(ui, |ui| {
        let center = ui.max_rect().center() - vec2(0.0, space::XL);
        mark::paint(ui, Rect::from_center_size(center, vec2(MARK, MARK)));
        if waited_s < SAY_AFTER_S {
            ui.ctx().request_repaint_after_secs((SAY_AFTER_S - waited_s) as f32);
            return;
        }
        let line = Rect::from_center_size(center + vec2(0.0, MARK), vec2(ui.max_rect().width(), space::XL));
        let (_, _) =
            paint::line(ui.painter(), line, Align::Center, words::STARTING, Type::Lead.font(), palette.text_soft);
        let response = ui.interact(line, ui.scope_id().with("starting"), egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, words::STARTING));
    });
}

/// It could not be made, or has stopped: what happened and what to do now, as the engine says it.
pub fn broken_ui(ui: &mut Ui, title: &str, message: &str) {
    let palette = Palette::of(ui);
    CentralPanel::default().frame(egui::Frame::new().fill(palette.desk)).show(ui, |ui| {
        let whole = ui.max_rect().shrink(space::XXL);
        let width = whole.width().min(size::FORM_MAX);
        let column = Rect::from_center_size(whole.center(), vec2(width, whole.height()));
        let column = column.translate(vec2(0.0, (whole.height() * 0.18).round()));
        ui.scope_builder(UiBuilder::new().max_rect(column).layout(Layout::top_down(Align::Center)), |ui| {
            ui.spacing_mut().item_spacing.y = space::M;
            let (at, _) = ui.allocate_exact_size(vec2(MARK, MARK), egui::Sense::hover());
            ui.painter().circle_filled(at.center(), MARK / 2.0, palette.bad_soft);
            paint::icon_filled(ui.painter(), at.center(), icons::WARNING_CIRCLE, space::XXL, palette.bad);
            ui.label(RichText::new(title).font(Type::Display.weighing(Weight::SemiBold)).color(palette.text));
            message_ui(ui, message, width);
            ui.allocate_ui_with_layout(vec2(396.0, size::FIELD), Layout::left_to_right(Align::Center), |ui| {
                if ui.add(Push::new(words::COPY_MESSAGE, Look::Outlined).icon(icons::COPY).wide(192.0)).clicked() {
                    ui.ctx().copy_text(format!("{title}\n{message}"));
                }
                if ui.add(Push::new(words::CLOSE_WINDOW, Look::Filled).wide(192.0)).clicked() {
                    ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
                }
            });
        });
    });
}

fn message_ui(ui: &mut Ui, message: &str, width: f32) {
    let palette = Palette::of(ui);
    let frame = card::frame(palette).inner_margin(space::L);
    frame.show(ui, |ui| {
        ui.set_width(width - 2.0 * space::L);
        ScrollArea::vertical().max_height(200.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.label(RichText::new(message).font(Type::Body.font()).color(palette.text));
            });
        });
    });
}
