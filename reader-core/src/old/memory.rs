//! An index built in memory for the two old formats, which have none that can be searched.
//!
//! The result has the bytes of a paged index, so that the same code answers the same questions.

use crate::bytes::Answer;
use crate::error::Result;
use crate::format::layout::{self, Section};
use crate::old::assemble::{Ancestors, LastCounts};
use crate::old::ndjson::{Item, Refused};
use crate::questions::index::Index;
use crate::tag::Tag;
use crate::writing::sums::DirectorySums;
use crate::writing::tree::TreeBuilder;
use crate::{DictionaryPlace, Digest, Entry, Extent, Kind, Limits};
use alloc::vec::Vec;

/// Takes the items of an old index in any order.
#[derive(Debug)]
pub struct MemoryIndex {
    entries: Vec<Entry>,
    refused: Vec<Refused>,
    ancestors: Ancestors,
    has_tree_digests: bool,
}

/// An index in memory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Built {
    /// The index; its pages lie in `pages`.
    pub index: Index,
    /// A file image of pages, root page and footer.
    pub pages: Vec<u8>,
    /// Entries that are not in the index, because no pack may hold their names, or because a later entry
    /// took their place.
    pub refused: Vec<Refused>,
}

impl MemoryIndex {
    /// An empty one.
    pub fn new(limits: &Limits) -> MemoryIndex {
        let ancestors = Ancestors::new(limits);
        let (entries, refused) = (Vec::new(), Vec::new());
        MemoryIndex { entries, refused, ancestors, has_tree_digests: true }
    }

    /// Directories get no tree digests: the targets of the links are not what they lead to.
    #[must_use]
    pub fn without_tree_digests(mut self) -> MemoryIndex {
        self.has_tree_digests = false;
        self
    }

    /// Adds an item. Of several with the same path the last one counts.
    ///
    /// # Errors
    /// [`crate::Error::OverLimit`] when the directories that paths imply would take too much memory.
    pub fn push(&mut self, item: Item) -> Result<()> {
        match item {
            Item::Refused(refused) => self.refused.push(refused),
            Item::Entry(entry) => {
                self.entries.extend(self.ancestors.above(entry.path.as_path())?);
                self.entries.push(entry);
            }
        }
        Ok(())
    }

    /// Sorts, sums up, and builds the pages.
    pub fn finish(self, limits: &Limits) -> Result<Built> {
        let MemoryIndex { mut entries, mut refused, has_tree_digests, .. } = self;
        // Stable, so that of equals the last one stays last.
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let mut paths = LastCounts::default();
        let mut unique: Vec<Entry> = Vec::with_capacity(entries.len());
        for entry in entries {
            match (unique.last_mut(), paths.refuse_below(&entry)) {
                (_, Some(below)) => refused.extend(below),
                (Some(last), _) if last.path == entry.path => {
                    refused.extend(paths.combine(last, entry));
                }
                _ => unique.push(entry),
            }
        }
        let mut sums = DirectorySums::default();
        for entry in &unique {
            sums.push(entry)?;
        }
        let mut sums = sums.finish()?;
        if !has_tree_digests {
            sums.root.1 = None;
            sums.directories.iter_mut().for_each(|(_, digest)| *digest = None);
        }
        let mut directories = sums.directories.into_iter();
        let mut builder = TreeBuilder::new();
        let mut pages = Vec::new();
        for mut entry in unique {
            if let Kind::Directory(totals) = &mut entry.kind {
                (*totals, entry.tree_digest) = directories.next().unwrap_or_default();
            }
            builder.push(&entry, &mut pages)?;
        }
        let mut leaves = builder.finish(&mut pages)?;
        for (number, page) in pages.chunks(layout::PAGE_SIZE as usize).enumerate() {
            leaves.seal(number, page);
        }
        let list = DictionaryPlace::list_to_bytes(leaves.dictionaries());
        let tree = leaves.finish(0, sums.root.1, &mut pages)?;
        let mut sections = Vec::new();
        if !list.is_empty() {
            let extent = Extent { start: pages.len() as u64, len: list.len() as u64 };
            sections.push(Section::new(Tag::DICTIONARIES, extent, Some(Digest::of(&list))));
            pages.extend(list);
        }
        let root = tree.root(pages.len() as u64, sections)?;
        pages.extend(root.bytes);
        let opened = Index::open(pages.as_slice(), pages.len() as u64, None, limits)?;
        let Answer::Ready(Some(index)) = opened else {
            return Err(crate::Error::NotAPack { file_len: pages.len() as u64 });
        };
        Ok(Built { index, pages, refused })
    }
}
