//! Saves what can be saved of a damaged pack or container.

mod clues;
mod copy;

use crate::error::{ContainerProblem, Error, Result};
use crate::index::sort::{self, Sorter};
use crate::index::writer::{Extras, Finished, IndexOptions, IndexWriter};
use crate::progress::{Event, Latch, Observer, PROBLEMS_KEPT, go_on};
use crate::setters::setters;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, refuse_same, refuse_to_replace, require_file};
use clues::Clues;
use copy::Copier;
use rangepack_core::{Escaped, Kind, PackPathBuf};
use std::path::{Path, PathBuf};

/// How a pack is recovered.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RecoverOptions {
    /// Another index that names what is in it, NDJSON or paged, beside those that are found.
    pub index: Option<PathBuf>,
    /// Which indexes the new pack gets.
    pub format: IndexOptions,
    /// Replace what has the new pack's name.
    pub overwrite: bool,
}

setters!(RecoverOptions {
    index(impl Into<Option<PathBuf>>),
    format(IndexOptions),
    overwrite(bool),
});

/// What was saved, and what was not.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recovered {
    /// The new pack.
    pub finished: Finished,
    /// What told of entries, in words, and of how many each.
    pub clues: Vec<(&'static str, u64)>,
    /// Files whose payloads nobody could compare with a digest.
    pub unverifiable: u64,
    /// Entries that are not in the new pack, or not with all that they had.
    pub lost: u64,
    /// The first [`PROBLEMS_KEPT`] of them, and what became of them.
    pub problems: Vec<(PackPathBuf, String)>,
    /// Index pages and lines that cannot be read: nobody knows what they spoke of.
    pub unreadable: u64,
}

/// Makes a new pack at `target` of everything in a damaged pack or container whose payload is what its digest says.
///
/// Entries are taken from whatever still speaks of them: the paged index with all pages that are whole, or the leaf
/// pages alone when it has lost its end; the CTNRv1 trailer, also when it breaks off; indexes beside the file. The
/// file itself is only read.
///
/// # Errors
/// [`ContainerProblem::NothingLeft`] when nothing in it can be recognised; [`Error::Io`] and [`Error::Cancelled`].
pub fn recover(
    container: impl AsRef<Path>,
    target: impl AsRef<Path>,
    options: &RecoverOptions,
    observer: &dyn Observer,
) -> Result<Recovered> {
    let (container, target) = (container.as_ref(), target.as_ref());
    let observer = &Latch::new(observer);
    refuse_same(target, container)?;
    require_file(container)?;
    options.index.as_deref().map_or(Ok(()), require_file)?;
    refuse_to_replace(target, options.overwrite)?;
    let directory = directory_of(target);
    let temporary = || sort::failed(&directory, container);
    let mut sorter = Sorter::new(&directory);
    let mut clues = Clues::new(container);
    let mut entries = 0;
    clues.gather(options.index.as_deref(), &mut |entry| {
        go_on(observer, container)?;
        entries += 1;
        sorter.push(entry).map_err(temporary())
    })?;
    if clues.found.is_empty() {
        return Err(Error::container(container, ContainerProblem::NothingLeft));
    }
    // Several indexes may tell of one.
    observer.event(Event::Selected { entries });
    let mut sorted = sorter.finish().map_err(temporary())?;
    let replacement = Replacement::new(target)?;
    let mut copier = Copier::new(container, target, replacement.file())?;
    let mut writer = IndexWriter::new(&directory);
    let (mut lost, mut unverifiable, mut problems) = (0, 0, Vec::new());
    for entry in sorted.by_ref() {
        go_on(observer, container)?;
        let mut entry = entry.map_err(temporary())?;
        let copied = copier.entry(&mut entry)?;
        unverifiable += u64::from(copied.is_unverifiable);
        if let Some(problem) = &copied.problem {
            lost += 1;
            let path = Escaped(entry.path.as_bytes());
            observer.event(Event::Failed { path, problem });
            if problems.len() < PROBLEMS_KEPT {
                problems.push((entry.path.clone(), problem.clone()));
            }
        }
        if copied.is_there {
            let bytes = if let Kind::File(content) = &entry.kind { content.size } else { 0 };
            observer.event(Event::Done { path: Escaped(entry.path.as_bytes()), bytes });
            writer.push(&entry)?;
        }
    }
    let end = copier.finish()?;
    let extras = Extras { metadata: clues.metadata.take(), ..Extras::default() };
    let mut out = replacement.writer();
    let at_once = |_: &mut _| Ok(());
    let finished = writer.finish(&mut out, target, end, &extras, options.format, at_once)?;
    drop(out);
    replacement.finish(Finish { overwrite: options.overwrite, sync: true })?;
    let Clues { found, unreadable, .. } = clues;
    Ok(Recovered { finished, clues: found, unverifiable, lost, problems, unreadable })
}
