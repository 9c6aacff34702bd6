//! Entries by number: one, one after the other, and lists of directories.

use super::index::Index;
use crate::PackPath;
use crate::bytes::{Answer, Source, ready};
use crate::error::Result;
use crate::format::leaf::{EntryRef, Leaf, LeafSlot};
use alloc::vec::Vec;
use core::ops::Range;

/// So many entries are looked for before one is read.
const AT_ONCE: usize = 16;

impl Index {
    /// Entry number `ordinal`.
    pub fn entry_at<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        ordinal: u64,
    ) -> Result<Answer<Option<EntryRef<'a>>>> {
        self.scan(ordinal..ordinal.saturating_add(1)).next(source)
    }

    /// The same for many numbers; `None` in the place of those of which [`Index::entry_at`] says what is missing or wrong.
    ///
    /// It looks for several before it reads any, so that the memory brings them at the same time.
    pub fn entries_of<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        ordinals: &[u64],
        entries: &mut Vec<Option<EntryRef<'a>>>,
    ) {
        let mut found = [None; AT_ONCE];
        for some in ordinals.chunks(AT_ONCE) {
            for (found, ordinal) in found.iter_mut().zip(some) {
                *found = self.slot_at(source, *ordinal);
            }
            let found = found.get(..some.len()).unwrap_or(&[]);
            let glances = found.iter().flatten().map(|(leaf, slot)| leaf.glance(slot));
            core::hint::black_box(glances.fold(0, |all, glance| all ^ glance));
            let entry = |(leaf, slot): &(Leaf<'a>, _)| leaf.entry_of(*slot).ok();
            entries.extend(found.iter().map(|found| found.as_ref().and_then(entry)));
        }
    }

    #[inline]
    fn slot_at<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        ordinal: u64,
    ) -> Option<(Leaf<'a>, LeafSlot<'a>)> {
        if ordinal >= self.len() {
            return None;
        }
        let Ok(Answer::Ready(found)) = self.leaf_at(source, ordinal) else { return None };
        let slot = usize::try_from(ordinal.saturating_sub(found.first)).ok()?;
        Some((found.leaf, found.leaf.slot(slot, &mut 0).ok()?))
    }

    /// Walks over the entries with these numbers.
    pub fn scan(&self, range: Range<u64>) -> Scan<'_> {
        let end = range.end.min(self.len());
        Scan::new(self, range.start, end)
    }

    /// The children of `directory` after the name `after` (`None`: from the first), `limit` at most.
    ///
    /// Reads as much as a look-up, and more leaves only when the list reaches into them.
    pub fn list<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        directory: PackPath<'_>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Answer<Vec<EntryRef<'a>>>> {
        let mut start = ready!(self.lower_bound(source, directory, after.unwrap_or(b""))?);
        let mut scan = self.scan(start..self.len());
        let mut list = Vec::new();
        while list.len() < limit {
            let Some(entry) = ready!(scan.next(source)?) else { break };
            if entry.directory() != directory {
                break;
            }
            start = start.saturating_add(1);
            // The bound is the name itself when it exists.
            let [prefix, rest] = entry.name_parts();
            if after.is_some_and(|after| after.strip_prefix(prefix) == Some(rest)) {
                continue;
            }
            list.push(entry);
        }
        Ok(Answer::Ready(list))
    }
}

/// A walk over entries by number. Ask [`Scan::next`] until it gives `None`.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    index: &'a Index,
    next: u64,
    end: u64,
    leaf: Option<(Leaf<'a>, u64)>,
    run: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(index: &'a Index, start: u64, end: u64) -> Scan<'a> {
        Scan { index, next: start, end, leaf: None, run: 0 }
    }

    /// The next entry; `None` at the end. After [`Answer::Need`] nothing is lost: ask again.
    #[inline]
    pub fn next<S: Source + ?Sized>(
        &mut self,
        source: &'a S,
    ) -> Result<Answer<Option<EntryRef<'a>>>> {
        if self.next >= self.end {
            return Ok(Answer::Ready(None));
        }
        if let Some((leaf, first)) = &self.leaf {
            let slot = usize::try_from(self.next.saturating_sub(*first)).unwrap_or(usize::MAX);
            if slot < leaf.len() {
                let entry = leaf.entry_of(leaf.slot(slot, &mut self.run)?)?;
                self.next = self.next.saturating_add(1);
                return Ok(Answer::Ready(Some(entry)));
            }
        }
        let found = ready!(self.index.leaf_at(source, self.next)?);
        let slot = usize::try_from(self.next.saturating_sub(found.first)).unwrap_or(usize::MAX);
        self.run = 0;
        self.leaf = Some((found.leaf, found.first));
        // Counts that contradict the leaves end here.
        let entry = found.leaf.entry_of(found.leaf.slot(slot, &mut self.run)?)?;
        self.next = self.next.saturating_add(1);
        Ok(Answer::Ready(Some(entry)))
    }

    /// The number of the entry that comes next.
    pub fn position(&self) -> u64 {
        self.next
    }
}
