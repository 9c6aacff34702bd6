//! What an old index lacks: every directory has an entry, and every path has one (FORMAT.md, "Entries").

use crate::error::{Error, PathProblem, Result};
use crate::old::ndjson::Refused;
use crate::{Entry, Kind, Limits, PackPath, Totals};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// A path of so many bytes more gives room for its directories: that of the rest of a line.
const LINE: u64 = 64;

/// So many times the length of the lines that imply them may directories take.
const SHARE: u64 = 40;

/// Gives the directories above each path, for indexes that have no lines for directories.
#[derive(Debug)]
pub struct Ancestors {
    last: Vec<u8>,
    /// How much memory those to come may take.
    left: u64,
    limit: u64,
}

impl Ancestors {
    /// Before the first path.
    pub fn new(limits: &Limits) -> Ancestors {
        Ancestors { last: Vec::new(), left: limits.implied_bytes, limit: limits.implied_bytes }
    }

    /// Entries for the directories above `path`, save those that the last path lay below, too: it gave them, and
    /// nothing can have taken their place since.
    ///
    /// # Errors
    /// [`crate::Error::OverLimit`] when those of all paths would take more than [`Limits::implied_bytes`].
    pub fn above(&mut self, path: PackPath<'_>) -> Result<Vec<Entry>> {
        let mut above = Vec::new();
        let mut directory = path.parent();
        let line = (path.as_bytes().len() as u64).saturating_add(LINE);
        self.left = self.left.saturating_add(line.saturating_mul(SHARE));
        while !directory.is_root() && !self.last_lay_below(directory.as_bytes()) {
            let size = directory.as_bytes().len().saturating_add(size_of::<Entry>()) as u64;
            let over = Error::OverLimit {
                what: "implied_bytes",
                value: self.limit.saturating_add(size),
                limit: self.limit,
            };
            self.left = self.left.checked_sub(size).ok_or(over)?;
            let kind = Kind::Directory(Totals::default());
            above.push(Entry::new(directory.to_owned(), kind));
            directory = directory.parent();
        }
        let parent = path.parent();
        if parent.as_bytes() != self.last {
            self.last = parent.as_bytes().to_vec();
        }
        Ok(above)
    }

    fn last_lay_below(&self, directory: &[u8]) -> bool {
        let rest = self.last.strip_prefix(directory);
        rest.is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PackPathBuf;
    use alloc::string::ToString;

    fn entry(path: &str) -> Entry {
        let kind = match path.strip_suffix('/') {
            Some(_) => Kind::Directory(Totals::default()),
            None => Kind::Symlink(b"x".to_vec()),
        };
        let path = PackPathBuf::new(path.trim_end_matches('/').into()).unwrap();
        Entry::new(path, kind).with_mode(Some(0))
    }

    #[test]
    fn directories_are_implied_once_until_a_path_elsewhere() {
        let mut ancestors = Ancestors::new(&Limits::default());
        for (path, expected) in [
            ("a/b/c/x", "a/b/c a/b a"),
            ("a/b/c/y", ""),
            ("a/b/c/d/x", "a/b/c/d"),
            ("a/bc/x", "a/bc"),
            ("a/b", ""),
            // In its place may be a file now.
            ("a/b/x", "a/b"),
            ("a", ""),
            ("a/x", "a"),
            ("x", ""),
            ("a/b/c/z", "a/b/c a/b a"),
        ] {
            let above = ancestors.above(PackPath::new(path.as_bytes()).unwrap()).unwrap();
            let names: Vec<_> = above.iter().map(|entry| entry.path.as_bytes()).collect();
            assert_eq!(names.join(&b' '), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn the_last_line_counts_and_conflicts_are_told() {
        let above = |path: &[u8]| {
            Ancestors::new(&Limits::default()).above(PackPath::new(path).unwrap()).unwrap()
        };
        let implied = above(b"a/b");
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
        let nobody = above(b"a/b/c");
        assert_eq!(paths.refuse_below(&nobody[0]), Some(None));
        for beside in ["a", "a-", "a-/b", "b/a"] {
            assert_eq!(paths.refuse_below(&entry(beside)), None);
        }
        assert!(paths.combine(&mut kept, implied[0].clone()).is_some());
        assert_eq!(paths.refuse_below(&entry("a/b")), None);
    }

    #[test]
    fn directories_of_the_last_path_are_not_given_again() {
        let mut ancestors = Ancestors::new(&Limits::default());
        let mut above = |path: &'static str| {
            let above = ancestors.above(PackPath::new(path.as_bytes()).unwrap()).unwrap();
            above.iter().map(|entry| entry.path.to_str().unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(above("a/b/c/x"), ["a/b/c", "a/b", "a"]);
        assert_eq!(above("a/b/c/y"), [""; 0]);
        assert_eq!(above("a/b/d/x"), ["a/b/d"]);
        // A file where a directory was: what comes below it is a directory again.
        assert_eq!(above("a/b"), [""; 0]);
        assert_eq!(above("a/b/d/y"), ["a/b/d", "a/b"]);
        assert_eq!(above("ab/x"), ["ab"]);
    }

    #[test]
    fn deep_paths_imply_no_end_of_directories() {
        let mut ancestors = Ancestors::new(&Limits::default());
        let mut taken = 0;
        let stopped = (0..1000).find_map(|number: u32| {
            let path = alloc::format!("{number}{}", "/a".repeat(4000));
            let above = ancestors.above(PackPath::new(path.as_bytes()).unwrap());
            let size = |entry: &Entry| entry.path.as_bytes().len() + size_of::<Entry>();
            taken += above.iter().flatten().map(size).sum::<usize>();
            above.err()
        });
        assert!(matches!(stopped, Some(Error::OverLimit { what: "implied_bytes", .. })));
        assert!(taken < 70 << 20, "{taken}");
        // Paths as deep as those of people's trees may go on for ever, in any order.
        for number in 0..100_000 {
            let path =
                alloc::format!("{number}/some/ten/directories/of/usual/names/deep/in/a/tree");
            ancestors.above(PackPath::new(path.as_bytes()).unwrap()).unwrap();
        }
    }
}
