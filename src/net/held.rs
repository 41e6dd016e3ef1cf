//! Bodies that hold on to something until they were sent.

use axum::body::Body;
use http_body_util::BodyExt as _;

/// The same body, which lets go of `held` when it was sent or nobody wants it any more.
pub fn holding(body: Body, held: impl Send + Unpin + 'static) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _ = &held;
        frame
    }))
}
