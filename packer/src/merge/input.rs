//! One of the packs: its entries in key order, below a directory.

use crate::error::Result;
use crate::read::pack::{Entries, Pack};
use rangepack_core::{Entry, EntryRef, Kind, PackPathBuf, Totals};
use std::collections::VecDeque;

/// See [the module](self).
pub(super) struct Input<'p> {
    pack: &'p Pack,
    /// What stands before each path, with a slash at its end.
    prefix: Vec<u8>,
    /// The directories above, which no pack has.
    above: VecDeque<PackPathBuf>,
    /// The next of the pack.
    first: Option<Result<Entry>>,
    entries: Entries<'p>,
}

impl<'p> Input<'p> {
    pub(super) fn new(pack: &'p Pack, below: Option<&PackPathBuf>) -> Input<'p> {
        let below = below.map_or(&[][..], |path| path.as_bytes());
        let slashes = memchr::memchr_iter(b'/', below);
        let ends = slashes.chain((!below.is_empty()).then_some(below.len()));
        let above = ends.filter_map(|end| PackPathBuf::new(below[..end].to_vec()).ok()).collect();
        let mut prefix = below.to_vec();
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        let mut input = Input { pack, prefix, above, first: None, entries: pack.entries() };
        input.first = input.following();
        // It may be long until its turn comes, and there may be thousands of them.
        forget(pack);
        input
    }

    fn following(&mut self) -> Option<Result<Entry>> {
        let entry = self.entries.next()?;
        Some(self.read(entry))
    }

    fn read(&self, entry: Result<EntryRef<'_>>) -> Result<Entry> {
        let wrong = |error| self.pack.error(error);
        let mut entry = entry?.to_entry().map_err(wrong)?;
        if !self.prefix.is_empty() {
            let path = [&self.prefix[..], entry.path.as_bytes()].concat();
            entry.path = PackPathBuf::new(path).map_err(wrong)?;
        }
        Ok(entry)
    }
}

impl Iterator for Input<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        if let Some(path) = self.above.pop_front() {
            return Some(Ok(Entry::new(path, Kind::Directory(Totals::default()))));
        }
        self.first.take().or_else(|| self.following())
    }
}

/// Gives back the memory of index pages that were looked at.
pub(super) fn forget(pack: &Pack) {
    if let Some(file) = pack.index_file() {
        file.forget();
    }
}
