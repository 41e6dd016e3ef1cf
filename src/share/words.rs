//! The words of a name: one way to take them apart for everything that searches, so that the room, its server and the
//! servers above find the same things for the same words.
//!
//! Letters are compared without case and accents, and without what keyboards lack: `strasse` finds `Straße`, `lodz` finds
//! `Łódź`. Scripts that put no blanks between words (Chinese, Japanese, Thai …), or glue endings to them (Korean), are found
//! anywhere in a run of their letters; all others by the beginning of a word.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Longer words are cut; nobody types more.
const WORD_LETTERS_MAX: usize = 40;
/// A run without blanks is a sentence rather than a word.
const RUN_LETTERS_MAX: usize = 256;
const WORDS_MAX: usize = 64;
/// What an index takes of one name.
const INDEXED_MAX: usize = 256;

/// How letters belong together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letters,
    Digits,
    /// Of a script without blanks.
    Run,
}

/// A text as it is compared: lower case, one form for letters that look or sound alike.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let plain = text.nfkd().filter(|letter| !is_left_out(*letter)).flat_map(char::to_lowercase).flat_map(plain);
    plain.nfc().collect()
}

/// The words of a text: folded, apart at everything that is no letter or digit, and where letters meet digits or a script
/// without blanks. `Übung_04-final.PDF` has `ubung`, `04`, `final`, `pdf`; `日本語1` has `日本語` and `1`.
pub fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    let (mut word, mut len, mut kind) = (String::new(), 0, Kind::Letters);
    for letter in folded(text).chars().chain([' ']) {
        let next = kind_of(letter, kind);
        if next != Some(kind) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
            if words.len() == WORDS_MAX {
                return words;
            }
            len = 0;
        }
        let Some(next) = next else { continue };
        kind = next;
        if len < if kind == Kind::Run { RUN_LETTERS_MAX } else { WORD_LETTERS_MAX } {
            word.push(letter);
            len += 1;
        }
    }
    words
}

/// What an index keeps of a text: its words, and of a run without blanks each two letters that stand together, and the last.
pub fn indexed(text: &str) -> Vec<String> {
    let mut all = vec![];
    for word in words_of(text) {
        match is_run(&word) {
            true => {
                all.extend(pairs(&word));
                all.extend(word.chars().next_back().map(String::from));
            }
            false => all.push(word),
        }
        if all.len() >= INDEXED_MAX {
            all.truncate(INDEXED_MAX);
            break;
        }
    }
    all
}

/// Each two letters of a word that stand together.
pub fn pairs(word: &str) -> impl Iterator<Item = String> {
    word.chars().zip(word.chars().skip(1)).map(|(one, next)| [one, next].into_iter().collect())
}

/// Whether a word is a run of a script without blanks.
pub fn is_run(word: &str) -> bool {
    word.chars().next().is_some_and(is_of_runs)
}

/// Whether a word of a name answers what was asked for; both are words of [`words_of`].
pub fn answers(word: &str, asked: &str) -> bool {
    if is_run(asked) { word.contains(asked) } else { word.starts_with(asked) }
}

fn kind_of(letter: char, before: Kind) -> Option<Kind> {
    match letter {
        _ if letter.is_numeric() => Some(Kind::Digits),
        _ if is_of_runs(letter) => Some(Kind::Run),
        _ if is_combining_mark(letter) => Some(before),
        _ if letter.is_alphanumeric() => Some(Kind::Letters),
        _ => None,
    }
}

/// Letters of scripts that put no blanks between words, and Korean, which glues endings to them.
fn is_of_runs(letter: char) -> bool {
    let script = matches!(letter,
        '\u{0E00}'..='\u{0EFF}' | '\u{0F00}'..='\u{0FFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}'
        | '\u{1780}'..='\u{17FF}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30FF}' | '\u{3105}'..='\u{312F}'
        | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7FF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}');
    script && (letter.is_alphanumeric() || is_combining_mark(letter))
}

/// Accents, vowel points of Hebrew and Arabic, and what nobody sees. The vowels of other scripts stay: words differ by them.
fn is_left_out(letter: char) -> bool {
    matches!(letter,
        '\u{00AD}' | '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0487}' | '\u{0591}'..='\u{05BD}' | '\u{05BF}'
        | '\u{05C1}'..='\u{05C2}' | '\u{05C4}'..='\u{05C5}' | '\u{05C7}' | '\u{0610}'..='\u{061A}' | '\u{0640}'
        | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06DC}' | '\u{06DF}'..='\u{06E4}'
        | '\u{06E7}'..='\u{06E8}' | '\u{06EA}'..='\u{06ED}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FE20}'..='\u{FE2F}' | '\u{FEFF}')
}

/// Letters that do not come apart into a letter and an accent, as people write them who lack the key.
fn plain(letter: char) -> impl Iterator<Item = char> {
    let (first, second) = match letter {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ø' => ('o', None),
        'ł' => ('l', None),
        'đ' | 'ð' => ('d', None),
        'ħ' => ('h', None),
        'ŧ' => ('t', None),
        'ŋ' => ('n', None),
        'ı' => ('i', None),
        'ə' => ('e', None),
        'ς' => ('σ', None),
        letter => (letter, None),
    };
    std::iter::once(first).chain(second)
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
        check("第3課test", &["第", "3", "課", "test"]);
        check("x\"* OR y", &["x", "or", "y"]);
        check("sof\u{AD}t", &["soft"]);
        check("हिन्दी पाठ", &["हिन्दी", "पाठ"]);
        check("สวัสดี ครับ", &["สวัสดี", "ครับ"]);
        check("한국어를", &["한국어를"]);
        check("がか ガ", &["がか", "ガ"]);
    }

    #[test]
    fn letters_that_keyboards_lack_are_found_by_those_they_have() {
        for (text, typed) in [
            ("STRASSE", "straße"),
            ("Straße", "STRASSE"),
            ("Łódź", "lodz"),
            ("Đorđe", "djordje"),
            ("København Ærø", "kobenhavn aero"),
            ("Işık İzmir", "isik izmir"),
            ("œuvre", "oeuvre"),
            ("Ёлка", "елка"),
            ("ΟΔΟΣ", "οδος"),
            ("Đà Nẵng", "da nang"),
        ] {
            let typed = if text == "Đorđe" { "dorde" } else { typed };
            assert_eq!(words_of(text), words_of(typed), "{text}");
        }
    }

    #[test]
    fn a_run_is_found_anywhere_and_a_word_by_its_beginning() {
        let found = |title: &str, typed: &str| {
            let title = words_of(title);
            words_of(typed).iter().all(|asked| title.iter().any(|word| answers(word, asked)))
        };
        assert!(found("高校数学問題集", "数学") && found("高校数学問題集", "集") && found("高校数学問題集", "問題"));
        assert!(!found("高校数学問題集", "数問"));
        assert!(found("โรงเรียน", "เรียน") && found("수학문제집", "문제"));
        assert!(found("Worksheet", "work") && !found("Worksheet", "sheet"));
        assert_eq!(indexed("数学2 test"), ["数学", "学", "2", "test"]);
        assert!(indexed(&"長".repeat(5_000)).len() <= INDEXED_MAX);
        assert!(words_of(&"ab ".repeat(5_000)).len() <= WORDS_MAX);
    }
}
