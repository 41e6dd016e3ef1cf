//! How long searching a million files takes, on SQLite and on PostgreSQL: the real tables, filled the way shares come in, and
//! the questions that people type, as a teacher who sees everything and as a student and a guest who do not.
//!
//! `cargo bench --bench search` fills both and prints, for each kind of question, the median and the 95th percentile in
//! milliseconds, and over all kinds together whether 95 % stay under 50 ms. `-- sqlite` or `-- postgres` does one of them; `FILES=…`
//! takes another number of files. PostgreSQL is one of its own, from the packages that the tests need too.

mod common;
#[path = "../tests/postgres.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod postgres;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use common::{Found, Reach, Row};
use handout::{
    access::{Audience, GroupId},
    share::{Audience as For, Entry, EntryKind, Manifest, Modified, PieceLen, PublicKey, Root, ShareId, SharePath},
    store::central::{Central, NewShare, Place, Sees},
};

const FILES_IN_SHARE: usize = 500;
const ROUNDS: usize = 25;
const PAGE: u32 = 51;
const REACH_MS: f64 = 50.0;

const SUBJECTS: [&str; 16] = [
    "Mathematik",
    "Physik",
    "Biology",
    "Chemie",
    "История",
    "География",
    "地理",
    "数学",
    "Music",
    "Sport",
    "English",
    "Français",
    "Latein",
    "Informatik",
    "Kunst",
    "Économie",
];
const KINDS: [&str; 20] = [
    "lesson",
    "Übung",
    "solution",
    "exam",
    "Arbeitsblatt",
    "photo",
    "scan",
    "Protokoll",
    "урок",
    "задача",
    "課題",
    "test",
    "notes",
    "Referat",
    "Lösung",
    "slides",
    "chapter",
    "Hausaufgabe",
    "backup",
    "draft",
];
const WORDS: [&str; 40] = [
    "final",
    "old",
    "new",
    "copy",
    "group",
    "class",
    "room",
    "summer",
    "winter",
    "spring",
    "autumn",
    "red",
    "blue",
    "green",
    "alpha",
    "beta",
    "gamma",
    "delta",
    "energy",
    "cell",
    "plant",
    "ocean",
    "rome",
    "paris",
    "berlin",
    "madrid",
    "wien",
    "триангуляция",
    "синус",
    "電子",
    "water",
    "light",
    "sound",
    "heat",
    "force",
    "integral",
    "vector",
    "matrix",
    "limit",
    "proof",
];
const ENDINGS: [&str; 10] = ["pdf", "docx", "jpg", "png", "mp4", "zip", "txt", "odt", "pptx", "py"];

/// The kinds of questions.
const QUESTIONS: [(&str, &[&str]); 9] = [
    ("one common word", &["lesson", "pdf", "physik", "final"]),
    ("two words", &["lesson physik", "exam vector", "übung final"]),
    ("a common and a rare one", &["pdf serial4711", "lesson serial999", "physik serial123456"]),
    ("as it is typed", &["le", "les", "less", "lesso", "lesson", "lesson 4", "lesson 42"]),
    ("two letters", &["ph", "so", "in", "pr"]),
    ("rare", &["serial4711", "serial77777", "serial123456"]),
    ("none", &["xylophonquartett", "lesson xylophonquartett"]),
    ("Cyrillic", &["урок", "история", "задача синус"]),
    ("Chinese and Japanese", &["数学", "課題", "地理 電子"]),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let files: usize = std::env::var("FILES").ok().and_then(|files| files.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for engine in ["sqlite", "postgres"] {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == engine) {
            continue;
        }
        let place = match engine {
            "sqlite" => Place::Sqlite(folder.path().join("server.db")),
            _ => Place::Postgres(postgres::new_database()),
        };
        runtime.block_on(async {
            let central = Central::open(&place).await.unwrap();
            let begun = Instant::now();
            fill(&central, files).await;
            println!("{engine}: {files} files written down in {:.0} s", begun.elapsed().as_secs_f64());
            if let Place::Postgres(url) = &place {
                // What its autovacuum does a minute later.
                postgres::run_sql(url, "VACUUM ANALYZE");
            }
            let high = measure(&central, engine).await;
            let (work, against) = (format!("search in {files} files, {engine}"), "–");
            let found = Found::Amount { value: high, unit: "ms", reach: Reach::AtMost(REACH_MS) };
            Row { work: &work, measure: "95 % of all questions", against, found }.tell();
            central.close().await;
        });
    }
}

async fn measure(central: &Central, engine: &str) -> f64 {
    let student = Sees { judged: BTreeSet::new(), person: None, groups: BTreeSet::from([GroupId(3)]) };
    let callers = [("teacher", Sees::all()), ("student", student), ("guest", Sees::default())];
    let mut all = vec![];
    println!(
        "| {engine} | {} |",
        callers.each_ref().map(|(name, _)| format!("{name}: median, 95 %, found")).join(" | ")
    );
    println!("|---|---|---|---|");
    for (kind, questions) in QUESTIONS {
        let mut cells = vec![];
        for (_, sees) in &callers {
            let (mut times, mut found) = (vec![], 0);
            for round in 0..ROUNDS {
                for question in questions {
                    let begun = Instant::now();
                    let answer = central.find_visible(question, sees, i64::MAX, PAGE).await.unwrap();
                    let took = begun.elapsed();
                    found += answer.files.len();
                    // The first time reads what nobody has read yet.
                    if round > 0 {
                        times.push(took);
                    }
                }
            }
            let (median, high) = spread(&mut times);
            cells.push(format!("{median:.1}, {high:.1}, {}", found / ROUNDS));
            all.extend(times);
        }
        println!("| {kind} | {} |", cells.join(" | "));
    }
    let mut times: Vec<Duration> = vec![];
    for (_, sees) in &callers {
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            central.shares_visible(sees, i64::MAX, PAGE).await.unwrap();
            times.push(begun.elapsed());
        }
    }
    let (median, high) = spread(&mut times);
    println!("| nothing typed: the newest shares | {median:.1}, {high:.1} |");
    all.extend(times);
    let (median, high) = spread(&mut all);
    println!("{engine}: all questions: median {median:.1} ms, 95 % {high:.1} ms\n");
    high
}

/// Median and 95th percentile in milliseconds.
fn spread(times: &mut [Duration]) -> (f64, f64) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1_000.0;
    (at(0.5), at(0.95))
}

async fn fill(central: &Central, files: usize) {
    let mut state = 42u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    for number in 0..files.div_ceil(FILES_IN_SHARE) {
        let subject = SUBJECTS[next(SUBJECTS.len())];
        let title = format!("{subject} {}", WORDS[next(WORDS.len())]);
        let mut entries = vec![entry(vec![title.clone()], EntryKind::Folder)];
        for file in 0..FILES_IN_SHARE {
            let serial = number * FILES_IN_SHARE + file;
            let (kind, ending) = (KINDS[next(KINDS.len())], ENDINGS[next(ENDINGS.len())]);
            let (one, two) = (WORDS[next(WORDS.len())], WORDS[next(WORDS.len())]);
            let name = format!("{kind}_{:02} {one}-{two} serial{serial}.{ending}", next(60));
            let mut root = [0; 32];
            root[..8].copy_from_slice(&(serial as u64).to_be_bytes());
            let file = EntryKind::File { size: 1_000 + serial as u64, root: Root(root), executable: false };
            entries.push(entry(vec![title.clone(), name], file));
        }
        let manifest = Manifest {
            title,
            publisher: PublicKey([1; 32]),
            created_s: 1,
            audience: For::Everyone,
            piece_len: PieceLen::MIN,
            entries,
        };
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        // Half is for the room; the rest for one of twenty classes, or for nobody else.
        let audience = match next(20) {
            0..10 => Audience::Room,
            10..18 => Audience::Groups([GroupId(1 + next(20) as i64)].into()),
            _ => Audience::Owner,
        };
        let new = NewShare {
            id: ShareId(id),
            manifest: &manifest,
            owner: None,
            owner_name: "Grace Hopper",
            audience,
            added_s: 2,
            origin: "upload",
            here: true,
        };
        central.add_share(&new).await.unwrap();
    }
}

fn entry(path: Vec<String>, kind: EntryKind) -> Entry {
    Entry { path: SharePath::new(path).unwrap(), modified: Modified { s: 0, ns: 0 }, kind }
}
