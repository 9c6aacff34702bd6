//! What an old index lacks: every directory has an entry, and every path has one (FORMAT.md, "Entries").

use crate::error::PathProblem;
use crate::old::ndjson::Refused;
use crate::{Entry, Kind, PackPath, Totals};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Gives the directories above each path, for indexes that have no lines for directories.
#[derive(Debug, Default)]
pub struct Ancestors {
    last: Vec<u8>,
}

impl Ancestors {
    /// Entries for the directories above `path`, save those that the last path lay below, too: it gave them, and
    /// nothing can have taken their place since.
    pub fn above(&mut self, path: PackPath<'_>) -> Vec<Entry> {
        let mut above = Vec::new();
        let mut directory = path.parent();
        while !directory.is_root() && !self.last_lay_below(directory.as_bytes()) {
            let kind = Kind::Directory(Totals::default());
            above.push(Entry::new(directory.to_owned(), kind));
            directory = directory.parent();
        }
        let parent = path.parent();
        if parent.as_bytes() != self.last {
            self.last = parent.as_bytes().to_vec();
        }
        above
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
        let mut ancestors = Ancestors::default();
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
            let above = ancestors.above(PackPath::new(path.as_bytes()).unwrap());
            let names: Vec<_> = above.iter().map(|entry| entry.path.as_bytes()).collect();
            assert_eq!(names.join(&b' '), expected.as_bytes(), "{path}");
        }
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
