//! A payload's block table, read and checked as far as it is needed.

use crate::bytes::{Answer, Source};
use crate::error::{Error, Part, Result, Structure};
use crate::extent::Extent;
use crate::format::layout::{BlockRecord, TableShape, UpperRecord};
use crate::{Codec, Content, Digest, Limits};
use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

/// Bytes between upper level and pages that are read rather than spend another request.
const NEAR: u64 = 64 << 10;

/// One block of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers keep blocks and make them anew")]
pub struct Block {
    /// Which block it is, counted from 0.
    pub index: u64,
    /// Where its stored bytes lie in the payload's volume.
    pub stored: Extent,
    /// SHA-256 of its stored bytes.
    pub digest: Digest,
    /// Which bytes of the file's content it holds.
    pub content: Range<u64>,
}

/// Length in bytes of the table for content of `size` bytes; 0 if `block_log2` is not one of
/// [`BLOCK_LOG2`](crate::blocks::BLOCK_LOG2).
pub fn table_len(size: u64, block_log2: u8) -> u64 {
    TableShape::new(size, block_log2).map_or(0, |shape| shape.table_len())
}

/// A payload's table in its volume.
pub(super) struct Table<'a> {
    pub(super) content: &'a Content,
    pub(super) shape: TableShape,
    pub(super) start: u64,
    pub(super) digest: Digest,
}

impl Table<'_> {
    /// The wanted blocks, when the table's upper level and their pages are at hand and sound.
    pub(super) fn blocks<S: Source + ?Sized>(
        &self,
        wanted: RangeInclusive<u64>,
        source: &S,
        limits: &Limits,
    ) -> Result<Answer<Vec<Block>>> {
        let whole = Extent::new(self.start, self.shape.table_len(), u64::MAX)?;
        let upper_extent = Extent { start: whole.start, len: self.shape.upper_len() };
        Limits::check("block_table_bytes", upper_extent.len, limits.block_table_bytes)?;
        let pages = self.shape.page_of(*wanted.start())..=self.shape.page_of(*wanted.end());
        let wanted_end = self.page_extent(*pages.end()).end();

        let Some(upper) = source.bytes(upper_extent) else {
            let near = self.page_extent(*pages.start()).start.saturating_sub(upper_extent.end());
            let end = if near <= NEAR { wanted_end } else { upper_extent.end() };
            return Ok(Answer::Need(from_to(upper_extent.start, end)));
        };
        verify(upper, upper_extent, self.digest)?;
        let mut blocks = Vec::new();
        for page in pages {
            let extent = self.page_extent(page);
            let Some(bytes) = source.bytes(extent) else {
                return Ok(Answer::Need(from_to(extent.start, wanted_end)));
            };
            let (stored, digest) = self.upper_record(upper, page)?;
            verify(bytes, extent, digest)?;
            self.read_page(page, stored, bytes, &wanted, &mut blocks)?;
        }
        Ok(Answer::Ready(blocks))
    }

    fn page_extent(&self, page: u64) -> Extent {
        self.shape.page_extent(self.start, page)
    }

    /// The stored bytes of a page's blocks, as a range inside the payload, and the page's digest.
    fn upper_record(&self, upper: &[u8], page: u64) -> Result<(Range<u64>, Digest)> {
        let UpperRecord { start, digest } = UpperRecord::read(upper, page)?;
        let next = page.saturating_add(1);
        let end = if next == self.shape.pages {
            self.content.stored_size
        } else {
            UpperRecord::read(upper, next)?.start
        };
        if (page == 0) != (start == 0) || start > end {
            return Err(bad("stored_offset", start));
        }
        if end > self.content.stored_size {
            return Err(bad("stored_offset", end));
        }
        Ok((start..end, digest))
    }

    /// Checks a whole page, and adds those of its blocks that are wanted.
    fn read_page(
        &self,
        page: u64,
        stored: Range<u64>,
        bytes: &[u8],
        wanted: &RangeInclusive<u64>,
        blocks: &mut Vec<Block>,
    ) -> Result<()> {
        let mut start = stored.start;
        for (index, record) in self.shape.page(page).zip(BlockRecord::all(bytes)) {
            let BlockRecord { stored_len, digest } = record;
            let len = u64::from(stored_len);
            let content = self.shape.content(index);
            let end = start.saturating_add(len);
            if !self.fits(len, &content) || end > stored.end {
                return Err(bad("stored_length", len));
            }
            if wanted.contains(&index) {
                let stored = Extent { start: self.content.offset.saturating_add(start), len };
                blocks.push(Block { index, stored, digest, content });
            }
            start = end;
        }
        if start != stored.end {
            return Err(bad("stored_offset", stored.end));
        }
        Ok(())
    }

    /// Whether a block can have this stored length, so that nobody reads or keeps more than the
    /// content is worth: the worst deflate data is longer than its content by an eighth.
    fn fits(&self, stored_len: u64, content: &Range<u64>) -> bool {
        let len = content.end.saturating_sub(content.start);
        match self.content.codec {
            Codec::Stored => stored_len == len,
            Codec::Gzip => {
                stored_len > 0 && stored_len <= len.saturating_add(len >> 2).saturating_add(1024)
            }
        }
    }
}

fn from_to(start: u64, end: u64) -> Extent {
    Extent { start, len: end.saturating_sub(start) }
}

fn bad(field: &'static str, value: u64) -> Error {
    Error::BadField { structure: Structure::BlockTable, field, value }
}

fn verify(bytes: &[u8], extent: Extent, expected: Digest) -> Result<()> {
    let found = Digest::of(bytes);
    if found != expected {
        return Err(Error::DigestMismatch { part: Part::BlockTable, extent, expected, found });
    }
    Ok(())
}
