//! Answers that wait: the stream of what we have, and catalogues that are asked for when they change.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, stream};
use tokio::{
    sync::{
        broadcast::{Receiver, error::TryRecvError},
        watch,
    },
    time::Instant,
};

use super::{Refused, Routes};
use crate::{access::Admission, engine::event::Event, net::listen::Caller, share::PieceIndex, wire::paths::HAVE_ALIVE};

/// A caller that waits for news hears at least this often that we are still here.
const ALIVE_EVERY: Duration = Duration::from_secs(10);
/// News of one share go to one caller no more often than this.
const NEWS_EVERY: Duration = Duration::from_millis(25);
/// Nobody waits longer than this for one answer.
const WAIT_MAX: Duration = Duration::from_secs(55);

/// How long the caller wants to wait for a change (RFC 7240 §4.3).
pub fn wait_of(headers: &HeaderMap) -> Duration {
    let prefer = headers.get("prefer").and_then(|prefer| prefer.to_str().ok()).unwrap_or("");
    let wait = prefer.split(',').find_map(|part| part.trim().strip_prefix("wait=")?.parse().ok());
    Duration::from_secs(wait.unwrap_or(0)).min(WAIT_MAX)
}

/// First the bitmap, then each piece as it is verified. It ends when the share is withdrawn, and for a caller that fell
/// far behind: it asks again and gets the whole bitmap.
pub async fn have(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let served = routes.share(&id, *caller)?;
    // Who follows what we have is fetching it, and passes it on.
    routes.note_caller(*caller, &headers);
    if served.met(caller.peer) {
        let met = Event::Met { share: served.share.id(), peer: caller.peer };
        routes.shell.events.try_send(met).ok();
    }
    let (have, gained) = served.follow();
    // The share must not be held on to here: when it is withdrawn, the queue of its pieces ends, and so does the answer.
    drop(served);
    let first = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(have.as_bytes()))]);
    let still = StillAllowed { rules: routes.shell.served.admission(), id, caller: *caller, routes };
    let rest = stream::unfold((News { gained, told: None }, still), async |(mut news, mut still)| {
        let numbers = tokio::select! {
            numbers = news.next() => numbers?,
            () = still.ends() => return None,
        };
        Some((Ok(Bytes::from(numbers)), (news, still)))
    });
    let body = Body::from_stream(chain(first, rest));
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

/// Whether somebody may still follow a share.
struct StillAllowed {
    rules: watch::Receiver<Option<Arc<Admission>>>,
    id: String,
    caller: Caller,
    routes: Routes,
}

impl StillAllowed {
    /// Returns when the caller may not follow it any more, or everything ends.
    async fn ends(&mut self) {
        let cancel = self.routes.shell.cancel.clone();
        while self.routes.share(&self.id, self.caller).is_ok() {
            tokio::select! {
                changed = self.rules.changed() => if changed.is_err() { return },
                () = cancel.cancelled() => return,
            }
        }
    }
}

fn chain(
    first: impl Stream<Item = Result<Bytes, Infallible>>,
    rest: impl Stream<Item = Result<Bytes, Infallible>>,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    use futures_util::StreamExt as _;
    first.chain(rest)
}

/// What one caller is told of pieces that are gained.
struct News {
    gained: Receiver<PieceIndex>,
    /// When it was told last.
    told: Option<Instant>,
}

impl News {
    /// The numbers of the next pieces, big-endian; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let first = match tokio::time::timeout(ALIVE_EVERY, self.gained.recv()).await {
            Ok(first) => first.ok()?.get(),
            Err(_) => return Some(HAVE_ALIVE.to_be_bytes().to_vec()),
        };
        // The first one in a while is told at once; when many come, each packet of its own would cost more than it tells.
        if let Some(told) = self.told {
            tokio::time::sleep_until(told + NEWS_EVERY).await;
        }
        let mut numbers = first.to_be_bytes().to_vec();
        loop {
            match self.gained.try_recv() {
                Ok(piece) => numbers.extend(piece.get().to_be_bytes()),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                Err(TryRecvError::Lagged(_)) => return None,
            }
        }
        self.told = Some(Instant::now());
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;
    use crate::share::{PieceLen, Pieces};

    #[tokio::test]
    async fn the_first_news_in_a_while_is_told_at_once_and_what_comes_close_behind_it_together() {
        let pieces = Pieces::of_one_file(1 << 20, PieceLen::MIN);
        let piece = |number| pieces.index(number).unwrap();
        let (sender, gained) = broadcast::channel(4);
        let (mut news, began) = (News { gained, told: None }, Instant::now());

        sender.send(piece(5)).unwrap();
        assert_eq!(news.next().await.unwrap(), [0, 0, 0, 5]);
        sender.send(piece(6)).unwrap();
        sender.send(piece(7)).unwrap();
        assert_eq!(news.next().await.unwrap(), [0, 0, 0, 6, 0, 0, 0, 7]);
        assert!(began.elapsed() >= NEWS_EVERY);

        // Who is too far behind has to begin anew.
        (0..6).for_each(|number| _ = sender.send(piece(number)).unwrap());
        assert_eq!(news.next().await, None);
    }

    #[test]
    fn a_wish_to_wait_is_read_and_bounded() {
        let wait = |prefer: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", prefer.parse().unwrap());
            wait_of(&headers).as_secs()
        };
        assert_eq!([wait("wait=7"), wait("respond-async, wait=9"), wait("wait=1000"), wait("wait=-1")], [7, 9, 55, 0]);
        assert_eq!(wait_of(&HeaderMap::new()), Duration::ZERO);
    }
}
