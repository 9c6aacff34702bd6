//! The two old formats, whose index is fetched as a whole and built anew in memory.

use super::error::Result;
use super::http::Http;
use super::open::{Format, Opening, Parts};
use super::options::OpenOptions;
use super::source::Bytes;
use futures_util::StreamExt;
use rangepack_core::fpack::{self, FpackItem};
use rangepack_core::ndjson::{self, IndexSummary, Item, Lines};
use rangepack_core::{Built, Digest, Error, Extent, MemoryIndex, trailer};

/// The index is fetched in pieces of this many bytes, some at once.
const PIECE: u64 = 4 << 20;

/// So many of them.
const IN_FLIGHT: usize = 3;

/// Opens an old container.
pub(super) async fn open(opening: &mut Opening, options: &OpenOptions) -> Result<Parts> {
    if let Some(expected) = options.expected {
        // It has no digest of its own that could be compared.
        return Err(opening.bad(Error::WrongRoot { expected, found: Digest([0; 32]) }));
    }
    if let Some(index) = &options.index {
        let beside = Bytes::Http(Box::new(Http::new(index, options)?));
        beside.open(0, opening.signal.as_ref()).await?;
        let whole = Extent { start: 0, len: beside.size() };
        return read_lines(opening, &beside, whole, true).await;
    }
    let (file_len, limits) = (opening.bytes.size(), opening.limits);
    let find = |pieces: &_| trailer::find_trailer(pieces, file_len, limits.lookback);
    if let Some(trailer) = opening.ask(find).await? {
        return read_lines(opening, &opening.bytes, trailer.index, false).await;
    }
    let parse = |pieces: &_| {
        let mut memory = MemoryIndex::new(&limits);
        let mut each = |item| match item {
            FpackItem::Entry(entry) => memory.push(Item::Entry(entry)),
            FpackItem::Refused(refused) => memory.push(Item::Refused(refused)),
            FpackItem::Lost { .. } => Ok(()),
        };
        let parsed = fpack::parse(pieces, file_len, &limits, &mut each)?;
        Ok(parsed.map(|_| memory))
    };
    let memory = opening.ask(parse).await?;
    build(opening, memory, Format::Fpack, 0)
}

/// Reads an index that lies in `file`, which may be one `beside` the container.
async fn read_lines(opening: &Opening, file: &Bytes, index: Extent, beside: bool) -> Result<Parts> {
    let (value, limits) = (index.len, &opening.limits);
    check(opening, "v1_index_bytes", value, limits.v1_index_bytes)?;
    let (mut memory, mut lines) = (MemoryIndex::new(limits), Lines::new(limits));
    // One JSON text instead of lines has to be there as a whole.
    let mut text: Option<Vec<u8>> = None;
    let starts = (0..value).step_by(PIECE as usize);
    let fetch = |at: u64| {
        let extent = Extent { start: index.start + at, len: PIECE.min(value - at) };
        file.read(extent, opening.signal.as_ref())
    };
    let mut coming = futures_util::stream::iter(starts.map(fetch)).buffered(IN_FLIGHT);
    while let Some(bytes) = coming.next().await {
        let bytes = bytes?;
        if lines.is_new() && text.is_none() && !ndjson::is_lines(&bytes) {
            check(opening, "section_bytes", value, limits.section_bytes)?;
            text = Some(Vec::new());
        }
        match &mut text {
            Some(text) => text.extend(bytes),
            None => {
                let pushed = lines.push(&bytes, &mut |item| memory.push(item));
                pushed.map_err(|error| opening.bad(error))?;
            }
        }
    }
    let mut each = |item| memory.push(item);
    let summary: rangepack_core::Result<IndexSummary> = match text {
        Some(text) => ndjson::parse_index(&text, limits, &mut each),
        None => lines.finish(&mut each),
    };
    let summary = summary.map_err(|error| opening.bad(error))?;
    if beside {
        let checked = summary.check(value, opening.bytes.size());
        checked.map_err(|error| opening.bad(error))?;
    }
    build(opening, memory, Format::Container, summary.bad_lines)
}

fn build(opening: &Opening, memory: MemoryIndex, format: Format, bad_lines: u64) -> Result<Parts> {
    let built = memory.finish(&opening.limits).map_err(|error| opening.bad(error))?;
    let Built { index, pages, refused, .. } = built;
    let refused = refused.len() as u64;
    let (memory, volumes) = (Some(pages), Vec::new());
    Ok(Parts { index, memory, volumes, table: None, format, refused, bad_lines })
}

fn check(opening: &Opening, what: &'static str, value: u64, limit: u64) -> Result<()> {
    match value <= limit {
        true => Ok(()),
        false => Err(opening.bad(Error::OverLimit { what, value, limit })),
    }
}
