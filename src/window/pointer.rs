//! Where the pointer is while files hover over the window. The windowing library does not tell, so on X11 the server is
//! asked, forty times a second and only while something hovers; elsewhere nobody knows, and the whole window is one target.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Follows the pointer on a thread of its own, as long as it is asked to.
#[derive(Clone, Default)]
pub struct Pointer {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Odd while something hovers; each time that begins it is another number, so that an older thread ends.
    hover: AtomicU64,
    /// Pixels from the corner of the screen.
    at: Mutex<Option<[f32; 2]>>,
}

impl Pointer {
    /// Begins to follow when something hovers, and ends when nothing does. `wake` is called after each move.
    pub fn follow(&self, hovering: bool, wake: impl Fn() + Send + 'static) {
        let hover = self.shared.hover.load(Ordering::Relaxed);
        let following = hover % 2 == 1;
        if hovering == following {
            return;
        }
        self.shared.hover.store(hover + 1, Ordering::Relaxed);
        if !hovering {
            self.shared.put(None);
            return;
        }
        #[cfg(target_os = "linux")]
        {
            let shared = self.shared.clone();
            let _ = std::thread::Builder::new().name("pointer".to_owned()).spawn(move || {
                // Without an X server there is nothing to follow.
                let _ = x11::follow(&shared, hover + 1, &wake);
            });
        }
        #[cfg(not(target_os = "linux"))]
        drop(wake);
    }

    /// Pixels from the corner of the screen, if it is known.
    pub fn at(&self) -> Option<[f32; 2]> {
        *self.shared.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Whether it is somewhere else now.
    fn put(&self, at: Option<[f32; 2]>) -> bool {
        let mut known = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, at) != at
    }
}

#[cfg(target_os = "linux")]
mod x11 {
    use std::{sync::atomic::Ordering, thread, time::Duration};

    use x11rb::{
        connection::Connection as _,
        errors::{ConnectError, ConnectionError, ReplyError},
        protocol::xproto::ConnectionExt as _,
    };

    use super::Shared;

    const BETWEEN: Duration = Duration::from_millis(25);

    /// Why the pointer can't be followed.
    pub enum Lost {
        NoServer,
        NoAnswer,
    }

    impl From<ConnectError> for Lost {
        fn from(_: ConnectError) -> Lost {
            Lost::NoServer
        }
    }

    impl From<ConnectionError> for Lost {
        fn from(_: ConnectionError) -> Lost {
            Lost::NoAnswer
        }
    }

    impl From<ReplyError> for Lost {
        fn from(_: ReplyError) -> Lost {
            Lost::NoAnswer
        }
    }

    /// Asks until something else hovers, or nothing does.
    pub fn follow(shared: &Shared, hover: u64, wake: &impl Fn()) -> Result<(), Lost> {
        let (connection, screen) = x11rb::connect(None)?;
        let Some(root) = connection.setup().roots.get(screen).map(|screen| screen.root) else { return Ok(()) };
        while shared.hover.load(Ordering::Relaxed) == hover {
            let answer = connection.query_pointer(root)?.reply()?;
            let at = [f32::from(answer.root_x), f32::from(answer.root_y)];
            // What hovered may be gone since the question; then its place is no news.
            if shared.hover.load(Ordering::Relaxed) == hover && shared.put(Some(at)) {
                wake();
            }
            thread::sleep(BETWEEN);
        }
        Ok(())
    }
}
