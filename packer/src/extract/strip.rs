//! Paths without their first components.

use super::names::Rules;
use super::scan::{Ranges, scan};
use crate::Result;
use crate::read::pack::Pack;
use rangepack_core::PackPath;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

const TAKEN: &str =
    "another entry has its name already, now that the first components are left out";

/// How many components are left out, and of what.
#[derive(Debug, Clone, Default)]
pub(super) struct Strip {
    components: usize,
    /// What is left out, where that is the same everywhere.
    only: Option<Vec<u8>>,
}

impl Strip {
    /// Leaves so many components out.
    pub(super) fn new(components: usize) -> Strip {
        Strip { components, only: None }
    }

    /// The directory in the target of entries in `directory`; `None` when nothing is left of their names.
    pub(super) fn directory<'d>(&self, directory: PackPath<'d>) -> Option<PackPath<'d>> {
        if self.components == 0 {
            return Some(directory);
        }
        let path = directory.as_bytes();
        match memchr::memchr_iter(b'/', path).nth(self.components - 1) {
            Some(end) => PackPath::new(&path[end + 1..]).ok(),
            None => {
                let has = memchr::memchr_iter(b'/', path).count() + usize::from(!path.is_empty());
                (has == self.components).then_some(PackPath::ROOT)
            }
        }
    }

    /// The path in the target of the entry at `path`, which lies in `directory`; `None` when nothing is left of it.
    pub(super) fn path<'p>(&self, directory: PackPath<'_>, path: &'p [u8]) -> Option<&'p [u8]> {
        let left = self.directory(directory)?;
        let stripped = directory.as_bytes().len() - left.as_bytes().len();
        // Without anything above it, the slash before its name goes, too.
        path.get(stripped + usize::from(left.is_root() && stripped > 0)..)
    }

    /// The directory in the pack that becomes `directory` in the target, where there is one only.
    pub(super) fn original(&self, directory: &[u8]) -> Option<Vec<u8>> {
        match (self.components, &self.only) {
            (0, _) => Some(directory.to_vec()),
            (_, Some(only)) => Some([only, &b"/"[..], directory].concat()),
            (_, None) => None,
        }
    }

    /// Takes files and links out of `ranges` whose names others have in the target; `refuse` is told each.
    pub(super) fn apply(
        &mut self,
        pack: &Pack,
        rules: Rules,
        ranges: Ranges,
        mut refuse: impl FnMut(&[u8], &str),
    ) -> Result<Ranges> {
        if self.components == 0 || self.find_only(pack, &ranges)? {
            return Ok(ranges);
        }
        let (hasher, mut names, mut kept) = (RandomState::new(), HashSet::new(), Ranges::default());
        let mut path = Vec::new();
        for item in ranges.iter().flat_map(|range| scan(pack, range)) {
            let (ordinal, entry) = item?;
            path.clear();
            entry.push_path(&mut path);
            let target = self.path(entry.directory(), &path);
            let is_taken = !entry.is_directory()
                && target.is_some_and(|path| !names.insert(hasher.hash_one(rules.fold(path))));
            if is_taken {
                refuse(&path, TAKEN);
            } else {
                kept.push(ordinal..ordinal + 1);
            }
        }
        Ok(kept)
    }

    /// Finds out whether all entries lie in the same directory, as far as it is left out.
    fn find_only(&mut self, pack: &Pack, ranges: &Ranges) -> Result<bool> {
        let mut only: Option<Vec<u8>> = None;
        for item in ranges.iter().flat_map(|range| scan(pack, range)) {
            let directory = item?.1.directory();
            let Some(target) = self.directory(directory) else { continue };
            let path = directory.as_bytes();
            let end = path.len() - target.as_bytes().len();
            let first = &path[..end.saturating_sub(usize::from(!target.is_root()))];
            if only.as_ref().is_some_and(|only| only != first) {
                return Ok(false);
            }
            if only.is_none() {
                only = Some(first.to_vec());
            }
        }
        self.only = only;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_directory() {
        let left = |components, path: &str| {
            let path = PackPath::directory(path.as_bytes()).unwrap();
            let left = Strip::new(components).directory(path);
            left.map(|left| String::from_utf8(left.as_bytes().to_vec()).unwrap())
        };
        assert_eq!(left(0, ""), Some(String::new()));
        assert_eq!(left(0, "a/b"), Some("a/b".into()));
        assert_eq!(left(1, ""), None);
        assert_eq!(left(1, "a"), Some(String::new()));
        assert_eq!(left(1, "a/b/c"), Some("b/c".into()));
        assert_eq!(left(2, "a"), None);
        assert_eq!(left(2, "a/b"), Some(String::new()));
        assert_eq!(left(2, "a/b/c"), Some("c".into()));
        let path = |components, path: &'static str| {
            let path = PackPath::new(path.as_bytes()).unwrap();
            Strip::new(components).path(path.parent(), path.as_bytes())
        };
        assert_eq!(path(0, "a/b"), Some(&b"a/b"[..]));
        assert_eq!(path(1, "a/b/c"), Some(&b"b/c"[..]));
        assert_eq!(path(2, "a/b/c"), Some(&b"c"[..]));
        assert_eq!(path(1, "a"), None);
    }
}
