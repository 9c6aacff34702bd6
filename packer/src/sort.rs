//! Brings entries that come in any order into key order, in bounded memory.
//!
//! An index written by the old programs, or by several runs of `create`, is not sorted and may name a
//! path more than once: the last line counts. Directories that no line names are added.

use crate::spool::{Entries, Runs, Section};
use reader_core::path::{PackPath, PackPathBuf};
use reader_core::{Entry, Kind, Totals};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// A run is sorted in memory and then written: this many entries, some 60 MB.
const RUN: usize = 200_000;

/// Takes entries in any order.
#[derive(Debug)]
pub(crate) struct Sorter {
    directory: PathBuf,
    run: Vec<Entry>,
    runs: Option<Runs>,
    /// The directory whose ancestors were added last.
    parent: Vec<u8>,
}

impl Sorter {
    /// An empty one, whose temporary file lies in `directory`.
    pub(crate) fn new(directory: &Path) -> Sorter {
        Sorter { directory: directory.to_owned(), run: Vec::new(), runs: None, parent: Vec::new() }
    }

    /// Adds an entry, and the directories above it.
    pub(crate) fn push(&mut self, entry: Entry) -> io::Result<()> {
        let parent = entry.path.as_path().parent();
        if parent.as_bytes() != self.parent {
            self.parent = parent.as_bytes().to_vec();
            let mut implied = Vec::new();
            let mut above = parent;
            while !above.is_root() {
                implied.push(implied_directory(above));
                above = above.parent();
            }
            for entry in implied {
                self.push_one(entry)?;
            }
        }
        self.push_one(entry)
    }

    fn push_one(&mut self, entry: Entry) -> io::Result<()> {
        self.run.push(entry);
        if self.run.len() >= RUN {
            self.write_run()?;
        }
        Ok(())
    }

    fn write_run(&mut self) -> io::Result<()> {
        // Stable: of entries with the same path the later stays behind the earlier.
        self.run.sort_by(|a, b| a.path.cmp(&b.path));
        let runs = match &mut self.runs {
            Some(runs) => runs,
            None => self.runs.insert(Runs::new(&self.directory)?),
        };
        runs.push(self.run.iter())?;
        self.run.clear();
        Ok(())
    }

    /// All entries in key order, each path once.
    pub(crate) fn finish(mut self) -> io::Result<Sorted> {
        self.run.sort_by(|a, b| a.path.cmp(&b.path));
        let mut sources = match self.runs {
            Some(runs) => runs.read()?.into_iter().map(Source::File).collect(),
            None => Vec::new(),
        };
        sources.push(Source::Memory(self.run.into_iter()));
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (run, source) in sources.iter_mut().enumerate() {
            if let Some(entry) = source.next().transpose()? {
                heap.push(Head { entry, run });
            }
        }
        Ok(Sorted { sources, heap })
    }
}

fn implied_directory(path: PackPath<'_>) -> Entry {
    let kind = Kind::Directory(Totals::default());
    Entry { path: path.to_owned(), kind, mode: None, mtime: None, owner: None }
}

/// Whether an entry stands only for the directory that another line implies.
fn is_implied(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Directory(_)) && entry.mode.is_none() && entry.mtime.is_none()
}

#[derive(Debug)]
enum Source {
    Memory(std::vec::IntoIter<Entry>),
    File(Entries<BufReader<Section>>),
}

impl Source {
    fn next(&mut self) -> Option<io::Result<Entry>> {
        match self {
            Source::Memory(entries) => entries.next().map(Ok),
            Source::File(entries) => entries.next(),
        }
    }
}

/// The next entry of a run; the heap gives the lowest path, and of equals the earliest run.
#[derive(Debug)]
struct Head {
    entry: Entry,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.entry.path.cmp(&self.entry.path).then_with(|| other.run.cmp(&self.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// Entries in key order.
#[derive(Debug)]
pub(crate) struct Sorted {
    sources: Vec<Source>,
    heap: BinaryHeap<Head>,
}

/// What stands under one path.
#[derive(Debug)]
pub(crate) struct Merged {
    /// The entry that counts.
    pub(crate) entry: Entry,
    /// The path is a file in one line and a directory in another.
    pub(crate) conflict: bool,
}

impl Sorted {
    fn pop(&mut self) -> Option<io::Result<Entry>> {
        let Head { entry, run } = self.heap.pop()?;
        match self.sources[run].next() {
            Some(Ok(next)) => self.heap.push(Head { entry: next, run }),
            Some(Err(error)) => return Some(Err(error)),
            None => {}
        }
        Some(Ok(entry))
    }

    fn peek(&self) -> Option<&PackPathBuf> {
        self.heap.peek().map(|head| &head.entry.path)
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Merged>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut entry = match self.pop()? {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        let mut conflict = false;
        while self.peek() == Some(&entry.path) {
            let later = match self.pop()? {
                Ok(later) => later,
                Err(error) => return Some(Err(error)),
            };
            let directory = |entry: &Entry| matches!(entry.kind, Kind::Directory(_));
            conflict |= directory(&entry) != directory(&later);
            if !is_implied(&later) {
                entry = later;
            }
        }
        Some(Ok(Merged { entry, conflict }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reader_core::{Codec, Content};

    fn file(path: &str, offset: u64) -> Entry {
        let content = Content {
            volume: 0,
            offset,
            stored_size: 0,
            size: 0,
            codec: Codec::Stored,
            digest: None,
            original_digest: None,
            blocks: None,
        };
        let path = PackPathBuf::new(path.into()).unwrap();
        Entry { path, kind: Kind::File(content), mode: Some(0o600), mtime: Some(1), owner: None }
    }

    #[test]
    fn runs_merge_into_key_order_and_the_last_line_counts() {
        let directory = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(directory.path());
        // More than two runs, each path twice, in an order that is not that of the keys.
        let total = RUN as u64 + 1000;
        for round in 0..2 {
            for i in 0..total {
                let n = i.wrapping_mul(7_919) % total;
                sorter.push(file(&format!("d{}/f{n:07}", n % 3), round * total + n)).unwrap();
            }
        }
        let merged: Vec<Merged> = sorter.finish().unwrap().map(Result::unwrap).collect();
        assert!(merged.is_sorted_by(|a, b| a.entry.path < b.entry.path));
        assert_eq!(merged.len() as u64, total + 3);
        for merged in &merged {
            assert!(!merged.conflict);
            if let Kind::File(content) = merged.entry.kind {
                assert!(content.offset >= total, "the later line counts");
            }
        }
    }

    #[test]
    fn a_file_that_is_also_a_directory_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(directory.path());
        sorter.push(file("a", 1)).unwrap();
        sorter.push(file("a/b", 2)).unwrap();
        let merged: Vec<Merged> = sorter.finish().unwrap().map(Result::unwrap).collect();
        let conflicts: Vec<bool> = merged.iter().map(|merged| merged.conflict).collect();
        assert_eq!(conflicts, [true, false]);
    }
}
