//! What stands in a menu: things to do, one of several, a switch, a caption, a line between.

use egui::{
    Align, Id, Key, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2,
};

use super::paint;
use crate::window::{
    icons::{self, Icon},
    theme::{Palette, Type, Weight, radius, size, space},
};

const ITEM: f32 = 36.0;
const CAPTION: f32 = 28.0;
/// Remembered while the first line of a menu is to take the keyboard.
const ENTER: &str = "menu takes the keyboard";

/// Opens under `button` when it is pressed, and closes when something in it was. Who opens it without a mouse is taken to
/// its first line, and back to the button when it closes.
pub fn under(button: &Response, width: f32, content: impl FnOnce(&mut Ui)) {
    let by_hand = button.ctx.input(|input| input.pointer.any_click());
    let enter = Id::unique(ENTER);
    if button.clicked() && !by_hand {
        button.ctx.data_mut(|data| data.insert_temp(enter, true));
    }
    let menu = Popup::menu(button).align(RectAlign::BOTTOM_END).gap(space::XS);
    let shown = menu.close_behavior(PopupCloseBehavior::CloseOnClick).show(|ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = 0.0;
        content(ui);
    });
    let Some(shown) = shown else { return };
    let escaped = button.ctx.input(|input| input.key_pressed(Key::Escape));
    if !by_hand && (escaped || shown.response.should_close()) {
        button.request_focus();
    }
}

/// Something to do; whether it was pressed.
pub fn item_ui(ui: &mut Ui, icon: Icon, text: &str, keys: Option<&str>) -> bool {
    let (rect, response) = line_ui(ui);
    response.widget_info(|| WidgetInfo::labeled(Role::MenuItem, ui.is_enabled(), text));
    paint_item(ui, rect, Some(icon), text, keys);
    response.clicked()
}

/// One of several; whether it was pressed.
pub fn one_of_ui(ui: &mut Ui, chosen: bool, text: &str) -> bool {
    let (rect, response) = line_ui(ui);
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), chosen, text));
    paint_item(ui, rect, chosen.then_some(icons::CHECK), text, None);
    response.clicked()
}

/// A switch; whether it was pressed.
pub fn switch_ui(ui: &mut Ui, on: bool, text: &str) -> bool {
    let (rect, response) = line_ui(ui);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), on, text));
    paint_item(ui, rect, on.then_some(icons::CHECK), text, None);
    response.clicked()
}

/// What the next lines are about.
pub fn caption_ui(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), CAPTION), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    let line =
        Rect::from_min_max(pos2(rect.left() + space::M, rect.top()), pos2(rect.right() - space::M, rect.bottom()));
    paint::line(ui.painter(), line, Align::Min, text, Type::Small.weighing(Weight::Medium), palette.text_faint);
}

/// A hairline between what belongs together.
pub fn rule_ui(ui: &mut Ui) {
    let palette = Palette::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), space::S + 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, (size::HAIRLINE, palette.hairline));
}

fn line_ui(ui: &mut Ui) -> (Rect, Response) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ITEM), Sense::click());
    if ui.data_mut(|data| data.remove_temp::<bool>(Id::unique(ENTER))).is_some() {
        response.request_focus();
    }
    if response.clicked() {
        // A click of the mouse closes by itself; Enter and a screen reader do not.
        ui.close();
    }
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, radius::SMALL, palette.hover);
    }
    paint::focus_ring_inside(ui, &response, rect, radius::SMALL);
    (rect, response)
}

fn paint_item(ui: &Ui, rect: Rect, icon: Option<Icon>, text: &str, keys: Option<&str>) {
    let palette = Palette::of(ui);
    let left = rect.left() + space::M;
    if let Some(icon) = icon {
        paint::icon(ui.painter(), pos2(left + size::ICON / 2.0, rect.center().y), icon, size::ICON, palette.text_soft);
    }
    let line = Rect::from_min_max(
        pos2(left + size::ICON + space::M, rect.top()),
        pos2(rect.right() - space::M, rect.bottom()),
    );
    paint::line(ui.painter(), line, Align::Min, text, Type::Body.font(), palette.text);
    if let Some(keys) = keys {
        paint::line(ui.painter(), line, Align::Max, keys, Type::Small.font(), palette.text_faint);
    }
}
