//! The settings of the server: those that can be changed here, and those that stand in its file.

use maud::{Markup, html};

use super::{forms, frame::Frame, icons::icon};
use crate::{server::Shown, store::central::Version};

pub(in crate::server) struct SettingsPage {
    pub version: Version,
    pub settings: Vec<Shown>,
    /// How the computer itself is called.
    pub usual_name: String,
    pub names: Vec<String>,
    pub addresses: Vec<String>,
    pub database: String,
    pub home: String,
    /// The server certifies itself.
    pub own_certificate: bool,
    /// The servers that may ask this one.
    pub below: Vec<String>,
    pub may_change: bool,
}

pub(in crate::server) fn settings(frame: &Frame, page: &SettingsPage) -> Markup {
    frame.administration("/admin/settings", "Settings", html! {
        p { "What is changed here holds at once. What has a lock stands in " code { "server.toml" } " and is changed there." }
        form.fields.sheet method="post" action="/admin/settings" {
            (forms::version(&page.version))
            fieldset.bare disabled[!page.may_change] {
                @for setting in &page.settings { (field(setting, &page.usual_name)) }
                button.button.primary type="submit" { "Save" }
            }
        }
        section.sheet {
            h2 { "In " code { "server.toml" } }
            p.soft { "These are read when the server starts: change the file, look at it with " code { "handout serve --config server.toml --check" } ", and start the server again." }
            dl.facts {
                div { dt { "Addresses" } dd { @for address in &page.addresses { code.breaks { (address) } br; } } }
                div { dt { "Further names" } dd { @if page.names.is_empty() { "none" } @for name in &page.names { code { (name) } " " } } }
                div { dt { "Database" } dd { code.breaks { (page.database) } } }
                div { dt { "Home folder" } dd { code.breaks { (page.home) } } }
                div { dt { "Certificate" } dd { @if page.own_certificate { "made by this server; the authority is under Overview" } @else { "yours, from the file" } } }
                div { dt { "Servers below" } dd { @if page.below.is_empty() { "none" } @for id in &page.below { code.breaks { (id) } br; } } }
            }
        }
    })
}

fn field(setting: &Shown, usual_name: &str) -> Markup {
    let fixed = setting.from == "file";
    let chosen = if setting.from == "default" { "" } else { &setting.value };
    let usual = if setting.key == "name" { usual_name } else { &setting.value };
    html! {
        label {
            span { (setting.label) @if fixed { " " (icon("lock")) } }
            @if setting.key == "name" {
                input type="text" name=(setting.key) value=(chosen) placeholder=(usual) maxlength="60" disabled[fixed];
            } @else {
                input type="number" name=(setting.key) value=(chosen) placeholder=(usual) min=(setting.least) max=(setting.most) disabled[fixed];
            }
            @if fixed { span.soft { "Fixed by " code { (setting.key) } " in server.toml" } }
            @else if setting.from == "default" { span.soft { "Left empty: " (usual) } }
        }
    }
}
