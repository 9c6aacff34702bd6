//! A file on a web server, read by byte ranges; each response is checked.

mod exchange;
mod headers;
mod retry;

use super::abort::{Ended, Watch};
use super::error::{BadAnswer, Error, RemoteProblem, Result};
use super::options::OpenOptions;
use super::source::{Traffic, check};
use exchange::{Asked, Exchange, Failure, Wiring, send};
use headers::Validators;
use rangepack_core::Extent;
use retry::{blames_cache, wait_before_retry};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use web_sys::{AbortSignal, Url};

/// After so many bytes the count of failures begins anew: a long read may be resumed many times.
const PROGRESS: usize = 64 << 10;

/// A file on a web server.
///
/// After it was opened every read is one request. Of each response the status is checked, `Content-Range` where it
/// can be read, the exact length, and that `ETag`, `Last-Modified` and the size are those of the first one. What
/// came before a connection broke is kept; the next try asks for the rest.
#[derive(Debug)]
pub(super) struct Http {
    wiring: Wiring,
    /// The address without its query.
    pub(super) name: String,
    retries: (u32, u32),
    whole_limit: u64,
    is_preflighted: bool,
    size: Cell<Option<u64>>,
    /// The file, if the server ignores ranges.
    whole: RefCell<Option<Rc<[u8]>>>,
    /// That of the first response.
    version: RefCell<Option<Validators>>,
    traffic: Cell<Traffic>,
}

/// A way to learn the size of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The end of the file; a preflight from other origins.
    Suffix,
    FirstByte,
    Head,
}

impl Http {
    pub(super) fn new(address: &str, options: &OpenOptions) -> Result<Http> {
        let refused = |name: String| Error::Remote { url: name, problem: RemoteProblem::Address };
        let (base, origin) = page();
        // The address may hold secrets, so it is not shown.
        let url = match &base {
            Some(base) => Url::new_with_base(address, base),
            None => Url::new(address),
        };
        let url = url.map_err(|_| refused("the address".to_owned()))?;
        url.set_hash("");
        let name = format!("{}{}", url.origin(), url.pathname());
        let is_web = ["http:", "https:"].contains(&url.protocol().as_str());
        if !is_web || !url.username().is_empty() || !url.password().is_empty() {
            return Err(refused(name));
        }
        let is_safe = |(name, _): &(String, String)| {
            ["accept", "accept-language"].iter().any(|safe| safe.eq_ignore_ascii_case(name))
        };
        Ok(Http {
            name,
            retries: (options.retries, options.retry_delay),
            whole_limit: options.whole_limit,
            is_preflighted: !options.headers.iter().all(is_safe),
            size: Cell::new(None),
            whole: RefCell::new(None),
            version: RefCell::new(None),
            traffic: Cell::new(Traffic::default()),
            wiring: Wiring {
                cross_origin: origin.is_some_and(|origin| origin != url.origin()),
                url: url.href(),
                headers: options.headers.clone(),
                credentials: options.credentials,
                timeout: options.timeout,
                least_speed: options.least_speed,
            },
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.wiring.url
    }

    /// In bytes; 0 before it was opened.
    pub(super) fn size(&self) -> u64 {
        self.size.get().unwrap_or(0)
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.traffic.get()
    }

    fn told(&self, failure: Failure) -> Error {
        match failure {
            Failure::Aborted(reason) => Error::Aborted { reason },
            Failure::Problem(problem, _) => Error::Remote { url: self.name.clone(), problem },
        }
    }

    /// Finds out the size; gives the last bytes if they came along.
    pub(super) async fn open(
        &self,
        length: u64,
        signal: Option<&AbortSignal>,
    ) -> Result<Option<Vec<u8>>> {
        let steps = match self.wiring.cross_origin && !self.is_preflighted {
            true => [Step::Head, Step::FirstByte, Step::Suffix],
            false => [Step::Suffix, Step::FirstByte, Step::Head],
        };
        // What the server really answered tells more than a later request that could not even be sent.
        let mut told = None;
        for step in steps {
            let is_last = step == steps[2];
            let failure = match self.try_step(step, is_last, length, signal).await {
                Ok(bytes) if self.size.get().is_some() => return Ok(bytes),
                Ok(_) => RemoteProblem::NoSize.into(),
                Err(failure) if may_try_next(step, &failure) => failure,
                Err(failure) => return Err(self.told(failure)),
            };
            told = Some(match told {
                Some(told) if is_answer(&told) && !is_answer(&failure) => told,
                Some(told) if is_of_ranges(&told) => told,
                _ => failure,
            });
        }
        Err(self.told(told.unwrap_or(RemoteProblem::NoSize.into())))
    }

    async fn try_step(
        &self,
        step: Step,
        is_last: bool,
        length: u64,
        signal: Option<&AbortSignal>,
    ) -> std::result::Result<Option<Vec<u8>>, Failure> {
        let mut past_cache = false;
        for tries in 0.. {
            let asked = match step {
                Step::Head => self.ask_head(past_cache, signal).await.map(|()| None),
                _ => self.ask_range(step, length, past_cache, signal).await,
            };
            let failure = match asked {
                Err(failure) => failure,
                found => return found,
            };
            // This may be a refused preflight: the next way of asking is the better second try.
            let is_hidden = matches!(
                failure,
                Failure::Problem(RemoteProblem::Cors | RemoteProblem::Connect(_), _)
            );
            if is_hidden && !is_last {
                return Err(failure);
            }
            self.pause(failure, tries, &mut past_cache, signal).await?;
        }
        Ok(None)
    }

    /// Waits until the request may be sent again; fails when it should not be.
    async fn pause(
        &self,
        failure: Failure,
        tries: u32,
        past_cache: &mut bool,
        signal: Option<&AbortSignal>,
    ) -> std::result::Result<(), Failure> {
        let Failure::Problem(problem, retry_after) = &failure else { return Err(failure) };
        let chance = js_sys::Math::random();
        let wait = wait_before_retry(problem, *retry_after, tries, self.retries, chance);
        let Some(wait) = wait else { return Err(failure) };
        *past_cache |= blames_cache(problem);
        Watch::new(signal).sleep(wait).await.map_err(|ended| match ended {
            Ended::Aborted(reason) => Failure::Aborted(reason),
            Ended::TimedOut => failure,
        })
    }

    async fn ask_head(
        &self,
        past_cache: bool,
        signal: Option<&AbortSignal>,
    ) -> std::result::Result<(), Failure> {
        // This range is the whole file and needs no preflight. It keeps browsers from asking for a compressed file,
        // whose length would be another.
        let answer = self.send("HEAD", "bytes=0-", past_cache, signal).await?;
        let total = answer.content_range().and_then(|range| range.total);
        let declared = answer.content_length().filter(|_| answer.status() != 416);
        // Some servers answer HEAD with a length of 0, whatever the length is.
        match total.or(declared).filter(|size| *size > 0) {
            Some(size) => self.settle(size),
            None => Ok(()),
        }
    }

    async fn ask_range(
        &self,
        step: Step,
        length: u64,
        past_cache: bool,
        signal: Option<&AbortSignal>,
    ) -> std::result::Result<Option<Vec<u8>>, Failure> {
        let asked = if step == Step::Suffix { length.max(1) } else { 1 };
        let range =
            if step == Step::Suffix { format!("bytes=-{asked}") } else { "bytes=0-0".into() };
        let answer = self.send("GET", &range, past_cache, signal).await?;
        let declared = answer.content_length();
        if answer.status() == 200 {
            match declared {
                // Perhaps it only does not know this kind of range.
                Some(size) if size > self.whole_limit => self.settle(size)?,
                _ => self.take_whole(answer).await?,
            }
            return Ok(None);
        }
        let range = answer.content_range();
        if let Some(total) = range.and_then(|range| range.total) {
            self.settle(total)?;
        }
        if answer.status() == 416 {
            return match range.and_then(|range| range.total) {
                Some(_) => Ok(None),
                None => Err(RemoteProblem::BadAnswer(BadAnswer::NoSuchPart).into()),
            };
        }
        if answer.is_compressed() {
            return Err(RemoteProblem::BadAnswer(BadAnswer::Compressed).into());
        }
        let expected = match range {
            // Fewer bytes than asked for: the file is no longer than that.
            None => declared.filter(|declared| *declared < asked),
            Some(range) => match (range.part, range.total) {
                (Some((start, end)), Some(total)) => {
                    let is_tail = end == total - 1 && start == total.saturating_sub(asked);
                    is_tail.then_some(asked.min(total))
                }
                _ => None,
            },
        };
        let Some(expected) = expected else { return Ok(None) };
        let mut bytes = Vec::new();
        match self.collect(answer, expected, &mut bytes).await {
            Ok(()) if bytes.len() as u64 == expected => {}
            Err(failure @ Failure::Aborted(_)) => return Err(failure),
            Err(failure) if self.size.get().is_none() => return Err(failure),
            // A plain read will do better.
            _ => return Ok(None),
        }
        if self.size.get().is_none() {
            self.settle(expected)?;
        }
        if length == 0 {
            bytes.clear();
        }
        Ok(Some(bytes))
    }

    /// Bytes of the file.
    pub(super) async fn read(
        &self,
        extent: Extent,
        signal: Option<&AbortSignal>,
    ) -> Result<Vec<u8>> {
        let length = check(&self.name, self.size(), extent)?;
        let mut bytes = Vec::new();
        let (mut tries, mut progress, mut past_cache) = (0, 0, false);
        while bytes.len() < length {
            if let Some(whole) = &*self.whole.borrow() {
                let start = usize::try_from(extent.start).unwrap_or(usize::MAX);
                let part = whole.get(start..).and_then(|rest| rest.get(..length));
                return Ok(part.unwrap_or_default().to_vec());
            }
            let before = bytes.len();
            let failure = match self.get_range(extent, &mut bytes, past_cache, signal).await {
                Ok(()) => continue,
                Err(failure) => failure,
            };
            progress += bytes.len() - before;
            if progress >= PROGRESS {
                (progress, tries) = (0, 0);
            }
            self.pause(failure, tries, &mut past_cache, signal)
                .await
                .map_err(|failure| self.told(failure))?;
            tries += 1;
        }
        Ok(bytes)
    }

    /// Goes on with `bytes`, or takes the whole file from a server that ignores ranges.
    async fn get_range(
        &self,
        extent: Extent,
        bytes: &mut Vec<u8>,
        past_cache: bool,
        signal: Option<&AbortSignal>,
    ) -> std::result::Result<(), Failure> {
        let (first, last) = (extent.start + bytes.len() as u64, extent.end() - 1);
        let answer = self.send("GET", &format!("bytes={first}-{last}"), past_cache, signal).await?;
        if answer.status() == 200 {
            return self.take_whole(answer).await;
        }
        let range = answer.content_range();
        if let Some(total) = range.and_then(|range| range.total) {
            self.settle(total)?;
        }
        let bad = |answer| Err(RemoteProblem::BadAnswer(answer).into());
        if answer.status() == 416 {
            return bad(BadAnswer::NoSuchPart);
        }
        if answer.is_compressed() {
            return bad(BadAnswer::Compressed);
        }
        if answer.content_length().is_some_and(|declared| declared > last - first + 1) {
            return bad(BadAnswer::TooMuch);
        }
        let part = range.and_then(|range| range.part);
        if part.is_some_and(|(start, end)| start != first || end > last) {
            return bad(BadAnswer::AnotherPart);
        }
        self.collect(answer, extent.len, bytes).await?;
        if (bytes.len() as u64) < extent.len { bad(BadAnswer::BrokenOff) } else { Ok(()) }
    }

    /// Takes the whole file from a server that ignores ranges.
    async fn take_whole(&self, answer: Exchange) -> std::result::Result<(), Failure> {
        let declared = answer.content_length();
        if let Some(size) = declared {
            if size > self.whole_limit {
                return Err(RemoteProblem::NoRanges(declared).into());
            }
            self.settle(size)?;
        }
        let mut whole = Vec::new();
        self.collect(answer, self.whole_limit, &mut whole).await.map_err(
            |failure| match failure {
                Failure::Problem(RemoteProblem::BadAnswer(BadAnswer::TooMuch), _) => {
                    RemoteProblem::NoRanges(declared).into()
                }
                failure => failure,
            },
        )?;
        if declared.is_some_and(|declared| (whole.len() as u64) < declared) {
            return Err(RemoteProblem::BadAnswer(BadAnswer::BrokenOff).into());
        }
        self.settle(whole.len() as u64)?;
        *self.whole.borrow_mut() = Some(whole.into());
        Ok(())
    }

    /// Adds a body to `bytes`, which get no more than `most`. What came before it broke off stays.
    async fn collect(
        &self,
        mut answer: Exchange,
        most: u64,
        bytes: &mut Vec<u8>,
    ) -> std::result::Result<(), Failure> {
        while let Some(chunk) = answer.chunk(&self.wiring).await? {
            let mut traffic = self.traffic.get();
            traffic.bytes += u64::from(chunk.length());
            self.traffic.set(traffic);
            if bytes.len() as u64 + u64::from(chunk.length()) > most {
                return Err(RemoteProblem::BadAnswer(BadAnswer::TooMuch).into());
            }
            bytes.extend(chunk.to_vec());
        }
        Ok(())
    }

    /// One request, whose response is of the same version as the first one.
    async fn send(
        &self,
        method: &str,
        range: &str,
        past_cache: bool,
        signal: Option<&AbortSignal>,
    ) -> std::result::Result<Exchange, Failure> {
        let mut traffic = self.traffic.get();
        traffic.requests += 1;
        self.traffic.set(traffic);
        let answered = self.version.borrow().is_some();
        let answer =
            send(&self.wiring, Asked { method, range, past_cache, answered }, signal).await?;
        // The page that comes with 416 may have validators of its own.
        if answer.status() != 416 {
            let found = answer.validators();
            let mut version = self.version.borrow_mut();
            if version.get_or_insert_with(|| found.clone()).differ(&found) {
                return Err(RemoteProblem::Changed.into());
            }
        }
        Ok(answer)
    }

    /// Notes the size; fails when it was another before.
    fn settle(&self, size: u64) -> std::result::Result<(), Failure> {
        match self.size.get() {
            Some(known) if known != size => Err(RemoteProblem::Changed.into()),
            _ => {
                self.size.set(Some(size));
                Ok(())
            }
        }
    }
}

/// Whether the server said what it can do.
fn is_answer(failure: &Failure) -> bool {
    matches!(failure, Failure::Problem(RemoteProblem::NoRanges(_) | RemoteProblem::NoSize, _))
}

/// Whether it sends whole files only.
fn is_of_ranges(failure: &Failure) -> bool {
    matches!(failure, Failure::Problem(RemoteProblem::NoRanges(_), _))
}

/// Whether another way of asking may help.
fn may_try_next(step: Step, failure: &Failure) -> bool {
    let Failure::Problem(problem, _) = failure else { return false };
    match problem {
        RemoteProblem::BadAnswer(answer) => {
            matches!(answer, BadAnswer::NoSuchPart | BadAnswer::AnotherPart | BadAnswer::TooMuch)
        }
        RemoteProblem::NoRanges(_) | RemoteProblem::Cors | RemoteProblem::Connect(_) => true,
        RemoteProblem::Status(status) => {
            *status < 500 && ![408, 429].contains(status) || *status == 501
        }
        RemoteProblem::Denied(_) | RemoteProblem::NotFound(_) => step == Step::Head,
        _ => false,
    }
}

/// What addresses are relative to, and the origin of the page or worker.
fn page() -> (Option<String>, Option<String>) {
    let of = |object: &wasm_bindgen::JsValue, key: &str| {
        js_sys::Reflect::get(object, &key.into()).ok().filter(|value| !value.is_undefined())
    };
    let global = js_sys::global();
    let document = of(&global, "document").and_then(|document| of(&document, "baseURI"));
    let location = of(&global, "location");
    let base = document.or_else(|| of(location.as_ref()?, "href"));
    let origin = location.as_ref().and_then(|location| of(location, "origin"));
    (base.and_then(|base| base.as_string()), origin.and_then(|origin| origin.as_string()))
}
