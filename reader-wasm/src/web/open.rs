//! Opens a pack: the end of the file first, and whatever its format needs then.

use super::error::{Error, Result};
use super::growing;
use super::http::Http;
use super::legacy;
use super::options::OpenOptions;
use super::pack::{Opened, Pack};
use super::source::{Bytes, Chosen};
use crate::pieces::Pieces;
use rangepack_core::layout::{REMOTE_TAIL, Volume, VolumeTable};
use rangepack_core::{Answer, Extent, Index, Limits};
use std::cell::RefCell;
use std::rc::Rc;
use web_sys::{AbortSignal, Blob};

/// With less, one question could drop the pages that another needs.
const LEAST_CACHE: u64 = 4 << 20;

/// So often one question may ask for bytes; the deepest index needs 8.
pub(super) const ROUNDS: u32 = 100;

impl Pack {
    /// Opens the pack, or the old container, at an address, which may be relative to the page. Servers have to know
    /// range requests, and to allow other origins what they are to read.
    pub async fn open_url(url: &str, options: &OpenOptions) -> Result<Pack> {
        let http = || Http::new(url, options).map(|http| Bytes::Http(Box::new(http)));
        match open(http()?, options, false).await {
            // One that was growing has its index before the note is taken away.
            Err(error) if options.index.is_none() && growing::is_broken(&error) => {
                open(http()?, options, true).await
            }
            opened => opened,
        }
    }

    /// Opens one in a `Blob`, of which files that somebody chose or dropped are a kind.
    pub async fn open_blob(blob: Blob, options: &OpenOptions) -> Result<Pack> {
        open(Bytes::Blob(Chosen::new(blob)), options, false).await
    }
}

/// With `is_thorough` a note of growth is looked for, though the file does not look as if it grew.
async fn open(bytes: Bytes, options: &OpenOptions, is_thorough: bool) -> Result<Pack> {
    let mut opening = Opening {
        bytes,
        end: 0,
        pieces: Pieces::default(),
        signal: options.signal.clone(),
        limits: limits(),
    };
    let tail = opening.bytes.open(REMOTE_TAIL, options.signal.as_ref()).await?;
    let start = opening.bytes.size() - tail.len() as u64;
    opening.end = opening.bytes.size();
    opening.pieces.insert(start, tail.into());
    let limits = opening.limits;
    let index = match &options.index {
        // An unfinished container may end on a pack that was packed as a file.
        Some(_) => None,
        None => growing::open(&mut opening, options, is_thorough).await?,
    };
    let opened = match index {
        Some(index) => {
            let volumes = opening.ask(|pieces| index.volumes(pieces, &limits)).await?;
            let table = opening.ask(|pieces| index.volume_table(pieces, &limits)).await?;
            let format = Format::Paged;
            Parts { index, memory: None, volumes, table, format, refused: 0, bad_lines: 0 }
        }
        None => legacy::open(&mut opening, options).await?,
    };
    let cache_bytes = options.cache_bytes.max(LEAST_CACHE);
    let Opening { bytes, end, pieces, signal, limits } = opening;
    Ok(Pack::new(
        Opened {
            bytes,
            end,
            pieces: RefCell::new(pieces),
            cache_bytes,
            dictionaries: RefCell::default(),
            others: RefCell::default(),
            parts: opened,
            options: options.clone(),
            limits,
        },
        signal,
    ))
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A paged index.
    Paged,
    /// A CTNRv1 container.
    Container,
    /// An `.fpack` file.
    Fpack,
}

/// What opening comes to.
pub(super) struct Parts {
    pub(super) index: Index,
    /// The pages of an index that was built in memory; otherwise they lie in the file.
    pub(super) memory: Option<Vec<u8>>,
    pub(super) volumes: Vec<Volume>,
    /// Where the names of those of a merged pack lie.
    pub(super) table: Option<VolumeTable>,
    pub(super) format: Format,
    pub(super) refused: u64,
    pub(super) bad_lines: u64,
}

/// A file that is being opened: all that was brought of it is kept.
pub(super) struct Opening {
    pub(super) bytes: Bytes,
    /// Where it ends: its length, or what that was before it began to grow.
    pub(super) end: u64,
    pub(super) pieces: Pieces,
    pub(super) signal: Option<AbortSignal>,
    pub(super) limits: Limits,
}

impl Opening {
    /// Asks, and brings what is missing until there is an answer.
    pub(super) async fn ask<T>(
        &mut self,
        mut question: impl FnMut(&Pieces) -> rangepack_core::Result<Answer<T>>,
    ) -> Result<T> {
        for _ in 0..ROUNDS {
            let extent = match question(&self.pieces).map_err(|error| self.bad(error))? {
                Answer::Ready(value) => return Ok(value),
                Answer::Need(extent) => extent,
            };
            let bytes = self.bytes.read(extent, self.signal.as_ref()).await?;
            self.pieces.insert(extent.start, bytes.into());
        }
        Err(self.bad(endless(self.bytes.size())))
    }

    pub(super) fn bad(&self, source: rangepack_core::Error) -> Error {
        Error::Pack { pack: self.bytes.name().to_owned(), source: Box::new(source) }
    }
}

/// What an index that asks for more and more comes to.
pub(super) fn endless(file_len: u64) -> rangepack_core::Error {
    let Extent { start, len } = Extent { start: file_len, len: 0 };
    rangepack_core::Error::OutOfBounds { start, len, file_len }
}

/// Addresses have 32 bits here.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.lookback = 32 << 20;
    limits.v1_index_bytes = 1 << 30;
    limits.v1_entries = 10_000_000;
    limits.section_bytes = 32 << 20;
    // Each is a request of its own.
    limits.generations = 64;
    limits.content_bytes = 1 << 30;
    limits
}

/// What is shared by all handles of a pack, from here on.
pub(super) type Shared = Rc<Opened>;
