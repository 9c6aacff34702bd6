//! The root page and the footer: the last that is written of a pack (FORMAT.md, "Root page").

use crate::error::{Error, Result};
use crate::format::layout::put::sum;
use crate::format::layout::{
    FOOTER_LEN, Footer, HashSection, Header, MAGIC, MAX_ROOT, Volume, apply_mask,
};
use crate::{Digest, Extent};
use alloc::vec::Vec;

/// Where the parts of the pack lie, for its root page.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Sections {
    /// Payloads and block tables end here.
    pub payload_end: u64,
    /// The first page.
    pub pages_offset: u64,
    /// Other files that hold payloads.
    pub volumes: Vec<Volume>,
    /// The hash section ([`crate::hash`]), unless it has no slots. A tree of one leaf has none.
    pub hash: HashSection,
}

impl Sections {
    /// Without volumes and without a hash section.
    pub fn new(payload_end: u64, pages_offset: u64) -> Sections {
        Sections { payload_end, pages_offset, ..Sections::default() }
    }

    /// With payloads in these files: volume 1 is the first of them.
    #[must_use]
    pub fn with_volumes(mut self, volumes: Vec<Volume>) -> Sections {
        self.volumes = volumes;
        self
    }

    /// With this hash section.
    #[must_use]
    pub fn with_hash(mut self, hash: HashSection) -> Sections {
        self.hash = hash;
        self
    }
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

    /// What the root page will say about the pack, without the trailer's place.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Root page and footer, to be written at `offset`, where the file then ends; and the pack's digest.
    ///
    /// The magic of a CTNRv1 trailer occurs nowhere in them.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the names of volumes leave no room in the root page, or the file would end
    /// beyond 2^64.
    pub fn root(mut self, offset: u64, trailer: Extent) -> Result<(Vec<u8>, Digest)> {
        self.header.trailer = trailer;
        let mut plain = self.header.to_bytes()?;
        plain.extend_from_slice(&self.node);
        let root_len = plain.len() as u64;
        if root_len > MAX_ROOT as u64 {
            let (value, limit) = (root_len, MAX_ROOT as u64);
            return Err(Error::TooLarge { what: "root_len", value, limit });
        }
        let file_len = sum("file_len", [offset, root_len, FOOTER_LEN as u64])?;
        // Names may hold the magic; a mask over the root page hides it. Zero nearly always.
        let mut out = Vec::new();
        let mut digest = Digest([0; 32]);
        for mask in 0..=u8::MAX {
            out.clone_from(&plain);
            apply_mask(&mut out, mask);
            digest = Digest::of(&out);
            let root = Extent { start: offset, len: root_len };
            out.extend_from_slice(&Footer { root, file_len, digest }.to_bytes()?);
            if memchr::memmem::find(&out, MAGIC).is_none() {
                break;
            }
        }
        Ok((out, digest))
    }
}
