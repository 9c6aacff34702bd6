//! Makes an index for a container that has none of that kind. Payloads are not copied.

mod tables;

use crate::container::lock::Locked;
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::index::ndjson;
use crate::index::sort::Sorter;
use crate::index::writer::{Extras, Finished, IndexOptions, IndexWriter};
use crate::progress::{Event, Latch, Observer, cancelled, go_on};
use crate::read::legacy::{self, Notes, Origin};
use crate::read::pack::Pack;
use crate::source::data::Data;
use crate::source::location::Location;
use crate::source::mapped::Mapped;
use crate::source::options::OpenOptions;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, close, refuse_same};
use rangepack_core::layout::Volume;
use rangepack_core::ndjson::Item;
use rangepack_core::{Digest, Entry, Escaped, Kind, PackPathBuf, Source};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tables::Tables;

/// So many entries are formatted at a time.
const ENTRIES_AT_A_TIME: u64 = 4096;

/// An NDJSON index that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NdjsonWritten {
    /// Its length in bytes.
    pub len: u64,
}

/// Writes the NDJSON index of any pack, as the old programs keep it beside a container.
///
/// `directories`: with lines for directories. What a paged index beside a container adds to it, block
/// tables and attribute blocks, is not in the lines: they speak of the container alone.
pub fn write_ndjson(
    pack: &Pack,
    target: &Path,
    directories: bool,
    observer: &dyn Observer,
) -> Result<NdjsonWritten> {
    if let Some(path) = pack.location().disk() {
        refuse_same(target, path)?;
    }
    let replacement = Replacement::new(target)?;
    let mut out = replacement.writer();
    let header = pack.header();
    let lines = header.totals.files + if directories { header.totals.directories } else { 0 };
    let starts = (0..header.entries).step_by(ENTRIES_AT_A_TIME as usize).map(Ok);
    let scan = |start: u64, text: &mut Vec<u8>| {
        if observer.cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        pack.entries_at(start..start + ENTRIES_AT_A_TIME).try_for_each(|entry| {
            let entry = entry.map_err(io::Error::other)?;
            let mut entry = entry.to_entry().map_err(io::Error::other)?;
            if pack.index_beside().is_some() {
                entry.attributes = None;
                if let Kind::File(content) = &mut entry.kind {
                    (content.volume, content.blocks) = (0, None);
                }
            }
            ndjson::push_line(&entry, directories, text);
            observer.event(done(&entry));
            Ok(())
        })
    };
    let write = |error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => cancelled(target),
        _ => Error::io(Action::Write, target)(error),
    };
    let threads = crate::source::platform::default_threads();
    let (len, _) = ndjson::write(&mut out, lines, threads, starts, scan).map_err(write)?;
    out.flush().map_err(write)?;
    drop(out);
    replacement.finish(Finish { overwrite: true, sync: true })?;
    Ok(NdjsonWritten { len })
}

/// That an entry is in the new index.
fn done(entry: &Entry) -> Event<'_> {
    let bytes = if let Kind::File(content) = &entry.kind { content.size } else { 0 };
    Event::Done { path: Escaped(entry.path.as_bytes()), bytes }
}

/// Where a paged index is to lie.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexTarget {
    /// In a file of its own, in the container's directory; the container stays untouched.
    Beside(PathBuf),
    /// At the end of the container itself. What is there stays, so an interruption does no harm.
    InPlace(IndexOptions),
}

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
    container: &Path,
    target: &IndexTarget,
    options: &OpenOptions,
    observer: &dyn Observer,
) -> Result<Reindexed> {
    let observer = &Latch::new(observer);
    // Nobody packs into it from here on.
    let output = match target {
        IndexTarget::InPlace(index) => {
            Destination::InPlace(*index, Locked::open(container, false)?)
        }
        IndexTarget::Beside(sidecar) => {
            refuse_same(sidecar, container)?;
            Destination::Beside(sidecar)
        }
    };
    let mapped = Mapped::open(container).map_err(Error::io(Action::Open, container))?;
    let file = Data::mapped(container, mapped);
    let data = file.whole().unwrap_or(&[]);
    let opened = rangepack_core::Index::open(data, data.len() as u64, None, &options.limits);
    if opened.map_err(Error::pack_at(container))?.ready().flatten().is_some() {
        return Err(Error::container(container, ContainerProblem::HasPagedIndex));
    }
    let origin = legacy::find(&file, options)?;
    let directory = directory_of(container);
    let temporary = || Error::io(Action::UseTemporary, &directory);
    let sorting = |error: io::Error| match error.downcast() {
        Ok(error) => Error::pack_at(container)(error),
        Err(error) => temporary()(error),
    };
    let mut sorter = Sorter::new(&directory);
    let volume = u32::from(matches!(output, Destination::Beside(_)));
    let len = data.len() as u64;
    let mut rebuild = Rebuild {
        observer,
        data,
        container,
        directory: &directory,
        volume,
        hashed: 0,
        tables: Tables::new(&directory, if volume == 0 { len } else { 0 }),
        damaged: Vec::new(),
    };
    let mut refused = Vec::new();
    let mut failure = None;
    let mut notes = legacy::read(&file, &origin, options, observer, &mut |item| {
        match item {
            Item::Refused(entry) => refused.push(entry),
            Item::Entry(entry) if failure.is_none() => {
                let pushed =
                    rebuild.complete(entry).and_then(|entry| sorter.push(entry).map_err(sorting));
                failure = pushed.err();
            }
            Item::Entry(_) => {}
        }
        Ok(())
    })?;
    file.intact()?;
    if let Some(error) = failure {
        return Err(error);
    }
    let mut writer = IndexWriter::new(&directory);
    let mut sorted = sorter.finish().map_err(temporary())?;
    writer.push_all(&mut sorted, || go_on(observer, container))?;
    refused.append(&mut sorted.refused);
    notes.refused = refused;
    let Rebuild { hashed, damaged, mut tables, .. } = rebuild;
    let finished = match output {
        Destination::Beside(sidecar) => beside(container, len, sidecar, &mut tables, writer)?,
        Destination::InPlace(index, locked) => {
            let index = if matches!(origin, Origin::Fpack) { IndexOptions::paged() } else { index };
            drop(file);
            append(container, len, &locked, &mut tables, writer, index)?
        }
    };
    Ok(Reindexed { finished, notes, hashed, damaged })
}

/// Where the index goes, made ready.
enum Destination<'t> {
    Beside(&'t Path),
    InPlace(IndexOptions, Locked),
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

impl Rebuild<'_> {
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
            content.volume = self.volume;
            let payload = self.data.bytes(content.extent()).ok_or_else(|| {
                let (start, len) = (content.offset, content.stored_size);
                let file_len = self.data.len() as u64;
                let source = Box::new(rangepack_core::Error::OutOfBounds { start, len, file_len });
                Error::Entry {
                    pack: Location::Disk(self.container.to_owned()),
                    entry: entry.path.to_string(),
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
        self.observer.event(done(&entry));
        Ok(entry)
    }
}

fn beside(
    container: &Path,
    len: u64,
    sidecar: &Path,
    tables: &mut Tables,
    writer: IndexWriter,
) -> Result<Finished> {
    let directory = directory_of(sidecar);
    if directory.canonicalize().ok() != directory_of(container).canonicalize().ok() {
        return Err(Error::container(sidecar, ContainerProblem::SidecarElsewhere));
    }
    let replacement = Replacement::new(sidecar)?;
    let mut out = replacement.writer();
    let extras = Extras { volumes: vec![Volume::beside(len)], ..Extras::default() };
    tables.write_to(&mut out).map_err(Error::io(Action::Write, sidecar))?;
    let paged = IndexOptions::paged();
    let finished = writer.finish(&mut out, sidecar, tables.end(), &extras, paged)?;
    drop(out);
    replacement.finish(Finish { overwrite: true, sync: true })?;
    Ok(finished)
}

fn append(
    container: &Path,
    len: u64,
    locked: &Locked,
    tables: &mut Tables,
    writer: IndexWriter,
    index: IndexOptions,
) -> Result<Finished> {
    let write = || -> Result<Finished> {
        let mut file: File = locked.handle()?;
        file.seek(SeekFrom::Start(len)).map_err(Error::io(Action::Seek, container))?;
        let mut out = BufWriter::with_capacity(256 << 10, file);
        tables.write_to(&mut out).map_err(Error::io(Action::Write, container))?;
        let finished =
            writer.finish(&mut out, container, tables.end(), &Extras::default(), index)?;
        let file = out
            .into_inner()
            .map_err(|error| Error::io(Action::Write, container)(error.into_error()))?;
        file.sync_all().map_err(Error::io(Action::Sync, container))?;
        close(file, container)?;
        Ok(finished)
    };
    write().inspect_err(|_| {
        // The container is as it was.
        let _ = locked.set_len(len);
    })
}
