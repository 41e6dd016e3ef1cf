//! What each route does: one file for each thing that people deal with. A route reads its input, asks the guard, acts with
//! the permit, and answers with a page, a redirect or JSON.

pub(super) mod account;
pub(super) mod admin_api;
mod answers;
pub(super) mod api;
pub(super) mod assets;
pub(super) mod audit;
pub(super) mod class_import;
pub(super) mod devices;
mod download_count;
pub(super) mod elsewhere;
pub(super) mod enrolment;
pub(super) mod exams;
pub(super) mod files;
pub(super) mod groups;
pub(super) mod health;
pub(super) mod home;
pub(super) mod links;
pub(super) mod people;
pub(super) mod policy;
pub(super) mod publications;
pub(super) mod settings;
pub(super) mod setup;
pub(super) mod share;
pub(super) mod sign_in;
pub(super) mod steps;
pub(super) mod storage;
pub(super) mod tus;
pub(super) mod uploads;
pub(super) mod upstreams;
pub(super) mod witness;

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;

use super::{Server, caller::Visit, problem::Problem};
use crate::{
    access::{About, Action, Audience, GroupId, Permit, Role, ShareFacts},
    share::{ShareId, is_unseen},
    store::central::ShareRow,
};

pub(super) type OurServer = State<Arc<Server>>;
pub(super) type Caller = Extension<Arc<Visit>>;
pub(super) type Answer = Result<Response, Problem>;

/// After a form: the page that shows what came of it.
pub(super) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// [`see`], with a sentence of what was done. `done`: one of the words that the frame knows.
pub(super) fn see_done(path: &str, done: &str) -> Response {
    let mark = if path.contains('?') { '&' } else { '?' };
    see(&format!("{path}{mark}done={done}"))
}

/// A form for what can't be undone, with a box to tick.
#[derive(Debug, Deserialize)]
pub(in crate::server) struct Sure {
    #[serde(default)]
    sure: String,
}

impl Sure {
    /// `what` would be removed: `the account`.
    fn must_be_ticked(&self, what: &str) -> Result<(), Problem> {
        if self.sure == "yes" {
            return Ok(());
        }
        Err(Problem::invalid(format!("Tick “Really” to remove {what}.")))
    }
}

/// The row of a share that is named in an address.
pub(super) async fn row_of(server: &Server, share: &str) -> Result<ShareRow, Problem> {
    let id: ShareId = share.parse().map_err(|_| Problem::no_such("share"))?;
    let row = server.central.share(id).await?.ok_or_else(|| Problem::no_such("share"))?;
    server.take_up(&row).await?;
    Ok(row)
}

/// The row of a share with which somebody wants to do something, and the right to. One that is not there is refused with the
/// same answer as one that is hidden from them: else the answers would tell which ids are taken.
pub(super) async fn row_for(
    server: &Server,
    visit: &Visit,
    share: &str,
    action: Action,
) -> Result<(ShareRow, Permit), Problem> {
    let id: ShareId = share.parse().map_err(|_| Problem::no_such("share"))?;
    let named = share::named_by_id(id);
    let told = |row: &ShareRow| {
        let facts = row.facts();
        [action, Action::SeeShare].into_iter().any(|action| server.would_allow(visit, action, About::Share(&facts)))
    };
    let Some(row) = server.central.share(id).await?.filter(told) else {
        drop(server.allow(visit, action, About::Share(&nobodys(id)), &named).await?);
        return Err(Problem::no_such("share"));
    };
    let permit = server.allow(visit, action, About::Share(&row.facts()), &named).await?;
    server.take_up(&row).await?;
    Ok((row, permit))
}

/// What is decided on where nobody may learn whether there is anything: a share of which nobody sees anything.
fn nobodys(id: ShareId) -> ShareFacts {
    ShareFacts {
        id,
        owner: None,
        owner_role: Some(Role::Owner),
        audience: Audience::Owner,
        quarantined: false,
        content: None,
        by_link: false,
    }
}

/// An audience as forms and programs write it: `room`, `owner`, or `groups` with their ids.
pub(super) fn audience_of(kind: &str, groups: &[String]) -> Result<Audience, Problem> {
    match kind {
        "room" => Ok(Audience::Room),
        "owner" => Ok(Audience::Owner),
        "groups" => {
            let groups: Option<_> = groups.iter().map(|id| id.parse().ok().map(GroupId)).collect();
            match groups {
                Some(groups) if !std::collections::BTreeSet::is_empty(&groups) => Ok(Audience::Groups(groups)),
                _ => Err(Problem::invalid("Choose at least one group.")),
            }
        }
        _ => Err(Problem::invalid("The audience is room, groups or owner.")),
    }
}

/// A title's characters as people count them, and what a manifest holds of them.
const TITLE_CHARACTERS_MAX: usize = 200;
const TITLE_BYTES_MAX: usize = 255;

/// A title that people typed; what is invisible is left out, and what a manifest can't hold.
pub(super) fn title_of(typed: &str) -> Result<String, Problem> {
    let mut title: String = typed.trim().chars().filter(|letter| !is_unseen(*letter)).collect();
    if typed.chars().count() > TITLE_CHARACTERS_MAX {
        return Err(Problem::invalid("The title is longer than 200 characters."));
    }
    title.truncate(title.floor_char_boundary(TITLE_BYTES_MAX));
    Ok(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cant_be_seen_is_left_out_of_titles() {
        let title = title_of(" a\u{202E}b\u{2066}c\u{2069}\u{200B}d\u{2028}e\u{FEFF}\n");
        assert_eq!(title.as_deref(), Ok("abcde"));
        assert_eq!(title_of("👩\u{200D}🔬").as_deref(), Ok("👩\u{200D}🔬"));
    }
}
