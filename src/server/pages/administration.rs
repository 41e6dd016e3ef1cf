//! What those see who run the server: the overview, computers, quarantine, the audit log.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{figures, frame::Frame, icons::icon};
use crate::{
    access::GroupId,
    server::{authority::Ends, validity::Validity},
    store::central::{AuditEntry, AuditFilter, AuditReport, DeviceRow, EnrolmentRow, GroupRow, ShareRow, Usage},
};

pub(in crate::server) struct Overview {
    pub usage: Usage,
    pub people: usize,
    pub devices: usize,
    pub free_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
    pub reserve_bytes: u64,
    pub database: String,
    pub addresses: Vec<String>,
    pub fingerprint: Option<String>,
    pub ends: Ends,
    /// Names and addresses that have no certificate.
    pub left_out: BTreeSet<String>,
    /// Whether somebody else keeps where the audit log stands.
    pub witnessed: bool,
    pub now_s: i64,
    pub started_s: i64,
    pub policy_version: u64,
}

pub(in crate::server) fn overview(frame: &Frame, page: &Overview) -> Markup {
    let used = match (page.free_bytes, page.total_bytes) {
        (Some(free), Some(total)) if total > 0 => Some((total.saturating_sub(free), total)),
        _ => None,
    };
    frame.administration("/admin", "Overview", html! {
        (warnings(page))
        dl.figures {
            div { dt { "Shares" } dd { (page.usage.shares) } }
            div { dt { "Files" } dd { (page.usage.files) } }
            div { dt { "Size" } dd { (figures::bytes(page.usage.bytes)) } }
            div { dt { "People" } dd { (page.people) } }
            div { dt { "Computers" } dd { (page.devices) } }
        }
        section.sheet {
            h2 { "Disk" }
            @if let Some((used, total)) = used {
                meter min="0" max=(total) value=(used) high=(total / 10 * 9) { (figures::bytes(used)) }
                p { (figures::bytes(used)) " of " (figures::bytes(total)) " used; " (figures::bytes(page.reserve_bytes)) " are kept free." }
            } @else { p { "The system does not tell how full the disk is." } }
            p.soft { "Database: " code { (page.database) } }
        }
        section.sheet {
            h2 { "Addresses" }
            ul { @for address in &page.addresses { li { a href=(address) { (address) } } } }
            p.soft { "Running since " (figures::time(page.started_s)) " · policy " (page.policy_version) }
            @if let Some(holds) = page.ends.certificate { p.soft { "The server’s own certificate holds until " (figures::date(holds.until_s)) "." } }
        }
        @if let Some(fingerprint) = &page.fingerprint {
            section.sheet {
                h2 { "Certificate" }
                p { "Browsers trust this server without a warning once its authority is installed on their computers. It can only certify names and addresses inside a network." }
                p { a.button href="/authority.pem" download="handout-authority.pem" { (icon("download")) "The authority’s certificate" } }
                p.soft { "SHA-256 " code.breaks { (fingerprint) } }
                @if let Some(holds) = page.ends.authority { p.soft { "It holds until " (figures::date(holds.until_s)) "." } }
                details { summary { "How to install it" }
                    ul {
                        li { "Windows: " code { "certutil -addstore Root handout-authority.pem" } ", or by group policy: Computer Configuration → Windows Settings → Security Settings → Public Key Policies → Trusted Root Certification Authorities." }
                        li { "Debian, Ubuntu: copy it as " code { "/usr/local/share/ca-certificates/handout.crt" } ", then " code { "update-ca-certificates" } "." }
                        li { "macOS: open it in Keychain Access and set it to Always Trust." }
                        li { "Firefox: " code { "policies.json" } " with " code { "{\"policies\":{\"Certificates\":{\"Install\":[\"/path/handout-authority.pem\"]}}}" } "." }
                    }
                }
            }
        }
    })
}

/// What an administrator should do something about.
fn warnings(page: &Overview) -> Markup {
    const DAY_S: i64 = 86_400;
    let bad = |holds: Option<Validity>| holds.is_some_and(|holds| !holds.holds(page.now_s));
    let soon = |holds: Option<Validity>, days: i64| holds.filter(|holds| holds.until_s - page.now_s < days * DAY_S);
    let (certificate, authority) = (page.ends.certificate, page.ends.authority);
    html! {
        @if bad(certificate) || bad(authority) {
            p.notice.bad role="alert" { (icon("warning")) "Browsers refuse this server’s certificate: it does not hold at this moment. Look at the computer’s clock, then at the certificate." }
        } @else if let Some(holds) = soon(certificate, 14) {
            p.notice.bad role="alert" { (icon("warning")) "This server’s certificate ends on " (figures::date(holds.until_s)) ". Put the new one in its place; it is taken in within a minute." }
        } @else if let Some(holds) = soon(authority, 365) {
            p.notice.bad role="alert" { (icon("warning")) "The authority’s certificate ends on " (figures::date(holds.until_s)) ". Install the new one on the room’s computers before." }
        }
        @if !page.left_out.is_empty() {
            p.notice.bad role="alert" { (icon("warning")) "Browsers that come by these are warned, because the server’s certificate is not for them: " (page.left_out.iter().map(String::as_str).collect::<Vec<_>>().join(", ")) ". Give the server a certificate for them with " code { "tls.certificate" } " in " code { "server.toml" } "." }
        }
        @if !page.witnessed {
            p.notice.bad role="alert" { (icon("warning")) "Nobody else keeps where the audit log stands, so whoever gets at the database could cut it without a trace. Enrol a computer, or add a server above; they keep it by themselves." }
        }
    }
}

pub(in crate::server) struct DevicesPage {
    pub devices: Vec<DeviceRow>,
    pub tokens: Vec<EnrolmentRow>,
    pub groups: Vec<GroupRow>,
    /// A token that was just made: it is shown this once.
    pub new_token: Option<String>,
    pub may_enrol: bool,
    pub address: String,
    pub now_s: i64,
}

pub(in crate::server) fn devices(frame: &Frame, page: &DevicesPage) -> Markup {
    let group = |id: Option<GroupId>| {
        page.groups.iter().find(|group| Some(group.id) == id).map_or("", |group| group.name.as_str())
    };
    frame.administration("/admin/devices", "Computers", html! {
        p { "A computer that was enrolled proves itself by its key: nobody types a password on it, and it follows the policy." }
        @if let Some(token) = &page.new_token {
            p.notice.good role="status" { (icon("check")) "This is the token. It is shown this once." }
            pre.hash #token { (token) }
            button.button data-copy="#token" type="button" hidden { (icon("copy")) "Copy" }
            p.soft { "On each computer: " code.breaks { "handout enrol " (page.address) " " (token) } }
            p.soft { "Or, for many at once and so that nobody can undo it, this as " code { "/etc/handout/enrol.toml" } " on each of them:" }
            pre.hash { "server = \"" (page.address) "\"\ntoken = \"" (token) "\"" }
        }
        @if page.devices.is_empty() { section.blank { (icon("computer")) p { "No computer was enrolled yet." } } }
        @else {
            table.plain { thead { tr { th scope="col" { "Computer" } th scope="col" { "Used by" } th scope="col" { "Group" } th scope="col" { "Key" } th scope="col" { "Last seen" } th {} } }
                tbody { @for device in &page.devices { tr {
                    td { (device.name) } td { (device.role.name()) "s" } td { (group(device.group)) } td { code { (device.peer.short()) } }
                    td { (figures::ago(device.seen_s, page.now_s)) span.wide { " · " (device.seen_at) } }
                    td { @if page.may_enrol { form method="post" action=(format!("/admin/devices/{}/remove", device.peer)) { button.button.quiet type="submit" { (icon("bin")) span.unseen { "Remove " (device.name) } } } } }
                } } }
            }
        }
        @if page.may_enrol {
            section.sheet {
                h2 { "Tokens" }
                @if !page.tokens.is_empty() { table.plain { thead { tr { th scope="col" { "For" } th scope="col" { "Group" } th scope="col" { "Uses left" } th scope="col" { "Until" } th {} } }
                    tbody { @for token in &page.tokens { tr {
                        td { (token.note) } td { (group(token.group)) } td { (token.uses_left) } td { (figures::date(token.expires_s)) }
                        td { form method="post" action=(format!("/admin/devices/tokens/{}/remove", token.id)) { button.button.quiet type="submit" { (icon("bin")) span.unseen { "Take back" } } } }
                    } } }
                } }
                form.fields.row-form method="post" action="/admin/devices/tokens" {
                    label { "For" input type="text" name="note" required maxlength="100" placeholder="Lab A"; }
                    label { "Group" select name="group" { option value="" { "none" } @for group in &page.groups { option value=(group.id) { (group.name) } } } }
                    label { "Used by" select name="role" { option value="student" { "students" } option value="teacher" { "teachers" } } }
                    label { "Computers" input type="number" name="uses" min="1" max="10000" value="30"; }
                    label { "Days" input type="number" name="days" min="1" max="365" value="7"; }
                    button.button.primary type="submit" { "Make a token" }
                }
            }
        }
    })
}

pub(in crate::server) fn quarantine(frame: &Frame, shares: &[ShareRow], now_s: i64) -> Markup {
    frame.administration("/admin/quarantine", "Quarantine", html! {
        p { "What was hidden is kept, and seen by teachers only, until somebody shows it again or removes it." }
        @if shares.is_empty() { section.blank { (icon("check")) p { "Nothing is hidden." } } }
        @else { ul.rows { @for share in shares { li.row {
            a.row-link href=(format!("/s/{}", share.id)) {
                span.tile { (icon("eye-off")) }
                span.row-name { bdi { (share.title) } }
                span.row-facts { (share.owner_name) " · " (figures::bytes(share.size)) " · " (figures::ago(share.added_s, now_s)) @if !share.note.is_empty() { " · " (share.note) } }
            }
        } } } }
    })
}

pub(in crate::server) struct AuditPage {
    pub entries: Vec<AuditEntry>,
    pub filter: AuditFilter,
    /// What `filter` is in an address.
    pub address: String,
    pub more: Option<i64>,
    pub report: Option<AuditReport>,
    pub names: std::collections::BTreeMap<String, String>,
}

pub(in crate::server) fn audit(frame: &Frame, page: &AuditPage) -> Markup {
    let filter = &page.filter;
    let who = |actor: &str| page.names.get(actor).cloned().unwrap_or_else(|| actor.to_owned());
    frame.administration("/admin/audit", "Audit log", html! {
        @if let Some(report) = &page.report {
            @match &report.fault {
                None => p.notice.good role="status" { (icon("check")) "The log is whole: " (figures::count(report.entries.unsigned_abs(), "entry", "entries")) ", " (figures::count(report.heads as u64, "signed head", "signed heads")) "." },
                Some(fault) => p.notice.bad role="alert" { (icon("warning")) "The log was tampered with: " (fault) "." },
            }
        }
        form.fields.row-form method="get" action="/admin/audit" {
            label { "Who" input type="text" name="actor" value=(filter.actor) placeholder="person:… or console"; }
            label { "Did what" input type="text" name="action" value=(filter.action) placeholder="share."; }
            label { "Words" input type="text" name="text" value=(filter.text); }
            label.check { input type="checkbox" name="refused" value="yes" checked[filter.refused_only]; "Refused only" }
            button.button.primary type="submit" { "Show" }
        }
        p.doings {
            a.button href=(format!("/admin/audit?verify=yes{}", page.address)) { (icon("shield")) "Verify the log" }
            a.button href=(format!("/admin/audit.csv?x{}", page.address)) download="audit.csv" { (icon("download")) "Export (CSV)" }
        }
        div.scroll {
            table.plain.log { thead { tr { th scope="col" { "No." } th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "About" } th scope="col" { "Outcome" } } }
                tbody { @for entry in &page.entries { tr.refused[entry.outcome != "done"] {
                    td.number { (entry.seq) }
                    td { (figures::time(entry.at_ms / 1_000)) }
                    td.who title=(entry.actor) { (who(&entry.actor)) @if !entry.address.is_empty() { br; span.soft { (entry.address) } } }
                    td { code { (entry.action) } }
                    td.breaks { (entry.about) @if !entry.detail.is_empty() { span.soft { " " (entry.detail) } } }
                    td { (entry.outcome) }
                } } }
            }
        }
        @if let Some(before) = page.more { p.more { a.button rel="next" href=(format!("/admin/audit?before={before}{}", page.address)) { "Older" } } }
    })
}
