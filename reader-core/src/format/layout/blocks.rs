//! The records of a block table, and where they lie (FORMAT.md, "Block tables").

use crate::Digest;
use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};
use crate::extent::Extent;
use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

/// The block sizes that the format allows, as powers of two: 4 KiB to 1 GiB.
pub const BLOCK_LOG2: RangeInclusive<u8> = 12..=30;

/// Records in each page of a table but the last.
const PAGE_BLOCKS: u64 = 1024;
/// Length of a record in the upper level, in bytes.
const UPPER_RECORD: usize = 40;
/// Length of a record in a page, in bytes.
const RECORD: usize = 36;
/// Length of each page but the last, in bytes.
const PAGE_LEN: usize = RECORD * 1024;

/// How a content's length is cut into blocks, and these into pages; and where their records lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableShape {
    size: u64,
    block_len: u64,
    pub(crate) blocks: u64,
    pub(crate) pages: u64,
}

impl TableShape {
    pub(crate) fn new(size: u64, block_log2: u8) -> Result<TableShape> {
        if !BLOCK_LOG2.contains(&block_log2) {
            let (structure, value) = (Structure::BlockTable, u64::from(block_log2));
            return Err(Error::BadField { structure, field: "block_log2", value });
        }
        let block_len = 1u64.wrapping_shl(u32::from(block_log2));
        let blocks = size.div_ceil(block_len);
        Ok(TableShape { size, block_len, blocks, pages: blocks.div_ceil(PAGE_BLOCKS) })
    }

    /// Which block holds the content byte at `offset`.
    pub(crate) fn block_at(&self, offset: u64) -> u64 {
        offset.checked_div(self.block_len).unwrap_or(0)
    }

    /// Content bytes of a block.
    pub(crate) fn content(&self, block: u64) -> Range<u64> {
        let start = block.saturating_mul(self.block_len);
        start..start.saturating_add(self.block_len).min(self.size)
    }

    /// Which page holds the record of a block.
    pub(crate) fn page_of(&self, block: u64) -> u64 {
        block.checked_div(PAGE_BLOCKS).unwrap_or(0)
    }

    /// The blocks of a page.
    pub(crate) fn page(&self, page: u64) -> Range<u64> {
        let start = page.saturating_mul(PAGE_BLOCKS);
        start..start.saturating_add(PAGE_BLOCKS).min(self.blocks)
    }

    /// Length of the upper level.
    pub(crate) fn upper_len(&self) -> u64 {
        self.pages.saturating_mul(UPPER_RECORD as u64)
    }

    /// Length of the whole table.
    pub(crate) fn table_len(&self) -> u64 {
        self.record_start(self.blocks)
    }

    /// Offset in the table of the record of `block`.
    fn record_start(&self, block: u64) -> u64 {
        self.upper_len().saturating_add(block.saturating_mul(RECORD as u64))
    }

    /// Where a page of the table that begins at `table` lies.
    pub(crate) fn page_extent(&self, table: u64, page: u64) -> Extent {
        let blocks = self.page(page);
        let place = |block| table.saturating_add(self.record_start(block));
        let start = place(blocks.start);
        Extent { start, len: place(blocks.end).saturating_sub(start) }
    }
}

/// What the upper level says of one page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpperRecord {
    /// Offset of the page's first block, inside the payload.
    pub(crate) start: u64,
    /// SHA-256 of the page.
    pub(crate) digest: Digest,
}

impl UpperRecord {
    /// The record of a page in the upper level.
    pub(crate) fn read(upper: &[u8], page: u64) -> Result<UpperRecord> {
        let start = usize::try_from(page).unwrap_or(usize::MAX).saturating_mul(UPPER_RECORD);
        let mut fields = Cursor::new(Structure::BlockTable, upper.get(start..).unwrap_or_default());
        Ok(UpperRecord { start: fields.u64()?, digest: Digest(fields.array()?) })
    }

    fn push_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.start.to_le_bytes());
        out.extend_from_slice(&self.digest.0);
    }
}

/// What a page says of one block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockRecord {
    /// Length of its stored bytes.
    pub(crate) stored_len: u32,
    /// SHA-256 of these.
    pub(crate) digest: Digest,
}

impl BlockRecord {
    /// The records of a page.
    pub(crate) fn all(page: &[u8]) -> impl Iterator<Item = BlockRecord> {
        page.as_chunks::<RECORD>().0.iter().filter_map(|record| {
            let (len, digest) = record.split_first_chunk()?;
            let digest = Digest(*digest.first_chunk()?);
            Some(BlockRecord { stored_len: u32::from_le_bytes(*len), digest })
        })
    }

    fn push_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.stored_len.to_le_bytes());
        out.extend_from_slice(&self.digest.0);
    }
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
        BlockRecord { stored_len, digest }.push_to(&mut self.records);
        self.blocks = self.blocks.saturating_add(1);
        // No offset leads to the end of a payload that is too long for this sum.
        self.stored = self.stored.saturating_add(u64::from(stored_len));
    }

    /// The table, and the digest for [`crate::BlockTable::digest`].
    pub fn finish(self) -> (Vec<u8>, Digest) {
        let mut table = Vec::new();
        let pages = self.records.chunks(PAGE_LEN);
        for (start, page) in self.starts.iter().zip(pages) {
            UpperRecord { start: *start, digest: Digest::of(page) }.push_to(&mut table);
        }
        let digest = Digest::of(&table);
        table.extend_from_slice(&self.records);
        (table, digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_each_level_comes_back() {
        let mut table = BlockTableBuilder::new();
        table.push(u32::MAX, Digest([1; 32]));
        let (bytes, digest) = table.finish();
        let shape = TableShape::new(1, 12).unwrap();
        assert_eq!(bytes.len() as u64, shape.table_len());
        let (upper, page) = bytes.split_at(40);
        assert_eq!(Digest::of(upper), digest);
        let record = UpperRecord::read(upper, 0).unwrap();
        assert_eq!((record.start, record.digest), (0, Digest::of(page)));
        let records: Vec<_> =
            BlockRecord::all(page).map(|record| (record.stored_len, record.digest)).collect();
        assert_eq!(records, [(u32::MAX, Digest([1; 32]))]);
        assert!(UpperRecord::read(upper, 1).is_err());
    }
}
