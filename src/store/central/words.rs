//! What a name is found by: its words, the same for both engines and for the question.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Longer words are cut; nobody types more.
const WORD_LETTERS_MAX: usize = 40;
const WORDS_MAX: usize = 64;

/// The words of a text: lower case, without accents, apart at everything that is no letter or digit, and where letters
/// meet digits. `Übung_04-final.PDF` has `ubung`, `04`, `final`, `pdf`.
pub fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    let mut word = String::new();
    let mut digits = false;
    let plain = text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    for letter in plain.chain([' ']) {
        let parts = !letter.is_alphanumeric() || letter.is_numeric() != digits;
        if parts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
            if words.len() == WORDS_MAX {
                return words;
            }
        }
        if letter.is_alphanumeric() && word.chars().count() < WORD_LETTERS_MAX {
            digits = letter.is_numeric();
            word.push(letter);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_as_people_type_them() {
        let check = |text: &str, words: &[&str]| assert_eq!(words_of(text), words, "{text}");
        check("Übung_04-final.PDF", &["ubung", "04", "final", "pdf"]);
        check("lesson7b", &["lesson", "7", "b"]);
        check("../..", &[]);
        check("日本語 ﬁle", &["日本語", "file"]);
        check("Straße", &["straße"]);
        check("x\"* OR y", &["x", "or", "y"]);
    }
}
