//! The bytes of a block table: how they are laid out, made, and checked.

use super::{BLOCK_LOG2, Block};
use crate::{
    Answer, Codec, Content, Digest, Extent, Limits, Source,
    bytes::Cursor,
    error::{Error, Part, Result, Structure},
};
use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

/// Records in each page of a table but the last.
const PAGE_BLOCKS: u64 = 1024;
/// Length of a record in the upper level, in bytes.
const UPPER_RECORD: usize = 40;
/// Length of a record in a page, in bytes.
const RECORD: usize = 36;
/// Length of each page but the last, in bytes.
const PAGE: usize = RECORD * 1024;
/// Bytes between upper level and pages that are read rather than spend another request.
const NEAR: u64 = 64 << 10;

/// How a content's length is cut into blocks, and these into pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    size: u64,
    block_len: u64,
    blocks: u64,
    pages: u64,
}

impl Shape {
    pub(super) fn new(size: u64, block_log2: u8) -> Result<Shape> {
        if !BLOCK_LOG2.contains(&block_log2) {
            let value = u64::from(block_log2);
            return Err(bad("block_log2", value));
        }
        let block_len = 1u64.wrapping_shl(u32::from(block_log2));
        let blocks = size.div_ceil(block_len);
        Ok(Shape { size, block_len, blocks, pages: blocks.div_ceil(PAGE_BLOCKS) })
    }

    /// Which block holds the content byte at `offset`.
    pub(super) fn block_at(&self, offset: u64) -> u64 {
        offset.checked_div(self.block_len).unwrap_or(0)
    }

    /// Content bytes of a block.
    pub(super) fn content(&self, block: u64) -> Range<u64> {
        let start = block.saturating_mul(self.block_len);
        start..start.saturating_add(self.block_len).min(self.size)
    }

    fn upper_len(&self) -> u64 {
        self.pages.saturating_mul(UPPER_RECORD as u64)
    }

    /// Offset in the table of the record of `block`.
    fn record_start(&self, block: u64) -> u64 {
        self.upper_len().saturating_add(block.saturating_mul(RECORD as u64))
    }

    fn table_len(&self) -> u64 {
        self.record_start(self.blocks)
    }

    /// The blocks of a page.
    fn page(&self, page: u64) -> Range<u64> {
        let start = page.saturating_mul(PAGE_BLOCKS);
        start..start.saturating_add(PAGE_BLOCKS).min(self.blocks)
    }
}

/// Length in bytes of the table for content of `size` bytes; 0 if `block_log2` is not one of
/// [`BLOCK_LOG2`].
pub fn table_len(size: u64, block_log2: u8) -> u64 {
    Shape::new(size, block_log2).map_or(0, |shape| shape.table_len())
}

/// Makes the table of one payload, in 36 bytes of memory a block.
#[derive(Debug, Clone, Default)]
pub struct BlockTableBuilder {
    /// Stored offset of each page's first block.
    starts: Vec<u64>,
    records: Vec<u8>,
    blocks: u64,
    stored: u64,
}

impl BlockTableBuilder {
    /// A table without blocks.
    pub fn new() -> BlockTableBuilder {
        BlockTableBuilder::default()
    }

    /// Adds the payload's next block: its length as stored, in bytes, and the SHA-256 of its stored
    /// bytes. Those of a gzip payload's first and last block include the member's header and
    /// trailer.
    pub fn push(&mut self, stored_len: u32, digest: Digest) {
        if self.blocks.is_multiple_of(PAGE_BLOCKS) {
            self.starts.push(self.stored);
        }
        self.records.extend_from_slice(&stored_len.to_le_bytes());
        self.records.extend_from_slice(&digest.0);
        self.blocks = self.blocks.saturating_add(1);
        self.stored = self.stored.saturating_add(u64::from(stored_len));
    }

    /// The table, and the digest for [`crate::BlockTable::digest`].
    pub fn finish(self) -> (Vec<u8>, Digest) {
        let mut table = Vec::new();
        let pages = self.records.chunks(PAGE);
        for (start, page) in self.starts.iter().zip(pages) {
            table.extend_from_slice(&start.to_le_bytes());
            table.extend_from_slice(&Digest::of(page).0);
        }
        let digest = Digest::of(&table);
        table.extend_from_slice(&self.records);
        (table, digest)
    }
}

/// A payload's table in its volume.
pub(super) struct Table<'a> {
    pub(super) content: &'a Content,
    pub(super) shape: Shape,
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
        let page_of = |block: &u64| block.checked_div(PAGE_BLOCKS).unwrap_or(0);
        let pages = page_of(wanted.start())..=page_of(wanted.end());
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
        let blocks = self.shape.page(page);
        let place = |block| self.start.saturating_add(self.shape.record_start(block));
        from_to(place(blocks.start), place(blocks.end))
    }

    /// The stored bytes of a page's blocks, as a range inside the payload, and the page's digest.
    fn upper_record(&self, upper: &[u8], page: u64) -> Result<(Range<u64>, Digest)> {
        let index = usize::try_from(page).unwrap_or(usize::MAX);
        let record = |index: usize| {
            let start = index.saturating_mul(UPPER_RECORD);
            Cursor::new(Structure::BlockTable, upper.get(start..).unwrap_or_default())
        };
        let mut fields = record(index);
        let start = fields.u64()?;
        let digest = Digest(fields.array()?);
        let end = if page.saturating_add(1) == self.shape.pages {
            self.content.stored_size
        } else {
            record(index.saturating_add(1)).u64()?
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
        let mut fields = Cursor::new(Structure::BlockTable, bytes);
        let mut start = stored.start;
        for index in self.shape.page(page) {
            let len = u64::from(fields.u32()?);
            let digest = Digest(fields.array()?);
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
