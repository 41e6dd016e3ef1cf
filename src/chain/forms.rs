//! Between what travels (`wire::server`) and what is decided with (`lookup`).

use std::{sync::Arc, time::Duration};

use crate::{
    lookup::{Answer, Ask, Find, FindKind, Mode, Query, QueryId, Reason, Step, Words},
    share::{Audience, PeerId, Root, ShareId},
    wire::server::{self as wire, Hex, Malformed, Text},
};

pub fn question(query: &Query) -> wire::Question {
    wire::Question {
        id: Text(Hex(query.id.0)),
        ask: match &query.ask {
            Ask::Hash(root) => wire::AskFor::Hash(Text(Hex(root.0))),
            Ask::Share(share) => wire::AskFor::Share(Text(*share)),
            Ask::Words(words) => wire::AskFor::Words(words.to_string()),
        },
        hops_left: query.hops_left,
        passed: query.passed.iter().copied().map(Text).collect(),
        budget_ms: millis(query.budget),
        mode: match query.mode {
            Mode::LocalOnly => wire::Mode::LocalOnly,
            Mode::Parents => wire::Mode::Parents,
        },
    }
}

/// A question as it came. `None`: its words have no letter.
pub fn query(question: wire::Question) -> Option<Query> {
    let ask = match question.ask {
        wire::AskFor::Hash(Text(Hex(hash))) => Ask::Hash(Root(hash)),
        wire::AskFor::Share(Text(share)) => Ask::Share(share),
        wire::AskFor::Words(words) => Ask::Words(Words::parse(&words)?),
    };
    Some(Query {
        id: QueryId(question.id.0.0),
        ask,
        hops_left: question.hops_left,
        passed: question.passed.into_iter().map(|server| server.0).collect(),
        budget: Duration::from_millis(question.budget_ms.into()),
        mode: match question.mode {
            wire::Mode::LocalOnly => Mode::LocalOnly,
            wire::Mode::Parents => Mode::Parents,
        },
        fresh: false,
    })
}

pub fn bring(share: ShareId, passed: &[PeerId], budget: Duration) -> wire::Bring {
    wire::Bring { share: Text(share), passed: passed.iter().copied().map(Text).collect(), budget_ms: millis(budget) }
}

/// An answer as it travels. Manifests go with it where one share was asked for and they are small.
pub fn reply(answer: &Answer, for_one: bool) -> wire::Reply {
    match answer {
        Answer::Found { finds, missing } => {
            let with_proof = if for_one { wire::MANIFESTS_INLINE } else { 0 };
            let finds = finds.iter().filter(|find| find.audience != Audience::Peers).enumerate();
            wire::Reply::Found {
                finds: finds.map(|(at, find)| find_form(find, at < with_proof)).collect(),
                missing: missing.iter().take(64).map(|(at, reason)| missing_form(*at, *reason)).collect(),
            }
        }
        Answer::NotFound { scope, ttl } => {
            wire::Reply::NotFound { scope: scope.iter().take(64).copied().map(Text).collect(), ttl_ms: millis(*ttl) }
        }
        Answer::Unknown { reason, at } => wire::Reply::Unknown(missing_form(*at, *reason)),
    }
}

pub fn missing_form(at: PeerId, reason: Reason) -> wire::Missing {
    let reason = match reason {
        Reason::Loop => wire::Reason::Loop,
        Reason::HopLimit => wire::Reason::HopLimit,
        Reason::Timeout => wire::Reason::Timeout,
        Reason::Overloaded => wire::Reason::Overloaded,
        Reason::Unreachable => wire::Reason::Unreachable,
        Reason::Denied => wire::Reason::Denied,
        Reason::Corrupt => wire::Reason::Corrupt,
    };
    wire::Missing { at: Text(at), reason }
}

pub fn reason(reason: wire::Reason) -> Reason {
    match reason {
        wire::Reason::Loop => Reason::Loop,
        wire::Reason::HopLimit => Reason::HopLimit,
        wire::Reason::Timeout => Reason::Timeout,
        wire::Reason::Overloaded => Reason::Overloaded,
        wire::Reason::Unreachable | wire::Reason::Other => Reason::Unreachable,
        wire::Reason::Denied => Reason::Denied,
        wire::Reason::Corrupt => Reason::Corrupt,
    }
}

fn find_form(find: &Find, with_proof: bool) -> wire::Find {
    let manifest = find.manifest.as_deref().filter(|_| with_proof);
    wire::Find {
        share: Text(find.share),
        title: find.title.clone(),
        size: find.size,
        files: find.files,
        kind: match find.kind {
            FindKind::File => "file",
            FindKind::Folder => "folder",
            FindKind::Several => "several",
        }
        .to_owned(),
        publisher: Text(find.publisher),
        created_s: find.created_s,
        audience: match find.audience {
            Audience::Link => wire::Audience::Link,
            _ => wire::Audience::Everyone,
        },
        manifest: manifest.and_then(wire::Find::inline),
        route: find
            .route
            .iter()
            .map(|step| wire::Step { server: Text(step.server), name: step.name.clone() })
            .collect(),
    }
}

/// An answer from its bytes, with every manifest in it checked.
pub fn read_reply(bytes: &[u8]) -> Result<Answer, Malformed> {
    Ok(match wire::Reply::parse(bytes)? {
        wire::Reply::Found { finds, missing } => Answer::Found {
            finds: finds.into_iter().map(read_find).collect::<Result<_, _>>()?,
            missing: missing.into_iter().map(|missing| (missing.at.0, reason(missing.reason))).collect(),
        },
        wire::Reply::NotFound { scope, ttl_ms } => Answer::NotFound {
            scope: scope.into_iter().map(|server| server.0).collect(),
            ttl: Duration::from_millis(ttl_ms.into()),
        },
        wire::Reply::Unknown(missing) => Answer::Unknown { reason: reason(missing.reason), at: missing.at.0 },
    })
}

fn read_find(find: wire::Find) -> Result<Find, Malformed> {
    let step = |step: &wire::Step| Step { server: step.server.0, name: step.shown_name() };
    let route: Vec<Step> = find.route.iter().map(step).collect();
    // With a proof there is nothing to believe.
    if let Some(signed) = find.signed()? {
        return Ok(Find { route, ..Find::of(Arc::new(signed)) });
    }
    Ok(Find {
        share: find.share.0,
        title: find.shown_title(),
        size: find.size,
        files: find.files,
        kind: match find.kind.as_str() {
            "file" => FindKind::File,
            "folder" => FindKind::Folder,
            _ => FindKind::Several,
        },
        publisher: find.publisher.0,
        created_s: find.created_s,
        audience: match find.audience {
            wire::Audience::Everyone => Audience::Everyone,
            wire::Audience::Link => Audience::Link,
        },
        manifest: None,
        route,
        detours: vec![],
    })
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX).min(60_000)
}
