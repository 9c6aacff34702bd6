//! The table of volumes: packs that hold payloads, so many that nobody reads all their names (FORMAT.md, "Table of volumes").

use super::put::{sum, to_u16, to_u32};
use super::volumes::{Volume, is_plain};
use super::{BlockTableBuilder, TableShape};
use crate::bytes::Cursor;
use crate::digest::Digest;
use crate::entry::{BlockTable, Codec, Content};
use crate::error::{Error, Result, Structure};
use alloc::vec::Vec;
use core::ops::Range;

/// Length of the section "vtab", in bytes.
const LEN: usize = 56;

/// Length of a record without the name, in bytes.
const FIXED: u16 = 42;

/// The longest name, in bytes.
const MAX_NAME: usize = 8192;

/// Where the table of volumes lies, whose records are read one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeTable {
    /// How many volumes there are; the first has number 1.
    pub count: u32,
    /// Length of each record, in bytes.
    pub record_len: u16,
    /// The records, as content with a block table.
    pub content: Content,
}

impl VolumeTable {
    /// Log2 of the block size with which it is written: 16 KiB.
    pub const BLOCK_LOG2: u8 = 14;

    /// A table of `count` records of this length that lies at `offset`, with blocks that these tell of.
    pub fn new(count: u32, record_len: u16, offset: u64, blocks: BlockTable) -> VolumeTable {
        let len = u64::from(count).saturating_mul(record_len.into());
        let content = Content::new(Codec::Stored, offset, len, len).with_blocks(Some(blocks));
        VolumeTable { count, record_len, content }
    }

    /// The section "vrec" that begins at `offset`, with the records of these volumes and their block table, and where they lie.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are too many, or a name is too long.
    pub fn write(volumes: &[Volume], offset: u64) -> Result<(Vec<u8>, VolumeTable)> {
        let count = to_u32("number of volumes", volumes.len() as u64)?;
        let (mut bytes, record_len) = VolumeTable::records(volumes)?;
        let mut builder = BlockTableBuilder::new();
        for block in bytes.chunks(1 << VolumeTable::BLOCK_LOG2) {
            builder.push(to_u32("length of a block", block.len() as u64)?, Digest::of(block));
        }
        let (table, digest) = builder.finish();
        let start = sum("length of the file", [offset, bytes.len() as u64])?;
        bytes.extend(table);
        let blocks = BlockTable { offset: start, digest, block_log2: VolumeTable::BLOCK_LOG2 };
        Ok((bytes, VolumeTable::new(count, record_len, offset, blocks)))
    }

    /// The records of these volumes, and the length of each.
    fn records(volumes: &[Volume]) -> Result<(Vec<u8>, u16)> {
        let longest = volumes.iter().map(|volume| volume.name.len()).max().unwrap_or(0);
        if longest > MAX_NAME {
            let (what, limit) = ("length of a volume's name", MAX_NAME as u64);
            return Err(Error::TooLarge { what, value: longest as u64, limit });
        }
        let record_len =
            to_u16("length of a volume's record", longest.saturating_add(FIXED.into()))?;
        let mut out = Vec::new();
        for volume in volumes {
            out.extend(volume.digest.unwrap_or(Digest([0; 32])).0);
            out.extend(volume.len.to_le_bytes());
            out.extend(to_u16("length of a volume's name", volume.name.len())?.to_le_bytes());
            out.extend(&volume.name);
            let padding = longest.saturating_sub(volume.name.len());
            out.extend(core::iter::repeat_n(0, padding));
        }
        Ok((out, record_len))
    }

    /// The bytes of the section "vtab".
    pub fn to_bytes(&self) -> Vec<u8> {
        let none = BlockTable { offset: 0, block_log2: 0, digest: Digest([0; 32]) };
        let blocks = self.content.blocks.unwrap_or(none);
        let mut out = Vec::with_capacity(LEN);
        out.extend(self.count.to_le_bytes());
        out.extend(self.record_len.to_le_bytes());
        out.extend([blocks.block_log2, 0]);
        out.extend(self.content.offset.to_le_bytes());
        out.extend(blocks.offset.to_le_bytes());
        out.extend(blocks.digest.0);
        out
    }

    /// Reads the section "vtab".
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::TrailingBytes`], and [`Error::BadField`] when there are no volumes, records are too short,
    /// or blocks of a size that there is not.
    pub fn from_bytes(bytes: &[u8]) -> Result<VolumeTable> {
        let structure = Structure::Volumes;
        let mut cursor = Cursor::new(structure, bytes);
        let count = cursor.u32()?;
        let record_len = cursor.u16()?;
        let [block_log2, _] = cursor.array()?;
        let offset = cursor.u64()?;
        let table = cursor.u64()?;
        let digest = cursor.array().map(Digest)?;
        if !cursor.rest().is_empty() {
            return Err(Error::TrailingBytes { structure, len: LEN as u64 });
        }
        if count == 0 {
            return Err(Error::BadField { structure, field: "count", value: 0 });
        }
        if record_len <= FIXED {
            let value = record_len.into();
            return Err(Error::BadField { structure, field: "record_len", value });
        }
        let blocks = BlockTable { offset: table, block_log2, digest };
        let table = VolumeTable::new(count, record_len, offset, blocks);
        TableShape::new(table.content.size, block_log2)?;
        Ok(table)
    }

    /// Where the record of a volume lies among the records; `None` when there is none of this number.
    pub(crate) fn record(&self, number: u32) -> Option<Range<u64>> {
        let before = u64::from(number.checked_sub(1).filter(|_| number <= self.count)?);
        let start = before.checked_mul(self.record_len.into())?;
        Some(start..start.checked_add(self.record_len.into())?)
    }

    /// What the record of volume `number` says.
    pub(crate) fn read_record(number: u32, bytes: &[u8]) -> Result<Volume> {
        let structure = Structure::Volumes;
        let mut cursor = Cursor::new(structure, bytes);
        let digest = cursor.array().map(Digest)?;
        let len = cursor.u64()?;
        let name_len = cursor.u16()?;
        let name = cursor.take(usize::from(name_len))?;
        if name.len() > MAX_NAME || !name.split(|byte| *byte == b'/').all(is_plain) {
            return Err(Error::BadField { structure, field: "name", value: number.into() });
        }
        let digest = (digest != Digest([0; 32])).then_some(digest);
        Ok(Volume { digest, ..Volume::new(name.to_vec(), len) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back() {
        let blocks = BlockTable { offset: 9, block_log2: 14, digest: Digest([7; 32]) };
        let table = VolumeTable::new(3, 50, 5, blocks);
        let bytes = table.to_bytes();
        assert_eq!(bytes.len(), LEN);
        assert_eq!(VolumeTable::from_bytes(&bytes), Ok(table));
        for cut in 0..bytes.len() {
            assert!(VolumeTable::from_bytes(&bytes[..cut]).is_err());
        }
        assert!(VolumeTable::from_bytes(&[&bytes[..], b"?"].concat()).is_err());
        for wrong in [VolumeTable { count: 0, ..table }, VolumeTable { record_len: 42, ..table }] {
            assert!(VolumeTable::from_bytes(&wrong.to_bytes()).is_err());
        }
    }

    #[test]
    fn names_stay_below_the_folder() {
        let read = |name: &str| {
            let volume = Volume { digest: Some(Digest([1; 32])), ..Volume::new(name.into(), 7) };
            let (bytes, len) = VolumeTable::records(core::slice::from_ref(&volume)).unwrap();
            assert_eq!(bytes.len(), usize::from(len));
            VolumeTable::read_record(1, &bytes).map(|read| assert_eq!(read, volume))
        };
        for name in ["a.pack", "parts/a.pack", "a/b/c"] {
            assert_eq!(read(name), Ok(()), "{name}");
        }
        for name in ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", r"a\b", "c:/a", "a/nul"] {
            assert!(read(name).is_err(), "{name}");
        }
    }
}
