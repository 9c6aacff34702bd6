//! Makes the hash section from the leaves (FORMAT.md, "Hash section"), which pass by once.

use super::spool::Section;
use crate::error::{Action, Error, Result};
use rangepack_core::hash::{self, Window};
use rangepack_core::layout::{HASH_SLOT_LEN, Leaf};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// The section is made in windows of this many slots, 32 MiB, for some four million entries each.
const WINDOW: usize = (32 << 20) / HASH_SLOT_LEN;

/// What waits for later windows takes so much memory at most, in bytes.
const WAITING: usize = 16 << 20;

/// Hash, leaf and slot, one behind the other.
const RECORD: usize = 8 + 4 + 2;

/// The records of a leaf take no more.
const LEAF: usize = RECORD << 12;

/// The places of so many are looked at before any is taken.
const AHEAD: usize = 256;

/// So many leaves wait for the thread that makes the section.
const AT_ONCE: usize = 8;

/// The section while it is made: the first window in memory, what belongs to others sorted by window in a temporary file.
#[derive(Debug)]
pub(super) struct Slots<'p> {
    /// Where the temporary file lies.
    directory: &'p Path,
    window: Window,
    later: Vec<Later>,
    /// What waits for one of them takes so many bytes, and those of a leaf.
    most: usize,
    file: Option<File>,
    end: u64,
    /// The entries of one leaf.
    hashes: Vec<(u64, u16)>,
    path: Vec<u8>,
}

/// What waits for a window.
#[derive(Debug, Default)]
struct Later {
    records: Vec<u8>,
    /// First byte and length of what is in the file.
    pieces: VecDeque<(u64, u64)>,
}

impl<'p> Slots<'p> {
    /// Of a section of `slots` slots.
    pub(super) fn new(slots: u64, directory: &'p Path) -> Slots<'p> {
        Slots::with_window(slots, WINDOW, directory)
    }

    fn with_window(slots: u64, len: usize, directory: &'p Path) -> Slots<'p> {
        let window = Window::new(slots, len);
        let others = usize::try_from(window.count()).unwrap_or(usize::MAX).saturating_sub(1);
        let most = WAITING / others.max(1);
        // They do not grow: that would take twice the memory.
        let later = || Later { records: Vec::with_capacity(most + LEAF), ..Later::default() };
        let later = std::iter::repeat_with(later).take(others).collect();
        let (hashes, path) = (Vec::new(), Vec::new());
        Slots { directory, window, later, most, file: None, end: 0, hashes, path }
    }

    /// Takes leaf `number`; they come in order.
    pub(super) fn take(&mut self, number: usize, page: &[u8]) -> Result<()> {
        // A leaf whose number is too large for a slot is left out.
        let Ok(number) = u32::try_from(number) else { return Ok(()) };
        self.read(page).map_err(Error::pack_at(self.directory))?;
        glance(&self.window, self.hashes.iter().map(|(hash, _)| *hash));
        for (hash, slot) in &self.hashes {
            match self.window.number_of(*hash).checked_sub(1) {
                None => self.window.insert(*hash, number, *slot),
                Some(later) => {
                    if let Some(later) =
                        usize::try_from(later).ok().and_then(|it| self.later.get_mut(it))
                    {
                        later.push(*hash, number, *slot);
                    }
                }
            }
        }
        if self.later.iter().any(|later| later.records.len() > self.most) {
            self.spill(self.most / 2).map_err(Error::io(Action::UseTemporary, self.directory))?;
        }
        Ok(())
    }

    fn read(&mut self, page: &[u8]) -> rangepack_core::Result<()> {
        let leaf = Leaf::parse(page)?;
        self.hashes.clear();
        let mut run = 0;
        for slot in 0..leaf.len() {
            self.path.clear();
            leaf.slot(slot, &mut run)?.push_path(&mut self.path);
            if let Ok(slot) = u16::try_from(slot) {
                self.hashes.push((hash::hash_of(&self.path), slot));
            }
        }
        Ok(())
    }

    /// Writes to the file what takes more than `most` bytes.
    fn spill(&mut self, most: usize) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(self.directory)?),
        };
        for later in self.later.iter_mut().filter(|later| later.records.len() > most) {
            file.write_all(&later.records)?;
            let len = later.records.len() as u64;
            later.pieces.push_back((self.end, len));
            later.records.clear();
            self.end += len;
        }
        Ok(())
    }

    /// Writes the section to `out`, the file at `path`, when all leaves were taken; returns how long it is.
    pub(super) fn write(mut self, out: &mut impl Write, path: &Path) -> Result<u64> {
        let temporary = || Error::io(Action::UseTemporary, self.directory);
        let file = self.file.take().map(Arc::new);
        let mut later = self.later.into_iter();
        let mut len = 0;
        loop {
            out.write_all(self.window.bytes()).map_err(Error::io(Action::Write, path))?;
            len += self.window.bytes().len() as u64;
            if !self.window.advance() {
                return Ok(len);
            }
            let Later { records, pieces } = later.next().unwrap_or_default();
            if let Some(file) = &file {
                let mut before = Section::new(file.clone(), pieces);
                let mut some = Vec::with_capacity(LEAF);
                while before
                    .by_ref()
                    .take(LEAF as u64)
                    .read_to_end(&mut some)
                    .map_err(temporary())?
                    > 0
                {
                    if !some.len().is_multiple_of(RECORD) {
                        return Err(temporary()(io::ErrorKind::UnexpectedEof.into()));
                    }
                    insert_all(&mut self.window, &some);
                    some.clear();
                }
            }
            insert_all(&mut self.window, &records);
        }
    }
}

/// Leaves on their way to the section, which is made by a thread of its own.
pub(super) struct Passing<'scope, 'p> {
    pages: SyncSender<Vec<u8>>,
    thread: ScopedJoinHandle<'scope, Result<Slots<'p>>>,
}

impl<'scope, 'p: 'scope> Passing<'scope, 'p> {
    /// Starts the thread.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        mut slots: Slots<'p>,
    ) -> Passing<'scope, 'p> {
        let (pages, taken) = sync_channel::<Vec<u8>>(AT_ONCE);
        let thread = scope.spawn(move || {
            taken.iter().enumerate().try_for_each(|(number, page)| slots.take(number, &page))?;
            Ok(slots)
        });
        Passing { pages, thread }
    }

    /// Hands over the next leaf.
    pub(super) fn take(&self, page: Vec<u8>) {
        // A thread that ended says why in the end.
        let _ = self.pages.send(page);
    }

    /// The section when all leaves have passed.
    pub(super) fn end(self) -> Result<Slots<'p>> {
        drop(self.pages);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Later {
    fn push(&mut self, hash: u64, leaf: u32, slot: u16) {
        self.records.extend(hash.to_le_bytes());
        self.records.extend(leaf.to_le_bytes());
        self.records.extend(slot.to_le_bytes());
    }
}

/// Puts into the window what waited for it: records.
fn insert_all(window: &mut Window, records: &[u8]) {
    let read = |record: &[u8; RECORD]| {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *record;
        let hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        (hash, u32::from_le_bytes([i, j, k, l]), u16::from_le_bytes([m, n]))
    };
    for some in records.as_chunks().0.chunks(AHEAD) {
        glance(window, some.iter().map(|record| read(record).0));
        for (hash, leaf, slot) in some.iter().map(read) {
            window.insert(hash, leaf, slot);
        }
    }
}

/// The memory brings the places of several at the same time when nothing else is done in between.
fn glance(window: &Window, hashes: impl Iterator<Item = u64>) {
    std::hint::black_box(hashes.fold(0, |all, hash| all ^ window.glance(hash)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rangepack_core::layout::PAGE_SIZE;
    use rangepack_core::{Entry, Kind, PackPathBuf, Totals, TreeBuilder};

    /// Leaves of so many entries.
    fn leaves(entries: u64) -> Vec<u8> {
        let mut tree = TreeBuilder::new();
        let mut leaves = Vec::new();
        for number in 0..entries {
            let path = PackPathBuf::new(format!("{number:06}").into_bytes()).unwrap();
            let entry = Entry::new(path, Kind::Directory(Totals::default()));
            tree.push(&entry, &mut leaves).unwrap();
        }
        tree.finish(&mut leaves).unwrap();
        leaves
    }

    fn section(leaves: &[u8], slots: u64, window: usize, spill: bool) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let mut made = Slots::with_window(slots, window, directory.path());
        for (number, page) in leaves.chunks(PAGE_SIZE as usize).enumerate() {
            made.take(number, page).unwrap();
            if spill {
                made.spill(number % 3 * 500).unwrap();
            }
        }
        let mut out = Vec::new();
        assert_eq!(
            made.write(&mut out, Path::new("a.pack")).unwrap(),
            slots * HASH_SLOT_LEN as u64
        );
        out
    }

    #[test]
    fn a_section_of_several_windows_holds_every_entry() {
        let leaves = leaves(5000);
        assert!(leaves.len() > 2 * PAGE_SIZE as usize);
        let slots = hash::slots_for(5000);
        let whole = section(&leaves, slots, 1 << 20, false);
        assert!(hash::taken(&whole) > 4950);
        for window in [100, 700, 6000] {
            let made = section(&leaves, slots, window, false);
            assert_eq!(made, section(&leaves, slots, window, true), "{window}");
            assert_eq!(made.len() as u64, slots * HASH_SLOT_LEN as u64);
            assert!(hash::taken(&made) > 4950);
        }
    }
}
