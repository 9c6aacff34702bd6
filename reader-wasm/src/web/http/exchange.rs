//! One request and its response.

use super::headers::{ContentRange, Validators, content_range, is_compressed, number};
use crate::web::abort::{Ended, Watch};
use crate::web::error::RemoteProblem;
use js_sys::{Date, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, Request, RequestCache,
    RequestCredentials, RequestInit, Response,
};

/// Why an exchange failed.
#[derive(Debug)]
pub(super) enum Failure {
    Aborted(JsValue),
    /// And how many milliseconds the server wants to be left alone.
    Problem(RemoteProblem, Option<u32>),
}

impl From<RemoteProblem> for Failure {
    fn from(problem: RemoteProblem) -> Failure {
        Failure::Problem(problem, None)
    }
}

/// What all requests of a file share.
#[derive(Debug)]
pub(super) struct Wiring {
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) credentials: Option<RequestCredentials>,
    pub(super) timeout: u32,
    pub(super) least_speed: u32,
    pub(super) cross_origin: bool,
}

/// A request.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) range: &'a str,
    /// What a cache holds may be damaged.
    pub(super) past_cache: bool,
    /// Whether the server has ever answered before.
    pub(super) answered: bool,
}

/// A response with status 200, 206 or 416. Dropping it ends the connection.
#[derive(Debug)]
pub(super) struct Exchange {
    controller: AbortController,
    watch: Watch,
    response: Response,
    reader: Option<ReadableStreamDefaultReader>,
    timeout: u32,
    least_speed: u32,
    /// Since when bytes are counted, and how many came since.
    window: (f64, f64),
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.controller.abort();
    }
}

/// Sends a request and waits for the head of its response.
pub(super) async fn send(
    wiring: &Wiring,
    asked: Asked<'_>,
    signal: Option<&AbortSignal>,
) -> Result<Exchange, Failure> {
    let watch = Watch::new(signal);
    let failure = |ended| match ended {
        Ended::Aborted(reason) => Failure::Aborted(reason),
        Ended::TimedOut => RemoteProblem::Timeout(wiring.timeout).into(),
    };
    watch.check().map_err(failure)?;
    let unusable = |_| Failure::from(RemoteProblem::Address);
    let controller = AbortController::new().map_err(unusable)?;
    let request = request(wiring, &asked, &controller.signal()).map_err(unusable)?;
    // From here on whoever drops the future ends the request.
    let ending = Ending(controller);
    let coming = JsFuture::from(fetch(&request).map_err(unusable)?);
    let came = watch.wait(coming, wiring.timeout).await.map_err(failure)?;
    let response: Response = match came {
        Ok(response) => response.unchecked_into(),
        Err(error) => return Err(broken(&error, wiring, asked.answered).into()),
    };
    if let Some(problem) = refusal(response.status()) {
        return Err(Failure::Problem(problem, retry_after(&response.headers())));
    }
    Ok(Exchange {
        controller: ending.go_on(),
        watch,
        response,
        reader: None,
        timeout: wiring.timeout,
        least_speed: wiring.least_speed,
        window: (Date::now(), 0.0),
    })
}

/// Aborts, unless it goes on.
struct Ending(AbortController);

impl Ending {
    fn go_on(self) -> AbortController {
        let controller = self.0.clone();
        std::mem::forget(self);
        controller
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn request(wiring: &Wiring, asked: &Asked<'_>, signal: &AbortSignal) -> Result<Request, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &wiring.headers {
        headers.append(name, value)?;
    }
    headers.set("Range", asked.range)?;
    let init = RequestInit::new();
    init.set_method(asked.method);
    init.set_headers(&headers);
    init.set_signal(Some(signal));
    if asked.past_cache {
        init.set_cache(RequestCache::NoStore);
    }
    if let Some(credentials) = wiring.credentials {
        init.set_credentials(credentials);
    }
    Request::new_with_str_and_init(&wiring.url, &init)
}

/// That of pages and of workers.
fn fetch(request: &Request) -> Result<Promise, JsValue> {
    let global = js_sys::global();
    let fetch: Function = Reflect::get(&global, &"fetch".into())?.dyn_into()?;
    fetch.call1(&global, request)?.dyn_into()
}

/// Why nothing came, when the signal was not the reason.
fn broken(error: &JsValue, wiring: &Wiring, answered: bool) -> RemoteProblem {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into());
    let online = navigator.and_then(|navigator| Reflect::get(&navigator, &"onLine".into()));
    if online.is_ok_and(|online| online == JsValue::FALSE) {
        return RemoteProblem::Offline;
    }
    if wiring.cross_origin && !answered {
        return RemoteProblem::Cors;
    }
    let said = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    RemoteProblem::Connect(said.unwrap_or_default())
}

fn refusal(status: u16) -> Option<RemoteProblem> {
    match status {
        200 | 206 | 416 => None,
        401 | 403 => Some(RemoteProblem::Denied(status)),
        404 | 410 => Some(RemoteProblem::NotFound(status)),
        status => Some(RemoteProblem::Status(status)),
    }
}

fn header(headers: &Headers, name: &str) -> Option<String> {
    headers.get(name).ok().flatten()
}

/// In milliseconds.
fn retry_after(headers: &Headers) -> Option<u32> {
    let text = header(headers, "Retry-After")?;
    let milliseconds = match number(text.trim()) {
        Some(seconds) => seconds as f64 * 1000.0,
        None => Date::parse(&text) - Date::now(),
    };
    // A cast to an integer keeps to its bounds; what is no time has none.
    (!milliseconds.is_nan()).then_some(milliseconds.max(0.0) as u32)
}

impl Exchange {
    pub(super) fn status(&self) -> u16 {
        self.response.status()
    }

    pub(super) fn content_range(&self) -> Option<ContentRange> {
        content_range(&header(&self.response.headers(), "Content-Range")?)
    }

    pub(super) fn is_compressed(&self) -> bool {
        header(&self.response.headers(), "Content-Encoding")
            .is_some_and(|text| is_compressed(&text))
    }

    /// Of the body, if that is not compressed.
    pub(super) fn content_length(&self) -> Option<u64> {
        let text = header(&self.response.headers(), "Content-Length")?;
        number(text.trim()).filter(|_| !self.is_compressed())
    }

    pub(super) fn validators(&self) -> Validators {
        let headers = self.response.headers();
        let etag = header(&headers, "ETag").filter(|etag| etag.starts_with('"'));
        Validators { etag, modified: header(&headers, "Last-Modified") }
    }

    /// The next bytes of the body; `None` at its end.
    pub(super) async fn chunk(&mut self, wiring: &Wiring) -> Result<Option<Uint8Array>, Failure> {
        let broken = |error: JsValue| Failure::from(broken(&error, wiring, true));
        let reader = match (&self.reader, self.response.body()) {
            (Some(reader), _) => reader.clone(),
            (None, None) => return Ok(None),
            (None, Some(body)) => {
                let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
                self.reader.insert(reader).clone()
            }
        };
        let read = self.watch.wait(JsFuture::from(reader.read()), self.timeout).await;
        let read = read.map_err(|ended| match ended {
            Ended::Aborted(reason) => Failure::Aborted(reason),
            Ended::TimedOut => RemoteProblem::Timeout(self.timeout).into(),
        })?;
        let read = read.map_err(broken)?;
        if Reflect::get(&read, &"done".into()).map_err(broken)?.is_truthy() {
            return Ok(None);
        }
        let value = Reflect::get(&read, &"value".into()).map_err(broken)?;
        let chunk: Uint8Array = value.dyn_into().map_err(broken)?;
        if self.is_too_slow(chunk.length()) {
            return Err(RemoteProblem::TooSlow(self.least_speed).into());
        }
        Ok(Some(chunk))
    }

    /// Looked at whenever the time has passed after which nothing would be too little.
    fn is_too_slow(&mut self, came: u32) -> bool {
        let (since, bytes) = &mut self.window;
        *bytes += f64::from(came);
        let passed = Date::now() - *since;
        if self.timeout == 0 || passed < f64::from(self.timeout) {
            return false;
        }
        let is_too_slow = *bytes < f64::from(self.least_speed) * passed / 1000.0;
        self.window = (Date::now(), 0.0);
        is_too_slow
    }
}
