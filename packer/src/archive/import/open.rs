//! Finds out what an archive is, and opens it.

use super::Archive;
use super::members::{Visit, fill};
use super::tar::{TarReader, is_header};
use crate::error::{Action, ArchiveProblem, Error, OtherFormat, Result};
use flate2::bufread::MultiGzDecoder;
use rawzip::ReaderAt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// An archive that is read once.
pub(super) enum Opened {
    Tar(Box<TarReader<Box<dyn Read + Send>>>),
    Zip(File, PathBuf),
}

/// So many bytes show what a file is: a tar header.
const HEAD: usize = 512;

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const OTHERS: [(&[u8], OtherFormat); 4] = [
    (b"\xfd7zXZ\0", OtherFormat::Xz),
    (b"BZh", OtherFormat::Bzip2),
    (b"7z\xbc\xaf\x27\x1c", OtherFormat::SevenZip),
    (b"hsqs", OtherFormat::Squashfs),
];

impl Opened {
    pub(super) fn open(archive: Archive) -> Result<Opened> {
        match archive {
            Archive::Stream { reader, name } => Opened::stream(reader, &name, None),
            Archive::File(path) => {
                let file = File::open(&path).map_err(Error::io(Action::Open, &path))?;
                let again = file.try_clone().map_err(Error::io(Action::Open, &path))?;
                Opened::stream(Box::new(file), &path, Some(again))
            }
        }
    }

    /// Goes through all members.
    pub(super) fn each(self, visit: &mut dyn Visit) -> Result<()> {
        match self {
            Opened::Tar(mut tar) => tar.each(visit),
            Opened::Zip(file, path) => super::zip::each(file, &path, visit),
        }
    }

    fn stream(mut reader: Box<dyn Read + Send>, name: &Path, file: Option<File>) -> Result<Opened> {
        let reading = || Error::io(Action::Read, name);
        let wrong = |problem| Error::Archive { archive: name.to_owned(), problem };
        let mut head = vec![0; HEAD];
        let filled = fill(&mut reader, &mut head).map_err(reading())?;
        head.truncate(filled);
        if is_zip(&head) {
            return match file {
                Some(file) => Ok(Opened::Zip(file, name.to_owned())),
                None => Err(wrong(ArchiveProblem::NeedsFile)),
            };
        }
        let other = OTHERS.iter().find(|(magic, _)| head.starts_with(magic));
        if let Some((_, format)) = other {
            return Err(wrong(ArchiveProblem::Other(*format)));
        }
        let is_compressed = head.starts_with(GZIP) || head.starts_with(ZSTD);
        if !is_compressed {
            let reader = Box::new(Cursor::new(head.clone()).chain(reader));
            return Opened::tar(reader, &head, name, false);
        }
        let is_gzip = head.starts_with(GZIP);
        let buffered = BufReader::with_capacity(64 << 10, Cursor::new(head).chain(reader));
        let mut plain: Box<dyn Read + Send> = match is_gzip {
            true => Box::new(MultiGzDecoder::new(buffered)),
            false => Box::new(zstd::Decoder::with_buffer(buffered).map_err(reading())?),
        };
        let mut head = vec![0; HEAD];
        let filled = fill(&mut plain, &mut head).map_err(|error| {
            wrong(match error.kind() {
                io::ErrorKind::UnexpectedEof => ArchiveProblem::CutShort { at: 0 },
                _ => ArchiveProblem::Compressed(error),
            })
        })?;
        head.truncate(filled);
        let reader = Box::new(Cursor::new(head.clone()).chain(plain));
        Opened::tar(reader, &head, name, true)
    }

    fn tar(
        reader: Box<dyn Read + Send>,
        head: &[u8],
        name: &Path,
        is_compressed: bool,
    ) -> Result<Opened> {
        if !is_header(head) {
            let archive = name.to_owned();
            return Err(Error::Archive { archive, problem: ArchiveProblem::NotAnArchive });
        }
        let reader: Box<dyn Read + Send> = match is_compressed {
            true => reader,
            false => Box::new(BufReader::with_capacity(64 << 10, reader)),
        };
        Ok(Opened::Tar(Box::new(TarReader::new(reader, name, is_compressed))))
    }
}

fn is_zip(head: &[u8]) -> bool {
    matches!(head, [b'P', b'K', 1 | 3 | 5 | 6 | 7, _, ..])
}

/// An archive that stays as it is.
pub(in crate::archive) struct Lying<'l> {
    /// Its bytes from front to back, of which none was read.
    pub(in crate::archive) stream: Box<dyn Read + 'l>,
    /// The same at any place.
    pub(in crate::archive) places: Box<dyn ReaderAt + 'l>,
    pub(in crate::archive) len: u64,
}

/// Goes through all members of such an archive. They say where their payloads lie, and these come as they lie there.
pub(in crate::archive) fn each_lying(
    lying: Lying<'_>,
    name: &Path,
    visit: &mut dyn Visit,
) -> Result<()> {
    let Lying { mut stream, places, len } = lying;
    let wrong = |problem| Err(Error::Archive { archive: name.to_owned(), problem });
    let mut head = vec![0; HEAD];
    let first = places.read_at(&mut head, 0);
    head.truncate(first.map_err(|error| io_error(Action::Read, name, error))?);
    if is_zip(&head) {
        return super::zip::each_lying(places, len, name, visit);
    }
    let packed = [(GZIP, OtherFormat::Gzip), (ZSTD, OtherFormat::Zstd)];
    let mut others = packed.iter().chain(&OTHERS);
    if let Some((_, format)) = others.find(|(magic, _)| head.starts_with(magic)) {
        return wrong(ArchiveProblem::NotInPlace(*format));
    }
    if !is_header(&head) {
        return wrong(ArchiveProblem::NotAnArchive);
    }
    TarReader::lying(&mut stream, name).each(visit)
}

/// What a failed read means, which may be an error of this crate within.
pub(super) fn io_error(action: Action, name: &Path, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::io(action, name)(error),
    }
}
