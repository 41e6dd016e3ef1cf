//! Signing up, in and out.

use super::{Answer, Browser, PASSWORD, Server, make_key, person};

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
    // The same code all the time, also when the next step begins meanwhile.
    let used = code_of(&secret, 0);
    assert_eq!(
        owner.post("/account/codes", &[("secret", &secret), ("code", &used), ("password", PASSWORD)]).status,
        303
    );

    let other = server.browser("other");
    let to = other.sign_in("grace", PASSWORD).header("location").to_owned();
    assert!(to.starts_with("/sign-in/code"), "{to}");
    assert_eq!(other.get("/admin").status, 401, "the password alone opens nothing");
    assert!(other.post("/sign-in/code", &[("code", &used)]).header("location").contains("wrong=yes"), "used");
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

/// Sends a form like a person's browser, which is answered with pages.
fn send(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let origin = format!("Origin: {}", browser.address);
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut args = vec!["-H", origin.as_str(), "-H", "Accept: text/html"];
    args.extend(fields.iter().flat_map(|field| ["--data-urlencode", field.as_str()]));
    browser.ask("POST", path, &args)
}

/// The value of the first hidden version on a page that a form to `action` has.
fn version_in(page: &str, action: &str) -> String {
    let form = page.split(&format!("action=\"{action}\"")).nth(1).expect("a form");
    let version = form.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    version.expect("a version").to_owned()
}

fn id_of(owner: &Browser, name: &str) -> String {
    let people = owner.get("/api/v1/people").value();
    let person = people["people"].as_array().unwrap().iter().find(|person| person["name"] == name).unwrap();
    person["id"].to_string()
}

#[test]
fn of_two_administrators_at_one_account_the_older_form_never_wins() {
    let (server, owner) = Server::owned();
    let ann = person(&server, "ann", "student");
    let other = person(&server, "alan", "admin");
    let at = format!("/admin/people/{}", id_of(&owner, "ann"));
    let version = version_in(&owner.get(&at).text(), &at);
    let old = version_in(&other.get(&at).text(), &at);
    assert_eq!(version, old);

    let off = [("shown", "Ann"), ("role", "student"), ("version", version.as_str()), ("do", "change")];
    assert_eq!(other.post(&at, &off).status, 303);
    let on = [("shown", "Anna"), ("role", "student"), ("active", "yes"), ("version", old.as_str()), ("do", "change")];
    let told = send(&owner, &at, &on);
    assert_eq!(told.status, 409);
    assert!(told.text().contains("Somebody else changed this account"), "{}", told.text());
    assert_eq!(ann.sign_in("ann", PASSWORD).status, 401, "she stays switched off");
    for what in [("do", "password"), ("do", "codes")] {
        assert_eq!(owner.post(&at, &[what, ("version", old.as_str())]).status, 409, "{what:?}");
    }
    let remove = [("sure", "yes"), ("version", old.as_str())];
    assert_eq!(owner.post(&format!("{at}/remove"), &remove).status, 409);

    // The page that tells it shows what stands there, and its form works.
    let new = version_in(&told.text(), &at);
    assert!(!told.text().contains("value=\"yes\" checked"), "{}", told.text());
    let on = [("shown", "Anna"), ("role", "student"), ("active", "yes"), ("version", new.as_str()), ("do", "change")];
    assert_eq!(owner.post(&at, &on).status, 303);

    owner.post("/admin/groups", &[("name", "7b")]);
    let groups = owner.get("/admin/people").text();
    let at = groups.split("/admin/groups/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let at = format!("/admin/groups/{at}");
    let old = version_in(&groups, &at);
    let renamed = [("name", "8b"), ("do", "rename"), ("version", old.as_str())];
    assert_eq!(other.post(&at, &renamed).status, 303);
    assert_eq!(owner.post(&at, &[("name", "7b"), ("do", "remove"), ("version", old.as_str())]).status, 409);
    assert!(owner.get("/admin/people").text().contains("value=\"8b\""));

    let old = version_in(&owner.get("/admin/settings").text(), "/admin/settings");
    let name = |name, version| owner.post("/admin/settings", &[("name", name), ("version", version)]).status;
    assert_eq!((name("Lab one", &old), name("Lab two", &old)), (303, 409));
    assert!(owner.get("/admin/settings").text().contains("Lab one"));
}

#[test]
fn a_form_that_cant_be_taken_comes_back_as_it_was_filled_in() {
    let (_server, owner) = Server::owned();
    let add = |name: &str| {
        send(&owner, "/admin/people", &[("shown", "Grace Two"), ("name", name), ("role", "teacher"), ("group", "")])
    };
    for (name, status) in [("grace", 409), ("gr ace", 422)] {
        let page = add(name);
        assert_eq!(page.status, status);
        let text = page.text();
        assert!(text.contains("value=\"Grace Two\"") && text.contains("aria-invalid=\"true\""), "{text}");
        assert!(text.contains(&format!("value=\"{name}\"")) && text.contains("value=\"teacher\" selected"), "{text}");
        assert!(text.contains("class=\"fault\"") && text.contains("class=\"places\""), "{text}");
    }
    let unreadable = send(&owner, "/admin/people", &[("shown", "J\u{FFFD}rg"), ("name", "jorg"), ("role", "student")]);
    assert_eq!(unreadable.status, 422);

    send(&owner, "/admin/groups", &[("name", "7b")]);
    let twice = send(&owner, "/admin/groups", &[("name", "7b")]);
    assert_eq!(twice.status, 409);
    assert!(twice.text().contains("placeholder=\"7b\" value=\"7b\""), "{}", twice.text());

    let key = [("name", "my script"), ("scopes", "read write"), ("days", "many"), ("password", PASSWORD)];
    let key = send(&owner, "/account/keys", &key);
    assert_eq!(key.status, 422);
    let text = key.text();
    assert!(text.contains("value=\"my script\"") && text.contains("value=\"read write\" selected"), "{text}");
    let list = send(&owner, "/admin/people/import", &[("list", "Foo;Vorname;Bar\nMiller;Ann;7b")]);
    assert_eq!(list.status, 422);
    assert!(list.text().contains("Miller;Ann;7b"), "{}", list.text());
}

#[test]
fn a_list_moves_a_class_and_is_read_in_whatever_encoding_it_comes() {
    let (server, owner) = Server::owned();
    let file = server.folder.path().join("list.csv");
    let list = "Nachname;Vorname;Klasse\r\nMüller;Jörg;7b\r\nGroß;Łukas;7b\r\nGroß;Łukas;7b\r\n";
    std::fs::write(&file, list.replace('Ł', "L").chars().map(|c| c as u8).collect::<Vec<_>>()).unwrap();
    let data = format!("@{}", file.display());
    let origin = format!("Origin: {}", owner.address);
    let binary =
        ["-H", origin.as_str(), "-H", "content-type: application/octet-stream", "--data-binary", data.as_str()];
    let text = owner.ask("POST", "/admin/people/import/text", &binary);
    assert_eq!((text.status, text.text().contains("Müller;Jörg")), (200, true), "{}", text.text());
    std::fs::write(&file, b"PK\x03\x04").unwrap();
    assert_eq!(owner.ask("POST", "/admin/people/import/text", &binary).status, 422);

    let page = owner.post("/admin/people/import", &[("list", list)]).text();
    for made in ["jorg.muller", "lukas.gross", "lukas.gross2"] {
        assert!(page.contains(&format!("<td>{made}</td>")), "{made}: {page}");
    }
    assert!(!page.contains("vorname"), "{page}");
    let moved = owner.post("/admin/people/import", &[("list", "Nachname;Vorname;Klasse\nMüller;Jörg;8b")]).text();
    assert!(moved.contains("moved from 7b to 8b"), "{moved}");
    let people = owner.get("/api/v1/people").value();
    let groups = |name: &str| {
        let of = people["people"].as_array().unwrap().iter().find(|person| person["name"] == name).unwrap();
        of["groups"].to_string()
    };
    assert_eq!((groups("jorg.muller").as_str(), groups("lukas.gross").as_str()), ("[\"8b\"]", "[\"7b\"]"));

    std::fs::write(&file, "Jörg Müller,,9b\nLuk\u{FFFD}s,,9b\n").unwrap();
    let console = server.admin(&["people", "import", file.to_str().unwrap(), "--json"]);
    let told = String::from_utf8_lossy(&console.stdout).into_owned();
    assert!(told.contains("moved from 8b to 9b") && told.contains("could not be read"), "{told}");
}
