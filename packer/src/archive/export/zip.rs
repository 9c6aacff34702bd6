//! Zip: stored or deflated; what is deflated in the pack is taken over.

use super::payload::Payload;
use super::{Member, Writer};
use crate::error::Result;
use rangepack_core::{Codec, Kind};
use rawzip::extra_fields::ExtraFieldId;
use rawzip::path::EntryPath;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, DataDescriptorOutput, Header, ZipArchiveWriter};
use std::io::{self, Write};

/// At this level Zstandard payloads are deflated if nobody says.
const LEVEL: u32 = 6;

/// The kinds of files, as modes have them.
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// See [the module](self).
pub(super) struct ZipWriter<W> {
    archive: ZipArchiveWriter<W>,
    deflate: Option<u32>,
}

impl<W: Write> ZipWriter<W> {
    pub(super) fn new(out: W, deflate: Option<u32>) -> ZipWriter<W> {
        ZipWriter { archive: ZipArchiveWriter::new(out), deflate }
    }
}

/// The time in whole seconds, as far as it fits.
fn seconds(mtime: Option<i64>) -> u32 {
    let seconds = mtime.unwrap_or(0).div_euclid(1_000_000_000);
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// What the local header says of the time, which the writer says in the directory at the end alone.
fn time_field(mtime: Option<i64>) -> [u8; 5] {
    let [a, b, c, d] = seconds(mtime).to_le_bytes();
    [1, a, b, c, d]
}

fn failed(error: rawzip::Error) -> io::Error {
    match error.into_kind() {
        rawzip::ErrorKind::IO(error) => error,
        kind => io::Error::other(kind.to_string()),
    }
}

impl<W: Write> Writer for ZipWriter<W> {
    type Out = W;
    const HARD_LINKS: bool = false;
    const ATTRIBUTES: bool = false;

    fn bare(&mut self, member: &Member<'_>) -> io::Result<()> {
        let entry = member.entry;
        let mut path = entry.path.as_bytes().to_vec();
        let time = UtcDateTime::from_unix(seconds(entry.mtime).into());
        let field = time_field(entry.mtime);
        let id = ExtraFieldId::EXTENDED_TIMESTAMP;
        if let Kind::Symlink(target) = &entry.kind {
            let mode = SYMLINK | entry.mode.unwrap_or(0o777);
            let file = self.archive.new_file(EntryPath::verbatim(path));
            let file = file.last_modified(time).unix_permissions(mode);
            let file = file.extra_field(id, &field, Header::LOCAL).map_err(failed)?;
            let (mut out, _) = file.start().map_err(failed)?;
            out.write_all(target)?;
            let end = DataDescriptorOutput::new(crc32fast::hash(target), target.len() as u64);
            return out.finish(end).map(drop).map_err(failed);
        }
        path.push(b'/');
        let mode = DIRECTORY | entry.mode.unwrap_or(0o755);
        let directory = self.archive.new_dir(EntryPath::verbatim(path));
        let directory = directory.last_modified(time).unix_permissions(mode);
        let directory = directory.extra_field(id, &field, Header::LOCAL).map_err(failed)?;
        directory.create().map(drop).map_err(failed)
    }

    fn link(&mut self, _: &Member<'_>, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn file(&mut self, member: &Member<'_>, payload: &mut Payload<'_>) -> Result<()> {
        let entry = member.entry;
        let wrong = |payload: &Payload<'_>, error| payload.failed()(failed(error));
        let level = match payload.content.codec {
            Codec::Stored => self.deflate,
            _ => self.deflate.or(Some(LEVEL)),
        };
        let level = level.filter(|_| payload.content.size > 0);
        let method = match level {
            Some(_) => CompressionMethod::DEFLATE,
            None => CompressionMethod::STORE,
        };
        let field = time_field(entry.mtime);
        let file = self.archive.new_file(EntryPath::verbatim(entry.path.as_bytes()));
        let file = file
            .compression_method(method)
            .last_modified(UtcDateTime::from_unix(seconds(entry.mtime).into()))
            .unix_permissions(FILE | entry.mode.unwrap_or(0o644))
            .extra_field(ExtraFieldId::EXTENDED_TIMESTAMP, &field, Header::LOCAL)
            .map_err(|error| wrong(payload, error))?;
        let (mut out, _) = file.start().map_err(|error| wrong(payload, error))?;
        let size = payload.content.size;
        let crc = match level {
            Some(level) => match payload.copy_deflated(&mut out)? {
                Some(crc) => crc,
                None => {
                    let level = flate2::Compression::new(level);
                    let mut summed =
                        Summed::new(flate2::write::DeflateEncoder::new(&mut out, level));
                    payload.copy(&mut summed)?;
                    let Summed { out, crc } = summed;
                    out.finish().map_err(payload.failed())?;
                    crc.finalize()
                }
            },
            None => {
                let mut summed = Summed::new(&mut out);
                payload.copy(&mut summed)?;
                summed.crc.finalize()
            }
        };
        let end = DataDescriptorOutput::new(crc, size);
        out.finish(end).map(drop).map_err(|error| wrong(payload, error))
    }

    fn finish(self) -> io::Result<W> {
        self.archive.finish().map_err(failed)
    }
}

/// Sums what goes through.
struct Summed<W> {
    out: W,
    crc: crc32fast::Hasher,
}

impl<W> Summed<W> {
    fn new(out: W) -> Summed<W> {
        Summed { out, crc: crc32fast::Hasher::new() }
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
