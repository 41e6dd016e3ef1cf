//! A share's page, a file looked at, and what its owner or a teacher does with it.

use axum::{
    Extension, Form,
    extract::{Path, Query, RawForm, State},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, files, row_for, row_of, see_done};
use crate::{
    access::{About, Action, Audience, GroupId, Permit},
    engine::{OnShelf, command::Command},
    server::{
        Server,
        caller::Visit,
        now_s,
        pages::{self, FileLine, Frame, SharePage, Typed, ViewPage},
        problem::Problem,
    },
    share::{Entry, EntryKind, ShareId},
    store::central::ShareRow,
};

/// More files of one folder are not listed; the zip has them.
const LISTED_MAX: usize = 2_000;
/// So much of a text is shown.
const TEXT_MAX: u64 = 256 << 10;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Asked {
    pub folder: String,
    pub done: Option<String>,
}

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let mut row = match row_of(&server, &share).await {
        Ok(row) if server.is_only_above(&row) => return super::elsewhere::known_page(&server, &visit, &row).await,
        Ok(row) => row,
        Err(missing) => return super::elsewhere::page(&server, &visit, &share, missing).await,
    };
    let in_exam = visit.actor.exam(&server.policy(), now_s()).is_some();
    if in_exam && row.owner.is_some() && row.owner == visit.actor.person() {
        // Their own work is closed like all else, and they are told that it came.
        return Ok(super::see(&format!("/handed-in/{}", row.id)));
    }
    drop(server.allow(&visit, Action::SeeShare, About::Share(&row.facts()), &named(&row)).await?);
    // What is still on its way here can be had while it comes.
    row.here |= server.shelf.get(row.id).is_some();
    let frame = Frame::of(&server, &visit).done(asked.done.as_deref());
    let base = format!("/s/{}", row.id);
    let page = share_page(&server, &visit, row, &base, &asked.folder, true).await?;
    Ok(pages::share(&frame, &page).into_response())
}

/// What a share's page shows. `base`: where its addresses begin; `full`: with everything that can be done with it.
pub(super) async fn share_page(
    server: &Server,
    visit: &Visit,
    row: ShareRow,
    base: &str,
    folder: &str,
    full: bool,
) -> Result<SharePage, Problem> {
    let on_shelf = server.shelf.get(row.id);
    let entries = on_shelf.as_ref().map_or(&[][..], |share| &share.share().manifest().entries);
    let folder: Vec<String> = folder.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    // A share of one folder begins inside it.
    let folder = if folder.is_empty() { only_folder(entries) } else { folder };
    let (lines, left_out) = list(entries, &folder, base, full);
    let facts = row.facts();
    let may = |action| full && server.would_allow(visit, action, About::Share(&facts));
    let may_link = may(Action::MakeLink) && may(Action::ChangeShare);
    let single = match entries {
        [Entry { kind: EntryKind::File { .. }, path, .. }] => Some(files::address(base, 0, path.name())),
        _ => None,
    };
    let audience = audience_words(server, &row.audience).await?;
    let links = if may_link { server.central.links_of(row.number).await? } else { vec![] };
    let app_link =
        server.engine.snapshot().shares.iter().find(|known| known.id == row.id).map(|known| known.link.clone());
    Ok(SharePage {
        way: way(&folder, base),
        lines,
        left_out,
        zip: format!("{base}/zip"),
        single,
        app_link: app_link.filter(|_| full && row.audience == Audience::Room && !row.quarantined),
        audience,
        may_change: may(Action::ChangeShare),
        may_remove: may(Action::RemoveShare),
        may_hide: may(Action::Quarantine),
        may_link,
        groups: if full { server.central.groups().await? } else { vec![] },
        links,
        failed: None,
        links_at: server.authority.addresses().into_iter().next().unwrap_or_default(),
        now_s: now_s(),
        share: row,
    })
}

fn only_folder(entries: &[Entry]) -> Vec<String> {
    let mut tops = entries.iter().filter(|entry| entry.path.components().len() == 1);
    match (tops.next(), tops.next()) {
        (Some(top), None) if top.kind == EntryKind::Folder => top.path.components().to_vec(),
        _ => vec![],
    }
}

/// What lies directly in a folder.
fn list(entries: &[Entry], folder: &[String], base: &str, full: bool) -> (Vec<FileLine>, usize) {
    let inside = |entry: &&(usize, &Entry)| entry.1.path.folder() == folder;
    let found = entries.iter().enumerate().collect::<Vec<_>>();
    let mut inside: Vec<_> = found.iter().filter(inside).collect();
    inside.sort_by_key(|(_, entry)| (entry.kind != EntryKind::Folder, entry.path.name().to_lowercase()));
    let left_out = inside.len().saturating_sub(LISTED_MAX);
    let line = |(index, entry): &(usize, &Entry)| {
        let name = entry.path.name().to_owned();
        let is_folder = entry.kind == EntryKind::Folder;
        let download = (!is_folder).then(|| files::address(base, *index, &name));
        let href = match &download {
            None => format!("{base}?folder={}", files::escaped(&entry.path.to_string())),
            Some(_) if full => format!("{base}/view/{index}"),
            Some(download) => download.clone(),
        };
        FileLine { name, href, download, size: entry.kind.size(), is_folder, modified_s: entry.modified.s }
    };
    (inside.into_iter().take(LISTED_MAX).map(line).collect(), left_out)
}

fn way(folder: &[String], base: &str) -> Vec<(String, String)> {
    let mut path = String::new();
    let steps = folder.iter().map(|name| {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
        (name.clone(), format!("{base}?folder={}", files::escaped(&path)))
    });
    steps.collect()
}

async fn audience_words(server: &Server, audience: &Audience) -> Result<String, Problem> {
    Ok(match audience {
        Audience::Room => "for everyone in the room".to_owned(),
        Audience::Owner => "for nobody else".to_owned(),
        Audience::Groups(ids) => {
            let groups = server.central.groups().await?;
            let names: Vec<_> =
                groups.iter().filter(|group| ids.contains(&group.id)).map(|group| group.name.as_str()).collect();
            format!("for {}", names.join(", "))
        }
    })
}

/// A file, looked at before it is downloaded.
pub(in crate::server) async fn view(
    State(server): OurServer,
    Extension(visit): Caller,
    Path((share, entry)): Path<(String, usize)>,
) -> Answer {
    let (row, seen) = row_for(&server, &visit, &share, Action::SeeShare).await?;
    drop(seen);
    if server.is_only_above(&row) {
        return super::elsewhere::known_page(&server, &visit, &row).await;
    }
    let on_shelf = server.shelf.get(row.id).ok_or_else(|| Problem::no_such("share"))?;
    let manifest = on_shelf.share().manifest();
    let listed = manifest.entries.get(entry).ok_or_else(|| Problem::no_such("file"))?;
    let EntryKind::File { size, root, .. } = listed.kind else { return Err(Problem::no_such("file")) };
    let mut facts = row.facts();
    facts.content = Some(root);
    let may_have = server.would_allow(&visit, Action::Download, About::Share(&facts));
    let name = listed.path.name().to_owned();
    let download = files::address(&format!("/s/{}", row.id), entry, &name);
    let kind = if may_have { files::kind_shown(&on_shelf, entry, &name, size).await } else { None };
    let text = match kind {
        Some(files::Shown::Text) => Some(beginning(&on_shelf, entry, size).await?),
        _ => None,
    };
    let shown = kind.and_then(files::Shown::element).map(|element| (format!("{download}?inline=1"), element));
    let folder = files::escaped(&listed.path.folder().join("/"));
    let page = ViewPage {
        back: format!("/s/{}?folder={folder}", row.id),
        name,
        size,
        modified_s: listed.modified.s,
        root: root.to_string(),
        download,
        shown,
        text,
        share: row,
    };
    Ok(pages::view(&Frame::of(&server, &visit), &page).into_response())
}

/// The beginning of a text, and whether there is more.
async fn beginning(share: &OnShelf, entry: usize, size: u64) -> Result<(String, bool), Problem> {
    let bytes = files::read_some(share, entry, size.min(TEXT_MAX)).await?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if size > TEXT_MAX {
        // The cut may have gone through a letter.
        text = text.trim_end_matches('\u{FFFD}').to_owned();
    }
    Ok((text, size > TEXT_MAX))
}

/// What the form of a share was filled in from, so that it changes nothing that its reader has not seen.
pub(in crate::server) fn edition_of(row: &ShareRow) -> String {
    let seen = format!("{}\n{}", row.title, row.audience);
    blake3::hash(seen.as_bytes()).to_hex().chars().take(16).collect()
}

/// The share's page with a form that was refused, as it was filled in.
pub(super) async fn form_again(
    server: &Server,
    visit: &Visit,
    row: &ShareRow,
    problem: Problem,
    typed: Typed,
) -> Answer {
    let row = server.central.share(row.id).await?.ok_or_else(|| Problem::no_such("share"))?;
    let base = format!("/s/{}", row.id);
    let mut page = share_page(server, visit, row, &base, "", true).await?;
    page.failed = Some((problem.detail.clone(), typed));
    Ok(problem.with_form(pages::share(&Frame::of(server, visit), &page)))
}

/// Title and audience.
pub(in crate::server) async fn change(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
    RawForm(form): RawForm,
) -> Answer {
    let fields = files::fields(&form);
    let one = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let groups: Vec<String> = fields.iter().filter(|(key, _)| key == "group").map(|(_, value)| value.clone()).collect();
    let (row, permit) = row_for(&server, &visit, &share, Action::ChangeShare).await?;
    let asked = async {
        let audience = super::audience_of(one("audience"), &groups)?;
        let title = super::title_of(one("title"))?;
        if title.is_empty() {
            return Err(Problem::invalid("A share needs a title."));
        }
        own_groups_only(&visit, &audience)?;
        Ok((title, audience))
    };
    let changed = match asked.await {
        Ok((title, audience)) => save(&server, &visit, permit, &row, one("seen"), &title, &audience).await,
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(()) => Ok(see_done(&format!("/s/{}", row.id), "changed")),
        Err(problem) if problem.is_of_form() => {
            let audience = match one("audience") {
                "room" => Audience::Room,
                "groups" => Audience::Groups(groups.iter().filter_map(|id| id.parse().ok()).map(GroupId).collect()),
                _ => Audience::Owner,
            };
            let typed = Typed::Change { title: one("title").to_owned(), audience };
            form_again(&server, &visit, &row, problem, typed).await
        }
        Err(problem) => Err(problem),
    }
}

/// `seen`: the edition that the form was made from; empty where a program asks.
async fn save(
    server: &Server,
    visit: &Visit,
    permit: Permit,
    row: &ShareRow,
    seen: &str,
    title: &str,
    audience: &Audience,
) -> Result<(), Problem> {
    if *audience == Audience::Room && row.audience != Audience::Room {
        drop(server.allow(visit, Action::ShareWithRoom, About::Share(&row.facts()), &named(row)).await?);
    }
    let outdated =
        || Problem::conflict("Somebody changed this share while you were editing it. Check the form, then save again.");
    if !seen.is_empty() && seen != edition_of(row) {
        return Err(outdated());
    }
    let address = visit.address.to_string();
    let (about, detail) = (named(row), format!("title {title:?}, for {audience}"));
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    if !seen.is_empty() && !change.share_is_still(row).await? {
        return Err(outdated());
    }
    change.set_title(row.number, title).await?;
    change.set_audience(row.number, audience).await?;
    change.commit().await?;
    tell_peers(server, row, audience, row.quarantined);
    Ok(())
}

/// Students give to groups that they are in.
pub(super) fn own_groups_only(visit: &Visit, audience: &Audience) -> Result<(), Problem> {
    match audience {
        Audience::Groups(groups)
            if visit.actor.role < crate::access::Role::Teacher && !groups.is_subset(&visit.actor.groups) =>
        {
            Err(Problem::invalid("You can give files to your own groups only."))
        }
        _ => Ok(()),
    }
}

/// Tells the engine who may have a share from now on.
pub(in crate::server) fn tell_peers(server: &Server, row: &ShareRow, audience: &Audience, hidden: bool) {
    let audience = server.recipients(audience, hidden);
    if let Err(error) = server.engine.send(Command::SetRecipients { share: row.id, audience }) {
        tracing::error!(share = %row.id, %error, "who may have a share could not be told to the engine");
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Hiding {
    hide: String,
    #[serde(default)]
    note: String,
}

pub(in crate::server) async fn quarantine(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
    Form(form): Form<Hiding>,
) -> Answer {
    let (row, permit) = row_for(&server, &visit, &share, Action::Quarantine).await?;
    let hide = form.hide == "yes";
    let note = super::title_of(&form.note)?;
    let detail = if hide { format!("hidden: {note}") } else { "shown again".to_owned() };
    let (address, about) = (visit.address.to_string(), named(&row));
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    change.set_quarantined(row.number, hide, &note).await?;
    change.commit().await?;
    tell_peers(&server, &row, &row.audience, hide);
    Ok(see_done(&format!("/s/{}", row.id), if hide { "hidden" } else { "shown" }))
}

pub(in crate::server) async fn remove(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
    Form(form): Form<super::Sure>,
) -> Answer {
    let (row, permit) = row_for(&server, &visit, &share, Action::RemoveShare).await?;
    form.must_be_ticked("the share")?;
    let (address, about) = (visit.address.to_string(), named(&row));
    let mut change = server.central.change(permit, &visit.note(&address, &about, &row.title)).await?;
    change.remove_share(row.number).await?;
    change.commit().await?;
    server.keeping.take_off(row.id).await;
    Ok(see_done("/", "removed"))
}

/// A share in the audit log.
pub(super) fn named(row: &ShareRow) -> String {
    named_by_id(row.id)
}

pub(super) fn named_by_id(id: ShareId) -> String {
    format!("share:{}", id.short())
}
