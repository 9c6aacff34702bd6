//! Which entries go.

use crate::error::{EntryPath, Error, Result};
use crate::filter::Globs;
use crate::read::pack::Pack;
use rangepack_core::{Entry, PackPath, trim_path};

/// Paths of entries, and globs for all others. A directory brings what it holds either way.
#[derive(Debug)]
pub(super) struct Removal {
    paths: Vec<Vec<u8>>,
    globs: Globs,
    /// The patterns that are globs, and whether each matched.
    matched: Vec<(EntryPath, bool)>,
    numbers: Vec<usize>,
}

impl Removal {
    /// What `patterns` mean in a pack.
    ///
    /// # Errors
    /// [`Error::NoEntry`] for a path that is not there, [`Error::Filter`] for a glob that is none.
    pub(super) fn new<P: AsRef<[u8]>>(pack: &Pack, patterns: &[P]) -> Result<Removal> {
        let (mut paths, mut globs, mut matched) = (Vec::new(), Vec::new(), Vec::new());
        for pattern in patterns {
            let (pattern, trimmed) = (pattern.as_ref(), trim_path(pattern.as_ref()));
            let is_there = match PackPath::new(trimmed) {
                Ok(path) if !trimmed.is_empty() => pack.find(path)?.is_some(),
                _ => trimmed.is_empty(),
            };
            let glob = std::str::from_utf8(pattern).ok().filter(|_| Globs::is_pattern(pattern));
            match (is_there, glob) {
                (true, _) => paths.push(trimmed.to_vec()),
                (false, Some(glob)) => {
                    globs.push(glob);
                    matched.push((pattern.into(), false));
                }
                (false, None) => return Err(no_entry(pack, pattern.into())),
            }
        }
        Ok(Removal { paths, globs: Globs::new(globs)?, matched, numbers: Vec::new() })
    }

    /// Whether an entry goes.
    pub(super) fn takes(&mut self, entry: &Entry) -> bool {
        let path = entry.path.as_bytes();
        if !self.globs.is_empty() {
            self.globs.matching(path, entry.is_directory(), &mut self.numbers);
            for number in &self.numbers {
                if let Some((_, matched)) = self.matched.get_mut(*number) {
                    *matched = true;
                }
            }
            if self.globs.matches_within(path, entry.is_directory()) {
                return true;
            }
        }
        self.paths.iter().any(|above| {
            let rest = path.strip_prefix(&above[..]);
            rest.is_some_and(|rest| above.is_empty() || rest.is_empty() || rest.starts_with(b"/"))
        })
    }

    /// Fails when a glob matched nothing.
    pub(super) fn check(&self, pack: &Pack) -> Result<()> {
        match self.matched.iter().find(|(_, matched)| !matched) {
            Some((pattern, _)) => Err(no_entry(pack, pattern.clone())),
            None => Ok(()),
        }
    }
}

fn no_entry(pack: &Pack, entry: EntryPath) -> Error {
    Error::NoEntry { pack: pack.location().clone(), entry }
}
