//! The root page's header: everything about the pack as a whole (FORMAT.md, "Root page").

use super::hash::HashSection;
use super::put::{Put, to_u16};
use super::record::{totals_from, totals_to_bytes};
use super::section::{SECTION_LEN, Section};
use super::trailer::TRAILER_HEADER_LEN;
use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};
use crate::extent::Extent;
use crate::tag::Tag;
use crate::{Digest, Totals};
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

/// Length of the root page's header, in bytes: the table of sections begins behind it.
pub(super) const ROOT_HEADER_LEN: usize = 96;

/// The root page's header and table of sections: everything about the pack as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Length of each page in bytes.
    pub page_size: u32,
    /// Number of entries.
    pub entries: u64,
    /// How many of the files are symbolic links.
    pub symlinks: u64,
    /// Totals of the root directory.
    pub totals: Totals,
    /// What is in the pack, whatever its layout and times (FORMAT.md, "Tree digests"); `None` when not known.
    pub tree_digest: Option<Digest>,
    /// The parts of the file. Change them by [`Header::with_sections`] alone.
    sections: Vec<Section>,
    /// The section of pages, and how many these are.
    pages: Extent,
    page_count: u32,
    hash: Option<HashSection>,
}

impl Header {
    /// A header without sections.
    pub(crate) fn new(entries: u64, symlinks: u64, totals: Totals) -> Header {
        Header {
            page_size: PAGE_SIZE,
            entries,
            symlinks,
            totals,
            tree_digest: None,
            sections: Vec::new(),
            pages: NOTHING,
            page_count: 0,
            hash: None,
        }
    }

    /// Reads header and table at the beginning of an unmasked root page, which lies at `start` in its file;
    /// also returns where the node begins.
    ///
    /// # Errors
    /// [`Error::UnsupportedSection`]; [`Error::Truncated`], [`Error::BadField`] and
    /// [`Error::OutOfBounds`] when the header contradicts itself or the file.
    pub fn from_bytes(root: &[u8], start: u64) -> Result<(Header, usize)> {
        let bad =
            |field, value| Err(Error::BadField { structure: Structure::RootHeader, field, value });
        let mut cursor = Cursor::new(Structure::RootHeader, root);
        let _mask = cursor.u8()?;
        let section_len = usize::from(cursor.u8()?);
        let header_len = usize::from(cursor.u16()?);
        let section_count = cursor.u16()?;
        let _reserved = cursor.u16()?;
        let page_size = cursor.u32()?;
        let _reserved = cursor.u32()?;
        let (entries, symlinks) = (cursor.u64()?, cursor.u64()?);
        let totals = totals_from(&mut cursor)?;
        let tree_digest = Digest(cursor.array()?).known();
        // What a later version appended is skipped.
        let Some(more) = header_len.checked_sub(ROOT_HEADER_LEN) else {
            return bad("header_len", header_len as u64);
        };
        cursor.take(more)?;
        if section_len < SECTION_LEN {
            return bad("section_len", section_len as u64);
        }
        let mut sections: Vec<Section> = Vec::new();
        let mut unsupported = None;
        for _ in 0..section_count {
            let section = Section::from_bytes(cursor.take(section_len)?, start)?;
            if sections.iter().any(|other| other.tag == section.tag) {
                return bad("tag", u64::from(u32::from_le_bytes(section.tag.0)));
            }
            if section.is_required() && !section.is_known() {
                unsupported = unsupported.or(Some(section.tag));
            }
            sections.push(section);
        }
        // What a required section means for the rest is not known.
        if let Some(tag) = unsupported {
            return Err(Error::UnsupportedSection { tag });
        }
        if !(MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(&page_size) || !page_size.is_power_of_two() {
            return bad("page_size", u64::from(page_size));
        }
        // A known section without bytes is the same as none.
        sections.retain(|section| section.extent.len > 0 || !section.is_known());
        let node = root.len().saturating_sub(cursor.rest().len());
        let header = Header { page_size, tree_digest, ..Header::new(entries, symlinks, totals) };
        Ok((header.with_sections(sections)?, node))
    }

    /// The header with these parts of the file.
    ///
    /// # Errors
    /// [`Error::BadField`] when pages are cut off, or more than can be numbered.
    pub(crate) fn with_sections(mut self, sections: Vec<Section>) -> Result<Header> {
        self.sections = sections;
        self.pages = self.extent(Tag::TREE);
        let size = u64::from(self.page_size);
        let count =
            self.pages.len.checked_div(size).filter(|_| self.pages.len.is_multiple_of(size));
        let Some(count) = count.and_then(|count| u32::try_from(count).ok()) else {
            let (structure, value) = (Structure::Section, self.pages.len);
            return Err(Error::BadField { structure, field: "length of the pages", value });
        };
        self.page_count = count;
        let hash = HashSection::new(self.extent(Tag::HASH));
        self.hash = (hash.slots > 0).then_some(hash);
        Ok(self)
    }

    /// How long header and table are with so many sections, in bytes.
    pub(crate) fn len_with(sections: usize) -> usize {
        sections.saturating_mul(SECTION_LEN).saturating_add(ROOT_HEADER_LEN)
    }

    /// The bytes of header and table, mask 0.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are too many sections.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut header = [0u8; ROOT_HEADER_LEN];
        let mut put = Put { out: &mut header };
        // Both are constants that fit.
        put.bytes(&[0, u8::try_from(SECTION_LEN).unwrap_or(0)]);
        put.bytes(&u16::try_from(ROOT_HEADER_LEN).unwrap_or(0).to_le_bytes());
        put.bytes(&to_u16("number of sections", self.sections.len())?.to_le_bytes());
        put.bytes(&[0; 2]);
        put.bytes(&self.page_size.to_le_bytes());
        put.bytes(&[0; 4]);
        put.bytes(&self.entries.to_le_bytes());
        put.bytes(&self.symlinks.to_le_bytes());
        put.bytes(&totals_to_bytes(&self.totals));
        put.bytes(&Digest::or_zeros(self.tree_digest));
        let mut out = header.to_vec();
        self.sections.iter().for_each(|section| out.extend(section.to_bytes()));
        Ok(out)
    }

    /// The parts of the file, in the order of the table.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section with this tag, if there is one.
    pub fn section(&self, tag: Tag) -> Option<&Section> {
        self.sections.iter().find(|section| section.tag == tag)
    }

    /// Where the section with this tag lies; empty when there is none.
    pub fn extent(&self, tag: Tag) -> Extent {
        self.section(tag).map_or(NOTHING, |section| section.extent)
    }

    /// Payloads, block tables and attribute blocks of this file end here.
    pub fn payload_end(&self) -> u64 {
        self.extent(Tag::DATA).end()
    }

    /// The CTNRv1 trailer, magic and length included; empty when the pack has none.
    pub fn trailer(&self) -> Extent {
        let text = self.extent(Tag::TRAILER);
        let header = if text.len > 0 { TRAILER_HEADER_LEN as u64 } else { 0 };
        let start = text.start.saturating_sub(header);
        Extent { start, len: text.end().saturating_sub(start) }
    }

    /// The hash section, when there is one.
    #[inline]
    pub fn hash(&self) -> Option<HashSection> {
        self.hash
    }

    /// Where the pages lie: leaves first, then inner pages, level by level.
    pub fn pages(&self) -> Extent {
        self.pages
    }

    /// Number of pages.
    #[inline]
    pub fn page_count(&self) -> u32 {
        self.page_count
    }

    /// Where page `number` lies.
    #[inline]
    pub fn page(&self, number: u32) -> Result<Extent> {
        if number >= self.page_count {
            return Err(Error::BadField {
                structure: Structure::Inner,
                field: "first_child",
                value: u64::from(number),
            });
        }
        let size = u64::from(self.page_size);
        let start = self.pages.start.saturating_add(u64::from(number).saturating_mul(size));
        Ok(Extent { start, len: size })
    }
}

/// Where a section lies that is not there.
const NOTHING: Extent = Extent { start: 0, len: 0 };

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

    fn header() -> Header {
        let totals = Totals { files: 1, directories: 2, bytes: 3, stored_bytes: 4 };
        let section = |tag, start, len| Section::new(tag, Extent { start, len }, None);
        let sections = vec![
            section(Tag::DATA, 0, 500),
            section(Tag::HASH, 500, 13),
            section(Tag::TREE, 600, 2 * u64::from(PAGE_SIZE)),
        ];
        let header = Header::new(5, 6, totals).with_sections(sections).unwrap();
        Header { tree_digest: Some(Digest([9; 32])), ..header }
    }

    #[test]
    fn a_header_round_trips() {
        let bytes = header().to_bytes().unwrap();
        assert_eq!(bytes.len(), Header::len_with(3));
        assert_eq!(Header::from_bytes(&bytes, 70_000), Ok((header(), bytes.len())));
        let header = header();
        assert_eq!((header.payload_end(), header.page_count()), (500, 2));
        assert_eq!(header.page(1), Ok(Extent { start: 600 + 32_768, len: 32_768 }));
        assert!(header.page(2).is_err());
        assert_eq!(header.hash(), Some(HashSection { offset: 500, slots: 2 }));
        assert_eq!(header.trailer().len, 0);
        for cut in 0..bytes.len() {
            assert!(Header::from_bytes(&bytes[..cut], 70_000).is_err());
        }
        // Sections reach into the root page.
        assert!(Header::from_bytes(&bytes, 66_135).is_err());
    }

    #[test]
    fn longer_headers_and_records_are_skipped() {
        let bytes = header().to_bytes().unwrap();
        let (head, table) = bytes.split_at(96);
        let records: Vec<u8> =
            table.chunks(56).flat_map(|record| [record, &[7; 4]].concat()).collect();
        let mut longer = [head, &[7; 10], &records].concat();
        longer[1] = 60;
        longer[2] = 106;
        assert_eq!(Header::from_bytes(&longer, 70_000), Ok((header(), longer.len())));
        let mut twice = [&bytes[..], &table[..56]].concat();
        twice[4] = 4;
        assert!(Header::from_bytes(&twice, 70_000).is_err());
        for (place, value) in [(1, 55), (2, 95), (9, 0x81), (10, 2)] {
            let mut wrong = bytes.clone();
            wrong[place] = value;
            assert!(Header::from_bytes(&wrong, 70_000).is_err(), "{place}");
        }
        let cut = Section::new(Tag::TREE, Extent { start: 0, len: 32_769 }, None);
        assert!(header().with_sections(vec![cut]).is_err());
    }
}
