//! The servers above, for those who run this one.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{frame::Frame, icons::icon};
use crate::{
    chain::{Bringing, Health, UpstreamStatus},
    server::{chain::route_words, routes::elsewhere::health_words},
    share::PeerId,
};

pub(in crate::server) struct UpstreamsPage {
    /// What this server is known by.
    pub id: String,
    pub upstreams: Vec<UpstreamStatus>,
    pub bringing: Vec<Bringing>,
    /// Those that stand in `server.toml`.
    pub fixed: BTreeSet<PeerId>,
    pub may_change: bool,
}

pub(in crate::server) fn upstreams(frame: &Frame, page: &UpstreamsPage) -> Markup {
    frame.administration("/admin/upstreams", "Servers above", html! {
        p { "What is not here is asked of these servers, the first one first. Those with a lock stand in the file " code { "server.toml" } "." }
        @if page.upstreams.is_empty() {
            section.blank { (icon("computer")) p { "No server is above this one." } }
        } @else {
            table.plain {
                caption.unseen { "Servers above" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Address" } th scope="col" { "Health" } th.number scope="col" { "Answered" } th.number scope="col" { "Failed" } th { span.unseen { "Remove" } } } }
                tbody { @for upstream in &page.upstreams { (row(page, upstream)) } }
            }
        }
        @if !page.bringing.is_empty() {
            h2 { "On their way here" }
            ul { @for share in &page.bringing { li { code { (share.share.short()) } " " bdi { (route_words(&share.route)) } } } }
        }
        @if page.may_change { (add()) }
        section.sheet {
            h2 { "This server" }
            p { "Servers above and below know it by this id:" }
            pre.hash #id { (page.id) }
            button.button data-copy="#id" type="button" hidden { (icon("copy")) "Copy" }
        }
    })
}

fn add() -> Markup {
    html! {
        section.sheet {
            h2 { "Add a server" }
            form.fields.row-form method="post" action="/admin/upstreams" {
                label { "Address" input type="text" name="address" required maxlength="260" placeholder="files.school.example:47548"; }
                label { "Its id" input type="text" name="id" required maxlength="60" spellcheck="false" autocomplete="off"; }
                label { "Name" input type="text" name="name" maxlength="60" placeholder="School"; }
                button.button.primary type="submit" { "Add" }
            }
            p.soft { "Its id stands there under Servers above. It must let this server ask: there, this server’s id is written under " code { "[[downstreams]]" } " in " code { "server.toml" } "." }
        }
    }
}

fn row(page: &UpstreamsPage, upstream: &UpstreamStatus) -> Markup {
    let (_, reason) = health_words(upstream);
    let fixed = page.fixed.contains(&upstream.id);
    html! {
        tr {
            td { bdi { (upstream.name) } }
            td { code.breaks { (upstream.address) } }
            td {
                @match reason {
                    None => span.mark.good { (icon("check")) "It answers" },
                    Some(reason) => span.mark.bad { (icon("warning")) "It " (reason) @if matches!(upstream.health, Health::Probing { .. }) { "; being tried again" } },
                }
                @if let Some(trouble) = &upstream.last_trouble { p.soft { "It " (trouble) } }
            }
            td.number { (upstream.answered) }
            td.number { (upstream.failed) }
            td {
                @if fixed { (icon("lock")) span.unseen { "Fixed by server.toml" } }
                @else if page.may_change { form method="post" action=(format!("/admin/upstreams/{}/remove", upstream.id)) {
                    button.button.quiet type="submit" { (icon("bin")) span.unseen { "Remove " (upstream.name) } }
                } }
            }
        }
    }
}
