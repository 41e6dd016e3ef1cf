//! A share: its files, and what can be done with it; a file, looked at.

use maud::{Markup, html};

use super::{
    figures,
    frame::{Frame, face},
    icons::{icon, kind_of},
    links::links_section,
};
use crate::{
    access::{Audience, GroupId},
    server::routes::share::edition_of,
    store::central::{GroupRow, LinkRow, ShareRow},
};

/// A file or folder as it is listed.
pub(in crate::server) struct FileLine {
    pub name: String,
    pub href: String,
    /// Where its bytes are; `None` for folders.
    pub download: Option<String>,
    pub size: u64,
    pub is_folder: bool,
    pub modified_s: i64,
}

pub(in crate::server) struct SharePage {
    pub share: ShareRow,
    /// The folders on the way to the one that is shown, with their addresses.
    pub way: Vec<(String, String)>,
    pub lines: Vec<FileLine>,
    /// More files than are listed.
    pub left_out: usize,
    /// Where all of it is had as a zip.
    pub zip: String,
    pub single: Option<String>,
    /// `handout://…`, for the app.
    pub app_link: Option<String>,
    pub audience: String,
    pub may_change: bool,
    pub may_remove: bool,
    pub may_hide: bool,
    pub may_link: bool,
    /// A form that was refused: why, and what was typed.
    pub failed: Option<(String, Typed)>,
    pub groups: Vec<GroupRow>,
    pub links: Vec<LinkRow>,
    pub links_at: String,
    pub now_s: i64,
}

/// What was typed into a form of the page.
pub(in crate::server) enum Typed {
    Change { title: String, audience: Audience },
    Link { days: String, downloads: String },
}

pub(in crate::server) fn share(frame: &Frame, page: &SharePage) -> Markup {
    let share = &page.share;
    frame.page(&share.title, html! {
        article {
            header.share-head {
                div {
                    h1 { bdi { (share.title) } }
                    p.soft.who-line {
                        (face(&share.owner_name)) (share.owner_name)
                        " · " (figures::count(share.files, "file", "files"))
                        " · " (figures::bytes(share.size))
                        " · " (figures::ago(share.added_s, page.now_s))
                        " · " (page.audience)
                    }
                }
                div.doings {
                    @if share.here {
                        @if let Some(single) = &page.single {
                            a.button.primary href=(single) download="" { (icon("download")) "Download" }
                        } @else {
                            a.button.primary href=(page.zip) download="" { (icon("download")) "Download all (zip)" }
                        }
                    }
                    @if let Some(link) = &page.app_link { a.button href=(link) { (icon("computer")) "Open in the app" } }
                }
            }
            @if share.quarantined {
                p.notice.bad { (icon("eye-off")) span { "This share is hidden from everybody but teachers." @if !share.note.is_empty() { " " (share.note) } } }
            }
            @if !share.here { p.notice.attention { (icon("warning")) "The files of this share are not on the server any more." } }
            (files(page))
            @if page.may_link { (links_section(page)) }
            @if page.may_change { (change_form(page)) }
            (danger(page))
        }
    })
}

pub(super) fn files(page: &SharePage) -> Markup {
    html! {
        @if !page.way.is_empty() {
            nav.way aria-label="Folders" {
                @for (place, (name, href)) in page.way.iter().enumerate() {
                    @if place > 0 { span aria-hidden="true" { "/" } }
                    a href=(href) { bdi { (name) } }
                }
            }
        }
        table.files {
            caption.unseen { "Files" }
            thead { tr { th scope="col" { "Name" } th.number scope="col" { "Size" } th.wide-cell scope="col" { "Changed" } th { span.unseen { "Download" } } } }
            tbody {
                @for line in &page.lines {
                    tr {
                        td.name { a href=(line.href) { span.tile.small { (icon(if line.is_folder { "folder" } else { kind_of(&line.name).0 })) } bdi { (line.name) } } }
                        td.number { @if !line.is_folder { (figures::bytes(line.size)) } }
                        td.wide-cell.soft { @if !line.is_folder { (figures::date(line.modified_s)) } }
                        td.act {
                            @if let Some(download) = &line.download {
                                a.button.quiet href=(download) download="" { (icon("download")) span.unseen { "Download " (line.name) } }
                            }
                        }
                    }
                }
            }
        }
        @if page.left_out > 0 {
            p.soft { "and " (figures::count(page.left_out as u64, "more", "more")) ". All of them are in the zip." }
        }
    }
}

fn change_form(page: &SharePage) -> Markup {
    let share = &page.share;
    let (problem, title, audience) = match &page.failed {
        Some((problem, Typed::Change { title, audience })) => (Some(problem), title, audience),
        _ => (None, &share.title, &share.audience),
    };
    html! {
        details.sheet open[problem.is_some()] {
            summary { "Edit title and access" }
            @if let Some(problem) = problem { (refused(problem)) }
            form.fields method="post" action=(format!("/s/{}/change", share.id)) {
                input type="hidden" name="seen" value=(edition_of(share));
                label { "Title" input type="text" name="title" value=(title) maxlength="200" required autofocus[problem.is_some()]; }
                (audience_fields(audience, &page.groups))
                button.button.primary type="submit" { "Save" }
            }
        }
    }
}

/// Why a form was refused, above it.
pub(super) fn refused(problem: &str) -> Markup {
    html! { p.notice.bad role="alert" { (icon("warning")) span { (problem) } } }
}

/// Who may have it, as fields of a form.
pub(super) fn audience_fields(audience: &Audience, groups: &[GroupRow]) -> Markup {
    let chosen = |group: GroupId| matches!(audience, Audience::Groups(groups) if groups.contains(&group));
    html! {
        fieldset.choices {
            legend { "Who may have it" }
            label { input type="radio" name="audience" value="room" checked[*audience == Audience::Room]; "Everyone in the room" }
            @if !groups.is_empty() {
                label { input type="radio" name="audience" value="groups" checked[matches!(audience, Audience::Groups(_))]; "These groups" }
                div.sub {
                    @for group in groups {
                        label { input type="checkbox" name="group" value=(group.id) checked[chosen(group.id)]; (group.name) }
                    }
                }
            }
            label { input type="radio" name="audience" value="owner" checked[*audience == Audience::Owner]; "Nobody else, but with a link" }
        }
    }
}

fn danger(page: &SharePage) -> Markup {
    let share = &page.share;
    html! {
        @if page.may_hide || page.may_remove {
            div.doings.apart {
                @if page.may_hide {
                    form.inline method="post" action=(format!("/s/{}/quarantine", share.id)) {
                        @if share.quarantined {
                            input type="hidden" name="hide" value="no";
                            button.button type="submit" { (icon("check")) "Show it again" }
                        } @else {
                            input type="hidden" name="hide" value="yes";
                            label { span.unseen { "Why it is hidden" } input type="text" name="note" placeholder="Why? Teachers see it" maxlength="200"; }
                            button.button type="submit" { (icon("eye-off")) "Hide" }
                        }
                    }
                }
                @if page.may_remove {
                    form.inline method="post" action=(format!("/s/{}/remove", share.id)) {
                        label.confirm { input type="checkbox" name="sure" value="yes" required; "Really" }
                        button.button.danger type="submit" { (icon("bin")) "Remove from the server" }
                    }
                }
            }
        }
    }
}

/// A file that is looked at.
pub(in crate::server) struct ViewPage {
    pub share: ShareRow,
    pub name: String,
    pub size: u64,
    pub modified_s: i64,
    pub root: String,
    pub download: String,
    pub back: String,
    /// Where it can be shown from, and as what.
    pub shown: Option<(String, &'static str)>,
    /// The beginning of a text.
    pub text: Option<(String, bool)>,
}

pub(in crate::server) fn view(frame: &Frame, page: &ViewPage) -> Markup {
    frame.page(&page.name, html! {
        article {
            nav.way aria-label="Folders" { a href=(page.back) { bdi { (page.share.title) } } }
            header.share-head {
                div {
                    h1 { bdi { (page.name) } }
                    p.soft { (figures::bytes(page.size)) " · changed " (figures::date(page.modified_s)) " · from " (page.share.owner_name) }
                }
                div.doings {
                    @if page.text.is_some() { button.button data-copy="#text" type="button" hidden { (icon("copy")) "Copy" } }
                    a.button.primary href=(page.download) download="" { (icon("download")) "Download" }
                }
            }
            @match &page.shown {
                Some((src, "picture")) => figure.shown { img src=(src) alt=(page.name); },
                Some((src, "video")) => figure.shown { video controls preload="metadata" src=(src) {} },
                Some((src, _)) => figure.shown { audio controls preload="metadata" src=(src) {} },
                None => {}
            }
            @if let Some((text, cut)) = &page.text {
                pre #text tabindex="0" { (text) }
                @if *cut { p.soft { "This is the beginning; all of it is in the download." } }
            }
            @if page.shown.is_none() && page.text.is_none() {
                section.blank { (icon(kind_of(&page.name).0)) p { "Files of this kind are downloaded, and opened by the program they are for." } }
            }
            details.sheet {
                summary { "Check that it arrived whole" }
                p { "Every byte is right if " code { "b3sum" } " tells this:" }
                pre.hash #hash { (page.root) }
                button.button data-copy="#hash" type="button" hidden { (icon("copy")) "Copy" }
            }
        }
    })
}
