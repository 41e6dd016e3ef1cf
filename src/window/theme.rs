//! Design tokens: every colour, space, size and duration of the window has its name here, and nowhere else a number.
//!
//! Two neutral ramps (paper on a desk, by day and by night), one accent, four meanings. A meaning is never told by colour
//! alone: it comes with an icon and a word. The test below computes the WCAG 2.1 contrast of every text on every ground it
//! may stand on; a new pair belongs into [`Palette::pairs`].

use egui::{Color32, FontFamily, FontId, Shadow};

/// A 4-px grid.
pub mod space {
    pub const XS: f32 = 4.0;
    pub const S: f32 = 8.0;
    pub const M: f32 = 12.0;
    pub const L: f32 = 16.0;
    pub const XL: f32 = 24.0;
    pub const XXL: f32 = 32.0;
    pub const HUGE: f32 = 48.0;
}

/// Corner radii: what is pressed, what lies on the desk, what floats above it.
pub mod radius {
    pub const SMALL: f32 = 6.0;
    pub const MEDIUM: f32 = 10.0;
    pub const LARGE: f32 = 14.0;
}

/// Fixed sizes of parts.
pub mod size {
    pub const ROW: f32 = 44.0;
    pub const TRANSFER_ROW: f32 = 76.0;
    pub const CONTROL: f32 = 32.0;
    pub const FIELD: f32 = 36.0;
    pub const RAIL: f32 = 84.0;
    pub const TOP_BAR: f32 = 64.0;
    pub const DETAILS: f32 = 360.0;
    pub const TILE: f32 = 28.0;
    pub const FACE: f32 = 48.0;
    pub const FACE_CELL: f32 = 88.0;
    pub const BAR: f32 = 6.0;
    pub const CHART: f32 = 84.0;
    pub const ICON: f32 = 16.0;
    pub const ICON_LARGE: f32 = 20.0;
    /// A list that is wider than this is tiring to read across.
    pub const PAGE_MAX: f32 = 1280.0;
    /// Sentences and forms.
    pub const FORM_MAX: f32 = 640.0;
    pub const DIALOG: f32 = 460.0;
    pub const TOAST: f32 = 480.0;
    /// From this width on the details push the page aside; below, they lie over it.
    pub const DETAILS_BESIDE: f32 = 1120.0;
    pub const HAIRLINE: f32 = 1.0;
    pub const FOCUS: f32 = 2.0;
}

/// Seconds that a change of place takes; none with "reduce motion".
pub const MOTION_S: f32 = 0.15;
/// Seconds after which a toast goes by itself.
pub const TOAST_S: f64 = 8.0;

/// Type sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// 12: what stands beside.
    Small,
    /// 14: what is read.
    Body,
    /// 16: what leads.
    Lead,
    /// 20: a section.
    Title,
    /// 28: the one number.
    Display,
}

/// Stroke weights of the one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Medium,
    SemiBold,
}

impl Type {
    pub const fn px(self) -> f32 {
        match self {
            Type::Small => 12.0,
            Type::Body => 14.0,
            Type::Lead => 16.0,
            Type::Title => 20.0,
            Type::Display => 28.0,
        }
    }

    /// The font in the regular weight.
    pub fn font(self) -> FontId {
        self.weighing(Weight::Regular)
    }

    /// The font in a weight.
    pub fn weighing(self, weight: Weight) -> FontId {
        FontId::new(self.px(), weight.family())
    }
}

impl Weight {
    pub fn family(self) -> FontFamily {
        match self {
            Weight::Regular => FontFamily::Proportional,
            Weight::Medium => FontFamily::Name("medium".into()),
            Weight::SemiBold => FontFamily::Name("semibold".into()),
        }
    }
}

/// Every colour, for one of the two themes.
#[derive(Debug, PartialEq)]
pub struct Palette {
    /// What everything lies on.
    pub desk: Color32,
    /// Lists and cards.
    pub paper: Color32,
    /// What floats: menus, dialogs, toasts.
    pub raised: Color32,
    /// The rail.
    pub rail: Color32,
    pub hairline: Color32,
    /// Edges of fields and outlined buttons.
    pub edge: Color32,
    pub hover: Color32,
    pub pressed: Color32,
    pub selected: Color32,
    /// The unfilled part of a bar, tiles behind icons.
    pub track: Color32,
    pub text: Color32,
    pub text_soft: Color32,
    pub text_faint: Color32,
    /// Filled buttons and bars.
    pub accent: Color32,
    pub accent_hover: Color32,
    pub on_accent: Color32,
    /// The accent as text, and its quiet ground.
    pub accent_text: Color32,
    pub accent_soft: Color32,
    pub accent_soft_hover: Color32,
    /// In flight: asked for, not here yet.
    pub accent_half: Color32,
    pub good: Color32,
    pub good_soft: Color32,
    pub attention: Color32,
    pub attention_soft: Color32,
    pub bad: Color32,
    pub bad_soft: Color32,
    pub info: Color32,
    pub info_soft: Color32,
    /// What steps back behind a dialog.
    pub scrim: Color32,
    pub shadow: Color32,
    /// Grounds of people's faces, chosen by their key.
    pub faces: [Color32; 10],
    pub on_face: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// By day.
pub const LIGHT: Palette = Palette {
    desk: rgb(0xF5F4F1),
    paper: rgb(0xFFFFFF),
    raised: rgb(0xFFFFFF),
    rail: rgb(0xEEECE7),
    hairline: rgb(0xE6E3DD),
    edge: rgb(0xCFCBC3),
    hover: rgb(0xF3F1EC),
    pressed: rgb(0xE9E6E0),
    selected: rgb(0xE9EFFD),
    track: rgb(0xECE9E3),
    text: rgb(0x1D1B17),
    text_soft: rgb(0x55524B),
    text_faint: rgb(0x696559),
    accent: rgb(0x2A5BD7),
    accent_hover: rgb(0x1F4ABA),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0x234FC0),
    accent_soft: rgb(0xE6EDFC),
    accent_soft_hover: rgb(0xD8E3FA),
    accent_half: rgb(0xA9C0F4),
    good: rgb(0x146B3A),
    good_soft: rgb(0xE2F3E8),
    attention: rgb(0x7F5200),
    attention_soft: rgb(0xFBF0D8),
    bad: rgb(0xA92218),
    bad_soft: rgb(0xFCE9E6),
    info: rgb(0x234FC0),
    info_soft: rgb(0xE6EDFC),
    scrim: Color32::from_rgba_premultiplied(12, 11, 9, 82),
    shadow: Color32::from_rgba_premultiplied(0, 0, 0, 30),
    faces: [
        rgb(0x3C63A8),
        rgb(0x7A4FA3),
        rgb(0xA8446F),
        rgb(0xA84A32),
        rgb(0x8A5F14),
        rgb(0x4F7325),
        rgb(0x1E7459),
        rgb(0x177084),
        rgb(0x5B5BB8),
        rgb(0x7A5C4B),
    ],
    on_face: rgb(0xFFFFFF),
};

/// By night.
pub const DARK: Palette = Palette {
    desk: rgb(0x161513),
    paper: rgb(0x1F1E1B),
    raised: rgb(0x2A2825),
    rail: rgb(0x1B1A18),
    hairline: rgb(0x32302C),
    edge: rgb(0x4A4741),
    hover: rgb(0x292724),
    pressed: rgb(0x33312D),
    selected: rgb(0x232C42),
    track: rgb(0x34322E),
    text: rgb(0xF0EEE9),
    text_soft: rgb(0xBAB6AD),
    text_faint: rgb(0x9F9B91),
    accent: rgb(0x3B69DC),
    accent_hover: rgb(0x3460CF),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0xA3BDFF),
    accent_soft: rgb(0x25304A),
    accent_soft_hover: rgb(0x2D3B5C),
    accent_half: rgb(0x3A4F86),
    good: rgb(0x7FD3A0),
    good_soft: rgb(0x1D3327),
    attention: rgb(0xE9BC66),
    attention_soft: rgb(0x3A2F19),
    bad: rgb(0xFF9E94),
    bad_soft: rgb(0x442522),
    info: rgb(0xA3BDFF),
    info_soft: rgb(0x25304A),
    scrim: Color32::from_rgba_premultiplied(0, 0, 0, 150),
    shadow: Color32::from_rgba_premultiplied(0, 0, 0, 110),
    faces: [
        rgb(0x456DB5),
        rgb(0x8159AC),
        rgb(0xAB4D77),
        rgb(0xAD523B),
        rgb(0x8E651F),
        rgb(0x577A2E),
        rgb(0x2A7A60),
        rgb(0x23778A),
        rgb(0x6464BE),
        rgb(0x806354),
    ],
    on_face: rgb(0xFFFFFF),
};

impl Palette {
    /// The palette of the theme that a `Ui` is drawn in.
    pub fn of(ui: &egui::Ui) -> &'static Palette {
        Palette::when_dark(ui.visuals().dark_mode)
    }

    pub fn when_dark(dark: bool) -> &'static Palette {
        if dark { &DARK } else { &LIGHT }
    }

    /// The one soft shadow, for what floats.
    pub fn floating(&self) -> Shadow {
        Shadow { offset: [0, 6], blur: 24, spread: 0, color: self.shadow }
    }

    /// Text (or what must be made out like text) and the grounds it stands on.
    pub fn pairs(&self) -> Vec<(&'static str, Color32, Color32)> {
        let grounds = [
            ("desk", self.desk),
            ("paper", self.paper),
            ("raised", self.raised),
            ("rail", self.rail),
            ("hover", self.hover),
            ("pressed", self.pressed),
            ("selected", self.selected),
        ];
        let mut pairs = Vec::new();
        for (name, ground) in grounds {
            pairs.extend([(name, self.text, ground), (name, self.text_soft, ground), (name, self.text_faint, ground)]);
            pairs.push((name, self.accent_text, ground));
        }
        for (name, ground) in &grounds[..3] {
            pairs.extend([self.good, self.attention, self.bad, self.info].map(|text| (*name, text, *ground)));
        }
        pairs.extend([
            ("accent", self.on_accent, self.accent),
            ("accent, hovered", self.on_accent, self.accent_hover),
            ("accent soft", self.accent_text, self.accent_soft),
            ("accent soft, hovered", self.accent_text, self.accent_soft_hover),
            ("good", self.good, self.good_soft),
            ("attention", self.attention, self.attention_soft),
            ("bad", self.bad, self.bad_soft),
            ("info", self.info, self.info_soft),
            ("tile", self.text_soft, self.track),
        ]);
        for ground in [self.good_soft, self.attention_soft, self.bad_soft, self.info_soft] {
            pairs.extend([("meaning", self.text, ground), ("meaning", self.text_soft, ground)]);
        }
        pairs.extend(self.faces.map(|face| ("face", self.on_face, face)));
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_can_be_read_on_every_ground_in_both_themes() {
        for (theme, palette) in [("light", &LIGHT), ("dark", &DARK)] {
            for (ground_name, text, ground) in palette.pairs() {
                let contrast = contrast(text, ground);
                assert!(contrast >= 4.5, "{theme}: {text:?} on {ground_name} {ground:?} has only {contrast:.2}");
            }
        }
    }

    #[test]
    fn contrast_is_computed_as_wcag_has_it() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 0.01);
        assert!((contrast(rgb(0x767676), Color32::WHITE) - 4.54).abs() < 0.01);
    }

    /// WCAG 2.1, "contrast ratio" and "relative luminance".
    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(color: Color32) -> f64 {
        let [r, g, b] = [color.r(), color.g(), color.b()].map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}
