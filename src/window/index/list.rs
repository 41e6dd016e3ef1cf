//! The shares of the room that answer what is asked, in the order that is asked for.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use super::{Question, asked, follow, matches};
use crate::{
    engine::snapshot::{Facts, ShareRow, Snapshot},
    share::{PeerId, ShareId, words::folded},
    window::memory::Sort,
};

/// One share that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where in `Snapshot::shares`.
    pub at: usize,
    /// A file inside it that was searched for, when its title alone does not tell why it is here.
    pub file: Option<String>,
}

/// What became of the rows with a newer picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Some row differs.
    pub any: bool,
    /// Some share stands where another stood.
    pub moved: bool,
}

/// The list, and what it was made from.
#[derive(Debug, Default)]
pub struct List {
    /// The rows of the picture that was read last.
    rows: Vec<Arc<ShareRow>>,
    /// Title and giver of each row in lower case; made when somebody searches for the first time.
    texts: Vec<Option<String>>,
    files: BTreeMap<ShareId, Files>,
    shown: Vec<Found>,
    /// The question that `shown` answers; `None`: rows changed since, so that it must be answered anew.
    answered: Option<Answered>,
}

/// The file names of a transfer, searchable.
#[derive(Debug)]
struct Files {
    of: Arc<Facts>,
    /// A line for each file, in lower case.
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Answered {
    /// In lower case, as it is compared.
    search: String,
    /// As it was typed.
    typed: String,
    person: Option<PeerId>,
    sort: Sort,
}

impl List {
    pub fn shown(&self) -> &[Found] {
        &self.shown
    }

    /// Takes the rows of a newer picture.
    pub fn read(&mut self, now: &Snapshot) -> Change {
        let mut change = Change::default();
        let mut other_list = false;
        let texts = &mut self.texts;
        texts.resize(now.shares.len(), None);
        follow(&mut self.rows, &now.shares, |at, old| {
            change.any = true;
            let same = now.shares.get(at).zip(old).filter(|(new, old)| new.id == old.id);
            change.moved |= same.is_none();
            if same.is_none_or(|(new, old)| !listed_alike(new, old)) {
                other_list = true;
                if let Some(text) = texts.get_mut(at) {
                    *text = None;
                }
            }
        });
        if other_list || self.other_files(now) {
            self.answered = None;
        }
        change
    }

    /// Whether a search that is on looks through other files than before.
    fn other_files(&self, now: &Snapshot) -> bool {
        if self.answered.as_ref().is_none_or(|answered| answered.search.is_empty()) {
            return false;
        }
        let known = |id: &ShareId, facts: &Arc<Facts>| self.files.get(id).is_some_and(|f| Arc::ptr_eq(&f.of, facts));
        let mut with_facts = now.transfers.iter().filter_map(|row| Some((&row.share, row.facts.as_ref()?)));
        with_facts.any(|(id, facts)| !known(id, facts))
    }

    /// Makes the list anew if it is not the answer already.
    pub fn answer(&mut self, now: &Snapshot, question: &Question<'_>) {
        let is_answer = |answered: &Answered| {
            (answered.typed.as_str(), answered.person, answered.sort)
                == (question.search, question.person, question.sort)
        };
        if self.answered.as_ref().is_some_and(is_answer) {
            return;
        }
        let search = asked(question.search);
        if search.is_empty() {
            self.texts.fill(None);
            self.files.clear();
        } else {
            self.make_searchable(now);
        }
        let from = self.candidates(&search, question);
        self.shown = from.filter_map(|at| self.found(at, &search, question.person)).collect();
        sort_shown(&mut self.shown, &self.rows, question.sort);
        let (typed, person, sort) = (question.search.to_owned(), question.person, question.sort);
        self.answered = Some(Answered { search, typed, person, sort });
    }

    /// Rows that may answer: with a letter more, only those that answered before.
    fn candidates(&self, search: &str, question: &Question<'_>) -> Box<dyn Iterator<Item = usize> + '_> {
        let narrower = |answered: &Answered| {
            answered.person == question.person
                && question.sort == Sort::Newest
                && answered.sort == Sort::Newest
                && search.starts_with(&answered.search)
        };
        match &self.answered {
            Some(answered) if narrower(answered) => Box::new(self.shown.iter().map(|found| found.at)),
            _ => Box::new(0..self.rows.len()),
        }
    }

    fn make_searchable(&mut self, now: &Snapshot) {
        for (text, row) in self.texts.iter_mut().zip(&self.rows) {
            text.get_or_insert_with(|| {
                let giver = row.publisher_name.as_deref().unwrap_or_default();
                folded(&format!("{}\n{giver}", row.title))
            });
        }
        let mut before = std::mem::take(&mut self.files);
        for row in &now.transfers {
            let Some(facts) = &row.facts else { continue };
            let known = before.remove(&row.share).filter(|files| Arc::ptr_eq(&files.of, facts));
            self.files.insert(row.share, known.unwrap_or_else(|| Files::of(facts)));
        }
    }

    fn found(&self, at: usize, search: &str, person: Option<PeerId>) -> Option<Found> {
        let row = self.rows.get(at)?;
        if person.is_some() && person != row.publisher {
            return None;
        }
        let text = self.texts.get(at)?.as_deref();
        if search.is_empty() || text.is_some_and(|text| matches(text, search)) {
            return Some(Found { at, file: None });
        }
        let file = self.files.get(&row.id)?.find(search)?;
        Some(Found { at, file: Some(file) })
    }
}

impl Files {
    fn of(facts: &Arc<Facts>) -> Files {
        let mut text = String::with_capacity(facts.files.iter().map(|(path, ..)| path.len() + 1).sum());
        for (path, ..) in &facts.files {
            // A name with a line break in it is one line all the same.
            text.push_str(&folded(path).replace('\n', " "));
            text.push('\n');
        }
        Files { of: facts.clone(), text }
    }

    /// The first file with every word of `search` in its path.
    fn find(&self, search: &str) -> Option<String> {
        // Most transfers have none, which is told fastest by a look at the whole.
        if !matches(&self.text, search) {
            return None;
        }
        let at = self.text.lines().position(|line| matches(line, search))?;
        self.of.files.get(at).map(|(path, ..)| path.clone())
    }
}

/// Whether two rows of one share stand in the same place of every list.
fn listed_alike(one: &ShareRow, other: &ShareRow) -> bool {
    let of = |row: &ShareRow| (row.size, row.publisher);
    of(one) == of(other) && one.title == other.title && one.publisher_name == other.publisher_name
}

fn sort_shown(shown: &mut [Found], rows: &[Arc<ShareRow>], sort: Sort) {
    let row = |found: &Found| &rows[found.at];
    match sort {
        Sort::Newest => {}
        Sort::Name => shown.sort_by_cached_key(|found| row(found).title.to_lowercase()),
        Sort::Largest => shown.sort_by_key(|found| Reverse(row(found).size)),
        Sort::Person => shown.sort_by_cached_key(|found| row(found).publisher_name.clone().map(|n| n.to_lowercase())),
    }
}
