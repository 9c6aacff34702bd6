//! Where the bytes of a file lie: on a server, or in a `Blob`.

use super::abort::{Ended, Watch};
use super::error::{Error, RemoteProblem, Result};
use super::http::Http;
use js_sys::Uint8Array;
use rangepack_core::Extent;
use std::cell::Cell;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, File};

/// What it cost to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Requests, those that were tried again too.
    pub requests: u64,
    /// Bytes of content that came.
    pub bytes: u64,
}

/// A file.
#[derive(Debug)]
pub(super) enum Bytes {
    Http(Box<Http>),
    Blob(Chosen),
}

/// A `Blob`, or a file that somebody has chosen.
#[derive(Debug)]
pub(super) struct Chosen {
    blob: Blob,
    name: String,
    traffic: Cell<Traffic>,
}

impl Chosen {
    pub(super) fn new(blob: Blob) -> Chosen {
        let name = blob.dyn_ref::<File>().map(File::name);
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "blob".to_owned());
        Chosen { blob, name, traffic: Cell::default() }
    }

    async fn read(&self, extent: Extent, signal: Option<&AbortSignal>) -> Result<Vec<u8>> {
        check(&self.name, self.size(), extent)?;
        // What a browser says when the file behind it was changed, moved or deleted.
        let changed = || Error::Remote { url: self.name.clone(), problem: RemoteProblem::Changed };
        let (start, end) = (extent.start as f64, extent.end() as f64);
        let part = self.blob.slice_with_f64_and_f64(start, end).map_err(|_| changed())?;
        let read = Watch::new(signal).wait(JsFuture::from(part.array_buffer()), 0).await;
        let buffer = match read {
            Err(Ended::Aborted(reason)) => return Err(Error::Aborted { reason }),
            Err(Ended::TimedOut) | Ok(Err(_)) => return Err(changed()),
            Ok(Ok(buffer)) => Uint8Array::new(&buffer).to_vec(),
        };
        let Traffic { requests, bytes } = self.traffic.get();
        self.traffic.set(Traffic { requests: requests + 1, bytes: bytes + buffer.len() as u64 });
        if buffer.len() as u64 == extent.len { Ok(buffer) } else { Err(changed()) }
    }

    fn size(&self) -> u64 {
        self.blob.size() as u64
    }
}

impl Bytes {
    /// Fit to be shown.
    pub(super) fn name(&self) -> &str {
        match self {
            Bytes::Http(http) => &http.name,
            Bytes::Blob(blob) => &blob.name,
        }
    }

    /// In bytes, once it was opened.
    pub(super) fn size(&self) -> u64 {
        match self {
            Bytes::Http(http) => http.size(),
            Bytes::Blob(blob) => blob.size(),
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        match self {
            Bytes::Http(http) => http.traffic(),
            Bytes::Blob(blob) => blob.traffic.get(),
        }
    }

    /// Opens it, and gives its last bytes.
    pub(super) async fn open(&self, most: u64, signal: Option<&AbortSignal>) -> Result<Vec<u8>> {
        if let Bytes::Http(http) = self
            && let Some(bytes) = http.open(most, signal).await?
        {
            return Ok(bytes);
        }
        let len = self.size().min(most);
        self.read(Extent { start: self.size() - len, len }, signal).await
    }

    /// Bytes of it.
    pub(super) async fn read(
        &self,
        extent: Extent,
        signal: Option<&AbortSignal>,
    ) -> Result<Vec<u8>> {
        match self {
            _ if extent.len == 0 => Ok(Vec::new()),
            Bytes::Http(http) => http.read(extent, signal).await,
            Bytes::Blob(blob) => blob.read(extent, signal).await,
        }
    }
}

/// The length of a range that is in the file, and in memory.
pub(super) fn check(name: &str, size: u64, extent: Extent) -> Result<usize> {
    let Extent { start, len } = extent;
    let length = Extent::new(start, len, size).ok().and_then(|_| usize::try_from(len).ok());
    length.ok_or_else(|| Error::Pack {
        pack: name.to_owned(),
        source: Box::new(rangepack_core::Error::OutOfBounds { start, len, file_len: size }),
    })
}
