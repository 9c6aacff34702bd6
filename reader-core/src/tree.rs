//! Builds the pages of an index from entries in key order (FORMAT.md, "Paged index").
//!
//! Leaves leave as soon as they are full; of each only its slot in the page above is kept, some
//! 80 bytes for about 500 entries.

use crate::entry::Totals;
use crate::error::{Error, Result, Structure};
use crate::inner::{self, Key, Slot};
use crate::layout::{self, Footer, Header, MAX_ROOT, Volume};
use crate::leaf::LeafBuilder;
use crate::{Digest, Entry, Extent, Kind};
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Writes pages; see the module.
#[derive(Debug)]
pub struct TreeBuilder {
    leaf: LeafBuilder,
    slots: Vec<Slot>,
    /// Separator of the leaf that is being filled.
    separator: Vec<u8>,
    page_count: u32,
    entries: u64,
    symlinks: u64,
    totals: Totals,
}

/// Where the parts of the pack lie, for its root page.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Payloads and block tables end here.
    pub payload_end: u64,
    /// The first page.
    pub pages_offset: u64,
    /// Other files that hold payloads.
    pub volumes: Vec<Volume>,
}

/// All pages are written; what is left is the root page and the footer.
#[derive(Debug)]
pub struct Tree {
    header: Header,
    node: Vec<u8>,
}

impl Default for TreeBuilder {
    fn default() -> Self {
        TreeBuilder::new()
    }
}

const PAGE: usize = layout::PAGE_SIZE as usize;

impl TreeBuilder {
    /// An empty one.
    pub fn new() -> TreeBuilder {
        TreeBuilder {
            leaf: LeafBuilder::default(),
            slots: Vec::new(),
            separator: Vec::new(),
            page_count: 0,
            entries: 0,
            symlinks: 0,
            totals: Totals::default(),
        }
    }

    /// Adds the next entry; appends a page to `out` when one became full.
    ///
    /// Fails with [`Error::DuplicatePath`] or [`Error::KeyOrder`] when the keys do not ascend.
    pub fn push(&mut self, entry: &Entry, out: &mut Vec<u8>) -> Result<()> {
        let path = entry.path.as_path();
        if let Some((directory, name)) = self.leaf.last() {
            let order = crate::path::cmp_directories(directory, path.parent().as_bytes())
                .then_with(|| name.cmp(path.name()));
            let number = self.entries;
            match order {
                Ordering::Less => {}
                Ordering::Equal => return Err(Error::DuplicatePath { number }),
                Ordering::Greater => {
                    return Err(Error::KeyOrder { structure: Structure::Leaf, number });
                }
            }
        }
        if !self.leaf.push(entry, PAGE)? {
            let separator = match self.leaf.last() {
                Some((directory, name)) => inner::separator(
                    &Key::new(directory, name),
                    &Key::new(path.parent().as_bytes(), path.name()),
                ),
                None => return Err(too_long()),
            };
            self.flush_leaf(out)?;
            self.separator = separator;
            if !self.leaf.push(entry, PAGE)? {
                return Err(too_long());
            }
        }
        self.entries = self.entries.saturating_add(1);
        self.symlinks =
            self.symlinks.saturating_add(u64::from(matches!(entry.kind, Kind::Symlink(_))));
        self.totals.add(&Totals::of(&entry.kind));
        Ok(())
    }

    /// Number of entries so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    fn flush_leaf(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let entries = self.leaf.len() as u64;
        let start = out.len();
        self.leaf.finish(out)?;
        let digest = pad_page(out, start)?;
        let separator = core::mem::take(&mut self.separator);
        self.slots.push(Slot { separator, digest, entries });
        self.page_count = self.page_count.checked_add(1).ok_or_else(too_long)?;
        Ok(())
    }

    /// Writes the last pages to `out`; the root page follows from what is returned.
    pub fn finish(mut self, places: Places, out: &mut Vec<u8>) -> Result<Tree> {
        let mut header = Header {
            required: if places.volumes.is_empty() { 0 } else { layout::REQUIRES_VOLUMES },
            optional: 0,
            page_size: layout::PAGE_SIZE,
            page_count: 0,
            pages_offset: places.pages_offset,
            payload_end: places.payload_end,
            trailer: Extent { start: 0, len: 0 },
            entries: self.entries,
            symlinks: self.symlinks,
            totals: self.totals,
            volumes: places.volumes,
        };
        let capacity = MAX_ROOT.saturating_sub(header.to_bytes().len());
        let mut node = Vec::new();
        if self.slots.is_empty() {
            self.leaf.finish(&mut node)?;
            return Ok(Tree { header, node });
        }
        if !self.leaf.is_empty() {
            self.flush_leaf(out)?;
        }
        let mut slots = self.slots;
        let mut first = 0u32;
        let mut level = 1u8;
        while inner::fitting(&slots, capacity) < slots.len() {
            let mut above = Vec::new();
            let mut rest = slots.as_mut_slice();
            let mut child = first;
            while !rest.is_empty() {
                let fitting = inner::fitting(rest, PAGE);
                // Two children at least, or the tree would not end.
                let Some((group, tail)) = rest.split_at_mut_checked(fitting.max(1)) else { break };
                if fitting < 2 && !tail.is_empty() {
                    return Err(too_long());
                }
                let start = out.len();
                inner::write(group, level, child, out)?;
                let digest = pad_page(out, start)?;
                let separator = group
                    .first_mut()
                    .map(|slot| core::mem::take(&mut slot.separator))
                    .unwrap_or_default();
                let entries = group.iter().fold(0u64, |sum, slot| sum.saturating_add(slot.entries));
                above.push(Slot { separator, digest, entries });
                let count = u32::try_from(group.len()).map_err(|_| too_long())?;
                child = child.checked_add(count).ok_or_else(too_long)?;
                rest = tail;
            }
            first = self.page_count;
            let written = u32::try_from(above.len()).map_err(|_| too_long())?;
            self.page_count = self.page_count.checked_add(written).ok_or_else(too_long)?;
            level = level.checked_add(1).ok_or_else(too_long)?;
            slots = above;
        }
        inner::write(&slots, level, first, &mut node)?;
        header.page_count = self.page_count;
        Ok(Tree { header, node })
    }
}

fn too_long() -> Error {
    Error::BadField { structure: Structure::Inner, field: "len", value: 0 }
}

/// Fills the page that begins at `start` with zeros, and hashes it.
fn pad_page(out: &mut Vec<u8>, start: usize) -> Result<Digest> {
    let end = start.saturating_add(PAGE);
    if out.len() > end {
        return Err(too_long());
    }
    out.resize(end, 0);
    Ok(Digest::of(out.get(start..).unwrap_or(&[])))
}

impl Tree {
    /// What the root page will say about the pack, without the trailer's place.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Root page and footer, to be written at `offset`, where the file then ends; and the pack's digest.
    ///
    /// The magic of a CTNRv1 trailer occurs nowhere in them.
    pub fn root(mut self, offset: u64, trailer: Extent) -> (Vec<u8>, Digest) {
        self.header.trailer = trailer;
        let mut plain = self.header.to_bytes();
        plain.extend_from_slice(&self.node);
        let root_len = plain.len() as u64;
        let file_len = offset.saturating_add(root_len).saturating_add(layout::FOOTER_LEN as u64);
        // Names may hold the magic; a mask over the root page hides it. Zero nearly always.
        let mut out = Vec::new();
        let mut digest = Digest([0; 32]);
        for mask in 0..=u8::MAX {
            out.clone_from(&plain);
            apply_mask(&mut out, mask);
            digest = Digest::of(&out);
            let root = Extent { start: offset, len: root_len };
            out.extend_from_slice(&Footer { root, file_len, digest }.to_bytes());
            if memchr::memmem::find(&out, crate::trailer::MAGIC).is_none() {
                break;
            }
        }
        (out, digest)
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
