//! What the walk hands out.

use super::directory::Directory;
use super::kind::ItemKind;
use super::listing::Listing;
use super::problem::Problem;
use std::ops::Range;
use std::sync::Arc;

/// The most items in a batch.
pub(crate) const BATCH_ITEMS: usize = 64;

/// Some things in one directory, in key order, at most [`BATCH_ITEMS`].
///
/// It shares the directory's names with its other batches, so it costs no copy of them. It keeps
/// the directory open as long as it lives.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The directory that holds the items; the root in a batch without items.
    pub directory: Arc<Directory>,
    /// What went wrong since the last batch, anywhere in the tree.
    pub problems: Vec<Problem>,
    pub(super) listing: Arc<Listing>,
    pub(super) range: Range<usize>,
}

impl Batch {
    /// The items, sorted by the bytes of their names.
    pub(crate) fn items(&self) -> impl ExactSizeIterator<Item = ItemRef<'_>> {
        self.range.clone().map(|index| {
            let (name, kind) = self.listing.get(index).unwrap_or((b"", ItemKind::Other));
            ItemRef { name, kind }
        })
    }

    /// How many items it holds.
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }
}

/// A thing met by the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemRef<'a> {
    /// Its name in its directory: one component of a path.
    pub name: &'a [u8],
    /// What it was when the directory was read.
    pub kind: ItemKind,
}
