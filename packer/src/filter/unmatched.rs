//! Patterns of a filter that matched nothing of what was packed.

use super::{Filter, Globs};

/// Sees what is packed, and crosses off the patterns that match it.
#[derive(Debug)]
pub(crate) struct Unmatched<'f> {
    include: Option<&'f Globs>,
    given: &'f [String],
    /// The numbers of those that matched nothing yet.
    left: Vec<usize>,
    found: Vec<usize>,
}

impl Filter {
    /// Nothing is packed yet.
    pub(crate) fn unmatched(&self) -> Unmatched<'_> {
        let (include, given) = (self.include.as_ref(), &self.given[..]);
        let left = (0..include.map_or(0, Globs::len)).collect();
        Unmatched { include, given, left, found: Vec::new() }
    }
}

impl Unmatched<'_> {
    /// Something was packed. Directories bring what is in them.
    pub(crate) fn see(&mut self, path: &[u8], is_directory: bool) {
        let Some(include) = self.include.filter(|_| !self.left.is_empty()) else { return };
        let above = memchr::memchr_iter(b'/', path).map(|end| (&path[..end], true));
        for (path, is_directory) in above.chain([(path, is_directory)]) {
            include.matching(path, is_directory, &mut self.found);
            self.left.retain(|number| !self.found.contains(number));
        }
    }

    /// The patterns that are left, as they were given.
    pub(crate) fn patterns(&self) -> Vec<String> {
        self.left.iter().map(|number| self.given[*number].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Filter, FilterOptions};

    #[test]
    fn what_matches_is_crossed_off() {
        let options = FilterOptions::new().include(["*.jpg", "/docs/", "*.png", "docs"]);
        let filter = Filter::new(options).unwrap();
        let mut unmatched = filter.unmatched();
        unmatched.see(b"a/1.jpg", false);
        unmatched.see(b"docs/notes", false);
        assert_eq!(unmatched.patterns(), ["*.png"]);
        unmatched.see(b"x.png", false);
        assert!(unmatched.patterns().is_empty());
    }
}
