//! The start page: what is here, and searching it.

use axum::{
    Extension,
    extract::{Query, State},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, exams};
use crate::{
    access::{About, Action, Decision, decide},
    server::{
        Server,
        caller::Visit,
        chain::Elsewhere,
        now_s,
        pages::{self, Frame, Hit, HomePage},
        problem::Problem,
        remembered::without_those_above,
    },
    store::central::{FoundFile, Sees},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Asked {
    pub q: String,
    pub before: Option<i64>,
    /// The list alone, for the script.
    pub part: Option<String>,
    pub done: Option<String>,
    pub limit: Option<u32>,
}

/// So many things are shown at once.
const PAGE: usize = 50;

pub(in crate::server) async fn home(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    if super::super::setup_code::is_open(&server).await? && visit.person.is_none() {
        return Ok(super::see("/setup"));
    }
    if let Some(exam) = visit.actor.exam(&server.policy(), now_s()) {
        let (hits, handed_in) = exams::materials(&server, &visit, &exam).await?;
        let handed_in = visit.is_signed_in().then_some(handed_in.as_slice());
        let frame = Frame::of(&server, &visit).done(asked.done.as_deref());
        return Ok(pages::exam_home(&frame, &exam, &hits, handed_in, now_s()).into_response());
    }
    let may_search = server.would_allow(&visit, Action::Search, About::Nothing);
    if !may_search && visit.is_signed_in() {
        // This refusal belongs into the log; a guest who comes to the door does not.
        drop(server.allow(&visit, Action::Search, About::Nothing, "").await?);
    }
    let query = asked.q.chars().take(200).collect::<String>();
    let (mut hits, more) = match may_search {
        true => look(&server, &visit, &query, asked.before, PAGE).await?,
        false => (vec![], None),
    };
    let typing = asked.part.is_some();
    let elsewhere = match may_search && asked.before.is_none() && (!typing || hits.is_empty()) {
        true => server.elsewhere(&visit, &query, !hits.is_empty() || typing).await?,
        false => Elsewhere::default(),
    };
    without_those_above(&mut hits, &elsewhere.finds);
    let page = HomePage { query, hits, more, elsewhere, now_s: now_s(), may_search };
    if asked.part.is_some() {
        return Ok(pages::hits(&page).into_response());
    }
    let frame = Frame::of(&server, &visit).searching(&page.query).done(asked.done.as_deref());
    Ok(pages::home(&frame, &page).into_response())
}

/// What somebody may see of what was asked for, newest first, and where it goes on.
pub(in crate::server) async fn look(
    server: &Server,
    visit: &Visit,
    query: &str,
    before: Option<i64>,
    wanted: usize,
) -> Result<(Vec<Hit>, Option<i64>), Problem> {
    if let Some(exam) = visit.actor.exam(&server.policy(), now_s()) {
        let (mut hits, _) = exams::materials(server, visit, &exam).await?;
        let words = query.to_lowercase();
        hits.retain(|hit| words.split_whitespace().all(|word| hit.share.title.to_lowercase().contains(word)));
        return Ok((hits, None));
    }
    let sees = Sees::of(&visit.actor);
    let before = before.unwrap_or(i64::MAX);
    let one_more = u32::try_from(wanted).unwrap_or(u32::MAX).saturating_add(1);
    let (found, mut next): (Vec<(i64, Hit)>, _) = if query.trim().is_empty() {
        let shares = server.central.shares_visible(&sees, before, one_more).await?;
        (shares.into_iter().map(|share| (share.number, Hit { share, file: None })).collect(), None)
    } else {
        let found = server.central.find_visible(query, &sees, before, one_more).await?;
        let hit = |file: FoundFile| {
            let listed = file.entry.map(|entry| (entry, file.path, file.size));
            (file.number, Hit { share: file.share, file: listed })
        };
        (found.files.into_iter().map(hit).collect(), found.next)
    };
    if found.len() > wanted {
        next = wanted.checked_sub(1).and_then(|last| found.get(last)).map(|(number, _)| *number);
    }
    let shown = found.into_iter().take(wanted).map(|(_, hit)| hit);
    // What is only above is found, and does not stand under "Files"; and the rules may say more than the database
    // knows: an exam, say.
    let searching = !query.trim().is_empty();
    let wanted_here = |hit: &Hit| searching || !server.is_only_above(&hit.share);
    Ok((shown.filter(|hit| wanted_here(hit) && may_see(server, visit, hit)).collect(), next))
}

fn may_see(server: &Server, visit: &Visit, hit: &Hit) -> bool {
    let facts = hit.share.facts();
    let decision = decide(&server.policy(), &visit.actor, Action::SeeShare, About::Share(&facts), now_s());
    matches!(decision, Decision::Allow(_))
}
