//! The journal of an unfinished container: `<container>.idx`, one line for each entry (docs/old-formats.md,
//! "Journal").
//!
//! Payload bytes are durable before the lines that name them. So a payload without a line is harmless,
//! and is cut off when packing goes on; a line without its payload would be a lie, and never happens.

use crate::error::{Action, ContainerProblem, Error, Result};
use crate::pack::Output;
use crate::read::legacy::end_of;
use crate::source::mapped::Mapped;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, sync_directory};
use rangepack_core::ndjson::{self, IndexSummary, Item};
use rangepack_core::{Entry, Kind};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a new journal holds: an empty line, which every reader passes over. It is durable before the
/// container gets its first byte, so a journal without a byte beside a container with some was damaged.
const NEW: &[u8] = b"\n";

/// Lines longer than this are not entries: two paths of 8 KiB, escaped, fit in.
const MAX_LINE: u64 = 1 << 20;

/// What was found in a journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalState {
    /// Number of entries.
    pub entries: u64,
    /// Bytes of a torn last line.
    pub torn: u64,
    /// Lines that are not entries.
    pub bad_lines: u64,
    /// The container is known to be good up to here.
    pub end: u64,
}

impl JournalState {
    /// Takes an entry into account.
    pub(crate) fn count(&mut self, entry: &Entry) {
        self.entries += 1;
        self.end = self.end.max(end_of(entry));
    }
}

/// Reads a journal, line by line. A torn last line is left out and counted.
///
/// A last line that lacks only its newline is not torn. A file without a single entry that is not empty
/// either is refused: whoever believed it would cut the whole container off. A JSON array, as an early
/// version of the old program wrote it, is read as it is.
pub(crate) fn read(path: &Path, each: &mut dyn FnMut(Entry) -> Result<()>) -> Result<JournalState> {
    if is_array(path)? {
        let mut state = JournalState::default();
        read_array(path, &mut |entry| {
            state.count(&entry);
            each(entry)
        })?;
        return Ok(state);
    }
    let state = read_lines(path, each)?;
    if state.entries == 0 && state.bad_lines > 0 {
        return Err(Error::container(path, ContainerProblem::NoEntries));
    }
    Ok(state)
}

fn read_lines(path: &Path, each: &mut dyn FnMut(Entry) -> Result<()>) -> Result<JournalState> {
    let file = File::open(path).map_err(Error::io(Action::Open, path))?;
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut state = JournalState::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut reader, MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(Error::io(Action::Read, path))?;
        if read == 0 {
            return Ok(state);
        }
        if line.last() != Some(&b'\n') {
            if read as u64 == MAX_LINE {
                let problem = ContainerProblem::LineTooLong { limit: MAX_LINE };
                return Err(Error::container(path, problem));
            }
            if let Ok(Item::Entry(entry)) = ndjson::parse_line(line.trim_ascii()) {
                state.count(&entry);
                each(entry)?;
            } else if state.entries == 0 && !is_torn(&line) {
                state.bad_lines += 1;
            } else {
                state.torn = read as u64;
            }
            return Ok(state);
        }
        match ndjson::parse_line(line.trim_ascii()) {
            Ok(Item::Entry(entry)) => {
                state.count(&entry);
                each(entry)?;
            }
            Ok(Item::Refused(_)) => state.bad_lines += 1,
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => state.bad_lines += 1,
        }
    }
}

/// Whether these bytes can be the beginning of a line that the packer wrote.
fn is_torn(line: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"{\"relpath\": ";
    let len = line.len().min(BEGINNING.len());
    line[..len] == BEGINNING[..len]
}

/// Rewrites an index that is a JSON array as lines.
pub(crate) fn convert_array(index: &Path) -> Result<()> {
    if !is_array(index)? {
        return Ok(());
    }
    write_whole(index, |write| read_array(index, &mut |entry| write(&entry)))
}

/// Whether an index is a JSON array.
pub(crate) fn is_array(index: &Path) -> Result<bool> {
    let data = Mapped::open(index).map_err(Error::io(Action::Open, index))?;
    Ok(data.trim_ascii_start().first() == Some(&b'['))
}

/// Hands the entries of such an index to `each`, one after the other.
fn read_array(index: &Path, each: &mut dyn FnMut(Entry) -> Result<()>) -> Result<()> {
    let data = Mapped::open(index).map_err(Error::io(Action::Open, index))?;
    let read = parse(&data, each)?;
    if !data.is_intact() {
        return Err(Error::io(Action::Read, index)(std::io::ErrorKind::UnexpectedEof.into()));
    }
    read.map(|_| ()).map_err(Error::pack_at(index))
}

/// Hands the entries of an NDJSON index to `each`. The inner result says what is wrong with the index, the
/// outer one what `each` said; nothing more is handed out then.
pub(crate) fn parse(
    index: &[u8],
    each: &mut dyn FnMut(Entry) -> Result<()>,
) -> Result<rangepack_core::Result<IndexSummary>> {
    let mut failure = None;
    let limits = crate::source::options::OpenOptions::default().limits;
    let read = ndjson::parse_index(index, &limits, &mut |item| {
        if let (Item::Entry(entry), None) = (item, &failure) {
            failure = each(entry).err();
        }
        Ok(())
    });
    failure.map_or(Ok(read), Err)
}

/// Writes a whole journal and puts it in place when it is durable.
pub(crate) fn write_whole(
    path: &Path,
    entries: impl FnOnce(&mut dyn FnMut(&Entry) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let replacement = Replacement::new(path)?;
    let mut out = replacement.writer();
    let mut line = Vec::new();
    entries(&mut |entry| {
        line.clear();
        ndjson::write_line(entry, &mut line);
        line.push(b'\n');
        out.write_all(&line).map_err(Error::io(Action::Write, path))
    })?;
    out.flush().map_err(Error::io(Action::Write, path))?;
    drop(out);
    replacement.finish(Finish { overwrite: true, sync: true })
}

/// Appends to a journal, after the payloads are durable.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    lines: Vec<u8>,
    pending: u64,
    /// Files packed since the container was synced.
    unsynced: u64,
    fsync_every: u64,
    batch: u64,
}

impl Journal {
    /// Opens a journal to append, and cuts off `torn` bytes at its end. A new one is durable then.
    pub(crate) fn open(path: &Path, torn: u64, fsync_every: u64, batch: u64) -> Result<Journal> {
        let open = || Error::io(Action::Open, path);
        let mut file =
            OpenOptions::new().create(true).read(true).append(true).open(path).map_err(open())?;
        let len = file.metadata().map_err(open())?.len();
        if torn > 0 {
            file.set_len(len - torn).map_err(Error::io(Action::Cut, path))?;
        }
        let mut lines = Vec::new();
        if len > torn {
            let mut last = [0];
            file.seek(SeekFrom::Start(len - torn - 1)).map_err(open())?;
            file.read_exact(&mut last).map_err(Error::io(Action::Read, path))?;
            // The next line must not be swallowed by the last one.
            lines.extend((last != *b"\n").then_some(b'\n'));
        }
        if len == torn {
            file.write_all(NEW)
                .and_then(|()| file.sync_data())
                .map_err(Error::io(Action::Write, path))?;
        }
        if len <= NEW.len() as u64 {
            sync_directory(&directory_of(path))?;
        }
        let (path, fsync_every) = (path.to_owned(), fsync_every.max(1));
        Ok(Journal { file, path, lines, pending: 0, unsynced: 0, fsync_every, batch })
    }

    /// Adds an entry whose payload was handed to `output`; commits when it is time.
    pub(crate) fn push(&mut self, entry: &Entry, output: &mut Output) -> Result<()> {
        ndjson::write_line(entry, &mut self.lines);
        self.lines.push(b'\n');
        self.pending += 1;
        self.unsynced += u64::from(matches!(entry.kind, Kind::File(_)));
        if self.pending >= self.batch {
            return self.commit(output);
        }
        if self.unsynced >= self.fsync_every {
            output.sync()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Whether it holds no entry at all.
    pub(crate) fn is_new(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.len() <= NEW.len() as u64)
    }

    /// Makes the payloads durable, then the lines that name them.
    pub(crate) fn commit(&mut self, output: &mut Output) -> Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        output.sync()?;
        self.unsynced = 0;
        let before = self.file.metadata().map_err(Error::io(Action::Write, &self.path))?.len();
        if let Err(error) = self.file.write_all(&self.lines).and_then(|()| self.file.sync_data()) {
            // A full disk leaves no torn line behind.
            let _ = self.file.set_len(before);
            return Err(Error::io(Action::Write, &self.path)(error));
        }
        self.lines.clear();
        self.pending = 0;
        Ok(())
    }
}
