//! A class as a spreadsheet writes it: who there is, what they sign in with, which group they are in.

/// One person.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// In the list, for what is said about it.
    pub number: u64,
    pub shown: String,
    pub name: String,
    pub group: String,
}

/// `name, signs in as, group`, with commas, semicolons or tabs; a first line of titles is passed over. Where the second is
/// missing it is made from the first.
pub(super) fn parse(list: &str) -> (Vec<Line>, Vec<String>) {
    // A form sends lines that end with CR LF, which the reader would begin to count one too late.
    let list = list.trim_start_matches('\u{FEFF}').replace("\r\n", "\n");
    let first = list.lines().next().unwrap_or("");
    let delimiter = [b'\t', b';', b','].into_iter().find(|mark| first.as_bytes().contains(mark)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(list.as_bytes());
    let (mut lines, mut wrong) = (vec![], vec![]);
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                wrong.push(format!("The list can't be read: {error}"));
                break;
            }
        };
        let number = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(at).unwrap_or("").to_owned();
        let titles = ["name", "shown", "full name", "student"];
        let (shown, name, group) = (field(0), field(1), field(2));
        if shown.is_empty() || (number == 1 && titles.contains(&shown.to_lowercase().as_str())) {
            continue;
        }
        let name = if name.is_empty() { made_name(&shown) } else { name };
        lines.push(Line { number, shown, name, group });
    }
    (lines, wrong)
}

/// `Ann-Marie Müller` signs in as `annmarie.muller`.
fn made_name(shown: &str) -> String {
    let words = shown.split_whitespace().map(|word| {
        let plain: String = crate::store::central::words_of(word).concat();
        plain.chars().filter(char::is_ascii_alphanumeric).collect::<String>()
    });
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_people_count_them_whatever_ends_them() {
        for list in ["Ann\nBen\nCem", "Ann\r\nBen\r\nCem\r\n"] {
            let numbers: Vec<u64> = parse(list).0.iter().map(|line| line.number).collect();
            assert_eq!(numbers, [1, 2, 3], "{list:?}");
        }
    }

    #[test]
    fn lists_of_classes_are_read_as_spreadsheets_write_them() {
        let line = |number, shown: &str, name: &str, group: &str| Line {
            number,
            shown: shown.to_owned(),
            name: name.to_owned(),
            group: group.to_owned(),
        };
        let (lines, wrong) =
            parse("\u{FEFF}Name;Login;Group\nAnn-Marie Müller;;7b\n\"Okoro; Ben\";ben;7b\n\n;x;y\nZoë;zoe\n");
        assert_eq!(wrong, [""; 0]);
        assert_eq!(
            lines,
            [
                line(2, "Ann-Marie Müller", "annmarie.muller", "7b"),
                line(3, "Okoro; Ben", "ben", "7b"),
                line(6, "Zoë", "zoe", "")
            ]
        );
        assert_eq!(parse("Ann Miller, ann, 7b").0, [line(1, "Ann Miller", "ann", "7b")]);
        assert_eq!(parse("").0, []);
    }
}
