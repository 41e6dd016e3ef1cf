//! Exams: those that are on, the form for another, and what a pupil sees of one.

use std::sync::Arc;

use maud::{Markup, html};

use super::{figures, frame::Frame, home, icons::icon};
use crate::{
    access::{Audience, Exam, Policy},
    server::pages::Hit,
    share::ShareId,
    store::central::{GroupRow, ShareRow},
};

pub(in crate::server) struct ExamsPage {
    pub policy: Arc<Policy>,
    pub groups: Vec<GroupRow>,
    /// Of what is handed out now.
    pub titles: Vec<(ShareId, String)>,
    pub form: ExamForm,
    pub wrong: Option<String>,
    pub now_s: i64,
}

/// What was typed and chosen so far.
pub(in crate::server) struct ExamForm {
    pub minutes: String,
    pub groups: Vec<String>,
    pub hand_in: bool,
    pub query: String,
    pub chosen: Vec<ShareRow>,
    pub found: Vec<ShareRow>,
}

pub(in crate::server) fn exams(frame: &Frame, page: &ExamsPage) -> Markup {
    let on: Vec<&Exam> = page.policy.exams_on(page.now_s).collect();
    frame.administration(
        "/admin/exams",
        "Exams",
        html! {
            @if let Some(wrong) = &page.wrong { p.notice.bad role="alert" { (icon("warning")) (wrong) } }
            @for exam in &on { (running(page, exam)) }
            (form(page))
        },
    )
}

fn running(page: &ExamsPage, exam: &Exam) -> Markup {
    let title =
        |id: &ShareId| page.titles.iter().find(|(known, _)| known == id).map_or("", |(_, title)| title.as_str());
    html! {
        section.sheet {
            h2 { (classes(&page.groups, exam)) }
            p.notice.attention { (icon("clock")) span { "Exam until " (figures::time(exam.until_s)) "." } }
            p { "Materials: " @if exam.handouts.is_empty() { "none" } @for (place, id) in exam.handouts.iter().enumerate() { @if place > 0 { ", " } a href=(format!("/s/{id}")) { (title(id)) } } }
            p { @if exam.hand_in { "Work can be handed in." } @else { "Nothing can be handed in." } }
            form method="post" action="/admin/policy/exam" {
                input type="hidden" name="do" value="end"; input type="hidden" name="exam" value=(exam.name());
                button.button type="submit" { "End this exam" }
            }
        }
    }
}

fn classes(groups: &[GroupRow], exam: &Exam) -> String {
    if exam.groups.is_empty() {
        return "All students".to_owned();
    }
    let names: Vec<&str> =
        groups.iter().filter(|group| exam.groups.contains(&group.id)).map(|group| group.name.as_str()).collect();
    if names.is_empty() { "A class that no longer exists".to_owned() } else { names.join(", ") }
}

fn form(page: &ExamsPage) -> Markup {
    let form = &page.form;
    html! {
        section.sheet {
            h2 { "Begin an exam" }
            p { "Until it ends, these students see only the materials, and can hand in their work. It ends by itself." }
            form.fields method="post" action="/admin/policy/exam" {
                label { "Minutes" input type="number" name="minutes" min="1" max="1440" value=(form.minutes) required; }
                @if !page.groups.is_empty() {
                    fieldset.choices { legend { "Classes (none: all students)" } div.sub { @for group in &page.groups {
                        @let id = group.id.to_string();
                        label { input type="checkbox" name="group" value=(id) checked[form.groups.contains(&id)]; (group.name) }
                    } } }
                }
                fieldset.choices {
                    legend { "Materials" }
                    div.fields.row-form {
                        label { "Search all shares" input type="search" name="q" value=(form.query) maxlength="200"; }
                        button.button type="submit" formmethod="get" formaction="/admin/exams" formnovalidate { (icon("search")) "Search" }
                    }
                    div.sub {
                        @for share in &form.chosen { (choice(share, true, page)) }
                        @for share in &form.found { (choice(share, false, page)) }
                        @if form.found.is_empty() && form.chosen.is_empty() { p.soft { "No share has all of these words." } }
                    }
                }
                label.check { input type="checkbox" name="hand_in" value="yes" checked[form.hand_in]; "Work can be handed in" }
                button.button.primary type="submit" { "Begin exam" }
            }
        }
    }
}

/// A share to choose, with what tells it from another of the same title.
fn choice(share: &ShareRow, chosen: bool, page: &ExamsPage) -> Markup {
    let whom = match &share.audience {
        Audience::Room => "everyone".to_owned(),
        Audience::Owner => "private".to_owned(),
        Audience::Groups(ids) => {
            let named = page.groups.iter().filter(|group| ids.contains(&group.id)).map(|group| group.name.as_str());
            named.collect::<Vec<_>>().join(", ")
        }
    };
    html! {
        label {
            input type="checkbox" name="share" value=(share.id) checked[chosen];
            span { bdi { (share.title) } span.soft { " · " (share.owner_name) " · " (whom) " · " (figures::ago(share.added_s, page.now_s)) } }
        }
    }
}

/// The home page of somebody who sits an exam.
pub(in crate::server) fn exam_home(
    frame: &Frame,
    exam: &Exam,
    hits: &[Hit],
    handed_in: Option<&[ShareRow]>,
    now_s: i64,
) -> Markup {
    frame.page("Exam", html! {
        div.head-line { h1 { "Exam" } }
        p { "Ends at " (figures::time(exam.until_s)) ". Until then you can open the materials below and nothing else." }
        h2 { "Materials" }
        @if hits.is_empty() { p.soft { "No files were handed out for this exam." } }
        @else { ul.rows { @for hit in hits { (home::row(hit, now_s)) } } }
        @if exam.hand_in { @if let Some(handed_in) = handed_in {
            h2 { "Your work" }
            @if handed_in.is_empty() { p.soft { "You haven't handed in anything yet." } }
            @else { ul.rows { @for share in handed_in {
                li.row { a.row-link href=(format!("/handed-in/{}", share.id)) {
                    span.tile { (icon("check")) }
                    span.row-name { bdi { (share.title) } }
                    span.row-facts { "Handed in " (figures::time(share.added_s)) " · " (figures::count(share.files, "file", "files")) " · " (figures::bytes(share.size)) }
                } }
            } } }
            p { a.button.primary href="/upload" { (icon("upload")) "Hand in" } }
        } @else {
            p { a.button.primary href="/sign-in" { "Sign in to hand in" } }
        } }
    })
}

/// What came of handing in.
pub(in crate::server) fn handed_in(frame: &Frame, share: &ShareRow, files: &[(String, u64)]) -> Markup {
    frame.page("Handed in", html! {
        section.sheet {
            h1 { "Handed in" }
            p.notice.good role="status" { (icon("check")) span { "The server received your work at " (figures::time(share.added_s)) "." } }
            dl.facts {
                div { dt { "Title" } dd { bdi { (share.title) } } }
                div { dt { "Size" } dd { (figures::count(share.files, "file", "files")) ", " (figures::bytes(share.size)) } }
                div { dt { "Number" } dd { code { (share.id.short()) } } }
            }
            ul.plain { @for (path, size) in files { li { bdi { (path) } " · " (figures::bytes(*size)) } } }
            p.doings { a.button href="/" { "Home" } a.button href="/upload" { "Hand in more" } }
        }
    })
}
