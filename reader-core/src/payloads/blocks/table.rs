//! A payload's block table, read and checked as far as it is needed.

use crate::bytes::{Answer, Source, ready};
use crate::error::{Error, Part, Result, Structure};
use crate::extent::Extent;
use crate::format::layout::{BlockRecord, PageRecord, TableShape};
use crate::{Codec, Content, Digest};
use alloc::{vec, vec::Vec};
use core::ops::{Range, RangeInclusive};

/// Bytes between a page and those below it that are read rather than spend another request.
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

/// A page of the table, and what the one above it says of it.
#[derive(Debug, Clone)]
struct Page {
    number: u64,
    digest: Digest,
    /// The stored bytes of its blocks, as a range inside the payload.
    stored: Range<u64>,
}

impl Table<'_> {
    /// The wanted blocks, when the table's pages that lead to them are at hand and sound.
    pub(super) fn blocks<S: Source + ?Sized>(
        &self,
        wanted: RangeInclusive<u64>,
        source: &S,
    ) -> Result<Answer<Vec<Block>>> {
        Extent::new(self.start, self.shape.table_len(), u64::MAX)?;
        let stored = 0..self.content.stored_size;
        let mut pages = vec![Page { number: 0, digest: self.digest, stored }];
        for level in (1..=self.shape.top()).rev() {
            let mut below = Vec::new();
            for page in &pages {
                let bytes = ready!(self.page(level, page, &wanted, source)?);
                self.read_pages(level, page, bytes, &wanted, &mut below)?;
            }
            pages = below;
        }
        let mut blocks = Vec::new();
        for page in &pages {
            let bytes = ready!(self.page(0, page, &wanted, source)?);
            self.read_blocks(page, bytes, &wanted, &mut blocks)?;
        }
        Ok(Answer::Ready(blocks))
    }

    /// The bytes of a page, verified. What is missing is asked for with all that is wanted, if it lies near.
    fn page<'s, S: Source + ?Sized>(
        &self,
        level: u8,
        page: &Page,
        wanted: &RangeInclusive<u64>,
        source: &'s S,
    ) -> Result<Answer<&'s [u8]>> {
        let extent = self.shape.page_extent(self.start, level, page.number);
        let Some(bytes) = source.bytes(extent) else {
            let end_of = |level, block| {
                self.shape.page_extent(self.start, level, self.shape.page_of(level, block))
            };
            let here = end_of(level, *wanted.end()).end();
            let first = end_of(0, *wanted.start()).start;
            let near = level == 0 || first.saturating_sub(here) <= NEAR;
            let end = if near { end_of(0, *wanted.end()).end() } else { here };
            let len = end.saturating_sub(extent.start);
            return Ok(Answer::Need(Extent { start: extent.start, len }));
        };
        let found = Digest::of(bytes);
        if found != page.digest {
            let (part, expected) = (Part::BlockTable, page.digest);
            return Err(Error::DigestMismatch { part, extent, expected, found });
        }
        Ok(Answer::Ready(bytes))
    }

    /// Checks a whole page of a level above the blocks' own, and adds those pages below it that lead to
    /// wanted blocks.
    fn read_pages(
        &self,
        level: u8,
        page: &Page,
        bytes: &[u8],
        wanted: &RangeInclusive<u64>,
        pages: &mut Vec<Page>,
    ) -> Result<()> {
        let below = level.saturating_sub(1);
        let page_of = |block| self.shape.page_of(below, block);
        let wanted = page_of(*wanted.start())..=page_of(*wanted.end());
        let mut records = PageRecord::all(bytes).peekable();
        let mut start = page.stored.start;
        for number in self.shape.page(level, page.number) {
            let Some(record) = records.next() else { break };
            let end = records.peek().map_or(page.stored.end, |next| next.start);
            if record.start != start || end <= start || end > page.stored.end {
                return Err(bad("stored_offset", record.start));
            }
            if wanted.contains(&number) {
                pages.push(Page { number, digest: record.digest, stored: start..end });
            }
            start = end;
        }
        Ok(())
    }

    /// Checks a whole page of level 0, and adds those of its blocks that are wanted.
    fn read_blocks(
        &self,
        page: &Page,
        bytes: &[u8],
        wanted: &RangeInclusive<u64>,
        blocks: &mut Vec<Block>,
    ) -> Result<()> {
        let Range { mut start, end } = page.stored;
        for (index, record) in self.shape.page(0, page.number).zip(BlockRecord::all(bytes)) {
            let BlockRecord { stored_len, digest } = record;
            let len = u64::from(stored_len);
            let content = self.shape.content(index);
            if !self.fits(len, &content) || start.saturating_add(len) > end {
                return Err(bad("stored_length", len));
            }
            if wanted.contains(&index) {
                let stored = Extent { start: self.content.offset.saturating_add(start), len };
                blocks.push(Block { index, stored, digest, content });
            }
            start = start.saturating_add(len);
        }
        if start != end {
            return Err(bad("stored_offset", end));
        }
        Ok(())
    }

    /// Whether a block can have this stored length, so that nobody reads or keeps more than the
    /// content is worth: the worst deflate data is longer than its content by an eighth.
    fn fits(&self, stored_len: u64, content: &Range<u64>) -> bool {
        let len = content.end.saturating_sub(content.start);
        match self.content.codec {
            Codec::Stored => stored_len == len,
            Codec::Gzip | Codec::Deflate | Codec::Zstd | Codec::Other(_) => {
                stored_len > 0 && stored_len <= len.saturating_add(len >> 2).saturating_add(1024)
            }
        }
    }
}

fn bad(field: &'static str, value: u64) -> Error {
    Error::BadField { structure: Structure::BlockTable, field, value }
}
