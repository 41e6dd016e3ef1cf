//! Who runs for a home: the holder of the lock, and where it answers.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::holder::{Holder, Shown};
use crate::platform::private::{Closed, OpenHome, make_home};

/// The lock's file name, in Handout's home.
pub const LOCK_NAME: &str = "lock";

/// The one program that runs for a home. The lock ends with it, also when it is killed.
#[derive(Debug)]
pub struct Instance {
    endpoint: Endpoint,
    /// Where it says that it is here, and the lock, which goes last; held, never read: closing it gives the lock back.
    _held: Box<(Shown, File)>,
}

/// Whether we are the one.
#[derive(Debug)]
pub enum Claim {
    /// Nobody else runs for this home.
    First(Instance),
    /// Another program does; it answers, or soon will, there.
    Taken(Endpoint),
}

/// Why nobody can say who runs; says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error("Handout's folder {path} can't be made: {cause}; name another one with --home DIR")]
    Home { path: PathBuf, cause: io::Error },
    #[error("Handout's folder {path} is not used: {cause}; name another one with --home DIR, or close it (chmod 700)")]
    Open { path: PathBuf, cause: OpenHome },
    #[error("{path} can't be locked: {cause}; name a folder on another disk with --home DIR")]
    Lock { path: PathBuf, cause: io::Error },
    #[error(
        "Handout runs for the folder {path} on the computer {host} (process {process}); end it there, or name another folder with --home DIR"
    )]
    Elsewhere { path: PathBuf, host: String, process: String },
    #[error("there is no private folder for Handout's socket: {path} belongs to somebody else or is open to others")]
    Socket { path: PathBuf },
}

/// The name of the local socket of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    #[cfg(unix)]
    pub(super) path: PathBuf,
    #[cfg(not(unix))]
    pub(super) pipe: String,
}

impl Instance {
    /// Becomes the one program that runs for `home`, or says that another is.
    pub fn claim(home: &Path) -> Result<Claim, ClaimError> {
        private_home(home)?;
        let path = home.join(LOCK_NAME);
        let error = |cause| ClaimError::Lock { path: path.clone(), cause };
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(error)?;
        let taken = match lock.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(cause)) => return Err(error(cause)),
        };
        let endpoint = Endpoint::of(home)?;
        if taken {
            return Ok(Claim::Taken(endpoint));
        }
        // Some network disks give everybody the lock.
        if let Some(holder) = Holder::elsewhere(home) {
            return Err(elsewhere(home, holder));
        }
        Ok(Claim::First(Instance { endpoint, _held: Box::new((Holder::show(home), lock)) }))
    }

    /// Where this instance answers.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// A home that another computer has.
pub(super) fn elsewhere(home: &Path, holder: Holder) -> ClaimError {
    ClaimError::Elsewhere { path: home.to_owned(), host: holder.host, process: holder.process }
}

/// A home is for its own account alone, also where somebody made it beforehand.
fn private_home(home: &Path) -> Result<(), ClaimError> {
    let path = home.to_owned();
    match make_home(home) {
        Ok(Closed::Was) => {}
        Ok(Closed::Now) => {
            tracing::warn!(home = %home.display(), "other users of this computer could look into Handout's folder; it is closed to them from here on");
        }
        Ok(Closed::Never) => {
            tracing::warn!(home = %home.display(), "other users of this computer can look into Handout's folder, and its disk does not let it be closed");
        }
        Err(OpenHome::Io(cause)) => return Err(ClaimError::Home { path, cause }),
        Err(cause) => return Err(ClaimError::Open { path, cause }),
    }
    Ok(())
}

#[cfg(unix)]
impl Endpoint {
    /// The shortest limit for the path of a Unix socket: 104 bytes on macOS, 108 on Linux, with the closing zero.
    const MAX_PATH_BYTES: usize = 103;

    /// The socket lies in the home, or, where that has too long a path, under a hash of it in a folder of our own.
    pub fn of(home: &Path) -> Result<Endpoint, ClaimError> {
        use std::os::unix::ffi::OsStrExt;
        let path = home.join("control.sock");
        if path.as_os_str().len() <= Self::MAX_PATH_BYTES {
            return Ok(Endpoint { path });
        }
        // Two spellings of one home must lead to one socket.
        let home = std::fs::canonicalize(home).map_err(|cause| ClaimError::Home { path: home.to_owned(), cause })?;
        let name = &blake3::hash(home.as_os_str().as_bytes()).to_hex()[..16];
        let folder = Self::short_folder()?;
        Ok(Endpoint { path: folder.join(format!("{name}.sock")) })
    }

    /// `/tmp` is everybody's, so a folder there counts only when it is ours and closed to others.
    fn short_folder() -> Result<PathBuf, ClaimError> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        let short =
            |path: &PathBuf| path.as_os_str().len() <= Self::MAX_PATH_BYTES - "/handout/0123456789abcdef.sock".len();
        let user = rustix::process::geteuid().as_raw();
        let folder = match runtime.filter(short) {
            Some(runtime) => runtime.join("handout"),
            None => PathBuf::from(format!("/tmp/handout-{user}")),
        };
        // That it could not be made shows in the check, which also catches a folder that somebody else put there.
        let _ = crate::platform::private::make_private_folder(&folder);
        if crate::platform::private::is_private_folder(&folder) {
            Ok(folder)
        } else {
            Err(ClaimError::Socket { path: folder })
        }
    }
}

#[cfg(not(unix))]
impl Endpoint {
    /// A named pipe; Windows lets only its maker and administrators write to one.
    pub fn of(home: &Path) -> Result<Endpoint, ClaimError> {
        let home = std::fs::canonicalize(home).map_err(|cause| ClaimError::Home { path: home.to_owned(), cause })?;
        let name = &blake3::hash(home.as_os_str().as_encoded_bytes()).to_hex()[..16];
        Ok(Endpoint { pipe: format!("handout-{name}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_claim_of_a_home_is_refused_until_the_first_ends() {
        let home = tempfile::tempdir().unwrap();

        let first = Instance::claim(home.path()).unwrap();
        let second = Instance::claim(home.path()).unwrap();

        let Claim::First(instance) = first else { panic!("nobody else runs here") };
        assert!(matches!(second, Claim::Taken(endpoint) if endpoint == *instance.endpoint()));
        drop(instance);
        assert!(matches!(Instance::claim(home.path()).unwrap(), Claim::First(_)));
    }

    #[test]
    fn a_home_that_another_computer_has_is_refused_with_its_name_though_the_lock_is_given() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("running"), "lab-07\nanother-run\n4711\n").unwrap();

        let error = Instance::claim(home.path()).unwrap_err().to_string();

        assert!(error.contains("on the computer lab-07 (process 4711)"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_home_with_a_long_path_gets_a_short_private_socket_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let homes = ["a", "b"].map(|name| temp.path().join(name.repeat(120)));

        let sockets = homes.map(|home| match Instance::claim(&home).unwrap() {
            Claim::First(instance) => instance.endpoint().path.clone(),
            Claim::Taken(_) => panic!("nobody else runs here"),
        });

        assert_ne!(sockets[0], sockets[1]);
        for socket in sockets {
            assert!(socket.as_os_str().len() <= Endpoint::MAX_PATH_BYTES, "{socket:?}");
            assert!(crate::platform::private::is_private_folder(socket.parent().unwrap()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_home_that_can_t_be_made_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        std::fs::write(&file, "").unwrap();

        let error = Instance::claim(&file.join("home")).unwrap_err();

        assert!(error.to_string().contains("file/home can't be made"), "{error}");
    }
}
