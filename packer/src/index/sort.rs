//! Brings entries that come in any order into key order, in bounded memory.
//!
//! An index written by the old programs, or by several runs of `create`, is not sorted and may name a
//! path more than once: the last line counts, and what it leaves no place for goes. Directories that no
//! line names are added.

use crate::error::{Action, Error};
use crate::index::merging::Merging;
use crate::index::spool::{Entries, Runs, Section};
use rangepack_core::ndjson::Refused;
use rangepack_core::{Ancestors, Entry, LastCounts, Limits, PackPathBuf};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// So many entries are sorted in memory and then written: some 3 MB.
const AT_ONCE: usize = 8 << 10;

/// For each of so many runs that there are already they are twice, three times as many, so that runs do not get too many. Ten
/// million entries in no order make some 300 runs.
const RUNS: usize = 32;

/// But no more than this, which takes some 60 MB.
const MOST: usize = 200_000;

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
        let runs = self.runs.as_ref().map_or(0, Runs::len);
        if self.run.len() >= (AT_ONCE * (1 + runs / RUNS)).min(MOST) {
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
        runs.push(&self.run)?;
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
        Ok(Merged(Merging::new(sources)?))
    }
}

#[derive(Debug)]
enum Source {
    Memory(std::vec::IntoIter<Entry>),
    File(Entries<BufReader<Section>>),
}

impl Iterator for Source {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        match self {
            Source::Memory(entries) => entries.next().map(Ok),
            Source::File(entries) => entries.next(),
        }
    }
}

/// Entries in key order, as often as they came.
#[derive(Debug)]
pub(crate) struct Merged(Merging<Source>);

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
        Some(self.0.next()?.map(|(_, entry)| entry))
    }
}

impl Merged {
    /// The path of the next entry.
    pub(crate) fn peek(&self) -> Option<&PackPathBuf> {
        self.0.peek()
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
        // Many runs, each path twice, in an order that is not that of the keys.
        let total = 200_000u64;
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

    /// Files in order, whose directories are implied and so come late.
    #[test]
    fn what_comes_in_order_makes_few_runs() {
        let directory = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(directory.path());
        for round in 0..2 {
            for number in 0..3 * AT_ONCE as u64 {
                sorter.push(file(&format!("d{:03}/{number:06}", number / 500), round)).unwrap();
            }
        }
        assert!(sorter.runs.as_ref().unwrap().len() <= 4);
        let sorted: Vec<Entry> = sorter.finish().unwrap().map(Result::unwrap).collect();
        assert!(sorted.is_sorted_by(|a, b| a.path < b.path));
        let last =
            |entry: &Entry| !matches!(entry.kind, Kind::File(content) if content.offset == 0);
        assert!(sorted.iter().all(last), "the later line counts");
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
