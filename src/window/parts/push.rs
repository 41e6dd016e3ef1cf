//! Buttons. One filled at most on a screen; the rest are quieter.

use egui::{
    Align, Color32, CornerRadius, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Widget, WidgetInfo, pos2, vec2,
};

use super::paint;
use crate::window::{
    icons::Icon,
    theme::{Palette, Type, Weight, radius, size, space},
};

/// How loud a button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The one thing to do here.
    Filled,
    /// A thing to do, again and again down a list.
    Soft,
    /// Beside another.
    Outlined,
    /// Text or icon alone until the pointer comes.
    Quiet,
    /// Filled, for what can't be undone.
    Danger,
}

/// A button.
pub struct Push<'a> {
    text: &'a str,
    icon: Option<Icon>,
    /// The icon stands behind the text.
    after: bool,
    look: Look,
    name: Option<String>,
    width: Option<f32>,
    height: f32,
    enabled: bool,
}

impl<'a> Push<'a> {
    pub fn new(text: &'a str, look: Look) -> Push<'a> {
        Push { text, icon: None, after: false, look, name: None, width: None, height: size::CONTROL, enabled: true }
    }

    /// A square with an icon; `name` is what it is called and what stands beside the pointer.
    pub fn icon_only(icon: Icon, name: impl Into<String>) -> Push<'a> {
        Push { icon: Some(icon), name: Some(name.into()), ..Push::new("", Look::Quiet) }
    }

    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// An icon behind the text.
    pub fn icon_after(mut self, icon: Icon) -> Self {
        (self.icon, self.after) = (Some(icon), true);
        self
    }

    /// What a screen reader says, when the text alone does not tell what it acts on.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub fn wide(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    pub fn high(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// The width it takes by itself.
    pub fn natural_width(&self, ui: &Ui) -> f32 {
        if self.text.is_empty() {
            return self.height;
        }
        let icon = if self.icon.is_some() { size::ICON + space::S } else { 0.0 };
        let side = if matches!(self.look, Look::Quiet) { space::S } else { space::M };
        paint::width(ui.painter(), self.text, Type::Body.weighing(Weight::Medium)) + icon + 2.0 * side
    }

    fn colors(&self, palette: &Palette, response: &Response) -> (Color32, Option<Color32>, Color32) {
        let (hovered, pressed) = (response.hovered(), response.is_pointer_button_down_on());
        if !self.enabled {
            return match self.look {
                Look::Quiet => (Color32::TRANSPARENT, None, palette.text_faint),
                _ => (palette.track, None, palette.text_soft),
            };
        }
        let warm = hovered || pressed;
        match self.look {
            Look::Filled if warm => (palette.accent_hover, None, palette.on_accent),
            Look::Filled => (palette.accent, None, palette.on_accent),
            Look::Soft if warm => (palette.accent_soft_hover, None, palette.accent_text),
            Look::Soft => (palette.accent_soft, None, palette.accent_text),
            Look::Outlined if pressed => (palette.pressed, Some(palette.edge), palette.text),
            Look::Outlined if hovered => (palette.hover, Some(palette.edge), palette.text),
            Look::Outlined => (palette.paper, Some(palette.edge), palette.text),
            Look::Quiet if pressed => (palette.pressed, None, palette.text),
            Look::Quiet if hovered => (palette.hover, None, palette.text),
            Look::Quiet => (Color32::TRANSPARENT, None, palette.text_soft),
            Look::Danger if warm => (palette.bad, None, palette.paper),
            Look::Danger => (palette.bad_soft, None, palette.bad),
        }
    }

    fn paint(&self, ui: &Ui, rect: Rect, response: &Response) {
        let palette = Palette::of(ui);
        let (fill, edge, ink) = self.colors(palette, response);
        let corner = CornerRadius::same(radius::SMALL as u8);
        let stroke = edge.map_or(Stroke::NONE, |edge| Stroke::new(size::HAIRLINE, edge));
        ui.painter().rect(rect, corner, fill, stroke, StrokeKind::Inside);
        paint::focus_ring(ui, response, rect, radius::SMALL);
        let font = Type::Body.weighing(Weight::Medium);
        match self.icon {
            Some(icon) if self.text.is_empty() => paint::icon(ui.painter(), rect.center(), icon, size::ICON_LARGE, ink),
            Some(icon) if self.after => {
                let side = space::S;
                let spot = pos2(rect.right() - side - size::ICON / 2.0, rect.center().y);
                paint::icon(ui.painter(), spot, icon, size::ICON, ink);
                let text = Rect::from_min_max(
                    pos2(rect.left() + side, rect.top()),
                    pos2(rect.right() - side - size::ICON - space::S, rect.bottom()),
                );
                paint::line(ui.painter(), text, Align::Max, self.text, font, ink);
            }
            Some(icon) => {
                let whole = paint::width(ui.painter(), self.text, font.clone()) + size::ICON + space::S;
                let left = (rect.center().x - whole / 2.0).max(rect.left() + space::XS);
                paint::icon(ui.painter(), pos2(left + size::ICON / 2.0, rect.center().y), icon, size::ICON, ink);
                let text = Rect::from_min_max(pos2(left + size::ICON + space::S, rect.top()), rect.max);
                paint::line(ui.painter(), text, Align::Min, self.text, font, ink);
            }
            None => {
                paint::line(ui.painter(), rect, Align::Center, self.text, font, ink);
            }
        }
    }
}

impl Widget for Push<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let width = self.width.unwrap_or_else(|| self.natural_width(ui));
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, self.height), sense);
        let name = self.name.clone().unwrap_or_else(|| self.text.to_owned());
        let enabled = self.enabled && ui.is_enabled();
        response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, &name));
        if ui.is_rect_visible(rect) {
            self.paint(ui, rect, &response);
        }
        if self.text.is_empty() { response.on_hover_text(name) } else { response }
    }
}
