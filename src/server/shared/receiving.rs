//! Bytes of uploads on their way into the object store: runs of a few megabytes, each written down in the database when it
//! is there. Memory holds one run for each upload that is coming.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::Shared;
use crate::{
    server::{Server, problem::Problem, speeds::Pacer, tokens},
    store::{
        central::{Central, UploadPart, UploadRow},
        objects::{Objects, upload_part},
    },
};

/// A run goes into the store when it is so long, or when no more comes.
const RUN: usize = 4 << 20;
/// A shorter last run is taken up into the next, so that many short requests leave no more objects than a long one.
const SHORT: u64 = (RUN / 2) as u64;

/// Why a body ended before its end.
pub(in crate::server) enum Broken {
    Connection,
    TooMuch,
}

/// Takes a body's bytes behind what is there. Returns how far the upload is then; what came before a connection broke
/// stays. The caller holds the upload's lease. `pacer`: how fast it may come.
pub(in crate::server) async fn receive(
    server: &Server,
    shared: &Shared,
    upload: &UploadRow,
    body: Body,
    pacer: Option<Pacer>,
) -> Result<(u64, Option<Broken>), Problem> {
    let mut writer = Writer::open(&server.central, &shared.objects, upload).await?;
    let (mut parts, mut broken) = (body.into_data_stream(), None);
    while let Some(part) = parts.next().await {
        let Ok(part) = part else {
            broken = Some(Broken::Connection);
            break;
        };
        if writer.end().saturating_add(part.len() as u64) > upload.size {
            broken = Some(Broken::TooMuch);
            break;
        }
        if let Some(pacer) = &pacer {
            pacer.pass(part.len()).await;
        }
        server.metrics.received(part.len());
        writer.add(&part).await?;
    }
    writer.flush().await?;
    Ok((writer.end(), broken))
}

struct Writer<'a> {
    central: &'a Central,
    objects: &'a Objects,
    upload: &'a str,
    start: u64,
    buffer: BytesMut,
    /// The last run, whose bytes are in the buffer again.
    replaces: Option<UploadPart>,
    /// Whether anything came that is not in the store.
    unsaved: bool,
}

impl<'a> Writer<'a> {
    async fn open(central: &'a Central, objects: &'a Objects, upload: &'a UploadRow) -> Result<Writer<'a>, Problem> {
        let mut writer = Writer {
            central,
            objects,
            upload: &upload.id,
            start: upload.stored,
            buffer: BytesMut::new(),
            replaces: None,
            unsaved: false,
        };
        if let Some(last) = central.last_upload_part(&upload.id).await?.filter(|last| last.size < SHORT) {
            let bytes = objects.get_range(&last.object, 0..last.size).await?;
            writer.buffer.extend_from_slice(&bytes);
            writer.start = last.start;
            writer.replaces = Some(last);
        }
        Ok(writer)
    }

    fn end(&self) -> u64 {
        self.start + self.buffer.len() as u64
    }

    async fn add(&mut self, mut part: &[u8]) -> Result<(), Problem> {
        while !part.is_empty() {
            let (now, later) = part.split_at(part.len().min(RUN.saturating_sub(self.buffer.len())));
            self.buffer.extend_from_slice(now);
            self.unsaved |= !now.is_empty();
            part = later;
            if self.buffer.len() >= RUN {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// First the bytes, then the row.
    async fn flush(&mut self) -> Result<(), Problem> {
        if !self.unsaved {
            return Ok(());
        }
        let bytes: Bytes = self.buffer.split().freeze();
        let size = bytes.len() as u64;
        let object = upload_part(self.upload, self.start, tokens::random());
        self.objects.put(&object, bytes).await?;
        let part = UploadPart { start: self.start, size, object };
        let replaces = self.replaces.take();
        if !self.central.add_upload_part(self.upload, &part, replaces.as_ref()).await? {
            self.objects.delete(&part.object).await.ok();
            return Err(Problem::conflict("The upload goes on at another place; ask for it with HEAD."));
        }
        if let Some(old) = replaces {
            self.objects.delete(&old.object).await.ok();
        }
        self.start += size;
        self.unsaved = false;
        Ok(())
    }
}

/// Deletes the bytes of an upload that is over. What can't be deleted is garbage, and goes later.
pub(in crate::server) async fn forget_parts(central: &Central, objects: &Objects, upload: &str) {
    match central.upload_parts(upload).await {
        Ok(parts) => {
            for part in parts {
                objects.delete(&part.object).await.ok();
            }
        }
        Err(error) => tracing::warn!(%error, "the bytes of an upload stay until they are swept"),
    }
}
