//! The root page and the footer: the last that is written of a pack (FORMAT.md, "Root page").

use crate::error::{Error, Result};
use crate::format::layout::put::sum;
use crate::format::layout::{FOOTER_LEN, Footer, Header, MAGIC, MAX_ROOT, Section, apply_mask};
use crate::tag::Tag;
use crate::{Digest, Extent};
use alloc::vec::Vec;

/// The end of a pack, ready to be written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Root {
    /// Root page and footer.
    pub bytes: Vec<u8>,
    /// SHA-256 of the root page: the name of the pack.
    pub digest: Digest,
    /// What the root page says.
    pub header: Header,
}

/// All pages are written; what is left is the root page and the footer.
#[derive(Debug)]
pub struct Tree {
    header: Header,
    node: Vec<u8>,
}

impl Tree {
    pub(super) fn new(header: Header, node: Vec<u8>) -> Tree {
        Tree { header, node }
    }

    /// What the root page will say about the pack; of its sections only that of the pages.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Root page and footer, to be written at `offset`, where the file then ends.
    /// `sections` are all parts of the file but the pages; empty ones are left out.
    ///
    /// With a CTNRv1 trailer among them, the trailer's magic occurs nowhere in what is returned.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are more sections than the root page has room for, or the file would end
    /// beyond 2^64; [`Error::BadField`] when they contradict one another; [`Error::NoMask`] when names of the
    /// topmost page hide the magic from no mask, which takes names made for that.
    pub fn root(self, offset: u64, sections: Vec<Section>) -> Result<Root> {
        let Tree { header, node } = self;
        let pages = header.section(Tag::TREE).copied();
        let mut all: Vec<Section> =
            sections.into_iter().chain(pages).filter(|section| section.extent.len > 0).collect();
        all.sort_by_key(|section| (section.extent.start, section.extent.len));
        let header = header.with_sections(all)?;
        let mut plain = header.to_bytes()?;
        plain.extend_from_slice(&node);
        let root_len = plain.len() as u64;
        if root_len > MAX_ROOT as u64 {
            let (value, limit) = (root_len, MAX_ROOT as u64);
            return Err(Error::TooLarge { what: "root_len", value, limit });
        }
        let file_len = sum("file_len", [offset, root_len, FOOTER_LEN as u64])?;
        let root = Extent { start: offset, len: root_len };
        let has_trailer = header.section(Tag::TRAILER).is_some();
        // Names may hold the magic; a mask over the root page hides it. Zero nearly always.
        for mask in 0..=u8::MAX {
            let mut out = plain.clone();
            apply_mask(&mut out, mask);
            let digest = Digest::of(&out);
            out.extend_from_slice(&Footer { root, file_len, digest }.to_bytes()?);
            if !has_trailer || memchr::memmem::find(&out, MAGIC).is_none() {
                return Ok(Root { bytes: out, digest, header });
            }
        }
        Err(Error::NoMask)
    }
}
