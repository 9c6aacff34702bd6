//! What a container holds already. Real runs and dry ones decide it here, and only here.

use crate::container::embedded::{Inside, embedded};
use crate::container::journal::{self, JournalState};
use crate::container::proof::Proof;
use crate::error::{ContainerProblem, Error, Result};
use crate::index::sort::{self, Sorted, Sorter};
use crate::pack::Dedup;
use crate::progress::Observer;
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

/// What is done with bytes behind the last payload that the index of a container names, when they cannot be
/// what an interrupted run left there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Tail {
    /// It is an error, and nothing is changed.
    #[default]
    Refuse,
    /// They stay where they are, and nothing names them.
    Keep,
    /// They are cut off.
    Cut,
}

/// What a container holds already.
pub(crate) struct Known {
    pub(crate) sorted: Sorted,
    pub(crate) state: JournalState,
    /// Where the next payload goes.
    pub(crate) end: u64,
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
///
/// An index inside counts only when all of it is as it was written; one beside the container only when the payloads
/// are where it says.
pub(crate) fn find(place: &Place<'_>, len: u64, mut dedup: Option<&mut Dedup>) -> Result<Known> {
    let Place { container, index, scratch, .. } = *place;
    let temporary = || sort::failed(scratch, container);
    let mut groups = 0;
    let mut sort = |sorter: &mut Sorter, entry: Entry| {
        if let Kind::File(Content { hard_link: Some(group), .. }) = entry.kind {
            groups = groups.max(group);
        }
        if let Some(dedup) = &mut dedup {
            dedup.learn(&entry);
        }
        sorter.push(entry).map_err(temporary())
    };
    let mut beside_sorter = Sorter::new(scratch);
    let beside = place.read(&mut |entry| sort(&mut beside_sorter, entry))?;
    let floor = beside.as_ref().map_or(0, |(state, _)| state.end);
    let mut inside_sorter = Sorter::new(scratch);
    let inside = match len {
        0 => Inside::Nothing,
        _ => embedded(container, floor, &mut |entry| sort(&mut inside_sorter, entry))?,
    };
    let whole = inside.whole();
    let from_inside = place.decide(len, beside.as_ref(), &inside)?;
    let (sorter, state, missing) = match (from_inside, whole, beside) {
        (true, Some(inside), _) => (inside_sorter, inside.state, Missing::Entries),
        (_, _, Some((state, _))) if journal::is_array(index)? => {
            (beside_sorter, state, Missing::Lines)
        }
        (_, _, beside) => {
            (beside_sorter, beside.map(|(state, _)| state).unwrap_or_default(), Missing::Nothing)
        }
    };
    // Bytes behind a finalized container's payloads are its index: they stay until something is added.
    let reopened = whole.is_some();
    let cut = if reopened { 0 } else { place.tail(&state, len)? };
    let end = if reopened { state.end } else { len - cut };
    let sorted = sorter.finish().map_err(temporary())?;
    let paged = whole.is_some_and(|inside| inside.paged);
    Ok(Known { sorted, state, end, cut, reopened, paged, groups, missing })
}

/// A container, the index beside it, and what may be done to it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    pub(crate) container: &'p Path,
    pub(crate) index: &'p Path,
    /// The directory for temporary files.
    pub(crate) scratch: &'p Path,
    pub(crate) tail: Tail,
    /// Hears how much of the index is read.
    pub(crate) observer: &'p dyn Observer,
}

impl Place<'_> {
    /// Reads the index beside the container, if there is one; and how to tell whether it is the container's.
    pub(crate) fn read(
        &self,
        each: &mut dyn FnMut(Entry) -> Result<()>,
    ) -> Result<Option<(JournalState, Proof)>> {
        if !self.index.exists() {
            return Ok(None);
        }
        let mut proof = Proof::default();
        let state = journal::read(self.index, self.observer, &mut |entry| {
            proof.learn(&entry);
            each(entry)
        })?;
        Ok(Some((state, proof)))
    }

    /// Fails when an index is not that of the container, or that was cut.
    pub(crate) fn prove(&self, state: &JournalState, proof: &Proof, len: u64) -> Result<()> {
        if state.end > len {
            let problem = ContainerProblem::TooShort { end: state.end, len };
            return Err(Error::container(self.container, problem));
        }
        if state.entries == 0 {
            return Ok(());
        }
        proof.check(self.container, self.index)
    }

    /// How much may be cut off behind the last payload.
    pub(crate) fn tail(&self, state: &JournalState, len: u64) -> Result<u64> {
        let bytes = len.saturating_sub(state.end);
        if bytes == 0 || self.tail == Tail::Keep {
            return Ok(0);
        }
        if self.index.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            return Err(Error::container(self.index, ContainerProblem::Empty { bytes }));
        }
        if self.tail == Tail::Cut || len <= state.under_way.unwrap_or(0) {
            return Ok(bytes);
        }
        let under_way = state.under_way.map(|until| until.saturating_sub(state.end));
        Err(Error::container(self.container, ContainerProblem::Tail { bytes, under_way }))
    }

    /// Whether the index inside is the one that holds, rather than that beside the container.
    fn decide(
        &self,
        len: u64,
        beside: Option<&(JournalState, Proof)>,
        inside: &Inside,
    ) -> Result<bool> {
        let Some((state, proof)) = beside else {
            return match inside {
                Inside::Whole(_) => Ok(true),
                Inside::Nothing if len == 0 => Ok(false),
                Inside::Nothing => Err(index_missing(self.container, self.index, len)),
                Inside::Damaged(problem) => {
                    let problem = ContainerProblem::Damaged { problem: problem.clone() };
                    Err(Error::container(self.container, problem))
                }
            };
        };
        let Some(inside) = inside.whole() else {
            self.prove(state, proof, len)?;
            return Ok(false);
        };
        let is_same_end = state.end == inside.state.end || state.end == inside.payload_end;
        if is_same_end && (!inside.paged || state.entries >= inside.state.entries) {
            self.prove(state, proof, len)?;
            return Ok(false);
        }
        if !inside.paged || state.end > inside.state.end {
            let problem =
                ContainerProblem::Differs { container: self.container.to_owned(), end: state.end };
            return Err(Error::container(self.index, problem));
        }
        // It is replaced by one that holds all that it holds.
        let embedded = |each: &mut dyn FnMut(Entry) -> Result<()>| {
            embedded(self.container, state.end, each).map(|_| ())
        };
        refuse_to_lose_lines(self.index, self.scratch, embedded)?;
        Ok(true)
    }
}

/// Fails when the NDJSON index at `index` has an entry that is not among those that replace it.
pub(crate) fn refuse_to_lose_lines(
    index: &Path,
    scratch: &Path,
    replacing: impl FnOnce(&mut dyn FnMut(Entry) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let temporary = || sort::failed(scratch, index);
    let (mut old, mut new) = (Sorter::new(scratch), Sorter::new(scratch));
    journal::read(index, &(), &mut |entry| old.push(entry).map_err(temporary()))?;
    replacing(&mut |entry| new.push(entry).map_err(temporary()))?;
    let mut new = new.finish().map_err(temporary())?.peekable();
    for entry in old.finish().map_err(temporary())? {
        let entry = entry.map_err(temporary())?;
        let is_before =
            |new: &std::io::Result<Entry>| new.as_ref().is_ok_and(|new| new.path < entry.path);
        while new.next_if(is_before).is_some() {}
        match new.peek() {
            Some(Ok(found)) if found.path == entry.path => {}
            Some(Err(_)) => new.next().transpose().map(|_| ()).map_err(temporary())?,
            _ => {
                let problem =
                    ContainerProblem::WouldLose { entry: entry.path.display().to_string() };
                return Err(Error::container(index, problem));
            }
        }
    }
    Ok(())
}

pub(crate) fn index_missing(container: &Path, index: &Path, len: u64) -> Error {
    let problem = ContainerProblem::IndexMissing { index: index.to_owned(), len };
    Error::container(container, problem)
}
