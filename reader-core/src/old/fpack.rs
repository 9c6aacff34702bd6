//! The header of `.fpack` files (docs/old-formats.md, ".fpack").
//!
//! Version 1 · u64 count · 256 bytes base path · 128 bytes a name · u64 sizes · payloads. There is
//! neither a magic nor a digest: what tells such a file is that its sizes add up to its length.
//!
//! Each name was padded with spaces to 128 CODE POINTS, then the whole block was cut to 128 BYTES a
//! name. So names with code points of several bytes push the last ones out of the block.

use crate::bytes::{Cursor, ready};
use crate::error::{Error, Result, Structure};
use crate::limits::Limits;
use crate::old::ndjson::Refused;
use crate::path::{PackPath, PackPathBuf};
use crate::{Answer, Codec, Content, Entry, Extent, Kind, Source};
use alloc::string::String;
use alloc::vec::Vec;

const VERSION: u8 = 1;

/// Length of the header before the names.
pub const HEADER_LEN: u64 = 265;

const BASE_LEN: usize = 256;

/// Code points of a name with its padding; also the bytes that the block has for each.
const NAME_LEN: usize = 128;

/// A name in whose padding the block ends is believed when this many spaces are still there: with
/// fewer it could be cut after a space of its own.
const SURE_PADDING: usize = 8;

/// The header of an `.fpack` file, whose fields fit in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FpackHeader {
    /// Number of entries.
    pub count: u64,
    /// Where the names lie.
    pub names: Extent,
    /// Where the sizes lie; they follow the names.
    pub sizes: Extent,
    /// Offset of the first payload.
    pub payloads_start: u64,
    /// The directory that was packed, as it was given to the packer. Names are relative to it.
    pub base: String,
}

/// One of an `.fpack` file's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the format is old and does not grow")]
#[expect(clippy::large_enum_variant, reason = "nearly all items are entries")]
pub enum FpackItem {
    /// A file, without digest, mode and times: the format has none. Backslashes in its name stand as
    /// they are.
    Entry(Entry),
    /// A file under a name that must never be extracted.
    Refused(Refused),
    /// A file whose name was cut off when it was packed. Its content is whole.
    Lost {
        /// Which entry, counted from 0.
        number: u64,
        /// Where its payload lies.
        payload: Extent,
    },
}

/// What [`parse`] came across.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fpack {
    /// The header.
    pub header: FpackHeader,
    /// Number of entries.
    pub entries: u64,
    /// Number of entries under names that are refused.
    pub refused: u64,
    /// Number of entries whose names were cut off.
    pub lost_names: u64,
}

/// The header, if the `first` bytes of a file (at least [`HEADER_LEN`]) can be one: version 1, a
/// count that fits the file's length, a base path in UTF-8. Only [`parse`] makes sure.
pub fn recognise(first: &[u8], file_len: u64) -> Option<FpackHeader> {
    let mut cursor = Cursor::new(Structure::Fpack, first);
    if cursor.u8().ok()? != VERSION {
        return None;
    }
    let count = cursor.u64().ok()?;
    let base = decode(cursor.take(BASE_LEN).ok()?)?.trim_end_matches(' ');
    let names = Extent::new(HEADER_LEN, count.checked_mul(NAME_LEN as u64)?, file_len).ok()?;
    let sizes = Extent::new(names.end(), count.checked_mul(8)?, file_len).ok()?;
    Some(FpackHeader { count, names, sizes, payloads_start: sizes.end(), base: base.into() })
}

/// Reads all names and sizes and hands the entries to `each`, in the file's order.
///
/// It asks for the header, then for names and sizes in one piece; `each` is called only when all is
/// there and checked, so once for each entry. [`Error::NotAPack`] unless the sizes add up exactly to
/// the file's length; [`Error::OverLimit`] beyond `v1_entries`; errors of `each` end it, too.
pub fn parse<S: Source + ?Sized>(
    source: &S,
    file_len: u64,
    limits: &Limits,
    each: &mut dyn FnMut(FpackItem) -> Result<()>,
) -> Result<Answer<Fpack>> {
    let not_a_pack = Error::NotAPack { file_len };
    let first = Extent { start: 0, len: HEADER_LEN };
    if file_len < HEADER_LEN {
        return Err(not_a_pack);
    }
    let Some(bytes) = source.bytes(first) else { return Ok(Answer::Need(first)) };
    let header = recognise(bytes, file_len).ok_or(not_a_pack.clone())?;
    Limits::check("v1_entries", header.count, limits.v1_entries)?;

    let (names, sizes) = ready!(names_and_sizes(source, &header));
    let end = sizes
        .iter()
        .try_fold(header.payloads_start, |end, size| end.checked_add(u64::from_le_bytes(*size)));
    if end != Some(file_len) {
        return Err(not_a_pack);
    }
    let names = decode(names).ok_or(not_a_pack)?;

    let mut fpack = Fpack { header, entries: 0, refused: 0, lost_names: 0 };
    let mut names = Names { rest: names };
    let mut offset = fpack.header.payloads_start;
    for (number, size) in (0u64..).zip(sizes) {
        let payload = Extent { start: offset, len: u64::from_le_bytes(*size) };
        offset = payload.end();
        let item = match names.next_name() {
            Some(name) => named(name, payload)?,
            None => FpackItem::Lost { number, payload },
        };
        let count = match &item {
            FpackItem::Entry(_) => &mut fpack.entries,
            FpackItem::Refused(_) => &mut fpack.refused,
            FpackItem::Lost { .. } => &mut fpack.lost_names,
        };
        *count = count.saturating_add(1);
        each(item)?;
    }
    Ok(Answer::Ready(fpack))
}

fn names_and_sizes<'a, S: Source + ?Sized>(
    source: &'a S,
    header: &FpackHeader,
) -> Answer<(&'a [u8], &'a [[u8; 8]])> {
    let len = header.names.len.saturating_add(header.sizes.len);
    let both = Extent { start: header.names.start, len };
    let Some(bytes) = source.bytes(both) else { return Answer::Need(both) };
    let names_len = usize::try_from(header.names.len).unwrap_or(usize::MAX);
    let (names, sizes) = bytes.split_at_checked(names_len).unwrap_or((bytes, &[]));
    Answer::Ready((names, sizes.as_chunks().0))
}

fn named(name: &str, payload: Extent) -> Result<FpackItem> {
    let name = Vec::from(name);
    if let Err(error) = PackPath::new(&name) {
        return match error {
            Error::BadPath { problem } => Ok(FpackItem::Refused(Refused { name, problem })),
            error => Err(error),
        };
    }
    let content = Content::new(Codec::Stored, payload.start, payload.len, payload.len);
    Ok(FpackItem::Entry(Entry::new(PackPathBuf::new(name)?, Kind::File(content))))
}

/// The names that are left in the block.
struct Names<'a> {
    rest: &'a str,
}

impl<'a> Names<'a> {
    /// The next name without its padding; `None` when the block ends before it does.
    fn next_name(&mut self) -> Option<&'a str> {
        let padded = match self.rest.char_indices().nth(NAME_LEN) {
            Some((end, _)) => self.rest.split_at_checked(end),
            None => Some((self.rest, "")),
        };
        let (padded, rest) = padded?;
        self.rest = rest;
        let name = padded.trim_end_matches(' ');
        let padding = padded.len().saturating_sub(name.len());
        let whole =
            padded.chars().count() == NAME_LEN || (padding >= SURE_PADDING && !name.is_empty());
        whole.then_some(name)
    }
}

/// The text of a block that may have been cut inside its last code point.
fn decode(bytes: &[u8]) -> Option<&str> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            core::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
