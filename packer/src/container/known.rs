//! What a container holds already. Real runs and dry ones decide it here, and only here.

use crate::container::embedded::{Embedded, embedded};
use crate::container::journal::{self, JournalState};
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::index::sort::{Sorted, Sorter};
use crate::pack::Dedup;
use rangepack_core::{Content, Entry, Kind};
use std::path::Path;

/// What a run found and went on from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resumed {
    /// The journal.
    pub journal: JournalState,
    /// Bytes at the container's end that no line names, cut off.
    pub cut: u64,
    /// The container was finalized; its index was written beside it first.
    pub reopened: bool,
}

/// What a container holds already.
pub(crate) struct Known {
    pub(crate) sorted: Sorted,
    pub(crate) state: JournalState,
    /// Bytes at the container's end that no line names, and that may be cut off.
    pub(crate) cut: u64,
    /// It is finalized.
    pub(crate) reopened: bool,
    /// It has a paged index.
    pub(crate) paged: bool,
    /// The highest number of a group of hard links.
    pub(crate) groups: u64,
    missing: Missing,
}

/// What the index beside a container lacks to be a journal that can be appended to.
#[derive(Clone, Copy)]
enum Missing {
    Nothing,
    /// It is a JSON array.
    Lines,
    /// It is not there, or older than the one inside.
    Entries,
}

impl Known {
    /// What there was to go on from, if anything.
    pub(crate) fn resumed(&self) -> Option<Resumed> {
        let Known { state: journal, cut, reopened, .. } = *self;
        (journal.entries > 0 || cut > 0 || journal.torn > 0).then_some(Resumed {
            journal,
            cut,
            reopened,
        })
    }

    /// Makes the index beside the container one that can be appended to. It is safe on disk then.
    pub(crate) fn prepare(&self, container: &Path, index: &Path) -> Result<()> {
        match self.missing {
            Missing::Nothing => Ok(()),
            Missing::Lines => journal::convert_array(index),
            Missing::Entries => journal::write_whole(index, |write| {
                embedded(container, 0, &mut |entry| write(&entry)).map(|_| ())
            }),
        }
    }
}

/// Finds out what is in a container of `len` bytes, and tells `dedup`. Nothing is written but temporary
/// files in `scratch`.
pub(crate) fn find(
    container: &Path,
    index: &Path,
    len: u64,
    scratch: &Path,
    mut dedup: Option<&mut Dedup>,
) -> Result<Known> {
    let mut groups = 0;
    let mut sort = |sorter: &mut Sorter, entry: Entry| {
        if let Kind::File(Content { hard_link: Some(group), .. }) = entry.kind {
            groups = groups.max(group);
        }
        if let Some(dedup) = &mut dedup {
            dedup.learn(&entry);
        }
        sorter.push(entry).map_err(Error::io(Action::UseTemporary, scratch))
    };
    let (mut beside_sorter, mut inside_sorter) = (Sorter::new(scratch), Sorter::new(scratch));
    let beside = match index.exists() {
        true => Some(journal::read(index, &mut |entry| sort(&mut beside_sorter, entry))?),
        false => None,
    };
    let floor = beside.map_or(0, |state| state.end);
    let inside = match len {
        0 => None,
        _ => embedded(container, floor, &mut |entry| sort(&mut inside_sorter, entry))?,
    };
    let from_inside = decide(container, index, len, beside, inside)?;
    let (sorter, state, missing) = match (from_inside, inside, beside) {
        (true, Some(inside), _) => (inside_sorter, inside.state, Missing::Entries),
        (_, _, Some(state)) if journal::is_array(index)? => (beside_sorter, state, Missing::Lines),
        (_, _, state) => (beside_sorter, state.unwrap_or_default(), Missing::Nothing),
    };
    // Bytes behind a finalized container's payloads are its index: they stay until something is added.
    let reopened = inside.is_some();
    let cut = if reopened { 0 } else { len.saturating_sub(state.end) };
    refuse_to_cut(index, &state, cut)?;
    let sorted = sorter.finish().map_err(Error::io(Action::UseTemporary, scratch))?;
    let paged = inside.is_some_and(|inside| inside.paged);
    Ok(Known { sorted, state, cut, reopened, paged, groups, missing })
}

/// Whether the index inside is the one that holds, rather than that beside the container.
fn decide(
    container: &Path,
    index: &Path,
    len: u64,
    beside: Option<JournalState>,
    inside: Option<Embedded>,
) -> Result<bool> {
    let Some(beside) = beside else {
        if inside.is_none() && len > 0 {
            return Err(index_missing(container, index, len));
        }
        return Ok(inside.is_some());
    };
    let Some(inside) = inside else {
        refuse_too_short(container, &beside, len)?;
        return Ok(false);
    };
    let is_same_end = beside.end == inside.state.end || beside.end == inside.payload_end;
    if is_same_end && (!inside.paged || beside.entries >= inside.state.entries) {
        return Ok(false);
    }
    if !inside.paged || beside.end > inside.state.end {
        let problem =
            ContainerProblem::Differs { container: container.to_owned(), end: beside.end };
        return Err(Error::container(index, problem));
    }
    Ok(true)
}

/// With lines that cannot be read, or without any byte, nobody knows what the bytes behind the last
/// payload are.
pub(crate) fn refuse_to_cut(index: &Path, state: &JournalState, cut: u64) -> Result<()> {
    if cut == 0 {
        return Ok(());
    }
    if index.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return Err(Error::container(index, ContainerProblem::Empty { bytes: cut }));
    }
    if state.bad_lines == 0 {
        return Ok(());
    }
    let problem = ContainerProblem::BadLines { lines: state.bad_lines, bytes: cut };
    Err(Error::container(index, problem))
}

/// A container that its index names more of than there is was cut, or is another's.
pub(crate) fn refuse_too_short(container: &Path, state: &JournalState, len: u64) -> Result<()> {
    if state.end <= len {
        return Ok(());
    }
    let problem = ContainerProblem::TooShort { end: state.end, len };
    Err(Error::container(container, problem))
}

pub(crate) fn index_missing(container: &Path, index: &Path, len: u64) -> Error {
    let problem = ContainerProblem::IndexMissing { index: index.to_owned(), len };
    Error::container(container, problem)
}
