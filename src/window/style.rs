//! Puts the tokens and the fonts into egui, so that its own widgets (text fields, menus, tooltips) look like ours.

use std::sync::Arc;

use egui::{
    Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontTweak, Margin, Stroke, Style, TextStyle, Theme,
    Visuals, style::ScrollStyle, vec2,
};

use super::theme::{self, Palette, Type, radius, size, space};

/// Loads the fonts and sets both themes. Once, before the first frame.
pub fn install(ctx: &Context, reduced_motion: bool) {
    ctx.set_fonts(fonts());
    ctx.options_mut(|options| options.fallback_theme = Theme::Light);
    for theme in [Theme::Light, Theme::Dark] {
        ctx.set_style_of(theme, style(theme == Theme::Dark, reduced_motion));
    }
}

/// Inter in three weights (figures of one width), the icons, and whatever the system has for other scripts.
pub fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, bytes: &'static [u8], y_offset_factor: f32| {
        let tweak = FontTweak { y_offset_factor, ..FontTweak::default() };
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes).tweak(tweak)));
    };
    add("inter", include_bytes!("fonts/Inter-Regular.otf"), 0.0);
    add("inter-medium", include_bytes!("fonts/Inter-Medium.otf"), 0.0);
    add("inter-semibold", include_bytes!("fonts/Inter-SemiBold.otf"), 0.0);
    add("phosphor", include_bytes!("fonts/Phosphor-Regular.ttf"), 0.0);
    add("phosphor-filled", include_bytes!("fonts/Phosphor-Fill.ttf"), 0.0);
    let families = [
        (FontFamily::Proportional, "inter"),
        (FontFamily::Name("medium".into()), "inter-medium"),
        (FontFamily::Name("semibold".into()), "inter-semibold"),
        (FontFamily::Name("icons".into()), "phosphor"),
        (FontFamily::Name("icons-filled".into()), "phosphor-filled"),
    ];
    for (family, font) in families {
        fonts.families.insert(family, vec![font.to_owned()]);
    }
    fonts
}

/// The style of one theme.
pub fn style(dark: bool, reduced_motion: bool) -> Style {
    let palette = Palette::when_dark(dark);
    let mut style = Style { visuals: visuals(dark, palette), ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, Type::Small.font()),
        (TextStyle::Body, Type::Body.font()),
        (TextStyle::Button, Type::Body.font()),
        (TextStyle::Heading, Type::Title.weighing(theme::Weight::SemiBold)),
        (TextStyle::Monospace, egui::FontId::monospace(Type::Small.px())),
    ]
    .into();
    style.animation_time = if reduced_motion { 0.0 } else { theme::MOTION_S };
    if reduced_motion {
        style.scroll_animation = egui::style::ScrollAnimation::none();
    }
    style.spacing.item_spacing = vec2(space::S, space::S);
    style.spacing.button_padding = vec2(space::M, space::XS);
    // Rows are as high as what stands in them; what is pressed brings its own height.
    style.spacing.interact_size = vec2(size::CONTROL, space::L);
    style.spacing.menu_margin = Margin::same(space::XS as i8);
    style.spacing.window_margin = Margin::same(space::XL as i8);
    style.spacing.tooltip_width = size::DIALOG;
    style.spacing.scroll = ScrollStyle {
        bar_width: space::S,
        dormant_handle_opacity: 0.2,
        active_handle_opacity: 0.35,
        interact_handle_opacity: 0.55,
        ..ScrollStyle::floating()
    };
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style
}

fn visuals(dark: bool, palette: &Palette) -> Visuals {
    let mut visuals = if dark { Visuals::dark() } else { Visuals::light() };
    visuals.panel_fill = palette.desk;
    visuals.window_fill = palette.raised;
    visuals.window_stroke = Stroke::new(size::HAIRLINE, palette.hairline);
    visuals.window_corner_radius = CornerRadius::same(radius::LARGE as u8);
    visuals.menu_corner_radius = CornerRadius::same(radius::MEDIUM as u8);
    visuals.window_shadow = palette.floating();
    visuals.popup_shadow = palette.floating();
    visuals.extreme_bg_color = palette.paper;
    visuals.text_edit_bg_color = Some(palette.paper);
    visuals.faint_bg_color = palette.hover;
    visuals.code_bg_color = palette.track;
    visuals.hyperlink_color = palette.accent_text;
    visuals.warn_fg_color = palette.attention;
    visuals.error_fg_color = palette.bad;
    visuals.weak_text_color = Some(palette.text_faint);
    visuals.selection.bg_fill = palette.accent_soft_hover;
    visuals.selection.stroke = Stroke::new(size::FOCUS, palette.accent_text);
    let corner = CornerRadius::same(radius::SMALL as u8);
    let widgets = &mut visuals.widgets;
    let looks = [
        (&mut widgets.noninteractive, palette.paper, palette.hairline, palette.text),
        (&mut widgets.inactive, palette.paper, palette.edge, palette.text),
        (&mut widgets.hovered, palette.hover, palette.edge, palette.text),
        (&mut widgets.active, palette.pressed, palette.accent, palette.text),
        (&mut widgets.open, palette.hover, palette.edge, palette.text),
    ];
    for (look, fill, edge, text) in looks {
        look.bg_fill = fill;
        look.weak_bg_fill = fill;
        look.bg_stroke = Stroke::new(size::HAIRLINE, edge);
        look.fg_stroke = Stroke::new(size::HAIRLINE, text);
        look.corner_radius = corner;
        look.expansion = 0.0;
    }
    visuals
}
