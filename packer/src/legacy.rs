//! Reads the indexes of the two old formats into memory.

use crate::error::{Error, Result};
use crate::journal::end_of;
use crate::mapped::Mapped;
use crate::open::{Format, OpenOptions};
use reader_core::fpack::{self, FpackItem};
use reader_core::index::Index;
use reader_core::memory::MemoryIndex;
use reader_core::ndjson::{self, Item, Refused};
use reader_core::{Answer, Content, Digest, Entry, Extent, Kind, Limits, Source, trailer};
use std::path::{Path, PathBuf};

/// What was strange in an old container's index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Entries that are not shown, because no pack may hold their names.
    pub refused: Vec<Refused>,
    /// Lines that are not entries; the old reader skipped them silently.
    pub bad_lines: u64,
    /// The first of them: its number from 1 and its byte offset in the index.
    pub first_bad: Option<(u64, u64)>,
    /// Files of an `.fpack` whose names were cut off when it was made.
    pub lost_names: u64,
    /// Bytes that are not zero behind a container's trailer: the rest of a paged index that was cut or
    /// changed, most likely.
    pub trailing: u64,
}

/// An old container's index, built in memory.
#[derive(Debug)]
pub(crate) struct Legacy {
    pub(crate) index: Index,
    pub(crate) pages: Vec<u8>,
    pub(crate) format: Format,
    pub(crate) notes: Notes,
}

/// Where an old container's entries come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The trailer of the container itself.
    Trailer(trailer::Trailer),
    /// A file beside it.
    Beside(PathBuf),
    /// The header of an `.fpack`.
    Fpack,
}

/// `<container>.idx`, the index beside a container.
pub(crate) fn idx_path(container: &Path) -> PathBuf {
    let mut name = container.as_os_str().to_owned();
    name.push(".idx");
    PathBuf::from(name)
}

/// Finds out where the entries of `data` are named.
pub(crate) fn find(path: &Path, data: &[u8], options: &OpenOptions) -> Result<Place> {
    let len = data.len() as u64;
    if let Some(index) = &options.index {
        return Ok(Place::Beside(index.clone()));
    }
    let found = trailer::find_trailer(data, len, options.limits.lookback);
    let beside = idx_path(path);
    if let Answer::Ready(Some(trailer)) = found.map_err(Error::pack(path))? {
        // An unfinished container may hold another container as a file.
        if !beside.exists()
            || end_in(&beside, options)? <= trailer.magic_offset
                && is_own(data, &trailer, &options.limits)
        {
            return Ok(Place::Trailer(trailer));
        }
        return Ok(Place::Beside(beside));
    }
    let head = &data[..data.len().min(fpack::HEADER_LEN as usize)];
    if fpack::recognise(head, len).is_some() && read_fpack(data, options, &mut |_| Ok(())).is_ok() {
        return Ok(Place::Fpack);
    }
    if beside.exists() {
        return Ok(Place::Beside(beside));
    }
    Err(Error::pack(path)(reader_core::Error::NotAPack { file_len: len }))
}

/// Whether a trailer is that of the container it was found in, rather than one of a container that was
/// packed as a file: offsets in that one count from its own beginning, so the last payload that it names
/// does not end where the trailer begins, or is not where it says.
pub(crate) fn is_own(data: &[u8], trailer: &trailer::Trailer, limits: &Limits) -> bool {
    let mut end = 0;
    let mut last: Option<Content> = None;
    let read = ndjson::parse_index(data.bytes(trailer.index).unwrap_or(&[]), limits, &mut |item| {
        if let Item::Entry(Entry { kind: Kind::File(content), .. }) = item
            && content.volume == 0
        {
            end = end.max(end_of(&content));
            if content.stored_size > 0 && last.is_none_or(|last| content.offset >= last.offset) {
                last = Some(content);
            }
        }
        Ok(())
    });
    if read.is_err() || end != trailer.magic_offset {
        return false;
    }
    let last = last.and_then(|last| last.digest.map(|digest| (last.extent(), digest)));
    last.is_none_or(|(extent, digest)| data.bytes(extent).map(Digest::of) == Some(digest))
}

/// Where the last payload ends that an index beside a container names.
fn end_in(beside: &Path, options: &OpenOptions) -> Result<u64> {
    let data = Mapped::open(beside).map_err(Error::io("open", beside))?;
    let mut end = 0;
    // A broken index is no reason not to read the one inside.
    let _ = ndjson::parse_index(&data, &options.limits, &mut |item| {
        if let Item::Entry(Entry { kind: Kind::File(content), .. }) = item {
            end = end.max(end_of(&content));
        }
        Ok(())
    });
    Ok(end)
}

fn read_fpack(
    data: &[u8],
    options: &OpenOptions,
    each: &mut dyn FnMut(FpackItem) -> reader_core::Result<()>,
) -> reader_core::Result<u64> {
    match fpack::parse(data, data.len() as u64, &options.limits, each)? {
        Answer::Ready(fpack) => Ok(fpack.lost_names),
        Answer::Need(Extent { start, len }) => {
            Err(reader_core::Error::OutOfBounds { start, len, file_len: data.len() as u64 })
        }
    }
}

/// Hands all items of an old container to `each`.
pub(crate) fn read(
    path: &Path,
    data: &[u8],
    place: &Place,
    options: &OpenOptions,
    each: &mut dyn FnMut(Item) -> reader_core::Result<()>,
) -> Result<Notes> {
    let mut notes = Notes::default();
    let beside;
    let (index, index_path) = match place {
        Place::Fpack => {
            let mut each = |item| match item {
                FpackItem::Entry(entry) => each(Item::Entry(entry)),
                FpackItem::Refused(refused) => each(Item::Refused(refused)),
                _ => Ok(()),
            };
            notes.lost_names = read_fpack(data, options, &mut each).map_err(Error::pack(path))?;
            return Ok(notes);
        }
        Place::Trailer(trailer) => (data.bytes(trailer.index).unwrap_or(&[]), path),
        Place::Beside(index) => {
            beside = Mapped::open(index).map_err(Error::io("open", index))?;
            (&beside[..], index.as_path())
        }
    };
    let summary =
        ndjson::parse_index(index, &options.limits, each).map_err(Error::pack(index_path))?;
    notes.bad_lines = summary.bad_lines;
    notes.first_bad = summary.first_bad;
    if let Place::Trailer(trailer) = place {
        let end = usize::try_from(trailer.index.end()).unwrap_or(usize::MAX);
        let behind = data.get(end..).unwrap_or(&[]);
        notes.trailing = if behind.iter().all(|byte| *byte == 0) { 0 } else { behind.len() as u64 };
    }
    Ok(notes)
}

/// Builds the index of an old container in memory.
pub(crate) fn load(path: &Path, data: &[u8], options: &OpenOptions) -> Result<Legacy> {
    let place = find(path, data, options)?;
    let mut memory = MemoryIndex::default();
    let mut notes = read(path, data, &place, options, &mut |item| {
        memory.push(item);
        Ok(())
    })?;
    let built = memory.finish(&options.limits).map_err(Error::pack(path))?;
    notes.refused = built.refused;
    let format = if place == Place::Fpack { Format::Fpack } else { Format::Ctnr };
    Ok(Legacy { index: built.index, pages: built.pages, format, notes })
}
