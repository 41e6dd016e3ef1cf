//! Which requests belong to one download: the log tells each once, and a link counts it once.
//!
//! A download is what one visitor fetches of one file until all of its bytes were given, in as many requests as that
//! takes: split, resumed, tried again after it broke. Bytes are counted as they leave, so what is asked for in a header
//! decides nothing. A visitor can get less than twice a file's bytes for one download: a request that begins while some
//! are missing still belongs to it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use http_body_util::BodyExt as _;

use super::tokens;

/// A download that stood still for so long has ended: its visitor begins another.
const KEPT_S: i64 = 86_400;
const REMEMBERED_MAX: usize = 20_000;
const MET_MAX: usize = 2_000;
const VISITOR_MAX: usize = 64;

/// What is downloaded, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct What {
    /// The link, or the person's or computer's name in the log.
    pub by: String,
    /// The share and the entry.
    pub file: String,
    pub visitor: String,
}

#[derive(Default)]
pub(crate) struct Downloads {
    begun: Mutex<BTreeMap<What, Begun>>,
    /// Visitors of links who have not shown the cookie that they were given: by their address and program.
    met: Mutex<BTreeMap<String, String>>,
}

struct Begun {
    size: u64,
    given: u64,
    /// What requests that are running may still give.
    coming: u64,
    /// Whether it was counted, so that further requests belong to it.
    admitted: bool,
    at_s: i64,
}

/// A request that gives bytes. Dropped, it has given what it has given.
pub(crate) struct Giving {
    downloads: Arc<Downloads>,
    what: What,
    promised: u64,
    given: u64,
}

impl Downloads {
    /// A request for `len` bytes of a file of `size` bytes. Tells whether it begins a download, which
    /// [`Giving::admit`] then has to count; or belongs to one.
    pub fn ask(self: &Arc<Self>, what: What, len: u64, size: u64, now_s: i64) -> (Giving, bool) {
        let mut all = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED_MAX && !all.contains_key(&what) {
            forget(&mut all, now_s);
        }
        let new = || Begun { size, given: 0, coming: 0, admitted: false, at_s: now_s };
        let begun = all.entry(what.clone()).or_insert_with(new);
        let goes_on = begun.admitted && begun.given + begun.coming < begun.size && now_s - begun.at_s < KEPT_S;
        if !goes_on {
            *begun = Begun { coming: begun.coming, ..new() };
        }
        begun.at_s = now_s;
        begun.coming += len;
        (Giving { downloads: self.clone(), what, promised: len, given: 0 }, !goes_on)
    }

    /// Who comes with a link: by the cookie, or by address and program as long as that one shows no cookie.
    pub fn visitor(&self, cookie: Option<&str>, seen_as: String) -> String {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cookie) = cookie.filter(|cookie| cookie.len() <= VISITOR_MAX) {
            met.retain(|_, visitor| visitor != cookie);
            return cookie.to_owned();
        }
        if met.len() >= MET_MAX && !met.contains_key(&seen_as) {
            met.pop_first();
        }
        met.entry(seen_as).or_insert_with(tokens::short_token).clone()
    }

    fn change(&self, what: &What, change: impl FnOnce(&mut Begun)) {
        if let Some(begun) = self.begun.lock().unwrap_or_else(PoisonError::into_inner).get_mut(what) {
            change(begun);
        }
    }
}

/// Makes room: first what stood still for too long, then whoever came first.
fn forget(all: &mut BTreeMap<What, Begun>, now_s: i64) {
    all.retain(|_, begun| begun.coming > 0 || now_s - begun.at_s < KEPT_S);
    if all.len() >= REMEMBERED_MAX {
        let oldest = all.iter().filter(|(_, begun)| begun.coming == 0).min_by_key(|(_, begun)| begun.at_s);
        let oldest = oldest.or_else(|| all.iter().next()).map(|(what, _)| what.clone());
        oldest.map(|what| all.remove(&what));
    }
}

impl Giving {
    /// The download was counted: what its visitor asks for from here on belongs to it.
    pub fn admit(&self) {
        self.downloads.change(&self.what, |begun| begun.admitted = true);
    }

    /// The body, whose bytes are counted as they leave.
    pub fn counting(self, body: Body) -> Body {
        let mut giving = self;
        Body::new(body.map_frame(move |frame| {
            let giving = &mut giving;
            giving.given += frame.data_ref().map_or(0, |data| data.len() as u64);
            frame
        }))
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        let (promised, given) = (self.promised, self.given);
        self.downloads.change(&self.what, |begun| {
            begun.coming = begun.coming.saturating_sub(promised);
            begun.given += given;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(visitor: &str) -> What {
        What { by: "link".to_owned(), file: "share 0".to_owned(), visitor: visitor.to_owned() }
    }

    /// Asks, and gives so many bytes. Tells whether it began a download.
    fn get(downloads: &Arc<Downloads>, visitor: &str, len: u64, given: u64, now_s: i64) -> bool {
        let (mut giving, begins) = downloads.ask(what(visitor), len, 100, now_s);
        giving.admit();
        giving.given = given;
        begins
    }

    #[test]
    fn split_resumed_and_broken_requests_are_one_download_and_a_whole_file_again_is_another() {
        let downloads: Arc<Downloads> = Arc::default();
        assert!(get(&downloads, "a", 100, 0, 0), "it begins, and breaks at once");
        assert!(!get(&downloads, "a", 100, 40, 1), "it is tried again, and breaks in the middle");
        assert!(!get(&downloads, "a", 60, 60, 2), "it goes on behind that");
        assert!(get(&downloads, "a", 100, 100, 3), "the whole file was given, so this is another");
        assert!(get(&downloads, "b", 1, 1, 3), "somebody else begins");
    }

    #[test]
    fn parts_at_the_same_time_are_one_download_and_bytes_have_an_end() {
        let downloads: Arc<Downloads> = Arc::default();
        let (first, begins) = downloads.ask(what("a"), 50, 100, 0);
        first.admit();
        assert!(begins);
        let (second, begins) = downloads.ask(what("a"), 50, 100, 0);
        assert!(!begins);
        assert!(downloads.ask(what("a"), 100, 100, 0).1, "all of it is under way already");
        drop((first, second));
    }

    #[test]
    fn a_visitor_is_known_by_the_cookie_or_until_it_is_shown_by_the_address() {
        let downloads = Downloads::default();
        let first = downloads.visitor(None, "10.0.0.2 curl".to_owned());
        assert_eq!(downloads.visitor(None, "10.0.0.2 curl".to_owned()), first);
        assert_ne!(downloads.visitor(None, "10.0.0.3 curl".to_owned()), first);
        assert_eq!(downloads.visitor(Some(&first), "10.0.0.9 curl".to_owned()), first);
        assert_ne!(downloads.visitor(None, "10.0.0.2 curl".to_owned()), first, "that browser keeps cookies");
    }

    #[test]
    fn what_was_not_admitted_lets_nobody_in() {
        let downloads: Arc<Downloads> = Arc::default();
        let (refused, begins) = downloads.ask(what("a"), 10, 100, 0);
        assert!(begins);
        assert!(downloads.ask(what("a"), 10, 100, 0).1);
        drop(refused);
        assert!(downloads.ask(what("a"), 10, 100, 0).1);
    }

    #[test]
    fn memory_has_an_end_and_a_download_ends_by_standing_still() {
        let downloads: Arc<Downloads> = Arc::default();
        assert!(get(&downloads, "a", 100, 1, 0));
        assert!(get(&downloads, "a", 100, 1, KEPT_S));
        for number in 0..REMEMBERED_MAX + 10 {
            get(&downloads, &number.to_string(), 1, 1, 1);
        }
        assert!(downloads.begun.lock().unwrap().len() <= REMEMBERED_MAX);
    }
}
