//! The totals and tree digests of directories (FORMAT.md, "Entries", "Tree digests").

use crate::entry::{Gist, What};
use crate::error::{Error, Result, Structure};
use crate::format::layout::TreeHasher;
use crate::{Digest, Entry, Totals};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Sums up directories while entries pass by in key order.
///
/// Memory grows with the number of directories (72 bytes each) and with the subdirectories of those
/// that are open, not with the number of files.
#[derive(Debug)]
pub struct DirectorySums {
    /// In the order in which directories come.
    directories: Vec<(Totals, Option<Digest>)>,
    /// Open directories inside the root, outermost first.
    open: Vec<Open>,
    root: Open,
    entries: u64,
}

/// The sums of all directories.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sums {
    /// Totals and tree digest of each directory, in the order in which they came.
    pub directories: Vec<(Totals, Option<Digest>)>,
    /// Those of the root directory.
    pub root: (Totals, Option<Digest>),
}

#[derive(Debug)]
struct Open {
    path: Vec<u8>,
    this: Pending,
    sum: Totals,
    tree: TreeHasher,
    /// Subdirectories whose children have not come yet, in order.
    pending: VecDeque<Pending>,
}

/// A directory whose entry has come.
#[derive(Debug, Default)]
struct Pending {
    name: Vec<u8>,
    mode: Option<u32>,
    /// Place in `directories`.
    number: usize,
}

impl Open {
    fn new(path: Vec<u8>, this: Pending) -> Open {
        let (sum, pending) = (Totals::default(), VecDeque::new());
        Open { path, this, sum, tree: TreeHasher::new(), pending }
    }
}

impl Default for DirectorySums {
    fn default() -> Self {
        let root = Open::new(Vec::new(), Pending::default());
        DirectorySums { directories: Vec::new(), open: Vec::new(), root, entries: 0 }
    }
}

impl DirectorySums {
    fn top(&mut self) -> &mut Open {
        self.open.last_mut().unwrap_or(&mut self.root)
    }

    /// Takes in the next entry; [`Error::KeyOrder`] when its directory has not come before.
    pub fn push(&mut self, entry: &Entry) -> Result<()> {
        self.push_gist(&Gist::of(entry))
    }

    /// The same of what is needed of it.
    ///
    /// # Errors
    /// As of [`DirectorySums::push`].
    pub fn push_gist(&mut self, entry: &Gist<'_>) -> Result<()> {
        let (parent, name) = entry.path.split();
        let parent = parent.as_bytes();
        while self.top().path != parent {
            if !self.enter(parent)? && !self.close()? {
                return Err(Error::KeyOrder { structure: Structure::Leaf, number: self.entries });
            }
        }
        self.entries = self.entries.saturating_add(1);
        let number = self.directories.len();
        let top = self.top();
        top.sum.add(&entry.totals());
        top.tree.entry(entry)?;
        if matches!(entry.what, What::Directory) {
            let name = name.to_vec();
            top.pending.push_back(Pending { name, mode: entry.mode, number });
            self.directories.push((Totals::default(), None));
        }
        Ok(())
    }

    /// Goes one level down towards `directory`, if it lies below the innermost open one.
    fn enter(&mut self, directory: &[u8]) -> Result<bool> {
        let top = self.top();
        let rest = match directory.strip_prefix(top.path.as_slice()) {
            Some(rest) if top.path.is_empty() => rest,
            Some([b'/', rest @ ..]) => rest,
            _ => return Ok(false),
        };
        let name = rest.split(|byte| *byte == b'/').next().unwrap_or(rest);
        while let Some(pending) = self.top().pending.pop_front() {
            if pending.name == name {
                let below = directory.len().saturating_sub(rest.len()).saturating_add(name.len());
                let path = directory.get(..below).unwrap_or(directory).to_vec();
                self.open.push(Open::new(path, pending));
                return Ok(true);
            }
            self.end(Open::new(Vec::new(), pending))?;
        }
        Ok(false)
    }

    /// Closes the innermost directory; `false` when only the root is open.
    fn close(&mut self) -> Result<bool> {
        // What is in it and has not come by now is empty.
        while let Some(pending) = self.top().pending.pop_front() {
            self.end(Open::new(Vec::new(), pending))?;
        }
        match self.open.pop() {
            Some(closed) => self.end(closed).map(|()| true),
            None => Ok(false),
        }
    }

    /// Notes the sums of a directory whose parent is the innermost open one.
    fn end(&mut self, directory: Open) -> Result<()> {
        let Open { this, sum, tree, .. } = directory;
        let digest = tree.finish();
        if let Some(place) = self.directories.get_mut(this.number) {
            *place = (sum, digest);
        }
        let above = self.top();
        above.sum.add(&sum);
        above.tree.directory(this.mode, &this.name, digest)
    }

    /// The sums of all directories.
    pub fn finish(mut self) -> Result<Sums> {
        while self.close()? {}
        let root = (self.root.sum, self.root.tree.finish());
        Ok(Sums { directories: self.directories, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PackPathBuf;
    use crate::{Codec, Content, Kind};

    fn entry(path: &str) -> Entry {
        let kind = match path.strip_suffix('/') {
            Some(_) => Kind::Directory(Totals::default()),
            None => Kind::Symlink(b"x".to_vec()),
        };
        let path = PackPathBuf::new(path.trim_end_matches('/').into()).unwrap();
        Entry::new(path, kind).with_mode(Some(0))
    }

    #[test]
    fn totals_of_nested_and_empty_directories() {
        let mut sums = DirectorySums::default();
        let order =
            ["a/", "b/", "c/", "x", "a/d/", "a/e/", "a/f", "a/e/g", "a/e/h/", "a/e/h/i", "c/j"];
        for path in order {
            sums.push(&entry(path)).unwrap();
        }
        let sums = sums.finish().unwrap();
        let sums: Vec<(u64, u64)> =
            sums.directories.iter().map(|(t, _)| (t.files, t.directories)).collect();
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

    /// The tree digest of these entries, by the definition: directory by directory.
    fn tree_digest(entries: &[Entry], directory: &str) -> Digest {
        let inside =
            |entry: &&Entry| entry.path.as_path().parent().as_bytes() == directory.as_bytes();
        let is_directory = |entry: &&Entry| matches!(entry.kind, Kind::Directory(_));
        let mut bytes = b"RngTree1".to_vec();
        let mut record = |kind: u8, entry: &Entry, rest: &[u8]| {
            let name = entry.path.as_path().name();
            bytes.push(kind);
            bytes.extend((entry.mode.unwrap_or(0xffff) as u16).to_le_bytes());
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend([name, rest].concat());
        };
        for entry in entries.iter().filter(inside) {
            match &entry.kind {
                Kind::File(content) => {
                    let digest = content.content_digest().unwrap();
                    record(0, entry, &[&content.size.to_le_bytes()[..], &digest.0].concat());
                }
                Kind::Symlink(to) => {
                    record(2, entry, &[&(to.len() as u16).to_le_bytes()[..], to].concat());
                }
                Kind::Directory(_) => {}
            }
        }
        for entry in entries.iter().filter(inside).filter(is_directory) {
            let path = core::str::from_utf8(entry.path.as_bytes()).unwrap();
            record(1, entry, &tree_digest(entries, path).0);
        }
        Digest::of(&bytes)
    }

    #[test]
    fn tree_digests_are_what_they_are_said_to_be() {
        let file = |path: &str, codec| {
            let content = Content::new(codec, 5, 6, 7)
                .with_digest(Some(Digest([1; 32])))
                .with_original_digest(Some(Digest([2; 32])));
            Entry::new(PackPathBuf::new(path.into()).unwrap(), Kind::File(content))
        };
        let mut entries: Vec<Entry> =
            ["a/", "b/", "c/", "x", "a/d/", "a/e/", "a/f"].map(entry).into();
        entries.push(file("a/g", Codec::Gzip).with_mode(Some(0o644)));
        entries.push(file("a/e/h", Codec::Stored));
        entries.push(entry("a/e/i/"));
        entries.push(entry("c/j"));
        let sums_of = |entries: &[Entry]| {
            let mut sums = DirectorySums::default();
            entries.iter().for_each(|entry| sums.push(entry).unwrap());
            sums.finish().unwrap()
        };
        let sums = sums_of(&entries);
        let directories = ["a", "b", "c", "a/d", "a/e", "a/e/i"];
        for (path, (_, found)) in directories.iter().zip(&sums.directories) {
            assert_eq!(*found, Some(tree_digest(&entries, path)), "{path}");
        }
        assert_eq!(sums.root.1, Some(tree_digest(&entries, "")));
        assert_eq!((sums.root.0.files, sums.root.0.directories), (5, 6));
        // Times and places make no difference, modes do.
        let later: Vec<Entry> = entries.iter().map(|e| e.clone().with_mtime(Some(7))).collect();
        assert_eq!(sums_of(&later), sums);
        let other: Vec<Entry> = entries.iter().map(|e| e.clone().with_mode(None)).collect();
        assert_ne!(sums_of(&other).root.1, sums.root.1);
        // What is not known makes everything above it unknown, and nothing else.
        let Kind::File(content) = &mut entries[8].kind else { panic!() };
        content.digest = None;
        let unknown: Vec<bool> =
            sums_of(&entries).directories.iter().map(|(_, digest)| digest.is_none()).collect();
        assert_eq!(unknown, [true, false, false, false, true, false]);
    }
}
