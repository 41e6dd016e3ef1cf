//! The start: what is here, newest first, or what was found.

use maud::{Markup, html};

use super::elsewhere;
use super::{
    figures,
    frame::{Frame, face},
    icons::{icon, kind_of},
};
use crate::{
    server::chain::Elsewhere,
    store::central::{FROM_ABOVE, ShareRow},
};

/// One thing that is shown in the list.
pub(in crate::server) struct Hit {
    pub share: ShareRow,
    /// A file of it, where one was found: its index and its path.
    pub file: Option<(u32, String, u64)>,
}

pub(in crate::server) struct HomePage {
    pub query: String,
    pub hits: Vec<Hit>,
    /// Where the list goes on.
    pub more: Option<i64>,
    /// What servers above have.
    pub elsewhere: Elsewhere,
    pub now_s: i64,
    pub may_search: bool,
}

pub(in crate::server) fn home(frame: &Frame, page: &HomePage) -> Markup {
    let title = if page.query.is_empty() { "Files".to_owned() } else { format!("Search: {}", page.query) };
    frame.page(
        &title,
        html! {
            div.head-line {
                h1 #heading { @if page.query.is_empty() { "Files" } @else { "Results for “" (page.query) "”" } }
            }
            @if page.may_search {
                div #found aria-live="polite" data-live-search="" { (hits(page)) }
            } @else {
                section.blank {
                    (icon("lock"))
                    p { "This server is for people with an account." }
                    p { a.button.primary href="/sign-in" { "Sign in" } }
                }
            }
        },
    )
}

/// The list alone, which the script fetches while somebody types.
pub(in crate::server) fn hits(page: &HomePage) -> Markup {
    html! {
        @if page.hits.is_empty() && page.elsewhere.finds.is_empty() {
            section.blank {
                (icon("search"))
                @if page.query.is_empty() {
                    p { "Nothing was shared yet." }
                    p.soft { "Upload files, or share them with the Handout app of a computer in the room." }
                } @else {
                    p { "Nothing here has all of these words." }
                    p.soft { "Words are found by their beginning: try fewer letters, or another word." }
                }
            }
        } @else {
            @if !page.hits.is_empty() {
                ul.rows { @for hit in &page.hits { (row(hit, page.now_s)) } }
            }
            @if let Some(before) = page.more {
                p.more { a.button rel="next" href=(more(&page.query, before)) { "More" } }
            }
        }
        (elsewhere::list(&page.elsewhere))
    }
}

fn more(query: &str, before: i64) -> String {
    let query: String = query
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("/?q={query}&before={before}")
}

pub(super) fn row(hit: &Hit, now_s: i64) -> Markup {
    let share = &hit.share;
    let (picture, href, name, size) = match &hit.file {
        Some((entry, path, size)) => {
            let name = path.rsplit('/').next().unwrap_or(path);
            (kind_of(name).0, format!("/s/{}/view/{entry}", share.id), name.to_owned(), *size)
        }
        None => {
            let single = if share.files == 1 { kind_of(&share.title).0 } else { "folder" };
            (single, format!("/s/{}", share.id), share.title.clone(), share.size)
        }
    };
    html! {
        li.row {
            a.row-link href=(href) {
                span.tile { (icon(picture)) }
                span.row-name { bdi { (name) } }
                span.row-facts {
                    @if let Some((_, path, _)) = &hit.file {
                        span.wide { "in " bdi { (folder_of(path, &share.title)) } " · " }
                    } @else {
                        (figures::count(share.files, "file", "files")) " · "
                    }
                    (figures::bytes(size))
                    " · " (figures::ago(share.added_s, now_s))
                }
            }
            span.row-who { (face(&share.owner_name)) span.wide { (share.owner_name) } }
            @if share.quarantined { span.mark.bad { (icon("eye-off")) "Hidden" } }
            @if share.origin == FROM_ABOVE && !share.here { span.mark { (icon("computer")) "In another server" } }
            @else if !share.here { span.mark.attention { (icon("warning")) "Files missing" } }
        }
    }
}

fn folder_of(path: &str, title: &str) -> String {
    path.rsplit_once('/').map_or_else(|| title.to_owned(), |(folder, _)| folder.to_owned())
}
