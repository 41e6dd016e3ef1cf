//! A share's files are written into a folder from their contents, each checked on the way: for a server that was moved, or
//! brought back from a copy.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use super::{
    lasting::{make_folders, sync_name},
    sources::Sources,
    stamp::FileStamp,
};
use crate::share::{EntryKind, NameRules, Root, Share, name_on_disk};

const STEP: usize = 1 << 20;

/// Writes all files of a share under `folder`, which must not be there yet or be from the same attempt: what stands there
/// with the right size is checked and kept. `content`: opens a content by its hash. Blocks.
pub fn place_share(
    share: &Share,
    folder: &Path,
    content: impl Fn(Root) -> io::Result<Box<dyn Read>>,
) -> io::Result<Sources> {
    let mut sources = Sources::new();
    let root = sources.add_root(folder);
    let make = |folder: &Path| make_folders(folder, |folder| fs::create_dir_all(folder));
    make(folder)?;
    for entry in &share.manifest().entries {
        let names = entry.path.components().iter().map(|name| name_on_disk(name, NameRules::HERE).into_owned());
        let inside: PathBuf = names.collect();
        let place = folder.join(&inside);
        let stamp = match entry.kind {
            EntryKind::Folder => {
                make(&place)?;
                None
            }
            EntryKind::File { size, root, executable } => {
                if let Some(parent) = place.parent() {
                    make(parent)?;
                }
                let there = fs::metadata(&place).is_ok_and(|there| there.len() == size);
                if !(there && hash_of(&mut File::open(&place)?, &mut io::sink())? == root) {
                    write_file(&place, root, &mut *content(root)?)?;
                }
                let file = File::options().write(true).open(&place)?;
                if let Ok(seconds) = u64::try_from(entry.modified.s) {
                    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds.min(1 << 40)))?;
                }
                #[cfg(unix)]
                if executable {
                    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
                }
                #[cfg(not(unix))]
                let _ = executable;
                file.sync_all()?;
                Some(FileStamp::of(&file.metadata()?))
            }
        };
        sources.push(root, &inside, stamp);
    }
    Ok(sources)
}

/// Writes a content to a file that gets its name when all of it is there and right.
pub fn write_file(place: &Path, root: Root, content: &mut dyn Read) -> io::Result<()> {
    let mut temporary = place.as_os_str().to_owned();
    temporary.push(".handout-new");
    let temporary = PathBuf::from(temporary);
    let mut file = File::create(&temporary)?;
    if hash_of(content, &mut file)? != root {
        drop(file);
        fs::remove_file(&temporary)?;
        let wrong = format!("the bytes for {} are not what was shared", place.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
    }
    file.sync_all()?;
    fs::rename(temporary, place)?;
    sync_name(place)
}

/// Copies, and tells the hash of what was copied.
pub fn hash_of(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<Root> {
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; STEP]);
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let step = buffer.get(..read).unwrap_or_default();
        if step.is_empty() {
            return Ok(Root(*hasher.finalize().as_bytes()));
        }
        hasher.update(step);
        to.write_all(step)?;
    }
}
