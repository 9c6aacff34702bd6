//! The questions one asks of a paged index: look up, list, walk (FORMAT.md, "Reading").
//!
//! Entries are numbered in key order. The children of a directory are one range of numbers, a whole
//! subtree another; so listing and walking are scans, and any place in a long directory can be
//! reached at once.

use crate::bytes::{Answer, Source, ready};
use crate::entry::{DictionaryPlace, DictionaryRef, MAX_METADATA};
use crate::error::{Error, Part, Result, Structure};
use crate::extent::Extent;
use crate::format::inner::{Bounds, Child, Inner};
use crate::format::key::Key;
use crate::format::layout::{self, FOOTER_LEN, Footer, Header, Volume, VolumeTable};
use crate::format::leaf::{EntryRef, Leaf};
use crate::tag::Tag;
use crate::{Digest, Limits, PackPath, Totals};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

/// The paged index of a pack: its root page, and which pages were verified.
///
/// It is shared freely between threads; pages are verified once, when they are first touched.
#[derive(Debug)]
pub struct Index {
    pub(super) header: Header,
    digest: Digest,
    /// Where the root page lies.
    place: Extent,
    root: Box<[u8]>,
    /// Where the root node begins in `root`.
    node: usize,
    verified: Box<[AtomicU32]>,
}

/// A node on the way down: an inner page or a leaf.
pub(super) enum Node<'a> {
    Inner(Inner<'a>),
    Leaf(Leaf<'a>),
}

impl<'a> Node<'a> {
    // Where modules are fetched, one copy of it is enough.
    #[cfg_attr(target_family = "wasm", inline(never))]
    #[cfg_attr(not(target_family = "wasm"), inline)]
    fn parse(page: &'a [u8]) -> Result<Node<'a>> {
        match layout::is_inner(page) {
            true => Inner::parse(page).map(Node::Inner),
            false => Leaf::parse(page).map(Node::Leaf),
        }
    }

    #[inline]
    pub(super) fn level(&self) -> u8 {
        match self {
            Node::Inner(inner) => inner.level(),
            Node::Leaf(_) => 0,
        }
    }

    /// Checks that it obeys the rules, and is what the pages above say; and that its children are among so many
    /// pages.
    fn check(&self, place: &Place<'_>, pages: u32) -> Result<()> {
        let Place { entries, bounds } = *place;
        match self {
            Node::Inner(inner) => inner.check(&bounds, entries, pages),
            Node::Leaf(leaf) => {
                if leaf.len() as u64 != entries {
                    let (structure, value) = (Structure::Leaf, leaf.len() as u64);
                    return Err(Error::BadField { structure, field: "entries", value });
                }
                match leaf.check()? {
                    Some((low, high))
                        if !bounds.contain(low.as_bytes()) || !bounds.contain(high.as_bytes()) =>
                    {
                        Err(Error::KeyOrder { structure: Structure::Leaf, number: 0 })
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// A root page: that of the pack, or of an earlier generation of it.
#[derive(Debug, Clone, Copy)]
struct Root {
    extent: Extent,
    digest: Digest,
}

/// Opening a pack, where a question may come again and again: it goes on where bytes were lacking, and what it has passed
/// is not asked for any more.
#[derive(Debug)]
pub struct Opening {
    expected: Option<Digest>,
    /// The digest of the last generation, and the root page that is looked at now.
    at: Option<(Digest, Root)>,
    passed: u64,
}

impl Opening {
    /// Of any pack, or of the one whose root has this digest (see [`Index::open`]).
    pub fn new(expected: Option<Digest>) -> Opening {
        Opening { expected, at: None, passed: 0 }
    }

    /// Does what [`Index::open`] does, in as many calls as bytes have to be brought.
    pub fn go_on<S: Source + ?Sized>(
        &mut self,
        source: &S,
        file_len: u64,
        limits: &Limits,
    ) -> Result<Answer<Option<Index>>> {
        let (newest, mut root) = match self.at {
            Some(at) => at,
            None => match ready!(last_root(source, file_len)?) {
                Some(root) => (root.digest, root),
                None => return Ok(Answer::Ready(None)),
            },
        };
        loop {
            self.at = Some((newest, root));
            let Some(bytes) = source.bytes(root.extent) else {
                return Ok(Answer::Need(root.extent));
            };
            let index = Index::from_root(bytes, root, limits)?;
            let Some(expected) = self.expected.filter(|expected| *expected != root.digest) else {
                return Ok(Answer::Ready(Some(index)));
            };
            // It may be the name of an earlier generation, which lies before this one.
            root = index.previous().ok_or(Error::WrongRoot { expected, found: newest })?;
            self.passed = self.passed.saturating_add(1);
            Limits::check("generations", self.passed, limits.generations)?;
        }
    }
}

/// The root page that the footer names; `None` when the file has none.
fn last_root<S: Source + ?Sized>(source: &S, file_len: u64) -> Result<Answer<Option<Root>>> {
    if file_len < FOOTER_LEN as u64 {
        return Ok(Answer::Ready(None));
    }
    let start = file_len.saturating_sub(layout::TAIL);
    let tail = Extent { start, len: file_len.min(layout::TAIL) };
    // The footer alone tells whether there is a root page; a caller that brings bytes brings both.
    let Some(bytes) = source.bytes(tail) else { return Ok(Answer::Need(tail)) };
    let footer = Footer::from_tail(bytes, file_len)?;
    Ok(Answer::Ready(footer.map(|footer| Root { extent: footer.root, digest: footer.digest })))
}

/// What the pages above say of a page: how many entries lie below it, and between which keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    entries: u64,
    bounds: Bounds<'a>,
}

impl<'a> Place<'a> {
    /// What `inner`, of which this is said, says of its child.
    #[inline]
    pub(super) fn below(&self, inner: &Inner<'a>, child: &Child) -> Result<Place<'a>> {
        let entries = inner.entries_of(child, self.entries)?;
        Ok(Place { entries, bounds: inner.bounds_of(child, &self.bounds) })
    }
}

/// A leaf, and the number of its first entry.
pub(super) struct Found<'a> {
    pub(super) leaf: Leaf<'a>,
    pub(super) first: u64,
}

impl Index {
    /// Reads footer and root page of a pack of `file_len` bytes.
    ///
    /// Asks for the last 64 KiB at most. `None` when the file has no footer: it may be in one of the
    /// old formats. With `expected` only the pack whose root has that digest is accepted, whoever
    /// serves it, or an earlier generation of it that still lies in the file.
    pub fn open<S: Source + ?Sized>(
        source: &S,
        file_len: u64,
        expected: Option<Digest>,
        limits: &Limits,
    ) -> Result<Answer<Option<Index>>> {
        Opening::new(expected).go_on(source, file_len, limits)
    }

    fn from_root(root: &[u8], place: Root, limits: &Limits) -> Result<Index> {
        let found = Digest::of(root);
        if found != place.digest {
            let (part, extent, expected) = (Part::Root, place.extent, place.digest);
            return Err(Error::DigestMismatch { part, extent, expected, found });
        }
        let mut root: Box<[u8]> = root.into();
        let mask = root.first().copied().unwrap_or(0);
        layout::apply_mask(&mut root, mask);
        let (header, node) = Header::from_bytes(&root, place.extent.start)?;
        Limits::check("pages", u64::from(header.page_count()), u64::from(limits.pages))?;
        // Whoever goes through the entries by number must come to an end.
        let leaves = u64::from(header.page_count().max(1));
        if header.entries > leaves.saturating_mul(u64::from(u16::MAX)) {
            let (structure, field) = (Structure::RootHeader, "entries");
            return Err(Error::BadField { structure, field, value: header.entries });
        }
        let words = header.page_count().div_ceil(32);
        let verified = (0..words).map(|_| AtomicU32::new(0)).collect();
        let (digest, extent) = (place.digest, place.extent);
        let index = Index { header, digest, place: extent, root, node, verified };
        // A root page that breaks the rules is an error now, not at the first question.
        let pages = index.header.page_count();
        index.root_node()?.check(&index.root_place(), pages)?;
        Ok(index)
    }

    /// The generation before this one (FORMAT.md, "Generations"); `None` when this is the first.
    ///
    /// # Errors
    /// Those of [`Index::open`].
    pub fn open_previous<S: Source + ?Sized>(
        &self,
        source: &S,
        limits: &Limits,
    ) -> Result<Answer<Option<Index>>> {
        let Some(root) = self.previous() else { return Ok(Answer::Ready(None)) };
        let Some(bytes) = source.bytes(root.extent) else { return Ok(Answer::Need(root.extent)) };
        Index::from_root(bytes, root, limits).map(Some).map(Answer::Ready)
    }

    /// Where an earlier generation's root page lies, if this one names any.
    fn previous(&self) -> Option<Root> {
        let section = self.header.section(Tag::PREVIOUS)?;
        Some(Root { extent: section.extent, digest: section.digest? })
    }

    /// The bytes of a section that has a digest, verified; `None` when there is no such section.
    ///
    /// # Errors
    /// [`Error::OverLimit`] beyond [`Limits::section_bytes`], [`Error::DigestMismatch`].
    pub fn section<'a, S: Source + ?Sized>(
        &self,
        source: &'a S,
        tag: Tag,
        limits: &Limits,
    ) -> Result<Answer<Option<&'a [u8]>>> {
        let section = self.header.section(tag);
        let Some((extent, expected)) =
            section.and_then(|found| Some((found.extent, found.digest?)))
        else {
            return Ok(Answer::Ready(None));
        };
        Limits::check("section_bytes", extent.len, limits.section_bytes)?;
        let Some(bytes) = source.bytes(extent) else { return Ok(Answer::Need(extent)) };
        let found = Digest::of(bytes);
        if found != expected {
            return Err(Error::DigestMismatch { part: Part::Section, extent, expected, found });
        }
        Ok(Answer::Ready(Some(bytes)))
    }

    /// What the user says of the pack: a JSON object of strings (FORMAT.md, "Metadata"), verified but not parsed.
    ///
    /// # Errors
    /// [`Error::BadField`] beyond [`MAX_METADATA`], and those of [`Index::section`].
    pub fn metadata<'a, S: Source + ?Sized>(
        &self,
        source: &'a S,
        limits: &Limits,
    ) -> Result<Answer<Option<&'a [u8]>>> {
        let len = self.header.section(Tag::METADATA).map_or(0, |section| section.extent.len);
        if len > u64::from(MAX_METADATA) {
            let (structure, field) = (Structure::Metadata, "length");
            return Err(Error::BadField { structure, field, value: len });
        }
        self.section(source, Tag::METADATA, limits)
    }

    /// The other files that hold payloads; the first has number 1.
    ///
    /// # Errors
    /// Those of [`Index::section`] and [`Volume::list_from_bytes`].
    pub fn volumes<S: Source + ?Sized>(
        &self,
        source: &S,
        limits: &Limits,
    ) -> Result<Answer<Vec<Volume>>> {
        match ready!(self.section(source, Tag::VOLUMES, limits)?) {
            Some(bytes) => Volume::list_from_bytes(bytes).map(Answer::Ready),
            None => Ok(Answer::Ready(Vec::new())),
        }
    }

    /// Where the table of volumes lies, whose records [`crate::volumes::volume`] reads; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::BadField`] when the pack has a list of volumes, too, or the table does not lie in the section "vrec"; those of
    /// [`Index::section`] and [`VolumeTable::from_bytes`].
    pub fn volume_table<S: Source + ?Sized>(
        &self,
        source: &S,
        limits: &Limits,
    ) -> Result<Answer<Option<VolumeTable>>> {
        let Some(bytes) = ready!(self.section(source, Tag::VOLUME_TABLE, limits)?) else {
            return Ok(Answer::Ready(None));
        };
        let table = VolumeTable::from_bytes(bytes)?;
        let records = self.header.section(Tag::VOLUME_RECORDS).map(|section| section.extent);
        let starts = [Some(table.content.offset), table.content.blocks.map(|blocks| blocks.offset)];
        let is_there = records.is_some_and(|records| {
            let inside = |at: Option<u64>| {
                at.is_some_and(|start| records.contains(&Extent { start, len: 1 }))
            };
            let end = table.content.offset.checked_add(table.content.size);
            starts.into_iter().all(inside) && end.is_some_and(|end| end <= records.end())
        });
        if self.header.section(Tag::VOLUMES).is_some() || !is_there {
            let (structure, field) = (Structure::Volumes, "table");
            return Err(Error::BadField { structure, field, value: table.content.offset });
        }
        Ok(Answer::Ready(Some(table)))
    }

    /// Where the dictionary lies with which a payload was compressed (FORMAT.md, "Dictionaries").
    ///
    /// # Errors
    /// [`Error::BadField`] when the pack does not list it, and those of [`Index::section`].
    pub fn dictionary<S: Source + ?Sized>(
        &self,
        source: &S,
        dictionary: DictionaryRef,
        limits: &Limits,
    ) -> Result<Answer<DictionaryPlace>> {
        let number = match dictionary {
            DictionaryRef::Place(place) => return Ok(Answer::Ready(place)),
            DictionaryRef::Number(number) => number,
        };
        let list = ready!(self.section(source, Tag::DICTIONARIES, limits)?);
        DictionaryPlace::from_list(list.unwrap_or_default(), number).map(Answer::Ready)
    }

    /// Everything about the pack as a whole.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// SHA-256 of the root page: the name of this very pack.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Where the root page lies.
    pub fn root_extent(&self) -> Extent {
        self.place
    }

    /// Length of the file when this was its last root page, in bytes.
    pub fn file_len(&self) -> u64 {
        self.place.end().saturating_add(FOOTER_LEN as u64)
    }

    /// Totals of the whole pack.
    pub fn totals(&self) -> Totals {
        self.header.totals
    }

    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.header.entries
    }

    /// Whether the pack holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn root_node(&self) -> Result<Node<'_>> {
        Node::parse(self.root.get(self.node..).unwrap_or(&[]))
    }

    /// What the header says of the topmost node.
    pub(super) fn root_place(&self) -> Place<'_> {
        Place { entries: self.header.entries, bounds: Bounds::default() }
    }

    /// The node of `child`, verified and checked; asks for its page when that is missing.
    #[inline]
    pub(super) fn touch<'a, S: Source + ?Sized>(
        &self,
        source: &'a S,
        child: &Child,
        place: &Place<'_>,
    ) -> Result<Answer<Node<'a>>> {
        let extent = self.header.page(child.page)?;
        let Some(page) = source.bytes(extent) else { return Ok(Answer::Need(extent)) };
        if self.is_verified(child.page) {
            return Node::parse(page).map(Answer::Ready);
        }
        self.verify(extent, page, child, place).map(Answer::Ready)
    }

    /// Checks a page that is used for the first time (FORMAT.md, "Pages").
    #[cold]
    fn verify<'a>(
        &self,
        extent: Extent,
        page: &'a [u8],
        child: &Child,
        place: &Place<'_>,
    ) -> Result<Node<'a>> {
        let found = Digest::of(page);
        if found != child.digest {
            let (part, expected) = (Part::Page, child.digest);
            return Err(Error::DigestMismatch { part, extent, expected, found });
        }
        let node = Node::parse(page)?;
        node.check(place, self.header.page_count())?;
        let (word, bit) = verified_bit(child.page);
        if let Some(word) = self.verified.get(word) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(node)
    }

    /// Forgets that pages which lie in `extent`, wholly or in part, were verified.
    ///
    /// For callers that drop bytes and may bring others in their place: those are checked anew.
    pub fn forget(&self, extent: Extent) {
        // Page sizes are powers of two.
        let shift = self.header.page_size.trailing_zeros();
        let page = |offset: u64| {
            let page = offset.saturating_sub(self.header.pages().start) >> shift;
            u32::try_from(page).unwrap_or(u32::MAX)
        };
        let end = page(extent.end()).saturating_add(1).min(self.header.page_count());
        for page in page(extent.start)..end {
            let (word, bit) = verified_bit(page);
            if let Some(word) = self.verified.get(word) {
                word.fetch_and(!bit, Ordering::Relaxed);
            }
        }
    }

    /// Whether a page was hashed before, and had the digest that the page above it names.
    #[inline]
    pub(super) fn is_verified(&self, page: u32) -> bool {
        let (word, bit) = verified_bit(page);
        self.verified.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Goes down from the root, at each inner page to the child that `choose` names.
    #[inline]
    fn descend<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        mut choose: impl FnMut(&Inner<'a>, u64) -> Result<Child>,
    ) -> Result<Answer<Found<'a>>> {
        let mut node = self.root_node()?;
        let (mut first, mut place) = (0u64, self.root_place());
        loop {
            match node {
                Node::Leaf(leaf) => return Ok(Answer::Ready(Found { leaf, first })),
                Node::Inner(inner) => {
                    let child = choose(&inner, first)?;
                    place = place.below(&inner, &child)?;
                    node = ready!(self.touch(source, &child, &place)?);
                    // Levels descend by one, so hostile pages cannot lead in circles.
                    if node.level() != child.level {
                        let (structure, field) = (Structure::Inner, "level");
                        let value = u64::from(node.level());
                        return Err(Error::BadField { structure, field, value });
                    }
                    first = first.saturating_add(child.before);
                }
            }
        }
    }

    #[inline]
    fn leaf_of<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        directory: &[u8],
        name: &[u8],
    ) -> Result<Answer<Found<'a>>> {
        // Small packs have no inner page and need no encoded key.
        let mut key = None;
        self.descend(source, |inner, _| {
            inner.child_of(key.get_or_insert_with(|| Key::new(directory, name)))
        })
    }

    /// The entry at `path`, if there is one.
    ///
    /// Reads one page up to some 400 thousand entries, two up to some 300 million.
    #[inline]
    pub fn lookup<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        path: PackPath<'_>,
    ) -> Result<Answer<Option<EntryRef<'a>>>> {
        let (directory, name) = (path.parent(), path.name());
        let found = ready!(self.leaf_of(source, directory.as_bytes(), name)?);
        let (_, slot) = found.leaf.lower_bound(directory.as_bytes(), name)?;
        slot.map(|slot| found.leaf.entry_of(slot)).transpose().map(Answer::Ready)
    }

    /// The number of the first entry whose key is not below (`directory`, `name`).
    pub fn lower_bound<S: Source + ?Sized>(
        &self,
        source: &S,
        directory: PackPath<'_>,
        name: &[u8],
    ) -> Result<Answer<u64>> {
        self.number_of(source, directory.as_bytes(), name)
    }

    /// The number behind the last child of `directory`.
    pub fn upper_bound<S: Source + ?Sized>(
        &self,
        source: &S,
        directory: PackPath<'_>,
    ) -> Result<Answer<u64>> {
        // No name is above this one: names fit into a page, and 255 is the highest byte.
        let above = vec![0xff; ABOVE_ALL_NAMES];
        self.number_of(source, directory.as_bytes(), &above)
    }

    fn number_of<S: Source + ?Sized>(
        &self,
        source: &S,
        directory: &[u8],
        name: &[u8],
    ) -> Result<Answer<u64>> {
        let found = ready!(self.leaf_of(source, directory, name)?);
        let (slot, _) = found.leaf.lower_bound(directory, name)?;
        Ok(Answer::Ready(found.first.saturating_add(slot as u64)))
    }

    #[inline]
    pub(super) fn leaf_at<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        ordinal: u64,
    ) -> Result<Answer<Found<'a>>> {
        self.descend(source, |inner, first| inner.child_at(ordinal.saturating_sub(first)))
    }

    /// The numbers of a directory's children, in the order of their names.
    ///
    /// Finding the end as well costs a second way down; a list that is shown from its beginning
    /// better uses [`Index::list`].
    pub fn children<S: Source + ?Sized>(
        &self,
        source: &S,
        directory: PackPath<'_>,
    ) -> Result<Answer<Range<u64>>> {
        let start = ready!(self.lower_bound(source, directory, b"")?);
        let end = ready!(self.upper_bound(source, directory)?);
        Ok(Answer::Ready(start..end.max(start)))
    }

    /// The numbers of everything below a directory, the directory itself not included.
    pub fn subtree<S: Source + ?Sized>(
        &self,
        source: &S,
        directory: PackPath<'_>,
    ) -> Result<Answer<Range<u64>>> {
        if directory.is_root() {
            return Ok(Answer::Ready(0..self.len()));
        }
        let start = ready!(self.lower_bound(source, directory, b"")?);
        // The lowest directory above everything below this one: in keys a slash is 0, and 1 is next.
        let mut above = directory.as_bytes().to_vec();
        above.push(1);
        let end = ready!(self.number_of(source, &above, b"")?);
        Ok(Answer::Ready(start..end.max(start)))
    }
}

/// Which word and which bit of it tell whether a page was verified.
#[inline]
fn verified_bit(page: u32) -> (usize, u32) {
    (usize::try_from(page >> 5).unwrap_or(usize::MAX), 1 << (page & 31))
}

/// So many bytes 255 sort behind every name that fits into a page.
const ABOVE_ALL_NAMES: usize = 8200;

#[cfg(test)]
mod tests;
