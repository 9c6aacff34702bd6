//! The record of an entry: fields that only some entries have (FORMAT.md, "Leaf pages").
//!
//! Each value is written by the function above the one that reads it.

use super::put::{Put, to_u16};
use crate::bytes::Cursor;
use crate::entry::{AttributeBlock, MAX_ATTRIBUTES};
use crate::error::{Error, Result, Structure};
use crate::path::MAX_LINK_TARGET;
use crate::{BlockTable, Codec, Digest, Entry, Kind, Totals};
use alloc::vec::Vec;

/// What a field says, by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Field {
    Target = 1,
    Totals = 2,
    Blocks = 3,
    HardLink = 4,
    Sparse = 5,
    Attributes = 6,
}

/// The fields that are known here: tag, length if all have the same, whether the entry means nothing without it.
const KNOWN: [(Field, Option<usize>, bool); 6] = [
    (Field::Target, None, true),
    (Field::Totals, Some(TOTALS_LEN), true),
    (Field::Blocks, Some(41), false),
    (Field::HardLink, Some(8), false),
    (Field::Sparse, Some(0), false),
    (Field::Attributes, Some(44), false),
];

/// A reader that does not know the field cannot do anything with the entry.
const REQUIRED: u8 = 1;
/// Length of a field's tag, flags and length, in bytes.
const FIELD_HEADER: usize = 4;
const TOTALS_LEN: usize = 32;

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Leaf, field, value })
}

/// The record of an entry, its fields found.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Record<'a> {
    values: [Option<&'a [u8]>; KNOWN.len()],
}

/// Takes fields in the order of their tags.
struct Fields<'o> {
    out: &'o mut Vec<u8>,
    /// Where the record begins.
    start: usize,
}

impl Fields<'_> {
    fn push(&mut self, field: Field, parts: &[&[u8]]) -> Result<()> {
        if self.out.len() == self.start {
            self.out.push(0);
        }
        if let Some(count) = self.out.get_mut(self.start) {
            *count = count.saturating_add(1);
        }
        let len = to_u16("length of a field", parts.iter().map(|part| part.len()).sum())?;
        let required = KNOWN.iter().any(|known| known.0 == field && known.2);
        self.out.extend_from_slice(&[field as u8, if required { REQUIRED } else { 0 }]);
        self.out.extend_from_slice(&len.to_le_bytes());
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
        Ok(())
    }
}

/// Appends the record of an entry to `out`; nothing when it needs none.
pub(super) fn push(entry: &Entry, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let mut fields = Fields { out, start };
    match &entry.kind {
        Kind::Symlink(target) => {
            if target.len() > MAX_LINK_TARGET {
                let (value, limit) = (target.len() as u64, MAX_LINK_TARGET as u64);
                return Err(Error::TooLarge { what: "length of a link's target", value, limit });
            }
            fields.push(Field::Target, &[target])?;
        }
        Kind::Directory(totals) => fields.push(Field::Totals, &[&totals_to_bytes(totals)])?,
        Kind::File(content) => {
            if let Some(table) = content.blocks {
                let (offset, log2) = (table.offset.to_le_bytes(), [table.block_log2]);
                fields.push(Field::Blocks, &[&offset, &log2, &table.digest.0])?;
            }
            if let Some(group) = content.hard_link {
                fields.push(Field::HardLink, &[&group.to_le_bytes()])?;
            }
            if content.sparse {
                fields.push(Field::Sparse, &[])?;
            }
        }
    }
    if let Some(block) = entry.attributes {
        let (offset, len) = (block.offset.to_le_bytes(), block.len.to_le_bytes());
        fields.push(Field::Attributes, &[&offset, &len, &block.digest.0])?;
    }
    Ok(())
}

impl<'a> Record<'a> {
    /// Finds the fields of the record with which `bytes` begin.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Record<'a>> {
        let mut cursor = Cursor::new(Structure::Leaf, bytes);
        let count = cursor.u8()?;
        if count == 0 {
            return bad("fields", 0);
        }
        let mut record = Record::default();
        let mut unknown = None;
        let mut last = None;
        for _ in 0..count {
            let [tag, flags] = cursor.array()?;
            let len = usize::from(cursor.u16()?);
            let value = cursor.take(len)?;
            if last.is_some_and(|last| tag <= last) {
                return bad("tag", u64::from(tag));
            }
            last = Some(tag);
            let required = flags & REQUIRED != 0;
            let known = KNOWN.iter().zip(&mut record.values).find(|(k, _)| k.0 as u8 == tag);
            match known {
                Some((known, place)) => {
                    if known.1.is_some_and(|expected| expected != len) || known.2 != required {
                        return bad("field", u64::from(tag));
                    }
                    *place = Some(value);
                }
                None if required => unknown = unknown.or(Some(tag)),
                None => {}
            }
        }
        match unknown {
            Some(tag) => Err(Error::UnsupportedField { tag }),
            None => Ok(record),
        }
    }

    fn get(&self, field: Field) -> Option<Cursor<'a>> {
        // They stand in the order of their tags, which count from 1.
        let place = usize::from(field as u8).checked_sub(1)?;
        let value = (*self.values.get(place)?)?;
        Some(Cursor::new(Structure::Leaf, value))
    }

    /// Fails when there is a field that an entry of this kind cannot have.
    pub(super) fn fits(&self, is_file: bool, is_directory: bool, codec: Codec) -> Result<()> {
        for (known, value) in KNOWN.iter().zip(&self.values) {
            let fits = match known.0 {
                Field::Target => !is_file && !is_directory,
                Field::Totals => is_directory,
                Field::Blocks => is_file && codec != Codec::Deflate,
                Field::HardLink | Field::Sparse => is_file,
                Field::Attributes => true,
            };
            if value.is_some() && !fits {
                return bad("field", known.0 as u64);
            }
        }
        Ok(())
    }

    /// Target of a symbolic link.
    pub(super) fn target(&self) -> Result<&'a [u8]> {
        let target = self.get(Field::Target).map_or(&[][..], |value| value.rest());
        if target.is_empty() || target.len() > MAX_LINK_TARGET {
            return bad("target", target.len() as u64);
        }
        if memchr::memchr(0, target).is_some() {
            return bad("target", 0);
        }
        Ok(target)
    }

    /// Totals of a directory.
    pub(super) fn totals(&self) -> Result<Totals> {
        let Some(mut value) = self.get(Field::Totals) else { return bad("totals", 0) };
        totals_from(&mut value)
    }

    /// Place of a file's block table.
    pub(super) fn blocks(&self) -> Result<Option<BlockTable>> {
        let Some(mut value) = self.get(Field::Blocks) else { return Ok(None) };
        let (offset, block_log2) = (value.u64()?, value.u8()?);
        Ok(Some(BlockTable { offset, block_log2, digest: Digest(value.array()?) }))
    }

    /// Number of a file's group of hard links.
    pub(super) fn hard_link(&self) -> Result<Option<u64>> {
        match self.get(Field::HardLink).map(|mut value| value.u64()).transpose()? {
            Some(0) => bad("hard link", 0),
            group => Ok(group),
        }
    }

    /// Whether a file had holes.
    pub(super) fn sparse(&self) -> bool {
        self.get(Field::Sparse).is_some()
    }

    /// Place of the entry's attribute block.
    pub(super) fn attributes(&self) -> Result<Option<AttributeBlock>> {
        let Some(mut value) = self.get(Field::Attributes) else { return Ok(None) };
        let (offset, len) = (value.u64()?, value.u32()?);
        if len == 0 || len > MAX_ATTRIBUTES {
            return bad("length of an attribute block", u64::from(len));
        }
        Ok(Some(AttributeBlock { offset, len, digest: Digest(value.array()?) }))
    }
}

/// The sums of a directory, in a record or in the root page's header.
pub(super) fn totals_to_bytes(totals: &Totals) -> [u8; TOTALS_LEN] {
    let mut out = [0u8; TOTALS_LEN];
    let mut put = Put { out: &mut out };
    for sum in [totals.files, totals.directories, totals.bytes, totals.stored_bytes] {
        put.bytes(&sum.to_le_bytes());
    }
    out
}

pub(super) fn totals_from(cursor: &mut Cursor<'_>) -> Result<Totals> {
    Ok(Totals {
        files: cursor.u64()?,
        directories: cursor.u64()?,
        bytes: cursor.u64()?,
        stored_bytes: cursor.u64()?,
    })
}

/// Where the totals lie in a directory's record. They are its first field: no field of a lower tag fits
/// a directory.
pub(super) const TOTALS_PLACE: core::ops::Range<usize> =
    1 + FIELD_HEADER..1 + FIELD_HEADER + TOTALS_LEN;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Content;
    use crate::path::PackPathBuf;
    use alloc::vec;

    fn file() -> Content {
        let blocks = Some(BlockTable { offset: 9, digest: Digest([8; 32]), block_log2: 18 });
        Content::new(Codec::Zstd, 1, 2, 3)
            .with_blocks(blocks)
            .with_hard_link(Some(3))
            .with_sparse(true)
    }

    fn record_of(kind: Kind) -> Vec<u8> {
        let path = PackPathBuf::new(b"a".to_vec()).unwrap();
        let block = AttributeBlock { offset: 5, len: 6, digest: Digest([4; 32]) };
        let mut out = vec![];
        push(&Entry::new(path, kind).with_attributes(Some(block)), &mut out).unwrap();
        out
    }

    #[test]
    fn every_field_comes_back() {
        let bytes = record_of(Kind::File(file()));
        let record = Record::parse(&bytes).unwrap();
        record.fits(true, false, Codec::Zstd).unwrap();
        assert!(record.fits(true, false, Codec::Deflate).is_err());
        assert!(record.fits(false, true, Codec::Stored).is_err());
        assert_eq!(record.blocks(), Ok(file().blocks));
        assert_eq!((record.hard_link(), record.sparse()), (Ok(Some(3)), true));
        let block = AttributeBlock { offset: 5, len: 6, digest: Digest([4; 32]) };
        assert_eq!(record.attributes(), Ok(Some(block)));
        assert!(record.target().is_err() && record.totals().is_err());
        for cut in 0..bytes.len() {
            assert!(Record::parse(&bytes[..cut]).is_err(), "{cut}");
        }

        let totals = Totals { files: 1, directories: 2, bytes: 3, stored_bytes: 4 };
        let bytes = record_of(Kind::Directory(totals));
        assert_eq!(Record::parse(&bytes).unwrap().totals(), Ok(totals));
        assert_eq!(bytes[TOTALS_PLACE], totals_to_bytes(&totals));
        let bytes = record_of(Kind::Symlink(b"to".to_vec()));
        assert_eq!(Record::parse(&bytes).unwrap().target(), Ok(&b"to"[..]));
    }

    #[test]
    fn unknown_fields_are_skipped_unless_they_are_required() {
        let record = |flags| [&[1u8, 200, flags, 2, 0][..], b"??"].concat();
        assert!(Record::parse(&record(0)).is_ok());
        assert!(Record::parse(&record(2)).is_ok());
        assert_eq!(Record::parse(&record(1)).err(), Some(Error::UnsupportedField { tag: 200 }));
        // Out of order, twice, none, a false length.
        for bytes in [
            &[2u8, 5, 0, 0, 0, 5, 0, 0, 0][..],
            &[2, 200, 0, 0, 0, 6, 0, 0, 0],
            &[0],
            &[1, 5, 0, 1, 0, 9],
            &[1, 5, 1, 0, 0],
        ] {
            assert!(Record::parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
