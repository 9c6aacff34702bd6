//! The records of a block table, and where they lie (FORMAT.md, "Block tables").

use crate::Digest;
use crate::error::{Error, Result, Structure};
use crate::extent::Extent;
use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

/// The block sizes that the format allows, as powers of two: 4 KiB to 4 MiB.
pub const BLOCK_LOG2: RangeInclusive<u8> = 12..=22;

/// Records in each page of a table but the last of its level.
const PAGE_RECORDS: u64 = 1 << PAGE_RECORDS_LOG2;
const PAGE_RECORDS_LOG2: u8 = 10;
/// Length of a record of level 0, in bytes.
const BLOCK_RECORD: usize = 36;
/// Length of a record of the levels above, in bytes.
const PAGE_RECORD: usize = 40;

/// How a content's length is cut into blocks, their records into table pages, and so on; and where these
/// lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableShape {
    size: u64,
    block_log2: u8,
}

impl TableShape {
    pub(crate) fn new(size: u64, block_log2: u8) -> Result<TableShape> {
        if !BLOCK_LOG2.contains(&block_log2) {
            let (structure, value) = (Structure::BlockTable, u64::from(block_log2));
            return Err(Error::BadField { structure, field: "block_log2", value });
        }
        Ok(TableShape { size, block_log2 })
    }

    /// Which block holds the content byte at `offset`.
    pub(crate) fn block_at(&self, offset: u64) -> u64 {
        offset >> self.block_log2
    }

    /// Content bytes of a block.
    pub(crate) fn content(&self, block: u64) -> Range<u64> {
        let place = |block: u64| block.saturating_mul(1 << self.block_log2);
        place(block)..place(block.saturating_add(1)).min(self.size)
    }

    /// The topmost level: the first above the blocks' own that is one page.
    pub(crate) fn top(&self) -> u8 {
        let mut level = 1u8;
        while self.records(level) > PAGE_RECORDS {
            level = level.saturating_add(1);
        }
        level
    }

    /// How many records a level has.
    fn records(&self, level: u8) -> u64 {
        let blocks = self.size.div_ceil(1 << self.block_log2);
        let log2 = u32::from(level).saturating_mul(u32::from(PAGE_RECORDS_LOG2));
        blocks.div_ceil(1u64.checked_shl(log2).unwrap_or(u64::MAX))
    }

    /// Which page of a level leads to a block.
    pub(crate) fn page_of(&self, level: u8, block: u64) -> u64 {
        let log2 = u32::from(level.saturating_add(1)).saturating_mul(u32::from(PAGE_RECORDS_LOG2));
        block.checked_shr(log2).unwrap_or(0)
    }

    /// The numbers of the records of a page in their level: blocks, or pages of the level below.
    pub(crate) fn page(&self, level: u8, page: u64) -> Range<u64> {
        let start = page.saturating_mul(PAGE_RECORDS);
        start..start.saturating_add(PAGE_RECORDS).min(self.records(level))
    }

    /// Length of the whole table.
    pub(crate) fn table_len(&self) -> u64 {
        self.record_start(0, self.records(0))
    }

    /// Offset in the table of record number `record` of a level. The topmost level lies first.
    fn record_start(&self, level: u8, record: u64) -> u64 {
        let len = |level, records: u64| {
            records.saturating_mul(if level == 0 { BLOCK_RECORD } else { PAGE_RECORD } as u64)
        };
        let above =
            (level.saturating_add(1)..=self.top()).map(|above| len(above, self.records(above)));
        above.fold(len(level, record), u64::saturating_add)
    }

    /// Where a page of the table that begins at `table` lies.
    pub(crate) fn page_extent(&self, table: u64, level: u8, page: u64) -> Extent {
        let records = self.page(level, page);
        let place = |record| table.saturating_add(self.record_start(level, record));
        let start = place(records.start);
        Extent { start, len: place(records.end).saturating_sub(start) }
    }
}

/// What a level above the blocks' own says of one page of the level below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageRecord {
    /// Offset of the page's first block, inside the payload.
    pub(crate) start: u64,
    /// SHA-256 of the page.
    pub(crate) digest: Digest,
}

impl PageRecord {
    /// The records of a page.
    pub(crate) fn all(page: &[u8]) -> impl Iterator<Item = PageRecord> {
        page.as_chunks::<PAGE_RECORD>().0.iter().filter_map(|record| {
            let (start, digest) = record.split_first_chunk()?;
            let digest = Digest(*digest.first_chunk()?);
            Some(PageRecord { start: u64::from_le_bytes(*start), digest })
        })
    }

    fn push_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.start.to_le_bytes());
        out.extend_from_slice(&self.digest.0);
    }
}

/// What level 0 says of one block.
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
        page.as_chunks::<BLOCK_RECORD>().0.iter().filter_map(|record| {
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
        if self.blocks.is_multiple_of(PAGE_RECORDS) {
            self.starts.push(self.stored);
        }
        BlockRecord { stored_len, digest }.push_to(&mut self.records);
        self.blocks = self.blocks.saturating_add(1);
        // No offset leads to the end of a payload that is too long for this sum.
        self.stored = self.stored.saturating_add(u64::from(stored_len));
    }

    /// The table, and the digest for [`crate::BlockTable::digest`].
    pub fn finish(self) -> (Vec<u8>, Digest) {
        let mut levels = alloc::vec![self.records];
        let (mut starts, mut record_len) = (self.starts, BLOCK_RECORD);
        loop {
            let below = levels.last().map_or(&[][..], Vec::as_slice);
            let pages = below.chunks(record_len << PAGE_RECORDS_LOG2);
            let mut level = Vec::new();
            for (start, page) in starts.iter().zip(pages) {
                PageRecord { start: *start, digest: Digest::of(page) }.push_to(&mut level);
            }
            levels.push(level);
            if starts.len() <= 1 << PAGE_RECORDS_LOG2 {
                break;
            }
            starts = starts.into_iter().step_by(1 << PAGE_RECORDS_LOG2).collect();
            record_len = PAGE_RECORD;
        }
        let digest = Digest::of(levels.last().map_or(&[], Vec::as_slice));
        (levels.into_iter().rev().flatten().collect(), digest)
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
        let (top, page) = bytes.split_at(40);
        assert_eq!(Digest::of(top), digest);
        let records: Vec<_> =
            PageRecord::all(top).map(|record| (record.start, record.digest)).collect();
        assert_eq!(records, [(0, Digest::of(page))]);
        let records: Vec<_> =
            BlockRecord::all(page).map(|record| (record.stored_len, record.digest)).collect();
        assert_eq!(records, [(u32::MAX, Digest([1; 32]))]);
    }

    #[test]
    fn a_table_has_as_many_levels_as_it_takes() {
        let shape = |blocks: u64| TableShape::new(blocks << 12, 12).unwrap();
        let million = 1 << 20;
        for (blocks, top, len) in [
            (1, 1, 36 + 40),
            (1024, 1, 1024 * 36 + 40),
            (1025, 1, 1025 * 36 + 2 * 40),
            (million, 1, million * 36 + 1024 * 40),
            (million + 1, 2, (million + 1) * 36 + 1025 * 40 + 2 * 40),
        ] {
            let shape = shape(blocks);
            assert_eq!((shape.top(), shape.table_len()), (top, len), "{blocks}");
        }
        let shape = shape(million + 1);
        assert_eq!(shape.page_extent(7, 2, 0), Extent { start: 7, len: 80 });
        assert_eq!(shape.page_extent(7, 1, 1), Extent { start: 7 + 80 + 40 * 1024, len: 40 });
        let last = shape.table_len() - 36;
        assert_eq!(shape.page_extent(7, 0, 1024), Extent { start: 7 + last, len: 36 });
        assert_eq!((shape.page_of(0, million), shape.page_of(1, million)), (1024, 1));
        assert_eq!(shape.page_of(2, million), 0);
        let largest = TableShape::new(u64::MAX, 12).unwrap();
        assert_eq!((largest.top(), largest.content(u64::MAX >> 12).end), (5, u64::MAX));

        let mut table = BlockTableBuilder::new();
        (0..=million).for_each(|n| table.push(n as u32 % 3 + 1, Digest([n as u8; 32])));
        let (bytes, digest) = table.finish();
        assert_eq!(bytes.len() as u64, shape.table_len());
        let page = |level, page| {
            let Extent { start, len } = shape.page_extent(0, level, page);
            &bytes[start as usize..][..len as usize]
        };
        assert_eq!(Digest::of(page(2, 0)), digest);
        let top: Vec<_> = PageRecord::all(page(2, 0)).collect();
        assert_eq!(top[1].digest, Digest::of(page(1, 1)));
        let middle: Vec<_> = PageRecord::all(page(1, 1)).collect();
        assert_eq!(middle[0].digest, Digest::of(page(0, 1024)));
        assert_eq!((top[0].start, top[1].start, middle[0].start), (0, 2_097_151, 2_097_151));
    }
}
