//! The policy: what students may do, links, exams, forbidden content, and why somebody may not do something.

use maud::{Markup, html};

use super::{figures, frame::Frame, icons::icon};
use crate::{
    access::{Action, Guests, Policy, Role, Step},
    store::central::{PersonRow, ShareRow},
};

pub(in crate::server) struct PolicyPage {
    pub policy: std::sync::Arc<Policy>,
    pub people: Vec<PersonRow>,
    /// What could be asked about.
    pub shares: Vec<ShareRow>,
    pub may_change: bool,
    pub may_block: bool,
    /// Why the form is here again.
    pub wrong: Option<String>,
    /// What was asked of the rules, and what they said.
    pub explained: Option<(String, Action, Vec<Step>)>,
}

pub(in crate::server) fn policy(frame: &Frame, page: &PolicyPage) -> Markup {
    frame.administration("/admin/policy", "Policy", html! {
        @if let Some(wrong) = &page.wrong { p.notice.bad role="alert" { (icon("warning")) (wrong) } }
        p.soft { "Version " (page.policy.version) @if page.policy.issued_s > 0 { ", of " (figures::time(page.policy.issued_s)) } ". It is signed by this server; enrolled computers fetch it and follow it." }
        (rules(page))
        p { a href="/admin/exams" { "Exams" } " have a page of their own." }
        (explain(page))
        @if page.may_block { (block(page)) }
    })
}

fn rules(page: &PolicyPage) -> Markup {
    let (policy, students) = (&page.policy, &page.policy.students);
    let mib = |bytes: Option<u64>| bytes.map(|bytes| (bytes >> 20).to_string());
    let kib = |bytes: Option<u64>| bytes.map(|bytes| (bytes >> 10).to_string());
    let types = students.refused_types.iter().cloned().collect::<Vec<_>>().join(" ");
    html! {
        form.fields.sheet method="post" action="/admin/policy" {
            input type="hidden" name="version" value=(policy.version);
            fieldset.bare disabled[!page.may_change] {
                @if !page.may_change { p.notice.attention { (icon("lock")) "Only administrators change this." } }
                label { "Organisation" input type="text" name="managed_by" value=(policy.managed_by) required maxlength="100"; span.soft { "Shown as “Managed by …” in apps and on pages." } }
                h2 { "Students" }
                label.check { input type="checkbox" name="upload" value="yes" checked[students.upload]; "may upload files" }
                label.check { input type="checkbox" name="share_with_room" value="yes" checked[students.share_with_room]; "may give files to everyone in the room" }
                label.check { input type="checkbox" name="make_links" value="yes" checked[students.make_links]; "may make links for people without an account" }
                div.columns {
                    label { "Largest file, MiB" input type="number" name="file_mib" min="1" value=[mib(students.file_bytes_max)] placeholder="no limit"; }
                    label { "All of a student’s files, MiB" input type="number" name="quota_mib" min="1" value=[mib(students.quota_bytes)] placeholder="no limit"; }
                    label { "Number of files" input type="number" name="quota_files" min="1" value=[students.quota_files] placeholder="no limit"; }
                    label { "Upload speed, KiB/s" input type="number" name="up_kib" min="1" value=[kib(students.upload_bytes_per_s)] placeholder="no limit"; }
                    label { "Download speed, KiB/s" input type="number" name="down_kib" min="1" value=[kib(students.download_bytes_per_s)] placeholder="no limit"; }
                    label { "Remove after, days" input type="number" name="retention_days" min="1" value=[policy.retention_days] placeholder="never"; }
                }
                label { "Types that students may not upload" input type="text" name="refused_types" value=(types); span.soft { "File extensions, separated by spaces." } }
                h2 { "People without an account" }
                label { "They may" select name="guests" {
                    option value="nothing" selected[policy.guests == Guests::Nothing] { "use links only" }
                    option value="look" selected[policy.guests == Guests::Look] { "look" }
                    option value="download" selected[policy.guests == Guests::Download] { "look and download" }
                } }
                div.columns {
                    label { "Links last, days at most" input type="number" name="link_days" min="1" value=[policy.links.days_max] placeholder="no limit"; }
                    label.check { input type="checkbox" name="link_password" value="yes" checked[policy.links.password_needed]; "Links need a password" }
                }
                h2 { "Signing in" }
                label { "Require two-factor sign-in for" select name="second_factor" {
                    option value="" selected[policy.second_factor_from.is_none()] { "no one" }
                    @for role in [Role::Teacher, Role::Admin, Role::Owner] { option value=(role) selected[policy.second_factor_from == Some(role)] { (role) "s and above" } }
                } }
                button.button.primary type="submit" { "Save as a new version" }
            }
        }
    }
}

fn explain(page: &PolicyPage) -> Markup {
    html! {
        section.sheet #explain {
            h2 { "Could somebody do something?" }
            form.fields.row-form method="get" action="/admin/policy/explain" {
                label { "Who" select name="person" { option value="" { "a guest" } @for person in &page.people { option value=(person.id) { (person.shown) } } } }
                label { "What" select name="action" { @for action in Action::ALL { option value=(action.name()) { (in_words(*action)) } } } }
                label { "With" select name="share" { option value="" { "nothing in particular" } @for share in &page.shares { option value=(share.id) { (share.title) } } } }
                button.button type="submit" { "Ask" }
            }
            @if let Some((who, action, steps)) = &page.explained {
                @let refused = steps.iter().find_map(|step| step.refused.as_ref());
                @match refused {
                    None => p.notice.good { (icon("check")) "Yes: " (who) " could do that: " (in_words(*action)) "." },
                    Some(reason) => p.notice.bad { (icon("warning")) "No: " (reason) },
                }
                ol.steps { @for step in steps { li.no[step.refused.is_some()] { (icon(if step.refused.is_some() { "warning" } else { "check" })) (step.rule) } } }
            }
        }
    }
}

/// What somebody could do, as one says it after "may they …".
fn in_words(action: Action) -> &'static str {
    match action {
        Action::Search => "search",
        Action::SeeShare => "see a share",
        Action::Download => "download",
        Action::Upload => "upload",
        Action::ShareWithRoom => "give to everyone in the room",
        Action::ChangeShare => "change a share",
        Action::RemoveShare => "remove a share",
        Action::MakeLink => "make a link",
        Action::RemoveLink => "take a link back",
        Action::Quarantine => "hide a share",
        Action::BlockContent => "forbid a content",
        Action::ChangeOwnAccount => "change their own account",
        Action::MakeKey => "make a key for programs",
        Action::SeePeople => "see people",
        Action::AddPerson => "add people",
        Action::ChangePerson => "change people",
        Action::RemovePerson => "remove people",
        Action::ChangeGroups => "change groups",
        Action::SeeDevices => "see computers",
        Action::EnrolDevice => "enrol computers",
        Action::RemoveDevice => "remove computers",
        Action::SeePolicy => "see the policy",
        Action::ChangePolicy => "change the policy",
        Action::Exam => "begin or end an exam",
        Action::Explain => "ask what somebody could do",
        Action::SeeAudit => "see the audit log",
        Action::SeeStorage => "see the storage",
        Action::ChangeStorage => "change the storage",
        Action::SeeUpstreams => "see servers above",
        Action::ChangeUpstreams => "change servers above",
        Action::SeeSettings => "see settings",
        Action::ChangeSettings => "change settings",
        Action::Backup => "back up the server",
    }
}

fn block(page: &PolicyPage) -> Markup {
    html! {
        section.sheet {
            h2 { "Forbidden content" }
            p { "A file with this BLAKE3 hash is given to nobody, whatever its name. Its page shows the hash." }
            @if !page.policy.blocked.is_empty() { ul.plain { @for (root, note) in &page.policy.blocked { li {
                form.inline method="post" action="/admin/policy/block" {
                    input type="hidden" name="root" value=(root.to_string()); code.breaks { (root) } span.soft { (note) }
                    button.button type="submit" name="do" value="allow" { "Allow again" }
                }
            } } } }
            form.fields.row-form method="post" action="/admin/policy/block" {
                label { "Hash" input type="text" name="root" required pattern="[0-9a-fA-F]{64}" maxlength="64"; }
                label { "Why" input type="text" name="note" maxlength="100"; }
                button.button type="submit" name="do" value="block" { "Forbid" }
            }
        }
    }
}
