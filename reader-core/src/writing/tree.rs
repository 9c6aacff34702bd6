//! Builds the pages of an index from entries in key order (FORMAT.md, "Pages").
//!
//! Leaves leave as soon as they are full; of each only its slot in the page above is kept, some
//! 80 bytes for about 500 entries. The totals of a directory are only known when everything below it
//! has passed, so leaves are completed ([`crate::layout::set_sums`]) and hashed at the end.

use super::inner::{self, ChildSlot};
use super::leaf::LeafBuilder;
use super::root::Tree;
use crate::entry::{DictionaryPlace, DictionaryRef, Totals};
use crate::error::{Error, Result, Structure};
use crate::format::key::{Key, separator};
use crate::format::layout::put::{sum, to_u16, to_u32};
use crate::format::layout::{self, Header, MAX_ROOT, Section};
use crate::path::cmp_directories;
use crate::tag::Tag;
use crate::{Digest, Entry, Extent, Kind};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Takes entries in key order, and gives pages.
#[derive(Debug)]
pub struct TreeBuilder {
    leaf: LeafBuilder,
    slots: Vec<ChildSlot>,
    /// Separator of the leaf that is being filled.
    separator: Vec<u8>,
    entries: u64,
    symlinks: u64,
    totals: Totals,
    dictionaries: Dictionaries,
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
            dictionaries: Dictionaries::default(),
        }
    }

    /// An empty one whose first dictionaries are these, used or not.
    pub fn with_dictionaries(places: &[DictionaryPlace]) -> Result<TreeBuilder> {
        let mut tree = TreeBuilder::new();
        for place in places {
            tree.dictionaries.number(place)?;
        }
        Ok(tree)
    }

    /// Adds the next entry; appends a page to `out` when one became full. Totals of directories may
    /// still be missing. Dictionaries that are named by their places are numbered as they come, each once.
    ///
    /// # Errors
    /// [`Error::DuplicatePath`] or [`Error::KeyOrder`] when the keys do not ascend; [`Error::TooLarge`] when
    /// something of the entry does not fit into its field.
    pub fn push(&mut self, entry: &Entry, out: &mut Vec<u8>) -> Result<()> {
        let (parent, name) = entry.path.split();
        if let Some((directory, before)) = self.leaf.last() {
            let order =
                cmp_directories(directory, parent.as_bytes()).then_with(|| before.cmp(name));
            let number = self.entries;
            match order {
                Ordering::Less => {}
                Ordering::Equal => return Err(Error::DuplicatePath { number }),
                Ordering::Greater => {
                    return Err(Error::KeyOrder { structure: Structure::Leaf, number });
                }
            }
        }
        let dictionary = self.dictionaries.number_of(entry)?;
        if !self.leaf.push(entry, dictionary, PAGE)? {
            let last = self.leaf.last().unwrap_or_default();
            let separator =
                separator(&Key::new(last.0, last.1), &Key::new(parent.as_bytes(), name));
            self.flush_leaf(out)?;
            self.separator = separator;
            // An empty leaf takes it, or fails.
            self.leaf.push(entry, dictionary, PAGE)?;
        }
        self.entries = self.entries.saturating_add(1);
        self.symlinks =
            self.symlinks.saturating_add(u64::from(matches!(entry.kind, Kind::Symlink(_))));
        // Nobody believes the sums of sizes that an old index only states: they may saturate.
        self.totals.add(&Totals::of(&entry.kind));
        Ok(())
    }

    fn flush_leaf(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let entries = self.leaf.len() as u64;
        let start = out.len();
        self.leaf.finish(out)?;
        pad_page(out, start)?;
        let separator = core::mem::take(&mut self.separator);
        self.slots.push(ChildSlot { separator, digest: Digest([0; 32]), entries });
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
        let TreeBuilder { slots, entries, symlinks, totals, dictionaries, .. } = self;
        let dictionaries = dictionaries.places;
        Ok(Leaves { slots, single, entries, symlinks, totals, dictionaries })
    }
}

/// Numbers dictionaries.
#[derive(Debug, Default)]
struct Dictionaries {
    places: Vec<DictionaryPlace>,
    numbers: BTreeMap<[u8; 32], u32>,
}

impl Dictionaries {
    fn number_of(&mut self, entry: &Entry) -> Result<Option<u32>> {
        match entry.content().and_then(|content| content.dictionary) {
            None => Ok(None),
            Some(DictionaryRef::Number(number)) => Ok(Some(number)),
            Some(DictionaryRef::Place(place)) => self.number(&place).map(Some),
        }
    }

    fn number(&mut self, place: &DictionaryPlace) -> Result<u32> {
        let next = u32::from(to_u16("number of dictionaries", self.places.len())?);
        let number = self.numbers.entry(place.digest.0).or_insert(next.saturating_add(1));
        if *number > next {
            self.places.push(*place);
        }
        Ok(*number)
    }
}

/// All leaves are written; their digests are still missing.
#[derive(Debug)]
pub struct Leaves {
    slots: Vec<ChildSlot>,
    single: Vec<u8>,
    entries: u64,
    symlinks: u64,
    totals: Totals,
    dictionaries: Vec<DictionaryPlace>,
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

    /// The dictionaries that entries named by their places, in the order of their numbers: what the section
    /// [`Tag::DICTIONARIES`] has to list.
    pub fn dictionaries(&self) -> &[DictionaryPlace] {
        &self.dictionaries
    }

    /// Takes the digest of page `number`, which is complete now.
    pub fn seal(&mut self, number: usize, page: &[u8]) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.digest = Digest::of(page);
        }
    }

    /// Appends the inner pages to `out`; the root page follows from what is returned. The first page lies at
    /// `pages_offset`, and `tree_digest` is that of the root directory.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are too many pages.
    pub fn finish(
        self,
        pages_offset: u64,
        tree_digest: Option<Digest>,
        out: &mut Vec<u8>,
    ) -> Result<Tree> {
        let Leaves { mut slots, single, entries, symlinks, totals, .. } = self;
        let mut header = Header::new(entries, symlinks, totals);
        header.tree_digest = tree_digest;
        if slots.is_empty() {
            return Ok(Tree::new(header, single));
        }
        let mut page_count = to_u32("page_count", slots.len() as u64)?;
        let capacity = MAX_ROOT.saturating_sub(Header::len_with(SECTIONS));
        let mut first = 0u32;
        let mut level = 1u8;
        while inner::fitting(&slots, capacity) < slots.len() {
            let above = write_level(&mut slots, level, first, out)?;
            first = page_count;
            page_count =
                to_u32("page_count", sum("page_count", [page_count.into(), above.len() as u64])?)?;
            level = level.checked_add(1).ok_or(TOO_DEEP)?;
            slots = above;
        }
        let mut node = Vec::new();
        inner::write(&slots, level, first, &mut node)?;
        let len = u64::from(page_count).saturating_mul(PAGE as u64);
        let pages = Section::new(Tag::TREE, Extent { start: pages_offset, len }, None);
        Ok(Tree::new(header.with_sections(vec![pages])?, node))
    }
}

/// The topmost node leaves room for so many sections in the root page.
const SECTIONS: usize = 16;

/// Writes one level of inner pages over `slots`, whose pages are numbered from `child`; returns the
/// slots of the level above.
fn write_level(
    slots: &mut [ChildSlot],
    level: u8,
    mut child: u32,
    out: &mut Vec<u8>,
) -> Result<Vec<ChildSlot>> {
    let mut above = Vec::new();
    let mut rest = slots;
    while !rest.is_empty() {
        let fitting = inner::fitting(rest, PAGE);
        let Some((group, tail)) = rest.split_at_mut_checked(fitting.max(1)) else { break };
        // Two children at least, or the tree would not end.
        if fitting < 2 && !tail.is_empty() {
            return Err(TOO_DEEP);
        }
        let start = out.len();
        inner::write(group, level, child, out)?;
        pad_page(out, start)?;
        let digest = Digest::of(out.get(start..).unwrap_or(&[]));
        let separator =
            group.first_mut().map(|slot| core::mem::take(&mut slot.separator)).unwrap_or_default();
        let entries = sum("entries", group.iter().map(|slot| slot.entries))?;
        above.push(ChildSlot { separator, digest, entries });
        child = to_u32("page_count", sum("page_count", [child.into(), group.len() as u64])?)?;
        rest = tail;
    }
    Ok(above)
}

/// A tree whose pages have so few children each that it would never end.
const TOO_DEEP: Error = Error::TooLarge { what: "level", value: 256, limit: 255 };

/// Fills the page that begins at `start` with zeros.
fn pad_page(out: &mut Vec<u8>, start: usize) -> Result<()> {
    let end = start.saturating_add(PAGE);
    if out.len() > end {
        let (value, limit) = (out.len().saturating_sub(start) as u64, PAGE as u64);
        return Err(Error::TooLarge { what: "length of a page", value, limit });
    }
    out.resize(end, 0);
    Ok(())
}
