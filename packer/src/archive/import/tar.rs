//! Tar archives, from front to back: ustar, pax, GNU, and what came before them.
//!
//! The crate `tar` knows the fields of headers. The order of headers is gone through here, so that nothing is
//! kept in memory because a header says so, and names and attributes may hold any bytes.

use super::members::{Content, Lies, Member, MemberKind, Nothing, Visit, fill};
use super::open::io_error;
use super::records::{Records, fitting, nanoseconds};
use super::sparse::Map;
use crate::error::{Action, ArchiveProblem, Error, LeftOut, Result};
use rangepack_core::{Codec, IN_PIECES, Owner};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// Long names and pax records may have so many bytes.
const LONGEST: u64 = 4 << 20;

/// And those that hold for all members, each of which is compared with them.
const LONGEST_GLOBALS: u64 = 64 << 10;

/// No file system has longer files.
const LONGEST_FILE: u64 = i64::MAX as u64;

/// Whether an archive may begin like this: with a header, or with its end.
pub(super) fn is_header(head: &[u8]) -> bool {
    match head.first_chunk::<BLOCK>() {
        Some(block) => is_zero(block) || has_sum(Header::from_byte_slice(block)),
        None => false,
    }
}

fn is_zero(block: &[u8; BLOCK]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Whether a header has the sum that it says: of its bytes, or, as some old programs have it, of them as signed ones.
fn has_sum(header: &Header) -> bool {
    let Ok(expected) = header.cksum() else { return false };
    let bytes = header.as_bytes();
    let counted = || bytes[..148].iter().chain(&[b' '; 8]).chain(&bytes[156..]);
    let sum: u32 = counted().map(|byte| u32::from(*byte)).sum();
    let signed: i32 = counted().map(|byte| i32::from(byte.cast_signed())).sum();
    sum == expected || signed == expected.cast_signed()
}

/// Whether a number is not said.
fn is_blank(field: &[u8]) -> bool {
    field.iter().all(|byte| matches!(byte, 0 | b' '))
}

/// A number, which is 0 where it is not said.
fn or_zero(field: &[u8], number: io::Result<u64>) -> io::Result<u64> {
    if is_blank(field) { Ok(0) } else { number }
}

/// See [the module](self).
pub(super) struct TarReader<R> {
    reader: R,
    name: PathBuf,
    is_compressed: bool,
    /// Whether payloads are to come as they lie there.
    is_lying: bool,
    /// Where the next byte comes from, in the archive as it is when it is not compressed.
    at: u64,
    /// Holds for all members that follow.
    globals: Arc<Records>,
}

impl<R: Read> TarReader<R> {
    pub(super) fn new(reader: R, name: &Path, is_compressed: bool) -> TarReader<R> {
        let (name, globals) = (name.to_owned(), Arc::default());
        TarReader { reader, name, is_compressed, is_lying: false, at: 0, globals }
    }

    /// One whose files say where their payloads lie, which come with the pieces of files with holes side by side.
    pub(super) fn lying(reader: R, name: &Path) -> TarReader<R> {
        TarReader { is_lying: true, ..TarReader::new(reader, name, false) }
    }

    /// Goes through all members.
    pub(super) fn each(&mut self, visit: &mut dyn Visit) -> Result<()> {
        let mut before = Before::default();
        loop {
            let start = self.at;
            let Some(block) = self.header()? else {
                if before.is_something() {
                    return Err(self.wrong(ArchiveProblem::CutShort { at: self.at }));
                }
                visit.problem(LeftOut::NoEnd)?;
                break;
            };
            if is_zero(&block) {
                if self.drain()? {
                    visit.problem(LeftOut::Behind)?;
                }
                break;
            }
            let header = Header::from_byte_slice(&block);
            if !has_sum(header) {
                return Err(self.wrong(ArchiveProblem::Header { at: start }));
            }
            match header.entry_type() {
                EntryType::GNULongName => before.name = Some(self.text(header, start)?),
                EntryType::GNULongLink => before.link = Some(self.text(header, start)?),
                EntryType::XGlobalHeader => {
                    let records = self.records(header, start)?;
                    let globals = self.globals.replaced(records);
                    let len = globals.len();
                    if len > LONGEST_GLOBALS {
                        return Err(self.wrong(ArchiveProblem::TooLong { at: start, len }));
                    }
                    self.globals = Arc::new(globals);
                }
                EntryType::XHeader => before.records = self.records(header, start)?,
                kind if kind.as_byte() == b'X' => before.records = self.records(header, start)?,
                _ => self.member(header, std::mem::take(&mut before), start, visit)?,
            }
        }
        if before.is_something() {
            return Err(self.wrong(ArchiveProblem::CutShort { at: self.at }));
        }
        Ok(())
    }

    fn wrong(&self, problem: ArchiveProblem) -> Error {
        Error::Archive { archive: self.name.clone(), problem }
    }

    /// What a failed read means.
    fn failed(&self, error: io::Error) -> Error {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.wrong(ArchiveProblem::CutShort { at: self.at });
        }
        match self.is_compressed {
            true => self.wrong(ArchiveProblem::Compressed(error)),
            false => io_error(Action::Read, &self.name, error),
        }
    }

    /// The next header; `None` when the archive ends here.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let filled = fill(&mut self.reader, &mut block).map_err(|error| self.failed(error))?;
        self.at += filled as u64;
        match filled {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(self.wrong(ArchiveProblem::CutShort { at: self.at })),
        }
    }

    /// A block that must be there.
    fn block(&mut self) -> Result<[u8; BLOCK]> {
        let block = self.header()?;
        block.ok_or_else(|| self.wrong(ArchiveProblem::CutShort { at: self.at }))
    }

    /// What follows a header that speaks of the next one.
    fn data(&mut self, header: &Header, start: u64) -> Result<Vec<u8>> {
        let wrong = || ArchiveProblem::Header { at: start };
        let size = header.entry_size().map_err(|_| self.wrong(wrong()))?;
        if size > LONGEST {
            return Err(self.wrong(ArchiveProblem::TooLong { at: start, len: size }));
        }
        let mut data = Vec::new();
        while (data.len() as u64) < size {
            data.extend(self.block()?);
        }
        data.truncate(size as usize);
        Ok(data)
    }

    fn text(&mut self, header: &Header, start: u64) -> Result<Vec<u8>> {
        let mut text = self.data(header, start)?;
        let end = memchr::memchr(0, &text).unwrap_or(text.len());
        text.truncate(end);
        Ok(text)
    }

    fn records(&mut self, header: &Header, start: u64) -> Result<Records> {
        let data = self.data(header, start)?;
        Records::parse(&data).ok_or_else(|| self.wrong(ArchiveProblem::Records { at: start }))
    }

    fn member(
        &mut self,
        header: &Header,
        before: Before,
        start: u64,
        visit: &mut dyn Visit,
    ) -> Result<()> {
        let records = before.records.above(&self.globals);
        let bad = |what| Error::Archive { archive: self.name.clone(), problem: what };
        let header_error = || bad(ArchiveProblem::Header { at: start });
        let records_error = || bad(ArchiveProblem::Records { at: start });
        let number = |key: &str, field: io::Result<u64>| match records.number(key) {
            Some(number) => number.ok_or_else(records_error),
            None => field.map_err(|_| header_error()),
        };
        let mut size = number("size", or_zero(&header.as_old().size, header.entry_size()))?;
        if size > LONGEST_FILE {
            return Err(header_error());
        }
        let name = records.get("GNU.sparse.name").or_else(|| records.get("path"));
        let name = name.map(<[u8]>::to_vec).or(before.name);
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = records.get("linkpath").map(<[u8]>::to_vec).or(before.link);
        let link = || {
            let field = || header.link_name_bytes().map(|name| name.into_owned());
            link.or_else(field).unwrap_or_default()
        };
        let (mtime, is_time_right) = match records.get("mtime") {
            Some(text) => nanoseconds(text).ok_or_else(records_error)?,
            None => {
                let field = or_zero(&header.as_old().mtime, header.mtime());
                let seconds = field.map_err(|_| header_error())?;
                // What is negative there comes as a large number.
                fitting(seconds.cast_signed(), 0)
            }
        };
        // Some programs leave blank what they do not know.
        let fields = header.as_old();
        let mode = match is_blank(&fields.mode) {
            true => None,
            false => Some(header.mode().map_err(|_| header_error())? & 0o7777),
        };
        let uid = number("uid", or_zero(&fields.uid, header.uid()))?;
        let gid = number("gid", or_zero(&fields.gid, header.gid()))?;
        let id = |id| u32::try_from(id).unwrap_or(u32::MAX);
        let owner = Owner { uid: id(uid), gid: id(gid) };
        let mut map = None;
        let kind = match header.entry_type() {
            // So it was said before there were types.
            EntryType::Regular if name.ends_with(b"/") => MemberKind::Directory,
            EntryType::Regular | EntryType::Continuous => MemberKind::File { size, sparse: false },
            EntryType::GNUSparse => {
                let found = Map::of_header(header).ok_or_else(header_error)?;
                let (mut found, real, mut more) = found;
                while more {
                    let block = self.block()?;
                    let extended = found.extend(&block);
                    more =
                        extended.ok_or_else(|| self.wrong(ArchiveProblem::Header { at: start }))?;
                }
                map = Some((found, real));
                MemberKind::File { size: real, sparse: true }
            }
            EntryType::Directory => MemberKind::Directory,
            kind if kind.as_byte() == b'D' => {
                self.skip(size)?;
                MemberKind::Directory
            }
            // A label of a tape.
            kind if kind.as_byte() == b'V' => return self.skip(size),
            EntryType::Symlink => MemberKind::Symlink(link()),
            EntryType::Link => MemberKind::HardLink(link()),
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                MemberKind::LeftOut(LeftOut::Special)
            }
            other => {
                self.skip(size)?;
                MemberKind::LeftOut(LeftOut::MemberType(other.as_byte()))
            }
        };
        let mut kind = kind;
        let records_wrong = ArchiveProblem::Records { at: start };
        if let MemberKind::File { sparse: false, .. } = kind {
            let version = (records.number("GNU.sparse.major"), records.number("GNU.sparse.minor"));
            if version == (Some(Some(1)), Some(Some(0))) {
                let real = records.number("GNU.sparse.realsize").flatten();
                let mut left = size;
                let read = Map::read(|| {
                    left = left
                        .checked_sub(BLOCK as u64)
                        .ok_or_else(|| self.wrong(ArchiveProblem::Records { at: start }))?;
                    self.block()
                })?;
                size = left;
                map = Some(read.zip(real).ok_or_else(|| self.wrong(records_wrong))?);
            } else if records.get("GNU.sparse.size").is_some() {
                let found = Map::of_records(&records);
                map = Some(found.ok_or_else(|| self.wrong(records_wrong))?);
            }
        }
        let mut pieces = VecDeque::new();
        let is_file = matches!(kind, MemberKind::File { .. });
        if let MemberKind::File { size: whole, sparse } = &mut kind {
            match map {
                Some((map, real)) => {
                    (*whole, *sparse) = (real, true);
                    let checked = map.checked(real, size).filter(|_| real <= LONGEST_FILE);
                    pieces =
                        checked.ok_or_else(|| self.wrong(ArchiveProblem::Records { at: start }))?;
                }
                None => pieces.push_back((0, size)),
            }
        }
        let mut size_of = if let MemberKind::File { size, .. } = kind { size } else { 0 };
        let mut lies = None;
        if let (true, MemberKind::File { sparse, .. }) = (self.is_lying, &kind) {
            let codec = if *sparse { Codec::Other(IN_PIECES) } else { Codec::Stored };
            lies = Some(Lies { codec, offset: self.at, len: size, crc32: None });
            (size_of, pieces) = (size, [(0, size)].into());
        }
        let attributes = records.attributes();
        let (mtime, owner) = (Some(mtime), Some(owner));
        let member = Member { name, kind, mode, mtime, is_time_right, owner, attributes, lies };
        if !is_file {
            return visit.member(member, &mut Nothing);
        }
        let mut content = FileContent { tar: self, at: 0, size: size_of, pieces };
        visit.member(member, &mut content)?;
        let left: u64 = content.pieces.iter().map(|(_, len)| *len).sum();
        self.pass(left)?;
        self.pass((BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64)
    }

    /// Passes by so many bytes, and what fills the last block.
    fn skip(&mut self, size: u64) -> Result<()> {
        self.pass(size)?;
        self.pass((BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64)
    }

    fn pass(&mut self, len: u64) -> Result<()> {
        let passed = io::copy(&mut self.reader.by_ref().take(len), &mut io::sink());
        let passed = passed.map_err(|error| self.failed(error))?;
        self.at += passed;
        match passed == len {
            true => Ok(()),
            false => Err(self.wrong(ArchiveProblem::CutShort { at: self.at })),
        }
    }

    /// Reads on to the last byte: who writes into a pipe is not to be stopped, and a compressed archive has its sums there.
    /// Whether anything stands there.
    fn drain(&mut self) -> Result<bool> {
        let mut is_something = false;
        let mut piece = vec![0; 64 << 10];
        loop {
            let filled = fill(&mut self.reader, &mut piece).map_err(|error| self.failed(error))?;
            is_something |= piece[..filled].iter().any(|byte| *byte != 0);
            if filled == 0 {
                return Ok(is_something);
            }
        }
    }
}

/// What stood before a header, and is about its member.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Records,
}

impl Before {
    fn is_something(&self) -> bool {
        self.name.is_some() || self.link.is_some() || !self.records.is_empty()
    }
}

/// What a file holds, holes as zeros.
struct FileContent<'t, R> {
    tar: &'t mut TarReader<R>,
    at: u64,
    size: u64,
    /// What is still to come of it in the archive.
    pieces: VecDeque<(u64, u64)>,
}

impl<R: Read> Read for FileContent<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.pieces.front_mut();
        let hole = next.as_ref().map_or(self.size, |(offset, _)| *offset).saturating_sub(self.at);
        if hole > 0 {
            let len = hole.min(buffer.len() as u64) as usize;
            buffer[..len].fill(0);
            self.at += len as u64;
            return Ok(len);
        }
        let Some((offset, len)) = next.filter(|_| !buffer.is_empty()) else { return Ok(0) };
        let most = (*len).min(buffer.len() as u64) as usize;
        let read = self.tar.reader.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (*offset, *len) = (*offset + read as u64, *len - read as u64);
        if *len == 0 {
            self.pieces.pop_front();
        }
        self.at += read as u64;
        self.tar.at += read as u64;
        Ok(read)
    }
}

impl<R: Read> Content for FileContent<'_, R> {
    fn failed(&self, error: io::Error) -> Result<LeftOut> {
        Err(self.tar.failed(error))
    }
}
