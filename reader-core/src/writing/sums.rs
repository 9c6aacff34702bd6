//! The totals of directories (FORMAT.md, "Entries").

use crate::error::{Error, Result, Structure};
use crate::{Entry, Kind, Totals};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

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
}
