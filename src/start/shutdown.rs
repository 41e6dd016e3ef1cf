//! When the person or the system wants the program to end.

use std::{io, thread};

use tokio_util::sync::CancellationToken;

/// The exit code of a program that did not wait for its end, by the shells' custom for SIGINT.
const ENDED_AT_ONCE: i32 = 130;

/// Is cancelled at the first wish to end (Ctrl-C, SIGTERM, a closed terminal). The second ends the program at once, saved
/// or not: a person who asks twice means it.
pub(super) fn interrupt() -> io::Result<CancellationToken> {
    interrupt_at(true)
}

/// [`interrupt`], but SIGHUP means nothing here: it asks a server to look at its certificate.
pub(super) fn interrupt_of_a_server() -> io::Result<CancellationToken> {
    interrupt_at(false)
}

fn interrupt_at(hangup: bool) -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let interrupted = token.clone();
    // A thread of its own: whatever the program waits for elsewhere, the second wish is heard.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut wishes = {
        let _inside = runtime.enter();
        Wishes::listen(hangup)?
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            wishes.next().await;
            interrupted.cancel();
            wishes.next().await;
            std::process::exit(ENDED_AT_ONCE);
        });
    })?;
    Ok(token)
}

#[cfg(unix)]
struct Wishes {
    signals: [tokio::signal::unix::Signal; 3],
    /// Whether SIGHUP is one.
    hangup: bool,
}

#[cfg(unix)]
impl Wishes {
    fn listen(hangup: bool) -> io::Result<Wishes> {
        use tokio::signal::unix::{SignalKind, signal};
        let signals =
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        Ok(Wishes { signals, hangup })
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        let counts = self.hangup;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv(), if counts => {}
        }
    }
}

#[cfg(windows)]
struct Wishes {
    ctrl_c: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Wishes {
    fn listen(_hangup: bool) -> io::Result<Wishes> {
        use tokio::signal::windows::{ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Wishes { ctrl_c: ctrl_c()?, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.close.recv() => {}
            _ = self.shutdown.recv() => {}
        }
    }
}
