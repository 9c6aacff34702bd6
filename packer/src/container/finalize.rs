//! Puts the index into a container. The index beside it stays until the one inside is durable.

use crate::container::journal::{self, JournalState};
use crate::error::{Error, Result};
use crate::index::sort::Sorter;
use crate::index::writer::{Finished, IndexFormat, IndexOptions, IndexWriter};
use crate::progress::{Observer, go_on};
use crate::read::pack::Pack;
use crate::source::data::Data;
use crate::source::location::idx_path;
use crate::source::mapped::Mapped;
use crate::source::options::OpenOptions;
use crate::source::replace::directory_of;
use rangepack_core::ndjson::{self, IndexSummary, Item, Refused};
use rangepack_core::{Entry, ErrorKind};
use std::fs::{File, TryLockError};
use std::io::{BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};

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

/// A container that no other packer works on.
#[derive(Debug)]
pub(crate) struct Locked {
    file: File,
    path: PathBuf,
}

impl Locked {
    /// Opens a container for writing; refuses when another process has it.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Locked> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(path)
            .map_err(Error::io("open", path))?;
        match file.try_lock() {
            Ok(()) => Ok(Locked { file, path: path.to_owned() }),
            Err(TryLockError::WouldBlock) => {
                let problem = "another process is packing into it; wait for it to end".to_owned();
                Err(Error::State { path: path.to_owned(), problem })
            }
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
        }
    }

    pub(crate) fn len(&self) -> Result<u64> {
        self.file
            .metadata()
            .map(|metadata| metadata.len())
            .map_err(Error::io("examine", &self.path))
    }

    pub(crate) fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(Error::io("cut", &self.path))
    }

    /// Another handle on the same file, under the same lock.
    pub(crate) fn handle(&self) -> Result<File> {
        self.file.try_clone().map_err(Error::io("open", &self.path))
    }
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
        if locked.len()? > 0 && embedded(container, 0, &mut |_| Ok(()))?.is_some() {
            return Err(already_finalized(container));
        }
        let problem = format!("its index {} is missing; name it with --index", index.display());
        return Err(Error::State { path: container.to_owned(), problem });
    }
    run(container, &index, &locked, options, observer)
}

fn already_finalized(container: &Path) -> Error {
    Error::State { path: container.to_owned(), problem: "it is finalized already".to_owned() }
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
    let temporary = || Error::io("write a temporary file in", &directory);
    let mut sorter = Sorter::new(&directory);
    convert_array(index)?;
    let state = journal::read(index, &mut |entry| {
        go_on(observer, container)?;
        sorter.push(entry).map_err(temporary())
    })?;
    let len = locked.len()?;
    if state.end > len {
        let problem = format!(
            "its index names payloads up to byte {}, but it has only {len} bytes; restore the container",
            state.end
        );
        return Err(Error::State { path: container.to_owned(), problem });
    }
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
    for entry in sorted.by_ref() {
        go_on(observer, container)?;
        writer.push(&entry.map_err(temporary())?)?;
    }
    let replaced = sorted.refused;
    // Until the index inside is durable this is the only copy.
    let durable = File::open(index).and_then(|file| file.sync_all());
    durable.map_err(Error::io("sync", index))?;
    crate::container::create::refuse_to_cut(index, &state, len - state.end)?;
    locked.set_len(state.end)?;
    let written = write_index(locked, container, state.end, writer, options.index);
    let finished = written.inspect_err(|_| {
        // The index beside it is untouched; what was written of the one inside goes.
        let _ = locked.set_len(state.end);
    })?;
    if options.remove_index {
        std::fs::remove_file(index).map_err(Error::io("remove", index))?;
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
    file.seek(SeekFrom::Start(end)).map_err(Error::io("seek in", container))?;
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let finished = writer.finish(&mut out, container, end, Vec::new(), options)?;
    let file =
        out.into_inner().map_err(|error| Error::io("write", container)(error.into_error()))?;
    file.sync_all().map_err(Error::io("sync", container))?;
    Ok(finished)
}

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
    let mapped = Mapped::open(container).map_err(Error::io("open", container))?;
    let file = Data::mapped(container, mapped);
    let data = file.whole().unwrap_or(&[]);
    let limits = OpenOptions::default().limits;
    let len = data.len() as u64;
    let mut state = JournalState::default();
    let opened = rangepack_core::Index::open(data, len, None, &limits);
    if opened.is_ok_and(|answer| answer.ready().flatten().is_some()) {
        let pack = Pack::open(container)?;
        for entry in pack.entries() {
            let entry = entry?.to_entry().map_err(Error::pack_at(container))?;
            state.count(&entry);
            each(entry)?;
        }
        let payload_end = pack.header().payload_end;
        return Ok(Some(Embedded { state, paged: true, payload_end }));
    }
    let found = rangepack_core::trailer::find_trailer(data, len, limits.lookback);
    let trailer = found.map_err(Error::pack_at(container))?.ready().flatten();
    let Some(trailer) = trailer.filter(|trailer| trailer.magic_offset >= floor) else {
        return Ok(None);
    };
    let behind = data.get(trailer.index.end() as usize..).unwrap_or(&[]);
    if behind.iter().any(|byte| *byte != 0)
        || !crate::read::legacy::is_own(&file, &trailer, &limits)?
    {
        return Ok(None);
    }
    let index = rangepack_core::Source::bytes(data, trailer.index).unwrap_or(&[]);
    let read = parse(index, &mut |entry| {
        state.count(&entry);
        each(entry)
    })?;
    match read {
        // Without a single entry these are bytes of a payload that look like a trailer.
        Ok(summary) if summary.entries == 0 && summary.bad_lines > 0 => Ok(None),
        Ok(_) => Ok(Some(Embedded { state, paged: false, payload_end: trailer.magic_offset })),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
        Err(error) => Err(Error::pack_at(container)(error)),
    }
}

/// Rewrites an index that is a JSON array, as an early version of the old program wrote it, as lines.
pub(crate) fn convert_array(index: &Path) -> Result<()> {
    if !is_array(index)? {
        return Ok(());
    }
    journal::write_whole(index, |write| read_array(index, &mut |entry| write(&entry)))
}

/// Whether an index is a JSON array.
pub(crate) fn is_array(index: &Path) -> Result<bool> {
    let data = Mapped::open(index).map_err(Error::io("open", index))?;
    Ok(data.trim_ascii_start().first() == Some(&b'['))
}

/// Hands the entries of such an index to `each`, one after the other.
pub(crate) fn read_array(index: &Path, each: &mut dyn FnMut(Entry) -> Result<()>) -> Result<()> {
    let data = Mapped::open(index).map_err(Error::io("open", index))?;
    parse(&data, each)?.map(|_| ()).map_err(Error::pack_at(index))
}

/// Hands the entries of an NDJSON index to `each`. The inner result says what is wrong with the index, the
/// outer one what `each` said; nothing more is handed out then.
fn parse(
    index: &[u8],
    each: &mut dyn FnMut(Entry) -> Result<()>,
) -> Result<rangepack_core::Result<IndexSummary>> {
    let mut failure = None;
    let limits = OpenOptions::default().limits;
    let read = ndjson::parse_index(index, &limits, &mut |item| {
        if let (Item::Entry(entry), None) = (item, &failure) {
            failure = each(entry).err();
        }
        Ok(())
    });
    failure.map_or(Ok(read), Err)
}
