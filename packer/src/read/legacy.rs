//! Reads the indexes of the two old formats into memory.

use crate::error::{Error, Result};
use crate::progress::{Event, Observer, PROBLEMS_KEPT, go_on};
use crate::read::foreign::is_no_pack;
use crate::read::format::Format;
use crate::read::note::{Note, Noted};
use crate::source::data::{Data, Gathered, PIECE};
use crate::source::options::OpenOptions;
use rangepack_core::fpack::{self, FpackItem};
use rangepack_core::ndjson::{self, BadLine, IndexSummary, Item, Refused};
use rangepack_core::trailer::{Trailer, find_trailer};
use rangepack_core::{Content, Extent, Index, Kind, Limits, MemoryIndex};

/// What was strange in an old container's index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notes {
    /// Entries that are not shown, because no pack may hold their names.
    pub refused: Vec<Refused>,
    /// Lines that are not entries; the old reader skipped them silently.
    pub bad_lines: u64,
    /// The first of them, [`BAD_LINES_KEPT`](ndjson::BAD_LINES_KEPT) at most.
    pub bad: Vec<BadLine>,
    /// Files of an `.fpack` whose names were cut off when it was made.
    pub lost_names: u64,
    /// The first of them, [`PROBLEMS_KEPT`] at most: which file of the `.fpack`, counted from 0, and where its payload
    /// lies.
    pub lost: Vec<(u64, Extent)>,
    /// Bytes that are not zero behind a container's trailer: the rest of a paged index that was cut or
    /// changed, most likely.
    pub trailing: u64,
    /// The last payload that the trailer names does not end where that begins: the trailer may belong to another
    /// container, which was packed as a file into this one, whose own index is lost.
    pub misfit: bool,
    /// What the journal beside it says last of bytes that are being written: up to where they may reach, 0 when
    /// nothing is under way.
    pub under_way: Option<u64>,
    /// It has no index inside yet: the one beside it counts.
    pub unfinished: Option<Unfinished>,
}

/// A container that is still being made, or was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// A run was interrupted, or is under way, so not everything may be in it that should be.
    pub interrupted: bool,
    /// Bytes behind the last payload that its index names.
    pub unnamed: u64,
}

impl Unfinished {
    /// Whether more may be missing: a run was interrupted, or goes on.
    pub fn is_half_made(&self) -> bool {
        self.interrupted || self.unnamed > 0
    }
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
#[derive(Debug)]
pub(crate) enum Origin {
    /// The trailer of the container itself.
    Trailer(Trailer),
    /// A file beside it.
    Beside(Data),
    /// The header of an `.fpack`.
    Fpack,
}

/// Finds out where the entries of a container are named.
pub(crate) fn find(data: &Data, options: &OpenOptions) -> Result<Origin> {
    let len = data.len();
    if let Some(index) = &options.index {
        return Ok(Origin::Beside(Data::open(index, options)?));
    }
    let beside = Data::open_if_there(&data.location().idx(), options)?;
    let mut tail = Gathered::new(data);
    // The usual limit is for what has to be fetched: in a file that is at hand it is found, however long it is.
    let lookback = match options.limits.lookback {
        usual if data.whole().is_some() && usual == Limits::default().lookback => len,
        lookback => lookback,
    };
    let found = tail.ask(|source| find_trailer(source, len, lookback))?;
    if let Some(trailer) = found {
        // An unfinished container may hold another container as a file.
        let Some(beside) = beside else { return Ok(Origin::Trailer(trailer)) };
        let counts = match end_in(&beside, options)? {
            None => false,
            Some(end) => end > trailer.magic_offset || !is_own(data, &trailer, &options.limits)?,
        };
        return Ok(if counts { Origin::Beside(beside) } else { Origin::Trailer(trailer) });
    }
    let head = data.read(Extent { start: 0, len: len.min(fpack::HEADER_LEN) })?;
    if fpack::recognise(&head, len).is_some() {
        match read_fpack(data, options, &mut |_| Ok(())) {
            Ok(_) => return Ok(Origin::Fpack),
            Err(error) if error.is_bad_pack() => {}
            Err(error) => return Err(error),
        }
    }
    beside.map(Origin::Beside).ok_or_else(|| is_no_pack(data))
}

/// Whether a trailer is that of the container it was found in, rather than one of a container that was
/// packed as a file: offsets in that one count from its own beginning, so the last payload that it names
/// does not end where the trailer begins, or is not where it says.
pub(crate) fn is_own(data: &Data, trailer: &Trailer, limits: &Limits) -> Result<bool> {
    let mut end = 0;
    let mut last: Option<Content> = None;
    let read = read_index(data, trailer.index, limits, &(), &mut |item| {
        let Item::Entry(entry) = item else { return Ok(()) };
        end = end.max(entry.end());
        if let Kind::File(content) = entry.kind
            && content.volume == 0
            && content.stored_size > 0
            && last.is_none_or(|last| content.offset >= last.offset)
        {
            last = Some(content);
        }
        Ok(())
    })?;
    if read.is_err() || end != trailer.magic_offset {
        return Ok(false);
    }
    let known = last.and_then(|last| Some((last.extent(), last.digest?)));
    let Some((extent, digest)) = known else { return Ok(true) };
    if data.check(extent).is_err() {
        return Ok(false);
    }
    Ok(data.digest(extent)? == digest)
}

/// Where the last payload ends that an index beside a container names; `None` when it names nothing.
fn end_in(beside: &Data, options: &OpenOptions) -> Result<Option<u64>> {
    let mut end = None;
    let all = Extent { start: 0, len: beside.len() };
    // A broken index is no reason not to read the one inside.
    let _ = read_index(beside, all, &options.limits, &(), &mut |item| {
        if let Item::Entry(entry) = item {
            end = end.max(Some(entry.end()));
        }
        Ok(())
    })?;
    Ok(end)
}

fn read_fpack(
    data: &Data,
    options: &OpenOptions,
    each: &mut dyn FnMut(FpackItem) -> rangepack_core::Result<()>,
) -> Result<u64> {
    let len = data.len();
    let parsed = Gathered::new(data).ask(|source| fpack::parse(source, len, &options.limits, each));
    Ok(parsed?.lost_names)
}

/// Hands all items of an old container to `each`.
pub(crate) fn read(
    data: &Data,
    origin: &Origin,
    options: &OpenOptions,
    observer: &dyn Observer,
    each: &mut dyn FnMut(Item) -> rangepack_core::Result<()>,
) -> Result<Notes> {
    let mut notes = Notes::default();
    let (file, extent) = match origin {
        Origin::Fpack => {
            let lost = &mut notes.lost;
            let mut each = |item| match item {
                FpackItem::Entry(entry) => each(Item::Entry(entry)),
                FpackItem::Refused(refused) => each(Item::Refused(refused)),
                FpackItem::Lost { number, payload } => {
                    if lost.len() < PROBLEMS_KEPT {
                        lost.push((number, payload));
                    }
                    Ok(())
                }
            };
            notes.lost_names = read_fpack(data, options, &mut each)?;
            return Ok(notes);
        }
        Origin::Trailer(trailer) => (data, trailer.index),
        Origin::Beside(beside) => (beside, Extent { start: 0, len: beside.len() }),
    };
    let summary = read_index(file, extent, &options.limits, observer, each)?
        .map_err(Error::pack(file.location()))?;
    if matches!(origin, Origin::Beside(_)) {
        let note = summary.note.as_deref().map(Note::find);
        notes.under_way = match note {
            Some(Noted::Note(note)) => Some(note.until),
            _ => None,
        };
        // A note is of who packs into this very container, though nothing may be named yet.
        if notes.under_way.is_none() {
            let checked = summary.check(extent.len, data.len());
            checked.map_err(|error| match options.index {
                Some(_) => Error::pack(file.location())(error),
                // What the server or the disk has beside it is no index, so nothing says that it is a container.
                None => is_no_pack(data),
            })?;
        }
    }
    notes.bad_lines = summary.bad_lines;
    notes.bad = summary.bad;
    if let Origin::Trailer(trailer) = origin {
        let start = trailer.index.end();
        let behind = data.lent(Extent { start, len: data.len().saturating_sub(start) })?;
        notes.trailing = if behind.iter().all(|byte| *byte == 0) { 0 } else { behind.len() as u64 };
        data.intact()?;
    }
    Ok(notes)
}

/// Hands the items of an index to `each`. Lines that are fetched are taken in as they come; one JSON text has to be there as a whole.
/// The inner result says what is wrong with the index.
fn read_index(
    data: &Data,
    extent: Extent,
    limits: &Limits,
    observer: &dyn Observer,
    each: &mut dyn FnMut(Item) -> rangepack_core::Result<()>,
) -> Result<rangepack_core::Result<IndexSummary>> {
    let over = |what, value, limit| {
        Err(Error::pack(data.location())(rangepack_core::Error::OverLimit { what, value, limit }))
    };
    if extent.len > limits.v1_index_bytes {
        return over("v1_index_bytes", extent.len, limits.v1_index_bytes);
    }
    if data.whole().is_some() {
        let index = data.lent(extent)?;
        let read = ndjson::parse_index(&index, limits, each);
        data.intact()?;
        return Ok(read);
    }
    let total = extent.len;
    if total <= PIECE {
        // It may be here already, with the end of the file.
        let index = data.read(extent)?;
        observer.event(Event::Index { bytes: total, total });
        return Ok(ndjson::parse_index(&index, limits, each));
    }
    data.check(extent)?;
    let mut lines = ndjson::Lines::new(limits);
    let mut text: Option<Vec<u8>> = None;
    let mut bytes = 0;
    for piece in data.pieces_of(extent) {
        let piece = piece?;
        if bytes == 0 && !ndjson::is_lines(&piece) {
            if total > limits.section_bytes {
                return over("section_bytes", total, limits.section_bytes);
            }
            text = Some(Vec::new());
        }
        bytes += piece.len() as u64;
        match &mut text {
            Some(text) => text.extend_from_slice(&piece),
            None => {
                if let Err(error) = lines.push(&piece, each) {
                    return Ok(Err(error));
                }
            }
        }
        observer.event(Event::Index { bytes, total });
        go_on(observer, data.location())?;
    }
    Ok(match text {
        Some(text) => ndjson::parse_index(&text, limits, each),
        None => lines.finish(each),
    })
}

/// Builds the index of an old container in memory. `external` is one that the caller named.
pub(crate) fn load(
    data: &Data,
    external: Option<Data>,
    options: &OpenOptions,
    observer: &dyn Observer,
) -> Result<Legacy> {
    let is_found = external.is_none();
    let origin = match external {
        Some(index) => Origin::Beside(index),
        None => find(data, options)?,
    };
    let mut memory = MemoryIndex::new(&options.limits);
    let (mut end, mut all) = (0, true);
    let mut notes = read(data, &origin, options, observer, &mut |item| {
        match &item {
            Item::Entry(entry) => end = end.max(entry.end()),
            Item::Refused(_) => all = false,
        }
        memory.push(item)
    })?;
    if let Origin::Trailer(trailer) = &origin {
        notes.misfit = all && notes.bad_lines == 0 && end != trailer.magic_offset;
    }
    // An index that the caller named may be a copy, kept while the container has its own inside: but not where nothing
    // lies behind the payloads.
    if matches!(origin, Origin::Beside(_)) && (is_found || end == data.len()) {
        let interrupted = notes.under_way.is_some_and(|until| until > 0);
        notes.unfinished =
            Some(Unfinished { interrupted, unnamed: data.len().saturating_sub(end) });
    }
    let built = memory.finish(&options.limits).map_err(Error::pack(data.location()))?;
    notes.refused = built.refused;
    let format = if matches!(origin, Origin::Fpack) { Format::Fpack } else { Format::Ctnr };
    Ok(Legacy { index: built.index, pages: built.pages, format, notes })
}
