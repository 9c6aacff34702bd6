//! Which entries are extracted.

use super::scan::{Ranges, scan};
use crate::error::{EntryPath, Result};
use crate::filter::{Filter, Globs};
use crate::read::pack::Pack;
use rangepack_core::{EntryRef, PackPath, trim_path};

/// Which entries are extracted: everything, or what patterns name, narrowed by a filter.
///
/// A pattern is the exact path of an entry or else one of [`Globs`]. A directory brings everything below it either way.
/// Slashes and `./` around an exact path do not matter. The directories above what is selected belong to it, with
/// their modes and times.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    patterns: Vec<Vec<u8>>,
    filter: Filter,
}

/// The entries selected.
pub(crate) struct Selected {
    pub(crate) ranges: Ranges,
    /// Patterns that match nothing, fit for a terminal.
    pub(crate) unmatched: Vec<EntryPath>,
}

impl Selection {
    /// Every entry.
    pub fn everything() -> Selection {
        Selection::default()
    }

    /// What the patterns name, everything when there are none; and of that what `filter` accepts.
    ///
    /// With a filter, directories come only where something in them is selected, or they were empty and it does not
    /// say which files are wanted.
    pub fn new(patterns: impl IntoIterator<Item: AsRef<[u8]>>, filter: Filter) -> Selection {
        let patterns = patterns.into_iter().map(|pattern| pattern.as_ref().to_vec()).collect();
        Selection { patterns, filter }
    }

    /// Whether it is everything, whatever the pack holds.
    pub(super) fn is_everything(&self) -> bool {
        self.patterns.is_empty() && !self.filter.is_active()
    }

    /// The entries selected, in key order, and the patterns that match nothing.
    pub fn entries<'p>(
        &self,
        pack: &'p Pack,
    ) -> Result<(impl Iterator<Item = Result<EntryRef<'p>>> + use<'p>, Vec<EntryPath>)> {
        let Selected { ranges, unmatched } = self.resolve(pack)?;
        let ranges: Vec<_> = ranges.iter().collect();
        Ok((ranges.into_iter().flat_map(|range| pack.entries_at(range)), unmatched))
    }

    /// Looks the patterns up in the index.
    pub(crate) fn resolve(&self, pack: &Pack) -> Result<Selected> {
        let everything = 0..pack.index().len();
        let mut ranges = Ranges::default();
        let mut unmatched = Vec::new();
        if self.patterns.is_empty() {
            ranges.push(everything);
        } else {
            let mut globs = Vec::new();
            for pattern in &self.patterns {
                let is_there = exact(pack, trim_path(pattern), &mut ranges)?;
                unmatched.push((pattern, !is_there));
                let text = std::str::from_utf8(pattern).ok();
                let is_glob = |text: &&str| {
                    !is_there && Globs::is_pattern(text.as_bytes()) && Globs::new([*text]).is_ok()
                };
                globs.extend(text.filter(is_glob).map(|text| (unmatched.len() - 1, text)));
            }
            select_globs(pack, &globs, &mut ranges, |number| unmatched[number].1 = false)?;
            ranges.normalise();
        }
        if self.filter.is_active() {
            ranges = self.narrow(pack, &ranges)?;
        }
        let unmatched = unmatched.into_iter().filter(|(_, is_unmatched)| *is_unmatched);
        let unmatched = unmatched.map(|(pattern, _)| pattern.into()).collect();
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
            let is_wanted = match entry.is_directory() {
                true => !self.filter.narrows() && stands_alone(pack, &entry)?,
                false => true,
            };
            if !is_left_out && is_wanted && self.filter.accepts(&path, entry.is_directory()) {
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
    let Some(entry) = pack.entry_numbered(ordinal)? else { return Ok(false) };
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

/// Selects what globs match, in one walk over what they can match; `matched` is told the number of each that does.
fn select_globs(
    pack: &Pack,
    globs: &[(usize, &str)],
    ranges: &mut Ranges,
    mut matched: impl FnMut(usize),
) -> Result<()> {
    // Each was compiled alone; all together can only be too many, which is as bad as none.
    let Ok(set) = Globs::new(globs.iter().map(|(_, glob)| glob)) else { return Ok(()) };
    let within = match PackPath::new(set.base()) {
        _ if set.is_empty() => return Ok(()),
        Ok(base) => pack.ask(|pages| pack.index().subtree(pages, base))?,
        Err(_) => 0..pack.index().len(),
    };
    let mut above = Above::default();
    let (mut path, mut numbers) = (Vec::new(), Vec::new());
    for item in scan(pack, within) {
        let (ordinal, entry) = item?;
        above.moved_to(entry.directory());
        path.clear();
        entry.push_path(&mut path);
        set.matching(&path, entry.is_directory(), &mut numbers);
        numbers.iter().for_each(|number| matched(globs[*number].0));
        if numbers.is_empty() {
            continue;
        }
        above.add(pack, ranges)?;
        ranges.push(ordinal..ordinal + 1);
        if let (true, Ok(directory)) = (entry.is_directory(), PackPath::new(&path)) {
            ranges.push(pack.ask(|pages| pack.index().subtree(pages, directory))?);
        }
    }
    Ok(())
}
