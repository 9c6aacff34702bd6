//! Leaf pages: entries, searched in place (FORMAT.md, "Leaf pages").

use crate::bytes::{Cursor, Probe, read_packed, u16_at};
use crate::error::{Error, Result, Structure};
use crate::format::layout::{
    self, Column, FLAG_KIND, FLAGS_KNOWN, KIND_DIRECTORY, KIND_SYMLINK, LEAF_RUNS, LeafShape,
    RUN_LEN, Run,
};
use crate::path::{cmp_directories, is_name};
use crate::{PackPath, Totals};
use alloc::vec::Vec;
use core::cmp::Ordering;

/// A leaf page, parsed: sections found, nothing copied.
///
/// Every access is checked: a page that contradicts itself gives errors, never a panic.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    page: &'a [u8],
    shape: LeafShape,
}

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Leaf, field, value })
}

mod entry;

pub use entry::EntryRef;

impl<'a> Leaf<'a> {
    /// Parses a page (or the node of a root page); trailing zeros are ignored.
    #[inline]
    pub fn parse(page: &'a [u8]) -> Result<Leaf<'a>> {
        Ok(Leaf { page, shape: LeafShape::from_bytes(page)? })
    }

    /// What lies from `start` on, up to `end`.
    #[inline]
    fn part(&self, start: u32, end: u32) -> &'a [u8] {
        let place = |value| usize::try_from(value).unwrap_or(usize::MAX);
        self.page.get(place(start)..place(end)).unwrap_or(&[])
    }

    #[inline]
    fn runs(&self) -> &'a [u8] {
        self.part(LEAF_RUNS, self.shape.name_offsets)
    }

    #[inline]
    fn name_offsets(&self) -> &'a [u8] {
        self.part(self.shape.name_offsets, self.shape.rows)
    }

    /// Rows are read with eight-byte loads: the digests behind them make that safe.
    #[inline]
    fn rows(&self) -> &'a [u8] {
        self.part(self.shape.rows, self.shape.end)
    }

    #[inline]
    fn heap(&self) -> &'a [u8] {
        self.part(self.shape.heap, self.shape.end)
    }

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.shape.entries)
    }

    /// Whether it holds no entry: only the root page of an empty pack does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn run(&self, index: usize) -> Result<RunView<'a>> {
        let view = || {
            let at = index.checked_mul(RUN_LEN)?;
            let run = Run::from_bytes(self.runs().get(at..)?.first_chunk()?);
            // The next run's beginning is this one's end.
            let next = match self.runs().get(at.checked_add(RUN_LEN)?..)?.first_chunk() {
                Some(bytes) => usize::from(Run::from_bytes(bytes).first),
                None => self.len(),
            };
            let rest = self.heap().get(usize::from(run.directory)..)?;
            let (directory, rest) = rest.split_at_checked(usize::from(run.directory_len))?;
            let prefix = rest.get(..usize::from(run.prefix_len))?;
            let first = usize::from(run.first);
            (first < next && next <= self.len()).then_some(RunView {
                first,
                end: next,
                directory,
                prefix,
            })
        };
        view().map_or_else(|| bad("run", index as u64), Ok)
    }

    #[inline]
    fn suffix(&self, slot: usize) -> Result<&'a [u8]> {
        let suffix = || {
            let start = u16_at(self.name_offsets(), slot)?;
            let end = u16_at(self.name_offsets(), slot.checked_add(1)?)?;
            self.heap().get(start..end)
        };
        suffix().map_or_else(|| bad("name_offset", slot as u64), Ok)
    }

    /// The first slot whose key is not below (`directory`, `name`), and whether it is that key.
    #[inline]
    pub fn lower_bound(&self, directory: &[u8], name: &[u8]) -> Result<(usize, Option<Slot<'a>>)> {
        let mut low = 0usize;
        let mut high = usize::from(self.shape.runs);
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
        if low < usize::from(self.shape.runs) {
            return Ok((self.run(low)?.first, None));
        }
        Ok((self.len(), None))
    }

    #[inline]
    fn lower_bound_in(&self, run: &RunView<'a>, name: &[u8]) -> Result<(usize, Option<Slot<'a>>)> {
        let Some(rest) = name.strip_prefix(run.prefix) else {
            let slot = if name < run.prefix { run.first } else { run.end };
            return Ok((slot, None));
        };
        let probe = Probe::new(rest);
        let (offsets, heap) = (self.name_offsets(), self.heap());
        let mut low = run.first;
        let mut high = run.end;
        while low < high {
            let middle = low.midpoint(high);
            let order = || {
                let start = u16_at(offsets, middle)?;
                let end = u16_at(offsets, middle.checked_add(1)?)?;
                probe.compare(heap, start, end)
            };
            match order() {
                Some(Ordering::Less) => low = middle.saturating_add(1),
                Some(Ordering::Greater) => high = middle,
                Some(Ordering::Equal) => {
                    let slot = Slot {
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

    /// Whether the entry at `slot` has this key; nothing when it has not, or cannot be read.
    #[inline]
    pub fn slot_of(&self, slot: usize, directory: &[u8], name: &[u8]) -> Option<Slot<'a>> {
        // The last run that does not begin behind the slot.
        let (runs, _) = self.runs().as_chunks::<RUN_LEN>();
        let after = runs.partition_point(|run| usize::from(Run::from_bytes(run).first) <= slot);
        let run = self.run(after.checked_sub(1)?).ok()?;
        if slot < run.first || slot >= run.end || run.directory != directory {
            return None;
        }
        let suffix = self.suffix(slot).ok()?;
        let is_name = name.strip_prefix(run.prefix) == Some(suffix);
        is_name.then_some(Slot { slot, directory: run.directory, prefix: run.prefix, suffix })
    }

    /// The entry at `slot`, its name checked. `run` is a hint: where the entry before was.
    pub fn entry(&self, slot: usize, run: &mut usize) -> Result<EntryRef<'a>> {
        let slot = self.slot(slot, run)?;
        if !slot.is_sound() {
            return bad("name", slot.slot as u64);
        }
        self.entry_of(slot)
    }

    /// The place and path of the entry at `slot`, its name not checked. `run` is a hint as above.
    pub fn slot(&self, slot: usize, run: &mut usize) -> Result<Slot<'a>> {
        if slot >= self.len() {
            return bad("slot", slot as u64);
        }
        let mut view = self.run(*run)?;
        if slot < view.first {
            *run = 0;
            view = self.run(0)?;
        }
        while slot >= view.end {
            *run = run.saturating_add(1);
            view = self.run(*run)?;
        }
        let suffix = self.suffix(slot)?;
        Ok(Slot { slot, directory: view.directory, prefix: view.prefix, suffix })
    }

    /// The entry that [`Leaf::lower_bound`] found: its name equals the one asked for.
    #[inline]
    pub fn entry_of(&self, slot: Slot<'a>) -> Result<EntryRef<'a>> {
        let flags = self.column(slot.slot, Column::Flags)?;
        if flags & !FLAGS_KNOWN != 0 || flags & FLAG_KIND > KIND_SYMLINK {
            return bad("flags", flags);
        }
        Ok(EntryRef { leaf: *self, slot, flags })
    }

    #[inline]
    fn column(&self, slot: usize, column: Column) -> Result<u64> {
        let value = || {
            let (base, before, width) = layout::leaf_column(self.page, column)?;
            let at = slot.checked_mul(usize::from(self.shape.stride))?.checked_add(before)?;
            base.checked_add(read_packed(self.rows(), at, width)?)
        };
        value().map_or_else(|| bad("row", slot as u64), Ok)
    }

    fn extra(&self, slot: usize) -> Result<Cursor<'a>> {
        let place = self.column(slot, Column::Extra)?;
        let record = || {
            let at = usize::try_from(place.checked_sub(1)?).ok()?;
            self.heap().get(usize::from(self.shape.extras)..)?.get(at..)
        };
        match record() {
            Some(bytes) => Ok(Cursor::new(Structure::Leaf, bytes)),
            None => bad("extra", place),
        }
    }

    #[inline]
    fn digest(&self, slot: usize) -> Result<&'a [u8; 32]> {
        let digests = self.part(self.shape.digests, self.shape.heap);
        let digest = || digests.get(slot.checked_mul(32)?..)?.first_chunk();
        digest().map_or_else(|| bad("digest", slot as u64), Ok)
    }
}

/// Fills in the totals of the directories in a page, which were not known when it was written.
///
/// `totals` gives them in the order of the entries.
pub fn set_totals(page: &mut [u8], totals: &mut impl Iterator<Item = Totals>) -> Result<()> {
    let leaf = Leaf::parse(page)?;
    let digests = usize::try_from(leaf.shape.digests).unwrap_or(usize::MAX);
    let mut directories = Vec::new();
    for slot in 0..leaf.len() {
        if leaf.column(slot, Column::Flags)? & FLAG_KIND == KIND_DIRECTORY {
            directories.push(slot);
        }
    }
    for slot in directories {
        let at = digests.saturating_add(slot.saturating_mul(32));
        let place = page.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<32>());
        if let (Some(place), Some(totals)) = (place, totals.next()) {
            *place = layout::totals_to_bytes(&totals);
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
struct RunView<'a> {
    first: usize,
    end: usize,
    directory: &'a [u8],
    prefix: &'a [u8],
}

/// A slot of a leaf and the three parts of its path.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    slot: usize,
    directory: &'a [u8],
    prefix: &'a [u8],
    suffix: &'a [u8],
}

impl Slot<'_> {
    /// Appends the whole path.
    pub fn push_path(&self, out: &mut Vec<u8>) {
        if !self.directory.is_empty() {
            out.extend_from_slice(self.directory);
            out.push(b'/');
        }
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(self.suffix);
    }

    fn is_sound(&self) -> bool {
        let name_is_sound = if self.prefix.len() < 3 {
            let mut name = [0u8; 5];
            // Only names this short can be empty, `.` or `..`.
            let short = self.prefix.iter().chain(self.suffix.iter().take(3));
            for (place, byte) in name.iter_mut().zip(short) {
                *place = *byte;
            }
            let len = self.prefix.len().saturating_add(self.suffix.len().min(3));
            name.get(..len).is_some_and(is_name) && no_separator(self.suffix)
        } else {
            no_separator(self.prefix) && no_separator(self.suffix)
        };
        name_is_sound && PackPath::directory(self.directory).is_ok()
    }
}

fn no_separator(bytes: &[u8]) -> bool {
    memchr::memchr2(b'/', 0, bytes).is_none()
}

#[cfg(test)]
mod tests;
