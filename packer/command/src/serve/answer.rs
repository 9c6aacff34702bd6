//! What a request is answered with: everything, a part, or only that nothing changed (RFC 9110).

use axum::http::{HeaderMap, HeaderValue, Method, header};
use headers::{
    ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince,
};
use http_range_header::{
    EndPosition, RangeUnsatisfiableError, StartPosition, SyntacticallyCorrectRange,
    parse_range_header,
};
use std::ops::Range;
use std::time::{Duration, SystemTime};

/// Midnight of the first day of the year 10000, in seconds.
const TOO_LATE: u64 = 253_402_300_800;

/// Whether a header can tell this time.
pub(super) fn can_be_told(time: SystemTime) -> bool {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.is_ok_and(|since| since < Duration::from_secs(TOO_LATE))
}

/// What can be told of some bytes before they are read.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// Length in bytes.
    pub(super) len: u64,
    /// Changes whenever a byte does.
    pub(super) etag: Option<ETag>,
    /// When it changed last.
    pub(super) modified: Option<SystemTime>,
    /// `Content-Type`.
    pub(super) kind: HeaderValue,
}

/// What a client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// 200.
    All,
    /// 206.
    Part(Range<u64>),
    /// 304: the client has it already.
    Unchanged,
    /// 412: it is not what the client thinks.
    Failed,
    /// 416: it is shorter than that.
    Unsatisfiable,
}

/// Reads what a request wants of some content.
pub(super) fn wanted(method: &Method, request: &HeaderMap, content: &Content) -> Wanted {
    if !matches(request, content) {
        return Wanted::Failed;
    }
    if !is_news(request, content) {
        return Wanted::Unchanged;
    }
    // A range of what has changed meanwhile would fit to nothing that the client has.
    let modified = content.modified.map(Into::into);
    let changed = request
        .typed_get::<IfRange>()
        .is_some_and(|range| range.is_modified(content.etag.as_ref(), modified.as_ref()));
    if method == Method::HEAD || changed {
        return Wanted::All;
    }
    request.get(header::RANGE).map_or(Wanted::All, |range| part(range, content.len))
}

fn matches(request: &HeaderMap, content: &Content) -> bool {
    if let Some(tags) = request.typed_get::<IfMatch>() {
        return is_any(request, header::IF_MATCH)
            || content.etag.as_ref().is_some_and(|etag| tags.precondition_passes(etag));
    }
    match (request.typed_get::<IfUnmodifiedSince>(), content.modified) {
        (Some(since), Some(modified)) => since.precondition_passes(modified),
        _ => true,
    }
}

/// A star means whatever is there.
fn is_any(request: &HeaderMap, name: header::HeaderName) -> bool {
    request.get(name).is_some_and(|value| value.as_bytes() == b"*")
}

fn is_news(request: &HeaderMap, content: &Content) -> bool {
    if let Some(tags) = request.typed_get::<IfNoneMatch>() {
        let is_new = |etag| tags.precondition_passes(etag);
        return !is_any(request, header::IF_NONE_MATCH) && content.etag.as_ref().is_none_or(is_new);
    }
    match (request.typed_get::<IfModifiedSince>(), content.modified) {
        (Some(since), Some(modified)) => since.is_modified(modified),
        _ => true,
    }
}

/// What a `Range` header asks for. Several ranges at once, other units, and what makes no sense are
/// answered with everything, as the RFC allows.
fn part(range: &HeaderValue, len: u64) -> Wanted {
    let parsed = range.to_str().map(parse_range_header);
    let ranges = match parsed {
        Ok(Ok(parsed)) => parsed.ranges,
        Ok(Err(RangeUnsatisfiableError::ZeroSuffix)) => return Wanted::Unsatisfiable,
        _ => return Wanted::All,
    };
    let [SyntacticallyCorrectRange { start, end }] = ranges[..] else { return Wanted::All };
    let start = match start {
        StartPosition::Index(start) => start,
        // As many as there are, when there are not so many.
        StartPosition::FromLast(count) => len.saturating_sub(count),
    };
    let end = match end {
        EndPosition::Index(last) if last < start => return Wanted::All,
        EndPosition::Index(last) => last.saturating_add(1).min(len),
        EndPosition::LastByte => len,
    };
    if start < end { Wanted::Part(start..end) } else { Wanted::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn times_that_headers_can_tell() {
        let after = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap();
        for (time, can) in [
            (UNIX_EPOCH, true),
            (UNIX_EPOCH - Duration::from_nanos(1), false),
            (after(TOO_LATE - 1), true),
            (after(TOO_LATE), false),
        ] {
            assert_eq!(can_be_told(time), can, "{time:?}");
            // What can be told is written without a panic.
            if can {
                HeaderMap::new().typed_insert(headers::LastModified::from(time));
            }
        }
    }

    fn content(len: u64) -> Content {
        Content {
            len,
            etag: Some("\"abc\"".parse().unwrap()),
            modified: Some(UNIX_EPOCH + Duration::from_millis(1_700_000_000_250)),
            kind: HeaderValue::from_static("text/plain"),
        }
    }

    fn ask(len: u64, lines: &[(&'static str, &str)]) -> Wanted {
        let headers = lines.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        wanted(&Method::GET, &headers.collect(), &content(len))
    }

    #[test]
    fn ranges() {
        let of = |range: &str| ask(10, &[("range", range)]);
        assert_eq!(of("bytes=0-0"), Wanted::Part(0..1));
        assert_eq!(of("bytes=2-4"), Wanted::Part(2..5));
        assert_eq!(of("bytes=2-"), Wanted::Part(2..10));
        assert_eq!(of("bytes=-3"), Wanted::Part(7..10));
        assert_eq!(of("bytes=-65536"), Wanted::Part(0..10));
        assert_eq!(of("bytes=9-99999999999999999999"), Wanted::All);
        assert_eq!(of("bytes=9-18446744073709551615"), Wanted::Part(9..10));
        assert_eq!(of("bytes=10-"), Wanted::Unsatisfiable);
        assert_eq!(of("bytes=-0"), Wanted::Unsatisfiable);
        for whole in ["bytes=0-1,3-4", "lines=0-1", "bytes=5-3", "bytes=x-", "bytes", ""] {
            assert_eq!(of(whole), Wanted::All, "{whole}");
        }
        assert_eq!(ask(0, &[("range", "bytes=0-")]), Wanted::Unsatisfiable);
    }

    #[test]
    fn conditions() {
        assert_eq!(ask(10, &[]), Wanted::All);
        assert_eq!(ask(10, &[("if-none-match", "\"x\", W/\"abc\"")]), Wanted::Unchanged);
        assert_eq!(ask(10, &[("if-none-match", "*")]), Wanted::Unchanged);
        let star = [(header::IF_NONE_MATCH, HeaderValue::from_static("*"))].into_iter().collect();
        let untagged = Content { etag: None, ..content(10) };
        assert_eq!(wanted(&Method::GET, &star, &untagged), Wanted::Unchanged);
        assert_eq!(ask(10, &[("if-none-match", "\"x\"")]), Wanted::All);
        assert_eq!(ask(10, &[("if-match", "\"x\"")]), Wanted::Failed);
        assert_eq!(ask(10, &[("if-match", "\"abc\"")]), Wanted::All);
        let (same, earlier) = ("Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:19 GMT");
        assert_eq!(ask(10, &[("if-modified-since", same)]), Wanted::Unchanged);
        assert_eq!(ask(10, &[("if-modified-since", earlier)]), Wanted::All);
        assert_eq!(ask(10, &[("if-unmodified-since", earlier)]), Wanted::Failed);
        // The tag is asked first, and the date not at all then.
        let lines = [("if-none-match", "\"x\""), ("if-modified-since", same)];
        assert_eq!(ask(10, &lines), Wanted::All);
    }

    #[test]
    fn ranges_of_the_same_bytes_only() {
        let of = |tag: &str| ask(10, &[("range", "bytes=1-2"), ("if-range", tag)]);
        assert_eq!(of("\"abc\""), Wanted::Part(1..3));
        assert_eq!(of("\"abd\""), Wanted::All);
        assert_eq!(of("W/\"abc\""), Wanted::All);
    }
}
