//! Finding shares and files by words, newest first: SQLite's FTS5 and PostgreSQL's tsvector over the same words.
//!
//! The order is that of coming, and not a rank, because it needs no look at every hit: as many are read as are shown.

use std::collections::BTreeSet;

use super::{
    Central, CentralError,
    shares::{ShareRow, share_of},
    sql::{Row, Statement, owner_rank, share_columns, sql, sql_of},
};
use crate::{
    access::{Actor, GroupId, PersonId, Role},
    share::{
        Root, ShareId,
        words::{answers, is_run, pairs, words_of},
    },
};

/// A file, with the share that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    pub share: ShareRow,
    /// Its index in the manifest; `None` where the share itself was found by its title.
    pub entry: Option<u32>,
    pub path: String,
    pub size: u64,
    /// For going on behind it.
    pub number: i64,
}

/// A share that has a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundShare {
    pub share: ShareRow,
    pub entry: u32,
}

/// What of the shares somebody can see at most: what the database leaves out so that not every row has to be decided on.
/// The decision about each is `access`'s all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sees {
    /// Owners with these roles are judged: all of their shares are seen.
    pub judged: BTreeSet<Role>,
    pub person: Option<PersonId>,
    pub groups: BTreeSet<GroupId>,
}

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub files: Vec<FoundFile>,
    /// Where it goes on; `None`: that was all.
    pub next: Option<i64>,
}

/// More words do not find better.
const WORDS_MAX: usize = 8;
/// The first pairs of a run are asked for; the rest is looked at in what was found.
const PAIRS_MAX: usize = 12;
/// So many hits are looked at, in steps, for a page of what somebody may see: most see most, and whoever may see few of
/// many gets a short page rather than a slow one.
const STEPS: [usize; 3] = [250, 1_000, 4_000];
/// PostgreSQL looks through so many of the newest files one by one before it asks its index: a word that many have is
/// found there at once, where the index would bring all of them to be put in order.
const NEWEST: i64 = 20_000;

impl Sees {
    /// What an actor sees at most.
    pub fn of(actor: &Actor) -> Sees {
        let judged = Role::ALL.into_iter().filter(|role| actor.judges(*role)).collect();
        Sees { judged, person: actor.person(), groups: actor.groups.clone() }
    }

    pub fn all() -> Sees {
        Sees { judged: Role::ALL.into(), ..Sees::default() }
    }

    /// What [`owner_rank`] is looked for in.
    fn ranks(&self) -> String {
        self.judged.iter().map(|role| format!("|{role}|")).collect()
    }

    fn group_list(&self) -> String {
        let marks: Vec<String> = self.groups.iter().map(|group| format!("\"|{group}|\"")).collect();
        format!("[{}]", marks.join(","))
    }
}

impl Central {
    /// Files and shares that have all the words, or words that begin like them; those before `before`, newest first. What
    /// of them somebody may see, the caller decides. No words find nothing.
    pub async fn find(&self, words: &str, before: i64, limit: u32) -> Result<Vec<FoundFile>, CentralError> {
        Ok(self.find_visible(words, &Sees::all(), before, limit).await?.files)
    }

    /// [`Central::find`] among what somebody can see at most.
    pub async fn find_visible(&self, words: &str, sees: &Sees, before: i64, limit: u32) -> Result<Found, CentralError> {
        let question = Question::of(words);
        let limit = limit as usize;
        let mut found = Found { files: vec![], next: Some(before) };
        if question.is_empty() {
            return Ok(Found::default());
        }
        for step in STEPS.into_iter().skip_while(|step| *step < limit) {
            let Some(before) = found.next else { break };
            let numbers = self.numbers(&question, before, step).await?;
            found.next = numbers.last().copied().filter(|_| numbers.len() == step);
            for file in self.files_of(&numbers, sees).await? {
                if !question.fits(&file) {
                    continue;
                }
                if found.files.len() == limit {
                    found.next = found.files.last().map(|last| last.number);
                    return Ok(found);
                }
                found.files.push(file);
            }
            if found.files.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// The numbers of the newest files that have the words, at most `limit`.
    async fn numbers(&self, question: &Question, before: i64, limit: usize) -> Result<Vec<i64>, CentralError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        if !self.is_postgres() {
            let statement = sql("SELECT rowid AS number FROM files_words WHERE files_words MATCH $1 AND rowid < $2 \
                 ORDER BY rowid DESC LIMIT $3");
            return self.number_list(statement.bind(question.for_sqlite()).bind(before).bind(limit)).await;
        }
        let text = question.for_postgres();
        let last = self.pools.row(sql("SELECT COALESCE(MAX(number), 0) AS last FROM files_words")).await?;
        let last: i64 = last.map_or(Ok(0), |row| row.get("last"))?;
        let from = before.min(last.saturating_add(1)).saturating_sub(NEWEST);
        let newest = sql("SELECT number FROM files_words WHERE words @@ CAST($1 AS tsquery) AND number < $2 \
             AND number >= $3 ORDER BY number DESC LIMIT $4");
        let newest = self.number_list(newest.bind(text.as_str()).bind(before).bind(from).bind(limit)).await?;
        if newest.len() as i64 == limit || from <= 1 {
            return Ok(newest);
        }
        // Materialized, or it would go through all files from the newest on for the sake of their order.
        let all = sql("WITH hits AS MATERIALIZED (SELECT number FROM files_words \
             WHERE words @@ CAST($1 AS tsquery) AND number < $2) SELECT number FROM hits ORDER BY number DESC LIMIT $3");
        self.number_list(all.bind(text).bind(before).bind(limit)).await
    }

    async fn number_list(&self, statement: Statement) -> Result<Vec<i64>, CentralError> {
        self.pools.rows(statement).await?.iter().map(|row| Ok(row.get("number")?)).collect()
    }

    /// Those of these files that somebody can see at most, newest first.
    async fn files_of(&self, numbers: &[i64], sees: &Sees) -> Result<Vec<FoundFile>, CentralError> {
        let list = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let statement = sql_of(
            concat!(
                "SELECT f.number AS file_number, f.entry, f.path, f.size AS file_size, ",
                share_columns!(),
                " \
             FROM json_each($1) n CROSS JOIN files f ON f.number = n.value CROSS JOIN shares s ON s.number = f.share \
             WHERE instr($2, (",
                owner_rank!(),
                ")) > 0 OR s.owner = $3 OR (s.quarantined = 0 AND (s.audience = 'room' OR (s.audience = 'groups' \
             AND EXISTS (SELECT 1 FROM json_each($4) g WHERE instr(s.groups, g.value) > 0))))"
            ),
            concat!(
                "SELECT f.number AS file_number, f.entry, f.path, f.size AS file_size, ",
                share_columns!(),
                " \
             FROM files f JOIN shares s ON s.number = f.share \
             WHERE f.number = ANY (ARRAY(SELECT CAST(n AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)) n)) \
             AND (strpos($2, (",
                owner_rank!(),
                ")) > 0 OR s.owner = $3 OR (s.quarantined = 0 AND (s.audience = 'room' \
             OR (s.audience = 'groups' AND EXISTS \
             (SELECT 1 FROM json_array_elements_text(CAST($4 AS json)) g WHERE strpos(s.groups, g) > 0)))))"
            ),
        );
        let owner = sees.person.map(|person| person.0);
        let statement = statement.bind(format!("[{list}]")).bind(sees.ranks()).bind(owner).bind(sees.group_list());
        let rows = self.pools.rows(statement).await?;
        let mut files: Vec<FoundFile> = rows.iter().map(found_of).collect::<Result<_, _>>()?;
        files.sort_unstable_by_key(|file| std::cmp::Reverse(file.number));
        Ok(files)
    }

    /// Shares that somebody can see at most; those that came before `before` (their number), newest first.
    pub async fn shares_visible(&self, sees: &Sees, before: i64, limit: u32) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql_of(
            concat!(
                "SELECT ",
                share_columns!(),
                " FROM shares s WHERE s.number < $1 AND \
             (instr($2, (",
                owner_rank!(),
                ")) > 0 OR s.owner = $3 OR (s.quarantined = 0 AND \
             (s.audience = 'room' OR (s.audience = 'groups' AND EXISTS (SELECT 1 FROM json_each($4) g \
             WHERE instr(s.groups, g.value) > 0))))) ORDER BY s.number DESC LIMIT $5"
            ),
            concat!(
                "SELECT ",
                share_columns!(),
                " FROM shares s WHERE s.number < $1 AND \
             (strpos($2, (",
                owner_rank!(),
                ")) > 0 OR s.owner = $3 OR (s.quarantined = 0 AND \
             (s.audience = 'room' OR (s.audience = 'groups' AND EXISTS \
             (SELECT 1 FROM json_array_elements_text(CAST($4 AS json)) g WHERE strpos(s.groups, g) > 0))))) \
             ORDER BY s.number DESC LIMIT $5"
            ),
        );
        let owner = sees.person.map(|person| person.0);
        let statement = statement.bind(before).bind(sees.ranks()).bind(owner).bind(sees.group_list());
        let rows = self.pools.rows(statement.bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// The shares that hold a content.
    pub async fn shares_with(&self, content: Root) -> Result<Vec<FoundShare>, CentralError> {
        let statement = sql(concat!(
            "SELECT f.entry, ",
            share_columns!(),
            " FROM files f JOIN shares s ON s.number = f.share \
             WHERE f.root = $1 ORDER BY s.number LIMIT 100"
        ));
        let found = |row: &Row| {
            let entry: i64 = row.get("entry")?;
            Ok(FoundShare { share: share_of(row)?, entry: u32::try_from(entry).unwrap_or(0) })
        };
        self.pools.rows(statement.bind(&content.0)).await?.iter().map(found).collect()
    }

    /// Whether a share has a file of a content that is forbidden.
    pub async fn shares_holding(&self, contents: &[Root]) -> Result<Vec<ShareId>, CentralError> {
        let mut holding = vec![];
        for content in contents {
            holding.extend(self.shares_with(*content).await?.into_iter().map(|found| found.share.id));
        }
        Ok(holding)
    }
}

/// The words that are asked for.
struct Question {
    /// What the index is asked for.
    words: Vec<Asked>,
    /// Runs without blanks of which the index knows the pairs alone: whether these stand together is looked at in what it
    /// found.
    runs: Vec<String>,
    /// Single letters and digits beside them, which begin so many words that the index would bring half of all files: they
    /// are looked for in what the others found.
    letters: Vec<String>,
}

/// A word as the index has it, or the beginning of one.
struct Asked {
    text: String,
    whole: bool,
}

impl Question {
    fn of(words: &str) -> Question {
        let mut words = words_of(words);
        words.truncate(WORDS_MAX);
        let (letters, words): (Vec<String>, Vec<String>) = words.into_iter().partition(|word| word.len() == 1);
        let (mut asked, mut runs) = (vec![], vec![]);
        for word in words {
            match word.chars().count() {
                2.. if is_run(&word) => {
                    asked.extend(pairs(&word).take(PAIRS_MAX).map(|text| Asked { text, whole: true }));
                    runs.push(word);
                }
                _ => asked.push(Asked { text: word, whole: false }),
            }
        }
        Question { words: asked, runs, letters }
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.letters.is_empty()
    }

    /// The words have letters and digits only, so quotes keep them whole. Letters alone are words of their own, and not
    /// beginnings.
    fn for_sqlite(&self) -> String {
        let parts: Vec<String> = match self.words.is_empty() {
            true => self.letters.iter().map(|letter| format!("\"{letter}\"")).collect(),
            false => self
                .words
                .iter()
                .map(|word| format!("\"{}\"{}", word.text, if word.whole { "" } else { "*" }))
                .collect(),
        };
        parts.join(" AND ")
    }

    fn for_postgres(&self) -> String {
        let parts: Vec<String> = match self.words.is_empty() {
            true => self.letters.iter().map(|letter| format!("'{letter}'")).collect(),
            false => {
                self.words.iter().map(|word| format!("'{}'{}", word.text, if word.whole { "" } else { ":*" })).collect()
            }
        };
        parts.join(" & ")
    }

    /// Whether words of a file begin with the letters, and have the runs.
    fn fits(&self, file: &FoundFile) -> bool {
        let letters = if self.words.is_empty() { &[][..] } else { &self.letters };
        if letters.is_empty() && self.runs.is_empty() {
            return true;
        }
        let named = match file.entry {
            Some(_) => words_of(&file.path),
            None => words_of(&format!("{} {}", file.share.title, file.share.owner_name)),
        };
        letters.iter().chain(&self.runs).all(|asked| named.iter().any(|word| answers(word, asked)))
    }
}

fn found_of(row: &Row) -> Result<FoundFile, sqlx::Error> {
    let entry: i64 = row.get("entry")?;
    Ok(FoundFile {
        share: share_of(row)?,
        entry: u32::try_from(entry).ok(),
        path: row.get("path")?,
        size: row.count("file_size")?,
        number: row.get("file_number")?,
    })
}
