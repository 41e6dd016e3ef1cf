//! Opens a file with its own program, or shows it in the file manager. Neither waits: the window calls them.

use std::{io, path::PathBuf, thread};

/// Opens a file or folder with the program that the person's system uses for it. `failed` hears, on another thread, why
/// it could not be opened.
pub fn open(path: PathBuf, failed: impl FnOnce(String) + Send + 'static) -> io::Result<()> {
    in_background("open a file", move || opener::open(&path).map_err(|error| error.to_string()), failed)
}

/// Shows a file in its folder, marked where the file manager can do that. `failed` as in [`open`].
pub fn show_in_folder(path: PathBuf, failed: impl FnOnce(String) + Send + 'static) -> io::Result<()> {
    in_background("show a file", move || opener::reveal(&path).map_err(|error| error.to_string()), failed)
}

/// Programs that open files take seconds to start, and the call that starts them may wait for D-Bus.
fn in_background(
    name: &str,
    act: impl FnOnce() -> Result<(), String> + Send + 'static,
    failed: impl FnOnce(String) + Send + 'static,
) -> io::Result<()> {
    let work = move || {
        if let Err(reason) = act() {
            failed(reason);
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    #[test]
    fn a_failure_is_told_and_the_caller_never_waits() {
        let (tell, told) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let act = move || {
            // Comes back only after the caller did.
            wait.recv_timeout(Duration::from_secs(30)).map_err(|error| error.to_string())?;
            Err("no program for it".to_owned())
        };

        super::in_background("test", act, move |reason| tell.send(reason).unwrap()).unwrap();
        go.send(()).unwrap();

        assert_eq!(told.recv_timeout(Duration::from_secs(30)).unwrap(), "no program for it");
    }
}
