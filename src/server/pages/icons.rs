//! Small pictures, drawn with lines in the colour of the text around them. Each stands beside a word, so readers skip it.

use maud::{Markup, PreEscaped, html};

const SHAPES: &[(&str, &str)] = &[
    ("search", "<circle cx='11' cy='11' r='6.5'/><path d='m20 20-4.2-4.2'/>"),
    ("upload", "<path d='M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3'/>"),
    ("download", "<path d='M12 4v12m0 0 5-5m-5 5-5-5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3'/>"),
    (
        "folder",
        "<path d='M3.5 7a1.5 1.5 0 0 1 1.5-1.5h4.2l2 2.2H19A1.5 1.5 0 0 1 20.500 9.200V17.500A1.500 1.500 0 0 1 19 19H5a1.500 1.500 0 0 1-1.500-1.500z'/>",
    ),
    (
        "file",
        "<path d='M6.500 3.500h7l4.500 4.500v12a.500.500 0 0 1-.500.500h-11a.500.500 0 0 1-.500-.500v-16a.500.500 0 0 1 .500-.500zM13.500 3.500V8H18'/>",
    ),
    (
        "picture",
        "<rect x='3.500' y='5' width='17' height='14' rx='1.500'/><circle cx='9' cy='10' r='1.500'/><path d='m4 17 5-4 3.500 2.500 3-2.500 5 4'/>",
    ),
    ("film", "<rect x='3.500' y='5' width='17' height='14' rx='1.500'/><path d='m10 9 5 3-5 3z'/>"),
    (
        "sound",
        "<path d='M9 18V6l10-2v12'/><circle cx='6.500' cy='18' r='2.500'/><circle cx='16.500' cy='16' r='2.500'/>",
    ),
    (
        "text",
        "<path d='M6.500 3.500h7l4.500 4.500v12a.500.500 0 0 1-.500.500h-11a.500.500 0 0 1-.500-.500v-16a.500.500 0 0 1 .500-.500zM13.500 3.500V8H18M9 12h6M9 15.500h6'/>",
    ),
    ("person", "<circle cx='12' cy='8' r='3.500'/><path d='M5 20c.500-4 3.200-6 7-6s6.500 2 7 6'/>"),
    (
        "people",
        "<circle cx='9' cy='8.500' r='3'/><path d='M3 19c.400-3.500 2.600-5.300 6-5.300s5.600 1.800 6 5.300M16 5.800a3 3 0 0 1 0 5.400M17.500 14c2 .600 3.200 2.300 3.500 5'/>",
    ),
    ("computer", "<rect x='3.500' y='5' width='17' height='11' rx='1.500'/><path d='M9 20h6M12 16v4'/>"),
    ("shield", "<path d='M12 3.500 5 6v6c0 4.200 2.800 7 7 8.500 4.200-1.500 7-4.300 7-8.500V6z'/>"),
    (
        "eye-off",
        "<path d='M4 4l16 16M9.900 5.200A9.700 9.700 0 0 1 12 5c5 0 8.500 4.500 9 7a11 11 0 0 1-2.400 3.800M6.300 6.700C4.300 8.200 3.200 10.500 3 12c.500 2.500 4 7 9 7 1.800 0 3.400-.600 4.700-1.400'/>",
    ),
    ("list", "<path d='M8 6h12M8 12h12M8 18h12M4 6h.010M4 12h.010M4 18h.010'/>"),
    (
        "disk",
        "<ellipse cx='12' cy='6' rx='7.500' ry='2.500'/><path d='M4.500 6v12c0 1.400 3.400 2.500 7.500 2.500s7.500-1.100 7.500-2.500V6M4.500 12c0 1.400 3.400 2.500 7.500 2.500s7.500-1.100 7.500-2.500'/>",
    ),
    (
        "link",
        "<path d='M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1'/>",
    ),
    (
        "copy",
        "<rect x='8.500' y='8.500' width='11' height='11' rx='1.500'/><path d='M15.500 8.500V6A1.500 1.500 0 0 0 14 4.500H6A1.500 1.500 0 0 0 4.500 6v8A1.500 1.500 0 0 0 6 15.500h2.500'/>",
    ),
    ("bin", "<path d='M5 7h14M10 7V4.500h4V7M7 7l.700 12.500h8.600L17 7'/>"),
    (
        "lock",
        "<rect x='5.500' y='11' width='13' height='9' rx='1.500'/><path d='M8.500 11V8a3.500 3.500 0 0 1 7 0v3'/>",
    ),
    ("clock", "<circle cx='12' cy='12' r='8'/><path d='M12 7.500V12l3 2'/>"),
    ("warning", "<path d='M12 4 2.500 20h19zM12 10v4.500M12 17.200h.010'/>"),
    ("check", "<path d='m5 12.500 4.500 4.500L19 7.500'/>"),
    (
        "sign-out",
        "<path d='M14 4.500H6A1.500 1.500 0 0 0 4.500 6v12A1.500 1.500 0 0 0 6 19.500h8M10 12h10m0 0-3.500-3.500M20 12l-3.500 3.500'/>",
    ),
    ("home", "<path d='M4 11.500 12 4.500l8 7M6.500 9.500V19.500h11V9.500'/>"),
    ("settings", "<path d='M4 7h9m4 0h3M4 17h3m4 0h9'/><circle cx='15' cy='7' r='2'/><circle cx='9' cy='17' r='2'/>"),
    ("pause", "<path d='M9 6v12M15 6v12'/>"),
];

/// A picture by its name.
pub(super) fn icon(name: &str) -> Markup {
    let shape = SHAPES.iter().find(|(known, _)| *known == name).map_or("", |(_, shape)| shape);
    html! { svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" { (PreEscaped(shape)) } }
}

/// What kind of thing a file is, for its picture and its word.
pub(super) fn kind_of(name: &str) -> (&'static str, &'static str) {
    let ending = crate::access::extension_of(name).unwrap_or_default();
    match ending.as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" | "bmp" | "heic" | "tif" | "tiff" => {
            ("picture", "Picture")
        }
        "mp4" | "webm" | "mkv" | "mov" | "avi" | "ogv" => ("film", "Video"),
        "mp3" | "ogg" | "oga" | "opus" | "flac" | "wav" | "m4a" => ("sound", "Sound"),
        "txt" | "md" | "csv" | "json" | "pdf" | "doc" | "docx" | "odt" | "rtf" | "tex" => ("text", "Document"),
        _ => ("file", "File"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_shape_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = super::SHAPES.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), super::SHAPES.len());
    }
}
