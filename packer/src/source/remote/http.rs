//! A file on a plain HTTP server: ranges, and every answer checked.
//!
//! The URL goes out as it was given, query and all, so that signed ones work.

use super::pace::{self, Pace};
use super::{Answered, Counters, Part, REMOTE_TAIL, Version, WHOLE};
use crate::error::{BadAnswer, RemoteProblem};
use crate::source::location;
use crate::source::options::RemoteOptions;
use rangepack_core::Extent;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap};
use reqwest::header::{HeaderName, IF_MATCH, LAST_MODIFIED, RANGE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use std::time::Duration;

/// The first pause before a request is tried again; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// No pause is longer, whatever the server wishes.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: Url,
    options: RemoteOptions,
    counters: Counters,
}

/// An answer with which something can be done.
enum Answer {
    Part(Part),
    /// The server sent, or would send, the whole file, which is too long for that.
    TooLong(Option<u64>),
    /// The server does not take such a range; perhaps it told the file's length.
    Refused(u16, Option<u64>),
}

/// An answer with which nothing can be done.
struct Trouble {
    problem: RemoteProblem,
    /// Whether it may pass, and how long the server asks to wait.
    again: Option<Option<Duration>>,
}

impl From<RemoteProblem> for Trouble {
    fn from(problem: RemoteProblem) -> Trouble {
        Trouble { problem, again: None }
    }
}

fn passing(problem: RemoteProblem) -> Trouble {
    Trouble { problem, again: Some(None) }
}

impl Http {
    pub(super) fn new(
        url: &location::Url,
        options: &RemoteOptions,
        counters: Counters,
    ) -> Answered<Http> {
        let other = |error: &dyn std::fmt::Display| RemoteProblem::Other(error.to_string());
        let mut url = Url::parse(&url.secret_text()).map_err(|error| other(&error))?;
        // A fragment is for browsers.
        url.set_fragment(None);
        let client = Client::builder()
            .user_agent(concat!("rangepack/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.timeout)
            .read_timeout(options.timeout)
            // It would tell another host the query, which may be a signature.
            .referer(false)
            .build()
            .map_err(|error| other(&error))?;
        Ok(Http { client, url, options: options.clone(), counters })
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The end of the file. One request, if the server knows ranges that count from the end.
    pub(super) async fn tail(&self) -> Answered<Part> {
        match self.get(&format!("bytes=-{REMOTE_TAIL}"), REMOTE_TAIL, None).await? {
            Answer::Part(part) => return Ok(part),
            // Nothing can be cut out of an empty file.
            Answer::Refused(_, Some(0)) => return Ok(Part::empty()),
            Answer::TooLong(_) | Answer::Refused(..) => {}
        }
        let total = match self.get("bytes=0-0", 1, None).await? {
            Answer::Part(part) if part.bytes.len() as u64 == part.total => return Ok(part),
            Answer::Part(part) => part.total,
            Answer::Refused(_, Some(0)) => return Ok(Part::empty()),
            Answer::Refused(status, _) => return Err(RemoteProblem::Status(status)),
            Answer::TooLong(len) => return Err(RemoteProblem::NoRanges(len)),
        };
        let start = total.saturating_sub(REMOTE_TAIL);
        self.range(Extent { start, len: total - start }, &Version::default()).await
    }

    /// One range, which is not empty.
    pub(super) async fn range(&self, extent: Extent, version: &Version) -> Answered<Part> {
        let range = format!("bytes={}-{}", extent.start, extent.end().saturating_sub(1));
        match self.get(&range, extent.len, Some(version)).await? {
            Answer::Part(part) => Ok(part.cut(extent)),
            Answer::TooLong(len) => Err(RemoteProblem::NoRanges(len)),
            // It was inside the file that was opened.
            Answer::Refused(416, _) => Err(RemoteProblem::Changed),
            Answer::Refused(status, _) => Err(RemoteProblem::Status(status)),
        }
    }

    /// Asks until there is an answer, or no hope for one.
    async fn get(&self, range: &str, most: u64, version: Option<&Version>) -> Answered<Answer> {
        let mut pause = PAUSE;
        for left in (0..=self.options.retries).rev() {
            match self.try_get(range, most, version).await {
                Ok(answer) => return Ok(answer),
                Err(Trouble { problem, again: None }) => return Err(problem),
                Err(Trouble { problem, .. }) if left == 0 => return Err(problem),
                Err(Trouble { again, .. }) => {
                    let wished = again.flatten().unwrap_or(pause);
                    tokio::time::sleep(wished.clamp(PAUSE, LONGEST_PAUSE)).await;
                    pause *= 2;
                }
            }
        }
        Err(RemoteProblem::BadAnswer(BadAnswer::Nothing))
    }

    async fn try_get(
        &self,
        range: &str,
        most: u64,
        version: Option<&Version>,
    ) -> std::result::Result<Answer, Trouble> {
        self.counters.request();
        // A server that compresses on the way would cut other bytes.
        let mut request = self.client.get(self.url.clone()).header(RANGE, range);
        request = request.header(ACCEPT_ENCODING, "identity");
        if let Some(etag) = version.and_then(Version::strong) {
            request = request.header(IF_MATCH, etag);
        }
        let response = pace::head(&self.options, 1, request.send()).await.map_err(passing)?;
        let response = response.map_err(|error| self.trouble(error))?;
        let headers = response.headers();
        let content_range = text(headers, CONTENT_RANGE);
        let found = Version { etag: text(headers, ETAG), modified: text(headers, LAST_MODIFIED) };
        let is_encoded = text(headers, CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
        let declared = response.content_length();
        let status = response.status();
        match status {
            StatusCode::PARTIAL_CONTENT | StatusCode::OK if is_encoded => {
                Err(RemoteProblem::BadAnswer(BadAnswer::Compressed).into())
            }
            StatusCode::PARTIAL_CONTENT => {
                let range = content_range.as_deref().and_then(parse_content_range);
                let Some((start, end, total)) = range else {
                    return Err(RemoteProblem::BadAnswer(BadAnswer::UnknownPart).into());
                };
                if end - start > most {
                    return Err(RemoteProblem::BadAnswer(BadAnswer::TooMuch).into());
                }
                let bytes = self.body(response, end - start).await?;
                if bytes.len() as u64 != end - start {
                    return Err(passing(RemoteProblem::BadAnswer(BadAnswer::BrokenOff)));
                }
                Ok(Answer::Part(Part { start, bytes, total, version: found }))
            }
            StatusCode::OK if declared.is_some_and(|len| len > WHOLE) => {
                Ok(Answer::TooLong(declared))
            }
            StatusCode::OK => {
                let bytes = self.body(response, WHOLE + 1).await?;
                let total = bytes.len() as u64;
                if total > WHOLE {
                    return Ok(Answer::TooLong(declared));
                }
                if declared.is_some_and(|len| len != total) {
                    return Err(passing(RemoteProblem::BadAnswer(BadAnswer::BrokenOff)));
                }
                Ok(Answer::Part(Part { start: 0, bytes, total, version: found }))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(RemoteProblem::NotFound(status.as_u16()).into())
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(RemoteProblem::Denied(status.as_u16()).into())
            }
            StatusCode::PRECONDITION_FAILED => Err(RemoteProblem::Changed.into()),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let seconds = text(headers, RETRY_AFTER).and_then(|text| text.parse().ok());
                let again = Some(seconds.map(Duration::from_secs));
                Err(Trouble { problem: RemoteProblem::Status(status.as_u16()), again })
            }
            _ => {
                let total =
                    content_range.and_then(|range| range.strip_prefix("bytes */")?.parse().ok());
                Ok(Answer::Refused(status.as_u16(), total))
            }
        }
    }

    /// The body, or the first bytes of a longer one: memory is taken as they come.
    async fn body(
        &self,
        mut response: Response,
        most: u64,
    ) -> std::result::Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let mut pace = Pace::new(&self.options);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.trouble(error))? {
            self.counters.bytes(chunk.len());
            pace.took(chunk.len()).map_err(passing)?;
            let left = most.saturating_sub(bytes.len() as u64);
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            bytes.extend_from_slice(&chunk[..take]);
            if bytes.len() as u64 == most {
                break;
            }
        }
        Ok(bytes)
    }

    fn trouble(&self, error: reqwest::Error) -> Trouble {
        let problem = if error.is_timeout() {
            RemoteProblem::Timeout(self.options.timeout.as_secs())
        } else if error.is_connect() {
            RemoteProblem::Connect(cause(&error))
        } else if error.is_builder() || error.is_redirect() {
            return RemoteProblem::Other(cause(&error)).into();
        } else {
            RemoteProblem::Other(format!("the connection broke: {}", cause(&error)))
        };
        passing(problem)
    }
}

impl Part {
    fn empty() -> Part {
        Part { start: 0, bytes: Vec::new(), total: 0, version: Version::default() }
    }

    /// The part asked for, when the answer was the whole file.
    fn cut(mut self, extent: Extent) -> Part {
        let is_whole = self.start == 0 && self.bytes.len() as u64 == self.total;
        if is_whole && self.total >= extent.end() && self.start != extent.start {
            let (start, end) = (extent.start as usize, extent.end() as usize);
            self.bytes = self.bytes[start..end].to_vec();
            self.start = extent.start;
        } else if is_whole && self.start == extent.start {
            self.bytes.truncate(usize::try_from(extent.len).unwrap_or(usize::MAX));
        }
        self
    }
}

/// The innermost reason: the others only say that a request failed, and to which URL.
pub(super) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// First byte, the byte after the last, length of the file: `bytes 0-99/1234`.
fn parse_content_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let (end, total) = (last.checked_add(1)?, total.trim().parse().ok()?);
    (first < end && end <= total).then_some((first, end, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(parse_content_range("bytes 0-99/1234"), Some((0, 100, 1234)));
        for bad in [
            "bytes 5-4/10",
            "bytes 0-10/10",
            "bytes 0-9/*",
            "bytes */10",
            "items 0-9/10",
            "bytes 0-18446744073709551615/18446744073709551615",
        ] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn whole_files_are_cut() {
        let part = |extent| {
            let bytes = b"0123456789".to_vec();
            Part { start: 0, bytes, total: 10, version: Version::default() }.cut(extent)
        };
        let cut = part(Extent { start: 3, len: 4 });
        assert_eq!((cut.start, &cut.bytes[..]), (3, &b"3456"[..]));
        assert_eq!(part(Extent { start: 0, len: 2 }).bytes, b"01");
        // Told as the wrong part later.
        assert_eq!(part(Extent { start: 9, len: 2 }).start, 0);
    }
}
