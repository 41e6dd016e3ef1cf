//! Which letters nobody sees, though they change how the others look.

/// Letters that no title or name of a computer has: controls, line and paragraph separators, what turns the direction of
/// writing, and what has no width. The joiners (U+200C, U+200D) stay, since scripts and emoji need them.
pub fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
