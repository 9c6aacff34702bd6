//! Every file in a pack at a URL of its own, and the lists of directories.

use super::answer::Content;
use super::body::Reader;
use super::listing::{self, Page};
use super::route::own_path;
use super::shelf::Served;
use super::{Shared, guard, send};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use headers::ETag;
use rangepack::{Error, Result};
use rangepack_core::{Codec, Entry, Kind, trim_path};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a directory is shown by when packs are served as web sites.
const INDEX: &[u8] = b"index.html";

/// Pages from packs run in a place of their own, where they reach nothing of this server.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads",
);

/// What browsers say when they ask for something to run with the rights of a page.
const SCRIPTS: [&str; 7] =
    ["script", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "xslt"];

/// Answers for a path inside a pack; with a slash at its end it means a directory.
pub(super) fn respond(
    shared: &Shared,
    request: &Parts,
    name: &str,
    served: &Arc<Served>,
    path: &[u8],
) -> Result<Response> {
    let pack = &served.pack;
    if path.is_empty() || path.ends_with(b"/") {
        let directory = pack.resolve_directory(path)?;
        let format = listing::format_asked(request.uri.query());
        if shared.options.site && format.is_none() {
            let index = [directory.as_bytes(), b"/", INDEX].concat();
            match pack.metadata(trim_path(&index)) {
                Err(Error::NoEntry { .. } | Error::BrokenLink { .. }) => {}
                index => return file(shared, request, served, &index?),
            }
        }
        let Some(page) = Page::asked(request.uri.query()) else {
            return Ok(send::text(StatusCode::BAD_REQUEST, "start and limit are numbers"));
        };
        let html = format.map_or(guard::accepts_html(&request.headers), |format| format == "html");
        let shown = html.then(|| trim_path(path));
        let mut response = listing::respond(served, name, &directory, page, shown)?;
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
        return Ok(response);
    }
    let entry = pack.metadata(path)?;
    if matches!(entry.kind, Kind::Directory(_)) {
        let query = request.uri.query().map_or(String::new(), |query| format!("?{query}"));
        let path = own_path(request.uri.path());
        return Ok(Redirect::temporary(&format!("{path}/{query}")).into_response());
    }
    file(shared, request, served, &entry)
}

fn file(shared: &Shared, request: &Parts, served: &Arc<Served>, entry: &Entry) -> Result<Response> {
    let Kind::File(stored) = &entry.kind else {
        let (pack, entry) = (served.pack.location().clone(), entry.path.as_bytes().into());
        return Err(Error::WrongKind { pack, entry, expected: rangepack::Expected::File });
    };
    let name = String::from_utf8_lossy(entry.path.as_bytes());
    let content = Content {
        len: stored.size,
        etag: etag(stored).or_else(|| served.etag_of(stored)),
        modified: entry.mtime.and_then(moment),
        kind: super::kind_of(&name),
    };
    let asks_for = request.headers.get("sec-fetch-dest").and_then(|dest| dest.to_str().ok());
    if !shared.options.site && asks_for.is_some_and(|dest| SCRIPTS.contains(&dest)) {
        let problem = "scripts from packs do not run in pages of this server; --site trusts them";
        return Ok(send::text(StatusCode::FORBIDDEN, problem));
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, shared.cache_control.clone());
    if !shared.options.site {
        // What a cache keeps for a page that reads it must not be given to one that runs it.
        headers.insert(header::VARY, HeaderValue::from_static("Sec-Fetch-Dest"));
    }
    if !shared.options.site && runs_scripts(&content.kind) {
        headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    }
    if request.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "download")) {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    send::content(request, &content, headers, |range| Reader::file(served, &entry.path, range))
}

/// The digest of the bytes that are sent; of old compressed files without one, that of what is stored.
fn etag(content: &rangepack_core::Content) -> Option<ETag> {
    let stored = content.digest.map(|digest| match content.codec {
        Codec::Stored => digest.to_string(),
        _ => format!("{}-{digest}", content.codec.name()),
    });
    let text = content.original_digest.map(|digest| digest.to_string()).or(stored)?;
    format!("\"{text}\"").parse().ok()
}

fn moment(nanoseconds: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(nanoseconds).ok()?))
}

/// Whether a browser would run what is in a file of this type.
fn runs_scripts(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    kind == "text/html" || kind.ends_with("xml") || kind.ends_with("+xml") || kind == "text/xsl"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_scripts() {
        for name in ["a.html", "a.HTM", "a.xhtml", "a.svg", "a.xml", "a.xsl", "a.rss"] {
            assert!(runs_scripts(&crate::serve::kind_of(name)), "{name}");
        }
        for name in ["a.png", "a.txt", "a.js", "a.json", "a", "a.pdf", "a.wasm"] {
            assert!(!runs_scripts(&crate::serve::kind_of(name)), "{name}");
        }
    }

    #[test]
    fn times_before_1970_are_not_told() {
        assert_eq!(moment(-1), None);
        assert_eq!(moment(1), Some(UNIX_EPOCH + Duration::from_nanos(1)));
    }
}
