//! The map of the rooms, as a test: who may use whom, what pure rooms may not say, how long a file may be.
//!
//! [`LAYERS`] is the same table as in `src/lib.rs`. Source is read as text, without comments, string contents and
//! `#[cfg(test)]` parts, which is enough: a room is always named `crate::room` or, in the binary, `handout::room`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The rooms, lowest layer first. A room uses rooms of lower layers, and none of its own.
const LAYERS: &[&[&str]] = &[
    &["share"],
    &["access"],
    &["swarm", "lookup", "nearby", "traffic", "wire", "doctor"],
    &["store", "net", "platform", "settings"],
    &["engine"],
    &["chain"],
    &["control", "server"],
    &["window", "cli"],
    &["start"],
    &["main"],
];

/// Rooms without clock, chance, sockets and files; the same input gives the same output.
const PURE: &[&str] = &["share", "access", "swarm", "lookup", "nearby", "traffic", "wire", "doctor"];

/// What pure rooms may not say.
const IMPURE: &[&str] = &[
    "async ",
    ".await",
    "tokio",
    "Instant::now",
    "SystemTime::now",
    "std::net::Tcp",
    "std::net::Udp",
    "std::fs",
    "std::thread",
    "rand::",
    "HashMap",
    "HashSet",
    "Mutex",
];

/// What the faces may use of the engine: its commands, what it shows, and the line to it.
const FACES: &[&str] = &["window", "cli"];
const SHOWN_BY_ENGINE: &[&str] = &[
    "command",
    "snapshot",
    "question",
    "trouble",
    "handle",
    "config",
    "managed",
    "Command",
    "Snapshot",
    "Question",
    "Trouble",
    "Handle",
    "SendError",
    "Config",
];

/// Lines of a file without tests and their comments.
const LINES_MAX: usize = 400;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

#[test]
fn every_room_uses_only_rooms_below_it() {
    let faults: Vec<String> = source().iter().flat_map(upward_uses).collect();

    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn pure_rooms_have_no_clock_no_chance_and_no_io() {
    let faults: Vec<String> = source().iter().flat_map(impure_words).collect();

    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn faces_know_only_what_the_engine_shows() {
    let faults: Vec<String> = source().iter().flat_map(engine_insides).collect();

    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_file_is_longer_than_what_one_can_keep_in_mind() {
    let faults: Vec<String> = source().iter().filter_map(too_long).collect();

    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_room_of_the_library_stands_in_the_table_and_in_the_map() {
    let library = fs::read_to_string(source_folder().join("lib.rs")).expect("src/lib.rs is there");
    let rooms = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));

    for room in rooms {
        assert!(layer(room).is_some(), "`{room}` stands in src/lib.rs and in no layer of tests/layers.rs");
        assert!(library.contains(&format!("`{room}`")), "`{room}` is missing in the map of src/lib.rs");
    }
}

#[test]
fn the_check_goes_red_on_each_kind_of_violation() {
    let check = |path: &str, text: &str, faults: &[&str]| {
        let file = File::of(path, text);
        let found = [upward_uses(&file), impure_words(&file), engine_insides(&file)].concat();
        assert_eq!(found.iter().map(|fault| fault.split(' ').next().unwrap_or("")).collect::<Vec<_>>(), faults);
    };

    check("swarm/peer.rs", "use crate::share::PeerId;\nuse crate::nearby::Nearby;", &["src/swarm/peer.rs:2:"]);
    check("share/id.rs", "fn f() {\n    crate::engine::stop()\n}", &["src/share/id.rs:2:"]);
    check("store/mod.rs", "use crate::{\n    share::PeerId,\n    net::{Line, call},\n};", &["src/store/mod.rs:3:"]);
    check("swarm/mod.rs", "let now = Instant::now();", &["src/swarm/mod.rs:1:"]);
    check("wire/mod.rs", "use std::{\n    collections::HashMap,\n};", &["src/wire/mod.rs:2:"]);
    check("cli/run.rs", "use crate::engine::{command::Command, state::Engine};", &["src/cli/run.rs:1:"]);
    check("swarm/mod.rs", "use super::nearby;", &["src/swarm/mod.rs:1:"]);
    check("swarm/peer.rs", "use super::super::net::call;", &["src/swarm/peer.rs:1:"]);
    check("window/mod.rs", "use crate::{cli::run, engine::work};", &["src/window/mod.rs:1:", "src/window/mod.rs:1:"]);
}

#[test]
fn the_check_stays_green_on_comments_texts_tests_and_the_room_itself() {
    let check = |path: &str, text: &str| {
        let file = File::of(path, text);
        let found = [upward_uses(&file), impure_words(&file), engine_insides(&file)].concat();
        assert_eq!(found, [""; 0]);
    };

    check("swarm/mod.rs", "//! See [`crate::engine`].\n/// Not tokio.\n// HashMap\nuse crate::swarm::peer::Peer;");
    check("swarm/mod.rs", "/* crate::engine\n tokio */ let x = \"crate::net // tokio\";");
    check("swarm/mod.rs", "#[cfg(test)]\nmod tests {\n    fn f() { Instant::now(); }\n}");
    check("swarm/mod.rs", "use super::Limits;\nlet x = a.awaited_tokio_hashmap(MyHashMap);");
    check("cli/run.rs", "use crate::engine::{command::Command, snapshot::{Me, Snapshot}, Handle};");
    check("engine/mod.rs", "use crate::{net::Line, store::Store, wire};\nlet c = '\"'; let d = 'a';");
}

#[test]
fn a_file_past_the_limit_is_named_and_its_tests_do_not_count() {
    let long = "let x = 1;\n".repeat(LINES_MAX + 1);
    let tested = format!("let x = 1;\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    f();\n".repeat(LINES_MAX));

    assert!(too_long(&File::of("net/tls.rs", &long)).is_some_and(|fault| fault.contains("src/net/tls.rs")));
    assert_eq!(too_long(&File::of("net/tls.rs", &tested)), None);
    assert_eq!(too_long(&File::of("net/tests.rs", &long)), None);
}

/// A file of the program.
struct File {
    /// Inside `src`, with `/`.
    path: String,
    room: String,
    /// Its text with everything that does not count blanked out; lines stay where they are.
    code: String,
}

impl File {
    fn of(path: &str, text: &str) -> File {
        let room = path.split('/').next().unwrap_or(path).trim_end_matches(".rs").to_owned();
        File { path: path.to_owned(), room, code: without_tests(&without_comments_and_texts(text)) }
    }

    /// Whether it consists of tests, or helps them.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs" || name == "testing.rs" || self.path.contains("/tests/")
    }

    /// Every path from the root of the crate, without its root, with its line; of a group in braces, each path in it.
    fn uses(&self) -> Vec<(usize, String)> {
        let mut found = vec![];
        for root in ["crate::", "handout::", &"super::".repeat(self.depth())] {
            for (at, _) in self.code.match_indices(root).filter(|(at, _)| starts_a_path(&self.code, *at)) {
                expand(&self.code, at + root.len(), "", &mut found);
            }
        }
        found.sort();
        found
    }

    /// How many modules lie between it and the root, itself included.
    fn depth(&self) -> usize {
        let segments = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") { segments - 1 } else { segments }
    }

    fn fault(&self, line: usize, what: &str) -> String {
        format!("src/{}:{}: {what}", self.path, line + 1)
    }
}

fn upward_uses(file: &File) -> Vec<String> {
    let Some(own) = layer(&file.room).filter(|_| !file.is_test()) else { return vec![] };
    let judge = |(line, path): (usize, String)| {
        let used = path.split("::").next()?;
        let fault = match layer(used) {
            Some(other) if used != file.room && other >= own => format!("`{}` may not use `{used}`", file.room),
            _ => return None,
        };
        Some(file.fault(line, &fault))
    };
    let mut faults: Vec<String> = file.uses().into_iter().filter_map(judge).collect();
    faults.dedup();
    faults
}

fn impure_words(file: &File) -> Vec<String> {
    if !PURE.contains(&file.room.as_str()) || file.is_test() {
        return vec![];
    }
    let mut faults = vec![];
    for (line, text) in file.code.lines().enumerate() {
        let words = IMPURE.iter().filter(|word| says(text, word));
        faults.extend(words.map(|word| file.fault(line, &format!("the pure room `{}` says `{word}`", file.room))));
    }
    faults
}

fn engine_insides(file: &File) -> Vec<String> {
    if !FACES.contains(&file.room.as_str()) || file.is_test() {
        return vec![];
    }
    let judge = |(line, path): (usize, String)| {
        let inside = path.strip_prefix("engine::")?.split("::").next()?;
        let shown = SHOWN_BY_ENGINE.contains(&inside) || inside == "self";
        (!shown).then(|| file.fault(line, &format!("the face `{}` uses the engine's `{inside}`", file.room)))
    };
    file.uses().into_iter().filter_map(judge).collect()
}

fn too_long(file: &File) -> Option<String> {
    let lines = file.code.lines().filter(|line| !line.trim().is_empty()).count();
    let excepted = LONG_FILES.iter().any(|(path, _)| *path == file.path);
    let long = lines > LINES_MAX && !file.is_test() && !excepted;
    long.then(|| file.fault(0, &format!("{lines} lines of code; more than {LINES_MAX} hide a second noun")))
}

/// Whether the text has the word in it, and not as a part of a longer one.
fn says(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let begins = !word.starts_with(is_word) || !text[..at].ends_with(is_word);
        begins && (!word.ends_with(is_word) || !text[at + word.len()..].starts_with(is_word))
    })
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// Reads one path or group that begins at `at`; gives where it ends.
fn expand(code: &str, mut at: usize, prefix: &str, found: &mut Vec<(usize, String)>) -> usize {
    at += blanks(&code[at..]);
    if code[at..].starts_with('{') {
        at += 1;
        loop {
            at += code[at..].find(|c: char| !c.is_whitespace() && c != ',').unwrap_or(code.len() - at);
            if at >= code.len() || code[at..].starts_with('}') {
                return (at + 1).min(code.len());
            }
            let end = expand(code, at, prefix, found);
            // A sign that is no path, as in a macro: nothing more is understood here.
            if end == at {
                return at;
            }
            at = end;
        }
    }
    let name: String = code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let path = format!("{prefix}{name}");
    let after = at + name.len();
    if code[after..].starts_with("::") && !name.is_empty() {
        return expand(code, after + 2, &format!("{path}::"), found);
    }
    if !name.is_empty() {
        found.push((code[..at].matches('\n').count(), path));
    }
    // `a as b` ends where the next path begins.
    after + code[after..].find([',', '}', ';', '\n', '(', ')', '<', '>']).unwrap_or(code.len() - after)
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn starts_a_path(code: &str, at: usize) -> bool {
    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == ':')
}

/// Blanks out comments and what stands in quotes. Lines stay.
fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' if (rest.starts_with("r\"") || rest.starts_with("r#")) && !ends_in_word(&code) => raw_text_end(rest),
            '"' => text_end(rest),
            '\'' => character_end(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

fn ends_in_word(code: &str) -> bool {
    code.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn text_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a raw text, or 0 where it is something else (`r#type`).
fn raw_text_end(rest: &str) -> usize {
    let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
    if !rest[1 + hashes..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let begin = 2 + hashes;
    rest[begin..].find(&close).map_or(rest.len(), |end| begin + end + close.len())
}

/// The length of a character in quotes, or 0 for a lifetime.
fn character_end(rest: &str) -> usize {
    let mut after = rest.char_indices().skip(1);
    match (after.next(), after.next()) {
        (Some((_, '\\')), Some(_)) => rest[3..].find('\'').map_or(0, |end| end + 4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// Blanks out what follows `#[cfg(test)]`: a module, function or line. Lines stay.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, tests) = rest.split_at(at);
        let end = item_end(tests);
        kept.push_str(before);
        kept.extend(tests[..end].chars().filter(|c| *c == '\n'));
        rest = &tests[end..];
    }
    kept.push_str(rest);
    kept
}

/// Where an item ends: at a `;` or at the brace that closes its first one.
fn item_end(item: &str) -> usize {
    let mut depth = 0;
    for (at, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

fn source() -> Vec<File> {
    let folder = source_folder();
    let mut paths = vec![];
    collect(&folder, &mut paths);
    assert!(paths.len() > 20, "the source is not where it was: {}", folder.display());
    paths.sort();
    let file = |path: &PathBuf| {
        let inside = path.strip_prefix(&folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
        File::of(&inside, &fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    paths.iter().map(file).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
