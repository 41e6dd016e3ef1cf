//! What is kept, whose it is, and what is unfinished.

use maud::{Markup, html};

use super::{figures, frame::Frame, icons::icon};
use crate::store::central::{Batch, OwnerUsage, Usage};

pub(in crate::server) struct StoragePage {
    pub usage: Usage,
    /// What is on the disk because somebody wanted it, and others have as well.
    pub copies_bytes: u64,
    pub owners: Vec<OwnerUsage>,
    /// With whose it is, and how many bytes are here of how many.
    pub unfinished: Vec<(Batch, String, u64, u64)>,
    pub free_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
    pub reserve_bytes: u64,
    /// The copies of the database that were made here, newest first: name and size.
    pub backups: Vec<(String, u64)>,
    pub may_change: bool,
    pub may_back_up: bool,
    pub now_s: i64,
}

pub(in crate::server) fn storage(frame: &Frame, page: &StoragePage) -> Markup {
    frame.administration("/admin/storage", "Storage", html! {
        dl.figures {
            div { dt { "Shares" } dd { (page.usage.shares) } }
            div { dt { "Files" } dd { (page.usage.files) } }
            div { dt { "Size" } dd { (figures::bytes(page.usage.bytes)) } }
        }
        section.sheet {
            h2 { "Disk" }
            @match (page.free_bytes, page.total_bytes) {
                (Some(free), Some(total)) if total > 0 => {
                    @let used = total.saturating_sub(free);
                    meter min="0" max=(total) value=(used) high=(total / 10 * 9) aria-label="Used of the disk" { (figures::bytes(used)) }
                    p { (figures::bytes(used)) " of " (figures::bytes(total)) " used; " (figures::bytes(page.reserve_bytes)) " are kept free (see " a href="/admin/settings" { "Settings" } ")." }
                }
                _ => p { "The system does not tell how full the disk is." },
            }
            @if page.copies_bytes > 0 {
                p { (figures::bytes(page.copies_bytes)) " are copies of what other servers and computers have. When room is needed, those go that were not used for longest; they come again when they are wanted." }
            }
        }
        (owners(page))
        (unfinished(page))
        (backups(page))
    })
}

fn owners(page: &StoragePage) -> Markup {
    html! {
        h2 { "Who has most" }
        @if page.owners.is_empty() { section.blank { (icon("disk")) p { "Nothing is kept here yet." } } }
        @else {
            table.plain {
                caption.unseen { "Who has most" }
                thead { tr { th scope="col" { "Whose" } th.number scope="col" { "Size" } th.number scope="col" { "Files" } th.number scope="col" { "Shares" } } }
                tbody { @for owner in &page.owners { tr {
                    td { bdi { (owner.name) } }
                    td.number { (figures::bytes(owner.usage.bytes)) } td.number { (owner.usage.files) } td.number { (owner.usage.shares) }
                } } }
            }
        }
    }
}

fn unfinished(page: &StoragePage) -> Markup {
    html! {
        @if !page.unfinished.is_empty() {
            h2 { "Unfinished uploads" }
            table.plain {
                caption.unseen { "Unfinished uploads" }
                thead { tr { th scope="col" { "Title" } th scope="col" { "Whose" } th.number scope="col" { "Here" } th scope="col" { "Last went on" } th { span.unseen { "Remove" } } } }
                tbody { @for (batch, whose, here, of) in &page.unfinished { tr {
                    td { bdi { (batch.title) } @if !batch.problem.is_empty() { span.soft { " " (batch.problem) } } }
                    td { bdi { (whose) } }
                    td.number { (figures::bytes(*here)) " of " (figures::bytes(*of)) }
                    td { (figures::ago(batch.touched_s, page.now_s)) }
                    td { @if page.may_change { form method="post" action=(format!("/admin/storage/unfinished/{}/remove", batch.id)) {
                        button.button.quiet type="submit" { (icon("bin")) span.unseen { "Remove what came of " (batch.title) } }
                    } } }
                } } }
            }
        }
    }
}

fn backups(page: &StoragePage) -> Markup {
    html! {
        @if page.may_back_up {
            section.sheet {
                h2 { "Copies of the database" }
                p { "Accounts, groups, policy and the audit log, as they are at that moment, in the folder " code { "backups" } " of the home folder. For all of the server, files and keys too, there is " code { "handout admin backup FOLDER" } " at its console." }
                @if !page.backups.is_empty() { ul { @for (name, size) in &page.backups { li { code { (name) } " · " (figures::bytes(*size)) } } } }
                form method="post" action="/admin/backup" { button.button type="submit" { (icon("disk")) "Make a copy now" } }
            }
        }
    }
}
