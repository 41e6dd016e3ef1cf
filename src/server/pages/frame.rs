//! What stands around every page: the bar, the search, who is signed in, and a word of what was just done.

use maud::{DOCTYPE, Markup, html};

use super::icons::icon;
use crate::{
    access::{About, Action, Role},
    server::{Server, caller::Visit, problem::Problem},
};

/// What the frame shows of whoever looks.
pub(in crate::server) struct Frame {
    server: String,
    person: Option<(String, Role)>,
    may_search: bool,
    may_upload: bool,
    may_administer: bool,
    /// Pages of the administration that would be refused.
    closed: Vec<&'static str>,
    managed_by: String,
    exam_until_s: Option<i64>,
    query: String,
    done: Option<&'static str>,
}

/// What can be said after a form, by the word in the address. Nothing else from there is ever shown.
pub(in crate::server) const DONE: &[(&str, &str)] = &[
    ("changed", "Changed."),
    ("removed", "Removed."),
    ("added", "Added."),
    ("added-away", "Added, but it can’t be reached at this moment. It is tried again by itself."),
    ("hidden", "Taken out of sight."),
    ("shown", "Back in sight."),
    ("link", "The link is ready."),
    ("password", "The password was changed; other browsers are signed out."),
    ("codes", "One-time codes are on."),
    ("codes-off", "One-time codes are off."),
    ("sessions", "All other browsers are signed out."),
    ("exam", "The exam has begun."),
    ("exam-over", "The exam is over."),
    ("backup", "A copy of the database lies in the folder backups of the server’s home folder."),
    ("blocked", "That content is forbidden from now on."),
    ("welcome", "Welcome. This server is yours: add people and groups, or just upload something."),
];

impl Frame {
    pub fn of(server: &Server, visit: &Visit) -> Frame {
        let policy = server.policy();
        let allowed = |action| server.would_allow(visit, action, About::Nothing);
        let exam = visit.actor.exam(&policy, crate::server::now_s());
        Frame {
            server: server.name(),
            person: visit.person.as_ref().map(|person| (person.shown.clone(), person.role)),
            may_search: allowed(Action::Search),
            may_upload: visit.actor.person().is_some() && allowed(Action::Upload),
            may_administer: allowed(Action::SeePeople),
            closed: [("/admin/audit", Action::SeeAudit), ("/admin/settings", Action::SeeSettings)]
                .into_iter()
                .filter(|(_, action)| !allowed(*action))
                .map(|(path, _)| path)
                .collect(),
            managed_by: policy.managed_by.clone(),
            exam_until_s: exam.map(|exam| exam.until_s),
            query: String::new(),
            done: None,
        }
    }

    /// With the words that were searched for.
    pub fn searching(mut self, query: &str) -> Frame {
        query.clone_into(&mut self.query);
        self
    }

    /// With what was just done.
    pub fn done(mut self, word: Option<&str>) -> Frame {
        self.done = DONE.iter().find(|(known, _)| Some(*known) == word).map(|(_, sentence)| *sentence);
        self
    }

    /// The whole page.
    pub fn page(&self, title: &str, content: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                (self.head(title))
                body {
                    a.skip href="#content" { "To the content" }
                    (self.bar())
                    @if let Some(until_s) = self.exam_until_s { (exam_band(until_s)) }
                    main #content tabindex="-1" {
                        @if let Some(sentence) = self.done {
                            p.notice.good role="status" { (icon("check")) (sentence) }
                        }
                        (content)
                    }
                    footer { "Managed by " (self.managed_by) " · Handout " (env!("CARGO_PKG_VERSION")) }
                }
            }
        }
    }

    /// A page for those who run the server, with its own navigation. `here`: the path of the page.
    pub fn administration(&self, here: &str, title: &str, content: Markup) -> Markup {
        const PLACES: [(&str, &str, &str); 11] = [
            ("/admin", "Overview", "home"),
            ("/admin/people", "People", "people"),
            ("/admin/devices", "Computers", "computer"),
            ("/admin/policy", "Policy", "shield"),
            ("/admin/exams", "Exams", "clock"),
            ("/admin/upstreams", "Servers above", "computer"),
            ("/admin/quarantine", "Quarantine", "eye-off"),
            ("/admin/storage", "Storage", "disk"),
            ("/admin/audit", "Audit log", "list"),
            ("/admin/settings", "Settings", "settings"),
            ("/account", "My account", "person"),
        ];
        self.page(
            title,
            html! {
                div.with-places {
                    nav.places aria-label="Administration" {
                        @for (path, name, picture) in PLACES.into_iter().filter(|(path, ..)| !self.closed.contains(path)) {
                            a href=(path) aria-current=[(path == here).then_some("page")] { (icon(picture)) (name) }
                        }
                    }
                    div.place { h1 { (title) } (content) }
                }
            },
        )
    }

    fn head(&self, title: &str) -> Markup {
        html! {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – " (self.server) }
                link rel="stylesheet" href=(format!("/assets/style.css?{}", crate::server::routes::assets::VERSION));
                link rel="icon" type="image/svg+xml" href="/assets/handout.svg";
                script src=(format!("/assets/app.js?{}", crate::server::routes::assets::VERSION)) defer {}
            }
        }
    }

    fn bar(&self) -> Markup {
        html! {
            header.bar {
                a.brand href="/" { img src="/assets/handout.svg" alt="" width="28" height="28"; span { (self.server) } }
                @if self.may_search {
                    form.search role="search" action="/" method="get" {
                        label.unseen for="q" { "Search" }
                        (icon("search"))
                        input #q type="search" name="q" value=(self.query) placeholder="Search files" autocomplete="off"
                            maxlength="200" spellcheck="false";
                    }
                }
                nav.doings aria-label="Main" {
                    @if self.may_upload { a.button.primary href="/upload" { (icon("upload")) span { "Upload" } } }
                    @if self.may_administer { a.button href="/admin" { (icon("shield")) span.wide { "Manage" } } }
                    @match &self.person {
                        Some((name, role)) => {
                            a.button.who href="/account" { (face(name)) span.wide { (name) } span.unseen { ", " (role) } }
                            form action="/sign-out" method="post" {
                                button.button.quiet type="submit" title="Sign out" {
                                    (icon("sign-out")) span.unseen { "Sign out" }
                                }
                            }
                        }
                        None => a.button href="/sign-in" { (icon("person")) span { "Sign in" } },
                    }
                }
            }
        }
    }
}

fn exam_band(until_s: i64) -> Markup {
    html! {
        p.band role="status" {
            (icon("clock")) span { "Exam until " (super::figures::time(until_s)) ". Until then, only its materials are open." }
        }
    }
}

/// A coloured disc with somebody's first letters, as in the window.
pub(super) fn face(name: &str) -> Markup {
    let letters: String = name.split_whitespace().filter_map(|word| word.chars().next()).take(2).collect();
    let colour = blake3::hash(name.as_bytes()).as_bytes().first().map_or(0, |byte| byte % 10);
    html! { span.face.(format!("face-{colour}")) aria-hidden="true" { (letters.to_uppercase()) } }
}

/// The page of an error.
pub(in crate::server) fn problem(server: &Server, visit: Option<&Visit>, problem: &Problem) -> Markup {
    let nobody = || Frame {
        server: server.name(),
        person: None,
        may_search: false,
        may_upload: false,
        may_administer: false,
        closed: vec![],
        managed_by: server.policy().managed_by.clone(),
        exam_until_s: None,
        query: String::new(),
        done: None,
    };
    let frame = visit.map_or_else(nobody, |visit| Frame::of(server, visit));
    let title = match problem.status.as_u16() {
        404 => "Not found",
        401 | 403 => "Not allowed",
        429 | 503 => "One moment",
        409 | 413 | 422 => "Not saved",
        _ => "Something went wrong",
    };
    frame.page(
        title,
        html! {
            section.sheet.narrow {
                h1 { (title) }
                p { (problem.detail) }
                p { a.button href="/" { "Home" } }
            }
        },
    )
}
