//! Exams: what a pupil sees and can do in one, that several go on at once, and that the fence holds around them.

use serde_json::Value;

use super::{Browser, PASSWORD, Server, computer_key, person};

/// A school with two classes, of which each has a pupil.
struct School {
    server: Server,
    owner: Browser,
    ann: Browser,
    ben: Browser,
    /// Ids of the classes 7a and 7b.
    classes: [String; 2],
    paper: String,
    lesson: String,
}

fn school() -> School {
    let (server, owner) = Server::owned();
    let list = "shown,name,group\nAnn,ann,7a\nBen,ben,7b\n";
    let page = owner.post("/admin/people/import", &[("list", list)]).text();
    let passwords: Vec<String> =
        page.split("<code>").skip(1).filter_map(|rest| Some(rest.split("</code>").next()?.to_owned())).collect();
    let pupil = |name: &str| {
        let browser = server.browser(name);
        let first = passwords.iter().find(|first| browser.sign_in(name, first).status == 303).expect("a password");
        assert_eq!(browser.post("/account/password", &[("old", first), ("new", PASSWORD)]).status, 303);
        browser
    };
    let (ann, ben) = (pupil("ann"), pupil("ben"));
    let groups = owner.get("/api/v1/groups").value();
    let id = |name: &str| {
        let groups = groups["groups"].as_array().unwrap();
        groups.iter().find(|group| group["name"] == name).unwrap()["id"].to_string()
    };
    let classes = [id("7a"), id("7b")];
    let paper = owner.upload("Exam paper", "owner", "paper.txt", b"1. What is 6 times 7?");
    let lesson = owner.upload("Lesson", "room", "lesson.txt", b"6 times 7 is 42");
    School { server, owner, ann, ben, classes, paper, lesson }
}

impl School {
    fn begin(&self, class: usize, share: &str) {
        let fields = [("minutes", "30"), ("group", self.classes[class].as_str()), ("share", share), ("hand_in", "yes")];
        assert_eq!(self.owner.post("/admin/policy/exam", &fields).status, 303);
    }

    fn exams(&self) -> Vec<Value> {
        let shown = self.server.admin(&["policy", "show", "--json"]);
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        shown["exams"].as_array().unwrap().clone()
    }
}

#[test]
fn a_pupil_sees_the_materials_hands_in_and_is_told_that_it_came() {
    let school = school();
    let old = school.ann.upload("My notes", "owner", "notes.txt", b"42");
    school.begin(0, &school.paper);

    let home = school.ann.get("/");
    assert_eq!(home.status, 200);
    assert!(home.text().contains("Exam paper") && !home.text().contains("Lesson"), "{}", home.text());
    assert!(home.text().contains("<time datetime="), "its end is told for every zone");
    for list in ["/api/v1/shares", "/api/v1/search?q=exam"] {
        let hits = school.ann.get(list).value()["hits"].as_array().unwrap().clone();
        assert_eq!(hits.len(), 1, "{list}");
        assert_eq!(hits[0]["share"]["title"], "Exam paper");
    }
    assert_eq!(school.ann.get("/api/v1/search?q=lesson").value()["hits"].as_array().unwrap().len(), 0);
    assert_eq!(school.ann.get(&format!("/s/{}", school.paper)).status, 200);
    assert_eq!(school.ann.get(&format!("/api/v1/shares/{}/files/0", school.paper)).body, b"1. What is 6 times 7?");
    for closed in [format!("/s/{}/zip", school.lesson), format!("/api/v1/shares/{old}/files/0"), "/account/keys".into()]
    {
        assert_ne!(school.ann.get(&closed).status, 200, "{closed}");
    }

    let work = school.ann.upload("My work", "owner", "work.txt", b"42");
    let there = school.ann.get(&format!("/s/{work}"));
    assert_eq!(there.header("location"), format!("/handed-in/{work}"));
    let told = school.ann.get(&format!("/handed-in/{work}")).text();
    assert!(told.contains("work.txt") && told.contains("received your work"), "{told}");
    assert!(school.ann.get("/").text().contains("My work"));
    for other in [&school.ben, &school.server.browser("guest")] {
        assert_ne!(other.get(&format!("/handed-in/{work}")).status, 200);
        assert_ne!(other.get(&format!("/s/{work}")).status, 200);
    }
    assert_eq!(school.owner.get(&format!("/api/v1/shares/{work}/files/0")).body, b"42");
}

#[test]
fn exams_of_two_classes_go_on_side_by_side_and_end_one_by_one() {
    let school = school();
    let other = school.owner.upload("Other paper", "owner", "other.txt", b"?");
    school.begin(0, &school.paper);
    school.begin(1, &other);
    let sees = |browser: &Browser| -> Vec<String> {
        let hits = browser.get("/api/v1/shares").value()["hits"].as_array().unwrap().clone();
        hits.iter().map(|hit| hit["share"]["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((sees(&school.ann), sees(&school.ben)), (vec!["Exam paper".to_owned()], vec!["Other paper".to_owned()]));
    let exams = school.exams();
    assert_eq!(exams.len(), 2);
    assert_eq!(school.owner.post("/admin/policy/exam", &[("do", "end")]).status, 409, "which one?");
    assert!(!school.server.admin(&["policy", "end-exam"]).status.success());
    let bens = exams.iter().find(|exam| exam["groups"][0] == school.classes[1].as_str()).unwrap();
    let ended = school.owner.post("/admin/policy/exam", &[("do", "end"), ("exam", bens["exam"].as_str().unwrap())]);
    assert_eq!(ended.status, 303);
    assert!(sees(&school.ben).contains(&"Lesson".to_owned()));
    assert_eq!(sees(&school.ann), ["Exam paper"], "hers goes on");
    assert!(school.server.admin(&["policy", "end-exam"]).status.success(), "there is only one now");
    assert_eq!(school.exams().len(), 0);
}

#[test]
fn what_is_handed_in_is_for_nobody_but_those_who_judge_whatever_was_begun_before() {
    let school = school();
    let batch = school.ann.begin("Begun before", "room");
    let place = school.ann.announce(&batch, "work.txt", 4).header("location").to_owned();
    school.ann.patch(&place, 0, b"ab");
    school.begin(0, &school.paper);
    assert_eq!(school.ann.patch(&place, 2, b"cd").status, 403);
    assert_eq!(school.ann.json("POST", &format!("/api/v1/uploads/{batch}/finish"), &Value::Null).status, 403);
    for (audience, groups) in [("room", vec![]), ("groups", vec![school.classes[0].clone()])] {
        let asked = serde_json::json!({ "title": "t", "audience": audience, "groups": groups });
        assert_eq!(school.ann.json("POST", "/api/v1/uploads", &asked).status, 403, "{audience}");
    }
    let work = school.ann.upload("Work", "owner", "work.txt", b"abcd");
    assert_eq!(school.ben.get(&format!("/s/{work}")).status, 404);
}

#[test]
fn signing_out_at_a_computer_of_the_class_or_coming_with_a_link_or_a_key_is_no_way_out() {
    let school = school();
    let made = school.owner.post(&format!("/s/{}/links", school.lesson), &[("days", "1")]);
    assert_eq!(made.status, 303);
    let listed = school.server.admin(&["links", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let link = format!("/l/{}", listed[0]["token"].as_str().unwrap());
    let key = school.ann.with_key(&super::make_key(&school.ann, "read write"));
    let guest = school.server.browser("guest");
    assert_eq!(guest.get(&link).status, 200);

    let (pc, _) = computer_key(school.server.folder.path(), "pc");
    let token = school.server.admin(&["devices", "add-token", "lab", "--uses", "1", "--group", "7a", "--json"]);
    let token: Value = serde_json::from_slice(&token.stdout).unwrap();
    let pc = school.server.browser("pc").with_computer_key(&pc);
    let enrolled = pc.json("POST", "/api/v1/enrol", &serde_json::json!({ "token": token["token"], "name": "pc" }));
    assert_eq!(enrolled.status, 200, "{}", enrolled.text());
    school.begin(0, &school.paper);

    // The computer of the class is at this address, and so is the browser that nobody is signed in to.
    for path in [link.clone(), format!("{link}/f/0/lesson.txt"), format!("{link}/zip")] {
        assert_eq!(guest.get(&path).status, 403, "{path}");
    }
    for path in [format!("/api/v1/shares/{}/files/0", school.lesson), format!("/s/{}", school.lesson)] {
        assert_ne!(key.get(&path).status, 200, "{path}");
        assert_ne!(school.ben.get(&path).status, 200, "whoever sits at that computer: {path}");
        assert_ne!(pc.get(&path).status, 200, "{path}");
    }
    assert_eq!(guest.get("/").status, 200, "what is open is told");
    assert_eq!(school.owner.get(&link).status, 200, "teachers go on");
}

/// A computer of the first class, enrolled from the address where the tests run.
fn enrol(school: &School, name: &str) -> Browser {
    let token = school.server.admin(&["devices", "add-token", name, "--uses", "1", "--group", "7a", "--json"]);
    let token: Value = serde_json::from_slice(&token.stdout).unwrap();
    let (key, _) = computer_key(school.server.folder.path(), name);
    let computer = school.server.browser(name).with_computer_key(&key);
    let enrolled =
        computer.json("POST", "/api/v1/enrol", &serde_json::json!({ "token": token["token"], "name": name }));
    assert_eq!(enrolled.status, 200, "{}", enrolled.text());
    computer
}

/// The link that was made for a share, by somebody who may.
fn link_of(school: &School, maker: &Browser, share: &str) -> String {
    let made = maker.post(&format!("/s/{share}/links"), &[("days", "1")]);
    assert_eq!(made.status, 303, "{}", made.text());
    let listed = school.server.admin(&["links", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    format!("/l/{}", listed[0]["token"].as_str().unwrap())
}

#[test]
fn links_to_the_work_of_a_pupil_in_an_exam_are_closed_wherever_they_are_opened() {
    let school = school();
    let notes = school.ann.upload("My notes", "owner", "notes.txt", b"42");
    let link = link_of(&school, &school.owner, &notes);
    let guest = school.server.browser("guest");
    assert_eq!(guest.get(&link).status, 200);
    school.begin(0, &school.paper);
    for path in [link.clone(), format!("{link}/f/0/notes.txt"), format!("{link}/zip")] {
        assert_eq!(guest.get(&path).status, 403, "{path}");
        assert_eq!(school.ben.get(&path).status, 403, "passed on to another class: {path}");
    }
    assert_eq!(school.owner.get(&link).status, 200);
    assert_eq!(school.owner.post("/admin/policy/exam", &[("do", "end")]).status, 303);
    assert_eq!(guest.get(&link).status, 200);
}

#[test]
fn behind_a_gateway_an_exam_of_one_class_does_not_lock_out_the_others() {
    let school = school();
    enrol(&school, "one");
    enrol(&school, "two");
    let link = link_of(&school, &school.owner, &school.lesson);
    school.begin(0, &school.paper);
    let file = format!("/api/v1/shares/{}/files/0", school.lesson);
    assert_eq!(school.ben.get(&file).status, 200, "another class goes on");
    assert_eq!(school.ann.get(&file).status, 403);
    assert_eq!(school.server.browser("guest").get(&link).status, 403, "nobody tells who that is");
}

#[test]
fn a_pupil_who_reads_the_paper_is_not_logged_as_a_judge() {
    let school = school();
    school.begin(0, &school.paper);
    assert_eq!(school.ann.get(&format!("/s/{}", school.paper)).status, 200);
    assert!(!school.owner.get("/api/v1/audit?limit=50").text().contains("read as judge"));
}

#[test]
fn a_download_that_runs_at_a_computer_of_the_class_is_cut_whoever_sits_there() {
    let school = school();
    enrol(&school, "pc");
    let fields = [("managed_by", "School"), ("down_kib", "256")];
    assert_eq!(school.owner.post("/admin/policy", &fields).status, 303);
    let content = vec![7u8; 3 << 20];
    let large = school.owner.upload("Large", "room", "large.bin", &content);
    let file = format!("/api/v1/shares/{large}/files/0");
    let got = std::thread::scope(|scope| {
        let jar = std::fs::read(school.server.folder.path().join("ben.cookies")).unwrap();
        std::fs::write(school.server.folder.path().join("copy.cookies"), jar).unwrap();
        let copy = school.server.browser("copy");
        let download = scope.spawn(move || copy.get(&file).body.len());
        let begun = std::time::Instant::now();
        while !school.owner.get("/api/v1/audit?limit=20").text().contains("share.download") {
            assert!(begun.elapsed().as_secs() < 10, "the download begins");
        }
        school.begin(0, &school.paper);
        download.join().unwrap()
    });
    assert!(got < content.len(), "{got} bytes came");
}

#[test]
fn a_download_that_runs_is_cut_when_the_exam_begins() {
    let school = school();
    assert_eq!(school.owner.post("/admin/policy", &[("managed_by", "School"), ("down_kib", "256")]).status, 303);
    let content = vec![7u8; 3 << 20];
    let large = school.owner.upload("Large", "room", "large.bin", &content);
    let file = format!("/api/v1/shares/{large}/files/0");
    let got = std::thread::scope(|scope| {
        let jar = std::fs::read(school.server.folder.path().join("ann.cookies")).unwrap();
        std::fs::write(school.server.folder.path().join("copy.cookies"), jar).unwrap();
        let copy = school.server.browser("copy");
        let download = scope.spawn(move || copy.get(&file).body.len());
        let begun = std::time::Instant::now();
        let log = || school.owner.get("/api/v1/audit?limit=20&action=share.download").text();
        while !log().contains("share.download") {
            assert!(begun.elapsed().as_secs() < 10, "the download begins");
        }
        school.begin(0, &school.paper);
        download.join().unwrap()
    });
    assert!(got < content.len(), "{got} bytes came");
}

#[test]
fn a_teacher_finds_any_share_for_an_exam_and_a_wrong_form_keeps_what_was_typed() {
    let school = school();
    let teacher = person(&school.server, "tina", "teacher");
    let wanted = teacher.upload("Fractions 12", "owner", "fractions.txt", b"1/2");
    for number in 0..3 {
        teacher.upload(&format!("Newer {number}"), "owner", "newer.txt", b"x");
    }
    let path = format!("/admin/exams?q=fractions&minutes=25&group={}&hand_in=yes", school.classes[0]);
    let page = teacher.get(&path).text();
    assert!(page.contains(&wanted) && page.contains("value=\"25\"") && !page.contains("Newer 1"), "{page}");
    let fields = [("minutes", "0"), ("group", school.classes[0].as_str()), ("share", wanted.as_str())];
    let again = teacher.post("/admin/policy/exam", &fields);
    assert_eq!(again.status, 422);
    let text = again.text();
    assert!(text.contains("1 to 1440") && text.contains("aria-label=\"Administration\""), "{text}");
    assert!(text.contains(&format!("value=\"{wanted}\" checked")) && text.contains("checked"), "{text}");
    assert!(
        !text.contains("/admin/audit") && !text.contains("/admin/settings"),
        "what would be refused is not offered"
    );
}

#[test]
fn an_older_form_of_the_policy_does_not_win_and_a_wrong_one_keeps_what_was_typed() {
    let school = school();
    let version = school.owner.get("/api/v1/policy").value()["version"].to_string();
    let fields = |quota: &'static str| [("version", version.as_str()), ("managed_by", "Hill"), ("quota_mib", quota)];
    let fields: [_; 2] = [fields("100"), fields("200")];
    assert_eq!(school.owner.post("/admin/policy", &fields[0]).status, 303);
    let older = school.owner.post("/admin/policy", &fields[1]);
    assert_eq!(older.status, 409);
    assert!(older.text().contains("Somebody else changed") && older.text().contains("value=\"100\""));
    let wrong = school.owner.post("/admin/policy", &[("managed_by", "Valley"), ("quota_mib", "many")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("Valley") && wrong.text().contains("aria-label=\"Administration\""));
}

#[test]
fn what_a_colleague_hands_out_privately_is_named_to_nobody_who_may_not_see_it() {
    let school = school();
    let teacher = person(&school.server, "tina", "teacher");
    school.begin(0, &school.paper);
    let page = teacher.get("/admin/exams").text();
    assert!(page.contains("End this exam") && !page.contains("Exam paper"), "{page}");
    assert!(school.owner.get("/admin/exams").text().contains("Exam paper"));
}
