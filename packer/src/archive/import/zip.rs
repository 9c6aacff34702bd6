//! Zip archives, by the directory at their end. The crate `rawzip` reads it, an entry at a time.

use super::long::wrong_size;
use super::members::{Content, Lies, Member, MemberKind, Nothing, Visit, fill};
use super::open::io_error;
use super::records::fitting;
use crate::error::{Action, ArchiveProblem, Error, LeftOut, Result};
use flate2::bufread::DeflateDecoder;
use rangepack_core::{Codec, ENCRYPTED, FOREIGN_METHOD, MAX_LINK_TARGET, Owner};
use rawzip::extra_fields::{ExtraFieldId, ExtraFields};
use rawzip::time::ZipDateTimeKind;
use rawzip::{
    CompressionMethod, CreatorSystem, ErrorKind, ReaderAt, ZipArchive, ZipFileHeaderRecord,
    ZipLocator,
};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// A local header without name, in bytes.
const LOCAL_HEADER: u64 = 30;

/// The kind of a file in its mode.
const KIND: u32 = 0o170_000;

/// Goes through all members.
pub(super) fn each(file: File, path: &Path, visit: &mut dyn Visit) -> Result<()> {
    let wrong = |error: rawzip::Error| wrong(path, error);
    // No entry of the directory is longer.
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(wrong)?;
    members(&archive, &mut buffer, path, false, visit)
}

/// The same; members say where their payloads lie, which come as they lie there.
pub(super) fn each_lying(
    places: Box<dyn ReaderAt + '_>,
    len: u64,
    path: &Path,
    visit: &mut dyn Visit,
) -> Result<()> {
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let located = ZipLocator::new().locate_in_reader(places, &mut buffer, len);
    let archive = located.map_err(|(_, error)| wrong(path, error))?;
    members(&archive, &mut buffer, path, true, visit)
}

fn members<R: ReaderAt>(
    archive: &ZipArchive<R>,
    buffer: &mut [u8],
    path: &Path,
    is_lying: bool,
    visit: &mut dyn Visit,
) -> Result<()> {
    let wrong = |error: rawzip::Error| wrong(path, error);
    let overlapping = overlapping(archive, buffer).map_err(wrong)?;
    let Some(overlapping) = overlapping else {
        let (archive, problem) = (path.to_owned(), ArchiveProblem::Directory);
        return Err(Error::Archive { archive, problem });
    };
    let mut entries = archive.entries(buffer);
    while let Some(record) = entries.next_entry().map_err(wrong)? {
        member(archive, &record, path, &overlapping, is_lying, visit)?;
    }
    Ok(())
}

/// What is wrong with the archive as a whole.
fn wrong(path: &Path, error: rawzip::Error) -> Error {
    let problem = match error.into_kind() {
        ErrorKind::IO(error) if !is_beyond(&error) => {
            return io_error(Action::Read, path, error);
        }
        ErrorKind::MissingEndOfCentralDirectory => ArchiveProblem::NoDirectory,
        _ => ArchiveProblem::Directory,
    };
    Error::Archive { archive: path.to_owned(), problem }
}

/// The offsets of members that lie in others; `None` when there are not so many members as the archive says.
fn overlapping<R: ReaderAt>(
    archive: &ZipArchive<R>,
    buffer: &mut [u8],
) -> std::result::Result<Option<HashSet<u64>>, rawzip::Error> {
    let mut places = Vec::new();
    let mut entries = archive.entries(buffer);
    while let Some(record) = entries.next_entry()? {
        let len = record.compressed_size_hint().saturating_add(LOCAL_HEADER);
        places.push((record.local_header_offset(), len));
    }
    if places.len() as u64 != archive.entries_hint() {
        return Ok(None);
    }
    places.sort_unstable();
    let (mut found, mut end) = (HashSet::new(), 0);
    for (start, len) in places {
        if start < end {
            found.insert(start);
        }
        end = end.max(start.saturating_add(len));
    }
    Ok(Some(found))
}

fn member<R: ReaderAt>(
    archive: &ZipArchive<R>,
    record: &ZipFileHeaderRecord<'_>,
    path: &Path,
    overlapping: &HashSet<u64>,
    is_lying: bool,
    visit: &mut dyn Visit,
) -> Result<()> {
    let size = record.uncompressed_size_hint();
    let system = record.version_made_by().creator_system();
    let is_unix = system == CreatorSystem::UNIX || system == CreatorSystem::MACOS;
    // The crate fills in what a file is that has no kind there.
    let raw = record.external_attributes() >> 16;
    let kind = if is_unix { raw & KIND } else { 0 };
    let name = name_of(record, is_unix);
    let is_directory = record.is_dir() || name.ends_with(b"/") || kind == 0o040_000;
    let (mtime, is_time_right) = time_of(record);
    let mut member = Member {
        name,
        kind: MemberKind::Directory,
        mode: (is_unix && raw & 0o7777 != 0).then_some(raw & 0o7777),
        mtime,
        is_time_right,
        owner: owner_of(record.extra_fields()),
        attributes: Vec::new(),
        lies: None,
    };
    let method = record.compression_method();
    let flags = record.flags();
    let known = [CompressionMethod::STORE, CompressionMethod::DEFLATE, CompressionMethod::ZSTD];
    member.kind = match kind {
        _ if is_directory => return visit.member(member, &mut Nothing),
        0o120_000 | 0o100_000 | 0 => MemberKind::File { size, sparse: false },
        _ => MemberKind::LeftOut(LeftOut::Special),
    };
    let is_encrypted = flags.is_encrypted() || flags.has_strong_encryption();
    let is_file = matches!(member.kind, MemberKind::File { .. }) && kind != 0o120_000;
    let is_listed = is_lying && is_file;
    if is_encrypted && !is_listed {
        member.kind = MemberKind::LeftOut(LeftOut::Encrypted);
    } else if !known.contains(&method) && !is_listed {
        member.kind = MemberKind::LeftOut(LeftOut::Method(method.as_u16()));
    } else if overlapping.contains(&record.local_header_offset()) {
        member.kind = MemberKind::LeftOut(LeftOut::Overlapping);
    }
    if matches!(member.kind, MemberKind::LeftOut(_)) {
        return visit.member(member, &mut Nothing);
    }
    let entry = match archive.get_entry(record.wayfinder()) {
        Ok(entry) => entry,
        Err(error) => {
            let error = match error.into_kind() {
                ErrorKind::IO(error) => io_of(error)?,
                kind => io::Error::other(rawzip::Error::from(kind)),
            };
            member.kind = MemberKind::LeftOut(LeftOut::Damaged(error));
            return visit.member(member, &mut Nothing);
        }
    };
    if is_listed {
        let (start, end) = entry.compressed_data_range();
        let codec = match method {
            _ if is_encrypted => Codec::Other(ENCRYPTED),
            // Some programs say so of nothing.
            CompressionMethod::DEFLATE if size == 0 && start == end => Codec::Stored,
            CompressionMethod::STORE => Codec::Stored,
            CompressionMethod::DEFLATE => Codec::Deflate,
            CompressionMethod::ZSTD => Codec::Zstd,
            _ => Codec::Other(FOREIGN_METHOD),
        };
        let (len, crc32) = (end.saturating_sub(start), Some(record.crc32()));
        if codec == Codec::Stored && len != size {
            member.kind = MemberKind::LeftOut(LeftOut::Damaged(wrong_size()));
            return visit.member(member, &mut Nothing);
        }
        member.lies = Some(Lies { codec, offset: start, len, crc32 });
        return visit.member(member, &mut Verifying(entry.reader()));
    }
    let payload = BufReader::with_capacity(64 << 10, entry.reader());
    let decoder: Box<dyn Read + '_> = match method {
        CompressionMethod::STORE => Box::new(payload),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(payload)),
        _ => Box::new(zstd::Decoder::with_buffer(payload).map_err(Error::io(Action::Read, path))?),
    };
    let mut content = Verifying(entry.verifying_reader(decoder));
    if kind == 0o120_000 {
        let mut target = vec![0; size.min(MAX_LINK_TARGET as u64 + 1) as usize];
        member.kind = match fill(&mut content, &mut target) {
            Ok(_) => MemberKind::Symlink(target),
            Err(error) => MemberKind::LeftOut(LeftOut::Damaged(error)),
        };
        return visit.member(member, &mut Nothing);
    }
    visit.member(member, &mut content)
}

/// What a failed read says of a member; one of the archive is no damage of the member alone.
fn io_of(error: io::Error) -> Result<io::Error> {
    match error.downcast::<Error>() {
        Ok(error) => Err(error),
        Err(error) if is_beyond(&error) => Ok(io::Error::new(
            io::ErrorKind::InvalidData,
            "it reaches beyond the end of the archive",
        )),
        Err(error) => Ok(error),
    }
}

/// Whether there is no such place in the archive. Of an offset that no file has the system says that the argument is none.
fn is_beyond(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput)
}

/// The content of a member, whose length and CRC-32 are compared at its end.
struct Verifying<R>(R);

impl<R: Read> Read for Verifying<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Content for Verifying<R> {
    fn failed(&self, error: io::Error) -> Result<LeftOut> {
        io_of(error).map(LeftOut::Damaged)
    }
}

/// The name, by the extra field that has it in UTF-8, if it is about this name.
fn name_of(record: &ZipFileHeaderRecord<'_>, is_unix: bool) -> Vec<u8> {
    let path = record.file_path();
    let raw: &[u8] = path.as_ref();
    let mut fields = record.extra_fields();
    let unicode = fields.find(|(id, _)| *id == ExtraFieldId::new(0x7075));
    if let Some((_, [1, a, b, c, d, name @ ..])) = unicode
        && u32::from_le_bytes([*a, *b, *c, *d]) == crc32fast::hash(raw)
        && std::str::from_utf8(name).is_ok()
    {
        return name.to_vec();
    }
    let mut name = raw.to_vec();
    // Some programs on Windows write their own separators.
    if !is_unix && !name.contains(&b'/') {
        name.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    name
}

/// The time, and whether it fits. One without zone is taken for that of Greenwich.
fn time_of(record: &ZipFileHeaderRecord<'_>) -> (Option<i64>, bool) {
    let (seconds, nanoseconds) = match record.last_modified() {
        ZipDateTimeKind::Utc(time) => (time.to_unix(), time.nanosecond()),
        ZipDateTimeKind::Local(time) => {
            let (year, month) = (i64::from(time.year()), i64::from(time.month()));
            if month == 0 || time.day() == 0 {
                return (None, true);
            }
            let day = days(year, month, time.day().into());
            let of_day = [time.hour(), time.minute(), time.second()];
            let of_day = of_day.iter().fold(0, |sum, part| sum * 60 + i64::from(*part));
            (day * 86_400 + of_day, 0)
        }
    };
    let (time, fits) = fitting(seconds, nanoseconds.into());
    (Some(time), fits)
}

/// Days from the first of January 1970 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that leap days are their last ones.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// User and group, by the extra field `ux`.
fn owner_of(mut fields: ExtraFields<'_>) -> Option<Owner> {
    let (_, field) = fields.find(|(id, _)| *id == ExtraFieldId::new(0x7875))?;
    let [1, rest @ ..] = field else { return None };
    let (uid, rest) = id_of(rest)?;
    let (gid, _) = id_of(rest)?;
    Some(Owner { uid, gid })
}

/// A number with its length before it.
fn id_of(field: &[u8]) -> Option<(u32, &[u8])> {
    let (len, rest) = field.split_first()?;
    let (bytes, rest) = rest.split_at_checked(usize::from(*len))?;
    let mut value = [0; 4];
    value[..bytes.len().min(4)].copy_from_slice(&bytes[..bytes.len().min(4)]);
    bytes.iter().skip(4).all(|byte| *byte == 0).then_some((u32::from_le_bytes(value), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days() {
        for (date, expected) in [
            ((1970, 1, 1), 0),
            ((2000, 3, 1), 11_017),
            ((1980, 1, 1), 3652),
            ((2024, 2, 29), 19_782),
        ] {
            assert_eq!(days(date.0, date.1, date.2), expected, "{date:?}");
        }
    }

    #[test]
    fn owners_are_of_any_length() {
        let owner = |uid, gid| Some(Owner { uid, gid });
        let field = [0x75, 0x78, 11, 0, 1, 4, 0xe8, 3, 0, 0, 4, 5, 0, 0, 0];
        assert_eq!(owner_of(ExtraFields::new(&field)), owner(1000, 5));
        assert_eq!(owner_of(ExtraFields::new(&field[..7])), None);
        let short = [0x75, 0x78, 5, 0, 1, 1, 7, 1, 8];
        assert_eq!(owner_of(ExtraFields::new(&short)), owner(7, 8));
    }
}
