//! Resumable uploads: the core of tus 1.0.0 with creation, termination and expiration (tus.io/protocols/resumable-upload).
//!
//! How far an upload is, is the length of its file, so it is right after a crash too: what was written and not confirmed
//! is sent again from where the file ends. A client of tus that knows nothing of batches gets a batch for each file.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use data_encoding::BASE64;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::{Answer, Caller, OurServer, uploads};
use crate::{
    access::Audience,
    server::{
        Server,
        caller::Visit,
        now_s,
        problem::Problem,
        sealing,
        shared::{self, Broken, Lease},
        speeds::{Pacer, Way},
        tokens,
        upload_locks::UploadLock,
    },
    store::{
        central::{Batch, BatchState, NewUpload, UploadRow},
        lasting::sync_name,
    },
};

const VERSION: &str = "1.0.0";
/// The disk is looked at again after so many bytes.
const LOOK_EVERY: u64 = 64 << 20;
/// An upload whose process was killed can be gone on with at another after so long.
const WRITING_LEASE_S: i64 = 15;
/// Nothing that is shared is larger (see `share`).
const SIZE_MAX: u64 = 16 << 40;

pub(in crate::server) async fn options() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    put(&mut response, "tus-version", VERSION);
    put(&mut response, "tus-extension", "creation,termination,expiration");
    put(&mut response, "tus-max-size", &SIZE_MAX.to_string());
    tus(response)
}

/// Announces a file: `Upload-Length`, and in `Upload-Metadata` its `filename` or `relativePath`, its `batch` and `mtime`.
pub(in crate::server) async fn create(
    State(server): OurServer,
    Extension(visit): Caller,
    headers: HeaderMap,
) -> Answer {
    speaks_tus(&headers)?;
    let size = number(&headers, "upload-length").filter(|size| *size <= SIZE_MAX);
    let size = size.ok_or_else(|| Problem::invalid("Upload-Length must tell the file's size."))?;
    let told = metadata(&headers)?;
    let one = |name: &str| told.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let path = one("relativePath").filter(|path| !path.is_empty()).or(one("filename")).or(one("name")).unwrap_or("");
    let path = sealing::checked_path(path).map_err(|error| Problem::invalid(format!("{error}.")))?.to_string();
    let permit = uploads::may_come(&server, &visit, &path, size).await?;
    drop(permit);
    if server.shared.is_none() {
        server.make_room(size).await?;
    }
    let (batch, alone) = match one("batch") {
        Some(id) => (uploads::mine(&server, &visit, id).await?, false),
        None => {
            let title = path.rsplit('/').next().unwrap_or(&path).to_owned();
            (uploads::begin_batch(&server, &visit, &title, Audience::Owner, true).await?, true)
        }
    };
    if batch.state != BatchState::Open {
        return Err(Problem::conflict("This upload is finished; begin another."));
    }
    if server.central.uploads_of(&batch.id).await?.len() >= uploads::FILES_MAX {
        return Err(Problem::conflict("An upload has at most 100,000 files. Pack them, or upload them in parts."));
    }
    let id = tokens::short_token();
    let modified_s = one("mtime").and_then(|time| time.parse().ok());
    let new = NewUpload { id: &id, batch: &batch.id, path: &path, size, modified_s };
    let upload = server.central.add_upload(&new).await?;
    if upload.id == id
        && let Err(refused) = still_fits(&server, &visit, &upload).await
    {
        if alone {
            server.central.forget_batch(&batch.id).await?;
        }
        return Err(refused);
    }
    if alone && size == 0 {
        uploads::finish_batch(&server, &visit, batch.clone()).await?;
    }
    let mut response = StatusCode::CREATED.into_response();
    put(&mut response, "location", &format!("/tus/{}", upload.id));
    put(&mut response, "upload-offset", &uploads::received(&server, &upload).to_string());
    expires(&server, &mut response, &batch);
    Ok(tus(response))
}

/// Of many files that are announced at once, at whichever process, none may bring a person over the limit: each is looked
/// at again when it stands in the database beside the others.
async fn still_fits(server: &Server, visit: &Visit, upload: &UploadRow) -> Result<(), Problem> {
    if let Err(refused) = uploads::may_stay(server, visit, upload).await {
        server.central.forget_upload(&upload.id).await?;
        return Err(refused);
    }
    Ok(())
}

/// How far an upload is.
pub(in crate::server) async fn offset(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let (upload, batch) = found(&server, &visit, &id).await?;
    let mut response = StatusCode::OK.into_response();
    let offset = match batch.state {
        BatchState::Open => uploads::received(&server, &upload),
        _ => upload.size,
    };
    put(&mut response, "upload-offset", &offset.to_string());
    put(&mut response, "upload-length", &upload.size.to_string());
    expires(&server, &mut response, &batch);
    Ok(tus(response))
}

/// Bytes from an offset on.
pub(in crate::server) async fn write(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    speaks_tus(&headers)?;
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind != Some(b"application/offset+octet-stream") {
        let detail = "The bytes of an upload come as application/offset+octet-stream.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "type", detail));
    }
    let offset =
        number(&headers, "upload-offset").ok_or_else(|| Problem::invalid("Upload-Offset must tell a place."))?;
    let (_, batch) = found(&server, &visit, &id).await?;
    // An exam may have begun, or a right been taken away, while it was coming.
    uploads::may_go_on(&server, &visit, &batch).await?;
    if batch.state != BatchState::Open {
        return Err(Problem::conflict("This upload is finished."));
    }
    let _lock = Writing::begin(&server, &id).await?;
    // Another process may have written until a moment ago.
    let (upload, _) = found(&server, &visit, &id).await?;
    if uploads::received(&server, &upload) != offset {
        return Err(Problem::conflict("The upload goes on at another place; ask for it with HEAD."));
    }
    let length = number(&headers, "content-length").unwrap_or(0);
    if offset.saturating_add(length) > upload.size {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "More came than was announced."));
    }
    let end = append(&server, &upload, offset, body, server.speed_of(&visit, Way::Up)).await?;
    server.central.touch_batch(&batch.id, now_s()).await?;
    if end == upload.size && batch.alone {
        uploads::finish_batch(&server, &visit, batch.clone()).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    put(&mut response, "upload-offset", &end.to_string());
    expires(&server, &mut response, &batch);
    Ok(tus(response))
}

/// Writes what comes behind what is there. What came before a connection broke stays.
/// `pacer`: how fast it may come.
async fn append(
    server: &Arc<Server>,
    upload: &UploadRow,
    offset: u64,
    body: Body,
    pacer: Option<Pacer>,
) -> Result<u64, Problem> {
    if let Some(shared) = &server.shared {
        let (end, broken) = shared::receive(server, shared, upload, body, pacer).await?;
        return broken.map_or(Ok(end), |broken| Err(broken_off(&broken)));
    }
    let path = sealing::part_of(server, &upload.id);
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.create(true).append(true).open(&path).await?;
    let (mut end, mut looked_at) = (offset, offset);
    let mut parts = body.into_data_stream();
    let mut broken = None;
    while let Some(part) = parts.next().await {
        let Ok(part) = part else {
            broken = Some(Broken::Connection);
            break;
        };
        if end.saturating_add(part.len() as u64) > upload.size {
            broken = Some(Broken::TooMuch);
            break;
        }
        file.write_all(&part).await?;
        server.metrics.received(part.len());
        if let Some(pacer) = &pacer {
            pacer.pass(part.len()).await;
        }
        end += part.len() as u64;
        if end - looked_at >= LOOK_EVERY {
            looked_at = end;
            server.make_room(0).await?;
        }
    }
    file.flush().await?;
    // What is confirmed must be there after a power cut.
    file.sync_data().await?;
    if offset == 0 {
        // It was made just now, so its name must last as well.
        tokio::task::spawn_blocking(move || sync_name(&path)).await.map_err(std::io::Error::other)??;
    }
    broken.map_or(Ok(end), |broken| Err(broken_off(&broken)))
}

fn broken_off(broken: &Broken) -> Problem {
    match broken {
        Broken::Connection => {
            Problem::new(StatusCode::BAD_REQUEST, "broken", "The connection broke off; go on from where it is.")
        }
        Broken::TooMuch => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "More came than was announced."),
    }
}

/// The right to write to an upload: two at once would mix their bytes.
struct Writing {
    _here: UploadLock,
    /// Among all processes.
    _lease: Option<Lease>,
}

impl Writing {
    async fn begin(server: &Server, upload: &str) -> Result<Writing, Problem> {
        let locked = "Another connection writes to this upload. Try again in a moment.";
        let locked = Problem::new(StatusCode::LOCKED, "locked", locked);
        let locked = Problem { retry_after_s: Some(1), ..locked };
        let here = server.writing.take(upload).ok_or_else(|| locked.clone())?;
        let lease = match server.shared {
            Some(_) => {
                let lease = Lease::take(&server.central, format!("upload:{upload}"), WRITING_LEASE_S).await?;
                Some(lease.ok_or(locked)?)
            }
            None => None,
        };
        Ok(Writing { _here: here, _lease: lease })
    }
}

pub(in crate::server) async fn remove(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let (upload, batch) = found(&server, &visit, &id).await?;
    if batch.state != BatchState::Open {
        return Err(Problem::conflict("This upload is finished."));
    }
    let _lock = Writing::begin(&server, &id).await?;
    if let Some(shared) = &server.shared {
        shared::forget_parts(&server.central, &shared.objects, &upload.id).await;
    }
    tokio::fs::remove_file(sealing::part_of(&server, &upload.id)).await.ok();
    server.central.forget_upload(&upload.id).await?;
    if batch.alone {
        server.central.forget_batch(&batch.id).await?;
    }
    Ok(tus(StatusCode::NO_CONTENT.into_response()))
}

/// An upload of the caller's; for others there is none.
async fn found(server: &Server, visit: &Visit, id: &str) -> Result<(UploadRow, Batch), Problem> {
    let upload = server.central.upload(id).await?.ok_or_else(|| Problem::no_such("upload"))?;
    let batch = uploads::mine(server, visit, &upload.batch).await?;
    Ok((upload, batch))
}

fn speaks_tus(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get("tus-resumable").map(HeaderValue::as_bytes) == Some(VERSION.as_bytes()) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "tus", "This speaks tus 1.0.0: send Tus-Resumable: 1.0.0."))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// `Upload-Metadata`: pairs of a name and a value in Base64.
fn metadata(headers: &HeaderMap) -> Result<Vec<(String, String)>, Problem> {
    let bad =
        || Problem::invalid("Upload-Metadata has pairs of a name and a value in Base64, with commas between them.");
    let Some(text) = headers.get("upload-metadata") else { return Ok(vec![]) };
    let pairs = text.to_str().map_err(|_| bad())?.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = BASE64.decode(value.trim().as_bytes()).ok().and_then(|value| String::from_utf8(value).ok());
        value.map(|value| (name.to_owned(), value)).ok_or_else(bad)
    };
    pairs.map(pair).collect()
}

fn tus(mut response: Response) -> Response {
    put(&mut response, "tus-resumable", VERSION);
    response
}

fn expires(server: &Server, response: &mut Response, batch: &Batch) {
    let at = batch.touched_s.max(now_s()) + server.settings().lifetimes.upload_s;
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = time::OffsetDateTime::from_unix_timestamp(at).ok().and_then(|at| at.format(&format).ok());
    put(response, "upload-expires", &at.unwrap_or_default());
}

fn put(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
