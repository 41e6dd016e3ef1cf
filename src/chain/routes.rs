//! What other computers may ask of a server that is part of a chain.

use std::time::Duration;

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};

use super::{Answer, Ask, Asker, Chain, HOPS_DEFAULT, HOPS_MAX, Mode, Reason, Refusal, forms};
use crate::{
    lookup::{Query, QueryId},
    net::listen::Caller,
    share::{PeerId, ShareId},
    wire::{
        paths,
        peer::Problem,
        server::{Bring, Brought, QUESTION_BYTES_MAX, Question, to_bytes},
    },
};

/// Of the time for having a share in hand, this part is for finding it.
const FIND_PART: u32 = 3;

pub fn router(chain: Chain) -> Router {
    Router::new()
        .route(paths::LOOKUP, post(lookup))
        .route(paths::BRING, post(bring))
        .layer(DefaultBodyLimit::max(QUESTION_BYTES_MAX))
        .with_state(chain)
}

async fn lookup(State(chain): State<Chain>, Extension(caller): Extension<Caller>, body: Bytes) -> Response {
    let question = match Question::parse(&body) {
        Ok(question) => question,
        Err(error) => return bad_request(&error.to_string()),
    };
    let Some(query) = forms::query(question) else { return bad_request("there is no word to search for") };
    // Each server adds itself before it asks further, so a loop shows; who leaves that out hides one.
    if query.passed.last() != Some(&caller.peer) {
        return bad_request("the last that it passed is not the one that sends it");
    }
    let for_one = query.ask.is_for_one();
    let answer = match (chain.admits)(caller.peer).await {
        true => chain.ask_query(Asker::Server(caller.peer), query).await,
        false => Answer::Unknown { reason: Reason::Denied, at: chain.me },
    };
    json(&forms::reply(&answer, for_one))
}

async fn bring(State(chain): State<Chain>, Extension(caller): Extension<Caller>, body: Bytes) -> Response {
    let bring = match Bring::parse(&body) {
        Ok(bring) => bring,
        Err(error) => return bad_request(&error.to_string()),
    };
    let result = match (chain.admits)(caller.peer).await {
        true => chain.have_in_hand(caller.peer, bring).await,
        false => Err(Refusal { reason: Reason::Denied, at: chain.me }),
    };
    json(&match result {
        Ok(()) => Brought::Ready,
        Err(refusal) => Brought::Refused(forms::missing_form(refusal.at, refusal.reason)),
    })
}

impl Chain {
    /// Finds a share and has it brought, unless it is here.
    async fn have_in_hand(&self, caller: PeerId, bring: Bring) -> Result<(), Refusal> {
        let share = bring.share.0;
        let mut passed: Vec<PeerId> = bring.passed.into_iter().map(|server| server.0).collect();
        if !passed.contains(&caller) {
            passed.push(caller);
        }
        let budget = Duration::from_millis(bring.budget_ms.into());
        let routes = self.routes_to(share, caller, &passed, budget / FIND_PART).await?;
        if routes.iter().any(|route| route.len() == 1) {
            return Ok(());
        }
        if !(self.has_room)(share).await {
            return Err(Refusal { reason: Reason::Overloaded, at: self.me });
        }
        let patience = budget.mul_f32(0.6);
        self.bring_for(share, routes, passed, patience).await
    }

    async fn routes_to(
        &self,
        share: ShareId,
        caller: PeerId,
        passed: &[PeerId],
        budget: Duration,
    ) -> Result<Vec<Vec<super::Step>>, Refusal> {
        let hops = usize::from(HOPS_MAX).saturating_sub(passed.len());
        let query = Query {
            id: QueryId(super::random()),
            ask: Ask::Share(share),
            hops_left: u8::try_from(hops).unwrap_or(HOPS_DEFAULT),
            passed: passed.to_vec(),
            budget,
            mode: Mode::Parents,
            fresh: false,
        };
        match self.ask_query(Asker::Server(caller), query).await {
            Answer::Found { finds, .. } => {
                Ok(finds.iter().flat_map(|find| find.routes().cloned().collect::<Vec<_>>()).collect())
            }
            // It was said to be here, and is not: whoever asked is to look elsewhere.
            Answer::NotFound { .. } => Err(Refusal { reason: Reason::Corrupt, at: self.me }),
            Answer::Unknown { reason, at } => Err(Refusal { reason, at }),
        }
    }
}

fn json(message: &impl serde::Serialize) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], to_bytes(message)).into_response()
}

fn bad_request(detail: &str) -> Response {
    let problem = Problem {
        status: StatusCode::BAD_REQUEST.as_u16(),
        title: "The question can't be read".to_owned(),
        detail: detail.to_owned(),
        retry_after_ms: None,
    };
    let kind = HeaderValue::from_static("application/problem+json");
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, kind)], to_bytes(&problem)).into_response()
}
