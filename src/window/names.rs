//! Names that strangers chose, made fit to be shown: one line, shortened in the middle, and kept apart from the text around.

/// A name as it may stand in the window: no control characters, and no marks that would turn the text around it.
pub fn tame(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !turns_text(*c)).collect()
}

/// The same for use inside a sentence: one that is written from right to left stands between isolating marks (Unicode UAX #9).
pub fn isolated(name: &str) -> String {
    let name = tame(name);
    if name.chars().any(is_right_to_left) { format!("\u{2068}{name}\u{2069}") } else { name }
}

/// Hebrew, Arabic and their neighbours.
fn is_right_to_left(c: char) -> bool {
    matches!(c as u32, 0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x10800..=0x10fff | 0x1e800..=0x1efff)
}

/// A title inside a sentence.
pub fn quoted(title: &str) -> String {
    format!("“{}”", isolated(title))
}

/// Embeddings, overrides and isolates: with them a name could make `gpj.exe` look like `exe.jpg`.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// One or two letters that stand for a person or computer: "Ms Kaya" is MK, "lab-07" is L7, "李雷" is 李.
pub fn initials(name: &str) -> String {
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let first = |word: &str| word.chars().next();
    let mut letters = String::new();
    if let Some(letter) = words.first().and_then(|word| first(word)) {
        letters.extend(letter.to_uppercase());
        if words.len() > 1 && !is_wide(letter) {
            let last = words[words.len() - 1].trim_start_matches('0');
            letters.extend(first(last).into_iter().flat_map(char::to_uppercase));
        }
    }
    if letters.is_empty() { "?".to_owned() } else { letters }
}

fn is_wide(c: char) -> bool {
    matches!(c as u32, 0x0590..=0x08ff | 0x0900..=0x0dff | 0x1100..=0x11ff | 0x2e80..=0xd7ff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// `name` shortened in its middle to `keep` characters, with its extension kept: `A very lo…port.pdf`.
pub fn shortened(name: &str, keep: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= keep {
        return name.to_owned();
    }
    let keep = keep.max(3);
    let tail = (keep / 3).max(extension_len(&chars).min(keep / 2)).max(1);
    let head = keep - tail - 1;
    let head: String = chars[..head].iter().collect();
    let tail: String = chars[chars.len() - tail..].iter().collect();
    format!("{}…{}", head.trim_end(), tail)
}

/// Length of `.pdf` with a little before it; an extension longer than 8 is none.
fn extension_len(chars: &[char]) -> usize {
    match chars.iter().rev().position(|c| *c == '.') {
        Some(after) if after <= 8 => after + 3,
        _ => 0,
    }
}

/// The extension in lower case, without its dot.
pub fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && extension.len() <= 8).then(|| extension.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_extension() {
        let name = "A very long title of a report about rivers in northern Anatolia.pdf";
        let short = shortened(name, 24);
        assert!(short.chars().count() <= 24, "{short}");
        assert!(short.starts_with("A very long"), "{short}");
        assert!(short.ends_with(".pdf"), "{short}");
        assert_eq!(shortened("short.pdf", 24), "short.pdf");
    }

    #[test]
    fn shortening_never_panics_whatever_the_name() {
        for name in ["", ".", "…", "🦀🦀🦀🦀🦀🦀", "a.verylongextension", "عربي طويل جدا جدا.txt"]
        {
            for keep in 0..12 {
                shortened(name, keep);
            }
        }
    }

    #[test]
    fn initials_stand_for_people_and_machines() {
        let cases = [
            ("Ms Kaya", "MK"),
            ("lab-07", "L7"),
            ("李雷", "李"),
            ("ben", "B"),
            ("", "?"),
            ("🦊", "?"),
            ("Ada L. Byron", "AB"),
        ];
        for (name, shown) in cases {
            assert_eq!(initials(name), shown, "{name}");
        }
    }

    #[test]
    fn a_name_cannot_turn_the_text_around_it() {
        assert_eq!(tame("invoice\u{202e}fdp.exe\n"), "invoicefdp.exe ");
        assert_eq!(isolated("a\u{2069}b"), "ab");
        assert_eq!(isolated("سا\u{2069}رة"), "\u{2068}سارة\u{2069}");
    }
}
