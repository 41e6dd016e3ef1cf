//! Signing up, in and out.

use super::{Browser, PASSWORD, Server, make_key, person};

#[test]
fn the_first_to_type_the_code_owns_the_server_and_the_code_works_once() {
    let server = Server::start();
    let code = server.code.clone().unwrap();
    let stranger = server.browser("stranger");
    let fields = |code| [("code", code), ("shown", "Eve"), ("name", "eve"), ("password", PASSWORD)];

    assert_eq!(stranger.get("/").header("location"), "/setup");
    assert_eq!(stranger.post("/setup", &fields("AAAAA-AAAAA")).status, 422);
    let owner = server.browser("owner");
    let small = code.to_lowercase().replace('-', " ");
    assert_eq!(owner.post("/setup", &fields(&small)).status, 303);
    assert_eq!(owner.get("/api/v1/me").value()["role"], "owner");
    assert_eq!(stranger.post("/setup", &fields(&code)).status, 422);
    assert_eq!(stranger.get("/setup").header("location"), "/sign-in");
}

#[test]
fn a_session_is_the_browsers_alone_and_ends_when_somebody_signs_out() {
    let (server, owner) = Server::owned();
    let cookies = owner.sign_in("grace", PASSWORD);
    let set: Vec<_> = cookies.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value).collect();
    assert!(
        set.iter().all(|cookie| cookie.starts_with("__Host-") && cookie.contains("Secure; HttpOnly; SameSite")),
        "{set:?}"
    );

    assert_eq!(owner.get("/admin").status, 200);
    assert_eq!(server.browser("other").get("/admin").status, 401);
    let kept = std::fs::read(server.folder.path().join("owner.cookies")).unwrap();
    owner.post("/sign-out", &[]);
    std::fs::write(server.folder.path().join("owner.cookies"), kept).unwrap();
    assert_eq!(owner.get("/admin").status, 401, "a cookie that was kept is of no use");
}

#[test]
fn somebody_who_guesses_waits_and_the_one_whose_name_it_is_signs_in_all_the_same() {
    let (server, _) = Server::owned();
    let teacher = person(&server, "ann", "teacher");
    teacher.post("/sign-out", &[]);
    let student = server.browser("student");
    let statuses: Vec<u16> = (0..6).map(|_| student.sign_in("ann", "wrong guess").status).collect();
    assert_eq!(&statuses[..4], [401; 4]);
    assert_eq!(statuses[5], 429, "{statuses:?}");
    assert_eq!(student.sign_in("ann", PASSWORD).status, 429, "not even with the right one");

    assert_eq!(teacher.sign_in("ann", PASSWORD).status, 303, "her browser is known");
}

#[test]
fn one_time_codes_are_asked_for_and_work_once() {
    let (server, owner) = Server::owned();
    let page = owner.get("/account?codes=new").text();
    let secret =
        page.split("name=\"secret\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert_eq!(
        owner.post("/account/codes", &[("secret", &secret), ("code", "000000"), ("password", PASSWORD)]).status,
        422
    );
    assert_eq!(
        owner
            .post("/account/codes", &[("secret", &secret), ("code", &code_of(&secret, 0)), ("password", PASSWORD)])
            .status,
        303
    );

    let other = server.browser("other");
    let to = other.sign_in("grace", PASSWORD).header("location").to_owned();
    assert!(to.starts_with("/sign-in/code"), "{to}");
    assert_eq!(other.get("/admin").status, 401, "the password alone opens nothing");
    assert!(
        other.post("/sign-in/code", &[("code", &code_of(&secret, 0))]).header("location").contains("wrong=yes"),
        "used"
    );
    assert_eq!(other.post("/sign-in/code", &[("code", &code_of(&secret, 1))]).header("location"), "/");
    assert_eq!(other.get("/admin").status, 200);
}

/// The code of this moment, or of the next step (which is taken, too).
fn code_of(secret: &str, steps: u64) -> String {
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(totp_rs::Secret::from(&secret[..])).build().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    totp.generate(now + 30 * steps).to_string()
}

#[test]
fn a_class_is_imported_and_each_has_a_first_password_to_change() {
    let (server, owner) = Server::owned();
    let page = owner.post("/admin/people/import", &[("list", "Ann Miller,,7b\nBen Okoro,ben,7b\nBen Two,ben,7b\n")]);
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(text.contains("ann.miller") && text.contains("Line 3"), "{text}");
    let password = text.split("<code>").nth(1).and_then(|rest| rest.split("</code>").next()).unwrap();
    let ann = server.browser("ann");
    assert_eq!(ann.sign_in("ann.miller", password).header("location"), "/account");
    let people = owner.get("/api/v1/people").value();
    let groups: Vec<_> =
        people["people"].as_array().unwrap().iter().map(|person| person["groups"].to_string()).collect();
    assert_eq!(groups.iter().filter(|groups| *groups == "[\"7b\"]").count(), 2, "{groups:?}");
}

/// Sends the same form from many browsers at once, and tells the statuses.
fn at_once(browsers: Vec<Browser>, path: &str, fields: &[(&str, &str)]) -> Vec<u16> {
    std::thread::scope(|scope| {
        let sent: Vec<_> =
            browsers.into_iter().map(|browser| scope.spawn(move || browser.post(path, fields).status)).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    })
}

#[test]
fn tries_that_are_sent_together_are_counted_before_they_are_judged() {
    let (server, owner) = Server::owned();
    let strangers: Vec<Browser> = (0..24).map(|number| server.browser(&format!("stranger{number}"))).collect();
    let statuses = at_once(strangers, "/sign-in", &[("name", "grace"), ("password", "wrong guess")]);
    let judged = statuses.iter().filter(|status| **status == 401).count();
    assert!(judged <= 4 && statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");

    let secret = codes_on(&owner);
    let thief = server.browser("owner");
    assert!(thief.sign_in("grace", PASSWORD).header("location").starts_with("/sign-in/code"));
    let jar = std::fs::read(server.folder.path().join("owner.cookies")).unwrap();
    let copies: Vec<Browser> = (0..24)
        .map(|number| {
            let name = format!("copy{number}");
            std::fs::write(server.folder.path().join(format!("{name}.cookies")), &jar).unwrap();
            server.browser(&name)
        })
        .collect();
    let statuses = at_once(copies, "/sign-in/code", &[("code", "000000")]);
    let judged = statuses.iter().filter(|status| **status == 303).count();
    assert!(judged <= 4 && statuses.iter().all(|status| [303, 429].contains(status)), "{statuses:?}");
    drop(secret);
}

/// Turns two-factor sign-in on. Returns its secret.
fn codes_on(browser: &Browser) -> String {
    let page = browser.get("/account?codes=new").text();
    let secret =
        page.split("name=\"secret\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let fields = [("secret", secret.as_str()), ("code", &code_of(&secret, 0)), ("password", PASSWORD)];
    assert_eq!(browser.post("/account/codes", &fields).status, 303);
    secret
}

#[test]
fn a_script_that_guesses_keeps_nobody_else_at_its_address_waiting_and_names_that_nobody_has_cost_no_disk() {
    let (server, _) = Server::owned();
    let made = server.admin(&["people", "add", "late.comer", "--json"]);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let script = server.browser("script");
    for number in 0..70 {
        let name = format!("nobody{number}");
        assert_eq!(script.sign_in(&name, "wrong guess").status, 401);
    }
    let late = server.browser("late");
    assert_eq!(late.sign_in("late.comer", made["password"].as_str().unwrap()).header("location"), "/account");

    let database = server.folder.path().join("home");
    let size = || {
        let files = std::fs::read_dir(&database).unwrap().flatten();
        files.map(|file| file.metadata().unwrap().len()).sum::<u64>()
    };
    let before = size();
    let name = server.folder.path().join("name");
    std::fs::write(&name, "n".repeat(60_000)).unwrap();
    for _ in 0..20 {
        let field = format!("name@{}", name.display());
        let origin = format!("Origin: {}", script.address);
        let tried =
            script.ask("POST", "/sign-in", &["-H", &origin, "--data-urlencode", &field, "-d", "password=wrong"]);
        assert_eq!(tried.status, 401);
    }
    assert!(size() < before + 300_000, "{} grew to {}", before, size());
}

#[test]
fn a_first_password_is_good_for_choosing_another_and_for_nothing_else() {
    let (server, owner) = Server::owned();
    let made = server.admin(&["people", "add", "sam", "--json"]);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let first = made["password"].as_str().unwrap();
    let share = owner.upload("for all", "room", "a.txt", b"a");
    let sam = server.browser("sam");
    assert_eq!(sam.sign_in("sam", first).header("location"), "/account");
    for page in ["/", "/upload", &format!("/s/{share}"), &format!("/s/{share}/zip"), "/admin"] {
        assert_eq!((sam.get(page).status, sam.get(page).header("location")), (303, "/account"), "{page}");
    }
    let begin = serde_json::json!({ "title": "t", "audience": "owner" });
    assert_eq!(sam.json("POST", "/api/v1/uploads", &begin).value()["code"], "password");
    assert_eq!(sam.get("/api/v1/shares").value()["code"], "password");
    assert_eq!(sam.announce("b", "a.txt", 1).status, 403);
    assert_eq!(sam.post("/account/keys", &[("name", "k"), ("scopes", "write"), ("password", first)]).status, 403);

    assert_eq!(sam.post("/account/password", &[("old", first), ("new", PASSWORD)]).status, 303);
    assert_eq!(sam.get("/upload").status, 200);
}

#[test]
fn what_a_thief_made_ends_with_a_new_password() {
    let (server, owner) = Server::owned();
    let ann = person(&server, "ann", "teacher");
    assert_eq!(ann.post("/account/keys", &[("name", "k"), ("scopes", "read"), ("days", "1")]).status, 422);
    let key = ann.with_key(&make_key(&ann, "read write admin"));
    assert_eq!(key.get("/api/v1/me").status, 200);
    assert_eq!(key.post("/account/password", &[("old", PASSWORD), ("new", "seven green boats")]).status, 403);
    let secret = "A".repeat(32);
    let codes = [("secret", secret.as_str()), ("code", &code_of(&secret, 0))];
    assert_eq!(ann.post("/account/codes", &codes).status, 422, "the session alone is not enough");
    codes_on(&ann);
    let again = [("secret", secret.as_str()), ("code", &code_of(&secret, 0)), ("password", PASSWORD)];
    assert_eq!(ann.post("/account/codes", &again).status, 422, "nor is the password, where there are codes");

    let people = owner.get("/api/v1/people").value();
    let people = people["people"].as_array().unwrap();
    let id = people.iter().find(|person| person["name"] == "ann").unwrap()["id"].to_string();
    let page = owner.post(&format!("/admin/people/{id}"), &[("do", "password")]).text();
    assert_eq!(key.get("/api/v1/me").status, 401);
    let password = page.split("id=\"password\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    assert_eq!(server.browser("new").sign_in("ann", password).header("location"), "/account", "no code of a thief's");
}

#[test]
fn several_people_are_known_at_one_browser_and_two_servers_on_one_host_do_not_sign_each_other_out() {
    let (server, _) = Server::owned();
    for name in ["ann", "ben"] {
        drop(person(&server, name, "student"));
    }
    let shared = server.browser("shared");
    for name in ["ann", "ben"] {
        assert_eq!(shared.sign_in(name, PASSWORD).status, 303);
    }
    let script = server.browser("script");
    for name in ["ann", "ben"] {
        (0..6).for_each(|_| drop(script.sign_in(name, "wrong guess")));
        assert_eq!(script.sign_in(name, PASSWORD).status, 429);
        assert_eq!(shared.sign_in(name, PASSWORD).status, 303, "{name} is known there");
    }

    let (other, _) = Server::owned();
    let there = shared.at(&other.address, 1_000);
    assert_eq!(there.sign_in("grace", PASSWORD).status, 303);
    assert_eq!(there.get("/admin").status, 200);
    assert_eq!(shared.get("/account").status, 200, "still signed in at the first");
}

#[test]
fn another_scheme_of_authorization_is_no_way_around_the_check_of_pages() {
    let (_server, owner) = Server::owned();
    let args = ["-H", "Sec-Fetch-Site: cross-site", "-H", "Authorization: Basic YTpi", "-d", "name=9x"];
    assert_eq!(owner.ask("POST", "/admin/groups", &args).status, 403);
}

#[test]
fn links_of_somebody_who_was_switched_off_open_nothing() {
    let (server, owner) = Server::owned();
    let ann = person(&server, "ann", "teacher");
    let share = ann.upload("mine", "owner", "a.txt", b"a");
    assert_eq!(ann.post(&format!("/s/{share}/links"), &[("days", "1")]).status, 303);
    let listed = server.admin(&["links", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let link = format!("/l/{}", listed[0]["token"].as_str().unwrap());
    let guest = server.browser("guest");
    assert_eq!(guest.get(&link).status, 200);
    let people = owner.get("/api/v1/people").value();
    let people = people["people"].as_array().unwrap();
    let id = people.iter().find(|person| person["name"] == "ann").unwrap()["id"].to_string();
    assert_eq!(owner.post(&format!("/admin/people/{id}"), &[("shown", "Ann"), ("role", "teacher")]).status, 303);
    assert_eq!(guest.get(&link).status, 404);
    assert_eq!(guest.get(&format!("{link}/f/0/a.txt")).status, 404);
}
