//! People and groups.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{
    figures,
    forms::{self, TypedForm},
    frame::{Frame, face},
    icons::icon,
};
use crate::{
    access::{GroupId, PersonId, Role},
    store::central::{GroupRow, PersonRow, Usage},
};

#[derive(Default)]
pub(in crate::server) struct PeoplePage {
    pub people: Vec<PersonRow>,
    pub memberships: BTreeMap<PersonId, BTreeSet<GroupId>>,
    pub groups: Vec<GroupRow>,
    /// The roles that whoever looks may give.
    pub roles: Vec<Role>,
    /// Accounts that were just made, with their first passwords: they are shown this once.
    pub made: Vec<(String, String, String)>,
    /// People of a list who were here already: name, name to sign in with, and what became of them.
    pub moved: Vec<(String, String, String)>,
    /// Lines of a list that could not be taken.
    pub wrong: Vec<String>,
    /// Forms that could not be taken.
    pub add: TypedForm,
    pub import: TypedForm,
    /// The one of a group, or of a new one.
    pub group: Option<(Option<GroupId>, TypedForm)>,
}

pub(in crate::server) fn people(frame: &Frame, page: &PeoplePage) -> Markup {
    let name_of =
        |id: &GroupId| page.groups.iter().find(|group| group.id == *id).map_or("", |group| group.name.as_str());
    frame.administration("/admin/people", "People", html! {
        (made(page))
        @for wrong in &page.wrong { p.notice.bad role="alert" { (icon("warning")) (wrong) } }
        table.plain { thead { tr { th scope="col" { "Name" } th scope="col" { "Signs in as" } th scope="col" { "Role" } th scope="col" { "Groups" } th.wide-cell scope="col" { "Codes" } } }
            tbody { @for person in &page.people { tr.off[!person.active] {
                td.name { a href=(format!("/admin/people/{}", person.id)) { (face(&person.shown)) (person.shown) } @if !person.active { span.mark { "switched off" } } }
                td { (person.name) }
                td { (person.role) }
                td { @for (place, group) in page.memberships.get(&person.id).into_iter().flatten().enumerate() { @if place > 0 { ", " } (name_of(group)) } }
                td.wide-cell { @if person.totp.is_some() { (icon("check")) span.unseen { "on" } } }
            } } }
        }
        (add(page))
        (import(page))
        (groups(page))
    })
}

fn add(page: &PeoplePage) -> Markup {
    let typed = &page.add;
    let role = typed.or("role", Role::Student.name());
    let group = typed.or("group", "");
    html! {
        section.sheet { h2 { "Add somebody" }
            (typed.head())
            form.fields.row-form method="post" action="/admin/people" {
                label { "Name" input type="text" name="shown" required maxlength="100" value=(typed.or("shown", "")) autofocus[typed.is_wrong("shown")] aria-invalid=[typed.invalid("shown")]; (typed.fault("shown")) }
                label { "Signs in as" input type="text" name="name" required maxlength="60" autocapitalize="none" pattern="[A-Za-z0-9._\\-]+" value=(typed.or("name", "")) autofocus[typed.is_wrong("name")] aria-invalid=[typed.invalid("name")]; (typed.fault("name")) }
                label { "Role" select name="role" { @for known in &page.roles { option value=(known) selected[known.name() == role] { (known) } } } (typed.fault("role")) }
                label { "Group" select name="group" { option value="" { "none" } @for known in &page.groups { option value=(known.id) selected[known.id.to_string() == group] { (known.name) } } } }
                button.button.primary type="submit" { "Add" }
            }
            p.soft { "A first password is made and shown; it must be changed at the first sign-in." }
        }
    }
}

fn import(page: &PeoplePage) -> Markup {
    let typed = &page.import;
    html! {
        section.sheet { h2 { "Import a class" }
            form.fields method="post" action="/admin/people/import" {
                label { "A list, one person a line: " code { "name, signs in as, group" } " – or with headings, in any order"
                    textarea name="list" rows="6" required placeholder="Ann Miller, ann.miller, 7b\nBen Okoro, ben.okoro, 7b" data-file-into="" autofocus[typed.was_sent()] aria-invalid=[typed.invalid("list")] { (typed.or("list", "")) }
                    (typed.fault("list")) }
                label.button hidden data-needs-script="" { (icon("file")) "From a CSV file" input.unseen type="file" accept=".csv,.tsv,.txt,text/csv,text/plain" data-read-into="list" data-read-by="/admin/people/import/text"; }
                button.button.primary type="submit" { "Import" }
            }
            p.soft { "Students who are here already move to the class of their line." }
        }
    }
}

fn groups(page: &PeoplePage) -> Markup {
    let nothing = TypedForm::default();
    let typed_for = |id: Option<GroupId>| match &page.group {
        Some((group, typed)) if *group == id => typed,
        _ => &nothing,
    };
    let new = typed_for(None);
    html! {
        section.sheet { h2 { "Groups" }
            @if !page.groups.is_empty() { ul.plain { @for group in &page.groups { li {
                @let typed = typed_for(Some(group.id));
                form.inline method="post" action=(format!("/admin/groups/{}", group.id)) {
                    (forms::version(&group.version()))
                    label { span.unseen { "Name" } input type="text" name="name" value=(typed.or("name", &group.name)) maxlength="60" required autofocus[typed.is_wrong("name")] aria-invalid=[typed.invalid("name")]; (typed.fault("name")) }
                    span.soft { (figures::count(group.members, "person", "people")) }
                    button.button type="submit" name="do" value="rename" { "Rename" }
                    button.button type="submit" name="do" value="remove" { (icon("bin")) span.unseen { "Remove " (group.name) } }
                }
            } } } }
            form.fields.row-form method="post" action="/admin/groups" {
                label { "New group" input type="text" name="name" required maxlength="60" placeholder="7b" value=(new.or("name", "")) autofocus[new.is_wrong("name")] aria-invalid=[new.invalid("name")]; (new.fault("name")) }
                button.button.primary type="submit" { "Add" }
            }
        }
    }
}

fn made(page: &PeoplePage) -> Markup {
    html! {
        @if !page.made.is_empty() {
            section.sheet {
                p.notice.good role="status" { (icon("check")) "Made. These first passwords are shown this once: print them or write them down." }
                table.plain #made { thead { tr { th scope="col" { "Name" } th scope="col" { "Signs in as" } th scope="col" { "First password" } } }
                    tbody { @for (shown, name, password) in &page.made { tr { td { (shown) } td { (name) } td { code { (password) } } } } }
                }
                button.button data-copy="#made" type="button" hidden { (icon("copy")) "Copy" }
            }
        }
        @if !page.moved.is_empty() {
            section.sheet {
                p.notice.good role="status" { (icon("check")) "These students are here already:" }
                table.plain { thead { tr { th scope="col" { "Name" } th scope="col" { "Signs in as" } th scope="col" { "Now" } } }
                    tbody { @for (shown, name, said) in &page.moved { tr { td { (shown) } td { (name) } td { (said) } } } }
                }
            }
        }
    }
}

pub(in crate::server) struct OnePerson {
    pub person: PersonRow,
    pub groups: BTreeSet<GroupId>,
    pub all_groups: Vec<GroupRow>,
    pub roles: Vec<Role>,
    pub usage: Usage,
    pub may_remove: bool,
    pub new_password: Option<String>,
    /// A form that could not be taken.
    pub typed: TypedForm,
}

pub(in crate::server) fn person(frame: &Frame, page: &OnePerson) -> Markup {
    let person = &page.person;
    let at = format!("/admin/people/{}", person.id);
    let (typed, version) = (&page.typed, person.version(&page.groups));
    // A box that is not ticked is not sent.
    let kept = typed.has("do", "change");
    let in_group =
        |group: GroupId| if kept { typed.has("group", &group.to_string()) } else { page.groups.contains(&group) };
    let active = if kept { typed.has("active", "yes") } else { person.active };
    let role = typed.or("role", person.role.name());
    frame.administration("/admin/people", &person.shown, html! {
        p.soft { "Signs in as " strong { (person.name) } " · has " (figures::bytes(page.usage.bytes)) " in " (figures::count(page.usage.shares, "share", "shares")) " here · since " (figures::date(person.created_s)) }
        @if let Some(password) = &page.new_password {
            p.notice.good role="status" { (icon("check")) "The new password is shown this once:" }
            pre.hash #password { (password) }
            button.button data-copy="#password" type="button" hidden { (icon("copy")) "Copy" }
        }
        (typed.head())
        form.fields.sheet method="post" action=(at) {
            (forms::version(&version))
            label { "Name" input type="text" name="shown" value=(typed.or("shown", &person.shown)) required maxlength="100" aria-invalid=[typed.invalid("shown")]; (typed.fault("shown")) }
            label { "Role" select name="role" { @for known in &page.roles { option value=(known) selected[known.name() == role] { (known) } } } (typed.fault("role")) }
            fieldset.choices { legend { "Groups" } div.sub { @for group in &page.all_groups { label { input type="checkbox" name="group" value=(group.id) checked[in_group(group.id)]; (group.name) } } } }
            label.check { input type="checkbox" name="active" value="yes" checked[active]; "May sign in" }
            button.button.primary type="submit" name="do" value="change" { "Save" }
        }
        div.doings.apart {
            form method="post" action=(at) { (forms::version(&version)) button.button type="submit" name="do" value="password" { (icon("lock")) "Give a new password" } }
            @if person.totp.is_some() { form method="post" action=(at) { (forms::version(&version)) button.button type="submit" name="do" value="codes" { "Take one-time codes off (phone lost)" } } }
            @if page.may_remove {
                form.inline method="post" action=(format!("{at}/remove")) {
                    (forms::version(&version))
                    label.confirm { input type="checkbox" name="sure" value="yes" required; "Really" }
                    button.button.danger type="submit" { (icon("bin")) "Remove the account" }
                }
            }
        }
    })
}

pub(in crate::server) fn person_with_password(frame: &Frame, mut page: OnePerson, password: String) -> Markup {
    page.new_password = Some(password);
    person(frame, &page)
}
