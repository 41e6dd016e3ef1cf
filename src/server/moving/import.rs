//! Brings a copy into an empty server: first the keys and the bytes, and the rows last and at once, so that what was broken
//! off is an empty server still, and goes on when it is done again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    FORMAT, INDEX, Index, KEYS, MoveError, blocking, content_file, export, failed, shares_in, table_file, upload_file,
};
use crate::{
    net::identity::Identity,
    server::{Config, ServerError, keyring, make_private, shared, tokens},
    share::{EntryKind, Root, Share, ShareId},
    store::{
        Recipients, ShareBytes, ShareRecord, ShareState, Store,
        central::{Central, UploadPart},
        objects::{Objects, upload_part},
        placing::place_share,
    },
};

/// Unfinished uploads go into the object store in runs of so many bytes.
const RUN: u64 = 4 << 20;

/// Brings the copy in `folder` into the server that `config` describes, which must be empty. Returns what was in it.
/// `machine_id`: as for [`Identity::load_or_create`].
pub async fn import(config: &Config, machine_id: Option<&str>, folder: &Path) -> Result<Index, MoveError> {
    let index = read_index(folder)?;
    let keys = read_keys(folder)?;
    let central = Central::open(&config.database).await?;
    if !central.is_empty().await? {
        return Err(crate::store::central::DumpError::NotEmpty.into());
    }
    let (at, checked) = (folder.to_owned(), index.clone());
    let shares = blocking(move || {
        let (shares, contents) = shares_of(&at)?;
        export::verify(&at, &contents, &checked)?;
        Ok(shares)
    })
    .await?;
    keyring::install(config, &keys, machine_id)?;
    // Processes that share their keys find those of the copy in the database.
    keyring::share_keys(config, machine_id).await?;
    let (identity, _) =
        Identity::load_or_create(&config.home, machine_id).map_err(|error| ServerError::Keys(error.to_string()))?;
    if identity.id().to_string() != index.server {
        let reason = "its key is not that of the server whose copy it is".to_owned();
        return Err(MoveError::Damaged { path: folder.join(KEYS), reason });
    }
    let parts = match &config.objects {
        Some(storage) => Some(into_objects(&shared::objects_of(storage)?, folder, &index, &shares).await?),
        None => {
            onto_disk(config, identity.id(), folder, &index, &shares).await?;
            None
        }
    };
    let tables: Vec<_> = index.tables.iter().map(|table| table.table.clone()).collect();
    let open = |name: &str| Ok(BufReader::new(File::open(table_file(folder, name))?));
    central.fill(&tables, open, parts.as_deref()).await?;
    let report = central.verify_audit(identity.public_key(), &[]).await?;
    central.close().await;
    match report.fault {
        Some(fault) => Err(MoveError::Audit(fault.to_string())),
        None => Ok(index),
    }
}

fn read_index(folder: &Path) -> Result<Index, MoveError> {
    let path = folder.join(INDEX);
    let no_copy = |reason: String| MoveError::NoCopy { path: folder.to_owned(), reason };
    let text = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            no_copy("it has no index.json; if making it was broken off, make it again".to_owned())
        }
        _ => failed(&path)(error),
    })?;
    let index: Index = serde_json::from_slice(&text).map_err(|error| no_copy(error.to_string()))?;
    if index.format != FORMAT {
        return Err(no_copy(format!("it has the form {}, and this Handout reads {FORMAT}", index.format)));
    }
    Ok(index)
}

fn read_keys(folder: &Path) -> Result<keyring::Keys, MoveError> {
    let path = folder.join(KEYS);
    let text = fs::read(&path).map_err(failed(&path))?;
    serde_json::from_slice(&text).map_err(|error| MoveError::Damaged { path, reason: error.to_string() })
}

/// All shares of a copy whose bytes are in it, and their contents.
fn shares_of(folder: &Path) -> Result<(Vec<ShareId>, BTreeMap<Root, u64>), MoveError> {
    let (mut shares, mut contents) = (vec![], BTreeMap::new());
    let listed = folder.join("shares");
    for entry in fs::read_dir(&listed).map_err(failed(&listed))?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let (share, _) = export::read_share(folder, id)?;
        contents.extend(contents_of(&share));
        shares.push(id);
    }
    shares.sort_unstable();
    Ok((shares, contents))
}

fn contents_of(share: &Share) -> Vec<(Root, u64)> {
    let files = share.manifest().entries.iter().filter_map(|entry| match entry.kind {
        EntryKind::File { size, root, .. } => Some((root, size)),
        EntryKind::Folder => None,
    });
    files.collect()
}

/// Puts everything into the object store. Returns the runs of unfinished uploads.
async fn into_objects(
    objects: &Objects,
    folder: &Path,
    index: &Index,
    shares: &[ShareId],
) -> Result<Vec<(String, UploadPart)>, MoveError> {
    objects.try_out().await?;
    let mut done: BTreeSet<Root> = BTreeSet::new();
    for id in shares {
        let (share, bytes) = export::read_share(folder, *id)?;
        for (root, size) in contents_of(&share) {
            if size > 0 && done.insert(root) {
                objects.put_content(root, size, &content_file(folder, root)).await?;
            }
        }
        objects.put_share(*id, &bytes).await?;
    }
    let mut parts = vec![];
    for upload in &index.uploads {
        let path = upload_file(folder, &upload.id);
        let mut file = File::open(&path).map_err(failed(&path))?;
        let mut start = 0;
        while start < upload.bytes {
            let mut run = vec![];
            (&mut file).take(RUN).read_to_end(&mut run).map_err(failed(&path))?;
            if run.is_empty() {
                break;
            }
            let (size, object) = (run.len() as u64, upload_part(&upload.id, start, tokens::random()));
            objects.put(&object, run.into()).await?;
            parts.push((upload.id.clone(), UploadPart { start, size, object }));
            start += size;
        }
    }
    Ok(parts)
}

/// Puts the files of shares into folders, writes the shares down for the engine, and unfinished uploads beside them.
async fn onto_disk(
    config: &Config,
    me: crate::share::PeerId,
    folder: &Path,
    index: &Index,
    shares: &[ShareId],
) -> Result<(), MoveError> {
    for folder in [config.uploads(), config.shared()] {
        make_private(&folder).map_err(failed(&folder))?;
    }
    let mut recipients: BTreeMap<ShareId, Recipients> = shares_in(folder, &index.tables, me)?.into_iter().collect();
    let (store, _) = Store::open(&config.home).await?;
    for id in shares {
        let (from, to, id) = (folder.to_owned(), config.shared().join(id.to_string()), *id);
        let recipients = recipients.remove(&id).unwrap_or_else(|| Recipients::Peers(BTreeSet::new()));
        let (record, bytes) = blocking(move || place(&from, &to, id, me, recipients)).await?;
        store.remember_share(&record, bytes).await?;
    }
    store.database.close().await;
    for upload in &index.uploads {
        let (from, to) = (upload_file(folder, &upload.id), config.uploads().join(format!("{}.part", upload.id)));
        fs::copy(&from, &to).map_err(failed(&to))?;
    }
    Ok(())
}

fn place(
    folder: &Path,
    to: &Path,
    id: ShareId,
    me: crate::share::PeerId,
    recipients: Recipients,
) -> Result<(ShareRecord, ShareBytes), MoveError> {
    let (share, bytes) = export::read_share(folder, id)?;
    let open = |root: Root| Ok(Box::new(File::open(content_file(folder, root))?) as Box<dyn Read>);
    let sources = place_share(&share, to, open).map_err(failed(to))?;
    let mine = share.manifest().publisher.peer_id() == me;
    let record = ShareRecord {
        id,
        mine,
        state: ShareState::Complete,
        recipients: if mine { recipients } else { Recipients::Everyone },
        into: (!mine).then(|| PathBuf::from(to)),
        added: SystemTime::now(),
        sources: Some(sources),
    };
    Ok((record, bytes))
}
