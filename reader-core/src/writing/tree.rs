//! Builds the pages of an index from entries in key order (FORMAT.md, "Paged index").
//!
//! Leaves leave as soon as they are full; of each only its slot in the page above is kept, some
//! 80 bytes for about 500 entries. The totals of a directory are only known when everything below it
//! has passed, so leaves are completed ([`crate::format::leaf::set_totals`]) and hashed at the end.

use crate::entry::Totals;
use crate::error::{Error, Result, Structure};
use crate::format::key::{Key, separator};
use crate::format::layout::{self, Footer, HashSection, Header, MAX_ROOT, Volume};
use crate::writing::inner::{self, Slot};
use crate::writing::leaf::LeafBuilder;
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
    /// The hash section ([`crate::format::hash`]), unless it has no slots. A tree of one leaf has none.
    pub hash: HashSection,
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
            entries: 0,
            symlinks: 0,
            totals: Totals::default(),
        }
    }

    /// Adds the next entry; appends a page to `out` when one became full. Totals of directories may
    /// still be missing.
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
                Some((directory, name)) => separator(
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

    fn flush_leaf(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let entries = self.leaf.len() as u64;
        let start = out.len();
        self.leaf.finish(out)?;
        pad_page(out, start)?;
        let separator = core::mem::take(&mut self.separator);
        self.slots.push(Slot { separator, digest: Digest([0; 32]), entries });
        Ok(())
    }

    /// Ends the leaves; appends the last one to `out`.
    ///
    /// When a single leaf holds everything, it becomes part of the root page, and is no page of its own.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Leaves> {
        let mut single = Vec::new();
        if self.slots.is_empty() {
            self.leaf.finish(&mut single)?;
        } else if !self.leaf.is_empty() {
            self.flush_leaf(out)?;
        }
        let TreeBuilder { slots, entries, symlinks, totals, .. } = self;
        Ok(Leaves { slots, single, entries, symlinks, totals })
    }
}

/// All leaves are written; their digests are still missing.
#[derive(Debug)]
pub struct Leaves {
    slots: Vec<Slot>,
    single: Vec<u8>,
    entries: u64,
    symlinks: u64,
    totals: Totals,
}

impl Leaves {
    /// The only leaf, when there is one only; else empty.
    pub fn single(&mut self) -> &mut [u8] {
        &mut self.single
    }

    /// Totals of all entries.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Takes the digest of page `number`, which is complete now.
    pub fn seal(&mut self, number: usize, page: &[u8]) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.digest = Digest::of(page);
        }
    }

    /// Appends the inner pages to `out`; the root page follows from what is returned.
    pub fn finish(self, places: Places, out: &mut Vec<u8>) -> Result<Tree> {
        let Leaves { mut slots, single, entries, symlinks, totals } = self;
        let mut page_count = u32::try_from(slots.len()).map_err(|_| too_long())?;
        let mut header = Header {
            required: if places.volumes.is_empty() { 0 } else { layout::REQUIRES_VOLUMES },
            optional: 0,
            page_size: layout::PAGE_SIZE,
            page_count,
            pages_offset: places.pages_offset,
            payload_end: places.payload_end,
            trailer: Extent { start: 0, len: 0 },
            entries,
            symlinks,
            totals,
            volumes: places.volumes,
            hash: None,
        };
        if slots.is_empty() {
            return Ok(Tree { header, node: single });
        }
        if places.hash.slots > 0 {
            header.optional |= layout::HAS_HASH;
            header.hash = Some(places.hash);
        }
        let capacity = MAX_ROOT.saturating_sub(header.to_bytes().len());
        let mut first = 0u32;
        let mut level = 1u8;
        while inner::fitting(&slots, capacity) < slots.len() {
            let above = write_level(&mut slots, level, first, out)?;
            first = page_count;
            let written = u32::try_from(above.len()).map_err(|_| too_long())?;
            page_count = page_count.checked_add(written).ok_or_else(too_long)?;
            level = level.checked_add(1).ok_or_else(too_long)?;
            slots = above;
        }
        let mut node = Vec::new();
        inner::write(&slots, level, first, &mut node)?;
        header.page_count = page_count;
        Ok(Tree { header, node })
    }
}

/// Writes one level of inner pages over `slots`, whose pages are numbered from `child`; returns the
/// slots of the level above.
fn write_level(
    slots: &mut [Slot],
    level: u8,
    mut child: u32,
    out: &mut Vec<u8>,
) -> Result<Vec<Slot>> {
    let mut above = Vec::new();
    let mut rest = slots;
    while !rest.is_empty() {
        let fitting = inner::fitting(rest, PAGE);
        let Some((group, tail)) = rest.split_at_mut_checked(fitting.max(1)) else { break };
        // Two children at least, or the tree would not end.
        if fitting < 2 && !tail.is_empty() {
            return Err(too_long());
        }
        let start = out.len();
        inner::write(group, level, child, out)?;
        pad_page(out, start)?;
        let digest = Digest::of(out.get(start..).unwrap_or(&[]));
        let separator =
            group.first_mut().map(|slot| core::mem::take(&mut slot.separator)).unwrap_or_default();
        let entries = group.iter().fold(0u64, |sum, slot| sum.saturating_add(slot.entries));
        above.push(Slot { separator, digest, entries });
        let count = u32::try_from(group.len()).map_err(|_| too_long())?;
        child = child.checked_add(count).ok_or_else(too_long)?;
        rest = tail;
    }
    Ok(above)
}

fn too_long() -> Error {
    Error::BadField { structure: Structure::Inner, field: "len", value: 0 }
}

/// Fills the page that begins at `start` with zeros.
fn pad_page(out: &mut Vec<u8>, start: usize) -> Result<()> {
    let end = start.saturating_add(PAGE);
    if out.len() > end {
        return Err(too_long());
    }
    out.resize(end, 0);
    Ok(())
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
            if memchr::memmem::find(&out, crate::old::trailer::MAGIC).is_none() {
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
