//! Makes an index for a container that has none of that kind. Payloads are not copied.

use crate::container::embedded::{Inside, embedded};
use crate::container::finalize::append;
use crate::container::journal;
use crate::container::known::{Place, Tail};
use crate::container::lock::{Locked, lock_for};
use crate::container::ndjson::is_ndjson;
use crate::container::tables::Tables;
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::index::dictionaries;
use crate::index::sort::{self, Sorter};
use crate::index::writer::{Extras, Finished, IndexOptions, IndexWriter};
use crate::progress::{Event, Latch, Observer, cancelled, go_on};
use crate::read::legacy::{self, Notes, Origin};
use crate::setters::setters;
use crate::source::data::Data;
use crate::source::location::{Location, idx_path};
use crate::source::mapped::Mapped;
use crate::source::options::OpenOptions;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, refuse_same, refuse_to_replace};
use rangepack_core::layout::Volume;
use rangepack_core::ndjson::Item;
use rangepack_core::{Digest, Entry, Escaped, Kind, PackPathBuf, Source};
use std::io;
use std::path::{Path, PathBuf};

/// Where a paged index is to lie.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexTarget {
    /// In a file of its own, in the container's directory; the container stays untouched.
    Beside(PathBuf),
    /// At the end of the container itself. Until it is whole, and on disk, an NDJSON index with all entries lies
    /// beside the container, so an interruption does no harm.
    InPlace(IndexOptions),
}

/// How a paged index is made.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RebuildOptions {
    /// Limits, and the index to take the entries from if it is not the container's own.
    pub open: OpenOptions,
    /// Replace an index that is there.
    pub overwrite: bool,
    /// What is done with bytes that nothing names.
    pub tail: Tail,
}

setters!(RebuildOptions {
    open(OpenOptions),
    overwrite(bool),
    tail(Tail),
});

/// What was made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reindexed {
    /// The new index.
    pub finished: Finished,
    /// What was strange in the old one.
    pub notes: Notes,
    /// How many payloads had no digest and were hashed.
    pub hashed: u64,
    /// Large files whose payloads were read, and are not what their digests say. They are in the index as
    /// they were in the old one; reading them fails. Entries, too, whose attribute blocks are not in the container.
    pub damaged: Vec<PackPathBuf>,
}

/// Makes a paged index for an old container or an `.fpack`.
///
/// Payloads whose digest the old index does not know are read and hashed, and so are stored ones that
/// are longer than a block: these get block tables, so that any range of them can be verified alone.
/// A container that has a paged index already is refused.
pub fn rebuild(
    container: impl AsRef<Path>,
    target: &IndexTarget,
    options: &RebuildOptions,
    observer: &dyn Observer,
) -> Result<Reindexed> {
    let container = container.as_ref();
    let observer = &Latch::new(observer);
    match target {
        IndexTarget::Beside(sidecar) => beside(container, sidecar, options, observer),
        IndexTarget::InPlace(index) => in_place(container, *index, options, observer),
    }
}

/// The container's bytes.
fn open(container: &Path) -> Result<Data> {
    let mapped = Mapped::open(container).map_err(Error::io(Action::Open, container))?;
    Ok(Data::mapped(container, mapped))
}

fn refuse_paged(container: &Path, data: &[u8], options: &OpenOptions) -> Result<()> {
    let opened = rangepack_core::Index::open(data, data.len() as u64, None, &options.limits);
    if opened.is_ok_and(|answer| answer.ready().flatten().is_some()) {
        return Err(has_paged_index(container));
    }
    Ok(())
}

fn has_paged_index(container: &Path) -> Error {
    Error::container(container, ContainerProblem::HasPagedIndex)
}

fn beside(
    container: &Path,
    sidecar: &Path,
    options: &RebuildOptions,
    observer: &dyn Observer,
) -> Result<Reindexed> {
    refuse_same(sidecar, container)?;
    let directory = directory_of(sidecar);
    if directory.canonicalize().ok() != directory_of(container).canonicalize().ok() {
        return Err(Error::container(sidecar, ContainerProblem::SidecarElsewhere));
    }
    let _locked = lock_for(sidecar, Some(container))?;
    refuse_to_replace(sidecar, options.overwrite)?;
    if sidecar.is_file() && is_ndjson(sidecar) {
        // It is the only copy of something, perhaps.
        return Err(Error::Exists { path: sidecar.to_owned() });
    }
    let file = open(container)?;
    let data = file.whole().unwrap_or(&[]);
    refuse_paged(container, data, &options.open)?;
    let origin = legacy::find(&file, &options.open)?;
    let tables = Tables::new(&directory, 0);
    let mut rebuild = Rebuild::new(observer, data, container, &directory, 1, tables);
    let mut sorter = Sorter::new(&directory);
    let temporary = || sort::failed(&directory, container);
    let mut notes = rebuild.read(&file, &origin, &options.open, &mut |entry| {
        sorter.push(entry).map_err(temporary())
    })?;
    let (mut tables, hashed, damaged) = rebuild.finish();
    let mut writer = IndexWriter::new(&directory);
    let mut sorted = sorter.finish().map_err(temporary())?;
    writer.push_all(&mut sorted, |_| go_on(observer, container))?;
    notes.refused.append(&mut sorted.refused);
    let replacement = Replacement::new(sidecar)?;
    let mut out = replacement.writer();
    let len = data.len() as u64;
    let extras = Extras { volumes: vec![Volume::beside(len)], ..Extras::default() };
    tables.write_to(&mut out).map_err(Error::io(Action::Write, sidecar))?;
    let (paged, at_once) = (IndexOptions::paged(), |_: &mut _| Ok(()));
    let finished = writer.finish(&mut out, sidecar, tables.end(), &extras, paged, at_once)?;
    drop(out);
    replacement.finish(Finish { overwrite: options.overwrite, sync: true })?;
    Ok(Reindexed { finished, notes, hashed, damaged })
}

fn in_place(
    container: &Path,
    format: IndexOptions,
    options: &RebuildOptions,
    observer: &dyn Observer,
) -> Result<Reindexed> {
    let locked = Locked::open(container, false)?;
    let file = open(container)?;
    let data = file.whole().unwrap_or(&[]);
    let len = data.len() as u64;
    let index = options.open.index.as_ref().and_then(Location::disk);
    let index = index.map_or_else(|| idx_path(container), Path::to_owned);
    let directory = directory_of(container);
    let temporary = || sort::failed(&directory, container);
    let place =
        Place { container, index: &index, scratch: &directory, tail: options.tail, observer: &() };
    // The index beside it is the one that counts until the one inside does. Without one it is made, and goes in the end.
    let state = match place.read(&mut |_| Ok(()))? {
        Some((state, proof)) => {
            place.prove(&state, &proof, len)?;
            Some(state)
        }
        None => None,
    };
    let from = match &state {
        None => {
            refuse_paged(container, data, &options.open)?;
            len
        }
        Some(state) => match embedded(container, state.end, &mut |_| Ok(()))? {
            Inside::Whole(inside) if inside.paged => return Err(has_paged_index(container)),
            Inside::Whole(inside) if inside.state.end == state.end => state.end,
            _ => len - place.tail(state, len)?,
        },
    };
    let origin = match &state {
        None => legacy::find(&file, &options.open)?,
        Some(_) => Origin::Beside(Data::open(&Location::Disk(index.clone()), &options.open)?),
    };
    let is_fpack = matches!(origin, Origin::Fpack);
    let format = if is_fpack { IndexOptions::paged() } else { format };
    let tables = Tables::new(&directory, from);
    let mut rebuild = Rebuild::new(observer, data, container, &directory, 0, tables);
    let mut sorter = Sorter::new(&directory);
    let mut notes = Notes::default();
    if state.is_some() {
        place.read(&mut |entry| {
            let entry = rebuild.complete(entry)?;
            sorter.push(entry).map_err(temporary())
        })?;
    } else {
        journal::write_whole(&index, |write| {
            let mut each = |entry: Entry| {
                let mut line = entry.clone();
                if let Kind::File(content) = &mut line.kind {
                    // Tables made here are not there yet.
                    content.blocks = content.blocks.filter(|table| table.offset < len);
                }
                write(&line)?;
                sorter.push(entry).map_err(temporary())
            };
            notes = rebuild.read(&file, &origin, &options.open, &mut each)?;
            Ok(())
        })?;
    }
    let (mut tables, hashed, damaged) = rebuild.finish();
    let write = || -> Result<Finished> {
        let mut writer = IndexWriter::new(&directory);
        let mut sorted = sorter.finish().map_err(temporary())?;
        writer.push_all(&mut sorted, |_| go_on(observer, container))?;
        notes.refused.append(&mut sorted.refused);
        let torn = state.map_or(0, |state| state.torn);
        journal::announce(&index, torn, tables.end().saturating_add(writer.bound()))?;
        append(container, &locked, from, Some(&mut tables), writer, format)
    };
    let finished = write();
    if state.is_none() && (finished.is_ok() || locked.len().is_ok_and(|now| now == len)) {
        // It was made here, and the container is whole without it, or as it was before.
        std::fs::remove_file(&index).map_err(Error::io(Action::Remove, &index))?;
    }
    Ok(Reindexed { finished: finished?, notes, hashed, damaged })
}

struct Rebuild<'r> {
    observer: &'r dyn Observer,
    data: &'r [u8],
    container: &'r Path,
    directory: &'r Path,
    volume: u32,
    hashed: u64,
    tables: Tables,
    damaged: Vec<PackPathBuf>,
}

impl<'r> Rebuild<'r> {
    fn new(
        observer: &'r dyn Observer,
        data: &'r [u8],
        container: &'r Path,
        directory: &'r Path,
        volume: u32,
        tables: Tables,
    ) -> Rebuild<'r> {
        let damaged = Vec::new();
        Rebuild { observer, data, container, directory, volume, hashed: 0, tables, damaged }
    }

    /// Hands all entries, completed, to `each`.
    fn read(
        &mut self,
        file: &Data,
        origin: &Origin,
        options: &OpenOptions,
        each: &mut dyn FnMut(Entry) -> Result<()>,
    ) -> Result<Notes> {
        let (mut refused, mut failure) = (Vec::new(), None);
        let mut notes = legacy::read(file, origin, options, self.observer, &mut |item| {
            match item {
                Item::Refused(entry) => refused.push(entry),
                Item::Entry(entry) if failure.is_none() => {
                    failure = self.complete(entry).and_then(&mut *each).err();
                }
                Item::Entry(_) => {}
            }
            Ok(())
        })?;
        file.intact()?;
        notes.refused = refused;
        failure.map_or(Ok(notes), Err)
    }

    /// The tables, how many payloads were hashed, and what was damaged.
    fn finish(self) -> (Tables, u64, Vec<PackPathBuf>) {
        (self.tables, self.hashed, self.damaged)
    }

    /// Checks where the payload lies, hashes it when nobody has, and gives it a block table if it is large.
    fn complete(&mut self, mut entry: Entry) -> Result<Entry> {
        go_on(self.observer, self.container)?;
        if let Some(block) = entry.attributes
            && self.volume > 0
        {
            // They lie in the file that holds the index.
            let copied = self.tables.copy_attributes(block, self.data);
            entry.attributes = copied.map_err(Error::io(Action::UseTemporary, self.directory))?;
            if entry.attributes.is_none() {
                self.damaged.push(entry.path.clone());
            }
        }
        if let Kind::File(content) = &mut entry.kind {
            dictionaries::renumber(content, |_| self.volume);
            let payload = self.data.bytes(content.extent()).ok_or_else(|| {
                let (start, len) = (content.offset, content.stored_size);
                let file_len = self.data.len() as u64;
                let source = Box::new(rangepack_core::Error::OutOfBounds { start, len, file_len });
                Error::Entry {
                    pack: Location::Disk(self.container.to_owned()),
                    entry: entry.path.as_bytes().into(),
                    source,
                }
            })?;
            self.hashed += u64::from(content.digest.is_none());
            let tables = &mut self.tables;
            // A container that this program left open may have tables, but in itself.
            let sound = match content.blocks {
                None => tables.add(content, payload, self.observer),
                Some(_) if self.volume == 0 => Ok(true),
                Some(_) => tables.copy(content, self.data),
            };
            let sound = sound.map_err(|error| match error.kind() {
                io::ErrorKind::Interrupted => cancelled(self.container),
                _ => Error::io(Action::UseTemporary, self.directory)(error),
            })?;
            content.digest.get_or_insert_with(|| Digest::of(payload));
            if !sound {
                self.damaged.push(entry.path.clone());
            }
        }
        // What is read of the container, of which it is known how long that is.
        let bytes = if let Kind::File(content) = &entry.kind { content.stored_size } else { 0 };
        self.observer.event(Event::Done { path: Escaped(entry.path.as_bytes()), bytes });
        Ok(entry)
    }
}
