//! The table of sections: everything in the file besides root page and footer (FORMAT.md, "Sections").

use super::put::Put;
use crate::Digest;
use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};
use crate::extent::Extent;
use crate::tag::Tag;

/// Length of a record of the table, in bytes.
pub(crate) const SECTION_LEN: usize = 56;

/// The flags that a section must have, if its tag is known.
fn flags_of(tag: Tag) -> Option<u8> {
    Some(match tag {
        Tag::DATA | Tag::TREE | Tag::VOLUME_RECORDS => REQUIRED | NO_DIGEST,
        Tag::VOLUMES | Tag::VOLUME_TABLE => REQUIRED,
        Tag::HASH => DROPPABLE | NO_DIGEST,
        Tag::TRAILER => DROPPABLE,
        Tag::METADATA | Tag::PREVIOUS | Tag::DICTIONARIES => 0,
        _ => return None,
    })
}

/// Who does not know the section must not read the pack.
const REQUIRED: u8 = 1;
/// Who rewrites the pack and does not know the section leaves it out.
const DROPPABLE: u8 = 2;
/// The section is a hint, or its parts have digests elsewhere.
const NO_DIGEST: u8 = 4;

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// What it is.
    pub tag: Tag,
    flags: u8,
    /// Where it lies.
    pub extent: Extent,
    /// SHA-256 of its bytes; `None` when it is a hint, or its parts have digests elsewhere.
    pub digest: Option<Digest>,
}

impl Section {
    /// A section with the flags that its tag has. One whose tag is not known here is optional, and kept
    /// when a pack is rewritten. `digest` counts only where the tag wants one.
    pub fn new(tag: Tag, extent: Extent, digest: Option<Digest>) -> Section {
        let flags = flags_of(tag).unwrap_or(if digest.is_none() { NO_DIGEST } else { 0 });
        Section { tag, flags, extent, digest: digest.filter(|_| flags & NO_DIGEST == 0) }
    }

    /// The section as one that readers must know.
    #[must_use]
    pub fn required(mut self) -> Section {
        self.flags |= REQUIRED;
        self
    }

    /// The section as one that is left out when the pack is rewritten by who does not know it.
    #[must_use]
    pub fn droppable(mut self) -> Section {
        self.flags |= DROPPABLE;
        self
    }

    /// Whether a program that rewrites the pack may leave it out when it does not know it.
    pub fn is_droppable(&self) -> bool {
        self.flags & DROPPABLE != 0
    }

    /// Whether who does not know it must not read the pack.
    pub fn is_required(&self) -> bool {
        self.flags & REQUIRED != 0
    }

    /// Whether this reader knows what it is.
    pub fn is_known(&self) -> bool {
        flags_of(self.tag).is_some()
    }

    /// Reads a record of the table of a root page that begins at `end`.
    pub(super) fn from_bytes(record: &[u8], end: u64) -> Result<Section> {
        let mut cursor = Cursor::new(Structure::Section, record);
        let tag = Tag(cursor.array()?);
        let [flags, _, _, _] = cursor.array()?;
        let extent = Extent::new(cursor.u64()?, cursor.u64()?, end)?;
        let digest = Digest(cursor.array()?);
        let bad =
            |field, value| Err(Error::BadField { structure: Structure::Section, field, value });
        if !tag.0.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9')) {
            return bad("tag", u64::from(u32::from_le_bytes(tag.0)));
        }
        let known = REQUIRED | DROPPABLE | NO_DIGEST;
        if flags_of(tag).is_some_and(|expected| flags & known != expected) {
            return bad("flags", u64::from(flags));
        }
        if tag == Tag::DATA && extent.start != 0 {
            return bad("offset", extent.start);
        }
        let digest = (flags & NO_DIGEST == 0).then_some(digest);
        Ok(Section { tag, flags, extent, digest })
    }

    /// The record of the section.
    pub fn to_bytes(self) -> [u8; SECTION_LEN] {
        let mut out = [0u8; SECTION_LEN];
        let mut put = Put { out: &mut out };
        put.bytes(&self.tag.0);
        put.bytes(&[self.flags, 0, 0, 0]);
        put.bytes(&self.extent.start.to_le_bytes());
        put.bytes(&self.extent.len.to_le_bytes());
        put.bytes(&Digest::or_zeros(self.digest));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back_and_unknown_ones_are_told_apart() {
        let extent = Extent { start: 0, len: 900 };
        let digest = Some(Digest([3; 32]));
        for tag in [Tag::DATA, Tag::VOLUMES, Tag::HASH, Tag::METADATA, Tag(*b"zz99")] {
            let section = Section::new(tag, extent, digest);
            assert_eq!(Section::from_bytes(&section.to_bytes(), 900), Ok(section), "{tag}");
            assert!(Section::from_bytes(&section.to_bytes(), 899).is_err());
            assert_eq!(section.digest.is_some(), tag != Tag::DATA && tag != Tag::HASH);
        }
        let later = Section::new(Tag(*b"late"), extent, None);
        assert_eq!(Section::from_bytes(&later.droppable().to_bytes(), 900), Ok(later.droppable()));
        assert!(!later.is_droppable() && !later.is_known());
        let required = Section::from_bytes(&later.required().to_bytes(), 900).unwrap();
        assert!(required.is_required() && !required.is_known());
        // Flags that a known section does not have, characters that no tag has.
        let wrong = Section::new(Tag::METADATA, extent, digest).required();
        assert!(Section::from_bytes(&wrong.to_bytes(), 900).is_err());
        assert!(
            Section::from_bytes(&Section::new(Tag(*b"A\0/."), extent, None).to_bytes(), 900)
                .is_err()
        );
        let moved = Section::new(Tag::DATA, Extent { start: 1, len: 2 }, None);
        assert!(Section::from_bytes(&moved.to_bytes(), 900).is_err());
    }
}
