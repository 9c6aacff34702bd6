//! What an index needs beyond the entries themselves: every directory has an entry, every path has
//! one, and every directory has its totals (FORMAT.md, "Entries").

use crate::error::{Error, PathProblem, Result, Structure};
use crate::old::ndjson::Refused;
use crate::{Entry, Kind, PackPath, Totals};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

/// Gives the directories above each path, for indexes that have no lines for directories.
#[derive(Debug, Default)]
pub struct Ancestors {
    last: Vec<u8>,
}

impl Ancestors {
    /// Entries for the directories above `path`; none when the last path lay in the same one.
    pub fn above(&mut self, path: PackPath<'_>) -> Vec<Entry> {
        let mut above = Vec::new();
        let mut directory = path.parent();
        if directory.as_bytes() != self.last {
            self.last = directory.as_bytes().to_vec();
            while !directory.is_root() {
                let kind = Kind::Directory(Totals::default());
                above.push(Entry {
                    path: directory.to_owned(),
                    kind,
                    mode: None,
                    mtime: None,
                    owner: None,
                });
                directory = directory.parent();
            }
        }
        above
    }
}

/// Whether an entry stands only for a directory that other entries imply.
fn is_implied(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Directory(_)) && entry.mode.is_none() && entry.mtime.is_none()
}

/// Decides what stands under each path: of several entries the last one counts.
///
/// Entries come in key order, those of one path as they were written, and with the directories that each
/// of them implied at its place among them. What a path cannot be any more comes back refused: a
/// file where a directory was made later, and everything below a directory where a file was.
///
/// Memory: the paths where a file came after a directory.
#[derive(Debug, Default)]
pub struct LastCounts {
    /// Not directories any more.
    files: BTreeSet<Vec<u8>>,
}

impl LastCounts {
    /// Takes in a later entry of the same path.
    pub fn combine(&mut self, entry: &mut Entry, later: Entry) -> Option<Refused> {
        let is_directory = |entry: &Entry| matches!(entry.kind, Kind::Directory(_));
        match (is_directory(entry), is_directory(&later)) {
            (true, false) => {
                self.files.insert(later.path.as_bytes().to_vec());
                *entry = later;
                None
            }
            (false, true) => {
                let refused = refuse(entry, PathProblem::AlsoDirectory);
                self.files.remove(later.path.as_bytes());
                *entry = later;
                Some(refused)
            }
            _ => {
                if !is_implied(&later) {
                    *entry = later;
                }
                None
            }
        }
    }

    /// Whether there is no place for an entry, because a directory above it is none any more. Those that
    /// were only implied are left out, too, but nobody misses them: `Some(None)`.
    pub fn refuse_below(&self, entry: &Entry) -> Option<Option<Refused>> {
        if self.files.is_empty() {
            return None;
        }
        let mut directory = entry.path.as_path().parent();
        while !directory.is_root() {
            if self.files.contains(directory.as_bytes()) {
                return Some((!is_implied(entry)).then(|| refuse(entry, PathProblem::BelowFile)));
            }
            directory = directory.parent();
        }
        None
    }
}

fn refuse(entry: &Entry, problem: PathProblem) -> Refused {
    Refused { name: entry.path.as_bytes().to_vec(), problem }
}

/// Sums up directories while entries pass by in key order.
///
/// Memory grows with the number of directories (32 bytes each) and with the subdirectories of those
/// that are open, not with the number of files.
#[derive(Debug)]
pub struct DirectorySums {
    /// In the order in which directories come.
    totals: Vec<Totals>,
    /// Open directories from the root down; the root is always open.
    open: Vec<Open>,
    entries: u64,
}

#[derive(Debug, Default)]
struct Open {
    path: Vec<u8>,
    /// Place in `totals`; `None` for the root.
    number: Option<usize>,
    sum: Totals,
    /// Subdirectories whose children have not come yet, in order.
    pending: VecDeque<(Vec<u8>, usize)>,
}

impl Default for DirectorySums {
    fn default() -> Self {
        DirectorySums { totals: Vec::new(), open: alloc::vec![Open::default()], entries: 0 }
    }
}

impl DirectorySums {
    /// Takes in the next entry; [`Error::KeyOrder`] when its directory has not come before.
    pub fn push(&mut self, entry: &Entry) -> Result<()> {
        let parent = entry.path.as_path().parent().as_bytes();
        while self.open.last().is_some_and(|top| top.path != parent) {
            if !self.enter(parent) && !self.close() {
                return Err(Error::KeyOrder { structure: Structure::Leaf, number: self.entries });
            }
        }
        self.entries = self.entries.saturating_add(1);
        if let Some(top) = self.open.last_mut() {
            top.sum.add(&Totals::of(&entry.kind));
            if matches!(entry.kind, Kind::Directory(_)) {
                top.pending.push_back((entry.path.as_path().name().to_vec(), self.totals.len()));
                self.totals.push(Totals::default());
            }
        }
        Ok(())
    }

    /// Goes one level down towards `directory`, if it lies below the innermost open one.
    fn enter(&mut self, directory: &[u8]) -> bool {
        let Some(top) = self.open.last_mut() else { return false };
        let rest = match directory.strip_prefix(top.path.as_slice()) {
            Some(rest) if top.path.is_empty() => rest,
            Some([b'/', rest @ ..]) => rest,
            _ => return false,
        };
        let name = rest.split(|byte| *byte == b'/').next().unwrap_or(rest);
        while let Some((pending, number)) = top.pending.pop_front() {
            if pending == name {
                let below = directory.len().saturating_sub(rest.len()).saturating_add(name.len());
                let path = directory.get(..below).unwrap_or(directory).to_vec();
                self.open.push(Open { path, number: Some(number), ..Open::default() });
                return true;
            }
        }
        false
    }

    /// Closes the innermost directory; `false` when only the root is open.
    fn close(&mut self) -> bool {
        if self.open.len() < 2 {
            return false;
        }
        let Some(closed) = self.open.pop() else { return false };
        if let Some(place) = closed.number.and_then(|number| self.totals.get_mut(number)) {
            *place = closed.sum;
        }
        if let Some(above) = self.open.last_mut() {
            above.sum.add(&closed.sum);
        }
        true
    }

    /// The totals of all directories, in the order in which they came.
    pub fn finish(mut self) -> Vec<Totals> {
        while self.close() {}
        self.totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PackPathBuf;

    fn entry(path: &str) -> Entry {
        let kind = match path.strip_suffix('/') {
            Some(_) => Kind::Directory(Totals::default()),
            None => Kind::Symlink(b"x".to_vec()),
        };
        let path = PackPathBuf::new(path.trim_end_matches('/').into()).unwrap();
        Entry { path, kind, mode: Some(0), mtime: None, owner: None }
    }

    #[test]
    fn totals_of_nested_and_empty_directories() {
        let mut sums = DirectorySums::default();
        let order =
            ["a/", "b/", "c/", "x", "a/d/", "a/e/", "a/f", "a/e/g", "a/e/h/", "a/e/h/i", "c/j"];
        for path in order {
            sums.push(&entry(path)).unwrap();
        }
        let sums: Vec<(u64, u64)> =
            sums.finish().iter().map(|t| (t.files, t.directories)).collect();
        // a, b, c, a/d, a/e, a/e/h
        assert_eq!(sums, [(3, 3), (0, 0), (1, 0), (0, 0), (2, 1), (1, 0)]);
    }

    #[test]
    fn an_entry_without_its_directory_is_an_error() {
        let mut sums = DirectorySums::default();
        sums.push(&entry("a/")).unwrap();
        assert!(sums.push(&entry("b/c")).is_err());
        assert!(DirectorySums::default().push(&entry("a/b")).is_err());
    }

    #[test]
    fn the_last_line_counts_and_conflicts_are_told() {
        let implied = Ancestors::default().above(PackPath::new(b"a/b").unwrap());
        assert_eq!(implied.len(), 1);
        let mut paths = LastCounts::default();
        let mut kept = entry("a");
        assert_eq!(paths.combine(&mut kept, Entry { mode: Some(7), ..entry("a") }), None);
        assert_eq!(kept.mode, Some(7));
        let refused = paths.combine(&mut kept, entry("a/")).unwrap();
        assert_eq!((&refused.name[..], refused.problem), (&b"a"[..], PathProblem::AlsoDirectory));
        assert!(matches!(kept.kind, Kind::Directory(_)));
        assert_eq!(paths.combine(&mut kept, implied[0].clone()), None);
        assert_eq!(kept.mode, Some(0), "an implied directory says nothing new");
        assert_eq!(paths.refuse_below(&entry("a/b")), None);
        // A file again: there is no place below it, until something below it comes.
        assert_eq!(paths.combine(&mut kept, entry("a")), None);
        assert!(matches!(kept.kind, Kind::Symlink(_)));
        for below in ["a/b", "a/b/c/"] {
            let refused = paths.refuse_below(&entry(below)).unwrap().unwrap();
            assert_eq!(refused.problem, PathProblem::BelowFile);
        }
        let nobody = Ancestors::default().above(PackPath::new(b"a/b/c").unwrap());
        assert_eq!(paths.refuse_below(&nobody[0]), Some(None));
        for beside in ["a", "a-", "a-/b", "b/a"] {
            assert_eq!(paths.refuse_below(&entry(beside)), None);
        }
        assert!(paths.combine(&mut kept, implied[0].clone()).is_some());
        assert_eq!(paths.refuse_below(&entry("a/b")), None);
    }
}
