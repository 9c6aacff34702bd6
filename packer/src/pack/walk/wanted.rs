//! Which directories hold anything that is packed, when it is said what files are wanted.

use super::{ItemKind, Walk};
use crate::error::Result;
use crate::progress::{Observer, go_on};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

/// Directories with files or links below them. It costs a walk of its own: a directory comes before what is in it.
///
/// Of each path it keeps eight bytes, by which two may look like one: then a directory without files comes as well.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    paths: HashSet<u64>,
    hasher: RandomState,
}

impl Wanted {
    /// Finds them by a walk below `root`, which nothing narrows yet.
    pub(crate) fn find(walk: Walk, root: &Path, observer: &dyn Observer) -> Result<Wanted> {
        let mut wanted = Wanted { paths: HashSet::new(), hasher: RandomState::new() };
        for batch in walk {
            go_on(observer, root)?;
            if batch.items().any(|item| matches!(item.kind, ItemKind::File | ItemKind::Symlink)) {
                wanted.add(batch.directory.pack_path());
            }
        }
        Ok(wanted)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether something is packed below this directory.
    pub(crate) fn holds(&self, directory: &[u8]) -> bool {
        self.paths.contains(&self.hasher.hash_one(directory))
    }

    /// Adds a directory and those above it.
    fn add(&mut self, directory: &[u8]) {
        let ends = [directory.len()].into_iter().chain(memchr::memrchr_iter(b'/', directory));
        for end in ends.chain([0]) {
            if !self.paths.insert(self.hasher.hash_one(&directory[..end])) {
                return;
            }
        }
    }
}
