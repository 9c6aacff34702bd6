//! The journal of an unfinished container: `<container>.idx`, one line for each entry (docs/old-formats.md,
//! "Journal").
//!
//! Payload bytes are durable before the lines that name them. So a payload without a line is harmless,
//! and is cut off when packing goes on; a line without its payload would be a lie, and never happens. Before
//! payload bytes are written a note tells how far they may reach, so that nothing else is ever cut off.

use crate::error::{Action, ContainerProblem, Error, Result};
use crate::index::ahead::Ahead;
use crate::pack::{Announce, Output};
use crate::progress::{Event, Observer};
use crate::read::note::{Note, Noted};
use crate::source::mapped::Mapped;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, sync_directory};
use rangepack_core::ndjson::{self, IndexSummary, Item};
use rangepack_core::{Entry, Kind, PathProblem};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;

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
    /// Bytes at its end that were being appended when a run was interrupted; cut off.
    pub torn: u64,
    /// The container is known to be good up to here.
    pub end: u64,
    /// Bytes of the container below this offset may be those of a run that was interrupted; `Some(0)` when
    /// the last run came to its end, `None` in journals of the old program, which tell nothing of it.
    pub under_way: Option<u64>,
}

impl JournalState {
    /// Takes an entry into account.
    pub(crate) fn count(&mut self, entry: &Entry) {
        self.entries += 1;
        self.end = self.end.max(entry.end());
    }
}

/// Reads a journal, line by line. What was being appended when a run was interrupted is left out and counted.
///
/// Any other line that cannot be read is an error: it may name what nothing else names. So is a file
/// without a single entry that is not empty either: whoever believed it would cut the whole container off.
/// A JSON array, as an early version of the old program wrote it, is read as it is.
pub(crate) fn read(
    path: &Path,
    observer: &dyn Observer,
    each: &mut dyn FnMut(Entry) -> Result<()>,
) -> Result<JournalState> {
    if is_array(path)? {
        let mut state = JournalState::default();
        read_array(path, &mut |entry| {
            state.count(&entry);
            each(entry)
        })?;
        return Ok(state);
    }
    read_lines(path, observer, each)
}

fn read_lines(
    path: &Path,
    observer: &dyn Observer,
    each: &mut dyn FnMut(Entry) -> Result<()>,
) -> Result<JournalState> {
    /// How often the observer hears how far it has come.
    const LINES: u64 = 1024;
    let file = File::open(path).map_err(Error::io(Action::Open, path))?;
    let total = file.metadata().map_or(0, |found| found.len());
    let mut state = JournalState::default();
    let mut offset = 0;
    // The first line that cannot be read.
    let mut broken: Option<Broken> = None;
    thread::scope(|scope| -> Result<()> {
        let mut lines = Ahead::start(scope, |_| 1, Lines::new(path, file));
        while let Some(line) = lines.next()? {
            offset = line.end;
            if line.number % LINES == 0 {
                observer.event(Event::Index { bytes: offset, total });
            }
            match std::mem::replace(&mut line.found, Found::Nothing) {
                Found::Nothing => {}
                Found::Note(note) => {
                    // What was appended before this note was, is durable.
                    if let Some(broken) = broken.take_if(|broken| broken.start < note.since) {
                        return Err(broken.error(path));
                    }
                    state.under_way = Some(note.until);
                }
                // Behind a line that is cut off nothing stays.
                Found::Entry(entry) if broken.is_none() => {
                    state.count(&entry);
                    each(entry)?;
                }
                Found::Entry(_) => {}
                Found::Broken(found) => {
                    broken.get_or_insert(found);
                }
            }
        }
        Ok(())
    })?;
    let Some(broken) = broken else { return Ok(state) };
    if state.entries == 0 && state.under_way.is_none() && !broken.is_torn {
        return Err(Error::container(path, ContainerProblem::NoEntries));
    }
    // Whoever wrote notes would have written one behind the line, had that ever been durable.
    if broken.problem.is_some() || (state.under_way.is_none() && broken.is_whole) {
        return Err(broken.error(path));
    }
    state.torn = offset - broken.start;
    Ok(state)
}

/// The lines of a journal.
struct Lines<'p> {
    path: &'p Path,
    reader: BufReader<File>,
    text: Vec<u8>,
    /// How many have been read, and their bytes.
    number: u64,
    offset: u64,
}

/// A line, whose first has the number 1.
struct Line {
    number: u64,
    /// Where the next one begins.
    end: u64,
    found: Found,
}

#[expect(clippy::large_enum_variant, reason = "nearly all lines are entries")]
enum Found {
    /// Nothing that matters here.
    Nothing,
    Note(Note),
    Entry(Entry),
    Broken(Broken),
}

impl Lines<'_> {
    fn new(path: &Path, file: File) -> Lines<'_> {
        let reader = BufReader::with_capacity(256 << 10, file);
        Lines { path, reader, text: Vec::new(), number: 0, offset: 0 }
    }

    fn read(&mut self) -> Result<Option<Line>> {
        self.text.clear();
        let read = std::io::Read::take(&mut self.reader, MAX_LINE)
            .read_until(b'\n', &mut self.text)
            .map_err(Error::io(Action::Read, self.path))? as u64;
        if read == 0 {
            return Ok(None);
        }
        let is_whole = self.text.last() == Some(&b'\n');
        if !is_whole && read == MAX_LINE {
            let problem = ContainerProblem::LineTooLong { limit: MAX_LINE };
            return Err(Error::container(self.path, problem));
        }
        let (number, start, end) = (self.number + 1, self.offset, self.offset + read);
        (self.number, self.offset) = (number, end);
        let is_new = number == 1 && read > NEW.len() as u64;
        let is_torn = !is_whole && is_torn(&self.text, !is_new);
        let broken = |problem| Found::Broken(Broken { number, start, problem, is_whole, is_torn });
        let text = self.text.trim_ascii();
        let found = match Note::find(text) {
            _ if text.is_empty() => Found::Nothing,
            Noted::Remark => Found::Nothing,
            Noted::Note(note) => Found::Note(note),
            Noted::Nothing => match ndjson::parse_line(text) {
                Ok(Item::Entry(entry)) => Found::Entry(entry),
                Ok(Item::Refused(refused)) => broken(Some(refused.problem)),
                Err(_) => broken(None),
            },
        };
        Ok(Some(Line { number, end, found }))
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<Line>;

    fn next(&mut self) -> Option<Result<Line>> {
        self.read().transpose()
    }
}

/// A line that cannot be read.
struct Broken {
    number: u64,
    start: u64,
    problem: Option<PathProblem>,
    /// It has its newline.
    is_whole: bool,
    /// It has none, and begins as lines do.
    is_torn: bool,
}

impl Broken {
    fn error(self, path: &Path) -> Error {
        let Broken { number, start, problem, .. } = self;
        Error::container(path, ContainerProblem::BadLine { number, offset: start, problem })
    }
}

/// Whether these bytes can be the beginning of a line that the packer wrote, or, behind the first line, what a file
/// holds that has grown before its bytes were there.
fn is_torn(line: &[u8], may_be_unwritten: bool) -> bool {
    let begins = |beginning: &[u8]| {
        let len = line.len().min(beginning.len());
        line[..len] == beginning[..len]
    };
    begins(b"{\"relpath\": ")
        || begins(Note::BEGINNING.as_bytes())
        || (may_be_unwritten && line.iter().all(|byte| *byte == 0))
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
    refuse_bad_lines(index, &read.map_err(Error::pack_at(index))?)
}

/// An index some of whose lines cannot be read names more than is known.
pub(super) fn refuse_bad_lines(index: &Path, summary: &IndexSummary) -> Result<()> {
    let Some(bad) = summary.bad.first() else { return Ok(()) };
    let (number, offset) = (bad.number, bad.offset);
    Err(Error::container(index, ContainerProblem::BadLine { number, offset, problem: None }))
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
        ndjson::write_checked_line(entry, &mut line);
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
    file: Appended,
    lines: Vec<u8>,
    pending: u64,
    /// Entries were added, or something was left open before.
    is_open: bool,
    /// It had no entry when it was opened.
    was_new: bool,
    /// Files packed since the container was synced.
    unsynced: u64,
    fsync_every: u64,
    batch: u64,
}

impl Journal {
    /// Opens a journal to append, and cuts off what is torn at its end. A new one is durable then.
    pub(crate) fn open(
        path: &Path,
        state: &JournalState,
        fsync_every: u64,
        batch: u64,
    ) -> Result<Journal> {
        let mut file = Appended::open(path, state.torn)?;
        let is_open = state.torn > 0 || state.under_way.is_some_and(|until| until > 0);
        let len = file.len()?;
        if len == 0 {
            file.append(NEW)?;
        }
        if len <= NEW.len() as u64 {
            sync_directory(&directory_of(path))?;
        }
        let (fsync_every, was_new) = (fsync_every.max(1), state.entries == 0);
        Ok(Journal {
            file,
            lines: Vec::new(),
            pending: 0,
            is_open,
            was_new,
            unsynced: 0,
            fsync_every,
            batch,
        })
    }

    /// Tells the journal, durably, before the container grows to a place that no note has named.
    pub(crate) fn announce(&self) -> Result<Announce> {
        let mut file = self.file.try_clone()?;
        Ok(Announce::new(self.batch, Box::new(move |until| file.note(&[], until))))
    }

    /// Adds an entry whose payload was handed to `output`; commits when it is time.
    pub(crate) fn push(&mut self, entry: &Entry, output: &mut Output) -> Result<()> {
        ndjson::write_checked_line(entry, &mut self.lines);
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
        self.was_new && !self.is_open
    }

    /// Makes the payloads durable, then the lines that name them.
    pub(crate) fn commit(&mut self, output: &mut Output) -> Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        output.sync()?;
        self.unsynced = 0;
        let until = output.expects_until();
        self.file.note(&self.lines, until)?;
        output.committed(until);
        self.lines.clear();
        self.pending = 0;
        self.is_open = true;
        Ok(())
    }

    /// Notes that nothing is under way any more.
    pub(crate) fn close(mut self) -> Result<()> {
        if self.is_open { self.file.note(&[], 0) } else { Ok(()) }
    }
}

/// Notes in a journal, whose last `torn` bytes go, that the container is about to grow up to `until`.
pub(crate) fn announce(path: &Path, torn: u64, until: u64) -> Result<()> {
    Appended::open(path, torn)?.note(&[], until)
}

/// A journal open for appending.
#[derive(Debug)]
struct Appended {
    file: File,
    path: PathBuf,
    /// The last line lacks its newline, which comes before the next: else that would be swallowed.
    is_unfinished: bool,
    /// A sync failed: what the file holds is not known any more.
    failed: bool,
}

impl Appended {
    fn open(path: &Path, torn: u64) -> Result<Appended> {
        let open = || Error::io(Action::Open, path);
        let file =
            OpenOptions::new().create(true).read(true).append(true).open(path).map_err(open())?;
        let path = path.to_owned();
        let mut appended = Appended { file, path, is_unfinished: false, failed: false };
        if torn > 0 {
            let len = appended.len()?;
            let cut = appended.file.set_len(len.saturating_sub(torn));
            cut.map_err(Error::io(Action::Cut, &appended.path))?;
        }
        appended.is_unfinished = appended.len()? > 0 && appended.last_byte()? != b'\n';
        // A copy that was brought back may not be on disk yet, and may be the only one there is.
        appended.file.sync_all().map_err(Error::io(Action::Sync, &appended.path))?;
        Ok(appended)
    }

    fn try_clone(&self) -> Result<Appended> {
        let file = self.file.try_clone().map_err(Error::io(Action::Open, &self.path))?;
        let Appended { is_unfinished, failed, .. } = *self;
        Ok(Appended { file, path: self.path.clone(), is_unfinished, failed })
    }

    fn len(&self) -> Result<u64> {
        let metadata = self.file.metadata().map_err(Error::io(Action::Examine, &self.path))?;
        Ok(metadata.len())
    }

    fn last_byte(&mut self) -> Result<u8> {
        let mut last = [0];
        let seek = self.file.seek(SeekFrom::End(-1)).and_then(|_| self.file.read_exact(&mut last));
        seek.map_err(Error::io(Action::Read, &self.path))?;
        Ok(last[0])
    }

    /// Appends lines and, behind them, a note.
    fn note(&mut self, lines: &[u8], until: u64) -> Result<()> {
        let mut text = lines.to_vec();
        if std::mem::take(&mut self.is_unfinished) {
            text.insert(0, b'\n');
        }
        Note { until, since: self.len()? }.write(&mut text);
        self.append(&text)
    }

    /// Appends durably, or not at all.
    fn append(&mut self, text: &[u8]) -> Result<()> {
        let write = || Error::io(Action::Write, &self.path);
        if self.failed {
            return Err(write()(std::io::Error::other("an earlier write failed")));
        }
        let before = self.len()?;
        if let Err(error) = self.file.write_all(text).and_then(|()| self.file.sync_data()) {
            // A full disk leaves no torn line behind.
            let _ = self.file.set_len(before);
            let error = write()(error);
            self.failed = true;
            return Err(error);
        }
        Ok(())
    }
}
