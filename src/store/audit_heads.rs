//! Heads of a server's audit log that this computer keeps for others to compare: a file that only grows, one head a line.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::{disk_error::DiskError, have_map::TEMPORARY, lasting::sync_name};
use crate::{access::Head, share::PeerId, wire::enrolled};

/// With more lines the oldest but the very first go: a head covers everything before it.
const LINES_MAX: usize = 8_192;
const LINES_KEPT: usize = 4_096;
const BYTES_MAX: u64 = 4 << 20;

/// Where the heads of a server are kept.
pub fn heads_path(home: &Path, server: PeerId) -> PathBuf {
    home.join("state").join(format!("audit-heads-{}.jsonl", server.short()))
}

/// What is kept, oldest first; a line that can't be read is passed over.
pub fn read_heads(home: &Path, server: PeerId) -> io::Result<Vec<Head>> {
    let file = match fs::File::open(heads_path(home, server)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    let lines = BufReader::new(file.take(BYTES_MAX)).lines();
    let heads = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str::<enrolled::Head>(&line).ok());
    Ok(heads.filter_map(|head| head.checked()).collect())
}

/// Adds heads that are newer than what is kept.
pub fn append_heads(home: &Path, server: PeerId, kept: &[Head], new: &[Head]) -> Result<(), DiskError> {
    let path = heads_path(home, server);
    let written = if kept.len() + new.len() > LINES_MAX {
        let all: Vec<Head> = kept.iter().chain(new).copied().collect();
        let newest = all.get(all.len().saturating_sub(LINES_KEPT)..).unwrap_or_default();
        replace(&path, all.iter().take(1).chain(newest))
    } else {
        append(&path, new.iter())
    };
    written.map_err(|error| DiskError::of(&path, "written", &error))
}

fn append<'a>(path: &Path, heads: impl Iterator<Item = &'a Head>) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&lines(heads)?)?;
    file.sync_all()?;
    sync_name(path)
}

fn replace<'a>(path: &Path, heads: impl Iterator<Item = &'a Head>) -> io::Result<()> {
    let temporary = PathBuf::from(format!("{}{TEMPORARY}", path.display()));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(&lines(heads)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_name(path)
}

fn lines<'a>(heads: impl Iterator<Item = &'a Head>) -> io::Result<Vec<u8>> {
    let mut text = vec![];
    for head in heads {
        serde_json::to_writer(&mut text, &enrolled::Head::from(head))?;
        text.push(b'\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::Signature;

    #[test]
    fn heads_are_added_read_back_and_thinned_out_past_the_limit() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("state")).unwrap();
        let server = PeerId([3; 32]);
        let head = |seq: i64| Head { seq, hash: [seq as u8; 32], at_ms: seq, signature: Signature([9; 64]) };
        append_heads(home.path(), server, &[], &[head(1)]).unwrap();
        append_heads(home.path(), server, &[head(1)], &[head(2), head(3)]).unwrap();
        assert_eq!(read_heads(home.path(), server).unwrap(), [head(1), head(2), head(3)]);

        let kept = read_heads(home.path(), server).unwrap();
        let many: Vec<Head> = (4..10_000).map(head).collect();
        append_heads(home.path(), server, &kept, &many).unwrap();
        let thinned = read_heads(home.path(), server).unwrap();
        assert_eq!((thinned.len(), thinned[0], thinned[4_096]), (1 + LINES_KEPT, head(1), head(9_999)));
    }
}
