//! Zip archives without an index beside them: their own directory is read, and an index of it built in memory.
//!
//! Such a directory has no digests, and does not say where a payload begins: the header in front of it does, which is brought when
//! the file is read. Its CRC-32 is all that vouches for a content.
//!
//! What it says of a symbolic link is that it is one. Where it leads is the member's content, which is brought when somebody asks.

use crate::json::{Json, need, nothing};
use crate::memory::{Notes, check};
use crate::pieces::Pieces;
use crate::reader::Reader;
use crate::value::{self, Answered, core_error};
use core::cell::Cell;
use rangepack_core::ndjson::{Item, Refused};
use rangepack_core::{
    Codec, Content, Entry, Error, Extent, Kind, MAX_LINK_TARGET, MemoryIndex, PackPathBuf, Source,
    Totals,
};
use rawzip::time::ZipDateTimeKind;
use rawzip::{CompressionMethod, CreatorSystem, ReaderAt, ZipArchive, ZipFileHeaderRecord};
use std::io;
use wasm_bindgen::prelude::*;

/// The end of a directory with the longest comment.
const END: u64 = 22 + 65_535;

/// A directory may have so many bytes at most: that of some four million members.
const LONGEST: u64 = 384 << 20;

/// The header in front of a payload, without the name and what follows it (APPNOTE.TXT, 4.3.7).
const HEADER: u64 = 30;

/// Extra fields in front of a link's payload seldom have more bytes.
const EXTRA: u64 = 64;

/// The kind of a file in its mode, and that of a link.
const KIND: u32 = 0o170_000;
const LINK: u32 = 0o120_000;

/// Codecs that stand for what is not read (FORMAT.md, "Archives").
const ENCRYPTED: u8 = 240;
const OTHER: u8 = 241;

/// What the directory says of a member beside its entry.
#[derive(Debug)]
pub(crate) struct Member {
    header: u64,
    crc32: u32,
}

/// A symbolic link, whose target is the content of its member.
#[derive(Debug)]
pub(crate) struct Link {
    content: Content,
    crc32: u32,
    name_len: u64,
}

/// What becomes of a member.
enum Told {
    Item(Item),
    Link(PackPathBuf, Link),
    /// A link that no pack can hold.
    NoLink,
    /// It is the top directory.
    Nothing,
}

/// The bytes at hand, and what was asked for beyond them.
struct Ranges<'p> {
    pieces: &'p Pieces,
    file_len: u64,
    need: &'p Cell<Option<Extent>>,
}

impl ReaderAt for Ranges<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.file_len.saturating_sub(offset);
        let len = left.min(buffer.len() as u64);
        if len == 0 {
            return Ok(0);
        }
        match self.pieces.bytes(Extent { start: offset, len }) {
            Some(bytes) => {
                // As long as `len`, which the buffer has room for.
                buffer
                    .get_mut(..bytes.len())
                    .ok_or(io::ErrorKind::InvalidInput)?
                    .copy_from_slice(bytes);
                Ok(bytes.len())
            }
            None => {
                // A directory ends the file: all of it comes at once.
                self.need.set(Some(Extent { start: offset, len: left }));
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

impl Reader {
    /// What was told for a zip archive is none, or damaged.
    fn no_zip(&self) -> JsValue {
        core_error(Error::NotAPack { file_len: self.file_len })
    }
}

#[wasm_bindgen]
impl Reader {
    /// Opens a zip archive by its own directory.
    ///
    /// Gives what `pack.info` shows; `undefined` when it is none.
    #[wasm_bindgen(js_name = openZip)]
    pub fn open_zip(&mut self) -> Answered {
        let wanted = Cell::new(None);
        let ranges = Ranges { pieces: &self.pieces, file_len: self.file_len, need: &wanted };
        let mut buffer = vec![0; END as usize + 1];
        let located = ZipArchive::with_max_search_space(END);
        let located = located.locate_in_reader(ranges, &mut buffer, self.file_len);
        // Whatever was concluded without bytes that are not at hand means nothing.
        if let Some(extent) = wanted.take() {
            return bring(extent);
        }
        let Ok(archive) = located else { return nothing() };
        let stated = archive.entries_hint();
        let mut memory = MemoryIndex::new(&self.limits);
        let (mut members, mut links) = (Vec::new(), Vec::new());
        let mut notes = Notes::default();
        let mut entries = archive.entries(&mut buffer);
        loop {
            let record = entries.next_entry();
            if let Some(extent) = wanted.take() {
                return bring(extent);
            }
            let Some(record) = record.map_err(|_| self.no_zip())? else { break };
            let count = members.len() as u64;
            check("v1_entries", count, self.limits.v1_entries)?;
            let header = record.local_header_offset();
            members.push(Member { header, crc32: record.crc32() });
            let item = match told_of(&record, self.file_len) {
                Told::Item(item) => item,
                Told::Link(path, link) => {
                    // The index says which link it is and how long its target, instead of where it leads.
                    let told = format!("{} {}", links.len(), link.content.size);
                    links.push(link);
                    Item::Entry(entry_of(&record, path, Kind::Symlink(told.into_bytes())))
                }
                Told::NoLink => {
                    notes.refused += 1;
                    continue;
                }
                Told::Nothing => continue,
            };
            memory.push(item).map_err(core_error)?;
        }
        // Programs that know nothing of zip64 count modulo 2^16.
        let count = members.len() as u64;
        if stated != count && stated != count % (1 << 16) {
            return Err(self.no_zip());
        }
        members.sort_unstable_by_key(|member| member.header);
        if !links.is_empty() {
            memory = memory.without_tree_digests();
        }
        self.members = members;
        self.links = links;
        self.pieces = Pieces::default();
        self.built(memory, "zip", notes)
    }

    /// Where the link leads that has this number, and a length behind it, in place of its target: `{ value }`, or `{ need }` when
    /// `bytes` are not what is needed for that, all of which is to be given then.
    #[wasm_bindgen(js_name = zipTarget)]
    pub fn zip_target(&self, number: u32, bytes: &[u8]) -> Answered {
        let link = self.links.get(number as usize).ok_or_else(|| self.no_zip())?;
        let Content { offset: start, stored_size, .. } = link.content;
        let left = self.file_len.saturating_sub(start);
        let least = |lead: u64| Extent { start, len: left.min(lead.saturating_add(stored_size)) };
        if bytes.is_empty() {
            return need(least(HEADER + EXTRA + link.name_len));
        }
        let damaged = |what: &str| value::error("ERR_CORRUPT", what);
        let lead = lead_of(bytes).ok_or_else(|| {
            damaged("no header of a zip archive's member lies where it is said to")
        })?;
        let end = lead + stored_size;
        let payload = usize::try_from(lead).ok().zip(usize::try_from(end).ok());
        let Some(payload) = payload.and_then(|(lead, end)| bytes.get(lead..end)) else {
            if end > left {
                return Err(damaged("its target reaches beyond the end of the archive"));
            }
            return need(least(lead));
        };
        let target = rangepack_core::decode_all(&link.content, payload, None, &self.limits);
        let target = target.map_err(core_error)?;
        let mut sum = Crc32::new();
        sum.push(&target);
        if sum.value() != link.crc32 {
            return Err(damaged("its target does not have its CRC-32"));
        }
        if target.contains(&0) {
            return Err(damaged("its target holds a NUL byte"));
        }
        Json::answer().name(&target).answered()
    }

    /// Where the payload of a member lies whose header lies at `header`, and the CRC-32 of its content.
    #[wasm_bindgen(js_name = zipMember)]
    pub fn zip_member(&self, header: f64) -> Answered {
        let start = value::integer(header)?;
        let at = self.members.binary_search_by_key(&start, |member| member.header);
        let member = at.ok().and_then(|at| self.members.get(at));
        let extent = Extent { start, len: HEADER };
        if extent.start.checked_add(HEADER).is_none_or(|end| end > self.file_len) {
            return Err(self.no_zip());
        }
        let Some(bytes) = self.pieces.bytes(extent) else { return need(extent) };
        let lead = lead_of(bytes).ok_or_else(|| {
            let what = format!("no header of a zip archive's member lies at offset {start}");
            value::error("ERR_CORRUPT", &what)
        })?;
        let mut json = Json::answer();
        json.begin(b'{').count("offset", start.saturating_add(lead))?;
        if let Some(member) = member {
            json.count("crc32", member.crc32.into())?;
        }
        json.end(b'}').answered()
    }
}

/// A CRC-32 of bytes that come one after the other.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Crc32(rawzip::Crc32);

#[wasm_bindgen]
impl Crc32 {
    /// Of no bytes.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Crc32 {
        Crc32::default()
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// That of all bytes so far.
    pub fn value(&self) -> u32 {
        self.0.checksum()
    }
}

fn bring(extent: Extent) -> Answered {
    check("zip_directory_bytes", extent.len, LONGEST)?;
    need(extent)
}

/// How long a header is, with the name and the extra fields behind it.
fn lead_of(header: &[u8]) -> Option<u64> {
    let two = |at: usize| header.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes);
    let is_header = header.starts_with(b"PK\x03\x04");
    is_header.then_some(HEADER + u64::from(two(26)?) + u64::from(two(28)?))
}

/// What a record says.
fn told_of(record: &ZipFileHeaderRecord<'_>, file_len: u64) -> Told {
    let name = record.file_path().as_bytes();
    let parts = name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let path = parts.collect::<Vec<_>>().join(&b'/');
    if path.is_empty() {
        return Told::Nothing;
    }
    let path = match PackPathBuf::new(path) {
        Ok(path) => path,
        Err(Error::BadPath { problem }) => {
            return Told::Item(Item::Refused(Refused::new(name.to_vec(), problem)));
        }
        Err(_) => return Told::Nothing,
    };
    let kind = if record.is_dir() {
        Kind::Directory(Totals::default())
    } else if is_link(record) {
        return link_of(record, file_len).map_or(Told::NoLink, |link| Told::Link(path, link));
    } else {
        Kind::File(content_of(record))
    };
    Told::Item(Item::Entry(entry_of(record, path, kind)))
}

/// Whether the mode says so, which those of other systems have not.
fn is_link(record: &ZipFileHeaderRecord<'_>) -> bool {
    let system = record.version_made_by().creator_system();
    let has_mode = system == CreatorSystem::UNIX || system == CreatorSystem::MACOS;
    has_mode && (record.external_attributes() >> 16) & KIND == LINK
}

/// What is known of a link, whose target no pack can hold if it is empty or too long, and nobody can read if it is encrypted or not
/// in the file. (`rangepack index` leaves these out, too.)
fn link_of(record: &ZipFileHeaderRecord<'_>, file_len: u64) -> Option<Link> {
    let content = content_of(record);
    let most = MAX_LINK_TARGET as u64;
    let is_readable = matches!(content.codec, Codec::Stored | Codec::Deflate)
        && !record.flags().has_strong_encryption();
    // What does not shrink takes a few bytes more.
    let has_length = (1..=most).contains(&content.size) && content.stored_size <= 2 * most;
    let end = content.offset.checked_add(HEADER)?.checked_add(content.stored_size)?;
    let name_len = record.file_path().as_bytes().len() as u64;
    let link = Link { content, crc32: record.crc32(), name_len };
    (is_readable && has_length && end <= file_len).then_some(link)
}

/// Where the header in front of a payload lies, and what the payload is.
fn content_of(record: &ZipFileHeaderRecord<'_>) -> Content {
    let (stored, size) = (record.compressed_size_hint(), record.uncompressed_size_hint());
    let method = record.compression_method();
    let codec = if record.flags().is_encrypted() {
        Codec::Other(ENCRYPTED)
    } else if method == CompressionMethod::STORE && stored == size {
        Codec::Stored
    } else if method == CompressionMethod::DEFLATE {
        Codec::Deflate
    } else {
        Codec::Other(OTHER)
    };
    Content::new(codec, record.local_header_offset(), stored, size)
}

fn entry_of(record: &ZipFileHeaderRecord<'_>, path: PackPathBuf, kind: Kind) -> Entry {
    let mode = record.mode().value() & 0o7777;
    let entry = Entry::new(path, kind).with_mode((mode != 0).then_some(mode));
    entry.with_mtime(nanoseconds(&record.last_modified()))
}

/// Nanoseconds since 1970. Times that have no zone are taken for Greenwich's.
fn nanoseconds(time: &ZipDateTimeKind) -> Option<i64> {
    let (year, month, day) =
        (i64::from(time.year()), i64::from(time.month()), i64::from(time.day()));
    if month == 0 || day == 0 {
        return None;
    }
    // Years begin with March, so that a leap day ends one.
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
            - 719_468;
    let hours = days.checked_mul(24)?.checked_add(time.hour().into())?;
    let minutes = hours.checked_mul(60)?.checked_add(time.minute().into())?;
    let seconds = minutes.checked_mul(60)?.checked_add(time.second().into())?;
    seconds.checked_mul(1_000_000_000)?.checked_add(time.nanosecond().into())
}
