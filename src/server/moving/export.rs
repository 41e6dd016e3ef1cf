//! Writes a server into a folder. The server may run meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use futures_util::TryStreamExt as _;

use super::{
    FORMAT, INDEX, Index, IndexedTable, IndexedUpload, KEYS, MoveError, blocking, content_file, failed, hash_of_file,
    share_file, shares_in, table_file, upload_file,
};
use crate::{
    access::Action,
    net::identity::Identity,
    server::{Config, keyring, make_private, now_ms, now_s, sealing, shared},
    share::{EntryKind, Root, Share, ShareId, SignedManifest},
    store::{
        ShareBytes, Store, StoredShare,
        central::{BatchState, Central, Note, UploadRow},
        lasting::sync_name,
        objects::{ObjectError, Objects},
        placing::write_file,
        share_bytes_of, share_bytes_to,
    },
};

/// Where bytes are read from.
enum Bytes {
    Disk(BTreeMap<ShareId, StoredShare>),
    Objects(Objects),
}

/// Writes a copy of the server into `folder`, or goes on with one, or brings one up to date. `machine_id`: as for
/// [`Identity::load_or_create`].
pub async fn export(config: &Config, machine_id: Option<&str>, folder: &Path) -> Result<Index, MoveError> {
    for folder in [folder.to_owned(), folder.join("tables"), folder.join("shares"), folder.join("uploads")] {
        make_private(&folder).map_err(failed(&folder))?;
    }
    // As long as this is missing, nobody takes it for a whole copy.
    let index_path = folder.join(INDEX);
    match fs::remove_file(&index_path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&index_path)(error)),
        _ => {}
    }
    let (identity, _) = Identity::load_or_create(&config.home, machine_id)
        .map_err(|error| crate::server::ServerError::Keys(error.to_string()))?;
    write_keys(config, machine_id, folder)?;
    let central = Central::open(&config.database).await?;
    let about = folder.display().to_string();
    let note = Note { at_ms: now_ms(), address: "", about: "server", detail: &about, request: "" };
    central.log("console", Action::Backup.name(), "done", &note).await?;
    let tables = dump(&central, folder).await?;
    let bytes = match &config.objects {
        Some(storage) => Bytes::Objects(shared::objects_of(storage)?),
        None => {
            let store = Store::open_beside(&config.home).await?;
            let (shares, _) = store.all_shares().await?;
            store.database.close().await;
            Bytes::Disk(shares.into_iter().map(|share| (share.record.id, share)).collect())
        }
    };
    let mut index = Index {
        format: FORMAT,
        made_s: now_s(),
        server: identity.id().to_string(),
        tables,
        shares: 0,
        contents: 0,
        content_bytes: 0,
        uploads: uploads(config, &central, &bytes, folder).await?,
        without_bytes: vec![],
    };
    let mut wanted: BTreeMap<Root, u64> = BTreeMap::new();
    let ids: BTreeSet<ShareId> =
        shares_in(folder, &index.tables, identity.id())?.into_iter().map(|(id, _)| id).collect();
    for id in &ids {
        match copy_share(&bytes, *id, folder).await? {
            Some(contents) => {
                index.shares += 1;
                wanted.extend(contents);
            }
            None => index.without_bytes.push(id.to_string()),
        }
    }
    central.close().await;
    index.contents = wanted.len() as u64;
    index.content_bytes = wanted.values().sum();
    let (at, checked) = (folder.to_owned(), index.clone());
    blocking(move || {
        tidy(&at, &ids, &wanted, &checked)?;
        verify(&at, &wanted, &checked)
    })
    .await?;
    let text = serde_json::to_vec_pretty(&index).unwrap_or_default();
    write_whole(&index_path, &text)?;
    Ok(index)
}

fn write_keys(config: &Config, machine_id: Option<&str>, folder: &Path) -> Result<(), MoveError> {
    let keys = keyring::own_keys(config, machine_id)?;
    let text = serde_json::to_vec_pretty(&keys).unwrap_or_default();
    write_whole(&folder.join(KEYS), &text)
}

/// For the owner alone, and under its name when it is whole.
fn write_whole(path: &Path, text: &[u8]) -> Result<(), MoveError> {
    let temporary = path.with_extension("new");
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_name(path)
    })();
    written.map_err(failed(path))
}

async fn dump(central: &Central, folder: &Path) -> Result<Vec<IndexedTable>, MoveError> {
    let tables = central.dump(|name| Ok(BufWriter::new(File::create(table_file(folder, name))?))).await?;
    let mut indexed = vec![];
    for table in tables {
        let blake3 = hash_of_file(&table_file(folder, &table.name))?.to_string();
        indexed.push(IndexedTable { table, blake3 });
    }
    Ok(indexed)
}

/// Copies a share's manifest and contents. `None`: its bytes are not here.
async fn copy_share(bytes: &Bytes, id: ShareId, folder: &Path) -> Result<Option<BTreeMap<Root, u64>>, MoveError> {
    let place = share_file(folder, id);
    let wire = match bytes {
        Bytes::Disk(shares) => match shares.get(&id).filter(|share| share.record.sources.is_some()) {
            Some(share) => share.bytes.clone(),
            None => return Ok(None),
        },
        Bytes::Objects(objects) => match objects.share(id).await {
            Ok(bytes) => bytes,
            Err(ObjectError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        },
    };
    let damaged = |reason: &str| MoveError::Damaged { path: PathBuf::from(id.to_string()), reason: reason.to_owned() };
    let signed = SignedManifest::parse_expected(&wire.signed, id).map_err(|error| damaged(&error.to_string()))?;
    let mut contents = BTreeMap::new();
    for (entry, listed) in signed.manifest().entries.iter().enumerate() {
        let EntryKind::File { size, root, .. } = listed.kind else { continue };
        let to = content_file(folder, root);
        if contents.insert(root, size).is_some() || fs::metadata(&to).is_ok_and(|there| there.len() == size) {
            continue;
        }
        if let Some(parent) = to.parent() {
            make_private(parent).map_err(failed(parent))?;
        }
        match bytes {
            Bytes::Disk(shares) => {
                let sources = shares.get(&id).and_then(|share| share.record.sources.as_ref());
                let from =
                    sources.and_then(|sources| sources.path(entry)).ok_or_else(|| damaged("a file has no place"))?;
                blocking(move || {
                    let mut file = File::open(&from).map_err(failed(&from))?;
                    write_file(&to, root, &mut file).map_err(failed(&from))
                })
                .await?;
            }
            Bytes::Objects(objects) => fetch(objects, root, size, &to).await?,
        }
    }
    write_whole(&place, &share_bytes_to(&ShareBytes { signed: wire.signed, hashes: wire.hashes }))?;
    Ok(Some(contents))
}

/// Brings a content from the object store, and checks it on the way.
async fn fetch(objects: &Objects, root: Root, size: u64, to: &Path) -> Result<(), MoveError> {
    if size == 0 {
        return write_file(to, root, &mut std::io::empty()).map_err(failed(to));
    }
    let temporary = to.with_extension("coming");
    let mut file = BufWriter::new(File::create(&temporary).map_err(failed(&temporary))?);
    let mut hasher = blake3::Hasher::new();
    let mut steps = objects.whole_content(root).await?;
    while let Some(step) = steps.try_next().await? {
        hasher.update(&step);
        file.write_all(&step).map_err(failed(&temporary))?;
    }
    if *hasher.finalize().as_bytes() != root.0 {
        fs::remove_file(&temporary).map_err(failed(&temporary))?;
        return Err(ObjectError::Wrong { store: objects.shown().to_owned(), key: root.to_string() }.into());
    }
    let file = file.into_inner().map_err(|error| failed(&temporary)(error.into_error()))?;
    file.sync_all().map_err(failed(&temporary))?;
    fs::rename(&temporary, to).and_then(|()| sync_name(to)).map_err(failed(to))
}

/// What came of uploads that are not done.
async fn uploads(
    config: &Config,
    central: &Central,
    bytes: &Bytes,
    folder: &Path,
) -> Result<Vec<IndexedUpload>, MoveError> {
    let mut found = vec![];
    for state in [BatchState::Open, BatchState::Sealing, BatchState::Failed] {
        for batch in central.batches_in(state).await? {
            for upload in central.uploads_of(&batch.id).await? {
                let to = upload_file(folder, &upload.id);
                let length = match bytes {
                    Bytes::Objects(objects) => gather(central, objects, &upload, &to).await?,
                    Bytes::Disk(_) => copy_part(config, &batch.id, &upload, &to)?,
                };
                if let Some(bytes) = length.filter(|length| *length > 0) {
                    let blake3 = hash_of_file(&to)?.to_string();
                    found.push(IndexedUpload { id: upload.id, bytes, blake3 });
                }
            }
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

async fn gather(central: &Central, objects: &Objects, upload: &UploadRow, to: &Path) -> Result<Option<u64>, MoveError> {
    let mut file = File::create(to).map_err(failed(to))?;
    let mut end = 0;
    for part in central.upload_parts(&upload.id).await? {
        let bytes = objects.get_range(&part.object, 0..part.size).await?;
        file.write_all(&bytes).map_err(failed(to))?;
        end += part.size;
    }
    file.sync_all().map_err(failed(to))?;
    Ok(Some(end))
}

/// A file of a batch that was being sealed may have its final name already.
fn copy_part(config: &Config, batch: &str, upload: &UploadRow, to: &Path) -> Result<Option<u64>, MoveError> {
    let part = config.uploads().join(format!("{}.part", upload.id));
    let placed = sealing::place_in(&config.shared().join(batch), upload).ok();
    let Some(from) = [Some(part), placed].into_iter().flatten().find(|path| path.is_file()) else { return Ok(None) };
    let mut file = File::open(&from).map_err(failed(&from))?;
    // More may be coming at this moment; what is there now is enough to go on behind it.
    let length = file.metadata().map_err(failed(&from))?.len();
    let mut copy = File::create(to).map_err(failed(to))?;
    std::io::copy(&mut (&mut file).take(length), &mut copy).map_err(failed(to))?;
    copy.sync_all().map_err(failed(to))?;
    Ok(Some(length))
}

/// Takes away what an older copy in the same folder had and this one has not.
fn tidy(
    folder: &Path,
    shares: &BTreeSet<ShareId>,
    contents: &BTreeMap<Root, u64>,
    index: &Index,
) -> Result<(), MoveError> {
    let keep: BTreeSet<PathBuf> = shares
        .iter()
        .map(|id| share_file(folder, *id))
        .chain(contents.keys().map(|root| content_file(folder, *root)))
        .chain(index.tables.iter().map(|table| table_file(folder, &table.table.name)))
        .chain(index.uploads.iter().map(|upload| upload_file(folder, &upload.id)))
        .collect();
    for part in ["shares", "tables", "uploads", "contents"] {
        remove_others(&folder.join(part), &keep)?;
    }
    Ok(())
}

fn remove_others(folder: &Path, keep: &BTreeSet<PathBuf>) -> Result<(), MoveError> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            remove_others(&path, keep)?;
        } else if !keep.contains(&path) {
            fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    Ok(())
}

/// Reads everything again and compares it with what it must be.
pub(super) fn verify(folder: &Path, contents: &BTreeMap<Root, u64>, index: &Index) -> Result<(), MoveError> {
    let check = |path: PathBuf, expected: &str| match hash_of_file(&path)?.to_string() == expected {
        true => Ok(()),
        false => Err(MoveError::Damaged { path, reason: "its bytes are not what was written".to_owned() }),
    };
    for table in &index.tables {
        check(table_file(folder, &table.table.name), &table.blake3)?;
    }
    for upload in &index.uploads {
        check(upload_file(folder, &upload.id), &upload.blake3)?;
    }
    for root in contents.keys() {
        check(content_file(folder, *root), &root.to_string())?;
    }
    Ok(())
}

/// A share of a copy, read as carefully as what comes from a stranger.
pub(super) fn read_share(folder: &Path, id: ShareId) -> Result<(Share, ShareBytes), MoveError> {
    let path = share_file(folder, id);
    let damaged = |reason: String| MoveError::Damaged { path: path.clone(), reason };
    let bytes = share_bytes_of(&fs::read(&path).map_err(failed(&path))?).map_err(|error| damaged(error.to_string()))?;
    let signed = SignedManifest::parse_expected(&bytes.signed, id).map_err(|error| damaged(error.to_string()))?;
    let hashes = crate::share::PieceHashes::parse(signed.manifest(), &bytes.hashes)
        .map_err(|error| damaged(error.to_string()))?;
    let share = Share::new(signed, hashes).map_err(|error| damaged(error.to_string()))?;
    Ok((share, bytes))
}
