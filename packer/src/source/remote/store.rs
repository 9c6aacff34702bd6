//! A file in an object store: Amazon S3 and its like, Google Cloud Storage, Azure.
//!
//! Credentials and settings come from the environment, as the stores' own programs take them.
//! Requests are signed and tried again by `object_store`.

use super::http::cause;
use super::pace::{self, Pace};
use super::{Answered, Counters, Part, REMOTE_TAIL, Version};
use crate::error::{BadAnswer, RemoteProblem};
use crate::source::location::{Scheme, Url};
use crate::source::options::RemoteOptions;
use futures_util::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpErrorKind};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, Error, GetOptions, GetRange, GetResult,
    MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
};
use rangepack_core::Extent;
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Store {
    store: Box<dyn ObjectStore>,
    key: Path,
    options: RemoteOptions,
    counters: Counters,
}

/// Asks, and follows no redirect: what is signed, and tokens that go with it, are for one host.
#[derive(Debug)]
struct OneHost {
    connect: Duration,
    timeout: Duration,
}

impl HttpConnector for OneHost {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let set = |key| options.get_config_value(&key).as_deref() == Some("true");
        let source = |error: reqwest::Error| Error::Generic { store: "HTTP", source: error.into() };
        let mut client = reqwest::Client::builder();
        if let Some(proxy) = options.get_config_value(&ClientConfigKey::ProxyUrl) {
            client = client.proxy(reqwest::Proxy::all(proxy).map_err(source)?);
        }
        let client = client
            .user_agent(concat!("rangepack/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect)
            .read_timeout(self.timeout)
            .https_only(!set(ClientConfigKey::AllowHttp))
            .danger_accept_invalid_certs(set(ClientConfigKey::AllowInvalidCertificates))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .build();
        client.map(HttpClient::new).map_err(source)
    }
}

impl Store {
    pub(super) fn new(url: &Url, options: &RemoteOptions, counters: Counters) -> Answered<Store> {
        Store::patient(url, options, options.timeout, counters)
    }

    /// One to write into: no answer comes before all of a part was sent, so more patience is needed.
    pub(super) fn for_writing(
        url: &Url,
        options: &RemoteOptions,
        counters: Counters,
    ) -> Answered<Store> {
        if !matches!(url.scheme(), Scheme::S3 | Scheme::Gs | Scheme::Az) {
            return Err(RemoteProblem::NotWritable);
        }
        Store::patient(url, options, options.timeout.saturating_mul(10), counters)
    }

    /// `wait` is how long an answer may take.
    fn patient(
        url: &Url,
        options: &RemoteOptions,
        wait: Duration,
        counters: Counters,
    ) -> Answered<Store> {
        // TLS needs a provider of cryptography; one that the program chose before stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let other = |error: Error| RemoteProblem::Other(said(&cause(&error)));
        let (scheme, (bucket, key)) = (url.scheme(), url.bucket_and_key());
        if bucket.is_empty() || key.is_empty() {
            let problem = format!("a URL like {}://bucket/path/to/file is meant", scheme.name());
            return Err(RemoteProblem::Other(problem));
        }
        let key = Path::parse(key).map_err(|error| other(error.into()))?;
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: options.retries as usize,
            retry_timeout: wait.saturating_mul(options.retries.saturating_add(1)),
        };
        let connector = OneHost { connect: options.timeout, timeout: wait };
        let store: Box<dyn ObjectStore> = match scheme {
            Scheme::S3 => {
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
                let builder = builder.with_http_connector(connector);
                Box::new(builder.with_retry(retry).build().map_err(other)?)
            }
            Scheme::Gs => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
                let builder = builder.with_http_connector(connector);
                Box::new(builder.with_retry(retry).build().map_err(other)?)
            }
            _ => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
                let builder = builder.with_http_connector(connector);
                Box::new(builder.with_retry(retry).build().map_err(other)?)
            }
        };
        Ok(Store { store, key, options: options.clone(), counters })
    }

    /// Whether there is such a file.
    pub(super) async fn is_there(&self) -> Answered<bool> {
        match self.store.head(&self.key).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.problem(error)),
        }
    }

    /// Makes a file at once; `false` when there is one that is not to be replaced.
    pub(super) async fn put(&self, payload: PutPayload, mode: PutMode) -> Answered<bool> {
        let put = |mode: PutMode| self.store.put_opts(&self.key, payload.clone(), mode.into());
        let is_create = matches!(mode, PutMode::Create);
        match put(mode).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            // It was asked before whether there is one.
            Err(Error::NotSupported { .. } | Error::NotImplemented { .. }) if is_create => {
                let put = put(PutMode::Overwrite).await;
                put.map(|_| true).map_err(|error| self.writing(error))
            }
            Err(error) => Err(self.writing(error)),
        }
    }

    /// Begins a file that is made of parts.
    pub(super) async fn put_multipart(&self) -> Answered<Box<dyn MultipartUpload>> {
        let begun = self.store.put_multipart(&self.key).await;
        begun.map_err(|error| self.writing(error))
    }

    /// What an error means when something is written: nothing but the bucket has to be there.
    pub(super) fn writing(&self, error: Error) -> RemoteProblem {
        match self.problem(error) {
            RemoteProblem::NotFound(_) => RemoteProblem::NoBucket,
            problem => problem,
        }
    }

    /// The head of an answer, for which the store may be asked several times.
    async fn head<T>(&self, answer: impl Future<Output = T>) -> Answered<T> {
        pace::head(&self.options, self.options.retries.saturating_add(1), answer).await
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The end of the file; where ranges cannot count from the end, its length is asked for first.
    pub(super) async fn tail(&self) -> Answered<Part> {
        let options =
            GetOptions { range: Some(GetRange::Suffix(REMOTE_TAIL)), ..GetOptions::default() };
        self.counters.request();
        match self.head(self.store.get_opts(&self.key, options)).await? {
            Ok(answer) => self.part(answer, REMOTE_TAIL).await,
            Err(Error::NotSupported { .. } | Error::NotImplemented { .. }) => {
                self.by_length().await
            }
            // An empty file has no last bytes either, and is told from other errors by its length.
            Err(error @ Error::Generic { .. }) if http_error(&error).is_none() => {
                let problem = self.problem(error);
                self.by_length().await.map_err(|_| problem)
            }
            Err(error) => Err(self.problem(error)),
        }
    }

    async fn by_length(&self) -> Answered<Part> {
        self.counters.request();
        let meta = self.head(self.store.head(&self.key)).await?;
        let meta = meta.map_err(|error| self.problem(error))?;
        let version = Version { etag: meta.e_tag, modified: None };
        if meta.size == 0 {
            return Ok(Part { start: 0, bytes: Vec::new(), total: 0, version });
        }
        let start = meta.size.saturating_sub(REMOTE_TAIL);
        self.range(Extent { start, len: meta.size - start }, &version).await
    }

    /// One range, which is not empty.
    pub(super) async fn range(&self, extent: Extent, version: &Version) -> Answered<Part> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(extent.start..extent.end())),
            if_match: version.strong().map(str::to_owned),
            ..GetOptions::default()
        };
        self.counters.request();
        let answer = self.head(self.store.get_opts(&self.key, options)).await?;
        self.part(answer.map_err(|error| self.problem(error))?, extent.len).await
    }

    /// At most so many bytes are asked for. Memory is taken as they come, whatever is announced.
    async fn part(&self, answer: GetResult, most: u64) -> Answered<Part> {
        let (total, Range { start, end }) = (answer.meta.size, answer.range.clone());
        if end.saturating_sub(start) > most {
            return Err(RemoteProblem::BadAnswer(BadAnswer::TooMuch));
        }
        let version = Version { etag: answer.meta.e_tag.clone(), modified: None };
        let (mut pieces, mut bytes) = (answer.into_stream(), Vec::new());
        let mut pace = Pace::new(&self.options);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| self.problem(error))?;
            self.counters.bytes(piece.len());
            pace.took(piece.len())?;
            if (bytes.len() + piece.len()) as u64 > most {
                return Err(RemoteProblem::BadAnswer(BadAnswer::TooMuch));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Part { start, bytes, total, version })
    }

    pub(super) fn problem(&self, error: Error) -> RemoteProblem {
        match &error {
            Error::NotFound { .. } => RemoteProblem::NotFound(404),
            Error::PermissionDenied { .. } => RemoteProblem::Denied(403),
            Error::Unauthenticated { .. } => RemoteProblem::Denied(401),
            Error::Precondition { .. } => RemoteProblem::Changed,
            _ => match http_error(&error).map(HttpError::kind) {
                Some(HttpErrorKind::Timeout) => {
                    RemoteProblem::Timeout(self.options.timeout.as_secs())
                }
                Some(HttpErrorKind::Connect) => RemoteProblem::Connect(cause(&error)),
                _ => RemoteProblem::Other(said(&cause(&error))),
            },
        }
    }
}

/// So much of what a store says of an error is told: characters.
const TOLD: usize = 300;

/// What a store says of an error: of a document in XML its code and message, of others the beginning.
fn said(text: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(inner, _)| inner.trim())
    };
    let before = text.split('<').next().unwrap_or_default();
    let said = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{before}{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => format!("{before}{one}"),
        (None, None) => text.to_owned(),
    };
    // Azure adds the number of the request and its time, each in a line.
    let line = said.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Whether no answer came at all.
fn http_error(error: &Error) -> Option<&HttpError> {
    let mut error: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = error {
        if let Some(found) = inner.downcast_ref::<HttpError>() {
            return Some(found);
        }
        error = inner.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stores_say_is_told_in_a_line() {
        let xml = "400 Bad Request: <?xml version=\"1.0\"?>\n<Error><Code>InvalidBlockList</Code>\
                   <Message>The list is invalid.\nRequestId:17</Message></Error>";
        assert_eq!(said(xml), "400 Bad Request: InvalidBlockList: The list is invalid.");
        assert_eq!(said("503: <Error><Code>SlowDown</Code></Error>"), "503: SlowDown");
        assert_eq!(said("no such host"), "no such host");
        assert_eq!(said("<Code>"), "<Code>");
        assert_eq!(said(""), "");
        let long = said(&"ö".repeat(100_000));
        assert_eq!(long.chars().count(), TOLD + 1);
    }

    #[test]
    fn bucket_and_key_are_needed() {
        for url in ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"] {
            let parsed = Url::parse(url).unwrap();
            let store = Store::new(&parsed, &RemoteOptions::default(), Counters::default());
            assert!(matches!(store, Err(RemoteProblem::Other(_))), "{url}");
        }
    }
}
