//! Computers of the room, and the tokens with which they are enrolled.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    response::IntoResponse as _,
};
use serde::Deserialize;

use super::{Answer, Caller, OurServer, home, see_done};
use crate::{
    access::{About, Action, GroupId, Role},
    server::{
        Server,
        caller::Visit,
        now_s,
        pages::{self, DevicesPage, Frame},
        problem::Problem,
        tokens,
    },
    share::PeerId,
    store::central::EnrolmentRow,
};

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeeDevices, About::Nothing, "").await?);
    let page = page_of(&server, &visit).await?;
    Ok(pages::devices(&Frame::of(&server, &visit).done(asked.done.as_deref()), &page).into_response())
}

async fn page_of(server: &Server, visit: &Visit) -> Result<DevicesPage, Problem> {
    let address = server.authority.addresses().into_iter().next().unwrap_or_default();
    Ok(DevicesPage {
        devices: server.central.devices().await?,
        tokens: server.central.enrolments(now_s()).await?,
        groups: server.central.groups().await?,
        new_token: None,
        may_enrol: server.would_allow(visit, Action::EnrolDevice, About::Nothing),
        address: address.trim_start_matches("https://").to_owned(),
        now_s: now_s(),
    })
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct NewToken {
    note: String,
    #[serde(default)]
    group: String,
    /// `student` or `teacher`; a computer is never more.
    #[serde(default)]
    role: String,
    uses: u64,
    days: i64,
}

pub(in crate::server) async fn make_token(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<NewToken>,
) -> Answer {
    let note = super::title_of(&form.note)?;
    let group = match form.group.as_str() {
        "" => None,
        id => Some(GroupId(id.parse().map_err(|_| Problem::no_such("group"))?)),
    };
    let role = match form.role.as_str() {
        "" | "student" => Role::Student,
        "teacher" => Role::Teacher,
        other => return Err(Problem::invalid(format!("A computer is for a student or a teacher, not {other:?}."))),
    };
    if !(1..=10_000).contains(&form.uses) || !(1..=365).contains(&form.days) {
        return Err(Problem::invalid("A token is for 1 to 10,000 computers and 1 to 365 days."));
    }
    let permit = server.allow(&visit, Action::EnrolDevice, About::Nothing, &note).await?;
    let token = format!("he_{}", tokens::short_token());
    let enrolment = EnrolmentRow {
        id: 0,
        note: note.clone(),
        role,
        group,
        uses_left: form.uses,
        expires_s: now_s() + form.days * 86_400,
    };
    let address = visit.address.to_string();
    let detail = format!("token for {} computers, {} days", form.uses, form.days);
    let mut change = server.central.change(permit, &visit.note(&address, &note, &detail)).await?;
    change.add_enrolment(&tokens::hash_of(&token), &enrolment).await?;
    change.commit().await?;
    let mut page = page_of(&server, &visit).await?;
    page.new_token = Some(tokens::of_this_server(&token, &server.identity.id()));
    Ok(pages::devices(&Frame::of(&server, &visit), &page).into_response())
}

pub(in crate::server) async fn remove_token(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<i64>,
) -> Answer {
    let permit = server.allow(&visit, Action::EnrolDevice, About::Nothing, "token").await?;
    let address = visit.address.to_string();
    let mut change = server.central.change(permit, &visit.note(&address, "token", "taken back")).await?;
    change.remove_enrolment(id).await?;
    change.commit().await?;
    Ok(see_done("/admin/devices", "removed"))
}

pub(in crate::server) async fn remove(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(peer): Path<String>,
) -> Answer {
    let peer: PeerId = peer.parse().map_err(|_| Problem::no_such("computer"))?;
    let about = format!("device:{peer}");
    let permit = server.allow(&visit, Action::RemoveDevice, About::Nothing, &about).await?;
    let address = visit.address.to_string();
    let mut change = server.central.change(permit, &visit.note(&address, &about, "")).await?;
    change.remove_device(peer).await?;
    change.commit().await?;
    server.admit().await?;
    Ok(see_done("/admin/devices", "removed"))
}
