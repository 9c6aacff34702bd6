//! Which entries are extracted.

use super::scan::{Ranges, entry_at, scan};
use crate::Result;
use crate::filter::Filter;
use crate::read::pack::Pack;
use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use rangepack_core::{EntryRef, Escaped, PackPath, trim_path};

/// Which entries are extracted: everything, or what patterns name, narrowed by a filter.
///
/// A pattern is the exact path of an entry (a directory brings everything below it) or else a glob
/// for whole paths from the root of the pack: `*` and `?` do not match `/`, `**` does. A glob selects
/// the files, links and empty directories that it matches. Slashes and `./` around a pattern do not
/// matter. The directories above what is selected belong to it, with their modes and times.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    patterns: Vec<Vec<u8>>,
    filter: Filter,
}

/// The entries selected.
pub(super) struct Selected {
    pub(super) ranges: Ranges,
    /// Patterns that match nothing, fit for a terminal.
    pub(super) unmatched: Vec<String>,
}

impl Selection {
    /// Every entry.
    pub fn everything() -> Selection {
        Selection::default()
    }

    /// What the patterns name, everything when there are none; and of that what `filter` accepts.
    ///
    /// With a filter, directories come only where they are empty or something in them is selected.
    pub fn new(patterns: impl IntoIterator<Item: AsRef<[u8]>>, filter: Filter) -> Selection {
        let patterns = patterns.into_iter().map(|pattern| pattern.as_ref().to_vec()).collect();
        Selection { patterns, filter }
    }

    /// Looks the patterns up in the index.
    pub(super) fn resolve(&self, pack: &Pack) -> Result<Selected> {
        let everything = 0..pack.index().len();
        let mut ranges = Ranges::default();
        let mut unmatched = Vec::new();
        if self.patterns.is_empty() {
            ranges.push(everything);
        } else {
            let mut globs = Vec::new();
            for pattern in &self.patterns {
                if !exact(pack, trim_path(pattern), &mut ranges)? {
                    globs.push(pattern.as_slice());
                }
            }
            unmatched = select_globs(pack, &globs, &mut ranges)?;
            ranges.normalise();
        }
        if self.filter.is_active() {
            ranges = self.narrow(pack, &ranges)?;
        }
        Ok(Selected { ranges, unmatched })
    }

    fn narrow(&self, pack: &Pack, ranges: &Ranges) -> Result<Ranges> {
        let mut kept = Ranges::default();
        let mut above = Above::default();
        let mut path = Vec::new();
        let mut is_left_out = false;
        for item in ranges.iter().flat_map(|range| scan(pack, range)) {
            let (ordinal, entry) = item?;
            if above.moved_to(entry.directory()) {
                is_left_out = ancestors(entry.directory().as_bytes())
                    .any(|directory| !self.filter.accepts(directory, true));
            }
            path.clear();
            entry.push_path(&mut path);
            if !is_left_out
                && stands_alone(pack, &entry)?
                && self.filter.accepts(&path, entry.is_directory())
            {
                above.add(pack, &mut kept)?;
                kept.push(ordinal..ordinal + 1);
            }
        }
        kept.normalise();
        Ok(kept)
    }
}

/// Whether an entry is selected for its own sake: a directory with something in it comes with that.
fn stands_alone(pack: &Pack, entry: &EntryRef<'_>) -> Result<bool> {
    let totals = entry.totals().map_err(crate::Error::pack(pack.location()))?;
    Ok(totals.is_none_or(|totals| totals.files == 0 && totals.directories == 0))
}

/// The directory selected from last, so that those above it are added once.
#[derive(Default)]
struct Above {
    directory: Vec<u8>,
    is_added: bool,
}

impl Above {
    fn moved_to(&mut self, directory: PackPath<'_>) -> bool {
        if directory.as_bytes() == self.directory {
            return false;
        }
        self.directory = directory.as_bytes().to_vec();
        self.is_added = false;
        true
    }

    fn add(&mut self, pack: &Pack, ranges: &mut Ranges) -> Result<()> {
        if self.is_added {
            return Ok(());
        }
        self.is_added = true;
        for directory in ancestors(&self.directory) {
            add_one(pack, directory, ranges)?;
        }
        Ok(())
    }
}

/// A directory and those above it, without the root: `a`, `a/b`.
fn ancestors(directory: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'/', directory).chain([directory.len()]);
    ends.map(|end| &directory[..end]).filter(|directory| !directory.is_empty())
}

/// Adds the entry at `path`, if there is one.
fn add_one(pack: &Pack, path: &[u8], ranges: &mut Ranges) -> Result<bool> {
    let Ok(path) = PackPath::new(path) else { return Ok(false) };
    let index = pack.index();
    let ordinal = pack.ask(|pages| index.lower_bound(pages, path.parent(), path.name()))?;
    let Some(entry) = entry_at(pack, ordinal)? else { return Ok(false) };
    let mut found = Vec::new();
    entry.push_path(&mut found);
    if found != path.as_bytes() {
        return Ok(false);
    }
    ranges.push(ordinal..ordinal + 1);
    Ok(true)
}

/// Selects the entry at `path` and everything below it; whether there is one.
fn exact(pack: &Pack, path: &[u8], ranges: &mut Ranges) -> Result<bool> {
    if path.is_empty() {
        ranges.push(0..pack.index().len());
        return Ok(true);
    }
    if !add_one(pack, path, ranges)? {
        return Ok(false);
    }
    let Ok(path) = PackPath::new(path) else { return Ok(false) };
    ranges.push(pack.ask(|pages| pack.index().subtree(pages, path))?);
    for directory in ancestors(path.parent().as_bytes()) {
        add_one(pack, directory, ranges)?;
    }
    Ok(true)
}

/// Selects what globs match, in one walk over the index; returns those that match nothing.
fn select_globs(pack: &Pack, patterns: &[&[u8]], ranges: &mut Ranges) -> Result<Vec<String>> {
    let mut builder = GlobSetBuilder::new();
    // What is no glob can still be a path that does not exist.
    let mut unmatched: Vec<Option<&[u8]>> = Vec::new();
    let mut impossible = Vec::new();
    for pattern in patterns {
        let glob = std::str::from_utf8(trim_path(pattern)).ok().and_then(|text| {
            GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build().ok()
        });
        match glob {
            Some(glob) => {
                builder.add(glob);
                unmatched.push(Some(pattern));
            }
            None => impossible.push(Escaped(pattern).to_string()),
        }
    }
    let is_glob =
        patterns.iter().any(|pattern| pattern.iter().any(|byte| b"*?[{\\".contains(byte)));
    if let Some(set) = builder.build().ok().filter(|_| is_glob) {
        select_matches(pack, &set, &mut unmatched, ranges)?;
    }
    let unmatched = unmatched.into_iter().flatten().map(|pattern| Escaped(pattern).to_string());
    Ok(unmatched.chain(impossible).collect())
}

fn select_matches(
    pack: &Pack,
    set: &GlobSet,
    unmatched: &mut [Option<&[u8]>],
    ranges: &mut Ranges,
) -> Result<()> {
    let mut above = Above::default();
    let (mut path, mut matches) = (Vec::new(), Vec::new());
    for item in scan(pack, 0..pack.index().len()) {
        let (ordinal, entry) = item?;
        above.moved_to(entry.directory());
        path.clear();
        entry.push_path(&mut path);
        let disk_path = crate::filter::as_path(&path);
        set.matches_candidate_into(&Candidate::new(&disk_path), &mut matches);
        for index in &matches {
            unmatched[*index] = None;
        }
        if !matches.is_empty() && stands_alone(pack, &entry)? {
            above.add(pack, ranges)?;
            ranges.push(ordinal..ordinal + 1);
        }
    }
    Ok(())
}
