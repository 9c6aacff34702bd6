//! Brings entries that come in any order into key order, in bounded memory.
//!
//! An index written by the old programs, or by several runs of `create`, is not sorted and may name a
//! path more than once: the last line counts, and what it leaves no place for goes. Directories that no
//! line names are added.

use crate::error::{Action, Error};
use crate::index::spool::{Entries, Runs, Section};
use rangepack_core::ndjson::Refused;
use rangepack_core::{Ancestors, Entry, LastCounts, Limits, PackPathBuf};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// A run is sorted in memory and then written: this many entries, some 60 MB.
const RUN: usize = 200_000;

/// What a sorter's error means: limits speak of the `pack`, everything else of the temporary file in `scratch`.
pub(crate) fn failed<'p>(
    scratch: &'p Path,
    pack: &'p Path,
) -> impl FnOnce(io::Error) -> Error + 'p {
    move |error| match error.downcast() {
        Ok(error) => Error::pack_at(pack)(error),
        Err(error) => Error::io(Action::UseTemporary, scratch)(error),
    }
}

/// Takes entries in any order.
#[derive(Debug)]
pub(crate) struct Sorter {
    directory: PathBuf,
    run: Vec<Entry>,
    runs: Option<Runs>,
    ancestors: Ancestors,
}

impl Sorter {
    /// An empty one, whose temporary file lies in `directory`.
    pub(crate) fn new(directory: &Path) -> Sorter {
        Sorter {
            directory: directory.to_owned(),
            run: Vec::new(),
            runs: None,
            ancestors: Ancestors::new(&Limits::default()),
        }
    }

    /// Adds an entry, and the directories above it.
    ///
    /// # Errors
    /// What the system says of the temporary file; or, within, [`rangepack_core::Error::OverLimit`] when paths imply
    /// too many directories.
    pub(crate) fn push(&mut self, entry: Entry) -> io::Result<()> {
        let above = self.ancestors.above(entry.path.as_path());
        for directory in above.map_err(io::Error::other)? {
            self.push_one(directory)?;
        }
        self.push_one(entry)
    }

    /// Adds an entry, and nothing above it.
    pub(crate) fn push_one(&mut self, entry: Entry) -> io::Result<()> {
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

    /// The entries in key order, each path once.
    pub(crate) fn finish(self) -> io::Result<Sorted> {
        let merged = self.merge()?;
        Ok(Sorted { merged, paths: LastCounts::default(), refused: Vec::new() })
    }

    /// All entries in key order, those of one path in the order in which they came.
    pub(crate) fn merge(mut self) -> io::Result<Merged> {
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
        Ok(Merged { sources, heap })
    }
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

/// Entries in key order, as often as they came.
#[derive(Debug)]
pub(crate) struct Merged {
    sources: Vec<Source>,
    heap: BinaryHeap<Head>,
}

/// Entries in key order, each path once.
#[derive(Debug)]
pub(crate) struct Sorted {
    merged: Merged,
    paths: LastCounts,
    /// What was left out so far: a path is a file in one line, a directory in another.
    pub(crate) refused: Vec<Refused>,
}

impl Iterator for Merged {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        let Head { entry, run } = self.heap.pop()?;
        match self.sources[run].next() {
            Some(Ok(next)) => self.heap.push(Head { entry: next, run }),
            Some(Err(error)) => return Some(Err(error)),
            None => {}
        }
        Some(Ok(entry))
    }
}

impl Merged {
    /// The path of the next entry.
    pub(crate) fn peek(&self) -> Option<&PackPathBuf> {
        self.heap.peek().map(|head| &head.entry.path)
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut entry = loop {
            match self.merged.next()? {
                Ok(entry) => match self.paths.refuse_below(&entry) {
                    Some(below) => self.refused.extend(below),
                    None => break entry,
                },
                Err(error) => return Some(Err(error)),
            }
        };
        while self.merged.peek() == Some(&entry.path) {
            match self.merged.next()? {
                Ok(later) => self.refused.extend(self.paths.combine(&mut entry, later)),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rangepack_core::{Codec, Content, Kind};

    fn file(path: &str, offset: u64) -> Entry {
        let content = Content::new(Codec::Stored, offset, 0, 0);
        let path = PackPathBuf::new(path.into()).unwrap();
        Entry::new(path, Kind::File(content)).with_mode(Some(0o600)).with_mtime(Some(1))
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
        let mut sorted = sorter.finish().unwrap();
        let merged: Vec<Entry> = sorted.by_ref().map(Result::unwrap).collect();
        assert!(sorted.refused.is_empty());
        assert!(merged.is_sorted_by(|a, b| a.path < b.path));
        assert_eq!(merged.len() as u64, total + 3);
        for entry in &merged {
            if let Kind::File(content) = entry.kind {
                assert!(content.offset >= total, "the later line counts");
            }
        }
    }

    #[test]
    fn of_file_and_directory_the_later_one_counts() {
        let directory = tempfile::tempdir().unwrap();
        let sorted = |lines: &[&str]| {
            let mut sorter = Sorter::new(directory.path());
            for line in lines {
                sorter.push(file(line, 1)).unwrap();
            }
            let mut sorted = sorter.finish().unwrap();
            let paths: Vec<String> =
                sorted.by_ref().map(|entry| entry.unwrap().path.display().to_string()).collect();
            let refused: Vec<Vec<u8>> = sorted.refused.into_iter().map(|one| one.name).collect();
            (paths.join(" "), String::from_utf8(refused.join(&b' ')).unwrap())
        };
        let is = |lines: &[&str], paths: &str, refused: &str| {
            assert_eq!(sorted(lines), (paths.to_owned(), refused.to_owned()));
        };
        is(&["a", "a/b"], "a a/b", "a");
        is(&["a/b", "a"], "a", "a/b");
        is(&["a/b/c/d", "a/b/e", "z", "a/b"], "a z a/b", "a/b/e a/b/c/d");
        is(&["a/b/c", "a/b", "a/d", "a/b/e"], "a a/b a/d a/b/c a/b/e", "a/b");
        is(&["a/b/c", "a", "a/b"], "a a/b", "a a/b/c");
    }
}
