//! Links for people without an account: making them, and what such people see.

use maud::{Markup, PreEscaped, html};
use qrcodegen::{QrCode, QrCodeEcc};

use super::{
    figures,
    frame::Frame,
    icons::icon,
    share::{SharePage, Typed, files, refused},
};
use crate::store::central::LinkRow;

pub(super) fn links_section(page: &SharePage) -> Markup {
    let (share, links, at, now_s) = (page.share.id, &page.links, &page.links_at, page.now_s);
    let (problem, days, downloads) = match &page.failed {
        Some((problem, Typed::Link { days, downloads })) => (Some(problem), days.as_str(), downloads.as_str()),
        _ => (None, "7", ""),
    };
    html! {
        details.sheet open[!links.is_empty() || problem.is_some()] {
            summary { (icon("link")) "Links for people without an account" }
            @for link in links {
                @let address = format!("{at}/l/{}", link.token);
                div.link {
                    (qr(&address))
                    div {
                        p.address { a #(format!("l-{}", link.token)) href=(address) { (address) } }
                        p.soft { (facts(link, now_s)) }
                        div.doings {
                            button.button data-copy=(format!("#l-{}", link.token)) type="button" hidden { (icon("copy")) "Copy" }
                            form method="post" action=(format!("/s/{share}/links/{}/remove", link.token)) {
                                button.button type="submit" { (icon("bin")) "Take it back" }
                            }
                        }
                    }
                }
            }
            @if let Some(problem) = problem { (refused(problem)) }
            form.fields.row-form method="post" action=(format!("/s/{share}/links")) {
                label { "Good for" select name="days" {
                    @for (value, said) in [("1", "a day"), ("7", "a week"), ("30", "30 days"), ("0", "ever")] {
                        option value=(value) selected[value == days] { (said) }
                    }
                } }
                label { "Downloads" input type="number" name="downloads" min="1" max="1000000" placeholder="any number" value=(downloads); }
                label { "Password" input type="text" name="password" autocomplete="off" maxlength="200" placeholder="none"; }
                button.button.primary type="submit" { (icon("link")) "Make a link" }
            }
        }
    }
}

fn facts(link: &LinkRow, now_s: i64) -> String {
    let mut facts = vec![match link.expires_s {
        Some(at) => format!("until {}", figures::moment(at)),
        None => "without end".to_owned(),
    }];
    if link.password.is_some() {
        facts.push("with a password".to_owned());
    }
    facts.push(match link.downloads_left {
        Some(left) => format!("{} of {} left", left, figures::count(left + link.downloads, "download", "downloads")),
        None => figures::count(link.downloads, "download", "downloads"),
    });
    facts.push(format!("made {}", figures::ago(link.created_s, now_s)));
    facts.join(" · ")
}

/// A QR code as one path; dark on light also by night, because readers want it so.
fn qr(text: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return html! {} };
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in 0..size {
            if code.get_module(x, y) {
                path.push_str(&format!("M{} {}h1v1h-1z", x + 2, y + 2));
            }
        }
    }
    let view = format!("0 0 {0} {0}", size + 4);
    html! {
        svg.qr viewBox=(view) role="img" aria-label="QR code of the link" {
            rect width="100%" height="100%" class="qr-ground" {}
            (PreEscaped(format!("<path d='{path}' class='qr-dots'/>")))
        }
    }
}

/// A code for an app that makes one-time codes, and such.
pub(super) fn qr_of(text: &str) -> Markup {
    qr(text)
}

pub(in crate::server) struct LinkPage {
    pub share: SharePage,
}

/// What somebody sees who came with a link.
pub(in crate::server) fn link(frame: &Frame, page: &LinkPage) -> Markup {
    let share = &page.share.share;
    frame.page(&share.title, html! {
        article {
            header.share-head {
                div {
                    h1 { bdi { (share.title) } }
                    p.soft { "From " (share.owner_name) " · " (figures::count(share.files, "file", "files")) " · " (figures::bytes(share.size)) }
                }
                div.doings {
                    @match &page.share.single {
                        Some(single) => a.button.primary href=(single) download="" { (icon("download")) "Download" },
                        None => a.button.primary href=(page.share.zip) download="" { (icon("download")) "Download all (zip)" },
                    }
                }
            }
            (files(&page.share))
        }
    })
}

pub(in crate::server) fn link_password(frame: &Frame, token: &str, wrong: bool) -> Markup {
    frame.page(
        "Password",
        html! {
            section.sheet.narrow {
                h1 { "This link has a password" }
                @if wrong { p.notice.bad role="alert" { (icon("warning")) "That was not the password." } }
                form.fields method="post" action=(format!("/l/{token}")) {
                    label { "Password" input type="password" name="password" required autofocus autocomplete="off"; }
                    button.button.primary type="submit" { "Open" }
                }
            }
        },
    )
}
