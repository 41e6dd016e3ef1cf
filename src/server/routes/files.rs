//! The bytes of files: downloads with ranges, previews of a few safe kinds, folders as zip.
//!
//! A file that somebody uploaded is never trusted: it is an attachment with its type sealed (nosniff) and shut in a sandbox
//! of its own, unless it is one of a closed list of kinds that can't carry a script, by its name and by its first bytes.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{
    Answer, Caller, OurServer,
    download_count::{Told, begin},
    share::named,
};
use crate::{
    access::{About, Action, ShareFacts},
    engine::OnShelf,
    server::{
        Server,
        caller::Visit,
        problem::Problem,
        ranges::{Wanted, wanted},
        serving,
        speeds::Way,
        zipping::Zip,
    },
    share::EntryKind,
    store::central::{LinkRow, ShareRow},
};

/// What a file of a user's may do in a browser: nothing.
const FILE_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'";
/// Enough to tell a kind by its first bytes.
const MAGIC: u64 = 512;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Asked {
    pub inline: Option<String>,
    pub folder: Option<String>,
}

/// A kind of file that a page may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Shown {
    Text,
    Media { element: &'static str, mime: &'static str },
}

impl Shown {
    /// The element that shows it.
    pub fn element(self) -> Option<&'static str> {
        match self {
            Shown::Text => None,
            Shown::Media { element, .. } => Some(element),
        }
    }
}

pub(in crate::server) async fn download(
    State(server): OurServer,
    Extension(visit): Caller,
    Path((share, entry, _)): Path<(String, usize, String)>,
    Query(asked): Query<Asked>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let row = server.present(&visit, &share).await?;
    let wish = Wish { entry, inline: asked.inline.is_some(), method: &method, headers: &headers, link: None };
    file(&server, &visit, &row, row.facts(), wish).await
}

/// The same for programs, which need no name in the address.
pub(in crate::server) async fn by_program(
    State(server): OurServer,
    Extension(visit): Caller,
    Path((share, entry)): Path<(String, usize)>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let row = server.present(&visit, &share).await?;
    let wish = Wish { entry, inline: false, method: &method, headers: &headers, link: None };
    file(&server, &visit, &row, row.facts(), wish).await
}

/// What is asked of a file.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub entry: usize,
    /// To be looked at in a page.
    pub inline: bool,
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    /// The link that the caller came with.
    pub link: Option<&'a LinkRow>,
}

/// One file, or a part of it, if the caller may have it.
pub(super) async fn file(
    server: &Arc<Server>,
    visit: &Visit,
    row: &ShareRow,
    mut facts: ShareFacts,
    wish: Wish<'_>,
) -> Answer {
    let Wish { entry, inline, headers, .. } = wish;
    let on_shelf = server.shelf.get(row.id);
    let listed = on_shelf.as_ref().and_then(|share| share.share().manifest().entries.get(entry).cloned());
    facts.content = listed.as_ref().and_then(|entry| match entry.kind {
        EntryKind::File { root, .. } => Some(root),
        EntryKind::Folder => None,
    });
    let permit = server.allow(visit, Action::Download, About::Share(&facts), &named(row)).await?;
    let (Some(on_shelf), Some(listed)) = (on_shelf, listed) else { return Err(Problem::no_such("file")) };
    let EntryKind::File { size, root, .. } = listed.kind else { return Err(Problem::no_such("file")) };
    let etag = format!("\"{root}\"");
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|known| known.contains(&etag)) {
        drop(permit);
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    // A range of another content would be glued to the wrong half.
    let range = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|known| known == etag));
    let wanted = wanted(range, size);
    let (from, len) = match wanted {
        Wanted::All => (0, size),
        Wanted::Part { from, to } => (from, to - from + 1),
        Wanted::Beyond => return Ok(beyond(size)),
    };
    if on_shelf.is_stored() && len > 0 {
        // What the storage does not give is told before the answer begins.
        let mut first = on_shelf.read(entry, from, 1).map_err(|error| gone(&error))?;
        let read = tokio::task::spawn_blocking(move || first.read(&mut [0]));
        read.await.map_err(|error| Problem::internal(&error))?.map_err(|error| gone(&error))?;
    }
    let name = listed.path.name();
    let kind = if inline { kind_shown(&on_shelf, entry, name, size).await } else { None };
    let told = Told {
        facts: &facts,
        file: &entry.to_string(),
        detail: &listed.path.to_string(),
        preview: kind.is_some(),
        len,
        size,
    };
    let given = begin(server, visit, permit, row, &wish, &told).await?;
    let pacer = server.speed_of(visit, Way::Down);
    let body = match on_shelf.is_complete() {
        true => {
            let reader = on_shelf.read(entry, from, len).map_err(|error| gone(&error))?;
            serving::body_of(reader, &server.metrics, pacer)
        }
        false => serving::arriving_body(server.shelf.arriving(row.id, entry, from, len), &server.metrics, pacer),
    };
    let mut response = given.response(server.keeping.while_sent(row.id, body));
    if let Wanted::Part { from, to } = wanted {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {from}-{to}/{size}"));
    }
    describe(&mut response, name, kind);
    set(&mut response, header::CONTENT_LENGTH, &len.to_string());
    set(&mut response, header::ETAG, &etag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::HeaderName::from_static("x-blake3"), &root.to_string());
    Ok(response)
}

fn beyond(size: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// Type, name and fences of a user's file.
fn describe(response: &mut Response, name: &str, kind: Option<Shown>) {
    let mime = match kind {
        Some(Shown::Text) => "text/plain; charset=utf-8",
        Some(Shown::Media { mime, .. }) => mime,
        None => "application/octet-stream",
    };
    set(response, header::CONTENT_TYPE, mime);
    set(response, header::CONTENT_DISPOSITION, &disposition(name, kind.is_some()));
    set(response, header::CONTENT_SECURITY_POLICY, FILE_POLICY);
    set(response, header::CACHE_CONTROL, "private, no-cache");
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// RFC 6266: a plain name for old programs, and the real one.
fn disposition(name: &str, inline: bool) -> String {
    let plain: String =
        name.chars()
            .map(|letter| {
                if letter.is_ascii() && !letter.is_ascii_control() && !"\"\\%/".contains(letter) { letter } else { '_' }
            })
            .collect();
    let kind = if inline { "inline" } else { "attachment" };
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", escaped(name))
}

/// All files of a share, or of a folder in it, as one zip.
pub(in crate::server) async fn zip(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
    Query(asked): Query<Asked>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let row = server.present(&visit, &share).await?;
    let wish = Wish { entry: 0, inline: false, method: &method, headers: &headers, link: None };
    archive(&server, &visit, &row, row.facts(), wish, asked.folder.as_deref().unwrap_or("")).await
}

pub(super) async fn archive(
    server: &Arc<Server>,
    visit: &Visit,
    row: &ShareRow,
    facts: ShareFacts,
    wish: Wish<'_>,
    folder: &str,
) -> Answer {
    let permit = server.allow(visit, Action::Download, About::Share(&facts), &named(row)).await?;
    let on_shelf = server.shelf.get(row.id).ok_or_else(|| Problem::no_such("share"))?;
    if on_shelf.is_stored() {
        server.storage_answers()?;
    }
    let folder: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    let policy = server.policy();
    let entries = &on_shelf.share().manifest().entries;
    let inside = entries.iter().enumerate().filter(|(_, entry)| {
        let parts = entry.path.components();
        let under = parts.len() >= folder.len() && parts.iter().zip(&folder).all(|(part, name)| part == name);
        // What is forbidden is left out; the rest of the share is not its fault.
        let blocked = matches!(entry.kind, EntryKind::File { root, .. } if policy.blocked.contains_key(&root));
        under && !blocked
    });
    let chosen: Vec<usize> = inside.map(|(index, _)| index).collect();
    if chosen.is_empty() {
        return Err(Problem::no_such("folder"));
    }
    let (file, detail) = (format!("zip {}", folder.join("/")), format!("zip of {} files and folders", chosen.len()));
    let (zip, size) = Zip::of(server.shelf.clone(), on_shelf, chosen);
    let told = Told { facts: &facts, file: &file, detail: &detail, preview: false, len: size, size };
    let given = begin(server, visit, permit, row, &wish, &told).await?;
    let name = format!("{}.zip", folder.last().copied().unwrap_or(&row.title));
    let body = serving::body_of(zip, &server.metrics, server.speed_of(visit, Way::Down));
    let mut response = given.response(server.keeping.while_sent(row.id, body));
    describe(&mut response, &name, None);
    set(&mut response, header::CONTENT_TYPE, "application/zip");
    set(&mut response, header::CONTENT_LENGTH, &size.to_string());
    Ok(response)
}

/// The kind that a page may show of a file: its name and its first bytes must agree.
pub(super) async fn kind_shown(share: &OnShelf, entry: usize, name: &str, size: u64) -> Option<Shown> {
    let by_name = kind_by_name(name)?;
    let first = read_some(share, entry, size.min(MAGIC)).await.ok()?;
    looks_like(by_name, &first).then_some(by_name)
}

fn kind_by_name(name: &str) -> Option<Shown> {
    let media = |element, mime| Some(Shown::Media { element, mime });
    match crate::access::extension_of(name)?.as_str() {
        "txt" | "md" | "csv" | "json" | "log" | "toml" | "yaml" | "yml" | "ini" | "py" | "rs" | "c" | "h" | "cpp"
        | "java" | "tex" | "sql" => Some(Shown::Text),
        "png" => media("picture", "image/png"),
        "jpg" | "jpeg" => media("picture", "image/jpeg"),
        "gif" => media("picture", "image/gif"),
        "webp" => media("picture", "image/webp"),
        "avif" => media("picture", "image/avif"),
        "mp4" | "m4v" => media("video", "video/mp4"),
        "webm" => media("video", "video/webm"),
        "mp3" => media("audio", "audio/mpeg"),
        "ogg" | "oga" | "opus" => media("audio", "audio/ogg"),
        "flac" => media("audio", "audio/flac"),
        "wav" => media("audio", "audio/wav"),
        _ => None,
    }
}

fn looks_like(kind: Shown, first: &[u8]) -> bool {
    let at = |offset: usize, magic: &[u8]| first.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    match kind {
        Shown::Text => {
            !first.contains(&0) && std::str::from_utf8(first).map_or_else(|error| error.error_len().is_none(), |_| true)
        }
        Shown::Media { mime, .. } => match mime {
            "image/png" => at(0, b"\x89PNG\r\n\x1a\n"),
            "image/jpeg" => at(0, b"\xff\xd8\xff"),
            "image/gif" => at(0, b"GIF8"),
            "image/webp" => at(0, b"RIFF") && at(8, b"WEBP"),
            "image/avif" | "video/mp4" => at(4, b"ftyp"),
            "video/webm" => at(0, b"\x1a\x45\xdf\xa3"),
            "audio/mpeg" => {
                at(0, b"ID3") || first.first() == Some(&0xff) && first.get(1).is_some_and(|byte| byte & 0xe0 == 0xe0)
            }
            "audio/ogg" => at(0, b"OggS"),
            "audio/flac" => at(0, b"fLaC"),
            "audio/wav" => at(0, b"RIFF") && at(8, b"WAVE"),
            _ => false,
        },
    }
}

/// The first bytes of a file, at most `len`.
pub(super) async fn read_some(share: &OnShelf, entry: usize, len: u64) -> Result<Vec<u8>, Problem> {
    let mut reader = share.read(entry, 0, len).map_err(|error| gone(&error))?;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = reader.read(&mut bytes)?;
        bytes.truncate(read);
        Ok::<_, crate::store::ReadError>(bytes)
    });
    read.await.map_err(|error| Problem::internal(&error))?.map_err(|error| gone(&error))
}

fn gone(error: &crate::store::ReadError) -> Problem {
    if let crate::store::ReadError::Away { reason } = error {
        return Problem::storage(reason);
    }
    tracing::warn!(%error, "a file of a share can't be read");
    Problem::new(StatusCode::GONE, "gone", "This file was changed or removed on the server's disk after it was shared.")
}

/// The address of a file's bytes.
pub(super) fn address(base: &str, entry: usize, name: &str) -> String {
    format!("{base}/f/{entry}/{}", escaped(name))
}

/// Everything but letters, digits and a few harmless signs as `%XX` (RFC 3986).
pub(in crate::server) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// The fields of a form, also those that stand in it more than once.
pub(super) fn fields(form: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(form);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (unescaped(name), unescaped(value))).collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair: Vec<u8> = rest.by_ref().take(2).collect();
                let value = std::str::from_utf8(&pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
                bytes.extend(value);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_what_its_name_says_is_shown() {
        let shown = |name: &str, first: &[u8]| kind_by_name(name).is_some_and(|kind| looks_like(kind, first));
        assert!(shown("a.PNG", b"\x89PNG\r\n\x1a\n...."));
        assert!(!shown("a.png", b"<svg onload=alert(1)>"));
        assert!(!shown("a.svg", b"<svg>"));
        assert!(!shown("a.html", b"hello"));
        assert!(!shown("a.pdf", b"%PDF-1.7"));
        assert!(shown("a.txt", "Grüße".as_bytes()));
        assert!(shown("a.txt", &"é".as_bytes()[..1]), "a letter may be cut at the end");
        assert!(!shown("a.txt", b"\x7fELF\0\0"));
        assert!(!shown("a.txt", b"a\xff\xffb"));
        assert!(!shown("txt", b"hello"));
    }

    #[test]
    fn names_can_not_break_out_of_their_header() {
        let said = disposition("a\"; filename=\"b.exe\r\nX: é.txt", false);
        assert_eq!(
            said,
            "attachment; filename=\"a_; filename=_b.exe__X: _.txt\"; \
             filename*=UTF-8''a%22%3B%20filename%3D%22b.exe%0D%0AX%3A%20%C3%A9.txt"
        );
    }

    #[test]
    fn forms_read_back_what_browsers_write() {
        let fields = fields(b"title=A+b%26c&group=1&group=2&empty=&bad=%zz%4");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected =
            [pair("title", "A b&c"), pair("group", "1"), pair("group", "2"), pair("empty", ""), pair("bad", "\u{4}")];
        assert_eq!(fields, expected);
    }
}
