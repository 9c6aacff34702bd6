//! Entries one after the other, by number.

use super::Index;
use crate::bytes::{Answer, Source, ready};
use crate::error::Result;
use crate::format::leaf::{EntryRef, Leaf};

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
                let entry = leaf.entry(slot, &mut self.run)?;
                self.next = self.next.saturating_add(1);
                return Ok(Answer::Ready(Some(entry)));
            }
        }
        let found = ready!(self.index.leaf_at(source, self.next)?);
        let slot = usize::try_from(self.next.saturating_sub(found.first)).unwrap_or(usize::MAX);
        self.run = 0;
        self.leaf = Some((found.leaf, found.first));
        // Counts that contradict the leaves end here.
        let entry = found.leaf.entry(slot, &mut self.run)?;
        self.next = self.next.saturating_add(1);
        Ok(Answer::Ready(Some(entry)))
    }

    /// The number of the entry that comes next.
    pub fn position(&self) -> u64 {
        self.next
    }
}
