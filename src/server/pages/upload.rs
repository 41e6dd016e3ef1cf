//! Uploading. This is the one page that needs a script; without one it says what to do.

use maud::{Markup, html};

use super::{figures, frame::Frame, icons::icon, share::audience_fields};
use crate::{
    access::Audience,
    store::central::{Batch, BatchState, GroupRow, Usage},
};

pub(in crate::server) struct UploadPage {
    pub groups: Vec<GroupRow>,
    pub room: bool,
    pub usage: Usage,
    pub quota_bytes: Option<u64>,
    pub file_bytes_max: Option<u64>,
    /// What is not done yet, with how many files are listed.
    pub unfinished: Vec<(Batch, usize)>,
    pub now_s: i64,
}

pub(in crate::server) fn upload(frame: &Frame, page: &UploadPage) -> Markup {
    let audience = if page.room { Audience::Room } else { Audience::Owner };
    frame.page("Upload", html! {
        h1 { "Upload" }
        noscript { p.notice.attention { (icon("warning")) "Uploading needs JavaScript in this browser. Everything else works without; or use the Handout app." } }
        form #upload.fields hidden {
            div.drop #drop tabindex="0" role="button" aria-describedby="drop-hint" {
                (icon("upload"))
                p { strong { "Drop files or folders here" } }
                p.soft #drop-hint { "or choose them:" }
                p.doings.centred {
                    label.button { "Files" input.unseen type="file" #files multiple; }
                    label.button { "A folder" input.unseen type="file" #folder webkitdirectory; }
                }
            }
            label { "Title" input type="text" #title maxlength="200" placeholder="left empty: the name of the file or folder"; }
            (audience_fields(&audience, &page.groups))
            div #chosen aria-live="polite" {}
            div.doings {
                button.button.primary #start type="submit" disabled { (icon("upload")) "Upload" }
                button.button #pause type="button" hidden { (icon("pause")) "Pause" }
            }
            div.progress #progress hidden { progress max="1" value="0" {} p role="status" {} }
        }
        p.soft {
            "You have " (figures::bytes(page.usage.bytes)) " here"
            @if let Some(quota) = page.quota_bytes { " of " (figures::bytes(quota)) }
            "."
            @if let Some(limit) = page.file_bytes_max { " A file may have at most " (figures::bytes(limit)) "." }
        }
        @if !page.unfinished.is_empty() {
            section {
                h2 { "Not done yet" }
                p.soft { "Choose the same files again, and an upload goes on where it was." }
                ul.rows #unfinished {
                    @for (batch, files) in &page.unfinished {
                        li.row data-batch=(batch.id) data-state=(batch.state.name()) {
                            span.tile { (icon("clock")) }
                            span.row-name { bdi { @if batch.title.is_empty() { "Upload" } @else { (batch.title) } } }
                            span.row-facts {
                                (figures::count(*files as u64, "file", "files")) " · begun " (figures::ago(batch.created_s, page.now_s))
                                @match batch.state {
                                    BatchState::Sealing => { " · being checked; it appears in a moment" }
                                    BatchState::Failed => { " · " (batch.problem) }
                                    _ => {}
                                }
                            }
                            button.button.quiet type="button" data-give-up=(batch.id) hidden { (icon("bin")) span.unseen { "Give it up" } }
                        }
                    }
                }
            }
        }
    })
}
