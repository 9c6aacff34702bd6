//! Turns bytes, and what can go wrong with them, into responses.

use super::answer::{Content, Wanted, wanted};
use super::body::{Reader, body};
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headers::{AcceptRanges, ContentLength, ContentRange, HeaderMapExt, LastModified};
use rangepack::{Error, Result};
use std::io;
use std::ops::Range;

/// Pages may not be taken for something that runs.
const NOSNIFF: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// Answers with some content, or what a request wants of it. Its first bytes are read before anything
/// is sent, so that damage of a small file, or at the beginning, has a status of its own.
pub(super) fn content(
    request: &Parts,
    content: &Content,
    headers: HeaderMap,
    open: impl FnOnce(Range<u64>) -> Result<Reader>,
) -> Result<Response> {
    let first = |reader: &mut Reader| reader.chunk().map_err(unwrapped).map(Some);
    // Who waits is never without an answer.
    let answer = answer(request, content, headers, open, first)?;
    Ok(answer.unwrap_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
}

/// The same for a thread that may not wait: nothing when its first bytes are not at hand.
pub(super) fn content_now(
    request: &Parts,
    content: &Content,
    headers: HeaderMap,
    open: impl FnOnce(Range<u64>) -> Result<Reader>,
) -> Option<Response> {
    let first = |reader: &mut Reader| Ok(reader.chunk_now().map(Some));
    answer(request, content, headers, open, first).ok()?
}

/// `first` reads the first bytes, or finds that they are not at hand.
fn answer(
    request: &Parts,
    content: &Content,
    mut headers: HeaderMap,
    open: impl FnOnce(Range<u64>) -> Result<Reader>,
    first: impl FnOnce(&mut Reader) -> Result<Option<Option<Bytes>>>,
) -> Result<Option<Response>> {
    headers.extend([NOSNIFF]);
    headers.typed_insert(AcceptRanges::bytes());
    if let Some(etag) = &content.etag {
        headers.typed_insert(etag.clone());
    }
    if let Some(modified) = content.modified {
        headers.typed_insert(LastModified::from(modified));
    }
    let (status, range) = match wanted(&request.method, &request.headers, content) {
        Wanted::All => (StatusCode::OK, 0..content.len),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Unchanged => return Ok(Some((StatusCode::NOT_MODIFIED, headers).into_response())),
        Wanted::Failed => {
            return Ok(Some((StatusCode::PRECONDITION_FAILED, headers).into_response()));
        }
        Wanted::Unsatisfiable => {
            headers.typed_insert(ContentRange::unsatisfied_bytes(content.len));
            return Ok(Some((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response()));
        }
    };
    let len = range.end.saturating_sub(range.start);
    headers.insert(header::CONTENT_TYPE, content.kind.clone());
    headers.typed_insert(ContentLength(len));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = ContentRange::bytes(range.clone(), content.len)
    {
        headers.typed_insert(range);
    }
    if request.method == Method::HEAD {
        return Ok(Some((status, headers, Body::empty()).into_response()));
    }
    let mut reader = open(range)?;
    let first = if len == 0 { Some(None) } else { first(&mut reader)? };
    let Some(first) = first else { return Ok(None) };
    Ok(Some((status, headers, body(first.unwrap_or_default(), reader)).into_response()))
}

/// The error that a file object wrapped.
fn unwrapped(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(source) => {
            Error::Io { action: rangepack::Action::Read, path: "the pack".into(), source }
        }
    }
}

/// A short text that is not from a pack.
pub(super) fn text(status: StatusCode, text: &str) -> Response {
    let kind =
        [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")), NOSNIFF];
    let mut response = (status, kind, format!("{text}\n")).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page that this server made itself; it runs no scripts.
pub(super) fn page(status: StatusCode, html: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        NOSNIFF,
    ];
    (status, headers, html.into()).into_response()
}

/// A value as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => json_body(bytes.into()),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// JSON that was made already, or is made while it is sent.
pub(super) fn json_body(body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        NOSNIFF,
    ];
    (headers, body).into_response()
}

/// What a client is told of an error: everything but where files lie on this machine.
pub(super) fn failure(name: &str, error: &Error) -> Response {
    let (status, told) = told(error);
    text(status, &format!("{name}: {told}"))
}

/// Status and words for an error.
pub(super) fn told(error: &Error) -> (StatusCode, String) {
    let server = StatusCode::INTERNAL_SERVER_ERROR;
    match error {
        Error::NoEntry { entry, .. } => (StatusCode::NOT_FOUND, format!("no entry {entry}")),
        Error::BrokenLink { entry, target, .. } => {
            let text = format!("{entry} is a link to {target}, which leads nowhere in the pack");
            (StatusCode::NOT_FOUND, text)
        }
        Error::WrongKind { entry, expected, .. } => {
            (StatusCode::NOT_FOUND, format!("{entry} is not a {expected}"))
        }
        Error::Pack { source, .. } if source.kind() == rangepack_core::ErrorKind::BadQuestion => {
            (StatusCode::NOT_FOUND, source.to_string())
        }
        Error::Pack { source, .. } => (server, source.to_string()),
        Error::Entry { entry, source, .. } => (server, format!("{entry}: {source}")),
        Error::Remote { problem, .. } => (StatusCode::BAD_GATEWAY, problem.to_string()),
        Error::Lost { .. } => (server, "it was cut short while it was read".to_owned()),
        Error::Io { action, source, .. } => (server, format!("cannot {action} it: {source}")),
        Error::Volume { volume, problem, .. } => {
            let name = rangepack_core::Escaped(volume);
            (
                server,
                if volume.is_empty() { problem.to_string() } else { format!("{problem}: {name}") },
            )
        }
        _ => (server, "it cannot be read".to_owned()),
    }
}
