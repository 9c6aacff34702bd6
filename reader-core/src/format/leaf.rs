//! Leaf pages, searched in place (FORMAT.md, "Leaf pages").

use crate::bytes::Probe;
use crate::error::{Error, Result, Structure};
use crate::format::key::Key;
use crate::format::layout::{Flags, LeafPage, LeafRun};
use crate::path::{MAX_PATH, PackPath, cmp_directories};
use alloc::vec::Vec;
use core::cmp::Ordering;

mod slot;
mod entry;

pub use entry::EntryRef;
pub use slot::LeafSlot;

/// A leaf page, parsed: sections found, nothing copied.
///
/// Every access is checked: a page that contradicts itself gives errors, never a panic.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    page: LeafPage<'a>,
}

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Leaf, field, value })
}

fn out_of_order(slot: usize) -> Error {
    Error::KeyOrder { structure: Structure::Leaf, number: slot as u64 }
}

impl<'a> Leaf<'a> {
    /// Parses a page (or the node of a root page); trailing zeros are ignored.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::BadField`] when it is no leaf page.
    #[inline]
    pub fn parse(page: &'a [u8]) -> Result<Leaf<'a>> {
        Ok(Leaf { page: LeafPage::from_bytes(page)? })
    }

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.page.entries()
    }

    /// Whether it is the same page in memory.
    #[inline]
    pub fn is_same(&self, other: &Leaf<'_>) -> bool {
        self.page.is_same(&other.page)
    }

    /// Whether it holds no entry: only the root page of an empty pack does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn run(&self, index: usize) -> Result<LeafRun<'a>> {
        self.page.run(index).map_or_else(|| bad("run", index as u64), Ok)
    }

    #[inline]
    fn suffix(&self, slot: usize) -> Result<&'a [u8]> {
        self.page.names().get(slot).map_or_else(|| bad("name_offset", slot as u64), Ok)
    }

    /// Checks everything that the rest of this type takes for granted (FORMAT.md, "Leaf pages"): runs, and that
    /// paths obey the rules and ascend. Returns the first and the last key; of a leaf without entries nothing.
    ///
    /// # Errors
    /// [`Error::BadField`] and [`Error::KeyOrder`].
    pub(crate) fn check(&self) -> Result<Option<(Key, Key)>> {
        if self.page.runs() > self.len() {
            return bad("runs", self.page.runs() as u64);
        }
        let (mut end, mut above, mut bounds) = (0, None, None);
        for index in 0..self.page.runs() {
            let run = self.run(index)?;
            let ascends = above.is_none_or(|above| cmp_directories(above, run.directory).is_lt());
            if run.first != end || !ascends {
                return Err(out_of_order(run.first));
            }
            let (first, last) = self.check_run(&run)?;
            bounds = match bounds {
                None => Some((Key::new(run.directory, &first), Key::new(run.directory, &last))),
                Some((lowest, _)) => Some((lowest, Key::new(run.directory, &last))),
            };
            (end, above) = (run.end, Some(run.directory));
        }
        if end != self.len() {
            return bad("runs", end as u64);
        }
        Ok(bounds)
    }

    /// Checks the entries of a run; returns its first and its last name.
    fn check_run(&self, run: &LeafRun<'a>) -> Result<(Vec<u8>, Vec<u8>)> {
        if PackPath::directory(run.directory).is_err() {
            return bad("directory", run.first as u64);
        }
        let (mut before, mut longest) = (None, 0);
        for slot in run.first..run.end {
            let suffix = self.suffix(slot)?;
            if before.is_some_and(|before| before >= suffix) {
                return Err(out_of_order(slot));
            }
            let (directory, prefix) = (run.directory, run.prefix);
            if !(LeafSlot { slot, directory, prefix, suffix }).name_is_sound() {
                return bad("name", slot as u64);
            }
            Flags::read(&self.page, slot)?;
            longest = longest.max(prefix.len().saturating_add(suffix.len()));
            before = Some(suffix);
        }
        let slash = usize::from(!run.directory.is_empty());
        if run.directory.len().saturating_add(slash).saturating_add(longest) > MAX_PATH {
            return bad("path", run.first as u64);
        }
        let name = |slot| self.suffix(slot).map(|suffix| [run.prefix, suffix].concat());
        Ok((name(run.first)?, name(run.end.saturating_sub(1))?))
    }

    /// The first slot whose key is not below (`directory`, `name`), and whether it is that key.
    ///
    /// # Errors
    /// [`Error::BadField`] when the page contradicts itself where it was looked at.
    #[inline]
    pub fn lower_bound(
        &self,
        directory: &[u8],
        name: &[u8],
    ) -> Result<(usize, Option<LeafSlot<'a>>)> {
        let mut low = 0usize;
        let mut high = self.page.runs();
        // Runs lie in ascending order of their directories.
        while low < high {
            let middle = low.midpoint(high);
            let run = self.run(middle)?;
            match cmp_directories(run.directory, directory) {
                Ordering::Less => low = middle.saturating_add(1),
                Ordering::Greater => high = middle,
                Ordering::Equal => return self.lower_bound_in(&run, name),
            }
        }
        if low < self.page.runs() {
            return Ok((self.run(low)?.first, None));
        }
        Ok((self.len(), None))
    }

    #[inline]
    fn lower_bound_in(
        &self,
        run: &LeafRun<'a>,
        name: &[u8],
    ) -> Result<(usize, Option<LeafSlot<'a>>)> {
        let Some(rest) = name.strip_prefix(run.prefix) else {
            let slot = if name < run.prefix { run.first } else { run.end };
            return Ok((slot, None));
        };
        let probe = Probe::new(rest);
        let names = self.page.names();
        let mut low = run.first;
        let mut high = run.end;
        while low < high {
            let middle = low.midpoint(high);
            match names.compare(middle, &probe) {
                Some(Ordering::Less) => low = middle.saturating_add(1),
                Some(Ordering::Greater) => high = middle,
                Some(Ordering::Equal) => {
                    let slot = LeafSlot {
                        slot: middle,
                        directory: run.directory,
                        prefix: run.prefix,
                        suffix: self.suffix(middle)?,
                    };
                    return Ok((middle, Some(slot)));
                }
                None => return bad("name_offset", middle as u64),
            }
        }
        Ok((low, None))
    }

    /// The slot, if its entry has this key; nothing when it has not, or cannot be read.
    #[inline]
    pub fn slot_of(&self, slot: usize, directory: &[u8], name: &[u8]) -> Option<LeafSlot<'a>> {
        let run = self.page.run_of(slot)?;
        if slot < run.first || slot >= run.end || run.directory != directory {
            return None;
        }
        let suffix = self.suffix(slot).ok()?;
        let is_name = name.strip_prefix(run.prefix) == Some(suffix);
        is_name.then_some(LeafSlot { slot, directory: run.directory, prefix: run.prefix, suffix })
    }

    /// The entry at `slot`, its name checked. `run` is a hint: where the entry before was; 0 at first.
    ///
    /// # Errors
    /// [`Error::BadField`] when there is no such entry, or the page contradicts itself.
    pub fn entry(&self, slot: usize, run: &mut usize) -> Result<EntryRef<'a>> {
        let slot = self.slot(slot, run)?;
        if !slot.is_sound() {
            return bad("name", slot.slot as u64);
        }
        self.entry_of(slot)
    }

    /// The place and path of the entry at `slot`, its name not checked. `run` is a hint as above.
    ///
    /// # Errors
    /// Those of [`Leaf::entry`].
    pub fn slot(&self, slot: usize, run: &mut usize) -> Result<LeafSlot<'a>> {
        if slot >= self.len() {
            return bad("slot", slot as u64);
        }
        let mut found = self.run(*run)?;
        if slot < found.first {
            *run = 0;
            found = self.run(0)?;
        }
        while slot >= found.end {
            *run = run.saturating_add(1);
            found = self.run(*run)?;
        }
        let suffix = self.suffix(slot)?;
        Ok(LeafSlot { slot, directory: found.directory, prefix: found.prefix, suffix })
    }

    /// Has the memory bring what [`Leaf::entry_of`] will read. What it returns means nothing.
    #[inline]
    pub(crate) fn glance(&self, slot: &LeafSlot<'_>) -> u8 {
        self.page.glance(slot.slot)
    }

    /// The entry that [`Leaf::lower_bound`] found: its name equals the one asked for.
    ///
    /// # Errors
    /// [`Error::BadField`] when the page says of it what no entry can be.
    #[inline]
    pub fn entry_of(&self, slot: LeafSlot<'a>) -> Result<EntryRef<'a>> {
        let flags = Flags::read(&self.page, slot.slot)?;
        Ok(EntryRef { page: self.page, slot, flags })
    }
}

#[cfg(test)]
mod tests;
