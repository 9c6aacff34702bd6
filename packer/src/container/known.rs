//! What a container holds already.

use crate::container::embedded::embedded;
use crate::container::journal::{self, JournalState};
use crate::container::lock::Locked;
use crate::error::{Error, Result};
use crate::index::sort::{Sorted, Sorter};
use crate::pack::{self, Dedup};
use rangepack_core::Entry;
use std::path::Path;

/// What a container holds already.
pub(crate) struct Known {
    pub(crate) sorted: Sorted,
    pub(crate) state: JournalState,
    /// It is finalized.
    pub(crate) reopened: bool,
    /// It has a paged index.
    pub(crate) paged: bool,
}

/// Finds out what is in the container, and tells `dedup`; for a finalized one writes its index beside it.
pub(crate) fn known_entries(
    container: &Path,
    index: &Path,
    locked: &Locked,
    mut dedup: Option<&mut Dedup>,
) -> Result<Known> {
    let directory = pack::directory_of(index);
    let sorter = || Sorter::new(&directory);
    let mut sort = |sorter: &mut Sorter, entry: Entry| {
        if let Some(dedup) = &mut dedup {
            dedup.learn(&entry);
        }
        sorter.push(entry).map_err(Error::io("write a temporary file in", &directory))
    };
    let finish =
        |sorter: Sorter| sorter.finish().map_err(Error::io("read a temporary file in", &directory));
    let len = locked.len()?;
    let from_index = if index.exists() {
        let mut sorter = sorter();
        journal::convert_array(index)?;
        let state = journal::read(index, &mut |entry| sort(&mut sorter, entry))?;
        Some((sorter, state))
    } else {
        None
    };
    let floor = from_index.as_ref().map_or(0, |(_, state)| state.end);
    let mut inside_sorter = sorter();
    let inside = if len > 0 {
        embedded(container, floor, &mut |entry| sort(&mut inside_sorter, entry))?
    } else {
        None
    };
    if let Some(inside) = inside {
        let known = |sorter, state| {
            Ok(Known { sorted: finish(sorter)?, state, reopened: true, paged: inside.paged })
        };
        return match from_index {
            // The index beside it is the one inside.
            Some((sorter, state))
                if (state.end == inside.state.end || state.end == inside.payload_end)
                    && (!inside.paged || state.entries >= inside.state.entries) =>
            {
                known(sorter, state)
            }
            Some((_, beside)) if !inside.paged || beside.end > inside.state.end => {
                let problem = format!(
                    "it differs from the index that {} holds itself; move it away to go on from that one, or, if \
                     those bytes are the rest of a file that was being packed, cut the container to {} bytes",
                    container.display(),
                    beside.end
                );
                Err(Error::State { path: index.to_owned(), problem })
            }
            _ => {
                // Safe on disk before anything is added.
                journal::write_whole(index, |write| {
                    embedded(container, 0, &mut |entry| write(&entry)).map(|_| ())
                })?;
                known(inside_sorter, inside.state)
            }
        };
    }
    match from_index {
        Some((_, state)) if state.end > len => Err(container_cut(container, state.end, len)),
        Some((sorter, state)) => {
            Ok(Known { sorted: finish(sorter)?, state, reopened: false, paged: false })
        }
        None if len > 0 => Err(index_missing(container, index, len)),
        None => {
            let state = JournalState::default();
            Ok(Known { sorted: finish(sorter())?, state, reopened: false, paged: false })
        }
    }
}

/// With lines that cannot be read, or without any byte, nobody knows what the bytes behind the last
/// payload are.
pub(crate) fn refuse_to_cut(index: &Path, state: &JournalState, cut: u64) -> Result<()> {
    if cut == 0 {
        return Ok(());
    }
    if index.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        let problem = format!(
            "it is empty, but its container has {cut} bytes, which it should name; nothing was changed. Bring the \
             index back or name it with --index; or, to begin anew, remove the container and the index"
        );
        return Err(Error::State { path: index.to_owned(), problem });
    }
    if state.bad_lines == 0 {
        return Ok(());
    }
    let problem = format!(
        "{} of its lines cannot be read, and the container has {cut} bytes behind the last payload that the others \
         name; nothing was changed. Mend the lines, or take them out if those bytes may be cut off",
        state.bad_lines
    );
    Err(Error::State { path: index.to_owned(), problem })
}

pub(crate) fn container_cut(container: &Path, end: u64, len: u64) -> Error {
    let problem = format!(
        "its index names payloads up to byte {end}, but it has only {len} bytes: the container was cut or is \
         another's; restore it, or remove it and its index to begin anew"
    );
    Error::State { path: container.to_owned(), problem }
}

pub(crate) fn index_missing(container: &Path, index: &Path, len: u64) -> Error {
    let problem = format!(
        "it holds {len} bytes, but its index {} is missing; nothing was changed. Bring the index back or name \
         it with --index; or, to begin anew, remove the container",
        index.display()
    );
    Error::State { path: container.to_owned(), problem }
}
