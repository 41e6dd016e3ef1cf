//! A computer enrols itself: it has proved its key in the handshake, and shows a token. From then on it asks where it
//! stands: its role and groups, the version of the policy, and what this server vouches for.

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse as _,
};

use super::{Answer, Caller, OurServer};
use crate::{
    access::{GROUPS_MAX, MEMBERSHIP_S, Membership, Role, SignedMembership},
    net::listen,
    server::{Server, now_s, problem::Problem, throttle::place, tokens},
    share::PeerId,
    store::central::{DeviceRow, NewDevice},
    wire::enrolled::{EnrolRequest, Group, Standing},
};

/// Whoever waits for a change is answered after this at the latest, in seconds.
const WAIT_MAX_S: u64 = 55;

pub(in crate::server) async fn enrol(
    State(server): OurServer,
    Extension(visit): Caller,
    Extension(caller): Extension<listen::Caller>,
    Json(asked): Json<EnrolRequest>,
) -> Answer {
    let attempt = server.attempt_at(format!("device:{}", place(visit.address))).await?;
    let name =
        crate::wire::peer::presentable(&asked.name).ok_or_else(|| Problem::invalid("The computer needs a name."))?;
    let address = visit.address.to_string();
    let new = NewDevice {
        peer: caller.peer,
        name: &name,
        // What stands behind the @ is for the computer alone, which compares it with the server that answers.
        token: &tokens::hash_of(asked.token.split('@').next().unwrap_or_default()),
        now_s: now_s(),
        address: &address,
    };
    let about = format!("device:{}", caller.peer);
    let enrolled = server.central.enrol(&new, &visit.note(&address, &about, &name)).await?;
    if enrolled.is_none() {
        let outcome = "refused: token";
        server.central.log(&about, "devices.enrol", outcome, &visit.note(&address, &about, "")).await?;
        let detail = "This token is not good: it was used up, taken back, is over, or was mistyped. Ask for a new one.";
        return Err(Problem::new(axum::http::StatusCode::FORBIDDEN, "token", detail));
    }
    server.admit().await?;
    attempt.was_right(&server).await?;
    let device = server.central.device(caller.peer).await?.ok_or_else(not_enrolled)?;
    Ok(Json(standing(&server, &device).await?).into_response())
}

/// Where the computer that asks stands. With the `ETag` of what it knows and `Prefer: wait=SECONDS` (RFC 7240) it is
/// answered when the policy changes.
pub(in crate::server) async fn device(
    State(server): OurServer,
    Extension(caller): Extension<listen::Caller>,
    headers: HeaderMap,
) -> Answer {
    let mut policy = server.policy.subscribe();
    let mut now = standing_of(&server, caller.peer).await?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or("").to_owned();
    if etag(&now) == known {
        tokio::select! {
            _ = tokio::time::timeout(wait_of(&headers), policy.changed()) => {}
            () = server.cancel.cancelled() => {}
        }
        now = standing_of(&server, caller.peer).await?;
    }
    let tag = etag(&now);
    if tag == known {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    Ok(([(header::ETAG, tag)], Json(now)).into_response())
}

/// What a computer is told that is not (or no more) on the list.
pub(super) fn not_enrolled() -> Problem {
    let detail =
        "This computer is not enrolled here: it never was, or somebody who runs this server took it off the list.";
    Problem::new(StatusCode::FORBIDDEN, "not-enrolled", detail)
}

async fn standing_of(server: &Server, peer: PeerId) -> Result<Standing, Problem> {
    let device = server.central.device(peer).await?.ok_or_else(not_enrolled)?;
    standing(server, &device).await
}

async fn standing(server: &Server, device: &DeviceRow) -> Result<Standing, Problem> {
    let role = device.role.min(Role::Teacher);
    let groups = server.central.groups().await?.into_iter();
    let own = |id| role >= Role::Teacher || device.group == Some(id);
    let groups = groups.filter(|group| own(group.id)).take(GROUPS_MAX);
    let groups = groups.map(|group| Group { id: group.id.0, name: group.name }).collect();
    let now = now_s();
    let membership = Membership {
        member: device.peer,
        role,
        groups: device.group.into_iter().collect(),
        issued_s: now,
        until_s: now + MEMBERSHIP_S,
    };
    let sign = |message: &[u8]| server.identity.sign(message);
    let signed = SignedMembership::sign(&membership, server.identity.public_key(), sign);
    let signed = signed.map_err(|error| Problem::internal(&error))?;
    Ok(Standing {
        server: server.name(),
        role: role.name().to_owned(),
        groups,
        policy_version: server.policy().version,
        membership: data_encoding::BASE64.encode(signed.to_wire()),
    })
}

/// The same for two standings that differ only in when they were told.
fn etag(standing: &Standing) -> String {
    let told = Standing { membership: String::new(), ..standing.clone() };
    let text = serde_json::to_vec(&told).unwrap_or_default();
    format!("\"{}\"", &blake3::hash(&text).to_hex()[..32])
}

fn wait_of(headers: &HeaderMap) -> Duration {
    let prefer = headers.get("prefer").and_then(|prefer| prefer.to_str().ok()).unwrap_or("");
    let wait = prefer.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait="));
    Duration::from_secs(wait.and_then(|wait| wait.parse().ok()).unwrap_or(0).min(WAIT_MAX_S))
}
