//! The colours of `web/style.css`, held to WCAG 2.1 AA: text at least 4.5 to 1 on every ground that it stands on (§1.4.3),
//! the edges of fields and what has the focus at least 3 to 1 (§1.4.11).

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../web/style.css");

type Colours = BTreeMap<String, [u8; 3]>;

/// Text, and the grounds on which it stands.
const TEXTS: &[(&str, &[&str])] = &[
    ("text", &["desk", "paper", "hover", "pressed", "accent-soft", "good-soft", "attention-soft", "bad-soft", "track"]),
    ("soft", &["desk", "paper", "hover"]),
    ("faint", &["desk", "paper"]),
    ("accent-text", &["desk", "paper", "hover", "accent-soft"]),
    ("on-accent", &["accent", "accent-hover"]),
    ("good", &["desk", "paper", "good-soft"]),
    ("attention", &["desk", "paper", "attention-soft"]),
    ("bad", &["desk", "paper", "bad-soft"]),
];

/// What has to be seen without being read.
const SHAPES: &[(&str, &[&str])] =
    &[("edge", &["paper", "desk"]), ("accent-text", &["paper", "desk"]), ("accent", &["paper", "desk"])];

/// The colours of light, and those of dark with what it leaves as it is.
fn themes() -> [(&'static str, Colours); 2] {
    let (light, dark) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let light = colours(light.split("* { box-sizing").next().unwrap());
    let mut all = light.clone();
    all.extend(colours(dark.split("* { box-sizing").next().unwrap()));
    [("light", light), ("dark", all)]
}

fn colours(text: &str) -> Colours {
    let pairs = text.split([';', '{', '}']).filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    let channel = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    pairs.map(|(name, hex)| (name.to_owned(), [channel(hex, 0), channel(hex, 2), channel(hex, 4)])).collect()
}

/// WCAG 2.1, "contrast ratio" and "relative luminance".
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |colour: [u8; 3]| {
        let [red, green, blue] = colour.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn check(pairs: &[(&str, &[&str])], least: f64) {
    for (theme, colours) in themes() {
        for (front, grounds) in pairs {
            for ground in *grounds {
                let found = contrast(colours[*front], colours[*ground]);
                assert!(found >= least, "{theme}: {front} on {ground} has only {found:.2}");
            }
        }
    }
}

#[test]
fn text_is_read_on_every_ground() {
    check(TEXTS, 4.5);
    // White letters on the discs of people.
    for (theme, colours) in themes() {
        for number in 0..10 {
            let found = contrast([255; 3], colours[&format!("f{number}")]);
            assert!(found >= 4.5, "{theme}: a face of colour {number} has only {found:.2}");
        }
    }
}

#[test]
fn fields_and_what_has_the_focus_are_seen() {
    check(SHAPES, 3.0);
}

#[test]
fn contrast_is_computed_as_wcag_has_it() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
    assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.01);
}
