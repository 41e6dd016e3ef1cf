//! The window from made-up snapshots: pictures in, commands out.

mod canvas;
mod control;
mod controls;
mod keyboard;
mod made_up;
mod person;
mod pictures;
mod search;
mod still;

use std::sync::Arc;

use handout::{
    engine::{
        snapshot::{Done, Outcome},
        trouble::TroubleKind,
    },
    window::Face,
};

/// How three wishes of this window ended.
fn outcomes() -> Vec<Arc<Outcome>> {
    let shared = Done::Shared {
        share: made_up::share_id(6),
        link: "handout://x".to_owned(),
        title: "My presentation.pptx".to_owned(),
        size: 24_000_000,
        files: 1,
        left_out: Vec::new(),
    };
    let fetched =
        Done::Fetched { share: made_up::share_id(1), places: made_up::places("Worksheet 7 – photosynthesis.pdf") };
    let full = made_up::trouble(
        TroubleKind::Disk,
        "The disk is full",
        "Video lesson 4.mp4",
        "It needs 800 MB more on /home. It goes on by itself when there is room.",
    );
    let outcome = |token, result| Arc::new(Outcome { token, result });
    vec![outcome(1, Ok(shared)), outcome(2, Ok(fetched)), outcome(3, Err(full))]
}

/// Makes a face wait for [`outcomes`].
fn expect_outcomes(face: &mut Face) {
    use handout::window::Sent;
    let sent = &mut face.memory().sent;
    sent.insert(1, Sent::Share { audience: Default::default() });
    sent.insert(2, Sent::Fetch { title: "Worksheet 7 – photosynthesis.pdf".to_owned() });
    sent.insert(3, Sent::Fetch { title: "Video lesson 4.mp4".to_owned() });
}
