//! Puts the index into a container. The index beside it stays until the one inside is durable.

use crate::container::embedded::{Inside, embedded};
use crate::container::journal::{self, JournalState};
use crate::container::known::{Place, Tail, index_missing};
use crate::container::lock::Locked;
use crate::container::ndjson::done;
use crate::container::tables::Tables;
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::index::sort::{self, Sorted, Sorter};
use crate::index::writer::{Extras, Finished, IndexFormat, IndexOptions, IndexWriter};
use crate::progress::{Event, Observer, go_on};
use crate::setters::setters;
use crate::source::location::idx_path;
use crate::source::platform::directory_of;
use crate::source::replace::close;
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
    /// What is done with bytes that nothing names.
    pub tail: Tail,
}

setters!(FinalizeOptions {
    index(IndexOptions),
    remove_index(bool),
    tail(Tail),
});

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
/// An interruption does no harm: the journal notes beforehand how far the index may reach. The observer can stop
/// it until it begins to write the index.
pub fn finalize(
    container: impl AsRef<Path>,
    index: Option<&Path>,
    options: &FinalizeOptions,
    observer: &dyn Observer,
) -> Result<Finalized> {
    let container = container.as_ref();
    let index = index.map_or_else(|| idx_path(container), Path::to_owned);
    let locked = Locked::open(container, false)?;
    if !index.exists() {
        let len = locked.len()?;
        if len > 0 && embedded(container, 0, &mut |_| Ok(()))?.whole().is_some() {
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
    let scratch = &directory_of(index);
    let place = Place { container, index, scratch, tail: options.tail, observer };
    journal::convert_array(index)?;
    let is_ndjson = options.index.format == IndexFormat::Ndjson;
    let (state, mut sorted) = read(&place, observer)?;
    let len = locked.len()?;
    let cut = match embedded(container, state.end, &mut |_| Ok(()))? {
        // A trailer with these very entries is what a run left that wanted no more.
        Inside::Whole(inside) if !inside.paged && inside.state.end == state.end && !is_ndjson => {
            len - state.end
        }
        Inside::Whole(_) => return Err(already_finalized(container)),
        Inside::Nothing | Inside::Damaged(_) => place.tail(&state, len)?,
    };
    let (mut end, mut torn) = (len - cut, state.torn);
    if is_ndjson && end > state.end {
        return Err(Error::container(container, ContainerProblem::KeepsNoTail));
    }
    let mut writer = IndexWriter::new(scratch);
    observer.event(Event::Selected { entries: state.entries });
    writer.push_all(&mut sorted, |entry| {
        observer.event(done(entry));
        go_on(observer, container)
    })?;
    let replaced = sorted.refused;
    if is_ndjson && writer.end() < end {
        // Old readers know a trailer by this: the last payload that it names ends where it begins. The one that lies
        // there is another entry's by now, and goes.
        let (_, mut sorted) = read(&place, observer)?;
        journal::write_whole(index, |write| {
            let temporary = || sort::failed(scratch, container);
            sorted.try_for_each(|entry| write(&entry.map_err(temporary())?))
        })?;
        (end, torn) = (writer.end(), 0);
    }
    // This makes the index beside it durable, too: until the one inside is, it is the only copy.
    journal::announce(index, torn, end.saturating_add(writer.bound()))?;
    let finished = append(container, locked, end, None, writer, options.index)?;
    if options.remove_index {
        std::fs::remove_file(index).map_err(Error::io(Action::Remove, index))?;
    }
    Ok(Finalized { finished, journal: state, cut, replaced })
}

/// The entries of the index beside a container, whose index it is.
fn read(place: &Place<'_>, observer: &dyn Observer) -> Result<(JournalState, Sorted)> {
    let temporary = || sort::failed(place.scratch, place.container);
    let mut sorter = Sorter::new(place.scratch);
    let read = place.read(&mut |entry| {
        go_on(observer, place.container)?;
        sorter.push(entry).map_err(temporary())
    })?;
    let len =
        place.container.metadata().map_err(Error::io(Action::Examine, place.container))?.len();
    let (state, proof) = read.ok_or_else(|| index_missing(place.container, place.index, len))?;
    place.prove(&state, &proof, len)?;
    Ok((state, sorter.finish().map_err(temporary())?))
}

/// Writes an index, and `tables` before it, behind byte `from` of a container, in place of what is there. The index
/// beside it holds all entries, and notes already how far this may reach.
pub(super) fn append(
    container: &Path,
    locked: &Locked,
    from: u64,
    tables: Option<&mut Tables>,
    writer: IndexWriter,
    options: IndexOptions,
) -> Result<Finished> {
    let end = tables.as_ref().map_or(from, |tables| tables.end());
    locked.cut(from)?;
    let sync = || Error::io(Action::Sync, container);
    let write = || -> Result<Finished> {
        let mut file = locked.handle()?;
        file.seek(SeekFrom::Start(from)).map_err(Error::io(Action::Seek, container))?;
        let mut out = BufWriter::with_capacity(256 << 10, file);
        if let Some(tables) = tables {
            tables.write_to(&mut out).map_err(Error::io(Action::Write, container))?;
        }
        let settle = |out: &mut BufWriter<File>| out.get_ref().sync_data().map_err(sync());
        let finished =
            writer.finish(&mut out, container, end, &Extras::default(), options, settle)?;
        let file = out
            .into_inner()
            .map_err(|error| Error::io(Action::Write, container)(error.into_error()))?;
        file.sync_all().map_err(sync())?;
        close(file, container)?;
        Ok(finished)
    };
    write().inspect_err(|_| {
        // The index beside it is untouched; what was written of the one inside goes.
        let _ = locked.set_len(from);
    })
}
