//! Who holds a home, written beside its lock: a network disk may keep no locks, and a lock says not where its holder runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

const FILE_NAME: &str = "running";
/// On a network disk the holder shows this often that it is there.
const SHOW_EVERY: Duration = Duration::from_secs(20);
/// One that was not seen for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(70);
/// A host name, an id and a number have no more.
const BYTES_MAX: u64 = 1 << 10;

/// The program that holds a home, as it wrote itself down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub host: String,
    /// Of the run of that computer.
    boot: String,
    pub process: String,
}

/// Written down for as long as this is kept.
#[derive(Debug)]
pub(super) struct Shown {
    path: PathBuf,
    _showing: Option<mpsc::Sender<()>>,
}

impl Holder {
    /// This program.
    fn me() -> Holder {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        // Where the system tells no run, the host stands for it.
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_else(|_| host.clone());
        Holder { host, boot: boot.trim().to_owned(), process: std::process::id().to_string() }
    }

    /// Who wrote itself down last for a home.
    pub(super) fn of(home: &Path) -> Option<Holder> {
        let mut text = String::new();
        io::Read::read_to_string(&mut io::Read::take(fs::File::open(home.join(FILE_NAME)).ok()?, BYTES_MAX), &mut text)
            .ok()?;
        let mut lines = text.lines().map(|line| line.chars().filter(|letter| !letter.is_control()).collect());
        Some(Holder { host: lines.next()?, boot: lines.next()?, process: lines.next()? })
    }

    /// Whether it runs on another computer, or did before this one was started anew.
    pub(super) fn is_elsewhere(&self) -> bool {
        let me = Holder::me();
        self.boot != me.boot && self.host != me.host
    }

    /// A holder on another computer that showed itself a moment ago, though this one got the lock.
    pub(super) fn elsewhere(home: &Path) -> Option<Holder> {
        let holder = Holder::of(home).filter(Holder::is_elsewhere)?;
        // Both times are those of the disk's own computer.
        let trial = home.join(format!("{FILE_NAME}-{}", std::process::id()));
        fs::write(&trial, "").ok()?;
        let modified = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified());
        let times = modified(&trial).and_then(|now| Ok((now, modified(&home.join(FILE_NAME))?)));
        let _ = fs::remove_file(&trial);
        let (now, shown) = times.ok()?;
        (now.duration_since(shown).unwrap_or_default() < GONE_AFTER).then_some(holder)
    }

    /// Writes this program down, and again and again where others may not see the lock.
    pub(super) fn show(home: &Path) -> Shown {
        let path = home.join(FILE_NAME);
        let Holder { host, boot, process } = Holder::me();
        let text = format!("{host}\n{boot}\n{process}\n");
        // It only tells others more than the lock does.
        let _ = fs::write(&path, &text);
        let showing = is_network(home).then(|| {
            let (ending, ended) = mpsc::channel();
            let path = path.clone();
            thread::spawn(move || {
                while ended.recv_timeout(SHOW_EVERY) == Err(RecvTimeoutError::Timeout) {
                    let _ = fs::write(&path, &text);
                }
            });
            ending
        });
        Shown { path, _showing: showing }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a folder is on a disk that other computers may have, too: NFS, SMB, or a program's own.
#[cfg(target_os = "linux")]
fn is_network(home: &Path) -> bool {
    const KINDS: [u32; 5] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546];
    rustix::fs::statfs(home).is_ok_and(|found| KINDS.contains(&(found.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
fn is_network(_home: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_on_another_computer_counts_until_it_was_not_seen_for_a_while() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE_NAME);
        assert_eq!(Holder::elsewhere(home.path()), None);

        let shown = Holder::show(home.path());
        let me = Holder::of(home.path()).unwrap();
        assert!(!me.is_elsewhere() && me.process == std::process::id().to_string());
        drop(shown);
        assert!(!path.exists());

        fs::write(&path, "lab-07\nanother-run\n4711\n").unwrap();
        let there = Holder::elsewhere(home.path()).unwrap();
        assert_eq!((there.host.as_str(), there.process.as_str()), ("lab-07", "4711"));
        let long_ago = std::time::SystemTime::now() - 2 * GONE_AFTER;
        fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(Holder::elsewhere(home.path()), None);
        fs::write(&path, "half").unwrap();
        assert_eq!(Holder::of(home.path()), None);
    }
}
