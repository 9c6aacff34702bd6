//! A file at a URL: asked for in ranges, checked to be the same file each time.

mod process;
mod runtime;
mod pace;
mod pages;
mod http;
mod store;
mod given;
mod upload;

use crate::error::{BadAnswer, Error, RemoteProblem, Result};
use crate::source::location::{Scheme, Url};
use crate::source::options::OpenOptions;
use crate::source::traffic::Traffic;
use pages::Pages;
use process::PerProcess;
use rangepack_core::layout::{Header, REMOTE_TAIL};
use rangepack_core::{Extent, Source};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub(crate) use runtime::Fetch;
pub(crate) use upload::{Sending, send};

/// Files up to this length are taken as a whole when the server sends no ranges, in bytes.
const WHOLE: u64 = 16 << 20;

/// What happens to a request.
type Answered<T> = std::result::Result<T, RemoteProblem>;

/// A remote file.
#[derive(Debug)]
pub(crate) struct Remote {
    url: Url,
    options: OpenOptions,
    transport: PerProcess<Transport>,
    len: u64,
    version: Arc<Version>,
    /// The last bytes of the file, or all of a short one.
    tail: Vec<u8>,
    /// Index pages that were fetched, from when the index is open.
    pages: OnceLock<Pages>,
}

/// Bytes that came, and from which file.
#[derive(Debug)]
struct Part {
    start: u64,
    bytes: Vec<u8>,
    /// Length of the whole file.
    total: u64,
    version: Version,
}

/// What tells a file from one that replaced it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Version {
    etag: Option<String>,
    modified: Option<String>,
}

impl Version {
    /// Whether these are surely two files.
    fn differs(&self, other: &Version) -> bool {
        match (&self.etag, &other.etag) {
            (Some(a), Some(b)) => a != b,
            _ => match (&self.modified, &other.modified) {
                (Some(a), Some(b)) => a != b,
                _ => false,
            },
        }
    }

    /// The tag that a server can be asked to compare; weak ones do not qualify.
    fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/"))
    }
}

#[derive(Debug)]
enum Transport {
    Http(http::Http),
    Store(store::Store),
    Given(Arc<given::Given>),
}

impl Transport {
    fn new(url: &Url, options: &OpenOptions) -> Answered<Transport> {
        let counters = Counters::default();
        if url.scheme() == Scheme::Given {
            let opener = options.opener.as_deref();
            return given::Given::new(url, opener, counters).map(Arc::new).map(Transport::Given);
        }
        let options = &options.remote;
        // TLS needs a provider of cryptography; one that the program chose before stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match url.scheme() {
            Scheme::Http | Scheme::Https => {
                http::Http::new(url, options, counters).map(Transport::Http)
            }
            _ => store::Store::new(url, options, counters).map(Transport::Store),
        }
    }

    async fn tail(&self) -> Answered<Part> {
        match self {
            Transport::Http(http) => http.tail().await,
            Transport::Store(store) => store.tail().await,
            Transport::Given(given) => given.tail(),
        }
    }

    async fn range(&self, extent: Extent, version: &Version) -> Answered<Part> {
        match self {
            Transport::Http(http) => http.range(extent, version).await,
            Transport::Store(store) => store.range(extent, version).await,
            Transport::Given(given) => given.range(extent),
        }
    }

    fn counters(&self) -> &Counters {
        match self {
            Transport::Http(http) => http.counters(),
            Transport::Store(store) => store.counters(),
            Transport::Given(given) => given.counters(),
        }
    }
}

/// Counts what goes over the network.
#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Remote {
    /// Asks for the end of the file, which also tells its length: one request, where the server
    /// knows ranges that count from the end.
    pub(crate) fn open(url: &Url, options: &OpenOptions) -> Result<Remote> {
        let failed = || Error::remote(url);
        let transport = PerProcess::new();
        let asked = transport.get(|| Transport::new(url, options)).map_err(failed())?;
        let part = match &*asked {
            Transport::Given(given) => given.tail(),
            _ => runtime::spawn(async move { asked.tail().await }).part(),
        };
        let part = part.map_err(failed())?;
        if part.start.checked_add(part.bytes.len() as u64) != Some(part.total) {
            let problem = RemoteProblem::BadAnswer(BadAnswer::NotTheEnd);
            return Err(failed()(problem));
        }
        Ok(Remote {
            transport,
            len: part.total,
            version: Arc::new(part.version),
            tail: part.bytes,
            pages: OnceLock::new(),
            url: url.clone(),
            options: options.clone(),
        })
    }

    /// Where it lies.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Length of the file in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// What it took this process so far.
    pub(crate) fn traffic(&self) -> Traffic {
        let Some(transport) = self.transport.made() else { return Traffic::default() };
        let counters = transport.counters();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic { requests: load(&counters.requests), bytes: load(&counters.bytes) }
    }

    /// All bytes, if opening brought them.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (self.tail.len() as u64 == self.len).then_some(&self.tail)
    }

    /// Bytes among those that opening brought.
    pub(crate) fn tail(&self, extent: Extent) -> Option<&[u8]> {
        let start = self.len.saturating_sub(self.tail.len() as u64);
        let start = extent.start.checked_sub(start)?;
        self.tail[..].bytes(Extent { start, len: extent.len })
    }

    /// An index page, if it came.
    pub(crate) fn at_hand(&self, extent: Extent) -> Option<&[u8]> {
        match self.whole() {
            Some(whole) => whole.bytes(extent),
            None => self.pages.get()?.get(extent),
        }
    }

    /// Makes room for index pages.
    pub(crate) fn keep_pages(&self, header: &Header) {
        if self.whole().is_some() {
            return;
        }
        let pages = self.pages.get_or_init(|| Pages::new(header));
        let start = self.len.saturating_sub(self.tail.len() as u64);
        pages.put(start, &self.tail);
    }

    /// Pages will be asked for from the first to the last.
    pub(crate) fn expect_walk(&self) {
        if let Some(pages) = self.pages.get() {
            pages.expect_walk();
        }
    }

    /// Fetches an index page, and more behind it when pages are asked for one after the other.
    pub(crate) fn bring(&self, page: Extent) -> Result<()> {
        let Some(pages) = self.pages.get() else { return Ok(()) };
        let Some(lock) = pages.lock(page) else { return Ok(()) };
        // Another thread may have brought it while this one waited for the lock.
        if pages.get(page).is_some() {
            return Ok(());
        }
        let run = pages.run(page);
        let bytes = self.fetch(run).bytes().map_err(Error::remote(&self.url))?;
        pages.put(run.start, &bytes);
        drop(lock);
        Ok(())
    }

    /// Fetches an index page once more that has not its digest; whether it came otherwise.
    pub(crate) fn bring_again(&self, page: Extent) -> Result<bool> {
        let Some(pages) = self.pages.get() else { return Ok(false) };
        let Some(before) = pages.get(page) else { return Ok(false) };
        let Some(_lock) = pages.lock(page) else { return Ok(false) };
        // Another thread may have been here while this one waited for the lock.
        if pages.get(page) != Some(before) {
            return Ok(true);
        }
        let bytes = self.fetch_all(page).bytes().map_err(Error::remote(&self.url))?;
        Ok(pages.replace(page, &bytes))
    }

    /// Begins to fetch bytes, which must lie in the file; those that opening brought do not come again.
    pub(crate) fn fetch(&self, extent: Extent) -> Fetch {
        let before_tail =
            self.len.saturating_sub(self.tail.len() as u64).saturating_sub(extent.start);
        let wanted = Extent { start: extent.start, len: extent.len.min(before_tail) };
        let rest = Extent { start: wanted.end(), len: extent.len - wanted.len };
        match self.tail(rest) {
            Some(rest) if wanted.len == 0 => Fetch::at_hand(rest),
            Some(rest) => self.fetch_all(wanted).followed_by(rest),
            None => self.fetch_all(extent),
        }
    }

    /// The same whatever is here.
    fn fetch_all(&self, extent: Extent) -> Fetch {
        let transport = self.transport.get(|| Transport::new(&self.url, &self.options));
        if let Ok(Transport::Given(given)) = transport.as_deref() {
            let given = Arc::clone(given);
            return runtime::apart(move || given.range(extent));
        }
        let (len, version) = (self.len, Arc::clone(&self.version));
        runtime::spawn(async move {
            let part = transport?.range(extent, &version).await?;
            if part.total != len || version.differs(&part.version) {
                return Err(RemoteProblem::Changed);
            }
            if part.start != extent.start || part.bytes.len() as u64 != extent.len {
                return Err(RemoteProblem::BadAnswer(BadAnswer::AnotherPart));
            }
            Ok(part)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let version = |etag: Option<&str>, modified: Option<&str>| Version {
            etag: etag.map(str::to_owned),
            modified: modified.map(str::to_owned),
        };
        let tagged = version(Some("\"a\""), Some("Mon"));
        assert!(!tagged.differs(&version(Some("\"a\""), Some("Tue"))));
        assert!(tagged.differs(&version(Some("\"b\""), Some("Mon"))));
        assert!(tagged.differs(&version(None, Some("Tue"))));
        assert!(!tagged.differs(&version(None, None)));
        assert_eq!(version(Some("W/\"a\""), None).strong(), None);
    }
}
