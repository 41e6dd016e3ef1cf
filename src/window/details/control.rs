//! How one transfer comes and is given on: why it is no faster, its speed over time, and what a person chose for it.

use egui::{Align, Layout, Rect, Response, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::part;
use crate::{
    engine::{
        command::Command,
        snapshot::{TransferRow, TransferState},
    },
    traffic::{Class, Order, Priority},
    window::{
        figures,
        icons::{self, Icon},
        names,
        parts::{
            chart, choice, menu, paint,
            push::{Look, Push},
            transfer_row,
        },
        theme::{Palette, Type, size, space},
        view::View,
        words,
    },
};

const CHART: f32 = 56.0;
const NAME: f32 = 108.0;
const MENU: f32 = 208.0;

/// The reason, in a sentence, with the figures behind it.
pub fn reason_ui(ui: &mut Ui, view: &View<'_>, row: &TransferRow) {
    let name = transfer_row::reason_name(view, &row.reason);
    if row.trouble.is_some() {
        // The trouble says more.
        return;
    }
    let palette = Palette::of(ui);
    let mut said = words::reasons::reason(&row.reason, name.as_deref());
    said.push('.');
    if let Some(figures) = words::reasons::figures_of(&row.reason) {
        said = format!("{said} {figures}.");
    }
    ui.horizontal_top(|ui| {
        let (at, _) = ui.allocate_exact_size(vec2(size::ICON, size::ICON + 2.0), Sense::hover());
        paint::icon(ui.painter(), at.center(), icons::INFO, size::ICON, palette.text_soft);
        ui.vertical(|ui| {
            // Beside something else a sentence would not break.
            ui.set_width(size::DETAILS - 2.0 * space::L - size::ICON - space::S);
            ui.label(RichText::new(said).font(Type::Small.font()).color(palette.text_soft));
        });
    });
}

/// Speed over the last minutes.
pub fn speed_ui(ui: &mut Ui, row: &TransferRow) {
    if row.history.len() < 2 {
        return;
    }
    let palette = Palette::of(ui);
    let mut figure = Vec::new();
    if row.rate_down > 0 {
        figure.push(format!("↓ {}", figures::speed(row.rate_down)));
    }
    if row.rate_up > 0 {
        figure.push(format!("↑ {}", figures::speed(row.rate_up)));
    }
    part(ui, words::control::SPEED_OVER_TIME, &figure.join("   "));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), CHART), Sense::hover());
    let name = format!("{}, {}", words::control::SPEED_OVER_TIME, words::LAST_MINUTES);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    chart::paint(ui.painter(), rect, &row.history, palette);
    response.on_hover_text(words::LAST_MINUTES);
}

/// What a person chose, each with the way to choose otherwise.
pub fn choices_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow) {
    part(ui, words::control::HOW_IT_COMES, "");
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        if row.queue.is_some() {
            priority_ui(ui, view, row);
            order_ui(ui, view, row);
        }
        let limits = words::limits::both(row.limits);
        if value_ui(ui, words::limits::TITLE, &limits, icons::GAUGE).clicked() {
            view.ask_limits(row);
        }
        if !row.mine {
            let until = row.seed_until.map_or(words::seeding::AS_ALL.to_owned(), words::seeding::until);
            if value_ui(ui, words::seeding::TITLE, &until, icons::PAPER_PLANE_TILT).clicked() {
                view.ask_seeding(row);
            }
            let folder = names::tame(&row.into.display().to_string());
            if value_ui(ui, words::FOLDER, &names::shortened(&folder, 32), icons::PENCIL_SIMPLE).clicked() {
                view.ask_move(row);
            }
        }
        let quiet = row.class == Class::Background;
        let text = (words::control::BACKGROUND, words::control::BACKGROUND_TEXT);
        if choice::switch_ui(ui, quiet, text.0, text.1, true).clicked() {
            let class = if quiet { Class::Foreground } else { Class::Background };
            view.send(Command::SetClass { share: row.share, class });
        }
    });
    if row.state == TransferState::Waiting && ui.add(Push::new(words::control::RETRY, Look::Soft)).clicked() {
        view.send(Command::Retry { share: row.share });
    }
}

fn priority_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow) {
    let button = value_ui(ui, words::control::PRIORITY, words::control::priority(row.priority), icons::CARET_DOWN);
    menu::under(&button, MENU, |ui| {
        for priority in [Priority::High, Priority::Normal, Priority::Low] {
            if menu::one_of_ui(ui, row.priority == priority, words::control::priority(priority)) {
                view.send(Command::SetPriority { share: row.share, priority });
            }
        }
    });
}

fn order_ui(ui: &mut Ui, view: &mut View<'_>, row: &TransferRow) {
    let word = |order: Order| match order {
        Order::Rarest => words::control::RAREST,
        Order::InOrder => words::control::IN_ORDER,
    };
    let button = value_ui(ui, words::control::ORDER, word(row.order), icons::CARET_DOWN);
    let button = button.on_hover_text(words::control::IN_ORDER_TEXT);
    menu::under(&button, MENU, |ui| {
        for order in [Order::Rarest, Order::InOrder] {
            if menu::one_of_ui(ui, row.order == order, word(order)) {
                view.send(Command::SetOrder { share: row.share, order });
            }
        }
    });
}

/// A name at the left, and at the right the value, as a button that changes it.
fn value_ui(ui: &mut Ui, name: &str, value: &str, icon: Icon) -> Response {
    let palette = Palette::of(ui);
    let line = vec2(ui.available_width(), size::CONTROL);
    let inner = ui.allocate_ui_with_layout(line, Layout::right_to_left(Align::Center), |ui| {
        let whole = ui.max_rect();
        let left = Rect::from_min_max(whole.min, pos2(whole.left() + NAME, whole.bottom()));
        paint::line(ui.painter(), left, Align::Min, name, Type::Small.font(), palette.text_soft);
        let room = whole.width() - NAME - space::S;
        let push = Push::new(value, Look::Quiet).icon_after(icon).named(format!("{name}: {value}"));
        let wide = push.natural_width(ui).min(room);
        ui.add(push.wide(wide))
    });
    inner.inner
}
