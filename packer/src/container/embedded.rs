//! The index inside a container.

use crate::container::journal::{self, JournalState};
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::read::legacy::is_own;
use crate::read::pack::Pack;
use crate::source::data::Data;
use crate::source::mapped::Mapped;
use crate::source::options::OpenOptions;
use rangepack_core::{Entry, ErrorKind, Tag};
use std::path::Path;

/// The index inside a container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedded {
    /// Its entries, summed up.
    pub(crate) state: JournalState,
    /// It is a paged index, whose footer proves that it is this very container's. A trailer alone
    /// may as well belong to a container that was packed as a file.
    pub(crate) paged: bool,
    /// Where the payloads ended when it was written. The last one may have no entry any more.
    pub(crate) payload_end: u64,
}

/// Whoever goes on with a finished pack makes its index anew, which only knows of entries.
fn refuse_to_lose(container: &Path, pack: &Pack) -> Result<()> {
    let made_anew = |tag| matches!(tag, Tag::DATA | Tag::TREE);
    let mut sections = pack.header().sections().iter();
    match sections.find(|section| !section.is_droppable() && !made_anew(section.tag)) {
        Some(section) => {
            Err(Error::container(container, ContainerProblem::Section { tag: section.tag }))
        }
        None => Ok(()),
    }
}

/// Hands all entries of a finalized container to `each`; `None` when it has no index of its own.
///
/// A trailer below `floor` is part of a payload, and so is one that is not [`crate::read::legacy::is_own`]:
/// containers are packed as files, too. Behind the trailer only zeros may follow: anything else may be
/// payloads.
pub(crate) fn embedded(
    container: &Path,
    floor: u64,
    each: &mut dyn FnMut(Entry) -> Result<()>,
) -> Result<Option<Embedded>> {
    let mapped = Mapped::open(container).map_err(Error::io(Action::Open, container))?;
    let file = Data::mapped(container, mapped);
    let data = file.whole().unwrap_or(&[]);
    let limits = OpenOptions::default().limits;
    let len = data.len() as u64;
    let mut state = JournalState::default();
    let opened = rangepack_core::Index::open(data, len, None, &limits);
    if opened.is_ok_and(|answer| answer.ready().flatten().is_some()) {
        let pack = Pack::open(container)?;
        refuse_to_lose(container, &pack)?;
        for entry in pack.entries() {
            let entry = entry?.to_entry().map_err(Error::pack_at(container))?;
            state.count(&entry);
            each(entry)?;
        }
        let payload_end = pack.header().payload_end();
        return Ok(Some(Embedded { state, paged: true, payload_end }));
    }
    let found = rangepack_core::trailer::find_trailer(data, len, limits.lookback);
    let trailer = found.map_err(Error::pack_at(container))?.ready().flatten();
    let Some(trailer) = trailer.filter(|trailer| trailer.magic_offset >= floor) else {
        return Ok(None);
    };
    let behind = data.get(trailer.index.end() as usize..).unwrap_or(&[]);
    if behind.iter().any(|byte| *byte != 0) || !is_own(&file, &trailer, &limits)? {
        return Ok(None);
    }
    let index = rangepack_core::Source::bytes(data, trailer.index).unwrap_or(&[]);
    let read = journal::parse(index, &mut |entry| {
        file.intact()?;
        state.count(&entry);
        each(entry)
    })?;
    file.intact()?;
    match read {
        // Without a single entry these are bytes of a payload that look like a trailer.
        Ok(summary) if summary.entries == 0 && summary.bad_lines > 0 => Ok(None),
        Ok(_) => Ok(Some(Embedded { state, paged: false, payload_end: trailer.magic_offset })),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
        Err(error) => Err(Error::pack_at(container)(error)),
    }
}
