//! What servers above have, in lists and on a page of its own.

use maud::{Markup, html};

use super::{
    figures,
    frame::Frame,
    icons::{icon, kind_of},
};
use crate::{
    chain::{Find, FindKind},
    server::chain::{Elsewhere, reason_words, route_words},
    share::{Entry, EntryKind},
    store::central::ShareRow,
};

/// More files are not listed before they are here.
const LISTED_MAX: usize = 500;

/// A share that is not here yet.
pub(in crate::server) struct ElsewherePage {
    pub find: Find,
    pub route: String,
}

/// What was found above, below the hits of this server.
pub(super) fn list(elsewhere: &Elsewhere) -> Markup {
    html! {
        @if !elsewhere.finds.is_empty() {
            h2 { "On other computers" }
            ul.rows { @for find in &elsewhere.finds { (row(find)) } }
        }
        @for (name, reason) in &elsewhere.missing {
            p.soft role="status" { (icon("warning")) " " (name) " " (reason_words(*reason)) ", so there may be more." }
        }
    }
}

fn row(find: &Find) -> Markup {
    html! {
        li.row {
            a.row-link href=(format!("/s/{}", find.share)) {
                span.tile { (icon(picture(find))) }
                span.row-name { bdi { (find.title) } }
                span.row-facts {
                    (figures::count(u64::from(find.files), "file", "files")) " · " (figures::bytes(find.size))
                }
                span.row-facts.route { bdi { (route_words(&find.route)) } }
            }
        }
    }
}

fn picture(find: &Find) -> &'static str {
    if find.kind == FindKind::File { kind_of(&find.title).0 } else { "folder" }
}

pub(in crate::server) fn elsewhere(frame: &Frame, page: &ElsewherePage) -> Markup {
    let find = &page.find;
    let entries = find.manifest.as_ref().map_or(&[][..], |signed| &signed.manifest().entries);
    let files: Vec<(usize, &Entry)> =
        entries.iter().enumerate().filter(|(_, entry)| entry.kind != EntryKind::Folder).collect();
    let address = |(index, entry): &(usize, &Entry)| {
        let name = crate::server::routes::files::escaped(entry.path.name());
        format!("/s/{}/f/{index}/{name}", find.share)
    };
    frame.page(&find.title, html! {
        article {
            header.share-head {
                div {
                    h1 { bdi { (find.title) } }
                    p.soft.who-line { (figures::count(u64::from(find.files), "file", "files")) " · " (figures::bytes(find.size)) }
                    p.route { (icon("computer")) " " bdi { (page.route) } }
                }
                div.doings {
                    @if let [only] = &files[..] {
                        a.button.primary href=(address(only)) download="" { (icon("download")) "Download" }
                    } @else {
                        a.button.primary href=(format!("/s/{}/zip", find.share)) download="" { (icon("download")) "Download all (zip)" }
                        form.inline method="post" action=(format!("/s/{}/bring", find.share)) {
                            button.button type="submit" { "Bring it to this server" }
                        }
                    }
                }
            }
            p.soft { "This is on another computer. What you download is kept here, so whoever wants it next gets it from here." }
            @if files.len() > 1 {
                table.files {
                    caption.unseen { "Files" }
                    thead { tr { th scope="col" { "Name" } th.number scope="col" { "Size" } } }
                    tbody {
                        @for file in files.iter().take(LISTED_MAX) {
                            tr {
                                td.name { a href=(address(file)) download="" { bdi { (file.1.path) } } }
                                td.number { (figures::bytes(file.1.kind.size())) }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// A share that is known from before, while the server that has it can't be asked. `problem`: why, and what now.
pub(in crate::server) fn out_of_reach(frame: &Frame, share: &ShareRow, problem: &str) -> Markup {
    frame.page(
        &share.title,
        html! {
            article {
                header.share-head {
                    div {
                        h1 { bdi { (share.title) } }
                        p.soft.who-line {
                            (figures::count(share.files, "file", "files")) " · " (figures::bytes(share.size))
                            @if !share.owner_name.is_empty() { " · in " bdi { (share.owner_name) } }
                        }
                    }
                }
                p.notice.attention { (icon("warning")) span { "This is in another server. " (problem) } }
                p { a.button href=(format!("/s/{}", share.id)) { "Try again" } }
            }
        },
    )
}
