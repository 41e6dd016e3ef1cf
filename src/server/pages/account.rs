//! One's own account: password, one-time codes, browsers, keys.

use maud::{Markup, html};

use super::{figures, forms::TypedForm, frame::Frame, icons::icon, links::qr_of};
use crate::store::central::{ApiKeyRow, PersonRow, SessionRow};

pub(in crate::server) struct AccountPage {
    pub person: PersonRow,
    pub groups: Vec<String>,
    pub sessions: Vec<SessionRow>,
    pub current: Option<[u8; 32]>,
    pub keys: Vec<ApiKeyRow>,
    /// A key that was just made: it is shown this once.
    pub new_key: Option<String>,
    /// A secret that is about to be set up: as address and for typing.
    pub new_codes: Option<(String, String)>,
    pub codes_wanted: bool,
    /// Forms that could not be taken.
    pub wrong_password: TypedForm,
    pub wrong_codes: TypedForm,
    pub wrong_key: TypedForm,
    pub now_s: i64,
}

pub(in crate::server) fn account(frame: &Frame, page: &AccountPage) -> Markup {
    let person = &page.person;
    frame.page("My account", html! {
        h1 { (person.shown) }
        p.soft { "Signs in as " strong { (person.name) } " · " (person.role) @for group in &page.groups { " · " (group) } }
        @if person.must_change { p.notice.attention { (icon("warning")) "Choose a password of your own. Everything else opens when you have one." } }
        @if page.codes_wanted { p.notice.attention { (icon("warning")) "This server asks for one-time codes from people with your role. Set them up below." } }
        section.sheet {
            h2 { "Password" }
            (page.wrong_password.head())
            form.fields method="post" action="/account/password" {
                label { "Current password" (secret_field(&page.wrong_password, "old", "current-password")) }
                label { "New password" (secret_field(&page.wrong_password, "new", "new-password")) }
                button.button.primary type="submit" { "Change password" }
            }
        }
        (codes(page))
        section.sheet {
            h2 { "Where you are signed in" }
            table.plain { thead { tr { th scope="col" { "Browser" } th scope="col" { "From" } th scope="col" { "Last seen" } } }
                tbody { @for session in &page.sessions {
                    tr {
                        td { (browser_of(&session.browser)) @if Some(session.token) == page.current { " (this one)" } }
                        td { (session.address) }
                        td { (figures::ago(session.seen_s, page.now_s)) }
                    }
                } }
            }
            @if page.sessions.len() > 1 { form method="post" action="/account/sessions/end" { button.button type="submit" { "Sign out everywhere else" } } }
        }
        (keys(page))
    })
}

fn codes(page: &AccountPage) -> Markup {
    html! {
        section.sheet #codes {
            h2 { "Two-factor sign-in" }
            (page.wrong_codes.head())
            @if page.person.totp.is_some() {
                p { (icon("check")) " On: signing in asks for a code from your phone." }
                form.fields.row-form method="post" action="/account/codes/off" {
                    (proof(&page.wrong_codes, true))
                    button.button type="submit" { "Turn off" }
                }
            } @else if let Some((address, typed)) = &page.new_codes {
                p { "Scan this with an app for one-time codes, then type the code that it shows." }
                div.link { (qr_of(address)) div { p.soft { "Or type: " code { (typed) } }
                    form.fields.row-form method="post" action="/account/codes" {
                        input type="hidden" name="secret" value=(typed);
                        label { "Code" input.code type="text" name="code" required inputmode="numeric" autocomplete="one-time-code" maxlength="10" autofocus[page.wrong_codes.is_wrong("code")] aria-invalid=[page.wrong_codes.invalid("code")]; (page.wrong_codes.fault("code")) }
                        (proof(&page.wrong_codes, false))
                        button.button.primary type="submit" { "Turn on" }
                    }
                } }
            } @else {
                p { "Sign in with a code from your phone as well as your password. A stolen password alone is then useless." }
                a.button href="/account?codes=new#codes" { "Set up" }
            }
        }
    }
}

fn keys(page: &AccountPage) -> Markup {
    let typed = &page.wrong_key;
    let scopes = [("read", "Read"), ("read write", "Read and upload"), ("read write admin", "Read, upload and manage")];
    html! {
        section.sheet {
            h2 { "Keys for programs" }
            p.soft { "A script that sends " code { "Authorization: Bearer KEY" } " acts as you, within what the key is for." }
            @if let Some(key) = &page.new_key {
                p.notice.good role="status" { (icon("check")) "This is the key. It is shown this once." }
                pre.hash #key { (key) }
                button.button data-copy="#key" type="button" hidden { (icon("copy")) "Copy" }
            }
            @if !page.keys.is_empty() {
                table.plain { thead { tr { th scope="col" { "Key" } th scope="col" { "For" } th scope="col" { "Ends" } th {} } }
                    tbody { @for key in &page.keys {
                        tr {
                            td { (key.name) }
                            td { @for (place, scope) in key.scopes.iter().enumerate() { @if place > 0 { ", " } (scope.name()) } }
                            td { @match key.expires_s { Some(at) => { (figures::date(at)) }, None => { "never" } } }
                            td { form method="post" action=(format!("/account/keys/{}/remove", key.id)) { button.button.quiet type="submit" { (icon("bin")) span.unseen { "Revoke key " (key.name) } } } }
                        }
                    } }
                }
            }
            (typed.head())
            form.fields.row-form method="post" action="/account/keys" {
                label { "What for" input type="text" name="name" required maxlength="60" placeholder="backup script" value=(typed.or("name", "")) autofocus[typed.is_wrong("name")] aria-invalid=[typed.invalid("name")]; (typed.fault("name")) }
                label { "May" select name="scopes" { @for (value, name) in scopes { option value=(value) selected[typed.has("scopes", value)] { (name) } } } (typed.fault("scopes")) }
                label { "Days" input type="number" name="days" min="1" max="3650" value=(typed.or("days", "90")) autofocus[typed.is_wrong("days")] aria-invalid=[typed.invalid("days")]; (typed.fault("days")) }
                (proof(typed, page.person.totp.is_some()))
                button.button type="submit" { "Make key" }
            }
        }
    }
}

/// What shows that the account belongs to whoever sits at the browser.
fn proof(typed: &TypedForm, with_code: bool) -> Markup {
    html! {
        label { "Current password" (secret_field(typed, "password", "current-password")) }
        @if with_code {
            label { "Code from your phone" input.code type="text" name="current_code" required inputmode="numeric" autocomplete="one-time-code" maxlength="10" autofocus[typed.is_wrong("current_code")] aria-invalid=[typed.invalid("current_code")]; (typed.fault("current_code")) }
        }
    }
}

/// A password, with what is wrong with it.
fn secret_field(typed: &TypedForm, field: &str, autocomplete: &str) -> Markup {
    let least = (autocomplete == "new-password").then_some("8");
    html! {
        input type="password" name=(field) required minlength=[least] autocomplete=(autocomplete) autofocus[typed.is_wrong(field)] aria-invalid=[typed.invalid(field)];
        (typed.fault(field))
    }
}

/// A browser's own words, made short.
fn browser_of(agent: &str) -> String {
    let known = ["Firefox", "Edg", "Chrome", "Safari", "curl"];
    let name = known.into_iter().find(|name| agent.contains(name)).unwrap_or("Another program");
    let systems = ["Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux"];
    let name = if name == "Edg" { "Edge" } else { name };
    match systems.into_iter().find(|system| agent.contains(system)) {
        Some(system) => format!("{name} on {system}"),
        None => name.to_owned(),
    }
}
