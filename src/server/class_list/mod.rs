//! A class as a spreadsheet writes it: who there is, what they sign in with, which group they are in.
//!
//! What is not plainly people is refused with a sentence: nobody gets an account that is called `Vorname` or `J�rg`.

mod encoding;
mod headings;
mod planning;

pub(super) use encoding::text_of;
pub(super) use planning::{Known, Step, moved, plan};

use headings::Columns;

/// A class, or a whole year; more at once would keep the hashing busy for minutes.
pub(super) const PEOPLE_MAX: usize = 500;
/// So much of a line is repeated where it can't be taken.
const REPEATED_MAX: usize = 60;

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// In the list, for what is said about it.
    pub number: u64,
    pub shown: String,
    /// What they sign in with. Empty where the list leaves it open.
    pub login: String,
    pub group: String,
}

/// A line that can't be taken, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub number: u64,
    pub text: String,
    pub reason: String,
}

/// What a list says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    pub people: Vec<Line>,
    pub wrong: Vec<Wrong>,
}

/// A line in its fields.
struct Row {
    number: u64,
    fields: Vec<String>,
}

impl Row {
    fn field(&self, at: Option<usize>) -> &str {
        at.and_then(|at| self.fields.get(at)).map_or("", String::as_str)
    }

    fn filled(&self) -> usize {
        self.fields.iter().filter(|field| !field.is_empty()).count()
    }
}

/// `name, signs in as, group`, with commas, semicolons, tabs or bars, or columns in any order below headings. `Err`: why
/// nothing of the list can be taken.
pub(super) fn parse(list: &str) -> Result<List, String> {
    let list = list.trim_start_matches('\u{FEFF}').replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<(u64, &str)> = (1..).zip(list.lines()).filter(|(_, line)| !line.trim().is_empty()).collect();
    let delimiter = match lines.first().and_then(|(_, line)| told_delimiter(line)) {
        Some(told) => {
            lines.remove(0);
            told
        }
        None => found_delimiter(&lines),
    };
    let (mut rows, mut read) = (vec![], List::default());
    for (number, line) in lines {
        match fields_of(line, delimiter) {
            Ok(fields) if fields.iter().all(String::is_empty) => {}
            Ok(fields) => rows.push(Row { number, fields }),
            Err(reason) => read.wrong.push(Wrong { number, text: short(line), reason }),
        }
    }
    let columns = match headings::find(&rows)? {
        Some((at, columns)) => {
            rows.drain(..=at);
            columns
        }
        None => headings::without(&rows)?,
    };
    for row in rows {
        match person_of(&row, &columns) {
            Ok(person) => read.people.push(person),
            Err(reason) => {
                read.wrong.push(Wrong { number: row.number, text: short(&row.fields.join(", ")), reason });
            }
        }
    }
    if read.people.len() > PEOPLE_MAX {
        return Err(format!("A list has at most {PEOPLE_MAX} people. Import this one in parts."));
    }
    read.wrong.sort_by_key(|wrong| wrong.number);
    Ok(read)
}

fn person_of(row: &Row, columns: &Columns) -> Result<Line, String> {
    let shown = columns.shown(row);
    if shown.is_empty() {
        return Err("There is no name in this line.".to_owned());
    }
    let (login, group) = (row.field(columns.login).to_owned(), row.field(columns.group).to_owned());
    Ok(Line { number: row.number, shown, login, group })
}

fn short(line: &str) -> String {
    line.chars().filter(|letter| !letter.is_control()).take(REPEATED_MAX).collect()
}

/// `sep=;`, as spreadsheets write it into the first line for one another.
fn told_delimiter(line: &str) -> Option<u8> {
    let line = line.trim_matches(|letter: char| letter == '"' || (letter.is_whitespace() && letter != '\t'));
    let (key, mark) = line.split_once('=')?;
    match mark.as_bytes() {
        [mark] if key.trim().eq_ignore_ascii_case("sep") => Some(*mark),
        _ => None,
    }
}

/// The mark that the most lines have outside of quotation marks; of several the one that is rarer in names.
fn found_delimiter(lines: &[(u64, &str)]) -> u8 {
    let has = |line: &str, mark: u8| line.split('"').step_by(2).any(|outside| outside.as_bytes().contains(&mark));
    let lines_with = |mark: u8| lines.iter().filter(|(_, line)| has(line, mark)).count();
    let mut best = b',';
    for mark in *b";\t|" {
        let before = lines_with(best);
        if lines_with(mark) > before || (best == b',' && before > 0 && lines_with(mark) == before) {
            best = mark;
        }
    }
    best
}

/// Each line is read alone: a quotation mark that is never closed spoils its own line and swallows no other.
fn fields_of(line: &str, delimiter: u8) -> Result<Vec<String>, String> {
    if line.contains('\u{FFFD}') {
        return Err("A letter could not be read (�). Save the list as UTF-8 and import it again.".to_owned());
    }
    if line.chars().any(|letter| letter.is_control() && letter != '\t') {
        return Err("This is not text. Save the list as CSV in UTF-8 and import it again.".to_owned());
    }
    if line.matches('"').count() % 2 == 1 {
        return Err("A quotation mark is not closed in this line.".to_owned());
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    match reader.records().next() {
        None => Ok(vec![]),
        Some(Ok(record)) => Ok(record.iter().map(str::to_owned).collect()),
        Some(Err(_)) => Err("This line can't be read.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, shown: &str, login: &str, group: &str) -> Line {
        Line { number, shown: shown.to_owned(), login: login.to_owned(), group: group.to_owned() }
    }

    fn people(list: &str) -> Vec<Line> {
        let read = parse(list).unwrap_or_else(|reason| panic!("{list:?}: {reason}"));
        assert_eq!(read.wrong, [], "{list:?}");
        read.people
    }

    #[test]
    fn lines_are_counted_as_people_count_them_whatever_ends_them() {
        for list in ["Ann\nBen\nCem", "Ann\r\nBen\r\nCem\r\n", "Ann\rBen\rCem"] {
            let numbers: Vec<u64> = people(list).iter().map(|line| line.number).collect();
            assert_eq!(numbers, [1, 2, 3], "{list:?}");
        }
    }

    #[test]
    fn lists_of_classes_are_read_as_spreadsheets_write_them() {
        let read = people("\u{FEFF}Name;Login;Group\nAnn-Marie Müller;;7b\n\"Okoro; Ben\";ben;7b\n\nZoë;zoe\n");
        assert_eq!(
            read,
            [line(2, "Ann-Marie Müller", "", "7b"), line(3, "Okoro; Ben", "ben", "7b"), line(5, "Zoë", "zoe", "")]
        );
        assert_eq!(people("Ann Miller, ann, 7b"), [line(1, "Ann Miller", "ann", "7b")]);
        assert_eq!(people(""), []);
        assert_eq!(people("Miller, Ann; ann; 7b"), [line(1, "Miller, Ann", "ann", "7b")]);
    }

    #[test]
    fn dialects_are_told_and_found() {
        let ann = |number| [line(number, "Ann Miller", "ann", "7b")];
        for (number, list) in [
            (2, "sep=;\nAnn Miller;ann;7b"),
            (2, "\"sep=|\"\r\nAnn Miller|ann|7b\r\n"),
            (2, "SEP=\t\nAnn Miller\tann\t7b"),
            (1, "Ann Miller\tann\t7b"),
            (1, "Ann Miller|ann|7b"),
            (4, "\n;;;\n  \nAnn Miller;ann;7b"),
            (4, "\n\nVorname;Nachname;Benutzername;Klasse\nAnn;Miller;ann;7b"),
            (3, "sep=,\n\"Vor- und Nachname\",Kennung,Klasse,Geburtsdatum\nAnn Miller,ann,7b,1.2.2012"),
            (3, "Klassenliste 7b\nNachname;Vorname;Klasse;Login\nMiller;Ann;7b;ann"),
        ] {
            assert_eq!(people(list), ann(number), "{list:?}");
        }
    }

    #[test]
    fn headings_of_many_languages_are_no_people() {
        for headings in [
            "Nachname;Vorname;Klasse",
            "Name;Vorname;Klasse",
            "Nom;Prénom;Classe",
            "Apellidos;Nombre;Grupo",
            "Cognome;Nome;Classe",
            "Nazwisko;Imię;Klasa",
            "Achternaam;Voornaam;Klas",
            "Efternavn;Fornavn;Klasse",
            "Příjmení;Jméno;Třída",
            "Soyadı;Adı;Sınıf",
            "Vezetéknév;Keresztnév;Osztály",
            "Sukunimi;Etunimi;Luokka",
            "Фамилия;Имя;Класс",
            "Επώνυμο;Όνομα;Τάξη",
            "LAST NAME;First name;Class",
        ] {
            assert_eq!(people(&format!("{headings}\nMiller;Ann;7b")), [line(2, "Ann Miller", "", "7b")], "{headings}");
        }
        assert_eq!(people("Nom\nAnn Miller"), [line(2, "Ann Miller", "", "")]);
    }

    #[test]
    fn a_list_that_may_mean_something_else_is_refused_as_a_whole() {
        for (list, said) in [
            ("Vorname;Xyz;Abc\nAnn;ann;7b", "headings"),
            ("Xyz;Abc;Qwe\nAnn;ann;7b\nBen;ben;7b", "headings"),
            ("Miller;Ann;7b\nOkoro;Ben;7b", "second column"),
            ("Müller;Jörg;7b", "second column"),
            ("Ann Miller;7b\nBen Okoro;7b", "second column"),
            ("Klasse;Benutzername\n7b;ann", "no column of names"),
            ("Ann;ann;7b\nName;Login;Klasse\nBen;ben;7b", "headings"),
        ] {
            let refused = parse(list).expect_err(list);
            assert!(refused.contains(said), "{list:?}: {refused}");
        }
    }

    #[test]
    fn a_line_that_cant_be_read_is_told_and_swallows_no_other() {
        let read = parse("Ann,ann,7b\n\"Ben,ben,7b\nJ\u{FFFD}rg,,7b\n,cem,7b\nDia,dia,7b\0\nEve,eve,7b").unwrap();
        assert_eq!(read.people, [line(1, "Ann", "ann", "7b"), line(6, "Eve", "eve", "7b")]);
        assert_eq!(read.wrong.iter().map(|wrong| wrong.number).collect::<Vec<_>>(), [2, 3, 4, 5]);
    }
}
