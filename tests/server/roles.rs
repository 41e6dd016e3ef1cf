//! Every role tries every action at the real server: with a session, with a key, as an enrolled computer. What is allowed
//! stands in one table, and every refusal is looked for in the audit log.

use std::collections::BTreeSet;

use handout::access::{Action, Scope};
use serde_json::Value;

use super::{Answer, Browser, PASSWORD, Server, computer_key, make_key, person};

/// Guest, student, teacher, admin, owner.
const ROLES: [&str; 5] = ["guest", "student", "teacher", "admin", "owner"];

/// Words in paths and fields that stand for something made for each who tries: `VICTIM` a share to remove, `TOKEN` a link,
/// `PERSON` an account, `PEER` a computer, `BATCH` somebody's unfinished upload, `SERVER` a server above. `ROOM` is a share
/// for everyone, `OWNER` a student's for its owner alone, `COLLEAGUE` the owner's, `WHO` the word of who tries.
struct Try {
    action: Action,
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    /// Which roles get it.
    allowed: [bool; 5],
    /// Computers are let in at the API alone.
    api: bool,
}

const NOBODY_BELOW_TEACHER: [bool; 5] = [false, false, true, true, true];
const ALL_BUT_GUESTS: [bool; 5] = [false, true, true, true, true];
const OWNER_ALONE: [bool; 5] = [false, false, false, false, true];
const ADMINS: [bool; 5] = [false, false, false, true, true];

const fn page(
    action: Action,
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    allowed: [bool; 5],
) -> Try {
    Try { action, method, path, fields, allowed, api: false }
}

const fn api(action: Action, path: &'static str, allowed: [bool; 5]) -> Try {
    Try { action, method: "GET", path, fields: &[], allowed, api: true }
}

const fn upload(action: Action, fields: &'static [(&'static str, &'static str)], allowed: [bool; 5]) -> Try {
    Try { action, method: "JSON", path: "/api/v1/uploads", fields, allowed, api: true }
}

const TABLE: &[Try] = &[
    api(Action::Search, "/api/v1/search?q=lesson", ALL_BUT_GUESTS),
    api(Action::Search, "/api/v1/shares", ALL_BUT_GUESTS),
    api(Action::SeeShare, "/api/v1/shares/ROOM", ALL_BUT_GUESTS),
    page(Action::SeeShare, "GET", "/s/ROOM", &[], ALL_BUT_GUESTS),
    api(Action::SeeShare, "/api/v1/shares/OWNER", NOBODY_BELOW_TEACHER),
    api(Action::SeeShare, "/api/v1/shares/COLLEAGUE", OWNER_ALONE),
    page(Action::SeeShare, "GET", "/s/COLLEAGUE", &[], OWNER_ALONE),
    page(Action::SeeShare, "GET", "/s/COLLEAGUE/view/0", &[], OWNER_ALONE),
    api(Action::Download, "/api/v1/shares/COLLEAGUE/files/0", OWNER_ALONE),
    page(Action::Download, "GET", "/s/COLLEAGUE/zip", &[], OWNER_ALONE),
    page(Action::Download, "POST", "/s/COLLEAGUE/bring", &[], OWNER_ALONE),
    page(Action::Download, "POST", "/api/v1/shares/COLLEAGUE/bring", &[], OWNER_ALONE),
    page(Action::Download, "POST", "/api/v1/shares/OWNER/bring", &[], NOBODY_BELOW_TEACHER),
    page(Action::ChangeShare, "POST", "/s/COLLEAGUE/change", &[("title", "x"), ("audience", "owner")], OWNER_ALONE),
    page(Action::MakeLink, "POST", "/s/COLLEAGUE/links", &[("days", "1")], OWNER_ALONE),
    page(Action::Quarantine, "POST", "/s/COLLEAGUE/quarantine", &[("hide", "no")], OWNER_ALONE),
    api(Action::Download, "/api/v1/shares/ROOM/files/0", ALL_BUT_GUESTS),
    api(Action::Download, "/api/v1/shares/OWNER/files/0", NOBODY_BELOW_TEACHER),
    page(Action::Download, "GET", "/s/ROOM/zip", &[], ALL_BUT_GUESTS),
    upload(Action::Upload, &[("audience", "owner")], ALL_BUT_GUESTS),
    upload(Action::ShareWithRoom, &[("audience", "room")], NOBODY_BELOW_TEACHER),
    page(
        Action::ChangeShare,
        "POST",
        "/s/ROOM/change",
        &[("title", "lesson"), ("audience", "room")],
        NOBODY_BELOW_TEACHER,
    ),
    page(Action::RemoveShare, "POST", "/s/VICTIM/remove", &[("sure", "yes")], NOBODY_BELOW_TEACHER),
    page(Action::MakeLink, "POST", "/s/ROOM/links", &[("days", "1")], NOBODY_BELOW_TEACHER),
    page(Action::RemoveLink, "POST", "/s/ROOM/links/TOKEN/remove", &[], NOBODY_BELOW_TEACHER),
    page(Action::Quarantine, "POST", "/s/ROOM/quarantine", &[("hide", "no")], NOBODY_BELOW_TEACHER),
    api(Action::Quarantine, "/api/v1/quarantine", NOBODY_BELOW_TEACHER),
    page(Action::BlockContent, "POST", "/admin/policy/block", &[("root", HASH), ("do", "allow")], ADMINS),
    page(Action::ChangeOwnAccount, "GET", "/account", &[], ALL_BUT_GUESTS),
    page(
        Action::MakeKey,
        "POST",
        "/account/keys",
        &[("name", "k"), ("scopes", "write"), ("days", "1"), ("password", PASSWORD)],
        ALL_BUT_GUESTS,
    ),
    api(Action::SeePeople, "/api/v1/people", NOBODY_BELOW_TEACHER),
    api(Action::SeePeople, "/api/v1/groups", NOBODY_BELOW_TEACHER),
    page(
        Action::AddPerson,
        "POST",
        "/admin/people",
        &[("shown", "X"), ("name", "s.WHO"), ("role", "student")],
        NOBODY_BELOW_TEACHER,
    ),
    page(Action::AddPerson, "POST", "/admin/people", &[("shown", "X"), ("name", "t.WHO"), ("role", "teacher")], ADMINS),
    page(
        Action::AddPerson,
        "POST",
        "/admin/people",
        &[("shown", "X"), ("name", "o.WHO"), ("role", "owner")],
        [false, false, false, false, true],
    ),
    page(
        Action::ChangePerson,
        "POST",
        "/admin/people/PERSON",
        &[("shown", "Y"), ("active", "yes")],
        NOBODY_BELOW_TEACHER,
    ),
    page(Action::RemovePerson, "POST", "/admin/people/PERSON/remove", &[("sure", "yes")], ADMINS),
    page(Action::ChangeGroups, "POST", "/admin/groups", &[("name", "WHO")], NOBODY_BELOW_TEACHER),
    api(Action::SeeDevices, "/api/v1/devices", NOBODY_BELOW_TEACHER),
    page(
        Action::EnrolDevice,
        "POST",
        "/admin/devices/tokens",
        &[("note", "lab"), ("uses", "1"), ("days", "1")],
        ADMINS,
    ),
    page(Action::RemoveDevice, "POST", "/admin/devices/PEER/remove", &[], ADMINS),
    api(Action::SeePolicy, "/api/v1/policy", [true; 5]),
    page(Action::ChangePolicy, "POST", "/admin/policy", &[("managed_by", "School"), ("upload", "yes")], ADMINS),
    page(Action::Exam, "POST", "/admin/policy/exam", &[("do", "end")], NOBODY_BELOW_TEACHER),
    page(Action::Explain, "GET", "/admin/policy/explain?action=share.search", &[], NOBODY_BELOW_TEACHER),
    api(Action::SeeAudit, "/api/v1/audit", ADMINS),
    page(Action::SeeAudit, "GET", "/admin/audit?verify=yes", &[], ADMINS),
    page(Action::SeeAudit, "GET", "/admin/audit.csv", &[], ADMINS),
    api(Action::SeeStorage, "/api/v1/storage", NOBODY_BELOW_TEACHER),
    page(Action::ChangeStorage, "POST", "/admin/storage/unfinished/BATCH/remove", &[], ADMINS),
    api(Action::SeeUpstreams, "/api/v1/upstreams", NOBODY_BELOW_TEACHER),
    page(Action::ChangeUpstreams, "POST", "/admin/upstreams", &[("address", "127.0.0.1:9"), ("id", "SERVER")], ADMINS),
    api(Action::SeeSettings, "/api/v1/settings", ADMINS),
    page(Action::ChangeSettings, "POST", "/admin/settings", &[("sessions.hours", "11")], ADMINS),
    page(Action::Backup, "POST", "/admin/backup", &[], [false, false, false, false, true]),
];

const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Somebody who tries.
struct Subject {
    /// For names and messages: `teacher`, `teacher-key`.
    word: String,
    role: usize,
    scopes: BTreeSet<Scope>,
    is_computer: bool,
    browser: Browser,
    /// As the log has them.
    actor: String,
    victim: String,
    token: String,
    person: String,
    peer: String,
    batch: String,
    server: String,
}

impl Subject {
    fn expected(&self, row: &Try) -> bool {
        // A computer is a student, and uploads nothing: quotas are people's.
        let can = !self.is_computer || !matches!(row.action, Action::Upload | Action::ShareWithRoom);
        let of_account = matches!(row.action, Action::ChangeOwnAccount | Action::MakeKey);
        let can = can && !(self.browser.key.is_some() && of_account);
        row.allowed[self.role] && self.scopes.contains(&row.action.scope()) && can
    }

    fn fill(&self, text: &str, shares: &Shares) -> String {
        let words = [
            ("ROOM", &shares.room),
            ("OWNER", &shares.pupils),
            ("COLLEAGUE", &shares.owners),
            ("VICTIM", &self.victim),
            ("TOKEN", &self.token),
            ("PERSON", &self.person),
            ("PEER", &self.peer),
            ("BATCH", &self.batch),
            ("SERVER", &self.server),
            ("WHO", &self.word),
        ];
        words.iter().fold(text.to_owned(), |text, (word, with)| text.replace(word, with))
    }

    fn tries(&self, row: &Try, shares: &Shares) -> Answer {
        let path = self.fill(row.path, shares);
        let fields: Vec<(&str, String)> =
            row.fields.iter().map(|(name, value)| (*name, self.fill(value, shares))).collect();
        match row.method {
            "GET" => self.browser.get(&path),
            "JSON" => {
                let body: serde_json::Map<_, _> =
                    fields.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
                self.browser.json("POST", &path, &body.into())
            }
            _ => {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                self.browser.post(&path, &fields)
            }
        }
    }
}

/// Shares that all try to get at.
#[derive(Clone)]
struct Shares {
    /// A student's, for everyone.
    room: String,
    /// A student's, for nobody else.
    pupils: String,
    /// The owner's, for nobody else.
    owners: String,
}

/// Makes subjects and what they try to change, all through the server's own doors.
struct Stage {
    server: Server,
    owner: Browser,
    /// A student, whose shares those above judge.
    pupil: Browser,
    shares: Shares,
    made: u32,
    /// Of links that were given to somebody to remove.
    tokens: Vec<String>,
}

impl Stage {
    fn subject(&mut self, word: &str, role: usize, scopes: &[Scope], browser: Browser) -> Subject {
        self.made += 1;
        let actor = browser.get("/api/v1/me").value()["who"].as_str().unwrap().to_owned();
        let victim = self.pupil.upload("victim", "owner", "victim.txt", word.as_bytes());
        let links = self.owner.post(&format!("/s/{}/links", self.shares.room), &[("days", "2")]);
        assert_eq!(links.status, 303);
        let listed = self.server.admin(&["links", "list", "--json"]);
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        let mut tokens = listed.as_array().unwrap().iter().map(|link| link["token"].as_str().unwrap().to_owned());
        let token = tokens.find(|token| !self.tokens.contains(token)).unwrap();
        self.tokens.push(token.clone());
        let name = format!("v.{word}");
        assert!(self.server.admin(&["people", "add", &name]).status.success());
        let people = self.owner.get("/api/v1/people").value()["people"].as_array().unwrap().clone();
        let person = people.iter().find(|person| person["name"] == name.as_str()).unwrap()["id"].to_string();
        let peer = self.computer(word).1;
        let server = computer_key(self.server.folder.path(), &format!("server-{word}")).1;
        let batch = self.owner.begin("unfinished", "owner");
        let scopes = scopes.iter().copied().collect();
        let word = word.to_owned();
        let is_computer = actor.starts_with("device:");
        Subject { word, role, scopes, is_computer, browser, actor, victim, token, person, peer, batch, server }
    }

    /// An enrolled computer.
    fn computer(&self, name: &str) -> (Browser, String) {
        let (key, peer) = computer_key(self.server.folder.path(), name);
        let token = self.server.admin(&["devices", "add-token", name, "--uses", "1", "--json"]);
        let token: Value = serde_json::from_slice(&token.stdout).unwrap();
        let computer = self.server.browser(name).with_computer_key(&key);
        let enrolled =
            computer.json("POST", "/api/v1/enrol", &serde_json::json!({ "token": token["token"], "name": name }));
        assert_eq!(enrolled.status, 200, "{}", enrolled.text());
        (computer, peer)
    }

    fn subjects(&mut self) -> Vec<Subject> {
        let mut subjects = vec![];
        for (place, role) in ROLES.into_iter().enumerate() {
            let browser = match role {
                "guest" => self.server.browser("guest"),
                "owner" => self.server.browser("owner"),
                role => person(&self.server, role, role),
            };
            let keys = match role {
                "guest" => vec![],
                "owner" => vec!["read", "write", "read write admin"],
                _ => vec!["read write admin"],
            };
            for scopes in keys {
                let key = browser.with_key(&make_key(&browser, scopes));
                let granted: Vec<Scope> = scopes.split(' ').filter_map(Scope::of_name).collect();
                let word = format!("{role}-{}", scopes.split(' ').next_back().unwrap());
                let subject = self.subject(&word, place, &granted, key);
                subjects.push(subject);
            }
            let subject = self.subject(role, place, &Scope::ALL, browser);
            subjects.push(subject);
        }
        let (computer, _) = self.computer("pc");
        let subject = self.subject("computer", 1, &Scope::ALL, computer);
        subjects.push(subject);
        subjects
    }
}

#[test]
fn every_role_gets_what_is_its_by_session_key_and_computer_and_every_refusal_stands_in_the_log() {
    let untried: Vec<_> = Action::ALL.iter().filter(|action| TABLE.iter().all(|row| row.action != **action)).collect();
    assert!(untried.is_empty(), "nobody tries {untried:?}");

    let (server, owner) = Server::owned();
    let pupil = person(&server, "pupil", "student");
    let shares = Shares {
        room: pupil.upload("lesson", "room", "lesson.txt", b"for all"),
        pupils: pupil.upload("secret", "owner", "secret.txt", b"for none"),
        owners: owner.upload("marks", "owner", "marks.txt", b"for none below"),
    };
    // Students may not give to the room, so that there is something to refuse them.
    assert_eq!(owner.post("/admin/policy", &[("managed_by", "School"), ("upload", "yes")]).status, 303);
    let mut stage = Stage { server, owner, pupil, shares, made: 0, tokens: vec![] };
    let subjects = stage.subjects();
    let shares = stage.shares.clone();
    let mut refused = vec![];
    let mut tried = 0;
    for row in TABLE {
        for subject in subjects.iter().filter(|subject| row.api || !subject.is_computer) {
            let answer = subject.tries(row, &shares);
            let got = matches!(answer.status, 200 | 201 | 303);
            let told = format!(
                "{}: {} {} {} answered {}",
                subject.word,
                row.action.name(),
                row.method,
                row.path,
                answer.status
            );
            assert_eq!(got, subject.expected(row), "{told}: {}", answer.text());
            tried += 1;
            if !got {
                assert!([401, 403, 404].contains(&answer.status), "{told}");
                let code = answer.value()["code"].as_str().unwrap_or_default().to_owned();
                assert!(!code.is_empty() && answer.header("content-type") == "application/problem+json", "{told}");
                refused.push((subject.actor.clone(), row.action, told));
            }
        }
    }
    assert!(tried > 430 && refused.len() > 170, "{tried} tried, {} refused", refused.len());
    let log = refusals(&stage.owner);
    for (actor, action, told) in refused {
        // Whoever may not upload at all is refused that, and not what they wanted to do with it.
        let names = match action {
            Action::ShareWithRoom => vec![action.name(), Action::Upload.name()],
            _ => vec![action.name()],
        };
        let found = log
            .iter()
            .any(|entry| entry["actor"] == actor.as_str() && names.iter().any(|name| entry["action"] == *name));
        assert!(found, "{told}, and that is not in the log");
    }
    let verified = stage.server.admin(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// All refusals of the log.
fn refusals(owner: &Browser) -> Vec<Value> {
    let (mut all, mut before) = (vec![], String::new());
    loop {
        let page = owner.get(&format!("/api/v1/audit?limit=500{before}")).value();
        let entries = page["entries"].as_array().unwrap().clone();
        all.extend(entries.into_iter().filter(|entry| entry["outcome"].as_str().unwrap().starts_with("refused")));
        match page["next"].as_i64() {
            Some(next) => before = format!("&before={next}"),
            None => return all,
        }
    }
}

#[test]
fn what_is_hidden_from_somebody_is_answered_like_what_is_not_there_on_every_route() {
    let (server, owner) = Server::owned();
    let hidden = owner.upload("marks", "owner", "marks.txt", b"for none below");
    let missing = "a".repeat(hidden.len());
    assert_eq!(owner.post("/admin/policy", &[("managed_by", "School"), ("upload", "yes")]).status, 303);
    let posts: [(&str, &[(&str, &str)]); 8] = [
        ("/s/ID/change", &[("title", "x"), ("audience", "owner")]),
        ("/s/ID/change", &[("title", ""), ("audience", "nonsense")]),
        ("/s/ID/remove", &[("sure", "yes")]),
        ("/s/ID/remove", &[("sure", "no")]),
        ("/s/ID/quarantine", &[("hide", "yes")]),
        ("/s/ID/links", &[("days", "1")]),
        ("/s/ID/links/abc/remove", &[]),
        ("/s/ID/bring", &[]),
    ];
    let gets = [
        "/s/ID",
        "/s/ID/view/0",
        "/s/ID/view/99",
        "/s/ID/f/0/marks.txt",
        "/s/ID/f/99/x",
        "/s/ID/zip",
        "/s/ID/zip?folder=x",
        "/api/v1/shares/ID",
        "/api/v1/shares/ID/files/0",
        "/api/v1/shares/ID/files/99",
        "/admin/policy/explain?action=share.see&share=ID",
    ];
    let teacher = person(&server, "teacher", "teacher");
    let read = teacher.with_key(&make_key(&teacher, "read"));
    let student = person(&server, "student", "student");
    for browser in [server.browser("guest"), student, read, teacher] {
        let alike = |path: &str, ask: &dyn Fn(&str) -> Answer| {
            let [hidden, missing] = [&hidden, &missing].map(|id| ask(&path.replace("ID", id)));
            let place = |answer: &Answer| answer.header("location").replace(&answer_id(answer), "");
            let told = |answer: &Answer| (answer.status, place(answer), without_ids(&answer.text()));
            assert_eq!(told(&hidden), told(&missing), "{path}");
            assert!(!matches!(hidden.status, 200 | 303) || hidden.header("location").contains("sign-in"), "{path}");
        };
        for (path, fields) in posts {
            alike(path, &|path| browser.post(path, fields));
        }
        for path in gets {
            alike(path, &|path| browser.get(path));
        }
        alike("/api/v1/shares/ID/bring", &|path| browser.ask("POST", path, &[]));
    }
}

/// What differs from request to request.
fn without_ids(text: &str) -> String {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.len() < 16)
        .collect::<Vec<_>>()
        .join(" ")
}

fn answer_id(answer: &Answer) -> String {
    let place = answer.header("location");
    place.split(|letter: char| !letter.is_ascii_alphanumeric()).find(|word| word.len() > 40).unwrap_or("-").to_owned()
}

#[test]
fn lists_for_those_who_run_the_server_show_no_titles_of_what_they_do_not_judge() {
    let (server, owner) = Server::owned();
    let teacher = person(&server, "teacher", "teacher");
    let colleague = person(&server, "colleague", "teacher");
    let pupil = person(&server, "pupil", "student");
    let hidden = colleague.upload("colleagues plan", "owner", "plan.txt", b"private");
    pupil.upload("pupils essay", "owner", "essay.txt", b"mine");
    colleague.announce(&colleague.begin("colleagues draft", "owner"), "draft.txt", 9);
    pupil.announce(&pupil.begin("pupils draft", "owner"), "draft.txt", 9);
    assert_eq!(owner.post(&format!("/s/{hidden}/quarantine"), &[("hide", "yes")]).status, 303);
    for path in ["/", "/?q=plan", "/admin/policy", "/admin/quarantine", "/api/v1/quarantine", "/admin/storage"] {
        let page = teacher.get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text().contains("colleagues"), "{path}");
    }
    assert!(teacher.get("/admin/storage").text().contains("pupils draft"));
    assert!(teacher.get("/admin/policy").text().contains("pupils essay"));
    assert!(owner.get("/admin/quarantine").text().contains("colleagues plan"));
}
