//! The NDJSON index of CTNRv1 containers: lines written, and whole indexes read (docs/old-formats.md,
//! "NDJSON index").
//!
//! Names are raw bytes, JSON is text. Valid UTF-8 stands as it is; any other byte `0xNN` is the
//! lone surrogate `\udcNN`, which Python's `surrogateescape` turns back into that byte.

mod text;
mod line;
mod write;

pub use line::{Item, Refused, parse_line};
pub use write::{write_checked_line, write_line};

use crate::error::{Error, Result};
use crate::limits::Limits;
use alloc::vec::Vec;
use core::fmt;
use line::name_of;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use text::Bytes;

/// A line that begins so is a note of whoever writes the index for whoever goes on writing; readers pass over it.
pub const NOTE: &[u8] = b"#";

/// Of a note no more is kept, in bytes.
const NOTE_KEPT: usize = 256;

/// The number of lines that are not entries of which more is kept than their number.
pub const BAD_LINES_KEPT: usize = 1000;

/// A line, or an element of an array, that is not an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadLine {
    /// Its number, counted from 1.
    pub number: u64,
    /// Its byte offset in the index.
    pub offset: u64,
    /// The name that it speaks of, where that can be told.
    pub name: Option<Vec<u8>>,
}

/// What [`parse_index`] came across.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IndexSummary {
    /// Number of entries.
    pub entries: u64,
    /// Number of entries under names that are refused.
    pub refused: u64,
    /// Number of lines or array elements that are not entries. The old readers skip them silently.
    pub bad_lines: u64,
    /// The first of these, [`BAD_LINES_KEPT`] at most.
    pub bad: Vec<BadLine>,
    /// Where the last byte ends that an entry speaks of in the container ([`Entry::end`](crate::Entry::end)).
    pub end: u64,
    /// The last line that is a [`NOTE`], its first 256 bytes.
    pub note: Option<Vec<u8>>,
}

impl IndexSummary {
    /// Whether a trailer at `magic_offset` that holds all this may belong to another container, which was packed as a file
    /// into this one, whose own index is lost: every line is an entry, but the last payload does not end where the trailer
    /// begins.
    pub fn is_misfit(&self, magic_offset: u64) -> bool {
        self.refused == 0 && self.bad_lines == 0 && self.end != magic_offset
    }

    /// Fails unless an index of `index_len` bytes in a file of its own, in which all this was found, can be that of a
    /// container of `container_len` bytes: nothing but its lines says what it is. So it names something, or it is
    /// written for a container that has no bytes yet.
    ///
    /// # Errors
    /// [`Error::BadIndexLine`] when there is something else, [`Error::NotAPack`] when there is nothing.
    pub fn check(&self, index_len: u64, container_len: u64) -> Result<()> {
        match self.bad.first() {
            _ if self.entries > 0 || self.refused > 0 => Ok(()),
            Some(bad) => Err(Error::BadIndexLine { number: bad.number, offset: bad.offset }),
            None if index_len > 0 && container_len == 0 => Ok(()),
            None => Err(Error::NotAPack { file_len: container_len }),
        }
    }
}

/// Whether `first_bytes` can be the beginning of an index: perhaps whitespace, a bracket, and what
/// may follow it. Sixteen bytes are plenty; it tells a true trailer from a payload with the magic.
///
/// ```
/// use rangepack_core::ndjson::looks_like_index;
/// assert!(looks_like_index(b"{\"relpath\": \"a\""));
/// assert!(!looks_like_index(b"{relpath}"));
/// ```
pub fn looks_like_index(first_bytes: &[u8]) -> bool {
    match first_bytes.trim_ascii_start() {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), None | Some(b'"' | b'}')),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), None | Some(b'{' | b']')),
        _ => false,
    }
}

/// Reads a whole index and hands its items to `each`, one after the other: NDJSON, a JSON array, or
/// an object whose `entries` are one. Nothing is collected.
///
/// Lines and elements that are not entries are counted, and reading goes on. A JSON array that
/// breaks off or is not well-formed is [`Error::BadIndexLine`], after the items before the break.
/// [`Error::OverLimit`] beyond `v1_index_bytes` and `v1_entries`; errors of `each` end it, too.
pub fn parse_index(
    bytes: &[u8],
    limits: &Limits,
    each: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<IndexSummary> {
    Limits::check("v1_index_bytes", bytes.len() as u64, limits.v1_index_bytes)?;
    let mut progress = Progress {
        index: bytes,
        base: 0,
        limits,
        each,
        summary: IndexSummary::default(),
        number: 0,
        reached: 0,
    };
    if is_lines(bytes) {
        progress.lines()?
    } else {
        progress.document()?
    }
    Ok(progress.summary)
}

/// Whether an index that begins like this consists of lines; other ones are one JSON text.
pub fn is_lines(first_bytes: &[u8]) -> bool {
    match first_bytes.trim_ascii_start().first() {
        Some(b'[') => false,
        Some(b'{') => !is_document(first_bytes),
        _ => true,
    }
}

/// No line of an index that comes piece by piece is longer, in bytes.
const LONGEST: usize = 1 << 20;

/// An entry stands for so many bytes of an index; none can take more.
const ENTRY: u64 = 64 << 10;

/// Reads an index of lines that comes piece by piece, and keeps none of it.
#[derive(Debug)]
pub struct Lines {
    limits: Limits,
    summary: IndexSummary,
    number: u64,
    /// How many bytes came before `rest`.
    base: u64,
    /// A line that is not over.
    rest: Vec<u8>,
}

impl Lines {
    /// Before the first piece.
    pub fn new(limits: &Limits) -> Lines {
        let (summary, rest) = (IndexSummary::default(), Vec::new());
        Lines { limits: *limits, summary, number: 0, base: 0, rest }
    }

    /// Whether no piece came yet.
    pub fn is_new(&self) -> bool {
        self.base == 0 && self.rest.is_empty()
    }

    /// Hands the items of all lines that end in this piece to `each`, as [`parse_index`] does.
    ///
    /// # Errors
    /// Besides those [`Error::OverLimit`] when a line is longer than 1 MiB, and when the index holds next to nothing for its
    /// length: see [`Limits::idle_bytes`].
    pub fn push(&mut self, piece: &[u8], each: &mut dyn FnMut(Item) -> Result<()>) -> Result<()> {
        let end = memchr::memrchr(b'\n', piece).map_or(0, |last| last.saturating_add(1));
        let (lines, rest) = piece.split_at_checked(end).unwrap_or((b"", piece));
        let first = memchr::memchr(b'\n', lines).map_or(0, |first| first.saturating_add(1));
        let (first, lines) = lines.split_at_checked(first).unwrap_or((b"", lines));
        let mut begun = core::mem::take(&mut self.rest);
        begun.extend_from_slice(first);
        if !first.is_empty() {
            self.lines(&begun, each)?;
            begun.clear();
        }
        self.lines(lines, each)?;
        begun.extend_from_slice(rest);
        self.rest = begun;
        Limits::check("line_bytes", self.rest.len() as u64, LONGEST as u64)?;
        let came = self.base.saturating_add(self.rest.len() as u64);
        Limits::check("v1_index_bytes", came, self.limits.v1_index_bytes)?;
        let items = self.summary.entries.saturating_add(self.summary.refused);
        let idle = came.saturating_sub(items.saturating_mul(ENTRY));
        Limits::check("idle_bytes", idle, self.limits.idle_bytes)
    }

    /// The last line, and what all of them came to.
    pub fn finish(mut self, each: &mut dyn FnMut(Item) -> Result<()>) -> Result<IndexSummary> {
        let rest = core::mem::take(&mut self.rest);
        self.lines(&rest, each)?;
        Ok(self.summary)
    }

    /// Takes in whole lines.
    fn lines(&mut self, lines: &[u8], each: &mut dyn FnMut(Item) -> Result<()>) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut progress = Progress {
            index: lines.strip_suffix(b"\n").unwrap_or(lines),
            base: self.base,
            limits: &self.limits,
            each,
            summary: core::mem::take(&mut self.summary),
            number: self.number,
            reached: 0,
        };
        progress.lines()?;
        (self.summary, self.number) = (progress.summary, progress.number);
        self.base = self.base.saturating_add(lines.len() as u64);
        Ok(())
    }
}

struct Progress<'a> {
    index: &'a [u8],
    /// Where it begins in the whole index.
    base: u64,
    limits: &'a Limits,
    each: &'a mut dyn FnMut(Item) -> Result<()>,
    summary: IndexSummary,
    number: u64,
    /// Where the last element ends.
    reached: u64,
}

impl Progress<'_> {
    /// Takes in one line or element, which lies inside the index.
    fn item(&mut self, text: &[u8]) -> Result<()> {
        let offset = text.as_ptr().addr().saturating_sub(self.index.as_ptr().addr());
        self.reached = offset.saturating_add(text.len()) as u64;
        let Ok(item) = parse_line(text) else {
            self.summary.bad_lines = self.summary.bad_lines.saturating_add(1);
            if self.summary.bad.len() < BAD_LINES_KEPT {
                let offset = self.base.saturating_add(offset as u64);
                let (number, name) = (self.number, name_of(text));
                self.summary.bad.push(BadLine { number, offset, name });
            }
            return Ok(());
        };
        let count = match &item {
            Item::Entry(entry) => {
                self.summary.end = self.summary.end.max(entry.end());
                &mut self.summary.entries
            }
            Item::Refused(_) => &mut self.summary.refused,
        };
        *count = count.saturating_add(1);
        let total = self.summary.entries.saturating_add(self.summary.refused);
        Limits::check("v1_entries", total, self.limits.v1_entries)?;
        (self.each)(item)
    }

    fn lines(&mut self) -> Result<()> {
        for line in self.index.split(|byte| *byte == b'\n') {
            self.number = self.number.saturating_add(1);
            let line = line.trim_ascii();
            if line.starts_with(NOTE) {
                self.summary.note = Some(line.get(..NOTE_KEPT).unwrap_or(line).to_vec());
            } else if !line.is_empty() {
                self.item(line)?;
            }
        }
        Ok(())
    }

    fn document(&mut self) -> Result<()> {
        let mut failure = None;
        let mut reader = serde_json::Deserializer::from_slice(self.index);
        let read = reader.deserialize_any(Document { progress: self, failure: &mut failure });
        match failure {
            Some(error) => Err(error),
            None => read.and_then(|()| reader.end()).map_err(|_| Error::BadIndexLine {
                number: self.number.saturating_add(1),
                offset: self.reached,
            }),
        }
    }
}

/// Reads an array of entries, or an object with such an array under `entries`.
struct Document<'a, 'b> {
    progress: &'a mut Progress<'b>,
    failure: &'a mut Option<Error>,
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> core::result::Result<(), A::Error> {
        // Raw text first, so that one bad element does not end the whole array.
        while let Some(element) = elements.next_element::<&RawValue>()? {
            self.progress.number = self.progress.number.saturating_add(1);
            if let Err(error) = self.progress.item(element.get().as_bytes()) {
                *self.failure = Some(error);
                return Err(A::Error::custom(""));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> core::result::Result<(), A::Error> {
        let Document { progress, failure } = self;
        while let Some(key) = pairs.next_key::<Bytes>()? {
            if key.0 == b"entries" {
                pairs.next_value_seed(Document { progress, failure })?;
            } else {
                pairs.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> core::result::Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

/// Whether an index that begins with `{` is one object with `entries`, not a line.
fn is_document(index: &[u8]) -> bool {
    struct Keys<'a>(&'a mut bool);

    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> core::result::Result<(), A::Error> {
            while let Some(key) = pairs.next_key::<Bytes>()? {
                match key.0.as_slice() {
                    b"relpath" => break,
                    b"entries" => {
                        *self.0 = true;
                        break;
                    }
                    _ => pairs.next_value::<IgnoredAny>()?,
                };
            }
            // Ends the reading here: the rest may be gigabytes.
            Err(A::Error::custom(""))
        }
    }

    let mut found = false;
    // Fails always, found or not.
    let _ = serde_json::Deserializer::from_slice(index).deserialize_map(Keys(&mut found));
    found
}

#[cfg(test)]
mod tests;
