//! Which column holds what: by headings, in the languages of many schools, or by the order that the page names.

use super::Row;

/// What a heading says of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Full,
    First,
    Last,
    Login,
    Group,
    /// Something that accounts don't have.
    Other,
}

/// Headings as they are written, with what they mean. A word may mean a whole name or a part of one, by what stands beside
/// it: see [`Columns::of`].
const WORDS: &[(Kind, &str)] = &[
    (
        Kind::Full,
        "name|full name|shown|shown as|display name|student|student name|pupil|pupil name|anzeigename|schüler|schülerin|\
         schüler/in|schülername|vollständiger name|name, vorname|nachname, vorname|vor- und nachname|vorname nachname|\
         name und vorname|nom complet|nom et prénom|nom, prénom|nom prénom|élève|nombre completo|nombre y apellidos|\
         apellidos y nombre|alumno|alumna|nome completo|nome e cognome|cognome e nome|studente|alunno|aluno|\
         imię i nazwisko|nazwisko i imię|uczeń|naam|volledige naam|leerling|navn|fulde navn|fullt navn|elev|namn|\
         fullständigt namn|nimi|koko nimi|oppilas|név|teljes név|tanuló|celé jméno|jméno a příjmení|příjmení a jméno|žák|\
         meno a priezvisko|ime i prezime|ime in priimek|učenik|nume complet|nume și prenume|elevă|ad soyad|adı soyadı|\
         öğrenci|фио|ученик|учень|повне ім'я|ім'я та прізвище|ονοματεπώνυμο|μαθητής|име и фамилия|姓名|氏名|이름",
    ),
    (
        Kind::First,
        "first name|firstname|forename|given name|given names|vorname|vornamen|rufname|prénom|prénoms|nombre|nombres|\
         nome|nome próprio|imię|imiona|voornaam|roepnaam|fornavn|förnamn|tilltalsnamn|etunimi|kutsumanimi|eesnimi|\
         keresztnév|utónév|jméno|křestní jméno|meno|krstné meno|ime|prenume|ad|adı|isim|имя|ім'я|име|vārds|vardas|όνομα|\
         名|名字",
    ),
    (
        Kind::Last,
        "last name|lastname|surname|family name|nachname|familienname|zuname|nom|nom de famille|apellido|apellidos|\
         primer apellido|cognome|apelido|sobrenome|nazwisko|achternaam|familienaam|efternavn|etternavn|efternamn|\
         sukunimi|perekonnanimi|vezetéknév|családnév|családi név|příjmení|priezvisko|prezime|priimek|nume|\
         nume de familie|soyad|soyadı|soyisim|фамилия|прізвище|фамилно име|uzvārds|pavardė|επώνυμο|姓",
    ),
    (
        Kind::Login,
        "login|login name|user|username|user name|user id|account|signs in as|sign in as|benutzer|benutzername|kennung|\
         benutzerkennung|anmeldename|loginname|kürzel|identifiant|nom d'utilisateur|usuario|nombre de usuario|utente|\
         nome utente|utilizador|usuário|użytkownik|nazwa użytkownika|gebruiker|gebruikersnaam|brugernavn|brukernavn|\
         användarnamn|käyttäjätunnus|felhasználónév|uživatelské jméno|používateľské meno|korisničko ime|\
         uporabniško ime|utilizator|kullanıcı adı|логин|логін|όνομα χρήστη|用户名",
    ),
    (
        Kind::Group,
        "group|class|form|klasse|klassen|gruppe|kurs|lerngruppe|classe|groupe|clase|grupo|curso|gruppo|turma|klasa|\
         oddział|grupa|klas|groep|hold|klass|grupp|luokka|ryhmä|klassi|osztály|csoport|třída|skupina|trieda|razred|\
         odjel|odjeljenje|clasa|clasă|grupă|sınıf|şube|grup|класс|клас|группа|група|klasė|τάξη|τμήμα|班级|班級|クラス|組|반",
    ),
    (
        Kind::Other,
        "id|no|nr|number|nummer|email|e-mail|mail|e-mail-adresse|email address|birthday|date of birth|geburtsdatum|\
         geburtstag|date de naissance|fecha de nacimiento|data di nascita|data urodzenia|geboortedatum|sex|gender|\
         geschlecht|sexe|sexo|sesso|płeć|phone|telefon|téléphone|teléfono|address|adresse|remarks|bemerkung|year|jahrgang|\
         stufe|jahrgangsstufe|role|rolle|school|schule|password|passwort|pesel|katalognummer",
    ),
];

/// Headings stand in one of the first so many lines that are not empty, below a title at most.
const LOOKED_AT: usize = 5;

/// The columns, counted from 0.
#[derive(Debug, Default)]
pub(super) struct Columns {
    full: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    pub login: Option<usize>,
    pub group: Option<usize>,
}

impl Columns {
    fn of(kinds: &[Option<Kind>]) -> Columns {
        let at = |kind| kinds.iter().position(|known| *known == Some(kind));
        let (full, first, last) = (at(Kind::Full), at(Kind::First), at(Kind::Last));
        let (full, first, last) = match (full, first, last) {
            // “Name; Vorname” and “Nom; Prénom”: the one beside a first name is the last name.
            (Some(full), Some(first), None) => (None, Some(first), Some(full)),
            (full, Some(first), Some(last)) => (full.filter(|_| false), Some(first), Some(last)),
            (full, first, last) => (full.or(first).or(last), None, None),
        };
        Columns { full, first, last, login: at(Kind::Login), group: at(Kind::Group) }
    }

    pub fn shown(&self, row: &Row) -> String {
        let parts = [self.full, self.first, self.last].map(|at| row.field(at));
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn has_names(&self) -> bool {
        self.full.or(self.first).or(self.last).is_some()
    }
}

fn kind_of(field: &str) -> Option<Kind> {
    let (plain, written) = (key(field), field.to_lowercase());
    // Of other scripts only the word itself counts: as Latin letters it may be somebody's name.
    let is_latin =
        |word: &str| word.chars().all(|letter| letter < '\u{370}' || letter > '\u{1DFF}' && letter < '\u{2100}');
    let means = |word: &str| if is_latin(word) { key(word) == plain } else { word == written };
    let known = |(kind, words): &(Kind, &str)| words.split('|').any(means).then_some(*kind);
    if plain.is_empty() { None } else { WORDS.iter().find_map(known) }
}

/// Letters and digits, whatever their case and accents.
fn key(text: &str) -> String {
    let plain = deunicode::deunicode(text).to_lowercase();
    plain.chars().filter(char::is_ascii_alphanumeric).collect()
}

const EXPECTED: &str = "Use “Name”, “Login” and “Class” as headings, or “First name”, “Last name” and “Class”.";

/// The row of headings, if there is one, and what they say. `Err`: there seem to be some that can't be understood.
pub(super) fn find(rows: &[Row]) -> Result<Option<(usize, Columns)>, String> {
    for (at, row) in rows.iter().take(LOOKED_AT).enumerate() {
        let kinds: Vec<Option<Kind>> = row.fields.iter().map(|field| kind_of(field)).collect();
        let known = kinds.iter().flatten().count();
        let alone = at == 0 && known == 1 && row.filled() == 1;
        if known < 2 && !alone {
            continue;
        }
        let number = row.number;
        if rows.iter().take(at).any(|above| above.filled() > 1) {
            return Err(format!("Line {number} looks like headings, and other lines stand above it. Put them first."));
        }
        let columns = Columns::of(&kinds);
        if !columns.has_names() {
            return Err(format!("The headings in line {number} have no column of names. {EXPECTED}"));
        }
        return Ok(Some((at, columns)));
    }
    match rows.first() {
        Some(first) if looks_like_headings(first, rows) => {
            Err(format!("Line {} looks like headings, but they are not known here. {EXPECTED}", first.number))
        }
        _ => Ok(None),
    }
}

/// One heading is known, or the first line has no digit where all others have their class.
fn looks_like_headings(first: &Row, rows: &[Row]) -> bool {
    let names = [Kind::Full, Kind::First, Kind::Last];
    let is_name =
        |field: &String| field.chars().count() > 2 && kind_of(field).is_some_and(|kind| names.contains(&kind));
    if first.fields.first().is_some_and(|field| kind_of(field).is_some()) || first.fields.iter().any(is_name) {
        return true;
    }
    let has_digit = |row: &Row, at: usize| row.field(Some(at)).chars().any(|letter| letter.is_ascii_digit());
    let others = rows.get(1..).unwrap_or(&[]);
    let is_group = |at: usize| !first.field(Some(at)).is_empty() && others.iter().all(|row| has_digit(row, at));
    others.len() > 1 && (2..first.fields.len()).any(|at| !has_digit(first, at) && is_group(at))
}

/// The columns of a list without headings, in the order that the page names. `Err`: its second column holds something else.
pub(super) fn without(rows: &[Row]) -> Result<Columns, String> {
    let columns = Columns { full: Some(0), login: Some(1), group: Some(2), ..Columns::default() };
    let logins: Vec<&str> = rows.iter().map(|row| row.field(Some(1))).filter(|login| !login.is_empty()).collect();
    let odd =
        |login: &&&str| !login.is_ascii() || login.contains(' ') || login.contains(|c: char| c.is_ascii_uppercase());
    let odd = logins.iter().filter(odd).count();
    let is_a_class = |login: &str| login.contains(|letter: char| letter.is_ascii_digit());
    let all_the_same =
        logins.len() > 1 && logins.iter().all(|login| Some(login) == logins.first() && is_a_class(login));
    if odd * 2 > logins.len() || all_the_same {
        return Err(format!("The second column does not look like names to sign in with. {EXPECTED}"));
    }
    Ok(columns)
}
