//! Puts the index into a container. The index beside it stays until the one inside is durable.

use crate::container::embedded::embedded;
use crate::container::journal::{self, JournalState};
use crate::container::known::{index_missing, refuse_to_cut, refuse_too_short};
use crate::container::lock::Locked;
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::index::sort::Sorter;
use crate::index::writer::{Extras, Finished, IndexFormat, IndexOptions, IndexWriter};
use crate::progress::{Observer, go_on};
use crate::source::location::idx_path;
use crate::source::platform::directory_of;
use rangepack_core::ndjson::Refused;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom};
use std::path::Path;

/// How a container is finalized.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct FinalizeOptions {
    /// Which indexes it gets.
    pub index: IndexOptions,
    /// Remove the index beside it afterwards.
    pub remove_index: bool,
}

/// What finalizing did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finalized {
    /// The finished container.
    pub finished: Finished,
    /// The journal that went into it.
    pub journal: JournalState,
    /// Bytes behind the last payload, cut off.
    pub cut: u64,
    /// Entries that are not in the index, because a later line made a directory of a file, or a file of a
    /// directory that they lie in.
    pub replaced: Vec<Refused>,
}

/// Finalizes a container whose index lies beside it (`<container>.idx` unless another is named).
///
/// The observer can stop it until it begins to write the index.
pub fn finalize(
    container: &Path,
    index: Option<&Path>,
    options: &FinalizeOptions,
    observer: &dyn Observer,
) -> Result<Finalized> {
    let index = index.map_or_else(|| idx_path(container), Path::to_owned);
    let locked = Locked::open(container, false)?;
    if !index.exists() {
        let len = locked.len()?;
        if len > 0 && embedded(container, 0, &mut |_| Ok(()))?.is_some() {
            return Err(already_finalized(container));
        }
        return Err(index_missing(container, &index, len));
    }
    run(container, &index, &locked, options, observer)
}

fn already_finalized(container: &Path) -> Error {
    Error::container(container, ContainerProblem::Finalized)
}

/// Finalizes a container that is locked.
pub(crate) fn run(
    container: &Path,
    index: &Path,
    locked: &Locked,
    options: &FinalizeOptions,
    observer: &dyn Observer,
) -> Result<Finalized> {
    let directory = directory_of(index);
    let temporary = || Error::io(Action::UseTemporary, &directory);
    let mut sorter = Sorter::new(&directory);
    journal::convert_array(index)?;
    let state = journal::read(index, &mut |entry| {
        go_on(observer, container)?;
        sorter.push(entry).map_err(temporary())
    })?;
    let len = locked.len()?;
    refuse_too_short(container, &state, len)?;
    if len > state.end
        && let Some(inside) = embedded(container, state.end, &mut |_| Ok(()))?
    {
        // A trailer with these very entries may be what an interrupted run left of finalizing.
        let wants_paged = options.index.format != IndexFormat::Ndjson;
        if inside.paged || inside.state.end != state.end || !wants_paged {
            return Err(already_finalized(container));
        }
    }
    let mut writer = IndexWriter::new(&directory);
    let mut sorted = sorter.finish().map_err(temporary())?;
    writer.push_all(&mut sorted, || go_on(observer, container))?;
    let replaced = sorted.refused;
    // Until the index inside is durable this is the only copy.
    let durable = File::open(index).and_then(|file| file.sync_all());
    durable.map_err(Error::io(Action::Sync, index))?;
    refuse_to_cut(index, &state, len - state.end)?;
    locked.set_len(state.end)?;
    let written = write_index(locked, container, state.end, writer, options.index);
    let finished = written.inspect_err(|_| {
        // The index beside it is untouched; what was written of the one inside goes.
        let _ = locked.set_len(state.end);
    })?;
    if options.remove_index {
        std::fs::remove_file(index).map_err(Error::io(Action::Remove, index))?;
    }
    Ok(Finalized { finished, journal: state, cut: len - state.end, replaced })
}

fn write_index(
    locked: &Locked,
    container: &Path,
    end: u64,
    writer: IndexWriter,
    options: IndexOptions,
) -> Result<Finished> {
    let mut file = locked.handle()?;
    file.seek(SeekFrom::Start(end)).map_err(Error::io(Action::Seek, container))?;
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let finished = writer.finish(&mut out, container, end, &Extras::default(), options)?;
    let file = out
        .into_inner()
        .map_err(|error| Error::io(Action::Write, container)(error.into_error()))?;
    file.sync_all().map_err(Error::io(Action::Sync, container))?;
    Ok(finished)
}
