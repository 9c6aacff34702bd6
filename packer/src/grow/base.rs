//! The pack that grows, as it is before.

use super::step::Step;
use crate::container::lock::Locked;
use crate::error::{Action, ContainerProblem, Error, GrowProblem, Result};
use crate::progress::{Observer, go_on};
use crate::read::format::Format;
use crate::read::pack::{Entries, Pack};
use crate::source::location::{Location, growth_note_path};
use crate::source::options::OpenOptions;
use crate::source::replace::remove_stale;
use rangepack_core::layout::GrowthNote;
use rangepack_core::{Entry, PackPath, Tag};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// See [the module](self).
#[derive(Debug)]
pub(super) struct Base {
    /// As it was named.
    pub(super) path: PathBuf,
    /// What a link there leads to.
    pub(super) file: PathBuf,
    /// `None` when nothing is to be written.
    pub(super) locked: Option<Locked>,
}

impl Base {
    /// Opens a pack that is to grow, and keeps others from writing it; with `dry_run` nobody is kept from anything. What an
    /// interrupted run left behind the pack is cut off, unless `keeps_left`.
    pub(super) fn open(
        path: &Path,
        dry_run: bool,
        keeps_left: bool,
        observer: &dyn Observer,
    ) -> Result<(Base, Pack)> {
        let file = path.canonicalize().map_err(Error::io(Action::Open, path))?;
        let locked = if dry_run { None } else { Some(Locked::open(path, false)?) };
        let location = Location::Disk(path.to_owned());
        let pack = Pack::open_observed(location, &OpenOptions::default(), observer)?;
        check(path, &pack, observer)?;
        if let Some(locked) = &locked {
            let is_left = locked.len()? > pack.file_len();
            // Its note says what the pack is until then.
            if !(is_left && keeps_left) {
                locked.cut(pack.file_len())?;
                remove_stale(&growth_note_path(&file));
            }
        }
        Ok((Base { path: path.to_owned(), file, locked }, pack))
    }

    /// The step by which it grows; `None` when nothing is to be written.
    pub(super) fn step(&self, pack: &Pack) -> Result<Option<Arc<Step>>> {
        let before = GrowthNote { file_len: pack.file_len(), digest: pack.index().digest() };
        let locked = self.locked.as_ref();
        locked.map(|locked| Step::new(locked, &self.path, &self.file, before)).transpose()
    }
}

/// Fails for what cannot grow.
fn check(path: &Path, pack: &Pack, observer: &dyn Observer) -> Result<()> {
    let wrong = |problem| Err(Error::Grow { path: path.to_owned(), problem });
    if pack.format() != Format::Paged {
        return wrong(GrowProblem::Format(pack.format()));
    }
    if let Some(index) = pack.index_beside() {
        let index = index.location().disk().unwrap_or(path).to_owned();
        return wrong(GrowProblem::Beside { index });
    }
    refuse_full(path, pack, observer)?;
    // FORMAT.md, "Sections": what is not known is left out where that is allowed.
    let lost = |section: &&_| !is_written(section) && !section.is_droppable();
    match pack.header().sections().iter().find(lost) {
        Some(section) => {
            Err(Error::container(path, ContainerProblem::Section { tag: section.tag }))
        }
        None => Ok(()),
    }
}

/// Fails when nobody would look for the oldest generation behind one more. Those before one that is damaged are found by nobody as
/// it is.
fn refuse_full(path: &Path, pack: &Pack, observer: &dyn Observer) -> Result<()> {
    let limit = pack.options().limits.generations;
    for (earlier, _) in (0..).zip(pack.generations().map_while(Result::ok)) {
        go_on(observer, path)?;
        if earlier >= limit {
            let problem = GrowProblem::Generations { limit };
            return Err(Error::Grow { path: path.to_owned(), problem });
        }
    }
    Ok(())
}

fn is_written(section: &rangepack_core::layout::Section) -> bool {
    section.is_known() || section.tag == Tag::PREVIOUS
}

/// The entries of a pack in key order, as others outside of it can take them.
#[derive(Debug)]
pub(super) struct Known<'p> {
    pack: &'p Pack,
    entries: Entries<'p>,
}

impl<'p> Known<'p> {
    pub(super) fn of(pack: &'p Pack) -> Known<'p> {
        Known { pack, entries: pack.entries() }
    }

    /// Those below a directory.
    pub(super) fn below(pack: &'p Pack, directory: PackPath<'_>) -> Result<Known<'p>> {
        let range = pack.ask(|pages| pack.index().subtree(pages, directory))?;
        Ok(Known { pack, entries: pack.entries_at(range) })
    }
}

impl Iterator for Known<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        let entry = self.entries.next()?;
        Some(entry.and_then(|entry| {
            let mut entry = entry.to_entry().map_err(|error| self.pack.error(error))?;
            self.pack.place_dictionary(&mut entry)?;
            Ok(entry)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grow::{GrowOptions, add, remove};
    use crate::pack::{PackOptions, Sources, pack};
    use rangepack_core::Limits;
    use std::fs;

    #[test]
    fn no_generation_is_written_that_would_hide_the_oldest() {
        let home = tempfile::tempdir().unwrap();
        let (tree, path) = (home.path().join("tree"), home.path().join("x.pack"));
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("a"), "a").unwrap();
        pack(&tree, &path, &PackOptions::default(), &()).unwrap();
        let options = GrowOptions::default();
        for _ in 0..2 {
            remove(&path, ["a"], &options, &()).unwrap();
            let mut sources = Sources::new(home.path());
            sources.add(&tree, PackPath::ROOT).unwrap();
            add(&path, sources, &options, &()).unwrap();
        }
        let checked = |generations| {
            let mut limits = Limits::default();
            limits.generations = generations;
            let pack = Pack::open_with(&path, &OpenOptions::new().limits(limits)).unwrap();
            let (found, failed): (Vec<_>, Vec<_>) = pack.generations().partition(Result::is_ok);
            assert_eq!(found.len(), 5.min(generations as usize + 1));
            assert_eq!(failed.len(), usize::from(generations < 4), "all five are found with 4");
            check(&path, &pack, &())
        };
        assert!(checked(5).is_ok());
        for limit in [4, 3] {
            let refused = checked(limit).unwrap_err();
            let said =
                Error::Grow { path: path.clone(), problem: GrowProblem::Generations { limit } };
            assert_eq!(refused.to_string(), said.to_string());
        }
    }
}
