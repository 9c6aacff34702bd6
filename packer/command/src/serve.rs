//! Serves packs over HTTP: the viewer, the packs themselves by ranges, and every file in them at a URL
//! of its own.
//!
//! | path | what is there |
//! |---|---|
//! | `/` | the viewer |
//! | `/packs.json` | which packs there are |
//! | `/<pack>` | the bytes of a pack, by ranges; and files beside it |
//! | `/<pack>/files/<path>` | a file in it, verified; a directory as a list, HTML or JSON |

mod route;
mod answer;
mod error;
mod body;
mod send;
mod stamp;
mod parts;
mod shelf;
mod files;
mod listing;
mod site;
mod guard;
mod log;
mod connections;

pub(crate) use connections::raise_file_limit;
pub(crate) use error::ServeError;
pub(crate) use log::Log;

use answer::Content;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use rangepack::{Error, VolumeProblem};
use rangepack::{Location, Notes};
use rangepack::{OpenOptions, VerifiedBlocks, Verify};
use route::{Route, route};
use shelf::{FileOf, RawFile, Served, Shelf};
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// Threads that wait for disks and networks.
const BLOCKING_THREADS: usize = 256;

/// What is kept of blocks of large files that were verified, in bytes: enough for 6 GiB of content.
const VERIFIED: usize = 16 << 20;

/// How long a request waits for its turn at a remote pack.
const PATIENCE: Duration = Duration::from_secs(10);

/// How packs are served.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub(crate) struct ServeOptions {
    /// The name or address to listen at.
    pub host: String,
    /// The port; 0 takes one that is free.
    pub port: u16,
    /// What clients must know, if anything.
    pub token: Option<String>,
    /// Names besides those of this machine that clients may ask for, when only it is answered: those
    /// of a proxy.
    pub hosts: Vec<String>,
    /// Origins whose pages may read everything, `*` for all.
    pub cors: Vec<String>,
    /// How many seconds caches may answer without asking again.
    pub max_age: u32,
    /// Whether pages in packs are trusted, and directories shown by their `index.html`.
    pub site: bool,
    /// How many connections there are at once; more wait.
    pub max_connections: usize,
    /// How long the head of a request may take, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long a client may take none of what is sent.
    pub stall_timeout: Duration,
    /// How long requests under way may still take after the stop.
    pub drain: Duration,
    /// How packs are opened. Files in them are always verified.
    pub open: OpenOptions,
}

impl Default for ServeOptions {
    fn default() -> Self {
        ServeOptions {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            token: None,
            hosts: Vec::new(),
            cors: Vec::new(),
            max_age: 0,
            site: false,
            max_connections: 4096,
            header_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            open: OpenOptions::default(),
        }
    }
}

/// What is told of a pack that is there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) files: u64,
    /// What is strange in its index.
    pub(crate) notes: Notes,
}

/// A server that listens, and answers once it runs.
pub(crate) struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    cors: Option<CorsLayer>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.shared.address).finish_non_exhaustive()
    }
}

/// What all requests share.
struct Shared {
    shelf: Shelf,
    options: ServeOptions,
    address: SocketAddr,
    /// Whether only this machine may ask, and nothing else is asked of clients.
    is_private: bool,
    cache_control: HeaderValue,
    log: Option<Log>,
}

impl Server {
    /// Opens what is named, and listens. `places` are packs, folders with packs, and URLs of packs.
    ///
    /// Fails when a pack that is named cannot be opened, and when nobody can listen there.
    pub(crate) fn bind(
        places: &[Location],
        options: &ServeOptions,
        log: Option<Log>,
    ) -> std::result::Result<Server, ServeError> {
        if !answer::can_be_told(SystemTime::now()) {
            return Err(ServeError::Clock);
        }
        let mut options = options.clone();
        options.open.verify = Verify::Payloads;
        options.open.verified = Some(Arc::new(VerifiedBlocks::new(VERIFIED)));
        let shelf = Shelf::new(places, &options.open, site::takes);
        shelf.open_named()?;
        let cors = cors(&options.cors)?;
        let refused = |source| ServeError::Listen {
            address: format!("{}:{}", options.host, options.port),
            source,
        };
        // An address of IPv6 may come in brackets, as in URLs.
        let host = options.host.trim_start_matches('[').trim_end_matches(']');
        let listener = TcpListener::bind((host, options.port));
        let listener = listener.map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let scope = if options.token.is_some() { "private, " } else { "" };
        let cache = match options.max_age {
            0 => format!("{scope}no-cache"),
            seconds => format!("{scope}max-age={seconds}"),
        };
        let shared = Shared {
            shelf,
            address,
            is_private: address.ip().is_loopback() && options.token.is_none(),
            cache_control: HeaderValue::from_str(&cache)
                .unwrap_or(HeaderValue::from_static("no-cache")),
            options,
            log,
        };
        Ok(Server { listener, shared: Arc::new(shared), cors })
    }

    /// The URL that a person opens; with the token, and with the pack when there is only one.
    pub(crate) fn url(&self) -> String {
        let mut query = Vec::new();
        if site::is_there()
            && let Some(name) = self.shared.shelf.only()
        {
            query.push(format!("pack={}", route::escape(name.as_bytes())));
        }
        self.address("", query)
    }

    /// The URL of a pack, for programs.
    pub(crate) fn url_of(&self, name: &str) -> String {
        self.address(&route::escape(name.as_bytes()), Vec::new())
    }

    fn address(&self, path: &str, mut query: Vec<String>) -> String {
        let address = self.shared.address;
        // One that means all addresses of this machine cannot be opened everywhere.
        let host = match address.ip() {
            ip if ip.is_unspecified() => "localhost".to_owned(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        };
        query.extend(self.shared.options.token.iter().map(|token| format!("token={token}")));
        let mark = if query.is_empty() { "" } else { "?" };
        format!("http://{host}:{}/{path}{mark}{}", address.port(), query.join("&"))
    }

    /// Whether other machines can reach it although it asks for no token.
    pub(crate) fn is_open_to_all(&self) -> bool {
        !self.shared.address.ip().is_loopback() && self.shared.options.token.is_none()
    }

    /// Whether the viewer is part of this build.
    pub(crate) fn has_viewer(&self) -> bool {
        site::is_there()
    }

    /// Names of the packs that are there now, and how many files each has, or what is wrong with it.
    pub(crate) fn packs(&self) -> Vec<(String, std::result::Result<Found, String>)> {
        let packs = self.shared.shelf.list().into_iter();
        let told = packs.map(|(name, opened)| match opened {
            Ok(served) => {
                let (files, notes) =
                    (served.pack.header().totals.files, served.pack.notes().clone());
                (name, Ok(Found { files, notes }))
            }
            Err(error) => (name, Err(error.in_one_line())),
        });
        told.collect()
    }

    /// Answers until `stop` is set, then finishes what is under way.
    pub(crate) fn run(self, stop: &AtomicBool) -> std::result::Result<(), ServeError> {
        let Server { listener, shared, cors } = self;
        connections::raise_file_limit();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads())
            .enable_all()
            .thread_name("rangepack-serve")
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .map_err(ServeError::Threads)?;
        let (options, address) = (shared.options.clone(), shared.address.to_string());
        let router = router(shared, cors);
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener);
            let listener = listener.map_err(|source| ServeError::Listen { address, source })?;
            connections::run(listener, router, &options, stop).await;
            Ok::<(), ServeError>(())
        })?;
        // A disk that hangs must not keep the process.
        runtime.shutdown_background();
        Ok(())
    }
}

/// Threads that serve connections: one more than cores, which never waits for a file system.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_add(1)
}

fn router(shared: Arc<Shared>, cors: Option<CorsLayer>) -> Router {
    let guard = from_fn_with_state(Arc::clone(&shared), guard::guard);
    let log = from_fn_with_state(Arc::clone(&shared), log::log);
    // The last layer is the first that a request meets; preflights come without a token.
    let router = Router::new().fallback(answer).with_state(shared).layer(guard);
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(log)
}

/// Who may read from pages of other origins, and which headers they need for it.
fn cors(origins: &[String]) -> std::result::Result<Option<CorsLayer>, ServeError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::from(Any)
    } else {
        let parse =
            |origin: &String| origin_of(origin).ok_or_else(|| ServeError::Origin(origin.clone()));
        AllowOrigin::list(origins.iter().map(parse).collect::<std::result::Result<Vec<_>, _>>()?)
    };
    let asked = [
        header::RANGE,
        header::IF_RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::AUTHORIZATION,
    ];
    let told = [
        header::CONTENT_RANGE,
        header::CONTENT_LENGTH,
        header::ACCEPT_RANGES,
        header::ETAG,
        header::LAST_MODIFIED,
    ];
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(asked)
        .expose_headers(told)
        .allow_private_network(true)
        .max_age(Duration::from_secs(86_400));
    Ok(Some(layer))
}

/// An origin as browsers write it; they are compared letter by letter.
fn origin_of(text: &str) -> Option<HeaderValue> {
    let uri: Uri = text.trim_end_matches('/').parse().ok()?;
    let plain = uri.path_and_query().is_none_or(|path| path == "/");
    let host = uri.authority().filter(|host| plain && !host.as_str().contains('@'))?;
    format!("{}://{}", uri.scheme_str()?, host.as_str().to_ascii_lowercase()).parse().ok()
}

/// Answers a request, on a thread that may wait.
async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    if request.method != Method::GET && request.method != Method::HEAD {
        let mut response =
            send::text(StatusCode::METHOD_NOT_ALLOWED, "packs are read here: GET and HEAD");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let route = route(request.uri.path());
    if let Route::Name(name) = &route
        && let Some(response) = shared.raw_now(&request, name)
    {
        return shared.finished(response);
    }
    let turns = match &route {
        Route::Name(name) | Route::Entry(name, _) => shared.shelf.turns(name),
        Route::Packs => Some(shared.shelf.list_turns()),
        Route::Home if !site::is_there() => Some(shared.shelf.list_turns()),
        _ => None,
    };
    // A server that hangs must not take all threads with it.
    let turn = match turns.map(|turns| timeout(PATIENCE, turns.acquire_owned())) {
        None => None,
        Some(turn) => match turn.await {
            Ok(turn) => turn.ok(),
            Err(_) => {
                let problem = "the server where this pack lies does not answer";
                let mut response = send::text(StatusCode::SERVICE_UNAVAILABLE, problem);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
                return response;
            }
        },
    };
    let answered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let response = shared.respond(&request, route);
        shared.finished(response)
    });
    // It panicked; the thread said why.
    answered.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Shared {
    /// A response with what all have.
    fn finished(&self, mut response: Response) -> Response {
        if self.options.cors.is_empty() {
            let own = HeaderValue::from_static("same-origin");
            response.headers_mut().insert("cross-origin-resource-policy", own);
        }
        response
    }

    fn respond(&self, request: &Parts, route: Route) -> Response {
        match route {
            Route::Home if asks_for_ranges(request) => self.only_pack(request),
            Route::Home => match site::index() {
                Some(index) => self.site(request, index),
                None => listing::home(&self.shelf),
            },
            Route::Packs => listing::packs(&self.shelf),
            // For now only: another pack may take its place.
            Route::Redirect(to) => {
                let query = request.uri.query().map_or(String::new(), |query| format!("?{query}"));
                Redirect::temporary(&format!("{to}{query}")).into_response()
            }
            Route::Name(name) => match site::file(&name) {
                Some(file) => self.site(request, file),
                None => self.raw(request, &name),
            },
            Route::Entry(name, path) => match self.shelf.get(&name) {
                Some(Ok(served)) => {
                    let response = files::respond(self, request, &name, &served, &path);
                    response.unwrap_or_else(|error| self.failure(&name, &error))
                }
                Some(Err(error)) => self.failure(&name, &error),
                // A directory of parts may be called `files`.
                None => match route::whole(request.uri.path()) {
                    Some(whole) if self.shelf.file(&whole).is_some() => self.raw(request, &whole),
                    _ => nothing(&name),
                },
            },
            Route::Nothing => nothing("this path"),
        }
    }

    /// Sends a reader of packs, who has the URL that people open, to the pack.
    fn only_pack(&self, request: &Parts) -> Response {
        let query = request.uri.query().unwrap_or("");
        let pairs = || query.split('&').filter(|pair| !pair.is_empty());
        let named = pairs().find_map(|pair| pair.strip_prefix("pack="));
        let Some(name) = named
            .map(str::to_owned)
            .or_else(|| self.shelf.only().map(|name| route::escape(name.as_bytes()).to_string()))
        else {
            let problem = "there are several packs here, or none: /packs.json names them";
            return send::text(StatusCode::NOT_FOUND, problem);
        };
        let rest: Vec<&str> = pairs().filter(|pair| !pair.starts_with("pack=")).collect();
        let mark = if rest.is_empty() { "" } else { "?" };
        let to = format!("{}{mark}{}", route::own_path(&name), rest.join("&"));
        Redirect::temporary(&to).into_response()
    }

    fn site(&self, request: &Parts, file: site::SiteFile) -> Response {
        let cache = if file.is_hashed { "max-age=31536000, immutable" } else { "no-cache" };
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("frame-ancestors 'self'"),
        );
        let len = file.bytes.len() as u64;
        let content = Content { len, etag: file.etag, modified: None, kind: file.kind };
        let sent = send::content(request, &content, headers, |range| {
            Ok(body::Reader::memory(file.bytes, range))
        });
        sent.unwrap_or_else(|error| self.failure("the viewer", &error))
    }

    /// Bytes of a pack that are in memory: they are sent at once, by the thread that serves the connection.
    fn raw_now(&self, request: &Parts, name: &str) -> Option<Response> {
        if site::file(name).is_some() {
            return None;
        }
        let served = self.shelf.at_hand(name)?;
        let (content, headers) = self.told(&served, RawFile::Pack)?;
        let open = |range| Ok(body::Reader::raw(&served, RawFile::Pack, range));
        send::content_now(request, &content, headers, open)
    }

    /// What is told of one of the files that make up a pack.
    fn told(&self, served: &Served, file: RawFile) -> Option<(Content, HeaderMap)> {
        let content = Content {
            len: served.data(file)?.len(),
            etag: served.etag(file),
            modified: served.modified(file),
            kind: HeaderValue::from_static("application/octet-stream"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        Some((content, headers))
    }

    fn raw(&self, request: &Parts, name: &str) -> Response {
        let FileOf { name: pack, served, file } = match self.shelf.file(name) {
            None => return nothing(name),
            Some(Err(error)) => return self.failure(name, &error),
            Some(Ok(found)) => found,
        };
        if let Err(error) = served.check(file) {
            let is_missing =
                matches!(&error, Error::Volume { problem: VolumeProblem::Missing, .. });
            return if is_missing { nothing(name) } else { self.failure(&pack, &error) };
        }
        let Some((content, headers)) = self.told(&served, file) else { return nothing(name) };
        let open = |range| Ok(body::Reader::raw(&served, file, range));
        send::content(request, &content, headers, open)
            .unwrap_or_else(|error| self.failure(&pack, &error))
    }

    fn failure(&self, name: &str, error: &Error) -> Response {
        self.shelf.notice(name, error);
        send::failure(name, error)
    }
}

/// Whether a reader of packs asks, rather than a browser.
fn asks_for_ranges(request: &Parts) -> bool {
    request.headers.contains_key(header::RANGE) && !guard::accepts_html(&request.headers)
}

fn nothing(name: &str) -> Response {
    let name = rangepack_core::Escaped(name.as_bytes());
    send::text(
        StatusCode::NOT_FOUND,
        &format!("{name}: there is no such pack here; / lists all there are"),
    )
}

/// The content type of a file with this name.
fn kind_of(name: &str) -> HeaderValue {
    let kind = mime_guess::from_path(Path::new(name)).first_or_octet_stream();
    let text = kind.essence_str();
    let is_text =
        kind.type_() == "text" || text == "application/json" || text.ends_with("javascript");
    let charset = if is_text { "; charset=utf-8" } else { "" };
    HeaderValue::from_str(&format!("{text}{charset}"))
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// A token that nobody guesses: 32 hexadecimal digits.
pub(crate) fn make_token() -> std::result::Result<String, ServeError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(ServeError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::atomic::Ordering;

    /// Sends a request on a connection of its own.
    fn send(address: &str, path: &str) -> TcpStream {
        let mut connection = TcpStream::connect(address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        connection
    }

    #[test]
    fn clients_that_take_nothing_are_left() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("src")).unwrap();
        std::fs::write(home.path().join("src/hello.txt"), "hello\n").unwrap();
        std::fs::write(home.path().join("src/large.bin"), vec![7; 32_000_000]).unwrap();
        let path = home.path().join("large.pack");
        let packing = rangepack::PackOptions::default();
        rangepack::pack(home.path().join("src"), &path, &packing, &()).unwrap();
        let options = ServeOptions {
            port: 0,
            max_connections: 1,
            stall_timeout: Duration::from_millis(300),
            ..ServeOptions::default()
        };
        let server = Server::bind(&[path.into()], &options, None).unwrap();
        let address = server.shared.address.to_string();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| server.run(&stop).unwrap());
            let mut idle = send(&address, "/large.pack");
            // The only place is free again without a byte having been taken.
            let mut answer = String::new();
            let mut other = send(&address, "/large.pack/files/hello.txt");
            other.read_to_string(&mut answer).unwrap();
            assert!(answer.ends_with("hello\n"), "{answer}");
            let mut taken = Vec::new();
            let end = idle.read_to_end(&mut taken);
            assert!(end.is_err() || taken.len() < 32_000_000);
            stop.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn origins() {
        let of = |text: &str| origin_of(text).map(|origin| origin.to_str().unwrap().to_owned());
        for right in ["https://example.org", "https://example.org/", "HTTPS://Example.org"] {
            assert_eq!(of(right).unwrap(), "https://example.org", "{right}");
        }
        assert_eq!(of("http://localhost:8080").unwrap(), "http://localhost:8080");
        for wrong in ["example.org", "https://a/b", "https://me@a", "https://", "", "null", "/a"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
