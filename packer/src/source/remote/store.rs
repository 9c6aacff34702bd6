//! A file in an object store: Amazon S3 and its like, Google Cloud Storage, Azure.
//!
//! Credentials and settings come from the environment, as the stores' own programs take them.
//! Requests are signed and tried again by `object_store`.

use super::http::cause;
use super::{Answered, Counters, Part, TAIL, Version};
use crate::error::RemoteProblem;
use crate::source::location::{Scheme, Url};
use crate::source::options::RemoteOptions;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, Error, GetOptions, GetRange, GetResult, ObjectStore,
    ObjectStoreExt, RetryConfig,
};
use rangepack_core::Extent;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Store {
    store: Box<dyn ObjectStore>,
    key: Path,
    timeout: Duration,
    counters: Counters,
}

impl Store {
    pub(super) fn new(url: &Url, options: &RemoteOptions, counters: Counters) -> Answered<Store> {
        let other = |error: Error| RemoteProblem::Other(cause(&error));
        let (scheme, (bucket, key)) = (url.scheme(), url.bucket_and_key());
        if bucket.is_empty() || key.is_empty() {
            let problem = format!("a URL like {}://bucket/path/to/file is meant", scheme.name());
            return Err(RemoteProblem::Other(problem));
        }
        let key = Path::parse(key).map_err(|error| other(error.into()))?;
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: options.retries as usize,
            retry_timeout: options.timeout.saturating_mul(options.retries.saturating_add(1)),
        };
        // Long ranges over slow lines take their time; what must not be is that nothing comes.
        let wait = format!("{} ms", options.timeout.as_millis());
        let whole = "1 hour";
        let times = [
            (ClientConfigKey::ConnectTimeout, wait.as_str()),
            (ClientConfigKey::ReadTimeout, wait.as_str()),
            (ClientConfigKey::Timeout, whole),
        ];
        let store: Box<dyn ObjectStore> = match scheme {
            Scheme::S3 => {
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
                let builder = times.into_iter().fold(builder, |builder, (key, value)| {
                    builder.with_config(AmazonS3ConfigKey::Client(key), value)
                });
                Box::new(builder.with_retry(retry).build().map_err(other)?)
            }
            Scheme::Gs => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
                let builder = times.into_iter().fold(builder, |builder, (key, value)| {
                    builder.with_config(GoogleConfigKey::Client(key), value)
                });
                Box::new(builder.with_retry(retry).build().map_err(other)?)
            }
            _ => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
                let builder = times.into_iter().fold(builder, |builder, (key, value)| {
                    builder.with_config(AzureConfigKey::Client(key), value)
                });
                Box::new(builder.with_retry(retry).build().map_err(other)?)
            }
        };
        Ok(Store { store, key, timeout: options.timeout, counters })
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The end of the file; where ranges cannot count from the end, its length is asked for first.
    pub(super) async fn tail(&self) -> Answered<Part> {
        let options = GetOptions { range: Some(GetRange::Suffix(TAIL)), ..GetOptions::default() };
        self.counters.request();
        match self.store.get_opts(&self.key, options).await {
            Ok(answer) => self.part(answer).await,
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
        let meta = self.store.head(&self.key).await.map_err(|error| self.problem(error))?;
        let version = Version { etag: meta.e_tag, modified: None };
        if meta.size == 0 {
            return Ok(Part { start: 0, bytes: Vec::new(), total: 0, version });
        }
        let start = meta.size.saturating_sub(TAIL);
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
        let answer = self.store.get_opts(&self.key, options).await;
        self.part(answer.map_err(|error| self.problem(error))?).await
    }

    async fn part(&self, answer: GetResult) -> Answered<Part> {
        let (total, start) = (answer.meta.size, answer.range.start);
        let version = Version { etag: answer.meta.e_tag.clone(), modified: None };
        let bytes = answer.bytes().await.map_err(|error| self.problem(error))?;
        self.counters.bytes(bytes.len());
        Ok(Part { start, bytes: bytes.into(), total, version })
    }

    fn problem(&self, error: Error) -> RemoteProblem {
        match &error {
            Error::NotFound { .. } => RemoteProblem::NotFound(404),
            Error::PermissionDenied { .. } => RemoteProblem::Denied(403),
            Error::Unauthenticated { .. } => RemoteProblem::Denied(401),
            Error::Precondition { .. } => RemoteProblem::Changed,
            _ => match http_error(&error).map(HttpError::kind) {
                Some(HttpErrorKind::Timeout) => RemoteProblem::Timeout(self.timeout.as_secs()),
                Some(HttpErrorKind::Connect) => RemoteProblem::Connect(cause(&error)),
                _ => RemoteProblem::Other(cause(&error)),
            },
        }
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
    fn bucket_and_key_are_needed() {
        for url in ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"] {
            let parsed = Url::parse(url).unwrap();
            let store = Store::new(&parsed, &RemoteOptions::default(), Counters::default());
            assert!(matches!(store, Err(RemoteProblem::Other(_))), "{url}");
        }
    }
}
