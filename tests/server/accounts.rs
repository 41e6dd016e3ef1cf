//! Signing up, in and out.

use super::{PASSWORD, Server, person};

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
    assert_eq!(owner.post("/account/codes", &[("secret", &secret), ("code", "000000")]).status, 422);
    assert_eq!(owner.post("/account/codes", &[("secret", &secret), ("code", &code_of(&secret, 0))]).status, 303);

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
