//! Exams: begun with what is handed out, ended one by one; and what a pupil sees who sits one.

use std::collections::BTreeSet;

use axum::{
    Extension,
    extract::{Path, Query, RawForm, RawQuery, State},
    http::StatusCode,
    response::IntoResponse as _,
};

use super::{Answer, Caller, OurServer, files, home, row_of, see_done};
use crate::{
    access::{About, Action, Exam, GroupId},
    server::{
        Server,
        caller::Visit,
        now_s,
        pages::{self, ExamForm, ExamsPage, Frame, Hit},
        policy_fields::without_exam,
        problem::Problem,
    },
    share::ShareId,
    store::central::{Sees, ShareRow},
};

/// So many shares are shown to choose from.
const FOUND_MAX: u32 = 50;
/// An hour, and a day.
const MINUTES: i64 = 60;
const MINUTES_MAX: i64 = 1_440;
/// What was handed in within this time is told to whoever sits an exam.
const RECENT_S: i64 = 86_400;

/// The page. Its form comes back by GET while shares are searched, so that it works without a script.
pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    RawQuery(query): RawQuery,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::Exam, About::Nothing, "exam").await?);
    let fields = files::fields(query.unwrap_or_default().as_bytes());
    let page = page_of(&server, &visit, &fields, None).await?;
    Ok(pages::exams(&Frame::of(&server, &visit).done(asked.done.as_deref()), &page).into_response())
}

async fn page_of(
    server: &Server,
    visit: &Visit,
    fields: &[(String, String)],
    wrong: Option<String>,
) -> Result<ExamsPage, Problem> {
    let query = all(fields, "q").next().unwrap_or_default().chars().take(200).collect::<String>();
    let mut chosen = vec![];
    for id in all(fields, "share") {
        let Ok(row) = row_of(server, id).await else { continue };
        if may_see(server, visit, &row) && !chosen.iter().any(|known: &ShareRow| known.id == row.id) {
            chosen.push(row);
        }
    }
    let mut found = find(server, visit, &query).await?;
    found.retain(|row| !chosen.iter().any(|known| known.id == row.id));
    let groups: Vec<&str> = all(fields, "group").collect();
    Ok(ExamsPage {
        policy: server.policy(),
        groups: server.central.groups().await?,
        titles: titles(server, visit).await?,
        form: ExamForm {
            minutes: all(fields, "minutes").next().unwrap_or("60").to_owned(),
            groups: groups.into_iter().map(str::to_owned).collect(),
            // A form that was not sent yet lets work be handed in.
            hand_in: fields.is_empty() || all(fields, "hand_in").any(|value| value == "yes"),
            query,
            chosen,
            found,
        },
        wrong,
        now_s: now_s(),
    })
}

fn all<'a>(fields: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn may_see(server: &Server, visit: &Visit, row: &ShareRow) -> bool {
    server.would_allow(visit, Action::SeeShare, About::Share(&row.facts()))
}

/// Shares by words, among all that somebody may see; without words the newest.
async fn find(server: &Server, visit: &Visit, query: &str) -> Result<Vec<ShareRow>, Problem> {
    let sees = Sees::of(&visit.actor);
    let mut rows: Vec<ShareRow> = match query.trim() {
        "" => server.central.shares_visible(&sees, i64::MAX, FOUND_MAX).await?,
        words => {
            let found = server.central.find_visible(words, &sees, i64::MAX, 4 * FOUND_MAX).await?;
            found.files.into_iter().map(|file| file.share).collect()
        }
    };
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(row.id) && may_see(server, visit, row));
    rows.truncate(FOUND_MAX as usize);
    Ok(rows)
}

/// The titles of what is handed out, as far as somebody may see them.
async fn titles(server: &Server, visit: &Visit) -> Result<Vec<(ShareId, String)>, Problem> {
    let policy = server.policy();
    let mut titles = vec![];
    for id in policy.exams_on(now_s()).flat_map(|exam| &exam.handouts) {
        let title = match server.central.share(*id).await? {
            Some(row) if may_see(server, visit, &row) => row.title,
            Some(_) => "a colleague's private share".to_owned(),
            None => "a share that is not on this server".to_owned(),
        };
        titles.push((*id, title));
    }
    Ok(titles)
}

/// Begins an exam, or ends one.
pub(in crate::server) async fn change(
    State(server): OurServer,
    Extension(visit): Caller,
    RawForm(form): RawForm,
) -> Answer {
    let permit = server.allow(&visit, Action::Exam, About::Nothing, "exam").await?;
    let fields = files::fields(&form);
    let address = visit.address.to_string();
    if all(&fields, "do").next() == Some("end") {
        let policy = match without_exam(&server.policy(), all(&fields, "exam").next(), now_s()) {
            Ok(policy) => policy,
            Err(wrong) => {
                drop(permit);
                return again(&server, &visit, &[], &Problem::conflict(format!("{wrong}."))).await;
            }
        };
        server.change_policy(permit, &visit.note(&address, "exam", "ended"), policy).await?;
        return Ok(see_done("/admin/exams", "exam-over"));
    }
    let exam = match read(&server, &visit, &fields).await {
        Ok(exam) => exam,
        Err(problem) => {
            drop(permit);
            return again(&server, &visit, &fields, &problem).await;
        }
    };
    let minutes = (exam.until_s - now_s() + 59) / 60;
    let detail = format!("{minutes} minutes, {} groups, {} shares", exam.groups.len(), exam.handouts.len());
    let mut policy = (*server.policy()).clone();
    policy.begin_exam(exam, now_s());
    match server.change_policy(permit, &visit.note(&address, "exam", &detail), policy).await {
        // Another teacher began one in the same moment.
        Err(problem) if problem.status == StatusCode::CONFLICT => again(&server, &visit, &fields, &problem).await,
        Err(problem) => Err(problem),
        Ok(()) => Ok(see_done("/admin/exams", "exam")),
    }
}

/// The form again, with everything that was typed and what is wrong.
async fn again(server: &Server, visit: &Visit, fields: &[(String, String)], problem: &Problem) -> Answer {
    let page = page_of(server, visit, fields, Some(problem.detail.clone())).await?;
    let status = if problem.status == StatusCode::CONFLICT { problem.status } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, pages::exams(&Frame::of(server, visit), &page)).into_response())
}

async fn read(server: &Server, visit: &Visit, fields: &[(String, String)]) -> Result<Exam, Problem> {
    let minutes = all(fields, "minutes").next().and_then(|text| text.trim().parse::<i64>().ok());
    let minutes = minutes.filter(|minutes| (1..=MINUTES_MAX).contains(minutes));
    let minutes = minutes.ok_or_else(|| Problem::invalid("An exam lasts 1 to 1440 minutes."))?;
    let known: BTreeSet<GroupId> = server.central.groups().await?.into_iter().map(|group| group.id).collect();
    let mut groups = BTreeSet::new();
    for id in all(fields, "group") {
        let id = id.parse().map(GroupId).ok().filter(|id| known.contains(id));
        groups.insert(id.ok_or_else(|| Problem::invalid("One of these classes no longer exists."))?);
    }
    let mut handouts = BTreeSet::new();
    for id in all(fields, "share") {
        let gone = || Problem::invalid("One of these shares no longer exists.");
        let id: ShareId = id.parse().map_err(|_| gone())?;
        // What lies on the teacher's computer alone is handed out by it, and not known here.
        if server.central.share(id).await?.is_some_and(|row| !may_see(server, visit, &row)) {
            return Err(gone());
        }
        handouts.insert(id);
    }
    let hand_in = all(fields, "hand_in").any(|value| value == "yes");
    Ok(Exam { until_s: now_s() + minutes * MINUTES, groups, handouts, hand_in })
}

/// The materials of the exam that somebody sits, and what they have handed in.
pub(super) async fn materials(
    server: &Server,
    visit: &Visit,
    exam: &Exam,
) -> Result<(Vec<Hit>, Vec<ShareRow>), Problem> {
    let mut hits = vec![];
    for id in &exam.handouts {
        let Some(share) = server.central.share(*id).await? else { continue };
        if may_see(server, visit, &share) {
            hits.push(Hit { share, file: None });
        }
    }
    hits.sort_by(|one, other| one.share.title.cmp(&other.share.title));
    let handed_in = match visit.actor.person() {
        Some(person) => server.central.shares_of(person, now_s() - RECENT_S, FOUND_MAX).await?,
        None => vec![],
    };
    Ok((hits, handed_in))
}

/// What came of handing in, for the one who did. It names what was received and opens nothing.
pub(in crate::server) async fn handed_in(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
) -> Answer {
    let row = row_of(&server, &share).await?;
    if row.owner.is_none() || row.owner != visit.actor.person() {
        return Err(Problem::no_such("share"));
    }
    drop(server.allow(&visit, Action::SeePolicy, About::Nothing, "").await?);
    let files = server.central.files_of_share(row.number, FOUND_MAX).await?;
    Ok(pages::handed_in(&Frame::of(&server, &visit), &row, &files).into_response())
}
