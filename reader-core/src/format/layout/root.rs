//! The root page's header: everything about the pack as a whole (FORMAT.md, "Root page").

use super::entry::totals_to_bytes;
use super::hash::HashSection;
use super::put::{to_u16, to_u32};
use crate::Totals;
use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};
use crate::extent::Extent;
use alloc::vec::Vec;

/// The root page is at most this long, in bytes, so that one read of 64 KiB at the tail brings it and the
/// footer.
pub const MAX_ROOT: usize = 48 << 10;
/// Length of the pages written here, in bytes.
pub const PAGE_SIZE: u32 = 32 << 10;
/// Pages may be as long as this, in bytes.
const MAX_PAGE_SIZE: u32 = 64 << 10;
/// Pages are at least this long, in bytes, so that one entry of any kind fits.
const MIN_PAGE_SIZE: u32 = 32 << 10;

/// Required feature: payloads lie in other files, which the root page names.
pub(crate) const REQUIRES_VOLUMES: u64 = 1;
/// All required features known here.
const KNOWN_REQUIRED: u64 = REQUIRES_VOLUMES;
/// Optional feature: there is a hash section, which the header names.
pub(crate) const HAS_HASH: u64 = 1;

/// Length of the root page's header without the names of volumes, in bytes.
pub(super) const ROOT_HEADER_LEN: usize = 112;

/// The root page's header: everything about the pack as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Feature bits that a reader must know.
    pub required: u64,
    /// Feature bits that a reader may ignore.
    pub optional: u64,
    /// Length of each page in bytes.
    pub page_size: u32,
    /// Number of pages: leaves first, then inner pages, level by level.
    pub page_count: u32,
    /// Where the first page lies.
    pub pages_offset: u64,
    /// Payloads and block tables of this file end here.
    pub payload_end: u64,
    /// The CTNRv1 trailer, magic and length included; empty when the pack has none.
    pub trailer: Extent,
    /// Number of entries.
    pub entries: u64,
    /// How many of the files are symbolic links.
    pub symlinks: u64,
    /// Totals of the root directory.
    pub totals: Totals,
    /// Other files that hold payloads: volume 1 is the first of them.
    pub volumes: Vec<Volume>,
    /// The hash section, when there is one.
    pub hash: Option<HashSection>,
}

/// Another file that holds payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// Its name, a plain file name: it lies in the same directory as the pack.
    pub name: Vec<u8>,
    /// Its length in bytes.
    pub len: u64,
}

impl Volume {
    /// The file `name`, `len` bytes long.
    pub fn new(name: Vec<u8>, len: u64) -> Volume {
        Volume { name, len }
    }
}

impl Header {
    /// Reads a header at the beginning of an unmasked root page; also returns its length.
    ///
    /// # Errors
    /// [`Error::UnsupportedFeatures`]; [`Error::Truncated`], [`Error::BadField`] and
    /// [`Error::OutOfBounds`] when the header contradicts itself or the file of `file_len` bytes.
    pub fn from_bytes(root: &[u8], file_len: u64) -> Result<(Header, usize)> {
        let bad =
            |field, value| Err(Error::BadField { structure: Structure::RootHeader, field, value });
        let mut cursor = Cursor::new(Structure::RootHeader, root);
        let _mask = cursor.u8()?;
        let reserved = cursor.u8()?;
        let header_len = usize::from(cursor.u16()?);
        let page_size = cursor.u32()?;
        let required = cursor.u64()?;
        let unknown = required & !KNOWN_REQUIRED;
        if unknown != 0 {
            return Err(Error::UnsupportedFeatures { bits: unknown });
        }
        let optional = cursor.u64()?;
        let pages_offset = cursor.u64()?;
        let page_count = cursor.u32()?;
        let volume_count = cursor.u32()?;
        let payload_end = cursor.u64()?;
        let trailer_offset = cursor.u64()?;
        let trailer_len = cursor.u64()?;
        let entries = cursor.u64()?;
        let symlinks = cursor.u64()?;
        let totals = Totals {
            files: cursor.u64()?,
            directories: cursor.u64()?,
            bytes: cursor.u64()?,
            stored_bytes: cursor.u64()?,
        };
        if reserved != 0 {
            return bad("reserved", u64::from(reserved));
        }
        if !(MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(&page_size) || !page_size.is_power_of_two() {
            return bad("page_size", u64::from(page_size));
        }
        let pages_len = u64::from(page_count).saturating_mul(u64::from(page_size));
        Extent::new(pages_offset, pages_len, file_len)?;
        let trailer = Extent::new(trailer_offset, trailer_len, file_len)?;
        Extent::new(0, payload_end, file_len)?;
        // Each volume takes at least 11 bytes, so a false count runs into the end of the root page.
        let mut volumes = Vec::new();
        for _ in 0..volume_count {
            let len = cursor.u64()?;
            let name_len = cursor.u16()?;
            let name = cursor.take(usize::from(name_len))?;
            if !crate::path::is_name(name) {
                return bad("volume name", u64::from(name_len));
            }
            volumes.push(Volume { name: name.to_vec(), len });
        }
        let mut hash = None;
        if optional & HAS_HASH != 0 {
            let section = HashSection { offset: cursor.u64()?, slots: cursor.u64()? };
            let extent = section.extent();
            Extent::new(extent.start, extent.len, file_len)?;
            hash = Some(section);
        }
        let read = root.len().saturating_sub(cursor.rest().len());
        // A later minor version may append fields; they are skipped.
        if header_len < read || header_len > root.len() {
            return bad("header_len", header_len as u64);
        }
        let header = Header {
            required,
            optional,
            page_size,
            page_count,
            pages_offset,
            payload_end,
            trailer,
            entries,
            symlinks,
            totals,
            volumes,
            hash,
        };
        Ok((header, header_len))
    }

    /// The header's bytes, mask 0.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it would be longer than its fields can say: too many volumes, or names
    /// too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(ROOT_HEADER_LEN);
        let names: usize = self.volumes.iter().map(|v| v.name.len().saturating_add(10)).sum();
        let appended = if self.hash.is_some() { 16 } else { 0 };
        let header_len = ROOT_HEADER_LEN.saturating_add(names).saturating_add(appended);
        out.extend([0, 0]);
        out.extend(to_u16("header_len", header_len)?.to_le_bytes());
        out.extend(self.page_size.to_le_bytes());
        out.extend(self.required.to_le_bytes());
        out.extend(self.optional.to_le_bytes());
        out.extend(self.pages_offset.to_le_bytes());
        out.extend(self.page_count.to_le_bytes());
        out.extend(to_u32("volume_count", self.volumes.len() as u64)?.to_le_bytes());
        out.extend(self.payload_end.to_le_bytes());
        out.extend(self.trailer.start.to_le_bytes());
        out.extend(self.trailer.len.to_le_bytes());
        out.extend(self.entries.to_le_bytes());
        out.extend(self.symlinks.to_le_bytes());
        out.extend(totals_to_bytes(&self.totals));
        for volume in &self.volumes {
            out.extend(volume.len.to_le_bytes());
            out.extend(to_u16("length of a volume's name", volume.name.len())?.to_le_bytes());
            out.extend(&volume.name);
        }
        if let Some(hash) = &self.hash {
            out.extend(hash.offset.to_le_bytes());
            out.extend(hash.slots.to_le_bytes());
        }
        Ok(out)
    }

    /// Where page `number` lies.
    pub fn page(&self, number: u32) -> Result<Extent> {
        if number >= self.page_count {
            return Err(Error::BadField {
                structure: Structure::Inner,
                field: "first_child",
                value: u64::from(number),
            });
        }
        let size = u64::from(self.page_size);
        let start = self.pages_offset.saturating_add(u64::from(number).saturating_mul(size));
        Ok(Extent { start, len: size })
    }
}

/// Masks (or unmasks) a root page: the first byte is the mask, the others are combined with it.
pub(crate) fn apply_mask(root: &mut [u8], mask: u8) {
    if let Some((first, rest)) = root.split_first_mut() {
        *first = mask;
        for byte in rest {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_header_round_trips() {
        let header = Header {
            required: REQUIRES_VOLUMES,
            optional: 0,
            page_size: PAGE_SIZE,
            page_count: 2,
            pages_offset: 7,
            payload_end: 5,
            trailer: Extent { start: 8, len: 9 },
            entries: 10,
            symlinks: 3,
            totals: Totals { files: 1, directories: 2, bytes: 3, stored_bytes: 4 },
            volumes: vec![Volume { name: b"x.container".to_vec(), len: 99 }],
            hash: None,
        };
        let hash = Some(HashSection { offset: 70_000, slots: 5000 });
        let with_hash = Header { optional: HAS_HASH, hash, ..header.clone() };
        for header in [&header, &with_hash] {
            let bytes = header.to_bytes().unwrap();
            assert_eq!(Header::from_bytes(&bytes, 100_000), Ok((header.clone(), bytes.len())));
        }
        // Slots that reach past the end of the file.
        for slots in [5001, u64::MAX] {
            let hash = Some(HashSection { offset: 70_000, slots });
            let bytes = Header { hash, ..with_hash.clone() }.to_bytes().unwrap();
            assert!(Header::from_bytes(&bytes, 100_000).is_err());
        }
        let bytes = header.to_bytes().unwrap();
        for cut in 0..bytes.len() {
            assert!(Header::from_bytes(&bytes[..cut], 100_000).is_err());
        }
        // Pages that reach past the end of the file.
        assert!(Header::from_bytes(&bytes, 1000).is_err());
        let name = vec![b'n'; 65_400];
        let volumes = vec![Volume { name, len: 1 }, Volume { name: vec![b'm'; 100], len: 1 }];
        let (what, value, limit) = ("header_len", 112 + 65_410 + 110, 65_535);
        let too_large = Err(Error::TooLarge { what, value, limit });
        assert_eq!(Header { volumes, ..header.clone() }.to_bytes(), too_large);
        let newer = Header { required: 1 << 40, ..header };
        assert_eq!(
            Header::from_bytes(&newer.to_bytes().unwrap(), 100_000),
            Err(Error::UnsupportedFeatures { bits: 1 << 40 })
        );
    }
}
